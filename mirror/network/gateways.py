"""Many gateways, none believed: blocks from whoever brings them first, every one verified.

    with Gateways([Gateway(peer, clock), …], clock) as gateways:
        gateways.get(cid)                     one block
        gateways.along(root, path, keep)      the blocks on a way, in one answer if somebody gives it
        gateways.fetch(root, keep)            a whole tree, into `keep`
        gateways.told                         what came of each gateway

A tree is fetched as *errands*: a block alone, or with everything below it in one CAR where that is little. Each is done
by one free gateway, the quickest first; one that takes longer than usual is given to a second gateway too, and the
first verified answer counts. What a gateway left undone goes to another, and only that: a block that is held is never
asked for again, so an interrupted fetch goes on where it was. Gateways that lie are left at once, those that fail after
some times (`mirror.network.standing`); how it is decided stands in `mirror.network.fetch`.

Who keeps blocks is an argument (`Keep`), and so is the clock. Out of scope: what the blocks say.
"""

from collections.abc import Callable, Sequence
from typing import Self

from mirror.formats.cid import CID, IDENTITY
from mirror.network.fetch import FETCH_AT_MOST, Fetch, Keep, Progress
from mirror.network.gateway import Gateway
from mirror.network.patience import Clock
from mirror.network.standing import Standing, Told

__all__ = ["FETCH_AT_MOST", "SILENCE_AT_MOST", "Gateway", "Gateways", "InMemory", "Keep", "Progress", "Told"]

SILENCE_AT_MOST = 120.0
"""Seconds without one verified block after which a fetch ends: two circuits of Tor that fail and one that works."""

ALONG_AT_MOST = 8 << 20
"""Bytes that are taken in along a path: a note or a page of a log has a thousandth of them."""


class InMemory(dict[CID, bytes]):
    """Blocks for as long as the program runs."""

    def put(self, cid: CID, data: bytes) -> None:
        """Take in a block."""
        self[cid] = data

    def get(self, cid: CID) -> bytes:  # type: ignore[override]  # Keep's, which has no default
        """A block that is held."""
        return self[cid]


class Gateways:
    """Some gateways, asked together; by one thread. A context manager that closes their connections."""

    def __init__(self, gateways: Sequence[Gateway], clock: Clock, *, silence: float = SILENCE_AT_MOST) -> None:
        self._standings = [Standing(gateway) for gateway in gateways]
        self._clock = clock
        self._silence = silence

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for standing in self._standings:
            standing.gateway.close()

    @property
    def told(self) -> list[Told]:
        """What came of each gateway so far, in their order."""
        return [standing.told() for standing in self._standings]

    def get(self, cid: CID) -> bytes:
        """One block. Raises Missing where everybody says not to have it, Unavailable where nobody brings it."""
        if cid.hash_code == IDENTITY:
            return cid.digest
        keep = InMemory()
        fetch = self._fetch(keep)
        fetch.follow = False
        fetch.run(cid)
        return keep.get(cid)

    def along(self, root: CID, path: Sequence[str], keep: Keep, *, at_most: int = ALONG_AT_MOST) -> None:
        """The blocks on a path through folders, and the file at its end, into `keep`, as far as somebody sends them.

        One request instead of one for each step. What is not in `keep` afterwards can be had by `get`, which says who
        does not have it. Raises Refused for more than `at_most` bytes, Unavailable where nothing comes for too long.
        """
        fetch = self._fetch(keep)
        fetch.at_most = at_most
        fetch.run_along(root, path)

    def fetch(
        self,
        root: CID,
        keep: Keep,
        *,
        complete: Callable[[CID], bool] = lambda cid: False,
        sparse: bool = False,
        progress: Progress = lambda size, blocks: None,
        at_most: int = FETCH_AT_MOST,
    ) -> None:
        """Everything below `root` that `keep` lacks.

        `complete` says of which blocks everything below is held elsewhere; they are passed over. `sparse` asks for one
        block at a time: for a tree of which most is held. Raises Missing or Unavailable where something could not be
        had, after everything else was fetched and kept; Refused for more than `at_most` bytes.
        """
        fetch = self._fetch(keep)
        fetch.complete, fetch.sparse, fetch.progress, fetch.at_most = complete, sparse, progress, at_most
        fetch.run(root)

    def _fetch(self, keep: Keep) -> Fetch:
        return Fetch(self._standings, self._clock, self._silence, keep)
