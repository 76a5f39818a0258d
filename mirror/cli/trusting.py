"""`mirror trust`, and how the other commands learn which keys a reader confirmed.

A key in a link is a claim, not a confirmation. Confirming means comparing all of it, in its `k51…` form and in groups
of four, with a leaflet or a person; it is remembered by the key, not by the name. Memory is kept for confirmed mirrors
only.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from mirror.cli.copies import edition_of, gateway_option, open_named
from mirror.cli.main import Session
from mirror.cli.sources import Given, open_given
from mirror.cli.terminal import in_groups
from mirror.cli.typed import as_typed, from_option
from mirror.errors import Malformed, MirrorError, Refused, Unavailable, Unverified
from mirror.formats import checkpoint, key, note, notes
from mirror.formats import cid as cids
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.notes import Announcement
from mirror.store import files
from mirror.store.known import Known, Memory
from mirror.store.known import Seen as KnownSeen
from mirror.trust import Seen, Trust
from mirror.verdict import Claim, Report, State


def trust_of(
    session: Session, claimed: PublicKey | CID | None, given: str | None, seen_file: Path | None, *, memory: bool
) -> Trust:
    """What the reader goes by: the key she typed, what she remembers, or the announcement she kept."""
    known = Memory(session.state)

    def recall(mirror: PublicKey) -> Known | None:
        with _damage_is_no_verdict():
            return known.get(mirror) if memory else None

    def namesakes(name: str) -> list[PublicKey]:
        with _damage_is_no_verdict():
            return [each.key for each in known.named(name)] if memory else []

    def seen(mirror: PublicKey) -> Seen | None:
        if seen_file is not None:
            return _seen_in(seen_file, mirror)
        remembered = recall(mirror)
        return _as_seen(remembered.seen, mirror) if remembered and remembered.seen else None

    return Trust(
        claimed, _typed_key(given), confirmed=lambda mirror: recall(mirror) is not None, namesakes=namesakes, seen=seen
    )


@contextlib.contextmanager
def _damage_is_no_verdict() -> Iterator[None]:
    """A memory that cannot be read says nothing of what is judged."""
    try:
        yield
    except (Malformed, Unverified) as error:
        hint = "go without it with --no-memory, or remove it with: mirror trust --forget LINK"
        raise Unavailable(error.message, hint=hint) from None


def _typed_key(text: str | None) -> PublicKey | CID | None:
    if text is None:
        return None
    with as_typed("--key"):
        return parse_key(text)


def parse_key(text: str) -> PublicKey | CID:
    """A key as people have it: a vkey, or its IPNS name, in groups or not."""
    joined = "".join(text.split())
    if "+" in joined:
        return key.parse_vkey(joined)
    found = cids.parse(joined)
    if found.codec != cids.LIBP2P_KEY:
        raise Malformed(f"{joined} is the name of a tree, not of a key")
    return found


def _as_seen(seen: KnownSeen, mirror: PublicKey) -> Seen:
    opened = checkpoint.open_checkpoint(seen.checkpoint, mirror)
    return Seen(seen.edition, seen.root_cid, opened, seen.checkpoint)


def _seen_in(path: Path, mirror: PublicKey) -> Seen:
    data = files.read_at_most(path, note.NOTE_AT_MOST, "the announcement seen before")
    try:
        announced = notes.open_as(Announcement, data, mirror)
    except MirrorError as error:
        raise type(error)(f"{path} is no announcement by this key, {mirror.ipns}: {error.message}") from None
    numbers = Checkpoint(announced.mirror, announced.size, announced.root_hash)
    return Seen(announced.edition, announced.root_cid, numbers, b"")


def remember(session: Session, report: Report, record: bytes | None = None) -> None:
    """Keep the newest edition of a confirmed mirror, and the record that led here, once everything that counts held."""
    mirror, root = report.key, report.root_cid
    known = Memory(session.state)
    if mirror is None or root is None or known.get(mirror) is None:
        return
    step = report.verdict(Claim.APPEND_ONLY)
    first = step.state is State.NOT_CHECKED and known.get(mirror).seen is None  # type: ignore[union-attr]  # seen above
    whole = report.verdict(Claim.COMPLETE).state is State.HOLDS and report.verdict(Claim.UNCHANGED).state is State.HOLDS
    if not report.faults and whole and (first or step.state is State.HOLDS):
        known.see(mirror, KnownSeen(report.edition, root, report.signed_checkpoint))
        if record is not None:
            known.see_record(mirror, record)


def key_of(session: Session, what: str, source: Path | None, gateways: tuple[str, ...]) -> PublicKey:
    """The key that something names: a link, a vkey, an archive, a CAR; or an announcement's, if known.

    Only for a link without a key does it connect.
    """
    if "+" in what and not Path(what).exists() and "#" not in what:
        with as_typed():
            return key.parse_vkey(what)
    with open_given(what) as given:
        if given.note is not None or given.evidence is not None:
            return _known_key(session, given)
        if given.link is not None and given.link.key is not None:
            return given.link.key
        with open_named(session, given, source, gateways) as copy:
            return edition_of(copy, given.link).key


def _known_key(session: Session, given: Given) -> PublicKey:
    name = notes.mirror_name(given.note or b"")
    known = Memory(session.state).named(name)
    if len(known) != 1:
        raise Refused(
            f"the note is of {name}, and does not say with which key", hint="name a link, an archive or a CAR instead"
        )
    return known[0].key


@click.command()
@click.argument("what", required=False, metavar="LINK")
@from_option
@gateway_option
@click.option("--list", "list_", is_flag=True, help="Show the mirrors whose keys you confirmed.")
@click.option("--forget", is_flag=True, help="Remove every trace of a mirror from your memory of them.")
@click.option("--yes", is_flag=True, help="You have compared the key; do not ask.")
@click.pass_obj
def trust(
    session: Session,
    what: str | None,
    *,
    source: Path | None,
    gateways: tuple[str, ...],
    list_: bool,
    forget: bool,
    yes: bool,
) -> None:
    """Confirm a mirror's key, after comparing all of it.

    LINK is a link, a vkey, an archive's folder or a CAR. Of a link without a key, the charter is fetched.

    \b
    mirror trust archive/
    mirror trust 'ipns://k51…#voices.example/archive+…'
    mirror trust --list
    mirror trust --forget archive/
    """
    if list_:
        _list(session)
        return
    if what is None:
        raise click.UsageError("name a link, an archive or a CAR, or give --list")
    mirror = key_of(session, what, source, gateways)
    if forget:
        _forget(session, mirror)
    else:
        _confirm(session, mirror, yes=yes)


def _list(session: Session) -> None:
    with _damage_is_no_verdict():
        known = Memory(session.state).all()
    rows = [(each.key.name, str(each.key.ipns), f"edition {each.seen.edition}" if each.seen else "") for each in known]
    session.terminal.table(("mirror", "key", "last seen"), iter(rows))
    if not rows:
        session.terminal.tell("you have confirmed no mirror's key yet; the command is: mirror trust LINK")
    session.terminal.give(
        {
            "mirrors": [
                {
                    "mirror": each.key.name,
                    "vkey": each.key.vkey,
                    "key": str(each.key.ipns),
                    "edition": each.seen.edition if each.seen else None,
                    "index_hash": str(each.seen.root_cid) if each.seen else None,
                }
                for each in known
            ]
        }
    )


def _forget(session: Session, mirror: PublicKey) -> None:
    there = Memory(session.state).forget(mirror)
    session.terminal.say(f"{mirror.name}: {'forgotten' if there else 'nothing was remembered'}")
    session.terminal.give({"mirror": mirror.name, "forgotten": there})


def _confirm(session: Session, mirror: PublicKey, *, yes: bool) -> None:
    memory, terminal = Memory(session.state), session.terminal
    with _damage_is_no_verdict():
        others = [each for each in memory.named(mirror.name) if each.key != mirror]
    terminal.tell(f"the key of {mirror.name}:\n\n    {in_groups(str(mirror.ipns))}\n")
    if others:
        terminal.warn(f"you confirmed another key under this name before: {in_groups(str(others[0].key.ipns))}")
    terminal.tell("compare every group with a leaflet, or with a person you know, by a way that nobody else controls")
    if others and not terminal.interactive:
        raise Refused(
            f"another key is confirmed for {mirror.name}, so --yes is not enough",
            hint=f"to go by this one alone, forget the other first: mirror trust --forget {others[0].key.vkey}",
        )
    if not terminal.confirm("are they all the same?", yes=yes and not others, hint="compare first, then add --yes"):
        raise Refused("the key was not confirmed")
    try:
        memory.confirm(mirror)
    except MirrorError as error:
        raise Refused(f"the key could not be remembered: {error.message}") from None
    terminal.say(f"{mirror.name}: confirmed {mirror.ipns}")
    terminal.give({"mirror": mirror.name, "vkey": mirror.vkey, "key": str(mirror.ipns), "confirmed": True})
