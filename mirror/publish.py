"""text → signed note → blocks → log → checkpoint → tree → announcement

`mirror.plan` reads every draft and decides what becomes of it; nothing is written by it. `Publisher.publish` carries a
plan out as one edition, in the order of docs/architecture.md: blocks into a temporary CAR, the checkpoint's block last,
the file renamed, then `head`: that is the commit.

A checkpoint that others have seen must never be contradicted. Before anything is signed, `Publisher` compares the
archive's head with the record of what this key signed on this machine, and adopts a whole edition that a crash left
behind. Where there is no record, it refuses until it is told that this is the newest copy.

Texts and their attachments are read twice, once to check and once to sign, so that no more than one is held at a time
and nothing is left lying about; a file that changed in between, be it by a byte, is refused.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mirror import tree
from mirror.edition import Edition
from mirror.errors import Malformed, NeedsNewer, Refused, Unverified
from mirror.formats import checkpoint as checkpoints
from mirror.formats import entry as entries
from mirror.formats import notes
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.formats.fields import Item
from mirror.formats.key import SecretKey
from mirror.formats.notes import Announcement, Charter, Testimony
from mirror.formats.tile import Place
from mirror.formats.unixfs import Link, Put
from mirror.intake import sheets
from mirror.intake.attachments import Prepared
from mirror.intake.drafts import Draft, Options, prepare_attachments
from mirror.intake.sheets import SALT_BYTES, Job, as_testimony, fingerprint
from mirror.log import timeline
from mirror.log.append import Growth, obsolete
from mirror.plan import Plan, Step, changed, draft_of, home_of
from mirror.store.archive import Archive, NewEdition
from mirror.store.record import Record
from mirror.tree import Change, Laid

TOKEN_BYTES = 16

Random = Callable[[int], bytes]
"""``random(n)``: n bytes that nobody can guess."""

Write = Callable[[NewEdition, Growth], Iterator[Change]]
"""Writes the notes of an edition: each into its CAR, its entry into the log, its place in the tree yielded."""

Changes = Callable[[Put], Iterator[Change]]
"""Puts blocks, and yields what changes below one name at the top of the tree, in the order of paths."""

Room = Callable[[Laid], Mapping[str, Link]]
"""Lays the reading room of an edition: all of it that stands at the top, by name. Blocks that are held are not put."""


def nothing(*_: object) -> Iterator[Change]:
    """Changes nothing, for whoever lays an edition without a new entry, file or anchor."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Listed:
    """A testimony that was just listed; `token` is None where its author has it already, or nobody has."""

    step: Step
    cid: CID
    token: bytes | None

    @property
    def index(self) -> int:
        """Where it is listed."""
        return self.step.index

    @property
    def source(self) -> Path:
        """Its file."""
        return self.step.source


@dataclass(frozen=True, slots=True)
class Published:
    """The edition that came of it."""

    edition: int
    size: int
    root_cid: CID
    announcement: bytes
    new_blocks: int


class Publisher:
    """The holder of a mirror's key, at work in one archive. The caller holds the workspace's lock."""

    def __init__(
        self, archive: Archive, key: SecretKey, record: Record, random: Random, *, room: Room | None = None
    ) -> None:
        """`room` lays the reading room of every edition; without it an edition has none, also after one that had."""
        self._archive = archive
        self._key = key
        self._record = record
        self._random = random
        self._room = room
        self._head: Edition | None = None

    @property
    def head(self) -> Edition:
        """The newest edition, opened."""
        if self._head is None:
            self._head = Edition(self._archive.head(), self._archive.blocks.get, self._key.public)
        return self._head

    def reload(self) -> None:
        """Open the head anew when it is next asked for: the archive's files were replaced."""
        self._head = None

    # Beginning

    def found(self, charter: Charter, *, day: str | None = None) -> Published:
        """The first edition of a new mirror: a log that lists its charter."""
        if self._archive.editions() or self._archive.has_head():
            raise Refused(f"{self._archive.folder} holds a mirror already")
        data = notes.sign(charter, self._key)
        cid = CID.of_raw(data)
        entry = Entry(entries.CHARTER, cid)

        def write(edition: NewEdition, growth: Growth) -> Iterator[Change]:
            edition.append(cid, data)
            growth.add(bytes(entry))
            yield tree.leaf(tree.note_path(0), data)

        return self.write_edition(write, tree.link_to((tree.CHARTER,), data), day=day)

    def prepare(self, *, newest: bool = False, judge: Callable[[CID], None]) -> list[str]:
        """Bring the archive to where it may be continued, or refuse; what was done, in words.

        `judge` verifies a whole tree and raises where it does not hold; `newest` is the publisher's word that no later
        edition exists anywhere.
        """
        recorded = self._recorded(newest)
        done = [f"removed {path.name}, which an interrupted run left" for path in self._archive.remove_leftovers()]
        pending = self._archive.pending()
        if pending is not None:
            done.append(self._adopt(*pending, recorded, judge))
        _compare(self.head, recorded)
        self._mend_announcement(recorded)
        return done

    def _adopt(self, number: int, root: CID, recorded: Announcement | None, judge: Callable[[CID], None]) -> str:
        """Commit a whole edition that continues the head; nothing is written before all of that is known."""
        judge(root)
        opened = Edition(root, self._archive.blocks.get, self._key.public)
        before = self.head if self._archive.has_head() else None
        if opened.number != number or opened.number != (1 if before is None else before.number + 1):
            at = "no head" if before is None else f"the head is edition {before.number}"
            raise Refused(f"the file of edition {number} holds edition {opened.number}, and {at}")
        if before is not None and before.size > opened.size:
            raise Refused(f"edition {number} has {opened.size} entries, and the edition before it {before.size}")
        if before is not None:
            timeline.advance(before.checkpoint, opened.checkpoint, opened.log)
        _compare(opened, recorded)
        self._archive.set_head(root)
        self._head = opened
        self._announce(opened.number, opened.checkpoint, root, opened.charter_cid)
        return f"adopted edition {number}, which an interrupted run had written whole"

    def _recorded(self, newest: bool) -> Announcement | None:
        recorded = self._record.read(self._key.public)
        if recorded is None and not newest:
            raise Refused(
                "this machine has no record of what this key last signed; a copy that is not the newest would fork "
                "the log",
                hint="if you know that no later edition exists anywhere, add: --this-is-newest",
            )
        return recorded

    def _mend_announcement(self, recorded: Announcement | None) -> None:
        with contextlib.suppress(Malformed, NeedsNewer, Unverified):
            announced = self._archive.announcement()
            if announced and notes.open_as(Announcement, announced, self._key.public).root_cid == self.head.root:
                if recorded is None or recorded.edition < self.head.number:
                    self._record.write(self._key.public, announced)
                return
        self._announce(self.head.number, self.head.checkpoint, self.head.root, self.head.charter_cid)

    # Publishing

    def publish(  # noqa: PLR0913  (each of them is the caller's own to say)
        self,
        plan: Plan,
        options: Options,
        *,
        tokens: bool,
        listed: Callable[[Listed], None],
        commit: Callable[[], None] = lambda: None,
        day: str | None = None,
        executor: Executor | None = None,
        anchors: Changes = nothing,
    ) -> Published:
        """Carry a plan out as one edition, on other processes where there is an executor.

        `listed` is told of each testimony as it is signed; `commit` runs when the whole edition is written and just
        before it takes effect, so that what the caller keeps (tokens) is kept first.
        """
        if plan.flawed:
            raise Refused(f"{len(plan.flawed)} of the files cannot be published as they are")
        if plan.size != self.head.size:
            raise Refused(f"the plan was made for a log of {plan.size} entries, and it has {self.head.size}")
        signing = _Signing(self.head, self._key, plan, options, self._random, tokens=tokens)

        def write(edition: NewEdition, growth: Growth) -> Iterator[Change]:
            for made, entry, data in signing.all(edition.put, executor):
                edition.append(entry.cid, data)
                growth.add(bytes(entry))
                listed(made)
                path = tree.note_path(made.index)
                yield Change(path, Link(path[-1], entry.cid, len(data)))

        def files(_: Put) -> Iterator[Change]:
            for index, attachments in signing.attached:
                links = sorted((each.link for each in attachments), key=lambda link: link.name.encode())
                yield from (Change(tree.file_path(index, link.name), link) for link in links)

        return self.write_edition(write, files=files, anchors=anchors, commit=commit, day=day, executor=executor)

    def write_edition(
        self,
        write: Write = nothing,
        charter: Link | None = None,
        *,
        files: Changes = nothing,
        anchors: Changes = nothing,
        commit: Callable[[], None] = lambda: None,
        day: str | None = None,
        executor: Executor | None = None,
    ) -> Published:
        """Lay, sign and commit the next edition: `write` gives the notes, then `files` and `anchors` what changes
        below `/file` and `/anchor`.

        It need not have a new entry: its checkpoint is that of the edition before then, and its number the next.
        `charter` is for the first edition; later ones keep theirs.
        """
        old = None if not self._archive.has_head() else self.head
        if old is not None and old.log.root_hash() != old.checkpoint.root_hash:
            raise Unverified("the tiles of the log do not lead to its checkpoint", hint="look at it with: mirror fsck")
        charter = charter or self.head.tree.link((tree.CHARTER,))
        number = 1 if old is None else old.number + 1
        with self._archive.new_edition(number, readable=self._room is not None) as edition:
            laying = _Laying(self._archive, edition, old, charter, self._key)
            checkpoint = laying.lay(write, files, anchors)
            if self._room is not None:
                laying.lay_room(self._room, number, day, executor)
            root = laying.seal(number, day)
            edition.seal(root)
            commit()
        self._archive.set_head(root)
        announcement = self._announce(number, checkpoint, root, charter.cid)
        self._archive.refresh()
        self._head = None
        return Published(number, checkpoint.size, root, announcement, edition.count)

    def _announce(self, number: int, checkpoint: Checkpoint, root: CID, charter: CID) -> bytes:
        note = Announcement(self._key.name, charter, number, checkpoint.size, checkpoint.root_hash, root)
        data = notes.sign(note, self._key)
        self._archive.set_announcement(data)
        self._record.write(self._key.public, data)
        return data


def _compare(head: Edition, recorded: Announcement | None) -> None:
    """Raise `Refused` where going on from `head` would contradict what this key signed on this machine."""
    if recorded is None:
        return
    if recorded.edition > head.number:
        raise Refused(
            f"this copy is at edition {head.number}, but edition {recorded.edition} was signed on this machine; "
            "to go on from here would fork the log",
            hint="bring in a copy of that edition with: mirror import FILE.car",
        )
    if recorded.edition == head.number and recorded.root_cid != head.root:
        raise Refused(f"another edition {head.number} was signed on this machine: {recorded.root_cid}")


class _Laying:
    """The tree of a new edition, laid over that of the old one: `lay`, perhaps `lay_room`, then `seal`."""

    def __init__(
        self, archive: Archive, edition: NewEdition, old: Edition | None, charter: Link, key: SecretKey
    ) -> None:
        self._get = archive.blocks.get
        self._edition = edition
        self._old = old
        self._key = key
        self._charter = charter
        self._before = dict(old.tree.entries(old.root)) if old else {}
        self._top = {name: link for name, link in self._before.items() if name not in tree.READING_ROOM}
        self._checkpoint: Checkpoint

    def lay(self, write: Write, files: Changes, anchors: Changes) -> Checkpoint:
        """Write everything that is new but pages; the checkpoint."""
        tiles: dict[tree.Path, Change] = {}

        def keep(place: Place, data: bytes) -> None:
            change = tree.leaf(tuple(place.path.split("/")), data)
            tiles[change.path] = change
            self._edition.put(CID.of_raw(data), data)

        growth = Growth(self._old.log if self._old else None, keep)
        self._change(tree.NOTE, write(self._edition, growth))
        self._change(tree.FILE, files(self._edition.put))
        self._change(tree.ANCHOR, anchors(self._edition.put))
        size, root_hash = growth.close()
        for place in obsolete(self._old.size if self._old else 0, size):
            path = tuple(place.path.split("/"))
            tiles[path] = Change(path, None)
        self._change(tree.TILE, (tiles[path] for path in sorted(tiles, key=tree.sort_key)))
        self._checkpoint = Checkpoint(self._key.name, size, root_hash)
        return self._checkpoint

    def _change(self, name: str, changes: Iterator[Change]) -> None:
        link = tree.change(self._top.get(name), changes, self._get, self._edition.put, depth=1)
        if link is None:
            self._top.pop(name, None)
        else:
            self._top[name] = Link(name, link.cid, link.size)

    def lay_room(self, room: Room, number: int, day: str | None, executor: Executor | None) -> None:
        """Add the reading room to what stands at the top."""
        root = None if self._old is None else self._old.root
        top = {name: link for name, link in self._top.items() if name not in (tree.EDITION, tree.CHECKPOINT)}
        top[tree.CHARTER], put = self._charter, self._edition.put
        laid = Laid(number, day, self._checkpoint, root, top, self._before, self._edition.get, put, executor)
        for name, link in room(laid).items():
            if name not in tree.READING_ROOM:
                raise Refused(f"{name} is no name in a reading room")
            self._top[name] = Link(name, link.cid, link.size)

    def seal(self, number: int, day: str | None) -> CID:
        """Sign the checkpoint, whose block comes last, and the table of contents; the root."""
        signed = checkpoints.sign(self._checkpoint, self._key)
        self._top[tree.CHARTER] = self._charter
        self._top[tree.CHECKPOINT] = tree.link_to((tree.CHECKPOINT,), signed)
        self._top.pop(tree.EDITION, None)
        items = tuple(Item(name, self._top[name].cid) for name in sorted(self._top))
        numbers = (number, self._checkpoint.size, self._checkpoint.root_hash)
        page = notes.sign(notes.Edition(self._key.name, self._charter.cid, *numbers, items, day), self._key)
        self._edition.put(CID.of_raw(page), page)
        self._top[tree.EDITION] = tree.link_to((tree.EDITION,), page)
        root = tree.put_folder("", self._top.values(), self._edition.put)
        self._edition.put(CID.of_raw(signed), signed)
        return root.cid


class _Window(NamedTuple):
    """Some steps in a row: the plain ones of them as jobs, and the hash of the token of each, and the token if new."""

    steps: list[Step]
    jobs: list[Job]
    accounts: list[tuple[bytes, bytes | None]]


class _Signing:
    """Makes the note of each step of a plan, in order: plain ones a slice at a time, and the others at their turn."""

    def __init__(
        self, head: Edition, key: SecretKey, plan: Plan, options: Options, random: Random, *, tokens: bool
    ) -> None:
        self._head = head
        self._home = home_of(head)
        self._key = key
        self._plan = plan
        self._options = options
        self._random = random
        self._tokens = tokens
        self._wanted = plan.steps.referred_to()
        self._made: dict[int, Entry] = {}
        self.attached: list[tuple[int, tuple[Prepared, ...]]] = []

    def all(self, put: Put, executor: Executor | None) -> Iterator[tuple[Listed, Entry, bytes]]:
        """What its publisher is told of each step, what the log says of it, its note; attachments are put as blocks."""
        work = partial(sheets.sign, self._home, self._options, self._key)
        windows = ((window, window.jobs) for window in self._windows())
        for window, made in sheets.in_order(executor, work, windows):
            plain = iter(zip(window.accounts, made, strict=True))
            for step in window.steps:
                if not self._is_plain(step):
                    yield self._sign_alone(step, put)
                    continue
                (withdrawal, token), data = next(plain)
                if data is None:
                    raise self._say_what_changed(step)
                yield self._listed(step, withdrawal, token, data)

    def _is_plain(self, step: Step) -> bool:
        return step.is_plain and self._options == self._plan.options

    def _windows(self) -> Iterator[_Window]:
        steps = iter(self._plan.steps)
        while some := list(islice(steps, sheets.SLICE)):
            plain = [step for step in some if self._is_plain(step)]
            accounts = [self._account(step) for step in plain]
            salts = [self._random(SALT_BYTES) for _ in plain]
            hashes = [withdrawal for withdrawal, _ in accounts]
            jobs = list(map(sheets.job, (step.sheet for step in plain), hashes, salts))
            yield _Window(some, jobs, accounts)

    def _say_what_changed(self, step: Step) -> Refused:
        """Why a step's file is not what it was: what is wrong with it now, or that it changed."""
        draft_of(step, self._options)
        return changed(step.source)

    def _sign_alone(self, step: Step, put: Put) -> tuple[Listed, Entry, bytes]:
        draft = draft_of(step, self._options)
        attachments = prepare_attachments(draft, self._options.keep_metadata, put)
        testimony, token = self._testimony(step, draft, attachments)
        if attachments != step.attachments or fingerprint(testimony) != step.sheet.fingerprint:
            raise changed(step.source)
        self.attached += [(step.index, attachments)] if attachments else []
        data = notes.sign(testimony, self._key, author=draft.handed_in[1] if draft.handed_in else None)
        return self._listed(step, testimony.withdrawal, token, data)

    def _listed(self, step: Step, withdrawal: bytes, token: bytes | None, data: bytes) -> tuple[Listed, Entry, bytes]:
        entry = Entry(entries.TESTIMONY, CID.of_raw(data), withdrawal)
        if step.index in self._wanted:
            self._made[step.index] = entry
        return Listed(step, entry.cid, token), entry, data

    def _testimony(self, step: Step, draft: Draft, attachments: tuple[Prepared, ...]) -> tuple[Testimony, bytes | None]:
        if draft.handed_in:
            return draft.handed_in[0], None
        withdrawal, token = self._account(step)
        testimony = replace(
            as_testimony(draft, self._home, tuple(each.attachment for each in attachments)),
            withdrawal=withdrawal,
            salt=self._random(SALT_BYTES),
            translation_of=self._cid(step.translation_of),
            translator=draft.translator,
            replaces=self._cid(step.replaces),
        )
        return testimony, token

    def _account(self, step: Step) -> tuple[bytes, bytes | None]:
        """The hash of the account's token, and the token where it is a new one."""
        for index in (step.translation_of, step.replaces):
            if index is not None and (withdrawal := self._entry(index).withdrawal):
                return withdrawal, None  # a plan lets nothing refer to two accounts
        if not self._tokens:
            return self._random(32), None
        token = self._random(TOKEN_BYTES)
        return hashlib.sha256(token).digest(), token

    def _entry(self, index: int) -> Entry:
        return self._made[index] if index >= self._head.size else self._head.entry(index)

    def _cid(self, index: int | None) -> CID | None:
        return None if index is None else self._entry(index).cid
