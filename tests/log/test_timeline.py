"""A later checkpoint continues the one that was seen, or both are kept as the proof of a fork."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import BadProof, BadSignature, Forked, Missing, Refused
from mirror.formats import checkpoint, fork, key, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.tile import Place
from mirror.log.append import append
from mirror.log.timeline import Step, advance, evidence
from mirror.log.tree import TiledLog

KEY = key.generate("voices.example/archive", bytes(range(32)))
HONEST = [b"testimony %d" % n for n in range(400)]
OTHER = [*HONEST[:250], b"withheld", *HONEST[251:]]


class Told:
    """One telling of a log: its tiles at a size, and the checkpoint over them."""

    def __init__(self, entries: list[bytes], size: int, signer: key.SecretKey = KEY) -> None:
        self.places: dict[Place, bytes] = {}
        _, root_hash = append(None, entries[:size], self.places.__setitem__)
        self.checkpoint = Checkpoint(signer.name, size, root_hash)
        self.note = checkpoint.sign(self.checkpoint, signer)
        self.log = TiledLog(size, self.read)

    def read(self, place: Place) -> bytes:
        return self.places[place]


def unread(size: int) -> TiledLog:
    return TiledLog(size, lambda place: pytest.fail(f"read {place}"))


SIZES = st.sampled_from([1, 2, 200, 249, 250, 251, 255, 256, 257, 300, 400])


@given(SIZES, SIZES)
def test_an_honest_log_is_the_same_later_or_older(seen: int, shown: int) -> None:
    before, now = Told(HONEST, seen), Told(HONEST, shown)
    want = Step.SAME if seen == shown else Step.LATER if seen < shown else Step.OLDER
    assert advance(before.checkpoint, now.checkpoint, now.log) is want
    with pytest.raises(BadProof, match="shows no fork"):
        evidence(before.note, now.note, KEY.public, max(before, now, key=lambda told: told.checkpoint.size).log)


@given(SIZES, SIZES)
def test_two_tellings_are_a_fork_where_they_differ(seen: int, shown: int) -> None:
    before, now = Told(HONEST, seen), Told(OTHER, shown)
    if seen > shown:
        assert advance(before.checkpoint, now.checkpoint, now.log) is Step.OLDER
    first, second = sorted((before, now), key=lambda told: told.checkpoint.size)
    if first.checkpoint.size <= 250:
        assert advance(first.checkpoint, second.checkpoint, second.log) in (Step.SAME, Step.LATER)
        return
    with pytest.raises(Forked, match=r"two checkpoints of voices\.example/archive cannot both be true"):
        advance(first.checkpoint, second.checkpoint, second.log)
    for notes in ((before.note, now.note), (now.note, before.note)):
        kept = fork.parse(bytes(evidence(*notes, KEY.public, second.log)))
        assert set(kept.check(KEY.public)) == {before.checkpoint, now.checkpoint}


def test_a_fork_says_both_sizes_and_root_hashes() -> None:
    before, now = Told(HONEST, 300), Told(OTHER, 400)
    with pytest.raises(Forked) as caught:
        advance(before.checkpoint, now.checkpoint, now.log)
    roots = [wire.encode_base64(told.checkpoint.root_hash) for told in (before, now)]
    for part in ("one of 300 entries", "one of 400 with", "whose first 300 entries are others", *roots):
        assert part in caught.value.message


def test_one_size_needs_no_tiles() -> None:
    before, now = Told(HONEST, 300), Told(OTHER, 300)
    assert advance(before.checkpoint, before.checkpoint, unread(300)) is Step.SAME
    with pytest.raises(Forked, match="cannot both be true"):
        advance(before.checkpoint, now.checkpoint, unread(300))
    assert evidence(before.note, now.note, KEY.public, unread(300)).hashes == ()
    assert advance(before.checkpoint, Told(OTHER, 100).checkpoint, unread(100)) is Step.OLDER


def test_tiles_that_are_not_the_checkpoint_s_are_no_proof_of_a_fork() -> None:
    """Whoever hands over wrong tiles beside an honest checkpoint does not make its key look like a forger's."""
    before, now, lie = Told(HONEST, 300), Told(HONEST, 400), Told(OTHER, 400)
    for tiles in (lie.log, TiledLog(400, lambda place: bytes(len(now.places[place])))):
        with pytest.raises(BadProof, match="consistency proof from 300 to 400 entries does not lead"):
            advance(before.checkpoint, now.checkpoint, tiles)
        with pytest.raises(BadProof, match="consistency proof from 300 to 400 entries does not lead"):
            evidence(before.note, now.note, KEY.public, tiles)


def test_a_missing_tile_is_missing() -> None:
    def missing(place: Place) -> bytes:
        raise Missing(f"{place} is not here")

    with pytest.raises(Missing, match="is not here"):
        advance(Told(HONEST, 300).checkpoint, Told(HONEST, 400).checkpoint, TiledLog(400, missing))


def test_checkpoints_of_two_logs_are_not_compared() -> None:
    stranger = key.generate("other.example", bytes(32))
    before, now = Told(HONEST, 300, stranger), Told(HONEST, 400)
    with pytest.raises(Refused, match=r"checkpoints of two logs, other\.example and voices\.example/archive"):
        advance(before.checkpoint, now.checkpoint, now.log)
    with pytest.raises(BadSignature, match="no signature by a known key"):
        evidence(before.note, now.note, KEY.public, now.log)
    with pytest.raises(Refused, match="tiles of 300 entries are not those of a checkpoint of 400"):
        advance(Told(HONEST, 1).checkpoint, now.checkpoint, before.log)
    with pytest.raises(Refused, match="tiles of 300 entries are not those of a checkpoint of 400"):
        evidence(Told(HONEST, 1).note, now.note, KEY.public, before.log)
