"""One testimony out of a large tree costs a few blocks, and everything on its way is checked."""

import pytest
from judging import words_of
from world import Copy, Mirror, secret

from mirror.audit import Evidence
from mirror.edition import Edition
from mirror.errors import BadProof, Refused
from mirror.one import verify_one
from mirror.tree import note_path
from mirror.trust import Trust
from mirror.verdict import Claim, State


def laid(count: int, words: str = "") -> Copy:
    mirror = Mirror()
    for number in range(count):
        mirror.testify(words and f"{words} {number}")
    return mirror.lay()


@pytest.fixture(scope="module")
def copy() -> Copy:
    return laid(600)


TRUST = Trust(given=Mirror().key.public)


def judge(copy: Copy, index: int):
    return verify_one(copy.evidence(), note_path(index), TRUST)


def test_a_listed_testimony_holds_and_says_what_was_not_read(copy: Copy) -> None:
    report = judge(copy, 417)
    assert report.exit_code() == 0
    assert words_of(report, Claim.COMPLETE).startswith("listed as #417 of 601 entries; not checked")
    assert "whether it was withdrawn later" in words_of(report, Claim.COMPLETE)


def test_it_reads_at_most_forty_blocks(copy: Copy) -> None:
    asked = set()
    honest = copy.evidence()

    def get(cid):
        asked.add(cid)
        return honest.get(cid)

    report = verify_one(Evidence("a copy", honest.root, get), note_path(599), TRUST)
    assert report.exit_code() == 0
    assert len(asked) <= 40


@pytest.mark.parametrize("path", ["edition.txt", "charter.txt", "checkpoint", "note/00/00/04/17.txt"])
def test_a_changed_byte_on_the_way_is_false(path: str) -> None:
    copy = laid(420)
    copy.flip(path, 3)
    report = judge(copy, 417)
    assert report.exit_code() == 1
    assert report.bad_items()


def test_a_key_that_is_not_the_charters_is_false(copy: Copy) -> None:
    other = secret("voices.example/other", "x").public
    report = verify_one(copy.evidence(), note_path(1), Trust(given=other.ipns))
    assert report.verdict(Claim.SIGNED).state is State.FALSE
    assert report.exit_code() == 1


def test_a_withdrawn_one_is_not_told_from_a_missing_one() -> None:
    mirror = Mirror()
    mirror.testify()
    mirror.withdraw(1)
    copy = mirror.lay()
    report = judge(copy, 1)
    assert report.exit_code() == 3
    assert "withdrawn, or missing" in words_of(report, Claim.COMPLETE)


def test_what_is_no_testimony_is_refused(copy: Copy) -> None:
    with pytest.raises(Refused, match="#0 is a charter, not a testimony"):
        judge(copy, 0)
    with pytest.raises(Refused, match="#9000 is not in this log, which has 601 entries"):
        judge(copy, 9000)
    with pytest.raises(Refused, match="is not where a note lies"):
        verify_one(copy.evidence(), ("charter.txt",), TRUST)


def test_another_tree_than_the_link_names_is_false(copy: Copy) -> None:
    honest = copy.evidence()
    report = verify_one(Evidence("a copy", honest.root, honest.get, None, laid(2).evidence().root), note_path(1), TRUST)
    assert report.verdict(Claim.UNCHANGED).state is State.FALSE
    assert report.exit_code() == 1


def test_a_log_beside_the_tree_saves_reading_its_tiles(copy: Copy) -> None:
    honest, asked = copy.evidence(), set()

    def get(cid):
        asked.add(cid)
        return honest.get(cid)

    read = Edition(honest.root, honest.get).log._read
    evidence = Evidence("a copy", honest.root, get, logs=lambda name: [read])
    assert verify_one(evidence, note_path(417), TRUST).exit_code() == 0
    assert len(asked) == 4 + 5


def test_another_log_beside_the_tree_proves_nothing(copy: Copy) -> None:
    honest = copy.evidence()
    edition = Edition(honest.root, honest.get)
    other = Edition((evidence := laid(600, "elsewhere").evidence()).root, evidence.get).log
    with pytest.raises(BadProof):
        edition.prove(417, other)
    assert not edition.is_proven(417)
    asked = []

    def read(place):
        asked.append(place)
        return other._read(place)

    beside = Evidence("a copy", honest.root, honest.get, logs=lambda name: [read])
    report = verify_one(beside, note_path(417), TRUST)
    assert (report.exit_code(), bool(asked)) == (0, True)
    assert report.verdict(Claim.UNCHANGED).words[0].startswith(f"its CID is {edition.entry(417).cid}")
