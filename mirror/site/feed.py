"""The feed: RSS 2.0, without a date anywhere, so that it tells no more of when than the log does.

    <item><title>The drawer</title><link>ipns://k51…/page/00/00/00/12.html#390</link>
    <guid isPermaLink="false">ipns://k51…#390</guid></item>

RSS knows no relative links, so items link to their place by the mirror's name on IPNS; a reader without IPNS finds it
by the number that begins each title. Nothing of a text that stands behind a content warning is in the feed.

Reference: RSS 2.0 (rssboard.org/rss-specification), XML 1.0 §2.2 for which letters may stand in it.
"""

from collections.abc import Sequence

from jinja2 import Environment

from mirror.site import places
from mirror.site.pages import Item, Mirror

_TEMPLATE = """\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel>
<title>{{ charter.title }}</title>
<link>{{ site }}/index.html</link>
<description>{{ charter.mirror }}</description>
<language>{{ charter.language }}</language>
{%- for item, place in items %}
<item>
<title>{{ item.index }}. {{ item.title or item.opening or '…' }}</title>
<link>{{ site }}{{ place }}</link>
<guid isPermaLink="false">{{ site }}#{{ item.index }}</guid>
{%- if item.warned %}
<description>{{ warning }}</description>
{%- endif %}
</item>
{%- endfor %}
</channel></rss>
"""

_NOT_IN_XML = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
"""What a text may hold and XML may not (controls but newline stand in no note)."""

_ENVIRONMENT = Environment(autoescape=True)


def feed(mirror: Mirror, newest: Sequence[Item]) -> bytes:
    """feed.xml: these testimonies, the newest first."""
    items = [(each, f"/{'/'.join(places.page_of(each.index))}#{each.index}") for each in newest]
    text = _ENVIRONMENT.from_string(_TEMPLATE).render(
        charter=mirror.charter,
        site=f"ipns://{mirror.charter.key.ipns}",
        items=items,
        warning=mirror.words.tables["room"]["warning"],
    )
    return f"{text}\n".translate(_NOT_IN_XML).encode()
