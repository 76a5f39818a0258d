"""A whole tree judged: its signed pages, its key, its announcement, and how the judging is done."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from judging import OTHER, Lie, assert_false, checkpoint, edition, holding, honest, items, judge, signing, words_of
from world import NAME, Copy, Mirror, secret, sign_text

from mirror.audit import Run
from mirror.check import Place
from mirror.errors import Unavailable
from mirror.formats import car, notes
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.fields import Item
from mirror.formats.key import PublicKey
from mirror.formats.notes import Charter
from mirror.store.blocks import Blocks
from mirror.verdict import Claim, Report, State
from mirror.verify import Trust


def test_an_honest_mirror_holds() -> None:
    copy = honest().lay()
    report = judge(copy, announcement=copy.announcement, expected_root=copy.root)
    states = [report.verdict(claim).state for claim in Claim]
    assert states == [State.HOLDS] * 4 + [State.NOT_CHECKED] * 2
    assert report.exit_code() == 0
    assert words_of(report, Claim.UNCHANGED) == "3 testimonies, 2 attachments, pages"
    assert words_of(report, Claim.SIGNED) == "3 by the mirror, 1 also by their authors' keys"
    assert words_of(report, Claim.COMPLETE) == "everything this log lists is here"
    assert words_of(report, Claim.EXISTED_BY) == "no anchor in this edition"
    assert (report.bad_items(), report.bad_indexes(), report.newer) == ([], [], [])
    assert (report.mirror, report.edition, report.root_cid) == (NAME, 1, copy.root)
    assert report.checkpoint == copy.seen.checkpoint


def test_a_mirror_of_its_charter_alone_holds() -> None:
    report = judge(Mirror())
    assert report.exit_code() == 0
    assert words_of(report, Claim.UNCHANGED) == "0 testimonies"


# The signed pages


def both_sizes(mirror: Mirror) -> None:
    edition(size=9)(mirror)
    checkpoint(size=9)(mirror)


def both_hashes(mirror: Mirror) -> None:
    edition(root_hash=bytes(32))(mirror)
    checkpoint(root_hash=bytes(32))(mirror)


def other_charter(mirror: Mirror) -> None:
    made = Charter(NAME, OTHER.public, bytes(32), "en", "Voices", "We gather testimonies.")
    mirror.charter = notes.sign(made, OTHER)


def charter_with_a_line_more(mirror: Mirror) -> None:
    mirror.charter = sign_text(notes.open_charter(mirror.charter).text, mirror.key, OTHER)


def unsigned(text: str) -> bytes:
    return f"{text}\n".encode()


EMPTY_ITEM = Item("page", CID.of_raw(b"nothing"))

PAGES: dict[str, tuple[Lie, Claim, str, str]] = {
    "edition by another key": (
        signing("edition", lambda text: sign_text(text, OTHER)),
        Claim.SIGNED, "edition.txt", "has a line by",
    ),
    "edition with a line more": (
        signing("edition", lambda text: sign_text(text, Mirror().key, OTHER)),
        Claim.SIGNED, "edition.txt", "a signature line more than it may",
    ),
    "edition unsigned": (signing("edition", unsigned), Claim.SIGNED, "edition.txt", "does not end in a newline"),
    "edition of another mirror": (
        edition(mirror="others.example"), Claim.SIGNED, "edition.txt", "it is of the mirror others.example",
    ),
    "edition of another charter": (
        edition(charter=CID.of_raw(b"other")), Claim.SIGNED, "charter.txt", "was signed for another charter",
    ),
    "edition of another size": (edition(size=3), Claim.SIGNED, "checkpoint", "not the one that edition.txt states"),
    "edition of another root hash": (
        edition(root_hash=bytes(32)), Claim.SIGNED, "checkpoint", "not the one that edition.txt states",
    ),
    "edition 0": (edition(edition=0), Claim.SIGNED, "edition.txt", "a number that has to be at least 1 is 0"),
    "edition without an item that is here": (
        items(lambda found: tuple(item for item in found if item.name != "style.css")),
        Claim.UNCHANGED, "style.css", "is not listed by edition.txt",
    ),
    "edition with an item that is not here": (
        items(lambda found: (*found, Item("verify.html", CID.of_raw(b"")))),
        Claim.COMPLETE, "verify.html", "is listed by edition.txt and is not here",
    ),
    "edition with another CID": (
        items(lambda found: tuple(EMPTY_ITEM if item.name == "page" else item for item in found)),
        Claim.UNCHANGED, "page", "is not what edition.txt lists",
    ),
    "edition with items out of order": (
        items(lambda found: tuple(reversed(found))), Claim.SIGNED, "edition.txt", "not sorted by name",
    ),
    "edition that is a charter": (
        holding("edition.txt", Mirror().charter), Claim.SIGNED, "edition.txt", "a note of kind charter where a edition",
    ),
    "edition missing": (holding("edition.txt", None), Claim.COMPLETE, "edition.txt", "is not in this tree"),
    "charter of another key": (other_charter, Claim.SIGNED, "charter.txt", "it is the charter of another key"),
    "charter with a line more": (
        charter_with_a_line_more,
        Claim.SIGNED, "charter.txt", "a signature line more than it may",
    ),
    "charter missing": (holding("charter.txt", None), Claim.COMPLETE, "charter.txt", "is not in this tree"),
    "checkpoint by another key": (
        signing("checkpoint", lambda text: sign_text(text, OTHER)), Claim.SIGNED, "checkpoint", "by a known key",
    ),
    "checkpoint with a stranger first": (
        signing("checkpoint", lambda text: sign_text(text, OTHER, Mirror().key)),
        Claim.SIGNED, "checkpoint", "first signature line is by",
    ),
    "checkpoint of another log": (checkpoint(origin="others.example"), Claim.SIGNED, "checkpoint", "others.example"),
    "checkpoint of nothing": (checkpoint(size=0), Claim.SIGNED, "checkpoint", "lists no entry"),
    "checkpoint of another size": (checkpoint(size=3), Claim.SIGNED, "checkpoint", "not the one that edition.txt"),
    "checkpoint of another root hash": (
        checkpoint(root_hash=bytes(32)), Claim.COMPLETE, "checkpoint", "do not add up to the root hash",
    ),
    "checkpoint missing": (holding("checkpoint", None), Claim.COMPLETE, "checkpoint", "is not in this tree"),
    "checkpoint and edition of a size that is not there": (
        both_sizes, Claim.COMPLETE, "tile/entries/000.p/9", "is not in this tree",
    ),
    "checkpoint and edition of another root hash": (
        both_hashes, Claim.COMPLETE, "checkpoint", "do not add up to the root hash",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", PAGES)
def test_a_signed_page_that_lies_is_named(lie: str) -> None:
    tell, claim, item, words = PAGES[lie]
    mirror = honest()
    tell(mirror)
    assert_false(judge(mirror), claim, item, words)


def test_cosignatures_may_follow_the_checkpoint_s_own_line() -> None:
    mirror = honest()
    mirror.sign_checkpoint = lambda text: sign_text(text, mirror.key, secret("witness.example", "w"))
    assert judge(mirror).exit_code() == 0


@pytest.mark.parametrize("page", ["charter.txt", "checkpoint", "edition.txt"])
def test_what_rests_on_a_signed_page_that_fails_is_not_checked(page: str) -> None:
    copy = honest().lay()
    copy.flip(page)
    report = judge(copy)
    also = ["note/00/00/00/00.txt"] if page == "charter.txt" else []
    assert_false(report, Claim.UNCHANGED, page, "holds other bytes")
    for claim in (Claim.SIGNED, Claim.COMPLETE):
        assert report.verdict(claim).state is State.NOT_CHECKED
        assert words_of(report, claim) == "it rests on a page that is not what it should be"
    assert report.bad_items() == [page, *also]


@pytest.mark.parametrize("page", ["charter.txt", "checkpoint"])
def test_where_the_log_cannot_be_judged_its_bytes_still_are(page: str) -> None:
    copy = honest().lay()
    paths = [page, "note/00/00/00/03.txt", "file/00/00/00/01/1.jpg", "tile/0/000.p/4", "index.html"]
    for path in paths:
        copy.flip(path)
    also = ["note/00/00/00/00.txt"] if page == "charter.txt" else []
    assert judge(copy).bad_items() == sorted([*paths, *also])


def test_of_notes_that_nobody_could_check_nothing_is_said_to_hold() -> None:
    copy = honest().lay()
    copy.lose("tile/entries/000.p/4")
    copy.flip("note/00/00/00/03.txt")
    report = judge(copy)
    assert report.bad_items() == ["note/00/00/00/03.txt", "tile/entries/000.p/4"]
    copy = honest().lay()
    copy.lose("tile/entries/000.p/4")
    report = judge(copy)
    assert_false(report, Claim.COMPLETE, "tile/entries/000.p/4", "is not here")
    for claim in (Claim.UNCHANGED, Claim.SIGNED):
        assert report.verdict(claim).state is State.NOT_CHECKED


# Steps 10 and 11, and the root

ANNOUNCED = [
    {"edition": 2}, {"size": 3}, {"root_hash": bytes(32)}, {"root_cid": CID.of(DAG_PB, b"")},
    {"charter": CID.of_raw(b"other")},
]  # fmt: skip


@pytest.mark.parametrize("values", ANNOUNCED)
def test_an_announcement_of_something_else_is_named(values: dict[str, object]) -> None:
    mirror = honest()
    mirror.edit_announcement = lambda made: replace(made, **values)
    copy = mirror.lay()
    report = judge(copy, announcement=copy.announcement)
    assert_false(report, Claim.SIGNED, "announcement.txt", "not this one")


def test_an_announcement_of_another_mirror_or_key_is_named() -> None:
    mirror = honest()
    mirror.edit_announcement = lambda made: replace(made, mirror="others.example")
    copy = mirror.lay()
    assert_false(judge(copy, announcement=copy.announcement), Claim.SIGNED, "announcement.txt", "of the mirror others")
    mirror = honest()
    mirror.sign_announcement = lambda text: sign_text(text, OTHER)
    copy = mirror.lay()
    assert_false(judge(copy, announcement=copy.announcement), Claim.SIGNED, "announcement.txt", "has a line by")
    assert_false(judge(copy, announcement=b""), Claim.SIGNED, "announcement.txt", "no empty line")


def test_an_announcement_is_not_called_false_where_the_edition_cannot_be_read() -> None:
    copy = honest().lay()
    copy.lose("edition.txt")
    assert judge(copy, announcement=copy.announcement).bad_items() == ["edition.txt"]


def test_another_tree_than_the_link_names_is_false() -> None:
    report = judge(honest(), expected_root=CID.of(DAG_PB, b""))
    assert any("the link names" in line for line in report.verdict(Claim.UNCHANGED).words)
    assert (report.bad_items(), report.exit_code()) == (["/"], 1)


@pytest.mark.parametrize("prefix", [b"\x12\x20", b"\x01\x55\x12\x20", b"\x01\x71\x12\x20"])
def test_a_root_that_is_no_index_hash_is_false(prefix: bytes) -> None:
    copy = honest().lay()
    root = CID(prefix + copy.root[-32:])
    copy.blocks[root] = copy.blocks[copy.root]
    copy.root = root
    report = judge(copy)
    assert_false(report, Claim.UNCHANGED, "/", "is no index hash")


# Step 1: the key


def trusting(copy: Copy, **values: object) -> Report:
    return judge(copy, Trust(**values))  # type: ignore[arg-type]


def test_whose_key_it_is_decides_between_0_and_3() -> None:
    copy, key = honest().lay(), Mirror().key.public
    assert trusting(copy, given=key).exit_code() == 0
    assert trusting(copy, given=key.ipns).exit_code() == 0
    assert trusting(copy, confirmed=lambda asked: asked == key).exit_code() == 0
    assert trusting(copy, claimed=key, confirmed=lambda asked: asked == key).exit_code() == 0
    for unsure in (Trust(), Trust(claimed=key), Trust(claimed=key.ipns), Trust(namesakes=lambda name: [key])):
        report = judge(copy, unsure)
        assert report.verdict(Claim.KEY).state is State.NOT_CHECKED
        assert words_of(report, Claim.KEY).startswith(f"you have not confirmed {key.ipns}; anyone can make a key named")
        assert "mirror trust LINK" in words_of(report, Claim.KEY)
        assert (report.exit_code(), report.key) == (3, key)


def test_a_namesake_that_was_confirmed_makes_the_key_false() -> None:
    copy, asked = honest().lay(), []
    report = judge(copy, Trust(namesakes=lambda name: asked.append(name) or [OTHER.public]))  # type: ignore[func-returns-value]
    assert set(asked) == {NAME}
    assert report.verdict(Claim.KEY).state is State.FALSE
    assert f"is not the key that you confirmed for {NAME}: that is {OTHER.public.ipns}" in words_of(report, Claim.KEY)
    assert report.exit_code() == 1
    assert trusting(copy, given=Mirror().key.public, namesakes=lambda name: [OTHER.public]).exit_code() == 0


@pytest.mark.parametrize("how", ["given", "claimed"])
@pytest.mark.parametrize("key", [OTHER.public, OTHER.public.ipns])
def test_a_mirror_of_another_key_than_was_asked_for_is_false(how: str, key: PublicKey | CID) -> None:
    report = trusting(honest().lay(), **{how: key})
    assert_false(report, Claim.SIGNED, "charter.txt", f"it is the charter of another key, {Mirror().key.public.ipns}")
    assert_false(report, Claim.SIGNED, "edition.txt", "has a line by")
    assert_false(report, Claim.SIGNED, "checkpoint", "by a known key")


def test_a_key_of_small_order_in_a_link_is_false() -> None:
    weak = CID(OTHER.public.ipns[:-32] + bytes(32))
    report = trusting(honest().lay(), claimed=weak)
    assert_false(report, Claim.SIGNED, "key", "small order")


def test_without_a_key_and_a_charter_nothing_is_said_to_hold() -> None:
    copy = honest().lay()
    copy.flip("charter.txt")
    copy.flip("index.html")
    report = trusting(copy)
    assert report.bad_items() == ["charter.txt", "index.html", "note/00/00/00/00.txt"]
    assert "the charter that should name it cannot be read" in words_of(report, Claim.KEY)
    assert all(report.verdict(claim).state is not State.HOLDS for claim in Claim)
    assert report.exit_code() == 1


# Newer versions, other runs, other sources


@pytest.mark.parametrize("page", ["edition", "charter"])
def test_a_page_of_a_newer_version_is_not_checked(page: str) -> None:
    mirror = honest()
    if page == "edition":
        mirror.sign_edition = lambda text: sign_text(text.replace("mirror/v1", "mirror/v2"), mirror.key)
    else:
        mirror.files[("charter.txt",)] = sign_text("mirror/v2 charter\n", mirror.key)
    for trust in (Trust(given=mirror.key.public), Trust(confirmed=lambda key: True)):
        report = judge(mirror, trust)
        assert report.newer == [f"{page}.txt"]
        assert report.exit_code() == 3
        assert words_of(report, Claim.COMPLETE) == f"1 item needs a newer mirror: {page}.txt"


def test_a_log_that_is_too_long_for_this_version_is_not_checked() -> None:
    mirror = honest()
    checkpoint(size=10**8 + 1)(mirror)
    edition(size=10**8 + 1)(mirror)
    report = judge(mirror)
    assert (report.newer, report.exit_code()) == (["checkpoint"], 3)
    checkpoint(size=10**8)(mirror)
    edition(size=10**8)(mirror)
    assert_false(judge(mirror), Claim.COMPLETE, "tile/entries/000", "is not in this tree")


def test_without_signatures_the_claim_is_not_checked() -> None:
    mirror = honest()
    line = sign_text("Another text.\n", mirror.key).partition(b"\n\n")[2]
    mirror.testify("Four.", sign=lambda text: f"{text}\n".encode() + line)
    assert_false(judge(mirror), Claim.SIGNED, "note/00/00/00/04.txt", f"the signature by {NAME} is not valid")
    report = judge(mirror, run=Run(signatures=False))
    assert report.verdict(Claim.SIGNED).state is State.NOT_CHECKED
    assert "signatures on testimonies were not computed" in words_of(report, Claim.SIGNED)
    assert report.verdict(Claim.UNCHANGED).state is State.HOLDS
    assert report.exit_code() == 3
    assert report.exit_code(frozenset({Claim.UNCHANGED})) == 0


@pytest.mark.parametrize("path", ["", "charter.txt", "tile/entries/000.p/4", "note/00", "note/00/00/00/02.txt", "page"])
def test_a_source_that_does_not_answer_is_no_fault_of_the_mirror(path: str) -> None:
    copy = honest().lay()
    silent = copy.paths[tuple(name for name in path.split("/") if name)].cid

    def get(cid: CID) -> bytes:
        if cid == silent:
            raise Unavailable("gateway.example did not answer")
        return copy.get(cid)

    with pytest.raises(Unavailable, match=r"gateway\.example did not answer"):
        judge(copy, get=get)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    judge(honest(), run=Run(progress=lambda done, total: told.append((done, total))))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def test_other_processes_find_the_same(executor: ProcessPoolExecutor, tmp_path: Path) -> None:
    mirror = Mirror()
    for number in range(200):
        mirror.testify(author=mirror.author.public if number % 7 == 0 else None)
    assert judge(mirror).exit_code() == 0
    for index in (3, 70, 150):
        mirror.rows[index].note = None
    mirror.testify("Wrong.", sign=lambda text: sign_text(text, OTHER))
    mirror.list_same_text(9)
    mirror.withdraw(4, 5)
    copy = mirror.lay()
    copy.flip("note/00/00/01/40.txt")
    alone, together = judge(copy), judge(copy, run=Run(executor=executor))
    assert together == alone
    assert alone.bad_indexes() == [3, 70, 140, 150, 201, 202]
    with Blocks([write_car(tmp_path, copy)]) as blocks:
        for run in (Run(), Run(executor=executor)):
            read_apart = judge(copy, run=run, get=blocks.get, source=blocks)
            assert claims_of(read_apart) == claims_of(alone)


def write_car(folder: Path, copy: Copy) -> Path:
    """The blocks as they are, whatever their names say."""
    path = folder / "copy.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        for cid, data in copy.blocks.items():
            writer.put(cid, data)
        writer.seal(copy.root)
    return path


def claims_of(report: Report) -> list[tuple[str, str, int | None]]:
    """What is false, of which item; how a block is named that is not there is its keeper's matter."""
    return sorted((each.claim.value, each.item, each.index) for each in report.faults)


class Liar:
    """Says that blocks lie where they do not, and reads something else there, or nothing."""

    def __init__(self, copy: Copy, said: int, held: bytes | None) -> None:
        self._copy, self._said, self._held = copy, said, held

    def place(self, cid: CID) -> Place | None:
        return ("nowhere", 0, len(self._copy.blocks[cid]) + self._said, cid.digest)

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        return [self._held] * len(places)


@pytest.mark.parametrize("held", [None, b"", b"other bytes", Mirror().charter])
@pytest.mark.parametrize("said", [0, 1])
def test_a_place_that_does_not_hold_a_note_says_nothing_of_it(held: bytes | None, said: int) -> None:
    copy = honest().lay()
    assert judge(copy, source=Liar(copy, said, held)) == judge(copy)
    copy.flip("note/00/00/00/02.txt")
    assert judge(copy, source=Liar(copy, said, held)) == judge(copy)


def test_many_faults_are_all_named() -> None:
    copy = honest().lay()
    paths = ["note/00/00/00/01.txt", "note/00/00/00/03.txt", "file/00/00/00/01/1.jpg", "index.html", "style.css"]
    for path in paths[:2]:
        copy.flip(path)
    for path in paths[2:]:
        copy.lose(path)
    report = judge(copy)
    assert report.bad_items() == sorted(paths)
    assert report.bad_indexes() == [1, 3]


def test_a_missing_first_block_is_said_to_be_missing() -> None:
    copy = honest().lay()
    copy.lose("/")
    report = judge(copy)
    assert_false(report, Claim.COMPLETE, "/", "is not here")
    assert report.verdict(Claim.SIGNED).state is State.NOT_CHECKED
