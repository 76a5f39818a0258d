"""What is given to verify.html is judged, or refused: nothing is passed over that a reader would take for judged."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cases import CASES
from handed import KEY, Files, alone, announced, as_folder, forked, proven
from javascript import Modules, modules
from judging import OTHER, honest


@pytest.fixture(scope="module")
def verifier() -> Iterator[Modules]:
    with modules() as running:
        yield running


def judge(verifier: Modules, files: Files, **options: object) -> tuple[str, int]:
    """What is said where nothing is judged, and the exit code."""
    report = verifier.judge(files, **{"key": KEY.vkey, "isGiven": True, **options})
    return report["error"]["words"] if report["error"] else "", report["exitCode"]


ARCHIVE = announced()()
NOTE = proven(1)()
FORK = {"fork.txt": forked(honest(), honest())()["fork.txt"]}
LEFT = {
    "a damaged announcement": ({**ARCHIVE, "announcement.txt": ARCHIVE["announcement.txt"][:-1]}, "announcement.txt"),
    "a picture beside a CAR": ({**ARCHIVE, "1.png": b"picture"}, "1.png is neither"),
    "a proof beside a CAR": ({**ARCHIVE, "a.tlog-proof": NOTE["note.tlog-proof"]}, "without a CAR"),
    "a testimony beside a CAR": ({**ARCHIVE, "announcement.txt": NOTE["note.txt"]}, "this is a testimony"),
    "a fork beside a CAR": ({"voices.car": ARCHIVE["voices.car"], **FORK}, "judged alone"),
    "two notes": ({**NOTE, "other.txt": alone(2)()["note.txt"]}, "note.txt and other.txt are given"),
    "a note and a fork": ({**alone(1)(), **FORK}, "give one of them"),
    "two proofs": ({**NOTE, "b.tlog-proof": NOTE["note.tlog-proof"]}, "more than one proof"),
    "a picture that the note does not list": ({**NOTE, "1.png": b"picture"}, "1.png is neither"),
    "a damaged note with its proof": ({**NOTE, "note.txt": b"x"}, "note.txt is neither"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_nothing_would_look_at_is_refused(verifier: Modules, name: str) -> None:
    files, words = LEFT[name]
    error, code = judge(verifier, files)
    assert words in error
    assert code != 0


def test_what_desktops_leave_is_not(verifier: Modules) -> None:
    assert judge(verifier, {**ARCHIVE, ".DS_Store": b"x"}) == ("", 0)


def test_two_files_of_one_name_are_refused(verifier: Modules) -> None:
    note = {"base64": NOTE["note.txt"]}
    report = verifier.ask("judge", given=[["a.txt", note], ["a.txt", note]], options={"key": KEY.vkey}).value
    assert report["error"]["words"] == "two of the 2 files given have one name"


def test_a_testimony_beside_a_car_is_no_false_announcement(verifier: Modules) -> None:
    files = {**ARCHIVE, "announcement.txt": NOTE["note.txt"]}
    error, code = judge(verifier, files, key="", link=f"ipns://{KEY.ipns}#{KEY.vkey}")
    assert "this is a testimony" in error
    assert code == 4


@pytest.mark.parametrize("page", ["charter.txt", "edition.txt", "checkpoint"])
def test_a_page_of_a_tree_alone_is_no_tree(verifier: Modules, page: str) -> None:
    charter = proven(0)()
    files = {page: charter["note.txt"], f"{page}.tlog-proof": charter["note.tlog-proof"]}
    assert judge(verifier, files) == ("", 0)
    tree = as_folder()()
    rest = {path: data for path, data in tree.items() if path == f"tree/{page}" or path.startswith("tree/note/")}
    assert judge(verifier, rest) == ("", 1)


def test_the_key_in_a_link_is_the_reader_s_where_she_compared_it(verifier: Modules) -> None:
    link = f"https://{OTHER.public.ipns}.example/ipns/{KEY.ipns}"
    found = [
        verifier.judge({"voices.car": ARCHIVE["voices.car"]}, link=link, isGiven=is_given) for is_given in (True, False)
    ]
    assert [each["claims"][0]["state"] for each in found] == ["holds", "not checked"]
    assert {each["key"] for each in found} == {str(KEY.ipns)}


def test_what_was_seen_and_is_no_announcement_leaves_the_question_open(verifier: Modules) -> None:
    case = replace(CASES["seen: the same"], seen="")
    for seen in (b"", b"x", NOTE["note.txt"]):
        report = verifier.judge(case.build(), key=KEY.vkey, isGiven=True, seen=seen)
        assert report["claims"][4]["state"] == "not checked"
        assert report["exitCode"] == (3 if seen else 0)


def test_a_folder_of_more_files_than_one_can_hold_is_refused(verifier: Modules) -> None:
    files = {"tree/edition.txt": b"", **{f"tree/tile/{number}": b"" for number in range(150_000)}}
    error, code = judge(verifier, files)
    assert error.startswith("a folder of 150000 entries takes")
    assert code == 1
