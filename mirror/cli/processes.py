"""Other processes, for work on very many texts: started by spawning, which every platform has."""

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor

from mirror.intake import sheets

PROCESSES_FROM = 500
"""Files from which on other processes look at them and sign: fewer are done before those have started."""


@contextlib.contextmanager
def processes(count: int) -> Iterator[Executor | None]:
    """A process a core, where there are several and `count` files are worth it; they load what they need at once."""
    cores = os.cpu_count() or 1
    if count < PROCESSES_FROM or cores < 2:
        yield None
        return
    import multiprocessing  # noqa: PLC0415  (only large runs pay for other processes)
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    deaf = (signal.SIGINT, signal.SIG_IGN)  # whoever interrupts means this process, which then lets the others go
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=spawn, initializer=signal.signal, initargs=deaf) as executor:
        for _ in range(cores):
            executor.submit(sheets.wake)
        yield executor
