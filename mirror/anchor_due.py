"""What of the kept proofs goes into the next edition, and how every anchor stands.

    due(anchors, head)             complete proofs that the head does not hold, each checked against its own log
    changes(due, head)             where they go: for `Publisher.write_edition`
    settle(anchors, head)          what an edition holds is no longer awaited
    standings(anchors, head)       what is in the edition, complete, or awaited

A proof that is over something else, or damaged, is named and left out: nothing of it is signed into a tree. An edition
that already holds a proof of a size takes a better one (another calendar's block beside the first) when it is made
anyway, and is not made for that alone. A timestamp that an edition holds is no longer kept beside it, so that a run
looks at what is new, however many there are.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from mirror import anchor_ots, tree
from mirror.anchor import (
    COMPLETE,
    ETHEREUM,
    LINES,
    OTS,
    PENDING,
    PROOF,
    Standing,
    checkpoint_at,
    clock_of,
    held,
    path_of,
    proof_in,
)
from mirror.edition import Edition
from mirror.errors import FAULTS, Malformed, MirrorError, Refused, Unavailable
from mirror.formats import ots
from mirror.formats.cid import CID
from mirror.formats.unixfs import Put
from mirror.store.anchors import Anchor, Anchors
from mirror.tree import Change

ENOUGH = 2
"""Blocks of Bitcoin in a proof after which no more are awaited: one calendar's, and another's if that one lied."""

Wrong = Callable[[Anchor, MirrorError], None]
"""Is told of what is kept and is no proof, and why."""


class Due(NamedTuple):
    """A complete proof that the head does not hold as it is kept; `is_first`: it holds none of that size."""

    anchor: Anchor
    data: bytes
    is_first: bool


def due(anchors: Anchors, head: Edition, wrong: Wrong) -> list[Due]:
    """What the next edition is to take in; `wrong` is told of what is kept and is no proof."""
    found = []
    for anchor in anchors.complete():
        try:
            data = anchors.read(anchor) or b""
            inside = proof_in(head, anchor)
            if inside != CID.of_raw(data):
                _check(head, anchor, data)
                better = data if inside is None else _better(head, anchor, data)
                found += [Due(anchor, better, inside is None)] if inside != CID.of_raw(better) else []
        except (*FAULTS, Refused, Unavailable) as error:
            wrong(anchor, error)
    return found


def _better(head: Edition, anchor: Anchor, data: bytes) -> bytes:
    """A proof together with what the edition's own has, where a clock's proofs can be joined."""
    if clock_of(anchor) != OTS:
        return data
    one, other = ots.parse_complete(data), ots.parse_complete(head.tree.read(path_of(anchor)))
    return bytes(ots.proof_of(one.digest, [*one.paths, *other.paths]))


def _check(head: Edition, anchor: Anchor, data: bytes) -> None:
    checkpoint = checkpoint_at(head, anchor.size)
    if not tree.is_anchor(path_of(anchor), head.size):
        raise Malformed(f"{anchor.name} is no name of a proof")
    if clock_of(anchor) == OTS:
        anchor_ots.check(checkpoint, anchor, data)
        return
    from mirror import anchor_ethereum  # noqa: PLC0415  (its libraries are an extra, and need time to load)

    anchor_ethereum.check(head.key, checkpoint, anchor, data)


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


def settle(anchors: Anchors, head: Edition) -> None:
    """Forget timestamps that an edition holds, and what is awaited where its own proof is enough.

    That is any on Ethereum, and `ENOUGH` blocks of Bitcoin.
    """
    for anchor in list(anchors.pending()):
        inside = proof_in(head, anchor) is not None
        if inside and (clock_of(anchor) == ETHEREUM or _blocks_in(head, anchor) >= ENOUGH):
            anchors.forget_pending(anchor)
    for anchor in list(anchors.complete()):
        if clock_of(anchor) == OTS and proof_in(head, anchor) == CID.of_raw(anchors.read(anchor) or b""):
            anchors.forget(anchor)


def _blocks_in(head: Edition, anchor: Anchor) -> int:
    try:
        return len(ots.parse_complete(head.tree.read(path_of(anchor))).blocks)
    except FAULTS:
        return 0


def standings(anchors: Anchors, head: Edition) -> list[Standing]:
    """How every anchor stands that the head holds or that is kept here, smaller sizes first."""
    inside, complete, pending = held(head), set(anchors.complete()), set(anchors.pending())
    return [_standing(anchors, each, head, inside, pending) for each in sorted({*inside, *complete, *pending})]


def _standing(
    anchors: Anchors, anchor: Anchor, head: Edition, inside: Collection[Anchor], pending: Collection[Anchor]
) -> Standing:
    data = anchors.read(anchor)
    if anchor in inside:
        return Standing(anchor, COMPLETE, f"in edition {head.number}", is_inside=True)
    if data is not None:
        return Standing(anchor, COMPLETE, _blocks(anchor, data, "goes into the next edition"))
    return Standing(anchor, PENDING, _blocks(anchor, anchors.read_pending(anchor) or b"", "awaited"))


def _blocks(anchor: Anchor, data: bytes, otherwise: str) -> str:
    """What a kept timestamp has and awaits; `otherwise` for another clock's proof."""
    if clock_of(anchor) != OTS:
        return otherwise
    try:
        return anchor_ots.in_words(ots.parse(data))
    except FAULTS as error:
        return f"what is kept of it is damaged: {error.message}"
