"""Secrets at rest: age files, encrypted with a passphrase or to an age identity. The stock `age -d` opens them.

A passphrase costs scrypt's two seconds and half a gigabyte at each use; an identity file costs nothing and has to be
kept safe itself. This is the one module that knows `pyrage`.

What is too large to be held is sealed and opened as a stream (`seal_stream`, `unseal_stream`), to identities or to
recipients, their public halves. **With a passphrase that cannot be**: `pyrage` encrypts with one only what it holds
whole, so there is a bound, `WHOLE_AT_MOST`. Encrypting shows nobody who did it: whoever knows a recipient can make a
file that its identity opens, so what comes out of one is judged by other signs.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mirror.errors import Malformed, Refused, Unverified
from mirror.formats import wire
from mirror.store import files

SECRET_AT_MOST = 1 << 20
"""Bytes in an age file or identity file that we read: keys are short."""

WHOLE_AT_MOST = 256 << 20
"""Bytes that are encrypted with a passphrase: thrice that is held in memory, half as much again as scrypt takes."""

_SEALED_AT_MOST = WHOLE_AT_MOST + (WHOLE_AT_MOST >> 10)
"""Bytes in an age file of so much: age adds 16 to every 64 KiB, and a header."""

_PIECE = 64 * 1024

HEAD_BYTES = 64
"""Bytes from the beginning of an age file that tell how it is encrypted."""

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


@dataclass(frozen=True, slots=True)
class Recipients:
    """The public halves of age identities, `age1…`: they lock and do not open."""

    lines: tuple[str, ...]


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


def parse_recipients(texts: Iterable[str]) -> Recipients:
    """X25519 recipients, as `age-keygen -y` prints them. The error does not show what is none: it may be a secret."""
    import pyrage  # noqa: PLC0415  (as below)

    lines = tuple(texts)
    for line in lines:
        try:
            pyrage.x25519.Recipient.from_str(line)
        except pyrage.RecipientError:
            raise Malformed(
                "the recipient is no age recipient, which begins with age1", hint="show it with: age-keygen -y FILE"
            ) from None
    return Recipients(lines)


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
    return bytes(pyrage.encrypt(secret, _recipients(lock)))


def unseal(sealed: bytes, lock: Lock) -> bytes:
    """The secret in an age file."""
    import pyrage  # noqa: PLC0415  (as above)

    if isinstance(lock, Passphrase) != wants_passphrase(sealed):
        kind = "a passphrase" if wants_passphrase(sealed) else "an age identity"
        raise Refused(f"the key is encrypted with {kind}")
    try:
        if isinstance(lock, Passphrase):
            return _unseal_with(lock, sealed)
        return bytes(pyrage.decrypt(sealed, _identities(lock)))
    except pyrage.DecryptError:
        wrong = "the passphrase does not" if isinstance(lock, Passphrase) else "none of the identities does"
        raise Unverified(f"{wrong} open the key") from None


_MEASURED_AT_MOST = 10
"""Measurements of a machine's speed before it is said to be too slow: one alone falls into a busy moment easily."""

_TOO_SLOW = "Excessive work parameter"


def _unseal_with(lock: Passphrase, sealed: bytes) -> bytes:
    """What a passphrase opens. Raises pyrage's DecryptError where it does not.

    Before it begins, age measures for some milliseconds how fast the machine is, and refuses what would take it long.
    """
    import pyrage  # noqa: PLC0415  (as above)

    for _ in range(_MEASURED_AT_MOST):
        try:
            return bytes(pyrage.passphrase.decrypt(sealed, lock.words))
        except pyrage.DecryptError as error:
            if not str(error).startswith(_TOO_SLOW):
                raise
    raise Refused(
        "this machine is too slow, or too busy now, for the work that the passphrase was made to take",
        hint="try again when less is running on it",
    )


def seal_stream(pieces: Iterator[bytes], file: BinaryIO, lock: Lock | Recipients) -> None:
    """Write what `pieces` give as an age file that `lock` opens, holding little of it; what they raise is raised.

    Raises `Refused` for more than `WHOLE_AT_MOST` bytes with a passphrase.
    """
    import pyrage  # noqa: PLC0415  (as above)

    if isinstance(lock, Passphrase):
        file.write(pyrage.passphrase.encrypt(_whole(pieces), lock.words))
        return
    with _ends(pieces, file.write) as (source, sink):
        pyrage.encrypt_io(source, sink, _recipients(lock))


def unseal_stream(file: BinaryIO, take: Callable[[bytes], object], lock: Lock) -> None:
    """Hand what an age file holds to `take`, piece by piece; what that raises is raised.

    Each piece is what was encrypted; that none is missing at the end is known when this returns. Raises `Unverified`
    where the lock does not open it, `Malformed` where it is damaged or cut off.
    """
    import pyrage  # noqa: PLC0415  (as above)

    if isinstance(lock, Passphrase):
        _unseal_whole(file, take, lock)
        return
    try:
        with _ends(iter(lambda: file.read(_PIECE), b""), take) as (source, sink):
            pyrage.decrypt_io(source, sink, _identities(lock))
    except pyrage.DecryptError:
        raise Unverified("none of the identities opens the file, or its header is damaged") from None
    except _Broken:
        raise Malformed("the file is damaged or cut off") from None


def _unseal_whole(file: BinaryIO, take: Callable[[bytes], object], lock: Passphrase) -> None:
    import pyrage  # noqa: PLC0415  (as above)

    sealed = file.read(_SEALED_AT_MOST + 1)
    if len(sealed) > _SEALED_AT_MOST:
        raise Refused(f"the file is larger than the {_SEALED_AT_MOST} bytes that are opened with a passphrase")
    try:
        secret = _unseal_with(lock, sealed)
    except pyrage.DecryptError:
        raise Unverified("the passphrase does not open the file, or the file is damaged") from None
    for at in range(0, len(secret), _PIECE):
        take(secret[at : at + _PIECE])


def _whole(pieces: Iterator[bytes]) -> bytes:
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > WHOLE_AT_MOST:
            raise Refused(
                f"more than the {WHOLE_AT_MOST} bytes that are encrypted with a passphrase",
                hint="encrypt to an age identity, which has no such bound: age-keygen -o FILE makes one",
            )
    return bytes(held)


class _Broken(Exception):
    """What `pyrage` says of an age file that is damaged behind its header."""


class _Source:
    """Pieces, as a file that `pyrage` reads."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._held:
                self._held = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as error:
            self.failure = error
            raise
        part, self._held = bytes(self._held[:size]), self._held[size:]
        return part


class _Sink:
    """A function that takes bytes, as a file that `pyrage` writes. What has failed is not called again."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        if self.failure is not None:
            raise self.failure
        try:
            self._take(data)
        except BaseException as error:
            self.failure = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


@contextlib.contextmanager
def _ends(pieces: Iterator[bytes], take: Callable[[bytes], object]) -> Iterator[tuple[_Source, _Sink]]:
    """The two ends of a stream; what they raise is raised as it was.

    `pyrage` turns it into words, and what fails at its last write it passes over in silence.
    """
    source, sink = _Source(pieces), _Sink(take)
    try:
        yield source, sink
    except Exception as error:
        _raise(source.failure or sink.failure)
        if isinstance(error, OSError):
            raise _Broken from None
        raise
    _raise(source.failure or sink.failure)


def _raise(failure: BaseException | None) -> None:
    if failure is not None:
        raise failure from None


def _recipients(lock: Identities | Recipients) -> list[Any]:
    import pyrage  # noqa: PLC0415  (as above)

    if isinstance(lock, Recipients):
        return [pyrage.x25519.Recipient.from_str(line) for line in lock.lines]
    return [identity.to_public() for identity in _identities(lock)]


def _identities(lock: Identities) -> list[Any]:
    import pyrage  # noqa: PLC0415  (as above)

    try:
        return [pyrage.x25519.Identity.from_str(line) for line in lock.lines]
    except pyrage.IdentityError:
        raise Malformed("the identity file holds a line that is no age identity") from None
