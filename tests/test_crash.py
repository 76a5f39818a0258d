"""Killed at any moment, or without power: the archive is at the old or the new edition, and the next run goes on.

Each crash is a real one (see `crashing`): most at a moment, some twice in a row, some whenever it happens. A few dozen
are drawn; with MIRROR_CRASHES=600 in the environment, that many. After each, at rest and after the next run:

- the archive verifies, at the edition before or at the one that was being made;
- an edition that lies under its own name is whole, and is adopted;
- the tokens of all that is listed are in their file, or nothing is listed;
- no two statements under their own names, signed by one key, contradict each other;
- after the next run, nothing of what is withdrawn is anywhere in the archive.
"""

import os
import random
import shutil
from pathlib import Path

import pytest
from crashing import FAILED, Ended, Power, kill_after, run_killed
from scenes import SCENARIOS, Place, Scenario

CRASHES = int(os.environ.get("MIRROR_CRASHES") or 36)
"""How many crashes are tried."""


def crash(scenario: Scenario, at: int, power: Power) -> Ended:
    ended = run_killed(scenario.arguments(), at=at, power=power)
    assert ended.code != FAILED
    return ended


@pytest.fixture(scope="module")
def moments(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[type[Scenario], int]:
    """How many moments each scenario has, killed at none of them."""
    found = {}
    for kind in SCENARIOS:
        base = tmp_path_factory.mktemp("whole") / "place"
        shutil.copytree(world / "start", base)
        with Place(base, world) as place:
            ended = crash(kind(place), 0, Power.STAYS)
        assert ended.code == 0
        found[kind] = ended.moments
    return found


@pytest.mark.parametrize("number", range(CRASHES))
def test_a_kill_leaves_the_old_edition_or_the_new(
    number: int, place: Place, moments: dict[type[Scenario], int]
) -> None:
    chance = random.Random(number)
    kind = SCENARIOS[number % len(SCENARIOS)]
    row, rows = number // len(SCENARIOS), -(-CRASHES // len(SCENARIOS))
    at = 1 + int((row + chance.random()) / rows * moments[kind])
    power = chance.choice(list(Power))
    scenario = kind(place)
    ended = crash(scenario, at, power)
    assert ended.code is None or at > moments[kind]
    scenario.check_at_rest()
    if chance.random() < 0.4:
        crash(scenario, chance.randint(1, 8), chance.choice(list(Power)))
        scenario.check_at_rest()
    scenario.go_on()


@pytest.mark.parametrize("number", range(max(4, CRASHES // 6)))
def test_a_kill_whenever_it_happens(number: int, place: Place, moments: dict[type[Scenario], int]) -> None:
    chance = random.Random(number)
    scenario = SCENARIOS[number % len(SCENARIOS)](place)
    kill_after(scenario.arguments(), chance.random() * 0.4)
    scenario.check_at_rest()
    scenario.go_on()
