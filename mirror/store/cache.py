"""An index of blocks in a file of SQLite, such as a workspace's `cache/index.sqlite`.

It only speeds things up. One that is damaged may be thrown away; one that another program holds, or on a disk that is
full or read-only, is to be left alone: `Failed` says which. No error of SQLite's gets through.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mirror.store import files
from mirror.store.index import Failed, Row, Section, Stamp

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


def failed(error: sqlite3.DatabaseError) -> Failed:
    """What an error of SQLite's says of its file. Raises the error where it is a mistake in this program."""
    if isinstance(error, sqlite3.ProgrammingError):
        raise error
    return Failed(damaged=error.sqlite_errorcode & 0xFF in _DAMAGED)


class InFile:
    """The index in the file at `path`, which is made where there is none. See `mirror.store.index.Index`."""

    def __init__(self, path: Path) -> None:
        files.make_folder(path.parent)
        try:
            self._index = _prepare(path)
        except sqlite3.DatabaseError as error:
            raise failed(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._index.close()

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Changes are written at its end, or not at all."""
        try:
            with self._index:
                yield
        except sqlite3.DatabaseError as error:
            raise failed(error) from error

    def _ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._index.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise failed(error) from error

    def stamps(self) -> dict[str, Stamp]:
        """As `Index` says."""
        return {path: (size, mtime) for path, size, mtime in self._ask("SELECT path, size, mtime FROM cars")}

    def damage(self) -> list[tuple[str, str]]:
        """As `Index` says."""
        rows = self._ask("SELECT path, damage FROM cars WHERE damage IS NOT NULL ORDER BY path")
        return [(path, words) for path, words in rows]

    def forget(self, path: str) -> None:
        """As `Index` says."""
        self._ask("DELETE FROM blocks WHERE car = (SELECT id FROM cars WHERE path = ?)", path)
        self._ask("DELETE FROM cars WHERE path = ?", path)

    def take(self, path: str, stamp: Stamp, sections: Iterable[Section], damage: list[str]) -> None:
        """As `Index` says."""
        try:
            made = self._index.execute("INSERT INTO cars (path, size, mtime) VALUES (?, ?, ?)", (path, *stamp))
            rows = ((bytes(cid), made.lastrowid, start, length) for cid, start, length in sections)
            self._index.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?)", rows)
        except sqlite3.DatabaseError as error:
            raise failed(error) from error
        if damage:
            self._ask("UPDATE cars SET damage = ? WHERE id = ?", damage[0], made.lastrowid)

    def rows(self, cid: bytes) -> list[Row]:
        """As `Index` says."""
        question = (
            "SELECT path, start, length FROM blocks JOIN cars ON cars.id = blocks.car WHERE cid = ? ORDER BY path"
        )
        return [Row(*row) for row in self._ask(question, bytes(cid))]

    def ordinal(self, cid: bytes) -> int | None:
        """As `Index` says."""
        found: int | None = self._ask("SELECT MIN(rowid) FROM blocks WHERE cid = ?", bytes(cid))[0][0]
        return found

    def cids(self, behind: bytes = b"") -> Iterator[bytes]:
        """As `Index` says."""
        question = "SELECT DISTINCT cid FROM blocks WHERE cid > ? ORDER BY cid LIMIT ?"
        found: list[tuple[Any, ...]] = [(behind,)]
        while found := self._ask(question, found[-1][0], CIDS_AT_A_TIME):
            yield from (cid for (cid,) in found)

    def repeated(self) -> list[bytes]:
        """As `Index` says."""
        question = "SELECT cid FROM blocks GROUP BY cid HAVING COUNT(*) > 1 ORDER BY cid"
        return [cid for (cid,) in self._ask(question)]

    def __len__(self) -> int:
        count: int = self._ask("SELECT COUNT(DISTINCT cid) FROM blocks")[0][0]
        return count


def remove(path: Path) -> bool:
    """Remove the files of an index; whether they are gone."""
    try:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(f"{path}{end}").unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _prepare(path: Path) -> sqlite3.Connection:
    index = sqlite3.connect(path)
    try:
        index.execute("PRAGMA journal_mode = WAL")
        index.execute("PRAGMA synchronous = NORMAL")
        version = index.execute("PRAGMA user_version").fetchone()[0]
        if version != _SCHEMA_VERSION:
            index.executescript(f"DROP TABLE IF EXISTS blocks; DROP TABLE IF EXISTS cars; {_SCHEMA}")
            index.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        return index
    except BaseException:
        index.close()
        raise
