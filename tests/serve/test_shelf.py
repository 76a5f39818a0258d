"""What is served is what lies here now: newer editions, what was withdrawn, records while they last, and no secret."""

import contextlib
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import wait_until
from laid import Publisher
from scenes import Place, Withdrawing
from serving import Asking, serving, shelf_of
from world import secret

from mirror import tree
from mirror.edition import Edition
from mirror.errors import Missing
from mirror.formats import car, dagpb, ipns
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import Naming
from mirror.serve import reader
from mirror.serve import shelf as module
from mirror.serve.shelf import Met, Shelf
from mirror.store.archive import Archive

KEY = secret("voices.example/archive", "mirror")
ROOT = CID.of(DAG_PB, b"root")
END = datetime(2031, 1, 1, tzinfo=UTC)


def write_car(path: Path, *held: bytes) -> Path:
    with path.open("wb") as file:
        writer = car.Writer(file)
        for data in held:
            writer.put(CID.of_raw(data), data)
        writer.seal(ROOT)
    return path


def write_record(folder: Path, edition: int, name: str = "") -> Path:
    path = folder / (name or f"{KEY.public.ipns}_{edition}.ipns-record")
    path.write_bytes(ipns.sign(Naming(KEY.public, ROOT, edition, END.date()), KEY))
    return path


def wait_for(asking: Asking, path: str, status: int) -> None:
    wait_until(lambda: asking.get(path).status == status, f"{path} is {status}")


def test_a_newer_edition_is_served_while_it_runs(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        name = next(iter(asking.shelf.mirrors))
        before = asking.get(f"/log/{name}/checkpoint").body
        made = publisher.publish(["One more."])
        wait_for(asking, f"/ipfs/{made['index_hash']}?format=raw", 200)
        assert asking.get(f"/log/{name}/checkpoint").body != before
        assert made["index_hash"] in asking.get("/").words


def test_what_is_asked_for_just_after_it_was_published_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is told that nobody has it asks again much later."""
    monkeypatch.setattr(reader, "LOOK_EVERY", 1_000_000)
    publisher = Publisher(tmp_path)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        for number in range(3):
            made = publisher.publish([f"One more: {number}."])
            assert b"Addrs" in asking.get(f"/routing/v1/providers/{made['index_hash']}").body
            assert asking.get(f"/ipfs/{made['index_hash']}?format=raw").status == 200


def test_what_was_withdrawn_is_gone_as_soon_as_it_left_the_files(place: Place) -> None:
    with place.archive("voices") as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        scenario = Withdrawing(place)
        with serving(shelf_of(archives=[archive_of(place)])) as asking:
            note = CID.of_raw(edition.tree.read(tree.note_path(1)))
            path = f"/ipfs/{note}?format=raw"
            assert asking.get(path).status == 200
            place.run("voices", *scenario.arguments())
            wait_for(asking, path, 404)
            assert asking.get(f"/ipfs/{note}?format=car").status == 404
            assert asking.get(f"/routing/v1/providers/{note}").body == b'{"Providers": []}\n'


def archive_of(place: Place) -> Archive:
    return place.archive("voices")


@contextlib.contextmanager
def opened(shelf: Shelf) -> Iterator[Shelf]:
    shelf.open()
    with contextlib.closing(shelf):
        yield shelf


def test_cars_may_be_parts_and_what_they_lack_is_missing(tmp_path: Path) -> None:
    cars = [write_car(tmp_path / "1.car", b"one"), write_car(tmp_path / "2.car", b"two")]
    with opened(shelf_of(cars=cars)) as shelf:
        assert shelf.get(CID.of_raw(b"one")) == b"one"
        assert shelf.get(CID.of_raw(b"two")) == b"two"
        assert CID.of_raw(b"three") not in shelf
        with pytest.raises(Missing, match="is not here"):
            shelf.get(CID.of_raw(b"three"))
        assert (shelf.mirrors, shelf.faults) == ({}, [])


def test_what_cannot_be_read_is_said_and_the_rest_served(tmp_path: Path) -> None:
    whole = write_car(tmp_path / "1.car", b"one")
    cut = write_car(tmp_path / "2.car", b"two", b"three")
    cut.write_bytes(cut.read_bytes()[:-2])
    record = tmp_path / "name.ipns-record"
    record.write_bytes(b"junk")
    empty = Archive(tmp_path / "empty")
    with opened(shelf_of(archives=[empty], cars=[whole, cut, tmp_path / "gone.car"], records=[record])) as shelf:
        assert shelf.get(CID.of_raw(b"one")) == b"one"
        assert shelf.get(CID.of_raw(b"two")) == b"two"
        said = "\n".join(shelf.faults)
        for words in ("2.car: CAR section at byte", "the head", "gone.car: no such file", "begins with the name"):
            assert words in said, said


def test_the_newest_of_several_copies_is_the_mirror(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(["One."])
    publisher.run("export", "-o", tmp_path / "older.car")
    newer = publisher.publish(["Two."])
    archive = Archive(publisher.home / "archive")
    with opened(shelf_of(archives=[archive], cars=[tmp_path / "older.car"])) as shelf:
        (mirror,) = shelf.mirrors.values()
        assert str(mirror.edition.root) == newer["index_hash"]
    with opened(shelf_of(cars=[tmp_path / "older.car"])) as shelf:
        (mirror,) = shelf.mirrors.values()
        assert mirror.edition.number == newer["edition"] - 1


def test_the_newest_record_of_a_name_counts(tmp_path: Path) -> None:
    records = [write_record(tmp_path, 7), write_record(tmp_path, 9), write_record(tmp_path, 8)]
    with opened(shelf_of(records=records)) as shelf:
        named = shelf.record(KEY.public.ipns)
        assert named is not None
        assert named.data == records[1].read_bytes()
        assert shelf.seconds_left(named) == 300


def test_a_record_that_has_ended_is_not_handed_on(tmp_path: Path) -> None:
    for now, found, left in ((END - timedelta(seconds=100), True, 100), (END, False, 0)):
        with opened(shelf_of(records=[write_record(tmp_path, 7)], now=now)) as shelf:
            named = shelf.record(KEY.public.ipns)
            assert (named is not None) is found
            assert named is None or shelf.seconds_left(named) == left


def test_a_record_of_another_name_than_its_file_says_is_not_served(tmp_path: Path) -> None:
    other = secret("other.example", "another").public.ipns
    with opened(shelf_of(records=[write_record(tmp_path, 7, f"{other}.ipns-record")])) as shelf:
        assert shelf.record(other) is None
        assert "ipns-record: " in shelf.faults[0]


def test_an_archive_hands_on_the_record_of_its_mirror(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    archive = Archive(publisher.home / "archive")
    with opened(shelf_of(archives=[archive])) as shelf:
        (name,) = shelf.mirrors
        assert shelf.record(name) is None
        publisher.run("name")
        shelf.refresh()
        named = shelf.record(name)
        assert named is not None
        assert named.data == archive.name_record()
        assert named.record.root == archive.head()
        write_record(archive.folder, 7, "name.ipns-record")  # of another key
        shelf.refresh()
        assert shelf.record(name) is None
        assert any(fault.startswith("name.ipns-record: ") for fault in shelf.faults)


def test_a_file_written_anew_in_the_same_instant_is_seen(tmp_path: Path) -> None:
    """Else what was withdrawn would be read on from a file that has no name any more."""
    archive = Archive(tmp_path)
    path = archive.edition_path(1)
    path.parent.mkdir()
    write_car(path, b"kept", b"withdrawn")
    with opened(shelf_of(archives=[archive])) as shelf:
        assert shelf.get(CID.of_raw(b"withdrawn")) == b"withdrawn"
        times = [path.stat().st_mtime_ns, path.parent.stat().st_mtime_ns]
        write_car(tmp_path / "anew", b"kept").replace(path)
        for changed, time in zip((path, path.parent), times, strict=True):
            os.utime(changed, ns=(time, time))
        shelf.refresh()
        assert shelf.get(CID.of_raw(b"kept")) == b"kept"
        with pytest.raises(Missing):
            shelf.get(CID.of_raw(b"withdrawn"))


def test_only_the_archive_of_a_workspace_is_read(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    secrets = [path.read_bytes() for path in (publisher.home / "secret").rglob("*") if path.is_file()]
    assert secrets
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        for data in secrets:
            assert asking.get(f"/ipfs/{CID.of_raw(data)}?format=raw").status == 404
        for path in ("/secret/key.age", "/../secret/key.age", "/ipfs/../../secret/key.age", "/%2e%2e/secret/key.age"):
            assert asking.get(path).status in (400, 404)


def test_blocks_at_hand_are_bounded_and_dropped_with_each_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_AT_MOST", 1000)
    held = [bytes([number]) * 300 for number in range(10)]
    archive = Archive(tmp_path / "archive")
    with opened(shelf_of(archives=[archive], cars=[write_car(tmp_path / "1.car", *held)])) as shelf:
        for _ in range(2):
            for data in held:
                assert shelf.get(CID.of_raw(data)) == data
        assert shelf._kept == sum(map(len, shelf._recent.values())) == 900
        archive.folder.mkdir()
        (archive.folder / "head").write_text("changed")
        shelf.refresh()
        assert (shelf._kept, len(shelf._recent)) == (0, 0)


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 200_000), (1, 199_999), (0, 131_072), (0, 131_073), (5, 5), (131_071, 131_073)]
)
def test_slices_are_the_block(start: int, stop: int, tmp_path: Path) -> None:
    data = bytes(range(250)) * 800
    with opened(shelf_of(cars=[write_car(tmp_path / "1.car", data)])) as shelf:
        slices = list(shelf.slices(CID.of_raw(data), start, stop))
        assert b"".join(slices) == data[start:stop]
        assert all(len(each) <= module.SLICE for each in slices)


def test_what_was_met_is_a_bit_for_each_block(tmp_path: Path) -> None:
    held = [b"%d" % number for number in range(5000)]
    cars = [write_car(tmp_path / "1.car", *held[:2500]), write_car(tmp_path / "2.car", *held[2500:], held[0])]
    with opened(shelf_of(archives=[], cars=cars)) as shelf:
        met = Met(shelf)
        assert all(met.first(CID.of_raw(data)) for data in held)
        assert not any(met.first(CID.of_raw(data)) for data in held)
        assert met.first(CID.of_raw(b"absent"))
        assert met.first(CID.of_raw(b"absent"))
        assert sum(map(len, met._bits.values())) < 1000


def test_a_graph_that_links_to_itself_in_great_numbers_is_sent_once(tmp_path: Path) -> None:
    blocks = {CID.of_raw(b"leaf"): b"leaf"}
    cid = CID.of_raw(b"leaf")
    for _ in range(60):
        block = bytes(dagpb.Node((dagpb.Link(cid, "a", 1), dagpb.Link(cid, "b", 1)), b"\x08\x01"))
        cid = CID.of(DAG_PB, block)
        blocks[cid] = block
    with (tmp_path / "1.car").open("wb") as file:
        writer = car.Writer(file)
        for name, data in blocks.items():
            writer.put(name, data)
        writer.seal(cid)
    with serving(shelf_of(cars=[tmp_path / "1.car"])) as asking:
        sent = [name for name, _ in car.blocks(io.BytesIO(asking.get(f"/ipfs/{cid}?format=car").body))]
        assert sent == list(reversed(blocks))
