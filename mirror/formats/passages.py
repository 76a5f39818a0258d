"""Texts that somebody put into bytes, such as the data of a transaction: found, decoded strictly, damage marked.

    bytes themselves             UTF-8, nine tenths of it at least; zeros behind it are passed over
    text of hexadecimal digits   the bytes that they spell, looked into again; `0x` may stand before them
    text of base64               the same, canonical base64 only
    words of 32 bytes            strings as contracts take them: a length, the bytes, zeros to the next word; with the
                                 four bytes of a function's name before them or not
    code that makes a contract   what it pushes, piece by piece, and any run of text that lies in it

    find(b"0xe4b8ade69687")  →  Passage(("hexadecimal", "UTF-8"), "中文", ())

Bytes that are not UTF-8 become U+FFFD, one for all that lie together, and their places are told, counted in the bytes
that are decoded. What is found is what could be meant as text; that anybody meant it nobody can say, nor who wrote it.

Reference: the Solidity contract ABI specification (strings, bytes, arrays of them). Out of scope: compression, other
character sets, texts spread over several transactions.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mirror.errors import Malformed
from mirror.formats import wire

LAYERS_AT_MOST = 4
"""Spellings inside each other, such as hexadecimal of base64: two are common, more are play."""

PASSAGES_AT_MOST = 1000
"""Passages that are told: a contract's arrays may hold some hundred."""

LETTERS_AT_LEAST = 2
"""Letters or digits of any script in a text: two are a word in some."""

RUN_AT_LEAST = 16
"""Bytes in a text that stands anywhere: four words of code can look like ten letters."""

WORD = 32

_CHARACTER = (
    rb"[\x09\x0a\x0d\x20-\x7e]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
"""A character in UTF-8, strictly, that is no control but tab and the ends of lines."""

_RUN = re.compile(rb"(?:" + _CHARACTER + rb")+")
_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")

_PUSH_1, _PUSH_32 = 0x60, 0x7F
_PUSHED_AT_LEAST = 4
"""Bytes that are pushed at once and may be part of a text: fewer are numbers."""

_CUT_AT_MOST = 3
"""Bytes of a character of UTF-8 that may lie in another piece."""


class Passage(NamedTuple):
    """A text, how it was spelled from the outside in, and where bytes are not UTF-8: first, and first behind."""

    how: tuple[str, ...]
    text: str
    damaged: tuple[tuple[int, int], ...]


def find(data: bytes, *, creates: bool = False) -> list[Passage]:
    """The texts in `data`; `creates` says that it is code that makes a contract."""
    found: dict[tuple[str, tuple[str, ...]], Passage] = {}
    for passage in _all(data, creates):
        found.setdefault((passage.text, passage.how), passage)
        if len(found) == PASSAGES_AT_MOST:
            break
    return list(found.values())


def _all(data: bytes, creates: bool) -> Iterator[Passage]:
    whole = _read(data.rstrip(b"\0"))
    if whole is not None and not (creates and whole.damaged):
        yield from _look_inside(whole, (), LAYERS_AT_MOST)
        return
    pieces = list(_strings(data)) or list(_runs(data))
    pushed = list(_pushed(data)) if creates else []
    yield from max(pieces, pushed, key=_longest)


def _longest(pieces: list[Passage]) -> int:
    """How long a text was found. Letters push too, as instructions: either way of reading tears what is the other's."""
    return max((len(each.text) for each in pieces), default=0)


def _look_inside(text: Passage, how: tuple[str, ...], left: int) -> Iterator[Passage]:
    """A text, or what it spells in turn where it is hexadecimal or base64 of a text."""
    inner = _spelled(text.text.strip()) if left and not text.damaged else None
    below = None if inner is None else _read(inner[1].rstrip(b"\0"))
    if inner is None or below is None:
        yield text._replace(how=(*how, *text.how))
    else:
        yield from _look_inside(below, (*how, inner[0]), left - 1)


def _spelled(text: str) -> tuple[str, bytes] | None:
    digits = _HEX.fullmatch(text)
    if digits:
        return "hexadecimal", wire.decode_hex(digits[1].lower())
    if _BASE64.fullmatch(text) and len(text) >= RUN_AT_LEAST:
        try:
            return "base64", wire.decode_base64(text)
        except Malformed:
            return None
    return None


def _read(data: bytes) -> Passage | None:
    """Bytes as one text; None where more than a tenth of them is not UTF-8, or they are hardly any."""
    runs = [(run.start(), run.end()) for run in _RUN.finditer(data)]
    if 10 * sum(end - start for start, end in runs) < 9 * len(data):
        return None
    edges = [0, *(at for run in runs for at in run), len(data)]
    damaged = tuple((first, behind) for first, behind in zip(edges[::2], edges[1::2], strict=True) if first < behind)
    parts = iter([data[start:end].decode() for start, end in runs])
    pieces = ["\ufffd" if first < behind else "" for first, behind in zip(edges[::2], edges[1::2], strict=True)]
    text = pieces[0] + "".join(next(parts) + piece for piece in pieces[1:])
    return Passage(("UTF-8",), text, damaged) if _is_text(text) else None


def _is_text(text: str) -> bool:
    return sum(letter.isalnum() for letter in text) >= LETTERS_AT_LEAST


def _strings(data: bytes) -> Iterator[Passage]:
    """Strings as contracts take them, behind a function's name or not."""
    start = 4 if len(data) % WORD == 4 else 0
    at = start + WORD
    while at + WORD < len(data):
        end = at + WORD + int.from_bytes(data[at : at + WORD])
        behind = end + (start - end) % WORD
        at += WORD
        whole = behind <= len(data) and data.find(b"\0", at, end) < 0 and not any(data[end:behind])
        text = _read(data[at:end]) if whole else None
        if text is not None and not text.damaged:
            yield from _look_inside(text, ("a contract's string",), LAYERS_AT_MOST)
            at = behind


def _pushed(code: bytes) -> Iterator[Passage]:
    """Texts that code pushes in pieces, one after the other."""
    joined = bytearray()
    for piece in (*_pieces(code), b""):
        if piece and _covers(piece):
            joined += piece
            continue
        text = _read(bytes(joined)) if len(joined) >= RUN_AT_LEAST else None
        if text is not None:
            yield text._replace(how=("pushed by code", *text.how))
        joined.clear()


def _pieces(code: bytes) -> Iterator[bytes]:
    """What code pushes, without the zeros around it; numbers are passed over."""
    at = 0
    while at < len(code):
        size = code[at] - _PUSH_1 + 1 if _PUSH_1 <= code[at] <= _PUSH_32 else 0
        if size >= _PUSHED_AT_LEAST:
            yield code[at + 1 : at + 1 + size].strip(b"\0")
        at += 1 + size


def _covers(piece: bytes) -> bool:
    """Whether a piece is text but for a character that each of its edges may have cut."""
    longest = max((run.end() - run.start() for run in _RUN.finditer(piece)), default=0)
    return longest >= len(piece) - 2 * _CUT_AT_MOST


def _runs(data: bytes) -> Iterator[Passage]:
    for run in _RUN.finditer(data):
        if len(run[0]) >= RUN_AT_LEAST and _is_text(run[0].decode()):
            yield Passage(("a run of UTF-8",), run[0].decode(), ())
