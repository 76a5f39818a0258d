"""Headers of every fork, and proofs: a real one is accepted, and no change of any of its bytes."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated
from onchain import DAY_ONE, as_node_says_it, make_header, make_payment, make_proof

from mirror.errors import BadProof, Malformed, NeedsNewer
from mirror.formats import ether, ethereum
from mirror.formats.ethereum import Proof

PROOF = make_proof(b"what is said", others=140)
DATA = bytes(PROOF)


@pytest.mark.parametrize("items", [15, 16, 17, 20, 21, 23])
def test_headers_of_all_forks_are_read(items: int) -> None:
    header = make_header([make_payment(b"")], number=5, timestamp=DAY_ONE, items=items)
    assert ethereum.header_of(as_node_says_it(header)) == header
    assert (header.number, header.timestamp, header.day) == (5, DAY_ONE, date(2026, 9, 21))
    assert header.hash == ether.keccak(bytes(header))


def test_a_header_of_a_fork_to_come_is_read_and_its_block_is_not_guessed() -> None:
    header = make_header([make_payment(b"")], items=25)
    assert ethereum.parse_header(header.raw).hash == header.hash
    with pytest.raises(Malformed, match="do not give its hash, or a fork added others"):
        ethereum.header_of(as_node_says_it(header))


FIRST_BLOCK = {
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "size": "0x21c",
}
"""The first block of Ethereum's main chain, as every node gives it."""


def test_the_first_block_of_the_main_chain_has_its_hash() -> None:
    header = ethereum.header_of(FIRST_BLOCK)
    assert "0x" + header.hash.hex() == FIRST_BLOCK["hash"]
    assert header.number == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("number", "0x1", "the fields of block 1 do not give its hash, or a fork added others"),
        ("number", "0x00", "the block's number is no number without a zero before it"),
        ("number", "0x", "the block's number is no number without a zero before it"),
        ("number", "0", "the block's number is not hexadecimal behind 0x"),
        ("number", None, "the block's number is not hexadecimal behind 0x"),
        ("number", 0, "the block's number is not hexadecimal behind 0x"),
        ("number", "0xg", "not lower-case hexadecimal"),
        ("miner", "0x00", "the header's miner is not bytes, 20 of them"),
        ("baseFeePerGas", "0x7", "the fields of block 0 do not give its hash"),
        ("hash", "0x", "the fields of block 0 do not give its hash"),
    ],
)
def test_a_block_whose_fields_are_others_is_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        ethereum.header_of({**FIRST_BLOCK, name: value})


@given(st.binary(max_size=200) | mutated(st.just(PROOF.header)))
def test_a_header_that_is_read_prints_back(data: bytes) -> None:
    assert_strict(ethereum.parse_header, data)


WRONG_ITEMS = [
    (slice(14, None), [], "a header of 14 items, fewer than 15"),
    (4, bytes(31), "the header's hash of transactions is not bytes, 32 of them"),
    (6, b"", "the header's bloom is not bytes, 256 of them"),
    (8, b"\0", "the header's number is no number of 63 bits in the fewest bytes"),
    (11, b"\xff" * 8, "the header's timestamp lies behind the year 9999"),
    (14, b"", "the header's nonce is not bytes, 8 of them"),
]


@pytest.mark.parametrize(("at", "item", "words"), WRONG_ITEMS, ids=[str(each[0]) for each in WRONG_ITEMS])
def test_a_header_with_an_item_of_another_form_is_refused(at: Any, item: Any, words: str) -> None:
    items = ether.as_list(ether.decode(PROOF.header), "")
    items[at] = item
    with pytest.raises(Malformed, match=f"^{words}$"):
        ethereum.parse_header(ether.encode(items))


def test_a_header_beyond_its_bound_is_refused() -> None:
    with pytest.raises(Malformed, match="a header of more than 8192 bytes"):
        ethereum.parse_header(bytes(ethereum.HEADER_AT_MOST + 1))


def test_a_proof_leads_from_the_transaction_to_the_block() -> None:
    found, header = ethereum.parse_proof(DATA).check()
    assert (found.data, found.chain) == (b"what is said", 1)
    assert header.hash == PROOF.block
    assert DATA.startswith(b'{"block":"')
    assert DATA.split() == [DATA]


def is_refused(data: bytes) -> bool:
    """Whether a proof is refused, for its form or for where it leads."""
    try:
        ethereum.parse_proof(data).check()
    except (Malformed, BadProof):
        return True
    return False


def test_every_single_byte_change_of_a_proof_is_refused() -> None:
    accepted = []
    for at, byte in enumerate(DATA):
        for other in {byte ^ 1, byte ^ 0x20, ord("0")} - {byte}:
            if not is_refused(DATA[:at] + bytes([other]) + DATA[at + 1 :]):
                accepted.append((at, other))
    assert accepted == []


def test_every_proof_with_a_byte_less_or_more_is_refused() -> None:
    less = [at for at in range(len(DATA)) if not is_refused(DATA[:at] + DATA[at + 1 :])]
    more = [at for at in range(0, len(DATA) + 1, 3) if not is_refused(DATA[:at] + b"0" + DATA[at:])]
    assert (less, more) == ([], [])


@given(st.binary(max_size=200) | mutated(st.just(bytes(make_proof(b"short", others=0)))))
def test_a_proof_that_is_read_prints_back(data: bytes) -> None:
    assert_strict(ethereum.parse_proof, data)


OTHER = make_proof(b"something else", others=141)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"header": OTHER.header}, "has the hash .* not that of `block`"),
        ({"header": OTHER.header, "block": OTHER.block}, "its node 0 is not the one whose hash stands above it"),
        ({"transaction": OTHER.transaction}, "the branch of transaction 140: it leads to another transaction"),
        ({"branch": OTHER.branch}, "its node 0 is not the one whose hash stands above it"),
        ({"branch": PROOF.branch[:-1]}, "its node 3 is not a list of 2"),
        ({"branch": (*PROOF.branch, PROOF.branch[-1])}, "its node 4 does not lead to the transaction of that index"),
        ({"branch": ()}, "it has 0 nodes"),
        ({"index": 139}, "the branch of transaction 139: "),
        ({"chain": 5}, "its transaction is for chain 1, not 5"),
    ],
    ids=["header", "header and hash", "transaction", "branch", "cut", "longer", "none", "index", "chain"],
)
def test_what_belongs_to_another_proof_does_not_hold(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadProof, match=words):
        replace(PROOF, **changes).check()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chain": "1"}, "the proof's chain is no number from 0 to"),
        ({"chain": True}, "the proof's chain is no number from 0 to"),
        ({"chain": 2**63}, "the proof's chain is no number from 0 to"),
        ({"index": -1}, "the proof's index is no number from 0 to 16777215"),
        ({"index": 2**24}, "the proof's index is no number from 0 to 16777215"),
        ({"block": 5}, "the proof's block is not hexadecimal"),
        ({"header": "0xab"}, "not lower-case hexadecimal"),
        ({"header": "AB"}, "not lower-case hexadecimal"),
        ({"branch": "ab"}, "the proof's branch is not a list of 9 nodes at most"),
        ({"branch": ["ab"] * 10}, "the proof's branch is not a list of 9 nodes at most"),
        ({"more": 1}, "the proof is not an object of the six things"),
    ],
)
def test_a_proof_of_another_form_is_refused(changes: dict[str, Any], words: str) -> None:
    value = {**json.loads(DATA), **changes}
    with pytest.raises(Malformed, match=words):
        ethereum.parse_proof(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def test_another_spelling_of_a_proof_is_refused() -> None:
    value = json.loads(DATA)
    for data in (json.dumps(value, sort_keys=True).encode(), DATA + b"\n", b"[]", b"5"):
        with pytest.raises(Malformed, match="the proof is not"):
            ethereum.parse_proof(data)
    with pytest.raises(Malformed, match="a proof of more than 65536 bytes"):
        ethereum.parse_proof(bytes(ethereum.PROOF_AT_MOST + 1))


def test_a_transaction_of_a_later_type_needs_a_newer_program() -> None:
    later = b"\x05" + make_payment(b"")[1:]
    proof = Proof(1, b"", b"", 0, later, ())
    header = make_header([later])
    with pytest.raises(NeedsNewer, match="a transaction of type 5"):
        replace(proof, block=header.hash, header=header.raw, branch=ethereum.trie.branch_of([later], 0)).check()
