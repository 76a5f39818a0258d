"""What is being fetched: verified blocks in a file that only grows, so that a fetch goes on where it was interrupted.

    with Fetched(path) as kept: …            a file that stays, and is taken up again if it is there
    with Fetched.for_now() as kept: …        one without a name, gone with the program

The file is a CAR without a root (`mirror.formats.car`), each block behind the last. After a crash whole blocks are kept
and what is cut off behind them is cut away; each is hashed before it counts, so nothing that was written wrongly or
changed since is taken for held. `finish` names the root and syncs it: from then on it is a CAR like any other.

Out of scope: whether a tree is whole.
"""

import tempfile
from pathlib import Path
from typing import BinaryIO, Self

from mirror.errors import MirrorError, Missing, Refused
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.store import files


class Fetched:
    """Blocks that came from elsewhere, kept in one file. A context manager; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Go on with the file at `path`, or begin one. Raises Refused for a file that is no CAR without a root."""
        self.path: Path | None = path
        files.make_folder(path.parent)
        self._file: BinaryIO = path.open("r+b" if path.exists() and path.stat().st_size else "w+b")
        self._begin()

    @classmethod
    def for_now(cls) -> Self:
        """An empty one, in a temporary file that nobody else can open and that is gone when it is closed."""
        made = cls.__new__(cls)
        made.path = None
        made._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        made._begin()
        return made

    def _begin(self) -> None:
        self._places: dict[CID, tuple[int, int]] = {}
        if self._file.seek(0, 2) == 0:
            self._car = car.Writer(self._file)
            return
        end = car.unsealed(self._file)
        if end is None:
            raise Refused(f"{self.path} is not a fetch that was interrupted, and is not written to")
        try:
            for section in car.sections(self._file):
                car.read_block(self._file, section)
                self._places[section.cid] = (section.offset, section.length)
                end = section.offset + section.length
        except MirrorError:
            pass  # what is behind the last whole block was being written when it stopped
        self._file.truncate(end)
        self._car = car.Writer.behind(self._file, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; one with a name stays as far as it was written."""
        self._file.close()

    def __contains__(self, cid: CID) -> bool:
        return cid in self._places

    def __len__(self) -> int:
        return len(self._places)

    def put(self, cid: CID, data: bytes) -> None:
        """Keep a verified block that is not held yet."""
        self._places[cid] = self._car.put(cid, data)

    def get(self, cid: CID) -> bytes:
        """A block that is held, hashed again. Raises Missing or BadBlock."""
        if cid not in self._places:
            raise Missing(f"block {cid} was not fetched")
        offset, length = self._places[cid]
        self._file.seek(offset)
        data = self._file.read(length)
        self._file.seek(0, 2)
        return cid.check(data)

    def finish(self, root: CID) -> None:
        """Name the root, and let the file stay written."""
        self._car.seal(root)
        files.sync(self._file)
