"""C2SP signed notes: text that some key has signed.

    text, ending in a newline; it may hold empty lines
    an empty line: the last one of the note
    "— " key name " " base64(key ID ‖ signature)          one line or more

    — voices.example/archive 4tX14m3w…

What is signed is the text with its last newline. A line of a key that the reader does not know is skipped, also
where only its name or only its key ID is known; a line of a known key is verified, and one that fails spoils the
note; a note without a verified line is refused. Two lines of one name and key ID are malformed.

Opening is verifying: `open_note` returns a note only with at least one signature checked. Which lines our own kinds
of note must carry, and that no stranger's may stand there, is decided in `mirror.formats.notes`.

Specification: c2sp.org/signed-note. Out of scope: signature types other than Ed25519 (0x01), which count as strangers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mirror.errors import BadSignature, Malformed
from mirror.formats import wire
from mirror.formats.key import PublicKey, SecretKey, Statement, parse_note_name

NOTE_AT_MOST = 1 << 20
"""Bytes in a note: what fits one IPFS block of any implementation, so that a note is one block."""

SIGNATURES_AT_MOST = 100
"""Signature lines in a note: C2SP asks for at least sixteen; Go's implementation stops at a hundred too."""

_DASH = "— "
_CONTROLS = bytes([*range(0x0A), *range(0x0B, 0x20)])


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and its bytes, not yet checked."""

    name: str
    key_id: bytes
    raw: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {wire.encode_base64(self.key_id + self.raw)}\n"

    def is_of(self, key: PublicKey) -> bool:
        """Whether the line claims to be by `key`."""
        return self.name == key.name and self.key_id == key.id


@dataclass(frozen=True, slots=True)
class Note:
    """A note of which at least one signature was verified: by `signers`, in the order of its lines."""

    text: str
    signatures: tuple[Signature, ...]
    signers: tuple[PublicKey, ...]

    def __bytes__(self) -> bytes:
        return _print(self.text, self.signatures)


def sign_note(text: str, statement: Statement, *signers: SecretKey) -> bytes:
    """The note of `text`, which is how `statement` is written, signed by each of `signers` in order."""
    signatures = [Signature(key.name, key.public.id, key.sign(statement)) for key in signers]
    return _print(text, signatures)


def open_note(data: bytes, known: Iterable[PublicKey]) -> Note:
    """The note in `data`, once every line by one of `known` is verified and there is at least one such line."""
    text, signatures = split_note(data)
    keys = {(key.name, key.id): key for key in known}
    signers = []
    for signature in signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is not None:
            key.verify(text.encode(), signature.raw)
            signers.append(key)
    if not signers:
        raise BadSignature("the note carries no signature by a known key")
    return Note(text, signatures, tuple(signers))


def split_note(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """The text and the signature lines of a note, **none of them verified**.

    For callers that must read the text to learn whose signature to expect, and then verify it themselves.
    """
    if len(data) > NOTE_AT_MOST:
        raise Malformed(f"a note of more than {NOTE_AT_MOST} bytes")
    whole = wire.decode_utf8(data, "the note")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank:
        raise Malformed("the note has no empty line before its signatures")
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise Malformed("the note holds a control character")
    lines = wire.split_lines(tail, "the note's last line")
    if len(lines) > SIGNATURES_AT_MOST:
        raise Malformed(f"the note has more than {SIGNATURES_AT_MOST} signature lines")
    signatures = tuple(_parse_signature(line) for line in lines)
    if len({(each.name, each.key_id) for each in signatures}) != len(signatures):
        raise Malformed("the note has two signature lines of one key")
    return head + "\n", signatures


def signed_part(data: bytes) -> bytes:
    """The bytes of a note that are signed: everything before its last empty line."""
    return data[: data.rindex(b"\n\n") + 1]


def _parse_signature(line: str) -> Signature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise Malformed(f"not a signature line: {line[:80]!r}")
    name, blob = parse_note_name(parts[0]), wire.decode_base64(parts[1])
    if len(blob) < 5:
        raise Malformed(f"the signature line of {name} has no signature behind its key ID")
    return Signature(name, blob[:4], blob[4:])


def _print(text: str, signatures: Iterable[Signature]) -> bytes:
    return (text + "\n" + "".join(map(str, signatures))).encode()
