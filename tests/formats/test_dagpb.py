"""dag-pb and UnixFS nodes, one block at a time: parse or Malformed, and what parsed prints back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import dagpb, unixnode
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.protobuf import bytes_field, number_field, read_fields
from mirror.formats.unixnode import Kind, Node

RAW = CID.of_raw(b"x")
HASH = "0a24" + RAW.hex()


def _link(inside: str) -> str:
    return "12" + f"{len(inside) // 2:02x}" + inside


def test_fields_are_read_in_their_order() -> None:
    assert list(read_fields(bytes.fromhex("0801120161a006ac02"), "a message")) == [(1, 1), (2, b"a"), (100, 300)]
    assert number_field(100, 300).hex() == "a006ac02"
    assert bytes_field(2, b"a").hex() == "120161"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("09", "a message has a field of wire type 1 before byte 1"),
        ("0d00000000", "a message has a field of wire type 5 before byte 1"),
        ("0b", "a message has a field of wire type 3 before byte 1"),
        ("120261", "a message is cut off: its field at byte 2 has 2 bytes, 1 are here"),
        (
            "12ffffffffffffffff7f",
            "a message is cut off: its field at byte 10 has 9223372036854775807 bytes, 0 are here",
        ),
        ("08", "varint cut off at byte 1"),
        ("088100", "varint with a needless byte at byte 2"),
        ("880001", "varint with a needless byte at byte 1"),
        ("08ffffffffffffffffff01", "varint of more than 9 bytes at byte 1"),
    ],
)
def test_other_fields_are_malformed(data: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        list(read_fields(bytes.fromhex(data), "a message"))
    assert caught.value.message == words


def test_links_stand_before_the_data() -> None:
    block = bytes.fromhex(_link(HASH + "1203612e62" + "1807") + _link(HASH) + _link(HASH + "12001800") + "0a020801")
    node = dagpb.parse(block)
    assert node.data == b"\x08\x01"
    assert node.links == (
        dagpb.Link(RAW, "a.b", 7),
        dagpb.Link(RAW, None, None),
        dagpb.Link(RAW, "", 0),
    )
    assert bytes(node) == block


def test_an_empty_block_is_a_node_without_links_and_data() -> None:
    assert dagpb.parse(b"") == dagpb.Node((), None)
    assert str(CID.of(DAG_PB, b"")) == "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert dagpb.parse(b"\x0a\x00") == dagpb.Node((), b"")


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("0a020801" + _link(HASH), "dag-pb node with field 2 behind its data"),
        ("0a000a00", "dag-pb node with field 1 behind its data"),
        ("1a00", "dag-pb node with an unexpected field 3"),
        ("0801", "dag-pb node with an unexpected field 1"),
        ("1001", "dag-pb node with an unexpected field 2"),
        ("1200", "dag-pb link without a CID"),
        (_link("120161"), "dag-pb link without a CID"),
        (_link("120161" + HASH), "dag-pb link with an unexpected field 1"),
        (_link(HASH + HASH), "dag-pb link with an unexpected field 1"),
        (_link(HASH + "1801" + "120161"), "dag-pb link with an unexpected field 2"),
        (_link(HASH + "2001"), "dag-pb link with an unexpected field 4"),
        (_link(HASH + "1001"), "dag-pb link with an unexpected field 2"),
        (_link(HASH + "1a0161"), "dag-pb link with an unexpected field 3"),
        (_link("0801"), "dag-pb link with an unexpected field 1"),
        (_link(HASH + "1201ff"), "dag-pb link name is not UTF-8 at byte 0"),
        (_link("0a25" + RAW.hex() + "00"), "1 bytes behind a CID"),
        (_link("0a050155122020"), "CID cut off at byte 5"),
    ],
)
def test_blocks_that_are_no_dag_pb(block: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        dagpb.parse(bytes.fromhex(block))
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("message", "node"),
    [
        ("0801", Node((), Kind.FOLDER)),
        ("08021800", Node((), Kind.FILE, file_size=0)),
        ("08001202616218022002", Node((), Kind.DATA, data=b"ab", file_size=2, block_sizes=(2,))),
        ("0802180520032002", Node((), Kind.FILE, file_size=5, block_sizes=(3, 2))),
        ("0804120161", Node((), Kind.SYMLINK, data=b"a")),
        ("08051200282230" + "8002", Node((), Kind.SHARD, data=b"", hash_type=0x22, fanout=256)),
        ("080138ed03" + "42020801", Node((), Kind.FOLDER, mode=0o755, mtime=b"\x08\x01")),
        ("0803", Node((), Kind.METADATA)),
    ],
)
def test_unixfs_messages(message: str, node: Node) -> None:
    block = bytes_field(1, bytes.fromhex(message))
    assert unixnode.parse(block) == node
    assert bytes(node) == block


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", "UnixFS data without a kind"),
        ("1800", "UnixFS data without a kind"),
        ("0806", "UnixFS data of an unknown kind 6"),
        ("08010801", "UnixFS data with field 1 twice or out of order"),
        ("18000802", "UnixFS data with field 1 twice or out of order"),
        ("080218001800", "UnixFS data with field 3 twice or out of order"),
        ("0802220101", "UnixFS data with an unexpected field 4"),
        ("0a0101", "UnixFS data with an unexpected field 1"),
        ("08021001", "UnixFS data with an unexpected field 2"),
        ("08014801", "UnixFS data with an unexpected field 9"),
        ("08014001", "UnixFS data with an unexpected field 8"),
    ],
)
def test_data_that_are_no_unixfs(message: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        unixnode.parse(bytes_field(1, bytes.fromhex(message)))
    assert caught.value.message == words


def test_a_node_without_data_is_no_unixfs() -> None:
    with pytest.raises(Malformed, match="a dag-pb node without data, so not UnixFS"):
        unixnode.parse(b"")


def test_an_opened_node_is_named_in_errors() -> None:
    with pytest.raises(Malformed, match=f"^block {RAW} is of codec 0x55, not dag-pb, so no UnixFS node$"):
        unixnode.open_node(RAW, b"x")
    cid = CID.of(DAG_PB, b"\x12\x00")
    with pytest.raises(Malformed, match=f"^block {cid}: dag-pb link without a CID$"):
        unixnode.open_node(cid, b"\x12\x00")


def test_an_identity_cid_is_its_own_block() -> None:
    def never(cid: CID) -> bytes:
        raise AssertionError(f"{cid} was asked for")

    assert unixnode.fetch(cids.parse("bafyaabakaieac"), never) == b"\x0a\x02\x08\x01"


names = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
sizes = st.one_of(st.none(), st.integers(0, 300), st.integers(0, 2**63 - 1))
pb_links = st.builds(
    dagpb.Link, st.sampled_from([RAW, CID.of(DAG_PB, b""), CID(b"\x12\x20" + bytes(32))]), names, sizes
)
nodes = st.builds(
    Node,
    st.lists(pb_links, max_size=3).map(tuple),
    st.sampled_from(Kind),
    data=st.one_of(st.none(), st.binary(max_size=20)),
    file_size=sizes,
    block_sizes=st.lists(st.integers(0, 2**63 - 1), max_size=3).map(tuple),
    hash_type=sizes,
    fanout=sizes,
    mode=sizes,
    mtime=st.one_of(st.none(), st.binary(max_size=8)),
)


@given(nodes)
def test_what_is_printed_reads_as_it_was(node: Node) -> None:
    assert unixnode.parse(bytes(node)) == node


@given(mangled(nodes.map(bytes)))
def test_what_is_read_prints_as_it_was(block: bytes) -> None:
    try:
        outer = dagpb.parse(block)
    except Malformed:
        with pytest.raises(Malformed):
            unixnode.parse(block)
        return
    assert bytes(outer) == block
    try:
        node = unixnode.parse(block)
    except Malformed:
        return
    assert bytes(node) == block
