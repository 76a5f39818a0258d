"""What may stand behind a header's colon: dates, tags, titles, attachments, indexes.

Each function takes the text behind `Key: ` and returns its value, or raises `Malformed`; each value prints back to
the same text. Where a rule speaks of letters, a character that this Python's Unicode tables do not know yet is let
pass: tables differ between versions, and a reader must not refuse what a newer signer rightly signed.

    Date         2018, 2018-04, 2018-04-23
    Tag          lower-case letters, marks, digits and `-` of any script, 1 to 64 bytes
    Attachment   <cid> <bytes> <media type> <file name>
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import language, wire
from mirror.formats.cid import CID

TITLE_AT_MOST = 200
"""Characters in a title: what a list shows on one or two lines of a phone."""

TAG_AT_MOST = 64
"""Bytes in a tag: it becomes a folder's name in the tree, and a link in a page."""

FILE_NAME_AT_MOST = 100
"""Bytes in an attachment's name: every file system allows twice that, and long names hide their endings."""

_DATE = re.compile(r"([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_FORBIDDEN_IN_NAMES = frozenset('/\\:*?"<>|')
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE | re.DOTALL
)
_ITEM_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def title(text: str) -> str:
    """A title of at most `TITLE_AT_MOST` characters."""
    if len(text) > TITLE_AT_MOST:
        raise Malformed(f"a title of {len(text)} characters, more than {TITLE_AT_MOST}")
    return text


def language_tag(text: str) -> str:
    """A BCP 47 tag in its one spelling."""
    language.check(text)
    return text


def coarse_date(text: str) -> str:
    """A year, a month or a day of the Gregorian calendar, as its author gives it."""
    match = _DATE.fullmatch(text)
    padded = text + "-01-01"[len(text) - 4 :] if match else ""
    try:
        date.fromisoformat(padded)
    except ValueError:
        raise Malformed(f"not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: {text[:40]!r}") from None
    return text


def day(text: str) -> str:
    """A whole date, `YYYY-MM-DD`."""
    if len(text) != 10:
        raise Malformed(f"not a day of the form YYYY-MM-DD: {text[:40]!r}")
    return coarse_date(text)


def tag(text: str) -> str:
    """A tag of 1 to `TAG_AT_MOST` bytes."""
    for letter in text:
        category = unicodedata.category(letter)
        if category in ("Lu", "Lt") or not (category[0] in "LM" or category in ("Nd", "Cn") or letter == "-"):
            raise Malformed(
                f"a tag with {letter!r}, which is no lower-case letter, mark, digit or hyphen: {text[:40]!r}"
            )
    if not 1 <= len(text.encode()) <= TAG_AT_MOST:
        raise Malformed(f"a tag of {len(text.encode())} bytes, not 1 to {TAG_AT_MOST}: {text[:40]!r}")
    return text


def item_name(text: str) -> str:
    """The name of a top-level item of a tree."""
    if not _ITEM_NAME.fullmatch(text):
        raise Malformed(f"not the name of an item: {text[:80]!r}")
    return text


def file_name(text: str) -> str:
    """A file name that every file system can hold and that no path, device or case trick hides in."""
    if not text or len(text.encode()) > FILE_NAME_AT_MOST:
        raise Malformed(f"a file name of {len(text.encode())} bytes, not 1 to {FILE_NAME_AT_MOST}")
    if not unicodedata.is_normalized("NFC", text):
        raise Malformed(f"a file name that is not in normal form C: {text!r}")
    if text.startswith((".", " ")) or text.endswith((".", " ")):
        raise Malformed(f"a file name that begins or ends with a dot or a space: {text!r}")
    if _FORBIDDEN_IN_NAMES.intersection(text):
        raise Malformed(f"a file name with a character that names must not hold: {text!r}")
    if _DEVICE.fullmatch(text):
        raise Malformed(f"a file name that is a device on some systems: {text!r}")
    return text


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a testimony: its CID, its length in bytes, its media type, its name."""

    cid: CID
    length: int
    media_type: str
    name: str

    def __str__(self) -> str:
        return f"{self.cid} {self.length} {self.media_type} {self.name}"


def attachment(text: str) -> Attachment:
    """An attachment as its header spells it."""
    parts = text.split(" ", 3)
    if len(parts) != 4:
        raise Malformed(f"not an attachment of the form <cid> <bytes> <media type> <file name>: {text[:80]!r}")
    if not _MEDIA_TYPE.fullmatch(parts[2]):
        raise Malformed(f"not a media type in lower case without parameters: {parts[2][:80]!r}")
    return Attachment(cids.parse_ours(parts[0]), wire.decode_decimal(parts[1]), parts[2], file_name(parts[3]))


@dataclass(frozen=True, slots=True)
class Item:
    """A top-level item of a tree: its name and its CID."""

    name: str
    cid: CID

    def __str__(self) -> str:
        return f"{self.name} {self.cid}"


def item(text: str) -> Item:
    """An item as an edition's header spells it."""
    parts = text.split(" ")
    if len(parts) != 2:
        raise Malformed(f"not an item of the form <name> <cid>: {text[:80]!r}")
    return Item(item_name(parts[0]), cids.parse_ours(parts[1]))


def raw_cid(text: str) -> CID:
    """The CID of a note: raw, since a note is one block."""
    return cids.parse_ours(text, cids.RAW)


def folder_cid(text: str) -> CID:
    """The CID of a tree: dag-pb, since a tree is a folder."""
    return cids.parse_ours(text, cids.DAG_PB)


def digest(text: str) -> bytes:
    """A SHA-256 in lower-case hexadecimal."""
    data = wire.decode_hex(text)
    if len(data) != 32:
        raise Malformed(f"a SHA-256 of {len(data)} bytes, not 32")
    return data


def secret_16(text: str) -> bytes:
    """Sixteen bytes in base32: a salt or a token."""
    data = wire.decode_base32(text)
    if len(data) != 16:
        raise Malformed(f"a salt or token of {len(data)} bytes, not 16")
    return data


def root_hash(text: str) -> bytes:
    """A log's root hash in base64."""
    data = wire.decode_base64(text)
    if len(data) != 32:
        raise Malformed(f"a root hash of {len(data)} bytes, not 32")
    return data


def from_one(text: str) -> int:
    """A decimal of at least 1: an edition's number or a log's size."""
    value = wire.decode_decimal(text)
    if value < 1:
        raise Malformed("a number that has to be at least 1 is 0")
    return value
