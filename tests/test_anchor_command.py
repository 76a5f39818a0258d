"""`mirror anchor`: from nothing to a complete proof, which the stock client verifies too; and every fault."""

import json
from pathlib import Path

import clocktown
import pytest
from calendar_server import FIRST, Chain, Explorer
from clocktown import Town, run_ots
from listening import answering
from storyteller import run_mirror

from mirror.formats import ots

town = clocktown.town


def test_the_newest_checkpoint_goes_to_the_calendars_and_is_awaited(town: Town) -> None:
    finished = run_mirror("anchor", "ots")
    assert finished.code == 0, finished
    promised = ", ".join(f"promised by {url}" for url in sorted(each.url for each in town.calendars))
    assert finished.out == (
        f"the log of 2 entries is at the calendars: {promised}\nnext          mirror anchor upgrade, in a few hours\n"
    )
    assert list(town.kept) == ["2/pending/checkpoint.txt.ots"]
    again = run_mirror("anchor", "ots")
    assert (again.code, again.out) == (0, f"the log of 2 entries is at the calendars already: {promised}\n")
    assert [len(each.asked) for each in town.calendars] == [1, 1, 1]
    status = run_mirror("anchor", "status")
    assert status.out == f"pending       ots       the log of 2 entries: {promised}\n"


def test_what_is_awaited_is_awaited_on(town: Town) -> None:
    run_mirror("anchor", "ots")
    before = town.kept
    finished = run_mirror("anchor", "upgrade")
    assert finished.code == 3, finished
    assert finished.err.count("has nothing yet: Pending confirmation in Bitcoin blockchain") == 3
    assert finished.err.endswith("where a calendar forgot what it promised: mirror anchor ots --again\n")
    assert town.kept == before


def test_a_complete_proof_is_kept_for_the_next_edition(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.commit()
    finished = run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url, "--bitcoin", town.node.url)
    assert finished.code == 0, finished
    blocks = ", ".join(f"Bitcoin block {FIRST + n}" for n in range(3))
    assert finished.out == f"complete      ots       the log of 2 entries: {blocks}\n"
    assert list(town.kept) == ["2/checkpoint.txt.ots"]
    assert town.explorer.asked
    assert town.node.asked
    nothing = run_mirror("anchor", "upgrade")
    assert (nothing.code, nothing.out) == (0, finished.out)


def test_the_stock_client_reads_and_verifies_what_is_kept(town: Town, tmp_path: Path) -> None:
    run_mirror("anchor", "ots")
    lines = tmp_path / "checkpoint.txt"
    lines.write_text("\n".join(["voices.example/archive", "2", *head_lines(town)[2:3], ""]))
    proof = tmp_path / "checkpoint.txt.ots"
    proof.write_bytes(town.kept["2/pending/checkpoint.txt.ots"])
    info = run_ots("info", proof)
    assert info.code == 0, info
    assert all(f"PendingAttestation('{each.url}')" in info.out for each in town.calendars)
    town.commit()
    assert run_mirror("anchor", "upgrade").code == 0
    proof.write_bytes(town.kept["2/checkpoint.txt.ots"])
    asked = town.node.url.replace("http://", "http://user:word@")
    verified = run_ots("--bitcoin-node", asked, "verify", proof)
    assert verified.code == 0, verified
    assert f"Success! Bitcoin block {FIRST} attests existence as of 2026-11-21" in verified.err
    lines.write_text("voices.example/archive\n3\n")
    other = run_ots("--bitcoin-node", asked, "verify", proof)
    assert other.code == 1
    assert "File does not match original!" in other.err


def head_lines(town: Town) -> list[str]:
    """The lines of the newest checkpoint."""
    note = town.publisher.run("announce")["announcement"]
    root_hash = next(line for line in note.split("\n") if line.startswith("Root-Hash: ")).removeprefix("Root-Hash: ")
    return ["voices.example/archive", "2", root_hash]


def test_the_calendar_of_the_tests_serves_the_stock_client_too(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("Anything.")
    url = town.calendars[0].url
    stamped = run_ots("stamp", "-c", url, "-m", "1", file)
    assert stamped.code == 0, stamped
    proof = Path(f"{file}.ots")
    assert [address for address, _ in ots.parse(proof.read_bytes()).promises] == [url]
    town.calendars[0].commit()
    upgraded = run_ots("upgrade", "-c", url, proof)
    assert "Success! Timestamp complete" in upgraded.err, upgraded
    blocks = ots.parse(proof.read_bytes()).blocks
    assert [(height, root) for height, root in blocks] == [(FIRST, town.chain.headers[0].merkle_root)]


# Faults


def test_one_calendar_that_is_down_is_named_and_takes_nothing_away(town: Town) -> None:
    town.calendars[1].close()
    finished = run_mirror("--json", "anchor", "ots")
    assert finished.code == 0, finished
    said = json.loads(finished.out)
    assert [each["good"] for each in said["calendars"]] == [True, False, True]
    assert town.calendars[1].url in said["calendars"][1]["words"]
    town.commit()
    assert run_mirror("anchor", "upgrade").code == 0


def test_without_any_calendar_nothing_is_kept(town: Town) -> None:
    for calendar in town.calendars:
        calendar.close()
    finished = run_mirror("anchor", "ots")
    assert finished.code == 3
    assert finished.err.startswith("mirror: error: no calendar took it: ")
    assert "hint: try again later, or others with --calendar URL" in finished.err
    assert town.kept == {}


def test_status_shows_what_is_awaited_and_what_to_type(town: Town) -> None:
    assert json.loads(run_mirror("--json", "status").out)["anchors"] == []
    run_mirror("anchor", "ots", "--calendar", town.calendars[0].url)
    awaited = run_mirror("status")
    assert f"anchored      ots, the log of 2 entries: promised by {town.calendars[0].url}\n" in awaited.out
    assert awaited.out.endswith("next          mirror anchor upgrade\n")
    town.commit()
    run_mirror("anchor", "upgrade")
    complete = run_mirror("status")
    assert f"anchored      ots, the log of 2 entries: Bitcoin block {FIRST}\n" in complete.out
    assert complete.out.endswith("next          mirror publish, which takes 1 proof in\n")
    run_mirror("publish", "--yes")
    inside = json.loads(run_mirror("--json", "status").out)
    assert [(each["size"], each["state"], each["words"]) for each in inside["anchors"]] == [
        (2, "complete", "in edition 3")
    ]
    assert inside["next"] == ["mirror publish --tokens FILE FOLDER"]


def test_a_calendar_that_forgot_is_handed_it_again(town: Town) -> None:
    run_mirror("anchor", "ots", "--calendar", town.calendars[0].url)
    town.calendars[0].forget()
    town.commit()
    forgotten = run_mirror("anchor", "upgrade")
    assert forgotten.code == 3
    assert "has nothing yet: Commitment not found" in forgotten.err
    again = run_mirror("anchor", "ots", "--again")
    assert again.code == 0, again
    town.commit()
    assert run_mirror("anchor", "upgrade").code == 0
    proof = ots.parse(town.kept["2/pending/checkpoint.txt.ots"])
    assert (len(proof.blocks), len(proof.promises)) == (3, 1)


def test_a_block_that_does_not_hold_it_is_false_and_not_kept(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.commit()
    town.chain.headers[0] = town.chain.headers[1]
    finished = run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url)
    assert finished.code == 1, finished
    assert f"shows Bitcoin block {FIRST}, and that block does not hold it" in finished.err
    assert [height for height, _ in ots.parse(town.kept["2/checkpoint.txt.ots"]).blocks] == [FIRST + 1, FIRST + 2]


def test_sources_that_disagree_prove_nothing(town: Town) -> None:
    run_mirror("anchor", "ots")
    town.commit()
    other = Chain()
    for n in range(3):
        other.add(bytes([n]) * 32)
    with Explorer(other) as liar:
        finished = run_mirror("anchor", "upgrade", "--bitcoin", town.explorer.url, "--bitcoin", liar.url)
    assert finished.code == 3, finished
    assert "is not the same for everybody" in finished.err
    assert list(town.kept) == ["2/pending/checkpoint.txt.ots"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (bytes(10_000_000), 200, "answers with more than 10000 bytes"),
        (b"garbage", 200, "does not answer what was asked"),
        (b"", 500, "answers HTTP 500"),
    ],
    ids=["10 MB", "garbage", "500"],
)
def test_an_upgrade_that_is_none_loses_nothing(town: Town, body: bytes, status: int, words: str) -> None:
    run_mirror("anchor", "ots")
    before = town.kept
    for calendar in town.calendars:
        calendar.replies["GET /timestamp/"] = answering(body, status)
    finished = run_mirror("anchor", "upgrade")
    assert finished.code == 3, finished
    assert finished.err.count(words) == 3
    assert town.kept == before
    for calendar in town.calendars:
        calendar.replies.clear()
        calendar.commit()
    assert run_mirror("anchor", "upgrade").code == 0


def test_words_of_a_calendar_move_no_cursor(town: Town) -> None:
    town.calendars[0].replies["POST /digest"] = answering(b"\x1b[2Jgone\nmirror: all is well", 500)
    finished = run_mirror("anchor", "ots")
    assert "\x1b" not in finished.err
    assert "[2Jgone mirror: all is well" in finished.err


def test_a_damaged_proof_under_way_is_named(town: Town) -> None:
    run_mirror("anchor", "ots")
    path = town.home / "secret" / "anchors" / "2" / "pending" / "checkpoint.txt.ots"
    path.write_bytes(path.read_bytes()[:-1])
    finished = run_mirror("anchor", "upgrade")
    assert finished.code == 1
    assert "the timestamp is cut off" in finished.err
    status = run_mirror("anchor", "status")
    assert (status.code, "what is kept of it is damaged: the timestamp is cut off" in status.out) == (0, True)


def test_what_is_damaged_holds_nothing_else_up(town: Town) -> None:
    run_mirror("anchor", "ots")
    kept = town.home / "secret" / "anchors"
    other = kept / "1" / "pending" / "checkpoint.txt.ots"
    stranger = kept / "77" / "pending" / "checkpoint.txt.ots"
    for path in (other, stranger):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"garbage")
    (kept / "2" / "checkpoint.txt.ots").write_bytes(b"garbage")
    town.commit()
    finished = run_mirror("anchor", "upgrade")
    assert finished.code == 1
    assert f"the log of 1 entry is left out: {other}: the file is no OpenTimestamps proof" in finished.err
    assert "move it away, and hand the log in anew with: mirror anchor ots --again" in finished.err
    assert "the log of 77 entries is left out: the log has 2 entries" in finished.err
    assert "complete      ots       the log of 2 entries: Bitcoin block 800000" in finished.out
    town.settings(calendars=[each.url for each in town.calendars], anchor=["ots"])
    Path("new.txt").write_text("What happened.")
    published = run_mirror("publish", "new.txt", "--language", "en", "--no-tokens", "--yes")
    assert published.code == 0, published
    assert "takes in  checkpoint.txt.ots for the log of 2 entries" in published.err
    other.write_bytes(b"garbage")
    (kept / "3" / "pending").mkdir(parents=True)
    (kept / "3" / "pending" / "checkpoint.txt.ots").write_bytes(b"garbage")
    refused = run_mirror("anchor", "ots")
    assert (refused.code, "3/pending/checkpoint.txt.ots: the file is no" in refused.err) == (1, True)


def test_a_copy_without_a_key_takes_no_anchors(town: Town, tmp_path: Path) -> None:
    assert run_mirror("--home", tmp_path / "copy", "import", town.home).code in (0, 3)
    for command in ("ots", "upgrade"):
        finished = run_mirror("--home", tmp_path / "copy", "anchor", command)
        assert finished.code == 4
        assert "has no key: only who makes editions can put an anchor into one" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ots", "--calendar", "ftp://ots.test"), "--calendar: not an address that begins with http"),
        (("upgrade", "--bitcoin", "explorer.test"), "--bitcoin: not an address that begins with http"),
        (("otz",), "no such command 'otz'"),
    ],
)
def test_wrong_usage_is_told(town: Town, arguments: tuple[str, ...], words: str) -> None:
    finished = run_mirror("anchor", *arguments)
    assert finished.code == 2
    assert words in finished.err
