"""Every file of words against the English one: nothing left out, nothing lost of what is put in, the script its own.

What a test cannot see is whether a sentence is right: that takes a reader of the language.
"""

import re
import unicodedata
from importlib import resources

import pytest

from mirror.site.words import LANGUAGES, PLACEHOLDER, words

TABLES = ("room", "verifier", "leaflet")
OTHERS = [tag for tag in LANGUAGES if tag != "en"]

SCRIPTS = {
    "zh-Hans": "CJK",
    "zh-Hant": "CJK",
    "ar": "ARABIC",
    "fa": "ARABIC",
    "ur": "ARABIC",
    "ru": "CYRILLIC",
    "mk": "CYRILLIC",
    "hi": "DEVANAGARI",
}
"""What the letters' names begin with; LATIN for the others."""

SAME = {"{count} bytes", "{count} kB", "{count} MB", "Pages"}
"""What is the same in English and in some other language."""

INVISIBLE = {"\u200c": {"fa"}, "\u200e": {"ar", "fa", "ur"}, "\u200f": {"fa"}, "\xa0": {"fr"}}
"""Characters that cannot be seen, and in which languages they belong to writing well."""


def english_sayings() -> dict[str, str]:
    """The sentences of the verifier's reports, by their codes, as its source has them."""
    source = (resources.files("mirror.site") / "verifier" / "codes.js").read_text("utf-8")
    found = re.findall(r'^  (?:"([a-z-]+)"|([a-z]+)):\s*"((?:[^"\\]|\\.)*)"', source, re.M)
    return {quoted or bare: text for quoted, bare, text in found}


def english(table: str) -> dict[str, str]:
    return english_sayings() if table == "sayings" else dict(words("en").tables[table])


def is_all_technical(text: str) -> bool:
    """Whether nothing is left to translate: only what is put in, which is English in every language."""
    return re.sub(r"\{[a-z]+\}", "", text).strip(": ") == ""


CASES = [(tag, table) for tag in OTHERS for table in (*TABLES, "sayings")]


@pytest.mark.parametrize(("tag", "table"), CASES)
def test_every_sentence_is_there_and_no_other(tag: str, table: str) -> None:
    wanted = {key for key, text in english(table).items() if not (table == "sayings" and is_all_technical(text))}
    assert set(words(tag).tables[table]) == wanted


def test_english_has_the_tables_of_the_others_but_the_reports() -> None:
    assert set(words("en").tables) == set(TABLES)
    assert all(set(words(tag).tables) == {*TABLES, "sayings"} for tag in OTHERS)
    assert len(english_sayings()) > 50


@pytest.mark.parametrize(("tag", "table"), CASES)
def test_what_is_put_in_is_put_in_everywhere(tag: str, table: str) -> None:
    wanted = english(table)
    for key, text in words(tag).tables[table].items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(wanted[key])), (key, text)
        assert not set("{}<>&") & set(PLACEHOLDER.sub("", text)), (key, text)


ENDS = {".": ".。۔।", ":": ":：", "?": "?？؟", "…": "…"}
"""How a sentence may end that ends so in English."""


@pytest.mark.parametrize(("tag", "table"), CASES)
def test_every_sentence_is_whole(tag: str, table: str) -> None:
    wanted = english(table)
    for key, text in words(tag).tables[table].items():
        assert text, key
        assert text == text.strip(), (key, text)
        assert not re.search(r"\s\s|\n|\.\.", text), (key, text)
        assert unicodedata.is_normalized("NFC", text), (key, text)
        if "mirror verify" in wanted[key]:
            assert text.endswith("mirror verify"), (key, text)
        elif (end := wanted[key][-1]) in ENDS:
            assert text[-1] in ENDS[end], (key, text)
        else:
            assert text[-1] not in ".。۔।:：", (key, text)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_nothing_invisible_stands_in_it_but_what_the_language_needs(tag: str) -> None:
    for table in words(tag).tables.values():
        for key, text in table.items():
            odd = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn")}
            odd |= {letter for letter in text if letter.isspace() and letter != " "}
            assert all(tag in INVISIBLE.get(letter, ()) for letter in odd), (key, [hex(ord(each)) for each in odd])


@pytest.mark.parametrize("tag", LANGUAGES)
def test_numbers_are_written_in_the_digits_that_programs_print(tag: str) -> None:
    for table in words(tag).tables.values():
        for key, text in table.items():
            assert [each for each in text if each.isnumeric() and not each.isascii() and not is_han(each)] == [], key


def is_han(letter: str) -> bool:
    return unicodedata.name(letter).startswith("CJK")


@pytest.mark.parametrize("tag", OTHERS)
def test_every_sentence_is_in_its_own_script_and_not_left_in_english(tag: str) -> None:
    script = SCRIPTS.get(tag, "LATIN")
    for table in (*TABLES, "sayings"):
        wanted = english(table)
        for key, text in words(tag).tables[table].items():
            assert text != wanted[key] or text in SAME, (key, text)
            letters = [each for each in PLACEHOLDER.sub("", text) if each.isalpha()]
            own = [each for each in letters if unicodedata.name(each).startswith(script)]
            assert own or text in SAME, (key, text)
    every = [each for table in words(tag).tables.values() for text in table.values() for each in text if each.isalpha()]
    assert sum(unicodedata.name(each).startswith(script) for each in every) > len(every) / 2


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_same_thing_has_the_same_name(tag: str) -> None:
    room, verifier, leaflet = (words(tag).tables[table] for table in TABLES)
    for key in ("reason_safety", "reason_consent", "reason_legal", "reason_error", "language", "edition", "tags"):
        assert room[key] == verifier[f"read_{key}" if key == "tags" else key], key
    assert room["leave"] in room["leave_note"]
    assert room["check"] in room["hand_note"]
    assert room["verify"] == leaflet["how"]
    for word in ("Signature Verified Successfully", "mirror/v1 testimony", "note.txt", "SHA-256"):
        assert word in room["hand_note"]
    for key in ("step_save", "step_program", "page_hash"):
        assert "verify.html" in leaflet[key]
    sayings = words(tag).tables.get("sayings", english_sayings())
    for code in ("complete-one-only", "complete-one-later", "attachment-not-beside"):
        assert re.split(r"\s?[:：]", sayings[code])[0] == verifier["not_checked"], code


@pytest.mark.parametrize("tag", OTHERS)
def test_a_file_says_that_nobody_who_speaks_the_language_has_read_it(tag: str) -> None:
    text = (resources.files("mirror.site") / "words" / f"{tag}.toml").read_text("utf-8")
    assert text.startswith("# No native speaker has read this file yet.\n")
