"""Words for tokens and recovery keys: there and back, and a slip of the pen is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.intake import words

SECRETS = st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32)
NOBODY = "legal winner thank year wave sausage worth useful legal winner thank yellow"
"""The words of sixteen bytes 0x7f, as BIP 39 gives them."""


@given(SECRETS)
def test_words_round_trip(secret: bytes) -> None:
    spelled = words.to_words(secret)
    assert len(spelled.split(" ")) == (12 if len(secret) == 16 else 24)
    assert words.from_words(spelled) == secret


def test_the_words_are_those_of_bip_39() -> None:
    assert words.to_words(b"\x7f" * 16) == NOBODY
    assert words.to_words(bytes(16)) == "abandon " * 11 + "about"
    assert words.to_words(bytes(32)) == "abandon " * 23 + "art"


@pytest.mark.parametrize(
    "text", [NOBODY.upper(), f"  {NOBODY}\n", NOBODY.replace(" ", "\n"), NOBODY.replace(" ", " \t ")]
)
def test_case_and_spaces_do_not_matter(text: str) -> None:
    assert words.from_words(text) == b"\x7f" * 16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "legal",
        NOBODY.replace("yellow", "year"),
        NOBODY.replace("sausage", "sossage"),
        NOBODY.replace("legal winner", "winner legal", 1),
        NOBODY + " yellow",
        NOBODY.rpartition(" ")[0],
        NOBODY.replace("wave", "wаve"),
        "abandon " * 14 + "address",
        "abandon " * 17 + "agent",
        "abandon " * 20 + "admit",
        "\x00",
        "abandon " * 10_000,
    ],
)
def test_a_slip_of_the_pen_is_noticed_and_no_word_is_shown(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        words.from_words(text)
    message = "these are not twelve or twenty-four words of the list, or one of them is wrong"
    assert (refusal.value.message, refusal.value.hint) == (message, "")


@given(st.text(max_size=80))
def test_nothing_but_malformed_is_raised(text: str) -> None:
    try:
        assert len(words.from_words(text)) in (16, 32)
    except Malformed:
        return
