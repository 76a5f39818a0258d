"""OpenTimestamps: that a digest was committed to by a block of Bitcoin, or is promised to be.

    file  = 00 "OpenTimestamps" 00 00 "Proof" 00 bf89e2e884e89294 | 01 | 08 | SHA-256 of the file | tree
    tree  = *( ff branch ) branch
    branch = op tree  |  00 attestation
    op    = 08                                SHA-256 of what is there
          | 03                                RIPEMD-160 of it, which proofs of 2015 hold
          | f0 varint bytes                   these bytes behind it
          | f1 varint bytes                   these bytes before it
    attestation = tag of 8 bytes | varint length | payload
          0588960d73d71901  varint height               it is the merkle root of the Bitcoin block at that height
          83dfe30d2ef90c8e  varint length, address      a calendar promises to have more of it later

A tree is all ways from the digest to attestations; here it is its `Path`s. It has one spelling: the stock client's,
attestations before operations, each in order, none twice; and bytes that give the same before a message as behind it
(a hash beside itself, as the last of a block may stand) are behind it. `parse` takes that alone; `parse_answer` takes
what a calendar says in any order. The proof that lies in a mirror's tree (`parse_complete`) holds nothing but Bitcoin
attestations, each over 32 bytes: what the reader compares with the merkle root of the block at that height.

Read without the library of the same name, which is the tests' oracle: it takes twice as long to load as a proof may
take to check, keeps no bound on numbers, and prints some of what it reads otherwise.

Reference: opentimestamps.org, and python-opentimestamps, `core/`. Out of scope: other chains' attestations, kept as
they are where a calendar gives them; SHA-1, Keccak, and operations that no calendar uses.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from mirror.errors import Malformed, NeedsNewer
from mirror.formats import wire
from mirror.formats.bitcoin import HEIGHT_AT_MOST

PROOF_AT_MOST = 64 * 1024
"""Bytes in a proof: one calendar's way to a block takes half a thousand to two thousand, and there are a few."""

ANSWER_AT_MOST = 10_000
"""Bytes in a calendar's answer: as many as stock clients read."""

DEPTH_AT_MOST = 255
"""Operations on one way, as stock clients bound it; real ones take about a hundred."""

PATHS_AT_MOST = 64
"""Attestations in one proof: a dozen calendars, each promising and keeping it several times over."""

MESSAGE_AT_MOST = 4096
"""Bytes that an operation takes, adds or leaves, as stock clients bound it."""

ADDRESS_AT_MOST = 1000
"""Letters in a calendar's address, as stock clients bound it."""

TREE_BELOW = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"
"""What a file begins with: the magic bytes, version 1, and that the digest is SHA-256's."""

SHA256, RIPEMD160, APPEND, PREPEND = 0x08, 0x03, 0xF0, 0xF1
_ATTESTATION, _FORK = 0x00, 0xFF

BITCOIN, PENDING = wire.decode_hex("0588960d73d71901"), wire.decode_hex("83dfe30d2ef90c8e")

_ADDRESS_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:")


class Op(NamedTuple):
    """One operation; `argument` is what `APPEND` and `PREPEND` add."""

    tag: int
    argument: bytes = b""

    def __bytes__(self) -> bytes:
        if self.tag in (APPEND, PREPEND):
            return bytes([self.tag]) + _sized(self.argument)
        return bytes([self.tag])

    def on(self, message: bytes) -> bytes:
        """What it makes of a message."""
        if self.tag == APPEND:
            result = message + self.argument
        elif self.tag == PREPEND:
            result = self.argument + message
        elif self.tag == SHA256:
            result = hashlib.sha256(message).digest()
        else:
            result = _ripemd160(message)
        if len(result) > MESSAGE_AT_MOST:
            raise Malformed(f"a timestamp leads to {len(result)} bytes, more than {MESSAGE_AT_MOST}")
        return result


def _ripemd160(message: bytes) -> bytes:
    try:
        return hashlib.new("ripemd160", message, usedforsecurity=False).digest()
    except ValueError:  # some builds of OpenSSL leave it out
        raise NeedsNewer("the timestamp holds RIPEMD-160, which this Python does not know") from None


class Attestation(NamedTuple):
    """What a way leads to: a kind, by its tag, and what that kind says, as it was read."""

    tag: bytes
    payload: bytes

    def __bytes__(self) -> bytes:
        return bytes([_ATTESTATION]) + self.tag + _sized(self.payload)

    @property
    def height(self) -> int | None:
        """The height of the Bitcoin block that it speaks of; None for another kind."""
        return wire.decode_varint(self.payload)[0] if self.tag == BITCOIN else None

    @property
    def calendar(self) -> str | None:
        """The address of the calendar that promises it; None for another kind."""
        if self.tag != PENDING:
            return None
        return self.payload[wire.decode_varint(self.payload)[1] :].decode("ascii")

    @property
    def order(self) -> tuple[bytes, int, bytes]:
        """What attestations are sorted by: the tag, then the height, the address, or else the payload."""
        said = self.calendar
        return self.tag, self.height or 0, self.payload if said is None else said.encode()


def at_height(height: int) -> Attestation:
    """The attestation of the Bitcoin block at a height."""
    return Attestation(BITCOIN, wire.encode_varint(height))


def promised_by(address: str) -> Attestation:
    """The promise of the calendar at an address."""
    return _checked(Attestation(PENDING, _sized(address.encode())))


class Path(NamedTuple):
    """One way from a digest to an attestation."""

    ops: tuple[Op, ...]
    attestation: Attestation

    def result(self, message: bytes) -> bytes:
        """Where the operations lead from a message."""
        for op in self.ops:
            message = op.on(message)
        return message

    @property
    def order(self) -> tuple[tuple[int, bytes, tuple[bytes, int, bytes]], ...]:
        """What paths are sorted by: as a tree prints them, attestations before operations."""
        none = (b"", 0, b"")
        return *((op.tag, op.argument, none) for op in self.ops), (-1, b"", self.attestation.order)


@dataclass(frozen=True, slots=True)
class Proof:
    """All ways that are known from the SHA-256 of a file, in the order in which they are printed."""

    digest: bytes
    paths: tuple[Path, ...]

    def __bytes__(self) -> bytes:
        return TREE_BELOW + self.digest + _tree(self.paths)

    @property
    def blocks(self) -> tuple[tuple[int, bytes], ...]:
        """Each Bitcoin block that it speaks of: the height, and the merkle root it must have; lowest first."""
        found = {
            (path.attestation.height, path.result(self.digest))
            for path in self.paths
            if path.attestation.height is not None
        }
        return tuple(sorted((height, root) for height, root in found if height is not None))

    @property
    def promises(self) -> tuple[tuple[str, bytes], ...]:
        """Each calendar that promises more, and the message it promises that for."""
        said = [(path.attestation.calendar, path.result(self.digest)) for path in self.paths]
        return tuple((address, message) for address, message in said if address is not None)


def proof_of(digest: bytes, paths: Iterable[Path]) -> Proof:
    """The proof that holds these ways, each once. Raises `Malformed` where they are none, or too many or too long."""
    ordered = tuple(sorted({_spelled(path, digest) for path in paths}, key=lambda path: path.order))
    if not ordered:
        raise Malformed("a timestamp without an attestation")
    if len(ordered) > PATHS_AT_MOST:
        raise Malformed(f"a timestamp with {len(ordered)} attestations, more than {PATHS_AT_MOST}")
    for path in ordered:
        if len(path.ops) > DEPTH_AT_MOST:
            raise Malformed(f"a timestamp of {len(path.ops)} operations in a row, more than {DEPTH_AT_MOST}")
    made = Proof(digest, ordered)
    if len(bytes(made)) > PROOF_AT_MOST:
        raise Malformed(f"a timestamp of more than {PROOF_AT_MOST} bytes")
    return made


def _spelled(path: Path, digest: bytes) -> Path:
    """The same way with each step in its one spelling; each is taken, so that one that leads nowhere is malformed."""
    ops, message = [], digest
    for op in path.ops:
        result = op.on(message)
        same = op.tag == PREPEND and result == message + op.argument
        ops.append(Op(APPEND, op.argument) if same else op)
        message = result
    return Path(tuple(ops), path.attestation)


def parse(data: bytes) -> Proof:
    """The proof that a file holds, in its one spelling."""
    if len(data) > PROOF_AT_MOST:
        raise Malformed(f"a timestamp of more than {PROOF_AT_MOST} bytes")
    if not data.startswith(TREE_BELOW):
        raise Malformed("the file is no OpenTimestamps proof of version 1 over a SHA-256")
    begin = len(TREE_BELOW) + 32
    if len(data) < begin:
        raise Malformed("the timestamp ends before its digest does")
    digest = data[len(TREE_BELOW) : begin]
    proof = proof_of(digest, _read(data[begin:]))
    if bytes(proof) != data:
        raise Malformed("the timestamp is not written as it has to be: something stands twice, or out of order")
    return proof


def parse_complete(data: bytes) -> Proof:
    """The proof that a mirror's tree may hold: nothing but Bitcoin blocks."""
    proof = parse(data)
    check_complete(proof)
    return proof


def check_complete(proof: Proof) -> None:
    """Raise `Malformed` unless all that the proof speaks of are Bitcoin blocks, and each way ends in 32 bytes."""
    for path in proof.paths:
        if path.attestation.height is None:
            raise Malformed("the timestamp holds something else than Bitcoin blocks")
        if (length := len(path.result(proof.digest))) != 32:
            raise Malformed(f"the timestamp leads to {length} bytes, and a merkle root has 32")


def parse_answer(data: bytes) -> tuple[Path, ...]:
    """The ways that a calendar's answer holds, from the message that it was asked about."""
    if len(data) > ANSWER_AT_MOST:
        raise Malformed(f"a timestamp of more than {ANSWER_AT_MOST} bytes")
    return tuple(_read(data))


def print_answer(paths: Iterable[Path]) -> bytes:
    """The answer that holds these ways."""
    return _tree(sorted(set(paths), key=lambda path: path.order))


def _read(tree: bytes) -> list[Path]:
    """Every way in a tree that is the whole of `tree`. A fork is remembered, and taken up when a way has ended."""
    found: list[Path] = []
    ops: tuple[Op, ...] = ()
    forks: list[tuple[Op, ...]] = []
    at = 0
    while True:
        tag, at = _take(tree, at, 1)
        if tag[0] == _FORK:
            forks.append(ops)
            if len(forks) > PATHS_AT_MOST:
                raise Malformed(f"a timestamp with more than {PATHS_AT_MOST} attestations")
            tag, at = _take(tree, at, 1)
        if tag[0] == _ATTESTATION:
            attestation, at = _read_attestation(tree, at)
            found.append(Path(ops, attestation))
            if not forks:
                break
            ops = forks.pop()
        else:
            op, at = _read_op(tree, tag[0], at)
            ops = (*ops, op)
            if len(ops) > DEPTH_AT_MOST:
                raise Malformed(f"a timestamp of more than {DEPTH_AT_MOST} operations in a row")
        if len(found) > PATHS_AT_MOST:
            raise Malformed(f"a timestamp with more than {PATHS_AT_MOST} attestations")
    if at != len(tree):
        raise Malformed(f"{len(tree) - at} bytes stand behind the timestamp")
    return found


def _read_op(tree: bytes, tag: int, at: int) -> tuple[Op, int]:
    if tag in (SHA256, RIPEMD160):
        return Op(tag), at
    if tag not in (APPEND, PREPEND):
        raise Malformed(f"the timestamp holds the operation {tag:#04x}, which is none that is known here")
    argument, at = _read_sized(tree, at, MESSAGE_AT_MOST)
    if not argument:
        raise Malformed("the timestamp adds nothing to a message")
    return Op(tag, argument), at


def _read_attestation(tree: bytes, at: int) -> tuple[Attestation, int]:
    tag, at = _take(tree, at, 8)
    payload, at = _read_sized(tree, at, 2 * MESSAGE_AT_MOST)
    return _checked(Attestation(tag, payload)), at


def _checked(attestation: Attestation) -> Attestation:
    """The attestation, if its payload is what its kind has to say; those of other kinds are not looked into."""
    payload = attestation.payload
    if attestation.tag == BITCOIN:
        height, end = wire.decode_varint(payload)
        if end != len(payload) or height > HEIGHT_AT_MOST:
            raise Malformed(f"not the height of a Bitcoin block: {wire.encode_hex(payload[:20])}")
    elif attestation.tag == PENDING:
        address, end = _read_sized(payload, 0, ADDRESS_AT_MOST)
        if end != len(payload) or not _ADDRESS_LETTERS.issuperset(address):
            raise Malformed(f"not a calendar's address: {payload[:80]!a}")
    return attestation


def _sized(data: bytes) -> bytes:
    return wire.encode_varint(len(data)) + data


def _read_sized(data: bytes, at: int, at_most: int) -> tuple[bytes, int]:
    length, at = wire.decode_varint(data, at)
    if length > at_most:
        raise Malformed(f"the timestamp holds a piece of {length} bytes, more than {at_most}")
    return _take(data, at, length)


def _take(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise Malformed("the timestamp is cut off")
    return data[at : at + length], at + length


def _tree(paths: Sequence[Path], depth: int = 0) -> bytes:
    """The tree of ways that are sorted and run together as far as `depth`: a call for each fork, not for each step."""
    steps = b""
    while True:
        ended = [bytes(path.attestation) for path in paths if len(path.ops) == depth]
        going = [path for path in paths if len(path.ops) > depth]
        below = [list(some) for _, some in groupby(going, key=lambda path: path.ops[depth])]
        if ended or len(below) > 1:
            break
        steps += bytes(below[0][0].ops[depth])
        depth += 1
    branches = ended + [bytes(some[0].ops[depth]) + _tree(some, depth + 1) for some in below]
    return steps + b"".join(bytes([_FORK]) + branch for branch in branches[:-1]) + branches[-1]
