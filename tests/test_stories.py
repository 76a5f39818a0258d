"""Tells the stories in `tests/stories`; `storyteller` says how they are written."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from counterparts import CHECKOUT
from storyteller import Story, parse, pattern

STORIES = sorted((CHECKOUT / "tests" / "stories").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        Story(tmp_path, monkeypatch, stack).tell(parse(path.read_text(encoding="utf-8")))


def told(story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        Story(tmp_path, monkeypatch, stack).tell(parse(story))


@pytest.mark.parametrize(
    "story",
    [
        "$ mirror --version\nmirror 9.9.9",
        "$ mirror --version\n…\n? 1",
        "$ mirror --version\n…\n! a word",
        "$ mirror --version",
        "$ mirror publsh\n! …",
        "$ write a\n> one\n$ show a\ntwo",
    ],
)
def test_a_story_that_is_not_true_fails(story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        told(story, tmp_path, monkeypatch)


def test_wildcards_stand_for_letters_and_for_lines() -> None:
    assert re.fullmatch(pattern(["a…c", "…", "z"]), "abbc\n1\n\n2\nz\n")
    assert not re.fullmatch(pattern(["a…c", "z"]), "ab\nc\nz\n")
    assert not re.fullmatch(pattern(["a", "…"]), "b\na\n")
