"""Filling in: an older copy of the same log gives back what an archive lacks or has damaged, and nothing else.

The copy is one that its caller has verified whole. What a newer log withdrew is skipped, and said to be. The newest
edition stays the newest. Blocks that lie damaged in a file are written anew in their place; the others go into the file
of the edition that is brought in. Each file is replaced by a rename, so that a crash leaves it as it was or mended.

**Left out: a file that cannot be read to its end and is of another edition** than the one brought in. Nobody can say
what stood behind the damage, so it stays as it is, and `mirror fsck` goes on naming it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mirror import carry, tree
from mirror.edition import Edition
from mirror.errors import FAULTS, Malformed, MirrorError
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.formats.unixfs import Get
from mirror.store import files
from mirror.store.archive import Archive, root_of
from mirror.tree_pages import pages_in


@dataclass(frozen=True, slots=True)
class Filled:
    """The newest edition here, the one that was brought in, how many blocks came of it, which indexes were skipped."""

    held: Edition
    shown: Edition
    blocks: int
    skipped: tuple[int, ...]


def either(archive: Archive, get: Get) -> Get:
    """Reads the archive, and the copy where the archive lacks a block or has it damaged."""

    def get_either(cid: CID) -> bytes:
        try:
            return archive.blocks.get(cid)
        except FAULTS:
            return get(cid)

    return get_either


def is_older(archive: Archive, root: CID, get: Get) -> bool:
    """Whether a copy is of an edition that is not later than the archive's newest, of whatever mirror."""
    if not archive.has_head():
        return False
    return Edition(root, get).number <= Edition(archive.head(), either(archive, get)).number


def fill_in(archive: Archive, root: CID, get: Get) -> Filled:
    """Take from a verified copy what the archive lacks of it. Raises as `carry.bring_in` does for another log."""
    held, shown = Edition(archive.head(), either(archive, get)), Edition(root, get)
    carry.check_same_log(held, shown)
    skipped = tuple(index for index in sorted(held.withdrawn()) if index < shown.size and shown.holds(index))
    withdrawn = {cid for index in skipped for cid in shown.blocks_at(index)}
    if withdrawn:
        withdrawn.difference_update(_reach(held.root, either(archive, get)))
    withdrawn.update(archive.withdrawn_here, _outdated_pages(archive, held, root, get))
    lacking = [cid for cid in tree.reach(root, get) if cid not in withdrawn and not _has(archive, cid)]
    for path, cids in _places(archive, lacking, archive.edition_path(shown.number)).items():
        _mend(path, cids, get, root)
    archive.refresh()
    archive.set_left_out(_still_left_out(archive))
    return Filled(held, shown, len(lacking), skipped)


def _still_left_out(archive: Archive) -> list[CID]:
    """What is left out and did not come now; pages that only earlier editions had are no longer spoken of."""
    left = [cid for cid in archive.left_out if cid not in archive.blocks]
    used = set(_reach(archive.head(), archive.get)) if left else set()
    return [cid for cid in left if cid in used]


def _outdated_pages(archive: Archive, held: Edition, root: CID, get: Get) -> set[CID]:
    """The blocks of a copy's reading room that the newest tree does not use."""
    pages = set(pages_in(root, get, set()))
    return pages.difference(_reach(held.root, either(archive, get))) if pages and root != held.root else set()


def _has(archive: Archive, cid: CID) -> bool:
    try:
        archive.blocks.get(cid)
    except FAULTS:
        return False
    return True


def _reach(root: CID, get: Get) -> Iterator[CID]:
    """What a tree uses, as far as it can be read."""
    try:
        yield from tree.reach(root, get)
    except FAULTS:
        return


def _places(archive: Archive, lacking: Iterable[CID], target: Path) -> dict[Path, list[CID]]:
    """Into which file each block goes: where it lies damaged, or the one of the edition that is brought in."""
    found: dict[Path, list[CID]] = {}
    cut_off = archive.blocks.damage
    for cid in lacking:
        there = {place.path for place in archive.blocks.places(cid)}.difference(cut_off)
        for path in there or {target}:
            found.setdefault(path, []).append(cid)
    archive.close()
    return found


def _mend(path: Path, cids: list[CID], get: Get, root: CID) -> None:
    """Write a file anew with these blocks, whatever is damaged beside them as it is; a new file names `root`."""
    waiting = dict.fromkeys(cids)
    with files.replacing(path) as new:
        writer = car.Writer(new)
        if path.exists():
            root = _root_of(path) or root
            for cid, data in _blocks(path):
                writer.put(cid, cid.check(get(cid)) if cid in waiting else data)
                waiting.pop(cid, None)
        for cid in waiting:
            writer.put(cid, cid.check(get(cid)))
        writer.seal(root)


def _root_of(path: Path) -> CID | None:
    try:
        return root_of(path)
    except MirrorError:
        return None


def _blocks(path: Path) -> Iterator[tuple[CID, bytes]]:
    """Each block of a file as it lies there, as far as the file can be read."""
    with path.open("rb") as old:
        sections = car.sections(old)
        while True:
            try:
                section = next(sections, None)
            except Malformed:
                return
            if section is None:
                return
            old.seek(section.offset)
            yield section.cid, old.read(section.length)
