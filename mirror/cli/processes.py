"""Other processes, for work on very much: started by spawning, which every platform has.

Each is a Python of its own, started with code that it is to import. A Python that is given code looks for what it
imports in the current folder first, which may be one that somebody else has filled: with `PYTHONSAFEPATH` it does not.
Where that would not be heeded, or where this program is no Python that could be started again, all is done here.

They end when this process does, however it ended: they may hold a key, and would wait for ever.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor

from mirror.errors import Unavailable

PROCESSES_FROM = 500
"""Files from which on other processes look at them and sign: fewer are done before those have started."""

PROCESSES_AT_MOST = 61
"""Processes that one can wait for on Windows."""

_SAFE_PATH = "PYTHONSAFEPATH"


def cores() -> int:
    """How many processes can be at work at once; 1 where no other may be started."""
    flags = sys.flags
    if getattr(sys, "frozen", False) or (flags.ignore_environment and not flags.safe_path):
        return 1
    return min(os.cpu_count() or 1, PROCESSES_AT_MOST)


@contextlib.contextmanager
def processes(count: int) -> Iterator[Executor | None]:
    """A process a core, where there are several and `count` files are worth it; they load what they need at once."""
    if count < PROCESSES_FROM or cores() < 2:
        yield None
        return
    from mirror.intake import sheets  # noqa: PLC0415  (whoever verifies needs none of it)

    with pool(cores()) as executor:
        for _ in range(cores()):
            executor.submit(sheets.wake)
        yield executor


@contextlib.contextmanager
def pool(count: int) -> Iterator[Executor]:
    """So many other processes, each started when there is work for it; raises `Unavailable` where one was stopped."""
    import multiprocessing  # noqa: PLC0415  (only large runs pay for other processes)
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    spawn = multiprocessing.get_context("spawn")
    try:
        with _safe_path(), ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin) as executor:
            yield executor
    except BrokenExecutor:
        words = "a process that was given a part of the work was stopped from outside"
        raise Unavailable(words, hint="the machine may be short of memory; try again") from None


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _begin() -> None:
    """What each of them does first: leave an interruption to the process that started it, and end when that ends."""
    import threading  # noqa: PLC0415  (as above)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import parent_process  # noqa: PLC0415  (as above)

    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
