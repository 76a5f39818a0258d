"""The leaflet: one page to print, on A4 or Letter.

    what leads to the newest edition      a QR code, its link, an address for browsers
    what is compared, in groups of four   the key; of this edition the index hash and the SHA-256 of `verify.html`
    in a few languages                    three lines on how to verify; what there is to do without tools

It leads to whatever is newest, never to one edition, which may come to hold what was withdrawn: the index hash stands
there to be compared, and not as a link. It is one file that loads nothing and runs nothing, and its content security
policy says so. It tells no day, and the same values give the same bytes. Letters and digits that are compared are the
same in every language, since programs print them so.

The page fits for any title, any name and `LANGUAGES_AT_MOST` languages: the tests print it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from markupsafe import Markup

from mirror.errors import Refused
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.site.templating import in_groups, sayings, templates
from mirror.site.words import Words

LANGUAGES_AT_MOST = 4
"""Languages on one leaflet: as many as fit on the page, whatever the title."""

LONG = 60
"""Letters from which on a title, and a name with all that repeats it, are set smaller, so as to leave room."""

MANY = 3
"""Languages from which on they are set smaller."""


@dataclass(frozen=True, slots=True)
class Leaflet:
    """What a leaflet says: of a mirror, and of the edition that is newest now.

    `page_hash` is the SHA-256 of this edition's `verify.html`; None where it has none. `link` leads to the newest
    edition, and `code` is a QR code of it, as SVG. `gateway` is the URL of one through which a browser gets there.
    """

    title: str
    language: str
    key: PublicKey
    edition: int
    root: CID
    page_hash: bytes | None
    link: str
    gateway: str
    code: str


def leaflet_page(leaflet: Leaflet, languages: Sequence[Words]) -> bytes:
    """The leaflet as one HTML file, in these languages, the page itself in the first of them."""
    if not 0 < len(languages) <= LANGUAGES_AT_MOST:
        raise Refused(f"a leaflet in {len(languages)} languages, and the page has room for 1 to {LANGUAGES_AT_MOST}")
    long = max(len(leaflet.title), len(leaflet.key.name), len(leaflet.gateway)) > LONG
    many = len(languages) >= MANY
    classes = [name for name, holds in (("long", long), ("many", many), ("few", not long and not many)) if holds]
    page = templates().get_template("leaflet.html")
    return page.render(
        leaflet=leaflet,
        languages=languages,
        classes=" ".join(classes),
        style=Markup(_style()),  # noqa: S704  (a file of ours)
        policy=_policy(_style()),
        code=Markup(leaflet.code),  # noqa: S704  (drawn by the caller)
        compared={heading: in_groups(text) for heading, text in _compared(leaflet).items()},
        address=f"{leaflet.gateway}/ipns/{leaflet.key.ipns}",
        say=lambda words, key: sayings(words.tag, "leaflet")(
            key,
            number=leaflet.edition,
            command=_left_to_right("mirror verify ipns://…"),
        ),
    ).encode()


def _compared(leaflet: Leaflet) -> dict[str, str]:
    """What is compared letter by letter, below the words of which heading."""
    page_hash = {} if leaflet.page_hash is None else {"page_hash": wire.encode_hex(leaflet.page_hash)}
    return {"key": str(leaflet.key.ipns), "index_hash": str(leaflet.root), **page_hash}


def _left_to_right(text: str) -> Markup:
    return Markup('<bdi class="letters" lang="" dir="ltr">{}</bdi>').format(text)


def _policy(style: str) -> str:
    """Nothing is loaded, nothing runs; of styles, the page's own."""
    digest = wire.encode_base64(hashlib.sha256(style.encode()).digest())
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def _style() -> str:
    return (resources.files("mirror.site") / "leaflet.css").read_text(encoding="utf-8")
