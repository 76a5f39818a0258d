"""Links without a copy: fetched from real gateways on this machine, of which none is believed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from laid import Publisher
from listening import Listener, answering
from serving import Asking, serving, shelf_of
from storyteller import Finished, run_mirror

from mirror.cli.sources import open_copy
from mirror.formats.cid import CID, DAG_PB
from mirror.store.archive import Archive


class World:
    """A mirror of forty testimonies, `mirror serve` for it, and a reader who knows nothing yet."""

    def __init__(self, publisher: Publisher, asking: Asking) -> None:
        self.publisher = publisher
        self.asking = asking
        self.vkey = publisher.vkey
        with open_copy(publisher.home) as copy:
            self.root, self.get = copy.root, copy.get

    @property
    def this(self) -> str:
        return f"ipfs://{self.root}#{self.vkey}"

    @property
    def newest(self) -> str:
        return str(self.publisher.run("announce")["newest_link"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    publisher = Publisher(tmp_path_factory.mktemp("publisher"))
    publisher.publish([f"Testimony {number} of a day." for number in range(1, 41)])
    publisher.run("name")
    with Archive(publisher.home / "archive") as archive:
        shelf = shelf_of(archives=[archive], now=datetime.now(UTC))
        with serving(shelf) as asking:
            yield World(publisher, asking)


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder and memory, both empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))
    return tmp_path


def run_json(*arguments: str) -> tuple[int, Any, str]:
    finished = run_mirror("--json", *arguments)
    return finished.code, json.loads(finished.out or "null"), finished.err


def states(report: Any) -> dict[str, str]:
    return {claim: said["state"] for claim, said in report["claims"].items()}


@pytest.mark.parametrize("form", ["this", "newest"])
def test_a_whole_mirror_is_verified_by_its_link(world: World, form: str) -> None:
    link = getattr(world, form)
    code, report, err = run_json("verify", "--gateway", world.asking.url, link)
    assert code == 3, err  # the key is not confirmed
    assert states(report) == {
        "key": "not checked",
        "unchanged": "holds",
        "signed": "holds",
        "complete": "holds",
        "append-only": "not checked",
        "existed by": "not checked",
    }
    assert report["index_hash"] == str(world.root)
    assert report["counts"]["testimonies"] == 40
    [source] = report["sources"]
    assert source["who"] == world.asking.url
    assert source["blocks"] > 50
    assert (source["absent"], source["lied"], source["failed"]) == (0, None, None)
    assert f"asking 1 gateway: {world.asking.url}\n" in err


def test_a_confirmed_key_makes_it_hold_and_it_is_remembered(world: World) -> None:
    assert run_mirror("trust", "--yes", world.newest).code == 0
    assert run_json("verify", "--gateway", world.asking.url, world.newest)[0] == 0
    code, report, _ = run_json("verify", "--gateway", world.asking.url, world.newest)
    assert (code, states(report)["append-only"]) == (0, "holds")


def test_a_gateways_address_is_a_link_and_the_gateway_alone_is_asked(world: World) -> None:
    code, report, err = run_json("verify", f"{world.asking.url}/ipfs/{world.root}#{world.vkey}")
    assert code == 3, err
    assert [each["who"] for each in report["sources"]] == [world.asking.url]


def test_a_bare_cid_goes_by_the_charters_key(world: World) -> None:
    code, report, _ = run_json("verify", "--gateway", world.asking.url, str(world.root))
    assert (code, report["vkey"]) == (3, world.vkey)


def test_one_testimony_is_judged_by_what_its_proof_needs(world: World) -> None:
    link = f"ipfs://{world.root}/note/00/00/00/17.txt#{world.vkey}"
    code, report, err = run_json("verify", "--gateway", world.asking.url, "--key", world.vkey, link)
    assert (code, states(report)["complete"]) == (0, "holds"), err
    assert report["sources"][0]["blocks"] <= 20


def test_testimonies_are_read_and_listed_by_a_link(world: World) -> None:
    finished = run_mirror("read", "--gateway", world.asking.url, "--key", world.vkey, world.newest, "7")
    assert finished.code == 0, finished
    assert "| Testimony 7 of a day.\n" in finished.out
    assert "Testimony 8" not in finished.out
    assert "not checked: whether it was withdrawn later" in finished.out
    whole = run_mirror("read", "--gateway", world.asking.url, "--key", world.vkey, world.newest)
    assert (whole.code, whole.out.count("| Testimony ")) == (0, 40)
    assert "not checked" not in whole.out
    listed = run_json("list", "--gateway", world.asking.url, world.newest)
    assert (listed[0], len(listed[1]["entries"])) == (0, 41)


def test_a_key_is_found_by_a_link_without_one(world: World) -> None:
    link = world.newest.partition("#")[0]
    finished = run_mirror("--json", "trust", "--gateway", world.asking.url, "--yes", link)
    assert json.loads(finished.out)["vkey"] == world.vkey


def test_a_liar_is_named_and_the_verdict_stands(world: World) -> None:
    with Listener(answering(b"something else", Content_Type="application/vnd.ipld.raw")) as liar:
        code, report, _ = run_json("verify", "--gateway", liar.url, "--gateway", world.asking.url, world.this)
    assert (code, states(report)["complete"]) == (3, "holds")
    assert report["sources"][0]["lied"]
    assert report["sources"][1]["blocks"] > 50


def test_a_note_is_judged_by_its_own_cid(world: World) -> None:
    listed = run_json("list", "--gateway", world.asking.url, world.this)[1]["entries"]
    link = f"ipfs://{listed[9]['cid']}#{world.vkey}"
    code, report, err = run_json("verify", "--gateway", world.asking.url, "--key", world.vkey, link)
    found = states(report)
    assert (code, found["unchanged"], found["signed"], found["complete"]) == (0, "holds", "holds", "holds"), err
    assert (report["sources"][0]["blocks"], report["size"]) == (1, 41)
    for command in ("read", "list"):
        finished = run_mirror(command, "--gateway", world.asking.url, link)
        assert finished.code == 2
        assert "is one block, and no mirror's tree" in finished.err
    finished = run_mirror("verify", "--gateway", world.asking.url, link.replace("#", "/note#"))
    assert (finished.code, finished.out) == (2, "")


def test_an_announcement_leads_to_what_it_announces(world: World, tmp_path: Path) -> None:
    world.publisher.run("announce", "--note", str(tmp_path / "announcement.txt"))
    asked = ("verify", "--gateway", world.asking.url, "--key", world.vkey)
    code, report, err = run_json(*asked, "announcement.txt")
    assert (code, report["index_hash"], states(report)["complete"]) == (0, str(world.root), "holds"), err
    (tmp_path / "link.txt").write_text(world.this)
    assert run_mirror(*asked, "link.txt").code == 0
    (tmp_path / "edited.txt").write_text((tmp_path / "announcement.txt").read_text().replace("Size: 41", "Size: 42"))
    code, report, _ = run_json(*asked, "edited.txt")
    assert (code, [fault["item"] for fault in report["false"]]) == (1, ["announcement.txt"])
    finished = run_mirror(*asked, str(world.publisher.home))
    assert (finished.code, finished.out) == (2, "")
    assert "--gateway goes with a link or an announcement; this lies here already" in finished.err


def test_what_nobody_has_is_not_false(world: World) -> None:
    absent = CID.of(DAG_PB, b"nobody has this")
    for command in (["verify"], ["read"], ["list"]):
        finished = run_mirror(*command, "--gateway", world.asking.url, f"ipfs://{absent}/note/00/00/00/01.txt")
        assert finished.code == 3, finished


def test_with_the_proxy_down_nothing_connects(world: World) -> None:
    finished = run_mirror(
        "--proxy", "socks5h://127.0.0.1:1", "verify", "--gateway", "http://gateway.example", world.newest
    )
    assert (finished.code, finished.out) == (3, "")
    assert "asking 1 gateway through socks5h://127.0.0.1:1: http://gateway.example\n" in finished.err
    assert "proxy" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gateway", "nonsense"], "--gateway nonsense: not an address that begins with http:// or https://"),
        (["--gateway", "http://a:b@c"], "holds a user or a password"),
        ([option for n in range(65) for option in ("--gateway", f"http://g{n}")], "65 gateways, more than 64"),
    ],
)
def test_what_is_no_gateway_is_wrong_usage(world: World, arguments: list[str], words: str) -> None:
    finished: Finished = run_mirror("verify", *arguments, world.this)
    assert (finished.code, finished.out) == (2, "")
    assert words in finished.err
