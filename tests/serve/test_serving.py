"""`mirror serve` as people start and stop it."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from counterparts import CHECKOUT
from laid import Publisher
from storyteller import Finished, run_mirror

from mirror.cli import serving as module


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    made = Publisher(tmp_path_factory.mktemp("published"))
    made.publish(["One.", "Two."])
    made.run("export", "-o", made.folder / "voices.car")
    return made


def serve(publisher: Publisher, *arguments: str | Path) -> Finished:
    return run_mirror("--home", publisher.home, "serve", *arguments)


@pytest.fixture
def started(publisher: Publisher) -> Iterator[subprocess.Popen[str]]:
    """The program on a free port, as a person starts it."""
    start = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from mirror.cli.main import main; main()"
    command = [sys.executable, "-I", "-c", start, "--home", str(publisher.home), "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        yield process
        process.kill()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(r"serving at    http://127\.0\.0\.1:([0-9]+)\n", line):
            return int(found[1])
    raise AssertionError("it never said where it serves")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(number: int, started: subprocess.Popen[str]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port_of(started))
    line.request("GET", "/")
    assert b"voices.example/archive" in line.getresponse().read()
    with socket.create_connection(("127.0.0.1", line.port)) as idle:
        started.send_signal(number)
        _, said = started.communicate(timeout=60)
        assert idle.recv(1) == b""
    line.close()
    assert started.returncode == 0
    assert said == "only programs on this computer can reach it; Ctrl-C ends it\nstopped\n"


def test_it_says_what_it_serves(publisher: Publisher) -> None:
    finished = serve(publisher, "--dry-run")
    edition = publisher.run("status")
    assert finished.code == 0
    assert re.fullmatch(
        r"voices\.example/archive, edition 2, 3 entries\n"
        r"  key         k51q( [a-z0-9]{1,4})+\n"
        rf"  index hash  {edition['index_hash']}\n",
        finished.out,
    )
    assert finished.err == ""


def test_it_serves_what_it_is_given(publisher: Publisher, tmp_path: Path) -> None:
    car = publisher.folder / "voices.car"
    for what in (publisher.home, publisher.home / "archive", car):
        finished = run_mirror("--json", "--home", tmp_path, "serve", "--dry-run", what)
        assert finished.code == 0, finished
        given = json.loads(finished.out)
        assert [each["mirror"] for each in given["mirrors"]] == ["voices.example/archive"]
        assert (given["address"], given["records"], given["not_served"]) == (None, [], [])


def test_what_it_cannot_serve_is_said(publisher: Publisher, tmp_path: Path) -> None:
    record = tmp_path / "k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w.ipns-record"
    record.write_bytes(b"junk")
    finished = serve(publisher, "--dry-run", publisher.folder / "voices.car", record)
    assert (finished.code, "not served: k51qzi5uqu5" in finished.err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--listen", "voices.example:80"], 2, "--listen: 'voices.example:80' is not an address and a port"),
        (["--listen", "127.0.0.1"], 2, "is not an address and a port"),
        (["--listen", "127.0.0.1:65536"], 2, "is not an address and a port"),
        (["--listen", "127.0.0.1:+1"], 2, "is not an address and a port"),
        (["--listen", "192.0.2.1:8080"], 3, "192.0.2.1, port 8080: "),
        (["nothing"], 2, "'nothing' does not exist"),
        (["{folder}"], 2, "holds no archive"),
        (["{folder}/recovery.txt"], 1, "recovery.txt is no CAR"),
    ],
)
def test_what_is_named_wrongly(arguments: list[str], code: int, words: str, publisher: Publisher) -> None:
    finished = serve(publisher, *(each.format(folder=publisher.folder) for each in arguments))
    assert (finished.code, words in finished.err) == (code, True), finished


def test_nothing_in_secret_is_served_under_any_name(publisher: Publisher, tmp_path: Path) -> None:
    inside = publisher.home / "secret" / "copy.car"
    shutil.copy(publisher.folder / "voices.car", inside)
    (tmp_path / "innocent.car").symlink_to(inside)
    (tmp_path / "folder").symlink_to(publisher.home / "secret")
    for path in (inside, inside.parent, tmp_path / "innocent.car", tmp_path / "folder"):
        finished = serve(publisher, "--dry-run", path)
        assert (finished.code, "lies in secret/, of which nothing is ever served" in finished.err) == (4, True), path
    inside.unlink()


def test_a_folder_without_a_workspace(tmp_path: Path) -> None:
    finished = run_mirror("--home", tmp_path, "serve", "--dry-run")
    assert (finished.code, "holds no workspace" in finished.err) == (3, True)


def test_a_port_that_is_taken(publisher: Publisher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finished = serve(publisher, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (finished.code, "address already in use" in finished.err) == (3, True)
    assert "another address: --listen 127.0.0.1:0" in finished.err


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "only programs on this computer can reach it"),
        ("::1", "only programs on this computer can reach it"),
        ("0.0.0.0", "everyone who can reach every network that this computer is in can see"),
        ("::", "everyone who can reach every network that this computer is in can see"),
        ("192.168.1.5", "everyone who can reach 192.168.1.5 can see that this computer hands this on"),
    ],
)
def test_who_can_reach_it_is_said_plainly(host: str, words: str) -> None:
    assert module._who(host).startswith(words)
    assert "unencrypted" in module._who(host) or host in ("127.0.0.1", "::1")


def test_behind_loopback_only_its_own_names_are_answered() -> None:
    names = module._guests("127.0.0.1", ("ABC.onion",)).names
    assert names == {"localhost", "127.0.0.1", "[::1]", "abc.onion"}
    assert module._guests("0.0.0.0", ()).names is None
    assert module._guests("192.168.1.5", ("a.example",)).names is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
    ],
)
def test_where_to_listen(text: str, place: tuple[str, int]) -> None:
    assert module._parse_listen(text) == place
