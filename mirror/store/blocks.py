"""Blocks by CID, out of CAR files; what comes out is what the name says.

`Blocks` reads any number of CAR files through an index of where each block lies: SQLite, in a file that only speeds
things up (a workspace's `cache/index.sqlite`) or in memory. The index knows each CAR's size and modification time; a
CAR that differs is read anew. So is, once, every CAR that might have a block which is not found where the index says,
before it is called damaged or missing: nothing is concluded from an index that another run wrote.

An index that is damaged is thrown away and made anew; one that another program holds, or on a disk that is full or
read-only, is left alone, and this run has its own in memory. Losing the index costs time and nothing else.

A CAR that is damaged is indexed as far as it can be read; `damage` says where it stopped.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from mirror.errors import BadBlock, MirrorError, Missing
from mirror.formats import car
from mirror.formats.cid import CID, IDENTITY, is_ours
from mirror.store import files

FILES_OPEN_AT_MOST = 16
"""CAR files held open at a time: an archive may have thousands, and systems allow a few hundred."""

CIDS_AT_A_TIME = 1000
"""CIDs that are listed with one question to the index: enough to be quick, few enough to hold."""

_SCHEMA_VERSION = 1

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

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
        self._read_here: dict[Path, _Stamp] = {}
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
        except sqlite3.DatabaseError as error:
            self._mend(error)

    def _refresh(self) -> None:
        known = {path: (size, mtime) for path, size, mtime in self._index.execute("SELECT path, size, mtime FROM cars")}
        with self._index:
            for gone in known.keys() - {str(path) for path in self._cars}:
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
        self._index = _open_index(_without_index(self._path))
        self._refresh()

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Make a damaged index anew, or leave alone one that cannot be used and have another in memory."""
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        if error.sqlite_errorcode & 0xFF not in _DAMAGED:
            self._path = None
        self._start_anew()

    def _ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._index.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return self._index.execute(question, values).fetchall()

    @property
    def damage(self) -> dict[Path, str]:
        """The CAR files that could not be read to their end, and why."""
        rows = self._ask("SELECT path, damage FROM cars WHERE damage IS NOT NULL ORDER BY path")
        return {Path(path): damage for path, damage in rows}

    def __contains__(self, cid: CID) -> bool:
        return bool(self._ask("SELECT 1 FROM blocks WHERE cid = ? LIMIT 1", bytes(cid)))

    def __iter__(self) -> Iterator[CID]:
        """Every CID that the files list, each once, in the order of their bytes."""
        question = "SELECT DISTINCT cid FROM blocks WHERE cid > ? ORDER BY cid LIMIT ?"
        found: list[tuple[Any, ...]] = [(b"",)]
        while found := self._ask(question, found[-1][0], CIDS_AT_A_TIME):
            yield from (CID(cid) for (cid,) in found)

    def __len__(self) -> int:
        count: int = self._ask("SELECT COUNT(DISTINCT cid) FROM blocks")[0][0]
        return count

    def places(self, cid: CID) -> list[Place]:
        """Everywhere that the block is said to lie, newest file last."""
        rows = self._ask(
            "SELECT path, start, length FROM blocks JOIN cars ON cars.id = blocks.car WHERE cid = ? ORDER BY path",
            bytes(cid),
        )
        return [Place(self._paths.get(path) or Path(path), start, length) for path, start, length in rows]

    def ordinal(self, cid: CID) -> int | None:
        """A number that no other block here has, not far above their count: what was met is marked in a bitmap by it.

        None for a block that no file lists. It changes only where a file is read anew.
        """
        found: int | None = self._ask("SELECT MIN(rowid) FROM blocks WHERE cid = ?", bytes(cid))[0][0]
        return found

    def get(self, cid: CID) -> bytes:
        """The block's bytes, which hash to `cid`; `Missing` where no file has it, `BadBlock` where it is damaged."""
        if cid.hash_code == IDENTITY:
            return cid.digest
        try:
            return self._find(cid)
        except (BadBlock, Missing):
            self._doubt({place.path for place in self.places(cid)} or self._cars)
        return self._find(cid)

    def false_copies(self) -> Iterator[MirrorError]:
        """What is wrong with blocks that lie here more than once: `get` is content with one good copy."""
        for (cid,) in self._ask("SELECT cid FROM blocks GROUP BY cid HAVING COUNT(*) > 1 ORDER BY cid"):
            for place in self.places(CID(cid)):
                data = self._bytes_at(place)
                if data is None or not CID(cid).matches(data):
                    yield self._fault(place, CID(cid))

    def _doubt(self, paths: Iterable[Path]) -> None:
        """Read those files anew that this run has not yet read as they are."""
        try:
            with self._index:
                for path in paths:
                    if self._read_here.get(path) != _stamp(path):
                        self._read(path)
        except sqlite3.DatabaseError as error:
            self._mend(error)

    def _find(self, cid: CID) -> bytes:
        places = self.places(cid)
        for place in places:
            data = self._bytes_at(place)
            if data is not None and cid.matches(data):
                return data
        if not places:
            raise Missing(f"block {cid} is not here")
        raise self._fault(places[0], cid)

    def _fault(self, place: Place, cid: CID) -> MirrorError:
        data = self._bytes_at(place)
        where = f"at byte {place.start} of {place.path.name}"
        if data is None:
            return Missing(f"block {cid} {where} cannot be read")
        other = f": its CID is {CID.of(cid.codec, data)}" if is_ours(cid) else ""
        return BadBlock(f"the block {where} is not {cid}{other}")

    def _bytes_at(self, place: Place) -> bytes | None:
        """What lies there now; None where the file is gone or its disk fails."""
        try:
            file = self._file(place.path)
            file.seek(place.start)
            return file.read(place.length)
        except OSError:
            return None

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
        size, mtime = self._read_here[path] = _stamp(path)
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


_Stamp = tuple[int, int]


def _stamp(path: Path) -> _Stamp:
    """Size and modification time; a file that cannot be asked has neither."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _open_index(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _prepare(None)
    try:
        files.make_folder(path.parent)
        return _prepare(path)
    except sqlite3.DatabaseError as error:
        damaged = error.sqlite_errorcode & 0xFF in _DAMAGED
        return _open_index(_without_index(path) if damaged else None)
    except MirrorError:
        return _prepare(None)


def _without_index(path: Path | None) -> Path | None:
    """Remove the files of an index; where it lay, or None where it cannot be removed."""
    try:
        for end in ("", "-wal", "-shm") if path is not None else ():
            Path(f"{path}{end}").unlink(missing_ok=True)
    except OSError:
        return None
    return path


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
