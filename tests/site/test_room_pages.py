"""Pages: what stands on them, what never does, and which way it runs."""

import dataclasses
import re
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsed import Page, parse
from strategies import AUTHOR, KEY, NAME, TESTIMONIES, raw_cid

from mirror.formats import notes
from mirror.formats.fields import Attachment
from mirror.formats.notes import Charter
from mirror.site import pages, places
from mirror.site.marked import ELEMENTS
from mirror.site.pages import Item, Mirror, Shown, Summary, TakenBack, Translated
from mirror.site.words import LANGUAGES, words

FRAME = {
    *("html", "head", "meta", "title", "link", "body", "header", "main", "footer", "section", "article", "nav", "h1"),
    *("h2", "a", "img", "span", "dl", "div", "dt", "dd", "time", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect"),
}
"""Elements of the pages' own, beside those that texts become."""

ATTRIBUTES = {
    *(
        "lang",
        "dir",
        "id",
        "class",
        "href",
        "rel",
        "hreflang",
        "src",
        "alt",
        "loading",
        "decoding",
        "download",
        "value",
    ),
    *("charset", "http-equiv", "content", "name", "type", "title", "tabindex", "translate", "scope", "aria-label"),
    *("aria-labelledby", "aria-current", "aria-hidden", "focusable", "viewbox", "preserveaspectratio", "width"),
    *("height", "fill", "x", "y"),
}

CHARTER = Charter(NAME, KEY.public, b"r" * 32, "en", "Voices", "Who we are.\n\n*How* to withdraw.")
MIRROR = Mirror(CHARTER, support=(("en", "Helpline 100"), ("ar", "خط 200"), ("fr", "Ligne 300")))
ANYTHING = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n"), min_size=1)


def told(body: str = "Words.", language: str = "en", **values: object) -> notes.Testimony:
    """A testimony that says nothing much."""
    made = notes.Testimony(NAME, raw_cid("charter"), language, b"w" * 32, b"s" * 16, body)
    return dataclasses.replace(made, **values)


def shown(index: int, note: notes.Testimony | None = None, **values: object) -> Shown:
    """An entry that is a testimony."""
    return Shown(index, "testimony", raw_cid(str(index)), note, **values)


def page_with(*entries: Shown, mirror: Mirror = MIRROR) -> Page:
    """The first page, with these entries on it."""
    return parse(pages.testimonies_page(mirror, 0, entries))


def summary(*items: Item, **values: object) -> Summary:
    """What a front page tells of a small edition."""
    edition = Summary(3, 9, b"h" * 32, 7, 1, (("en", 5), ("ar", 2)), 2, (("work", 4), ("عمل", 1)), 2, items)
    return dataclasses.replace(edition, **values)


def check_frame(page: Page) -> None:
    """The rules that every page keeps, whatever stands on it."""
    assert page.elements <= FRAME | ELEMENTS
    assert page.attributes <= ATTRIBUTES
    assert page.found[0].name == "html"
    assert {"lang", "dir"} <= page.found[0].attributes.keys()
    assert page.found[3].attributes == {"http-equiv": "Content-Security-Policy", "content": pages.POLICY}
    leads = [each.attributes["href"] for each in page.all("a")]
    assert leads[0] == pages.LEAVE
    for link in [*leads[1:], *(each.attributes["src"] for each in page.all("img"))]:
        assert urlsplit(link)[:2] == ("", "")
        assert not link.startswith("/")
    for each in page.found:
        assert ("lang" in each.attributes) <= ("dir" in each.attributes)


@given(TESTIMONIES, ANYTHING, ANYTHING)
def test_whatever_a_testimony_holds_the_page_is_ours(note: notes.Testimony, title: str, warning: str) -> None:
    note = dataclasses.replace(note, title=title, warning=warning, body=title)
    page = page_with(shown(0, note))
    check_frame(page)
    assert len(page.all("article")) == 1
    assert page.first("article").within[-1].name == "main"
    assert title.strip() in page.first("h2").text


@given(ANYTHING, ANYTHING)
def test_whatever_lists_and_front_pages_are_given_they_are_ours(text: str, tag: str) -> None:
    item = Item(5, "en", text, "", "2019", True, "machine")
    mirror = Mirror(dataclasses.replace(CHARTER, title=text, body=tag), support=(("en", text),))
    for page in (
        parse(pages.list_page(mirror, "tag", tag, 0, [item])),
        parse(pages.front_page(mirror, None, summary(item, tags=((tag, 1),)))),
    ):
        check_frame(page)
        assert text in page.first("ol", class_="listed").text


def test_the_policy_allows_nothing_but_the_archives_own_style_and_pictures() -> None:
    allowed = dict(each.strip().partition(" ")[::2] for each in pages.POLICY.split(";"))
    assert allowed.pop("default-src") == "'none'"
    assert {name: value for name, value in allowed.items() if value != "'none'"} == {
        "style-src": "'self'",
        "img-src": "'self'",
        "media-src": "'self'",
    }
    page = page_with(shown(0, told()))
    check_frame(page)
    assert page.first("meta", name="referrer").attributes["content"] == "no-referrer"


def test_the_first_link_leads_away_and_the_second_to_the_content() -> None:
    page = page_with(shown(0, told()), mirror=dataclasses.replace(MIRROR, leave="https://weather.example/"))
    away, skip = page.all("a")[:2]
    assert away.attributes["href"] == "https://weather.example/"
    assert away.attributes["rel"].split()[0] == "noreferrer"
    assert skip.attributes["href"] == "#content"
    assert page.first("main").attributes["id"] == "content"


def test_a_testimony_stands_with_all_that_belongs_to_it() -> None:
    note = told(
        "One.\nTwo.\n\nThree.",
        title="The drawer",
        date="2018-04",
        tags=("work", "عمل"),
        author=AUTHOR.public,
        attachments=(
            Attachment(raw_cid("a"), 45_012, "image/png", "a b.png"),
            Attachment(raw_cid("b"), 999, "text/html", "x.html"),
        ),
    )
    page = page_with(Shown(0, "charter", raw_cid("charter")), shown(1, note))
    article = page.all("article")[1]
    assert article.attributes["id"] == "1"
    for part in ("Testimony 1", "The drawer", "English", "2018-04", "work", "عمل", AUTHOR.name, "45 kB", "999 bytes"):
        assert part in article.text
    cid = raw_cid("1")
    assert str(cid) in article.text
    assert cid.digest.hex() in article.text
    assert f"ipns://{KEY.public.ipns}/page/00/00/00/00.html#1" in article.text
    links = {each.text: each.attributes for each in page.all("a")}
    assert links["the signed file"]["href"] == "../../../../note/00/00/00/01.txt"
    assert links["عمل"]["href"] == places.between(places.page(0), places.tag("عمل", 0))
    assert links["x.html"] == {"href": "../../../../file/00/00/00/01/x.html", "download": ""}
    assert [each.attributes for each in page.all("img")] == [
        {"src": "../../../../file/00/00/00/01/a%20b.png", "alt": "a b.png", "loading": "lazy", "decoding": "async"}
    ]


def test_each_piece_of_a_text_says_its_language_and_direction() -> None:
    page = page_with(shown(0, told("كلمات", "ar-EG", title="عنوان", warning="عنف")))
    ours = {(each.name, each.attributes["dir"]) for each in page.found if each.attributes.get("lang") == "ar-EG"}
    assert ours == {("bdi", "rtl"), ("div", "rtl")}
    assert page.first("div", class_="text").text.strip() == "كلمات"


def test_dates_and_hashes_run_from_the_left_on_every_page() -> None:
    mirror = Mirror(dataclasses.replace(CHARTER, language="ar"))
    page = page_with(shown(0, told("كلمات", "ar", date="2018-04-23")), mirror=mirror)
    assert {each.attributes.get("dir") for each in page.found if each.name in {"time", "code"}} == {"ltr"}


def test_a_warned_text_and_its_pictures_are_behind_the_warning_and_closed() -> None:
    picture = Attachment(raw_cid("a"), 5, "image/png", "a.png")
    page = page_with(shown(0, told("Hidden.", warning="violence", attachments=(picture,))))
    details = page.first("details", class_="warned")
    assert details.attributes == {"class": "warned"}
    assert "violence" in page.first("summary").text
    assert "Hidden." not in page.first("summary").text
    for inside in (page.first("div", class_="text"), page.first("img")):
        assert details in inside.within
    assert details not in page.first("details", class_="check").within


def test_a_withdrawn_testimony_shows_only_that() -> None:
    page = page_with(
        shown(0, taken_back=TakenBack(7, True)),
        shown(1, taken_back=TakenBack(40, False, "safety")),
    )
    first, second = page.all("article")
    assert first.text.split() == [
        "Testimony",
        "0",
        "Withdrawn",
        "Withdrawn",
        "with",
        "the",
        "token",
        "that",
        "was",
        "given",
        "with",
        "it.",
        "Entry",
        "7",
    ]
    assert second.text.split() == [
        "Testimony",
        "1",
        "Withdrawn",
        "Withdrawn",
        "by",
        "the",
        "publisher.",
        "Reason",
        "given:",
        "safety",
        "Entry",
        "40",
    ]
    assert [each.attributes["href"] for each in page.all("a") if first in each.within or second in each.within] == [
        "#0",
        "#7",
        "#1",
        "../../../../page/00/00/00/01.html#40",
    ]


def test_translations_and_versions_lead_both_ways_and_say_who_made_them() -> None:
    made = told("Mots.", "fr", translation_of=raw_cid("0"), translator="machine-reviewed")
    page = page_with(
        shown(0, told(), translations=(Translated(1, "fr", "machine-reviewed"), Translated(50, "ar", "human"))),
        shown(1, made, original=0),
        shown(2, told(replaces=raw_cid("0")), replaces=0, replaced_by=(70,)),
    )
    original, translation, version = page.all("article")
    leads = [{each.attributes["href"] for each in page.all("a") if at in each.within} for at in page.all("article")]
    assert {"#1", "../../../../page/00/00/00/01.html#50"} <= leads[0]
    assert "translated by a machine, reviewed by a person" in original.text
    assert "translated by a person" in original.text
    assert "#0" in leads[1]
    assert "Translation of 0translated by a machine, reviewed by a person" in " ".join(translation.text.split())
    assert {"#0", "../../../../page/00/00/00/02.html#70"} <= leads[2]
    assert "A newer version of 0" in version.text
    assert "There is a newer version: 70" in version.text


def test_other_entries_are_a_line_each() -> None:
    page = page_with(
        Shown(0, "charter", raw_cid("c")),
        Shown(1, "withdrawal", raw_cid("w"), withdraws=(3, 40)),
        Shown(2, "later", raw_cid("l")),
        shown(3),
    )
    assert [" ".join(each.text.split()) for each in page.all("article")] == [
        "Entry 0 The charter. It stands on the front page.",
        "Entry 1 A withdrawal of: 3 · 40",
        "Entry 2 An entry of a kind that these pages do not know yet.",
        "Entry 3 A testimony that this copy does not hold.",
    ]


def turns(page: Page) -> set[tuple[str, str]]:
    """Where the page before and the page after are, as a page says."""
    return {(each.attributes["rel"], each.attributes["href"]) for each in page.all("a") if "rel" in each.attributes} - {
        ("noreferrer nofollow", pages.LEAVE)
    }


def test_only_a_full_page_leads_to_the_next_and_only_a_later_one_to_the_one_before() -> None:
    full = [shown(index, told()) for index in range(32)]
    assert turns(page_with(*full)) == {("next", "../../../../page/00/00/00/01.html")}
    assert turns(page_with(*full[:31])) == set()
    second = parse(pages.testimonies_page(MIRROR, 1, []))
    assert turns(second) == {("prev", "../../../../page/00/00/00/00.html")}
    assert "Nothing stands on this page yet." in second.first("main").text


def test_lists_turn_as_pages_do() -> None:
    items = [Item(index, "ar", f"عنوان {index}") for index in range(32)]
    first = parse(pages.list_page(MIRROR, "language", "ar", 0, items))
    assert turns(first) == {("next", "../../../language/ar/00/01.html")}
    assert [each.attributes["value"] for each in first.all("li")] == [str(index) for index in range(32)]
    assert "العربية" in first.first("h1").text
    assert turns(parse(pages.list_page(MIRROR, "language", "ar", 1, items[:3]))) == {
        ("prev", "../../../language/ar/00/00.html")
    }


@pytest.mark.parametrize(
    ("note", "listed"),
    [
        (told("Long ago " * 99), "Long ago " * 15 + "Long…"),
        (told("Short.\n\nWords."), "Short. Words."),
        (told("Words.", title="A title"), "A title"),
        (told("Words.", warning="violence"), "Testimony 5"),
        (told("Words.", title="A title", warning="violence"), "A title"),
    ],
)
def test_a_list_shows_a_title_or_how_a_text_begins_and_nothing_behind_a_warning(
    note: notes.Testimony, listed: str
) -> None:
    page = parse(pages.list_page(MIRROR, "tag", "work", 0, [pages.item(5, note)]))
    assert page.all("a", href="../../../../page/00/00/00/00.html#5")[0].text == listed
    assert ("Content warning" in page.first("ol").text) == (note.warning is not None)


@pytest.mark.parametrize(("length", "whole"), [(64 * 1024, True), (64 * 1024 + 1, False)])
def test_a_text_over_64_kib_is_excerpted_and_leads_to_the_whole(length: int, whole: bool) -> None:
    page = page_with(shown(0, told("x" * length)))
    assert (len(page.first("div", class_="text").text.strip()) == length) == whole
    assert ("This is the beginning." in page.first("main").text) == (not whole)
    assert len(page.all("a", href="../../../../note/00/00/00/00.txt")) == (1 if whole else 2)


HEAVY = {
    "much": "word " * 13_000,
    "escaped": "&" * 65_000,
    "paragraphs": "a\n\n" * 21_000,
    "lines": "a\n" * 32_000,
    "folded": "- - - - - - - a\n\nb\n\n" * 50,
    "wide": "\U0001f54a" * 16_000,
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_a_page_is_one_block_however_much_stands_on_it(body: str) -> None:
    files = tuple(Attachment(raw_cid("f"), 10**18, "image/png", f"{index:02}{'&' * 98}") for index in range(64))
    note = told(body, title="&" * 200, warning="&" * 9999, tags=tuple(f"{n:02}{'б' * 31}" for n in range(16)))
    note = dataclasses.replace(note, attachments=files, author=AUTHOR.public)
    data = pages.testimonies_page(MIRROR, 0, [shown(index, note) for index in range(32)])
    assert len(data) <= pages.PAGE_AT_MOST
    page = parse(data)
    assert "More attachments: " in page.first("main").text
    assert page.first("div", class_="text").text.strip()[:1] in {body[0], "a"}


def test_support_is_shown_in_the_pages_language_and_in_those_of_its_texts() -> None:
    page = page_with(shown(0, told()), shown(1, told("كلمات", "ar-EG")), shown(2, told("x", "mk")))
    lines = {each.attributes["lang"]: each.text for each in page.all("p") if "lang" in each.attributes}
    assert lines == {"en": "Voices", "ar": "خط 200"} | {"en": "Helpline 100"}
    assert "Support" not in parse(pages.testimonies_page(Mirror(CHARTER), 0, [])).first("footer").text


def test_support_stands_behind_a_warning_too_where_there_is_a_line_in_that_language() -> None:
    for language, lines in (("ar", ["خط 200"]), ("mk", [])):
        page = page_with(shown(0, told("كلمات", language, warning="عنف")), shown(1, told("كلمات", language)))
        assert [each.text for each in page.all("p", class_="help")] == lines
        assert all(page.first("details", class_="warned") in each.within for each in page.all("p", class_="help"))


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_front_page_speaks_each_language_and_offers_all(tag: str) -> None:
    page = parse(pages.front_page(MIRROR, tag, summary(Item(8, "en", "A title"))))
    check_frame(page)
    spoken = words(tag)
    assert page.found[0].attributes == {"lang": tag, "dir": spoken.direction}
    assert page.first("h2").text == spoken.tables["room"]["about"]
    offered = {
        each.attributes["lang"]: each.text
        for each in page.found
        if page.first("nav", class_="languages") in each.within
        if "lang" in each.attributes
    }
    assert offered == {each: words(each).name for each in LANGUAGES}
    assert {each.attributes["href"] for each in page.all("a") if "hreflang" in each.attributes} == {
        f"../language/{each}.html" for each in LANGUAGES if each != tag
    }


def test_the_front_page_tells_what_the_log_proves() -> None:
    page = parse(pages.front_page(MIRROR, None, summary(Item(8, "en", "A title"), day="2026-11-20")))
    text = " ".join(page.first("main").text.split())
    for part in ("Testimonies: 7", "Languages: 2", "Withdrawn: 1", "Entries in the log9", "Edition3", "2026-11-20"):
        assert part in text
    assert "aGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGg=" in text
    assert KEY.public.vkey in text
    groups = page.first("code", class_="groups").text.split(" ")
    assert "".join(groups) == str(KEY.public.ipns)
    assert {len(group) for group in groups[:-1]} == {4}
    leads = {each.attributes["href"] for each in page.all("a")}
    assert {"verify.html", "feed.xml", "page/00/00/00/00.html", "page/00/00/00/00.html#8"} <= leads
    assert {"language/ar/00/00.html", "/".join(places.tag("عمل", 0))} <= leads


def test_without_a_day_no_page_tells_one() -> None:
    made = [
        pages.front_page(MIRROR, None, summary()),
        pages.testimonies_page(MIRROR, 0, [shown(0, told())]),
        pages.list_page(MIRROR, "tag", "work", 0, [Item(5, "en", "A title")]),
    ]
    assert not [data for data in made if re.search(rb"\b(19|20)[0-9]{2}\b", data)]


def test_the_chart_has_a_bar_for_each_language_and_its_number_beside_it() -> None:
    page = parse(
        pages.front_page(MIRROR, "ar", summary(languages=(("en", 200), ("ar", 50), ("mk", 1)), languages_in_all=9))
    )
    rows = [each.text.split() for each in page.all("tr")][1:]
    assert rows == [["English200"], ["العربية50"], ["Македонски1"]]
    assert [(each.attributes["x"], each.attributes["width"]) for each in page.all("rect")] == [
        ("0", "100"),
        ("75", "25"),
        ("99", "1"),
    ]
    assert {each.attributes["aria-hidden"] for each in page.all("svg")} == {"true"}


def test_a_front_page_that_cannot_list_all_says_so() -> None:
    text = parse(pages.front_page(MIRROR, None, summary(languages_in_all=120, tags_in_all=340))).first("main").text
    assert "The 2 languages with the most testimonies, of 120." in text
    assert "The 2 tags used most, of 340." in text


def test_an_empty_archive_has_a_front_page() -> None:
    edition = Summary(1, 1, b"h" * 32, 0, 0, (), 0, (), 0, ())
    page = parse(pages.front_page(MIRROR, None, edition))
    check_frame(page)
    assert "There is no testimony here yet." in page.first("main").text


def test_headings_leave_no_level_out() -> None:
    note = told("# one\n\n### two", attachments=(Attachment(raw_cid("a"), 5, "text/plain", "a.txt"),))
    for page in (
        page_with(shown(0, note), shown(1, taken_back=TakenBack(0, True))),
        parse(pages.front_page(MIRROR, None, summary(Item(8, "en", "A title")))),
        parse(pages.list_page(MIRROR, "tag", "work", 0, [])),
    ):
        levels = [int(each.name[1]) for each in page.found if re.fullmatch("h[1-6]", each.name)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_a_mirror_in_another_language_speaks_it_on_every_page() -> None:
    mirror = Mirror(dataclasses.replace(CHARTER, language="ar-EG", title="أصوات"))
    for data in (pages.testimonies_page(mirror, 0, []), pages.front_page(mirror, None, summary())):
        assert parse(data).found[0].attributes == {"lang": "ar", "dir": "rtl"}


def test_the_style_sheet_loads_nothing() -> None:
    style = pages.style().decode()
    assert not re.search(r"url\(|@import|@font-face|expression|image-set", style)
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
