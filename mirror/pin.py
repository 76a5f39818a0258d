"""Pinning: what a holder lacks of this mirror is sent, the newest edition pinned, and that confirmed.

A holder is an IPFS node, a cluster of them, or a service that speaks the Pinning Services API. It is never believed:
every CID is ours, and what it reports is read back where it lets itself be read (`Node`). The steps, for one holder, of
which `mirror.pin_look` does the first two:

    1  look      which of its pins under this mirror's name are editions of this log
    2  refuse    where one is a later edition than ours, or contradicts our log: `check_newest`
    3  send      the CARs of the editions after the one it holds, in order, the blocks counted on both sides
    4  pin       the newest root, moving the pin where there is one
    5  settle    ask until it is pinned, as long as the caller is patient
    6  confirm   a node's copy is read back without the network: the signed pages or, `thorough`, every block
    7  unpin     the editions before, which no reader needs any more

After a failure at any step the next run finds the old pin, the new one, or both, and goes on. A pin that cannot be
moved, or a copy that turns out to have holes, is tried once more with every edition's CAR: a block that only an edition
before last had may be gone from the node (garbage collection), and nobody said so.

**Left out: whether strangers can fetch it.** That is asked from elsewhere. What was withdrawn is removed from a node by
`mirror.pin_withdrawn`, after step 7. Nothing here knows a network, a clock or the key: holders are arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mirror import tree
from mirror.errors import BadBlock, Malformed, Missing, Unavailable, Unverified
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.pin_look import Found, Held, Holder, Node, Ours, Pinned, Progress

NAMED_AT_MOST = 5
"""Blocks named in an error: enough to look at, whatever their number is."""


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

    Raises `Refused` while a withdrawal is under way here, `Unavailable` where it fails, and `Unverified` where it
    reports a pin and does not hold the blocks.
    """
    ours.check_at_rest()
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
