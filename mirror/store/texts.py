"""Which texts were ever published here, and from which files, as keyed hashes in `secret/texts.sqlite`.

A text published before is not listed twice, a withdrawn one is not published again by accident, and an edited file is
asked about. The hashes are HMAC-SHA-256 under a key that follows from the signing key, so the file alone confirms
no guess about a withdrawn text. It holds no text and no file name.
"""

import contextlib
import hashlib
import hmac
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from mirror.errors import Unavailable
from mirror.store import files

AT_A_TIME = 128
"""Hashes looked up with one question: SQLite takes 999 values in one, of whatever version."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS texts (hash BLOB PRIMARY KEY, listed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (hash BLOB PRIMARY KEY, listed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS size (size INTEGER NOT NULL);
"""


class Texts:
    """Keyed hashes of texts and of file names, each with the index at which it was listed."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._keyed = hmac.new(key, digestmod="sha256")
        with self._named_errors():
            self._database = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise Unavailable(f"{self._path} cannot be written: the disk is full") from None
            raise Unavailable(
                f"{self._path} cannot be read or written as what it is",
                hint="put a copy from a backup in its place; without it withdrawn texts are not known again",
            ) from None

    @property
    def size(self) -> int:
        """How many entries of the log this has taken in."""
        with self._named_errors():
            row = self._database.execute("SELECT MAX(size) FROM size").fetchone()
        return row[0] or 0

    def indexes_of_texts(self, contents: Sequence[bytes]) -> list[int | None]:
        """Where each of these very texts was listed, if it was; asks for `AT_A_TIME` of them at once."""
        return self._find_all("texts", contents)

    def indexes_of_sources(self, names: Sequence[str]) -> list[int | None]:
        """Which index was last published from the file of each name."""
        return self._find_all("sources", list(map(_encode, names)))

    def index_of_text(self, content: bytes) -> int | None:
        """Where this very text was listed, if it was."""
        return self._find_all("texts", [content])[0]

    def index_of_source(self, name: str) -> int | None:
        """Which index was last published from the file of this name."""
        return self.indexes_of_sources([name])[0]

    def add(self, size: int, texts: Iterable[tuple[bytes, int]], sources: Iterable[tuple[str, int]] = ()) -> None:
        """Take in the entries up to `size`, all or nothing."""
        with self._named_errors(), self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO texts VALUES (?, ?)", ((self._hash("texts", text), at) for text, at in texts)
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO sources VALUES (?, ?)",
                ((self._hash("sources", _encode(name)), at) for name, at in sources),
            )
            self._database.execute("DELETE FROM size")
            self._database.execute("INSERT INTO size VALUES (?)", (size,))

    def _find_all(self, table: str, contents: Sequence[bytes]) -> list[int | None]:
        with self._named_errors():
            if not self._database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608  (as below)
                return [None] * len(contents)
            hashes = [self._hash(table, content) for content in contents]
            found: dict[bytes, int] = {}
            for start in range(0, len(hashes), AT_A_TIME):
                part = hashes[start : start + AT_A_TIME]
                marks = ",".join("?" * len(part))
                query = f"SELECT hash, listed FROM {table} WHERE hash IN ({marks})"  # noqa: S608  (two names of our own)
                found.update(self._database.execute(query, part))
        return [found.get(each) for each in hashes]

    def _hash(self, purpose: str, content: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(purpose.encode() + b"\0" + hashlib.sha256(content).digest())
        return keyed.digest()


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=files.PRIVATE, exist_ok=True)
    database = sqlite3.connect(path)
    try:
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
