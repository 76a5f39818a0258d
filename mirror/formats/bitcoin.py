"""Bitcoin's block headers: 80 bytes that commit to everything in a block, and say when it was made.

    version 4 | hash of the block before 32 | merkle root 32 | time 4 | bits 4 | nonce 4        numbers little-endian

    hash = SHA-256(SHA-256(header))

People write hashes and merkle roots in hexadecimal with the last byte first; `shown` and `parse_shown` do. `bits` is a
number in floating point: one byte of length, three of value; the hash, as a little-endian number, must not be above it.
A header that keeps to its own `bits` cost its maker that many tries, which at those of the real chain nobody can afford
for a lie. **Left out: that it is a block of the chain at all**, at which height, and whether its bits are the chain's:
whoever asks gets that from outside.

A miner sets the time, and others take it where it is at most two hours ahead of theirs and above the median of the
eleven blocks before. So it is good for a day, not for a second.

Reference: developer.bitcoin.org/reference/block_chain.html. Out of scope: transactions, and following a chain.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mirror.errors import Malformed
from mirror.formats import wire

HEADER_BYTES = 80

HEIGHT_AT_MOST = 2**31 - 1
"""The largest height we read: forty thousand years of blocks, and what every Bitcoin program's numbers hold."""


@dataclass(frozen=True, slots=True)
class Header:
    """One block's header; hashes as they lie in its bytes."""

    version: int
    previous: bytes
    merkle_root: bytes
    time: int
    bits: int
    nonce: int

    def __bytes__(self) -> bytes:
        numbers = (self.time, self.bits, self.nonce)
        ends = b"".join(number.to_bytes(4, "little") for number in numbers)
        return self.version.to_bytes(4, "little", signed=True) + self.previous + self.merkle_root + ends

    @property
    def hash(self) -> bytes:
        """The block's hash, 32 bytes as the next header holds them."""
        return hashlib.sha256(hashlib.sha256(bytes(self)).digest()).digest()

    @property
    def day(self) -> date:
        """The day (UTC) that the block says it was made on."""
        return datetime.fromtimestamp(self.time, UTC).date()


def parse_header(data: bytes) -> Header:
    """The header that 80 bytes are; raises `Malformed` also where it does not keep to its own `bits`."""
    if len(data) != HEADER_BYTES:
        raise Malformed(f"a Bitcoin header of {len(data)} bytes, not {HEADER_BYTES}")
    numbers = [int.from_bytes(data[at : at + 4], "little") for at in (68, 72, 76)]
    version = int.from_bytes(data[:4], "little", signed=True)
    header = Header(version, data[4:36], data[36:68], *numbers)
    if int.from_bytes(header.hash, "little") > target(header.bits):
        raise Malformed(f"the Bitcoin header {shown(header.hash)} took less work than it says")
    return header


def target(bits: int) -> int:
    """The number that a block's hash must not be above; 0, so that no hash will do, for `bits` that say nothing."""
    length, value = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000 or length > 32:
        return 0
    return value << 8 * (length - 3) if length >= 3 else value >> 8 * (3 - length)


def shown(value: bytes) -> str:
    """A hash or a merkle root as people write it: in hexadecimal, the last byte first."""
    return wire.encode_hex(value[::-1])


def parse_shown(text: str) -> bytes:
    """The 32 bytes that people write so."""
    value = wire.decode_hex(text)
    if len(value) != 32:
        raise Malformed(f"a hash of {len(value)} bytes, not 32: {text[:80]!r}")
    return value[::-1]
