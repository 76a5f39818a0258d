"""`mirror anchor`: commit the log to outside clocks, and gather their proofs."""

import importlib
from collections.abc import Sequence

import click

from mirror import anchor_due, anchor_ots
from mirror.anchor import COMPLETE, OTS, Standing, checkpoint_at
from mirror.anchor_ots import Heard, anchor_of
from mirror.cli.clocks import (
    asking,
    log_of,
    print_standings,
    publishers_workspace,
    said_in_json,
    show_said,
    stamp,
    standings_in_json,
    upgrade_all,
)
from mirror.cli.main import Nearest, Session
from mirror.cli.scheduling import tend
from mirror.cli.typed import Misused
from mirror.edition import Edition
from mirror.store.workspace import Workspace

ELSEWHERE = {"ethereum": "anchoring_ethereum:ethereum"}
"""Commands of the group that are in other modules of `mirror.cli`, and where."""


class _Clocks(Nearest):
    """A group that imports what costs money only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, name = ELSEWHERE[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(f"mirror.cli.{module}"), name)
        return command


@click.group(cls=_Clocks)
def anchor() -> None:
    """Commit the log to outside clocks, and gather the proofs that they give.

    An anchor shows that all that was listed existed by a day. It does not show who wrote it, nor that no other log was
    anchored. Proofs go into the next edition.

    \b
    mirror anchor ots            hand the newest checkpoint to OpenTimestamps' calendars
    mirror anchor upgrade        later: fetch the proofs that they promised
    mirror anchor status
    """


calendar_option = click.option(
    "--calendar",
    "calendars",
    multiple=True,
    metavar="URL",
    help="Ask this calendar; repeatable. Default: mirror.toml's.",
)
bitcoin_option = click.option(
    "--bitcoin",
    "bitcoin",
    multiple=True,
    metavar="URL",
    help="Compare with the blocks that this explorer or node shows; repeatable. Default: mirror.toml's.",
)


@anchor.command(short_help="hand the newest checkpoint to OpenTimestamps' calendars")
@calendar_option
@click.option("--again", is_flag=True, help="Also where it was handed in before, such as when a calendar forgot it.")
@click.option("--due", is_flag=True, help="Fetch what is promised, and hand in only what is due by the schedule.")
@click.pass_obj
def ots(session: Session, *, calendars: tuple[str, ...], again: bool, due: bool) -> int:
    """Hand the newest checkpoint to several of OpenTimestamps' calendars, which commit to it in a block of Bitcoin.

    They are sent 32 bytes that tell them nothing, and promise a block; that takes hours to a day. What they promised is
    kept in secret/anchors/ until `mirror anchor upgrade` fetches it. It costs nothing. Exit code 3: none of them
    answered.

    With `--due`, for a timer, it does what `mirror publish` does with `anchor = ["ots"]` in mirror.toml.

    \b
    mirror anchor ots
    mirror anchor ots --calendar https://ots.example
    mirror anchor ots --due
    """
    if due and (again or calendars):
        raise Misused("--due goes by mirror.toml, and takes neither --again nor --calendar")
    workspace = publishers_workspace(session)
    with workspace.writing(), workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        if due:
            return _tended(session, workspace, edition)
        standing = _standing_of(workspace, edition)
        if standing is not None and not again:
            anchor_ots.awaited(workspace.anchors, checkpoint_at(edition, edition.size))
            session.terminal.say(f"{log_of(edition.size)} is at the calendars already: {standing.words}")
            return _give_one(session, edition.size, standing.state, standing.words, ())
        checkpoint = checkpoint_at(edition, edition.size)
        with asking(session, workspace, calendars) as asked:
            stamped, said = stamp(workspace, checkpoint, asked.calendars)
    show_said(session, said)
    words = anchor_ots.in_words(stamped)
    session.terminal.say(f"{log_of(edition.size)} is at the calendars: {words}")
    session.terminal.say("next          mirror anchor upgrade, in a few hours")
    return _give_one(session, edition.size, "pending", words, said)


@anchor.command(short_help="fetch the proofs that calendars promised")
@calendar_option
@bitcoin_option
@click.pass_obj
def upgrade(session: Session, *, calendars: tuple[str, ...], bitcoin: tuple[str, ...]) -> int:
    """Fetch the proofs that calendars promised, and keep those that are complete for the next edition.

    With `--bitcoin`, or `bitcoin` in mirror.toml, each is compared with the block that it names, and what is not in
    that block is not kept; without, readers find that out. Nothing of an edition is changed here: `mirror publish`
    takes complete proofs in. Exit code 1: a calendar showed a block that does not hold it, or what is kept is damaged.
    3: something is still awaited that has no block yet.

    \b
    mirror anchor upgrade
    mirror anchor upgrade --bitcoin https://explorer.example/api
    """
    workspace = publishers_workspace(session)
    with workspace.writing(), workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        with asking(session, workspace, calendars, bitcoin) as asked:
            said = upgrade_all(workspace, edition, asked)
        standings = [each for each in anchor_due.standings(workspace.anchors, edition) if each.clock == OTS]
    show_said(session, said)
    print_standings(session, standings)
    session.terminal.give({"calendars": said_in_json(said), "anchors": standings_in_json(standings)})
    awaited = any(each.state != COMPLETE for each in standings)
    if awaited:
        session.terminal.tell(
            "type this again later; where a calendar forgot what it promised: mirror anchor ots --again"
        )
    if any(each.is_false for each in said):
        return 1
    return 3 if awaited else 0


@anchor.command(short_help="show every anchor: in the edition, complete, or awaited")
@click.pass_obj
def status(session: Session) -> int:
    """Show every anchor that the newest edition holds, that is complete and goes into the next, or that is awaited.

    It connects to nothing.
    """
    workspace = Workspace(session.home).require()
    with workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        standings = anchor_due.standings(workspace.anchors, edition)
    print_standings(session, standings)
    session.terminal.give({"anchors": standings_in_json(standings)})
    return 0


def _tended(session: Session, workspace: Workspace, edition: Edition) -> int:
    said, size = tend(session, workspace, edition)
    standings = [each for each in anchor_due.standings(workspace.anchors, edition) if each.clock == OTS]
    print_standings(session, standings)
    document = {"handed_in": size, "calendars": said_in_json(said), "anchors": standings_in_json(standings)}
    session.terminal.give(document)
    return 1 if any(each.is_false for each in said) else 0


def _standing_of(workspace: Workspace, edition: Edition) -> Standing | None:
    wanted = anchor_of(edition.size)
    standings = anchor_due.standings(workspace.anchors, edition)
    return next((each for each in standings if each.anchor == wanted), None)


def _give_one(session: Session, size: int, state: str, words: str, said: Sequence[Heard]) -> int:
    document = {"clock": OTS, "size": size, "state": state, "words": words, "calendars": said_in_json(said)}
    session.terminal.give(document)
    return 0
