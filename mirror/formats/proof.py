"""C2SP tlog-proof: everything needed to believe one entry offline, in one file (`*.tlog-proof`).

    c2sp.org/tlog-proof@v1
    extra <base64>                     at most once, and not empty; nobody has signed it
    index <decimal>
    <base64 of 32 bytes>               none to 64 lines: the inclusion proof, the leaf's sibling first

    voices.example/archive             behind the first empty line: the signed checkpoint, byte for byte
    42
    …

The entry itself is not in the file: whoever checks rebuilds it from the note it lists. A proof is read strictly (one
spelling of numbers and base64, newlines only, the last one too), more so than by Go's implementation.

Specification: c2sp.org/tlog-proof. Out of scope: what `extra` means, cosignatures and policies.
"""

from dataclasses import dataclass

from mirror.errors import Malformed
from mirror.formats import merkle, wire
from mirror.formats.checkpoint import CHECKPOINT_AT_MOST, Checkpoint, open_checkpoint
from mirror.formats.key import PublicKey

EXTRA_AT_MOST = 48_000
"""Bytes of extra data: Go's implementation reads no line of more than 64 KiB, and this is 64,000 in base64."""

PROOF_AT_MOST = CHECKPOINT_AT_MOST + 70 * 1024
"""Bytes in a proof: its checkpoint, its extra data in base64, and 64 hashes of 45 bytes, rounded up."""

_HEADER = "c2sp.org/tlog-proof@v1"
_BLANK = b"\n\n"


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry stands at `index`: an inclusion proof and a signed checkpoint, **neither yet checked**."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= wire.SIZE_AT_MOST:
            raise Malformed(f"a proof for entry {self.index}")
        if len(self.hashes) > merkle.HASHES_AT_MOST:
            raise Malformed(f"a proof of {len(self.hashes)} hashes, more than {merkle.HASHES_AT_MOST}")
        if any(len(each) != merkle.HASH_BYTES for each in self.hashes):
            raise Malformed(f"a proof with a hash that is not {merkle.HASH_BYTES} bytes")
        if len(self.extra) > EXTRA_AT_MOST:
            raise Malformed(f"a proof with {len(self.extra)} bytes of extra data, more than {EXTRA_AT_MOST}")
        if len(self.checkpoint) > CHECKPOINT_AT_MOST:
            raise Malformed(f"a proof with a checkpoint of more than {CHECKPOINT_AT_MOST} bytes")
        if not self.checkpoint.endswith(b"\n"):
            raise Malformed("a proof whose checkpoint does not end in a newline")

    def __bytes__(self) -> bytes:
        lines = [_HEADER]
        if self.extra:
            lines.append(f"extra {wire.encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(wire.encode_base64, self.hashes)]
        return "\n".join(lines).encode() + _BLANK + self.checkpoint

    def check(self, entry: bytes, key: PublicKey) -> Checkpoint:
        """The checkpoint that lists `entry` at `index`, signed by `key`; raises `BadSignature` or `BadProof`.

        Left out: that the entry is of a known form, and that it is not withdrawn later (`mirror.check`).
        """
        checkpoint = open_checkpoint(self.checkpoint, key)
        leaf = merkle.leaf_hash(entry)
        merkle.check_inclusion(self.index, checkpoint.size, leaf, self.hashes, checkpoint.root_hash)
        return checkpoint


def parse(data: bytes) -> Proof:
    """The proof in a file; **nothing in it is checked yet**."""
    if len(data) > PROOF_AT_MOST:
        raise Malformed(f"a proof of more than {PROOF_AT_MOST} bytes")
    head, blank, checkpoint = data.partition(_BLANK)
    if not blank:
        raise Malformed("the proof has no empty line before its checkpoint")
    lines = wire.decode_utf8(head, "the proof").split("\n")
    if lines.pop(0) != _HEADER:
        raise Malformed(f"not a proof: it does not begin with {_HEADER}")
    extra = _take(lines, "extra ")
    index = _take(lines, "index ")
    if index is None:
        raise Malformed("the proof has no index line where it has to be")
    hashes = tuple(wire.decode_base64(line) for line in lines)
    return Proof(wire.decode_decimal(index), hashes, checkpoint, _decode_extra(extra))


def _take(lines: list[str], key: str) -> str | None:
    return lines.pop(0).removeprefix(key) if lines and lines[0].startswith(key) else None


def _decode_extra(text: str | None) -> bytes:
    if text == "":
        raise Malformed("the proof has an extra line with nothing on it")
    return wire.decode_base64(text or "")
