"""What is being fetched: verified blocks in a file that only grows, so that a fetch goes on where it was interrupted.

    with Fetched(path) as kept: …            a file that stays, and is taken up again if it is there
    with Fetched.for_now() as kept: …        one without a name, gone with the program

The file is a CAR without a root (`mirror.formats.car`), each block behind the last. After a crash whole blocks are kept
and what is cut off behind them is cut away; each is hashed before it counts, so nothing that was written wrongly or
changed since is taken for held: what stands behind it is fetched again. `finish` writes everything, and only then names
the root: from then on it is a CAR like any other, for the caller to move to its place. One that was finished and not
moved is taken up again too, as one that is not finished. Any other file is refused and left as it is.

Held in memory are some 80 bytes a block. Out of scope: whether a tree is whole; two programs with one file, which
whoever has the folder's lock rules out.
"""

import tempfile
from array import array
from pathlib import Path
from typing import BinaryIO, Self

from mirror.errors import MirrorError, Missing, Refused
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.formats.packed import Packed
from mirror.store import files


class Fetched:
    """Blocks that came from elsewhere, kept in one file. A context manager; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Go on with the file at `path`, or begin one. Raises Refused for a file that no fetch left."""
        files.make_folder(path.parent)
        self._open(files.open_to_go_on(path), path)

    @classmethod
    def for_now(cls) -> Self:
        """An empty one, in a temporary file that nobody else can open and that is gone when it is closed."""
        made = cls.__new__(cls)
        made._open(tempfile.TemporaryFile(), None)  # noqa: SIM115  (closed by `close`)
        return made

    def _open(self, file: BinaryIO, path: Path | None) -> None:
        self.path = path
        self._file = file
        self._rows = Packed()
        self._offsets, self._lengths = array("Q"), array("L")
        try:
            self._begin()
        except BaseException:
            file.close()
            raise

    def _begin(self) -> None:
        if car.is_beginning(self._file):
            self._file.seek(0)
            self._file.truncate()
            self._car = car.Writer(self._file)
            return
        end = car.unseal(self._file)
        if end is None:
            raise Refused(f"{self.path} is not a fetch that was interrupted, and is not written to")
        try:
            for section in car.sections(self._file):
                car.read_block(self._file, section)
                self._add(section.cid, section.offset, section.length)
                end = section.offset + section.length
        except MirrorError:
            pass  # what is behind the last whole block was being written when it stopped, or has changed since
        self._file.truncate(end)
        self._car = car.Writer.behind(self._file, end)

    def _add(self, cid: CID, offset: int, length: int) -> None:
        if self._rows.add(cid) == len(self._offsets):
            self._offsets.append(offset)
            self._lengths.append(length)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; one with a name stays as far as it was written."""
        self._file.close()

    def __contains__(self, cid: CID) -> bool:
        return self._rows.find(cid) is not None

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, cid: CID, data: bytes) -> None:
        """Keep a verified block; one that is held already is not written again."""
        if cid not in self:
            self._add(cid, *self._car.put(cid, data))

    def get(self, cid: CID) -> bytes:
        """A block that is held, hashed again. Raises Missing or BadBlock."""
        row = self._rows.find(cid)
        if row is None:
            raise Missing(f"block {cid} was not fetched")
        self._file.seek(self._offsets[row])
        data = self._file.read(self._lengths[row])
        self._file.seek(0, 2)
        return cid.check(data)

    def finish(self, root: CID) -> None:
        """Name the root, and let the file stay written. Raises Refused for a root that is not ours."""
        files.sync(self._file)
        self._car.seal(root)
        files.sync(self._file)
