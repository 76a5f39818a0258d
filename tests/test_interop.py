"""Programs that share no line with ours judge what we publish.

- ``tests/interop/verify.go``, on the libraries of Go's own checksum database (golang.org/x/mod/sumdb): the checkpoint,
  the inclusion of every entry, every note, the continuation of an earlier edition, and an exported proof.
- ``fsck`` of Tessera, which audits any log of this form: over HTTP, every bundle and every tile.
- ``ipfs-car``, which makes the index hash anew out of plain files, and unpacks our CAR; and ``aleph-cid`` likewise.
"""

import functools
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aleph_cid
import pytest
from counterparts import CACHE, INTEROP, go_environment, need_go, need_ipfs_car
from laid import Publisher

SIZES = (250, 257, 600)
"""Of the three editions: a partial tile alone, a full one and one entry, and two full ones and a rest."""

TILES_OF_600 = (
    *("tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"),
    *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"),
)

FSCK = "github.com/transparency-dev/tessera/cmd/fsck"

POLLED = 0.01
"""Seconds after which a server notices that it is to end."""

Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Published:
    """What the tests look at and never change."""

    publisher: Publisher
    trees: dict[int, Path]
    roots: dict[int, str]
    one: Path
    car: Path

    @property
    def newest(self) -> Path:
        return self.trees[SIZES[-1]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    base = tmp_path_factory.mktemp("published")
    publisher = Publisher(base)
    trees, roots = {}, {}
    before = 1
    for size in SIZES:
        made = publisher.publish([f"Testimony {index}.\n\nΜαρτυρία" for index in range(before, size)])
        roots[size] = made["index_hash"]
        trees[size] = publisher.lay(base / f"tree-{size}")
        before = size
    publisher.run("export", "--one", "300", "-o", base / "one")
    publisher.run("export", "-o", base / "voices.car")
    return Published(publisher, trees, roots, base / "one", base / "voices.car")


@pytest.fixture
def tree(published: Published, tmp_path: Path) -> Path:
    """The newest tree, to be damaged."""
    return Path(shutil.copytree(published.newest, tmp_path / "tree"))


@functools.cache
def build(package: str, name: str) -> Path:
    """A program of `INTEROP`, built where the next run finds it again."""
    program = CACHE / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [need_go(), "build", "-o", str(program), package]
    subprocess.run(command, cwd=INTEROP, env=go_environment(), check=True)
    return program


def verify(*arguments: str | Path) -> Ran:
    command = [str(each) for each in (build(".", "verify"), *arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def refused(ran: Ran, words: str) -> None:
    assert (ran.returncode, ran.stdout) == (1, ""), ran
    assert re.search(words, ran.stderr), ran.stderr


# Go: the log


@pytest.mark.parametrize("size", SIZES)
def test_go_finds_every_entry_of_an_edition(size: int, published: Published) -> None:
    ran = verify("log", published.publisher.vkey, published.trees[size])
    assert (ran.stdout, ran.stderr, ran.returncode) == (f"{size} entries included, {size} notes\n", "", 0)


def test_go_finds_that_an_edition_continues_the_earlier_ones(published: Published) -> None:
    ran = verify("log", published.publisher.vkey, *(published.trees[size] for size in reversed(SIZES)))
    assert ran.stdout == "600 entries included, 600 notes, continues 257, continues 250\n", ran.stderr


@pytest.mark.parametrize("name", TILES_OF_600)
def test_go_finds_a_changed_byte_in_every_tile_and_bundle(name: str, published: Published, tree: Path) -> None:
    flip(tree / name)
    words = "entry [0-9]+: .*inconsistent tile|entry [0-9]+: invalid transparency proof|not hold"
    refused(verify("log", published.publisher.vkey, tree), words)


def test_the_tiles_that_are_changed_are_all_there_are(published: Published) -> None:
    found = {str(path.relative_to(published.newest)) for path in (published.newest / "tile").rglob("*")}
    assert {name for name in found if (published.newest / name).is_file()} == set(TILES_OF_600)


def test_go_finds_a_changed_note_and_does_without_an_absent_one(published: Published, tree: Path) -> None:
    note = tree / "note/00/00/02/99.txt"
    text = note.read_text(encoding="utf-8")
    note.write_text(text.replace("Testimony 299", "Testimony 298"), encoding="utf-8")
    refused(verify("log", published.publisher.vkey, tree), "note 299: invalid signature for key")
    shutil.copy(tree / "note/00/00/02/98.txt", note)
    refused(verify("log", published.publisher.vkey, tree), "note 299: it is .*, and listed is")
    note.unlink()
    assert verify("log", published.publisher.vkey, tree).stdout == "600 entries included, 599 notes\n"


def test_go_finds_another_checkpoint(published: Published, tree: Path, tmp_path: Path) -> None:
    shutil.copy(published.trees[257] / "checkpoint", tree / "checkpoint")
    refused(verify("log", published.publisher.vkey, tree), "no such file|invalid|inconsistent")
    (tmp_path / "stranger").mkdir()
    stranger = Publisher(tmp_path / "stranger")
    stranger.publish(["Another testimony."])
    elsewhere = stranger.lay(tmp_path / "elsewhere")
    refused(verify("log", published.publisher.vkey, elsewhere), "checkpoint: note has no verifiable signatures")
    refused(verify("log", published.publisher.vkey, published.newest, elsewhere), "checkpoint: note has no verif")
    assert verify("log", stranger.vkey, elsewhere).stdout == "2 entries included, 2 notes\n"


def test_go_finds_a_log_that_does_not_continue(tmp_path: Path) -> None:
    """A publisher goes back to a backup, and publishes again with the same key: two stories of one size."""
    publisher = Publisher(tmp_path)
    shutil.copytree(publisher.home, tmp_path / "backup")
    shutil.copytree(tmp_path / "state", tmp_path / "state of then")
    publisher.publish(["What was said."])
    told = publisher.lay(tmp_path / "told")
    for now, then in ((publisher.home, "backup"), (tmp_path / "state", "state of then")):
        shutil.rmtree(now)
        shutil.copytree(tmp_path / then, now)
    publisher.publish(["What was said instead.", "And more."])
    retold = publisher.lay(tmp_path / "retold")
    assert verify("log", publisher.vkey, retold).returncode == 0
    refused(verify("log", publisher.vkey, retold, told), "size 3 does not continue size 2: invalid transparency proof")


# Go: one testimony with its proof


def test_go_believes_an_exported_proof(published: Published) -> None:
    ran = verify("one", published.publisher.vkey, published.one)
    assert re.fullmatch(r"entry 300 of 600: testimony bafkrei[a-z2-7]{52} [0-9a-f]{64}\n", ran.stdout), ran.stderr


def _note_changed(folder: Path) -> None:
    note = folder / "note.txt"
    note.write_bytes(note.read_bytes().replace(b"Testimony 300", b"Testimony 301"))


def _hash_changed(folder: Path) -> None:
    proof = folder / "note.tlog-proof"
    lines = proof.read_bytes().split(b"\n")
    lines[2], lines[3] = lines[3], lines[2]
    proof.write_bytes(b"\n".join(lines))


def _index_changed(folder: Path) -> None:
    proof = folder / "note.tlog-proof"
    proof.write_bytes(proof.read_bytes().replace(b"\nindex 300\n", b"\nindex 301\n"))


def _root_hash_changed(folder: Path) -> None:
    proof = folder / "note.tlog-proof"
    lines = proof.read_bytes().split(b"\n")
    lines[-4] = lines[2]
    proof.write_bytes(b"\n".join(lines))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_note_changed, "invalid signature for key"),
        (_hash_changed, "invalid transparency proof"),
        (_index_changed, "invalid transparency proof"),
        (_root_hash_changed, "checkpoint: invalid signature for key"),
    ],
)
def test_go_refuses_a_changed_proof(
    change: Callable[[Path], None], words: str, published: Published, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(published.one, tmp_path / "one"))
    change(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} != {
        path.name: path.read_bytes() for path in published.one.iterdir()
    }
    refused(verify("one", published.publisher.vkey, folder), words)


# Tessera


@pytest.fixture
def served() -> Iterator[Callable[[Path], str]]:
    """Serves folders on this machine, and gives their URLs."""
    servers: list[http.server.ThreadingHTTPServer] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    def serve(folder: Path) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, args=[POLLED], daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def fsck(url: str, vkey: str, folder: Path) -> str:
    """What fsck says. Its exit code is 0 in any case: only its words tell.

    A tile that is wrong ends the worker that found it, and with no other worker left fsck waits for ever: so it gets
    one more than there are tiles.
    """
    (folder / "vkey").write_text(vkey)
    flags = ["-ui=false", "-N=8", f"-storage_url={url}", f"-public_key={folder / 'vkey'}"]
    command = [str(build(FSCK, "fsck")), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr


@pytest.mark.parametrize("size", SIZES)
def test_tessera_audits_the_log(size: int, published: Published, served: Callable[[Path], str], tmp_path: Path) -> None:
    said = fsck(served(published.trees[size]), published.publisher.vkey, tmp_path)
    assert f"Successfully fsck'd log with size {size} and root" in said, said


@pytest.mark.parametrize("name", [*TILES_OF_600, "checkpoint"])
def test_tessera_finds_a_changed_byte_anywhere(
    name: str, published: Published, tree: Path, served: Callable[[Path], str], tmp_path: Path
) -> None:
    flip(tree / name, at=30)
    said = fsck(served(tree), published.publisher.vkey, tmp_path)
    assert "fsck failed: " in said
    assert "Successfully" not in said


# The index hash


def test_ipfs_car_makes_the_same_index_hash(published: Published, tmp_path: Path) -> None:
    for size in SIZES:
        assert pack(published.trees[size], tmp_path) == published.roots[size]


def test_ipfs_car_unpacks_what_we_export(published: Published, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    command = [*need_ipfs_car(), "unpack", str(published.car), "--output", str(folder)]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert contents(folder) == contents(published.newest)


def test_ipfs_car_makes_another_index_hash_of_another_tree(published: Published, tree: Path, tmp_path: Path) -> None:
    flip(tree / "note/00/00/03/00.txt", at=300)
    assert pack(tree, tmp_path) != published.roots[600]


@pytest.mark.parametrize("size", SIZES)
def test_aleph_cid_makes_the_same_hashes_of_folders(size: int, published: Published) -> None:
    """It cuts files at 256 KiB, where we cut at 1 MiB: no file here is so long but verify.html."""
    tree = published.trees[size]
    listed = re.findall(r"^Item: (\S+) (\S+)$", (tree / "edition.txt").read_text(), re.MULTILINE)
    folders = {name: cid for name, cid in listed if (tree / name).is_dir()}
    assert folders.keys() == {"language", "note", "page", "tile"}
    assert {name: aleph_cid.hash_folder(str(tree / name)) for name in folders} == folders


def pack(folder: Path, scratch: Path) -> str:
    command = [*need_ipfs_car(), "pack", str(folder), "--no-wrap", "--output", str(scratch / "packed.car")]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
