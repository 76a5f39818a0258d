"""A transaction as nodes and explorers describe it in JSON, back to the raw bytes that its block holds.

    {"type": "0x2", "chainId": "0x1", "nonce": "0x0", "gas": "0xafc8", "maxFeePerGas": "0x…",
     "maxPriorityFeePerGas": "0x…", "to": "0x…", "value": "0x0", "input": "0x6d69…", "accessList": [],
     "yParity": "0x1", "r": "0x…", "s": "0x…", "hash": "0x…", …}

Numbers and bytes are hexadecimal behind `0x`. Names that are not needed (the block, the sender, the price paid) are
passed over. What comes out is checked against `hash`, so that nothing depends on how a node chose to say it: a
description that was changed, or of a type that is not known, gives no transaction.

Reference: the Ethereum execution APIs, `eth_getTransactionByHash`. Out of scope: raw bytes, which need no description
(`mirror.formats.transaction`).
"""

from collections.abc import Mapping
from typing import Any

from mirror.errors import Malformed, NeedsNewer, Unverified
from mirror.formats import ether, transaction, wire
from mirror.formats.ether import Item

_NUMBERS = {"chainId", "nonce", "gasPrice", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value", "maxFeePerBlobGas"}
_FIELDS = {
    transaction.FIRST: ("nonce", "gasPrice", "gas", "to", "value", "input"),
    transaction.ACCESS_LIST: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList"),
    transaction.DYNAMIC_FEE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input"),
        "accessList",
    ),
    transaction.BLOB: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input"),
        *("accessList", "maxFeePerBlobGas", "blobVersionedHashes"),
    ),
    transaction.SET_CODE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input"),
        *("accessList", "authorizationList"),
    ),
}
"""What stands before the signature in a transaction of each type, by the names that JSON has for it."""


def raw_of(said: Mapping[str, Any]) -> bytes:
    """The raw bytes of the transaction that `said` describes.

    Raises `Malformed` where something is not of its form, `NeedsNewer` for a type that is not known, `Unverified` where
    the bytes have not the hash that it gives.
    """
    kind = number_of(said, "type") if "type" in said else transaction.FIRST
    if kind not in _FIELDS:
        raise NeedsNewer(f"a transaction of type {kind}, which this version does not know")
    fields = [_field(said, name) for name in _FIELDS[kind]]
    first = "v" if kind == transaction.FIRST or "yParity" not in said else "yParity"
    fields += [ether.number(number_of(said, name)) for name in (first, "r", "s")]
    raw = (b"" if kind == transaction.FIRST else bytes([kind])) + ether.encode(fields)
    if ether.keccak(raw) != bytes_of(said, "hash"):
        raise Unverified("what is said of a transaction does not give its hash")
    return raw


def _field(said: Mapping[str, Any], name: str) -> Item:
    if name in _NUMBERS:
        return ether.number(number_of(said, name))
    if name == "to":
        return b"" if said.get("to") is None else bytes_of(said, "to")
    if name == "accessList":
        return [[bytes_of(each, "address"), _listed(each, "storageKeys")] for each in _objects(said, name)]
    if name == "blobVersionedHashes":
        return _listed(said, name)
    if name == "authorizationList":
        return [_authorization(each) for each in _objects(said, name)]
    return bytes_of(said, "data" if "input" not in said else "input")


def _authorization(said: Mapping[str, Any]) -> Item:
    chain, nonce = (ether.number(number_of(said, name)) for name in ("chainId", "nonce"))
    signature = [ether.number(number_of(said, name)) for name in ("yParity", "r", "s")]
    return [chain, bytes_of(said, "address"), nonce, *signature]


def _objects(said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = said.get(name)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Malformed(f"{name} is no list of objects")
    return value


def _listed(said: Mapping[str, Any], name: str) -> list[Item]:
    value = said.get(name)
    if not isinstance(value, list):
        raise Malformed(f"{name} is no list")
    return [bytes_of({name: each}, name) for each in value]


def bytes_of(said: Mapping[str, Any], name: str) -> bytes:
    """The bytes that a member spells in hexadecimal behind `0x`, in letters of either case. Raises `Malformed`."""
    return wire.decode_hex(_digits(said, name))


def number_of(said: Mapping[str, Any], name: str, bits: int = 256) -> int:
    """The number that a member spells in hexadecimal behind `0x`, of so many bits at most. Raises `Malformed`."""
    digits = _digits(said, name)
    value = int.from_bytes(wire.decode_hex("0" * (len(digits) % 2) + digits))
    if not digits or value.bit_length() > bits:
        raise Malformed(f"{name} is no number of {bits} bits")
    return value


def _digits(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Malformed(f"{name} is not hexadecimal behind 0x")
    return value[2:].lower()
