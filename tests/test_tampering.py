"""Files tampered with, judged as a reader does it: a bit at every byte, cuts at every place, blocks and files too many.

Every byte is flipped. What `verify` is then given (`tampered.look`) often is the same as for the byte before; each
different thing is judged by the command line, once. Exempt are bytes that it does not read: in an archive, blocks that
only earlier editions use.

Lies that take a key, or another tree, are in `test_tampering_lies.py`.
"""

import hashlib
import os
import tracemalloc
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import pytest
from judging import honest
from storyteller import spread
from tampered import (
    Found,
    Section,
    Small,
    assert_named,
    flipped,
    look,
    paths_of,
    sections,
    verify,
    write_car,
)
from workbench import Bench
from world import Mirror, secret, sign_text

from mirror import carry
from mirror.alone import verify_note
from mirror.audit import Evidence, Run
from mirror.cli.sources import open_copy
from mirror.edition import Edition
from mirror.formats import wire
from mirror.formats.cid import CID, DAG_PB, RAW
from mirror.store.folder import DEPTH_AT_MOST
from mirror.trust import Trust
from mirror.verdict import Claim
from mirror.verify import verify as verify_tree

VKEY = Mirror().key.public.vkey


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


Expected = Callable[[int], set[str]]
"""The items of which one has to be named where the byte at a place is another."""


def flip_each(small: Small, file: Path, copy: Path, places: Iterator[int] | range, expected: Expected) -> None:
    """Every flip is false, and named."""
    known: dict[Hashable, Found] = {}
    honest = look(small, copy)
    for at in places:
        with flipped(file, at):
            seen = look(small, copy)
            assert seen != honest, f"byte {at} of {file.name} is not read"
            if seen not in known:
                known[seen] = verify(small.vkey, copy)
        found = known[seen]
        assert found.code == 1, (at, found)
        assert expected(at) & set(found.items) or (not found.items and file.name in found.err), (at, found)
    assert known
    assert look(small, copy) == honest


def section_at(found: list[Section], at: int) -> Section | None:
    return next((each for each in found if each.start <= at < each.end), None)


def items_of_car(small: Small, path: Path, name: str) -> Expected:
    """A flip in a block names what lies in it; one in its head, or in the header, that or the file."""
    listed = sections(path)

    def expected(at: int) -> set[str]:
        section = section_at(listed, at)
        if section is None:
            return {name, "/"}
        return small.paths[section.cid] | (set() if at >= section.data else {name})

    return expected


def test_the_copies_hold_untouched(small: Small) -> None:
    for path in (small.archive, small.export, small.folder):
        assert verify(small.vkey, path).code == 0


def test_a_bit_at_every_byte_of_an_export(small: Small) -> None:
    size = small.export.stat().st_size
    assert {each.cid for each in sections(small.export)} == set(small.paths)
    expected = items_of_car(small, small.export, small.export.name)
    flip_each(small, small.export, small.export, range(size), expected)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_bit_at_every_byte_of_an_edition_that_is_read(small: Small, number: int) -> None:
    path = small.editions[number - 1]
    read = [each for each in sections(path) if each.cid in small.paths]
    places = [*range(sections(path)[0].start), *(at for each in read for at in range(each.start, each.end))]
    assert read
    flip_each(small, path, small.archive, iter(places), items_of_car(small, path, f"editions/{path.name}"))


def test_a_bit_at_every_byte_of_the_head(small: Small) -> None:
    flip_each(small, small.head, small.archive, range(small.head.stat().st_size), lambda at: {"/"})


def test_a_bit_at_every_byte_of_the_announcement(small: Small) -> None:
    size = small.announcement.stat().st_size
    flip_each(small, small.announcement, small.archive, range(size), lambda at: {"announcement.txt"})


def test_a_bit_at_every_byte_of_a_fetched_folder(small: Small) -> None:
    """Of notes at every seventh: any other byte gives another CID than is listed, and the note is not read further."""
    trust = Trust(given=small.bench.key.public)
    for file in sorted(path for path in small.folder.rglob("*") if path.is_file()):
        path = file.relative_to(small.folder).as_posix()
        for at in range(0, file.stat().st_size, 7 if path.startswith("note/") else 1):
            with flipped(file, at), open_copy(small.folder) as copy:
                report = verify_tree(Evidence(copy.what, copy.root, copy.get), trust, Run())
            assert report.exit_code() == 1, (path, at)
            assert any(item == path or is_entry(path, item) for item in report.bad_items()), (path, at)
        with flipped(file, file.stat().st_size // 2):
            found = verify(small.vkey, small.folder)
        assert found.code == 1
        assert any(item == path or is_entry(path, item) for item in found.items)
    assert verify(small.vkey, small.folder).code == 0


def is_entry(path: str, item: str) -> bool:
    """What differs in a bundle that can be read is named by its entry."""
    return path.startswith("tile/entries/") and item.startswith("entry #")


@pytest.mark.parametrize(
    ("name", "item", "words"),
    [
        ("announcement.txt", "announcement.txt", "announces edition 3 with the index hash"),
        ("head", "note/00/00/00/03.txt", "the listed #3 is not here"),
    ],
)
def test_what_the_edition_before_had_put_back(small: Small, name: str, item: str, words: str) -> None:
    file = small.archive / name
    data = file.read_bytes()
    file.write_bytes(small.before[name])
    found = verify(small.vkey, small.archive)
    file.write_bytes(data)
    assert_named(found, item, words)


def test_an_edition_s_file_removed(small: Small) -> None:
    for path in small.editions:
        path.rename(small.folder.parent / "away")
        found = verify(small.vkey, small.archive)
        (small.folder.parent / "away").rename(path)
        assert (found.code, bool(found.items)) == (1, True)
        assert "is not here" in found.words


def test_a_bit_in_a_file_that_looks_as_it_did_when_it_was_indexed(small: Small) -> None:
    home = small.archive.parent
    assert verify(small.vkey, home).code == 0
    for path in small.editions:
        times = path.stat()
        read = [each for each in sections(path) if each.cid in small.paths]
        for at in (30, *((each.data + each.end) // 2 for each in read)):
            with flipped(path, at):
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
                found = verify(small.vkey, home)
            assert items_of_car(small, path, f"editions/{path.name}")(at) & set(found.items)
            assert found.code == 1
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert verify(small.vkey, home).code == 0


@pytest.mark.parametrize("name", ["charter.txt", "edition.txt", "checkpoint"])
def test_without_a_key_a_page_that_was_changed_is_false_as_well(small: Small, name: str) -> None:
    file = small.folder / name
    for at in range(file.stat().st_size):
        with flipped(file, at), open_copy(small.folder) as copy:
            report = verify_tree(Evidence(copy.what, copy.root, copy.get), Trust(), Run())
        assert (report.exit_code(), bool(report.bad_items())) == (1, True), at


@pytest.mark.parametrize("name", ["charter.txt", "edition.txt", "checkpoint", "announcement.txt"])
def test_every_bit_of_a_first_line_counts(small: Small, name: str) -> None:
    """Also the bits that make another version of it: that there is a newer one, only the key's holder can say."""
    key = small.bench.key.public
    files = {path.name: path.read_bytes() for path in small.folder.iterdir() if path.is_file()}
    with open_copy(small.archive) as copy:
        files["announcement.txt"] = copy.announcement or b""
        for bit in range(8 * (files[name].index(b"\n") + 1)):
            data = with_bit(files[name], bit)
            if name == "announcement.txt":
                evidence = Evidence(copy.what, copy.root, copy.get, data)
                report = verify_tree(evidence, Trust(given=key), Run())
            else:
                (small.folder / name).write_bytes(data)
                with open_copy(small.folder) as other:
                    report = verify_tree(Evidence(other.what, other.root, other.get), Trust(given=key), Run())
            assert (report.exit_code(), name in report.bad_items()) == (1, True), bit
    if name != "announcement.txt":
        (small.folder / name).write_bytes(files[name])


@pytest.mark.parametrize("index", [1, 2, 4])
def test_a_bit_at_every_byte_of_a_testimony_that_travels_alone(small: Small, index: int, tmp_path: Path) -> None:
    with open_copy(small.archive) as copy:
        written = carry.export_one(Edition(copy.root, copy.get), index, copy.get, tmp_path / "one")
    note, proof = (path.read_bytes() for path in written[:2])
    trust = Trust(given=small.bench.key.public)
    assert verify_note("note.txt", note, trust, proof).exit_code() == 0
    for at in range(8 * len(note)):
        if at % 8 == at // 8 % 8 or at // 8 < 24:
            report = verify_note("note.txt", with_bit(note, at), trust, proof)
            assert (report.exit_code(), report.bad_items()[-1:]) == (1, ["note.txt"]), at
    for at in range(0, 8 * len(proof), 9):
        report = verify_note("note.txt", note, trust, with_bit(proof, at))
        assert (report.exit_code(), report.bad_items()) == (1, ["the proof"]), at


def with_bit(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


@pytest.mark.parametrize("change", ["remove", "empty", "append", "rename"])
def test_each_file_of_a_fetched_folder_removed_emptied_longer_or_renamed(small: Small, change: str) -> None:
    for file in sorted(path for path in small.folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        other = file.with_name(f"{file.name}~")
        if change in ("remove", "rename"):
            file.rename(other if change == "rename" else small.folder.parent / "away")
        else:
            file.write_bytes(b"" if change == "empty" else data + b"\n")
        found = verify(small.vkey, small.folder)
        for each in (other, small.folder.parent / "away"):
            each.unlink(missing_ok=True)
        file.write_bytes(data)
        path = file.relative_to(small.folder).as_posix()
        assert found.code == 1
        assert {path, path.partition("/")[0]} & set(found.items), (path, found)


# A larger archive


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("large"))
    bench.publish(*(bench.write(f"{at:03}.txt", f"What happened, told as number {at}.") for at in range(600)))
    bench.workspace.archive.close()
    return bench


def test_bits_here_and_there_in_an_archive_of_six_hundred(large: Bench) -> None:
    vkey, archive = large.key.public.vkey, large.workspace.archive.folder
    assert verify(vkey, archive).code == 0
    with open_copy(archive) as copy:
        paths = paths_of(copy)
    path = archive / "editions" / "000002.car"
    listed = [each for each in sections(path) if each.cid in paths]
    for number in range(24):
        section = listed[int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:4]) % len(listed)]
        middle = (section.data + section.end) // 2
        for at in (section.start, section.data - 1, middle)[number % 3 : number % 3 + 1]:
            with flipped(path, at):
                found = verify(vkey, archive)
            assert found.code == 1
            assert (paths[section.cid] | {"editions/000002.car"}) & set(found.items), (at, found)


# Cuts


def cuts(path: Path) -> Iterator[int]:
    """Every boundary between blocks but the last, and three places inside each block and in the header."""
    found = sections(path)
    yield from (0, 1, found[0].start // 2)
    for each in found:
        yield from {each.start, each.start + 1, each.data, (each.data + each.end) // 2, each.end - 1}


def cut_each(small: Small, path: Path, copy: Path, name: str) -> None:
    data, items_at = path.read_bytes(), items_of_car(small, path, name)
    for at in cuts(path):
        path.write_bytes(data[:at])
        found = verify(small.vkey, copy)
        path.write_bytes(data)
        assert found.code == 1, (at, found)
        assert items_at(at) | {name} & set(found.items) or path.name in found.err, (at, found)
        assert found.items or path.name in found.err


def test_an_export_cut_off_anywhere(small: Small) -> None:
    cut_each(small, small.export, small.export, small.export.name)


def test_the_newest_edition_cut_off_anywhere(small: Small) -> None:
    path = small.editions[-1]
    cut_each(small, path, small.archive, f"editions/{path.name}")


def test_a_car_of_nothing(small: Small, tmp_path: Path) -> None:
    path = tmp_path / "some.car"
    path.write_bytes(b"")
    found = verify(small.vkey, path)
    assert (found.code, found.err.startswith("mirror: error: some.car: CAR header at byte 0")) == (1, True)
    path.write_bytes(small.export.read_bytes()[: sections(small.export)[0].start])
    found = verify(small.vkey, path)
    assert (found.code, found.items) == (1, ("/",))
    assert f"block {small.root} is not here" in found.words


# Other CARs


def section_of(cid: CID, data: bytes) -> bytes:
    return wire.encode_varint(len(cid) + len(data)) + bytes(cid) + data


def with_sections(small: Small, path: Path, *more: bytes) -> Path:
    path.write_bytes(small.export.read_bytes() + b"".join(more))
    return path


def test_a_car_with_one_more_block(small: Small, tmp_path: Path) -> None:
    for codec in (RAW, DAG_PB):
        found = verify(
            small.vkey, with_sections(small, tmp_path / "more.car", section_of(CID.of(codec, b"more"), b"more"))
        )
        assert found.code == 1
        assert "holds 1 blocks that its tree does not use" in found.words
        assert any("more.car" in item for item in found.items)


def test_bytes_hidden_under_a_name_that_is_here_already(small: Small, tmp_path: Path) -> None:
    """A reader of blocks is content with the good one; whoever hands the file on hands on the other too."""
    path = with_sections(small, tmp_path / "twice.car", section_of(small.root, b"hidden"))
    found = verify(small.vkey, path)
    assert (found.code, found.items) == (1, ("twice.car",))
    assert f"is not {small.root}: its CID is" in found.words


def test_one_block_written_twice_is_no_lie(small: Small, tmp_path: Path) -> None:
    first = sections(small.export)[0]
    whole = small.export.read_bytes()[first.start : first.end]
    assert verify(small.vkey, with_sections(small, tmp_path / "twice.car", whole)).code == 0


def test_a_car_of_another_mirror_s_blocks(small: Small, tmp_path: Path) -> None:
    mirror = Mirror(seed="somebody else")
    path = write_car(mirror.lay(), tmp_path / "other.car")
    assert verify(mirror.key.public.vkey, path).code == 0
    found = verify(small.vkey, path)
    assert (found.code, "charter.txt" in found.items) == (1, True)
    other = path.read_bytes()
    header = sections(small.export)[0].start
    path.write_bytes(small.export.read_bytes()[:header] + other[header:])
    found = verify(small.vkey, path)
    assert (found.code, found.items) == (1, ("/",))


@pytest.mark.parametrize("is_there", [False, True])
def test_a_block_of_two_gigabytes_takes_no_memory(small: Small, tmp_path: Path, is_there: bool) -> None:
    cid, length = CID.of_raw(b"large"), 2 << 30
    path = with_sections(small, tmp_path / "large.car", wire.encode_varint(len(cid) + length) + bytes(cid))
    if is_there:
        os.truncate(path, path.stat().st_size + length)
    verify(small.vkey, small.export)
    tracemalloc.start()
    try:
        found = verify(small.vkey, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.code, found.items) == (1, ("large.car",))
    assert f"it claims {len(cid) + length} bytes, more than a block may have" in found.words
    assert peak < 16 << 20


# Folders as other tools fetch them


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    copy = honest().lay()
    spread(copy.get, copy.root, tmp_path / "tree")
    assert verify(VKEY, tmp_path / "tree").code == 0
    return tmp_path / "tree"


@pytest.mark.parametrize("path", [".DS_Store", "Thumbs.db", "note/00/00/00/.hidden", "file/00/00/00/01/1.jpg.bak"])
def test_a_file_more_in_a_fetched_folder(fetched: Path, path: str) -> None:
    (fetched / path).write_bytes(b"")
    found = verify(VKEY, fetched)
    assert (found.code, path in found.items) == (1, True)


def test_folders_on_disk_that_lie_too_deep_or_are_empty(fetched: Path) -> None:
    (fetched / "page" / "empty").mkdir()
    found = verify(VKEY, fetched)
    assert_named(found, "page/empty", "an empty folder")
    (fetched / "page" / Path("empty", *["d"] * (DEPTH_AT_MOST + 1))).mkdir(parents=True)
    found = verify(VKEY, fetched)
    assert (found.code, f"lies more than {DEPTH_AT_MOST} folders deep" in found.err) == (1, True)


def test_names_on_disk_that_are_no_text(fetched: Path) -> None:
    try:
        (fetched / "page" / os.fsdecode(b"\xff.html")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    found = verify(VKEY, fetched)
    assert (found.code, "it is not text" in found.err) == (1, True)


def test_a_link_out_of_a_fetched_folder_is_not_followed(fetched: Path, tmp_path: Path) -> None:
    file = fetched / "index.html"
    file.rename(tmp_path / "index.html")
    file.symlink_to(tmp_path / "index.html")
    found = verify(VKEY, fetched)
    assert (found.code, f"{file} is neither a file nor a folder" in found.err) == (1, True)


# What says that it is newer


def test_a_newer_note_alone_is_not_checked_where_the_key_s_holder_says_so(small: Small) -> None:
    key, other = small.bench.key, secret(small.bench.key.name, "another key of that name")
    for text in ("mirror/v2 testimony\nMood: sad\n", f"mirror/v1 drawing\nMirror: {key.name}\n"):
        for trust in (Trust(given=key.public), Trust(claimed=key.public), Trust()):
            report = verify_note("note.txt", sign_text(text, key), trust)
            assert (report.exit_code(), report.bad_items()) == (3, [])
            assert "does not know" in report.verdict(Claim.SIGNED).words[0]
        report = verify_note("note.txt", sign_text(text, other), Trust(given=key.public))
        assert (report.exit_code(), report.bad_items()) == (1, ["note.txt"])
        assert report.verdict(Claim.SIGNED).words == ("note.txt: the note carries no signature by a known key",)
