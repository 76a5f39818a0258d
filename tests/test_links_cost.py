"""One testimony costs one testimony: what a reader fetches of it out of a log of a million."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import Kubo
from gateways import FakeGateway
from largelog import a_large_log
from listening import Line, answering
from serving import Asking, serving, shelf_of
from storyteller import run_mirror
from strategies import KEY

from mirror import tree
from mirror.formats import car
from mirror.formats.cid import CID

SIZE, INDEX = 1_000_000, 654_321
BLOCKS_AT_MOST, BYTES_AT_MOST = 40, 200_000
"""What may come beside the note."""

NOTE_BYTES_AT_MOST = 40_000
"""What may come of a note that is named by its own CID, and of its log over HTTP."""

Log = tuple[dict[CID, bytes], CID]


@pytest.fixture(scope="module")
def log() -> Log:
    return a_large_log(SIZE, INDEX)


@pytest.fixture(scope="module")
def large(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CAR of it."""
    blocks, root = log
    path = tmp_path_factory.mktemp("large") / "large.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        for cid, data in blocks.items():
            writer.put(cid, data)
        writer.seal(root)
    return path


@pytest.fixture(scope="module")
def asking(large: Path) -> Iterator[Asking]:
    """A real `mirror serve` of it."""
    with serving(shelf_of(cars=[large])) as asking:
        yield asking


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))


def link_to(root: CID) -> str:
    return f"ipfs://{root}/{'/'.join(tree.note_path(INDEX))}#{KEY.public.vkey}"


def link_to_note(log: Log) -> str:
    blocks, root = log
    note = tree.Tree(root, blocks.__getitem__).link(tree.note_path(INDEX)).cid
    return f"ipfs://{note}#{KEY.public.vkey}"


def check_cost(gateway: str, root: CID) -> None:
    finished = run_mirror("--json", "verify", "--gateway", gateway, "--key", KEY.public.vkey, link_to(root))
    assert finished.code == 0, finished
    [source] = json.loads(finished.out)["sources"]
    assert source["blocks"] <= BLOCKS_AT_MOST
    assert source["bytes"] <= BYTES_AT_MOST


def test_one_of_a_million_from_a_mirror_serve(log: Log, asking: Asking) -> None:
    check_cost(asking.url, log[1])


def test_one_of_a_million_from_a_kubo(log: Log, large: Path, kubo: Kubo) -> None:
    kubo.run("dag", "import", "--pin-roots=false", large)
    check_cost(kubo.gateway, log[1])


def test_it_is_read_for_as_much(log: Log, asking: Asking) -> None:
    finished = run_mirror("read", "--gateway", asking.url, "--key", KEY.public.vkey, link_to(log[1]))
    assert finished.code == 0, finished
    assert "| The one that is looked for.\n" in finished.out
    brought = finished.err.split("brought ")[1]
    assert int(brought.split(": ")[1].split(" ")[0]) <= BLOCKS_AT_MOST
    assert int(brought.split(", ")[1].split(" ")[0]) <= BYTES_AT_MOST


def test_a_note_by_its_own_cid_costs_less_than_the_tiles_of_its_proof(log: Log, asking: Asking) -> None:
    finished = run_mirror("--json", "verify", "--gateway", asking.url, "--key", KEY.public.vkey, link_to_note(log))
    report = json.loads(finished.out)
    [source] = report["sources"]
    assert (finished.code, source["blocks"], report["size"]) == (0, 1, SIZE), finished
    assert source["bytes"] <= NOTE_BYTES_AT_MOST


class LogKeeper(FakeGateway):
    """A gateway that keeps a log beside the tree, which is not the one it says."""

    logs = 0

    def _answer(self, line: Line) -> None:
        if line.head.startswith(b"GET /log/"):
            self.logs += 1
            answering(b"\0" * 8192)(line)
        else:
            super()._answer(line)


def test_a_false_log_beside_the_tree_shows_nothing(log: Log) -> None:
    with LogKeeper(log[0]) as keeper:
        arguments = ("--json", "verify", "--gateway", keeper.url, "--key", KEY.public.vkey, link_to(log[1]))
        finished = run_mirror(*arguments)
    assert finished.code == 0, finished
    [source] = json.loads(finished.out)["sources"]
    assert keeper.logs > 0
    assert (source["lied"], source["blocks"]) == (None, 23)


def test_one_of_a_million_from_a_gateway_that_gives_blocks_alone(log: Log) -> None:
    with FakeGateway(log[0]) as gateway:
        finished = run_mirror("--json", "verify", "--gateway", gateway.url, "--key", KEY.public.vkey, link_to(log[1]))
    [source] = json.loads(finished.out)["sources"]
    assert (finished.code, source["blocks"]) == (0, 23)
    assert source["bytes"] <= BYTES_AT_MOST


@pytest.mark.parametrize("gateway", [LogKeeper, FakeGateway], ids=["a false proof", "no proof"])
def test_without_a_proof_that_is_true_a_note_is_judged_alone(gateway: type[FakeGateway], log: Log) -> None:
    with gateway(log[0]) as keeper:
        link = link_to_note(log)
        finished = run_mirror("--json", "verify", "--gateway", keeper.url, "--key", KEY.public.vkey, link)
    complete = json.loads(finished.out)["claims"]["complete"]
    assert (finished.code, complete["state"]) == (3, "not checked"), finished
    assert "a note alone does not show" in str(complete)
