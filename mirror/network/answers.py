"""What counterparts say, before it is believed: cut, quoted, and of the shape that was asked for.

    quote("<h1>502\\nBad …")            '<h1>502 Bad …'                one line, cut, without control characters
    read_json(body, "pins")            wire's strict JSON              Malformed for anything else
    take(answer, "Keys", dict)         answer["Keys"], if it is one    Malformed: "answer has no object \"Keys\""

Whoever speaks to a counterpart turns `Malformed` into `Unavailable` with its name: it did not answer what was asked.
"""

import json
import re
from typing import Any, TypeVar

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.cid import CID

QUOTED_AT_MOST = 200
"""Letters of what a counterpart says that we repeat: enough for an error's reason, too few to bury ours."""

_WORDS_AT_MOST = 16 * 1024
_UNSHOWN = re.compile(
    r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
_KINDS = {dict: "object", list: "list", str: "text", int: "number", bool: "true or false"}

Kind = TypeVar("Kind")


def quote(words: str | bytes) -> str:
    """A counterpart's words in one line of `QUOTED_AT_MOST` letters, cut with `…`; nothing in it moves a cursor."""
    plain = _plain(words, 4 * QUOTED_AT_MOST)
    return plain if len(plain) <= QUOTED_AT_MOST else plain[: QUOTED_AT_MOST - 1] + "…"


def quote_ends(words: str) -> str:
    """As `quote`, cut in the middle: programs written in Go put the reason at the end of an error."""
    plain = _plain(words, _WORDS_AT_MOST)
    half = QUOTED_AT_MOST // 2
    return plain if len(plain) <= QUOTED_AT_MOST else f"{plain[: half - 1]}…{plain[-half:]}"


def _plain(words: str | bytes, at_most: int) -> str:
    if isinstance(words, bytes):
        words = words[:at_most].decode("utf-8", "replace")
    return _UNSHOWN.sub(" ", words[:at_most]).strip()


def read_json(body: bytes, what: str = "answer") -> dict[str, Any]:
    """The one JSON object that a body is. Raises Malformed."""
    value = wire.decode_json(body, what)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no JSON object: {quote(body)}")
    return value


def take(answer: dict[str, Any], name: str, kind: type[Kind], default: Kind | None = None) -> Kind:
    """A member of a JSON object, of that kind; `default`, where one is given, if it is absent or null.

    Raises Malformed. A number is a whole one from 0 up: true is none.
    """
    value = answer.get(name)
    if value is None and default is not None:
        return default
    if type(value) is not kind or (isinstance(value, int) and not 0 <= value <= wire.SIZE_AT_MOST):
        raise Malformed(f"answer has no {_KINDS[kind]} {name!r}: {quote(json.dumps(answer))}")
    return value


def take_cid(answer: dict[str, Any], name: str) -> CID:
    """A member that is the text of a CID, also as DAG-JSON writes a link (`{"/": …}`). Raises Malformed."""
    value = answer.get(name)
    return cids.parse(take(value, "/", str) if isinstance(value, dict) else take(answer, name, str))
