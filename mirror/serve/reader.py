"""One thread reads the disk for everyone, so that no disk, however slow, keeps the door from being answered.

    reader = Reader(shelf)
    await reader.start()
    answer = await reader.ask(lambda shelf: answer_raw(shelf, asked, place))
    async for piece in reader.pieces(answer.body): ...

An index and its files belong to the thread that opened them. Work comes in turn, a piece at a time; who asks something
new comes before those who are being sent something long, so that hundreds of these do not keep a page from anybody. A
piece that nobody takes is not followed by another: each reader holds one.
"""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from functools import partial
from queue import PriorityQueue
from typing import TypeVar

from mirror.serve.shelf import Shelf

T = TypeVar("T")

PIECE = 128 * 1024
"""Bytes that a body is read on for at a time, unless one block has more: what a connection buffers by itself."""

LOOK_EVERY = 2
"""Seconds between two looks at whether an archive changed."""


_NEW, _LONG = range(2)
"""Ranks of work: a new request, and the next piece of a long answer."""


class Reader:
    """The thread, and the shelf that belongs to it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._waiting: PriorityQueue[tuple[int, int, Callable[[], bool]]] = PriorityQueue()
        self._count = itertools.count()
        self._thread = threading.Thread(target=self._work, name="reader", daemon=True)

    def _work(self) -> None:
        while self._waiting.get()[2]():
            pass

    async def start(self) -> None:
        """Open the shelf in its thread."""
        self._thread.start()
        try:
            await self.ask(Shelf.open)
        except BaseException:
            self._end()
            raise

    async def stop(self) -> None:
        """Close it, when what was begun is done."""
        try:
            await self.ask(Shelf.close)
        finally:
            self._end()

    def _end(self) -> None:
        self._waiting.put((_LONG + 1, next(self._count), lambda: False))
        self._thread.join()

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
        return await self._do(_NEW, work)

    async def pieces(self, body: Iterator[bytes]) -> AsyncIterator[bytes]:
        """A body as it is read in the thread, in pieces of about `PIECE`."""
        while piece := await self._do(_LONG, lambda _: _read_on(body)):
            yield piece

    async def _do(self, rank: int, work: Callable[[Shelf], T]) -> T:
        future: Future[T] = Future()
        self._waiting.put((rank, next(self._count), partial(_finish, future, partial(work, self._shelf))))
        return await asyncio.wrap_future(future)


def _finish(future: Future[T], work: Callable[[], T]) -> bool:
    """Do what is still wanted, and say how it went."""
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
    return True


def _read_on(body: Iterator[bytes]) -> bytes:
    taken, size = [], 0
    for piece in body:
        taken.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(taken)
