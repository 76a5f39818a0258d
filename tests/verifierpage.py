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

WAIT = 300_000
"""Milliseconds for one check: the largest of the tests', on a machine with much to do."""


@dataclass(frozen=True)
class Shown:
    """What the page says after a check."""

    summary: str
    claims: dict[str, str]
    faults: list[tuple[str, str]]
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

    def forget(self) -> None:
        """Begin again, on the same page."""
        self.paste("")
        self.name_key("", compared=False)
        if self.page.locator("#clear").is_visible():
            self.page.locator("#clear").click()

    def check(self) -> Shown:
        self.page.locator("#check").click()
        self.page.locator("#check:enabled").wait_for(timeout=WAIT)
        return self.shown()

    def shown(self) -> Shown:
        """What stands under Result; fails where the page failed."""
        assert self.page.locator("#result").is_visible(), self.page.locator("#status").inner_text()
        claims = self.page.locator("[data-state]")
        faults = self.page.locator("[data-item]")
        pairs = "all => all.map(each => [each.dataset.claim, each.dataset.state ?? each.dataset.item])"
        return Shown(
            self.page.locator("#status").inner_text(),
            dict(claims.evaluate_all(pairs)),
            [(claim, item) for claim, item in faults.evaluate_all(pairs)],
            self.page.locator("#report").inner_text(),
        )
