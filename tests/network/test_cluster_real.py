"""A real IPFS Cluster, through its own API and through the Pinning Services API that it speaks too."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from daemons import Cluster as RealCluster
from daemons import configure
from fakepins import Edition

from mirror.errors import Unavailable
from mirror.formats.cid import CID
from mirror.network.cluster import Cluster
from mirror.network.held import Authorization, Held
from mirror.network.http import Route
from mirror.network.pinning import PinningService

NAME = "voices.example/archive"
ROUTE = Route(clock=time.monotonic)
FILES = {f"{number:03}.txt": b"testimony %d" % number for number in range(150)}
ONE = Edition(FILES)
TWO = Edition({**FILES, **{f"new-{number:03}.txt": b"new %d" % number for number in range(40)}}, without=ONE)
THREE = Edition({**FILES, "one-more.txt": b"one more"}, without=ONE)

Make = Callable[[int], RealCluster]


def until_held(holder: Cluster | PinningService, root: CID, *, copies: int = 1, within: float = 60) -> Held:
    """The pin, when it is held by as many peers; a poll is no test of time, so the limit is far."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        held = holder.state(root)
        if held is not None and held.state == "pinned" and held.copies >= copies:
            return held
        time.sleep(0.1)
    pytest.fail(f"not held by {copies}: {holder.state(root)}")


def push(ours: Cluster, edition: Edition, instead_of: CID | None = None) -> None:
    assert ours.send(edition.car, edition.size, lambda sent, whole: None) == len(edition.new)
    ours.pin(edition.root, NAME, instead_of=instead_of)


def push_patiently(ours: Cluster, edition: Edition, instead_of: CID | None = None) -> None:
    """Push, also where a busy machine lets a peer miss a beat, so that the others believe it gone for a moment."""

    def pushed() -> bool:
        try:
            push(ours, edition, instead_of)
        except Unavailable as error:
            if "not enough peers to allocate CID" not in error.message:
                raise
            return False
        return True

    _until(pushed)


def missing(peer: Any, edition: Edition) -> list[CID]:
    return [cid for cid in edition.blocks if not peer.node.has(str(cid))]


def test_one_pin_and_all_peers_hold_it_then_the_next_edition(cluster_of: Make) -> None:
    real = cluster_of(3)
    with Cluster("ours", real.url, None, ROUTE) as ours:
        assert ours.probe() == "ipfs cluster 1.1.6"
        assert (ours.held(NAME), ours.state(ONE.root)) == ([], None)
        push(ours, ONE)
        held = until_held(ours, ONE.root, copies=3)
        assert {state for _, state in held.peers} == {"pinned"}
        push(ours, TWO, instead_of=ONE.root)
        until_held(ours, TWO.root, copies=3)
        assert {held.root for held in ours.held(NAME)} == {ONE.root, TWO.root}
        ours.unpin(ONE.root)
        ours.unpin(ONE.root)
        assert [held.root for held in ours.held(NAME)] == [TWO.root]
        _until(lambda: not ours.leaving(ONE.root))
    for peer in real.peers:
        assert missing(peer, TWO) == []
        assert str(TWO.root) in peer.node.pins()
        assert str(ONE.root) not in peer.node.pins()


def test_what_was_sent_is_there_before_it_is_pinned_and_on_all_peers(cluster_of: Make) -> None:
    real = cluster_of(2)
    with Cluster("ours", real.url, None, ROUTE) as ours:
        ours.send(ONE.car, ONE.size, lambda sent, whole: None)
        assert [missing(peer, ONE) for peer in real.peers] == [[], []]
        assert all(str(ONE.root) not in peer.node.pins() for peer in real.peers)


def test_a_peer_that_stops_is_done_without_and_catches_up(cluster_of: Make) -> None:
    real = cluster_of(2)
    away = real.peers[1]
    with Cluster("ours", real.url, None, ROUTE) as ours:
        push(ours, ONE)
        until_held(ours, ONE.root, copies=2)
        away.stop()
        away.node.stop()
        push(ours, TWO, instead_of=ONE.root)
        assert until_held(ours, TWO.root).copies == 1
        away.node.start()
        away.start()
        until_held(ours, TWO.root, copies=2, within=120)
    assert missing(away, TWO) == []


def test_a_node_that_stops_is_named(cluster_of: Make) -> None:
    real = cluster_of(2)
    with Cluster("ours", real.url, None, ROUTE) as ours:
        push(ours, ONE)
        until_held(ours, ONE.root, copies=2)
        real.peers[1].node.stop()
        held = ours.state(ONE.root)
        assert held is not None
        assert (held.copies, held.wanted) == (1, 2)
        assert held.words.startswith(f"{real.peers[1].name}: ")
        assert "dial tcp 127.0.0.1" in held.words


def test_fewer_copies_than_peers_and_a_cluster_that_is_too_small(cluster_of: Make) -> None:
    real = cluster_of(2)
    with Cluster("ours", real.url, None, ROUTE, copies=(1, 1)) as ours:
        push(ours, ONE)
        held = until_held(ours, ONE.root)
        assert (held.copies, held.wanted) == (1, 1)
        push(ours, TWO, instead_of=ONE.root)
        assert [name for name, _ in until_held(ours, TWO.root).peers] == [name for name, _ in held.peers]
        assert sorted(len(missing(peer, TWO)) for peer in real.peers) == [0, len(TWO.blocks)]
    with (
        Cluster("ours", real.url, None, ROUTE, copies=(3, 3)) as many,
        pytest.raises(Unavailable, match="not enough peers to allocate CID"),
    ):
        push(many, THREE)


def test_more_copies_are_made_of_what_is_held_already(cluster_of: Make) -> None:
    real = cluster_of(2)
    with Cluster("ours", real.url, None, ROUTE, copies=(1, 1)) as ours:
        push(ours, ONE)
        until_held(ours, ONE.root)
    with Cluster("ours", real.url, None, ROUTE, copies=(2, 2)) as ours:
        push_patiently(ours, TWO, instead_of=ONE.root)
        assert until_held(ours, TWO.root, copies=2).copies == 2


def test_the_same_cluster_as_a_pinning_service(cluster_of: Make) -> None:
    real = cluster_of(2)
    origin = real.peers[0].node
    with (
        Cluster("ours", real.url, None, ROUTE) as ours,
        PinningService("paid", real.pinning, None, ROUTE, origins=[f"{origin.swarm}/p2p/{origin.peer_id}"]) as paid,
    ):
        assert paid.probe() == "pinning service"
        assert (paid.held(NAME), paid.state(ONE.root), paid.delegates(ONE.root)) == ([], None, ())
        origin.rpc("dag/import", file=[ONE.car.getvalue()], **{"pin-roots": "false"})
        paid.pin(ONE.root, NAME)
        assert until_held(paid, ONE.root) == Held(ONE.root, "pinned", 1)
        assert until_held(ours, ONE.root).copies == 2
        assert missing(real.peers[1], ONE) == []
        origin.rpc("dag/import", file=[TWO.car.getvalue()], **{"pin-roots": "false"})
        paid.pin(TWO.root, NAME, instead_of=ONE.root)
        paid.pin(TWO.root, NAME, instead_of=ONE.root)
        until_held(paid, TWO.root)
        paid.unpin(ONE.root)
        paid.unpin(ONE.root)
        assert [held.root for held in paid.held(NAME)] == [TWO.root]
        assert ours.state(ONE.root) is None


def test_credentials(cluster_of: Make) -> None:
    peer = cluster_of(2).peers[0]
    peer.stop()
    anna = {"anna": "open sesame"}
    doors = {"api.restapi.basic_auth_credentials": anna, "api.pinsvcapi.basic_auth_credentials": anna}
    configure(peer.log.parent / "repository" / "service.json", doors)
    peer.start()
    right, wrong = (Authorization.basic("anna", word) for word in ("open sesame", "hunter2"))
    for url, kind in ((peer.url, Cluster), (peer.pinning, PinningService)):
        with kind("ours", url, right, ROUTE) as ours:
            assert ours.held(NAME) == []
        for authorization in (None, wrong):
            with (
                kind("ours", url, authorization, ROUTE) as ours,
                pytest.raises(Unavailable, match="HTTP 401") as caught,
            ):
                ours.probe()
            assert "unauthorized" in caught.value.message
            assert "hunter2" not in caught.value.message


def _until(done: Callable[[], bool], within: float = 30) -> None:
    end = time.monotonic() + within
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)
