"""The logs of the mirrors held here, over HTTP as C2SP's tlog-tiles lays them, each below a prefix of its own.

    GET /log/<k51…>/checkpoint
    GET /log/<k51…>/tile/0/x001/067
    GET /log/<k51…>/tile/entries/273.p/112
    GET /log/<k51…>/proof/<cid of a note>       the proof that it is listed (`mirror.serve.listed`)
    GET /log/<k51…>/taken-back                  tokens that authors gave this keeper (`mirror.store.taken_back`)

A tile or bundle of any smaller width than the one kept is cut from it, since it is a prefix; so a client whose
checkpoint is older finds the tiles of its size. What is wider than the log is not there.

Specification: c2sp.org/tlog-tiles. Out of scope: compression.
"""

import hashlib

from mirror.formats import cid as cids
from mirror.formats import tile
from mirror.formats.cid import CID
from mirror.formats.merkle import HASH_BYTES
from mirror.formats.tile import ENTRIES, Place
from mirror.serve.answers import FOREVER, TEXT, Answer, Asked, in_part, say
from mirror.serve.listed import prove
from mirror.serve.shelf import Mirror, Shelf

CHECKPOINT = "public, max-age=10"
"""How long a checkpoint may be kept: ten seconds, so that a monitor sees a new one soon."""

PREFIX = "/log/"

PROOF = "proof/"


def answer_log(shelf: Shelf, asked: Asked) -> Answer:
    """Answer whatever is asked below /log/."""
    name, _, rest = asked.path.removeprefix(PREFIX).partition("/")
    held = shelf.mirrors.get(cids.parse(name))
    if held is None:
        return say(404, f"the log of {name} is not here")
    if rest == "checkpoint":
        return _give(asked, TEXT, CHECKPOINT, str(held.edition.root), held.edition.signed_checkpoint)
    if rest == "taken-back":
        return _give(asked, TEXT, CHECKPOINT, hashlib.sha256(held.taken_back).hexdigest(), held.taken_back)
    if rest.startswith(PROOF):
        return _prove(asked, held, cids.parse(rest.removeprefix(PROOF)))
    place = tile.parse_path(rest)
    data = read_place(held, place)
    if data is None:
        return say(404, f"a log of {held.edition.size} entries has no {rest}")
    return _give(asked, "application/octet-stream", FOREVER, rest, data)


def _prove(asked: Asked, held: Mirror, note: CID) -> Answer:
    index = held.positions.index_of(note)
    if index is None:
        return say(404, f"{note} is not listed in edition {held.edition.number}")
    if not held.edition.holds(index):
        return say(410, f"#{index} was withdrawn")
    data = prove(held.edition, index)
    return _give(asked, TEXT, CHECKPOINT, f"{held.edition.root}.{index}", data)


def _give(asked: Asked, media: str, keep: str, version: str, data: bytes) -> Answer:
    headers = {"Content-Type": media, "Cache-Control": keep, "Etag": f'"{version}"'}
    return in_part(headers, asked, len(data), lambda first, last: data[first : last + 1])


def read_place(held: Mirror, place: Place) -> bytes | None:
    """The bytes at a place, cut to its width; None where the log does not reach so far."""
    edition = held.edition
    width = min(tile.WIDTH, (edition.size >> tile.HEIGHT * max(place.level, 0)) - place.n * tile.WIDTH)
    if width < place.width:
        return None
    kept = Place(place.level, place.n, width)
    data = edition.tree.read(tuple(kept.path.split("/")))
    if width == place.width:
        return data
    if place.level == ENTRIES:
        return tile.encode_bundle(tile.parse_bundle(data, width)[: place.width])
    return tile.parse_tile(data, width)[: place.width * HASH_BYTES]
