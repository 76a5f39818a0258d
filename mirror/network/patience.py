"""Connections that end: whatever a counterpart or a proxy does, each wait is bounded, and so is a whole answer.

What httpx bounds by itself is each single wait, and not all of them: one byte before every limit runs out keeps an
answer coming for days, and a SOCKS proxy that says nothing is waited for without any limit. So every read, write and
handshake goes through here. `Patience.within` bounds all that one thread waits for inside it.

The clock is an argument: seconds that only grow. Out of scope: look-ups of names, which have the system's own limit.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore

Clock = Callable[[], float]


class Patience(httpcore.NetworkBackend):
    """httpcore's connections, each wait at most `each` seconds long even where httpcore sets no limit."""

    def __init__(self, clock: Clock, each: float) -> None:
        self._connections = httpcore.SyncBackend()
        self._clock = clock
        self._each = each
        self._thread = threading.local()

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Let all waits of this thread end `seconds` from now; None sets no end to the whole.

        Lines that were opened in it and not encrypted are closed where it fails: httpcore forgets those on which a
        SOCKS proxy refused. (What was encrypted has another line by then, which others may share.)
        """
        before = getattr(self._thread, "end", None), getattr(self._thread, "opened", [])
        self._thread.end = None if seconds is None else self._clock() + seconds
        self._thread.opened = []
        try:
            yield
        except BaseException:
            for line in self._thread.opened:
                line.close()
            raise
        finally:
            self._thread.end, self._thread.opened = before

    def limit(self, wanted: float | None) -> float:
        """Seconds that the next wait may take; raises httpcore's time-out where none are left."""
        limit = self._each if wanted is None else wanted
        end = getattr(self._thread, "end", None)
        if end is None:
            return limit
        left = float(end - self._clock())
        if left <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return min(limit, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            line = self._connections.connect_tcp(host, port, self.limit(timeout))
        except UnicodeError:  # of a host's name that no look-up takes
            raise httpcore.ConnectError("the host's name is none") from None
        self._thread.opened = [*getattr(self._thread, "opened", []), line]
        return _Line(line, self)


class _Line(httpcore.NetworkStream):
    """One connection, as patient as it is told to be."""

    def __init__(self, line: httpcore.NetworkStream, patience: Patience) -> None:
        self._line = line
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._line.read(max_bytes, self._patience.limit(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.write(buffer, self._patience.limit(timeout))

    def close(self) -> None:
        """Close it; a thread that waits for it wakes up, which closing alone does not do."""
        connection = self._line.get_extra_info("socket")
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._line.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        line = self._line.start_tls(ssl_context, server_hostname, self._patience.limit(timeout))
        return _Line(line, self._patience)

    def get_extra_info(self, info: str) -> Any:
        return self._line.get_extra_info(info)
