"""A node on loopback that speaks Kubo's RPC and holds blocks in memory: honest, until it is told what to say.

with FakeNode() as fake:
    node = Node("home", fake.address)                      # works like any
    fake.says("pin/add", Reply(500, b'{"Message": "no"}'))  # from now on, to this command
    fake.takes_at_most = 10_000                             # its disk is full then
    fake.dies_after = 10_000                                # it is gone in the middle of an import
    fake.asked[-1].command, .words, .options, .headers      # what it was asked

It is for the lies and the faults: what a Kubo really does, the real ones show. So it checks nothing that it is asked.
"""

import base64
import io
import itertools
import json
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from mirror.formats import car, dagpb
from mirror.formats import cid as cids
from mirror.formats.cid import CID, DAG_PB

PIECE = 64 * 1024
ENDLESS = itertools.repeat(b"\0" * PIECE)
"""A body that does not end: whoever reads it has to stop."""


@dataclass(frozen=True)
class Reply:
    """What is answered: a body as bytes has its length told, an iterable comes in chunks. `cut` leaves out the end."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    @classmethod
    def of(cls, *values: Any, status: int = 200) -> Self:
        """JSON, one value a line, as Kubo answers."""
        return cls(status, [json.dumps(value).encode() + b"\n" for value in values])

    @classmethod
    def error(cls, message: str, status: int = 500) -> Self:
        """A refusal in Kubo's form."""
        return cls.of({"Message": message, "Code": 0, "Type": "error"}, status=status)


@dataclass(frozen=True)
class Asked:
    """One request, and the port that it came from: the same for those that share a line."""

    command: str
    words: list[str]
    options: dict[str, str]
    headers: dict[str, str]
    line: int


class Gone(Exception):
    """The node dies here."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has left: nothing to tell."""


class FakeNode:
    """One node at a free port."""

    def __init__(self) -> None:
        self.blocks: dict[CID, bytes] = {}
        self.pins: dict[str, str] = {}
        self.names: dict[str, bytes] = {}
        self.version = "0.43.1"
        self.takes_at_most: int | None = None
        self.dies_after: int | None = None
        self.asked: list[Asked] = []
        self.done = threading.Event()
        self._told: dict[str, Reply | bytes | Callable[[Asked], Reply]] = {}
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = f"/ip4/127.0.0.1/tcp/{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()

    def says(self, command: str, reply: Reply | bytes | Callable[[Asked], Reply]) -> None:
        """Answer a command so from now on; bytes are sent as they are, whether they are HTTP or not."""
        self._told[command] = reply

    def behaves(self, command: str) -> None:
        """Answer a command honestly again."""
        del self._told[command]

    def waits(self, command: str) -> None:
        """Answer a command no more before the end."""

        def wait(asked: Asked) -> Reply:
            self.done.wait(60)
            return Reply(503)

        self.says(command, wait)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Answer by TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def answer(self, asked: Asked, body: Iterator[bytes]) -> Reply | bytes:
        """What is said to a request; an honest node's answer unless told otherwise."""
        self.asked.append(asked)
        told = self._told.get(asked.command)
        if told is not None:
            return told(asked) if callable(told) else told
        method = getattr(self, "_" + asked.command.replace("/", "_"), None)
        if method is None:
            return Reply(404, b"404 page not found\n")
        if asked.command in ("dag/import", "name/put"):
            return method(asked, body)
        return method(*asked.words, **asked.options)

    def commands(self) -> list[str]:
        """What it was asked, in order."""
        return [asked.command for asked in self.asked]

    # What an honest node answers

    def _version(self, **_: str) -> Reply:
        return Reply.of({"Version": self.version, "Commit": "", "Repo": "18"})

    def _pin_ls(self, *words: str, type: str = "all", **_: str) -> Reply:  # noqa: A002  (Kubo's name for it)
        if not words:
            return Reply.of(*({"Cid": cid, "Name": name, "Type": "recursive"} for cid, name in self.pins.items()))
        if words[0] in self.pins:
            return Reply.of({"Keys": {words[0]: {"Type": "recursive", "Name": self.pins[words[0]]}}})
        holders = [root for root in self.pins if cids.parse(words[0]) in self.below(cids.parse(root))]
        if type != "all" or not holders:
            return Reply.error(f"path '{words[0]}' is not pinned")
        return Reply.of({"Keys": {words[0]: {"Type": f"indirect through {holders[0]}", "Name": ""}}})

    def _pin_add(self, root: str, name: str = "", **_: str) -> Reply:
        if gaps := self.below(cids.parse(root)) - self.blocks.keys():
            return Reply.error(f"pin: block was not found locally (offline): ipld: could not find {min(gaps)}")
        self.pins[root] = name
        return Reply.of({"Progress": 1, "Bytes": 1}, {"Pins": [root]})

    def _pin_update(self, old: str, new: str, **_: str) -> Reply:
        if old not in self.pins:
            return Reply.error("'from' cid was not recursively pinned already")
        if new in self.pins:
            return Reply.error("'to' cid was already recursively pinned")
        self.pins[new] = self.pins.pop(old)
        return Reply.of({"Pins": [old, new]})

    def _pin_rm(self, root: str, **_: str) -> Reply:
        if root not in self.pins:
            return Reply.error("not pinned or pinned indirectly")
        del self.pins[root]
        return Reply.of({"Pins": [root]})

    def _block_stat(self, cid: str, **_: str) -> Reply:
        if (data := self.blocks.get(cids.parse(cid))) is None:
            return _absent(cid)
        return Reply.of({"Key": cid, "Size": len(data)})

    def _block_get(self, cid: str, **_: str) -> Reply:
        data = self.blocks.get(cids.parse(cid))
        return _absent(cid) if data is None else Reply(200, [data])

    def _block_rm(self, *words: str, force: str = "false", **_: str) -> Reply:
        lines = []
        for word in words:
            holders = [root for root in self.pins if cids.parse(word) in self.below(cids.parse(root))]
            if holders:
                lines.append({"Hash": word, "Error": f"pinned via {holders[0]}"})
            elif force != "true" and cids.parse(word) not in self.blocks:
                lines.append({"Hash": word, "Error": f"ipld: could not find {word}"})
            else:
                self.blocks.pop(cids.parse(word), None)
                lines.append({"Hash": word})
        return Reply.of(*lines)

    def _dag_import(self, asked: Asked, body: Iterator[bytes]) -> Reply:
        taken = bytearray()
        for piece in body:
            taken += piece
            if self.dies_after is not None and len(taken) > self.dies_after:
                raise Gone
            if self.takes_at_most is not None and len(taken) > self.takes_at_most:
                return Reply.error("import failed: write /repo/blocks/put-1: no space left on device")
        found = dict(car.blocks(io.BytesIO(_only_file(bytes(taken)))))
        self.blocks |= found
        return Reply.of({"Stats": {"BlockCount": len(found), "BlockBytesCount": sum(map(len, found.values()))}})

    def _dag_export(self, root: str, **_: str) -> Reply:
        top = cids.parse(root)
        if top not in self.blocks:
            return _absent(root)
        file = io.BytesIO()
        writer = car.Writer(file)
        for cid in sorted(self.below(top) & self.blocks.keys()):
            writer.put(cid, self.blocks[cid])
        writer.seal(top)
        return Reply(200, [file.getvalue()])

    def _name_put(self, asked: Asked, body: Iterator[bytes]) -> Reply:
        name = asked.words[0].removeprefix("/ipns/")
        self.names[name] = _only_file(b"".join(body))
        return Reply.of({"Name": name, "Value": "/ipfs/bafkqaaa"})

    def _name_get(self, path: str, **_: str) -> Reply:
        record = self.names.get(path.removeprefix("/ipns/"))
        return Reply.error("routing: not found") if record is None else Reply(200, [record])

    def _routing_get(self, path: str, **_: str) -> Reply:
        record = self.names.get(path.removeprefix("/ipns/"))
        if record is None:
            return Reply.error("routing: not found")
        return Reply.of({"Type": 6, "Extra": ""}, {"Type": 5, "Extra": base64.b64encode(record).decode()})

    def below(self, root: CID) -> set[CID]:
        """A root and all that is below it, as far as the blocks are there."""
        found, left = {root}, [root]
        while left:
            cid = left.pop()
            if cid.codec == DAG_PB and cid in self.blocks:
                new = {link.cid for link in dagpb.parse(self.blocks[cid]).links} - found
                found |= new
                left += new
        return found


def _absent(cid: str) -> Reply:
    return Reply.error(f"block was not found locally (offline): ipld: could not find {cid}")


def _only_file(form: bytes) -> bytes:
    """The one file in a form of RFC 7578."""
    boundary = form.partition(b"\r\n")[0]
    return form.partition(b"\r\n\r\n")[2].partition(b"\r\n" + boundary)[0]


def _handler(node: FakeNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        whole = True

        def do_POST(self) -> None:
            path, _, query = self.path.partition("?")
            pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
            asked = Asked(
                path.removeprefix("/api/v0/"),
                [value for name, value in pairs if name == "arg"],
                {name: value for name, value in pairs if name not in ("arg", "stream-channels")},
                dict(self.headers.items()),
                self.client_address[1],
            )
            try:
                self.whole = "Transfer-Encoding" not in self.headers
                reply = node.answer(asked, self._body())
                if isinstance(reply, bytes):
                    self.wfile.write(reply)
                    raise Gone
                self._reply(reply)
                self.close_connection |= not self.whole  # what was not read of the request would come next
            except Gone:
                self._hang_up()
            except ConnectionError:
                self.close_connection = True

        def _hang_up(self) -> None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

        def _body(self) -> Iterator[bytes]:
            self.whole = False
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            elif size := int(self.headers.get("Content-Length") or 0):
                yield self.rfile.read(size)
            self.whole = True

        def _reply(self, reply: Reply) -> None:
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if isinstance(reply.body, bytes):
                self.send_header("Content-Length", str(len(reply.body) + reply.cut))
                self.end_headers()
                self.wfile.write(reply.body)
            else:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in filter(None, reply.body):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if not reply.cut:
                    self.wfile.write(b"0\r\n\r\n")
            if reply.cut:
                raise Gone

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
