"""One gateway, asked directly: what it says to each lie, and how much of one it takes in."""

from collections.abc import Iterator

import gateways as dishonest
import pytest
from gateways import FAULTS, LIES, FakeGateway, a_tree, below, status
from listening import answering

from mirror.errors import BadBlock, Malformed, Missing, Unavailable
from mirror.formats import unixfs
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB
from mirror.network import gateway as gateways
from mirror.network.gateway import RAW_TYPE, Gateway

BLOCKS, ROOT = a_tree(attachment=3 << 20)
LETTER = next(cid for cid in below(BLOCKS, ROOT) if cid.codec == 0x55)


@pytest.fixture
def fake() -> Iterator[FakeGateway]:
    with FakeGateway(BLOCKS) as fake:
        yield fake


@pytest.fixture
def gateway(fake: FakeGateway) -> Iterator[Gateway]:
    with fake.gateway() as gateway:
        yield gateway


def test_an_honest_one_gives_blocks_and_trees(fake: FakeGateway, gateway: Gateway) -> None:
    assert gateway.block(LETTER) == BLOCKS[LETTER]
    assert gateway.block(ROOT) == BLOCKS[ROOT]
    assert dict(gateway.below(ROOT)) == BLOCKS
    assert list(gateway.below(LETTER)) == [(LETTER, BLOCKS[LETTER])]
    assert [each.form for each in fake.asked] == ["raw", "raw", "car", "car"]


def test_what_is_asked_is_what_the_specification_says(fake: FakeGateway, gateway: Gateway) -> None:
    gateway.block(LETTER)
    list(gateway.below(ROOT))
    list(gateway.along(ROOT, ["notes", "000008"]))
    assert [head.split(b"\r\n")[0].decode() for head in fake.heads] == [
        f"GET /ipfs/{LETTER}?format=raw HTTP/1.1",
        f"GET /ipfs/{ROOT}?format=car&dag-scope=all&car-order=dfs&car-dups=n HTTP/1.1",
        f"GET /ipfs/{ROOT}/notes/000008?format=car&dag-scope=entity&car-order=dfs&car-dups=n HTTP/1.1",
    ]
    assert [headers["accept"] for headers in fake.headers[:2]] == [
        "application/vnd.ipld.raw",
        "application/vnd.ipld.car; version=1; order=dfs; dups=n",
    ]


def test_a_path_costs_its_blocks(fake: FakeGateway, gateway: Gateway) -> None:
    found = dict(gateway.along(ROOT, ["notes", "000008", "000009.txt"]))
    assert len(found) == 4
    assert b"letter 9\n" * 20 in found.values()
    picture = dict(gateway.along(ROOT, ["picture"]))
    assert len(picture) == 5  # the root, the file, its three leaves
    assert unixfs.parse(BLOCKS[ROOT]).links[1].name == "picture"
    folder = dict(gateway.along(ROOT, ["notes"]))
    assert len(folder) == 2


def test_along_a_path_nothing_else_is_taken(fake: FakeGateway, gateway: Gateway) -> None:
    everything = dishonest.car_of(ROOT, [(cid, BLOCKS[cid]) for cid in below(BLOCKS, ROOT)])
    fake.lies = lambda fake, line, asked: answering(everything, Content_Type=gateways.CAR_TYPE)(line)
    taken = []
    with pytest.raises(Malformed, match="which nothing leads to"):
        taken.extend(gateway.along(ROOT, ["notes", "000008", "000009.txt"]))
    with pytest.raises(Malformed, match="which nothing leads to"):
        list(gateway.along(ROOT, ["notes"]))


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("form", ["raw", "car"])
def test_lies_are_noticed(fake: FakeGateway, gateway: Gateway, lie: dishonest.Lie, form: str) -> None:
    fake.lies = lie
    with pytest.raises((BadBlock, Malformed)) as raised:
        _ask(gateway, form)
    assert raised.value.message.isprintable()


@pytest.mark.parametrize("lie", [each for each in FAULTS if each is not dishonest.drip])
@pytest.mark.parametrize("form", ["raw", "car"])
def test_faults_are_no_lies(fake: FakeGateway, gateway: Gateway, lie: dishonest.Lie, form: str) -> None:
    fake.lies = lie
    with fake.gateway(read=0.3) as hasty, pytest.raises(Unavailable):
        _ask(hasty, form)


def _ask(gateway: Gateway, form: str) -> None:
    if form == "raw":
        gateway.block(LETTER)
    else:
        for cid, data in gateway.below(ROOT):
            assert BLOCKS[cid] == data


@pytest.mark.parametrize("form", ["raw", "car"])
def test_a_drip_is_left(fake: FakeGateway, gateway: Gateway, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "PATIENCE", 0.5)
    monkeypatch.setattr(gateways, "BLOCK_WITHIN", 0.5)
    fake.lies = dishonest.drip
    with pytest.raises(Unavailable, match=r"sends \d bytes in \d seconds|in time") as raised:
        _ask(gateway, form)
    assert raised.value.how == "timed out"


def test_pace_is_measured_anew() -> None:
    moments = iter([0.0, 19.0, 20.0, 20.0, 30.0, 41.0])
    paced = Gateway(_nobody(), lambda: next(moments))._paced
    pieces = [b"x" * 10, b"x" * 20470, b"x" * 10, b"x" * 10]
    taken = []
    with pytest.raises(Unavailable, match="sends 20 bytes in 21 seconds"):
        taken.extend(paced(iter(pieces)))
    assert taken == pieces[:3]


def _nobody() -> object:
    class Nobody:
        who = "nobody"

    return Nobody()


@pytest.mark.parametrize("code", [404, 410, 451])
def test_to_have_none_is_its_own_answer(fake: FakeGateway, gateway: Gateway, code: int) -> None:
    fake.lies = status(code)
    for form in ("raw", "car"):
        with pytest.raises(Missing, match=f"^{fake.url} answers HTTP {code}$"):
            _ask(gateway, form)
    assert gateway.rest_until == 0.0


@pytest.mark.parametrize(
    ("code", "said", "rest"),
    [
        (429, {"Retry_After": "7"}, 7.0),
        (503, {"Retry_After": "7000"}, 7000.0),
        (429, {}, gateways.REST),
        (429, {"Retry_After": "-7"}, gateways.REST),
        (429, {"Retry_After": "Thu, 01 Jan 2026 00:00:00 GMT"}, gateways.REST),
        (429, {"Retry_After": "9" * 30}, gateways.REST),
    ],
)
def test_who_is_busy_is_left_in_peace(fake: FakeGateway, code: int, said: dict[str, str], rest: float) -> None:
    fake.lies = status(code, **said)
    gateway = Gateway(fake.gateway()._peer, lambda: 100.0)
    with gateway, pytest.raises(Unavailable, match=f"answers HTTP {code}"):
        gateway.block(LETTER)
    assert gateway.rest_until == 100.0 + rest


def test_a_block_may_be_as_long_as_the_network_carries() -> None:
    longest, longer = bytes(BLOCK_AT_MOST), bytes(BLOCK_AT_MOST + 1)
    blocks = {CID.of_raw(data): data for data in (longest, longer)}
    with FakeGateway(blocks) as fake, fake.gateway() as gateway:
        assert gateway.block(CID.of_raw(longest)) == longest
        with pytest.raises(Malformed, match=f"sends more than {BLOCK_AT_MOST} bytes as one block"):
            gateway.block(CID.of_raw(longer))


def test_refusals_are_read_a_little_and_the_line_is_used_again(fake: FakeGateway, gateway: Gateway) -> None:
    lines = set()

    def refuse(fake: FakeGateway, line: dishonest.Line, asked: dishonest.Asked) -> None:
        lines.add(line.connection.getpeername())
        answering(bytes(1000), 404)(line)

    fake.lies = refuse
    for _ in range(3):
        with pytest.raises(Missing):
            gateway.block(LETTER)
    assert len(lines) == 1
    fake.lies = lambda fake, line, asked: answering(bytes(10**7), 500, Content_Type=RAW_TYPE)(line)
    with pytest.raises(Unavailable, match="answers HTTP 500"):
        gateway.block(LETTER)


def test_blocks_may_come_again_but_not_for_ever(fake: FakeGateway, gateway: Gateway) -> None:
    """Folders that share what is below them, of a gateway that does not leave out what it sent."""
    blocks = {CID.of_raw(b"shared"): b"shared"}
    level = [unixfs.Link(name, CID.of_raw(b"shared"), 6) for name in ("a", "b")]
    for depth in range(6):
        folders = [unixfs.folder([*level, unixfs.Link(f"z{depth}{side}", level[0].cid, 0)]) for side in "ab"]
        cids = [CID.of(DAG_PB, folder) for folder in folders]
        blocks |= dict(zip(cids, folders, strict=True))
        level = [unixfs.Link(name, cid, 0) for name, cid in zip("ab", cids, strict=True)]

    def every_way(cid: CID) -> Iterator[tuple[CID, bytes]]:
        yield cid, blocks[cid]
        for link in gateways.links_of(cid, blocks[cid]):
            yield from every_way(link)

    fake.blocks = blocks
    for height, twice in ((1, True), (6, False)):
        top = next(cid for cid in blocks if _height(blocks, cid) == height)
        body = dishonest.car_of(top, list(every_way(top)))
        fake.lies = lambda fake, line, asked, body=body: answering(body, Content_Type=gateways.CAR_TYPE)(line)
        if twice:
            assert dict(gateway.below(top)).keys() == set(below(blocks, top))
            continue
        with pytest.raises(Malformed, match="sends the same blocks again and again"):
            list(gateway.below(top))


def _height(blocks: dict[CID, bytes], cid: CID) -> int:
    return max((1 + _height(blocks, link) for link in gateways.links_of(cid, blocks[cid])), default=0)
