"""The feed: RSS 2.0, without a date anywhere.

Items link to their place by the mirror's name, `ipns://k51…/page/…`, since RSS knows no relative links.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from mirror.site import places
from mirror.site.pages import Item, Mirror


def feed(mirror: Mirror, newest: Sequence[Item]) -> bytes:
    """feed.xml: the newest testimonies, the newest first."""
    site = f"ipns://{mirror.charter.key.ipns}"
    items = "".join(
        f"<item><title>{escape(item.title or item.opening or str(item.index))}</title>"
        f"<link>{site}/{'/'.join(places.page_of(item.index))}#{item.index}</link>"
        f'<guid isPermaLink="false">{site}#{item.index}</guid></item>\n'
        for item in newest
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        f"<title>{escape(mirror.charter.title)}</title><link>{site}/index.html</link>"
        f"<description>{escape(mirror.charter.mirror)}</description>"
        f"<language>{mirror.charter.language}</language>\n{items}</channel></rss>\n"
    ).encode()
