"""A CAR as it arrives: its blocks one after the other, each checked before it is handed on.

    for cid, data in blocks(pieces): …         pieces of any length, as a counterpart sends them

The same grammar and bounds as `mirror.formats.car`, of version 1 alone, for bytes that cannot be sought: a section's
claimed length is refused before it is waited for, and no more is held than one section and one piece. Roots are not
looked at, for whoever sends them says what he likes.

**The end is the end of the pieces where a section would begin.** Pieces that end anywhere else are malformed. Whether
every wanted block came is the caller's to know.

Specification: IPLD, transport/car, version 1. Out of scope: version 2, which is not sent as an answer.
"""

from collections.abc import Iterable, Iterator

from mirror.errors import BadBlock, Malformed
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.car import BLOCK_AT_MOST, HEADER_AT_MOST, parse_header
from mirror.formats.cid import CID, CID_AT_MOST


class _Pieces:
    """Bytes taken from the front of what arrives."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = bytearray()
        self._at = 0
        self.offset = 0

    def fill(self, count: int) -> bytes:
        """The next `count` bytes, or as many as there are, without taking them."""
        while len(self._held) - self._at < count and (piece := next(self._pieces, None)) is not None:
            if self._at:
                del self._held[: self._at]
                self._at = 0
            self._held += piece
        return bytes(self._held[self._at : self._at + count])

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes; raises Malformed where they end sooner."""
        taken = self.fill(count)
        if len(taken) != count:
            raise Malformed(f"CAR is cut off at byte {self.offset + len(taken)}, in {what}")
        self._at += count
        self.offset += count
        return taken

    def length(self, at_most: int, what: str) -> int:
        """The varint at the front, taken. Raises Malformed for one beyond its bound."""
        start = self.offset
        try:
            length, behind = wire.decode_varint(self.fill(wire.VARINT_AT_MOST))
        except Malformed as error:
            raise Malformed(f"CAR {what} at byte {start}: {error.message}") from None
        if not 0 < length <= at_most:
            raise Malformed(f"CAR {what} at byte {start} claims {length} bytes; 1 to {at_most} are possible")
        self.take(behind, what)
        return length


def blocks(pieces: Iterable[bytes]) -> Iterator[tuple[CID, bytes]]:
    """Each block in the order it arrives, checked against its name. Raises Malformed or BadBlock, naming the byte."""
    arriving = _Pieces(pieces)
    header = arriving.take(arriving.length(HEADER_AT_MOST, "header"), "the header")
    try:
        parse_header(header)
    except Malformed as error:
        raise Malformed(f"CAR header at byte 0: {error.message}") from None
    while arriving.fill(1):
        start = arriving.offset
        section = arriving.take(arriving.length(CID_AT_MOST + BLOCK_AT_MOST, "section"), f"the section at byte {start}")
        try:
            cid, behind = cids.read(section, 0)
        except Malformed as error:
            raise Malformed(f"CAR section at byte {start}: {error.message}") from None
        data = section[behind:]
        if len(data) > BLOCK_AT_MOST:
            raise Malformed(f"CAR section at byte {start}: its block has {len(data)} bytes, more than {BLOCK_AT_MOST}")
        if not cid.matches(data):
            raise BadBlock(f"the block at byte {start} is not {cid}: its bytes hash to another name")
        yield cid, data
