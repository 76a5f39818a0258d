"""Blocks of Bitcoin and Ethereum, as nodes and explorers show them: what a reader of an anchor needs from outside.

    with Endpoints(route, bitcoin=["https://explorer.example/api"], ethereum=["http://127.0.0.1:8545"]) as asked:
        asked.bitcoin(840000)              a `Said` for each of them: the header of 80 bytes
        asked.ethereum(1, 19426587)        a `Said` for each of them: the block's hash

Of Bitcoin, an address may be any of three, and which of them is found out by asking:

    GET  …/block-height/840000, …/block/<hash>/header               an explorer, as Esplora and mempool speak
    GET  …/rest/blockhashbyheight/840000.hex, …/rest/headers/…      a Bitcoin Core node with rest=1
    POST … getblockhash, getblockheader                             JSON-RPC, as nodes and who speaks for them have it

All are asked at once. Each header is read whole: it has to have the hash that was given for that height, and to have
taken the work it says. **Left out: whom to believe.** Whoever asks compares what they say, and says who disagrees.

An address may hold a key in its path, so none is ever shown: they are called by their hosts.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from mirror.errors import Malformed, Missing, Unavailable
from mirror.formats import bitcoin, wire
from mirror.formats.heads import Said
from mirror.network.answers import read_json, take
from mirror.network.asking import hiding, understood
from mirror.network.http import Answer, Peer, Route, check_address

ANSWER_AT_MOST = 16 * 1024
"""Bytes in an answer: a header is 160 digits, and what stands around it in JSON is short."""

ASKED_AT_ONCE = 16
"""Sources that are asked at the same time."""


_UNKNOWN = (400, 401, 403, 404, 405, 501)
"""The statuses of who does not know a question."""


class Endpoints:
    """Sources of headers. A context manager that closes its connections."""

    def __init__(self, route: Route, *, bitcoin: Sequence[str] = (), ethereum: Sequence[str] = ()) -> None:
        """Connects to nothing yet. Raises Malformed for an address that is none."""
        self._bitcoin = [_Bitcoin(url, route) for url in bitcoin]
        self._ethereum = [_Ethereum(url, route) for url in ethereum]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._bitcoin:
            each.close()

    def bitcoin(self, height: int) -> tuple[Said, ...]:
        """What each says the header at a height is."""
        return _all(self._bitcoin, lambda each: each.header(height))

    def ethereum(self, chain: int, height: int) -> tuple[Said, ...]:
        """What each says the hash of the block at a height of that chain is."""
        return _all(self._ethereum, lambda each: each.hash_of(chain, height))


class _Source(Protocol):
    who: str


def _all(sources: "Sequence[Any]", ask: Callable[[Any], bytes]) -> tuple[Said, ...]:
    if not sources:
        return ()
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return tuple(pool.map(lambda each: _said(each, ask), sources))


def _said(source: _Source, ask: Callable[[Any], bytes]) -> Said:
    try:
        return Said(source.who, ask(source))
    except Missing as error:
        return Said(source.who, b"", error.message)
    except Unavailable as error:
        return Said(source.who, None, error.message)


def _open(name: str, url: str, route: Route) -> tuple[Peer, str]:
    """The host at an address, and the path there, which no error shows."""
    parts = urlsplit(check_address(url))
    return route.open(name, f"{parts.scheme}://{parts.netloc}"), parts.path


class _Bitcoin:
    """Whoever shows blocks of Bitcoin, in one of the three ways."""

    def __init__(self, url: str, route: Route) -> None:
        self._peer, self._path = _open("", url, route)
        self._ways = [self._as_explorer, self._as_node, self._as_rpc]
        self.who = self._peer.who

    def close(self) -> None:
        self._peer.close()

    def header(self, height: int) -> bytes:
        """The header at a height. Raises Missing where it has none, Unavailable where it shows none."""
        with hiding(self._path):
            return self._found(height)

    def _found(self, height: int) -> bytes:
        while len(self._ways) > 1:
            with contextlib.suppress(_NotSo):
                return self._ways[0](height)
            del self._ways[0]
        return self._ways[0](height)

    def _as_explorer(self, height: int) -> bytes:
        answer = self._get(f"/block-height/{height}")
        if answer.status == 404 and b"block" in answer.body.lower():
            raise Missing(f"{self.who} has no block {height}")
        found = _hash_in(_granted(answer))
        return self._checked(found, self._get(f"/block/{bitcoin.shown(found)}/header"))

    def _as_node(self, height: int) -> bytes:
        answer = self._get(f"/rest/blockhashbyheight/{height}.hex")
        if answer.status == 404 and b"block height" in answer.body.lower():
            raise Missing(f"{self.who} has no block {height}")
        found = _hash_in(_granted(answer))
        return self._checked(found, self._get(f"/rest/headers/1/{bitcoin.shown(found)}.hex"))

    def _as_rpc(self, height: int) -> bytes:
        found = understood(self._call("getblockhash", height), lambda body: bitcoin.parse_shown(_result(body)))
        answer = self._call("getblockheader", bitcoin.shown(found), False)
        return understood(answer, lambda body: _header(found, _result(body)))

    def _checked(self, found: bytes, answer: Answer) -> bytes:
        return understood(answer.need(200), lambda body: _header(found, wire.decode_utf8(body).strip()))

    def _get(self, path: str) -> Answer:
        return self._peer.get(self._path + path, at_most=ANSWER_AT_MOST)

    def _call(self, method: str, *params: Any) -> Answer:
        body = json.dumps({"jsonrpc": "1.0", "id": "1", "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        answer = self._peer.post(self._path or "/", body, at_most=ANSWER_AT_MOST, headers=headers)
        if b'"error"' in answer.body and b"out of range" in answer.body:
            raise Missing(f"{self.who} has no block {params[0]}")
        return answer.need(200)


class _NotSo(Exception):
    """This is not how it is asked."""


def _granted(answer: Answer) -> Answer:
    if answer.status in _UNKNOWN:
        raise _NotSo
    return answer.need(200)


def _hash_in(answer: Answer) -> bytes:
    try:
        return bitcoin.parse_shown(wire.decode_utf8(answer.body).strip())
    except Malformed:
        raise _NotSo from None


def _header(found: bytes, digits: str) -> bytes:
    header = bitcoin.parse_header(wire.decode_hex(digits))
    if header.hash != found:
        raise Malformed(f"its header is of block {bitcoin.shown(header.hash)}, and not of {bitcoin.shown(found)}")
    return bytes(header)


def _result(body: bytes) -> str:
    return take(read_json(body), "result", str)


class _Ethereum:
    """Whoever shows blocks of Ethereum."""

    def __init__(self, url: str, route: Route) -> None:
        parts = urlsplit(check_address(url))
        self._url = url
        self._route = route
        self.who = f"{parts.scheme}://{parts.netloc}"

    def hash_of(self, chain: int, height: int) -> bytes:
        """The hash of the block at a height. Raises Missing where it has none, Unavailable where it shows none."""
        from mirror.network.ethereum import Node  # noqa: PLC0415  (its libraries are an extra, and need time to load)

        with Node(self._url, self._route) as node:
            if (found := node.chain()) != chain:
                raise Unavailable(f"{self.who} is on chain {found}, not on {chain}")
            value = node.block_hash(height)
        if value is None:
            raise Missing(f"{self.who} has no block {height}")
        return value
