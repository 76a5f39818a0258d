"""A keeper's copy, brought to a mirror's newest edition by sources of which none is believed.

    whom to believe    every edition that a source offers is opened by the mirror's key (`mirror.edition`)
    which to take      all of them and the one held must be of one log; then the newest, if it is newer (`choose`)
    what to fetch      the blocks that the archive does not hold; the tree's folders say which those are (`Near`)
    then               the caller judges the whole tree, lets go of what was withdrawn (`Leaving`), and
                       `mirror.carry.bring_in` takes it in

What an author withdrew with her token goes at once. Behind what the publisher alone withdrew may stand a seized key:
it is no longer handed on, but put away for a while (`mirror.store.sealed`), and where it is much at once, nothing is
taken in until a person agrees.

Sources are equal: a file, a folder, some gateways together. One that cannot show what it offers is passed over and
named. Two signed statements that contradict each other are something else: nothing is taken then, neither from this
source nor from any other, and the two editions are handed back, so that the evidence can be kept.

**Left out: whether the tree is whole and each note true.** `mirror.verify` says so of the whole tree, before anything
of it is taken in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mirror import carry, tree
from mirror.edition import Edition
from mirror.errors import FAULTS, Forked, MirrorError, Refused, Unavailable, Unverified
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import Get
from mirror.store.archive import Archive

ALONE_AT_MOST = 10
"""Testimonies that a publisher alone may withdraw in one edition before a person is asked: what a bad month brings."""

ONE_IN = 100
"""The same for small mirrors: not more than one entry in so many."""


class Source(Protocol):
    """Somebody who has blocks."""

    @property
    def who(self) -> str: ...

    def get(self, cid: CID) -> bytes:
        """A block that hashes to its CID. Raises Missing, BadBlock or Unavailable."""

    def fetch(self, root: CID, near: "Near") -> None:
        """Have everything below `root` that `near` does not hold ready for `get`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tree that a source says to be an edition."""

    source: Source
    root: CID


@dataclass(frozen=True, slots=True)
class Shown:
    """An offer that was opened: its pages are signed by the mirror's key."""

    offer: Offer
    edition: Edition

    @property
    def who(self) -> str:
        """Whose offer it is."""
        return self.offer.source.who


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two editions that the same key signed and that cannot both be true, and what says so."""

    one: Edition
    other: Edition
    error: Unverified


@dataclass(frozen=True, slots=True)
class Choice:
    """What came of asking: the newest edition of all, and who shows it, if it is newer than what is held.

    `contradiction` speaks against all of them. `passed` are the offers that could not be opened, and why.
    """

    newest: Edition
    shown: Shown | None
    contradiction: Contradiction | None
    passed: list[tuple[Offer, MirrorError]]


class Near:
    """What an archive holds, and a source's blocks where it holds none."""

    def __init__(self, archive: Archive, source: Source) -> None:
        self._archive = archive
        self._source = source

    only_folders = False
    """Whether what is fetched are folders and the ways through files, and nothing that stands in them."""

    def __contains__(self, cid: CID) -> bool:
        return cid in self._archive.blocks

    @property
    def holds_most(self) -> bool:
        """Whether most of a newer edition is held, as it is from the first edition on."""
        return self._archive.has_head()

    def get(self, cid: CID) -> bytes:
        """A block, from the archive if it has it; what was left out of it is not asked for."""
        return self._archive.get(cid) if cid in self or cid in self._archive.left_out else self._source.get(cid)

    def is_complete(self, cid: CID) -> bool:
        """Whether nothing at or below a block has to be fetched: raw blocks that are held, or left out.

        Of folders that are held this is not known: a withdrawal takes blocks out of earlier editions. So they are
        walked, which reads no note and no attachment.
        """
        return cid.codec == RAW and (self.only_folders or cid in self or cid in self._archive.left_out)


def choose(archive: Archive, offers: Sequence[Offer], name: CID | None) -> Choice:
    """The newest edition that is offered, if it is newer than the archive's and continues it.

    `name` is that of the mirror's key; None: of what is held, or whatever is offered. Where no offer could be opened,
    raises why, and `Refused` for two mirrors.
    """
    held = Edition(archive.head(), archive.blocks.get) if archive.has_head() else None
    passed: list[tuple[Offer, MirrorError]] = []
    opened = _open(archive, offers, name or (held.key.ipns if held else None), passed)
    if not opened:
        raise _worst(passed)
    newest = max(opened, key=lambda shown: shown.edition.number)
    others = [shown.edition for shown in opened if shown is not newest]
    found = (_compare(other, newest.edition) for other in ([held, *others] if held else others))
    contradiction = next(filter(None, found), None)
    if held is not None and newest.edition.number <= held.number:
        return Choice(held, None, contradiction, passed)
    return Choice(newest.edition, newest, contradiction, passed)


def _open(
    archive: Archive, offers: Sequence[Offer], name: CID | None, passed: list[tuple[Offer, MirrorError]]
) -> list[Shown]:
    opened = []
    for offer in offers:
        try:
            edition = Edition(offer.root, Near(archive, offer.source).get)
        except (*FAULTS, Unavailable) as error:
            passed.append((offer, error))
            continue
        if name in (None, edition.key.ipns):
            opened.append(Shown(offer, edition))
        else:
            passed.append((offer, Refused(f"it is the mirror {edition.key.vkey}, and {name} is followed")))
    return opened


def _worst(passed: Sequence[tuple[Offer, MirrorError]]) -> MirrorError:
    """The error to raise where no offer could be opened: what is false before what is only absent."""
    errors = [error for _, error in passed]
    return next((error for error in errors if not isinstance(error, Unavailable)), errors[0])


def _compare(one: Edition, other: Edition) -> Contradiction | None:
    """What two editions say against each other. Raises `Refused` for two mirrors, and what reading their logs does."""
    try:
        carry.check_same_log(one, other)
    except Forked as error:
        return Contradiction(one, other, error)
    except Unverified as error:
        if one.number == other.number:
            return Contradiction(one, other, error)
        raise
    return None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a newer edition withdraws of what is held: with its token, or by the publisher alone. `of`: entries held.

    `blocks` are those of the latter that none of the former uses.
    """

    with_token: tuple[int, ...]
    alone: tuple[int, ...]
    of: int
    blocks: frozenset[CID]

    @property
    def is_much(self) -> bool:
        """Whether the publisher alone withdraws so much at once that a person is asked."""
        return len(self.alone) > ALONE_AT_MOST or len(self.alone) * ONE_IN > self.of


def leaving(archive: Archive, edition: Edition) -> Leaving:
    """What leaves the archive with an edition that continues it."""
    if not archive.has_head():
        return Leaving((), (), 0, frozenset())
    held = Edition(archive.head(), archive.blocks.get)
    gone = {index: how for index, how in edition.withdrawn().items() if index < held.size and held.holds(index)}
    with_token = tuple(sorted(index for index, how in gone.items() if how.with_token))
    alone = tuple(sorted(gone.keys() - set(with_token)))
    blocks = _blocks_at(held, alone) - _blocks_at(held, with_token)
    return Leaving(with_token, alone, held.size, frozenset(blocks))


def _blocks_at(edition: Edition, indexes: Sequence[int]) -> set[CID]:
    return {cid for index in indexes for cid in edition.blocks_at(index)}


def take(
    archive: Archive,
    shown: Shown,
    judge: Callable[[CID, Get], bool],
    let_go: Callable[[Edition, Leaving], None],
    *,
    text_only: bool = False,
) -> tuple[Edition, int] | None:
    """Fetch what lacks, let `judge` look at the whole tree, and take it in; how many blocks were new.

    With `text_only`, what attachments hold is left out (`Archive.left_out`), unless it is held already.

    None where `judge` says no: then nothing was changed. `let_go` is told what the edition withdraws before anything
    is changed; it puts away what is to be, or raises `Refused`. Raises what `carry.bring_in` does.
    """
    source, root = shown.offer.source, shown.offer.root
    near = Near(archive, source)
    if text_only:
        _leave_out_attachments(archive, shown, near)
    source.fetch(root, near)
    if not judge(root, near.get):
        return None
    let_go(shown.edition, leaving(archive, shown.edition))
    return carry.bring_in(archive, root, near.get)


def _leave_out_attachments(archive: Archive, shown: Shown, near: Near) -> None:
    attachments = shown.edition.tree.find((tree.FILE,))
    if attachments is None:
        return
    folders = Near(archive, shown.offer.source)
    folders.only_folders = True
    shown.offer.source.fetch(attachments.cid, folders)
    found = (cid for cid in tree.reach(attachments.cid, near.get) if cid.codec == RAW)
    archive.set_left_out(archive.left_out.union(cid for cid in found if cid not in near))
