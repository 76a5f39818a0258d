"""`mirror reach`: who serves, who lies, who is silent and how; over real sockets, with real editions."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from daemons import Kubo
from gateways import Blocks, FakeGateway, Lie, a_tree, another_block, flip_a_bit, html
from listening import Line, Listener, answering
from storyteller import Finished, run_mirror
from strategies import KEY, NAMESAKE
from test_docs import documents
from workbench import Bench

from mirror import reach
from mirror.errors import Malformed, Missing, Unavailable, Unverified
from mirror.formats import ipns, link
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import MEDIA_TYPE, Naming
from mirror.formats.key import SecretKey
from mirror.formats.link import Link
from mirror.naming import Known
from mirror.store.archive import root_of
from mirror.store.blocks import Blocks as Stored

NAME = KEY.public.ipns
NEWEST = link.newest(KEY.public)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATE, PAST = date(datetime.now(UTC).year + 3, 12, 1), date(2025, 12, 1)
PAGES = 4
"""Blocks of an edition that are asked for: its index, charter, checkpoint and edition."""


@dataclass
class Made:
    """A mirror of three editions: all its blocks, and the roots by number."""

    blocks: Blocks
    roots: list[CID]
    cars: list[Path]

    @property
    def root(self) -> CID:
        return self.roots[-1]

    def up_to(self, number: int) -> Blocks:
        """The blocks of the editions up to this one."""
        with Stored(self.cars[:number]) as stored:
            return {cid: stored.get(cid) for cid in stored}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    bench = Bench(tmp_path_factory.mktemp("mirror"))
    for name in ("one.md", "two.md"):
        bench.start()
        bench.publish(bench.write(name, body=f"What happened in {name}."))
    cars = list(bench.workspace.archive.editions().values())
    found = Made({}, [root_of(car) for car in cars], cars)
    found.blocks = found.up_to(3)
    bench.workspace.archive.close()
    return found


def record(sequence: int, root: CID, until: date = LATE, signer: SecretKey = KEY) -> bytes:
    return ipns.sign(Naming(signer.public, root, sequence, until), signer)


# The flow, with holders in memory


@dataclass
class Holder:
    """Holds blocks, or fails with `error`; keeps records of names."""

    who: str = "somebody"
    blocks: Blocks = field(default_factory=dict)
    error: Exception | None = None
    record: bytes | None = None
    asked: list[CID] = field(default_factory=list)

    def block(self, cid: CID) -> bytes:
        self.asked.append(cid)
        if self.error is not None:
            raise self.error
        if cid not in self.blocks:
            raise Missing(f"{self.who} has none")
        return cid.check(self.blocks[cid])

    def get_name(self, key: CID) -> bytes:
        if self.error is not None:
            raise self.error
        if self.record is None:
            raise Missing(f"{self.who} has no record")
        return self.record


def ask(wanted: Link, *holders: Holder, known: tuple[Known, ...] = ()) -> list[reach.Answer]:
    ticks = count()
    return list(reach.reach(wanted, holders, holders, known, NOW, lambda: float(next(ticks))).answers)


def test_who_has_the_newest_edition_serves_it_and_little_is_asked(made: Made) -> None:
    holder = Holder(blocks=made.blocks, record=record(3, made.root))
    named, given = ask(NEWEST, holder)
    assert (named.asked, named.state, named.edition, named.root) == ("name", "serves", 3, made.root)
    assert (given.asked, given.state, given.edition, given.root) == ("blocks", "serves", 3, made.root)
    assert len(holder.asked) == PAGES
    assert given.size == sum(len(made.blocks[cid]) for cid in holder.asked)
    assert named.seconds == 1
    assert given.seconds > 1


def test_who_lacks_the_newest_is_asked_for_the_ones_that_others_named(made: Made) -> None:
    behind = Holder(blocks=made.up_to(2), record=record(2, made.roots[1]))
    given = ask(NEWEST, Holder(record=record(3, made.root)), behind, Holder())
    assert [(each.state, each.edition) for each in given] == [
        *(("serves", 3), ("serves", 2), ("none", None)),
        *(("none", None), ("serves", 2), ("none", None)),
    ]
    nowhere = [CID.of(DAG_PB, b"%d" % number) for number in range(4)]
    known = tuple(Known(10 + number, root, "memory") for number, root in enumerate(nowhere))
    lacking = Holder()
    ask(NEWEST, lacking, known=known)
    assert lacking.asked == nowhere[:0:-1]


def test_without_a_record_what_is_known_is_asked_for(made: Made) -> None:
    holder = Holder(blocks=made.blocks)
    assert [each.state for each in ask(NEWEST, holder, known=(Known(3, made.root, "memory"),))] == ["none", "serves"]
    assert [each.asked for each in ask(NEWEST, holder)] == ["name"]


def test_a_link_to_a_tree_is_about_that_tree(made: Made) -> None:
    holder = Holder(blocks=made.blocks, record=record(3, made.root))
    old = Link(link.IPFS, made.roots[0], "", KEY.public)
    assert [(each.asked, each.edition) for each in ask(old, holder)] == [("name", 3), ("blocks", 1)]
    assert [(each.asked, each.edition) for each in ask(Link(link.IPFS, made.root), holder)] == [("blocks", 3)]


@pytest.mark.parametrize(
    ("error", "state", "how"),
    [
        (Unavailable("somebody cannot be reached", how="reset"), "silent", "reset"),
        (Missing("somebody has none"), "none", ""),
        (Malformed("somebody sends a page"), "lies", ""),
    ],
)
def test_what_kept_somebody_from_serving_is_told_apart(error: Exception, state: str, how: str, made: Made) -> None:
    (given,) = ask(Link(link.IPFS, made.root), Holder(error=error))
    assert (given.state, given.how, given.words, given.edition) == (state, how, str(error), None)


def test_other_bytes_are_a_lie_and_half_an_edition_is_none(made: Made) -> None:
    holder = Holder(blocks=made.blocks)
    ask(Link(link.IPFS, made.root), holder)
    last = holder.asked[-1]
    (lied,) = ask(Link(link.IPFS, made.root), Holder(blocks=made.blocks | {last: b"other bytes"}))
    assert lied.state == "lies"
    without = {cid: data for cid, data in made.blocks.items() if cid != last}
    (half,) = ask(Link(link.IPFS, made.root), Holder(blocks=without))
    assert (half.state, half.root) == ("none", made.root)


def test_a_name_by_another_key_is_a_lie(made: Made) -> None:
    named, given = ask(Link(link.IPFS, made.root, "", KEY.public), Holder(record=record(9, made.root, signer=NAMESAKE)))
    assert (named.state, given.state) == ("lies", "none")
    named, _ = ask(NEWEST, Holder(record=record(2, made.roots[1], PAST), blocks=made.blocks))
    assert (named.state, named.edition) == ("ended", 2)


def test_true_blocks_that_are_no_edition_of_the_mirror_are_nobodys_lie(made: Made) -> None:
    blocks, root = a_tree()
    with pytest.raises(Unverified, match=rf"the tree {root} is no edition of this mirror: charter.txt is not"):
        ask(Link(link.IPFS, root), Holder(blocks=blocks))
    with pytest.raises(Unverified, match="no edition of this mirror"):
        ask(Link(link.IPFS, made.root, "", NAMESAKE.public), Holder(blocks=made.blocks))
    other = Link(link.IPNS, NAMESAKE.public.ipns)
    with pytest.raises(Unverified, match="of another key"):
        ask(other, Holder(blocks=made.blocks, record=record(3, made.root, signer=NAMESAKE)))


def test_who_takes_too_long_is_left(made: Made) -> None:
    ticks = count(step=reach.WITHIN)
    found = reach.reach(
        Link(link.IPFS, made.root), [], [Holder(blocks=made.blocks)], (), NOW, lambda: float(next(ticks))
    )
    (given,) = found.answers
    assert (given.state, given.how) == ("silent", "timed out")
    assert given.words == "somebody took longer than 180 seconds"


# The command, over sockets


class Site(FakeGateway):
    """A gateway that also keeps a record of the name; `lies` holds for blocks alone."""

    def __init__(self, blocks: Blocks, holds: bytes | None = None, lies: Lie | None = None) -> None:
        super().__init__(blocks, lies)
        self.holds = holds

    def _answer(self, line: Line) -> None:
        if not line.head.startswith(b"GET /ipfs/"):
            found = answering(b"", 404) if self.holds is None else answering(self.holds, Content_Type=MEDIA_TYPE)
            return found(line)
        return super()._answer(line)


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Site(*args, **options))


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_HOME", str(tmp_path / "reader"))
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path, code: int = 0) -> Finished:
    finished = run_mirror(*arguments)
    assert finished.code == code, finished
    return finished


def run_reach(wanted: Link, *urls: str, code: int = 0) -> Any:
    shown = run("--json", "reach", str(wanted), *(word for url in urls for word in ("--gateway", url)), code=code)
    return json.loads(shown.out)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_everyone_is_asked_and_shown(made: Made, site: Callable[..., Site]) -> None:
    honest, behind = site(made.blocks, record(3, made.root)), site(made.up_to(2), record(2, made.roots[1]))
    liar, wall, dead = site(made.blocks, b"nonsense", flip_a_bit), site({}), closed_port()
    wall.lies = lambda fake, line, asked: answering(b"not in this country", 451)(line)
    urls = [honest.url, behind.url, liar.url, wall.url, dead]
    shown = run("reach", str(NEWEST), *(word for url in urls for word in ("--gateway", url)))
    rows = [line.split("\t") for line in shown.out.split("\n") if "\t" in line]
    assert [row[:2] + row[3:4] for row in rows] == [
        *([url, "name", edition] for url, edition in zip(urls, ["3", "2", "", "", ""], strict=True)),
        *([url, "blocks", edition] for url, edition in zip(urls, ["3", "2", "", "", ""], strict=True)),
    ]
    answers = [row[2] for row in rows]
    assert answers[:2] == ["serves it", "serves it"]
    assert answers[2].startswith("lies: answers what is no record of this name: ")
    assert answers[3].startswith("has none: has no record of the name k51")
    assert answers[4] == answers[9] == "no answer (refused): cannot be reached: nobody listens there"
    assert answers[5:7] == ["serves it", "serves it"]
    assert answers[7].startswith("lies: ")
    assert answers[8] == "has none: answers HTTP 451"
    assert f"leads to      edition 3, {made.root}\nserved by     2 of 5 who were asked\n" in shown.out
    assert shown.err == f"asking 5 counterparts: {', '.join(urls)}\n"
    assert len(honest.asked) == PAGES


def test_the_document_says_the_same(made: Made, site: Callable[..., Site]) -> None:
    honest = site(made.blocks, record(3, made.root))
    given = run_reach(NEWEST, honest.url, closed_port())
    assert set(given) in documents("reach")
    assert (given["link"], given["name"]) == (str(NEWEST), str(NAME))
    assert given["newest"] == {"edition": 3, "index_hash": str(made.root), "until": ipns_end()}
    assert (given["older_than"], given["fork"]) == (None, None)
    served, refused = given["answers"][2:]
    assert {key: served[key] for key in ("who", "asked", "state", "how", "edition", "index_hash", "words")} == {
        "who": honest.url,
        "asked": "blocks",
        "state": "serves",
        "how": None,
        "edition": 3,
        "index_hash": str(made.root),
        "words": "",
    }
    assert served["bytes"] > 500
    assert (refused["state"], refused["how"], refused["edition"]) == ("silent", "refused", None)


def ipns_end() -> str:
    return datetime(LATE.year, LATE.month, LATE.day, tzinfo=UTC).isoformat()


@pytest.mark.parametrize("lie", [flip_a_bit, another_block, html])
def test_where_everyone_lies_nobody_serves(lie: Lie, made: Made, site: Callable[..., Site]) -> None:
    given = run_reach(Link(link.IPFS, made.root), site(made.blocks, lies=lie).url, code=3)
    assert [each["state"] for each in given["answers"]] == ["lies"]
    assert (given["name"], given["newest"]) == (None, None)


def test_cut_lines_and_what_is_no_http_are_told_apart(made: Made) -> None:
    with Listener(Line.reset) as cut, Listener(lambda line: line.say(b"220 mail\r\n\r\n")) as mail:
        given = run_reach(Link(link.IPFS, made.root), cut.url, mail.url, code=3)
    assert [each["how"] for each in given["answers"]] == ["reset", "not HTTP"]


def test_a_fork_of_the_name_is_a_verdict(made: Made, site: Callable[..., Site]) -> None:
    other = site(made.blocks, record(3, made.roots[1]))
    given = run_reach(NEWEST, site(made.blocks, record(3, made.root)).url, other.url, code=1)
    assert given["fork"].startswith("number 3 of this name leads to two trees")


def test_a_name_that_leads_to_no_mirror_is_a_verdict(made: Made, site: Callable[..., Site]) -> None:
    blocks, root = a_tree()
    shown = run("reach", str(NEWEST), "--gateway", site(blocks, record(9, root)).url, code=1)
    assert f"the tree {root} is no edition of this mirror" in shown.err


def test_an_edition_that_was_seen_and_nobody_has_leaves_it_open(
    made: Made, site: Callable[..., Site], tmp_path: Path
) -> None:
    blocks, behind = site(made.up_to(2), record(2, made.roots[1])), str(NEWEST)
    run("trust", made.cars[0].parent.parent, "--yes")
    run("verify", made.cars[0].parent.parent)
    given = run_reach(NEWEST, blocks.url, code=3)
    assert given["older_than"] == {"edition": 3, "index_hash": str(made.root)}
    blocks.blocks = made.blocks
    assert run_reach(NEWEST, blocks.url)["older_than"] == {"edition": 3, "index_hash": str(made.root)}
    assert "older         what you verified before has edition 3" in run("reach", behind, "--gateway", blocks.url).out


def test_a_node_is_asked_for_what_it_has_at_home(made: Made, kubo: Kubo) -> None:
    at = ("reach", f"ipfs://{made.root}", "--at", kubo.address, "--gateway", closed_port())
    shown = run(*at, code=3)
    assert "\tblocks\thas none: does not hold block" in shown.out
    kubo.run("dag", "import", "--pin-roots=false", *map(str, made.cars))
    shown = run(*at)
    assert "\tblocks\tserves it\t3\t" in shown.out
    proxied = run("--proxy", "socks5h://127.0.0.1:1", *at, code=3)
    assert "\tno answer (left out): is left out: a proxy is set" in proxied.out
    run("--proxy", "socks5h://127.0.0.1:1", *at, "--node-shows-its-address")


def test_gateways_are_those_of_the_settings_or_of_the_link(
    made: Made, site: Callable[..., Site], tmp_path: Path
) -> None:
    one, other = site(made.blocks), site(made.blocks)
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "mirror.toml").write_text(f'gateways = ["{one.url}"]\n')
    assert [each["who"] for each in run_reach(Link(link.IPFS, made.root))["answers"]] == [one.url]
    shown = run("reach", f"{other.url}/ipfs/{made.root}")
    assert shown.err == f"asking 1 counterpart: {other.url}\n"
    shown = run("--proxy", "socks5h://127.0.0.1:1", "reach", str(NEWEST), "--gateway", "http://gateway.test", code=3)
    assert "\tno answer (proxy): cannot be reached: the proxy socks5h://127.0.0.1:1 does not answer\t" in shown.out


def test_wrong_usage() -> None:
    assert "the link: not a link" in run("reach", "ftp://x", "--gateway", "http://127.0.0.1:1", code=2).err
    assert "--gateway x: not an address" in run("reach", str(NEWEST), "--gateway", "x", code=2).err
