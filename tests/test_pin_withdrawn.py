"""Withdrawing on a node: exactly the withdrawn blocks go, whatever was cut off; what stays is named with its pins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from holders import MemoryNode
from test_pin import merge, publish, pushed, root
from workbench import Bench

from mirror import tree
from mirror.errors import Unavailable
from mirror.formats.cid import CID
from mirror.intake.drafts import Options
from mirror.pin_look import Ours
from mirror.pin_withdrawn import Removed, remove_withdrawn

LONG = b"long " * 500_000
SHARED = b"shared by two"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Three testimonies: #1 has a file of several blocks and one that #2 has too."""
    made = Bench(tmp_path)
    for name, data in (("long.bin", LONG), ("shared.bin", SHARED)):
        (made.folder / name).write_bytes(data)
    for number, names in ((1, ("long.bin", "shared.bin")), (2, ("shared.bin",))):
        draft = made.write(f"{number}.md", f"Told as number {number}.", attachments=list(names))
        made.publish(draft, options=Options(language="en", keep_metadata=names))
    publish(made, 3)
    yield made
    made.workspace.archive.close()


def withdraw(bench: Bench, *indexes: int) -> list[set[CID]]:
    """The blocks of each, as they were before."""
    bench.prepare()
    blocks = [bench.head.blocks_at(index) for index in indexes]
    bench.withdraw(*indexes)
    return blocks


def removed(bench: Bench, node: MemoryNode) -> Removed | None:
    return remove_withdrawn(node, Ours(bench.workspace.archive))


def used(bench: Bench) -> set[CID]:
    return set(tree.reach(bench.head.root, bench.workspace.archive.blocks.get))


def test_exactly_the_withdrawn_blocks_leave_the_node(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    assert removed(bench, node) is None
    (blocks,) = withdraw(bench, 1)
    before = set(node.blocks)
    pushed(bench, node)
    before |= set(node.blocks)
    found = removed(bench, node)
    gone = blocks - used(bench)
    assert len(gone) == 6  # the note, the folder, the long file and its three pieces
    assert before - set(node.blocks) == gone
    assert found == Removed((1,), 6, {}, ())
    assert removed(bench, node) is None


def test_a_node_that_never_had_it_is_asked_for_nothing(bench: Bench) -> None:
    withdraw(bench, 1, 3)
    node = MemoryNode()
    pushed(bench, node)
    assert removed(bench, node) is None


def test_what_another_pin_holds_stays_and_the_pin_is_named(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    by_hand = bench.head.root
    (blocks,) = withdraw(bench, 1)
    pushed(bench, node)
    node.pin_by_hand(by_hand, "my copy")
    found = removed(bench, node)
    assert found is not None
    assert (found.indexes, found.blocks, found.pins) == ((1,), 0, (("my copy", by_hand),))
    assert set(found.kept) == blocks - used(bench) - {bench_folder(bench, 1)}
    assert set(found.kept.values()) == {"pinned: recursive"}
    node.unpin(by_hand)
    assert removed(bench, node) == Removed((1,), 6, {}, ())


def test_every_older_edition_that_was_pinned_by_hand_is_named(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    first = bench.head.root
    publish(bench, 4)
    pushed(bench, node)
    second = bench.head.root
    withdraw(bench, 3)
    pushed(bench, node)
    for number in (1, 4):
        node.pin_by_hand(root(bench, number), f"edition {number}")
    node.pin_by_hand(second)
    found = removed(bench, node)
    assert found is not None
    assert found.pins == (("", second), ("edition 4", first))  # the first edition has nothing of #3


def bench_folder(bench: Bench, index: int) -> CID:
    before = Ours(bench.workspace.archive).before(bench.head.size - 1)
    assert before is not None
    return before.tree.link((tree.FILE, *tree.number_path(index))).cid


def test_a_node_that_says_removed_and_keeps_it_is_found(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    note = bench.head.entry(3).cid
    withdraw(bench, 3)
    pushed(bench, node)
    node.keep_secretly(note)
    assert removed(bench, node) == Removed((3,), 0, {note: "it says that it removed the block, and has it still"}, ())


@pytest.mark.parametrize("calls", [0, 1])
def test_what_was_cut_off_is_gone_on_with(bench: Bench, calls: int) -> None:
    node = MemoryNode()
    pushed(bench, node)
    (blocks,) = withdraw(bench, 1)
    pushed(bench, node)
    honest, made = node.remove, []

    def fail(cids: list[CID]) -> dict[CID, str]:
        if len(made) == calls:
            raise Unavailable("home ended the connection")
        made.append(cids)
        return honest(cids)

    node.remove = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable):
        removed(bench, node)
    node.remove = honest  # type: ignore[method-assign]
    assert removed(bench, node) is not None
    assert (blocks - used(bench)).isdisjoint(node.blocks)


@pytest.mark.parametrize("count", range(6))
def test_wherever_a_node_was_cut_off_between_two_blocks_the_next_run_finds_the_rest(bench: Bench, count: int) -> None:
    node, order = MemoryNode(), list[CID]()
    pushed(bench, node)
    (blocks,) = withdraw(bench, 1)
    pushed(bench, node)
    honest = node.remove
    node.remove = lambda cids: order.extend(cids) or honest(cids)  # type: ignore[method-assign, func-returns-value]
    kept = dict(node.blocks)
    removed(bench, node)
    node.blocks = {cid: block for cid, block in kept.items() if cid not in order[:count]}
    removed(bench, node)
    assert (blocks - used(bench)).isdisjoint(node.blocks)


def test_without_the_edition_before_the_note_names_its_attachments(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    folder = bench.head.tree.link((tree.FILE, *tree.number_path(1))).cid
    (blocks,) = withdraw(bench, 1)
    for number in (2, 3, 4):
        merge(bench, number)
    pushed(bench, node)
    found = removed(bench, node)
    assert found == Removed((1,), 5, {}, ())
    assert (blocks - used(bench)) & set(node.blocks) == {folder}


def test_of_several_each_is_removed(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    blocks = withdraw(bench, 1, 2)
    publish(bench, 4)
    blocks += withdraw(bench, 3)
    pushed(bench, node)
    found = removed(bench, node)
    assert found is not None
    assert found.indexes == (1, 2, 3)
    assert set().union(*blocks).isdisjoint(node.blocks)  # what two shared is gone with the second
    assert found.blocks == len(set().union(*blocks))
