"""What a counterpart holds of a mirror, and what proves to it who asks.

`Held` is one pin as a node, a cluster or a pinning service reports it. It is a report: whether readers are served
is for whoever asked to find out, by reading blocks back. `Authorization` is written as Kubo's `--api-auth` takes it:

    bearer:TOKEN                TOKEN of RFC 6750's letters
    basic:USER:PASSWORD         RFC 7617, in UTF-8; USER holds no colon

Where the secret is kept is no business of this module. It is in no message, no repr and no error.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, Self

from mirror.errors import Malformed
from mirror.formats import wire
from mirror.formats.cid import CID

State = Literal["pinned", "pinning", "failed"]
"""`pinned`: whole, as it says; `pinning`: waiting or fetching; `failed`: it gave up; `Held.words` say why."""


@dataclass(frozen=True, slots=True)
class Held:
    """One pin that a counterpart reports: `copies` of the `wanted` are there; None where it has no such number.

    `words` are the counterpart's own, in one line (`answers.quote`); `peers` has each peer's name and its state in the
    counterpart's word.
    """

    root: CID
    state: State
    copies: int = 1
    wanted: int | None = None
    words: str = ""
    peers: tuple[tuple[str, str], ...] = ()


SECRET_AT_MOST = 4096
"""Letters in a token, a user or a password: a signed token with a few claims has about a thousand."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")


@dataclass(frozen=True, slots=True, repr=False)
class Authorization:
    """A secret that a counterpart knows its owner by. `repr` shows its kind alone."""

    kind: Literal["bearer", "basic"]
    _secret: str = field(repr=False)

    @classmethod
    def bearer(cls, token: str) -> Self:
        """By a token. Raises Malformed for what is none."""
        if len(token) > SECRET_AT_MOST or not _TOKEN.fullmatch(token):
            raise Malformed("token is not one: letters, digits and . _ ~ + / - without a space")
        return cls("bearer", token)

    @classmethod
    def basic(cls, user: str, password: str) -> Self:
        """By a user's name and password. Raises Malformed for what no header can carry."""
        if ":" in user or max(len(user), len(password)) > SECRET_AT_MOST or not _PLAIN.fullmatch(user + password):
            raise Malformed("user and password are not usable: no colon in the user, no control characters in either")
        return cls("basic", f"{user}:{password}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From one line, as above. Raises Malformed, which shows nothing of it."""
        kind, _, secret = text.partition(":")
        if kind == "bearer":
            return cls.bearer(secret)
        user, colon, password = secret.partition(":")
        if kind == "basic" and colon:
            return cls.basic(user, password)
        raise Malformed("authorization is neither bearer:TOKEN nor basic:USER:PASSWORD")

    def header(self) -> str:
        """The value of HTTP's `Authorization`."""
        if self.kind == "bearer":
            return f"Bearer {self._secret}"
        return f"Basic {wire.encode_base64(self._secret.encode())}"

    def __repr__(self) -> str:
        return f"Authorization({self.kind!r})"
