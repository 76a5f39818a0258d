"""The RPC of a Kubo node over HTTP: the one door to ipfshttpclient, and to requests and urllib3 beneath it.

    rpc = Rpc("node home", "home", addresses.parse("/ip4/127.0.0.1/tcp/5001"), None, clock)
    rpc.ask("version", at_most=4096)                                     # the whole body of one answer
    with rpc.lines("pin/ls", options={"stream": "true"}) as lines: ...   # JSON objects as they come
    with rpc.stream("dag/export", "bafy…") as pieces: ...                # any number of bytes

What ipfshttpclient leaves open is closed here. Its check of versions, which refuses every Kubo of these years, is not
made (`kubo.Node.probe` makes one). The environment's proxies, `.netrc`, cookies, redirects and compressed answers are
not heeded, and no header tells who we are. Each answer comes in pieces of `CHUNK` bytes at most and is bounded by who
asks, an error's too. urllib3 bounds sending by the time-out for connecting: so what takes long to send goes over a
line that is there already, with a time-out of its own.

Libraries' errors become `Unavailable`, with the words and the `how` of `mirror.network.faults`. What the node itself
refuses is a `Said`, which `told` turns into `Unavailable` unless who asked knows what to make of it. Out of scope:
trailers, in which Kubo puts what went wrong in mid-answer. Whoever reads a stream has to see whether all is there.
"""

import contextlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, BinaryIO

import requests
import urllib3
from ipfshttpclient import exceptions, http_requests, multipart

from mirror.errors import Malformed, Unavailable
from mirror.network import faults
from mirror.network.addresses import Address
from mirror.network.answers import quote, quote_ends, read_json, take
from mirror.network.held import Authorization

CONNECT = 5.0
"""Seconds for connecting: to a machine of one's own, which answers within one even from the other side of the world."""

READ = 30.0
"""Seconds between two pieces of an answer: a disk that slept wakes in ten."""

WITHIN = 120.0
"""Seconds for one whole bounded answer: a block of 2 MiB at 17 kB/s, which is a bad line."""

STALLED = 120.0
"""Seconds in which a node takes nothing in of what is sent: it writes 20 MiB at once, 40 s on a worn card."""

CHUNK = 64 * 1024
"""Bytes of a body that are read at a time."""

SENT = 1024 * 1024
"""Bytes that are sent at a time: with fewer, half of the time goes into Python's own steps."""

LINE_AT_MOST = 64 * 1024
"""Bytes in one JSON object of a stream: a pin's name has 255, ours are all below a thousand."""

LINES_AT_MOST = 10_000_000
"""JSON objects in a stream: the pins of a very large node."""

SAID_AT_MOST = 4096
"""Bytes of an error's body that are read: one sentence with a CID or two."""

FAULTS = (
    exceptions.Error,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    UnicodeError,
)
"""What the libraries raise, by its roots."""

_TIMED_OUT = ("timed out", "no answer in time")
_NOT_HTTP = ("not HTTP", "the answer is not HTTP, or is cut off")
_RESET = ("reset", "the line failed")
_UNASKABLE = ("not HTTP", "it cannot be asked")

OF_LIBRARIES: Mapping[type[Exception], tuple[str, str]] = {
    exceptions.TimeoutError: _TIMED_OUT,
    requests.Timeout: _TIMED_OUT,
    urllib3.exceptions.TimeoutError: _TIMED_OUT,
    TimeoutError: _TIMED_OUT,
    requests.exceptions.SSLError: ("encryption", "TLS failed"),
    urllib3.exceptions.SSLError: ("encryption", "TLS failed"),
    requests.exceptions.ProxyError: ("proxy", "it is asked through a proxy, which was not wanted"),
    urllib3.exceptions.ProxyError: ("proxy", "it is asked through a proxy, which was not wanted"),
    exceptions.ProtocolError: _NOT_HTTP,
    exceptions.StatusError: _NOT_HTTP,
    exceptions.EncoderError: _NOT_HTTP,
    requests.exceptions.ChunkedEncodingError: _NOT_HTTP,
    requests.exceptions.ContentDecodingError: _NOT_HTTP,
    requests.HTTPError: _NOT_HTTP,
    requests.TooManyRedirects: _NOT_HTTP,
    urllib3.exceptions.ProtocolError: _NOT_HTTP,
    urllib3.exceptions.ResponseError: _NOT_HTTP,
    urllib3.exceptions.DecodeError: _NOT_HTTP,
    urllib3.exceptions.InvalidHeader: _NOT_HTTP,
    http.client.HTTPException: _NOT_HTTP,
    exceptions.ConnectionError: _RESET,
    requests.ConnectionError: _RESET,
    urllib3.exceptions.PoolError: _RESET,
    exceptions.Error: _UNASKABLE,
    requests.RequestException: _UNASKABLE,
    urllib3.exceptions.HTTPError: _UNASKABLE,
    OSError: _RESET,
    UnicodeError: ("name not resolved", "its name leads nowhere"),
}
"""`how` an answer failed to come, and the words for it, where the system's own error does not say it better.

The first that an error is an instance of holds.
"""

_HINTS = {
    "no space left": "its disk is full",
    "could not find": "send the editions' blocks again: it has lost some",
}

Options = Mapping[str, str]


class Said(Exception):
    """A node's own refusal: its HTTP status, and its words as they came."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class _OfCluster(Exception):
    """The answer is from the proxy of an IPFS Cluster: a CAR would go to one of its nodes, pinned by none."""


class _Unread(Exception):
    """What is to be sent cannot be read here: no fault of the node's. Its cause is the system's error."""


class _Http(http_requests.ClientSync):  # type: ignore[misc]  # it comes without types
    """ipfshttpclient's HTTP with what it leaves open closed."""

    def _make_session(self) -> Any:
        session = super()._make_session()
        session.trust_env = False
        session.get_redirect_target = lambda response: None
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for adapter in session.adapters.values():
            adapter.poolmanager.connection_pool_kw.pop("strict", None)  # long without a meaning, and warned of
        return session

    def _request(self, *args: Any, **options: Any) -> Any:
        return super()._request(*args, **options | {"chunk_size": CHUNK})

    def _do_raise_for_status(self, response: Any) -> None:
        if response.headers.get("Server", "").startswith("ipfs-cluster"):
            raise _OfCluster
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Said(response.status_code, "an answer that is compressed, which was not asked for")
        if response.status_code != http.HTTPStatus.OK:
            raise Said(response.status_code, _words(_begin(response)))


def _begin(response: Any) -> bytes:
    begun = bytearray()
    for piece in response.iter_content(CHUNK):
        begun += piece
        if len(begun) >= SAID_AT_MOST:
            break
    return bytes(begun[:SAID_AT_MOST])


def _words(body: bytes) -> str:
    try:
        return take(read_json(body), "Message", str)
    except Malformed:
        return quote(body)


class Rpc:
    """The commands of one node, called `who` in errors and `name` in settings; nothing is sent before the first.

    `clock` gives seconds that only grow. Open it as a context manager for a line that stays.
    """

    def __init__(
        self,
        who: str,
        name: str,
        address: Address,
        authorization: Authorization | None,
        clock: Callable[[], float],
    ) -> None:
        self.who = who
        self._name = name
        self._clock = clock
        headers = {"Accept-Encoding": "identity", "User-Agent": urllib3.util.SKIP_HEADER}
        if authorization is not None:
            headers["Authorization"] = authorization.header()
        if not address.host:
            headers["Host"] = "localhost"  # a socket's path would stand there, which is nobody's business
        with self._faults_told():
            self._http = _Http(address.multiaddr, address.base, headers=headers, timeout=(CONNECT, READ))

    def open(self) -> None:
        """Keep one line open until `close`."""
        self._http.open_session()

    def close(self) -> None:
        """Close the line."""
        self._http.close_session()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the node says inside, and must not be left standing, into `Unavailable`: `Said`, `Malformed`."""
        try:
            yield
        except Said as said:
            raise self._refused(said) from None
        except Malformed as error:
            raise Unavailable(f"{self.who} answers what was not asked: {error.message}", how="nonsense") from None

    def _refused(self, said: Said) -> Unavailable:
        how, words = f"HTTP {said.status}", quote_ends(said.words)
        if said.status in (401, 403):
            hint = f"mirror pin --credentials {self._name}"
            return Unavailable(f"{self.who} does not let us in ({how}): {words}", hint=hint, how=how)
        if said.status == 404:
            hint = "the RPC is at what `ipfs config Addresses.API` prints, usually port 5001"
            return Unavailable(f"{self.who} is not the RPC of a Kubo ({how}): {words}", hint=hint, how=how)
        if said.status == 500:
            hint = next((hint for reason, hint in _HINTS.items() if reason in said.words), "")
            return Unavailable(f"{self.who} says: {words}", hint=hint, how=how)
        return Unavailable(f"{self.who} answers {how}: {words}", how=how)

    @contextlib.contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except _Unread as error:
            raise _cause(error) from None
        except _OfCluster:
            hint = 'in mirror.toml, give it kind = "cluster" and the address of its REST API, usually port 9094'
            raise Unavailable(f"{self.who} is no node, but the proxy of an IPFS Cluster", hint=hint) from None
        except FAULTS as error:
            how, words = _how(error)
            raise Unavailable(f"{self.who} cannot be reached: {words}", how=how) from None

    def ask(
        self,
        command: str,
        *args: str,
        at_most: int,
        options: Options | None = None,
        body: bytes | None = None,
        read: float | None = None,
        within: float | None = None,
    ) -> bytes:
        """One command's whole answer, of `at_most` bytes. Raises Unavailable, and Said for what the node refuses."""
        collected = bytearray()
        content = None if body is None else iter([body])
        with self.stream(command, *args, options=options, body=content, read=read, within=within or WITHIN) as pieces:
            for piece in pieces:
                collected += piece
                if len(collected) > at_most:
                    raise Unavailable(f"{self.who} answers with more than {at_most} bytes", how="too much")
        return bytes(collected)

    @contextlib.contextmanager
    def lines(
        self,
        command: str,
        *args: str,
        options: Options | None = None,
        body: Iterator[bytes] | None = None,
        read: float | None = None,
        connect: float | None = None,
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """A command's answer as JSON objects, one a line. Raises as `stream`, and Malformed for other lines."""
        with self.stream(command, *args, options=options, body=body, read=read, connect=connect) as pieces:
            yield self._objects(pieces)

    def _objects(self, pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
        for count, line in enumerate(_split(pieces)):
            if count == LINES_AT_MOST:
                raise Unavailable(f"{self.who} answers with more than {LINES_AT_MOST} lines", how="too much")
            value = read_json(line)
            if value.get("Type") == "error":
                raise Said(500, take(value, "Message", str, ""))
            yield value

    @contextlib.contextmanager
    def stream(
        self,
        command: str,
        *args: str,
        options: Options | None = None,
        body: Iterator[bytes] | None = None,
        read: float | None = None,
        connect: float | None = None,
        within: float | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """A command's answer as it comes, piece by piece; to leave early closes the line. `body` is sent as one file.

        `read` and `connect` are seconds for one wait, `within` for the whole answer; without it, any time.
        Raises Unavailable and Said.
        """
        end = None if within is None else self._clock() + within
        data, headers = (None, None) if body is None else multipart.stream_bytes(body, chunk_size=SENT)
        with contextlib.ExitStack() as stack:
            with self._faults_told():
                asked = self._http.request(
                    f"/{command}",
                    args,
                    opts=dict(options or {}),
                    stream=True,
                    data=data,
                    headers=headers,
                    timeout=(connect or CONNECT, read or READ),
                )
                stack.enter_context(asked)
            yield self._pieces(asked, end)

    def _pieces(self, asked: Iterator[bytes], end: float | None) -> Iterator[bytes]:
        while True:
            with self._faults_told():
                piece = next(asked, None)
            if piece is None:
                return
            if end is not None and self._clock() > end:
                raise Unavailable(f"{self.who} cannot be reached: the whole answer took too long", how="timed out")
            yield piece


def upload(file: BinaryIO, size: int, progress: Callable[[int, int], None]) -> Iterator[bytes]:
    """A file's bytes as the body of a command, from where it stands; `progress` is told how many of `size` are read."""
    done = 0
    while piece := _read(file):
        yield piece
        done += len(piece)
        progress(done, size)


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(SENT)
    except OSError as error:
        raise _Unread from error


def _cause(error: _Unread) -> BaseException:
    return error.__cause__ or error


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a stream, those without a word left out. Raises Malformed for one that does not end in time."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > LINE_AT_MOST or any(len(line) > LINE_AT_MOST for line in whole):
            raise Malformed(f"a line of more than {LINE_AT_MOST} bytes")
        yield from filter(bytes.strip, whole)
    if rest.strip():
        yield rest


def _how(error: BaseException) -> tuple[str, str]:
    """In which way asking failed, and the words for it."""
    found = next(filter(None, map(faults.of_system, faults.causes(error))), None)
    return found or next(told for kind, told in OF_LIBRARIES.items() if isinstance(error, kind))
