"""A branch of a Merkle-Patricia trie, as a block's transactions hang in one: checked step by step, and built.

    key    = RLP of the index, in half-bytes          value = the raw transaction
    node   = RLP of  [16 × child, value]              a fork: the next half-byte says which child
                   | [path, child]                    an extension: these half-bytes come next
                   | [path, value]                    a leaf: these half-bytes are the last
    path   = first half-byte 0, 1 extension, 2, 3 leaf; odd: a half-byte follows at once; even: a zero follows
    child  = Keccak-256 of a node, 32 bytes

A **branch** is the nodes from the root to the leaf, each in its RLP, whole; the root hash stands in the block's header.
`check` recomputes every step and leaves no node unread. A child shorter than 32 bytes would lie within its parent; no
transaction is that short, so there is none here.

Specification: the Ethereum yellow paper, appendix D. Out of scope: tries of accounts, proofs that something is absent.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mirror.errors import BadProof, Malformed
from mirror.formats import ether
from mirror.formats.ether import as_bytes, as_list

if TYPE_CHECKING:
    from trie.hexary import HexaryTrie

INDEX_AT_MOST = 2**24 - 1
"""The largest index in a block: a thousand times what one holds today, and a key of four bytes at most."""

NODES_AT_MOST = 9
"""Nodes in a branch: the eight half-bytes of the longest key, and a leaf."""


def check(root: bytes, index: int, value: bytes, branch: Sequence[bytes]) -> None:
    """Raise `BadProof` unless `branch` shows that `value` hangs at `index` under the hash `root` (32 bytes)."""
    try:
        _walk(root, _half_bytes(_key(index)), value, branch)
    except Malformed as error:
        raise BadProof(f"the branch of transaction {index}: {error.message}") from None


def _walk(expected: bytes, ahead: list[int], value: bytes, branch: Sequence[bytes]) -> None:
    if not 0 < len(branch) <= NODES_AT_MOST:
        raise Malformed(f"it has {len(branch)} nodes, where 1 to {NODES_AT_MOST} can be")
    *forks, leaf = branch
    for number, node in enumerate(forks):
        expected, ahead = _step(expected, ahead, node, f"its node {number}")
    what = f"its node {len(forks)}"
    is_leaf, path, held = _open_short(_open(expected, leaf, what), what)
    if not is_leaf or path != ahead:
        raise Malformed("it does not lead to the transaction of that index")
    if held != value:
        raise Malformed("it leads to another transaction")


def _step(expected: bytes, ahead: list[int], node: bytes, what: str) -> tuple[bytes, list[int]]:
    """The hash of the next node, and the half-bytes that are left of the key."""
    items = _open(expected, node, what)
    if len(items) == 17:
        if not ahead:
            raise Malformed(f"{what} leads on where the key ends")
        return as_bytes(items[ahead[0]], f"the way on from {what}", ether.HASH_BYTES), ahead[1:]
    is_leaf, path, child = _open_short(items, what)
    if is_leaf or ahead[: len(path)] != path:
        raise Malformed(f"{what} does not lead to the transaction of that index")
    return as_bytes(child, f"the way on from {what}", ether.HASH_BYTES), ahead[len(path) :]


def _open(expected: bytes, node: bytes, what: str) -> list[ether.Item]:
    if ether.keccak(node) != expected:
        raise Malformed(f"{what} is not the one whose hash stands above it")
    return as_list(ether.decode(node, what), what, 2, 17)


def _open_short(items: list[ether.Item], what: str) -> tuple[bool, list[int], ether.Item]:
    """Whether a node of two items is a leaf; its path; what it leads to or holds."""
    path, held = as_list(items, what, 2)
    flag, *rest = _half_bytes(as_bytes(path, f"the path of {what}")) or [4]
    if flag > 3 or (flag % 2 == 0 and rest[:1] != [0]):
        raise Malformed(f"{what} has a path that is none")
    return flag >= 2, rest[1 - flag % 2 :], held


def _key(index: int) -> bytes:
    if not 0 <= index <= INDEX_AT_MOST:
        raise Malformed(f"the index {index} is not from 0 to {INDEX_AT_MOST}")
    return ether.encode(ether.number(index))


def _half_bytes(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte >> 4, byte & 15)]


def root_of(values: Sequence[bytes]) -> bytes:
    """The root hash, 32 bytes, under which `values` hang at their indexes: a block's transactions, all of them."""
    return bytes(_build(values).root_hash)


def branch_of(values: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The branch of the value at `index`, from the root to the leaf."""
    built = _build(values)
    branch = tuple(ether.encode(node) for node in built.get_proof(_key(index)))  # type: ignore[no-untyped-call]
    check(bytes(built.root_hash), index, values[index], branch)
    return branch


def _build(values: Sequence[bytes]) -> "HexaryTrie":
    from trie.hexary import HexaryTrie  # noqa: PLC0415  (only whoever collects a proof builds a trie)

    built = HexaryTrie({})
    for index, value in enumerate(values):
        built[_key(index)] = value
    return built
