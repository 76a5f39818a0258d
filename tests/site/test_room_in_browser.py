"""The reading room in a real browser: how it looks, that nothing runs, that it is for everybody."""

import shutil
from pathlib import Path

import pytest
from browser import Chromium, Tab
from listening import Listener, answering
from readingroom import HOSTILE, LEAVE, ZALGO, handing_out, lay

from mirror.site import places
from mirror.site.words import LANGUAGES

WIDTHS = (360, 800, 1280)
PAGES = {
    "front": places.FRONT,
    "front-ar": places.front("ar"),
    "front-ur": places.front("ur"),
    "front-zh": places.front("zh-Hans"),
    "page": places.page(0),
    "page-2": places.page(1),
    "list-ar": places.language("ar", 0),
    "list-work": places.tag("work", 0),
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A room in a folder, in English."""
    return lay(tmp_path_factory.mktemp("room"))


def url(room: Path, *path: str) -> str:
    """The address of a page."""
    return room.joinpath(*path).as_uri()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_from_elsewhere_and_runs_nothing_and_fits(
    chromium: Chromium, room: Path, screenshots: Path, name: str, width: int
) -> None:
    with chromium.open(width=width) as tab:
        tab.page.goto(url(room, *PAGES[name]))
        tab.page.screenshot(path=screenshots / f"{name}-{width}.png", full_page=name != "page-2")
        assert all(each.startswith(room.as_uri() + "/") for each in tab.requests)
        assert url(room, *places.STYLE) in tab.requests
        assert (tab.scripts, tab.said) == ([], [])
        assert tab.page.locator(".ways").evaluate("each => getComputedStyle(each).position") == "sticky"
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.page.title() != "ran"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["front", "front-ur", "page", "list-ar", "list-work"])
def test_a_page_is_for_everybody(chromium: Chromium, room: Path, name: str, scheme: str) -> None:
    with chromium.open(width=360, scheme="dark" if scheme == "dark" else "light") as tab:
        tab.page.goto(url(room, *PAGES[name]))
        for summary in tab.page.locator("summary").all():
            summary.evaluate("each => { each.parentElement.open = true }")
        assert tab.violations() == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_front_page_is_for_everybody_in_every_language_where_320_pixels_are_all(
    chromium: Chromium, room: Path, screenshots: Path, tag: str
) -> None:
    with chromium.open(width=320, language=tag) as tab:
        tab.page.goto(url(room, *places.front(tag)))
        tab.page.screenshot(path=screenshots / f"front-in-{tag}-320.png", full_page=True)
        assert tab.violations() == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_warnings_are_closed_and_what_is_behind_them_is_not_even_loaded(tab: Tab, room: Path) -> None:
    tab.page.goto(url(room, *places.page(0)))
    warned = tab.page.locator("details.warned").first
    hidden = warned.get_by_text("What he did stays here.")
    picture = url(room, "file", "00", "00", "00", "02", "the%20mill.png").replace("%2520", "%20")
    assert not hidden.is_visible()
    assert picture not in tab.requests
    warned.locator("summary").click()
    assert hidden.is_visible()
    warned.locator("img").scroll_into_view_if_needed()
    tab.page.wait_for_function("document.querySelector('details.warned img').naturalWidth === 1200")
    assert picture in tab.requests


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_read_as_they_are(chromium: Chromium, room: Path, name: str) -> None:
    index = 14 + 2 * list(HOSTILE).index(name)
    with chromium.open(width=360, scripts=False) as tab:
        tab.page.goto(f"{url(room, *places.page_of(index))}#{index}")
        article = tab.page.locator(f"article[id='{index}']")
        assert article.locator("details.warned").count() == (0 if "\n" in HOSTILE[name] else 1)
        box = tab.page.locator(f"article[id='{index + 1}'] .text").bounding_box()
        assert box is not None
        assert (box["x"] >= 0, box["x"] + box["width"] <= 360) == (True, True)
        shown = tab.page.locator(f"article[id='{index + 1}'] .text").inner_text()
        letters = [letter for letter in shown if letter.isalnum()]
        assert letters == [letter for letter in HOSTILE[name] if letter.isalnum()][: 64 * 1024]
        assert tab.page.title().startswith("Entries ")


def test_marks_heaped_upon_letters_stay_in_their_place(tab: Tab, room: Path) -> None:
    index = 15 + 2 * list(HOSTILE).index("zalgo")
    tab.page.goto(url(room, *places.page_of(index)))
    text = tab.page.locator(f"article[id='{index}'] .text")
    assert text.inner_text().strip() == ZALGO
    assert text.evaluate("each => getComputedStyle(each).contain") == "paint"


def test_the_way_out_is_the_first_thing_that_the_keyboard_reaches(tab: Tab, room: Path) -> None:
    tab.page.goto(url(room, *places.page(0)))
    for selector in (".leave", ".skip"):
        tab.page.keyboard.press("Tab")
        assert tab.page.locator(selector).evaluate("each => each === document.activeElement")
        assert tab.page.locator(selector).bounding_box()["width"] > 24  # type: ignore[index]
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url("**#content")
    assert tab.page.url.endswith("#content")


def test_the_way_out_stays_in_sight_and_tells_nobody_where_one_was(chromium: Chromium, tmp_path: Path) -> None:
    folder = lay(tmp_path / "room")
    with (
        Listener(answering(b"<title>Weather</title>", Content_Type="text/html")) as elsewhere,
        Listener(handing_out(folder)) as here,
        chromium.open(width=360) as tab,
    ):
        page = folder.joinpath(*places.page(0))
        page.write_text(page.read_text("utf-8").replace(LEAVE, f"http://weather.test:{elsewhere.port}/"), "utf-8")
        tab.page.goto(f"http://room.test:{here.port}/{'/'.join(places.page(0))}#9")
        way = tab.page.locator(".leave")
        assert way.bounding_box()["y"] < 60  # type: ignore[index]
        way.click()
        tab.page.wait_for_function("document.title === 'Weather'")
    asked = [head.lower() for head in elsewhere.heads]
    assert asked
    assert not [head for head in asked if b"room.test" in head]


def test_a_page_is_whole_without_its_style(chromium: Chromium, room: Path, tmp_path: Path, screenshots: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(room, bare)
    bare.joinpath(*places.STYLE).unlink()
    with chromium.open(width=360, scripts=False) as tab:
        tab.page.goto(url(bare, *places.page(0)))
        tab.page.screenshot(path=screenshots / "page-without-style.png")
        assert tab.page.get_by_text("She did not come back.").is_visible()
        assert not tab.page.get_by_text("What he did stays here.").is_visible()


def test_a_printed_page_holds_the_texts_and_not_the_buttons(tab: Tab, room: Path, screenshots: Path) -> None:
    tab.page.goto(url(room, *places.page(0)))
    tab.page.emulate_media(media="print")
    tab.page.screenshot(path=screenshots / "page-printed.png", full_page=True)
    assert not tab.page.locator(".leave").is_visible()
    assert tab.page.get_by_text("She did not come back.").is_visible()
    assert not tab.page.get_by_text("What he did stays here.").is_visible()


def test_titles_and_texts_have_a_face_for_reading_and_all_else_another(tab: Tab, room: Path) -> None:
    face = "each => getComputedStyle(each).fontFamily.split(',')[0]"
    for path, selectors in (
        (places.page(0), ("main > h1", "article h2 bdi[lang=en]", ".text[lang=en]")),
        (places.FRONT, ("main > h1", ".listed bdi[lang=en]", "#charter .text")),
    ):
        tab.page.goto(url(room, *path))
        assert {tab.page.locator(each).first.evaluate(face) for each in selectors} == {"Charter"}
        assert tab.page.locator(".leave").evaluate(face) == "system-ui"


def test_arabic_runs_from_the_right_on_an_english_page_and_english_from_the_left_on_an_arabic_one(
    tab: Tab, tmp_path: Path
) -> None:
    for language, index, side in (("en", 3, "right"), ("ar", 1, "left")):
        folder = lay(tmp_path / language, language)
        tab.page.goto(url(folder, *places.page(0)))
        text = tab.page.locator(f"article[id='{index}'] .text")
        assert text.evaluate("each => getComputedStyle(each).direction") == {"right": "rtl", "left": "ltr"}[side]
        first = text.locator("p").first.evaluate(
            "each => { const range = document.createRange(); range.selectNodeContents(each);"
            " const box = range.getClientRects()[0], around = each.getBoundingClientRect();"
            " return {left: box.left - around.left, right: around.right - box.right}; }"
        )
        assert first[side] < 2
