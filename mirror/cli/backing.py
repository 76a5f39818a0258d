"""`mirror backup`: a whole workspace in one encrypted file, and back.

A backup's lock is chosen anew each time: a passphrase, an age identity, or recipients, whose identity need not be on
this machine. What it holds and how it is read: `mirror.store.backup`.
"""

from pathlib import Path

import click

from mirror.cli.main import Session
from mirror.cli.reporting import print_report
from mirror.cli.sources import open_copy
from mirror.cli.terminal import escape, in_groups, many
from mirror.cli.trusting import trust_of
from mirror.cli.typed import Misused, as_typed, check_new
from mirror.cli.unlocking import named_identity, new_lock, next_lock, old_lock
from mirror.cli.verifying import judge_copy
from mirror.edition import Edition
from mirror.errors import MirrorError, Refused, Unverified
from mirror.store import backup as backups
from mirror.store import vault
from mirror.store.record import Record
from mirror.store.workspace import Workspace
from mirror.verdict import Claim, Report, State

NAMES_SHOWN_AT_MOST = 10
"""Names of what stays behind that are shown: a workspace may lie among a person's other things."""


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--restore", is_flag=True, help="Lay PATH out in the folder --home, which has to be new or empty.")
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Lock it to this age identity file instead of a passphrase; with --restore, open it with that.",
)
@click.option(
    "--recipient", "recipients", multiple=True, metavar="AGE1…", help="Lock it to this recipient; repeatable."
)
@click.option(
    "--passphrase-fd", type=int, metavar="N", help="Read the backup's passphrase from this open file descriptor."
)
@click.pass_obj
def backup(
    session: Session,
    path: Path,
    *,
    restore: bool,
    identity: Path | None,
    recipients: tuple[str, ...],
    passphrase_fd: int | None,
) -> int:
    """Keep the whole workspace in one new encrypted file, PATH, outside of it: settings, archive, secrets.

    It opens with a passphrase of its own, or with an age identity; the stock tools age and tar open it too. Keep it on
    another disk or machine, and its passphrase or identity somewhere else again. The signing key in it stays locked
    with what locks it now. A backup from before a withdrawal still holds what was withdrawn: make a new one, and
    remove the old.

    --restore lays it out in a new folder, verifies the archive, and says which edition it holds. Where a later one was
    signed, publish refuses to go on from it.

    \b
    mirror backup /media/stick/voices.age
    mirror backup --recipient age1… /media/stick/voices.age
    mirror --home restored backup --restore /media/stick/voices.age
    """
    if sum([bool(recipients), identity is not None, passphrase_fd is not None]) > 1:
        raise Misused("--recipient, --identity and --passphrase-fd exclude each other")
    if not restore:
        return _back_up(session, path, identity, recipients, passphrase_fd)
    if recipients:
        raise Misused("a recipient opens nothing", hint="name its identity file with --identity")
    return _restore(session, path, identity, passphrase_fd)


# Out


def _back_up(
    session: Session, path: Path, identity: Path | None, recipients: tuple[str, ...], descriptor: int | None
) -> int:
    workspace = Workspace(session.home).require()
    backups.check_outside(workspace.home, path)
    check_new(path, hint="name a new file for each backup")
    lock = _new_lock(session, workspace, identity, recipients, descriptor)
    with workspace.writing():
        edition = _edition_number(session, workspace)
        found = backups.find(workspace)
        with session.terminal.progress("backing up", "files") as move:
            size = backups.write(workspace, found, path, lock, move)
    _print_backed_up(session, path, found, size, edition, lock)
    return 0


def _new_lock(
    session: Session, workspace: Workspace, identity: Path | None, recipients: tuple[str, ...], descriptor: int | None
) -> vault.Lock | vault.Recipients:
    if recipients:
        with as_typed():
            return vault.parse_recipients(recipients)
    if descriptor is not None:
        return next_lock(session, descriptor, None, "the backup")
    named = named_identity(identity)
    if named is not None and workspace.home.resolve() in named.resolve().parents:
        raise Refused(
            f"{named} lies in the workspace: it would be lost with it, and nothing else opens the backup",
            hint="keep a copy of it somewhere else and name that with --identity, or give --passphrase-fd",
        )
    return new_lock(session, None, identity, "the backup")


def _edition_number(session: Session, workspace: Workspace) -> int | None:
    try:
        with workspace.archive as archive:
            return Edition(archive.head(), archive.blocks.get).number
    except MirrorError as error:
        session.terminal.warn(f"the archive cannot be read, and is kept as it is: {escape(error.message)}")
        session.terminal.warn("  hint: look at it with: mirror fsck")
        return None


def _print_backed_up(
    session: Session,
    path: Path,
    found: backups.Found,
    size: int,
    edition: int | None,
    lock: vault.Lock | vault.Recipients,
) -> None:
    count = many(len(found.entries), "file", "files")
    held = f"edition {edition}" if edition else "no edition that can be read"
    session.terminal.say(f"wrote {path}: {held}, {count}, {size} bytes")
    session.terminal.say(f"it opens with {_LOCKS[type(lock)]}, which has to be kept apart from it")
    if found.left_out:
        shown = ", ".join(escape(name) for name in found.left_out[:NAMES_SHOWN_AT_MOST])
        more = len(found.left_out) - NAMES_SHOWN_AT_MOST
        session.terminal.warn(f"not in it: {shown}{f' and {more} more' if more > 0 else ''}")
    session.terminal.give(
        {
            "file": str(path),
            "bytes": size,
            "files": len(found.entries),
            "edition": edition,
            "locked_with": type(lock).__name__.lower(),
            "left_out": list(found.left_out),
        }
    )


_LOCKS = {
    vault.Passphrase: "its passphrase",
    vault.Identities: "the identity file",
    vault.Recipients: "the identity of its recipient",
}


# Back


def _restore(session: Session, path: Path, identity: Path | None, descriptor: int | None) -> int:
    if not path.exists():
        raise Misused(f"{path} does not exist")
    backups.check_empty(session.home)
    with path.open("rb") as file, as_typed(str(path)):
        passphrase = vault.wants_passphrase(file.read(vault.HEAD_BYTES))
    lock = old_lock(session, descriptor, identity, "the backup", passphrase=passphrase)
    try:
        count = backups.restore(path, session.home, lock)
    except Unverified as error:  # a slip of the fingers, and no verdict on anything
        raise Refused(error.message) from None
    session.terminal.tell(f"restored {many(count, 'file', 'files')} to {session.home}")
    return _judge(session, count)


def _judge(session: Session, count: int) -> int:
    """Verify what was restored and say which edition it is; what is false in it stays, for it may be all there is."""
    with open_copy(session.home, own=True) as copy:
        report = judge_copy(session, copy, trust_of(session, None, None, None, memory=True))
        complete = report.verdict(Claim.COMPLETE).state is State.HOLDS
        code = report.exit_code()
        if code == 1 or not complete or report.key is None:
            print_report(session.terminal, report, code)
            session.terminal.warn("it was restored as it was backed up, and is not what it should be")
            return code
        edition = Edition(copy.root, copy.get)
    _print_restored(session, edition, report, count)
    return 0


def _print_restored(session: Session, edition: Edition, report: Report, count: int) -> None:
    behind, hint = _behind(session, edition)
    key = report.verdict(Claim.KEY)
    say = session.terminal.say
    say(f"{edition.key.name}, edition {edition.number}, {many(edition.size, 'entry', 'entries')}: it verifies")
    say(f"key           {in_groups(str(edition.key.ipns))}")
    say(f"index hash    {edition.root}")
    if key.state is not State.HOLDS:
        for words in key.words:
            session.terminal.tell(f"key not checked: {words}")
    if behind:
        say(f"behind        {behind}")
        say(f"next          {hint}")
    session.terminal.give(
        {
            "home": str(session.home),
            "files": count,
            "mirror": edition.key.name,
            "key": str(edition.key.ipns),
            "key_state": key.state.value,
            "edition": edition.number,
            "size": edition.size,
            "index_hash": str(edition.root),
            "behind": behind,
            "next": hint,
        }
    )


def _behind(session: Session, edition: Edition) -> tuple[str, str]:
    """Why nothing may be published from this copy yet, and what to do; nothing where it may."""
    if not Workspace(session.home).key_path.exists():
        return "", ""
    recorded = Record(session.state).read(edition.key)
    if recorded is None:
        return (
            "this machine has no record of what this key last signed",
            "look whether a later edition exists anywhere; if there is none: mirror publish --this-is-newest …",
        )
    if recorded.edition > edition.number:
        return (
            f"edition {recorded.edition} was signed on this machine; this copy is older",
            "mirror import FILE.car, with a copy of that edition",
        )
    return "", ""
