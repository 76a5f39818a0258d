"""Log entries: one line each, the only thing that the log ever says.

    charter <cid>
    testimony <cid> <withdrawal hash>
    withdrawal <cid>

    testimony bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy 9f86d081…

`cid` is the raw CIDv1 of the note's bytes, the withdrawal hash the note's `Withdrawal` in hexadecimal. No newline, at
most 256 bytes. No title, name or text may stand here: an entry can never be taken back. A line that begins with
another word in lower case is of a newer version (`NeedsNewer`); anything else is malformed.
"""

import re
from dataclasses import dataclass

from mirror.errors import Malformed, NeedsNewer
from mirror.formats import fields, notes, wire
from mirror.formats.cid import CID

ENTRY_AT_MOST = 256
"""Bytes in an entry: twice the longest of ours, for the words of a newer version."""

_NEWER = re.compile(r"[a-z][a-z0-9-]{0,31}(?: [^\x00-\x1f\x7f-\x9f]*)?")

CHARTER, TESTIMONY, WITHDRAWAL = "charter", "testimony", "withdrawal"


@dataclass(frozen=True, slots=True)
class Entry:
    """The kind of a note, its CID and, for a testimony, the hash of the token that takes it back."""

    kind: str
    cid: CID
    withdrawal: bytes | None = None

    def __bytes__(self) -> bytes:
        line = f"{self.kind} {self.cid}"
        if self.withdrawal is not None:
            line += f" {wire.encode_hex(self.withdrawal)}"
        return line.encode()


def parse(data: bytes) -> Entry:
    """The entry that a line spells."""
    if len(data) > ENTRY_AT_MOST:
        raise Malformed(f"an entry of {len(data)} bytes, more than {ENTRY_AT_MOST}")
    line = wire.decode_utf8(data, "the entry")
    words = line.split(" ")
    if words[0] == TESTIMONY and len(words) == 3:
        return Entry(TESTIMONY, fields.raw_cid(words[1]), fields.digest(words[2]))
    if words[0] in (CHARTER, WITHDRAWAL) and len(words) == 2:
        return Entry(words[0], fields.raw_cid(words[1]))
    if words[0] not in (CHARTER, TESTIMONY, WITHDRAWAL) and _NEWER.fullmatch(line):
        raise NeedsNewer(f"an entry of kind {words[0]!r}, which this version does not know")
    raise Malformed(f"not an entry: {line[:80]!r}")


def says(data: bytes) -> tuple[str, bytes | None]:
    """The kind and the withdrawal hash in a line that was parsed before; nothing is checked again."""
    kind, _, *withdrawal = data.decode().split(" ")
    return kind, wire.decode_hex(withdrawal[0]) if withdrawal else None


def entry_of(note: notes.Kind, cid: CID) -> Entry:
    """What the log says of a note that has this CID."""
    if isinstance(note, notes.Testimony):
        return Entry(TESTIMONY, cid, note.withdrawal)
    if isinstance(note, notes.Charter | notes.Withdrawal):
        return Entry(note.word, cid)
    raise Malformed(f"a note of kind {note.word} has no place in the log")
