"""What was asked over HTTP, and what is answered: plain values, so that every rule here can be tried without a socket.

    asked  = Asked("GET", "/ipfs/bafy…", {"format": "raw"}, {"accept": "*/*"}, "127.0.0.1", 8080)
    answer = Answer(200, {"Content-Type": "application/vnd.ipld.raw"}, b"…")

A body is bytes, or an iterator of them that is read as the other side takes them; one that fails half-way ends the
connection, so that a part never passes for the whole. The rules that several kinds of answer share are here: what a
client names as acceptable, what it has already (``If-None-Match``), which bytes it wants (``Range``), under which
name a browser saves it.

Specification: RFC 9110 (12.5.1 Accept, 13.1.2 If-None-Match, 14 Range), RFC 6266 (Content-Disposition). Of ranges one
is answered; several, and units other than bytes, get the whole, as the RFC allows.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from mirror.errors import Malformed
from mirror.formats import wire

PATH_AT_MOST = 4096
"""Bytes in a path, decoded: what file systems allow, and many times what a tree of ours has."""

PARAMETERS_AT_MOST = 16
"""Parameters behind the question mark: the specifications know eight."""

AT_ONCE = 64 * 1024
"""Bytes of a body that are read before the answer begins: whatever is wrong with them is then said by its status."""

FILENAME_AT_MOST = 255
"""Letters in the file name that a client may propose: what file systems take."""

FOREVER = "public, max-age=29030400, immutable"
"""For how long what a CID names may be kept: the specification's number, 48 weeks."""

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `headers` have names in lower case; `host` and `port` are where this machine was reached."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    host: str
    port: int

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body. Where the body is an iterator, its length stands in the headers or is not known."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""


def say(status: int, words: str, **headers: str) -> Answer:
    """An answer in words, one line of text, which nobody may keep."""
    line = words if words.isprintable() else ascii(words)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": TEXT, "Cache-Control": "no-store", **named}, f"{line}\n".encode())


def parse_query(data: bytes) -> dict[str, str]:
    """The parameters behind a question mark. Raises Malformed for too many, one given twice, and what is not UTF-8."""
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_AT_MOST
        )
    except ValueError:
        raise Malformed(
            f"the query is not UTF-8, percent-encoded, of at most {PARAMETERS_AT_MOST} parameters"
        ) from None
    if len(found := dict(pairs)) != len(pairs):
        raise Malformed("the query gives one parameter twice")
    return found


@dataclass(frozen=True, slots=True)
class Accepted:
    """One media type of an ``Accept`` header: its name, its parameters, how much it is wanted (0 to 1000)."""

    media: str
    parameters: dict[str, str]
    weight: int


def parse_accept(header: str) -> list[Accepted]:
    """What a client accepts, the most wanted first; what cannot be read is passed over, as is what is refused."""
    found = [accepted for part in header.split(",") if (accepted := _parse_accepted(part)).weight]
    return sorted(found, key=lambda each: -each.weight)


def _parse_accepted(part: str) -> Accepted:
    media, *rest = (piece.strip(" \t").lower() for piece in part.split(";"))
    parameters = {name.strip(): value.strip(' "') for name, _, value in (piece.partition("=") for piece in rest)}
    return Accepted(media, parameters, _weight(parameters.pop("q", "1")) if media else 0)


def _weight(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if whole == "1":
        return 1000
    return _number((fraction + "000")[:3]) if whole == "0" and _DIGITS.fullmatch(fraction) else 0


_DIGITS = re.compile(r"[0-9]{0,9}")


def is_known(etag: str, asked: Asked) -> bool:
    """Whether the client has what `etag` names: RFC 9110's weak comparison."""
    header = asked.header("if-none-match")
    known = [each.strip(" \t").removeprefix("W/") for each in header.split(",")]
    return header.strip() == "*" or etag.removeprefix("W/") in known


def not_modified(headers: Mapping[str, str]) -> Answer:
    """What is said instead of what the client has already."""
    kept = ("Etag", "Cache-Control", "X-Ipfs-Path", "X-Ipfs-Roots")
    return Answer(304, {name: headers[name] for name in kept if name in headers})


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `first` to `last`, both included, out of `length`."""

    first: int
    last: int
    length: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")


def wanted_span(asked: Asked, length: int, etag: str) -> Span | Answer | None:
    """The one part of `length` bytes that a client wants; None for the whole; an answer where there is no such part."""
    found = _RANGE.fullmatch(asked.header("range")) if asked.method == "GET" else None
    if found is None or found[0].endswith("=-") or asked.headers.get("if-range", etag) != etag:
        return None
    first, last = found[1], found[2]
    if first:
        span = Span(_number(first), min(_number(last) if last else length, length - 1), length)
        if last and _number(last) < _number(first):
            return None
    elif last:
        span = Span(max(0, length - _number(last)), length - 1, length)
    else:
        return None
    if span.size < 1:
        return say(416, f"there are only {length} bytes", Content_Range=f"bytes */{length}")
    return span


def _number(digits: str) -> int:
    return wire.decode_decimal(digits.lstrip("0") or "0")


def in_part(
    answer: dict[str, str], asked: Asked, length: int, give: Callable[[int, int], bytes | Iterator[bytes]]
) -> Answer:
    """The answer with these headers and the bytes that `give(first, last)` gives: all `length`, or what is wanted."""
    if is_known(answer["Etag"], asked):
        return not_modified(answer)
    span = wanted_span(asked, length, answer["Etag"])
    if isinstance(span, Answer):
        return span
    whole = span or Span(0, length - 1, length)
    headers = answer | {"Accept-Ranges": "bytes", "Content-Length": str(whole.size)}
    if span:
        headers["Content-Range"] = f"bytes {span.first}-{span.last}/{length}"
    body = give(whole.first, whole.last) if whole.size else b""
    if not isinstance(body, bytes) and whole.size <= AT_ONCE:
        body = b"".join(body)
    return Answer(206 if span else 200, headers, body)


def disposition(name: str, *, attachment: bool = True) -> str:
    """What tells a browser to save under `name` (or, not as an attachment, to show) what it gets."""
    kind = "attachment" if attachment else "inline"
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{extended}'


def saved_as(asked: Asked, usual: str) -> str:
    """The name under which a browser saves it: the client's wish, or the usual one."""
    wished = asked.query.get("filename", "")
    return wished if 0 < len(wished) <= FILENAME_AT_MOST and "/" not in wished else usual
