"""Many gateways, none believed: blocks from whoever brings them first, every one verified.

    with Gateways([Gateway(peer, clock), …], clock) as gateways:
        gateways.get(cid)                     one block
        gateways.fetch(root, keep)            a whole tree, into `keep`
        gateways.told                         what came of each gateway

A tree is fetched as *errands*: a block alone, or with everything below it in one CAR where that is little. Each is done
by one free gateway, the quickest first; one that takes longer than usual is given to a second gateway too, and the
first verified answer counts. What a gateway left undone goes to another, and only that: a block that is held is never
asked for again, so an interrupted fetch goes on where it was. Gateways that lie are left at once, those that fail after
`STRIKES` times (`mirror.network.standing`).

One thread decides (the caller's); every line to a gateway has a thread of its own, which does nothing but wait, hash
and hand over. Lines that nobody needs any more end at their next block, or when the gateways are closed.

Who keeps blocks is an argument (`Keep`), and so is the clock. **Left out: what the blocks say.** Sizes in a folder are
claims that only choose how to ask; a tree is judged when it is here.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from mirror.errors import Malformed, MirrorError, Missing, Refused, Unavailable
from mirror.formats import unixfs
from mirror.formats.cid import CID, DAG_PB, IDENTITY
from mirror.network.gateway import Gateway
from mirror.network.patience import Clock
from mirror.network.standing import Standing, Told

WHOLE_AT_MOST = 4 << 20
"""Bytes below a block, as its link claims, that are asked for in one CAR: some ten seconds on a thin line."""

HEDGE = 0.5
"""Seconds after which an errand is given to a second gateway at the earliest; or twice what the usual answer takes."""

SILENCE_AT_MOST = 120.0
"""Seconds without one verified block after which a fetch ends: two circuits of Tor that fail and one that works."""

FETCH_AT_MOST = 1 << 40
"""Bytes that a fetch takes in, unless its caller says otherwise: a terabyte, which is more than any disk here."""

WAITING_AT_MOST = 256
"""Blocks that lines hand over before they wait for the one who decides: at 2 MiB each, half a gigabyte at worst."""

Progress = Callable[[int, int], None]
"""``progress(bytes so far, blocks so far)``."""


class Keep(Protocol):
    """Where verified blocks go; used from one thread."""

    def __contains__(self, cid: CID) -> bool: ...

    def put(self, cid: CID, data: bytes) -> None:
        """Take in a verified block that is not held yet."""

    def get(self, cid: CID) -> bytes:
        """A block that is held."""


class InMemory(dict[CID, bytes]):
    """Blocks for as long as the program runs."""

    def put(self, cid: CID, data: bytes) -> None:
        """Take in a block."""
        self[cid] = data

    def get(self, cid: CID) -> bytes:  # type: ignore[override]  # Keep's, which has no default
        """A block that is held."""
        return self[cid]


@dataclass(eq=False)
class _Errand:
    """A block that is wanted, `whole` with everything below it; `tried` are gateways that do not have it."""

    cid: CID
    whole: bool
    tried: set[Standing] = field(default_factory=set)
    lines: list["_Line"] = field(default_factory=list)


@dataclass(eq=False)
class _Line:
    """One request: who does which errand since when, when it last brought something, which blocks it still owes."""

    errand: _Errand
    standing: Standing
    begun: float
    heard: float
    owes: set[CID]
    over: threading.Event = field(default_factory=threading.Event)


_Event = tuple[_Line, tuple[CID, bytes] | BaseException | None]
"""A block that came, an error, or the good end of a line."""


class Gateways:
    """Some gateways, asked together. A context manager that closes their connections."""

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
        keep = InMemory()
        _Fetch(self._standings, self._clock, self._silence, keep, follow=False).run(cid)
        return keep.get(cid)

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
        fetch = _Fetch(self._standings, self._clock, self._silence, keep, sparse=sparse, at_most=at_most)
        fetch.complete, fetch.progress = complete, progress
        fetch.run(root)


class _Fetch:
    """One fetch: what waits, what is under way, what is lost."""

    def __init__(
        self,
        standings: list[Standing],
        clock: Clock,
        silence: float,
        keep: Keep,
        *,
        follow: bool = True,
        sparse: bool = False,
        at_most: int = FETCH_AT_MOST,
    ) -> None:
        self._standings = standings
        self._clock = clock
        self._silence = silence
        self._keep = keep
        self._follow = follow
        self._sparse = sparse
        self._at_most = at_most
        self.complete: Callable[[CID], bool] = lambda cid: False
        self.progress: Progress = lambda size, blocks: None
        self._waiting: list[_Errand] = []
        self._known: set[CID] = set()
        self._running: dict[_Errand, None] = {}
        self._lost: list[MirrorError] = []
        self._events: queue.Queue[_Event] = queue.Queue(WAITING_AT_MOST)
        self._size = self._blocks = 0
        self._heard = clock()

    def run(self, root: CID) -> None:
        """Until nothing is wanted any more."""
        self._want(root, WHOLE_AT_MOST + 1)
        try:
            while self._waiting or self._running:
                self._assign()
                self._take()
        finally:
            for errand in self._running:
                _end(errand)
        if self._lost:
            raise self._worst()

    # What is wanted

    def _want(self, cid: CID, size: int) -> None:
        """A block of about `size` bytes with what is below it, unless it is held; what it links to is, if it is."""
        wanted = [(cid, size)]
        while wanted:
            cid, size = wanted.pop()
            if cid in self._known or cid.hash_code == IDENTITY or self.complete(cid):
                continue
            self._known.add(cid)
            if cid in self._keep:
                wanted.extend(self._below(cid, self._keep.get(cid)))
            else:
                whole = cid.codec == DAG_PB and size <= WHOLE_AT_MOST and self._follow and not self._sparse
                self._waiting.append(_Errand(cid, whole))

    def _below(self, cid: CID, data: bytes) -> list[tuple[CID, int]]:
        if not self._follow or cid.codec != DAG_PB:
            return []
        try:
            links = unixfs.parse(data).links
        except Malformed:  # whoever judges the tree says so
            return []
        return [(link.cid, WHOLE_AT_MOST + 1 if link.size is None else link.size) for link in reversed(links)]

    # Who does it

    def _assign(self) -> None:
        now = self._clock()
        while self._waiting and (found := self._choose(self._waiting[-1], now)):
            self._start(self._waiting.pop(), found, now)
        if self._waiting:
            self._give_up(now)
            return
        late = now - self._hedge()
        for errand in [each for each in self._running if all(line.heard <= late for line in each.lines)]:
            if other := self._choose(errand, now):
                self._start(errand, other, now)

    def _choose(self, errand: _Errand, now: float) -> Standing | None:
        """The quickest gateway that is free for this errand."""
        taken = errand.tried.union(line.standing for line in errand.lines)
        free = [each for each in self._standings if each.free(now) and each not in taken]
        return min(free, key=lambda each: (each.pace, each.busy), default=None)

    def _give_up(self, now: float) -> None:
        """Count as lost what waits at the front and nobody is left for, not even one who rests or is busy."""
        while self._waiting:
            errand = self._waiting[-1]
            if any(not each.out and each not in errand.tried for each in self._standings):
                return
            self._lose(self._waiting.pop())

    def _hedge(self) -> float:
        paces = sorted(each.pace for each in self._standings if each.answered)
        return max(HEDGE, 2 * paces[len(paces) // 2]) if paces else HEDGE

    def _start(self, errand: _Errand, standing: Standing, now: float) -> None:
        line = _Line(errand, standing, now, now, {errand.cid})
        errand.lines.append(line)
        self._running[errand] = None
        standing.take_line()
        threading.Thread(target=_carry_out, args=(line, self._events), daemon=True).start()

    # What comes of it

    def _take(self) -> None:
        """The next event, if one comes before somebody else is to be asked."""
        try:
            line, event = self._events.get(timeout=HEDGE / 2)
        except queue.Empty:
            self._check_silence()
            return
        if line.over.is_set():
            return
        line.heard = self._clock()
        if isinstance(event, tuple):
            self._take_block(line, *event)
        elif event is None:
            line.standing.finished(line.heard - line.begun)
            self._close(line, None)
        elif isinstance(event, MirrorError):
            line.standing.erred(event)
            self._close(line, event)
        else:
            raise event

    def _take_block(self, line: _Line, cid: CID, data: bytes) -> None:
        below = self._below(cid, data)
        line.owes.discard(cid)
        if cid not in self._keep:
            self._keep.put(cid, data)
            line.standing.served(len(data))
            self._count(len(data))
        if not line.errand.whole:
            for child, size in below:
                self._want(child, size)
            return
        for child, _ in below:
            self._known.add(child)
            if child not in self._keep and not self.complete(child) and child.hash_code != IDENTITY:
                line.owes.add(child)

    def _count(self, size: int) -> None:
        self._heard = self._clock()
        self._size += size
        self._blocks += 1
        if self._size > self._at_most:
            raise Refused(f"more than {self._at_most} bytes came, and more would")
        self.progress(self._size, self._blocks)

    def _close(self, line: _Line, error: MirrorError | None) -> None:
        """A line ended: its errand is done, or what is left of it waits for another gateway."""
        errand = line.errand
        line.over.set()
        errand.lines.remove(line)
        left = {cid for cid in line.owes if cid not in self._keep}
        if left and error is None:
            line.standing.erred(Unavailable(f"{line.standing.gateway.who} leaves out blocks without saying so"))
        if isinstance(error, Missing):
            errand.tried.add(line.standing)
        if left and errand.lines:
            return
        _end(errand)
        self._running.pop(errand, None)
        for cid in left:  # one by one where a CAR was not whole: then nobody can leave anything out unnoticed
            self._waiting.append(_Errand(cid, errand.whole and error is not None, set(errand.tried)))

    def _check_silence(self) -> None:
        if self._clock() - self._heard > self._silence:
            words = f"nothing that verifies came for {self._silence:.0f} seconds"
            raise Unavailable(f"{words}: {self._in_words()}", how="timed out")

    def _lose(self, errand: _Errand) -> None:
        present = [each for each in self._standings if not each.out]
        if present and all(each in errand.tried for each in present) and not any(each.out for each in self._standings):
            self._lost.append(Missing(f"block {errand.cid} is nowhere: {self._in_words()}"))
        else:
            self._lost.append(Unavailable(f"block {errand.cid} could not be had: {self._in_words()}"))

    def _worst(self) -> MirrorError:
        first = next((each for each in self._lost if isinstance(each, Unavailable)), self._lost[0])
        more = f" (and {len(self._lost) - 1} more)" if len(self._lost) > 1 else ""
        return type(first)(first.message + more, hint="try again later, or name other gateways with --gateway URL")

    def _in_words(self) -> str:
        if not self._standings:
            return "no gateway is named"
        return "; ".join(_of(standing) for standing in self._standings)


def _of(standing: Standing) -> str:
    who = standing.gateway.who
    if standing.lied:
        return f"{who} lied"
    if standing.failed:
        return standing.failed
    return f"{who} does not have it" if standing.absent else f"{who} brought {standing.blocks} blocks"


def _end(errand: _Errand) -> None:
    """Tell every line of an errand that nobody waits for it any more."""
    for line in errand.lines:
        line.over.set()


def _carry_out(line: _Line, events: "queue.Queue[_Event]") -> None:
    """What the thread of a line does: hand over each block, then how it ended."""
    end: BaseException | None = None
    try:
        for block in _blocks(line):
            if not _hand_over(line, block, events):
                break
    except BaseException as error:
        end = error
    line.standing.give_line()
    _hand_over(line, end, events)


def _hand_over(line: _Line, event: tuple[CID, bytes] | BaseException | None, events: "queue.Queue[_Event]") -> bool:
    """Whether somebody still waits for this line."""
    while not line.over.is_set():
        with contextlib.suppress(queue.Full):
            events.put((line, event), timeout=1)
            return True
    return False


def _blocks(line: _Line) -> Iterator[tuple[CID, bytes]]:
    gateway, cid = line.standing.gateway, line.errand.cid
    if line.errand.whole:
        yield from gateway.below(cid)
    else:
        yield cid, gateway.block(cid)
