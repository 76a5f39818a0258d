"""What outside clocks show: that the entries below a size existed by a day.

    /anchor/00/00/00/42/ethereum-7.json        a transaction that holds an announcement, in a block of Ethereum
    /anchor/00/00/00/42/checkpoint.txt(.ots)   the checkpoint's three lines, in a block of Bitcoin

Of each anchor, in this order (docs/formats.md §7):

    1  every step within the proof, from what is anchored to the block (`formats.ethereum`, `formats.ots`)
    2  what is anchored is a checkpoint of this log: the origin is the name, the key signed it where it is a note, and
       the root hash is that of the first *size* entries of this tree
    3  the block is on the chain, which only somebody outside can say (`mirror.clocks_outside`)

A step that fails makes the anchor false; where nobody was asked or they disagree, it is not checked. A day is said and
no second: a miner's clock is good for that. **Left out, and said:** an anchor shows no author, and not that no other
log was anchored; who paid for a transaction; how many blocks lie on top of a block.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING

from mirror import tree
from mirror.clocks_outside import BITCOIN, ETHEREUM, Outside, Sources, name_of
from mirror.errors import FAULTS, MirrorError, Missing, NeedsNewer, Unavailable, Unverified
from mirror.formats import checkpoint as checkpoints
from mirror.formats import merkle, notes, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, RAW
from mirror.formats.key import PublicKey
from mirror.formats.notes import Announcement
from mirror.formats.unixfs import Link
from mirror.log.tree import TiledLog
from mirror.tree import Path, Tree, in_words
from mirror.verdict import Anchored, Claim, Report, Standing, State

if TYPE_CHECKING:
    from mirror.formats import ots
    from mirror.formats.ethereum import Header

LINES, PROOF = "checkpoint.txt", "checkpoint.txt.ots"

NO_ANCHOR = "no anchor in this edition"
NO_MORE = "an anchor shows time: not who wrote, nor that no other log was anchored"


@dataclass(frozen=True)
class Log:
    """The log whose anchors are judged: its key, its charter, its signed checkpoint, and its tiles, all unverified."""

    key: PublicKey
    charter: CID
    checkpoint: Checkpoint
    tiles: TiledLog

    def root_hash(self, size: int) -> bytes:
        """The root hash of the first `size` entries. Raises `BadProof` where the tiles are not those of this log."""
        found, newest = self.tiles.root_hash(size), self.checkpoint
        proof = self.tiles.consistency(size)
        merkle.check_consistency(size, found, newest.size, newest.root_hash, proof)
        return found


# Steps 1 and 2: what a proof holds


def check_ethereum(log: Log, size: int, name: str, data: bytes) -> "tuple[int, Header]":
    """Chain and header of the block in which a proof shows an announcement of this size of the log.

    `name` is the proof's in the tree. Raises `Malformed` or `Unverified` where anything in it is not so, `Unavailable`
    where the libraries are not installed.
    """
    from mirror.formats import ethereum  # noqa: PLC0415  (its libraries take longer to load than a proof to check)

    proof = ethereum.parse_proof(data)
    transaction, header = proof.check()
    said = notes.open_as(Announcement, transaction.data, log.key)
    if (said.mirror, said.charter) != (log.key.name, log.charter):
        raise Unverified(f"it holds an announcement of another log of {said.mirror}")
    if said.size != size or f"ethereum-{said.edition}.json" != name:
        raise Unverified(f"it holds the announcement of edition {said.edition} with {said.size} entries")
    _compare(log, size, said.root_hash)
    return proof.chain, header


def check_ots(log: Log, size: int, lines: bytes, data: bytes) -> "ots.Proof":
    """A proof that shows these three lines of the log in blocks of Bitcoin, or that calendars promised to.

    Raises `Malformed` or `Unverified` where it is not so.
    """
    from mirror.formats import ots  # noqa: PLC0415  (loaded where there is such a proof)

    said = checkpoints.parse_text(wire.decode_utf8(lines, LINES))
    if said.origin != log.key.name:
        raise Unverified(f"{LINES} is of another log, {said.origin}")
    if said.size != size:
        raise Unverified(f"{LINES} is a checkpoint of {said.size} entries")
    _compare(log, size, said.root_hash)
    proof = ots.parse(data)
    if len(proof.promises) != len(proof.paths):
        ots.check_complete(proof)
    if proof.digest != sha256(lines).digest():
        raise Unverified(f"the proof is over something else than {LINES}")
    return proof


def _compare(log: Log, size: int, root_hash: bytes) -> None:
    if not 0 < size <= log.checkpoint.size:
        raise Unverified(f"a log of {log.checkpoint.size} entries has no checkpoint of {size}")
    try:
        root = log.root_hash(size)
    except FAULTS as error:
        raise Missing(f"what this log should be at that size cannot be told: {error.message}") from None
    if root != root_hash:
        raise Unverified(f"it anchors another log: the first {size} entries of this one have another root hash")


# All of a tree's anchors


class Clocks:
    """Judges anchors, one folder after another; `finish` gives what was found of each.

    A file that is no anchor by its name is passed over: whoever walks the tree names it.
    """

    def __init__(self, log: Log, sources: Sources) -> None:
        self._log = log
        self._outside = Outside(sources)
        self._found: list[Anchored] = []
        self._unsaid: set[str] = set()

    def judge(self, size: int, path: Path, names: Iterable[str], read: Callable[[Path], bytes]) -> bool:
        """Judge what lies in the folder at `path`, of anchors of one size; whether any of it holds."""
        before = len(self._found)
        here = {name for name in names if tree.is_anchor((*path, name), size)}
        pair = {LINES, PROOF}
        if len(pair & here) == 1:
            (name,) = pair & here
            (other,) = pair - here
            lone = Anchored(in_words((*path, name)), BITCOIN, size, Standing.FALSE, f"no {other} lies beside it")
            self._found.append(lone)
            here.remove(name)
        for name in sorted(here - {LINES}):
            self._found.append(self._judge(size, (*path, name), read))
        return any(each.standing is Standing.EXISTED_BY for each in self._found[before:])

    def _judge(self, size: int, path: Path, read: Callable[[Path], bytes]) -> Anchored:
        clock = BITCOIN if path[-1] == PROOF else ETHEREUM
        found = Anchored(in_words(path), clock, size, Standing.NOT_CHECKED, "")
        try:
            if clock == ETHEREUM:
                return self._judge_ethereum(found, path, read(path))
            return self._judge_ots(found, read((*path[:-1], LINES)), read(path))
        except (Missing, NeedsNewer) as error:
            return replace(found, words=error.message)
        except Unavailable as error:
            if error.how != "not installed":
                raise
            return replace(found, words=f"{error.message}: {error.hint}")
        except FAULTS as error:
            return replace(found, standing=Standing.FALSE, words=error.message)

    def _judge_ethereum(self, found: Anchored, path: Path, data: bytes) -> Anchored:
        chain, header = check_ethereum(self._log, found.size, path[-1], data)
        told = self._outside.find_ethereum(chain, header)
        if self._outside.counts(chain) and not self._outside.brought(header):
            self._unsaid.add(found.item)
        found = replace(found, standing=told.standing, words=told.words, day=told.day)
        return replace(found, block=name_of(chain, header.number), block_hash=f"0x{header.hash.hex()}")

    def _judge_ots(self, found: Anchored, lines: bytes, data: bytes) -> Anchored:
        proof = check_ots(self._log, found.size, lines, data)
        blocks = proof.blocks
        if not blocks:
            calendars = " and ".join(sorted({address for address, _ in proof.promises}))
            return replace(found, standing=Standing.PENDING, words=f"pending: {calendars} promised a block of Bitcoin")
        told = [self._outside.find_bitcoin(height, root) for height, root in blocks]
        best = min(range(len(told)), key=lambda at: (_ORDER[told[at].standing], told[at].day or date.max))
        found = replace(found, standing=told[best].standing, words=told[best].words, day=told[best].day)
        return replace(found, block=name_of(None, blocks[best][0]))

    def is_settled(self) -> bool:
        """Whether every hash that was typed is that of a block which was judged."""
        return not self._outside.unused()

    def finish(self) -> list[Anchored]:
        """Every anchor that was judged, by size and place.

        Whoever typed a hash that is of no block here typed it for one of them, of which it is not the hash; so all
        have to be judged by then (`is_settled`).
        """
        if not self.is_settled():
            self._found = [_refuted(each) if each.item in self._unsaid else each for each in self._found]
        return sorted(self._found, key=lambda each: (each.size, each.item))


_ORDER = {Standing.FALSE: 0, Standing.EXISTED_BY: 1, Standing.PENDING: 2, Standing.NOT_CHECKED: 3}


def _refuted(found: Anchored) -> Anchored:
    """An anchor where a hash was typed that is not its block's; who else was asked then disagrees with the reader."""
    words = f"the hash that you gave is not that of {found.block} in this proof"
    if found.standing is Standing.EXISTED_BY:
        return replace(found, standing=Standing.NOT_CHECKED, words=f"{words}, which is {found.words}", day=None)
    return replace(found, standing=Standing.FALSE, words=words)


def folders(held: Tree, above: int = 0) -> Iterator[tuple[int, Path, Mapping[str, Link]]]:
    """Size, path and entries of each folder of anchors whose size is larger than `above`, smaller sizes first.

    Only folders on the way to those are read. What has no place there is passed over: whoever walks the tree names it.
    """
    top = held.find((tree.ANCHOR,))
    if top is not None:
        yield from _below(held, top, (tree.ANCHOR,), above)


def _below(held: Tree, link: Link, path: Path, above: int) -> Iterator[tuple[int, Path, Mapping[str, Link]]]:
    entries = {} if link.cid.codec == RAW else held.entries(link.cid)
    if len(path) == 5:
        yield wire.decode_decimal("".join(path[1:]).lstrip("0")), path, entries
        return
    for name in sorted(_PAIRS & entries.keys()):
        largest = "".join((*path[1:], name)).ljust(8, "9")
        if wire.decode_decimal(largest.lstrip("0") or "0") > above:
            yield from _below(held, entries[name], (*path, name), above)


_PAIRS = frozenset(f"{number:02d}" for number in range(100))


def judge_all(report: Report, held: Tree, log: Log, sources: Sources) -> None:
    """Judge every anchor of a tree, those of the largest sizes first, and settle what it existed by."""
    clocks = Clocks(log, sources)
    try:
        for size, path, entries in reversed(list(folders(held))):
            clocks.judge(size, path, entries, held.read)
    except FAULTS as error:
        _say_unread(report, error)
    _settle(report, clocks.finish(), NO_ANCHOR)


def judge_one(report: Report, held: Tree, log: Log, sources: Sources, index: int) -> None:
    """Judge the anchors that cover one entry, the smallest size first, until one holds; and settle the same of it.

    As long as a hash was typed that is of no block yet, the next ones are judged too: it may be theirs.
    """
    clocks = Clocks(log, sources)
    try:
        for size, path, entries in folders(held, index):
            if clocks.judge(size, path, entries, held.read) and clocks.is_settled():
                break
    except FAULTS as error:
        _say_unread(report, error)
    covers = f" covers #{index}" if tree.ANCHOR in held.entries(held.root) else ""
    _settle(report, clocks.finish(), f"{NO_ANCHOR}{covers}", index)


def _say_unread(report: Report, error: MirrorError) -> None:
    """A folder on the way that is not here proves nothing wrong; one that is not as it has to be does."""
    if not isinstance(error, Missing):
        report.fault(Claim.EXISTED_BY, tree.ANCHOR, f"{tree.ANCHOR}: {error.message}")


def _settle(report: Report, found: list[Anchored], none: str, index: int | None = None) -> None:
    report.anchors = found
    for each in found:
        if each.standing is Standing.FALSE:
            report.fault(Claim.EXISTED_BY, each.item, f"{each.item}: {each.words}")
    holding = _best([each for each in found if each.standing is Standing.EXISTED_BY], whole=index is None)
    if holding:
        words = [f"{each.day}: {_covered(report, each, index)}, by {each.words}" for each in holding]
        report.say(Claim.EXISTED_BY, State.HOLDS, *words, NO_MORE)
    else:
        open_ones = [each.words for each in _best(found, whole=index is None)]
        report.say(Claim.EXISTED_BY, State.NOT_CHECKED, *open_ones or [none])


def _best(found: Sequence[Anchored], *, whole: bool) -> list[Anchored]:
    """Of each clock one: of a `whole` tree the anchor of most entries, then the earliest; of one entry the earliest."""
    best: dict[str, Anchored] = {}
    for each in sorted(found, key=lambda each: (-each.size if whole else 0, each.day or date.max, each.size)):
        best.setdefault(each.clock, each)
    return sorted(best.values(), key=lambda each: each.day or date.max)


def _covered(report: Report, anchored: Anchored, index: int | None) -> str:
    if index is not None:
        return f"#{index} was listed"
    size = report.checkpoint.size if report.checkpoint is not None else anchored.size
    return f"all {size} entries" if anchored.size == size else f"the first {anchored.size} of {size} entries"
