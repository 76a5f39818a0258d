"""`mirror withdraw`: take testimonies back. `mirror request`: an author asks for it with her key."""

from functools import partial
from pathlib import Path

import click

from mirror import withdraw as flow
from mirror.cli.authoring import mirror_of
from mirror.cli.copies import gateway_option
from mirror.cli.main import Session
from mirror.cli.publishing import Order, begin, pin_published, print_published, today
from mirror.cli.scheduling import settle
from mirror.cli.terminal import isolate
from mirror.cli.typed import Index, Misused, as_typed, check_new, from_option
from mirror.cli.unlocking import open_sealed, passphrase_option, unlock
from mirror.edition import Edition
from mirror.errors import Malformed, MirrorError, Refused
from mirror.formats import cid as cids
from mirror.formats import request as requests
from mirror.formats.notes import REASONS, Testimony
from mirror.intake import words
from mirror.intake.drafts import Options
from mirror.plan import bring_up_to_date
from mirror.publish import TOKEN_BYTES
from mirror.store import files, vault
from mirror.store.workspace import Workspace
from mirror.withdraw import Wanted


@click.command()
@click.argument("indexes", nargs=-1, type=Index(), metavar="[INDEX]…")
@click.option(
    "--request", "request_file", type=click.Path(path_type=Path), help="An author's signed request: mirror request."
)
@click.option("--token-file", type=click.Path(path_type=Path), help="A file whose first line is the twelve words.")
@click.option("--reason", type=click.Choice(REASONS), help="Say why, for everybody to read; left out by default.")
@click.option("--this-is-newest", is_flag=True, help="You know that no later edition of this mirror exists anywhere.")
@click.option("--yes", is_flag=True, help="Do not ask before withdrawing.")
@passphrase_option
@click.pass_obj
def withdraw(
    session: Session,
    indexes: tuple[int, ...],
    *,
    request_file: Path | None,
    token_file: Path | None,
    reason: str | None,
    this_is_newest: bool,
    yes: bool,
    passphrase_fd: int | None,
) -> int:
    """Withdraw testimonies: from the tree, and from the archive's files.

    Without INDEX, asks for a token's twelve words, and withdraws that account: the testimony with its versions and
    translations. With INDEX, you withdraw them as the publisher, and everybody can see that it was you. The log goes on
    saying that something was listed; it never said what. Copies that others made cannot be recalled.

    \b
    mirror withdraw
    mirror withdraw 17 --reason safety
    mirror withdraw --request request.txt
    """
    if (bool(indexes), request_file is not None, token_file is not None).count(True) > 1:
        raise Misused("indexes, a request and a token exclude each other")
    workspace = Workspace(session.home).require()
    asked = None if request_file is None else read_request(request_file)
    token = read_token(session, token_file) if asked is None and not indexes else None
    signing = unlock(session, workspace, passphrase_fd)
    with workspace.writing(), workspace.archive as archive:
        publisher = begin(session, workspace, signing, newest=this_is_newest)
        with workspace.texts(signing) as texts:  # a text that is gone from the tree can no longer be taken in
            bring_up_to_date(texts, publisher.head)
        wanted = wanted_by(publisher.head, indexes, asked, token)
        _show(session, publisher.head, wanted)
        if not session.terminal.confirm("withdraw? this cannot be undone", yes=yes):
            raise Refused("nothing was withdrawn")
        if asked is not None:
            workspace.keep_request(asked)
        published = flow.withdraw(publisher, archive, signing, wanted, reason=reason, day=today(workspace))
        settle(workspace, publisher.head)
        named = archive.name_record() is not None
    listed = ", ".join(f"#{index}" for index in wanted.indexes)
    session.terminal.say(f"withdrawn: {listed}; please ask whoever holds copies to delete them")
    after = partial(pin_published, session, workspace, signing, Order((), Options(), shows=True, yes=yes))
    pins = bool(workspace.settings.pin)
    if workspace.settings.service and not pins:
        session.terminal.tell("the services of mirror.toml have it still; to take it from them: mirror pin")
    if named and not pins:
        session.terminal.tell("the mirror's name leads to the edition before still; to lead it on: mirror name")
    return print_published(session, signing.public, published, withdrawn=wanted.indexes, after=after if pins else None)


def read_request(path: Path) -> bytes:
    """An author's request in a file."""
    with as_typed():
        return files.read_at_most(path, requests.REQUEST_AT_MOST, "the request")


def read_token(session: Session, path: Path | None) -> bytes:
    """The token in a file, or as it is typed."""
    if path is not None:
        with as_typed(str(path)):
            content = files.read_at_most(path, vault.SECRET_AT_MOST, "the token file").decode("utf-8", "replace")
            return _parse_token(content.split("\n", 1)[0])
    if not session.terminal.interactive:
        raise Misused("nothing says what to withdraw", hint="name an INDEX, --request FILE or --token-file FILE")
    with as_typed():
        return _parse_token(click.prompt("the token's twelve words", err=True, hide_input=True))


def _parse_token(line: str) -> bytes:
    token = words.from_words(line)
    if len(token) != TOKEN_BYTES:
        raise Malformed("these are twenty-four words, and a token has twelve")
    return token


def wanted_by(head: Edition, indexes: tuple[int, ...], asked: bytes | None, token: bytes | None) -> Wanted:
    """What is to be withdrawn, by whom."""
    if asked is not None:
        return flow.by_request(head, asked)
    return flow.by_publisher(head, indexes) if token is None else flow.by_token(head, token)


def _show(session: Session, head: Edition, wanted: Wanted) -> None:
    for index in wanted.indexes:
        try:
            testimony = head.open(index, Testimony)
            title = isolate(testimony.title) if testimony.title else "(no title)"
            session.terminal.tell(f"withdraws #{index}  [{testimony.language}]  {title}")
        except MirrorError as error:
            session.terminal.tell(f"withdraws #{index}, which cannot be read: {error.message}")
    if wanted.others:
        listed = ", ".join(f"#{index}" for index in wanted.others)
        session.terminal.tell(f"of the same account, and not withdrawn by this: {listed}")


@click.command()
@click.argument("cid")
@click.option(
    "--for", "what", required=True, metavar="LINK", help="The mirror: its announcement, archive or CAR; or a link."
)
@from_option
@gateway_option
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Your key."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The new file to hand in.")
@passphrase_option
@click.pass_obj
def request(
    session: Session,
    cid: str,
    *,
    what: str,
    source: Path | None,
    gateways: tuple[str, ...],
    key_file: Path,
    output: Path,
    passphrase_fd: int | None,
) -> None:
    """Ask, as the author of a testimony, for your account to be withdrawn; hand the file to the publisher.

    CID is the testimony's, as mirror list --cid shows it. The publisher keeps the request privately; it is not listed.

    \b
    mirror request bafkrei… --for announcement.txt --key anna.age -o request.txt
    """
    with as_typed("the testimony's CID"):
        about = cids.parse_ours(cid, cids.RAW)
    check_new(output, "name another file with -o")
    mirror = mirror_of(session, what, source, gateways)
    asked = requests.Request(mirror.name, mirror.charter, about)
    sealed = files.read_at_most(key_file, vault.SECRET_AT_MOST, "the key")
    author = open_sealed(session, sealed, passphrase_fd, "your key")
    files.create(output, requests.sign(asked, author))
    session.terminal.say(f"wrote {output}; hand it to the publisher")
    session.terminal.give({"file": str(output), "mirror": mirror.name, "note": cid, "author": author.public.vkey})
