"""One edition opened: its signed pages agree, and what is read out of it is what the log lists."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from judging import OTHER, checkpoint, edition, holding, honest, signing
from world import NAME, Copy, Mirror, sign_text, token

from mirror.edition import Edition
from mirror.errors import BadBlock, BadSignature, Malformed, MirrorError, Missing, Refused, Unverified
from mirror.formats import notes
from mirror.formats.cid import CID


def opened(made: Mirror | Copy) -> Edition:
    copy = made.lay() if isinstance(made, Mirror) else made
    return Edition(copy.root, copy.get, Mirror().key.public)


def test_an_honest_edition_opens_with_and_without_its_key() -> None:
    copy = honest().lay()
    for made in (opened(copy), Edition(copy.root, copy.get)):
        assert (made.number, made.size, made.key, made.root) == (1, 4, Mirror().key.public, copy.root)
        assert (made.charter.title, made.charter_cid) == ("Voices", Mirror().charter_cid)
        assert [entry.kind for _, entry in made.entries()] == ["charter", *["testimony"] * 3]
        assert made.open(3, notes.Testimony).body == "Three."
        assert made.index_of(made.entry(2).cid) == 2
        assert made.withdrawn() == {}
        assert made.log.root_hash() == made.checkpoint.root_hash


LIES: list[tuple[Callable[[Mirror], object], type[MirrorError], str]] = [
    (edition(mirror="others.example"), Unverified, r"edition\.txt is of the mirror others\.example, not voices"),
    (edition(charter=CID.of_raw(b"")), Unverified, r"edition\.txt was signed for another charter"),
    (edition(size=3), Unverified, r"checkpoint is not the one that edition\.txt states"),
    (checkpoint(root_hash=bytes(32)), Unverified, r"checkpoint is not the one that edition\.txt states"),
    (signing("edition", lambda text: sign_text(text, OTHER)), BadSignature, "has to sign"),
    (signing("checkpoint", lambda text: sign_text(text, OTHER)), BadSignature, "known key"),
    (
        lambda mirror: setattr(mirror, "charter", honest_charter_of_another()),
        Unverified,
        "the charter gives another key",
    ),
    (holding("edition.txt", None), Missing, r"edition\.txt is not in this tree"),
    (holding("charter.txt", b""), Malformed, "no empty line"),
]


def honest_charter_of_another() -> bytes:
    made = replace(notes.open_charter(Mirror().charter), key=OTHER.public)
    return notes.sign(made, OTHER)


@pytest.mark.parametrize(("lie", "kind", "words"), LIES)
def test_an_edition_whose_pages_disagree_does_not_open(
    lie: Callable[[Mirror], object], kind: type[MirrorError], words: str
) -> None:
    mirror = honest()
    lie(mirror)
    with pytest.raises(kind, match=words):
        opened(mirror)


def test_a_note_is_opened_only_as_what_the_log_lists() -> None:
    mirror = honest()
    mirror.rows[3].note = mirror.rows[2].note
    made = opened(mirror)
    with pytest.raises(BadBlock, match="holds other bytes"):
        made.open(3, notes.Testimony)
    with pytest.raises(Malformed, match="a note of kind testimony where"):
        made.open(2, notes.Withdrawal)
    with pytest.raises(Refused, match="entry 4 does not lie in a log of 4 entries"):
        made.entry(4)
    with pytest.raises(Malformed, match="is not listed in edition 1"):
        made.index_of(CID.of_raw(b""))
    mirror = honest()
    mirror.testify("Four.", mirror="others.example")
    with pytest.raises(Unverified, match=r"it is of the mirror others\.example"):
        opened(mirror).open(4, notes.Testimony)


def test_what_was_withdrawn_and_what_is_newer_is_told() -> None:
    mirror = honest()
    mirror.add(b"amendment 3", None)
    mirror.withdraw(1, token=token(1))
    mirror.withdraw(2, reason="legal")
    made = opened(mirror)
    assert [index for index, _ in made.entries()] == [0, 1, 2, 3, 5, 6]
    found = {index: (each.by, each.with_token, each.reason) for index, each in made.withdrawn().items()}
    assert found == {1: (5, True, None), 2: (6, False, "legal")}
    assert made.key.name == NAME
