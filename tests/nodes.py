"""Real Kubo nodes, IPFS Clusters and Ethereum nodes, as fixtures: each test that asks for them gets its own.

    def test_x(kubo): ...               # a running node; twice, with the newest Kubo and with the oldest supported
    def test_x(kubo_new): ...           # with the newest alone
    def test_x(pair): one, other = pair # two that know only of each other, and find IPNS names at each other
    def test_x(make_kubo): ...          # make_kubo("kubo-old", settings={"Routing.Type": "dht"}), as many as needed
    def test_x(cluster_of): ...         # cluster_of(2).peers[1].stop()
    def test_x(chain): chain.mine()     # a running Ethereum node, which mines only when it is told to
    def test_x(make_chain): ...         # make_chain(chain=5, mining=True), as many as needed
    def test_x(kubo_with_router): ...   # kubo_with_router("http://127.0.0.1:8000"): looks for providers there alone

What they are and do stands in `daemons`. A new node takes a quarter of a second, so none is shared and each begins
empty. They are stopped when the test has ended; what they said is then shown where it failed. Where a program is not
here the test is skipped, saying so; in the gate it fails.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from counterparts import need_service
from daemons import Anvil, Cluster, Kubo, connect

IPNS_BETWEEN = {"Routing.Type": "dht"}
"""What a node needs to find IPNS names at its peers on this machine; without it, it asks nobody."""

MakeKubo = Callable[..., Kubo]
"""``make_kubo(name="kubo", *, settings=None, profiles=(), started=True)``."""


@pytest.fixture
def make_kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeKubo]:
    """Makes nodes, which are stopped after the test."""
    with ExitStack() as stack:

        def make(name: str = "kubo", *, started: bool = True, **options: Any) -> Kubo:
            node = Kubo(need_service(name), tmp_path_factory.mktemp(name), **options)
            stack.callback(_end, node)
            if started:
                node.start()
            return node

        yield make


def _end(node: Kubo | Anvil) -> None:
    node.stop()
    print(f"-- {node.log}\n{node.said()}")  # shown where the test failed


@pytest.fixture(params=["kubo", "kubo-old"])
def kubo(request: pytest.FixtureRequest, make_kubo: MakeKubo) -> Kubo:
    """A running node on its own; each test runs with both versions."""
    return make_kubo(request.param)


@pytest.fixture
def kubo_new(make_kubo: MakeKubo) -> Kubo:
    """A running node on its own, of the newest version."""
    return make_kubo()


@pytest.fixture(params=["kubo", "kubo-old"])
def pair(request: pytest.FixtureRequest, make_kubo: MakeKubo) -> tuple[Kubo, Kubo]:
    """Two running nodes of one version, connected to each other and to nobody else."""
    one, other = (make_kubo(request.param, settings=IPNS_BETWEEN) for _ in range(2))
    connect(one, other)
    return one, other


@pytest.fixture
def kubo_with_router(make_kubo: MakeKubo) -> Callable[..., Kubo]:
    """Makes a node that asks the delegated routing server at a URL where content is, and nobody else."""

    def make(url: str, name: str = "kubo", **settings: Any) -> Kubo:
        routing = {"Routing.Type": "autoclient", "Routing.DelegatedRouters": [url]}
        return make_kubo(name, settings=routing | settings)

    return make


@pytest.fixture
def cluster_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Cluster]]:
    """Makes clusters of so many peers, each in front of a node of its own."""
    with ExitStack() as stack:

        def make(size: int) -> Cluster:
            cluster = Cluster(need_service("kubo"), need_service("cluster"), tmp_path_factory.mktemp("cluster"), size)
            stack.callback(cluster.stop)
            return cluster

        yield make


@pytest.fixture
def make_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Anvil]]:
    """Makes Ethereum nodes, which are stopped after the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Anvil:
            node = Anvil(need_service("anvil"), tmp_path_factory.mktemp("anvil"), **options)
            stack.callback(_end, node)
            node.start()
            return node

        yield make


@pytest.fixture
def chain(make_chain: Callable[..., Anvil]) -> Anvil:
    """A running Ethereum node on its own, as chain 1."""
    return make_chain()
