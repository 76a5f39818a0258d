"""Blocks out of CAR files: what comes out is what the name says, whatever became of the files and of the index."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from judging import judge
from world import Copy, Mirror

from mirror.errors import BadBlock, Missing
from mirror.formats import car
from mirror.formats.cid import CID, DAG_PB
from mirror.store import blocks as module
from mirror.store import cache
from mirror.store.blocks import FILES_OPEN_AT_MOST, Blocks
from mirror.store.index import Failed
from mirror.verdict import Claim, State

ROOT = CID.of(DAG_PB, b"root")


def write_car(path: Path, *held: bytes) -> Path:
    with path.open("wb") as file:
        writer = car.Writer(file)
        for data in held:
            writer.put(CID.of_raw(data), data)
        writer.seal(ROOT)
    return path


def name(data: bytes) -> CID:
    return CID.of_raw(data)


def replace_in(path: Path, old: bytes, new: bytes, *, same_time: bool = True) -> None:
    """Change a file as a failing disk does: neither its length nor its time tells."""
    status, data = path.stat(), path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    if same_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture(params=["in memory", "in a file"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return None if request.param == "in memory" else tmp_path / "cache" / "index.sqlite"


def test_each_block_has_a_number_of_its_own(tmp_path: Path, index: Path | None) -> None:
    cars = [write_car(tmp_path / "1.car", b"one", b"two"), write_car(tmp_path / "2.car", b"three", b"one")]
    with Blocks(cars, index) as blocks:
        numbers = [blocks.ordinal(name(data)) for data in (b"one", b"two", b"three")]
        assert sorted(filter(None, numbers)) == [1, 2, 3]
        assert blocks.ordinal(name(b"four")) is None


def test_blocks_come_out_of_every_file(tmp_path: Path, index: Path | None) -> None:
    cars = [write_car(tmp_path / "1.car", b"one", b"two"), write_car(tmp_path / "2.car", b"three", b"one")]
    with Blocks(cars, index) as blocks:
        assert [blocks.get(name(data)) for data in (b"one", b"two", b"three")] == [b"one", b"two", b"three"]
        assert name(b"one") in blocks
        assert name(b"four") not in blocks
        assert (len(blocks), list(blocks), blocks.damage) == (3, sorted(map(name, (b"one", b"two", b"three"))), {})
        assert [place.path for place in blocks.places(name(b"one"))] == cars
        with pytest.raises(Missing, match=f"block {name(b'four')} is not here"):
            blocks.get(name(b"four"))
    assert index is None or index.exists()


def test_a_block_that_is_its_own_name_needs_no_file() -> None:
    assert Blocks([]).get(CID(b"\x01\x55\x00\x03abc")) == b"abc"


def test_blocks_are_listed_a_thousand_at_a_time(
    tmp_path: Path, index: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CIDS_AT_A_TIME", 3)
    held = [b"%d" % number for number in range(10)]
    for count in (0, 2, 3, 4, 9, 10):
        with Blocks([write_car(tmp_path / "1.car", *held[:count])], index) as blocks:
            assert list(blocks) == sorted(map(name, held[:count]))


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    held = [b"%d" % number for number in range(FILES_OPEN_AT_MOST + 5)]
    cars = [write_car(tmp_path / f"{number}.car", data) for number, data in enumerate(held)]
    with Blocks(cars) as blocks:
        for _ in range(2):
            assert [blocks.get(name(data)) for data in held] == held
        assert len(blocks._open_files) == FILES_OPEN_AT_MOST


def test_the_index_saves_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cars = [write_car(tmp_path / "1.car", b"one"), write_car(tmp_path / "2.car", b"two")]
    Blocks(cars, tmp_path / "index").close()
    read: list[Path] = []
    real = module._sections
    monkeypatch.setattr(module, "_sections", lambda path, damage: read.append(path) or real(path, damage))  # type: ignore[func-returns-value]
    with Blocks(cars, tmp_path / "index") as blocks:
        assert blocks.get(name(b"two")) == b"two"
        assert read == []
        write_car(cars[1], b"three", b"four")
        blocks.refresh(cars)
        assert read == [cars[1]]
        assert blocks.get(name(b"four")) == b"four"
        assert name(b"two") not in blocks
        blocks.refresh(cars[1:])
        assert (read, name(b"one") in blocks) == ([cars[1]], False)
        blocks.rebuild(cars)
        assert (read, name(b"one") in blocks) == ([cars[1], *cars], True)


# Files that change or are damaged


def test_a_flipped_bit_is_noticed_and_named(tmp_path: Path, index: Path | None) -> None:
    path = write_car(tmp_path / "1.car", b"one", b"two", b"three")
    Blocks([path], index).close()
    replace_in(path, b"two", b"twp")
    with Blocks([path], index) as blocks:
        assert blocks.get(name(b"one")) == b"one"
        with pytest.raises(BadBlock) as caught:
            blocks.get(name(b"two"))
        start = path.read_bytes().index(b"twp")
        words = f"the block at byte {start} of 1.car is not {name(b'two')}: its CID is {name(b'twp')}"
        assert caught.value.message == words
        assert blocks.get(name(b"three")) == b"three"


def test_a_good_copy_serves_where_another_is_damaged(tmp_path: Path, index: Path | None) -> None:
    cars = [write_car(tmp_path / "1.car", b"one", b"two"), write_car(tmp_path / "2.car", b"two", b"one")]
    with Blocks(cars, index) as blocks:
        replace_in(cars[0], b"one", b"ONE")
        replace_in(cars[1], b"two", b"TWO")
        assert [blocks.get(name(data)) for data in (b"one", b"two")] == [b"one", b"two"]


@pytest.mark.parametrize("same_time", [True, False])
def test_a_file_that_was_written_anew_behind_its_back_is_read_anew(
    tmp_path: Path, index: Path | None, same_time: bool
) -> None:
    path = write_car(tmp_path / "1.car", b"one", b"two")
    with Blocks([path], index) as blocks:
        assert blocks.get(name(b"two")) == b"two"
        status = path.stat()
        write_car(path, b"a block in front", b"two", b"new")
        if same_time:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert [blocks.get(name(data)) for data in (b"two", b"new")] == [b"two", b"new"]
        with pytest.raises(Missing):
            blocks.get(name(b"one"))


def test_a_file_that_is_gone_leaves_its_blocks_missing(tmp_path: Path, index: Path | None) -> None:
    cars = [write_car(tmp_path / "1.car", b"one", b"both"), write_car(tmp_path / "2.car", b"both")]
    with Blocks(cars, index) as blocks:
        cars[0].unlink()
        assert blocks.get(name(b"both")) == b"both"
        with pytest.raises(Missing, match="is not here"):
            blocks.get(name(b"one"))
        assert blocks.damage == {cars[0]: "cannot be read: no such file or directory"}
        blocks.refresh(cars[1:])
        assert blocks.damage == {}


def test_a_disk_that_fails_under_a_block_leaves_it_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_car(tmp_path / "1.car", b"one")
    with Blocks([path]) as blocks:
        monkeypatch.setattr(Blocks, "_file", lambda self, path: os.open(f"{path}/x", 0))
        with pytest.raises(Missing, match=rf"block {name(b'one')} at byte \d+ of 1\.car cannot be read"):
            blocks.get(name(b"one"))


def test_a_file_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path, index: Path | None) -> None:
    path = write_car(tmp_path / "1.car", b"one", b"two", b"three")
    path.write_bytes(path.read_bytes()[:-2])
    with Blocks([path], index) as blocks:
        assert [blocks.get(name(data)) for data in (b"one", b"two")] == [b"one", b"two"]
        with pytest.raises(Missing):
            blocks.get(name(b"three"))
        assert list(blocks.damage) == [path]
        assert "it is cut off: it claims 41 bytes, 39 are there" in blocks.damage[path]


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 40, b"no CAR at all"])
def test_a_file_that_is_no_car_is_damage(tmp_path: Path, index: Path | None, content: bytes) -> None:
    (tmp_path / "1.car").write_bytes(content)
    with Blocks([tmp_path / "1.car"], index) as blocks:
        assert (len(blocks), list(blocks.damage)) == (0, [tmp_path / "1.car"])


# An index that is damaged, stale, held or in the way


@pytest.mark.parametrize("content", [b"", b"x", b"no index" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_an_index_that_is_none_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = write_car(tmp_path / "1.car", b"one")
    (tmp_path / "index").write_bytes(content)
    for end in ("-wal", "-shm"):
        (tmp_path / f"index{end}").write_bytes(b"stale")
    for _ in range(2):
        with Blocks([path], tmp_path / "index") as blocks:
            assert blocks.get(name(b"one")) == b"one"
    with sqlite3.connect(tmp_path / "index") as made:
        assert made.execute("SELECT COUNT(*) FROM blocks").fetchone() == (1,)
    made.close()


def test_an_index_that_is_damaged_anywhere_is_made_anew(tmp_path: Path) -> None:
    held = [b"%d" % number for number in range(400)]
    path = write_car(tmp_path / "1.car", *held)
    Blocks([path], tmp_path / "index").close()
    whole = (tmp_path / "index").read_bytes()
    for start in range(0, len(whole), 1024):
        (tmp_path / "index").write_bytes(whole[:start] + b"\xaa" * 700 + whole[start + 700 :])
        with Blocks([path], tmp_path / "index") as blocks:
            assert [blocks.get(name(data)) for data in held] == held
            assert isinstance(len(blocks), int)


def edit_index(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as index:
        index.execute(statement)
    index.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM blocks",
        "UPDATE blocks SET start = start + 1",
        "UPDATE blocks SET length = length - 1",
        "UPDATE blocks SET start = 1 << 40",
        "UPDATE blocks SET length = 0",
        "DELETE FROM cars",
        "PRAGMA user_version = 7",
    ],
)
def test_nothing_is_concluded_from_an_index_that_is_wrong(tmp_path: Path, statement: str) -> None:
    path = write_car(tmp_path / "1.car", b"one", b"two")
    Blocks([path], tmp_path / "index").close()
    edit_index(tmp_path / "index", statement)
    with Blocks([path], tmp_path / "index") as blocks:
        assert [blocks.get(name(data)) for data in (b"one", b"two")] == [b"one", b"two"]


@pytest.mark.parametrize("held", ["before", "before, and of the older kind", "after"])
def test_an_index_that_another_program_holds_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    """Held before it is opened here, or only when something is to be written into it."""
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: real(path, timeout=0))
    path, index = write_car(tmp_path / "1.car", b"one"), tmp_path / "index"
    Blocks([path], index).close()
    holder, inode = real(index), index.stat().st_ino
    blocks = Blocks([path], index) if held == "after" else None
    if "older" in held:
        holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    write_car(path, b"one", b"two")
    with blocks or Blocks([path], index) as blocks:
        blocks.refresh([path])
        assert [blocks.get(name(data)) for data in (b"one", b"two")] == [b"one", b"two"]
    assert holder.execute("SELECT COUNT(*) FROM blocks").fetchone() == (1,)
    assert index.stat().st_ino == inode
    holder.close()


def test_an_index_that_fails_while_it_is_listed_is_left_for_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [b"%d" % number for number in range(5)]

    def fail(self: cache.InFile, behind: bytes = b"") -> Iterator[bytes]:
        yield sorted(map(name, held))[0]
        raise Failed(damaged=False)

    monkeypatch.setattr(cache.InFile, "cids", fail)
    with Blocks([write_car(tmp_path / "1.car", *held)], tmp_path / "index") as blocks:
        assert list(blocks) == sorted(map(name, held))


@pytest.mark.parametrize("block", [lambda path: path.mkdir(), lambda path: path.parent.joinpath("in").write_bytes(b"")])
def test_where_no_index_can_be_written_it_lives_in_memory(tmp_path: Path, block: Callable[[Path], object]) -> None:
    path, index = write_car(tmp_path / "1.car", b"one"), tmp_path / "index"
    block(index)
    with Blocks([path], tmp_path / "in" / "index" if not index.is_dir() else index) as blocks:
        assert blocks.get(name(b"one")) == b"one"


# A whole archive


def archived(tmp_path: Path) -> tuple[Copy, Path]:
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"a picture of something"})
    copy = mirror.lay()
    path = tmp_path / "000001.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        for cid, data in copy.blocks.items():
            writer.put(cid, data)
        writer.seal(copy.root)
    return copy, path


def test_a_flipped_bit_anywhere_behind_the_header_of_a_car_is_noticed(tmp_path: Path) -> None:
    copy, path = archived(tmp_path)
    whole = path.read_bytes()
    with path.open("rb") as file:
        start = car.read_header(file).data_start
    for at in range(start, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with Blocks([path]) as blocks:
            report = judge(copy, get=blocks.get, source=blocks)
            assert report.exit_code() == 1
            assert report.bad_items()


def test_a_flipped_bit_in_any_block_is_noticed_behind_an_index_that_knows_nothing(tmp_path: Path) -> None:
    copy, path = archived(tmp_path)
    Blocks([path], tmp_path / "index").close()
    for data in copy.blocks.values():
        changed = data[:-1] + bytes([data[-1] ^ 1])
        replace_in(path, data, changed)
        with Blocks([path], tmp_path / "index") as blocks:
            report = judge(copy, get=blocks.get, source=blocks)
            assert report.verdict(Claim.UNCHANGED).state is State.FALSE
            assert report.exit_code() == 1
        replace_in(path, changed, data)
    with Blocks([path], tmp_path / "index") as blocks:
        assert judge(copy, get=blocks.get, source=blocks).exit_code() == 0
