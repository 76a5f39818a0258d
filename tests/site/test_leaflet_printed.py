"""The leaflet on paper, as a browser prints it: one page of A4 and of Letter, with a code that a scanner reads."""

import re
import subprocess
from pathlib import Path

import pytest
from browser import Chromium, Tab
from counterparts import need_program
from leaflets import fullest, usual

from mirror.site.leaflet import LANGUAGES_AT_MOST, Leaflet, leaflet_page
from mirror.site.words import LANGUAGES, words

PAPERS = ("A4", "Letter")


def pages(tab: Tab, path: Path) -> dict[str, int]:
    """How many pages a file makes on each paper."""
    tab.page.goto(path.as_uri())
    printed = {paper: tab.page.pdf(format=paper) for paper in PAPERS}
    return {paper: len(re.findall(rb"/Type\s*/Page\b", data)) for paper, data in printed.items()}


def written(folder: Path, leaflet: Leaflet, *languages: str) -> Path:
    path = folder / "leaflet.html"
    path.write_bytes(leaflet_page(leaflet, [words(tag) for tag in languages]))
    return path


@pytest.mark.parametrize("leaflet", [usual(), fullest()], ids=["usual", "fullest"])
@pytest.mark.parametrize("tag", LANGUAGES)
def test_it_is_one_page_in_every_language(tag: str, leaflet: Leaflet, tab: Tab, tmp_path: Path) -> None:
    path = written(tmp_path, leaflet, tag, *({"en"} - {tag}))
    assert pages(tab, path) == {"A4": 1, "Letter": 1}
    assert tab.requests == [path.as_uri()]
    assert tab.said == tab.scripts == []


@pytest.mark.parametrize("first", range(0, len(LANGUAGES), LANGUAGES_AT_MOST))
def test_as_many_languages_as_are_let_in_fit_on_the_fullest_page(first: int, tab: Tab, tmp_path: Path) -> None:
    around = (LANGUAGES * 2)[first : first + LANGUAGES_AT_MOST]
    assert pages(tab, written(tmp_path, fullest(), *around)) == {"A4": 1, "Letter": 1}


def test_those_that_take_the_most_room_fit_together(tab: Tab, tmp_path: Path) -> None:
    longest = sorted(LANGUAGES, key=lambda tag: -height(tab, written(tmp_path, usual(), tag)))[:LANGUAGES_AT_MOST]
    assert pages(tab, written(tmp_path, fullest(), *longest)) == {"A4": 1, "Letter": 1}


def height(tab: Tab, path: Path) -> int:
    tab.page.goto(path.as_uri())
    box = tab.page.locator("section").bounding_box()
    assert box is not None
    return int(box["height"])


def test_what_does_not_fit_is_counted_as_two_pages(tab: Tab, tmp_path: Path) -> None:
    path = written(tmp_path, usual(), "en")
    path.write_bytes(path.read_bytes().replace(b"</main>", b"<p>more</p>" * 40 + b"</main>"))
    assert pages(tab, path) == {"A4": 2, "Letter": 2}


@pytest.mark.parametrize("leaflet", [usual(), fullest()], ids=["usual", "fullest"])
def test_a_scanner_reads_the_link_from_it(leaflet: Leaflet, tab: Tab, tmp_path: Path, screenshots: Path) -> None:
    zbarimg = need_program("zbarimg")
    tab.page.goto(written(tmp_path, leaflet, "ar", "en").as_uri())
    tab.page.emulate_media(media="print")
    tab.page.set_viewport_size({"width": 703, "height": 964})
    picture = screenshots / f"leaflet-{leaflet.edition}.png"
    tab.page.screenshot(path=picture, full_page=True, scale="css")
    found = subprocess.run([zbarimg, "--quiet", "--raw", picture], capture_output=True, text=True, check=False)
    assert found.stdout.strip() == leaflet.link


def test_it_holds_for_who_cannot_see_it(tab: Tab, tmp_path: Path) -> None:
    tab.page.goto(written(tmp_path, usual(), "ur", "en").as_uri())
    assert tab.violations() == []


def test_on_a_phone_nothing_is_cut_off(chromium: Chromium, tmp_path: Path, screenshots: Path) -> None:
    with chromium.open(width=360) as tab:
        tab.page.goto(written(tmp_path, fullest(), "fa", "en").as_uri())
        tab.page.screenshot(path=screenshots / "leaflet-360.png", full_page=True)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
