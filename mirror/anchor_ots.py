"""checkpoint → calendars → a block of Bitcoin → proof

    stamp      three lines → SHA-256 → a nonce behind it → SHA-256 → every calendar at once → promises, kept as pending
    upgrade    each promise is asked for → ways to blocks, compared with those blocks where somebody shows them → kept

The calendars see a digest that only its holder can tell the checkpoint from: of two that anchor at once nobody learns
that they belong together, nor to whom. What is kept while it is pending is a proof as the stock client writes it, so
that `ots upgrade` works on it too.

A calendar may forget what it promised, or lie. So several are asked, each promise is awaited on its own, and what one
says is kept only if it leads to what it should: with somebody to show blocks (`Blocks`), to the merkle root of the
block that it names. **Without one that is left out here**, and every reader checks it for herself. Promises that are
not kept stay; a new stamp (`again`) does not replace them, it joins them. None can crowd out the others: what does not
fit beside what there is is left out, and only half of a proof may be what calendars handed on to each other.

Calendars, chance and blocks are arguments. A crash loses a stamp that nobody was told of, or an answer that can be had
again; there is nothing to pay for.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mirror.anchor import PROOF
from mirror.errors import FAULTS, BadProof, Malformed, Missing, NeedsNewer, Unavailable
from mirror.formats import ots
from mirror.formats.bitcoin import Header, parse_header
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.heads import Said
from mirror.formats.ots import APPEND, SHA256, Op, Path, Proof
from mirror.store.anchors import Anchor, Anchors

NONCE_BYTES = 16
"""Bytes that blind a digest: too many to try, and as many as stock clients take."""

PATHS_OF_ONE = 4
"""Ways that are taken from one answer: calendars give one, and none of them may use up what a proof can hold."""

ASKED_AT_ONCE = 8
"""Calendars that are asked at the same time."""


class Calendar(Protocol):
    """Somebody who commits to digests."""

    @property
    def who(self) -> str: ...

    def stamp(self, message: bytes) -> tuple[Path, ...]:
        """The ways that lead from a message to promises or blocks. Raises Unavailable."""

    def upgrade(self, message: bytes) -> tuple[Path, ...]:
        """The ways that lead on from a message. Raises Missing where there are none yet, Unavailable."""


class Blocks(Protocol):
    """Whoever shows blocks of Bitcoin; one `Said` for each who was asked."""

    def bitcoin(self, height: int) -> Sequence[Said]:
        """What each says the header at a height is."""


Find = Callable[[str], Calendar | None]
"""The calendar at an address that a promise names; None where that is not followed."""


class Heard(NamedTuple):
    """What came of asking one calendar: `is_good` where it promised or showed what it should.

    `is_false` where it showed a block that does not hold what it should, or where what is kept is none.
    """

    who: str
    is_good: bool
    words: str
    is_false: bool = False


@dataclass(frozen=True, slots=True)
class Stamped:
    """A proof as it stands now; None where nobody answered. And what each calendar said."""

    proof: Proof | None
    said: tuple[Heard, ...]


def digest_of(checkpoint: Checkpoint) -> bytes:
    """What is stamped: the SHA-256 of the three lines."""
    return hashlib.sha256(checkpoint.text.encode()).digest()


def stamp(checkpoint: Checkpoint, calendars: Sequence[Calendar], nonce: bytes, before: Proof | None = None) -> Stamped:
    """Hand a checkpoint in at every calendar at once; `before` is what was awaited already."""
    digest = digest_of(checkpoint)
    opening = (Op(APPEND, nonce), Op(SHA256))
    message = hashlib.sha256(digest + nonce).digest()
    paths = list(before.paths if before else ())
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        answers = pool.map(lambda each: _ask(each.who, lambda: each.stamp(message)), calendars)
        usable = [_usable(answer, digest, opening) for answer in answers]
    said = [heard for _, heard in usable]
    for at in sorted(range(len(usable)), key=lambda at: _length(usable[at][0])):
        found, heard = usable[at]
        if found and not _fits(digest, [*paths, *found]):
            said[at] = Heard(heard.who, False, f"{heard.who} gives more than fits beside what is awaited")
        else:
            paths += found
    return Stamped(ots.proof_of(digest, paths) if paths else None, tuple(said))


def upgrade(proof: Proof, find: Find, blocks: Blocks | None) -> Stamped:
    """Ask for what was promised. A promise goes when it is kept; what does not lead to the block it names is left."""
    promised = [path for path in proof.paths if path.attestation.calendar is not None]
    asked = sorted(promised, key=lambda path: len(path.ops))  # what was handed on comes after what was promised to us
    paths, said = list(proof.paths), []
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        for path, answer in zip(asked, pool.map(lambda each: _follow(proof, each, find), asked), strict=True):
            found, heard = _usable(answer, proof.digest, path.ops)
            kept, wrong = _compared(proof.digest, found, blocks)
            said.append(heard if wrong is None else Heard(heard.who, False, f"{heard.who} {wrong[0]}", wrong[1]))
            joined = _joined(proof.digest, paths, path, kept)
            if joined is None:
                said[-1] = Heard(heard.who, False, f"{heard.who} gives more than fits beside what there is")
            paths = joined or paths
    return Stamped(ots.proof_of(proof.digest, paths), tuple(said))


def _joined(digest: bytes, paths: list[Path], promise: Path, kept: list[Path]) -> list[Path] | None:
    """All ways, with what a promise led to: blocks in its place, or one promise more; None where that does not fit."""
    blocks = [each for each in kept if each.attestation.height is not None]
    if blocks:
        others = [each for each in paths if each != promise]
        return [*others, *blocks] if _fits(digest, [*others, *blocks]) else None
    longer = [*paths, *kept[:1]]
    return longer if not kept or kept[0] in paths or _fits(digest, longer, 2) else None


def _length(paths: list[Path]) -> int:
    return len(ots.print_answer(paths)) if paths else 0


def _fits(digest: bytes, paths: list[Path], share: int = 1) -> bool:
    """Whether these ways fit into a proof, or into a half, a third of one."""
    try:
        made = ots.proof_of(digest, paths)
    except Malformed:
        return False
    return len(made.paths) * share <= ots.PATHS_AT_MOST and len(bytes(made)) * share <= ots.PROOF_AT_MOST


class _Answer(NamedTuple):
    who: str
    paths: tuple[Path, ...]
    words: str = ""


def _ask(who: str, question: Callable[[], tuple[Path, ...]]) -> _Answer:
    try:
        return _Answer(who, question())
    except (Missing, Unavailable) as error:
        return _Answer(who, (), error.message)


def _follow(proof: Proof, path: Path, find: Find) -> _Answer:
    address = path.attestation.calendar or ""
    calendar = find(address)
    if calendar is None:
        return _Answer(address, (), f"{address} is no calendar that is asked; name it in mirror.toml to ask it")
    return _ask(calendar.who, lambda: calendar.upgrade(path.result(proof.digest)))


def _usable(answer: _Answer, digest: bytes, opening: tuple[Op, ...]) -> tuple[list[Path], Heard]:
    """Of an answer what leads to blocks or promises, each behind `opening`; and what to say of it."""
    if answer.words:
        return [], Heard(answer.who, False, answer.words)
    known = [path for path in answer.paths if path.attestation.tag in (ots.BITCOIN, ots.PENDING)]
    if not known:
        return [], Heard(answer.who, False, f"{answer.who} gives neither a promise nor a block of Bitcoin")
    if len(known) > PATHS_OF_ONE:
        return [], Heard(answer.who, False, f"{answer.who} gives {len(known)} ways at once, more than {PATHS_OF_ONE}")
    longer = [Path((*opening, *path.ops), path.attestation) for path in known]
    try:
        ots.proof_of(digest, longer)
        for path in longer:
            _check_end(path, digest)
    except (Malformed, NeedsNewer) as error:
        return [], Heard(answer.who, False, f"{answer.who} gives a way that leads nowhere: {error.message}")
    return longer, Heard(answer.who, True, f"{answer.who} {_told(known)}")


def _check_end(path: Path, digest: bytes) -> None:
    length = len(path.result(digest))
    if path.attestation.height is not None and length != 32:
        raise Malformed(f"it ends in {length} bytes, and a merkle root has 32")


def _told(paths: Sequence[Path]) -> str:
    heights = sorted(path.attestation.height for path in paths if path.attestation.height is not None)
    return f"shows Bitcoin block {heights[0]}" if heights else "promises a block of Bitcoin"


def _compared(
    digest: bytes, paths: Sequence[Path], blocks: Blocks | None
) -> tuple[list[Path], tuple[str, bool] | None]:
    """The ways that lead to the blocks they name; what keeps another from it, and whether that makes it false.

    Without `blocks`, all of them.
    """
    kept: list[Path] = []
    wrong = None
    for path in paths:
        height = path.attestation.height
        if blocks is None or height is None:
            kept.append(path)
            continue
        try:
            header = _agreed(blocks.bitcoin(height), height)
        except Unavailable as error:
            wrong = f"shows Bitcoin block {height}, which could not be looked at: {error.message}", False
            continue
        if header.merkle_root == path.result(digest):
            kept.append(path)
        else:
            wrong = f"shows Bitcoin block {height}, and that block does not hold it", True
    return kept, wrong


def _agreed(said: Sequence[Said], height: int) -> Header:
    """The header that everybody shows who answered. Raises `Unavailable` where nobody does, or they do not agree."""
    answers = {each.value for each in said if each.value is not None}
    if not answers:
        raise Unavailable("; ".join(each.words for each in said) or "nobody was asked for it")
    if len(answers) > 1 or b"" in answers:
        shown = [each.who for each in said if each.value]
        raise Unavailable(f"block {height} is not the same for everybody, or not there: {', '.join(shown) or 'nobody'}")
    try:
        return parse_header(answers.pop())
    except Malformed as error:
        raise Unavailable(error.message) from None


# What is kept


def anchor_of(size: int) -> Anchor:
    """What the proof of a size is called."""
    return Anchor(size, PROOF)


def awaited(anchors: Anchors, checkpoint: Checkpoint) -> Proof | None:
    """The proof under way for a checkpoint; None where there is none.

    Raises `Malformed` where it is damaged, `BadProof` where it is over another, each with the file and what to do.
    """
    anchor = anchor_of(checkpoint.size)
    data = anchors.read_pending(anchor)
    if data is None:
        return None
    try:
        proof = ots.parse(data)
        _check_over(proof, checkpoint)
    except (Malformed, BadProof) as error:
        hint = "move it away, and hand the log in anew with: mirror anchor ots --again"
        raise type(error)(f"{anchors.pending_path(anchor)}: {error.message}", hint=hint) from None
    return proof


def check(checkpoint: Checkpoint, anchor: Anchor, data: bytes) -> None:
    """Raise `Malformed` or `BadProof` unless `data` is a complete proof over a checkpoint."""
    _check_over(ots.parse_complete(data), checkpoint)


def _check_over(proof: Proof, checkpoint: Checkpoint) -> None:
    if proof.digest != digest_of(checkpoint):
        raise BadProof(f"the timestamp kept for the log of {checkpoint.size} entries is over something else")


def keep(anchors: Anchors, checkpoint: Checkpoint, proof: Proof) -> None:
    """Keep a proof as far as it is: what is complete of it first, beside what was before; then what is awaited."""
    anchor = anchor_of(checkpoint.size)
    done = [path for path in proof.paths if path.attestation.height is not None]
    if done:
        anchors.put(anchor, bytes(ots.proof_of(proof.digest, [*done, *_done_before(anchors, checkpoint)])))
    if len(done) < len(proof.paths):
        anchors.put_pending(anchor, bytes(proof))
    else:
        anchors.forget_pending(anchor)


def _done_before(anchors: Anchors, checkpoint: Checkpoint) -> tuple[Path, ...]:
    """The ways of what was complete before; none of what is damaged, in whose place the new one comes."""
    anchor = anchor_of(checkpoint.size)
    with contextlib.suppress(*FAULTS):
        data = anchors.read(anchor) or b""
        check(checkpoint, anchor, data)
        return ots.parse_complete(data).paths
    return ()


def in_words(proof: Proof) -> str:
    """How a proof stands: the blocks it has, and who still promises some."""
    return ", ".join(_parts(proof))


def _parts(proof: Proof) -> Iterator[str]:
    for height in sorted({height for height, _ in proof.blocks}):
        yield f"Bitcoin block {height}"
    for address in sorted({address for address, _ in proof.promises}):
        yield f"promised by {address}"
