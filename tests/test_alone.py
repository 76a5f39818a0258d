"""A testimony that travels alone: the attachments beside its note are judged with it."""

from pathlib import Path

import pytest
from world import Mirror

from mirror.alone import verify_note
from mirror.cli.sources import open_given
from mirror.formats.unixfs import File, build_file
from mirror.tree import note_path
from mirror.trust import Trust
from mirror.verdict import Claim, Report, State

PICTURE = b"\x89PNG invented " * 100
TRUST = Trust(given=Mirror().key.public)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A folder as a testimony with one attachment is exported into."""
    mirror = Mirror()
    mirror.testify(files={"1.png": PICTURE})
    copy = mirror.lay()
    path = tmp_path / "one" / "note.txt"
    (path.parent / "file").mkdir(parents=True)
    path.write_bytes(copy.get(copy.paths[note_path(1)].cid))
    (path.parent / "file" / "1.png").write_bytes(PICTURE)
    return path


def judge(path: Path) -> Report:
    with open_given(str(path)) as given:
        assert given.note is not None
        return verify_note(str(path), given.note, TRUST, given.proof, given.beside)


def test_an_attachment_beside_its_note_holds(note: Path) -> None:
    report = judge(note)
    assert report.verdict(Claim.UNCHANGED).state is State.HOLDS
    assert len(report.verdict(Claim.UNCHANGED).words) == 1
    assert report.counts.attachments == 1


@pytest.mark.parametrize("change", [lambda data: data + b"x", lambda data: data[:-1], lambda data: b"\0" + data[1:]])
def test_a_changed_attachment_is_false_and_named(note: Path, change) -> None:
    (note.parent / "file" / "1.png").write_bytes(change(PICTURE))
    report = judge(note)
    assert report.verdict(Claim.UNCHANGED).state is State.FALSE
    assert report.bad_items() == ["1.png"]
    assert "1.png is not what the note lists: its CID is bafk" in report.verdict(Claim.UNCHANGED).words[0]
    assert report.exit_code() == 1


def test_an_absent_attachment_is_said_to_be_unchecked(note: Path) -> None:
    (note.parent / "file" / "1.png").unlink()
    report = judge(note)
    assert report.verdict(Claim.UNCHANGED).words[1] == "not checked: its attachment 1.png, which is not beside it"
    assert report.counts.attachments == 0


def test_the_length_counts_too(note: Path) -> None:
    honest = build_file([PICTURE], lambda cid, block: None)
    report = verify_note("note", note.read_bytes(), TRUST, None, lambda name: File(honest.cid, honest.size, 1))
    assert report.verdict(Claim.UNCHANGED).state is State.FALSE
