"""A record opens for the name whose key signed it, as the specification verifies it; ours tells no time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import cbor, ipns, key, protobuf, wire
from mirror.formats import cid as cids
from mirror.formats.cid import CID
from mirror.formats.ipns import Naming, Record, open_record
from mirror.formats.key import Statement

KEY = key.generate("voices.example/archive", bytes(range(32)))
OTHER = key.generate("voices.example/other", bytes(32))
NAME = KEY.public.ipns
ROOT = CID.of(cids.DAG_PB, b"a tree")
OURS = Naming(KEY.public, ROOT, 7, date(2031, 12, 1))
SIGNED = ipns.sign(OURS, KEY)
DATA: dict[str, cbor.Value] = {
    "TTL": 300 * 10**9,
    "Value": f"/ipfs/{ROOT}".encode(),
    "Sequence": 7,
    "Validity": b"2031-12-01T00:00:00.000000000Z",
    "ValidityType": 0,
}
"""What `OURS` says, spelled out."""


@dataclass(frozen=True)
class Said(Statement):
    """What a dishonest key holder signs: any bytes."""

    said: bytes

    def signed_bytes(self, signer: key.PublicKey) -> bytes:
        return self.said


def sign_loosely(data: bytes, signer: key.SecretKey = KEY) -> bytes:
    return signer.sign(Said(b"ipns-signature:" + data))


def field(number: int, value: int | bytes) -> bytes:
    return protobuf.number_field(number, value) if isinstance(value, int) else protobuf.bytes_field(number, value)


def envelope(fields: dict[int, int | bytes]) -> bytes:
    return b"".join(field(number, value) for number, value in fields.items())


def record(data: dict[str, cbor.Value] | bytes, extra: dict[int, int | bytes] | None = None) -> bytes:
    """A record of the second version over any data, truly signed; and fields of the first before it."""
    said = data if isinstance(data, bytes) else cbor.encode(data)
    return envelope({**(extra or {}), 8: sign_loosely(said), 9: said})


def without(name: str) -> dict[str, cbor.Value]:
    return {each: value for each, value in DATA.items() if each != name}


NAMINGS = st.builds(
    Naming,
    st.just(KEY.public),
    st.binary(max_size=8).map(lambda data: CID.of(cids.DAG_PB, data)),
    st.integers(1, wire.SIZE_AT_MOST),
    st.dates().map(lambda day: day.replace(day=1)),
)


# What we sign


def test_every_field_is_as_it_has_to_be() -> None:
    fields = dict(protobuf.read_fields(SIGNED, "it"))
    assert list(fields) == [1, 2, 3, 4, 5, 6, 8, 9]
    assert {number: fields[number] for number in (1, 3, 4, 5, 6)} == {
        1: f"/ipfs/{ROOT}".encode(), 3: 0, 4: b"2031-12-01T00:00:00.000000000Z", 5: 7, 6: 300_000_000_000,
    }  # fmt: skip
    said, signature, old = fields[9], fields[8], fields[2]
    assert isinstance(said, bytes)
    assert isinstance(signature, bytes)
    assert isinstance(old, bytes)
    assert cbor.decode(said) == DATA
    KEY.public.verify(b"ipns-signature:" + said, signature)
    KEY.public.verify(f"/ipfs/{ROOT}2031-12-01T00:00:00.000000000ZEOL".encode(), old)


@given(NAMINGS)
def test_what_is_signed_opens_and_has_one_spelling(naming: Naming) -> None:
    data = ipns.sign(naming, KEY)
    opened = open_record(data, NAME)
    assert opened == naming.record
    assert (opened.root, opened.sequence) == (naming.root, naming.edition)
    assert opened.end == datetime(naming.until.year, naming.until.month, 1, tzinfo=UTC)
    again = Naming(KEY.public, opened.root, opened.sequence, opened.end.date())
    assert ipns.sign(again, KEY) == data


def test_the_name_is_signed_by_its_own_key_alone() -> None:
    for stranger in (OTHER, key.generate(KEY.name, bytes(32))):
        with pytest.raises(Refused, match=r"the name of voices\.example/archive is not signed by another key"):
            ipns.sign(OURS, stranger)


@pytest.mark.parametrize(
    ("naming", "words"),
    [
        (Naming(KEY.public, ROOT, 0, date(2031, 12, 1)), "a name for edition 0 is not signed"),
        (Naming(KEY.public, ROOT, 2**63, date(2031, 12, 1)), "a name for edition 9223372036854775808 is not signed"),
        (Naming(KEY.public, ROOT, 1, date(2031, 12, 2)), "ends on 2031-12-02 is not signed: only the first of a month"),
    ],
)
def test_a_name_that_tells_too_much_is_not_signed(naming: Naming, words: str) -> None:
    with pytest.raises(Refused, match=words):
        ipns.sign(naming, KEY)


@pytest.mark.parametrize("root", [CID.of_raw(b""), CID.of(cids.DAG_CBOR, b""), NAME, CID(b"\x12\x20" + bytes(32))])
def test_a_name_leads_to_a_tree_of_ours(root: CID) -> None:
    with pytest.raises(Malformed, match=r"not a CID|a CID of another kind"):
        ipns.sign(Naming(KEY.public, root, 1, date(2031, 12, 1)), KEY)


# What is read


@given(mangled(st.just(SIGNED)))
def test_a_changed_record_is_refused_or_says_the_same(data: bytes) -> None:
    try:
        opened = open_record(data, NAME)
    except (Malformed, BadSignature):
        return
    assert opened == OURS.record


_SCALARS = st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=8) | st.booleans() | st.none()


@given(st.dictionaries(st.sampled_from([*DATA, "_more"]) | st.text(max_size=3), _SCALARS))
def test_whatever_a_key_holder_signs_parses_or_is_malformed(changed: dict[str, cbor.Value]) -> None:
    data = {**DATA, **changed}
    try:
        opened = open_record(record(data), NAME)
    except Malformed:
        return
    assert (opened.value, opened.sequence, opened.validity, opened.ttl, 0) == tuple(
        data[name] for name in ("Value", "Sequence", "Validity", "TTL", "ValidityType")
    )
    assert isinstance(opened.end, datetime)


@given(st.binary(max_size=60))
def test_data_that_is_no_cbor_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        open_record(record(data), NAME)


def test_the_second_version_alone_is_enough() -> None:
    assert open_record(record(DATA), NAME) == OURS.record


def test_the_first_version_alone_is_not_believed() -> None:
    fields = dict(protobuf.read_fields(SIGNED, "it"))
    for missing in ((8, 9), (8,), (9,)):
        with pytest.raises(BadSignature, match="no signature of the second version, and the first is not believed"):
            open_record(envelope({at: value for at, value in fields.items() if at not in missing}), NAME)


def test_no_other_key_speaks_for_a_name() -> None:
    said = cbor.encode(DATA)
    with pytest.raises(BadSignature, match=f"the signature by {NAME} is not valid"):
        open_record(envelope({8: sign_loosely(said, OTHER), 9: said}), NAME)
    with pytest.raises(BadSignature, match="is not valid"):
        open_record(SIGNED, OTHER.public.ipns)
    with pytest.raises(BadSignature, match="is not valid"):
        open_record(envelope({8: KEY.sign(Said(said)), 9: said}), NAME)
    with pytest.raises(BadSignature, match="of 63 bytes, not 64"):
        open_record(envelope({8: sign_loosely(said)[:63], 9: said}), NAME)


def test_a_public_key_in_it_is_the_names() -> None:
    ours, others = b"\x08\x01\x12\x20" + KEY.public.raw, b"\x08\x01\x12\x20" + OTHER.public.raw
    assert open_record(_with_key(ours), NAME) == OURS.record
    for wrong in (others, b"", KEY.public.raw, ours + b"\0"):
        with pytest.raises(Malformed, match="a public key that is not its name's"):
            open_record(_with_key(wrong), NAME)


def _with_key(public: bytes) -> bytes:
    said = cbor.encode(DATA)
    return envelope({7: public, 8: sign_loosely(said), 9: said})


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({1: b"/ipfs/elsewhere"}, "says two things of its Value"),
        ({1: b""}, "says two things of its Value"),
        ({3: 1}, "says two things of its ValidityType"),
        ({4: b"2031-12-01T00:00:00Z"}, "says two things of its Validity"),
        ({5: 8}, "says two things of its Sequence"),
        ({6: 0}, "says two things of its TTL"),
        ({1: 0}, "field 1 is of the wrong kind"),
        ({3: b""}, "field 3 is of the wrong kind"),
        ({5: b"7"}, "field 5 is of the wrong kind"),
    ],
)
def test_the_first_version_says_what_the_second_says(extra: dict[int, int | bytes], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        open_record(record(DATA, extra), NAME)


@pytest.mark.parametrize("number", range(1, 7))
def test_each_field_of_the_first_version_may_be_absent(number: int) -> None:
    fields = dict(protobuf.read_fields(SIGNED, "it"))
    assert open_record(envelope({at: value for at, value in fields.items() if at != number}), NAME) == OURS.record


@pytest.mark.parametrize(
    "data",
    [
        SIGNED + protobuf.bytes_field(9, cbor.encode(DATA)),
        protobuf.bytes_field(9, cbor.encode(DATA)) + protobuf.bytes_field(8, sign_loosely(cbor.encode(DATA))),
        SIGNED + protobuf.bytes_field(10, b"more"),
        protobuf.number_field(0, 0) + SIGNED,
    ],
)
def test_nothing_unsigned_stands_beside_the_data(data: bytes) -> None:
    with pytest.raises(Malformed, match="twice, out of order, or not at all by the book"):
        open_record(data, NAME)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80", "data is no map"),
        *[(without(name), f"data has no {name}, or one of the wrong kind") for name in DATA],
        ({**DATA, "Value": f"/ipfs/{ROOT}"}, "data has no Value, or one of the wrong kind"),
        ({**DATA, "Sequence": b"7"}, "data has no Sequence, or one of the wrong kind"),
        ({**DATA, "ValidityType": False}, "data has no ValidityType, or one of the wrong kind"),
        ({**DATA, "ValidityType": 1}, "valid in a way that is not known: 1"),
        ({**DATA, "Sequence": -1}, "has the sequence -1"),
        ({**DATA, "Sequence": 2**63}, "has the sequence 9223372036854775808"),
        ({**DATA, "TTL": -1}, "the TTL -1"),
        ({**DATA, "TTL": 2**63}, "the TTL 9223372036854775808"),
        (cbor.encode(DATA) + b"\0", "1 bytes behind its value"),
    ],
)
def test_data_of_another_shape_is_malformed(data: dict[str, cbor.Value] | bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        open_record(record(data), NAME)


def test_bounds_hold_on_both_sides() -> None:
    widest = {**DATA, "Sequence": 2**63 - 1, "TTL": 2**63 - 1}
    assert open_record(record(widest), NAME).sequence == 2**63 - 1
    assert open_record(record({**DATA, "Sequence": 0, "TTL": 0}), NAME).ttl == 0
    room = ipns.RECORD_AT_MOST - len(record({**DATA, "_": bytes(9000)}))
    full = record({**DATA, "_": bytes(9000 + room)})
    assert len(full) == ipns.RECORD_AT_MOST
    assert open_record(full, NAME) == OURS.record
    with pytest.raises(Malformed, match="an IPNS record of more than 10240 bytes"):
        open_record(record({**DATA, "_": bytes(9001 + room)}), NAME)


def test_other_values_are_read_and_lead_to_no_tree() -> None:
    for value in (b"/ipns/example.org", f"/ipfs/{ROOT}/page".encode(), f"/ipfs/{CID.of_raw(b'')}".encode(), b"\xff"):
        opened = open_record(record({**DATA, "Value": value}), NAME)
        assert opened.value == value
        with pytest.raises(Malformed, match=r"leads to no tree|not lower-case base32|of another kind|not UTF-8"):
            _ = opened.root


# Time


@pytest.mark.parametrize(
    ("validity", "end"),
    [
        (b"2031-12-01T00:00:00Z", datetime(2031, 12, 1, tzinfo=UTC)),
        (b"2123-08-14T12:17:03.694052Z", datetime(2123, 8, 14, 12, 17, 3, 694052, tzinfo=UTC)),
        (b"2031-12-01T00:00:00.5Z", datetime(2031, 12, 1, 0, 0, 0, 500000, tzinfo=UTC)),
        (b"2031-12-01T00:00:00.000001999Z", datetime(2031, 12, 1, 0, 0, 0, 1, tzinfo=UTC)),
        (b"0001-01-01T00:00:00.000000000Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_ends_are_read(validity: bytes, end: datetime) -> None:
    assert open_record(record({**DATA, "Validity": validity}), NAME).end == end


@pytest.mark.parametrize(
    "validity",
    [
        b"", b"2031-12-01", b"2031-12-01T00:00:00", b"2031-12-01T00:00:00+00:00", b"2031-12-01 00:00:00Z",
        b"2031-13-01T00:00:00Z", b"2031-02-30T00:00:00Z", b"2031-12-01T24:00:00Z", b"2031-12-01T00:00:60Z",
        b"0000-01-01T00:00:00Z", b"2031-12-01T00:00:00.Z", b"2031-12-01T00:00:00.0000000000Z",
        b"2031-12-01T00:00:00Z\n", b"+031-12-01T00:00:00Z", "２031-12-01T00:00:00Z".encode(), b"\xff",
    ],
)  # fmt: skip
def test_other_ends_are_malformed(validity: bytes) -> None:
    with pytest.raises(Malformed, match=r"ends at no time in UTC|validity is not UTF-8"):
        open_record(record({**DATA, "Validity": validity}), NAME)


def test_a_record_counts_until_its_very_end() -> None:
    end = datetime(2031, 12, 1, tzinfo=UTC)
    assert not OURS.record.ended(end - timedelta(microseconds=1))
    assert OURS.record.ended(end)


def test_the_higher_number_is_newer_then_the_later_end() -> None:
    later = Record(b"", 7, b"2032-01-01T00:00:00Z", 0)
    higher = Record(b"", 8, b"2025-01-01T00:00:00Z", 0)
    assert OURS.record.order < later.order < higher.order


# Names


def test_only_ed25519_keys_have_names_that_we_read() -> None:
    assert ipns.key_of(NAME).raw == KEY.public.raw
    for name in (ROOT, CID(NAME[:-1]), CID(NAME + b"\0"), CID(b"\x01\x72\x00\x24\x08\x02\x12\x20" + KEY.public.raw)):
        with pytest.raises(Malformed, match="is not the name of an Ed25519 key"):
            ipns.key_of(name)
    with pytest.raises(Malformed, match="of small order"):
        open_record(SIGNED, CID(NAME[:8] + bytes(32)))


# Records of others


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("k51qzi5uqu5dit2ku9mutlfgwyz8u730on38kd10m97m36bjt66my99hb6103f_v2", b"/ipfs/bafkqadtwgiww63tmpeqhezldn5zgi"),
        ("k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w_v1-v2", b"/ipfs/bafkqaddwgevxmmraojswg33smq"),
        (
            "k51qzi5uqu5dilgf7gorsh9vcqqq4myo6jd4zmqkuy9pxyxi5fua3uf7axph4y_v1-v2-broken-signature-v1",
            b"/ipfs/bafkqahtwgevxmmrao5uxi2bamjzg623fnyqhg2lhnzqxi5lsmuqhmmi",
        ),
    ],
)
def test_valid_records_of_others_open(path: str, value: bytes) -> None:
    opened = open_record(*theirs(path))
    assert opened == Record(value, 0, b"2123-08-14T12:17:03.694052Z", 1800 * 10**9)


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c_v1-v2-broken-signature-v2",
         BadSignature, "of 13 bytes, not 64"),
        ("k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw_v1-v2-broken-v1-value",
         Malformed, "says two things of its Value"),
        ("k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku_v1",
         BadSignature, "no signature of the second version"),
    ],
)  # fmt: skip
def test_invalid_records_of_others_are_refused(path: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        open_record(*theirs(path))


def theirs(path: str) -> tuple[bytes, CID]:
    file = shared("vectors/gateway/ipns_records") / f"{path}.ipns-record"
    return file.read_bytes(), cids.parse(path.partition("_")[0])
