"""Sharded folders: one folder spread over a tree of blocks by the hash of each name. Only read here, never written.

    shard   = a UnixFS node of kind 5, hash type 0x22, fan-out 256; its data are a bit field
    link    = slot name            an entry, or
            | slot                 a shard one level further down
    slot    = the byte of the name's hash at this level, as two of 0-9A-F

A shard at depth d speaks for the names whose hashes begin with the d bytes that lead to it. So `470.txt`, whose
hash begins 00 6e, is the link `6E470.txt` in the shard behind the link `00` of the topmost shard. The hash is
murmur3-x64-64: the first eight bytes, big-endian, of 128-bit MurmurHash3 for 64-bit machines with seed 0.

Checked: each entry lies where its name belongs, so that no name is there twice or unfindable; the bit field, read
as one big-endian number with or without leading zero bytes, has exactly the slots of the links; a shard further
down is not empty. So whoever walks one meets an entry or an error after eight blocks at most.

Specification: specs.ipfs.tech/unixfs, whose text calls the bit field little-endian; the implementations, which we
follow, print it so. Out of scope: other fan-outs and hashes, which the profiles do not use, and writing.
"""

from collections.abc import Iterator

from mirror.errors import Malformed
from mirror.formats import dagpb
from mirror.formats.cid import CID
from mirror.formats.unixnode import Get, Kind, Link, Node, fetch, open_node

MURMUR3_X64_64 = 0x22
"""The multicodec number of the only hash used."""

FANOUT = 256
"""Slots in a shard: one for each value of a byte."""

DEPTH_AT_MOST = 8
"""Shards on the way to an entry: the hash has eight bytes, and each level uses one."""

_SLOTS = {f"{slot:02X}": slot for slot in range(FANOUT)}


def entries(root: CID, shard: Node, get: Get) -> Iterator[Link]:
    """The entries of the sharded folder whose topmost shard is `shard`, in the order of their hashes.

    Raises Malformed at the first one that does not belong where it lies, and what `get` raises.
    """
    return _entries(root, shard, b"", get)


def _entries(cid: CID, shard: Node, path: bytes, get: Get) -> Iterator[Link]:
    slots = _open_shard(cid, shard)
    if path and not slots:
        raise Malformed(f"shard {cid} is empty")
    for slot in sorted(slots):
        link, name = slots[slot]
        here = path + bytes([slot])
        if not name:
            yield from _entries(link.cid, _open_lower(link.cid, len(here), get), here, get)
        elif hash_name(name)[: len(here)] != here:
            raise Malformed(f"shard {cid} holds {name!r}, whose hash belongs elsewhere")
        else:
            yield Link(name, link.cid, link.size or 0)


def find(root: CID, shard: Node, name: str, get: Get) -> Link | None:
    """The entry `name` of that sharded folder, read along its hash alone; None where it has none."""
    cid = root
    for depth, slot in enumerate(hash_name(name), start=1):
        link, found = _open_shard(cid, shard).get(slot, (None, ""))
        if link is None:
            return None
        if found:
            return Link(name, link.cid, link.size or 0) if found == name else None
        cid, shard = link.cid, _open_lower(link.cid, depth, get)
    raise AssertionError("a lower shard at the last depth is refused")


def _open_lower(cid: CID, depth: int, get: Get) -> Node:
    if depth >= DEPTH_AT_MOST:
        raise Malformed(f"shard {cid} lies deeper than {DEPTH_AT_MOST} shards, beyond the hash's end")
    return open_node(cid, fetch(cid, get))


def _open_shard(cid: CID, shard: Node) -> dict[int, tuple[dagpb.Link, str]]:
    """Link and rest of its name in each slot that is taken."""
    if shard.kind is not Kind.SHARD:
        raise Malformed(f"block {cid} is {shard.kind}, where a shard should be")
    if shard.hash_type != MURMUR3_X64_64 or shard.fanout != FANOUT:
        raise Malformed(f"shard {cid} has hash type {shard.hash_type} and fan-out {shard.fanout}, which we do not read")
    slots: dict[int, tuple[dagpb.Link, str]] = {}
    for link in shard.links:
        name = link.name or ""
        if (slot := _SLOTS.get(name[:2])) is None or slot in slots:
            raise Malformed(f"shard {cid} has a link in no slot or in one that is taken: {name[:80]!r}")
        slots[slot] = link, name[2:]
    if int.from_bytes(shard.data or b"") != sum(1 << slot for slot in slots):
        raise Malformed(f"shard {cid} has a bit field that disagrees with its links")
    return slots


_WORD = (1 << 64) - 1
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def hash_name(name: str) -> bytes:
    """The eight bytes of murmur3-x64-64 over the UTF-8 of `name`."""
    data = name.encode("utf-8", "surrogatepass")  # no folder holds half a surrogate pair, but it may be asked for
    one = two = 0
    for start in range(0, len(data) - 15, 16):
        one ^= _mix(int.from_bytes(data[start : start + 8], "little"), _C1, 31, _C2)
        one = (_rotate(one, 27) + two) * 5 + 0x52DCE729 & _WORD
        two ^= _mix(int.from_bytes(data[start + 8 : start + 16], "little"), _C2, 33, _C1)
        two = (_rotate(two, 31) + one) * 5 + 0x38495AB5 & _WORD
    tail = data[len(data) // 16 * 16 :]
    two ^= _mix(int.from_bytes(tail[8:], "little"), _C2, 33, _C1)
    one ^= _mix(int.from_bytes(tail[:8], "little"), _C1, 31, _C2)
    one, two = one ^ len(data), two ^ len(data)
    one = one + two & _WORD
    two = two + one & _WORD
    return (_finish(one) + _finish(two) & _WORD).to_bytes(8)


def _mix(word: int, before: int, bits: int, after: int) -> int:
    return _rotate(word * before & _WORD, bits) * after & _WORD


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & _WORD


def _finish(word: int) -> int:
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & _WORD
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & _WORD
    return word ^ word >> 33
