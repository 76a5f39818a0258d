"""Add entries to a log: new tiles, new bundles, new root hash.

    size, root_hash = append(old, [b"testimony bafkrei…", …], write)
    size, root_hash = append(None, all_entries, write)      # from nothing, as a verifier recomputes a log

Entries stream: memory holds one bundle and one tile a level, however many entries come. Of the old log only the
right edge is read: its partial bundle and its partial tiles, at most one a level. Written, each exactly once, is what
is new or has changed, and for each level in ascending order: a full bundle or tile when it is full, the partial ones
at the end. A partial tile is never hashed into the level above (C2SP tlog-tiles).

What the old log's partial places held is then in wider ones; `obsolete` names those that a tree of the new size no
longer keeps. Before anything is written, the old right edge is checked against itself: a partial bundle whose entries
are not those of the partial tile raises `BadProof`, for a log continued over damage would contradict its own past.
**Left out: that the old right edge leads to the checkpoint that was signed** (``old.root_hash()``): the caller has
the checkpoint, and does that first.

Where the bytes go, and in which order they become durable, is the caller's matter too.
"""

from collections.abc import Callable, Iterable, Iterator

from mirror.errors import BadProof, Refused
from mirror.formats import merkle, tile
from mirror.formats.merkle import HASH_BYTES
from mirror.formats.tile import ENTRIES, HEIGHT, WIDTH, Place
from mirror.log.tree import TiledLog

PlaceWriter = Callable[[Place, bytes], None]
"""``write(place, data)``: keep the bytes of a tile or bundle."""


def append(old: TiledLog | None, new_entries: Iterable[bytes], write: PlaceWriter) -> tuple[int, bytes]:
    """Write what `new_entries` add to `old` (or to nothing), and return the new size and root hash.

    Raises `Refused` for an entry of more than 65,535 bytes, and what reading `old` raises.
    """
    growth = Growth(old, write)
    for entry in new_entries:
        growth.add(entry)
    return growth.close()


def obsolete(old_size: int, new_size: int) -> Iterator[Place]:
    """The partial tiles and bundle of a log of `old_size` entries that one of `new_size` does not have."""
    if not 0 <= old_size <= new_size:
        raise Refused(f"a log of {old_size} entries does not become one of {new_size}")
    kept = set(tile.partials(new_size))
    return (place for place in tile.partials(old_size) if place not in kept)


class _Row:
    """The right edge of one level: the tile that is being filled, and whether it holds anything new."""

    def __init__(self, level: int, n: int, hashes: bytes) -> None:
        self.level = level
        self.n = n
        self.hashes = bytearray(hashes)
        self.changed = False

    @property
    def place(self) -> Place:
        return Place(self.level, self.n, len(self.hashes) // HASH_BYTES)

    def clear(self) -> None:
        self.n += 1
        self.hashes.clear()
        self.changed = False


class Growth:
    """A log while it grows, for whoever has the entries one at a time: `add` each, then `close`.

    It holds the right edge: a bundle, and a row for each level of tiles.
    """

    def __init__(self, old: TiledLog | None, write: PlaceWriter) -> None:
        self._write = write
        self.size = 0 if old is None else old.size
        self._first_new = self.size
        self._bundle: list[bytes] = []
        self._rows: list[_Row] = []
        if old is not None:
            self._open(old)

    def _open(self, old: TiledLog) -> None:
        partial = {place.level: place for place in tile.partials(old.size)}
        while (hashes := old.size >> HEIGHT * len(self._rows)) > 0:
            level = len(self._rows)
            held = old.read_tile(partial[level]) if level in partial else b""
            self._rows.append(_Row(level, hashes // WIDTH, held))
        if ENTRIES in partial:
            self._bundle = list(old.read_bundle(partial[ENTRIES]))
            self._check_bundle(partial[ENTRIES])

    def _check_bundle(self, place: Place) -> None:
        if b"".join(map(merkle.leaf_hash, self._bundle)) != self._rows[0].hashes:
            raise BadProof(f"{place} does not hold the entries whose hashes lie beside it")

    def add(self, entry: bytes) -> None:
        """Take the next entry; `Refused` for one of more than 65,535 bytes."""
        self._bundle.append(tile.check_entry(entry))
        self.size += 1
        if len(self._bundle) == WIDTH:
            self._write_bundle()
            self._bundle.clear()
        self._push(0, merkle.leaf_hash(entry))

    def _push(self, level: int, hash_: bytes) -> None:
        if level == len(self._rows):
            self._rows.append(_Row(level, 0, b""))
        row = self._rows[level]
        row.hashes += hash_
        row.changed = True
        if len(row.hashes) == WIDTH * HASH_BYTES:
            full = bytes(row.hashes)
            self._write(row.place, full)
            row.clear()
            self._push(level + 1, merkle.subtree_hash(tile.split_hashes(full, 0, WIDTH)))

    def close(self) -> tuple[int, bytes]:
        """Write the partial bundle and tiles that hold anything new; the new size and root hash."""
        if self._bundle and self.size > self._first_new:
            self._write_bundle()
        for row in self._rows:
            if row.changed:
                self._write(row.place, bytes(row.hashes))
        return self.size, merkle.root_hash(self.size, self._hash)

    def _write_bundle(self) -> None:
        place = Place(ENTRIES, (self.size - 1) // WIDTH, len(self._bundle))
        self._write(place, tile.encode_bundle(self._bundle))

    def _hash(self, level: int, n: int) -> bytes:
        """The hash of a complete subtree on the right edge: those that a root hash is made of."""
        place, begin, end = tile.locate(level, n, self.size)
        return merkle.subtree_hash(tile.split_hashes(bytes(self._rows[place.level].hashes), begin, end))
