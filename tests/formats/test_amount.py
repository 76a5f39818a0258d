"""Amounts of ether: what is printed reads back, and what is none is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.formats.amount import ETHER, ETHER_AT_MOST, GWEI, in_ether, in_gwei, parse_ether


@given(st.integers(0, ETHER_AT_MOST * ETHER))
def test_what_is_printed_reads_back(wei: int) -> None:
    assert parse_ether(in_ether(wei)) == wei


@pytest.mark.parametrize(
    ("text", "wei"),
    [("0", 0), ("1", ETHER), ("0.01", ETHER // 100), ("0.000000000000000001", 1), ("10.50", 105 * ETHER // 10)],
)
def test_amounts_are_read(text: str, wei: int) -> None:
    assert parse_ether(text) == wei


NONE = [
    "",
    ".",
    "1.",
    ".5",
    "-1",
    "+1",
    " 1",
    "1,5",
    "1e3",
    "0x1",
    "01",
    "0.0000000000000000001",
    "٤",
    "1.٤",
    "1.-5",
    "1.+5",
    "1000000001",
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="not an amount of ether, such as 0.01: " + re.escape(repr(text))):
        parse_ether(text)


def test_the_largest_amount_is_read() -> None:
    assert parse_ether(str(ETHER_AT_MOST)) == ETHER_AT_MOST * ETHER


def test_prices_are_told_in_gwei() -> None:
    assert [in_gwei(wei) for wei in (GWEI, 15 * GWEI // 10, 1, 0)] == ["1", "1.5", "0.000000001", "0"]
