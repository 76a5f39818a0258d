"""The trustless gateway: what every client can verify for itself, a block or a CAR or the record of a name.

    GET /ipfs/<cid>?format=raw                          one block
    GET /ipfs/<cid>[/path]?format=car                   blocks: those on the path, and those behind it
        &dag-scope=block|entity|all   &entity-bytes=from:to   &car-version=1   &car-order=dfs|unk   &car-dups=y|n
    GET /ipns/<k51…>?format=ipns-record                 the record

or, in place of ``format``, ``Accept: application/vnd.ipld.raw`` and so on; ``format`` wins, and so do the ``car-…``
parameters. `GET /ipfs/bafkqaaa` is how others ask whether this is a gateway.

Of a CAR the path is followed before anything is sent, so that a name that is absent is a 404; a block further down that
is missing ends the connection. Blocks stand in depth-first order, by default each once; a CAR's ETag names all that
shaped it. A range outside a file is refused, one that ends outside is cut, one of no bytes is as ``dag-scope=block``.

Specification: specs.ipfs.tech/http-gateways/trustless-gateway (2026-03-05), IPIP-402, 412, 523. Out of scope: other
forms than these three, which are refused with 406; HTTP/2, which a proxy before us speaks.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from mirror.errors import Malformed, Refused
from mirror.formats import cbor, wire
from mirror.formats import cid as cids
from mirror.formats.cid import CID, LIBP2P_KEY
from mirror.formats.unixfs import Get
from mirror.serve import dag
from mirror.serve.answers import (
    FOREVER,
    Answer,
    Asked,
    disposition,
    in_part,
    is_known,
    not_modified,
    parse_accept,
    saved_as,
    say,
)
from mirror.serve.dag import Way
from mirror.serve.shelf import Met, Shelf

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
RECORD_TYPE = "application/vnd.ipfs.ipns-record"

_FORMATS = {"raw": RAW_TYPE, "car": CAR_TYPE, "ipns-record": RECORD_TYPE}
_SCOPES = ("block", "entity", "all")
_ORDERS = ("dfs", "unk")
_VERSION = "1"

NOT_HERE = "public, max-age=60"
"""How long it may be believed that a name has no record: the routing specification's minute."""


@dataclass(frozen=True, slots=True)
class Place:
    """What stands behind /ipfs/ or /ipns/: a CID, and the names of a path; `folder` where it ends in a slash."""

    space: str
    root: CID
    names: tuple[str, ...]
    folder: bool

    @property
    def path(self) -> str:
        """The same as a header or a link holds it."""
        return quote("/".join((f"/{self.space}", str(self.root), *self.names)))


def parse_place(path: str) -> Place:
    """The place that a path names. Raises Malformed."""
    _, space, *names = path.split("/")
    root, *names = names or [""]
    folder = bool(names) and not names[-1]
    if folder:
        names.pop()
    if not {"", ".", ".."}.isdisjoint(names) or len(names) > dag.NAMES_AT_MOST:
        raise Malformed(f"a path with an empty name, '.' or '..', or of more than {dag.NAMES_AT_MOST} names")
    found = cids.parse(root)
    if (found.codec == LIBP2P_KEY) != (space == "ipns"):
        raise Malformed(f"{root} is not what stands behind /{space}/")
    return Place(space, found, tuple(names), folder)


def wanted(asked: Asked) -> tuple[str | None, dict[str, str]]:
    """The media type that a client wants of ours, and the parameters it gave for it; None where it wants a page.

    Raises Refused for forms that are not given out here.
    """
    accepted = parse_accept(asked.header("accept"))
    form = asked.query.get("format")
    if form is not None:
        if form not in _FORMATS:
            raise Refused(f"no such format here: {form[:40]!a}", hint="raw, car, ipns-record")
        media = _FORMATS[form]
        return media, next((each.parameters for each in accepted if each.media == media), {})
    for each in accepted:
        if each.media in _FORMATS.values():
            return each.media, each.parameters
    if accepted and all(each.media.startswith("application/vnd.ip") for each in accepted):
        raise Refused(f"none of these forms is given out here: {asked.header('accept')[:80]!a}")
    return None, {}


def answer_raw(shelf: Shelf, asked: Asked, place: Place) -> Answer:
    """One block."""
    if place.names or place.folder:
        return say(400, "a raw block is asked for by its CID alone, without a path")
    if only_cached(asked) and place.root not in shelf:
        return say(412, f"block {place.root} is not here")
    length = len(shelf.get(place.root))
    headers = {
        "Content-Type": RAW_TYPE,
        "Content-Disposition": disposition(saved_as(asked, f"{place.root}.bin")),
        "Etag": f'"{place.root}.raw"',
        "Cache-Control": FOREVER,
        "X-Ipfs-Path": place.path,
        "X-Ipfs-Roots": str(place.root),
    }
    return in_part(headers, asked, length, lambda first, last: shelf.slices(place.root, first, last + 1))


def only_cached(asked: Asked) -> bool:
    """Whether the client wants nothing that would have to be fetched first. Here nothing ever is."""
    return "only-if-cached" in [each.strip() for each in asked.header("cache-control").lower().split(",")]


@dataclass(frozen=True, slots=True)
class CarShape:
    """Which blocks a CAR shall hold; `span` is (from, to) as it was asked, `to` None for the end of the file."""

    scope: str
    span: tuple[int, int | None] | None
    dups: bool

    @property
    def media(self) -> str:
        """The content type that says so."""
        return f"{CAR_TYPE}; version={_VERSION}; order=dfs; dups={'y' if self.dups else 'n'}"


_SPAN = re.compile(r"(-?)([0-9]{1,18}):(?:(-?)([0-9]{1,18})|\*)")


def parse_shape(asked: Asked, parameters: dict[str, str]) -> CarShape:
    """What a client wants in its CAR. Raises Malformed; Refused for a version that is not written here."""
    version = asked.query.get("car-version", parameters.get("version", _VERSION))
    if version != _VERSION:
        raise Refused(f"a CAR of version {version[:20]!a} is not given out here", hint="version 1")
    order = asked.query.get("car-order", parameters.get("order", "dfs"))
    dups = asked.query.get("car-dups", parameters.get("dups", "n"))
    scope = asked.query.get("dag-scope", "all")
    span = asked.query.get("entity-bytes")
    for name, value, known in (("order", order, _ORDERS), ("dups", dups, "yn"), ("dag-scope", scope, _SCOPES)):
        if value not in tuple(known):
            raise Malformed(f"{name} is {value[:20]!a}, which is none of: {', '.join(known)}")
    return CarShape(scope if span is None else "entity", None if span is None else _parse_span(span), dups == "y")


def _parse_span(text: str) -> tuple[int, int | None]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Malformed(f"entity-bytes is {text[:40]!a}, not two offsets such as 0:1023, 512:* or -5:*")
    return _signed(found[1], found[2]), None if found[4] is None else _signed(found[3], found[4])


def _signed(sign: str, digits: str) -> int:
    number = wire.decode_decimal(digits.lstrip("0") or "0")
    return -number if sign else number


def answer_car(shelf: Shelf, asked: Asked, place: Place, parameters: dict[str, str]) -> Answer:
    """Many blocks."""
    shape = parse_shape(asked, parameters)
    if only_cached(asked) and place.root not in shelf:
        return say(412, f"block {place.root} is not here")
    way = dag.resolve(place.root, place.names, shelf.get)
    span = _span_in(way, shape, shelf.get)
    if span is not None and span[2] and not 0 <= span[0] < span[2]:
        return say(400, f"entity-bytes begins outside the file, which has {span[2]} bytes")
    headers = {
        "Content-Type": shape.media,
        "Content-Disposition": disposition(saved_as(asked, f"{place.root}.car")),
        "Etag": _etag(place, shape),
        "Cache-Control": FOREVER,
        "Accept-Ranges": "none",
        "X-Ipfs-Path": place.path,
    }
    if is_known(headers["Etag"], asked):
        return not_modified(headers)
    return Answer(200, headers, write_car(shelf, place.root, _blocks(shelf, way, shape, span)))


def _etag(place: Place, shape: CarShape) -> str:
    shaped = hashlib.sha256(repr((place.path, shape)).encode()).hexdigest()[:16]
    return f'W/"{place.root}.car.{shape.scope}.{shaped}"'


def _span_in(way: Way, shape: CarShape, get: Get) -> tuple[int, int, int] | None:
    """First and last byte, and the file's length; None where no range was asked, or what the path ends at has none."""
    if shape.span is None or way.inside:
        return None
    length = dag.length_of(way.end, get)
    if length is None:
        return None
    first, last = shape.span[0], length - 1 if shape.span[1] is None else shape.span[1]
    if first < 0:
        first = max(0, length + first)
    return first, min(length - 1, length + last if last < 0 else last), length


def _blocks(shelf: Shelf, way: Way, shape: CarShape, span: tuple[int, int, int] | None) -> Iterator[CID]:
    """The blocks on the way and those behind it, as often as is wanted."""
    first = (lambda _: True) if shape.dups else Met(shelf).first
    for cid in way.blocks:
        if cid != way.end and first(cid):
            yield cid
    if shape.scope == "all":
        yield from dag.everything(way.end, shelf.get, first)
    else:
        yield from filter(first, _scope(way, shape, span, shelf.get))


def _scope(way: Way, shape: CarShape, span: tuple[int, int, int] | None, get: Get) -> Iterator[CID]:
    if shape.scope == "block" or (span is not None and span[0] > span[1]):
        return iter(() if dag.is_virtual(way.end) else (way.end,))
    if span is not None:
        return (part.cid for part in dag.stretch(way.end, get, span[0], span[1]) if not dag.is_virtual(part.cid))
    return dag.entity(way.end, get)


def write_car(shelf: Shelf, root: CID, blocks: Iterator[CID]) -> Iterator[bytes]:
    """A CAR of version 1 as a stream of pieces."""
    header = cbor.encode({"roots": [root], "version": 1})
    yield wire.encode_varint(len(header)) + header
    for cid in blocks:
        size = len(shelf.get(cid))
        yield wire.encode_varint(len(cid) + size) + cid
        yield from shelf.slices(cid, 0, size)


def answer_record(shelf: Shelf, asked: Asked, place: Place) -> Answer:
    """The record of a name."""
    if place.names or place.folder or place.space != "ipns":
        return say(400, "a record is asked for as /ipns/<name>, without a path")
    named = shelf.record(place.root)
    if named is None:
        return say(404, f"no record of {place.root} is here, or it has ended", Cache_Control=NOT_HERE)
    return record_answer(asked, named.data, shelf.seconds_left(named), place.path, str(place.root))


def record_answer(asked: Asked, data: bytes, seconds: int, path: str, name: str) -> Answer:
    """A record's bytes, with how long they may be kept."""
    headers = {
        "Content-Type": RECORD_TYPE,
        "Content-Disposition": disposition(saved_as(asked, f"{name}.ipns-record")),
        "Etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
        "Cache-Control": f"public, max-age={seconds}",
        "X-Ipfs-Path": path,
    }
    return in_part(headers, asked, len(data), lambda first, last: data[first : last + 1])
