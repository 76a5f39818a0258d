"""The sample testimonies: clean, in many languages, about nobody, and each says that it is invented."""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mirror.formats import language, text
from mirror.intake.identifying import identifying_lines

FOLDER = Path(__file__).parent.parent / "docs" / "samples"
SAMPLES = sorted(FOLDER.glob("*.md"))
KEYS = {"title", "language", "date", "tags", "warning", "translation_of", "translator", "replaces"}

INVENTED = {
    "en": "This account is invented",
    "zh-Hans": "是虚构的",
    "zh-Hant": "虛構",
    "ar": "متخيَّلة",
    "fa": "ساختگی",
    "ur": "فرضی",
    "es": "es inventado",
    "fr": "est inventé",
    "ru": "выдуман",
    "tr": "kurgudur",
    "hi": "काल्पनिक",
    "bn": "কাল্পনিক",
    "sw": "la kubuni",
    "ha": "ƙirƙirarre",
    "mk": "измислен",
    "ko": "지어낸",
    "ja": "創作です",
    "el": "επινοημένη",
    "ka": "გამოგონილია",
    "am": "የፈጠራ",
    "th": "เรื่องแต่ง",
}
"""How each language's sample says, in its first sentence, that it is invented."""


def read(path: Path) -> tuple[dict[str, Any], str]:
    before, head, body = path.read_bytes().decode("utf-8").split("+++\n", 2)
    assert before == ""
    return tomllib.loads(head), body


HEADS = {path.name: read(path)[0] for path in SAMPLES}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_whole_clean_and_about_nobody(path: Path) -> None:
    head, body = read(path)
    assert {"title", "language", "tags"} <= head.keys() <= KEYS
    assert path.name.isascii()
    assert path.name.endswith(f".{head['language'].lower()}.md")
    language.check(head["language"])
    whole = path.read_bytes().decode("utf-8")
    assert text.repair(whole).text is whole
    assert list(identifying_lines(whole)) == []
    assert body.startswith("\n")
    assert INVENTED[head["language"]] in body.strip().split("\n")[0]


@pytest.mark.parametrize(("name", "head"), HEADS.items())
def test_a_head_keeps_to_what_a_testimony_may_hold(name: str, head: dict[str, Any]) -> None:
    assert ("translation_of" in head) == ("translator" in head), name
    assert re.fullmatch("20[0-9]{2}(-[0-9]{2})?", head.get("date", "2020"))
    for tag in head["tags"]:
        assert tag == tag.lower()
        assert all(letter == "-" or unicodedata.category(letter)[0] in "LMN" for letter in tag)


def test_a_translation_comes_after_what_it_translates() -> None:
    translations = {name: head["translation_of"] for name, head in HEADS.items() if "translation_of" in head}
    assert translations
    assert all(original in HEADS and original < name for name, original in translations.items())
    assert all(HEADS[name]["language"] != HEADS[original]["language"] for name, original in translations.items())


def test_there_are_many_languages_scripts_and_both_directions() -> None:
    bodies = {path: read(path)[1] for path in SAMPLES}
    names = {unicodedata.name(letter, "").split()[0] for body in bodies.values() for letter in body if letter.isalpha()}
    leftward = [path for path, body in bodies.items() if _runs_leftward(body)]
    assert len({head["language"] for head in HEADS.values()}) >= 14
    assert len(names) >= 8
    assert len(leftward) >= 2


def _runs_leftward(body: str) -> bool:
    first = next(letter for letter in body if letter.isalpha())
    return unicodedata.bidirectional(first) in ("R", "AL")


def test_one_sample_bears_a_warning_and_some_no_date() -> None:
    assert any("warning" in head for head in HEADS.values())
    assert any("date" not in head for head in HEADS.values())
