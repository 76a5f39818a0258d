"""A reader without scripts does what the front page says: its commands are run, on what is right and on what is not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from counterparts import need_program, need_service
from daemons import Kubo
from laid import Publisher
from parsed import Page, parse

from mirror.site import places
from mirror.site.words import LANGUAGES

PROGRAMS = ("base32", "base64", "cut", "head", "od", "openssl", "sed", "sha256sum", "tail", "tr")

GOOD = "Signature Verified Successfully"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror of three testimonies, saved as files: the folder `tree`, the newest note and `index-hash.txt`."""
    base = tmp_path_factory.mktemp("front")
    publisher = Publisher(base)
    publisher.publish(["One.\n\nWithdrawal: not this one", "Two."])
    told = publisher.publish(["Three.\n\nدوباره\n\nRoot-Hash: fake"])
    publisher.lay(base / "tree")
    shutil.copy(base / "tree/note/00/00/00/03.txt", base / "note.txt")
    (base / "index-hash.txt").write_text(told["index_hash"])
    (base / "vkey.txt").write_text(publisher.vkey)
    return base


@pytest.fixture
def reader(archive: Path, tmp_path: Path) -> Path:
    """A reader's folder, with what the page says to save."""
    return Path(shutil.copytree(archive, tmp_path / "reader"))


def front(folder: Path, *path: str) -> Page:
    """The front page that was saved, or another page."""
    return parse(folder.joinpath("tree", *(path or places.FRONT)).read_bytes())


def commands(page: Page) -> list[str]:
    """What it says to type, step by step."""
    return [each.text for each in page.all("code", class_="sh")]


def follow(folder: Path, *, shell: str = "sh", ipfs: str = "") -> list[str]:
    """Type everything, and give the lines that were printed; without an IPFS program, not the step for that."""
    for program in (shell, *PROGRAMS):
        need_program(program)
    steps = [each for each in commands(front(folder)) if ipfs or not each.startswith("ipfs ")]
    script = "\n".join(steps).replace("ipfs add", f"{ipfs} add")
    ran = subprocess.run([shell, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    return ran.stdout.rstrip("\n").split("\n")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_the_front_page_says_to_type_prints_what_it_says(reader: Path, shell: str) -> None:
    page = front(reader)
    assert (reader / "vkey.txt").read_text() in commands(page)[0]
    shown = front(reader, *places.page(0)).first("article", id="3")
    lines = follow(reader, shell=shell)
    assert lines[0].split()[0] in shown.text
    assert lines[1:3] == [GOOD, "mirror/v1 testimony"]
    numbers = [each.text for each in page.all("dd")[:3]]
    size, root_hash, edition = numbers
    assert lines[3:9] == [GOOD, "mirror/v1 edition", edition, size, root_hash, GOOD]
    assert lines[9:12] == ["voices.example/archive", size, root_hash]
    assert len(lines) == 14
    assert re.fullmatch("[0-9a-f]{64}", lines[12])
    assert lines[12] == lines[13]


def test_the_folder_has_the_index_hash(reader: Path, tmp_path: Path) -> None:
    node = Kubo(need_service("kubo"), tmp_path / "node")
    lines = follow(reader, ipfs=f"env IPFS_PATH={node.repository} {node.program}")
    assert lines[3] == (reader / "index-hash.txt").read_text()


@pytest.mark.parametrize(
    ("path", "old", "new", "line", "says"),
    [
        ("note.txt", b"Three", b"Threa", 1, "Signature Verification Failure"),
        ("tree/edition.txt", b"\nSize: 4", b"\nSize: 5", 3, "Signature Verification Failure"),
        ("tree/checkpoint", b"\n4\n", b"\n5\n", 8, "Signature Verification Failure"),
    ],
)
def test_what_was_changed_is_not_signed(reader: Path, path: str, old: bytes, new: bytes, line: int, says: str) -> None:
    data = (reader / path).read_bytes()
    assert old in data
    (reader / path).write_bytes(data.replace(old, new, 1))
    assert follow(reader)[line] == says


def test_a_testimony_that_the_log_does_not_list_there_gives_two_lines(reader: Path) -> None:
    shutil.copy(reader / "tree/note/00/00/00/01.txt", reader / "note.txt")
    lines = follow(reader)
    assert lines[1] == GOOD
    assert len(lines) == 14
    assert lines[12] != lines[13]


def test_a_key_of_somebody_else_verifies_nothing(reader: Path, tmp_path: Path) -> None:
    other = Publisher(tmp_path).vkey
    page = reader.joinpath("tree", *places.FRONT)
    page.write_text(page.read_text("utf-8").replace((reader / "vkey.txt").read_text(), other), "utf-8")
    lines = follow(reader)
    assert GOOD not in lines
    assert lines.count("Signature Verification Failure") == 3


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_says_the_same_commands(archive: Path, tag: str) -> None:
    page = front(archive, *places.front(tag))
    assert commands(page) == commands(front(archive))
    assert {each.attributes.get("dir") for each in page.all("pre")} == {"ltr"}
