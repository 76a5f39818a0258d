"""What Ethereum is spelled in: RLP, its hash, its signatures, its addresses.

    item = bytes | list of items

    83 64 6f 67             the bytes "dog"
    c8 83 63 61 74 83 64 6f 67    the list ["cat", "dog"]

Read is exactly what `encode` prints: lengths in the fewest bytes, a single byte below 0x80 as itself, nothing behind
the item. Numbers are big-endian in the fewest bytes, so zero is no byte at all.

RLP is read without the library of that name, which is the tests' oracle: with all that it loads it takes several times
as long as a proof may take to check, its time grows with the square of a list's length, and its stack with depth. This
is the door to the other libraries of Ethereum (the extra `ethereum`); without them there is no hash, and who asks for
one gets `Unavailable`. Their errors do not pass it. What signing takes is loaded only where it is used.

Specification: the Ethereum yellow paper, appendices B (RLP) and F (signing); EIP-55 (addresses in mixed case).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from mirror.errors import BadSignature, Malformed
from mirror.formats import extras

try:
    from Crypto.Hash import keccak as _keccak
except ImportError:
    _keccak = None  # type: ignore[assignment]  # said where a hash is asked for

if TYPE_CHECKING:
    from eth_keys.datatypes import PrivateKey

Item: TypeAlias = "bytes | list[Item]"

RLP_AT_MOST = 2 * 1024 * 1024
"""Bytes of RLP that we read: a node of a trie around a transaction of 1 MiB, and room."""

DEPTH_AT_MOST = 16
"""Lists inside each other. A transaction's access list has four; more would only exhaust the stack."""

ADDRESS_BYTES, HASH_BYTES = 20, 32

_ORDER = 2**256 - 0x14551231950B75FC4402DA1732FC9BEBF
"""How many points secp256k1 has: a secret key is a number below it."""

_BYTES, _LIST = 0x80, 0xC0
_SHORT = 55
"""The longest content whose length stands in the first byte; behind a larger one stand the bytes of the length."""


def keccak(data: bytes) -> bytes:
    """Ethereum's hash, 32 bytes: Keccak-256, which is not the SHA3-256 of the standard."""
    if _keccak is None:
        raise extras.absent("ethereum")
    return _keccak.new(data=data, digest_bits=256).digest()


def encode(item: "Item | Sequence[Item]") -> bytes:
    """`item` in RLP."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < _BYTES else _head(_BYTES, len(item)) + item
    content = b"".join(map(encode, item))
    return _head(_LIST, len(content)) + content


def _head(kind: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes([kind + length])
    size = number(length)
    return bytes([kind + _SHORT + len(size)]) + size


def decode(data: bytes, what: str = "RLP") -> Item:
    """The item that the whole of `data` spells; `what` names it in errors."""
    if len(data) > RLP_AT_MOST:
        raise Malformed(f"{what} has more than {RLP_AT_MOST} bytes")
    item, end = _read(data, 0, len(data), 0, what)
    if end != len(data):
        raise Malformed(f"{what} has {len(data) - end} bytes behind its end")
    return item


def _read(data: bytes, start: int, stop: int, depth: int, what: str) -> tuple[Item, int]:
    """The item at `start`, which has to end at `stop` at the latest, and where it ends."""
    is_list, at, length = _read_head(data, start, what)
    if depth > DEPTH_AT_MOST:
        raise Malformed(f"{what} is nested more than {DEPTH_AT_MOST} deep at byte {start}")
    end = at + length
    if end > stop:
        raise Malformed(f"{what} is cut off: what begins at byte {start} ends at {end}, behind {stop}")
    if not is_list:
        return data[at:end], end
    items: list[Item] = []
    while at < end:
        item, at = _read(data, at, end, depth + 1, what)
        items.append(item)
    return items, end


def _read_head(data: bytes, start: int, what: str) -> tuple[bool, int, int]:
    """Whether a list begins at `start`, where its content does, and how long that is."""
    if start >= len(data):
        raise Malformed(f"{what} is cut off at byte {start}")
    first = data[start]
    if first < _BYTES:
        return False, start, 1
    kind = _LIST if first >= _LIST else _BYTES
    length, at = first - kind, start + 1
    if length > _SHORT:
        size = data[at : at + length - _SHORT]
        at += length - _SHORT
        length = int.from_bytes(size)
        is_shortest = length > _SHORT and size[0] > 0
    else:
        is_shortest = first != _BYTES + 1 or data[at : at + 1] >= bytes([_BYTES])
    if not is_shortest:
        raise Malformed(f"{what} is not canonical RLP at byte {start}")
    return kind == _LIST, at, length


def as_list(item: Item, what: str, *lengths: int) -> list[Item]:
    """`item` as a list, of one of these numbers of items where any are given."""
    if not isinstance(item, list) or (lengths and len(item) not in lengths):
        raise Malformed(f"{what} is not a list" + (f" of {' or '.join(map(str, lengths))}" if lengths else ""))
    return item


def as_bytes(item: Item, what: str, *lengths: int) -> bytes:
    """`item` as bytes, of one of these lengths where any are given."""
    if not isinstance(item, bytes) or (lengths and len(item) not in lengths):
        raise Malformed(f"{what} is not bytes" + (f", {' or '.join(map(str, lengths))} of them" if lengths else ""))
    return item


def as_number(item: Item, what: str, bits: int = 64) -> int:
    """`item` as a number of so many bits at most, in the fewest bytes."""
    data = as_bytes(item, what)
    if data[:1] == b"\0" or len(data) * 8 > bits:
        raise Malformed(f"{what} is no number of {bits} bits in the fewest bytes")
    return int.from_bytes(data)


def number(value: int) -> bytes:
    """A number as RLP's lists hold it."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def recover(digest: bytes, parity: int, r: int, s: int) -> bytes:
    """The address (20 bytes) whose key made a signature over `digest` (32 bytes). Raises `BadSignature`."""
    from eth_keys import datatypes, exceptions  # noqa: PLC0415  (a quarter of a second, for this alone)

    try:
        if parity not in (0, 1) or not 0 < r < _ORDER or not 0 < s < _ORDER:
            raise exceptions.BadSignature
        signature = datatypes.Signature(vrs=(parity, r, s))
        return bytes(signature.recover_public_key_from_msg_hash(digest).to_canonical_address())
    except exceptions.BadSignature:
        raise BadSignature("the transaction's signature is of no key") from None


def sign(digest: bytes, secret: bytes) -> tuple[int, int, int]:
    """A secret key's signature over `digest` (both 32 bytes): parity, r, s."""
    signature = _secret(secret).sign_msg_hash(digest)
    return signature.v, signature.r, signature.s


def address_of(secret: bytes) -> bytes:
    """The address, 20 bytes, of a secret key. Raises `Malformed` where it is none."""
    return bytes(_secret(secret).public_key.to_canonical_address())


def _secret(secret: bytes) -> "PrivateKey":
    from eth_keys.datatypes import PrivateKey  # noqa: PLC0415  (as above)

    if not 0 < int.from_bytes(as_bytes(secret, "the secret key", 32)) < _ORDER:
        raise Malformed("the secret key is no number that a key can be")
    return PrivateKey(secret)


def address_text(address: bytes) -> str:
    """An address as people read it, `0x…` with the upper case that tells a slip of the pen (EIP-55)."""
    plain = as_bytes(address, "the address", ADDRESS_BYTES).hex()
    return "0x" + "".join(
        letter.upper() if digit >= "8" else letter
        for letter, digit in zip(plain, keccak(plain.encode()).hex(), strict=False)
    )
