"""Names: which edition a mirror's name leads to, said by its key, and asked of whoever keeps names.

    put     sign_name → keep it in the archive → hand it to every place, ask for it back    `mirror name`
    look    ask every source → verify each record → the newest of them                      `mirror name --look`

A record's number is the edition's, so what is true of editions is true of names: the higher is the newer, and one
number with two index hashes is a fork. Nobody is believed. Each answer is opened with the name's own key; what does
not open counts as false, and says so by whose answer it was. The newest of what is left is compared with what is
remembered: an older one is a rollback, and leads nowhere.

**Left out: whether the tree that a record names is the mirror's.** Whoever reads the tree checks that.

Who keeps names are arguments (`Source`, `Place`), and so is the time. Signing needs the key; handing a record on needs
none, so anybody can keep a silent publisher's name alive until the record ends.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Literal, Protocol

from mirror.edition import Edition
from mirror.errors import Forked, Malformed, Missing, Refused, Unavailable, Unverified
from mirror.formats import ipns
from mirror.formats.cid import CID
from mirror.formats.ipns import Naming, Record
from mirror.formats.key import SecretKey

YEARS = 5
"""How long a record lasts: long enough to outlive a publisher's silence, short enough that a lost key's name ends."""

RENEW_WITHIN = timedelta(days=365)
"""Time before its end from which on a record is to be renewed: whoever looks once a year sees it in time."""

ASKED_AT_ONCE = 16
"""Sources that are asked at the same time."""


class Source(Protocol):
    """Somebody who knows names: a node, a routing endpoint, a gateway, a file."""

    @property
    def who(self) -> str: ...

    def get_name(self, key: CID) -> bytes:
        """The record of a name, as it came. Raises Missing where there is none, Unavailable for no answer."""


class Place(Source, Protocol):
    """A source that also takes records."""

    def put_name(self, record: bytes, key: CID) -> None:
        """Hand a record in. Raises Refused where a newer one is known there, Unavailable where it is not taken."""


State = Literal["record", "ended", "none", "silent", "false"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source says of a name: a record that is verified and counts, one that has ended, or why there is none."""

    who: str
    state: State
    words: str = ""
    data: bytes = b""
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """How a place took a record, by what it gave back.

    `taken`; `newer`: it knows a newer one; `forked`: it leads the same number elsewhere; `behind`: it gave back an
    older one, or none; `silent`: it was not to be reached, or would not have it.
    """

    who: str
    state: Literal["taken", "newer", "forked", "behind", "silent"]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A number and the index hash that goes with it, from somebody who is believed: `whence` says whom."""

    number: int
    root: CID
    whence: str


# Signing


def end_of_record(today: date) -> date:
    """The day on which a record that is signed today ends."""
    return date(min(today.year + YEARS, date.max.year), today.month, 1)


def sign_name(edition: Edition, key: SecretKey, today: date) -> bytes:
    """A record that leads to an edition. Raises `Refused` unless `key` is the mirror's."""
    return ipns.sign(Naming(edition.key, edition.root, edition.number, end_of_record(today)), key)


def is_current(data: bytes | None, edition: Edition, now: datetime) -> bool:
    """Whether a record leads to this edition and has not ended."""
    if data is None:
        return False
    try:
        record = ipns.open_record(data, edition.key.ipns)
        leads_here = record.root == edition.root and record.sequence == edition.number
    except (Malformed, Unverified):
        return False
    return leads_here and not record.ended(now)


def wants_renewal(record: Record, now: datetime) -> bool:
    """Whether a record ends so soon that it is to be signed anew."""
    return record.ended(now + RENEW_WITHIN)


# Asking


def ask(sources: Sequence[Source], name: CID, now: datetime) -> list[Heard]:
    """What each source says of a name, in their order; all are asked at once."""
    if not sources:
        return []
    with ThreadPoolExecutor(min(len(sources), ASKED_AT_ONCE)) as pool:
        return list(pool.map(lambda source: _ask(source, name, now), sources))


def _ask(source: Source, name: CID, now: datetime) -> Heard:
    try:
        return open_heard(source.who, source.get_name(name), name, now)
    except Missing as error:
        return Heard(source.who, "none", error.message)
    except Unavailable as error:
        return Heard(source.who, "silent", error.message)
    except (Malformed, Unverified) as error:
        return Heard(source.who, "false", f"{source.who} answers what is no record of this name: {error.message}")


def open_heard(who: str, data: bytes, name: CID, now: datetime) -> Heard:
    """A record, verified. Raises `Malformed` or `BadSignature` for what is none of this name, or leads to no tree."""
    record = ipns.open_record(data, name)
    _ = record.root
    if record.ended(now):
        return Heard(who, "ended", f"{who} has a record that ended on {record.end.date()}", data, record)
    return Heard(who, "record", "", data, record)


def newest(heard: Sequence[Heard]) -> Heard | None:
    """The newest record that counts; of several such, the first."""
    found = [(each.record.order, each) for each in heard if each.state == "record" and each.record is not None]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def check_one_history(heard: Sequence[Heard], known: Sequence[Known]) -> None:
    """Raise `Forked` where one number leads to two trees, be it of two sources or of what is known already.

    Records that have ended count too: they were signed.
    """
    said = [Known(each.record.sequence, each.record.root, each.who) for each in heard if each.record is not None]
    for one, other in combinations((*known, *said), 2):
        if one.number == other.number and one.root != other.root:
            raise Forked(
                f"number {one.number} of this name leads to two trees: {one.whence} says {one.root}, "
                f"{other.whence} says {other.root}; its key signed both"
            )


def later_known(found: Heard, known: Sequence[Known]) -> Known | None:
    """The latest of what is known already, if the newest record that was found is older: a rollback."""
    last = max(known, key=lambda each: each.number, default=None)
    return last if last and found.record and found.record.sequence < last.number else None


def newer_than(heard: Sequence[Heard], number: int) -> Heard | None:
    """The newest record of a higher number than this, if somebody shows one; one that has ended was signed too."""
    found = [(each.record.order, each) for each in heard if each.record is not None and each.record.sequence > number]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def check_newest(heard: Sequence[Heard], edition: Edition) -> None:
    """Raise where somebody shows that this edition is not the newest: publishing after it would fork the log.

    `Refused` with the command that catches up where a later edition was named, `Forked` where another tree was.
    """
    check_one_history(heard, [Known(edition.number, edition.root, "the archive")])
    later = newer_than(heard, edition.number)
    if later is not None and later.record is not None:
        raise Refused(
            f"{later.who} shows that edition {later.record.sequence} was named with this key, and this copy is at "
            f"edition {edition.number}; to go on from here would fork the log",
            hint=f"bring in a copy of {later.record.root} with: mirror import FILE.car",
        )


# Putting


def put(places: Sequence[Place], data: bytes, name: CID) -> list[Taken]:
    """Hand a verified record to every place at once, and ask for it back; how each took it, in their order."""
    if not places:
        return []
    with ThreadPoolExecutor(min(len(places), ASKED_AT_ONCE)) as pool:
        return list(pool.map(lambda place: _put(place, data, name), places))


def _put(place: Place, data: bytes, name: CID) -> Taken:
    refused = ""
    try:
        place.put_name(data, name)
    except Refused as error:
        refused = error.message
    except Unavailable as error:
        return Taken(place.who, "silent", error.message)
    try:
        return _confirm(place.who, ipns.open_record(data, name), ipns.open_record(place.get_name(name), name))
    except Unavailable as error:
        return Taken(place.who, "behind", f"it was handed in, but whether it is kept is not known: {error.message}")
    except Missing:
        return Taken(place.who, "behind", refused or f"{place.who} takes records and keeps none: is it connected?")
    except (Malformed, Unverified) as error:
        return Taken(place.who, "behind", f"{place.who} gives back what is no record of this name: {error.message}")


def _confirm(who: str, ours: Record, theirs: Record) -> Taken:
    """A place that says to have taken a record has it: some drop in silence what they do not like."""
    if theirs.sequence == ours.sequence and theirs.value != ours.value:
        words = f"{who} leads number {theirs.sequence} to {quote_value(theirs)}, and its key signed both"
        return Taken(who, "forked", words)
    if theirs.order > ours.order:
        return Taken(who, "newer", f"{who} knows a newer one: number {theirs.sequence}, until {theirs.end.date()}")
    if theirs.order < ours.order:
        shown = f"number {theirs.sequence}, until {theirs.end.date()}"
        return Taken(who, "behind", f"{who} still shows an older one ({shown}); some take minutes, then look again")
    return Taken(who, "taken")


def quote_value(record: Record) -> str:
    """What a record leads to, as text that fits a line."""
    return ascii(record.value.decode("utf-8", "replace")[:120])[1:-1]
