"""What the tests of a verdict share: an honest mirror to make dishonest, a judgement, and ways to lie in one line.

mirror = honest()
edition(size=3)(mirror)
assert_false(judge(mirror), Claim.SIGNED, "checkpoint", "not the one that edition.txt states")
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from world import NAME, Copy, Mirror, secret, split

from mirror.audit import Run
from mirror.check import Place
from mirror.formats import cid as cids
from mirror.formats.cid import CID
from mirror.formats.fields import Item
from mirror.formats.unixfs import CHUNK
from mirror.verdict import Claim, Report, State
from mirror.verify import Trust, verify

OTHER = secret(NAME, "another key of that name")

Lie = Callable[[Mirror], object]


def honest() -> Mirror:
    """Three testimonies: #1 with attachments, #2 signed by its author, #3; and pages."""
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"picture", "2.bin": b"y" * (CHUNK + 5)})
    mirror.testify("Two.", author=mirror.author.public)
    mirror.testify("Three.")
    mirror.open_reading_room()
    return mirror


def judge(made: Mirror | Copy, trust: Trust | None = None, run: Run | None = None, **evidence: Any) -> Report:
    """The report on a mirror or a copy, by a reader who gave the mirror's key.

    Unless it is said how to read or to run, it is judged twice: the second time whoever judges a note reads it from
    where it is said to lie, and has to find the same.
    """
    copy = made.lay() if isinstance(made, Mirror) else made
    trust = trust or Trust(given=Mirror().key.public)
    report = verify(copy.evidence(**evidence), trust, run or Run())
    if run is None and not evidence.keys() & {"get", "source"}:
        again = verify(copy.evidence(source=Shelf(copy), **evidence), trust, Run())
        assert in_order(again) == in_order(report)
    return report


def in_order(report: Report) -> Report:
    """The same with its faults sorted: in which order they are found follows from how notes are read."""
    return replace(report, faults=sorted(report.faults, key=lambda fault: (fault.item, fault.words)))


class Shelf:
    """Where the blocks of a copy lie, and what is read there: honest as far as the copy is."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy

    def place(self, cid: CID) -> Place | None:
        found = self._copy.blocks.get(cid)
        return None if found is None else (str(cid), 0, len(found), cid.digest)

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        return [self._copy.blocks.get(cids.parse(path)) for path, *_ in places]


def words_of(report: Report, claim: Claim) -> str:
    """Why a claim stands as it does, in one line."""
    return "; ".join(report.verdict(claim).words)


def assert_false(report: Report, claim: Claim, item: str, words: str) -> None:
    """The claim is false, in these words of this item, and the exit code says so."""
    found = report.verdict(claim)
    assert found.state is State.FALSE
    assert item in report.bad_items()
    assert any(line.startswith(item) and words in line for line in found.words), found.words
    assert report.exit_code() == 1


def edition(**values: Any) -> Lie:
    """An edition page that says something else."""
    return lambda mirror: setattr(mirror, "edit_edition", lambda page: replace(page, **values))


def items(change: Callable[[tuple[Item, ...]], tuple[Item, ...]]) -> Lie:
    """An edition page that lists something else."""
    return lambda mirror: setattr(mirror, "edit_edition", lambda page: replace(page, items=change(page.items)))


def checkpoint(**values: Any) -> Lie:
    """A checkpoint that says something else."""
    return lambda mirror: setattr(mirror, "edit_checkpoint", lambda made: replace(made, **values))


def signing(page: str, sign: Callable[[str], bytes]) -> Lie:
    """An edition page, checkpoint or announcement signed in another way."""
    return lambda mirror: setattr(mirror, f"sign_{page}", sign)


def holding(path: str, content: Any) -> Lie:
    """Other content at a path, or none."""
    return lambda mirror: mirror.files.__setitem__(split(path), content)
