"""Content identifiers: the name that follows from the bytes.

    CIDv1 = 0x01 ‖ varint(codec) ‖ varint(hash) ‖ varint(length) ‖ digest
    CIDv0 = 0x12 0x20 ‖ 32 bytes of SHA-256             (codec dag-pb)

Text: version 1 is printed in base32 (`bafkrei…`, `bafybei…`), a libp2p key in base36 (`k51…`), version 0 in
base58 (`Qm…`). We read those spellings and no others. Inside the program a CID is its bytes.

    >>> str(CID.of_raw(b"hello"))
    'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'

Specification: github.com/multiformats/cid. Our own notes and entries hold only version 1 with SHA-256 and the
codecs raw or dag-pb (`parse_ours`); other people's trees may use version 0, DAG-CBOR and identity hashes.
"""

import hashlib
from functools import cache, lru_cache
from typing import NewType, Self

from mirror.errors import BadBlock, Malformed
from mirror.formats import wire

Codec = NewType("Codec", int)
RAW = Codec(0x55)
DAG_PB = Codec(0x70)
DAG_CBOR = Codec(0x71)
LIBP2P_KEY = Codec(0x72)

SHA2_256 = 0x12
IDENTITY = 0x00

IDENTITY_AT_MOST = 128
"""Bytes in an identity digest: what Kubo and the trustless gateway specification allow."""

CID_AT_MOST = 1 + 9 + 1 + 2 + IDENTITY_AT_MOST
"""Bytes in a binary CID that we read: version, the longest codec, hash function, length, and an identity digest."""

_PREFIX = {codec: bytes([1, codec, SHA2_256, 32]) for codec in (RAW, DAG_PB, DAG_CBOR)}


class CID(bytes):
    """The bytes of a content identifier. ``str()`` is its one text."""

    __slots__ = ()

    @classmethod
    def of(cls, codec: Codec, data: bytes) -> Self:
        """The CIDv1 of a block: SHA-256 over its bytes."""
        return cls(_PREFIX[codec] + hashlib.sha256(data).digest())

    @classmethod
    def of_raw(cls, data: bytes) -> Self:
        """The CIDv1 of a raw block: its digest is what `sha256sum` prints."""
        return cls.of(RAW, data)

    @classmethod
    def of_digest(cls, codec: Codec, digest: bytes) -> Self:
        """The CIDv1 of a block whose SHA-256 is `digest`."""
        return cls(_PREFIX[codec] + digest)

    @property
    def version(self) -> int:
        """0 or 1."""
        return 0 if self[0] == SHA2_256 else 1

    @property
    def codec(self) -> Codec:
        """How the block's bytes are to be read."""
        return _take(self)[0]

    @property
    def hash_code(self) -> int:
        """The multihash function: `SHA2_256` or `IDENTITY`."""
        return _take(self)[1]

    @property
    def digest(self) -> bytes:
        """The hash of the block's bytes; for `IDENTITY`, the bytes themselves."""
        return self[4:] if self[:4] in _FAST else _take(self)[2]

    def __str__(self) -> str:
        return _print(self)

    def __repr__(self) -> str:
        return f"CID({str(self)!r})"

    def matches(self, data: bytes) -> bool:
        """Whether this is the name of `data`."""
        if self[:-32] in _FAST:
            return hashlib.sha256(data).digest() == self[-32:]
        if self.hash_code == IDENTITY:
            return self.digest == data
        return hashlib.sha256(data).digest() == self.digest

    def check(self, data: bytes) -> bytes:
        """`data`, if this is its name."""
        if not self.matches(data):
            raise BadBlock(f"block {self} holds other bytes: their CID is {CID.of_raw(data)} as a raw block")
        return data


_FAST = frozenset(_PREFIX.values())


@lru_cache(maxsize=1024)
def _print(cid: CID) -> str:
    if cid.version == 0:
        return wire.encode_base58(cid)
    if cid.codec == LIBP2P_KEY:
        return "k" + wire.encode_base36(cid)
    return "b" + wire.encode_base32(cid)


def _take(data: bytes) -> tuple[Codec, int, bytes]:
    if data[:4] in _FAST:
        return Codec(data[1]), SHA2_256, data[4:]
    if data[:2] == b"\x12\x20":
        return DAG_PB, SHA2_256, data[2:34]
    _, offset = wire.decode_varint(data)
    codec, offset = wire.decode_varint(data, offset)
    function, offset = wire.decode_varint(data, offset)
    length, offset = wire.decode_varint(data, offset)
    return Codec(codec), function, data[offset : offset + length]


def read(data: bytes, offset: int = 0) -> tuple[CID, int]:
    """The binary CID in `data` at `offset`, and the offset behind it."""
    start = offset
    if data[offset : offset + 4] in _FAST:
        end = offset + 36
    elif data[offset : offset + 2] == b"\x12\x20":
        end = offset + 34
    else:
        version, offset = wire.decode_varint(data, offset)
        if version != 1:
            raise Malformed(f"CID of version {version} at byte {start}, neither 0 nor 1")
        _, offset = wire.decode_varint(data, offset)
        function, offset = wire.decode_varint(data, offset)
        length, offset = wire.decode_varint(data, offset)
        _check_hash(function, length)
        end = offset + length
    if end > len(data):
        raise Malformed(f"CID cut off at byte {len(data)}")
    return CID(data[start:end]), end


def _check_hash(function: int, length: int) -> None:
    if function == SHA2_256 and length == 32:
        return
    if function == IDENTITY and length <= IDENTITY_AT_MOST:
        return
    raise Malformed(f"CID with hash function {function:#x} over {length} bytes, which we do not read")


def from_bytes(data: bytes) -> CID:
    """The CID that is the whole of `data`."""
    found, end = read(data)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes behind a CID")
    return found


TEXT_AT_MOST = 256
"""Letters in the text of a CID: `CID_AT_MOST` bytes in base32, rounded up."""


@lru_cache(maxsize=1024)
def parse(text: str) -> CID:
    """The CID that `text` prints, in the one spelling that ``str()`` gives it."""
    if len(text) > TEXT_AT_MOST:
        raise Malformed(f"a CID of {len(text)} letters, more than {TEXT_AT_MOST}")
    if text.startswith("Qm") and len(text) == 46:
        found = from_bytes(wire.decode_base58(text))
    elif text[:1] == "b":
        data = wire.decode_base32(text[1:])
        if len(data) == 36 and data[:4] in _FAST:
            return CID(data)  # base32 has one spelling, and these are printed in no other base
        found = from_bytes(data)
    elif text[:1] == "k":
        found = from_bytes(wire.decode_base36(text[1:]))
    else:
        raise Malformed(f"not a CID in base32, base36 or base58: {text[:80]!r}")
    if str(found) != text:
        raise Malformed(f"not the usual spelling of a CID: {text!r}, but {found}")
    return found


def parse_ours(text: str, *codecs: Codec) -> CID:
    """A CID as our notes and entries print it: version 1, base32, SHA-256, one of `codecs` (raw or dag-pb)."""
    found = parse(text)
    if not is_ours(found, *codecs):
        raise Malformed(f"a CID of another kind than is allowed here: {text}")
    return found


def is_ours(found: CID, *codecs: Codec) -> bool:
    """Whether `found` is of version 1 with SHA-256 and one of `codecs` (raw or dag-pb)."""
    return found[:-32] in _prefixes(codecs or (RAW, DAG_PB))


@cache
def _prefixes(codecs: tuple[Codec, ...]) -> frozenset[bytes]:
    return frozenset(_PREFIX[codec] for codec in codecs)
