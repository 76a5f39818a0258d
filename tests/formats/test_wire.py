"""The alphabet has one spelling for each value, and nothing that Python reads on the way is read besides."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import Malformed
from mirror.formats import wire

CODECS = [
    (wire.encode_hex, wire.decode_hex),
    (wire.encode_base64, wire.decode_base64),
    (wire.encode_base32, wire.decode_base32),
    (wire.encode_base36, wire.decode_base36),
    (wire.encode_base58, wire.decode_base58),
]
NAMES = ["hex", "base64", "base32", "base36", "base58"]
LETTERS = st.text("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=-_ \n²٤é", max_size=24)


@pytest.mark.parametrize(("encode", "decode"), CODECS, ids=NAMES)
@given(data=st.binary(max_size=64))
def test_every_encoding_round_trips(
    encode: Callable[[bytes], str], decode: Callable[[str], bytes], data: bytes
) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize(("encode", "decode"), CODECS, ids=NAMES)
@given(text=LETTERS | st.text(max_size=24))
@example(text="\ud800")
def test_every_decoder_reads_only_what_its_encoder_prints(
    encode: Callable[[bytes], str], decode: Callable[[str], bytes], text: str
) -> None:
    assert_strict(decode, text, encode)


@given(st.binary(max_size=64))
def test_base64_and_base32_are_those_of_the_standard_library(data: bytes) -> None:
    assert wire.encode_base64(data) == base64.b64encode(data).decode()
    assert wire.encode_base32(data) == base64.b32encode(data).decode().lower().rstrip("=")


def test_base58_and_base36_known_values() -> None:
    assert wire.encode_base58(b"\x00\x00hello") == "11Cn8eVZg"
    assert wire.encode_base36(b"\x00\x00hello") == "0" * 2 + "5pzcszu7"
    assert wire.decode_base36("05pzcszu7") == b"\x00hello"


# Where Python is lenient: one test for each row of the list


@pytest.mark.parametrize("text", ["+42", " 42 ", "4_2", "٤٢", "-1", "", "042", "00", "4e1", "0x2a"])
def test_a_decimal_has_no_sign_space_underscore_foreign_digit_or_leading_zero(text: str) -> None:
    with pytest.raises(Malformed, match="not a decimal number from 0 to"):
        wire.decode_decimal(text)


@pytest.mark.parametrize("text", ["²", "4²", "①", "४"])
def test_a_digit_is_an_ascii_digit(text: str) -> None:
    assert text[-1].isnumeric()
    with pytest.raises(Malformed, match="not a decimal number"):
        wire.decode_decimal(text)


def test_base64_drops_no_junk() -> None:
    assert base64.b64decode("AA==!!junk") == b"\x00"
    with pytest.raises(Malformed, match="not canonical base64: 'AA==!!junk'"):
        wire.decode_base64("AA==!!junk")


@pytest.mark.parametrize("text", ["AB==", "AAB=", "AA", "AA=", "AA===", "A-__", "AA==\n", "AA ==", "é==="])
def test_base64_is_canonical_and_padded(text: str) -> None:
    with pytest.raises(Malformed, match="not canonical base64"):
        wire.decode_base64(text)


@pytest.mark.parametrize("decode", [wire.decode_decimal, wire.decode_hex, wire.decode_base32])
def test_no_newline_slips_in_behind_a_pattern(decode: Callable[[str], object]) -> None:
    decode("42" if decode is not wire.decode_base32 else "ma")
    with pytest.raises(Malformed, match="not "):
        decode("42\n" if decode is not wire.decode_base32 else "ma\n")


def test_only_a_newline_ends_a_line() -> None:
    for other in "\u2028\u2029\x0b\x0c\r\x1c\x1d\x1e\x85":
        assert len(f"a{other}b".splitlines()) == 2
        assert wire.split_lines(f"a{other}b\n") == [f"a{other}b"]
    assert wire.split_lines("a\n\nb\n") == ["a", "", "b"]
    assert wire.split_lines("\n") == [""]
    for text in ("", "a", "a\nb"):
        with pytest.raises(Malformed, match="the list does not end in a newline"):
            wire.split_lines(text, "the list")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a":1,"a":2}', "a JSON object gives one name twice"),
        ('[{"b":{"a":1,"a":1}}]', "a JSON object gives one name twice"),
        ('{"a":NaN}', "JSON holds NaN, which is no number"),
        ("-Infinity", "JSON holds -Infinity, which is no number"),
        ("1e999", "JSON holds 1e999, which is no number"),
        ("[1,]", "the answer is not valid JSON"),
        ("", "the answer is not valid JSON"),
        ("1" * 5000, "the answer is not valid JSON"),
        ("[" * 128, "the answer is not valid JSON"),
        ("[" * 129, "the answer is nested more than 128 deep"),
        ('[{"a":' * 100_000, "the answer is nested more than 128 deep"),
        ('"' + "[" * 100_000, "the answer is not valid JSON"),
        (r'"\ud800"', "the answer is not valid JSON"),
        (r'{"\uDC00":1}', "the answer is not valid JSON"),
    ],
)
def test_json_has_no_double_names_and_no_numbers_that_are_none(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        wire.decode_json(text.encode(), "the answer")


def test_json_is_as_deep_as_it_is_and_brackets_in_strings_are_none() -> None:
    assert wire.decode_json(b"[" * 128 + b"]" * 128) is not None
    assert wire.decode_json(b"[" + b"[]," * 1000 + b"0]")[-1] == 0
    words = '\\"[{' * 1000
    assert wire.decode_json(json.dumps([words, "\\"]).encode()) == [words, "\\"]


def test_json_is_utf8() -> None:
    with pytest.raises(Malformed, match="the answer is not UTF-8 at byte 1"):
        wire.decode_json(b'"\xff"', "the answer")
    assert wire.decode_json('{"é": "😀 \\ud83d\\ude00"}'.encode()) == {"é": "😀 😀"}


# Bounds, on both sides


def test_decimals_end_at_63_bits() -> None:
    assert wire.decode_decimal("9223372036854775807") == wire.SIZE_AT_MOST
    assert wire.decode_decimal("0") == 0
    for text in ("9223372036854775808", "9" * 19, "1" + "0" * 19, "9" * 5000):
        with pytest.raises(Malformed, match="not a decimal number from 0 to 9223372036854775807"):
            wire.decode_decimal(text)
    assert wire.decode_decimal("255", 255) == 255
    with pytest.raises(Malformed, match="not a decimal number from 0 to 255: '256'"):
        wire.decode_decimal("256", 255)


@pytest.mark.parametrize(("decode", "letter"), [(wire.decode_base36, "z"), (wire.decode_base58, "z")])
def test_the_slow_encodings_are_bounded(decode: Callable[[str], bytes], letter: str) -> None:
    decode(letter * wire.NUMBER_AT_MOST)
    with pytest.raises(Malformed, match="of 129 letters, more than 128"):
        decode(letter * (wire.NUMBER_AT_MOST + 1))


@pytest.mark.parametrize(
    ("decode", "text"),
    [
        (wire.decode_hex, "0"),
        (wire.decode_hex, "0G"),
        (wire.decode_hex, "AB"),
        (wire.decode_hex, "0 1"),
        (wire.decode_base32, "a"),
        (wire.decode_base32, "MA"),
        (wire.decode_base32, "ma======"),
        (wire.decode_base32, "m1"),
        (wire.decode_base36, "Z"),
        (wire.decode_base58, "0"),
        (wire.decode_base58, "Il"),
    ],
)
def test_letters_of_another_alphabet_are_refused(decode: Callable[[str], bytes], text: str) -> None:
    with pytest.raises(Malformed, match="not "):
        decode(text)


def test_base32_has_no_loose_bits() -> None:
    assert wire.decode_base32("ma") == b"`"
    with pytest.raises(Malformed, match="base32 with loose bits at its end: 'mb'"):
        wire.decode_base32("mb")


def test_utf8_is_strict() -> None:
    assert wire.decode_utf8("é".encode()) == "é"
    for data in (b"a\xff", b"a\xc0\x80", b"a\xed\xa0\x80", b"a\xf4\x90\x80\x80"):
        with pytest.raises(Malformed, match="the title is not UTF-8 at byte 1"):
            wire.decode_utf8(data, "the title")


# Varints


@given(st.integers(0, wire.SIZE_AT_MOST), st.binary(max_size=4))
@example(0, b"")
@example(0x7F, b"")
@example(0x80, b"")
@example(wire.SIZE_AT_MOST, b"")
def test_varints_round_trip(value: int, rest: bytes) -> None:
    data = wire.encode_varint(value)
    assert len(data) <= wire.VARINT_AT_MOST
    assert wire.decode_varint(data + rest) == (value, len(data))
    assert wire.decode_varint(b"\xff" + data, 1) == (value, len(data) + 1)


@given(st.binary(max_size=12) | mutated(st.integers(0, wire.SIZE_AT_MOST).map(wire.encode_varint)))
def test_a_varint_has_one_spelling(data: bytes) -> None:
    try:
        value, end = wire.decode_varint(data)
    except Malformed:
        return
    assert wire.encode_varint(value) == data[:end]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "varint cut off at byte 0"),
        (b"\x80", "varint cut off at byte 1"),
        (b"\x80\x00", "varint with a needless byte at byte 1"),
        (b"\xff" * 9, "varint of more than 9 bytes at byte 0"),
        (b"\x80" * 9 + b"\x01", "varint of more than 9 bytes at byte 0"),
    ],
)
def test_a_varint_is_short_and_whole(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        wire.decode_varint(data)


# JSON that we print


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_json_round_trips_and_is_sorted(value: object) -> None:
    data = wire.encode_json(value)
    assert wire.decode_json(data) == value
    assert data == wire.encode_json(json.loads(data))
    assert data.endswith(b"\n")
    assert b"\n" not in data[:-1]


@given(st.binary(max_size=24) | mutated(JSON.map(wire.encode_json)))
def test_json_is_read_or_malformed(data: bytes) -> None:
    try:
        value = wire.decode_json(data)
    except Malformed:
        return
    assert wire.decode_json(wire.encode_json(value)) == value
