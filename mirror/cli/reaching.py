"""`mirror reach`: whoever may give a mirror to a reader, asked for it, and the table of what came."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from mirror import naming, reach
from mirror.cli.copies import gateway_option
from mirror.cli.gateways import Asked, whom
from mirror.cli.looking import believed, fork_in, record_in_json
from mirror.cli.main import Session
from mirror.cli.services import open_sources
from mirror.cli.terminal import in_groups, in_one_line, many
from mirror.cli.typed import as_typed
from mirror.formats import link as links
from mirror.formats.link import Link
from mirror.naming import Heard, Known, Source
from mirror.network.gateway import Gateway
from mirror.network.routing import Endpoint
from mirror.reach import Answer, Found, Holder
from mirror.store.known import Memory
from mirror.store.workspace import Workspace


@click.command("reach")
@click.argument("link")
@gateway_option
@click.option(
    "--at",
    multiple=True,
    metavar="WHERE",
    help="Ask there too: a node (/ip4/…), a routing endpoint (https://…), a record's file.",
)
@click.option("--node-shows-its-address", "shows", is_flag=True, help="Ask nodes although a proxy is set.")
@click.pass_obj
def reach_(session: Session, *, link: str, gateways: Sequence[str], at: Sequence[str], shows: bool) -> int:
    """Ask everyone who may have a mirror for real bytes, verify them, and show who gives what.

    Whom: the gateways, nodes and routing endpoints of mirror.toml, or public gateways where it names none, and those
    of the options. Each is asked for the record of the mirror's name and for the newest edition's first pages. The
    table says who serves which edition and in how many seconds, who has none, who lies, and what kept the others from
    answering.

    \b
    mirror reach ipns://k51…#voices.example/archive+…
    mirror --proxy socks5h://127.0.0.1:9050 reach ipfs://bafy… --gateway https://gateway.example
    """
    with as_typed("the link"):
        wanted = links.parse(link)
    urls = whom(session, Asked(wanted, links.gateway_of(link), tuple(gateways)))
    workspace = Workspace(session.home)
    named = reach.name_of(wanted)
    known = [] if named is None else believed(Memory(session.state), workspace, named).known
    with _open_all(session, workspace, urls, at, shows=shows) as (sources, holders):
        who = list(dict.fromkeys([*(each.who for each in holders), *(each.who for each in sources)]))
        session.terminal.tell(
            f"asking {many(len(who), 'counterpart', 'counterparts')}: {', '.join(map(in_one_line, who))}"
        )
        found = reach.reach(wanted, sources, holders, known, datetime.now(UTC), time.monotonic)
    return _print(session, wanted, found, known)


@contextmanager
def _open_all(
    session: Session, workspace: Workspace, urls: Sequence[str], at: Sequence[str], *, shows: bool
) -> Iterator[tuple[list[Source], list[Holder]]]:
    """Everyone who keeps names, and everyone who holds blocks; a gateway and a node are both."""
    with ExitStack() as stack:
        sources = list(stack.enter_context(open_sources(session, workspace, at, shows=shows)))
        holders: list[Holder] = [each for each in sources if isinstance(each, Holder)]
        for url in urls:
            with as_typed(f"--gateway {in_one_line(url[:80])}"):
                peer = session.route.open("", url)
                holders.append(stack.enter_context(Gateway(peer, time.monotonic)))
                sources.append(stack.enter_context(Endpoint(url, session.route)))
        yield sources, holders


def _print(session: Session, wanted: Link, found: Found, known: Sequence[Known]) -> int:
    terminal, named = session.terminal, reach.name_of(wanted)
    newest, fork = naming.newest(found.heard), fork_in(found.heard, known)
    older = None if newest is None else naming.later_known(newest, known)
    terminal.table(("who", "asked for", "answer", "edition", "seconds"), (_row(each) for each in found.answers))
    if named is not None:
        terminal.say(f"name          {in_groups(str(named))}")
        terminal.say(f"leads to      {_leads_to(newest)}")
    if fork:
        terminal.say(f"fork          {in_one_line(fork)}")
    if older is not None:
        terminal.say(f"older         {older.whence} has edition {older.number}: nobody who was asked names it")
    asked = [each for each in found.answers if each.asked == "blocks"]
    serving = [each for each in asked if each.state == "serves"]
    terminal.say(f"served by     {len(serving)} of {len(asked)} who were asked" if asked else _NOT_ASKED)
    terminal.give(
        {
            "link": str(wanted),
            "name": None if named is None else str(named),
            "newest": None if newest is None or newest.record is None else record_in_json(newest.record),
            "answers": [_in_json(each) for each in found.answers],
            "older_than": None if older is None else {"edition": older.number, "index_hash": str(older.root)},
            "fork": fork or None,
        }
    )
    if fork:
        return 1
    return 0 if max((each.edition or 0 for each in serving), default=0) >= (older.number if older else 1) else 3


_NOT_ASKED = "served by     nobody was asked for blocks"


def _leads_to(newest: Heard | None) -> str:
    if newest is None or newest.record is None:
        return "not known: nobody has a record of it that counts"
    return f"edition {newest.record.sequence}, {newest.record.root}"


_IN_WORDS = {"serves": "serves it", "ended": "ended", "none": "has none", "silent": "no answer", "lies": "lies"}


def _row(each: Answer) -> tuple[str, ...]:
    said = _IN_WORDS[each.state] + (f" ({each.how})" if each.how else "")
    why = each.words.removeprefix(each.who).strip()
    shown = f"{said}: {why}" if why else said
    edition = "" if each.edition is None else str(each.edition)
    return in_one_line(each.who), each.asked, in_one_line(shown), edition, f"{each.seconds:.1f}"


def _in_json(each: Answer) -> dict[str, Any]:
    return {
        "who": each.who,
        "asked": each.asked,
        "state": each.state,
        "how": each.how or None,
        "words": each.words,
        "edition": each.edition,
        "index_hash": None if each.root is None else str(each.root),
        "seconds": round(each.seconds, 3),
        "bytes": each.size,
    }
