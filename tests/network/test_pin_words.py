"""What clusters and pinning services say of pins: read or `Malformed`, whatever it is; and refusals in their words."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakepins import Edition
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed, Unavailable
from mirror.formats.cid import CID
from mirror.network.asking import granted, understood
from mirror.network.http import Answer
from mirror.network.pinlist import STATES, Request, merge, read_page
from mirror.network.pinset import Standing, judge, lines, read_added, read_pin, read_standings, root_listed

ROOT = Edition({"a.txt": b"one"}).root
OTHER = Edition({"a.txt": b"two"}).root

PIN = {"cid": str(ROOT), "name": "x", "replication_factor_min": 1, "replication_factor_max": 2, "allocations": ["Qm1"]}
REPORT = {"cid": str(ROOT), "peer_map": {"Qm1": {"peername": "c0", "status": "pinned", "error": ""}}}
LISTED = {
    "requestid": "id",
    "status": "pinned",
    "created": "2026-11-22T03:40:02Z",
    "pin": {"cid": str(ROOT), "name": "x"},
    "delegates": ["/ip4/127.0.0.1"],
    "info": {"status_details": "fine"},
}
PAGE = {"count": 1, "results": [LISTED]}
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([str(ROOT), str(OTHER), "pinned", "queued", "pin_error"])
)
NAMES = st.sampled_from(sorted({*PIN, *REPORT, *PAGE, *LISTED, "bytes", "peername", "error", "status_details"}))
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=8)

READERS: list[tuple[Callable[[Any], object], Any]] = [
    (lambda said: read_pin(said, ROOT), PIN),
    (lambda said: read_standings(said, ROOT), REPORT),
    (lambda said: read_added(json.dumps([said]).encode()), {"cid": str(ROOT), "bytes": 3, "allocations": ["Qm1"]}),
    (root_listed, PIN),
    (read_page, PAGE),
]


@st.composite
def changed(draw: st.DrawFn, honest: Any) -> Any:
    """An honest document with one of its parts replaced or left out, wherever that is."""
    places = list(_places(honest))
    copy = json.loads(json.dumps(honest))
    *way, last = draw(st.sampled_from(places))
    inner = copy
    for step in way:
        inner = inner[step]
    if isinstance(inner, dict) and draw(st.booleans()):
        del inner[last]
    else:
        inner[last] = draw(VALUES)
    return copy


def _places(document: Any) -> Iterator[tuple[Any, ...]]:
    steps = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, inner in steps:
        yield (step,)
        yield from ((step, *rest) for rest in _places(inner))


@pytest.mark.parametrize(("read", "honest"), READERS)
def test_honest_documents_are_read(read: Callable[[Any], object], honest: Any) -> None:
    assert read(honest) is not None


@given(st.data(), OBJECTS)
@pytest.mark.parametrize(("read", "honest"), READERS)
def test_anything_is_read_or_malformed(
    read: Callable[[Any], object], honest: Any, data: st.DataObject, anything: dict[str, Any]
) -> None:
    for said in (anything, data.draw(changed(honest))):
        try:
            found = read(said)
        except Malformed:
            continue
        assert found == read(said)


@given(st.lists(st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")), max_size=5), st.integers(1, 7))
def test_lines_come_whole_however_they_are_cut(made: list[bytes], length: int) -> None:
    listing = b"".join(line + b"\n" for line in made)
    assert list(lines(listing[at : at + length] for at in range(0, len(listing), length))) == made


@given(st.binary(min_size=1, max_size=6).filter(lambda end: not end.endswith(b"\n")))
def test_a_listing_without_its_end_is_malformed(end: bytes) -> None:
    with pytest.raises(Malformed, match="its listing is cut off"):
        list(lines([b"one\n", end]))


@given(
    st.lists(st.sampled_from(["pinned", "pinning", "pin_error", "remote", "cluster_error"]), max_size=6),
    st.integers(0, 4),
)
def test_what_is_called_pinned_has_the_copies(states: list[str], needed: int) -> None:
    held = judge(ROOT, [Standing(f"c{number}", state) for number, state in enumerate(states)], needed)
    assert held.copies == states.count("pinned")
    assert held.wanted == len(states) - states.count("remote")
    assert (held.state == "pinned") == (held.copies >= (needed or held.wanted) and held.copies > 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({**PIN, "cid": str(OTHER)}, f"it tells of {OTHER}, where {ROOT} was asked for"),
        ({**PIN, "replication_factor_min": True}, "no number of copies 'replication_factor_min'"),
        ({**PIN, "replication_factor_max": 1001}, "no number of copies 'replication_factor_max'"),
        ({**PIN, "replication_factor_min": -2}, "no number of copies 'replication_factor_min'"),
        ({**PIN, "allocations": ["Qm,x"]}, "gives a pin to peers whose IDs are none"),
        ({**PIN, "allocations": ["x" * 129]}, "gives a pin to peers whose IDs are none"),
    ],
)
def test_an_agreement_that_is_none(said: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read_pin(said, ROOT)


@pytest.mark.parametrize("factor", [-1, 0, 1000])
def test_numbers_of_copies(factor: int) -> None:
    assert read_pin({**PIN, "replication_factor_min": factor, "allocations": ["x" * 128]}, ROOT).copies == (factor, 2)


def test_a_peer_without_a_name_is_known_by_its_id() -> None:
    assert read_standings({"cid": str(ROOT), "peer_map": {"Qm1": {"status": "pinned"}}}, ROOT) == [
        Standing("Qm1", "pinned")
    ]


def test_a_peer_without_a_state() -> None:
    with pytest.raises(Malformed, match="answer has a peer Qm1 without a state"):
        read_standings({"cid": str(ROOT), "peer_map": {"Qm1": 3}}, ROOT)


@given(st.lists(st.tuples(st.sampled_from([ROOT, OTHER, None]), st.sampled_from(sorted(STATES))), max_size=6))
def test_pins_are_merged_by_their_roots(made: list[tuple[CID | None, str]]) -> None:
    held = merge(Request("id", STATES[status], "", root, "x") for root, status in made)
    assert {one.root for one in held} == {root for root, _ in made if root is not None}
    for one in held:
        best = {STATES[status] for root, status in made if root == one.root}
        assert one.state == next(state for state in ("pinned", "pinning", "failed") if state in best)


# Refusals


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "from a cluster"}', "from a cluster"),
        (b'{"Message": "from Kubo", "Code": 0}', "from Kubo"),
        (b'{"error": {"reason": "R", "details": "from a service"}}', "from a service"),
        (b'{"error": {"reason": "R", "details": " "}}', "R"),
        (b'{"error": {"reason": 3}}', '{"error": {"reason": 3}}'),
        (b'{"message": ""}', '{"message": ""}'),
        (b"plain\nwords", "plain words"),
        (b"\xff", "�"),
    ],
)
def test_a_refusal_is_told_in_its_own_words(body: bytes, words: str) -> None:
    answer = Answer("ours (http://x)", 400, {}, body)
    with pytest.raises(Unavailable) as caught:
        granted(answer, 200)
    assert caught.value.message == f"ours (http://x) answers HTTP 400 Bad Request: {words}"
    assert granted(answer, 400) is answer


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_are_asked_for_without_a_reason_too(status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        granted(Answer("ours", status, {}), 200)
    assert caught.value.message == f"ours does not take our credentials (HTTP {status})"


def test_what_is_not_understood_is_the_counterparts_fault() -> None:
    def read(body: bytes) -> str:
        raise Malformed(f"answer is {body.decode()}")

    with pytest.raises(Unavailable, match=r"^ours does not answer what was asked: answer is odd$"):
        understood(Answer("ours", 200, {}, b"odd"), read)
