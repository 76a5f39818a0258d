"""Pinning: what a holder lacks of this mirror is sent, the newest edition pinned, and that confirmed.

A holder is an IPFS node, a cluster of them, or a service that speaks the Pinning Services API. It is never believed:
every CID is ours, and what it reports is read back where it lets itself be read (`Node`). The steps, for one holder:

    1  look      which of its pins under this mirror's name are editions of this log
    2  refuse    where one is a later edition than ours, or contradicts our log: `check_newest`
    3  send      the CARs of the editions after the one it holds, in order, the blocks counted on both sides
    4  pin       the newest root, moving the pin where there is one
    5  settle    ask until it is pinned, as long as the caller is patient
    6  confirm   a node's copy is opened offline, its signed pages verified; `thorough`: every block, rehashed
    7  unpin     the editions before, which no reader needs any more

After a failure at any step the next run finds the old pin, the new one, or both, and goes on. A pin that cannot be
moved, or a copy that turns out to have holes, is tried once more with every edition's CAR: a block that only an edition
before last had may be gone from the node (garbage collection), and nobody said so.

**Left out: whether strangers can fetch it.** That is asked from elsewhere. What was withdrawn is removed from a node by
`mirror.pin_withdrawn`, after step 7. Nothing here knows a network, a clock or the key: holders are arguments.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from mirror import tree
from mirror.edition import Edition
from mirror.errors import FAULTS, BadBlock, Forked, Malformed, MirrorError, Missing, Refused, Unavailable, Unverified
from mirror.formats import car
from mirror.formats import entry as entries
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.log import timeline
from mirror.store.archive import Archive, root_of

NAMED_AT_MOST = 5
"""Blocks named in an error: enough to look at, whatever their number is."""

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
        if archive.dropping():
            raise Refused(
                "a withdrawal was interrupted; what it withdraws may still lie in the files here",
                hint="mirror publish …, withdraw … or import … goes on with it",
            )
        self.archive = archive
        self.head = Edition(archive.head(), archive.blocks.get)
        self.cars = {number: path for number, path in archive.editions().items() if number <= self.head.number}
        self._sizes: dict[int, int] = {}

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
        numbers = list(self.cars)
        at = bisect_right(numbers, size, key=self.size_of)
        return self.opened(root_of(self.cars[numbers[at - 1]])) if at else None

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
    earlier, later = (opened, head) if opened.size <= head.size else (head, opened)
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


@dataclass(frozen=True, slots=True)
class Run:
    """How to go about it. `wait` sleeps a little and says whether to ask again; `sending` and `reading` hear how far.

    `say` is told in words what did not go the straight way.
    """

    wait: Callable[[Held | None], bool]
    origins: tuple[str, ...] = ()
    thorough: bool = False
    sending: Progress = lambda done, total: None
    reading: Progress = lambda done, total: None
    say: Callable[[str], None] = lambda words: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: how the pin stands, what was sent, how many blocks were read back, what was unpinned."""

    edition: int
    root: CID
    held: Held | None
    editions_sent: tuple[int, ...] = ()
    blocks_sent: int = 0
    bytes_sent: int = 0
    blocks_read: int = 0
    unpinned: tuple[int, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether the newest edition is pinned, as well as can be told from here."""
        return self.held is not None and self.held.state == "pinned"


def push(holder: Holder, ours: Ours, found: Found, run: Run) -> Outcome:
    """Steps 3 to 7 for one holder, whose pins are as `found`.

    Raises `Unavailable` where it fails, and `Unverified` where it reports a pin and does not hold the blocks.
    """
    pushing = _Pushing(holder, ours, found, run)
    held = pushing.place()
    if held is None or held.state == "pinning":
        return pushing.outcome(held)
    read = pushing.confirm()
    held = held if held.state == "pinned" else holder.state(ours.root)
    return pushing.outcome(held, read, pushing.unpin_older())


class _Pushing:
    """One push: what was sent so far."""

    def __init__(self, holder: Holder, ours: Ours, found: Found, run: Run) -> None:
        self._holder = holder
        self._ours = ours
        self._found = found
        self._run = run
        self._sent: list[int] = []
        self._blocks = self._bytes = self._read = 0

    def outcome(self, held: Held | None, read: int = 0, unpinned: tuple[int, ...] = ()) -> Outcome:
        """What came of it so far."""
        sent = (tuple(self._sent), self._blocks, self._bytes)
        return Outcome(self._ours.head.number, self._ours.root, held, *sent, read, unpinned)

    def place(self) -> Held | None:
        """Send and pin, unless the newest edition is pinned already; how its pin stands then."""
        base = self._found.newest
        if base is not None and base.held.root == self._ours.root:
            return base.held
        if any(each.held.root == self._ours.root and each.held.state == "pinning" for each in self._found.editions):
            return self._settle()  # an earlier run asked for it
        self._send_after(0 if base is None else base.number)
        try:
            return self._pin(base)
        except Unavailable as error:
            if base is None or not self._holder.takes_blocks:
                raise
            self._run.say(f"{error.message}; every edition is sent once more")
            self._send_after(0)
            return self._pin(base)

    def _pin(self, base: Pinned | None) -> Held | None:
        root, there = self._ours.root, self._holder.state(self._ours.root)
        instead_of = None if base is None or (there is not None and there.state == "pinned") else base.held.root
        self._holder.pin(root, self._ours.mirror, instead_of=instead_of, origins=self._run.origins)
        return self._settle()

    def _settle(self) -> Held | None:
        """Ask until the pin is there, has failed, or the caller's patience ends.

        A node's pin that failed is one that it has and not the blocks: `confirm` judges that.
        """
        while True:
            held = self._holder.state(self._ours.root)
            if held is not None and held.state == "failed" and not isinstance(self._holder, Node):
                raise Unavailable(f"{self._holder.name}: the pin failed: {held.words or 'it does not say why'}")
            if (held is not None and held.state != "pinning") or not self._run.wait(held):
                return held

    def _send_after(self, number: int) -> None:
        """Send the CAR of each edition after this one, in order."""
        if not self._holder.takes_blocks:
            return
        cars = [(each, path, path.stat().st_size) for each, path in self._ours.cars.items() if each > number]
        total, done = sum(size for _, _, size in cars), 0
        for each, path, size in cars:
            self._send(path, size, partial(self._sending, done, total))
            done += size
            self._sent.append(each)

    def _sending(self, before: int, total: int, sent: int, _: int) -> None:
        self._run.sending(before + sent, total)

    def _send(self, path: Path, size: int, progress: Progress) -> None:
        with path.open("rb") as file:
            try:
                expected = sum(1 for _ in car.sections(file))
            except Malformed as error:
                raise Malformed(f"{path.name}: {error.message}", hint="mirror fsck says how to repair it") from None
            file.seek(0)
            taken = self._holder.send(file, size, progress)
        if taken != expected:
            raise Unavailable(f"{self._holder.name} took {taken} of the {expected} blocks of {path.name}")
        self._blocks += taken
        self._bytes += size

    def confirm(self) -> int:
        """How many blocks of a node's copy were read back; raises `Unverified` where it lacks some after all."""
        if not isinstance(self._holder, Node):
            return 0
        false = self._read_back(self._holder)
        if false:
            self._run.say(f"{_in_words(self._holder, self._ours, false)}; every edition is sent once more")
            self._send_after(0)
            false = self._read_back(self._holder)
        if false:
            raise Unverified(_in_words(self._holder, self._ours, false))
        return self._read

    def _read_back(self, node: Node) -> dict[CID, str]:
        """What a node's copy lacks or has otherwise: its pages at least, or, thoroughly, every block."""
        self._read, false = 0, {}
        wanted = self._wanted()
        for cid in wanted:
            try:
                node.block(cid)
                self._read += 1
            except (Missing, BadBlock) as error:
                false[cid] = error.message
            self._run.reading(self._read + len(false), len(wanted))
        return false

    def _wanted(self) -> list[CID]:
        head, get = self._ours.head, self._ours.archive.blocks.get
        if self._run.thorough:
            return list(tree.reach(head.root, get))
        return [head.root, *(head.tree.link((page,)).cid for page in (tree.EDITION, tree.CHARTER, tree.CHECKPOINT))]

    def unpin_older(self) -> tuple[int, ...]:
        """Have the holder forget the editions before the newest; which it still had."""
        older = [each for each in self._holder.held(self._ours.mirror) if each.root != self._ours.root]
        known = {each.held.root: each.number for each in self._found.editions}
        mine = [each.root for each in older if each.root in known]
        for root in mine:
            self._holder.unpin(root)
        return tuple(sorted(known[root] for root in mine))


def _in_words(holder: Holder, ours: Ours, false: dict[CID, str]) -> str:
    named = "; ".join(list(false.values())[:NAMED_AT_MOST])
    more = f", and {len(false) - NAMED_AT_MOST} more" if len(false) > NAMED_AT_MOST else ""
    return (
        f"{holder.name} reports the pin of edition {ours.head.number}, and lacks {len(false)} of the blocks that were "
        f"asked for: {named}{more}"
    )


def new_to(found: Found, ours: Ours) -> list[int]:
    """The testimonies that a holder does not have yet: what would leave this machine for good."""
    first = 0 if found.newest is None else min(found.newest.size, ours.head.size)
    told = (first + at for at, line in enumerate(ours.head.log.entries(first)) if line.startswith(_TESTIMONY))
    return [index for index in told if ours.head.holds(index)]


_TESTIMONY = f"{entries.TESTIMONY} ".encode()
