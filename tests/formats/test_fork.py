"""Fork evidence convinces of a fork, and of nothing where there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import BadProof, BadSignature, Malformed
from mirror.formats import checkpoint, fork, key, merkle, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.fork import Evidence, parse

KEY = key.generate("voices.example/archive", bytes(range(32)))


class Story:
    """A log in memory, told by its entries."""

    def __init__(self, *entries: bytes) -> None:
        self.leaves = [merkle.leaf_hash(entry) for entry in entries]

    def read(self, level: int, n: int) -> bytes:
        return merkle.subtree_hash(self.leaves[n << level : (n + 1) << level])

    def root(self, size: int) -> bytes:
        return merkle.root_hash(size, self.read)

    def note(self, size: int, signer: key.SecretKey = KEY) -> bytes:
        return checkpoint.sign(Checkpoint(signer.name, size, self.root(size)), signer)

    def against(self, other: "Story", old: int, new: int) -> Evidence:
        """That the other story's checkpoint of `old` entries does not begin this one's of `new`."""
        return Evidence(other.note(old), self.note(new), self.root(old), merkle.prove_consistency(old, new, self.read))


ONE = Story(*(b"%d" % n for n in range(12)))
OTHER = Story(*(b"%d" % n for n in range(5)), b"withheld", *(b"%d" % n for n in range(6, 12)))
FORK = ONE.against(OTHER, 6, 11)
SAME_SIZE = Evidence(ONE.note(7), OTHER.note(7))
HASHES = st.binary(min_size=32, max_size=32)
NOTES = st.binary(min_size=1, max_size=12)
EVIDENCE = st.builds(Evidence, NOTES, NOTES) | st.builds(
    Evidence, NOTES, NOTES, HASHES, st.lists(HASHES, min_size=1, max_size=4).map(tuple)
)


@given(EVIDENCE)
def test_evidence_round_trips(given_: Evidence) -> None:
    assert parse(bytes(given_)) == given_


@given(st.binary(max_size=60) | mutated(EVIDENCE.map(bytes)) | mutated(st.just(bytes(FORK))))
def test_evidence_has_one_spelling(data: bytes) -> None:
    assert_strict(parse, data)


@given(mutated(st.just(bytes(FORK)) | st.just(bytes(SAME_SIZE))))
def test_changed_evidence_does_not_convince(data: bytes) -> None:
    try:
        first, second = parse(data).check(KEY.public)
    except (Malformed, BadSignature, BadProof):
        return
    assert (first.size, second.size) in {(6, 11), (7, 7)}


def test_every_fork_convinces_and_no_honest_history_does() -> None:
    for new in range(1, 13):
        for old in range(1, new):
            if old > 5:
                first, second = parse(bytes(ONE.against(OTHER, old, new))).check(KEY.public)
                assert (first.root_hash, second.root_hash) == (OTHER.root(old), ONE.root(new))
            with pytest.raises(BadProof, match="no fork: the larger log begins with the smaller one"):
                ONE.against(ONE, old, new).check(KEY.public)
        with pytest.raises(BadProof, match="no fork: both checkpoints have one size and one root hash"):
            Evidence(ONE.note(new), ONE.note(new)).check(KEY.public)
    first, second = SAME_SIZE.check(KEY.public)
    assert first.size == second.size == 7


def test_an_honest_history_cannot_be_made_to_look_like_a_fork() -> None:
    honest = ONE.against(ONE, 6, 11)
    for root in (OTHER.root(6), ONE.root(7), bytes(32)):
        with pytest.raises(BadProof, match="consistency proof from 6 to 11 entries does not lead"):
            Evidence(honest.first, honest.second, root, honest.hashes).check(KEY.public)
    with pytest.raises(BadProof, match="names the larger checkpoint first"):
        Evidence(honest.second, honest.first, ONE.root(11), honest.hashes).check(KEY.public)
    with pytest.raises(BadProof, match="no consistency proof between checkpoints of two sizes"):
        Evidence(honest.first, honest.second).check(KEY.public)
    with pytest.raises(BadProof, match="holds a consistency proof between checkpoints of one size"):
        Evidence(ONE.note(7), OTHER.note(7), ONE.root(6), honest.hashes).check(KEY.public)


def test_what_another_key_signed_is_no_evidence() -> None:
    stranger = key.generate(KEY.name, bytes(32))
    for made in (
        Evidence(ONE.note(7), OTHER.note(7, stranger)),
        Evidence(ONE.note(7, stranger), OTHER.note(7)),
        Evidence(FORK.first, ONE.note(11, stranger), FORK.other_root, FORK.hashes),
    ):
        with pytest.raises(BadSignature, match="no signature by a known key"):
            made.check(KEY.public)
    with pytest.raises(Malformed, match="the note has no empty line"):
        Evidence(b"x", OTHER.note(7)).check(KEY.public)


LINES = bytes(FORK).split(b"\n")
HEAD = b"mirror fork evidence v1"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"", b""], "not fork evidence: it does not begin with"),
        ([HEAD, b""], "fork evidence without two checkpoints"),
        ([b"mirror fork evidence v2", *LINES[1:]], "not fork evidence"),
        ([HEAD, LINES[1], b""], "fork evidence without two checkpoints"),
        ([HEAD, LINES[1], b"", b""], "fork evidence without two checkpoints"),
        ([HEAD, LINES[1], LINES[2] + b" ", b""], "not canonical base64"),
        (LINES[:-1], "the fork evidence does not end in a newline"),
        ([*LINES, b""], "not 32 bytes"),
        ([*LINES[:3], *LINES[4:]], "fourth line is not a root hash with a proof behind it"),
        ([*LINES[:4], b""], "fourth line is not a root hash with a proof behind it"),
        ([*LINES[:3], b"root ", *LINES[4:]], "a root hash or a consistency proof, but not both"),
        ([*LINES[:3], b"root YQ==", *LINES[4:]], "a hash that is not 32 bytes"),
        ([*LINES[:4], b"YQ==", b""], "a hash that is not 32 bytes"),
        ([*LINES[:3], LINES[3].replace(b" ", b"  "), *LINES[4:]], "not canonical base64"),
        ([b"\xff"], "the fork evidence is not UTF-8"),
    ],
)
def test_every_mangling_is_malformed(lines: list[bytes], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse(b"\n".join(lines))


def test_bounds() -> None:
    note, many = bytes(checkpoint.CHECKPOINT_AT_MOST), (bytes(32),) * merkle.HASHES_AT_MOST
    most = Evidence(note, note, bytes(32), many)
    assert parse(bytes(most)) == most
    assert len(bytes(most)) <= fork.EVIDENCE_AT_MOST
    hash_line = wire.encode_base64(bytes(32)).encode() + b"\n"
    longer = wire.encode_base64(note + b"x").encode()
    for data, words in (
        (bytes(Evidence(b"1", b"2", bytes(32), many)) + hash_line, "fork evidence of 65 hashes, more than 64"),
        (HEAD + b"\n" + longer + b"\nYQ==\n", "with a checkpoint of more than 262144 bytes"),
        (HEAD + b"\nYQ==\n" + longer + b"\n", "with a checkpoint of more than 262144 bytes"),
        (bytes(fork.EVIDENCE_AT_MOST), "the fork evidence does not end in a newline"),
        (bytes(fork.EVIDENCE_AT_MOST + 1), f"fork evidence of more than {fork.EVIDENCE_AT_MOST} bytes"),
    ):
        with pytest.raises(Malformed, match=words):
            parse(data)
