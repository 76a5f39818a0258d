"""verify.html in a browser, used as a reader uses it.

with chromium.open(offline=True) as tab:
    reader = Reader(tab, saved.as_uri())
    reader.give(folder / "voices.car")              # or a list of files, or a folder
    reader.name_key(publisher.vkey)                 # and says that she has compared it
    shown = reader.check()
    assert shown.claims["complete"] == "holds"
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from browser import Tab

from mirror.formats import wire

WAIT = 300_000
"""Milliseconds for one check: the largest of the tests', on a machine with much to do."""


@dataclass(frozen=True)
class Shown:
    """What the page says after a check."""

    summary: str
    code: int | None
    claims: dict[str, str]
    lines: dict[str, list[str]]
    faults: list[tuple[str, str, int | None]]
    words: str


class Reader:
    """Whoever uses the page."""

    def __init__(self, tab: Tab, url: str) -> None:
        self.tab = tab
        self.page = tab.page
        self.page.goto(url)
        if self.page.locator("#page").is_hidden():
            self.page.wait_for_timeout(2_000)  # for whatever it has to say
            assert self.page.locator("#page").is_visible(), tab.said

    def give(self, what: Path | Sequence[Path]) -> None:
        field = "#folder" if isinstance(what, Path) and what.is_dir() else "#files"
        self.page.locator(field).set_input_files(what)

    def paste(self, text: str) -> None:
        self.page.locator("#pasted").fill(text)

    def name_key(self, key: str, *, compared: bool = True) -> None:
        self.page.locator("#key").fill(key)
        self.page.locator("#compared").set_checked(compared)

    def keep(self, announcement: str) -> None:
        """Hand in an announcement that was kept from before."""
        field = self.page.locator("#seen")
        if not field.is_visible():
            self.page.locator("[data-say=seen_summary]").click()
        field.fill(announcement)

    def forget(self) -> None:
        """Begin again, on the same page."""
        self.paste("")
        self.name_key("", compared=False)
        self.keep("")
        if self.page.locator("#clear").is_visible():
            self.page.locator("#clear").click()

    def check(self) -> Shown:
        self.page.locator("#check").click()
        self.page.locator("#check:enabled").wait_for(timeout=WAIT)
        return self.shown()

    def shown(self) -> Shown:
        """What stands under Result; fails where the page failed."""
        assert self.page.locator("#result").is_visible(), self.page.locator("#status").inner_text()
        found = self.page.locator("#report").evaluate(READ)
        return Shown(
            self.page.locator("#status").inner_text(),
            wire.decode_decimal(found["code"]) if found["code"] else None,
            {claim: state for claim, state, _ in found["claims"]},
            {claim: lines for claim, _, lines in found["claims"]},
            [(claim, item, wire.decode_decimal(at) if at else None) for claim, item, at in found["faults"]],
            found["words"],
        )


READ = """report => ({
    code: report.dataset.exit,
    claims: [...report.querySelectorAll("[data-state]")].map(each => [
        each.dataset.claim, each.dataset.state, [...each.querySelectorAll("li")].map(line => line.innerText),
    ]),
    faults: [...report.querySelectorAll("[data-item]")].map(({ dataset }) =>
        [dataset.claim, dataset.item, dataset.index]),
    words: report.innerText,
})"""
"""What the page shows, as it stands there for people, and as it marks it for whoever reads it by program."""
