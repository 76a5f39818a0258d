"""A CID has one text and one spelling in bytes, and names exactly the bytes it was made of."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import BadBlock, Malformed
from mirror.formats import cid, wire
from mirror.formats.cid import CID

HELLO = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
CODECS = st.sampled_from([cid.RAW, cid.DAG_PB, cid.DAG_CBOR])


def identity(digest: bytes, codec: int = cid.RAW) -> bytes:
    return b"\x01" + wire.encode_varint(codec) + b"\x00" + wire.encode_varint(len(digest)) + digest


CIDS = st.one_of(
    st.builds(CID.of, CODECS, st.binary(max_size=8)),
    st.binary(max_size=8).map(lambda data: CID(b"\x12\x20" + hashlib.sha256(data).digest())),
    st.binary(max_size=cid.IDENTITY_AT_MOST).map(lambda data: CID(identity(data))),
    st.binary(min_size=32, max_size=32).map(lambda raw: CID(b"\x01\x72\x00\x24\x08\x01\x12\x20" + raw)),
)


def test_known_texts() -> None:
    assert str(CID.of_raw(b"hello")) == HELLO
    assert str(CID.of(cid.DAG_PB, b"")) == "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    empty_v0 = CID(b"\x12\x20" + hashlib.sha256(b"").digest())
    assert str(empty_v0) == "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
    assert repr(CID.of_raw(b"hello")) == f"CID('{HELLO}')"


def test_parts() -> None:
    assert (cid.RAW, cid.DAG_PB, cid.DAG_CBOR, cid.LIBP2P_KEY) == (0x55, 0x70, 0x71, 0x72)
    foreign = cid.from_bytes(b"\x01\xa9\x02\x12\x20" + bytes(32))
    assert (foreign.version, foreign.codec, foreign.digest) == (1, 0x0129, bytes(32))
    found = cid.parse(HELLO)
    assert (found.version, found.codec, found.hash_code) == (1, cid.RAW, cid.SHA2_256)
    assert found.digest == hashlib.sha256(b"hello").digest()
    old = CID(b"\x12\x20" + bytes(32))
    assert (old.version, old.codec, old.hash_code, old.digest) == (0, cid.DAG_PB, cid.SHA2_256, bytes(32))
    inline = CID(identity(b"hi", cid.DAG_CBOR))
    assert (inline.version, inline.codec, inline.hash_code, inline.digest) == (1, cid.DAG_CBOR, cid.IDENTITY, b"hi")


@given(CIDS)
def test_round_trips(found: CID) -> None:
    assert cid.from_bytes(bytes(found)) == found
    text = str(found)
    if not text.startswith("k") or len(text) <= wire.NUMBER_AT_MOST:
        assert cid.parse(text) == found


@given(CIDS, st.binary(max_size=4))
def test_read_stops_where_the_cid_ends(found: CID, rest: bytes) -> None:
    assert cid.read(b"x" + found + rest, 1) == (found, 1 + len(found))


@given(st.text(max_size=70) | mutated(CIDS.map(lambda each: str(each).encode())).map(lambda b: b.decode("latin-1")))
def test_a_text_is_the_one_spelling_or_malformed(text: str) -> None:
    assert_strict(cid.parse, text, str)


@given(st.binary(max_size=48) | mutated(CIDS.map(bytes)))
def test_bytes_are_a_cid_or_malformed(data: bytes) -> None:
    assert_strict(cid.from_bytes, data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HELLO.upper(), "not a CID in base32, base36 or base58"),
        (HELLO[1:], "not a CID in base32"),
        ("f" + CID.of_raw(b"hello").hex(), "not a CID in base32"),
        ("B" + HELLO[1:].upper(), "not a CID in base32"),
        (" " + HELLO, "not a CID in base32"),
        (HELLO + "\n", "not lower-case base32"),
        (HELLO + "a", "loose bits|not lower-case base32"),
        (HELLO[:-1] + "r", "base32 with loose bits"),
        ("b" + wire.encode_base32(b"\x12\x20" + bytes(32)), "not the usual spelling of a CID"),
        ("k" + wire.encode_base36(CID.of_raw(b"hello")), "not the usual spelling of a CID"),
        ("b" + wire.encode_base32(identity(bytes(36), cid.LIBP2P_KEY)), "not the usual spelling of a CID"),
        ("b" + wire.encode_base32(CID.of_raw(b"hello")[:-1]), "CID cut off at byte 35"),
        ("b" + wire.encode_base32(CID.of_raw(b"hello") + b"x"), "1 bytes behind a CID"),
        ("b" + wire.encode_base32(b"\x02" + CID.of_raw(b"hello")[1:]), "CID of version 2 at byte 0"),
        ("b" + wire.encode_base32(b"\x01\x55\x13\x40" + bytes(64)), "hash function 0x13 over 64 bytes"),
        ("b" + wire.encode_base32(b"\x01\x55\x12\x10" + bytes(16)), "hash function 0x12 over 16 bytes"),
        ("b" + wire.encode_base32(b"\x01\x55\x12\x21" + bytes(33)), "hash function 0x12 over 33 bytes"),
        ("b" + wire.encode_base32(b"\x01\x55\x1e\x20" + bytes(32)), "hash function 0x1e over 32 bytes"),
        ("b" + wire.encode_base32(b"\x01\xd5\x00\x12\x20" + bytes(32)), "varint with a needless byte"),
        ("", "not a CID"),
        ("b", "varint cut off"),
        ("Qm" + "1" * 44, "varint|CID|behind"),
    ],
)
def test_other_spellings_are_refused(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        cid.parse(text)


def test_bounds() -> None:
    longest = identity(bytes(cid.IDENTITY_AT_MOST), wire.SIZE_AT_MOST)
    assert len(longest) == cid.CID_AT_MOST
    assert cid.parse(str(cid.from_bytes(longest))) == longest
    with pytest.raises(Malformed, match="hash function 0x0 over 129 bytes"):
        cid.from_bytes(identity(bytes(cid.IDENTITY_AT_MOST + 1)))
    with pytest.raises(Malformed, match="not lower-case base32"):
        cid.parse("b" + "1" * (cid.TEXT_AT_MOST - 1))
    with pytest.raises(Malformed, match="a CID of 257 letters, more than 256"):
        cid.parse("b" * (cid.TEXT_AT_MOST + 1))


@given(CODECS, st.binary(max_size=16), st.binary(max_size=16))
def test_a_cid_names_its_bytes_alone(codec: cid.Codec, data: bytes, other: bytes) -> None:
    for named in (CID.of(codec, data), CID(b"\x12\x20" + hashlib.sha256(data).digest()), CID(identity(data))):
        assert named.check(data) == data
        assert named.matches(other) == (other == data)


def test_other_bytes_are_a_bad_block() -> None:
    with pytest.raises(BadBlock, match=f"block {HELLO} holds other bytes: their CID is bafkrei"):
        CID.of_raw(b"hello").check(b"hallo")


def test_ours_are_version_1_with_sha256_and_a_codec_we_use() -> None:
    dag_pb = str(CID.of(cid.DAG_PB, b""))
    assert cid.parse_ours(HELLO) == cid.parse_ours(HELLO, cid.RAW) == CID.of_raw(b"hello")
    assert str(cid.parse_ours(dag_pb)) == dag_pb
    others = [dag_pb, str(CID.of(cid.DAG_CBOR, b"")), str(CID(identity(bytes(32)))), str(CID(b"\x12\x20" + bytes(32)))]
    for text in others:
        with pytest.raises(Malformed, match="a CID of another kind than is allowed here"):
            cid.parse_ours(text, cid.RAW)
    for text in others[1:]:
        with pytest.raises(Malformed, match="a CID of another kind"):
            cid.parse_ours(text)
