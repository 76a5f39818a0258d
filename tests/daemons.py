"""Kubo nodes, IPFS Cluster peers and Ethereum nodes on this machine, apart from everybody and from each other.

    with Kubo(program, folder) as node:                # a new repository in `folder`, and a daemon
        node.address, node.url, node.gateway, node.swarm, node.peer_id
        node.run("add", "-Q", path)                    # the program's own command line
        node.rpc("block/stat", cid)                    # its RPC, without any library
        node.stop(); node.start()                      # the same repository and addresses
    connect(node, other)                               # nodes know of each other only by this

    with Anvil(program, folder) as chain:              # an Ethereum node of the kind that developers try things with
        chain.url, chain.rpc("eth_chainId")            # a chain of its own, which begins anew each time
        chain.rich                                     # an address that the node has the key of, with 10,000 ether
        chain.mine(3)                                  # nothing is mined but by this, unless `mining` is set

They have no bootstrap peers, announce themselves to nobody, look nothing up and report nothing: each listens on
loopback alone, at a port that the system gave it and which it keeps. Their environment holds nothing of the user's.
One thing cannot be turned off: a peer of a cluster asks the nearest router whether it would map ports; it has none to
map, as those of loopback are left out.
What they say goes to ``log`` in their folder. They are stopped by their ids, and by the system should this process die.

No pytest in here: `scripts/services` starts the same.
"""

import ctypes
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

READY_WITHIN = 60
"""Seconds that a program may take until it is ready; on an idle machine it takes one."""

STOPPED_WITHIN = 20
"""Seconds after which a program that was asked to stop is killed."""

POLLED = 0.02
"""Seconds between two looks at whether something has come about."""

ISOLATED = {
    "Bootstrap": [],
    "Addresses.Swarm": ["/ip4/127.0.0.1/tcp/0"],
    "Addresses.API": "/ip4/127.0.0.1/tcp/0",
    "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
    "AutoConf.Enabled": False,
    "AutoTLS.Enabled": False,
    "DNS.Resolvers": {},
    "Discovery.MDNS.Enabled": False,
    "Ipns.DelegatedPublishers": [],
    "Plugins.Plugins": {"telemetry": {"Disabled": True}},
    "Routing.DelegatedRouters": [],
    "Routing.LoopbackAddressesOnLanDHT": True,
    "Routing.Type": "none",
    "Swarm.DisableNatPortMap": True,
    "Swarm.RelayClient.Enabled": False,
    "Swarm.RelayService.Enabled": False,
}
"""Settings of a Kubo node that no one outside hears of, and that hears of no one; their names with dots."""


LIVELY = {
    "cluster.mdns_interval": "0s",
    "cluster.monitor_ping_interval": "1s",
    "cluster.peer_watch_interval": "1s",
    "cluster.pin_recover_interval": "3s",
    "cluster.pubsub.heartbeat_interval": "1s",
    "cluster.state_sync_interval": "3s",
    "consensus.crdt.rebroadcast_interval": "1s",
    "datastore.pebble.pebble_options.cache_size_bytes": 8 << 20,
    "datastore.pebble.pebble_options.mem_table_size": 4 << 20,
    "informer.disk.metric_ttl": "3s",
    "informer.tags.metric_ttl": "3s",
    "ipfs_connector.ipfshttp.connect_swarms_delay": "1s",
    "monitor.pubsubmon.check_interval": "1s",
    "observations.metrics.prometheus_endpoint": "/ip4/127.0.0.1/tcp/0",
}
"""Settings of a peer of a cluster that notices in seconds what others may notice in minutes; their names with dots."""


class NotStarted(RuntimeError):
    """A program ended, or was not ready in time; with the end of what it said."""


def wait_until(done: Callable[[], Any], what: str, *, within: float = READY_WITHIN) -> Any:
    """The first true value of `done`. Raises `NotStarted` after `within` seconds."""
    end = time.monotonic() + within
    while not (value := done()):
        if time.monotonic() > end:
            raise NotStarted(f"not within {within} seconds: {what}")
        time.sleep(POLLED)
    return value


def free_port() -> int:
    """A port of loopback that nothing listened at a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The whole environment of a program that lives in `folder`."""
    return {"HOME": str(folder), "PATH": os.defpath, "TMPDIR": str(folder), "IPFS_TELEMETRY": "off", **more}


def _end_with_this_process() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, of the thread that started it


def configure(path: Path, settings: Mapping[str, Any]) -> None:
    """Change what the file of settings in JSON at `path` says; their names with dots."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for name, value in settings.items():
        *sections, last = name.split(".")
        section = config
        for each in sections:
            section[each] = section.get(each) or {}
            section = section[each]
        section[last] = value
    path.write_text(json.dumps(config), encoding="utf-8")


class Daemon:
    """A program that runs until it is stopped; `is_ready` is asked until it says so. Start it in the main thread."""

    def __init__(self, command: Iterable[str | Path], folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._command = [str(word) for word in command]
        self._variables = dict(variables)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None, "not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._variables,
                cwd=self.folder,
                preexec_fn=_end_with_this_process,  # noqa: PLW1509  (started in the main thread, see above)
            )
        try:
            wait_until(lambda: self._is_ready(begin), f"{self._command[0]} is ready: {self.said()}")
        except BaseException:
            self.kill()
            raise

    def _is_ready(self, begin: int) -> bool:
        if not self.is_running:
            raise NotStarted(f"{self._command[0]} ended: {self.said()}")
        return self.is_ready(self.log.read_bytes()[begin:].decode("utf-8", "replace"))

    def is_ready(self, said: str) -> bool:
        """Whether it is, going by what it said since it was started."""
        raise AssertionError("each kind of program has its own")

    def said(self, lines: int = 30) -> str:
        """The end of what it said."""
        return "\n".join(self.log.read_text("utf-8", "replace").split("\n")[-lines:]) if self.log.exists() else ""

    def stop(self) -> None:
        """Ask it to stop, and wait until it has; does nothing where it does not run."""
        self._signal(signal.SIGTERM)
        if self._process is not None:
            try:
                self._process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a cut of the power would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Kubo(Daemon):
    """A Kubo node. `settings` are added to `ISOLATED`, their names with dots; `profiles` are applied first."""

    def __init__(
        self, program: Path, folder: Path, *, settings: Mapping[str, Any] | None = None, profiles: tuple[str, ...] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.program = program
        self.repository = folder / "repository"
        super().__init__([program, "daemon"], folder, environment(folder, IPFS_PATH=str(self.repository)))
        self.run("init", "--empty-repo", "--profile=" + ",".join(("test", *profiles)))
        self.configure(ISOLATED | dict(settings or {}))
        self.swarm = ""

    def doors(self) -> list[tuple[str, str]]:
        """Where it can be reached, in words for a person."""
        here = (("RPC", self.address), ("gateway", self.gateway), ("peer", self.swarm))
        return [*here, ("IPFS_PATH", str(self.repository)), ("process", str(self.pid))]

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings, their names with dots; for the next start."""
        configure(self.repository / "config", settings)

    def setting(self, name: str) -> Any:
        """The value of a setting, its name with dots."""
        section = json.loads((self.repository / "config").read_text(encoding="utf-8"))
        for each in name.split("."):
            section = section[each]
        return section

    @property
    def peer_id(self) -> str:
        return str(self.setting("Identity.PeerID"))

    @property
    def version(self) -> str:
        """Such as ``0.43.1``."""
        return self.run("version", "--number").decode().strip()

    @property
    def address(self) -> str:
        """Where its RPC is, as a multiaddr."""
        return (self.repository / "api").read_text(encoding="ascii").strip()

    @property
    def url(self) -> str:
        """Where its RPC is, as a URL without a slash at its end."""
        return "http://127.0.0.1:" + self.address.split("/")[4]

    @property
    def gateway(self) -> str:
        """Where its gateway is, as a URL without a slash at its end."""
        return (self.repository / "gateway").read_text(encoding="ascii").strip()

    def start(self) -> None:
        super().start()
        if not self.swarm:
            self._keep_addresses()

    def _keep_addresses(self) -> None:
        """Make the ports that the system chose those of every later start."""
        found = re.search(r"Swarm listening on 127\.0\.0\.1:([0-9]+) ", self.log.read_text("utf-8", "replace"))
        assert found, self.said()
        swarm = f"/ip4/127.0.0.1/tcp/{found[1]}"
        self.swarm = f"{swarm}/p2p/{self.peer_id}"
        gateway = "/ip4/127.0.0.1/tcp/" + self.gateway.rpartition(":")[2]
        self.configure({"Addresses.Swarm": [swarm], "Addresses.API": self.address, "Addresses.Gateway": gateway})

    def is_ready(self, said: str) -> bool:
        return "Daemon is ready" in said

    def run(self, *words: str | Path, stdin: bytes = b"", codes: tuple[int, ...] = (0,)) -> bytes:
        """What a command of the program prints; it talks to the daemon where that runs."""
        command = [str(word) for word in (self.program, *words)]
        ran = subprocess.run(
            command, env=self._variables, cwd=self.folder, input=stdin, capture_output=True, check=False
        )
        assert ran.returncode in codes, (words, ran.returncode, ran.stderr.decode("utf-8", "replace"))
        return ran.stdout

    def rpc(self, path: str, *words: str, file: Iterable[bytes] | None = None, **options: str) -> bytes:
        """The answer to one call, such as ``rpc("pin/ls", type="recursive")``; `file` is sent as a form with one file.

        An underscore in an option's name stands for a hyphen. Anything but 200, and an error behind the answer, fails.
        """
        asked = [("arg", word) for word in words] + [(name.replace("_", "-"), value) for name, value in options.items()]
        target = f"/api/v0/{path}?{urllib.parse.urlencode(asked)}"
        line = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=120)
        try:
            if file is None:
                line.request("POST", target)
            else:
                line.request(
                    "POST", target, _form(file), {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
                )
            answer = line.getresponse()
            body = answer.read()
        finally:
            line.close()
        assert answer.status == 200, (target, answer.status, body)
        return body

    def pins(self) -> set[str]:
        """The CIDs pinned with all that they link to."""
        listed = json.loads(self.rpc("pin/ls", type="recursive"))
        return set(listed.get("Keys", {}))

    def has(self, cid: str) -> bool:
        """Whether it holds a block, asking nobody else."""
        line = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        try:
            line.request("POST", f"/api/v0/block/stat?arg={cid}&offline=true")
            return line.getresponse().status == 200
        finally:
            line.close()


_BOUNDARY = secrets.token_hex(16)


def _form(file: Iterable[bytes]) -> Iterable[bytes]:
    head = 'Content-Disposition: form-data; name="file"; filename="file"\r\nContent-Type: application/octet-stream'
    yield f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode()
    yield from file
    yield f"\r\n--{_BOUNDARY}--\r\n".encode()


def connect(one: Kubo, other: Kubo) -> None:
    """Let two running nodes know of each other, also after one was started anew."""
    for node, peer in ((one, other), (other, one)):
        known = node.setting("Peering.Peers") or []
        peer_at = {"ID": peer.peer_id, "Addrs": [peer.swarm.rpartition("/p2p/")[0]]}
        node.configure({"Peering.Peers": [*known, peer_at]})
        node.rpc("swarm/peering/add", peer.swarm)
    one.rpc("swarm/connect", other.swarm)


class ClusterPeer(Daemon):
    """One peer of an IPFS Cluster, in front of a running `node` of its own; `secret` is the cluster's, in hex."""

    def __init__(self, program: Path, folder: Path, node: Kubo, secret: str, *, first: "ClusterPeer | None") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.node = node
        self.name = folder.name
        self._repository = folder / "repository"
        self._ports = {door: free_port() for door in ("swarm", "api", "proxy", "pinning")}
        variables = environment(folder, IPFS_CLUSTER_PATH=str(self._repository))
        command = [program, "daemon", *(("--bootstrap", first.swarm) if first else ())]
        super().__init__(command, folder, variables)
        made = subprocess.run([program, "init"], env=variables, cwd=folder, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        configure(self._repository / "service.json", LIVELY | self._settings(secret))

    def _settings(self, secret: str) -> dict[str, Any]:
        here = {door: f"/ip4/127.0.0.1/tcp/{port}" for door, port in self._ports.items()}
        return {
            "cluster.peername": self.name,
            "cluster.secret": secret,
            "cluster.listen_multiaddress": [here["swarm"]],
            "api.restapi.http_listen_multiaddress": here["api"],
            "api.pinsvcapi.http_listen_multiaddress": here["pinning"],
            "api.ipfsproxy.listen_multiaddress": here["proxy"],
            "api.ipfsproxy.node_multiaddress": self.node.address,
            "ipfs_connector.ipfshttp.node_multiaddress": self.node.address,
        }

    @property
    def url(self) -> str:
        """Where its REST API is, as a URL without a slash at its end."""
        return f"http://127.0.0.1:{self._ports['api']}"

    @property
    def pinning(self) -> str:
        """Where its Pinning Services API is, as a URL without a slash at its end."""
        return f"http://127.0.0.1:{self._ports['pinning']}"

    @property
    def proxy(self) -> str:
        """Where it passes for a node, as a URL without a slash at its end."""
        return f"http://127.0.0.1:{self._ports['proxy']}"

    @property
    def peer_id(self) -> str:
        identity = json.loads((self._repository / "identity.json").read_text(encoding="utf-8"))
        return str(identity["id"])

    @property
    def swarm(self) -> str:
        return f"/ip4/127.0.0.1/tcp/{self._ports['swarm']}/p2p/{self.peer_id}"

    def is_ready(self, said: str) -> bool:
        return "** IPFS Cluster is READY **" in said

    def doors(self) -> list[tuple[str, str]]:
        """Where it can be reached, in words for a person."""
        here = (("REST API", self.url), ("pinning service", self.pinning), ("process", str(self.pid)))
        return [*here, *((f"its node's {what}", where) for what, where in self.node.doors()[:2])]

    def ask(self, path: str, method: str = "GET") -> Any:
        """The answer of its REST API, without any library: a JSON document, or one for each line."""
        line = http.client.HTTPConnection("127.0.0.1", self._ports["api"], timeout=60)
        try:
            line.request(method, path)
            answer = line.getresponse()
            body = answer.read().decode()
        finally:
            line.close()
        assert answer.status < 300, (path, answer.status, body)
        documents = [json.loads(each) for each in body.split("\n") if each]
        return documents[0] if len(documents) == 1 else documents

    def states(self, cid: str) -> dict[str, str]:
        """What each peer says of a pin, by the peers' names; such as ``pinned`` or ``pinning``."""
        peers = self.ask(f"/pins/{cid}")["peer_map"].values()
        return {peer["peername"]: peer["status"] for peer in peers}


class Anvil(Daemon):
    """An Ethereum node without any peer. `mining`: each transaction is mined at once, and not only on demand."""

    def __init__(self, program: Path, folder: Path, *, chain: int = 1, mining: bool = False, words: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.chain = chain
        bound = ("--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(chain))
        command = [program, *bound, "--no-cors", "--threads", "1", *words.split()]
        super().__init__([*command, *([] if mining else ["--no-mining"])], folder, environment(folder))

    @property
    def url(self) -> str:
        """Where its JSON-RPC is, as a URL without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def doors(self) -> list[tuple[str, str]]:
        """Where it can be reached, in words for a person."""
        return [("JSON-RPC", self.url), ("chain", str(self.chain)), ("rich", self.rich), ("process", str(self.pid))]

    def is_ready(self, said: str) -> bool:
        return "Listening on" in said

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of one call. An error fails."""
        answer = self.ask(method, *params)
        assert "error" not in answer, (method, params, answer)
        return answer["result"]

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """The answer to one call: a result, or an error."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST", "/", body, {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(line.getresponse().read())
        finally:
            line.close()
        return answer

    @property
    def rich(self) -> str:
        """An address with money that the node itself signs for."""
        return str(self.rpc("eth_accounts")[0])

    def mine(self, blocks: int = 1) -> None:
        """Put what waits into a block, and more blocks upon it."""
        self.rpc("anvil_mine", hex(blocks))

    def give(self, address: str, ether: float) -> None:
        """Let an address have so much."""
        self.rpc("anvil_setBalance", address, hex(round(ether * 10**18)))


class Cluster:
    """`size` peers that share one secret, each with a node of its own; all are up, and know of each other."""

    def __init__(self, kubo: Path, cluster: Path, folder: Path, size: int) -> None:
        self._secret = secrets.token_hex(32)
        self.peers: list[ClusterPeer] = []
        try:
            for number in range(size):
                self._add(kubo, cluster, folder / f"peer-{number}")
            for peer in self.peers:
                wait_until(lambda peer=peer: len(peer.ask("/peers")) == size, f"{peer.name} knows all the others")
        except BaseException:
            self.stop()
            raise

    def _add(self, kubo: Path, cluster: Path, folder: Path) -> None:
        node = Kubo(kubo, folder / "kubo")
        node.start()
        for earlier in self.peers:
            connect(node, earlier.node)
        first = self.peers[0] if self.peers else None
        peer = ClusterPeer(cluster, folder, node, self._secret, first=first)
        self.peers.append(peer)
        peer.start()

    def doors(self) -> list[tuple[str, str]]:
        """Where its peers can be reached, in words for a person."""
        return [(f"{peer.name} {what}", where) for peer in self.peers for what, where in peer.doors()]

    @property
    def url(self) -> str:
        """The REST API of the first peer."""
        return self.peers[0].url

    @property
    def pinning(self) -> str:
        """The Pinning Services API of the first peer."""
        return self.peers[0].pinning

    def stop(self) -> None:
        """Stop every peer, and every node behind one."""
        for peer in self.peers:
            peer.stop()
            peer.node.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
