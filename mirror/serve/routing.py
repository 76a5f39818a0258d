"""Delegated routing for what is held here: "who has this block?" is answered with ourselves, or with nobody.

    GET /routing/v1/providers/<cid>       {"Providers": [{"Schema": "peer", "ID": "Qm…", "Addrs": [...], …}]}
    GET /routing/v1/peers/<peer ID>       {"Peers": [...]}
    GET /routing/v1/ipns/<k51…>           the record of a name

So a stock Kubo that is told to ask us (`IPFS_HTTP_ROUTERS`) finds our gateway and takes every block from it, with
nothing uploaded. The address in the answer is the one at which we were just asked: `/ip4/127.0.0.1/tcp/8080/http`. Kubo
takes plain HTTP only from this machine and from private networks. The peer ID is no key's: it is the hash of that
address, since the schema wants one, and stays the same for it.

Lists come as JSON, or one record a line where ``application/x-ndjson`` is asked for; nothing to list is an empty list.
Nothing can be put here: 501.

Specification: specs.ipfs.tech/routing/http-routing-v1 (2025-12-17), IPIP-484 (filters), IPIP-513.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Any

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.cid import CID, LIBP2P_KEY
from mirror.serve.answers import Answer, Asked, parse_accept, say
from mirror.serve.shelf import Shelf
from mirror.serve.trustless import NOT_HERE, RECORD_TYPE, record_answer

PROTOCOL = "transport-ipfs-gateway-http"

FOUND = "public, max-age=300"
"""How long an answer of routing may be kept: five minutes, since what is held changes with each edition."""

PREFIX = "/routing/v1/"

_LINES = "application/x-ndjson"


def answer_routing(shelf: Shelf, asked: Asked) -> Answer:
    """Answer whatever is asked below /routing/v1/."""
    kind, _, rest = asked.path.removeprefix(PREFIX).partition("/")
    if asked.method not in ("GET", "HEAD") or kind not in ("providers", "peers", "ipns") or "/" in rest or not rest:
        return say(501, "only providers, peers and ipns can be asked for here, and nothing can be put")
    if kind == "ipns":
        return _answer_name(shelf, asked, _parse_name(rest))
    if kind == "peers":
        return _list(asked, "Peers", _same_peer(rest, asked))
    return _list(asked, "Providers", shelf.holds_digest(cids.parse(rest)))


def _parse_name(text: str) -> CID:
    name = cids.parse(text)
    if name.codec != LIBP2P_KEY:
        raise Malformed(f"{text} is not an IPNS name")
    return name


def _answer_name(shelf: Shelf, asked: Asked, name: CID) -> Answer:
    accepted = [each.media for each in parse_accept(asked.header("accept"))]
    if accepted and not {RECORD_TYPE, "application/*", "*/*"}.intersection(accepted):
        return say(406, f"a name is answered as a record: Accept: {RECORD_TYPE}")
    named = shelf.record(name)
    if named is None:
        return say(404, f"no record of {name} is here, or it has ended", Cache_Control=NOT_HERE)
    return record_answer(asked, named.data, shelf.seconds_left(named) or 60, f"/ipns/{name}", str(name))


def _same_peer(text: str, asked: Asked) -> bool:
    """Whether a peer ID, as a CID or in base58, is ours."""
    if len(text) > cids.TEXT_AT_MOST:
        raise Malformed(f"a peer ID of {len(text)} letters, more than {cids.TEXT_AT_MOST}")
    ours = peer_id(address(asked))
    digest = wire.decode_base58(ours)
    return text in (ours, str(CID(bytes([1, LIBP2P_KEY]) + digest)))


def _list(asked: Asked, name: str, held: bool) -> Answer:
    records = [record] if held and (record := _filter(peer(asked), asked.query)) is not None else []
    headers = {"Cache-Control": FOUND if records else NOT_HERE, "Vary": "Accept"}
    if any(each.media == _LINES for each in parse_accept(asked.header("accept"))):
        lines = b"".join(map(wire.encode_json, records))
        return Answer(200, headers | {"Content-Type": _LINES}, lines)
    return Answer(200, headers | {"Content-Type": "application/json"}, wire.encode_json({name: records}))


def peer(asked: Asked) -> dict[str, Any]:
    """Ourselves, as a peer that speaks HTTP."""
    here = address(asked)
    return {"Schema": "peer", "ID": peer_id(here), "Addrs": [here], "Protocols": [PROTOCOL]}


def address(asked: Asked) -> str:
    """The multiaddr at which we were asked. Raises Malformed where that is no address of the Internet's."""
    try:
        version = ipaddress.ip_address(asked.host).version
    except ValueError:
        raise Malformed(f"{asked.host} is no address that others could be sent to") from None
    return f"/ip{version}/{asked.host}/tcp/{asked.port}/http"


def peer_id(here: str) -> str:
    """A peer ID for an address: base58 of a multihash, as the IDs of old keys are."""
    return wire.encode_base58(b"\x12\x20" + hashlib.sha256(b"testimony mirror at " + here.encode()).digest())


def _filter(record: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any] | None:
    """The record, unless the client filters it out: by protocols, or by what its address is made of."""
    protocols = query.get("filter-protocols", "").lower().split(",")
    if protocols != [""] and PROTOCOL not in protocols:
        return None
    addresses = query.get("filter-addrs", "").lower().split(",")
    if addresses == [""]:
        return record
    parts = record["Addrs"][0].split("/")
    refused = [each[1:] for each in addresses if each.startswith("!")]
    asked_for = [each for each in addresses if not each.startswith("!")]
    if any(each in parts for each in refused) or (asked_for and not any(each in parts for each in asked_for)):
        return None
    return record
