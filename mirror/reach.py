"""Who can be reached: everyone who may know a mirror's name or hold its blocks is asked, and what comes is verified.

    names     each source is asked for the record of the mirror's name                      `mirror.naming`
    blocks    each holder is asked for the newest edition's first pages, block by block, each hashed
    answers   one for each of them: what it said, of which edition, in what time, or what kept it from answering

The pages are the index hash's own block, `charter.txt`, `checkpoint` and `edition.txt`, opened as an edition: real
bytes, and little of them. A holder that lacks the newest edition is asked for the ones before it that somebody named.
That a holder has these pages does not show that it has everything: `mirror.verify` does.

Where the blocks are what their CIDs say and still make no edition of this mirror, no holder is to blame, but the link
or whoever signed the name: that is raised, not answered.

Sources, holders, the time and the clock are arguments. Nothing that is asked is remembered here.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from mirror import naming
from mirror.edition import Edition
from mirror.errors import BadBlock, Malformed, MirrorError, Missing, NeedsNewer, Unavailable, Unverified
from mirror.formats.cid import CID, IDENTITY
from mirror.formats.link import IPNS, Link
from mirror.naming import Heard, Known, Source

ASKED_AT_ONCE = 16
"""Holders that are asked at the same time: so a few that never answer hold nobody else up."""

EDITIONS_AT_MOST = 3
"""Editions that a holder is asked for, the newest first: who lacks these follows the mirror no more."""

WITHIN = 180.0
"""Seconds for the pages of one edition from one holder, as far as it answers at all: five blocks over a slow Tor."""

Clock = Callable[[], float]
State = Literal["serves", "ended", "none", "silent", "lies"]


@runtime_checkable
class Holder(Protocol):
    """Somebody who may hold blocks: a gateway, a node."""

    @property
    def who(self) -> str: ...

    def block(self, cid: CID) -> bytes:
        """A block, hashed. Raises Missing where it says to have none, BadBlock or Malformed for other bytes,
        Unavailable where it did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question to one of them.

    `serves`: verified; `ended`: a record that counts no more; `none`: it says to have none; `silent`: no answer, by
    `how` where that is known; `lies`: something else than was asked for. `seconds` and `size` are this run's.
    """

    who: str
    asked: Literal["name", "blocks"]
    state: State
    edition: int | None = None
    root: CID | None = None
    seconds: float = 0.0
    size: int = 0
    how: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """All answers, the names' first, and what each source said of the name as `mirror.naming` judges it."""

    answers: tuple[Answer, ...]
    heard: tuple[Heard, ...]


def reach(
    link: Link,
    sources: Sequence[Source],
    holders: Sequence[Holder],
    known: Sequence[Known],
    now: datetime,
    clock: Clock,
) -> Found:
    """Ask everyone, all at once: first where the name leads, then for the blocks of where it leads.

    `known` is what the reader knows already of the name. Raises what is wrong with the edition itself.
    """
    named = name_of(link)
    watched = [_Watched(each, clock) for each in sources]
    heard = [] if named is None else naming.ask(watched, named, now)
    roots = [link.cid] if link.scheme != IPNS else _roots(heard, known)
    answers = [_of_name(*pair) for pair in zip(heard, watched, strict=False)]
    if roots and holders:
        with ThreadPoolExecutor(min(len(holders), ASKED_AT_ONCE)) as pool:
            answers += pool.map(lambda holder: _blocks(holder, roots, link, clock), holders)
    return Found(tuple(answers), tuple(heard))


def name_of(link: Link) -> CID | None:
    """The name that a link is about: its own, or its key's; None where it has neither."""
    if link.scheme == IPNS:
        return link.cid
    return None if link.key is None else link.key.ipns


class _Watched:
    """A source, how long it took, and what kept it from answering."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self.who = source.who
        self.seconds = 0.0
        self.how = ""
        self._source = source
        self._clock = clock

    def get_name(self, key: CID) -> bytes:
        begun = self._clock()
        try:
            return self._source.get_name(key)
        except Unavailable as error:
            self.how = error.how
            raise
        finally:
            self.seconds = self._clock() - begun


_STATES: dict[str, State] = {"record": "serves", "false": "lies"}


def _of_name(heard: Heard, watched: _Watched) -> Answer:
    answer = Answer(
        heard.who,
        "name",
        _STATES.get(heard.state, heard.state),  # type: ignore[arg-type]  # the other states are called alike
        seconds=watched.seconds,
        size=len(heard.data),
        how=watched.how,
        words=heard.words,
    )
    return answer if heard.record is None else replace(answer, edition=heard.record.sequence, root=heard.record.root)


def _roots(heard: Sequence[Heard], known: Sequence[Known]) -> list[CID]:
    """The trees that the name was led to, the newest first."""
    said = [(each.record.sequence, each.record.root) for each in heard if each.record is not None]
    said += [(each.number, each.root) for each in known]
    newest_first = sorted(said, key=lambda pair: pair[0], reverse=True)
    return list(dict.fromkeys(root for _, root in newest_first))[:EDITIONS_AT_MOST]


class _Pages:
    """A holder's blocks, counted; and the error that is the holder's, if there was one."""

    def __init__(self, holder: Holder, clock: Clock) -> None:
        self.size = 0
        self.error: MirrorError | None = None
        self._holder = holder
        self._clock = clock
        self._begun = clock()

    @property
    def seconds(self) -> float:
        return self._clock() - self._begun

    def get(self, cid: CID) -> bytes:
        if cid.hash_code == IDENTITY:
            return cid.digest
        try:
            if self.seconds > WITHIN:
                raise Unavailable(f"{self._holder.who} took longer than {WITHIN:.0f} seconds", how="timed out")
            data = self._holder.block(cid)
        except MirrorError as error:
            self.error = error
            raise
        self.size += len(data)
        return data


def _blocks(holder: Holder, roots: Sequence[CID], link: Link, clock: Clock) -> Answer:
    """What a holder gives of the newest of these trees of which it gives anything."""
    answer = Answer(holder.who, "blocks", "none")
    for root in roots:
        answer = _pages_of(holder, root, link, clock)
        if answer.state != "none":
            break
    return answer


def _pages_of(holder: Holder, root: CID, link: Link, clock: Clock) -> Answer:
    pages = _Pages(holder, clock)
    try:
        edition = _open(root, pages, link)
    except NeedsNewer:
        raise
    except MirrorError as error:
        if pages.error is None:
            raise Unverified(f"the tree {root} is no edition of this mirror: {error.message}") from None
        answer = _failed(holder.who, pages.error)
    else:
        answer = Answer(holder.who, "blocks", "serves", edition.number)
    return replace(answer, root=root, seconds=pages.seconds, size=pages.size)


def _open(root: CID, pages: _Pages, link: Link) -> Edition:
    edition = Edition(root, pages.get, link.key)
    if link.scheme == IPNS and edition.key.ipns != link.cid:
        raise Unverified(f"the name leads to a mirror of another key, {edition.key.vkey}")
    return edition


def _failed(who: str, error: MirrorError) -> Answer:
    if isinstance(error, Missing):
        return Answer(who, "blocks", "none", words=error.message)
    if isinstance(error, BadBlock | Malformed):
        return Answer(who, "blocks", "lies", words=error.message)
    how = error.how if isinstance(error, Unavailable) else ""
    return Answer(who, "blocks", "silent", how=how, words=error.message)
