"""`mirror follow`, killed at any moment: the copy is at the old or the new edition, and the next run goes on.

Each crash is a real one (see `crashing`). The newer edition, which withdraws what the copy holds, comes from a file or
over HTTP from a gateway in this process.
"""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import FAILED, Power, kill_after, run_killed
from scenes import Place, Scenario
from serving import serving, shelf_of
from storyteller import Finished, run_mirror

from mirror.store.archive import Archive


class Following(Scenario):
    """A keeper's copy is brought to an edition that withdraws, with its token, what it holds."""

    home = "copy"
    source: tuple[str, ...] = ()

    def command(self) -> list[str]:
        return ["follow", *self.source]

    def next_run(self) -> Finished:
        return self.place.run(self.home, *self.command())

    def check_end(self) -> None:
        assert self.states()[1] == "withdrawn at #5"
        assert self.secrets() == set()
        assert sorted(path.name for path in (self.place.base / "copy" / "cache").iterdir()) == ["index.sqlite", "lock"]
        with self.place.archive("copy") as archive:
            assert archive.head() == Archive(self.place.world / "later" / "voices" / "archive").head()


@pytest.fixture(scope="module", params=["from a file", "over HTTP"])
def source(request: pytest.FixtureRequest, world: Path) -> Iterator[tuple[str, ...]]:
    """The options that name it."""
    if request.param == "from a file":
        yield ("--from", str(world / "after.car"))
        return
    with Archive(world / "later" / "voices" / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        yield ("--gateway", asking.url, f"ipfs://{archive.head()}")


@pytest.fixture
def scenario(place: Place, source: tuple[str, ...]) -> Following:
    made = Following(place)
    made.source = source
    return made


@pytest.fixture(scope="module")
def moments(world: Path, source: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many moments it has, killed at none of them."""
    base = tmp_path_factory.mktemp("whole") / "place"
    shutil.copytree(world / "start", base)
    with Place(base, world) as place:
        whole = Following(place)
        whole.source = source
        ended = run_killed(whole.arguments())
    assert ended.code == 0
    return ended.moments


@pytest.mark.parametrize("number", range(10))
def test_a_kill_leaves_the_old_edition_or_the_new(number: int, scenario: Following, moments: int) -> None:
    chance = random.Random(number)
    at = 1 + int((number + chance.random()) / 10 * moments)
    ended = run_killed(scenario.arguments(), at=at, power=chance.choice(list(Power)))
    assert ended.code != FAILED
    assert ended.code is None or at > moments
    scenario.check_at_rest()
    if chance.random() < 0.4:
        assert run_killed(scenario.arguments(), at=chance.randint(1, 8)).code != FAILED
        scenario.check_at_rest()
    scenario.go_on()


@pytest.mark.parametrize("number", range(4))
def test_a_kill_whenever_it_happens(number: int, scenario: Following) -> None:
    kill_after(scenario.arguments(), random.Random(number).random() * 0.5)
    scenario.check_at_rest()
    scenario.go_on()


def test_what_came_before_it_was_killed_is_not_fetched_again(place: Place, world: Path) -> None:
    with Archive(world / "start" / "voices" / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        arguments = ["--gateway", asking.url, f"ipfs://{archive.head()}"]
        whole = run_killed(["--home", str(place.base / "first"), "follow", *arguments])
        assert whole.code == 0
        ended = run_killed(["--home", str(place.base / "new"), "follow", *arguments], at=whole.moments // 2)
        assert ended.code is None
        kept = (place.base / "new" / "cache" / "following").stat().st_size
        assert kept > 0
        done = run_mirror("--json", "--home", place.base / "new", "follow", *arguments)
    whole_size = sum(path.stat().st_size for path in archive.editions().values())
    assert done.code == 0
    assert json.loads(done.out)["fetched_bytes"] + kept <= whole_size + 65536
