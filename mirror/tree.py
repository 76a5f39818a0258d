"""The folder that an index hash names: laid out, read, changed.

    /edition.txt                 the signed table of contents
    /charter.txt                 the note of entry 0
    /checkpoint
    /tile/0/000.p/17, …          hash tiles, as C2SP lays them
    /tile/entries/000.p/17, …    entry bundles
    /note/00/00/00/00.txt …      the note at each index
    /file/00/00/00/01/1.jpg      the attachments of the testimony at that index
    /anchor/00/00/12/04/…        proofs of outside clocks for the checkpoint of that size
    /index.html /page/ /language/ /tag/ /verify.html /style.css /feed.xml      the reading room

A number is eight decimal digits in pairs; more digits put further pairs in front. No folder holds more than a hundred
numbers, none is empty, so none is ever sharded and a reader on a thin line fetches little.

`change` makes a new tree out of an old one and reads only the folders on the way to what changes: its cost grows with
the change. `walk` lists a tree in the order of its names' bytes and checks every folder's block on the way. Paths are
tuples of names here; with slashes they are for people.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import NamedTuple

from mirror.errors import FAULTS, Malformed, MirrorError, Missing, Refused
from mirror.formats import unixfs, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import Get, Kind, Link, Put

EDITION, CHARTER, CHECKPOINT = "edition.txt", "charter.txt", "checkpoint"
TILE, NOTE, FILE, ANCHOR = "tile", "note", "file", "anchor"

READING_ROOM = ("index.html", "page", "language", "tag", "verify.html", "style.css", "feed.xml")

TOP_LEVEL = frozenset({EDITION, CHARTER, CHECKPOINT, TILE, NOTE, FILE, ANCHOR, *READING_ROOM})
"""The only names that may stand at the top."""

INDEX_AT_MOST = 10**8 - 1
"""The largest index that we lay out: eight digits. More would put pairs in front, and no log of ours is near."""

DEPTH_AT_MOST = 16
"""Folders below each other that a walk follows: twice what any path of ours has."""

FOLDERS_HELD = 64
"""Folders that a `Tree` keeps parsed: the way to any place, many times over."""

_ANCHOR = re.compile(r"checkpoint\.txt(?:\.ots)?|ethereum-[1-9][0-9]{0,17}\.json")

Path = tuple[str, ...]


def number_path(number: int) -> Path:
    """Eight digits in pairs."""
    if not 0 <= number <= INDEX_AT_MOST:
        raise Refused(f"the number {number} is not from 0 to {INDEX_AT_MOST}")
    digits = f"{number:08d}"
    return digits[:2], digits[2:4], digits[4:6], digits[6:]


def note_path(index: int) -> Path:
    """Where the note at an index lies."""
    *folders, last = number_path(index)
    return (NOTE, *folders, f"{last}.txt")


def index_of_note(path: Path) -> int | None:
    """The index whose note lies at a path; None for a path where none does."""
    digits = "".join(path[1:]).removesuffix(".txt")
    try:
        index = wire.decode_decimal(digits.lstrip("0") or "0")
    except Malformed:
        return None
    return index if index <= INDEX_AT_MOST and note_path(index) == path else None


def file_path(index: int, name: str) -> Path:
    """Where an attachment of the testimony at an index lies."""
    return (FILE, *number_path(index), name)


def index_of_file(path: Path) -> int | None:
    """The index of the testimony whose attachment lies at a path; None for a path where none does."""
    return _index_in(FILE, path)


def is_anchor(path: Path, size: int) -> bool:
    """Whether a proof for a checkpoint of `size` entries or fewer may lie at a path."""
    return 0 < (_index_in(ANCHOR, path) or 0) <= size and bool(_ANCHOR.fullmatch(path[-1]))


def _index_in(top: str, path: Path) -> int | None:
    """The number of the folder that a path leads into."""
    inside = len(path) == 6 and path[0] == top
    return index_of_note((NOTE, *path[1:4], f"{path[4]}.txt")) if inside else None


def in_words(path: Path) -> str:
    """A path as people read it; what could confuse a terminal or a reader is escaped."""
    return "/".join(name if name.isprintable() else ascii(name) for name in path)


class Tree:
    """Reads one tree by path; `get` promises blocks that hash to their CIDs."""

    def __init__(self, root: CID, get: Get) -> None:
        self.root = root
        self._get = get
        self._folders: OrderedDict[CID, dict[str, Link]] = OrderedDict()

    def entries(self, cid: CID) -> dict[str, Link]:
        """What a folder of ours holds, by name."""
        found = self._folders.pop(cid, None)
        if found is None:
            found = {link.name: link for link in unixfs.open_folder(self._get(cid))}
        self._folders[cid] = found
        if len(self._folders) > FOLDERS_HELD:
            self._folders.popitem(last=False)
        return found

    def find(self, path: Path) -> Link | None:
        """The entry that a path leads to, or None where a name on the way is absent."""
        found, cid = None, self.root
        for name in path:
            found = None if cid.codec == RAW else self.entries(cid).get(name)
            if found is None:
                return None
            cid = found.cid
        return found

    def link(self, path: Path) -> Link:
        """The entry that a path leads to; `Missing` where a name on the way is absent."""
        found = self.find(path)
        if found is None:
            raise Missing(f"{in_words(path)} is not in this tree")
        return found

    def read(self, path: Path) -> bytes:
        """The bytes of a file that is one block, as notes, tiles and bundles are."""
        link = self.link(path)
        if link.cid.codec != RAW:
            raise Malformed(f"{in_words(path)} is not one raw block")
        data = self._get(link.cid)
        if link.size != len(data):
            raise Malformed(f"{in_words(path)} has {len(data)} bytes, its folder says {link.size}")
        return data


class Laid(NamedTuple):
    """An edition's tree before its pages are laid and its signed pages written: what a reading room is made from.

    `old` is the root of the edition before, None for the first; `top` has the entries of the new tree by name, `before`
    those of the old one. `get` reads the blocks of both, `put` adds to the new one.
    """

    number: int
    day: str | None
    checkpoint: Checkpoint
    old: CID | None
    top: Mapping[str, Link]
    before: Mapping[str, Link]
    get: Get
    put: Put
    executor: Executor | None = None


class Change(NamedTuple):
    """What a path shall lead to from now on; None removes it."""

    path: Path
    link: Link | None


def link_to(path: Path, data: bytes) -> Link:
    """The entry, named as a path ends, that leads to a file of one raw block."""
    return Link(path[-1], CID.of_raw(data), len(data))


def leaf(path: Path, data: bytes) -> Change:
    """The change that puts a file of one raw block at a path."""
    return Change(path, link_to(path, data))


def change(old: Link | None, changes: Iterable[Change], get: Get, put: Put, *, depth: int = 0) -> Link | None:
    """The folder that `old` (None: an empty one) becomes by `changes`; None where nothing is left in it.

    `changes` come sorted by path (`sort_key`), each path once, and are taken in as a stream: memory holds one
    folder a level. Only folders that differ are put. `depth` is how many names of each path lie above this folder.
    """
    ahead = _Ahead(changes)
    return old if ahead.next is None else _change(old, ahead, ahead.next.path[:depth], get, put)


class _Ahead:
    """A stream of changes of which the next one can be looked at before it is taken."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._rest = iter(changes)
        self.next = next(self._rest, None)

    def move(self) -> None:
        self.next = next(self._rest, None)


def _change(old: Link | None, changes: _Ahead, path: Path, get: Get, put: Put) -> Link | None:
    """What becomes of the folder at `path`, by all the changes below it."""
    depth = len(path)
    before = {} if old is None else {link.name: link for link in unixfs.open_folder(get(old.cid))}
    entries: dict[str, Link | None] = dict(before)
    while (change := changes.next) is not None and change.path[:depth] == path:
        name, link = change.path[depth], change.link
        if len(change.path) > depth + 1:
            link = _change_below(entries.get(name), changes, change.path[: depth + 1], get, put)
        else:
            changes.move()
        entries[name] = None if link is None else link if link.name == name else Link(name, link.cid, link.size)
    left = {name: link for name, link in entries.items() if link is not None}
    if left == before:
        return old
    return put_folder("" if old is None else old.name, left.values(), put) if left else None


def _change_below(old: Link | None, changes: _Ahead, path: Path, get: Get, put: Put) -> Link | None:
    if old is None or old.cid.codec != RAW:
        return _change(old, changes, path, get, put)
    return _change(None, changes, path, get, put) or old


def put_folder(name: str, links: Iterable[Link], put: Put) -> Link:
    """Put the block of a folder with these entries; the entry `name` that leads to it."""
    links = tuple(links)
    block = unixfs.folder(links)
    link = unixfs.folder_link(name, block, links)
    put(link.cid, block)
    return link


def sort_key(path: Path) -> tuple[bytes, ...]:
    """Sorts paths as a walk meets them: by the bytes of each name in turn."""
    return tuple(name.encode() for name in path)


def reach(cid: CID, get: Get) -> Iterator[CID]:
    """The CID of every block below and at `cid`, each once; raw blocks, which link to nothing, are not read."""
    seen = {cid}
    waiting = [cid]
    while waiting:
        at = waiting.pop()
        yield at
        links = () if at.codec == RAW else unixfs.parse(get(at)).links
        new = {link.cid for link in links} - seen
        seen |= new
        waiting.extend(new)


class Found(NamedTuple):
    """A file that a walk met: its path, and the entry that leads to it."""

    path: Path
    link: Link


Report = Callable[[Path, MirrorError], None]
"""Takes what is wrong with the folder or file at a path; the walk goes on beside it."""


def walk(link: Link, get: Get, report: Report, path: Path = (), once: set[Link] | None = None) -> Iterator[Found]:
    """Every file at and below `link`, in the order of paths, every folder block checked against the profile.

    Also checked: that no folder is empty, that its names can be names, and that its Tsize is true if those of its
    entries are. Not checked: the files' own Tsizes and content (`check_file`). What is missing or not ours is
    reported and passed over. With `once`, so is what was met before: folders that link to one another in great
    numbers make more paths than anyone could walk.
    """
    if once is not None and (same := Link("", link.cid, link.size)) in once:
        return
    if once is not None:
        once.add(same)
    try:
        links = None if link.cid.codec == RAW else _open_walked(link, get, len(path))
    except FAULTS as error:
        report(path, error)
        return
    if links is None:
        yield Found(path, link)
    for below in links or ():
        if once is None and below.cid.codec == RAW:
            yield Found((*path, below.name), below)
        else:
            yield from walk(below, get, report, (*path, below.name), once)


def _open_walked(link: Link, get: Get, depth: int) -> tuple[Link, ...] | None:
    block = get(link.cid)
    links = unixfs.open_short_folder(block)
    if links is None:
        node = unixfs.parse(block)
        if node.kind is Kind.FILE:
            return None
        links = unixfs.open_parsed_folder(node, block)
    if depth > DEPTH_AT_MOST:
        raise Malformed(f"it lies more than {DEPTH_AT_MOST} folders deep")
    _check_names(links)
    size = unixfs.folder_size(block, links)
    if size != link.size:
        raise Malformed(f"its folder says that {link.size} bytes lie below it, and {size} do")
    return links


def _check_names(links: tuple[Link, ...]) -> None:
    if not links:
        raise Malformed("it is an empty folder, which has no place here")
    for name in (link.name for link in links):
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Malformed(f"it holds an entry with a name that cannot be one: {name!a}")


def size_of_folder(block: bytes) -> int:
    """What the Tsize of a link to this folder should say."""
    return unixfs.folder_size(block, unixfs.open_folder(block))


def check_file(link: Link, get: Get) -> int:
    """Judge a whole file and return its length; raises where a block or a claim of size is not as it has to be."""
    file = unixfs.measure_file(link.cid, get)
    if file.size != link.size:
        raise Malformed(f"its folder says that its blocks have {link.size} bytes, and they have {file.size}")
    return file.length


class Lockstep:
    """Compares a walk with what should be there, both in the order of paths, neither held in memory.

    `extra` takes each file that is there and was not expected.
    """

    def __init__(self, found: Iterator[Found], extra: Callable[[Found], None]) -> None:
        self._found = found
        self._extra = extra
        self._next = next(found, None)

    def expect(self, path: Path) -> Link | None:
        """The entry at `path`, which should be there; None where it is not. Everything before it is extra."""
        if self._next is None or self._next.path != path:
            self._pass(sort_key(path))
        if self._next is None or self._next.path != path:
            return None
        link = self._next.link
        self._next = next(self._found, None)
        return link

    def finish(self) -> None:
        """Nothing more is expected: what is left is extra."""
        self._pass(None)

    def _pass(self, key: tuple[bytes, ...] | None) -> None:
        while self._next is not None and (key is None or sort_key(self._next.path) < key):
            self._extra(self._next)
            self._next = next(self._found, None)
