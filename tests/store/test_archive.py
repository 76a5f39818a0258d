"""An archive's folder: what each step of writing leaves, what is taken up again, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mirror.errors import Malformed, Missing, Refused, Unavailable
from mirror.formats import car, ipns
from mirror.formats.cid import CID, DAG_PB
from mirror.store import archive as module
from mirror.store.archive import HEAD_AT_MOST, Archive, is_archive, root_of


def root(number: int) -> CID:
    return CID.of(DAG_PB, b"root %d" % number)


def write(archive: Archive, number: int, *held: bytes) -> None:
    with archive.new_edition(number) as edition:
        for data in held:
            edition.put(CID.of_raw(data), data)
        edition.seal(root(number))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", tmp_path / "cache" / "index.sqlite")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_archive_begins_empty(archive: Archive) -> None:
    assert (archive.editions(), archive.pending(), archive.has_head(), archive.announcement()) == (
        {},
        None,
        False,
        None,
    )
    assert not is_archive(archive.folder)
    with pytest.raises(Missing, match=r"the head .*head does not exist"):
        archive.head()


def test_an_edition_is_pending_until_the_head_names_it(archive: Archive) -> None:
    write(archive, 1, b"one")
    assert (archive.pending(), archive.has_head()) == ((1, root(1)), False)
    archive.set_head(root(1))
    assert (archive.pending(), archive.head()) == (None, root(1))
    write(archive, 2, b"two")
    assert (archive.pending(), archive.head()) == ((2, root(2)), root(1))
    archive.set_head(root(2))
    archive.set_announcement(b"announced")
    assert (archive.pending(), archive.announcement()) == (None, b"announced")
    assert archive.head_path.read_bytes() == f"{root(2)}\n".encode()
    assert names(archive.folder) == ["000001.car", "000002.car", "announcement.txt", "head"]
    assert is_archive(archive.folder)


def test_an_edition_holds_only_what_is_new(archive: Archive) -> None:
    write(archive, 1, b"one", b"one")
    archive.refresh()
    with archive.new_edition(2) as edition:
        for data in (b"one", b"two", b"two"):
            edition.put(CID.of_raw(data), data)
        edition.append(CID.of_raw(b"three"), b"three")
        edition.seal(root(2))
        assert edition.count == 2
    archive.refresh()
    with archive.edition_path(2).open("rb") as file:
        assert [data for _, data in car.blocks(file)] == [b"two", b"three"]
    assert sorted(archive.blocks.get(cid) for cid in archive.blocks) == [b"one", b"three", b"two"]
    archive.close()


def test_the_blocks_are_the_same_after_the_cache_is_lost(archive: Archive, tmp_path: Path) -> None:
    write(archive, 1, b"one")
    with archive:
        archive.refresh()
        assert archive.blocks.get(CID.of_raw(b"one")) == b"one"
    (tmp_path / "cache" / "index.sqlite").unlink()
    with Archive(archive.folder, tmp_path / "cache" / "index.sqlite") as again:
        assert again.blocks.get(CID.of_raw(b"one")) == b"one"
    with Archive(archive.folder) as without:
        assert without.blocks.get(CID.of_raw(b"one")) == b"one"


# What does not end well leaves nothing


def fail(_: object) -> None:
    raise OSError(28, "No space left on device")


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def leave_open(_: object) -> None:
    pass


def write_and(archive: Archive, end: Callable[[object], None]) -> None:
    with archive.new_edition(2) as edition:
        edition.put(CID.of_raw(b"two"), b"two")
        end(edition)


@pytest.mark.parametrize(("end", "error"), [(interrupt, KeyboardInterrupt), (leave_open, Refused), (fail, Unavailable)])
def test_an_edition_that_does_not_end_well_leaves_nothing(
    archive: Archive, end: Callable[[object], None], error: type[BaseException]
) -> None:
    write(archive, 1, b"one")
    archive.set_head(root(1))
    with pytest.raises(error):
        write_and(archive, end)
    assert names(archive.folder) == ["000001.car", "head"]
    assert archive.pending() is None
    write(archive, 2, b"two")


def test_an_edition_that_is_there_is_not_overwritten(archive: Archive) -> None:
    write(archive, 1, b"one")
    before = archive.edition_path(1).read_bytes()
    with pytest.raises(Refused, match=r"edition 1 lies in .*000001\.car already"):
        write(archive, 1, b"other")
    assert archive.edition_path(1).read_bytes() == before


def test_the_temporary_files_of_a_crash_are_removed_and_nothing_else(archive: Archive) -> None:
    write(archive, 1, b"one")
    archive.set_head(root(1))
    left = [archive.folder / ".head.tmp", archive.folder / "editions" / ".000002.car.tmp"]
    kept = [archive.folder / ".hidden", archive.folder / "head.tmp", archive.folder / "editions" / "notes.txt"]
    for path in left + kept:
        path.write_bytes(b"half")
    assert list(archive.editions()) == [1]
    assert sorted(archive.remove_leftovers()) == sorted(left)
    assert archive.remove_leftovers() == []
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_a_leftover_of_the_same_name_does_not_stop_the_next_edition(archive: Archive) -> None:
    (archive.folder / "editions").mkdir(parents=True)
    (archive.folder / "editions" / ".000001.car.tmp").write_bytes(b"half")
    write(archive, 1, b"one")
    assert names(archive.folder) == ["000001.car"]


# Files of others


def test_editions_are_known_by_their_names(archive: Archive) -> None:
    for number in (3, 1_000_000, 20):
        write(archive, number, b"%d" % number)
    folder = archive.folder / "editions"
    for name in (
        "1.car",
        "0000021.car",
        "000022.CAR",
        "000023.car.bak",
        "x000024.car",
        "٠٠٠٠٢٥.car",
        f"1{'0' * 18}.car",
    ):
        (folder / name).write_bytes(b"")
    assert list(archive.editions()) == [3, 20, 1_000_000]
    (folder / "000000.car").write_bytes(b"")
    assert list(archive.editions()) == [0, 3, 20, 1_000_000]
    archive.set_head(root(1_000_000))
    assert archive.pending() is None


HEADS = [
    b"",
    b"\n",
    str(root(1)).encode(),
    f"{root(1)}\n\n".encode(),
    f" {root(1)}\n".encode(),
    f"{root(1)}\r\n".encode(),
]
HEADS += [
    f"{CID.of_raw(b'')}\n".encode(),
    b"\xff\n",
    f"{root(1)}\n{root(2)}\n".encode(),
    str(root(1)).upper().encode() + b"\n",
]


@pytest.mark.parametrize("content", HEADS)
def test_a_head_that_is_none_is_malformed(archive: Archive, content: bytes) -> None:
    write(archive, 1, b"one")
    archive.head_path.write_bytes(content)
    with pytest.raises(Malformed, match="head does not hold one line with an index hash"):
        archive.head()
    with pytest.raises(Malformed, match="head does not hold one line with an index hash"):
        archive.pending()


def test_a_head_that_is_too_long_is_refused(archive: Archive) -> None:
    archive.folder.mkdir()
    archive.head_path.write_bytes(b"x" * HEAD_AT_MOST)
    with pytest.raises(Malformed):
        archive.head()
    archive.head_path.write_bytes(b"x" * (HEAD_AT_MOST + 1))
    with pytest.raises(Refused, match=f"is larger than {HEAD_AT_MOST} bytes"):
        archive.head()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"CAR header at byte 0"),
        (b"\xff" * 100, r"CAR header at byte 0"),
        (bytes.fromhex("11a265726f6f7473806776657273696f6e01"), r"names 0 roots, not one"),
    ],
)
def test_a_newest_edition_without_a_root_is_malformed(archive: Archive, content: bytes, words: str) -> None:
    (archive.folder / "editions").mkdir(parents=True)
    archive.edition_path(7).write_bytes(content)
    with pytest.raises(Malformed, match=rf"000007\.car.*{words}"):
        root_of(archive.edition_path(7))
    with pytest.raises(Malformed, match=words):
        archive.pending()


def test_a_block_that_changed_in_a_file_is_told_from_one_that_is_missing(archive: Archive) -> None:
    write(archive, 1, b"one", b"two")
    path = archive.edition_path(1)
    path.write_bytes(path.read_bytes()[:-1])
    with archive:
        archive.refresh()
        assert archive.blocks.get(CID.of_raw(b"one")) == b"one"
        with pytest.raises(Missing):
            archive.blocks.get(CID.of_raw(b"two"))
        assert list(archive.blocks.damage) == [path]


# Taking blocks out


def test_dropped_blocks_are_gone_from_every_file_unless_they_are_used(archive: Archive) -> None:
    write(archive, 1, b"one", b"two", b"used")
    write(archive, 2, b"three")
    archive.refresh()
    assert archive.finish_dropping(list) is None
    untouched = archive.edition_path(2).stat().st_mtime_ns
    archive.set_dropping([CID.of_raw(data) for data in (b"two", b"used", b"nowhere")])
    assert archive.finish_dropping(lambda: [CID.of_raw(b"used")]) == 2
    assert (CID.of_raw(b"two") in archive.blocks, archive.dropping()) == (False, [])
    assert b"two" not in archive.edition_path(1).read_bytes()
    assert [archive.blocks.get(CID.of_raw(data)) for data in (b"one", b"used", b"three")] == [b"one", b"used", b"three"]
    assert (root_of(archive.edition_path(1)), archive.edition_path(2).stat().st_mtime_ns) == (root(1), untouched)
    archive.close()


def test_what_is_to_be_dropped_is_known_until_it_is_done(archive: Archive) -> None:
    archive.folder.mkdir()
    assert archive.dropping() == []
    wanted = [CID.of_raw(b"one"), root(1)]
    archive.set_dropping(wanted)
    assert archive.dropping() == wanted
    archive.set_dropping([])
    assert (archive.dropping(), names(archive.folder)) == ([], [])


def test_a_list_of_blocks_to_drop_is_never_longer_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [CID.of_raw(data) for data in (b"one", b"two")]
    monkeypatch.setattr(module, "DROPPING_AT_MOST", 2 * 60)
    archive = Archive(tmp_path)
    archive.set_dropping(wanted)
    assert archive.dropping() == wanted
    with pytest.raises(Refused, match="a list of 180 bytes of blocks to drop, more than 120"):
        archive.set_dropping([*wanted, CID.of_raw(b"three")])
    assert archive.dropping() == wanted


def test_the_record_of_the_name_is_kept_beside_the_head(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert archive.name_record() is None
    archive.set_name_record(b"older")
    archive.set_name_record(bytes(ipns.RECORD_AT_MOST))
    assert archive.name_record() == bytes(ipns.RECORD_AT_MOST)
    assert [path.name for path in tmp_path.iterdir()] == ["name.ipns-record"]
    archive.name_path.write_bytes(bytes(ipns.RECORD_AT_MOST + 1))
    with pytest.raises(Refused, match="is larger than 10240 bytes"):
        archive.name_record()
