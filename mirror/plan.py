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
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from mirror import check, tree
from mirror.edition import Edition
from mirror.errors import MirrorError, Refused
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.formats.note import NOTE_AT_MOST
from mirror.formats.notes import Testimony
from mirror.intake.attachments import Prepared, check_kept, nowhere
from mirror.intake.drafts import Draft, Flawed, Options, Reference, digest_of, prepare_attachments, read_draft
from mirror.store.texts import Texts

SALT_BYTES = 16

SIGNING_ROOM = 1024
"""Bytes kept free in a note for what signing adds: two CIDs, a translator, and a line by a key of the longest name."""

NO_HASH, NO_SALT = bytes(32), bytes(SALT_BYTES)
"""What stands for Withdrawal and Salt where two texts are compared without them."""


class Answer(Enum):
    """What becomes of a file that was published before and has changed since."""

    REPLACES = "replaces"
    SEPARATE = "separate"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Step:
    """A draft that will be listed: its file, at which index, and the hash that its text is known again by.

    `known_as` is the name under which the file is remembered, `digest` the SHA-256 of the file as it was read;
    `translation_of` and `replaces` are indexes; `attachments` are as they will be published.
    """

    source: Path
    known_as: str
    index: int
    fingerprint: bytes
    digest: bytes
    title: str | None = None
    translation_of: int | None = None
    replaces: int | None = None
    attachments: tuple[Prepared, ...] = ()


@dataclass
class Plan:
    """What a run would do to a log of `size` entries, and everything its publisher should see before it does.

    `options` are those that the drafts were read with; `held` are drafts by their digests, as far as `HELD_AT_MOST`
    allows.
    """

    size: int
    options: Options
    steps: list[Step] = field(default_factory=list)
    known: list[tuple[Path, int]] = field(default_factory=list)
    withdrawn: list[tuple[Path, int]] = field(default_factory=list)
    flawed: list[Flawed] = field(default_factory=list)
    repaired: list[tuple[Path, tuple[str, ...]]] = field(default_factory=list)
    held: dict[bytes, Draft] = field(default_factory=dict)


HELD_AT_MOST = 24 << 20
"""Characters of text that a plan holds, so that files need not be parsed twice; of more it knows only the digests."""

Ask = Callable[[Path, int], Answer]
"""``ask(file, index)``: what becomes of a file whose earlier text is listed at `index`."""


def plan(files: Iterable[Path], options: Options, head: Edition, texts: Texts, ask: Ask) -> Plan:
    """Read every file and decide. Where `flawed` is not empty, nothing of the plan may be carried out."""
    return _Planning(options, head, texts, ask).run(files)


@dataclass(frozen=True, slots=True)
class _Light:
    """What is kept of a draft that was read: all but its text. `account` is a signed note's `Withdrawal`."""

    source: Path
    normal: Path
    fingerprint: bytes
    digest: bytes
    title: str | None
    translation_of: Reference | None
    replaces: Reference | None
    author: bytes
    account: bytes
    attachments: tuple[Prepared, ...]


class _Planning:
    def __init__(self, options: Options, head: Edition, texts: Texts, ask: Ask) -> None:
        self._options = options
        self._head = head
        self._texts = texts
        self._ask = ask
        self._plan = Plan(head.size, options)
        self._drafts: dict[Path, _Light] = {}
        self._indexes: dict[Path, int] = {}
        self._fingerprints: dict[bytes, int] = {}
        self._authors: dict[int, bytes] = {}
        self._accounts: dict[int, bytes] = {}
        self._on_the_way: set[Path] = set()
        self._room = HELD_AT_MOST
        self._bad: set[Path] = set()

    def run(self, files: Iterable[Path]) -> Plan:
        for path in files:
            self._read(path)
        if not self._plan.flawed:
            attached = (each.source for light in self._drafts.values() for each in light.attachments)
            check_kept(self._options.keep_metadata, attached)
        for normal, light in self._drafts.items():
            if normal not in self._bad:
                self._guard(light.source, lambda light=light: self._place(light))  # type: ignore[misc]  # mypy cannot type it
        return self._plan

    def _guard(self, source: Path, step: Callable[[], object]) -> None:
        try:
            step()
        except Flawed as flawed:
            self._fail(flawed)
        except MirrorError as error:
            self._fail(Flawed(source, (error.message,)))

    def _fail(self, flawed: Flawed) -> None:
        self._plan.flawed.append(flawed)
        self._bad.add(_normal(flawed.source))

    def _read(self, path: Path) -> None:
        def read() -> None:
            draft = read_draft(path, self._options)
            if draft.repairs:
                self._plan.repaired.append((path, draft.repairs))
            light = self._lighten(draft)
            self._drafts[light.normal] = light
            self._hold(draft)

        self._guard(path, read)

    def _hold(self, draft: Draft) -> None:
        if len(draft.body) <= self._room and not draft.handed_in:
            self._room -= len(draft.body)
            self._plan.held[draft.digest] = draft

    def _lighten(self, draft: Draft) -> _Light:
        attachments = prepare_attachments(draft, self._options.keep_metadata, nowhere)
        testimony = as_testimony(draft, self._head, tuple(each.attachment for each in attachments))
        if len(testimony.text.encode()) > NOTE_AT_MOST - SIGNING_ROOM:
            raise Flawed(draft.source, ("longer than a note may be; divide it into several testimonies",))
        author = b"" if testimony.author is None else testimony.author.raw
        translation_of, replaces = draft.translation_of, draft.replaces
        if draft.handed_in:
            self._check_handed_in(draft.source, testimony)
            translation_of, replaces = testimony.translation_of, testimony.replaces
        account = testimony.withdrawal if draft.handed_in else b""
        return _Light(
            draft.source,
            _normal(draft.source),
            fingerprint(testimony),
            draft.digest,
            testimony.title,
            translation_of,
            replaces,
            author,
            account,
            attachments,
        )

    def _check_handed_in(self, source: Path, testimony: Testimony) -> None:
        if testimony.mirror != self._head.charter.mirror:
            raise Flawed(source, (f"it was signed for the mirror {testimony.mirror}, not {self._head.charter.mirror}",))
        if testimony.charter != self._head.charter_cid:
            raise Flawed(source, ("it was signed for another mirror of this name, with another charter",))
        if testimony.author is not None and testimony.author.raw == self._head.key.raw:
            raise Flawed(source, ("its author's key is the mirror's own",))

    def _place(self, light: _Light) -> int:
        """The index of a draft: what it has already, or the next."""
        normal = light.normal
        if normal in self._indexes:
            return self._indexes[normal]
        if normal in self._on_the_way:
            raise Flawed(light.source, ("it and another file translate or replace each other",))
        self._on_the_way.add(normal)
        try:
            known = self._known(light)
            index = known if known is not None else self._list(light)
        finally:
            self._on_the_way.discard(normal)
        self._indexes[normal] = index
        return index

    def _known(self, light: _Light) -> int | None:
        index = self._texts.index_of_text(light.fingerprint)
        if index is None:
            index = self._fingerprints.get(light.fingerprint)
        if index is not None:
            here = index >= self._plan.size or self._head.holds(index)
            (self._plan.known if here else self._plan.withdrawn).append((light.source, index))
        return index

    def _list(self, light: _Light) -> int:
        translation_of = self._resolve(light, "translation_of", light.translation_of)
        replaces = self._resolve(light, "replaces", light.replaces)
        if replaces is None:
            replaces = self._ask_about(light)
            if replaces == _SKIPPED:
                return self._texts.index_of_source(str(light.normal)) or 0
        self._check_replaces(light, replaces)
        account = self._account(light, [at for at in (translation_of, replaces) if at is not None])
        index = self._plan.size + len(self._plan.steps)
        step = Step(
            light.source,
            str(light.normal),
            index,
            light.fingerprint,
            light.digest,
            light.title,
            translation_of,
            replaces,
            light.attachments,
        )
        self._plan.steps.append(step)
        self._fingerprints[light.fingerprint] = index
        self._authors[index] = light.author
        self._accounts[index] = account or b"new #%d" % index
        return index

    def _account(self, light: _Light, earlier: list[int]) -> bytes:
        """The account that a draft belongs to; empty for a new one."""
        accounts = {self._account_of(index) for index in earlier}
        if len(accounts) > 1:
            raise Flawed(light.source, ("it translates one account and replaces another",))
        if light.account and accounts - {light.account}:
            words = "its Withdrawal is not that of what it translates or replaces, so one token would not cover both"
            raise Flawed(light.source, (words,))
        return light.account or next(iter(accounts), b"")

    def _account_of(self, index: int) -> bytes:
        return self._accounts[index] if index >= self._head.size else self._head.entry(index).withdrawal or b""

    def _ask_about(self, light: _Light) -> int | None:
        earlier = self._texts.index_of_source(str(light.normal))
        if earlier is None or light.author:
            return None
        if not self._head.holds(earlier):
            self._plan.withdrawn.append((light.source, earlier))
            return _SKIPPED
        answer = self._ask(light.source, earlier)
        if answer is Answer.SKIP:
            return _SKIPPED
        return self._check_listed(light, "replaces", earlier) if answer is Answer.REPLACES else None

    def _check_replaces(self, light: _Light, replaces: int | None) -> None:
        if replaces is None:
            return
        author = self._author_of(replaces)
        if author and author != light.author:
            raise Flawed(light.source, (f"it would replace #{replaces}, which only its author can replace",))

    def _author_of(self, index: int) -> bytes:
        if index >= self._head.size:
            return self._authors.get(index, b"")
        return check.author_of_note(self._head.tree.read(tree.note_path(index)))

    def _resolve(self, light: _Light, key: str, reference: Reference | None) -> int | None:
        if reference is None:
            return None
        if isinstance(reference, Path):
            return self._resolve_file(light, key, reference)
        index = self._head.index_of(reference) if isinstance(reference, CID) else reference
        return self._check_listed(light, key, index)

    def _resolve_file(self, light: _Light, key: str, path: Path) -> int:
        other = self._drafts.get(_normal(path))
        if _normal(path) in self._bad:
            raise Flawed(light.source, (f"{key}: {path} cannot be published as it is",))
        if other is not None:
            index = self._place(other)
            return index if index >= self._head.size else self._check_listed(light, key, index)
        earlier = self._texts.index_of_source(str(_normal(path)))
        if earlier is None:
            raise Flawed(light.source, (f"{key}: {path} is not among these files, and was not published from here",))
        return self._check_listed(light, key, earlier)

    def _check_listed(self, light: _Light, key: str, index: int) -> int:
        if not 0 < index < self._head.size or self._head.entry(index).withdrawal is None:
            raise Flawed(light.source, (f"{key}: #{index} is no testimony of this mirror",))
        if not self._head.holds(index):
            raise Flawed(light.source, (f"{key}: #{index} was withdrawn",))
        return index


_SKIPPED = -1


def _normal(path: Path) -> Path:
    return Path(os.path.realpath(path))


def draft_of(plan: Plan, step: Step, options: Options) -> Draft:
    """The draft of a step, read again; parsed again only where the plan does not hold it. Refuses one that changed."""
    held = plan.held.get(step.digest)
    same = held is not None and held.source == step.source and options == plan.options
    if held is not None and same and digest_of(step.source) == step.digest:
        return held
    draft = read_draft(step.source, options)
    if draft.digest != step.digest:
        raise Refused(f"{step.source} changed while it was being published", hint="publish again")
    return draft


def remember(texts: Texts, plan: Plan, size: int) -> None:
    """Take in what a plan listed, once the edition of `size` entries that came of it is durable."""
    texts.add(
        size,
        ((step.fingerprint, step.index) for step in plan.steps),
        ((step.known_as, step.index) for step in plan.steps),
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


def as_testimony(draft: Draft, head: Edition, attachments: tuple[Attachment, ...] = ()) -> Testimony:
    """The testimony of a draft as far as its files decide it: without salt, token and what it refers to."""
    if draft.handed_in:
        return draft.handed_in[0]
    return Testimony(
        head.charter.mirror,
        head.charter_cid,
        draft.language,
        NO_HASH,
        NO_SALT,
        draft.body,
        title=draft.title,
        date=draft.date,
        tags=draft.tags,
        warning=draft.warning,
        attachments=attachments,
    )


def fingerprint(testimony: Testimony) -> bytes:
    """A hash by which a text is known again, whatever its salt, its token and what it refers to."""
    bare = testimony
    if not is_bare(testimony):
        bare = replace(testimony, withdrawal=NO_HASH, salt=NO_SALT, translation_of=None, translator=None, replaces=None)
    return hashlib.sha256(bare.text.encode()).digest()


def is_bare(testimony: Testimony) -> bool:
    """Whether a testimony still lacks its salt and its token, and refers to nothing."""
    refers = (testimony.translation_of, testimony.translator, testimony.replaces)
    return testimony.salt == NO_SALT and testimony.withdrawal == NO_HASH and refers == (None, None, None)
