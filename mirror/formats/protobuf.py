"""Protocol Buffers, as little of it as dag-pb, UnixFS and IPNS records need.

    message = { key value }            key = varint(number << 3 | wire type)
    value   = varint                   wire type 0
            | varint(length) bytes     wire type 2

    08 01        field 1 is 1
    12 01 61     field 2 is b"a"

Numbers are canonical varints of 63 bits at most; other wire types are malformed. Which fields a message has, in
which order and how often, is said by whoever reads it.

Specification: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

from mirror.errors import Malformed
from mirror.formats import wire

_VARINT, _BYTES = 0, 2


def read_fields(data: bytes, what: str) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field in the message `data`, in its order; `what` names it in errors."""
    offset = 0
    while offset < len(data):
        key, offset = wire.decode_varint(data, offset)
        value, offset = _read_value(data, offset, key & 7, what)
        yield key >> 3, value


def _read_value(data: bytes, offset: int, wire_type: int, what: str) -> tuple[int | bytes, int]:
    if wire_type == _VARINT:
        return wire.decode_varint(data, offset)
    if wire_type != _BYTES:
        raise Malformed(f"{what} has a field of wire type {wire_type} before byte {offset}")
    length, offset = wire.decode_varint(data, offset)
    end = offset + length
    if end > len(data):
        raise Malformed(
            f"{what} is cut off: its field at byte {offset} has {length} bytes, {len(data) - offset} are here"
        )
    return data[offset:end], end


def number_field(number: int, value: int) -> bytes:
    """Field `number` holding the number `value`, from 0 to 63 bits."""
    return wire.encode_varint(number << 3 | _VARINT) + wire.encode_varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Field `number` holding the bytes `value`."""
    return wire.encode_varint(number << 3 | _BYTES) + wire.encode_varint(len(value)) + value
