"""Programs of others that the tests start: which there are, what pins their versions, and how they come to be here.

    install("kubo")          # fetch and build it, where it is not here yet
    find("kubo")             # its path, or None
    version("kubo")          # as it is pinned

Each is built by Go from a small module of its own in ``tests/interop``, whose ``go.mod`` is the one place that pins its
version, and whose ``go.sum`` holds the hashes of all that goes into it. (``go install package@version`` cannot be used:
it refuses a module that excludes versions, as Kubo does since 0.40, and it asks for a list of versions first.) Hosts
are those that the user's Go asks for modules, by default proxy.golang.org.

Those of npm, one of which is a program for 64-bit PCs with Linux, come all at once, at the versions and hashes of
``tests/interop/package-lock.json``, and nothing that they bring is run to install them.

What is built lies in `CACHE`, outside the checkout, beside the SHA-256 of its pins: other pins, and it is built again.
A build takes minutes the first time.

`scripts/services` is the door for people. Python's own library only, as that script runs without any environment.
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that holds ``mirror/``, ``scripts/`` and ``tests/``."""

INTEROP = CHECKOUT / "tests" / "interop"
"""The programs in Go, and what pins the versions of others' programs in Go and JavaScript."""

MACHINE = dict(os.environ)
"""The environment as it was before the tests' walls stood: toolchains have their caches in it."""

CACHE = Path(MACHINE.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "testimony-mirror-tests"
"""What is built or installed for the tests and outlives them; `.ci/run` fills it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program in Go: `package` of `module`, at the version that ``tests/interop/<folder>/go.mod`` requires."""

    folder: str
    module: str
    package: str
    program: str

    @property
    def pins(self) -> Path:
        """The module that pins it."""
        return INTEROP / self.folder

    @property
    def path(self) -> Path:
        """Where the program lies once it is built."""
        return CACHE / "services" / self.folder / self.program

    @property
    def _stamp(self) -> Path:
        return self.path.with_name("built")

    @property
    def is_built(self) -> bool:
        """Whether the program is there, and from the pins as they are now."""
        return self.path.exists() and self._stamp.exists() and self._stamp.read_text() == self._wanted()

    def _wanted(self) -> str:
        return hashlib.sha256(b"".join((self.pins / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()

    def version(self) -> str:
        """As its module pins it."""
        lines = (self.pins / "go.mod").read_text(encoding="ascii").split("\n")
        words = next(line.split() for line in lines if line.removeprefix("require").split()[:1] == [self.module])
        return words[words.index(self.module) + 1].removeprefix("v")

    def build(self, go: str, environment: Mapping[str, str]) -> None:
        """Build it, whole or not at all. Raises `subprocess.CalledProcessError`, with what Go said."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = self.path.with_name(f"{self.program}.{os.getpid()}")
        command = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), self.package]
        subprocess.run(command, cwd=self.pins, env=environment, check=True, capture_output=True, text=True)
        made.replace(self.path)
        self._stamp.write_text(self._wanted())


NPM_PINS = ("package.json", "package-lock.json")


def npm_folder() -> Path:
    """Where everything lies that ``tests/interop/package.json`` names."""
    return CACHE / "npm"


def npm_is_installed() -> bool:
    """Whether all of it is there, as it is pinned now."""
    stamp = npm_folder() / "installed.json"
    return stamp.exists() and stamp.read_bytes() == (INTEROP / "package-lock.json").read_bytes()


@dataclass(frozen=True, slots=True)
class Packaged:
    """A program out of npm's registry: `file` of `module`, which is made for one kind of machine."""

    module: str
    file: str

    @property
    def program(self) -> str:
        """Its name."""
        return self.file.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """Where the program lies once it is installed."""
        return npm_folder() / "node_modules" / self.module / self.file

    @property
    def is_built(self) -> bool:
        """Whether the program is there, at the version that is pinned now."""
        return npm_is_installed() and self.path.exists()

    def version(self) -> str:
        """As it is pinned."""
        pinned = json.loads((INTEROP / "package.json").read_text(encoding="utf-8"))
        return str(pinned["optionalDependencies"][self.module])


SERVICES: dict[str, Service | Packaged] = {
    "kubo": Service("kubo", "github.com/ipfs/kubo", "github.com/ipfs/kubo/cmd/ipfs", "ipfs"),
    "kubo-old": Service("kubo-old", "github.com/ipfs/kubo", "github.com/ipfs/kubo/cmd/ipfs", "ipfs"),
    "cluster": Service(
        "cluster",
        "github.com/ipfs-cluster/ipfs-cluster",
        "github.com/ipfs-cluster/ipfs-cluster/cmd/ipfs-cluster-service",
        "ipfs-cluster-service",
    ),
    "anvil": Packaged("@foundry-rs/anvil-linux-amd64", "bin/anvil"),
}
"""By the name that people and tests call them."""


def version(name: str) -> str:
    """The pinned version of a service: three numbers."""
    return SERVICES[name].version()


def find_tool(name: str) -> str | None:
    """A program out of a toolchain: the one that `.ci/run` had to install, else the machine's own."""
    return shutil.which(name, path=os.pathsep.join((str(CACHE / "tools" / "bin"), MACHINE.get("PATH", ""))))


def go_environment(*, fetch: bool = False) -> dict[str, str]:
    """What to run Go in: no C compiler, no other Go than the one that is asked; no network, unless `fetch`."""
    flags = "-mod=readonly -buildvcs=false"
    tools = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": flags, "CGO_ENABLED": "0"}
    return MACHINE | tools | ({} if fetch else {"GOPROXY": "off"})


def install(name: str) -> bool:
    """Fetch and build a service, unless it is here; whether that was needed.

    Raises `LookupError` where there is no Go or npm, `subprocess.CalledProcessError` where it cannot fetch or build.
    """
    service = SERVICES[name]
    if isinstance(service, Packaged):
        return install_npm()
    if service.is_built:
        return False
    go = find_tool("go")
    if go is None:
        raise LookupError("program not installed: go")
    service.build(go, go_environment(fetch=True))
    return True


def install_npm() -> bool:
    """Fetch all that is pinned for npm, unless it is here; whether that was needed. Raises as `install`."""
    if npm_is_installed():
        return False
    npm = find_tool("npm")
    if npm is None:
        raise LookupError("program not installed: npm")
    folder = npm_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name in NPM_PINS:
        shutil.copyfile(INTEROP / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    variables = MACHINE | {"PATH": os.pathsep.join((str(Path(npm).parent), MACHINE.get("PATH", os.defpath)))}
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True)
    shutil.copyfile(INTEROP / "package-lock.json", folder / "installed.json")
    return True


def find(name: str) -> Path | None:
    """The path of a service that is here or can be built of what is here; it asks no one outside for it.

    In that order: as pinned and built before; as built now, where Go's caches hold its modules.
    """
    service, go = SERVICES[name], find_tool("go")
    if isinstance(service, Packaged):
        return service.path if service.is_built else None
    if service.is_built or (go is not None and _can_build(service, go)):
        return service.path
    return None


@functools.cache
def _can_build(service: Service, go: str) -> bool:
    """Whether it was built of what is here. Tried once: to find out that it cannot be takes a moment each time."""
    try:
        service.build(go, go_environment())
    except subprocess.CalledProcessError:
        return False
    return True
