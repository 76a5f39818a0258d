"""Read hashes and entries out of a log's tiles; compute roots and proofs.

    log = TiledLog(42, read)                 # read(Place) -> bytes, or Missing
    log.root_hash() == checkpoint.root_hash  # the right edge of the tiles leads to the checkpoint
    log.inclusion(17)                        # hashes for mirror.formats.proof

Each tile and bundle is checked for its length and form when it is read. **Left out: that its hashes are the right
ones.** A root hash that matches the checkpoint vouches for the tiles on the right edge alone; a proof that is checked
against the checkpoint vouches for itself; the whole is checked by recomputing every tile (`mirror.log.append` over
all entries), as a verifier does.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from mirror.errors import Refused
from mirror.formats import merkle, tile
from mirror.formats.tile import ENTRIES, WIDTH, Place

PlaceReader = Callable[[Place], bytes]
"""``read(place)``: all the bytes that lie at a place of the log; raises `Missing` where this copy lacks them."""

TILES_KEPT = 64
"""Tiles held in memory, of 8 KiB: half a megabyte, and eight for each level of the largest log."""

BUNDLES_KEPT = 2
"""Bundles held in memory: enough for neighbours; those of a foreign log can have 16 MiB each."""


class TiledLog:
    """A log of `size` entries, of which `read` gives the tiles and bundles that `tile.places` lists."""

    def __init__(self, size: int, read: PlaceReader) -> None:
        self.size = size
        self._read = read
        self._tile = lru_cache(TILES_KEPT)(self.read_tile)
        self._bundle = lru_cache(BUNDLES_KEPT)(self.read_bundle)

    def read_tile(self, place: Place) -> bytes:
        """The hashes at a place, side by side; raises `Missing`, or `Malformed` where their number is another."""
        return tile.parse_tile(self._read(place), place.width)

    def read_bundle(self, place: Place) -> tuple[bytes, ...]:
        """The entries of a bundle; raises `Missing`, or `Malformed` where it does not hold exactly those."""
        return tile.parse_bundle(self._read(place), place.width)

    def hash(self, level: int, n: int) -> bytes:
        """The hash of the complete subtree `n` of `level`: of the 2^level entries from n·2^level. A `HashReader`."""
        place, begin, end = tile.locate(level, n, self.size)
        return merkle.subtree_hash(tile.split_hashes(self._tile(place), begin, end))

    def root_hash(self, size: int | None = None) -> bytes:
        """The root hash of the first `size` entries, or of all."""
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise Refused(f"a log of {self.size} entries has no root hash of size {size}")
        return merkle.root_hash(size, self.hash)

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """The proof that the entry `index` is in this log."""
        return merkle.prove_inclusion(index, self.size, self.hash)

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """The proof that this log begins with the log of `old_size` entries that it says it does."""
        return merkle.prove_consistency(old_size, self.size, self.hash)

    def entry(self, index: int) -> bytes:
        """The entry at `index`."""
        if not 0 <= index < self.size:
            raise Refused(f"entry {index} does not lie in a log of {self.size} entries")
        return self._bundle(tile.place(ENTRIES, index // WIDTH, self.size))[index % WIDTH]

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The entries from `start` to before `end` (or the last), one bundle in memory at a time."""
        end = self.size if end is None else end
        if not 0 <= start <= end <= self.size:
            raise Refused(f"entries {start} to {end} do not lie in a log of {self.size} entries")
        return self._stream(start, end)

    def _stream(self, start: int, end: int) -> Iterator[bytes]:
        for n in range(start // WIDTH, (end + WIDTH - 1) // WIDTH):
            bundle = self.read_bundle(tile.place(ENTRIES, n, self.size))
            yield from bundle[max(start - n * WIDTH, 0) : end - n * WIDTH]
