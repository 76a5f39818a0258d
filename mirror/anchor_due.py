"""What of the kept proofs goes into the next edition, and how every anchor stands.

    due(anchors, head)             complete proofs that the head does not hold, each checked against its own log
    changes(due, head)             where they go: for `Publisher.write_edition`
    standings(anchors, head)       what is in the edition, complete, or awaited

A proof that is over something else, or damaged, is named and left out: nothing of it is signed into a tree. An edition
that already holds a proof of a size takes a better one (another calendar's block beside the first) when it is made
anyway, and is not made for that alone.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mirror import anchor_ots, tree
from mirror.anchor import COMPLETE, LINES, PENDING, PROOF, Standing, checkpoint_at, clock_of, held, path_of
from mirror.edition import Edition
from mirror.errors import FAULTS, MirrorError, Refused
from mirror.formats import ots
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.unixfs import Put
from mirror.store.anchors import Anchor, Anchors
from mirror.tree import Change

Check = Callable[[Checkpoint, Anchor, bytes], None]
"""Raises one of `FAULTS` unless these bytes are a complete proof over a checkpoint."""

CHECKS: dict[str, Check] = {"ots": anchor_ots.check}
"""By the clock."""


class Due(NamedTuple):
    """A complete proof that the head does not hold as it is kept; `is_first`: it holds none of that size."""

    anchor: Anchor
    data: bytes
    is_first: bool


def due(anchors: Anchors, head: Edition, wrong: Callable[[Anchor, MirrorError], None]) -> list[Due]:
    """What the next edition is to take in; `wrong` is told of what is kept and is no proof."""
    inside, found = held(head), []
    for anchor in anchors.complete():
        if clock_of(anchor) not in CHECKS or (data := anchors.read(anchor)) is None:
            continue
        if inside.get(anchor) == CID.of_raw(data):
            continue
        try:
            CHECKS[clock_of(anchor)](checkpoint_at(head, anchor.size), anchor, data)
        except (*FAULTS, Refused) as error:
            wrong(anchor, error)
            continue
        found.append(Due(anchor, data, anchor not in inside))
    return found


def changes(due: Sequence[Due], head: Edition) -> Callable[[Put], Iterator[Change]]:
    """Puts these proofs as blocks, with the lines that OpenTimestamps' are over, and tells where they go."""
    new = {path_of(each.anchor): each.data for each in due}
    for each in due:
        if each.anchor.name == PROOF:
            lines = Anchor(each.anchor.size, LINES)
            new[path_of(lines)] = checkpoint_at(head, each.anchor.size).text.encode()

    def put_all(put: Put) -> Iterator[Change]:
        for path in sorted(new, key=tree.sort_key):
            change = tree.leaf(path, new[path])
            put(CID.of_raw(new[path]), new[path])
            yield change

    return put_all


def standings(anchors: Anchors, head: Edition) -> list[Standing]:
    """How every anchor stands that the head holds or that is kept here, smaller sizes first."""
    inside, complete = held(head), set(anchors.complete())
    found = [Standing(anchor, COMPLETE, f"in edition {head.number}") for anchor in inside]
    found += [Standing(each, COMPLETE, "goes into the next edition") for each in complete - set(inside)]
    for anchor in anchors.pending():
        found.append(Standing(anchor, PENDING, _awaited(anchors, anchor)))
    return sorted(found, key=lambda each: (each.anchor, each.state))


def _awaited(anchors: Anchors, anchor: Anchor) -> str:
    if anchor.name != PROOF:
        return "awaited"
    try:
        return anchor_ots.in_words(ots.parse(anchors.read_pending(anchor) or b""))
    except FAULTS as error:
        return f"what is kept of it is damaged: {error.message}"
