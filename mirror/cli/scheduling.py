"""Anchors that `mirror publish` takes care of.

What calendars promised is fetched, what is due is handed in, and what is complete goes into the edition.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from mirror import anchor_due, anchor_schedule
from mirror.anchor import ETHEREUM, OTS, checkpoint_at, clock_of, proof_in
from mirror.anchor_due import Due
from mirror.anchor_ots import Heard, anchor_of
from mirror.anchor_schedule import Schedule
from mirror.cli.clocks import asking, log_of, show_said, stamp, upgrade_all
from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line
from mirror.cli.typed import as_typed
from mirror.edition import Edition
from mirror.errors import FAULTS, Malformed, MirrorError, Unavailable
from mirror.store.anchors import Anchor, Anchors
from mirror.store.workspace import Workspace


def may_take_up(workspace: Workspace) -> bool:
    """Whether anything is kept, or awaited by mirror.toml's word, that an edition could be made for alone."""
    with as_typed():
        scheduled = bool(workspace.settings.anchor)
    anchors = workspace.anchors
    return scheduled or next(anchors.complete(), None) is not None


def take_up(session: Session, workspace: Workspace, head: Edition) -> list[Due]:
    """What is complete and goes into the next edition; where mirror.toml says so, calendars are asked first.

    Who does not answer is named, and holds nothing up.
    """
    with as_typed():
        scheduled = OTS in workspace.settings.anchor
    if scheduled:
        tend(session, workspace, head)

    def wrong(anchor: Anchor, error: MirrorError) -> None:
        session.terminal.warn(f"{anchor.name} for {log_of(anchor.size)} is left out: {in_one_line(error.message)}")

    _ask_again(session, workspace, head)
    found = anchor_due.due(workspace.anchors, head, wrong)
    for each in found:
        session.terminal.tell(f"takes in  {each.anchor.name} for {log_of(each.anchor.size)}")
    return found


def _ask_again(session: Session, workspace: Workspace, head: Edition) -> None:
    """Ask whether the blocks of proofs on Ethereum are still on their chain; what holds no more is left out."""
    kept = workspace.anchors.complete()
    if any(clock_of(each) == ETHEREUM and proof_in(head, each) is None for each in kept):
        from mirror.cli.anchoring_ethereum import ask_again  # noqa: PLC0415  (its libraries are an extra)

        ask_again(session, workspace, head)


def tend(session: Session, workspace: Workspace, head: Edition) -> tuple[Sequence[Heard], int | None]:
    """Fetch what calendars promised and hand in what is due: what they said, and the size that was handed in."""
    anchors = workspace.anchors
    note(workspace, head)
    schedule, handed_in = _read(anchors), None
    due = schedule.due(_now())
    if due is None and not any(each == anchor_of(each.size) for each in anchors.pending()):
        return (), None
    with asking(session, workspace) as asked:
        said = list(upgrade_all(workspace, head, asked))
        if due is not None and due <= head.size:
            try:
                _, heard = stamp(workspace, checkpoint_at(head, due), asked.calendars)
                said, handed_in = [*said, *heard], due
                anchors.put_schedule(bytes(schedule.done(_now())))
            except (*FAULTS, Unavailable) as error:
                session.terminal.warn(in_one_line(error.message))
    show_said(session, said)
    return said, handed_in


def note(workspace: Workspace, head: Edition) -> None:
    """Draw when the newest checkpoint is handed in, unless it was, or that is drawn."""
    anchors = workspace.anchors
    wanted = anchor_of(head.size)
    if proof_in(head, wanted) or anchors.read(wanted) or anchors.read_pending(wanted):
        return
    before = _read(anchors)
    schedule = before.noted(head.size, _now(), secrets.randbelow)
    if schedule != before:
        anchors.put_schedule(bytes(schedule))


def settle(workspace: Workspace, head: Edition) -> None:
    """After an edition was made: its turn is noted where mirror.toml says so, and what it holds is awaited no more."""
    anchor_due.settle(workspace.anchors, head)
    if OTS in workspace.settings.anchor:
        note(workspace, head)


def _read(anchors: Anchors) -> Schedule:
    try:
        return anchor_schedule.parse(anchors.read_schedule())
    except Malformed as error:
        raise Malformed(f"{anchors.schedule_path}: {error.message}", hint="remove it; a new one is drawn") from None


def _now() -> int:
    return round(datetime.now(UTC).timestamp())
