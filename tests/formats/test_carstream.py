"""A CAR as it arrives: whatever the pieces, the same blocks as from a file; nothing false, no vain waiting."""

import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled

from mirror.errors import BadBlock, Malformed
from mirror.formats import car, carstream, cbor, wire
from mirror.formats.car import BLOCK_AT_MOST, HEADER_AT_MOST
from mirror.formats.cid import CID, CID_AT_MOST, DAG_PB

ROOT = CID.of(DAG_PB, b"root")
CONTENTS = st.lists(st.binary(max_size=300), max_size=8)


def car_of(contents: list[bytes]) -> bytes:
    file = io.BytesIO()
    writer = car.Writer(file)
    for content in contents:
        writer.put(CID.of_raw(content), content)
    writer.seal(ROOT)
    return file.getvalue()


def pieces_of(data: bytes, ends: list[int]) -> list[bytes]:
    """`data`, cut at these places."""
    cuts = [0, *sorted(end % (len(data) + 1) for end in ends), len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


def streamed(*pieces: bytes) -> list[tuple[CID, bytes]]:
    return list(carstream.blocks(pieces))


@given(CONTENTS, st.lists(st.integers(0, 1 << 16), max_size=40))
def test_pieces_of_any_length_give_the_same_blocks(contents: list[bytes], ends: list[int]) -> None:
    data = car_of(contents)
    expected = [(CID.of_raw(content), content) for content in contents]
    assert list(car.blocks(io.BytesIO(data))) == expected
    assert streamed(*pieces_of(data, ends)) == expected


def test_byte_by_byte_with_nothing_between() -> None:
    data = car_of([b"one", b"", bytes(300)])
    pieces = [piece for byte in data for piece in (b"", bytes([byte]), b"")]
    assert [block for _, block in streamed(*pieces)] == [b"one", b"", bytes(300)]


@given(mangled(CONTENTS.map(car_of)), st.lists(st.integers(0, 1 << 16), max_size=5))
def test_what_is_mangled_is_refused_as_in_a_file(data: bytes, ends: list[int]) -> None:
    def outcome(blocks: Iterator[tuple[CID, bytes]]) -> tuple[list[tuple[CID, bytes]], str]:
        found: list[tuple[CID, bytes]] = []
        try:
            found.extend(blocks)
        except (Malformed, BadBlock) as error:
            return found, type(error).__name__
        return found, ""

    found, fault = outcome(carstream.blocks(pieces_of(data, ends)))
    assert all(cid.matches(block) for cid, block in found)
    if not data.startswith(bytes.fromhex("0aa16776657273696f6e02")):
        assert bool(fault) == bool(outcome(car.blocks(io.BytesIO(data)))[1])
    if not fault:
        assert found == list(car.blocks(io.BytesIO(data)))


@given(st.binary(max_size=400))
def test_noise_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        streamed(data)


def test_a_cut_is_noticed_wherever_a_block_does_not_end() -> None:
    data = car_of([b"one", b"second"])
    file = io.BytesIO(data)
    ends = {59, *(section.offset + section.length for section in car.sections(file))}
    for cut in range(len(data) + 1):
        if cut in ends:
            streamed(data[:cut])
        else:
            with pytest.raises(Malformed, match=r"cut off at byte|varint|CAR"):
                streamed(data[:cut])
    with pytest.raises(Malformed, match=r"^CAR is cut off at byte 80, in the section at byte 59$"):
        streamed(data[:80])
    with pytest.raises(Malformed, match=r"^CAR is cut off at byte 30, in the header$"):
        streamed(data[:30])


def test_what_comes_before_the_fault_is_handed_on() -> None:
    data = car_of([b"one", b"two"])
    arriving = carstream.blocks([data[:-1] + b"O"])
    assert next(arriving)[1] == b"one"
    with pytest.raises(BadBlock, match=f"the block at byte 99 is not {CID.of_raw(b'two')}: its bytes hash to another"):
        next(arriving)


def test_a_block_is_handed_on_before_the_next_arrives() -> None:
    data = car_of([b"one", b"two"])

    def pieces() -> Iterator[bytes]:
        yield data[:99]
        yield data[99:110]
        raise AssertionError("nothing more was to be asked for")

    assert next(carstream.blocks(pieces()))[1] == b"one"


def _header(value: cbor.Value) -> bytes:
    encoded = cbor.encode(value)
    return wire.encode_varint(len(encoded)) + encoded


def _claim(length: int) -> bytes:
    return wire.encode_varint(length) + bytes(20)


START = car_of([])
SECTION = CID_AT_MOST + BLOCK_AT_MOST


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "CAR header at byte 0: "),
        (b"\x00", "CAR header at byte 0 claims 0 bytes; 1 to 65536 are possible"),
        (_claim(HEADER_AT_MOST + 1), f"CAR header at byte 0 claims {HEADER_AT_MOST + 1} bytes"),
        (_claim(HEADER_AT_MOST), "CAR is cut off at byte 23, in the header"),
        (b"\x80\x00", "CAR header at byte 0: "),
        (_header({"version": 2}), "CAR header at byte 0: it is of version 2"),
        (_header({"roots": [], "version": 3}), "CAR header at byte 0: it is of version 3"),
        (_header({"version": 1}), "CAR header at byte 0: it does not hold just roots and a version"),
        (START + b"\x00", "CAR section at byte 59 claims 0 bytes"),
        (
            START + _claim(CID_AT_MOST + BLOCK_AT_MOST + 1),
            f"CAR section at byte 59 claims {CID_AT_MOST + BLOCK_AT_MOST + 1}",
        ),
        (START + _claim(CID_AT_MOST + BLOCK_AT_MOST), "CAR is cut off at byte 83, in the section at byte 59"),
        (START + _claim(20), "CAR section at byte 59: CID of version 0"),
        (START + b"\xff" * 12, "CAR section at byte 59: "),
    ],
)
def test_what_is_wrong_is_said(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as raised:
        streamed(data)
    assert raised.value.message.startswith(words)


def test_a_claim_beyond_its_bound_is_not_waited_for() -> None:
    def pieces() -> Iterator[bytes]:
        yield START + _claim(CID_AT_MOST + BLOCK_AT_MOST + 1)
        raise AssertionError("nothing more was to be asked for")

    with pytest.raises(Malformed, match="claims"):
        list(carstream.blocks(pieces()))


def test_blocks_are_bounded_on_both_sides() -> None:
    longest = bytes(BLOCK_AT_MOST)
    assert streamed(car_of([longest]))[0][1] == longest
    longer = bytes(BLOCK_AT_MOST + 1)
    cid = CID.of_raw(longer)
    with pytest.raises(Malformed, match=f"its block has {BLOCK_AT_MOST + 1} bytes, more than {BLOCK_AT_MOST}"):
        streamed(START + wire.encode_varint(len(cid) + len(longer)) + cid + longer)


def test_fixtures_of_others() -> None:
    folder = shared("vectors/car")
    files = [path for path in sorted(folder.rglob("*.car")) if path.read_bytes()[:11] != car._PRAGMA]
    assert files
    for path in files:
        data = path.read_bytes()
        try:
            expected = list(car.blocks(io.BytesIO(data)))
        except (Malformed, BadBlock):
            with pytest.raises((Malformed, BadBlock)):
                streamed(data)
        else:
            assert streamed(*pieces_of(data, list(range(0, len(data), 997)))) == expected
