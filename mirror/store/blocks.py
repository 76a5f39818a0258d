"""Blocks by CID, out of CAR files; what comes out is what the name says.

`Blocks` reads any number of CAR files through an index of where each block lies: SQLite, in a file that only speeds
things up (a workspace's `cache/index.sqlite`) or in memory. The index knows each CAR's size and modification time; a
CAR that differs is read anew, and so is one whose block does not hash to its CID, before any verdict. Losing the
index costs time and nothing else.

A CAR that is damaged is indexed as far as it can be read; `damage` says where it stopped.
"""

import contextlib
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from mirror.errors import BadBlock, MirrorError, Missing
from mirror.formats import car
from mirror.formats.cid import CID, IDENTITY
from mirror.store import files

FILES_OPEN_AT_MOST = 16
"""CAR files held open at a time: an archive may have thousands, and systems allow a few hundred."""

_SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE cars (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
                   damage TEXT);
CREATE TABLE blocks (cid BLOB NOT NULL, car INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL);
CREATE INDEX blocks_by_cid ON blocks (cid);
CREATE INDEX blocks_by_car ON blocks (car);
"""


class Place(NamedTuple):
    """Where a block's bytes lie: which CAR, from which byte, how many."""

    path: Path
    start: int
    length: int


class Blocks:
    """The blocks of some CAR files. A context manager: it holds files and the index open."""

    def __init__(self, cars: Sequence[Path], index: Path | None = None) -> None:
        self._open_files: OrderedDict[Path, BinaryIO] = OrderedDict()
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
        known = {path: (size, mtime) for path, size, mtime in self._index.execute("SELECT path, size, mtime FROM cars")}
        with self._index:
            for gone in known.keys() - {str(path) for path in cars}:
                self._forget(Path(gone))
            for path in cars:
                if known.get(str(path)) != _stamp(path):
                    self._read(path)

    def rebuild(self, cars: Sequence[Path]) -> None:
        """Throw the index away and read every CAR anew."""
        with self._index:
            self._index.execute("DELETE FROM blocks")
            self._index.execute("DELETE FROM cars")
        self.refresh(cars)

    @property
    def damage(self) -> dict[Path, str]:
        """The CAR files that could not be read to their end, and why."""
        rows = self._index.execute("SELECT path, damage FROM cars WHERE damage IS NOT NULL ORDER BY path")
        return {Path(path): damage for path, damage in rows}

    def __contains__(self, cid: CID) -> bool:
        return self._index.execute("SELECT 1 FROM blocks WHERE cid = ?", (bytes(cid),)).fetchone() is not None

    def __iter__(self) -> Iterator[CID]:
        """Every CID that the files list, each once."""
        for (cid,) in self._index.execute("SELECT DISTINCT cid FROM blocks"):
            yield CID(cid)

    def __len__(self) -> int:
        count: int = self._index.execute("SELECT COUNT(DISTINCT cid) FROM blocks").fetchone()[0]
        return count

    def places(self, cid: CID) -> list[Place]:
        """Everywhere that the block is said to lie, newest file last."""
        rows = self._index.execute(
            "SELECT path, start, length FROM blocks JOIN cars ON cars.id = blocks.car WHERE cid = ? ORDER BY path",
            (bytes(cid),),
        )
        return [Place(Path(path), start, length) for path, start, length in rows]

    def get(self, cid: CID) -> bytes:
        """The block's bytes, which hash to `cid`; `Missing` where no file has it, `BadBlock` where it is damaged."""
        if cid.hash_code == IDENTITY:
            return cid.digest
        with contextlib.suppress(BadBlock, OSError):
            return self._find(cid)
        with self._index:
            for path in {place.path for place in self.places(cid)}:
                self._read(path)
        return self._find(cid)

    def _find(self, cid: CID) -> bytes:
        places = self.places(cid)
        for place in places:
            data = self._bytes_at(place)
            if cid.matches(data):
                return data
        if places:
            place = places[0]
            raise BadBlock(
                f"the block at byte {place.start} of {place.path.name} is not {cid}: "
                f"its CID is {CID.of(cid.codec, self._bytes_at(place))}"
            )
        raise Missing(f"block {cid} is not here")

    def _bytes_at(self, place: Place) -> bytes:
        file = self._file(place.path)
        file.seek(place.start)
        return file.read(place.length)

    def _file(self, path: Path) -> BinaryIO:
        file = self._open_files.pop(path, None) or path.open("rb")
        self._open_files[path] = file
        if len(self._open_files) > FILES_OPEN_AT_MOST:
            self._open_files.popitem(last=False)[1].close()
        return file

    def _close_files(self) -> None:
        while self._open_files:
            self._open_files.popitem()[1].close()

    def _forget(self, path: Path) -> None:
        file = self._open_files.pop(path, None)
        if file is not None:
            file.close()
        self._index.execute("DELETE FROM blocks WHERE car = (SELECT id FROM cars WHERE path = ?)", (str(path),))
        self._index.execute("DELETE FROM cars WHERE path = ?", (str(path),))

    def _read(self, path: Path) -> None:
        self._forget(path)
        size, mtime = _stamp(path)
        made = self._index.execute("INSERT INTO cars (path, size, mtime) VALUES (?, ?, ?)", (str(path), size, mtime))
        damage: list[str] = []
        rows = ((bytes(cid), made.lastrowid, start, length) for cid, start, length in _sections(path, damage))
        self._index.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?)", rows)
        if damage:
            self._index.execute("UPDATE cars SET damage = ? WHERE id = ?", (damage[0], made.lastrowid))


def _sections(path: Path, damage: list[str]) -> Iterator[tuple[CID, int, int]]:
    try:
        with path.open("rb") as file:
            for section in car.sections(file):
                yield section.cid, section.offset, section.length
    except MirrorError as error:
        damage.append(error.message)
    except OSError as error:
        damage.append(f"cannot be read: {(error.strerror or 'input failed').lower()}")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _open_index(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        with contextlib.suppress(sqlite3.Error, MirrorError, OSError):
            files.make_folder(path.parent)
            return _prepare(path)
        with contextlib.suppress(sqlite3.Error, OSError):
            path.unlink(missing_ok=True)
            return _prepare(path)
    return _prepare(None)


def _prepare(path: Path | None) -> sqlite3.Connection:
    index = sqlite3.connect(":memory:" if path is None else path)
    try:
        if path is not None:
            index.execute("PRAGMA journal_mode = WAL")
            index.execute("PRAGMA synchronous = NORMAL")
        version = index.execute("PRAGMA user_version").fetchone()[0]
        if version != _SCHEMA_VERSION:
            _make_tables(index)
        return index
    except BaseException:
        index.close()
        raise


def _make_tables(index: sqlite3.Connection) -> None:
    index.executescript(f"DROP TABLE IF EXISTS blocks; DROP TABLE IF EXISTS cars; {_SCHEMA}")
    index.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
