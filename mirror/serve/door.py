"""The door: who is let in, for how long, and how it is closed.

    with open_socket("127.0.0.1", 8080) as listening:
        Door(Gateway(…)).serve_at(listening)            # until it is told to stop

A server that waits politely for everyone is stopped by a few hundred clients that send or take a byte now and then. So:

- a request's head has at most `HEAD_AT_MOST` bytes;
- a connection that neither finishes a request's head nor takes anything of its answer for `LOOK_EVERY` seconds is
  cut, so that one that does nothing is gone after twice that;
- no more than `CONNECTIONS_AT_MOST` are open. When one more comes, the one that has been at its request longest goes,
  if that is longer than `SPARED`; otherwise the new one does. So slow clients make room, and quick ones take turns.

To stop (Ctrl-C, SIGTERM) is to take no more, give what was begun `FINISH_WITHIN` seconds, and close the files.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mirror.errors import Refused, Unavailable
from mirror.serve.app import HEAD_AT_MOST, Gateway

CONNECTIONS_AT_MOST = 512
"""Connections at a time: half of the files that systems let a program hold open by default. Each holds
some 400 KiB of what it is being sent, most of it in the system, and mostly a note of 2 kB."""

FILES_BESIDE = 64
"""Files that the program holds open besides connections: CARs, the index, what Python itself needs."""

LOOK_EVERY = 60.0
"""Seconds between two looks at whether a connection moves. With `UNSENT_AT_MOST`, who takes less than about 1.5 kB a
second is cut."""

UNSENT_AT_MOST = 128 * 1024
"""Bytes that the system shall keep for one connection (Linux doubles it). It keeps megabytes if it is let, and tells us
that the other side took some only when a third is gone: then a thin line would look like a dead one."""

SPARED = 10.0
"""Seconds for which nobody has to make room: enough for a page on a thin line."""

FINISH_WITHIN = 5
"""Seconds that begun answers are given when the program ends."""

IDLE_AT_MOST = 15
"""Seconds for which a connection is kept for a next request."""

WAITING_AT_MOST = 256
"""Connections that the system keeps for us until we take them."""


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free. Raises Refused or Unavailable where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_AT_MOST)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        kind = Refused if isinstance(error, PermissionError) else Unavailable
        words = getattr(error, "strerror", None) or "it cannot be listened at"
        raise kind(f"{host}, port {port}: {words.lower()}", hint="another address: --listen 127.0.0.1:0") from None
    return listening


def connections_at_most() -> int:
    """How many connections there may be: fewer than `CONNECTIONS_AT_MOST` where the system allows fewer open files."""
    try:
        import resource  # noqa: PLC0415  (Windows has none, and no such limit)
    except ImportError:
        return CONNECTIONS_AT_MOST
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_AT_MOST if allowed < 0 else max(1, min(CONNECTIONS_AT_MOST, allowed - FILES_BESIDE))


class Connection(H11Protocol):
    """One connection, watched."""

    look_every = LOOK_EVERY
    at_most = connections_at_most()
    spared = SPARED

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.since = self.loop.time()
        self._moved, self._unsent = False, 0
        self._make_room()
        self._timer = self.loop.call_later(self.look_every, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._moved = True
        super().resume_writing()

    def on_response_complete(self) -> None:
        self._moved, self.since = True, self.loop.time()
        super().on_response_complete()

    def _make_room(self) -> None:
        if len(self.connections) <= self.at_most:
            return
        oldest = min(cast("set[Connection]", self.connections), key=lambda each: each.since)
        (oldest if self.since - oldest.since > self.spared else self).cut()

    def cut(self) -> None:
        """End the connection now, whatever it is at."""
        self.connections.discard(self)
        self.transport.abort()

    def _look(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        moved = self._moved or unsent < self._unsent
        at_work = self.cycle is not None and not self.cycle.response_complete and not self.flow.write_paused
        self._moved, self._unsent = False, unsent
        if moved or at_work:
            self._timer = self.loop.call_later(self.look_every, self._look)
        else:
            self.cut()


def _nothing() -> None:
    pass


class Door(uvicorn.Server):
    """Serves a gateway at a socket until it is stopped; `ready` is called once it can be asked."""

    def __init__(
        self, gateway: Gateway, ready: Callable[[], None] = _nothing, connection: type[Connection] = Connection
    ) -> None:
        self._gateway = gateway
        self._ready = ready
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # of requests nothing is told, nor kept
        config = uvicorn.Config(
            gateway.app,
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=WAITING_AT_MOST,
            h11_max_incomplete_event_size=HEAD_AT_MOST,
            timeout_keep_alive=IDLE_AT_MOST,
            timeout_graceful_shutdown=FINISH_WITHIN,
        )
        super().__init__(config)

    def serve_at(self, listening: socket.socket) -> None:
        """Serve until the program is told to stop, or `stop` is called."""
        self.run([listening])

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """The same inside an event loop."""
        async with self._gateway.reading():
            await super().serve(sockets)
            for connection in cast("set[Connection]", self.server_state.connections.copy()):
                connection.cut()
            await asyncio.sleep(0)  # in which they are closed

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._ready()

    def stop(self) -> None:
        """End it; may be called from another thread."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """To be told to stop is no failure: unlike in the base, the signal is not raised again behind us."""
        with contextlib.ExitStack() as before:
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(ValueError):  # not in the main thread: somebody else is told
                    before.callback(signal.signal, number, signal.signal(number, self.handle_exit))
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
