"""A set of byte strings in little memory, each known by the number of its row.

    rows = Packed()
    rows.add(b"one")        0: the row it is in
    rows.add(b"two")        1
    rows.add(b"one")        0: it is there already
    rows.find(b"three")     None
    rows[1]                 b"two"

A row costs its bytes and some 20 more, where a dict takes 150. It is an open-addressing table: slots that are at most
half full, each the number of a row and one more, 0 where it is empty. Which slot comes first follows from Python's own
hash of the bytes, which is another in every process, so nobody can choose bytes that all fall into one place.
"""

from array import array
from collections.abc import Iterator

_FIRST_SLOTS = 64
"""Slots of an empty table: a power of two, as all later sizes are."""


class Packed:
    """Rows of bytes, numbered from 0 as they came."""

    __slots__ = ("_bytes", "_ends", "_slots")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])
        self._slots = _empty(_FIRST_SLOTS)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: int) -> bytes:
        """The bytes in a row, from 0 to before ``len()``."""
        return bytes(self._bytes[self._ends[row] : self._ends[row + 1]])

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))

    def find(self, data: bytes) -> int | None:
        """The row that holds `data`."""
        row = self._slots[self._slot(data)]
        return row - 1 if row else None

    def add(self, data: bytes) -> int:
        """The row that holds `data`, which is a new one where none did."""
        slots, ends, slot = self._slots, self._ends, self._slot(data)
        if row := slots[slot]:
            return row - 1
        slots[slot] = row = len(ends)
        self._bytes += data
        ends.append(len(self._bytes))
        if 2 * row > len(slots):
            self._spread()
        return row - 1

    def _slot(self, data: bytes) -> int:
        """Where the number of the row of `data` stands, or would."""
        slots, ends, rows = self._slots, self._ends, self._bytes
        mask = len(slots) - 1
        at = hash(data) & mask
        while (row := slots[at]) and rows[ends[row - 1] : ends[row]] != data:
            at = (at + 1) & mask
        return at

    def _spread(self) -> None:
        self._slots = slots = _empty(2 * len(self._slots))
        mask, start = len(slots) - 1, 0
        for row in range(1, len(self._ends)):
            end = self._ends[row]
            at = hash(bytes(self._bytes[start:end])) & mask
            while slots[at]:
                at = (at + 1) & mask
            slots[at], start = row, end


def _empty(slots: int) -> "array[int]":
    return array("I", bytes(array("I").itemsize * slots))
