"""Debian's Chromium, as the tests drive it: without a window, without any way out of this machine, and watched.

    def test_nothing_runs(tab: Tab) -> None:
        tab.page.goto(path.as_uri())
        assert tab.scripts == []                        # what of a page's own ran
        assert tab.requests == [path.as_uri()]          # everything that was asked for, in its order
        assert tab.said == []                           # console, faults of scripts, what a policy forbade

    with chromium.open(language="ar", width=360, offline=True) as tab: …
    tab.page.screenshot(path=screenshots / "front-360.png")          # a folder that git does not know

Names: ``127.0.0.1``, ``localhost``, ``*.localhost`` and ``*.test`` are this machine; no other name is found. A page
from ``http://room.test:<port>/`` is one that a browser does not trust (plain HTTP, not local): no `crypto.subtle`.

One browser serves a file of tests, and its folder is thrown away; each test has a context of its own in it (cookies,
storage, memory of files). Nothing of playwright is left running between files, since while it runs, no other event
loop can run in the same thread: a file with browser tests has no `asyncio.run` of its own.

`Tab.scripts` names each script of a page's own by its address, "" for one from a ``javascript:`` link or a string that
was evaluated. Playwright's `locator`, `click` or `inner_text` do not count; `evaluate` runs among the page's own and
does. At the end of a file of tests the browser's own network log is read: had anything on a page made it ask for an
outside name, were it only a look-up ahead of a click, the tests fail.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from counterparts import CHECKOUT, MACHINE, need_chromium, need_package

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

_HERE = "MAP *.localhost 127.0.0.1, MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    f"--host-resolver-rules={_HERE}",
)

_ITS_OWN = ("google.com", "googleapis.com", "gvt1.com", "~notfound")
"""Whom the browser asks for reasons of its own, which no page of ours names; nobody of that name is found."""

TIMEOUT = 60_000
"""Milliseconds that a page may take for what a test waits for: a machine with much to do is no fault."""


@dataclass
class Tab:
    """One page in a context of its own, and what it did."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def violations(self, *, within: str | None = None) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and its own best practice: rule, element, what is wrong."""
        axe = need_package("axe-core") / "axe.min.js"
        self.page.evaluate(axe.read_text(encoding="utf-8"))
        found = self.page.evaluate("async within => (await axe.run(within ?? document)).violations", within)
        return [
            f"{each['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]


class Chromium:
    """A running browser."""

    def __init__(self, browser: "Browser") -> None:
        self.browser = browser

    @contextlib.contextmanager
    def open(
        self,
        *,
        language: str = "en",
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        offline: bool = False,
        scripts: bool = True,
    ) -> Iterator[Tab]:
        """A tab of its own; `scripts=False` is a reader who has switched them off."""
        context = self.browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            offline=offline,
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT)
        try:
            yield _watched(context, scripts=scripts)
        finally:
            context.close()


def _watched(context: "BrowserContext", *, scripts: bool) -> Tab:
    tab = Tab(context.new_page())
    context.on("request", lambda request: tab.requests.append(request.url))
    tab.page.on("console", lambda message: tab.said.append(f"{message.type}: {message.text}"))
    tab.page.on("pageerror", lambda error: tab.said.append(f"fault: {error.message}"))
    if scripts:
        debugger = context.new_cdp_session(tab.page)
        debugger.on("Debugger.scriptParsed", lambda event: _note_script(tab, event))
        debugger.send("Debugger.enable")
    return tab


def _note_script(tab: Tab, event: dict[str, Any]) -> None:
    if event["executionContextAuxData"]["isDefault"]:
        tab.scripts.append(event["url"])


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Chromium]:
    """A browser whose home is `folder`; at its end, nobody outside may have been asked for."""
    program = need_chromium()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only where a browser is driven)

    log = folder / "network.json"
    environment = {"PATH": MACHINE.get("PATH", ""), "HOME": str(folder), "LANG": "C.UTF-8", "TZ": "UTC"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*_ARGUMENTS, f"--log-net-log={log}"], env=environment
        )
        try:
            yield Chromium(browser)
        finally:
            browser.close()
    outside = asked_outside(log)
    assert outside == set(), f"a page made the browser ask for {sorted(outside)}"


def asked_outside(log: Path) -> set[str]:
    """Every name outside this machine that a network log of Chromium's tells of, but for the browser's own."""
    told = json.loads(log.read_bytes())
    events = [event.get("params") or {} for event in told["events"]]
    named = {urlsplit(str(params["url"])).hostname for params in events if "url" in params}
    named |= {_host(str(params["host"])) for params in events if "host" in params}
    return {name for name in named if name and not _is_here(name) and not name.endswith(_ITS_OWN)}


def _host(named: str) -> str | None:
    """Chromium writes a host that is looked up as a bare name, or with the scheme and the port."""
    return urlsplit(named if "//" in named else f"//{named}").hostname


def _is_here(name: str) -> bool:
    return name in ("127.0.0.1", "localhost") or name.endswith((".localhost", ".test"))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for a file of tests."""
    with running(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    """A page 1280 pixels wide, in English."""
    with chromium.open() as opened:
        yield opened


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where tests leave pictures for people to look at; git does not know the folder."""
    folder = CHECKOUT / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
