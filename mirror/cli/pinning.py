"""`mirror pin`: have others hold the newest edition, after saying what leaves this machine.

The order: everyone is looked at first; what is new to them is listed, and asked about once; then each is sent what it
lacks. One that fails does not stop the others. The signing key is not needed, and not opened.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from mirror import naming
from mirror.cli.holding import OpenHolder, in_copies, looked_at
from mirror.cli.main import EXIT_CODES, Session
from mirror.cli.services import check_shown, open_places
from mirror.cli.terminal import in_one_line, isolate, many
from mirror.cli.typed import Misused, as_typed, read_line
from mirror.edition import Edition
from mirror.errors import MirrorError, Refused
from mirror.formats import wire
from mirror.formats.key import SecretKey
from mirror.formats.notes import Testimony
from mirror.naming import Taken
from mirror.network.answers import quote
from mirror.network.cluster import Cluster
from mirror.pin import Outcome, Run, push
from mirror.pin_look import Found, Held, Node, Ours, check_newest, new_to
from mirror.pin_withdrawn import Removed, remove_withdrawn
from mirror.store.credentials import CREDENTIAL_AT_MOST, parse_typed
from mirror.store.settings import CLUSTER, KUBO, Service
from mirror.store.workspace import Workspace

TITLES_SHOWN_AT_MOST = 50
"""Titles that are listed before something leaves: more scroll away before anybody has read them."""

PATIENCE = 600
"""Seconds without any progress after which a service that is still fetching is left to it: a cluster gives a peer two
minutes for a block."""

ASKED_EVERY = 1.0
"""Seconds between two questions whether a pin is there."""

ORDER = (1, 4, 3, 0)
"""Exit codes, the worst first: a lie outranks a refusal, which outranks silence."""


@dataclass(frozen=True)
class Wishes:
    """How somebody wants things pinned."""

    thorough: bool = False
    newest: bool = False
    shows: bool = False
    yes: bool = False
    wait: int = PATIENCE


@dataclass
class Result:
    """What came of one service: `code` is its exit code."""

    service: Service
    outcome: Outcome | None = None
    removed: Removed | None = None
    error: MirrorError | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """What this alone would exit with."""
        if self.error is not None:
            return next(code for kind, code in EXIT_CODES if isinstance(self.error, kind))
        if self.outcome is None or not self.outcome.confirmed or (self.removed is not None and self.removed.kept):
            return 3
        return 0

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        outcome, removed = self.outcome, self.removed
        held = None if outcome is None else outcome.held
        return {
            "service": self.service.name,
            "kind": self.service.kind,
            "state": "failed" if self.error is not None else "absent" if held is None else held.state,
            "copies": None if held is None else held.copies,
            "wanted": None if held is None else held.wanted,
            "peers": [] if held is None else [list(peer) for peer in held.peers],
            "editions_sent": [] if outcome is None else list(outcome.editions_sent),
            "blocks_sent": 0 if outcome is None else outcome.blocks_sent,
            "bytes_sent": 0 if outcome is None else outcome.bytes_sent,
            "blocks_read": 0 if outcome is None else outcome.blocks_read,
            "unpinned": [] if outcome is None else list(outcome.unpinned),
            "removed": 0 if removed is None else removed.blocks,
            "removed_pages": 0 if removed is None else removed.pages,
            "kept": {} if removed is None else {str(cid): why for cid, why in removed.kept.items()},
            "kept_by": [] if removed is None else [{"name": name, "root": str(root)} for name, root in removed.pins],
            "error": None if self.error is None else self.error.message,
        }


@click.command()
@click.option("--to", "names", multiple=True, metavar="NAME", help="To this service of mirror.toml; repeatable.")
@click.option("--thorough", is_flag=True, help="Read every block back from a node, and hash it again.")
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    default=PATIENCE,
    help=f"Seconds without progress after which a service is left to go on by itself; default {PATIENCE}.",
)
@click.option("--this-is-newest", is_flag=True, help="You know that no later edition of this mirror exists anywhere.")
@click.option("--node-shows-its-address", "shows", is_flag=True, help="Use nodes although a proxy is set.")
@click.option("--yes", is_flag=True, help="Do not ask before something leaves this machine.")
@click.option("--credentials", metavar="NAME", help="Only enter what this service asks for: a token, or user:password.")
@click.option("--credentials-fd", type=int, metavar="N", help="Read that from this open file descriptor.")
@click.pass_obj
def pin(
    session: Session,
    names: tuple[str, ...],
    *,
    thorough: bool,
    wait: int,
    this_is_newest: bool,
    shows: bool,
    yes: bool,
    credentials: str | None,
    credentials_fd: int | None,
) -> int:
    """Have the services of mirror.toml hold the newest edition: send what they lack, pin it, and confirm it.

    A service is an IPFS node, a cluster, or anyone who speaks the Pinning Services API. Without --to, those that `pin`
    in mirror.toml names, or else all. What is new to them is listed and asked about: copies cannot be recalled. What
    was withdrawn is removed from a node. After a failure the next run goes on.

    \b
    mirror pin
    mirror pin --to home --thorough
    mirror pin --credentials ours
    """
    workspace = Workspace(session.home).require()
    if credentials is not None or credentials_fd is not None:
        if credentials is None:
            raise Misused("--credentials-fd goes with --credentials NAME")
        _enter_credentials(session, workspace, credentials, credentials_fd)
        return 0
    with workspace.writing(), workspace.archive:
        services = chosen(workspace, names)
        ours, results = run(session, workspace, services, Wishes(thorough, this_is_newest, shows, yes, wait))
    code = exit_code(results)
    session.terminal.give(
        {
            "mirror": ours.mirror,
            "edition": ours.head.number,
            "index_hash": str(ours.root),
            "services": [each.as_json() for each in results],
            "exit_code": code,
        }
    )
    return code


def chosen(workspace: Workspace, names: Sequence[str]) -> list[Service]:
    """The services that are meant: by name, or as mirror.toml says."""
    with as_typed():
        settings = workspace.settings
        if not settings.service:
            raise Misused(
                "mirror.toml names no service to pin to", hint="it explains how to; begin with [service.home]"
            )
        return [settings.named(name) for name in dict.fromkeys(names or settings.pin)] or list(settings.service)


def exit_code(results: Sequence[Result]) -> int:
    """The worst of them."""
    return min((each.code for each in results), key=ORDER.index, default=0)


def after_publishing(
    session: Session, workspace: Workspace, services: Sequence[Service], signing: SecretKey, wishes: Wishes
) -> tuple[dict[str, Any], int]:
    """Pin and name an edition that was just made here; what came of it, for programs, and the exit code.

    Whatever fails, the edition is made, and that is said: `mirror pin` and `mirror name` go on.
    """
    terminal, results, told, code = session.terminal, list[Result](), list[Taken](), 0
    with workspace.writing(), workspace.archive as archive:
        head = Edition(archive.head(), archive.blocks.get)
        archive.set_name_record(naming.sign_name(head, signing, datetime.now(UTC).date()))
        try:
            _, results = run(session, workspace, services, wishes)
            code = exit_code(results)
            with open_places(session, workspace, (), shows=wishes.shows) as places:
                told = naming.put(places, archive.name_record() or b"", head.key.ipns)
        except MirrorError as error:
            terminal.warn(in_one_line(error.message) + (f"\n  hint: {in_one_line(error.hint)}" if error.hint else ""))
            code = 3
    for each in told:
        if each.state != "taken":
            terminal.warn(f"name          {in_one_line(each.words or each.who)}")
        else:
            terminal.say(f"name          {in_one_line(each.who)} leads it to edition {head.number}")
    named = all(each.state == "taken" for each in told)
    if code:
        terminal.warn(f"edition {head.number} is published here, and not yet there; to go on: mirror pin, mirror name")
    elif not named:
        terminal.warn(f"edition {head.number} is published and pinned, and its name does not lead there: mirror name")
    names = [{"who": each.who, "state": each.state, "words": each.words} for each in told]
    return {"pinned": [each.as_json() for each in results], "named": names}, 3 if code or not named else 0


# Credentials


def _enter_credentials(session: Session, workspace: Workspace, name: str, descriptor: int | None) -> None:
    with as_typed():
        service = workspace.settings.named(name)
        if descriptor is None:
            words = _read_credentials(session, name)
        else:
            words = wire.decode_utf8(read_line(descriptor, CREDENTIAL_AT_MOST), "what was given")
        if words:
            workspace.credentials.write(service.name, parse_typed(words))
    kept = bool(words) or not workspace.credentials.forget(service.name)
    path = workspace.credentials.path(service.name).relative_to(workspace.home)
    session.terminal.say(f"kept in {path}, for its owner alone" if words else f"{name}: nothing is kept")
    session.terminal.give({"service": name, "kept": bool(words), "forgotten": not kept})


def _read_credentials(session: Session, name: str) -> str:
    if not session.terminal.interactive:
        raise Refused("nobody is here to type credentials", hint="give them with --credentials-fd")
    question = f"what {name} asks for: a token, or user:password; nothing to forget what is kept"
    typed: str = click.prompt(question, hide_input=True, default="", show_default=False, err=True)
    return typed


# Pinning


def run(
    session: Session, workspace: Workspace, services: Sequence[Service], wishes: Wishes
) -> tuple[Ours, list[Result]]:
    """Pin to each of the services, after asking; the caller holds the lock. Raises `Refused` where the answer is no."""
    ours = Ours(workspace.archive)
    ours.check_at_rest()
    if not wishes.shows:
        for service in services:
            if service.kind in (KUBO, CLUSTER):
                check_shown(session, f"{service.kind} {service.name} ({service.address})", shows=False)
    with contextlib.ExitStack() as stack:
        ready: list[tuple[Result, OpenHolder, Found]] = []
        results = [Result(service) for service in services]
        for result in results:
            with _noting(session, result):
                holder, found = stack.enter_context(looked_at(session, workspace, result.service, ours))
                check_newest(holder, ours, found, newest=wishes.newest)
                ready.append((result, holder, found))
        _ask(session, ours, ready, yes=wishes.yes)
        for result, holder, found in ready:
            with _noting(session, result):
                _push(session, ours, result, holder, found, wishes)
    return ours, results


@contextlib.contextmanager
def _noting(session: Session, result: Result) -> Iterator[None]:
    """Keeps what went wrong with one service, and says it, so that the others are gone on with."""
    try:
        yield
    except MirrorError as error:
        result.error = error
        session.terminal.warn(f"{result.service.name:<13} {in_one_line(error.message)}")
        if error.hint:
            session.terminal.warn(f"  hint: {in_one_line(error.hint)}")


def _ask(session: Session, ours: Ours, ready: Sequence[tuple[Result, OpenHolder, Found]], *, yes: bool) -> None:
    """Say what leaves this machine, to whom, and what that means; ask, unless nothing new leaves."""
    leaving = {index: None for _, _, found in ready for index in new_to(found, ours)}
    to = [result.service for result, _, found in ready if found.newest is None or new_to(found, ours)]
    if not to:
        return
    tell = session.terminal.tell
    for index in islice(sorted(leaving), TITLES_SHOWN_AT_MOST):
        tell(f"leaves        #{index}  {_title(ours, index)}")
    if len(leaving) > TITLES_SHOWN_AT_MOST:
        tell(f"leaves        and {len(leaving) - TITLES_SHOWN_AT_MOST} more")
    for service in to:
        tell(f"to            {service.name}, {_WHO[service.kind]}")
    tell("nobody can recall copies; what is pinned is given to whoever asks for it")
    what = many(len(leaving), "testimony", "testimonies") if leaving else "the charter"
    question = f"pin edition {ours.head.number} with {what} to {' and '.join(service.name for service in to)}?"
    if not session.terminal.confirm(question, yes=yes):
        raise Refused("nothing was pinned")


_WHO = {
    "kubo": "an IPFS node: everyone can see its internet address, and that it holds this",
    "cluster": "a cluster: everyone can see the internet addresses of its nodes, and that they hold this",
    "pinning": "a pinning service: it knows who asked for this, and from which internet address",
}


def _title(ours: Ours, index: int) -> str:
    try:
        title = ours.head.open(index, Testimony).title
    except MirrorError as error:
        return f"cannot be read: {in_one_line(error.message)}"
    return isolate(title) if title else "(no title)"


def _push(session: Session, ours: Ours, result: Result, holder: OpenHolder, found: Found, wishes: Wishes) -> None:
    terminal, name = session.terminal, result.service.name
    with contextlib.ExitStack() as stack:
        stages = _Stages(session, name, stack)
        order = Run(
            wait=_Patience(wishes.wait),
            origins=result.service.origins,
            thorough=wishes.thorough,
            sending=stages.send,
            reading=stages.read,
            say=lambda words: terminal.warn(f"{name:<13} {in_one_line(words)}"),
        )
        result.outcome = push(holder, ours, found, order)
    terminal.say(f"{name:<13} {_in_words(result.outcome)}")
    if wishes.thorough and not isinstance(holder, Node):
        terminal.tell(f"{name:<13} gives no blocks to who manages it: what its peers say is all that can be told here")
    if result.outcome.confirmed:
        _remove_withdrawn(session, ours, result, holder)


class _Patience:
    """Waits a moment between two questions; False once nothing has moved for so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._last: tuple[Any, ...] = ()
        self._end = time.monotonic() + seconds

    def __call__(self, held: Held | None) -> bool:
        now = time.monotonic()
        seen = () if held is None else (held.state, held.copies, held.words, held.peers)
        if seen != self._last:
            self._last, self._end = seen, now + self._seconds
        if now >= self._end:
            return False
        time.sleep(min(ASKED_EVERY, self._end - now))
        return True


class _Stages:
    """Shows how far a push is: one bar at a time, for what is sent and for what is read back."""

    def __init__(self, session: Session, name: str, stack: contextlib.ExitStack) -> None:
        self._session = session
        self._name = name
        self._stack = stack
        self._words = ""
        self._move: Callable[[int, int], None] = lambda done, total: None

    def send(self, done: int, total: int) -> None:
        """So many bytes of so many are sent."""
        self._show(f"sending to {self._name}", "bytes")(done, total)

    def read(self, done: int, total: int) -> None:
        """So many blocks of so many are read back."""
        self._show(f"reading from {self._name}", "blocks")(done, total)

    def _show(self, words: str, unit: str) -> Callable[[int, int], None]:
        if self._words != words:
            self._stack.close()
            self._words, self._move = words, self._stack.enter_context(self._session.terminal.progress(words, unit))
        return self._move


def _in_words(outcome: Outcome) -> str:
    held = outcome.held
    if held is None:
        return f"not pinned yet: edition {outcome.edition} was asked for, and is not listed"
    words = f"{held.state}: edition {outcome.edition}{in_copies(held.copies, held.wanted)}"
    if held.words:
        words += f", {in_one_line(held.words)}"
    if outcome.editions_sent:
        sent = many(len(outcome.editions_sent), "edition", "editions")
        words += f"; sent {sent}, {many(outcome.blocks_sent, 'block', 'blocks')}, {outcome.bytes_sent} bytes"
    if outcome.blocks_read:
        words += f"; {many(outcome.blocks_read, 'block', 'blocks')} read back"
    return words if held.state == "pinned" else f"{words}; it goes on by itself, and the next run looks again"


def _remove_withdrawn(session: Session, ours: Ours, result: Result, holder: OpenHolder) -> None:
    terminal, name = session.terminal, result.service.name
    if isinstance(holder, Node):
        result.removed = remove_withdrawn(holder, ours)
        if result.removed is not None:
            for words in _removed_in_words(result.removed):
                terminal.say(f"{name:<13} {words}")
    elif result.outcome is not None and result.outcome.unpinned and ours.head.withdrawn():
        still = [] if not isinstance(holder, Cluster) else _leaving(holder, ours, result.outcome)
        terminal.tell(f"{name:<13} no longer pins what was withdrawn{''.join(still)}; the bytes stay wherever they lie")
        terminal.tell(f"{'':<13} until garbage is collected there, which Kubo by default never does: ipfs repo gc")


def _leaving(cluster: Cluster, ours: Ours, outcome: Outcome) -> list[str]:
    roots = [root for root, number in ours.numbers.items() if number in outcome.unpinned]
    peers = {peer: state for root in roots for peer, state in cluster.leaving(root)}
    return [f", but for {peer} ({state})" for peer, state in sorted(peers.items())]


def _removed_in_words(removed: Removed) -> list[str]:
    listed = ", ".join(f"#{index}" for index in removed.indexes)
    words = []
    if removed.blocks:
        gone = many(removed.blocks, "block", "blocks")
        words.append(f"removed {gone} of {listed}, withdrawn; asked again, it lacks them")
    if removed.pages:
        gone = many(removed.pages, "block", "blocks")
        words.append(f"removed {gone} of pages that editions from before a withdrawal had")
    if not removed.kept:
        words.append("what else older editions left there stays until: ipfs repo gc (Kubo never does it by itself)")
        return words
    reason = in_one_line(next(iter(removed.kept.values())))
    what = f"{listed}, withdrawn" if listed else "pages from before a withdrawal"
    words.append(f"keeps {many(len(removed.kept), 'block', 'blocks')} of {what}: {reason}")
    for pin_name, root in removed.pins:
        called = f"the pin {quote(pin_name)!r}" if pin_name else "a pin without a name"
        words.append(f"{called} holds them; if it is yours: ipfs pin rm {root}, then mirror pin")
    return words
