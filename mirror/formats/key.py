"""Names and Ed25519 keys: who signs, and what a key may sign.

    vkey = name "+" key ID "+" base64(0x01 ‖ public key)
    skey = "PRIVATE+KEY+" name "+" key ID "+" base64(0x01 ‖ seed)
    key ID = the first 4 bytes of SHA-256(name ‖ "\\n" ‖ 0x01 ‖ public key), in hexadecimal

    voices.example/archive+e2d5f5e2+AaRUoE+1XK…

Specification: C2SP signed-note, signature type 0x01. A key ID has 32 bits and is only a hint: keys are compared
whole. The same key names a mirror on IPNS (`PublicKey.ipns`), so a vkey is enough to find, fetch and verify one.

A signature is valid iff A and R are canonical and not of small order, S < L, and encode(S·B − k·A) = R: no
cofactor. That is libsodium's rule; A's part of it is checked here when a key is read, so that no key of small order
or of another spelling is ever held. (That A lies on the curve is left to libsodium: under a key that does not, no
signature verifies.)

A secret key signs `Statement` values and nothing else; each kind of statement says which keys may sign it.

This is the one module that knows libsodium. Passphrases and files are `mirror.store.workspace`'s.
"""

import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from nacl import bindings as _sodium
from nacl.exceptions import BadSignatureError, CryptoError

from mirror.errors import BadSignature, Malformed
from mirror.formats import wire
from mirror.formats.cid import CID

ED25519 = b"\x01"
"""The signature type, as C2SP numbers it."""

SIGNATURE_BYTES = 64

NAME_AT_MOST = 255
"""Bytes in a mirror's or an author's name: what C2SP allows an origin."""

VKEY_AT_MOST = 1024
"""Letters in a vkey or skey: a name, and room for key types that we refuse by name rather than by length."""

_NAME = re.compile(r"[a-z0-9._~/-]{1,255}")
_RESERVED = ("mirror/v1", "cosignature/v1")
_PRIVATE = "PRIVATE+KEY+"

_P = 2**255 - 19
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})
"""The y coordinates of the eight points whose order divides the cofactor (orders 1, 2, 4 and 8)."""


def parse_name(text: str) -> str:
    """A mirror's or an author's name: `[a-z0-9._~/-]`, 1 to 255 bytes, and no signing context of C2SP's or ours."""
    if not _NAME.fullmatch(text):
        raise Malformed(f"not a name of 1 to {NAME_AT_MOST} letters of a-z 0-9 . _ ~ / -: {text[:80]!r}")
    if text in _RESERVED:
        raise Malformed(f"the name {text} is reserved")
    return text


@lru_cache(maxsize=256)
def parse_note_name(text: str) -> str:
    """A key name as C2SP allows it in any note: UTF-8, not empty, no white space of any script, no plus sign."""
    if not text or any(letter == "+" or letter.isspace() or "\ud800" <= letter <= "\udfff" for letter in text):
        raise Malformed(f"not a key name: {text[:80]!r}")
    return text


class Statement(ABC):
    """Something that a key may sign."""

    __slots__ = ()

    @abstractmethod
    def signed_bytes(self, signer: "PublicKey") -> bytes:
        """The bytes that `signer` signs; raises `Refused` where this key may not sign such a statement."""


@dataclass(frozen=True)
class PublicKey:
    """A name and an Ed25519 public key of 32 bytes; equal only where both are."""

    name: str
    raw: bytes

    def __post_init__(self) -> None:
        parse_note_name(self.name)
        _check_point(self.raw)

    @cached_property
    def id(self) -> bytes:
        """The key ID: 4 bytes, a hint."""
        return _key_id(self.name, ED25519 + self.raw)

    @cached_property
    def vkey(self) -> str:
        """The key in one line, as C2SP prints it."""
        return f"{self.name}+{wire.encode_hex(self.id)}+{wire.encode_base64(ED25519 + self.raw)}"

    @cached_property
    def ipns(self) -> CID:
        """The key as an IPNS name: the CIDv1 of a libp2p key, `k51…` in text (IPNS record specification)."""
        return CID(b"\x01\x72\x00\x24\x08\x01\x12\x20" + self.raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise `BadSignature` unless `signature` is this key's over `message`."""
        if len(signature) != SIGNATURE_BYTES:
            raise BadSignature(f"a signature by {self.name} of {len(signature)} bytes, not {SIGNATURE_BYTES}")
        try:
            _sodium.crypto_sign_open(signature + message, self.raw)
        except (BadSignatureError, CryptoError):
            raise BadSignature(f"the signature by {self.name} is not valid") from None

    def __str__(self) -> str:
        return self.vkey


@dataclass(frozen=True)
class SecretKey:
    """A name and an Ed25519 seed of 32 bytes. Never printed: ``repr`` and errors show the public key only."""

    name: str
    seed: bytes = field(repr=False)

    @cached_property
    def public(self) -> PublicKey:
        """The public key that checks what this one signs."""
        return PublicKey(self.name, self._expanded[32:])

    @cached_property
    def _expanded(self) -> bytes:
        return bytes(_sodium.crypto_sign_seed_keypair(self.seed)[1])

    @property
    def skey(self) -> str:
        """The secret in one line, as Go's note package prints it. Goes into age files and nowhere else."""
        seed = wire.encode_base64(ED25519 + self.seed)
        return f"{_PRIVATE}{self.name}+{wire.encode_hex(self.public.id)}+{seed}"

    def derive(self, purpose: str) -> bytes:
        """32 bytes that follow from this key and a purpose, and tell nothing of either: for keyed hashes."""
        return hmac.digest(self.seed, b"mirror/v1 " + purpose.encode(), "sha256")

    def sign(self, statement: Statement) -> bytes:
        """The signature of 64 bytes over `statement`, if this key may sign it."""
        message = statement.signed_bytes(self.public)
        return bytes(_sodium.crypto_sign(message, self._expanded)[:SIGNATURE_BYTES])


def generate(name: str, seed: bytes) -> SecretKey:
    """The key that follows from a name and 32 random bytes."""
    if len(seed) != 32:
        raise Malformed(f"a key's seed of {len(seed)} bytes, not 32")
    return SecretKey(parse_name(name), seed)


@lru_cache(maxsize=256)
def parse_vkey(text: str) -> PublicKey:
    """The public key that a vkey spells. Errors never show what stood there: it may be a secret key by mistake."""
    if _PRIVATE in text:
        raise Malformed("a secret key stands where a vkey is wanted; keep it to yourself")
    name, key_id, typed = _split(text, "a vkey")
    if typed[:1] != ED25519 or len(typed) != 33:
        raise Malformed(f"the vkey of {name!r} is not an Ed25519 key of 32 bytes")
    key = PublicKey(name, typed[1:])
    if key.id != key_id:
        raise Malformed(f"the vkey of {name!r} carries a key ID that does not follow from its key")
    return key


def parse_skey(text: str) -> SecretKey:
    """The secret key that an skey spells. Errors never show what stood there."""
    if not text.startswith(_PRIVATE):
        raise Malformed("not a secret key: it does not begin with PRIVATE+KEY+")
    name, key_id, typed = _split(text.removeprefix(_PRIVATE), "a secret key")
    if typed[:1] != ED25519 or len(typed) != 33:
        raise Malformed("not a secret key: it is not an Ed25519 seed of 32 bytes")
    key = SecretKey(name, typed[1:])
    if key.public.id != key_id:
        raise Malformed("not a secret key: its key ID does not follow from its seed")
    return key


def _split(text: str, what: str) -> tuple[str, bytes, bytes]:
    parts = text.split("+", 2)
    try:
        if len(text) <= VKEY_AT_MOST and len(parts) == 3 and len(parts[1]) == 8:
            return parse_note_name(parts[0]), wire.decode_hex(parts[1]), wire.decode_base64(parts[2])
    except Malformed:
        pass
    raise Malformed(f"not {what}: name, key ID and base64, joined by plus signs, are not what stands there")


def _key_id(name: str, typed_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed_key).digest()[:4]


def _check_point(raw: bytes) -> None:
    if len(raw) != 32:
        raise Malformed(f"a public key of {len(raw)} bytes, not 32")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise Malformed("a public key that is not spelled canonically")
    if y in _SMALL_ORDER_Y:
        raise Malformed("a public key of small order: anyone could sign with it")
