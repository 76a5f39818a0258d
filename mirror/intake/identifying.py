"""Lines that may identify someone: shown to a publisher before she signs.

    >>> for finding in identifying_lines("call me\\n+49 30 901820, after 5 April"):
    ...     print(finding)
    line 2, column 1: may be a phone number: +49 30 901820
    line 2, column 22: may be an exact date: 5 April

Looked for: phone numbers, e-mail addresses, handles and names at chat services, web addresses, street addresses,
exact dates, coordinates, number plates, document numbers, and any other long number. Digits of every script count
as digits (٤, ४, 4), and so do full-width letters as letters. A year, or a month in a year, is not an exact date.

**This misses much, and "nothing found" is not "clean".** It knows no names of people, schools, employers or places, no
job that only one person has, no nickname, no numbers or dates written out in words (but for Chinese numerals in
dates), no address without a number, and month and street words of some thirty languages only. It also finds what
identifies nobody: prices, room numbers, public figures. A person has to read the text.

The text is best repaired first (`mirror.formats.text`): month names are compared in NFC. Excerpts are cut from the text
as it is and must be escaped before they are shown on a terminal.

Every pattern takes bounded steps from each place in a line, so the work grows with the length of the text and no more.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mirror.intake import lexicon

EXCERPT_AT_MOST = 60
"""Letters of a finding that are shown: enough to know it by, little enough for one line of a terminal. What is longer
ends in `…`; a finding's place is exact all the same."""

WINDOW = 48
"""Letters before and behind a number in which a month or a street is looked for: three words in most languages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What may identify someone, and where: line and column count from 1, in code points."""

    line: int
    column: int
    kind: str
    excerpt: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: may be {self.kind}: {self.excerpt}"


def identifying_lines(text: str) -> Iterator[Finding]:
    """What in `text` may identify someone, in the order of the text; of two that overlap, the first."""
    for number, line in enumerate(text.split("\n"), 1):
        behind = 0
        for start, _, end, kind in sorted(_find_all(line.translate(_PLAIN))):
            if start >= behind:
                behind = end
                excerpt = line[start:end] if end - start <= EXCERPT_AT_MOST else line[start:][:EXCERPT_AT_MOST] + "…"
                yield Finding(number, start + 1, kind, excerpt)


class _Plain(dict[int, int]):
    """For `str.translate`, letter by letter: digits of every script to ASCII's, dashes, blanks and marks that cannot
    be seen, full-width letters. A letter is never made two or none, so places stay what they are."""

    def __missing__(self, code: int) -> int:
        self[code] = made = _make_plain(code)
        return made


_PLAIN = _Plain({ord("\u066b"): ord("."), ord("\u2212"): ord("-")})


def _make_plain(code: int) -> int:
    letter = chr(code)
    if 0xFF01 <= code <= 0xFF5E:
        return code - 0xFEE0
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return ord("0") + digit
    category = unicodedata.category(letter)
    if category == "Pd":
        return ord("-")
    return ord(" ") if category in ("Zs", "Cf", "Cc") else code


_MONTH, _DAY = "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12][0-9]|0?[1-9])"
_HAN = "[〇零一二三四五六七八九十廿卅]"
_SERVICE = "|".join(map(re.escape, sorted(lexicon.SERVICES, key=len, reverse=True)))
_HOSTS = "facebook|fb|instagram|twitter|x|tiktok|t|wa|telegram|vk|ok|weibo|linkedin|youtube|github|threads|discord"

_WEB = re.compile(
    rf"""(?<![a-z0-9]) (?: [a-z]{{2,10}}://\S{{1,256}} | www\.\S{{3,256}}
      | (?:{_HOSTS})\.(?:com|me|ru|cn|gg|net|org|ee)/\S{{1,256}} )""",
    re.VERBOSE | re.IGNORECASE,
)
_MAIL = re.compile(
    r"""[\w.+%-]{1,64}+ (?: [ ]?[(\[{][ ]?at[ ]?[)\]}][ ]?[\w-]{2,63}+
      | @[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8} )""",
    re.VERBOSE | re.IGNORECASE,
)
_HANDLE = re.compile(
    rf"""(?<![a-z0-9._@])@\w[\w.]{{1,63}}
      | (?<![a-z]) (?:{_SERVICE}) [ ]?
        (?:id|name|user(?:name)?|account|number|号码?|號碼?|[帐账]号|帳號|номер|رقم|آیدی|아이디|ไอดี)? [ ]{{0,2}}
        (?: [:=是@][ ]{{0,2}}@?[a-z0-9_.+-]{{3,64}} | [ ](?=[a-z.]{{0,30}}[0-9_])[a-z0-9_.]{{3,64}}
          | (?<=[号號])[a-z0-9_-]{{5,64}} )""",
    re.VERBOSE | re.IGNORECASE,
)
_HAN_DATE = re.compile(rf"{_HAN}{{1,3}}月(?:{_HAN}{{1,3}}[日号號]|初{_HAN})")
_DATE = re.compile(
    rf"""(?<![0-9]) (?: [12][0-9]{{3}}[ ]?[-./年년][ ]?{_MONTH}[ ]?[-./月월][ ]?{_DAY}(?![0-9])(?:[ ]?[日号號일])?
      | [0-3]?[0-9][ ]?[-./][ ]?[0-3]?[0-9][ ]?[-./][ ]?(?:[12][0-9]{{3}}|[0-9]{{2}})(?![-./]?[0-9])
      | (?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])
      | {_MONTH}[ ]?月[ ]?{_DAY}[ ]?[日号號] | {_MONTH}월[ ]?{_DAY}일
      | {_MONTH}(?:-?р)?[ ]сарын[ ]{_DAY}(?![0-9]) )
      | (?:ngày|วันที่|ວັນທີ|ថ្ងៃទី)[ ]?{_DAY}(?![0-9])""",
    re.VERBOSE | re.IGNORECASE,
)
_COORDINATES = re.compile(
    r"""(?<![0-9.]) (?: [-+]?[0-9]{1,3}\.[0-9]{3,15}[ ]?°?[ ]?[NSEW]?[ ,;/]{1,3}[-+]?[0-9]{1,3}\.[0-9]{3,15}
      | [0-9]{1,3}[ ]?°[ ]?[0-9]{1,2}[ ]?['′’] | [0-9]{1,3}(?:\.[0-9]{1,15})?[ ]?°[ ]?[NSEWСЮЗВ](?!\w) )
      | (?:北纬|北緯|南纬|南緯|东经|東經|西经|西經)[ ]?[0-9]{1,3}
      | geo:[-+]?[0-9]{1,3} | (?<![A-Z0-9])[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}(?![A-Z0-9])""",
    re.VERBOSE,
)
_ADDRESS = re.compile(
    rf"""[路街道巷弄里村][ ]?(?:[0-9]|{_HAN}|百){{1,6}}[ ]?[号號弄巷] | (?:[0-9]|{_HAN}){{1,3}}丁目 | 〒[ ]?[0-9]{{3}}
      | [0-9]{{1,4}}[ ]?(?:号楼|號樓|单元|單元|室(?!\w)|번지|번길|호실) | 길[ ][0-9]{{1,4}}
      | (?:p\.?[ ]?o\.?[ ]?box|s\.?l\.?p\.?)[ ]?[0-9]{{1,9}}""",
    re.VERBOSE | re.IGNORECASE,
)
_PLATE = re.compile(
    r"""(?<![0-9A-Za-zА-я]) [A-ZА-Я]{1,3}[ -]?(?!(?:19|20)[0-9]{2}(?![0-9]))[0-9]{3,9}(?:[ -]?[A-ZА-Я]{1,3})?
        (?![0-9A-Za-zА-я]) | [\u4e00-\u9fff][A-Z][·.]?(?=[A-Z]{0,5}[0-9])[A-Z0-9]{5,6}(?![A-Z0-9])""",
    re.VERBOSE,
)
_PHONE = re.compile(r"(?<![0-9A-Za-z])[+(]{0,2}[0-9](?:[ ().\-/]{0,2}[0-9]){6,18}(?![0-9])")
_LONG = re.compile("(?<![0-9])[0-9]{6,64}[Xx]?")
_ROUND = re.compile(r"[1-9][0-9 .]{0,6}000")
_YEARS = re.compile(r"[(]?(?:1[3-9]|2[0-5])[0-9]{2}(?:[ ().\-/]{1,2}(?:1[3-9]|2[0-5])[0-9]{2}){1,8}")

_ALWAYS = (
    (_WEB, "a web address"),
    (_MAIL, "an e-mail address"),
    (_HANDLE, "a handle"),
    (_HAN_DATE, "an exact date"),
    (_ADDRESS, "an address"),
)
_WITH_DIGITS = (
    (_COORDINATES, "coordinates"),
    (_DATE, "an exact date"),
    (_PLATE, "a number plate or document number"),
)


def _find_all(line: str) -> Iterator[tuple[int, int, int, str]]:
    """Start, rank, end and kind of all that is found in a plain line, some of it more than once."""
    has_digit = any(digit in line for digit in "0123456789")
    patterns = _ALWAYS + _WITH_DIGITS if has_digit else _ALWAYS
    for rank, (pattern, kind) in enumerate(patterns):
        for found in pattern.finditer(line):
            yield found.start(), rank, found.end(), kind
    if has_digit:
        yield from _find_numbers(line)
        yield from _find_neighbours(line)


def _find_numbers(line: str) -> Iterator[tuple[int, int, int, str]]:
    """Phone numbers have a sign or gaps; without, nobody can tell them from any other long number."""
    for pattern, rank, kind in ((_PHONE, 10, "a phone number"), (_LONG, 11, "a long number")):
        for found in pattern.finditer(line):
            digits = found.group()
            known = _ROUND.fullmatch(digits) or _YEARS.fullmatch(digits)
            if not known and not (rank == 10 and digits.isalnum()):
                yield found.start(), rank, found.end(), kind


_WORD = re.compile(r"[^\s!-@\[-`{-~،؛؟、·«»“”„‘’…]{1,40}")
_NUMBER = re.compile("(?<![0-9])[0-9]{1,4}(?![0-9])")
_IS_DAY = re.compile(_DAY)
_IS_YEAR = re.compile("(?:1[3-9]|2[0-5])[0-9]{2}")


def _find_neighbours(line: str) -> Iterator[tuple[int, int, int, str]]:
    """Dates and addresses told by the words around a number."""
    for number in _NUMBER.finditer(line):
        start, end = number.span()
        before = list(_WORD.finditer(line, max(0, start - WINDOW), start))[-3:]
        after = list(islice(_WORD.finditer(line, end, end + WINDOW), 3))
        if _IS_DAY.fullmatch(number.group()):
            for word in _skip_joining(after, end) + _skip_joining(before[::-1]):
                if _is_month(word.group().casefold()):
                    yield min(start, word.start()), 8, max(end, word.end()), "an exact date"
        if not _IS_YEAR.fullmatch(number.group()):
            for word in [*before, *after]:
                if word.start() != end and _is_street(word.group().casefold()):
                    yield min(start, word.start()), 9, max(end, word.end()), "an address"


def _skip_joining(words: list[re.Match[str]], attached_to: int = -1) -> list[re.Match[str]]:
    """The word next to a number in which a month could stand, and one that clings to the number (`1er avril`)."""
    clinging = [word for word in words[:1] if word.start() == attached_to]
    rest = (word for word in words[len(clinging) :] if word.group().casefold() not in lexicon.JOINING)
    return clinging + [word for word in [next(rest, None)] if word]


def _is_month(word: str) -> bool:
    stems = (word[:length] in lexicon.MONTH_STEMS for length in range(4, 13))
    return word in lexicon.MONTHS or any(stems)


def _is_street(word: str) -> bool:
    known = word in lexicon.STREETS or word.startswith(lexicon.STREET_STEMS)
    return known or word.endswith(lexicon.STREET_ENDINGS)
