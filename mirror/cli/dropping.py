"""`mirror drop`: leave single testimonies out of a keeper's copy."""

from functools import partial

import click

from mirror.cli.carrying import judge_pending, take_up
from mirror.cli.main import Session
from mirror.cli.terminal import many
from mirror.cli.trusting import trust_of
from mirror.cli.typed import Index
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.follow_drop import drop as leave_out
from mirror.store.workspace import Workspace


@click.command()
@click.argument("indexes", nargs=-1, required=True, type=Index(), metavar="INDEX…")
@click.pass_obj
def drop(session: Session, indexes: tuple[int, ...]) -> None:
    """Leave testimonies out of a keeper's copy, without withdrawing them.

    Their notes and attachments leave the files here and are not fetched again. The copy stays servable, and says of
    them that they are not held by this keeper. To have them again: mirror import, from a copy that holds them.

    \b
    mirror --home copy drop 17
    """
    workspace = Workspace(session.home).require()
    if workspace.key_path.exists():
        raise Refused("a publisher's own archive is kept whole", hint="to take a testimony back: mirror withdraw INDEX")
    with workspace.writing(), workspace.archive as archive:
        trust = trust_of(session, None, None, None, memory=True)
        take_up(session, archive, partial(judge_pending, session, archive, trust))
        count = leave_out(archive, indexes)
        edition = Edition(archive.head(), archive.blocks.get)
    listed = ", ".join(f"#{index}" for index in indexes)
    session.terminal.say(f"{edition.key.name}: {listed} left out, {many(count, 'block', 'blocks')} removed")
    session.terminal.give({"mirror": edition.key.name, "indexes": list(indexes), "blocks": count})
