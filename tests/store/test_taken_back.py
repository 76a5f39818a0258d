"""The list of tokens that a keeper passes on: one spelling, bounded, and gone when it is empty."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.store import taken_back
from mirror.store.taken_back import TOKENS_AT_MOST, TakenBack

TOKENS = st.sets(st.binary(min_size=16, max_size=16), max_size=20)


@given(TOKENS)
def test_what_is_printed_is_read(tokens: set[bytes]) -> None:
    data = taken_back.print_tokens(tokens)
    assert set(taken_back.parse(data)) == tokens


@given(st.binary(max_size=120) | TOKENS.map(taken_back.print_tokens).map(lambda data: data.replace(b"a", b"b", 1)))
def test_whatever_is_read_prints_back_to_the_same_bytes(data: bytes) -> None:
    try:
        tokens = taken_back.parse(data)
    except Malformed:
        return
    assert taken_back.print_tokens(tokens) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"aaaa\n", "a token that is not 16 bytes"),
        (b"a" * 26, "does not end in a newline"),
        (b"a" * 26 + b"\n" + b"a" * 26 + b"\n", "holds one twice"),
        (b"b" * 25 + b"a\n" + b"a" * 26 + b"\n", "not sorted"),
        (b"a" * 25 + b"b\n", "loose bits"),
        (b"\n", "a token that is not 16 bytes"),
        (b"a" * 26 + b"\n" + b"x" * 27 * TOKENS_AT_MOST, "more than 1000 tokens"),
    ],
    ids=["short", "no newline", "twice", "order", "loose bits", "empty line", "too many"],
)
def test_any_other_list_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        taken_back.parse(data)


def test_the_file_goes_when_nothing_is_left_to_pass_on(tmp_path: Path) -> None:
    kept = TakenBack(tmp_path)
    assert kept.read() == ()
    kept.replace([b"b" * 16, b"a" * 16, b"b" * 16])
    assert kept.read() == (b"a" * 16, b"b" * 16)
    kept.replace([])
    assert (kept.read(), list(tmp_path.iterdir())) == ((), [])
