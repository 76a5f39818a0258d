"""One testimony written out: nothing before it is known that all of it has room and is what it says."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from profiles import endless
from world import Copy, Mirror

from mirror import carry
from mirror.edition import Edition
from mirror.errors import Refused, Unverified
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment


def with_attachment(cid: CID, length: int) -> Copy:
    mirror = Mirror()
    mirror.testify("One.", attachments=(Attachment(cid, length, "text/plain", "a.txt"),))
    return mirror.lay()


def export(copy: Copy, folder: Path) -> list[Path]:
    return carry.export_one(Edition(copy.root, copy.get), 1, copy.get, folder)


def test_an_attachment_without_end_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cid, blocks = endless()
    copy = with_attachment(cid, 1 << 60)
    copy.blocks.update(blocks)
    with pytest.raises(Refused, match=rf"the attachments have {1 << 60} bytes, and \d+ are free where .*one would lie"):
        export(copy, tmp_path / "deep" / "one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [0, 2, 4, 1 << 60])
def test_an_attachment_of_another_length_than_is_listed_is_not_written(tmp_path: Path, length: int) -> None:
    copy = with_attachment(CID.of_raw(b"abc"), length)
    copy.blocks[CID.of_raw(b"abc")] = b"abc"
    with pytest.raises(Unverified, match=f"^a.txt has 3 bytes, the testimony lists {length}$"):
        export(copy, tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("free", [2, 3])
def test_what_just_fits_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    copy = with_attachment(CID.of_raw(b"abc"), 3)
    copy.blocks[CID.of_raw(b"abc")] = b"abc"
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(free))
    if free == 3:
        assert export(copy, tmp_path / "one")[-1].read_bytes() == b"abc"
    else:
        with pytest.raises(Refused, match="the attachments have 3 bytes, and 2 are free"):
            export(copy, tmp_path / "one")
