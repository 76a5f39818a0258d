"""Pinning services: somebody else's machines, which fetch a mirror and hold it. The IPFS Pinning Services API, 1.0.0.

    GET    /pins?name=<mirror>&match=exact&status=queued,pinning,pinned,failed&limit=1000[&before=<time>]
    GET    /pins?cid=<root>&…
    POST   /pins                {"cid": …, "name": <mirror>, "origins": ["/ip4/…/p2p/…", …]}
    POST   /pins/<requestid>    the same, in the place of another pin
    DELETE /pins/<requestid>

Such a service takes no blocks: it fetches them, from `origins` and from whoever else has them, so something has to
serve them until it says `pinned`. That is its word alone. Some hold several pins of one root, each paid for; so what is
waiting or pinned already is not asked for again. What has failed is.

The pin of the edition before stays until `unpin`, which whoever asks calls when the new one is held. The API's own
replacing lets go of the old pin at once, whether or not the new one will ever be fetched; it is used only with a
service that has no room for both (HTTP 409).

A service that heeds no filter is not believed either: what was not asked for is passed over. Specification:
github.com/ipfs/pinning-services-api-spec. IPFS Cluster speaks it too, at port 9097; its `requestid` is the root, and
its `before` counts in what it is given.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Self

from mirror.errors import Refused, Unavailable
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.network.answers import read_json
from mirror.network.asking import ANSWER_AT_MOST, granted, understood
from mirror.network.held import Authorization, Held
from mirror.network.http import Answer, Route
from mirror.network.pinlist import STATES, Request, merge, read_page, read_request
from mirror.network.upload import Progress

PAGE = 1000
"""Pins asked for at a time: the most that the API allows."""

PAGES_AT_MOST = 20
"""Pages of one listing: 20,000 pins of one root or under one name are a service that repeats itself."""


class PinningService:
    """A pinning service. A context manager that closes its connections.

    `origins` are the addresses of nodes that have the mirror's blocks, given with each pin. Every method raises
    `Unavailable` for a service that does not answer, does not answer what was asked, or refuses.
    """

    kind = "pinning"
    takes_blocks = False

    def __init__(
        self,
        name: str,
        address: str,
        authorization: Authorization | None = None,
        route: Route | None = None,
        *,
        origins: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._origins = tuple(origins)
        self._peer = (route or Route()).open(name, address, authorization=authorization)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._peer.close()

    def probe(self) -> str:
        """What answers there: `pinning service`, if it lists pins to us. The API has no version to ask for."""
        self._page([("limit", "1")])
        return "pinning service"

    def held(self, mirror: str) -> list[Held]:
        """The pins under a mirror's name, one for each root."""
        asked = self._requests(("name", mirror), ("match", "exact"))
        return merge(request for request in asked if request.name == mirror)

    def state(self, root: CID) -> Held | None:
        """How the pin of a root stands; None where the service has none."""
        return next(iter(merge(self._of(root))), None)

    def send(self, car: BinaryIO, size: int, progress: Progress) -> int:
        """Always Refused: a service fetches for itself."""
        raise Refused(f"{self._peer.who} takes no blocks: it fetches them where they are served")

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None = None, origins: Sequence[str] = ()) -> None:
        """Ask to hold a root under a mirror's name, unless that is under way; `state` says how far it is.

        The pin of `instead_of` stays, unless the service has no room for both. `origins` come before our own.
        """
        here = self._of(root)
        if any(request.state != "failed" and request.name == mirror for request in here):
            return
        body = {"cid": str(root), "name": mirror, "origins": [*dict.fromkeys([*origins, *self._origins])]}
        answer = self._hand_in("/pins", body, 409)
        if answer.status == 409:
            answer = self._replace(answer, instead_of, mirror, body)
        asked = understood(answer, lambda body: read_request(read_json(body)))
        if asked.root != root:
            told = f"says that it pins {asked.root or 'another CID'}, where {root} was asked for"
            raise Unavailable(f"{self._peer.who} {told}", how="not what was asked")
        for request in here:
            if request.state == "failed" and request.name == mirror and request.id != asked.id:
                self._delete(request)

    def _replace(self, refusal: Answer, old: CID | None, mirror: str, body: dict[str, Any]) -> Answer:
        """The new pin in the old one's place; where there is no old one, the refusal."""
        for request in self._of(old) if old is not None and str(old) != body["cid"] else ():
            if request.name == mirror:
                return self._hand_in(request.path, body)
        return granted(refusal, 202)

    def _hand_in(self, path: str, body: dict[str, Any], *also: int) -> Answer:
        answer = self._peer.post(
            path, wire.encode_json(body), at_most=ANSWER_AT_MOST, headers={"Content-Type": "application/json"}
        )
        return granted(answer, 200, 201, 202, *also)

    def unpin(self, root: CID) -> None:
        """Take back every pin of a root, whatever its name; none is no error."""
        for request in self._of(root):
            self._delete(request)

    def _delete(self, request: Request) -> None:
        granted(self._peer.ask("DELETE", request.path, at_most=ANSWER_AT_MOST), 200, 202, 204, 404)

    def delegates(self, root: CID) -> tuple[str, ...]:
        """Addresses at which the service's nodes wait for a root's blocks, each in one line."""
        found = [address for request in self._of(root) for address in request.delegates]
        return tuple(dict.fromkeys(found))

    def _of(self, root: CID) -> list[Request]:
        return [request for request in self._requests(("cid", str(root))) if request.root == root]

    def _requests(self, *asked: tuple[str, str]) -> Iterator[Request]:
        """Every pin that a filter finds, in any state, each once."""
        query = [*asked, ("status", ",".join(STATES)), ("limit", str(PAGE))]
        seen: set[str] = set()
        before: list[tuple[str, str]] = []
        for _ in range(PAGES_AT_MOST):
            count, page = self._page([*query, *before])
            new = [request for request in page if request.id not in seen]
            yield from new
            if len(page) >= count or (seen and not page):
                return
            if not new:
                break
            seen.update(request.id for request in new)
            before = [("before", page[-1].created)]
        raise Unavailable(f"{self._peer.who} does not show all the pins that it counts", how="not what was asked")

    def _page(self, query: list[tuple[str, str]]) -> tuple[int, list[Request]]:
        answer = granted(self._peer.get("/pins", at_most=ANSWER_AT_MOST, query=query), 200)
        return understood(answer, lambda body: read_page(read_json(body)))
