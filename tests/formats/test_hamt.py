"""Sharded folders of others: each entry where its name belongs, or Malformed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st
from profiles import V1_2025, Blocks, shard, shard_node

from mirror.errors import Malformed, Missing
from mirror.formats import car, hamt, unixfs
from mirror.formats.cid import CID
from mirror.formats.unixfs import Kind, Link, Node

LEAF = CID.of_raw(b"x")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "0000000000000000"),
        ("hello", "cbd8a7b341bd9b02"),
        ("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c"),
    ],
)
def test_the_hash_is_murmur3(name: str, expected: str) -> None:
    assert hamt.hash_name(name).hex() == expected


def test_the_hash_of_a_name_in_the_specification() -> None:
    assert hamt.hash_name("470.txt")[:2] == bytes([0x00, 0x6E])
    assert hamt.hash_name("742.txt")[:2] == bytes([0x00, 0xFF])


def test_a_folder_of_a_thousand_files() -> None:
    path = shared("vectors/gateway/trustless_gateway_car") / "single-layer-hamt-with-multi-block-files.car"
    with path.open("rb") as file:
        (root,) = car.read_header(file).roots
        blocks = Blocks(dict(car.blocks(file)))
    listed = list(unixfs.list_folder(root, blocks.get))
    assert sorted(link.name for link in listed) == sorted(f"{number}.txt" for number in range(1, 1001))
    assert {(str(link.cid), link.size) for link in listed} == {
        ("bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa", 1271)
    }
    blocks.asked.clear()
    assert unixfs.resolve(root, "470.txt", blocks.get) == listed[0].cid
    assert len(blocks.asked) == 2
    with pytest.raises(Missing, match=f"^1001.txt is not there: {root} has no entry '1001.txt'$"):
        unixfs.resolve(root, "1001.txt", blocks.get)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(st.sets(names, max_size=60))
def test_every_entry_is_listed_and_found(held: set[str]) -> None:
    blocks = Blocks()
    entries = [Link(name, LEAF, len(name)) for name in held]
    root = shard(V1_2025, entries, blocks.put).cid
    assert sorted(unixfs.list_folder(root, blocks.get), key=str) == sorted(entries, key=str)
    for link in entries:
        assert unixfs.find(root, link.name, blocks.get) == link
    assert unixfs.find(root, "\ud800", blocks.get) is None
    assert unixfs.find(root, "", blocks.get) is None
    assert unixfs.find(root, "".join(sorted(held)) + "!", blocks.get) is None


def test_a_bit_field_may_have_zeros_in_front() -> None:
    blocks = Blocks()
    node = _one("a")
    wide = blocks.add(replace(node, data=(node.data or b"").rjust(32, b"\0")))
    assert [link.name for link in unixfs.list_folder(wide, blocks.get)] == ["a"]
    assert list(unixfs.list_folder(blocks.add(replace(shard_node([]), data=None)), blocks.get)) == []


def _one(name: str) -> Node:
    return shard_node([Link(f"{hamt.hash_name(name)[0]:02X}{name}", LEAF, 1)])


def _slot(name: str, depth: int = 0) -> str:
    return f"{hamt.hash_name(name)[depth]:02X}"


BROKEN: list[tuple[Callable[[], Node], str]] = [
    (lambda: shard_node([Link("00a", LEAF, 1)]), "holds 'a', whose hash belongs elsewhere"),
    (lambda: replace(_one("a"), data=b""), "has a bit field that disagrees with its links"),
    (lambda: replace(_one("a"), data=b"\xff" * 32), "has a bit field that disagrees with its links"),
    (lambda: replace(_one("a"), data=None), "has a bit field that disagrees with its links"),
    (lambda: replace(_one("a"), links=()), "has a bit field that disagrees with its links"),
    (lambda: replace(_one("a"), links=_one("a").links * 2), "in no slot or in one that is taken: '" + _slot("a")),
    (lambda: _named("a"), "in no slot or in one that is taken: 'a'"),
    (lambda: _named("cbhello"), "in no slot or in one that is taken: 'cbhello'"),
    (lambda: _named("٤٢a"), "in no slot or in one that is taken: '٤٢a'"),
    (
        lambda: replace(_one("a"), links=(replace(_one("a").links[0], name=None),)),
        "in no slot or in one that is taken: ''",
    ),
    (lambda: replace(_one("a"), fanout=1024), "has hash type 34 and fan-out 1024, which we do not read"),
    (lambda: replace(_one("a"), hash_type=None), "has hash type None and fan-out 256, which we do not read"),
    (lambda: replace(_one("a"), hash_type=0x12), "has hash type 18 and fan-out 256, which we do not read"),
]


def _named(name: str) -> Node:
    node = _one("f")
    return replace(node, links=(replace(node.links[0], name=name),))


@pytest.mark.parametrize(("make", "words"), BROKEN)
def test_a_broken_shard_is_malformed(make: Callable[[], Node], words: str) -> None:
    blocks = Blocks()
    root = blocks.add(make())
    with pytest.raises(Malformed) as caught:
        list(unixfs.list_folder(root, blocks.get))
    assert caught.value.message.startswith(f"shard {root} ")
    assert words in caught.value.message


def test_below_a_shard_there_are_shards_only() -> None:
    blocks = Blocks()
    plain = blocks.add(Node((), Kind.FOLDER))
    root = blocks.add(shard_node([Link(_slot("a"), plain, 4)]))
    for read in (lambda: list(unixfs.list_folder(root, blocks.get)), lambda: unixfs.find(root, "a", blocks.get)):
        with pytest.raises(Malformed, match=f"^block {plain} is a folder, where a shard should be$"):
            read()
    raw = blocks.add(shard_node([Link(_slot("a"), LEAF, 4)]))
    blocks.put(LEAF, b"x")
    with pytest.raises(Malformed, match=f"^block {LEAF} is of codec 0x55, not dag-pb, so no UnixFS node$"):
        list(unixfs.list_folder(raw, blocks.get))


def test_an_empty_shard_further_down_is_malformed() -> None:
    blocks = Blocks()
    empty = blocks.add(shard_node([]))
    root = blocks.add(shard_node([Link(f"{slot:02X}", empty, 9) for slot in range(256)]))
    with pytest.raises(Malformed, match=f"^shard {empty} is empty$"):
        list(unixfs.list_folder(root, blocks.get))
    assert len(blocks.asked) == 2


def test_a_shard_used_twice_is_found_out() -> None:
    blocks = Blocks()
    inner = blocks.add(shard_node([Link(_slot("a", 1) + "a", LEAF, 1)]))
    root = blocks.add(shard_node([Link(f"{slot:02X}", inner, 9) for slot in range(256)]))
    with pytest.raises(Malformed, match=f"^shard {inner} holds 'a', whose hash belongs elsewhere$"):
        list(unixfs.list_folder(root, blocks.get))


def test_each_level_of_the_hash_counts() -> None:
    blocks = Blocks()
    wrong = f"{hamt.hash_name('a')[1] ^ 1:02X}"
    inner = blocks.add(shard_node([Link(wrong + "a", LEAF, 1)]))
    root = blocks.add(shard_node([Link(_slot("a"), inner, 9)]))
    assert unixfs.find(root, "a", blocks.get) is None
    with pytest.raises(Malformed, match=f"^shard {inner} holds 'a', whose hash belongs elsewhere$"):
        list(unixfs.list_folder(root, blocks.get))


def test_depth_is_bounded_on_both_sides() -> None:
    blocks = Blocks()
    cid = blocks.add(shard_node([Link(_slot("a", 7) + "a", LEAF, 1)]))
    for depth in range(6, -1, -1):
        cid = blocks.add(shard_node([Link(_slot("a", depth), cid, 1)]))
    assert list(unixfs.list_folder(cid, blocks.get)) == [Link("a", LEAF, 1)]
    assert unixfs.find(cid, "a", blocks.get) == Link("a", LEAF, 1)
    nine = blocks.add(shard_node([Link(_slot("a", 7), LEAF, 1)]))
    for depth in range(6, -1, -1):
        nine = blocks.add(shard_node([Link(_slot("a", depth), nine, 1)]))
    for read in (lambda: list(unixfs.list_folder(nine, blocks.get)), lambda: unixfs.find(nine, "a", blocks.get)):
        with pytest.raises(Malformed, match=f"^shard {LEAF} lies deeper than 8 shards, beyond the hash's end$"):
            read()


def test_a_missing_shard_is_missing() -> None:
    blocks = Blocks()
    root = blocks.add(shard_node([Link(_slot("a"), LEAF, 4)]))
    with pytest.raises(Missing, match=f"^block {LEAF} is not here$"):
        unixfs.find(root, "a", blocks.get)
