"""What `scripts/bench --gateways` measures: fetching a mirror of which nobody is believed.

    fetch N, and verify     from one `mirror serve`, block by block verified as it comes; then `mirror verify` of what
                            came. Against `curl` of the same CAR, which verifies nothing, and `ipfs get` by a Kubo from
                            another one, which verifies blocks and no signatures
    fetch N from a Kubo     the same from that Kubo's gateway
    fetch N from five       two of them dead, two that flip bits, and the honest one: against the honest one alone

    readers, requests, RSS  `wrk` with 300 connections for some seconds, notes as raw blocks in any order, from one
                            `mirror serve`; where `wrk` is installed

All on this machine: it shows what is done, and nothing of distance. Each but `ipfs get` is the best of some runs.
Kubo's share is left out where no Kubo is installed (`scripts/services install kubo`).
"""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from measuring import HERE, RUN, Bench, Measure

from mirror.formats import car
from mirror.formats.cid import CID, RAW
from mirror.network.gateways import Gateway, Gateways
from mirror.network.http import Route
from mirror.store.archive import Archive
from mirror.store.fetched import Fetched

sys.path.insert(0, str(HERE / "tests"))

from daemons import Kubo, connect
from gateways import FakeGateway, flip_a_bit
from services import SERVICES

RUNS = 3
"""Of each the best of so many: what the machine's noise adds is never negative."""

READERS = 300
"""Connections that ask at the same time."""

READING_SECONDS = 20
"""How long they ask."""

READ_BEFORE_SECONDS = 3
"""How long they ask before memory is read the first time: what is kept at hand is full then."""

ASK = """
local paths = {}
for line in io.lines("PATHS") do paths[#paths + 1] = line end
math.randomseed(7)
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
done = function(summary, latency)
  local e = summary.errors
  local wrong = e.connect + e.read + e.write + e.status + e.timeout
  io.stderr:write(summary.requests, " ", wrong, " ", latency:percentile(99), "\\n")
end
"""
"""What `wrk` runs: a path in any order each time; at the end how many requests, errors, and microseconds."""

READY_WITHIN = 30.0
"""Seconds that the server may take until it answers."""


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Served(NamedTuple):
    """A `mirror serve` in a process of its own."""

    url: str
    process: int

    def memory(self) -> int:
        """Bytes that it holds in memory now."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@contextlib.contextmanager
def served(home: Path) -> Iterator[Served]:
    """`mirror serve` of a workspace."""
    port = free_port()
    command = [sys.executable, "-c", RUN, "-q", "serve", str(home / "archive"), "--listen", f"127.0.0.1:{port}"]
    environment = {"MIRROR_BENCH_PEAK": str(home / "peak"), "PYTHONPATH": str(HERE)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + READY_WITHIN
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if time.monotonic() > end or server.poll() is not None:
                sys.exit("mirror serve did not start")
            time.sleep(0.02)
        yield Served(f"http://127.0.0.1:{port}", server.pid)
    finally:
        server.terminate()
        server.wait()


def fetch(root: CID, urls: Sequence[str], path: Path) -> float:
    """Seconds to fetch a whole tree into a file."""
    path.unlink(missing_ok=True)
    route = Route(clock=time.monotonic)
    begun = time.perf_counter()
    gateways = Gateways([Gateway(route.open("", url), time.monotonic) for url in urls], time.monotonic)
    with gateways, Fetched(path) as kept:
        gateways.fetch(root, kept)
        kept.finish(root)
    return time.perf_counter() - begun


def curl(root: CID, url: str, path: Path) -> float:
    """Seconds that curl takes for the same blocks in one CAR."""
    address = f"{url}/ipfs/{root}?format=car&dag-scope=all&car-order=dfs&car-dups=n"
    begun = time.perf_counter()
    subprocess.run([shutil.which("curl") or "curl", "-sSf", "-o", str(path), address], check=True)
    return time.perf_counter() - begun


def verify(bench: Bench, path: Path) -> float:
    """Seconds that `mirror verify` takes; the publisher is a stranger, so it leaves with 3."""
    return bench.mirror("-q", "verify", "--no-memory", str(path), codes=(0, 3))[0]


def measure_fetching(bench: Bench, count: int) -> None:
    """Everything, for that number of testimonies."""
    texts, home = bench.texts("fetch-texts", count), bench.home("fetch-home")
    bench.mirror("-q", "--home", str(home), "publish", "--no-tokens", "--yes", str(texts))
    with Archive(home / "archive") as archive:
        root = archive.head()
    with served(home) as server:
        alone = _measure_alone(bench, root, server.url, count)
        _measure_five(bench, root, server.url, count, alone)
        if SERVICES["kubo"].is_built:
            _measure_kubo(bench, root, server.url, count)
    if shutil.which("wrk"):
        with served(home) as server:
            _measure_readers(bench, server)


def _measure_alone(bench: Bench, root: CID, url: str, count: int) -> float:
    path = bench.work / "fetched.car"
    alone = bench.best(RUNS, lambda: fetch(root, [url], path))
    judged = bench.best(RUNS, lambda: verify(bench, path))
    peer = bench.best(RUNS, lambda: curl(root, url, bench.work / "curled.car"))
    bench.add(Measure(f"fetch {count} from mirror serve", alone, "s", note=f"{path.stat().st_size} bytes"))
    bench.add(Measure(f"fetch {count}: share", alone / peer, "×", "curl of the CAR", note=f"{peer:.2f} s"))
    bench.add(Measure(f"fetch {count} and verify", alone + judged, "s"))
    bench.add(Measure(f"fetch {count} and verify: share", (alone + judged) / peer, "×", "curl of the CAR"))
    return alone


def _measure_five(bench: Bench, root: CID, url: str, count: int, alone: float) -> None:
    path = bench.work / "five.car"
    blocks = _blocks_of(bench.work / "fetched.car")

    def among_five() -> float:
        with FakeGateway(blocks, flip_a_bit) as one, FakeGateway(blocks, flip_a_bit) as other:
            dead = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
            return fetch(root, [dead[0], one.url, dead[1], other.url, url], path)

    seconds = bench.best(RUNS, among_five)
    share = seconds / alone
    bench.add(Measure(f"fetch {count} from five", share, "×", "the honest one alone", 2.0, f"{seconds:.2f} s"))


def _blocks_of(path: Path) -> dict[CID, bytes]:
    """What a CAR holds, for liars to change."""
    with path.open("rb") as file:
        return dict(car.blocks(file))


def _measure_kubo(bench: Bench, root: CID, url: str, count: int) -> None:
    path = bench.work / "kubo.car"
    curl(root, url, path)
    with new_node(bench) as source:
        with path.open("rb") as file:
            source.rpc("dag/import", file=iter(lambda: file.read(1 << 20), b""), pin_roots="true", silent="true")
        ours = bench.best(RUNS, lambda: fetch(root, [source.gateway], bench.work / "from-kubo.car"))
        theirs = ipfs_get(bench, source, root)  # once: it takes a while
    bench.add(Measure(f"fetch {count} from a Kubo", ours, "s"))
    bench.add(Measure(f"fetch {count} from a Kubo: share", ours / theirs, "×", "ipfs get", note=f"{theirs:.2f} s"))


def _measure_readers(bench: Bench, server: Served) -> None:
    paths = bench.work / "paths"
    raw = [cid for cid in _blocks_of(bench.work / "fetched.car") if cid.codec == RAW]
    paths.write_text("".join(f"/ipfs/{cid}?format=raw\n" for cid in raw))
    script = bench.work / "ask.lua"
    script.write_text(ASK.replace("PATHS", str(paths)))
    wrk(server.url, script, READ_BEFORE_SECONDS)
    before = server.memory()
    requests, wrong, slow = wrk(server.url, script, READING_SECONDS)
    grown = (server.memory() - before) / before
    bench.add(Measure(f"{READERS} readers at once: blocks", requests / READING_SECONDS, "a second"))
    bench.add(Measure(f"{READERS} readers at once: errors", wrong, "", goal=0, note=f"of {requests}"))
    bench.add(Measure(f"{READERS} readers at once: 99 of 100 within", slow / 1000, "ms"))
    bench.add(Measure(f"{READERS} readers at once: memory grows", grown * 100, "%", goal=10, note=f"of {before}"))


def wrk(url: str, script: Path, seconds: int) -> tuple[int, int, float]:
    """How many requests, how many of them went wrong, and the microseconds within which 99 of 100 were answered."""
    command = ["wrk", "-t2", f"-c{READERS}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr.split()
    return int(said[-3]), int(said[-2]), float(said[-1])


@contextlib.contextmanager
def new_node(bench: Bench) -> Iterator[Kubo]:
    """A node with an empty repository."""
    with tempfile.TemporaryDirectory(dir=bench.work) as folder, Kubo(SERVICES["kubo"].path, Path(folder)) as node:
        yield node


def ipfs_get(bench: Bench, source: Kubo, root: CID) -> float:
    """Seconds that a new node takes to get everything from its one peer."""
    with new_node(bench) as node:
        connect(source, node)
        begun = time.perf_counter()
        node.run("get", "-o", str(bench.work / "got"), str(root))
        seconds = time.perf_counter() - begun
    shutil.rmtree(bench.work / "got")
    return seconds
