"""Sheets: what is kept of a draft, that the same text is signed of it, and the work of other processes."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import AUTHOR, KEY, NAME, raw_cid
from workbench import front_matter

from mirror.errors import Malformed
from mirror.formats import notes
from mirror.formats.cid import CID
from mirror.intake import sheets
from mirror.intake.drafts import Flawed, Options, read_draft
from mirror.intake.sheets import NOTHING_MORE, Home, Looked, Rest, Sheet, Sheets, in_order, job, look, real_name, sign

HOME = Home(NAME, raw_cid("charter"), KEY.public)
ENGLISH = Options(language="en")
HASH, SALT = bytes(range(32)), bytes(range(16))


def write(folder: Path, content: str, name: str = "one.md") -> str:
    path = folder / name
    path.write_bytes(content.encode())
    return str(path)


def sheet_of(path: str, options: Options = ENGLISH) -> Sheet:
    (plain,) = look(HOME, options, [path])
    looked = Looked.of(plain)
    assert looked.sheet is not None, looked.flawed
    return looked.sheet


FULL = front_matter(
    title="Withdrawal: no", language="mk", date="2018-04", tags=["work", "универзитет"], warning="Salt: no"
)


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        ("Only words.", True),
        (FULL + "\n\nОна рече.\n\nWithdrawal: 00\n\n\n", True),
        ("\n\n+++\n\na\n", True),
        ("\ufeffa\n", False),
        ("a\tb \r\n", False),
        ("e\u0301", False),
    ],
)
def test_what_is_signed_of_a_sheet_is_what_its_draft_says(tmp_path: Path, content: str, whole: bool) -> None:
    path = write(tmp_path, content)
    sheet = sheet_of(path)
    assert (sheet.span is not None) == whole
    (data,) = sign(HOME, ENGLISH, KEY, [job(sheet, HASH, SALT)])
    made = notes.open_as(notes.Testimony, data or b"", KEY.public)
    assert made == replace(sheets.as_testimony(read_draft(Path(path), ENGLISH), HOME), withdrawal=HASH, salt=SALT)
    assert sheets.fingerprint(made) == sheet.fingerprint
    assert sheet.title == made.title


@pytest.mark.parametrize("content", ["Words.", "Wor\tds."])
def test_a_file_that_changed_is_not_signed(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    sheet = sheet_of(path)
    write(tmp_path, content + "\n")
    assert sign(HOME, ENGLISH, KEY, [job(sheet, HASH, SALT)]) == [None]
    Path(path).unlink()
    with pytest.raises(Flawed, match=r"one.md: cannot be read: no such file"):
        sign(HOME, ENGLISH, KEY, [job(sheet, HASH, SALT)])


def test_a_sheet_that_says_something_else_is_not_signed(tmp_path: Path) -> None:
    sheet = sheet_of(write(tmp_path, "Words.\n"))
    for wrong in (
        sheet._replace(headers="Language: en\nLanguage: en\n"),
        sheet._replace(headers="Language: EN\n"),
        sheet._replace(headers=""),
        sheet._replace(span=(0, 7)),
        sheet._replace(span=(3, 3)),
    ):
        with pytest.raises(Malformed):
            sign(HOME, ENGLISH, KEY, [job(wrong, HASH, SALT)])
    with pytest.raises(Malformed, match="a SHA-256 of 31 bytes"):
        sign(HOME, ENGLISH, KEY, [job(sheet, HASH[1:], SALT)])


def test_a_repaired_text_that_is_another_is_not_signed(tmp_path: Path) -> None:
    sheet = sheet_of(write(tmp_path, "Wor\tds.\n"))
    assert sign(HOME, Options(language="mk"), KEY, [job(sheet, HASH, SALT)]) == [None]


def test_what_few_drafts_have_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, front_matter(translation_of="two.md", translator="human", replaces=3) + "x")
    assert sheet_of(path).rest == Rest(tmp_path / "two.md", 3)
    given = notes.Testimony(
        NAME, HOME.charter, "en", HASH, SALT, "Hers.", author=AUTHOR.public, replaces=raw_cid("an earlier one")
    )
    (tmp_path / "hers.txt").write_bytes(notes.sign_as_author(given, AUTHOR))
    rest = sheet_of(str(tmp_path / "hers.txt")).rest
    assert rest == Rest(None, given.replaces, AUTHOR.public.raw, HASH, handed_in=True)


def test_what_is_wrong_with_a_file_is_told_beside_the_others(tmp_path: Path) -> None:
    paths = [write(tmp_path, "a\x00", "1.md"), write(tmp_path, "b\tc", "2.md"), str(tmp_path / "3.md")]
    one, two, three = map(Looked.of, look(HOME, ENGLISH, paths))
    assert (one.sheet, three.sheet, two.flawed) == (None, None, None)
    assert one.flawed is not None
    assert one.flawed.source == tmp_path / "1.md"
    assert three.flawed is not None
    assert "cannot be read" in three.flawed.message
    assert two.repairs == ("line 1, column 2: tab made four spaces",)


def test_a_file_has_one_real_name(tmp_path: Path) -> None:
    write(tmp_path, "x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.md").symlink_to(tmp_path / "one.md")
    (tmp_path / "folder").symlink_to(tmp_path)
    real = str((tmp_path / "one.md").resolve())
    for name in ("one.md", "sub/../one.md", "folder/one.md", "link.md", "folder/link.md", "./one.md"):
        assert real_name(f"{tmp_path}/{name}") == real
    assert real_name(f"{tmp_path}/sub/..") == str(tmp_path.resolve())


def test_a_relative_name_is_meant_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        (folder / "texts").mkdir(parents=True)
        monkeypatch.chdir(folder)
        for name in ("texts/a.md", "a.md", "./texts/a.md"):
            assert real_name(name) == str((folder / name).resolve())


PATHS = st.text(st.sampled_from("a/é.\\ "), min_size=1)


@given(
    st.lists(
        st.builds(
            Sheet,
            path=PATHS,
            real=PATHS,
            fingerprint=st.binary(min_size=32, max_size=32),
            digest=st.binary(min_size=32, max_size=32),
            headers=st.text(),
            span=st.none() | st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 20)),
            rest=st.sampled_from([NOTHING_MORE, Rest(), Rest(raw_cid("x"), Path("y"), b"key")]),
        )
    )
)
def test_sheets_are_kept_as_they_are(given: list[Sheet]) -> None:
    kept = Sheets()
    for each in given:
        kept.append(each)
    assert [kept[number] for number in range(len(kept))] == given


def test_a_reference_is_kept_as_what_it_is() -> None:
    kept = Sheets()
    kept.append(Sheet("a", "a", b"", b"", "", None, Rest(raw_cid("x"), Path("y"))))
    assert isinstance(kept[0].rest.translation_of, CID)
    assert isinstance(kept[0].rest.replaces, Path)


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(3)])
def test_work_comes_back_in_order_and_is_not_asked_for_too_early(executor: Executor | None) -> None:
    asked = []

    def items() -> Iterator[tuple[int, int]]:
        for number in range(50):
            asked.append(number)
            yield number, -number

    done = in_order(executor, abs, items())
    assert next(done) == (0, 0)
    assert len(asked) <= sheets.SLICES_AHEAD + 1
    assert list(done) == [(number, number) for number in range(1, 50)]


def test_what_fails_elsewhere_is_raised_here() -> None:
    with ThreadPoolExecutor(1) as executor:
        done = in_order(executor, [0, 1].__getitem__, [("a", 0), ("b", 2)])
        assert next(done) == ("a", 0)
        with pytest.raises(IndexError):
            next(done)
