"""The fixtures of `nodes` give what they promise: real programs, apart from everybody, that can be stopped."""

import json

import pytest
from daemons import Kubo
from services import version

RAW = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"  # of "hello world"


def test_a_node_is_of_the_pinned_version(kubo: Kubo, request: pytest.FixtureRequest) -> None:
    name = "kubo-old" if "kubo-old" in request.node.name else "kubo"
    assert kubo.version == json.loads(kubo.rpc("version"))["Version"] == version(name)


def test_a_node_knows_nobody_and_listens_here_alone(kubo: Kubo) -> None:
    assert json.loads(kubo.rpc("swarm/peers"))["Peers"] is None
    assert json.loads(kubo.rpc("bootstrap/list"))["Peers"] in (None, [])
    addresses = json.loads(kubo.rpc("id"))["Addresses"]
    assert addresses == [kubo.swarm]
    assert kubo.swarm.startswith("/ip4/127.0.0.1/tcp/")
    assert {address.split("/")[2] for address in (kubo.address, "/" + kubo.gateway)} >= {"127.0.0.1"}


def test_a_node_asks_no_one_for_what_it_has_not(kubo: Kubo) -> None:
    said = kubo.log.read_text()
    assert "conf.ipfs-mainnet.org" not in said
    assert kubo.setting("Routing.DelegatedRouters") == []
    assert kubo.setting("Bootstrap") == []
