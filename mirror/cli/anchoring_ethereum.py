"""`mirror anchor ethereum`: the newest announcement in a transaction to oneself, and its proof."""

import contextlib
from pathlib import Path
from typing import Any

import click

from mirror.anchor import held, path_of
from mirror.anchor_ethereum import Errand, anchor_of, check_announces, ours
from mirror.cli.clocks import publishers_workspace
from mirror.cli.main import Session
from mirror.cli.paying import Paying, Purpose, Wishes, read_signed
from mirror.cli.purse import Purse, enter_credentials, ethereum_of, import_key, make_key, open_nodes
from mirror.cli.terminal import Terminal, in_one_line, many
from mirror.cli.typed import Misused, as_typed, check_new
from mirror.cli.unlocking import passphrase_option
from mirror.edition import Edition
from mirror.errors import FAULTS, Malformed, Missing, Refused, Unavailable
from mirror.formats import transaction
from mirror.formats.ethereum import Proof, parse_proof
from mirror.network.ethereum import Node
from mirror.store.anchors import Anchor
from mirror.store.settings import Ethereum
from mirror.store.workspace import Workspace

AGAIN = "mirror anchor ethereum"


@click.command(short_help="in a transaction, paid for with ether")
@click.option("--dry-run", is_flag=True, help="Only show what it would be, and cost.")
@click.option("--no-wait", is_flag=True, help="Send it and leave; the same command goes on later.")
@click.option("--faster", is_flag=True, help="Offer more for the payment under way; only one of them can be made.")
@click.option("--unsigned", type=click.Path(path_type=Path), help="Write the payment to this new file, to be signed.")
@click.option(
    "--signed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Send the payment in this file, which was signed elsewhere.",
)
@click.option("--new-key", is_flag=True, help="Only make the key of a new account to pay with.")
@click.option("--import-key", is_flag=True, help="Only take in the key of an account that you have.")
@click.option("--credentials", is_flag=True, help="Only enter what the nodes ask for: a token, or user:password.")
@click.option("--key-fd", type=int, metavar="N", help="Read the key, or the credentials, from this file descriptor.")
@click.option("--yes", is_flag=True, help="Do not ask before paying.")
@passphrase_option
@click.pass_obj
def ethereum(
    session: Session,
    /,
    *,
    dry_run: bool,
    no_wait: bool,
    faster: bool,
    unsigned: Path | None,
    signed: Path | None,
    new_key: bool,
    import_key: bool,
    credentials: bool,
    key_fd: int | None,
    yes: bool,
    passphrase_fd: int | None,
) -> None:
    """Put the newest announcement into a transaction to oneself on Ethereum, and gather the proof.

    It is shown and asked about before anything is paid; mirror.toml says which node, which account and how much at
    most, in [ethereum]. The signed payment is kept before it is sent: a run that was cut off is taken up by the same
    command, and nothing is paid twice. When enough blocks lie on top, the proof is gathered and checked, and the next
    edition takes it in: mirror publish.

    \b
    mirror anchor ethereum --new-key
    mirror anchor ethereum --dry-run
    mirror anchor ethereum
    mirror anchor ethereum --unsigned payment.json
    mirror anchor ethereum --signed signed.txt
    """
    workspace = publishers_workspace(session)
    if new_key + import_key + credentials + dry_run + (unsigned is not None) > 1:
        raise Misused("--new-key, --import-key, --credentials, --dry-run and --unsigned are different things to do")
    if signed is not None and (unsigned is not None or faster):
        raise Misused("--signed sends what is signed already, and goes with neither --unsigned nor --faster")
    if key_fd is not None and not (import_key or credentials):
        raise Misused("--key-fd goes with --import-key or --credentials")
    if unsigned is not None:
        check_new(unsigned)
    if new_key:
        make_key(session, workspace, passphrase_fd)
    elif import_key:
        take_in(session, workspace, key_fd, passphrase_fd)
    elif credentials:
        enter_credentials(session, workspace, key_fd)
    else:
        wishes = Wishes(dry_run, not no_wait, yes, faster, unsigned, signed)
        run(session, workspace, wishes, passphrase_fd)


take_in = import_key


def run(session: Session, workspace: Workspace, wishes: Wishes, descriptor: int | None) -> None:
    """Anchor the newest edition, or go on with what is under way."""
    settings = ethereum_of(workspace)
    purse = Purse(session, workspace, settings, descriptor)
    with open_nodes(session, workspace, settings) as nodes, workspace.archive as archive:
        with workspace.writing():
            head = Edition(archive.head(), archive.blocks.get)
            work = _Work(session, workspace, settings, nodes, head)
            work.errand(Anchor(head.size, "ethereum-1.json")).check_chain()
            work.look_again()
            data, errand = work.choose(wishes)
            if errand is None:
                work.say_done()
                return
            paying = Paying(session, settings, errand, nodes, purse, wishes)
            purpose = _purpose(data, errand.anchor, wishes)
            given = paying.begin(purpose)
        if given is None:
            proof, given = paying.carry_on(purpose)
            _end(session, head, errand, proof)
    session.terminal.give(given)


def _purpose(data: bytes, anchor: Anchor, wishes: Wishes) -> Purpose:
    edition = anchor.name.removeprefix("ethereum-").removesuffix(".json")
    words = f"the announcement of edition {edition}, {many(anchor.size, 'entry', 'entries')}"

    def agree(terminal: Terminal, question: str) -> None:
        if not terminal.confirm(question, yes=wishes.yes, hint="look first with --dry-run, then add --yes"):
            raise Refused("nothing was paid")

    return Purpose(data, words, agree, AGAIN)


def _end(session: Session, head: Edition, errand: Errand, proof: Proof | None) -> None:
    if proof is not None:
        found = transaction.parse(proof.transaction)
        check_announces(found.data, head, errand.anchor)
        session.terminal.say(f"anchored      {many(errand.anchor.size, 'entry', 'entries')}, {errand.anchor.name}")
        session.terminal.tell("the next edition takes the proof in: mirror publish")


def ask_again(session: Session, workspace: Workspace, head: Edition) -> None:
    """Ask the nodes whether what was gathered, and is in no edition yet, still holds; what does not is undone.

    Who does not answer is named, and holds nothing up: readers ask for the block themselves.
    """
    with as_typed():
        settings = workspace.settings.ethereum
    if settings is None or not settings.nodes:
        return
    with open_nodes(session, workspace, settings) as nodes:
        try:
            _Work(session, workspace, settings, nodes, head).look_again()
        except Unavailable as error:
            session.terminal.warn(f"not asked again: {error.message}")


class _Work:
    """What is under way, complete, and still to be done."""

    def __init__(
        self, session: Session, workspace: Workspace, settings: Ethereum, nodes: list[Node], head: Edition
    ) -> None:
        self._terminal = session.terminal
        self._workspace = workspace
        self._settings = settings
        self._nodes = nodes
        self._head = head
        self._kept = workspace.anchors
        self._inside = held(head)

    def errand(self, anchor: Anchor) -> Errand:
        """The errand that an anchor is."""
        chain, confirmations = self._settings.chain, self._settings.confirmations
        return Errand(self._kept, anchor, self._nodes, chain=chain, confirmations=confirmations)

    def look_again(self) -> None:
        """Ask whether what was gathered still holds, and forget what an edition holds."""
        for anchor in ours(self._kept.complete()):
            if anchor not in self._inside:
                self._look_at(anchor)
        for anchor in ours(self._kept.pending()):
            if anchor in self._inside:
                self._kept.forget_pending(anchor)

    def _look_at(self, anchor: Anchor) -> None:
        errand = self.errand(anchor)
        try:
            if not errand.is_sound():
                self._terminal.warn(f"what was kept of {anchor.name} was damaged; it is gathered anew")
            elif self._is_here(anchor) and not errand.holds():
                self._terminal.warn(f"{anchor.name} holds no more: the chain was reorganised; it is gathered anew")
        except Malformed as error:
            self._terminal.warn(f"{in_one_line(error.message)}; {error.hint}")

    def choose(self, wishes: Wishes) -> tuple[bytes, Errand | None]:
        """What is paid for, and the errand: one under way first; none where the newest log is anchored already."""
        complete = ours(self._kept.complete())
        self._check_chains(complete)
        underway = [anchor for anchor in ours(self._kept.pending()) if anchor not in complete]
        if wishes.signed is not None:
            return self._signed(transaction.parse(read_signed(wishes.signed)).data, underway)
        if underway:
            errand = self.errand(underway[0])
            attempt = errand.attempt
            return attempt.newest.data if attempt is not None else b"", errand
        if wishes.faster:
            raise Refused("no payment is under way, for which more could be offered")
        if self._done():
            return b"", None
        data = self._workspace.archive.announcement()
        if data is None:
            raise Missing("there is no announcement of the newest edition", hint="mirror publish writes it anew")
        return data, self.errand(anchor_of(check_announces(data, self._head)))

    def _is_here(self, anchor: Anchor) -> bool:
        """Whether what is kept of an anchor is of the chain that is meant."""
        errand = self.errand(anchor)
        proof, attempt = errand.proof, errand.attempt
        found = proof.chain if proof is not None else attempt.newest.chain if attempt is not None else None
        return found == self._settings.chain

    def _check_chains(self, complete: list[Anchor]) -> None:
        """Refuse to begin on one chain while something is kept that was paid for on another."""
        for anchor in (*complete, *ours(self._kept.pending())):
            if anchor not in self._inside and not self._is_here(anchor):
                words = f"was paid for on another chain than {self._settings.chain}, and is in no edition yet"
                hint = (
                    "set chain back in mirror.toml, finish it with the same command, and let mirror publish take it in"
                )
                raise Refused(f"{anchor.name} {words}", hint=hint)

    def _done(self) -> list[str]:
        """The proofs on the chain that is meant, kept or in the edition, for the log as it is."""
        size = self._head.size
        kept = {each.name for each in ours(self._kept.complete()) if each.size == size and self._is_here(each)}
        inside = {
            each.name
            for each in ours(self._inside)
            if each.size == size and self._chain_in_tree(each) == self._settings.chain
        }
        return sorted(kept | inside)

    def _chain_in_tree(self, anchor: Anchor) -> int | None:
        with contextlib.suppress(*FAULTS):
            return parse_proof(self._head.tree.read(path_of(anchor))).chain
        return None

    def _signed(self, data: bytes, underway: list[Anchor]) -> tuple[bytes, Errand]:
        wanted = anchor_of(check_announces(data, self._head))
        if underway and wanted not in underway:
            raise Refused(f"{underway[0].name} is under way", hint=f"go on with it first: {AGAIN}")
        if wanted in self._inside and self._chain_in_tree(wanted) == self._settings.chain:
            raise Refused(f"{wanted.name} is in the edition already: nothing more is paid for it")
        return data, self.errand(wanted)

    def say_done(self) -> None:
        """Say that there is nothing to do."""
        size, names = self._head.size, self._done()
        self._terminal.say(f"anchored      {many(size, 'entry', 'entries')} already: {', '.join(names)}")
        given: dict[str, Any] = {"size": size, "name": names[0], "state": "complete"}
        self._terminal.give(given)
