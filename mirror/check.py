"""From bytes alone, what is true.

Nothing here touches a file, a network or a clock, and nothing is believed: `judge` says of one note whether it is what
the log lists, `Listing` holds the rules that entries have to keep among themselves. `mirror.verify` brings the
bytes and turns what is found into verdicts.

Rules (docs/formats.md §3): entry 0 is the charter and no other entry is one; no CID is listed twice; no two
testimonies have the same text; a withdrawal names earlier testimonies that nobody withdrew before, and where it
shows a token, only testimonies of that token's account; a note is of its entry's kind and repeats its `Withdrawal`;
what a testimony translates or replaces is an earlier testimony; it replaces only what the same author signed, or
nobody. Left out: whether anything that an account says is true.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from mirror.errors import FAULTS, BadSignature, Malformed, MirrorError, NeedsNewer, Unverified
from mirror.formats import entry as entries
from mirror.formats import note as signed_notes
from mirror.formats import notes
from mirror.formats.cid import CID, RAW
from mirror.formats.entry import Entry
from mirror.formats.fields import Attachment
from mirror.formats.glance import Glance
from mirror.formats.key import PublicKey
from mirror.formats.notes import Testimony, Withdrawal
from mirror.formats.packed import Packed


@dataclass(frozen=True, slots=True)
class Rules:
    """What every note of one log is judged by: the mirror's key, the charter's CID, whether signatures are computed."""

    key: PublicKey
    charter: CID
    signatures: bool = True


Place = tuple[str, int, int, bytes]
"""Where a block lies on this machine: in which file, from which byte, how many; and what its SHA-256 has to be."""

Read = Callable[[Sequence[Place]], list[bytes | None]]
"""``read(places)``: what lies there, unchecked; None for what cannot be read. It travels to other processes."""


class Source(Protocol):
    """Blocks that other processes can read for themselves."""

    def place(self, cid: CID) -> Place | None:
        """Where a block is said to lie."""

    @property
    def read(self) -> Read:
        """What reads there."""


class Listed(NamedTuple):
    """A note as it was found for an entry: index, entry, the note's bytes, which hash to the CID in the entry.

    Or the place where its bytes are said to lie, which then have to be hashed first.
    """

    index: int  # type: ignore[assignment]  # a place in the log, nothing that tuples have
    entry: bytes
    data: bytes | Place


class Finding(NamedTuple):
    """What `judge` found of one note. Where `error` is set, the rest says nothing.

    `text_hash` is the SHA-256 of the signed text; `author` the author's public key, 32 bytes.
    """

    index: int  # type: ignore[assignment]  # as above
    error: MirrorError | None = None
    text_hash: bytes = b""
    author: bytes = b""
    attachments: tuple[Attachment, ...] = ()
    translation_of: CID | None = None
    replaces: CID | None = None


Judged = list[Finding | bytes | None]
"""What was found of each note of a batch, as it travels between processes."""


def judge_all(rules: Rules, listed: Sequence[Listed], read: Read | None = None) -> Judged:
    """`judge` for a batch, perhaps in another process, which `read`s for itself where a note is only said to lie.

    So that little travels, what is found is only the text's hash where there is nothing else to say, and None where
    the place does not hold the note: whoever asked has to look closer.
    """
    places = [each.data for each in listed if not isinstance(each.data, bytes)]
    there = iter(read(places) if read else [None] * len(places))
    return [_judge_read(rules, each, there) for each in listed]


def _judge_read(rules: Rules, listed: Listed, there: Iterator[bytes | None]) -> Finding | bytes | None:
    index, entry, data = listed
    if isinstance(data, bytes):
        text_hash, _ = _hashes(data)
    else:
        digest, data = data[-1], next(there) or b""
        text_hash, found = _hashes(data)
        if found != digest:
            return None
    if _is_plain(rules, entry, data):
        return text_hash
    finding = _judge(rules, index, entry, data, text_hash)
    return text_hash if finding == Finding(index, text_hash=text_hash) else finding


def _hashes(data: bytes) -> tuple[bytes, bytes]:
    """The SHA-256 of what is signed in a note, and that of the whole note, for the price of one."""
    end = data.rfind(b"\n\n") + 1
    hasher = hashlib.sha256(data[:end])
    text_hash = hasher.digest()
    hasher.update(data[end:])
    return text_hash, hasher.digest()


def judge(rules: Rules, index: int, entry: bytes, data: bytes) -> Finding:
    """Whether a note is what its entry says: kind, mirror, charter, signatures, and the hash of its token."""
    return _judge(rules, index, entry, data, _hashes(data)[0])


def _judge(rules: Rules, index: int, entry: bytes, data: bytes, text_hash: bytes) -> Finding:
    try:
        statement = notes.open_signed(data, rules.key, signatures=rules.signatures)
        _check_said(rules, *entries.says(entry), statement)
    except FAULTS as error:
        return Finding(index, error)
    if not isinstance(statement, Testimony):
        return Finding(index, text_hash=text_hash)
    return Finding(
        index,
        text_hash=text_hash,
        author=b"" if statement.author is None else statement.author.raw,
        attachments=statement.attachments,
        translation_of=statement.translation_of,
        replaces=statement.replaces,
    )


@lru_cache(maxsize=4)
def _glance(key: PublicKey, charter: CID) -> Glance:
    return Glance(key, charter)


def _is_plain(rules: Rules, entry: bytes, data: bytes) -> bool:
    """Whether a note is one of the plainest, and good; of any other nothing is said."""
    plain = _glance(rules.key, rules.charter).look(data)
    if plain is None or entries.says(entry) != (entries.TESTIMONY, plain.withdrawal):
        return False
    try:
        if rules.signatures:
            rules.key.verify(plain.signed, plain.signature)
    except BadSignature:
        return False
    return True


def check_belongs(rules: Rules, entry: Entry, statement: notes.Kind) -> None:
    """Raise `Unverified` unless a note is of the mirror, the charter and the kind that its entry implies."""
    _check_said(rules, entry.kind, entry.withdrawal, statement)


def _check_said(rules: Rules, kind: str, withdrawal: bytes | None, statement: notes.Kind) -> None:
    if statement.word != kind:
        raise Unverified(f"its kind is {statement.word}, and the log lists it as {kind}")
    if statement.mirror != rules.key.name:
        raise Unverified(f"it is of the mirror {statement.mirror}, not {rules.key.name}")
    if not isinstance(statement, notes.Charter) and statement.charter != rules.charter:
        raise Unverified(f"it was signed for another log of that name, whose charter is {statement.charter}")
    if isinstance(statement, Testimony) and statement.withdrawal != withdrawal:
        raise Unverified("its Withdrawal is not the one that the log lists")


def open_withdrawal(rules: Rules, entry: Entry, data: bytes) -> Withdrawal:
    """The withdrawal that an entry lists, out of the note's bytes."""
    statement = notes.open_signed(data, rules.key)
    check_belongs(rules, entry, statement)
    if not isinstance(statement, Withdrawal):
        raise Malformed(f"a {statement.word} where a withdrawal has to be")
    return statement


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """How a testimony was taken back: by which entry, whether with its token, with which reason."""

    by: int
    with_token: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that breaks a rule, in words that follow its number."""

    index: int
    words: str


HashOf = Callable[[int], bytes]
"""``hash_of(index)``: the hash (32 bytes) of the token that the entry of a testimony lists."""

AuthorOf = Callable[[int], bytes]
"""``author_of(index)``: the public key of a testimony's author; empty where it names none or is not here any more."""

_NOTHING, _TESTIMONY, _OTHER = 0, 1, 2


class Listing:
    """The entries of a log as they come, and the rules they keep among themselves.

    Memory: for each entry two hashes and some fifty bytes, so that repeats are found.
    """

    def __init__(self) -> None:
        self.withdrawn: dict[int, Withdrawn] = {}
        self._kinds = bytearray()
        self._digests = Packed()
        self._indexes = array("I")
        self._rows = array("I")
        self._texts = Packed()

    def __len__(self) -> int:
        return len(self._kinds)

    def is_testimony(self, index: int) -> bool:
        """Whether the entry at an index lists a testimony."""
        return 0 <= index < len(self._kinds) and self._kinds[index] == _TESTIMONY

    def cid_of(self, index: int) -> CID | None:
        """The CID of the note that an entry lists; None for one that is false, or newer."""
        if self._kinds[index] == _NOTHING:
            return None
        return CID.of_digest(RAW, self._digests[self._rows[index]])

    def index_of(self, cid: CID) -> int | None:
        """Where a testimony is listed, by the CID of its note."""
        row = self._digests.find(cid.digest)
        return self._indexes[row] if row is not None and self.is_testimony(self._indexes[row]) else None

    def add(self, data: bytes) -> Entry | None:
        """Take the next entry; None for one of a newer version. Raises `Malformed` or `Unverified` for a false one.

        A false entry is counted, so that those behind it keep their indexes, and is otherwise as if it said nothing.
        """
        index = len(self._kinds)
        self._kinds.append(_NOTHING)
        self._rows.append(0)
        try:
            entry = entries.parse(data)
        except NeedsNewer:
            if index == 0:
                raise Unverified("the first entry is no charter") from None
            return None
        if (entry.kind == entries.CHARTER) != (index == 0):
            raise Unverified("a second charter" if index else "the first entry is no charter")
        self._take_cid(index, entry)
        return entry

    def _take_cid(self, index: int, entry: Entry) -> None:
        row = self._digests.add(entry.cid.digest)
        if row < len(self._indexes):
            raise Unverified(f"the note {entry.cid} is listed twice")
        self._indexes.append(index)
        self._rows[index] = row
        self._kinds[index] = _TESTIMONY if entry.kind == entries.TESTIMONY else _OTHER

    def withdraw(self, by: int, note: Withdrawal, hash_of: HashOf) -> list[Problem]:
        """Apply a withdrawal listed at `by`; `hash_of` gives the token's hash that an entry lists.

        A withdrawal that is false in one index is applied to none.
        """
        problems = [Problem(by, words) for index in note.indexes if (words := self._fault(by, index, note, hash_of))]
        if not problems:
            for index in note.indexes:
                self.withdrawn[index] = Withdrawn(by, note.token is not None, note.reason)
        return problems

    def _fault(self, by: int, index: int, note: Withdrawal, hash_of: HashOf) -> str:
        if index >= by or not self.is_testimony(index):
            return f"it withdraws #{index}, which is no earlier testimony"
        if index in self.withdrawn:
            return f"it withdraws #{index}, which #{self.withdrawn[index].by} withdrew already"
        if note.token is not None and hashlib.sha256(note.token).digest() != hash_of(index):
            return f"it shows a token that is not that of #{index}"
        return ""

    def take(self, finding: Finding, author_of: AuthorOf) -> list[Problem]:
        """Take what `judge` found of a note, in the order of indexes, and check it against those before it."""
        problems = []
        known = len(self._texts)
        if self._texts.add(finding.text_hash) < known:
            problems.append("its text is listed before")
        for word, cid in (("translates", finding.translation_of), ("replaces", finding.replaces)):
            if cid is not None and self._before(cid, finding.index) is None:
                problems.append(f"it {word} {cid}, which is no earlier testimony here")
        before = None if finding.replaces is None else self._before(finding.replaces, finding.index)
        if before is not None:
            author = author_of(before)
            if author and author != finding.author:
                problems.append(f"it replaces #{before}, whose author did not sign it")
        return [Problem(finding.index, words) for words in problems]

    def _before(self, cid: CID, index: int) -> int | None:
        """Where a testimony is listed that stands before another."""
        found = self.index_of(cid)
        return found if found is not None and found < index else None


def author_of_note(data: bytes) -> bytes:
    """The public key that a listed testimony names as its author's; empty where it names none."""
    content, _ = signed_notes.split_note(data)
    author = Testimony.parse(content).author
    return b"" if author is None else author.raw
