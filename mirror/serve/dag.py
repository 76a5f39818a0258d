"""Which blocks an answer holds: along a path, behind it, and of a file those for a stretch of its bytes.

    way = resolve(root, ("subdir", "ascii.txt"), get)
    way.blocks     every block that the path touches, in order: the shards of large folders too, the last one its end
    way.end        what the path leads to

    everything(end, get, first)      the whole graph below, depth first           dag-scope=all
    entity(end, get)                 a folder's own blocks, a file's, or one      dag-scope=entity
    stretch(end, get, 0, 999)        what of a file holds its first 1000 bytes    entity-bytes=0:999

Paths lead through UnixFS folders, plain or sharded, and through the maps and lists of DAG-CBOR. Blocks of other codecs
link to nothing here. Identity CIDs are their own blocks: they are followed and never given out. Nothing is held but
the CIDs that wait, so a graph of any size can be walked; `first` says of each CID whether it is met for the first
time, and what was met is not walked again.

Specification: specs.ipfs.tech/http-gateways/trustless-gateway. Out of scope: following symlinks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mirror.errors import Malformed, Missing
from mirror.formats import cbor, dagpb, unixfs, wire
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB, IDENTITY, RAW
from mirror.formats.unixfs import Get, Kind, Node

NAMES_AT_MOST = 256
"""Names in a path: no tree of ours is a dozen deep."""

SHARDS_AT_MOST = 8
"""Shards inside each other: the hash of a name has eight bytes, and each level uses one."""

First = Callable[[CID], bool]
"""Whether a CID is met for the first time in this answer."""


class Block(NamedTuple):
    """A block to give out."""

    cid: CID
    data: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """What a path touched, and where it leads; `inside` where it ends within the last block and not at a link."""

    blocks: tuple[CID, ...]
    end: CID
    inside: bool = False


def resolve(root: CID, names: Sequence[str], get: Get) -> Way:
    """Follow `names` from `root`. Raises Missing for a name that is not there, and what `get` raises."""
    if len(names) > NAMES_AT_MOST or not {"", ".", ".."}.isdisjoint(names):
        raise Malformed(f"a path with an empty name, '.' or '..', or of more than {NAMES_AT_MOST} names")
    met: dict[CID, None] = {}

    def noting(cid: CID) -> bytes:
        data = get(cid)
        met[cid] = None
        return data

    here, left, inside = root, list(names), False
    while left:
        if here.codec == DAG_CBOR:
            here, left, inside = _step_in_document(here, left, noting)
        else:
            here, left = _step_in_folder(here, left[0], noting), left[1:]
    if not is_virtual(here) and here not in met:
        noting(here)
    return Way(tuple(met), here, inside)


def _step_in_folder(here: CID, name: str, get: Get) -> CID:
    if here.codec != DAG_PB or _node(here, get).kind not in (Kind.FOLDER, Kind.SHARD):
        raise Missing(f"{here} is no folder, so nothing in it is named {name!r}")
    link = unixfs.find(here, name, get)
    if link is None:
        raise Missing(f"the folder {here} has no entry {name!r}")
    return link.cid


def _step_in_document(here: CID, names: list[str], get: Get) -> tuple[CID, list[str], bool]:
    """To the next link, or to the end of the path inside this document."""
    value = cbor.decode(unixfs.fetch(here, get))
    for count, name in enumerate(names, start=1):
        value = _child(here, value, name)
        if isinstance(value, CID):
            return value, names[count:], False
    return here, [], True


def _child(here: CID, value: cbor.Value, name: str) -> cbor.Value:
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and _index(name) < len(value):
        return value[_index(name)]
    raise Missing(f"the document {here} has nothing at {name!r}")


def _index(name: str) -> int:
    try:
        return wire.decode_decimal(name)
    except Malformed:
        return wire.SIZE_AT_MOST


def _node(cid: CID, get: Get) -> Node:
    return unixfs.parse(unixfs.fetch(cid, get))


def everything(end: CID, get: Get, first: First) -> Iterator[Block]:
    """Every block at and below `end`, depth first in the order of links."""
    waiting = [end]
    while waiting:
        cid = waiting.pop()
        if is_virtual(cid):
            waiting.extend(reversed(_links(cid, cid.digest)))
        elif first(cid):
            data = get(cid)
            yield Block(cid, data)
            waiting.extend(reversed(_links(cid, data)))


def is_virtual(cid: CID) -> bool:
    """Whether a CID is its own block, which is never given out."""
    return cid.hash_code == IDENTITY


def _links(cid: CID, data: bytes) -> list[CID]:
    if cid.codec == DAG_PB:
        return [link.cid for link in dagpb.parse(data).links]
    return list(_links_in(cbor.decode(data))) if cid.codec == DAG_CBOR else []


def _links_in(value: cbor.Value) -> Iterator[CID]:
    if isinstance(value, CID):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _links_in(each)


def entity(end: CID, get: Get) -> Iterator[Block]:
    """The blocks that make up what stands at `end`: a file with its parts, a folder with its shards, or one block."""
    node = unix_node(end, get)
    if node is None:
        yield from _alone(end, get)
    elif node.kind in (Kind.FILE, Kind.DATA):
        yield from (part.block for part in stretch(end, get, 0, wire.SIZE_AT_MOST) if not is_virtual(part.block.cid))
    else:
        yield from _shards(end, get, 1)


def _alone(cid: CID, get: Get) -> Iterator[Block]:
    if not is_virtual(cid):
        yield Block(cid, get(cid))


def unix_node(cid: CID, get: Get) -> Node | None:
    """The UnixFS node of a dag-pb block; None for any other block, also for dag-pb that is not UnixFS."""
    if cid.codec != DAG_PB:
        return None
    data = unixfs.fetch(cid, get)
    try:
        return unixfs.parse(data)
    except Malformed:
        return None


def _shards(cid: CID, get: Get, depth: int) -> Iterator[Block]:
    if depth > SHARDS_AT_MOST:
        raise Malformed(f"shard {cid} lies deeper than {SHARDS_AT_MOST} shards, beyond the hash's end")
    yield from _alone(cid, get)
    node = unix_node(cid, get)
    for link in node.links if node is not None and node.kind is Kind.SHARD else ():
        if len(link.name or "") == 2:
            yield from _shards(link.cid, get, depth + 1)


class Part(NamedTuple):
    """A block of a file, and which of the bytes that are wanted it holds itself."""

    block: Block
    content: bytes


def length_of(cid: CID, get: Get) -> int | None:
    """The bytes of content that a file claims; None for what is no file."""
    if cid.codec == RAW:
        return len(unixfs.fetch(cid, get))
    node = unix_node(cid, get)
    if node is None or node.kind not in (Kind.FILE, Kind.DATA):
        return None
    return len(node.data or b"") + sum(node.block_sizes)


def stretch(cid: CID, get: Get, first: int, last: int) -> Iterator[Part]:
    """The blocks of a file that hold its bytes `first` to `last`, both included, and the nodes above them."""
    waiting = [(cid, 0)]
    while waiting:
        here, offset = waiting.pop()
        block = Block(here, unixfs.fetch(here, get))
        content, below = _open_part(block)
        yield Part(block, content[max(0, first - offset) : max(0, last + 1 - offset)])
        offset, wanted = offset + len(content), []
        for child, size in below:
            if size and offset <= last and offset + size > first:
                wanted.append((child, offset))
            offset += size
        waiting.extend(reversed(wanted))


def _open_part(block: Block) -> tuple[bytes, list[tuple[CID, int]]]:
    """The content in a file's block itself, and the parts below with their lengths."""
    if block.cid.codec == RAW:
        return block.data, []
    if block.cid.codec != DAG_PB:
        raise Malformed(f"block {block.cid} is of another codec than a file's part may be")
    node = unixfs.parse(block.data)
    if node.kind not in (Kind.FILE, Kind.DATA) or len(node.links) != len(node.block_sizes):
        raise Malformed(f"block {block.cid} is not a file's, or says not for each part how long it is")
    return node.data or b"", [(link.cid, size) for link, size in zip(node.links, node.block_sizes, strict=True)]
