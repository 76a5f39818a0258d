"""The words of the interface: which language speaks for which, and which way each runs."""

import tomllib

import pytest
from counterparts import CHECKOUT

from mirror.errors import Malformed, Refused
from mirror.site import names
from mirror.site.words import LANGUAGES, direction, nearest, read, words


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_names_itself_in_its_words_as_in_lists(tag: str) -> None:
    spoken = words(tag)
    assert spoken.tag == tag
    assert spoken.name == names.own_name(tag)
    assert spoken.direction == ("rtl" if tag in {"ar", "fa", "ur"} else "ltr")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_file_of_words_is_read_as_toml_is(tag: str) -> None:
    text = (CHECKOUT / "mirror" / "site" / "words" / f"{tag}.toml").read_text(encoding="utf-8")
    tables = read(text)
    assert {**tables.pop(""), **tables} == tomllib.loads(text)


@pytest.mark.parametrize(
    "line",
    [
        "key = 5",
        "key = 'text'",
        'key = "a" # remark',
        'key="a"',
        "[room",
        "[[room]]",
        'key = "a\\u0041"',
        'a = "1"\na = "2"',
        "[room]\n[room]",
        " ",
        '"""',
    ],
)
def test_a_line_that_is_none_of_ours_is_refused(line: str) -> None:
    with pytest.raises(Malformed, match="not a line of a file of words, or one that stands twice: "):
        read(f'name = "English"\n{line}\n')


def test_a_language_that_the_interface_does_not_speak_is_refused() -> None:
    with pytest.raises(Refused, match="the interface does not speak de"):
        words("de")


@pytest.mark.parametrize(
    ("tag", "speaks"),
    [
        ("ar", "ar"),
        ("ar-EG", "ar"),
        ("zh", "zh-Hans"),
        ("zh-Hans-SG", "zh-Hans"),
        ("zh-Hant", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("pt-BR", "en"),
        ("x", "en"),
    ],
)
def test_a_mirror_is_shown_in_the_nearest_language(tag: str, speaks: str) -> None:
    assert nearest(tag) == speaks


@pytest.mark.parametrize(
    ("tag", "runs"),
    [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("ckb", "rtl"),
        ("ku", "ltr"),
        ("ku-Arab", "rtl"),
        ("ur-Latn", "ltr"),
        ("az-Arab-IR", "rtl"),
        ("ff-Adlm", "rtl"),
        ("und", "auto"),
        ("mul", "auto"),
        ("en-x-arab", "ltr"),
    ],
)
def test_a_text_runs_as_its_script_does(tag: str, runs: str) -> None:
    assert direction(tag) == runs


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("mk", "Македонски"),
        ("pt-BR", "Português (BR)"),
        ("sr-Latn", "Srpski"),
        ("zh-Hant-TW", "繁體中文 (TW)"),
        ("de-u-co-phonebk", "Deutsch (u-co-phonebk)"),
        ("xzz", "xzz"),
        ("xzz-Latn", "xzz-Latn"),
    ],
)
def test_a_language_is_listed_by_its_own_name(tag: str, name: str) -> None:
    assert names.own_name(tag) == name
