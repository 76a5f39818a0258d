"""What somebody else writes into the address of verify.html, or into a note, is claimed and shown, and no more."""

from pathlib import Path

import pytest
from browser import Chromium
from playwright.sync_api import expect
from verifierpage import Reader
from world import Mirror

from mirror.site import verifier


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The page, from a file."""
    (tmp_path / "verify.html").write_bytes(verifier.page())
    return (tmp_path / "verify.html").as_uri()


@pytest.mark.parametrize("tag", ["constructor", "__proto__", "", "x" * 9000])
def test_a_language_that_is_none_leaves_the_page_whole(chromium: Chromium, address: str, tag: str) -> None:
    mirror = Mirror()
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, f"{address}#lang={tag}")
        reader.paste((mirror.rows[0].note or b"").decode())
        assert reader.check().claims["signed"] == "holds"


def test_another_key_in_the_address_was_compared_by_nobody(chromium: Chromium, address: str) -> None:
    vkey = Mirror().key.public.vkey
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, address)
        reader.name_key(vkey)
        tab.page.evaluate("key => { location.hash = key; }", vkey)
        expect(tab.page.locator("#key")).to_have_value(vkey)
        expect(tab.page.locator("#compared")).to_be_checked()
        tab.page.evaluate("location.hash = 'another'")
        expect(tab.page.locator("#key")).to_have_value("another")
        expect(tab.page.locator("#compared")).not_to_be_checked()


def test_an_author_is_shown_by_name_and_key(chromium: Chromium, address: str) -> None:
    mirror = Mirror()
    author = mirror.author.public
    index = mirror.testify("What happened.", author=author)
    groups = " ".join(str(author.ipns)[at : at + 4] for at in range(0, len(str(author.ipns)), 4))
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, address)
        reader.paste((mirror.rows[index].note or b"").decode())
        reader.name_key(mirror.key.public.vkey)
        assert f"{author.name}, {groups}" in reader.check().words


def test_a_page_that_is_too_large_to_be_this_one_is_not_read_for_its_hash(
    chromium: Chromium, address: str, tmp_path: Path
) -> None:
    with (tmp_path / "large.html").open("wb") as large:
        large.truncate((8 << 20) + 1)
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, address)
        reader.give([tmp_path / "large.html"])
        shown = reader.check()
        assert shown.claims == {}
        assert "large.html is neither a CAR nor a note" in shown.words


def test_a_text_of_very_many_paragraphs_is_shown_whole(chromium: Chromium, address: str, tmp_path: Path) -> None:
    mirror = Mirror()
    index = mirror.testify("\n\n".join(f"Part {number}." for number in range(2600)))
    (tmp_path / "note.txt").write_bytes(mirror.rows[index].note or b"")
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, address)
        reader.give([tmp_path / "note.txt"])
        reader.name_key(mirror.key.public.vkey)
        assert "Part 0." in reader.check().words
        text = tab.page.locator("#report .text p")
        assert text.count() == 2001
        assert text.last.inner_text().endswith("Part 2598.\n\nPart 2599.")
