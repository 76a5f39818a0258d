"""A small real calendar of OpenTimestamps on loopback, the chain that it commits into, and who shows that chain.

    chain = Chain()
    with Calendar(chain) as calendar, Explorer(chain) as explorer, BitcoinNode(chain) as node:
        …                                 # somebody stamps at calendar.url
        calendar.commit(day)              # a block: from now on the calendar shows the way to it
        chain.header(height)

The calendar keeps to the protocol as the stock one does: a digest is answered with a nonce of the calendar's own, a
hash, and a promise; once a block holds it, the promise's message leads through a Merkle tree, a transaction and the
block's tree to the merkle root. Headers keep to their bits, which are as low as in Bitcoin's own regression tests.
`calendar.replies` makes it misbehave: what it says to whatever begins so, instead of what it should.
"""

import hashlib
import json
import re
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from listening import Line, Listener, Reply, answering

from mirror.formats import ots
from mirror.formats.bitcoin import Header, shown, target
from mirror.formats.ots import APPEND, PREPEND, SHA256, Op, Path

EASY = 0x207FFFFF
"""Bits that every second try keeps to."""

FIRST = 800_000
"""The height of a chain's first block here."""

DAY = date(2026, 11, 21)

HASH, TWICE = Op(SHA256), (Op(SHA256), Op(SHA256))


def mine(merkle_root: bytes, day: date, previous: bytes = bytes(32)) -> Header:
    """A header over a merkle root, made on a day, that keeps to its bits."""
    noon = int(datetime.combine(day, time(12), UTC).timestamp())
    tries = (Header(0x20000000, previous, merkle_root, noon, EASY, nonce) for nonce in count())
    return next(each for each in tries if int.from_bytes(each.hash, "little") <= target(EASY))


class Chain:
    """Headers, each on the one before."""

    def __init__(self) -> None:
        self.headers: list[Header] = []

    def add(self, merkle_root: bytes, day: date = DAY) -> int:
        """One more block; its height."""
        previous = self.headers[-1].hash if self.headers else bytes(32)
        self.headers.append(mine(merkle_root, day, previous))
        return FIRST + len(self.headers) - 1

    def header(self, height: int) -> Header | None:
        """The block at a height, where there is one."""
        at = height - FIRST
        return self.headers[at] if 0 <= at < len(self.headers) else None

    def by_hash(self, text: str) -> Header | None:
        """The block of a hash, as people write it."""
        return next((each for each in self.headers if shown(each.hash) == text), None)


class Web(Listener):
    """Somebody who answers by what is asked: `replies` say how, by how the request begins, before `answer` does."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.replies: dict[str, Reply] = {}

    @property
    def asked(self) -> list[str]:
        """The first line of each request, without the version."""
        return [head.decode().split("\r\n")[0].rpartition(" ")[0] for head in self.heads]

    def _reply(self, line: Line) -> None:
        first = line.head.decode().split("\r\n")[0].rpartition(" ")[0]
        for beginning, reply in self.replies.items():
            if first.startswith(beginning):
                reply(line)
                return
        status, body = self.answer(first, line.body)
        answering(body, status)(line)

    def answer(self, first: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body that answer a request."""
        return 404, b"nothing is here"


class Calendar(Web):
    """A calendar, which promises in the name of `name`; an `eager` one makes a block of everything at once."""

    def __init__(self, chain: Chain, host: str = "127.0.0.1", *, eager: bool = False) -> None:
        super().__init__()
        self.chain = chain
        self.name = f"http://{host}:{self.port}"
        self._eager = eager
        self._awaiting: list[bytes] = []
        self._done: dict[bytes, tuple[Path, ...]] = {}
        self._nonces = count(1)

    def answer(self, first: str, body: bytes) -> tuple[int, bytes]:
        if first == "POST /digest":
            return (200, self._promise(body)) if len(body) <= 64 else (400, b"digest too long")
        asked = re.fullmatch("GET /timestamp/([0-9a-f]{64})", first)
        message = bytes.fromhex(asked[1]) if asked else b""
        if message in self._done:
            return 200, ots.print_answer(self._done[message])
        if message in self._awaiting:
            return 404, b"Pending confirmation in Bitcoin blockchain"
        return 404, b"Commitment not found"

    def _promise(self, digest: bytes) -> bytes:
        ops = (Op(APPEND, hashlib.sha256(b"%s %d" % (self.url.encode(), next(self._nonces))).digest()[:16]), HASH)
        path = Path(ops, ots.promised_by(self.name))
        self._awaiting.append(path.result(digest))
        if self._eager:
            self.commit()
        return ots.print_answer([path])

    def commit(self, day: date = DAY) -> int:
        """Put all that is awaited into one block; its height."""
        root, ways = _merkle([*self._awaiting, b"\0" * 32])
        start, end = b"\x01\0\0\0 a transaction ", b" that ends so"
        beside = hashlib.sha256(b"another transaction").digest()
        up = (Op(PREPEND, start), Op(APPEND, end), *TWICE, Op(APPEND, beside), *TWICE)
        height = self.chain.add(Path(up, ots.at_height(0)).result(root), day)
        for message, way in zip(self._awaiting, ways, strict=False):
            self._done[message] = (Path((*way, *up), ots.at_height(height)),)
        self._awaiting.clear()
        return height

    def forget(self) -> None:
        """Know nothing any more of what was promised."""
        self._awaiting.clear()
        self._done.clear()


def _merkle(messages: list[bytes]) -> tuple[bytes, list[tuple[Op, ...]]]:
    """The root over messages, and the way from each to it."""
    if len(messages) == 1:
        return messages[0], [()]
    half = (len(messages) + 1) // 2
    left, lefts = _merkle(messages[:half])
    right, rights = _merkle(messages[half:])
    ways = [(*way, Op(APPEND, right), HASH) for way in lefts] + [(*way, Op(PREPEND, left), HASH) for way in rights]
    return hashlib.sha256(left + right).digest(), ways


class Explorer(Web):
    """A chain, shown as Esplora's HTTP interface does."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def answer(self, first: str, body: bytes) -> tuple[int, bytes]:
        if asked := re.fullmatch("GET /block-height/([0-9]+)", first):
            header = self.chain.header(int(asked[1]))
            return (404, b"Block not found") if header is None else (200, shown(header.hash).encode())
        if asked := re.fullmatch("GET /block/([0-9a-f]{64})/header", first):
            header = self.chain.by_hash(asked[1])
            return (404, b"Block not found") if header is None else (200, bytes(header).hex().encode())
        return 404, b"endpoint does not exist"


class BitcoinNode(Web):
    """A chain, shown as Bitcoin Core does: by JSON-RPC, and with `rest` also as it does with rest=1."""

    def __init__(self, chain: Chain, *, rest: bool = False) -> None:
        super().__init__()
        self.chain = chain
        self._rest = rest

    def answer(self, first: str, body: bytes) -> tuple[int, bytes]:
        if self._rest:
            return self._plain(first)
        if not first.startswith("POST "):
            return 405, b"JSONRPC server handles only POST requests"
        asked = json.loads(body)
        result = self._result(asked["method"], asked.get("params", []))
        error = None if result is not None else {"code": -8, "message": "Block height out of range"}
        said = {"result": result, "error": error, "id": asked["id"]}
        return (500 if error else 200), json.dumps(said).encode()

    def _plain(self, first: str) -> tuple[int, bytes]:
        if asked := re.fullmatch(r"GET /rest/blockhashbyheight/([0-9]+)\.hex", first):
            header = self.chain.header(int(asked[1]))
            missing = (404, b"Block height out of range\r\n")
            return missing if header is None else (200, f"{shown(header.hash)}\n".encode())
        if asked := re.fullmatch(r"GET /rest/headers/1/([0-9a-f]{64})\.hex", first):
            header = self.chain.by_hash(asked[1])
            return (404, b"not found") if header is None else (200, f"{bytes(header).hex()}\n".encode())
        return 404, b""

    def _result(self, method: str, given: list[Any]) -> Any:
        if method == "getblockcount":
            return FIRST + len(self.chain.headers) - 1
        if method == "getblockhash":
            header = self.chain.header(given[0])
            return None if header is None else shown(header.hash)
        header = self.chain.by_hash(given[0]) if method == "getblockheader" else None
        return None if header is None else bytes(header).hex()
