"""What a service asks of whoever speaks to it: a token, or a user's name and a password.

    secret/services/home.txt        mode 0600; one line, as Kubo's `--api-auth` takes it

    bearer:eyJhbGciOi…
    basic:voices:correct horse

Nobody but the service of that name is told; it is never shown, printed in an error, or put into JSON. A token holds
letters, digits and ``-._~+/=`` (RFC 6750); a user's name holds no colon (RFC 7617).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from mirror.errors import Malformed, Missing
from mirror.formats import wire
from mirror.store import files
from mirror.store.settings import check_service_name

CREDENTIAL_AT_MOST = 4096
"""Bytes in a file of credentials: a signed token has one or two thousand, and servers take headers of eight."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_PAIR = re.compile(r"([^:\x00-\x1f\x7f\ud800-\udfff]+):([^\x00-\x1f\x7f\ud800-\udfff]+)")


@dataclass(frozen=True, slots=True)
class Credential:
    """What is shown to a service: a bearer token, or, with a `user`, a password."""

    secret: str = field(repr=False)
    user: str | None = field(default=None, repr=False)

    @property
    def line(self) -> str:
        """The one line that says it. A secret."""
        return f"bearer:{self.secret}" if self.user is None else f"basic:{self.user}:{self.secret}"


def parse_typed(text: str) -> Credential:
    """The credential that a person types: a token, `user:password`, or either as the file has it.

    Raises `Malformed`, which repeats nothing of it.
    """
    kind, _, rest = text.partition(":")
    words = rest if kind in ("bearer", "basic") else text
    if kind != "basic" and _TOKEN.fullmatch(words):
        return Credential(words)
    pair = _PAIR.fullmatch(words) if kind != "bearer" else None
    if pair is None:
        raise Malformed("this is neither a token nor a user's name, a colon and a password")
    return Credential(pair[2], pair[1])


class Credentials:
    """The credentials of a workspace's services."""

    def __init__(self, secret: Path) -> None:
        self._folder = secret / "services"

    def path(self, service: str) -> Path:
        """Where those of a service lie."""
        check_service_name(service)
        return self._folder / f"{service}.txt"

    def read(self, service: str) -> Credential | None:
        """What to show to a service; None where it asks for nothing."""
        path = self.path(service)
        try:
            data = files.read_at_most(path, CREDENTIAL_AT_MOST, "the credentials")
        except Missing:
            return None
        try:
            (line,) = wire.split_lines(wire.decode_utf8(data))
            found = parse_typed(line)
            if found.line == line:
                return found
        except (Malformed, ValueError):
            pass
        hint = f"enter them with: mirror pin --credentials {service}"
        raise Malformed(f"{path} does not hold credentials", hint=hint)

    def write(self, service: str, credential: Credential) -> None:
        """Keep what a service asks for, instead of what was kept before."""
        path = self.path(service)
        files.make_folder(self._folder, private=True)
        files.replace(path, f"{credential.line}\n".encode(), mode=files.PRIVATE)

    def forget(self, service: str) -> bool:
        """Remove what is kept of a service; whether there was anything."""
        path = self.path(service)
        there = path.exists()
        path.unlink(missing_ok=True)
        return there
