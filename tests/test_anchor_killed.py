"""Killed at any moment, or without power, `mirror anchor` loses nothing that was promised; the next run goes on."""

import shutil
from pathlib import Path

import clocktown
import pytest
from calendar_server import FIRST
from clocktown import Town
from crashing import FAILED, Power, run_killed
from storyteller import run_mirror

from mirror.formats import ots

town = clocktown.town

PENDING, COMPLETE = "2/pending/checkpoint.txt.ots", "2/checkpoint.txt.ots"


def moments_of(town: Town, *command: str) -> int:
    """How many moments a command has, killed at none; what it kept is taken away again."""
    folder = town.home / "secret" / "anchors"
    before = town.kept
    ended = run_killed(["anchor", *command])
    assert ended.code == 0, ended
    shutil.rmtree(folder)
    restore(folder, before)
    return ended.moments


def restore(folder: Path, kept: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in kept.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("power", Power)
def test_a_kill_while_it_is_handed_in_leaves_it_awaited_or_not(town: Town, power: Power) -> None:
    folder = town.home / "secret" / "anchors"
    moments = moments_of(town, "ots")
    assert moments > 3
    for at in range(1, moments + 1):
        restore(folder, {})
        assert run_killed(["anchor", "ots"], at=at, power=power).code != FAILED
        status = run_mirror("anchor", "status")
        assert (status.code, "damaged" in status.out) == (0, False), status
        assert run_mirror("anchor", "ots").code == 0
        assert len(ots.parse(town.kept[PENDING]).promises) == 3
    town.commit()
    assert run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url).code == 0


@pytest.mark.parametrize("power", Power)
def test_a_kill_while_it_is_fetched_loses_neither_promises_nor_proofs(town: Town, power: Power) -> None:
    folder = town.home / "secret" / "anchors"
    run_mirror("anchor", "ots")
    town.commit()
    awaited = town.kept
    moments = moments_of(town, "upgrade", "--bitcoin", town.explorer.url)
    assert moments > 3
    for at in range(1, moments + 1):
        restore(folder, awaited)
        assert run_killed(["anchor", "upgrade", "--bitcoin", town.explorer.url], at=at, power=power).code != FAILED
        assert PENDING in town.kept or COMPLETE in town.kept
        finished = run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url)
        assert finished.code == 0, finished
        assert [height for height, _ in ots.parse_complete(town.kept[COMPLETE]).blocks] == [FIRST, FIRST + 1, FIRST + 2]
        assert PENDING not in town.kept
