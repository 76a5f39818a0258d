"""One page each: values → bytes. The same values and the same version of the program give the same bytes.

    testimonies_page   thirty-two entries of the log, whole
    list_page          thirty-two testimonies of a language or with a tag, by their titles
    front_page         the first page, in a language of the interface
    style              style.css

Every page is HTML without script, cookie or form, and its own policy (`POLICY`) forbids them, and whatever comes from
elsewhere. Nothing an author wrote can leave its place: it is escaped by Jinja, or made by `mirror.site.marked`; it
stands in an element that says its language and direction (`<bdi>` within a line). Pages of testimonies and lists are
in the charter's language. Nothing on them tells the edition, how many pages there are, or which is the newest, so that
adding to a mirror changes only the pages that it adds to.

No page is longer than `PAGE_AT_MOST`, so that each is one block: where texts are so long, or so full of marks, that
thirty-two of them are more, the longest are shown in part and lead to the whole (`FULNESS`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from markupsafe import Markup

from mirror import tree
from mirror.errors import Refused
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.formats.notes import Charter, Testimony
from mirror.site import chart, hand, marked, places
from mirror.site.templating import Sayings, in_groups, sayings, templates
from mirror.site.words import LANGUAGES, Words, nearest, words
from mirror.tree import Path

PAGE_AT_MOST = 1 << 20
"""Bytes in a page: what one block of a file holds."""

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'"
"""What each page lets a browser do for it: show the style sheet and pictures of the same archive, and nothing else."""

LEAVE = "https://www.wikipedia.org/"
"""Where the quick way out leads unless mirror.toml says otherwise: a page that anybody may have open."""

OPENING_AT_MOST = 140
"""Characters of a text that stand for a missing title in lists: two lines on a phone."""

WARNING_AT_MOST = 1000
"""Characters of a content warning that a page shows; the signed file has all of a longer one."""

IMAGES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
"""Attachments that are shown; all others are saved."""


class Fulness(NamedTuple):
    """How much of each testimony a page shows: bytes of its text, and attachments."""

    text: int
    attachments: int


FULNESS = (
    Fulness(64 * 1024, 64),
    Fulness(32 * 1024, 64),
    Fulness(16 * 1024, 32),
    Fulness(8 * 1024, 16),
    Fulness(4 * 1024, 8),
    Fulness(1024, 4),
    Fulness(256, 2),
)
"""Tried in this order until a page is no longer than `PAGE_AT_MOST`."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """What all pages of a mirror share: its charter, and what its publisher chose in mirror.toml."""

    charter: Charter
    leave: str = LEAVE
    support: tuple[tuple[str, str], ...] = ()
    """Language tags, each with one line about support services for readers of that language."""

    @property
    def words(self) -> Words:
        """The words of pages that are in one language only: those nearest to the charter's."""
        return words(nearest(self.charter.language))


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How a testimony was withdrawn: by which entry, whether with its token, with which reason."""

    by: int
    with_token: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Translated:
    """Another testimony that is a translation of the one it stands with."""

    index: int
    language: str
    translator: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry on a page of testimonies. `kind` is the entry's word: testimony, charter, withdrawal, another.

    A testimony has its note in `testimony`, or, where it was withdrawn, how in `taken_back`; where it has neither it
    is not held by whoever lays the page. Indexes: `original`, of what it translates; `replaces`, and `replaced_by`,
    of the versions before and after it; `withdraws`, of what a withdrawal takes back.
    """

    index: int
    kind: str
    cid: CID
    testimony: Testimony | None = None
    taken_back: TakenBack | None = None
    translations: tuple[Translated, ...] = ()
    original: int | None = None
    replaces: int | None = None
    replaced_by: tuple[int, ...] = ()
    withdraws: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One testimony in a list. `opening` is what `opening()` gives: how its text begins, or nothing."""

    index: int
    language: str
    title: str | None = None
    opening: str = ""
    date: str | None = None
    warned: bool = False
    translator: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a front page tells of an edition.

    `testimonies` are those that can be read; `languages` and `tags` come with how many testimonies each has, the most
    used first, and may be the first of more: `languages_in_all`, `tags_in_all`. `newest`: the newest first.
    """

    edition: int
    size: int
    root_hash: bytes
    testimonies: int
    withdrawn: int
    languages: tuple[tuple[str, int], ...]
    languages_in_all: int
    tags: tuple[tuple[str, int], ...]
    tags_in_all: int
    newest: tuple[Item, ...]
    day: str | None = None


def item(index: int, testimony: Testimony) -> Item:
    """What lists say of a testimony."""
    title, warned = testimony.title, testimony.warning is not None
    begins = "" if title or warned else opening(testimony.body)
    return Item(index, testimony.language, title, begins, testimony.date, warned, testimony.translator)


def opening(body: str) -> str:
    """How a text begins, on one line."""
    line = " ".join(body[: 4 * OPENING_AT_MOST].split())
    whole = len(line) <= OPENING_AT_MOST and len(body) <= 4 * OPENING_AT_MOST
    return line if whole else f"{line[:OPENING_AT_MOST].rstrip()}…"


def testimonies_page(mirror: Mirror, number: int, shown: Sequence[Shown]) -> bytes:
    """Page `number`: the entries of the log from `number` × 32, as many as there are, none left out.

    Every page that is full leads to the next, so the page behind the last full one is always there, if need be with
    nothing on it.
    """
    here = places.page(number)
    for fulness in FULNESS:
        page = _testimonies(mirror, number, shown, here, fulness)
        if len(page) <= PAGE_AT_MOST:
            return page
    raise Refused(f"page {number} of the reading room would have more than {PAGE_AT_MOST} bytes")


def _testimonies(mirror: Mirror, number: int, shown: Sequence[Shown], here: Path, fulness: Fulness) -> bytes:
    first = number * places.ON_A_PAGE
    return _page(
        "testimonies.html",
        mirror,
        mirror.words,
        here,
        shown=[_entry(mirror, each, here, fulness) for each in shown],
        first=first,
        last=first + max(len(shown) - 1, 0),
        previous=_link(here, places.page(number - 1)) if number else None,
        next=_link(here, places.page(number + 1)) if len(shown) == places.ON_A_PAGE else None,
        images=IMAGES,
        speaks=[each.testimony.language for each in shown if each.testimony],
    )


def list_page(mirror: Mirror, kind: str, name: str, number: int, items: Sequence[Item]) -> bytes:
    """Page `number`, from 0, of the testimonies in the language (`kind` "language") or with the tag ("tag") `name`.

    A full page leads to the next, as `testimonies_page` does.
    """
    at = places.language if kind == "language" else places.tag
    here = at(name, number)
    return _page(
        "list.html",
        mirror,
        mirror.words,
        here,
        kind=kind,
        name=name,
        number=number,
        items=[_item(each, here) for each in items],
        previous=_link(here, at(name, number - 1)) if number else None,
        next=_link(here, at(name, number + 1)) if len(items) == places.ON_A_PAGE else None,
        speaks=[name] if kind == "language" else sorted({each.language for each in items}),
    )


def front_page(mirror: Mirror, tag: str | None, summary: Summary) -> bytes:
    """The front page in a language of the interface; None: /index.html, in the language nearest to the charter's."""
    here = places.FRONT if tag is None else places.front(tag)
    spoken = mirror.words if tag is None else words(tag)
    charter = mirror.charter
    example = summary.newest[0].index if summary.newest else 1
    return _page(
        "front.html",
        mirror,
        spoken,
        here,
        summary=summary,
        root_hash=wire.encode_base64(summary.root_hash),
        charter_text=marked.render(charter.body, PAGE_AT_MOST // 4).html,
        rows=chart.rows(summary.languages),
        languages=[(each, _link(here, places.language(each, 0)), count) for each, count in summary.languages],
        tags=[(each, _link(here, places.tag(each, 0)), count) for each, count in summary.tags],
        items=[_item(each, here) for each in summary.newest],
        first_page=_link(here, places.page(0)),
        last_page=_link(here, places.page_of(summary.size - 1)),
        example=example,
        steps=hand.steps(charter.key.vkey, example),
        verifier=_link(here, places.VERIFIER),
        feed=_link(here, places.FEED),
        interface=[(words(each), _link(here, places.front(each))) for each in LANGUAGES],
        speaks=[spoken.tag],
    )


@lru_cache(maxsize=1)
def style() -> bytes:
    """style.css."""
    return (resources.files("mirror.site") / "style.css").read_bytes()


def _entry(mirror: Mirror, shown: Shown, here: Path, fulness: Fulness) -> dict[str, Any]:
    """What the template needs of an entry."""
    testimony = shown.testimony
    found: dict[str, Any] = {
        "is": shown,
        "note": _link(here, tree.note_path(shown.index)),
        "file_name": tree.note_path(shown.index)[-1],
        "at": f"/{'/'.join(places.page_of(shown.index))}#{shown.index}",
        "withdraws": [(each, _to(here, each)) for each in shown.withdraws],
        "replaced_by": [(each, _to(here, each)) for each in shown.replaced_by],
        "translations": [(each, _to(here, each.index)) for each in shown.translations],
        "to": lambda index: _to(here, index),
    }
    if testimony is not None:
        files = testimony.attachments[: fulness.attachments]
        found |= {
            "text": marked.render(testimony.body, fulness.text),
            "warning": _cut(testimony.warning or "", WARNING_AT_MOST),
            "support": _support(mirror, [testimony.language]) if testimony.warning else [],
            "sha256": wire.encode_hex(shown.cid.digest),
            "tags": [(each, _link(here, places.tag(each, 0))) for each in testimony.tags],
            "files": [(each, _link(here, tree.file_path(shown.index, each.name))) for each in files],
            "more_files": len(testimony.attachments) - len(files),
        }
    return found


def _item(item: Item, here: Path) -> tuple[Item, str]:
    return item, _to(here, item.index)


def _to(here: Path, index: int) -> str:
    """The link to an entry; within the same page, to its place alone."""
    there = places.page_of(index)
    return f"#{index}" if there == here else f"{_link(here, there)}#{index}"


def _link(here: Path, there: Path) -> str:
    return places.between(here, there)


def _cut(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else f"{text[:at_most]}…"


def _page(template: str, mirror: Mirror, spoken: Words, here: Path, **values: Any) -> bytes:
    """A page from its template; `speaks` are the languages whose lines about support it shows."""
    page = templates().get_template(template)
    said = sayings(spoken.tag, "room")
    support = _support(mirror, [spoken.tag, *values.pop("speaks")])
    return page.render(
        say=said,
        size=lambda count: _size(count, said),
        words=spoken,
        mirror=mirror,
        charter=mirror.charter,
        key=mirror.charter.key,
        key_name=str(mirror.charter.key.ipns),
        groups=in_groups(str(mirror.charter.key.ipns)),
        policy=POLICY,
        support=support,
        front=_link(here, places.FRONT),
        style=_link(here, places.STYLE),
        all=_link(here, places.page(0)),
        **values,
    ).encode()


def _support(mirror: Mirror, speaks: Iterable[str]) -> list[tuple[str, str]]:
    """The lines about support in these languages, each once: of the same tag, or of the same language."""
    found: dict[str, str] = {}
    for tag in speaks:
        lines = dict(mirror.support)
        near = next((each for each in lines if each.split("-")[0] == tag.split("-")[0]), None)
        at = tag if tag in lines else near
        if at is not None:
            found[at] = lines[at]
    return list(found.items())


def _size(count: int, say: Sayings) -> Markup:
    """A length in bytes, as people read it."""
    if count < 1000:
        return say("bytes", count=count)
    if count < 1_000_000:
        return say("kilobytes", count=round(count / 1000))
    return say("megabytes", count=f"{count / 1_000_000:.1f}")
