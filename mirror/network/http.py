"""The one way out: every module here that speaks HTTP does so through a `Route`.

    route = Route("socks5h://127.0.0.1:9050", clock=time.monotonic)
    with route.open("ours", "http://127.0.0.1:9094") as peer:
        answer = peer.get("/id", at_most=64 * 1024).need(200)

What goes out names nobody: no User-Agent, no cookie, no language, no referrer, no header but Host, Accept,
Accept-Encoding, Connection, what an upload's length takes, and what the caller gives. The environment's proxies,
`.netrc` and certificates are not heeded. Redirects are not followed, compressed answers not read (a few bytes could
become any number), and answers longer than the caller's bound are refused.

With a proxy nothing goes round it, look-ups of names included (so `socks5h`, and no `socks5`); but what lies on this
machine itself (127.0.0.0/8, ::1, localhost) is spoken to directly, since that never leaves it. Encrypted peers are
spoken to by HTTP/2 where they offer it.

Whatever fails is `Unavailable`; its `how` says in which way (`mirror.network.faults`). Nothing is believed for having
arrived.
"""

import contextlib
import functools
import ipaddress
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self
from urllib.parse import urlsplit

import httpx

from mirror.errors import Malformed, Unavailable
from mirror.network.answers import quote
from mirror.network.faults import told_of
from mirror.network.held import Authorization
from mirror.network.patience import Clock, Patience

CONNECT, READ = 15.0, 30.0
"""Seconds for connecting, and between two parts of an answer: Tor needs up to ten to build a circuit, and the
specification of trustless gateways gives up after thirty."""

WITHIN = 120.0
"""Seconds for one whole bounded answer: a block of 2 MiB at 17 kB/s, which is a bad mobile line."""

ADDRESS_AT_MOST = 2048
"""Letters in an address: more than any that people write."""

LINES_AT_MOST = 16
"""Connections to one peer at a time."""

Headers = Mapping[str, str]
Body = bytes | Iterable[bytes] | None
Query = Sequence[tuple[str, str]]

_PROXY = re.compile(r"(socks5h|http)://(?:[^/@\s]+@)?(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\]):[0-9]{1,5}/?")


def check_proxy(url: str) -> str:
    """A proxy's address as `Route` takes it; raises Malformed, showing nothing of a password in it."""
    if not _PROXY.fullmatch(url):
        shown = url.rpartition("@")[2]
        hint = "write socks5h://HOST:PORT, such as Tor's socks5h://127.0.0.1:9050, or http://HOST:PORT"
        raise Malformed(f"not a proxy that asks for names itself: {shown[:80]!r}", hint=hint)
    return url


def check_address(url: str) -> str:
    """An address of HTTP, `http://` or `https://`, without credentials, query or fragment, and no slash at its end."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isprintable()
    except ValueError:  # a port that is no number, a bracket that does not close
        usable = False
    if not usable or len(url) > ADDRESS_AT_MOST:
        raise Malformed(f"not an address that begins with http:// or https://: {url.rpartition('@')[2][:80]!r}")
    if parts.username is not None or parts.password is not None:
        raise Malformed(f"the address of {parts.hostname} holds a user or a password, which have no place in it")
    if parts.query or parts.fragment or " " in url:
        raise Malformed(f"the address of {parts.hostname} holds more than a host and a path")
    return url.rstrip("/")


def is_here(host: str) -> bool:
    """Whether a host's name or number is this machine's own, so that nothing sent to it leaves the machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Route:
    """How this machine speaks to others: directly, or through one proxy. `clock` gives seconds that only grow."""

    proxy: str | None = field(default=None, repr=False)
    clock: Clock = lambda: 0.0

    def __post_init__(self) -> None:
        if self.proxy is not None:
            check_proxy(self.proxy)

    def through(self, host: str) -> str | None:
        """The proxy that leads to `host`; None where it is spoken to directly."""
        return None if is_here(host) else self.proxy

    def open(
        self,
        name: str,
        base_url: str,
        *,
        authorization: Authorization | None = None,
        connect: float = CONNECT,
        read: float = READ,
    ) -> "Peer":
        """The counterpart at an address, called `name` in errors. Connects to nothing yet; raises Malformed."""
        return Peer(self, name, check_address(base_url), authorization, httpx.Timeout(read, connect=connect))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: `headers` by their lower-case names; `who` names the counterpart in errors."""

    who: str
    status: int
    headers: Headers
    body: bytes = b""

    def need(self, *statuses: int) -> Self:
        """This answer, if its status is one of these; otherwise `Unavailable` with the status and its words."""
        if self.status not in statuses:
            raise Unavailable(f"{self.who} {_in_words(self)}", how=f"HTTP {self.status}")
        return self

    def need_type(self, media_type: str) -> Self:
        """This answer, if it says to be of that media type, whatever its parameters."""
        given = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != media_type:
            raise Unavailable(f"{self.who} answers with {quote(given) or 'no media type'}, not {media_type}")
        return self


@dataclass(frozen=True, slots=True)
class Flow(Answer):
    """An answer whose body comes piece by piece, and without any bound but the caller's: see `Peer.stream`."""

    pieces: Iterator[bytes] = field(default_factory=lambda: iter(()))


class Peer:
    """A counterpart that speaks HTTP. Safe to share between threads; a context manager that closes its connections."""

    def __init__(
        self, route: Route, name: str, address: str, authorization: Authorization | None, timeout: httpx.Timeout
    ) -> None:
        self.name = name
        self.address = address
        self.who = f"{name} ({address})" if name else address
        self._authorization = authorization
        self._proxy = route.through(urlsplit(address).hostname or "")
        self._patience = Patience(route.clock, timeout.read or READ)
        with told_of(self.who, self._shown_proxy):
            self._client = _client(address, self._proxy, timeout, self._patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def _shown_proxy(self) -> str | None:
        return None if self._proxy is None else _without_credentials(self._proxy)

    def get(self, path: str, *, at_most: int, query: Query = (), headers: Headers | None = None) -> Answer:
        """What lies at a path below the address."""
        return self.ask("GET", path, at_most=at_most, query=query, headers=headers)

    def head(self, path: str, *, query: Query = (), headers: Headers | None = None) -> Answer:
        """What a GET would say without its body."""
        return self.ask("HEAD", path, at_most=0, query=query, headers=headers)

    def put(self, path: str, body: Body, *, at_most: int, query: Query = (), headers: Headers | None = None) -> Answer:
        """Put `body` at a path."""
        return self.ask("PUT", path, at_most=at_most, body=body, query=query, headers=headers)

    def post(
        self, path: str, body: Body = None, *, at_most: int, query: Query = (), headers: Headers | None = None
    ) -> Answer:
        """Hand `body` in at a path."""
        return self.ask("POST", path, at_most=at_most, body=body, query=query, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        at_most: int,
        body: Body = None,
        query: Query = (),
        headers: Headers | None = None,
        within: float | None = WITHIN,
    ) -> Answer:
        """One request and its whole answer, of `at_most` bytes and within that many seconds (None: any number).

        `body` as an iterable is sent in chunks, unless `headers` give its Content-Length. Raises `Unavailable`.
        """
        with self.stream(method, path, body=body, query=query, headers=headers, within=within) as flow:
            return Answer(self.who, flow.status, flow.headers, self._collect(flow, at_most))

    def _collect(self, flow: Flow, at_most: int) -> bytes:
        collected = bytearray()
        for piece in flow.pieces:
            collected += piece
            if len(collected) > at_most:
                raise Unavailable(f"{self.who} answers with more than {at_most} bytes", how="too much")
        return bytes(collected)

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        body: Body = None,
        query: Query = (),
        headers: Headers | None = None,
        within: float | None = None,
    ) -> Iterator[Flow]:
        """One request and its answer as it comes; to leave early closes the connection. Raises `Unavailable`."""
        given = dict(headers or {})
        if self._authorization is not None:
            given["Authorization"] = self._authorization.header()
        with self._patience.within(within), contextlib.ExitStack() as stack:
            with told_of(self.who, self._shown_proxy):
                url = httpx.URL(self.address + path, params=list(query)) if query else httpx.URL(self.address + path)
                asked = self._client.stream(method, url, content=body, headers=given)
                response = stack.enter_context(asked)
            said = {name.lower(): value for name, value in response.headers.items()}
            encoding = said.get("content-encoding", "identity")
            if encoding != "identity":
                raise Unavailable(f"{self.who} answers compressed ({quote(encoding)}), which was not asked for")
            yield Flow(self.who, response.status_code, said, b"", self._pieces(response))

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        with told_of(self.who, self._shown_proxy):
            yield from response.iter_raw()  # as they arrive: gathered into longer pieces, a drip would never be seen


def _client(address: str, proxy: str | None, timeout: httpx.Timeout, patience: Patience) -> httpx.Client:
    encrypted = address.startswith("https://")
    transport = httpx.HTTPTransport(
        verify=_certificates() if encrypted else False,
        trust_env=False,
        http2=encrypted,
        proxy=proxy,
        limits=httpx.Limits(max_connections=LINES_AT_MOST),
    )
    transport._pool._network_backend = patience  # httpx lets nobody name it, and without it waits have no end
    client = httpx.Client(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=timeout,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
    client.headers = httpx.Headers({"Accept": "*/*", "Accept-Encoding": "identity"})
    del client.headers["User-Agent"]
    return client


@functools.lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Whom to believe about hosts: the authorities that httpx brings. Read once: it takes a while."""
    return httpx.create_ssl_context(trust_env=False)


def _without_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _in_words(answer: Answer) -> str:
    status = answer.status
    if 300 <= status < 400:
        where = quote(answer.headers.get("location", "")) or "nowhere"
        return f"sends us on to {where} (HTTP {status}), and we do not follow"
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    said = quote(answer.body)
    return f"answers HTTP {status}{phrase}" + (f": {said}" if said else "")
