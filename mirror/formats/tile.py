"""C2SP tlog-tiles: where a log's hashes and entries lie, and what stands there.

    tile/<level>/<n>[.p/<width>]      width × 32 bytes: hashes of one level of the tree, 256 in a full tile
    tile/entries/<n>[.p/<width>]      a bundle: for each entry its length in two bytes, big-endian, and its bytes

    tile/0/x001/x234/067              the full tile 1234067 of level 0
    tile/0/273.p/112                  the first 112 hashes of tile 273
    tile/entries/273.p/112            the entries of those leaves

Hash i of tile n of level l is the root of the 256^l leaves from (n·256 + i)·256^l. Only complete subtrees have a
hash here: a partial tile is never hashed into the level above. A path is relative to the log's prefix, and has one
spelling: three digits a group, an ``x`` before every group but the last, no needless group of zeros.

A log's size decides which places it consists of (`places`); whether the hashes in them are those of the entries is
checked by whoever recomputes them (`mirror.log.append`), not here.

Specification: c2sp.org/tlog-tiles, tile height 8. Out of scope: pruned logs, and compression, which is HTTP's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mirror.errors import Malformed, Refused
from mirror.formats import wire
from mirror.formats.merkle import HASH_BYTES

HEIGHT = 8
"""Levels of the tree that one tile spans."""

WIDTH = 1 << HEIGHT
"""Hashes in a full tile, entries in a full bundle."""

ENTRIES = -1
"""The "level" of the entry bundles."""

LEVEL_AT_MOST = 7
"""The highest level of tiles: a log of 2^63 − 1 entries, the most that we read, has no tile above it."""

ENTRY_AT_MOST = 65_535
"""Bytes in an entry: its length is written in two."""

_PATH = re.compile(r"tile/(entries|[0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")

PATH_AT_MOST = 64
"""Letters in a path: the longest, of a bundle in a log of 2^63 − 1 entries, has 47."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One tile or bundle: its level (`ENTRIES` for a bundle), its number, and how many hashes or entries it holds."""

    level: int
    n: int
    width: int

    def __post_init__(self) -> None:
        end = self.n * WIDTH + self.width << HEIGHT * max(self.level, 0)
        if not (ENTRIES <= self.level <= LEVEL_AT_MOST and self.n >= 0 and 0 < self.width <= WIDTH):
            raise Malformed(f"no tile of level {self.level}, number {self.n} and width {self.width} can be")
        if end > wire.SIZE_AT_MOST:
            raise Malformed(f"tile {self.n} of level {self.level} lies beyond the largest log")

    @property
    def path(self) -> str:
        """Where it lies, relative to the log's prefix."""
        groups, rest = [f"{self.n % 1000:03}"], self.n // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    @property
    def start(self) -> int:
        """The index of the first entry that it covers."""
        return self.n * WIDTH << HEIGHT * max(self.level, 0)

    def __str__(self) -> str:
        return self.path


def parse_path(text: str) -> Place:
    """The place that a path names, in its one spelling."""
    match = _PATH.fullmatch(text) if len(text) <= PATH_AT_MOST else None
    if match is None:
        raise Malformed(f"not the path of a tile: {text[:80]!r}")
    level, groups, width = match.groups()
    number = groups.replace("x", "").replace("/", "").lstrip("0") or "0"
    place = Place(
        ENTRIES if level == "entries" else wire.decode_decimal(level),
        wire.decode_decimal(number),
        WIDTH if width is None else wire.decode_decimal(width),
    )
    if place.path != text:
        raise Malformed(f"not the usual spelling of the path {place.path}: {text!r}")
    return place


def place(level: int, n: int, size: int) -> Place:
    """The tile (or bundle) `n` of `level` in a log of `size` entries, as wide as that size makes it."""
    width = min(WIDTH, (size >> HEIGHT * max(level, 0)) - n * WIDTH)
    if width <= 0 or n < 0:
        raise Refused(f"a log of {size} entries has no tile {n} of level {level}")
    return Place(level, n, width)


def locate(level: int, n: int, size: int) -> tuple[Place, int, int]:
    """Where the hash of the complete subtree `n` of `level` (2^level leaves) is found in a log of `size` entries.

    Gives a tile, and from which to before which of its hashes: 1, 2, 4 … 128 of them, the hash being theirs.
    """
    if n < 0 or (n + 1) << level > size:
        raise Refused(f"a log of {size} entries has no complete subtree {n} of 2^{level} leaves")
    row, inside = divmod(level, HEIGHT)
    first = n << inside
    begin = first % WIDTH
    return place(row, first // WIDTH, size), begin, begin + (1 << inside)


def places(size: int) -> Iterator[Place]:
    """Every tile and bundle of a log of `size` entries, and nothing else.

    Level 0 first, the bundles last, each in ascending order: below a million tiles a level (2.5 · 10^8 entries),
    that is also the order of the names' bytes in each folder, in which a walk of the tree meets them.
    """
    for level in (*range(LEVEL_AT_MOST + 1), ENTRIES):
        hashes = size >> HEIGHT * max(level, 0)
        for n in range((hashes + WIDTH - 1) // WIDTH):
            yield Place(level, n, min(WIDTH, hashes - n * WIDTH))


def partials(size: int) -> Iterator[Place]:
    """The tiles and the bundle of a log of `size` entries that are not full: at most one a level."""
    for level in (*range(LEVEL_AT_MOST + 1), ENTRIES):
        n, width = divmod(size >> HEIGHT * max(level, 0), WIDTH)
        if width:
            yield Place(level, n, width)


def parse_tile(data: bytes, width: int) -> bytes:
    """`data`, if it is `width` hashes."""
    if len(data) != width * HASH_BYTES:
        raise Malformed(f"a tile of {len(data)} bytes, not {width} hashes of {HASH_BYTES}")
    return data


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """The bundle of `entries`; refuses one of more than `ENTRY_AT_MOST` bytes."""
    return b"".join(len(check_entry(entry)).to_bytes(2) + entry for entry in entries)


def check_entry(entry: bytes) -> bytes:
    """`entry`, if it is not too long to be one."""
    if len(entry) > ENTRY_AT_MOST:
        raise Refused(f"a log entry of {len(entry)} bytes, more than {ENTRY_AT_MOST}")
    return entry


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The `width` entries of a bundle, which holds nothing else."""
    entries, offset = [], 0
    for number in range(width):
        start = offset + 2
        offset = start + int.from_bytes(data[offset:start])
        if start > len(data) or offset > len(data):
            raise Malformed(f"a bundle of {width} entries is cut off in its entry {number}")
        entries.append(data[start:offset])
    if offset != len(data):
        raise Malformed(f"{len(data) - offset} bytes behind the {width} entries of a bundle")
    return tuple(entries)


def split_hashes(tile: bytes, begin: int, end: int) -> Sequence[bytes]:
    """The hashes `begin` to `end` − 1 of a tile."""
    return [tile[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(begin, end)]
