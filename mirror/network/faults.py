"""What kept a counterpart from answering: httpx's, httpcore's and the system's errors in our words.

    name not resolved    the name of the host leads nowhere
    refused              nobody listens there
    reset                the line was cut, by the other end or by something on the way
    no route             the network does not lead there
    certificate          somebody answers who cannot prove to be that host
    encryption           TLS failed in another way
    timed out            no answer in time
    proxy                the proxy did not answer, or did not connect
    not HTTP             something answered that is no answer
    HTTP 451             an answer, and no help: also any other status

These words are the `how` of an `Unavailable`, so that whoever asks many can tell one way of being shut out from
another. Which of them a wall on the way produces is chosen by who built the wall.
"""

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator

import httpx
import socksio

from mirror.errors import Unavailable
from mirror.network.answers import quote

FAULTS = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, socksio.SOCKSError)
"""What the libraries raise, by its roots; httpcore's own errors come as httpx's."""

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}

_OF_SYSTEM: tuple[tuple[tuple[type[BaseException], ...], tuple[str, str]], ...] = (
    ((socket.gaierror, UnicodeError), ("name not resolved", "its name leads nowhere")),
    ((ConnectionRefusedError,), ("refused", "nobody listens there")),
    ((FileNotFoundError,), ("refused", "no socket is there")),
    ((PermissionError,), ("refused", "its socket is not open to this user")),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), ("reset", "the line was cut")),
)


@contextlib.contextmanager
def told_of(who: str, proxy: str | None) -> Iterator[None]:
    """Turn what the libraries raise inside into `Unavailable`, which names `who` and says how it failed."""
    try:
        yield
    except FAULTS as error:
        raise _told(error, who, proxy) from None
    except AssertionError as error:  # httpcore asserts what a SOCKS proxy has to say
        if proxy is None:
            raise
        raise _told(error, who, proxy) from None


def _told(error: Exception, who: str, proxy: str | None) -> Unavailable:
    how, words = _how(error, proxy)
    if how == "proxy":
        hint = "nothing is sent around the proxy; start it, or set another one"
        return Unavailable(f"{who} cannot be reached: {words}", hint=hint, how=how)
    return Unavailable(f"{who} cannot be reached: {words}", how=how)


def _how(error: Exception, proxy: str | None) -> tuple[str, str]:
    below = list(causes(error))
    if proxy is not None and (words := _fault_of_proxy(error, below, proxy)):
        return "proxy", words
    found = next(filter(None, map(of_system, below)), None)
    return found or _of_library(error)


def _of_library(error: Exception) -> tuple[str, str]:
    said = quote(str(error)) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return "timed out", "no answer in time"
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" in said:
        return "reset", "the line was cut before an answer came"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return "not HTTP", f"the answer is not HTTP, or is cut off: {said}"
    if isinstance(error, httpx.NetworkError):
        return "reset", f"the line failed: {said}"
    return "not HTTP", f"it cannot be asked: {said}"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on down."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def of_system(cause: BaseException) -> tuple[str, str] | None:
    """The `how` and the words of what the system or TLS raised; None for any other error."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "certificate", f"its certificate is not valid: {quote(getattr(cause, 'verify_message', str(cause)))}"
    if isinstance(cause, ssl.SSLError):
        return "encryption", f"TLS failed: {quote(getattr(cause, 'reason', None) or str(cause))}"
    if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
        return "no route", "the network does not lead there"
    return next((told for kinds, told in _OF_SYSTEM if isinstance(cause, kinds)), None)


def _fault_of_proxy(error: Exception, below: list[BaseException], proxy: str) -> str | None:
    """What the proxy did wrong, in words; None where it did its part. Its own line ends where TLS or HTTP begins."""
    if isinstance(error, httpx.ProxyError):
        return f"the proxy {proxy} did not connect: {quote(str(error))}"
    if isinstance(error, socksio.SOCKSError | AssertionError):
        return f"what listens at {proxy} is no such proxy"
    encrypted = any(isinstance(cause, ssl.SSLError) for cause in below)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and not encrypted:
        return f"the proxy {proxy} does not answer"
    return None
