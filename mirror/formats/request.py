"""An author's request to take her account back, signed with her key. Not one of the five kinds: it is never published.

    mirror/v1 request
    Mirror: voices.example/archive
    Charter: bafkrei…
    Note: bafkrei…

    — anna.example 4tX14m3w…

`Note` is the CID of a testimony that names her key as its author's. She hands the file to the publisher, who checks it,
keeps it privately and withdraws the account. It is not listed anywhere: that would tie her to the index for ever.
"""

from dataclasses import dataclass

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import fields, note, wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, SecretKey, Statement, parse_name

REQUEST_AT_MOST = 4096
"""Bytes in a request: a name, two CIDs and a signature line, several times over."""

FIRST_LINE = "mirror/v1 request"

_KEYS = ("Mirror: ", "Charter: ", "Note: ")


@dataclass(frozen=True, slots=True)
class Request(Statement):
    """Which testimony's account shall be withdrawn, from which mirror."""

    mirror: str
    charter: CID
    note: CID

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{FIRST_LINE}\nMirror: {self.mirror}\nCharter: {self.charter}\nNote: {self.note}\n"

    def signed_bytes(self, signer: PublicKey) -> bytes:
        """The text; `Refused` for a mirror's own key, which withdraws without asking."""
        if signer.name == self.mirror:
            raise Refused("a mirror's key does not sign requests to itself")
        return self.text.encode()


def sign(request: Request, author: SecretKey) -> bytes:
    """The signed request, to be handed to the publisher."""
    return note.sign_note(request.text, request, author)


def is_request(data: bytes) -> bool:
    """Whether a file begins as a request does."""
    return data.startswith(f"{FIRST_LINE}\n".encode())


def parse_text(text: str) -> Request:
    """The request that a text spells, **its signature not seen**."""
    lines = wire.split_lines(text, "the request")
    if lines[0] != FIRST_LINE or len(lines) != 4:
        raise Malformed("not a request: it has a first line and three more")
    for line, key in zip(lines[1:], _KEYS, strict=True):
        if not line.startswith(key):
            raise Malformed(f"the request has no {key[:-2]} where it has to stand: {line[:80]!r}")
    values = [line[len(key) :] for line, key in zip(lines[1:], _KEYS, strict=True)]
    return Request(parse_name(values[0]), fields.raw_cid(values[1]), fields.raw_cid(values[2]))


def peek(data: bytes) -> Request:
    """What a request says, **no signature verified**: for learning whose testimony it is about."""
    if len(data) > REQUEST_AT_MOST:
        raise Malformed(f"a request of more than {REQUEST_AT_MOST} bytes")
    return parse_text(note.split_note(data)[0])


def open_request(data: bytes, author: PublicKey) -> Request:
    """The request in `data`, signed by `author` and nobody else."""
    request = peek(data)
    opened = note.open_note(data, [author])
    if len(opened.signatures) != 1:
        raise BadSignature("the request carries a signature line more than it may")
    return request
