"""The feed: well-formed whatever titles hold, without dates, and leading to each testimony's place."""

import dataclasses
import re
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st
from strategies import KEY, NAME

from mirror.formats.notes import Charter
from mirror.site.feed import feed
from mirror.site.pages import Item, Mirror

CHARTER = Charter(NAME, KEY.public, b"r" * 32, "ar-EG", "Voices & <others>", "Who we are.")
SITE = f"ipns://{KEY.public.ipns}"


def channel(data: bytes) -> ElementTree.Element:
    """What is in the feed."""
    found = ElementTree.fromstring(data).find("channel")
    assert found is not None
    return found


def test_the_feed_leads_to_the_newest_testimonies_in_the_order_given() -> None:
    items = [Item(70, "en", "A <title>"), Item(5, "mk", opening="Одамна…"), Item(3, "en", warned=True)]
    found = channel(feed(Mirror(CHARTER), items))
    assert [found.findtext(name) for name in ("title", "link", "description", "language")] == [
        "Voices & <others>",
        f"{SITE}/index.html",
        NAME,
        "ar-EG",
    ]
    assert [[part.text for part in item] for item in found.iter("item")] == [
        ["70. A <title>", f"{SITE}/page/00/00/00/02.html#70", f"{SITE}#70"],
        ["5. Одамна…", f"{SITE}/page/00/00/00/00.html#5", f"{SITE}#5"],
        ["3. …", f"{SITE}/page/00/00/00/00.html#3", f"{SITE}#3", Mirror(CHARTER).words.tables["room"]["warning"]],
    ]


def test_the_feed_holds_no_date() -> None:
    data = feed(Mirror(CHARTER), [Item(1, "en", "A title", date="2018-04-23")])
    assert not re.search(rb"(?i)date|2018|ttl|lastbuild", data)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
@example("\ufffe\uffff")
@example("]]><script>")
def test_whatever_a_title_holds_the_feed_is_well_formed(title: str) -> None:
    mirror = Mirror(dataclasses.replace(CHARTER, title=title))
    found = channel(feed(mirror, [Item(1, "en", title)]))
    readable = title.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert (found.findtext("title") or "") == readable
    assert found.findtext("item/title") == f"1. {readable or '…'}"
