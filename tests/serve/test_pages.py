"""What browsers get: files and folders by name, and nothing in them that could run."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
import serving as gateways
from serving import Asking, Held, check_guarded, serving, shelf_of

from mirror import tree
from mirror.formats import car
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.unixfs import Kind, Link, Node, folder

held = gateways.held


def test_the_front_page_lists_what_is_here(held: Held) -> None:
    given = held.asking.get("/")
    for words in ("Voices", "voices.example/archive", str(held.root), held.name, f"{held.edition.size} entries"):
        assert words in given.words
    check_guarded(given.headers)
    assert given.headers["content-type"] == "text/html; charset=utf-8"


def test_a_browser_walks_from_the_front_page_to_a_note(held: Held) -> None:
    seen, path = "", "/"
    for wanted in (f"/ipns/{held.name}/", "page/00/00/00/00.html", "../../../../note/00/00/00/17.txt"):
        seen = held.asking.get(path, Accept="text/html,*/*;q=0.8").words
        assert f'href="{wanted}"' in seen, (path, wanted)
        path = urljoin(path, wanted)
    given = held.asking.get(path)
    assert given.body == held.edition.tree.read(tree.note_path(17))
    assert given.headers["content-type"] == "text/plain; charset=utf-8"
    assert given.headers["content-disposition"] == 'inline; filename="17.txt"'
    check_guarded(given.headers)
    assert held.asking.get(f"/ipfs/{CID.of_raw(given.body)}").headers["content-type"] == "text/plain; charset=utf-8"


def test_folders_end_in_a_slash_and_files_do_not(held: Held) -> None:
    moved = held.asking.get(f"/ipfs/{held.root}/note")
    assert (moved.status, moved.headers["location"]) == (301, f"/ipfs/{held.root}/note/")
    assert held.asking.get(f"/ipfs/{held.root}/edition.txt/").status == 404
    assert held.asking.get(f"/ipfs/{held.root}/edition.txt").status == 200
    assert held.asking.get("/ipns/k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w/").status == 404


@pytest.mark.parametrize("accept", ["application/vnd.ipld.dag-json", "application/vnd.ipld.dag-cbor;q=0.5"])
def test_forms_that_are_not_given_out_are_406(accept: str, held: Held) -> None:
    assert held.asking.get(f"/ipfs/{held.root}", Accept=accept).status == 406


class Foreign:
    """A CAR with things that a mirror would never hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: dict[CID, bytes] = {}
        files = {
            "page.html": b"<script>alert(1)</script>",
            "run.js": b"alert(1)",
            "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "a <b>&\"'.txt": b"odd",
            "..\\up.txt": b"odd",
            "film.mp4": bytes(range(256)) * 40,
            "nothing": b"",
        }
        links = [Link(name, self.put(data), len(data)) for name, data in files.items()]
        self.root = self.put(folder(links), dag=True)
        self.index = self.put(folder([*links, Link("index.html", self.put(b"<p>hello"), 8)]), dag=True)
        self.link = self.put(bytes(Node((), Kind.SYMLINK, data=b"/etc/passwd")), dag=True)
        with path.open("wb") as file:
            writer = car.Writer(file)
            for cid, data in self.blocks.items():
                writer.put(cid, data)
            writer.seal(self.root)

    def put(self, data: bytes, *, dag: bool = False) -> CID:
        cid = CID.of(DAG_PB, data) if dag else CID.of_raw(data)
        self.blocks[cid] = data
        return cid


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Foreign, Asking]]:
    made = Foreign(tmp_path_factory.mktemp("foreign") / "foreign.car")
    with serving(shelf_of(cars=[made.path])) as asking:
        yield made, asking


def test_nothing_of_others_runs_in_a_browser(foreign: tuple[Foreign, Asking]) -> None:
    made, asking = foreign
    for name, media, kind in (
        ("page.html", "text/html; charset=utf-8", "inline"),
        ("run.js", "application/octet-stream", "attachment"),
        ("picture.svg", "application/octet-stream", "attachment"),
        ("nothing", "application/octet-stream", "attachment"),
    ):
        given = asking.get(f"/ipfs/{made.root}/{name}")
        assert (given.status, given.headers["content-type"]) == (200, media)
        assert given.headers["content-disposition"].startswith(f"{kind}; ")
        check_guarded(given.headers)


def test_names_in_a_list_are_text_and_lead_where_they_say(foreign: tuple[Foreign, Asking]) -> None:
    made, asking = foreign
    listed = asking.get(f"/ipfs/{made.root}/").words
    assert "a &lt;b&gt;&amp;&quot;&#x27;.txt" in listed
    assert "<b>" not in listed
    for name in ("a <b>&\"'.txt", "..\\up.txt"):
        assert f'href="./{quote(name, safe="")}"' in listed
        given = asking.get(f"/ipfs/{made.root}/{quote(name)}")
        assert given.body == b"odd"
        assert '"' not in given.headers["content-disposition"].split("; ")[1][len('filename="') : -1]


def test_an_index_page_stands_for_its_folder(foreign: tuple[Foreign, Asking]) -> None:
    made, asking = foreign
    given = asking.get(f"/ipfs/{made.index}/")
    assert (given.body, given.headers["content-type"]) == (b"<p>hello", "text/html; charset=utf-8")


def test_a_film_is_shown_from_its_middle(foreign: tuple[Foreign, Asking]) -> None:
    made, asking = foreign
    given = asking.get(f"/ipfs/{made.root}/film.mp4", Range="bytes=1000-1009")
    assert (given.status, given.body) == (206, (bytes(range(256)) * 40)[1000:1010])
    assert given.headers["content-type"] == "video/mp4"


def test_symlinks_are_not_followed(foreign: tuple[Foreign, Asking]) -> None:
    made, asking = foreign
    assert asking.get(f"/ipfs/{made.link}").status == 406
    assert asking.get(f"/ipfs/{made.link}?format=raw").status == 200
    assert asking.get(f"/ipfs/{made.link}/etc?format=car").status == 404


def test_a_front_page_without_a_mirror(foreign: tuple[Foreign, Asking]) -> None:
    assert "No mirror" in foreign[1].get("/").words


def test_a_damaged_block_is_never_handed_on(tmp_path: Path) -> None:
    made = Foreign(tmp_path / "foreign.car")
    data = made.path.read_bytes()
    made.path.write_bytes(data.replace(b"alert(1)</script>", b"alert(2)</script>"))
    cid = CID.of_raw(b"<script>alert(1)</script>")
    with serving(shelf_of(cars=[made.path])) as asking:
        for path in (f"/ipfs/{cid}?format=raw", f"/ipfs/{made.root}/page.html", f"/ipfs/{cid}?format=car"):
            given = asking.get(path)
            assert (given.status, "is not" in given.words) == (500, True), path
            assert b"alert" not in given.body
        with pytest.raises(Exception, match=r"Incomplete|closed"):  # sent as far as it is sound
            asking.get(f"/ipfs/{made.root}?format=car")
