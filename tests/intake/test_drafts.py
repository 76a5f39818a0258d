"""Drafts: which files are taken, what stands between the plus signs, what is repaired, and every flaw."""

import hashlib
import os
import pickle
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import mutated
from strategies import AUTHOR, NAME, raw_cid
from workbench import front_matter

from mirror.errors import Malformed, Refused
from mirror.formats import notes
from mirror.intake.drafts import (
    TEXT_AT_MOST,
    Draft,
    Flawed,
    Options,
    parse_option_reference,
    parse_reference,
    read_draft,
    read_front_matter,
)
from mirror.intake.finding import Files, find_files

ENGLISH = Options(language="en")


def write(folder: Path, content: str | bytes, name: str = "one.md") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, options: Options = ENGLISH) -> Draft:
    return read_draft(write(folder, content), options)


def flaws(folder: Path, content: str | bytes, options: Options = ENGLISH) -> tuple[str, ...]:
    path = write(folder, content)
    with pytest.raises(Flawed) as refusal:
        read_draft(path, options)
    assert refusal.value.source == path
    assert refusal.value.message == "; ".join(f"{path}: {flaw}" for flaw in refusal.value.flaws)
    return refusal.value.flaws


def one_flaw(folder: Path, content: str | bytes, options: Options = ENGLISH) -> str:
    """The words of the one flaw that a draft has."""
    (found,) = flaws(folder, content, options)
    return found


# Which files


def names(found: Files, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_folder_stands_for_every_text_in_it_sorted(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "sub/c.MD", "sub/deep/d.Txt", "zz.md", "наше.md"):
        write(tmp_path, "x", name)
    assert names(find_files([tmp_path]), tmp_path) == [
        "a.txt",
        "b.md",
        "sub/c.MD",
        "sub/deep/d.Txt",
        "zz.md",
        "наше.md",
    ]


def test_files_are_taken_in_the_order_in_which_they_are_named_and_once(tmp_path: Path) -> None:
    one, two = write(tmp_path, "x", "one.md"), write(tmp_path, "y", "two.md")
    assert list(find_files([two, one, two, tmp_path])) == [two, one]
    assert list(find_files([tmp_path, one, tmp_path, two])) == [one, two]
    assert list(find_files([])) == []


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for name in (".hidden.md", ".git/x.md", ".DS_Store", "sub/.x.jpg", "one.md"):
        write(tmp_path, "x", name)
    assert names(find_files([tmp_path]), tmp_path) == ["one.md"]


@pytest.mark.parametrize(
    "name", ["1.jpg", "a.pdf", "a.docx", "a.md.png", "md", "a.markdown", "a.html", "notes", "a.mdx"]
)
def test_what_is_no_text_is_refused_in_plain_words(tmp_path: Path, name: str) -> None:
    write(tmp_path, "x", "one.md")
    path = write(tmp_path, "x", name)
    for given_ in ([tmp_path], [path], [tmp_path / "one.md", path]):
        with pytest.raises(Refused) as refusal:
            find_files(given_)
        assert refusal.value.message == f"1 of the files are neither .md nor .txt: {path}"
        assert "pictures and documents can tell who made them, where and when" in refusal.value.hint


def test_all_that_is_no_text_is_counted(tmp_path: Path) -> None:
    for at in range(30):
        write(tmp_path, "x", f"{at:02}.jpg")
    with pytest.raises(Refused, match=r"30 of the files are neither .md nor .txt: .*00.jpg, .*19.jpg$"):
        find_files([tmp_path])


@pytest.mark.parametrize("sign", ["mirror.toml", "secret/key.age"])
def test_a_workspace_is_refused_wherever_it_lies(tmp_path: Path, sign: str) -> None:
    write(tmp_path, "x", "one.md")
    write(tmp_path, "x", f"voices/{sign}")
    for given_ in (tmp_path, tmp_path / "voices"):
        with pytest.raises(Refused, match=r"voices is a workspace, not a folder of testimonies"):
            find_files([given_])


def test_a_folder_leads_nowhere_else(tmp_path: Path) -> None:
    outside = write(tmp_path, "a private letter", "private/letter.md")
    write(tmp_path, "x", "drafts/one.md")
    for target in (outside, outside.parent, tmp_path / "drafts", tmp_path / "nothing"):
        link = tmp_path / "drafts" / "link.md"
        os.symlink(target, link)
        with pytest.raises(Refused, match=r"link.md is a symbolic link, which may lead anywhere") as refusal:
            find_files([tmp_path / "drafts"])
        assert refusal.value.hint == "name the file or folder that it leads to"
        link.unlink()
    os.symlink(outside, tmp_path / "named.md")
    assert list(find_files([tmp_path / "named.md"])) == [tmp_path / "named.md"]


def test_what_does_not_exist_or_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match=r"absent.md does not exist"):
        find_files([tmp_path / "absent.md"])

    def deny(path: Path) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(Refused, match=rf"^{tmp_path} cannot be read: permission denied$"):
        find_files([tmp_path])


# What a draft says


@given(
    st.sampled_from(["", "+++\n+++\n", '+++\r\ntitle = "é"\n+++ \n\n']),
    st.text(st.sampled_from("aé\n \t\r\u0301\ufeff中𐍈"), max_size=12).filter(lambda body: body.strip(" \n\t\r\ufeff")),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_span_says_where_the_body_stands(tmp_path: Path, front: str, body: str) -> None:
    path = write(tmp_path, front + body)
    made = read_draft(path, ENGLISH)
    if made.span is None:
        assert any(repair.startswith("line ") for repair in made.repairs)
    else:
        assert path.read_bytes()[slice(*made.span)].decode() == made.body


def test_a_draft_says_all_that_a_testimony_may(tmp_path: Path) -> None:
    content = front_matter(
        title="The seminar",
        language="mk",
        date="2018-04",
        tags=["work", "универзитет"],
        warning="violence",
        translation_of="../x/01.md",
        translator="machine-reviewed",
        replaces=17,
    )
    made = read(tmp_path, content + "One.\n\nTwo.\n")
    assert made == Draft(
        tmp_path / "one.md",
        "One.\n\nTwo.",
        "mk",
        "The seminar",
        "2018-04",
        ("work", "универзитет"),
        "violence",
        tmp_path.parent / "x" / "01.md",
        "machine-reviewed",
        17,
        digest=hashlib.sha256((content + "One.\n\nTwo.\n").encode()).digest(),
        span=(len(content.encode()), len(content.encode()) + 10),
    )


def test_a_text_alone_is_a_draft(tmp_path: Path) -> None:
    made = read(tmp_path, "Only words.\n")
    assert (made.body, made.language, made.title, made.tags, made.repairs) == ("Only words.", "en", None, (), ())


def test_a_text_may_begin_with_anything(tmp_path: Path) -> None:
    for text in (
        "+++ is how I feel",
        "++++",
        "+ + +",
        "---\ntitle: x\n---",
        "# mirror/v1 testimony",
        "mirror/v1 is a format",
    ):
        assert read(tmp_path, text).body == text
    assert read(tmp_path, "+++\n+++\n+++\nx").body == "+++\nx"


def test_options_speak_where_the_draft_is_silent(tmp_path: Path) -> None:
    options = Options("ru", "2018", ("home",), "w", "T", 3, "human", "#4")
    made = read(tmp_path, "x", options)
    assert (made.language, made.date, made.tags, made.warning, made.title) == ("ru", "2018", ("home",), "w", "T")
    assert (made.translation_of, made.translator, made.replaces) == (3, "human", 4)
    own = front_matter(language="mk", date="2019", tags=["work"], warning="v", title="U", translation_of=5, replaces=6)
    made = read(tmp_path, own + "x", options)
    assert (made.language, made.date, made.tags, made.warning, made.title) == ("mk", "2019", ("work", "home"), "v", "U")
    assert (made.translation_of, made.translator, made.replaces) == (5, "human", 6)


def test_a_language_may_be_written_in_any_case(tmp_path: Path) -> None:
    assert read(tmp_path, front_matter(language=" ZH-hans ") + "x").language == "zh-Hans"
    assert read(tmp_path, "x", Options(language="PT-br")).language == "pt-BR"


def test_empty_lines_around_a_text_go(tmp_path: Path) -> None:
    assert read(tmp_path, "\n\n\nOne.\n\n\nTwo.\n\n\n").body == "One.\n\n\nTwo."
    assert read(tmp_path, "One.").body == "One."


def test_a_tag_is_given_once_however_it_is_spelled(tmp_path: Path) -> None:
    content = front_matter(tags=["e\u0301cole", "école", " work", "work "])
    made = read(tmp_path, content + "x", Options("en", tags=("work", "home")))
    assert made.tags == ("école", "work", "home")


# Repairs


def test_repairs_are_told_with_the_lines_of_the_file(tmp_path: Path) -> None:
    made = read(tmp_path, front_matter(title="T") + "a\tb\ncafe\u0301 \n")
    assert made.body == "a    b\ncafé"
    assert made.repairs == (
        "line 5, column 2: tab made four spaces",
        "line 6, column 4: spelling made NFC",
        "line 6, column 6: spaces at the end of a line removed",
    )


def test_windows_line_ends_are_repaired_and_told(tmp_path: Path) -> None:
    made = read(tmp_path, "\ufeff+++\r\ntitle = 'T'\r\n+++\r\n\r\nOne.\r\nTwo.\r\n")
    assert (made.title, made.body) == ("T", "One.\nTwo.")
    assert made.repairs == ("line 4, column 1: Windows line end made a newline, and 2 more like it",)
    assert read(tmp_path, "One.\r\n").repairs == ("line 1, column 5: Windows line end made a newline",)


def test_headers_are_repaired_and_told(tmp_path: Path) -> None:
    made = read(tmp_path, front_matter(title=" cafe\u0301\u00a0", warning="a\tb", tags=["cafe\u0301"]) + "x")
    assert (made.title, made.warning, made.tags) == ("café", "a    b", ("café",))
    assert set(made.repairs) == {
        "title: spaces at the start removed",
        "title: spaces at the end of a line removed",
        "title: spelling made NFC",
        "warning: tab made four spaces",
        "tags: spelling made NFC",
    }


# Flaws


def test_every_flaw_is_named_with_its_place(tmp_path: Path) -> None:
    content = front_matter(title="a\u202eb", date="2023-02-30", tags=["Work"], titel="T") + "x\x00\n\ny\u202e"
    assert flaws(tmp_path, content, Options()) == (
        "unknown key 'titel' between the +++ lines; the nearest known one is 'title'",
        "line 8, column 2: U+0000 is a control character",
        "line 10, column 2: U+202E overrides the direction of the letters",
        "title: U+202E overrides the direction of the letters",
        "date: not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: '2023-02-30'",
        "tags: a tag with 'W', which is no lower-case letter, mark, digit or hyphen: 'Work'",
        'no language: write language = "…" between +++ lines at its top, give --language, '
        "or set a default in mirror.toml",
    )


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ({"titel": "T"}, "unknown key 'titel' between the +++ lines; the nearest known one is 'title'"),
        ({"Title": "T"}, "unknown key 'Title'"),
        ({"attachment": "1.jpg"}, "the nearest known one is 'attachments'"),
        ({"title": 5}, "title: it has to be text in quotation marks, and not empty"),
        ({"title": ""}, "title: it has to be text in quotation marks, and not empty"),
        ({"title": "  "}, "title: it has to be text in quotation marks, and not empty"),
        ({"title": ["T"]}, "title: it has to be text in quotation marks, and not empty"),
        ({"title": "x" * 201}, "title: a title of 201 characters, more than 200"),
        ({"title": "two\nlines"}, "title: a line end, where all must stand on one line"),
        ({"title": "\u0378"}, "title: U+0378 is not assigned in Unicode"),
        ({"warning": True}, "warning: it has to be text in quotation marks"),
        ({"language": "english!"}, "language: language tag 'english!' is not well-formed BCP 47"),
        ({"language": 7}, "language: it has to be text in quotation marks"),
        ({"date": 2018}, "date: it has to be text in quotation marks"),
        ({"date": "April 2018"}, "date: not a date of the form"),
        ({"date": "2018-04-23T10:00:00"}, "date: not a date of the form"),
        ({"tags": "work"}, 'tags: they have to be a list such as ["work", "home"]'),
        ({"tags": ["#work"]}, "tags: a tag with '#'"),
        ({"tags": [["work"]]}, "tags: it has to be text in quotation marks"),
        ({"tags": [5]}, "tags: it has to be text in quotation marks"),
        ({"tags": [""]}, "tags: it has to be text in quotation marks, and not empty"),
        ({"tags": ["\u0378"]}, "tags: U+0378 is not assigned in Unicode"),
        ({"tags": ["x" * 65]}, "tags: a tag of 65 bytes, not 1 to 64"),
        ({"tags": [f"t{at}" for at in range(17)]}, "tags: 17 of them, more than 16"),
        ({"translation_of": 1}, "translation_of and translator stand only together"),
        ({"translator": "human"}, "translation_of and translator stand only together"),
        ({"translation_of": 1, "translator": "me"}, "translator: 'me' is none of human, machine, machine-reviewed"),
        (
            {"translation_of": 0, "translator": "human"},
            "translation_of: it has to be a CID, an index or the name of a file",
        ),
        ({"replaces": 0}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": -1}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": 2**63}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": True}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": 1.5}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": ""}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": "a\x00b"}, "replaces: it has to be a CID, an index or the name of a file"),
        ({"replaces": [1]}, "replaces: it has to be a CID, an index or the name of a file"),
    ],
)
def test_what_stands_between_the_plus_signs_has_its_rules(tmp_path: Path, front: dict[str, Any], words: str) -> None:
    assert words in one_flaw(tmp_path, front_matter(**front) + "x")


def test_sixteen_tags_are_not_too_many(tmp_path: Path) -> None:
    tags = [f"t{at}" for at in range(16)]
    assert read(tmp_path, front_matter(tags=[*tags, "t0"]) + "x").tags == tuple(tags)
    assert "tags: 17 of them" in one_flaw(tmp_path, front_matter(tags=tags) + "x", Options("en", tags=("more",)))


@pytest.mark.parametrize(
    ("front", "place"),
    [
        ("title = T", "(at line 2, column 9)"),
        ("title = 'T'\ntitle = 'U'", "(at line 3, column"),
        ("title = 'T'\n\ndate = 2023-02-30", "(at line 4, column"),
        ("title", "(at line 2, column"),
        ("a = " + "[" * 5000, ""),
        ("a = " + "{b=" * 5000, ""),
        ("a = " + "9" * 5000, ""),
        ("a = '\ud7ff", ""),
        ('a = "\\ud800"', ""),
        ("\ta = \x00", ""),
    ],
)
def test_what_is_no_toml_is_flawed_and_nothing_worse(tmp_path: Path, front: str, place: str) -> None:
    assert "the lines between +++ are not TOML: " in one_flaw(tmp_path, f"+++\n{front}\n+++\nx")
    assert place in flaws(tmp_path, f"+++\n{front}\n+++\nx")[0]
    with pytest.raises(Malformed, match=r"the lines between \+\+\+ are not TOML"):
        read_front_matter(f"+++\n{front}\n+++\nx")


PLAIN_LINES = st.lists(
    st.tuples(
        st.sampled_from(["title", "language", "date", "warning", "a-b", "T", "x_y", ""]),
        st.sampled_from([" = ", "=", "  = "]),
        st.text(st.characters(codec="utf-8", exclude_characters="\n\r") | st.sampled_from('"\\\t\x7f#=')),
    )
)


@given(PLAIN_LINES)
def test_plain_front_matter_is_read_as_toml_reads_it(lines: list[tuple[str, str, str]]) -> None:
    front = "".join(f'{key}{sign}"{value}"\n' for key, sign, value in lines)
    try:
        expected = tomllib.loads(front)
    except ValueError:
        with pytest.raises(Malformed, match="are not TOML"):
            read_front_matter(f"+++\n{front}+++\nx")
    else:
        assert read_front_matter(f"+++\n{front}+++\nx") == (expected, "x")


@pytest.mark.parametrize(
    "number", ["0x" + "f" * 4000, "0b" + "1" * 9000, "-0", "1e400", "nan", "2018-04-23", "10:00:00"]
)
def test_numbers_and_dates_of_toml_are_flawed_and_nothing_worse(tmp_path: Path, number: str) -> None:
    assert "replaces: it has to be a CID, an index or the name of a file" in one_flaw(
        tmp_path, f"+++\nreplaces = {number}\n+++\nx"
    )
    assert "title: it has to be text in quotation marks" in one_flaw(tmp_path, f"+++\ntitle = {number}\n+++\nx")


def test_front_matter_has_an_end(tmp_path: Path) -> None:
    for content in ("+++", "+++\n", "+++\ntitle = 'T'\n\nThe text.\n", "+++\ntitle = '+++'\n ++ +\n", "\ufeff+++\r\nx"):
        assert "the +++ line at its top has no second one below it" in one_flaw(tmp_path, content)


@pytest.mark.parametrize("content", ["", "\n\n", "   ", "\ufeff", "+++\n+++\n", "+++\ntitle = 'T'\n+++\n\n \t\n"])
def test_a_draft_has_words(tmp_path: Path, content: str) -> None:
    assert "there is no text" in one_flaw(tmp_path, content)


def test_a_file_is_utf_8_and_of_bounded_length(tmp_path: Path) -> None:
    assert "the file is not UTF-8 at byte 3" in one_flaw(tmp_path, b"caf\xe9")
    assert "the file is not UTF-8 at byte 0" in one_flaw(tmp_path, "résumé".encode("utf-16"))
    assert len(read(tmp_path, b"x" * TEXT_AT_MOST).body) == TEXT_AT_MOST
    assert "longer than 1048576 bytes; divide it into several testimonies" in one_flaw(
        tmp_path, b"x" * (TEXT_AT_MOST + 1)
    )


def test_a_file_that_cannot_be_read_is_flawed(tmp_path: Path) -> None:
    (tmp_path / "folder.md").mkdir()
    os.symlink("loop.md", tmp_path / "loop.md")
    for name, words in (
        ("absent.md", "cannot be read: no such file or directory"),
        ("folder.md", "cannot be read: is a directory"),
        ("loop.md", "cannot be read: too many levels of symbolic links"),
    ):
        with pytest.raises(Flawed) as refusal:
            read_draft(tmp_path / name, ENGLISH)
        assert refusal.value.flaws == (words,)


def test_no_language_is_said_once(tmp_path: Path) -> None:
    assert "no language: write language = " in one_flaw(tmp_path, "x", Options())
    assert "language: language tag" in one_flaw(tmp_path, front_matter(language="english!") + "x", Options())
    assert "language: language tag 'english!' is not" in one_flaw(tmp_path, "x", Options(language="english!"))


@pytest.mark.parametrize("given_", ["tags", "title", "warning"])
def test_options_are_as_hostile_as_drafts(tmp_path: Path, given_: str) -> None:
    value: Any = ("\udcff",) if given_ == "tags" else "\udcff"
    assert f"{given_}: U+DCFF is half of a surrogate pair" in one_flaw(tmp_path, "x", Options("en", **{given_: value}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mutated(
        st.sampled_from(
            [
                (front_matter(title="T", tags=["a", "б"], replaces=3) + "One.\n\nTwo.\n").encode(),
                b"+++\r\nlanguage = 'mk'\r\n+++\r\nOne.\r\n",
                "mirror/v1 testimony\nMirror: x\n\nBody\n\n— a AAAAAAECAwQ=\n".encode(),
            ]
        )
    )
)
def test_a_draft_is_read_or_flawed(tmp_path: Path, content: bytes) -> None:
    try:
        made = read(tmp_path, content)
    except Flawed:
        return
    signed = notes.Testimony(
        NAME,
        raw_cid("c"),
        made.language,
        bytes(32),
        bytes(16),
        made.body,
        title=made.title,
        date=made.date,
        tags=made.tags,
        warning=made.warning,
    )
    assert notes.Testimony.parse(signed.text) == signed


# Notes that authors signed


HERS = notes.Testimony(NAME, raw_cid("c"), "en", bytes(32), bytes(16), "Mine.", author=AUTHOR.public, title="T")


def test_what_an_author_signed_is_taken_as_it_is(tmp_path: Path) -> None:
    data = notes.sign_as_author(HERS, AUTHOR)
    for name in ("one.txt", "one.md"):
        made = read_draft(write(tmp_path, data, name), Options(language="mk", title="U"))
        assert (made.body, made.language, made.title) == ("Mine.", "en", "T")
        assert made.handed_in == notes.open_handed_in(data)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a\u202eb", "line 8, column 2: U+202E overrides the direction of the letters"),
        ("a\u0378", "line 8, column 2: U+0378 is not assigned in Unicode"),
        ("e\u0301", "line 8, column 1: spelling made NFC"),
        ("a \nb", "line 8, column 2: spaces at the end of a line removed"),
    ],
)
def test_what_would_be_repaired_cannot_be_in_what_is_signed(tmp_path: Path, body: str, words: str) -> None:
    made = notes.Testimony(NAME, raw_cid("c"), "en", bytes(32), bytes(16), body, author=AUTHOR.public)
    found = flaws(tmp_path, notes.sign_as_author(made, AUTHOR))
    assert len(found) == 1
    assert words.split(":")[1] in found[0]
    assert found[0].endswith("in a text that is signed and cannot be changed")


def test_a_note_without_its_authors_line_is_flawed(tmp_path: Path) -> None:
    assert "not a signature line: 'Mine.'" in one_flaw(tmp_path, HERS.text)
    assert "the note's last line does not end in a newline" in one_flaw(tmp_path, HERS.text + "\n")


# References


def test_references_are_cids_indexes_or_files(tmp_path: Path) -> None:
    cid = raw_cid("x")
    assert parse_reference(str(cid), tmp_path) == cid
    assert parse_reference("17", tmp_path) == parse_reference("#17", tmp_path) == 17
    for name in ("one.md", "sub/../one.md", "./one.md", str(tmp_path / "one.md")):
        assert parse_reference(name, tmp_path) == tmp_path / "one.md"
    for name in ("017", "#", "##1", "1.0", str(cid)[:-1], str(cid).upper(), "bafy", "٣"):
        assert parse_reference(name, tmp_path) == tmp_path / name


def test_a_file_that_an_option_names_is_meant_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_option_reference("one.md") == str(tmp_path / "one.md")
    assert parse_option_reference("#17") == "#17"
    assert parse_option_reference(str(raw_cid("x"))) == str(raw_cid("x"))
    assert parse_option_reference(None) is None
    made = read(tmp_path / "sub", "x", Options("en", replaces=parse_option_reference("one.md")))
    assert made.replaces == tmp_path / "one.md"


def test_a_flaw_travels_between_processes(tmp_path: Path) -> None:
    flawed = pickle.loads(pickle.dumps(Flawed(tmp_path, ("one", "two"))))
    assert (flawed.source, flawed.flaws, flawed.message) == (
        tmp_path,
        ("one", "two"),
        f"{tmp_path}: one; {tmp_path}: two",
    )
