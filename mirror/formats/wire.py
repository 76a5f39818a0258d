"""The alphabet: lines, decimals, base64, base32, base36, base58, hexadecimal, varints. One spelling each.

Every decoder here accepts exactly what its encoder prints and raises `Malformed` for anything
else: no sign, no space, no leading zero, no foreign digit, no loose bit behind the last letter,
no missing padding. No other module calls ``int()`` on text or ``b64decode``; a test greps for them.

    decimal   0, 42                       RFC-free: ASCII digits without leading zeros
    base64    RFC 4648 §4, padded
    base32    RFC 4648 §6, lower case, without padding
    base36    0-9a-z, base58 bitcoin's alphabet: both as multibase prints them
    varint    unsigned LEB128 in the fewest bytes, 63 bits at most (the multiformats varint)
"""

import base64 as _base64
import binascii
import json
import re
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn

from mirror.errors import Malformed

SIZE_AT_MOST = 2**63 - 1
"""The largest size, index, sequence or length we read: what fits a signed 64-bit integer everywhere."""

VARINT_AT_MOST = 9
"""Bytes in a varint: 63 bits, as the multiformats specification bounds it."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
JSON_DEPTH_AT_MOST = 128
"""Lists and objects inside each other: what anybody answers has less than ten. Python's own bound is the stack, and a
library may have lifted it."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_BASE32 = re.compile(r"[a-z2-7]*")
_LETTERS_32 = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")
_DIGITS_32 = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz234567", b"0123456789abcdefghijklmnopqrstuv")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def decode_utf8(data: bytes, what: str = "text") -> str:
    """The text that `data` spells in UTF-8, strictly."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8 at byte {error.start}") from None


def split_lines(text: str, what: str = "text") -> list[str]:
    """The lines of `text`, each of which ends in a newline, also the last."""
    if not text.endswith("\n"):
        raise Malformed(f"{what} does not end in a newline")
    return text[:-1].split("\n")


def decode_decimal(text: str, at_most: int = SIZE_AT_MOST) -> int:
    """The number from 0 to `at_most` that `text` spells in ASCII digits."""
    if not _DECIMAL.fullmatch(text) or (value := int(text)) > at_most:
        raise Malformed(f"not a decimal number from 0 to {at_most}: {text[:40]!r}")
    return value


def encode_hex(data: bytes) -> str:
    """`data` in lower-case hexadecimal."""
    return data.hex()


def decode_hex(text: str) -> bytes:
    """The bytes that lower-case hexadecimal spells."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = None
    if data is None or data.hex() != text:
        raise Malformed(f"not lower-case hexadecimal: {text[:80]!r}")
    return data


def encode_base64(data: bytes) -> str:
    """`data` in standard base64 with padding."""
    return _base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes that canonical, padded standard base64 spells."""
    try:
        data = _base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        data = None
    if data is None or encode_base64(data) != text:
        raise Malformed(f"not canonical base64: {text[:80]!r}")
    return data


def encode_base32(data: bytes) -> str:
    """`data` in lower-case base32 without padding."""
    letters = (len(data) * 8 + 4) // 5
    value = int.from_bytes(data) << letters * 5 - len(data) * 8
    for shift, mask in _spreads(letters):
        low = value & mask
        value = low | (value ^ low) << shift
    return value.to_bytes(letters).translate(_LETTERS_32).decode("ascii")


@lru_cache(maxsize=64)
def _spreads(letters: int) -> tuple[tuple[int, int], ...]:
    """How far to shift what no mask holds, so that of so many groups of five bits each comes to lie in its own byte.

    First the upper half of all groups moves away from the lower one, then each half does the same in itself.
    """
    steps, half, count = [], 1 << max(letters - 1, 0).bit_length() >> 1, 1
    while half:
        lower = (1 << 5 * half) - 1
        steps.append((3 * half, sum(lower << 16 * half * at for at in range(count))))
        half, count = half >> 1, count * 2
    return tuple(steps)


def decode_base32(text: str) -> bytes:
    """The bytes that canonical lower-case base32 without padding spells."""
    if not _BASE32.fullmatch(text) or len(text) % 8 in (1, 3, 6):
        raise Malformed(f"not lower-case base32: {text[:80]!r}")
    length, loose = divmod(len(text) * 5, 8)
    number = int(text.encode().translate(_DIGITS_32) or b"0", 32)
    if number & ((1 << loose) - 1):
        raise Malformed(f"base32 with loose bits at its end: {text[:80]!r}")
    return (number >> loose).to_bytes(length)


def encode_base36(data: bytes) -> str:
    """`data` as one number in base 36, a leading `0` for each leading zero byte."""
    return _encode_number(data, _BASE36)


def decode_base36(text: str) -> bytes:
    """The bytes that `encode_base36` prints as `text`."""
    return _decode_number(text, _BASE36, "base36")


def encode_base58(data: bytes) -> str:
    """`data` as one number in base 58, a leading `1` for each leading zero byte."""
    return _encode_number(data, _BASE58)


def decode_base58(text: str) -> bytes:
    """The bytes that `encode_base58` prints as `text`."""
    return _decode_number(text, _BASE58, "base58")


NUMBER_AT_MOST = 128
"""Letters in a base36 or base58 text: twice an IPNS name; the conversion's cost grows with their square."""


def _encode_number(data: bytes, alphabet: str) -> str:
    value, digits = int.from_bytes(data), []
    while value:
        value, digit = divmod(value, len(alphabet))
        digits.append(alphabet[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + "".join(reversed(digits))


def _decode_number(text: str, alphabet: str, what: str) -> bytes:
    if len(text) > NUMBER_AT_MOST:
        raise Malformed(f"{what} of {len(text)} letters, more than {NUMBER_AT_MOST}")
    value = 0
    for letter in text:
        digit = alphabet.find(letter)
        if digit < 0:
            raise Malformed(f"not {what}: {text[:80]!r}")
        value = value * len(alphabet) + digit
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8)


_SHORT_VARINTS = [bytes([value]) for value in range(0x80)]


def encode_varint(value: int) -> bytes:
    """`value`, from 0 to `SIZE_AT_MOST`, as an unsigned varint."""
    if 0 <= value < 0x80:
        return _SHORT_VARINTS[value]
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode_varint(data: bytes, offset: int = 0) -> tuple[int, int]:
    """The varint in `data` at `offset`, and the offset behind it."""
    if offset < len(data) and (first := data[offset]) < 0x80:  # nearly all are that short: half the time of parsing
        return first, offset + 1
    value = 0
    for count in range(VARINT_AT_MOST):
        if offset + count >= len(data):
            raise Malformed(f"varint cut off at byte {offset + count}")
        byte = data[offset + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                raise Malformed(f"varint with a needless byte at byte {offset + count}")
            return value, offset + count + 1
    raise Malformed(f"varint of more than {VARINT_AT_MOST} bytes at byte {offset}")


def encode_json(value: Any) -> bytes:
    """`value` as one line of JSON with sorted keys and a newline."""
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def decode_json(data: bytes, what: str = "JSON") -> Any:
    """The value that `data` spells in JSON; a name given twice, NaN, infinities and half a character are malformed."""
    text = decode_utf8(data, what)
    if text.count("[") + text.count("{") > JSON_DEPTH_AT_MOST and _depth(text) > JSON_DEPTH_AT_MOST:
        raise Malformed(f"{what} is nested more than {JSON_DEPTH_AT_MOST} deep")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
        if "\\u" in text:
            encode_json(value)  # an escaped surrogate without its other half has no UTF-8
    except ValueError:
        raise Malformed(f"{what} is not valid JSON") from None
    return value


def _depth(text: str) -> int:
    """How many brackets are open at once, those within strings not counted."""
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("a JSON object gives one name twice")
    return value


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise Malformed(f"JSON holds {text[:40]}, which is no number")
