"""`mirror anchor`: commit the log to outside clocks, and gather their proofs."""

import contextlib
import importlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mirror import anchor_due, anchor_ots
from mirror.anchor import COMPLETE, OTS, Standing, checkpoint_at
from mirror.anchor_ots import NONCE_BYTES, Heard, anchor_of
from mirror.cli.main import Nearest, Session
from mirror.cli.terminal import in_one_line, many
from mirror.cli.typed import as_typed
from mirror.edition import Edition
from mirror.errors import Refused, Unavailable
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.ots import Proof
from mirror.store.workspace import Workspace

if TYPE_CHECKING:
    from mirror.network.calendar import Calendar
    from mirror.network.headers import Endpoints


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
@click.pass_obj
def ots(session: Session, *, calendars: tuple[str, ...], again: bool) -> int:
    """Hand the newest checkpoint to several of OpenTimestamps' calendars, which commit to it in a block of Bitcoin.

    They are sent 32 bytes that tell them nothing, and promise a block; that takes hours to a day. What they promised is
    kept in secret/anchors/ until `mirror anchor upgrade` fetches it. It costs nothing. Exit code 3: none of them
    answered.

    \b
    mirror anchor ots
    mirror anchor ots --calendar https://ots.example
    """
    workspace = publishers_workspace(session)
    with workspace.writing(), workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        standing = _standing_of(workspace, edition)
        if standing is not None and not again:
            session.terminal.say(f"{_of(edition.size)} is at the calendars already: {standing.words}")
            return _give_one(session, edition.size, standing.state, standing.words, ())
        checkpoint = checkpoint_at(edition, edition.size)
        with asking(session, workspace, calendars) as asked:
            stamped, said = stamp(workspace, checkpoint, asked.calendars)
    show_said(session, said)
    words = anchor_ots.in_words(stamped)
    session.terminal.say(f"{_of(edition.size)} is at the calendars: {words}")
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
    takes complete proofs in. Exit code 1: a calendar showed a block that does not hold it. 3: something is still
    awaited that has no block yet.

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
    session.terminal.give({"calendars": _in_json(said), "anchors": standings_in_json(standings)})
    if any(each.is_false for each in said):
        return 1
    return 3 if any(each.state != COMPLETE for each in standings) else 0


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


# What publish and status take part in


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked: calendars, which promises may name also others (`follow`), and who shows blocks, or nobody."""

    calendars: "Sequence[Calendar]"
    follow: anchor_ots.Find
    blocks: "Endpoints | None"


@contextlib.contextmanager
def asking(
    session: Session, workspace: Workspace, calendars: Sequence[str] = (), bitcoin: Sequence[str] = ()
) -> Iterator[Asked]:
    """Everyone who is asked, as options and mirror.toml name them; connects to nothing yet."""
    from mirror.network import calendar  # noqa: PLC0415  (nothing of the network where nobody is asked)
    from mirror.network.headers import Endpoints  # noqa: PLC0415

    with as_typed():
        settings = workspace.settings
    urls = tuple(calendars) or settings.calendars or calendar.PUBLIC
    with contextlib.ExitStack() as stack:
        with as_typed("--calendar" if calendars else "mirror.toml: calendars"):
            opened = [stack.enter_context(calendar.Calendar(url, session.route)) for url in urls]
        shown = tuple(bitcoin) or settings.bitcoin
        with as_typed("--bitcoin" if bitcoin else "mirror.toml: bitcoin"):
            blocks = stack.enter_context(Endpoints(session.route, bitcoin=shown)) if shown else None
        known = {each.address: each for each in opened}

        def follow(address: str) -> "Calendar | None":
            plain = address.rstrip("/")
            if plain not in known and calendar.may_follow(address, urls):
                known[plain] = stack.enter_context(calendar.Calendar(plain, session.route))
            return known.get(plain)

        yield Asked(opened, follow, blocks)


def publishers_workspace(session: Session) -> Workspace:
    """The workspace, if its editions are made here: a keeper's takes no proofs in."""
    workspace = Workspace(session.home).require()
    if not workspace.key_path.exists():
        raise Refused(f"{workspace.home} has no key: only who makes editions can put an anchor into one")
    return workspace


def stamp(
    workspace: Workspace, checkpoint: Checkpoint, calendars: "Sequence[Calendar]"
) -> tuple[Proof, tuple[Heard, ...]]:
    """Hand a checkpoint in and keep what was promised. Raises `Unavailable` where nobody promised anything."""
    before = anchor_ots.awaited(workspace.anchors, checkpoint)
    stamped = anchor_ots.stamp(checkpoint, calendars, secrets.token_bytes(NONCE_BYTES), before)
    if stamped.proof is None or not any(each.is_good for each in stamped.said):
        words = "; ".join(in_one_line(each.words) for each in stamped.said)
        raise Unavailable(f"no calendar took it: {words}", hint="try again later, or others with --calendar URL")
    anchor_ots.keep(workspace.anchors, checkpoint, stamped.proof)
    return stamped.proof, stamped.said


def upgrade_all(workspace: Workspace, edition: Edition, asked: Asked) -> tuple[Heard, ...]:
    """Ask for all that calendars promised, and keep what they show."""
    said: list[Heard] = []
    for anchor_ in list(workspace.anchors.pending()):
        if anchor_ != anchor_of(anchor_.size):
            continue
        checkpoint = checkpoint_at(edition, anchor_.size)
        proof = anchor_ots.awaited(workspace.anchors, checkpoint)
        if proof is not None:
            upgraded = anchor_ots.upgrade(proof, asked.follow, asked.blocks)
            if upgraded.proof is not None:
                anchor_ots.keep(workspace.anchors, checkpoint, upgraded.proof)
            said += upgraded.said
    return tuple(said)


def show_said(session: Session, said: Sequence[Heard]) -> None:
    """What each calendar said."""
    for each in said:
        (session.terminal.tell if each.is_good else session.terminal.warn)(in_one_line(each.words))


def print_standings(session: Session, standings: Sequence[Standing]) -> None:
    """How each anchor stands."""
    for each in standings:
        say = f"{each.state:12}  {each.clock:8}  {_of(each.anchor.size)}: {in_one_line(each.words)}"
        session.terminal.say(say)
    if not standings:
        session.terminal.say("no anchors    make one with: mirror anchor ots")


def standings_in_json(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """How each anchor stands, for a document."""
    return [
        {
            "clock": each.clock,
            "size": each.anchor.size,
            "name": each.anchor.name,
            "state": each.state,
            "words": each.words,
        }
        for each in standings
    ]


def _standing_of(workspace: Workspace, edition: Edition) -> Standing | None:
    wanted = anchor_of(edition.size)
    standings = anchor_due.standings(workspace.anchors, edition)
    return next((each for each in standings if each.anchor == wanted), None)


def _of(size: int) -> str:
    return f"the log of {many(size, 'entry', 'entries')}"


def _in_json(said: Sequence[Heard]) -> list[dict[str, Any]]:
    return [{"who": each.who, "good": each.is_good, "words": each.words} for each in said]


def _give_one(session: Session, size: int, state: str, words: str, said: Sequence[Heard]) -> int:
    document = {"clock": OTS, "size": size, "state": state, "words": words, "calendars": _in_json(said)}
    session.terminal.give(document)
    return 0
