"""What a keeper no longer hands on, and has not destroyed yet: blocks that a publisher alone withdrew.

    sealed/                             mode 0700; nothing in it is served, exported or pinned
    └── 000004-until-2026-12-22.car     what left with edition 4, and the day on which it is removed

A publisher's key that was seized could empty every copy by withdrawing everything. So what was taken back without its
token is put away for `DAYS`, and only then destroyed. The file is a CAR, its root the tree in which the blocks last
stood: with the archive's edition files it makes that tree whole again but for its reading room, whose pages show others
beside it, who may take theirs back meanwhile. Not encrypted: whoever may read the keeper's files may read it.
"""

import re
from collections.abc import Container, Iterable
from datetime import date, timedelta
from pathlib import Path

from mirror.formats import car
from mirror.formats.cid import CID
from mirror.store import files

DAYS = 30
"""Days for which what a publisher alone withdrew is kept: long enough for people to hear that a key was seized."""

_NAME = re.compile(r"[0-9]{6,18}-until-([0-9]{4}-[0-9]{2}-[0-9]{2})\.car")


class Sealed:
    """The folder of what was put away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_away(self, edition: int, root: CID, blocks: Iterable[tuple[CID, bytes]], today: date) -> Path:
        """Keep blocks that leave with an edition; `root` is the tree in which they stood."""
        files.make_folder(self.folder, private=True)
        path = self.folder / f"{edition:06d}-until-{end_of(today)}.car"
        with files.replacing(path, mode=files.PRIVATE) as file:
            writer = car.Writer(file)
            for cid, data in blocks:
                writer.put(cid, data)
            writer.seal(root)
        return path

    def held(self) -> dict[Path, date]:
        """What is put away, and until when; files that are not ours are passed over."""
        found = {}
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            name = _NAME.fullmatch(path.name)
            end = None if name is None else _day(name[1])
            if end is not None:
                found[path] = end
        return found

    def destroy(self, path: Path, gone: Container[CID]) -> int:
        """Write one of the files anew without some of its blocks, or remove it where nothing is left; how many went."""
        with path.open("rb") as old:
            (root,) = car.read_header(old).roots
            sections = list(car.sections(old))
            kept = [each for each in sections if each.cid not in gone]
            if kept and len(kept) < len(sections):
                with files.replacing(path, mode=files.PRIVATE) as file:
                    writer = car.Writer(file)
                    for each in kept:
                        writer.put(each.cid, car.read_block(old, each))
                    writer.seal(root)
        if not kept:
            path.unlink()
        return len(sections) - len(kept)

    def remove_ended(self, today: date) -> list[Path]:
        """Destroy what was kept long enough, and what a crash left of writing; returns which."""
        ended = [path for path, end in self.held().items() if end <= today]
        left = [path for path in self.folder.iterdir() if files.is_temporary(path)] if self.folder.is_dir() else []
        for path in (*ended, *left):
            path.unlink()
        return ended


def end_of(today: date) -> date:
    """The day on which what is put away today is destroyed."""
    return today + timedelta(days=DAYS)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # 2026-02-31
        return None
