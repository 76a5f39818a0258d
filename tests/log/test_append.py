"""Appending in any number of steps gives the same log, writes each place once and reads only the right edge."""

from collections.abc import Iterator

import pytest
from c2sp import vectors
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import BadProof, Malformed, Missing, Refused
from mirror.formats import merkle, tile, wire
from mirror.formats.tile import ENTRIES, Place
from mirror.log.append import append, obsolete
from mirror.log.tree import TiledLog

SEVEN_HUNDRED = [b"%d" % n for n in range(700)]


class Shelf(dict[Place, bytes]):
    """A log's folder in memory: what is written in one step, and what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self.written: list[Place] = []
        self.asked: list[Place] = []

    def read(self, place: Place) -> bytes:
        self.asked.append(place)
        return self[place]

    def write(self, place: Place, data: bytes) -> None:
        self.written.append(place)
        self[place] = data

    def grow(self, entries: list[bytes]) -> bytes:
        """Append, drop what is obsolete, and return the root hash."""
        self.written.clear()
        self.asked.clear()
        old = TiledLog(self.size, self.read) if self.size else None
        size, root_hash = append(old, iter(entries), self.write)
        for place in obsolete(self.size, size):
            del self[place]
        self.size = size
        return root_hash


def at_once(entries: list[bytes]) -> Shelf:
    shelf = Shelf()
    shelf.grow(entries)
    return shelf


def defined(entries: list[bytes]) -> tuple[dict[Place, bytes], bytes]:
    """The tiles, bundles and root hash of a log, from the definitions alone."""
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    frontier, places = merkle.Frontier(), {}
    for leaf in hashes:
        frontier.append(leaf)
    for place in tile.places(len(entries)):
        one = 256 ** max(place.level, 0)
        if place.level == ENTRIES:
            places[place] = tile.encode_bundle(entries[place.start : place.start + place.width])
        else:
            starts = range(place.start, place.start + place.width * one, one)
            places[place] = b"".join(merkle.subtree_hash(hashes[start : start + one]) for start in starts)
    return places, frontier.root_hash()


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000])
def test_a_log_from_nothing_is_that_of_the_definitions(size: int) -> None:
    entries = [b"%d" % n for n in range(size)]
    shelf = Shelf()
    root_hash = shelf.grow(entries)
    assert (dict(shelf), root_hash) == defined(entries)
    assert len(shelf.written) == len(set(shelf.written)) == len(shelf)
    for level in range(ENTRIES, 3):
        numbers = [place.n for place in shelf.written if place.level == level]
        assert numbers == sorted(numbers)


@given(st.lists(st.integers(0, 300) | st.sampled_from([1, 255, 256, 257]), max_size=4))
def test_appending_in_steps_gives_the_same_log(steps: list[int]) -> None:
    shelf, entries = Shelf(), [b"%d" % n for n in range(sum(steps))]
    for step in steps:
        before, old_size = dict(shelf), shelf.size
        shelf.grow(entries[old_size : old_size + step])
        want, _ = defined(entries[: shelf.size])
        assert dict(shelf) == want
        assert set(shelf.written) == {place for place in want if place not in before}
        assert len(shelf.written) == len(set(shelf.written))
        assert set(shelf.asked) <= set(tile.partials(old_size))
        assert len(shelf.asked) == len(set(shelf.asked))


def test_appending_nothing_writes_nothing() -> None:
    shelf = at_once(SEVEN_HUNDRED)
    before = dict(shelf)
    assert shelf.grow([]) == defined(SEVEN_HUNDRED)[1]
    assert (shelf.written, dict(shelf), shelf.size) == ([], before, 700)
    assert append(None, [], shelf.write) == (0, merkle.EMPTY_ROOT)


def test_entries_stream() -> None:
    """When the entry n is asked for, all full tiles and bundles before it have been written: none is held back."""
    shelf = Shelf()

    def stream() -> Iterator[bytes]:
        for n, entry in enumerate(SEVEN_HUNDRED):
            assert len([place for place in shelf.written if place.level == ENTRIES]) == n // 256
            assert len([place for place in shelf.written if place.level == 0]) == n // 256
            yield entry

    assert append(None, stream(), shelf.write)[0] == 700


def test_an_old_log_is_not_touched_where_it_is_full() -> None:
    shelf = at_once(SEVEN_HUNDRED[:512])
    shelf.grow([b"x"])
    assert [place.path for place in shelf.asked] == ["tile/1/000.p/2"]
    assert [place.path for place in shelf.written] == ["tile/entries/002.p/1", "tile/0/002.p/1"]


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        (0, 5, []),
        (5, 5, []),
        (5, 6, ["tile/0/000.p/5", "tile/entries/000.p/5"]),
        (5, 256, ["tile/0/000.p/5", "tile/entries/000.p/5"]),
        (256, 300, []),
        (300, 600, ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]),
        (65_536, 65_537, []),
    ],
)
def test_what_is_obsolete(old: int, new: int, paths: list[str]) -> None:
    assert [place.path for place in obsolete(old, new)] == paths


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_obsolete_is_what_the_new_log_does_not_have(one: int, other: int) -> None:
    old, new = sorted((one, other))
    assert set(obsolete(old, new)) == set(tile.partials(old)) - set(tile.partials(new))


def test_a_log_does_not_shrink() -> None:
    for old, new in ((6, 5), (-1, 5)):
        with pytest.raises(Refused, match=f"a log of {old} entries does not become one of {new}"):
            obsolete(old, new)


def test_an_entry_that_is_too_long_is_refused() -> None:
    shelf = Shelf()
    shelf.grow([b"", b"x" * 65_535])
    with pytest.raises(Refused, match="a log entry of 65536 bytes, more than 65535"):
        shelf.grow([b"x" * 65_536])


def test_a_damaged_right_edge_is_not_built_upon() -> None:
    bundle, leaves = Place(ENTRIES, 2, 188), Place(0, 2, 188)
    for place, error, words in (
        (bundle, BadProof, r"tile/entries/002\.p/188 does not hold the entries whose hashes lie beside it"),
        (leaves, BadProof, r"tile/entries/002\.p/188 does not hold the entries whose hashes lie beside it"),
    ):
        shelf = at_once(SEVEN_HUNDRED)
        shelf[place] = shelf[place][:-1] + bytes([shelf[place][-1] ^ 1])
        with pytest.raises(error, match=words):
            shelf.grow([b"x"])
        assert shelf.written == []
    for place, cut in ((bundle, "cut off"), (leaves, "a tile of 6015 bytes"), (Place(1, 0, 2), "a tile of 63 bytes")):
        shelf = at_once(SEVEN_HUNDRED)
        shelf[place] = shelf[place][:-1]
        with pytest.raises(Malformed, match=cut):
            shelf.grow([b"x"])


def test_what_reading_the_old_log_raises_is_not_swallowed() -> None:
    def missing(place: Place) -> bytes:
        raise Missing(f"{place} is not here")

    with pytest.raises(Missing, match=r"tile/0/000\.p/5 is not here"):
        append(TiledLog(5, missing), [b"x"], lambda place, data: None)


def test_every_size_of_a_tessera_log_is_rebuilt() -> None:
    folder = vectors("tiles/tessera-15")
    words = next(line for line in (folder / "KEYS.txt").read_text().split("\n") if line.startswith("entries: "))
    entries = [word.encode() for word in words.removeprefix("entries: ").split(" ")]
    assert len(entries) == 15
    grown = Shelf()
    for size in range(16):
        shelf = Shelf()
        root_hash = shelf.grow(entries[:size])
        checkpoint = (folder / f"checkpoint.{size}").read_bytes().split(b"\n")
        assert wire.encode_base64(root_hash).encode() == checkpoint[2]
        for place, data in shelf.items():
            assert (folder / place.path).read_bytes() == data
        if size:
            assert grown.grow(entries[size - 1 : size]) == root_hash
            assert dict(grown) == dict(shelf)
    everything = {path.relative_to(folder).as_posix() for path in folder.glob("tile/**/*") if path.is_file()}
    assert everything == {place.path for size in range(16) for place in tile.places(size)}
