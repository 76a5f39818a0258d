"""What holds for every test: nothing of the user's machine is read or written, and no one outside is asked.

- The workspace, the program's state and every folder a user's settings may lie in point into an
  empty folder of the test's own, apart from its ``tmp_path``.
- A connection or a look-up that leaves this machine fails the test, also where the code under
  test swallows the error. Programs that a test starts are not watched.
- A block of Bitcoin that took no work counts: nobody could make another for a test.
- Hypothesis draws the same examples each time, without a deadline. To search further:
  ``scripts/test --hypothesis-profile=search``.
"""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, screenshots, tab  # noqa: F401  (fixtures)
from calendar_server import EASY
from hypothesis import settings
from nodes import chain, cluster_of, kubo, kubo_new, kubo_with_router, make_chain, make_kubo, pair  # noqa: F401  (fixtures)
from scenes import Place, build_world

from mirror import clocks_outside
from mirror.formats import bitcoin

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=20_000)
settings.load_profile("same")

_FOLDERS = {
    "MIRROR_HOME": "workspace",
    "MIRROR_STATE": "state",
    "HOME": "home",
    "USERPROFILE": "home",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
    "XDG_CACHE_HOME": "home/.cache",
    "APPDATA": "home/roaming",
    "LOCALAPPDATA": "home/local",
}
_PASSING = {"MIRROR_REQUIRE", "MIRROR_SHARED"}


@pytest.fixture(autouse=True)
def away_from_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the test's user lives; nothing in it exists yet but ``home``."""
    base = tmp_path_factory.mktemp("user")
    (base / "home").mkdir()
    for name in _settings_of_the_machine():
        monkeypatch.delenv(name)
    for name, folder in _FOLDERS.items():
        monkeypatch.setenv(name, str(base / folder))
    return base


def _settings_of_the_machine() -> list[str]:
    return [
        name
        for name in os.environ
        if (name.startswith("MIRROR_") and name not in _PASSING)
        or name.lower() in {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "no_color", "force_color"}
    ]


@pytest.fixture(autouse=True)
def no_one_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hosts outside this machine that the test asked for; any left here at its end fails it."""
    asked: list[str] = []
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _guard_address(getattr(socket.socket, name), asked))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        monkeypatch.setattr(socket, name, _guard_host(getattr(socket, name), asked))
    yield asked
    assert not asked, f"the test reached out of this machine: {asked}"


@pytest.fixture(autouse=True)
def easy_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of the tests' own chain count, though they took no work."""
    monkeypatch.setattr(clocks_outside, "EASIEST", bitcoin.target(EASY))


def _guard_address(real: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_outside(args[-1][0], asked)
        return real(self, *args)

    return guarded


def _guard_host(real: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **options: Any) -> Any:
        _refuse_outside(host, asked)
        return real(host, *args, **options)

    return guarded


def _refuse_outside(host: Any, asked: list[str]) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in (None, "", "localhost") or _is_loopback(name):
        return
    asked.append(name)
    raise RuntimeError(f"a test may not reach {name}: only this machine")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A publisher's and a keeper's folders as `scenes` begins with them, made once for a module's tests."""
    return build_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def place(world: Path, tmp_path: Path) -> Iterator[Place]:
    """The same, copied for one test."""
    shutil.copytree(world / "start", tmp_path / "place")
    with Place(tmp_path / "place", world) as made:
        yield made
