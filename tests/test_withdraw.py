"""Withdrawing: who may, what goes with it, that nothing of it is left, and that everything else still holds."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from strategies import AUTHOR, KEY, NAME, make_key, raw_cid
from workbench import Bench

from mirror import carry, tree, withdraw
from mirror.edition import Edition
from mirror.errors import BadSignature, Forked, Malformed, Refused, Unverified
from mirror.formats import car, notes, request
from mirror.formats.cid import CID
from mirror.formats.key import SecretKey
from mirror.formats.notes import Withdrawal
from mirror.formats.request import Request
from mirror.intake.drafts import Options
from mirror.publish import Listed
from mirror.store.archive import Archive
from mirror.verdict import Claim

KEEPING = Options(language="en", keep_metadata=("own.bin", "shared.bin"))
OWN = b"only in hers " * 100_000
SHARED = b"in two of them " * 500
VERA = make_key("vera.example", "vera")
HER_HASH = hashlib.sha256(b"her token").digest()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


def take_back(bench: Bench, wanted: withdraw.Wanted, reason: str | None = None) -> int:
    """Withdraw in a run of its own; how many files the archive has then."""
    archive = bench.workspace.archive
    withdraw.withdraw(bench.publisher, archive, bench.key, wanted, reason=reason, day=None)
    return len(archive.editions())


def whole(bench: Bench) -> bytes:
    """Every byte of the archive."""
    return b"".join(bench.files().values())


def publish_account(bench: Bench) -> tuple[bytes, Listed]:
    """An account of three (#1, its translation #2, and #4 which replaces it), and one of another (#3); its token."""
    (bench.folder / "own.bin").write_bytes(OWN)
    (bench.folder / "shared.bin").write_bytes(SHARED)
    one = bench.write("one.md", "HERS first.", title="HERS title", attachments=["own.bin", "shared.bin"])
    other = bench.write("other.md", "HERS, in other words.", translation_of="one.md", translator="human")
    two = bench.write("two.md", "Somebody else's.", attachments=["shared.bin"])
    listed = bench.publish(one, other, two, options=KEEPING)
    bench.publish(bench.write("new.md", "HERS, and more.", replaces=1))
    assert listed[0].token is not None
    return listed[0].token, listed[2]


# By its token


def test_a_token_takes_the_whole_account_and_nothing_else(bench: Bench) -> None:
    token, _ = publish_account(bench)
    cids = [bench.head.entry(index).cid for index in (1, 2, 4)]
    own = bench.testimony(1).attachments[0].cid
    assert own in whole(bench)
    wanted = withdraw.by_token(bench.head, token)
    assert wanted == withdraw.Wanted((1, 2, 4), token)
    take_back(bench, wanted)
    report = bench.verify()
    assert [each.by for each in report.withdrawn.values()] == [5, 5, 5]
    assert (report.counts.withdrawn_with_token, report.counts.withdrawn_by_publisher) == (3, 0)
    assert report.verdict(Claim.COMPLETE).words == ("1 testimony here, 3 withdrawn",)
    assert bench.head.open(5, Withdrawal) == Withdrawal(NAME, bench.head.charter_cid, (1, 2, 4), None, token)
    assert bench.testimony(3).body == "Somebody else's."
    left = whole(bench)
    for secret in (b"HERS", OWN[:1000], OWN[-1000:], own):
        assert secret not in left
    for cid in cids:
        assert cid not in bench.workspace.archive.blocks


def test_blocks_that_others_use_stay_and_those_of_nobody_go(bench: Bench) -> None:
    token, _ = publish_account(bench)
    own, shared = (each.cid for each in bench.testimony(1).attachments)
    folder = bench.head.tree.link((tree.FILE, *tree.number_path(1))).cid
    gone = set(tree.reach(own, bench.workspace.archive.blocks.get)) | {folder}
    assert len(gone) == 4
    take_back(bench, withdraw.by_token(bench.head, token))
    blocks = bench.workspace.archive.blocks
    assert [cid for cid in gone if cid in blocks] == []
    assert blocks.get(shared) == SHARED
    assert bench.head.tree.link(tree.file_path(3, "shared.bin")).cid == shared
    assert bench.head.tree.find((tree.FILE, "00", "00", "00", "01")) is None
    assert bench.verify().counts.attachments == 1
    for path in bench.workspace.archive.editions().values():
        with path.open("rb") as file:
            assert not gone.intersection(section.cid for section in car.sections(file))
    take_back(bench, withdraw.by_publisher(bench.head, (3,)))
    assert shared not in bench.workspace.archive.blocks
    assert SHARED[:100] not in whole(bench)
    assert bench.head.tree.find((tree.FILE,)) is None
    assert bench.verify().counts.testimonies == 0


def test_the_last_of_them_leaves_no_empty_folder(bench: Bench) -> None:
    bench.publish(bench.write("one.md"), *(bench.write(f"{at:03}.md", f"Text {at}.") for at in range(2, 103)))
    assert bench.head.tree.find((tree.NOTE, "00", "00", "01")) is not None
    take_back(bench, withdraw.by_publisher(bench.head, (100, 101, 102)))
    folder = bench.head.tree.link((tree.NOTE, "00", "00", "01"))
    assert list(bench.head.tree.entries(folder.cid)) == ["03.txt"]
    bench.verify()


def test_what_is_also_something_else_stays(bench: Bench) -> None:
    """An attachment may be, byte for byte, a page of the log or somebody's note: the tree must stay whole."""
    bench.publish(*(bench.write(f"{at:03}.md", f"Text {at}.") for at in range(260)))
    head = bench.head
    names = {"tile.bin": ("tile", "0", "000"), "bundle.bin": ("tile", "entries", "000")}
    names |= {"charter.bin": (tree.CHARTER,), "note.bin": tree.note_path(7)}
    for name, path in names.items():
        (bench.folder / name).write_bytes(head.tree.read(path))
    path = bench.write("all.md", "HERS.", attachments=list(names))
    (made,) = bench.publish(path, options=Options(language="en", keep_metadata=tuple(names)))
    assert made.index == 261
    take_back(bench, withdraw.by_publisher(bench.head, (261,)))
    assert bench.verify().counts.testimonies == 260
    assert b"HERS" not in whole(bench)
    bench.publish(bench.write("one more.md", "And more."))
    bench.verify()


@pytest.mark.parametrize("token", [bytes(16), b"", b"\xff" * 32])
def test_a_token_of_nobody_is_refused(bench: Bench, token: bytes) -> None:
    publish_account(bench)
    with pytest.raises(Refused, match="no testimony of this mirror has this token") as refused:
        withdraw.by_token(bench.head, token)
    assert refused.value.hint == "each of the twelve words counts; look again"


def test_a_token_takes_what_is_left_of_its_account_and_works_once(bench: Bench) -> None:
    token, _ = publish_account(bench)
    take_back(bench, withdraw.by_publisher(bench.head, (2,)))
    take_back(bench, withdraw.by_token(bench.head, token))
    report = bench.verify()
    assert (report.counts.withdrawn_with_token, report.counts.withdrawn_by_publisher) == (2, 1)
    with pytest.raises(Refused, match=r"withdrawn already: #1 at #6, #2 at #5, #4 at #6"):
        withdraw.by_token(bench.head, token)


# By the publisher


@pytest.mark.parametrize("reason", [None, "safety", "consent", "legal", "error"])
def test_the_publisher_withdraws_exactly_what_is_named(bench: Bench, reason: str | None) -> None:
    publish_account(bench)
    wanted = withdraw.by_publisher(bench.head, (4, 1, 4))
    assert wanted == withdraw.Wanted((1, 4), None, (2,))
    take_back(bench, wanted, reason)
    assert bench.head.open(5, Withdrawal) == Withdrawal(NAME, bench.head.charter_cid, (1, 4), reason, None)
    report = bench.verify()
    assert (report.counts.withdrawn_with_token, report.counts.withdrawn_by_publisher) == (0, 2)
    assert {(each.with_token, each.reason) for each in report.withdrawn.values()} == {(False, reason)}
    assert withdraw.by_publisher(bench.head, (2,)) == withdraw.Wanted((2,))


@pytest.mark.parametrize(
    ("indexes", "words"),
    [
        ((0,), "#0 is a charter, which cannot be withdrawn"),
        ((1, 0), "#0 is a charter, which cannot be withdrawn"),
        ((5,), "#5 is a withdrawal, which cannot be withdrawn"),
        ((6,), "#6 is not in this log, which has 6 entries"),
        ((-1,), "#-1 is not in this log, which has 6 entries"),
        ((3,), "withdrawn already: #3 at #5"),
        ((1, 3), "withdrawn already: #3 at #5"),
    ],
)
def test_what_cannot_be_withdrawn_is_refused_whole(bench: Bench, indexes: tuple[int, ...], words: str) -> None:
    publish_account(bench)
    take_back(bench, withdraw.by_publisher(bench.head, (3,)))
    before = bench.files()
    with pytest.raises(Refused) as refused:
        withdraw.by_publisher(bench.head, indexes)
    assert refused.value.message == words
    assert bench.files() == before


def test_what_a_tree_lays_of_a_withdrawn_one_is_false(bench: Bench) -> None:
    """The verifier is not told by us: a tree that keeps what its log withdraws does not hold."""
    bench.publish(bench.write("one.md"))
    head = bench.head
    note = notes.sign(Withdrawal(NAME, head.charter_cid, (1,)), KEY)

    def write(edition: Any, growth: Any) -> Iterator[tree.Change]:
        edition.append(CID.of_raw(note), note)
        growth.add(f"withdrawal {CID.of_raw(note)}".encode())
        yield tree.leaf(tree.note_path(2), note)

    bench.publisher.write_edition(write)
    report = bench.report()
    assert report.exit_code() == 1
    assert any("#1 was withdrawn" in fault.words for fault in report.faults)


# By an author's request


def ask(bench: Bench, index: int, author: SecretKey = AUTHOR, **values: Any) -> bytes:
    given = {"mirror": NAME, "charter": bench.head.charter_cid, "note": bench.head.entry(index).cid}
    return request.sign(Request(**given | values), author)


def publish_signed(bench: Bench) -> None:
    """#1 by Anna, #2 by the mirror, #3 Anna's new version of #1, #4 Vera's translation of it, #5 one of hers alone."""
    bench.publish(bench.hand_in("hers.txt"), bench.write("two.md", "More."))
    first = bench.head.entry(1).cid
    bench.publish(bench.hand_in("new.txt", body="HERS, and more.", replaces=first))
    third = {"translation_of": bench.head.entry(3).cid, "translator": "human"}
    bench.publish(bench.hand_in("vera.txt", VERA, body="VERA'S words.", **third))
    bench.publish(bench.hand_in("alone.txt", VERA, body="VERA'S own.", withdrawal=bytes(32)))


def test_an_author_takes_her_account_back_with_what_was_made_of_it(bench: Bench) -> None:
    publish_signed(bench)
    for index in (1, 3):
        assert withdraw.by_request(bench.head, ask(bench, index)) == withdraw.Wanted((1, 3, 4))
    take_back(bench, withdraw.by_request(bench.head, ask(bench, 1)))
    report = bench.verify()
    assert (report.counts.withdrawn_with_token, report.counts.withdrawn_by_publisher) == (0, 3)
    assert b"HERS" not in whole(bench)
    assert b"What happened to me." not in whole(bench)
    assert bench.testimony(5).body == "VERA'S own."
    for index in (1, 3):
        with pytest.raises(Refused, match=rf"withdrawn already: #{index} at #6"):
            withdraw.by_request(bench.head, ask(bench, index))


def test_a_translator_takes_back_her_translation_and_nobody_elses_text(bench: Bench) -> None:
    publish_signed(bench)
    wanted = withdraw.by_request(bench.head, ask(bench, 4, VERA))
    assert wanted == withdraw.Wanted((4,), None, (1, 3))
    take_back(bench, wanted)
    assert bench.testimony(3).body == "HERS, and more."
    assert bench.verify().counts.by_authors == 3
    assert withdraw.by_request(bench.head, ask(bench, 1)) == withdraw.Wanted((1, 3))


def test_who_joins_an_account_by_copying_its_hash_takes_back_nothing_of_it(bench: Bench) -> None:
    bench.publish(bench.write("one.md"))
    hash_ = bench.head.entry(1).withdrawal
    bench.publish(bench.hand_in("vera.txt", VERA, body="Vera's.", withdrawal=hash_))
    assert withdraw.by_request(bench.head, ask(bench, 2, VERA)) == withdraw.Wanted((2,), None, (1,))


@pytest.mark.parametrize(
    ("index", "values", "error", "words"),
    [
        (1, {"author": VERA}, BadSignature, "the note carries no signature by a known key"),
        (1, {"author": make_key("anna.example", "not her")}, BadSignature, "carries no signature by a known key"),
        (4, {}, BadSignature, "the note carries no signature by a known key"),
        (2, {}, Refused, "#2 names no author, so nobody can ask by key"),
        (1, {"mirror": "another.example"}, Refused, "the request is to the mirror another.example with"),
        (1, {"charter": raw_cid("another")}, Refused, f"the request is to the mirror {NAME} with the charter baf"),
        (1, {"note": raw_cid("unlisted")}, Refused, f"the request is about {raw_cid('unlisted')}, which is not listed"),
        (0, {}, Refused, "#0 is a charter, not a testimony"),
    ],
)
def test_a_request_that_does_not_serve_is_refused(
    bench: Bench, index: int, values: dict[str, Any], error: type[Exception], words: str
) -> None:
    publish_signed(bench)
    before = bench.files()
    with pytest.raises(error) as refused:
        withdraw.by_request(bench.head, ask(bench, index, **values))
    assert words in str(refused.value)
    assert bench.files() == before


def test_a_request_that_was_tampered_with_is_refused(bench: Bench) -> None:
    publish_signed(bench)
    alone, first = (str(bench.head.entry(index).cid).encode() for index in (5, 1))
    moved = ask(bench, 1).replace(first, alone)
    with pytest.raises(BadSignature):
        withdraw.by_request(bench.head, moved)
    with pytest.raises(BadSignature):
        withdraw.by_request(bench.head, ask(bench, 5, VERA).replace(alone, first))
    with pytest.raises(Malformed, match="not a request"):
        withdraw.by_request(bench.head, bench.head.tree.read(tree.note_path(1)))
    with pytest.raises(Malformed, match="the note has no empty line before its signatures"):
        withdraw.by_request(bench.head, b"junk")


# Not published again by accident


def test_a_withdrawn_text_stays_withdrawn(bench: Bench) -> None:
    one = bench.write("one.md", title="T")
    bench.publish(one)
    bench.withdraw(1)
    again = bench.write("folder/again.md", title="T")
    for _ in range(2):
        bench.prepare()
        plan = bench.plan(one, again)
        assert ([], [(one, 1), (again, 1)]) == (list(plan.steps), plan.withdrawn)
        bench.workspace.archive.close()
        for path in (bench.workspace.home / "cache").iterdir():
            path.unlink()


def test_an_authors_own_note_stays_withdrawn(bench: Bench) -> None:
    bench.publish(bench.hand_in("hers.txt"))
    take_back(bench, withdraw.by_request(bench.head, ask(bench, 1)))
    again = bench.hand_in("again.txt", salt=b"other salt......", withdrawal=bytes(32))
    assert bench.plan(again).withdrawn == [(again, 1)]


# Interrupted: what the list of blocks is for (kills are tried elsewhere)


def test_what_was_begun_and_never_took_effect_drops_nothing(bench: Bench) -> None:
    token, _ = publish_account(bench)
    archive = bench.workspace.archive
    archive.set_dropping(sorted(bench.head.blocks_at(1)))
    before = bench.files()
    assert withdraw.finish(bench.publisher, archive) == 0
    del before["dropping"]
    assert bench.files() == before
    assert withdraw.finish(bench.publisher, archive) is None
    assert withdraw.by_token(bench.head, token).indexes == (1, 2, 4)
    bench.verify()


def test_a_list_of_everything_drops_nothing_that_is_used(bench: Bench) -> None:
    publish_account(bench)
    archive = bench.workspace.archive
    archive.set_dropping(list(archive.blocks))
    assert withdraw.finish(bench.publisher, archive)
    assert bench.verify().counts.testimonies == 4
    assert set(archive.blocks) == set(tree.reach(bench.head.root, archive.blocks.get))


def test_a_file_that_cannot_be_read_to_its_end_is_said_and_the_list_is_kept(bench: Bench) -> None:
    token, _ = publish_account(bench)
    archive = bench.workspace.archive
    path = archive.edition_path(1)
    path.write_bytes(path.read_bytes() + b"\x05junk")
    archive.close()
    bench.start()
    archive = bench.workspace.archive
    with pytest.raises(Malformed) as malformed:
        take_back(bench, withdraw.by_token(bench.head, token))
    assert "the withdrawal took effect, but what was withdrawn still lies in the files here" in malformed.value.message
    assert "000001.car cannot be read to its end: CAR section at byte" in malformed.value.message
    assert malformed.value.hint == "mirror fsck says how to repair it"
    assert b"HERS" in whole(bench)
    assert archive.dropping()
    path.write_bytes(path.read_bytes()[:-5])
    assert bench.prepare() == []
    assert withdraw.finish(bench.publisher, bench.workspace.archive)
    assert b"HERS" not in whole(bench)
    bench.verify()


# A keeper's copy


class Keeper:
    """An archive without a key, and what comes into it."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder)
        (folder / "editions").mkdir(parents=True)
        self.judged: list[CID] = []

    def bring(self, bench: Bench) -> tuple[Edition, int]:
        return carry.bring_in(self.archive, bench.head.root, bench.workspace.archive.blocks.get)

    def whole(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.archive.folder.rglob("*") if path.is_file())


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path / "kept")
    yield made
    made.archive.close()


def test_what_was_withdrawn_since_leaves_a_keepers_files(bench: Bench, keeper: Keeper) -> None:
    token, _ = publish_account(bench)
    keeper.bring(bench)
    get, old_root = bench.workspace.archive.blocks.get, bench.head.root
    old = {cid: get(cid) for cid in tree.reach(old_root, get)}
    assert b"HERS" in keeper.whole()
    take_back(bench, withdraw.by_token(bench.head, token))
    bench.publish(bench.write("later.md", "Later."))
    edition, count = keeper.bring(bench)
    assert (edition.number, keeper.archive.head()) == (5, bench.head.root)
    assert count > 0
    for secret in (b"HERS", OWN[:1000], OWN[-1000:]):
        assert secret not in keeper.whole()
    assert SHARED in keeper.whole()
    assert keeper.archive.dropping() == []
    for cid in tree.reach(bench.head.root, keeper.archive.blocks.get):
        assert keeper.archive.blocks.get(cid)
    before = keeper.whole()
    with pytest.raises(Refused, match="this is edition 3, and the archive holds edition 5"):
        carry.bring_in(keeper.archive, old_root, old.__getitem__)
    assert keeper.whole() == before


def test_a_whole_edition_that_the_head_does_not_name_is_judged_and_taken_up(bench: Bench, keeper: Keeper) -> None:
    bench.publish(bench.write("one.md"))
    keeper.bring(bench)
    head = keeper.archive.head_path.read_bytes()
    bench.publish(bench.write("two.md", "More."))
    keeper.bring(bench)
    keeper.archive.head_path.write_bytes(head)
    keeper.archive.close()
    assert keeper.archive.pending() == (3, bench.head.root)

    def refuse(root: CID) -> None:
        raise Unverified("it does not hold")

    with pytest.raises(Unverified, match="it does not hold"):
        carry.adopt(keeper.archive, refuse)
    assert keeper.archive.head_path.read_bytes() == head
    adopted = carry.adopt(keeper.archive, keeper.judged.append)
    assert adopted is not None
    assert (adopted.number, keeper.judged) == (3, [bench.head.root])
    assert carry.adopt(keeper.archive, keeper.judged.append) is None
    with pytest.raises(Refused, match="edition 3 is here already"):
        keeper.bring(bench)


def test_an_edition_that_was_copied_in_and_withdraws_is_taken_up_whole(bench: Bench, keeper: Keeper) -> None:
    """A file copied by hand has no list beside it; what it withdraws goes all the same."""
    token, _ = publish_account(bench)
    keeper.bring(bench)
    take_back(bench, withdraw.by_token(bench.head, token))
    keeper.archive.edition_path(4).write_bytes(bench.car.read_bytes())
    keeper.archive.close()
    assert b"HERS" in keeper.whole()
    assert carry.adopt(keeper.archive, keeper.judged.append) is not None
    assert b"HERS" not in keeper.whole()
    assert OWN[-1000:] not in keeper.whole()


def test_an_edition_of_another_story_is_not_taken_up(bench: Bench, keeper: Keeper, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    bench.publish(bench.write("one.md"))
    keeper.bring(bench)
    other.publish(other.write("x.md", "Otherwise."), other.write("y.md", "And more."))
    other.publish(other.write("z.md", "And so on."))
    with keeper.archive.edition_path(3).open("w+b") as file:
        carry.export(other.head.root, other.workspace.archive.blocks.get, file)
    other.workspace.archive.close()
    keeper.archive.close()
    before = keeper.whole()
    with pytest.raises(Forked, match=r"two checkpoints of voices.example/archive cannot both be true"):
        carry.adopt(keeper.archive, keeper.judged.append)
    assert keeper.whole() == before
