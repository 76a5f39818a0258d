"""A Bitcoin header: 80 bytes, a hash that shows the work it took, and a day."""

from datetime import date

import pytest
from calendar_server import mine
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled
from mutate import assert_strict

from mirror.errors import Malformed
from mirror.formats import bitcoin
from mirror.formats.bitcoin import Header, parse_header, parse_shown, shown, target

GENESIS = Header(
    version=1,
    previous=bytes(32),
    merkle_root=parse_shown("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"),
    time=1231006505,
    bits=0x1D00FFFF,
    nonce=2083236893,
)
"""The first block of all, whose hash everybody knows."""

MINED = mine(bytes(range(32)), date(2024, 2, 29))


def test_the_first_block_has_the_hash_that_everybody_knows() -> None:
    assert shown(GENESIS.hash) == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert parse_header(bytes(GENESIS)) == GENESIS
    assert GENESIS.day == date(2009, 1, 3)


def test_a_header_of_the_tests_keeps_to_its_bits() -> None:
    assert parse_header(bytes(MINED)) == MINED
    assert MINED.merkle_root == bytes(range(32))
    assert MINED.day == date(2024, 2, 29)


@given(mangled(st.sampled_from([bytes(GENESIS), bytes(MINED)])) | st.binary(min_size=80, max_size=80))
def test_a_header_is_read_or_malformed(data: bytes) -> None:
    assert_strict(parse_header, data)


@pytest.mark.parametrize("at", range(80))
def test_a_changed_byte_shows_in_the_work(at: int) -> None:
    changed = bytearray(bytes(GENESIS))
    changed[at] ^= 1
    with pytest.raises(Malformed, match="took less work than it says"):
        parse_header(bytes(changed))


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_header_has_eighty_bytes(length: int) -> None:
    with pytest.raises(Malformed, match=f"a Bitcoin header of {length} bytes, not 80"):
        parse_header(bytes(length))


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0x1D00FFFF, 0xFFFF << 208),
        (0x207FFFFF, 0x7FFFFF << 232),
        (0x04123456, 0x12345600),
        (0x03123456, 0x123456),
        (0x02123456, 0x1234),
        (0x01123456, 0x12),
        (0x00123456, 0),
        (0x04923456, 0),
        (0x217FFFFF, 0),
        (0xFF7FFFFF, 0),
    ],
)
def test_bits_are_a_number_in_floating_point(bits: int, expected: int) -> None:
    assert target(bits) == expected


def test_people_write_a_hash_with_its_last_byte_first() -> None:
    assert shown(bytes(range(32))) == bytes(reversed(range(32))).hex()
    assert parse_shown(shown(bytes(range(32)))) == bytes(range(32))


@pytest.mark.parametrize(("text", "words"), [("ab", "a hash of 1 bytes, not 32"), ("0x" + "a" * 64, "not lower-case")])
def test_a_hash_has_one_spelling(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_shown(text)


def test_the_largest_height_lies_far_ahead() -> None:
    blocks_a_year = 365.25 * 24 * 6
    assert bitcoin.HEIGHT_AT_MOST / blocks_a_year > 40_000
