"""Errands, and the lines on which gateways do them.

    errand    a block that is wanted: alone, with everything below it, or with the blocks along a path
    line      one request to one gateway for an errand; slow errands have several, at several gateways

An errand `owes` the blocks that are wanted and that it is to bring; it is `done` when it owes none. Every block that is
wanted and not here is owed by one errand alone, so none is forgotten when lines break. What lines of an errand that is
done bring is taken as long as it is new.

Each line has a thread, which does nothing but wait, hash and hand over. One that nobody waits for any more ends at its
next block, or when its gateway is closed.
"""

import contextlib
import queue
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from mirror.formats.cid import CID
from mirror.network.gateway import Gateway
from mirror.network.standing import Standing

HANDED_OVER_WITHIN = 0.25
"""Seconds after which a thread that cannot hand over looks whether anybody still waits."""


@dataclass(eq=False)
class Errand:
    """`size` is what it is thought to take, in bytes; `came` what did.

    `tried` are gateways that do not have it; `slow` those that are asked for it only if no other is free; `failures`
    counts the lines on which nothing came of it.
    """

    cid: CID
    size: int
    whole: bool = False
    path: Sequence[str] | None = None
    tried: set[Standing] = field(default_factory=set)
    slow: set[Standing] = field(default_factory=set)
    lines: list["Line"] = field(default_factory=list)
    owes: dict[CID, int | None] = field(default_factory=dict)
    came: int = 0
    failures: int = 0
    done: bool = False


@dataclass(eq=False)
class Line:
    """Who does which errand since when, and when it last brought something; `over`: nobody waits for it."""

    errand: Errand
    standing: Standing
    begun: float
    heard: float
    whole: bool
    brought: int = 0
    over: threading.Event = field(default_factory=threading.Event)


Event = tuple[Line, tuple[CID, bytes] | BaseException | None]
"""A block that came, an error, or the good end of a line."""


class Lines:
    """The lines of one fetch, and the one queue at which they hand over."""

    def __init__(self, waiting_at_most: int) -> None:
        self._events: queue.Queue[Event] = queue.Queue(waiting_at_most)
        self._closed = threading.Event()

    def start(self, line: Line) -> None:
        """Do an errand in a thread."""
        line.standing.lines.add(line)
        threading.Thread(target=self._carry_out, args=(line,), daemon=True).start()

    def take(self, within: float) -> Event | None:
        """What a line hands over; None if nothing comes within so many seconds."""
        try:
            line, event = self._events.get(timeout=within)
        except queue.Empty:
            return None
        if not isinstance(event, tuple):
            line.standing.lines.discard(line)
        return line, event

    def close(self) -> None:
        """Wait for none of them any more."""
        self._closed.set()
        while self.take(0):
            pass

    def _carry_out(self, line: Line) -> None:
        end: BaseException | None = None
        try:
            with contextlib.closing(_blocks(line)) as blocks:
                for block in blocks:
                    if not self._hand_over((line, block), line.over):
                        break
        except BaseException as error:
            end = error
        self._hand_over((line, end), self._closed)
        if self._closed.is_set():  # nobody takes it any more
            line.standing.lines.discard(line)

    def _hand_over(self, event: Event, over: threading.Event) -> bool:
        """Whether somebody still waited."""
        while not over.is_set() and not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._events.put(event, timeout=HANDED_OVER_WITHIN)
                return True
        return False


def _blocks(line: Line) -> Generator[tuple[CID, bytes], None, None]:
    gateway: Gateway = line.standing.gateway
    if line.errand.path is not None:
        yield from gateway.along(line.errand.cid, line.errand.path)
    elif line.whole:
        yield from gateway.below(line.errand.cid)
    else:
        yield line.errand.cid, gateway.block(line.errand.cid)
