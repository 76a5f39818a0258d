"""CAR files: many blocks in one file, each with its name in front of it.

    version 1   header { section }
    header      varint(length) ‖ DAG-CBOR {"roots": [link, …], "version": 1}
    section     varint(length of CID and data) ‖ CID ‖ data

    3a a2 65 "roots" 81 d8 2a 58 25 00 <36 bytes> 67 "version" 01      a header with one root: 59 bytes

    version 2   0a a1 67 "version" 02 ‖ characteristics (16) ‖ data offset (8) ‖ data size (8) ‖ index offset (8)
                … a whole version 1 at that offset, of that size … an index, perhaps

Written is version 1 with one root and no duplicates, as our editions and exports are. Read are both, from a file that
can seek; of version 2 the index and whatever lies between the parts are not looked at, for everything can be found by
walking the sections. Offsets are bytes from the start of the file, little-endian in version 2's header.

**The end is nothing but zero bytes left, read where a section would begin.** A file that stops anywhere else is
malformed, and so are a section of length 0, a varint longer than it need be, and a section that claims more than
`BLOCK_AT_MOST`: it is refused before anything of that length is read. A file cut off exactly between two sections
cannot be told from a whole one here; whoever reads a tree misses the blocks.

Specification: IPLD, transport/car, versions 1 and 2. Roots are claims like any others: nothing here checks that
their blocks are in the file.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Self

from mirror.errors import BadBlock, Malformed, Refused
from mirror.formats import cbor, wire
from mirror.formats import cid as cids
from mirror.formats.cid import CID, CID_AT_MOST, DAG_PB, IDENTITY, SHA2_256, is_ours

HEADER_AT_MOST = 64 * 1024
"""Bytes in a header of version 1 that we read: about 1,500 roots; ours has one, a gateway's answer a few."""

BLOCK_AT_MOST = 2 * 1024 * 1024
"""Bytes in a block: what the network carries. IPFS nodes and gateways refuse longer ones."""

_PRAGMA = bytes.fromhex("0aa16776657273696f6e02")
_HEADER_2 = len(_PRAGMA) + 40
_PLACEHOLDER = CID(bytes([1, DAG_PB, SHA2_256, 32]) + bytes(32))


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the blocks. `data_end` is where version 2 says they end; None means with the file."""

    version: int
    roots: tuple[CID, ...]
    data_start: int
    data_end: int | None


class Section(NamedTuple):
    """Where one block lies: `length` bytes from `offset`, which is behind its CID. Its bytes were not looked at."""

    cid: CID
    offset: int
    length: int


class Writer:
    """Writes blocks behind a header whose root is named at last, by `seal`.

    Until then the root is a CID of zeros, which no block has. `file` must be buffered, able to seek, and is
    neither flushed nor closed here. That data match their CID is the caller's to see, and every reader's.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.tell()
        header = _print_header(_PLACEHOLDER)
        file.write(header)
        self._end = self._start + len(header)

    @classmethod
    def behind(cls, file: BinaryIO, end: int) -> Self:
        """Goes on with a file whose root is not named yet, and whose blocks end at byte `end`."""
        made = cls.__new__(cls)
        made._file, made._start, made._end = file, 0, end
        file.seek(end)
        return made

    def put(self, cid: CID, data: bytes) -> tuple[int, int]:
        """Appends a block; where its data lie: offset and length in bytes.

        Raises Refused for a block that no reader would take, and for an identity CID, which is its own block.
        """
        if len(data) > BLOCK_AT_MOST:
            raise Refused(f"block {cid} has {len(data)} bytes, more than {BLOCK_AT_MOST}")
        if cid.hash_code == IDENTITY:
            raise Refused(f"block {cid} is its own name, and is not kept apart from it")
        head = wire.encode_varint(len(cid) + len(data)) + cid
        self._file.write(head)
        self._file.write(data)
        offset = self._end + len(head)
        self._end = offset + len(data)
        return offset, len(data)

    def seal(self, root: CID) -> None:
        """Names the root in the header, which keeps its length. Raises Refused for a CID unlike ours."""
        if not is_ours(root):
            raise Refused(f"{root} cannot be the root of a CAR of ours")
        self._file.seek(self._start)
        self._file.write(_print_header(root))
        self._file.seek(self._end)


def _print_header(root: CID) -> bytes:
    encoded = cbor.encode({"roots": [root], "version": 1})
    return wire.encode_varint(len(encoded)) + encoded


def is_beginning(file: BinaryIO) -> bool:
    """Whether a file holds nothing, or no more than a part of the header with which `Writer` begins."""
    header = _print_header(_PLACEHOLDER)
    file.seek(0)
    held = file.read(len(header))
    return len(held) < len(header) and header.startswith(held)


def unseal(file: BinaryIO) -> int | None:
    """Where the blocks begin in a file of `Writer`'s, whose root is not named any more; None for any other file."""
    try:
        header = read_header(file)
    except Malformed:
        return None
    unnamed = _print_header(_PLACEHOLDER)
    if header.version != 1 or len(header.roots) != 1 or header.data_start != len(unnamed):
        return None
    if header.roots[0] != _PLACEHOLDER:
        file.seek(0)
        file.write(unnamed)
    return header.data_start


def read_header(file: BinaryIO) -> Header:
    """The header of a CAR of either version. Raises Malformed."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(len(_PRAGMA)) != _PRAGMA:
        roots, start = _read_header_1(file, 0, size)
        return Header(1, roots, start, None)
    offset, end = _read_header_2(file, size)
    roots, start = _read_header_1(file, offset, end)
    return Header(2, roots, start, end)


def _read_header_1(file: BinaryIO, offset: int, end: int) -> tuple[tuple[CID, ...], int]:
    """The roots, and where the blocks start."""
    file.seek(offset)
    head = file.read(min(wire.VARINT_AT_MOST + HEADER_AT_MOST, end - offset))
    try:
        length, start = wire.decode_varint(head)
        if length > HEADER_AT_MOST:
            raise Malformed(f"it claims {length} bytes, more than {HEADER_AT_MOST}")
        if start + length > len(head):
            raise Malformed(f"it claims {length} bytes, and the data end after {len(head) - start}")
        return parse_header(head[start : start + length]), offset + start + length
    except Malformed as error:
        raise Malformed(f"CAR header at byte {offset}: {error.message}") from None


def parse_header(data: bytes) -> tuple[CID, ...]:
    """The roots that a header of version 1 names, its length in front not included. Raises Malformed."""
    header = cbor.decode(data)
    if not isinstance(header, dict) or type(version := header.get("version")) is not int:
        raise Malformed("it has no version")
    if version != 1:
        raise Malformed(f"it is of version {version}, where 1 should be")
    roots = header.get("roots")
    if set(header) != {"roots", "version"} or not isinstance(roots, list):
        raise Malformed("it does not hold just roots and a version")
    links = tuple(root for root in roots if isinstance(root, CID))
    if len(links) != len(roots):
        raise Malformed("it has a root that is not a link")
    return links


def _read_header_2(file: BinaryIO, size: int) -> tuple[int, int]:
    """Where the version 1 inside begins and ends, in a file of `size` bytes."""
    head = file.read(_HEADER_2 - len(_PRAGMA))
    if len(head) != _HEADER_2 - len(_PRAGMA):
        raise Malformed(f"CAR header of version 2 is cut off at byte {size}")
    if head[0] & 0x7F or any(head[1:16]):
        raise Malformed("CAR header of version 2 at byte 11: characteristics that we do not know")
    offset, length, index = (int.from_bytes(head[at : at + 8], "little") for at in (16, 24, 32))
    if offset < _HEADER_2 or offset + length > size:
        raise Malformed(f"CAR header of version 2: its data are {length} bytes from {offset}, the file has {size}")
    if index and not offset + length <= index <= size:
        raise Malformed(f"CAR header of version 2: its index at byte {index} is not between data and end")
    return offset, offset + length


def sections(file: BinaryIO) -> Iterator[Section]:
    """Each block's name and place, in the order of the file. Raises Malformed, naming the byte.

    Data are passed over, neither looked at nor checked.
    """
    header = read_header(file)
    end = file.seek(0, io.SEEK_END) if header.data_end is None else header.data_end
    offset = start = header.data_start
    window = b""
    while offset < end:
        if min(offset + _HEAD_AT_MOST, end) > start + len(window):
            start, window = offset, _read_window(file, offset, end)
        section = _parse_head(window[offset - start : offset - start + _HEAD_AT_MOST], offset, end)
        yield section
        offset = section.offset + section.length


_HEAD_AT_MOST = wire.VARINT_AT_MOST + CID_AT_MOST

_WINDOW = 64 * 1024
"""Bytes read at once where sections are listed: some twenty testimonies, and little where blocks are long."""


def _read_window(file: BinaryIO, offset: int, end: int) -> bytes:
    file.seek(offset)
    return file.read(min(_WINDOW, end - offset))


def _parse_head(head: bytes, start: int, end: int) -> Section:
    """The section that begins at `start` with `head`, in data that end at `end`."""
    try:
        length, offset = wire.decode_varint(head)
        if length == 0:
            raise Malformed("it is empty")
        if length > CID_AT_MOST + BLOCK_AT_MOST:
            raise Malformed(f"it claims {length} bytes, more than a block may have")
        if start + offset + length > end:
            raise Malformed(f"it is cut off: it claims {length} bytes, {end - start - offset} are there")
        cid, behind = cids.read(head[: offset + length], offset)
    except Malformed as error:
        raise Malformed(f"CAR section at byte {start}: {error.message}") from None
    size = offset + length - behind
    if size > BLOCK_AT_MOST:
        raise Malformed(f"CAR section at byte {start}: its block has {size} bytes, more than {BLOCK_AT_MOST}")
    return Section(cid, start + behind, size)


def blocks(file: BinaryIO) -> Iterator[tuple[CID, bytes]]:
    """Each block, checked against its name, in the order of the file. Raises Malformed or BadBlock, naming the byte."""
    for section in sections(file):
        yield section.cid, read_block(file, section)


def read_block(file: BinaryIO, section: Section) -> bytes:
    """The data of one section, checked against its name. Raises Malformed where the file ends in it, or BadBlock."""
    file.seek(section.offset)
    data = file.read(section.length)
    if len(data) != section.length:
        raise Malformed(f"CAR is cut off at byte {section.offset + len(data)}, in block {section.cid}")
    if not section.cid.matches(data):
        raise BadBlock(f"the block at byte {section.offset} is not {section.cid}: its bytes hash to another name")
    return data
