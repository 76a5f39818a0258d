"""Headers from explorers and nodes: each asked in its own way, all at once, and none believed for having answered."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest
from calendar_server import EASY, FIRST, BitcoinNode, Chain, Explorer, Web
from listening import answering

from mirror.errors import Malformed
from mirror.formats.bitcoin import Header, shown
from mirror.formats.heads import Said
from mirror.network.headers import Endpoints
from mirror.network.http import Route

ROUTE = Route(None, time.monotonic)

WAYS: dict[str, Callable[[Chain], Web]] = {
    "explorer": Explorer,
    "node with rest": lambda chain: BitcoinNode(chain, rest=True),
    "node": BitcoinNode,
}


@pytest.fixture
def chain() -> Chain:
    made = Chain()
    for n in range(3):
        made.add(bytes([n]) * 32)
    return made


@pytest.fixture(params=sorted(WAYS))
def web(request: pytest.FixtureRequest, chain: Chain) -> Iterator[Web]:
    with WAYS[request.param](chain) as shown_:
        yield shown_


def ask(*webs: Web, height: int = FIRST + 1) -> tuple[Said, ...]:
    with Endpoints(ROUTE, bitcoin=[each.url for each in webs]) as asked:
        return asked.bitcoin(height)


def test_each_shows_the_header_at_a_height(web: Web, chain: Chain) -> None:
    (said,) = ask(web)
    assert said == Said(web.url, bytes(chain.headers[1]))


def test_how_it_is_asked_is_found_out_once(web: Web, chain: Chain) -> None:
    with Endpoints(ROUTE, bitcoin=[web.url]) as asked:
        for at in (0, 1, 2, 1):
            assert asked.bitcoin(FIRST + at)[0].value == bytes(chain.headers[at])
    assert len(web.asked) <= 2 + 4 * 2


def test_that_there_is_no_such_block_is_an_answer(web: Web) -> None:
    (said,) = ask(web, height=FIRST + 3)
    assert said == Said(web.url, b"", f"{web.url} has no block {FIRST + 3}")


def test_all_are_asked_and_each_is_named(chain: Chain) -> None:
    other = Chain()
    for n in range(2):
        other.add(bytes([n + 9]) * 32)
    with contextlib.ExitStack() as stack:
        explorer, node = stack.enter_context(Explorer(chain)), stack.enter_context(BitcoinNode(other))
        silent = stack.enter_context(Explorer(chain))
        silent.close()
        said = ask(explorer, node, silent)
    assert said[:2] == (Said(explorer.url, bytes(chain.headers[1])), Said(node.url, bytes(other.headers[1])))
    assert (said[2].who, said[2].value) == (silent.url, None)
    assert silent.url in said[2].words


def test_nobody_is_asked_where_nobody_is_named() -> None:
    with Endpoints(ROUTE) as asked:
        assert (asked.bitcoin(FIRST), asked.ethereum(1, 1)) == ((), ())


def lazy(header: Header) -> Header:
    """The same header with a nonce that took no work."""
    tries = (Header(1, bytes(32), header.merkle_root, header.time, EASY, nonce) for nonce in range(1000))
    return next(each for each in tries if each.hash[31] & 0x80)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"GET /block/": lambda chain: bytes(chain.headers[2]).hex()}, "its header is of block {third}, and not of"),
        ({"GET /block/": lambda chain: bytes(lazy(chain.headers[1])).hex()}, "took less work than it says"),
        ({"GET /block/": lambda chain: "00"}, "a Bitcoin header of 1 bytes, not 80"),
        ({"GET /block/": lambda chain: "garbage"}, "not lower-case hexadecimal"),
        ({"GET /block/": lambda chain: "0" * 20_000}, "answers with more than 16384 bytes"),
        ({"GET /block-height/": lambda chain: "0" * 10_000_000}, "answers with more than 16384 bytes"),
    ],
    ids=["another block", "no work", "short", "garbage", "long", "10 MB"],
)
def test_what_is_no_header_is_no_answer(chain: Chain, replies: dict[str, Callable[[Chain], str]], words: str) -> None:
    with Explorer(chain) as explorer:
        for beginning, say in replies.items():
            explorer.replies[beginning] = answering(say(chain).encode())
        (said,) = ask(explorer)
    assert said.value is None
    assert words.format(third=shown(chain.headers[2].hash)) in said.words


def test_a_fault_of_a_moment_is_not_taken_for_another_way(chain: Chain) -> None:
    with Explorer(chain) as explorer, Endpoints(ROUTE, bitcoin=[explorer.url]) as asked:
        explorer.replies["GET /block-height/"] = answering(b"try later", 503)
        (said,) = asked.bitcoin(FIRST)
        assert (said.value, "HTTP 503" in said.words) == (None, True)
        explorer.replies.clear()
        assert asked.bitcoin(FIRST)[0].value == bytes(chain.headers[0])


def test_a_page_for_people_is_no_answer(chain: Chain) -> None:
    with Explorer(chain) as explorer:
        explorer.replies[""] = answering(b"<html>Welcome</html>")
        (said,) = ask(explorer)
    assert said.value is None
    assert "does not answer what was asked" in said.words


def test_a_node_that_asks_for_a_password_is_told(chain: Chain) -> None:
    with BitcoinNode(chain) as node:
        node.replies[""] = answering(b"", 401)
        (said,) = ask(node)
    assert said.value is None
    assert "HTTP 401" in said.words


def test_a_path_is_used_and_never_shown(chain: Chain) -> None:
    with Explorer(chain) as explorer:
        header = chain.headers[0]
        explorer.replies["GET /s3cret/block-height/"] = answering(shown(header.hash).encode())
        explorer.replies["GET /s3cret/block/"] = answering(bytes(header).hex().encode())
        with Endpoints(ROUTE, bitcoin=[f"{explorer.url}/s3cret"]) as asked:
            assert asked.bitcoin(FIRST) == (Said(explorer.url, bytes(header)),)
            explorer.replies["GET /s3cret/block/"] = answering(b"no")
            assert "s3cret" not in str(asked.bitcoin(FIRST))


@pytest.mark.parametrize("status", [404, 500, 200])
def test_a_path_that_is_repeated_is_not_shown(chain: Chain, status: int) -> None:
    with Explorer(chain) as explorer:
        explorer.replies[""] = answering(b'{"error": "no key a-key-of-a-provider in /a-key-of-a-provider/api"}', status)
        with Endpoints(ROUTE, bitcoin=[f"{explorer.url}/a-key-of-a-provider/api"]) as asked:
            (said,) = asked.bitcoin(FIRST)
    assert said.value is None
    assert "no key … in" in said.words
    assert "a-key-of" not in said.words


@pytest.mark.parametrize("url", ["", "ftp://explorer.test", "http://user:pass@explorer.test", "explorer.test"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(Malformed, match="address"):
        Endpoints(ROUTE, bitcoin=[url])
    with pytest.raises(Malformed, match="address"):
        Endpoints(ROUTE, ethereum=[url])
