"""What a reader saw before: contained, older, or a fork; and nobody is accused of what somebody else did."""

from dataclasses import replace

import pytest
from judging import assert_false, holding, honest, items, judge, words_of
from world import Copy, Mirror

from mirror import verdict
from mirror.formats.fields import Item
from mirror.verdict import Claim, Report, State
from mirror.verify import Seen, Trust


def remembering(made: Mirror | Copy, seen: Seen) -> Report:
    return judge(made, Trust(given=Mirror().key.public, seen=lambda key: seen if key == Mirror().key.public else None))


def later(mirror: Mirror) -> Mirror:
    mirror.testify("Four.")
    mirror.number += 1
    return mirror


def test_what_was_seen_before_is_contained() -> None:
    mirror = honest()
    first = mirror.lay().seen
    assert words_of(remembering(mirror, first), Claim.APPEND_ONLY) == "contains the 4 entries you saw before"
    report = remembering(later(mirror), first)
    assert report.verdict(Claim.APPEND_ONLY).state is State.HOLDS
    assert (words_of(report, Claim.APPEND_ONLY), report.exit_code()) == ("contains the 4 entries you saw before", 0)
    assert "not seen this mirror before" in words_of(judge(mirror), Claim.APPEND_ONLY)


def test_an_older_edition_is_not_checked_and_counts() -> None:
    old = honest().lay()
    report = remembering(old, later(honest()).lay().seen)
    assert report.verdict(Claim.APPEND_ONLY).words == (verdict.OLDER, "this is edition 1, you have seen edition 2")
    assert (report.verdict(Claim.APPEND_ONLY).state, report.exit_code()) == (State.NOT_CHECKED, 3)
    pages_only = honest()
    pages_only.number = 2
    assert remembering(old, pages_only.lay().seen).exit_code() == 3


def assert_fork(report: Report, seen: Seen, words: str) -> None:
    assert report.verdict(Claim.APPEND_ONLY).state is State.FALSE
    assert words in words_of(report, Claim.APPEND_ONLY)
    assert (report.bad_items(), report.exit_code()) == (["fork"], 1)
    assert report.forked_with == seen.signed_checkpoint


def test_one_edition_with_two_trees_is_a_fork() -> None:
    seen, mirror = honest().lay().seen, honest()
    mirror.files[("index.html",)] = b"another"
    assert_fork(remembering(mirror, seen), seen, f"edition 1 had the index hash {seen.root_cid} when you saw it")


@pytest.mark.parametrize("more", [0, 1])
def test_two_logs_of_one_key_are_a_fork(more: int) -> None:
    seen, other = honest().lay().seen, Mirror()
    for number in range(3 + more):
        other.testify(f"Another story, {number}.")
    other.number = 2
    assert_fork(remembering(other, seen), seen, "two logs signed by this key cannot both be true")


def test_a_log_that_shrinks_or_grows_backwards_is_a_fork() -> None:
    large = later(honest()).lay().seen
    small = honest()
    small.number = 3
    assert_fork(remembering(small, large), large, "edition 2 had 5 entries when you saw it, this is edition 3 with 4")
    small.number = 5
    before = small.lay().seen
    assert_fork(remembering(later(honest()), before), before, "edition 5 had 4 entries when you saw it")


def test_what_a_stranger_changed_is_no_fork_by_the_key() -> None:
    seen = honest().lay().seen
    listed: list[tuple[Item, ...]] = []
    honest_one = honest()
    honest_one.edit_edition = lambda page: listed.append(page.items) or page  # type: ignore[func-returns-value]
    honest_one.lay()
    for path, content in (("index.html", b"changed"), ("note/00/00/00/03.txt", None), ("note/00/00/00/03.txt", b"x")):
        mirror = honest()
        items(lambda _: listed[0])(mirror)
        holding(path, content)(mirror)
        report = remembering(mirror, seen)
        assert report.root_cid != seen.root_cid
        assert path in report.bad_items()
        assert words_of(report, Claim.APPEND_ONLY) == "contains the 4 entries you saw before"


def test_an_old_table_of_contents_in_a_new_tree_is_no_fork_by_the_key() -> None:
    new, seen = later(honest()), later(later(honest())).lay().seen
    old_page = honest().lay()
    new.files[("edition.txt",)] = old_page.get(old_page.paths[("edition.txt",)].cid)
    report = remembering(new, replace(seen, edition=2, checkpoint=honest().lay().seen.checkpoint))
    assert_false(report, Claim.SIGNED, "checkpoint", "not the one that edition.txt states")
    assert report.verdict(Claim.APPEND_ONLY).state is State.NOT_CHECKED


@pytest.mark.parametrize("content", [None, b"", bytes(5 * 32)])
def test_tiles_that_disagree_leave_memory_unchecked(content: bytes | None) -> None:
    mirror = later(honest())
    holding("tile/0/000.p/5", content)(mirror)
    report = remembering(mirror, honest().lay().seen)
    assert report.bad_items() == ["tile/0/000.p/5"]
    assert report.verdict(Claim.APPEND_ONLY).state is State.NOT_CHECKED


def test_memory_is_not_compared_with_a_log_that_cannot_be_read() -> None:
    seen = honest().lay().seen
    for page in ("tile/entries/000.p/5", "edition.txt"):
        copy = later(honest()).lay()
        copy.lose(page)
        assert words_of(remembering(copy, seen), Claim.APPEND_ONLY) == "the log could not be read whole"
