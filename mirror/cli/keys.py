"""`mirror key`: make a key, show its names, change what locks it."""

import secrets
from pathlib import Path

import click

from mirror.cli.main import Nearest, Session
from mirror.cli.terminal import in_groups
from mirror.cli.typed import as_typed, check_new
from mirror.cli.unlocking import new_lock, next_lock, open_sealed, passphrase_option, unlock, write_sealed
from mirror.edition import Edition
from mirror.formats import key as keys
from mirror.formats import link
from mirror.formats.key import PublicKey
from mirror.store import files, vault
from mirror.store.workspace import Workspace


@click.group(cls=Nearest)
def key() -> None:
    """Make a key, show its names, change its passphrase.

    \b
    mirror key new anna.example -o anna.age      a key for an author
    mirror key show                              the workspace's key
    mirror key show anna.age
    mirror key passphrase                        lock the workspace's key anew
    """


@key.command(short_help="make a key for an author")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The new age file to keep it in.")
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Encrypt it to this age identity file instead of a passphrase.",
)
@passphrase_option
@click.pass_obj
def new(session: Session, name: str, *, output: Path, identity: Path | None, passphrase_fd: int | None) -> None:
    """Make a key for an author, under the name she chooses: a-z 0-9 . _ ~ / -.

    \b
    mirror key new anna.example -o anna.age
    """
    with as_typed():
        made = keys.generate(keys.parse_name(name), secrets.token_bytes(32))
    check_new(output)
    write_sealed(output, made, new_lock(session, passphrase_fd, identity, f"the key of {name}"))
    session.terminal.tell(f"wrote {output}")
    _show(session, made.public)


@key.command(short_help="show a key: the workspace's, or that in FILE")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@passphrase_option
@click.pass_obj
def show(session: Session, file: Path | None, *, passphrase_fd: int | None) -> None:
    """Show a key's vkey and its k51… name: the workspace's, or that in FILE.

    \b
    mirror key show
    mirror key show anna.age
    """
    if file is not None:
        sealed = files.read_at_most(file, vault.SECRET_AT_MOST, "the key")
        _show(session, open_sealed(session, sealed, passphrase_fd, f"the key in {file}").public)
        return
    archive = Workspace(session.home).require().archive
    with archive:
        _show(session, Edition(archive.head(), archive.blocks.get).key)


@key.command(short_help="lock the workspace's key anew")
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="From now on, lock it to this age identity file instead of a passphrase.",
)
@click.option("--new-passphrase-fd", type=int, metavar="N", help="Read the new passphrase from this file descriptor.")
@passphrase_option
@click.pass_obj
def passphrase(
    session: Session, *, identity: Path | None, new_passphrase_fd: int | None, passphrase_fd: int | None
) -> None:
    """Lock the workspace's key anew: with a new passphrase, or to an age identity.

    What opens it now is found as always; a new passphrase is asked for twice, whatever the environment says. Copies of
    the old file, in backups too, still open with what opened them before.

    \b
    mirror key passphrase
    mirror key passphrase --identity identity.txt
    """
    workspace = Workspace(session.home).require()
    signing = unlock(session, workspace, passphrase_fd)
    with workspace.writing():
        workspace.relock(signing, next_lock(session, new_passphrase_fd, identity, "the mirror's key"))
    kind = "passphrase" if identity is None else "identity"
    session.terminal.say(f"the key is locked anew, with {'an age identity' if identity else 'a passphrase'}")
    session.terminal.give({"locked_with": kind})


def _show(session: Session, public: PublicKey) -> None:
    session.terminal.say(f"vkey  {public.vkey}\nkey   {in_groups(str(public.ipns))}")
    session.terminal.give(
        {"vkey": public.vkey, "key": str(public.ipns), "name": public.name, "newest_link": str(link.newest(public))}
    )
