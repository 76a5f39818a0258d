"""One thread reads the disk for everyone, so that no disk, however slow, keeps the door from being answered.

    reader = Reader(shelf)
    await reader.start()
    answer = await reader.ask(lambda shelf: answer_raw(shelf, asked, place))
    async for piece in reader.pieces(answer.body): ...

An index and its files belong to the thread that opened them. Work comes in turn, a piece at a time, so a reader who
wants a whole archive waits for one who wants a page no longer than the page takes. A piece that nobody takes is not
followed by another: each reader holds one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mirror.serve.shelf import Shelf

T = TypeVar("T")

PIECE = 64 * 1024
"""Bytes that a body is read on for at a time, unless one block has more: what a connection buffers by itself."""

LOOK_EVERY = 2
"""Seconds between two looks at whether an archive changed."""


class Reader:
    """The thread, and the shelf that belongs to it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")

    async def start(self) -> None:
        """Open the shelf in its thread."""
        await self.ask(Shelf.open)

    async def stop(self) -> None:
        """Close it, when what was begun is done."""
        await self.ask(Shelf.close)
        self._thread.shutdown()

    async def watch(self, report: Callable[[Exception], None]) -> None:
        """Keep looking for newer editions; runs until it is cancelled. `report` takes what goes wrong meanwhile."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.ask(Shelf.refresh)
            except Exception as error:
                report(error)

    async def ask(self, work: Callable[[Shelf], T]) -> T:
        """What `work` gives, done in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._shelf)

    async def pieces(self, body: Iterator[bytes]) -> AsyncIterator[bytes]:
        """A body as it is read in the thread, in pieces of about `PIECE`."""
        while piece := await self.ask(lambda _: _read_on(body)):
            yield piece


def _read_on(body: Iterator[bytes]) -> bytes:
    taken, size = [], 0
    for piece in body:
        taken.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(taken)
