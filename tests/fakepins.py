"""A cluster and a pinning service on loopback, which hold pins in memory: honest, until they are told what to say.

with FakeCluster() as fake:
    cluster = Cluster("ours", fake.url)                           # works like any
    fake.says("POST /pins", Reply(500, b'{"message": "no"}'))      # from now on, to what begins so
    fake.peers["c1"] = ("pin_error", "context deadline exceeded")  # how one peer stands with every pin
    fake.asked[-1].path, .query, .headers, .body                   # what it was asked

with FakeService(token="T") as fake: ...                          # the Pinning Services API
    fake.room = 1                                                 # pins that it has room for

They are for the lies and the faults: what a cluster really does, the real ones show.
"""

import io
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from fakenode import Reply

from mirror.formats import car, unixfs
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.dagpb import Link

PEERS = {"c0": "12D3KooWAskWjkVvEbzotjBAww7rShTP5hywwwv6VnAem4rks4kK", "c1": "QmPeer1", "c2": "QmPeer2"}


class Edition:
    """A folder of files as the CAR that a run of `publish` would write; `without` leaves out what another holds."""

    def __init__(self, files: dict[str, bytes], without: "Edition | None" = None) -> None:
        self.blocks: dict[CID, bytes] = {}
        built = {name: unixfs.build_file([data], self.blocks.__setitem__) for name, data in files.items()}
        folder = unixfs.folder(Link(file.cid, name, file.size) for name, file in built.items())
        self.root = CID.of(DAG_PB, folder)
        self.blocks[self.root] = folder
        self.new = {cid: data for cid, data in self.blocks.items() if without is None or cid not in without.blocks}
        self.car = io.BytesIO()
        writer = car.Writer(self.car)
        for cid, data in self.new.items():
            writer.put(cid, data)
        writer.seal(self.root)
        self.size = len(self.car.getvalue())


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


class FakeServer:
    """What both have in common: a free port, and a list of what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._told: dict[str, Reply | Callable[[Asked], Reply]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def says(self, beginning: str, reply: Reply | Callable[[Asked], Reply]) -> None:
        """Answer so from now on to every request whose method and path begin with this; the longest counts."""
        self._told[beginning] = reply

    def behaves(self, beginning: str) -> None:
        """Answer those honestly again."""
        del self._told[beginning]

    def requests(self) -> list[str]:
        """What was asked, in order, such as `GET /version`."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def answer(self, asked: Asked) -> Reply:
        """What is said to a request; an honest answer unless told otherwise."""
        self.asked.append(asked)
        line = f"{asked.method} {asked.path}"
        told = self._told.get(max(filter(line.startswith, self._told), key=len, default=""))
        if told is not None:
            return told(asked) if callable(told) else told
        parts = asked.path.split("/")[1:]
        method = getattr(self, f"_{asked.method.lower()}_{parts[0]}", None)
        return self.absent() if method is None else method(asked, *map(urllib.parse.unquote, parts[1:]))

    def absent(self) -> Reply:
        """What is said where there is nothing."""
        return Reply.of({"code": 404, "message": "not found"}, status=404)


class FakeCluster(FakeServer):
    """A peer of IPFS Cluster, which knows how the others stand."""

    def __init__(self) -> None:
        super().__init__()
        self.version = "1.1.6"
        self.peers = {"c0": ("pinned", ""), "c1": ("pinned", ""), "c2": ("pinned", "")}
        self.factors = (-1, -1)
        self.pins: dict[str, dict[str, Any]] = {}
        self.blocks: dict[CID, bytes] = {}
        self.leaving: dict[str, dict[str, str]] = {}

    def _get_version(self, asked: Asked) -> Reply:
        return Reply.of({"version": self.version})

    def _post_add(self, asked: Asked) -> Reply:
        boundary = asked.body.partition(b"\r\n")[0]
        file = io.BytesIO(asked.body.partition(b"\r\n\r\n")[2].partition(b"\r\n" + boundary)[0])
        found = dict(car.blocks(file))
        self.blocks |= found
        root = car.read_header(file).roots[0]
        given = asked.query.get("user-allocations", ",".join(PEERS.values()))
        added = {"name": "edition.car", "cid": str(root), "bytes": sum(map(len, found.values()))}
        return Reply.of([{**added, "allocations": given.split(",")}])

    def _post_pins(self, asked: Asked, root: str) -> Reply:
        old = asked.query.get("pin-update")
        if old is None:
            least, most = (int(asked.query.get(f"replication-{end}", self.factors[0])) for end in ("min", "max"))
            given = asked.query.get("user-allocations", "")
            pin = {"replication_factor_min": least, "replication_factor_max": most, "allocations": None}
            pin["allocations"] = given.split(",") if given else None
        elif old in self.pins:
            pin = self.pins[old]
        else:
            return self.absent()
        self.pins[root] = {**pin, "name": asked.query["name"], "cid": root, "type": "pin"}
        return Reply.of(self.pins[root])

    def _get_allocations(self, asked: Asked, root: str | None = None) -> Reply:
        if root is not None:
            return Reply.of(self.pins[root]) if root in self.pins else self.absent()
        return Reply.of(*self.pins.values()) if self.pins else Reply(204)

    def _get_pins(self, asked: Asked, root: str | None = None) -> Reply:
        if root is None:
            return Reply.of(*({"cid": cid, "peer_map": self._map(peers)} for cid, peers in self.leaving.items()))
        return Reply.of({"cid": root, "peer_map": {PEERS[name]: _stand(name, *at) for name, at in self.peers.items()}})

    def _map(self, peers: dict[str, str]) -> dict[str, Any]:
        return {PEERS[name]: _stand(name, state, "") for name, state in peers.items()}

    def _delete_pins(self, asked: Asked, root: str) -> Reply:
        return Reply.of(self.pins.pop(root)) if root in self.pins else self.absent()


def _stand(name: str, state: str, error: str) -> dict[str, str]:
    return {"peername": name, "status": state, "error": error}


class FakeService(FakeServer):
    """A pinning service, which pins at once, newest first."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__()
        self.token = token
        self.status = "pinned"
        self.room = 1000
        self.shown = 1000
        self.pins: list[dict[str, Any]] = []
        self._made = 0

    def answer(self, asked: Asked) -> Reply:
        """As any, for those who have the token."""
        if self.token is not None and asked.headers.get("authorization") != f"Bearer {self.token}":
            self.asked.append(asked)
            return _failure("UNAUTHORIZED", "Access token is missing or invalid", 401)
        return super().answer(asked)

    def add(self, root: CID | str, name: str, status: str | None = None, **more: Any) -> str:
        """One more pin; its ID."""
        self._made += 1
        created = f"2026-11-22T03:{self._made // 60:02}:{self._made % 60:02}.{self._made:03}Z"
        pin = {"requestid": f"id-{self._made}", "status": status or self.status, "created": created}
        self.pins.insert(0, {**pin, "pin": {"cid": str(root), "name": name}, "delegates": [], **more})
        return str(self.pins[0]["requestid"])

    def _get_pins(self, asked: Asked) -> Reply:
        query = asked.query
        found = [
            pin
            for pin in self.pins
            if query.get("name") in (None, pin["pin"]["name"])
            and query.get("cid") in (None, pin["pin"]["cid"])
            and pin["status"] in query.get("status", "pinned").split(",")
            and pin["created"] < query.get("before", "9")
        ]
        return Reply.of({"count": len(found), "results": found[: min(int(query.get("limit", "10")), self.shown)]})

    def _post_pins(self, asked: Asked, old: str | None = None) -> Reply:
        if old is not None:
            self._delete_pins(asked, old)
        if len(self.pins) >= self.room:
            return _failure("INSUFFICIENT_FUNDS", "no room for more", 409)
        self.add(asked.said["cid"], asked.said["name"])
        return Reply.of(self.pins[0], status=202)

    def _delete_pins(self, asked: Asked, old: str) -> Reply:
        left = [pin for pin in self.pins if pin["requestid"] != old]
        gone, self.pins = len(left) == len(self.pins), left
        return _failure("NOT_FOUND", "", 404) if gone else Reply(202)


def _failure(reason: str, details: str, status: int) -> Reply:
    return Reply.of({"error": {"reason": reason, "details": details}}, status=status)


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            asked = Asked(self.command, path, dict(urllib.parse.parse_qsl(query)), headers, body)
            try:
                self._reply(server.answer(asked))
            except ConnectionError:
                self.close_connection = True

        do_POST = do_DELETE = do_GET  # noqa: N815  (the library's names)

        def _reply(self, reply: Reply) -> None:
            pieces: Iterator[bytes] = iter([reply.body] if isinstance(reply.body, bytes) else reply.body)
            self.close_connection = reply.cut
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status == 204:
                return self.end_headers()
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in filter(None, pieces):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if not reply.cut:
                self.wfile.write(b"0\r\n\r\n")
            return None

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
