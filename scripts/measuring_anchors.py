"""What `scripts/bench --anchors` measures: what an anchor takes beside the mirror that it dates.

    an anchor of Ethereum    `mirror verify` of a small mirror with a proof out of a block of 200 transactions, and a
                             hash that was typed; less the same of the same mirror without an anchor
    an anchor of Bitcoin     the same with a proof of OpenTimestamps of a public calendar's length, and a header in a
                             file
    their proofs             as they lie in the tree

Python's start and the reading of everything else is in both and so in neither; loading what an anchor needs is in.
"""

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from measuring import HERE, RUN, Bench, Measure

sys.path.insert(0, str(HERE / "tests"))

from anchored import folder_of, laying
from calendar_server import Chain
from onchain import make_proof
from strategies import KEY
from workbench import Bench as Workbench

from mirror.edition import Edition
from mirror.formats import ots
from mirror.formats.ots import APPEND, PREPEND, SHA256, Op
from mirror.store.archive import Archive

RUNS = 25
"""Each the least of so many runs: an anchor's share is smaller than what runs differ by."""

OTHERS = 200
"""Transactions in the block beside the anchor's: what one of Ethereum's has."""

STEPS = 40
"""Pairs of operations in a proof of OpenTimestamps: some from a calendar's tree, some from a block's."""


def measure_anchors(bench: Bench) -> None:
    """Both kinds, and the sizes of their proofs."""
    plain = _laid(bench.work / "plain", [])
    with Archive(plain) as archive:
        head, said = Edition(archive.head(), archive.get), archive.announcement() or b""
    folder = folder_of(head.size)
    ethereum = make_proof(said, others=OTHERS)
    lines = head.checkpoint.text.encode()
    proof, header = _timestamp(lines, bench.work)
    dated = {
        "Ethereum": (
            [((*folder, f"ethereum-{head.number}.json"), bytes(ethereum))],
            ("--block-hash", ethereum.block.hex()),
        ),
        "Bitcoin": (
            [((*folder, "checkpoint.txt"), lines), ((*folder, "checkpoint.txt.ots"), proof)],
            ("--headers", str(header)),
        ),
    }
    for name, (pairs, options) in dated.items():
        laid = _laid(bench.work / name, pairs)
        without, seconds = _best(bench, plain, laid, options)
        bench.add(Measure(f"an anchor of {name}", (seconds - without) * 1000, "ms", goal=50))
        bench.add(Measure("its proof", sum(len(data) for _, data in pairs), "bytes"))


def _timestamp(lines: bytes, folder: Path) -> tuple[bytes, Path]:
    """A proof of common length, and a file with the header that it leads to."""
    chain, digest = Chain(), sha256(lines).digest()
    way: list[Op] = []
    for step in range(STEPS):
        way += [Op((APPEND, PREPEND)[step % 2], sha256(b"%d" % step).digest()), Op(SHA256)]
    height = chain.add(ots.Path(tuple(way), ots.at_height(0)).result(digest))
    path = folder / "headers.txt"
    path.write_text(f"{height} {bytes(chain.headers[-1]).hex()}\n")
    return bytes(ots.proof_of(digest, [ots.Path(tuple(way), ots.at_height(height))])), path


def _laid(base: Path, pairs: list[tuple[tuple[str, ...], bytes]]) -> Path:
    """The archive of one mirror, which is the same each time, with these anchors and no others."""
    work = Workbench(base)
    work.publish(work.write("1.md", "What happened, and nothing else."))
    if pairs:
        work.prepare()
        work.publisher.write_edition(anchors=laying(pairs))
    work.workspace.archive.close()
    return work.workspace.archive.folder


def _best(bench: Bench, plain: Path, laid: Path, options: tuple[str, ...]) -> tuple[float, float]:
    """The least seconds of `verify` of either folder, run in turn."""
    found = {plain: [], laid: []}
    environment = {**os.environ, "PYTHONPATH": str(HERE), "MIRROR_BENCH_PEAK": str(bench.work / "peak")}
    for _ in range(RUNS):
        for folder, seconds in found.items():
            command = [sys.executable, "-c", RUN, "verify", "--no-memory", "--key", KEY.public.vkey, *options]
            start = time.perf_counter()
            subprocess.run([*command, str(folder)], env=environment, capture_output=True, check=True)
            seconds.append(time.perf_counter() - start)
    return min(found[plain]), min(found[laid])
