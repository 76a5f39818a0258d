"""What counterparts say is cut, put in one line, and looked at before it is used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.network import answers
from mirror.network.answers import QUOTED_AT_MOST, quote, quote_ends, read_json, take, take_cid

ROOT = CID.of_raw(b"root")


@given(st.text() | st.binary())
def test_what_is_quoted_is_one_short_line_that_moves_nothing(words: str | bytes) -> None:
    shown = quote(words)
    assert len(shown) <= QUOTED_AT_MOST
    assert not any(letter < " " or "\x7f" <= letter <= "\xa0" or letter in "\u202e\u2066\u2028" for letter in shown)
    shown.encode()


@given(st.text() | st.text(min_size=150, max_size=250))
def test_so_is_what_is_quoted_by_its_ends(words: str) -> None:
    shown = quote_ends(words)
    assert len(shown) <= QUOTED_AT_MOST
    assert shown == quote(words) or shown[:99] == quote(words)[:99]


def test_the_end_of_long_words_stays_where_the_reason_is_there() -> None:
    assert quote_ends("x" * QUOTED_AT_MOST) == "x" * QUOTED_AT_MOST
    assert quote_ends("a" * 500 + "\nno space left on device") == "a" * 99 + "…" + "a" * 76 + " no space left on device"


def test_words_stay_and_what_stood_between_them_is_a_space() -> None:
    assert quote("no\nspace \x1b[31m\u202eleft  ") == "no space [31m left"
    assert quote("нема место".encode()) == "нема место"
    assert quote(b"\xff!") == "\ufffd!"


def test_long_words_are_cut_and_it_shows() -> None:
    assert quote("x" * QUOTED_AT_MOST) == "x" * QUOTED_AT_MOST
    assert quote("x" * (QUOTED_AT_MOST + 1)) == "x" * (QUOTED_AT_MOST - 1) + "…"
    assert quote(b"x" * 10**6) == "x" * (QUOTED_AT_MOST - 1) + "…"


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"null", b"<html>", b'{"a":1}{"a":1}', b'{"a":1,"a":2}', b"\xff"])
def test_a_body_that_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(body)


def test_an_object_is_read() -> None:
    assert read_json(b' {"a": 1} \n') == {"a": 1}


def test_members_are_of_the_kind_that_was_asked_for() -> None:
    answer: dict[str, Any] = {"a": {"b": []}, "n": 0, "s": "", "t": True, "z": None}
    assert take(take(answer, "a", dict), "b", list) == []
    assert take(answer, "n", int) == 0
    assert take(answer, "t", bool) is True
    assert take(answer, "s", str, "other") == ""
    assert take(answer, "absent", str, "other") == take(answer, "z", str, "other") == "other"


@pytest.mark.parametrize(
    ("value", "kind", "word"),
    [
        (None, dict, "object"),
        ([], dict, "object"),
        ({}, list, "list"),
        (1, str, "text"),
        ("1", int, "number"),
        (True, int, "number"),
        (1.0, int, "number"),
        (-1, int, "number"),
        (wire.SIZE_AT_MOST + 1, int, "number"),
        (1, bool, "true or false"),
    ],
)
def test_a_member_of_another_kind_is_malformed(value: Any, kind: type[object], word: str) -> None:
    with pytest.raises(Malformed, match=f"answer has no {word} 'name': {{\"name\": "):
        take({"name": value}, "name", kind)


def test_a_member_of_another_kind_is_not_its_default() -> None:
    with pytest.raises(Malformed):
        take({"name": 1}, "name", str, "other")


def test_a_long_answer_is_not_repeated_in_full() -> None:
    with pytest.raises(Malformed) as caught:
        take({"name": "x" * 10**6}, "name", int)
    assert len(caught.value.message) < 300


def test_a_cid_is_text_or_a_link() -> None:
    assert take_cid({"Cid": str(ROOT)}, "Cid") == take_cid({"Cid": {"/": str(ROOT)}}, "Cid") == ROOT


@pytest.mark.parametrize("value", [None, 1, [], {}, {"/": 1}, "", "bafy", str(ROOT).upper()])
def test_what_is_no_cid_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed):
        take_cid({"Cid": value}, "Cid")


def test_every_letter_that_could_turn_a_line_is_a_space() -> None:
    for letter in "\t\n\r\x00\x1b\x7f\x85\xa0\u200b\u200e\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff\udc80":
        assert answers.quote(f"a{letter}b") == "a b", ascii(letter)
