"""Where blocks lie: the index in memory and the one in a file say the same."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.formats.cid import CID
from mirror.store.cache import InFile
from mirror.store.index import Index, InMemory, Row

ONE, TWO, THREE = (CID.of_raw(data) for data in (b"one", b"two", b"three"))
OLD = CID(b"\x12\x20" + bytes(32))


@pytest.fixture(params=["in memory", "in a file"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    made: Index = InMemory() if request.param == "in memory" else InFile(tmp_path / "index.sqlite")
    with made.changing():
        made.take("2.car", (20, 2), [(TWO, 5, 6), (OLD, 50, 0)], [])
        made.take("1.car", (10, 1), [(ONE, 100, 3), (TWO, 200, 4), (ONE, 300, 3)], ["cut off"])
    yield made
    made.close()


def test_every_place_of_a_block_is_known(index: Index) -> None:
    assert index.rows(ONE) == [Row("1.car", 100, 3), Row("1.car", 300, 3)]
    assert index.rows(TWO) == [Row("1.car", 200, 4), Row("2.car", 5, 6)]
    assert index.rows(OLD) == [Row("2.car", 50, 0)]
    assert index.rows(THREE) == []
    assert len(index) == 3
    assert list(index.cids()) == sorted([ONE, TWO, OLD])
    assert list(index.cids(behind=sorted([ONE, TWO, OLD])[0])) == sorted([ONE, TWO, OLD])[1:]
    assert index.repeated() == sorted([ONE, TWO])
    numbers = [index.ordinal(cid) for cid in (ONE, TWO, OLD)]
    assert len(set(numbers)) == 3
    assert index.ordinal(THREE) is None


def test_files_are_known_as_they_were_read(index: Index) -> None:
    assert index.stamps() == {"1.car": (10, 1), "2.car": (20, 2)}
    assert index.damage() == [("1.car", "cut off")]


def test_what_a_forgotten_file_held_is_forgotten(index: Index) -> None:
    with index.changing():
        index.forget("1.car")
        index.forget("9.car")
    assert (index.rows(ONE), index.rows(TWO)) == ([], [Row("2.car", 5, 6)])
    assert (len(index), index.repeated(), index.damage()) == (2, [], [])
    assert index.stamps() == {"2.car": (20, 2)}
    with index.changing():
        index.take("1.car", (11, 9), [(THREE, 7, 8)], [])
    assert (index.rows(THREE), len(index)) == ([Row("1.car", 7, 8)], 3)


cids = st.sampled_from([CID.of_raw(b"%d" % number) for number in range(6)])
sections = st.lists(
    st.tuples(cids, st.integers(0, 2**62), st.integers(0, 2**21)), max_size=20, unique_by=lambda s: s[1]
)


@given(st.dictionaries(st.sampled_from(["1.car", "2.car", "3.car"]), sections), st.sampled_from(["1.car", "2.car"]))
def test_nothing_is_lost_or_made_up(files: dict[str, list[tuple[CID, int, int]]], gone: str) -> None:
    index = InMemory()
    for path, held in files.items():
        index.take(path, (0, 0), held, [])
    for kept in (files, {path: held for path, held in files.items() if path != gone}):
        if kept is not files:
            index.forget(gone)
        for cid in {section[0] for held in files.values() for section in held}:
            expected = [Row(path, *place) for path, held in kept.items() for found, *place in held if found == cid]
            assert index.rows(cid) == sorted(expected)
            assert (index.ordinal(cid) is not None) == bool(expected)


def test_a_block_takes_little_memory() -> None:
    tracemalloc.start()
    index = InMemory()
    index.take("1.car", (0, 0), ((CID.of_raw(b"%d" % number), number, 1) for number in range(20_000)), [])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / len(index) < 120
