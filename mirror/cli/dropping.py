"""`mirror drop`: leave single testimonies out of a keeper's copy."""

from functools import partial
from pathlib import Path

import click

from mirror.cli.carrying import judge_pending, take_up
from mirror.cli.main import Session
from mirror.cli.taking_back import end_sealed, keep_token
from mirror.cli.terminal import many
from mirror.cli.trusting import trust_of
from mirror.cli.typed import Index, Misused
from mirror.cli.withdrawing import read_request, read_token, wanted_by
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.follow_drop import drop as leave_out
from mirror.store.archive import Archive
from mirror.store.sealed import Sealed
from mirror.store.workspace import Workspace


@click.command()
@click.argument("indexes", nargs=-1, type=Index(), metavar="[INDEX]…")
@click.option("--token-file", type=click.Path(path_type=Path), help="An author's token: its account is dropped.")
@click.option(
    "--request", "request_file", type=click.Path(path_type=Path), help="An author's signed request: the same."
)
@click.pass_obj
def drop(session: Session, indexes: tuple[int, ...], *, token_file: Path | None, request_file: Path | None) -> None:
    """Leave testimonies out of a keeper's copy, without withdrawing them.

    Their notes and attachments leave the files here and are not fetched again. The copy stays servable, and says of
    them that they are not held by this keeper. To have them again: mirror import, from a copy that holds them. With an
    author's token or request, they are withdrawn here, before the log says so, and no copy brings them back.

    \b
    mirror --home copy drop 17
    mirror --home copy drop --token-file token.txt
    """
    if (bool(indexes), request_file is not None, token_file is not None).count(True) != 1:
        raise Misused("name what to drop: INDEX…, --token-file FILE or --request FILE")
    asked = None if request_file is None else read_request(request_file)
    token = None if token_file is None else read_token(session, token_file)
    workspace = Workspace(session.home).require()
    if workspace.key_path.exists():
        raise Refused("a publisher's own archive is kept whole", hint="to take a testimony back: mirror withdraw INDEX")
    with workspace.writing(), workspace.archive as archive:
        trust = trust_of(session, None, None, None, memory=True)
        take_up(session, archive, partial(judge_pending, session, archive, trust))
        edition = Edition(archive.head(), archive.get)
        withdrawn = not indexes
        wanted = indexes or _taken_back(session, archive, workspace.sealed, edition, (asked, token))
        if token is not None and wanted:
            keep_token(archive, token)
        count = leave_out(archive, wanted, withdrawn=withdrawn) if wanted else 0
    listed = ", ".join(f"#{index}" for index in wanted)
    what = "withdrawn, not yet in the log" if withdrawn else "left out"
    if wanted:
        session.terminal.say(f"{edition.key.name}: {listed} {what}, {many(count, 'block', 'blocks')} removed")
    if withdrawn and wanted:
        on = "; mirror serve passes its token on to other keepers" if token else ", and to other keepers"
        session.terminal.tell(f"hand the file to the publisher, who withdraws it for everyone{on}")
    session.terminal.give(
        {"mirror": edition.key.name, "indexes": list(wanted), "blocks": count, "withdrawn": withdrawn}
    )


def _taken_back(
    session: Session, archive: Archive, sealed: Sealed, edition: Edition, shown: tuple[bytes | None, bytes | None]
) -> tuple[int, ...]:
    """What an author takes back; nothing where the log says so already, and what was put away of it is destroyed."""
    asked, token = shown
    ended = 0 if token is None else end_sealed(session, archive, sealed, token)
    try:
        return wanted_by(edition, (), asked, token).indexes
    except Refused:
        if not ended:
            raise
        return ()
