"""Trees that lie, by whoever holds a key or copies another's, as CARs that the command line judges.

Told elsewhere, to the item and its words: notes missing or swapped, entries without a note, the author's line removed
or moved, a strange signature line, one text twice, tiles and bundles (`test_audit.py`); the signed pages one by one
(`test_verify.py`); two logs, and two editions of one number (`test_verify_memory.py`, `stories/fork.txt`); folders
that the profile does not make, sizes, duplicate names (`test_verify_tree.py`).
"""

from pathlib import Path

import pytest
from judging import honest, items
from tampered import Found, assert_named, verify, write_car
from world import Mirror, honest_folder, sign_text

from mirror.formats import dagpb, unixfs
from mirror.formats.cid import DAG_PB, RAW
from mirror.formats.fields import Item
from mirror.formats.unixfs import Kind, Link, Node

VKEY = Mirror().key.public.vkey


def told(mirror: Mirror, tmp_path: Path) -> Found:
    """What the holder of the honest mirror's key is told of another."""
    return verify(VKEY, write_car(mirror.lay(), tmp_path / "told.car"))


def test_two_valid_notes_in_each_other_s_place(tmp_path: Path) -> None:
    mirror = honest()
    mirror.rows[1].note, mirror.rows[3].note = mirror.rows[3].note, mirror.rows[1].note
    for index in (1, 3):
        assert_named(told(mirror, tmp_path), f"note/00/00/00/0{index}.txt", f"the listed #{index} is not here")


@pytest.mark.parametrize("path", ["note/00/00/00/09.txt", "note/00/00/00/01.md", "note/readme.txt", "note/00/x"])
def test_a_file_that_nobody_listed(path: str, tmp_path: Path) -> None:
    mirror = honest()
    mirror.files[tuple(path.split("/"))] = mirror.rows[1].note
    assert_named(told(mirror, tmp_path), path, "has no place here")


def test_an_old_checkpoint_put_back(tmp_path: Path) -> None:
    mirror, copy = honest(), honest().lay()
    mirror.testify("Four.")
    mirror.files[("checkpoint",)] = copy.get(copy.paths[("checkpoint",)].cid)
    assert_named(told(mirror, tmp_path), "checkpoint", "is not the one that edition.txt states")


def test_everything_signed_again_by_another_key_of_that_name(tmp_path: Path) -> None:
    mirror = Mirror(seed="another key of that name")
    for text in ("One.", "Two.", "Three."):
        mirror.testify(text)
    found = told(mirror, tmp_path)
    for item in ("edition.txt", "charter.txt", "checkpoint"):
        assert item in found.items
    assert_named(found, "charter.txt", "it is the charter of another key")


def test_pages_changed_and_the_tree_named_anew(tmp_path: Path) -> None:
    listed: list[tuple[Item, ...]] = []
    mirror = honest()
    items(lambda found: listed.append(found) or found)(mirror)  # type: ignore[func-returns-value]
    mirror.lay()
    for path, content in (("index.html", b"<p>Lies"), ("page/x.html", b"Lies"), ("feed.xml", b"Lies")):
        other = honest()
        items(lambda _: listed[0])(other)
        other.files[tuple(path.split("/"))] = content
        assert_named(told(other, tmp_path), path.partition("/")[0], "edition.txt")


def test_a_tree_with_folders_ten_thousand_deep(tmp_path: Path) -> None:
    for top in ("page", "note", "file", "tile", "anchor"):
        mirror = honest()
        given = mirror.give(RAW, b"x")
        for _ in range(10_000):
            block = honest_folder([Link("d", given.cid, given.size)])
            given = mirror.give(DAG_PB, block, len(block) + given.size)
        mirror.files[(top, "d")] = given
        found = told(mirror, tmp_path)
        assert found.code == 1
        assert f"{top}/d/d" in found.words
        assert "it lies more than 16 folders deep" in found.words


def test_a_file_of_nodes_ten_thousand_deep(tmp_path: Path) -> None:
    mirror = honest()
    given = mirror.give(RAW, b"x")
    for _ in range(10_000):
        part = dagpb.Link(given.cid, "", given.size)
        block = bytes(Node((part,), Kind.FILE, file_size=1, block_sizes=(1,)))
        given = mirror.give(DAG_PB, block, len(block) + given.size)
    mirror.files[("index.html",)] = given
    assert_named(told(mirror, tmp_path), "index.html", "is a node for 1 bytes, which the profile keeps in one")


SIZES = [(claimed, (unixfs.CHUNK, claimed - unixfs.CHUNK)) for claimed in (unixfs.CHUNK + 6, 2 << 30, 2**63 - 1)]
SIZES += [(claimed, (unixfs.CHUNK, 5)) for claimed in (0, 6, unixfs.CHUNK + 4)]
SIZES += [(unixfs.CHUNK + 5, sizes) for sizes in ((unixfs.CHUNK - 1, 6), (5, unixfs.CHUNK), (unixfs.CHUNK + 5,))]


@pytest.mark.parametrize(("claimed", "sizes"), SIZES)
def test_a_file_that_claims_another_size(claimed: int, sizes: tuple[int, ...], tmp_path: Path) -> None:
    mirror = honest()
    leaves = [b"y" * unixfs.CHUNK, b"tail!"]
    parts = tuple(dagpb.Link(mirror.give(RAW, leaf).cid, "", len(leaf)) for leaf in leaves)
    block = bytes(Node(parts, Kind.FILE, file_size=claimed, block_sizes=sizes))
    mirror.files[("index.html",)] = mirror.give(DAG_PB, block, len(block) + unixfs.CHUNK + 5)
    assert_named(told(mirror, tmp_path), "index.html", "block ")


NAMES = [
    "..",
    ".",
    "/etc/x",
    "a/b",
    "",
    "CON",
    "nul.txt",
    "A.bin",
    "x" * 255,
    "x" * 256,
    "x" * 10_000,
    ".hidden",
    "a.",
    "a\\b",
]
NAMES += ["\x1b[2J", "a\nb", "a\u202egpj.exe"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_beside_an_attachment(name: str, tmp_path: Path) -> None:
    """Nothing may lie there but what the note lists, whatever it is called."""
    mirror = honest()
    mirror.testify("Four.", files={"a.bin": b"a"})
    mirror.print_folder[("file", "00", "00", "00", "04")] = lambda links: honest_folder(
        sorted([*links, Link(name, links[0].cid, links[0].size)], key=lambda each: each.name.encode())
    )
    found = told(mirror, tmp_path)
    assert found.code == 1
    assert any(item.startswith("file/00/00/00/04") for item in found.items)
    assert all(character.isprintable() for item in found.items for character in item)


UNFIT = ["..", "/etc/x", "CON", "nul.txt", "x" * 101, "x" * 255, "x" * 5_000, ".hidden", "a.", "a\\b", "a:b", "A.BIN"]


@pytest.mark.parametrize("name", UNFIT, ids=ascii)
def test_a_note_that_lists_an_attachment_of_an_unfit_name(name: str, tmp_path: Path) -> None:
    """A.BIN stands beside a.bin: one of them would be lost where case does not count."""
    mirror = honest()
    files = {"a.bin": b"a", "b.bin": b"b"}

    def sign(text: str) -> bytes:
        assert " b.bin\n" in text
        return sign_text(text.replace(" b.bin\n", f" {name}\n"), mirror.key)

    mirror.testify("Four.", files=files, sign=sign)
    words = "differ only in upper and lower case" if name == "A.BIN" else "file name"
    assert_named(told(mirror, tmp_path), "note/00/00/00/04.txt", words)
