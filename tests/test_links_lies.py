"""Readers of links among gateways that lie, lag, break off or tell two stories: what is said, remembered and kept."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gateways
import pytest
from gateways import FakeGateway, Lie
from listening import Line, answering
from storyteller import run_mirror
from strategies import KEY
from workbench import Bench

from mirror import carry, naming
from mirror.cli.trusting import KnownSeen
from mirror.formats import ipns
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import MEDIA_TYPE, Naming
from mirror.formats.link import IPFS, Link, newest
from mirror.store.known import Memory

TODAY = datetime.now(UTC).date()
NEWEST = str(newest(KEY.public))


class Tower(FakeGateway):
    """A gateway that has whole editions, and a record of the mirror's name."""

    def __init__(self, *benches: Bench, lies: Lie | None = None) -> None:
        super().__init__({}, lies)
        self.record = b""
        for bench in benches:
            self.hold(bench)

    def hold(self, bench: Bench) -> None:
        """Hold the newest edition too, and lead the name to it."""
        archive = bench.workspace.archive
        self.blocks.update(carry.blocks_of(archive.head(), archive.blocks.get))
        self.record = naming.sign_name(bench.head, KEY, TODAY)

    def _answer(self, line: Line) -> None:
        path = line.head.split(b" ")[1]
        if path.startswith(b"/ipfs/"):
            super()._answer(line)
        elif self.record and path.startswith(b"/routing/v1/ipns/"):
            answering(self.record, Content_Type=MEDIA_TYPE)(line)
        else:
            answering(b"", 404)(line)


Publish = Callable[..., Bench]


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Publish]:
    """Publishes texts, one in each edition, in a workspace of that name; with one key, so that two are a fork."""
    made: list[Bench] = []

    def publish(name: str, *texts: str) -> Bench:
        bench = Bench(tmp_path / name)
        made.append(bench)
        for text in texts:
            bench.publish(bench.write(text, f"What happened, as {text} tells it."))
        return bench

    yield publish
    for bench in made:
        bench.workspace.archive.close()


@pytest.fixture
def bench(tmp_path: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Edition 2 of a mirror, and a reader in a folder of her own who confirmed its key."""
    made = publish("publisher", "one.md")
    (tmp_path / "reader").mkdir()
    monkeypatch.chdir(tmp_path / "reader")
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "reader" / "state"))
    memory().confirm(KEY.public)
    return made


def memory() -> Memory:
    return Memory(Path("state"))


def verify(link: str, *towers: FakeGateway, more: tuple[str, ...] = ()) -> tuple[int, Any, str]:
    """The exit code, the report if there is one, and what was said beside it."""
    options = [option for tower in towers for option in ("--gateway", tower.url)]
    finished = run_mirror("--json", "verify", *options, *more, link)
    document = json.loads(finished.out or "{}")
    return finished.code, document if "claims" in document else None, finished.err


def this(root: CID) -> str:
    return str(Link(IPFS, root, "", KEY.public))


def test_the_record_that_led_here_is_remembered(bench: Bench) -> None:
    with Tower(bench) as tower:
        assert verify(NEWEST, tower)[0] == 0
    known = memory().get(KEY.public)
    assert known is not None
    assert known.record == tower.record
    assert known.seen == KnownSeen(2, bench.head.root, bench.head.signed_checkpoint)


def test_without_memory_no_record_is_kept(bench: Bench) -> None:
    with Tower(bench) as tower:
        assert verify(NEWEST, tower, more=("--no-memory", "--key", KEY.public.vkey))[0] == 0
    known = memory().get(KEY.public)
    assert known is not None
    assert (known.record, known.seen) == (None, None)


@pytest.mark.parametrize("path", ["", "/note/00/00/00/01.txt"])
def test_a_record_has_to_lead_to_the_edition_that_is_there(bench: Bench, path: str) -> None:
    with Tower(bench) as tower:
        tower.record = ipns.sign(Naming(KEY.public, bench.head.root, 7, naming.end_of_record(TODAY)), KEY)
        code, report, _ = verify(f"ipns://{KEY.public.ipns}{path}#{KEY.public.vkey}", tower)
    assert code == 1
    assert report["claims"]["signed"]["words"][0].startswith("name: its record leads to edition 7 ")


def test_of_several_records_the_newest_counts(bench: Bench) -> None:
    with Tower(bench) as late, Tower(bench) as early:
        bench.publish(bench.write("two.md"))
        late.hold(bench)
        code, report, _ = verify(NEWEST, early, late)
    assert (code, report["edition"]) == (0, 3)
    assert report["sources"][1]["blocks"] > 0  # the other one may give what both have, or be too slow for it


def test_an_older_edition_than_was_named_before_is_not_passed_off(bench: Bench) -> None:
    with Tower(bench) as tower:
        record = tower.record
        bench.publish(bench.write("two.md"))
        tower.hold(bench)
        assert verify(NEWEST, tower)[0] == 0
        tower.record = record
        code, report, err = verify(NEWEST, tower)
        assert (code, report) == (3, None)
        assert "nobody shows edition 3 of k51" in err
        assert "can be judged by itself: mirror verify ipfs://" in err
        assert verify(NEWEST, tower, more=("--no-memory", "--key", KEY.public.vkey))[0] == 0


def test_one_number_that_leads_to_two_trees_is_a_fork(bench: Bench, publish: Publish) -> None:
    other = publish("other", "another.md")
    with Tower(bench) as one, Tower(other) as two:
        code, report, err = verify(NEWEST, one, two)
        assert (code, report) == (1, None)
        assert "number 2 of this name leads to two trees" in err
        assert str(bench.head.root) in err
        assert str(other.head.root) in err
        assert verify(NEWEST, one)[0] == 0
        code, report, err = verify(NEWEST, two)
        assert (code, report) == (1, None)
        assert "a record that you saw before says" in err


def test_a_fork_behind_a_link_leaves_its_evidence(bench: Bench, publish: Publish) -> None:
    other = publish("other", "another.md", "third.md")
    with Tower(bench, other) as tower:
        assert verify(this(bench.head.root), tower)[0] == 0
        code, report, _ = verify(this(other.head.root), tower)
    assert (code, report["claims"]["append-only"]["state"]) == (1, "false")
    judged = run_mirror("verify", "--no-memory", "--key", KEY.public.vkey, report["evidence"])
    assert judged.code == 1
    assert "append-only  false" in judged.out


@pytest.mark.parametrize("lie", gateways.LIES, ids=lambda lie: lie.__name__)
def test_a_liar_is_named_and_shows_nothing_of_the_mirror(bench: Bench, lie: Lie) -> None:
    with Tower(bench, lies=lie) as liar, Tower(bench) as honest:
        code, report, err = verify(this(bench.head.root), liar, honest)
        assert code == 0, err
        alone, nothing, err = verify(this(bench.head.root), liar)
    named, helped = report["sources"]
    assert named["lied"]
    assert helped["lied"] is None
    assert (alone, nothing) == (3, None)
    assert f"{liar.url} lied" in err


def test_what_a_liar_says_moves_no_cursor(bench: Bench) -> None:
    def shout(fake: FakeGateway, line: Line, asked: gateways.Asked) -> None:
        answering(b"\x1b[2J\nkey holds\n", 500)(line)

    with Tower(bench, lies=shout) as liar, Tower(bench) as honest:
        finished = run_mirror("verify", "--gateway", liar.url, "--gateway", honest.url, this(bench.head.root))
    assert finished.code == 0
    assert "\x1b" not in finished.out + finished.err


def test_a_kept_copy_is_what_the_publisher_exports(bench: Bench) -> None:
    with Tower(bench) as tower:
        code, _, err = verify(NEWEST, tower, more=("--keep", "kept.car"))
    assert code == 0, err
    assert "wrote kept.car: " in err
    with Path("exported.car").open("wb") as file:
        carry.export(bench.head.root, bench.workspace.archive.blocks.get, file)
    assert Path("kept.car").read_bytes() == Path("exported.car").read_bytes()
    assert not Path("kept.car.part").exists()


def test_a_fetch_that_broke_off_goes_on(bench: Bench) -> None:
    with Tower(bench) as half, Tower(bench) as whole:
        half.blocks = dict(list(half.blocks.items())[: len(half.blocks) // 2])
        link = this(bench.head.root)
        assert verify(link, half, more=("--keep", "kept.car"))[:2] == (3, None)
        assert not Path("kept.car").exists()
        assert verify(link, whole, more=("--keep", "kept.car"))[0] == 0
    assert Path("kept.car").exists()
    again = {asked.cid for asked in whole.asked} & set(half.blocks)
    assert again == set()


def test_of_a_tree_that_is_false_nothing_is_kept(bench: Bench) -> None:
    with Tower(bench) as tower:
        tower.record = ipns.sign(Naming(KEY.public, bench.head.root, 7, naming.end_of_record(TODAY)), KEY)
        code, _, err = verify(NEWEST, tower, more=("--keep", "kept.car"))
    assert code == 1
    assert "kept.car is not written: something is false; what came is in kept.car.part" in err
    assert not Path("kept.car").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--keep", "there.car", NEWEST), 4, "there.car exists already and is not overwritten"),
        (("--keep", "new.car", "there.car"), 2, "--keep goes with the link of a whole mirror, which is fetched"),
        (("--keep", "new.car", "--from", "there.car", NEWEST), 2, "--keep goes with the link of a whole mirror"),
        (("--keep", "new.car", f"ipfs://{CID.of(DAG_PB, b'')}/note/00/00/00/01.txt"), 2, "--keep goes with"),
        (("--from", "there.car", "--gateway", "http://127.0.0.1:1", NEWEST), 2, "are different places to read from"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    bench: Bench, arguments: tuple[str, ...], code: int, words: str
) -> None:
    with Path("there.car").open("wb") as file:
        carry.export(bench.head.root, bench.workspace.archive.blocks.get, file)
    finished = run_mirror("verify", *arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err
