"""The gateway put together: which part answers what, and what holds for all of it.

    /ipfs/…  /ipns/…     blocks, CARs, records (`mirror.serve.trustless`); files for browsers (`mirror.serve.pages`)
    /routing/v1/…        who has a block (`mirror.serve.routing`)
    /log/<k51…>/…        the logs (`mirror.serve.log`)
    /                    what is held here

It answers GET and HEAD, gives each error the status that says whose fault it is, and remembers nobody: no log of
requests is kept, no header names the program or the time. Bounds on headers, connections and time are the door's
(`mirror.serve.door`).

**Who is answered.** `Guests` says under which names. A gateway for this machine alone answers only requests that name
this machine, and none that a page of somewhere else lets a browser make: otherwise any site could find out what its
visitor holds. Such a gateway gives no other site leave to read its answers (CORS); one that is open to others does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mirror.errors import BadBlock, Malformed, MirrorError, Missing, Refused
from mirror.serve.answers import PATH_AT_MOST, Answer, Asked, parse_query, say
from mirror.serve.log import PREFIX as LOG
from mirror.serve.log import answer_log
from mirror.serve.pages import answer_front, answer_page
from mirror.serve.reader import Reader
from mirror.serve.routing import PREFIX as ROUTING
from mirror.serve.routing import answer_routing
from mirror.serve.shelf import Shelf
from mirror.serve.trustless import (
    RAW_TYPE,
    RECORD_TYPE,
    answer_car,
    answer_raw,
    answer_record,
    parse_place,
    wanted,
)

HEAD_AT_MOST = 16 * 1024
"""Bytes in the head of a request: the longest path and query we read, and many times what clients send besides."""

QUERY_AT_MOST = 2048
"""Bytes behind the question mark: every parameter there is, and a file name."""

METHODS = ["GET", "HEAD", "OPTIONS"]

_ALL = [*METHODS, "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"]

_OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Cache-Control, If-None-Match, Range",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, Etag, X-Ipfs-Path, X-Ipfs-Roots",
}
_ELSEWHERE = ("cross-site", "same-site")
_BARE = (204, 304)
_ALWAYS = {"X-Content-Type-Options": "nosniff"}
_CLOSED = {"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Guests:
    """Under which names, lower case and without a port, requests are answered; None: under any."""

    names: frozenset[str] | None

    def refuse(self, headers: Mapping[str, str]) -> str:
        """Why a request with these headers is not answered; or nothing."""
        if self.names is None:
            return ""
        if _without_port(headers.get("host", "")) not in self.names:
            return "this gateway answers only those who call it by its own name"
        visits = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
        if headers.get("sec-fetch-site") in _ELSEWHERE and not visits:
            return "this gateway is not here for the pages of other sites"
        return ""


def _without_port(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if name and "]" not in port else host.lower()


class Gateway:
    """The gateway as an ASGI application, and the reading behind it.

    `report` takes what is the program's own fault, as it happens.
    """

    def __init__(self, shelf: Shelf, guests: Guests, report: Callable[[Exception], None]) -> None:
        self._reader = Reader(shelf)
        self._guests = guests
        self._report = report
        self._site = _OPEN if guests.names is None else _CLOSED
        self.app = Starlette(routes=[Route("/{path:path}", self._handle, methods=_ALL)])

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """What is served lies open inside, and is kept up to date. Raises what is wrong with it."""
        await self._reader.start()
        try:
            async with _in_background(self._reader.watch(self._report)):
                yield
        finally:
            await self._reader.stop()

    async def _handle(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        refusal = self._guests.refuse(headers)
        refused = say(403, refusal) if refusal else _refuse(request)
        return self._respond(request.method, refused or await self._answer(request, headers))

    async def _answer(self, request: Request, headers: dict[str, str]) -> Answer:
        try:
            host, port = request.scope["server"]
            query = parse_query(request.scope["query_string"])
            asked = Asked(request.method, request.scope["path"], query, headers, host, port)
            return await self._reader.ask(lambda shelf: answer(shelf, asked))
        except MirrorError as error:
            return say(_status(error), error.message)
        except Exception as error:  # a fault of ours: whoever runs this is told, whoever asked learns nothing
            self._report(error)
            return say(500, "a fault of this gateway")

    def _respond(self, method: str, answer: Answer) -> Response:
        headers = {**_ALWAYS, **self._site, **answer.headers}
        if not isinstance(answer.body, bytes):
            pieces = _nothing() if method == "HEAD" else self._watched(self._reader.pieces(answer.body))
            return StreamingResponse(pieces, answer.status, headers)
        if answer.status in _BARE:
            return Response(b"", answer.status, headers)
        body = b"" if method == "HEAD" else answer.body
        return Response(body, answer.status, {"Content-Length": str(len(answer.body)), **headers})

    async def _watched(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same pieces. A block that is missing or damaged ends the connection; a fault of ours is told besides."""
        try:
            async for piece in pieces:
                yield piece
        except MirrorError:
            raise
        except Exception as error:
            self._report(error)
            raise


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _refuse(request: Request) -> Answer | None:
    """What is said to a request that is not looked at any further."""
    path, scope = request.scope["path"], request.scope
    if request.method == "OPTIONS":
        return Answer(204, {"Allow": ", ".join(METHODS)})
    if request.method not in METHODS and not path.startswith(ROUTING):
        return say(405, "only GET and HEAD are answered here", Allow=", ".join(METHODS))
    if len(scope["raw_path"]) > PATH_AT_MOST or len(scope["query_string"]) > QUERY_AT_MOST:
        return say(414, f"a path of at most {PATH_AT_MOST} bytes and a query of at most {QUERY_AT_MOST} are read")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_AT_MOST:
        return say(431, f"a head of at most {HEAD_AT_MOST} bytes is read")
    return None


def _status(error: MirrorError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


_STATUSES = ((Missing, 404), (Refused, 406), (BadBlock, 500), (Malformed, 400))


def answer(shelf: Shelf, asked: Asked) -> Answer:
    """What is answered, by what the path begins with. Raises what is wrong with the request or the copy held here."""
    for prefix, part in _PARTS.items():
        if asked.path.startswith(prefix):
            return part(shelf, asked)
    return answer_front(shelf, asked) if asked.path == "/" else say(404, "nothing is here by that path")


def _answer_place(shelf: Shelf, asked: Asked) -> Answer:
    place = parse_place(asked.path)
    media, parameters = wanted(asked)
    if media is None:
        return answer_page(shelf, asked, place)
    if media == RECORD_TYPE:
        return answer_record(shelf, asked, place)
    if place.space == "ipns":
        raise Refused("behind /ipns/ a record is given out, or a page")
    return answer_raw(shelf, asked, place) if media == RAW_TYPE else answer_car(shelf, asked, place, parameters)


_PARTS: dict[str, Callable[[Shelf, Asked], Answer]] = {
    "/ipfs/": _answer_place,
    "/ipns/": _answer_place,
    ROUTING: answer_routing,
    LOG: answer_log,
}
"""What answers, by what a path begins with."""


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield
