"""What the reading room has to know of every testimony, in a file of SQLite: `cache/catalogue.sqlite`.

Whatever stands here was read out of the tree's notes and can be read out of them again: the catalogue is thrown away
where it is damaged, and made anew where it does not speak of the tree that it is asked about. So it is no record of
anything; it spares whoever publishes one more testimony the reading of all others.

Pages are laid from it and signed, so a letter that changed on the disk must not get into them: `catalogue.sqlite.sum`
has the SHA-256 of the file as it was left, and one that is not so is damaged. That finds accidents; whoever may write
here may write `mirror.toml` too.

What is withdrawn is overwritten with zeros here too (`secure_delete`), and the journal of a change is removed with it.
Where the file cannot be used (another program holds it, the disk is full or read-only), a catalogue in memory serves
this run, a few hundred bytes for each testimony; the file, which would go on telling what is withdrawn, is removed.

Rows are plain tuples, so that neither the reading room needs to know this module nor this one the reading room.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mirror.errors import MirrorError
from mirror.store import cache, files
from mirror.store.index import Failed

T = TypeVar("T")

Live = tuple[int, str, str | None, str, str | None, bool, str | None]
"""A testimony that can be read: index, language, title, how its text begins, date, whether warned of, translator."""

Listed = tuple[int, str, bytes, int | None, int | None, int | None, bool, str | None, bool]
"""An entry: index, kind, CID, what it translates, what it replaces; by which entry it was withdrawn, whether with its
token, the reason; whether it can be read."""

_VERSION = 1

_SCHEMA = """
CREATE TABLE state (state TEXT NOT NULL);
CREATE TABLE entries (
    at INTEGER PRIMARY KEY, kind TEXT NOT NULL, cid BLOB NOT NULL, original INTEGER, replaces INTEGER,
    taken_by INTEGER, with_token INTEGER, reason TEXT,
    language TEXT, title TEXT, opening TEXT, date TEXT, warned INTEGER, translator TEXT
);
CREATE INDEX by_cid ON entries (cid);
CREATE INDEX by_original ON entries (original) WHERE original IS NOT NULL;
CREATE INDEX by_replaced ON entries (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX by_life ON entries (at) WHERE language IS NOT NULL;
CREATE INDEX by_withdrawal ON entries (at) WHERE taken_by IS NOT NULL;
CREATE TABLE members (kind TEXT, name TEXT, at INTEGER, PRIMARY KEY (kind, name, at)) WITHOUT ROWID;
CREATE INDEX by_member ON members (at);
CREATE TABLE lists (kind TEXT, name TEXT, place TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, name))
    WITHOUT ROWID;
CREATE INDEX by_count ON lists (kind, count DESC, name);
CREATE INDEX by_place ON lists (kind, place);
"""

_LIVE = "at, language, title, opening, date, warned, translator"

_TABLES = ("state", "entries", "members", "lists")


def with_catalogue(path: Path | None, work: Callable[["Catalogue"], T]) -> T:
    """What `work` makes of the catalogue at a path; what it changes is kept if it ends well.

    Where the file is damaged, an empty one takes its place; where it cannot be used, one in memory does. `work` then
    begins again, and finds a catalogue that speaks of nothing.
    """
    if path is None or not (_is_as_left(path) or remove(path)):
        return _work(None, work)
    for _ in range(2):
        try:
            made = _work(path, work)
        except Failed as failure:
            if not remove(path) or not failure.damaged:
                break
        else:
            _remember(path)
            return made
    return _work(None, work)


def remove(path: Path) -> bool:
    """Remove the catalogue at a path; whether it is gone."""
    with contextlib.suppress(OSError):
        _sum_of(path).unlink(missing_ok=True)
    return cache.remove(path)


def _sum_of(path: Path) -> Path:
    return Path(f"{path}.sum")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_as_left(path: Path) -> bool:
    """Whether the file is there and what the last run left."""
    try:
        return _sum_of(path).read_bytes() == _digest(path).encode()
    except OSError:
        return False


def _remember(path: Path) -> None:
    """Say how the file was left; where that cannot be said, it is made anew the next time."""
    with contextlib.suppress(OSError, MirrorError):
        files.replace(_sum_of(path), _digest(path).encode())


def _work(path: Path | None, work: Callable[["Catalogue"], T]) -> T:
    try:
        file = _prepare(path)
    except MirrorError:
        raise Failed(damaged=False) from None
    with contextlib.closing(file):
        made = work(Catalogue(file))
        with _named_errors():
            file.commit()
        return made


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    """SQLite's errors as ours; a row that contradicts another is damage too."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.IntegrityError as error:
        raise Failed(damaged=True) from error
    except sqlite3.DatabaseError as error:
        raise cache.failed(error) from error


class Catalogue:
    """The catalogue in an open file. Each may raise `Failed`."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def _ask(self, question: str, *values: object) -> list[Any]:
        with _named_errors():
            return self._file.execute(question, values).fetchall()

    def _one(self, question: str, *values: object) -> Any:
        rows = self._ask(question, *values)
        return rows[0][0] if rows else None

    def _count(self, question: str, *values: object) -> int:
        found: int = self._one(question, *values)
        return found

    # Of what it speaks

    @property
    def state(self) -> str:
        """What `set_state` said last; empty for a new catalogue."""
        return self._one("SELECT state FROM state") or ""

    def set_state(self, state: str) -> None:
        """Say of which tree this speaks."""
        self._ask("DELETE FROM state")
        self._ask("INSERT INTO state VALUES (?)", state)

    def clear(self) -> None:
        """Forget everything."""
        for table in _TABLES:
            self._ask(f"DELETE FROM {table}")  # noqa: S608  (our own names)

    # What is put in

    def add(self, entry: Listed, live: Live | None, lists: Sequence[tuple[str, str, str]]) -> None:
        """The next entry; a testimony that can be read with what is said of it, and the lists it is on, each with its
        kind, name and place."""
        at, kind, cid, original, replaces, by, with_token, reason, _ = entry
        told = (None,) * 6 if live is None else live[1:]
        row = (at, kind, cid, original, replaces, by, with_token, reason, *told)
        self._ask(f"INSERT INTO entries VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608  (question marks)
        for of, name, place in lists:
            self._ask("INSERT INTO members VALUES (?, ?, ?)", of, name, at)
            self._ask(
                "INSERT INTO lists VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", of, name, place
            )

    def withdraw(self, index: int, by: int, *, with_token: bool, reason: str | None) -> None:
        """Forget what a testimony says, and the lists that nothing else is on; an index that is not there is none."""
        for kind, name in self.lists_of(index):
            self._ask("UPDATE lists SET count = count - 1 WHERE kind = ? AND name = ?", kind, name)
        self._ask("DELETE FROM lists WHERE count = 0")
        self._ask("DELETE FROM members WHERE at = ?", index)
        self._ask(
            "UPDATE entries SET taken_by = ?, with_token = ?, reason = ?, original = NULL, replaces = NULL, "
            "language = NULL, title = NULL, opening = NULL, date = NULL, warned = NULL, translator = NULL "
            "WHERE at = ?",
            by,
            with_token,
            reason,
            index,
        )

    # What is asked

    @property
    def size(self) -> int:
        """How many entries are here: all of the log's, from 0."""
        return (self._one("SELECT MAX(at) FROM entries") or 0) + bool(self._one("SELECT 1 FROM entries LIMIT 1"))

    @property
    def live(self) -> int:
        """How many testimonies can be read."""
        return self._count("SELECT COUNT(*) FROM entries WHERE language IS NOT NULL")

    @property
    def withdrawn(self) -> int:
        """How many were withdrawn."""
        return self._count("SELECT COUNT(*) FROM entries WHERE taken_by IS NOT NULL")

    def entries(self, first: int, count: int) -> list[Listed]:
        """Some entries in a row."""
        return self._ask(
            "SELECT at, kind, cid, original, replaces, taken_by, with_token, reason, language IS NOT NULL FROM entries "
            "WHERE at >= ? AND at < ? ORDER BY at",
            first,
            first + count,
        )

    def index_of(self, cid: bytes) -> int | None:
        """Where a note is listed."""
        found: int | None = self._one("SELECT MIN(at) FROM entries WHERE cid = ?", cid)
        return found

    def translations(self, index: int) -> list[tuple[int, str, str]]:
        """What translates a testimony and can be read: index, language, translator."""
        return self._ask(
            "SELECT at, language, translator FROM entries WHERE original = ? AND language IS NOT NULL ORDER BY at",
            index,
        )

    def replacing(self, index: int) -> list[int]:
        """What replaces a testimony and can be read."""
        rows = self._ask("SELECT at FROM entries WHERE replaces = ? AND language IS NOT NULL ORDER BY at", index)
        return [at for (at,) in rows]

    def lists_of(self, index: int) -> list[tuple[str, str]]:
        """The lists that a testimony is on: kind and name of each."""
        return self._ask("SELECT kind, name FROM members WHERE at = ? ORDER BY kind, name", index)

    def position(self, kind: str, name: str, index: int) -> int:
        """How many of a list come before an index."""
        question = "SELECT COUNT(*) FROM members WHERE kind = ? AND name = ? AND at < ?"
        return self._count(question, kind, name, index)

    def count(self, kind: str, name: str) -> int:
        """How many are on a list; 0 where there is none."""
        return self._one("SELECT count FROM lists WHERE kind = ? AND name = ?", kind, name) or 0

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        """Every list of a kind and how long it is, in the order of their places; it may be read while others ask."""
        question = "SELECT place, name, count FROM lists WHERE kind = ? AND place > ? ORDER BY place LIMIT 1000"
        last = ""
        while rows := self._ask(question, kind, last):
            yield from ((name, count) for _, name, count in rows)
            last = rows[-1][0]

    def most_used(self, kind: str, at_most: int) -> list[tuple[str, int]]:
        """The longest lists of a kind, the longest first."""
        return self._ask(
            "SELECT name, count FROM lists WHERE kind = ? ORDER BY count DESC, name LIMIT ?", kind, at_most
        )

    def count_names(self, kind: str) -> int:
        """How many lists of a kind there are."""
        return self._count("SELECT COUNT(*) FROM lists WHERE kind = ?", kind)

    def on_list(self, kind: str, name: str, first: int, count: int) -> list[Live]:
        """Some of a list, in the order of the log."""
        question = (
            f"SELECT {_LIVE} FROM entries WHERE at IN "  # noqa: S608  (our own names)
            "(SELECT at FROM members WHERE kind = ? AND name = ? ORDER BY at LIMIT ? OFFSET ?) ORDER BY at"
        )
        return [_live(row) for row in self._ask(question, kind, name, count, first)]

    def newest(self, at_most: int) -> list[Live]:
        """The testimonies that were listed last, the newest first."""
        question = f"SELECT {_LIVE} FROM entries WHERE language IS NOT NULL ORDER BY at DESC LIMIT ?"  # noqa: S608
        return [_live(row) for row in self._ask(question, at_most)]


def _live(row: tuple[Any, ...]) -> Live:
    at, language, title, opening, date, warned, translator = row
    return at, language, title, opening, date, bool(warned), translator


def _prepare(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        files.make_folder(path.parent)
    with _named_errors():
        file = sqlite3.connect(":memory:" if path is None else path, timeout=0, isolation_level=None)
    try:
        with _named_errors():
            _begin(file)
    except BaseException:
        file.close()
        raise
    return file


def _begin(file: sqlite3.Connection) -> None:
    for pragma in ("secure_delete = ON", "journal_mode = DELETE", "temp_store = MEMORY"):
        file.execute(f"PRAGMA {pragma}")
    if file.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
        drop = "".join(f"DROP TABLE IF EXISTS {table};" for table in _TABLES)
        file.executescript(f"{drop}{_SCHEMA}PRAGMA user_version = {_VERSION};")
    file.execute("BEGIN IMMEDIATE")
