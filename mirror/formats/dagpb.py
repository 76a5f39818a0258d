"""dag-pb: a block that links to others by name.

    node = { 2: link } [ 1: data ]                 protobuf fields, the links before the data
    link = 1: binary CID [ 2: name ] [ 3: Tsize ]

    12 2f 0a 24 <36 bytes of CID> 12 05 "1.jpg" 18 07  0a 02 08 01      one link, then the data 08 01

Read is exactly what ``bytes()`` prints: canonical varints, fields in that order, each link with a CID, no unknown
field. The order of the links is kept as it stands; what order is right, and what the data say, is UnixFS's
business (`mirror.formats.unixfs`).

Specification: IPLD, codecs/dag-pb. Names are UTF-8. Links with hash functions that `mirror.formats.cid` does not
read are refused.
"""

from dataclasses import dataclass
from typing import Self

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.formats.protobuf import bytes_field, number_field, read_fields


@dataclass(frozen=True, slots=True)
class Link:
    """One link: whither, under which name, and how many bytes of blocks it claims to lead to (Tsize).

    Name and size may be absent, which is not the same block as an empty name or a zero.
    """

    cid: CID
    name: str | None
    size: int | None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The link that `data` spells. Raises Malformed."""
        fields: dict[int, int | bytes] = {}
        last = 0
        for number, value in read_fields(data, "dag-pb link"):
            if number <= last or not isinstance(value, _LINK_FIELDS.get(number, ())):
                raise Malformed(f"dag-pb link with an unexpected field {number}")
            fields[number] = value
            last = number
        if not isinstance(found := fields.get(1), bytes):
            raise Malformed("dag-pb link without a CID")
        name, size = fields.get(2), fields.get(3)
        return cls(
            cids.from_bytes(found),
            wire.decode_utf8(name, "dag-pb link name") if isinstance(name, bytes) else None,
            size if isinstance(size, int) else None,
        )

    def __bytes__(self) -> bytes:
        encoded = bytes_field(1, self.cid)
        if self.name is not None:
            encoded += bytes_field(2, self.name.encode())
        if self.size is not None:
            encoded += number_field(3, self.size)
        return encoded


_LINK_FIELDS = {1: bytes, 2: bytes, 3: int}


@dataclass(frozen=True, slots=True)
class Node:
    """The links and the data of one block; data may be absent."""

    links: tuple[Link, ...]
    data: bytes | None

    def __bytes__(self) -> bytes:
        encoded = b"".join(bytes_field(2, bytes(link)) for link in self.links)
        return encoded if self.data is None else encoded + bytes_field(1, self.data)


def parse(block: bytes) -> Node:
    """The node that `block` spells. Raises Malformed."""
    links: list[Link] = []
    data = None
    for number, value in read_fields(block, "dag-pb node"):
        if data is not None:
            raise Malformed(f"dag-pb node with field {number} behind its data")
        if number == 2 and isinstance(value, bytes):
            links.append(Link.parse(value))
        elif number == 1 and isinstance(value, bytes):
            data = value
        else:
            raise Malformed(f"dag-pb node with an unexpected field {number}")
    return Node(tuple(links), data)
