"""Durable, atomic, private: write a file so that it stays written.

A file is replaced by writing a temporary one beside it, syncing it, renaming it over the old, and syncing the folder.
A crash before the rename leaves the old file and a temporary one (`is_temporary`); after it, the new file. Only a file
that must be new (`create`) is written under its own name at once, for nothing else refuses to overwrite everywhere; a
failure removes it, a crash in that moment leaves a part that nobody was told of.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mirror.errors import Missing, Refused, Unavailable

PRIVATE = 0o600
SHARED = 0o644

_TEMPORARY = ".tmp"


def read_at_most(path: Path, limit: int, what: str) -> bytes:
    """The bytes of a file that is to hold at most `limit` of them."""
    with _named_errors(path, what), path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Refused(f"{what} {path} is larger than {limit} bytes")
    return data


def check_room(path: Path, length: int, what: str) -> None:
    """Raise `Refused` where the disk on which `path` lies, or would, has not `length` bytes free; `what` begins it."""
    import shutil  # noqa: PLC0415  (it loads compressors, which nobody needs who only reads)

    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    if length > free:
        words = f"{what} {length} bytes, and {free} are free where {path} would lie"
        raise Refused(words, hint="name a folder on another disk")


def replace(path: Path, data: bytes, *, mode: int = SHARED) -> None:
    """Let `path` hold `data`, durably: the old content or the new, never a part."""
    with replacing(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = SHARED) -> Iterator[BinaryIO]:
    """A new file that takes the name `path` when the block ends well, and leaves nothing behind when it does not."""
    temporary = temporary_beside(path)
    with _named_errors(path, "the file"):
        temporary.unlink(missing_ok=True)
        try:
            with _create(temporary, mode) as file:
                yield file
                sync(file)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def create(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that must not exist yet, durably; refuses where it does."""
    with _named_errors(path, "the file"):
        try:
            file = _create(path, mode)
        except FileExistsError:
            raise Refused(f"{path} exists already and is not overwritten") from None
        try:
            with file:
                file.write(data)
                sync(file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def creating(path: Path) -> Iterator[BinaryIO]:
    """A file that must not exist yet, one of many of which none counts by itself: it is not synced."""
    with _named_errors(path, "the file"), _create(path, SHARED) as file:
        yield file


def make_folder(path: Path, *, private: bool = False) -> None:
    """A folder with its parents, there already or made now; a private one is its owner's alone."""
    with _named_errors(path, "the folder"):
        path.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)


def temporary_beside(path: Path) -> Path:
    """Where the next content of `path` is written before it takes the name."""
    return path.with_name(f".{path.name}{_TEMPORARY}")


def is_temporary(path: Path) -> bool:
    """Whether a crash left this file; nothing in it was ever promised to anybody."""
    return path.name.startswith(".") and path.name.endswith(_TEMPORARY)


def open_new(path: Path, *, mode: int = SHARED) -> BinaryIO:
    """A new file, open for writing and reading; refuses where it exists."""
    return _create(path, mode, os.O_RDWR)


def open_to_go_on(path: Path) -> BinaryIO:
    """A file, open for writing and reading, as it is; a new one where there is none."""
    with _named_errors(path, "the file"):
        try:
            return _create(path, SHARED, os.O_RDWR)
        except FileExistsError:
            return path.open("r+b")


def sync(file: BinaryIO) -> None:
    """Return only when what was written to `file` would outlast a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """The same for the names in a folder. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, mode: int, access: int = os.O_WRONLY) -> BinaryIO:
    flags = access | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, mode), "r+b" if access == os.O_RDWR else "wb")


@contextlib.contextmanager
def _named_errors(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise Missing(f"{what} {path} does not exist") from None
    except IsADirectoryError:
        raise Refused(f"{what} {path} is a folder") from None
    except PermissionError:
        raise Refused(f"{what} {path} may not be read or written by this user") from None
    except OSError as error:
        raise Unavailable(f"{what} {path}: {(error.strerror or 'input or output failed').lower()}") from None
