"""Tokens by which authors took their accounts back from a keeper, before the log says so.

    archive/taken-back

A token a line, in base32, sorted. The file may be handed on as all of `archive/` may: a token proves itself by its
hash, which stands in the log, and whoever gets it can do one thing with it, which its author asked for. `parse` reads
the same lines from strangers. An author's signed request is never put here: it would tie her to the account in public.
"""

from collections.abc import Iterable
from pathlib import Path

from mirror.errors import Malformed, Missing
from mirror.formats import wire
from mirror.store import files

TOKEN_BYTES = 16

TOKENS_AT_MOST = 1000
"""Tokens in one file: more accounts than are taken back between two editions of any mirror."""

FILE_AT_MOST = 27 * TOKENS_AT_MOST
"""Bytes in it: 26 letters and a newline a token."""


class TakenBack:
    """The tokens that lie in one archive's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "taken-back"

    def read(self) -> tuple[bytes, ...]:
        """The tokens, sorted; none where there is no file."""
        try:
            return parse(files.read_at_most(self._path, FILE_AT_MOST, "the list of what was taken back"))
        except Missing:
            return ()

    def replace(self, tokens: Iterable[bytes]) -> None:
        """Keep these tokens and no others."""
        data = print_tokens(tokens)
        if data:
            files.replace(self._path, data)
        else:
            self._path.unlink(missing_ok=True)


def print_tokens(tokens: Iterable[bytes]) -> bytes:
    """Tokens as the file has them."""
    return "".join(sorted(f"{wire.encode_base32(token)}\n" for token in set(tokens))).encode()


def parse(data: bytes) -> tuple[bytes, ...]:
    """The tokens in a file; empty bytes hold none."""
    if len(data) > FILE_AT_MOST:
        raise Malformed(f"a list of more than {TOKENS_AT_MOST} tokens")
    lines = wire.split_lines(wire.decode_utf8(data, "the list of tokens"), "the list of tokens") if data else []
    tokens = tuple(map(wire.decode_base32, lines))
    if any(len(token) != TOKEN_BYTES for token in tokens):
        raise Malformed(f"a token that is not {TOKEN_BYTES} bytes")
    if lines != sorted(set(lines)):
        raise Malformed("a list of tokens that is not sorted, or holds one twice")
    return tokens
