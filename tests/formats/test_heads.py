"""Files of headers as readers bring them: raw, in lines, as nodes and explorers print blocks."""

import json
from typing import Any

import pytest
from calendar_server import DAY, mine
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated
from onchain import as_node_says_it, make_header, make_payment

from mirror.errors import Malformed
from mirror.formats import heads
from mirror.formats.bitcoin import Header, shown
from mirror.formats.heads import Heads

BLOCK = mine(b"\7" * 32, DAY)
OTHER = mine(b"\5" * 32, DAY, BLOCK.hash)
ETHER = make_header([make_payment(b"")], number=77)

FIRST: dict[str, Any] = {
    "hash": "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    "confirmations": 1,
    "height": 0,
    "version": 1,
    "merkleroot": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    "time": 1231006505,
    "nonce": 2083236893,
    "bits": "1d00ffff",
}
"""The first block of Bitcoin, as a node gives it: it has none before it."""

FIRST_EXPLORED: dict[str, Any] = {
    "id": FIRST["hash"],
    "height": 0,
    "version": 1,
    "timestamp": 1231006505,
    "merkle_root": FIRST["merkleroot"],
    "nonce": 2083236893,
    "bits": 486604799,
    "previousblockhash": None,
}
"""The same, as an explorer gives it."""


def as_node_says(header: Header, height: int) -> dict[str, Any]:
    """A block of Bitcoin as a node prints it."""
    return {
        "hash": shown(header.hash), "height": height, "version": header.version,
        "merkleroot": shown(header.merkle_root), "time": header.time, "nonce": header.nonce,
        "bits": f"{header.bits:08x}",
        "previousblockhash": shown(header.previous),
    }  # fmt: skip


def as_json(*blocks: Any) -> bytes:
    return json.dumps(blocks[0] if len(blocks) == 1 else blocks).encode()


def test_eighty_bytes_are_a_header_of_bitcoin() -> None:
    assert heads.parse(bytes(BLOCK)) == Heads(((None, BLOCK),))


def test_lines_hold_headers_of_both_with_or_without_a_height() -> None:
    known, other = bytes(BLOCK).hex(), bytes(OTHER).hex().upper()
    lines = f"# what was looked up\n\n{known}\n 800001 \t0x{other}\r\n77 {ETHER.raw.hex()}"
    assert heads.parse(lines.encode()) == Heads(((None, BLOCK), (800001, OTHER)), (ETHER,))
    assert heads.parse(b"") == Heads()


@pytest.mark.parametrize("block", [FIRST, {"result": FIRST, "error": None, "id": 1}, FIRST_EXPLORED, [FIRST]])
def test_the_first_block_of_bitcoin_is_read_as_everybody_prints_it(block: Any) -> None:
    ((height, header),) = heads.parse(as_json(block)).bitcoin
    assert (height, shown(header.hash), str(header.day)) == (0, FIRST["hash"], "2009-01-03")


def test_blocks_of_both_stand_in_one_list() -> None:
    ether = as_node_says_it(ETHER)
    found = heads.parse(as_json(as_node_says(OTHER, 5), {"result": ether}))
    assert found == Heads(((5, OTHER),), (ETHER,))
    assert heads.together([found, Heads(((None, BLOCK),))]) == Heads(((5, OTHER), (None, BLOCK)), (ETHER,))


WRONG = [
    (as_json({**FIRST, "nonce": 1}), "took less work than it says"),
    (as_json({**FIRST, "hash": "00" * 32}), "the fields of a block of Bitcoin do not give its hash"),
    (as_json({**FIRST, "time": "1"}), "a block of Bitcoin whose time is no number of 32 bits"),
    (as_json({**FIRST, "nonce": 2**32}), "a block of Bitcoin whose nonce is no number of 32 bits"),
    (as_json({**FIRST, "version": True}), "a block of Bitcoin whose version is no number of 32 bits"),
    (as_json({**FIRST, "bits": None}), "a block of Bitcoin whose bits is no number of 32 bits"),
    (as_json({**FIRST, "merkleroot": 5}), "a block of Bitcoin without a hash that it has to have"),
    (as_json({**FIRST, "merkleroot": "ab"}), "a hash of 1 bytes, not 32"),
    (as_json([5]), "the file of headers holds JSON that is no block"),
    (as_json({"result": "00"}), "the file of headers holds JSON that is no block"),
    (b"{", "the file of headers is not valid JSON"),
    (b"\xff", "the file of headers is not UTF-8"),
    (b"840000", "the header is cut off"),
    (b"nothing", "line 1 of the file of headers is no header in hexadecimal: 'nothing'"),
    (b"\n78 " + ETHER.raw.hex().encode(), "line 2 of the file of headers gives the header of block 77, not 78"),
    (as_json({**FIRST, "bits": "ff00ffff"}), "took less work than it says"),
]


@pytest.mark.parametrize(("data", "words"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_is_no_header_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        heads.parse(data)


@given(st.binary(max_size=200) | mutated(st.sampled_from([bytes(BLOCK), as_json(FIRST), ETHER.raw.hex().encode()])))
def test_a_file_is_read_or_malformed(data: bytes) -> None:
    try:
        found = heads.parse(data)
    except Malformed:
        return
    assert isinstance(found, Heads)


def test_a_file_beyond_its_bound_is_refused() -> None:
    with pytest.raises(Malformed, match="a file of headers of more than 16777216 bytes"):
        heads.parse(bytes(heads.HEADERS_AT_MOST + 1))


def test_a_hash_is_typed_in_any_case() -> None:
    assert heads.parse_hash(" 0xAB" + "00" * 31) == b"\xab" + bytes(31)
    for text in ("0xab", "", "0x" + "zz" * 32):
        with pytest.raises(Malformed, match="hexadecimal"):
            heads.parse_hash(text)
