"""What a reader refuses in a text, what a signer repairs, and what neither may touch."""

import sys
import unicodedata

import pytest
from counterparts import shared
from hypothesis import example, given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.formats import text

ODD = st.text(
    alphabet=st.sampled_from(
        "ab é\u0301\u0323e\n\r\t \u00a0\u3000\u2000\u2028\u2029\ufeff\u0085\u0093\u0081\u00ad\u200b\u200d\u200f"
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufff9\U000e0041\ufdd0\U0010ffff\u0378\ud800\x00\x1b"
        "\u1100\u1161\u0915\u093c\u0958\u2126中"
    ),
    max_size=30,
)


def repaired(original: str, **options: bool) -> tuple[str, list[str], list[str]]:
    result = text.repair(original, **options)
    return result.text, [str(each) for each in result.repairs], [str(each) for each in result.flaws]


# --- the reader ---


@pytest.mark.parametrize("code", [*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0)])
def test_a_reader_refuses_every_control_but_newline(code: int) -> None:
    with pytest.raises(Malformed) as refusal:
        text.check(f"one\ntwo {chr(code)}x", "the body")
    assert refusal.value.message == f"the body has the control character U+{code:04X} at line 2, column 5"


@pytest.mark.parametrize("code", range(0x7F, 0xA0))
def test_a_text_without_low_controls_is_still_searched_for_high_ones(code: int) -> None:
    text.check("one\nté\n", low=False)
    for word in ("two", "téo"):
        with pytest.raises(Malformed, match=rf"U\+{code:04X} at line 2, column 4"):
            text.check(f"one\n{word}{chr(code)}x", low=False)


def test_the_bytes_tell_what_the_letters_do() -> None:
    for code in (*range(0x180), 0x2028, 0x202E, 0xFEFF, 0x1F600):
        data = f"one{chr(code)}two\n".encode()
        try:
            text.check(data.decode())
        except Malformed:
            assert not text.is_clean(data)
        else:
            assert text.is_clean(data)


def test_the_first_line_counts_from_one() -> None:
    with pytest.raises(Malformed, match=r"^text has the control character U\+0009 at line 1, column 1$"):
        text.check("\t")


def test_a_reader_refuses_nothing_else() -> None:
    kept = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    text.check("".join(letter for letter in kept if unicodedata.category(letter) != "Cc") + "\n")


# --- the signer: repairs ---


@pytest.mark.parametrize(
    ("original", "made", "said"),
    [
        ("one\ttwo", "one    two", ["line 1, column 4: tab made four spaces"]),
        ("one\r\ntwo", "one\ntwo", ["line 1, column 4: Windows line end made a newline"]),
        ("one\rtwo", "one\ntwo", ["line 1, column 4: old Macintosh line end made a newline"]),
        ("one\u2028two", "one\ntwo", ["line 1, column 4: line separator made a newline"]),
        ("one\u2029two", "one\n\ntwo", ["line 1, column 4: paragraph separator made an empty line"]),
        ("\ufeffone", "one", ["line 1, column 1: byte order mark removed"]),
        ("one\n\ufefftwo", "one\ntwo", ["line 2, column 1: byte order mark removed"]),
        ("one  \ntwo", "one\ntwo", ["line 1, column 4: spaces at the end of a line removed"]),
        ("one\u3000\u00a0\t", "one", ["line 1, column 4: spaces at the end of a line removed"]),
        ("cafe\u0301", "caf\u00e9", ["line 1, column 4: spelling made NFC"]),
        ("\u1112\u1161\u11ab", "\ud55c", ["line 1, column 1: spelling made NFC"]),
        ("a \u202bb\u202c", "a b", ["line 1, column 3: balanced direction mark removed, and 1 more like it"]),
    ],
)
def test_a_repair_is_made_and_said(original: str, made: str, said: list[str]) -> None:
    assert repaired(original) == (made, said, [])


def test_windows_punctuation_read_wrongly_is_put_right() -> None:
    assert repaired("\u0093no\u0094\u0085") == (
        "\u201cno\u201d\u2026",
        [
            "line 1, column 1: U+0093, a Windows-1252 letter read wrongly, made \u201c",
            "line 1, column 4: U+0094, a Windows-1252 letter read wrongly, made \u201d",
            "line 1, column 5: U+0085, a Windows-1252 letter read wrongly, made \u2026",
        ],
        [],
    )


@pytest.mark.parametrize("code", range(0x80, 0xA0))
def test_every_c1_control_becomes_what_windows_has_there_or_is_a_flaw(code: int) -> None:
    made, repairs, flaws = repaired(f"a{chr(code)}b")
    if code in (0x81, 0x8D, 0x8F, 0x90, 0x9D):
        assert flaws == [f"line 1, column 2: U+{code:04X} is a control character"]
    else:
        assert (made, len(repairs), flaws) == (f"a{bytes([code]).decode('cp1252')}b", 1, [])


def test_repairs_of_one_kind_are_counted_and_stand_in_the_order_of_the_text() -> None:
    assert text.repair("a\tb\r\n\tc\r\nd\t\u00e9\r\n").repairs == (
        text.Repair(1, 2, "tab made four spaces", 3),
        text.Repair(1, 4, "Windows line end made a newline", 3),
    )


def test_a_place_is_that_in_the_original() -> None:
    made, repairs, flaws = repaired("\ufeff\u2068ab\u2069\tcafe\u0301 \x07 \n")
    assert made == "ab    caf\u00e9 \x07\n"
    assert repairs == [
        "line 1, column 1: byte order mark removed",
        "line 1, column 2: balanced direction mark removed, and 1 more like it",
        "line 1, column 6: tab made four spaces",
        "line 1, column 10: spelling made NFC",
        "line 1, column 14: spaces at the end of a line removed",
    ]
    assert flaws == ["line 1, column 13: U+0007 is a control character"]


# --- the signer: directions ---


@pytest.mark.parametrize(
    "line",
    ["\u2068a\u2069", "\u202aa\u202bb\u202cc\u202c", "\u2067a\u202bb\u202cc\u2069", "\u2066\u2067a\u2069\u2069"],
)
def test_balanced_directions_go(line: str) -> None:
    made, repairs, flaws = repaired(line)
    assert (made, len(repairs), flaws) == ("".join(filter(str.isalpha, line)), 1, [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a\u202ab", ["line 1, column 2: U+202A is not closed in its line"]),
        ("a\u2067b", ["line 1, column 2: U+2067 is not closed in its line"]),
        ("a\u202cb", ["line 1, column 2: U+202C closes nothing in its line"]),
        ("a\u2069b", ["line 1, column 2: U+2069 closes nothing in its line"]),
        ("\u2066a\u2069\u2069", ["line 1, column 4: U+2069 closes nothing in its line"]),
        ("\u2066\u202ba\u2069", ["line 1, column 2: U+202B is not closed in its line"]),
        ("\u202b\u2066a\u202c\u2069\u202c", ["line 1, column 4: U+202C closes nothing in its line"]),
        ("a\u202eb\u202c", ["line 1, column 2: U+202E overrides the direction of the letters"]),
        ("a\u202db", ["line 1, column 2: U+202D overrides the direction of the letters"]),
        (
            "\u202aa\n\u202c",
            [
                "line 1, column 1: U+202A is not closed in its line",
                "line 2, column 1: U+202C closes nothing in its line",
            ],
        ),
    ],
)
def test_directions_in_disorder_stay_and_are_flaws(line: str, said: list[str]) -> None:
    assert repaired(line) == (line, [], said)


def test_a_line_in_disorder_keeps_all_its_marks_and_the_next_does_not() -> None:
    made, _, flaws = repaired("\u2068a\u2069\u202a\n\u2068b\u2069")
    assert made == "\u2068a\u2069\u202a\nb"
    assert flaws == ["line 1, column 4: U+202A is not closed in its line"]


# --- the signer: flaws ---


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ("\x00", "U+0000 is a control character"),
        ("\x0c", "U+000C is a control character"),
        ("\x1b", "U+001B is a control character"),
        ("\x7f", "U+007F is a control character"),
        ("\ufff9", "U+FFF9 is an interlinear annotation character"),
        ("\ufffb", "U+FFFB is an interlinear annotation character"),
        ("\U000e0000", "U+E0000 is a tag character"),
        ("\U000e007f", "U+E007F is a tag character"),
        ("\ufdd0", "U+FDD0 is a noncharacter"),
        ("\ufffe", "U+FFFE is a noncharacter"),
        ("\U0010ffff", "U+10FFFF is a noncharacter"),
        ("\ud800", "U+D800 is half of a surrogate pair"),
        ("\u0378", f"U+0378 is not assigned in Unicode {unicodedata.unidata_version}"),
    ],
)
def test_what_cannot_be_repaired_is_named_where_it_stands(letter: str, why: str) -> None:
    assert repaired(f"one\n中 {letter}x") == (f"one\n中 {letter}x", [], [f"line 2, column 3: {why}"])


def test_every_flaw_is_named() -> None:
    assert text.repair("\x00" * 300).flaws[-1] == text.Flaw(1, 300, "U+0000 is a control character")


NEVER_TOUCHED = (
    "\u200b\u200c\u200d\u200e\u200f\u061c\u180e\u00ad\u034f\ufe00\ufe0f\U000e0100\U000e01ef\u180b\ue000\ufffc\u2060"
)


@pytest.mark.parametrize("letter", NEVER_TOUCHED)
def test_what_scripts_need_is_never_touched(letter: str) -> None:
    assert repaired(f"a{letter}b{letter}\n{letter}") == (f"a{letter}b{letter}\n{letter}", [], [])


@pytest.mark.parametrize(
    "name", ["eng", "arb", "pes_1", "hin", "tha", "jpn", "kor", "cmn_hans", "amh", "ben", "mya", "bod", "uig_arab"]
)
def test_real_texts_need_no_more_than_nfc(name: str) -> None:
    original = shared(f"data/udhr/{name}.md").read_text("utf-8")
    result = text.repair(original)
    assert result.text == unicodedata.normalize("NFC", original)
    assert not result.flaws
    assert {each.what for each in result.repairs} <= {"spelling made NFC"}


# --- one line ---


def test_a_value_of_one_line_loses_spaces_on_both_sides() -> None:
    assert repaired(" \u3000one two ", single_line=True) == (
        "one two",
        ["line 1, column 1: spaces at the start removed", "line 1, column 10: spaces at the end of a line removed"],
        [],
    )


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000"])
def test_one_space_of_any_kind_at_the_start_is_enough(blank: str) -> None:
    assert repaired(blank + "one", single_line=True) == ("one", ["line 1, column 1: spaces at the start removed"], [])


def test_places_behind_spaces_at_the_start_are_those_in_the_original() -> None:
    _, repairs, _ = repaired("  one\tcafe\u0301", single_line=True)
    assert repairs[1:] == ["line 1, column 6: tab made four spaces", "line 1, column 10: spelling made NFC"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_a_value_of_one_line_has_no_line_end(end: str) -> None:
    _, repairs, flaws = repaired(f"one{end}two", single_line=True)
    assert (repairs, flaws) == ([], ["line 1, column 4: a line end, where all must stand on one line"])


def test_a_body_keeps_its_indents() -> None:
    assert repaired("  one\n\n    two\n") == ("  one\n\n    two\n", [], [])


@pytest.mark.parametrize("nothing", ["", " ", "\ufeff", "\t\u2068\u2069"])
@pytest.mark.parametrize("single_line", [False, True])
def test_nothing_stays_nothing(nothing: str, single_line: bool) -> None:
    assert text.repair(nothing, single_line=single_line).text == ""


# --- properties ---


@given(ODD | st.text(), st.booleans())
@example("\u202a\u2066\u202a\u2069\u202c", False)
@example("\u202a\u2028\u202a\u202c", False)
@example("e\u202a\u202c\u0301", False)
def test_repairing_twice_changes_nothing_more(original: str, single_line: bool) -> None:
    first = text.repair(original, single_line=single_line)
    second = text.repair(first.text, single_line=single_line)
    assert (second.text, second.repairs) == (first.text, ())
    assert {each.what for each in second.flaws} == {each.what for each in first.flaws}


@given(ODD | st.text(), st.booleans())
def test_without_flaws_a_repaired_text_is_one_that_every_reader_takes(original: str, single_line: bool) -> None:
    result = text.repair(original, single_line=single_line)
    assert unicodedata.is_normalized("NFC", result.text)
    assert all(line == line.rstrip() or result.flaws for line in result.text.split("\n"))
    if not result.flaws:
        text.check(result.text)
        result.text.encode()
        assert not (single_line and (result.text != result.text.strip() or "\n" in result.text))


@given(ODD | st.text())
def test_a_change_is_never_silent(original: str) -> None:
    result = text.repair(original)
    assert bool(result.repairs) == (result.text != original)


WHERE_IT_MATTERS = [
    *range(0x3100), *range(0xD7F0, 0xE010), *range(0xF8F0, 0x10010), *range(0x1FFF0, 0x20010), *range(0xDFFF0, 0xE0210),
    *range(0x10FFF0, 0x110000),
]  # fmt: skip


def test_every_letter_is_left_alone_or_answered_for() -> None:
    """The short way through a clean text must not let anything pass that the long way would find."""
    for code in WHERE_IT_MATTERS:
        alone, in_company = text.repair(f"a{chr(code)}b"), text.repair(f"a{chr(code)}b\t ")
        assert [each.what for each in alone.flaws] == [each.what for each in in_company.flaws], hex(code)
        assert (alone.text == f"a{chr(code)}b") == (not alone.repairs), hex(code)
        assert alone.flaws or unicodedata.category(chr(code)) not in ("Cn", "Cs", "Cc") or alone.repairs or code == 0x0A
