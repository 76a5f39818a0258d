"""Secrets at rest: age files, encrypted with a passphrase or to an age identity. The stock `age -d` opens them.

A passphrase costs scrypt's two seconds and half a gigabyte at each use; an identity file costs nothing and has to be
kept safe itself. This is the one module that knows `pyrage`.
"""

from dataclasses import dataclass
from pathlib import Path

from mirror.errors import Malformed, Refused, Unverified
from mirror.formats import wire
from mirror.store import files

SECRET_AT_MOST = 1 << 20
"""Bytes in an age file or identity file that we read: keys are short."""

_HEADER = b"age-encryption.org/v1\n"
_IDENTITY = "AGE-SECRET-KEY-1"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase, as a person types it. Never printed."""

    words: str

    def __repr__(self) -> str:
        return "Passphrase(…)"


@dataclass(frozen=True, slots=True)
class Identities:
    """The lines of an age identity file. Never printed."""

    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return "Identities(…)"


Lock = Passphrase | Identities


def new_identity() -> Identities:
    """A fresh age identity, for keys that are thrown away with it."""
    import pyrage  # noqa: PLC0415  (as below)

    return Identities((str(pyrage.x25519.Identity.generate()),))


def read_identities(path: Path) -> Identities:
    """The identities in an age identity file: X25519, as `age-keygen` writes them. Errors never show a line."""
    content = wire.decode_utf8(files.read_at_most(path, SECRET_AT_MOST, "the identity file"), str(path))
    lines = [line.strip() for line in content.split("\n")]
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found or not all(line.startswith(_IDENTITY) for line in found):
        raise Malformed(f"{path} is not an age identity file", hint=f"make one with: age-keygen -o {path}")
    return Identities(found)


def read_passphrase(path: Path) -> Passphrase:
    """The passphrase in a file: its first line."""
    content = wire.decode_utf8(files.read_at_most(path, SECRET_AT_MOST, "the passphrase file"), str(path))
    first = content.split("\n", 1)[0].rstrip("\r")
    if not first:
        raise Malformed(f"{path} holds no passphrase in its first line")
    return Passphrase(first)


def wants_passphrase(sealed: bytes) -> bool:
    """Whether an age file was encrypted with a passphrase rather than to an identity."""
    if not sealed.startswith(_HEADER):
        raise Malformed("not an age file")
    return sealed[len(_HEADER) :].startswith(b"-> scrypt ")


def seal(secret: bytes, lock: Lock) -> bytes:
    """`secret` as an age file that `lock` opens."""
    import pyrage  # noqa: PLC0415  (only commands that use a key pay for loading it)

    if isinstance(lock, Passphrase):
        return bytes(pyrage.passphrase.encrypt(secret, lock.words))
    try:
        recipients = [pyrage.x25519.Identity.from_str(line).to_public() for line in lock.lines]
    except pyrage.IdentityError:
        raise Malformed("the identity file holds a line that is no age identity") from None
    return bytes(pyrage.encrypt(secret, recipients))


def unseal(sealed: bytes, lock: Lock) -> bytes:
    """The secret in an age file."""
    import pyrage  # noqa: PLC0415  (as above)

    if isinstance(lock, Passphrase) != wants_passphrase(sealed):
        kind = "a passphrase" if wants_passphrase(sealed) else "an age identity"
        raise Refused(f"the key is encrypted with {kind}")
    try:
        if isinstance(lock, Passphrase):
            return bytes(pyrage.passphrase.decrypt(sealed, lock.words))
        return bytes(pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(line) for line in lock.lines]))
    except pyrage.IdentityError:
        raise Malformed("the identity file holds a line that is no age identity") from None
    except pyrage.DecryptError:
        wrong = "the passphrase does not" if isinstance(lock, Passphrase) else "none of the identities does"
        raise Unverified(f"{wrong} open the key") from None
