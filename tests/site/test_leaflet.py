"""The leaflet as bytes: what it says, that it runs and loads nothing, that nothing put into it leaves its place."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from leaflets import fullest, usual

from mirror.errors import Refused
from mirror.site.leaflet import LANGUAGES_AT_MOST, Leaflet, leaflet_page
from mirror.site.words import LANGUAGES, words


class Seen(HTMLParser):
    """Every element with its attributes, and all the text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(leaflet: Leaflet, *languages: str) -> bytes:
    return leaflet_page(leaflet, [words(tag) for tag in languages])


def test_it_says_all_that_is_compared_in_groups_of_four() -> None:
    leaflet = usual()
    text = Seen(page(leaflet, "en")).text
    assert leaflet.page_hash is not None
    for whole in (str(leaflet.key.ipns), str(leaflet.root), leaflet.page_hash.hex()):
        assert " ".join(re.findall("..?.?.?", whole)) in text
    for line in (leaflet.link, f"https://gateway.example/ipns/{leaflet.key.ipns}", "Гласови", "voices.example/archive"):
        assert line in text
    assert "Index hash of edition 7 alone" in text
    assert "Any other IPFS gateway" in text
    assert "compare these letters with another leaflet; this alone proves nothing" in text


def test_it_leads_to_the_newest_edition_and_to_no_other() -> None:
    leaflet = usual()
    made = page(leaflet, "en", "ar").decode()
    assert str(leaflet.root) not in made
    assert "ipfs://" not in made
    assert "/ipfs/" not in made


def test_without_a_page_that_verifies_it_names_the_program() -> None:
    text = Seen(page(usual(page_hash=None), "en")).text
    assert "SHA-256" not in text
    assert "mirror verify ipns://" in text


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_stands_in_its_own_direction(tag: str) -> None:
    seen = Seen(page(usual(), tag, "en" if tag != "en" else "ar"))
    said = words(tag)
    assert seen.elements[0] == ("html", {"lang": tag, "dir": said.direction})
    assert ("section", {"lang": tag, "dir": said.direction}) in seen.elements
    assert said.tables["leaflet"]["no_tools"] in seen.text
    assert "{" not in seen.text.partition("}\n")[2].rpartition("}")[2]


def test_it_runs_nothing_and_loads_nothing() -> None:
    made = page(fullest(), "en", "ur")
    seen = Seen(made)
    style = re.search(rb"<style>(.*)</style>", made, re.S)
    policy = next(each["content"] for tag, each in seen.elements if "http-equiv" in each)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not {"script", "link", "img", "a", "iframe", "object", "form"} & {tag for tag, _ in seen.elements}
    assert not {"href", "src", "style"} & {name for _, each in seen.elements for name in each}


HOSTILE = "</title></h1><script>alert(1)</script><img src=x onerror=alert(1)> \u202e\u2066 &amp; {{ 7 * 7 }}"


def test_what_a_charter_says_stays_text() -> None:
    seen = Seen(page(usual(title=HOSTILE), "en"))
    assert seen.text.count(HOSTILE) == 2
    assert not {"script", "img"} & {tag for tag, _ in seen.elements}


def test_the_same_values_give_the_same_bytes() -> None:
    assert page(usual(), "mk", "en") == page(usual(), "mk", "en")
    assert page(usual(), "mk", "en") != page(usual(edition=8), "mk", "en")


def test_more_languages_than_fit_are_refused() -> None:
    page(usual(), *LANGUAGES[:LANGUAGES_AT_MOST])
    with pytest.raises(Refused, match=r"a leaflet in 5 languages, and the page has room for 1 to 4$"):
        page(usual(), *LANGUAGES[: LANGUAGES_AT_MOST + 1])
    with pytest.raises(Refused, match=r"a leaflet in 0 languages"):
        page(usual())
