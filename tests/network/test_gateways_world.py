"""Many gateways of which most lie, hang or are gone: what is fetched is right, whole, asked once, and says who lied."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import gateways as dishonest
import pytest
from gateways import FAULTS, LIES, Blocks, FakeGateway, Lie, a_tree, below, in_turn, status
from listening import answering

from mirror.errors import Missing, Refused, Unavailable
from mirror.formats import unixfs
from mirror.formats.cid import CID, DAG_PB
from mirror.network import fetch as fetching
from mirror.network import standing as standings
from mirror.network.gateways import Gateway, Gateways, InMemory
from mirror.network.http import Route

BLOCKS, ROOT = a_tree()
LETTERS = [cid for cid in below(BLOCKS, ROOT) if cid.codec != DAG_PB]
NOWHERE = CID.of_raw(b"nowhere")

World = Callable[..., tuple[list[FakeGateway], Gateways]]


@pytest.fixture
def world() -> Iterator[World]:
    """Makes gateways that lie so, None for an honest one, and what asks them all."""
    with ExitStack() as stack:

        def make(
            *ways: Lie | None, blocks: Blocks = BLOCKS, silence: float = 20, read: float = 5
        ) -> tuple[list[FakeGateway], Gateways]:
            fakes = [stack.enter_context(FakeGateway(blocks, way)) for way in ways]
            gateways = Gateways([fake.gateway(read=read) for fake in fakes], time.monotonic, silence=silence)
            stack.callback(gateways.__exit__)
            return fakes, gateways

        yield make


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are not slept over."""
    monkeypatch.setattr(standings, "PAUSE", 0.01)
    monkeypatch.setattr("mirror.network.gateway.REST", 0.01)


def fetch(gateways: Gateways, **options: object) -> Blocks:
    keep = InMemory()
    gateways.fetch(ROOT, keep, **options)  # type: ignore[arg-type]
    return keep


# The dishonest world


def test_nineteen_lie_and_one_is_honest(world: World, hasty: None) -> None:
    liars = [*LIES, *FAULTS, status(451), status(404)]
    fakes, gateways = world(*liars[: 19 - len(liars)] if len(liars) > 19 else liars, None)
    assert len(fakes) == 20
    assert fetch(gateways) == BLOCKS
    told = {each.who: each for each in gateways.told}
    for fake in fakes:
        if fake.lies in LIES and fake.asked:
            assert told[fake.url].lied
            assert (told[fake.url].blocks, len(fake.asked)) <= (2, standings.LINES)
        elif fake.lies in FAULTS and fake.asked:
            assert told[fake.url].failed or told[fake.url].blocks
    assert told[fakes[-1].url].blocks > len(BLOCKS) / 2
    assert not told[fakes[-1].url].lied + told[fakes[-1].url].failed


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_liar_is_named_and_asked_no_more(world: World, lie: Lie) -> None:
    fakes, gateways = world(lie, None)
    assert gateways.get(LETTERS[0]) == BLOCKS[LETTERS[0]]
    asked = len(fakes[0].asked)
    assert fetch(gateways) == BLOCKS
    assert gateways.get(LETTERS[1]) == BLOCKS[LETTERS[1]]
    assert len(fakes[0].asked) == asked == 1
    liar, honest = gateways.told
    assert (liar.who, liar.blocks, liar.size) == (fakes[0].url, 0, 0)
    assert liar.lied.isprintable()
    assert liar.lied
    assert (honest.lied, honest.failed, honest.blocks) == ("", "", len(BLOCKS) + 2)


def test_where_nobody_is_honest_nothing_false_is_kept(world: World, hasty: None) -> None:
    _, gateways = world(*LIES, status(451), status(503), dishonest.hangs_up)
    keep = InMemory()
    with pytest.raises(Unavailable, match=f"block {ROOT} could not be had: .* lied; ") as raised:
        gateways.fetch(ROOT, keep)
    assert "--gateway URL" in raised.value.hint
    assert keep == {}


def test_where_all_hang_it_ends(world: World) -> None:
    _, gateways = world(dishonest.hangs, dishonest.drip, silence=0.7)
    with pytest.raises(Unavailable, match=r"nothing that verifies came for 1 seconds: http"):
        fetch(gateways)


def test_a_flood_of_what_is_held_is_silence(world: World) -> None:
    """Blocks that are here already keep nobody waiting."""
    _, gateways = world(dishonest.hangs, silence=0.7)
    keep = InMemory({ROOT: BLOCKS[ROOT]})
    with pytest.raises(Unavailable, match="nothing that verifies came"):
        gateways.fetch(ROOT, keep)
    assert list(keep) == [ROOT]


# What is asked, and of whom


def test_a_tree_costs_few_requests(world: World) -> None:
    (fake,), gateways = world(None)
    assert fetch(gateways) == BLOCKS
    assert len(fake.forms("car")) + len(fake.forms("raw")) <= 3


def test_an_interrupted_fetch_goes_on(world: World, hasty: None) -> None:
    keep = InMemory()
    (fake,), gateways = world(in_turn(FakeGateway.honest, dishonest.breaks_off, status(403)))
    with pytest.raises(Unavailable):
        gateways.fetch(ROOT, keep)
    held = dict(keep)
    assert 0 < len(held) < len(BLOCKS)
    (fake,), gateways = world(None)
    gateways.fetch(ROOT, keep)
    assert keep == BLOCKS
    asked = fake.forms("raw") + fake.forms("car")
    assert not held.keys() & asked
    assert max(Counter(asked).values()) == 1


def test_what_is_held_is_asked_of_nobody(world: World) -> None:
    (fake,), gateways = world(None)
    gateways.fetch(ROOT, InMemory(BLOCKS))
    assert fake.asked == []


@pytest.mark.parametrize("held", range(0, len(BLOCKS), 3))
def test_whatever_is_held_the_rest_is_fetched(world: World, held: int) -> None:
    """Also where a folder is missing that leads to folders that are held, and these to what is missing."""
    order = below(BLOCKS, ROOT)[::-1]
    keep = InMemory({cid: BLOCKS[cid] for cid in order[held::2]})
    _, gateways = world(None)
    gateways.fetch(ROOT, keep)
    assert keep == BLOCKS


def test_each_block_is_put_once(world: World) -> None:
    class Once(InMemory):
        def put(self, cid: CID, data: bytes) -> None:
            assert cid not in self
            super().put(cid, data)

    _, gateways = world(dishonest.breaks_off, None, dishonest.cut_neatly, None)
    keep = Once()
    gateways.fetch(ROOT, keep)
    assert keep == BLOCKS


def test_sparse_asks_for_single_blocks(world: World) -> None:
    (fake,), gateways = world(None)
    assert fetch(gateways, sparse=True) == BLOCKS
    assert Counter(fake.forms("raw")) == Counter(BLOCKS.keys())
    assert fake.forms("car") == []


def test_what_is_complete_elsewhere_is_passed_over(world: World) -> None:
    folders = [link.cid for link in unixfs.open_folder(BLOCKS[unixfs.open_folder(BLOCKS[ROOT])[0].cid])]
    elsewhere = set(below(BLOCKS, folders[0]))
    for sparse in (True, False):
        (fake,), gateways = world(None)
        assert fetch(gateways, complete=folders[0].__eq__, sparse=sparse).keys() == BLOCKS.keys() - elsewhere
        assert folders[0] not in fake.forms("raw") + fake.forms("car")


def test_large_files_come_block_by_block_from_several(world: World) -> None:
    blocks, root = a_tree(letters=3, attachment=6 << 20)
    fakes, gateways = world(None, None, None, blocks=blocks)
    keep = InMemory()
    gateways.fetch(root, keep)
    assert keep == blocks
    leaves = {cid for cid, data in blocks.items() if len(data) == 1 << 20}
    assert leaves <= {cid for fake in fakes for cid in fake.forms("raw")}


def test_who_gives_no_cars_gives_blocks(world: World) -> None:
    def only_raw(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
        (answering(b"", 406) if asked.form == "car" else lambda line: fake.honest(line, asked))(line)

    (fake,), gateways = world(only_raw)
    assert fetch(gateways) == BLOCKS
    asked = len(fake.forms("car"))
    assert asked <= standings.LINES
    keep = InMemory()
    gateways.along(ROOT, ["notes"], keep)
    assert keep == {}
    assert len(fake.forms("car")) == asked
    assert gateways.told[0].failed == ""


def test_a_car_that_breaks_is_not_asked_for_again(world: World, hasty: None) -> None:
    def broken(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
        (status(500) if asked.form == "car" else FakeGateway.honest)(fake, line, asked)

    _, gateways = world(broken)
    assert fetch(gateways) == BLOCKS


def test_who_is_gone_costs_no_car(world: World, hasty: None) -> None:
    """What a dead gateway was sent for is had from another one as it would have been without it."""
    (_, _, honest), gateways = world(dishonest.hangs_up, dishonest.flip_a_bit, None)
    gateways.get(LETTERS[0])
    assert fetch(gateways) == BLOCKS
    assert len(honest.forms("raw")) + len(honest.forms("car")) <= 4


def test_an_answer_that_leaves_out_blocks_is_made_whole(world: World, hasty: None) -> None:
    def gaps(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
        sections = fake.sections(asked)
        body = sections[0][1] if asked.form == "raw" else dishonest.car_of(asked.cid, sections[:3])
        dishonest._say(line, asked, body)

    _, gateways = world(gaps)
    assert fetch(gateways) == BLOCKS
    assert gateways.told[0].failed.endswith("leaves out blocks without saying so")


# Absence and failure


def test_missing_is_what_all_say(world: World, hasty: None) -> None:
    _, gateways = world(None, None)
    with pytest.raises(Missing, match=f"block {NOWHERE} is nowhere: http.* does not have it; http"):
        gateways.get(NOWHERE)
    _, gateways = world(None, dishonest.hangs_up)
    with pytest.raises(Unavailable, match=f"block {NOWHERE} could not be had: http.* cannot be reached"):
        gateways.get(NOWHERE)
    _, gateways = world()
    with pytest.raises(Unavailable, match="could not be had: no gateway is named"):
        gateways.get(ROOT)


def test_what_one_lacks_another_has(world: World) -> None:
    half = {cid: BLOCKS[cid] for cid in below(BLOCKS, ROOT)[::2]}
    rest = {cid: data for cid, data in BLOCKS.items() if cid not in half}
    fakes, gateways = world(None, None)
    fakes[0].blocks, fakes[1].blocks = half, rest
    assert fetch(gateways) == BLOCKS
    assert all(each.blocks for each in gateways.told)
    assert not any(each.lied for each in gateways.told)


def test_all_else_is_fetched_before_a_gap_is_told(world: World) -> None:
    gap = LETTERS[3]
    _, gateways = world(None, blocks={cid: data for cid, data in BLOCKS.items() if cid != gap})
    keep = InMemory()
    with pytest.raises(Missing, match=f"block {gap} is nowhere"):
        gateways.fetch(ROOT, keep)
    assert keep.keys() == BLOCKS.keys() - {gap}


def test_several_gaps_are_counted(world: World) -> None:
    _, gateways = world(None, blocks={cid: data for cid, data in BLOCKS.items() if cid not in LETTERS[:5]})
    with pytest.raises(Missing, match=r"\(and 4 more\)"):
        fetch(gateways)


def test_a_failure_may_pass(world: World, hasty: None) -> None:
    _, gateways = world(in_turn(dishonest.hangs_up, status(500), FakeGateway.honest))
    assert fetch(gateways) == BLOCKS


def test_who_fails_thrice_is_left(world: World, hasty: None) -> None:
    (fake, _), gateways = world(dishonest.hangs_up, None)
    for letter in LETTERS[:12]:
        gateways.get(letter)
    with pytest.raises(Unavailable):
        gateways.get(NOWHERE)
    assert len(fake.asked) == standings.STRIKES
    assert "the line was cut" in gateways.told[0].failed


def test_who_fails_at_once_is_not_asked_faster_than_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """While many blocks wait to be taken, no more lines are begun than may be."""
    begun: Counter[str] = Counter()

    class Counting(Gateway):
        def block(self, cid: CID) -> bytes:
            begun[self.who] += 1
            return super().block(cid)

        def below(self, cid: CID) -> Iterator[tuple[CID, bytes]]:
            begun[self.who] += 1
            return super().below(cid)

    blocks, root = a_tree(letters=1500, a_folder=30)
    monkeypatch.setattr(fetching, "WHOLE_AT_MOST", 30_000)
    with FakeGateway(blocks) as honest:
        nobody = "http://127.0.0.1:1"
        peers = [Route(clock=time.monotonic).open("", url) for url in (nobody, honest.url)]
        with Gateways([Counting(peer, time.monotonic) for peer in peers], time.monotonic) as gateways:
            keep = InMemory()
            gateways.fetch(root, keep)
    assert keep == blocks
    assert begun[nobody] <= standings.LINES * standings.STRIKES


@pytest.mark.parametrize("ways", [(None, dishonest.hangs), (dishonest.flip_a_bit, None), (status(404), None)])
def test_no_line_stays_in_use(world: World, ways: tuple[Lie | None, ...]) -> None:
    fakes, gateways = world(*ways)
    for letter in LETTERS[:20]:
        assert gateways.get(letter) == BLOCKS[letter]
    assert fetch(gateways) == BLOCKS
    for fake in fakes:
        fake.over.set()
    until = time.monotonic() + 10
    while any(each.lines for each in gateways._standings) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(each.lines for each in gateways._standings)


def test_lines_that_break_together_are_one_failure(world: World, hasty: None) -> None:
    ready = threading.Barrier(standings.LINES)

    def together(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
        if len(fake.asked) == 1 or len(fake.asked) > standings.LINES + 1:
            FakeGateway.honest(fake, line, asked)
            return
        ready.wait(10)
        line.reset()

    blocks, root = a_tree(letters=0, attachment=0)
    leaves = {CID.of_raw(data): data for data in (bytes([n]) * 10 for n in range(8))}
    folder = unixfs.folder([unixfs.Link(str(n), cid, 10) for n, cid in enumerate(leaves)])
    root = CID.of(DAG_PB, folder)
    blocks = leaves | {root: folder}
    _, gateways = world(together, blocks=blocks)
    keep = InMemory()
    gateways.fetch(root, keep, sparse=True)
    assert keep == blocks


def test_retry_after_is_heeded(world: World) -> None:
    (fake,), gateways = world(in_turn(status(429, Retry_After="1"), FakeGateway.honest))
    begun = time.monotonic()
    assert gateways.get(LETTERS[0]) == BLOCKS[LETTERS[0]]
    assert time.monotonic() - begun >= 1
    assert len(fake.asked) == 2


def test_nobody_waits_for_who_wants_peace_for_long(world: World) -> None:
    _, gateways = world(status(429, Retry_After="3600"), silence=20)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="HTTP 429"):
        gateways.get(LETTERS[0])
    assert time.monotonic() - begun < 10
    (fake, _), gateways = world(status(429, Retry_After="3600"), None)
    assert fetch(gateways) == BLOCKS
    assert len(fake.asked) == 1


# Hedging


@pytest.mark.parametrize("way", [dishonest.hangs, dishonest.drip])
def test_a_gateway_that_hangs_holds_nothing_up(world: World, way: Lie) -> None:
    (slow, _), gateways = world(way, None, read=60)
    begun = time.monotonic()
    assert fetch(gateways) == BLOCKS
    assert time.monotonic() - begun < 10
    assert slow.asked
    assert "had sent nothing after" in gateways.told[0].failed
    assert gateways.told[0].blocks == 0


def test_two_gateways_that_break_off_leave_no_gap(world: World, hasty: None) -> None:
    """What one line brought and the other did not is not forgotten when both break."""
    order = below(BLOCKS, ROOT)

    def first_few(count: int) -> Lie:
        def lie(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
            if asked.form == "raw" or asked.cid != order[1]:
                FakeGateway.honest(fake, line, asked)
                return
            dishonest._begin(line, asked, "Content-Length: 1000000\r\n")
            line.say(dishonest.car_of(asked.cid, fake.sections(asked)[:count]))
            fake.over.wait(0.8 + count / 10)
            line.reset()

        return lie

    for counts in ((7, 1), (1, 7), (4, 4), (0, 5)):
        _, gateways = world(*map(first_few, counts))
        assert fetch(gateways) == BLOCKS


def test_what_came_meanwhile_is_not_asked_for(world: World) -> None:
    (fake,), gateways = world(None)
    keep = InMemory()
    fetch = fetching.Fetch(gateways._standings, time.monotonic, 20, keep)
    fetch._waiting.extend(fetch._errands(fetch._sift([(cid, None) for cid in LETTERS[:3]])))
    keep[LETTERS[1]] = BLOCKS[LETTERS[1]]
    fetch._go_on()
    assert sorted(fake.forms("raw")) == sorted([LETTERS[0], LETTERS[2]])
    assert keep.keys() == set(LETTERS[:3])


def test_what_is_left_of_an_errand_goes_to_others_and_late_blocks_are_taken() -> None:
    """By hand, step by step: a line brings a folder and stalls; what it still brings counts as long as it is new."""
    gateways = [Gateway(Route().open("", f"http://127.0.0.1:{port}"), time.monotonic) for port in (1, 2)]
    slow, other = (standings.Standing(gateway) for gateway in gateways)
    keep = InMemory()
    fetch = fetching.Fetch([slow, other], lambda: 0.0, 20, keep)
    order = below(BLOCKS, ROOT)
    errand = fetch._errand(order[1], 1000, True)
    fetch._known.add(order[1])
    line = fetching.Line(errand, slow, 0, 0, True)
    errand.lines.append(line)
    fetch._running[errand] = None
    fetch._take_block(line, order[1], BLOCKS[order[1]], 0)
    folders = list(errand.owes)
    assert set(folders) == {link.cid for link in unixfs.open_folder(BLOCKS[order[1]])}
    fetch._split(errand)
    assert [each.cid for each in fetch._waiting][::-1] == folders
    assert all(each.slow == {slow} and each.whole for each in fetch._waiting)
    assert fetch._choose(fetch._waiting[0], 0) is other
    other.strikes = 1
    assert fetch._choose(fetch._waiting[0], 0) is other
    assert errand not in fetch._running
    fetch._take_block(line, folders[0], BLOCKS[folders[0]], 0)
    assert folders[0] in keep
    assert not line.over.is_set()
    letters = [link.cid for link in unixfs.open_folder(BLOCKS[folders[0]])]
    assert {each.cid for each in fetch._waiting} == {*folders, *letters}
    fetch._take_block(line, folders[0], BLOCKS[folders[0]], 0)
    assert line.over.is_set()  # that one is here: somebody else brought it


def test_who_is_free_goes_on_while_others_rest(world: World) -> None:
    """Blocks that only a resting gateway may have hold up nothing that a free one has."""
    there, gone = LETTERS[:8], [CID.of_raw(bytes([number])) for number in range(8)]
    _, gateways = world(None, None)
    resting = gateways._standings[1]
    resting.gateway.rest_until = time.monotonic() + 20
    keep = InMemory()
    fetch = fetching.Fetch(gateways._standings, time.monotonic, 30, keep)
    fetch.follow = False
    fetch._waiting.extend(fetch._errands(fetch._sift([(cid, None) for cid in [*gone, *there]])))
    fetch.progress = lambda size, blocks: _leave(blocks == len(there))
    with pytest.raises(_Left):
        fetch._go_on()
    assert keep.keys() == set(there)


class _Left(Exception):
    pass


def _leave(now: bool) -> None:
    if now:
        raise _Left


def test_a_block_clears_the_strikes(world: World, hasty: None) -> None:
    _, gateways = world(in_turn(dishonest.hangs_up, status(500), FakeGateway.honest, status(500), FakeGateway.honest))
    for letter in LETTERS[:2]:
        assert gateways.get(letter) == BLOCKS[letter]
    assert not gateways._standings[0].out


def test_no_thread_is_left_waiting(world: World) -> None:
    before = threading.active_count()
    with ExitStack() as stack:
        fakes = [FakeGateway(BLOCKS, way) for way in (dishonest.hangs, dishonest.drip, None)]
        gateways = Gateways([fake.gateway(read=60) for fake in fakes], time.monotonic)
        for fake in fakes:
            stack.enter_context(fake)
        with gateways:
            assert fetch(gateways) == BLOCKS
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.02)
    assert threading.active_count() <= before


# Bounds


def test_more_than_was_granted_is_refused(world: World) -> None:
    size = sum(map(len, BLOCKS.values()))
    _, gateways = world(None)
    assert fetch(gateways, at_most=size) == BLOCKS
    with pytest.raises(Refused, match=f"more than {size - 1} bytes came"):
        fetch(gateways, at_most=size - 1)
    with pytest.raises(Refused, match="more than 10 bytes came"):
        gateways.along(ROOT, ["notes"], InMemory(), at_most=10)


def test_progress_counts_what_is_new(world: World) -> None:
    _, gateways = world(None)
    told: list[tuple[int, int]] = []
    fetch(gateways, progress=lambda size, blocks: told.append((size, blocks)))
    assert told[-1] == (sum(map(len, BLOCKS.values())), len(BLOCKS))
    assert [blocks for _, blocks in told] == list(range(1, len(BLOCKS) + 1))
    size = sum(each.size for each in gateways.told)
    assert size == told[-1][0]


def test_a_thin_line_is_not_choked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large blocks only as many are asked for as come through in time."""
    now = [0.0]
    fetch = fetching.Fetch([], lambda: now[0], 1, InMemory())
    large = fetching.Errand(ROOT, 1 << 20)
    assert fetch._has_room(large, 0)
    fetch._running[large] = None
    assert not fetch._has_room(large, 0)
    fetch._size = 100_000
    assert not fetch._has_room(large, 1.0)
    assert fetch._has_room(large, 0.2)
    large.came = 900_000
    assert not fetch._has_room(large, 1.0)
    assert fetch._has_room(fetching.Errand(ROOT, 1000), 1.0)


def test_patience_grows_with_what_is_asked_and_how_often(world: World) -> None:
    _, gateways = world(None)
    (standing,) = gateways._standings
    fetch = fetching.Fetch([standing], lambda: 0.0, 1, InMemory())

    def patience(size: int, lines: int = 1, *, whole: bool = False) -> float:
        errand = fetching.Errand(ROOT, size, whole=whole)
        errand.lines = [fetching.Line(errand, standing, 0, 0, whole) for _ in range(lines)]
        return fetch._patience(errand, 10.0)

    assert patience(1 << 20) == patience(1, 5) == fetching.HEDGE  # nobody has answered yet: whoever is there
    standing.took(0.4)
    standing.served(1000)
    assert patience(1) == 0.8
    assert patience(1, 3) == 3.2
    assert patience(1, 9) == fetching.HEDGE_AT_MOST
    fetch._size = 1_000_000
    assert patience(200_000) == 4.0
    assert patience(200_000, whole=True) == 0.8
    assert patience(1 << 21) == fetching.HEDGE_AT_MOST
    standing.took(0.0)
    standing.took(0.0)
    assert patience(1) == fetching.HEDGE


# Along a path


def test_a_path_takes_one_request(world: World) -> None:
    (fake,), gateways = world(None)
    keep = InMemory()
    gateways.along(ROOT, ["notes", "000008", "000009.txt"], keep)
    assert len(keep) == 4
    assert [(asked.cid, asked.path, asked.form) for asked in fake.asked] == [
        (ROOT, ("notes", "000008", "000009.txt"), "car")
    ]


def test_liars_along_a_path_are_named_and_another_is_asked(world: World, hasty: None) -> None:
    fakes, gateways = world(*LIES, *FAULTS, None, read=1)
    keep = InMemory()
    gateways.along(ROOT, ["notes", "000008", "000009.txt"], keep)
    assert len(keep) == 4
    assert keep.items() <= BLOCKS.items()
    told = gateways.told
    assert all(each.lied for each, fake in zip(told, fakes, strict=True) if fake.lies in LIES and fake.asked)


def test_where_nobody_sends_a_path_nothing_is_said(world: World, hasty: None) -> None:
    _, gateways = world(status(404), dishonest.html, status(400))
    keep = InMemory()
    gateways.along(ROOT, ["notes"], keep)
    gateways.along(ROOT, ["notes"], keep)
    assert keep == {}


def test_a_name_that_is_its_own_block_is_asked_of_nobody(world: World) -> None:
    (fake,), gateways = world(None)
    identity = CID(b"\x01\x55\x00\x02hi")
    assert gateways.get(identity) == b"hi"
    assert fake.asked == []


def test_what_is_no_gateways_fault_is_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, gateways = world(None)

    def fail(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("mirror.network.gateway.Gateway.block", fail)
    with pytest.raises(ZeroDivisionError):
        gateways.get(LETTERS[0])
