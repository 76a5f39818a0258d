"""Names over HTTP: put as they are, asked for in two ways, and nothing believed that is no record's type or size."""

from collections.abc import Callable
from datetime import date

import listening
import pytest
from daemons import Kubo
from listening import Listener, Reply, answering
from strategies import KEY

from mirror.errors import Malformed, Missing, Unavailable
from mirror.formats import ipns
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import MEDIA_TYPE, RECORD_AT_MOST, Naming
from mirror.network.http import Route
from mirror.network.routing import Endpoint

NAME = KEY.public.ipns
ROUTING, GATEWAY = f"/routing/v1/ipns/{NAME}", f"/ipns/{NAME}?format=ipns-record"


def record(sequence: int, year: int = 2031) -> bytes:
    return ipns.sign(Naming(KEY.public, CID.of(DAG_PB, b"a tree"), sequence, date(year, 12, 1)), KEY)


FOUND = answering(record(1), Content_Type=MEDIA_TYPE)
ABSENT = answering(b"no such record", 404)


serve = listening.serve
"""Listeners, closed at the end."""


def get(listener: Listener) -> bytes:
    with Endpoint(listener.url, Route()) as endpoint:
        return endpoint.get_name(NAME)


def asked(listener: Listener) -> list[str]:
    return [head.decode().split(" ")[1] for head in listener.heads]


def test_a_record_is_put_as_it_is(serve: Callable[..., Listener]) -> None:
    listener = serve(answering(b""))
    with Endpoint(f"{listener.url}/routing/v1/", Route()) as endpoint:
        endpoint.put_name(record(1), NAME)
        assert endpoint.who == listener.url
    assert listener.heads[0].startswith(f"PUT {ROUTING} HTTP/1.1\r\n".encode())
    assert listener.headers[0]["content-type"] == MEDIA_TYPE
    assert listener.bodies == [record(1)]


@pytest.mark.parametrize("status", [201, 302, 400, 404, 405, 500])
def test_a_record_that_is_not_taken(serve: Callable[..., Listener], status: int) -> None:
    listener = serve(answering(b"it is too old", status))
    with Endpoint(listener.url, Route()) as endpoint, pytest.raises(Unavailable, match=f"HTTP {status}"):
        endpoint.put_name(record(1), NAME)


def test_a_record_is_asked_for(serve: Callable[..., Listener]) -> None:
    listener = serve(FOUND)
    assert get(listener) == record(1)
    assert asked(listener) == [ROUTING]
    assert listener.headers[0]["accept"] == MEDIA_TYPE
    assert get(serve(answering(record(1), Content_Type=f"{MEDIA_TYPE.upper()}; v=1"))) == record(1)


@pytest.mark.parametrize(
    "first",
    [*(answering(b"?", status) for status in (400, 404, 405, 406, 410, 501)), answering(b"<html>"),
     answering(b"routing: not found", 500), answering(b"nothing", Content_Type="text/plain")],
)  # fmt: skip
def test_a_gateway_is_asked_in_its_own_way(serve: Callable[..., Listener], first: Reply) -> None:
    listener = serve(first, FOUND)
    assert get(listener) == record(1)
    assert asked(listener) == [ROUTING, GATEWAY]
    with pytest.raises(Missing, match=f"has no record of the name {NAME}"):
        get(serve(first, ABSENT))
    with pytest.raises(Missing):
        get(serve(first, answering(b"<html>", Content_Type="text/html")))


@pytest.mark.parametrize(
    ("status", "words"), [(429, "Too Many"), (451, "Unavailable For Legal"), (500, "down"), (302, "")]
)
def test_other_answers_are_none(serve: Callable[..., Listener], status: int, words: str) -> None:
    with pytest.raises(Unavailable, match=f"HTTP {status}.*{words}") as raised:
        get(serve(answering(b"down", status)))
    assert raised.value.how == f"HTTP {status}"
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        get(serve(ABSENT, answering(b"down", status)))


def test_bounds_hold_on_both_sides(serve: Callable[..., Listener]) -> None:
    assert len(get(serve(answering(bytes(RECORD_AT_MOST), Content_Type=MEDIA_TYPE)))) == RECORD_AT_MOST
    with pytest.raises(Unavailable, match="more than 10240 bytes"):
        get(serve(answering(bytes(RECORD_AT_MOST + 1), Content_Type=MEDIA_TYPE)))


def test_an_address_has_to_be_one() -> None:
    with pytest.raises(Malformed, match="not an address"):
        Endpoint("delegated.example", Route())


# Real ones


def test_a_real_gateway_is_asked_and_told(pair: tuple[Kubo, Kubo]) -> None:
    one, other = pair
    with Endpoint(one.gateway, Route()) as endpoint, Endpoint(other.gateway, Route()) as second:
        with pytest.raises(Missing):
            endpoint.get_name(NAME)
        try:
            endpoint.put_name(record(2), NAME)
        except Unavailable as error:  # the oldest that is supported has no routing endpoint
            if error.how != "HTTP 404":
                raise
            one.rpc("routing/put", f"/ipns/{NAME}", file=[record(2)])
        assert endpoint.get_name(NAME) == second.get_name(NAME) == record(2)
