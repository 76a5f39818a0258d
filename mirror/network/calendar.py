"""A calendar of OpenTimestamps: it takes a digest, and later shows which block of Bitcoin commits to it.

    POST /digest              32 bytes        200 and a tree: ways to promises
    GET  /timestamp/<hex>                     200 and a tree: ways to blocks, or to more promises; 404: not yet

A calendar sees the digest and whence it comes; what was hashed with a nonce tells it nothing else. Its answer says
nothing of what it is over: operations lead from the message asked about to wherever they lead, and whether that is in a
block shows only when it is compared with that block. Nothing here is believed.

A promise names the address at which it is to be kept. It is followed only where its host is one that we would ask
anyway: whoever answers must not decide whom this machine connects to.

Reference: github.com/opentimestamps/opentimestamps-server, python-opentimestamps `calendar.py`.
"""

from typing import Self
from urllib.parse import urlsplit

from mirror.errors import Malformed, Missing
from mirror.formats import ots, wire
from mirror.formats.ots import Path
from mirror.network.answers import quote
from mirror.network.asking import understood
from mirror.network.http import Route, check_address

PUBLIC = (
    "https://a.pool.opentimestamps.org",
    "https://b.pool.opentimestamps.org",
    "https://a.pool.eternitywall.com",
    "https://ots.btc.catallaxy.com",
)
"""Calendars that anybody may use, and that stock clients use: two of the project that made the protocol, two others."""

BEHIND_PUBLIC = (".calendar.opentimestamps.org", ".calendar.eternitywall.com", ".calendar.catallaxy.com")
"""How the hosts end that the public ones promise in the name of, as stock clients list them."""

_MEDIA = "application/vnd.opentimestamps.v1"


class Calendar:
    """One calendar. A context manager that closes its connections; it may be shared between threads."""

    def __init__(self, address: str, route: Route) -> None:
        """Raises Malformed for an address that is none."""
        self._peer = route.open("calendar", address)
        self.address = self._peer.address
        self.who = self._peer.who

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.close()

    def stamp(self, message: bytes) -> tuple[Path, ...]:
        """Hand a message in; the ways that lead from it to promises. Raises Unavailable."""
        headers = {"Accept": _MEDIA, "Content-Type": "application/octet-stream"}
        answer = self._peer.post("/digest", message, at_most=ots.ANSWER_AT_MOST, headers=headers)
        return understood(answer.need(200), ots.parse_answer)

    def upgrade(self, message: bytes) -> tuple[Path, ...]:
        """The ways that lead on from a message it promised more for. Raises Missing where there are none yet."""
        path = f"/timestamp/{wire.encode_hex(message)}"
        answer = self._peer.get(path, at_most=ots.ANSWER_AT_MOST, headers={"Accept": _MEDIA})
        if answer.status == 404:
            raise Missing(f"{self.who} has nothing yet: {quote(answer.body) or 'it does not say why'}")
        return understood(answer.need(200), ots.parse_answer)


def may_follow(address: str, asked: tuple[str, ...]) -> bool:
    """Whether a promise in the name of `address` is followed: it is one of those asked, or behind a public one."""
    try:
        checked = check_address(address)
    except Malformed:
        return False
    if checked in {each.rstrip("/") for each in asked}:
        return True
    parts = urlsplit(checked)
    is_plain = parts.scheme == "https" and parts.port is None and parts.path == ""
    return is_plain and (parts.hostname or "").endswith(BEHIND_PUBLIC) and bool({*asked} & {*PUBLIC})
