"""Move from one checkpoint of a log to a later one, or keep the proof of a fork.

    advance(seen, shown, log)       SAME, LATER or OLDER; Forked where both cannot be true; BadProof where the
                                    log's tiles are not those of the checkpoint that was shown
    evidence(seen_note, shown_note, key, log)     what convinces others: `mirror.formats.fork`

1. One origin, and the tiles at hand are of the checkpoint's size.
2. One size: the root hashes are the same, or it is a fork.
3. A larger size: the shown log's own root hash at the size seen must be proven consistent with the shown checkpoint.
   A proof that fails says something of the tiles at hand, nothing of who signed: `BadProof`.
4. Only then, a root hash that is not the one seen is a fork.

**Left out**: both checkpoints' signatures (`checkpoint.open_checkpoint`, before); and whether an *older* checkpoint
lies on the log that was seen: that needs the tiles of the log seen, so the caller who has them calls again with the
two the other way round.
"""

from enum import Enum

from mirror.errors import Forked, Refused
from mirror.formats import merkle, wire
from mirror.formats.checkpoint import Checkpoint, open_checkpoint
from mirror.formats.fork import Evidence
from mirror.formats.key import PublicKey
from mirror.log.tree import TiledLog


class Step(Enum):
    """How a checkpoint that is shown lies to the one that was seen, on one and the same log."""

    SAME = "same"
    LATER = "later"
    OLDER = "older"


def advance(seen: Checkpoint, shown: Checkpoint, log: TiledLog) -> Step:
    """Whether `shown`, whose tiles `log` reads, continues `seen`.

    `OLDER` says only that the size is smaller. Raises `Forked` where both checkpoints cannot be true, `BadProof`
    where the tiles do not lead to `shown`, and what reading them raises.
    """
    _check_comparable(seen, shown, log)
    if seen.size > shown.size:
        return Step.OLDER
    if seen.size == shown.size:
        if seen.root_hash != shown.root_hash:
            raise Forked(_describe(seen, shown, seen.size))
        return Step.SAME
    other_root, _ = _prove(seen.size, shown, log)
    if other_root != seen.root_hash:
        raise Forked(_describe(seen, shown, seen.size))
    return Step.LATER


def evidence(one: bytes, other: bytes, key: PublicKey, log: TiledLog) -> Evidence:
    """The file that shows two signed checkpoints to contradict each other; `log` reads the tiles of the larger.

    Raises `BadProof` where they do not, and `BadSignature` where they are not both `key`'s.
    """
    first, second = open_checkpoint(one, key), open_checkpoint(other, key)
    if first.size > second.size:
        return evidence(other, one, key, log)
    made = Evidence(one, other)
    if first.size < second.size:
        _check_comparable(first, second, log)
        made = Evidence(one, other, *_prove(first.size, second, log))
    made.check(key)
    return made


def _prove(old_size: int, shown: Checkpoint, log: TiledLog) -> tuple[bytes, tuple[bytes, ...]]:
    """The root hash that the shown log has at `old_size`, and the proof, checked against the shown checkpoint."""
    old_root, proof = log.root_hash(old_size), log.consistency(old_size)
    merkle.check_consistency(old_size, old_root, shown.size, shown.root_hash, proof)
    return old_root, proof


def _check_comparable(seen: Checkpoint, shown: Checkpoint, log: TiledLog) -> None:
    if seen.origin != shown.origin:
        raise Refused(f"checkpoints of two logs, {seen.origin} and {shown.origin}, are not compared")
    if log.size != shown.size:
        raise Refused(f"tiles of {log.size} entries are not those of a checkpoint of {shown.size}")


def _describe(seen: Checkpoint, shown: Checkpoint, common: int) -> str:
    return (
        f"two checkpoints of {shown.origin} cannot both be true: one of {seen.size} entries with the root hash "
        f"{wire.encode_base64(seen.root_hash)}, and one of {shown.size} with the root hash "
        f"{wire.encode_base64(shown.root_hash)}, whose first {common} entries are others"
    )
