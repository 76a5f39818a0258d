"""A gateway that runs in this process, on a free port of this machine, for tests that ask it over HTTP.

with serving(archives=[archive]) as gateway:
    gateway.get("/ipfs/bafy…?format=raw").body
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from laid import Publisher

from mirror.edition import Edition
from mirror.serve.app import Gateway, Guests
from mirror.serve.door import Connection, Door, open_socket
from mirror.serve.shelf import Shelf
from mirror.store.archive import Archive
from mirror.store.blocks import Blocks

ANYONE = Guests(None)


@dataclass
class Given:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def words(self) -> str:
        return self.body.decode().strip()


@dataclass
class Asking:
    """A running gateway, and how to ask it."""

    shelf: Shelf
    port: int
    faults: list[Exception] = field(default_factory=list)
    door: Door = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Given:
        """One request on a connection of its own; `headers` with _ for -."""
        return self.ask(method, path, {name.replace("_", "-"): value for name, value in headers.items()})

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Given:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, path, headers=dict(headers))
            answer = line.getresponse()
            return Given(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            line.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def shelf_of(
    archives: Sequence[Archive] = (),
    cars: Sequence[Path] = (),
    records: Sequence[Path] = (),
    now: datetime | None = None,
) -> Shelf:
    moment = now or datetime(2026, 1, 1, tzinfo=UTC)
    return Shelf(archives, cars, records, lambda: moment)


@contextlib.contextmanager
def serving(shelf: Shelf, guests: Guests = ANYONE, connection: type[Connection] = Connection) -> Iterator[Asking]:
    """A gateway in a thread of its own; a fault of its own fails the test."""
    with contextlib.closing(open_socket("127.0.0.1", 0)) as listening:
        ready = threading.Event()
        gateway = Asking(shelf, listening.getsockname()[1])
        gateway.door = door = Door(Gateway(shelf, guests, gateway.faults.append), ready.set, connection)
        thread = threading.Thread(target=door.serve_at, args=(listening,))
        thread.start()
        try:
            assert ready.wait(60)
            yield gateway
        finally:
            door.stop()
            thread.join(60)
    assert not thread.is_alive()
    assert gateway.faults == []


class Held:
    """A published mirror, its gateway, and its blocks read beside it."""

    def __init__(self, publisher: Publisher, asking: Asking, archive: Archive) -> None:
        self.publisher = publisher
        self.asking = asking
        self.root = archive.head()
        self.blocks = Blocks(list(archive.editions().values()))
        self.edition = Edition(self.root, self.blocks.get)

    @property
    def name(self) -> str:
        return str(self.edition.key.ipns)


SIZE = 301
"""Entries of the log: more than one tile, and a partial one behind it."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """A mirror of 301 entries, made once for a file of tests, which names this fixture: ``held = serving.held``."""
    publisher = Publisher(tmp_path_factory.mktemp("published"))
    publisher.publish([f"Testimony {number} of a day." for number in range(1, SIZE)])
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        made = Held(publisher, asking, archive)
        yield made
        made.blocks.close()


def check_guarded(headers: Mapping[str, str]) -> None:
    """Fails unless a browser that shows what came runs nothing of it."""
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; sandbox allow-downloads allow-same-origin")
    assert "script" not in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
