"""An older copy gives back what an archive lacks or has damaged, never what was withdrawn, never another log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workbench import Bench

from mirror import tree
from mirror.carry_back import Filled, fill_in, is_older
from mirror.errors import Forked, MirrorError, Unverified
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.intake.drafts import Options
from mirror.store.archive import Archive

Copied = tuple[CID, dict[CID, bytes]]


def copy_of(bench: Bench) -> Copied:
    """The newest edition's tree, as a good copy has it."""
    get = bench.workspace.archive.blocks.get
    return bench.head.root, {cid: get(cid) for cid in tree.reach(bench.head.root, get)}


def fill(bench: Bench, copied: Copied) -> Filled:
    return fill_in(bench.workspace.archive, copied[0], copied[1].__getitem__)


def bad(archive: Archive) -> list[str]:
    """What a reader of every file finds wrong."""
    found = [words for path in archive.editions().values() for words in _bad(path)]
    archive.refresh()
    return found


def _bad(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            for _ in car.blocks(file):
                pass
    except MirrorError as error:
        yield f"{path.name}: {error.message}"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Edition 3: #1 with a file, #2."""
    made = Bench(tmp_path)
    (made.folder / "own.bin").write_bytes(b"own " * 400_000)
    draft = made.write("1.md", "Told first.", attachments=["own.bin"])
    made.publish(draft, options=Options(language="en", keep_metadata=("own.bin",)))
    made.publish(made.write("2.md", "Told second."))
    yield made
    made.workspace.archive.close()


def test_nothing_changes_where_nothing_is_lacking(bench: Bench) -> None:
    older = copy_of(bench)
    bench.publish(bench.write("3.md", "Told third."))
    before = bench.files()
    filled = fill(bench, older)
    assert (filled.held.number, filled.shown.number, filled.blocks, filled.skipped) == (4, 3, 0, ())
    assert bench.files() == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_lost_file_comes_back_as_far_as_the_copy_has_it(bench: Bench, number: int) -> None:
    copied = copy_of(bench)
    bench.publish(bench.write("3.md", "Told third."))
    archive = bench.workspace.archive
    archive.edition_path(number).unlink()
    archive.refresh()
    filled = fill(bench, copied)
    assert filled.blocks > 0
    bench.start()
    bench.verify()
    assert fill(bench, copied).blocks == 0
    assert bad(bench.workspace.archive) == []


def test_the_newest_file_comes_back_from_a_copy_of_it(bench: Bench) -> None:
    copied = copy_of(bench)
    archive = bench.workspace.archive
    archive.edition_path(3).unlink()
    archive.refresh()
    assert is_older(archive, copied[0], copied[1].__getitem__)
    assert fill(bench, copied).held.root == copied[0]
    bench.start()
    bench.verify()
    assert sorted(archive.editions()) == [1, 2, 3]


def test_blocks_that_lie_damaged_are_written_anew_in_their_place(bench: Bench) -> None:
    copied, archive = copy_of(bench), bench.workspace.archive
    good = bench.files()
    for number in (2, 3):
        path = archive.edition_path(number)
        for secret in (b"Told first", b"Told second", b"own own"):
            path.write_bytes(path.read_bytes().replace(secret, secret.upper()))
    archive.refresh()
    assert len(bad(archive)) == 2
    assert fill(bench, copied).blocks == 4
    assert bench.files() == good
    assert bad(archive) == []


def test_a_file_that_is_cut_off_is_whole_again_with_its_own_edition(bench: Bench) -> None:
    copied, archive = copy_of(bench), bench.workspace.archive
    path = archive.edition_path(3)
    path.write_bytes(path.read_bytes()[:-700])
    archive.refresh()
    assert fill(bench, copied).blocks > 1
    assert bad(archive) == []
    bench.start()
    bench.verify()


def test_a_file_that_is_cut_off_and_of_another_edition_stays_as_it_is(bench: Bench) -> None:
    copied, archive = copy_of(bench), bench.workspace.archive
    path = archive.edition_path(2)
    path.write_bytes(path.read_bytes()[:1000])
    kept = path.read_bytes()
    archive.refresh()
    assert fill(bench, copied).blocks > 1
    assert path.read_bytes() == kept
    assert [words.partition(":")[0] for words in bad(archive)] == ["000002.car"]
    assert all(archive.blocks.get(cid) == data for cid, data in copied[1].items())


def test_what_lies_damaged_in_a_file_that_is_cut_off_goes_elsewhere(bench: Bench) -> None:
    copied, archive = copy_of(bench), bench.workspace.archive
    path = archive.edition_path(2)
    path.write_bytes(path.read_bytes().replace(b"own own", b"OWN OWN")[:-200])
    kept = path.read_bytes()
    archive.refresh()
    assert fill(bench, copied).blocks > 1
    assert path.read_bytes() == kept  # whole again, it would hide that something is gone
    assert all(archive.blocks.get(cid) == data for cid, data in copied[1].items())


def test_what_a_withdrawn_testimony_shares_with_another_comes_back(bench: Bench) -> None:
    draft = bench.write("3.md", "Told third.", attachments=["own.bin"])
    bench.publish(draft, options=Options(language="en", keep_metadata=("own.bin",)))
    copied = copy_of(bench)
    bench.prepare()
    bench.withdraw(1)
    archive = bench.workspace.archive
    archive.edition_path(2).unlink()
    archive.refresh()
    assert fill(bench, copied).skipped == (1,)
    bench.start()
    bench.verify()
    whole = b"".join(bench.files().values())
    assert b"own own" in whole
    assert b"Told first" not in whole


def test_damage_that_the_copy_does_not_know_stays_as_it_is(bench: Bench) -> None:
    first = copy_of(bench)
    bench.publish(bench.write("3.md", "Told third."))
    archive = bench.workspace.archive
    path = archive.edition_path(4)
    path.write_bytes(path.read_bytes().replace(b"Told third", b"Told THIRD"))
    archive.refresh()
    assert fill(bench, first).blocks == 0
    assert len(bad(archive)) == 1


def test_what_was_withdrawn_is_skipped_and_named(bench: Bench) -> None:
    copied = copy_of(bench)
    bench.prepare()
    gone = bench.head.blocks_at(1)
    bench.withdraw(1)
    archive = bench.workspace.archive
    archive.edition_path(2).unlink()
    archive.edition_path(3).unlink()
    archive.refresh()
    filled = fill(bench, copied)
    assert filled.skipped == (1,)
    assert filled.blocks > 0
    whole = b"".join(bench.files().values())
    assert b"own own" not in whole
    assert b"Told first" not in whole
    assert b"Told second" in whole
    assert not any(cid in archive.blocks for cid in gone)
    bench.start()
    bench.verify()


def test_another_log_is_refused(bench: Bench, tmp_path: Path) -> None:
    before, other = bench.files(), Bench(tmp_path / "other")
    other.publish(other.write("x.md", "Otherwise."))
    forked = copy_of(other)
    other.publish(other.write("y.md", "Otherwise too."))
    same_number = copy_of(other)
    other.workspace.archive.close()
    for copied in (forked, same_number):
        with pytest.raises(Forked, match="cannot both be true"):
            fill(bench, copied)
    assert bench.files() == before


def test_two_trees_of_one_edition_are_not_mixed(bench: Bench) -> None:
    root, blocks = copy_of(bench)
    links = [link for link in bench.head.tree.entries(root).values() if link.name != tree.FILE]
    other = tree.put_folder("", links, lambda cid, data: blocks.update({cid: data})).cid
    with pytest.raises(Unverified, match=r"^two editions 3: "):
        fill(bench, (other, blocks))


def test_a_later_edition_is_not_older(bench: Bench) -> None:
    older = copy_of(bench)
    bench.publish(bench.write("3.md", "Told third."))
    newer, archive = copy_of(bench), bench.workspace.archive
    assert is_older(archive, older[0], older[1].__getitem__)
    assert is_older(archive, newer[0], newer[1].__getitem__)
    archive.set_head(older[0])
    assert not is_older(archive, newer[0], newer[1].__getitem__)
    archive.head_path.unlink()
    assert not is_older(archive, older[0], older[1].__getitem__)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_bytes_are_damaged_its_own_edition_brings_the_tree_back(bench: Bench, data: st.DataObject) -> None:
    archive = bench.workspace.archive
    copied, good = copy_of(bench), bench.files()
    path = archive.edition_path(3)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(60, len(content) - 1), min_size=1, max_size=4)):
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    archive.refresh()
    try:
        fill(bench, copied)
        assert all(archive.blocks.get(cid) == block for cid, block in copied[1].items())
    finally:
        archive.close()
        path.write_bytes(good["editions/000003.car"])
        archive.refresh()
