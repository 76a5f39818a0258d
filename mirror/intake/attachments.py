"""Files that belong to a testimony: found beside it, cleaned or kept, cut into blocks.

    attachments = ["photo.jpg", "pictures/scan.png"]     in the front matter: beside the text, or in a folder there

A picture that can be cleaned (JPEG, PNG, GIF, WebP: told by its content) is cleaned and renamed after its place in that
list: `1.jpg`, `2.png`, for phones put clock times into names. Any other file tells more than its author knows and is
refused, unless the publisher names it: then it is published as it is, under its own name.

What an author hands in lies in a folder beside her note, `letter.signed.txt.files/1.jpg`. Her signature covers it, so
it is taken only if it is the very file; it is looked at again, for her machine is not the publisher's.

Files are read as streams and cut as they are read; only a picture is held whole. Reading one twice gives the same bytes
on one machine, so a run that first looks and then publishes keeps no copy in between.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from mirror.errors import Malformed, Refused
from mirror.formats import fields, text, unixfs
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.formats.unixfs import CHUNK, Put
from mirror.intake import kinds, pictures
from mirror.intake.kinds import Kind
from mirror.intake.metadata import scan_loosely

FOLDER_ENDING = ".files"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file about to be published: from where, what it was, its new name and type, and its content, to be read once.

    `told` is what was found in it beside the picture; `kept` says that it is still there.
    """

    source: Path
    words: str
    told: tuple[str, ...]
    kept: bool
    name: str
    media_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was cut into blocks: what stands of it in a note, the bytes of its blocks, and as `Opened` says."""

    attachment: Attachment
    size: int
    source: Path
    words: str
    told: tuple[str, ...]
    kept: bool

    @property
    def link(self) -> unixfs.Link:
        """The entry of a folder that leads to it."""
        return unixfs.Link(self.attachment.name, self.attachment.cid, self.size)


def nowhere(cid: CID, block: bytes) -> None:
    """Puts a block nowhere: for those who only want to know its name."""


def locate(folder: Path, name: str) -> Path:
    """The file that a text in `folder` names; raises `Malformed` where it is none, or may lie anywhere."""
    parts, windows = PurePosixPath(name).parts, PureWindowsPath(name)
    if not parts or "\\" in name or "\0" in name or ".." in parts or windows.drive or windows.root:
        raise Malformed(f"{name!r} has to be the name of a file beside the text, or in a folder there")
    path = folder
    mode = 0
    for part in parts:
        path /= part
        try:
            mode = path.lstat().st_mode
        except OSError:
            raise Malformed(f"{path} is not there") from None
        if stat.S_ISLNK(mode):
            raise Malformed(f"{path} is a symbolic link, which may lead anywhere")
    if not stat.S_ISREG(mode):
        raise Malformed(f"{path} is not a file")
    return path


def folder_of(note: Path) -> Path:
    """Where the attachments of a note lie that an author hands in."""
    return note.with_name(note.name + FOLDER_ENDING)


def check_kept(names: Iterable[str], attached: Iterable[Path]) -> None:
    """Raise `Refused` unless each of the names that the publisher gave names exactly one attached file."""
    attached = {Path(os.path.realpath(path)): path for path in attached}.values()
    for name in names:
        found = [str(path) for path in attached if _is_kept(path, (name,))]
        if not found:
            raise Refused(f"--keep-metadata {name}: no text names this file as its attachment")
        if len(found) > 1:
            raise Refused(
                f"--keep-metadata {name} could be any of {', '.join(found[:20])}", hint="give it with its folder"
            )


def _is_kept(path: Path, keep: tuple[str, ...]) -> bool:
    return path.name in keep or os.path.realpath(path) in [os.path.realpath(name) for name in keep]


def open_draft(path: Path, place: int, keep: tuple[str, ...]) -> Opened:
    """The file at `path`, which a text names at `place` (from 1): cleaned, or as it is where `keep` names it."""
    kind = _kind_of(path)
    if _is_kept(path, keep):
        name = _own_name(path)
        return Opened(path, kind.words, _look(path, kind), True, name, kinds.media_type_of(name), _chunks(path))
    if not kind.is_picture:
        raise Refused(
            f"it is {kind.words}, which can tell who made it, where and when; {kind.instead}; "
            f"or publish all that it tells: --keep-metadata {path.name}"
        )
    cleaned = pictures.clean(_read_picture(path))
    name = f"{place}{cleaned.kind.ending}"
    return Opened(path, kind.words, cleaned.removed, False, name, cleaned.kind.media_type, iter((cleaned.data,)))


def open_handed_in(path: Path, place: int, listed: Attachment, keep: tuple[str, ...]) -> Opened:
    """The file at `path`, which an author signed as `listed`: clean already, or kept where `keep` names it."""
    kind = _kind_of(path)
    told, kept = _look(path, kind), _is_kept(path, keep)
    clean = kind.is_picture and not told
    if not kept and (not clean or (listed.name, listed.media_type) != (f"{place}{kind.ending}", kind.media_type)):
        found = f" with {', '.join(told)}" if told else ""
        raise Refused(
            f"it is {kind.words}{found}, as its author signed it and not as mirror sign cleans and names it; "
            f"ask for it again, or publish all that it tells: --keep-metadata {path.name}"
        )
    return Opened(path, kind.words, told, kept, listed.name, listed.media_type, _chunks(path))


def prepare(opened: Opened, put: Put) -> Prepared:
    """Cut a file into blocks, each put as soon as it is known."""
    made = unixfs.build_file(opened.chunks, put)
    if not made.length:
        raise Refused("it is empty")
    listed = Attachment(made.cid, made.length, opened.media_type, opened.name)
    return Prepared(listed, made.size, opened.source, opened.words, opened.told, opened.kept)


def check_is(prepared: Prepared, listed: Attachment) -> Prepared:
    """The same, where it is the very file that its author signed."""
    if prepared.attachment != listed:
        made = prepared.attachment
        raise Malformed(
            f"it is not the file that its author signed: its CID is {made.cid}, signed {listed.cid}"
            if made.cid != listed.cid
            else f"it has {made.length} bytes, signed {listed.length}"
        )
    return prepared


def _kind_of(path: Path) -> Kind:
    with _open(path) as file:
        return kinds.kind_of(file.read(kinds.HEAD))


def _read_picture(path: Path) -> bytes:
    with _open(path) as file:
        data = file.read(pictures.PICTURE_AT_MOST + 1)
    if len(data) > pictures.PICTURE_AT_MOST:
        raise Refused(f"a picture of more than {pictures.PICTURE_AT_MOST} bytes; make it smaller")
    return data


def _look(path: Path, kind: Kind) -> tuple[str, ...]:
    """What stands in a picture that is not cleaned here, as far into it as one that is cleaned may reach."""
    if not kind.is_picture:
        return ()
    with _open(path) as file:
        return tuple(scan_loosely(file.read(pictures.PICTURE_AT_MOST)))


def _chunks(path: Path) -> Iterator[bytes]:
    with _open(path) as file:
        while chunk := file.read(CHUNK):
            yield chunk


@contextlib.contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Malformed(f"it cannot be read: {(error.strerror or 'input failed').lower()}") from None


def _own_name(path: Path) -> str:
    """The name of a file that is published as it is."""
    repaired = text.repair(path.name, single_line=True)
    if repaired.flaws:
        raise Malformed(f"its name holds {repaired.flaws[0].what}; give it another")
    try:
        return fields.file_name(repaired.text)
    except Malformed as error:
        raise Malformed(f"it has {error.message}; give it another") from None
