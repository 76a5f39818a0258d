"""`mirror inscribe`: a whole testimony in a transaction on Ethereum, for everyone, for ever."""

from pathlib import Path

import click

from mirror import tree
from mirror.anchor_ethereum import Errand
from mirror.cli.main import Session
from mirror.cli.paying import Paying, Purpose, Wishes
from mirror.cli.purse import Purse, ethereum_of, open_nodes
from mirror.cli.terminal import Terminal, isolate, many, quoted
from mirror.cli.typed import Index, check_new
from mirror.cli.unlocking import passphrase_option
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.formats import entry as entries
from mirror.formats.notes import Testimony
from mirror.store import files
from mirror.store.anchors import Anchor
from mirror.store.workspace import Workspace

PHRASE = "for ever"
"""What is typed for a testimony that has no title."""

NAME = "ethereum.json"


@click.command()
@click.argument("index", type=Index(), metavar="INDEX")
@click.option("--dry-run", is_flag=True, help="Only show what it would be, and cost.")
@click.option("--no-wait", is_flag=True, help="Send it and leave; the same command goes on later.")
@click.option("--faster", is_flag=True, help="Offer more for the payment under way; only one of them can be made.")
@click.option("--proof", type=click.Path(path_type=Path), help="Write the proof that it is in its block to this file.")
@passphrase_option
@click.pass_obj
def inscribe(
    session: Session,
    index: int,
    *,
    dry_run: bool,
    no_wait: bool,
    faster: bool,
    proof: Path | None,
    passphrase_fd: int | None,
) -> None:
    """Put the whole text of a testimony into a transaction on Ethereum.

    Nobody can take it back: not you, not its author, not with her token, not a court. A withdrawal takes nothing off a
    chain. So its title has to be typed, and no option does that for you. Attachments are not put there. Without a
    testimony in them, mirror anchor ethereum proves the same and more.

    \b
    mirror inscribe 3 --dry-run
    mirror inscribe 3
    """
    workspace = Workspace(session.home).require()
    if proof is not None:
        check_new(proof)
    settings = ethereum_of(workspace)
    purse = Purse(session, workspace, settings, passphrase_fd)
    wishes = Wishes(dry_run, not no_wait, faster=faster)
    with open_nodes(session, workspace, settings) as nodes, workspace.archive as archive:
        with workspace.writing():
            head = Edition(archive.head(), archive.blocks.get)
            purpose = _purpose(head, index)
            bound = {"chain": settings.chain, "confirmations": settings.confirmations}
            errand = Errand(workspace.inscriptions, Anchor(index, NAME), nodes, **bound)
            errand.check_chain()
            errand.holds()
            paying = Paying(session, settings, errand, nodes, purse, wishes)
            given = paying.done() or paying.begin(purpose)
        if given is None:
            _, given = paying.carry_on(purpose)
    found = errand.proof
    if found is not None and proof is not None:
        files.create(proof, bytes(found), mode=files.SHARED)
        session.terminal.tell(f"wrote {proof}")
    session.terminal.give(given)


def _purpose(head: Edition, index: int) -> Purpose:
    """The note at an index, and how the yes to it is asked for. Raises `Refused` for what is none, or was withdrawn."""
    if index >= head.size or head.entry(index).kind != entries.TESTIMONY:
        raise Refused(f"#{index} is no testimony of this log")
    if index in head.withdrawn():
        raise Refused(f"#{index} was withdrawn, and is not put where nothing can be withdrawn")
    note = head.open(index, Testimony)
    data = head.entry(index).cid.check(head.tree.read(tree.note_path(index)))
    title = note.title or ""
    words = f"the whole of #{index}, {title or '(no title)'}, with its signatures"

    def agree(terminal: Terminal, question: str) -> None:
        wanted = title or PHRASE
        terminal.warn("this is the whole text, and it can never be withdrawn, by nobody:")
        terminal.warn(quoted(note.body))
        terminal.warn(question)
        if not terminal.interactive:
            raise Refused(
                "nobody is here to type the title, and nothing else stands for it", hint="run it on a terminal"
            )
        what = "its title" if title else f'"{PHRASE}"'
        size = many(len(data), "byte", "bytes")
        typed = click.prompt(
            f"to put {size} on the chain for ever, type {what}, {isolate(wanted)}",
            default="",
            show_default=False,
            err=True,
        )
        if typed.strip() != wanted:
            raise Refused("that is not what was to be typed; nothing was paid")

    return Purpose(data, words, agree, f"mirror inscribe {index}")
