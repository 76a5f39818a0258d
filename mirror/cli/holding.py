"""The services of `mirror.toml` as holders of copies: opened, asked what they hold, and whether one is ahead of us.

Asking connects to those that are named there and to nobody else. Who does not answer is told of and passed over, for
nothing follows from silence; who shows a later edition stops whatever would sign another.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mirror import naming
from mirror.cli import forking
from mirror.cli.main import Session
from mirror.cli.services import authorization_of, open_node, open_places
from mirror.cli.terminal import in_one_line, many
from mirror.edition import Edition
from mirror.errors import Forked, MirrorError, Refused, Unavailable
from mirror.network.cluster import Cluster
from mirror.network.kubo import Node
from mirror.network.pinning import PinningService
from mirror.pin_look import Found, Ours, check_newest, look
from mirror.store.settings import CLUSTER, KUBO, Service
from mirror.store.workspace import Workspace

OpenHolder = Node | Cluster | PinningService


def open_holder(session: Session, workspace: Workspace, service: Service) -> OpenHolder:
    """A service, ready to be entered; connects to nothing yet."""
    if service.kind == KUBO:
        return open_node(session, workspace, service)
    authorization = authorization_of(workspace, service)
    if service.kind == CLUSTER:
        return Cluster(service.name, service.address, authorization, session.route, copies=service.copies)
    return PinningService(service.name, service.address, authorization, session.route, origins=service.origins)


@contextlib.contextmanager
def looked_at(
    session: Session, workspace: Workspace, service: Service, ours: Ours
) -> Iterator[tuple[OpenHolder, Found]]:
    """A service that answers, and what it holds of this mirror. Evidence of another history is kept."""
    with open_holder(session, workspace, service) as holder:
        holder.probe()
        found = look(holder, ours)
        for opened, error in found.contrary:
            if isinstance(error, Forked):
                keep_evidence(session, ours.head, opened)
        yield holder, found


def keep_evidence(session: Session, head: Edition, opened: Edition) -> None:
    """Keep what shows that an edition that somebody holds and ours cannot both be true."""
    larger = opened.log if opened.size >= head.size else head.log
    fork = forking.keep(head.signed_checkpoint, opened.signed_checkpoint, head.key, larger)
    for words in fork.words:
        session.terminal.warn(words)


# Before something is signed


def check_nobody_is_ahead(session: Session, workspace: Workspace, head: Edition, *, newest: bool) -> None:
    """Raise where a service or the mirror's name shows a later edition, or another history: signing would fork the log.

    `newest` is the publisher's word, which what is seen outweighs. Asks nobody where nobody is configured.
    """
    settings = workspace.settings
    if not settings.service and not settings.routing:
        return
    ours = Ours(workspace.archive)
    for service in settings.service:
        try:
            with looked_at(session, workspace, service, ours) as (holder, found):
                pass
        except (Unavailable, Refused) as error:  # refused: it is not to be reached through the proxy
            _tell_silent(session, error)
        else:
            check_newest(holder, ours, found, newest=newest)
    with open_places(session, workspace, (), shows=False) as places:
        heard = naming.ask(places, head.key.ipns, datetime.now(UTC))
    naming.check_newest(heard, head)


def _tell_silent(session: Session, error: MirrorError) -> None:
    session.terminal.tell(f"not asked     {in_one_line(error.message)}; a later edition there would not be noticed")


# What each holds


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stands: the edition that it holds, by how many, and since which day it is behind."""

    service: Service
    state: str
    edition: int | None = None
    copies: int | None = None
    wanted: int | None = None
    behind_since: str | None = None
    words: str = ""

    def in_words(self) -> str:
        """One line of it."""
        if self.state in ("silent", "false", "later"):
            return f"{self.service.name} ({self.service.kind}): {in_one_line(self.words)}"
        if self.edition is None:
            what = "nothing of this mirror" if self.state == "absent" else "nothing whole yet"
        else:
            what = f"edition {self.edition}{in_copies(self.copies, self.wanted)}"
        behind = f", behind since {self.behind_since}" if self.behind_since else ""
        return f"{self.service.name} ({self.service.kind}): {what}{behind}{f'; {self.words}' if self.words else ''}"

    def as_json(self) -> dict[str, Any]:
        """The same, for programs."""
        return {
            "service": self.service.name,
            "kind": self.service.kind,
            "state": self.state,
            "edition": self.edition,
            "copies": self.copies,
            "wanted": self.wanted,
            "behind_since": self.behind_since,
            "words": self.words,
        }


def in_copies(copies: int | None, wanted: int | None) -> str:
    """By how many it is held, where that is more than one or was asked for."""
    if wanted is None:
        return "" if copies in (None, 1) else f", {copies} copies"
    return f", {copies} of {many(wanted, 'copy', 'copies')}"


def standings(session: Session, workspace: Workspace, services: Sequence[Service]) -> list[Standing]:
    """How each of the services stands, as it says when it is asked now."""
    ours = Ours(workspace.archive)
    return [_standing(session, workspace, service, ours) for service in services]


def _standing(session: Session, workspace: Workspace, service: Service, ours: Ours) -> Standing:
    found = Found(())
    try:
        with looked_at(session, workspace, service, ours) as (holder, found):
            pass
        check_newest(holder, ours, found, newest=True)
    except MirrorError as error:
        if found_later := next(iter(reversed(found.later)), None):
            return Standing(service, "later", found_later.number, words=error.message)
        silent = isinstance(error, Unavailable | Refused)
        return Standing(service, "silent" if silent else "false", words=error.message)
    newest = found.newest
    coming = any(each.held.root == ours.root for each in found.editions)
    words = f"edition {ours.head.number} is on its way" if coming else ""
    if found.unknown:
        words = f"{found.unknown[0]} bears this mirror's name there, and is no edition that is here"
    if newest is not None and newest.number == ours.head.number:
        words = words if found.unknown else ""
        return Standing(service, "pinned", newest.number, newest.held.copies, newest.held.wanted, words=words)
    state = "pinning" if coming else "behind" if found.editions else "absent"
    since = _day_of_first_after(ours, 0 if newest is None else newest.number)
    if newest is None:
        return Standing(service, state, behind_since=since, words=words)
    return Standing(service, state, newest.number, newest.held.copies, newest.held.wanted, since, words)


def _day_of_first_after(ours: Ours, number: int) -> str | None:
    """The day, in UTC, on which the first edition after this one was written here."""
    for each, path in ours.cars.items():
        if each > number:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    return None
