"""A small real calendar of OpenTimestamps on loopback, and a chain of Bitcoin-style headers that it commits into.

    with Calendar() as calendar:                # calendar.url; POST /digest, GET /timestamp/<hex>
        …                                       # somebody stamps
        header = calendar.commit()              # a block: from now on /timestamp answers

It keeps to the protocol as the stock calendar's server does: a digest is answered with a nonce of the calendar's own, a
hash, and a promise; once a block holds it, the promise's message leads through a Merkle tree, a transaction and the
block's tree to the merkle root. The headers keep to their bits, which are as low as a regression test's.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from itertools import count

from mirror.formats.bitcoin import Header, target

EASY = 0x207FFFFF
"""Bits that every second try keeps to, as Bitcoin's own regression tests have them."""


def mine(merkle_root: bytes, day: date, previous: bytes = bytes(32)) -> Header:
    """A header over a merkle root, made on a day, that keeps to its bits."""
    noon = int(datetime.combine(day, time(12), UTC).timestamp())
    tries = (Header(0x20000000, previous, merkle_root, noon, EASY, nonce) for nonce in count())
    return next(each for each in tries if int.from_bytes(each.hash, "little") <= target(EASY))
