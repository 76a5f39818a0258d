"""Whoever listens on this machine and answers as a test says, to the byte; and a SOCKS proxy that leads there.

with Listener(answering(b"hello")) as peer:            # also `saying(b"HTTP/1.1 …")`, or any function of a Line
    …
    peer.heads                                         # every request's head, as it came

with Socks({"node.example": peer.port}) as proxy:      # leads names and numbers to ports of this machine, no others
    Route(proxy.url)
    proxy.asked                                        # [("node.example", 80)]
"""

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Self

import pytest

SILENCE = 20.0
"""Seconds after which a connection that nobody uses is given up."""


class Line:
    """One connection to whoever listens."""

    def __init__(self, connection: socket.socket, head: bytes, body: bytes) -> None:
        self.connection = connection
        self.head = head
        self.body = body

    def say(self, data: bytes) -> None:
        """Send; that the other end has gone is nothing."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def reset(self) -> None:
        """Cut the line as a wall does, with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.close()

    def wait(self) -> None:
        """Say nothing until the other end goes."""
        with contextlib.suppress(OSError):
            while self.connection.recv(65536):
                pass


Reply = Callable[[Line], None]


def saying(data: bytes) -> Reply:
    """These very bytes, whatever was asked."""
    return lambda line: line.say(data)


def answering(body: bytes, status: int = 200, **headers: str) -> Reply:
    """An answer that is in order; `Content_Type="…"` becomes a header."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return saying("\r\n".join([*lines, "", ""]).encode() + body)


class Server(ABC):
    """A port of this machine at which each connection has its own thread."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        for thread in list(self._threads):
            thread.join(SILENCE)

    def close(self) -> None:
        """Listen no more, and cut every line."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in list(self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            line.settimeout(SILENCE)
            self._lines.append(line)
            self._threads.append(threading.Thread(target=self._serve_and_close, args=(line,)))
            self._threads[-1].start()

    def _serve_and_close(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            self.serve(line)

    @abstractmethod
    def serve(self, line: socket.socket) -> None:
        """Answer whoever is on this line; it is closed afterwards."""


class Listener(Server):
    """Answers each request by a function; several, where a list is given, in turn, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__()
        self._replies = list(replies)
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> list[dict[str, str]]:
        """The headers of each request, by their lower-case names."""
        lines = [head.decode().split("\r\n")[1:] for head in self.heads]
        return [{name.lower(): value for name, value in (each.split(": ", 1) for each in some)} for some in lines]

    def serve(self, line: socket.socket) -> None:
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                part = line.recv(65536)
                if not part:
                    return
                received += part
            head, _, rest = received.partition(b"\r\n\r\n")
            body, received = self._read_body(line, head, rest)
            self.heads.append(head)
            self.bodies.append(body)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            reply(Line(line, head, body))
            if b"connection: close" in head.lower() or line.fileno() < 0:
                return

    @staticmethod
    def _read_body(line: socket.socket, head: bytes, rest: bytes) -> tuple[bytes, bytes]:
        fields = dict(each.lower().split(b": ", 1) for each in head.split(b"\r\n")[1:])
        if b"transfer-encoding" in fields:
            while not rest.endswith(b"0\r\n\r\n"):
                rest += line.recv(65536)
            return rest, b""
        wanted = int(fields.get(b"content-length", b"0"))
        while len(rest) < wanted:
            rest += line.recv(65536)
        return rest[:wanted], rest[wanted:]


class Socks(Server):
    """A SOCKS5 proxy without a password (RFC 1928) that leads only to where it is told; `code` refuses all with it."""

    def __init__(self, ports: Mapping[str, int], code: int = 0) -> None:
        super().__init__()
        self._ports = ports
        self._code = code
        self.asked: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        """What a route takes."""
        return f"socks5h://127.0.0.1:{self.port}"

    def serve(self, line: socket.socket) -> None:
        _, methods = line.recv(2)
        line.recv(methods)
        line.sendall(b"\x05\x00")
        _, _, _, kind = line.recv(4)
        host = line.recv(line.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(line.recv(4))
        self.asked.append((host, int.from_bytes(line.recv(2))))
        code = self._code or (0 if host in self._ports else 4)
        line.sendall(bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))
        if code == 0:
            with socket.create_connection(("127.0.0.1", self._ports[host]), SILENCE) as other:
                back = threading.Thread(target=_copy, args=(other, line))
                back.start()
                _copy(line, other)
                back.join(SILENCE)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := one.recv(65536):
            other.sendall(part)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@pytest.fixture
def serve() -> Iterator[Callable[..., Listener]]:
    """Starts listeners for a test, which names this fixture: ``serve = listening.serve``."""
    opened: list[Listener] = []

    def start(*replies: Reply) -> Listener:
        opened.append(Listener(*replies).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__()
