"""The reading room of a published mirror, seen in a browser by every way that people come by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import Chromium
from laid import Publisher
from listening import Listener
from parsed import parse
from readingroom import handing_out, picture
from serving import serving, shelf_of

from mirror.serve.app import Guests
from mirror.site import places
from mirror.store.archive import Archive

WAYS = ("a folder", "mirror serve", "mirror serve, here alone", "a path at a gateway", "a subdomain of a gateway")

GUESTS = {"mirror serve": Guests(None), "mirror serve, here alone": Guests(frozenset({"127.0.0.1"}))}

DRAFT = """+++
title = "The drawer"
tags = ["work"]
attachments = ["mill.png"]
+++
The foreman kept our papers in a drawer."""


@dataclass
class Published:
    """A publisher, and her newest edition as files."""

    publisher: Publisher
    tree: Path

    @property
    def root(self) -> str:
        return (self.publisher.home / "archive" / "head").read_text().strip()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Two testimonies, the first with a picture."""
    base = tmp_path_factory.mktemp("published")
    publisher = Publisher(base)
    drafts = base / "given"
    drafts.mkdir()
    (drafts / "1.txt").write_text(DRAFT)
    (drafts / "mill.png").write_bytes(picture())
    publisher.run("publish", "--language", "en", "--no-tokens", "--yes", drafts / "1.txt")
    publisher.publish(["Another day."])
    return Published(publisher, publisher.lay(base / "tree"))


@contextmanager
def coming(published: Published, way: str) -> Iterator[str]:
    """The address at which the tree begins, with a slash behind it."""
    if way == "a folder":
        yield f"{published.tree.as_uri()}/"
    elif way in GUESTS:
        with (
            Archive(published.publisher.home / "archive") as archive,
            serving(shelf_of(archives=[archive]), GUESTS[way]) as gateway,
        ):
            yield f"{gateway.url}/ipfs/{published.root}/"
    elif way == "a path at a gateway":
        below = published.tree.parent / "gateway" / "ipfs" / published.root
        if not below.exists():
            below.parent.mkdir(parents=True)
            below.symlink_to(published.tree)
        with Listener(handing_out(published.tree.parent / "gateway")) as gateway:
            yield f"http://gateway.test:{gateway.port}/ipfs/{published.root}/"
    else:
        with Listener(handing_out(published.tree)) as gateway:
            yield f"http://{published.root}.ipfs.localhost:{gateway.port}/"


@pytest.mark.parametrize("way", WAYS)
def test_the_room_is_whole_however_one_comes(chromium: Chromium, published: Published, way: str) -> None:
    with coming(published, way) as start, chromium.open(width=360) as tab:
        tab.page.goto(start + "index.html")
        assert tab.page.locator(".ways").evaluate("each => getComputedStyle(each).position") == "sticky"
        tab.page.get_by_role("link", name="The drawer").click()
        tab.page.wait_for_url(f"{start}{'/'.join(places.page(0))}#1")
        tab.page.locator("article img").scroll_into_view_if_needed()
        tab.page.wait_for_function("document.querySelector('article img').naturalWidth === 1200")
        tab.page.get_by_role("link", name="work", exact=True).click()
        tab.page.wait_for_url(start + "/".join(places.tag("work", 0)))
        tab.page.get_by_role("link", name="Voices").click()
        tab.page.wait_for_url(start + "index.html")
        tab.page.get_by_role("link", name="العربية").click()
        tab.page.wait_for_url(start + "language/ar.html")
        assert tab.page.locator("html").get_attribute("dir") == "rtl"
        icon = {start.split("/ipfs/")[0].rstrip("/") + "/favicon.ico"}
        assert [each for each in tab.requests if not each.startswith(start)] in ([], sorted(icon))


def links(page: Path) -> set[str]:
    """Where a page leads within its tree."""
    found = parse(page.read_bytes()).found
    leads = {each.attributes.get("href") or each.attributes.get("src") or "" for each in found}
    return {unquote(each.partition("#")[0]) for each in leads if each and not each.startswith(("#", "https://"))}


def test_every_link_of_the_room_leads_to_a_file(published: Published) -> None:
    seen: set[Path] = set()
    waiting = [published.tree.joinpath(*places.FRONT)]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        if page.suffix == ".html" and page.name != "verify.html":
            found = {(page.parent / link).resolve() for link in links(page)}
            assert [each for each in found if not each.is_file()] == []
            waiting += found - seen - set(waiting)
    assert len(seen) > 20
