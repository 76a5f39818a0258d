"""Where keys and passphrases come from: a prompt, a file, a file descriptor, an age identity; never an option's value.

MIRROR_IDENTITY_FILE      an age identity file, as `age-keygen` writes it
MIRROR_PASSPHRASE_FILE    a file whose first line is the passphrase
--passphrase-fd N         the same from an open file descriptor
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mirror.cli.main import Session
from mirror.cli.typed import Misused, as_typed, read_line
from mirror.errors import Malformed, Refused, Unverified
from mirror.formats import key as keys
from mirror.formats import wire
from mirror.formats.key import SecretKey
from mirror.store import files, vault
from mirror.store.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

PASSPHRASE_AT_LEAST = 12
"""Letters in a new passphrase: below that a seized laptop's disk can be searched through."""


def passphrase_option(command: F) -> F:
    """The one option that speaks of passphrases."""
    return click.option(
        "--passphrase-fd", type=int, metavar="N", help="Read the key's passphrase from this open file descriptor."
    )(command)


def unlock(session: Session, workspace: Workspace, descriptor: int | None) -> SecretKey:
    """The workspace's signing key."""
    if not workspace.key_path.exists():
        raise Refused(f"{workspace.home} holds no signing key; only the mirror's publisher can do this")
    return open_sealed(session, workspace.sealed_key(), descriptor, "the mirror's key")


def open_sealed(session: Session, sealed: bytes, descriptor: int | None, what: str) -> SecretKey:
    """The key in an age file."""
    return keys.parse_skey(open_line(session, sealed, descriptor, what))


def open_line(session: Session, sealed: bytes, descriptor: int | None, what: str) -> str:
    """The one line in an age file. A secret."""
    with as_typed(what):
        passphrase = vault.wants_passphrase(sealed)
    lock = old_lock(session, descriptor, None, what, passphrase=passphrase)
    try:
        content = wire.decode_utf8(vault.unseal(sealed, lock), what)
    except Unverified as error:  # a slip of the fingers, and no verdict on anything
        raise Refused(error.message) from None
    if not content.endswith("\n"):
        raise Malformed(f"{what} is not a key")
    return content[:-1]


def old_lock(
    session: Session, descriptor: int | None, identity: Path | None, what: str, *, passphrase: bool
) -> vault.Lock:
    """What opens something that is locked: a passphrase, or an identity file."""
    if passphrase:
        given = _given(descriptor)
        return given or vault.Passphrase(_prompt(session, f"passphrase of {what}", again=False))
    named = named_identity(identity)
    if named is None:
        raise Refused(
            f"{what} is encrypted to an age identity", hint="name its file with: MIRROR_IDENTITY_FILE=FILE mirror …"
        )
    return _identities(named)


def new_lock(session: Session, descriptor: int | None, identity: Path | None, what: str) -> vault.Lock:
    """What a new key will be locked with: an identity file where one is named, otherwise a passphrase."""
    named = named_identity(identity)
    if named is not None:
        return _identities(named)
    return _long_enough(_given(descriptor) or _new_passphrase(session, what))


def next_lock(session: Session, descriptor: int | None, identity: Path | None, what: str) -> vault.Lock:
    """What a key will be locked with from now on; the environment speaks of what locked it so far."""
    if identity is not None:
        return _identities(identity)
    return _long_enough(_from_descriptor(descriptor) if descriptor is not None else _new_passphrase(session, what))


def _new_passphrase(session: Session, what: str) -> vault.Passphrase:
    return vault.Passphrase(_prompt(session, f"new passphrase for {what}", again=True))


def _long_enough(given: vault.Passphrase) -> vault.Passphrase:
    if len(given.words) < PASSPHRASE_AT_LEAST:
        raise Refused(
            f"the passphrase has fewer than {PASSPHRASE_AT_LEAST} letters",
            hint="four or five words that nobody would guess together are easy to keep in mind",
        )
    return given


def named_identity(option: Path | None) -> Path | None:
    """The identity file that an option names, or the environment."""
    named = os.environ.get("MIRROR_IDENTITY_FILE")
    return option or (Path(named) if named else None)


def _identities(path: Path) -> vault.Lock:
    with as_typed():
        return vault.read_identities(path)


def _given(descriptor: int | None) -> vault.Passphrase | None:
    if descriptor is not None:
        return _from_descriptor(descriptor)
    named = os.environ.get("MIRROR_PASSPHRASE_FILE")
    with as_typed():
        return vault.read_passphrase(Path(named)) if named else None


def _from_descriptor(descriptor: int) -> vault.Passphrase:
    line = read_line(descriptor, vault.SECRET_AT_MOST)
    if not line:
        raise Misused(f"file descriptor {descriptor} holds no passphrase in its first line")
    with as_typed():
        return vault.Passphrase(wire.decode_utf8(line, "the passphrase"))


def _prompt(session: Session, words: str, *, again: bool) -> str:
    if not session.terminal.interactive:
        raise Refused(
            "nobody is here to type a passphrase",
            hint="set MIRROR_PASSPHRASE_FILE or MIRROR_IDENTITY_FILE, or give --passphrase-fd",
        )
    typed: str = click.prompt(words, hide_input=True, confirmation_prompt=again, err=True)
    return typed


def write_sealed(path: Path, secret: SecretKey, lock: vault.Lock) -> None:
    """A new age file with a key in it; an existing file is refused."""
    files.create(path, vault.seal(f"{secret.skey}\n".encode(), lock))
