"""A proxy that is nobody's invention, and a watch on every socket that a program opens.

with Microsocks(tmp_path, ["gateway.test"]) as proxy:      # Debian's microsocks, which alone knows that name
    ran = run_watched(tmp_path, ["--proxy", proxy.url, "reach", …])
    ran.code, ran.err, ran.connected                        # [("127.0.0.1", 40001), …]: every connection, datagrams too

`strace` watches the program and all its children from outside, by what the system is asked for: nothing in Python can
be gone round.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from counterparts import CHECKOUT, absent, need_program

UP_WITHIN = 10.0
"""Seconds for a proxy to listen."""

_ADDRESSED = re.compile(r"\b(?:connect|sendto|sendmsg|sendmmsg)\(.*?sa_family=(AF_\w+)(.*)")
_PLACE = re.compile(r'sin6?_port=htons\((\d+)\).*?"([0-9a-f.:]+)"')
_SOCKET = re.compile(r"\bsocket\((AF_\w+), (SOCK_\w+)")


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Microsocks:
    """A SOCKS5 proxy to which `names` are this machine; a context manager that ends it."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.port = free_port()
        self._folder = folder
        self._names = names
        self._log = folder / "microsocks.txt"

    @property
    def url(self) -> str:
        """What `--proxy` takes."""
        return f"socks5h://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        hosts = self._folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {' '.join(self._names)}\n")
        start = 'mount --bind "$0" /etc/hosts && exec "$@"'
        program = [need_program("microsocks"), "-i", "127.0.0.1", "-p", str(self.port)]
        command = [need_program("unshare"), "-rm", "sh", "-c", start, str(hosts), *program]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; twice does no harm."""
        self._process.kill()
        self._process.wait()

    @property
    def asked(self) -> set[str]:
        """Whom it led to, by the names it was given."""
        return set(re.findall(r"connected to (\S+):[0-9]+", self._log.read_text()))

    def _wait(self) -> None:
        end = time.monotonic() + UP_WITHIN
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.02)
        self.stop()
        absent(f"microsocks does not start: {self._log.read_text().strip()[:200] or 'no word why'}")


@dataclass(frozen=True)
class Watched:
    """How a run ended, whom it spoke to, and which kinds of sockets it opened."""

    code: int
    out: str
    err: str
    connected: list[tuple[str, int]]
    opened: set[tuple[str, str]]


def run_watched(folder: Path, arguments: Sequence[str | Path], **environment: str | Path) -> Watched:
    """Run `mirror` in a process of its own, with every call to the network written down."""
    trace = folder / "trace.txt"
    watch = [need_program("strace"), "-f", "-qq", "-s", "4", "-e", "trace=network", "-o", str(trace)]
    program = [sys.executable, "-c", "from mirror.cli.main import main; main()", *map(str, arguments)]
    given = {**os.environ, "PYTHONPATH": str(CHECKOUT), **{name: str(value) for name, value in environment.items()}}
    ran = subprocess.run([*watch, *program], cwd=folder, env=given, capture_output=True, text=True, check=False)
    if not trace.exists() or "ptrace" in ran.stderr:
        absent(f"strace may not watch here: {ran.stderr.strip()[:200]}")
    lines = trace.read_text(errors="replace").split("\n")
    opened = {found.groups() for line in lines if (found := _SOCKET.search(line))}
    return Watched(ran.returncode, ran.stdout, ran.stderr, list(_places(lines)), opened)  # type: ignore[arg-type]


def _places(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        if (found := _ADDRESSED.search(line)) and found[1] != "AF_NETLINK":
            place = _PLACE.search(found[2])
            yield (place[2], int(place[1])) if place else (line, 0)
