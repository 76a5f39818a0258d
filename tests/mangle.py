"""Bytes that were right once: what a flipped bit, a cut or a stray byte makes of them."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


@st.composite
def _mangle(draw: st.DrawFn, originals: SearchStrategy[bytes]) -> bytes:
    data = bytearray(draw(originals))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["set", "insert", "cut", "drop"]))
        if how == "insert":
            data.insert(place, draw(st.integers(0, 255)))
        elif how == "cut":
            del data[place:]
        elif place < len(data):
            if how == "drop":
                del data[place]
            else:
                data[place] = draw(st.integers(0, 255))
    return bytes(data)


def mangled(originals: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    """Bytes of `originals` with up to three mishaps, and bytes that never were right."""
    return st.one_of(_mangle(originals), st.binary(max_size=80))
