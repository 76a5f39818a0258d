"""Branches of a trie: another program's are accepted, and nothing that differs from one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from mirror.errors import BadProof
from mirror.formats import ether, trie

SIZES = [1, 2, 3, 16, 17, 127, 128, 129, 130, 300]


def values_of(size: int) -> list[bytes]:
    """So many values, no two of them the same, each as long as a short transaction."""
    return [b"transaction %d " % at + bytes(100) for at in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_each_place_of_a_block_is_proven(size: int) -> None:
    values = values_of(size)
    root = trie.root_of(values)
    for index in {0, 1, 126, 127, 128, size // 2, size - 1} & set(range(size)):
        branch = trie.branch_of(values, index)
        trie.check(root, index, values[index], branch)
        key = ether.encode(ether.number(index))
        assert HexaryTrie.get_from_proof(root, key, [ether.decode(node) for node in branch]) == values[index]


def test_an_empty_block_has_the_root_that_everybody_knows() -> None:
    assert trie.root_of([]).hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def fails(root: bytes, index: int, value: bytes, branch: list[bytes]) -> bool:
    """Whether a branch is refused as a proof that leads elsewhere, and not by an accident."""
    try:
        trie.check(root, index, value, branch)
    except BadProof:
        return True
    return False


def test_no_change_of_any_byte_of_a_branch_is_accepted() -> None:
    values = values_of(130)
    root, branch = trie.root_of(values), trie.branch_of(values, 129)
    for number, node in enumerate(branch):
        for at in range(len(node)):
            for bit in (1, 0x80):
                changed = node[:at] + bytes([node[at] ^ bit]) + node[at + 1 :]
                assert fails(root, 129, values[129], [*branch[:number], changed, *branch[number + 1 :]])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_but_the_whole_branch_of_that_index_is_accepted(data: st.DataObject) -> None:
    values = values_of(40)
    root, index = trie.root_of(values), data.draw(st.integers(0, 39))
    branch = list(trie.branch_of(values, index))
    other = data.draw(st.integers(0, 300).filter(lambda each: each != index))
    at = data.draw(st.integers(0, len(branch)))
    node = data.draw(st.sampled_from(branch) | st.binary(max_size=40))
    wrong = [
        (root, other, values[index], branch),
        (root, index, values[(index + 1) % 40], branch),
        (root, index, values[index], [*branch[:at], node, *branch[at:]]),
        (root, index, values[index], branch[:-1]),
        (root, index, values[index], branch[1:]),
        (bytes(32), index, values[index], branch),
    ]
    assert [fails(*each) for each in wrong] == [True] * len(wrong)


def hung(*nodes: list[ether.Item]) -> tuple[bytes, list[bytes]]:
    """A root and the branch under it, made of nodes each of which is given the hash of the next as its last item."""
    branch: list[bytes] = []
    for node in reversed(nodes):
        items = [*node[:-1], ether.keccak(branch[0])] if branch else node
        branch.insert(0, ether.encode(items))
    return ether.keccak(branch[0]), branch


FORK: list[ether.Item] = [b""] * 17
WRONG = [
    ("no node", [], "it has 0 nodes, where 1 to 9 can be"),
    ("a path of nothing", [[b"", b"v"]], "its node 0 has a path that is none"),
    ("a first half-byte of 4", [[b"\x45", b"v"]], "its node 0 has a path that is none"),
    ("an even path without its zero", [[b"\x21\x05", b"v"]], "its node 0 has a path that is none"),
    ("three items", [[b"\x20\x05", b"v", b""]], "its node 0 is not a list of 2 or 17"),
    ("an extension at the end", [[b"\x00\x05", b"v"]], "it does not lead to the transaction of that index"),
    ("a fork at the end", [FORK], "its node 0 is not a list of 2"),
    ("another leaf", [[b"\x20\x06", b"v"]], "it does not lead to the transaction of that index"),
    ("another value", [[b"\x20\x05", b"w"]], "it leads to another transaction"),
    (
        "a leaf on the way",
        [[b"\x20\x05", b""], [b"\x20", b"v"]],
        "its node 0 does not lead to the transaction of that index",
    ),
    (
        "an extension elsewhere",
        [[b"\x16", b""], [b"\x35", b"v"]],
        "its node 0 does not lead to the transaction of that",
    ),
    ("a way to nowhere", [FORK, [b"\x35", b"v"]], "the way on from its node 0 is not bytes, 32 of them"),
    ("a way on behind the key", [[b"\x00\x05", b""], FORK, [b"\x20", b"v"]], "its node 1 leads on where the key ends"),
]


@pytest.mark.parametrize(("nodes", "words"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_node_that_is_not_as_it_has_to_be_is_named(nodes: list[list[ether.Item]], words: str) -> None:
    root, branch = hung(*nodes) if nodes else (bytes(32), [])
    with pytest.raises(BadProof, match=f"the branch of transaction 5: {words}"):
        trie.check(root, 5, b"v", branch)


def test_an_extension_that_leads_there_is_followed() -> None:
    root, branch = hung([b"\x10", b""], [b"\x35", b"v"])
    trie.check(root, 5, b"v", branch)
    assert len(branch) == 2


def test_bounds_refuse() -> None:
    with pytest.raises(BadProof, match="the index 16777216 is not from 0 to 16777215"):
        trie.check(bytes(32), 2**24, b"v", [b"x"])
    with pytest.raises(BadProof, match="it has 10 nodes, where 1 to 9 can be"):
        trie.check(bytes(32), 5, b"v", [b"x"] * 10)
    with pytest.raises(BadProof, match="its node 0 is not the one whose hash stands above it"):
        trie.check(bytes(32), 2**24 - 1, b"v", [b"x"] * 9)
