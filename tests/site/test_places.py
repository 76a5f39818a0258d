"""Where pages lie, and that links lead from one to another."""

import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Refused
from mirror.site import places
from mirror.tree import READING_ROOM, Path

NUMBERS = st.integers(0, 10**7)
TAGS = st.text(min_size=1, max_size=16)
PLACES = st.one_of(
    st.sampled_from([places.FRONT, places.VERIFIER, places.STYLE, places.FEED, places.front("ar")]),
    NUMBERS.map(places.page),
    st.builds(places.language, st.sampled_from(["en", "zh-Hans"]), NUMBERS),
    st.builds(places.tag, TAGS, NUMBERS),
)


@given(PLACES, PLACES)
def test_links_lead_there_and_lie_in_the_reading_room(here: Path, there: Path) -> None:
    link = places.between(here, there)
    assert unquote(posixpath.normpath(posixpath.join(*here[:-1], link))) == "/".join(there)
    assert here[0] in READING_ROOM
    assert "." not in link.removeprefix("../" * (len(here) - 1)).removesuffix(".html")[:-5]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (places.page(12), "page/00/00/00/12.html"),
        (places.page_of(31), "page/00/00/00/00.html"),
        (places.page_of(32), "page/00/00/00/01.html"),
        (places.front("zh-Hans"), "language/zh-Hans.html"),
        (places.language("zh-Hans", 0), "language/zh-Hans/00/00.html"),
        (places.language("en", 9_999), "language/en/99/99.html"),
        (places.language("en", 10_000), "language/en/01/00/00.html"),
        (places.language("en", 1_234_567), "language/en/01/23/45/67.html"),
        (places.language("con", 0), "language/con-/00/00.html"),
        (places.language("nul-Latn", 0), "language/nul-Latn/00/00.html"),
        (places.tag("work", 1), "tag/00/e13ed7af55b27622f1d6eab5bec014/00/01.html"),
    ],
)
def test_a_page_lies_here(path: Path, written: str) -> None:
    assert "/".join(path) == written


@given(TAGS)
def test_a_tag_of_any_script_has_a_name_that_every_disk_can_hold(tag: str) -> None:
    top, pair, rest, *_ = places.tag(tag, 0)
    assert (top, len(pair), len(rest)) == ("tag", 2, 30)
    assert set(pair + rest) <= set("0123456789abcdef")


@pytest.mark.parametrize(("one", "other"), [("é", "e\u0301"), ("ß", "ss"), ("con", "con-"), ("a", "а")])
def test_tags_that_some_disks_take_for_the_same_lie_apart(one: str, other: str) -> None:
    assert places.tag(one, 0) != places.tag(other, 0)


def test_names_are_percent_encoded_in_links() -> None:
    there = ("file", "00", "a b#c?d%e&é.txt")
    assert places.between(places.FRONT, there) == "file/00/a%20b%23c%3Fd%25e%26%C3%A9.txt"


def test_a_page_beyond_every_log_is_refused() -> None:
    with pytest.raises(Refused, match="the number 100000000 is not from 0 to 99999999"):
        places.page(10**8)
