"""What was withdrawn is in no byte that is kept: no page of any edition, no list, no cache, no copy, no node."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from holders import MemoryNode
from test_pin import pushed
from workbench import Bench

from mirror import carry, tree
from mirror.audit import Evidence, Run
from mirror.carry_back import fill_in
from mirror.edition import Edition
from mirror.follow_drop import drop
from mirror.formats.cid import CID
from mirror.intake.drafts import Options
from mirror.pin_look import Ours
from mirror.pin_withdrawn import remove_withdrawn
from mirror.site import places
from mirror.store import archive as archives
from mirror.store.archive import Archive
from mirror.tree_pages import pages_held
from mirror.trust import Trust
from mirror.verdict import Claim, Report, State
from mirror.verify import verify
from mirror.withdraw import finish

MARKS = (b"HIDDEN-TEXT", b"HIDDEN-TITLE", b"hidden-tag", b"hidden-file", b"HIDDEN-WARNING", b"HIDDEN-VERSION")
HIDDEN = 2
VERSION = 5


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Six editions: #2 is to be withdrawn, and #5, which replaces it; between and after them lie others."""
    made = Bench(tmp_path, room=True)
    (made.folder / "hidden-file.bin").write_bytes(b"HIDDEN-TEXT in a file")
    made.publish(made.write("1.md", "Told first.", title="First", tags=["work"]))
    hidden = made.write(
        "2.md", "HIDDEN-TEXT", title="HIDDEN-TITLE", warning="HIDDEN-WARNING", tags=["work", "hidden-tag"],
        attachments=["hidden-file.bin"],
    )  # fmt: skip
    made.publish(hidden, options=Options(language="en", keep_metadata=("hidden-file.bin",)))
    made.publish(made.write("3.md", "Told third.", title="Third", tags=["work"]))
    made.publish(made.write("4.md", "Told fourth.", title="Fourth", language="mk"))
    cid = str(made.head.entry(HIDDEN).cid)
    made.publish(made.write("5.md", "HIDDEN-VERSION", tags=["work"], replaces=cid))
    yield made
    made.workspace.archive.close()


def marks_in(*folders: Path) -> set[bytes]:
    """Which of the words stand in any file, whatever file it is."""
    found: set[bytes] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            data = path.read_bytes() if path.is_file() else b""
            found.update(mark for mark in MARKS if mark in data or mark.decode() in path.name)
    return found


def kept(bench: Bench) -> set[bytes]:
    """In the whole workspace, caches and all."""
    return marks_in(bench.workspace.home)


@pytest.fixture
def keeper(bench: Bench, tmp_path: Path) -> Iterator[Archive]:
    """A keeper's copy of all six editions."""
    bench.workspace.archive.close()
    shutil.copytree(bench.workspace.archive.folder, tmp_path / "keeper" / "archive")
    with Archive(tmp_path / "keeper" / "archive") as archive:
        yield archive


NAMES_OF_FILES = {b"hidden-file"}
"""What stands in folders, which a keeper who leaves something out keeps (`mirror.follow_drop`)."""


def report(archive: Archive, bench: Bench) -> Report:
    evidence = Evidence("a copy", archive.head(), archive.get)
    return verify(evidence, Trust(given=bench.key.public), Run())


def test_the_words_are_there_before(bench: Bench) -> None:
    assert kept(bench) == set(MARKS)
    pages = [bench.head.tree.read(path) for path in (places.FRONT, places.page(0), places.language("en", 0))]
    assert all(b"HIDDEN-TITLE" in page for page in pages)
    assert bench.head.tree.find(places.tag("hidden-tag", 0)) is not None


def test_no_byte_of_it_stays_with_the_publisher(bench: Bench) -> None:
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    assert kept(bench) == set()
    assert bench.head.tree.find(places.tag("hidden-tag", 0)[:3]) is None
    assert bench.verify().exit_code() == 0
    bench.publish(bench.write("6.md", "Told sixth.", tags=["work"]))
    assert kept(bench) == set()
    assert bench.verify().exit_code() == 0


def test_what_is_not_withdrawn_stays_on_its_pages(bench: Bench) -> None:
    bench.prepare()
    bench.withdraw(VERSION)
    assert kept(bench) == set(MARKS) - {b"HIDDEN-VERSION"}
    assert b"HIDDEN-TITLE" in bench.head.tree.read(places.page(0))


def test_only_pages_that_the_newest_tree_uses_are_left(bench: Bench) -> None:
    bench.prepare()
    bench.withdraw(HIDDEN)
    archive = bench.workspace.archive
    used = set(tree.reach(bench.head.root, archive.blocks.get))
    lying = {cid for cid in pages_held(archive) if cid in archive.blocks}
    assert lying <= used
    assert lying


def test_a_room_that_is_given_up_leaves_with_the_next_withdrawal(bench: Bench) -> None:
    bench.room = False
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    bench.workspace.catalogue_path.unlink()  # as the command line does where mirror.toml wants no room
    assert kept(bench) == set()


def test_a_catalogue_that_somebody_holds_open_goes_too(bench: Bench) -> None:
    bench.prepare()
    holder = sqlite3.connect(bench.workspace.catalogue_path)
    holder.execute("BEGIN EXCLUSIVE")
    bench.withdraw(HIDDEN, VERSION)
    holder.close()
    assert kept(bench) == set()


@pytest.mark.parametrize("file", range(5))
def test_wherever_it_is_cut_off_the_next_run_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch, file: int) -> None:
    rewrite, done = archives._rewrite, []

    def rewrite_some(path: Path, without: set[CID]) -> None:
        if len(done) == file:
            raise Stopped
        done.append(path)
        rewrite(path, without)

    bench.prepare()
    monkeypatch.setattr(archives, "_rewrite", rewrite_some)
    with pytest.raises(Stopped):
        bench.withdraw(HIDDEN, VERSION)
    assert kept(bench) != set()
    monkeypatch.undo()
    bench.prepare()
    assert finish(bench.publisher, bench.workspace.archive)
    assert kept(bench) == set()
    assert bench.verify().exit_code() == 0


def test_a_withdrawal_that_never_took_effect_changes_no_edition(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.head.root
    bench.prepare()

    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(archives.NewEdition, "seal", stop)
        with pytest.raises(Stopped):
            bench.withdraw(HIDDEN, VERSION)
    bench.prepare()
    assert finish(bench.publisher, bench.workspace.archive) == 0
    assert (bench.head.root, bench.verify().exit_code()) == (before, 0)
    bench.withdraw(HIDDEN, VERSION)
    assert kept(bench) == set()


def test_keepers_who_follow_lose_it_too(bench: Bench, keeper: Archive) -> None:
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    carry.bring_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert marks_in(keeper.folder) == set()
    assert report(keeper, bench).exit_code() == 0


def test_a_keeper_who_was_cut_off_goes_on(bench: Bench, keeper: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)

    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_rewrite", stop)
        with pytest.raises(Stopped):
            carry.bring_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert marks_in(keeper.folder) == set(MARKS)
    assert carry.finish(keeper)
    assert marks_in(keeper.folder) == set()


def test_an_older_copy_brings_no_page_back(bench: Bench, keeper: Archive) -> None:
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    archive = bench.workspace.archive
    filled = fill_in(archive, keeper.head(), keeper.blocks.get)
    assert (filled.blocks, filled.skipped) == (0, (HIDDEN, VERSION))
    for path in list(archive.editions().values())[:4]:
        path.unlink()
    archive.refresh()
    assert fill_in(archive, keeper.head(), keeper.blocks.get).blocks > 0
    assert kept(bench) == set()
    assert bench.verify().exit_code() == 0


def test_what_a_keeper_leaves_out_is_on_no_page_of_hers(bench: Bench, keeper: Archive) -> None:
    assert drop(keeper, [HIDDEN, VERSION]) > 0
    assert marks_in(keeper.folder) <= NAMES_OF_FILES
    found = report(keeper, bench)
    assert (found.exit_code(), found.faults, found.not_held) == (3, [], {HIDDEN, VERSION})
    assert found.pages_not_held > 0
    assert found.verdict(Claim.COMPLETE).state is State.NOT_CHECKED
    edition = Edition(keeper.head(), keeper.get)
    assert b"Fourth" in edition.tree.read(places.language("mk", 0))
    assert keeper.get(edition.tree.link(places.STYLE).cid)


def test_the_next_edition_does_not_show_what_a_keeper_left_out(bench: Bench, keeper: Archive) -> None:
    drop(keeper, [HIDDEN, VERSION])
    bench.publish(bench.write("6.md", "Told sixth.", tags=["work"]))
    edition, _ = carry.bring_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert edition.number == bench.head.number
    assert marks_in(keeper.folder) <= NAMES_OF_FILES
    found = report(keeper, bench)
    assert (found.exit_code(), found.faults, found.not_held) == (3, [], {HIDDEN, VERSION})


def test_pages_come_back_with_what_was_left_out(bench: Bench, keeper: Archive) -> None:
    drop(keeper, [HIDDEN, VERSION])
    fill_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert report(keeper, bench).exit_code() == 0
    assert keeper.left_out == frozenset()


def test_what_an_author_took_back_does_not_come_back(bench: Bench, keeper: Archive) -> None:
    drop(keeper, [HIDDEN, VERSION], withdrawn=True)
    fill_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert marks_in(keeper.folder) <= NAMES_OF_FILES
    bench.publish(bench.write("6.md", "Told sixth.", tags=["work"]))
    carry.bring_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert marks_in(keeper.folder) <= NAMES_OF_FILES
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    carry.bring_in(keeper, bench.head.root, bench.workspace.archive.blocks.get)
    assert marks_in(keeper.folder) == set()
    assert report(keeper, bench).exit_code() == 0


def test_a_liar_who_says_to_have_left_out_all_pages_is_not_believed_whole(bench: Bench, keeper: Archive) -> None:
    head = Edition(keeper.head(), keeper.get)
    pages = [head.tree.link(places.page(0)).cid, head.tree.link(places.FRONT).cid]
    keeper.set_left_out(pages)
    keeper.set_dropping(pages)
    carry.finish(keeper)
    found = report(keeper, bench)
    assert found.verdict(Claim.COMPLETE).words == ("not held by this keeper: 2 pages",)
    assert found.exit_code() == 3


def marks_on(node: MemoryNode) -> set[bytes]:
    return {mark for mark in MARKS for block in node.blocks.values() if mark in block}


def test_pages_leave_a_node_with_what_they_showed(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    bench.publish(bench.write("6.md", "Told sixth.", tags=["work"]))
    pushed(bench, node)
    assert marks_on(node) == set(MARKS)
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    pushed(bench, node)
    found = remove_withdrawn(node, Ours(bench.workspace.archive))
    assert found is not None
    assert (found.indexes, found.kept) == ((HIDDEN, VERSION), {})
    assert found.pages > 0
    assert marks_on(node) == set()
    used = set(tree.reach(bench.head.root, bench.workspace.archive.blocks.get))
    assert used <= set(node.blocks)
    assert remove_withdrawn(node, Ours(bench.workspace.archive)) is None


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_a_node_that_was_cut_off_between_two_pages_loses_the_rest(bench: Bench, count: int) -> None:
    node, order = MemoryNode(), list[CID]()
    pushed(bench, node)
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    pushed(bench, node)
    kept, honest = dict(node.blocks), node.remove
    node.remove = lambda cids: order.extend(cids) or honest(cids)  # type: ignore[method-assign, func-returns-value]
    remove_withdrawn(node, Ours(bench.workspace.archive))
    node.blocks = {cid: block for cid, block in kept.items() if cid not in order[:count]}
    remove_withdrawn(node, Ours(bench.workspace.archive))
    assert marks_on(node) == set()


def test_an_older_edition_that_somebody_pinned_keeps_its_pages_and_is_named(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    by_hand = bench.head.root
    bench.prepare()
    bench.withdraw(HIDDEN, VERSION)
    pushed(bench, node)
    node.pin_by_hand(by_hand, "by hand")
    found = remove_withdrawn(node, Ours(bench.workspace.archive))
    assert found is not None
    assert found.pins == (("by hand", by_hand),)
    assert found.kept


@pytest.fixture
def rare(tmp_path: Path) -> Iterator[Bench]:
    """Two testimonies with a tag that nobody else has, and so many behind them that no front page lists the two."""
    made = Bench(tmp_path, room=True)
    texts = [made.write(f"{number}.md", f"Told as {number}.", tags=["hidden-tag"]) for number in (1, 2)]
    made.publish(*texts, *(made.write(f"{number}.md", f"Told as {number}.", tags=["work"]) for number in range(3, 40)))
    yield made
    made.workspace.archive.close()


@pytest.fixture
def keeper_of_rare(rare: Bench, tmp_path: Path) -> Iterator[Archive]:
    rare.workspace.archive.close()
    shutil.copytree(rare.workspace.archive.folder, tmp_path / "keeper" / "archive")
    with Archive(tmp_path / "keeper" / "archive") as archive:
        yield archive


def test_a_tag_of_those_left_out_alone_is_on_no_page_though_they_go_one_after_the_other(
    keeper_of_rare: Archive,
) -> None:
    drop(keeper_of_rare, [1])
    assert marks_in(keeper_of_rare.folder) == {b"hidden-tag"}  # the other one's
    drop(keeper_of_rare, [2])
    assert marks_in(keeper_of_rare.folder) == set()


def test_a_tag_of_those_left_out_alone_does_not_come_back_with_the_next_edition(
    rare: Bench, keeper_of_rare: Archive
) -> None:
    drop(keeper_of_rare, [1, 2])
    assert marks_in(keeper_of_rare.folder) == set()
    rare.publish(rare.write("40.md", "Told as 40.", tags=["work"]))

    def get(cid: CID) -> bytes:  # as whoever follows reads: what is left out is not asked for
        here = cid in keeper_of_rare.left_out or cid in keeper_of_rare.blocks
        return keeper_of_rare.get(cid) if here else rare.workspace.archive.blocks.get(cid)

    carry.bring_in(keeper_of_rare, rare.head.root, get)
    assert marks_in(keeper_of_rare.folder) == set()
    edition = Edition(keeper_of_rare.head(), keeper_of_rare.get)
    assert b"Told as 40." in edition.tree.read(places.page_of(40))
