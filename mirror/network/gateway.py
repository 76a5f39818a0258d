"""One HTTP gateway, or whatever speaks as one (a Kubo node, a keeper's `mirror serve`): asked, never believed.

    GET /ipfs/<cid>?format=raw                                            one block
    GET /ipfs/<cid>?format=car&dag-scope=all&car-order=dfs&car-dups=n     a block and everything below it
    GET /ipfs/<cid>/<path>?format=car&dag-scope=entity…                   the blocks on a way, and the file it leads to

Every block is hashed before it is handed on, and one that was not asked for is not handed on at all. What went wrong is
said by its kind, since whoever asks many gateways goes on in different ways:

    BadBlock, Malformed    it lied: bytes of another name, something else than was asked for, an answer cut off neatly
    Missing                404, 410, 451: it says that it has none, or shows none. Its own answer: others may have it
    Unavailable            it did not answer, or broke off; after 429 and 503 it is left in peace until `rest_until`

An answer that drips is left: `SLOWEST` is what a CAR has to come with, over any `PATIENCE`. Which blocks it may hold
follows from the blocks before it: those that they link to. So endless CARs end at the first useless block. That none
comes twice is asked for, and not everybody heeds it: no more blocks may come again than came.

Specification: specs.ipfs.tech/http-gateways/trustless-gateway. Out of scope: names (`mirror.network.routing`), and
stretches of a file (`entity-bytes`): files are read whole here, and what is held of them is not asked again anyway.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Self
from urllib.parse import quote as escape

from mirror.errors import Malformed, Missing, Unavailable
from mirror.formats import carstream, unixfs, wire
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB, IDENTITY
from mirror.network.http import Answer, Flow, Peer
from mirror.network.patience import Clock

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"

SLOWEST = 1024
"""Bytes a second below which a gateway is left: a letter of 3 kB takes three seconds then, and a picture an hour."""

PATIENCE = 20.0
"""Seconds over which that is measured: Tor stalls for ten of them now and then."""

BLOCK_WITHIN = 60.0
"""Seconds for one block: 2 MiB at 35 kB/s. What is slower brings big blocks to nobody."""

REST = 5.0
"""Seconds of peace after a 429 or 503 that gives no time."""

WORDS_AT_MOST = 16 * 1024
"""Bytes of a refusal that are read: so the line can be used again. More is not waited for."""

_NOT_HERE = (404, 410, 451)
_BUSY = (429, 503)

Links = Callable[[CID, bytes], Sequence[CID]]
"""Which blocks may follow a block in a CAR."""


class Gateway:
    """A gateway at an address. Safe to share between threads; a context manager that closes its connections."""

    def __init__(self, peer: Peer, clock: Clock) -> None:
        self._peer = peer
        self._clock = clock
        self.rest_until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; whoever waits for one of them gets `Unavailable`."""
        self._peer.close()

    @property
    def who(self) -> str:
        """Its address, as errors and reports name it."""
        return self._peer.who

    def block(self, cid: CID) -> bytes:
        """One block, hashed."""
        with self._ask(f"/ipfs/{cid}", RAW_TYPE, [("format", "raw")], within=BLOCK_WITHIN) as flow:
            data = _gather(flow.pieces, BLOCK_AT_MOST)
        if data is None:
            raise Malformed(f"{self.who} sends more than {BLOCK_AT_MOST} bytes as one block")
        return cid.check(data)

    def below(self, cid: CID) -> Iterator[tuple[CID, bytes]]:
        """A block and everything below it, each hashed, as they come; how far that goes is the gateway's choice."""
        return self._car(f"/ipfs/{cid}", "all", cid, links_of)

    def along(self, root: CID, path: Sequence[str]) -> Iterator[tuple[CID, bytes]]:
        """The blocks on a path through folders, and all of the file at its end, each hashed, as they come."""
        way = "/".join([f"/ipfs/{root}", *(escape(name, safe="") for name in path)])
        return self._car(way, "entity", root, _links_along(path))

    def _car(self, path: str, scope: str, root: CID, links: Links) -> Iterator[tuple[CID, bytes]]:
        query = [("format", "car"), ("dag-scope", scope), ("car-order", "dfs"), ("car-dups", "n")]
        linked, came, again = {root}, set[CID](), 0
        with self._ask(path, CAR_TYPE, query, "; version=1; order=dfs; dups=n") as flow:
            for cid, data in carstream.blocks(self._paced(flow.pieces)):
                if cid not in linked:
                    raise Malformed(f"{self.who} sends the block {cid}, which nothing leads to")
                linked.update(links(cid, data))
                again += cid in came
                if again > len(came):
                    raise Malformed(f"{self.who} sends the same blocks again and again")
                if cid not in came:
                    came.add(cid)
                    yield cid, data

    @contextlib.contextmanager
    def _ask(
        self, path: str, media_type: str, query: list[tuple[str, str]], options: str = "", within: float | None = None
    ) -> Iterator[Flow]:
        """An answer of that media type, whose body is still to come."""
        accept = {"Accept": media_type + options}
        with self._peer.stream("GET", path, query=query, headers=accept, within=within) as flow:
            refusal = None if flow.status == 200 else self._read_refusal(flow)
            if refusal is None:
                self._check_type(flow, media_type)
                yield flow
        if refusal is not None:  # only here: an error inside would close a line that is still good
            if refusal.status in _NOT_HERE:
                raise Missing(f"{self.who} answers HTTP {refusal.status}")
            refusal.need(200)

    def _read_refusal(self, flow: Flow) -> Answer:
        if flow.status in _BUSY:
            self.rest_until = self._clock() + _seconds(flow.headers.get("retry-after", ""))
        words = _gather(self._paced(flow.pieces), WORDS_AT_MOST) or b""
        return Answer(self.who, flow.status, flow.headers, words)

    def _check_type(self, flow: Flow, media_type: str) -> None:
        given = flow.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != media_type:
            raise Malformed(f"{self.who} answers with {escape(given[:80], safe='/') or 'no media type'}")

    def _paced(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, as long as they come at `SLOWEST` bytes a second over `PATIENCE` seconds."""
        since, came = self._clock(), 0
        for piece in pieces:
            came += len(piece)
            passed = self._clock() - since
            if passed >= PATIENCE and came < SLOWEST * passed:
                raise Unavailable(f"{self.who} sends {came} bytes in {passed:.0f} seconds", how="timed out")
            if passed >= PATIENCE:
                since, came = self._clock(), 0
            yield piece


def links_of(cid: CID, data: bytes) -> list[CID]:
    """What a verified block links to and has to be fetched: nothing for raw bytes, and for what is no UnixFS."""
    return [link for link, _ in sized_links_of(cid, data)]


def sized_links_of(cid: CID, data: bytes) -> list[tuple[CID, int | None]]:
    """The same, each with the bytes that its link claims to lead to."""
    node = _open(cid, data)
    links = node.links if node else ()
    return [(link.cid, link.size) for link in links if link.cid.hash_code != IDENTITY]


def _open(cid: CID, data: bytes) -> unixfs.Node | None:
    if cid.codec != DAG_PB:
        return None
    with contextlib.suppress(Malformed):  # whoever judges the tree says what is wrong with it
        return unixfs.parse(data)
    return None


def _links_along(path: Sequence[str]) -> Links:
    """For each folder on the way the one entry that the path names; for the file at its end all; else none."""
    names = list(path)

    def links(cid: CID, data: bytes) -> Sequence[CID]:
        node = _open(cid, data)
        if node is None or node.kind is unixfs.Kind.FILE:
            return links_of(cid, data)
        if node.kind is not unixfs.Kind.FOLDER or not names:
            return ()
        name = names.pop(0)
        return [link.cid for link in node.links if link.name == name]

    return links


def _gather(pieces: Iterator[bytes], at_most: int) -> bytes | None:
    """A whole body; None for one that is longer."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > at_most:
            return None
    return bytes(body)


def _seconds(retry_after: str) -> float:
    """What a Retry-After asks for in seconds; a date, which would need this machine's, counts as no time given."""
    with contextlib.suppress(Malformed):
        return float(wire.decode_decimal(retry_after.strip()))
    return REST
