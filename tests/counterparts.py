"""What the tests lean on that is not this project's: data of others, and programs of others.

    from counterparts import need_program, shared

    folder = shared("vectors/car")         # a path that is there, or the test is skipped, saying so
    program = need_program("ipfs_cid")     # the path of an installed program, or likewise
    go = need_go()                         # a Go with everything that tests/interop needs, or likewise
    command = need_ipfs_car()              # how to start ipfs-car, or likewise
    folder = need_package("axe-core")      # where a package of npm's lies, as tests/interop pins it, or likewise
    node = need_node()                     # a Node.js, or likewise
    program = need_chromium()              # a browser, and what drives it, or likewise (browser.py starts it)
    program = need_service("kubo")         # the path of a program that `scripts/services` installs, or likewise

Data of others is never copied into the project: it lies beside the checkout in ``shared/``, or
where ``$MIRROR_SHARED`` says. In the gate (``$MIRROR_REQUIRE=1``) nothing may be skipped, so what
would skip there fails. These functions may be called in a test, in a fixture or while a module is
being collected.

The tests download nothing. What the package registries of Go and npm have to give is fetched by the
gate, `.ci/run`, at the versions that ``tests/interop`` pins; what is built or kept lies in `CACHE`.
What runs as a service is built by `services`, and started by `daemons` and `nodes`.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import services
from services import CACHE, CHECKOUT, INTEROP, MACHINE, find_tool, go_environment

__all__ = [
    "CACHE",
    "CHECKOUT",
    "INTEROP",
    "MACHINE",
    "absent",
    "go_environment",
    "need_chromium",
    "need_go",
    "need_ipfs_car",
    "need_node",
    "need_ots",
    "need_ots_examples",
    "need_package",
    "need_program",
    "need_service",
    "shared",
]

KUBO_FROM = (0, 39)
"""The oldest Kubo that the tests take for the newest one where only the machine's own is there."""

_DEBIAN = {
    "age": "age",
    "age-keygen": "age",
    "b3sum": "b3sum",
    "chromium": "chromium",
    "git": "git",
    "ipfs_cid": "ipfs-cid",
    "microsocks": "microsocks",
    "minisign": "minisign",
    "mount": "mount",
    "openssl": "openssl",
    "ots": "opentimestamps-client",
    "sha256sum": "coreutils",
    "strace": "strace",
    "unshare": "util-linux",
    "zbarimg": "zbar-tools",
}


def absent(reason: str) -> NoReturn:
    """Leaves the running test for want of something outside the project: skipped, or failed in the gate."""
    if os.environ.get("MIRROR_REQUIRE") == "1":
        pytest.fail(f"required here, and {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def shared(path: str) -> Path:
    """Where the file or folder `path` of others' data lies, such as ``vectors/c2sp``."""
    base = Path(os.environ.get("MIRROR_SHARED") or CHECKOUT.parent / "shared")
    if not (base / path).exists():
        absent(f"data of others is not on this machine: {base / path} (MIRROR_SHARED can say where it lies)")
    return base / path


def need_program(*names: str) -> str:
    """The path of the first of these programs that is installed; any of them will do."""
    for name in names:
        if found := shutil.which(name):
            return found
    package = next((_DEBIAN[name] for name in names if name in _DEBIAN), None)
    how = f"; on Debian: apt install {package}" if package else ""
    absent(f"program not installed: {' or '.join(names)}{how}")


def need_ots() -> str:
    """The path of the stock client of OpenTimestamps, which the tests' own extra installs."""
    beside = Path(sys.executable).parent / "ots"
    return str(beside) if beside.exists() else need_program("ots")


def need_ots_examples() -> Path:
    """The folder of real proofs that OpenTimestamps' project hands out; the gate fetches it."""
    folder = CACHE / "ots" / "package" / "examples"
    if not folder.is_dir():
        absent(f"OpenTimestamps' examples are not in {CACHE}; .ci/run fetches them")
    return folder


def need_go() -> str:
    """The path of a Go that is new enough for `INTEROP`, and has the modules that are pinned there."""
    go = find_tool("go")
    if go is None:
        absent("program not installed: go; .ci/run installs it")
    command = [go, "list", "-deps", ".", "tool"]
    checked = subprocess.run(command, cwd=INTEROP, env=go_environment(), capture_output=True, text=True, check=False)
    if checked.returncode:
        why = checked.stderr.strip().split("\n")[0]
        absent(f"Go cannot build tests/interop as it is here: {why} (cd tests/interop && go mod download)")
    return go


def need_node() -> str:
    """The path of Node.js, which runs what npm has to give."""
    node = find_tool("node")
    if node is None:
        absent("program not installed: node; .ci/run installs it")
    return node


def need_package(name: str) -> Path:
    """The folder of a package of npm's, as it is pinned in `INTEROP`."""
    folder = CACHE / "npm" / "node_modules" / name
    if not folder.is_dir():
        absent(f"npm's {name} is not in {CACHE}; .ci/run installs it")
    return folder


def need_ipfs_car() -> list[str]:
    """The command of npm's ``ipfs-car``."""
    return [need_node(), str(need_package("ipfs-car") / "bin.js")]


def need_chromium() -> str:
    """The path of a Chromium that playwright can drive."""
    if importlib.util.find_spec("playwright") is None:
        absent("playwright is not installed: pip install '.[test]'")
    return need_program("chromium")


def need_service(name: str) -> Path:
    """The path of a program of `services`, or, for ``kubo``, of the machine's own ``ipfs`` where it is new enough."""
    own = _own_kubo() if name == "kubo" and not services.SERVICES[name].is_built else None
    found = own or services.find(name)
    if found is None:
        what = f"{services.SERVICES[name].program} {services.version(name)}"
        absent(f"program not installed: {what}; scripts/services install {name}")
    return found


def _own_kubo() -> Path | None:
    own = shutil.which("ipfs", path=MACHINE.get("PATH", ""))
    if own is None or os.environ.get("MIRROR_REQUIRE") == "1":
        return None
    ran = subprocess.run([own, "version", "--number"], capture_output=True, text=True, check=False)
    found = tuple(int(each) for each in ran.stdout.strip().split("-")[0].split(".")[:2] if each.isdigit())
    return Path(own) if found >= KUBO_FROM else None
