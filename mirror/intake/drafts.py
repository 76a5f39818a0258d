"""What a publisher hands in: files of text, or notes that authors signed.

    +++
    title = "The seminar"
    language = "mk"
    date = "2018-04"
    tags = ["work", "university"]
    warning = "violence"
    translation_of = "01-the-seminar.en.md"     a file of the same run, a CID or an index
    translator = "human"
    replaces = 17
    attachments = ["photo.jpg"]                 files beside this one, see `mirror.intake.attachments`
    +++

    The text, in UTF-8, plain or Markdown.

The front matter between the two lines of `+++` is TOML and may be left out. A file that begins with
`mirror/v1 testimony` is a note that its author signed, and is taken as it is; any other that begins like a note is
refused, since it may be one that was changed on its way. Which files are drafts is `mirror.intake.finding`'s.

Reading a draft repairs what can be repaired and lists what cannot (`mirror.formats.text`); nothing is written.
"""

import difflib
import hashlib
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mirror.errors import Malformed, MirrorError, Refused
from mirror.formats import cid as cids
from mirror.formats import fields, language, note, notes, text, wire
from mirror.formats.cid import CID
from mirror.formats.headers import VERSION
from mirror.formats.notes import ATTACHMENTS_AT_MOST, TAGS_AT_MOST, TRANSLATORS, Testimony
from mirror.formats.unixfs import Put
from mirror.intake import attachments
from mirror.intake.attachments import Prepared

TEXT_AT_MOST = note.NOTE_AT_MOST
"""Bytes in a draft: what fits one note."""

_PIECE = 16 * 1024
"""Bytes of a draft that are read at a time: nearly all have fewer, and room for a whole note takes time to make."""

ENDINGS = (".md", ".txt")

_FENCE = "+++"
_FENCE_LINE = re.compile(r"^\+\+\+[^\S\n]*$", re.MULTILINE)
_PLAIN = re.compile(r'(?:[a-z_]+ = "[^"\\\x00-\x1f\x7f]*"\n)+')
"""Front matter of plain strings alone, as most has: it needs no parser, but one key given twice."""

_KEYS = ("title", "language", "date", "tags", "warning", "translation_of", "translator", "replaces", "attachments")
_SIGNED = f"{VERSION} {Testimony.word}\n".encode()
_LIKE_A_NOTE = re.compile(rb"(?:\xef\xbb\xbf)?\s*mirror/v[0-9]+ [a-z-]+\s*\n.*", re.DOTALL)

Reference = CID | int | Path
"""An earlier testimony: by its note's CID, by its index, or by a file of the same run."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command says for drafts that say nothing themselves; which attachments stay as they are, by name."""

    language: str = ""
    date: str | None = None
    tags: tuple[str, ...] = ()
    warning: str | None = None
    title: str | None = None
    translation_of: str | int | None = None
    translator: str | None = None
    replaces: str | int | None = None
    keep_metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A text ready to be signed, or a testimony that its author signed already (`handed_in`).

    `digest` is the SHA-256 of the file as it was read; `span` says from which to before which of its bytes the body
    stands there as it is, and is None where it was repaired.
    """

    source: Path
    body: str
    language: str
    title: str | None = None
    date: str | None = None
    tags: tuple[str, ...] = ()
    warning: str | None = None
    translation_of: Reference | None = None
    translator: str | None = None
    replaces: Reference | None = None
    attachments: tuple[Path, ...] = ()
    handed_in: tuple[Testimony, note.Signature] | None = None
    repairs: tuple[str, ...] = ()
    digest: bytes = b""
    span: tuple[int, int] | None = None


class Flawed(Refused):
    """A draft that cannot be signed as it is: every reason, with line and column where there is one."""

    def __init__(self, source: Path, flaws: tuple[str, ...]) -> None:
        super().__init__("; ".join(f"{source}: {flaw}" for flaw in flaws))
        self.source = source
        self.flaws = flaws

    def __reduce__(self) -> tuple[object, ...]:
        return (Flawed, (self.source, self.flaws))


def attachments_named_by(path: Path) -> list[str]:
    """Where the files really lie that a text names as its attachments; raises where it cannot be read that far."""
    data = read_file(path)
    if data.startswith(_SIGNED):
        return [os.path.realpath(each) for each in _handed_in(path, data).attachments]
    names = read_front_matter(wire.decode_utf8(data, "the file"))[0].get("attachments")
    known = [name for name in names if isinstance(name, str) and "\0" not in name] if isinstance(names, list) else []
    return [os.path.realpath(path.parent / name) for name in known]


def read_draft(path: Path, options: Options) -> Draft:
    """The draft in a file; raises `Flawed` with everything that is wrong with it. Attachments are not read."""
    data = read_file(path)
    try:
        return _read(path, data, options)
    except Flawed:
        raise
    except MirrorError as error:
        raise Flawed(path, (error.message,)) from None


def prepare_attachments(draft: Draft, keep: tuple[str, ...], put: Put) -> tuple[Prepared, ...]:
    """The files of a draft, cleaned or kept, cut into blocks; raises `Flawed` with everything that is wrong with them.

    `keep` names those that are published as they are; what an author handed in has to be what she signed.
    """
    listed = draft.handed_in[0].attachments if draft.handed_in else None
    made: list[Prepared] = []
    flaws: list[str] = []
    for place, path in enumerate(draft.attachments, start=1):
        try:
            if listed is None:
                made.append(attachments.prepare(attachments.open_draft(path, place, keep), put))
            else:
                opened = attachments.open_handed_in(path, place, listed[place - 1], keep)
                made.append(attachments.check_is(attachments.prepare(opened, put), listed[place - 1]))
        except MirrorError as error:
            flaws.append(f"attachment {path.name}: {error.message}")
    if len({each.attachment.name.casefold() for each in made}) != len(made):
        flaws.append("attachments: two of them would share a name; give one another")
    if flaws:
        raise Flawed(draft.source, tuple(flaws))
    return tuple(made)


def read_file(path: str | Path) -> bytes:
    """The bytes of a draft; raises `Flawed` where they cannot be had, or are too many for a note."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read(_PIECE)
            while len(data) <= TEXT_AT_MOST and (more := file.read(_PIECE)):
                data += more
    except OSError as error:
        raise Flawed(Path(path), (f"cannot be read: {(error.strerror or 'input failed').lower()}",)) from None
    if len(data) > TEXT_AT_MOST:
        raise Flawed(Path(path), (f"longer than {TEXT_AT_MOST} bytes; divide it into several testimonies",))
    return data


def _read(path: Path, data: bytes, options: Options) -> Draft:
    if data.startswith(_SIGNED):
        return _handed_in(path, data)
    if _LIKE_A_NOTE.fullmatch(data):
        raise Malformed("it begins like a signed note and is no testimony as its author signed it; ask for it again")
    return _Reading(path, data, options).draft()


def _handed_in(path: Path, data: bytes) -> Draft:
    testimony, signature = notes.open_handed_in(data)
    repaired = text.repair(testimony.text)
    if repaired.flaws or repaired.text != testimony.text:
        where = repaired.flaws or repaired.repairs
        raise Flawed(path, tuple(f"{each}, in a text that is signed and cannot be changed" for each in where))
    folder = attachments.folder_of(path).name
    files = tuple(_locate(path.parent, f"{folder}/{each.name}") for each in testimony.attachments)
    return Draft(
        path,
        testimony.body,
        testimony.language,
        testimony.title,
        attachments=files,
        handed_in=(testimony, signature),
        digest=hashlib.sha256(data).digest(),
    )


def _locate(folder: Path, name: str) -> Path:
    """The attachment that a text in `folder` names, which is no text itself: that would be published twice."""
    path = attachments.locate(folder, name)
    if path.suffix.lower() in ENDINGS:
        raise Malformed(f"{path} is a text; publish it as a testimony of its own")
    return path


class _Reading:
    """One file being read: repairs and flaws are gathered, so that all of them are shown at once."""

    def __init__(self, path: Path, data: bytes, options: Options) -> None:
        self._path = path
        self._data = data
        self._options = options
        self._flaws: list[str] = []
        self._repairs: list[str] = []
        self._front, self._body, self._lines_above = _split(wire.decode_utf8(data, "the file"))

    def draft(self) -> Draft:
        """The draft, or `Flawed`."""
        values = self._front_matter()
        repaired = self._repaired(self._body, "", self._lines_above)
        body = repaired.strip("\n")
        if not body:
            self._flaws.append("there is no text")
        draft = Draft(
            self._path,
            body,
            self._checked("language", language.canonical, values, self._options.language or None) or "",
            title=self._header("title", fields.title, values, self._options.title),
            date=self._checked("date", fields.coarse_date, values, self._options.date),
            tags=self._tags(values),
            warning=self._header("warning", str, values, self._options.warning),
            translation_of=self._reference("translation_of", values, self._options.translation_of),
            translator=self._checked("translator", _translator, values, self._options.translator),
            replaces=self._reference("replaces", values, self._options.replaces),
            attachments=self._attachments(values),
            repairs=tuple(self._repairs),
            digest=hashlib.sha256(self._data).digest(),
            span=self._span() if repaired == self._body else None,
        )
        self._check_whole(draft)
        if self._flaws:
            raise Flawed(self._path, tuple(self._flaws))
        return draft

    def _span(self) -> tuple[int, int]:
        """Where the body stands in the file, which it ends."""
        body = self._body.lstrip("\n")
        start = len(self._data) - len(body.encode())
        return start, len(self._data) - (len(body) - len(body.rstrip("\n")))

    def _check_whole(self, draft: Draft) -> None:
        if not draft.language and not self._names("language"):
            self._flaws.append(
                'no language: write language = "…" between +++ lines at its top, give --language, '
                "or set a default in mirror.toml"
            )
        if (draft.translation_of is None) != (draft.translator is None) and not self._names(
            "translation_of", "translator"
        ):
            self._flaws.append("translation_of and translator stand only together")

    def _names(self, *keys: str) -> bool:
        """Whether a flaw was found already that speaks of one of these keys."""
        return any(key in flaw for key in keys for flaw in self._flaws)

    def _front_matter(self) -> dict[str, Any]:
        try:
            values = _read_toml(self._front)
        except Malformed as error:
            self._flaws.append(error.message)
            return {}
        for key in sorted(values.keys() - set(_KEYS)):
            near = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0)[0]
            self._flaws.append(f"unknown key {key!r} between the +++ lines; the nearest known one is {near!r}")
        return values

    def _repaired(self, content: str, what: str, lines_above: int = 0, *, single_line: bool = False) -> str:
        repaired = text.repair(content, single_line=single_line)
        for repair in repaired.repairs:
            self._repairs.append(
                f"{what}: {repair.what}" if what else str(replace(repair, line=repair.line + lines_above))
            )
        for flaw in repaired.flaws:
            self._flaws.append(f"{what}: {flaw.what}" if what else str(replace(flaw, line=flaw.line + lines_above)))
        return repaired.text

    def _header(self, key: str, read: Any, values: dict[str, Any], default: str | None) -> str | None:
        value = values.get(key, default)
        if value is None or not isinstance(value, str):
            return self._checked(key, read, values, default)
        before = len(self._flaws)
        repaired = self._repaired(value, key, single_line=True)
        return self._checked(key, read, {key: repaired}, None) if len(self._flaws) == before else None

    def _checked(self, key: str, read: Any, values: dict[str, Any], default: str | None) -> str | None:
        value = values.get(key, default)
        if value is None:
            return None
        try:
            if not isinstance(value, str) or not value.strip(" "):
                raise Malformed("it has to be text in quotation marks, and not empty")
            return str(read(value.strip(" ")))
        except Malformed as error:
            self._flaws.append(f"{key}: {error.message}")
            return None

    def _tags(self, values: dict[str, Any]) -> tuple[str, ...]:
        given = values.get("tags", [])
        if not isinstance(given, list):
            self._flaws.append('tags: they have to be a list such as ["work", "home"]')
            return ()
        found = [self._header("tags", fields.tag, {"tags": each}, None) for each in [*given, *self._options.tags]]
        tags = tuple(dict.fromkeys(each for each in found if each))
        if len(tags) > TAGS_AT_MOST:
            self._flaws.append(f"tags: {len(tags)} of them, more than {TAGS_AT_MOST}")
        return tags

    def _attachments(self, values: dict[str, Any]) -> tuple[Path, ...]:
        given = values.get("attachments", [])
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            self._flaws.append('attachments: they have to be a list of files such as ["photo.jpg", "scan.png"]')
            return ()
        if len(given) > ATTACHMENTS_AT_MOST:
            self._flaws.append(f"attachments: {len(given)} of them, more than {ATTACHMENTS_AT_MOST}")
            return ()
        found: dict[Path, None] = {}
        for name in given:
            try:
                path = _locate(self._path.parent, name)
                if path in found:
                    raise Malformed(f"{path} is named twice")
                found[path] = None
            except Malformed as error:
                self._flaws.append(f"attachments: {error.message}")
        return tuple(found)

    def _reference(self, key: str, values: dict[str, Any], default: str | int | None) -> Reference | None:
        value = values.get(key, default)
        if value is None:
            return None
        if type(value) is int and 0 < value <= wire.SIZE_AT_MOST:
            return value
        if isinstance(value, str) and value and "\0" not in value:
            return parse_reference(value, self._path.parent)
        self._flaws.append(f"{key}: it has to be a CID, an index or the name of a file")
        return None


def read_front_matter(content: str) -> tuple[dict[str, Any], str]:
    """What stands between the lines of `+++`, and the text below them."""
    front, body, _ = _split(content)
    return _read_toml(front), body


def _read_toml(front: str) -> dict[str, Any]:
    if _PLAIN.fullmatch(front):
        pairs = [line[:-1].split(' = "') for line in front[:-1].split("\n")]
        if len(values := dict(pairs)) == len(pairs):
            return values
    try:
        return tomllib.loads("\n" + front)  # so that lines are counted as in the file
    except (ValueError, RecursionError) as error:  # tomllib lets numbers and brackets without end through
        raise Malformed(f"the lines between +++ are not TOML: {error}") from None


def parse_option_reference(value: str | None) -> str | None:
    """A reference as an option gives it; a file is meant from the current folder, not from the draft's."""
    if value is None or not isinstance(reference := parse_reference(value, Path.cwd()), Path):
        return value
    return str(reference)


def parse_reference(value: str, folder: Path) -> Reference:
    """An earlier testimony as people name it: `bafkrei…`, `17`, `#17`, or a file beside the one that names it."""
    try:
        return cids.parse_ours(value, cids.RAW)
    except Malformed:
        pass
    try:
        return wire.decode_decimal(value.removeprefix("#"))
    except Malformed:
        return Path(os.path.normpath(folder / value))


def _translator(value: str) -> str:
    if value not in TRANSLATORS:
        raise Malformed(f"{value!r} is none of {', '.join(TRANSLATORS)}")
    return value


def _split(content: str) -> tuple[str, str, int]:
    """Front matter, body, and how many lines stand above the body."""
    whole = content.removeprefix("\ufeff") if _FENCE in content[:8] else ""
    first = whole.partition("\n")[0]
    if first.rstrip() != _FENCE:
        return "", content, 0
    second = _FENCE_LINE.search(whole, len(first) + 1)
    if second is None:
        raise Malformed("the +++ line at its top has no second one below it")
    front, body = whole[len(first) + 1 : second.start()], whole[second.end() + 1 :]
    return front, body, whole.count("\n", 0, second.start()) + 1
