"""verify.html in a real browser, as a reader uses it: from a file, offline; over gateways; from `mirror serve`."""

import contextlib
import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import serving
from browser import Chromium, Tab
from laid import Publisher
from listening import Listener, answering
from playwright.sync_api import expect
from verifierpage import Reader
from world import Mirror

from mirror.formats.car import Writer
from mirror.formats.cid import CID
from mirror.site import verifier
from mirror.site.words import LANGUAGES, words

HOLDS, OPEN, FALSE = "holds", "not checked", "false"


@dataclass(frozen=True)
class Published:
    """A published mirror as readers meet it."""

    publisher: Publisher
    page: Path
    car: Path
    tree: Path
    one: Path
    announcement: str

    @property
    def root(self) -> str:
        return str(self.publisher.run("status")["index_hash"])

    @property
    def note(self) -> str:
        return next(path for path in self.one.iterdir() if path.suffix == ".txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("published")
    publisher = Publisher(folder)
    publisher.publish(["What happened on a day.", "What happened on <b>another</b> day.\n\nAnd after it."])
    publisher.run("export", "-o", folder / "voices.car")
    publisher.run("export", "--one", "2", "-o", folder / "one")
    page = folder / "verify.html"
    page.write_bytes(verifier.page())
    announced = publisher.run("announce")["announcement"]
    return Published(publisher, page, folder / "voices.car", publisher.lay(folder / "tree"), folder / "one", announced)


@pytest.fixture
def reader(chromium: Chromium, published: Published) -> Iterator[Reader]:
    """A reader with the saved page and no connection; nothing is asked for but the page and its own worker."""
    with chromium.open(offline=True) as tab:
        yield Reader(tab, published.page.as_uri())
        assert [url for url in tab.requests if not url.startswith("blob:null/")] == [published.page.as_uri()]
        assert tab.said == []


WHOLE = {"key": HOLDS, "unchanged": HOLDS, "signed": HOLDS, "complete": HOLDS, "append-only": OPEN, "existed by": OPEN}


# what a reader has


def test_an_archive_as_a_car(reader: Reader, published: Published) -> None:
    reader.give(published.car)
    reader.name_key(published.publisher.vkey)
    shown = reader.check()
    assert shown.claims == WHOLE
    assert shown.faults == []
    assert shown.summary == "Every claim that was asked for holds."
    assert "It does not show that an account is true." in shown.words


def test_an_archive_as_a_folder(reader: Reader, published: Published) -> None:
    reader.give(published.tree)
    reader.name_key(published.publisher.vkey)
    assert reader.check().claims == WHOLE


def test_a_key_that_nobody_compared_is_not_checked(reader: Reader, published: Published) -> None:
    reader.give(published.car)
    reader.name_key(published.publisher.vkey, compared=False)
    shown = reader.check()
    assert shown.claims == {**WHOLE, "key": OPEN}
    assert shown.summary == "Something could not be told."


def test_another_key_is_false(reader: Reader, published: Published, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    reader.give(published.car)
    reader.name_key(Publisher(tmp_path / "other").vkey)
    assert reader.check().summary == "Something is false."


def test_a_link_is_a_key(reader: Reader, published: Published) -> None:
    reader.give(published.car)
    reader.name_key(published.publisher.run("announce")["newest_link"])
    assert reader.check().claims == WHOLE


def test_a_note_and_its_proof(reader: Reader, published: Published) -> None:
    reader.give(sorted(published.one.iterdir()))
    reader.name_key(published.publisher.vkey)
    shown = reader.check()
    assert shown.claims["signed"] == HOLDS
    assert shown.faults == []
    assert "What happened on <b>another</b> day." in shown.words


def test_a_pasted_testimony(reader: Reader, published: Published) -> None:
    reader.paste(f"\n  {published.note}\n\n")
    reader.name_key(published.publisher.vkey)
    shown = reader.check()
    assert shown.claims["signed"] == HOLDS
    assert "And after it." in shown.words


def test_a_pasted_testimony_with_another_word_is_false_and_not_shown(reader: Reader, published: Published) -> None:
    reader.paste(published.note.replace("And after", "And before"))
    reader.name_key(published.publisher.vkey)
    shown = reader.check()
    assert shown.claims["signed"] == FALSE
    assert "And before it." not in shown.words
    assert "What happened" not in shown.words


def test_an_announcement(reader: Reader, published: Published) -> None:
    reader.paste(published.announcement)
    reader.name_key(published.publisher.vkey)
    assert reader.check().claims["signed"] == HOLDS


def test_what_is_dropped(reader: Reader, published: Published) -> None:
    drop(reader, published.car)
    reader.name_key(published.publisher.vkey)
    assert reader.check().claims == WHOLE


def drop(reader: Reader, path: Path) -> None:
    data = reader.page.evaluate_handle(
        "([name, bytes]) => { const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(bytes)], name)); return data; }",
        [path.name, list(path.read_bytes())],
    )
    reader.page.dispatch_event("#page", "drop", {"dataTransfer": data})


def test_a_check_can_be_stopped(chromium: Chromium, published: Published) -> None:
    with chromium.open(offline=True) as tab:
        tab.page.add_init_script("URL.createObjectURL = () => 'blob:null/nothing-answers';")
        tab.page.add_init_script(
            "globalThis.Worker = class { postMessage() {} terminate() { globalThis.ended = 1; } };"
        )
        reader = Reader(tab, published.page.as_uri())
        reader.give(published.car)
        tab.page.locator("#check").click()
        expect(tab.page.locator("#check")).to_be_disabled()
        tab.page.locator("#cancel").click()
        expect(tab.page.locator("#check")).to_be_enabled()
        assert tab.page.locator("#status").inner_text() == "Cancelled. Nothing is known."
        assert not tab.page.locator("#result").is_visible()
        assert tab.page.evaluate("ended") == 1


def test_nothing_given_is_said(reader: Reader) -> None:
    reader.page.locator("#check").click()
    assert reader.page.locator("#status").inner_text().startswith("There is nothing to check yet")
    assert not reader.page.locator("#result").is_visible()


def test_what_is_no_mirror_is_not_judged(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff\xe0 a cat")
    reader.give([tmp_path / "cat.jpg"])
    shown = reader.check()
    assert HOLDS not in shown.claims.values()


# the page itself


def test_it_finds_itself_in_the_archive(reader: Reader, published: Published) -> None:
    reader.give(published.car)
    assert "The archive's own verify.html is this very page." in reader.check().words


def test_it_finds_another_page_in_the_archive(
    chromium: Chromium, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = verifier._read
    monkeypatch.setattr(verifier, "_read", lambda name: read(name) + ("/* another */" if name == "page.css" else ""))
    other = tmp_path / "verify.html"
    other.write_bytes(verifier.page.__wrapped__())
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, other.as_uri())
        reader.give(published.car)
        words = reader.check().words
        assert "The archive's own verify.html is not this page." in words
        assert hashlib.sha256(published.page.read_bytes()).hexdigest() in words.replace(" ", "")


def test_it_tells_its_own_hash(reader: Reader, published: Published) -> None:
    shown = reader.page.locator("#own-hash").inner_text().replace(" ", "")
    assert shown == hashlib.sha256(published.page.read_bytes()).hexdigest()


def test_it_saves_its_own_bytes(reader: Reader, published: Published, tmp_path: Path) -> None:
    with reader.page.expect_download() as downloading:
        reader.page.locator("#save").click()
    assert downloading.value.suggested_filename == "verify.html"
    downloading.value.save_as(tmp_path / "saved.html")
    assert (tmp_path / "saved.html").read_bytes() == published.page.read_bytes()


def test_a_saved_copy_is_compared_and_nothing_else_is_judged(
    reader: Reader, published: Published, tmp_path: Path
) -> None:
    (tmp_path / "other.html").write_bytes(published.page.read_bytes() + b"\n")
    reader.give([published.page, tmp_path / "other.html"])
    shown = reader.check()
    assert "verify.html is this very page" in shown.words
    assert "other.html is not this page" in shown.words
    assert shown.claims == {}


# where it runs


def check_whole(tab: Tab, url: str, published: Published) -> None:
    """Fails unless the page at a URL verifies the archive."""
    reader = Reader(tab, url)
    reader.give(published.car)
    reader.name_key(published.publisher.vkey)
    assert reader.check().claims == WHOLE
    assert [each for each in tab.requests if not each.startswith("blob:")] == [url]
    assert tab.said == []


@contextlib.contextmanager
def a_gateway(tree: Path, root: str) -> Iterator[tuple[str, str]]:
    """A tree as gateways hand it out, by path and by subdomain: two URLs that end in a slash."""
    folder = tree.parent / "ipfs"
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (folder / root).symlink_to(tree)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            by_name = self.headers["Host"].startswith(f"{root}.ipfs.")
            return super().translate_path(f"/ipfs/{root}{path}" if by_name else path)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=tree.parent))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        port = server.server_address[1]
        yield f"http://127.0.0.1:{port}/ipfs/{root}/", f"http://{root}.ipfs.localhost:{port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("form", ["by path", "by subdomain"])
def test_from_a_gateway(chromium: Chromium, published: Published, form: str) -> None:
    with a_gateway(published.tree, published.root) as (by_path, by_name), chromium.open() as tab:
        check_whole(tab, (by_path if form == "by path" else by_name) + "verify.html", published)
        assert "Loaded from the place that it judges, it proves little" in tab.page.locator("#origin").inner_text()


def test_over_plain_http_with_arithmetic_of_its_own(chromium: Chromium, published: Published) -> None:
    page = answering(published.page.read_bytes(), Content_Type="text/html; charset=utf-8")
    with Listener(page) as onion, chromium.open() as tab:
        check_whole(tab, f"http://onion.test:{onion.port}/verify.html", published)
        assert tab.page.evaluate("crypto.subtle === undefined")


def served(tmp_path: Path, page: bytes) -> tuple[Path, str]:
    """A CAR that holds a page and nothing else, and the page's CID."""
    cid = CID.of_raw(page)
    path = tmp_path / "page.car"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.put(cid, page)
        writer.seal(cid)
    return path, str(cid)


def test_from_mirror_serve(chromium: Chromium, published: Published) -> None:
    with serving.serving(serving.shelf_of(cars=[published.car])) as gateway, chromium.open() as tab:
        check_whole(tab, f"{gateway.url}/ipfs/{published.root}/verify.html", published)
        assert tab.page.evaluate("origin") == "null"


def test_the_reading_room_leads_to_it(chromium: Chromium, published: Published) -> None:
    with serving.serving(serving.shelf_of(cars=[published.car])) as gateway, chromium.open() as tab:
        tab.page.goto(f"{gateway.url}/ipfs/{published.root}/")
        tab.page.locator("a[href='verify.html']").first.click()
        expect(tab.page.locator("#own-hash")).to_be_visible()


def test_mirror_serve_runs_no_other_page(chromium: Chromium, published: Published, tmp_path: Path) -> None:
    path, cid = served(tmp_path, published.page.read_bytes().replace(b"</html>", b"</html> "))
    with serving.serving(serving.shelf_of(cars=[path])) as gateway, chromium.open() as tab:
        serving.check_guarded(gateway.get(f"/ipfs/{cid}?filename=verify.html").headers)
        tab.page.goto(f"{gateway.url}/ipfs/{cid}?filename=verify.html")
        assert tab.scripts == []
        assert tab.page.locator("#still").is_visible()


def test_without_scripts_it_says_so_in_every_language(chromium: Chromium, published: Published) -> None:
    with chromium.open(scripts=False) as tab:
        tab.page.goto(published.page.as_uri())
        assert not tab.page.locator("#page").is_visible()
        for tag in LANGUAGES:
            assert words(tag).tables["verifier"]["no_script"] in tab.page.locator("#still").inner_text()


def test_where_workers_are_refused_it_works_on_the_page(chromium: Chromium, published: Published) -> None:
    with chromium.open() as tab:
        tab.page.add_init_script("globalThis.Worker = class { constructor() { throw new Error('refused'); } };")
        reader = Reader(tab, published.page.as_uri())
        reader.give(published.car)
        reader.name_key(published.publisher.vkey)
        assert reader.check().claims == WHOLE
        assert not [url for url in tab.requests if url.startswith("blob:")]


# language, key and width


@pytest.mark.parametrize("tag", LANGUAGES)
def test_it_speaks_each_language(chromium: Chromium, published: Published, tag: str) -> None:
    spoken = words(tag)
    with chromium.open(language=tag, width=360, offline=True) as tab:
        reader = Reader(tab, published.page.as_uri())
        assert tab.page.locator("html").get_attribute("lang") == tag
        assert tab.page.locator("html").get_attribute("dir") == spoken.direction
        assert tab.page.locator("h1").inner_text() == spoken.tables["verifier"]["title"]
        reader.give(published.car)
        assert reader.check().summary == spoken.tables["verifier"]["some_open"]
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.violations() == []


def test_the_language_is_taken_from_the_address_or_chosen(chromium: Chromium, published: Published) -> None:
    with chromium.open(offline=True) as tab:
        reader = Reader(tab, f"{published.page.as_uri()}#lang=ar&{published.publisher.vkey}")
        assert tab.page.locator("html").get_attribute("dir") == "rtl"
        assert tab.page.locator("#key").input_value() == published.publisher.vkey
        assert not tab.page.locator("#compared").is_checked()
        reader.give(published.car)
        arabic = reader.check()
        tab.page.locator("#language").select_option("fr")
        assert tab.page.locator("html").get_attribute("lang") == "fr"
        assert reader.shown().claims == arabic.claims
        assert reader.shown().words != arabic.words


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_how_it_looks(
    chromium: Chromium, published: Published, screenshots: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with chromium.open(width=width, scheme=scheme, offline=True) as tab:
        reader = Reader(tab, published.page.as_uri())
        assert tab.violations() == []
        reader.paste(published.note.replace("And after", "And before"))
        reader.check()
        tab.page.screenshot(path=screenshots / f"verify-false-{width}-{scheme}.png", full_page=True)
        assert tab.violations() == []
        reader.paste(published.note)
        reader.name_key(published.publisher.vkey)
        reader.check()
        assert tab.violations() == []
        tab.page.screenshot(path=screenshots / f"verify-holds-{width}-{scheme}.png", full_page=True)


def test_it_works_with_the_keyboard_alone(reader: Reader, published: Published) -> None:
    page = reader.page
    page.locator("#pasted").focus()
    page.keyboard.insert_text(published.note)
    for expected in ("choose-files", "choose-folder", "key", "compared"):
        page.keyboard.press("Tab")
        expect(page.locator(f"#{expected}")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#compared")).to_be_checked()
    page.keyboard.press("Tab")  # the older announcement, closed
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#check:enabled").wait_for()
    expect(page.locator("#result-heading")).to_be_focused()


# what others wrote

HOSTILE = "\n".join(
    [
        "</details></div></script><script>globalThis.ran = 1</script>",
        '<img src="https://outside.example/x.png" onerror="globalThis.ran = 1">',
        '<svg onload="globalThis.ran = 1"><a href="javascript:globalThis.ran = 1">{name} {count}</a></svg>',
        "<base href='https://outside.example/'><meta http-equiv=refresh content='0;url=https://outside.example/'>",
        "e" + "\u0301" * 2_000,
        "\x1b[31m".replace("\x1b", "\u241b"),
        "\u05d0\u05d1\u05d2 \u0627\u0644\u0646\u0635 \u200f\u200e mixed",
        "W" * 300_000,
    ]
)
"""What would leave its place, were it anything but text."""


def test_hostile_text_is_shown_as_text_behind_its_warning(reader: Reader) -> None:
    mirror = Mirror()
    index = mirror.testify(f"What happened.\n\n{HOSTILE}", title="<b>{title}</b>", warning='<i>{count}</i> "loss"')
    reader.paste((mirror.rows[index].note or b"").decode())
    reader.name_key(mirror.key.public.vkey)
    shown = reader.check()
    assert shown.claims["signed"] == HOLDS
    text = reader.page.locator("#report details .text")
    expect(text).to_be_hidden()
    assert '<i>{count}</i> "loss"' in reader.page.locator("#report summary").inner_text()
    reader.page.locator("#report summary").click()
    expect(text).to_be_visible()
    assert text.locator("h4").inner_text() == "<b>{title}</b>"
    assert all(line in text.inner_text() for line in HOSTILE.split("\n"))
    assert text.evaluate("it => [...it.querySelectorAll('*')].map(each => each.tagName)") == ["H4", "BDI", "P", "P"]
    assert reader.page.evaluate("globalThis.ran") is None
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_of_files_are_shown_as_text(reader: Reader, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.txt"
    (tmp_path / name).write_text("no note")
    reader.give([tmp_path / name])
    assert name in reader.page.locator("#given-list").inner_text()
    reader.check()
    assert reader.page.locator("#report img, #given img").count() == 0


def drop_from_outside(reader: Reader, path: Path) -> None:
    """Drop as a file manager does: the browser opens the files itself."""
    line = reader.page.context.new_cdp_session(reader.page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        line.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 300, "data": data})


@pytest.mark.parametrize("what", ["tree", "voices.car"])
def test_what_comes_from_a_file_manager(reader: Reader, published: Published, what: str) -> None:
    drop_from_outside(reader, published.tree.parent / what)
    expect(reader.page.locator("#given")).to_be_visible()
    reader.name_key(published.publisher.vkey)
    assert reader.check().claims == WHOLE


def test_a_folder_is_dropped_on_a_page_from_a_gateway(chromium: Chromium, published: Published) -> None:
    with a_gateway(published.tree, published.root) as (by_path, _), chromium.open() as tab:
        reader = Reader(tab, f"{by_path}verify.html")
        drop_from_outside(reader, published.tree)
        expect(tab.page.locator("#given")).to_be_visible()
        reader.name_key(published.publisher.vkey)
        assert reader.check().claims == WHOLE


def test_a_sandboxed_page_opens_no_dropped_folder_and_says_so(chromium: Chromium, published: Published) -> None:
    with serving.serving(serving.shelf_of(cars=[published.car])) as gateway, chromium.open() as tab:
        reader = Reader(tab, f"{gateway.url}/ipfs/{published.root}/verify.html")
        drop_from_outside(reader, published.tree)
        expect(tab.page.locator("#status")).to_contain_text("Choose the folder with the button")
        reader.give(published.tree)
        reader.name_key(published.publisher.vkey)
        assert reader.check().claims == WHOLE


def test_a_browser_that_opens_no_dropped_folder(chromium: Chromium, published: Published) -> None:
    with chromium.open(offline=True) as tab:
        tab.page.add_init_script("delete DataTransferItem.prototype.getAsFileSystemHandle;")
        reader = Reader(tab, published.page.as_uri())
        drop_from_outside(reader, published.tree)
        expect(tab.page.locator("#status")).to_contain_text("Choose the folder with the button")
