"""Delegated routing, as far as names need it: where an IPNS record is handed in and asked for over HTTP.

    PUT /routing/v1/ipns/<k51…>                     a record                200, or it was not taken
    GET /routing/v1/ipns/<k51…>                     its newest record       200 with the media type of records
    GET /ipns/<k51…>?format=ipns-record             the same of a gateway, which has no routing endpoint

An `Endpoint` is asked the first way and, where it does not know that, the second: people have addresses, and Kubo's
gateway is both. What comes back is bytes of at most 10 KiB that nobody has looked at yet.

Specification: specs.ipfs.tech/routing/http-routing-v1 and http-gateways/trustless-gateway. Out of scope here: who
provides a block.
"""

from typing import Self
from urllib.parse import urlsplit

from mirror.errors import Missing
from mirror.formats.cid import CID
from mirror.formats.ipns import MEDIA_TYPE, RECORD_AT_MOST
from mirror.network.http import Answer, Route

_UNKNOWN = (400, 404, 405, 406, 410, 415, 501)
"""The statuses of who knows no such record, or no such question."""


class Endpoint:
    """Somebody who keeps names and is asked over HTTP. A context manager that closes its connections."""

    kind = "routing"

    def __init__(self, address: str, route: Route) -> None:
        """Raises Malformed for an address that is none."""
        self._peer = route.open("", address.removesuffix("/").removesuffix("/routing/v1"))
        self.name = urlsplit(self._peer.address).hostname or ""
        self.who = self._peer.who

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.close()

    def put_name(self, record: bytes, key: CID) -> None:
        """Hand in a record for the name that `key` is. Raises Unavailable where it was not taken."""
        headers = {"Content-Type": MEDIA_TYPE}
        self._peer.put(f"/routing/v1/ipns/{key}", record, at_most=RECORD_AT_MOST, headers=headers).need(200)

    def get_name(self, key: CID) -> bytes:
        """The record that it has of a name, as it came. Raises Missing where it has none."""
        headers = {"Accept": MEDIA_TYPE}
        found = self._record_in(self._peer.get(f"/routing/v1/ipns/{key}", at_most=RECORD_AT_MOST, headers=headers))
        if found is None:
            query = [("format", "ipns-record")]
            answer = self._peer.get(f"/ipns/{key}", at_most=RECORD_AT_MOST, query=query, headers=headers)
            found = self._record_in(answer)
        if found is None:
            raise Missing(f"{self.who} has no record of the name {key}")
        return found

    def _record_in(self, answer: Answer) -> bytes | None:
        if answer.status in _UNKNOWN or (answer.status == 500 and b"not found" in answer.body):  # so Kubo says it
            return None
        given = answer.need(200).headers.get("content-type", "").partition(";")[0].strip().lower()
        return answer.body if given == MEDIA_TYPE else None
