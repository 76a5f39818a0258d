"""scripts/mirror, scripts/test and scripts/check, run for real on a small checkout with nothing to download.

The checkout here has this project's scripts, a stub for a program and wheels made on the spot. That the
real dependencies install is shown by whoever runs these tests with ``scripts/test``.
"""

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from counterparts import CHECKOUT, need_program

SCRIPTS = ("environment.py", "mirror", "test", "check")

PROGRAM = """
import importlib.metadata, json, os, sys

def main():
    installed = {d.name: d.version for d in importlib.metadata.distributions()}
    facts = {"argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid(), "prefix": sys.prefix}
    facts |= {"input": sys.stdin.read(), "installed": installed, "name": __name__, "file": __file__}
    print(json.dumps(facts))
    return 4
"""

PYPROJECT = """
[project]
name = "small-mirror"
version = "0.1"
dependencies = ["quill>=1"]

[project.optional-dependencies]
test = ["pytest", "ruff", "mypy"]
"""

TOOL = """
import json, os, sys

if __name__ == "__main__":
    print(json.dumps([{name!r}, sys.argv[1:], os.getcwd()]))
    sys.exit(int(os.environ.get({name!r}.upper() + "_EXIT", "0")))
"""


def make_wheel(folder: Path, name: str) -> None:
    """A wheel of version 99 with one module, which prints what it was run with."""
    info = f"{name}-99.dist-info"
    with zipfile.ZipFile(folder / f"{name}-99-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", TOOL.format(name=name))
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 99\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def make_checkout(base: Path) -> Path:
    """A checkout with stub program, and wheels beside it."""
    root = base / "check out ü"
    (root / "scripts").mkdir(parents=True)
    for name in SCRIPTS:
        shutil.copy(CHECKOUT / "scripts" / name, root / "scripts")
    (root / "mirror" / "cli").mkdir(parents=True)
    for name, text in (("__init__.py", ""), ("cli/__init__.py", ""), ("cli/main.py", PROGRAM)):
        (root / "mirror" / name).write_text(text)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (base / "wheels").mkdir()
    for name in ("quill", "pytest", "ruff", "mypy"):
        make_wheel(base / "wheels", name)
    return root


def surroundings(**more: str) -> dict[str, str]:
    """This test's environment variables without pip's: and nothing of pip's would be asked for twice."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return {**kept, "PIP_RETRIES": "0", "PIP_NO_INDEX": "1", **more}


def run(root: Path, script: str, *words: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "scripts" / script), *words],
        cwd=cwd or root.parent,
        env=surroundings(**more),
        input="from outside",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def wheels(root: Path) -> tuple[str, str]:
    return "--wheels", str(root.parent / "wheels")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A checkout, and what came of the first command run in it."""
    root = make_checkout(tmp_path_factory.mktemp("first"))
    return root, run(root, "mirror", *wheels(root), "demo", "a folder", "--proxy", "x")


@pytest.fixture
def copy(first: tuple[Path, object], tmp_path: Path) -> Path:
    """That checkout, set up and moved to another place: so each use shows that it can be."""
    root = first[0]
    shutil.copytree(root.parent, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy" / root.name


@pytest.fixture
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", CHECKOUT / "scripts" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Before anything is set up

TOO_NEW = (
    *(ast.AnnAssign, ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.JoinedStr, ast.MatMult),
    *(ast.Match, ast.NamedExpr, ast.Nonlocal, ast.Starred, ast.TryStar, ast.YieldFrom),
)


def too_new(source: str) -> list[str]:
    """What in `source` Python 2.7 cannot parse."""
    found = [] if source.isascii() else ["not ASCII"]
    for node in ast.walk(ast.parse(source)):
        name = type(node).__name__
        match node:
            case ast.arguments(posonlyargs=first, kwonlyargs=last):
                found += [name] * bool(first or last)
            case ast.arg(annotation=note) | ast.FunctionDef(returns=note) | ast.Raise(cause=note):
                found += [name] * (note is not None)
            case ast.ClassDef(keywords=words):
                found += [name] * bool(words)
            case _ if isinstance(node, TOO_NEW):
                found.append(name)
    return found


@pytest.mark.parametrize("name", [*SCRIPTS, "services"])
def test_an_old_python_can_parse_it(name: str) -> None:
    assert too_new((CHECKOUT / "scripts" / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "f'{a}'",
        "a: int = 1",
        "def f(*, a): 0",
        "def f() -> int: 0",
        "def f(a: int): 0",
        "raise a from b",
        "'ü'",
        "(a := 1)",
        "[*a, 1]",
        "class A(metaclass=B): 0",
        "async def f(): 0",
        "a @ b",
    ],
)
def test_what_an_old_python_cannot_parse_is_noticed(source: str) -> None:
    assert len(too_new(source)) == 1


@pytest.mark.parametrize("name", ["mirror", "test", "check"])
def test_the_scripts_can_be_started_by_name(name: str) -> None:
    path = CHECKOUT / "scripts" / name
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert os.name == "nt" or os.access(path, os.X_OK)


def test_an_old_python_is_told_what_to_install(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr(sys, "argv", ["scripts/mirror", "demo", "there"])
    with pytest.raises(SystemExit) as left:
        environment.main(lambda *_: pytest.fail("started all the same"))
    said = capsys.readouterr()
    assert left.value.code == 3
    assert said.err.startswith("mirror: error: mirror needs Python 3.11 or newer; this is 3.10\n")
    assert "apt install python3 python3-venv" in said.err
    assert "python3.13 scripts/mirror ..." in said.err
    assert said.out == ""


def test_python_3_11_is_new_enough(environment: ModuleType) -> None:
    environment.refuse_old_python((3, 11, 0, "final", 0))


def test_options_stand_first_or_are_the_commands(environment: ModuleType, tmp_path: Path) -> None:
    folder, proxy = str(tmp_path), "http://127.0.0.1:9080"
    both = {"proxy": proxy, "wheels": folder}
    take = environment.take_options
    assert take(["--wheels", folder, f"--proxy={proxy}", "demo", "x"]) == (both, ["demo", "x"])
    assert take(["demo", "--proxy", "x"]) == ({"proxy": None, "wheels": None}, ["demo", "--proxy", "x"])
    assert take(["--help", "--wheels"])[1] == ["--help", "--wheels"]
    assert take([]) == ({"proxy": None, "wheels": None}, [])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--wheels", "no such folder", "demo"], "--wheels is not a folder: no such folder"),
        (["--wheels"], "--wheels needs a value"),
        (["--proxy=", "demo"], "--proxy needs a value"),
        (["--proxy", "socks5h://me:secret@127.0.0.1:9050", "demo"], "pip can use no other: 127.0.0.1:9050"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, words: list[str], problem: str) -> None:
    root = make_checkout(tmp_path)
    done = run(root, "mirror", *words)
    assert done.returncode == 2
    assert done.stderr.startswith("mirror: error: --")
    assert problem in done.stderr
    assert "secret" not in done.stderr
    assert not (root / ".venv").exists()


def test_without_ensurepip_it_says_what_to_install(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    with pytest.raises(environment.CannotStart, match="has no ensurepip") as problem:
        environment._maker("there")
    assert "apt install python3-venv" in problem.value.hint
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/opt/{name}")
    assert environment._maker("there") == ["/opt/virtualenv", "--quiet", "--python", sys.executable, "there"]


def test_behind_a_proxy_nothing_goes_round_it(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "pypi.org")
    monkeypatch.setenv("ALL_PROXY", "http://other.example")
    variables = environment._surroundings("http://127.0.0.1:9080")
    proxies = {name: value for name, value in variables.items() if name.lower().endswith("_proxy")}
    assert proxies.keys() == {"PIP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}
    assert set(proxies.values()) == {"http://127.0.0.1:9080"}


def test_everyone_gets_the_libraries_of_ethereum_and_each_need_once(environment: ModuleType) -> None:
    extras = {"ethereum": ["ink>=2"], "ots": ["wax"], "test": ["pytest", "quill>=1"]}
    project = {"dependencies": ["quill>=1"], "optional-dependencies": extras}
    assert environment._needs(project, None) == ["quill>=1", "ink>=2"]
    assert environment._needs(project, "test") == ["quill>=1", "ink>=2", "pytest"]
    own = environment._read_project(CHECKOUT)
    named = [need for need in environment._needs(own, "test") if need.startswith(own["name"])]
    assert named == []  # pip would look for them on an index, where this name may be anybody's


def test_pip_sees_neither_the_users_packages_nor_with_wheels_an_index(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(environment, "_run", lambda command, variables, *_: ran.append((command, variables)))
    monkeypatch.chdir(tmp_path)
    environment._install("there", ["quill>=1"], {"wheels": "w", "proxy": None})
    environment._install("there", ["quill>=1"], {"wheels": None, "proxy": None})
    (offline, variables), (online, _) = ran
    assert offline[:5] == online[:5] == [environment.python_of("there"), "-I", "-m", "pip", "install"]
    assert offline[-4:] == ["--no-index", "--find-links", str(tmp_path / "w"), "quill>=1"]
    assert "--no-index" not in online
    assert variables["PIP_USER"] == "0"


# The first run and those after it


def test_the_first_run_says_what_it_does_and_hands_over(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, done = first
    assert done.returncode == 4, done.stderr
    facts = json.loads(done.stdout)
    assert facts["argv"] == ["mirror", "demo", "a folder", "--proxy", "x"]
    assert (facts["cwd"], facts["input"], facts["name"]) == (str(root.parent), "from outside", "mirror.cli.main")
    assert Path(facts["prefix"]) == root / ".venv"
    assert facts["installed"].items() > {("quill", "99"), ("small-mirror", "0.1")}
    assert "pytest" not in facts["installed"]
    assert done.stderr.splitlines() == [
        f"mirror: setting up {root / '.venv'}: this takes a minute, now and when pyproject.toml changes",
        f"mirror: installing from {root.parent / 'wheels'}, without any network: quill>=1",
    ]
    assert sorted(p.name for p in root.iterdir()) == [".venv", "mirror", "pyproject.toml", "scripts"]
    assert [p.name for p in (root / "scripts").iterdir() if p.name not in SCRIPTS] == []


def test_later_runs_are_silent_and_need_nothing(copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy.parent / "wheels")
    for folder in (copy, tmp_path):
        done = run(copy, "mirror", "list", cwd=folder)
        assert (done.returncode, done.stderr) == (4, "")
        facts = json.loads(done.stdout)
        assert (facts["cwd"], facts["file"]) == (str(folder), str(copy / "mirror" / "cli" / "main.py"))


def test_code_in_the_current_folder_is_not_run(copy: Path, tmp_path: Path) -> None:
    for name in ("json.py", "mirror.py", "environment.py"):
        (tmp_path / name).write_text("raise SystemExit('not this one')")
    done = run(copy, "mirror", "list", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (4, "")


@pytest.mark.skipif(os.name == "nt", reason="on Windows the program runs in a child")
def test_the_program_takes_the_scripts_place(copy: Path) -> None:
    command = [sys.executable, str(copy / "scripts" / "mirror"), "list"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=surroundings()) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.read())["pid"] == child.pid


def test_a_proxy_behind_the_setting_up_is_said_to_do_nothing(copy: Path) -> None:
    done = run(copy, "test", *wheels(copy), "--proxy", "http://127.0.0.1:9", "-k", "none")
    assert "--proxy" not in done.stdout
    words = "mirror: note: --proxy served the setting up only; what follows does not heed it\n"
    assert done.stderr.endswith(words)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5h://me:secret@127.0.0.1:9050"])
def test_mirror_goes_through_the_proxy_too(copy: Path, proxy: str) -> None:
    done = run(copy, "mirror", "--proxy", proxy, "list")
    assert (done.returncode, done.stderr) == (4, "")
    assert json.loads(done.stdout)["argv"] == ["mirror", "--proxy", proxy, "list"]


def test_a_proxy_that_pip_cannot_use_does_where_nothing_is_downloaded(tmp_path: Path) -> None:
    root = make_checkout(tmp_path)
    done = run(root, "mirror", *wheels(root), "--proxy", "socks5h://127.0.0.1:9050", "list")
    assert json.loads(done.stdout)["argv"] == ["mirror", "--proxy", "socks5h://127.0.0.1:9050", "list"]


def test_a_changed_pyproject_is_installed_once(copy: Path) -> None:
    make_wheel(copy.parent / "wheels", "vellum")
    (copy / "pyproject.toml").write_text(PYPROJECT.replace('"quill>=1"', '"quill>=1", "vellum"'))
    done = run(copy, "mirror", *wheels(copy), "list")
    assert {"quill", "vellum"} < set(json.loads(done.stdout)["installed"])
    assert "quill>=1, vellum" in done.stderr
    assert run(copy, "mirror", "list").stderr == ""


def test_a_change_without_new_needs_needs_no_network(copy: Path) -> None:
    (copy / "pyproject.toml").write_text(PYPROJECT.replace('version = "0.1"', 'version = "0.2"'))
    done = run(copy, "mirror", "list")
    assert done.returncode == 4, done.stderr
    assert json.loads(done.stdout)["installed"]["small-mirror"] == "0.2"
    assert run(copy, "mirror", "list").stderr == ""


def test_a_failed_installation_says_why_and_spoils_nothing(copy: Path) -> None:
    (copy / "pyproject.toml").write_text(PYPROJECT.replace("quill", "no-such-quill"))
    for _ in range(2):
        done = run(copy, "mirror", *wheels(copy), "list")
        assert (done.returncode, done.stdout) == (3, "")
        assert "No matching distribution found for no-such-quill" in done.stderr
        assert "mirror: error: pip could not install what is needed; it says why above\n" in done.stderr
        assert "--wheels DIR" in done.stderr
    (copy / "pyproject.toml").write_text(PYPROJECT)
    done = run(copy, "mirror", "list")
    assert (done.returncode, done.stderr) == (4, "")


def test_an_interrupted_first_run_is_begun_anew(copy: Path) -> None:
    (copy / ".venv" / "mirror-setup").write_text("")
    shutil.rmtree(next((copy / ".venv").glob("[Ll]ib/**/site-packages")))
    assert run(copy, "mirror", *wheels(copy), "list").returncode == 4
    assert run(copy, "mirror", "list").stderr == ""


def test_an_interrupted_change_is_begun_anew(
    copy: Path, environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (copy / "pyproject.toml").write_text(PYPROJECT + "# a word\n")
    monkeypatch.setattr(environment, "_install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.prepare(str(copy), None, {"wheels": None, "proxy": None})
    (copy / "pyproject.toml").write_text(PYPROJECT)
    assert not environment._is_ready(str(copy / ".venv"), environment._wanted(str(copy), None))


def test_an_environment_of_another_python_is_made_again(copy: Path) -> None:
    state = copy / ".venv" / "mirror-setup"
    state.write_text(state.read_text().replace("python 3", "python 2"))
    (copy / ".venv" / "left over").write_text("by that Python")
    assert run(copy, "mirror", *wheels(copy), "list").returncode == 4
    assert not (copy / ".venv" / "left over").exists()
    assert run(copy, "mirror", "list").stderr == ""


def test_an_environment_whose_python_is_gone_does_not_do(copy: Path, environment: ModuleType) -> None:
    folder, wanted = str(copy / ".venv"), environment._wanted(str(copy), None)
    assert environment._is_ready(folder, wanted)
    Path(environment.python_of(folder)).unlink()
    assert not environment._is_ready(folder, wanted)


def test_of_two_first_runs_one_sets_up_and_one_waits(tmp_path: Path) -> None:
    root = make_checkout(tmp_path)
    command = [sys.executable, str(root / "scripts" / "mirror"), *wheels(root), "list"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    children = [subprocess.Popen(command, env=surroundings(), **streams) for _ in range(2)]  # type: ignore[call-overload]
    said = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [4, 4], said
    assert sum(b"this takes a minute" in words for words in said) == 1
    assert sum(b"another run is setting up; waiting for it" in words for words in said) == 1


# Where the checkout cannot take an environment


def test_an_environment_of_somebody_else_is_left_alone(
    tmp_path: Path, away_from_home: Path, environment: ModuleType
) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "precious").write_text("kept")
    folder, lock = environment._claim(str(tmp_path))
    lock.close()
    assert Path(folder).is_relative_to(away_from_home)
    assert [p.name for p in (tmp_path / ".venv").iterdir()] == ["precious"]


def test_no_place_at_all_is_said(tmp_path: Path) -> None:
    root = make_checkout(tmp_path)
    (root / ".venv").write_text("a file")
    places = {"XDG_CACHE_HOME": str(root / ".venv"), "LOCALAPPDATA": str(root / ".venv"), "HOME": str(root / ".venv")}
    done = run(root, "mirror", "list", **places)
    assert done.returncode == 3
    assert done.stderr.startswith(f"mirror: error: no place for the environment: {root / '.venv'}: File exists; ")


def test_a_read_only_checkout_is_enough(tmp_path: Path, away_from_home: Path) -> None:
    root = make_checkout(tmp_path)
    if os.name == "nt":
        pytest.skip("there is no read-only folder to be made here")
    mount = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    before = [need_program("unshare"), "-rm", "sh", "-c", mount, "sh", str(root)]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody but root mount anything")
    assert subprocess.run([*before, "touch", str(root / "x")], capture_output=True, check=False).returncode
    for words in (wheels(root), ()):
        command = [*before, sys.executable, str(root / "scripts" / "mirror"), *words, "list"]
        done = subprocess.run(command, env=surroundings(), input=b"", capture_output=True, check=False)
        assert done.returncode == 4, done.stderr
        assert Path(json.loads(done.stdout)["prefix"]).is_relative_to(away_from_home)
        assert (b"setting up" in done.stderr) == bool(words)
    assert not (root / ".venv").exists()


# The two scripts for those who change the code


def lines(done: subprocess.CompletedProcess[str]) -> list[object]:
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def test_scripts_test_runs_pytest_in_the_checkout(copy: Path, tmp_path: Path) -> None:
    done = run(copy, "test", *wheels(copy), "-k", "a name", cwd=tmp_path, PYTEST_EXIT="5")
    assert done.returncode == 5, done.stderr
    assert lines(done) == [["pytest", ["-k", "a name"], str(copy)]]
    assert "quill>=1, pytest, ruff, mypy" in done.stderr
    assert run(copy, "mirror", "list").stderr == ""
    assert run(copy, "test").stderr == ""


def test_scripts_check_makes_every_reading(copy: Path) -> None:
    readings = [["ruff", ["check", "."]], ["ruff", ["format", "--check", "."]], ["mypy", ["--strict", "mirror"]]]
    done = run(copy, "check", *wheels(copy))
    assert lines(done) == [[*reading, str(copy)] for reading in readings]
    assert done.returncode == 0
    for tool in ("RUFF_EXIT", "MYPY_EXIT"):
        done = run(copy, "check", **{tool: "2"})
        assert (done.returncode, len(lines(done)), done.stderr) == (1, 3, "")


def test_scripts_check_takes_no_arguments(copy: Path) -> None:
    done = run(copy, "check", *wheels(copy), "mirror")
    assert done.returncode == 2
    assert done.stderr.endswith("mirror: error: scripts/check takes no arguments\n")
