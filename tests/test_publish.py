"""Publishing: every edition verifies, nothing is half done, and no log is forked by accident."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pytest
from counterparts import shared
from strategies import AUTHOR, KEY, NAME, make_key, sign_loosely
from workbench import CHARTER, ENGLISH, Bench, front_matter

from mirror import tree
from mirror.errors import BadSignature, Forked, Missing, Refused, Unverified
from mirror.formats import car, notes
from mirror.formats.notes import Announcement
from mirror.intake import words
from mirror.intake.drafts import Flawed, Options
from mirror.intake.finding import find_files
from mirror.publish import Listed
from mirror.store.record import Record


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


def cids_in(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [str(section.cid) for section in car.sections(file)]


def announced(bench: Bench) -> Announcement:
    data = bench.workspace.archive.announcement()
    assert data is not None
    return notes.open_as(Announcement, data, KEY.public)


# The honest path


def test_a_mirror_is_founded_with_its_charter(bench: Bench) -> None:
    report = bench.verify()
    assert (report.edition, bench.head.size, report.counts.testimonies) == (1, 1, 0)
    assert bench.head.charter == CHARTER
    assert bytes(bench.head.entry(0)) == f"charter {bench.head.charter_cid}".encode()
    assert announced(bench).root_cid == bench.head.root
    assert bench.record.read(KEY.public) == announced(bench)
    with pytest.raises(Refused, match=r"archive holds a mirror already"):
        bench.publisher.found(CHARTER)


def test_a_mirror_is_not_founded_over_one_whose_head_is_lost(bench: Bench) -> None:
    bench.workspace.archive.head_path.unlink()
    with pytest.raises(Refused, match=r"archive holds a mirror already"):
        bench.publisher.found(CHARTER)


def test_a_mirror_is_not_founded_by_another_key(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=rf"the key of {NAME} may not sign this charter"):
        Bench(tmp_path, replace(CHARTER, key=make_key(NAME, "another").public))
    assert list((tmp_path / "voices" / "archive").rglob("*")) == []


def test_a_testimony_is_listed_and_reads_back(bench: Bench) -> None:
    path = bench.write(
        "one.md",
        "First.\n\n— Anna\n\nLast.",
        title="The seminar",
        language="mk",
        date="2018-04",
        tags=["work"],
        warning="w",
    )
    (listed,) = bench.publish(path)
    made = bench.testimony(1)
    assert (made.body, made.title, made.language, made.date) == (
        "First.\n\n— Anna\n\nLast.",
        "The seminar",
        "mk",
        "2018-04",
    )
    assert (made.tags, made.warning, made.author) == (("work",), "w", None)
    assert (listed.index, listed.source, listed.step.title) == (1, path, "The seminar")
    assert bench.head.entry(1).cid == listed.cid
    assert made.charter == bench.head.charter_cid
    assert bench.verify().counts.testimonies == 1


def test_each_edition_verifies_and_adds_only_what_is_new(bench: Bench) -> None:
    for number in range(2, 6):
        names = [f"{number}-{at}.md" for at in range(number)]
        bench.publish(*(bench.write(name, f"What {name} says.") for name in names))
        report = bench.verify()
        assert (report.edition, report.counts.testimonies) == (number, sum(range(2, number + 1)))
    cars = list(bench.workspace.archive.editions().values())
    blocks = [cid for path in cars for cid in cids_in(path)]
    assert len(cars) == 5
    assert len(blocks) == len(set(blocks))
    for path in cars:
        with path.open("rb") as file:
            assert len(car.read_header(file).roots) == 1


def test_the_checkpoint_is_the_last_block(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    assert cids_in(bench.car)[-1] == str(bench.head.tree.link((tree.CHECKPOINT,)).cid)


def test_what_is_returned_is_what_was_done(bench: Bench) -> None:
    bench.prepare()
    published = bench.carry_out(bench.plan(bench.write("one.md"), bench.write("two.md", "More.")))
    assert (published.edition, published.size, published.root_cid) == (2, 3, bench.head.root)
    assert published.new_blocks == len(cids_in(bench.car))
    assert published.announcement == bench.workspace.archive.announcement()
    assert announced(bench) == Announcement(
        NAME, bench.head.charter_cid, 2, 3, bench.head.checkpoint.root_hash, bench.head.root
    )
    assert bench.record.read(KEY.public) == announced(bench)


def test_an_edition_with_nothing_new_verifies_too(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    before = bench.head
    published = bench.carry_out(bench.plan())
    assert (published.edition, published.size) == (3, 2)
    assert bench.head.checkpoint == before.checkpoint
    assert bench.verify().edition == 3


def test_many_files_keep_their_order_across_bundles(bench: Bench) -> None:
    paths = [bench.write(f"{at:03}.md", f"Account {at}.") for at in range(300)]
    listed = bench.publish(*paths)
    assert [made.source for made in listed] == paths
    assert [made.index for made in listed] == list(range(1, 301))
    assert bench.testimony(257).body == "Account 256."
    bench.publish(bench.write("last.md", "The last."))
    assert bench.verify().counts.testimonies == 301


def test_a_lost_or_damaged_index_changes_nothing(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    for damage in (None, b"", b"no database at all" * 100):
        bench.workspace.archive.close()
        for path in (bench.workspace.home / "cache").glob("index.sqlite*"):
            path.unlink()
        if damage is not None:
            (bench.workspace.home / "cache" / "index.sqlite").write_bytes(damage)
        bench.start()
        assert bench.verify().edition == bench.head.number
    bench.publish(bench.write("two.md", "More."))
    assert bench.verify().counts.testimonies == 2
    blocks = [cid for path in bench.workspace.archive.editions().values() for cid in cids_in(path)]
    assert len(blocks) == len(set(blocks))


def test_two_mirrors_of_the_same_drafts_and_chance_are_the_same_bytes(tmp_path: Path) -> None:
    archives = []
    for name in ("one", "two"):
        bench = Bench(tmp_path / name)
        bench.publish(bench.write("one.md", title="The seminar"))
        archives.append(bench.files())
        bench.workspace.archive.close()
    assert archives[0] == archives[1]


def test_nothing_of_this_machine_is_published(bench: Bench) -> None:
    bench.publish(bench.write("a-telling-name.md"))
    published = b"".join(bench.files().values())
    for telling in (b"a-telling-name", str(bench.base).encode(), b"drafts", b".md"):
        assert telling not in published.lower()


def test_a_day_stands_in_the_edition_only_where_it_is_wanted(bench: Bench) -> None:
    assert bench.head.page.day is None
    plan = bench.plan(bench.write("one.md"))
    bench.publisher.publish(plan, ENGLISH, tokens=False, listed=lambda made: None, day="2026-11-21")
    assert bench.head.page.day == "2026-11-21"
    assert bench.verify().edition == 2


# Real texts


def test_the_declaration_of_human_rights_is_published_in_every_language(bench: Bench) -> None:
    folder = shared("data/udhr")
    languages = json.loads((folder / "languages.json").read_text("utf-8"))
    for name, about in languages.items():
        content = (folder / name).read_bytes().decode()
        head = front_matter(language=about["language"], title=about["title"])
        (bench.folder / name).write_bytes((head + content).encode())
    listed = bench.publish(*find_files([bench.folder]), options=Options())
    assert len(listed) == len(languages) > 30
    for made in listed:
        about, testimony = languages[made.source.name], bench.testimony(made.index)
        assert testimony.language == about["language"]
        assert testimony.title == normalize("NFC", about["title"])
        assert testimony.body == normalize("NFC", (folder / made.source.name).read_bytes().decode()).strip("\n")
    assert bench.verify().counts.testimonies == len(languages)


def test_the_samples_are_published_with_their_translation(bench: Bench) -> None:
    folder = Path(__file__).parent.parent / "docs" / "samples"
    listed = bench.publish(*find_files([folder]), options=Options())
    assert len(listed) == 21
    report = bench.verify()
    assert report.counts.testimonies == 21
    translations = [made for made in listed if bench.testimony(made.index).translation_of]
    assert translations
    assert all(made.token is None for made in translations)


# Accounts and their tokens


def test_a_token_hashes_to_the_withdrawal_and_goes_through_words(bench: Bench) -> None:
    one, two = bench.publish(bench.write("one.md"), bench.write("two.md", "More."))
    for made in (one, two):
        assert made.token is not None
        assert len(made.token) == 16
        assert hashlib.sha256(made.token).digest() == bench.testimony(made.index).withdrawal
        assert words.from_words(words.to_words(made.token)) == made.token
        assert bench.head.entry(made.index).withdrawal == bench.testimony(made.index).withdrawal
    assert one.token != two.token
    assert bench.testimony(1).salt != bench.testimony(2).salt


def test_no_token_is_kept_anywhere(bench: Bench) -> None:
    (made,) = bench.publish(bench.write("one.md"))
    assert made.token is not None
    kept = [path.read_bytes() for path in bench.base.rglob("*") if path.is_file()]
    assert not any(made.token in data or made.token.hex().encode() in data for data in kept)
    assert not any(words.to_words(made.token).encode() in data for data in kept)


def test_translations_and_new_versions_share_the_token_of_their_original(bench: Bench) -> None:
    one = bench.write("one.md")
    two = bench.write("two.md", "Что случилось.", language="ru", translation_of="one.md", translator="human")
    three = bench.write("three.md", "What really happened.", replaces="one.md")
    listed = bench.publish(one, two, three)
    assert [made.token is None for made in listed] == [False, True, True]
    four = bench.write("four.md", "Qué pasó.", language="es", translation_of=2, translator="machine")
    (again,) = bench.publish(four)
    assert again.token is None
    assert len({bench.testimony(index).withdrawal for index in range(1, 5)}) == 1
    assert bench.testimony(2).translation_of == bench.head.entry(1).cid
    assert bench.testimony(2).translator == "human"
    assert bench.testimony(3).replaces == bench.head.entry(1).cid
    assert bench.testimony(4).translation_of == bench.head.entry(2).cid
    assert bench.verify().counts.testimonies == 4


def test_without_tokens_nobody_can_know_one(bench: Bench) -> None:
    one, two = bench.publish(bench.write("one.md"), bench.write("two.md", "More."), tokens=False)
    assert (one.token, two.token) == (None, None)
    assert bench.testimony(1).withdrawal != bench.testimony(2).withdrawal
    guesses = {hashlib.sha256(given).digest() for given in bench.chance.given}
    assert not guesses & {bench.testimony(1).withdrawal, bench.testimony(2).withdrawal}
    bench.publish(bench.write("three.md", "Три.", translation_of=1, translator="human"), tokens=False)
    assert bench.testimony(3).withdrawal == bench.testimony(1).withdrawal


# Notes that authors signed


def test_what_an_author_signed_is_published_with_both_signatures(bench: Bench) -> None:
    path = bench.hand_in("hers.txt", title="Mine")
    (made,) = bench.publish(path)
    testimony = bench.testimony(1)
    assert (testimony.author, testimony.title, made.token) == (AUTHOR.public, "Mine", None)
    assert notes.open_handed_in(path.read_bytes())[0] == testimony
    data = bench.head.tree.read(tree.note_path(1))
    assert data.startswith(testimony.text.encode())
    assert data.count("\n— ".encode()) == 2
    report = bench.verify()
    assert (report.counts.testimonies, report.counts.by_authors) == (1, 1)


def test_an_author_replaces_her_own_text(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    first = bench.head.entry(1).cid
    bench.publish(bench.hand_in("hers.txt", body="What happened to me, and more.", replaces=first))
    assert bench.testimony(2).replaces == first
    assert bench.verify().counts.by_authors == 2


# What changes in between is refused


def nothing_written(bench: Bench, before: dict[str, bytes]) -> None:
    assert bench.files() == before
    assert bench.start().head.number == bench.verify().edition
    assert bench.record.read(KEY.public) == announced(bench)


@pytest.mark.parametrize("change", ["body", "one byte", "title", "translator", "reference"])
def test_a_file_that_changed_since_it_was_planned_is_refused(bench: Bench, change: str) -> None:
    bench.publish(bench.write("one.md"), bench.write("two.md", "More."))
    path = bench.write("three.md", "Ещё.", translation_of=1, translator="human", title="T")
    plan = bench.plan(bench.write("fine.md", "Fine."), path)
    before = bench.files()
    content = path.read_text("utf-8")
    changes = {
        "body": content.replace("Ещё.", "Other."),
        "one byte": content + "\n",
        "title": content.replace('"T"', '"U"'),
        "translator": content.replace("human", "machine"),
        "reference": content.replace("translation_of = 1", "translation_of = 2"),
    }
    path.write_text(changes[change], "utf-8")
    with pytest.raises(Refused, match=r"three.md changed while it was being published") as refusal:
        bench.carry_out(plan)
    assert refusal.value.hint == "publish again"
    nothing_written(bench, before)
    assert [step.index for step in bench.plan(path).steps] == [3]


def test_a_signed_note_that_changed_since_it_was_planned_is_refused(bench: Bench) -> None:
    bench.publish(bench.hand_in("first.txt", body="Before."))
    plan = bench.plan(bench.hand_in("hers.txt"))
    before = bench.files()
    bench.hand_in("hers.txt", replaces=bench.head.entry(1).cid)
    with pytest.raises(Refused, match=r"hers.txt changed while it was being published"):
        bench.carry_out(plan)
    nothing_written(bench, before)


def test_a_file_that_is_gone_or_flawed_since_it_was_planned_is_refused(bench: Bench) -> None:
    path = bench.write("one.md")
    plan = bench.plan(path)
    before = bench.files()
    path.unlink()
    with pytest.raises(Flawed, match=r"one.md: cannot be read: no such file"):
        bench.carry_out(plan)
    bench.write("one.md", "a\x00")
    with pytest.raises(Flawed, match=r"one.md: line 1, column 2: U\+0000"):
        bench.carry_out(plan)
    nothing_written(bench, before)


def test_other_options_than_were_planned_are_refused(bench: Bench) -> None:
    plan = bench.plan(bench.write("one.md"))
    before = bench.files()
    with pytest.raises(Refused, match=r"one.md changed while it was being published"):
        bench.carry_out(plan, Options(language="mk"))
    nothing_written(bench, before)


def test_a_plan_is_for_one_log(bench: Bench) -> None:
    plan = bench.plan(bench.write("one.md"))
    bench.publish(bench.write("two.md", "More."))
    with pytest.raises(Refused, match=r"the plan was made for a log of 1 entries, and it has 2"):
        bench.carry_out(plan)


def test_a_plan_with_a_flaw_is_not_carried_out(bench: Bench) -> None:
    plan = bench.plan(bench.write("one.md"), bench.write("two.md", "a\x00"))
    assert len(plan.steps) == 1
    before = bench.files()
    with pytest.raises(Refused, match=r"1 of the files cannot be published as they are"):
        bench.carry_out(plan)
    nothing_written(bench, before)


# Crashes


def stop(*_: object) -> None:
    raise Stopped


@pytest.mark.parametrize("where", ["listed", "commit"])
def test_stopping_before_the_rename_leaves_nothing(bench: Bench, where: str) -> None:
    bench.publish(bench.write("one.md"))
    plan = bench.plan(bench.write("two.md", "More."))
    before = bench.files()
    with pytest.raises(Stopped):
        bench.carry_out(plan, **{where: stop})  # type: ignore[arg-type]  # one of two callbacks
    nothing_written(bench, before)
    published = bench.carry_out(bench.plan(bench.folder / "two.md"))
    assert (published.edition, bench.verify().counts.testimonies) == (3, 2)


def test_commit_runs_after_everything_is_listed_and_before_it_takes_effect(bench: Bench) -> None:
    happened: list[str] = []

    def listed(made: Listed) -> None:
        happened.append(f"listed {made.index}")

    def commit() -> None:
        assert bench.workspace.archive.editions().keys() == {1}
        assert bench.workspace.archive.head() == bench.head.root
        happened.append("commit")

    bench.carry_out(bench.plan(bench.write("one.md"), bench.write("two.md", "More.")), listed=listed, commit=commit)
    assert happened == ["listed 1", "listed 2", "commit"]


def test_what_a_killed_run_left_is_removed(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    editions = bench.workspace.archive.folder / "editions"
    (editions / ".000003.car.tmp").write_bytes(b"half")
    (bench.workspace.archive.folder / ".head.tmp").write_bytes(b"ba")
    assert sorted(bench.prepare()) == [
        "removed .000003.car.tmp, which an interrupted run left",
        "removed .head.tmp, which an interrupted run left",
    ]
    assert {path.name for path in editions.iterdir()} == {"000001.car", "000002.car"}
    assert bench.prepare() == []
    bench.publish(bench.write("two.md", "More."))
    assert bench.verify().edition == 3


class Killed:
    """The state after a kill between the rename of an edition's file and that of `head`."""

    def __init__(self, bench: Bench, *paths: Path) -> None:
        archive = bench.workspace.archive
        kept = {path: path.read_bytes() for path in (archive.head_path, archive.announcement_path)}
        kept[bench.record.path(KEY.public)] = bench.record.path(KEY.public).read_bytes()
        bench.publish(*paths)
        self.root = bench.head.root
        for path, data in kept.items():
            path.write_bytes(data)


def test_a_whole_edition_that_a_kill_left_is_judged_and_adopted(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    killed = Killed(bench, bench.write("two.md", "More."))
    assert bench.start().head.number == 2
    assert bench.workspace.archive.pending() == (3, killed.root)
    judged = []
    done = bench.publisher.prepare(judge=judged.append)
    assert done == ["adopted edition 3, which an interrupted run had written whole"]
    assert judged == [killed.root]
    assert bench.workspace.archive.head() == killed.root
    assert bench.record.read(KEY.public) == announced(bench)
    assert (announced(bench).edition, announced(bench).root_cid) == (3, killed.root)
    assert bench.verify().counts.testimonies == 2
    assert bench.prepare() == []
    bench.publish(bench.write("three.md", "Even more."))
    assert bench.verify().edition == 4
    assert [index for _, index in bench.plan(bench.folder / "two.md").known] == [2]


def test_an_edition_that_does_not_verify_is_not_adopted(bench: Bench) -> None:
    Killed(bench, bench.write("one.md"))
    before = bench.files()
    with pytest.raises(Stopped):
        bench.start().prepare(judge=stop)
    assert bench.files() == before
    data = bytearray(bench.car.with_name("000002.car").read_bytes())
    data[-200] ^= 1
    bench.car.with_name("000002.car").write_bytes(data)
    with pytest.raises(Unverified, match=r"the tree does not hold"):
        bench.prepare()
    assert bench.start().head.number == 1


def test_an_edition_under_another_number_is_not_adopted(bench: Bench) -> None:
    Killed(bench, bench.write("one.md"))
    editions = bench.workspace.archive.folder / "editions"
    (editions / "000002.car").rename(editions / "000009.car")
    with pytest.raises(Refused, match=r"the file of edition 9 holds edition 2, and the head is edition 1"):
        bench.prepare()
    assert bench.start().head.number == 1


def test_a_head_whose_file_is_lost_is_not_turned_back(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    bench.publish(bench.write("two.md", "More."))
    bench.workspace.archive.close()
    lost = bench.car
    bench.workspace.archive.close()
    lost.unlink()
    head = bench.workspace.archive.head_path.read_bytes()
    for newest in (False, True):
        with pytest.raises(Missing):
            bench.prepare(newest=newest)
    bench.record.path(KEY.public).unlink()
    with pytest.raises(Missing):
        bench.prepare(newest=True)
    assert bench.workspace.archive.head_path.read_bytes() == head


def gather(bench: Bench, path: Path) -> None:
    """One CAR with every block of an archive, as another copy would bring it."""
    blocks = bench.workspace.archive.blocks
    with path.open("w+b") as file:
        writer = car.Writer(file)
        for cid in blocks:
            writer.put(cid, blocks.get(cid))
        writer.seal(bench.head.root)


def test_an_edition_that_leaves_one_out_is_not_adopted(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    other.publish(other.write("x.md", "Otherwise."))
    other.publish(other.write("y.md", "And so on."))
    gather(other, bench.workspace.archive.edition_path(3))
    with pytest.raises(Refused, match=r"the file of edition 3 holds edition 3, and the head is edition 1"):
        bench.prepare()
    other.workspace.archive.close()


@pytest.mark.parametrize(
    ("texts", "error", "words"),
    [
        (1, Forked, r"two checkpoints of voices.example/archive cannot both be true"),
        (2, Forked, r"two checkpoints of voices.example/archive cannot both be true"),
        (3, Refused, r"edition 3 has 3 entries, and the edition before it 4"),
    ],
)
def test_an_edition_that_does_not_continue_the_head_is_not_adopted(
    bench: Bench, tmp_path: Path, texts: int, error: type[Exception], words: str
) -> None:
    other = Bench(tmp_path / "other")
    other.publish(other.write("x.md", "Otherwise."))
    other.publish(other.write("y.md", "And so on."))
    bench.publish(*(bench.write(f"{at}.md", f"Text {at}.") for at in range(texts)))
    gather(other, bench.workspace.archive.edition_path(3))
    before = bench.files()
    with pytest.raises(error, match=words):
        bench.prepare()
    assert bench.files() == before
    other.workspace.archive.close()


# The record of what was signed here


def test_without_a_record_somebody_has_to_say_that_this_is_newest(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    bench.record.path(KEY.public).unlink()
    with pytest.raises(Refused, match=r"this machine has no record of what this key last signed") as refusal:
        bench.prepare()
    assert "--this-is-newest" in refusal.value.hint
    assert bench.record.read(KEY.public) is None
    assert bench.prepare(newest=True) == []
    assert bench.record.read(KEY.public) == announced(bench)
    assert bench.prepare() == []


def test_adopting_does_not_pass_for_a_record(bench: Bench) -> None:
    killed = Killed(bench, bench.write("one.md"))
    bench.record.path(KEY.public).unlink()
    before = bench.files()
    with pytest.raises(Refused, match=r"this machine has no record"):
        bench.prepare()
    assert bench.files() == before
    assert bench.prepare(newest=True) == ["adopted edition 2, which an interrupted run had written whole"]
    assert bench.head.root == killed.root


def test_a_copy_that_is_behind_the_record_is_refused(bench: Bench) -> None:
    archive = bench.workspace.archive
    shutil.copytree(archive.folder, bench.base / "backup")
    bench.publish(bench.write("one.md"))
    archive.close()
    shutil.rmtree(archive.folder)
    shutil.copytree(bench.base / "backup", archive.folder)
    for newest in (False, True):
        with pytest.raises(
            Refused, match=r"this copy is at edition 1, but edition 2 was signed on this machine"
        ) as refusal:
            bench.prepare(newest=newest)
        assert refusal.value.hint == "bring in a copy of that edition with: mirror import FILE.car"


def test_a_copy_with_another_edition_of_that_number_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.publish(bench.write("one.md"))
    other = Bench(tmp_path / "other")
    other.publish(other.write("x.md", "Otherwise."))
    other.record = bench.record
    with pytest.raises(Refused, match=rf"another edition 2 was signed on this machine: {bench.head.root}"):
        other.prepare(newest=True)
    other.workspace.archive.close()


def test_an_edition_of_that_number_is_not_adopted_either(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    other.publish(other.write("x.md", "Otherwise."))
    Killed(bench, bench.write("one.md"))
    bench.record = other.record
    before = bench.files()
    with pytest.raises(Refused, match=r"another edition 2 was signed on this machine"):
        bench.prepare()
    assert bench.files() == before
    other.workspace.archive.close()


def test_a_record_that_a_crash_left_behind_is_caught_up(bench: Bench) -> None:
    old = bench.record.path(KEY.public).read_bytes()
    bench.publish(bench.write("one.md"))
    bench.record.path(KEY.public).write_bytes(old)
    assert bench.prepare() == []
    assert bench.record.read(KEY.public) == announced(bench)
    assert announced(bench).edition == 2


@pytest.mark.parametrize("damage", [b"", b"\xff", b"x\n\n", b"mirror/v2 x\n\n\xe2\x80\x94 a AAAAAAECAwQ=\n"])
def test_a_damaged_record_is_no_absent_record(bench: Bench, damage: bytes) -> None:
    bench.record.path(KEY.public).write_bytes(damage)
    for newest in (False, True):
        with pytest.raises(Refused, match=r"the record .*k51.*txt of what this key signed here cannot be believed"):
            bench.prepare(newest=newest)


def test_a_record_that_another_key_signed_is_not_believed(bench: Bench) -> None:
    text = announced(bench).text.replace("Edition: 1", "Edition: 9")
    bench.record.path(KEY.public).write_bytes(sign_loosely(text, AUTHOR))
    with pytest.raises(Refused, match=r"cannot be believed: the announcement has a line by anna.example"):
        bench.prepare()


# The announcement


@pytest.mark.parametrize(
    "damage",
    [None, b"", b"\xff", b"rubbish\n", "older", "another key", "newer"],
)
def test_an_announcement_that_is_behind_or_spoilt_is_mended(bench: Bench, damage: bytes | str | None) -> None:
    path = bench.workspace.archive.announcement_path
    older = path.read_bytes()
    bench.publish(bench.write("one.md"))
    right = path.read_bytes()
    text = announced(bench).text
    spoilt = {
        "older": older,
        "another key": sign_loosely(text, make_key(NAME, "another")),
        "newer": sign_loosely(text.replace("mirror/v1", "mirror/v2"), KEY),
    }
    path.unlink()
    if damage is not None:
        path.write_bytes(spoilt[damage] if isinstance(damage, str) else damage)
    assert bench.prepare() == []
    assert path.read_bytes() == right
    assert bench.verify().edition == 2


def test_a_workspace_with_another_key_publishes_nothing(bench: Bench) -> None:
    bench.key = make_key(NAME, "another")
    bench.record = Record(bench.base / "another machine")
    with pytest.raises((BadSignature, Unverified)):
        bench.prepare(newest=True)
