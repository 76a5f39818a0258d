"""Language tags: well formed, in one spelling, or refused."""

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.formats import language, wire

GOOD = [
    "ar", "en", "zh-Hans", "zh-Hant", "pt-BR", "ha-NG", "ug-Arab", "sr-Latn-RS", "es-419", "zh-yue", "zh-cmn-Hans-CN",
    "sl-rozaj-biske", "sl-nedis", "de-CH-1901", "hy-Latn-IT-arevela", "de-1996-x-private", "en-a-xx-b-yy",
    "de-u-co-phonebk", "en-x-us", "und", "qaa-Qaaa-QM-x-southern", "root",
]  # fmt: skip

BAD = [
    "", "e", "x-ours", "i-klingon", "en-", "-en", "en--US", "en_US", "en US", "en-US ", "en\n", "\u0435n", "e\u017fpa",
    "\u212aa", "en-GB-oed", "zh-Hans-Hans", "en-USA-x", "en-a", "en-x", "en-a-x-bb", "en-US-US", "abcdefghi",
    "de-123456789", "en-٤١٩", "a1", "zh-abc-def-ghi-jkl", "en-x-ninechars",
]  # fmt: skip


@pytest.mark.parametrize("tag", GOOD)
def test_a_good_tag_is_taken_in_one_spelling_only(tag: str) -> None:
    language.check(tag)
    assert language.canonical(tag.upper()) == language.canonical(tag.lower()) == tag
    for other in {tag.upper(), tag.lower()} - {tag}:
        with pytest.raises(Malformed) as refusal:
            language.check(other)
        assert refusal.value.message == f"language tag {other!r} is spelled {tag!r}"


@pytest.mark.parametrize("tag", BAD)
def test_a_bad_tag_is_refused(tag: str) -> None:
    with pytest.raises(Malformed, match=r"^language tag .* is not well-formed BCP 47, such as "):
        language.canonical(tag)
    with pytest.raises(Malformed, match=r"^language tag .* is not well-formed BCP 47, such as "):
        language.check(tag)


@pytest.mark.parametrize(
    ("tag", "twice"), [("de-1901-1901", "1901"), ("en-a-bb-a-cc", "a"), ("de-DE-1901-1996-1901", "1901")]
)
def test_nothing_stands_twice(tag: str, twice: str) -> None:
    with pytest.raises(Malformed, match=f"^language tag '{tag}' holds '{twice}' twice$"):
        language.check(tag)


@pytest.mark.parametrize("tag", ["en-a-bb-x-a-cc", "en-a-b1-b2-b1", "en-x-a-a", "en-x-aa-x-bb"])
def test_what_only_looks_as_if_it_stood_twice_is_taken(tag: str) -> None:
    language.check(tag)


def test_the_bound_holds_on_both_sides() -> None:
    longest = "en-x" + "-abcdefgh" * 3 + "-abc"
    assert len(longest) == language.LANGUAGE_AT_MOST
    language.check(longest)
    with pytest.raises(Malformed, match=r"^language tag of 36 letters, more than 35$"):
        language.check(longest + "d")


@given(st.text(alphabet="abXx09-", max_size=20) | st.text(max_size=8))
def test_a_tag_is_malformed_or_has_one_spelling(tag: str) -> None:
    try:
        spelled = language.canonical(tag)
    except Malformed:
        return
    language.check(spelled)
    assert spelled.lower() == tag.lower()


def test_the_tags_of_real_texts_are_taken() -> None:
    for given_ in wire.decode_json(shared("data/udhr/languages.json").read_bytes()).values():
        language.check(given_["language"])
