"""What is kept of a fork, for others to see: both checkpoints and the proof, in a file that verifies by itself."""

from dataclasses import dataclass
from pathlib import Path

from mirror.cli.terminal import many
from mirror.errors import MirrorError
from mirror.formats import checkpoint, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.key import PublicKey
from mirror.log import timeline
from mirror.log.tree import TiledLog
from mirror.store import files


@dataclass(frozen=True)
class Fork:
    """What is said of a fork, and the file that shows it, where one could be made."""

    words: tuple[str, ...]
    evidence: Path | None = None


def keep(seen: bytes, shown: bytes, key: PublicKey, log: TiledLog) -> Fork:
    """Write the evidence into the current folder; `seen` and `shown` are signed checkpoints, `log` is the shown one.

    What cannot be written or proved never hides the verdict: it is said instead.
    """
    try:
        old, new = (checkpoint.open_checkpoint(each, key) for each in (seen, shown))
        words = (
            f"seen before: {_in_words(old)}; shown now: {_in_words(new)}",
            "a stolen key, a restored backup or two stories: this does not show which",
        )
    except MirrorError as error:
        return Fork((f"no evidence can be kept: {error.message}",))
    try:
        path = _write(f"fork-{old.size}-{new.size}", bytes(timeline.evidence(seen, shown, key, log)))
    except MirrorError as error:
        return Fork((*words, f"no evidence can be kept: {error.message}; what you held is unchanged"))
    return Fork((*words, f"evidence: {path}; what you held is unchanged; show it to others"), path)


def _in_words(checkpoint: Checkpoint) -> str:
    return f"{many(checkpoint.size, 'entry', 'entries')}, root hash {wire.encode_base64(checkpoint.root_hash)}"


def _write(name: str, evidence: bytes) -> Path:
    """A file of this name, or with a number behind it where another fork's lies there already."""
    path, number = Path(f"{name}.txt"), 2
    while path.exists() and path.read_bytes() != evidence:
        path, number = Path(f"{name}-{number}.txt"), number + 1
    files.replace(path, evidence)
    return path
