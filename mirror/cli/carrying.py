"""`mirror export` and `mirror import`: a mirror in one CAR file, out and in."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from mirror import carry, carry_back, tree
from mirror.alone import ONE_NOTE
from mirror.carry_back import Filled, either, is_older
from mirror.cli import forking
from mirror.cli.main import Session
from mirror.cli.reporting import print_report, shown
from mirror.cli.sources import Copy, open_copy
from mirror.cli.terminal import many
from mirror.cli.trusting import trust_of
from mirror.cli.typed import Index, Misused, check_new
from mirror.cli.verifying import judge_copy, keep_evidence
from mirror.edition import Edition
from mirror.errors import Forked, NotHeld, Refused, Unverified
from mirror.formats import entry as entries
from mirror.formats.cid import CID
from mirror.formats.unixfs import Get
from mirror.site import places
from mirror.store import files
from mirror.store.archive import Archive
from mirror.store.workspace import Workspace
from mirror.trust import Trust
from mirror.verdict import Claim, Report, State

T = TypeVar("T")


@click.command()
@click.argument("what", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The new CAR file, or folder.")
@click.option("--one", type=Index(), help="Only this testimony, with its proof.")
@click.option("--files", "as_files", is_flag=True, help="Plain files in a new folder, for a browser to open.")
@click.pass_obj
def export(session: Session, what: str | None, *, output: Path, one: int | None, as_files: bool) -> None:
    """Write the newest edition as one CAR: the whole tree and nothing else, the same bytes each time.

    WHAT is an archive or a CAR; default the workspace's. Any IPFS tool imports the file. With --files, write plain
    files instead: index.html opens in any browser. With --one, write a folder with one testimony, its proof and its
    attachments, which verifies by itself: mirror verify FOLDER/note.txt.

    \b
    mirror export -o voices.car
    mirror export --files -o voices-to-read
    mirror export --one 17 -o testimony-17
    """
    if as_files and one is not None:
        raise Misused("--files and --one do not go together")
    check_new(output)
    with open_copy(session.home if what is None else Path(what), own=what is None) as copy, _nothing_left_out():
        edition = Edition(copy.root, copy.get)
        if one is not None:
            _export_one(session, edition, one, copy.get, output)
            return
        if as_files:
            _export_files(session, edition, copy.get, output)
            return
        with files.replacing(output) as file:
            count = carry.export(copy.root, copy.get, file)
    size, blocks = output.stat().st_size, many(count, "block", "blocks")
    session.terminal.say(f"wrote {output}: edition {edition.number}, {blocks}, {size} bytes, index hash {edition.root}")
    session.terminal.give(
        {
            "file": str(output),
            "edition": edition.number,
            "blocks": count,
            "bytes": size,
            "index_hash": str(edition.root),
        }
    )


@contextlib.contextmanager
def _nothing_left_out() -> Iterator[None]:
    """Say in words that a keeper's copy is not whole, where a block that it leaves out is met."""
    try:
        yield
    except NotHeld:
        raise NotHeld(
            "this copy leaves testimonies or pages out, and what is written is whole or nothing",
            hint="mirror verify names what is left out; the folder archive, and mirror serve, hand on the rest",
        ) from None


def _export_files(session: Session, edition: Edition, get: Get, folder: Path) -> None:
    count = carry.export_files(edition.root, get, folder)
    wrote, number = many(count, "file", "files"), edition.number
    session.terminal.say(f"wrote {folder}: edition {number}, {wrote}, index hash {edition.root}")
    if (front := folder.joinpath(*places.FRONT)).exists():
        session.terminal.say(f"to read it, open this in a browser: {front}")
    session.terminal.give({"folder": str(folder), "edition": number, "files": count, "index_hash": str(edition.root)})


def _export_one(session: Session, edition: Edition, index: int, get: Get, folder: Path) -> None:
    if not 0 < index < edition.size or edition.entry(index).kind != entries.TESTIMONY:
        raise Misused(f"#{index} is no testimony of this mirror", hint="mirror list shows what is listed")
    if edition.tree.find(tree.note_path(index)) is None:
        raise Refused(f"#{index} is not here: it was withdrawn, or this copy does not hold it")
    written = carry.export_one(edition, index, get, folder)
    for path in written:
        session.terminal.say(f"wrote {path}")
    session.terminal.say(f"whoever has the key judges it with: mirror verify {folder / ONE_NOTE}")
    session.terminal.give({"index": index, "files": [str(path) for path in written], "vkey": edition.key.vkey})


@click.command("import")
@click.argument("what", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--from", "service", metavar="NAME", help="From this service of mirror.toml, which has to be a node.")
@click.option("--key", "key_text", metavar="KEY", help="Take it only if it is of this key: a vkey, or its k51… name.")
@click.pass_obj
def import_(session: Session, what: Path | None, *, service: str | None, key_text: str | None) -> int:
    """Bring a newer edition into the workspace: from a CAR, an archive or a fetched folder, or from a node.

    It is verified whole before anything is written. Where there is no workspace yet, a keeper's is made: an archive
    without a key. A log that is no continuation of the one held is refused. What was withdrawn since leaves the
    workspace's files. Of an edition that is not newer, what is lacking or damaged here is taken.

    \b
    mirror --home copy import voices.car
    mirror import --from home
    """
    if (what is None) == (service is None):
        raise Misused("name either what to import, or with --from the node to import it from")
    if service is not None:
        from mirror.cli.fetching import exported  # noqa: PLC0415  (nothing of the network for what lies here)

        with exported(session, Workspace(session.home).require(), service) as fetched:
            return _import(session, fetched, key_text)
    return _import(session, Path(str(what)), key_text)


def _import(session: Session, what: Path, key_text: str | None) -> int:
    workspace = keepers_workspace(session)
    with open_copy(what) as copy:
        report = judge_copy(session, copy, trust_of(session, None, key_text, None, memory=True))
        code = report.exit_code()
        if code == 1 or report.key is None or report.verdict(Claim.COMPLETE).state is not State.HOLDS:
            print_report(session.terminal, report, code, keep_evidence(report, copy) if report.forked_with else None)
            session.terminal.warn("nothing was imported")
            return code
        files.make_folder(workspace.archive.folder)
        with workspace.writing(), workspace.archive as archive:
            judge = partial(judge_pending, session, archive, trust_of(session, None, key_text, None, memory=True))
            adopted = take_up(session, archive, judge)
            filled = None
            if adopted is not None and adopted.root == copy.root:
                edition, count = adopted, 0
            elif is_older(archive, copy.root, copy.get):
                filled = _keeping_evidence(session, archive, copy, carry_back.fill_in)
                edition, count = filled.held, filled.blocks
            else:
                edition, count = _keeping_evidence(session, archive, copy, carry.bring_in)
                workspace.following_path.unlink(missing_ok=True)  # it may hold what was withdrawn since
    if filled is None:
        new = many(count, "new block", "new blocks")
        session.terminal.say(f"{edition.key.name}: edition {edition.number} is here now, {new}")
    else:
        _say_filled(session, filled)
    key = report.verdict(Claim.KEY)
    if key.state is not State.HOLDS:
        session.terminal.tell(f"key {key.state.value}: {shown('; '.join(key.words))}")
    session.terminal.give(
        {
            "mirror": edition.key.name,
            "edition": edition.number,
            "index_hash": str(edition.root),
            "new_blocks": count,
            "skipped": [] if filled is None else list(filled.skipped),
            "key": key.state.value,
        }
    )
    return 0


def keepers_workspace(session: Session) -> Workspace:
    """The workspace in which a copy is kept: one that is there, or a folder in which there is nothing yet."""
    workspace = Workspace(session.home)
    if not workspace.exists() and session.home.is_dir() and any(session.home.iterdir()):
        raise Refused(f"{session.home} holds other things and no workspace", hint="name a new folder with --home")
    return workspace


def take_up(session: Session, archive: Archive, judge: Callable[[CID], None]) -> Edition | None:
    """Go on where an interrupted run stopped; the edition that was adopted, if one was."""
    for path in archive.remove_leftovers():
        session.terminal.tell(f"removed {path.name}, which an interrupted run left")
    adopted = carry.adopt(archive, judge)
    if adopted is not None:
        session.terminal.tell(f"adopted edition {adopted.number}, which an interrupted run had written whole")
    if archive.has_head() and carry.finish(archive):
        session.terminal.tell("finished an interrupted withdrawal")
    return adopted


def is_whole(report: Report) -> bool:
    """Whether everything that the log lists is here, but for what this keeper chose not to hold."""
    return report.verdict(Claim.COMPLETE).state is State.HOLDS or bool(report.not_held and not report.newer)


def judge_pending(session: Session, archive: Archive, trust: Trust, root: CID) -> None:
    """Raise unless an edition that the head does not name is whole and true."""
    report = judge_copy(session, Copy("an edition that the head does not name", root, archive.get), trust)
    if report.exit_code() == 1 or not is_whole(report):
        path = max(archive.editions().items())[1]
        raise Unverified(
            f"{path} is newer than the head and does not verify: {', '.join(report.bad_items()) or 'it is not whole'}",
            hint="if it is a copy that was cut off, remove it and import again",
        )


def _say_filled(session: Session, filled: Filled) -> None:
    """Say what came of an edition that is not newer; nothing at all is a refusal where it is the very newest."""
    held, shown_now = filled.held, filled.shown
    if not filled.blocks and shown_now.root == held.root:
        raise Refused(f"edition {held.number} is here already")
    which = "it" if shown_now.root == held.root else f"edition {shown_now.number}"
    came = f"{many(filled.blocks, 'block', 'blocks')} of {which} that this archive lacked or had damaged"
    words = f"took {came}" if filled.blocks else f"nothing of {which} is lacking here"
    session.terminal.say(f"{held.key.name}: edition {held.number} stays the newest; {words}")
    if filled.skipped:
        listed = ", ".join(f"#{index}" for index in filled.skipped)
        session.terminal.say(f"skipped       {listed}, withdrawn since; please delete copies")


def _keeping_evidence(session: Session, archive: Archive, copy: Copy, take: Callable[[Archive, CID, Get], T]) -> T:
    """What comes of taking a copy in; a fork that it shows leaves its evidence."""
    try:
        return take(archive, copy.root, copy.get)
    except Forked:
        shown_now = Edition(copy.root, copy.get)
        held = Edition(archive.head(), either(archive, copy.get))
        larger = held.log if held.size > shown_now.size else shown_now.log
        fork = forking.keep(held.signed_checkpoint, shown_now.signed_checkpoint, held.key, larger)
        for words in fork.words:
            session.terminal.warn(words)
        raise
