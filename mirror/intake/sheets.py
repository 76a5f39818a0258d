"""A draft between being looked at and being signed: small, for there may be very many.

    home = Home(name, charter, key)                            the mirror that drafts are for
    looked = look(home, options, paths)                        a `Sheet` of each file, or what is wrong with it
    made = sign(home, options, key, [job(sheet, hash, salt)])  the note of each, or None: read it anew

A text is read twice, once to look and once to sign, so that none is held in between and nothing is left lying about.
The file must have the same SHA-256 both times; where it has not, `sign` gives None for it, and whoever called says what
changed. What a note says above its body is decided when it is looked at and held in its sheet, with the place of the
body in the file; a body that was repaired is repaired again. Whatever is put together here, a key signs it only once it
was parsed and printed back to the same bytes (`mirror.formats.notes`).

Both are made for other processes, a slice of files at a time (`in_order`): where there are several cores, files are
looked at and notes are signed on all of them. A key is handed to those processes through the pipe by which each gets
its work, never by way of an argument, the environment or a file.
"""

import hashlib
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from mirror.errors import MirrorError
from mirror.formats import notes, wire
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.formats.headers import VERSION
from mirror.formats.key import PublicKey, SecretKey
from mirror.formats.note import NOTE_AT_MOST
from mirror.formats.notes import Testimony
from mirror.intake.attachments import Prepared, nowhere
from mirror.intake.drafts import Draft, Flawed, Options, Reference, prepare_attachments, read_draft, read_file

SALT_BYTES = 16

SIGNING_ROOM = 1024
"""Bytes kept free in a note for what signing adds: two CIDs, a translator, and a line by a key of the longest name."""

SLICE = 128
"""Files handed to another process at a time: enough that handing them over costs little, few enough to hold many."""

SLICES_AHEAD = 6
"""Slices handed out before the first is asked back: each process has its next one waiting."""

NO_HASH, NO_SALT = bytes(32), bytes(SALT_BYTES)
"""What stands for Withdrawal and Salt where two texts are compared without them."""

T = TypeVar("T")
Work = TypeVar("Work")
Result = TypeVar("Result")


class Home(NamedTuple):
    """The mirror that drafts are for: its name, the CID of its charter, its key."""

    mirror: str
    charter: CID
    key: PublicKey


class Rest(NamedTuple):
    """What few drafts have: references, an author's key and account, attachments as they will be published."""

    translation_of: Reference | None = None
    replaces: Reference | None = None
    author: bytes = b""
    account: bytes = b""
    handed_in: bool = False
    attachments: tuple[Prepared, ...] = ()


NOTHING_MORE = Rest()


class Sheet(NamedTuple):
    """What is kept of a draft: all but its text.

    `path` is the file as it was named, `real` its one name, by which it is remembered. `fingerprint` is the hash that
    the text is known again by, `digest` the SHA-256 of the file; `headers` are the note's lines between Charter and
    Withdrawal, `span` is as in `Draft`.
    """

    path: str
    real: str
    fingerprint: bytes
    digest: bytes
    headers: str
    span: tuple[int, int] | None
    rest: Rest = NOTHING_MORE

    @property
    def title(self) -> str | None:
        """The title, where there is one."""
        found = [line for line in self.headers.split("\n") if line.startswith("Title: ")]
        return found[0].removeprefix("Title: ") if found else None


Plain = tuple[tuple[Any, ...] | None, tuple[str, ...], Flawed | None]
"""A `Looked` as plain tuples, which go from one process to another in a fraction of the time."""


class Looked(NamedTuple):
    """What came of looking at one file: its sheet and what was repaired, or what is wrong with it."""

    sheet: Sheet | None
    repairs: tuple[str, ...] = ()
    flawed: Flawed | None = None

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """What `look` found of one file."""
        sheet, repairs, flawed = plain
        return cls(None if sheet is None else Sheet(*sheet), repairs, flawed)


def look(home: Home, options: Options, paths: Sequence[str]) -> list[Plain]:
    """What would be signed of each file, for `Looked.of`. Nothing is written."""
    return [_look(home, options, path) for path in paths]


def _look(home: Home, options: Options, path: str) -> Plain:
    try:
        draft = read_draft(Path(path), options)
        return tuple(_sheet(home, options, path, draft)), draft.repairs, None
    except Flawed as flawed:
        return None, (), flawed
    except MirrorError as error:
        return None, (), Flawed(Path(path), (error.message,))


def _sheet(home: Home, options: Options, path: str, draft: Draft) -> Sheet:
    attachments = prepare_attachments(draft, options.keep_metadata, nowhere)
    testimony = as_testimony(draft, home, tuple(each.attachment for each in attachments))
    content = testimony.text.encode()
    if len(content) > NOTE_AT_MOST - SIGNING_ROOM:
        raise Flawed(draft.source, ("longer than a note may be; divide it into several testimonies",))
    if draft.handed_in:
        _check_handed_in(draft.source, testimony, home)
        author = b"" if testimony.author is None else testimony.author.raw
        refers = (testimony.translation_of, testimony.replaces)
        rest = Rest(*refers, author, testimony.withdrawal, handed_in=True, attachments=attachments)
        return Sheet(path, real_name(path), fingerprint(testimony), draft.digest, _headers(testimony, home), None, rest)
    rest = Rest(draft.translation_of, draft.replaces, attachments=attachments)
    known_by = hashlib.sha256(content).digest()
    rest = NOTHING_MORE if rest == NOTHING_MORE else rest
    return Sheet(path, real_name(path), known_by, draft.digest, _headers(testimony, home), draft.span, rest)


def real_name(path: str) -> str:
    """The one name of a file, whichever way it was named; of a folder's files the folder is asked for once."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):
        return os.path.realpath(path)
    here = folder if os.path.isabs(folder) else os.path.abspath(folder)  # another answer from another current folder
    return os.path.join(_real_folder(here), name)


@lru_cache(maxsize=64)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _check_handed_in(source: Path, testimony: Testimony, home: Home) -> None:
    if testimony.mirror != home.mirror:
        raise Flawed(source, (f"it was signed for the mirror {testimony.mirror}, not {home.mirror}",))
    if testimony.charter != home.charter:
        raise Flawed(source, ("it was signed for another mirror of this name, with another charter",))
    if testimony.author is not None and testimony.author.raw == home.key.raw:
        raise Flawed(source, ("its author's key is the mirror's own",))


def _above(home: Home) -> str:
    """The lines that every testimony of a mirror begins with."""
    return f"{VERSION} {Testimony.word}\nMirror: {home.mirror}\nCharter: {home.charter}\n"


def _headers(testimony: Testimony, home: Home) -> str:
    content = testimony.text
    return content[len(_above(home)) : content.index("\nWithdrawal: ") + 1]


def wake() -> None:
    """Nothing: a process that is asked for it has loaded all that its work needs."""


def as_testimony(draft: Draft, home: Home, attachments: tuple[Attachment, ...] = ()) -> Testimony:
    """The testimony of a draft as far as its files decide it: without salt, token and what it refers to."""
    if draft.handed_in:
        return draft.handed_in[0]
    return Testimony(
        home.mirror,
        home.charter,
        draft.language,
        NO_HASH,
        NO_SALT,
        draft.body,
        title=draft.title,
        date=draft.date,
        tags=draft.tags,
        warning=draft.warning,
        attachments=attachments,
    )


def fingerprint(testimony: Testimony) -> bytes:
    """A hash by which a text is known again, whatever its salt, its token and what it refers to."""
    bare = replace(testimony, withdrawal=NO_HASH, salt=NO_SALT, translation_of=None, translator=None, replaces=None)
    return hashlib.sha256(bare.text.encode()).digest()


Job = tuple[str, bytes, bytes, str, tuple[int, int] | None, bytes, bytes]
"""What is signed of a text that refers to nothing and has no attachments: `job` makes one."""


def job(sheet: Sheet, withdrawal: bytes, salt: bytes) -> Job:
    """A sheet's text, the hash of its token, its salt."""
    return (sheet.path, sheet.fingerprint, sheet.digest, sheet.headers, sheet.span, withdrawal, salt)


def sign(home: Home, options: Options, key: SecretKey, jobs: Sequence[Job]) -> list[bytes | None]:
    """The note of each; None where the file is not the one that was looked at. Raises `Flawed` for one out of reach."""
    return [_sign(home, options, key, each) for each in jobs]


def _sign(home: Home, options: Options, key: SecretKey, work: Job) -> bytes | None:
    path, known_by, digest, headers, span, withdrawal, salt = work
    data = read_file(path)
    if hashlib.sha256(data).digest() != digest:
        return None
    if span is not None:
        last = f"Withdrawal: {wire.encode_hex(withdrawal)}\nSalt: {wire.encode_base32(salt)}\n"
        body = data[slice(*span)].decode()
        return notes.sign(Testimony.parse(f"{_above(home)}{headers}{last}\n{body}\n"), key)
    draft = read_draft(Path(path), options)
    bare = as_testimony(draft, home)
    if draft.digest != digest or fingerprint(bare) != known_by:
        return None
    return notes.sign(replace(bare, withdrawal=withdrawal, salt=salt), key)


def in_order(
    executor: Executor | None, work: Callable[[Work], Result], items: Iterable[tuple[T, Work]]
) -> Iterator[tuple[T, Result]]:
    """What `work` makes of the second of each pair, beside the first; on other processes where there is an executor.

    Raises whatever `work` raises, and the executor.
    """
    if executor is None:
        return ((beside, work(item)) for beside, item in items)
    return _handed_out(executor, work, items)


def _handed_out(
    executor: Executor, work: Callable[[Work], Result], items: Iterable[tuple[T, Work]]
) -> Iterator[tuple[T, Result]]:
    waiting: deque[tuple[T, Future[Result]]] = deque()
    for beside, item in items:
        waiting.append((beside, executor.submit(work, item)))
        if len(waiting) > SLICES_AHEAD:
            first, future = waiting.popleft()
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


class Sheets:
    """Many sheets, each in some two hundred bytes, by their number from 0."""

    def __init__(self) -> None:
        self._folders: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._packed: list[bytes] = []

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, number: int) -> Sheet:
        at, name, real, *rest = pickle.loads(self._packed[number])  # noqa: S301  (written by `append`, in this process)
        folder, real_folder = self._folders[at]
        return Sheet(folder + name, real_folder + (name if real is None else real), *rest)

    def append(self, sheet: Sheet) -> None:
        """Keep one more."""
        folder, slash, name = sheet.path.rpartition(os.sep)
        real_folder, real_slash, real = sheet.real.rpartition(os.sep)
        folders = (folder + slash, real_folder + real_slash)
        at = self._numbers.get(folders)
        if at is None:
            at = self._numbers[folders] = len(self._folders)
            self._folders.append(folders)
        rest = sheet[2:-1] if sheet.rest == NOTHING_MORE else sheet[2:]
        packed = (at, name, None if real == name else real, *rest)
        self._packed.append(pickle.dumps(packed, pickle.HIGHEST_PROTOCOL))
