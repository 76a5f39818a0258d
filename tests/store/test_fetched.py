"""A fetch that was interrupted, at whatever byte, goes on; nothing is taken for held that is not what its name says."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import BadBlock, Malformed, Missing, Refused
from mirror.formats import car
from mirror.formats import cid as cids
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB
from mirror.store.fetched import Fetched

CONTENTS = [b"one", b"two" * 100, b"", bytes(5000)]
BLOCKS = {CID.of_raw(data): data for data in CONTENTS}
ROOT = next(iter(BLOCKS))
NAMES = list(BLOCKS)


def fill(path: Path) -> bytes:
    """A file with all blocks; its bytes."""
    with Fetched(path) as kept:
        for cid, data in BLOCKS.items():
            kept.put(cid, data)
    return path.read_bytes()


def held(kept: Fetched) -> dict[CID, bytes]:
    found = {cid: kept.get(cid) for cid in BLOCKS if cid in kept}
    assert len(found) == len(kept)
    return found


def finished(path: Path) -> dict[CID, bytes]:
    with path.open("rb") as file:
        assert car.read_header(file).roots == (ROOT,)
        return dict(car.blocks(file))


def test_what_is_put_is_held(tmp_path: Path) -> None:
    with Fetched(tmp_path / "new" / "fetch") as kept:
        for count, (cid, data) in enumerate(BLOCKS.items()):
            assert cid not in kept
            with pytest.raises(Missing, match=f"block {cid} was not fetched"):
                kept.get(cid)
            kept.put(cid, data)
            assert len(kept) == count + 1
            assert held(kept) == dict(list(BLOCKS.items())[: count + 1])
        kept.finish(ROOT)
    assert finished(tmp_path / "new" / "fetch") == BLOCKS


def test_a_block_is_written_once(tmp_path: Path) -> None:
    with Fetched(tmp_path / "fetch") as kept:
        kept.put(ROOT, b"one")
        kept.put(ROOT, b"one")
        kept.finish(ROOT)
    with (tmp_path / "fetch").open("rb") as file:
        assert len(list(car.sections(file))) == 1


def test_reading_does_not_move_where_it_is_written(tmp_path: Path) -> None:
    with Fetched(tmp_path / "fetch") as kept:
        for cid, data in BLOCKS.items():
            kept.put(cid, data)
            assert kept.get(ROOT) == b"one"
        assert held(kept) == BLOCKS
        kept.finish(ROOT)
    assert finished(tmp_path / "fetch") == BLOCKS


def test_one_for_now_leaves_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Fetched.for_now() as kept:
        kept.put(ROOT, b"one")
        assert kept.get(ROOT) == b"one"
        assert kept.path is None
        assert list(tmp_path.iterdir()) == []


def test_it_goes_on_wherever_it_was_killed(tmp_path: Path) -> None:
    whole = fill(tmp_path / "whole")
    path = tmp_path / "fetch"
    ends = [section.offset + section.length for section in car.sections(io.BytesIO(whole))]
    for cut in [*range(420), *range(len(whole) - 60, len(whole) + 1)]:
        path.write_bytes(whole[:cut])
        with Fetched(path) as kept:
            assert list(held(kept)) == NAMES[: sum(end <= cut for end in ends)]
            for cid, data in BLOCKS.items():
                kept.put(cid, data)
            assert held(kept) == BLOCKS
            kept.finish(ROOT)
        assert finished(path) == BLOCKS


@pytest.mark.parametrize("rubbish", [bytes(100), b"\xff" * 100, b"\x25", bytes([0x25, 1, 0x55])])
def test_rubbish_behind_the_last_block_is_cut_away(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "fetch"
    whole = fill(path)
    path.write_bytes(whole + rubbish)
    with Fetched(path) as kept:
        assert held(kept) == BLOCKS
    assert path.read_bytes() == whole


@given(at=st.integers(59, 59 + 36 + 1 + 3 + 2 + 36 + 300 + 37 + 38), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.unlink(missing_ok=True)
    whole = bytearray(fill(path))
    whole[at] ^= 1 << bit
    path.write_bytes(whole)
    with Fetched(path) as kept:
        found = {cid: kept.get(cid) for cid in BLOCKS if cid in kept}
        assert found.items() <= BLOCKS.items()
        assert len(found) < len(BLOCKS)
        for cid, data in BLOCKS.items():
            kept.put(cid, data)
        kept.finish(ROOT)
    assert finished(path).items() >= BLOCKS.items()


def test_what_changes_while_it_is_open_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "fetch"
    whole = fill(path)
    with Fetched(path) as kept:
        path.write_bytes(whole.replace(b"one", b"two", 1))
        with pytest.raises(BadBlock, match=f"block {ROOT} holds other bytes"):
            kept.get(ROOT)


def test_what_was_finished_and_not_moved_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "fetch"
    with Fetched(path) as kept:
        kept.put(ROOT, b"one")
        kept.finish(ROOT)
    with Fetched(path) as kept:
        assert list(held(kept)) == [ROOT]
        with path.open("rb") as file:
            assert car.read_header(file).roots != (ROOT,)  # while it goes on it is not finished
        for cid, data in BLOCKS.items():
            kept.put(cid, data)
        kept.finish(ROOT)
    assert finished(path) == BLOCKS


def _car_of(*roots: CID) -> bytes:
    from mirror.formats import cbor, wire  # noqa: PLC0415

    header = cbor.encode({"roots": list(roots), "version": 1})
    return wire.encode_varint(len(header)) + header


def _short(length: int) -> CID:
    return cids.from_bytes(bytes([1, 0x55, 0, length]) + bytes(length))


assert len(_car_of(_short(12), _short(13))) == len(_car_of(ROOT))

FOREIGN = {
    "text": b"a letter\n",
    "text as long as a header": b"a letter " * 100,
    "zeros": bytes(59),
    "two roots": _car_of(ROOT, ROOT),
    "two roots in as many bytes": _car_of(_short(12), _short(13)),
    "no root": _car_of(),
    "a root of another kind": _car_of(cids.from_bytes(b"\x01\x55\x00\x02hi")),
    "version 2": bytes.fromhex("0aa16776657273696f6e02") + bytes(100),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_other_files_are_refused_and_left_as_they_are(tmp_path: Path, what: str) -> None:
    path = tmp_path / "theirs"
    path.write_bytes(FOREIGN[what])
    with pytest.raises(Refused, match="is not a fetch that was interrupted, and is not written to"):
        Fetched(path)
    assert path.read_bytes() == FOREIGN[what]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is a folder"):
        Fetched(tmp_path)


def test_bounds_on_both_sides(tmp_path: Path) -> None:
    with Fetched(tmp_path / "fetch") as kept:
        longest, longer = bytes(BLOCK_AT_MOST), bytes(BLOCK_AT_MOST + 1)
        kept.put(CID.of_raw(longest), longest)
        with pytest.raises(Refused, match=f"more than {BLOCK_AT_MOST}"):
            kept.put(CID.of_raw(longer), longer)
        assert CID.of_raw(longer) not in kept
        with pytest.raises(Refused, match="cannot be the root"):
            kept.finish(cids.from_bytes(b"\x12\x20" + bytes(32)))
        kept.finish(CID.of(DAG_PB, b"root"))
    with Fetched(tmp_path / "fetch") as kept:
        assert kept.get(CID.of_raw(longest)) == longest


def test_finish_writes_the_blocks_before_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fetch"
    seen = []
    monkeypatch.setattr("mirror.store.files.sync", lambda file: (file.flush(), seen.append(path.read_bytes())))
    with Fetched(path) as kept:
        kept.put(ROOT, b"one")
        kept.finish(ROOT)
    before, after = seen
    assert len(before) == len(after)
    assert before[59:] == after[59:]
    assert before[:59] != after[:59]
    with pytest.raises(Malformed):
        list(car.blocks(io.BytesIO(before[:-1])))
