"""Folders and files that the profile does not make, or that have no place, are named wherever they lie."""

from collections.abc import Callable

import pytest
from judging import assert_false, holding, honest, judge, words_of
from world import Mirror, honest_folder

from mirror import tree, verdict
from mirror.formats import dagpb
from mirror.formats.cid import CID, DAG_PB, RAW
from mirror.formats.unixfs import CHUNK, Kind, Link, Node
from mirror.verdict import Claim, State

SHARD = bytes(Node((), Kind.SHARD, data=b"", hash_type=0x22, fanout=256))


def twice(links: list[Link]) -> bytes:
    return honest_folder([*links, links[-1]])


def unsorted(links: list[Link]) -> bytes:
    return honest_folder([Link("zz", links[0].cid, links[0].size), *links])


def named(name: str) -> Callable[[list[Link]], bytes]:
    return lambda links: honest_folder(
        sorted([*links, Link(name, links[0].cid, links[0].size)], key=lambda each: each.name)
    )


def sizeless(links: list[Link]) -> bytes:
    parts = tuple(dagpb.Link(link.cid, link.name, None) for link in links)
    return bytes(Node(parts, Kind.FOLDER))


FOLDERS: dict[str, tuple[Callable[[list[Link]], bytes], str]] = {
    "mode": (lambda links: honest_folder(links, mode=0o755), "a mode or a time"),
    "mtime": (lambda links: honest_folder(links, mtime=b"\x08\x00"), "a mode or a time"),
    "one name twice": (twice, "a name twice or out of order"),
    "out of order": (unsorted, "a name twice or out of order"),
    "shard": (lambda links: SHARD, "it is a sharded folder"),
    "symlink": (lambda links: bytes(Node((), Kind.SYMLINK, data=b"/")), "it is a symlink"),
    "metadata": (lambda links: bytes(Node((), Kind.METADATA)), "it is a metadata node"),
    "no size": (sizeless, "lacks its name or its size"),
    "data": (lambda links: honest_folder(links, data=b"hidden"), "fields that the profile does not write"),
    "file size": (lambda links: honest_folder(links, file_size=0), "fields that the profile does not write"),
    "not dag-pb": (lambda links: b"\xff\x00", "varint"),
    "no UnixFS": (lambda links: bytes(dagpb.Node((), None)), "without data"),
    "empty": (lambda links: honest_folder([]), "it is an empty folder"),
    "dots": (named(".."), "a name that cannot be one: '..'"),
    "no name": (named(""), "a name that cannot be one: ''"),
    "slash": (named("a/b"), "a name that cannot be one: 'a/b'"),
    "identity CID": (
        lambda links: honest_folder([*links, Link("zz", CID(b"\x01\x55\x00\x01a"), 1)]),
        "of a kind that the profile does not make",
    ),
}


@pytest.mark.parametrize("folder", ["note/00/00/00", "file/00/00/00/01", "tile/0", "page", "page/00/00", "note"])
@pytest.mark.parametrize("lie", FOLDERS)
def test_a_folder_that_the_profile_does_not_make_is_named(lie: str, folder: str) -> None:
    mirror = honest()
    mirror.print_folder[tuple(folder.split("/"))], words = FOLDERS[lie]
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, folder, words)


@pytest.mark.parametrize("lie", [lie for lie in FOLDERS if lie not in ("empty", "dots", "no name", "slash")])
def test_a_first_folder_that_the_profile_does_not_make_is_named(lie: str) -> None:
    mirror = honest()
    mirror.print_folder[()], words = FOLDERS[lie]
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, "/", words)
    assert words_of(report, Claim.KEY) == "the tree cannot be opened"


@pytest.mark.parametrize("name", ["..", "", "a/b", "secret.txt", "INDEX.HTML", "index.html\u202e"])
def test_a_name_that_has_no_place_at_the_top_is_named(name: str) -> None:
    mirror = honest()
    mirror.print_folder[()] = named(name)
    report = judge(mirror)
    assert report.exit_code() == 1
    assert any("has no place in a mirror's tree" in line for line in report.verdict(Claim.UNCHANGED).words)
    assert all(line.isprintable() for claim in Claim for line in report.verdict(claim).words)


def test_an_empty_first_folder_has_nothing_of_a_mirror() -> None:
    mirror = honest()
    mirror.print_folder[()] = lambda links: honest_folder([])
    assert_false(judge(mirror), Claim.COMPLETE, "charter.txt", "is not in this tree")


SIZED = ["note", "note/00/00/00", "note/00/00/00/02.txt", "file/00/00/00/01/2.bin", "file", "tile/0/000.p/4", "page"]
SIZED += ["page/00/00/00/01.html", "index.html", "charter.txt", "checkpoint", "edition.txt", "tile/entries/000.p/4"]


@pytest.mark.parametrize("path", SIZED)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_wrong_size_is_named(path: str, by: int) -> None:
    mirror = honest()
    mirror.tsize[tuple(path.split("/"))] = by
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, path, "its folder says")


def padded_file(mirror: Mirror, path: str, content: bytes) -> None:
    """A node over one leaf, where the profile has the leaf alone."""
    leaf = CID.of_raw(content)
    mirror.blocks[leaf] = content
    parts = (dagpb.Link(leaf, "", len(content)),)
    block = bytes(Node(parts, Kind.FILE, file_size=len(content), block_sizes=(len(content),)))
    holding(path, mirror.give(DAG_PB, block, len(block) + len(content)))(mirror)


@pytest.mark.parametrize("path", ["index.html", "tile/0/000.p/4", "note/00/00/00/03.txt", "file/00/00/00/01/1.jpg"])
def test_a_file_laid_otherwise_than_by_the_profile_is_named(path: str) -> None:
    mirror = honest()
    padded_file(mirror, path, b"some bytes")
    report = judge(mirror)
    assert report.exit_code() == 1
    assert path in report.bad_items()
    assert report.verdict(Claim.UNCHANGED).state is State.FALSE or path.startswith("tile")


def test_a_page_in_a_leaf_that_is_too_long_is_named() -> None:
    mirror = honest()
    holding("index.html", mirror.give(RAW, bytes(CHUNK + 1)))(mirror)
    assert_false(judge(mirror), Claim.UNCHANGED, "index.html", "more than the profile's")


def test_folders_that_lie_too_deep_are_named() -> None:
    mirror = honest()
    holding("page/" + "x/" * tree.DEPTH_AT_MOST + "end.html", b"")(mirror)
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, "page" + "/x" * tree.DEPTH_AT_MOST, "folders deep")
    mirror = honest()
    holding("page/" + "x/" * (tree.DEPTH_AT_MOST - 1) + "end.html", b"")(mirror)
    assert judge(mirror).exit_code() == 0


def folders_that_double(mirror: Mirror, path: str, leaf: bytes) -> None:
    """Eight folders, each with a hundred entries that all lead to the next: 10^16 paths, and their sizes are true."""
    given = mirror.give(RAW, leaf)
    for _ in range(8):
        links = [Link(f"{number:02}", given.cid, given.size) for number in range(100)]
        block = honest_folder(links)
        given = mirror.give(DAG_PB, block, len(block) + 100 * given.size)
    holding(path, given)(mirror)


def test_pages_that_link_to_each_other_without_end_are_read_once() -> None:
    mirror = honest()
    folders_that_double(mirror, "page/x", b"")
    assert judge(mirror).exit_code() == 0


@pytest.mark.parametrize("path", ["note/x", "file/x", "tile/x"])
def test_an_endless_number_of_faults_ends_the_run(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "FAULTS_AT_MOST", 50)
    mirror = honest()
    folders_that_double(mirror, path, b"")
    report = judge(mirror)
    assert (len(report.faults), report.is_full, report.exit_code()) == (50, True, 1)
