"""Tar archives: files in one stream, and nothing else that tar can say.

    archive   { file } 1024 × 00
    file      header (512) ‖ content ‖ 00 … up to a multiple of 512

    "notes.txt" … "0000600" "0000000" "0000000" "00000000003" "00000000000" …      a file of three bytes: its header

A header is ustar's, of a plain file: its name in UTF-8 and its size; mode 0600, owner and group 0 without names, time
0. So it follows from name and size, and what is read has to be, to the byte, what would be written here: a link, a
folder, a device, a host's user or a clock time is malformed. Any tar reads it. **The end is two blocks of zeros, with
nothing behind them**; an archive that stops earlier is cut off.

Specification: POSIX.1 pax, "ustar Interchange Format". Out of scope: every other kind of member, pax and GNU headers,
files from 8 GiB on. Which names may become paths is for whoever writes files (`mirror.store.backup`), not decided here.
"""

import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from mirror.errors import Malformed, Refused

BLOCK = 512
"""Bytes in a header; contents are filled up to a multiple of it."""

SIZE_AT_MOST = 8**11 - 1
"""Bytes in a file: ustar writes its size in eleven octal digits."""

NAME_AT_MOST = 255
"""Bytes in a name: ustar splits it at a slash into 155 and 100."""

CHUNK_AT_MOST = 64 * 1024
"""Bytes of content that are passed on at a time, so that no file is ever held whole."""

END = bytes(2 * BLOCK)

Take = Callable[["Entry"], AbstractContextManager[Callable[[bytes], object]]]
"""Where a file's content goes: entered at its header, called with each piece, left when the file is complete."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its name, and its size in bytes. `bytes()` is its header."""

    name: str
    size: int

    def __post_init__(self) -> None:
        if not 0 <= self.size <= SIZE_AT_MOST:
            raise Refused(f"{self.name!r} has {self.size} bytes, more than the {SIZE_AT_MOST} that tar can say")
        if not self.name or "\0" in self.name or len(self.name.encode()) > NAME_AT_MOST:
            raise Refused(f"{self.name[:NAME_AT_MOST]!r} is no name of 1 to {NAME_AT_MOST} bytes")
        if self.name.endswith("/"):
            raise Refused(f"{self.name!r} would be a folder to some")

    def __bytes__(self) -> bytes:
        info = tarfile.TarInfo(self.name)
        info.size, info.mode = self.size, 0o600
        try:
            return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        except ValueError:
            raise Refused(f"{self.name!r} is too long for tar") from None

    @property
    def padding(self) -> int:
        """How many zeros follow the content."""
        return -self.size % BLOCK


def parse(block: bytes) -> Entry:
    """The file that a header names."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if info.type != tarfile.REGTYPE:
            raise Malformed(f"{info.name!r} is no plain file")
        entry = Entry(info.name, info.size)
        if bytes(entry) != block:
            raise Malformed(f"the header of {info.name!r} says more than a name and a size")
    except (tarfile.HeaderError, ValueError, Refused):
        raise Malformed("a block that is no header of a file") from None
    return entry


def pack(files: Iterable[tuple[Entry, Iterable[bytes]]]) -> Iterator[bytes]:
    """The archive of some files, piece by piece; raises `Refused` for content that is not as long as its entry says."""
    for entry, content in files:
        yield bytes(entry)
        left = entry.size
        for piece in content:
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise Refused(f"{entry.name} changed while it was being read")
        yield bytes(entry.padding)
    yield END


class Reader:
    """Reads an archive that comes in pieces of any length, and hands its files to `take` as they come.

    A context manager: a file is complete when its own context is left without an exception, the archive when this one
    is; leaving it before the end raises `Malformed`.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._held = bytearray()
        self._reading = self._read()
        self._wanted: int | None = next(self._reading)

    def feed(self, data: bytes) -> None:
        """Read on; `Malformed` at the first byte that is not as it has to be."""
        self._held += data
        while self._wanted is not None and len(self._held) >= self._wanted:
            part = bytes(self._held[: self._wanted])
            del self._held[: self._wanted]
            try:
                self._wanted = self._reading.send(part)
            except StopIteration:
                self._wanted = None
        if self._wanted is None and self._held:
            raise Malformed("a tar archive that goes on behind its end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._reading.close()
        if kind is None and self._wanted is not None:
            raise Malformed("a tar archive that was cut off")

    def _read(self) -> Generator[int, bytes, None]:
        """Yields how many bytes it wants next, and is sent them."""
        while any(block := (yield BLOCK)):
            entry = parse(block)
            with self._take(entry) as write:
                left = entry.size
                while left:
                    piece = yield min(left, CHUNK_AT_MOST)
                    write(piece)
                    left -= len(piece)
                if any((yield entry.padding)):
                    raise Malformed(f"{entry.name!r} is followed by something else than zeros")
        if any((yield BLOCK)):
            raise Malformed("a tar archive with a lone block of zeros")
