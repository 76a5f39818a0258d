"""What a cluster says of its pins: what its peers agreed on, and how each of them stands.

    {"cid": "bafy…", "name": "voices.example/archive", "replication_factor_min": 2, "replication_factor_max": 3, …}
    {"cid": "bafy…", "peer_map": {"12D3…": {"peername": "c0", "status": "pinned", "error": ""}, …}, …}
    {"name": "edition.car", "cid": "bafy…", "bytes": 12345, …}

Only these members are read. A factor of -1 means every peer. The states of one peer, in the cluster's words:

    pinned                                                                          it holds the pin
    pinning, pin_queued, unexpectedly_unpinned, cluster_error, un…                  not yet, or it does not answer now
    pin_error, and whatever we do not know                                          it gave up
    remote                                                                          others are to hold it

A peer that did not answer its cluster (`cluster_error`) catches up when it comes back, so it has not failed. One that
has not heard of a pin yet calls it `unpinned`. Source: `api/types.go` of ipfs-cluster 1.1.6.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mirror.errors import Malformed
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.network.answers import quote, take, take_cid
from mirror.network.held import Held, State

LINE_AT_MOST = 1024 * 1024
"""Bytes of one pin in a listing: its name, the metadata that others gave it, and every peer that holds it."""

LISTING_AT_MOST = 1024 * 1024 * 1024
"""Bytes of a listing of all pins: those of other people are in it, about 600 bytes for each of them."""

PEERS_AT_MOST = 1000
"""Machines in a cluster: upstream calls a few hundred large."""

LEAVING = ("unpinning", "unpin_queued", "unpin_error")
"""States of a peer that still holds what was unpinned."""

_PEER = re.compile(r"[0-9A-Za-z]{1,128}")
_COMING = {"pinning", "pin_queued", "queued", "unexpectedly_unpinned", "cluster_error", "unpinned", *LEAVING}
_HERE = "pinned"
_ELSEWHERE = "remote"


@dataclass(frozen=True, slots=True)
class Pin:
    """What the peers agreed on: at least and at most so many `copies` of a root, and the IDs of who holds them.

    Where every peer shall have one, the numbers are -1 and nobody is named.
    """

    root: CID
    name: str
    copies: tuple[int, int]
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How one pin stands with one peer: its name and state, and the error it has, in one line each."""

    peer: str
    state: str
    error: str = ""


def read_pin(said: dict[str, Any], root: CID) -> Pin:
    """The pin of `root`. Raises Malformed, also where it is another's."""
    _check_root(said, root)
    least, most = (_take_factor(said, f"replication_factor_{end}") for end in ("min", "max"))
    return Pin(root, take(said, "name", str, ""), (least, most), read_holders(said))


def read_holders(said: dict[str, Any]) -> tuple[str, ...]:
    """The IDs of the peers that something was given to. Raises Malformed for what is no list of IDs."""
    holders = take(said, "allocations", list, [])
    if not all(isinstance(peer, str) and _PEER.fullmatch(peer) for peer in holders):
        raise Malformed("answer gives a pin to peers whose IDs are none")
    return tuple(holders)


def read_standings(said: dict[str, Any], root: CID) -> list[Standing]:
    """How `root` stands with each peer. Raises Malformed, also where it is another pin's."""
    _check_root(said, root)
    peers = take(said, "peer_map", dict)
    if len(peers) > PEERS_AT_MOST:
        raise Malformed(f"answer has {len(peers)} peers, more than {PEERS_AT_MOST}")
    return [_read_standing(peer, standing) for peer, standing in peers.items()]


def _read_standing(peer: str, said: Any) -> Standing:
    if not isinstance(said, dict):
        raise Malformed(f"answer has a peer {quote(peer)} without a state")
    name = take(said, "peername", str, "") or peer
    return Standing(quote(name), quote(take(said, "status", str)), quote(take(said, "error", str, "")))


@dataclass(frozen=True, slots=True)
class Added:
    """A CAR that was added: its root, the bytes of its blocks, and the IDs of the peers that were given them."""

    root: CID
    data: int
    holders: tuple[str, ...]


def read_added(body: bytes) -> Added:
    """What came of adding one CAR. Raises Malformed."""
    said = wire.decode_json(body, "answer")
    if not isinstance(said, list) or len(said) != 1 or not isinstance(said[0], dict):
        raise Malformed("answer does not tell of one CAR")
    return Added(take_cid(said[0], "cid"), take(said[0], "bytes", int, 0), read_holders(said[0]))


def root_listed(said: dict[str, Any]) -> CID | None:
    """The root of a pin in a listing; None for a CID that no edition can have. Raises Malformed for what is no pin."""
    take(said, "cid", str)
    try:
        return take_cid(said, "cid")
    except Malformed:  # a hash function or a spelling that is not ours: somebody else's pin
        return None


def judge(root: CID, standings: Sequence[Standing], needed: int) -> Held:
    """The pin as the peers hold it, which `needed` of them have to; 0 for all that are to hold it."""
    due = [standing for standing in standings if standing.state != _ELSEWHERE]
    copies = sum(standing.state == _HERE for standing in due)
    words = "; ".join(_in_words(standing) for standing in due if standing.state != _HERE)
    peers = tuple((standing.peer, standing.state) for standing in due)
    return Held(root, _state(due, copies, needed or len(due)), copies, len(due), quote(words), peers)


def _state(due: Sequence[Standing], copies: int, needed: int) -> State:
    if copies and copies >= needed:
        return "pinned"
    return "pinning" if any(standing.state in _COMING for standing in due) else "failed"


def _in_words(standing: Standing) -> str:
    return ": ".join(filter(None, (standing.peer, standing.state, standing.error)))


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a listing that comes piece by piece. Raises Malformed for one too long, and for a cut end."""
    waiting, seen = b"", 0
    for piece in pieces:
        seen += len(piece)
        if seen > LISTING_AT_MOST:
            raise Malformed(f"its listing has more than {LISTING_AT_MOST} bytes")
        *whole, waiting = (waiting + piece).split(b"\n")
        yield from whole
        if len(waiting) > LINE_AT_MOST:
            raise Malformed(f"its listing has a line of more than {LINE_AT_MOST} bytes")
    if waiting:
        raise Malformed(f"its listing is cut off: {quote(waiting)}")


def _check_root(said: dict[str, Any], root: CID) -> None:
    if (found := take_cid(said, "cid")) != root:
        raise Malformed(f"it tells of {found}, where {root} was asked for")


def _take_factor(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if type(value) is not int or not -1 <= value <= PEERS_AT_MOST:
        raise Malformed(f"answer has no number of copies {name!r}")
    return value
