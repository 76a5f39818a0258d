"""Runs `mirror` in this process, and tells stories with it.

    finished = run_mirror("verify", "archive")     # code, out, err

A story is a text file, a session as it would stand on a screen:

    // What is told.
    $ write letter.md
    > One line.
    $ mirror --home voices publish --no-tokens --yes letter.md
    ! new       #1  (no title)  letter.md
    voices.example/archive, edition 2, 2 entries
    index hash    …
    …
    $ mirror verify voices
    …
    ? 3

After a command stand its standard output, the lines of its standard error behind ``! ``, and its exit code behind
``? ``, if it is not 0. ``…`` stands for anything in a line, a line that is only ``…`` for any lines or none. Empty
lines at either end of an output do not count.

Commands: `mirror`, with `NAME=value` before it where the environment matters; and a few that stand in for a person or
for somebody who does harm: the methods of `Story` that begin with ``do_``. ``{NAME}`` stands for what
``$ keep NAME "the beginning of a line"`` kept of the last output: the rest of that line.
"""

import io
import os
import re
import shlex
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import pytest

from mirror.cli import main
from mirror.cli.sources import open_copy
from mirror.formats import unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import Get
from mirror.store import vault


@dataclass(frozen=True)
class Finished:
    """What a run of the program left."""

    code: int
    out: str
    err: str


def run_mirror(*arguments: str | Path) -> Finished:
    """Run the program in this process: its streams captured, and nobody at the terminal."""
    out, err = io.BytesIO(), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in (("stdin", io.BytesIO()), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, io.TextIOWrapper(stream, "utf-8", write_through=True))
        code = main.run([str(each) for each in arguments])
        sys.stdout.flush()
        sys.stderr.flush()
        return Finished(code, out.getvalue().decode(), err.getvalue().decode())


def make_identity(path: Path) -> Path:
    """A new age identity file, so that opening a key costs no scrypt."""
    path.write_text("".join(f"{line}\n" for line in vault.new_identity().lines))
    return path


def spread(get: Get, cid: CID, path: Path) -> None:
    """Write a tree out as files and folders, as `ipfs get` does."""
    if cid.codec == RAW or unixfs.parse(get(cid)).kind is unixfs.Kind.FILE:
        path.write_bytes(b"".join(unixfs.read_file(cid, get, strict=True)))
        return
    path.mkdir()
    for link in unixfs.parse(get(cid)).links:
        spread(get, link.cid, path / (link.name or ""))


@dataclass
class Step:
    """One command of a story, where it stands, and what has to come of it."""

    line: int
    command: str
    given: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


def parse(text: str) -> list[Step]:
    """The steps of a story."""
    steps: list[Step] = []
    for number, line in enumerate(text.split("\n"), 1):
        mark, _, rest = line.partition(" ")
        if mark == "$":
            steps.append(Step(number, rest))
        elif not steps or mark == "//":
            assert mark in ("//", ""), f"line {number} stands before any command"
        elif mark == "?":
            steps[-1].code = int(rest)
        elif mark in (">", "!"):
            (steps[-1].given if mark == ">" else steps[-1].err).append(rest)
        else:
            steps[-1].out.append(line)
    return steps


def pattern(lines: list[str]) -> str:
    """What an output has to match."""
    text = "\n".join(lines).strip("\n")
    return "".join(
        "(?:.*\n)*?" if line == "…" else "[^\n]*".join(map(re.escape, line.split("…"))) + "\n"
        for line in text.split("\n")
    )


class Story:
    """A session in the current folder, which is empty when it begins but for an age identity."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self._patch = patch
        self._stack = stack
        self._kept: dict[str, str] = {}
        self._last = Finished(0, "", "")
        patch.chdir(folder)
        patch.delenv("MIRROR_HOME")
        patch.setenv("MIRROR_STATE", str(folder / "state"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(folder / "identity.txt")))

    def tell(self, steps: list[Step]) -> None:
        """Run every step, and fail at the first that does not come out as it is told."""
        for step in steps:
            finished = self.run(step)
            for name, expected, shown in (("out", step.out, finished.out), ("err", step.err, finished.err)):
                found = shown.strip("\n") + "\n"
                told = f"line {step.line}: {step.command}\n--- {name}, code {finished.code}\n{found}{finished.err}"
                assert re.fullmatch(pattern(expected), found), told
            assert finished.code == step.code, f"line {step.line}: {step.command}: {finished}"

    def run(self, step: Step) -> Finished:
        """Run one step."""
        command = re.sub(r"\{([A-Z0-9]+)\}", lambda found: self._kept[found[1]], step.command)
        words = shlex.split(command)
        with pytest.MonkeyPatch.context() as patch:
            while (match := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])) is not None:
                patch.setenv(match[1], match[2])
                words.pop(0)
            if words[0] == "mirror":
                self._last = run_mirror(*words[1:])
                return self._last
            return Finished(0, getattr(self, f"do_{words[0]}")(*words[1:], given=step.given) or "", "")

    def do_write(self, path: str, given: list[str]) -> None:
        r"""Write a file; backslashes mean what they mean in Python, such as \x1b."""
        text = "".join(f"{line}\n" for line in given)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(re.sub(r"\\[xu][0-9a-f]+", lambda found: chr(int(found[0][2:], 16)), text).encode())

    def do_show(self, path: str, given: list[str]) -> str:
        """Show a file."""
        return Path(path).read_text()

    def do_ls(self, path: str, given: list[str]) -> str:
        """List a folder."""
        return "\n".join(sorted(os.listdir(path)))

    def do_cd(self, path: str, given: list[str]) -> None:
        """Go into a folder."""
        self._patch.chdir(path)

    def do_copy(self, source: str, to: str, given: list[str]) -> None:
        """Copy a file or folder, over what is there."""
        if Path(source).is_dir():
            shutil.rmtree(to, ignore_errors=True)
            shutil.copytree(source, to)
        else:
            shutil.copyfile(source, to)

    def do_remove(self, path: str, given: list[str]) -> None:
        """Remove a file or folder."""
        shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()

    def do_flip(self, path: str, words: str, given: list[str]) -> None:
        """Flip a bit of the first letter of these words in a file."""
        data = bytearray(Path(path).read_bytes())
        data[data.index(words.encode())] ^= 1
        Path(path).write_bytes(data)

    def do_damage(self, path: str, given: list[str]) -> None:
        """Write over every file in a folder."""
        for file in Path(path).iterdir():
            file.write_text("damaged")

    def do_cut(self, path: str, count: str, given: list[str]) -> None:
        """Cut this many bytes off the end of a file."""
        Path(path).write_bytes(Path(path).read_bytes()[: -int(count)])

    def do_spread(self, source: str, to: str, given: list[str]) -> None:
        """Write the tree of an archive or CAR out as files, as `ipfs get` does."""
        with open_copy(Path(source)) as copy:
            spread(copy.get, copy.root, Path(to))

    def do_identity(self, path: str, given: list[str]) -> None:
        """Make another age identity file."""
        make_identity(Path(path))

    def do_lock(self, home: str, given: list[str]) -> None:
        """Be another program that is writing in a workspace, until the story ends."""
        self._stack.enter_context(filelock.FileLock(Path(home) / "cache" / "lock", timeout=0))

    def do_keep(self, name: str, beginning: str, given: list[str]) -> None:
        """Keep the rest of the first line of the last output that begins so, without spaces at either end."""
        lines = [line for line in self._last.out.split("\n") if line.startswith(beginning)]
        assert lines, f"no line begins with {beginning!r} in:\n{self._last.out}"
        self._kept[name] = lines[0].removeprefix(beginning).strip()
