"""`mirror publish` and anchors: complete proofs go into editions, and what is due is handed in on its own day."""

import hashlib
import json
import time
from pathlib import Path

import clocktown
from calendar_server import DAY, FIRST
from clocktown import Town, run_ots
from laid import Publisher
from storyteller import run_mirror

from mirror import anchor_schedule
from mirror.anchor_schedule import LEAST, SPREAD, Schedule, Turn
from mirror.formats import ots
from mirror.formats.bitcoin import shown

town = clocktown.town


def scheduled(town: Town, **values: object) -> None:
    """Let mirror.toml say that publish anchors to the calendars."""
    town.settings(calendars=[each.url for each in town.calendars], anchor=["ots"], **values)


def schedule_of(town: Town) -> Schedule:
    return anchor_schedule.parse(town.kept.get("schedule.json"))


def pass_time(town: Town) -> None:
    """Let the turn that comes next be due."""
    schedule = schedule_of(town)
    assert schedule.next is not None
    path = town.home / "secret" / "anchors" / "schedule.json"
    path.write_bytes(bytes(Schedule(Turn(schedule.next.size, 1), schedule.later)))


def asked(town: Town) -> list[int]:
    """How often each calendar was handed something."""
    return [sum(each.startswith("POST") for each in calendar.asked) for calendar in town.calendars]


def publish(name: str = "new.txt") -> dict[str, object]:
    Path(name).write_text(f"What happened, as {name} tells it.")
    finished = run_mirror("--json", "publish", name, "--language", "en", "--no-tokens", "--yes")
    assert finished.code == 0, finished
    found: dict[str, object] = json.loads(finished.out)
    return found


def lines_of(publisher: Publisher, size: int, tree: Path) -> tuple[Path, Path]:
    """The pair that an edition holds for a size, laid out as files."""
    publisher.lay(tree)
    folder = tree / "anchor" / "00" / "00" / "00" / f"{size:02}"
    return folder / "checkpoint.txt", folder / "checkpoint.txt.ots"


def test_from_a_checkpoint_to_a_pair_that_the_stock_client_verifies(town: Town, tmp_path: Path) -> None:
    assert run_mirror("anchor", "ots").code == 0
    town.commit()
    assert run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url).code == 0
    finished = run_mirror("publish", "--yes")
    assert finished.code == 0, finished
    assert "takes in  checkpoint.txt.ots for the log of 2 entries\n" in finished.err
    assert "edition 3, 2 entries" in finished.out
    lines, proof = lines_of(town.publisher, 2, tmp_path / "tree")
    note = (tmp_path / "tree" / "checkpoint").read_bytes()
    assert lines.read_bytes() == note.partition(b"\n\n")[0] + b"\n"
    node = town.node.url.replace("http://", "http://user:word@")
    verified = run_ots("--bitcoin-node", node, "verify", proof)
    assert verified.code == 0, verified
    assert f"Success! Bitcoin block {FIRST} attests existence as of {DAY}" in verified.err
    roots = [f"# Bitcoin block merkle root {shown(header.merkle_root)}\n" for header in town.chain.headers]
    assert all(root in run_ots("info", proof).out for root in roots)
    status = run_mirror("anchor", "status")
    assert status.out == "complete      ots       the log of 2 entries: in edition 3\n"


def test_nothing_is_made_for_nothing(town: Town) -> None:
    finished = run_mirror("publish", "--yes")
    assert finished.code == 2
    assert "nothing says what to publish, and no anchor waits for an edition" in finished.err
    run_mirror("anchor", "ots")
    assert run_mirror("publish", "--yes").code == 2
    town.commit()
    run_mirror("anchor", "upgrade")
    assert run_mirror("publish", "--yes").code == 0
    assert run_mirror("publish", "--yes").code == 2
    scheduled(town)
    again = run_mirror("publish", "--yes")
    assert (again.code, "nothing new to publish; edition 3 stays the newest" in again.out) == (0, True)
    assert town.kept == {}


def test_a_better_proof_goes_along_and_takes_nothing_away(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.calendars[0].commit()
    run_mirror("anchor", "upgrade")
    run_mirror("publish", "--yes")
    town.calendars[1].commit()
    run_mirror("anchor", "upgrade")
    assert run_mirror("publish", "--yes").code == 0
    assert json.loads(run_mirror("--json", "status").out)["edition"] == 3
    publish()
    _, proof = lines_of(town.publisher, 2, town.publisher.folder / "tree")
    assert [height for height, _ in ots.parse_complete(proof.read_bytes()).blocks] == [FIRST, FIRST + 1]
    assert town.kept == {}


def test_a_stamp_once_more_takes_nothing_away_either(town: Town) -> None:
    run_mirror("anchor", "ots", "--calendar", town.calendars[0].url)
    town.commit()
    run_mirror("anchor", "upgrade")
    run_mirror("publish", "--yes")
    run_mirror("anchor", "ots", "--again", "--calendar", town.calendars[1].url)
    town.commit()
    run_mirror("anchor", "upgrade")
    publish()
    _, proof = lines_of(town.publisher, 2, town.publisher.folder / "tree")
    assert len(ots.parse_complete(proof.read_bytes()).blocks) == 2


def test_an_edition_for_proofs_alone_is_asked_for(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.commit()
    run_mirror("anchor", "upgrade")
    finished = run_mirror("publish")
    assert finished.code == 4, finished
    assert "nobody is here to ask: make an edition for them?" in finished.err
    assert json.loads(run_mirror("--json", "status").out)["edition"] == 2


def test_proofs_go_along_with_testimonies(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.commit()
    run_mirror("anchor", "upgrade")
    made = publish()
    assert made["edition"] == 3
    assert "in edition 3" in run_mirror("anchor", "status").out
    assert run_mirror("verify", town.home).code in (0, 3)


def test_a_proof_that_is_none_is_named_and_left_out(town: Town) -> None:
    path = town.home / "secret" / "anchors" / "2" / "checkpoint.txt.ots"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"garbage")
    Path("new.txt").write_text("What happened.")
    finished = run_mirror("publish", "new.txt", "--language", "en", "--no-tokens", "--yes")
    assert finished.code == 0, finished
    assert (
        "checkpoint.txt.ots for the log of 2 entries is left out: the file is no OpenTimestamps proof" in finished.err
    )
    assert run_mirror("verify", town.home).code in (0, 3)


# On a schedule


def test_an_upload_is_not_anchored_at_once(town: Town) -> None:
    scheduled(town)
    before = time.time()
    publish()
    schedule = schedule_of(town)
    assert asked(town) == [0, 0, 0]
    assert schedule.next is not None
    assert schedule.next.size == 2
    assert before + LEAST - 1 <= schedule.next.at <= time.time() + LEAST + SPREAD
    assert schedule.later is not None
    assert schedule.later.size == 3


def test_the_next_run_hands_in_the_older_checkpoint_and_not_its_own(town: Town) -> None:
    scheduled(town)
    checkpoint = lines_of_head(town)
    publish("one.txt")
    pass_time(town)
    publish("two.txt")
    assert asked(town) == [1, 1, 1]
    assert "2/pending/checkpoint.txt.ots" in town.kept
    assert town.kept["2/pending/checkpoint.txt.ots"][33:65] == hashlib.sha256(checkpoint).digest()
    schedule = schedule_of(town)
    assert (schedule.next and schedule.next.size, schedule.later and schedule.later.size) == (3, 4)


def lines_of_head(town: Town) -> bytes:
    """The newest checkpoint's three lines."""
    tree = town.publisher.folder / "laid"
    town.publisher.lay(tree)
    return (tree / "checkpoint").read_bytes().partition(b"\n\n")[0] + b"\n"


def test_what_calendars_promised_is_fetched_and_goes_along(town: Town) -> None:
    scheduled(town, bitcoin=[town.explorer.url])
    publish("one.txt")
    pass_time(town)
    publish("two.txt")
    town.commit()
    publish("three.txt")
    assert "complete      ots       the log of 2 entries: in edition 5\n" in run_mirror("anchor", "status").out
    assert "2/pending/checkpoint.txt.ots" not in town.kept


def test_calendars_that_are_down_hold_nothing_up(town: Town) -> None:
    scheduled(town)
    publish("one.txt")
    pass_time(town)
    for calendar in town.calendars:
        calendar.close()
    assert publish("two.txt")["edition"] == 4
    due = schedule_of(town)
    assert (due.next and due.next.at) == 1


def test_a_timer_hands_in_what_is_due_and_nothing_else(town: Town) -> None:
    scheduled(town)
    first = run_mirror("anchor", "ots", "--due")
    assert (first.code, asked(town)) == (0, [0, 0, 0])
    assert [turn and turn.size for turn in (schedule_of(town).next, schedule_of(town).later)] == [2, None]
    pass_time(town)
    handed = run_mirror("--json", "anchor", "ots", "--due")
    assert handed.code == 0, handed
    assert json.loads(handed.out)["handed_in"] == 2
    assert asked(town) == [1, 1, 1]
    town.commit()
    fetched = run_mirror("--json", "anchor", "ots", "--due")
    assert [each["state"] for each in json.loads(fetched.out)["anchors"]] == ["complete"]
    assert asked(town) == [1, 1, 1]
    assert schedule_of(town) == Schedule()


def test_what_is_due_goes_by_mirror_toml(town: Town) -> None:
    finished = run_mirror("anchor", "ots", "--due", "--calendar", town.calendars[0].url)
    assert finished.code == 2
    assert "--due goes by mirror.toml, and takes neither --again nor --calendar" in finished.err


def test_a_damaged_schedule_is_named(town: Town) -> None:
    scheduled(town)
    publish("one.txt")
    path = town.home / "secret" / "anchors" / "schedule.json"
    path.write_bytes(b"{}")
    finished = run_mirror("anchor", "ots", "--due")
    assert finished.code == 1
    assert "schedule.json: the schedule of anchors is none" in finished.err
    assert "hint: remove it; a new one is drawn" in finished.err


def test_without_the_setting_nothing_is_asked_or_planned(town: Town) -> None:
    publish()
    assert asked(town) == [0, 0, 0]
    assert town.kept == {}
