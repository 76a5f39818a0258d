"""What `scripts/bench --ipfs` measures: a mirror's way onto a Kubo node against the node's own ways.

    pin N at once     `mirror pin` of N testimonies as one edition, against `ipfs add -r` of the same files, and
                      against `curl` of the same CAR
    pin one more      `mirror pin` of an edition with one testimony more, against `ipfs add -r` of all files again,
                      and against `curl` of that edition's CAR and `ipfs pin update`

Whole commands, as a person runs them, Python's start included. Each has a new repository, with Kubo's own settings but
for what would connect it to others, and all end with the tree pinned; the files lie in the page cache for all of them.
`ipfs add` cuts as the profile `unixfs-v1-2025` says, so that it comes to the same index hash, which is compared.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measuring import HERE, Bench, Measure

from mirror.cli.sources import open_copy
from mirror.formats import unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import Get
from mirror.store.archive import Archive

sys.path.insert(0, str(HERE / "tests"))

from daemons import Kubo
from services import SERVICES

PROFILE = "unixfs-v1-2025"
RUNS = 3
"""Of each the best of so many: what the machine's noise adds is never negative."""


@contextmanager
def new_node(bench: Bench) -> Iterator[Kubo]:
    """A node with an empty repository."""
    with (
        tempfile.TemporaryDirectory(dir=bench.work) as folder,
        Kubo(SERVICES["kubo"].path, Path(folder), profiles=(PROFILE,)) as node,
    ):
        yield node


def name_node(home: Path, node: Kubo) -> None:
    """Let a workspace's settings name this node, and no other."""
    path = home / "mirror.toml"
    kept = path.read_text().partition("\n[service.node]")[0]
    path.write_text(f'{kept}\n[service.node]\nkind = "kubo"\naddress = "{node.address}"\n')


def timed(command: list[str], **options: object) -> float:
    """Seconds that a command takes; it has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.perf_counter() - start


def curl(node: Kubo, car: Path, *, pins: bool) -> float:
    """Hand a CAR in with curl."""
    address = f"{node.url}/api/v0/dag/import?pin-roots={str(pins).lower()}&silent=true"
    return timed([shutil.which("curl") or "curl", "-sSf", "-X", "POST", "-F", f"file=@{car}", address])


def add(node: Kubo, folder: Path, root: CID) -> float:
    """Let the node add a folder, and see that it comes to the index hash."""
    start = time.perf_counter()
    made = node.run("add", "-r", "-Q", str(folder)).decode().strip()
    seconds = time.perf_counter() - start
    if made != str(root):
        sys.exit(f"ipfs add comes to {made}, not to {root}: these would be measures of two things")
    return seconds


def spread(get: Get, cid: CID, path: Path) -> None:
    """Write a tree out as files and folders."""
    if cid.codec == RAW:
        path.write_bytes(get(cid))
        return
    node = unixfs.parse(get(cid))
    if node.kind is unixfs.Kind.FILE:
        path.write_bytes(b"".join(unixfs.read_file(cid, get, strict=True)))
        return
    path.mkdir()
    for link in node.links:
        spread(get, link.cid, path / (link.name or ""))


def lay_out(bench: Bench, home: Path, name: str) -> tuple[CID, Path, Path]:
    """The newest edition as an index hash, one CAR and a folder of files."""
    car, folder = bench.work / f"{name}.car", bench.work / name
    bench.mirror("--home", str(home), "export", "-o", str(car))
    with open_copy(car) as copy:
        spread(copy.get, copy.root, folder)
        return copy.root, car, folder


def measure_pinning(bench: Bench, count: int) -> None:
    """Everything, for that number of testimonies."""
    texts, home = bench.texts("ipfs-texts", count), bench.home("ipfs-home")
    bench.mirror("-q", "--home", str(home), "publish", "--no-tokens", "--yes", str(texts))
    _measure_at_once(bench, home, count)
    _measure_one_more(bench, home, count)


def pin(bench: Bench, home: Path) -> float:
    """`mirror pin`, as a person runs it."""
    return bench.mirror("-q", "--home", str(home), "pin", "--yes")[0]


def _measure_at_once(bench: Bench, home: Path, count: int) -> None:
    root, car, folder = lay_out(bench, home, "ipfs-once")

    def ours() -> float:
        with new_node(bench) as node:
            name_node(home, node)
            return pin(bench, home)

    def adding() -> float:
        with new_node(bench) as node:
            return add(node, folder, root)

    def curling() -> float:
        with new_node(bench) as node:
            return curl(node, car, pins=True)

    _compare(bench, f"pin {count} at once", ours, adding, curling)


def _measure_one_more(bench: Bench, home: Path, count: int) -> None:
    with Archive(home / "archive") as archive:
        old = archive.head()
    kept = bench.work / "ipfs-kept"
    shutil.copytree(home, kept)
    more = bench.texts("ipfs-more", 1, seed=2)
    bench.mirror("-q", "--home", str(home), "publish", "--no-tokens", "--yes", "--no-pin", str(more))
    root, _, folder = lay_out(bench, home, "ipfs-after")
    with Archive(home / "archive") as archive:
        newest = max(archive.editions().items())[1]

    def on_node(then: Callable[[Kubo], float]) -> float:
        with new_node(bench) as node:
            name_node(kept, node)
            pin(bench, kept)
            return then(node)

    def ours(node: Kubo) -> float:
        name_node(home, node)
        return pin(bench, home)

    def curling(node: Kubo) -> float:
        seconds = curl(node, newest, pins=False)
        start = time.perf_counter()
        node.run("pin", "update", str(old), str(root))
        return seconds + time.perf_counter() - start

    _compare(
        bench,
        f"pin one more into {count}",
        lambda: on_node(ours),
        lambda: on_node(lambda node: add(node, folder, root)),
        lambda: on_node(curling),
    )


def _compare(
    bench: Bench, name: str, ours: Callable[[], float], adding: Callable[[], float], curling: Callable[[], float]
) -> None:
    least = [bench.best(RUNS, each) for each in (ours, adding, curling)]
    bench.add(Measure(name, least[0], "s"))
    bench.add(Measure(f"{name}: share", least[0] / least[1], "×", "ipfs add -r", 1 / 5, f"{least[1]:.2f} s"))
    bench.add(Measure(f"{name}: share", least[0] / least[2], "×", "curl of the CAR", 1.3, f"{least[2]:.2f} s"))
