"""A log and all it lists: every rule of entries, notes and attachments broken in turn, and every byte flipped."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import OTHER, assert_false, holding, honest, judge, words_of
from mutate import mutated
from world import NAME, Mirror, secret, sign_text, token

from mirror import tree
from mirror.formats import note
from mirror.formats.cid import CID, RAW
from mirror.formats.entry import entry_of
from mirror.formats.fields import Attachment
from mirror.formats.merkle import leaf_hash
from mirror.formats.notes import TAGS_AT_MOST
from mirror.formats.tile import encode_bundle
from mirror.verdict import Claim, State

FOUR, FIVE = "note/00/00/00/04.txt", "note/00/00/00/05.txt"


def cid_at(mirror: Mirror, index: int) -> CID:
    return CID.of_raw(mirror.rows[index].note or b"")


# The rules of entries

Tell = Callable[[Mirror], object]


def withdraw_twice(mirror: Mirror) -> None:
    mirror.withdraw(1)
    mirror.withdraw(1, reason="legal")


def withdraw_a_withdrawal(mirror: Mirror) -> None:
    mirror.withdraw(1)
    mirror.withdraw(4)
    mirror.rows[4].note = b""


def withdraw_a_later_one(mirror: Mirror) -> None:
    mirror.withdraw(5)
    mirror.testify("Five.")


def translate_a_later_one(mirror: Mirror) -> None:
    later = mirror.statement("Later.")
    data = sign_text(later.text, mirror.key)
    mirror.testify("Four.", translation_of=CID.of_raw(data), translator="human")
    mirror.add(bytes(entry_of(later, CID.of_raw(data))), data)


def list_with_another_token(mirror: Mirror) -> None:
    mirror.testify("Four.")
    kind, cid, _ = mirror.rows[4].entry.split(b" ")
    mirror.rows[4].entry = b" ".join([kind, cid, bytes(32).hex().encode()])


def first(entry: bytes) -> Tell:
    return lambda mirror: setattr(mirror.rows[0], "entry", entry)


def listing(entry: bytes) -> Tell:
    return lambda mirror: mirror.add(entry, None)


def long_entry(length: int) -> bytes:
    return b"amendment " + b"x" * (length - 10)


RAW_CID = str(CID.of_raw(b"some note")).encode()

ENTRIES: dict[str, tuple[Tell, str, str]] = {
    "a second charter": (Mirror.add_second_charter, "entry #4", "a second charter"),
    "one entry twice": (lambda mirror: mirror.list_twice(1), "entry #4", "is listed twice"),
    "one withdrawal twice": (
        lambda mirror: (mirror.withdraw(1), mirror.list_twice(4)), "entry #5", "is listed twice",
    ),
    "a testimony listed as a withdrawal too": (
        lambda mirror: mirror.add(b"withdrawal " + str(cid_at(mirror, 1)).encode(), None),
        "entry #4", "is listed twice",
    ),
    "one text under two signatures": (
        lambda mirror: mirror.list_same_text(1), FOUR, "its text is listed before",
    ),
    "the first entry is a testimony": (
        first(b"testimony " + RAW_CID + b" " + bytes(32).hex().encode()), "entry #0", "the first entry is no charter",
    ),
    "the first entry is of a newer kind": (first(b"foundation 1"), "entry #0", "the first entry is no charter"),
    "the first entry is another charter": (
        first(b"charter " + RAW_CID), "entry #0", "it lists another charter than charter.txt",
    ),
    "no entry": (listing(b""), "entry #4", "not an entry"),
    "an entry in capitals": (listing(b"Testimony " + RAW_CID), "entry #4", "not an entry"),
    "a testimony without a token's hash": (listing(b"testimony " + RAW_CID), "entry #4", "not an entry"),
    "a withdrawal with a hash": (
        listing(b"withdrawal " + RAW_CID + b" " + bytes(32).hex().encode()), "entry #4", "not an entry",
    ),
    "an entry with a newline": (listing(b"withdrawal " + RAW_CID + b"\n"), "entry #4", ""),
    "an entry that is not text": (listing(b"amendment \xff"), "entry #4", "is not UTF-8"),
    "an entry with a folder's CID": (
        listing(b"withdrawal bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"), "entry #4", "another kind",
    ),
    "an entry that is too long": (listing(long_entry(257)), "entry #4", "257 bytes, more than 256"),
    "a withdrawal of what is not there": (lambda mirror: mirror.withdraw(99), FOUR, "#99, which is no earlier"),
    "a withdrawal of itself": (lambda mirror: mirror.withdraw(4), FOUR, "#4, which is no earlier testimony"),
    "a withdrawal of a later testimony": (withdraw_a_later_one, FOUR, "#5, which is no earlier testimony"),
    "a withdrawal of the charter": (lambda mirror: mirror.withdraw(0), FOUR, "#0, which is no earlier testimony"),
    "a withdrawal of a withdrawal": (withdraw_a_withdrawal, FIVE, "#4, which is no earlier testimony"),
    "a withdrawal of what is withdrawn": (withdraw_twice, FIVE, "#1, which #4 withdrew already"),
    "a withdrawal with another account's token": (
        lambda mirror: mirror.withdraw(1, token=token(2)), FOUR, "a token that is not that of #1",
    ),
    "a withdrawal of two accounts with one token": (
        lambda mirror: mirror.withdraw(1, 2, token=token(1)), FOUR, "a token that is not that of #2",
    ),
    "a testimony with another Withdrawal": (list_with_another_token, FOUR, "its Withdrawal is not the one"),
    "a testimony listed as a withdrawal": (
        lambda mirror: mirror.list_as("withdrawal", sign_text(mirror.statement("Four.").text, mirror.key)),
        FOUR, "its kind is testimony, and the log lists it as withdrawal",
    ),
    "a withdrawal listed as a testimony": (
        lambda mirror: (mirror.withdraw(1), mirror.list_as("testimony", mirror.rows.pop().note or b"")),
        FOUR, "its kind is withdrawal, and the log lists it as testimony",
    ),
    "a testimony of another mirror": (
        lambda mirror: mirror.testify("Four.", mirror="others.example"), FOUR, "it is of the mirror others.example",
    ),
    "a withdrawal of another mirror": (
        lambda mirror: mirror.withdraw(1, mirror="others.example"), FOUR, "it is of the mirror others.example",
    ),
    "a testimony for another charter": (
        lambda mirror: mirror.testify("Four.", charter=CID.of_raw(b"")), FOUR, "signed for another log of that name",
    ),
    "a withdrawal for another charter": (
        lambda mirror: mirror.withdraw(1, charter=CID.of_raw(b"")), FOUR, "signed for another log of that name",
    ),
    "a translation of nothing": (
        lambda mirror: mirror.testify("Four.", translation_of=CID.of_raw(b""), translator="human"),
        FOUR, "which is no earlier testimony here",
    ),
    "a translation of the charter": (
        lambda mirror: mirror.testify("Four.", translation_of=mirror.charter_cid, translator="human"),
        FOUR, "which is no earlier testimony here",
    ),
    "a translation of a later testimony": (translate_a_later_one, FOUR, "which is no earlier testimony here"),
    "a new version of nothing": (
        lambda mirror: mirror.testify("Four.", replaces=CID.of_raw(b"")), FOUR, "which is no earlier testimony here",
    ),
    "a new version by nobody of an author's": (
        lambda mirror: mirror.testify("Four.", replaces=cid_at(mirror, 2)), FOUR, "#2, whose author did not sign it",
    ),
    "a new version by another author": (
        lambda mirror: mirror.testify(
            "Four.",
            replaces=cid_at(mirror, 2),
            author=secret("anna", "another").public,
            sign=lambda text: sign_text(text, mirror.key, secret("anna", "another")),
        ),
        FOUR, "#2, whose author did not sign it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", ENTRIES)
def test_an_entry_that_breaks_a_rule_is_named(lie: str) -> None:
    tell, item, words = ENTRIES[lie]
    mirror = honest()
    tell(mirror)
    assert_false(judge(mirror), Claim.COMPLETE, item, words)


def test_a_false_withdrawal_withdraws_nothing() -> None:
    mirror = honest()
    mirror.withdraw(1, 2, token=token(1))
    report = judge(mirror)
    assert report.withdrawn == {}
    assert report.bad_indexes() == [1, 2, 4]
    assert "the listed #1 is not here" in words_of(report, Claim.COMPLETE)


def test_new_versions_and_translations_of_earlier_testimonies_hold() -> None:
    mirror = honest()
    mirror.testify("One, again.", replaces=cid_at(mirror, 1))
    mirror.testify("One, by Anna.", replaces=cid_at(mirror, 1), author=mirror.author.public)
    mirror.testify("Two, again.", replaces=cid_at(mirror, 2), author=mirror.author.public)
    mirror.testify("Zwei.", translation_of=cid_at(mirror, 2), translator="machine", language="de")
    mirror.withdraw(1)
    assert judge(mirror).exit_code() == 0


# Withdrawals that hold


def test_withdrawals_are_counted_by_who_withdrew() -> None:
    mirror = honest()
    by_token, alone = mirror.withdraw(1, token=token(1)), mirror.withdraw(3, reason="safety")
    report = judge(mirror)
    assert report.exit_code() == 0
    assert words_of(report, Claim.COMPLETE) == "1 testimony here, 2 withdrawn"
    assert (report.withdrawn[1].by, report.withdrawn[1].with_token, report.withdrawn[1].reason) == (
        by_token,
        True,
        None,
    )
    assert (report.withdrawn[3].by, report.withdrawn[3].with_token, report.withdrawn[3].reason) == (
        alone,
        False,
        "safety",
    )
    assert (report.counts.withdrawn_with_token, report.counts.withdrawn_by_publisher) == (1, 1)


def test_one_token_withdraws_every_version_of_an_account() -> None:
    mirror = honest()
    mirror.testify("One, again.", replaces=cid_at(mirror, 1), withdrawal=hashlib.sha256(token(1)).digest())
    mirror.withdraw(1, 4, token=token(1))
    report = judge(mirror)
    assert (report.exit_code(), report.counts.withdrawn_with_token) == (0, 2)


@pytest.mark.parametrize("index", [1, 3])
def test_what_was_withdrawn_and_is_still_here_is_named(index: int) -> None:
    mirror = honest()
    kept = mirror.rows[index].note, mirror.rows[index].files
    mirror.withdraw(index)
    mirror.rows[index].note, mirror.rows[index].files = kept
    report = judge(mirror)
    path = f"note/00/00/00/0{index}.txt"
    assert_false(report, Claim.UNCHANGED, path, f"is still here, and #{index} was withdrawn")
    files = [f"file/00/00/00/01/{name}" for name in kept[1]]
    for path_of_file in files:
        assert_false(report, Claim.UNCHANGED, path_of_file, "is still here, and #1 was withdrawn")
    assert report.bad_items() == sorted([path, *files])


# Signature lines and grammar


def lines(*signers: Any) -> dict[str, Any]:
    return {"sign": lambda text: sign_text(text, *signers)}


AUTHOR = Mirror().author
KEY = Mirror().key
BY_AUTHOR = {"author": AUTHOR.public}
SAME_KEY = replace(KEY, name="anna")
NAMESAKE = secret(NAME, "an author of the mirror's name")

SIGNING: dict[str, tuple[dict[str, Any], str]] = {
    "another key of the name": (lines(OTHER), f"has a line by {NAME} where {NAME} has to sign"),
    "a stranger's line": (lines(KEY, AUTHOR), "a signature line more than it may"),
    "a stranger's line behind the author's": (BY_AUTHOR | lines(KEY, AUTHOR, OTHER), "a signature line more"),
    "one key twice": (lines(KEY, KEY), "two signature lines of one key"),
    "the author's line missing": (BY_AUTHOR | lines(KEY), "is not signed by anna"),
    "the mirror's line missing": (BY_AUTHOR | lines(AUTHOR), f"has a line by anna where {NAME} has to sign"),
    "the lines swapped": (BY_AUTHOR | lines(AUTHOR, KEY), f"has a line by anna where {NAME} has to sign"),
    "another author's line": (BY_AUTHOR | lines(KEY, secret("anna", "x")), "has a line by anna where anna has to sign"),
    "the mirror's key as author": ({"author": SAME_KEY.public} | lines(KEY, SAME_KEY), "the author's key is the"),
    "an author of the mirror's name": (
        {"author": NAMESAKE.public} | lines(KEY, NAMESAKE), "the author bears the mirror's name",
    ),
    "a signature over another text": (
        {"sign": lambda text: f"{text}\n".encode() + sign_text("Other.\n", KEY).partition(b"\n\n")[2]},
        f"the signature by {NAME} is not valid",
    ),
    "an author's signature over another text": (
        BY_AUTHOR | {"sign": lambda text: sign_text(text, KEY) + sign_text("Other.\n", AUTHOR).partition(b"\n\n")[2]},
        "the signature by anna is not valid",
    ),
    "no signature": ({"sign": lambda text: text.encode()}, ""),
    "a header that is unknown": (
        {"sign": lambda text: sign_text(text.replace("\nSalt:", "\nMood: sad\nSalt:"), KEY)}, "has no Salt where",
    ),
    "a header given twice": (
        {"sign": lambda text: sign_text(text.replace("Language: en\n", "Language: en\nLanguage: en\n"), KEY)}, "line 5",
    ),
    "too many tags": ({"tags": ("a",) * (TAGS_AT_MOST + 1)}, f"more than {TAGS_AT_MOST} Tag lines"),
    "a control character": ({"body": "a\x07b"}, "control character"),
    "not text": ({"sign": lambda text: b"\xff" + sign_text(text, KEY)}, "is not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("lie", SIGNING)
def test_a_testimony_signed_or_written_as_it_must_not_be_is_named(lie: str) -> None:
    values, words = SIGNING[lie]
    mirror = honest()
    mirror.testify(**{"body": "Four.", "files": {"1.txt": b"x"}} | values)
    report = judge(mirror)
    assert_false(report, Claim.SIGNED, FOUR, words)
    assert (report.bad_items(), report.bad_indexes(), report.counts.testimonies) == ([FOUR], [4], 3)


def test_a_withdrawal_by_another_key_withdraws_nothing() -> None:
    mirror = honest()
    mirror.withdraw(3)
    text, _ = note.split_note(mirror.rows.pop().note or b"")
    mirror.list_as("withdrawal", sign_text(text, OTHER))
    report = judge(mirror)
    assert_false(report, Claim.SIGNED, FOUR, "has to sign")
    assert report.bad_indexes() == [3, 4]
    assert report.withdrawn == {}


# Newer versions

NEWER: dict[str, tuple[Tell, list[str]]] = {
    "an entry": (listing(b"amendment 3 words"), ["#4"]),
    "an entry with a note and a file": (
        lambda mirror: mirror.add(b"amendment 3", b"a note of its own", {"1.jpg": b"x"}), ["#4"],
    ),
    "an entry of 256 bytes": (listing(long_entry(256)), ["#4"]),
    "a note's version": (
        lambda mirror: mirror.list_as("testimony", sign_text("mirror/v2 testimony\nMood: sad\n", mirror.key)), ["#4"],
    ),
    "a note's kind": (
        lambda mirror: mirror.list_as("testimony", sign_text("mirror/v1 drawing\nMood: sad\n", mirror.key)), ["#4"],
    ),
    "a withdrawal's version": (
        lambda mirror: mirror.list_as("withdrawal", sign_text("mirror/v3 withdrawal\n", mirror.key)), ["#4"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NEWER)
def test_what_is_of_a_newer_version_is_not_checked(what: str) -> None:
    tell, newer = NEWER[what]
    mirror = honest()
    tell(mirror)
    report = judge(mirror)
    assert (report.newer, report.faults, report.exit_code()) == (newer, [], 3)
    for claim in (Claim.SIGNED, Claim.COMPLETE):
        assert report.verdict(claim).state is State.NOT_CHECKED
        assert words_of(report, claim) == "1 item needs a newer mirror: #4"
    mirror.rows[2].note = None
    assert judge(mirror).exit_code() == 1


def test_the_bytes_of_what_is_newer_are_checked_all_the_same() -> None:
    mirror = honest()
    mirror.add(b"amendment 3", b"a note of its own", {"1.jpg": b"x"})
    copy = mirror.lay()
    copy.flip(FOUR)
    copy.lose("file/00/00/00/04/1.jpg")
    report = judge(copy)
    assert_false(report, Claim.UNCHANGED, FOUR, "holds other bytes")
    assert_false(report, Claim.COMPLETE, "file/00/00/00/04/1.jpg", "is not here")


# Tiles and bundles


def tile_of(mirror: Mirror, entries: list[bytes]) -> bytes:
    return b"".join(leaf_hash(entry) for entry in entries)


def other_bundle(mirror: Mirror) -> None:
    entries = [row.entry for row in mirror.rows]
    entries[3] = b"withdrawal " + RAW_CID
    holding("tile/entries/000.p/4", encode_bundle(entries))(mirror)


def without_tiles(mirror: Mirror) -> None:
    holding("tile/entries/000.p/4", None)(mirror)
    holding("tile/0/000.p/4", None)(mirror)


def file_for_tiles(mirror: Mirror) -> None:
    without_tiles(mirror)
    holding("tile", b"tiles")(mirror)


TILES: dict[str, tuple[Tell, Claim, str, str]] = {
    "a tile of other hashes": (
        holding("tile/0/000.p/4", bytes(4 * 32)), Claim.COMPLETE, "tile/0/000.p/4", "does not follow from the entries",
    ),
    "a tile that is cut": (
        holding("tile/0/000.p/4", bytes(32)), Claim.COMPLETE, "tile/0/000.p/4", "does not follow from the entries",
    ),
    "a tile missing": (holding("tile/0/000.p/4", None), Claim.COMPLETE, "tile/0/000.p/4", "is not here"),
    "a tile more": (
        holding("tile/0/000.p/3", bytes(3 * 32)), Claim.UNCHANGED, "tile/0/000.p/3", "nothing in the log leads to it",
    ),
    "a level more": (holding("tile/1/000.p/1", bytes(32)), Claim.UNCHANGED, "tile/1/000.p/1", "has no place here"),
    "a bundle more": (
        holding("tile/entries/001.p/1", b""), Claim.UNCHANGED, "tile/entries/001.p/1", "has no place here",
    ),
    "a bundle missing": (
        holding("tile/entries/000.p/4", None), Claim.COMPLETE, "tile/entries/000.p/4", "is not in this tree",
    ),
    "a bundle that is cut": (
        holding("tile/entries/000.p/4", b"\0\1a"), Claim.UNCHANGED, "tile/entries/000.p/4", "is cut off in its entry 1",
    ),
    "a bundle with more behind it": (
        holding("tile/entries/000.p/4", bytes(9)), Claim.UNCHANGED, "tile/entries/000.p/4", "1 bytes behind",
    ),
    "another entry": (other_bundle, Claim.COMPLETE, "checkpoint", "do not add up to the root hash"),
    "no tiles at all": (without_tiles, Claim.COMPLETE, "tile/entries/000.p/4", "is not in this tree"),
    "a file where the tiles should be": (file_for_tiles, Claim.COMPLETE, "tile/entries/000.p/4", "is not in this tree"),
}  # fmt: skip


@pytest.mark.parametrize("lie", TILES)
def test_a_tile_or_bundle_that_is_not_what_it_has_to_be_is_named(lie: str) -> None:
    tell, claim, item, words = TILES[lie]
    mirror = honest()
    tell(mirror)
    assert_false(judge(mirror), claim, item, words)


def test_the_entry_that_is_not_the_one_that_was_sealed_is_named() -> None:
    mirror = honest()
    sealed = [row.entry for row in mirror.rows]
    other_bundle(mirror)
    holding("tile/0/000.p/4", tile_of(mirror, sealed))(mirror)
    assert_false(judge(mirror), Claim.COMPLETE, "entry #3", "is not the one whose hash is in tile")


@pytest.mark.parametrize("content", [None, b"", bytes(7)])
def test_entries_and_tiles_may_both_be_wrong(content: bytes | None) -> None:
    mirror = honest()
    other_bundle(mirror)
    holding("tile/0/000.p/4", content)(mirror)
    assert judge(mirror).bad_items() == ["checkpoint", "tile/0/000.p/4"]


def test_a_log_of_many_bundles_holds_and_each_of_its_tiles_counts() -> None:
    mirror = Mirror()
    for _ in range(520):
        mirror.add(b"amendment %d" % len(mirror.rows), None)
    copy = mirror.lay()
    assert judge(copy).exit_code() == 3
    tiles = ["/".join(path) for path, link in copy.paths.items() if path[:1] == (tree.TILE,) and link.cid.codec == RAW]
    assert len(tiles) == 7
    for path in tiles:
        damaged = mirror.lay()
        damaged.flip(path)
        assert judge(damaged).bad_items() == [path]


# What lies where nothing should, and what is not there

STRAY = [
    "note/00/00/00/04.txt", "note/00/00/00/1.txt", "note/00/00/00/02", "note/00/00/00/02.txt.bak", "note/x",
    "note/01/00/00/00/02.txt", "note/00/00/00/٠٣.txt", "note/00/00/01/00.txt", "file/00/00/00/01/3.jpg",
    "file/00/00/00/02/1.jpg", "file/00/00/00/00/1.jpg", "file/00/00/00/09/1.jpg", "file/1.jpg",
    "file/00/00/00/01/x/1.jpg",
    "file/00/00/00/03/02.txt", "tile/index.html", "tile/0/x000/000", "anchor/00/00/00/05/checkpoint.txt",
    "anchor/00/00/00/00/checkpoint.txt", "anchor/00/00/00/04/other.txt", "anchor/00/00/00/04/ethereum-0.json",
    "anchor/00/00/00/04/x/checkpoint.txt", "anchor/4/checkpoint.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", STRAY)
def test_what_has_no_place_is_named(path: str) -> None:
    mirror = honest()
    holding(path, b"stray")(mirror)
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, path, "has no place here")
    assert report.bad_items() == [path]


@pytest.mark.parametrize("name", ["checkpoint.txt", "checkpoint.txt.ots", "ethereum-12.json"])
def test_anchors_of_a_size_of_this_log_may_be_there(name: str) -> None:
    mirror = honest()
    holding(f"anchor/00/00/00/04/{name}", b"no proof")(mirror)
    holding(f"anchor/00/00/00/01/{name}", b"no proof")(mirror)
    report = judge(mirror)
    assert report.verdict(Claim.UNCHANGED).state is State.HOLDS
    assert report.verdict(Claim.EXISTED_BY).state is State.FALSE


def test_a_missing_note_is_named_and_its_files_are_not_accused() -> None:
    mirror = honest()
    mirror.rows[1].note = None
    report = judge(mirror)
    assert report.bad_items() == ["note/00/00/00/01.txt"]
    assert words_of(report, Claim.COMPLETE) == "the listed #1 is not here"
    assert words_of(report, Claim.UNCHANGED) == "2 testimonies, pages"
    assert (report.bad_indexes(), report.exit_code()) == ([1], 1)


@pytest.mark.parametrize("top", ["note", "file"])
def test_where_a_whole_folder_is_missing_all_of_it_is_named(top: str) -> None:
    mirror = honest()
    for row in mirror.rows:
        row.note, row.files = (None, row.files) if top == "note" else (row.note, {})
    wanted = {
        "note": [f"note/00/00/00/0{index}.txt" for index in range(4)],
        "file": ["file/00/00/00/01/1.jpg", "file/00/00/00/01/2.bin"],
    }
    assert judge(mirror).bad_items() == wanted[top]


def test_another_note_than_the_log_lists_is_named() -> None:
    mirror = honest()
    sealed, mirror.rows[3].note = cid_at(mirror, 3), mirror.rows[2].note
    report = judge(mirror)
    words = f"is not what the log lists: its CID is {cid_at(mirror, 2)}, listed {sealed}"
    assert_false(report, Claim.UNCHANGED, "note/00/00/00/03.txt", words)
    assert words_of(report, Claim.COMPLETE) == "the listed #3 is not here"


def test_two_notes_that_changed_places_are_named() -> None:
    mirror = honest()
    for body in ("Four.", "Five."):
        mirror.testify(body)
    four, five = (mirror.rows[index].note or b"" for index in (4, 5))
    assert len(four) == len(five)
    holding("note/00/00/00/04.txt", five)(mirror)
    holding("note/00/00/00/05.txt", four)(mirror)
    report = judge(mirror)
    assert report.bad_indexes() == [4, 5]
    assert_false(report, Claim.UNCHANGED, "note/00/00/00/04.txt", "is not what the log lists: its CID is")


def test_another_first_note_than_the_charter_is_named() -> None:
    mirror = honest()
    mirror.rows[0].note = mirror.rows[2].note
    assert_false(judge(mirror), Claim.UNCHANGED, "note/00/00/00/00.txt", "is not what the log lists")


# Attachments


def test_an_attachment_that_is_missing_is_named() -> None:
    mirror = honest()
    del mirror.rows[1].files["1.jpg"]
    assert_false(judge(mirror), Claim.COMPLETE, "file/00/00/00/01/1.jpg", "is not here")


def test_an_attachment_of_other_bytes_is_named() -> None:
    mirror = honest()
    mirror.rows[1].files["2.bin"] = b"other"
    report = judge(mirror)
    assert_false(report, Claim.UNCHANGED, "file/00/00/00/01/2.bin", "is not what #1 lists: its CID is")
    assert report.bad_indexes() == [1]


@pytest.mark.parametrize("by", [-1, 1])
def test_an_attachment_of_another_length_than_is_listed_is_named(by: int) -> None:
    mirror = honest()
    listed = (Attachment(CID.of_raw(b"abc"), 3 + by, "text/plain", "a.txt"),)
    mirror.testify("Four.", files={"a.txt": b"abc"}, attachments=listed)
    assert_false(judge(mirror), Claim.UNCHANGED, "file/00/00/00/04/a.txt", f"has 3 bytes, #4 lists {3 + by}")


def test_two_attachments_whose_names_differ_in_case_are_refused() -> None:
    mirror = honest()
    mirror.testify("Four.", files={"a.txt": b"abc", "A.txt": b"def"})
    assert_false(judge(mirror), Claim.SIGNED, FOUR, "differ only in upper and lower case")


def test_attachments_hold_in_any_order_and_of_any_length() -> None:
    mirror = Mirror()
    mirror.testify("One.", files={"z.txt": b"", "é.txt": b"1", "b.bin": bytes(3 << 20), "B2.bin": b"2"})
    report = judge(mirror)
    assert (report.exit_code(), report.counts.attachments) == (0, 4)


def test_a_block_in_the_middle_of_an_attachment_counts() -> None:
    copy = honest().lay()
    middle = CID.of_raw(b"y" * (1 << 20))
    del copy.blocks[middle]
    assert_false(judge(copy), Claim.COMPLETE, "file/00/00/00/01/2.bin", "is not here")


# Every block, every byte


def small() -> Mirror:
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"picture"})
    mirror.testify("Two.", author=mirror.author.public)
    mirror.testify("Three.")
    mirror.withdraw(3, token=token(3))
    mirror.files[("index.html",)] = b"<p>Voices"
    return mirror


def test_a_flipped_bit_at_every_byte_of_every_block_is_noticed_and_named() -> None:
    mirror = Mirror()
    mirror.testify("One.", files={"1.jpg": b"x"})
    copy = mirror.lay()
    assert judge(copy).exit_code() == 0
    for cid, data in list(copy.blocks.items()):
        for at in range(len(data)):
            copy.blocks[cid] = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
            report = judge(copy)
            assert report.exit_code() == 1
            assert report.bad_items()
            assert report.verdict(Claim.UNCHANGED).state is State.FALSE
        copy.blocks[cid] = data


def test_each_missing_block_is_noticed_and_named() -> None:
    copy = honest().lay()
    for cid, data in list(copy.blocks.items()):
        del copy.blocks[cid]
        report = judge(copy)
        assert (report.exit_code(), report.verdict(Claim.COMPLETE).state) == (1, State.FALSE)
        assert report.bad_items()
        copy.blocks[cid] = data


PATHS = sorted("/".join(path) for path in small().lay().paths if path)


@given(st.data())
@settings(max_examples=300)
def test_whatever_the_key_s_holder_writes_there_is_a_verdict(data: st.DataObject) -> None:
    """Any content at any place, all around it laid and signed anew: never an error, and never a clean bill."""
    mirror, laid = small(), small().lay()
    path = data.draw(st.sampled_from(PATHS))
    was = laid.blocks[laid.paths[tuple(path.split("/"))].cid]
    content = data.draw(mutated(st.just(was)) | st.binary(max_size=40))
    is_folder = laid.paths[tuple(path.split("/"))].cid.codec != RAW
    if is_folder:
        mirror.print_folder[tuple(path.split("/"))] = lambda links: content
    else:
        holding(path, content)(mirror)
    report = judge(mirror)
    changed = content != was and path != "index.html"
    assert report.exit_code() == (1 if changed else 0) or (report.exit_code() == 3 and report.newer)
    assert all(line.isprintable() for claim in Claim for line in report.verdict(claim).words)


@given(mutated(st.sampled_from([row.note or b"" for row in small().rows if row.note])), st.booleans())
@settings(max_examples=300)
def test_whatever_is_listed_as_a_note_there_is_a_verdict(content: bytes, as_withdrawal: bool) -> None:
    mirror = small()
    mirror.list_as("withdrawal" if as_withdrawal else "testimony", content)
    report = judge(mirror)
    assert report.exit_code() in (1, 3)
    assert report.exit_code() == 1 or report.newer


@given(mutated(st.sampled_from([row.entry for row in small().rows])))
@settings(max_examples=300)
def test_whatever_is_listed_there_is_a_verdict(entry: bytes) -> None:
    mirror = small()
    mirror.add(entry, None)
    report = judge(mirror)
    assert report.exit_code() == 1 or (report.exit_code() == 3 and report.newer == ["#5"])
