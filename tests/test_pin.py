"""Pinning: what a holder lacks is sent, the pin moved and confirmed; a later edition stops it; a liar is found."""

import copy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from holders import MemoryHolder, MemoryNode
from strategies import NAME
from workbench import Bench

from mirror import tree
from mirror.errors import Forked, Malformed, Refused, Unavailable, Unverified
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.network.held import Held
from mirror.pin import Outcome, Run, push
from mirror.pin_look import Found, Holder, Ours, check_newest, look, new_to
from mirror.pin_look import Held as SaidHeld
from mirror.store.archive import root_of
from mirror.store.workspace import Workspace

NEVER = Run(wait=lambda held: False)


def ours_of(bench: Bench) -> Ours:
    return Ours(bench.workspace.archive)


def pushed(bench: Bench, holder: Holder, run: Run = NEVER) -> Outcome:
    ours = ours_of(bench)
    found = look(holder, ours)
    check_newest(holder, ours, found)
    return push(holder, ours, found, run)


def publish(bench: Bench, *numbers: int) -> None:
    for number in numbers:
        bench.publish(bench.write(f"{number}.md", f"What happened, told as number {number}."))


def root(bench: Bench, number: int) -> CID:
    return root_of(bench.workspace.archive.edition_path(number))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Edition 3: a charter and two testimonies."""
    made = Bench(tmp_path)
    publish(made, 1, 2)
    yield made
    made.workspace.archive.close()


@pytest.fixture
def later(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """The same at edition 4; `bench` is the copy that stayed behind."""
    bench.workspace.archive.close()
    shutil.copytree(bench.workspace.home, tmp_path / "ahead")
    ahead = copy.copy(bench)
    ahead.workspace = Workspace(tmp_path / "ahead")
    publish(ahead, 3)
    yield ahead
    ahead.workspace.archive.close()


# The straight way


def test_the_first_time_every_edition_is_sent_and_pinned_by_name(bench: Bench) -> None:
    node = MemoryNode()
    outcome = pushed(bench, node)
    assert outcome.confirmed
    assert (outcome.edition, outcome.root, outcome.editions_sent) == (3, bench.head.root, (1, 2, 3))
    assert outcome.blocks_sent == len(node.sent) == len(bench.workspace.archive.blocks)
    assert outcome.bytes_sent == sum(path.stat().st_size for path in bench.workspace.archive.editions().values())
    assert outcome.blocks_read == 4
    assert {held: name for held, (name, _) in node.pinned.items()} == {bench.head.root: NAME}


def test_later_only_the_new_cars_are_sent_and_the_pin_moves(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    publish(bench, 3, 4)
    node.sent.clear()
    node.asked.clear()
    outcome = pushed(bench, node)
    assert outcome.editions_sent == (4, 5)
    assert len(node.sent) == outcome.blocks_sent
    assert list(node.pinned) == [bench.head.root]
    assert "move" in node.asked
    assert "unpin" not in node.asked
    assert pushed(bench, node).editions_sent == ()


def test_progress_counts_bytes_over_all_editions(bench: Bench) -> None:
    seen: list[tuple[int, int]] = []
    outcome = pushed(bench, MemoryNode(), Run(lambda held: False, sending=lambda *each: seen.append(each)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {outcome.bytes_sent}
    assert seen[-1] == (outcome.bytes_sent, outcome.bytes_sent)


def test_thoroughly_every_block_is_read_back(bench: Bench) -> None:
    read: list[tuple[int, int]] = []
    run = Run(lambda held: False, thorough=True, reading=lambda *each: read.append(each))
    whole = len(list(tree.reach(bench.head.root, bench.workspace.archive.blocks.get)))
    assert pushed(bench, MemoryNode(), run).blocks_read == whole
    assert read[-1] == (whole, whole)


def test_a_root_that_was_pinned_by_hand_is_given_the_name_and_the_older_pin_dropped(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    publish(bench, 3)
    node.pin_by_hand(bench.head.root)
    node.blocks.update({cid: bench.workspace.archive.blocks.get(cid) for cid in bench.workspace.archive.blocks})
    node.asked.clear()
    outcome = pushed(bench, node)
    assert outcome.unpinned == (3,)
    assert "pin" in node.asked
    assert "move" not in node.asked
    assert node.pinned == {bench.head.root: (NAME, Held(bench.head.root, "pinned"))}


def test_blocks_that_only_an_earlier_edition_had_are_sent_again(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    lost = next(cid for cid in node.blocks if cid in bench.head.blocks_at(1))
    publish(bench, 3)
    del node.blocks[lost]  # as garbage collection does once nothing pins it
    said: list[str] = []
    outcome = pushed(bench, node, Run(lambda held: False, say=said.append))
    assert outcome.editions_sent == (4, 1, 2, 3, 4)
    assert said == ["home did not answer within 60 s: pin; every edition is sent once more"]
    assert outcome.confirmed


# Services that fetch for themselves


def test_a_service_is_asked_until_it_has_it(bench: Bench) -> None:
    service, waited = MemoryHolder(arrives=3), []

    def wait(held: SaidHeld | None) -> bool:
        waited.append(held and held.state)
        return True

    outcome = pushed(bench, service, Run(wait, origins=("/ip4/192.0.2.1/tcp/4001",)))
    assert outcome.confirmed
    assert waited == ["pinning", "pinning", "pinning"]
    assert service.origins == ("/ip4/192.0.2.1/tcp/4001",)
    assert (outcome.editions_sent, outcome.blocks_read) == ((), 0)


def test_what_is_on_its_way_is_not_confirmed_and_not_asked_for_twice(bench: Bench) -> None:
    service = MemoryHolder()
    pushed(bench, service)
    old = bench.head.root
    publish(bench, 3)
    service.arrives = 5
    first = pushed(bench, service)
    assert not first.confirmed
    assert first.held is not None
    assert first.held.state == "pinning"
    assert old in service.pinned  # nothing is dropped before the new one is there
    service.asked.clear()
    assert not pushed(bench, service).confirmed
    assert "move" not in service.asked
    service.arrives = 0
    pushed(bench, service)
    assert pushed(bench, service).confirmed
    assert list(service.pinned) == [bench.head.root]


def test_a_pin_that_fails_says_why(bench: Bench) -> None:
    service = MemoryHolder(arrives=1)
    pushed(bench, service)
    service.pinned = {bench.head.root: (NAME, Held(bench.head.root, "failed", words="no peer has it"))}
    service.pin = lambda *_, **__: None  # type: ignore[method-assign]  # it takes the order and does nothing
    with pytest.raises(Unavailable, match=r"^paid: the pin failed: no peer has it$"):
        pushed(bench, service)


# After a failure


@pytest.mark.parametrize("blocks", [0, 1, 5, 20])
def test_a_node_that_dies_in_the_middle_leaves_nothing_that_the_next_run_does_not_finish(
    bench: Bench, blocks: int
) -> None:
    node = MemoryNode()
    node.dies_after = blocks
    with pytest.raises(Unavailable, match="home ended the connection"):
        pushed(bench, node)
    assert node.pinned == {}
    node.dies_after = None
    assert pushed(bench, node).confirmed


@pytest.mark.parametrize("step", ["pin", "unpin", "state", "held"])
def test_whatever_fails_the_next_run_finishes(bench: Bench, step: str) -> None:
    node = MemoryNode()
    pushed(bench, node)
    publish(bench, 3)
    honest: Callable[..., object] = getattr(node, step)

    def fail(*_: object, **__: object) -> object:
        raise Unavailable("home did not answer")

    setattr(node, step, fail)
    if step == "unpin":
        node.pin_by_hand(root(bench, 2), NAME)
    with pytest.raises(Unavailable):
        pushed(bench, node)
    setattr(node, step, honest)
    assert pushed(bench, node).confirmed
    assert list(node.pinned) == [bench.head.root]


def test_blocks_that_were_not_taken_are_counted(bench: Bench) -> None:
    node = MemoryNode()
    node.takes_all = False
    with pytest.raises(Unavailable, match=r"^home took \d+ of the \d+ blocks of 000001\.car$"):
        pushed(bench, node)
    assert node.pinned == {}


def test_a_damaged_file_is_not_sent(bench: Bench) -> None:
    path = bench.workspace.archive.edition_path(2)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Malformed, match=r"^000002\.car: CAR section at byte \d+: it is cut off") as refusal:
        pushed(bench, MemoryNode())
    assert refusal.value.hint == "mirror fsck says how to repair it"


# Lies


def test_a_pin_without_its_pages_is_false(bench: Bench) -> None:
    node, said = MemoryNode(), []
    page = bench.head.tree.link((tree.EDITION,)).cid
    pushed(bench, node)
    node.lose(page)
    with pytest.raises(Unverified) as found:
        pushed(bench, node, Run(lambda held: False, say=said.append))
    assert found.value.message == (
        f"home reports the pin of edition 3, and lacks 1 of the blocks that were asked for: home lacks block {page}"
    )
    assert said == [f"{found.value.message}; every edition is sent once more"]


@pytest.mark.parametrize("mended", [True, False])
def test_a_node_that_pins_and_has_no_root_is_found_at_once(bench: Bench, mended: bool) -> None:
    node, honest = MemoryNode(), MemoryNode.send
    node.lose(bench.head.root)
    node.state = lambda root: node.pinned.get(root) and Held(root, "pinned" if root in node.blocks else "failed")  # type: ignore[method-assign, assignment, return-value]

    def send(*arguments: Any) -> int:
        if mended and len(node.sent) > 20:
            node.loses.clear()
        return honest(node, *arguments)

    node.send = send  # type: ignore[method-assign]
    if mended:
        assert pushed(bench, node).confirmed
        return
    with pytest.raises(Unverified, match=f"^home reports the pin of edition 3.* home lacks block {bench.head.root}$"):
        pushed(bench, node)


@pytest.mark.parametrize("damage", ["lose", "flip"])
def test_thoroughly_any_block_that_is_not_there_is_found(bench: Bench, damage: str) -> None:
    node = MemoryNode()
    pushed(bench, node)
    note = bench.head.entry(2).cid
    getattr(node, damage)(note)
    assert pushed(bench, node).confirmed  # a glance does not see it
    thorough = Run(lambda held: False, thorough=True)
    if damage == "lose":
        with pytest.raises(Unverified, match="lacks 1 of the blocks that were asked for: home lacks block"):
            pushed(bench, node, thorough)
        return
    assert pushed(bench, node, thorough).editions_sent == (1, 2, 3)  # mended by sending it again
    assert node.block(note)


def test_only_a_few_of_many_blocks_are_named(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    node.lose(*list(tree.reach(bench.head.root, node.block))[-9:])
    with pytest.raises(
        Unverified, match=r"lacks 9 of the blocks that were asked for: (home [^;]*; ){4}home [^;]*, and 4 more$"
    ):
        pushed(bench, node, Run(lambda held: False, thorough=True))


# Editions that are not here


def test_a_later_edition_is_refused_with_the_command_that_catches_up(bench: Bench, later: Bench) -> None:
    node = MemoryNode()
    pushed(later, node)
    with pytest.raises(Refused) as refusal:
        pushed(bench, node)
    assert refusal.value.message == "home holds edition 4 of this mirror, and edition 3 is the newest here"
    assert refusal.value.hint == "bring that edition in with: mirror import --from home"
    ours = ours_of(bench)
    with pytest.raises(Refused):
        check_newest(node, ours, look(node, ours), newest=True)
    assert pushed(later, node).confirmed


def test_another_history_is_a_fork(bench: Bench, later: Bench) -> None:
    node = MemoryNode()
    pushed(later, node)
    publish_unrecorded(bench, 5)
    ours = ours_of(bench)
    found = look(node, ours)
    assert [(opened.root, type(error)) for opened, error in found.contrary] == [(later.head.root, Forked)]
    with pytest.raises(Forked, match=r"^home holds another history of this mirror: two checkpoints of"):
        check_newest(node, ours, found, newest=True)
    publish_unrecorded(bench, 6)
    with pytest.raises(Forked, match=r"^home holds another history of this mirror"):
        pushed(bench, node)
    other = MemoryNode()
    push(other, ours_of(bench), Found(()), NEVER)
    with pytest.raises(Forked, match=r"^home holds another history of this mirror"):
        pushed(later, other)


def publish_unrecorded(bench: Bench, number: int) -> None:
    """Go on from a copy as a machine does that does not know better."""
    bench.record.path(bench.key.public).unlink(missing_ok=True)
    bench.prepare(newest=True)
    plan = bench.plan(bench.write(f"{number}.md", f"Told as number {number}."))
    bench.carry_out(plan)


def test_a_service_that_cannot_be_read_may_hold_a_later_one(bench: Bench, later: Bench) -> None:
    service = MemoryHolder()
    pushed(later, service)
    ours = ours_of(bench)
    found = look(service, ours)
    assert found.unknown == (later.head.root,)
    with pytest.raises(Refused, match=r"paid holds baf.* under this mirror's name, which is no edition that is here"):
        check_newest(service, ours, found)
    check_newest(service, ours, found, newest=True)
    assert push(service, ours, found, NEVER).confirmed
    assert later.head.root in service.pinned  # what is not known to be ours is left alone


def test_what_bears_our_name_and_is_not_ours_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    node, ours = MemoryNode(), ours_of(bench)
    junk = CID.of_raw(b"junk")
    node.blocks[junk] = b"junk"
    node.pin_by_hand(junk, NAME)
    found = look(node, ours)
    assert (found.unknown, found.newest) == ((junk,), None)
    with pytest.raises(Refused, match="which is no edition that is here") as refusal:
        check_newest(node, ours, found)
    assert "--this-is-newest" in refusal.value.hint
    assert push(node, ours, found, NEVER).confirmed
    assert junk in node.pinned


def test_an_older_edition_that_is_not_here_is_known_by_its_signature(bench: Bench) -> None:
    node = MemoryNode()
    pushed(bench, node)
    publish(bench, 3)
    for number in (2, 3):
        merge(bench, number)
    outcome = pushed(bench, node)
    assert outcome.editions_sent == (4,)
    assert list(node.pinned) == [bench.head.root]


def merge(bench: Bench, number: int) -> None:
    """Move an edition's blocks into the first edition's file: a keeper's archive has no file of each edition."""
    archive = bench.workspace.archive
    first, second = archive.edition_path(1), archive.edition_path(number)
    kept = root_of(first)
    with first.open("rb") as one, second.open("rb") as other:
        blocks = [*car.blocks(one), *car.blocks(other)]
    with first.open("wb") as file:
        writer = car.Writer(file)
        for cid, data in blocks:
            writer.put(cid, data)
        writer.seal(kept)
    second.unlink()
    archive.close()


def test_an_interrupted_withdrawal_is_finished_first(bench: Bench) -> None:
    bench.workspace.archive.set_dropping([bench.head.entry(1).cid])
    node = MemoryNode()
    with pytest.raises(Refused, match="a withdrawal was interrupted"):
        pushed(bench, node)
    assert node.sent == []


def test_an_edition_that_the_head_does_not_name_yet_is_not_sent(bench: Bench) -> None:
    head = bench.workspace.archive.head()
    publish(bench, 3)
    bench.workspace.archive.set_head(head)
    bench.start()
    assert bench.workspace.archive.pending() is not None
    outcome = pushed(bench, MemoryNode())
    assert (outcome.edition, outcome.editions_sent) == (3, (1, 2, 3))


# What is new


def test_what_is_new_to_a_holder_are_the_testimonies_that_it_lacks(bench: Bench) -> None:
    node = MemoryNode()
    assert new_to(look(node, ours_of(bench)), ours_of(bench)) == [1, 2]
    pushed(bench, node)
    assert new_to(look(node, ours_of(bench)), ours_of(bench)) == []
    publish(bench, 3)
    bench.prepare()
    bench.withdraw(1)
    publish(bench, 5)
    assert new_to(look(node, ours_of(bench)), ours_of(bench)) == [3, 5]
    assert new_to(look(MemoryNode(), ours_of(bench)), ours_of(bench)) == [2, 3, 5]


def test_an_edition_that_is_on_its_way_counts_as_not_there(bench: Bench) -> None:
    service = MemoryHolder(arrives=9)
    pushed(bench, service)
    assert new_to(look(service, ours_of(bench)), ours_of(bench)) == [1, 2]
