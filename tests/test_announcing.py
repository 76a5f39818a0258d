"""What `mirror announce` makes to be handed on: messages, and leaflets of the newest edition."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from counterparts import need_program
from storyteller import Finished, make_identity, run_mirror
from world import secret

from mirror import tree
from mirror.cli import leaflets
from mirror.edition import Edition
from mirror.formats import link, unixfs
from mirror.formats.cid import CID
from mirror.formats.unixfs import Link
from mirror.site import verifier
from mirror.site.message import MESSAGE_AT_MOST, message
from mirror.site.words import LANGUAGES, words
from mirror.store.workspace import Workspace


@pytest.fixture(autouse=True)
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with its charter in Macedonian."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(tmp_path / "age.txt")))
    found = "init voices.example/archive --title Гласови --language mk --text Текст --recovery recovery.txt"
    assert run_mirror("--home", "voices", *found.split()).code == 0
    return tmp_path / "voices"


def announce(*arguments: str) -> Finished:
    return run_mirror("--home", "voices", "announce", *arguments)


def document(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_mirror("--home", "voices", "--json", "announce", *arguments).out)
    return found


def in_groups(page: bytes) -> list[str]:
    """The SHA-256 of a page as a leaflet has it."""
    return re.findall("....", hashlib.sha256(page).hexdigest())


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_message_is_short_in_every_language(tag: str) -> None:
    newest = document()["newest_link"]
    said = announce("--message", "--language", tag)
    lines = said.out.removesuffix("\n").split("\n")
    assert (said.code, lines[0], lines[2:]) == (0, "Гласови", [newest])
    assert lines[1] == words(tag).tables["leaflet"]["message"]
    assert len(said.out) <= MESSAGE_AT_MOST


def test_without_a_language_it_is_the_charters_and_english() -> None:
    messages = announce("--message").out.removesuffix("\n").split("\n\n")
    sentences = [words(tag).tables["leaflet"]["message"] for tag in ("mk", "en")]
    assert [each.split("\n")[1] for each in messages] == sentences
    assert document()["messages"] == dict(zip(("mk", "en"), messages, strict=True))


def test_what_would_be_too_long_goes_without_its_title_then_without_its_sentence() -> None:
    newest = str(link.newest(secret("voices.example/archive", "messages").public))
    sentence = words("en").tables["leaflet"]["message"]
    room = MESSAGE_AT_MOST - len(sentence) - len(newest) - 2
    assert message(words("en"), "t" * room, newest) == f"{'t' * room}\n{sentence}\n{newest}"
    assert message(words("en"), "t" * (room + 1), newest) == f"{sentence}\n{newest}"
    long = str(link.newest(secret("w" * 255, "messages").public))
    assert message(words("en"), "Voices", long) == long


def test_the_leaflet_has_the_letters_of_the_newest_edition() -> None:
    assert announce("--leaflet", "leaflet.html").code == 0
    page = Path("leaflet.html").read_text("utf-8")
    said = document()
    assert said["newest_link"] in page.replace("&#43;", "+")
    assert said["link"].partition("#")[0] not in page
    for whole in (said["key"], said["link"].removeprefix("ipfs://").partition("#")[0]):
        assert all(f"<span>{whole[at : at + 4]}</span>" in page for at in range(0, len(whole), 4))
    assert all(f"<span>{group}</span>" in page for group in in_groups(verifier.page()))
    assert [page.count(f'<section lang="{tag}"') for tag in ("mk", "en", "ar")] == [1, 1, 0]
    assert f"https://ipfs.io/ipns/{said['key']}" in page


@pytest.mark.parametrize("length", [1000, 3 << 20], ids=["one block", "several"])
def test_the_leaflet_has_the_sha_256_of_the_editions_page_that_verifies(voices: Path, length: int) -> None:
    page = bytes(length)
    with Workspace(voices).archive as archive:
        blocks: dict[CID, bytes] = {}
        get = lambda cid: blocks[cid] if cid in blocks else archive.blocks.get(cid)  # noqa: E731
        file = unixfs.build_file([page], blocks.__setitem__)
        there = [tree.Change(("verify.html",), Link("verify.html", file.cid, file.size))]
        root = tree.change(Link("", archive.head(), 0), there, get, blocks.__setitem__)
        assert root is not None
        made = leaflets.leaflet(Edition(root.cid, get), get, [words("en")], "https://gateway.example", "").decode()
    assert all(f"<span>{group}</span>" in made for group in in_groups(page))
    assert "Save verify.html" in made


def test_the_languages_and_the_gateway_are_those_that_were_named() -> None:
    chosen = ["--language", "ar", "--language", "ur", "--language", "ar", "--gateway", "http://gateway.onion:8080"]
    assert announce("--leaflet", "leaflet.html", *chosen).code == 0
    page = Path("leaflet.html").read_text("utf-8")
    assert page.startswith('<!doctype html>\n<html lang="ar" dir="rtl">')
    assert [page.count(f'<section lang="{tag}"') for tag in ("ar", "ur", "en")] == [1, 1, 0]
    assert "http://gateway.onion:8080/ipns/k51" in page
    assert "ipfs.io" not in page


WRONG = [
    ("--gateway ftp://gateway.example", "--gateway: 'ftp://gateway.example' is no gateway's address"),
    ("--gateway https://gateway.example/ipfs", "--gateway: 'https://gateway.example/ipfs' is no gateway's address"),
    ("--gateway https://gateway.example\u202e", "is no gateway's address"),
    ("--language de", "'de' is not one of"),
    (
        "--language en --language ar --language fa --language ur --language hi",
        "5 languages, and a leaflet has room for 4",
    ),
    ("--leaflet nowhere/leaflet.html", "the folder nowhere does not exist"),
]


@pytest.mark.parametrize(("arguments", "words_of_it"), WRONG)
def test_what_no_leaflet_could_say_is_wrong_usage(arguments: str, words_of_it: str) -> None:
    said = announce("--leaflet", "leaflet.html", *arguments.split())
    assert (said.code, said.out) == (2, "")
    assert words_of_it in said.err
    assert not Path("leaflet.html").exists()


def test_messages_may_be_in_every_language_at_once() -> None:
    all_of_them = [word for tag in LANGUAGES for word in ("--language", tag)]
    assert list(document("--message", *all_of_them)["messages"]) == list(LANGUAGES)


def test_all_files_are_written_in_one_run() -> None:
    said = announce("--svg", "c.svg", "--png", "c.png", "--note", "n.txt", "--leaflet", "l.html", "--message")
    assert (said.code, said.err) == (0, "wrote c.svg\nwrote c.png\nwrote n.txt\nwrote l.html\n")
    assert Path("n.txt").read_text().startswith("mirror/v1 announcement\n")
    assert Path("c.png").read_bytes().startswith(b"\x89PNG")
    assert Path("c.svg").read_bytes().startswith(b"<svg")


def test_a_scanner_reads_the_link_from_the_picture() -> None:
    zbarimg = need_program("zbarimg")
    assert announce("--png", "code.png").code == 0
    found = subprocess.run([zbarimg, "--quiet", "--raw", "code.png"], capture_output=True, text=True, check=False)
    assert found.stdout == f"{document()['newest_link']}\n"


def test_a_leaflet_is_not_written_over() -> None:
    Path("leaflet.html").write_text("mine")
    assert announce("--leaflet", "leaflet.html").code == 4
    assert Path("leaflet.html").read_text() == "mine"
