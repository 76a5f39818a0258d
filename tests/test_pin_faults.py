"""What nodes may say that is not so, each to its exit code and its words; nothing is lost, and a later run finishes.

The node is a server on loopback that speaks Kubo's RPC (`fakenode`), so that every part of the program has its say.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakenode import ENDLESS, FakeNode, Reply
from storyteller import Finished, make_identity, run_mirror

from mirror.formats import car
from mirror.formats.cid import CID
from mirror.store.archive import root_of

NAME = "voices.example/archive"
OTHER = CID.of_raw(b"another")

Fault = Callable[[FakeNode], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNode]:
    """An honest node, named in a workspace at edition 2."""
    make_identity(tmp_path / "identity.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIRROR_HOME")
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(tmp_path / "identity.txt"))
    run("init", NAME, "--title", "V", "--language", "en", "--text", "We gather.", "--recovery", "recovery.txt")
    Path("one.txt").write_text("Told.\n")
    run("publish", "--yes", "--no-tokens", "one.txt")
    with FakeNode() as node:
        with Path("voices/mirror.toml").open("a") as file:
            file.write(f'\n[service.home]\nkind = "kubo"\naddress = "{node.address}"\n')
        yield node


def run(*arguments: str) -> Finished:
    return run_mirror("--home", "voices", *arguments)


def archive() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("voices/archive").rglob("*") if path.is_file()}


def says(command: str, *answers: object) -> Fault:
    return lambda fake: fake.says(command, Reply.of(*answers))


def refuses(command: str, message: str, status: int = 500) -> Fault:
    return lambda fake: fake.says(command, Reply.error(message, status))


def garbage(command: str) -> Fault:
    return lambda fake: fake.says(command, Reply(200, b"<html>\x1b[2J welcome"))


def old(fake: FakeNode) -> None:
    fake.version = "0.38.2"


def full(fake: FakeNode) -> None:
    fake.takes_at_most = 1000


def dying(fake: FakeNode) -> None:
    fake.dies_after = 1000


FAULTS: dict[str, tuple[Fault, int, str]] = {
    "too old": (old, 3, r"is kubo 0\.38\.2, older than 0\.39"),
    "no Kubo at all": (lambda fake: fake.says("version", Reply(404, b"404 page not found\n")), 3, "HTTP 404"),
    "not HTTP": (lambda fake: fake.says("version", b"SSH-2.0-OpenSSH_9.2\r\n"), 3, "node home"),
    "a version that is none": (says("version", {"Version": "latest"}), 3, "version 'latest'"),
    "wrong credentials": (refuses("version", "Kubo RPC Access Denied", 403), 3, "HTTP 403|credentials"),
    "its disk is full": (full, 3, "no space left on device"),
    "it dies in the middle": (dying, 3, "node home .*: "),
    "garbage for pins": (garbage("pin/ls"), 3, "node home"),
    "garbage for an import": (garbage("dag/import"), 3, "node home"),
    "an endless answer": (lambda fake: fake.says("version", Reply(200, ENDLESS)), 3, "more than"),
    "fewer blocks": (
        says("dag/import", {"Stats": {"BlockCount": 3, "BlockBytesCount": 9}}), 3, r"took 3 of the \d+ blocks of 0000",
    ),
    "no count of blocks": (says("dag/import", {"Root": {"Cid": {"/": str(OTHER)}}}), 3, "node home"),
    "another pin than asked for": (says("pin/add", {"Pins": [str(OTHER)]}), 3, "pins other than"),
    "a pin that fails": (refuses("pin/add", "pin: block was not found locally"), 3, "block was not found locally"),
    "nothing pinned after all": (says("pin/ls"), 3, "not pinned yet|node home"),
    "an error as long as it likes": (refuses("pin/add", "no " * 100_000), 3, "node home"),
    "another block": (
        lambda fake: fake.says("block/get", Reply(200, b"another")), 1, "answers with other bytes than those of block",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_code_and_words_and_the_next_run_finishes(fake: FakeNode, name: str) -> None:
    fault, code, words = FAULTS[name]
    before = archive()
    honest = fake._told.copy()
    fault(fake)
    finished = run("pin", "--yes", "--wait", "0")
    assert finished.code == code, finished
    said = finished.out + finished.err
    assert re.search(words, said), said
    assert "\x1b" not in said
    assert all(len(line) < 700 for line in said.split("\n")), said
    assert archive() == before
    fake._told, fake.version, fake.takes_at_most, fake.dies_after = honest, "0.43.1", None, None
    assert run("pin", "--yes").code == 0
    assert fake.pins == {str(root_of(Path("voices/archive/editions/000002.car"))): NAME}


def test_a_node_that_is_not_there(fake: FakeNode) -> None:
    fake.__exit__(None, None, None)
    finished = run("pin", "--yes")
    assert finished.code == 3
    assert re.search(r"home +node home \(.*\) cannot be reached: nobody listens there", finished.err)
    assert run("status").code == 3
    assert run("import", "--from", "home").code == 3


def _blocks_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in car.sections(file))


def test_a_pin_that_is_reported_and_not_held_is_false(fake: FakeNode) -> None:
    assert run("pin", "--yes").code == 0
    root = root_of(Path("voices/archive/editions/000002.car"))
    lost = dict(fake.blocks)
    fake.blocks.clear()
    fake.says("dag/import", lambda asked: Reply.of({"Stats": {"BlockCount": count(asked), "BlockBytesCount": 1}}))
    counts = itertools.cycle(_blocks_in(path) for path in sorted(Path("voices/archive/editions").iterdir()))

    def count(_: object) -> int:
        return next(counts)

    finished = run("pin", "--yes")
    assert finished.code == 1, finished
    assert re.search("reports the pin of edition 2, and lacks 4 of the blocks", finished.err)
    fake.behaves("dag/import")
    assert run("pin", "--yes").code == 0
    assert fake.blocks == lost
    assert root in fake.blocks


def test_no_request_says_who_we_are(fake: FakeNode) -> None:
    run("pin", "--yes", "--thorough")
    run("withdraw", "1", "--yes")
    run("pin", "--yes")
    run("status")
    run("import", "--from", "home")
    assert {asked.command for asked in fake.asked} >= {"version", "pin/ls", "dag/import", "pin/add", "block/rm"}
    names = {name.lower() for asked in fake.asked for name in asked.headers}
    ours = {"host", "accept", "accept-encoding", "connection"}
    of_an_upload = {"content-disposition", "content-length", "content-type", "transfer-encoding"}
    assert names <= ours | of_an_upload
    values = " ".join(value for asked in fake.asked for value in asked.headers.values())
    assert not re.search(r"mirror|voices|python|requests|ipfshttp|\.car|/tmp", values, re.IGNORECASE)
