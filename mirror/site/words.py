"""The words of the interface, one file for each language: `words/<tag>.toml`.

    name = "English"          the language's name for itself

    [room]                    the reading room
    count = "Testimonies: {count}"

    [verifier]                verify.html
    [leaflet]                 the leaflet and the message of `mirror announce`
    [sayings]                 the lines of a report of verify.html, by their codes; in English they are its source's,
                              `verifier/codes.js`

Values are plain text on one line; `{word}` stands for a value that the program puts in, and every language has the same
ones in each sentence. No plural forms: sentences are worded so that they need none. Numbers are written in the digits
0 to 9 in every language, because readers compare them with commands and with what others read out. A sentence stands by
itself: none is glued together from pieces. No native speaker has read the files but the English one yet, and each says
so in its first line.

The files are TOML of the plainest sort: comments on lines of their own, and each value a basic string. They are read
here, line by line, because the library takes a quarter of a second for all of them and every front page names all.

`direction` says how a text in any language runs, also in those that the interface does not speak.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import takewhile

from mirror.errors import Malformed, Refused

LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ar", "fa", "ur", "es", "fr", "ru", "tr", "hi", "sw", "ha", "mk")
"""The languages of the interface, in the order in which they are offered."""

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""Where a value goes in a sentence."""

_TABLE = re.compile(r"\[([a-z]+)\]")
_LINE = re.compile(r'([A-Za-z0-9_-]+) = ("(?:[^"\\]|\\["\\nt])*")')

_LANGUAGES_RTL = (
    "acm acq aeb afb aii ajp apc ar arc ars ary arz ckb dv fa glk he lrc mzn nqo pbt pnb prs ps sam sd sdh skr syr "
    "ug ur yi"
)
_SCRIPTS_RTL = "adlm arab aran hebr mand mend nkoo phlp rohg samr sogd syrc thaa yezi"
_RIGHT_TO_LEFT = frozenset(_LANGUAGES_RTL.split())
_SCRIPTS = frozenset(_SCRIPTS_RTL.split())
_UNTOLD = frozenset({"mis", "mul", "und", "zxx"})


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language: its tag, its own name, which way it runs, its tables."""

    tag: str
    name: str
    direction: str
    tables: Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=len(LANGUAGES))
def words(tag: str) -> Words:
    """The words of a language of the interface."""
    if tag not in LANGUAGES:
        raise Refused(f"the interface does not speak {tag}", hint=f"it speaks {', '.join(LANGUAGES)}")
    file = resources.files("mirror.site") / "words" / f"{tag}.toml"
    tables = read(file.read_text(encoding="utf-8"))
    return Words(tag, tables.pop("")["name"], direction(tag), tables)


def read(text: str) -> dict[str, dict[str, str]]:
    """The tables of a file of words; those before the first table are in the one named \"\"."""
    tables: dict[str, dict[str, str]] = {"": {}}
    at = ""
    for line in text.split("\n"):
        if (begun := _TABLE.fullmatch(line)) and begun[1] not in tables:
            at = begun[1]
            tables[at] = {}
        elif (found := _LINE.fullmatch(line)) and found[1] not in tables[at]:
            tables[at][found[1]] = json.loads(found[2])
        elif line and not line.startswith("#"):
            raise Malformed(f"not a line of a file of words, or one that stands twice: {line[:80]!r}")
    return tables


def nearest(tag: str) -> str:
    """The language of the interface that is nearest to a text's: the same, the same without region, or English."""
    subtags = tag.split("-")
    if subtags[0] == "zh":
        return "zh-Hant" if {"Hant", "TW", "HK", "MO"}.intersection(subtags) else "zh-Hans"
    return subtags[0] if subtags[0] in LANGUAGES else "en"


def direction(tag: str) -> str:
    """How a text in a language runs, for HTML's `dir`: `ltr`, `rtl`, or `auto` where the tag does not tell."""
    language, *rest = tag.lower().split("-")
    told = takewhile(lambda subtag: len(subtag) > 1, rest)
    script = next((subtag for subtag in told if len(subtag) == 4 and subtag.isalpha()), None)
    if script is not None:
        return "rtl" if script in _SCRIPTS else "ltr"
    return "auto" if language in _UNTOLD else "rtl" if language in _RIGHT_TO_LEFT else "ltr"
