"""A kind's table of headers, and reading lines by it.

    Mirror: voices.example/archive
    Language: mk
    Tag: work
    Tag: housing

Each line is a key, a colon, a space, and a value that is not empty and has no space at either end. The keys stand in
exactly the order of the table: `ONCE`, perhaps (`MAYBE`), or any number of times up to a bound (`MANY`). The line
before them names version and kind.

One pattern takes a whole head at once, and a loop over its lines says what is wrong with one that the pattern does not
take. Both take the same, which a property of the tests holds. What a value may be is its header's to say
(`mirror.formats.fields`).
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, NamedTuple, Protocol

from mirror.errors import Malformed
from mirror.formats import wire

VERSION = "mirror/v1"

ONCE, MAYBE, MANY = "once", "maybe", "many"


class Header(NamedTuple):
    """One line of a kind's table: the key, the attribute, how the value is read and printed, how often it stands."""

    key: str
    attribute: str
    read: Callable[[str], Any]
    print: Callable[[Any], str] = str
    times: str = ONCE
    at_most: int = 1 << 20


class Table(Protocol):
    """What has headers: its word, and its table."""

    word: ClassVar[str]
    headers: ClassVar[tuple[Header, ...]]


def read_headers(kind: type[Table], head: str) -> dict[str, Any]:
    """The value of every header, by attribute."""
    found = _grammar(kind).fullmatch(head)
    if found is None:
        return read_lines(kind, wire.split_lines(head, f"the {kind.word}"))
    values: dict[str, Any] = {}
    for header, group in zip(kind.headers, found.groups(), strict=True):
        if header.times is not MANY:
            values[header.attribute] = None if group is None else header.read(group)
        elif not group:
            values[header.attribute] = ()
        else:
            lines = group.removeprefix(f"{header.key}: ")[:-1].split(f"\n{header.key}: ")
            values[header.attribute] = tuple(map(header.read, _bounded(kind, header, lines)))
    return values


@cache
def _grammar(kind: type[Table]) -> re.Pattern[str]:
    """A kind's table as one pattern with a group for each header: what it takes, `read_lines` takes, and no more."""
    parts = [re.escape(f"{VERSION} {kind.word}\n")]
    for header in kind.headers:
        key, value = re.escape(f"{header.key}: "), r"(?! )[^\n]+(?<! )"
        forms = {ONCE: f"{key}({value})\n", MAYBE: f"(?:{key}({value})\n)?+", MANY: f"((?:{key}{value}\n)*+)"}
        parts.append(forms[header.times])
    return re.compile("".join(parts))


def read_lines(kind: type[Table], lines: list[str]) -> dict[str, Any]:
    """The same line by line, for the words that say what is wrong."""
    if lines[0] != f"{VERSION} {kind.word}":
        raise Malformed(f"the first line is not {VERSION} {kind.word}: {lines[0][:80]!r}")
    values: dict[str, Any] = {}
    at = 1
    for header in kind.headers:
        found: list[Any] = []
        prefix = header.key + ": "
        while at < len(lines) and lines[at].startswith(prefix) and (header.times is MANY or not found):
            found.append(header.read(_value(lines[at], prefix)))
            at += 1
        if header.times is ONCE and not found:
            raise Malformed(f"the {kind.word} has no {header.key} where it has to stand, in line {at + 1}")
        _bounded(kind, header, found)
        values[header.attribute] = tuple(found) if header.times is MANY else found[0] if found else None
    if at < len(lines):
        raise Malformed(f"line {at + 1} of the {kind.word} is unknown, given twice or out of order: {lines[at][:80]!r}")
    return values


def _bounded(kind: type[Table], header: Header, found: list[Any]) -> list[Any]:
    if len(found) > header.at_most:
        raise Malformed(f"the {kind.word} has more than {header.at_most} {header.key} lines")
    return found


def _value(line: str, prefix: str) -> str:
    value = line[len(prefix) :]
    if not value or value[0] == " " or value[-1] == " ":
        raise Malformed(f"the value of {prefix[:-2]} is empty or has a space at its end")
    return value
