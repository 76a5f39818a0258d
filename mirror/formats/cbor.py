"""Strict DAG-CBOR: one spelling for each value.

    value = integer | bytes | text | list | map | true | false | null | float | link

    83 01 61 61 f6                       the list [1, "a", null]
    a2 61 62 01 62 61 61 02              the map {"b": 1, "aa": 2}: shorter keys first
    d8 2a 58 25 00 01 55 12 20 …         a link: tag 42 over a zero byte and a binary CID

Read is exactly what `encode` prints: lengths and integers in the fewest bytes, no indefinite lengths, keys are
text, each once, shorter before longer and then by their bytes; floats have 64 bits and are finite; no other tag,
no other simple value, nothing behind the value. In Python a link is a `CID`, a map a `dict` in that order.

Specification: IPLD, codecs/dag-cbor. Links with hash functions that `mirror.formats.cid` does not read are
refused. Out of scope: streams of several values.
"""

import math
import struct
from typing import Final, TypeAlias

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.cid import CID

Value: TypeAlias = "int | float | bool | str | bytes | CID | list[Value] | dict[str, Value] | None"

DEPTH_AT_MOST = 128
"""Lists and maps inside each other. A CAR header has two, an IPNS record one; more would only exhaust the stack."""

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = range(8)
_LINK = 42
_CONSTANTS: Final = {20: False, 21: True, 22: None}
_FLOAT = 27


def encode(value: Value) -> bytes:
    """The one DAG-CBOR spelling of `value`. Raises Malformed for a value that has none."""
    encoded = bytearray()
    _encode(value, encoded, 0)
    return bytes(encoded)


def _encode(value: Value, into: bytearray, depth: int) -> None:
    if depth == DEPTH_AT_MOST and isinstance(value, list | dict):
        raise Malformed(f"a value for CBOR is nested more than {DEPTH_AT_MOST} deep")
    if isinstance(value, list):
        into += _head(_LIST, len(value))
        for item in value:
            _encode(item, into, depth + 1)
    elif isinstance(value, dict):
        into += _head(_MAP, len(value))
        for spelled, key in sorted((_text(key), key) for key in value):
            into += spelled
            _encode(value[key], into, depth + 1)
    else:
        into += _scalar(value)


def _scalar(value: int | float | bool | str | bytes | CID | None) -> bytes:
    if value is None or isinstance(value, bool):
        return bytes([_SIMPLE << 5 | {False: 20, True: 21, None: 22}[value]])
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Malformed(f"{value} has no place in CBOR")
        return bytes([_SIMPLE << 5 | _FLOAT]) + struct.pack(">d", value)
    if isinstance(value, CID):
        return _head(_TAG, _LINK) + _head(_BYTES, len(value) + 1) + b"\0" + value
    return _text(value) if isinstance(value, str) else _head(_BYTES, len(value)) + value


def _integer(value: int) -> bytes:
    if not -(2**64) <= value < 2**64:
        raise Malformed(f"an integer of {value.bit_length()} bits has no place in CBOR")
    return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)


def _text(value: str) -> bytes:
    try:
        encoded = value.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(f"a text with half a surrogate pair has no place in CBOR: {value[:40]!a}") from None
    return _head(_TEXT, len(encoded)) + encoded


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for extra, size in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | extra]) + argument.to_bytes(size)
    return bytes([major << 5 | 27]) + argument.to_bytes(8)


def decode(data: bytes) -> Value:
    """The value that the whole of `data` spells. Raises Malformed, naming the byte where it fails."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.offset != len(data):
        raise Malformed(f"CBOR with {len(data) - reader.offset} bytes behind its value")
    return value


class _Reader:
    """A place in the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def value(self, depth: int) -> Value:
        start = self.offset
        major, argument = self.head()
        if major == _TAG:
            return self.link(argument, start)
        if major == _SIMPLE:
            return self.simple(argument, start)
        if major not in (_LIST, _MAP):
            return self.scalar(major, argument, start)
        if depth >= DEPTH_AT_MOST:
            raise Malformed(f"CBOR nested more than {DEPTH_AT_MOST} deep at byte {start}")
        return self.list(argument, depth) if major == _LIST else self.map(argument, depth)

    def scalar(self, major: int, argument: int, start: int) -> int | bytes | str:
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        taken = self.take(argument)
        return taken if major == _BYTES else wire.decode_utf8(taken, f"CBOR text at byte {start}")

    def head(self) -> tuple[int, int]:
        """Major type and argument; a float's 64 bits stay unread."""
        start = self.offset
        first = self.take(1)[0]
        major, argument = first >> 5, first & 31
        if argument < 24 or (major == _SIMPLE and argument == _FLOAT):
            return major, argument
        if argument > 27 or major == _SIMPLE:
            raise Malformed(f"CBOR with a form that is not allowed at byte {start}: {first:#04x}")
        size = 1 << (argument - 24)
        number = int.from_bytes(self.take(size))
        if len(_head(major, number)) != 1 + size:
            raise Malformed(f"CBOR with a number in more bytes than it needs at byte {start}")
        return major, number

    def take(self, length: int) -> bytes:
        taken = self.data[self.offset : self.offset + length]
        if len(taken) != length:
            raise Malformed(f"CBOR cut off at byte {len(self.data)}")
        self.offset += length
        return taken

    def list(self, length: int, depth: int) -> list[Value]:
        return [self.value(depth + 1) for _ in range(length)]

    def map(self, length: int, depth: int) -> dict[str, Value]:
        items: dict[str, Value] = {}
        before = b""
        for _ in range(length):
            start = self.offset
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise Malformed(f"CBOR map with a key that is not text at byte {start}")
            spelled = self.data[start : self.offset]  # its length comes first, so that bytes sort as keys do
            if spelled <= before:
                raise Malformed(f"CBOR map with a key twice or out of order at byte {start}: {key[:40]!r}")
            before = spelled
            items[key] = self.value(depth + 1)
        return items

    def link(self, tag: int, start: int) -> CID:
        if tag != _LINK:
            raise Malformed(f"CBOR with tag {tag} at byte {start}; only {_LINK} is known")
        major, length = self.head()
        if major != _BYTES:
            raise Malformed(f"CBOR link that holds no bytes at byte {start}")
        binary = self.take(length)
        if binary[:1] != b"\0":
            raise Malformed(f"CBOR link without its zero byte at byte {start}")
        return cids.from_bytes(binary[1:])

    def simple(self, argument: int, start: int) -> Value:
        if argument == _FLOAT:
            (number,) = struct.unpack(">d", self.take(8))
            if not math.isfinite(number):
                raise Malformed(f"CBOR with {number} at byte {start}")
            return float(number)
        if argument not in _CONSTANTS:
            raise Malformed(f"CBOR with the simple value {argument} at byte {start}, which is not allowed")
        return _CONSTANTS[argument]
