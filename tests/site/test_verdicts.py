"""One table of cases, judged by `mirror verify` and by the modules of verify.html: one verdict."""

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, CLAIMS, STATES, VERDICTS, command_says, page_says
from handed import KEY, in_car
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import Modules, modules
from judging import holding, judge
from mutate import mutated
from tampered import Small, flipped, look, verify
from test_audit import small
from world import Copy, Mirror

from mirror.formats.cid import RAW
from mirror.verdict import Claim

OF_THE_COMMAND_ALONE = re.compile(", then: mirror trust LINK$| with --key$")
"""What the command says more, since a page has no such options."""


@pytest.fixture(scope="module")
def verifier() -> Iterator[Modules]:
    with modules() as running:
        yield running


def test_every_case_has_its_verdict_and_every_verdict_its_case() -> None:
    assert list(VERDICTS) == list(CASES)
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_the_command_says_so(name: str, tmp_path: Path) -> None:
    told = command_says(tmp_path, CASES[name].lay(tmp_path))
    assert told.verdict == VERDICTS[name]


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_so_in_the_same_words(name: str, tmp_path: Path, verifier: Modules) -> None:
    given = CASES[name].lay(tmp_path)
    report = verifier.judge(given.files, **given.page_options)
    told, expected = page_says(report), command_says(tmp_path, given)
    assert told.verdict == VERDICTS[name]
    assert told.faults == expected.faults
    for claim, state in zip(CLAIMS, told.verdict.states, strict=False):
        if state != STATES["false"] and told.words:
            assert told.words[claim.value] == [
                OF_THE_COMMAND_ALONE.sub("", words) for words in expected.words[claim.value]
            ]
        elif told.words:
            assert set(plain(report, claim)) <= set(expected.words[claim.value])


def plain(report: Any, claim: Claim) -> list[str]:
    """The words of what is false that hold no line of a parser's."""
    return [
        each["words"] for each in report["faults"] if each["claim"] == claim.value and "detail" not in each["params"]
    ]


@pytest.fixture(scope="module")
def bare() -> Iterator[Modules]:
    with modules("without webcrypto") as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_our_own_arithmetic_says_the_same(name: str, tmp_path: Path, bare: Modules) -> None:
    given = CASES[name].lay(tmp_path)
    assert page_says(bare.judge(given.files, **given.page_options)).verdict == VERDICTS[name]


def test_a_browser_s_cryptography_need_not_be_asked(tmp_path: Path, verifier: Modules) -> None:
    given = CASES["good: an export"].lay(tmp_path)
    assert page_says(verifier.judge(given.files, **given.page_options, webcrypto=False)).verdict.code == 0


def test_a_note_is_shown_only_where_it_was_verified(tmp_path: Path, verifier: Modules) -> None:
    shown = set()
    for number, (name, case) in enumerate(CASES.items()):
        given = case.lay(tmp_path / str(number))
        report = verifier.judge(given.files, **given.page_options)
        if report["note"] is not None:
            shown.add(name)
            states = {each["claim"]: each["state"] for each in report["claims"]}
            assert (states["unchanged"], states["signed"], report["faults"]) == ("holds", "holds", [])
    assert {"note: a testimony", "proof: it fits", "note: an announcement"} <= shown
    assert not {name for name in shown if VERDICTS[name].code == 1 or VERDICTS[name].states[1:3] != "hh"}


def test_a_bit_at_every_third_byte_of_an_export(tmp_path: Path, verifier: Modules) -> None:
    """False for both, and of the same items; what looks the same to the command is judged once by it.

    The command alone is asked about every byte in `test_tampering`.
    """
    small = Small(tmp_path)
    known: dict[Hashable, Any] = {}
    for at in range(0, small.export.stat().st_size, 3):
        with flipped(small.export, at):
            seen = look(small, small.export)
            if seen not in known:
                known[seen] = verify(small.vkey, small.export)
            report = verifier.judge({"export.car": small.export}, key=small.vkey, isGiven=True)
        found = known[seen]
        items = {item.replace(f"the CAR {small.export}", "the CAR export.car") for item in found.items}
        assert (found.code, report["exitCode"], set(report["badItems"])) == (1, 1, items), at
    assert len(known) > 20


SMALL = small()
PATHS = sorted("/".join(path) for path in SMALL.lay().paths if path)


@given(st.data())
@settings(max_examples=250)
def test_whatever_the_key_s_holder_writes_there_both_judge_it_alike(verifier: Modules, data: st.DataObject) -> None:
    """Any content at any place, all around it laid and signed anew."""
    mirror, laid = small(), SMALL.lay()
    path = data.draw(st.sampled_from(PATHS))
    cid = laid.paths[tuple(path.split("/"))].cid
    content = data.draw(mutated(st.just(laid.blocks[cid])) | st.binary(max_size=40))
    if cid.codec == RAW:
        holding(path, content)(mirror)
    else:
        mirror.print_folder[tuple(path.split("/"))] = lambda links: content
    assert_alike(verifier, mirror.lay())


@given(mutated(st.sampled_from([row.note or b"" for row in SMALL.rows if row.note])), st.booleans())
@settings(max_examples=150)
def test_whatever_is_listed_as_a_note_both_judge_it_alike(
    verifier: Modules, content: bytes, as_withdrawal: bool
) -> None:
    mirror = small()
    mirror.list_as("withdrawal" if as_withdrawal else "testimony", content)
    assert_alike(verifier, mirror.lay())


@given(mutated(st.sampled_from([row.entry for row in SMALL.rows])))
@settings(max_examples=150)
def test_whatever_is_listed_both_judge_it_alike(verifier: Modules, entry: bytes) -> None:
    mirror = small()
    mirror.add(entry, None)
    assert_alike(verifier, mirror.lay())


def assert_alike(verifier: Modules, copy: Copy) -> None:
    """The page and the command say the same of a copy, claim by claim and item by item."""
    told = page_says(verifier.judge({"it.car": in_car(copy)}, key=KEY.vkey, isGiven=True))
    report = judge(copy)
    faults = {(each.claim.value, each.item, each.index) for each in report.faults}
    assert told.faults == {fault for fault in faults if fault[0] != Claim.EXISTED_BY.value}
    assert told.verdict.states == "".join(STATES[report.verdict(claim).state.value] for claim in CLAIMS)


def test_a_large_archive(tmp_path: Path, verifier: Modules) -> None:
    """Also where a bundle is full, and more than one batch of notes."""
    mirror = Mirror()
    for number in range(300):
        mirror.testify(author=mirror.author.public if number % 7 == 0 else None)
    copy = mirror.lay()
    whole = verifier.judge({"it.car": in_car(copy)}, key=mirror.key.public.vkey, isGiven=True)
    assert (whole["exitCode"], whole["counts"]["testimonies"], whole["counts"]["byAuthors"]) == (0, 300, 43)
    copy.flip("note/00/00/02/80.txt")
    copy.lose("note/00/00/00/07.txt")
    damaged = verifier.judge({"it.car": in_car(copy)}, key=mirror.key.public.vkey, isGiven=True)
    assert damaged["badIndexes"] == [7, 280]
