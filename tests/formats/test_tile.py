"""A log's size decides its places, a place has one path, and a tile or bundle holds exactly what its width says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import Malformed, Refused
from mirror.formats import tile, wire
from mirror.formats.tile import ENTRIES, Place, parse_bundle, parse_path, places

LEVELS = st.integers(ENTRIES, tile.LEVEL_AT_MOST)


@st.composite
def drawn_places(draw: st.DrawFn) -> Place:
    level = draw(LEVELS)
    most = wire.SIZE_AT_MOST >> 8 * max(level, 0)
    n = draw(st.integers(0, 2000) | st.integers(0, most // 256)) % (most // 256 + 1)
    return Place(level, n, draw(st.integers(1, min(256, most - n * 256))))


@given(drawn_places())
def test_paths_round_trip(place: Place) -> None:
    assert parse_path(place.path) == place
    assert str(place) == place.path
    assert len(place.path) <= tile.PATH_AT_MOST


@given(st.text("tile/enrs0123456789x.p", max_size=30) | mutated(drawn_places().map(lambda each: each.path.encode())))
def test_a_path_has_one_spelling(text: str | bytes) -> None:
    assert_strict(parse_path, text if isinstance(text, str) else text.decode("latin-1"), str)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("tile/0/000", Place(0, 0, 256)),
        ("tile/0/x001/x234/067", Place(0, 1234067, 256)),
        ("tile/0/x001/067.p/17", Place(0, 1067, 17)),
        ("tile/entries/273.p/112", Place(ENTRIES, 273, 112)),
        ("tile/7/000.p/127", Place(7, 0, 127)),
        ("tile/entries/x036/x028/x797/x018/x963/967.p/255", Place(ENTRIES, 2**55 - 1, 255)),
    ],
)
def test_known_paths(path: str, place: Place) -> None:
    assert place.path == path
    assert parse_path(path) == place


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "not the path of a tile"),
        ("/tile/0/000", "not the path of a tile"),
        ("tile/0/00", "not the path of a tile"),
        ("tile/0/0000", "not the path of a tile"),
        ("tile/0/000\n", "not the path of a tile"),
        ("tile/0/٠٠٠", "not the path of a tile"),
        ("tile/0/../000", "not the path of a tile"),
        ("tile/0/000/", "not the path of a tile"),
        ("tile/0/x000", "not the path of a tile"),
        ("tile/0/001/067", "not the path of a tile"),
        ("tile/0/000.p", "not the path of a tile"),
        ("tile/0/000.p/", "not the path of a tile"),
        ("tile/0/000.p/+1", "not the path of a tile"),
        ("tile/0/000.p/1000", "not the path of a tile"),
        ("tile/8/0/000", "not the path of a tile"),
        ("tile/00/000", "not the path of a tile"),
        ("tile/Entries/000", "not the path of a tile"),
        ("tile/0/x000/067", "not the usual spelling of the path tile/0/067: 'tile/0/x000/067'"),
        ("tile/0/000.p/256", "not the usual spelling of the path tile/0/000: "),
        ("tile/0/000.p/017", "not a decimal number"),
        ("tile/0/000.p/0", "no tile of level 0, number 0 and width 0 can be"),
        ("tile/0/000.p/257", "no tile of level 0, number 0 and width 257 can be"),
        ("tile/8/000", "no tile of level 8, number 0"),
        ("tile/7/000", "tile 0 of level 7 lies beyond the largest log"),
        ("tile/7/000.p/128", "tile 0 of level 7 lies beyond the largest log"),
        ("tile/0/x036/x028/x797/x018/x963/967", "tile 36028797018963967 of level 0 lies beyond the largest log"),
        ("tile/0/x999/x999/x999/x999/x999/x999/999", "not a decimal number"),
        ("tile/0/" + "x001/" * 12 + "000", "not the path of a tile"),
    ],
)
def test_other_paths_are_refused(path: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_path(path)


@pytest.mark.parametrize(("level", "n", "width"), [(-2, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (8, 0, 1)])
def test_no_such_place_can_be(level: int, n: int, width: int) -> None:
    with pytest.raises(Malformed, match=f"no tile of level {level}, number {n} and width {width} can be"):
        Place(level, n, width)


def test_the_example_of_the_specification() -> None:
    per_level = {}
    for place in places(70_000):
        per_level.setdefault(place.level, []).append(place)
    assert {level: len(found) for level, found in per_level.items()} == {0: 274, 1: 2, 2: 1, ENTRIES: 274}
    assert per_level[0][-1].path == "tile/0/273.p/112"
    assert [place.path for place in per_level[1]] == ["tile/1/000", "tile/1/001.p/17"]
    assert per_level[2][0].path == "tile/2/000.p/1"
    assert [place.path for place in places(256)] == ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]
    assert list(places(0)) == []


@given(st.integers(0, 5_000) | st.integers(255, 258) | st.integers(65_535, 65_538))
def test_the_places_of_a_log_are_those_of_the_definition(size: int) -> None:
    """C2SP: at level l there are floor(s / 256^(l+1)) full tiles, and one as wide as the rest, if there is one."""
    found = list(places(size))
    for level in range(tile.LEVEL_AT_MOST + 1):
        full, rest = size // 256 ** (level + 1), size // 256**level % 256
        want = [Place(level, n, 256) for n in range(full)] + ([Place(level, full, rest)] if rest else [])
        assert [place for place in found if place.level == level] == want
    bundles = [place for place in found if place.level == ENTRIES]
    assert [(place.n, place.width) for place in bundles] == [(p.n, p.width) for p in found if p.level == 0]
    assert sum(place.width for place in bundles) == size
    assert [place for place in found if place.width < 256] == list(tile.partials(size))
    assert all(place == tile.place(place.level, place.n, size) for place in found)


@pytest.mark.parametrize("size", [1, 256, 70_000, 300_000, 256 * 1001 + 3])
def test_places_come_in_the_order_of_a_walk_sorted_by_names(size: int) -> None:
    paths = [place.path for place in places(size)]
    assert sorted(paths, key=lambda path: path.encode().split(b"/")) == paths


def test_the_largest_log_has_places() -> None:
    assert [place.width for place in tile.partials(wire.SIZE_AT_MOST)] == [255] * 7 + [127, 255]
    assert tile.place(ENTRIES, 2**55 - 1, wire.SIZE_AT_MOST).start == wire.SIZE_AT_MOST - 255
    assert Place(1, 3, 5).start == 3 * 65_536


@given(st.integers(1, 200_000), st.integers(0, 20), st.data())
def test_a_subtree_lies_where_it_is_located(size: int, level: int, data: st.DataObject) -> None:
    if size >> level == 0:
        with pytest.raises(Refused, match=r"has no complete subtree 0 of 2\^"):
            tile.locate(level, 0, size)
        return
    n = data.draw(st.integers(0, (size >> level) - 1))
    place, begin, end = tile.locate(level, n, size)
    one = 256**place.level
    assert place in (tile.place(place.level, place.n, size), Place(place.level, place.n, place.width))
    assert place.start + begin * one == n << level
    assert place.start + end * one == (n + 1) << level
    assert 0 <= begin < end <= place.width
    for outside in (size >> level, -1):
        with pytest.raises(Refused, match=f"a log of {size} entries has no complete subtree {outside} of 2"):
            tile.locate(level, outside, size)


def test_a_place_outside_a_log_is_refused() -> None:
    assert tile.place(0, 1, 257) == Place(0, 1, 1)
    for level, n in ((0, 2), (0, -1), (1, 1), (2, 0)):
        with pytest.raises(Refused, match=f"a log of 257 entries has no tile {n} of level {level}"):
            tile.place(level, n, 257)


# What stands there


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    assert parse_bundle(tile.encode_bundle(entries), len(entries)) == tuple(entries)


@given(
    st.binary(max_size=20) | mutated(st.lists(st.binary(max_size=9), max_size=5).map(tile.encode_bundle)),
    st.integers(0, 6),
)
def test_a_bundle_is_read_back_or_malformed(data: bytes, width: int) -> None:
    assert_strict(lambda given_: parse_bundle(given_, width), data, tile.encode_bundle)


@pytest.mark.parametrize(
    ("data", "width", "words"),
    [
        (b"", 1, "a bundle of 1 entries is cut off in its entry 0"),
        (b"\x00", 1, "a bundle of 1 entries is cut off in its entry 0"),
        (b"\x00\x02a", 1, "a bundle of 1 entries is cut off in its entry 0"),
        (b"\x00\x01a", 2, "a bundle of 2 entries is cut off in its entry 1"),
        (b"\x00\x01a\x00", 1, "1 bytes behind the 1 entries of a bundle"),
        (b"\x00\x01a\x00\x00", 1, "2 bytes behind the 1 entries of a bundle"),
    ],
)
def test_a_bundle_holds_exactly_its_entries(data: bytes, width: int, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_bundle(data, width)


def test_an_entry_may_be_empty_and_has_a_longest() -> None:
    longest = [b"", b"x" * tile.ENTRY_AT_MOST]
    assert parse_bundle(tile.encode_bundle(longest), 2) == tuple(longest)
    with pytest.raises(Refused, match="a log entry of 65536 bytes, more than 65535"):
        tile.encode_bundle([b"x" * (tile.ENTRY_AT_MOST + 1)])


def test_a_tile_has_as_many_hashes_as_its_width() -> None:
    assert tile.parse_tile(bytes(64), 2) == bytes(64)
    for length in (0, 32, 63, 65, 96):
        with pytest.raises(Malformed, match=f"a tile of {length} bytes, not 2 hashes of 32"):
            tile.parse_tile(bytes(length), 2)
    assert tile.split_hashes(bytes(range(96)), 1, 3) == [bytes(range(32, 64)), bytes(range(64, 96))]
