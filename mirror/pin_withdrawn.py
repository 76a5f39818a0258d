"""What was withdrawn leaves the node too: exactly its blocks, and only those that nothing else uses.

Run after the pin was moved. For each withdrawn testimony that the node still has anything of:

1. its blocks are named: the note's CID stands in the log; its attachments stand in the note, read from the node's own
   copy without asking the network; their folder stands in an edition of ours from before;
2. what the newest tree uses stays; the rest is removed, content before what names it, so that a run that was cut off
   leaves what the next one finds the rest by;
3. the pages of the editions from before a withdrawal go too, but for those that the newest tree uses: they show what
   was withdrawn beside others. They are found by those editions' roots, as far as the node has them;
4. the node is asked again, offline, whether it has them.

A block that another pin holds stays, and the pins are named: they are somebody's to remove. Whoever fetched a copy has
it; a cluster's peers and a pinning service remove what they no longer pin when they collect garbage, if ever.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mirror import tree
from mirror.errors import FAULTS
from mirror.formats import notes, unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.notes import Testimony
from mirror.pin_look import Node, Ours
from mirror.tree_pages import rooms_in

PINS_ASKED_AT_MOST = 8
"""Blocks of which is asked who pins them: each question may make a node walk all its pins."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a node still had of what was withdrawn: of which indexes, how many blocks went, and which stayed and why.

    `pins` has the name and root of pins that hold what stayed; `pages` are blocks that went, of pages of editions from
    before.
    """

    indexes: tuple[int, ...]
    blocks: int
    kept: dict[CID, str]
    pins: tuple[tuple[str, CID], ...]
    pages: int = 0


def remove_withdrawn(node: Node, ours: Ours) -> Removed | None:
    """Remove what a node has of withdrawn testimonies; None where it has nothing of them."""
    withdrawn = ours.head.withdrawn()
    if not withdrawn:
        return None
    places = [_place(ours, index, how.by) for index, how in sorted(withdrawn.items())]
    there = [place for place in places if any(node.has(cid) for cid in (place.note, place.folder) if cid is not None)]
    used = set(tree.reach(ours.root, ours.archive.blocks.get))
    pages = _pages(node, ours.until(max(how.by for how in withdrawn.values())), used)
    if not there and not pages:
        return None
    gone: set[CID] = set()
    kept: dict[CID, str] = {}
    for place in there:
        content = [cid for cid in (*_attachments(node, place), place.note) if cid not in used and cid not in gone]
        stayed = _remove(node, content)
        gone.update(cid for cid in content if cid not in stayed)
        kept |= stayed
        if not stayed and place.folder is not None and place.folder not in used:
            kept |= (stayed := _remove(node, [place.folder]))
            gone.update({place.folder} - stayed.keys())
    kept_pages = _remove(node, [cid for cid in pages if cid not in gone and cid not in kept])
    kept |= kept_pages
    pins = {root: name for cid in list(kept)[:PINS_ASKED_AT_MOST] for name, root in node.pins_that_hold(cid)}
    if kept:
        pins |= {root: name for name, root in node.pins() if any(place.lies_in(ours, root) for place in places)}
    named = tuple(sorted((name, root) for root, name in pins.items()))
    return Removed(tuple(place.index for place in there), len(gone), kept, named, len(pages) - len(kept_pages))


def _pages(node: Node, roots: list[CID], used: AbstractSet[CID]) -> list[CID]:
    """What a node has of these editions' pages and the newest does not use; what is named before what names it."""
    found: dict[CID, None] = {}
    for root in roots:
        if not node.has(root):
            continue
        waiting = [link.cid for link in rooms_in(root, node.block)]
        while waiting:
            cid = waiting.pop()
            if cid in used or cid in found or not node.has(cid):
                continue
            found[cid] = None
            waiting += _links(node, cid)
    return list(reversed(found))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to look for a withdrawn testimony: its note, and its attachments' folder where an edition here tells it."""

    index: int
    by: int
    note: CID
    folder: CID | None

    def lies_in(self, ours: Ours, root: CID) -> bool:
        """Whether a root is an edition of ours from before the withdrawal, which has this testimony."""
        number = ours.numbers.get(root)
        return number is not None and self.index < ours.size_of(number) <= self.by


def _place(ours: Ours, index: int, by: int) -> _Place:
    folder = None
    try:
        before = ours.before(by)
        link = None if before is None else before.tree.find((tree.FILE, *tree.number_path(index)))
        folder = None if link is None else link.cid
    except FAULTS:
        pass  # that edition cannot be read here any more; the note names the attachments too
    return _Place(index, by, ours.head.entry(index).cid, folder)


def _attachments(node: Node, place: _Place) -> list[CID]:
    """The blocks of the attachments as far as the node has what names them; what is named before what names it."""
    named: list[CID] = []
    if place.folder is not None:
        named += _links(node, place.folder)
    try:
        note = notes.peek(node.block(place.note))
        named += [each.cid for each in note.attachments] if isinstance(note, Testimony) else []
    except FAULTS:
        pass  # it is gone already, or was never whole: the folder, where it is known, names the same
    found = dict.fromkeys(named)
    waiting = list(found)
    while waiting:
        below = [cid for cid in _links(node, waiting.pop()) if cid not in found]
        found.update(dict.fromkeys(below))
        waiting += below
    return list(reversed(found))


def _links(node: Node, cid: CID) -> list[CID]:
    if cid.codec == RAW:
        return []
    try:
        return [link.cid for link in unixfs.parse(node.block(cid)).links]
    except FAULTS:
        return []


def _remove(node: Node, cids: list[CID]) -> dict[CID, str]:
    """Remove blocks; what stayed and why, also where the node says it removed them and has them still."""
    stayed = dict(node.remove(cids)) if cids else {}
    for cid in cids:
        if cid not in stayed and node.has(cid):
            stayed[cid] = "it says that it removed the block, and has it still"
    return stayed
