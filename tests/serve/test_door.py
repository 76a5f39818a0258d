"""Who is let in, for how long: slow clients, many clients, none that stop the others; and an end that is clean.

No test waits for a time to pass that another machine would pass slower: connections are watched with short intervals,
and every test waits for what happens, not for how long it takes.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import wait_until
from serving import ANYONE, Asking, serving, shelf_of

from mirror.errors import Unavailable
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.formats.unixfs import build_file
from mirror.serve import door
from mirror.serve.app import HEAD_AT_MOST, Gateway
from mirror.serve.door import Connection, Door, open_socket
from mirror.serve.shelf import Shelf

LARGE = 40 << 20
"""Bytes of the file that slow clients ask for: more than any system buffers for them."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CID]:
    path = tmp_path_factory.mktemp("large") / "large.car"
    with path.open("wb") as file:
        writer = car.Writer(file)
        chunks = (bytes([number]) * (1 << 20) for number in range(LARGE >> 20))
        built = build_file(chunks, lambda cid, data: void(writer.put(cid, data)))
        writer.seal(built.cid)
    return path, built.cid


def void(_: object) -> None:
    pass


class Watched(Connection):
    """Looked at often, so that no test takes long."""

    look_every = 0.2


class Patient(Connection):
    """Looked at less often: who takes something now and then is not cut."""

    look_every = 3.0


class Narrow(Connection):
    """A house for five."""

    at_most = 5
    spared = 0.0


class NarrowAndPatient(Narrow):
    """A house for five, whose guests all may stay."""

    spared = 3600.0


def is_cut(line: socket.socket) -> bool:
    """Whether the other side ended the connection; waits until it did."""
    with contextlib.suppress(ConnectionError):
        while line.recv(1 << 20):
            pass
    return True


def begin(asking: Asking, words: str) -> socket.socket:
    """A connection over which `words` were sent, with a small window, so that not much is on its way."""
    line = socket.socket()
    line.settimeout(60)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", asking.port))
    line.sendall(words.encode())
    return line


def fill(asking: Asking, count: int, words: str) -> list[socket.socket]:
    return [begin(asking, words) for _ in range(count)]


@contextlib.contextmanager
def all_closed(lines: list[socket.socket]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for line in lines:
            stack.enter_context(line)
        yield


def test_who_says_nothing_is_cut() -> None:
    with serving(shelf_of(), ANYONE, Watched) as asking, begin(asking, "") as line:
        assert is_cut(line)


def test_who_never_finishes_a_head_is_cut() -> None:
    with serving(shelf_of(), ANYONE, Watched) as asking, begin(asking, "GET / HTTP/1.1\r\nHost: x\r\n") as line:
        stop = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.02):
                    line.sendall(b"X-A: b\r\n")

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert is_cut(line)
        stop.set()
        dripping.join()


def test_who_sends_a_body_without_end_is_cut() -> None:
    head = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    with serving(shelf_of(), ANYONE, Watched) as asking, begin(asking, head) as line:
        assert is_cut(line)


def test_who_takes_nothing_is_cut(large: tuple[Path, CID]) -> None:
    path, cid = large
    words = f"GET /ipfs/{cid} HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(shelf_of(cars=[path]), ANYONE, Watched) as asking, begin(asking, words) as line:
        wait_until(lambda: connections(asking) == 1, "the connection")
        wait_until(lambda: connections(asking) == 0, "its end")  # without our taking anything
        assert is_cut(line)


def connections(asking: Asking) -> int:
    return len(asking.door.server_state.connections)


def test_who_takes_slowly_but_steadily_gets_all(large: tuple[Path, CID]) -> None:
    path, cid = large
    words = f"GET /ipfs/{cid} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(shelf_of(cars=[path]), ANYONE, Patient) as asking, begin(asking, words) as line:
        taken, pause = 0, threading.Event()
        while piece := line.recv(1 << 16):
            taken += len(piece)
            if taken < 2 << 20:
                pause.wait(0.01)
    assert taken > LARGE


def test_an_idle_connection_is_closed_and_a_busy_one_kept() -> None:
    with serving(shelf_of(), ANYONE, Watched) as asking, begin(asking, "") as line:
        file = line.makefile("rb")
        for _ in range(3):
            line.sendall(b"GET /ipfs/bafkqaaa?format=raw HTTP/1.1\r\nHost: x\r\n\r\n")
            assert file.readline() == b"HTTP/1.1 200 OK\r\n"
            while file.readline() != b"\r\n":
                pass
        assert is_cut(line)
        file.close()


def test_a_full_house_makes_room_by_the_one_that_is_there_longest(large: tuple[Path, CID]) -> None:
    path, cid = large
    with serving(shelf_of(cars=[path]), ANYONE, Narrow) as asking:
        slow = fill(asking, 5, f"GET /ipfs/{cid} HTTP/1.1\r\nHost: x\r\n\r\n")
        with all_closed(slow):
            for line in slow:
                assert line.recv(12) == b"HTTP/1.1 200"
            assert asking.get("/ipfs/bafkqaaa?format=raw").status == 200
            assert is_cut(slow[0])
            assert slow[4].recv(12)


def test_a_full_house_of_new_guests_turns_the_next_away(large: tuple[Path, CID]) -> None:
    path, cid = large
    with serving(shelf_of(cars=[path]), ANYONE, NarrowAndPatient) as asking:
        slow = fill(asking, 5, f"GET /ipfs/{cid} HTTP/1.1\r\nHost: x\r\n\r\n")
        with all_closed(slow):
            for line in slow:
                assert line.recv(12) == b"HTTP/1.1 200"
            with begin(asking, "") as late:
                assert is_cut(late)
            slow[0].close()
            wait_until(lambda: connections(asking) < 5, "room")
            assert asking.get("/ipfs/bafkqaaa?format=raw").status == 200


@pytest.mark.parametrize("words", ["", "GET /", "GET / HTTP/1.1\r\nHost: x\r\n"])
def test_hundreds_of_slow_clients_do_not_stop_it(words: str, large: tuple[Path, CID]) -> None:
    with serving(shelf_of(cars=[large[0]])) as asking, all_closed(fill(asking, 300, words)):
        for _ in range(20):
            assert asking.get("/ipfs/bafkqaaa?format=raw").status == 200


def test_hundreds_who_do_not_take_what_they_asked_for_do_not_stop_it(large: tuple[Path, CID]) -> None:
    path, cid = large
    words = f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(shelf_of(cars=[path])) as asking, all_closed(fill(asking, 300, words)):
        for _ in range(20):
            assert asking.get(f"/ipfs/{cid}?format=raw").status == 200


@pytest.mark.parametrize(
    ("allowed", "connections"), [(1024, 512), (577, 512), (576, 512), (575, 511), (256, 192), (10, 1), (-1, 512)]
)
def test_no_more_connections_than_the_system_allows(
    allowed: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    assert door.connections_at_most() == connections


def test_a_head_that_is_too_long_is_refused() -> None:
    with serving(shelf_of()) as asking:
        start = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
        for size, status in ((HEAD_AT_MOST - len(start) - 8, b"200"), (HEAD_AT_MOST + 1, b"431"), (1 << 20, b"400")):
            with begin(asking, start + "a" * size + "\r\n\r\n") as line:
                assert line.recv(12) == b"HTTP/1.1 " + status


@pytest.mark.parametrize(
    "words",
    [
        "junk\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_line_closed(words: str, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(shelf_of()) as asking, begin(asking, words) as line:
        said = line.recv(65536)
        assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200")), said
    assert capfd.readouterr() == ("", "")


def test_it_ends_at_once_although_some_are_still_being_answered(large: tuple[Path, CID]) -> None:
    path, cid = large
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "FINISH_WITHIN", 0)
        with serving(shelf_of(cars=[path])) as asking:
            lines = fill(asking, 20, f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\n\r\n") + fill(asking, 5, "")
            assert lines[0].recv(12) == b"HTTP/1.1 200"
        with all_closed(lines):
            assert all(is_cut(line) for line in lines)
    with pytest.raises(ConnectionRefusedError):
        asking.connect()


def test_a_reader_who_leaves_is_forgotten(large: tuple[Path, CID]) -> None:
    path, cid = large
    with serving(shelf_of(cars=[path])) as asking:
        with begin(asking, f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\n\r\n") as line:
            assert line.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: not asking.door.server_state.tasks and not connections(asking), "that it is forgotten")


def test_a_place_that_is_taken_is_said() -> None:
    with contextlib.closing(open_socket("127.0.0.1", 0)) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"127.0.0.1, port {port}: address already in use"):
            open_socket("127.0.0.1", port)
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1, port 80"):
        open_socket("192.0.2.1", 80)


def fail(_: Shelf) -> None:
    raise Unavailable("the disk is gone")


def test_what_goes_wrong_at_the_start_is_said_and_nothing_listens() -> None:
    shelf = shelf_of()
    with contextlib.closing(open_socket("127.0.0.1", 0)) as listening, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shelf, "open", fail)
        with pytest.raises(Unavailable, match="the disk is gone"):
            Door(Gateway(shelf, ANYONE, lambda _: None)).serve_at(listening)
