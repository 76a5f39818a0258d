"""What a gateway answers over HTTP: the statuses, the headers, the hostile, and what nobody else may read."""

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import serving as gateways
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import ANYONE, Asking, Given, Held, serving, shelf_of

from mirror import tree
from mirror.formats import car, checkpoint, tile
from mirror.formats.cid import CID
from mirror.formats.tile import Place
from mirror.log.tree import TiledLog
from mirror.serve.answers import PATH_AT_MOST
from mirror.serve.app import QUERY_AT_MOST, Guests
from mirror.store.archive import Archive

held = gateways.held

# Blocks


def test_a_whole_mirror_comes_as_one_car(held: Held) -> None:
    body = held.asking.get(f"/ipfs/{held.root}?format=car").body
    found = dict(car.blocks(io.BytesIO(body)))
    assert set(found) == set(tree.reach(held.root, held.blocks.get))
    assert car.read_header(io.BytesIO(body)).roots == (held.root,)


def test_a_note_comes_with_the_folders_above_it_alone(held: Held) -> None:
    path = "/".join(tree.note_path(17))
    body = held.asking.get(f"/ipfs/{held.root}/{path}?format=car").body
    assert len(list(car.blocks(io.BytesIO(body)))) == len(tree.note_path(17)) + 1
    assert len(body) < 40_000


@pytest.mark.parametrize("query", ["?format=raw", "?format=car", "", "?format=car&dag-scope=block"])
def test_head_is_get_without_a_body(query: str, held: Held) -> None:
    for cid in (held.root, CID.of_raw(held.edition.tree.read(tree.note_path(3)))):
        path = f"/ipfs/{cid}{query}"
        got, headed = held.asking.get(path), held.asking.get(path, "HEAD")
        assert (headed.status, headed.headers, headed.body) == (got.status, got.headers, b"")


def test_head_answers_what_is_not_here_like_get(held: Held) -> None:
    absent = CID.of_raw(b"not here")
    for path in (f"/ipfs/{absent}?format=raw", f"/ipfs/{absent}?format=car", "/nowhere", "/ipfs/junk"):
        got, headed = held.asking.get(path), held.asking.get(path, "HEAD")
        assert (headed.status, headed.headers, headed.body) == (got.status, got.headers, b"")
        assert got.status in (400, 404)


def test_what_a_client_has_is_not_sent_again(held: Held) -> None:
    for query in ("?format=raw", "?format=car", "/edition.txt"):
        path = f"/ipfs/{held.root}{query}"
        tag = held.asking.get(path).headers["etag"]
        for known in (tag, f'"other", {tag}', f"W/{tag.removeprefix('W/')}", "*"):
            given = held.asking.get(path, If_None_Match=known)
            assert (given.status, given.body, given.headers["etag"]) == (304, b"", tag)
            assert given.headers["cache-control"] == "public, max-age=29030400, immutable"
        assert held.asking.get(path, If_None_Match='"other"').status == 200


def test_the_etag_of_a_car_tells_its_shapes_apart(held: Held) -> None:
    note = "/".join(tree.note_path(3))
    paths = [
        f"/ipfs/{held.root}{path}?format=car{query}"
        for path in ("", "/note", f"/{note}")
        for query in (
            "",
            "&dag-scope=block",
            "&dag-scope=entity",
            "&entity-bytes=0:5",
            "&entity-bytes=0:6",
            "&car-dups=y",
        )
    ]
    assert len({held.asking.get(path, "HEAD").headers["etag"] for path in paths}) == len(paths)


def test_only_if_cached_says_412_and_fetches_nothing(held: Held) -> None:
    absent = CID.of_raw(b"not here")
    for form in ("raw", "car"):
        assert held.asking.get(f"/ipfs/{absent}?format={form}", Cache_Control="only-if-cached").status == 412
        assert held.asking.get(f"/ipfs/{held.root}?format={form}", Cache_Control="only-if-cached").status == 200


@pytest.mark.parametrize(
    ("header", "first", "behind"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, None),
        ("bytes=-5", -5, None),
        ("bytes=2-999999", 2, None),
        ("bytes=-999999", 0, None),
        ("bytes = 3-4 ", 3, 5),
    ],
)
def test_a_range_of_a_block(header: str, first: int, behind: int | None, held: Held) -> None:
    data = held.blocks.get(held.root)
    given = held.asking.get(f"/ipfs/{held.root}?format=raw", Range=header)
    assert (given.status, given.body) == (206, data[first:behind])
    begin = first % len(data)
    assert given.headers["content-range"] == f"bytes {begin}-{begin + len(given.body) - 1}/{len(data)}"
    assert given.headers["content-length"] == str(len(given.body))


@pytest.mark.parametrize(
    "header", ["bytes=5-3", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=1-2,5-6", "bytes", "bytes=+1-2"]
)
def test_a_range_that_is_none_gets_the_whole(header: str, held: Held) -> None:
    given = held.asking.get(f"/ipfs/{held.root}?format=raw", Range=header)
    assert (given.status, given.body) == (200, held.blocks.get(held.root))


def test_a_range_outside_is_416_and_if_range_is_heeded(held: Held) -> None:
    data, path = held.blocks.get(held.root), f"/ipfs/{held.root}?format=raw"
    for header in (f"bytes={len(data)}-", "bytes=-0"):
        given = held.asking.get(path, Range=header)
        assert (given.status, given.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert held.asking.get(path, Range="bytes=0-1", If_Range=f'"{held.root}.raw"').status == 206
    assert held.asking.get(path, Range="bytes=0-1", If_Range='"another"').status == 200


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/ipfs/", 400, "not a CID"),
        ("/ipfs/junk?format=raw", 400, "not a CID"),
        ("/ipfs/" + "b" * 300, 400, "a CID of 300 letters"),
        ("/ipfs/{root}/note?format=raw", 400, "without a path"),
        ("/ipfs/{root}/?format=raw", 400, "without a path"),
        ("/ipfs/{root}?format=tar", 406, "no such format here: 'tar'"),
        ("/ipfs/{root}?format=", 406, "no such format here"),
        ("/ipfs/{root}?format=ipns-record", 400, "a record is asked for as /ipns/"),
        ("/ipfs/{root}?format=raw&format=car", 400, "one parameter twice"),
        ("/ipfs/{root}?filename=%ff", 400, "not UTF-8"),
        ("/ipfs/{root}?format=car&dag-scope=some", 400, "dag-scope is 'some', which is none of: block, entity, all"),
        ("/ipfs/{root}?format=car&car-dups=maybe", 400, "dups is 'maybe'"),
        ("/ipfs/{root}?format=car&car-order=bfs", 400, "order is 'bfs'"),
        ("/ipfs/{root}?format=car&car-version=2", 406, "version '2'"),
        ("/ipfs/{root}?format=car&entity-bytes=1", 400, "entity-bytes is '1'"),
        ("/ipfs/{root}?format=car&entity-bytes=*:5", 400, "entity-bytes is '*:5'"),
        ("/ipfs/{root}?format=car&entity-bytes=--1:5", 400, "entity-bytes is '--1:5'"),
        ("/ipfs/{root}?format=car&entity-bytes=0:" + "9" * 30, 400, "entity-bytes is"),
        ("/ipfs/{root}/../{root}?format=car", 400, "an empty name"),
        ("/ipfs/{root}/%2e%2e/?format=car", 400, "an empty name"),
        ("/ipfs/{root}//note?format=car", 400, "an empty name"),
        ("/ipfs/{root}" + "/a" * 300 + "?format=car", 400, "more than 256 names"),
        ("/ipfs/{name}?format=raw", 400, "is not what stands behind /ipfs/"),
        ("/ipns/{root}?format=ipns-record", 400, "is not what stands behind /ipns/"),
        ("/ipns/{name}?format=ipns-record", 404, "no record of"),
        ("/ipns/{name}?format=car", 406, "behind /ipns/ a record is given out"),
        ("/ipns/{name}/x?format=ipns-record", 400, "without a path"),
        ("/ipfs/{root}/edition.txt/more?format=car", 404, "is no folder"),
        ("/ipfs/{root}/nothing?format=car", 404, "has no entry 'nothing'"),
        ("/log/{name}/tile/0/junk", 400, "not the path of a tile"),
        ("/log/{name}/tile/0/000.p/0", 400, "no tile of level 0"),
        ("/log/{name}/tile/9/000", 400, "no tile of level 9"),
        ("/log/junk/checkpoint", 400, "not a CID"),
        ("/log/k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w/checkpoint", 404, "is not here"),
        ("/robots.txt", 404, "nothing is here"),
        ("/secret/key.age", 404, "nothing is here"),
        ("//etc/passwd", 404, "nothing is here"),
        ("/ipfs", 404, "nothing is here"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_words(path: str, status: int, words: str, held: Held) -> None:
    given = held.asking.get(path.format(root=held.root, name=held.name))
    assert (given.status, words in given.words) == (status, True), given
    assert given.headers["content-type"] == "text/plain; charset=utf-8"
    assert given.headers["cache-control"] == "no-store" or "no record" in words
    assert len(given.words.split("\n")) == 1


def test_a_path_or_query_that_is_too_long_is_414(held: Held) -> None:
    start = f"/ipfs/{held.root}/"
    fits = start + "a" * (PATH_AT_MOST - len(start))
    assert held.asking.get(f"{fits}?format=car").status == 404
    assert held.asking.get(f"{fits}a?format=car").status == 414
    query = "?format=car&filename="
    fits = f"/ipfs/{held.root}{query}" + "a" * (QUERY_AT_MOST - len(query) + 1)
    assert held.asking.get(fits, "HEAD").status == 200
    assert held.asking.get(f"{fits}a", "HEAD").status == 414


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(method: str, held: Held) -> None:
    given = held.asking.get(f"/ipfs/{held.root}?format=raw", method)
    assert (given.status, given.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert held.asking.get("/routing/v1/ipns/" + held.name, method).status == 501


@settings(max_examples=300)
@given(
    path=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
    query=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=40),
    accept=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60),
)
def test_no_request_is_a_fault_of_the_program(held: Held, path: str, query: str, accept: str) -> None:
    for start in ("/", "/ipfs/", f"/ipfs/{held.root}/", f"/ipns/{held.name}/", "/routing/v1/", f"/log/{held.name}/"):
        answer = held.asking.get(start + quote(path) + "?" + quote(query, safe="=&;:*-"), Accept=accept.strip())
        assert answer.status in (200, 301, 400, 404, 406, 414, 501), answer


# Who may ask


ONLY_HERE = Guests(frozenset({"localhost", "127.0.0.1", "[::1]", "abc.onion"}))


@pytest.fixture
def closed(held: Held) -> Iterator[Asking]:
    with (
        Archive(held.publisher.home / "archive") as archive,
        serving(shelf_of(archives=[archive]), ONLY_HERE) as asking,
    ):
        yield asking


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "localhost."]
)
def test_a_gateway_for_this_machine_answers_only_to_its_names(host: str, closed: Asking) -> None:
    given = closed.ask("GET", "/", {"Host": host})
    assert (given.status, b"voices" in given.body) == (403, False)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:8080", "abc.onion"])
def test_under_its_names_it_answers(host: str, closed: Asking) -> None:
    given = closed.ask("GET", "/", {"Host": host})
    assert given.status == 200
    assert not any(name.startswith("access-control") for name in given.headers)
    assert given.headers["cross-origin-resource-policy"] == "same-origin"
    assert given.headers["cross-origin-opener-policy"] == "same-origin"


def test_pages_of_other_sites_learn_nothing_of_it(closed: Asking, held: Held) -> None:
    path = f"/ipfs/{held.root}?format=raw"
    for site in ("cross-site", "same-site"):
        assert closed.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
        assert closed.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="cors").status == 403
        assert closed.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200
        visit = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate"}
        assert closed.get(path, **visit, Sec_Fetch_Dest="document").status == 200
        assert closed.get(path, **visit, Sec_Fetch_Dest="iframe").status == 403
    for site in ("same-origin", "none"):
        assert closed.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 200


def test_an_open_gateway_lets_every_site_read_it(held: Held) -> None:
    assert ANYONE.names is None
    given = held.asking.ask("GET", f"/ipfs/{held.root}?format=raw", {"Host": "x", "Sec-Fetch-Site": "cross-site"})
    assert (given.status, given.headers["access-control-allow-origin"]) == (200, "*")
    asked = held.asking.get("/ipfs/bafkqaaa", "OPTIONS")
    assert (asked.status, asked.headers["access-control-allow-methods"]) == (204, "GET, HEAD, OPTIONS")


def test_no_header_names_the_program_or_the_time(held: Held) -> None:
    for path in ("/", f"/ipfs/{held.root}?format=raw", f"/ipfs/{held.root}?format=car", "/junk"):
        assert not {"server", "date", "set-cookie", "x-powered-by", "last-modified"} & set(
            held.asking.get(path).headers
        )


# The log


def test_the_checkpoint_is_the_edition_s(held: Held) -> None:
    given = held.asking.get(f"/log/{held.name}/checkpoint")
    assert given.body == held.edition.signed_checkpoint
    assert given.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.open_checkpoint(given.body, held.edition.key).size == held.edition.size
    assert held.asking.get(f"/log/{held.name}/checkpoint", If_None_Match=given.headers["etag"]).status == 304


def test_the_log_over_http_leads_to_the_checkpoint(held: Held) -> None:
    def read(place: Place) -> bytes:
        given = held.asking.get(f"/log/{held.name}/{place}")
        assert (given.status, given.headers["content-type"]) == (200, "application/octet-stream")
        assert given.headers["cache-control"] == "public, max-age=29030400, immutable"
        return given.body

    log = TiledLog(held.edition.size, read)
    assert log.root_hash() == held.edition.checkpoint.root_hash
    assert list(log.entries()) == list(held.edition.log.entries())


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300])
def test_a_client_with_an_older_checkpoint_finds_the_tiles_of_its_size(size: int, held: Held) -> None:
    def read(place: Place) -> bytes:
        return held.asking.get(f"/log/{held.name}/{place}").body

    older = TiledLog(size, read)
    assert older.root_hash() == held.edition.log.root_hash(size)
    assert list(older.entries()) == list(held.edition.log.entries())[:size]


@pytest.mark.parametrize("level", [0, tile.ENTRIES])
def test_every_smaller_width_is_cut_from_what_is_kept(level: int, held: Held) -> None:
    whole = held.edition.tree.read(tuple(Place(level, 0, 256).path.split("/")))
    for width in (1, 2, 100, 255, 256):
        body = held.asking.get(f"/log/{held.name}/{Place(level, 0, width)}").body
        assert whole.startswith(body)
        assert len(body) == 32 * width if level == 0 else len(tile.parse_bundle(body, width)) == width


@pytest.mark.parametrize("place", [Place(0, 1, 46), Place(0, 1, 256), Place(0, 2, 1), Place(1, 0, 2), Place(-1, 1, 46)])
def test_what_is_wider_than_the_log_is_not_there(place: Place, held: Held) -> None:
    given = held.asking.get(f"/log/{held.name}/{place}")
    assert (given.status, given.words) == (404, f"a log of {held.edition.size} entries has no {place}")


# Routing


def test_routing_names_us_for_what_is_here_and_nobody_for_the_rest(held: Held) -> None:
    port = held.asking.port
    note = CID.of_raw(held.edition.tree.read(tree.note_path(3)))
    for cid in (held.root, note, CID(b"\x12\x20" + held.root[4:])):
        given = held.asking.get(f"/routing/v1/providers/{cid}")
        (peer,) = _json(given)["Providers"]
        assert peer["Schema"] == "peer"
        assert peer["Addrs"] == [f"/ip4/127.0.0.1/tcp/{port}/http"]
        assert peer["Protocols"] == ["transport-ipfs-gateway-http"]
        assert given.headers["content-type"] == "application/json"
        assert given.headers["access-control-allow-origin"] == "*"
    absent = held.asking.get(f"/routing/v1/providers/{CID.of_raw(b'not here')}")
    assert (absent.status, _json(absent)) == (200, {"Providers": []})
    assert _json(held.asking.get(f"/routing/v1/peers/{peer['ID']}"))["Peers"] == [peer]
    other = "QmPKt7ptM2ZYSGPUc8PmPT2VBkLDK3iqpG9TBJY7PCE9rF"
    assert _json(held.asking.get(f"/routing/v1/peers/{other}")) == {"Peers": []}


def test_routing_speaks_in_lines_where_they_are_asked_for(held: Held) -> None:
    path = f"/routing/v1/providers/{held.root}"
    given = held.asking.get(path, Accept="application/x-ndjson, application/json")
    assert given.headers["content-type"] == "application/x-ndjson"
    assert given.body.count(b"\n") == 1
    assert _json(given) == _json(held.asking.get(path))["Providers"][0]
    absent = held.asking.get(f"/routing/v1/providers/{CID.of_raw(b'-')}", Accept="application/x-ndjson")
    assert (absent.status, absent.body) == (200, b"")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter-protocols=unknown,transport-bitswap,transport-ipfs-gateway-http", 1),
        ("filter-protocols=transport-bitswap", 0),
        ("filter-addrs=http", 1),
        ("filter-addrs=ip4,quic", 1),
        ("filter-addrs=!http", 0),
        ("filter-addrs=!quic", 1),
        ("filter-addrs=quic,webtransport", 0),
        ("filter-addrs=ip4,!tcp", 0),
    ],
)
def test_routing_filters(query: str, found: int, held: Held) -> None:
    assert len(_json(held.asking.get(f"/routing/v1/providers/{held.root}?{query}"))["Providers"]) == found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("providers/junk", 400),
        ("providers/", 501),
        ("providers", 501),
        ("dht/closest/peers/x", 501),
        ("ipns/junk", 400),
        ("ipns/bafkqaaa", 400),
        ("ipns/{name}", 404),
        ("peers/" + "a" * 300, 400),
    ],
)
def test_what_routing_does_not_know(path: str, status: int, held: Held) -> None:
    assert held.asking.get(f"/routing/v1/{path.format(name=held.name)}").status == status


def test_a_name_is_answered_as_a_record_or_not_at_all(held: Held) -> None:
    assert held.asking.get(f"/routing/v1/ipns/{held.name}", Accept="application/json").status == 406
    assert held.asking.get(f"/routing/v1/ipns/{held.name}", Accept="*/*").status == 404


def _json(answer: Given) -> Any:
    return json.loads(answer.body)
