"""What `scripts/bench` measures: speeds as ratios against a floor or a peer of the same run, over the same bytes.

    publish                  the bare loop of SHA-256, Ed25519 sign and write, on one core
    verify                   the bare loop of SHA-256 and Ed25519 verify, on all cores
    verify --hashes-only     `sha256sum -c` over the same notes
    one more testimony       seconds and new blocks, into a log of that size
    the reading room         what it adds to both: seconds, and all new blocks of one more with three tags
    one note with its proof  milliseconds, Python's start included
    memory                   bytes that each further testimony adds to the peak, with --large

The floors are loops in Python over bytes that lie in memory, its start left out; the commands are whole commands, as a
person runs them, with a key under an age identity (a passphrase costs scrypt's two seconds each time). Peers are run
where they are installed. Testimonies are invented here: random words, 2 to 4 kB each.

Nothing of this runs in the test suite: there a machine's noise would decide.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nacl import bindings as sodium

from mirror.edition import Edition
from mirror.formats import key as keys
from mirror.store import vault
from mirror.store.archive import Archive
from mirror.tree import note_path

RUN = """
import atexit, os, resource

def keep_peak():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as status:
            peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    with open(os.environ["MIRROR_BENCH_PEAK"], "w") as file:
        file.write(str(peak))

atexit.register(keep_peak)
from mirror.cli.main import main
main()
"""
"""Runs a command and writes down the peak of its own memory: what a parent is told counts the parent's too."""

WORDS = """
    the of and to in a was that her she it said when we they after before never room hall office letter name day night
    door table friend work street city word morning window voice paper question answer year road kitchen evening
""".split()  # noqa: SIM905  (a list of words is easier to read as words)

HERE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Measure:
    """One line of the table: what, how much, of what, against what, and how much it should be at most."""

    name: str
    value: float
    unit: str
    against: str = ""
    goal: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is met, where there is one."""
        return self.goal is None or self.value <= self.goal


class Bench:
    """One run in a folder of its own, removed at its end."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.measures: list[Measure] = []
        identity = work / "identity.txt"
        identity.write_text("".join(f"{line}\n" for line in vault.new_identity().lines))
        self._environment = {
            **os.environ,
            "MIRROR_STATE": str(work / "state"),
            "MIRROR_IDENTITY_FILE": str(identity),
            "MIRROR_BENCH_PEAK": str(work / "peak"),
            "PYTHONPATH": str(HERE),
        }

    def mirror(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> tuple[float, int]:
        """Run a command; its seconds, and the peak of its memory in bytes."""
        with (self.work / "output").open("wb") as output:
            command = [sys.executable, "-c", RUN, *arguments]
            start = time.perf_counter()
            code = subprocess.run(command, env=self._environment, stdout=output, stderr=output, check=False).returncode
            seconds = time.perf_counter() - start
        if code not in codes:
            sys.exit(f"mirror {' '.join(arguments)} left with {code}:\n{(self.work / 'output').read_text()}")
        return seconds, int((self.work / "peak").read_text()) * 1024

    def best(self, times: int, run: Callable[[], float]) -> float:
        """The least of several runs: what the machine's noise adds is never negative."""
        return min(run() for _ in range(times))

    def add(self, measure: Measure) -> None:
        """Keep a line, and show it as it comes."""
        self.measures.append(measure)
        goal = f"  (goal {measure.goal:g})" if measure.goal is not None else ""
        missed = "" if measure.is_met else "  NOT MET"
        against = f" {measure.against}" if measure.against else ""
        print(f"{measure.name:<34}{measure.value:>12.3f} {measure.unit}{against}{goal}{missed}", file=sys.stderr)

    def home(self, name: str, *, room: bool = False) -> Path:
        """A new workspace; without a `room`, its editions have no pages from the second on."""
        home = self.work / name
        recovery = self.work / f"{name}.recovery"
        charter = ("--title", "Bench", "--language", "en", "--text", "Invented.")
        self.mirror("--home", str(home), "init", "bench.example/voices", *charter, "--recovery", str(recovery))
        if not room:
            settings = home / "mirror.toml"
            settings.write_text(settings.read_text().replace("reading_room = true", "reading_room = false"))
        return home

    def texts(self, name: str, count: int, seed: int = 1, *, tags: int = 0) -> Path:
        """A folder of invented testimonies, each with so many tags out of a few dozen."""
        folder = self.work / name
        folder.mkdir()
        chance = random.Random(seed)  # noqa: S311  (texts, not secrets)
        for number in range(count):
            body = " ".join(chance.choices(WORDS, k=chance.randint(370, 740)))
            named = f"tags = {json.dumps(chance.sample(WORDS, tags))}\n" if tags else ""
            front = f'+++\ntitle = "Text {number}"\nlanguage = "en"\n{named}+++\n\n'
            (folder / f"{number:06}.md").write_text(f"{front}{body}\n")
        return folder


def measure_publish(bench: Bench, count: int) -> tuple[Path, int]:
    """Publish `count` testimonies; the workspace, and the peak of memory."""
    folder, home = bench.texts(f"texts-{count}", count), bench.home(f"home-{count}")
    seconds, peak = bench.mirror("-q", "--home", str(home), "publish", "--no-tokens", "--yes", str(folder))
    floor = bench.best(3, lambda: publish_floor(bench.work, notes_of(home)))
    bench.add(Measure(f"publish {count}", seconds / floor, "×", "SHA-256 + sign + write", 3.0, f"{seconds:.2f} s"))
    shutil.rmtree(folder)
    return home, peak


def notes_of(home: Path) -> list[bytes]:
    """The bytes of every note in a workspace."""
    with Archive(home / "archive", home / "cache" / "index.sqlite") as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        return [edition.tree.read(note_path(index)) for index in range(edition.size)]


def publish_floor(work: Path, notes: list[bytes]) -> float:
    """Seconds to hash, sign and write these bytes, and nothing else."""
    _, secret = sodium.crypto_sign_seed_keypair(bytes(32))
    with (work / "floor").open("wb") as file:
        start = time.perf_counter()
        for note in notes:
            file.write(note)
            file.write(hashlib.sha256(note).digest())
            file.write(sodium.crypto_sign(note, secret)[:64])
        file.flush()
        os.fsync(file.fileno())
        return time.perf_counter() - start


def measure_verify(bench: Bench, home: Path, count: int) -> int:
    """Verify everything, with signatures and without; the peak of memory."""
    archive, peaks = str(home / "archive"), []

    def run(*options: str) -> float:
        seconds, peak = bench.mirror("-q", "verify", *options, archive, codes=(0, 3))
        peaks.append(peak)
        return seconds

    notes = notes_of(home)
    seconds, floor = bench.best(3, run), bench.best(3, lambda: verify_floor(notes))
    bench.add(Measure(f"verify {count}", seconds / floor, "×", "SHA-256 + verify, all cores", 2.2, f"{seconds:.2f} s"))
    hashes, peer = bench.best(3, lambda: run("--hashes-only")), sha256sum(bench, notes)
    against = "sha256sum -c"
    bench.add(Measure(f"verify --hashes-only {count}", hashes / peer, "×", against, 3.0, f"{hashes:.2f} s"))
    return max(peaks)


def verify_floor(notes: list[bytes]) -> float:
    """Seconds to hash these bytes and verify a signature over each, on all cores, once the processes have them."""
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    barrier, seconds = context.Barrier(cores), context.Queue()
    parts = [notes[core::cores] for core in range(cores)]
    workers = [context.Process(target=_verify_part, args=(part, barrier, seconds)) for part in parts]
    for worker in workers:
        worker.start()
    found = max(seconds.get() for _ in workers)
    for worker in workers:
        worker.join()
    return found


def _verify_part(notes: list[bytes], barrier, seconds) -> None:  # type: ignore[no-untyped-def]  # multiprocessing's
    public, secret = sodium.crypto_sign_seed_keypair(bytes(32))
    signed = [sodium.crypto_sign(note, secret) for note in notes]
    barrier.wait()
    start = time.perf_counter()
    for each in signed:
        hashlib.sha256(each).digest()
        sodium.crypto_sign_open(each, public)
    seconds.put(time.perf_counter() - start)


def sha256sum(bench: Bench, notes: list[bytes]) -> float:
    """Seconds that `sha256sum -c` takes over these notes as files."""
    folder = bench.work / "notes"
    folder.mkdir()
    lines = []
    for number, note in enumerate(notes):
        (folder / f"{number:06}.txt").write_bytes(note)
        lines.append(f"{hashlib.sha256(note).hexdigest()}  {number:06}.txt\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    seconds = bench.best(3, lambda: timed(["sha256sum", "--quiet", "-c", "SHA256SUMS"], folder))
    measure_peers(bench, folder, len(notes))
    shutil.rmtree(folder)
    return seconds


def timed(command: list[str], folder: Path) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure_peers(bench: Bench, folder: Path, count: int) -> None:
    """How many a second other tools check, of the same notes; each signs and checks a file at a time."""
    if shutil.which("minisign"):
        timed(["minisign", "-GW", "-p", "m.pub", "-s", "m.key"], folder)
        timed(["minisign", "-S", "-s", "m.key", "-m", "000001.txt"], folder)
        seconds = bench.best(5, lambda: timed(["minisign", "-Vq", "-p", "m.pub", "-m", "000001.txt"], folder))
        bench.add(Measure("peer: minisign -V", 1 / seconds, "files/s"))
    if shutil.which("gpg"):
        measure_gpg(bench, folder)
    if shutil.which("bagit.py"):
        bag = bench.work / "bag"
        shutil.copytree(folder, bag)
        timed(["bagit.py", "--sha256", str(bag)], bench.work)
        seconds = bench.best(2, lambda: timed(["bagit.py", "--validate", str(bag)], bench.work))
        bench.add(Measure("peer: bagit.py --validate", count / seconds, "files/s"))
        shutil.rmtree(bag)


def measure_gpg(bench: Bench, folder: Path) -> None:
    """How many a second `gpg --verify` checks, with a key ring and an agent of its own."""
    ring = bench.work / "gpg"
    ring.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(ring), "--batch"]
    timed([*gpg, "--passphrase", "", "--quick-gen-key", "bench", "ed25519", "sign", "never"], folder)
    timed([*gpg, "--detach-sign", "000001.txt"], folder)
    seconds = bench.best(5, lambda: timed([*gpg, "--verify", "000001.txt.sig", "000001.txt"], folder))
    bench.add(Measure("peer: gpg --verify", 1 / seconds, "files/s"))
    timed(["gpgconf", "--homedir", str(ring), "--kill", "all"], folder)
    shutil.rmtree(ring)


def measure_one_more(bench: Bench, home: Path, count: int) -> None:
    """Publish one more testimony into a log of `count`: seconds, and new blocks."""
    seconds = []
    for number in range(3):
        folder = bench.texts(f"more-{count}-{number}", 1, seed=100 + number)
        took, _ = bench.mirror("-q", "--home", str(home), "publish", "--no-tokens", "--yes", str(folder))
        seconds.append(took)
    bench.add(Measure(f"one more into {count}", min(seconds), "s", goal=1.0))
    bench.add(Measure(f"its new blocks, into {count}", new_blocks(home), "blocks", goal=39))


def measure_room(bench: Bench, count: int) -> int:
    """What the reading room adds: to publishing all at once, and to one more; the peak of memory."""
    texts = bench.texts(f"tagged-{count}", count, tags=3)
    homes = [bench.home(f"plain-{count}"), bench.home(f"room-{count}", room=True)]
    publish = ("publish", "--no-tokens", "--yes")
    (plain, _), (whole, peak) = [bench.mirror("-q", "--home", str(home), *publish, str(texts)) for home in homes]
    shutil.rmtree(texts)
    name = f"reading room of {count}"
    bench.add(Measure(name, whole - plain, "s", goal=10.0, note=f"{whole:.2f} s in all, {plain:.2f} s without"))
    seconds: list[list[float]] = [[], []]
    for number in range(3):
        more = bench.texts(f"tagged-more-{count}-{number}", 1, seed=200 + number, tags=3)
        for home, took in zip(homes, seconds, strict=True):
            took.append(bench.mirror("-q", "--home", str(home), *publish, str(more))[0])
    bench.add(Measure(f"its pages for one more, into {count}", min(seconds[1]) - min(seconds[0]), "s", goal=0.5))
    bench.add(Measure(f"all new blocks of one more, {count}", new_blocks(homes[1]), "blocks", goal=59))
    return peak


def new_blocks(home: Path) -> int:
    """How many blocks the newest edition added."""
    with Archive(home / "archive") as archive:
        newest = max(archive.editions().items())[1]
        return sum(1 for cid in archive.blocks for place in archive.blocks.places(cid) if place.path == newest)


def measure_one_note(bench: Bench, home: Path) -> None:
    """Verify one note beside its proof, Python's start included."""
    folder = bench.work / "one"
    bench.mirror("--home", str(home), "export", "--one", "17", "-o", str(folder))
    with Archive(home / "archive") as archive:
        vkey = Edition(archive.head(), archive.blocks.get).key.vkey
    keys.parse_vkey(vkey)
    command = ("verify", "--no-memory", "--key", vkey, str(folder / "note.txt"))
    seconds = bench.best(7, lambda: bench.mirror(*command)[0])
    bench.add(Measure("one note with its proof", seconds * 1000, "ms", goal=150))


def measure_memory(bench: Bench, small: tuple[int, int, int], large: tuple[int, int, int]) -> None:
    """What each further testimony adds to the peaks of publish and of verify."""
    more = large[0] - small[0]
    for name, less, much in (("publish", small[1], large[1]), ("verify", small[2], large[2])):
        bench.add(Measure(f"memory of {name}, a testimony", (much - less) / more, "bytes", goal=300))


def run(work: Path, counts: list[int]) -> list[Measure]:
    """Everything, for each number of testimonies."""
    bench = Bench(work)
    found, room_peaks = [], []
    for count in counts:
        home, publish_peak = measure_publish(bench, count)
        verify_peak = measure_verify(bench, home, count)
        measure_one_more(bench, home, count)
        room_peaks.append(measure_room(bench, count))
        if count == counts[0]:
            measure_one_note(bench, home)
        found.append((count, publish_peak, verify_peak))
    if len(found) > 1:
        measure_memory(bench, found[0], found[-1])
        more = counts[-1] - counts[0]
        name = "memory with a reading room"
        bench.add(Measure(name, (room_peaks[-1] - room_peaks[0]) / more, "bytes", "a testimony", goal=1000))
    return bench.measures


def run_ipfs(work: Path, count: int) -> list[Measure]:
    """The ways onto a Kubo node, where one is installed."""
    from measuring_ipfs import measure_pinning

    bench = Bench(work)
    measure_pinning(bench, count)
    return bench.measures


def run_anchors(work: Path) -> list[Measure]:
    """What an anchor takes beside its mirror."""
    from measuring_anchors import measure_anchors

    bench = Bench(work)
    measure_anchors(bench)
    return bench.measures


def run_gateways(work: Path, count: int) -> list[Measure]:
    """Fetching from many gateways."""
    from measuring_gateways import measure_fetching

    bench = Bench(work)
    measure_fetching(bench, count)
    return bench.measures


def run_browser(work: Path, count: int) -> list[Measure]:
    """The page that verifies, in Chromium."""
    from measuring_browser import measure_browser

    bench = Bench(work)
    measure_browser(bench, count)
    return bench.measures


def draw(measures: list[Measure]) -> str:
    """The ratios and goals as a small SVG: a bar each, a line where the goal is."""
    shown = [each for each in measures if each.goal is not None]
    rows, height = [], 34
    for row, each in enumerate(shown):
        share = min(each.value / (each.goal or 1), 1.6)
        y = 30 + row * height
        color = "#2a7f62" if each.is_met else "#b3541e"
        rows.append(f'<text x="10" y="{y + 14}">{each.name}</text>')
        rows.append(f'<rect x="250" y="{y}" width="{share * 250:.0f}" height="20" fill="{color}"/>')
        label = f"{each.value:.4g} {each.unit} {each.against}".strip()
        rows.append(f'<text x="{258 + share * 250:.0f}" y="{y + 14}">{label} (goal {each.goal:g})</text>')
    bottom = 40 + len(shown) * height
    line = f'<line x1="500" y1="20" x2="500" y2="{bottom - 10}" stroke="#444" stroke-dasharray="4 3"/>'
    box = f'viewBox="0 0 960 {bottom}" font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    title = '<text x="10" y="16">share of the goal; the dashed line is the goal, shorter is better</text>'
    return "\n".join([head, f'<rect width="960" height="{bottom}" fill="white"/>', title, *rows, line, "</svg>\n"])


def main() -> None:
    """Read the options, measure, show."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, formatter_class=form)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--large", action="store_true", help="also with ten times as many testimonies")
    parser.add_argument("--gateways", action="store_true", help="only fetching: scripts/measuring_gateways.py")
    parser.add_argument("--browser", action="store_true", help="only verify.html: scripts/measuring_browser.py")
    parser.add_argument("--anchors", action="store_true", help="only anchors: scripts/measuring_anchors.py")
    parser.add_argument("--ipfs", action="store_true", help="only the ways onto a Kubo node: scripts/measuring_ipfs.py")
    parser.add_argument("--count", type=int, default=10_000, help="how many testimonies; default 10000")
    parser.add_argument("--svg", type=Path, help="draw the ratios into this file")
    options = parser.parse_args()
    counts = [options.count, options.count * 10] if options.large else [options.count]
    with tempfile.TemporaryDirectory(prefix="mirror-bench-") as work:
        if options.anchors:
            measures = run_anchors(Path(work))
        elif options.ipfs:
            measures = run_ipfs(Path(work), options.count)
        elif options.browser:
            measures = run_browser(Path(work), options.count)
        elif options.gateways:
            measures = run_gateways(Path(work), options.count)
        else:
            measures = run(Path(work), counts)
    if options.svg:
        options.svg.write_text(draw(measures))
    if options.json:
        print(json.dumps([each.__dict__ | {"met": each.is_met} for each in measures], indent=2))


if __name__ == "__main__":
    main()
