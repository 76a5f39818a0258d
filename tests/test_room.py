"""The reading room in the tree: the same however it was reached, and laid anew only where it changed."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workbench import ENGLISH, Bench

from mirror import tree
from mirror.formats.cid import CID
from mirror.publish import Published
from mirror.site import places
from mirror.site.words import LANGUAGES
from mirror.tree import Path as TreePath
from mirror.withdraw import by_publisher, withdraw

TAGS = ["work", "школа", "سفر"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, room=True)
    yield made
    made.workspace.archive.close()


def room_of(bench: Bench, root: CID | None = None) -> dict[TreePath, CID]:
    """Every page of an edition by its path."""
    get = bench.workspace.archive.blocks.get
    top = tree.Tree(root or bench.head.root, get)
    found: dict[TreePath, CID] = {}
    for name, link in top.entries(top.root).items():
        if name in tree.READING_ROOM:
            walked = tree.walk(link, get, lambda path, error: pytest.fail(f"{path}: {error.message}"), (name,))
            found.update((each.path, each.link.cid) for each in walked)
    return found


def read(bench: Bench, path: TreePath) -> str:
    return bench.head.tree.read(path).decode()


def publish(bench: Bench, *numbers: int, **front: object) -> Published:
    """One edition with these testimonies."""
    bench.prepare()
    plan = bench.plan(*(bench.write(f"{each}.md", f"Told as number {each}.", **front) for each in numbers))
    return bench.carry_out(plan)


def changed(bench: Bench, before: dict[TreePath, CID]) -> set[TreePath]:
    """What was laid anew, came or went."""
    after = room_of(bench)
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def fronts() -> set[TreePath]:
    """What every edition changes."""
    return {places.FRONT, places.FEED, *(places.front(tag) for tag in LANGUAGES)}


def forget_everything(bench: Bench) -> None:
    """As on another machine, to which the archive was carried: no cache."""
    bench.workspace.archive.close()
    for path in (bench.workspace.home / "cache").glob("catalogue*"):
        path.unlink()


def test_a_mirror_is_founded_with_its_room(bench: Bench) -> None:
    assert set(room_of(bench)) == fronts() | {places.page(0), places.STYLE, places.VERIFIER}
    assert "We gather testimonies." in read(bench, places.FRONT)
    assert bench.verify().counts.pages > 0


def test_one_more_changes_its_page_its_lists_and_the_fronts(bench: Bench) -> None:
    publish(bench, 1, tags=TAGS, title="The first")
    before = room_of(bench)
    published = publish(bench, 2, tags=TAGS, title="The second")
    lists = {places.language("en", 0), *(places.tag(tag, 0) for tag in TAGS)}
    assert changed(bench, before) == fronts() | lists | {places.page(0)}
    assert published.new_blocks < 60
    for path in (*lists, places.FRONT):
        assert "The first" in read(bench, path)
        assert "The second" in read(bench, path)
    assert "Told as number 2." in read(bench, places.page(0))
    assert bench.verify().exit_code() == 0


def test_a_full_page_never_changes_for_what_comes_after_it(bench: Bench) -> None:
    publish(bench, *range(1, 32), tags=["work"])
    full = room_of(bench)
    assert places.page(1) in full  # what leads on from the full page is there
    publish(bench, *range(32, 34), tags=["work"])
    assert places.page(0) not in changed(bench, full)
    then = room_of(bench)
    publish(bench, *range(34, 100), tags=["work"])
    lists = {places.tag("work", 0), places.language("en", 0), places.page(0), places.page(1)}
    assert changed(bench, then).isdisjoint(lists - {places.page(1)})
    assert bench.verify().exit_code() == 0


def test_a_translation_changes_the_page_of_what_it_translates(bench: Bench) -> None:
    publish(bench, *range(1, 70))
    before = room_of(bench)
    original = bench.head.entry(3).cid
    bench.publish(
        bench.write("mk.md", "Раскажано.", language="mk", translation_of=str(original), translator="human"),
    )
    pages = {path for path in changed(bench, before) if path[0] == "page"}
    assert pages == {places.page(0), places.page(2)}
    assert '#70"' in read(bench, places.page(0))
    assert '#3"' in read(bench, places.page(2))


def test_a_withdrawal_changes_its_page_and_the_rest_of_its_lists(bench: Bench) -> None:
    publish(bench, *range(1, 100), tags=["work"])
    bench.publish(bench.write("alone.md", "Told alone.", title="Alone", tags=["rare"]))
    before = room_of(bench)
    bench.withdraw(40, 100)
    pages = {path for path in changed(bench, before) if path[0] == "page"}
    assert pages == {places.page(1), places.page(3)}
    assert places.tag("work", 0) not in changed(bench, before)
    assert {places.tag("work", 1), places.tag("work", 2), places.tag("work", 3)} <= changed(bench, before)
    assert places.tag("rare", 0) in before.keys() - room_of(bench).keys()
    assert bench.head.tree.find(places.tag("rare", 0)[:3]) is None
    assert "rare" not in read(bench, places.FRONT)
    assert bench.verify().exit_code() == 0


def test_an_edition_without_a_new_entry_changes_the_fronts_alone(bench: Bench) -> None:
    publish(bench, 1)
    before = room_of(bench)
    bench.prepare()
    bench.publisher.write_edition()
    assert changed(bench, before) == fronts() - {places.FEED}
    assert bench.verify().exit_code() == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 40), st.sets(st.sampled_from(TAGS))),
        st.tuples(st.just("translate"), st.integers(0, 100), st.sets(st.sampled_from(TAGS))),
        st.tuples(st.just("replace"), st.integers(0, 100), st.sets(st.sampled_from(TAGS))),
        st.tuples(st.just("withdraw"), st.integers(0, 100), st.just(set())),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_the_room_is_the_same_however_it_was_reached(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, set[str]]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("room"), room=True)
    for step, (what, number, tags) in enumerate(steps):
        bench.prepare()
        take_step(bench, step, what, number, sorted(tags))
    laid = room_of(bench)
    assert laid == laid_at_once(bench)
    bench.workspace.archive.close()


def take_step(bench: Bench, step: int, what: str, number: int, tags: list[str]) -> None:
    live = [index for index in range(1, bench.head.size) if bench.head.holds(index) and is_testimony(bench, index)]
    if what == "publish" or not live:
        names = [bench.write(f"{step}-{each}.md", f"Told {step} {each}.", tags=tags) for each in range(number % 41)]
        plan = bench.plan(*names)
        if names:
            bench.carry_out(plan)
    elif what == "withdraw":
        wanted = by_publisher(bench.head, (live[number % len(live)],))
        withdraw(bench.publisher, bench.workspace.archive, bench.key, wanted, reason="safety", day=None)
    else:
        cid = str(bench.head.entry(live[number % len(live)]).cid)
        front = {"translation_of": cid, "translator": "human"} if what == "translate" else {"replaces": cid}
        bench.carry_out(bench.plan(bench.write(f"{step}.md", f"Told {what} {step}.", tags=tags, **front)))


def is_testimony(bench: Bench, index: int) -> bool:
    return bench.head.entry(index).withdrawal is not None


def laid_at_once(bench: Bench) -> dict[TreePath, CID]:
    """The room of the same notes, laid by one who has the archive and nothing else: as of the next edition's number."""
    here = room_of(bench)
    forget_everything(bench)
    bench.prepare()
    bench.publisher.write_edition()
    again = room_of(bench)
    numbered = fronts() - {places.FEED}
    assert {path: cid for path, cid in again.items() if path in numbered} != {
        path: cid for path, cid in here.items() if path in numbered
    }
    return {path: here[path] if path in numbered and path in here else cid for path, cid in again.items()}


def test_a_catalogue_that_is_damaged_or_of_another_tree_is_made_anew(bench: Bench) -> None:
    publish(bench, 1, tags=TAGS)
    catalogue = bench.workspace.catalogue_path
    old = catalogue.read_bytes()
    publish(bench, 2, tags=TAGS)
    for content in (b"no database at all", old[: len(old) // 2], old, b""):
        catalogue.write_bytes(content)
        publish(bench, 3 + len(content), tags=TAGS)
        assert room_of(bench) == laid_at_once(bench)
        assert bench.verify().exit_code() == 0


def test_a_catalogue_that_contradicts_itself_is_made_anew(bench: Bench) -> None:
    publish(bench, 1, tags=TAGS)
    with sqlite3.connect(bench.workspace.catalogue_path) as file:
        file.execute("INSERT INTO entries (at, kind, cid) VALUES (2, 'testimony', x'00')")
    publish(bench, 2, tags=TAGS)
    file.close()
    assert "Told as number 2." in read(bench, places.page(0))
    assert room_of(bench) == laid_at_once(bench)


def test_a_catalogue_that_cannot_be_used_is_done_without(bench: Bench) -> None:
    publish(bench, 1, tags=TAGS)
    holder = sqlite3.connect(bench.workspace.catalogue_path)
    holder.execute("BEGIN EXCLUSIVE")
    publish(bench, 2, tags=TAGS)
    holder.close()
    assert room_of(bench) == laid_at_once(bench)
    forget_everything(bench)
    bench.workspace.catalogue_path.mkdir()
    publish(bench, 3, tags=TAGS)
    bench.workspace.catalogue_path.rmdir()
    assert room_of(bench) == laid_at_once(bench)


def test_a_mirror_without_a_room_gets_all_of_it_and_may_lose_it_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    publish(bench, *range(1, 40), tags=TAGS)
    assert room_of(bench) == {}
    bench.room = True
    publish(bench, 40, tags=TAGS)
    assert places.page(1) in room_of(bench)
    assert room_of(bench) == laid_at_once(bench)
    bench.workspace.settings_path.write_text("reading_room = false\n")
    bench.prepare()
    bench.publisher.write_edition()
    assert room_of(bench) == {}
    assert not bench.workspace.catalogue_path.exists()
    bench.workspace.archive.close()


def test_what_the_publisher_chose_is_on_all_pages(bench: Bench) -> None:
    publish(bench, *range(1, 40))
    before = room_of(bench)
    lines = ['leave = "https://weather.example/"', "[support]", f"en = {json.dumps('Somebody listens: 0000')}"]
    bench.workspace.settings_path.write_text("\n".join(lines))
    bench.prepare()
    bench.publisher.write_edition()
    pages = {path for path in before if path[-1].endswith(".html") and path != places.VERIFIER}
    assert pages <= changed(bench, before)
    assert all("https://weather.example/" in read(bench, path) for path in pages)
    assert "Somebody listens: 0000" in read(bench, places.FRONT)


def test_other_processes_lay_the_same(bench: Bench) -> None:
    paths = [bench.write(f"{number}.md", f"Told as number {number}.", tags=TAGS) for number in range(300)]
    bench.prepare()
    with ThreadPoolExecutor(2) as executor:
        plan = bench.plan(*paths, options=ENGLISH)
        bench.carry_out(plan, executor=executor)
    assert room_of(bench) == laid_at_once(bench)


def lose(bench: Bench, index: int) -> bytes:
    """Take a note out of the archive's files, as a disk does; its bytes."""
    archive, cid = bench.workspace.archive, bench.head.entry(index).cid
    data = archive.blocks.get(cid)
    archive.set_dropping([cid])
    archive.finish_dropping(lambda: ())
    return data


@pytest.mark.parametrize("is_known", [True, False])
def test_a_note_that_is_lost_is_said_to_be_missing(bench: Bench, is_known: bool) -> None:
    publish(bench, 1, 2)
    lose(bench, 1)
    if not is_known:
        forget_everything(bench)
    publish(bench, 3)
    page = read(bench, places.page(0))
    assert "Told as number 1." not in page
    assert "Told as number 2." in page
    assert "Told as number 3." in page


def test_nobody_waits_for_a_lost_note_of_others_to_be_withdrawn(bench: Bench) -> None:
    publish(bench, 1, 2, 3)
    lose(bench, 1)
    bench.prepare()
    bench.withdraw(2)
    page = read(bench, places.page(0))
    assert "Told as number 2." not in page
    assert "Told as number 3." in page


def test_a_lost_note_that_came_back_is_on_its_page_again(bench: Bench) -> None:
    publish(bench, 1, 2)
    data = lose(bench, 1)
    publish(bench, 3)
    bench.prepare()
    with bench.workspace.archive.new_edition(99) as found:
        found.put(CID.of_raw(data), data)
        found.seal(bench.head.root)
    bench.workspace.archive.refresh()
    bench.publisher.write_edition()
    assert "Told as number 1." in read(bench, places.page(0))
    assert bench.verify().exit_code() == 0


def test_letters_that_change_in_the_catalogue_come_on_no_page(bench: Bench) -> None:
    publish(bench, 1, title="The title", tags=TAGS)
    catalogue = bench.workspace.catalogue_path
    catalogue.write_bytes(catalogue.read_bytes().replace(b"The title", b"The titlf"))
    publish(bench, 2, tags=TAGS)
    assert "The titlf" not in read(bench, places.tag("work", 0))
    assert room_of(bench) == laid_at_once(bench)
