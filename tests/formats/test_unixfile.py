"""Files: what is built, what the strict reader takes, and every way to lie about a file."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import V0_2015, V1_2025, Blocks, import_file

from mirror.errors import Malformed, MirrorError, Missing
from mirror.formats import cid as cids
from mirror.formats import dagpb, unixfs
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB
from mirror.formats.unixfs import CHUNK, Kind, Node

ZEROS = bytes(CHUNK)


def _join(*parts: tuple[CID, int, int]) -> Node:
    """A file's node over parts, each a CID, its Tsize and its length."""
    links = tuple(dagpb.Link(cid, "", size) for cid, size, _ in parts)
    lengths = tuple(length for _, _, length in parts)
    return Node(links, Kind.FILE, file_size=sum(lengths), block_sizes=lengths)


def _two(blocks: Blocks) -> Node:
    """What the profile makes of a chunk of zeros and `end`."""
    return _join((blocks.add_raw(ZEROS), CHUNK, CHUNK), (blocks.add_raw(b"end"), 3, 3))


@given(st.lists(st.integers(0, 3 * CHUNK), max_size=4), st.binary(min_size=1, max_size=7))
def test_how_content_arrives_does_not_matter(lengths: list[int], pattern: bytes) -> None:
    chunks = [(pattern * (length // len(pattern) + 1))[:length] for length in lengths]
    content = b"".join(chunks)
    blocks = Blocks()
    built = unixfs.build_file(chunks, blocks.put)
    leaves = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
    oracle = import_file(V1_2025, leaves, Blocks().put, "name")
    assert built.link("name") == oracle
    assert built.length == len(content)
    for strict in (True, False):
        reader = unixfs.read_file(built.cid, blocks.get, strict=strict)
        assert reader.length == len(content)
        assert b"".join(reader) == content
        assert reader.size == built.size == sum(map(len, _reached(built.cid, blocks)))


def _reached(cid: CID, blocks: Blocks) -> list[bytes]:
    block = blocks.get(cid)
    links = dagpb.parse(block).links if cid.codec == DAG_PB else ()
    return [block] + [inner for link in links for inner in _reached(link.cid, blocks)]


def test_a_file_in_three_levels_is_built_and_read_in_little_memory() -> None:
    blocks = Blocks()
    built = unixfs.build_file((ZEROS for _ in range(1025)), blocks.put)
    assert len(blocks.held) == 4
    root = unixfs.parse(blocks.get(built.cid))
    assert root.block_sizes == (1024 * CHUNK, CHUNK)
    reader = unixfs.read_file(built.cid, blocks.get, strict=True)
    assert sum(map(len, reader)) == built.length == 1025 * CHUNK
    assert reader.size == built.size


def test_blocks_are_put_before_what_links_to_them() -> None:
    put: list[CID] = []
    built = unixfs.build_file([ZEROS, b"end"], lambda cid, _: put.append(cid))
    assert put == [CID.of_raw(ZEROS), CID.of_raw(b"end"), built.cid]


def test_each_block_of_a_large_file_must_be_there() -> None:
    blocks = Blocks()
    built = unixfs.build_file([ZEROS, b"end"], blocks.put)
    del blocks.held[CID.of_raw(b"end")]
    reader = unixfs.read_file(built.cid, blocks.get, strict=True)
    assert next(reader) == ZEROS
    with pytest.raises(Missing, match=f"^block {CID.of_raw(b'end')} is not here$"):
        next(reader)


def _packed(blocks: Blocks) -> CID:
    """1025 chunks where the last one hangs directly below the root."""
    full = _join(*[(blocks.add_raw(ZEROS), CHUNK, CHUNK)] * 1024)
    size = len(bytes(full)) + 1024 * CHUNK
    return blocks.add(_join((blocks.add(full), size, 1024 * CHUNK), (blocks.add_raw(ZEROS), CHUNK, CHUNK)))


def _below(blocks: Blocks, **changes: object) -> CID:
    """1025 chunks where a node below the root is not as it should be, and the root agrees with it."""
    full = _join(*[(blocks.add_raw(ZEROS), CHUNK, CHUNK)] * 1024)
    end = replace(_join((blocks.add_raw(ZEROS), CHUNK, CHUNK)), **changes)  # type: ignore[arg-type]
    sizes = [len(bytes(node)) + len(node.links) * CHUNK for node in (full, end)]
    lengths = (1024 * CHUNK, CHUNK)
    return blocks.add(_join(*zip((blocks.add(full), blocks.add(end)), sizes, lengths, strict=True)))


UNLIKE_THE_PROFILE: list[tuple[str, Callable[[Blocks], CID], str]] = [
    (
        "a node over one leaf",
        lambda blocks: blocks.add(_join((blocks.add_raw(b"end"), 3, 3))),
        "is a node for 3 bytes, which the profile keeps in one raw block",
    ),
    (
        "data in the node",
        lambda blocks: blocks.add(Node((), Kind.FILE, data=b"end", file_size=3)),
        "is a node for 3 bytes, which the profile keeps in one raw block",
    ),
    (
        "an empty file of the older kind",
        lambda blocks: blocks.add(Node((), Kind.FILE, file_size=0)),
        "is a node for 0 bytes, which the profile keeps in one raw block",
    ),
    (
        "a raw block longer than a leaf",
        lambda blocks: blocks.add_raw(ZEROS + b"e"),
        "is a leaf of 1048577 bytes, more than the profile's 1048576",
    ),
    (
        "smaller chunks",
        lambda blocks: blocks.add(_join(*[(blocks.add_raw(ZEROS[: CHUNK // 2]), CHUNK // 2, CHUNK // 2)] * 3)),
        "has 3 links, where the profile has 2",
    ),
    (
        "uneven chunks",
        lambda blocks: blocks.add(_join((blocks.add_raw(b"end"), 3, 3), (blocks.add_raw(ZEROS), CHUNK, CHUNK))),
        "is not the node that the profile makes of its 2 parts",
    ),
    ("a leaf at another depth", _packed, "is not a name that the profile gives a block here"),
    (
        "a chain of nodes",
        lambda blocks: blocks.add(_join((blocks.add(_two(blocks)), len(bytes(_two(blocks))) + CHUNK + 3, CHUNK + 3))),
        "has 1 links, where the profile has 2",
    ),
    ("a mode", lambda blocks: blocks.add(replace(_two(blocks), mode=0o644)), "is not the node that the profile makes"),
    ("a time", lambda blocks: blocks.add(replace(_two(blocks), mtime=b"")), "is not the node that the profile makes"),
    ("no data there", lambda blocks: blocks.add(replace(_two(blocks), data=b"")), "is not the node that the profile"),
    ("a fan-out", lambda blocks: blocks.add(replace(_two(blocks), fanout=2)), "is not the node that the profile makes"),
    ("the oldest kind", lambda blocks: blocks.add(replace(_two(blocks), kind=Kind.DATA)), "is not the node that the"),
    ("a mode further down", lambda blocks: _below(blocks, mode=0o644), "is not the node that the profile makes"),
    ("no file size there", lambda blocks: _below(blocks, data=b""), "is not the node that the profile makes"),
    (
        "absent names",
        lambda blocks: blocks.add(
            replace(_two(blocks), links=tuple(replace(link, name=None) for link in _two(blocks).links))
        ),
        "is not the node that the profile makes",
    ),
    (
        "absent Tsizes",
        lambda blocks: blocks.add(
            replace(_two(blocks), links=tuple(replace(link, size=None) for link in _two(blocks).links))
        ),
        "is not the node that the profile makes",
    ),
    (
        "a wrong Tsize",
        lambda blocks: blocks.add(_join((blocks.add_raw(ZEROS), CHUNK, CHUNK), (blocks.add_raw(b"end"), 4, 3))),
        f"claims that 4 bytes lie below {CID.of_raw(b'end')}: 3 do",
    ),
    (
        "a shorter leaf than claimed",
        lambda blocks: blocks.add(_join((blocks.add_raw(ZEROS), CHUNK, CHUNK), (blocks.add_raw(b"end"), 4, 4))),
        "is a leaf of 3 bytes, where 4 should be",
    ),
    (
        "a longer leaf than claimed",
        lambda blocks: blocks.add(_join((blocks.add_raw(ZEROS), CHUNK, CHUNK), (blocks.add_raw(b"end"), 3, 2))),
        "is a leaf of 3 bytes, where 2 should be",
    ),
    (
        "a leaf with an identity CID",
        lambda blocks: blocks.add(
            _join((blocks.add_raw(ZEROS), CHUNK, CHUNK), (cids.from_bytes(b"\x01\x55\x00\x03end"), 3, 3))
        ),
        "is not a name that the profile gives a block here",
    ),
    (
        "an identity CID",
        lambda _: cids.from_bytes(b"\x01\x55\x00\x03end"),
        "is not a name that the profile gives a block here",
    ),
    (
        "version 0",
        lambda blocks: import_file(V0_2015, [ZEROS[: 1 << 18]] * 5, blocks.put).cid,
        "is not a name that the profile gives a block here",
    ),
]


@pytest.mark.parametrize(
    ("make", "words"), [case[1:] for case in UNLIKE_THE_PROFILE], ids=[c[0] for c in UNLIKE_THE_PROFILE]
)
def test_the_strict_reader_takes_the_profile_only(make: Callable[[Blocks], CID], words: str) -> None:
    blocks = Blocks()
    cid = make(blocks)
    with pytest.raises(Malformed) as caught:
        list(unixfs.read_file(cid, blocks.get, strict=True))
    assert words in caught.value.message


@pytest.mark.parametrize("strict", [True, False])
def test_claims_that_disagree_with_each_other(strict: bool) -> None:
    blocks = Blocks()
    good = _two(blocks)
    cases = [
        (replace(good, file_size=CHUNK + 4), f"claims {CHUNK + 4} bytes of content and lists {CHUNK + 3}"),
        (replace(good, file_size=None), f"claims 0 bytes of content and lists {CHUNK + 3}"),
        (replace(good, data=b"x"), f"claims {CHUNK + 3} bytes of content and lists {CHUNK + 4}"),
        (replace(good, block_sizes=(CHUNK,)), "has 2 links and 1 block sizes"),
        (replace(good, block_sizes=(CHUNK, 3, 0)), "has 2 links and 3 block sizes"),
        (replace(good, block_sizes=(CHUNK, 0), file_size=CHUNK), "links to a part of no bytes"),
        (replace(good, links=(good.links[0], replace(good.links[1], name="a"))), "has a link with a name"),
        (replace(good, kind=Kind.FOLDER), "is a folder, where a file should be"),
        (Node((), Kind.SYMLINK, data=b"a"), "is a symlink, where a file should be"),
        (Node((), Kind.METADATA), "is a metadata node, where a file should be"),
        (Node((), Kind.SHARD, data=b""), "is a sharded folder, where a file should be"),
    ]
    for node, words in cases:
        cid = blocks.add(node)
        with pytest.raises(Malformed) as caught:
            unixfs.read_file(cid, blocks.get, strict=strict)
        assert caught.value.message.startswith(f"block {cid} ")
        assert words in caught.value.message


def test_a_reader_of_either_kind_takes_no_other_codec() -> None:
    blocks = Blocks()
    cid = CID.of(DAG_CBOR, b"\xa0")
    blocks.put(cid, b"\xa0")
    with pytest.raises(Malformed, match=f"^{cid} is not a name that the profile gives a block here$"):
        unixfs.read_file(cid, blocks.get, strict=True)
    with pytest.raises(Malformed, match=f"^block {cid} is of codec 0x71, not dag-pb, so no UnixFS node$"):
        unixfs.read_file(cid, blocks.get, strict=False)


def test_the_lenient_reader_takes_other_shapes() -> None:
    blocks = Blocks()
    inner = blocks.add(Node((), Kind.DATA, data=b"b", file_size=1, mode=0o600))
    hidden = cids.from_bytes(b"\x01\x55\x00\x03cde")
    node = replace(_join((inner, 0, 1), (hidden, 77, 3), (blocks.add_raw(b"f"), 1, 1)), data=b"a", file_size=6)
    node = replace(node, links=(replace(node.links[0], name=None, size=None), *node.links[1:]), mtime=b"\x08\x01")
    cid = blocks.add(node)
    reader = unixfs.read_file(cid, blocks.get, strict=False)
    assert list(reader) == [b"a", b"b", b"cde", b"f"]
    assert reader.size == len(bytes(node)) + len(blocks.get(inner)) + 3 + 1
    assert hidden not in blocks.asked


def test_the_lenient_reader_finds_false_lengths() -> None:
    blocks = Blocks()
    cid = blocks.add(_join((blocks.add_raw(b"ab"), 2, 2), (blocks.add_raw(b"end"), 3, 4)))
    reader = unixfs.read_file(cid, blocks.get, strict=False)
    assert next(reader) == b"ab"
    with pytest.raises(Malformed, match=f"claims 4 bytes of content for {CID.of_raw(b'end')}: it has 3$"):
        next(reader)


def test_depth_is_bounded_on_both_sides() -> None:
    blocks = Blocks()
    cid = blocks.add_raw(b"x")
    for _ in range(32):
        cid = blocks.add(_join((cid, 0, 1)))
    assert list(unixfs.read_file(cid, blocks.get, strict=False)) == [b"x"]
    cid = blocks.add(_join((cid, 0, 1)))
    with pytest.raises(Malformed, match=r"^block \w+ lies more than 32 nodes deep in a file$"):
        list(unixfs.read_file(cid, blocks.get, strict=False))


def test_a_file_that_claims_exabytes_costs_a_few_blocks() -> None:
    blocks = Blocks()
    cid, length, size = blocks.add_raw(ZEROS), CHUNK, CHUNK
    for _ in range(4):
        node = _join(*[(cid, size, length)] * 1024)
        cid, length, size = blocks.add(node), length * 1024, len(bytes(node)) + size * 1024
    reader = unixfs.read_file(cid, blocks.get, strict=True)
    assert reader.length == 1 << 60
    assert next(reader) == ZEROS
    assert len(blocks.asked) == 5


@given(st.data())
def test_a_mangled_node_is_malformed_or_missing_to_the_strict_reader(data: st.DataObject) -> None:
    blocks = Blocks()
    block = bytearray(bytes(_two(blocks)))
    place = data.draw(st.integers(0, len(block) - 1))
    block[place] ^= data.draw(st.integers(1, 255))
    cid = CID.of(DAG_PB, bytes(block))
    blocks.put(cid, bytes(block))
    with pytest.raises(MirrorError) as caught:
        list(unixfs.read_file(cid, blocks.get, strict=True))
    assert type(caught.value) in (Malformed, Missing)
