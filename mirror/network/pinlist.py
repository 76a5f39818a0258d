"""What a pinning service says of its pins.

    {"count": 1, "results": [
        {"requestid": "UUID", "status": "pinned", "created": "2026-11-22T03:40:02Z",
         "pin": {"cid": "bafy…", "name": "voices.example/archive"},
         "delegates": ["/ip4/203.0.113.1/tcp/4001/p2p/12D3…"], "info": {"status_details": "Queue position: 7 of 9"}}]}

    status = queued | pinning | pinned | failed

Other members are not read. `count` counts all that a filter finds, `results` may be fewer. Source: the IPFS Pinning
Services API, 1.0.0, PinResults and PinStatus.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as escape

from mirror.errors import Malformed
from mirror.formats.cid import CID
from mirror.network.answers import quote, take, take_cid
from mirror.network.held import Held, State

REQUEST_AT_MOST = 512
"""Letters in a `requestid`: UUIDs and hashes are usual."""

CREATED_AT_MOST = 64
"""Letters in a time: RFC 3339 down to the nanosecond takes 35."""

DELEGATES_AT_MOST = 1000
"""Addresses that come with a pin. The API allows 20; a cluster names every address of every node."""

STATES: dict[str, State] = {"queued": "pinning", "pinning": "pinning", "pinned": "pinned", "failed": "failed"}
"""The API's words, and ours for them."""

_FURTHEST_FIRST: tuple[State, ...] = ("pinned", "pinning", "failed")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Request:
    """One pin: `root` is None for a CID that no edition has, `words` say how it stands, in one line."""

    id: str
    state: State
    created: str
    root: CID | None
    name: str
    delegates: tuple[str, ...] = ()
    words: str = ""

    @property
    def path(self) -> str:
        """Where the API has it. The ID is the service's to choose, so no letter of it is left to mean anything."""
        return f"/pins/{escape(self.id, safe='')}"


def read_page(said: dict[str, Any]) -> tuple[int, list[Request]]:
    """How many pins a filter found, and those that are shown. Raises Malformed."""
    results = take(said, "results", list)
    if not all(isinstance(result, dict) for result in results):
        raise Malformed("answer lists something that is no pin")
    return take(said, "count", int), [read_request(result) for result in results]


def read_request(said: dict[str, Any]) -> Request:
    """One pin. Raises Malformed."""
    pin = take(said, "pin", dict)
    status = take(said, "status", str)
    if status not in STATES:
        raise Malformed(f"answer has a pin whose status is {quote(status)!r}")
    details = take(take(said, "info", dict, {}), "status_details", str, "")
    return Request(
        _read_id(said),
        STATES[status],
        _read_created(said),
        _read_root(pin),
        take(pin, "name", str, ""),
        _read_delegates(said),
        quote(details) or ("queued" if status == "queued" else ""),
    )


def _read_id(said: dict[str, Any]) -> str:
    found = take(said, "requestid", str)
    if len(found) > REQUEST_AT_MOST or found in (".", "..") or not _PRINTABLE.fullmatch(found):
        raise Malformed(f"answer has a requestid that cannot be asked for: {quote(found)!r}")
    return found


def _read_created(said: dict[str, Any]) -> str:
    created = take(said, "created", str)
    if len(created) > CREATED_AT_MOST:
        raise Malformed(f"answer has a time of {len(created)} letters")
    return created


def _read_root(pin: dict[str, Any]) -> CID | None:
    take(pin, "cid", str)
    try:
        return take_cid(pin, "cid")
    except Malformed:  # of a hash function or in a spelling that is not ours: somebody else's pin
        return None


def _read_delegates(said: dict[str, Any]) -> tuple[str, ...]:
    delegates = take(said, "delegates", list, [])
    if len(delegates) > DELEGATES_AT_MOST or not all(isinstance(address, str) for address in delegates):
        raise Malformed(f"answer has delegates that are not up to {DELEGATES_AT_MOST} addresses")
    return tuple(quote(address) for address in delegates)


def merge(requests: Iterable[Request]) -> list[Held]:
    """One pin for each root: the furthest of those that the service has."""
    best: dict[CID, Request] = {}
    for request in requests:
        if request.root is not None:
            known = best.get(request.root, request)
            best[request.root] = min(known, request, key=lambda one: _FURTHEST_FIRST.index(one.state))
    return [_hold(root, request) for root, request in best.items()]


def _hold(root: CID, request: Request) -> Held:
    return Held(root, request.state, 1 if request.state == "pinned" else 0, words=request.words)
