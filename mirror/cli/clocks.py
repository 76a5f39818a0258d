"""Outside clocks, as `mirror anchor`, `mirror publish` and `mirror status` ask them and tell of them."""

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirror import anchor_ots
from mirror.anchor import Standing, checkpoint_at
from mirror.anchor_ots import NONCE_BYTES, Heard, anchor_of
from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line, many
from mirror.cli.typed import as_typed
from mirror.edition import Edition
from mirror.errors import FAULTS, Refused, Unavailable
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.ots import Proof
from mirror.store.workspace import Workspace

if TYPE_CHECKING:
    from mirror.network.calendar import Calendar
    from mirror.network.headers import Endpoints


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
    """Ask for all that calendars promised, and keep what they show; what is kept and is no promise is told as false."""
    said: list[Heard] = []
    for anchor_ in list(workspace.anchors.pending()):
        if anchor_ != anchor_of(anchor_.size):
            continue
        try:
            said += _upgrade_one(workspace, checkpoint_at(edition, anchor_.size), asked)
        except (*FAULTS, Refused) as error:
            words = f"{error.message}; {error.hint}" if error.hint else error.message
            said.append(Heard(anchor_.name, False, f"{log_of(anchor_.size)} is left out: {words}", is_false=True))
    return tuple(said)


def _upgrade_one(workspace: Workspace, checkpoint: Checkpoint, asked: Asked) -> tuple[Heard, ...]:
    proof = anchor_ots.awaited(workspace.anchors, checkpoint)
    if proof is None:
        return ()
    upgraded = anchor_ots.upgrade(proof, asked.follow, asked.blocks)
    if upgraded.proof is not None:
        anchor_ots.keep(workspace.anchors, checkpoint, upgraded.proof)
    return upgraded.said


def show_said(session: Session, said: Sequence[Heard]) -> None:
    """What each calendar said."""
    for each in said:
        (session.terminal.tell if each.is_good else session.terminal.warn)(in_one_line(each.words))


def print_standings(session: Session, standings: Sequence[Standing]) -> None:
    """How each anchor stands."""
    for each in standings:
        say = f"{each.state:12}  {each.clock:8}  {log_of(each.anchor.size)}: {in_one_line(each.words)}"
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


def log_of(size: int) -> str:
    """A log, by its size."""
    return f"the log of {many(size, 'entry', 'entries')}"


def said_in_json(said: Sequence[Heard]) -> list[dict[str, Any]]:
    """What each calendar said, for a document."""
    return [{"who": each.who, "good": each.is_good, "words": each.words} for each in said]
