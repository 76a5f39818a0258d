"""An edition without a new entry: the same log, the next number. Everyone takes it for what it is."""

import copy
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from holders import MemoryNode
from workbench import Bench

from mirror import carry, follow, pin_look, tree
from mirror.audit import Evidence, Run
from mirror.errors import Refused
from mirror.follow import Offer
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.formats.unixfs import Link, Put
from mirror.naming import check_newest, is_current, open_heard, sign_name
from mirror.publish import Published, Publisher, Room
from mirror.store.archive import Archive, root_of
from mirror.store.workspace import Workspace
from mirror.tree import Change, Laid
from mirror.trust import Seen, Trust
from mirror.verdict import Claim, State
from mirror.verify import verify


def lines_of(bench: Bench) -> bytes:
    """What outside clocks date: the checkpoint without its signature."""
    return bench.head.signed_checkpoint.split(b"\n\n")[0] + b"\n"


def again(bench: Bench) -> Published:
    """One more edition of the same log."""
    bench.prepare()
    return bench.publisher.write_edition()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Edition 2: a charter and a testimony."""
    made = Bench(tmp_path)
    made.publish(made.write("1.md", "Told first."))
    yield made
    made.workspace.archive.close()


@pytest.fixture
def behind(bench: Bench, tmp_path: Path) -> Iterator[Archive]:
    """A copy of edition 2, which stays behind."""
    bench.workspace.archive.close()
    shutil.copytree(bench.workspace.archive.folder, tmp_path / "behind")
    with Archive(tmp_path / "behind") as archive:
        yield archive


def test_an_anchor_alone_makes_an_edition_of_the_same_log(bench: Bench) -> None:
    before, lines = bench.head, lines_of(bench)
    place = (tree.ANCHOR, *tree.number_path(2), "checkpoint.txt")

    def anchors(put: Put) -> Iterator[Change]:
        put(CID.of_raw(lines), lines)
        yield tree.leaf(place, lines)

    bench.prepare()
    published = bench.publisher.write_edition(anchors=anchors)
    assert (published.edition, published.size, published.new_blocks) == (3, 2, 8)
    assert bench.head.signed_checkpoint == before.signed_checkpoint
    assert bench.head.tree.read(place) == lines
    same = (tree.NOTE, tree.TILE, tree.CHARTER)
    assert all(bench.head.tree.link((name,)) == before.tree.link((name,)) for name in same)
    bench.publish(bench.write("2.md", "Told second."))
    assert (bench.head.number, bench.head.size) == (4, 3)
    assert bench.head.tree.read(place) == lines


def test_nothing_at_all_makes_an_edition_too(bench: Bench) -> None:
    published = again(bench)
    assert (published.edition, published.size, published.new_blocks) == (3, 2, 2)
    assert bench.verify().edition == 3
    assert bench.prepare() == []
    bench.publish(bench.write("2.md", "Told second."))
    assert (bench.verify().edition, bench.head.size) == (4, 3)


def test_a_run_that_was_cut_off_before_its_head_is_adopted(bench: Bench) -> None:
    archive = bench.workspace.archive
    head = archive.head_path.read_bytes()
    recorded = bench.record.path(bench.key.public).read_bytes()
    again(bench)
    archive.head_path.write_bytes(head)
    bench.record.path(bench.key.public).write_bytes(recorded)
    assert bench.prepare() == ["adopted edition 3, which an interrupted run had written whole"]
    assert bench.verify().edition == 3


def test_who_saw_the_edition_before_sees_it_continued(bench: Bench) -> None:
    before = bench.head
    seen = Seen(before.number, before.root, before.checkpoint, before.signed_checkpoint)
    again(bench)
    archive = bench.workspace.archive

    def report(root: CID, seen: Seen) -> tuple[State, int]:
        trust = Trust(given=bench.key.public, seen=lambda key: seen)
        found = verify(Evidence("the archive", root, archive.blocks.get), trust, Run())
        return found.verdict(Claim.APPEND_ONLY).state, found.exit_code()

    assert report(bench.head.root, seen) == (State.HOLDS, 0)
    newest = Seen(3, bench.head.root, bench.head.checkpoint, bench.head.signed_checkpoint)
    assert report(before.root, newest) == (State.NOT_CHECKED, 3)
    assert report(bench.head.root, newest) == (State.HOLDS, 0)


def test_a_keepers_copy_is_brought_to_it(bench: Bench, behind: Archive) -> None:
    again(bench)
    edition, count = carry.bring_in(behind, bench.head.root, bench.workspace.archive.blocks.get)
    assert (edition.number, edition.size, count) == (3, 2, 2)
    with pytest.raises(Refused, match=r"^edition 3 is here already$"):
        carry.bring_in(behind, bench.head.root, bench.workspace.archive.blocks.get)


class Source:
    """Whoever has the publisher's blocks."""

    who = "the publisher"

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def get(self, cid: CID) -> bytes:
        return self._archive.blocks.get(cid)

    def fetch(self, root: CID, near: follow.Near) -> None:
        assert root not in near


def test_it_is_followed_and_nobody_is_led_back(bench: Bench, behind: Archive) -> None:
    before, archive = bench.head, bench.workspace.archive
    again(bench)
    source = Source(bench.workspace.archive)
    offers = [Offer(source, before.root), Offer(source, bench.head.root)]
    choice = follow.choose(behind, offers, None)
    assert (choice.newest.number, choice.contradiction) == (3, None)
    assert choice.shown is not None
    taken = follow.take(behind, choice.shown, lambda root, get: True, lambda edition, leaving: None)
    assert taken is not None
    assert taken[0].root == bench.head.root
    assert follow.choose(behind, offers[:1], None).shown is None
    archive.close()


def test_a_node_that_has_it_is_ahead_and_not_on_another_history(bench: Bench, tmp_path: Path) -> None:
    bench.workspace.archive.close()
    shutil.copytree(bench.workspace.home, tmp_path / "ahead")
    ahead = copy.copy(bench)
    ahead.workspace = Workspace(tmp_path / "ahead")
    again(ahead)
    node = MemoryNode()
    for path in ahead.workspace.archive.editions().values():
        with path.open("rb") as file:
            node.send(file, path.stat().st_size, lambda done, total: None)
    node.pin(ahead.head.root, bench.head.key.name, instead_of=None)
    with Archive(bench.workspace.archive.folder) as archive:
        found = pin_look.look(node, pin_look.Ours(archive))
    assert ([each.number for each in found.later], found.contrary) == ([3], ())
    assert [each.number for each in pin_look.look(node, pin_look.Ours(ahead.workspace.archive)).editions] == [3]
    ahead.workspace.archive.close()


def test_the_name_leads_on_to_it(bench: Bench) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    before = bench.head
    old = sign_name(before, bench.key, now.date())
    again(bench)
    assert not is_current(old, bench.head, now)
    data = sign_name(bench.head, bench.key, now.date())
    assert is_current(data, bench.head, now)
    heard = open_heard("a router", data, bench.head.key.ipns, now)
    with pytest.raises(Refused, match=r"^a router shows that edition 3 was named"):
        check_newest([heard], before)


# What lays the pages


def laying(pages: Mapping[str, bytes], seen: list[Laid]) -> Room:
    def room(laid: Laid) -> dict[str, Link]:
        seen.append(laid)
        for data in pages.values():
            laid.put(CID.of_raw(data), data)
        return {name: tree.link_to((name,), data) for name, data in pages.items()}

    return room


def with_room(bench: Bench, pages: Mapping[str, bytes]) -> list[Laid]:
    bench.prepare()
    seen: list[Laid] = []
    room = laying(pages, seen)
    archive = bench.workspace.archive
    bench.publisher = Publisher(archive, bench.key, bench.record, bench.chance, room=room)
    return seen


def test_a_room_is_laid_from_what_is_new_and_old_and_goes_with_who_lays_it(bench: Bench) -> None:
    seen = with_room(bench, {"index.html": b"a page", "style.css": b"a style"})
    plan = bench.plan(bench.write("2.md", "Told second."))
    bench.carry_out(plan)
    assert bench.head.tree.read(("index.html",)) == b"a page"
    assert bench.verify().counts.pages == 2
    (laid,) = seen
    assert (laid.number, laid.day, laid.checkpoint) == (3, None, bench.head.checkpoint)
    assert laid.old == root_of(bench.workspace.archive.edition_path(2))
    assert set(laid.top) == {tree.CHARTER, tree.NOTE, tree.TILE}
    assert laid.before[tree.NOTE] != laid.top[tree.NOTE]
    bench.prepare()
    bench.publisher.write_edition()
    assert bench.head.tree.find(("index.html",)) is None
    assert bench.verify().counts.pages == 0


def test_a_room_reads_the_notes_that_are_being_written(bench: Bench) -> None:
    read: list[bytes] = []

    def room(laid: Laid) -> dict[str, Link]:
        link = laid.top[tree.NOTE]
        for found in tree.walk(link, laid.get, lambda path, error: pytest.fail(error.message)):
            read.append(laid.get(found.link.cid))
        page = b"%d notes" % len(read)
        laid.put(CID.of_raw(page), page)
        assert laid.get(CID.of_raw(page)) == page
        return {"index.html": tree.link_to(("index.html",), page)}

    bench.prepare()
    archive = bench.workspace.archive
    bench.publisher = Publisher(archive, bench.key, bench.record, bench.chance, room=room)
    bench.carry_out(bench.plan(bench.write("2.md", "Told second."), bench.write("3.md", "Told third.")))
    assert [b"Told" in note for note in read] == [False, True, True, True]
    assert bench.head.tree.read(("index.html",)) == b"4 notes"
    with bench.car.open("rb") as file:
        listed = [section.cid for section in car.sections(file)]
    assert len(listed) == len(set(listed))


def test_a_room_lays_nothing_else(bench: Bench) -> None:
    with_room(bench, {"charter.txt": b"another charter"})
    before = bench.files()
    with pytest.raises(Refused, match=r"^charter\.txt is no name in a reading room$"):
        bench.publisher.write_edition()
    assert bench.files() == before
