"""The fixtures of `nodes` give what they promise: real programs, apart from everybody, that can be stopped.

And what the rest of the tests builds on, shown without a line of `mirror`: a second node fetches what the first has, a
node pulls over plain HTTP what a routing server says is there, a cluster pins on all its peers and catches up.
"""

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from counterparts import CHECKOUT, MACHINE, need_service
from daemons import Cluster, Kubo, NotStarted, wait_until
from nodes import MakeKubo
from services import version

TEXT = b"She was told to wait in the hall.\n" * 50_000
"""More than one block."""


def add(node: Kubo, text: bytes = TEXT) -> str:
    return node.run("add", "-Q", "--cid-version=1", "--pin=false", "-", stdin=text).decode().strip()


def test_a_node_is_of_the_pinned_version(kubo: Kubo, request: pytest.FixtureRequest) -> None:
    name = "kubo-old" if "kubo-old" in request.node.name else "kubo"
    assert kubo.version == json.loads(kubo.rpc("version"))["Version"] == version(name)


def test_a_node_listens_here_alone_and_knows_nobody(kubo: Kubo) -> None:
    assert json.loads(kubo.rpc("swarm/peers"))["Peers"] is None
    assert not json.loads(kubo.rpc("bootstrap/list"))["Peers"]
    assert kubo.setting("Routing.Type") == "none"
    assert json.loads(kubo.rpc("id"))["Addresses"] == [kubo.swarm]
    listening = (kubo.swarm, kubo.address, kubo.gateway.replace("http://", "/ip4/"))
    assert all(address.startswith("/ip4/127.0.0.1") for address in listening)
    assert listened(kubo.pid, "tcp") | listened(kubo.pid, "udp") == {"127.0.0.1"}


def listened(pid: int, protocol: str) -> set[str]:
    """The addresses at which a process listens for TCP, or is bound to for UDP."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("no /proc here: what a process listens at cannot be told")
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in str(link.readlink())}
    found = set()
    for table in (protocol, protocol + "6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().split("\n")[1:-1]:
            words = line.split()
            if f"socket:[{words[9]}]" in sockets and words[3] == {"tcp": "0A", "udp": "07"}[protocol]:
                found.add(_written(bytes.fromhex(words[1].split(":")[0])))
    return found


def _written(address: bytes) -> str:
    return ".".join(str(byte) for byte in reversed(address)) if len(address) == 4 else address.hex()


def test_nothing_of_the_users_reaches_a_node(kubo_new: Kubo) -> None:
    variables = Path(f"/proc/{kubo_new.pid}/environ")
    if not variables.exists():
        pytest.skip("no /proc here: what a process was given cannot be told")
    given = dict(each.split("=", 1) for each in variables.read_text().split("\0")[:-1])
    assert set(given) == {"HOME", "PATH", "TMPDIR", "IPFS_PATH", "IPFS_TELEMETRY"}
    assert given["HOME"] == str(kubo_new.folder) != MACHINE.get("HOME")


def test_a_node_keeps_its_addresses_and_its_blocks(kubo: Kubo) -> None:
    cid, before = add(kubo), (kubo.address, kubo.gateway, kubo.swarm)
    kubo.stop()
    assert not kubo.is_running
    kubo.start()
    assert (kubo.address, kubo.gateway, kubo.swarm) == before
    kubo.kill()
    kubo.start()
    assert kubo.rpc("cat", cid, offline="true") == TEXT


def test_settings_and_profiles_reach_a_node(make_kubo: MakeKubo) -> None:
    node = make_kubo(settings={"Import.CidVersion": 1, "API.HTTPHeaders": {"X-Seen": ["yes"]}}, profiles=("lowpower",))
    assert json.loads(node.rpc("config", "Import.CidVersion"))["Value"] == 1
    assert node.setting("Swarm.ConnMgr.LowWater") is not None
    assert node.run("add", "-Q", "-", stdin=b"x").startswith(b"bafk")


def test_a_node_that_does_not_start_says_why(make_kubo: MakeKubo) -> None:
    node = make_kubo(settings={"Routing.Type": "nonsense"}, started=False)
    with pytest.raises(NotStarted, match="nonsense"):
        node.start()
    assert not node.is_running


ABANDON = """
import os, signal, sys
from pathlib import Path
from daemons import Kubo

node = Kubo(Path(sys.argv[1]), Path(sys.argv[2]))
node.start()
print(node.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_node_does_not_outlive_its_tests(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a program with the one that started it")
    command = [sys.executable, "-c", ABANDON, str(need_service("kubo")), str(tmp_path / "node")]
    ran = subprocess.run(command, cwd=CHECKOUT / "tests", capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran
    wait_until(lambda: not is_alive(int(ran.stdout)), "it ended")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked after does not."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_call_that_is_refused_fails(kubo_new: Kubo) -> None:
    with pytest.raises(AssertionError, match="invalid path"):
        kubo_new.rpc("block/get", "nonsense")


def test_two_nodes_fetch_from_each_other(pair: tuple[Kubo, Kubo]) -> None:
    one, other = pair
    cid = add(one)
    assert not other.has(cid)
    assert other.rpc("cat", cid, timeout="30s") == TEXT
    assert other.has(cid)
    assert {peer["Peer"] for peer in json.loads(one.rpc("swarm/peers"))["Peers"]} == {other.peer_id}


def test_two_nodes_find_each_other_again(pair: tuple[Kubo, Kubo]) -> None:
    one, other = pair
    cid = add(one)
    one.stop()
    one.start()
    assert other.rpc("cat", cid, timeout="30s") == TEXT
    assert [peer["ID"] for peer in one.setting("Peering.Peers")] == [other.peer_id]


def test_two_nodes_resolve_names(pair: tuple[Kubo, Kubo]) -> None:
    one, other = pair
    cid = add(one)
    name = json.loads(one.rpc("name/publish", cid, timeout="60s"))["Name"]
    found = json.loads(other.rpc("name/resolve", name, nocache="true", timeout="60s"))
    assert found["Path"] == f"/ipfs/{cid}"


@contextmanager
def http_source(blocks: dict[str, bytes], peer_id: str) -> Iterator[tuple[str, list[str]]]:
    """A routing server and gateway over `blocks`, which says of each that it has it: its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            cid = path.rpartition("/")[2]
            if path.startswith("/routing/v1/providers/"):
                address = f"/ip4/127.0.0.1/tcp/{self.server.server_address[1]}/http"
                provider = {"Schema": "peer", "ID": peer_id, "Addrs": [address]}
                self._answer(
                    "application/json", json.dumps({"Providers": [provider] if cid in blocks else []}).encode()
                )
            elif cid in blocks or cid == "bafkqaaa":
                self._answer("application/vnd.ipld.raw", blocks.get(cid, b""))
            else:
                self.send_error(404)

        do_HEAD = do_GET  # noqa: N815  (http.server's name)

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ["kubo", "kubo-old"])
def test_a_node_pulls_over_http(name: str, make_kubo: MakeKubo, kubo_with_router: Callable[..., Kubo]) -> None:
    source = make_kubo(name)
    cid = add(source)
    links = source.run("refs", "-r", cid).decode().split()
    blocks = {each: source.rpc("block/get", each) for each in (cid, *links)}
    peer_id = source.peer_id
    source.stop()
    with http_source(blocks, peer_id) as (url, asked):
        node = kubo_with_router(url, name)
        node.rpc("pin/add", cid, timeout="30s")
        assert cid in node.pins()
        node.stop()
    assert {path.split("?")[0] for path in asked} >= {f"/ipfs/{each}" for each in blocks}
    assert f"/routing/v1/providers/{cid}" in {path.split("?")[0] for path in asked}


def names(cluster: Cluster) -> set[str]:
    return {peer.name for peer in cluster.peers}


def test_a_cluster_pins_on_all_its_peers(cluster_of: Callable[[int], Cluster]) -> None:
    cluster = cluster_of(3)
    first = cluster.peers[0]
    cid = add(first.node)
    first.ask(f"/pins/{cid}?name=voices", "POST")
    wait_until(lambda: first.states(cid) == dict.fromkeys(names(cluster), "pinned"), "pinned by all")
    assert all(peer.node.has(cid) and cid in peer.node.pins() for peer in cluster.peers)
    assert len({peer.node.peer_id for peer in cluster.peers}) == len({peer.peer_id for peer in cluster.peers}) == 3
    assert {address for peer in cluster.peers for address in listened(peer.pid, "tcp")} == {"127.0.0.1"}


def test_a_peer_that_was_away_catches_up(cluster_of: Callable[[int], Cluster]) -> None:
    cluster = cluster_of(2)
    first, away = cluster.peers
    away.stop()
    away.node.stop()
    wait_until(lambda: len(first.ask("/peers")) != 2, "the first peer notices")
    cid = add(first.node)
    first.ask(f"/pins/{cid}", "POST")
    wait_until(lambda: first.states(cid)[first.name] == "pinned", "pinned by the one that is there")
    away.node.start()
    away.start()
    wait_until(lambda: first.states(cid) == dict.fromkeys(names(cluster), "pinned"), "pinned by both")
    assert away.node.has(cid)


def test_what_is_not_here_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("services.CACHE", tmp_path)
    monkeypatch.setattr("services.find_tool", lambda _: None)
    monkeypatch.setenv("MIRROR_REQUIRE", "0")
    with pytest.raises(pytest.skip.Exception, match=r"ipfs-cluster-service 1\.1\.6; scripts/services install cluster"):
        need_service("cluster")
    monkeypatch.setenv("MIRROR_REQUIRE", "1")
    with pytest.raises(pytest.fail.Exception, match=r"ipfs 0\.43\.1; scripts/services install kubo"):
        need_service("kubo")
