"""One testimony out of a tree: only the blocks that its proof needs are read.

    /edition.txt, /charter.txt, /checkpoint     the three signed pages
    /tile/…                                     the tiles on the way from its entry to the root hash; from elsewhere
                                                where somebody keeps the log apart: a proof vouches for itself
    /note/00/00/00/17.txt, /file/00/00/00/17/…  itself, and its attachments
    /anchor/00/00/00/18/…                       the anchors of the smallest sizes that cover it, until one holds

So one testimony costs one testimony, out of a log of any size. **Left out, and said:** every other entry and note,
whether a later entry withdraws this one, and what the reader saw of the log before.
"""

from collections.abc import Iterable

from mirror import clocks, tree
from mirror.audit import Evidence, claim_of_bytes
from mirror.clocks_outside import NONE, Sources
from mirror.edition import Edition
from mirror.errors import FAULTS, BadProof, BadSignature, MirrorError, Refused, Unverified
from mirror.formats import entry as entries
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.notes import Testimony
from mirror.log.tree import PlaceReader, TiledLog
from mirror.tree import Path, in_words
from mirror.trust import Trust, judge_key, judge_record
from mirror.verdict import Claim, Report, State

NOT_READ = "not checked: whether it was withdrawn later, or what else is listed"


def verify_one(evidence: Evidence, path: Path, trust: Trust, sources: Sources = NONE) -> Report:
    """Judge the testimony whose note lies at `path`; refuses a path where no note can lie.

    Its anchors are judged with the reader's `sources`.
    """
    index = tree.index_of_note(path)
    if index is None:
        raise Refused(f"{in_words(path)} is not where a note lies", hint="such a path is note/00/00/00/17.txt")
    report = Report(evidence.what, root_cid=evidence.root)
    expected = evidence.expected_root
    if expected is not None and expected != evidence.root:
        words = f"the index hash of what is here is {evidence.root}, the link names {expected}"
        report.fault(Claim.UNCHANGED, "/", words)
    item = tree.EDITION
    try:
        edition = _open(evidence, trust)
        report.key, report.mirror, report.edition = edition.key, edition.key.name, edition.number
        report.checkpoint, report.signed_checkpoint = edition.checkpoint, edition.signed_checkpoint
        judge_key(report, edition.key, trust)
        if evidence.record is not None:
            judge_record(report, edition.key, evidence.record)
        _check_items(edition)
        item = tree.TILE
        check_listed(edition, index, evidence.logs(edition.key.ipns))
        item = in_words(path)
        _judge_note(report, edition, index, evidence)
        log = clocks.Log(edition.key, edition.charter_cid, edition.checkpoint, edition.log)
        clocks.judge_one(report, edition.tree, log, sources, index)
    except FAULTS as error:
        claim = Claim.SIGNED if isinstance(error, BadSignature) else claim_of_bytes(error)
        report.fault(Claim.COMPLETE if isinstance(error, BadProof) else claim, item, f"{item}: {error.message}", index)
    return report


def _open(evidence: Evidence, trust: Trust) -> Edition:
    named = trust.given or trust.claimed
    edition = Edition(evidence.root, evidence.get, named if isinstance(named, PublicKey) else None)
    if isinstance(named, CID) and edition.key.ipns != named:
        raise BadSignature(f"the charter's key is {edition.key.ipns}, not {named}")
    return edition


def _check_items(edition: Edition) -> None:
    """The signed table of contents is that of this very tree, so whatever hangs below it is signed too."""
    top = edition.tree.entries(edition.root)
    listed = {item.name: item.cid for item in edition.page.items}
    if listed != {name: link.cid for name, link in top.items() if name != tree.EDITION}:
        raise Unverified(f"{tree.EDITION} lists other items than are here")


def check_listed(edition: Edition, index: int, logs: Iterable[PlaceReader] = ()) -> None:
    """Raise unless a testimony is listed at an index, by the log of any of `logs` or else of the tree.

    A log apart from the tree may be another's, or false: only the tree's own can show that something is wrong.
    """
    if index >= edition.size:
        raise Refused(f"#{index} is not in this log, which has {edition.size} entries")
    if not any(_is_proven(edition, index, read) for read in logs):
        edition.prove(index, edition.log)
    if edition.entry(index).kind != entries.TESTIMONY:
        raise Refused(f"#{index} is a {edition.entry(index).kind}, not a testimony")


def _is_proven(edition: Edition, index: int, read: PlaceReader) -> bool:
    try:
        edition.prove(index, TiledLog(edition.size, read))
    except MirrorError:
        return False
    return True


def _judge_note(report: Report, edition: Edition, index: int, evidence: Evidence) -> None:
    if not edition.holds(index):
        words = f"#{index} is listed and not here: withdrawn, or missing; the whole archive tells which"
        for claim in (Claim.UNCHANGED, Claim.SIGNED, Claim.COMPLETE):
            report.say(claim, State.NOT_CHECKED, words)
        return
    testimony = edition.open(index, Testimony)
    for attachment in testimony.attachments:
        link = edition.tree.link(tree.file_path(index, attachment.name))
        if link.cid != attachment.cid:
            raise Unverified(f"{attachment.name} is not what the testimony lists: its CID is {link.cid}")
        if tree.check_file(link, evidence.get) != attachment.length:
            raise Unverified(f"{attachment.name} has not the {attachment.length} bytes that the testimony lists")
    report.counts.testimonies, report.counts.attachments = 1, len(testimony.attachments)
    files = f", {len(testimony.attachments)} attachments" if testimony.attachments else ""
    report.say(Claim.UNCHANGED, State.HOLDS, f"its CID is {edition.entry(index).cid}{files}")
    also = ", and by its author's key" if testimony.author else ""
    report.say(Claim.SIGNED, State.HOLDS, f"by the mirror{also}")
    words = f"listed as #{index} of {edition.size} entries"
    report.say(
        Claim.COMPLETE, State.HOLDS, words, "not checked: whether it was withdrawn later, or what else is listed"
    )
