"""C2SP checkpoints: a log's size and root hash, in a signed note.

    text = origin "\\n" size "\\n" base64(root hash) "\\n"

    voices.example/archive
    42
    qUnqq/vXZUsyMRLUmPVUTXmmqJ9QDTVCPEmaN7vTRuc=

    — voices.example/archive 4tX14m3w…

The origin is the mirror's name and its key's; the size is at least 1 in what we sign and open (a mirror's log begins
with its charter), while `parse_text` also reads the empty log's; there are no extension lines. The note carries one
line by the mirror's key, and first. Lines by other keys may follow it: those are witnesses' cosignatures, which
nobody checks here, so nothing may be concluded from their presence. A key signs a checkpoint only of its own name.

One size of a log has one root hash: `mirror.log.timeline` compares checkpoints, and `mirror.formats.fork` keeps two
that cannot both be true.

Specification: c2sp.org/tlog-checkpoint, read strictly. Out of scope: extension lines, cosignatures, policies.
"""

from dataclasses import dataclass

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import wire
from mirror.formats.key import PublicKey, SecretKey, Statement, parse_name
from mirror.formats.merkle import HASH_BYTES
from mirror.formats.note import Note, open_note, sign_note

CHECKPOINT_AT_MOST = 256 * 1024
"""Bytes in a signed checkpoint that we read.

C2SP asks readers to accept sixteen signatures, and a post-quantum one takes 3 to 5 kB of base64: about 80 kB.
Three times that leaves room for more cosigners and none for a flood.
"""


@dataclass(frozen=True, slots=True)
class Checkpoint(Statement):
    """What a log says of itself: whose it is, its number of entries, and the root hash (32 bytes) over them."""

    origin: str
    size: int
    root_hash: bytes

    def __post_init__(self) -> None:
        parse_name(self.origin)
        if not 0 <= self.size <= wire.SIZE_AT_MOST:
            raise Malformed(f"a checkpoint of {self.size} entries")
        if len(self.root_hash) != HASH_BYTES:
            raise Malformed(f"a checkpoint's root hash of {len(self.root_hash)} bytes, not {HASH_BYTES}")

    @property
    def text(self) -> str:
        """The three lines that are signed, and that outside clocks anchor."""
        return f"{self.origin}\n{self.size}\n{wire.encode_base64(self.root_hash)}\n"

    def signed_bytes(self, signer: PublicKey) -> bytes:
        """The three lines; `Refused` unless the log is `signer`'s own and holds an entry."""
        if self.origin != signer.name:
            raise Refused(f"a checkpoint of {self.origin} is not signed by a key named {signer.name}")
        if self.size == 0:
            raise Refused(f"a checkpoint of {self.origin} without an entry is not signed")
        return self.text.encode()


def parse_text(text: str) -> Checkpoint:
    """The checkpoint that three lines spell, **its signature not seen**."""
    lines = wire.split_lines(text, "the checkpoint")
    if len(lines) != 3:
        raise Malformed(f"a checkpoint of {len(lines)} lines, not 3")
    origin, size, root_hash = lines
    return Checkpoint(origin, wire.decode_decimal(size), wire.decode_base64(root_hash))


def sign(checkpoint: Checkpoint, key: SecretKey) -> bytes:
    """The signed note of `checkpoint`."""
    return sign_note(checkpoint.text, checkpoint, key)


def open_checkpoint(data: bytes, key: PublicKey) -> Checkpoint:
    """The checkpoint in a signed note, once it is found to be `key`'s and of the log of that name.

    Raises `BadSignature` where the key did not sign it, or signed for another log's name; `Malformed` otherwise.
    """
    if len(data) > CHECKPOINT_AT_MOST:
        raise Malformed(f"a checkpoint of more than {CHECKPOINT_AT_MOST} bytes")
    note = open_note(data, [key])
    checkpoint = parse_text(note.text)
    _check_ours(checkpoint, note, key)
    return checkpoint


def _check_ours(checkpoint: Checkpoint, note: Note, key: PublicKey) -> None:
    if not note.signatures[0].is_of(key):
        raise Malformed(f"the checkpoint's first signature line is by {note.signatures[0].name}, not by {key.name}")
    if checkpoint.origin != key.name:
        raise BadSignature(f"the checkpoint of {checkpoint.origin} is signed by a key named {key.name}")
    if checkpoint.size == 0:
        raise Malformed(f"the checkpoint of {checkpoint.origin} lists no entry, not even a charter")
