"""One fetch from many gateways: what is wanted, who is asked for it, what came.

The one thread that decides does this, over and over:

    1. give what waits to gateways that are free, the quickest first (`_assign`)
    2. give what takes longer than usual to a second gateway too, or what is left of it (`_hedge`)
    3. take what a line hands over (`_take`): a block is kept, and what it links to is wanted if it is not held; a line
       that broke leaves what its errand still owes to others

So as not to choke a thin line with its own answers, no more is under way than what comes in `AHEAD` seconds, or `ROOM`.

Sizes are what links claim, which only chooses how to ask. Blocks come verified (`mirror.network.gateway`). What they
say is not judged: a tree is, when it is here.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from mirror.errors import MirrorError, Missing, Refused, Unavailable
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB, IDENTITY
from mirror.formats.packed import Packed
from mirror.network.errands import Errand, Line, Lines
from mirror.network.gateway import sized_links_of
from mirror.network.patience import Clock
from mirror.network.standing import Standing

WHOLE_AT_MOST = 4 << 20
"""Bytes below a block, as its link claims, that are asked for in one CAR: some ten seconds on a good line."""

SMALL = 64 << 10
"""Bytes that a block is thought to take where nobody claims anything: folders and notes have fewer."""

HEDGE = 0.5
"""Seconds after which an errand is given to a second gateway at the earliest; or twice what the quickest one takes."""

HEDGE_AT_MOST = 20.0
"""Seconds after which it is at the latest, however thin the line has been."""

ROOM = 1 << 20
"""Bytes that may be under way before it is known how much comes through: a block of a file, or all of some letters."""

AHEAD = 8
"""Seconds' worth of bytes under way: longer than any round trip, shorter than any time-out."""

FETCH_AT_MOST = 1 << 40
"""Bytes that a fetch takes in, unless its caller says otherwise: a terabyte, which is more than any disk here."""

WAITING_AT_MOST = 256
"""Blocks that lines hand over before they wait for the one who decides: at 2 MiB each, half a gigabyte at worst."""

LOOKED_AT = 32
"""Errands that are passed over, because those who are free do not have their blocks, in search of one for them."""

Progress = Callable[[int, int], None]
"""``progress(bytes so far, blocks so far)``."""


class Keep(Protocol):
    """Where verified blocks go; used from one thread."""

    def __contains__(self, cid: CID) -> bool: ...

    def put(self, cid: CID, data: bytes) -> None:
        """Take in a verified block that is not held yet."""

    def get(self, cid: CID) -> bytes:
        """A block that is held."""


class Fetch:
    """One fetch into `keep`. `follow`: with what is below; `sparse`: by single blocks; `complete`: see `Gateways`."""

    def __init__(self, standings: Sequence[Standing], clock: Clock, silence: float, keep: Keep) -> None:
        self._standings = standings
        self._clock = clock
        self._silence = silence
        self._keep = keep
        self.follow = True
        self.sparse = False
        self.at_most = FETCH_AT_MOST
        self.complete: Callable[[CID], bool] = lambda cid: False
        self.progress: Progress = lambda size, blocks: None
        self._known = Packed()
        self._waiting: deque[Errand] = deque()
        self._running: dict[Errand, None] = {}
        self._lines = Lines(WAITING_AT_MOST)
        self._lost = 0
        self._worst: MirrorError | None = None
        self._size = self._blocks = 0
        self._begun = self._heard = clock()

    def run(self, root: CID) -> None:
        """Fetch a block and what is below it, until nothing is wanted any more."""
        self._waiting.extend(self._errands(self._sift([(root, None)])))
        self._go_on()

    def run_along(self, root: CID, path: Sequence[str]) -> None:
        """Fetch the blocks along a path, if somebody sends them."""
        self._waiting.append(Errand(root, SMALL, path=path))
        self._go_on()

    def _go_on(self) -> None:
        try:
            while self._waiting or self._running:
                self._assign()
                self._hedge()
                self._take()
        finally:
            self._lines.close()
        if self._worst:
            more = f" (and {self._lost - 1} more)" if self._lost > 1 else ""
            hint = "try again later, or name other gateways with --gateway URL"
            raise type(self._worst)(self._worst.message + more, hint=hint)

    # What is wanted

    def _sift(self, links: Iterable[tuple[CID, int | None]]) -> Iterator[tuple[CID, int | None]]:
        """Of these blocks, and of all below those that are held, what is not held and was not wanted before."""
        stack = list(links)[::-1]
        while stack:
            cid, size = stack.pop()
            if cid.hash_code == IDENTITY or self._known.find(cid) is not None or self.complete(cid):
                continue
            self._known.add(cid)
            if cid not in self._keep:
                yield cid, size
            elif self.follow:
                stack.extend(sized_links_of(cid, self._keep.get(cid))[::-1])

    def _errands(self, blocks: Iterable[tuple[CID, int | None]], *, by_car: bool = True) -> list[Errand]:
        """An errand for each, the first one last, as it is taken from the end."""
        return [self._errand(cid, size, by_car) for cid, size in blocks][::-1]

    def _errand(self, cid: CID, size: int | None, by_car: bool) -> Errand:
        may_be_whole = by_car and self.follow and not self.sparse and cid.codec == DAG_PB
        if may_be_whole and size is not None and size <= WHOLE_AT_MOST:
            return Errand(cid, size, whole=True, owes={cid: size})
        thought = SMALL if size is None or cid.codec == DAG_PB else min(size, BLOCK_AT_MOST)
        return Errand(cid, thought, owes={cid: size})

    # Who does it

    def _assign(self) -> None:
        """Start what waits, from the end; what nobody has any more is lost."""
        now, passed_over = self._clock(), 0
        while self._waiting and passed_over < min(LOOKED_AT, len(self._waiting)):
            errand = self._waiting.pop()
            if errand.path is None and errand.cid in self._keep:  # it came on another errand's line
                continue
            chosen = self._choose(errand, now)
            if chosen and self._has_room(errand, now):
                self._start(errand, chosen, now)
            elif self._is_hopeless(errand):
                self._lose(errand)
            elif chosen or not any(each.free(now) for each in self._standings):
                self._waiting.append(errand)
                return
            else:
                self._waiting.appendleft(errand)
                passed_over += 1

    def _choose(self, errand: Errand, now: float) -> Standing | None:
        """The gateway that is free for this errand, and has failed least, and is the quickest."""
        taken = {line.standing for line in errand.lines}
        free = [each for each in self._standings if each.free(now) and each not in taken and _may_do(each, errand)]
        return min(free, key=lambda each: (each in errand.slow, each.strikes, each.pace, len(each.lines)), default=None)

    def _has_room(self, errand: Errand, now: float) -> bool:
        under_way = sum(max(each.size - each.came, 0) for each in self._running)
        return not self._running or under_way + errand.size <= max(ROOM, AHEAD * self._rate(now))

    def _rate(self, now: float) -> float:
        """Bytes a second that have come through so far."""
        return self._size / max(now - self._begun, 0.001)

    def _is_hopeless(self, errand: Errand) -> bool:
        end = self._heard + self._silence
        return not any(_may_do(each, errand) and each.rests_until <= end for each in self._standings)

    def _start(self, errand: Errand, standing: Standing, now: float) -> None:
        line = Line(errand, standing, now, now, errand.whole and standing.cars)
        errand.lines.append(line)
        self._running[errand] = None
        self._lines.start(line)

    def _hedge(self) -> None:
        now = self._clock()
        for errand in list(self._running):
            quiet = now - max(line.heard for line in errand.lines)
            if quiet < HEDGE or quiet < self._patience(errand, now) or not (other := self._choose(errand, now)):
                continue
            if errand.cid in errand.owes or errand.path is not None:
                self._start(errand, other, now)
            else:
                self._split(errand)

    def _split(self, errand: Errand) -> None:
        """Let what it still owes wait for others, so that nobody is asked for what it brought."""
        errand.done = True
        self._running.pop(errand)
        parts = self._errands((cid, size) for cid, size in errand.owes.items() if cid not in self._keep)
        for part in parts:
            part.slow = {line.standing for line in errand.lines}
        self._waiting.extend(parts)

    def _patience(self, errand: Errand, now: float) -> float:
        """Seconds that an errand may be quiet before another gateway is given it; longer with every one that was."""
        paces = [each.pace for each in self._standings if each.answered and each.blocks]
        if not paces:
            return HEDGE
        usual = 2 * min(paces)
        if not errand.whole and self._size:
            usual = max(usual, 2 * errand.size / self._rate(now))
        return float(min(max(HEDGE, usual) * 2 ** (len(errand.lines) - 1), HEDGE_AT_MOST))

    # What comes of it

    def _take(self) -> None:
        """The next thing that is handed over, if it comes before somebody else is to be asked."""
        given = self._lines.take(HEDGE / 4)
        now = self._clock()
        if given:
            line, event = given
            if isinstance(event, tuple):
                self._take_block(line, *event, now)
            elif event is None or isinstance(event, MirrorError):
                self._take_end(line, event, now)
            else:
                raise event
        if now - self._heard > self._silence and (self._waiting or self._running):
            words = f"nothing that verifies came for {self._silence:.0f} seconds"
            raise Unavailable(f"{words}: {self._in_words()}", how="timed out")

    def _take_block(self, line: Line, cid: CID, data: bytes, now: float) -> None:
        errand = line.errand
        line.heard, line.brought = now, line.brought + 1
        errand.came += len(data)
        if cid not in self._keep and (errand.path is not None or self._known.find(cid) is not None):
            self._keep.put(cid, data)
            line.standing.served(len(data))
            if errand.path is None:
                self._want_below(line, cid, data)
            self._count(len(data), now)
        elif errand.done:
            line.over.set()
        errand.owes.pop(cid, None)
        if not errand.owes and not errand.done and errand.path is None:
            self._finish(line, now)

    def _want_below(self, line: Line, cid: CID, data: bytes) -> None:
        if not self.follow:
            return
        new = list(self._sift(sized_links_of(cid, data)))
        if line.whole and not line.errand.done:
            line.errand.owes.update(new)
        else:
            self._waiting.extend(self._errands(new))

    def _count(self, size: int, now: float) -> None:
        self._heard = now
        self._size += size
        self._blocks += 1
        if self._size > self.at_most:
            raise Refused(f"more than {self.at_most} bytes came, and more would")
        self.progress(self._size, self._blocks)

    def _finish(self, line: Line, now: float) -> None:
        """An errand is done by one of its lines, which may come to its end; the others are not waited for."""
        errand = line.errand
        errand.done = True
        self._running.pop(errand, None)
        errand.lines.remove(line)
        for other in errand.lines:
            other.over.set()
            if not other.brought:
                other.standing.overtaken(now - other.begun)

    def _take_end(self, line: Line, error: MirrorError | None, now: float) -> None:
        """A line ended: what its errand still owes waits for another gateway."""
        errand, standing = line.errand, line.standing
        if error is None and not errand.done and any(cid not in self._keep for cid in errand.owes):
            error = Unavailable(f"{standing.gateway.who} leaves out blocks without saying so")
        if error is None:
            standing.took(now - line.begun)
        elif _gives_no_cars(line, error):
            standing.cars = False
        else:
            standing.erred(error, line.begun, now, helped=line.brought > 0)
        if errand.done:
            return
        if error is None:
            self._finish(line, now)
            return
        errand.lines.remove(line)
        if isinstance(error, Missing) or errand.path is not None:
            errand.tried.add(standing)
        if not errand.lines:
            self._running.pop(errand)
            errand.failures += line.brought == 0 and isinstance(error, Unavailable)
            self._put_back(errand, by_car=errand.failures < max(2, len(self._standings)) and not _fails_at_cars(error))

    def _put_back(self, errand: Errand, *, by_car: bool) -> None:
        """Let what it owes wait again: not by CAR where no block came that way, which then goes one step at a time."""
        if errand.path is not None:
            self._waiting.append(errand)
            return
        left = [(cid, size) for cid, size in errand.owes.items() if cid not in self._keep]
        again = self._errands(left, by_car=by_car)
        for each in again:
            if each.cid == errand.cid:
                each.tried, each.failures = errand.tried, errand.failures
        self._waiting.extend(again)

    def _lose(self, errand: Errand) -> None:
        if errand.path is not None:  # whoever asked for it can ask for each block
            return
        self._lost += 1
        if self._standings and all(each in errand.tried for each in self._standings):
            self._worst = self._worst or Missing(f"block {errand.cid} is nowhere: {self._in_words()}")
        elif not isinstance(self._worst, Unavailable):
            self._worst = Unavailable(f"block {errand.cid} could not be had: {self._in_words()}")

    def _in_words(self) -> str:
        return "; ".join(map(_words_of, self._standings)) or "no gateway is named"


def _may_do(standing: Standing, errand: Errand) -> bool:
    """Whether it is worth asking, now or later."""
    return not standing.out and standing not in errand.tried and (errand.path is None or standing.cars)


def _fails_at_cars(error: MirrorError) -> bool:
    """Whether it answers, and so might give the block alone."""
    how = error.how if isinstance(error, Unavailable) else ""
    return how.startswith("HTTP ") and how not in ("HTTP 429", "HTTP 503")


def _gives_no_cars(line: Line, error: MirrorError) -> bool:
    by_car = line.whole or line.errand.path is not None
    return by_car and isinstance(error, Unavailable) and error.how in ("HTTP 400", "HTTP 406", "HTTP 501")


def _words_of(standing: Standing) -> str:
    who = standing.gateway.who
    if standing.lied:
        return f"{who} lied"
    if standing.out or not standing.blocks + standing.absent:
        return standing.failed or standing.late or f"{who} was not asked"
    return f"{who} does not have it" if standing.absent else f"{who} brought {standing.blocks} blocks"
