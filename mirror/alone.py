"""One thing judged by itself: a note, a note beside its proof, the evidence of a fork.

    note.txt                      whose it is, and that it is signed
    note.txt + note.tlog-proof    also that the log lists it, at which index, in a log of which size
    fork-30-42.txt                that one key signed two logs that cannot both be true

Offline, and without the archive: everything that counts is in the file and the key. **What a proof leaves open** is
whether the testimony was withdrawn later, and everything else in the log; it is said each time.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator

from mirror.check import Rules, check_belongs
from mirror.errors import FAULTS, Malformed, MirrorError, NeedsNewer
from mirror.formats import checkpoint, notes, wire
from mirror.formats import fork as forks
from mirror.formats import note as signed_notes
from mirror.formats import proof as proofs
from mirror.formats.cid import CID
from mirror.formats.entry import entry_of
from mirror.formats.key import PublicKey
from mirror.formats.notes import Charter, Testimony
from mirror.formats.unixfs import File
from mirror.trust import Trust, judge_key
from mirror.verdict import Claim, Report, State

ONE_NOTE, ONE_PROOF, ONE_FILES = "note.txt", "note.tlog-proof", "file"
"""What the folder of a testimony that travels alone holds: the last is a folder with its attachments."""

Beside = Callable[[str], File | None]
"""``beside(name)``: the attachment of that name as it lies beside the note, named anew; None where it is not there."""


def nothing_beside(name: str) -> File | None:
    """Where no attachments lie beside a note."""
    return None


def verify_note(
    what: str, data: bytes, trust: Trust, proof: bytes | None = None, beside: Beside = nothing_beside
) -> Report:
    """Judge one note: whose it is, that it is signed, by its proof that the log lists it, and its attachments."""
    report = Report(what)
    try:
        report.mirror = notes.mirror_name(data)
        if _is_handed_in(data):
            return _judge_handed_in(report, data)
        key = _key_for_note(data, report.mirror, trust)
        words = _open_alone(data, key)
    except NeedsNewer as error:
        _judge_newer(report, data, trust, error)
        return report
    except MirrorError as error:
        report.fault(Claim.SIGNED, what, f"{what}: {error.message}")
        return report
    if key is None:
        report.say(Claim.KEY, State.NOT_CHECKED, f"no key is known for {report.mirror}; give one with --key")
        report.say(Claim.SIGNED, State.NOT_CHECKED, "by a key that is not known here")
    else:
        report.key = key
        judge_key(report, key, trust)
        report.say(Claim.SIGNED, State.HOLDS, words)
    report.say(
        Claim.UNCHANGED, State.HOLDS, f"its CID is {CID.of_raw(data)}", *_judge_attachments(report, data, beside)
    )
    if proof is None or key is None:
        words = (
            "a note alone does not show that the log lists it" if proof is None else "by a key that is not known here"
        )
        report.say(Claim.COMPLETE, State.NOT_CHECKED, words)
    else:
        _judge_proof(report, data, proof, key)
    return report


def find_proof(data: bytes, trust: Trust, ask: Callable[[CID], Iterable[bytes]]) -> bytes | None:
    """The first proof that shows that the log of the note's key lists it; None where none does.

    ``ask(name)`` gives what others have for the log of that name. They are not believed, and what is false of it shows
    nothing about the note.
    """
    with contextlib.suppress(MirrorError):
        key = _key_for_note(data, notes.mirror_name(data), trust)
        entry = bytes(entry_of(notes.peek(data), CID.of_raw(data)))
        return None if key is None else next((each for each in ask(key.ipns) if _shows(each, entry, key)), None)
    return None


def _shows(proof: bytes, entry: bytes, key: PublicKey) -> bool:
    try:
        proofs.parse(proof).check(entry, key)
    except FAULTS:
        return False
    return True


def _judge_attachments(report: Report, data: bytes, beside: Beside) -> Iterator[str]:
    """Attachments that lie beside the note are compared with what it lists; what is not there is said, in words."""
    note = notes.peek(data)
    for attachment in note.attachments if isinstance(note, Testimony) else ():
        found = beside(attachment.name)
        if found is None:
            yield f"not checked: its attachment {attachment.name}, which is not beside it"
        elif (found.cid, found.length) != (attachment.cid, attachment.length):
            words = f"{attachment.name} is not what the note lists: its CID is {found.cid}, listed {attachment.cid}"
            report.fault(Claim.UNCHANGED, attachment.name, words)
        else:
            report.counts.attachments += 1


def _is_handed_in(data: bytes) -> bool:
    return isinstance(notes.peek(data), Testimony) and notes.is_handed_in(data)


def _judge_handed_in(report: Report, data: bytes) -> Report:
    """A testimony on its way to the publisher: its author's signature is verified, the mirror's is still to come."""
    testimony, _ = notes.open_handed_in(data)
    author = testimony.author.ipns if testimony.author else ""
    report.say(Claim.KEY, State.NOT_CHECKED, f"the key of {testimony.mirror} has signed nothing here yet")
    report.say(Claim.UNCHANGED, State.HOLDS, "what its author signed")
    report.say(Claim.SIGNED, State.NOT_CHECKED, f"by its author {author} alone; the mirror has not signed it yet")
    report.say(Claim.COMPLETE, State.NOT_CHECKED, "no log lists it yet")
    return report


def _judge_newer(report: Report, data: bytes, trust: Trust, error: NeedsNewer) -> None:
    """Anybody can write that a note is newer; where the key is known, its holder must have."""
    key = trust.given or trust.claimed
    try:
        if isinstance(key, PublicKey):
            signed_notes.open_note(data, [key])
    except FAULTS as fault:
        report.fault(Claim.SIGNED, report.what, f"{report.what}: {fault.message}")
    else:
        report.say(Claim.SIGNED, State.NOT_CHECKED, error.message)


def _judge_proof(report: Report, data: bytes, proof: bytes, key: PublicKey) -> None:
    try:
        parsed = proofs.parse(proof)
        note = notes.open_signed(data, key)
        entry = entry_of(note, CID.of_raw(data))
        listed = parsed.check(bytes(entry), key)
        charter = note.charter if not isinstance(note, Charter) else entry.cid
        check_belongs(Rules(key, charter), entry, note)
    except FAULTS as error:
        report.fault(Claim.COMPLETE, "the proof", f"the proof: {error.message}")
        return
    report.checkpoint, report.signed_checkpoint = listed, parsed.checkpoint
    words = f"listed as #{parsed.index} of {listed.size} entries"
    report.say(
        Claim.COMPLETE, State.HOLDS, words, "not checked: whether it was withdrawn since, and what else is listed"
    )


def _key_for_note(data: bytes, name: str, trust: Trust) -> PublicKey | None:
    named = trust.given or trust.claimed
    if named is not None:
        return named if isinstance(named, PublicKey) else PublicKey(name, named[-32:])
    if isinstance(content := notes.peek(data), Charter):
        return content.key
    known = trust.namesakes(name)
    return known[0] if len(known) == 1 else None


def _open_alone(data: bytes, key: PublicKey | None) -> str:
    """Who signed a note, in words; without a key only its form is checked."""
    content = notes.peek(data)
    if key is None:
        return ""
    notes.open_signed(data, key)
    also = isinstance(content, Testimony) and content.author is not None
    article = "an" if content.word[0] in "aeiou" else "a"
    return f"{article} {content.word}, by the mirror" + (", and by its author's key" if also else "")


def is_evidence(data: bytes) -> bool:
    """Whether a file begins as the evidence of a fork does."""
    return data.startswith(forks.HEADER.encode() + b"\n")


def verify_evidence(what: str, data: bytes, trust: Trust) -> Report:
    """Judge the evidence of a fork: where it convinces, `append-only` is false for that key's log."""
    report = Report(what)
    try:
        evidence = forks.parse(data)
        key = _key_for_log(evidence.first, trust)
        evidence.check(key)
        older, newer = (checkpoint.open_checkpoint(each, key) for each in (evidence.first, evidence.second))
    except MirrorError as error:
        report.say(Claim.APPEND_ONLY, State.NOT_CHECKED, f"this file does not show a fork: {error.message}")
        return report
    report.mirror, report.key, report.checkpoint = key.name, key, newer
    judge_key(report, key, trust)
    words = "two logs signed by this key cannot both be true"
    report.fault(Claim.APPEND_ONLY, "fork", words)
    for each in (older, newer):
        root_hash = wire.encode_base64(each.root_hash)
        report.fault(Claim.APPEND_ONLY, "fork", f"signed: {each.size} entries, root hash {root_hash}")
    return report


def _key_for_log(signed: bytes, trust: Trust) -> PublicKey:
    named = trust.given or trust.claimed
    if isinstance(named, PublicKey):
        return named
    name = wire.decode_utf8(signed, "the checkpoint").split("\n", 1)[0]
    if named is not None:
        return PublicKey(name, named[-32:])
    known = trust.namesakes(name)
    if len(known) != 1:
        raise Malformed(f"which key of {name} it is about has to be said with --key")
    return known[0]
