"""Who holds copies, what there is to hold, and which of it somebody has: before anything is sent or signed.

A holder's pins under this mirror's name are editions of this log that are here, or roots that nobody here knows. Such a
root is opened on the holder itself, where it lets itself be read (`Node`), and verified with the mirror's key. So it is
a later edition, after which nothing may be signed here; one of another history, which is a fork; an earlier one that
this archive has no file of; or none of this mirror's. Of a holder that gives no blocks, such a root may be any of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Protocol, runtime_checkable

from mirror.edition import Edition
from mirror.errors import FAULTS, Forked, MirrorError, Refused, Unverified
from mirror.formats import entry as entries
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.log import timeline
from mirror.store.archive import Archive, root_of

Progress = Callable[[int, int], None]
"""``progress(done, total)``, in bytes where something is sent, in blocks where it is read back."""


class Held(Protocol):
    """One pin as a holder reports it; `state` is pinned, pinning or failed."""

    @property
    def root(self) -> CID: ...
    @property
    def state(self) -> str: ...
    @property
    def copies(self) -> int: ...
    @property
    def wanted(self) -> int | None: ...
    @property
    def words(self) -> str: ...
    @property
    def peers(self) -> tuple[tuple[str, str], ...]: ...


class Holder(Protocol):
    """Somebody who holds copies. Each method raises `Unavailable` where it does not answer what it was asked."""

    @property
    def name(self) -> str: ...
    @property
    def takes_blocks(self) -> bool: ...
    def held(self, mirror: str) -> Sequence[Held]:
        """Its pins under a mirror's name."""

    def state(self, root: CID) -> Held | None:
        """How one root stands, under whatever name."""

    def send(self, car: BinaryIO, size: int, progress: Progress) -> int:
        """Give it one edition's CAR; how many blocks it took."""

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None, origins: Sequence[str] = ()) -> None:
        """Have it pin a root, moving the pin of an older one; it may come back before that is done."""

    def unpin(self, root: CID) -> None:
        """Have it forget a pin; no error where there is none."""


@runtime_checkable
class Node(Holder, Protocol):
    """A holder that lets itself be read; each of these without asking the network."""

    def has(self, cid: CID) -> bool:
        """Whether a block lies there."""

    def block(self, cid: CID) -> bytes:
        """A block, which hashes to its CID; raises `Missing` or `BadBlock`."""

    def remove(self, cids: Sequence[CID]) -> dict[CID, str]:
        """Remove blocks; those that stayed, and why."""

    def pins(self) -> Iterable[tuple[str, CID]]:
        """The name and root of every pin of a whole tree, of whatever mirror."""

    def pins_that_hold(self, cid: CID) -> Sequence[tuple[str, CID]]:
        """The name and root of pins that keep a block: one at least, if there is any."""

    def export(self, root: CID) -> Iterator[bytes]:
        """A whole tree, as the bytes of a CAR."""


class Ours:
    """What there is to send: an archive's editions up to its head. The caller holds the workspace's lock."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.head = Edition(archive.head(), archive.blocks.get)
        self.cars = {number: path for number, path in archive.editions().items() if number <= self.head.number}
        self._sizes: dict[int, int] = {}

    def check_at_rest(self) -> None:
        """Raise `Refused` while a withdrawal is under way: its blocks may lie in the files, and nothing is sent."""
        if self.archive.dropping():
            raise Refused(
                "a withdrawal was interrupted; what it withdraws may still lie in the files here",
                hint="mirror publish …, withdraw … or import … goes on with it",
            )

    @property
    def mirror(self) -> str:
        """The mirror's name, which its pins bear."""
        return self.head.key.name

    @property
    def key(self) -> PublicKey:
        """The mirror's key."""
        return self.head.key

    @property
    def root(self) -> CID:
        """What is to be pinned."""
        return self.head.root

    @cached_property
    def numbers(self) -> dict[CID, int]:
        """The edition of each root that is here."""
        return {root_of(path): number for number, path in self.cars.items()}

    def opened(self, root: CID) -> Edition | None:
        """An edition that is here: its signed pages stay, whatever was withdrawn from it; None for another root."""
        if root not in self.numbers:
            return None
        return self.head if root == self.root else Edition(root, self.archive.blocks.get, self.key)

    def before(self, size: int) -> Edition | None:
        """The newest edition here whose log has at most `size` entries, if there is one."""
        roots = self.until(size)
        return self.opened(roots[-1]) if roots else None

    def until(self, size: int) -> list[CID]:
        """The roots of all editions here whose logs have at most `size` entries, in ascending order."""
        return list(self.numbers)[: bisect_right(list(self.cars), size, key=self.size_of)]

    def size_of(self, number: int) -> int:
        """How many entries the log had at an edition that is here."""
        if number not in self._sizes:
            opened = self.opened(root_of(self.cars[number]))
            self._sizes[number] = self.head.size if opened is None else opened.size
        return self._sizes[number]


@dataclass(frozen=True, slots=True)
class Pinned:
    """One of a holder's pins that is an edition of this log, not later than ours."""

    number: int
    size: int
    held: Held


@dataclass(frozen=True, slots=True)
class Found:
    """What a holder has under this mirror's name: pins that are editions of this log, in ascending order; editions that
    are later than ours; some that contradict ours, and how; and pins that nobody can judge here."""

    editions: tuple[Pinned, ...]
    later: tuple[Edition, ...] = ()
    contrary: tuple[tuple[Edition, MirrorError], ...] = ()
    unknown: tuple[CID, ...] = ()

    @property
    def newest(self) -> Pinned | None:
        """The newest edition that it says it holds whole."""
        whole = [each for each in self.editions if each.held.state == "pinned"]
        return whole[-1] if whole else None


def look(holder: Holder, ours: Ours) -> Found:
    """Which editions a holder has. A root that is not ours is opened, on a node, and verified with the mirror's key."""
    editions: list[Pinned] = []
    later: list[Edition] = []
    contrary: list[tuple[Edition, MirrorError]] = []
    unknown: list[CID] = []
    for held in holder.held(ours.mirror):
        opened = ours.opened(held.root) or _open(holder, ours, held.root)
        if opened is None:
            unknown.append(held.root)
        elif (error := _contradiction(holder, ours, opened)) is not None:
            contrary.append((opened, error))
        elif opened.number > ours.head.number:
            later.append(opened)
        else:
            editions.append(Pinned(opened.number, opened.size, held))
    editions.sort(key=lambda each: each.number)
    later.sort(key=lambda each: each.number)
    return Found(tuple(editions), tuple(later), tuple(contrary), tuple(unknown))


def _open(holder: Holder, ours: Ours, root: CID) -> Edition | None:
    """A root that is not here, as an edition of this mirror; None where it is none, or cannot be read."""
    if not isinstance(holder, Node):
        return None
    try:
        opened = Edition(root, holder.block, ours.key)
    except FAULTS:
        return None
    return opened if opened.charter_cid == ours.head.charter_cid else None


def _contradiction(holder: Holder, ours: Ours, opened: Edition) -> MirrorError | None:
    """Why an edition that the mirror's key signed cannot be of our log; None where it may be.

    A later one whose tiles cannot be read stays a later one: its pages are signed.
    """
    head = ours.head
    if opened.root in ours.numbers:
        return None
    is_earlier = (opened.size, opened.number) <= (head.size, head.number)
    earlier, later = (opened, head) if is_earlier else (head, opened)
    try:
        timeline.advance(earlier.checkpoint, later.checkpoint, later.log)
    except Forked as error:
        return Forked(f"{holder.name} holds another history of this mirror: {error.message}")
    except FAULTS:
        if later is head:
            raise
    if opened.number == head.number or (opened.number < head.number) != (earlier is opened):
        return Unverified(
            f"{holder.name} holds {opened.root} as edition {opened.number} with {opened.size} entries, and edition "
            f"{head.number} here is {head.root} with {head.size}"
        )
    return None


def check_newest(holder: Holder, ours: Ours, found: Found, *, newest: bool = False) -> None:
    """Raise where a holder's editions contradict ours; `Refused` where one is later, or may be, unless `newest`.

    `newest` is the publisher's word that no later edition exists anywhere; what is seen to exist outweighs it.
    """
    for _, error in found.contrary:
        raise error
    if found.later:
        raise Refused(
            f"{holder.name} holds edition {found.later[-1].number} of this mirror, and edition {ours.head.number} is "
            "the newest here",
            hint=f"bring that edition in with: mirror import --from {holder.name}",
        )
    if found.unknown and not newest:
        raise Refused(
            f"{holder.name} holds {found.unknown[0]} under this mirror's name, which is no edition that is here",
            hint="if it is a later edition, bring its CAR in with: mirror import FILE.car; if you know that there is "
            "none, add: --this-is-newest",
        )


def new_to(found: Found, ours: Ours) -> list[int]:
    """The testimonies that a holder does not have yet: what would leave this machine for good."""
    first = 0 if found.newest is None else min(found.newest.size, ours.head.size)
    told = (first + at for at, line in enumerate(ours.head.log.entries(first)) if line.startswith(_TESTIMONY))
    return [index for index in told if ours.head.holds(index)]


_TESTIMONY = f"{entries.TESTIMONY} ".encode()
