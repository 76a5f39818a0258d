"""Other processes: what code they run, and that they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mirror
from mirror.cli import processes as cli_processes
from mirror.cli.processes import PROCESSES_AT_MOST, cores, pool
from mirror.errors import Unavailable

PROGRAM = """
import os, signal, sys
from pathlib import Path

sys.path[0] = {checkout!r}
from mirror.cli.processes import pool

if __name__ == "__main__":
    with pool(2) as executor:
        print(executor.submit(int, "17").result(), flush=True)
        {ending}
"""

ENDS_WITHIN = 60
"""Seconds after which a process is one that would never end."""


def run(folder: Path, ending: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program in a folder; returns once it has ended, and all that it started."""
    program = folder.parent / "program.py"
    program.write_text(PROGRAM.format(checkout=str(Path(mirror.__file__).parents[1]), ending=ending))
    command = [sys.executable, str(program)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=ENDS_WITHIN, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder that somebody else has filled: whatever is imported from there leaves a trace."""
    made = tmp_path / "from a stranger"
    made.mkdir()
    for name in ("multiprocessing", "pickle", "socket", "mirror", "concurrent", "sitecustomize"):
        (made / f"{name}.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()\n")
    return made


def test_nothing_is_imported_from_the_current_folder(folder: Path, tmp_path: Path) -> None:
    done = run(folder)
    assert (done.stdout, done.returncode) == ("17\n", 0), done.stderr
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_however_this_process_ends(folder: Path, how: signal.Signals) -> None:
    done = run(folder, f"os.kill(os.getpid(), {how.value})")
    assert (done.stdout, done.returncode) == ("17\n", -how)


def test_an_interruption_is_left_to_the_process_that_started_them() -> None:
    with pool(1) as executor:
        other = executor.submit(os.getpid).result()
        os.kill(other, signal.SIGINT)
        assert executor.submit(os.getpid).result() == other


def test_one_that_is_stopped_from_outside_is_no_fault_of_the_program() -> None:
    def stop_it() -> None:
        with pool(1) as executor:
            os.kill(executor.submit(os.getpid).result(), signal.SIGKILL)
            executor.submit(os.getpid).result()

    with pytest.raises(Unavailable, match="was stopped from outside") as refusal:
        stop_it()
    assert refusal.value.hint == "the machine may be short of memory; try again"


@pytest.mark.parametrize("before", [None, "", "1"])
def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    if before is None:
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONSAFEPATH", before)
    with pool(1) as executor:
        assert executor.submit(os.getenv, "PYTHONSAFEPATH").result() == "1"
    assert os.environ.get("PYTHONSAFEPATH") == before


def test_no_other_process_is_started_where_it_would_not_be_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_processes.os, "cpu_count", lambda: 200)
    assert cores() == PROCESSES_AT_MOST
    with monkeypatch.context() as patch:
        patch.setattr(sys, "frozen", True, raising=False)
        assert cores() == 1
    flags = "import sys; from mirror.cli.processes import cores; print(cores())"
    for given, expected in (("-E", True), ("-EP", False), ("-I", False)):
        code = f"import sys; sys.path.insert(0, {str(Path(mirror.__file__).parents[1])!r}); {flags}"
        code = f"import os; os.cpu_count = lambda: 8; {code}"
        command = [sys.executable, given, "-c", code]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert (told == "1\n") is expected
