"""What `scripts/bench --browser` measures: verify.html over one CAR, in Chromium, against `mirror verify` of the same.

    from a file              the saved page, with the browser's cryptography
    over plain http          the page's own arithmetic, where the browser offers none

Seconds from the click to the result, in a worker beside the page; how long the page at most did not answer meanwhile.
"""

import contextlib
import functools
import http.server
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from measuring import Bench, Measure

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP onion.test 127.0.0.1, MAP * ~NOTFOUND")

PULSE = """() => {
  let last = performance.now();
  globalThis.longest = 0;
  setInterval(() => {
    globalThis.longest = Math.max(globalThis.longest, performance.now() - last);
    last = performance.now();
  }, 10);
}"""
"""Notes the longest time that the page was busy with one thing."""

TIMEOUT = 30 * 60_000
"""Milliseconds for one check."""


def measure_browser(bench: Bench, count: int) -> None:
    """Verifies one archive by the command and by the page, both ways."""
    from playwright.sync_api import sync_playwright

    home = bench.home("voices")
    texts = bench.texts("texts", count)
    bench.mirror("--home", str(home), "publish", "--no-tokens", "--yes", str(texts))
    car, page = bench.work / "voices.car", bench.work / "verify.html"
    bench.mirror("--home", str(home), "export", "-o", str(car))
    bench.mirror("verifier", "-o", str(page))
    seconds = bench.best(2, lambda: bench.mirror("verify", str(car), codes=(0, 3))[0])
    bench.add(Measure("mirror verify FILE.car", seconds, "s"))
    with sync_playwright() as playwright, served(bench.work) as port:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        for name, url in (("from a file", page.as_uri()), ("over plain http", f"http://onion.test:{port}/verify.html")):
            taken, longest = check(browser.new_page(), url, car)
            against = f"{taken / seconds:.1f} × mirror verify; the page waits {longest:.0f} ms at most"
            bench.add(Measure(f"verify.html, {name}", taken, "s", against))
        browser.close()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[int]:
    """A folder over plain http, on a port of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()


def check(page, url: str, car: Path) -> tuple[float, float]:  # type: ignore[no-untyped-def]  # playwright's
    """Seconds that the page at `url` takes, and the milliseconds that it did not answer at most."""
    page.goto(url)
    page.locator("#files").set_input_files(car)
    page.evaluate(PULSE)
    start = time.perf_counter()
    page.locator("#check").click()
    page.locator("#check:enabled").wait_for(timeout=TIMEOUT)
    taken = time.perf_counter() - start
    states = page.locator("[data-state]").evaluate_all("all => all.map(each => each.dataset.state)")
    if states[1:4] != ["holds"] * 3:
        sys.exit(f"verify.html found {states}: {page.locator('#status').inner_text()}")
    return taken, page.evaluate("longest")
