"""When a checkpoint is handed in: late, by chance, once a day at most, and each of them covered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated

from mirror import anchor_schedule
from mirror.anchor_schedule import EVERY, LEAST, SPREAD, Schedule, Turn
from mirror.errors import Malformed

NOW = 1_795_000_000

TURNS = st.none() | st.builds(Turn, st.integers(1, 2**40), st.integers(1, 2**40))
SCHEDULES = st.builds(Schedule, TURNS, TURNS)


@given(SCHEDULES)
def test_what_is_kept_is_read_back(schedule: Schedule) -> None:
    assert anchor_schedule.parse(bytes(schedule)) == schedule


@given(mutated(SCHEDULES.map(bytes)))
def test_a_schedule_is_read_or_malformed(data: bytes) -> None:
    try:
        found = anchor_schedule.parse(data)
    except Malformed:
        return
    assert anchor_schedule.parse(bytes(found)) == found


def test_where_nothing_is_kept_nothing_is_due() -> None:
    assert anchor_schedule.parse(None) == Schedule()
    assert Schedule().due(NOW) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"[]\n", b"{}\n", b'{"next": null}\n', b'{"next": [0, 1], "later": null}\n', b'{"next": 7, "later": null}\n',
     b'{"next": [true, 1], "later": null}\n', b'{"next": [1], "later": null}\n',
     b'{"next": [1, 1.5], "later": null}\n', b'{"next": [1, 9223372036854775808], "later": null}\n'],
)  # fmt: skip
def test_what_is_no_schedule_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="the schedule of anchors is n"):
        anchor_schedule.parse(data)


@given(st.integers(0, SPREAD - 1))
def test_a_checkpoint_waits_for_a_time_that_is_drawn(drawn: int) -> None:
    asked: list[int] = []
    schedule = Schedule().noted(9, NOW, lambda most: asked.append(most) or drawn)  # type: ignore[func-returns-value]
    assert asked == [SPREAD]
    at = NOW + LEAST + drawn
    assert (schedule.due(at - 1), schedule.due(at)) == (None, 9)
    assert schedule.noted(9, NOW + 1, lambda most: 0) == schedule


def test_what_is_published_meanwhile_waits_for_the_turn_after() -> None:
    one = Schedule().noted(9, NOW, lambda most: 0)
    many = one.noted(10, NOW + 60, lambda most: 0).noted(11, NOW + 120, lambda most: 7)
    assert many.next == one.next
    assert many.later == Turn(11, NOW + 120 + LEAST + 7)
    assert many.noted(10, NOW + 180, lambda most: 0) == many


def test_turns_are_a_day_apart() -> None:
    schedule = Schedule(Turn(9, NOW), Turn(10, NOW + 60))
    assert schedule.due(NOW) == 9
    after = schedule.done(NOW + 30)
    assert after == Schedule(Turn(10, NOW + 30 + EVERY))
    assert after.done(NOW) == Schedule()


def test_a_turn_that_is_far_off_stays_there() -> None:
    assert Schedule(Turn(9, NOW), Turn(10, NOW + 9 * EVERY)).done(NOW).next == Turn(10, NOW + 9 * EVERY)


def test_an_upload_and_its_anchor_are_hours_apart() -> None:
    assert LEAST >= 6 * 3600
    assert SPREAD > 24 * 3600
