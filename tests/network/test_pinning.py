"""A pinning service that is asked, and what is made of its lies and faults. test_cluster_real asks a real one."""

import io
from collections.abc import Callable, Iterator

import pytest
from fakenode import ENDLESS, Reply
from fakepins import Asked, Edition, FakeService

from mirror.errors import MirrorError, Refused, Unavailable
from mirror.network import pinning as module
from mirror.network.held import Authorization, Held
from mirror.network.pinning import PinningService

NAME = "voices.example/archive"
ONE, TWO, THREE = (Edition({"a.txt": text}).root for text in (b"one", b"two", b"three"))
TOKEN = "a-token-that-is-secret"
ALL = "queued,pinning,pinned,failed"


@pytest.fixture
def fake() -> Iterator[FakeService]:
    with FakeService(TOKEN) as fake:
        yield fake


@pytest.fixture
def paid(fake: FakeService) -> Iterator[PinningService]:
    with PinningService("paid", fake.url, Authorization.bearer(TOKEN)) as paid:
        yield paid


def refusal(ask: Callable[[], object], kind: type[MirrorError] = Unavailable) -> str:
    with pytest.raises(kind) as caught:
        ask()
    assert type(caught.value) is kind
    return caught.value.message


def test_a_service_is_there(fake: FakeService, paid: PinningService) -> None:
    assert (paid.name, paid.probe()) == ("paid", "pinning service")
    assert fake.requests() == ["GET /pins"]


def test_it_takes_no_blocks(fake: FakeService, paid: PinningService) -> None:
    said = refusal(lambda: paid.send(io.BytesIO(b"x"), 1, lambda *_: None), Refused)
    assert said == f"paid ({fake.url}) takes no blocks: it fetches them where they are served"
    assert fake.asked == []


# Pinning


def test_a_root_is_pinned_under_its_name(fake: FakeService, paid: PinningService) -> None:
    paid.pin(ONE, NAME)
    assert fake.requests() == ["GET /pins", "POST /pins"]
    assert fake.asked[-1].said == {"cid": str(ONE), "name": NAME, "origins": []}
    assert fake.asked[-1].headers["content-type"] == "application/json"
    assert paid.state(ONE) == Held(ONE, "pinned", 1)


def test_origins_are_told_once_each(fake: FakeService) -> None:
    here, there = "/ip4/127.0.0.1/tcp/4001/p2p/12D3a", "/ip4/127.0.0.1/tcp/4002/p2p/12D3b"
    with PinningService("paid", fake.url, Authorization.bearer(TOKEN), origins=[here]) as paid:
        paid.pin(ONE, NAME, origins=[there, here])
    assert fake.asked[-1].said["origins"] == [there, here]


def test_a_later_edition_stands_beside_the_one_before(fake: FakeService, paid: PinningService) -> None:
    paid.pin(ONE, NAME)
    paid.pin(TWO, NAME, instead_of=ONE)
    assert {held.root for held in paid.held(NAME)} == {ONE, TWO}


@pytest.mark.parametrize("status", ["queued", "pinning", "pinned"])
def test_what_is_under_way_is_not_paid_for_twice(fake: FakeService, paid: PinningService, status: str) -> None:
    fake.status = status
    for _ in range(2):
        paid.pin(ONE, NAME)
    assert len(fake.pins) == 1


def test_what_has_failed_is_asked_for_again(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME, "failed")
    fake.add(ONE, "somebody else's", "failed")
    paid.pin(ONE, NAME)
    assert [(pin["requestid"], pin["status"]) for pin in fake.pins] == [("id-3", "pinned"), ("id-2", "failed")]


def test_the_same_pin_again_is_not_deleted_as_the_failed_one(fake: FakeService, paid: PinningService) -> None:
    def begin_again(asked: Asked) -> Reply:
        fake.pins[0]["status"] = "queued"
        return Reply.of(fake.pins[0], status=202)

    fake.add(ONE, NAME, "failed")
    fake.says("POST /pins", begin_again)
    paid.pin(ONE, NAME)
    assert [held.state for held in paid.held(NAME)] == ["pinning"]


def test_a_pin_under_another_name_is_not_ours(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, "somebody else's")
    paid.pin(ONE, NAME)
    assert [pin["pin"]["name"] for pin in fake.pins] == [NAME, "somebody else's"]


def test_where_there_is_no_room_for_both_the_new_one_takes_the_old_ones_place(
    fake: FakeService, paid: PinningService
) -> None:
    fake.room = 1
    old = fake.add(ONE, NAME)
    paid.pin(TWO, NAME, instead_of=ONE)
    assert fake.requests()[-1] == f"POST /pins/{old}"
    assert [held.root for held in paid.held(NAME)] == [TWO]


def test_where_there_is_no_room_at_all_nothing_is_dropped(fake: FakeService, paid: PinningService) -> None:
    fake.room = 1
    fake.add(THREE, NAME)
    said = refusal(lambda: paid.pin(TWO, NAME, instead_of=ONE))
    assert said == f"paid ({fake.url}) answers HTTP 409 Conflict: no room for more"
    refusal(lambda: paid.pin(TWO, NAME))
    assert [held.root for held in paid.held(NAME)] == [THREE]


def test_only_our_own_old_pin_makes_room(fake: FakeService, paid: PinningService) -> None:
    fake.room = 1
    fake.add(ONE, "somebody else's")
    assert "no room for more" in refusal(lambda: paid.pin(TWO, NAME, instead_of=ONE))
    assert len(fake.pins) == 1


def test_a_root_is_never_put_in_its_own_place(fake: FakeService, paid: PinningService) -> None:
    fake.room = 1
    fake.add(ONE, NAME, "failed")
    assert "no room for more" in refusal(lambda: paid.pin(ONE, NAME, instead_of=ONE))
    assert len(fake.pins) == 1


@pytest.mark.parametrize(
    ("cid", "shown"),
    [(str(TWO), str(TWO)), ("bafkr4ihzrmoyfzljqcgyoedmy62ofoqxuqeuemgk2zz5pjkuyxvjkbbrhm", "another CID")],
)
def test_a_pin_of_something_else_is_a_fault(fake: FakeService, paid: PinningService, cid: str, shown: str) -> None:
    fake.says("POST /pins", lambda asked: Reply.of(fake.pins[0], status=202))
    fake.add(cid, NAME)
    said = refusal(lambda: paid.pin(ONE, NAME))
    assert said == f"paid ({fake.url}) says that it pins {shown}, where {ONE} was asked for"


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_pin_may_be_taken_with_any_word_of_success(fake: FakeService, paid: PinningService, status: int) -> None:
    fake.says("POST /pins", lambda asked: Reply.of(fake.pins[0], status=status))
    fake.add(ONE, "as it answers", "queued")
    paid.pin(ONE, NAME)
    fake.says("POST /pins", Reply(204))
    assert refusal(lambda: paid.pin(ONE, NAME)).endswith("answers HTTP 204 No Content")


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_pin_may_be_taken_back_with_any_word_of_success(fake: FakeService, paid: PinningService, status: int) -> None:
    fake.add(ONE, NAME)
    fake.says("DELETE /pins", Reply(status))
    paid.unpin(ONE)
    fake.says("DELETE /pins", Reply(409))
    assert refusal(lambda: paid.unpin(ONE)).endswith("answers HTTP 409 Conflict")


# How pins stand


@pytest.mark.parametrize(
    ("status", "judged", "copies", "words"),
    [
        ("queued", "pinning", 0, "queued"),
        ("pinning", "pinning", 0, ""),
        ("pinned", "pinned", 1, ""),
        ("failed", "failed", 0, ""),
    ],
)
def test_the_states_of_a_pin(
    fake: FakeService, paid: PinningService, status: str, judged: str, copies: int, words: str
) -> None:
    fake.add(ONE, NAME, status)
    held = paid.state(ONE)
    assert held is not None
    assert (held.root, held.state, held.copies, held.words) == (ONE, judged, copies, words)


def test_no_pin(fake: FakeService, paid: PinningService) -> None:
    assert paid.state(ONE) is None
    assert fake.asked[-1].query == {"cid": str(ONE), "status": ALL, "limit": "1000"}


def test_the_words_of_a_service_are_made_harmless(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME, "failed", info={"status_details": "no \x1b[31mfunds\n" + "x" * 1000})
    held = paid.state(ONE)
    assert held is not None
    assert held.words.startswith("no [31mfunds xx")
    assert len(held.words) == 200


def test_of_several_pins_of_one_root_the_furthest_counts(fake: FakeService, paid: PinningService) -> None:
    for status in ("failed", "pinned", "queued"):
        fake.add(ONE, NAME, status)
    fake.add(TWO, NAME, "failed")
    fake.add(TWO, NAME, "queued")
    assert {held.root: held.state for held in paid.held(NAME)} == {ONE: "pinned", TWO: "pinning"}


def test_what_is_held_under_a_name(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME)
    fake.add(TWO, NAME + "/other")
    fake.add("bafkr4ihzrmoyfzljqcgyoedmy62ofoqxuqeuemgk2zz5pjkuyxvjkbbrhm", NAME)
    assert [held.root for held in paid.held(NAME)] == [ONE]
    assert fake.asked[-1].query == {"name": NAME, "match": "exact", "status": ALL, "limit": "1000"}


def test_a_service_that_heeds_no_filter_is_not_believed(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME)
    fake.add(TWO, "somebody else's")
    fake.says("GET /pins", Reply.of({"count": 2, "results": fake.pins}))
    assert [held.root for held in paid.held(NAME)] == [ONE]
    assert paid.state(THREE) is None


@pytest.mark.parametrize("shown", [1, 3, 4, 7, 8])
def test_pins_are_listed_page_by_page(fake: FakeService, paid: PinningService, shown: int) -> None:
    fake.shown = shown
    roots = [Edition({"a": b"%d" % number}).root for number in range(7)]
    for root in roots:
        fake.add(root, NAME)
    assert {held.root for held in paid.held(NAME)} == set(roots)


def test_a_service_that_counts_also_what_came_before(fake: FakeService, paid: PinningService) -> None:
    pages = iter([[ONE], [TWO], []])

    def count_all(asked: Asked) -> Reply:
        root = next(pages)
        fake.pins.clear()
        for one in root:
            fake.add(one, NAME)
        return Reply.of({"count": 2, "results": fake.pins})

    fake.says("GET /pins", count_all)
    assert [held.root for held in paid.held(NAME)] == [ONE, TWO]


@pytest.mark.parametrize("results", [0, 1])
def test_a_service_that_counts_more_than_it_shows_is_at_fault(
    fake: FakeService, paid: PinningService, results: int
) -> None:
    fake.add(ONE, NAME)
    fake.says("GET /pins", Reply.of({"count": 5, "results": fake.pins[:results]}))
    assert "does not show all the pins that it counts" in refusal(lambda: paid.held(NAME))


def test_a_service_that_repeats_itself_is_left(
    fake: FakeService, paid: PinningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES_AT_MOST", 3)
    fake.shown = 1
    for number in range(3):
        fake.add(Edition({"a": b"%d" % number}).root, NAME)
    assert len(paid.held(NAME)) == 3
    fake.add(ONE, NAME)
    assert "does not show all the pins that it counts" in refusal(lambda: paid.held(NAME))


def test_delegates_are_shown_once_each(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME, delegates=["/ip4/1.2.3.4/tcp/1/p2p/a", "/dns/x\x1b[2J"])
    fake.add(ONE, NAME, delegates=["/ip4/1.2.3.4/tcp/1/p2p/a"])
    assert paid.delegates(ONE) == ("/ip4/1.2.3.4/tcp/1/p2p/a", "/dns/x [2J")


# Letting go


def test_every_pin_of_a_root_is_taken_back(fake: FakeService, paid: PinningService) -> None:
    for name in (NAME, "by hand", NAME):
        fake.add(ONE, name)
    fake.add(TWO, NAME)
    paid.unpin(ONE)
    assert [pin["pin"]["cid"] for pin in fake.pins] == [str(TWO)]
    paid.unpin(ONE)


def test_a_pin_that_is_gone_meanwhile_is_gone(fake: FakeService, paid: PinningService) -> None:
    fake.add(ONE, NAME)
    fake.says("DELETE /pins", Reply.of({"error": {"reason": "NOT_FOUND"}}, status=404))
    paid.unpin(ONE)
    assert fake.requests()[-1].startswith("DELETE /pins")


@pytest.mark.parametrize("name", ["../../admin", "a/b?c#d", "%2e%2e", "id&x=1"])
def test_an_id_stays_one_part_of_the_path(fake: FakeService, paid: PinningService, name: str) -> None:
    fake.add(ONE, NAME)
    fake.pins[0]["requestid"] = name
    paid.unpin(ONE)
    assert fake.asked[-1].path.startswith("/pins/")
    assert fake.asked[-1].path.count("/") == 2
    assert fake.pins == []


# Faults, whatever is asked

QUESTIONS: dict[str, Callable[[PinningService], object]] = {
    "probe": lambda paid: paid.probe(),
    "held": lambda paid: paid.held(NAME),
    "state": lambda paid: paid.state(ONE),
    "pin": lambda paid: paid.pin(ONE, NAME),
    "move": lambda paid: paid.pin(TWO, NAME, instead_of=ONE),
    "unpin": lambda paid: paid.unpin(ONE),
    "delegates": lambda paid: paid.delegates(ONE),
}


@pytest.fixture(params=QUESTIONS)
def question(request: pytest.FixtureRequest) -> Callable[[PinningService], object]:
    return QUESTIONS[request.param]


def test_nobody_there(question: Callable[[PinningService], object]) -> None:
    with FakeService() as fake:
        url = fake.url
    with PinningService("paid", url) as paid:
        assert refusal(lambda: question(paid)) == f"paid ({url}) cannot be reached: nobody listens there"


@pytest.mark.parametrize("authorization", [None, Authorization.bearer("another-token")])
def test_wrong_credentials(
    fake: FakeService, question: Callable[[PinningService], object], authorization: Authorization | None
) -> None:
    with PinningService("paid", fake.url, authorization) as paid, pytest.raises(Unavailable) as caught:
        question(paid)
    said = f"paid ({fake.url}) does not take our credentials (HTTP 401): Access token is missing or invalid"
    assert caught.value.message == said
    assert "mirror pin --credentials" in caught.value.hint
    assert "another-token" not in repr(caught.value)


def _listing(**changed: object) -> Reply:
    honest = {"requestid": "id", "status": "pinned", "created": "2026-11-22T03:00:00Z", "pin": {"cid": str(ONE)}}
    return Reply.of({"count": 1, "results": [{**honest, **changed}]})


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Reply.of({"error": {"reason": "X", "details": "we are\x07 down"}}, status=500),
            "Internal Server Error: we are down",
        ),
        (Reply.of({"error": {"reason": "RATE"}}, status=429), "answers HTTP 429 Too Many Requests: RATE"),
        (Reply.of({"error": "odd"}, status=400), 'answers HTTP 400 Bad Request: {"error": "odd"}'),
        (Reply(301, b"", {"Location": "http://elsewhere.example/"}), "sends us on to http://elsewhere.example/"),
        (Reply(200, b"<html>"), "does not answer what was asked: answer is not valid JSON"),
        (Reply(200, b"[]"), "does not answer what was asked: answer is no JSON object"),
        (Reply.of({"count": 1}), "answer has no list 'results'"),
        (Reply.of({"results": []}), "answer has no number 'count'"),
        (Reply.of({"count": -1, "results": []}), "answer has no number 'count'"),
        (Reply.of({"count": 1, "results": [3]}), "answer lists something that is no pin"),
        (_listing(status="Pinned"), "answer has a pin whose status is 'Pinned'"),
        (_listing(status=None), "answer has no text 'status'"),
        (_listing(pin="x"), "answer has no object 'pin'"),
        (_listing(pin={}), "answer has no text 'cid'"),
        (_listing(info={"status_details": 3}), "answer has no text 'status_details'"),
        (_listing(created=None), "answer has no text 'created'"),
        (_listing(created="x" * 65), "answer has a time of 65 letters"),
        (_listing(requestid=""), "answer has a requestid that cannot be asked for: ''"),
        (_listing(requestid=".."), "answer has a requestid that cannot be asked for: '..'"),
        (_listing(requestid="a b"), "answer has a requestid that cannot be asked for: 'a b'"),
        (_listing(requestid="x" * 513), "answer has a requestid that cannot be asked for"),
        (_listing(delegates=["x"] * 1001), "answer has delegates that are not up to 1000 addresses"),
        (_listing(delegates=[3]), "answer has delegates that are not up to 1000 addresses"),
        (Reply(200, b'{"count": 0', cut=True), "cannot be reached"),
    ],
    ids=lambda value: "" if isinstance(value, Reply) else value[-30:],
)
def test_what_is_no_answer(
    fake: FakeService, paid: PinningService, question: Callable[[PinningService], object], reply: Reply, words: str
) -> None:
    fake.says("", reply)
    said = refusal(lambda: question(paid))
    assert said.startswith(f"paid ({fake.url}) ")
    assert words in said
    assert said.isprintable()


def test_an_endless_answer(
    fake: FakeService,
    paid: PinningService,
    question: Callable[[PinningService], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ANSWER_AT_MOST", 100_000)
    fake.says("", Reply(200, ENDLESS))
    assert refusal(lambda: question(paid)).endswith("answers with more than 100000 bytes")


@pytest.mark.parametrize("at_most", ["requestid", "created", "delegates"])
def test_bounds_let_the_longest_pass(fake: FakeService, paid: PinningService, at_most: str) -> None:
    longest = {"requestid": "x" * 512, "created": "x" * 64, "delegates": ["x"] * 1000}
    fake.says("GET /pins", _listing(**{at_most: longest[at_most]}))
    assert paid.state(ONE) == Held(ONE, "pinned", 1)


def test_a_second_run_finishes(fake: FakeService, paid: PinningService) -> None:
    fake.says("POST /pins", Reply.of({"error": {"reason": "X"}}, status=500))
    refusal(lambda: paid.pin(ONE, NAME))
    fake.behaves("POST /pins")
    paid.pin(ONE, NAME)
    assert [held.state for held in paid.held(NAME)] == ["pinned"]
