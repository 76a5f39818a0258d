"""Folders: what the profile writes, and every block that it would not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled
from profiles import V0_2015, V1_2025, Blocks, dagpb_folder, import_file, import_folder

from mirror.errors import Malformed, Missing, Refused
from mirror.formats import car, dagpb, unixfs
from mirror.formats import cid as cids
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB
from mirror.formats.unixfs import Kind, Link, Node

LEAF = CID.of_raw(b"x")
NODE = CID.of(DAG_PB, b"")
OLD = CID(b"\x12\x20" + bytes(32))

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=9).filter(
    lambda name: name not in (".", "..")
)
entries = st.builds(Link, names, st.sampled_from([LEAF, NODE]), st.integers(0, 2**62))
folders = st.lists(entries, max_size=5, unique_by=lambda link: link.name)


@given(folders, st.randoms())
def test_a_folder_has_one_block_whatever_the_order(links: list[Link], chance: object) -> None:
    block = unixfs.folder(links)
    chance.shuffle(links)  # type: ignore[attr-defined]
    assert unixfs.folder(links) == block
    assert list(unixfs.open_folder(block)) == sorted(links, key=lambda link: link.name.encode())
    blocks = Blocks()
    assert import_folder(V1_2025, links, blocks.put, "a") == unixfs.folder_link("a", block, links)
    assert list(unixfs.list_folder(CID.of(DAG_PB, block), blocks.get)) == list(unixfs.open_folder(block))


@given(mangled(folders.map(unixfs.folder)))
def test_what_opens_is_what_would_be_written(block: bytes) -> None:
    try:
        links = unixfs.open_folder(block)
    except Malformed:
        return
    assert unixfs.folder(links) == block or any(
        link.name in ("", ".", "..") or "/" in link.name or "\0" in link.name for link in links
    )


@given(mangled(folders.map(unixfs.folder)))
def test_the_quick_reader_takes_only_what_the_whole_one_takes(block: bytes) -> None:
    quick = unixfs.open_short_folder(block)
    if quick is not None:
        assert quick == unixfs.open_parsed_folder(unixfs.parse(block), block)


def test_each_byte_counts_for_the_quick_reader() -> None:
    block = unixfs.folder([Link("a", LEAF, 1), Link("bb", NODE, 300)])
    for at in range(len(block)):
        for value in range(256):
            changed = block[:at] + bytes([value]) + block[at + 1 :]
            quick = unixfs.open_short_folder(changed)
            assert quick is None or quick == whole_reader(changed), (at, value)
    for at in range(len(block)):
        for changed in (block[:at] + block[at + 1 :], block[:at] + b"\x00" + block[at:], block[at:], block[:at]):
            quick = unixfs.open_short_folder(changed)
            assert quick is None or quick == whole_reader(changed), at


def test_a_length_in_two_bytes_is_left_to_the_whole_reader() -> None:
    block = unixfs.folder([Link("x" * 81, LEAF, 1 << 40)])
    assert block[1:3] == b"\x80\x01"
    for at in (1, 2):
        for value in range(256):
            changed = block[:at] + bytes([value]) + block[at + 1 :]
            quick = unixfs.open_short_folder(changed)
            assert quick is None or quick == whole_reader(changed), (at, value)


def test_a_length_is_no_single_byte_above_127() -> None:
    for length in (80, 81, 150):
        message = b"\x0a\x24" + LEAF + b"\x12" + bytes([length]) + b"x" * length + b"\x18\x01"
        block = b"\x12" + bytes([len(message)]) + message + b"\x0a\x02\x08\x01"
        found = unixfs.open_short_folder(block)
        assert found == whole_reader(block)
        assert (found is None) == (len(message) > 127)


def whole_reader(block: bytes) -> tuple[Link, ...] | None:
    try:
        return unixfs.open_parsed_folder(unixfs.parse(block), block)
    except Malformed:
        return None


@given(folders.map(unixfs.folder))
def test_the_quick_reader_takes_every_folder_with_short_entries(block: bytes) -> None:
    assert unixfs.open_short_folder(block) == unixfs.open_parsed_folder(unixfs.parse(block), block)


def test_the_quick_reader_leaves_long_entries_to_the_whole_one() -> None:
    for length in (79, 80, 81, 127, 128, 200):
        block = unixfs.folder([Link("x" * length, LEAF, 1 << 40)])
        assert (unixfs.open_short_folder(block) is None) == (length > 80)
        assert unixfs.open_folder(block) == (Link("x" * length, LEAF, 1 << 40),)


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ([Link("", LEAF, 1)], "'' cannot be a name in a folder"),
        ([Link(".", LEAF, 1)], "'.' cannot be a name in a folder"),
        ([Link("..", LEAF, 1)], "'..' cannot be a name in a folder"),
        ([Link("a/b", LEAF, 1)], "'a/b' cannot be a name in a folder"),
        ([Link("a\0", LEAF, 1)], r"'a\x00' cannot be a name in a folder"),
        ([Link("\udcff", LEAF, 1)], r"'\udcff' cannot be a name in a folder: it is not text"),
        ([Link("a", LEAF, 1), Link("b", LEAF, 1), Link("a", NODE, 2)], "a is twice in one folder"),
        ([Link("a", OLD, 1)], f"a would lead to {OLD}, which is not a name that the profile gives"),
    ],
)
def test_what_no_folder_of_ours_may_hold(links: list[Link], words: str) -> None:
    with pytest.raises(Refused) as caught:
        unixfs.folder(links)
    assert caught.value.message == words


def test_a_folder_that_the_profile_would_shard_is_refused() -> None:
    links = [Link(f"{number:011}", LEAF, 1) for number in range(4765)]
    full = [*links, Link("x" * 21, LEAF, 1)]
    block = unixfs.folder(full)
    assert len(block) == 262144
    assert len(unixfs.open_folder(block)) == 4766
    over = [*links, Link("x" * 22, LEAF, 1)]
    with pytest.raises(Refused, match=r"^a folder of 4766 entries takes 262145 bytes, more than 262144$"):
        unixfs.folder(over)
    with pytest.raises(Malformed, match=r"^a folder of 262145 bytes, which the profile would shard above 262144$"):
        unixfs.open_folder(bytes(dagpb_folder(over)))


def _entry(**changes: object) -> Node:
    return Node((replace(dagpb.Link(LEAF, "a", 1), **changes),), Kind.FOLDER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (Node((), Kind.SHARD, data=b""), "a folder should be here, and it is a sharded folder"),
        (Node((), Kind.SYMLINK, data=b"a"), "a folder should be here, and it is a symlink"),
        (Node((), Kind.FILE, file_size=0), "a folder should be here, and it is a file"),
        (Node((), Kind.FOLDER, mode=0o755), "a folder with a mode or a time, which the profile does not write"),
        (Node((), Kind.FOLDER, mtime=b"\x08\x01"), "a folder with a mode or a time, which the profile does not write"),
        (Node((), Kind.FOLDER, data=b""), "a folder with fields that the profile does not write"),
        (Node((), Kind.FOLDER, file_size=0), "a folder with fields that the profile does not write"),
        (Node((), Kind.FOLDER, block_sizes=(1,)), "a folder with fields that the profile does not write"),
        (Node((), Kind.FOLDER, hash_type=34), "a folder with fields that the profile does not write"),
        (Node((), Kind.FOLDER, fanout=256), "a folder with fields that the profile does not write"),
        (_entry(name=None), f"a folder with an entry that lacks its name or its size: {LEAF}"),
        (_entry(size=None), f"a folder with an entry that lacks its name or its size: {LEAF}"),
        (_entry(cid=OLD), f"a folder whose entry 'a' is of a kind that the profile does not make: {OLD}"),
        (
            _entry(cid=CID.of(DAG_CBOR, b"\xa0")),
            f"a folder whose entry 'a' is of a kind that the profile does not make: {CID.of(DAG_CBOR, bytes([0xA0]))}",
        ),
        (
            _entry(cid=cids.from_bytes(b"\x01\x55\x00\x00")),
            "a folder whose entry 'a' is of a kind that the profile does not make: bafkqaaa",
        ),
        (
            dagpb_folder([Link("a", LEAF, 1), Link("a", NODE, 1)]),
            "a folder with a name twice or out of order: 'a'",
        ),
        (
            dagpb_folder([Link("b", LEAF, 1), Link("a", LEAF, 1)]),
            "a folder with a name twice or out of order: 'a'",
        ),
        (
            dagpb_folder([Link("\U00010000", LEAF, 1), Link("\uffff", LEAF, 1)]),
            "a folder with a name twice or out of order: '\\uffff'",
        ),
    ],
)
def test_blocks_that_the_profile_does_not_write(node: Node, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        unixfs.open_folder(bytes(node))
    assert caught.value.message == words


def test_names_are_given_as_they_stand() -> None:
    links = (Link("", LEAF, 1), Link("../a\0", LEAF, 1))
    assert unixfs.open_folder(bytes(dagpb_folder(links))) == links


def test_folders_of_others_are_listed_as_they_are() -> None:
    blocks = Blocks()
    node = dagpb_folder([Link("b", OLD, 1), Link("a", LEAF, 2)], mode=0o755)
    node = replace(node, links=(*node.links, dagpb.Link(NODE, "c", None)))
    cid = blocks.add(node)
    assert list(unixfs.list_folder(cid, blocks.get)) == [Link("b", OLD, 1), Link("a", LEAF, 2), Link("c", NODE, 0)]
    assert unixfs.find(cid, "a", blocks.get) == Link("a", LEAF, 2)
    assert unixfs.find(cid, "d", blocks.get) is None


def test_an_empty_name_finds_nothing() -> None:
    blocks = Blocks()
    assert unixfs.find(blocks.add(dagpb_folder([Link("", LEAF, 1)])), "", blocks.get) is None


READS: list[Callable[[CID, unixfs.Get], object]] = [
    lambda cid, get: list(unixfs.list_folder(cid, get)),
    lambda cid, get: unixfs.find(cid, "b", get),
    lambda cid, get: unixfs.resolve(cid, "b", get),
]


@pytest.mark.parametrize("read", READS)
def test_a_name_twice_is_malformed_to_every_reader(read: Callable[[CID, unixfs.Get], object]) -> None:
    blocks = Blocks()
    cid = blocks.add(dagpb_folder([Link("b", LEAF, 1), Link("a", LEAF, 2), Link("a", NODE, 2)]))
    with pytest.raises(Malformed, match=f"^folder {cid} has a name twice: 'a'$"):
        read(cid, blocks.get)


@pytest.mark.parametrize("read", READS[:2])
def test_what_is_no_folder_has_no_entries(read: Callable[[CID, unixfs.Get], object]) -> None:
    blocks = Blocks()
    cid = blocks.add(Node((), Kind.SYMLINK, data=b"a"))
    with pytest.raises(Malformed, match=f"^block {cid} is a symlink, where a folder should be$"):
        read(cid, blocks.get)
    raw = blocks.add_raw(b"x")
    with pytest.raises(Malformed, match=f"^block {raw} is of codec 0x55, not dag-pb, so no UnixFS node$"):
        read(raw, blocks.get)


def test_a_path_is_followed_name_by_name() -> None:
    blocks = Blocks()
    file = import_file(V0_2015, [b"x"], blocks.put, "é.txt")
    inner = import_folder(V0_2015, [file], blocks.put, "b")
    root = import_folder(V0_2015, [inner], blocks.put).cid
    assert unixfs.resolve(root, "", blocks.get) == root
    assert unixfs.resolve(root, "b", blocks.get) == inner.cid
    assert unixfs.resolve(root, "b/é.txt", blocks.get) == file.cid
    with pytest.raises(Missing, match=f"^b/c is not there: {inner.cid} has no entry 'c'$"):
        unixfs.resolve(root, "b/c/d", blocks.get)
    with pytest.raises(Missing, match=f"^b/é.txt/d is not there: {file.cid} has no entry 'd'$"):
        unixfs.resolve(root, "b/é.txt/d", blocks.get)
    del blocks.held[inner.cid]
    with pytest.raises(Missing, match=f"^block {inner.cid} is not here$"):
        unixfs.resolve(root, "b/c", blocks.get)


def test_a_path_through_a_raw_block_is_missing() -> None:
    blocks = Blocks()
    root = blocks.add(dagpb_folder([Link("a", blocks.add_raw(b"x"), 1)]))
    with pytest.raises(Missing, match=f"^a/b is not there: {LEAF} has no entry 'b'$"):
        unixfs.resolve(root, "a/b", blocks.get)


@pytest.mark.parametrize("path", ["/", "a/", "/a", "a//b", ".", "a/../b"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(Malformed) as caught:
        unixfs.resolve(NODE, path, Blocks().get)
    assert caught.value.message == f"a path with a name that is empty, '.' or '..': {path!r}"


def test_the_length_of_a_path_is_bounded_on_both_sides() -> None:
    blocks = Blocks()
    cid = root = blocks.add(dagpb_folder([]))
    for _ in range(256):
        root = blocks.add(dagpb_folder([Link("a", root, 1)]))
    assert unixfs.resolve(root, "/".join("a" * 256), blocks.get) == cid
    with pytest.raises(Malformed, match=r"^a path of 257 names, more than 256$"):
        unixfs.resolve(root, "/".join("a" * 257), blocks.get)


TREES: dict[str, dict[str, int | None]] = {
    "gateway-raw-block": {"dir/ascii.txt": 31},
    "path_gateway_unixfs/dir-with-files": {
        "ascii-copy.txt": 31,
        "ascii.txt": 31,
        "hello.txt": 12,
        "multiblock.txt": 1026,
    },
    "path_gateway_unixfs/dir-with-percent-encoded-filename": {"Portugal%2C+España=Peninsula Ibérica.txt": 38},
    "path_gateway_unixfs/symlink": {"bar": None, "foo": 8},
    "trustless_gateway_car/dir-with-duplicate-files": {
        "ascii-copy.txt": 31,
        "ascii.txt": 31,
        "hello.txt": 12,
        "multiblock.txt": 1026,
    },
    "trustless_gateway_car/subdir-with-mixed-block-files": {
        "subdir/ascii.txt": 31,
        "subdir/hello.txt": 12,
        "subdir/multiblock.txt": 1026,
    },
    "trustless_gateway_car/subdir-with-two-single-block-files": {"subdir/ascii.txt": 31, "subdir/hello.txt": 12},
}


@pytest.mark.parametrize("name", TREES)
def test_trees_of_others_are_read(name: str) -> None:
    with (shared("vectors/gateway") / f"{name}.car").open("rb") as file:
        (root,) = car.read_header(file).roots
        blocks = Blocks(dict(car.blocks(file)))
    assert _walk(root, blocks, "") == TREES[name]
    for path in TREES[name]:
        assert unixfs.resolve(root, path, blocks.get) in blocks.held


def _walk(cid: CID, blocks: Blocks, path: str) -> dict[str, int | None]:
    """The length of each file below, after every Tsize on the way was compared; None for a symlink."""
    found: dict[str, int | None] = {}
    for link in unixfs.list_folder(cid, blocks.get):
        here = f"{path}{link.name}"
        kind = unixfs.parse(blocks.get(link.cid)).kind if link.cid.codec == DAG_PB else Kind.FILE
        if kind is Kind.FOLDER:
            inside = list(unixfs.list_folder(link.cid, blocks.get))
            assert link.size == unixfs.folder_size(blocks.get(link.cid), inside)
            found |= _walk(link.cid, blocks, here + "/")
        elif kind is Kind.SYMLINK:
            found[here] = None
        else:
            reader = unixfs.read_file(link.cid, blocks.get, strict=False)
            found[here] = sum(map(len, reader))
            assert (reader.length, reader.size) == (found[here], link.size)
    return found


def test_our_kind_of_folder_by_others_opens() -> None:
    with (shared("vectors/gateway") / "gateway-raw-block.car").open("rb") as file:
        for cid, block in car.blocks(file):
            if cid.codec == DAG_PB:
                links = unixfs.open_folder(block)
                assert unixfs.folder(links) == block


def test_a_file_with_a_block_missing_is_read_up_to_it() -> None:
    path = shared("vectors/gateway/trustless_gateway_car") / "file-3k-and-3-blocks-missing-block.car"
    with path.open("rb") as file:
        (root,) = car.read_header(file).roots
        blocks = Blocks(dict(car.blocks(file)))
    reader = unixfs.read_file(root, blocks.get, strict=False)
    assert len(next(reader)) == 1024
    with pytest.raises(Missing, match=r"^block QmSNLTo6Wv9dfroVaw7MFYjLqf9ho7PKrgsjdzYDtv8h1W is not here$"):
        next(reader)
