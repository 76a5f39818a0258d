"""A checkpoint goes to calendars, comes back as a proof, and lies in the next edition; whatever calendars do."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from calendar_server import DAY, FIRST, Calendar, Chain, mine
from listening import Line, answering
from workbench import Bench

from mirror import anchor_due, anchor_ots, tree
from mirror.anchor import COMPLETE, PENDING, checkpoint_at, held
from mirror.anchor_ots import Stamped, awaited, keep, stamp, upgrade
from mirror.errors import BadProof, Malformed, MirrorError
from mirror.formats import bitcoin, ots
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.heads import Said
from mirror.formats.ots import Op, Proof
from mirror.network import calendar as calendars
from mirror.network.http import Route
from mirror.store.anchors import Anchor, Anchors

NONCE = bytes(range(16))
CHECKPOINT = Checkpoint("voices.example/archive", 9, hashlib.sha256(b"root").digest())


class Town:
    """Three calendars on one chain, and everything that asks them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.chain = Chain()
        self.calendars = [stack.enter_context(Calendar(self.chain)) for _ in range(3)]
        route = Route(None, time.monotonic)
        self.clients = [stack.enter_context(calendars.Calendar(each.url, route)) for each in self.calendars]

    def stamp(self, before: Proof | None = None, nonce: bytes = NONCE) -> Stamped:
        return stamp(CHECKPOINT, self.clients, nonce, before)

    def find(self, address: str) -> calendars.Calendar | None:
        return next((each for each in self.clients if each.address == address), None)

    def upgrade(self, proof: Proof | None, *, compared: bool = False) -> Stamped:
        assert proof is not None
        return upgrade(proof, self.find, self if compared else None)

    def bitcoin(self, height: int) -> list[Said]:
        header = self.chain.header(height)
        return [
            Said("a friend", None, f"it shows no block {height}") if header is None else Said("a friend", bytes(header))
        ]


@pytest.fixture
def town() -> Iterator[Town]:
    with contextlib.ExitStack() as stack:
        yield Town(stack)


def holds(town: Town, proof: Proof | None) -> bool:
    """Whether each block that a proof speaks of has the merkle root that it leads to."""
    assert proof is not None
    headers = {height: town.chain.header(height) for height, _ in proof.blocks}
    return bool(headers) and all(
        headers[at] is not None and headers[at].merkle_root == root for at, root in proof.blocks
    )


def test_every_calendar_promises_and_then_shows_its_block(town: Town) -> None:
    stamped = town.stamp()
    assert stamped.proof is not None
    assert stamped.proof.digest == hashlib.sha256(CHECKPOINT.text.encode()).digest()
    assert sorted(address for address, _ in stamped.proof.promises) == sorted(each.url for each in town.calendars)
    assert all(each.is_good and each.words.endswith("promises a block of Bitcoin") for each in stamped.said)
    waiting = town.upgrade(stamped.proof)
    assert waiting.proof == stamped.proof
    assert [each.is_good for each in waiting.said] == [False] * 3
    assert "nothing yet: Pending confirmation in Bitcoin blockchain" in waiting.said[0].words
    for calendar in town.calendars:
        calendar.commit()
    done = town.upgrade(stamped.proof, compared=True)
    assert done.proof is not None
    assert done.proof.promises == ()
    assert [height for height, _ in done.proof.blocks] == [FIRST, FIRST + 1, FIRST + 2]
    assert holds(town, done.proof)
    assert ots.parse_complete(bytes(done.proof)) == done.proof


def test_calendars_see_a_digest_that_tells_them_nothing(town: Town) -> None:
    town.stamp()
    digest = hashlib.sha256(CHECKPOINT.text.encode()).digest()
    expected = hashlib.sha256(digest + NONCE).digest()
    assert [each.bodies for each in town.calendars] == [[expected]] * 3
    town.stamp(nonce=bytes(16))
    assert town.calendars[0].bodies[1] != expected


def test_one_of_three_that_is_down_takes_nothing_from_the_others(town: Town) -> None:
    town.calendars[1].close()
    stamped = town.stamp()
    assert [each.is_good for each in stamped.said] == [True, False, True]
    for calendar in (town.calendars[0], town.calendars[2]):
        calendar.commit()
    done = town.upgrade(stamped.proof)
    assert done.proof is not None
    assert (len(done.proof.blocks), done.proof.promises) == (2, ())


def test_with_nobody_there_is_no_proof(town: Town) -> None:
    for calendar in town.calendars:
        calendar.close()
    stamped = town.stamp()
    assert stamped.proof is None
    assert len(stamped.said) == 3


def test_a_calendar_that_forgets_what_it_promised_is_still_asked(town: Town) -> None:
    proof = town.stamp().proof
    town.calendars[0].forget()
    for calendar in town.calendars:
        calendar.commit()
    done = town.upgrade(proof)
    assert done.proof is not None
    assert [address for address, _ in done.proof.promises] == [town.calendars[0].url]
    assert "nothing yet: Commitment not found" in done.said[[each.is_good for each in done.said].index(False)].words
    again = town.stamp(done.proof, bytes(16))
    town.calendars[0].commit()
    whole = town.upgrade(again.proof)
    assert whole.proof is not None
    assert len(whole.proof.blocks) == 3
    assert sorted(address for address, _ in whole.proof.promises) == sorted(each.url for each in town.calendars)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (bytes(10_000_000), "answers with more than 10000 bytes"),
        (b"", "does not answer what was asked: the timestamp is cut off"),
        (b"<html>busy</html>", "does not answer what was asked: the timestamp holds the operation 0x3c"),
        (b"\x00" + b"unknown!" + b"\x01x", "gives neither a promise nor a block of Bitcoin"),
        (
            ots.print_answer([ots.Path((Op(ots.APPEND, bytes([n])),), ots.promised_by("a")) for n in range(5)]),
            "gives 5 ways at once, more than 4",
        ),
        (
            ots.print_answer([ots.Path((Op(ots.APPEND, b"a"),), ots.at_height(7))]),
            "gives a way that leads nowhere: it ends in 33 bytes, and a merkle root has 32",
        ),
        (
            ots.print_answer([ots.Path((Op(ots.SHA256),) * 254, ots.at_height(7))]),
            "gives a way that leads nowhere: a timestamp of 256 operations in a row, more than 255",
        ),
        (
            ots.print_answer([ots.Path((Op(ots.APPEND, bytes(4090)),), ots.promised_by("a"))]),
            "gives a way that leads nowhere: a timestamp leads to 4122 bytes, more than 4096",
        ),
    ],
    ids=["10 MB", "nothing", "garbage", "another chain", "a flood", "no root", "too deep", "too long"],
)
def test_an_answer_that_is_none_is_left_out_and_named(town: Town, body: bytes, words: str) -> None:
    town.calendars[1].replies["POST /digest"] = answering(body)
    stamped = town.stamp()
    assert [each.is_good for each in stamped.said] == [True, False, True]
    assert words in stamped.said[1].words
    assert stamped.said[1].words.startswith(f"calendar ({town.calendars[1].url}) ")
    assert stamped.proof is not None
    assert len(stamped.proof.promises) == 2


@pytest.mark.parametrize("status", [302, 403, 429, 500])
def test_a_refusal_is_told(town: Town, status: int) -> None:
    town.calendars[1].replies["POST /digest"] = answering(b"go away", status)
    assert f"HTTP {status}" in town.stamp().said[1].words


def test_a_timestamp_of_another_digest_does_not_reach_the_block_and_is_not_kept(town: Town) -> None:
    proof = town.stamp().proof
    other = stamp(Checkpoint("other.example", 3, bytes(32)), town.clients[:1], bytes(16)).proof
    assert other is not None
    for calendar in town.calendars:
        calendar.commit()
    message = other.promises[0][1]
    foreign = town.clients[0].upgrade(message)
    town.calendars[0].replies["GET /timestamp/"] = answering(ots.print_answer(foreign))
    believed = town.upgrade(proof)
    assert believed.proof is not None
    assert (len(believed.proof.blocks), holds(town, believed.proof)) == (3, False)
    compared = town.upgrade(proof, compared=True)
    assert compared.proof is not None
    assert (len(compared.proof.blocks), holds(town, compared.proof)) == (2, True)
    assert [address for address, _ in compared.proof.promises] == [town.calendars[0].url]
    assert f"shows Bitcoin block {FIRST}, and that block does not hold it" in " ".join(
        each.words for each in compared.said
    )


def test_a_block_that_nobody_shows_is_not_taken_for_one(town: Town) -> None:
    proof = town.stamp().proof
    way = ots.Path((Op(ots.SHA256),), ots.at_height(FIRST + 50))
    town.calendars[0].replies["GET /timestamp/"] = answering(ots.print_answer([way]))
    compared = town.upgrade(proof, compared=True)
    assert compared.proof == proof
    assert "which could not be looked at: it shows no block 800050" in " ".join(each.words for each in compared.said)


def test_a_promise_of_somebody_else_is_not_followed(town: Town) -> None:
    town.calendars[0].replies["POST /digest"] = answering(
        ots.print_answer([ots.Path((), ots.promised_by("http://127.0.0.1:1/elsewhere"))])
    )
    stamped = town.stamp()
    again = town.upgrade(stamped.proof)
    assert again.proof == stamped.proof
    assert any("http://127.0.0.1:1/elsewhere is no calendar that is asked" in each.words for each in again.said)


def test_a_calendar_may_hand_on_to_another(town: Town) -> None:
    proof = stamp(CHECKPOINT, town.clients[:1], NONCE).proof
    assert proof is not None
    on = town.clients[1].stamp(proof.promises[0][1])
    town.calendars[0].replies["GET /timestamp/"] = answering(ots.print_answer(on))
    longer = town.upgrade(proof)
    assert longer.proof is not None
    assert sorted(address for address, _ in longer.proof.promises) == sorted(each.url for each in town.calendars[:2])
    town.calendars[1].commit()
    assert holds(town, town.upgrade(longer.proof).proof)


def test_a_calendar_that_hands_on_for_ever_crowds_nobody_out(town: Town) -> None:
    calls = count()

    def more() -> bytes:
        op = Op(ots.APPEND, next(calls).to_bytes(1000))
        paths = [ots.Path((op, Op(ots.APPEND, bytes([n])), Op(ots.SHA256)), promise) for n in range(4)]
        return ots.print_answer(paths)

    promise = ots.promised_by(town.calendars[0].name)

    def reply(line: Line) -> None:
        answering(more())(line)

    town.calendars[0].replies = {"POST": reply, "GET": reply}
    proof, said = town.stamp().proof, []
    for _ in range(8):
        upgraded = town.upgrade(proof)
        proof = upgraded.proof
        said += [each.words for each in upgraded.said]
    assert proof is not None
    assert len(proof.paths) * 2 <= ots.PATHS_AT_MOST
    assert len(bytes(proof)) * 2 <= ots.PROOF_AT_MOST
    assert any("gives more than fits beside what there is" in each for each in said)
    for calendar in town.calendars[1:]:
        calendar.commit()
    done = town.upgrade(proof).proof
    assert done is not None
    assert len(done.blocks) == 2


def test_a_stamp_that_does_not_fit_is_left_out(town: Town) -> None:
    promise = ots.promised_by(town.calendars[0].name)
    proof, said = town.stamp().proof, []
    for number in range(1, 9):
        long = [Op(ots.APPEND, bytes([number]) * 4000), Op(ots.SHA256)]
        way = ots.Path((*long, *long), promise)
        town.calendars[0].replies["POST"] = answering(ots.print_answer([way]))
        stamped = town.stamp(proof, bytes([number]) * 16)
        proof = stamped.proof
        said.append([each.is_good for each in stamped.said])
    assert proof is not None
    assert said[-1] == [False, True, True]
    assert len(bytes(proof)) <= ots.PROOF_AT_MOST


@pytest.mark.parametrize(
    ("address", "asked", "expected"),
    [
        ("https://alice.btc.calendar.opentimestamps.org", calendars.PUBLIC, True),
        ("https://btc.calendar.catallaxy.com/", calendars.PUBLIC, True),
        ("https://alice.btc.calendar.opentimestamps.org", ("https://mine.example",), False),
        ("https://mine.example/ots/", ("https://mine.example/ots",), True),
        ("http://alice.btc.calendar.opentimestamps.org", calendars.PUBLIC, False),
        ("https://alice.btc.calendar.opentimestamps.org:8443", calendars.PUBLIC, False),
        ("https://alice.btc.calendar.opentimestamps.org/elsewhere", calendars.PUBLIC, False),
        ("https://evilcalendar.opentimestamps.org", calendars.PUBLIC, False),
        ("https://127.0.0.1", calendars.PUBLIC, False),
        ("file:///etc/passwd", calendars.PUBLIC, False),
    ],
)
def test_whom_a_promise_may_name(address: str, asked: tuple[str, ...], expected: bool) -> None:
    assert calendars.may_follow(address, asked) is expected


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([Said("b", None, "b did not answer")], None),
        ([Said("b", b"", "b has none")], "is not the same for everybody, or not there: a friend"),
        ([Said("b", bytes(mine(bytes(32), DAY)))], "is not the same for everybody, or not there: a friend, b"),
    ],
)
def test_those_who_show_a_block_have_to_agree(town: Town, others: list[Said], words: str | None) -> None:
    proof = stamp(CHECKPOINT, town.clients[:1], NONCE).proof
    assert proof is not None
    town.calendars[0].commit()
    ask = town.bitcoin
    town.bitcoin = lambda height: [*ask(height), *others]  # type: ignore[method-assign]
    found = town.upgrade(proof, compared=True)
    assert found.proof is not None
    assert bool(found.proof.blocks) is (words is None)
    assert words is None or words in found.said[0].words


# What is kept


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.publish(made.write("one.md"))
    yield made
    made.workspace.archive.close()


def no_fault(anchor: Anchor, error: MirrorError) -> None:
    raise AssertionError(f"{anchor}: {error}")


def anchored(town: Town, bench: Bench, commit: Callable[[], object]) -> Checkpoint:
    """The head's checkpoint, stamped, committed to, upgraded and kept."""
    checkpoint, anchors = checkpoint_at(bench.head, bench.head.size), bench.workspace.anchors
    proof = stamp(checkpoint, town.clients, NONCE, awaited(anchors, checkpoint)).proof
    assert proof is not None
    keep(anchors, checkpoint, proof)
    commit()
    found = upgrade(proof, town.find, town).proof
    assert found is not None
    keep(anchors, checkpoint, found)
    return checkpoint


def test_a_complete_proof_goes_into_the_next_edition(town: Town, bench: Bench) -> None:
    checkpoint = anchored(town, bench, lambda: [each.commit() for each in town.calendars])
    anchors = bench.workspace.anchors
    assert list(anchors.pending()) == []
    found = anchor_due.due(anchors, bench.head, no_fault)
    assert [(each.anchor.size, each.is_first) for each in found] == [(checkpoint.size, True)]
    bench.publisher.write_edition(anchors=anchor_due.changes(found, bench.head))
    folder = (tree.ANCHOR, *tree.number_path(checkpoint.size))
    assert bench.head.tree.read((*folder, "checkpoint.txt")) == bench.head.checkpoint.text.encode()
    proof = ots.parse_complete(bench.head.tree.read((*folder, "checkpoint.txt.ots")))
    assert holds(town, proof)
    assert list(held(bench.head)) == [Anchor(checkpoint.size, "checkpoint.txt.ots")]
    assert anchor_due.due(anchors, bench.head, no_fault) == []
    bench.verify()


def test_one_calendar_is_enough_and_a_better_proof_follows(town: Town, bench: Bench) -> None:
    checkpoint = anchored(town, bench, town.calendars[0].commit)
    anchors = bench.workspace.anchors
    (standing,) = anchor_due.standings(anchors, bench.head)
    assert (standing.state, standing.words) == (COMPLETE, f"Bitcoin block {FIRST}")
    bench.publisher.write_edition(anchors=anchor_due.changes(anchor_due.due(anchors, bench.head, no_fault), bench.head))
    town.calendars[1].commit()
    proof = awaited(anchors, checkpoint)
    assert proof is not None
    better = upgrade(proof, town.find, town).proof
    assert better is not None
    keep(anchors, checkpoint, better)
    found = anchor_due.due(anchors, bench.head, no_fault)
    assert [each.is_first for each in found] == [False]
    bench.publish(bench.write("two.md"))
    bench.publisher.write_edition(anchors=anchor_due.changes(found, bench.head))
    (standing,) = anchor_due.standings(anchors, bench.head)
    assert (standing.state, standing.words) == (COMPLETE, f"in edition {bench.head.number}")
    awaited_still = awaited(anchors, checkpoint)
    assert awaited_still is not None
    assert [address for address, _ in awaited_still.promises] == [town.calendars[2].url]
    bench.verify()


def test_an_older_checkpoint_is_anchored_in_a_later_edition(town: Town, bench: Bench) -> None:
    old = anchored(town, bench, lambda: [each.commit() for each in town.calendars])
    bench.publish(bench.write("two.md"))
    assert checkpoint_at(bench.head, old.size) == old
    found = anchor_due.due(bench.workspace.anchors, bench.head, no_fault)
    bench.publisher.write_edition(anchors=anchor_due.changes(found, bench.head))
    assert [anchor.size for anchor in held(bench.head)] == [old.size]
    bench.verify()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"garbage", Malformed, "no OpenTimestamps proof"),
        (bytes(ots.proof_of(bytes(32), [ots.Path((), ots.at_height(7))])), BadProof, "is over something else"),
        (bytes(ots.proof_of(bytes(32), [ots.Path((), ots.promised_by("a"))])), Malformed, "else than Bitcoin blocks"),
    ],
)
def test_what_is_kept_and_is_no_proof_is_named_and_left_out(
    bench: Bench, data: bytes, kind: type[MirrorError], words: str
) -> None:
    bench.workspace.anchors.put(anchor_ots.anchor_of(2), data)
    found: list[MirrorError] = []
    assert anchor_due.due(bench.workspace.anchors, bench.head, lambda _, error: found.append(error)) == []
    assert isinstance(found[0], kind)
    assert words in found[0].message


def test_a_proof_of_a_log_that_is_not_there_is_left_out(bench: Bench) -> None:
    bench.workspace.anchors.put(anchor_ots.anchor_of(99), b"")
    found: list[str] = []
    assert anchor_due.due(bench.workspace.anchors, bench.head, lambda _, error: found.append(error.message)) == []
    assert found == ["the log has 2 entries, and had no checkpoint of 99"]


def test_a_pending_proof_over_something_else_is_refused(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path)
    anchors.put_pending(anchor_ots.anchor_of(9), bytes(ots.proof_of(bytes(32), [ots.Path((), ots.promised_by("a"))])))
    with pytest.raises(BadProof, match="kept for the log of 9 entries is over something else"):
        awaited(anchors, CHECKPOINT)


def test_a_damaged_pending_proof_is_said_to_be_damaged(bench: Bench) -> None:
    bench.workspace.anchors.put_pending(anchor_ots.anchor_of(2), b"garbage")
    (standing,) = anchor_due.standings(bench.workspace.anchors, bench.head)
    assert (standing.state, standing.clock) == (PENDING, "ots")
    assert standing.words.startswith("what is kept of it is damaged: the file is no OpenTimestamps proof")


def test_a_day_is_the_blocks_own(town: Town) -> None:
    height = town.calendars[0].commit()
    header = town.chain.header(height)
    assert header is not None
    assert bitcoin.parse_header(bytes(header)).day == DAY
