"""A cluster that is asked, and what is made of its lies and faults. What a real one does is in test_cluster_real."""

import io
from collections.abc import Callable, Iterator

import pytest
from fakenode import ENDLESS, Reply
from fakepins import PEERS, Edition, FakeCluster

from mirror.errors import Malformed, MirrorError, Unavailable
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.network import cluster as module
from mirror.network import pinset
from mirror.network.cluster import Cluster
from mirror.network.held import Authorization, Held
from mirror.network.upload import Upload

NAME = "voices.example/archive"
ONE = Edition({"a.txt": b"one", "b.txt": b"two"})
TWO = Edition({"a.txt": b"one", "b.txt": b"two", "c.txt": b"three"}, without=ONE)


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster() as fake:
        yield fake


@pytest.fixture
def ours(fake: FakeCluster) -> Iterator[Cluster]:
    with Cluster("ours", fake.url) as ours:
        yield ours


def send(ours: Cluster, edition: Edition) -> int:
    return ours.send(edition.car, edition.size, lambda sent, whole: None)


def refusal(ask: Callable[[], object], kind: type[MirrorError] = Unavailable) -> str:
    with pytest.raises(kind) as caught:
        ask()
    assert type(caught.value) is kind
    return caught.value.message


# Versions


@pytest.mark.parametrize("version", ["1.0.0", "1.1.6", "1.1.7-rc1", "1.12.0+git0123abc"])
def test_a_version_that_we_know_is_told(fake: FakeCluster, ours: Cluster, version: str) -> None:
    fake.version = version
    assert (ours.name, ours.probe()) == ("ours", f"ipfs cluster {version}")


@pytest.mark.parametrize("version", ["0.14.5", "2.0.0", "1.1", "", "1.1.6\n", "11.1.6", "1.1.6 \x1b[31m"])
def test_another_version_is_refused(fake: FakeCluster, ours: Cluster, version: str) -> None:
    fake.version = version
    said = refusal(ours.probe)
    assert said.startswith(f"ours ({fake.url}) runs IPFS Cluster")
    assert said.endswith("we know those from 1.0 to before 2")
    assert said.isprintable()


# Sending


def test_an_edition_arrives_whole_and_is_not_pinned(fake: FakeCluster, ours: Cluster) -> None:
    told: list[tuple[int, int]] = []
    assert ours.send(ONE.car, ONE.size, lambda sent, whole: told.append((sent, whole))) == 3
    assert fake.blocks == ONE.blocks
    assert told == [(ONE.size, ONE.size)]
    options = {"format": "car", "no-pin": "true", "stream-channels": "false"}
    assert (fake.requests(), fake.asked[0].query) == (["POST /add"], options)
    assert int(fake.asked[0].headers["content-length"]) == len(fake.asked[0].body)


def test_a_later_edition_sends_only_what_is_new(fake: FakeCluster, ours: Cluster) -> None:
    assert send(ours, TWO) == 2
    assert fake.blocks == TWO.new


def test_progress_is_told_piece_by_piece(ours: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirror.network.upload.PIECE", 100)
    told: list[int] = []
    ours.send(ONE.car, ONE.size, lambda sent, whole: told.append(sent))
    assert told == [*range(100, ONE.size, 100), ONE.size]


def test_a_text_cannot_end_the_upload(fake: FakeCluster, ours: Cluster) -> None:
    sly = Edition({"a.txt": f"\r\n--{ONE.root}--\r\n\r\n--".encode(), "b.txt": b"--\r\n"})
    assert send(ours, sly) == 3
    assert fake.blocks == sly.blocks


def test_another_root_echoed_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    fake.says("POST /add", Reply.of([{"cid": str(TWO.root), "bytes": sum(map(len, ONE.blocks.values()))}]))
    assert f"under {TWO.root}, not" in refusal(lambda: send(ours, ONE))


def test_blocks_that_were_lost_on_the_way_are_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    fake.says("POST /add", Reply.of([{"cid": str(ONE.root), "bytes": 7}]))
    weight = sum(map(len, ONE.blocks.values()))
    assert f"added 7 bytes under {ONE.root}, not {weight} under" in refusal(lambda: send(ours, ONE))


@pytest.mark.parametrize("said", [[], {}, None, [1], [{"cid": str(ONE.root)}, {"cid": str(ONE.root)}]])
def test_an_answer_that_tells_of_no_car_is_a_fault(fake: FakeCluster, ours: Cluster, said: object) -> None:
    fake.says("POST /add", Reply.of(said))
    assert "does not answer what was asked: answer does not tell of one CAR" in refusal(lambda: send(ours, ONE))


def test_a_full_disk_is_told_in_the_peers_words(fake: FakeCluster, ours: Cluster) -> None:
    fake.says("POST /add", Reply.of({"code": 500, "message": "no space left on device"}, status=500))
    said = refusal(lambda: send(ours, ONE))
    assert said == f"ours ({fake.url}) answers HTTP 500 Internal Server Error: no space left on device"


def _car(*roots: CID, blocks: int = 1) -> io.BytesIO:
    file = io.BytesIO()
    writer = car.Writer(file)
    for number in range(blocks):
        data = b"%d" % number
        writer.put(CID.of_raw(data), data)
    for root in roots:
        writer.seal(root)
    return file


@pytest.mark.parametrize("file", [_car(ONE.root, blocks=0), io.BytesIO(), io.BytesIO(b"\x0a\xa1gversion\x02")])
def test_what_is_no_car_of_ours_is_not_sent(fake: FakeCluster, ours: Cluster, file: io.BytesIO) -> None:
    refusal(lambda: ours.send(file, len(file.getvalue()), lambda *_: None), Malformed)
    assert fake.asked == []


def test_a_car_without_blocks_is_named(ours: Cluster) -> None:
    empty = _car(ONE.root, blocks=0)
    said = refusal(lambda: ours.send(empty, len(empty.getvalue()), lambda *_: None), Malformed)
    assert said == "CAR of version 1 with 1 roots and 0 blocks is none that can be sent"


def test_a_car_that_became_shorter_is_not_taken_for_whole(ours: Cluster) -> None:
    said = refusal(lambda: ours.send(ONE.car, ONE.size + 1, lambda *_: None), Malformed)
    assert said == f"CAR ends after {ONE.size} of {ONE.size + 1} bytes"


def test_a_long_upload_may_take_long() -> None:
    assert Upload(ONE.root, 40 * 1024, 1, 1).within(5) == 15


# Pinning


def test_a_first_edition_is_pinned_under_its_name(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    assert fake.requests() == [f"POST /pins/{ONE.root}"]
    assert fake.asked[0].query == {"name": NAME}


def test_copies_and_origins_are_asked_for(fake: FakeCluster) -> None:
    origins = ["/ip4/127.0.0.1/tcp/4001/p2p/12D3a", "/ip4/127.0.0.1/tcp/4002/p2p/12D3b"]
    with Cluster("ours", fake.url, copies=(2, 3)) as ours:
        ours.pin(ONE.root, NAME, origins=origins)
    asked = {"name": NAME, "replication-min": "2", "replication-max": "3", "origins": ",".join(origins)}
    assert fake.asked[0].query == asked


def test_a_later_edition_takes_the_pin_over_and_the_old_one_stays(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    ours.pin(TWO.root, NAME, instead_of=ONE.root)
    assert fake.asked[-1].query == {"name": NAME, "pin-update": str(ONE.root)}
    assert fake.pins.keys() == {str(ONE.root), str(TWO.root)}


def test_a_later_edition_is_pinned_anew_where_the_old_one_is_gone(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(TWO.root, NAME, instead_of=ONE.root)
    assert [asked.query.get("pin-update") for asked in fake.asked] == [None, str(ONE.root), None]
    assert fake.pins.keys() == {str(TWO.root)}


def test_what_is_pinned_already_is_begun_again(fake: FakeCluster, ours: Cluster) -> None:
    for root in (ONE.root, TWO.root):
        ours.pin(root, NAME)
    ours.pin(TWO.root, NAME, instead_of=ONE.root)
    assert "pin-update" not in fake.asked[-1].query
    ours.pin(ONE.root, NAME, instead_of=ONE.root)
    assert "pin-update" not in fake.asked[-1].query


def test_copies_that_have_changed_since_are_asked_for(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    with Cluster("ours", fake.url, copies=(2, 3)) as changed:
        changed.pin(TWO.root, NAME, instead_of=ONE.root)
    assert fake.pins[str(TWO.root)]["replication_factor_min"] == 2


def test_copies_that_are_as_before_are_not_asked_for_again(fake: FakeCluster) -> None:
    with Cluster("ours", fake.url, copies=(2, 3)) as ours:
        ours.pin(ONE.root, NAME)
        ours.pin(TWO.root, NAME, instead_of=ONE.root)
    assert [asked.method for asked in fake.asked] == ["POST", "GET", "POST"]


@pytest.mark.parametrize("copies", [None, (2, 2)])
def test_blocks_go_to_the_peers_that_hold_the_edition_before(fake: FakeCluster, copies: tuple[int, int] | None) -> None:
    holders = f"{PEERS['c2']},{PEERS['c0']}"
    with Cluster("ours", fake.url, copies=copies) as ours:
        ours.pin(ONE.root, NAME)
        fake.pins[str(ONE.root)]["allocations"] = holders.split(",")
        ours.state(ONE.root)
        send(ours, TWO)
    assert fake.asked[-1].query["user-allocations"] == holders


@pytest.mark.parametrize("copies", [None, (2, 3)])
def test_a_first_edition_is_pinned_where_its_blocks_went(fake: FakeCluster, copies: tuple[int, int] | None) -> None:
    with Cluster("ours", fake.url, copies=copies) as ours:
        send(ours, ONE)
        ours.pin(ONE.root, NAME)
    assert fake.asked[-1].query["user-allocations"] == ",".join(PEERS.values())


def test_where_every_peer_holds_the_edition_before_nobody_is_preferred(fake: FakeCluster, ours: Cluster) -> None:
    send(ours, ONE)
    ours.pin(ONE.root, NAME)
    fake.pins[str(ONE.root)]["allocations"] = []
    ours.state(ONE.root)
    send(ours, TWO)
    assert "user-allocations" not in fake.asked[-1].query


def test_a_pin_of_something_else_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(TWO.root, NAME)
    fake.says("POST /pins", Reply.of(fake.pins[str(TWO.root)]))
    said = refusal(lambda: ours.pin(ONE.root, NAME))
    assert said.endswith(f"does not answer what was asked: it tells of {TWO.root}, where {ONE.root} was asked for")


def test_a_pin_under_another_name_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, "another")
    fake.says("POST /pins", Reply.of(fake.pins[str(ONE.root)]))
    assert f"pinned {ONE.root} as 'another', not as {NAME}" in refusal(lambda: ours.pin(ONE.root, NAME))


# How a pin stands


def test_a_pin_that_all_hold(ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    everyone = (("c0", "pinned"), ("c1", "pinned"), ("c2", "pinned"))
    assert ours.state(ONE.root) == Held(ONE.root, "pinned", 3, 3, "", everyone)


def test_no_pin(ours: Cluster) -> None:
    assert ours.state(ONE.root) is None


@pytest.mark.parametrize(
    ("state", "judged"),
    [
        ("pinning", "pinning"),
        ("pin_queued", "pinning"),
        ("unpinned", "pinning"),
        ("unexpectedly_unpinned", "pinning"),
        ("cluster_error", "pinning"),
        ("unpinning", "pinning"),
        ("pin_error", "failed"),
        ("undefined", "failed"),
        ("", "failed"),
        ("sharded", "failed"),
        ("Pinned", "failed"),
    ],
)
def test_one_peer_that_does_not_hold_it(fake: FakeCluster, ours: Cluster, state: str, judged: str) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers["c1"] = (state, "context deadline exceeded")
    held = ours.state(ONE.root)
    assert held is not None
    assert (held.state, held.copies, held.wanted) == (judged, 2, 3)
    assert held.words == ": ".join(filter(None, ("c1", state, "context deadline exceeded")))


def test_one_that_is_under_way_outweighs_one_that_failed(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers |= {"c1": ("pin_error", "no"), "c2": ("pinning", "")}
    held = ours.state(ONE.root)
    assert held is not None
    assert (held.state, held.words) == ("pinning", "c1: pin_error: no; c2: pinning")


def test_a_pin_that_is_reported_and_nobody_holds(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers = dict.fromkeys(fake.peers, ("pin_error", "block was not found"))
    assert [(held.state, held.copies) for held in ours.held(NAME)] == [("failed", 0)]


def test_a_peer_that_others_hold_it_for_does_not_count(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers["c1"] = ("remote", "")
    held = ours.state(ONE.root)
    assert held is not None
    assert (held.state, held.copies, held.wanted) == ("pinned", 2, 2)


def test_only_peers_that_others_hold_it_for_are_nobody(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers = dict.fromkeys(fake.peers, ("remote", ""))
    held = ours.state(ONE.root)
    assert held is not None
    assert (held.state, held.copies, held.wanted) == ("failed", 0, 0)


@pytest.mark.parametrize(("least", "judged"), [(1, "pinned"), (2, "pinned"), (3, "failed")])
def test_as_many_copies_as_were_asked_for_are_enough(fake: FakeCluster, least: int, judged: str) -> None:
    fake.peers["c1"] = ("pin_error", "")
    with Cluster("ours", fake.url, copies=(least, 3)) as ours:
        ours.pin(ONE.root, NAME)
        held = ours.state(ONE.root)
    assert held is not None
    assert held.state == judged


@pytest.mark.parametrize(("factors", "judged"), [((2, 3), "pinned"), ((-1, -1), "failed"), ((3, 3), "failed")])
def test_else_as_many_as_the_cluster_wants(
    fake: FakeCluster, ours: Cluster, factors: tuple[int, int], judged: str
) -> None:
    fake.factors = factors
    fake.peers["c1"] = ("pin_error", "")
    ours.pin(ONE.root, NAME)
    held = ours.state(ONE.root)
    assert held is not None
    assert held.state == judged


def test_the_words_of_a_peer_are_made_harmless(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.peers = {"c0": ("pin_error", "\x1b]0;owned\x07\nnode: fine " + "x" * 10_000)}
    held = ours.state(ONE.root)
    assert held is not None
    assert len(held.words) == 200
    assert held.words.isprintable()


def test_the_state_of_another_pin_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.says("GET /pins", Reply.of({"cid": str(TWO.root), "peer_map": {}}))
    assert f"it tells of {TWO.root}" in refusal(lambda: ours.state(ONE.root))


def test_more_peers_than_a_cluster_has_are_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    def peers(number: int) -> Reply:
        return Reply.of({"cid": str(ONE.root), "peer_map": {str(at): {"status": "pinned"} for at in range(number)}})

    ours.pin(ONE.root, NAME)
    fake.says("GET /pins", peers(pinset.PEERS_AT_MOST))
    held = ours.state(ONE.root)
    assert held is not None
    assert held.copies == 1000
    fake.says("GET /pins", peers(pinset.PEERS_AT_MOST + 1))
    assert "answer has 1001 peers, more than 1000" in refusal(lambda: ours.state(ONE.root))


# What is held under a name


def test_what_is_held_under_a_name(fake: FakeCluster, ours: Cluster) -> None:
    assert ours.held(NAME) == []
    for root, name in ((ONE.root, NAME), (TWO.root, NAME), (Edition({"z": b"z"}).root, NAME + "/other")):
        ours.pin(root, name)
    fake.pins["z" * 40] = {
        **fake.pins[str(ONE.root)],
        "cid": "bafkr4ihzrmoyfzljqcgyoedmy62ofoqxuqeuemgk2zz5pjkuyxvjkbbrhm",
    }
    assert [held.root for held in ours.held(NAME)] == [ONE.root, TWO.root]


def test_a_listing_that_is_cut_off_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.says("GET /allocations", Reply(200, [b'{"cid": "y"}\n{"name": "' + NAME.encode()]))
    assert "its listing is cut off" in refusal(lambda: ours.held(NAME))
    fake.says("GET /allocations", Reply(200, [b'{"cid": "y"}\n'], cut=True))
    assert "cannot be reached" in refusal(lambda: ours.held(NAME))


def test_an_endless_line_is_a_fault(fake: FakeCluster, ours: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinset, "LINE_AT_MOST", 100_000)
    fake.says("GET /allocations", Reply(200, ENDLESS))
    assert "a line of more than 100000 bytes" in refusal(lambda: ours.held(NAME))


def test_an_endless_listing_is_a_fault(fake: FakeCluster, ours: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"cid": "x"}\n'
    monkeypatch.setattr(pinset, "LISTING_AT_MOST", 10 * len(line))
    fake.says("GET /allocations", Reply(200, [line * 10]))
    assert ours.held(NAME) == []
    fake.says("GET /allocations", Reply(200, [line * 10, b"\n"]))
    assert "its listing has more than 130 bytes" in refusal(lambda: ours.held(NAME))


def test_too_many_pins_under_one_name_are_a_fault(
    fake: FakeCluster, ours: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_AT_MOST", 1)
    ours.pin(ONE.root, NAME)
    assert len(ours.held(NAME)) == 1
    ours.pin(TWO.root, NAME)
    assert f"has 2 pins named {NAME}, more than 1" in refusal(lambda: ours.held(NAME))


def test_a_pin_that_goes_while_it_is_listed_is_not_held(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    fake.says(f"GET /allocations/{ONE.root}", Reply.of({"code": 404, "message": "not found"}, status=404))
    assert ours.held(NAME) == []


# Letting go


def test_an_agreement_ends(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(ONE.root, NAME)
    ours.unpin(ONE.root)
    assert fake.pins == {}
    ours.unpin(ONE.root)


def test_to_unpin_something_else_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    ours.pin(TWO.root, NAME)
    fake.says("DELETE /pins", Reply.of(fake.pins[str(TWO.root)]))
    assert f"it tells of {TWO.root}" in refusal(lambda: ours.unpin(ONE.root))


def test_peers_that_have_not_let_go_are_named(fake: FakeCluster, ours: Cluster) -> None:
    fake.leaving[str(TWO.root)] = {"c0": "unpinning"}
    assert ours.leaving(ONE.root) == ()
    fake.leaving[str(ONE.root)] = {"c0": "unpin_error", "c1": "unpinned", "c2": "unpinning"}
    assert ours.leaving(ONE.root) == (("c0", "unpin_error"), ("c2", "unpinning"))
    assert fake.asked[-1].query == {"filter": "unpinning,unpin_queued,unpin_error"}


def test_a_peer_that_lets_go_without_a_word_is_a_fault(fake: FakeCluster, ours: Cluster) -> None:
    fake.says("GET /pins", Reply.of({"cid": str(ONE.root), "peer_map": 3}))
    assert "does not answer what was asked: answer has no object 'peer_map'" in refusal(lambda: ours.leaving(ONE.root))


# Faults, whatever is asked

QUESTIONS: dict[str, Callable[[Cluster], object]] = {
    "probe": lambda ours: ours.probe(),
    "held": lambda ours: ours.held(NAME),
    "state": lambda ours: ours.state(ONE.root),
    "send": lambda ours: send(ours, ONE),
    "pin": lambda ours: ours.pin(ONE.root, NAME),
    "move": lambda ours: ours.pin(TWO.root, NAME, instead_of=ONE.root),
    "unpin": lambda ours: ours.unpin(ONE.root),
    "leaving": lambda ours: ours.leaving(ONE.root),
}


@pytest.fixture(params=QUESTIONS)
def question(request: pytest.FixtureRequest) -> Callable[[Cluster], object]:
    return QUESTIONS[request.param]


def test_nobody_there(question: Callable[[Cluster], object]) -> None:
    with FakeCluster() as fake:
        url = fake.url
    with Cluster("ours", url) as ours:
        assert refusal(lambda: question(ours)) == f"ours ({url}) cannot be reached: nobody listens there"


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials(fake: FakeCluster, question: Callable[[Cluster], object], status: int) -> None:
    fake.says("", Reply.of({"code": status, "message": "unauthorized: access denied"}, status=status))
    with (
        Cluster("ours", fake.url, Authorization.basic("anna", "hunter2")) as ours,
        pytest.raises(Unavailable, match="does not take our credentials") as caught,
    ):
        question(ours)
    assert caught.value.message.endswith(f"(HTTP {status}): unauthorized: access denied")
    assert caught.value.how == f"HTTP {status}"
    assert "mirror pin --credentials" in caught.value.hint
    assert "hunter2" not in str(caught.value)
    assert fake.asked[-1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Reply.of({"code": 500, "message": "boom\x1b[2J"}, status=500),
            "answers HTTP 500 Internal Server Error: boom [2J",
        ),
        (Reply(502, b"<html>bad\ngateway</html>"), "answers HTTP 502 Bad Gateway: <html>bad gateway</html>"),
        (Reply(302, b"", {"Location": "http://elsewhere.example/"}), "sends us on to http://elsewhere.example/"),
        (Reply(200, b"<html>\n"), "does not answer what was asked"),
        (Reply(200, b"null\n"), "does not answer what was asked"),
        (Reply(200, b'{"cid": 3, "version": 4, "peer_map": 5}\n' * 2), "does not answer what was asked"),
        (Reply(200, b"\xff\xfe\n"), "does not answer what was asked"),
        (Reply(200, b"[" * 100_000 + b"\n"), "does not answer what was asked"),
        (Reply(200, b"x", {"Content-Encoding": "gzip"}), "answers compressed (gzip)"),
        (Reply(200, b'{"cid"', cut=True), "cannot be reached"),
    ],
    ids=lambda value: "" if isinstance(value, Reply) else value[:20],
)
def test_what_is_no_answer(
    fake: FakeCluster, ours: Cluster, question: Callable[[Cluster], object], reply: Reply, words: str
) -> None:
    fake.says("", reply)
    said = refusal(lambda: question(ours))
    assert said.startswith(f"ours ({fake.url}) ")
    assert words in said
    assert said.isprintable()


def test_an_endless_answer(
    fake: FakeCluster, ours: Cluster, question: Callable[[Cluster], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_AT_MOST", 100_000)
    monkeypatch.setattr(pinset, "LINE_AT_MOST", 100_000)
    fake.says("", Reply(200, ENDLESS))
    assert "more than 100000 bytes" in refusal(lambda: question(ours))


def test_a_second_run_finishes(fake: FakeCluster, ours: Cluster) -> None:
    fake.says("POST /add", Reply.of({"code": 500, "message": "no space left on device"}, status=500))
    refusal(lambda: send(ours, ONE))
    fake.behaves("POST /add")
    assert send(ours, ONE) == 3
    ours.pin(ONE.root, NAME)
    assert [held.state for held in ours.held(NAME)] == ["pinned"]
