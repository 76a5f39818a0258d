"""A block's header on Ethereum, and the proof that a transaction is in the block: an anchor's file.

    header = RLP of  [parent, uncles, miner, state, transactions, receipts, bloom, difficulty, number,
                      gas limit, gas used, timestamp, extra, mix, nonce, …]

Its hash is Keccak-256 over all of it, so whatever forks put behind the fifteenth item is covered too, and not read.
`transactions` is the root of the trie in which the block's transactions hang (`mirror.formats.trie`), `timestamp` the
miner's clock in seconds since 1970, UTC.

    {"block":"9c1f…","branch":["f851…","f902…"],"chain":1,"header":"f902…","index":3,"transaction":"02f9…"}

That is `/anchor/<size>/ethereum-<edition>.json`: JSON with sorted keys, lower-case hexadecimal without 0x, no white
space and no newline. `branch` holds the nodes from the root to the leaf; `block` repeats the header's hash, which is
what a reader looks up. `Proof.check` recomputes every step from the transaction to that hash, so a change of any byte
is found without asking anybody. **Left out:** that the block is on the chain, which only somebody outside can say
(`mirror.clocks`), what the transaction's data say, who sent it and to whom.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mirror.errors import BadProof, Malformed
from mirror.formats import ether, transaction, trie, wire
from mirror.formats.ether import as_bytes, as_list, as_number
from mirror.formats.transaction import Transaction

HEADER_AT_MOST = 8 * 1024
"""Bytes in a header: today's have about 650; ten times that leaves room for forks to come."""

PROOF_AT_MOST = 64 * 1024
"""Bytes in a proof: one of a full block has about 6,000, and the longest announcement adds as many."""

SECONDS_AT_MOST = 253_402_300_799
"""The last second of the year 9999: no date lies behind it."""

_HASHES = {0: "parent", 1: "uncles", 3: "state", 4: "transactions", 5: "receipts", 13: "mix"}
_ITEMS_AT_LEAST = 15


@dataclass(frozen=True, slots=True)
class Header:
    """A header's RLP, and what is read of it: the block's number, its time, the root of its transactions' trie."""

    raw: bytes
    number: int
    timestamp: int
    transactions_root: bytes

    def __bytes__(self) -> bytes:
        return self.raw

    @property
    def hash(self) -> bytes:
        """What people call the block by, 32 bytes."""
        return ether.keccak(self.raw)

    @property
    def day(self) -> date:
        """The day of its time, in UTC."""
        return datetime.fromtimestamp(self.timestamp, UTC).date()


def parse_header(raw: bytes) -> Header:
    """The header that the whole of `raw` spells, of any fork."""
    if len(raw) > HEADER_AT_MOST:
        raise Malformed(f"a header of more than {HEADER_AT_MOST} bytes")
    items = as_list(ether.decode(raw, "the header"), "the header")
    if len(items) < _ITEMS_AT_LEAST:
        raise Malformed(f"a header of {len(items)} items, fewer than {_ITEMS_AT_LEAST}")
    for at, name in _HASHES.items():
        as_bytes(items[at], f"the header's hash of {name}", ether.HASH_BYTES)
    as_bytes(items[2], "the header's miner", ether.ADDRESS_BYTES)
    as_bytes(items[6], "the header's bloom", 256)
    as_bytes(items[14], "the header's nonce", 8)
    timestamp = as_number(items[11], "the header's timestamp")
    if timestamp > SECONDS_AT_MOST:
        raise Malformed("the header's timestamp lies behind the year 9999")
    return Header(raw, as_number(items[8], "the header's number", 63), timestamp, as_bytes(items[4], "its root"))


FIELDS = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
    ("mixHash", False),
    ("nonce", False),
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
    ("blockAccessListHash", False),
    ("slotNumber", True),
)
"""A header's items as nodes name them in JSON, and which are numbers; those from the sixteenth on came with forks."""


def header_of(block: Mapping[str, Any]) -> Header:
    """The header of a block as nodes and explorers give it in JSON, all its fields in hexadecimal behind `0x`.

    Raises `Malformed` where a field is not of its form, or where they do not give the block's `hash`.
    """
    items = [_field(block, name, is_number=is_number) for name, is_number in FIELDS[:_ITEMS_AT_LEAST]]
    for name, is_number in FIELDS[_ITEMS_AT_LEAST:]:
        if name not in block:
            break
        items.append(_field(block, name, is_number=is_number))
    header = parse_header(ether.encode(items))
    if header.hash != _field(block, "hash", is_number=False):
        raise Malformed(f"the fields of block {header.number} do not give its hash, or a fork added others")
    return header


def _field(block: Mapping[str, Any], name: str, *, is_number: bool) -> bytes:
    value = block.get(name)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Malformed(f"the block's {name} is not hexadecimal behind 0x")
    digits = value[2:].lower()
    if not is_number:
        return wire.decode_hex(digits)
    if digits == "0":
        return b""
    if digits[:1] in ("", "0"):
        raise Malformed(f"the block's {name} is no number without a zero before it")
    return wire.decode_hex("0" * (len(digits) % 2) + digits)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a transaction is the one at `index` in a block, **not yet checked**; raw bytes, as they are hashed."""

    chain: int
    block: bytes
    header: bytes
    index: int
    transaction: bytes
    branch: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        value = {
            "block": self.block.hex(),
            "branch": [node.hex() for node in self.branch],
            "chain": self.chain,
            "header": self.header.hex(),
            "index": self.index,
            "transaction": self.transaction.hex(),
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    def check(self) -> tuple[Transaction, Header]:
        """The transaction and the header, once each step from the one to the other's hash was recomputed.

        Raises `BadProof` where a step leads elsewhere, `Malformed` where something in it has not its form.
        """
        header = parse_header(self.header)
        if header.hash != self.block:
            raise BadProof(f"the header of block {header.number} has the hash {header.hash.hex()}, not that of `block`")
        trie.check(header.transactions_root, self.index, self.transaction, self.branch)
        found = transaction.parse(self.transaction)
        if found.chain != self.chain:
            raise BadProof(f"its transaction is for chain {found.chain}, not {self.chain}")
        return found, header


def prove(chain: int, header: Header, transactions: list[bytes], index: int) -> Proof:
    """The proof for one of a block's raw transactions, which are all needed; checked. Raises as `Proof.check`."""
    branch = trie.branch_of(transactions, index)
    proof = Proof(chain, header.hash, header.raw, index, transactions[index], branch)
    proof.check()
    return proof


def parse_proof(data: bytes) -> Proof:
    """The proof in a file; **nothing in it is checked yet** but its form."""
    if len(data) > PROOF_AT_MOST:
        raise Malformed(f"a proof of more than {PROOF_AT_MOST} bytes")
    value = wire.decode_json(data, "the proof")
    if not isinstance(value, dict) or value.keys() != {"block", "branch", "chain", "header", "index", "transaction"}:
        raise Malformed("the proof is not an object of the six things that it has to hold")
    branch = value["branch"]
    if not isinstance(branch, list) or len(branch) > trie.NODES_AT_MOST:
        raise Malformed(f"the proof's branch is not a list of {trie.NODES_AT_MOST} nodes at most")
    proof = Proof(
        _number(value, "chain", wire.SIZE_AT_MOST),
        _hex(value["block"], "block"),
        _hex(value["header"], "header"),
        _number(value, "index", trie.INDEX_AT_MOST),
        _hex(value["transaction"], "transaction"),
        tuple(_hex(node, "branch") for node in branch),
    )
    if bytes(proof) != data:
        raise Malformed("the proof is not spelled as it has to be: sorted keys, no white space")
    return proof


def _number(value: Mapping[str, Any], name: str, at_most: int) -> int:
    found = value[name]
    if type(found) is not int or not 0 <= found <= at_most:
        raise Malformed(f"the proof's {name} is no number from 0 to {at_most}")
    return found


def _hex(value: Any, name: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed(f"the proof's {name} is not hexadecimal")
    return wire.decode_hex(value)
