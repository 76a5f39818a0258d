"""One block of UnixFS: what it is a part of, and what it says of the blocks below.

    block = a dag-pb node whose data are this protobuf message
    data  = 1: kind [ 2: bytes ] [ 3: file size ] { 4: block size } [ 5: hash type ] [ 6: fan-out ]
            [ 7: mode ] [ 8: mtime ]

    0a 02 08 01                  an empty folder: no links, kind 1
    0a 04 08 02 18 00            an empty file of the older kind

Read is exactly what ``bytes()`` prints: the fields in that order, block sizes not packed, nothing unknown. Here a
block is only read; whether its claims are true, and whether the profile would write it so, is said by
`mirror.formats.unixfile`, `mirror.formats.unixfolder` and `mirror.formats.hamt`.

Specification: specs.ipfs.tech/unixfs. Modes and times are recognised and kept, and mean nothing to us. A dag-pb
node without data or with other data than UnixFS's is malformed here, and can be read with `mirror.formats.dagpb`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from mirror.errors import Malformed
from mirror.formats import dagpb
from mirror.formats.cid import CID, DAG_PB, IDENTITY
from mirror.formats.protobuf import bytes_field, number_field, read_fields

Get: TypeAlias = Callable[[CID], bytes]
"""A promise: the bytes of the block of that name, already checked against it; raises Missing or BadBlock.

It also bounds how long a block may be: nothing here reads further than one block at a time.
"""

Put: TypeAlias = Callable[[CID, bytes], None]
"""Takes a block away: its name, which was made from its bytes, and its bytes."""


class Link(NamedTuple):
    """An entry of a folder.

    `size` is its Tsize: the bytes of all blocks below, its own included, each counted as often as it is linked. Where
    a folder of others leaves it out it is 0, as protobuf reads what is absent.
    """

    name: str
    cid: CID
    size: int


class Kind(IntEnum):
    """What a node is. ``str()`` says it in words."""

    DATA = 0
    FOLDER = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5

    def __str__(self) -> str:
        return _WORDS[self]


_WORDS = {
    Kind.DATA: "a piece of a file of the oldest kind",
    Kind.FOLDER: "a folder",
    Kind.FILE: "a file",
    Kind.METADATA: "a metadata node",
    Kind.SYMLINK: "a symlink",
    Kind.SHARD: "a sharded folder",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A parsed block.

    `data` is a file's own bytes, a symlink's target or a shard's bit field; `block_sizes` the lengths of content
    below each link of a file; `mtime` the message as it stands, unread. None is what is absent.
    """

    links: tuple[dagpb.Link, ...]
    kind: Kind
    data: bytes | None = None
    file_size: int | None = None
    block_sizes: tuple[int, ...] = ()
    hash_type: int | None = None
    fanout: int | None = None
    mode: int | None = None
    mtime: bytes | None = None

    def __bytes__(self) -> bytes:
        return bytes(dagpb.Node(self.links, self._message()))

    def _message(self) -> bytes:
        singles = {2: self.data, 3: self.file_size, 5: self.hash_type, 6: self.fanout, 7: self.mode, 8: self.mtime}
        message = number_field(1, self.kind)
        for number in range(2, 9):
            if number == 4:
                message += b"".join(number_field(4, size) for size in self.block_sizes)
            elif (value := singles[number]) is not None:
                message += number_field(number, value) if isinstance(value, int) else bytes_field(number, value)
        return message


def parse(block: bytes) -> Node:
    """The node that `block` spells. Raises Malformed."""
    outer = dagpb.parse(block)
    if outer.data is None:
        raise Malformed("a dag-pb node without data, so not UnixFS")
    numbers, blobs = _read_message(outer.data)
    return Node(
        links=outer.links,
        kind=_parse_kind(numbers.get(1)),
        data=blobs.get(2),
        file_size=_only(numbers.get(3)),
        block_sizes=tuple(numbers.get(4, ())),
        hash_type=_only(numbers.get(5)),
        fanout=_only(numbers.get(6)),
        mode=_only(numbers.get(7)),
        mtime=blobs.get(8),
    )


def _read_message(data: bytes) -> tuple[dict[int, list[int]], dict[int, bytes]]:
    numbers: dict[int, list[int]] = {}
    blobs: dict[int, bytes] = {}
    last = 0
    for number, value in read_fields(data, "UnixFS data"):
        if number < last or (number == last and number != 4):
            raise Malformed(f"UnixFS data with field {number} twice or out of order")
        last = number
        if isinstance(value, bytes) and number in (2, 8):
            blobs[number] = value
        elif isinstance(value, int) and number in (1, 3, 4, 5, 6, 7):
            numbers.setdefault(number, []).append(value)
        else:
            raise Malformed(f"UnixFS data with an unexpected field {number}")
    return numbers, blobs


def _only(values: list[int] | None) -> int | None:
    return values[0] if values else None


def _parse_kind(values: list[int] | None) -> Kind:
    if not values:
        raise Malformed("UnixFS data without a kind")
    if values[0] not in _WORDS:
        raise Malformed(f"UnixFS data of an unknown kind {values[0]}")
    return Kind(values[0])


def fetch(cid: CID, get: Get) -> bytes:
    """The block that `cid` names; an identity CID is its own block, and `get` is not asked."""
    return cid.digest if cid.hash_code == IDENTITY else get(cid)


def open_node(cid: CID, block: bytes) -> Node:
    """The node that `block`, named `cid`, spells. Raises Malformed, naming the block."""
    if cid.codec != DAG_PB:
        raise Malformed(f"block {cid} is of codec {cid.codec:#x}, not dag-pb, so no UnixFS node")
    try:
        return parse(block)
    except Malformed as error:
        raise Malformed(f"block {cid}: {error.message}") from None
