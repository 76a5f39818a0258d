"""What a run of `publish` would do: read every draft, decide what becomes of it, write nothing.

A text that was published before (from whatever file, equal but for salt, token and what it refers to) is noticed and
not listed again. A file whose earlier text was published from here and that has changed since is asked about; where
that text was withdrawn it is left out like the text itself, for the change may be a comma, and what is meant to be
another text can have a file of another name. What a text translates or replaces is found by CID, by index, as another
file of the same run, or as a file published before; originals come before what refers to them, and otherwise files keep
the order in which they were named.

Notes with one `Withdrawal` are one account, so that one token takes back a text with its translations and new versions.
A text belongs to the account of what it translates or replaces; one that refers to two accounts is flawed, and so is a
signed note whose `Withdrawal` is not that of what it refers to.

Files are looked at first, on several cores where there is an executor, then placed one after the other. Of each, memory
holds a sheet (`mirror.intake.sheets`) and a few numbers, and no text.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import overload

from mirror import check, tree
from mirror.edition import Edition
from mirror.errors import MirrorError, Refused
from mirror.formats.cid import CID
from mirror.formats.notes import Testimony
from mirror.intake.attachments import Prepared, check_kept
from mirror.intake.drafts import Draft, Flawed, Options, Reference, read_draft
from mirror.intake.sheets import (
    NOTHING_MORE,
    SLICE,
    Home,
    Looked,
    Sheet,
    Sheets,
    fingerprint,
    in_order,
    look,
    real_name,
)
from mirror.store.texts import Texts

CHAIN_AT_MOST = 160
"""Files of one run that each refer to the next, before the one that comes first: Python goes some two hundred deep."""


class Answer(Enum):
    """What becomes of a file that was published before and has changed since."""

    REPLACES = "replaces"
    SEPARATE = "separate"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Step:
    """A draft that will be listed: its sheet, at which index, and the indexes of what it translates and replaces."""

    sheet: Sheet
    index: int
    translation_of: int | None = None
    replaces: int | None = None

    @property
    def source(self) -> Path:
        """The draft's file."""
        return Path(self.sheet.path)

    @property
    def title(self) -> str | None:
        """Its title, where it has one."""
        return self.sheet.title

    @property
    def attachments(self) -> tuple[Prepared, ...]:
        """Its files, as they will be published."""
        return self.sheet.rest.attachments

    @property
    def is_plain(self) -> bool:
        """Whether nothing but its own file has a part in it."""
        rest = self.sheet.rest
        return self.translation_of is None and self.replaces is None and not rest.handed_in and not rest.attachments


class Steps(Sequence[Step]):
    """The steps of a plan, in the order of their indexes; each is made anew when it is asked for."""

    def __init__(self, size: int, sheets: Sheets) -> None:
        self._size = size
        self._sheets = sheets
        self._numbers: array[int] = array("I")
        self._references: dict[int, tuple[int | None, int | None]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Step]:
        return map(self._step, range(len(self)))

    def _step(self, at: int) -> Step:
        index = self._size + at
        return Step(self._sheets[self._numbers[at]], index, *self._references.get(index, ()))

    @overload
    def __getitem__(self, at: int) -> Step: ...

    @overload
    def __getitem__(self, at: slice) -> list[Step]: ...

    def __getitem__(self, at: int | slice) -> Step | list[Step]:
        if isinstance(at, slice):
            return [self._step(each) for each in range(len(self))[at]]
        return self._step(range(len(self))[at])

    def append(self, number: int, translation_of: int | None, replaces: int | None) -> int:
        """List the draft of a sheet's number next; its index."""
        index = self._size + len(self)
        self._numbers.append(number)
        if (translation_of, replaces) != (None, None):
            self._references[index] = (translation_of, replaces)
        return index

    def referred_to(self) -> set[int]:
        """The indexes that any step translates or replaces."""
        return {at for pair in self._references.values() for at in pair if at is not None}


@dataclass
class Plan:
    """What a run would do to a log of `size` entries, and everything its publisher should see before it does.

    `options` are those that the drafts were read with.
    """

    size: int
    options: Options
    steps: Steps
    known: list[tuple[Path, int]] = field(default_factory=list)
    withdrawn: list[tuple[Path, int]] = field(default_factory=list)
    flawed: list[Flawed] = field(default_factory=list)
    repaired: list[tuple[Path, tuple[str, ...]]] = field(default_factory=list)


Ask = Callable[[Path, int], Answer]
"""``ask(file, index)``: what becomes of a file whose earlier text is listed at `index`."""


def plan(
    files: Iterable[Path | str],
    options: Options,
    head: Edition,
    texts: Texts,
    ask: Ask,
    executor: Executor | None = None,
) -> Plan:
    """Read every file and decide. Where `flawed` is not empty, nothing of the plan may be carried out."""
    return _Planning(options, head, texts, ask).run(files, executor)


def home_of(head: Edition) -> Home:
    """The mirror that drafts are for."""
    return Home(head.charter.mirror, head.charter_cid, head.key)


class _Again:
    """Which of many hashes came more than once: eight bytes for each, and two that only begin alike count as one."""

    def __init__(self) -> None:
        self._heads: array[int] = array("Q")
        self._again: frozenset[int] = frozenset()

    def add(self, head: int) -> None:
        self._heads.append(head)

    def close(self) -> None:
        self._again = frozenset(one for one, other in pairwise(sorted(self._heads)) if one == other)
        self._heads = array("Q")

    def __contains__(self, head: int) -> bool:
        return head in self._again

    def __bool__(self) -> bool:
        return bool(self._again)


class _Looking:
    """The first half: every file looked at, its sheet kept, and what refers to another file by its name noted."""

    def __init__(self, options: Options, home: Home, plan: Plan, sheets: Sheets) -> None:
        self._options = options
        self._home = home
        self._plan = plan
        self._sheets = sheets
        self._wanted: set[str] = set()
        self._attached: list[Path] = []
        self._names, self.texts = _Again(), _Again()

    def run(self, files: Iterable[Path | str], executor: Executor | None) -> None:
        """Look at every file; what is wrong with any goes into the plan."""
        paths = (os.fspath(file) for file in files)
        slices = iter(lambda: list(islice(paths, SLICE)), [])
        work = partial(look, self._home, self._options)
        for paths_, found in in_order(executor, work, ((each, each) for each in slices)):
            for path, looked in zip(paths_, found, strict=True):
                self._take(path, Looked.of(looked))
        self._names.close()
        self.texts.close()
        if not self._plan.flawed:
            check_kept(self._options.keep_metadata, self._attached)

    def _take(self, path: str, looked: Looked) -> None:
        if looked.repairs:
            self._plan.repaired.append((Path(path), looked.repairs))
        if looked.sheet is None:
            self._plan.flawed.extend([looked.flawed] if looked.flawed else [])
            return
        rest = looked.sheet.rest
        self._attached += [each.source for each in rest.attachments]
        self._wanted.update(
            real_name(str(each)) for each in (rest.translation_of, rest.replaces) if isinstance(each, Path)
        )
        self._sheets.append(looked.sheet)
        self._names.add(_head_of_name(looked.sheet.real))
        self.texts.add(_head_of(looked.sheet.fingerprint))

    def numbers(self) -> dict[str, int]:
        """The numbers of files that others refer to, or that were named more than once: the first, by its name."""
        found: dict[str, int] = {}
        for number in range(len(self._sheets)) if self._wanted or self._names else ():
            name = self._sheets[number].real
            if name in self._wanted or _head_of_name(name) in self._names:
                found.setdefault(name, number)
        return found


def _head_of(hash_: bytes) -> int:
    return int.from_bytes(hash_[:8])


def _head_of_name(name: str) -> int:
    return hash(name) & 0xFFFF_FFFF_FFFF_FFFF


class _Planning:
    def __init__(self, options: Options, head: Edition, texts: Texts, ask: Ask) -> None:
        self._head = head
        self._texts = texts
        self._ask = ask
        self._sheets = Sheets()
        self._plan = Plan(head.size, options, Steps(head.size, self._sheets))
        self._looking = _Looking(options, home_of(head), self._plan, self._sheets)
        self._numbers: dict[str, int] = {}
        self._indexes: array[int] = array("q")
        self._fingerprints: dict[bytes, int] = {}
        self._authors: dict[int, bytes] = {}
        self._accounts: dict[int, bytes] = {}
        self._on_the_way: set[int] = set()
        self._bad: set[str] = set()
        self._remembered: dict[str | bytes, int | None] = {}

    def run(self, files: Iterable[Path | str], executor: Executor | None) -> Plan:
        self._looking.run(files, executor)
        self._bad = {real_name(str(flawed.source)) for flawed in self._plan.flawed}
        self._numbers = self._looking.numbers()
        self._indexes = array("q", [_NOWHERE]) * len(self._sheets)
        for start in range(0, len(self._sheets), SLICE):
            numbers = range(start, min(start + SLICE, len(self._sheets)))
            self._place_all([(number, self._sheets[number]) for number in numbers])
        return self._plan

    def _place_all(self, sheets: list[tuple[int, Sheet]]) -> None:
        """Place some sheets, once it was asked of all of them together what is remembered."""
        names = [sheet.real for _, sheet in sheets]
        known_by = [sheet.fingerprint for _, sheet in sheets]
        self._remembered = dict(zip(names, self._texts.indexes_of_sources(names), strict=True))
        self._remembered.update(zip(known_by, self._texts.indexes_of_texts(known_by), strict=True))
        for name, (number, sheet) in zip(names, sheets, strict=True):
            if self._is_simply_new(sheet):
                self._indexes[number] = self._plan.steps.append(number, None, None)
            elif name not in self._bad and self._numbers.get(name, number) == number:
                self._guard(number, sheet)

    def _is_simply_new(self, sheet: Sheet) -> bool:
        """Whether nothing has to be asked about a draft: it refers to nothing, and its text and its file came once."""
        return (
            sheet.rest == NOTHING_MORE
            and sheet.real not in self._numbers
            and self._remembered[sheet.real] is self._remembered[sheet.fingerprint] is None
            and _head_of(sheet.fingerprint) not in self._looking.texts
        )

    def _guard(self, number: int, sheet: Sheet) -> None:
        try:
            self._place(number, sheet)
        except Flawed as flawed:
            self._fail(flawed)
        except MirrorError as error:
            self._fail(Flawed(Path(sheet.path), (error.message,)))

    def _fail(self, flawed: Flawed) -> None:
        self._plan.flawed.append(flawed)
        self._bad.add(real_name(str(flawed.source)))

    def _place(self, number: int, sheet: Sheet) -> int:
        """The index of a draft: what it has already, or the next."""
        if self._indexes[number] != _NOWHERE:
            return self._indexes[number]
        if number in self._on_the_way:
            raise Flawed(Path(sheet.path), ("it and another file translate or replace each other",))
        if len(self._on_the_way) >= CHAIN_AT_MOST:
            words = f"it ends a chain of more than {CHAIN_AT_MOST} files that refer to each other; name it before those"
            raise Flawed(Path(sheet.path), (words,))
        self._on_the_way.add(number)
        try:
            known = self._known(sheet)
            index = known if known is not None else self._list(number, sheet)
        finally:
            self._on_the_way.discard(number)
        self._indexes[number] = index
        return index

    def _known(self, sheet: Sheet) -> int | None:
        index = self._index_of_text(sheet.fingerprint)
        if index is None:
            index = self._fingerprints.get(sheet.fingerprint)
        if index is not None:
            here = index >= self._plan.size or self._head.holds(index)
            (self._plan.known if here else self._plan.withdrawn).append((Path(sheet.path), index))
        return index

    def _index_of_text(self, known_by: bytes) -> int | None:
        if known_by in self._remembered:
            return self._remembered[known_by]
        return self._texts.index_of_text(known_by)

    def _index_of_source(self, name: str) -> int | None:
        return self._remembered[name] if name in self._remembered else self._texts.index_of_source(name)

    def _list(self, number: int, sheet: Sheet) -> int:
        translation_of = self._resolve(sheet, "translation_of", sheet.rest.translation_of)
        replaces = self._resolve(sheet, "replaces", sheet.rest.replaces)
        if replaces is None:
            replaces = self._ask_about(sheet)
            if replaces == _SKIPPED:
                return self._index_of_source(sheet.real) or 0
        self._check_replaces(sheet, replaces)
        account = self._account(sheet, [at for at in (translation_of, replaces) if at is not None])
        index = self._plan.steps.append(number, translation_of, replaces)
        if _head_of(sheet.fingerprint) in self._looking.texts:
            self._fingerprints[sheet.fingerprint] = index
        if sheet.rest.author:
            self._authors[index] = sheet.rest.author
        if account:
            self._accounts[index] = account
        return index

    def _account(self, sheet: Sheet, earlier: list[int]) -> bytes:
        """The account that a draft belongs to; empty for a new one."""
        accounts = {self._account_of(index) for index in earlier}
        if len(accounts) > 1:
            raise Flawed(Path(sheet.path), ("it translates one account and replaces another",))
        if sheet.rest.account and accounts - {sheet.rest.account}:
            words = "its Withdrawal is not that of what it translates or replaces, so one token would not cover both"
            raise Flawed(Path(sheet.path), (words,))
        return sheet.rest.account or next(iter(accounts), b"")

    def _account_of(self, index: int) -> bytes:
        if index >= self._head.size:
            return self._accounts.get(index) or b"new #%d" % index
        return self._head.entry(index).withdrawal or b""

    def _ask_about(self, sheet: Sheet) -> int | None:
        earlier = self._index_of_source(sheet.real)
        if earlier is None or sheet.rest.author:
            return None
        if not self._head.holds(earlier):
            self._plan.withdrawn.append((Path(sheet.path), earlier))
            return _SKIPPED
        answer = self._ask(Path(sheet.path), earlier)
        if answer is Answer.SKIP:
            return _SKIPPED
        return self._check_listed(sheet, "replaces", earlier) if answer is Answer.REPLACES else None

    def _check_replaces(self, sheet: Sheet, replaces: int | None) -> None:
        if replaces is None:
            return
        author = self._author_of(replaces)
        if author and author != sheet.rest.author:
            words = f"it would replace #{replaces}, which only its author can replace"
            raise Flawed(Path(sheet.path), (words,))

    def _author_of(self, index: int) -> bytes:
        if index >= self._head.size:
            return self._authors.get(index, b"")
        return check.author_of_note(self._head.tree.read(tree.note_path(index)))

    def _resolve(self, sheet: Sheet, key: str, reference: Reference | None) -> int | None:
        if reference is None:
            return None
        if isinstance(reference, Path):
            return self._resolve_file(sheet, key, reference)
        index = self._head.index_of(reference) if isinstance(reference, CID) else reference
        return self._check_listed(sheet, key, index)

    def _resolve_file(self, sheet: Sheet, key: str, path: Path) -> int:
        name = real_name(str(path))
        if name in self._bad:
            raise Flawed(Path(sheet.path), (f"{key}: {path} cannot be published as it is",))
        if (number := self._numbers.get(name)) is not None:
            index = self._place(number, self._sheets[number])
            return index if index >= self._head.size else self._check_listed(sheet, key, index)
        earlier = self._index_of_source(name)
        if earlier is None:
            words = f"{key}: {path} is not among these files, and was not published from here"
            raise Flawed(Path(sheet.path), (words,))
        return self._check_listed(sheet, key, earlier)

    def _check_listed(self, sheet: Sheet, key: str, index: int) -> int:
        if not 0 < index < self._head.size or self._head.entry(index).withdrawal is None:
            raise Flawed(Path(sheet.path), (f"{key}: #{index} is no testimony of this mirror",))
        if not self._head.holds(index):
            raise Flawed(Path(sheet.path), (f"{key}: #{index} was withdrawn",))
        return index


_SKIPPED = -1

_NOWHERE = -2
"""The index of a draft that was not placed yet."""


def draft_of(step: Step, options: Options) -> Draft:
    """The draft of a step, read again; refuses one that changed."""
    draft = read_draft(step.source, options)
    if draft.digest != step.sheet.digest:
        raise changed(step.source)
    return draft


def changed(source: Path) -> Refused:
    """What is said of a file that is another than was looked at."""
    return Refused(f"{source} changed while it was being published", hint="publish again")


def remember(texts: Texts, plan: Plan, size: int) -> None:
    """Take in what a plan listed, once the edition of `size` entries that came of it is durable."""
    texts.add(
        size,
        ((step.sheet.fingerprint, step.index) for step in plan.steps),
        ((step.sheet.real, step.index) for step in plan.steps),
    )


def bring_up_to_date(texts: Texts, head: Edition) -> None:
    """Take in what was listed and not yet remembered, as after a crash; withdrawn texts were taken in when listed."""
    if texts.size >= head.size:
        return
    found = []
    for index in range(texts.size, head.size):
        if head.entry(index).withdrawal is not None and head.holds(index):
            found.append((fingerprint(head.open(index, Testimony)), index))
    texts.add(head.size, found)
