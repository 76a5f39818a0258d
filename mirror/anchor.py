"""checkpoint → outside clocks, and back for their proofs

What every clock has in common. What is anchored is a checkpoint's three lines (docs/formats.md §7), of the newest
edition or of any earlier size of the same log; what comes back lies in `mirror.store.anchors` until an edition takes it
in at the place that `path_of` gives. What is special to a clock is in a module of its own: `anchor_ots`, and others
beside it.

    checkpoint = checkpoint_at(head, 42)        what a clock is to commit to
    held(head), proof_in(head, anchor)          which proofs the edition holds already, and whether this one
    Standing(anchor, PENDING, "alice promises a block")         how one of them stands, for people

Nobody's word is taken for a proof: whoever keeps one checks it against the checkpoint first, and it is checked again
before it goes into a tree. **Left out: that a block is on its chain**, which only somebody outside can say
(`mirror.network.headers`), and which readers ask for themselves.
"""

from dataclasses import dataclass

from mirror import tree
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.store.anchors import Anchor

OTS, ETHEREUM = CLOCKS = ("ots", "ethereum")

LINES, PROOF = "checkpoint.txt", "checkpoint.txt.ots"
"""The names of OpenTimestamps' pair: the three lines, and the proof over them."""

COMPLETE, PENDING = "complete", "pending"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an anchor stands, `COMPLETE` or `PENDING`, and more of it in words; `is_inside`: the edition holds it."""

    anchor: Anchor
    state: str
    words: str
    is_inside: bool = False

    @property
    def clock(self) -> str:
        """Whose it is."""
        return clock_of(self.anchor)


def clock_of(anchor: Anchor) -> str:
    """Which clock an anchor is of."""
    return OTS if anchor.name == PROOF else ETHEREUM


def checkpoint_at(edition: Edition, size: int) -> Checkpoint:
    """What the log said of itself when it had `size` entries; computed from the tiles."""
    if not 1 <= size <= edition.size:
        raise Refused(f"the log has {edition.size} entries, and had no checkpoint of {size}")
    return Checkpoint(edition.key.name, size, edition.log.root_hash(size))


def path_of(anchor: Anchor) -> tree.Path:
    """Where a proof lies in the tree."""
    return (tree.ANCHOR, *tree.number_path(anchor.size), anchor.name)


def proof_in(edition: Edition, anchor: Anchor) -> CID | None:
    """The block of a proof that an edition holds; None where it holds none of that name and size."""
    link = edition.tree.find(path_of(anchor))
    return None if link is None else link.cid


def held(edition: Edition) -> dict[Anchor, CID]:
    """Every proof that an edition holds; OpenTimestamps' lines are not counted apart."""
    top = edition.tree.find((tree.ANCHOR,))
    found: dict[Anchor, CID] = {}
    if top is not None:
        _gather(edition, top.cid, (), found)
    return found


def _gather(edition: Edition, folder: CID, above: tree.Path, found: dict[Anchor, CID]) -> None:
    for name, link in edition.tree.entries(folder).items():
        path = (*above, name)
        if len(path) < 5:
            _gather(edition, link.cid, path, found)
            continue
        size = tree.index_of_note((tree.NOTE, *path[:3], f"{path[3]}.txt"))
        if size and name != LINES:
            found[Anchor(size, name)] = link.cid
