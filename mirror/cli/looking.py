"""Where a name leads, as everyone says who is asked: the table of `mirror name --look`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mirror import naming
from mirror.cli.main import Session
from mirror.cli.services import open_sources
from mirror.cli.terminal import in_groups, in_one_line
from mirror.cli.typed import Misused, as_typed
from mirror.edition import Edition
from mirror.errors import Forked
from mirror.formats import ipns, link
from mirror.formats.cid import CID
from mirror.formats.ipns import Record
from mirror.formats.key import PublicKey
from mirror.naming import Heard, Known
from mirror.store.known import Memory
from mirror.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Believed:
    """What is known of a name before anybody is asked; `key` where the reader confirmed it."""

    key: PublicKey | None
    known: list[Known]


def look(session: Session, workspace: Workspace, text: str, at: Sequence[str], *, now: datetime, shows: bool) -> int:
    """Ask everyone where the name of a link leads, print it, remember the newest; the exit code."""
    owner = name_in(text)
    with open_sources(session, workspace, at, shows=shows) as sources:
        if not sources:
            raise Misused("there is nobody to ask", hint="name somebody: --at https://…, --at /ip4/… or --at FILE")
        heard = naming.ask(sources, owner, now)
    memory = Memory(session.state)
    trusted = believed(memory, workspace, owner)
    fork = fork_in(heard, trusted.known)
    newest = naming.newest(heard)
    older = None if newest is None else naming.later_known(newest, trusted.known)
    if newest is not None and trusted.key is not None and not fork and older is None:
        memory.see_record(trusted.key, newest.data)
    _print(session, owner, heard, newest, fork=fork, older=older)
    if fork:
        return 1
    return 3 if newest is None or older is not None else 0


def name_in(text: str) -> CID:
    """The name that a link is about: its own, or its key's."""
    with as_typed("the link"):
        found = link.parse(text)
        if found.scheme == link.IPNS:
            ipns.key_of(found.cid)
            return found.cid
    if found.key is None:
        raise Misused("this link names a tree and no key, so no name follows from it", hint="use one with ipns://")
    return found.key.ipns


def record_in_json(record: Record) -> dict[str, Any]:
    """What a record of a mirror's name says."""
    return {"edition": record.sequence, "index_hash": str(record.root), "until": record.end.isoformat()}


def believed(memory: Memory, workspace: Workspace, owner: CID) -> Believed:
    """What the archive here and the reader's memory say of a name; the archive only if it is of that name's mirror."""
    known: list[Known] = []
    if workspace.exists() and workspace.archive.has_head():
        with workspace.archive as archive:
            edition = Edition(archive.head(), archive.blocks.get)
        if edition.key.ipns == owner:
            known.append(Known(edition.number, edition.root, "the archive here"))
    confirmed = next((each for each in memory.all() if each.key.ipns == owner), None)
    if confirmed is None:
        return Believed(None, known)
    if confirmed.seen is not None:
        known.append(Known(confirmed.seen.edition, confirmed.seen.root_cid, "what you verified before"))
    if confirmed.record is not None:
        record = ipns.open_record(confirmed.record, owner)
        known.append(Known(record.sequence, record.root, "a record that you saw before"))
    return Believed(confirmed.key, known)


def fork_in(heard: Sequence[Heard], known: Sequence[Known]) -> str:
    """The fork that shows in what was said of a name, in words; empty for none."""
    try:
        naming.check_one_history(heard, known)
    except Forked as error:
        return error.message
    return ""


def _print(
    session: Session, owner: CID, heard: Sequence[Heard], newest: Heard | None, *, fork: str, older: Known | None
) -> None:
    terminal = session.terminal
    terminal.table(("who", "says", "edition", "until"), (_row(each) for each in heard))
    terminal.say(f"name          {in_groups(str(owner))}")
    if fork:
        terminal.say(f"fork          {in_one_line(fork)}")
    elif newest is None or newest.record is None:
        terminal.say("leads to      not known: nobody has a record of it that counts")
    else:
        terminal.say(f"leads to      edition {newest.record.sequence}, {newest.record.root}")
        terminal.say(f"until         {newest.record.end.date()}")
    if older is not None:
        terminal.say(f"older         {older.whence} has edition {older.number}: nobody who was asked shows it")
    terminal.give(
        {
            "name": str(owner),
            "heard": [_heard_in_json(each) for each in heard],
            "newest": None if fork or newest is None or newest.record is None else record_in_json(newest.record),
            "older_than": None if older is None else {"edition": older.number, "index_hash": str(older.root)},
            "fork": fork or None,
        }
    )


_IN_WORDS = {"record": "a record", "ended": "ended", "none": "nothing", "silent": "no answer", "false": "false"}


def _row(each: Heard) -> tuple[str, ...]:
    if each.record is None:
        why = each.words.removeprefix(each.who).strip()
        return in_one_line(each.who), in_one_line(f"{_IN_WORDS[each.state]}: {why}"), "", ""
    return in_one_line(each.who), _IN_WORDS[each.state], str(each.record.sequence), str(each.record.end.date())


def _heard_in_json(each: Heard) -> dict[str, Any]:
    said = {"edition": None, "index_hash": None, "until": None} if each.record is None else record_in_json(each.record)
    return {"who": each.who, "state": each.state, "words": each.words, **said}
