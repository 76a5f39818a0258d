"""Where each block of some CAR files lies: what an index says, and the one that lives in memory.

    index.take("000001.car", stamp, sections, damage)      what one file holds, as far as it can be read
    index.rows(cid)                                        where a block lies: file, first byte, length
    index.stamps()                                         size and time of each file when it was read

An index is believed of nothing but where to look: blocks are hashed when they are read. `InMemory` serves a reader, who
looks at a copy once; a workspace keeps its own in a file (`mirror.store.cache`). Memory: some 70 bytes a block.
"""

import contextlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from mirror.formats.packed import Packed

Stamp = tuple[int, int]
"""A file's size, and its modification time in nanoseconds."""

Section = tuple[bytes, int, int]
"""A block's CID, its first byte in the file, its length."""


class Failed(Exception):
    """An index that cannot be used; `damaged` where it is its own fault, and it may be thrown away."""

    def __init__(self, *, damaged: bool) -> None:
        super().__init__("the index cannot be used")
        self.damaged = damaged


class Row(NamedTuple):
    """Where a block lies: in which file, from which byte, how many."""

    path: str
    start: int
    length: int


class Index(Protocol):
    """What `mirror.store.blocks` needs to know. Each may raise `Failed`."""

    def close(self) -> None:
        """Let go of whatever is held."""

    def changing(self) -> AbstractContextManager[object]:
        """Within it, changes are made wholly or not at all."""

    def stamps(self) -> dict[str, Stamp]:
        """The files that were read, as they were then."""

    def damage(self) -> list[tuple[str, str]]:
        """The files that could not be read to their end, by path, and why."""

    def forget(self, path: str) -> None:
        """Forget a file and where its blocks lie."""

    def take(self, path: str, stamp: Stamp, sections: Iterable[Section], damage: list[str]) -> None:
        """Take a file that is not known; whatever stands in `damage` once its sections have ended is its damage."""

    def rows(self, cid: bytes) -> list[Row]:
        """Everywhere that the block is said to lie, in the order of paths."""

    def ordinal(self, cid: bytes) -> int | None:
        """A number that no other block has, from 1 to not far above their count; None for one that no file lists."""

    def cids(self, behind: bytes = b"") -> Iterator[bytes]:
        """Every CID behind that one, each once, in the order of their bytes."""

    def repeated(self) -> list[bytes]:
        """The CIDs of blocks that lie in more than one place, in the order of their bytes."""

    def __len__(self) -> int:
        """How many blocks there are."""


class InMemory:
    """The index of one run. A block's first place stands in arrays, any others, which are few, beside them."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Stamp, str | None]] = {}
        self._start_anew()

    def _start_anew(self) -> None:
        self._paths: list[str] = []
        self._cids = Packed()
        self._file, self._start, self._length = array("I"), array("Q"), array("Q")
        self._others: dict[int, list[Row]] = {}

    def close(self) -> None:
        """Nothing is held."""

    def changing(self) -> AbstractContextManager[object]:
        """A change cannot fail."""
        return contextlib.nullcontext()

    def stamps(self) -> dict[str, Stamp]:
        """As `Index` says."""
        return {path: stamp for path, (stamp, _) in self._files.items()}

    def damage(self) -> list[tuple[str, str]]:
        """As `Index` says."""
        return sorted((path, words) for path, (_, words) in self._files.items() if words is not None)

    def forget(self, path: str) -> None:
        """As `Index` says. All the others are written anew: it happens once for a file that changed behind our back."""
        if self._files.pop(path, None) is None:
            return
        held = [(cid, row) for cid in self._cids for row in self.rows(cid) if row.path != path]
        self._start_anew()
        for cid, row in held:
            self._add(cid, row)

    def take(self, path: str, stamp: Stamp, sections: Iterable[Section], damage: list[str]) -> None:
        """As `Index` says."""
        for cid, start, length in sections:
            self._add(cid, Row(path, start, length))
        self._files[path] = (stamp, damage[0] if damage else None)

    def _add(self, cid: bytes, row: Row) -> None:
        number = self._cids.add(cid)
        if number < len(self._file):
            self._others.setdefault(number, []).append(row)
            return
        if not self._paths or self._paths[-1] != row.path:
            self._paths.append(row.path)
        self._file.append(len(self._paths) - 1)
        self._start.append(row.start)
        self._length.append(row.length)

    def rows(self, cid: bytes) -> list[Row]:
        """As `Index` says."""
        number = self._cids.find(cid)
        if number is None:
            return []
        first = Row(self._paths[self._file[number]], self._start[number], self._length[number])
        others = self._others.get(number)
        return [first] if others is None else sorted([first, *others])

    def ordinal(self, cid: bytes) -> int | None:
        """As `Index` says."""
        number = self._cids.find(cid)
        return None if number is None else number + 1

    def cids(self, behind: bytes = b"") -> Iterator[bytes]:
        """As `Index` says."""
        return iter(sorted(cid for cid in self._cids if cid > behind))

    def repeated(self) -> list[bytes]:
        """As `Index` says."""
        return sorted(self._cids[number] for number in self._others)

    def __len__(self) -> int:
        return len(self._cids)
