"""A log and all that it lists: steps 6 to 9 of docs/formats.md §9.

Entries are read once, in order; every tile is computed anew from them and compared with the one that is there; then the
notes are read in the order of the log, in step with a walk of `/note` and of `/file`, so that what is missing, what is
other and what is too much is found in one pass. Memory holds for each entry what its rules need
(`mirror.check.Listing`) and no text; notes are judged in batches, on other processes where there is an executor.

A fault in entries or root hash ends the audit: what rests on them is not checked, rather than false.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mirror import check, tree
from mirror.check import Finding, Judged, Listed, Listing, Place, Read, Rules, Source
from mirror.errors import FAULTS, BadBlock, BadSignature, Malformed, MirrorError, Missing, NeedsNewer, NotHeld
from mirror.formats import entry as entries
from mirror.formats import merkle, tile
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.formats.unixfs import Get, Link
from mirror.log.append import append
from mirror.log.tree import PlaceReader, TiledLog
from mirror.tree import Found, Lockstep, Path, Tree, in_words
from mirror.verdict import Claim, Report

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

BATCH = 128
"""Notes judged at a time: enough that handing them to another process costs little, few enough to hold many batches."""

BATCHES_AHEAD = 2
"""Batches that each other process has before it; beyond them, this process judges too."""

BATCHES_WAITING = 64
"""Batches judged out of turn that are held until it is theirs: a few megabytes."""


@dataclass(frozen=True)
class Run:
    """How to go about it: whether to compute signatures on testimonies, on how many other `processes`, whom to tell."""

    signatures: bool = True
    executor: "Executor | None" = None
    processes: int = 1
    progress: Callable[[int, int], None] = lambda done, total: None


@dataclass(frozen=True)
class Evidence:
    """What there is to judge: a root, the blocks, perhaps an announcement, perhaps the root that a link named.

    `record` is the record of the mirror's name, where that led here. Where there is a `source`, whoever judges a note,
    perhaps another process, reads it there. `logs` are readers of the log of a name that somebody keeps apart from the
    tree, in less bytes; nothing that they read is verified.
    """

    what: str
    root: CID
    get: Get
    announcement: bytes | None = None
    expected_root: CID | None = None
    source: Source | None = None
    record: bytes | None = None
    logs: Callable[[CID], Iterable[PlaceReader]] = lambda name: ()


class Audit:
    """One audit. `judge` says whether the log could be read whole; faults go into the report."""

    def __init__(
        self,
        rules: Rules,
        checkpoint: Checkpoint,
        evidence: Evidence,
        top: dict[str, Link],
        report: Report,
        run: Run,
    ) -> None:
        self._rules = rules
        self._checkpoint = checkpoint
        self._get = evidence.get
        self._source = evidence.source
        self._tree = Tree(evidence.root, evidence.get)
        self._top = top
        self._report = report
        self._run = run
        self._log = TiledLog(checkpoint.size, self._read_place)
        self._listing = Listing()
        self._withdrawals: list[int] = []
        self._unread: set[int] = set()
        self._reading: Path = (tree.TILE,)

    def judge(self) -> bool:
        """Read the log and everything it lists."""
        if not self._judge_tiles():
            return False
        self._apply_withdrawals()
        self._judge_notes()
        return True

    # Step 6 and 7: entries, tiles, root hash, the rules of entries

    def _read_place(self, place: tile.Place) -> bytes:
        self._reading = tuple(place.path.split("/"))
        return self._tree.read(self._reading)

    def _judge_tiles(self) -> bool:
        expected: dict[Path, CID] = {}

        def keep(place: tile.Place, data: bytes) -> None:
            expected[tuple(place.path.split("/"))] = CID.of_raw(data)

        try:
            _, root_hash = append(None, self._take_entries(), keep)
        except FAULTS as error:
            self._fault_path(self._reading, error)
            return False
        self._compare_tiles(expected)
        if root_hash == self._checkpoint.root_hash:
            return True
        self._blame()
        return False

    def _take_entries(self) -> Iterator[bytes]:
        for index, data in enumerate(self._log.entries()):
            self._take_entry(index, data)
            yield data

    def _take_entry(self, index: int, data: bytes) -> None:
        try:
            entry = self._listing.add(data)
        except FAULTS as error:
            self._unread.add(index)
            self._report.fault(Claim.COMPLETE, f"entry #{index}", f"entry #{index}: {error.message}")
            return
        if entry is None:
            self._unread.add(index)
            self._report.newer.append(f"#{index}")
        elif entry.kind == entries.WITHDRAWAL:
            self._withdrawals.append(index)
        elif entry.kind == entries.CHARTER and entry.cid != self._rules.charter:
            words = f"entry #0: it lists another charter than {tree.CHARTER}"
            self._report.fault(Claim.COMPLETE, "entry #0", words)

    def _compare_tiles(self, expected: dict[Path, CID]) -> None:
        lockstep = self._lockstep(tree.TILE)
        for path in sorted(expected, key=tree.sort_key):
            link = lockstep.expect(path)
            if link is None:
                self._report.fault(Claim.COMPLETE, in_words(path), f"{in_words(path)} is not here")
            elif link.cid != expected[path]:
                words = (
                    f"{in_words(path)} does not follow from the entries: its CID is {link.cid}, not {expected[path]}"
                )
                self._report.fault(Claim.COMPLETE, in_words(path), words)
            else:
                self._check_file(path, link)
        lockstep.finish()

    def _blame(self) -> None:
        words = "the entries do not add up to the root hash of the checkpoint"
        self._report.fault(Claim.COMPLETE, tree.CHECKPOINT, f"{tree.CHECKPOINT}: {words}")
        for index, data in enumerate(self._log.entries()):
            if not self._is_hashed(index, data):
                words = f"entry #{index} is not the one whose hash is in {tree.TILE}"
                self._report.fault(Claim.COMPLETE, f"entry #{index}", words)

    def _is_hashed(self, index: int, data: bytes) -> bool:
        """Whether a tile holds an entry's hash; a tile that cannot be read was named already, and says nothing."""
        try:
            return self._log.hash(0, index) == merkle.leaf_hash(data)
        except FAULTS:
            return True

    def _apply_withdrawals(self) -> None:
        for index in self._withdrawals:
            try:
                entry = entries.parse(self._log.entry(index))
                note = check.open_withdrawal(self._rules, entry, self._get(entry.cid))
            except FAULTS:
                continue  # named with the other notes; what rests on it is not withdrawn
            for problem in self._listing.withdraw(index, note, self._token_hash):
                self._fault_at(problem.index, Claim.COMPLETE, problem.words)
        self._report.withdrawn = self._listing.withdrawn
        for withdrawn in self._listing.withdrawn.values():
            self._report.counts.withdrawn_with_token += withdrawn.with_token
            self._report.counts.withdrawn_by_publisher += not withdrawn.with_token

    def _token_hash(self, index: int) -> bytes:
        return entries.parse(self._log.entry(index)).withdrawal or b""

    # Step 8 and 9: notes and attachments

    def _judge_notes(self) -> None:
        files = self._lockstep(tree.FILE)
        for finding in self._findings():
            self._run.progress(finding.index + 1, self._checkpoint.size)
            if finding.error is None:
                self._take(finding, files)
            else:
                self._fault_note(finding.index, finding.error)
        files.finish()

    def _take(self, finding: Finding, files: Lockstep) -> None:
        problems = self._listing.take(finding, self._author_of)
        for problem in problems:
            self._fault_at(problem.index, Claim.COMPLETE, problem.words)
        for attachment in sorted(finding.attachments, key=lambda each: each.name.encode()):
            self._judge_attachment(finding.index, attachment, files)
        if self._listing.is_testimony(finding.index) and not problems:
            self._report.counts.testimonies += 1
            self._report.counts.by_authors += bool(finding.author)

    def _judge_attachment(self, index: int, attachment: Attachment, files: Lockstep) -> None:
        path = tree.file_path(index, attachment.name)
        link = files.expect(path)
        if link is None:
            self._report.fault(Claim.COMPLETE, in_words(path), f"{in_words(path)} is not here", index)
        elif link.cid != attachment.cid:
            words = f"{in_words(path)} is not what #{index} lists: its CID is {link.cid}, listed {attachment.cid}"
            self._report.fault(Claim.UNCHANGED, in_words(path), words, index)
        elif (length := self._check_file(path, link)) is not None and length != attachment.length:
            words = f"{in_words(path)} has {length} bytes, #{index} lists {attachment.length}"
            self._report.fault(Claim.UNCHANGED, in_words(path), words, index)
        elif index not in self._report.not_held:
            self._report.counts.attachments += 1

    def _findings(self) -> Iterator[Finding]:
        """What is found of every note that is here, in the order of the log."""
        notes = self._notes()
        batches = iter(lambda: list(islice(notes, BATCH)), [])
        read = None if self._source is None else self._source.read
        if self._run.executor is None:
            for batch in batches:
                yield from self._told(batch, check.judge_all(self._rules, batch, read))
        else:
            yield from self._judge_apart(self._run.executor, batches, read)

    def _judge_apart(
        self, executor: "Executor", batches: Iterable[list[Listed]], read: Read | None
    ) -> Iterator[Finding]:
        """Hand batches to other processes, and judge one here whenever they have enough to do."""
        waiting: deque[tuple[list[Listed], Future[Judged] | Judged]] = deque()
        for batch in batches:
            busy = sum(not isinstance(judged, list) and not judged.done() for _, judged in waiting)
            if busy < BATCHES_AHEAD * self._run.processes:
                waiting.append((batch, executor.submit(check.judge_all, self._rules, batch, read)))
            else:
                waiting.append((batch, check.judge_all(self._rules, batch, read)))
            while waiting and (len(waiting) > BATCHES_WAITING or _is_done(waiting[0][1])):
                yield from self._told(*waiting.popleft())
        for first, judged in waiting:
            yield from self._told(first, judged)

    def _told(self, batch: list[Listed], judged: "Future[Judged] | Judged") -> Iterator[Finding]:
        results = judged if isinstance(judged, list) else judged.result()
        for listed, found in zip(batch, results, strict=True):
            if isinstance(found, bytes):
                yield Finding(listed.index, text_hash=found)
            elif found is not None:
                yield found
            elif closer := self._look_closer(listed):
                yield closer

    def _look_closer(self, listed: Listed) -> Finding | None:
        """Judge a note that does not lie where it was said to, if it is found elsewhere; its fault is noted if not."""
        index, entry, place = listed
        cid = entries.parse(entry).cid
        data = self._read_note(index, cid, Link("", cid, len(place) if isinstance(place, bytes) else place[2]))
        return None if data is None else check.judge(self._rules, index, entry, data)

    def _notes(self) -> Iterator[Listed]:
        lockstep = self._lockstep(tree.NOTE)
        for index, entry in enumerate(self._log.entries()):
            cid = self._listing.cid_of(index)
            if cid is None or index in self._listing.withdrawn:
                continue
            link = lockstep.expect(tree.note_path(index))
            found = self._place(cid, link) or self._read_note(index, cid, link)
            if found is None:
                self._unread.add(index)
            else:
                yield Listed(index, entry, found)
        lockstep.finish()

    def _place(self, cid: CID, link: Link | None) -> Place | None:
        """Where whoever judges a note reads it; None where it has to be looked for here."""
        if self._source is None or link is None or link.cid != cid:
            return None
        place = self._source.place(cid)
        return place if place is not None and place[2] == link.size else None

    def _read_note(self, index: int, cid: CID, link: Link | None) -> bytes | None:
        if link is None:
            self._report.fault(Claim.COMPLETE, _item(index), f"the listed #{index} is not here", index)
            return None
        if link.cid != cid:
            words = f"{_item(index)} is not what the log lists: its CID is {link.cid}, listed {cid}"
            self._report.fault(Claim.UNCHANGED, _item(index), words, index)
            self._report.fault(Claim.COMPLETE, _item(index), f"the listed #{index} is not here", index)
            return None
        try:
            data = self._get(cid)
        except FAULTS as error:
            self._fault_note(index, error)
            return None
        if link.size != len(data):
            words = f"{_item(index)} has {len(data)} bytes, its folder says {link.size}"
            self._report.fault(Claim.UNCHANGED, _item(index), words, index)
        return data

    def _author_of(self, index: int) -> bytes:
        try:
            return check.author_of_note(self._tree.read(tree.note_path(index)))
        except FAULTS:
            return b""

    # Faults

    def _lockstep(self, name: str) -> Lockstep:
        link = self._top.get(name)
        found = iter(()) if link is None else tree.walk(link, self._get, self._fault_path, (name,))
        return Lockstep(found, self._extra)

    def _extra(self, found: Found) -> None:
        """A note or attachment that nothing expects. Of what could not be read nobody knows what belongs to it."""
        path = found.path
        index = tree.index_of_note(path) if path[0] == tree.NOTE else tree.index_of_file(path)
        if index in self._unread:
            self._check_file(path, found.link)
        elif index in self._listing.withdrawn:
            words = f"{in_words(path)} is still here, and #{index} was withdrawn"
            self._report.fault(Claim.UNCHANGED, in_words(path), words)
        else:
            words = f"{in_words(path)} has no place here: nothing in the log leads to it"
            self._report.fault(Claim.UNCHANGED, in_words(path), words)

    def _check_file(self, path: Path, link: Link) -> int | None:
        try:
            return tree.check_file(link, self._get)
        except FAULTS as error:
            index = tree.index_of_file(path)
            if isinstance(error, NotHeld) and index is not None:
                self._report.not_held.add(index)
            else:
                self._fault_path(path, error)
            return None

    def _fault_path(self, path: Path, error: MirrorError) -> None:
        self._report.fault(claim_of_bytes(error), in_words(path), f"{in_words(path)}: {error.message}")

    def _fault_at(self, index: int, claim: Claim, words: str) -> None:
        item = in_words(tree.note_path(index))
        self._report.fault(claim, item, f"{item}: {words}", index)

    def _fault_note(self, index: int, error: MirrorError) -> None:
        self._unread.add(index)
        if isinstance(error, NotHeld) and self._listing.is_testimony(index):
            self._report.not_held.add(index)
        elif isinstance(error, NeedsNewer):
            self._report.newer.append(f"#{index}")
        elif isinstance(error, Missing):
            self._fault_at(index, Claim.COMPLETE, f"the listed #{index} is not here: {error.message}")
        elif isinstance(error, BadBlock):
            item = in_words(tree.note_path(index))
            self._report.fault(Claim.UNCHANGED, item, f"{item} is not what the log lists: {error.message}", index)
            self._report.fault(Claim.COMPLETE, item, f"the listed #{index} is not here", index)
        else:
            signature = isinstance(error, BadSignature | Malformed)
            self._fault_at(index, Claim.SIGNED if signature else Claim.COMPLETE, error.message)


def _item(index: int) -> str:
    return in_words(tree.note_path(index))


def _is_done(judged: "Future[Judged] | Judged") -> bool:
    return isinstance(judged, list) or judged.done()


def claim_of_bytes(error: MirrorError) -> Claim:
    """Which claim a block, file or folder breaks that is not as it has to be: an absent one `complete`."""
    return Claim.COMPLETE if isinstance(error, Missing) else Claim.UNCHANGED
