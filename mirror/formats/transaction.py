"""An Ethereum transaction as its block holds it: signed, raw bytes of any type.

    raw    = fields                     in RLP: the first kind
           | type ‖ fields              EIP-2718: a byte, then RLP

    type   fields, behind which stand in each kind  v, r, s  (the first)  or  parity, r, s
      -    nonce, gas price, gas, to, value, data
      1    chain, nonce, gas price, gas, to, value, data, access list                          EIP-2930
      2    chain, nonce, tip, fee, gas, to, value, data, access list                           EIP-1559
      3    the same, then blob fee, blob hashes                                                EIP-4844
      4    the same as 2, then authorizations                                                  EIP-7702

`to` is empty where a contract is created. The first kind names its chain within `v` since EIP-155, before that none.
Its hash is Keccak-256 over the raw bytes; its sender is whoever's key made the signature.

Out of scope: blobs, which travel beside a transaction of type 3 and in no block; whether it was paid for, mined, or
worth anything. A transaction shows what somebody signed, not who that is.
"""

from dataclasses import dataclass

from mirror.errors import Malformed, NeedsNewer
from mirror.formats import ether
from mirror.formats.ether import Item, as_bytes, as_list, as_number

TRANSACTION_AT_MOST = 1024 * 1024
"""Bytes in a transaction that we read: nodes pass on 128 KiB; a miner could put more into a block, and hardly did."""

FIRST, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE = range(5)
"""The types of transactions, as their first byte says them, the first kind being 0."""

_LISTS = 0xC0
"""A raw transaction that begins with this byte or a higher one is a list, and so of the first kind."""

_LENGTHS = {FIRST: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12, BLOB: 14, SET_CODE: 13}
_PRICES = {FIRST: 1, ACCESS_LIST: 1}


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a transaction says. Numbers are in wei and gas; `chain` is None before EIP-155; `to` None where it creates.

    `fields` are the items of its RLP, all of them; `bytes()` gives the raw transaction.
    """

    type: int
    chain: int | None
    nonce: int
    fee: int
    tip: int
    gas: int
    to: bytes | None
    value: int
    data: bytes
    parity: int
    r: int
    s: int
    fields: tuple[Item, ...]

    def __bytes__(self) -> bytes:
        return _prefix(self.type) + ether.encode(list(self.fields))

    @property
    def hash(self) -> bytes:
        """What people share of it, 32 bytes."""
        return ether.keccak(bytes(self))

    @property
    def signed_hash(self) -> bytes:
        """What its signature is over, 32 bytes."""
        fields = list(self.fields[:-3])
        if self.type == FIRST and self.chain is not None:
            fields += [ether.number(self.chain), b"", b""]
        return ether.keccak(_prefix(self.type) + ether.encode(fields))

    def sender(self) -> bytes:
        """The address, 20 bytes, whose key signed it. Raises `BadSignature` where no key did."""
        return ether.recover(self.signed_hash, self.parity, self.r, self.s)


def _prefix(kind: int) -> bytes:
    return b"" if kind == FIRST else bytes([kind])


def parse(raw: bytes) -> Transaction:
    """The transaction that the whole of `raw` spells. Raises `NeedsNewer` for a type that is not known."""
    if len(raw) > TRANSACTION_AT_MOST:
        raise Malformed(f"a transaction of more than {TRANSACTION_AT_MOST} bytes")
    first = raw[0] if raw else 0
    kind = FIRST if first >= _LISTS else first
    if kind not in _LENGTHS or (kind == FIRST and first < _LISTS):
        if 0 < first < 0x80 and raw[1:2] >= bytes([_LISTS]):
            raise NeedsNewer(f"a transaction of type {first}, which this version does not know")
        raise Malformed("no transaction: it begins with neither a type nor a list")
    what = "the transaction"
    fields = as_list(ether.decode(raw[kind > 0 :], what), what, _LENGTHS[kind])
    return _first(fields) if kind == FIRST else _typed(kind, fields)


def _first(fields: list[Item]) -> Transaction:
    v = as_number(fields[6], "the transaction's v", 72)
    if v not in (27, 28) and v < 35:
        raise Malformed(f"a transaction whose v is {v}")
    chain, parity = (None, v - 27) if v < 35 else divmod(v - 35, 2)
    return _made(FIRST, chain, fields, fields[:6], parity)


def _typed(kind: int, fields: list[Item]) -> Transaction:
    prices = _PRICES.get(kind, 2)
    common, rest = fields[1 : prices + 6], fields[prices + 6 : -3]
    _check_access_list(rest[0])
    if kind == BLOB:
        as_number(rest[1], "the blob fee", 256)
        for each in as_list(rest[2], "the list of blobs"):
            as_bytes(each, "a blob's hash", 32)
    if kind == SET_CODE:
        _check_authorizations(rest[1])
    parity = as_number(fields[-3], "the transaction's parity", 8)
    if parity > 1:
        raise Malformed(f"a transaction whose parity is {parity}")
    return _made(kind, as_number(fields[0], "the transaction's chain"), fields, common, parity)


def _made(kind: int, chain: int | None, fields: list[Item], common: list[Item], parity: int) -> Transaction:
    nonce, *prices, gas, to, value, data = common
    creates = () if kind in (BLOB, SET_CODE) else (0,)
    tip, fee = (as_number(each, "the transaction's price of gas", 256) for each in (prices[0], prices[-1]))
    return Transaction(
        kind,
        chain,
        as_number(nonce, "the transaction's nonce"),
        fee,
        tip,
        as_number(gas, "the transaction's gas"),
        as_bytes(to, "the transaction's receiver", *creates, ether.ADDRESS_BYTES) or None,
        as_number(value, "the transaction's value", 256),
        as_bytes(data, "the transaction's data"),
        parity,
        as_number(fields[-2], "the transaction's r", 256),
        as_number(fields[-1], "the transaction's s", 256),
        tuple(fields),
    )


def _check_access_list(item: Item) -> None:
    for each in as_list(item, "the access list"):
        address, keys = as_list(each, "an entry of the access list", 2)
        as_bytes(address, "an address of the access list", ether.ADDRESS_BYTES)
        for key in as_list(keys, "the keys of the access list"):
            as_bytes(key, "a key of the access list", ether.HASH_BYTES)


def _check_authorizations(item: Item) -> None:
    what = "an authorization"
    for each in as_list(item, "the list of authorizations"):
        chain, address, nonce, parity, r, s = as_list(each, what, 6)
        as_bytes(address, f"the address of {what}", ether.ADDRESS_BYTES)
        for number, bits in ((chain, 256), (nonce, 64), (parity, 8), (r, 256), (s, 256)):
            as_number(number, f"a number of {what}", bits)
