"""The built page in a browser, from a file and offline, gives each case of `cases` the verdict of `mirror verify`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Chromium
from cases import CASES, CLAIMS, ERROR, STATES, VERDICTS, Given, Verdict
from verifierpage import Reader, Shown

from mirror.site import verifier


@pytest.fixture(scope="module")
def reader(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader who checks one thing after the other on the same saved page, with no connection."""
    path = tmp_path_factory.mktemp("page") / "verify.html"
    path.write_bytes(verifier.page())
    with chromium.open(offline=True) as tab:
        yield Reader(tab, path.as_uri())
        assert {url for url in tab.requests if not url.startswith("blob:null/")} == {path.as_uri()}
        assert tab.said == []


def hand_in(reader: Reader, folder: Path, given: Given) -> None:
    """Give the page what the command is given: files, folders, a key or link, what was kept from before."""
    reader.forget()
    files = [path for name, path in given.files.items() if "/" not in name]
    folders = sorted({name.partition("/")[0] for name in given.files if "/" in name})
    if files:
        reader.give(files)
    for name in folders:
        reader.give(folder / name)
    options = given.page_options
    reader.name_key(str(options["link"] or options["key"]), compared=bool(options["isGiven"]))
    reader.keep(options["seen"].decode() if isinstance(options.get("seen"), bytes) else "")


def verdict_of(shown: Shown) -> Verdict:
    """What the page shows, in the terms of the table."""
    assert shown.code is not None, shown
    states = "".join(STATES[shown.claims[claim.value]] for claim in CLAIMS) if shown.claims else ERROR
    return Verdict(shown.code, states, tuple(sorted({item for _, item, _ in shown.faults})))


@pytest.mark.parametrize("name", CASES)
def test_the_page_gives_the_verdict_of_the_table(name: str, reader: Reader, tmp_path: Path) -> None:
    hand_in(reader, tmp_path, CASES[name].lay(tmp_path))
    assert verdict_of(reader.check()) == VERDICTS[name]
