"""What `browser` promises the other tests: no way out, and nothing that a page does goes unseen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Chromium, Tab, asked_outside
from listening import Listener, answering

BUSY = """<!doctype html><html lang="en"><title>Busy</title><body onload="console.log('loaded')"><h1>Busy</h1>
<script>console.log("in the page")</script><script src="data:text/javascript,console.log('from data')"></script>
<script>setTimeout("console.log('a string')", 1)</script><svg><script>console.log("in a picture")</script></svg>
<iframe title="inner" srcdoc="<script>console.log('in a frame')</script>"></iframe>
<a href="javascript:console.log('a link')">link</a> <button onclick="console.log('a button')">button</button></body>"""


def write(path: Path, page: str) -> str:
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


def test_every_script_of_a_page_is_seen(tab: Tab, tmp_path: Path) -> None:
    tab.page.goto(write(tmp_path / "busy.html", BUSY))
    tab.page.get_by_role("button").click()
    with tab.page.expect_console_message(lambda message: message.text == "a link"):
        tab.page.get_by_role("link").click()
    assert {each.removeprefix("log: ") for each in tab.said} >= {
        *("loaded", "in the page", "from data", "a string", "in a picture", "in a frame", "a link", "a button")
    }
    assert len(tab.scripts) >= len(tab.said)
    assert "" in tab.scripts


def test_a_page_without_scripts_has_none(tab: Tab, tmp_path: Path) -> None:
    url = write(tmp_path / "calm.html", '<!doctype html><html lang="en"><title>Calm</title><h1>Calm</h1>')
    tab.page.goto(url)
    assert tab.page.locator("h1").inner_text() == "Calm"
    assert (tab.requests, tab.scripts, tab.said) == ([url], [], [])


def test_a_policy_that_forbids_is_heard_of(tab: Tab, tmp_path: Path) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    tab.page.goto(write(tmp_path / "busy.html", policy + BUSY))
    assert not any(each.startswith("log: ") for each in tab.said)
    assert any("Content Security Policy" in each for each in tab.said)


def test_names_of_this_machine_lead_to_it(tab: Tab) -> None:
    with Listener(answering(b"<title>Here</title>", Content_Type="text/html")) as here:
        for host, trusted in (("127.0.0.1", True), ("a.localhost", True), ("room.test", False)):
            tab.page.goto(f"http://{host}:{here.port}/")
            assert tab.page.title() == "Here"
            assert tab.page.evaluate("crypto.subtle !== undefined") is trusted


def test_a_browser_without_scripts_runs_none(chromium: Chromium, tmp_path: Path) -> None:
    with chromium.open(scripts=False) as tab:
        tab.page.goto(write(tmp_path / "busy.html", BUSY))
        tab.page.get_by_role("button").click()
        assert not any(each.startswith("log: ") for each in tab.said)


@pytest.mark.parametrize(
    "params",
    [
        {"url": "https://outside.example/x.png"},
        {"host": "outside.example"},
        {"host": "https://outside.example:443"},
    ],
    ids=["a request", "a look-up", "a look-up for a scheme"],
)
def test_what_the_browser_was_made_to_ask_is_told(tmp_path: Path, params: dict[str, str]) -> None:
    here = [{"params": {"url": "http://127.0.0.1:80/"}}, {"params": {"host": "x.localhost"}}, {"source": 1}]
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"events": here}))
    assert asked_outside(log) == set()
    log.write_text(json.dumps({"events": [*here, {"params": params}]}))
    assert asked_outside(log) == {"outside.example"}


OUTSIDE = """
import sys
from pathlib import Path
from browser import running

folder = Path(sys.argv[1])
with running(folder) as chromium, chromium.open() as tab:
    tab.page.goto((folder / "page.html").as_uri())
"""


def test_a_page_that_asks_outside_fails_its_tests(tmp_path: Path) -> None:
    write(tmp_path / "page.html", '<!doctype html><img src="https://outside.example/x.png">')
    command = [sys.executable, "-c", OUTSIDE, str(tmp_path)]  # another browser runs in this process
    ended = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "a page made the browser ask for ['outside.example']" in ended.stderr
