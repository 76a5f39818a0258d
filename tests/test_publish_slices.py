"""Many files at once: slices, other processes, and what refers to what across them."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from planted import jpeg
from workbench import ENGLISH, Bench

from mirror import plan as plans
from mirror.cli import processes as cli_processes
from mirror.cli.processes import PROCESSES_FROM, processes
from mirror.errors import Refused, Unavailable
from mirror.intake import sheets
from mirror.intake.drafts import Options


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


@pytest.fixture(autouse=True)
def slices_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "SLICE", 3)
    monkeypatch.setattr(plans, "SLICE", 3)


def write_all(bench: Bench) -> list[Path]:
    """Fourteen files: plain ones, repaired ones, references forwards and backwards, a picture, a note handed in."""
    (bench.folder / "photo.jpg").write_bytes(jpeg())
    plain = [bench.write(f"{at:02}.md", f"Text {at}.") for at in range(6)]
    return [
        *plain[:2],
        bench.write("early.md", "Early.", translation_of="05.md", translator="human"),
        *plain[2:4],
        bench.write("repaired.md", "a\tb"),
        bench.write("photo.md", "With a picture.", attachments=["photo.jpg"]),
        *plain[4:],
        bench.hand_in("hers.txt"),
        bench.write("late.md", "Late.", translation_of="early.md", translator="machine"),
        bench.write("new.md", "New.", replaces="01.md"),
        bench.write("again.md", "Text 1."),
        bench.write("last.md", "Last."),
    ]


def test_slices_are_signed_in_order_and_hold_together(bench: Bench) -> None:
    paths = write_all(bench)
    with ThreadPoolExecutor(3) as executor:
        bench.prepare()
        plan = bench.plan(*paths, executor=executor)
        assert [name.name for name, _ in plan.known] == ["again.md"]
        listed = []
        bench.carry_out(plan, listed=listed.append, executor=executor)
    names = [made.source.name for made in listed]
    assert names == [
        *("00.md", "01.md", "05.md", "early.md", "02.md", "03.md", "repaired.md", "photo.md", "04.md"),
        *("hers.txt", "late.md", "new.md", "last.md"),
    ]
    assert [made.index for made in listed] == list(range(1, 14))
    by_name = {made.source.name: bench.testimony(made.index) for made in listed}
    cids = {made.source.name: made.cid for made in listed}
    assert by_name["early.md"].translation_of == cids["05.md"]
    assert by_name["late.md"].translation_of == cids["early.md"]
    assert by_name["new.md"].replaces == cids["01.md"]
    assert len({by_name[name].withdrawal for name in ("05.md", "early.md", "late.md")}) == 1
    assert by_name["repaired.md"].body == "a    b"
    tokens = {made.source.name: made.token is not None for made in listed}
    assert [name for name in names if not tokens[name]] == ["early.md", "hers.txt", "late.md", "new.md"]
    assert len({each.salt for each in by_name.values()}) == 13
    assert (bench.verify().counts.testimonies, bench.verify().counts.attachments) == (13, 1)


def test_the_same_is_planned_with_other_processes_and_without(bench: Bench) -> None:
    paths = write_all(bench)
    with ThreadPoolExecutor(3) as executor:
        one, two = bench.plan(*paths), bench.plan(*paths, executor=executor)
    assert list(one.steps) == list(two.steps)
    assert (one.known, one.repaired, one.flawed) == (two.known, two.repaired, [])
    assert one.steps[2:4] == [one.steps[2], one.steps[3]]
    assert one.steps[-1].source.name == "last.md"
    with pytest.raises(IndexError):
        one.steps[13]


def test_a_file_of_a_slice_that_changed_is_refused(bench: Bench) -> None:
    paths = write_all(bench)
    with ThreadPoolExecutor(3) as executor:
        plan = bench.plan(*paths, executor=executor)
        bench.write("04.md", "Text four.")
        with pytest.raises(Refused, match=r"04.md changed while it was being published"):
            bench.carry_out(plan, executor=executor)
        with pytest.raises(Refused, match=r"changed while it was being published"):
            bench.carry_out(plan, Options(language="mk"), executor=executor)
    assert bench.head.size == 1


def test_real_processes_look_and_sign(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_processes.os, "cpu_count", lambda: 2)
    paths = write_all(bench)
    with processes(PROCESSES_FROM) as executor:
        assert executor is not None
        bench.prepare()
        bench.carry_out(bench.plan(*paths, executor=executor), ENGLISH, executor=executor)
    assert bench.verify().counts.testimonies == 13


def test_a_process_that_is_killed_ends_the_run_and_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_processes.os, "cpu_count", lambda: 2)
    plan = bench.plan(*write_all(bench))

    def carry_out() -> None:
        with processes(PROCESSES_FROM) as executor:
            assert executor is not None
            os.kill(executor.submit(os.getpid).result(), signal.SIGKILL)
            bench.carry_out(plan, executor=executor)

    with pytest.raises(Unavailable, match="was stopped from outside"):
        carry_out()
    assert [path.name for path in bench.car.parent.iterdir()] == ["000001.car"]


@pytest.mark.parametrize(("count", "cores"), [(PROCESSES_FROM - 1, 8), (PROCESSES_FROM, 1), (PROCESSES_FROM, None)])
def test_few_files_or_one_core_need_no_other_process(
    monkeypatch: pytest.MonkeyPatch, count: int, cores: int | None
) -> None:
    monkeypatch.setattr(cli_processes.os, "cpu_count", lambda: cores)
    with processes(count) as executor:
        assert executor is None
