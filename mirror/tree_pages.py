"""The blocks of reading rooms, those of earlier editions too, which go on showing what was withdrawn since.

A page shows many testimonies, and each edition has others; so where anything is withdrawn, no page stays that the
newest tree does not use. `pages_held` names them all, whatever of them lies here: what was removed already, or never
came, is passed over, and what was met in one edition is not looked at again in the next.
"""

from collections.abc import Iterator

from mirror import tree
from mirror.errors import FAULTS
from mirror.formats import unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import Get, Link
from mirror.store.archive import Archive, root_of
from mirror.tree import Tree


def pages_in(root: CID, get: Get, seen: set[CID]) -> Iterator[CID]:
    """Every block of a tree's reading room that is not in `seen`, which learns of it; as far as it can be read."""
    for link in rooms_in(root, get):
        waiting = [link.cid]
        while waiting:
            cid = waiting.pop()
            if cid in seen:
                continue
            seen.add(cid)
            yield cid
            waiting.extend(_below(cid, get))


def rooms_in(root: CID, get: Get) -> list[Link]:
    """What stands of a reading room at the top of a tree; nothing where the tree cannot be read."""
    try:
        return [link for name, link in Tree(root, get).entries(root).items() if name in tree.READING_ROOM]
    except FAULTS:
        return []


def _below(cid: CID, get: Get) -> list[CID]:
    if cid.codec == RAW:
        return []
    try:
        return [link.cid for link in unixfs.parse(get(cid)).links]
    except FAULTS:
        return []


def pages_held(archive: Archive) -> set[CID]:
    """Every block of the reading room of every edition that lies in an archive."""
    seen: set[CID] = set()
    for path in archive.editions().values():
        try:
            root = root_of(path)
        except FAULTS:
            continue
        for _ in pages_in(root, archive.blocks.get, seen):
            pass
    return seen
