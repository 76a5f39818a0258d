"""`mirror name`: sign where the mirror's name leads, hand that to whoever keeps names, and ask them."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mirror import naming
from mirror.cli.looking import look, name_in, record_in_json
from mirror.cli.main import Session
from mirror.cli.services import RecordFile, open_places
from mirror.cli.terminal import in_groups, in_one_line
from mirror.cli.typed import Misused, check_new
from mirror.cli.unlocking import passphrase_option, unlock
from mirror.edition import Edition
from mirror.errors import Malformed, Refused, Unverified
from mirror.formats import cid as cids
from mirror.formats import ipns
from mirror.formats.cid import CID
from mirror.formats.ipns import Record
from mirror.naming import Heard, Taken
from mirror.store import files
from mirror.store.record import Record as Signed
from mirror.store.workspace import Workspace, check_same_key

SUFFIX = ".ipns-record"
"""How a record's file ends; before it stands the name, and perhaps more behind an underscore."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What every way of calling the command needs."""

    session: Session
    workspace: Workspace
    at: tuple[str, ...]
    shows: bool
    now: datetime


@click.command()
@click.option("--renew", is_flag=True, help="Sign anew, to a later end, though the record that is kept still holds.")
@click.option("--record", type=click.Path(path_type=Path), help="Write the record to this new file too.")
@click.option(
    "--put",
    "handed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Hand in this record, anybody's: it needs no key, and is verified first.",
)
@click.option("--for", "whose", metavar="LINK", help="Whose record --put hands in; default: as the file is named.")
@click.option("--look", "looked", metavar="LINK", help="Only ask where the name of this link leads.")
@click.option(
    "--at",
    multiple=True,
    metavar="WHERE",
    help="Also there: a node (/ip4/…), a routing endpoint or gateway (https://…), or to look at, a record's file.",
)
@click.option("--node-shows-its-address", "shows", is_flag=True, help="Use nodes although a proxy is set.")
@passphrase_option
@click.pass_obj
def name(
    session: Session,
    *,
    renew: bool,
    record: Path | None,
    handed: Path | None,
    whose: str | None,
    looked: str | None,
    at: tuple[str, ...],
    shows: bool,
    passphrase_fd: int | None,
) -> int:
    """Sign where the mirror's name leads, and tell everyone who keeps names.

    The name is the key, k51…, and leads to the newest edition. Its record is put to the nodes and routing endpoints
    that mirror.toml names, and asked back from each. It lasts five years and is kept in archive/name.ipns-record;
    until it ends anybody can put it again, without the key. Nodes forget a record after two days, so that is to be
    done more often.

    \b
    mirror name
    mirror name --renew --record voices.ipns-record
    mirror name --put k51….ipns-record --at https://delegated.example
    mirror name --look ipns://k51… --at https://gateway.example --at /ip4/127.0.0.1/tcp/5001
    """
    if (looked is not None) + (handed is not None) + (renew or record is not None) > 1:
        raise Misused("--look, --put, and --renew with --record are different things to do")
    if whose is not None and handed is None:
        raise Misused("--for says whose record --put hands in, and there is no --put")
    call = _Call(session, Workspace(session.home), at, shows, datetime.now(UTC))
    if looked is not None:
        return look(session, call.workspace, looked, at, now=call.now, shows=shows)
    if handed is not None:
        return _hand_in(call, handed, whose)
    return _name(call, renew, record, passphrase_fd)


def _name(call: _Call, renew: bool, record: Path | None, passphrase_fd: int | None) -> int:
    if record is not None:
        check_new(record)
    workspace = call.workspace.require()
    with workspace.writing(), workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        _check_signed_here(call.session, edition)
        with open_places(call.session, workspace, call.at, shows=call.shows) as places:
            _check_newest(naming.ask(places, edition.key.ipns, call.now), edition)
            data = archive.name_record()
            if renew or data is None or not naming.is_current(data, edition, call.now):
                key = unlock(call.session, workspace, passphrase_fd)
                check_same_key(edition.key, key.public)
                data = naming.sign_name(edition, key, call.now.date())
                archive.set_name_record(data)
            if record is not None:
                files.replace(record, data)
                call.session.terminal.tell(f"wrote {record}")
            taken = naming.put(places, data, edition.key.ipns)
    return _print_taken(call, edition.key.ipns, ipns.open_record(data, edition.key.ipns), taken)


def _check_signed_here(session: Session, edition: Edition) -> None:
    signed = Signed(session.state).read(edition.key)
    if signed is not None and signed.edition > edition.number:
        raise Refused(
            f"this copy is at edition {edition.number}, but edition {signed.edition} was signed on this machine; "
            "the name is not led back",
            hint="bring in a copy of that edition with: mirror import FILE.car",
        )


def _check_newest(heard: Sequence[Heard], edition: Edition) -> None:
    """As `naming.check_newest`; what somebody shows is here a verdict on this copy."""
    try:
        naming.check_newest(heard, edition)
    except Refused as error:
        raise Unverified(error.message, hint=error.hint) from None


def _hand_in(call: _Call, path: Path, whose: str | None) -> int:
    source, owner = RecordFile(path), _owner(call.workspace, path, whose)
    try:
        heard = naming.open_heard(source.who, source.get_name(owner), owner, call.now)
    except Malformed as error:
        raise Malformed(f"{source.who} is no record of a name: {error.message}") from None
    if heard.record is None or heard.state == "ended":
        raise Unverified(f"{heard.words}: nobody takes it any more", hint="the key's holder can: mirror name --renew")
    with open_places(call.session, call.workspace, call.at, shows=call.shows) as places:
        if not places:
            raise Misused("there is nobody to hand it to", hint="name somebody: --at https://… or --at /ip4/…")
        taken = naming.put(places, heard.data, owner)
    return _print_taken(call, owner, heard.record, taken)


def _owner(workspace: Workspace, path: Path, whose: str | None) -> CID:
    """Whose record a file is to be. That is only a claim, which the record's signature bears out or not."""
    if whose is not None:
        return name_in(whose)
    with contextlib.suppress(Malformed):
        found = cids.parse(path.name.removesuffix(SUFFIX).partition("_")[0])
        ipns.key_of(found)
        return found
    if workspace.archive.name_path.exists() and path.samefile(workspace.archive.name_path):
        with workspace.archive as archive:
            return Edition(archive.head(), archive.blocks.get).key.ipns
    raise Misused("whose record it is does not follow from the file's name", hint="say it with: --for LINK")


_HOW_TAKEN = {"taken": "took it", "newer": "newer", "forked": "fork", "behind": "not yet", "silent": "did not"}


def _print_taken(call: _Call, owner: CID, record: Record, taken: Sequence[Taken]) -> int:
    terminal = call.session.terminal
    terminal.say(f"name          {in_groups(str(owner))}")
    terminal.say(f"leads to      edition {record.sequence}, {record.root}")
    terminal.say(f"until         {record.end.date()}")
    terminal.say(f'in a domain   _dnslink.HOST TXT "dnslink=/ipns/{owner}"')
    for each in taken:
        terminal.say(f"{_HOW_TAKEN[each.state]:12}  {in_one_line(each.words or each.who)}")
    if not taken:
        terminal.tell("nobody was told: mirror.toml names no node and no routing endpoint, and there is no --at")
    if naming.wants_renewal(record, call.now):
        terminal.warn(f"the record ends on {record.end.date()}; whoever has the key renews it: mirror name --renew")
    told: list[dict[str, Any]] = [{"who": each.who, "state": each.state, "words": each.words} for each in taken]
    terminal.give({"name": str(owner), **record_in_json(record), "dnslink": f"dnslink=/ipns/{owner}", "told": told})
    states = {each.state for each in taken}
    if states & {"newer", "forked"}:
        return 1
    return 3 if states - {"taken"} else 0
