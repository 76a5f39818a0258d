"""A disk that is full, or that nobody may write to: a clear refusal, nothing half written, and later it goes on.

A real one each: a small file system in memory, or a folder mounted so that it can be read only, in a namespace of its
own that ends with the program.
"""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from counterparts import CHECKOUT, absent, need_program
from scenes import SCENARIOS, Place, Scenario

from mirror.store import files

ROOM = (0, 7, 8, 9, 20, 1600)
"""Pages of 4 KiB that are left on the full disk; the last is enough for anything."""


@dataclass(frozen=True)
class Ran:
    """What a program in a namespace of its own left."""

    code: int
    out: str
    err: str


def run_in_namespace(script: str, folder: Path) -> Ran:
    """A shell script that may mount what it likes; `$MIRROR …` runs the program."""
    unshare = need_program("unshare")
    tried = subprocess.run([unshare, "-rm", need_program("mount"), "-t", "tmpfs", "none", folder], check=False)
    if tried.returncode:
        absent("this machine lets nobody mount anything of their own")
    program = shlex.join([sys.executable, "-c", "from mirror.cli.main import main; main()"])
    done = subprocess.run(
        [unshare, "-rm", "sh", "-euc", f'mirror() {{ {program} "$@"; }}\n{script}'],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def half_written(base: Path) -> list[Path]:
    return [path for path in base.rglob("*") if path.is_file() and files.is_temporary(path)]


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("kind", SCENARIOS[:3], ids=lambda kind: kind.__name__)
def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    kind: type[Scenario], room: int, place: Place, tmp_path: Path
) -> None:
    scenario = kind(place)
    command = shlex.join(scenario.arguments())
    left = tmp_path / "left"
    script = f"""
        mount -t tmpfs -o size=32m none {place.base.parent}/mounted
        cp -a {place.base} {place.base.parent}/mounted/place
        mount --bind {place.base.parent}/mounted/place {place.base}
        fallocate -l $(( $(stat -f -c %a {place.base}) * 4096 - {room} * 4096 )) {place.base.parent}/mounted/filler
        code=0
        mirror {command} || code=$?
        cp -a {place.base} {left}
        exit $code
    """
    (place.base.parent / "mounted").mkdir()
    ran = run_in_namespace(script, tmp_path)
    shutil.rmtree(place.base)
    left.rename(place.base)
    assert ran.code in ((0,) if room == ROOM[-1] else (0, 3)), ran
    if ran.code:
        assert "mirror: error: " in ran.err
        assert "no space left on device" in ran.err or "the disk is full" in ran.err
    assert half_written(place.base) == []
    scenario.check_at_rest()
    assert scenario.made or ran.code == 3
    scenario.go_on()


@pytest.mark.parametrize("kind", SCENARIOS[:3], ids=lambda kind: kind.__name__)
def test_a_folder_that_may_only_be_read_is_read_and_not_written(
    kind: type[Scenario], place: Place, tmp_path: Path
) -> None:
    scenario = kind(place)
    before = {path: path.read_bytes() for path in place.base.rglob("*") if path.is_file()}
    script = f"""
        mount --bind {place.base} {place.base}
        mount -o remount,bind,ro {place.base}
        mirror list {place.base}/voices
        mirror --home {place.base}/voices status
        mirror --home {place.base}/copy fsck
        mirror --home {place.base}/voices export -o {tmp_path}/exported.car
        mirror {shlex.join(scenario.arguments())}
    """
    ran = run_in_namespace(script, tmp_path)
    assert (ran.code, "read-only file system" in ran.err) == (3, True), ran
    assert "every block hashes to its CID" in ran.out
    assert "wrote " in ran.out
    assert {path: path.read_bytes() for path in place.base.rglob("*") if path.is_file()} == before
