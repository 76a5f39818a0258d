"""The program before real nodes and clusters: what one publishes another fetches, by its hash and by its name.

And what befalls real ones: they die in the middle, their disk is full, they want credentials. The run after finishes.
"""

import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counterparts import need_program
from daemons import Cluster, Kubo, wait_until
from nodes import MakeKubo
from storyteller import Finished, make_identity, run_mirror, spread
from test_disk import run_in_namespace

from mirror.cli import pinning
from mirror.cli.pinning import _Stages
from mirror.cli.sources import open_copy
from mirror.store.archive import root_of

NAME = "voices.example/archive"
FRONT = 'title = "TITLE-OF-ONE"\ntags = ["tag-of-one"]\nattachments = ["own.bin"]\n'
SAID_IN_ONE = (b"Told of one", b"TITLE-OF-ONE", b"tag-of-one", b"own.bin")


class Place:
    """A publisher's workspace at edition 2, with a file of several blocks."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        make_identity(folder / "identity.txt")
        patch.chdir(folder)
        patch.delenv("MIRROR_HOME")
        patch.setenv("MIRROR_STATE", str(folder / "state"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(folder / "identity.txt"))
        founding = ("--title", "Voices", "--language", "en", "--text", "We gather.", "--recovery", "recovery.txt")
        self.run("init", NAME, *founding)
        (folder / "own.bin").write_bytes(os.urandom(3_000_000))
        self.publish("one", "--keep-metadata", "own.bin", front=FRONT)

    def run(self, *arguments: str | Path, code: int = 0) -> Finished:
        finished = run_mirror("--home", "voices", *arguments)
        assert finished.code == code, finished
        return finished

    def publish(self, name: str, *options: str, code: int = 0, front: str = "") -> Finished:
        path = self.folder / f"{name}.md"
        path.write_text(f"+++\n{front}+++\nTold of {name}.\n")
        return self.run("publish", "--yes", "--no-tokens", *options, path, code=code)

    def pin(self, *options: str, code: int = 0) -> dict[str, Any]:
        """What came of pinning to the one service."""
        services = json.loads(self.run("--json", "pin", "--yes", *options, code=code).out)["services"]
        assert len(services) == 1
        return dict(services[0])

    def settings(self, kind: str, address: str, more: str = "") -> None:
        path = self.folder / "voices" / "mirror.toml"
        kept = path.read_text().partition("\n[service.home]")[0]
        path.write_text(f'{kept}\n[service.home]\nkind = "{kind}"\naddress = "{address}"\n{more}')

    def car(self, number: int) -> Path:
        return self.folder / "voices/archive/editions" / f"{number:06d}.car"

    def root(self, number: int) -> str:
        return str(root_of(self.car(number)))

    def tree(self) -> dict[str, bytes]:
        """The newest edition's files, as this machine has them."""
        self.run("export", "-o", "now.car")
        with open_copy(Path("now.car")) as copy:
            spread(copy.get, copy.root, Path("now"))
        found = files_in(Path("now"))
        shutil.rmtree("now")
        Path("now.car").unlink()
        return found


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def fetched(node: Kubo, what: str) -> dict[str, bytes]:
    """What a node writes of a tree, from whomever it has it."""
    to = node.folder / "fetched"
    node.run("get", "-o", to, what)
    found = files_in(to)
    shutil.rmtree(to)
    return found


# The straight way


def test_a_stranger_fetches_by_hash_and_by_name_what_was_pinned(place: Place, pair: tuple[Kubo, Kubo]) -> None:
    home, stranger = pair
    place.settings("kubo", home.address)
    place.publish("two", "--pin")
    assert place.root(3) in home.pins()
    assert fetched(stranger, place.root(3)) == place.tree()
    key = json.loads(place.run("--json", "status").out)["key"]
    assert stranger.run("name", "resolve", "--nocache", key).decode().strip() == f"/ipfs/{place.root(3)}"

    before = home.pins()
    document = json.loads(place.run("--json", "publish", "--yes", "--no-tokens", "--pin", three(place)).out)
    (pinned,) = document["pinned"]
    assert pinned["editions_sent"] == [4]
    assert pinned["bytes_sent"] == place.car(4).stat().st_size  # the upload is the new CAR and nothing else
    assert home.pins() == before - {place.root(3)} | {place.root(4)}
    assert fetched(stranger, place.root(4)) == place.tree()
    assert stranger.run("name", "resolve", "--nocache", key).decode().strip() == f"/ipfs/{place.root(4)}"
    place.run("pin", "--thorough")


def three(place: Place) -> Path:
    path = place.folder / "three.md"
    path.write_text("Told of three.\n")
    return path


def test_kubo_itself_verifies_the_name(place: Place, kubo_new: Kubo) -> None:
    place.settings("kubo", kubo_new.address)
    place.publish("two", "--pin", code=3)  # it knows nobody, and so keeps no name
    record = place.folder / "voices/archive/name.ipns-record"
    key = json.loads(place.run("--json", "status").out)["key"]
    inspected = json.loads(kubo_new.run("name", "inspect", "--enc=json", "--verify", key, record))
    assert inspected["Validation"]["Valid"]
    assert inspected["Entry"]["Value"] == f"/ipfs/{place.root(3)}"
    assert inspected["Entry"]["Sequence"] == 3


def lying_on(node: Kubo) -> list[bytes]:
    """Every block that a node has, pinned or not."""
    return [node.rpc("block/get", cid) for cid in node.run("refs", "local").decode().split()]


def test_what_is_withdrawn_leaves_a_real_node(place: Place, kubo: Kubo) -> None:
    place.settings("kubo", kubo.address)
    place.pin()
    blocks = kubo.run("refs", "-r", place.root(1), place.root(2)).decode().split()
    assert all(any(word in block for block in lying_on(kubo)) for word in SAID_IN_ONE)
    place.run("withdraw", "1", "--yes")
    kept = set(kubo.run("refs", "local").decode().split())
    result = place.pin()
    gone = kept - set(kubo.run("refs", "local").decode().split())
    assert result["removed"] == 6  # the note, its folder, the file and its three pieces
    assert result["removed_pages"] == len(gone) - 6 > 0
    assert {cid[8:] for cid in gone} <= {cid[8:] for cid in blocks}  # a node lists all its blocks as raw ones
    assert not any(kubo.has(cid) for cid in gone)
    assert not any(word in block for block in lying_on(kubo) for word in SAID_IN_ONE)
    assert result["kept"] == {}


def test_older_editions_that_somebody_pinned_are_named(place: Place, kubo: Kubo) -> None:
    place.settings("kubo", kubo.address)
    place.pin()
    place.publish("two", "--pin", code=3)
    kubo.run("pin", "add", "--name=by hand", place.root(2))
    place.run("withdraw", "1", "--yes")
    result = place.pin(code=3)
    assert len(result["kept"]) > 0
    assert result["kept_by"] == [{"name": "by hand", "root": place.root(2)}]
    kubo.run("pin", "rm", place.root(2))
    assert place.pin()["removed"] == 6


def test_a_cluster_by_one_setting(place: Place, kubo_new: Kubo, cluster_of: Callable[[int], Cluster]) -> None:
    place.settings("kubo", kubo_new.address)
    place.pin()
    cluster = cluster_of(2)
    place.settings("cluster", cluster.peers[0].url)
    result = place.pin()
    assert (result["state"], result["copies"], result["wanted"]) == ("pinned", 2, 2)
    assert result["editions_sent"] == [1, 2]
    assert {state for _, state in result["peers"]} == {"pinned"}
    place.publish("two")
    result = place.pin()
    assert result["editions_sent"] == [3]
    assert result["unpinned"] == [2]
    for peer in cluster.peers:
        wait_until(lambda peer=peer: place.root(2) not in peer.node.pins(), "the older edition is let go")  # type: ignore[misc]
        assert place.root(3) in peer.node.pins()
    shown = place.run("status").out
    assert "held by       home (cluster): edition 3, 2 of 2 copies\n" in shown


# What befalls them


def test_a_node_that_dies_in_the_middle_is_said_and_the_next_run_finishes(
    place: Place, kubo: Kubo, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.settings("kubo", kubo.address)
    honest = _Stages.send

    def send(self: _Stages, done: int, total: int) -> None:
        honest(self, done, total)
        if done > 1_000_000 and kubo.is_running:
            kubo.kill()

    monkeypatch.setattr(pinning._Stages, "send", send)
    result = place.pin(code=3)
    assert re.search(r"node home \(.*\) (ended the connection|cannot be reached|closed)", result["error"]), result
    monkeypatch.undo()
    os.chdir(place.folder)
    monkeypatch.setenv("MIRROR_STATE", str(place.folder / "state"))
    kubo.start()
    assert place.pin()["state"] == "pinned"
    assert place.root(2) in kubo.pins()
    place.run("pin", "--thorough")


def test_a_node_whose_disk_is_full_says_so_and_the_next_run_finishes(place: Place, make_kubo: MakeKubo) -> None:
    run_in_namespace("true", place.folder)
    node = make_kubo(started=False)
    real = node.program
    small = node.folder / "small"
    small.write_text(
        f"#!/bin/sh\nexec {need_program('unshare')} -rm sh -euc '"
        "cp -a $IPFS_PATH/blocks $IPFS_PATH.kept; mount -t tmpfs -o size=1m none $IPFS_PATH/blocks; "
        f"cp -a $IPFS_PATH.kept/. $IPFS_PATH/blocks; exec {real} daemon'\n"
    )
    small.chmod(small.stat().st_mode | stat.S_IXUSR)
    node._command = [str(small)]
    node.start()
    place.settings("kubo", node.address)
    result = place.pin(code=3)
    assert "no space left on device" in result["error"]
    assert node.pins().isdisjoint({place.root(1), place.root(2)})
    node.stop()
    node._command = [str(real), "daemon"]
    node.start()
    assert place.pin()["state"] == "pinned"
    place.run("pin", "--thorough")


def test_a_node_that_wants_credentials_is_refused_and_then_served(place: Place, make_kubo: MakeKubo) -> None:
    secret = {"AuthSecret": "basic:voices:correct horse", "AllowedPaths": ["/api/v0"]}
    node = make_kubo(settings={"API.Authorizations": {"mirror": secret}})
    place.settings("kubo", node.address)
    result = place.pin(code=3)
    assert "403" in result["error"] or "401" in result["error"] or "credentials" in result["error"], result
    read, write = os.pipe()
    os.write(write, b"voices:correct horse\n")
    os.close(write)
    place.run("pin", "--credentials", "home", "--credentials-fd", str(read))
    os.close(read)
    assert place.pin()["state"] == "pinned"


def test_a_node_that_lost_blocks_behind_its_pin_is_mended(place: Place, kubo: Kubo) -> None:
    place.settings("kubo", kubo.address)
    place.pin()
    kubo.stop()
    found = list((kubo.repository / "blocks").rglob("*.data"))
    lost = max(found, key=lambda path: path.stat().st_size)
    lost.unlink()
    kubo.start()
    assert place.pin()["state"] == "pinned"  # nobody looked
    finished = place.run("pin", "--thorough")
    assert "lacks 1 of the blocks that were asked for" in finished.err
    assert "pinned: edition 2; sent 2 editions" in finished.out
    assert "lacks" not in place.run("pin", "--thorough").err


def test_an_older_copy_is_refused_and_catches_up(place: Place, kubo: Kubo) -> None:
    place.settings("kubo", kubo.address)
    shutil.copytree("voices", "older")
    place.publish("two", "--pin", code=3)
    shutil.rmtree("state")
    path = place.folder / "late.md"
    path.write_text("Told late.\n")
    publish = ("--home", "older", "publish", "--yes", "--no-tokens", "--this-is-newest", path)
    refused = run_mirror(*publish)
    assert refused.code == 4
    assert "home holds edition 3 of this mirror" in refused.err
    brought = run_mirror("--home", "older", "import", "--from", "home")
    assert brought.code == 0, brought
    assert run_mirror(*publish).code == 0
