"""A tree changed is the tree built from nothing; a walk lists what is there and says what is wrong with it."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import honest_folder

from mirror import tree
from mirror.errors import Malformed, MirrorError, Missing, Refused, Unavailable
from mirror.formats import unixfs
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.unixfs import CHUNK, Link
from mirror.tree import Change, Found, Lockstep, Path, Tree


class Shelf(dict[CID, bytes]):
    """Blocks in memory; remembers what was asked for and what was put."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[CID] = []
        self.puts: list[CID] = []

    def get(self, cid: CID) -> bytes:  # type: ignore[override]
        self.asked.append(cid)
        if cid not in self:
            raise Missing(f"block {cid} is not here")
        return self[cid]

    def put(self, cid: CID, data: bytes) -> None:
        self.puts.append(cid)
        self[cid] = cid.check(data)

    def file(self, path: Path, data: bytes) -> Change:
        change = tree.leaf(path, data)
        self[CID.of_raw(data)] = data
        return change


def build(files: dict[Path, bytes], shelf: Shelf) -> Link | None:
    """A tree by its definition: a folder of everything below each name, from the leaves up."""
    links = []
    for name in sorted({path[0] for path in files}):
        inside = {path[1:]: data for path, data in files.items() if path[0] == name}
        if () in inside:
            shelf[CID.of_raw(inside[()])] = inside[()]
            links.append(Link(name, CID.of_raw(inside[()]), len(inside[()])))
        else:
            below = build(inside, shelf)
            assert below is not None
            links.append(Link(name, below.cid, below.size))
    return tree.put_folder("", links, shelf.put) if links else None


def changed(shelf: Shelf, old: Link | None, changes: dict[Path, bytes | None]) -> Link | None:
    ordered = [
        Change(path, None) if data is None else shelf.file(path, data)
        for path, data in sorted(changes.items(), key=lambda each: tree.sort_key(each[0]))
    ]
    return tree.change(old, ordered, shelf.get, shelf.put)


NAMES = st.sampled_from(["00", "01", "99", "a", "é", "ß.txt", "\uffff", "\U0001f600"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)


@st.composite
def forests(draw: st.DrawFn, *, removals: bool = False) -> dict[Path, bytes | None]:
    """Files at paths of which none lies below another."""
    contents: st.SearchStrategy[bytes | None] = st.binary(max_size=3)
    drawn = draw(st.dictionaries(PATHS, contents | st.none() if removals else contents, max_size=12))
    return {path: data for path, data in drawn.items() if not any(path[:at] in drawn for at in range(1, len(path)))}


def apply(before: dict[Path, bytes], changes: dict[Path, bytes | None]) -> dict[Path, bytes]:
    after = dict(before)
    for path, data in changes.items():
        for each in [
            each for each in after if each[: len(path)] == path or (data is not None and path[: len(each)] == each)
        ]:
            del after[each]
        if data is not None:
            after[path] = data
    return after


@given(forests(), st.lists(forests(removals=True), max_size=3))
def test_a_tree_changed_is_the_tree_built_from_nothing(
    before: dict[Path, bytes], steps: list[dict[Path, bytes]]
) -> None:
    shelf = Shelf()
    link = changed(shelf, None, before)  # type: ignore[arg-type]
    for step in [{}, *steps]:
        before = apply(before, step)  # type: ignore[arg-type]
        shelf.puts.clear()
        link = changed(shelf, link, step)  # type: ignore[arg-type]
        built = build(before, Shelf())
        assert (link and link.cid, link and link.size) == (built and built.cid, built and built.size)
        assert step or not shelf.puts


def numbered(count: int) -> dict[Path, bytes | None]:
    return {tree.note_path(number): b"note %d" % number for number in range(count)}


def test_a_change_reads_and_writes_only_the_folders_on_its_way() -> None:
    shelf = Shelf()
    old = changed(shelf, None, numbered(20_000))
    shelf.asked.clear()
    shelf.puts.clear()
    new = changed(shelf, old, {tree.note_path(12_345): b"changed"})
    assert (len(shelf.asked), len(shelf.puts)) == (5, 5)
    assert new != old
    shelf.puts.clear()
    assert changed(shelf, new, {tree.note_path(12_345): b"changed"}) == new
    assert changed(shelf, new, {("not", "there"): None}) == new
    assert shelf.puts == []
    assert changed(shelf, new, {tree.note_path(12_345): b"note 12345"}) == old


def test_what_is_left_empty_disappears() -> None:
    shelf = Shelf()
    old = changed(shelf, None, {("a", "b", "c"): b"1", ("d",): b"2"})
    assert changed(shelf, old, {("a", "b", "c"): None}) == changed(shelf, None, {("d",): b"2"})
    assert changed(shelf, old, {("a", "b", "c"): None, ("d",): None}) is None
    assert changed(shelf, None, {("a", "b"): None}) is None


def test_no_folder_of_numbers_holds_more_than_a_hundred() -> None:
    shelf = Shelf()
    link = changed(shelf, None, numbered(10_101))
    assert link is not None
    for cid in [cid for cid in shelf if cid.codec == DAG_PB]:
        assert 1 <= len(unixfs.open_folder(shelf[cid])) <= 100
        assert len(shelf[cid]) <= 5_300


# Paths


def test_numbers_lie_in_pairs_of_digits() -> None:
    assert tree.number_path(12_345_678) == ("12", "34", "56", "78")
    assert tree.note_path(0) == ("note", "00", "00", "00", "00.txt")
    assert tree.file_path(99_999_999, "1.jpg") == ("file", "99", "99", "99", "99", "1.jpg")
    for number in (-1, 10**8):
        with pytest.raises(Refused, match=f"the number {number} is not from 0 to 99999999"):
            tree.number_path(number)


@given(st.integers(0, tree.INDEX_AT_MOST))
def test_an_index_is_found_again_in_its_paths(index: int) -> None:
    assert tree.index_of_note(tree.note_path(index)) == index
    assert tree.index_of_file(tree.file_path(index, "1.jpg")) == index
    assert tree.index_of_file(tree.note_path(index)) is None
    assert tree.index_of_note(tree.file_path(index, "1.jpg")) is None


OTHERS = [
    "note",
    "note/00/00/00/00",
    "note/00/00/00/0.txt",
    "note/00/00/00/00/00.txt",
    "note/0/000/00/00.txt",
    "x/00/00/00/00.txt",
]
OTHERS += [
    "note/00/00/00/٠٠.txt",
    "note/00/00/00/-1.txt",
    "file/00/00/00/00",
    "file/00/00/00/00/a/b",
    "note/1/00000000000000000000000.txt",
]
OTHERS += ["file/00/00/00/0/1.jpg", "file/00/00/00/00.txt/1.jpg", "note/00/00/00/00.txt.txt", ""]


@pytest.mark.parametrize("path", OTHERS)
def test_other_paths_have_no_index(path: str) -> None:
    assert tree.index_of_note(tuple(path.split("/"))) is None
    assert tree.index_of_file(tuple(path.split("/"))) is None


@pytest.mark.parametrize("name", ["checkpoint.txt", "checkpoint.txt.ots", "ethereum-1.json", "ethereum-4711.json"])
def test_an_anchor_lies_at_the_size_of_a_checkpoint(name: str) -> None:
    path = ("anchor", "00", "00", "00", "07", name)
    assert [size for size in (0, 6, 7, 8) if tree.is_anchor(path, size)] == [7, 8]
    assert not tree.is_anchor(("anchor", "00", "00", "00", "00", name), 8)
    assert not tree.is_anchor(("file", *path[1:]), 8)


@pytest.mark.parametrize(
    "name", ["", "x", "checkpoint.txt.ots.ots", "ethereum-.json", "ethereum-01.json", "ethereum-1.json\n"]
)
def test_other_names_are_no_anchors(name: str) -> None:
    assert not tree.is_anchor(("anchor", "00", "00", "00", "07", name), 8)


def test_paths_are_shown_so_that_they_confuse_nobody() -> None:
    assert tree.in_words(("note", "00", "é.txt")) == "note/00/é.txt"
    assert tree.in_words(("a\x1b[2J", "b\u202e")) == r"'a\x1b[2J'/'b\u202e'"


# Reading


def test_a_tree_is_read_by_path() -> None:
    shelf = Shelf()
    link = changed(shelf, None, {("a", "b"): b"1", ("c",): b"22"})
    assert link is not None
    opened = Tree(link.cid, shelf.get)
    assert (opened.read(("a", "b")), opened.read(("c",))) == (b"1", b"22")
    assert opened.link(("c",)) == Link("c", CID.of_raw(b"22"), 2)
    for path in (("x",), ("a", "x"), ("c", "x"), ("a", "b", "c")):
        assert opened.find(path) is None
        with pytest.raises(Missing, match=f"{'/'.join(path)} is not in this tree"):
            opened.read(path)
    with pytest.raises(Malformed, match="a is not one raw block"):
        opened.read(("a",))


def test_a_file_of_another_length_than_its_folder_says_is_malformed() -> None:
    shelf = Shelf()
    shelf[CID.of_raw(b"22")] = b"22"
    link = tree.put_folder("", [Link("c", CID.of_raw(b"22"), 3)], shelf.put)
    with pytest.raises(Malformed, match="c has 2 bytes, its folder says 3"):
        Tree(link.cid, shelf.get).read(("c",))


def test_folders_are_held_and_not_without_end() -> None:
    shelf = Shelf()
    link = changed(shelf, None, numbered(20_000))
    assert link is not None
    opened = Tree(link.cid, shelf.get)
    shelf.asked.clear()
    for number in range(100):
        opened.link(tree.note_path(number))
    assert len(shelf.asked) == 5
    for number in range(0, 20_000, 100):
        opened.link(tree.note_path(number))
    assert len(opened._folders) == tree.FOLDERS_HELD


# Walking


class Said(list[tuple[str, str]]):
    def report(self, path: Path, error: MirrorError) -> None:
        self.append((tree.in_words(path), error.message))


def walked(link: Link, shelf: Shelf) -> tuple[list[str], Said]:
    said = Said()
    return [tree.in_words(found.path) for found in tree.walk(link, shelf.get, said.report)], said


@given(forests())
def test_a_walk_meets_every_file_in_the_order_of_paths(files: dict[Path, bytes]) -> None:
    shelf = Shelf()
    link = changed(shelf, None, files)  # type: ignore[arg-type]
    said = Said()
    found = list(tree.walk(link, shelf.get, said.report)) if link else []
    assert [each.path for each in found] == sorted(files, key=tree.sort_key)
    assert [shelf[each.link.cid] for each in found] == [files[each.path] for each in found]
    assert said == []


def test_a_walk_says_what_is_wrong_and_goes_on() -> None:
    shelf = Shelf()
    files = {("a", "b"): b"1", ("c", "d"): b"2", ("e",): b"3", ("f", "g"): b"4"}
    link = changed(shelf, None, files)  # type: ignore[arg-type]
    assert link is not None
    folders = {entry.name: entry.cid for entry in unixfs.open_folder(shelf[link.cid])}
    del shelf[folders["a"]]
    shelf[folders["c"]] = b"\xff"
    found, said = walked(link, shelf)
    assert found == ["e", "f/g"]
    assert [path for path, _ in said] == ["a", "c"]
    assert "is not here" in said[0][1]


def test_a_walk_does_not_take_silence_for_a_fault() -> None:
    def silent(cid: CID) -> bytes:
        raise Unavailable("nobody answered")

    with pytest.raises(Unavailable):
        list(tree.walk(Link("", CID.of(DAG_PB, b""), 0), silent, Said().report))


def nested(shelf: Shelf, depth: int) -> Link:
    link = Link("x", CID.of_raw(b""), 0)
    shelf[link.cid] = b""
    for _ in range(depth):
        link = tree.put_folder("x", [link], shelf.put)
    return link


def test_a_walk_goes_so_deep_and_no_deeper() -> None:
    shelf = Shelf()
    deepest = tree.DEPTH_AT_MOST + 1
    assert walked(nested(shelf, deepest), shelf) == (["/".join("x" * deepest)], [])
    found, said = walked(nested(shelf, deepest + 1), shelf)
    assert (found, said) == ([], [("/".join("x" * deepest), "it lies more than 16 folders deep")])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0"])
def test_a_walk_takes_no_name_that_leads_elsewhere(name: str) -> None:
    shelf = Shelf()
    block = honest_folder([Link(name, CID.of_raw(b""), 0)])
    shelf.put(CID.of(DAG_PB, block), block)
    found, said = walked(Link("", CID.of(DAG_PB, block), len(block)), shelf)
    assert (found, said) == ([], [("", f"it holds an entry with a name that cannot be one: {name!a}")])


def test_a_walk_reports_empty_folders_and_wrong_sizes() -> None:
    shelf = Shelf()
    empty = tree.put_folder("e", [], shelf.put)
    full = changed(shelf, None, {("a",): b"1"})
    assert full is not None
    outer = tree.put_folder("", [empty, Link("f", full.cid, full.size + 1)], shelf.put)
    assert walked(outer, shelf) == (
        [],
        [
            ("e", "it is an empty folder, which has no place here"),
            ("f", f"its folder says that {full.size + 1} bytes lie below it, and {full.size} do"),
        ],
    )


def test_a_walk_passes_over_what_it_met_before_where_it_is_told_to() -> None:
    shelf = Shelf()
    inner = changed(shelf, None, {("a",): b"1", ("b",): b"1", ("c",): b"2"})
    assert inner is not None
    links = [Link("x", inner.cid, inner.size), Link("y", inner.cid, inner.size), Link("z", inner.cid, inner.size + 1)]
    outer = tree.put_folder("", links, shelf.put)
    said = Said()
    found = [tree.in_words(each.path) for each in tree.walk(outer, shelf.get, said.report, (), set())]
    assert found == ["x/a", "x/c"]
    assert [path for path, _ in said] == ["z"]


def test_a_file_is_read_whole() -> None:
    shelf = Shelf()
    file = unixfs.build_file([bytes(2 * CHUNK + 3)], shelf.put)
    assert tree.check_file(file.link("f"), shelf.get) == 2 * CHUNK + 3
    with pytest.raises(Malformed, match=f"its blocks have {file.size + 1} bytes, and they have {file.size}"):
        tree.check_file(Link("f", file.cid, file.size + 1), shelf.get)
    del shelf[CID.of_raw(bytes(3))]
    with pytest.raises(Missing):
        tree.check_file(file.link("f"), shelf.get)


# Comparing


def files(*paths: str) -> Iterator[Found]:
    return (Found(tuple(path.split("/")), Link(path, CID.of_raw(path.encode()), 0)) for path in paths)


@given(st.lists(PATHS, unique=True, max_size=8), st.lists(PATHS, unique=True, max_size=8))
def test_a_comparison_tells_what_is_missing_and_what_is_extra(here: list[Path], wanted: list[Path]) -> None:
    here, wanted = sorted(here, key=tree.sort_key), sorted(wanted, key=tree.sort_key)
    extra: list[Path] = []
    found = (Found(path, Link(path[-1], CID.of_raw(b""), 0)) for path in here)
    lockstep = Lockstep(found, lambda each: extra.append(each.path))
    missing = [path for path in wanted if lockstep.expect(path) is None]
    lockstep.finish()
    assert missing == [path for path in wanted if path not in here]
    assert extra == [path for path in here if path not in wanted]


def test_a_comparison_gives_the_entry_and_reads_no_further_than_it_must() -> None:
    source = files("a", "b", "c", "d")
    lockstep = Lockstep(source, lambda each: None)
    found = lockstep.expect(("b",))
    assert found is not None
    assert found.cid == CID.of_raw(b"b")
    assert next(source).path == ("d",)
