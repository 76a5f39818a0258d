"""The five kinds of note: charter, testimony, withdrawal, edition, announcement.

    mirror/v1 testimony
    Mirror: voices.example/archive
    Charter: bafkrei…
    Language: mk
    Tag: work
    Withdrawal: 3f0c…
    Salt: 3w5e…

    The body, in paragraphs. It neither starts nor ends with an empty line.

    — voices.example/archive 4tX14m3w…

The first line names the kind; headers follow in exactly the order of the kind's table, each once unless the table
says otherwise, their values neither empty nor with a space at either end. Headers end at the first empty line;
kinds without a body end after their last header. An unknown key is malformed, a first line of another version
`NeedsNewer`. The note's signatures stand behind its last empty line (`mirror.formats.note`).

Signature lines are exactly: the mirror's, and for a testimony with `Author` then the author's. A stranger's line is
malformed here, since it would give one testimony many CIDs. What an author hands in carries her line alone.

Checked here: grammar, values, and signatures. Not here: that `Charter`, `Translation-Of`, `Replaces` and `Index`
name what they should; that needs the log and is `mirror.check`'s.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import ClassVar, Self, TypeVar

from mirror.errors import BadSignature, Malformed, NeedsNewer, Refused
from mirror.formats import fields, note, text, wire
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment, Item
from mirror.formats.headers import MANY, MAYBE, VERSION, Header, read_headers
from mirror.formats.key import PublicKey, SecretKey, Statement, parse_name, parse_vkey

TAGS_AT_MOST = 16
"""Tags of a testimony: each is a page that a new testimony rewrites."""

ATTACHMENTS_AT_MOST = 64
"""Attachments of a testimony: they share one folder of the tree, which holds at most a hundred names."""

TRANSLATORS = ("human", "machine", "machine-reviewed")
REASONS = ("safety", "consent", "legal", "error")

_WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""A kind of note, those of newer versions included."""


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise Malformed(f"{value[:40]!r} is none of {', '.join(words)}")
        return value

    return read


class _Kind(Statement):
    """What the five kinds share: a table of headers, perhaps a body, and one way to print and to parse them."""

    word: ClassVar[str]
    headers: ClassVar[tuple[Header, ...]]
    has_body: ClassVar[bool] = False
    _read_from: ClassVar[str | None] = None
    mirror: str

    @cached_property
    def text(self) -> str:
        """The text that is signed."""
        lines = [f"{VERSION} {self.word}\n"]
        for key, attribute, _, print_, times, _ in self.headers:
            value = getattr(self, attribute)
            if times is MANY:
                lines += [f"{key}: {print_(each)}\n" for each in value]
            elif value is not None:
                lines.append(f"{key}: {print_(value)}\n")
        if self.has_body:
            lines.append(f"\n{self.body}\n")  # type: ignore[attr-defined]  # the two kinds with a body have this field
        return "".join(lines)

    @classmethod
    def parse(cls, content: str, *, controls: bool = True) -> Self:
        """The value that `content` spells, headers and body checked; no signature is looked at here.

        `controls=False` is for what `note.split_note` gave, which has looked for C0 controls already.
        """
        text.check(content, f"the {cls.word}", low=controls)
        head, body = content, None
        if cls.has_body:
            head, blank, body = content.partition("\n\n")
            head += "\n"
            _check_body(cls.word, blank, body)
        made = object.__new__(cls)  # every field is given, so that an __init__ would only take time
        made.__dict__.update(read_headers(cls, head), _read_from=content)
        if body is not None:
            made.__dict__["body"] = body[:-1]
        made.check()
        return made

    def check(self) -> None:
        """What the table alone cannot say; raises `Malformed`."""

    def may_be_signed_by(self, signer: PublicKey) -> bool:
        """Whether a key may sign this: by default the mirror's, which is told by its name."""
        return signer.name == self.mirror

    def signed_bytes(self, signer: PublicKey) -> bytes:
        """The text's bytes, once they are seen to parse back to this value and the signer may sign it.

        A value that was parsed from the very text that it prints was seen to.
        """
        if not self.may_be_signed_by(signer):
            raise Refused(f"the key of {signer.name} may not sign this {self.word} of {self.mirror}")
        if self.text != self._read_from and type(self).parse(self.text) != self:
            raise Malformed(f"the {self.word} does not print back to what it was read from")
        return self.text.encode()


def _check_body(word: str, blank: str, body: str) -> None:
    if not blank:
        raise Malformed(f"the {word} has no empty line before its body")
    if not body.endswith("\n"):
        raise Malformed(f"the {word}'s body does not end in a newline")
    if body.startswith("\n") or body.endswith("\n\n"):
        raise Malformed(f"the {word}'s body is empty, or starts or ends with an empty line")


_MIRROR = Header("Mirror", "mirror", lru_cache(maxsize=64)(parse_name))
_CHARTER = Header("Charter", "charter", lru_cache(maxsize=64)(fields.raw_cid))
_LANGUAGE = Header("Language", "language", fields.language_tag)
_NUMBERS = (
    Header("Edition", "edition", fields.from_one),
    Header("Size", "size", fields.from_one),
    Header("Root-Hash", "root_hash", fields.root_hash, wire.encode_base64),
)


@dataclass(frozen=True)
class Charter(_Kind):
    """Entry 0 of a log: who the mirror is, its key, and the hash of the key that may one day replace it."""

    word = "charter"
    headers = (
        _MIRROR,
        Header("Key", "key", parse_vkey),
        Header("Recovery", "recovery", fields.digest, wire.encode_hex),
        _LANGUAGE,
        Header("Title", "title", fields.title),
    )
    has_body = True

    mirror: str
    key: PublicKey
    recovery: bytes
    language: str
    title: str
    body: str

    def check(self) -> None:
        """The key bears the mirror's name."""
        if self.key.name != self.mirror:
            raise Malformed(f"the charter of {self.mirror} gives a key named {self.key.name}")

    def may_be_signed_by(self, signer: PublicKey) -> bool:
        """Only the key that the charter gives."""
        return signer == self.key


@dataclass(frozen=True)
class Testimony(_Kind):
    """What an author gives: her words, in her language, as she wants them known."""

    word = "testimony"
    headers = (
        _MIRROR,
        _CHARTER,
        Header("Author", "author", parse_vkey, times=MAYBE),
        _LANGUAGE,
        Header("Title", "title", fields.title, times=MAYBE),
        Header("Date", "date", fields.coarse_date, times=MAYBE),
        Header("Tag", "tags", fields.tag, times=MANY, at_most=TAGS_AT_MOST),
        Header("Warning", "warning", str, times=MAYBE),
        Header("Translation-Of", "translation_of", fields.raw_cid, times=MAYBE),
        Header("Translator", "translator", _one_of(TRANSLATORS), times=MAYBE),
        Header("Replaces", "replaces", fields.raw_cid, times=MAYBE),
        Header("Attachment", "attachments", fields.attachment, times=MANY, at_most=ATTACHMENTS_AT_MOST),
        Header("Withdrawal", "withdrawal", fields.digest, wire.encode_hex),
        Header("Salt", "salt", fields.secret_16, wire.encode_base32),
    )
    has_body = True

    mirror: str
    charter: CID
    language: str
    withdrawal: bytes
    salt: bytes
    body: str
    author: PublicKey | None = None
    title: str | None = None
    date: str | None = None
    tags: tuple[str, ...] = ()
    warning: str | None = None
    translation_of: CID | None = None
    translator: str | None = None
    replaces: CID | None = None
    attachments: tuple[Attachment, ...] = ()

    def check(self) -> None:
        """The author is not the mirror, a translation names its translator, no two attachments share a name."""
        if self.author is not None:
            parse_name(self.author.name)
            if self.author.name == self.mirror:
                raise Malformed(f"the author bears the mirror's name {self.mirror}")
        if (self.translation_of is None) != (self.translator is None):
            raise Malformed("Translation-Of and Translator stand only together")
        names = {each.name.casefold() for each in self.attachments}
        if len(names) != len(self.attachments):
            raise Malformed("two attachments share a name, or differ only in upper and lower case")

    def may_be_signed_by(self, signer: PublicKey) -> bool:
        """The mirror's key, and the author's."""
        return signer.name == self.mirror or signer == self.author


@dataclass(frozen=True)
class Withdrawal(_Kind):
    """Testimonies taken back: by the account's token, or by the publisher alone."""

    word = "withdrawal"
    headers = (
        _MIRROR,
        _CHARTER,
        Header("Index", "indexes", wire.decode_decimal, times=MANY),
        Header("Reason", "reason", _one_of(REASONS), times=MAYBE),
        Header("Token", "token", fields.secret_16, wire.encode_base32, times=MAYBE),
    )

    mirror: str
    charter: CID
    indexes: tuple[int, ...]
    reason: str | None = None
    token: bytes | None = None

    def check(self) -> None:
        """At least one index, in ascending order."""
        if not self.indexes:
            raise Malformed("the withdrawal has no Index")
        if any(later <= earlier for earlier, later in pairwise(self.indexes)):
            raise Malformed("the withdrawal's indexes do not ascend")


@dataclass(frozen=True)
class Edition(_Kind):
    """The signed table of contents of a tree, so that nothing in it is unsigned."""

    word = "edition"
    headers = (
        _MIRROR,
        _CHARTER,
        *_NUMBERS,
        Header("Day", "day", fields.day, times=MAYBE),
        Header("Item", "items", fields.item, times=MANY),
    )

    mirror: str
    charter: CID
    edition: int
    size: int
    root_hash: bytes
    items: tuple[Item, ...]
    day: str | None = None

    def check(self) -> None:
        """Items in the order of their names' bytes, none twice."""
        names = [each.name for each in self.items]
        if any(later <= earlier for earlier, later in pairwise(names)):
            raise Malformed("the edition's items are not sorted by name, or one is given twice")


@dataclass(frozen=True)
class Announcement(_Kind):
    """What is told to others: the newest index hash, and the numbers it stands for."""

    word = "announcement"
    headers = (_MIRROR, _CHARTER, *_NUMBERS, Header("Index-Hash", "root_cid", fields.folder_cid))

    mirror: str
    charter: CID
    edition: int
    size: int
    root_hash: bytes
    root_cid: CID


Kind = Charter | Testimony | Withdrawal | Edition | Announcement
K = TypeVar("K", Charter, Testimony, Withdrawal, Edition, Announcement)
KINDS: dict[str, type[Kind]] = {kind.word: kind for kind in (Charter, Testimony, Withdrawal, Edition, Announcement)}


def sign(statement: Kind, key: SecretKey, *, author: note.Signature | None = None) -> bytes:
    """The note of `statement`: signed by the mirror's `key`, and carrying the line that the author signed."""
    data = note.sign_note(statement.text, statement, key)
    if author is not None:
        data += str(author).encode()
    _check_length(data)
    return data


def sign_as_author(statement: Testimony, key: SecretKey) -> bytes:
    """What an author hands in: the testimony with her line alone."""
    if key.public != statement.author:
        raise Refused(f"the testimony does not name the key of {key.name} as its author's")
    data = note.sign_note(statement.text, statement, key)
    _check_length(data)
    return data


def _check_length(data: bytes) -> None:
    if len(data) > note.NOTE_AT_MOST:
        raise Refused(
            f"the note would have {len(data)} bytes, more than {note.NOTE_AT_MOST}",
            hint="divide the text into several testimonies",
        )


def open_signed(data: bytes, key: PublicKey, *, signatures: bool = True) -> Kind:
    """The note in `data`: one of the five kinds, carrying exactly the signature lines it must, each verified.

    `signatures=False` leaves out the arithmetic of Ed25519 (not the rules of which lines stand there). It is for
    notes whose CID stands in a log that is itself signed by `key`, and whoever uses it says so to the reader.
    """
    content, lines = note.split_note(data)
    statement = _parse(content)
    _check_lines(statement, lines, _signers(statement, key), note.signed_part(data) if signatures else None)
    return statement


def open_as(kind: type[K], data: bytes, key: PublicKey) -> K:
    """The note in `data` as `open_signed` gives it, if it is of this kind."""
    statement = open_signed(data, key)
    if not isinstance(statement, kind):
        raise Malformed(f"a note of kind {statement.word} where a {kind.word} has to be")
    return statement


def open_charter(data: bytes) -> Charter:
    """The charter in `data`, signed by the very key that it gives. That shows unity, not whose key it is."""
    content, lines = note.split_note(data)
    charter = Charter.parse(_checked_version(content))
    _check_lines(charter, lines, (charter.key,), content.encode())
    return charter


def open_handed_in(data: bytes) -> tuple[Testimony, note.Signature]:
    """What an author handed in: her testimony, and her signature line, verified."""
    content, lines = note.split_note(data)
    testimony = Testimony.parse(_checked_version(content))
    if testimony.author is None:
        raise Malformed("the testimony handed in names no author, so nobody can have signed it")
    _check_lines(testimony, lines, (testimony.author,), content.encode())
    return testimony, lines[0]


def peek(data: bytes) -> Kind:
    """What a note says, **no signature verified**: for learning which key or tree to judge it by."""
    return _parse(note.split_note(data)[0])


def is_handed_in(data: bytes) -> bool:
    """Whether a testimony carries the line that bears its author's name alone, as what an author hands in does."""
    content, lines = note.split_note(data)
    author = Testimony.parse(_checked_version(content)).author
    return author is not None and [line.name for line in lines] == [author.name]


def mirror_name(data: bytes) -> str:
    """The mirror that a note says it is of; for messages and for finding the key to open it with."""
    content, _ = note.split_note(data)
    for line in _checked_version(content).split("\n", 2)[1:2]:
        if line.startswith("Mirror: "):
            return parse_name(line.removeprefix("Mirror: "))
    raise Malformed("the note's second line does not name its mirror")


def _signers(statement: Kind, key: PublicKey) -> tuple[PublicKey, ...]:
    if isinstance(statement, Testimony) and statement.author is not None:
        if statement.author.raw == key.raw:
            raise Malformed("the author's key is the mirror's own")
        return key, statement.author
    return (key,)


def _parse(content: str) -> Kind:
    word = _checked_version(content).partition("\n")[0].removeprefix(VERSION + " ")
    kind = KINDS.get(word)
    if kind is None and not _WORD.fullmatch(word):
        raise Malformed(f"the first line names no kind of note: {word[:80]!r}")
    if kind is None:
        raise NeedsNewer(f"a note of kind {word!r}, which this version does not know")
    return kind.parse(content, controls=False)


def _checked_version(content: str) -> str:
    first = content.partition("\n")[0]
    version, _, word = first.partition(" ")
    if version == VERSION and word:
        return content
    if version.startswith("mirror/v") and word and wire.decode_decimal(version.removeprefix("mirror/v")) > 1:
        raise NeedsNewer(f"a note of version {version}, which this program does not know")
    raise Malformed(f"the first line names no kind of note: {first[:80]!r}")


def _check_lines(
    statement: Kind, lines: tuple[note.Signature, ...], signers: tuple[PublicKey, ...], signed: bytes | None
) -> None:
    if len(lines) > len(signers):
        raise Malformed(f"the {statement.word} carries a signature line more than it may")
    for line, signer in zip(lines, signers, strict=False):
        if not line.is_of(signer):
            raise BadSignature(f"the {statement.word} has a line by {line.name} where {signer.name} has to sign")
        if signed is not None:
            signer.verify(signed, line.raw)
    if len(lines) < len(signers):
        raise BadSignature(f"the {statement.word} is not signed by {signers[len(lines)].name}")
