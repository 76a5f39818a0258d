"""The record of what a key signed on this machine: it never goes back, and only the key itself is believed."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from strategies import KEY, NAME, NAMESAKE, raw_cid, sign_honestly, sign_loosely

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import notes
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.notes import Announcement, Withdrawal
from mirror.store.record import Record

FIRST = Announcement(NAME, raw_cid("charter"), 7, 42, bytes(32), CID.of(DAG_PB, b"a tree"))
OTHER_TREE = replace(FIRST, root_cid=CID.of(DAG_PB, b"another tree"))


def signed(made: Announcement) -> bytes:
    return notes.sign(made, KEY)


def test_the_newest_announcement_is_kept(tmp_path: Path) -> None:
    record = Record(tmp_path)
    assert record.read(KEY.public) is None
    assert list(tmp_path.iterdir()) == []
    record.write(KEY.public, signed(FIRST))
    assert record.read(KEY.public) == FIRST
    record.write(KEY.public, signed(FIRST))
    newer = replace(OTHER_TREE, edition=8)
    record.write(KEY.public, signed(newer))
    assert Record(tmp_path).read(KEY.public) == newer
    assert record.path(KEY.public).read_bytes() == signed(newer)


def test_the_record_is_its_owners_alone(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.write(KEY.public, signed(FIRST))
    assert record.path(KEY.public) == tmp_path / "signed" / f"{KEY.public.ipns}.txt"
    assert stat.S_IMODE(record.path(KEY.public).stat().st_mode) == 0o600
    assert stat.S_IMODE(record.path(KEY.public).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "other",
    [
        replace(FIRST, edition=6),
        replace(FIRST, edition=1, size=100),
        OTHER_TREE,
        replace(FIRST, size=43),
        replace(FIRST, root_hash=bytes(31) + b"\x01"),
        replace(FIRST, charter=raw_cid("another")),
    ],
)
def test_the_record_never_goes_back_or_sideways(tmp_path: Path, other: Announcement) -> None:
    record = Record(tmp_path)
    record.write(KEY.public, signed(FIRST))
    with pytest.raises(
        Refused, match=rf"edition 7 was announced with this key already, and not as edition {other.edition}$"
    ):
        record.write(KEY.public, signed(other))
    assert record.read(KEY.public) == FIRST


def test_only_the_key_itself_is_believed(tmp_path: Path) -> None:
    record = Record(tmp_path)
    with pytest.raises(BadSignature, match=rf"has a line by {NAME} where {NAME} has to sign"):
        record.write(KEY.public, notes.sign(FIRST, NAMESAKE))
    with pytest.raises(Malformed, match=r"a note of kind withdrawal where a announcement has to be"):
        record.write(KEY.public, sign_honestly(Withdrawal(NAME, raw_cid("c"), (1,))))
    with pytest.raises(Malformed, match=r"the note has no empty line before its signatures"):
        record.write(KEY.public, b"")
    assert not record.path(KEY.public).exists()


def test_keys_are_recorded_apart(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.write(KEY.public, signed(FIRST))
    record.write(NAMESAKE.public, notes.sign(replace(OTHER_TREE, edition=1), NAMESAKE))
    found = record.read(NAMESAKE.public)
    assert found is not None
    assert (found.edition, record.read(KEY.public)) == (1, FIRST)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the note has no empty line"),
        (b"\xff", "the note is not UTF-8"),
        (b"\x00" * 100, "the note has no empty line"),
        (signed(FIRST)[:-1], "does not end in a newline"),
        (signed(FIRST).replace(b"Edition: 7", b"Edition: 1"), f"the signature by {NAME} is not valid"),
        (notes.sign(FIRST, NAMESAKE), f"has a line by {NAME} where {NAME} has to sign"),
        (sign_loosely(FIRST.text.replace("mirror/v1", "mirror/v2"), KEY), "a note of version mirror/v2"),
        (sign_honestly(Withdrawal(NAME, raw_cid("c"), (1,))), "a note of kind withdrawal"),
    ],
)
def test_a_spoilt_record_is_refused_and_never_overwritten(tmp_path: Path, data: bytes, words: str) -> None:
    record = Record(tmp_path)
    record.write(KEY.public, signed(FIRST))
    record.path(KEY.public).write_bytes(data)
    for attempt in (lambda: record.read(KEY.public), lambda: record.write(KEY.public, signed(FIRST))):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert f"the record {record.path(KEY.public)} of what this key signed here cannot be believed: " in str(
            refusal.value
        )
        assert words in refusal.value.message
    assert record.path(KEY.public).read_bytes() == data
