"""A workspace in one file, and back: a tar archive in an age file, so that `age -d` and `tar` open it without us.

    age -d -i identity.txt voices.age | tar -t

    archive/announcement.txt
    archive/editions/000001.car
    archive/head
    archive/name.ipns-record
    mirror.toml
    secret/key.age
    secret/texts.sqlite

and `archive/dropping`, which an interrupted withdrawal leaves, and whatever else `secret/` holds. Names stand in the
order of their bytes; `mirror.formats.tar` says what a file's header is: so two backups of one workspace differ in
nothing but the encryption, and neither names a person or a time. Left out are the cache, hidden and temporary files,
and whatever else lies in the workspace's folder. **That layout is all that is written, and all that is read**: a name
that would lead out of it, twice or under two spellings, is malformed, and so is a file that is larger than its place
allows.

Restoring writes into a folder within the new workspace's, and gives its parts their names when every byte has come and
lies on the disk; `archive` last. *A crash before that leaves a folder `.restore.tmp`, and no workspace.*

**Left out here: whether what the archive holds is true**, which `mirror.verify` judges, and whether it is the newest
(`mirror.publish` asks the record). Nor does a backup show who made it: restore only what you kept yourself.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mirror.errors import Malformed, Refused, Unavailable, Unverified
from mirror.formats import fields, ipns, note, tar
from mirror.formats.tar import Entry
from mirror.store import files, settings, vault
from mirror.store.archive import DROPPING_AT_MOST, HEAD_AT_MOST
from mirror.store.workspace import Workspace

FILES_AT_MOST = 100_000
"""Files in a backup: an edition is one, and one a day makes as many in 270 years."""

DEPTH_AT_MOST = 8
"""Folders below each other in `secret/`: what people keep there is not deep, and a name has to fit into tar."""

_PARTS = ("mirror.toml", "secret", "archive")
_PLACES = {
    "mirror.toml": settings.SETTINGS_AT_MOST,
    "archive/head": HEAD_AT_MOST,
    "archive/announcement.txt": note.NOTE_AT_MOST,
    "archive/dropping": DROPPING_AT_MOST,
    "archive/left-out": DROPPING_AT_MOST,
    "archive/name.ipns-record": ipns.RECORD_AT_MOST,
}
_EDITION = re.compile(r"archive/editions/([0-9]{6}|[1-9][0-9]{6,17})\.car")

Progress = Callable[[int, int], None]
"""``progress(done, total)``, in files."""


@dataclass(frozen=True, slots=True)
class Found:
    """What of a workspace a backup holds, and what else lies there and stays behind."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]


def check_name(name: str) -> int:
    """How many bytes the file of this name may have; `Malformed` where a workspace has no such place."""
    if name in _PLACES:
        return _PLACES[name]
    if not _EDITION.fullmatch(name):
        top, *rest = name.split("/")
        if top != "secret" or not 1 <= len(rest) <= DEPTH_AT_MOST:
            raise Malformed(f"{name!r} is no place in a workspace")
        for part in rest:
            fields.file_name(part)
    return tar.SIZE_AT_MOST


class _Order:
    """Holds that names ascend, that none is another's folder, and that no disk takes two for one."""

    def __init__(self) -> None:
        self._last = b""
        self._files: set[str] = set()

    def check(self, entry: Entry) -> None:
        """Raise `Malformed` unless this file may follow those before it."""
        if entry.size > check_name(entry.name):
            raise Malformed(f"{entry.name} has {entry.size} bytes, more than its place allows")
        if len(self._files) == FILES_AT_MOST:
            raise Malformed(f"more than {FILES_AT_MOST} files")
        if entry.name.encode() <= self._last:
            raise Malformed(f"{entry.name!r} stands twice, or in the wrong order")
        folded = entry.name.casefold()
        if not self._files.isdisjoint([folded, *_folders(folded)]):
            raise Malformed(f"{entry.name!r} and another name are one on some systems")
        self._files.add(folded)
        self._last = entry.name.encode()


def _folders(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


# Out


def find(workspace: Workspace) -> Found:
    """What a backup of a workspace would hold.

    Raises `Refused` for something in `secret/` that it cannot hold: nothing there is left behind but what is hidden.
    """
    home, left_out = workspace.home, [name for name in _names(workspace.home) if name not in {*_PARTS, "cache"}]
    names = [] if not workspace.settings_path.is_file() else ["mirror.toml"]
    for name in _below(home, "archive", depth=2):
        is_place = name in _PLACES or _EDITION.fullmatch(name)
        (names if is_place else left_out).append(name)
    for name in _below(home, "secret", depth=DEPTH_AT_MOST):
        (left_out if name.rpartition("/")[2].startswith(".") else names).append(name)
    try:
        entries = tuple(Entry(name, _size(home / name)) for name in sorted(names, key=os.fsencode))
        order = _Order()
        for entry in entries:
            order.check(entry)
    except (Malformed, UnicodeEncodeError) as error:
        words = error.message if isinstance(error, Malformed) else "a name that is not UTF-8"
        raise Refused(f"the backup cannot hold all of it: {words}", hint="give it another name, or move it") from None
    return Found(entries, tuple(sorted(left_out)))


def _names(folder: Path) -> list[str]:
    with _named(folder):
        return sorted(os.listdir(folder)) if folder.is_dir() else []


def _below(home: Path, folder: str, *, depth: int) -> Iterator[str]:
    """The files in a folder and those below it, by their names from `home` on; links are followed, as elsewhere."""
    for each in _names(home / folder):
        name = f"{folder}/{each}"
        if depth > 1 and (home / name).is_dir():
            yield from _below(home, name, depth=depth - 1)
        else:
            yield name


def _size(path: Path) -> int:
    if not path.is_file():
        raise Refused(f"{path} is no file that can be read", hint="move it out of the workspace")
    return path.stat().st_size


def write(workspace: Workspace, found: Found, path: Path, lock: vault.Lock | vault.Recipients, move: Progress) -> int:
    """Write a workspace into a new file that `lock` opens; its size in bytes. The caller holds the workspace's lock."""
    check_outside(workspace.home, path)
    if path.exists() or path.is_symlink():
        raise Refused(f"{path} exists already and is not overwritten")
    with files.replacing(path, mode=files.PRIVATE) as file:
        vault.seal_stream(tar.pack(_contents(workspace.home, found, move)), file, lock)
        return file.tell()


def check_outside(home: Path, path: Path) -> None:
    """Raise `Refused` for a file within a workspace: it would be lost with it."""
    if home.resolve() in path.resolve().parents:
        raise Refused(
            f"{path} lies in the workspace, and would be lost with it", hint="name a place on another disk or machine"
        )


def _contents(home: Path, found: Found, move: Progress) -> Iterator[tuple[Entry, Iterable[bytes]]]:
    for done, entry in enumerate(found.entries, 1):
        yield entry, _pieces(home / entry.name)
        move(done, len(found.entries))


def _pieces(path: Path) -> Iterator[bytes]:
    with _named(path), path.open("rb") as file:
        while piece := file.read(tar.CHUNK_AT_MOST):
            yield piece


# Back


def restore(path: Path, home: Path, lock: vault.Lock) -> int:
    """Lay out what a backup holds in a folder that is new or empty; how many files. It leaves all of it, or nothing.

    Raises `Unverified` where the lock does not open it, `Malformed` for what is damaged, cut off or no backup,
    `Refused` where something is in the folder.
    """
    with _staging(home) as folder:
        laying = _Laying(folder)
        try:
            with _named(path), path.open("rb") as sealed, tar.Reader(laying.take) as reader:
                vault.unseal_stream(sealed, reader.feed, lock)
        except (Malformed, Unverified) as error:
            raise type(error)(f"{path}: {error.message}", hint=error.hint) from None
        if not Workspace(folder).exists():
            raise Malformed(f"{path} holds no workspace")
        laying.sync()
    return laying.count


@contextlib.contextmanager
def _staging(home: Path) -> Iterator[Path]:
    """A folder within `home`, which is made if it is not there; what lies in it when the block ends moves to `home`.

    Nothing is left where the block fails.
    """
    folder, is_new = files.temporary_beside(home / "restore"), not home.exists()
    moved: list[Path] = []
    check_empty(home)
    files.make_folder(home)
    files.make_folder(folder, private=True)
    try:
        with _named(home):
            yield folder
            for part in _PARTS:
                if (folder / part).exists():
                    (folder / part).rename(home / part)
                    moved.append(home / part)
            folder.rmdir()
            files.sync_folder(home)
            files.sync_folder(home.resolve().parent)
    except BaseException:
        for path in (folder, *moved):
            _remove(path)
        if is_new:
            with contextlib.suppress(OSError):
                home.rmdir()
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def check_empty(home: Path) -> None:
    """Raise `Refused` unless nothing is in the folder, or it is not there yet."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        left = files.temporary_beside(home / "restore")
        raise Refused(
            f"{home} is not an empty folder",
            hint=f"an interrupted restore left {left}; remove it"
            if left.exists()
            else "name a new folder with: mirror --home FOLDER backup --restore FILE",
        )


class _Laying:
    """Writes the files of a backup into a folder, each checked before it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._order = _Order()
        self._made = {folder}
        self.count = 0

    @contextlib.contextmanager
    def take(self, entry: Entry) -> Iterator[Callable[[bytes], object]]:
        """Where the content of a file goes."""
        self._order.check(entry)
        *above, name = entry.name.split("/")
        folder, is_secret = self._folder, entry.name.startswith("secret/")
        for part in above:
            folder = folder / part
            files.make_folder(folder, private=is_secret)
            self._made.add(folder)
        path = folder / name
        with _named(path), files.open_new(path, mode=files.PRIVATE if is_secret else files.SHARED) as file:
            yield file.write
            files.sync(file)
        self.count += 1

    def sync(self) -> None:
        """Make the names of all that was written durable."""
        for folder in self._made:
            files.sync_folder(folder)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Says of which file a failure of the system speaks."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or 'input or output failed').lower()}") from None
