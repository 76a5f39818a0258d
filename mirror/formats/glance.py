"""The plainest testimonies of one log, recognised at a glance.

    mirror/v1 testimony
    Mirror: voices.example/archive          the log's own, and so is the charter
    Charter: bafkrei…
    Language: mk
    Title: …                                perhaps; then perhaps a date, and tags
    Withdrawal: 3f0c…
    Salt: 3w5e…

    The body.

    — voices.example/archive 4tX14m3w…      the mirror's line alone

Most notes of a log are such: no author's key, no attachment, warning, translation or older version. Their bytes differ
in few places, so one pattern made for the log tells them in a third of the time that `mirror.formats.notes` takes.

**For speed alone.** What is recognised here, `notes.open_signed` takes too; of anything else nothing is said, and
whoever asks goes there. Values are read by the very functions that read them there. Left out: the signature's
arithmetic, and whether the log lists this `Withdrawal`, which are the caller's.
"""

import re
from typing import NamedTuple

from mirror.errors import Malformed
from mirror.formats import fields, note, notes, text, wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey

_VALUE = rb"((?! )[^\n]+(?<! ))\n"


class Plain(NamedTuple):
    """What a plain testimony says: its `Withdrawal`, the bytes that are signed, and their signature."""

    withdrawal: bytes
    signed: bytes
    signature: bytes


class Glance:
    """Recognises the plain testimonies that one mirror's key signs for one charter."""

    def __init__(self, key: PublicKey, charter: CID) -> None:
        fixed = f"mirror/v1 testimony\nMirror: {key.name}\nCharter: {charter}\n".encode()
        self._head = re.compile(
            re.escape(fixed)
            + rb"Language: " + _VALUE
            + rb"(?:Title: " + _VALUE + rb")?+"
            + rb"(?:Date: " + _VALUE + rb")?+"
            + rb"((?:Tag: [^\n]+\n){0,%d}+)" % notes.TAGS_AT_MOST
            + rb"Withdrawal: ([0-9a-f]{64})\n"
            + rb"Salt: " + _VALUE
        )  # fmt: skip
        self._line = f"\n\n— {key.name} ".encode()
        self._key_id = key.id

    def look(self, data: bytes) -> Plain | None:
        """What `data` says if it is a plain testimony; None says nothing."""
        start, end = data.find(b"\n\n") + 2, data.rfind(b"\n\n")
        head = self._head.fullmatch(data[: start - 1])
        if head is None or not _is_whole(data, start, end):
            return None
        try:
            wire.decode_utf8(data)
            _check_values(*head.groups())
            signature = self._signature(data, end)
        except Malformed:
            return None
        return Plain(fields.digest(head[5].decode()), data[: end + 1], signature) if signature else None

    def _signature(self, data: bytes, end: int) -> bytes:
        """What the one signature line behind `end` holds; empty where it is not the key's."""
        start = end + len(self._line)
        if data[end:start] != self._line or data[-1:] != b"\n":
            return b""
        blob = wire.decode_base64(data[start:-1].decode())
        return blob[4:] if blob[:4] == self._key_id else b""


def _is_whole(data: bytes, start: int, end: int) -> bool:
    """Whether a clean note, not too long, has a body from `start` to `end` without an empty line at either end."""
    if start > end or data[start] == 0x0A or data[end - 1] == 0x0A:
        return False
    return len(data) <= note.NOTE_AT_MOST and text.is_clean(data)


def _check_values(language: bytes, title: bytes | None, date: bytes | None, tags: bytes, _: bytes, salt: bytes) -> None:
    """Raise `Malformed` for what `mirror.formats.notes` would not take."""
    fields.language_tag(language.decode())
    if title is not None:
        fields.title(title.decode())
    if date is not None:
        fields.coarse_date(date.decode())
    for tag in tags.decode().split("\n")[:-1]:
        fields.tag(tag.removeprefix("Tag: "))
    fields.secret_16(salt.decode())
