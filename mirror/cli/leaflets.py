"""The leaflet and the messages of `mirror announce`: from an edition and what was typed to what is handed on."""

import hashlib
import re
from collections.abc import Sequence

from mirror.cli.typed import Misused
from mirror.edition import Edition
from mirror.formats import link, unixfs
from mirror.formats.unixfs import Get
from mirror.site import places
from mirror.site.leaflet import LANGUAGES_AT_MOST, Leaflet, leaflet_page
from mirror.site.message import message
from mirror.site.words import Words, nearest, words

BROWSER_GATEWAY = "https://ipfs.io"
"""Through whom a leaflet leads browsers unless --gateway says otherwise: the best known that shows pages."""

_GATEWAY = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?(?::[0-9]{1,5})?")


def check_gateway(url: str) -> None:
    """Refuse what is no address that a leaflet could give: a scheme, a host, perhaps a port."""
    if not _GATEWAY.fullmatch(url):
        raise Misused(f"--gateway: {url[:100]!r} is no gateway's address, which is like {BROWSER_GATEWAY}")


def check_languages(languages: Sequence[str]) -> None:
    """Refuse more languages than a leaflet has room for."""
    if len(set(languages)) > LANGUAGES_AT_MOST:
        raise Misused(f"--language: {len(set(languages))} languages, and a leaflet has room for {LANGUAGES_AT_MOST}")


def spoken(languages: Sequence[str], charter: str) -> tuple[Words, ...]:
    """The words of the languages that were named; of the charter's and of English where none was."""
    return tuple(words(tag) for tag in dict.fromkeys(languages or (nearest(charter), "en")))


def messages(edition: Edition, languages: Sequence[Words]) -> dict[str, str]:
    """A message in each language, by its tag."""
    newest = str(link.newest(edition.key))
    return {each.tag: message(each, edition.charter.title, newest) for each in languages}


def leaflet(edition: Edition, get: Get, languages: Sequence[Words], gateway: str, code: str) -> bytes:
    """The leaflet of an edition; `code` is the newest-link's QR code as SVG."""
    charter = edition.charter
    said = Leaflet(
        title=charter.title,
        language=charter.language,
        key=edition.key,
        edition=edition.number,
        root=edition.root,
        page_hash=_page_hash(edition, get),
        link=str(link.newest(edition.key)),
        gateway=gateway,
        code=code,
    )
    return leaflet_page(said, languages)


def _page_hash(edition: Edition, get: Get) -> bytes | None:
    """The SHA-256 of an edition's `verify.html`; None where it has none."""
    found = edition.tree.find(places.VERIFIER)
    if found is None:
        return None
    digest = hashlib.sha256()
    for piece in unixfs.read_file(found.cid, get, strict=True):
        digest.update(piece)
    return digest.digest()
