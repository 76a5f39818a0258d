"""Anchors judged: what they show with which sources, and every lie and damage false with its words."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from anchored import (
    ELSEWHERE,
    Asked,
    announcement,
    folder_of,
    lay_bitcoin,
    lay_ethereum,
    lines_of,
    prove_bitcoin,
    prove_ethereum,
)
from calendar_server import DAY, EASY, Chain, mine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import OTHER, honest, words_of
from mutate import mutated
from onchain import DAY_ONE, make_proof
from world import Copy, Mirror, sign_text

from mirror import clocks, clocks_outside
from mirror.audit import Run
from mirror.clocks_outside import NONE, Sources
from mirror.edition import Edition
from mirror.errors import Unavailable
from mirror.formats import bitcoin, ethereum, extras, notes, ots
from mirror.formats.heads import Heads, Said
from mirror.one import verify_one
from mirror.tree import note_path
from mirror.trust import Trust
from mirror.verdict import Claim, Report, Standing, State
from mirror.verify import verify

TRUST = Trust(given=Mirror().key.public)
JSON, LINES, PROOF = "ethereum-1.json", "checkpoint.txt", "checkpoint.txt.ots"
TODAY = "2026-09-21"

EASIEST = clocks_outside.EASIEST
"""As it is, before the tests' own chain is let count."""


def judge(made: Mirror | Copy, sources: Sources = NONE) -> Report:
    copy = made.lay() if isinstance(made, Mirror) else made
    return verify(copy.evidence(), TRUST, Run(), sources)


def judge_one(made: Mirror | Copy, index: int, sources: Sources = NONE) -> Report:
    copy = made.lay() if isinstance(made, Mirror) else made
    return verify_one(copy.evidence(), note_path(index), TRUST, sources)


def hashes(*headers: ethereum.Header) -> Sources:
    """Hashes that the reader typed."""
    return Sources(hashes=tuple(each.hash for each in headers))


def state(report: Report) -> State:
    return report.verdict(Claim.EXISTED_BY).state


# What holds


def test_a_hash_that_was_typed_is_enough() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 4)
    report = judge(mirror, hashes(block))
    assert state(report) is State.HOLDS
    assert report.verdict(Claim.EXISTED_BY).words == (
        f"{TODAY}: all 4 entries, by Ethereum block 23000000, whose hash you gave",
        "an anchor shows time: not who wrote, nor that no other log was anchored",
    )
    assert report.exit_code(frozenset(Claim) - {Claim.APPEND_ONLY}) == 0
    (found,) = report.anchors
    assert (found.item, found.size, found.standing) == (f"anchor/00/00/00/04/{JSON}", 4, Standing.EXISTED_BY)
    assert (str(found.day), found.block, found.block_hash) == (
        TODAY,
        "Ethereum block 23000000",
        "0x" + block.hash.hex(),
    )


def test_of_a_whole_tree_the_widest_anchor_of_a_clock_is_told_and_of_such_the_earliest() -> None:
    mirror = honest()
    early = lay_ethereum(mirror, 2)
    late = lay_ethereum(mirror, 4, number=23_000_014, timestamp=DAY_ONE + 2 * 86_400)
    again = prove_ethereum(mirror, 4, announcement(mirror, 4, edition=2), number=23_000_007, timestamp=DAY_ONE + 86_400)
    mirror.files[(*folder_of(4), "ethereum-2.json")] = bytes(again)
    report = judge(mirror, hashes(early, late, ethereum.parse_header(again.header)))
    assert [each.standing for each in report.anchors] == [Standing.EXISTED_BY] * 3
    assert report.verdict(Claim.EXISTED_BY).words[:-1] == (
        "2026-09-22: all 4 entries, by Ethereum block 23000007, whose hash you gave",
    )


def test_of_several_blocks_in_one_proof_the_earliest_day_counts() -> None:
    mirror, chain = honest(), Chain()
    lines = lines_of(mirror, 4)
    first = prove_bitcoin(lines, chain, DAY + timedelta(days=1))
    way = (ots.Op(ots.PREPEND, b"another calendar"), ots.Op(ots.SHA256))
    height = chain.add(ots.Path(way, ots.at_height(0)).result(first.digest), DAY)
    both = ots.proof_of(first.digest, [*first.paths, ots.Path(way, ots.at_height(height))])
    lay(mirror, LINES, lines)
    lay(mirror, PROOF, bytes(both))
    known = tuple((at, found) for at, _ in both.blocks if (found := chain.header(at)))
    assert words_of(judge(mirror, Sources(Heads(known))), Claim.EXISTED_BY).startswith(
        f"{DAY}: all 4 entries, by Bitcoin block {height}, whose header you gave"
    )
    (one,) = judge(mirror, Sources(Heads(known[:1]))).anchors
    assert (one.standing, one.day) == (Standing.EXISTED_BY, DAY + timedelta(days=1))
    other = ((known[0][0], known[1][1]), known[1])
    assert state(judge(mirror, Sources(Heads(other)))) is State.FALSE


def test_a_header_in_a_file_is_enough() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 3)
    height, header = lay_bitcoin(mirror, 4)
    report = judge(mirror, Sources(Heads(((height, header),), (block,))))
    assert report.verdict(Claim.EXISTED_BY).words[:2] == (
        f"{TODAY}: the first 3 of 4 entries, by Ethereum block 23000000, whose header you gave",
        f"{DAY}: all 4 entries, by Bitcoin block {height}, whose header you gave",
    )


def test_a_bitcoin_header_without_its_height_is_told_by_its_merkle_root() -> None:
    mirror = honest()
    _, header = lay_bitcoin(mirror, 4)
    report = judge(mirror, Sources(Heads(((None, header),))))
    assert f"by Bitcoin block {bitcoin.shown(header.hash)}, whose header you gave" in words_of(report, Claim.EXISTED_BY)


def test_those_who_are_asked_have_to_agree() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 4)
    agreeing = judge(mirror, Sources(asked=Asked(one=block.hash, two=block.hash, three=None)))
    assert words_of(agreeing, Claim.EXISTED_BY).startswith(
        f"{TODAY}: all 4 entries, by Ethereum block 23000000, according to one and two; three did not answer: it is a"
    )
    disagreeing = judge(mirror, Sources(asked=Asked(one=block.hash, two=ELSEWHERE, three=b"")))
    assert state(disagreeing) is State.NOT_CHECKED
    assert words_of(disagreeing, Claim.EXISTED_BY) == (
        f"those who were asked disagree on Ethereum block 23000000: one says {block.hash.hex()}, "
        f"two says {ELSEWHERE.hex()}, three says that there is none"
    )


def test_those_who_are_asked_about_bitcoin_show_its_header() -> None:
    mirror, chain = honest(), Chain()
    height, header = lay_bitcoin(mirror, 4, chain)
    asked = Asked(one=bytes(header), two=b"no header")
    report = judge(mirror, Sources(asked=asked))
    assert words_of(report, Claim.EXISTED_BY).startswith(
        f"{DAY}: all 4 entries, by Bitcoin block {height}, according to one; two did not answer: a Bitcoin header of 9"
    )
    assert asked.questions == [(height,)]
    other = chain.header(chain.add(ELSEWHERE))
    disagreeing = judge(mirror, Sources(asked=Asked(one=bytes(header), two=bytes(other))))
    assert "those who were asked disagree on Bitcoin block" in words_of(disagreeing, Claim.EXISTED_BY)
    assert bitcoin.shown(header.hash) in words_of(disagreeing, Claim.EXISTED_BY)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"one": None}, "nobody says what Ethereum block 23000000 is; one did not answer: it is away"),
        ({"one": b"", "two": b""}, "there is no Ethereum block 23000000 for one and two"),
    ],
)
def test_where_nobody_knows_it_is_not_checked(says: dict[str, Any], words: str) -> None:
    mirror = honest()
    lay_ethereum(mirror, 4)
    report = judge(mirror, Sources(asked=Asked(**says)))
    assert (state(report), words_of(report, Claim.EXISTED_BY)) == (State.NOT_CHECKED, words)
    assert report.exit_code() == 0


def test_without_a_source_it_says_what_to_give() -> None:
    mirror = honest()
    lay_ethereum(mirror, 3)
    lay_ethereum(mirror, 4, number=23_000_007)
    height, _ = lay_bitcoin(mirror, 4)
    report = judge(mirror)
    assert state(report) is State.NOT_CHECKED
    assert report.verdict(Claim.EXISTED_BY).words == (
        f"give the header of Bitcoin block {height} with --headers, or ask with --bitcoin URL; "
        "its hash alone is not enough",
        "give the hash of Ethereum block 23000007 with --block-hash, its header with --headers, "
        "or ask with --ethereum URL",
    )
    assert [each.size for each in report.anchors] == [3, 4, 4]


def test_only_the_main_chain_counts_unless_another_is_asked_for() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 4, chain=31337)
    report = judge(mirror, hashes(block))
    assert words_of(report, Claim.EXISTED_BY) == (
        "block 23000000 of chain 31337 does not count where chain 1 was asked for; for it: --chain 31337"
    )
    asked = judge(mirror, replace(hashes(block), chain=31337))
    assert words_of(asked, Claim.EXISTED_BY).startswith(
        f"{TODAY}: all 4 entries, by block 23000000 of chain 31337, whose hash you gave"
    )


def test_a_promise_is_pending() -> None:
    mirror = honest()
    lines = lines_of(mirror, 4)
    path = ots.Path((), ots.promised_by("https://calendar.example"))
    mirror.files[(*folder_of(4), LINES)] = lines
    mirror.files[(*folder_of(4), PROOF)] = bytes(ots.proof_of(sha256(lines).digest(), [path]))
    report = judge(mirror)
    assert [each.standing for each in report.anchors] == [Standing.PENDING]
    assert words_of(report, Claim.EXISTED_BY) == "pending: https://calendar.example promised a block of Bitcoin"


def test_what_needs_a_library_that_is_absent_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(data: bytes) -> ethereum.Proof:
        raise extras.absent("ethereum")

    mirror = honest()
    lay_ethereum(mirror, 4)
    monkeypatch.setattr(ethereum, "parse_proof", absent)
    report = judge(mirror)
    assert state(report) is State.NOT_CHECKED
    assert words_of(report, Claim.EXISTED_BY) == (
        "needs testimony-mirror[ethereum]: in mirror's checkout: pip install '.[ethereum]'"
    )


def test_who_does_not_answer_is_no_fault_of_the_evidence() -> None:
    mirror = honest()
    lay_ethereum(mirror, 4)
    copy = mirror.lay()
    proof = copy.paths[(*folder_of(4), JSON)].cid

    def get(cid: Any) -> bytes:
        if cid == proof:
            raise Unavailable("the gateway did not answer")
        return copy.get(cid)

    with pytest.raises(Unavailable, match="the gateway did not answer"):
        verify(copy.evidence(get=get), TRUST, Run())
    with pytest.raises(Unavailable, match="the gateway did not answer"):
        verify_one(copy.evidence(get=get), note_path(1), TRUST)


# One testimony


def test_one_testimony_is_dated_by_the_earliest_anchor_that_covers_it() -> None:
    mirror = honest()
    early = lay_ethereum(mirror, 2)
    late = lay_ethereum(mirror, 4, number=23_000_007, timestamp=DAY_ONE + 86_400)
    both = hashes(early, late)
    assert words_of(judge_one(mirror, 1, both), Claim.EXISTED_BY).startswith(
        f"{TODAY}: #1 was listed, by Ethereum block 23000000, whose hash you gave"
    )
    assert words_of(judge_one(mirror, 2, both), Claim.EXISTED_BY).startswith("2026-09-22: #2 was listed")
    assert words_of(judge_one(mirror, 1, hashes(late)), Claim.EXISTED_BY).startswith("2026-09-22: #1 was listed")


def test_of_the_other_anchors_nothing_is_read() -> None:
    mirror = honest()
    for number in range(300):
        mirror.testify(f"More {number}.")
    block = lay_ethereum(mirror, 102)
    for size in (2, 101, 103, 200):
        mirror.files[(*folder_of(size), JSON)] = b"another proof %d" % size
    copy = mirror.lay()
    asked = set()

    def get(cid: Any) -> bytes:
        asked.add(cid)
        return copy.get(cid)

    report = verify_one(copy.evidence(get=get), note_path(101), TRUST, hashes(block))
    assert state(report) is State.HOLDS
    read = [path for path, link in copy.paths.items() if path[:1] == ("anchor",) and link.cid in asked]
    assert sorted(path for path in read if len(path) > 4) == [folder_of(102), (*folder_of(102), JSON)]


def test_what_no_anchor_covers_is_said() -> None:
    mirror = honest()
    lay_ethereum(mirror, 3)
    assert words_of(judge_one(mirror, 3), Claim.EXISTED_BY) == "no anchor in this edition covers #3"
    assert words_of(judge_one(honest(), 3), Claim.EXISTED_BY) == "no anchor in this edition"


# What is false


def ethereum_saying(size: int = 4, **others: Any) -> Callable[[Mirror], None]:
    """A proof that is whole, of an announcement that says something else."""
    return lambda mirror: lay(mirror, JSON, bytes(prove_ethereum(mirror, 4, announcement(mirror, size, **others))))


def lay(mirror: Mirror, name: str, data: bytes) -> None:
    mirror.files[(*folder_of(4), name)] = data


def by_another_key(mirror: Mirror) -> None:
    note = notes.peek(announcement(mirror, 4))
    lay(mirror, JSON, bytes(prove_ethereum(mirror, 4, sign_text(note.text, OTHER))))


def holding_a_testimony(mirror: Mirror) -> None:
    lay(mirror, JSON, bytes(prove_ethereum(mirror, 4, mirror.rows[1].note or b"")))


def spliced(**others: Callable[[ethereum.Proof], Any]) -> Callable[[Mirror], None]:
    """A proof of which a part is that of another proof, which is whole by itself."""

    def change(mirror: Mirror) -> None:
        proof, other = prove_ethereum(mirror, 4), prove_ethereum(mirror, 4, others=7, number=23_000_009)
        lay(mirror, JSON, bytes(replace(proof, **{name: take(other) for name, take in others.items()})))

    return change


def ots_over(**others: Any) -> Callable[[Mirror], None]:
    """A pair that fits, whose three lines say something else."""

    def change(mirror: Mirror) -> None:
        lines = lines_of(mirror, others.pop("size", 4), **others)
        lay(mirror, LINES, lines)
        lay(mirror, PROOF, bytes(prove_bitcoin(lines, Chain())))

    return change


def ots_of_other_lines(mirror: Mirror) -> None:
    lay(mirror, LINES, lines_of(mirror, 4))
    lay(mirror, PROOF, bytes(prove_bitcoin(lines_of(mirror, 3), Chain())))


def ots_of_an_unknown_kind(mirror: Mirror) -> None:
    lines = lines_of(mirror, 4)
    way = ots.Path((), ots.Attestation(b"another!", b""))
    lay(mirror, LINES, lines)
    lay(mirror, PROOF, bytes(ots.proof_of(sha256(lines).digest(), [way])))


LIES: dict[str, tuple[Callable[[Mirror], None], str, str]] = {
    "another log": (ethereum_saying(root_hash=ELSEWHERE), JSON, "it anchors another log: the first 4 entries of this"),
    "another size": (ethereum_saying(3), JSON, "it holds the announcement of edition 1 with 3 entries"),
    "another edition": (ethereum_saying(edition=2), JSON, "it holds the announcement of edition 2 with 4 entries"),
    "another charter": (
        ethereum_saying(charter=Mirror(seed="x").charter_cid), JSON,
        "it holds an announcement of another log of voices.example/archive",
    ),
    "another name": (ethereum_saying(mirror="voices.example/x"), JSON, "it holds an announcement of another log of"),
    "another key": (by_another_key, JSON, "the announcement has a line by"),
    "another note": (holding_a_testimony, JSON, "a note of kind testimony where a announcement has to be"),
    "another header": (spliced(header=lambda other: other.header), JSON, "has the hash"),
    "another block": (
        spliced(header=lambda other: other.header, block=lambda other: other.block), JSON,
        "its node 0 is not the one whose hash stands above it",
    ),
    "another branch": (spliced(branch=lambda other: other.branch), JSON, "is not the one whose hash stands above it"),
    "another transaction": (
        spliced(transaction=lambda other: other.transaction), JSON, "it leads to another transaction",
    ),
    "another chain": (spliced(chain=lambda other: 5), JSON, "its transaction is for chain 1, not 5"),
    "lines of another log": (ots_over(origin="voices.example/x"), PROOF, "checkpoint.txt is of another log, voices.ex"),
    "lines of another size": (ots_over(size=3), PROOF, "checkpoint.txt is a checkpoint of 3 entries"),
    "lines of another root": (ots_over(root_hash=ELSEWHERE), PROOF, "it anchors another log: the first 4 entries"),
    "a proof of other lines": (ots_of_other_lines, PROOF, "the proof is over something else than checkpoint.txt"),
    "another kind of clock": (ots_of_an_unknown_kind, PROOF, "the timestamp holds something else than Bitcoin blocks"),
    "a proof alone": (
        lambda mirror: lay(mirror, PROOF, bytes(prove_bitcoin(lines_of(mirror, 4), Chain()))), PROOF,
        "no checkpoint.txt lies beside it",
    ),
    "lines alone": (lambda mirror: lay(mirror, LINES, lines_of(mirror, 4)), LINES, "no checkpoint.txt.ots lies beside"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_false_and_named(lie: str) -> None:
    tell, name, words = LIES[lie]
    mirror = honest()
    tell(mirror)
    item = "/".join((*folder_of(4), name))
    for report in (judge(mirror), judge_one(mirror, 2)):
        assert state(report) is State.FALSE
        assert (report.bad_items(), report.exit_code()) == ([item], 1)
        assert words in words_of(report, Claim.EXISTED_BY)


def test_an_anchor_of_more_entries_than_the_log_has_is_false() -> None:
    mirror = honest()
    proof = prove_ethereum(mirror, 4, announcement(mirror, 5, root_hash=ELSEWHERE))
    item = "/".join((*folder_of(5), JSON))
    mirror.files[(*folder_of(5), JSON)] = bytes(proof)
    for report in (judge(mirror), judge_one(mirror, 2)):
        assert report.bad_items() == [item]
        assert words_of(report, Claim.EXISTED_BY) == f"{item}: a log of 4 entries has no checkpoint of 5"


def test_a_block_that_is_not_on_the_chain_is_false() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 4)
    other = ethereum.parse_header(make_proof(b"other").header)
    words = "the proof leads to another block than Ethereum block 23000000, "
    for sources, ending in (
        (Sources(Heads((), (other,))), "whose header you gave"),
        (Sources(asked=Asked(one=ELSEWHERE, two=ELSEWHERE)), "according to one and two"),
    ):
        report = judge(mirror, sources)
        assert words_of(report, Claim.EXISTED_BY).endswith(words + ending)
        assert report.exit_code() == 1
    several = judge(mirror, Sources(Heads((), (other, block))))
    assert state(several) is State.NOT_CHECKED


def test_a_hash_that_is_of_no_block_here_is_not_passed_over() -> None:
    mirror = honest()
    lay_ethereum(mirror, 3)
    block = lay_ethereum(mirror, 4, number=23_000_007)
    report = judge(mirror, Sources(hashes=(ELSEWHERE[:-1] + b"\1", b"\7" * 32)))
    assert report.exit_code() == 1
    assert "the hash that you gave is not that of Ethereum block 23000000 in this proof" in words_of(
        report, Claim.EXISTED_BY
    )
    one_of_two = judge(mirror, hashes(block))
    assert [each.standing for each in one_of_two.anchors] == [Standing.NOT_CHECKED, Standing.EXISTED_BY]
    bitcoins = judge(mirror, Sources(hashes=(block.hash, bytes(4) + b"\7" * 28)))
    assert [each.standing for each in bitcoins.anchors] == [Standing.NOT_CHECKED, Standing.EXISTED_BY]


def test_a_hash_that_was_typed_outweighs_those_who_are_asked() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 4)
    sources = Sources(hashes=(ELSEWHERE[:-1] + b"\1", b"\7" * 32), asked=Asked(liar=block.hash))
    report = judge(mirror, sources)
    assert state(report) is State.NOT_CHECKED
    assert words_of(report, Claim.EXISTED_BY) == (
        "the hash that you gave is not that of Ethereum block 23000000 in this proof, "
        "which is Ethereum block 23000000, according to liar"
    )
    assert report.anchors[0].day is None
    assert state(judge_one(mirror, 1, sources)) is State.NOT_CHECKED
    assert state(judge(mirror, replace(sources, heads=Heads((), (block,))))) is State.HOLDS


def test_of_one_testimony_no_anchor_is_accused_by_the_hash_of_a_later_one() -> None:
    mirror = honest()
    lay_ethereum(mirror, 2)
    later = [lay_ethereum(mirror, size, number=23_000_000 + size) for size in (3, 4)]
    report = judge_one(mirror, 1, hashes(*later))
    assert words_of(report, Claim.EXISTED_BY).startswith(
        f"{TODAY}: #1 was listed, by Ethereum block 23000003, whose hash you gave"
    )
    assert [each.standing for each in report.anchors] == [Standing.NOT_CHECKED, *[Standing.EXISTED_BY] * 2]


@pytest.mark.parametrize("others_first", [True, False])
@pytest.mark.parametrize("merkle_root", [ELSEWHERE, None], ids=["another root", "the same root"])
def test_a_block_of_bitcoin_that_is_given_twice_is_not_checked(merkle_root: bytes | None, others_first: bool) -> None:
    mirror = honest()
    height, header = lay_bitcoin(mirror, 4)
    earlier = mine(merkle_root or header.merkle_root, DAY - timedelta(days=300))
    given = [(height, header), (height, earlier)]
    report = judge(mirror, Sources(Heads(tuple(given[::-1] if others_first else given))))
    assert state(report) is State.NOT_CHECKED
    assert (
        words_of(report, Claim.EXISTED_BY)
        == f"Bitcoin block {height}, whose header you gave, is given as several blocks"
    )


def test_a_header_that_took_less_work_than_bitcoins_dates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bitcoin.target(0x17148EDF) <= EASIEST < bitcoin.target(0x1D00FFFF), "of early 2020, and of the first block"
    mirror = honest()
    height, header = lay_bitcoin(mirror, 4)
    given, asked = Sources(Heads(((height, header),))), Sources(asked=Asked(one=bytes(header)))
    monkeypatch.setattr(clocks_outside, "EASIEST", bitcoin.target(EASY) - 1)
    too_easy = "took less work than any block of Bitcoin since 2020"
    for sources, words in (
        (given, f"Bitcoin block {height}, whose header you gave: that {too_easy}"),
        (asked, f"nobody says what Bitcoin block {height} is; one did not answer: its header {too_easy}"),
    ):
        report = judge(mirror, sources)
        assert (state(report), words_of(report, Claim.EXISTED_BY)) == (State.NOT_CHECKED, words)
    monkeypatch.setattr(clocks_outside, "EASIEST", bitcoin.target(EASY))
    assert [state(judge(mirror, each)) for each in (given, asked)] == [State.HOLDS] * 2


def test_a_block_of_bitcoin_with_another_merkle_root_is_false() -> None:
    mirror, chain = honest(), Chain()
    height, _ = lay_bitcoin(mirror, 4, chain)
    other = chain.header(chain.add(ELSEWHERE))
    assert other is not None
    for sources in (Sources(Heads(((height, other),))), Sources(asked=Asked(one=bytes(other)))):
        report = judge(mirror, sources)
        assert report.exit_code() == 1
        assert f"the proof leads to another block than Bitcoin block {height}" in words_of(report, Claim.EXISTED_BY)


def test_where_the_tiles_do_not_lead_to_the_checkpoint_an_anchor_is_not_accused() -> None:
    mirror = honest()
    block = lay_ethereum(mirror, 3)
    copy = mirror.lay()
    copy.lose("tile/0/000.p/4")
    report = judge(copy, hashes(block))
    assert state(report) is State.NOT_CHECKED
    assert words_of(report, Claim.EXISTED_BY).startswith("what this log should be at that size cannot be told")


def test_a_folder_of_anchors_that_is_not_here_is_complete_false_and_no_more() -> None:
    mirror = honest()
    lay_ethereum(mirror, 3)
    copy = mirror.lay()
    copy.lose("anchor/00/00")
    report = judge(copy)
    assert report.verdict(Claim.COMPLETE).state is State.FALSE
    assert state(report) is State.NOT_CHECKED
    damaged = mirror.lay()
    damaged.flip("anchor/00/00")
    assert judge_one(damaged, 1).bad_items() == ["anchor"]


# Every byte


class AnyHeight(Asked):
    """Someone who has a header for every height: the right one where it lies in the chain."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def bitcoin(self, height: int) -> Any:
        return [Said("one", bytes(self.chain.header(height) or self.chain.headers[-1]))]


@pytest.fixture(scope="module")
def pair() -> tuple[clocks.Log, dict[str, bytes], Sources]:
    """A log, the files of its anchors of both kinds, and a reader who can look up every block."""
    mirror, chain = honest(), Chain()
    block = lay_ethereum(mirror, 4, others=1)
    lay_bitcoin(mirror, 4, chain)
    chain.add(ELSEWHERE)
    copy = mirror.lay()
    edition = Edition(copy.root, copy.get)
    log = clocks.Log(edition.key, edition.charter_cid, edition.checkpoint, edition.log)
    files = {path[-1]: data for path, data in mirror.files.items() if path[:1] == ("anchor",)}
    return log, files, Sources(hashes=(block.hash,), asked=AnyHeight(chain))


def standings(log: clocks.Log, files: dict[str, bytes], sources: Sources) -> list[Standing]:
    judged = clocks.Clocks(log, sources)
    judged.judge(4, folder_of(4), files, lambda path: files[path[-1]])
    return [each.standing for each in judged.finish()]


Pair = tuple[clocks.Log, dict[str, bytes], Sources]
DATED = [Standing.EXISTED_BY, Standing.EXISTED_BY]


def test_both_hold_as_they_are(pair: Pair) -> None:
    assert standings(*pair) == DATED


@pytest.mark.parametrize("name", [JSON, LINES, PROOF])
def test_every_single_byte_change_of_a_stored_proof_is_false(pair: Pair, name: str) -> None:
    log, files, sources = pair
    expected = [Standing.EXISTED_BY, Standing.FALSE] if name == JSON else [Standing.FALSE, Standing.EXISTED_BY]
    data, kept = files[name], []
    for at, byte in enumerate(data):
        for other in {byte ^ 1, byte ^ 0x80, (byte + 7) % 256} - {byte}:
            changed = data[:at] + bytes([other]) + data[at + 1 :]
            if standings(log, {**files, name: changed}, sources) != expected:
                kept.append((at, other))
    assert kept == []


def test_of_ethereum_also_where_nobody_is_asked(pair: Pair) -> None:
    log, files, _ = pair
    data = files[JSON]
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert standings(log, {JSON: changed}, NONE) == [Standing.FALSE]


@pytest.mark.parametrize("name", [JSON, LINES, PROOF])
def test_in_a_tree_every_change_is_found_by_its_cid(name: str) -> None:
    mirror = honest()
    lay_ethereum(mirror, 4)
    lay_bitcoin(mirror, 4)
    copy = mirror.lay()
    copy.flip("/".join((*folder_of(4), name)), 5)
    report = judge(copy)
    assert report.verdict(Claim.UNCHANGED).state is State.FALSE
    assert state(report) is State.FALSE


def test_so_many_blocks_are_asked_for_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks_outside, "ASKED_AT_MOST", 2)
    mirror = honest()
    blocks = [lay_ethereum(mirror, size, number=size) for size in (1, 2, 3)]
    asked = Asked(one=blocks[2].hash)
    report = judge(mirror, Sources(asked=asked))
    assert asked.questions == [(1, 3), (1, 2)]
    assert [each.standing for each in report.anchors] == [
        Standing.NOT_CHECKED, Standing.FALSE, Standing.EXISTED_BY,
    ]  # fmt: skip
    assert "2 other blocks were asked for" in report.anchors[0].words


@given(st.sampled_from([JSON, LINES, PROOF]), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_lies_there_is_judged_and_never_a_crash(pair: Pair, name: str, data: st.DataObject) -> None:
    log, files, sources = pair
    changed = data.draw(mutated(st.just(files[name])) | st.binary(max_size=80))
    found = standings(log, {**files, name: changed}, sources)
    assert len(found) == 2
    assert changed == files[name] or Standing.EXISTED_BY in found
    assert changed == files[name] or found != DATED
