"""One HTTP gateway, or whatever speaks as one (a Kubo node, a keeper's `mirror serve`): asked, never believed.

    GET /ipfs/<cid>?format=raw                                            one block
    GET /ipfs/<cid>?format=car&dag-scope=all&car-order=dfs&car-dups=n     a block and everything below it
    GET /ipfs/<cid>/<path>?format=car&dag-scope=entity…                   the blocks on a way, and what it leads to

Every block is hashed before it is handed on, and one that nobody asked for is not handed on at all. What went wrong is
said by its kind, since whoever asks many gateways goes on in different ways:

    BadBlock, Malformed    it lied: bytes of another name, another thing than was asked for, an answer cut off
    Missing                404, 410, 451: it says that it has none, or shows none. Its own answer: others may have it
    Unavailable            it did not answer; after 429 and 503 it is left in peace until `rest_until`

An answer that drips is left: `SLOWEST` is what a block has to come with, over any `PATIENCE`. Which blocks a CAR may
hold follows from the blocks before it: those that they link to. So endless CARs of good blocks end at the first that
nothing leads to.

Specification: specs.ipfs.tech/http-gateways/trustless-gateway. Out of scope: names (`mirror.network.routing`).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Self
from urllib.parse import quote as escape

from mirror.errors import Malformed, Missing, Unavailable
from mirror.formats import carstream, unixfs, wire
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB, IDENTITY
from mirror.network.http import Answer, Peer
from mirror.network.patience import Clock

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"

SLOWEST = 1024
"""Bytes a second below which a gateway is left: a letter of 3 kB takes three seconds then, and a picture an hour."""

PATIENCE = 20.0
"""Seconds over which that is measured: Tor stalls for ten of them now and then."""

BLOCK_WITHIN = 60.0
"""Seconds for one block: 2 MiB at 35 kB/s. What is slower brings big blocks to nobody."""

REST, REST_AT_MOST = 5.0, 60.0
"""Seconds of peace after a 429 or 503 that gives no time, and the longest that we grant one that does."""

_NOT_HERE = (404, 410, 451)
_BUSY = (429, 503)

Wanted = Callable[[CID], bool]


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
        answer = self._peer.ask(
            "GET",
            f"/ipfs/{cid}",
            at_most=BLOCK_AT_MOST,
            query=[("format", "raw")],
            headers={"Accept": RAW_TYPE},
            within=BLOCK_WITHIN,
        )
        self._check(answer, RAW_TYPE)
        return cid.check(answer.body)

    def below(self, cid: CID) -> Iterator[tuple[CID, bytes]]:
        """A block and everything below it, each hashed, as they come; how far that goes is the gateway's choice."""
        yield from self._car(f"/ipfs/{cid}", "all", {cid})

    def along(self, root: CID, path: tuple[str, ...]) -> Iterator[tuple[CID, bytes]]:
        """The blocks on a path and the file or folder at its end, each hashed, as they come."""
        yield from self._car("/".join([f"/ipfs/{root}", *(escape(name, safe="") for name in path)]), "entity", {root})

    def _car(self, path: str, scope: str, linked: set[CID]) -> Iterator[tuple[CID, bytes]]:
        query = [("format", "car"), ("dag-scope", scope), ("car-order", "dfs"), ("car-dups", "n")]
        headers = {"Accept": f"{CAR_TYPE}; version=1; order=dfs; dups=n"}
        with self._peer.stream("GET", path, query=query, headers=headers) as flow:
            self._check(flow, CAR_TYPE)
            for cid, data in carstream.blocks(self._paced(flow.pieces)):
                if cid not in linked:
                    raise Malformed(f"{self.who} sends the block {cid}, which nothing leads to")
                linked.discard(cid)
                linked.update(links_of(cid, data))
                yield cid, data

    def _check(self, answer: Answer, media_type: str) -> None:
        if answer.status in _NOT_HERE:
            raise Missing(f"{self.who} answers HTTP {answer.status}")
        if answer.status in _BUSY:
            self.rest_until = self._clock() + _seconds(answer.headers.get("retry-after", ""))
        answer.need(200)
        given = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != media_type:
            raise Malformed(f"{self.who} answers with {escape(given[:80], safe='/') or 'no media type'}")

    def _paced(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, as long as they come at `SLOWEST` bytes a second over `PATIENCE` seconds."""
        since, came = self._clock(), 0
        for piece in pieces:
            yield piece
            came += len(piece)
            passed = self._clock() - since
            if passed >= PATIENCE:
                if came < SLOWEST * passed:
                    raise Unavailable(f"{self.who} sends {came} bytes in {passed:.0f} seconds", how="timed out")
                since, came = self._clock(), 0


def links_of(cid: CID, data: bytes) -> list[CID]:
    """What a verified block links to and has to be fetched: nothing for raw bytes, and for what is no UnixFS."""
    if cid.codec != DAG_PB:
        return []
    with contextlib.suppress(Malformed):  # whoever judges the tree says what is wrong with it
        return [link.cid for link in unixfs.parse(data).links if link.cid.hash_code != IDENTITY]
    return []


def _seconds(retry_after: str) -> float:
    """What a Retry-After asks for in seconds; a date, which would need this machine's, counts as no time given."""
    with contextlib.suppress(Malformed):
        return min(float(wire.decode_decimal(retry_after.strip())), REST_AT_MOST)
    return REST
