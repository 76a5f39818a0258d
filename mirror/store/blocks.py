"""Blocks by CID, out of CAR files; what comes out is what the name says.

`Blocks` reads any number of CAR files through an index of where each block lies: in a file that only speeds things up
(a workspace's `cache/index.sqlite`) or in memory. The index knows each CAR's size and modification time; a
CAR that differs is read anew. So is, once, every CAR that might have a block which is not found where the index says,
before it is called damaged or missing: nothing is concluded from an index that another run wrote.

An index that is damaged is thrown away and made anew; one that another program holds, or on a disk that is full or
read-only, is left alone, and this run has its own in memory. Losing the index costs time and nothing else.

A CAR that is damaged is indexed as far as it can be read; `damage` says where it stopped.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, TypeVar

from mirror.errors import BadBlock, MirrorError, Missing
from mirror.formats import car
from mirror.formats.cid import CID, IDENTITY, is_ours
from mirror.store.index import Failed, Index, InMemory, Row, Stamp

FILES_OPEN_AT_MOST = 16
"""CAR files held open at a time: an archive may have thousands, and systems allow a few hundred."""


T = TypeVar("T")


class Place(NamedTuple):
    """Where a block's bytes lie: which CAR, from which byte, how many."""

    path: Path
    start: int
    length: int


SealedPlace = tuple[str, int, int, bytes]
"""A file, the first byte of a block in it, its length, and its digest."""


class Blocks:
    """The blocks of some CAR files. A context manager: it holds files and the index open."""

    def __init__(self, cars: Sequence[Path], index: Path | None = None) -> None:
        self._open_files: OrderedDict[str, BinaryIO] = OrderedDict()
        self._read_here: dict[Path, Stamp] = {}
        self._cars: list[Path] = []
        self._paths: dict[str, Path] = {}
        self._path = index
        self._index = _open_index(index)
        self.refresh(cars)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index and every CAR."""
        self._index.close()
        self._close_files()

    def refresh(self, cars: Sequence[Path]) -> None:
        """Make the index speak of exactly these CAR files, reading only those that changed."""
        self._cars = list(cars)
        self._paths = {str(path): path for path in cars}
        try:
            self._refresh()
        except Failed as failure:
            self._mend(failure)

    def _refresh(self) -> None:
        known = self._index.stamps()
        with self._index.changing():
            for gone in known.keys() - self._paths.keys():
                self._forget(Path(gone))
            for path in self._cars:
                if known.get(str(path)) != _stamp(path):
                    self._read(path)

    def rebuild(self, cars: Sequence[Path]) -> None:
        """Throw the index away and read every CAR anew."""
        self._cars = list(cars)
        self._paths = {str(path): path for path in cars}
        self._start_anew()

    def _start_anew(self) -> None:
        self._index.close()
        self._index = _open_anew(self._path)
        self._refresh()

    def _mend(self, failure: Failed) -> None:
        """Make a damaged index anew, or leave alone one that cannot be used and have another in memory."""
        if not failure.damaged:
            self._path = None
        try:
            self._start_anew()
        except Failed:
            self._path = None
            self._start_anew()

    @property
    def damage(self) -> dict[Path, str]:
        """The CAR files that could not be read to their end, and why."""
        return {Path(path): words for path, words in self._ask(lambda index: index.damage())}

    def _ask(self, question: Callable[[Index], T]) -> T:
        try:
            return question(self._index)
        except Failed as failure:
            self._mend(failure)
            return question(self._index)

    def __contains__(self, cid: CID) -> bool:
        return self.ordinal(cid) is not None

    def __iter__(self) -> Iterator[CID]:
        """Every CID that the files list, each once, in the order of their bytes."""
        last = b""
        while True:
            try:
                for cid in self._index.cids(behind=last):
                    last = cid
                    yield CID(cid)
            except Failed as failure:
                self._mend(failure)
            else:
                return

    def __len__(self) -> int:
        return self._ask(len)

    def places(self, cid: CID) -> list[Place]:
        """Everywhere that the block is said to lie, newest file last."""
        return [Place(self._path_of(row), row.start, row.length) for row in self._rows(cid)]

    def _rows(self, cid: CID) -> list[Row]:
        try:
            return self._index.rows(cid)
        except Failed as failure:
            self._mend(failure)
            return self._index.rows(cid)

    def _path_of(self, row: Row) -> Path:
        return self._paths.get(row.path) or Path(row.path)

    def place(self, cid: CID) -> SealedPlace | None:
        """Where the block is said to lie, for another process to look with `read`, and its digest."""
        rows = self._rows(cid)
        return (*rows[0], cid.digest) if rows else None

    @property
    def read(self) -> Callable[[Sequence[SealedPlace]], list[bytes | None]]:
        """Reads what lies in places, unchecked; None for what cannot be read. It travels to other processes."""
        return _read_places

    def ordinal(self, cid: CID) -> int | None:
        """A number that no other block here has, not far above their count: what was met is marked in a bitmap by it.

        None for a block that no file lists. It changes only where a file is read anew.
        """
        return self._ask(lambda index: index.ordinal(cid))

    def get(self, cid: CID) -> bytes:
        """The block's bytes, which hash to `cid`; `Missing` where no file has it, `BadBlock` where it is damaged."""
        if cid.hash_code == IDENTITY:
            return cid.digest
        try:
            return self._find(cid)
        except (BadBlock, Missing):
            self._doubt({self._path_of(row) for row in self._rows(cid)} or self._cars)
        return self._find(cid)

    def false_copies(self) -> Iterator[MirrorError]:
        """What is wrong with blocks that lie here more than once: `get` is content with one good copy."""
        for cid in map(CID, self._ask(lambda index: index.repeated())):
            for row in self._rows(cid):
                data = self._bytes_at(row)
                if data is None or not cid.matches(data):
                    yield self._fault(row, cid)

    def _doubt(self, paths: Iterable[Path]) -> None:
        """Read those files anew that this run has not yet read as they are."""
        try:
            with self._index.changing():
                for path in paths:
                    if self._read_here.get(path) != _stamp(path):
                        self._read(path)
        except Failed as failure:
            self._mend(failure)

    def _find(self, cid: CID) -> bytes:
        rows = self._rows(cid)
        for row in rows:
            data = self._bytes_at(row)
            if data is not None and cid.matches(data):
                return data
        if not rows:
            raise Missing(f"block {cid} is not here")
        raise self._fault(rows[0], cid)

    def _fault(self, row: Row, cid: CID) -> MirrorError:
        data = self._bytes_at(row)
        where = f"at byte {row.start} of {self._path_of(row).name}"
        if data is None:
            return Missing(f"block {cid} {where} cannot be read")
        other = f": its CID is {CID.of(cid.codec, data)}" if is_ours(cid) else ""
        return BadBlock(f"the block {where} is not {cid}{other}")

    def _bytes_at(self, row: Row) -> bytes | None:
        """What lies there now; None where the file is gone or its disk fails."""
        try:
            file = self._file(row.path)
            file.seek(row.start)
            return file.read(row.length)
        except OSError:
            return None

    def _file(self, path: str) -> BinaryIO:
        file = self._open_files.get(path)
        if file is not None:
            self._open_files.move_to_end(path)
            return file
        file = self._open_files[path] = open(path, "rb")  # noqa: SIM115  (held open; `close` closes it)
        if len(self._open_files) > FILES_OPEN_AT_MOST:
            self._open_files.popitem(last=False)[1].close()
        return file

    def _close_files(self) -> None:
        while self._open_files:
            self._open_files.popitem()[1].close()

    def _forget(self, path: Path) -> None:
        file = self._open_files.pop(str(path), None)
        if file is not None:
            file.close()
        self._index.forget(str(path))

    def _read(self, path: Path) -> None:
        self._forget(path)
        stamp = self._read_here[path] = _stamp(path)
        damage: list[str] = []
        self._index.take(str(path), stamp, _sections(path, damage), damage)


def _sections(path: Path, damage: list[str]) -> Iterator[car.Section]:
    try:
        with path.open("rb") as file:
            yield from car.sections(file)
    except MirrorError as error:
        damage.append(error.message)
    except OSError as error:
        damage.append(f"cannot be read: {(error.strerror or 'input failed').lower()}")


def _read_places(places: Sequence[SealedPlace]) -> list[bytes | None]:
    opened: dict[str, BinaryIO] = {}
    with contextlib.ExitStack() as stack:

        def read(path: str, start: int, length: int) -> bytes | None:
            try:
                if path not in opened:
                    opened[path] = stack.enter_context(Path(path).open("rb"))
                opened[path].seek(start)
                return opened[path].read(length)
            except OSError:
                return None

        return [read(path, start, length) for path, start, length, _ in places]


def _stamp(path: Path) -> Stamp:
    """Size and modification time; a file that cannot be asked has neither."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _open_index(path: Path | None) -> Index:
    """The index at a path; one in memory where there is none, or where it cannot be used."""
    if path is None:
        return InMemory()
    from mirror.store.cache import InFile  # noqa: PLC0415  (a reader's one look needs no database)

    try:
        return InFile(path)
    except Failed as failure:
        return _open_anew(path) if failure.damaged else InMemory()
    except MirrorError:
        return InMemory()


def _open_anew(path: Path | None) -> Index:
    """An empty index at a path; in memory where the one that lies there cannot be removed."""
    if path is None:
        return InMemory()
    from mirror.store import cache  # noqa: PLC0415  (as above)

    return _open_index(path) if cache.remove(path) else InMemory()
