"""A log read out of its tiles has the roots, proofs and entries of its definition, and reads no more than it needs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import BadProof, Malformed, Missing, Refused
from mirror.formats import merkle, tile
from mirror.formats.tile import Place
from mirror.log.append import append
from mirror.log.tree import BUNDLES_KEPT, TiledLog

ENTRIES = [b"testimony %d" % n for n in range(70_000)]


class Shelf(dict[Place, bytes]):
    """The tiles and bundles of a log in memory; counts what is read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.asked: Counter[Place] = Counter()
        append(None, ENTRIES[:size], self.__setitem__)

    def read(self, place: Place) -> bytes:
        self.asked[place] += 1
        if place not in self:
            raise Missing(f"{place} is not here")
        return self[place]


SMALL, LARGE = Shelf(600), Shelf(70_000)


def defined_root(size: int) -> bytes:
    frontier = merkle.Frontier()
    for entry in ENTRIES[:size]:
        frontier.append(merkle.leaf_hash(entry))
    return frontier.root_hash()


ROOTS = {size: defined_root(size) for size in (1, 255, 256, 257, 512, 599, 600, 65_536, 70_000)}


def test_roots_are_those_of_the_definition() -> None:
    small, large = TiledLog(600, SMALL.read), TiledLog(70_000, LARGE.read)
    assert small.root_hash() == ROOTS[600]
    assert large.root_hash() == ROOTS[70_000]
    assert large.root_hash(0) == merkle.EMPTY_ROOT
    for size, root in ROOTS.items():
        assert large.root_hash(size) == root
        assert size > 600 or small.root_hash(size) == root
    with pytest.raises(Refused, match="a log of 600 entries has no root hash of size 601"):
        small.root_hash(601)
    with pytest.raises(Refused, match="no root hash of size -1"):
        small.root_hash(-1)


@given(st.integers(0, 69_999) | st.sampled_from([0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999]))
def test_inclusion_proofs_lead_to_the_root(index: int) -> None:
    log = TiledLog(70_000, LARGE.read)
    assert log.entry(index) == ENTRIES[index]
    merkle.check_inclusion(index, 70_000, merkle.leaf_hash(ENTRIES[index]), log.inclusion(index), ROOTS[70_000])


@pytest.mark.parametrize("old", sorted(ROOTS))
def test_consistency_proofs_lead_to_both_roots(old: int) -> None:
    log = TiledLog(70_000, LARGE.read)
    merkle.check_consistency(old, ROOTS[old], 70_000, ROOTS[70_000], log.consistency(old))


EDGES = st.integers(0, 600) | st.sampled_from([0, 1, 255, 256, 257, 511, 512, 513, 600])


@given(EDGES, EDGES)
def test_entries_stream(start: int, end: int) -> None:
    log = TiledLog(600, SMALL.read)
    assert list(log.entries()) == ENTRIES[:600]
    if start <= end:
        assert list(log.entries(start, end)) == ENTRIES[start:end]
        assert list(log.entries(start)) == ENTRIES[start:600]
    else:
        with pytest.raises(Refused, match=f"entries {start} to {end} do not lie in a log of 600 entries"):
            log.entries(start, end)


def test_what_lies_outside_is_refused_before_anything_is_read() -> None:
    log = TiledLog(600, lambda place: pytest.fail(f"read {place}"))
    for index in (-1, 600):
        with pytest.raises(Refused, match=f"entry {index} does not lie in a log of 600 entries"):
            log.entry(index)
        with pytest.raises(Refused, match=f"entry {index} does not lie in a log of 600 entries"):
            log.inclusion(index)
    with pytest.raises(Refused, match="entries 0 to 601 do not lie"):
        log.entries(0, 601)
    with pytest.raises(Refused, match="a log of 600 entries does not begin with 601"):
        log.consistency(601)
    with pytest.raises(Refused, match="no complete subtree 2 of 2"):
        log.hash(8, 2)


def test_only_places_of_this_size_are_read_and_each_once() -> None:
    LARGE.asked.clear()
    log = TiledLog(70_000, LARGE.read)
    for index in range(69_000, 69_100):
        log.inclusion(index)
    log.root_hash()
    assert set(LARGE.asked) <= set(tile.places(70_000))
    assert set(LARGE.asked.values()) == {1}
    assert len(LARGE.asked) < 8


def test_bundles_are_forgotten() -> None:
    LARGE.asked.clear()
    log = TiledLog(70_000, LARGE.read)
    for index in (0, 1, 256, 0, 512, 0):
        assert log.entry(index) == ENTRIES[index]
    assert BUNDLES_KEPT == 2
    assert LARGE.asked.total() == 3
    log.entry(256)
    assert LARGE.asked.total() == 4


def test_what_is_missing_or_of_another_length_is_named() -> None:
    with pytest.raises(Missing, match=r"tile/1/000\.p/2 is not here"):
        TiledLog(600, Shelf(0).read).root_hash()
    log = TiledLog(600, lambda place: SMALL[place][:-1])
    with pytest.raises(Malformed, match="a tile of 63 bytes, not 2 hashes"):
        log.root_hash()
    with pytest.raises(Malformed, match="a bundle of 256 entries is cut off in its entry 255"):
        log.entry(0)
    with pytest.raises(Malformed, match="a bundle of 256 entries is cut off"):
        list(log.entries())
    longer = TiledLog(600, lambda place: SMALL[place] + b"\0")
    with pytest.raises(Malformed, match="1 bytes behind the 88 entries"):
        longer.entry(599)


def test_a_flipped_bit_in_a_tile_breaks_what_is_read_from_it() -> None:
    def flipped(place: Place) -> bytes:
        data = bytearray(SMALL[place])
        data[0] ^= 1
        return bytes(data)

    log = TiledLog(600, flipped)
    assert log.root_hash() != ROOTS[600]
    with pytest.raises(BadProof, match="does not lead to its root hash"):
        merkle.check_inclusion(300, 600, merkle.leaf_hash(ENTRIES[300]), log.inclusion(300), ROOTS[600])
