"""DAG-CBOR: one spelling for each value, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled

from mirror.errors import Malformed
from mirror.formats import cbor
from mirror.formats.cid import CID, DAG_CBOR
from mirror.formats.cid import parse as parse_cid

RAW = parse_cid("bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq")
LINK = "d82a582500" + RAW.hex()

SPELLINGS = [
    (0, "00"),
    (23, "17"),
    (24, "1818"),
    (255, "18ff"),
    (256, "190100"),
    (65535, "19ffff"),
    (65536, "1a00010000"),
    (2**32 - 1, "1affffffff"),
    (2**32, "1b0000000100000000"),
    (2**64 - 1, "1bffffffffffffffff"),
    (-1, "20"),
    (-24, "37"),
    (-25, "3818"),
    (-(2**64), "3bffffffffffffffff"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (1.5, "fb3ff8000000000000"),
    (-0.0, "fb8000000000000000"),
    (b"", "40"),
    (b"\1\2", "420102"),
    ("", "60"),
    ("ü", "62c3bc"),
    ([], "80"),
    ([1, [2, 3]], "8201820203"),
    ({}, "a0"),
    ({"aa": 2, "b": 1}, "a261620162616102"),
    (RAW, LINK),
    ([RAW, bytes(RAW)], "82" + LINK + "5824" + RAW.hex()),
]

MALFORMED = [
    ("", "CBOR cut off at byte 0"),
    ("18", "CBOR cut off at byte 1"),
    ("6261", "CBOR cut off at byte 2"),
    ("8201", "CBOR cut off at byte 2"),
    ("9bffffffffffffffff", "CBOR cut off at byte 9"),
    ("5bffffffffffffffff00", "CBOR cut off at byte 10"),
    ("0000", "CBOR with 1 bytes behind its value"),
    ("1817", "CBOR with a number in more bytes than it needs at byte 0"),
    ("1900ff", "CBOR with a number in more bytes than it needs at byte 0"),
    ("811a0000ffff", "CBOR with a number in more bytes than it needs at byte 1"),
    ("1b00000000ffffffff", "CBOR with a number in more bytes than it needs at byte 0"),
    ("580161", "CBOR with a number in more bytes than it needs at byte 0"),
    ("5f4101ff", "CBOR with a form that is not allowed at byte 0: 0x5f"),
    ("9f01ff", "CBOR with a form that is not allowed at byte 0: 0x9f"),
    ("1c", "CBOR with a form that is not allowed at byte 0: 0x1c"),
    ("f93e00", "CBOR with a form that is not allowed at byte 0: 0xf9"),
    ("fa3fc00000", "CBOR with a form that is not allowed at byte 0: 0xfa"),
    ("f818", "CBOR with a form that is not allowed at byte 0: 0xf8"),
    ("f7", "CBOR with the simple value 23 at byte 0, which is not allowed"),
    ("e0", "CBOR with the simple value 0 at byte 0, which is not allowed"),
    ("fb7ff8000000000000", "CBOR with nan at byte 0"),
    ("81fb7ff0000000000000", "CBOR with inf at byte 1"),
    ("fbfff0000000000000", "CBOR with -inf at byte 0"),
    ("61ff", "CBOR text at byte 0 is not UTF-8 at byte 0"),
    ("63eda080", "CBOR text at byte 0 is not UTF-8 at byte 0"),
    ("a10102", "CBOR map with a key that is not text at byte 1"),
    ("a141610a", "CBOR map with a key that is not text at byte 1"),
    ("a2616101616102", "CBOR map with a key twice or out of order at byte 4: 'a'"),
    ("a2616201616102", "CBOR map with a key twice or out of order at byte 4: 'a'"),
    ("a262616101616202", "CBOR map with a key twice or out of order at byte 5: 'b'"),
    ("c001", "CBOR with tag 0 at byte 0; only 42 is known"),
    ("d82b4100", "CBOR with tag 43 at byte 0; only 42 is known"),
    ("d9002a582500" + RAW.hex(), "CBOR with a number in more bytes than it needs at byte 0"),
    ("d82a01", "CBOR link that holds no bytes at byte 0"),
    ("d82a40", "CBOR link without its zero byte at byte 0"),
    ("d82a5824" + RAW.hex(), "CBOR link without its zero byte at byte 0"),
    ("d82a582600" + RAW.hex() + "00", "1 bytes behind a CID"),
    ("d82a4100", "varint cut off at byte 0"),
]


@pytest.mark.parametrize(("value", "spelled"), SPELLINGS)
def test_each_value_has_its_spelling(value: cbor.Value, spelled: str) -> None:
    assert cbor.encode(value).hex() == spelled
    read = cbor.decode(bytes.fromhex(spelled))
    assert read == value
    assert repr(read) == repr(value) or isinstance(value, dict)


@pytest.mark.parametrize(("spelled", "words"), MALFORMED)
def test_any_other_spelling_is_malformed(spelled: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        cbor.decode(bytes.fromhex(spelled))
    assert caught.value.message == words


def test_a_link_and_its_bytes_are_two_things() -> None:
    read = cbor.decode(cbor.encode([RAW, bytes(RAW)]))
    assert isinstance(read, list)
    assert [type(value) for value in read] == [CID, bytes]


def test_maps_come_in_the_order_of_their_bytes() -> None:
    keys = ["é", "zz", "a" * 24, "a" * 256, "b", "a" * 255]
    read = cbor.decode(cbor.encode({key: len(key) for key in keys}))
    assert isinstance(read, dict)
    assert list(read) == ["b", "zz", "é", "a" * 24, "a" * 255, "a" * 256]


@pytest.mark.parametrize("deep", [b"\x81" * 127 + b"\x80", b"\xa1\x61\x61" * 127 + b"\xa0"])
def test_depth_is_bounded_on_both_sides(deep: bytes) -> None:
    value = cbor.decode(deep)
    assert cbor.encode(value) == deep
    start = deep[:1] if deep[0] == 0x81 else deep[:3]
    with pytest.raises(Malformed, match="CBOR nested more than 128 deep at byte"):
        cbor.decode(start + deep)
    with pytest.raises(Malformed, match="a value for CBOR is nested more than 128 deep"):
        cbor.encode([value])
    with pytest.raises(Malformed, match="CBOR nested more than 128 deep"):
        cbor.decode(b"\x81" * 1_000_000)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**64, "an integer of 65 bits has no place in CBOR"),
        (-(2**64) - 1, "an integer of 65 bits has no place in CBOR"),
        (float("nan"), "nan has no place in CBOR"),
        ([float("inf")], "inf has no place in CBOR"),
        ("a\ud800", r"a text with half a surrogate pair has no place in CBOR: 'a\ud800'"),
        ({"\udfff": 1}, r"a text with half a surrogate pair has no place in CBOR: '\udfff'"),
    ],
)
def test_values_without_a_spelling_are_malformed(value: cbor.Value, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        cbor.encode(value)
    assert caught.value.message == words


links = st.binary(max_size=20).map(lambda data: CID.of(DAG_CBOR, data))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.binary(max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    links,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(values)
def test_what_is_printed_reads_as_it_was(value: cbor.Value) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@given(mangled(values.map(cbor.encode)))
def test_what_is_read_prints_as_it_was(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except Malformed:
        return
    assert cbor.encode(value) == data
