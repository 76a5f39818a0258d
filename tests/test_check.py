"""One note judged, and the rules that entries keep among themselves, without a tree around them."""

import hashlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NAME, Mirror, sign_text, token

from mirror.check import (
    Finding,
    Listed,
    Listing,
    Problem,
    Rules,
    author_of_note,
    judge,
    judge_all,
    open_withdrawal,
)
from mirror.errors import BadSignature, Malformed, MirrorError, NeedsNewer, Unverified
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.formats.entry import parse as parse_entry
from mirror.formats.notes import Withdrawal

MIRROR = Mirror()
RULES = Rules(MIRROR.key.public, MIRROR.charter_cid)
HASH = bytes(32)


def listed(mirror: Mirror, index: int) -> tuple[int, bytes, bytes]:
    row = mirror.rows[index]
    return index, row.entry, row.note or b""


def entry(number: int, kind: str = "testimony") -> bytes:
    return bytes(Entry(kind, CID.of_raw(b"%d" % number), HASH if kind == "testimony" else None))


def withdrawal(*indexes: int, token: bytes | None = None, reason: str | None = None) -> Withdrawal:
    return Withdrawal(NAME, MIRROR.charter_cid, indexes, reason, token)


def listing(*entries: bytes) -> Listing:
    made = Listing()
    for each in (entry(0, "charter"), *entries):
        made.add(each)
    return made


# judge


def test_a_good_note_gives_what_its_rules_need() -> None:
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"x"})
    cid = CID.of_raw(mirror.rows[1].note or b"")
    mirror.testify("Two.", author=mirror.author.public, translation_of=cid, translator="human", replaces=cid)
    mirror.withdraw(1)
    one, two, three = (judge(RULES, *listed(mirror, index)) for index in (2, 3, 0))
    assert [each.error for each in (one, two, three)] == [None, None, None]
    assert (one.index, one.author, one.translation_of, one.replaces) == (2, mirror.author.public.raw, cid, cid)
    assert (two.index, two.author, two.attachments) == (3, b"", ())
    text, _, _ = (mirror.rows[2].note or b"").rpartition(b"\n\n")
    assert one.text_hash == hashlib.sha256(text + b"\n").digest()


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"mirror": "others.example"}, Unverified, "it is of the mirror others.example, not voices.example/archive"),
        (
            {"charter": CID.of_raw(b"")},
            Unverified,
            "it was signed for another log of that name, whose charter is bafkrei",
        ),
        ({"sign": lambda text: sign_text(text, MIRROR.author)}, BadSignature, "has a line by anna"),
        ({"sign": lambda text: sign_text("mirror/v2 testimony\n", MIRROR.key)}, NeedsNewer, "version mirror/v2"),
        ({"sign": lambda text: b""}, Malformed, "no empty line"),
    ],
)
def test_a_bad_note_gives_its_error(values: dict[str, object], kind: type[MirrorError], words: str) -> None:
    mirror = Mirror()
    mirror.testify("One.", **values)  # type: ignore[arg-type]
    finding = judge(RULES, *listed(mirror, 1))
    assert type(finding.error) is kind
    assert words in str(finding.error)


def test_where_there_is_only_a_hash_to_say_only_that_travels() -> None:
    mirror = Mirror()
    mirror.testify("One.")
    mirror.testify("Two.", author=mirror.author.public)
    mirror.testify("Three.", files={"1.jpg": b"x"})
    mirror.testify("Four.", translation_of=CID.of_raw(b""), translator="human")
    mirror.testify("Five.", replaces=CID.of_raw(b""))
    mirror.testify("Six.", mirror="others.example")
    whole = [judge(RULES, *listed(mirror, index)) for index in range(7)]
    brief = judge_all(RULES, [Listed(*listed(mirror, index)) for index in range(7)])
    assert brief[:2] == [each.text_hash for each in whole[:2]]
    assert [str(each) for each in brief[2:]] == [str(each) for each in whole[2:]]


def test_a_note_that_is_read_where_it_lies_is_hashed_before_it_is_judged() -> None:
    mirror = Mirror()
    mirror.testify("One.")
    mirror.testify("Two.", author=mirror.author.public)
    here = [listed(mirror, index) for index in range(3)]
    one, two = (CID.of_raw(data).digest for _, _, data in here[1:])
    said = [("car", place, 1, digest) for place in range(5) for digest in (one, two)]
    held = [here[1][2], here[2][2], here[2][2][:-1], b"", None]
    batch = [Listed(*here[0]), *(Listed(*here[2 - (place[-1] == one)][:2], place) for place in said)]
    first, second = judge(RULES, *here[1]).text_hash, judge(RULES, *here[2])
    found = judge_all(RULES, batch, lambda places: [held[start] for _, start, _, _ in places])
    assert found == [judge(RULES, *here[0]).text_hash, first, None, None, second, *[None] * 6]
    assert judge_all(RULES, batch[:2]) == [judge(RULES, *here[0]).text_hash, None]


def test_findings_travel_between_processes() -> None:
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"x"}, author=mirror.author.public)
    mirror.testify("Two.", mirror="others.example")
    for index in (1, 2):
        finding = judge(*pickle.loads(pickle.dumps((RULES, *listed(mirror, index)))))
        copied = pickle.loads(pickle.dumps(finding))
        assert str(copied.error) == str(finding.error)
        assert type(copied.error) is type(finding.error)
        assert (copied.attachments, copied.author, copied.text_hash) == (
            finding.attachments,
            finding.author,
            finding.text_hash,
        )


def test_signatures_are_computed_unless_it_is_said_otherwise() -> None:
    mirror = Mirror()
    line = sign_text("Another text.\n", mirror.key).partition(b"\n\n")[2]
    mirror.testify("One.", sign=lambda text: f"{text}\n".encode() + line)
    assert isinstance(judge(RULES, *listed(mirror, 1)).error, BadSignature)
    hashes_only = Rules(RULES.key, RULES.charter, signatures=False)
    assert judge(hashes_only, *listed(mirror, 1)).error is None


@given(st.binary(max_size=200))
def test_any_bytes_give_a_finding(data: bytes) -> None:
    assert judge(RULES, 1, entry(1), data).error is not None


def test_a_withdrawal_is_opened_with_its_signature_even_where_others_are_not() -> None:
    mirror = Mirror()
    mirror.testify("One.")
    mirror.withdraw(1)
    assert open_withdrawal(RULES, parse_entry(mirror.rows[2].entry), mirror.rows[2].note or b"").indexes == (1,)
    line = sign_text("Another text.\n", mirror.key).partition(b"\n\n")[2]
    forged = f"{withdrawal(1).text}\n".encode() + line
    with pytest.raises(BadSignature, match=f"the signature by {NAME} is not valid"):
        open_withdrawal(
            Rules(RULES.key, RULES.charter, signatures=False),
            Entry("withdrawal", CID.of_raw(forged)),
            forged,
        )


def test_who_an_author_is() -> None:
    mirror = Mirror()
    mirror.testify("One.")
    mirror.testify("Two.", author=mirror.author.public)
    assert author_of_note(mirror.rows[1].note or b"") == b""
    assert author_of_note(mirror.rows[2].note or b"") == mirror.author.public.raw
    with pytest.raises(Malformed):
        author_of_note(mirror.charter)


# Listing


def test_the_first_entry_is_the_charter_and_no_other_is() -> None:
    with pytest.raises(Unverified, match="the first entry is no charter"):
        Listing().add(entry(1))
    with pytest.raises(Unverified, match="the first entry is no charter"):
        Listing().add(b"newer words")
    with pytest.raises(Unverified, match="a second charter"):
        listing().add(entry(1, "charter"))


@pytest.mark.parametrize("kind", ["testimony", "withdrawal"])
@pytest.mark.parametrize("again", ["testimony", "withdrawal"])
def test_no_note_is_listed_twice(kind: str, again: str) -> None:
    made = listing(entry(1, kind))
    with pytest.raises(Unverified, match=r"the note bafkrei[a-z2-7]* is listed twice"):
        made.add(entry(1, again))
    with pytest.raises(Unverified, match="is listed twice"):
        made.add(entry(0, again))


def test_false_and_newer_entries_keep_their_place() -> None:
    made = listing(entry(1))
    with pytest.raises(Malformed, match="not an entry"):
        made.add(b"")
    assert made.add(b"amendment 3") is None
    assert made.add(entry(2)) == Entry("testimony", CID.of_raw(b"2"), HASH)
    assert len(made) == 5
    names = [CID.of_raw(data) for data in (b"0", b"1", b"2")]
    assert [made.cid_of(index) for index in range(5)] == [*names[:2], None, None, names[2]]
    assert [index for index in range(-1, 6) if made.is_testimony(index)] == [1, 4]
    assert made.index_of(CID.of_raw(b"2")) == 4
    assert made.index_of(CID.of_raw(b"3")) is None


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (withdrawal(0), "it withdraws #0, which is no earlier testimony"),
        (withdrawal(3), "it withdraws #3, which is no earlier testimony"),
        (withdrawal(4), "it withdraws #4, which is no earlier testimony"),
        (withdrawal(5), "it withdraws #5, which is no earlier testimony"),
        (withdrawal(2**63 - 1), f"it withdraws #{2**63 - 1}, which is no earlier testimony"),
        (withdrawal(1, token=token(9)), "it shows a token that is not that of #1"),
    ],
)
def test_a_withdrawal_that_is_false_withdraws_nothing(note: Withdrawal, words: str) -> None:
    made = listing(entry(1), entry(2), entry(3, "withdrawal"), entry(4, "withdrawal"), entry(5))
    assert made.withdraw(4, note, lambda index: HASH) == [Problem(4, words)]
    assert made.withdrawn == {}


def test_a_withdrawal_that_is_false_in_one_index_withdraws_none() -> None:
    made = listing(entry(1), entry(2), entry(3, "withdrawal"))
    assert [each.words for each in made.withdraw(3, withdrawal(1, 3, 7), lambda index: HASH)] == [
        "it withdraws #3, which is no earlier testimony",
        "it withdraws #7, which is no earlier testimony",
    ]
    assert made.withdrawn == {}


def test_a_withdrawal_with_its_token_or_a_reason_holds_once() -> None:
    made = listing(entry(1), entry(2), entry(3, "withdrawal"), entry(4, "withdrawal"))
    hash_of = {1: hashlib.sha256(token(1)).digest(), 2: hashlib.sha256(token(1)).digest()}.__getitem__
    assert made.withdraw(3, withdrawal(1, token=token(1)), hash_of) == []
    assert made.withdraw(4, withdrawal(2, reason="legal"), hash_of) == []
    assert [(each.by, each.with_token, each.reason) for each in made.withdrawn.values()] == [
        (3, True, None),
        (4, False, "legal"),
    ]
    assert made.withdraw(4, withdrawal(1), hash_of) == [Problem(4, "it withdraws #1, which #3 withdrew already")]


def finding(index: int, **values: object) -> Finding:
    return Finding(index, text_hash=b"text %d" % index, **values)  # type: ignore[arg-type]


def test_no_text_is_listed_twice() -> None:
    made = listing(entry(1), entry(2))
    assert made.take(Finding(1, text_hash=b"same"), lambda index: b"") == []
    assert made.take(Finding(2, text_hash=b"same"), lambda index: b"") == [Problem(2, "its text is listed before")]


@pytest.mark.parametrize("word", ["translation_of", "replaces"])
@pytest.mark.parametrize("target", [b"0", b"2", b"3", b"9"])
def test_only_an_earlier_testimony_is_translated_or_replaced(word: str, target: bytes) -> None:
    made = listing(entry(1), entry(2), entry(3))
    cid = CID.of_raw(target)
    (problem,) = made.take(finding(2, **{word: cid}), lambda index: b"")
    verb = "translates" if word == "translation_of" else "replaces"
    assert problem == Problem(2, f"it {verb} {cid}, which is no earlier testimony here")
    assert made.take(finding(3, **{word: CID.of_raw(b"1")}), lambda index: b"") == []


@pytest.mark.parametrize(
    ("before", "now", "holds"),
    [(b"", b"", True), (b"", b"anna", True), (b"anna", b"anna", True), (b"anna", b"", False), (b"anna", b"eva", False)],
)
def test_only_the_author_replaces_what_an_author_signed(before: bytes, now: bytes, holds: bool) -> None:
    made = listing(entry(1), entry(2))
    problems = made.take(finding(2, author=now, replaces=CID.of_raw(b"1")), {1: before}.__getitem__)
    assert problems == ([] if holds else [Problem(2, "it replaces #1, whose author did not sign it")])
