"""IPFS Cluster: several machines, each with an IPFS node, that hold the same pins. Its REST API, at port 9094.

    GET    /version                             {"version": "1.1.6"}
    POST   /add?format=car&no-pin=true&…        one edition's CAR, as multipart/form-data; pins nothing
    POST   /pins/<root>?name=<mirror>&…         &pin-update=<old>: as the old pin, whose options it takes
    GET    /allocations?filter=pin              every pin that the peers agreed on, one line of JSON each
    GET    /allocations/<root>                  one of them, or 404
    GET    /pins/<root>                         how it stands with each peer
    GET    /pins?filter=unpinning,…             what peers have not let go of yet
    DELETE /pins/<root>

An edition's CAR is a part of a tree: pinned as it is added, its root would be waited for although blocks of it came
with an earlier edition. So the CARs go in without pins, and then the newest root is pinned, once. The pin of the
edition before stays until `unpin`, which whoever asks calls when the new one is held: readers miss nothing meanwhile.

Blocks go at once to all peers that are to hold them, the holders of the edition before where not all peers are: a pin
that is moved fetches what it lacks one block after another (2,000 blocks took 167 seconds on one machine, against one
second). A peer that is down misses them and fetches them when it is back. Adding is believed only if the answer names
our root and as many bytes as the blocks have.

Agreeing on a pin is not holding it. A pin counts as held when as many peers as it needs say `pinned`: what `copies`
asks for, else what the cluster was set up with, else all; one that has been away for a while is no longer counted among
all. A peer's word rests on what its own node says. That is as far as this API lets anybody see: it gives no blocks that
could be rehashed. It is the same with removing: the agreement ends at once, and `leaving` says which peers are still at
it.

Read in the source of version 1.1.6 (github.com/ipfs-cluster/ipfs-cluster), and tried on it. Before 1.0 `no-pin` is not
known, and passed over without a word.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Self

from mirror.errors import Malformed, Unavailable
from mirror.formats.cid import CID
from mirror.network.answers import quote, read_json, take
from mirror.network.asking import ANSWER_AT_MOST, garbled, granted, understood
from mirror.network.held import Authorization, Held
from mirror.network.http import Answer, Query, Route
from mirror.network.pinset import LEAVING, Pin, judge, lines, read_added, read_pin, read_standings, root_listed
from mirror.network.upload import Progress, Upload

WAIT = 600.0
"""Seconds of silence that we bear: the answer to a CAR comes when the peer's node has stored its last block."""

LISTING_WITHIN = 1800.0
"""Seconds for a listing of all pins: upstream reports minutes for clusters with millions of them."""

HELD_AT_MOST = 1000
"""Pins under one mirror's name. One or two are usual; each takes two questions."""

_VERSION = re.compile(r"1\.[0-9]{1,4}\.[0-9]{1,4}(?:[-+][0-9A-Za-z.+-]{1,80})?")


class Cluster:
    """A cluster, through one of its peers. A context manager that closes its connections.

    `copies` are the least and the most peers that shall hold a pin; None leaves it to the cluster's own setting. Which
    peers hold the edition that was last looked at or sent is remembered, so that the next one goes there too.

    Every method raises `Unavailable` for a peer that does not answer, does not answer what was asked, or refuses.
    """

    kind = "cluster"
    takes_blocks = True

    def __init__(
        self,
        name: str,
        address: str,
        authorization: Authorization | None = None,
        route: Route | None = None,
        *,
        copies: tuple[int, int] | None = None,
    ) -> None:
        self.name = name
        self._copies = copies
        self._holders: tuple[str, ...] = ()
        self._peer = (route or Route()).open(name, address, authorization=authorization, read=WAIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._peer.close()

    def probe(self) -> str:
        """What answers there, such as `ipfs cluster 1.1.6`; a version that we do not know is refused here."""
        version = understood(self._ask("GET", "/version", 200), lambda body: take(read_json(body), "version", str))
        if not _VERSION.fullmatch(version):
            told = f"{self._peer.who} runs IPFS Cluster {quote(version)}; we know those from 1.0 to before 2"
            raise Unavailable(told, how="version")
        return f"ipfs cluster {version}"

    def held(self, mirror: str) -> list[Held]:
        """The pins under a mirror's name, as the peers hold them."""
        listing = self._listing("/allocations", ("filter", "pin"))
        roots = [root for root, line in listing if root is not None and line.get("name") == mirror]
        if len(roots) > HELD_AT_MOST:
            raise Unavailable(f"{self._peer.who} has {len(roots)} pins named {mirror}, more than {HELD_AT_MOST}")
        found = [self.state(root) for root in roots]
        return [held for held in found if held is not None]

    def state(self, root: CID) -> Held | None:
        """How a pin stands with the peers that shall hold it; None where the cluster has no such pin."""
        if (pin := self._agreement(root)) is None:
            return None
        self._holders = pin.holders
        reported = self._ask("GET", f"/pins/{root}", 200)
        standings = understood(reported, lambda body: read_standings(read_json(body), root))
        least, _ = self._copies or pin.copies
        return judge(root, standings, max(least, 0))

    def send(self, car: BinaryIO, size: int, progress: Progress) -> int:
        """Add the blocks of one edition's CAR of `size` bytes; how many they were. Pins nothing.

        Raises `Malformed` for a file that is no CAR as our editions are.
        """
        upload = Upload.of(car, size)
        query = [("format", "car"), ("no-pin", "true"), ("stream-channels", "false")]
        answer = self._peer.ask(
            "POST",
            "/add",
            body=upload.pieces(car, progress),
            query=[*query, *self._sharing()],
            headers=upload.headers,
            at_most=ANSWER_AT_MOST,
            within=upload.within(WAIT),
        )
        added = understood(granted(answer, 200), read_added)
        if (added.root, added.data) != (upload.root, upload.data):
            told = f"says that it added {added.data} bytes under {added.root}, not {upload.data} under {upload.root}"
            raise Unavailable(f"{self._peer.who} {told}", how="not what was asked")
        self._holders = added.holders
        return upload.blocks

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None = None, origins: Sequence[str] = ()) -> None:
        """Agree to hold a root under a mirror's name. Peers begin when this returns; `state` says how far they are.

        With `instead_of`, those that hold that root walk only what differs from it; its pin stays. `origins` are
        addresses of nodes that have the blocks.
        """
        if instead_of in (None, root) or self._agreement(root) or not self._moved(root, mirror, instead_of):
            extra = [("origins", ",".join(origins))] if origins else []
            query = [("name", mirror), *self._sharing(), *extra]
            self._agreed(self._ask("POST", f"/pins/{root}", 200, query=query), root, mirror)

    def _moved(self, root: CID, mirror: str, old: CID | None) -> bool:
        """Whether the pin of `old` served for `root` too: it is there, and asks for as many copies as we do."""
        query = [("name", mirror), ("pin-update", str(old))]
        answer = self._ask("POST", f"/pins/{root}", 200, 404, query=query)
        return answer.status == 200 and self._copies in (None, self._agreed(answer, root, mirror).copies)

    def _agreed(self, answer: Answer, root: CID, mirror: str) -> Pin:
        pin = self._read_pin(answer, root)
        if pin.name != mirror:
            told = f"says that it pinned {root} as {quote(pin.name)!r}, not as {mirror}"
            raise Unavailable(f"{self._peer.who} {told}", how="not what was asked")
        return pin

    def unpin(self, root: CID) -> None:
        """End the agreement to hold a root, if there is one. Peers let go of it afterwards: see `leaving`."""
        answer = self._ask("DELETE", f"/pins/{root}", 200, 404)
        if answer.status == 200:
            self._read_pin(answer, root)

    def leaving(self, root: CID) -> tuple[tuple[str, str], ...]:
        """Peers that still hold a root which was unpinned: each one's name, and its state in the cluster's word."""
        listing = self._listing("/pins", ("filter", ",".join(LEAVING)))
        found = [line for listed, line in listing if listed == root]
        try:
            standings = [standing for line in found for standing in read_standings(line, root)]
        except Malformed as error:
            raise garbled(self._peer.who, error) from None
        return tuple((standing.peer, standing.state) for standing in standings if standing.state in LEAVING)

    def _agreement(self, root: CID) -> Pin | None:
        answer = self._ask("GET", f"/allocations/{root}", 200, 404)
        return self._read_pin(answer, root) if answer.status == 200 else None

    def _sharing(self) -> list[tuple[str, str]]:
        """How many peers shall hold what is sent or pinned, and which of them rather than others."""
        sharing = []
        if self._copies is not None:
            sharing = [("replication-min", str(self._copies[0])), ("replication-max", str(self._copies[1]))]
        if self._holders:
            sharing.append(("user-allocations", ",".join(self._holders)))
        return sharing

    def _ask(self, method: str, path: str, *statuses: int, query: Query = ()) -> Answer:
        return granted(self._peer.ask(method, path, at_most=ANSWER_AT_MOST, query=query), *statuses)

    def _read_pin(self, answer: Answer, root: CID) -> Pin:
        return understood(answer, lambda body: read_pin(read_json(body), root))

    def _listing(self, path: str, *query: tuple[str, str]) -> Iterator[tuple[CID | None, dict[str, Any]]]:
        """The pins of a listing, a line each, with their roots. What fails on the way there is told too late to see."""
        with self._peer.stream("GET", path, query=query, within=LISTING_WITHIN) as flow:
            if flow.status != 200:
                granted(Answer(flow.who, flow.status, flow.headers, next(flow.pieces, b"")), 204)
                return
            try:
                for line in lines(flow.pieces):
                    yield root_listed(said := read_json(line)), said
            except Malformed as error:
                raise garbled(flow.who, error) from None
