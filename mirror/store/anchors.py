"""A publisher's proofs from outside clocks: what is under way, and what is complete and goes into the next edition.

    secret/anchors/                         mode 0700; part of every backup
    ├── schedule.json                       when which checkpoint is handed in next (`mirror.anchor_schedule`)
    └── 42/                                 the size of the log that is anchored
        ├── checkpoint.txt.ots              complete: as it will lie at /anchor/00/00/00/42/ in the tree
        ├── ethereum-7.json
        └── pending/                        under way: whatever the clock's own module keeps
            ├── checkpoint.txt.ots
            └── ethereum-8.json

A file is there whole or not at all, the old content or the new (`mirror.store.files`). What is here is private only
because what is under way would tell when somebody works; nothing in it is a secret once it lies in an edition. Nothing
is believed for being here: whoever takes a proof into a tree checks it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mirror.errors import Malformed, Missing, Refused
from mirror.formats import fields, wire
from mirror.store import files

ANCHOR_AT_MOST = 1024 * 1024
"""Bytes in one proof, under way or complete: a file of the tree that is one block."""

_PENDING = "pending"


class Anchor(NamedTuple):
    """What is kept of one anchor: the size of the log it is over, and the name it has in the tree."""

    size: int
    name: str


class Anchors:
    """The proofs of a workspace; under another name of the folder, others that are kept in the same way."""

    def __init__(self, secret: Path, name: str = "anchors") -> None:
        self._folder = secret / name

    def pending(self) -> Iterator[Anchor]:
        """What is under way, smaller sizes first; what is not ours is passed over."""
        yield from self._anchors(_PENDING)

    def complete(self) -> Iterator[Anchor]:
        """What may go into an edition, smaller sizes first."""
        yield from self._anchors("")

    def _anchors(self, below: str) -> Iterator[Anchor]:
        sizes = filter(None, map(_size, self._folder.iterdir())) if self._folder.is_dir() else ()
        for size in sorted(sizes):
            folder = self._folder / str(size) / below
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.is_file() and not path.name.startswith("."):
                    yield Anchor(size, path.name)

    def read_pending(self, anchor: Anchor) -> bytes | None:
        """What is kept of an anchor under way; None where nothing is."""
        return _read(self._path(anchor, _PENDING))

    def read(self, anchor: Anchor) -> bytes | None:
        """A complete proof; None where there is none."""
        return _read(self._path(anchor))

    def put_pending(self, anchor: Anchor, data: bytes) -> None:
        """Keep how far an anchor is, durably, instead of what was kept before."""
        self._put(self._path(anchor, _PENDING), data)

    def put(self, anchor: Anchor, data: bytes) -> None:
        """Keep a complete proof, durably, instead of the one before."""
        self._put(self._path(anchor), data)

    def forget_pending(self, anchor: Anchor) -> None:
        """Nothing more is awaited for this anchor."""
        path = self._path(anchor, _PENDING)
        if path.exists():
            path.unlink()
            files.sync_folder(path.parent)

    def forget(self, anchor: Anchor) -> None:
        """Remove a complete proof that turned out to be none."""
        path = self._path(anchor)
        if path.exists():
            path.unlink()
            files.sync_folder(path.parent)

    def pending_path(self, anchor: Anchor) -> Path:
        """Where what is kept of an anchor under way lies."""
        return self._path(anchor, _PENDING)

    def path(self, anchor: Anchor) -> Path:
        """Where a complete proof lies."""
        return self._path(anchor)

    def read_schedule(self) -> bytes | None:
        """When which checkpoint is handed in next; None where nothing is kept of it."""
        return _read(self.schedule_path)

    def put_schedule(self, data: bytes) -> None:
        """Keep when which checkpoint is handed in next, durably."""
        files.make_folder(self._folder, private=True)
        files.replace(self.schedule_path, data, mode=files.PRIVATE)

    @property
    def schedule_path(self) -> Path:
        """Where that lies."""
        return self._folder / "schedule.json"

    def _put(self, path: Path, data: bytes) -> None:
        if len(data) > ANCHOR_AT_MOST:
            raise Refused(f"a proof of {len(data)} bytes for {path.name}, more than {ANCHOR_AT_MOST}")
        for folder in (self._folder, self._folder / path.relative_to(self._folder).parts[0], path.parent):
            files.make_folder(folder, private=True)
        files.replace(path, data, mode=files.PRIVATE)

    def _path(self, anchor: Anchor, below: str = "") -> Path:
        fields.file_name(anchor.name)
        if anchor.size < 1:
            raise Refused(f"a log of {anchor.size} entries has no anchor")
        return self._folder / str(anchor.size) / below / anchor.name


def _read(path: Path) -> bytes | None:
    try:
        return files.read_at_most(path, ANCHOR_AT_MOST, "the proof")
    except Missing:
        return None


def _size(path: Path) -> int | None:
    try:
        return wire.decode_decimal(path.name)
    except Malformed:
        return None
