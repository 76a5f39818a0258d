"""What a run would do: what is known, what is asked, what refers to what, and everything that is flawed."""

import hashlib
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from strategies import AUTHOR, KEY, NAME, make_key, raw_cid
from workbench import ENGLISH, Bench

from mirror.errors import Refused
from mirror.formats.key import PublicKey
from mirror.formats.note import NOTE_AT_MOST
from mirror.formats.notes import Charter
from mirror.intake.drafts import Flawed, Options, read_draft
from mirror.intake.sheets import SIGNING_ROOM, as_testimony, fingerprint
from mirror.plan import CHAIN_AT_MOST, Answer, Plan, home_of, plan
from mirror.tree import note_path

HER_HASH = hashlib.sha256(b"her token").digest()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


def flaws(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.source.name, each.flaws) for each in plan.flawed]


def one_flaw(plan: Plan, name: str, words: str) -> None:
    """Exactly one file is flawed, for exactly one reason, and it says so."""
    assert [(source, len(reasons)) for source, reasons in flaws(plan)] == [(name, 1)]
    assert words in plan.flawed[0].flaws[0]
    assert plan.flawed[0].message == f"{plan.flawed[0].source}: {plan.flawed[0].flaws[0]}"


def steps(plan: Plan) -> list[tuple[str, int, int | None, int | None]]:
    assert flaws(plan) == []
    return [(step.source.name, step.index, step.translation_of, step.replaces) for step in plan.steps]


# What is listed, and in which order


def test_files_are_listed_in_the_order_in_which_they_are_named(bench: Bench) -> None:
    made = bench.plan(bench.write("b.md", "B."), bench.write("a.md", "A.", title="T"))
    assert steps(made) == [("b.md", 1, None, None), ("a.md", 2, None, None)]
    assert [step.title for step in made.steps] == [None, "T"]
    assert (made.size, made.known, made.repaired) == (1, [], [])
    assert made.steps[0].sheet.digest == hashlib.sha256(b"B.\n").digest()


def test_a_plan_writes_nothing(bench: Bench) -> None:
    path = bench.write("one.md")
    bench.plan()
    before = {each: each.read_bytes() for each in bench.base.rglob("*") if each.is_file() and "cache" not in each.parts}
    bench.plan(path)
    assert before == {
        each: each.read_bytes() for each in bench.base.rglob("*") if each.is_file() and "cache" not in each.parts
    }


def test_a_file_named_twice_is_listed_once(bench: Bench) -> None:
    path = bench.write("one.md")
    assert steps(bench.plan(path, bench.folder / ".." / "drafts" / "one.md", path)) == [("one.md", 1, None, None)]


def test_a_file_under_two_names_is_one_file(bench: Bench) -> None:
    one = bench.write("one.md", "One.", replaces="2.md")
    two = bench.write("2.md", "Two.")
    os.symlink(two, bench.base / "named.md")
    assert steps(bench.plan(bench.base / "named.md", one)) == [("named.md", 1, None, None), ("one.md", 2, None, 1)]


def test_repairs_are_told(bench: Bench) -> None:
    path = bench.write("one.md", "a\tb")
    assert bench.plan(path).repaired == [(path, ("line 1, column 2: tab made four spaces",))]


# What is known


def test_the_same_text_is_not_listed_again_from_whatever_file(bench: Bench) -> None:
    one = bench.write("one.md", title="T", tags=["work"])
    bench.publish(one)
    two = bench.write("two.md", title="T", tags=["work"])
    for paths in ([one], [two], [one, two]):
        made = bench.plan(*paths)
        assert (list(made.steps), made.known) == ([], [(path, 1) for path in paths])
    bench.publish(two)
    assert bench.head.size == 2


def test_two_files_of_one_run_with_the_same_text_are_listed_once(bench: Bench) -> None:
    one, two = bench.write("one.md"), bench.write("two.txt", "What happened.\n\n")
    made = bench.plan(one, two)
    assert steps(made) == [("one.md", 1, None, None)]
    assert made.known == [(two, 1)]


def test_the_same_words_in_another_language_or_under_another_title_are_another_text(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    others = [{"language": "mk"}, {"title": "T"}, {"date": "2018"}, {"tags": ["work"]}, {"warning": "w"}]
    made = bench.plan(*(bench.write(f"{at}.md", **front) for at, front in enumerate(others)))
    assert len(steps(made)) == len(others)


def test_a_signed_note_is_known_again_by_its_text(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    again = bench.hand_in("again.txt", salt=bytes(range(16)))
    assert bench.plan(again).known == [(again, 1)]
    other = bench.hand_in("other.txt", make_key("eve.example", "eve"))
    assert steps(bench.plan(other)) == [("other.txt", 2, None, None)]


def test_what_a_crash_kept_from_being_remembered_is_remembered_from_the_log(bench: Bench) -> None:
    one = bench.write("one.md")
    bench.publisher.publish(bench.plan(one), ENGLISH, tokens=True, listed=lambda made: None)
    assert bench.plan(one).known == [(one, 1)]
    bench.workspace.archive.close()
    (bench.workspace.home / "secret" / "texts.sqlite").unlink()
    bench.prepare()
    assert bench.plan(one).known == [(one, 1)]


def test_a_withdrawn_text_is_not_listed_again(bench: Bench) -> None:
    one = bench.write("one.md")
    bench.publish(one)
    bench.withdraw(1)
    again = bench.write("again.md")
    made = bench.plan(one, again)
    assert (list(made.steps), made.known, made.withdrawn) == ([], [], [(one, 1), (again, 1)])


def test_salt_token_and_references_do_not_make_another_text(bench: Bench) -> None:
    bench.publish(bench.write("one.md"), bench.write("two.md", "More.", translation_of="one.md", translator="human"))
    one, two = bench.testimony(1), bench.testimony(2)
    assert fingerprint(one) != fingerprint(two)
    assert steps(bench.plan(bench.write("three.md", "More."))) == []


# An edited file


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(Answer.REPLACES, [("one.md", 2, None, 1)]), (Answer.SEPARATE, [("one.md", 2, None, None)]), (Answer.SKIP, [])],
)
def test_an_edited_file_is_asked_about(bench: Bench, answer: Answer, expected: list[object]) -> None:
    bench.publish(bench.write("one.md"))
    path = bench.write("one.md", "What happened, and more.")
    asked = []

    def ask(path: Path, index: int) -> Answer:
        asked.append((path, index))
        return answer

    with bench.texts() as texts:
        made = plan([path], ENGLISH, bench.head, texts, ask)
    assert asked == [(path, 1)]
    assert steps(made) == expected
    bench.carry_out(made)
    if answer is Answer.REPLACES:
        assert bench.testimony(2).replaces == bench.head.entry(1).cid
        assert bench.testimony(2).withdrawal == bench.testimony(1).withdrawal
        assert steps(bench.plan(bench.write("one.md", "Again."), answer=answer)) == [("one.md", 3, None, 2)]
    if answer is Answer.SEPARATE:
        assert bench.testimony(2).withdrawal != bench.testimony(1).withdrawal


def test_an_edited_file_that_says_what_it_replaces_is_not_asked_about(bench: Bench) -> None:
    bench.publish(bench.write("one.md"), bench.write("two.md", "More."))
    assert steps(bench.plan(bench.write("one.md", "Other.", replaces=2))) == [("one.md", 3, None, 2)]


def test_another_text_that_an_author_signed_is_not_asked_about(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    again = bench.hand_in("hers.txt", body="Something else that happened to me.")
    assert steps(bench.plan(again)) == [("hers.txt", 2, None, None)]


def test_what_translates_a_skipped_file_translates_what_was_published(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    one = bench.write("one.md", "Changed.")
    two = bench.write("two.md", "Что.", translation_of="one.md", translator="human")
    assert steps(bench.plan(one, two, answer=Answer.SKIP)) == [("two.md", 2, 1, None)]


def test_an_edited_file_whose_text_was_withdrawn_is_left_out(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    bench.withdraw(1)
    path = bench.write("one.md", "What happened,")
    made = bench.plan(path)
    assert (steps(made), made.withdrawn) == ([], [(path, 1)])
    two = bench.write("two.md", "Что.", translation_of="one.md", translator="human")
    one_flaw(bench.plan(path, two), "two.md", "translation_of: #1 was withdrawn")
    assert steps(bench.plan(bench.write("another name.md", "Changed."))) == [("another name.md", 3, None, None)]


def test_who_answers_by_refusing_is_heard(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))

    def ask(path: Path, index: int) -> Answer:
        raise Refused(f"{path.name} was published as #{index} and has changed since")

    with bench.texts() as texts:
        made = plan([bench.write("one.md", "Changed.")], ENGLISH, bench.head, texts, ask)
    one_flaw(made, "one.md", "one.md was published as #1 and has changed since")


# What refers to what


def reference(bench: Bench, kind: str) -> str | int:
    given: dict[str, str | int] = {
        "index": 1,
        "index in words": "1",
        "index with a sign": "#1",
        "cid": str(bench.head.entry(1).cid),
        "file published before": "one.md",
        "its whole path": str(bench.folder / "one.md"),
        "a way around": "../drafts/one.md",
    }
    return given[kind]


@pytest.mark.parametrize("key", ["translation_of", "replaces"])
@pytest.mark.parametrize(
    "kind",
    ["index", "index in words", "index with a sign", "cid", "file published before", "its whole path", "a way around"],
)
def test_an_earlier_testimony_is_named_in_any_of_these_ways(bench: Bench, key: str, kind: str) -> None:
    bench.publish(bench.write("one.md"))
    front = {key: reference(bench, kind)} | ({"translator": "human"} if key == "translation_of" else {})
    path = bench.write("two.md", "More.", **front)
    expected = (1, None) if key == "translation_of" else (None, 1)
    assert steps(bench.plan(path)) == [("two.md", 2, *expected)]


def test_a_file_is_found_beside_the_one_that_names_it(bench: Bench) -> None:
    one = bench.write("sub/one.md")
    two = bench.write("sub/two.md", "More.", replaces="one.md")
    three = bench.write("three.md", "Even more.", replaces="sub/one.md")
    assert steps(bench.plan(one, two, three))[1:] == [("two.md", 2, None, 1), ("three.md", 3, None, 1)]


def test_originals_come_before_what_refers_to_them(bench: Bench) -> None:
    three = bench.write("3.md", "Three.", replaces="2.md")
    two = bench.write("2.md", "Two.", translation_of="1.md", translator="human")
    other = bench.write("0.md", "Zero.")
    one = bench.write("1.md", "One.")
    assert steps(bench.plan(three, other, two, one)) == [
        ("1.md", 1, None, None),
        ("2.md", 2, 1, None),
        ("3.md", 3, None, 2),
        ("0.md", 4, None, None),
    ]


def test_a_text_known_already_can_be_referred_to(bench: Bench) -> None:
    one = bench.write("one.md")
    bench.publish(one)
    two = bench.write("two.md", "Что.", translation_of="one.md", translator="human")
    made = bench.plan(two, one)
    assert steps(made) == [("two.md", 2, 1, None)]
    assert made.known == [(one, 1)]


def test_files_that_go_in_a_circle_are_flawed(bench: Bench) -> None:
    one = bench.write("one.md", "One.", translation_of="two.md", translator="human")
    two = bench.write("two.md", "Two.", translation_of="one.md", translator="human")
    itself = bench.write("self.md", "Self.", replaces="self.md")
    made = bench.plan(one, two, itself, bench.write("fine.md", "Fine."))
    assert flaws(made) == [
        ("one.md", ("it and another file translate or replace each other",)),
        ("two.md", (f"translation_of: {one} cannot be published as it is",)),
        ("self.md", ("it and another file translate or replace each other",)),
    ]


def test_a_long_row_of_files_is_no_circle(bench: Bench) -> None:
    paths = [
        bench.write(f"{at:03}.md", f"{at}.", **({"replaces": f"{at - 1:03}.md"} if at else {})) for at in range(150)
    ]
    assert [index for _, index, _, _ in steps(bench.plan(*reversed(paths)))] == list(range(1, 151))


@pytest.mark.parametrize("more", [0, 1])
def test_how_many_files_may_each_refer_to_the_next_is_bounded(bench: Bench, more: int) -> None:
    names = [f"{at:03}.md" for at in range(CHAIN_AT_MOST + more)]
    ahead = [bench.write(name, name, replaces=after) for name, after in pairwise(names)]
    last = bench.write(names[-1], "The first.")
    made = bench.plan(*ahead, last)
    words = f"it ends a chain of more than {CHAIN_AT_MOST} files that refer to each other; name it before those"
    assert flaws(made)[:1] == ([(names[-1], (words,))] if more else [])
    assert flaws(bench.plan(last, *reversed(ahead))) == []


def test_what_refers_to_a_flawed_file_is_told_apart_from_it(bench: Bench) -> None:
    bad = bench.write("bad.md", "a\x00")
    worse = bench.write("worse.md", "Worse.", replaces=17)
    one = bench.write("1.md", "One.", replaces="bad.md")
    two = bench.write("2.md", "Two.", replaces="worse.md")
    three = bench.write("3.md", "Three.", replaces="1.md")
    made = bench.plan(two, three, one, bad, worse)
    assert {source for source, _ in flaws(made)} == {"bad.md", "worse.md", "1.md"}
    assert ("worse.md", ("replaces: #17 is no testimony of this mirror",)) in flaws(made)
    assert ("1.md", (f"replaces: {bad} cannot be published as it is",)) in flaws(made)
    assert len(made.flawed) == 3


@pytest.mark.parametrize("key", ["translation_of", "replaces"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "it has to be a CID, an index or the name of a file"),
        ("0", "#0 is no testimony of this mirror"),
        (3, "#3 is no testimony of this mirror"),
        (2, "#2 is no testimony of this mirror"),
        ("#17", "#17 is no testimony of this mirror"),
        (str(raw_cid("nothing")), f"{raw_cid('nothing')} is not listed in edition 3"),
        ("absent.md", "absent.md is not among these files, and was not published from here"),
        ("/", "/ is not among these files, and was not published from here"),
        ("x" * 5000, "is not among these files, and was not published from here"),
    ],
)
def test_what_refers_to_nothing_is_flawed(bench: Bench, key: str, value: str | int, words: str) -> None:
    bench.publish(bench.write("one.md"))
    bench.withdraw(1)
    front = {key: value} | ({"translator": "human"} if key == "translation_of" else {})
    one_flaw(bench.plan(bench.write("two.md", "More.", **front)), "two.md", words)


def test_a_withdrawn_testimony_is_neither_translated_nor_replaced(bench: Bench) -> None:
    one = bench.write("one.md")
    bench.publish(one)
    cid = str(bench.head.entry(1).cid)
    bench.withdraw(1)
    for value in (1, cid, "one.md", "#1"):
        for key in ("translation_of", "replaces"):
            front = {key: value} | ({"translator": "human"} if key == "translation_of" else {})
            path = bench.write("two.md", "More.", **front)
            one_flaw(bench.plan(path), "two.md", f"{key}: #1 was withdrawn")
            one_flaw(bench.plan(one, path), "two.md", f"{key}: #1 was withdrawn")


def test_a_loop_of_symbolic_links_is_only_a_name_that_is_not_there(bench: Bench) -> None:
    os.symlink("loop.md", bench.folder / "loop.md")
    path = bench.write("one.md", replaces="loop.md")
    one_flaw(bench.plan(path), "one.md", "loop.md is not among these files")


def test_options_refer_too(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    options = Options(language="ru", translation_of="#1", translator="machine-reviewed")
    made = bench.plan(bench.write("two.md", "Что."), options=options)
    assert steps(made) == [("two.md", 2, 1, None)]
    bench.carry_out(made, options)
    assert bench.testimony(2).translator == "machine-reviewed"


# Accounts


def test_one_text_is_of_one_account(bench: Bench) -> None:
    bench.publish(bench.write("1.md", "One."), bench.write("2.md", "Two."))
    both = bench.write("3.md", "Three.", translation_of=1, translator="human", replaces=2)
    one_flaw(bench.plan(both), "3.md", "it translates one account and replaces another")
    new = [bench.write("4.md", "Four."), bench.write("5.md", "Five.")]
    mixed = bench.write("6.md", "Six.", translation_of="4.md", translator="human", replaces="5.md")
    one_flaw(bench.plan(*new, mixed), "6.md", "it translates one account and replaces another")
    older = bench.write("7.md", "Seven.", translation_of="4.md", translator="human", replaces=1)
    one_flaw(bench.plan(*new, older), "7.md", "it translates one account and replaces another")


def test_a_new_version_of_a_translation_is_of_the_same_account(bench: Bench) -> None:
    bench.publish(bench.write("1.md", "One."), bench.write("2.md", "Два.", translation_of="1.md", translator="human"))
    version = bench.write("3.md", "Два, точно.", translation_of=1, translator="human", replaces=2)
    draft = bench.write("4.md", "Deux.", translation_of="3.md", translator="human", replaces="1.md")
    assert steps(bench.plan(version, draft)) == [("3.md", 3, 1, 2), ("4.md", 4, 3, 1)]


# Notes that authors signed


def test_a_signed_note_is_listed_as_it_is(bench: Bench) -> None:
    assert steps(bench.plan(bench.hand_in("hers.txt", title="Mine"))) == [("hers.txt", 1, None, None)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mirror": "other.example"}, f"it was signed for the mirror other.example, not {NAME}"),
        ({"charter": raw_cid("another")}, "it was signed for another mirror of this name, with another charter"),
        ({"replaces": raw_cid("nothing")}, "is not listed in edition 1"),
    ],
)
def test_a_note_signed_for_something_else_is_flawed(bench: Bench, values: dict[str, object], words: str) -> None:
    one_flaw(bench.plan(bench.hand_in("hers.txt", **values)), "hers.txt", words)


def test_a_note_signed_with_the_mirrors_own_key_is_flawed(bench: Bench) -> None:
    author = type(KEY)("anna.example", KEY.seed)
    assert author.public == PublicKey("anna.example", KEY.public.raw)
    one_flaw(bench.plan(bench.hand_in("hers.txt", author)), "hers.txt", "its author's key is the mirror's own")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("What happened", "What happend", "the signature by anna.example is not valid"),
        ("Language: en", "Language: mk", "the signature by anna.example is not valid"),
        ("Language: en\n", "Language: en\nTitle: T\n", "the signature by anna.example is not valid"),
        ("Language: en", "Language: EN", "language tag 'EN' is spelled 'en'"),
        ("— anna.example", "— eve.example", "has a line by eve.example where anna.example has to sign"),
        ("\n", "\r\n", "it begins like a signed note and is no testimony as its author signed it; ask for it again"),
        ("mirror/v1", "\ufeffmirror/v1", "it begins like a signed note and is no testimony as its author signed it"),
        ("mirror/v1", " mirror/v1", "it begins like a signed note and is no testimony as its author signed it"),
        ("mirror/v1", "mirror/v2", "it begins like a signed note and is no testimony as its author signed it"),
        ("testimony", "announcement", "it begins like a signed note and is no testimony as its author signed it"),
    ],
)
def test_a_note_that_was_changed_after_it_was_signed_is_flawed(bench: Bench, old: str, new: str, words: str) -> None:
    path = bench.hand_in("hers.txt")
    path.write_bytes(path.read_bytes().decode().replace(old, new).encode())
    one_flaw(bench.plan(path), "hers.txt", words)


def test_a_note_published_already_is_not_handed_in(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    data = bench.head.tree.read(note_path(1))
    path = bench.folder / "copied.txt"
    path.write_bytes(data)
    one_flaw(bench.plan(path), "copied.txt", "the testimony carries a signature line more than it may")
    path.write_bytes(bench.workspace.archive.announcement_path.read_bytes())
    one_flaw(bench.plan(path), "copied.txt", "it begins like a signed note and is no testimony as its author signed it")


def test_only_its_author_replaces_an_authored_text(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    cid = bench.head.entry(1).cid
    words = "it would replace #1, which only its author can replace"
    one_flaw(bench.plan(bench.write("theirs.md", "Other.", replaces=1)), "theirs.md", words)
    eve = make_key("eve.example", "eve")
    one_flaw(bench.plan(bench.hand_in("eves.txt", eve, body="Other.", replaces=cid)), "eves.txt", words)
    hers = bench.hand_in("again.txt", body="Other.", replaces=cid)
    assert steps(bench.plan(hers)) == [("again.txt", 2, None, 1)]
    named = bench.write("x.md", "Other.", replaces="hers.txt")
    one_flaw(bench.plan(named), "x.md", words)


def test_only_its_author_replaces_what_she_hands_in_with_the_same_run(bench: Bench) -> None:
    hers = bench.hand_in("hers.txt")
    one_flaw(
        bench.plan(bench.write("theirs.md", "Other.", replaces="hers.txt"), hers),
        "theirs.md",
        "it would replace #1, which only its author can replace",
    )


def test_an_edited_file_does_not_replace_what_an_author_signed(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    (bench.folder / "hers.txt").unlink()
    path = bench.write("hers.txt", "Not hers.")
    one_flaw(
        bench.plan(path, answer=Answer.REPLACES), "hers.txt", "it would replace #1, which only its author can replace"
    )


def test_anybody_may_translate_an_authored_text(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    bench.publish(bench.write("t.md", "Что случилось со мной.", translation_of=1, translator="human"))
    assert bench.testimony(2).withdrawal == HER_HASH
    assert bench.verify().counts.testimonies == 2


def test_a_signed_translation_or_version_has_to_share_the_token_of_its_original(bench: Bench) -> None:
    bench.publish(bench.write("1.md", "One."), bench.hand_in("hers.txt"))
    mine, hers = bench.head.entry(1), bench.head.entry(2)
    words = "its Withdrawal is not that of what it translates or replaces, so one token would not cover both"
    wrong = bench.hand_in("a.txt", body="A.", translation_of=mine.cid, translator="human")
    one_flaw(bench.plan(wrong), "a.txt", words)
    wrong = bench.hand_in("a.txt", body="A.", replaces=hers.cid, withdrawal=bytes(32))
    one_flaw(bench.plan(wrong), "a.txt", words)
    right = bench.hand_in("a.txt", body="A.", translation_of=mine.cid, translator="human", withdrawal=mine.withdrawal)
    other = bench.hand_in("b.txt", body="B.", replaces=hers.cid)
    assert steps(bench.plan(right, other)) == [("a.txt", 3, 1, None), ("b.txt", 4, None, 2)]


def test_a_text_without_author_may_be_replaced_by_somebody_who_signs(bench: Bench) -> None:
    bench.publish(bench.write("1.md", "One."))
    first = bench.head.entry(1)
    path = bench.hand_in("hers.txt", replaces=first.cid, withdrawal=first.withdrawal)
    bench.publish(path)
    assert bench.testimony(2).replaces == first.cid
    assert bench.verify().counts.by_authors == 1


# All that is flawed is named


def test_every_flawed_file_is_named_with_every_reason(bench: Bench) -> None:
    made = bench.plan(
        bench.write("1.md", "a\x00\nb\x07"),
        bench.write("2.md", language="english!", title="x" * 201),
        bench.write("3.md", "Fine."),
        bench.write("4.md", ""),
        bench.folder / "absent.md",
    )
    assert [source for source, _ in flaws(made)] == ["1.md", "2.md", "4.md", "absent.md"]
    assert flaws(made)[0][1] == (
        "line 1, column 2: U+0000 is a control character",
        "line 2, column 2: U+0007 is a control character",
    )
    assert len(flaws(made)[1][1]) == 2
    assert flaws(made)[2][1] == ("there is no text",)
    assert [step.source.name for step in made.steps] == ["3.md"]
    assert all(isinstance(each, Flawed) for each in made.flawed)


def test_a_text_that_no_note_can_hold_is_flawed_before_anything_is_signed(bench: Bench) -> None:
    alone = as_testimony(read_draft(bench.write("one.md", "x"), ENGLISH), home_of(bench.head))
    room = NOTE_AT_MOST - SIGNING_ROOM - len(alone.text.encode()) + 1
    bench.publish(bench.write("one.md", "x" * room))
    for body in ("x" * (room + 1), "x\ty" * (room // 4)):
        one_flaw(bench.plan(bench.write("two.md", body)), "two.md", "longer than a note may be; divide it into")


def test_what_signing_adds_fits_its_room(tmp_path: Path) -> None:
    key = make_key("n" * 255, "mirror")
    bench = Bench(tmp_path, Charter(key.name, key.public, bytes(32), "en", "T", "B."), key)
    bench.publish(bench.write("one.md"))
    added = len(bench.head.tree.read(note_path(1))) - len(bench.testimony(1).text.encode())
    references = f"Translation-Of: {raw_cid('x')}\nTranslator: machine-reviewed\nReplaces: {raw_cid('x')}\n"
    assert added + len(references) < SIGNING_ROOM
    bench.workspace.archive.close()


def test_authors_are_told_apart_by_key_not_by_name(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    namesake = make_key(AUTHOR.name, "another anna")
    path = bench.hand_in("other.txt", namesake, body="Other.", replaces=bench.head.entry(1).cid)
    one_flaw(bench.plan(path), "other.txt", "which only its author can replace")
