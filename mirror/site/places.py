"""Where the pages of the reading room lie, and how one leads to another.

    index.html                        the front page, in the charter's language
    language/<interface tag>.html     the front page in each language of the interface
    page/00/00/00/12.html             log indexes 384 to 415, thirty-two to a page; entry 390 is there at #390, for ever
    language/<tag>/00/00.html         the first thirty-two testimonies in a language, oldest first; `con-` for `con`
    tag/<2 hex>/<30 hex>/00/00.html   the first thirty-two with a tag

A tag may be in any script, differ from another in normal form alone, or be the name of a device (`con`), and what it
says is nobody's business but the reader's. So its folder is named by the first 32 hexadecimal digits of the SHA-256 of
its UTF-8: lower-case letters and digits everywhere, the same for ever, and no folder of tags grows beyond what one
block holds before there are hundreds of thousands.

Links are relative, so that pages work below `/ipfs/<cid>/`, on a subdomain, from `file://` and under `mirror serve`.
They name `index.html` in full, since a folder on a disk does not lead there by itself. Paths are tuples of names.
"""

import hashlib
from urllib.parse import quote

from mirror.tree import Path, number_path

ON_A_PAGE = 32
"""Testimonies, or entries of the log, on one page: as much as a phone holds at once."""

_DEVICES = frozenset({"aux", "con", "nul", "prn"})
"""Languages (Aurá, Cofán, Nusa Laut, Prasuni) whose names no folder can have where Windows keeps them for devices."""

FRONT: Path = ("index.html",)
VERIFIER: Path = ("verify.html",)
STYLE: Path = ("style.css",)
FEED: Path = ("feed.xml",)


def page(number: int) -> Path:
    """The page of the log's entries from `number` × `ON_A_PAGE`."""
    *folders, last = number_path(number)
    return ("page", *folders, f"{last}.html")


def page_of(index: int) -> Path:
    """The page on which the entry at an index stands."""
    return page(index // ON_A_PAGE)


def front(tag: str) -> Path:
    """The front page in a language of the interface."""
    return "language", f"{tag}.html"


def language(tag: str, number: int) -> Path:
    """Page `number`, from 0, of the testimonies in a language."""
    return ("language", f"{tag}-" if tag in _DEVICES else tag, *_pairs(number))


def tag(name: str, number: int) -> Path:
    """Page `number`, from 0, of the testimonies with a tag."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ("tag", digest[:2], digest[2:32], *_pairs(number))


def _pairs(number: int) -> Path:
    """Four digits in pairs; more digits put further pairs in front."""
    digits = f"{number:04d}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    *folders, last = (digits[at : at + 2] for at in range(0, len(digits), 2))
    return (*folders, f"{last}.html")


def between(here: Path, there: Path) -> str:
    """The relative link, percent-encoded, from a page to any other path of the tree."""
    return "../" * (len(here) - 1) + "/".join(quote(name, safe="") for name in there)
