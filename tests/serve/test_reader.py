"""One thread for all: whoever asks something new comes first, and what nobody waits for any more is not done."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from serving import shelf_of

from mirror.errors import Unavailable
from mirror.serve.reader import Reader
from mirror.serve.shelf import Shelf


def test_a_new_request_comes_before_the_next_piece_of_a_long_answer() -> None:
    order: list[str] = []
    held, go = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        order.append("piece")
        yield b"x"

    def block(_: Shelf) -> None:
        held.set()
        go.wait()

    async def run() -> None:
        reader = Reader(shelf_of())
        await reader.start()
        blocking = asyncio.ensure_future(reader.ask(block))
        await asyncio.to_thread(held.wait)
        long = asyncio.ensure_future(anext(reader.pieces(body())))
        await asyncio.sleep(0)
        new = asyncio.ensure_future(reader.ask(lambda _: order.append("new")))
        dropped = asyncio.ensure_future(reader.ask(lambda _: order.append("dropped")))
        await asyncio.sleep(0)
        dropped.cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(blocking, new, long)
        await reader.stop()

    asyncio.run(run())
    assert order == ["new", "piece"]


def fail(_: Shelf) -> None:
    raise Unavailable("the disk is gone")


def test_what_goes_wrong_in_the_thread_goes_wrong_outside() -> None:
    async def run() -> None:
        reader = Reader(shelf_of())
        await reader.start()
        with pytest.raises(Unavailable, match="the disk is gone"):
            await reader.ask(fail)
        await reader.stop()
        assert not reader._thread.is_alive()

    asyncio.run(run())


def test_a_start_that_fails_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        reader = Reader(shelf_of())
        with pytest.raises(Unavailable, match="the disk is gone"):
            await reader.start()
        assert not reader._thread.is_alive()

    monkeypatch.setattr(Shelf, "open", fail)
    asyncio.run(run())


def test_a_look_that_fails_is_told_and_the_next_one_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Exception] = []

    async def run() -> None:
        reader = Reader(shelf_of())
        await reader.start()
        watching = asyncio.ensure_future(reader.watch(told.append))
        async with asyncio.timeout(120):
            while len(told) < 3:
                await asyncio.sleep(0)
        watching.cancel()
        await reader.stop()

    monkeypatch.setattr("mirror.serve.reader.LOOK_EVERY", 0)
    monkeypatch.setattr(Shelf, "refresh", fail)
    asyncio.run(run())
    assert {str(error) for error in told} == {"the disk is gone"}
