"""Copies of a small mirror on disk, the places in them, and what the command line says once they were tampered with.

small = Small(tmp_path)                           # an archive of four editions, its export, its tree as plain files
with flipped(small.export, at=60):                     # one bit is another until the block ends
    found = verify(small, small.export)                # found.code, found.items, found.err
look(small, small.export)                              # all that `verify` is given, for whoever compares
"""

import contextlib
import json
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

from storyteller import run_mirror, spread
from workbench import Bench
from world import Copy as Laid

from mirror import carry
from mirror.cli.sources import Copy, open_copy
from mirror.errors import BadBlock, MirrorError
from mirror.formats import car, unixfs
from mirror.formats.cid import CID, RAW
from mirror.intake.drafts import Options

KEEPING = Options(language="en", keep_metadata=("own.bin",))


@dataclass(frozen=True)
class Found:
    """What `verify` said: the exit code, every item that is false, the words, and its errors."""

    code: int
    items: tuple[str, ...]
    words: str
    err: str


@dataclass(frozen=True)
class Section:
    """One block of a CAR: where its head begins (length and CID), where its data, and where it ends."""

    cid: CID
    start: int
    data: int
    end: int


class Small:
    """Texts, one by its author, one with an attachment, a translation, and one that was withdrawn."""

    def __init__(self, base: Path) -> None:
        bench = Bench(base / "bench")
        (bench.folder / "own.bin").write_bytes(b"an attachment of the first")
        one = bench.write("1.md", "The first text.", title="One", attachments=["own.bin"])
        bench.publish(one, bench.hand_in("2.txt"), bench.write("3.md", "The third text."), options=KEEPING)
        bench.publish(bench.write("4.md", "Der erste Text.", language="de", translation_of=1, translator="human"))
        archive = bench.workspace.archive
        self.before = {path.name: path.read_bytes() for path in (archive.head_path, archive.announcement_path)}
        bench.withdraw(3)
        bench.verify()
        self.bench = bench
        self.vkey = bench.key.public.vkey
        self.archive = bench.workspace.archive.folder
        self.head = self.archive / "head"
        self.announcement = self.archive / "announcement.txt"
        self.editions = sorted((self.archive / "editions").iterdir())
        self.export = base / "export.car"
        self.folder = base / "tree"
        bench.workspace.archive.close()
        with open_copy(self.archive) as copy:
            self.root = copy.root
            self.paths = paths_of(copy)
            spread(copy.get, copy.root, self.folder)
            with self.export.open("wb") as file:
                carry.export(copy.root, copy.get, file)


def paths_of(copy: Copy) -> dict[CID, set[str]]:
    """Every block that a tree reaches, with the paths that lead to it."""
    found: dict[CID, set[str]] = {}

    def add(cid: CID, path: str) -> None:
        found.setdefault(cid, set()).add(path or "/")
        if cid.codec != RAW:
            for link in unixfs.parse(copy.get(cid)).links:
                add(link.cid, f"{path}/{link.name}".removeprefix("/") if link.name else path)

    add(copy.root, "")
    return found


def verify(vkey: str, path: Path, *options: str | Path) -> Found:
    """What a reader who has the key is told."""
    finished = run_mirror("--json", "verify", "--no-memory", "--key", vkey, *options, path)
    assert "Traceback" not in finished.err
    shown = json.loads(finished.out)
    assert shown["exit_code"] == finished.code
    if "error" in shown:
        return Found(finished.code, (), "", finished.err)
    items = tuple(dict.fromkeys(each["item"] for each in shown["false"]))
    return Found(finished.code, items, "\n".join(each["words"] for each in shown["false"]), finished.err)


def assert_named(found: Found, item: str, words: str) -> None:
    """An item is false, in these words."""
    assert (found.code, item in found.items) == (1, True), found
    assert words in found.words


@contextlib.contextmanager
def flipped(path: Path, at: int) -> Iterator[None]:
    """One bit of a file is another; which one follows from its place."""
    with path.open("r+b", buffering=0) as file:
        file.seek(at)
        (byte,) = file.read(1)
        for value in (byte ^ 1 << at % 8, byte):
            file.seek(at)
            file.write(bytes([value]))
            if value != byte:
                yield


def sections(path: Path) -> list[Section]:
    """The blocks of a CAR, in their order."""
    with path.open("rb") as file:
        start, found = car.read_header(file).data_start, []
        for section in car.sections(file):
            end = section.offset + section.length
            found.append(Section(section.cid, start, section.offset, end))
            start = end
    return found


def look(small: Small, path: Path) -> Hashable:
    """All that is given to `verify` of a copy: what looks the same is judged the same.

    Of each block that the honest tree reaches: whether it is whole, other or missing. With another root, whatever that
    leads to is told by the root.
    """
    try:
        with open_copy(path) as copy:
            states = tuple(_state(copy.get, cid) for cid in small.paths)
            return (copy.root, copy.announcement, states, tuple(copy.damage), copy.unreached())
    except MirrorError as error:
        return type(error)


def _state(get: Callable[[CID], bytes], cid: CID) -> str:
    try:
        get(cid)
    except BadBlock:
        return "other"
    except MirrorError:
        return "missing"
    return "whole"


def write_car(copy: Laid, path: Path) -> Path:
    """What a mirror's tree reaches, as an export; a tree that no program of ours would walk, whole."""
    with path.open("wb") as file:
        writer = car.Writer(file)
        for cid, data in copy.blocks.items():
            writer.put(cid, data)
        writer.seal(copy.root)
    return path
