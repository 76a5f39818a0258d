"""An edition written as plain files: what is read in a browser, and what a verifier takes."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from laid import Publisher
from profiles import endless
from readingroom import picture
from storyteller import run_mirror
from world import Given, Mirror

from mirror import carry
from mirror.errors import Missing, Refused, Unavailable
from mirror.store.folder import PlainFolder

SHARED_PICTURE = '+++\ntitle = "{}"\nattachments = ["mill.png"]\n+++\nA text.\n'


def test_what_is_written_is_the_same_tree(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    drafts = tmp_path / "given"
    drafts.mkdir()
    (drafts / "mill.png").write_bytes(picture())
    for name in ("One", "Two"):
        (drafts / f"{name}.txt").write_text(SHARED_PICTURE.format(name))
    publisher.run("publish", "--language", "en", "--no-tokens", "--yes", drafts)
    finished = run_mirror("--home", publisher.home, "export", "--files", "-o", tmp_path / "tree")
    assert finished.code == 0, finished
    assert f"to read it, open this in a browser: {tmp_path / 'tree' / 'index.html'}\n" in finished.out
    head = (publisher.home / "archive" / "head").read_text().strip()
    assert str(PlainFolder(tmp_path / "tree").root) == head
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tree").rglob("*") if path.is_file()} == {0o644}


def test_it_does_not_go_together_with_one(tmp_path: Path) -> None:
    refused = run_mirror("--home", tmp_path, "export", "--files", "--one", "1", "-o", tmp_path / "tree")
    assert (refused.code, "--files and --one do not go together" in refused.err) == (2, True)
    assert not (tmp_path / "tree").exists()


def test_what_is_missing_is_known_before_anything_is_written(tmp_path: Path) -> None:
    copy = Mirror().lay()
    block = next(cid for cid in copy.blocks if cid != copy.root)
    del copy.blocks[block]
    with pytest.raises(Missing, match=str(block)):
        carry.export_files(copy.root, copy.get, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_room_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Mirror().lay()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "free")(100))
    with pytest.raises(Refused, match=r"the files have \d+ bytes, and 100 are free"):
        carry.export_files(copy.root, copy.get, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_end_is_measured_and_not_written(tmp_path: Path) -> None:
    cid, blocks = endless()
    mirror = Mirror()
    mirror.files[("index.html",)] = Given(cid, 1 << 60)
    copy = mirror.lay()
    copy.blocks.update(blocks)
    with pytest.raises(Refused, match=r"the files have \d{19} bytes, and \d+ are free"):
        carry.export_files(copy.root, copy.get, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_more_files_than_a_disk_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Mirror().lay()
    monkeypatch.setattr(carry, "FILES_AT_MOST", 2)
    with pytest.raises(Refused, match="there are more than 2 files in this tree"):
        carry.export_files(copy.root, copy.get, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    copy = Mirror().lay()
    (tmp_path / "edition.txt").write_text("mine")
    with pytest.raises(Unavailable, match=r"edition\.txt: file exists"):
        carry.export_files(copy.root, copy.get, tmp_path)
    assert (tmp_path / "edition.txt").read_text() == "mine"


@pytest.mark.parametrize("form", ["--files", ""])
def test_a_copy_that_leaves_something_out_says_so(tmp_path: Path, form: str) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(["One day.", "Another day."])
    publisher.run("export", "-o", tmp_path / "voices.car")
    copy = ("--home", tmp_path / "copy")
    assert run_mirror(*copy, "import", tmp_path / "voices.car").code == 0
    assert run_mirror(*copy, "drop", "1").code == 0
    refused = run_mirror(*copy, "export", *filter(None, [form]), "-o", tmp_path / "out")
    assert refused.code == 3
    assert "this copy leaves testimonies or pages out" in refused.err
    assert not (tmp_path / "out").exists()
