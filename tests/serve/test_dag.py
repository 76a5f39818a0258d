"""Which blocks lie on a path and behind it: through folders, documents, parts of files, and blocks that lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed, Missing
from mirror.formats import cbor, dagpb
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB, IDENTITY, RAW, Codec
from mirror.formats.unixfs import Kind, Link, Node, folder
from mirror.serve import dag
from mirror.serve.dag import Part


class Blocks(dict[CID, bytes]):
    """Blocks in memory; what was read is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[CID] = []

    def get_block(self, cid: CID) -> bytes:
        self.read.append(cid)
        if cid not in self:
            raise Missing(f"block {cid} is not here")
        return self[cid]

    def put(self, codec: Codec, data: bytes) -> CID:
        cid = CID.of(codec, data)
        self[cid] = data
        return cid

    def file(self, *parts: bytes | CID, own: bytes = b"", sizes: tuple[int, ...] | None = None) -> CID:
        """A file's node over raw parts, or over given ones with their sizes."""
        links = [part if isinstance(part, CID) else self.put(RAW, part) for part in parts]
        lengths = sizes or tuple(len(part) for part in parts)
        node = Node(
            tuple(dagpb.Link(cid, "", 0) for cid in links),
            Kind.FILE,
            data=own or None,
            file_size=len(own) + sum(lengths),
            block_sizes=lengths,
        )
        return self.put(DAG_PB, bytes(node))

    def folder(self, **entries: CID) -> CID:
        return self.put(DAG_PB, folder([Link(name, cid, 0) for name, cid in entries.items()]))


def identity(codec: Codec, data: bytes) -> CID:
    return CID(bytes([1, codec, IDENTITY, len(data)]) + data)


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()


def test_a_path_touches_its_folders_and_its_end(blocks: Blocks) -> None:
    leaf = blocks.put(RAW, b"leaf")
    inner = blocks.folder(leaf=leaf, other=blocks.put(RAW, b"other"))
    root = blocks.folder(inner=inner)
    way = dag.resolve(root, ("inner", "leaf"), blocks.get_block)
    assert (way.blocks, way.end, way.inside) == ((root, inner, leaf), leaf, False)
    assert dag.resolve(root, (), blocks.get_block).blocks == (root,)


def test_a_path_through_a_document_ends_at_its_links_or_inside(blocks: Blocks) -> None:
    leaf = blocks.put(RAW, b"leaf")
    inner = blocks.put(DAG_CBOR, cbor.encode({"list": [1, {"to": leaf}]}))
    root = blocks.put(DAG_CBOR, cbor.encode({"inner": inner, "text": "x"}))
    way = dag.resolve(root, ("inner", "list", "1", "to"), blocks.get_block)
    assert (way.blocks, way.end, way.inside) == ((root, inner, leaf), leaf, False)
    way = dag.resolve(root, ("inner", "list"), blocks.get_block)
    assert (way.blocks, way.end, way.inside) == ((root, inner), inner, True)
    assert dag.resolve(root, ("text",), blocks.get_block).inside
    for names in (("none",), ("text", "0"), ("inner", "list", "2"), ("inner", "list", "01"), ("inner", "list", "-1")):
        with pytest.raises(Missing, match="has nothing at"):
            dag.resolve(root, names, blocks.get_block)


@pytest.mark.parametrize("names", [("",), (".",), ("a", ".."), ("a",) * 257])
def test_paths_that_are_none(names: tuple[str, ...], blocks: Blocks) -> None:
    with pytest.raises(Malformed, match="a path with an empty name"):
        dag.resolve(blocks.folder(a=blocks.put(RAW, b"")), names, blocks.get_block)


def test_a_path_through_what_is_its_own_block(blocks: Blocks) -> None:
    leaf = blocks.put(RAW, b"leaf")
    root = identity(DAG_CBOR, cbor.encode({"to": leaf}))
    way = dag.resolve(root, ("to",), blocks.get_block)
    assert (way.blocks, way.end) == ((leaf,), leaf)
    own = identity(RAW, b"own")
    root = blocks.put(DAG_CBOR, cbor.encode({"to": own}))
    way = dag.resolve(root, ("to",), blocks.get_block)
    assert (way.blocks, way.end) == ((root,), own)


def test_everything_is_depth_first_in_the_order_of_links(blocks: Blocks) -> None:
    one, two, three = (blocks.put(RAW, each) for each in (b"1", b"2", b"3"))
    low = blocks.folder(a=two, b=three)
    document = blocks.put(DAG_CBOR, cbor.encode([low, identity(DAG_CBOR, cbor.encode([one])), two]))
    root = blocks.put(
        DAG_PB, bytes(dagpb.Node(tuple(dagpb.Link(cid, None, None) for cid in (one, document, low)), None))
    )
    every = [root, one, document, low, two, three, one, two, low, two, three]
    assert list(dag.everything(root, blocks.get_block, lambda _: True)) == every
    left = set(every)

    def first(cid: CID) -> bool:
        is_new = cid in left
        left.discard(cid)
        return is_new

    assert list(dag.everything(root, blocks.get_block, first)) == list(dict.fromkeys(every))


def test_a_block_that_is_missing_below_is_said(blocks: Blocks) -> None:
    gone = CID.of(DAG_PB, b"gone")
    walk = dag.everything(blocks.folder(a=gone), blocks.get_block, lambda _: True)
    next(walk)
    assert next(walk) == gone  # whoever sends it has to read it
    with pytest.raises(Missing):
        next(walk)


def test_a_chain_of_a_hundred_thousand_blocks_is_walked(blocks: Blocks) -> None:
    cid = blocks.put(RAW, b"end")
    for _ in range(100_000):
        cid = blocks.put(DAG_CBOR, cbor.encode([cid]))
    assert sum(1 for _ in dag.everything(cid, blocks.get_block, lambda _: True)) == 100_001


def test_the_entity_is_a_file_a_folder_or_a_block(blocks: Blocks) -> None:
    file = blocks.file(b"one", b"two")
    top = blocks.folder(file=file)
    for cid, found in (
        (file, [file, CID.of_raw(b"one"), CID.of_raw(b"two")]),
        (top, [top]),
        (CID.of_raw(b"one"), [CID.of_raw(b"one")]),
        (identity(RAW, b"own"), []),
        (blocks.put(DAG_CBOR, cbor.encode([file])), None),
        (blocks.put(DAG_PB, bytes(dagpb.Node((dagpb.Link(file, None, None),), b"no UnixFS"))), None),
    ):
        assert list(dag.entity(cid, blocks.get_block)) == ([cid] if found is None else found)


@given(
    own=st.binary(max_size=4),
    parts=st.lists(st.binary(min_size=1, max_size=5), max_size=5),
    first=st.integers(0, 30),
    more=st.integers(-3, 30),
)
def test_a_stretch_is_exactly_the_content_wanted(own: bytes, parts: list[bytes], first: int, more: int) -> None:
    blocks = Blocks()
    inner = blocks.file(*parts[1:]) if parts[1:] else None
    below = (*parts[:1], inner) if inner else tuple(parts[:1])
    sizes = (*map(len, parts[:1]), sum(map(len, parts[1:]))) if inner else tuple(map(len, parts[:1]))
    root = blocks.file(*below, own=own, sizes=sizes)
    whole = own + b"".join(parts)
    found = list(dag.stretch(root, blocks.get_block, first, first + more))
    content = b"".join((dag.content_of(part.cid, blocks.get_block) or b"")[part.start : part.stop] for part in found)
    assert content == whole[first : max(first, first + more + 1)]
    assert found[0].cid == root
    for part in found[1:]:  # nothing is there that holds none of it
        assert part.stop > part.start or part.cid == inner
    assert dag.length_of(root, blocks.get_block) == len(whole)


def test_raw_parts_are_not_read_to_be_named(blocks: Blocks) -> None:
    gone = [CID.of_raw(bytes([number])) for number in range(3)]
    file = blocks.file(*gone, sizes=(1, 1, 1))
    found = list(dag.stretch(file, blocks.get_block, 0, 9))
    assert found == [Part(file, 0, 0), *(Part(cid, 0, 1) for cid in gone)]


def test_parts_without_bytes_are_passed_over(blocks: Blocks) -> None:
    """Otherwise a few blocks, each twice in the next, would be a file that takes for ever to say nothing."""
    cid = blocks.put(RAW, b"")
    for _ in range(60):
        cid = blocks.file(cid, cid, sizes=(0, 0))
    top = blocks.file(cid, own=b"x", sizes=(0,))
    assert list(dag.stretch(top, blocks.get_block, 0, 9)) == [Part(top, 0, 1)]


def test_a_file_that_does_not_say_its_lengths_is_malformed(blocks: Blocks) -> None:
    leaf = blocks.put(RAW, b"x")
    file = blocks.put(DAG_PB, bytes(Node((dagpb.Link(leaf, "", 1),), Kind.FILE, file_size=1)))
    with pytest.raises(Malformed, match="does not say of each part"):
        list(dag.stretch(file, blocks.get_block, 0, 9))


def test_shards_inside_each_other_end(blocks: Blocks) -> None:
    cid = blocks.put(DAG_PB, bytes(Node((), Kind.SHARD, data=b"", hash_type=0x22, fanout=256)))
    for _ in range(9):
        cid = blocks.put(
            DAG_PB, bytes(Node((dagpb.Link(cid, "00", 0),), Kind.SHARD, data=b"\1", hash_type=0x22, fanout=256))
        )
    with pytest.raises(Malformed, match="deeper than 8 shards"):
        list(dag.entity(cid, blocks.get_block))
