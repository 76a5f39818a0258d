"""A set of byte strings with numbered rows: what a dict from bytes to numbers would do."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mirror.formats import packed
from mirror.formats.packed import Packed

few = st.binary(max_size=2)


@given(st.lists(few, max_size=300), few)
def test_a_row_is_found_by_its_bytes(added: list[bytes], other: bytes) -> None:
    rows, expected = Packed(), dict[bytes, int]()
    for data in added:
        assert rows.find(data) == expected.get(data)
        assert rows.add(data) == expected.setdefault(data, len(expected))
        assert len(rows) == len(expected)
    assert list(rows) == list(expected)
    assert [rows[row] for row in expected.values()] == list(expected)
    assert rows.find(other) == expected.get(other)


def test_rows_that_fall_into_one_place_are_told_apart() -> None:
    """Slots are chosen by a hash of which few bits count: of so many rows, nearly all have neighbours."""
    rows = Packed()
    count = 5 * packed._FIRST_SLOTS
    for number in range(count):
        assert rows.add(b"%d" % number) == number
    assert [rows.find(b"%d" % number) for number in range(count + 1)] == [*range(count), None]


def test_a_row_takes_little_more_than_its_bytes() -> None:
    tracemalloc.start()
    rows = Packed()
    for number in range(20_000):
        rows.add(number.to_bytes(32))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / len(rows) < 32 + 40
