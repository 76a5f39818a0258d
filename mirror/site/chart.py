"""How many testimonies are in which languages: one bar each, as static inline SVG, beside its number.

    ("ar", 120, "100"), ("fr", 30, "25")      language, testimonies, length of the bar in hundredths of the longest

A bar says nothing that the number beside it does not, so it is hidden from screen readers. It has no style of its own,
no text and no size but its share of the longest, so it fits a phone, a printed page and either direction of writing.
Where a browser draws no SVG, as Tor Browser at its safest, the numbers stay.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """A language, how many testimonies are in it, and the length of its bar from 1 to 100."""

    language: str
    testimonies: int
    length: int


def rows(counts: Iterable[tuple[str, int]]) -> list[Row]:
    """The bars of a chart; a language that has any testimony has a bar that can be seen."""
    counts = list(counts)
    most = max((count for _, count in counts), default=1)
    return [Row(language, count, max(1, round(100 * count / most))) for language, count in counts]
