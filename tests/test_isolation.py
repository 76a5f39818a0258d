"""The tests' own walls hold: see ``conftest.py`` and ``counterparts.py``."""

import os
import socket
from pathlib import Path

import counterparts
import pytest
from counterparts import need_program, shared
from hypothesis import given
from hypothesis import strategies as st


def test_outside_hosts_are_refused_and_remembered(no_one_outside: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"a test may not reach 192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match="a test may not reach mirror"):
        socket.getaddrinfo("mirror.example", 443)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        pytest.raises(RuntimeError, match=r"192\.0\.2\.2"),
    ):
        sender.sendto(b"", ("192.0.2.2", 53))
    with socket.socket(socket.AF_INET6) as line, pytest.raises(RuntimeError, match="2001:db8::1"):
        line.connect_ex(("2001:db8::1", 80))
    assert no_one_outside == ["192.0.2.1", "mirror.example", "192.0.2.2", "2001:db8::1"]
    no_one_outside.clear()


def test_this_machine_is_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as line,
    ):
        assert line.getpeername() == server.getsockname()


def test_the_user_is_nobody(away_from_home: Path, tmp_path: Path) -> None:
    for name in ("HOME", "MIRROR_HOME", "MIRROR_STATE", "XDG_STATE_HOME", "LOCALAPPDATA"):
        assert Path(os.environ[name]).is_relative_to(away_from_home)
    assert Path.home() == away_from_home / "home"
    assert list(tmp_path.iterdir()) == []


@given(st.binary())
def test_hypothesis_gets_along_with_the_walls(data: bytes) -> None:
    assert Path.home().name == "home", data


@pytest.mark.parametrize("required", [False, True])
def test_what_is_absent_is_skipped_or_fails(required: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_REQUIRE", "1" if required else "")
    leaves = pytest.fail.Exception if required else pytest.skip.Exception
    with pytest.raises(leaves, match=r"program not installed: no-such-program or ipfs_cid; .*apt install ipfs-cid"):
        _without_path(monkeypatch, "no-such-program", "ipfs_cid")
    monkeypatch.setenv("MIRROR_SHARED", str(counterparts.CHECKOUT))
    with pytest.raises(leaves, match=r"data of others is not on this machine: .*no-such-folder"):
        shared("no-such-folder")
    assert shared("mirror") == counterparts.CHECKOUT / "mirror"


def _without_path(monkeypatch: pytest.MonkeyPatch, *names: str) -> str:
    monkeypatch.setenv("PATH", "")
    return need_program(*names)
