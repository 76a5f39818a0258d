"""Texts in bytes: found however they were spelled, decoded strictly, with what is damaged marked."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirror.formats import passages
from mirror.formats.passages import PASSAGES_AT_MOST, RUN_AT_LEAST, Passage, find

TEXT = "It was said on a day in April.\n那一天说的。"
PLAIN = TEXT.encode()
WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=2).filter(
    lambda text: sum(letter.isalnum() for letter in text) >= passages.LETTERS_AT_LEAST
)


def word(number: int) -> bytes:
    return number.to_bytes(32)


def string(data: bytes) -> bytes:
    return word(len(data)) + data + bytes(-len(data) % 32)


def pushing(data: bytes) -> bytes:
    """Code that pushes data word by word and stores each, as compilers write it."""
    words = (data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32))
    return b"\x60\x80\x60\x40\x52" + b"".join(b"\x7f" + each + b"\x81\x52\x60\x20\x01" for each in words) + b"\xf3"


SPELLED = {
    "as it is": (PLAIN, ("UTF-8",)),
    "zeros behind": (PLAIN + bytes(7), ("UTF-8",)),
    "hexadecimal": (PLAIN.hex().encode(), ("hexadecimal", "UTF-8")),
    "hexadecimal behind 0x, in upper case": (b"0x" + PLAIN.hex().upper().encode(), ("hexadecimal", "UTF-8")),
    "hexadecimal twice": (PLAIN.hex().encode().hex().encode(), ("hexadecimal", "hexadecimal", "UTF-8")),
    "base64": (base64.b64encode(PLAIN), ("base64", "UTF-8")),
    "base64 in hexadecimal": (base64.b64encode(PLAIN).hex().encode(), ("hexadecimal", "base64", "UTF-8")),
    "a string": (word(32) + string(PLAIN), ("a contract's string", "UTF-8")),
    "a string behind a function's name": (
        b"\xa9\x05\x9c\xbb" + word(64) + word(7) + string(PLAIN),
        ("a contract's string", "UTF-8"),
    ),
    "hexadecimal in a string": (
        word(32) + string(PLAIN.hex().encode()),
        ("a contract's string", "hexadecimal", "UTF-8"),
    ),
}


@pytest.mark.parametrize(("data", "how"), SPELLED.values(), ids=SPELLED)
def test_a_text_is_found_however_it_is_spelled(data: bytes, how: tuple[str, ...]) -> None:
    assert find(data) == [Passage(how, TEXT, ())]


def test_each_string_of_a_list_is_found() -> None:
    texts = [b"The first of them.", b"x" * 32, "третий".encode()]
    offsets = [32 * 3, 32 * 5, 32 * 7]
    data = b"name" + word(32) + word(3) + b"".join(map(word, offsets)) + b"".join(map(string, texts))
    assert [each.text.encode() for each in find(data)] == texts


def test_what_code_pushes_is_joined() -> None:
    text = "句子和句子，" * 40
    assert find(pushing(text.encode()), creates=True) == [Passage(("pushed by code", "UTF-8"), text, ())]


def test_a_text_that_lies_in_code_is_found() -> None:
    code = b"\x60\x80\x60\x40\x00\x01\x02" + PLAIN + b"\xfe\x00\x00\x01\x02\x03\xff" * 20
    assert [each.text for each in find(code, creates=True)] == [TEXT]
    assert find(code)[0].how == ("a run of UTF-8",)


@pytest.mark.parametrize(
    ("data", "text", "damaged"),
    [
        (PLAIN[:-1], TEXT[:-1] + "\ufffd", ((len(PLAIN) - 3, len(PLAIN) - 1),)),
        (b"\xff" + PLAIN, "\ufffd" + TEXT, ((0, 1),)),
        (b"A letter \x00\x01 of one page.", "A letter \ufffd of one page.", ((9, 11),)),
        ("An overlong \xff".encode() + b"\xc0\xafslash, then more of it.", None, None),
        (b"Half a pair: " + b"\xed\xa0\x80" + b" and then many more words.", None, None),
    ],
    ids=["cut off", "begun wrongly", "controls", "overlong", "surrogate"],
)
def test_what_is_damaged_is_marked_with_its_place(
    data: bytes, text: str | None, damaged: tuple[tuple[int, int], ...] | None
) -> None:
    [found] = find(data)
    assert "\ufffd" in found.text
    assert len(found.damaged) == 1
    assert text is None or (found.text, found.damaged) == (text, damaged)


def test_a_replacement_character_that_was_written_is_no_damage() -> None:
    assert find("As it was written: \ufffd".encode())[0].damaged == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"a", b"!?", word(7) + word(9), b"\xa9\x05\x9c\xbb" + bytes(64), bytes(range(128, 256)) * 4],
    ids=["nothing", "a zero", "one letter", "no letters", "numbers", "a call", "bytes"],
)
def test_where_no_text_is_none_is_found(data: bytes) -> None:
    assert find(data) == []
    assert find(data, creates=True) == []


@pytest.mark.parametrize(("length", "count"), [(RUN_AT_LEAST - 1, 0), (RUN_AT_LEAST, 1)])
def test_a_text_that_stands_anywhere_has_a_length(length: int, count: int) -> None:
    assert len(find(bytes(64) + b"\x01" + b"w" * length + b"\xff" * 64)) == count


def test_no_more_passages_than_anybody_reads() -> None:
    strings = b"".join(string(b"number %d" % number) for number in range(PASSAGES_AT_MOST + 5))
    assert len(find(word(32) + strings)) == PASSAGES_AT_MOST


@given(WORDS)
@example("中文")
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    [found] = find(b"\x01\x02\x03\x04" + word(32) + string(text.encode()))
    assert (found.text, found.damaged) == (text, ())


@given(st.binary(max_size=400), st.booleans())
def test_whatever_the_bytes_what_is_found_lies_in_them(data: bytes, creates: bool) -> None:
    for found in find(data, creates=creates):
        assert found.text
        if found.how in (("UTF-8",), ("a run of UTF-8",)):
            assert all(piece.encode() in data for piece in found.text.split("\ufffd"))
