"""`mirror follow`: a verified copy of a mirror, brought to the newest edition that its sources show.

With `--every` this is done over and over. What may be different the next time, such as a source that does not answer,
is said and passed over; what a person has to look at ends it. A round is `mirror.cli.catching_up`.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from mirror.cli.carrying import keepers_workspace
from mirror.cli.catching_up import Asked, Round
from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line
from mirror.cli.typed import Misused, as_typed
from mirror.errors import Missing, Unavailable
from mirror.formats import link, wire
from mirror.formats.link import Link
from mirror.store import files
from mirror.store.workspace import Workspace

EVERY_AT_MOST = 31 * 86400
"""Seconds from one round to the next: who looks less often than each month does not follow."""

_UNITS = {"m": 60, "h": 3600, "d": 86400}


@click.command()
@click.argument("what", required=False, metavar="[LINK]")
@click.option(
    "--from",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="An archive, CAR or folder to follow; with it alone, nothing connects. Repeatable.",
)
@click.option("--gateway", "urls", multiple=True, metavar="URL", help="Ask this gateway, or a keeper's. Repeatable.")
@click.option("--at", multiple=True, metavar="WHERE", help="Put the name's record again there too, and ask there.")
@click.option("--every", metavar="TIME", help="Go on doing so, at this distance: 30m, 1h, 1d.")
@click.option("--text-only", is_flag=True, help="Leave out what attachments hold, unless it is held already.")
@click.option("--yes", is_flag=True, help="Let go of what the publisher alone withdrew, however much it is.")
@click.pass_obj
def follow(
    session: Session,
    what: str | None,
    *,
    paths: tuple[Path, ...],
    urls: tuple[str, ...],
    at: tuple[str, ...],
    every: str | None,
    text_only: bool,
    yes: bool,
) -> int:
    """Keep a verified copy of a mirror, and bring it up to date.

    LINK names the mirror; a copy that is there knows which it is. Only what is new is fetched, the whole edition is
    verified before anything of it is taken in, and an edition that contradicts the one held is refused: then the copy
    stays as it is, and the evidence is written to a file. What was withdrawn leaves the copy.

    \b
    mirror --home copy follow --gateway https://gateway.example 'ipns://k51…#voices.example/archive+…'
    mirror --home copy follow --gateway http://127.0.0.1:8080
    mirror --home copy follow --every 1h
    mirror --home copy follow --from voices.car
    """
    seconds = None if every is None else _seconds(every)
    asked = Asked(_parse(what), "" if what is None else link.gateway_of(what), paths, urls, at, yes, text_only)
    workspace = keepers_workspace(session)
    files.make_folder(workspace.archive.folder)
    if seconds is None:
        return _once(session, workspace, asked)
    return _over_and_over(session, workspace, asked, seconds)


def _once(session: Session, workspace: Workspace, asked: Asked) -> int:
    with workspace.writing(), workspace.archive as archive:
        return Round(session, workspace, archive, asked).run()


def _over_and_over(session: Session, workspace: Workspace, asked: Asked, seconds: float) -> int:
    """Until somebody ends it, which is exit code 0, or there is something that a person has to look at."""
    over = threading.Event()
    with _ended_by_signals(over.set):
        while not over.is_set():
            try:
                code = _once(session, workspace, asked)
            except (Missing, Unavailable) as error:
                session.terminal.warn(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {in_one_line(error.message)}")
                code = 0
            if code == 1:
                return code
            over.wait(seconds)
    return 0


@contextlib.contextmanager
def _ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """While the block runs, Ctrl-C and a service manager's stop let the round that is under way come to its end."""
    told = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, lambda *_: end()) for each in told]
    try:
        yield
    finally:
        for each, handler in zip(told, before, strict=True):
            signal.signal(each, handler)


def _seconds(text: str) -> float:
    unit = _UNITS.get(text[-1:])
    with as_typed("--every"):
        count = wire.decode_decimal(text[:-1], EVERY_AT_MOST)
    if unit is None or not 60 <= count * unit <= EVERY_AT_MOST:
        raise Misused(f"--every: {text!r} is no time from a minute to a month", hint="such as 30m, 1h or 1d")
    return count * unit


def _parse(what: str | None) -> Link | None:
    if what is None:
        return None
    with as_typed("the link"):
        found = link.parse(what)
    if found.path:
        raise Misused("the link names something in a mirror; a whole mirror is followed", hint="leave its path out")
    return found
