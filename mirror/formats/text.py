"""What may stand in a text; what a signer repairs.

**A reader** refuses very little, for Unicode's tables differ between versions and a text that was signed must not
become unreadable later. `check` refuses C0 controls but newline, and U+007F to U+009F; nothing else. (That a text
is UTF-8 is `wire.decode_utf8`'s to say.)

**A signer** repairs first, is shown each repair, and signs what came of it. Nothing is altered after signing.

    repaired                                        becomes
    CRLF, CR, U+2028 line separator                 newline
    U+2029 paragraph separator                      an empty line, which is what ends a paragraph in plain text
    tab                                             four spaces (what Markdown takes a leading tab for)
    U+FEFF byte order mark, wherever it stands      nothing: inside a text it is left over from joined files, and
                                                    U+2060 does the work it once had there
    U+0080–U+009F where Windows-1252 has a letter   that letter: U+0093 becomes U+201C
    embeddings, isolates: U+202A–C, U+2066–U+2069   nothing, where they are balanced within their line
    spaces of any kind, and tabs, at a line's end   nothing
    anything not in NFC                             NFC

Directions are judged line by line, as a repaired text has lines, because the bidirectional algorithm (UAX #9, X8)
ends every embedding and isolate where a paragraph ends. A line that is not in order keeps all of its marks.

**A signer refuses** what cannot be repaired, naming line and column: other controls, overrides U+202D and U+202E,
unbalanced directions, interlinear annotation U+FFF9–U+FFFB, tag characters U+E0000–U+E007F, noncharacters, lone
surrogates, and code points that this Python's Unicode does not assign (their NFC could still change).

Never touched, because scripts need them: U+200B to U+200F, U+061C, U+180E, U+00AD, U+034F, variation selectors,
private use. Repairing twice changes nothing more.

    >>> result = repair("\\ufeffone\\ttwo \\r\\nthree")
    >>> result.text
    'one    two\\nthree'
    >>> print(*result.repairs, sep="\\n")
    line 1, column 1: byte order mark removed
    line 1, column 5: tab made four spaces
    line 1, column 9: spaces at the end of a line removed
    line 1, column 10: Windows line end made a newline

Lines end at newline, CR, CRLF, U+2028 or U+2029. Lines and columns count from 1, in the original; a column is a
code point. Out of scope: confusable letters, spelling, Markdown, an empty line at either end of a body.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mirror.errors import Malformed

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_PLAIN_CONTROLS = bytes([*range(0x0A), *range(0x0B, 0x20), 0x7F])
_SHOWN = bytes(byte not in _PLAIN_CONTROLS for byte in range(256))
_HIGH_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
_LINE_END = re.compile("\r\n|[\n\r\u2028\u2029]")
_BLANKS = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_BLANK_ENDS = frozenset(_BLANKS)

_LINE_ENDS = {
    "": ("", ""),
    "\n": ("\n", ""),
    "\r\n": ("\n", "Windows line end made a newline"),
    "\r": ("\n", "old Macintosh line end made a newline"),
    "\u2028": ("\n", "line separator made a newline"),
    "\u2029": ("\n\n", "paragraph separator made an empty line"),
}

_EMBEDDINGS, _OVERRIDES, _END_OF_EMBEDDING = "\u202a\u202b", "\u202d\u202e", "\u202c"
_ISOLATES, _END_OF_ISOLATE = "\u2066\u2067\u2068", "\u2069"
_DIRECTIONS = frozenset(_EMBEDDINGS + _OVERRIDES + _END_OF_EMBEDDING + _ISOLATES + _END_OF_ISOLATE)


def _read_windows(code: int) -> str:
    return bytes([code]).decode("cp1252", errors="ignore")


_COMMON = "\n\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u202f\u3000"
"""Letters that Python does not call printable and that many good texts hold."""

_REWRITTEN = {"\ufeff": ("", "byte order mark removed")} | {
    chr(code): (letter, f"U+{code:04X}, a Windows-1252 letter read wrongly, made {letter}")
    for code in range(0x80, 0xA0)
    if (letter := _read_windows(code))
}


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of change: where it first stands in the original (from 1), what was done, and how often."""

    line: int
    column: int
    what: str
    count: int = 1

    def __str__(self) -> str:
        more = f", and {self.count - 1} more like it" if self.count > 1 else ""
        return f"line {self.line}, column {self.column}: {self.what}{more}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """What cannot be repaired, and where it stands in the original (from 1)."""

    line: int
    column: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class Repaired:
    """A text after every repair, what was repaired, and what could not be (flaws are left where they stand)."""

    text: str
    repairs: tuple[Repair, ...] = ()
    flaws: tuple[Flaw, ...] = ()


def is_clean(data: bytes) -> bool:
    """Whether UTF-8 holds no control but newline: what `check` lets pass, told from the bytes."""
    return b"\0" not in data.translate(_SHOWN) and not _HIGH_CONTROL.search(data)


def check(text: str, what: str = "text", *, low: bool = True) -> None:
    """The reader's rule: no control but newline. `Malformed` names `what`, line and column.

    `low=False` is for a text in which nothing below U+0020 but newline was found already.
    """
    data = b"" if text.isascii() and not low else text.encode("utf-8", "surrogatepass")
    clean = len(data.translate(None, _PLAIN_CONTROLS)) == len(data) if low else "\x7f" not in text
    if clean and (text.isascii() or not _HIGH_CONTROL.search(data)):
        return
    if found := _CONTROL.search(text):
        start = text.rfind("\n", 0, found.start()) + 1
        line, column = text.count("\n", 0, start) + 1, found.start() - start + 1
        raise Malformed(f"{what} has the control character {_name(found.group())} at line {line}, column {column}")


def repair(text: str, *, single_line: bool = False) -> Repaired:
    """What a signer does first. With `single_line`, for header values: also spaces at the start go, and a line
    end of any kind is a flaw. A text without repairs and flaws comes back as it is."""
    suspects = _find_suspects(text)
    if not suspects and _is_in_order(text, single_line):
        return Repaired(text)
    report, pieces, suspects = _Report(), [], suspects.difference(_LINE_ENDS)
    for number, line, end in _split(text):
        made, what = _LINE_ENDS[end]
        pieces += [_repair_line(report, number, line, suspects, single_line), made]
        if end and single_line:
            report.add_flaw(number, len(line) + 1, "a line end, where all must stand on one line")
        elif what:
            report.add_repair(number, len(line) + 1, what)
    repairs = sorted(report.repairs.values(), key=lambda each: (each.line, each.column))
    return Repaired("".join(pieces), tuple(repairs), tuple(report.flaws))


@dataclass(slots=True)
class _Report:
    """What one `repair` has found so far; repairs by what they did."""

    repairs: dict[str, Repair] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def add_repair(self, line: int, column: int, what: str) -> None:
        first = self.repairs.get(what)
        self.repairs[what] = (
            Repair(first.line, first.column, what, first.count + 1) if first else Repair(line, column, what)
        )

    def add_flaw(self, line: int, column: int, what: str) -> None:
        self.flaws.append(Flaw(line, column, what))


def _find_suspects(text: str) -> frozenset[str]:
    """The letters of `text` that need a closer look. Most texts are told clean by calls in C alone: "printable" leaves
    out the categories Cc, Cf, Cs, Co, Cn, Zl and Zp, in which all suspects lie."""
    if text.isascii() and len(text.encode().translate(None, _PLAIN_CONTROLS)) == len(text):
        return frozenset()
    for letter in _COMMON:
        text = text.replace(letter, "")
        if text.isprintable():
            return frozenset()
    return frozenset(filter(_is_suspect, set(text)))


@lru_cache(maxsize=4096)
def _is_suspect(letter: str) -> bool:
    return letter in _REWRITTEN or letter in _DIRECTIONS or letter in _LINE_ENDS or bool(_find_fault(letter))


def _is_in_order(text: str, single_line: bool) -> bool:
    """Whether blanks, lines and NFC are as they should be."""
    if single_line and ("\n" in text or text.startswith(tuple(_BLANKS))):
        return False
    if text.isascii():
        return " \n" not in text and not text.endswith(" ")  # a tab would be a suspect
    in_blanks = any(line[-1:] in _BLANK_ENDS for line in text.split("\n"))
    return not in_blanks and unicodedata.is_normalized("NFC", text)


def _split(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, content and end of each line."""
    number, start = 1, 0
    for end in _LINE_END.finditer(text):
        yield number, text[start : end.start()], end.group()
        number, start = number + 1, end.end()
    yield number, text[start:], ""


def _repair_line(report: _Report, number: int, line: str, suspects: frozenset[str], single_line: bool) -> str:
    """One line, repaired. Rewriting drops letters or swaps them one for one, so that `columns` finds each again."""
    columns: Sequence[int] = range(1, len(line) + 1)
    if suspects and not suspects.isdisjoint(line):
        line, columns = _rewrite(report, number, line, suspects)
    stripped = line.rstrip(_BLANKS)
    if stripped != line:
        report.add_repair(number, columns[len(stripped)], "spaces at the end of a line removed")
    if single_line and (bare := stripped.lstrip(_BLANKS)) != stripped:
        report.add_repair(number, columns[0], "spaces at the start removed")
        stripped, columns = bare, columns[len(stripped) - len(bare) :]
    if "\t" in stripped:
        for offset in (offset for offset, letter in enumerate(stripped) if letter == "\t"):
            report.add_repair(number, columns[offset], "tab made four spaces")
    composed = unicodedata.normalize("NFC", stripped)
    if composed != stripped:
        report.add_repair(number, columns[_first_difference(stripped, composed)], "spelling made NFC")
    return composed.replace("\t", "    ")


def _first_difference(one: str, other: str) -> int:
    return next(offset for offset, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)


def _rewrite(report: _Report, number: int, line: str, suspects: frozenset[str]) -> tuple[str, list[int]]:
    """The line without what is rewritten letter by letter, and the original column of each letter that is left."""
    disorder = _find_disorder(line)
    kept: list[tuple[str, int]] = []
    for column, letter in enumerate(line, 1):
        if letter not in suspects or letter == "\t":
            kept.append((letter, column))
        elif letter in _REWRITTEN:
            made, what = _REWRITTEN[letter]
            report.add_repair(number, column, what)
            kept += [(made, column)] if made else []
        elif letter in _DIRECTIONS and not disorder:
            report.add_repair(number, column, "balanced direction mark removed")
        else:
            kept.append((letter, column))
            if what := disorder.get(column, "") or _find_fault(letter):
                report.add_flaw(number, column, what)
    return "".join(letter for letter, _ in kept), [column for _, column in kept]


def _find_disorder(line: str) -> dict[int, str]:
    """By column, the direction marks of a line that are overrides or lack their other half (UAX #9, BD9 to BD11)."""
    disorder: dict[int, str] = {}
    opened: list[tuple[int, str]] = []
    isolates = 0
    for column, letter in enumerate(line, 1):
        if letter not in _DIRECTIONS:
            continue
        if letter in _OVERRIDES:
            disorder[column] = f"{_name(letter)} overrides the direction of the letters"
        if letter == _END_OF_EMBEDDING and opened and opened[-1][1] not in _ISOLATES:
            opened.pop()
        elif letter == _END_OF_ISOLATE and isolates:
            while (inner := opened.pop())[1] not in _ISOLATES:
                disorder.setdefault(inner[0], f"{_name(inner[1])} is not closed in its line")
            isolates -= 1
        elif letter in (_END_OF_EMBEDDING, _END_OF_ISOLATE):
            disorder[column] = f"{_name(letter)} closes nothing in its line"
        else:
            opened.append((column, letter))
            isolates += letter in _ISOLATES
    for column, letter in opened:
        disorder.setdefault(column, f"{_name(letter)} is not closed in its line")
    return disorder


_FAULTS = {
    "Cc": "is a control character",
    "Cs": "is half of a surrogate pair",
    "Cn": f"is not assigned in Unicode {unicodedata.unidata_version}",
}


def _find_fault(letter: str) -> str:
    """Why a letter can neither stay nor be repaired, or nothing."""
    code = ord(letter)
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        fault = "is a noncharacter"
    elif 0xFFF9 <= code <= 0xFFFB:
        fault = "is an interlinear annotation character"
    elif 0xE0000 <= code <= 0xE007F:
        fault = "is a tag character"
    else:
        fault = _FAULTS.get(unicodedata.category(letter), "")
    return f"{_name(letter)} {fault}" if fault else ""


def _name(letter: str) -> str:
    return f"U+{ord(letter):04X}"
