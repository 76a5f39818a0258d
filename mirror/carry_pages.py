"""Pages that show a testimony which a keeper leaves out of her copy: they are left out with it.

A page of the log shows thirty-two entries whole, and lists and front pages say how they are called. So a testimony that
is dropped takes with it its page, and every list, front page and feed that names it. Where nothing else is on one of
its lists, so that the list's name tells of it alone, all front pages go too: they name the lists. Folders stay, as
those of attachments do. The next edition has other pages; those of them that show it are looked at on their way in,
and not kept either.

What a page names is told by its links: each leads to the testimony's place, `#<index>`, and nobody's text can make one.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from mirror import tree
from mirror.edition import Edition
from mirror.errors import FAULTS
from mirror.formats import entry as entries
from mirror.formats import notes, wire
from mirror.formats.cid import CID, RAW
from mirror.formats.notes import Testimony
from mirror.formats.unixfs import Get
from mirror.site import places
from mirror.store.archive import Archive
from mirror.tree import Path
from mirror.tree_pages import rooms_in

_NAMED = re.compile(rb'#([0-9]{1,9})(?:"|</link>|</guid>)')

_NAMING = ("index.html", "feed.xml", "language", "tag")
"""What names testimonies without showing them whole."""


def left_out_of(archive: Archive, edition: Edition) -> set[int]:
    """The testimonies that an edition has and whose notes a keeper left out."""
    left_out = archive.left_out
    if not left_out:
        return set()
    listed = (index for index, entry in edition.entries() if entry.kind == entries.TESTIMONY and entry.cid in left_out)
    return {index for index in listed if edition.holds(index)}


def showing(edition: Edition, indexes: AbstractSet[int], get: Get) -> set[CID]:
    """The pages of an edition that show any of these testimonies."""
    if not indexes:
        return set()
    found = {link.cid for index in indexes if (link := edition.tree.find(places.page_of(index))) is not None}
    fronts: set[CID] = set()
    lists: dict[Path, set[int]] = {}
    for path, cid in _naming(edition, get):
        named = _named(cid, get)
        if named & indexes:
            found.add(cid)
        if _is_front(path):
            fronts.add(cid)
        else:
            lists.setdefault(_list_of(path), set()).update(named)
    if _without_others(edition, {path for path, named in lists.items() if named <= indexes}, indexes, get):
        found |= fronts
    return {cid for cid in found if cid.codec == RAW}


def _without_others(edition: Edition, lists: set[Path], indexes: AbstractSet[int], get: Get) -> set[Path]:
    """Those of `lists` that no other testimony is on, as the others' notes say: pages may be left out already."""
    left = set(lists)
    for index, entry in edition.entries() if left else ():
        if entry.kind == entries.TESTIMONY and index not in indexes and edition.holds(index):
            left.difference_update(_lists_of(entry.cid, get))
            if not left:
                break
    return left


def _lists_of(cid: CID, get: Get) -> set[Path]:
    """The lists that a testimony is on; none where its note is not here."""
    try:
        note = notes.peek(get(cid))
    except FAULTS:
        return set()
    if not isinstance(note, Testimony):
        return set()
    return {_list_of(path) for path in (places.language(note.language, 0), *(places.tag(tag, 0) for tag in note.tags))}


def _list_of(path: Path) -> Path:
    """The folder of the list that a page belongs to."""
    return path[: 3 if path[0] == "tag" else 2]


def _is_front(path: Path) -> bool:
    return len(path) < 3


def _naming(edition: Edition, get: Get) -> Iterator[tuple[Path, CID]]:
    """Every list, front page and feed, as far as they can be found."""
    for link in rooms_in(edition.root, get):
        if link.name in _NAMING:
            for found in tree.walk(link, get, lambda path, error: None, (link.name,)):
                yield found.path, found.link.cid


def _named(cid: CID, get: Get) -> set[int]:
    """The testimonies that a page names; none where the page is not here."""
    try:
        data = get(cid)
    except FAULTS:
        return set()
    return {wire.decode_decimal(digits.lstrip(b"0").decode() or "0") for digits in _NAMED.findall(data)}
