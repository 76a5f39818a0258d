"""link → fetch → check: judge a whole tree, in the order of docs/formats.md §9.

    1   the key K and the root; which key, and who confirmed it
    2   every block by its CID (by whoever `get`s it); every folder block canonical (`tree.walk`)
    3   /edition.txt: grammar, signed by K; its items are exactly the top level
    4   /charter.txt: grammar, `Key` is K, signed by K
    5   /checkpoint: origin is the name, signed by K; size and root hash as in the edition
    6   bundles → leaves → every tile → root hash, at exactly the widths that the size implies; entry 0 is the charter
    7   the rules of entries, then which withdrawals are effective
    8   each note: CID, kind, grammar, mirror, charter, signature lines, `Withdrawal`
    9   attachments: the exact set, CID, length; withdrawn ones absent; nothing else anywhere
    10  the announcement, or the record of K's name that led here: signed by K, names this root and these numbers
    11  memory: what the reader saw before
    12  anchors: each against this log, and with what the reader has from outside (`mirror.clocks`)

The counterparts are arguments: `Evidence.get` promises blocks that hash to their CIDs, from wherever it has them;
`Trust` says what the reader confirmed and saw. Nothing here knows a file or a network.

Left out: that an item of the reading room says what the notes say. Its bytes are covered by the edition's signature.
"""

from collections.abc import Callable
from typing import TypeVar

from mirror import clocks, tree
from mirror.audit import Audit, Evidence, Run, claim_of_bytes
from mirror.check import Rules
from mirror.clocks_outside import NONE, Sources
from mirror.errors import FAULTS, BadSignature, Forked, Malformed, MirrorError, NeedsNewer, NotHeld, Refused, Unverified
from mirror.formats import checkpoint as checkpoints
from mirror.formats import note as signed_notes
from mirror.formats import notes
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, DAG_PB, is_ours
from mirror.formats.key import PublicKey
from mirror.formats.notes import Announcement, Charter, Edition
from mirror.formats.unixfs import Link
from mirror.log import timeline
from mirror.log.tree import TiledLog
from mirror.tree import Path, Tree, in_words
from mirror.trust import Seen, Trust, judge_key, judge_record
from mirror.verdict import OLDER, Claim, Counts, Report, State

T = TypeVar("T")


def verify(evidence: Evidence, trust: Trust, run: Run, sources: Sources = NONE) -> Report:
    """Judge a tree, its anchors with the reader's `sources`.

    Faults are in the report; only what is no fault of the evidence is raised. That is above all `Unavailable`, from
    `evidence.get`: who does not answer has neither lied nor lost anything.
    """
    return _Verification(evidence, trust, run, sources).report


class _Verification:
    """One run through the steps; each step leaves what the next ones rest on."""

    def __init__(self, evidence: Evidence, trust: Trust, run: Run, sources: Sources) -> None:
        self.report = Report(evidence.what, root_cid=evidence.root)
        self._evidence = evidence
        self._trust = trust
        self._run = run
        self._sources = sources
        self._tree = Tree(evidence.root, evidence.get)
        self._passed: set[str] = set()
        self._once: set[Link] = set()
        self._is_as_listed = False
        try:
            self._judge()
        except Refused:
            if not self.report.is_full:
                raise
            self._settle(None, None, None, complete=False)

    def _judge(self) -> None:
        top = self._open_top()
        key = None if top is None else self._find_key()
        if top is None or key is None:
            self._walk_others(top or {}, None)
            self._settle(None, None, None, complete=False)
            return
        self.report.key, self.report.mirror = key, key.name
        judge_key(self.report, key, self._trust)
        edition = self._judge_edition(key, top)
        charter = self._judge_charter(key, edition)
        checkpoint = self._judge_checkpoint(key, edition)
        complete = self._judge_log(key, charter, checkpoint, top)
        self._walk_others(top, checkpoint)
        self._judge_items(edition, top)
        self._judge_announcement(key, edition, checkpoint)
        if self._evidence.record is not None:
            judge_record(self.report, key, self._evidence.record)
        self._judge_memory(key, edition, checkpoint, complete)
        self._judge_anchors(key, charter, checkpoint, top)
        self._settle(edition, charter, checkpoint, complete)

    # Step 1 and 2: the root, the key

    def _open_top(self) -> dict[str, Link] | None:
        expected = self._evidence.expected_root
        if expected is not None and expected != self._evidence.root:
            self.report.fault(
                Claim.UNCHANGED,
                "/",
                f"the index hash of what is here is {self._evidence.root}, the link names {expected}",
            )
        try:
            return self._open_root()
        except FAULTS as error:
            self._fault_bytes(("/",), error)
            self.report.say(Claim.KEY, State.NOT_CHECKED, "the tree cannot be opened")
            return None

    def _open_root(self) -> dict[str, Link]:
        root = self._evidence.root
        if not is_ours(root, DAG_PB):
            raise Malformed(f"{root} is no index hash: it does not name a folder of ours")
        return self._tree.entries(root)

    def _attempt(self, item: str, step: Callable[[], T]) -> T | None:
        """What a step gives that judges a signed page; its fault is noted where it fails."""
        try:
            return step()
        except NeedsNewer:
            self.report.newer.append(item)
        except FAULTS as error:
            self.report.fault(Claim.SIGNED, item, f"{item}: {error.message}")
        return None

    def _read(self, name: str) -> bytes | None:
        """The bytes of a signed page; None, and a fault noted, where they are not as its folder says."""
        try:
            return self._tree.read((name,))
        except FAULTS as error:
            self._fault_bytes((name,), error)
            return None

    def _fault_bytes(self, path: Path, error: MirrorError) -> None:
        self.report.fault(claim_of_bytes(error), in_words(path), f"{in_words(path)}: {error.message}")

    def _find_key(self) -> PublicKey | None:
        named = self._trust.given or self._trust.claimed
        if isinstance(named, PublicKey):
            return named
        data = self._read(tree.CHARTER)
        charter = None if data is None else self._attempt(tree.CHARTER, lambda: notes.open_charter(data))
        if charter is None:
            words = "no key was given, and the charter that should name it cannot be read"
            self.report.say(Claim.KEY, State.NOT_CHECKED, words)
            return None
        return charter.key if named is None else self._attempt("key", lambda: PublicKey(charter.mirror, named[-32:]))

    # Steps 3 to 5: the three signed pages

    def _judge_edition(self, key: PublicKey, top: dict[str, Link]) -> Edition | None:
        self._passed.add(tree.EDITION)
        data = self._read(tree.EDITION)
        edition = None if data is None else self._attempt(tree.EDITION, lambda: _open_of(Edition, data, key))
        if edition is None:
            return None
        self.report.edition = edition.edition
        listed = {item.name for item in edition.items}
        for name in sorted(listed - top.keys()):
            self.report.fault(Claim.COMPLETE, name, f"{name} is listed by {tree.EDITION} and is not here")
        for name in sorted(top.keys() - listed - {tree.EDITION}):
            words = f"{in_words((name,))} is not listed by {tree.EDITION}"
            self.report.fault(Claim.UNCHANGED, in_words((name,)), words)
        for name in sorted((top.keys() | listed) - tree.TOP_LEVEL):
            self.report.fault(
                Claim.UNCHANGED, in_words((name,)), f"{in_words((name,))} has no place in a mirror's tree"
            )
        return edition

    def _judge_charter(self, key: PublicKey, edition: Edition | None) -> Charter | None:
        self._passed.add(tree.CHARTER)
        data = self._read(tree.CHARTER)
        return None if data is None else self._attempt(tree.CHARTER, lambda: self._open_charter(data, key, edition))

    def _open_charter(self, data: bytes, key: PublicKey, edition: Edition | None) -> Charter:
        charter = notes.open_charter(data)
        if charter.key != key:
            raise BadSignature(f"it is the charter of another key, {charter.key.ipns}")
        if edition is not None and edition.charter != CID.of_raw(data):
            raise Unverified(f"{tree.EDITION} was signed for another charter, {edition.charter}")
        return charter

    def _judge_checkpoint(self, key: PublicKey, edition: Edition | None) -> Checkpoint | None:
        self._passed.add(tree.CHECKPOINT)
        data = self._read(tree.CHECKPOINT)
        if data is None:
            return None
        checkpoint = self._attempt(tree.CHECKPOINT, lambda: _open_checkpoint(data, key))
        if checkpoint is None:
            return None
        self.report.checkpoint, self.report.signed_checkpoint = checkpoint, data
        if edition is not None and (edition.size, edition.root_hash) != (checkpoint.size, checkpoint.root_hash):
            words = f"{tree.CHECKPOINT} is not the one that {tree.EDITION} states"
            self.report.fault(Claim.SIGNED, tree.CHECKPOINT, words)
        return checkpoint

    # Steps 6 to 9: the log, its notes, their attachments

    def _judge_log(
        self, key: PublicKey, charter: Charter | None, checkpoint: Checkpoint | None, top: dict[str, Link]
    ) -> bool:
        """Whether the whole log could be read; only then is anything said about what it lists."""
        if charter is None or checkpoint is None:
            return False
        rules = Rules(key, self._tree.link((tree.CHARTER,)).cid, self._run.signatures)
        if not Audit(rules, checkpoint, self._evidence, top, self.report, self._run).judge():
            return False
        self._passed.update((tree.TILE, tree.NOTE, tree.FILE))
        return True

    def _walk_others(self, top: dict[str, Link], checkpoint: Checkpoint | None) -> None:
        """What no other step read: also the log's places, where the log itself could not be judged."""
        for name in sorted(top.keys() - self._passed):
            if name in (tree.EDITION, tree.CHARTER, tree.CHECKPOINT):
                self._read(name)
            else:
                self._read_all((name,), top[name], checkpoint)
                self.report.counts.pages += name in tree.READING_ROOM

    def _read_all(self, path: Path, link: Link, checkpoint: Checkpoint | None) -> None:
        for found in tree.walk(link, self._evidence.get, self._fault_bytes, path, self._once):
            try:
                tree.check_file(found.link, self._evidence.get)
            except FAULTS as error:
                if isinstance(error, NotHeld) and path[0] in tree.READING_ROOM:
                    self.report.pages_not_held += 1
                else:
                    self._fault_bytes(found.path, error)
            if path == (tree.ANCHOR,) and checkpoint and not tree.is_anchor(found.path, checkpoint.size):
                words = f"{in_words(found.path)} has no place here: it is no proof for a checkpoint of this log"
                self.report.fault(Claim.UNCHANGED, in_words(found.path), words)

    def _judge_items(self, edition: Edition | None, top: dict[str, Link]) -> None:
        """Whatever differs from the signed table of contents and was not found to differ below is named here."""
        here = {name: link.cid for name, link in top.items() if name != tree.EDITION}
        self._is_as_listed = edition is not None and here == {item.name: item.cid for item in edition.items}
        named = {fault.item.partition("/")[0] for fault in self.report.faults}
        for item in edition.items if edition else ():
            if item.name in top and top[item.name].cid != item.cid and item.name not in named:
                words = (
                    f"{item.name} is not what {tree.EDITION} lists: its CID is {top[item.name].cid}, listed {item.cid}"
                )
                self.report.fault(Claim.UNCHANGED, item.name, words)

    # Steps 10 to 12: announcement, memory, anchors

    def _judge_announcement(self, key: PublicKey, edition: Edition | None, checkpoint: Checkpoint | None) -> None:
        data = self._evidence.announcement
        if data is None:
            return
        note = self._attempt("announcement.txt", lambda: _open_of(Announcement, data, key))
        if note is None or edition is None or checkpoint is None:
            return
        stated = (note.charter, note.root_cid, note.edition, note.size, note.root_hash)
        here = (edition.charter, self.report.root_cid, edition.edition, checkpoint.size, checkpoint.root_hash)
        if stated != here:
            words = (
                f"announcement.txt announces edition {note.edition} with the index hash {note.root_cid}, not this one"
            )
            self.report.fault(Claim.SIGNED, "announcement.txt", words)

    def _judge_memory(
        self, key: PublicKey, edition: Edition | None, checkpoint: Checkpoint | None, complete: bool
    ) -> None:
        seen = self._trust.seen(key)
        if seen is None:
            self.report.say(
                Claim.APPEND_ONLY, State.NOT_CHECKED, "you have not seen this mirror before, or keep no memory of it"
            )
        elif edition is None or checkpoint is None or not complete:
            self.report.say(Claim.APPEND_ONLY, State.NOT_CHECKED, "the log could not be read whole")
        else:
            self._compare(seen, checkpoint)

    def _compare(self, seen: Seen, shown: Checkpoint) -> None:
        if self._is_as_signed() and self.report.edition == seen.edition and self.report.root_cid != seen.root_cid:
            self._fork(seen, f"edition {seen.edition} had the index hash {seen.root_cid} when you saw it")
            return
        try:
            step = timeline.advance(seen.checkpoint, shown, self._log(shown))
        except Forked:
            self._fork(seen, "two logs signed by this key cannot both be true")
        except FAULTS as error:
            self.report.say(Claim.APPEND_ONLY, State.NOT_CHECKED, error.message)
        else:
            self._compare_numbers(seen, shown, step)

    def _is_as_signed(self) -> bool:
        """Whether the key's holder made this very tree: of what somebody else changed, nobody else is accused."""
        return self._is_as_listed and all(
            fault.claim not in (Claim.UNCHANGED, Claim.SIGNED) for fault in self.report.faults
        )

    def _compare_numbers(self, seen: Seen, shown: Checkpoint, step: timeline.Step) -> None:
        edition = self.report.edition
        is_older = edition < seen.edition
        if self._is_as_signed() and shown.size != seen.checkpoint.size and is_older != (step is timeline.Step.OLDER):
            words = f"edition {seen.edition} had {seen.checkpoint.size} entries when you saw it"
            self._fork(seen, f"{words}, this is edition {edition} with {shown.size}")
        elif is_older or step is timeline.Step.OLDER:
            words = f"this is edition {edition}, you have seen edition {seen.edition}"
            self.report.say(Claim.APPEND_ONLY, State.NOT_CHECKED, OLDER, words)
        else:
            words = f"contains the {seen.checkpoint.size} entries you saw before"
            self.report.say(Claim.APPEND_ONLY, State.HOLDS, words)

    def _fork(self, seen: Seen, words: str) -> None:
        self.report.fault(Claim.APPEND_ONLY, "fork", words)
        self.report.forked_with = seen.signed_checkpoint

    def _judge_anchors(
        self, key: PublicKey, charter: Charter | None, checkpoint: Checkpoint | None, top: dict[str, Link]
    ) -> None:
        if tree.ANCHOR not in top:
            self.report.say(Claim.EXISTED_BY, State.NOT_CHECKED, clocks.NO_ANCHOR)
        elif charter is None or checkpoint is None:
            self.report.say(Claim.EXISTED_BY, State.NOT_CHECKED, "it rests on a page that is not what it should be")
        else:
            log = clocks.Log(key, self._tree.link((tree.CHARTER,)).cid, checkpoint, self._log(checkpoint))
            clocks.judge_all(self.report, self._tree, log, self._sources)

    def _log(self, checkpoint: Checkpoint) -> TiledLog:
        return TiledLog(checkpoint.size, lambda place: self._tree.read(tuple(place.path.split("/"))))

    # What holds

    def _settle(
        self, edition: Edition | None, charter: Charter | None, checkpoint: Checkpoint | None, complete: bool
    ) -> None:
        counts, report = self.report.counts, self.report
        if edition is None or charter is None or checkpoint is None:
            words = self._on_newer() if report.newer else "it rests on a page that is not what it should be"
            for claim in (Claim.UNCHANGED, Claim.SIGNED, Claim.COMPLETE):
                report.say(claim, State.NOT_CHECKED, words)
            return
        self._settle_unchanged(counts, complete)
        self._settle_signed(counts.testimonies, counts.by_authors, complete)
        self._settle_complete(complete)

    def _settle_unchanged(self, counts: Counts, complete: bool) -> None:
        if not complete:
            self.report.say(Claim.UNCHANGED, State.NOT_CHECKED, "the log could not be read whole")
            return
        parts = [_many(counts.testimonies, "testimony", "testimonies")]
        parts += [_many(counts.attachments, "attachment", "attachments")] if counts.attachments else []
        parts += ["pages"] if counts.pages else []
        self.report.say(Claim.UNCHANGED, State.HOLDS, ", ".join(parts))

    def _settle_signed(self, testimonies: int, by_authors: int, complete: bool) -> None:
        if not complete:
            self.report.say(Claim.SIGNED, State.NOT_CHECKED, "the notes were not all read")
        elif not self._run.signatures:
            words = "the mirror signed the log, charter and edition; signatures on testimonies were not computed"
            self.report.say(Claim.SIGNED, State.NOT_CHECKED, words)
        elif self.report.newer:
            self.report.say(Claim.SIGNED, State.NOT_CHECKED, self._on_newer())
        else:
            also = f", {by_authors} also by their authors' keys" if by_authors else ""
            self.report.say(Claim.SIGNED, State.HOLDS, f"{testimonies} by the mirror{also}")

    def _settle_complete(self, complete: bool) -> None:
        withdrawn = len(self.report.withdrawn)
        if not complete:
            self.report.say(Claim.COMPLETE, State.NOT_CHECKED, "the log could not be read whole")
        elif self.report.newer:
            self.report.say(Claim.COMPLETE, State.NOT_CHECKED, self._on_newer())
        elif self.report.not_held or self.report.pages_not_held:
            lacking = [f"#{index}" for index in sorted(self.report.not_held)]
            pages = self.report.pages_not_held
            listed = ", ".join([*lacking, _many(pages, "page", "pages")] if pages else lacking)
            self.report.say(Claim.COMPLETE, State.NOT_CHECKED, f"not held by this keeper: {listed}")
        elif withdrawn:
            here = _many(self.report.counts.testimonies, "testimony", "testimonies")
            self.report.say(Claim.COMPLETE, State.HOLDS, f"{here} here, {withdrawn} withdrawn")
        else:
            self.report.say(Claim.COMPLETE, State.HOLDS, "everything this log lists is here")

    def _on_newer(self) -> str:
        count = _many(len(self.report.newer), "item needs", "items need")
        return f"{count} a newer mirror: {', '.join(self.report.newer)}"


P = TypeVar("P", Edition, Announcement)


def _open_of(kind: type[P], data: bytes, key: PublicKey) -> P:
    """A signed page, which also has to name the mirror of its key. That it is newer only the key's holder can say."""
    try:
        page = notes.open_as(kind, data, key)
    except NeedsNewer:
        signed_notes.open_note(data, [key])
        raise
    if page.mirror != key.name:
        raise Unverified(f"it is of the mirror {page.mirror}, not {key.name}")
    return page


def _open_checkpoint(data: bytes, key: PublicKey) -> Checkpoint:
    """The checkpoint, if its log is one that this version can read."""
    checkpoint = checkpoints.open_checkpoint(data, key)
    if checkpoint.size > tree.INDEX_AT_MOST + 1:
        raise NeedsNewer(f"a log of {checkpoint.size} entries, which this version cannot read")
    return checkpoint


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
