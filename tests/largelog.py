"""A mirror of very many testimonies, of which only one is really there: as large as its blocks say, and made at once.

blocks, root = a_large_log(1_000_000, index=654_321)

The entries of all others are one and the same line, so most tiles are the same block; what a reader of that one fetches
is as long as it would be.
"""

import hashlib
from collections.abc import Mapping
from functools import cache

from strategies import KEY, NAME

from mirror import tree
from mirror.formats import checkpoint, entry, merkle, notes, tile
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.fields import Item
from mirror.formats.notes import Charter, Edition, Testimony
from mirror.formats.tile import ENTRIES, HEIGHT, WIDTH, Place
from mirror.formats.unixfs import Link

CHARTER = notes.sign(Charter(NAME, KEY.public, bytes(32), "en", "Voices", "We gather testimonies."), KEY)
TOKEN = hashlib.sha256(b"a token").digest()


def a_testimony(body: str) -> bytes:
    return notes.sign(Testimony(NAME, CID.of_raw(CHARTER), "en", TOKEN, bytes(16), body), KEY)


def entry_of(note: bytes) -> bytes:
    return bytes(entry.entry_of(notes.open_signed(note, KEY.public), CID.of_raw(note)))


def a_large_log(size: int, index: int) -> tuple[dict[CID, bytes], CID]:
    """The blocks of a tree of `size` entries that a reader of the testimony at `index` may want, and its root."""
    blocks: dict[CID, bytes] = {}
    note = a_testimony("The one that is looked for.")
    own = {0: entry_of(CHARTER), index: entry_of(note)}
    other = entry_of(a_testimony("Any other."))

    @cache
    def filler(level: int) -> bytes:
        return merkle.node_hash(filler(level - 1), filler(level - 1)) if level else merkle.leaf_hash(other)

    def read(level: int, n: int) -> bytes:
        if not any(each >> level == n for each in own):
            return filler(level)
        return (
            merkle.node_hash(read(level - 1, 2 * n), read(level - 1, 2 * n + 1)) if level else merkle.leaf_hash(own[n])
        )

    def bytes_at(place: Place) -> bytes:
        numbers = range(place.n * WIDTH, place.n * WIDTH + place.width)
        if place.level == ENTRIES:
            return tile.encode_bundle(own.get(number, other) for number in numbers)
        return b"".join(read(place.level * HEIGHT, number) for number in numbers)

    files = {tuple(place.path.split("/")): bytes_at(place) for place in tile.places(size)}
    root_hash = merkle.root_hash(size, read)
    signed = checkpoint.sign(Checkpoint(NAME, size, root_hash), KEY)
    top = {
        tree.CHARTER: _file(blocks, tree.CHARTER, CHARTER),
        tree.CHECKPOINT: _file(blocks, tree.CHECKPOINT, signed),
        tree.NOTE: _notes(blocks, tree.note_path(index)[1:], note),
        tree.TILE: _folder(blocks, tree.TILE, {path[1:]: data for path, data in files.items()}),
    }
    items = tuple(Item(name, top[name].cid) for name in sorted(top))
    page = notes.sign(Edition(NAME, CID.of_raw(CHARTER), 1, size, root_hash, items), KEY)
    top[tree.EDITION] = _file(blocks, tree.EDITION, page)
    return blocks, tree.put_folder("", top.values(), blocks.__setitem__).cid


def _file(blocks: dict[CID, bytes], name: str, data: bytes) -> Link:
    link = tree.link_to((name,), data)
    blocks[link.cid] = data
    return link


def _folder(blocks: dict[CID, bytes], name: str, files: Mapping[tuple[str, ...], bytes]) -> Link:
    below: dict[str, dict[tuple[str, ...], bytes]] = {}
    for (first, *rest), data in files.items():
        below.setdefault(first, {})[tuple(rest)] = data
    links = [
        _file(blocks, each, found[()]) if () in found else _folder(blocks, each, found) for each, found in below.items()
    ]
    return tree.put_folder(name, links, blocks.__setitem__)


def _notes(blocks: dict[CID, bytes], path: tuple[str, ...], note: bytes) -> Link:
    """The folders down to a note, each as full as it can be."""
    *folders, last = path
    link = _file(blocks, last, note)
    for name in (*reversed(folders), tree.NOTE):
        full = [
            link._replace(name=f"{number:02}{'.txt' if link.name.endswith('.txt') else ''}") for number in range(100)
        ]
        link = tree.put_folder(name, full, blocks.__setitem__)
    return link
