"""Proofs from outside clocks are kept whole, apart, and for their owner."""

from pathlib import Path

import pytest

from mirror.errors import Malformed, Refused
from mirror.store import anchors
from mirror.store.anchors import Anchor, Anchors

FIRST, SECOND, PAID = Anchor(9, "checkpoint.txt.ots"), Anchor(10, "checkpoint.txt.ots"), Anchor(9, "ethereum-3.json")


def test_what_is_awaited_and_what_is_complete_are_kept_apart(tmp_path: Path) -> None:
    kept = Anchors(tmp_path)
    assert list(kept.pending()) == list(kept.complete()) == []
    for anchor in (SECOND, PAID, FIRST):
        kept.put_pending(anchor, b"awaited")
    kept.put(FIRST, b"complete")
    assert list(kept.pending()) == [FIRST, PAID, SECOND]
    assert list(kept.complete()) == [FIRST]
    assert (kept.read_pending(FIRST), kept.read(FIRST)) == (b"awaited", b"complete")
    assert (kept.read_pending(SECOND), kept.read(SECOND)) == (b"awaited", None)
    kept.forget_pending(FIRST)
    kept.forget_pending(FIRST)
    assert list(kept.pending()) == [PAID, SECOND]
    assert list(kept.complete()) == [FIRST]
    kept.forget(FIRST)
    kept.forget(FIRST)
    assert (kept.read_pending(FIRST), kept.read(FIRST)) == (None, None)


def test_what_is_kept_replaces_what_was(tmp_path: Path) -> None:
    kept = Anchors(tmp_path)
    kept.put_pending(FIRST, b"one")
    kept.put_pending(FIRST, b"another")
    assert kept.read_pending(FIRST) == b"another"


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    kept = Anchors(tmp_path)
    kept.put_pending(FIRST, b"awaited")
    kept.put(FIRST, b"complete")
    found = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert found == {
        "anchors": 0o700,
        "anchors/9": 0o700,
        "anchors/9/checkpoint.txt.ots": 0o600,
        "anchors/9/pending": 0o700,
        "anchors/9/pending/checkpoint.txt.ots": 0o600,
    }


def test_what_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    kept = Anchors(tmp_path)
    kept.put(FIRST, b"complete")
    for name in ("0", "09", "nine", ".9"):
        (tmp_path / "anchors" / name).mkdir()
        (tmp_path / "anchors" / name / "checkpoint.txt.ots").write_bytes(b"foreign")
    (tmp_path / "anchors" / "9" / ".checkpoint.txt.ots.tmp").write_bytes(b"left by a crash")
    assert list(kept.complete()) == [FIRST]


@pytest.mark.parametrize(
    ("anchor", "error", "words"),
    [
        (Anchor(9, "../key.age"), Malformed, "file name"),
        (Anchor(9, ".hidden"), Malformed, "file name"),
        (Anchor(0, "checkpoint.txt.ots"), Refused, "a log of 0 entries has no anchor"),
    ],
)
def test_an_anchor_cannot_name_another_file(tmp_path: Path, anchor: Anchor, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Anchors(tmp_path).put(anchor, b"complete")


def test_its_length_is_bounded(tmp_path: Path) -> None:
    kept = Anchors(tmp_path)
    kept.put(FIRST, bytes(anchors.ANCHOR_AT_MOST))
    assert kept.read(FIRST) == bytes(anchors.ANCHOR_AT_MOST)
    with pytest.raises(Refused, match=r"a proof of 1048577 bytes for checkpoint\.txt\.ots, more than 1048576"):
        kept.put(FIRST, bytes(anchors.ANCHOR_AT_MOST + 1))
