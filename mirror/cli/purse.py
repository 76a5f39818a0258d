"""Who pays for what stands on Ethereum: the key of an account, and what its nodes ask for.

The key is one line, `0x` and 64 hexadecimal digits, in the age file `secret/ethereum.age`: `age -d` opens it for any
other program. It pays, and nothing else: it is not the mirror's, and says nothing of who the mirror is. It is never an
option's value, never shown, and in no error.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator

import click

from mirror.cli.main import Session
from mirror.cli.typed import Misused, as_typed, read_line
from mirror.cli.unlocking import new_lock, open_line
from mirror.errors import Malformed, Missing, Refused
from mirror.formats import ether, wire
from mirror.network.ethereum import Node
from mirror.network.held import Authorization
from mirror.store import files, vault
from mirror.store.credentials import CREDENTIAL_AT_MOST, parse_typed
from mirror.store.settings import Ethereum
from mirror.store.workspace import Workspace

CREDENTIALS = "ethereum"
"""Under which name what the nodes ask for is kept, beside that of services."""

_SECRET = re.compile("(?:0x)?([0-9a-fA-F]{64})")
_WHAT = "the key of the account"


def ethereum_of(workspace: Workspace) -> Ethereum:
    """`[ethereum]` of mirror.toml. Raises `Misused` where it is not there, or names no node."""
    with as_typed():
        found = workspace.settings.ethereum
    if found is None or not found.nodes:
        raise Misused(
            "mirror.toml names no node of Ethereum", hint='add to it: [ethereum] and nodes = ["http://127.0.0.1:8545"]'
        )
    return found


@contextlib.contextmanager
def open_nodes(session: Session, workspace: Workspace, ethereum: Ethereum) -> Iterator[list[Node]]:
    """The nodes of `[ethereum]`, ready to be asked; what they ask for is shown to each."""
    kept = workspace.credentials.read(CREDENTIALS)
    authorization = None if kept is None else Authorization.parse(kept.line)
    with contextlib.ExitStack() as stack:
        with as_typed("mirror.toml: ethereum.nodes"):
            nodes = [stack.enter_context(Node(url, session.route, authorization)) for url in ethereum.nodes]
        yield nodes


def account_of(ethereum: Ethereum) -> bytes | None:
    """The account that mirror.toml names, 20 bytes; None where it names none."""
    if not ethereum.account:
        return None
    plain = ethereum.account[2:]
    account = wire.decode_hex(plain.lower())
    if plain not in (plain.lower(), plain.upper()) and ether.address_text(account) != ethereum.account:
        raise Misused(f"mirror.toml: ethereum.account is mistyped: {ethereum.account} has upper case in a wrong place")
    return account


class Purse:
    """The account that pays, and its key, which is asked for once and only when it is needed."""

    def __init__(self, session: Session, workspace: Workspace, ethereum: Ethereum, descriptor: int | None) -> None:
        self._session = session
        self._path = workspace.ethereum_key_path
        self._descriptor = descriptor
        self._named = account_of(ethereum)
        self._secret: bytes | None = None

    @property
    def account(self) -> bytes:
        """Who pays: the account that mirror.toml names, else that of the key."""
        return ether.address_of(self.secret()) if self._named is None else self._named

    def secret(self) -> bytes:
        """The key, 32 bytes."""
        if self._secret is None:
            self._secret = self._open()
        return self._secret

    def _open(self) -> bytes:
        try:
            sealed = files.read_at_most(self._path, vault.SECRET_AT_MOST, _WHAT)
        except Missing:
            hint = "mirror anchor ethereum --new-key makes one, --import-key takes one in"
            raise Refused("there is no key of an account to pay with", hint=hint) from None
        secret = _parse(open_line(self._session, sealed, self._descriptor, _WHAT))
        address = ether.address_text(ether.address_of(secret))
        if self._named is not None and ether.address_text(self._named) != address:
            raise Refused(f"the key is that of {address}, and mirror.toml names {ether.address_text(self._named)}")
        return secret


def _parse(line: str) -> bytes:
    """A key as it is kept or typed. Raises `Malformed`, which shows nothing of it."""
    found = _SECRET.fullmatch(line.strip())
    if found is None:
        raise Malformed(f"{_WHAT} is not 64 hexadecimal digits")
    secret = wire.decode_hex(found[1].lower())
    ether.address_of(secret)
    return secret


def make_key(session: Session, workspace: Workspace, descriptor: int | None) -> None:
    """Make a new key and keep it, encrypted; refuses where there is one."""
    _keep(session, workspace, secrets.token_bytes(32), descriptor)


def import_key(session: Session, workspace: Workspace, key_fd: int | None, descriptor: int | None) -> None:
    """Keep a key that somebody has already, typed or read from a file descriptor."""
    if key_fd is None and not session.terminal.interactive:
        raise Refused("nobody is here to type a key", hint="give it with --key-fd")
    with as_typed():
        words = _given(key_fd) if key_fd is not None else _prompt("the account's key, 64 hexadecimal digits")
        _keep(session, workspace, _parse(words), descriptor)


def _keep(session: Session, workspace: Workspace, secret: bytes, descriptor: int | None) -> None:
    path = workspace.ethereum_key_path
    if path.exists():
        raise Refused(
            f"{path} exists already and is not overwritten",
            hint="move it away first, if nothing is left in its account",
        )
    address = ether.address_text(ether.address_of(secret))
    lock = new_lock(session, descriptor, None, _WHAT)
    files.create(path, vault.seal(f"0x{wire.encode_hex(secret)}\n".encode(), lock))
    session.terminal.tell(f"wrote {path}")
    session.terminal.say(f"account       {address}")
    session.terminal.tell("whoever puts ether into it can be seen by everyone; mirror backup keeps its key too")
    session.terminal.give({"account": address})


def enter_credentials(session: Session, workspace: Workspace, descriptor: int | None) -> None:
    """Keep what the nodes ask of whoever speaks to them; nothing, to forget it."""
    if descriptor is None and not session.terminal.interactive:
        raise Refused("nobody is here to type credentials", hint="give them with --key-fd")
    with as_typed():
        question = "what the nodes ask for: a token, or user:password; nothing to forget what is kept"
        words = _given(descriptor) if descriptor is not None else _prompt(question)
        if words:
            workspace.credentials.write(CREDENTIALS, parse_typed(words))
        else:
            workspace.credentials.forget(CREDENTIALS)
    path = workspace.credentials.path(CREDENTIALS).relative_to(workspace.home)
    session.terminal.say(f"kept in {path}, for its owner alone" if words else "nothing is kept")
    session.terminal.give({"kept": bool(words)})


def _given(descriptor: int) -> str:
    return wire.decode_utf8(read_line(descriptor, CREDENTIAL_AT_MOST), "what was given")


def _prompt(question: str) -> str:
    typed: str = click.prompt(question, hide_input=True, default="", show_default=False, err=True)
    return typed
