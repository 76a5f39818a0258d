"""An archive's folder: editions, head, adoption after a crash.

    archive/                 may be handed to anybody, copied by any tool
    ├── head                 one line: the newest root CID
    ├── announcement.txt     the newest signed announcement
    ├── name.ipns-record     the newest signed record of the mirror's name, which anybody may put again
    ├── left-out             where a keeper dropped something: the blocks that are not held, and not fetched again
    ├── dropping             only while a withdrawal is under way: the blocks that it takes out of the files
    └── editions/
        └── 000001.car       the blocks that edition 1 added; its header names the root

Writing an edition, and what a crash leaves at each step:

1. blocks stream into a temporary CAR; its header is patched with the root, the file synced.
   *A temporary file, which the next run removes.*
2. it is renamed to `editions/N.car`, the folder synced.
   *A whole edition that `head` does not name: `pending`. The next run verifies and adopts it, since a copying tool
   may already have carried its signed checkpoint away.*
3. `announcement.txt` is removed, and `head` replaced: this is the commit. Then comes the new announcement.
   *The old or the new edition, perhaps without its announcement, which the next run writes.*
   *A withdrawal also takes blocks out of the files: `dropping` lists them before step 1, and each file is replaced by
   a rename. The list is there until all are done, and the next run goes on. What the newest tree uses is never taken
   out, so nothing is lost before step 3 and nothing that another testimony shares.*
4. the index is brought up to date. *A cache, which mends itself.*

Only the newest root is promised complete: a withdrawal takes blocks out of earlier editions' files.
"""

import contextlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self

from mirror.errors import Malformed, MirrorError, Missing, NotHeld, Refused
from mirror.formats import car, fields, ipns, note, wire
from mirror.formats import cid as cids
from mirror.formats.cid import CID, RAW
from mirror.formats.packed import Packed
from mirror.store import files
from mirror.store.blocks import Blocks

HEAD_AT_MOST = 256
"""Bytes in `head`: one CID and a newline, with room to say what else stands there."""

DROPPING_AT_MOST = 512 << 20
"""Bytes in the list of blocks that a withdrawal drops: nine million CIDs, the pages of more than 100,000 editions."""

_WITHDRAWN = " withdrawn"

_NOT_HELD = ("is not held by this keeper", "is withdrawn, not yet in the log")

_NAME = re.compile(r"([0-9]{6}|[1-9][0-9]{6,17})\.car")


class Archive:
    """An archive's folder, open for reading. A context manager: it holds files and the index open."""

    def __init__(self, folder: Path, index: Path | None = None) -> None:
        self.folder = folder
        self._index_path = index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and the index, if they were opened."""
        if "blocks" in self.__dict__:
            self.blocks.close()
            del self.blocks

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks of every edition."""
        return Blocks(list(self.editions().values()), self._index_path)

    def refresh(self) -> None:
        """Bring the index up to date with the files."""
        self.blocks.refresh(list(self.editions().values()))

    def get(self, cid: CID) -> bytes:
        """A block of the archive. Raises `NotHeld` for one that is left out, otherwise what `Blocks.get` does."""
        try:
            return self.blocks.get(cid)
        except Missing:
            if cid in self.left_out:
                raise NotHeld(f"block {cid} {_NOT_HELD[cid in self.withdrawn_here]}") from None
            raise

    @property
    def left_out(self) -> frozenset[CID]:
        """The blocks that a keeper chose not to hold: raw ones only, so that every folder is here."""
        return self._left_out[0]

    @property
    def withdrawn_here(self) -> frozenset[CID]:
        """Those of them that their author took back with her token or key, before the log says so."""
        return self._left_out[1]

    def check_left_out(self) -> None:
        """Raise `Malformed` where the list cannot be read: found later, it would seem to be a block's fault."""
        len(self.left_out)

    @cached_property
    def _left_out(self) -> tuple[frozenset[CID], frozenset[CID]]:
        try:
            data = files.read_at_most(self._left_out_path, DROPPING_AT_MOST, "the list of what is left out")
        except Missing:
            return frozenset(), frozenset()
        lines = wire.split_lines(wire.decode_utf8(data, "left-out"), "left-out")
        found = {cids.parse(line.removesuffix(_WITHDRAWN)): line.endswith(_WITHDRAWN) for line in lines}
        raw = {cid: withdrawn for cid, withdrawn in found.items() if cid.codec == RAW}
        return frozenset(raw), frozenset(cid for cid, withdrawn in raw.items() if withdrawn)

    def set_left_out(self, blocks: Iterable[CID], withdrawn: Iterable[CID] = ()) -> None:
        """Say which blocks are not held here, and which are `withdrawn_here` from now on; none takes the list away."""
        gone = self.withdrawn_here.union(withdrawn)
        lines = "".join(f"{cid}{_WITHDRAWN * (cid in gone)}\n" for cid in sorted(set(blocks)))
        if lines:
            files.replace(self._left_out_path, lines.encode())
        else:
            self._left_out_path.unlink(missing_ok=True)
        self.__dict__.pop("_left_out", None)

    @property
    def _left_out_path(self) -> Path:
        return self.folder / "left-out"

    @property
    def head_path(self) -> Path:
        """The file that names the newest root."""
        return self.folder / "head"

    @property
    def announcement_path(self) -> Path:
        """The newest announcement, for passing on."""
        return self.folder / "announcement.txt"

    def head(self) -> CID:
        """The newest root; `Missing` where there is none yet."""
        data = files.read_at_most(self.head_path, HEAD_AT_MOST, "the head")
        try:
            (line,) = wire.split_lines(wire.decode_utf8(data))
            return fields.folder_cid(line)
        except (Malformed, ValueError):
            raise Malformed(f"{self.head_path} does not hold one line with an index hash") from None

    def has_head(self) -> bool:
        """Whether anything was ever committed here."""
        return self.head_path.exists()

    def announcement(self) -> bytes | None:
        """The newest announcement, unopened, if there is one."""
        with contextlib.suppress(Missing):
            return files.read_at_most(self.announcement_path, note.NOTE_AT_MOST, "the announcement")
        return None

    @property
    def name_path(self) -> Path:
        """The newest IPNS record of the mirror's name."""
        return self.folder / "name.ipns-record"

    def name_record(self) -> bytes | None:
        """The newest IPNS record of the mirror's name, unopened, if there is one; it may lead to an older edition."""
        with contextlib.suppress(Missing):
            return files.read_at_most(self.name_path, ipns.RECORD_AT_MOST, "the name's record")
        return None

    def set_name_record(self, data: bytes) -> None:
        """Keep the newest record of the name: it is public, and needs no key to be put again."""
        files.replace(self.name_path, data)

    def editions(self) -> dict[int, Path]:
        """The edition files by their number, ascending; numbers may have gaps."""
        found = {}
        for path in self._editions_folder.iterdir() if self._editions_folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match:
                found[wire.decode_decimal(match[1].lstrip("0") or "0")] = path
        return dict(sorted(found.items()))

    def edition_path(self, number: int) -> Path:
        """Where the file of an edition lies."""
        return self._editions_folder / f"{number:06d}.car"

    def pending(self) -> tuple[int, CID] | None:
        """A whole edition that `head` does not name yet: its number and its root."""
        editions = self.editions()
        if not editions:
            return None
        number, path = max(editions.items())
        root = root_of(path)
        return None if self.has_head() and self.head() == root else (number, root)

    def set_head(self, root: CID) -> None:
        """Commit: from now on this is the newest root. An announcement, which speaks of another, goes first."""
        self.announcement_path.unlink(missing_ok=True)
        files.replace(self.head_path, f"{root}\n".encode())

    def set_announcement(self, data: bytes) -> None:
        """Keep the newest announcement beside the head."""
        files.replace(self.announcement_path, data)

    def remove_leftovers(self) -> list[Path]:
        """Remove the temporary files that a crash left; returns which."""
        folders = (self.folder, self._editions_folder)
        found = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if files.is_temporary(path)]
        for path in found:
            path.unlink()
        return found

    @property
    def _dropping_path(self) -> Path:
        return self.folder / "dropping"

    def dropping(self) -> list[CID]:
        """The blocks that a withdrawal is taking out of the files; empty where none is under way."""
        with contextlib.suppress(Missing):
            data = files.read_at_most(self._dropping_path, DROPPING_AT_MOST, "the list of blocks to drop")
            return [cids.parse(line) for line in wire.split_lines(wire.decode_utf8(data, "dropping"), "dropping")]
        return []

    def set_dropping(self, blocks: Iterable[CID]) -> None:
        """Say, before it is done, which blocks a withdrawal takes out; an empty list says that it is done."""
        lines = "".join(f"{cid}\n" for cid in blocks)
        if len(lines) > DROPPING_AT_MOST:
            raise Refused(f"a list of {len(lines)} bytes of blocks to drop, more than {DROPPING_AT_MOST}")
        if lines:
            files.replace(self._dropping_path, lines.encode())
        else:
            self._dropping_path.unlink(missing_ok=True)
            files.sync_folder(self.folder)

    def finish_dropping(self, used: Callable[[], Iterable[CID]]) -> int | None:
        """Take what `dropping` lists out of every file, then remove the list; how many blocks that were, if listed.

        `used` gives every block of the newest tree: those stay. 0 therefore says that what was begun never took
        effect, and None that nothing was under way. Raises `Malformed` for a file that cannot be read to
        its end, where a listed block may lie; the list is then kept, and so is the file.
        """
        dropping = set(self.dropping())
        if not dropping:
            return None
        dropping.difference_update(used())
        try:
            self._drop(dropping)
        except MirrorError as error:
            words = f"the withdrawal took effect, but what was withdrawn still lies in the files here: {error.message}"
            raise type(error)(words, hint=error.hint or "the next publish, withdraw or import goes on") from None
        self.set_dropping([])
        return len(dropping)

    def _drop(self, blocks: set[CID]) -> None:
        for path, words in self.blocks.damage.items() if blocks else ():
            raise Malformed(f"{path.name} cannot be read to its end: {words}", hint="mirror fsck says how to repair it")
        paths = sorted({place.path for cid in blocks for place in self.blocks.places(cid)})
        self.close()
        for path in paths:
            _rewrite(path, blocks)

    @contextlib.contextmanager
    def new_edition(self, number: int, *, readable: bool = False) -> Iterator["NewEdition"]:
        """An edition being written: it lies under its own name once the block ends well and it was sealed.

        A `readable` one remembers where its blocks lie, in some 70 bytes for each, and gives them back meanwhile.
        """
        path = self.edition_path(number)
        if path.exists():
            raise Refused(f"edition {number} lies in {path} already")
        files.make_folder(self._editions_folder)
        with files.replacing(path) as file:
            with NewEdition(file, self.blocks, files.temporary_beside(path) if readable else None) as edition:
                yield edition
            if not edition.sealed:
                raise Refused(f"edition {number} was not finished")

    @property
    def _editions_folder(self) -> Path:
        return self.folder / "editions"


class NewEdition:
    """The CAR of an edition while it is written: only blocks that the archive does not hold yet."""

    def __init__(self, file: BinaryIO, held: Blocks, path: Path | None = None) -> None:
        """With the `path` at which `file` lies it is readable."""
        self._file = file
        self._car = car.Writer(file)
        self._held = held
        self._written = Packed()
        self._places = None if path is None else _Places(path)
        self.sealed = False
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._places is not None:
            self._places.close()

    def put(self, cid: CID, data: bytes) -> None:
        """Add a block unless the archive or this edition has it."""
        if self._written.find(cid) is None and cid not in self._held:
            self._written.add(cid)
            self.append(cid, data)

    def append(self, cid: CID, data: bytes) -> None:
        """Add a block that the caller knows to be new: a note, whose salt makes it so."""
        offset, length = self._car.put(cid, data)
        if self._places is not None:
            self._places.add(cid, offset, length)
        self.count += 1

    def get(self, cid: CID) -> bytes:
        """A block of the archive, or of this edition if it is readable, as it was written."""
        data = None if self._places is None else self._places.read(self._file, cid)
        return self._held.get(cid) if data is None else data

    def seal(self, root: CID) -> None:
        """Write the root into the header; nothing is added after it."""
        self._car.seal(root)
        self.sealed = True


class _Places:
    """Where each block of a CAR lies that is being written; it is read through a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = Packed()
        self._offsets, self._lengths = array("Q"), array("I")
        self._reading: BinaryIO | None = None
        self._flushed = 0

    def add(self, cid: CID, offset: int, length: int) -> None:
        if self._rows.add(cid) == len(self._offsets):
            self._offsets.append(offset)
            self._lengths.append(length)

    def read(self, writing: BinaryIO, cid: CID) -> bytes | None:
        row = self._rows.find(cid)
        if row is None:
            return None
        offset, length = self._offsets[row], self._lengths[row]
        if offset + length > self._flushed:
            writing.flush()
            self._flushed = writing.tell()
        if self._reading is None:
            self._reading = self._path.open("rb")
        self._reading.seek(offset)
        return self._reading.read(length)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()


def root_of(path: Path) -> CID:
    """The one root that a CAR's header names."""
    try:
        with path.open("rb") as file:
            roots = car.read_header(file).roots
    except Malformed as error:
        raise Malformed(f"{path.name}: {error.message}") from None
    if len(roots) != 1:
        raise Malformed(f"{path.name} names {len(roots)} roots, not one")
    return roots[0]


def _rewrite(path: Path, without: set[CID]) -> None:
    root = root_of(path)
    with path.open("rb") as old, files.replacing(path) as new:
        writer = car.Writer(new)
        for section in car.sections(old):
            if section.cid not in without:
                old.seek(section.offset)
                writer.put(section.cid, old.read(section.length))
        writer.seal(root)


def is_archive(folder: Path) -> bool:
    """Whether a folder looks like an archive: it has editions."""
    return (folder / "editions").is_dir()
