"""Where a name leads: the newest of what verifies, whoever says it; forks, rollbacks and liars come to light."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import KEY, NAMESAKE
from workbench import Bench

from mirror import naming
from mirror.edition import Edition
from mirror.errors import Forked, Malformed, MirrorError, Missing, Refused, Unavailable
from mirror.formats import cbor, ipns, protobuf
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import Naming
from mirror.formats.key import SecretKey
from mirror.naming import Heard, Known

NAME = KEY.public.ipns
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
ROOT, OTHER = CID.of(DAG_PB, b"a tree"), CID.of(DAG_PB, b"another tree")


def record(sequence: int, root: CID = ROOT, year: int = 2031, signer: SecretKey = KEY) -> bytes:
    return ipns.sign(Naming(signer.public, root, sequence, date(year, 12, 1)), signer)


class Keeper:
    """Keeps a name in memory, honestly, unless `says` has it answer something else."""

    def __init__(
        self, who: str = "keeper", holds: bytes | None = None, says: bytes | MirrorError | None = None
    ) -> None:
        self.who = who
        self.holds = holds
        self.says = says
        self.refuses: MirrorError | None = None

    def get_name(self, key: CID) -> bytes:
        assert key == NAME
        answer = self.says or self.holds or Missing(f"{self.who} has no record")
        if isinstance(answer, MirrorError):
            raise answer
        return answer

    def put_name(self, given: bytes, key: CID) -> None:
        assert key == NAME
        if self.refuses is not None:
            raise self.refuses
        if self.holds is None or ipns.open_record(self.holds, NAME).order <= ipns.open_record(given, NAME).order:
            self.holds = given


def ask(*keepers: Keeper) -> list[Heard]:
    return naming.ask(keepers, NAME, NOW)


# Asking


def test_each_answer_is_verified_and_kept_apart() -> None:
    heard = ask(
        Keeper("a", record(3)),
        Keeper("b", record(9, year=2025)),
        Keeper("c"),
        Keeper("d", says=Unavailable("d cannot be reached")),
        Keeper("e", says=record(9, signer=NAMESAKE)),
        Keeper("f", says=record(9)[:-1]),
        Keeper("g", says=b"<html>"),
        Keeper("h", says=Malformed("h is larger than any record")),
        Keeper("i", record(4)),
    )
    states = ["record", "ended", "none", "silent", "false", "false", "false", "false", "record"]
    assert [each.state for each in heard] == states
    assert [each.who for each in heard] == list("abcdefghi")
    assert heard[1].words == "b has a record that ended on 2025-12-01"
    assert heard[4].words.startswith("e answers what is no record of this name: the signature by k51")
    assert heard[7].words == "h answers what is no record of this name: h is larger than any record"
    newest = naming.newest(heard)
    assert newest is not None
    assert (newest.who, newest.data) == ("i", record(4))


def test_nobody_has_it() -> None:
    assert naming.newest(ask(Keeper(), Keeper(says=b"x"), Keeper(holds=record(1, year=2025)))) is None
    assert naming.ask([], NAME, NOW) == naming.put([], b"", NAME) == []


def test_a_record_that_leads_to_no_tree_is_no_mirrors() -> None:
    data = ipns.sign(Naming(KEY.public, ROOT, 1, date(2031, 12, 1)), KEY)
    assert ask(Keeper(holds=data))[0].state == "record"
    with pytest.raises(Malformed, match="leads to no tree"):
        naming.open_heard("x", _elsewhere(), NAME, NOW)


def _elsewhere() -> bytes:
    data = cbor.encode(
        {"TTL": 0, "Value": b"/ipns/example.org", "Sequence": 1, "Validity": b"2031-12-01T00:00:00Z", "ValidityType": 0}
    )
    return protobuf.bytes_field(8, KEY.sign(_Loose(b"ipns-signature:" + data))) + protobuf.bytes_field(9, data)


class _Loose(ipns.Statement):
    def __init__(self, said: bytes) -> None:
        self.said = said

    def signed_bytes(self, signer: object) -> bytes:
        return self.said


@given(st.permutations([(3, 2031), (3, 2032), (2, 2040), (1, 2031), (4, 2025)]))
def test_the_newest_does_not_depend_on_whom_one_asks_first(order: list[tuple[int, int]]) -> None:
    newest = naming.newest(ask(*(Keeper(holds=record(number, year=year)) for number, year in order)))
    assert newest is not None
    assert newest.data == record(3, year=2032)


@pytest.mark.parametrize("liars", [1, 19])
def test_one_honest_source_is_enough(liars: int) -> None:
    lies = [record(9, signer=NAMESAKE), b"", b"x" * 99, record(9)[:50], record(2), record(9, year=2025)]
    keepers = [Keeper(f"liar {at}", says=lies[at % len(lies)] or Missing("x")) for at in range(liars)]
    newest = naming.newest(ask(*keepers, Keeper("honest", record(3))))
    assert newest is not None
    assert newest.who == "honest"


# Forks and rollbacks


def test_one_number_with_two_trees_is_a_fork() -> None:
    heard = ask(Keeper("a", record(3)), Keeper("b", record(3, OTHER)))
    with pytest.raises(Forked) as raised:
        naming.check_one_history(heard, [])
    assert raised.value.message == (
        f"number 3 of this name leads to two trees: a says {ROOT}, b says {OTHER}; its key signed both"
    )
    naming.check_one_history(
        ask(Keeper("a", record(3)), Keeper("b", record(3, year=2032)), Keeper(holds=record(2, OTHER))), []
    )


def test_a_fork_shows_against_what_is_known_and_where_it_has_ended() -> None:
    known = [Known(3, ROOT, "what you verified before")]
    naming.check_one_history(ask(Keeper(holds=record(3))), known)
    for keeper in (Keeper("a", record(3, OTHER)), Keeper("a", record(3, OTHER, year=2025))):
        with pytest.raises(Forked, match=f"what you verified before says {ROOT}, a says {OTHER}"):
            naming.check_one_history(ask(keeper), known)


def test_nobody_can_make_up_a_fork() -> None:
    naming.check_one_history(ask(Keeper(holds=record(3)), Keeper(says=record(3, OTHER, signer=NAMESAKE))), [])


def test_an_older_record_than_is_known_is_a_rollback() -> None:
    newest = naming.newest(ask(Keeper(holds=record(3))))
    assert newest is not None
    assert naming.later_known(newest, []) is None
    assert naming.later_known(newest, [Known(3, ROOT, "x"), Known(2, OTHER, "y")]) is None
    later = Known(4, OTHER, "z")
    assert naming.later_known(newest, [Known(3, ROOT, "x"), later]) == later


# Signing


def test_the_end_is_a_first_of_a_month_five_years_on() -> None:
    assert naming.end_of_record(date(2026, 11, 22)) == date(2031, 11, 1)
    assert naming.end_of_record(date(2028, 2, 29)) == date(2033, 2, 1)
    assert naming.end_of_record(date(9998, 12, 31)) == date(9999, 12, 1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


def test_a_record_is_current_while_it_leads_to_the_edition(bench: Bench) -> None:
    first = bench.head
    data = naming.sign_name(first, KEY, NOW.date())
    opened = ipns.open_record(data, NAME)
    assert (opened.root, opened.sequence, opened.end) == (first.root, 1, datetime(2031, 11, 1, tzinfo=UTC))
    assert naming.sign_name(first, KEY, date(2026, 11, 1)) == data
    assert naming.is_current(data, first, NOW)
    assert naming.is_current(data, first, datetime(2031, 10, 31, 23, tzinfo=UTC))
    assert not naming.is_current(data, first, datetime(2031, 11, 1, tzinfo=UTC))
    for other in (None, b"", data[:-1], record(1), record(2, first.root), record(1, first.root, signer=NAMESAKE)):
        assert not naming.is_current(other, first, NOW)
    with pytest.raises(Refused, match="is not signed by another key"):
        naming.sign_name(first, NAMESAKE, NOW.date())
    bench.publish(bench.write("one.md"))
    assert not naming.is_current(data, bench.head, NOW)


def test_a_record_is_to_be_renewed_a_year_before_its_end() -> None:
    end = datetime(2031, 12, 1, tzinfo=UTC)
    opened = ipns.open_record(record(1), NAME)
    assert not naming.wants_renewal(opened, end - timedelta(days=365, seconds=1))
    assert naming.wants_renewal(opened, end - timedelta(days=365))
    assert naming.wants_renewal(opened, end)


# Before publishing


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.publish(bench.write("one.md"))
    yield bench.head
    bench.workspace.archive.close()


@pytest.mark.parametrize("keepers", [[], [Keeper()], [Keeper(says=Unavailable("x"))], [Keeper(holds=record(1, OTHER))]])
def test_an_edition_that_nobody_contradicts_is_the_newest(edition: Edition, keepers: list[Keeper]) -> None:
    naming.check_newest(ask(*keepers, Keeper(holds=record(2, edition.root))), edition)


@pytest.mark.parametrize("year", [2031, 2025])
def test_a_later_edition_that_was_named_is_not_contradicted(edition: Edition, year: int) -> None:
    before = (Keeper("b", record(2, edition.root)), Keeper("c", record(3, OTHER)))
    heard = ask(*before, Keeper("a", record(4, OTHER, year)), Keeper("d", record(3, OTHER)))
    with pytest.raises(Refused, match="a shows that edition 4 was named with this key, and this copy is at edition 2"):
        naming.check_newest(heard, edition)


def test_another_tree_of_this_number_is_a_fork(edition: Edition) -> None:
    with pytest.raises(Forked, match=f"the archive says {edition.root}, a says {OTHER}"):
        naming.check_newest(ask(Keeper("a", record(2, OTHER))), edition)


# Putting


def put(keeper: Keeper, data: bytes) -> tuple[str, str]:
    (taken,) = naming.put([keeper], data, NAME)
    assert taken.who == keeper.who
    return taken.state, taken.words


def test_a_place_that_takes_it_gives_it_back() -> None:
    keeper = Keeper()
    for data in (record(1), record(1), record(1, year=2032), record(2)):
        assert put(keeper, data) == ("taken", "")
        assert keeper.holds == data


def test_a_place_that_drops_it_in_silence_is_found_out() -> None:
    assert put(Keeper(says=Missing("x")), record(1)) == (
        "behind",
        "keeper takes records and keeps none: is it connected?",
    )
    state, words = put(Keeper(says=record(1)), record(2))
    assert (state, "still shows an older one (number 1, until 2031-12-01)" in words) == ("behind", True)
    state, words = put(Keeper(says=record(1, signer=NAMESAKE)), record(1))
    assert (state, "gives back what is no record of this name" in words) == ("behind", True)
    state, words = put(Keeper(says=Unavailable("gone")), record(1))
    assert (state, words) == ("behind", "it was handed in, but whether it is kept is not known: gone")


def test_a_place_that_knows_better_says_so() -> None:
    state, words = put(Keeper(holds=record(3)), record(2))
    assert (state, words) == ("newer", "keeper knows a newer one: number 3, until 2031-12-01")
    assert put(Keeper(holds=record(2, year=2032)), record(2))[0] == "newer"
    state, words = put(Keeper(holds=record(2, OTHER, 2032)), record(2))
    assert (state, words) == ("forked", f"keeper leads number 2 to /ipfs/{OTHER}, and its key signed both")


def test_a_place_that_does_not_take_it() -> None:
    keeper = Keeper()
    keeper.refuses = Unavailable("keeper cannot be reached")
    assert put(keeper, record(1)) == ("silent", "keeper cannot be reached")
    keeper.refuses = Refused("keeper knows one that is as new or newer")
    assert put(keeper, record(1)) == ("behind", "keeper knows one that is as new or newer")
    keeper.holds = record(1)
    assert put(keeper, record(1)) == ("taken", "")


def test_one_that_fails_keeps_no_other_from_being_told() -> None:
    silent, honest = Keeper("a"), Keeper("b")
    silent.refuses = Unavailable("x")
    assert [each.state for each in naming.put([silent, honest], record(1), NAME)] == ["silent", "taken"]
    assert honest.holds == record(1)
