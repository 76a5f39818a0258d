"""When which checkpoint is handed to the calendars, so that an anchor's day does not mark an upload's.

    schedule.noted(42, now, draw)       a log of 42 entries was published: its turn comes, at a time that is drawn
    schedule.due(now)                   the size whose turn it is, or None
    schedule.done(now)                  it was handed in

An anchor shows its day to everybody. If each upload were anchored at once, the anchors would tell when somebody works,
which editions otherwise keep to themselves. So a checkpoint waits for `LEAST` and up to `SPREAD` more, drawn anew each
time; whatever is published meanwhile waits for the turn after that, the newest of it alone, since one anchor covers
everything before it; and turns are at least `EVERY` apart.

**That holds as far as somebody runs the program in between**, such as a timer (`mirror anchor ots --due`). Where only
`mirror publish` runs, a turn is taken when the next edition is made, and its day is that edition's.

    {"later": null, "next": [42, 1795000000]}           a size, and seconds since 1970, each
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mirror.errors import Malformed
from mirror.formats import wire

HOUR = 3600

LEAST = 6 * HOUR
"""Seconds that every checkpoint waits: nobody sees an upload and its anchor in one glance."""

SPREAD = 36 * HOUR
"""Seconds that it may wait on top: an anchor's day is then one of three on which the upload may have been."""

EVERY = 24 * HOUR
"""Seconds between two turns: who uploads many times a day is anchored once."""

Draw = Callable[[int], int]
"""``draw(n)``: a number from 0 to below n that nobody can guess."""


class Turn(NamedTuple):
    """A checkpoint, by its size, and from when on it is handed in, in seconds since 1970."""

    size: int
    at: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The turn that comes next, and the one after it."""

    next: Turn | None = None
    later: Turn | None = None

    def __bytes__(self) -> bytes:
        return wire.encode_json({"next": self.next, "later": self.later})

    def noted(self, size: int, now: int, draw: Draw) -> "Schedule":
        """The schedule once a log of this size was published; the same where its turn is set already."""
        if any(turn is not None and turn.size >= size for turn in (self.next, self.later)):
            return self
        turn = Turn(size, now + LEAST + draw(SPREAD))
        return Schedule(turn, None) if self.next is None else Schedule(self.next, turn)

    def due(self, now: int) -> int | None:
        """The size that is to be handed in now."""
        return self.next.size if self.next is not None and self.next.at <= now else None

    def done(self, now: int) -> "Schedule":
        """The schedule once that was handed in."""
        if self.later is None:
            return Schedule()
        return Schedule(Turn(self.later.size, max(self.later.at, now + EVERY)))


def parse(data: bytes | None) -> Schedule:
    """The schedule that was kept; an empty one where none was."""
    if data is None:
        return Schedule()
    value = wire.decode_json(data, "the schedule of anchors")
    if not isinstance(value, dict) or set(value) != {"next", "later"}:
        raise Malformed("the schedule of anchors is none")
    return Schedule(_turn(value["next"]), _turn(value["later"]))


def _turn(value: Any) -> Turn | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(_is_size(each) for each in value):
        raise Malformed("the schedule of anchors is none")
    return Turn(*value)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value <= wire.SIZE_AT_MOST
