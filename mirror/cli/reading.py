"""`mirror list` and `mirror read`: what the log says, and testimonies, verified before they are shown."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mirror import tree
from mirror.check import Withdrawn
from mirror.cli.copies import edition_of, gateway_option, open_named
from mirror.cli.main import Session
from mirror.cli.reporting import in_rows
from mirror.cli.sources import Copy, open_copy, open_given
from mirror.cli.terminal import Terminal, in_groups, in_one_line, isolate, many, quoted
from mirror.cli.trusting import trust_of
from mirror.cli.typed import Index, Misused, from_option
from mirror.cli.verifying import claim_of_link
from mirror.edition import Edition
from mirror.errors import MirrorError, Missing, NeedsNewer, NotHeld, Unverified
from mirror.formats import entry as entries
from mirror.formats.fields import Attachment
from mirror.formats.key import PublicKey
from mirror.formats.link import IPFS, Link
from mirror.formats.notes import Charter, Testimony, Withdrawal
from mirror.one import NOT_READ, check_listed
from mirror.trust import judge_key
from mirror.verdict import Claim, Report, State


@click.command("list")
@click.argument("what", required=False)
@from_option
@gateway_option
@click.option("--cid", "cids", is_flag=True, help="Show each note's CID.")
@click.pass_obj
def list_(session: Session, what: str | None, *, source: Path | None, gateways: tuple[str, ...], cids: bool) -> int:
    """Show what the log lists: index, kind, language, title, state.

    WHAT is an archive, a CAR or a link; default the workspace's. Each note is verified as it is shown; one that
    fails is marked false. For a judgement of the whole: mirror verify.

    \b
    mirror list
    mirror list voices.car
    mirror list 'ipns://k51…#voices.example/archive+…'
    """
    with _open_listed(session, what, source, gateways) as (copy, link):
        edition = edition_of(copy, link)
        copy.bring(LISTED)
        rows = _Counted(_rows(edition))
        if session.terminal.as_json:
            numbers = {"mirror": edition.key.name, "edition": edition.number, "size": edition.size}
            session.terminal.give({**numbers, "entries": list(rows)})
        else:
            headings = ("#", "kind", "language", "title", "state") + (("cid",) if cids else ())
            session.terminal.table(headings, (_cells(row, cids=cids) for row in rows))
        return 1 if rows.false else 0


LISTED = (tree.TILE, tree.NOTE)
"""What of a tree is fetched to show all testimonies: their attachments are named, and not read."""


@contextlib.contextmanager
def _open_listed(
    session: Session, what: str | None, source: Path | None, gateways: tuple[str, ...]
) -> Iterator[tuple[Copy, Link | None]]:
    if what is None:
        with open_copy(source or session.home, own=source is None) as copy:
            yield copy, None
        return
    with open_given(what) as given:
        if given.copy is None and given.link is None:
            raise Misused(f"{what} is no archive, no CAR and no link")
        with open_named(session, given, source, gateways) as copy:
            named = given.link.cid if given.link is not None and given.link.scheme == IPFS else copy.root
            yield replace(copy, root=named), given.link


class _Counted:
    """Rows as they pass, and how many of them were false."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._rows = rows
        self.false = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            self.false += row["state"].startswith("false")
            yield row


def _cells(row: dict[str, Any], *, cids: bool) -> tuple[str, ...]:
    shown = ("index", "kind", "language", "title", "state") + (("cid",) if cids else ())
    return tuple(isolate(str(row[key])) if row[key] is not None else "" for key in shown)


def _rows(edition: Edition) -> Iterator[dict[str, Any]]:
    withdrawn = edition.withdrawn()
    for index, data in enumerate(edition.log.entries()):
        row: dict[str, Any] = {"index": index, "kind": None, "language": None, "title": None, "cid": None}
        try:
            entry = entries.parse(data)
            row.update(kind=entry.kind, cid=str(entry.cid))
            row.update(_details(edition, index, entry.kind, withdrawn))
        except NeedsNewer:
            row["state"] = "not checked: needs a newer mirror"
        except NotHeld:
            row["state"] = "not held by this keeper"
        except MirrorError as error:
            row["state"] = f"false: {error.message}"
        yield row


def _details(edition: Edition, index: int, kind: str, withdrawn: dict[int, Withdrawn]) -> dict[str, Any]:
    if index in withdrawn:
        return {"state": f"withdrawn at #{withdrawn[index].by}"}
    if kind == entries.WITHDRAWAL:
        note = edition.open(index, Withdrawal)
        return {"state": f"withdraws {', '.join(f'#{each}' for each in note.indexes)}"}
    shown = edition.open(index, Charter) if kind == entries.CHARTER else edition.open(index, Testimony)
    return {"language": shown.language, "title": shown.title, "state": "listed"}


@click.command()
@click.argument("what", required=False)
@click.argument("indexes", nargs=-1, type=Index(), metavar="[INDEX]…")
@from_option
@gateway_option
@click.option("--key", "key_text", metavar="KEY", help="Go by this key for once: a vkey, or its k51… name.")
@click.option("--no-memory", is_flag=True, help="Use no memory of mirrors.")
@click.option("--yes", is_flag=True, help="Show texts with a content warning without asking.")
@click.option(
    "--transaction", metavar="FILE|0x…", help="Show the texts in this transaction on Ethereum, raw or as JSON, instead."
)
@click.option(
    "--hash", "shared", metavar="0x…", help="Compare the transaction's hash with this one, which people share."
)
@click.option(
    "--proof", type=click.Path(path_type=Path, exists=True), help="Also judge this proof of the transaction's block."
)
@click.pass_obj
def read(
    session: Session,
    what: str | None,
    indexes: tuple[int, ...],
    *,
    source: Path | None,
    gateways: tuple[str, ...],
    key_text: str | None,
    no_memory: bool,
    yes: bool,
    transaction: str | None,
    shared: str | None,
    proof: Path | None,
) -> int:
    """Show testimonies, each verified first: signature, CID, and its place in the signed log.

    WHAT is an archive, a CAR, a folder or a link; INDEX says which, default all. A content warning is shown before the
    text. Text is shown as its author wrote it, with what could move a terminal's cursor escaped. Only what a link names
    is fetched, unless --from says where it lies: of one testimony, what its proof needs.

    \b
    mirror read archive/ 3
    mirror read voices.car
    mirror read 'ipns://k51…#voices.example/archive+…' 3
    mirror read --from archive/ 'ipfs://bafybei…/note/00/00/00/03.txt#voices.example/archive+…'
    mirror read --transaction letter.json --hash 0x…
    """
    if transaction is not None:
        if what is not None:
            raise Misused("--transaction names what is read; nothing else goes with it but --hash and --proof")
        from mirror.cli.transactions import read_transaction  # noqa: PLC0415  (Ethereum is loaded where it is used)

        return read_transaction(session, transaction, shared, proof)
    if what is None or shared is not None or proof is not None:
        raise Misused("name what to read, or a --transaction; --hash and --proof go with that")
    with open_given(what) as given:
        if given.note is not None:
            raise Misused(
                f"{what} is a note by itself, without the log that lists it",
                hint=f"judge it with: mirror verify --key KEY {what}",
            )
        wanted = indexes or (_indexes_of(given.link) if given.link is not None else ())
        with open_named(session, given, source, gateways, memory=not no_memory) as copy:
            one = copy.far and bool(wanted)
            reading = _Reading(session, copy, given.link, key_text, one=one, memory=not no_memory, yes=yes)
            code = reading.show(wanted)
            for state, words in in_rows(copy.told()):
                session.terminal.tell(f"{state:<8}{words}")
            return code


def _indexes_of(link: Link) -> tuple[int, ...]:
    if not link.path:
        return ()
    index = tree.index_of_note(tuple(link.path.split("/")))
    if index is None:
        raise Misused(f"{link.path} is not where a note lies", hint="name the INDEX instead")
    return (index,)


class _Reading:
    """One edition being read, and what is known of its key; `one`: no more of it than what is shown."""

    def __init__(
        self,
        session: Session,
        copy: Copy,
        link: Link | None,
        key_text: str | None,
        *,
        one: bool,
        memory: bool,
        yes: bool,
    ) -> None:
        self._terminal: Terminal = session.terminal
        self._yes = yes
        self._one = one
        trust = trust_of(session, claim_of_link(link), key_text, None, memory=memory)
        named = trust.given or trust.claimed
        root = link.cid if link is not None and link.scheme == IPFS else copy.root
        self._edition = Edition(root, copy.get, named if isinstance(named, PublicKey) else None)
        if named is not None and not isinstance(named, PublicKey) and self._edition.key.ipns != named:
            raise Unverified(f"this mirror's key is {self._edition.key.ipns}, not {named}")
        self._report = Report(copy.what)
        judge_key(self._report, self._edition.key, trust)
        self._logs = copy.logs
        if not one:
            copy.bring(LISTED)
            self._check_log()
        self._withdrawn = {} if one else self._edition.withdrawn()

    def _check_log(self) -> None:
        if self._edition.log.root_hash() != self._edition.checkpoint.root_hash:
            raise Unverified("the log's tiles do not add up to its checkpoint")

    def show(self, indexes: tuple[int, ...]) -> int:
        """Show the testimonies at these indexes, or all; the exit code."""
        edition = self._edition
        wanted = indexes or tuple(index for index, entry in edition.entries() if entry.kind == entries.TESTIMONY)
        for index in indexes:
            self._check_index(index)
        self._terminal.say(f"{edition.key.name}, edition {edition.number}, index hash {edition.root}")
        shown = [self._show(index) for index in wanted]
        key = self._report.verdict(Claim.KEY)
        key_words = [in_groups(word) if len(word) > 60 else word for word in key.words[0].split(" ")]
        self._terminal.say(f"key {key.state.value}: {' '.join(key_words)}")
        if self._one:
            self._terminal.say(NOT_READ)
        self._terminal.give(
            {
                "mirror": edition.key.name,
                "key": {"state": key.state.value, "words": list(key.words)},
                "edition": edition.number,
                "index_hash": str(edition.root),
                "testimonies": shown,
            }
        )
        if key.state is State.FALSE or any("false" in each for each in shown):
            return 1
        return 0 if key.state is State.HOLDS and not any("not_checked" in each for each in shown) else 3

    def _check_index(self, index: int) -> None:
        """Asking for what no testimony has is wrong usage, and no verdict; an entry that cannot be read is judged."""
        if index >= self._edition.size:
            raise Misused(f"#{index} is not in this log, which has {many(self._edition.size, 'entry', 'entries')}")
        with contextlib.suppress(MirrorError):
            if self._one:
                check_listed(self._edition, index, self._logs(self._edition.key.ipns))
            kind = self._edition.entry(index).kind
            if kind != entries.TESTIMONY:
                raise Misused(f"#{index} is a {kind}, not a testimony", hint="mirror list shows what is listed")

    def _show(self, index: int) -> dict[str, Any]:
        if index in self._withdrawn:
            self._terminal.say(f"\n#{index}  withdrawn, listed at #{self._withdrawn[index].by}; please delete copies\n")
            return {"index": index, "withdrawn": self._withdrawn[index].by}
        try:
            testimony = self._open(index)
        except (Missing, NeedsNewer) as error:
            self._terminal.warn(f"#{index}  not checked: {in_one_line(error.message)}; it is not shown")
            return {"index": index, "not_checked": error.message}
        except MirrorError as error:
            self._terminal.warn(f"#{index}  false: {in_one_line(error.message)}; it is not shown")
            return {"index": index, "false": error.message}
        self._print(index, testimony)
        return self._as_json(index, testimony)

    def _open(self, index: int) -> Testimony:
        if not self._edition.is_proven(index):
            self._edition.prove(index, self._edition.log)
        return self._edition.open(index, Testimony)

    def _print(self, index: int, testimony: Testimony) -> None:
        say = self._terminal.say
        say(f"\n#{index}  {isolate(testimony.title) if testimony.title else '(no title)'}  [{testimony.language}]")
        author = testimony.author
        by = (
            f"signed by the mirror and by {author.name}, {in_groups(str(author.ipns))}"
            if author
            else "signed by the mirror"
        )
        say(f"    {by}; listed in its log")
        for words in _about(testimony):
            say(f"    {words}")
        if testimony.warning:
            say(f"    content warning: {isolate(testimony.warning)}")
            if self._terminal.interactive and not self._yes and not self._terminal.confirm("show the text?", yes=False):
                say("    (not shown)")
                return
        say(f"\n{quoted(testimony.body)}\n")

    def _as_json(self, index: int, testimony: Testimony) -> dict[str, Any]:
        return {
            "index": index,
            "cid": str(self._edition.entry(index).cid),
            "language": testimony.language,
            "title": testimony.title,
            "date": testimony.date,
            "tags": list(testimony.tags),
            "warning": testimony.warning,
            "author": testimony.author.vkey if testimony.author else None,
            "translation_of": str(testimony.translation_of) if testimony.translation_of else None,
            "translator": testimony.translator,
            "replaces": str(testimony.replaces) if testimony.replaces else None,
            "attachments": [_attachment_as_json(each) for each in testimony.attachments],
            "text": testimony.body,
        }


def _attachment_as_json(each: Attachment) -> dict[str, Any]:
    return {"name": each.name, "media_type": each.media_type, "bytes": each.length, "cid": str(each.cid)}


def _about(testimony: Testimony) -> Iterator[str]:
    if testimony.date:
        yield f"date given by its author: {testimony.date}"
    if testimony.tags:
        yield "tags: " + ", ".join(isolate(tag) for tag in testimony.tags)
    if testimony.translation_of:
        yield f"translation ({testimony.translator}) of {testimony.translation_of}"
    if testimony.replaces:
        yield f"replaces {testimony.replaces}"
    for each in testimony.attachments:
        yield f"attachment: {isolate(each.name)}, {each.media_type}, {each.length} bytes"
