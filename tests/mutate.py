"""Bytes that are almost right: what a strict parser has to meet besides random bytes."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from mirror.errors import Malformed

_PIECES = [b"\n", b"\n\n", b" ", b"0", b"1", b"+", b"=", b"A", b"\r", b"\x00", b"\xff", b"-", b"/", "— ".encode()]


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """Bytes drawn from `valid`, changed in one to three places; rarely they stay as they are."""
    data = draw(valid)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 6)))
        cut = draw(st.integers(0, len(data)))
        put = draw(
            st.sampled_from(_PIECES)
            | st.binary(max_size=3)
            | st.just(data[min(cut, start) : max(cut, start)])  # something that stands elsewhere, once more
        )
        data = data[:start] + put + data[end:]
    return data


def assert_strict(parse: Callable[[Any], Any], data: Any, print_: Callable[[Any], Any] = bytes) -> None:
    """`parse` refuses `data` as malformed, or what it makes of it prints back to the same."""
    try:
        value = parse(data)
    except Malformed:
        return
    assert print_(value) == data
