"""Questions to a counterpart that answers in JSON: what was not asked for becomes one `Unavailable` in its name.

    answer = granted(peer.get("/version", at_most=ANSWER_AT_MOST), 200)
    version = understood(answer, lambda body: take(read_json(body), "version", str))

A refusal is told in the counterpart's own words, wherever its kind of service puts them:

    {"message": …} or {"Message": …}                    IPFS Cluster, Kubo
    {"error": {"reason": …, "details": …}}              the Pinning Services API

Whether what it says is true is for whoever asks. Some repeat in it what they were asked for: where a path may hold a
key, `hiding` takes it out again.
"""

import contextlib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

from mirror.errors import Malformed, MirrorError, Unavailable
from mirror.network.answers import quote, read_json
from mirror.network.http import Answer

ANSWER_AT_MOST = 16 * 1024 * 1024
"""Bytes of one answer in JSON: a thousand pins with twenty addresses and a name of the longest kind are half that."""

KEY_AT_LEAST = 12
"""Letters in a piece of a path that may be a key: providers' have 32, and `archive` or `mainnet` is none."""

_SHUT = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Read = TypeVar("Read")


def granted(answer: Answer, *statuses: int) -> Answer:
    """The answer, if its status is one of these. Raises `Unavailable` with the reason it gives."""
    if answer.status in statuses:
        return answer
    if answer.status in _SHUT:
        said = f": {reason}" if (reason := _reason(answer.body)) else ""
        hint = "give it the right ones with `mirror pin --credentials NAME`"
        how = f"HTTP {answer.status}"
        raise Unavailable(f"{answer.who} does not take our credentials ({how}){said}", hint=hint, how=how)
    return Answer(answer.who, answer.status, answer.headers, _reason(answer.body).encode()).need(*statuses)


def understood(answer: Answer, read: Callable[[bytes], Read]) -> Read:
    """What `read` makes of the body; what it calls `Malformed` is `Unavailable`."""
    try:
        return read(answer.body)
    except Malformed as error:
        raise garbled(answer.who, error) from None


def garbled(who: str, error: Malformed) -> Unavailable:
    """What to raise for an answer that is none: its `error`, in the name of whoever gave it."""
    return Unavailable(f"{who} does not answer what was asked: {error.message}", how="not what was asked")


@contextlib.contextmanager
def hiding(path: str) -> Iterator[None]:
    """What is raised within shows nothing of `path` that may be a key."""
    try:
        yield
    except MirrorError as error:
        secrets = [path, *(piece for piece in path.split("/") if len(piece) >= KEY_AT_LEAST)]
        for secret in filter(lambda each: len(each) >= KEY_AT_LEAST, secrets):
            error.message = error.message.replace(secret, "…")
        error.args = (error.message,)
        raise


def _reason(body: bytes) -> str:
    """Why a request was refused, in one line; the body itself where it does not say so in a known place."""
    try:
        said = read_json(body)
    except Malformed:
        return quote(body)
    inner = said.get("error")
    places: list[Any] = [said.get("message"), said.get("Message")]
    if isinstance(inner, dict):
        places += [inner.get("details"), inner.get("reason")]
    return next((quote(place) for place in places if isinstance(place, str) and place.strip()), quote(body))
