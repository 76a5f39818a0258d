"""Attachments on the terminal: what each was, what it told, what becomes of it; and written beside a signed note."""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from mirror.cli.terminal import isolate
from mirror.errors import Refused
from mirror.intake.attachments import Prepared, nowhere, open_draft, prepare
from mirror.store import files

LOOK = "look at   what the attachments show: faces, places and names in them are not cleaned"


def attachment_lines(attachments: Iterable[Prepared]) -> Iterator[str]:
    """Of each attachment what it was, what was found in it, its new name and size; and what nobody can clean."""
    each = None
    for each in attachments:
        yield f"attached  {isolate(each.source.name)}: {isolate(_becoming(each))}"
    if each is not None:
        yield LOOK


def _becoming(each: Prepared) -> str:
    listed, found = each.attachment, ", ".join(each.told)
    if each.kept:
        with_it = f"with {found}" if found else "with all that it tells"
        return f"{each.words}, published as it is, {with_it}: {listed.name}, {listed.length} bytes"
    removed = f"removed: {found}" if found else "nothing found to remove"
    return f"{each.words}, becomes {listed.name}, {listed.length} bytes; {removed}"


def attachment_as_json(each: Prepared) -> dict[str, Any]:
    """The same for programs; `found` was removed unless `kept`."""
    return {
        "file": str(each.source),
        "name": each.attachment.name,
        "media_type": each.attachment.media_type,
        "bytes": each.attachment.length,
        "cid": str(each.attachment.cid),
        "found": list(each.told),
        "kept": each.kept,
    }


@contextlib.contextmanager
def written_beside(attachments: tuple[Prepared, ...], keep: tuple[str, ...], folder: Path) -> Iterator[None]:
    """Write the attachments of a note into a new folder, as they were shown; it stays if the block ends well."""
    if not attachments:
        yield
        return
    files.make_folder(folder, private=True)
    try:
        for place, each in enumerate(attachments, start=1):
            _write(each, place, keep, folder)
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(each: Prepared, place: int, keep: tuple[str, ...], folder: Path) -> None:
    opened = open_draft(each.source, place, keep)
    with files.replacing(folder / opened.name, mode=files.PRIVATE) as file:
        again = prepare(replace(opened, chunks=_written(opened.chunks, file)), nowhere)
    if again != each:
        raise Refused(f"{each.source} changed while it was being signed", hint="sign again")


def _written(chunks: Iterator[bytes], file: BinaryIO) -> Iterator[bytes]:
    for chunk in chunks:
        file.write(chunk)
        yield chunk
