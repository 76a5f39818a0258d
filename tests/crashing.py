"""Runs `mirror` in a child process that is killed for real: at a chosen moment, or when its parent feels like it.

    total = run_killed(arguments)                  # to its end: how many moments it has, and its exit code
    run_killed(arguments, at=17)                   # killed at the 17th
    run_killed(arguments, at=17, power=Power.NAMES)
    kill_after(arguments, seconds)

A moment is each write, sync, rename and removal of a file that `mirror` itself does; a kill in a write leaves half of
it. The child is forked, so it is warm, and killed with SIGKILL, so nothing of it cleans up.

A killed process loses nothing that it wrote; a machine without power does. `Power.DATA` also takes away what was
written and not synced, `Power.NAMES` also each rename and removal whose folder was not synced since, `Power.FOLDER`
those of one folder only, for folders do not wait for each other. What SQLite writes is out of scope: it has its own
tests of that.
"""

import contextlib
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from storyteller import run_mirror

from mirror.store import files

FAILED = 99
"""The exit code of a child that fell over its own harness."""


class Power(Enum):
    """What is lost beside the process."""

    STAYS = "nothing"
    DATA = "what was not synced"
    NAMES = "what was not synced, and names"
    FOLDER = "what was not synced, and names in one folder"


class Ended(NamedTuple):
    """How a child ended: its exit code, None if it was killed; how many moments it had come to."""

    code: int | None
    moments: int


@dataclass
class _Undo:
    """How a name was before it was changed; `moved_from` is where its file came from."""

    path: Path
    before: bytes | None
    moved_from: Path | None


class _Disk:
    """Stands between `mirror.store.files` and the disk, counts moments, and kills at one of them."""

    def __init__(self, at: int, power: Power, tell: Callable[[int], object]) -> None:
        self._at = at
        self._power = power
        self._tell = tell
        self._count = 0
        self._undo: list[_Undo] = []
        self._written: dict[int, Path] = {}
        self._durable: dict[int, bytes] = {}
        self._real = (os.fsync, Path.replace, Path.unlink)

    def install(self) -> None:
        """From now on everything passes through here; for a process that will not live long."""
        files._create = self._create
        os.fsync = self._fsync
        Path.replace = lambda path, target: self._replace(path, Path(target))  # type: ignore[method-assign,assignment,return-value]
        Path.unlink = lambda path, missing_ok=False: self._unlink(path, missing_ok)  # type: ignore[method-assign]

    def moment(self) -> bool:
        """Whether to die now."""
        self._count += 1
        self._tell(self._count)
        return self._count == self._at

    def die(self) -> None:
        for undo in reversed(self._lost_names()):
            self._take_back(undo)
        if self._power is not Power.STAYS:
            for inode, path in self._written.items():
                self._forget(inode, path)
        os.kill(os.getpid(), signal.SIGKILL)

    def _lost_names(self) -> list[_Undo]:
        if self._power is Power.FOLDER:
            return [undo for undo in self._undo if undo.path.parent == self._undo[0].path.parent]
        return self._undo if self._power is Power.NAMES else []

    def _create(self, path: Path, mode: int, access: int = os.O_WRONLY) -> BinaryIO:
        if self.moment():
            self.die()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self._written[os.fstat(descriptor).st_ino] = path
        raw = _Raw(descriptor, self)
        return io.BufferedRandom(raw) if access == os.O_RDWR else io.BufferedWriter(raw)  # type: ignore[return-value]

    def _fsync(self, descriptor: int) -> None:
        if self.moment():
            self.die()
        self._real[0](descriptor)
        status = os.fstat(descriptor)
        if status.st_ino in self._written:
            self._durable[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._undo = [each for each in self._undo if each.path.parent.stat().st_ino != status.st_ino]

    def _replace(self, path: Path, target: Path) -> None:
        if self.moment():
            self.die()
        self._undo.append(_Undo(target, target.read_bytes() if target.exists() else None, path))
        self._real[1](path, target)
        self._written[target.stat().st_ino] = target

    def _unlink(self, path: Path, missing_ok: bool) -> None:
        if self.moment():
            self.die()
        if path.exists():
            self._undo.append(_Undo(path, path.read_bytes(), None))
        self._real[2](path, missing_ok)

    def _take_back(self, undo: _Undo) -> None:
        if undo.moved_from is not None:
            self._real[1](undo.path, undo.moved_from)
            self._written[undo.moved_from.stat().st_ino] = undo.moved_from
        if undo.before is not None:
            undo.path.write_bytes(undo.before)

    def _forget(self, inode: int, path: Path) -> None:
        if path.exists() and path.stat().st_ino == inode:
            path.write_bytes(self._durable.get(inode, b""))


class _Raw(io.FileIO):
    def __init__(self, descriptor: int, disk: _Disk) -> None:
        super().__init__(descriptor, "r+b")
        self._disk = disk

    def write(self, data: Any) -> int:
        if self._disk.moment():
            super().write(memoryview(data)[: len(data) // 2])
            self._disk.die()
        return super().write(data)


def run_killed(arguments: list[str], *, at: int = 0, power: Power = Power.STAYS) -> Ended:
    """Run `mirror` in a child and kill it at a moment; without one, or where it has fewer, it runs to its end."""
    with _child(arguments, at, power) as (pid, told):
        return _wait(pid, told)


def kill_after(arguments: list[str], seconds: float) -> Ended:
    """Run `mirror` in a child and kill it after a while."""
    with _child(arguments, 0, Power.STAYS) as (pid, told):
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return _wait(pid, told)


@contextlib.contextmanager
def _child(arguments: list[str], at: int, power: Power) -> Iterator[tuple[int, int]]:
    sys.stdout.flush()
    sys.stderr.flush()
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_the_child(arguments, at, power, telling)
    os.close(telling)
    try:
        yield pid, told
    finally:
        os.close(told)


def _be_the_child(arguments: list[str], at: int, power: Power, telling: int) -> None:
    code = FAILED
    try:
        _Disk(at, power, lambda count: os.write(telling, b".")).install()
        finished = run_mirror(*arguments)
        code = finished.code
        if code == 70:
            os.write(2, finished.err.encode())
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _wait(pid: int, told: int) -> Ended:
    moments = 0
    while data := os.read(told, 65536):
        moments += len(data)
    _, status = os.waitpid(pid, 0)
    return Ended(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, moments)
