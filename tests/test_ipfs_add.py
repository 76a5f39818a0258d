"""The index hash is what Kubo makes of the files; and Kubo hands on what `mirror` exports, byte for byte.

`ipfs add -r` knows nothing of notes, logs and editions: it sees a folder. With the profile ``unixfs-v1-2025``, which
Kubo has since 0.40, and before with the four flags that the profile stands for, it comes to the same hash over each
tree here. It is a real import, into a repository that has nothing yet, without any network.
"""

import filecmp
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from counterparts import CHECKOUT, shared
from daemons import Kubo
from laid import Publisher
from nodes import MakeKubo

PROFILE = "unixfs-v1-2025"
FLAGS = ("--cid-version=1", "--raw-leaves", "--chunker=size-1048576", "--max-file-links=1024")
"""What the profile stands for in a Kubo that does not know it; its folders are small enough for any threshold."""

MANY = 10_000
"""Testimonies in the largest tree."""


@dataclass(frozen=True)
class Laid:
    """A published mirror, its index hash, its newest tree as files, and the CAR of that tree."""

    publisher: Publisher
    index_hash: str
    tree: Path
    car: Path


def lay(publisher: Publisher) -> Laid:
    """Write out what was published."""
    car = publisher.folder / "voices.car"
    publisher.run("export", "-o", car)
    tree = publisher.lay(publisher.folder / "tree")
    return Laid(publisher, publisher.run("status")["index_hash"], tree, car)


def publish_samples(publisher: Publisher) -> None:
    publisher.run("publish", "--no-tokens", "--yes", CHECKOUT / "docs" / "samples")


def publish_declaration(publisher: Publisher) -> None:
    """Each translation of the Universal Declaration of Human Rights as a testimony."""
    folder = shared("data/udhr")
    texts = publisher.folder / "texts"
    texts.mkdir()
    for name, about in json.loads((folder / "languages.json").read_text(encoding="utf-8")).items():
        head = "".join(f"{key} = {json.dumps(about[key], ensure_ascii=False)}\n" for key in ("title", "language"))
        (texts / name).write_text(f"+++\n{head}+++\n\n{(folder / name).read_text(encoding='utf-8')}", encoding="utf-8")
    publisher.run("publish", "--no-tokens", "--yes", texts)


def publish_attachment(publisher: Publisher) -> None:
    """A testimony with a file of 5 MB: five blocks and one that lists them. A second, smaller edition follows."""
    drafts = publisher.folder / "drafts"
    drafts.mkdir()
    (drafts / "scan.bin").write_bytes(b"".join(number.to_bytes(8) for number in range(5_000_000 // 8)))
    (drafts / "one.md").write_text('+++\nlanguage = "en"\nattachments = ["scan.bin"]\n+++\n\nThey kept a copy.\n')
    publisher.run("publish", "--no-tokens", "--yes", "--keep-metadata", "scan.bin", drafts)
    publisher.publish(["Another."])


def publish_many(publisher: Publisher) -> None:
    publisher.publish([f"Testimony {number}.\n\nΜαρτυρία {number}." for number in range(1, MANY + 1)])


TREES: dict[str, Callable[[Publisher], None]] = {
    "samples": publish_samples,
    "declaration": publish_declaration,
    "attachment": publish_attachment,
    "many": publish_many,
}


@pytest.fixture(scope="module", params=TREES)
def laid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """Each kind of mirror, published once."""
    publisher = Publisher(tmp_path_factory.mktemp(request.param))
    TREES[request.param](publisher)
    return lay(publisher)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """A mirror of a few testimonies, one with an attachment."""
    publisher = Publisher(tmp_path_factory.mktemp("small"))
    publish_attachment(publisher)
    return lay(publisher)


def add(make_kubo: MakeKubo, name: str, tree: Path) -> str:
    """The hash that a Kubo of this version makes of a folder, by the profile."""
    has_profile = name == "kubo"
    node = make_kubo(name, started=False, profiles=(PROFILE,) if has_profile else ())
    flags = () if has_profile else FLAGS
    return node.run("add", "-r", "-Q", "--pin=false", *flags, tree).decode().strip()


@pytest.mark.parametrize("name", ["kubo", "kubo-old"])
def test_ipfs_add_makes_the_index_hash(name: str, laid: Laid, make_kubo: MakeKubo) -> None:
    assert add(make_kubo, name, laid.tree) == laid.index_hash


@pytest.mark.parametrize("name", ["kubo", "kubo-old"])
def test_ipfs_add_makes_another_hash_of_other_files(
    name: str, small: Laid, tmp_path: Path, make_kubo: MakeKubo
) -> None:
    tree = small.publisher.lay(tmp_path / "tree")
    (tree / "checkpoint").write_bytes((tree / "checkpoint").read_bytes() + b"\n")
    assert add(make_kubo, name, tree) != small.index_hash


@pytest.mark.parametrize("name", ["kubo", "kubo-old"])
def test_ipfs_add_makes_another_hash_without_the_profile(name: str, small: Laid, make_kubo: MakeKubo) -> None:
    node = make_kubo(name, started=False)
    assert node.run("add", "-r", "-Q", "--only-hash", small.tree).decode().strip() != small.index_hash


def chunks(path: Path) -> Any:
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            yield data


def same_files(one: Path, other: Path) -> None:
    """Fails unless two folders hold the same names and bytes."""
    listed = [{path.relative_to(base): path for path in base.rglob("*")} for base in (one, other)]
    assert listed[0].keys() == listed[1].keys()
    files = [name for name, path in listed[0].items() if path.is_file()]
    assert filecmp.cmpfiles(one, other, [os.fspath(name) for name in files], shallow=False)[1:] == ([], [])


def test_a_second_node_fetches_what_was_imported(pair: tuple[Kubo, Kubo], small: Laid, tmp_path: Path) -> None:
    one, other = pair
    answers = one.rpc("dag/import", file=chunks(small.car), stats="true").decode().split("\n")
    roots = [json.loads(line)["Root"] for line in answers if '"Root"' in line]
    assert [(root["Cid"]["/"], root["PinErrorMsg"]) for root in roots] == [(small.index_hash, "")]
    other.run("get", "-o", tmp_path / "got", small.index_hash)
    same_files(tmp_path / "got", small.tree)


def test_a_fetched_tree_makes_the_index_hash_again(
    kubo_new: Kubo, small: Laid, tmp_path: Path, make_kubo: MakeKubo
) -> None:
    kubo_new.rpc("dag/import", file=chunks(small.car))
    kubo_new.run("get", "-o", tmp_path / "got", small.index_hash)
    assert add(make_kubo, "kubo", tmp_path / "got") == small.index_hash


def test_a_node_exports_the_same_blocks(kubo: Kubo, small: Laid, tmp_path: Path) -> None:
    kubo.rpc("dag/import", file=chunks(small.car))
    (tmp_path / "again.car").write_bytes(kubo.rpc("dag/export", small.index_hash))
    assert (tmp_path / "again.car").read_bytes() == small.car.read_bytes()
