"""RFC 6962 Merkle trees over SHA-256: leaves, nodes, inclusion, consistency.

    leaf(d)   = SHA-256(0x00 ‖ d)
    node(l,r) = SHA-256(0x01 ‖ l ‖ r)
    root([])  = SHA-256("")                 root([d]) = leaf(d)
    root(D)   = node(root(D[:k]), root(D[k:]))   k the largest power of two below len(D)

    >>> node_hash(leaf_hash(b"one"), leaf_hash(b"two")).hex()[:16]
    '4f55f619d9215235'

*Checking* takes only what a proof holds, and raises `BadProof` for whatever does not lead where it says: also for a
hash that is not 32 bytes, since a proof of other lengths proves nothing. *Proving* and *rooting* take a `HashReader`,
which need only know the complete subtrees: subtree `n` of `level` covers the leaves n·2^level to (n+1)·2^level − 1.

Specification: RFC 6962 §2.1, RFC 9162 §2.1. Where the hashes lie is `mirror.formats.tile`'s matter.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from mirror.errors import BadProof, Malformed, Refused

HASH_BYTES = 32
"""Bytes in every hash of a tree: SHA-256."""

HASHES_AT_MOST = 64
"""Hashes in a proof: one for each level of a tree of 2^63 − 1 leaves, and one more where consistency begins inside."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root hash of a tree without leaves."""

HashReader = Callable[[int, int], bytes]
"""``read(level, n)``: the hash of the complete subtree `n` of `level`, that is of 2^level leaves."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return _sha256(b"\x01" + left + right).digest()


def subtree_hash(hashes: Sequence[bytes]) -> bytes:
    """The hash over a complete subtree: `hashes`, a power of two of them, lie side by side on one level."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


# Checking


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Raise `BadProof` unless `proof` shows `leaf` at `index` among the `size` leaves under `root_hash`.

    `leaf` is a leaf hash; `proof` begins with the leaf's sibling (RFC 9162 §2.1.3.2).
    """
    _check_lengths(leaf, root_hash, *proof)
    if not 0 <= index < size:
        raise BadProof(f"inclusion proof of entry {index} in a log of {size}")
    here, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise BadProof(f"inclusion proof of entry {index} in a log of {size} is too long")
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            here, last = _climb(here, last)
        else:
            found = node_hash(found, sibling)
        here, last = here >> 1, last >> 1
    if last != 0 or found != root_hash:
        raise BadProof(f"inclusion proof of entry {index} in a log of {size} does not lead to its root hash")


def check_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `BadProof` unless `proof` shows the tree of `old_size` and `old_root` to begin the new one.

    From size 0 only the empty root hash and an empty proof are good (RFC 9162 §2.1.4.2, C2SP tlog-witness).
    """
    _check_lengths(old_root, new_root, *proof)
    what = f"consistency proof from {old_size} to {new_size} entries"
    if not 0 <= old_size <= new_size:
        raise BadProof(f"{what}: a log does not shrink")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise BadProof(f"{what}: the root hash of an empty log is not that")
    if old_size in (0, new_size):
        if proof or (old_size == new_size and old_root != new_root):
            raise BadProof(f"{what} does not hold")
        return
    if (*_consistent(old_size, old_root, new_size, proof, what),) != (old_root, new_root):
        raise BadProof(f"{what} does not lead to both root hashes")


def _consistent(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes], what: str
) -> tuple[bytes, bytes]:
    """The old and the new root hash to which a proof leads."""
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not proof:
        raise BadProof(f"{what} is empty")
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise BadProof(f"{what} is too long")
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            here, last = _climb(here, last)
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    if last != 0:
        raise BadProof(f"{what} is too short")
    return old, new


def _climb(here: int, last: int) -> tuple[int, int]:
    """Pass the levels on which a right edge has no sibling."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def _check_lengths(*hashes: bytes) -> None:
    for each in hashes:
        if len(each) != HASH_BYTES:
            raise BadProof(f"a hash of {len(each)} bytes in a Merkle proof, not {HASH_BYTES}")


# Proving


def root_hash(size: int, read: HashReader) -> bytes:
    """The root hash of the first `size` leaves."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: HashReader) -> tuple[bytes, ...]:
    """The proof that the leaf `index` is among the first `size`: its sibling first (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise Refused(f"entry {index} does not lie in a log of {size} entries")
    start, end, proof = 0, size, []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    return tuple(reversed(proof))


def prove_consistency(old_size: int, new_size: int, read: HashReader) -> tuple[bytes, ...]:
    """The proof that the tree of `new_size` leaves begins with that of `old_size` (RFC 6962 §2.1.2)."""
    if not 0 <= old_size <= new_size:
        raise Refused(f"a log of {new_size} entries does not begin with {old_size}")
    start, end, proof = 0, new_size, []
    while old_size and end != old_size:
        middle = _middle(start, end)
        if old_size <= middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    if start:
        proof.append(_range_hash(start, end, read))
    return tuple(reversed(proof))


def peaks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees ``(level, n)`` that cover the leaves `start` to `end` − 1, from left to right.

    `start` is a multiple of a power of two that is at least end − start, as every split of a tree makes it.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _middle(start: int, end: int) -> int:
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _range_hash(start: int, end: int, read: HashReader) -> bytes:
    return _join([read(level, n) for level, n in peaks(start, end)])


def _join(hashes: Sequence[bytes]) -> bytes:
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


class Frontier:
    """The right edge of a growing tree: enough to add leaves and to know the root hash, and nothing else.

    `hashes` are those of the complete subtrees that cover the `size` leaves, from left to right: as many as `size`
    has ones in binary.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)
        if size < 0 or len(self._hashes) != size.bit_count():
            raise Malformed(f"the right edge of {size} leaves does not have {len(self._hashes)} hashes")
        if any(len(each) != HASH_BYTES for each in self._hashes):
            raise Malformed(f"a hash that is not {HASH_BYTES} bytes in the right edge of a tree")

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, the largest first."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        level = self.size
        while level & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            level >>= 1
        self._hashes.append(leaf)
        self.size += 1

    def root_hash(self) -> bytes:
        """The root hash of the leaves added so far."""
        return _join(self._hashes) if self._hashes else EMPTY_ROOT
