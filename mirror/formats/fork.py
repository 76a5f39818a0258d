"""Fork evidence: two checkpoints signed by one key that cannot both be true, in one file.

    mirror fork evidence v1
    <base64 of a signed checkpoint>
    <base64 of another, of the same or a larger size>
    root <base64>             only where the sizes differ: the root hash that the larger log has at the smaller size
    <base64 of 32 bytes>      … and then one to 64 lines: the consistency proof from there to the larger checkpoint

What it shows: of one size the key signed two root hashes; or it signed a root hash for the smaller size that is not
the one with which its larger log begins. Whoever holds the key's vkey can check that alone, and nobody without the
secret key can make such a file. It does not show why: a stolen key, a restored backup and two stories look alike.

Ours; the parts are C2SP tlog-checkpoint and RFC 9162 §2.1.4. Out of scope: forks that a later key of a mirror made.
"""

from dataclasses import dataclass

from mirror.errors import BadProof, Malformed
from mirror.formats import merkle, wire
from mirror.formats.checkpoint import CHECKPOINT_AT_MOST, Checkpoint, open_checkpoint
from mirror.formats.key import PublicKey

EVIDENCE_AT_MOST = 2 * ((CHECKPOINT_AT_MOST + 2) // 3 * 4) + 4 * 1024
"""Bytes in an evidence file: two checkpoints in base64, and 66 lines of at most 50 bytes, rounded up."""

HEADER = "mirror fork evidence v1"
"""The first line of an evidence file."""

_ROOT = "root "


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two signed checkpoints, the smaller first, and what shows them to disagree, **not yet checked**.

    `other_root` is the root hash that the larger log has at the smaller size, `hashes` the consistency proof from
    there; both are empty where the sizes are the same.
    """

    first: bytes
    second: bytes
    other_root: bytes = b""
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not self.first or not self.second:
            raise Malformed("fork evidence without two checkpoints")
        if max(len(self.first), len(self.second)) > CHECKPOINT_AT_MOST:
            raise Malformed(f"fork evidence with a checkpoint of more than {CHECKPOINT_AT_MOST} bytes")
        if len(self.hashes) > merkle.HASHES_AT_MOST:
            raise Malformed(f"fork evidence of {len(self.hashes)} hashes, more than {merkle.HASHES_AT_MOST}")
        if bool(self.other_root) != bool(self.hashes):
            raise Malformed("fork evidence with a root hash or a consistency proof, but not both")
        if any(len(each) != merkle.HASH_BYTES for each in self._all_hashes()):
            raise Malformed(f"fork evidence with a hash that is not {merkle.HASH_BYTES} bytes")

    def _all_hashes(self) -> tuple[bytes, ...]:
        return (self.other_root, *self.hashes) if self.hashes else ()

    def __bytes__(self) -> bytes:
        lines = [HEADER, *map(wire.encode_base64, (self.first, self.second))]
        if self.hashes:
            lines += [_ROOT + wire.encode_base64(self.other_root), *map(wire.encode_base64, self.hashes)]
        return "".join(line + "\n" for line in lines).encode()

    def check(self, key: PublicKey) -> tuple[Checkpoint, Checkpoint]:
        """Both checkpoints, once they are found to be `key`'s and not both true.

        Raises `BadSignature` or `Malformed` for a checkpoint that is not `key`'s, and `BadProof` where the two do not
        contradict each other or it is not shown that they do.
        """
        first, second = open_checkpoint(self.first, key), open_checkpoint(self.second, key)
        if first.size > second.size:
            raise BadProof("the fork evidence names the larger checkpoint first")
        if first.size == second.size:
            self._check_same_size(first, second)
        else:
            self._check_sizes(first, second)
        return first, second

    def _check_same_size(self, first: Checkpoint, second: Checkpoint) -> None:
        if self.hashes:
            raise BadProof("the fork evidence holds a consistency proof between checkpoints of one size")
        if first.root_hash == second.root_hash:
            raise BadProof("the fork evidence shows no fork: both checkpoints have one size and one root hash")

    def _check_sizes(self, first: Checkpoint, second: Checkpoint) -> None:
        if not self.hashes:
            raise BadProof("the fork evidence holds no consistency proof between checkpoints of two sizes")
        if self.other_root == first.root_hash:
            raise BadProof("the fork evidence shows no fork: the larger log begins with the smaller one")
        merkle.check_consistency(first.size, self.other_root, second.size, second.root_hash, self.hashes)


def parse(data: bytes) -> Evidence:
    """The evidence in a file; **nothing in it is checked yet**."""
    if len(data) > EVIDENCE_AT_MOST:
        raise Malformed(f"fork evidence of more than {EVIDENCE_AT_MOST} bytes")
    lines = wire.split_lines(wire.decode_utf8(data, "the fork evidence"), "the fork evidence")
    if lines[0] != HEADER:
        raise Malformed(f"not fork evidence: it does not begin with {HEADER}")
    if len(lines) < 3:
        raise Malformed("fork evidence without two checkpoints")
    first, second = wire.decode_base64(lines[1]), wire.decode_base64(lines[2])
    return Evidence(first, second, *_parse_proof(lines[3:]))


def _parse_proof(lines: list[str]) -> tuple[bytes, tuple[bytes, ...]]:
    if not lines:
        return b"", ()
    if not lines[0].startswith(_ROOT) or len(lines) < 2:
        raise Malformed("fork evidence whose fourth line is not a root hash with a proof behind it")
    hashes = tuple(wire.decode_base64(line) for line in lines[1:])
    return wire.decode_base64(lines[0].removeprefix(_ROOT)), hashes
