"""Which pages an edition has, which of them change, and laying those.

    /page/00/00/00/12.html      page n: the log's entries 32 n to 32 n + 31
    /language/mk/00/00.html     the testimonies in a language that can be read, 32 to a page, oldest first
    /tag/3f/9ac1…/00/00.html    the same for a tag
    /language/mk.html           the front page in each language of the interface; /index.html is the charter's
    /feed.xml /style.css /verify.html

Given the same notes in the tree, charter, choices and version of the program, the room is byte for byte the same,
however it was reached. A new entry changes its page, the pages of what it translates or replaces, the last page of each
list it is on, and all front pages. A withdrawal changes its page and those of what it belongs to, and all later pages
of its lists, from which it is gone; a list that nobody is on any more is gone with its folder. A page that is full is
followed by another, be it an empty one, so that it need never change for what comes after it.

The catalogue says which testimonies there are, so that laying one more reads no others but those on its pages. It says
of which tree it speaks: of any other, and where the program, the charter or the choices changed, the whole catalogue is
read anew out of the notes, and every page is laid. Blocks that the archive has are not written twice.

Pages are made on other processes where there is an executor. Memory holds a few pages at a time.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from itertools import chain, islice
from typing import NamedTuple, Protocol

from mirror import tree
from mirror.errors import BadBlock, Malformed, Missing, NeedsNewer
from mirror.formats import entry as entries
from mirror.formats import notes, tile, unixfs
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.notes import Charter, Testimony, Withdrawal
from mirror.formats.unixfs import Link
from mirror.site import feed, pages, places, verifier
from mirror.site.pages import Item, Mirror, Shown, Summary, TakenBack, Translated
from mirror.site.words import LANGUAGES
from mirror.tree import Change, Laid, Path, Tree

LANGUAGE, TAG = "language", "tag"

NAMES_AT_MOST = 100
"""Languages, and tags, that a front page lists: the most used ones. The others are found where they are used."""

NEWEST_AT_MOST = 32
"""Testimonies that a front page and the feed list."""

PAGES_AT_ONCE = 8
"""Pages that are handed to another process together."""

BYTES_AT_ONCE = 1 << 20
"""Bytes of notes that are handed to another process together, or one page's."""

BATCHES_AHEAD = 6
"""Batches of pages that are being made or wait to be written."""

_LIBRARIES = ("jinja2", "markupsafe", "markdown-it-py")

Live = tuple[int, str, str | None, str, str | None, bool, str | None]
"""A testimony that can be read, as the catalogue tells it: the fields of `Item`."""

Listed = tuple[int, str, bytes, int | None, int | None, int | None, bool, str | None, bool]
"""An entry: index, kind, CID, what it translates, what it replaces; by which entry it was withdrawn, whether with its
token, the reason; whether it can be read."""


class Catalogue(Protocol):
    """What is known of the testimonies (`mirror.store.catalogue` says what each means)."""

    @property
    def state(self) -> str: ...
    def set_state(self, state: str) -> None: ...
    def clear(self) -> None: ...
    def add(self, entry: Listed, live: Live | None, lists: Sequence[tuple[str, str, str]]) -> None: ...
    def withdraw(self, index: int, by: int, *, with_token: bool, reason: str | None) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def live(self) -> int: ...
    @property
    def withdrawn(self) -> int: ...
    def entries(self, first: int, count: int) -> list[Listed]: ...
    def index_of(self, cid: bytes) -> int | None: ...
    def translations(self, index: int) -> list[tuple[int, str, str]]: ...
    def replacing(self, index: int) -> list[int]: ...
    def lists_of(self, index: int) -> list[tuple[str, str]]: ...
    def position(self, kind: str, name: str, index: int) -> int: ...
    def count(self, kind: str, name: str) -> int: ...
    def names(self, kind: str) -> Iterator[tuple[str, int]]: ...
    def most_used(self, kind: str, at_most: int) -> list[tuple[str, int]]: ...
    def count_names(self, kind: str) -> int: ...
    def on_list(self, kind: str, name: str, first: int, count: int) -> list[Live]: ...
    def newest(self, at_most: int) -> list[Live]: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """What a publisher decides of the reading room."""

    leave: str = pages.LEAVE
    support: tuple[tuple[str, str], ...] = ()


def lay(laid: Laid, choices: Choices, catalogue: Catalogue) -> dict[str, Link]:
    """Lay the reading room of an edition; what of it stands at the top, by name."""
    return _Room(laid, choices, catalogue).lay()


class _Dirty:
    """The pages that are to be laid anew."""

    def __init__(self) -> None:
        self.pages: set[int] = set()
        self.lists: dict[tuple[str, str], set[int]] = {}

    def entry(self, index: int) -> None:
        """An entry changed, or came: then the page behind it is there from now on, where it fills its own."""
        self.pages.update((_page_of(index), _page_of(index + 1)))

    def on_list(self, kind: str, name: str, first: int, last: int) -> None:
        """All places of a list from `first` to `last` changed."""
        self.lists.setdefault((kind, name), set()).update(range(_page_of(first), _page_of(last) + 1))


def _page_of(number: int) -> int:
    return number // places.ON_A_PAGE


_Told = tuple[Listed, tuple[tuple[int, str, str], ...], tuple[int, ...], bytes | None]
"""An entry on a page: what is known of it, its translations, what replaces it, and its note where that is needed."""


class _Job(NamedTuple):
    """A page to be made: of the log where `kind` is empty, otherwise of a list."""

    path: Path
    kind: str
    name: str
    number: int
    told: tuple[_Told, ...]
    size: int
    items: tuple[Live, ...] = ()


class _Room:
    """The room of one edition, being laid."""

    def __init__(self, laid: Laid, choices: Choices, catalogue: Catalogue) -> None:
        self._laid = laid
        self._catalogue = catalogue
        self._tree = _open(laid)
        charter = notes.peek(self._tree.read((tree.CHARTER,)))
        if not isinstance(charter, Charter):
            raise Malformed(f"{tree.CHARTER} is a {charter.word}")
        self._mirror = Mirror(charter, choices.leave, choices.support)
        self._version = _version(self._mirror)
        self._is_lacking = False

    def lay(self) -> dict[str, Link]:
        if self._catalogue.state == self._state(self._laid.before):
            try:
                return self._lay(is_known=True)
            except (Missing, BadBlock):
                pass  # a note was lost: the others on its pages are laid all the same
        return self._lay(is_known=False)

    def _lay(self, *, is_known: bool) -> dict[str, Link]:
        dirty = self._read_new() if is_known else None
        if dirty is None:
            self._read_all()
        found = {
            tree_name: self._change(tree_name, is_known, changes)
            for tree_name, changes in (
                (places.page(0)[0], self._pages(dirty)),
                (LANGUAGE, self._fronts_and_languages(dirty)),
                (TAG, self._lists(TAG, dirty)),
            )
        }
        found |= {name: self._put((name,), data).link for name, data in self._single()}
        room = {name: link for name, link in found.items() if link is not None}
        self._catalogue.set_state("" if self._is_lacking else self._state({**self._laid.top, **room}))
        return room

    def _change(self, name: str, is_known: bool, changes: Iterator[Change]) -> Link | None:
        old = self._laid.before.get(name) if is_known else None
        return tree.change(old, changes, self._laid.get, self._laid.put, depth=1)

    def _state(self, top: Mapping[str, Link]) -> str:
        """Names a tree's notes and pages, the version of what laid them, and how many entries are known."""
        told = [f"{name} {top[name].cid}\n" for name in sorted({tree.NOTE, *tree.READING_ROOM} & top.keys())]
        return hashlib.sha256("".join((f"{self._catalogue.size} {self._version}\n", *told)).encode()).hexdigest()

    # What the catalogue learns

    def _read_new(self) -> _Dirty:
        """Take in the entries that are new; what changes by them."""
        dirty = _Dirty()
        for index, data in self._entries(self._catalogue.size):
            dirty.entry(index)
            self._take_in(index, data, None, dirty)
        return dirty

    def _read_all(self) -> None:
        """Forget everything, and take in every entry."""
        self._catalogue.clear()
        taken: dict[int, tuple[int, bool, str | None]] = {}
        for by, data in self._entries(0):
            if data.startswith(_WITHDRAWAL) and (note := self._withdrawal(data)) is not None:
                taken.update(dict.fromkeys(note.indexes, (by, note.token is not None, note.reason)))
        for index, data in self._entries(0):
            self._take_in(index, data, taken.get(index))

    def _entries(self, first: int) -> Iterator[tuple[int, bytes]]:
        size = self._laid.checkpoint.size
        for number in range(first // tile.WIDTH, -(-size // tile.WIDTH)):
            place = tile.place(tile.ENTRIES, number, size)
            bundle = tile.parse_bundle(self._tree.read(tuple(place.path.split("/"))), place.width)
            yield from islice(enumerate(bundle, place.start), max(first - place.start, 0), None)

    def _take_in(
        self, index: int, data: bytes, taken: tuple[int, bool, str | None] | None, dirty: _Dirty | None = None
    ) -> None:
        """Add an entry; of an incremental run, `dirty` learns what it changes."""
        try:
            entry = entries.parse(data)
        except NeedsNewer:
            self._catalogue.add((index, "another", b"", None, None, None, False, None, False), None, ())
            return
        testimony = None
        if entry.kind == entries.TESTIMONY and taken is None:
            testimony = self._testimony(entry.cid)
        by, with_token, reason = taken or (None, False, None)
        original, replaces = self._refers(testimony)
        told = (original, replaces, by, with_token, reason, testimony is not None)
        listed = (index, entry.kind, bytes(entry.cid), *told)
        if dirty is not None:
            dirty.pages.update(_page_of(each) for each in (original, replaces) if each is not None)
        lists = [] if testimony is None else _lists_of(testimony)
        if dirty is not None:
            for kind, name, _ in lists:
                at = self._catalogue.count(kind, name)
                dirty.on_list(kind, name, at, at + 1)
        self._catalogue.add(listed, None if testimony is None else _live(index, testimony), lists)
        if entry.kind == entries.WITHDRAWAL and dirty is not None and (note := self._withdrawal(data)) is not None:
            for each in note.indexes:
                self._withdraw(each, index, note, dirty)

    def _withdraw(self, index: int, by: int, note: Withdrawal, dirty: _Dirty) -> None:
        catalogue = self._catalogue
        (listed,) = catalogue.entries(index, 1)
        related = (listed[3], listed[4], *catalogue.replacing(index))
        related += tuple(at for at, _, _ in catalogue.translations(index))
        dirty.pages.update(_page_of(each) for each in (index, *related) if each is not None)
        for kind, name in catalogue.lists_of(index):
            dirty.on_list(kind, name, catalogue.position(kind, name, index), catalogue.count(kind, name))
        catalogue.withdraw(index, by, with_token=note.token is not None, reason=note.reason)

    def _refers(self, testimony: Testimony | None) -> tuple[int | None, int | None]:
        """What a testimony translates, and what it replaces."""
        if testimony is None:
            return None, None
        cids = testimony.translation_of, testimony.replaces
        original, replaces = (None if cid is None else self._catalogue.index_of(bytes(cid)) for cid in cids)
        return original, replaces

    def _testimony(self, cid: CID) -> Testimony | None:
        """A note of the tree; None where the archive lacks it, which is what its page says then."""
        note = self._note(cid)
        return note if isinstance(note, Testimony) else None

    def _withdrawal(self, data: bytes) -> Withdrawal | None:
        note = self._note(entries.parse(data).cid)
        return note if isinstance(note, Withdrawal) else None

    def _note(self, cid: CID) -> object:
        data = self._read(cid)
        with suppress(NeedsNewer):
            return None if data is None else notes.peek(data)
        return None

    def _read(self, cid: CID) -> bytes | None:
        """A note's bytes; None where it is lost or damaged, and then all is read again for the next edition."""
        try:
            return self._laid.get(cid)
        except (Missing, BadBlock):
            self._is_lacking = True
            return None

    # The pages

    def _pages(self, dirty: _Dirty | None) -> Iterator[Change]:
        numbers = range(_page_of(self._catalogue.size) + 1) if dirty is None else sorted(dirty.pages)
        return self._made(map(self._page, numbers))

    def _page(self, number: int) -> _Job:
        rows = self._catalogue.entries(number * places.ON_A_PAGE, places.ON_A_PAGE)
        told = tuple(self._told(row) for row in rows)
        return _Job(places.page(number), "", "", number, told, sum(len(data or b"") for *_, data in told))

    def _told(self, row: Listed) -> _Told:
        """What a page says of an entry, and its note where that is needed."""
        index, kind, cid, *_, is_live = row
        read = self._laid.get if is_live else self._read if kind == entries.WITHDRAWAL else None
        data = None if read is None else read(CID(cid))
        return row, tuple(self._catalogue.translations(index)), tuple(self._catalogue.replacing(index)), data

    def _lists(self, kind: str, dirty: _Dirty | None) -> Iterator[Change]:
        return self._made(chain.from_iterable(self._jobs_of_lists(kind, dirty)))

    def _jobs_of_lists(self, kind: str, dirty: _Dirty | None) -> Iterator[Iterable[_Job]]:
        """The pages of each list of a kind that are to be laid, in the order of their paths."""
        if dirty is None:
            for name, count in self._catalogue.names(kind):
                yield self._jobs_of(kind, name, range(_page_of(count) + 1))
            return
        changed = [(name, numbers) for (of, name), numbers in dirty.lists.items() if of == kind]
        for name, numbers in sorted(changed, key=lambda each: tree.sort_key(_path(kind, each[0], 0))):
            yield self._jobs_of(kind, name, numbers)

    def _jobs_of(self, kind: str, name: str, numbers: Iterable[int]) -> Iterator[_Job]:
        count = self._catalogue.count(kind, name)
        for number in sorted(numbers, key=lambda number: tree.sort_key(_path(kind, name, number))):
            path, is_there = _path(kind, name, number), count > 0 and number <= _page_of(count)
            first = number * places.ON_A_PAGE
            rows = tuple(self._catalogue.on_list(kind, name, first, places.ON_A_PAGE)) if is_there else ()
            yield _Job(path, kind if is_there else _GONE, name, number, (), 0, rows)

    def _fronts_and_languages(self, dirty: _Dirty | None) -> Iterator[Change]:
        """The front pages, and the lists of languages, which stand beside them."""
        found = [*self._lists(LANGUAGE, dirty)]
        summary = self._summary()
        fronts = [(places.front(tag), pages.front_page(self._mirror, tag, summary)) for tag in LANGUAGES]
        found += [self._put(path, data) for path, data in fronts]
        yield from sorted(found, key=lambda change: tree.sort_key(change.path))

    def _single(self) -> Iterator[tuple[str, bytes]]:
        yield places.FRONT[0], pages.front_page(self._mirror, None, self._summary())
        yield places.FEED[0], feed.feed(self._mirror, self._newest())
        yield places.STYLE[0], pages.style()
        yield places.VERIFIER[0], verifier.page()

    def _newest(self) -> tuple[Item, ...]:
        return tuple(Item(*row) for row in self._catalogue.newest(NEWEST_AT_MOST))

    def _summary(self) -> Summary:
        catalogue, checkpoint = self._catalogue, self._laid.checkpoint
        return Summary(
            self._laid.number,
            checkpoint.size,
            checkpoint.root_hash,
            catalogue.live,
            catalogue.withdrawn,
            tuple(catalogue.most_used(LANGUAGE, NAMES_AT_MOST)),
            catalogue.count_names(LANGUAGE),
            tuple(catalogue.most_used(TAG, NAMES_AT_MOST)),
            catalogue.count_names(TAG),
            self._newest(),
            self._laid.day,
        )

    def _made(self, jobs: Iterable[_Job]) -> Iterator[Change]:
        """The changes that come of making pages, in the order of the jobs."""
        work = _Work(self._mirror)
        for batch, made in _in_order(self._laid.executor, work, _batches(jobs)):
            for job, data in zip(batch, made, strict=True):
                yield Change(job.path, None) if data is None else self._put(job.path, data)

    def _put(self, path: Path, data: bytes) -> Change:
        """A page as a file of one raw block."""
        link = tree.link_to(path, data)
        self._laid.put(link.cid, data)
        return Change(path, link)


_WITHDRAWAL = f"{entries.WITHDRAWAL} ".encode()
_GONE = "gone"


def _open(laid: Laid) -> Tree:
    """Reads the new tree by path, though it has no root yet."""
    links = tuple(laid.top.values())
    block = unixfs.folder(links)
    root = CID.of(DAG_PB, block)
    return Tree(root, lambda cid: block if cid == root else laid.get(cid))


def _lists_of(testimony: Testimony) -> list[tuple[str, str, str]]:
    """The lists that a testimony is on: kind, name, and what the name of their folder sorts by."""
    names = [(LANGUAGE, testimony.language), *((TAG, each) for each in testimony.tags)]
    return [(kind, name, "/".join(_path(kind, name, 0)[1:-2])) for kind, name in names]


def _path(kind: str, name: str, number: int) -> Path:
    return places.language(name, number) if kind == LANGUAGE else places.tag(name, number)


def _live(index: int, testimony: Testimony) -> Live:
    item = pages.item(index, testimony)
    return item.index, item.language, item.title, item.opening, item.date, item.warned, item.translator


def _version(mirror: Mirror) -> str:
    """Changes whenever the same notes might give other pages."""
    told = (_program(), mirror.charter.title, mirror.charter.body, str(mirror.charter.key.ipns))
    return hashlib.sha256(repr((*told, mirror.charter.language, mirror.leave, mirror.support)).encode()).hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    """Names everything that pages are made with: the files of `mirror.site`, and the libraries behind them."""
    found = hashlib.sha256()
    for library in _LIBRARIES:
        found.update(f"{library} {metadata.version(library)}\n".encode())
    for name, data in _files_in(resources.files("mirror.site"), ""):
        found.update(f"{name} {len(data)}\n".encode() + data)
    return found.hexdigest()


def _files_in(folder: Traversable, before: str) -> Iterator[tuple[str, bytes]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _files_in(each, f"{before}{each.name}/")
        elif each.is_file():
            yield f"{before}{each.name}", each.read_bytes()


# On other processes


@dataclass(frozen=True, slots=True)
class _Work:
    """Makes pages; None for one that is gone."""

    mirror: Mirror

    def __call__(self, jobs: Sequence[_Job]) -> list[bytes | None]:
        return [self._make(job) for job in jobs]

    def _make(self, job: _Job) -> bytes | None:
        if job.kind == _GONE:
            return None
        if job.kind:
            items = [Item(*row) for row in job.items]
            return pages.list_page(self.mirror, job.kind, job.name, job.number, items)
        return pages.testimonies_page(self.mirror, job.number, [_shown(*told) for told in job.told])


def _shown(
    row: Listed, translations: Sequence[tuple[int, str, str]], replaced_by: Sequence[int], data: bytes | None
) -> Shown:
    index, kind, cid, original, replaces, by, with_token, reason, _ = row
    note = None if data is None else notes.peek(data)
    return Shown(
        index,
        kind,
        CID(cid),
        note if isinstance(note, Testimony) else None,
        None if by is None else TakenBack(by, with_token, reason),
        tuple(Translated(*each) for each in translations),
        original,
        replaces,
        tuple(replaced_by),
        note.indexes if isinstance(note, Withdrawal) else (),
    )


def _batches(jobs: Iterable[_Job]) -> Iterator[list[_Job]]:
    """Some jobs at a time, as many as another process is given at once."""
    batch: list[_Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.size
        if len(batch) == PAGES_AT_ONCE or size > BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _in_order(
    executor: Executor | None, work: Callable[[list[_Job]], list[bytes | None]], batches: Iterable[list[_Job]]
) -> Iterator[tuple[list[_Job], list[bytes | None]]]:
    if executor is None:
        yield from ((batch, work(batch)) for batch in batches)
        return
    waiting: deque[tuple[list[_Job], Future[list[bytes | None]]]] = deque()
    for batch in batches:
        waiting.append((batch, executor.submit(work, batch)))
        if len(waiting) > BATCHES_AHEAD:
            first, future = waiting.popleft()
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()
