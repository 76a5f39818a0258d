"""A block of Ethereum of the tests' own: transactions signed by their key, hung in a trie, under a header.

header = make_header(transactions, timestamp=DAY_ONE)
proof = make_proof(b"any data", others=200)
"""

import hashlib
from typing import Any

from mirror.formats import ether, ethereum, trie
from mirror.formats.ethereum import Header, Proof

SECRET = hashlib.sha256(b"a key that pays for nothing").digest()
DAY_ONE = 1_790_000_000
"""2026-09-21, in seconds."""


def make_payment(data: bytes, nonce: int = 0, chain: int = 1) -> bytes:
    """A signed transaction of type 2 to its own sender, raw."""
    itself = ether.address_of(SECRET)
    numbers = [ether.number(each) for each in (chain, nonce, 10**9, 3 * 10**10, 60_000)]
    fields = [*numbers, itself, b"", data, []]
    parts = ether.sign(ether.keccak(b"\x02" + ether.encode(fields)), SECRET)
    return b"\x02" + ether.encode([*fields, *map(ether.number, parts)])


def make_header(
    transactions: list[bytes], number: int = 23_000_000, timestamp: int = DAY_ONE, items: int = 21
) -> Header:
    """A header over these transactions, with as many items as some fork has."""
    fields = [bytes([at]) * 32 for at in range(items)]
    fields[2], fields[4], fields[6], fields[7] = bytes(20), trie.root_of(transactions), bytes(256), b""
    fields[8], fields[9], fields[10] = (ether.number(each) for each in (number, 36_000_000, 60_000))
    fields[11], fields[12], fields[14] = ether.number(timestamp), b"the tests", bytes(8)
    if items > 15:
        fields[15] = ether.number(10**9)
    return ethereum.parse_header(ether.encode(fields))


def as_node_says_it(header: Header) -> dict[str, Any]:
    """A header's block as a node prints it, whatever its fork."""
    block: dict[str, Any] = {"hash": "0x" + header.hash.hex(), "transactions": [], "size": "0x21c"}
    items = ether.as_list(ether.decode(header.raw), "the header")
    for (name, is_number), item in zip(ethereum.FIELDS, items, strict=False):
        digits = ether.as_bytes(item, name).hex()
        block[name] = "0x" + ((digits.lstrip("0") or "0") if is_number else digits)
    return block


def make_proof(data: bytes, others: int = 3, chain: int = 1, **header: int) -> Proof:
    """The proof of a transaction with these data, mined behind `others`."""
    transactions = [make_payment(b"x" * 40, nonce, chain) for nonce in range(others)]
    transactions.append(make_payment(data, others, chain))
    return ethereum.prove(chain, make_header(transactions, **header), transactions, others)
