"""Files for browsers: what a tree holds, shown by names, with nothing in it that could run.

    GET /                            the mirrors that are held here
    GET /ipfs/<cid>[/path]           a file, or a folder's `index.html`, or a list of what is in it
    GET /ipns/<k51…>[/path]          the same in the newest edition held of that name

A reader who gets pages this way believes this gateway and whoever is on the line; the front page says so. What
testimonies and attachments hold is other people's, so every answer forbids scripts, frames, forms and anything from
elsewhere (`GUARD`), no type is guessed, and what is of no type in `TYPES` is saved and not shown. One page may run its
script: `verify.html`, where its bytes are those that this very program makes (`guard_of`). Any other, also that of
another version, says in its own words that it is to be saved and opened from the disk.

Specification: specs.ipfs.tech/http-gateways/path-gateway, as far as it serves files and folders. Out of scope:
symlinks, other codecs than UnixFS (ask for them as raw or car), archives, redirects by a `_redirects` file.
"""

import html
import itertools
from collections.abc import Iterator
from urllib.parse import quote

from mirror.errors import Malformed, Unverified
from mirror.formats import unixfs, wire
from mirror.formats.cid import CID, DAG_PB, RAW
from mirror.formats.unixfs import Get, Kind, Link
from mirror.serve import dag
from mirror.serve.answers import (
    FOREVER,
    TEXT,
    Answer,
    Asked,
    disposition,
    in_part,
    is_known,
    not_modified,
    saved_as,
    say,
)
from mirror.serve.shelf import SLICE, Shelf
from mirror.serve.trustless import Place
from mirror.site import verifier

ENTRIES_AT_MOST = 10_000
"""Entries in a folder that is listed: about a megabyte of page. Larger ones are asked for by a name in them."""

GUARD = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-downloads allow-same-origin",
    "Referrer-Policy": "no-referrer",
}
"""Headers that let a browser show a page and do nothing for it: no script, nothing from elsewhere, no referrer.

A page stays in its own origin: in one that is nobody's, a gateway that is closed to other sites would keep a page from
its own style sheet and pictures.
"""

TYPES = {
    "txt": TEXT,
    "md": TEXT,
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
"""The type of a file that is shown, by what its name ends in; a browser that is told not to guess runs none of them."""

NOTE = b"mirror/v1 "
"""How every note begins: one that is asked for by its CID alone, which has no name, is shown as text."""

_LISTED = "public, max-age=3600"
_INDEX = "index.html"
_STYLE_FREE = '<!doctype html>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'


def answer_front(shelf: Shelf, asked: Asked) -> Answer:
    """What is held here."""
    items = [_front_item(shelf, name) for name in shelf.mirrors]
    body = (
        "<h1>Held here</h1>\n"
        + ("<ul>\n" + "".join(items) + "</ul>\n" if items else "<p>No mirror; blocks by their CIDs only.</p>\n")
        + "<p>Pages seen here are as honest as this computer and the line to it. To check for yourself, "
        "fetch an index hash by any way and give it to: mirror verify</p>\n"
    )
    return _page("Held here", body, {"Cache-Control": "no-cache"})


def _front_item(shelf: Shelf, name: CID) -> str:
    edition = shelf.mirrors[name].edition
    title = html.escape(edition.charter.title)
    return (
        f'<li><a href="/ipns/{name}/">{title}</a><br>{html.escape(edition.key.name)}, edition {edition.number}, '
        f'{edition.size} entries<br>key <code>{name}</code><br>index hash <a href="/ipfs/{edition.root}/"><code>'
        f'{edition.root}</code></a><br><a href="/log/{name}/checkpoint">checkpoint</a></li>\n'
    )


def _page(title: str, body: str, headers: dict[str, str]) -> Answer:
    page = f"{_STYLE_FREE}<title>{html.escape(title)}</title>\n{body}".encode()
    return Answer(200, {"Content-Type": TYPES["html"], **GUARD, **headers}, page)


def answer_page(shelf: Shelf, asked: Asked, place: Place) -> Answer:
    """A file or folder."""
    newest = (place.root, FOREVER) if place.space == "ipfs" else _newest(shelf, place.root)
    if newest is None:
        return say(404, f"no edition of {place.root} is here")
    root, keep = newest
    end = dag.resolve(root, place.names, shelf.get).end
    if dag.length_of(end, shelf.get) is not None:
        if place.folder:
            return say(404, f"{end} is a file, not a folder")
        return _file(shelf, asked, end, place.names[-1] if place.names else "", keep)
    node = dag.unix_node(end, shelf.get)
    if node is None or node.kind not in (Kind.FOLDER, Kind.SHARD):
        return say(406, f"{end} is no file and no folder; ask for it with ?format=raw or ?format=car")
    return _open_folder(shelf, asked, end, place, keep)


def _open_folder(shelf: Shelf, asked: Asked, end: CID, place: Place, keep: str) -> Answer:
    if not place.folder:
        return say(301, "a folder ends in a slash", Location=f"{place.path}/")
    index = unixfs.find(end, _INDEX, shelf.get)
    if index is not None and dag.length_of(index.cid, shelf.get) is not None:
        return _file(shelf, asked, index.cid, _INDEX, keep)
    return _folder(shelf, asked, end, place)


def _newest(shelf: Shelf, name: CID) -> tuple[CID, str] | None:
    """The newest root of a name that is held: of its edition, or of its record; and how long to believe it."""
    held, named = shelf.mirrors.get(name), shelf.record(name)
    if named is not None and (held is None or held.edition.number < named.record.sequence):
        return named.record.root, f"public, max-age={shelf.seconds_left(named)}"
    return None if held is None else (held.edition.root, "public, max-age=60")


def _file(shelf: Shelf, asked: Asked, cid: CID, name: str, keep: str) -> Answer:
    length = dag.length_of(cid, shelf.get)
    if length is None or length > wire.SIZE_AT_MOST:
        raise Malformed(f"{cid} is no file that could be shown")
    name = saved_as(asked, name)
    media = TYPES.get(name.rpartition(".")[2].lower()) if "." in name else _type_of(cid, length, shelf.get)
    headers = {
        "Content-Type": media or "application/octet-stream",
        "Content-Disposition": disposition(name or str(cid), attachment=media is None),
        "Etag": f'"{cid}"',
        "Cache-Control": keep,
        **guard_of(cid),
    }
    return in_part(headers, asked, length, lambda first, last: _content(cid, shelf.get, first, last))


def guard_of(cid: CID) -> dict[str, str]:
    """`GUARD`; for the page that verifies, what its script and style need: by their hashes, without a connection.

    Its origin stays nobody's, so that nothing that it keeps or opens reaches what else is served from here.
    """
    if cid != verifier.identity():
        return GUARD
    policy = f"{verifier.policy()}; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
    return {**GUARD, "Content-Security-Policy": policy}


def _type_of(cid: CID, length: int, get: Get) -> str | None:
    """The type of what has no ending: checkpoints and notes, which are text."""
    if cid.codec != RAW or length < len(NOTE):
        return None
    data = unixfs.fetch(cid, get)
    return TEXT if data.startswith(NOTE) or b"\n\n\xe2\x80\x94 " in data[:1024] else None


def _content(cid: CID, get: Get, first: int, last: int) -> Iterator[bytes]:
    """A file's bytes in slices; ends with an error where they are not as many as its blocks claim."""
    for part in dag.stretch(cid, get, first, last):
        for at in range(part.start, part.stop, SLICE):
            wanted = min(at + SLICE, part.stop)
            piece = (dag.content_of(part.cid, get) or b"")[at:wanted]
            if len(piece) != wanted - at:
                raise Unverified(f"block {part.cid} has another length than is claimed above it")
            yield piece


def _folder(shelf: Shelf, asked: Asked, cid: CID, place: Place) -> Answer:
    headers = {"Cache-Control": _LISTED, "Etag": f'W/"{cid}.list"'}
    if is_known(headers["Etag"], asked):
        return not_modified(headers)
    links = list(itertools.islice(unixfs.list_folder(cid, shelf.get), ENTRIES_AT_MOST + 1))
    if len(links) > ENTRIES_AT_MOST:
        return say(403, f"a folder of more than {ENTRIES_AT_MOST} entries is not listed; ask for a name in it")
    up = '<li><a href="../">..</a></li>\n' if place.names else ""
    title = "/".join((str(place.root), *place.names)) + "/"
    items = "".join(map(_item, sorted(links, key=lambda link: link.name)))
    return _page(title, f"<h1>{html.escape(title)}</h1>\n<ul>\n{up}{items}</ul>\n", headers)


def _item(link: Link) -> str:
    slash = "/" if link.cid.codec == DAG_PB and "." not in link.name else ""
    return f'<li><a href="./{quote(link.name, safe="")}{slash}">{html.escape(link.name)}</a></li>\n'
