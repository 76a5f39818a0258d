"""The same `Node` before real Kubos, the newest and the oldest that we support."""

import datetime as dt
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import Cluster, Kubo
from strategies import KEY
from workbench import Bench

from mirror.errors import Missing, Unavailable
from mirror.formats import car, ipns
from mirror.formats.cid import CID, DAG_PB
from mirror.network import kubo as kubos
from mirror.network.held import Authorization, Held
from mirror.network.kubo import Node

MIRROR = "voices.example"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A mirror with two editions: its charter, and a testimony."""
    made = Bench(tmp_path)
    made.publish(made.write("one.md", title="One"))
    yield made
    made.workspace.archive.close()


@pytest.fixture
def node(kubo: Kubo) -> Iterator[Node]:
    with Node("home", kubo.address) as opened:
        yield opened


def roots(bench: Bench) -> list[CID]:
    """The index hash of each edition."""
    found = []
    for path in bench.workspace.archive.editions().values():
        with path.open("rb") as file:
            found += car.read_header(file).roots
    return found


def blocks(path: Path) -> dict[CID, bytes]:
    with path.open("rb") as file:
        return dict(car.blocks(file))


def send(node: Node, path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    with path.open("rb") as file:
        return node.send(file, path.stat().st_size, progress)


def editions(bench: Bench) -> list[Path]:
    return list(bench.workspace.archive.editions().values())


def names(kubo: Kubo) -> dict[str, str]:
    """The name of every pin by its root, the node's own empty folder left out."""
    lines = kubo.rpc("pin/ls", type="recursive", names="true", stream="true").decode().strip().split("\n")
    pins = [json.loads(line) for line in lines if line]
    return {pin["Cid"]: pin["Name"] for pin in pins if pin.get("Name")}


def test_its_version_is_told(kubo: Kubo, node: Node) -> None:
    assert node.probe() == f"kubo {kubo.version}"


def test_editions_are_sent_and_the_pin_moves(kubo: Kubo, node: Node, bench: Bench) -> None:
    first, second = roots(bench)
    one, two = editions(bench)
    assert node.state(first) is None
    assert send(node, one) == len(blocks(one))
    node.pin(first, MIRROR, instead_of=None)
    assert (names(kubo), node.held(MIRROR)) == ({str(first): MIRROR}, [Held(first, "pinned")])

    assert send(node, two) == len(blocks(two))
    node.pin(second, MIRROR, instead_of=first)
    assert names(kubo) == {str(second): MIRROR}
    assert node.state(second) == Held(second, "pinned")
    assert node.state(first) is None
    for cid, data in blocks(two).items():
        assert node.has(cid)
        assert node.block(cid) == data

    node.pin(second, MIRROR, instead_of=first)  # again, as after an answer that was lost
    assert names(kubo) == {str(second): MIRROR}


def test_an_old_pin_beside_the_new_one_is_dropped(kubo: Kubo, node: Node, bench: Bench) -> None:
    first, second = roots(bench)
    for path in editions(bench):
        send(node, path)
    kubo.rpc("pin/add", str(first), name=MIRROR)
    kubo.rpc("pin/add", str(second), name="by hand")
    node.pin(second, MIRROR, instead_of=first)
    assert names(kubo) == {str(second): MIRROR}
    node.unpin(second)
    node.unpin(second)
    assert names(kubo) == {}


def test_what_it_does_not_hold_is_missing(node: Node) -> None:
    absent = CID.of_raw(b"absent")
    assert not node.has(absent)
    with pytest.raises(Missing):
        node.block(absent)
    with pytest.raises(Missing):
        list(node.export(absent))
    assert node.remove([absent]) == {}
    assert node.pins_that_hold(absent) == []
    with pytest.raises(Missing):
        node.get_name(KEY.public.ipns)


def test_pinning_without_all_blocks_is_left_and_a_second_run_finishes(
    kubo: Kubo, node: Node, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubos, "IDLE_AT_MOST", 4)
    _, second = roots(bench)
    one, two = editions(bench)
    send(node, two)
    with pytest.raises(Unavailable, match=f"misses a block below {second}") as caught:
        node.pin(second, MIRROR, instead_of=None)
    assert caught.value.how == "timed out"
    send(node, one)
    node.pin(second, MIRROR, instead_of=None)
    assert names(kubo) == {str(second): MIRROR}


def test_moving_without_all_blocks_is_left_and_a_second_run_finishes(
    kubo: Kubo, node: Node, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = roots(bench)
    one, two = editions(bench)
    send(node, one)
    node.pin(first, MIRROR, instead_of=None)
    with monkeypatch.context() as hasty:
        hasty.setattr(kubos, "PINNED", 1.0)
        with pytest.raises(Unavailable, match="no answer in time") as caught:
            node.pin(second, MIRROR, instead_of=first)
    assert caught.value.hint == "send the editions' blocks again: it may have lost some"
    assert names(kubo) == {str(first): MIRROR}
    send(node, two)
    node.pin(second, MIRROR, instead_of=first)
    assert names(kubo) == {str(second): MIRROR}


def test_blocks_go_but_those_that_a_pin_keeps(kubo: Kubo, node: Node, bench: Bench) -> None:
    first, second = roots(bench)
    for path in editions(bench):
        send(node, path)
    node.pin(second, MIRROR, instead_of=None)
    only_first = blocks(editions(bench)[0]).keys() - node_tree(node, second)
    shared = next(iter(blocks(editions(bench)[0]).keys() & node_tree(node, second)))
    stayed = node.remove([*only_first, shared])
    assert list(stayed) == [shared]
    assert str(second) in stayed[shared]
    assert not any(kubo.has(str(cid)) for cid in only_first)
    assert kubo.has(str(shared))
    assert node.pins_that_hold(shared) == [(MIRROR, second)]
    assert node.pins_that_hold(second) == [(MIRROR, second)]
    assert first in only_first


def node_tree(node: Node, root: CID) -> set[CID]:
    """The CIDs of all blocks of a tree, out of the node's own export."""
    return set(dict(car.blocks(io.BytesIO(b"".join(node.export(root))))))


def test_a_tree_is_exported_as_a_car_that_holds_its_blocks(node: Node, bench: Bench) -> None:
    _, second = roots(bench)
    for path in editions(bench):
        send(node, path)
    ours = {cid: data for path in editions(bench) for cid, data in blocks(path).items()}
    exported = dict(car.blocks(io.BytesIO(b"".join(node.export(second)))))
    assert exported.items() <= ours.items()
    assert second in exported


def test_a_thousand_blocks_are_removed_in_parts(kubo: Kubo, node: Node) -> None:
    file = io.BytesIO()
    writer = car.Writer(file)
    cids = [CID.of_raw(b"%d" % at) for at in range(1001)]
    for at, cid in enumerate(cids):
        writer.put(cid, b"%d" % at)
    writer.seal(cids[0])
    file.seek(0)
    assert node.send(file, len(file.getvalue()), lambda done, total: None) == 1001
    kubo.rpc("pin/add", str(cids[500]), name="by hand")
    assert list(node.remove(cids)) == [cids[500]]
    assert [cid for cid in cids if kubo.has(str(cid))] == [cids[500]]


def test_names_go_from_node_to_node(pair: tuple[Kubo, Kubo]) -> None:
    one, other = (Node(name, kubo.address) for name, kubo in zip("ab", pair, strict=True))
    key, root = KEY.public.ipns, CID.of(DAG_PB, b"root")
    records = [ipns.sign(ipns.Naming(KEY.public, root, edition, dt.date(2031, 12, 1)), KEY) for edition in (1, 2)]
    for record in records:
        one.put_name(record, key)
        assert one.get_name(key) == record
        assert other.get_name(key) == record
    one.put_name(records[1], key)  # as a keeper does who puts it again
    assert other.get_name(key) == records[1]


@pytest.mark.parametrize("text", ["bearer:abc", "basic:anna:open sesame"])
def test_who_is_let_in(make_kubo: Callable[..., Kubo], text: str) -> None:
    allowed: dict[str, Any] = {"anna": {"AuthSecret": text, "AllowedPaths": ["/api/v0"]}}
    kubo = make_kubo(settings={"API.Authorizations": allowed})
    with Node("home", kubo.address, Authorization.parse(text)) as node:
        assert node.probe().startswith("kubo ")
    for wrong in (None, Authorization.bearer("guess"), Authorization.basic("anna", "guess")):
        with (
            pytest.raises(Unavailable, match="does not let us in") as caught,
            Node("home", kubo.address, wrong) as node,
        ):
            node.probe()
        assert caught.value.hint == "mirror pin --credentials home"


def test_a_socket_in_the_file_system(make_kubo: Callable[..., Kubo], tmp_path: Path, bench: Bench) -> None:
    address = f"/unix{tmp_path}/api.sock"
    make_kubo(settings={"Addresses.API": ["/ip4/127.0.0.1/tcp/0", address]})
    with Node("home", address) as node:
        assert node.probe().startswith("kubo ")
        assert send(node, editions(bench)[0]) == len(blocks(editions(bench)[0]))


def test_the_proxy_of_a_cluster_is_not_taken_for_a_node(cluster_of: Callable[[int], Cluster]) -> None:
    proxy = cluster_of(2).peers[0].proxy
    with pytest.raises(Unavailable, match="is no node, but the proxy of an IPFS Cluster"), Node("ours", proxy) as node:
        node.held(MIRROR)


def test_it_dies_in_mid_import_and_a_second_run_finishes(kubo: Kubo, tmp_path: Path) -> None:
    path = tmp_path / "large.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        for at in range(64):
            data = at.to_bytes(4) * 2**18
            writer.put(CID.of_raw(data), data)
        writer.seal(CID.of_raw((0).to_bytes(4) * 2**18))

    def die(done: int, total: int) -> None:
        if done > total / 2:
            kubo.kill()

    with Node("home", kubo.address) as node:
        with pytest.raises(Unavailable, match="cannot be reached: "):
            send(node, path, die)
        kubo.start()
        assert send(node, path) == 64


def test_what_is_sent_does_not_stay_in_memory(kubo_new: Kubo, tmp_path: Path) -> None:
    path = tmp_path / "large.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        for at in range(96):
            data = at.to_bytes(4) * 2**18
            writer.put(CID.of_raw(data), data)
        writer.seal(CID.of_raw((0).to_bytes(4) * 2**18))
    with Node("home", kubo_new.address) as node:
        node.probe()
        tracemalloc.start()
        try:
            assert send(node, path) == 96
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * 2**20
