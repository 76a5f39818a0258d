"""Which blocks an answer holds: along a path, behind it, and of a file those for a stretch of its bytes.

    way = resolve(root, ("subdir", "ascii.txt"), get)
    way.blocks     every block that the path touches, in order: the shards of large folders too, the last one its end
    way.end        what the path leads to

    everything(end, get, first)      the whole graph below, depth first           dag-scope=all
    entity(end, get)                 a folder's own blocks, a file's, or one      dag-scope=entity
    stretch(end, get, 0, 999)        what of a file holds its first 1000 bytes    entity-bytes=0:999

Paths lead through UnixFS folders, plain or sharded, and through the maps and lists of DAG-CBOR. Blocks of other codecs
link to nothing here. Identity CIDs are their own blocks: they are followed and never given out. What comes are CIDs:
whoever sends the blocks reads them, perhaps piece by piece. Nothing is held but the CIDs that wait, so a graph of any
size can be walked; `first` says of each CID whether it is met for the first time, and what was met is not walked again.

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


def everything(end: CID, get: Get, first: First) -> Iterator[CID]:
    """Every block at and below `end`, depth first in the order of links."""
    waiting = [end]
    while waiting:
        cid = waiting.pop()
        if is_virtual(cid) or first(cid):
            if not is_virtual(cid):
                yield cid
            waiting.extend(reversed(_links(cid, get)))


def is_virtual(cid: CID) -> bool:
    """Whether a CID is its own block, which is never given out."""
    return cid.hash_code == IDENTITY


def _links(cid: CID, get: Get) -> list[CID]:
    if cid.codec == DAG_PB:
        return [link.cid for link in dagpb.parse(unixfs.fetch(cid, get)).links]
    return list(_links_in(cbor.decode(unixfs.fetch(cid, get)))) if cid.codec == DAG_CBOR else []


def _links_in(value: cbor.Value) -> Iterator[CID]:
    if isinstance(value, CID):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _links_in(each)


def entity(end: CID, get: Get) -> Iterator[CID]:
    """The blocks that make up what stands at `end`: a file with its parts, a folder with its shards, or one block."""
    node = unix_node(end, get)
    if node is not None and node.kind in (Kind.FILE, Kind.DATA):
        yield from (part.cid for part in stretch(end, get, 0, wire.SIZE_AT_MOST) if not is_virtual(part.cid))
    else:
        yield from _shards(end, get, 1)


def unix_node(cid: CID, get: Get) -> Node | None:
    """The UnixFS node of a dag-pb block; None for any other block, also for dag-pb that is not UnixFS."""
    if cid.codec != DAG_PB:
        return None
    data = unixfs.fetch(cid, get)
    try:
        return unixfs.parse(data)
    except Malformed:
        return None


def _shards(cid: CID, get: Get, depth: int) -> Iterator[CID]:
    if depth > SHARDS_AT_MOST:
        raise Malformed(f"shard {cid} lies deeper than {SHARDS_AT_MOST} shards, beyond the hash's end")
    if not is_virtual(cid):
        yield cid
    node = unix_node(cid, get)
    for link in node.links if node is not None and node.kind is Kind.SHARD else ():
        if len(link.name or "") == 2:
            yield from _shards(link.cid, get, depth + 1)


class Part(NamedTuple):
    """A block of a file, and which of its own content is wanted: from `start` to before `stop`."""

    cid: CID
    start: int
    stop: int


def content_of(cid: CID, get: Get) -> bytes | None:
    """The content that a file's block holds itself; None for what is no file's."""
    if cid.codec == RAW:
        return unixfs.fetch(cid, get)
    node = unix_node(cid, get)
    return None if node is None or node.kind not in (Kind.FILE, Kind.DATA) else node.data or b""


def length_of(cid: CID, get: Get) -> int | None:
    """The bytes of content that a file claims; None for what is no file."""
    content = content_of(cid, get)
    return None if content is None else len(content) + sum(size for _, size in _parts(cid, get))


def _parts(cid: CID, get: Get) -> list[tuple[CID, int]]:
    """The parts below a file's block, with the lengths that it claims for them."""
    node = unix_node(cid, get)
    if node is None:
        return []
    if len(node.links) != len(node.block_sizes):
        raise Malformed(f"block {cid} does not say of each part of its file how long it is")
    return [(link.cid, size) for link, size in zip(node.links, node.block_sizes, strict=True)]


def stretch(cid: CID, get: Get, first: int, last: int) -> Iterator[Part]:
    """The blocks of a file that hold its bytes `first` to `last`, both included, and the nodes above them.

    Raw blocks are not read, but for `cid` itself: how long they are is what the blocks above claim.
    """
    waiting = [(cid, 0, length_of(cid, get) or 0)]
    while waiting:
        here, offset, size = waiting.pop()
        parts = _parts(here, get)
        own = size - sum(below for _, below in parts)
        yield Part(here, min(own, max(0, first - offset)), max(0, min(own, last + 1 - offset)))
        offset, wanted = offset + own, []
        for child, below in parts:
            if below and offset <= last and offset + below > first:
                wanted.append((child, offset, below))
            offset += below
        waiting.extend(reversed(wanted))
