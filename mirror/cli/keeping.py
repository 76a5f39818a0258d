"""`mirror status` and `mirror fsck`: what is here, what is behind, and whether every byte is as it was."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mirror import tree
from mirror.cli.announcing import link_of_edition
from mirror.cli.main import Session
from mirror.cli.terminal import escape, in_groups, many
from mirror.cli.typed import as_typed
from mirror.edition import Edition
from mirror.errors import Malformed, MirrorError, NotHeld, Unverified
from mirror.formats import car, link
from mirror.formats.unixfs import Link
from mirror.store import files
from mirror.store.archive import Archive, root_of
from mirror.store.record import Record
from mirror.store.workspace import Workspace

if TYPE_CHECKING:
    from mirror.anchor import Standing as Anchored
    from mirror.cli.holding import Standing


@click.command()
@click.option("--offline", is_flag=True, help="Ask no service of mirror.toml what it holds.")
@click.pass_obj
def status(session: Session, *, offline: bool) -> int:
    """Show what the workspace holds, who else holds it, what is behind, and what to type next.

    The services of mirror.toml are asked which edition they hold, by how many, and nobody else is. Exit code 3: one of
    them did not answer.

    \b
    mirror status
    mirror status --offline
    """
    workspace = Workspace(session.home).require()
    with as_typed():
        services = workspace.settings.service
    with workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        known = _known(session, workspace, edition)
        _add_name(workspace, edition, known)
        anchors = _add_anchors(workspace, edition, known)
        held = _held(session, workspace, known) if services and not offline else []
    say = session.terminal.say
    say(f"{edition.key.name}, edition {edition.number}, {many(edition.size, 'entry', 'entries')}")
    say(f"title         {escape(edition.charter.title)}")
    say(f"key           {in_groups(str(edition.key.ipns))}")
    say(f"index hash    {edition.root}")
    say(f"this edition  {link_of_edition(edition.root, edition.key)}")
    say(f"the newest    {link.newest(edition.key)}")
    say(f"on disk       {many(known['files'], 'edition file', 'edition files')}, {known['bytes']} bytes")
    if known["name"] is not None:
        say(f"the name      leads to edition {known['name']['edition']}, until {known['name']['until'][:10]}")
    for anchor in anchors:
        say(f"anchored      {anchor.clock}, the log of {many(anchor.anchor.size, 'entry', 'entries')}: {anchor.words}")
    for standing in held:
        say(f"held by       {standing.in_words()}")
    for words in known["behind"]:
        say(f"behind        {words}")
    for words in known["next"]:
        say(f"next          {words}")
    session.terminal.give(
        {
            "mirror": edition.key.name,
            "vkey": edition.key.vkey,
            "key": str(edition.key.ipns),
            "edition": edition.number,
            "size": edition.size,
            "index_hash": str(edition.root),
            "link": str(link_of_edition(edition.root, edition.key)),
            "newest_link": str(link.newest(edition.key)),
            **known,
            "held_by": [standing.as_json() for standing in held],
        }
    )
    return (
        1 if any(each.state == "false" for each in held) else 3 if any(each.state == "silent" for each in held) else 0
    )


def _add_name(workspace: Workspace, edition: Edition, known: dict[str, Any]) -> None:
    """Where the record of the name that is kept here leads, and what its publisher does about it."""
    from mirror import naming  # noqa: PLC0415  (only here, where so much is asked)
    from mirror.formats import ipns  # noqa: PLC0415

    data, now, command = workspace.archive.name_record(), datetime.now(UTC), "mirror name"
    known["name"] = None
    if data is None:
        return
    try:
        record = ipns.open_record(data, edition.key.ipns)
    except (Malformed, Unverified) as error:
        known["behind"].append(f"the record of the name that is kept here is none: {error.message}")
    else:
        known["name"] = {"edition": record.sequence, "until": record.end.isoformat()}
        if naming.is_current(data, edition, now):
            if not naming.wants_renewal(record, now):
                return
            command = "mirror name --renew"
        known["behind"].append(f"the record of the name leads to edition {record.sequence}, until {record.end.date()}")
    if known["publisher"]:
        known["next"].insert(0, command)


def _add_anchors(workspace: Workspace, edition: Edition, known: dict[str, Any]) -> "list[Anchored]":
    """How outside clocks stand, and what a publisher does about it."""
    from mirror import anchor_due  # noqa: PLC0415  (only here, where so much is asked)
    from mirror.cli.clocks import standings_in_json  # noqa: PLC0415

    found = anchor_due.standings(workspace.anchors, edition)
    known["anchors"] = standings_in_json(found)
    newest = {each.clock: each for each in found if each.is_inside}
    shown = [each for each in found if not each.is_inside or newest[each.clock] == each]
    if not known["publisher"]:
        return shown
    if any(each.state == "pending" and each.clock == "ots" for each in found):
        known["next"].append("mirror anchor upgrade")
    waiting = [each for each in found if each.state == "complete" and not each.is_inside]
    if waiting:
        known["next"].append(f"mirror publish, which takes {many(len(waiting), 'proof', 'proofs')} in")
    return shown


def _held(session: Session, workspace: Workspace, known: dict[str, Any]) -> "list[Standing]":
    """How each service stands; what follows from it is added to what to type next."""
    from mirror.cli.holding import standings  # noqa: PLC0415  (nothing of the network where nobody is asked)

    held = standings(session, workspace, workspace.settings.service)
    if any(each.state in ("behind", "absent", "pinning") for each in held):
        known["next"].insert(0, "mirror pin")
    later = [f"mirror import --from {each.service.name}" for each in held if each.state == "later"]
    known["next"] = later or known["next"]  # before that, everything else is refused
    return held


def _known(session: Session, workspace: Workspace, edition: Edition) -> dict[str, Any]:
    editions = workspace.archive.editions()
    behind, next_steps = [], []
    pending = workspace.archive.pending()
    publisher = workspace.key_path.exists()
    again = "publish …" if publisher else "import …"
    if pending is not None:
        behind.append(f"edition {pending[0]} is written whole, and the head does not name it yet")
        next_steps.append(f"mirror {again} adopts it once it verifies")
    if workspace.archive.dropping():
        behind.append("a withdrawal was interrupted; what it withdraws may still lie in the files here")
        next_steps.append(f"mirror {again} goes on with it")
    recorded = Record(session.state).read(edition.key) if publisher else None
    if recorded is not None and recorded.edition > edition.number:
        behind.append(f"edition {recorded.edition} was signed on this machine; this copy is older")
        next_steps.append("mirror import FILE.car, with a copy of that edition")
    if publisher and recorded is None:
        behind.append("this machine has no record of what this key last signed")
        next_steps.append("mirror publish --this-is-newest …, if no later edition exists anywhere")
    if publisher and workspace.archive.announcement() is None:
        behind.append("there is no announcement of this edition")
    return {
        "publisher": publisher,
        "files": len(editions),
        "bytes": sum(path.stat().st_size for path in editions.values()),
        "behind": behind,
        "next": next_steps
        or (["mirror publish --tokens FILE FOLDER"] if publisher else [f"mirror verify {session.home}"]),
    }


REPAIR = """to repair: mirror import FILE.car, with a good copy of this edition or of the one whose file is damaged; or
put a good copy of that file in its place"""
"""What helps where something is damaged."""


@dataclass
class _Checked:
    """What fsck found."""

    files: int = 0
    blocks: int = 0
    bad: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0


@click.command()
@click.option("--rebuild", is_flag=True, help="Throw the index of blocks away and make it anew.")
@click.pass_obj
def fsck(session: Session, *, rebuild: bool) -> int:
    """Read every byte of the archive again: each block must hash to its CID, and the newest tree be whole.

    Names each damaged block, the file and byte where it lies, and what in the newest edition needs it. Repairs nothing
    but the index, which is a cache. To judge signatures and the log: mirror verify.

    \b
    mirror fsck
    mirror fsck --rebuild
    """
    workspace = Workspace(session.home).require()
    found = _Checked()
    with workspace.archive as archive:
        if rebuild:
            archive.blocks.rebuild(list(archive.editions().values()))
            found.notes.append("the index was made anew")
        with session.terminal.progress("reading", "files") as move:
            editions = archive.editions()
            for path in editions.values():
                _read_file(path, found)
                _read_root(path, archive, found)
                move(found.files, len(editions))
        _read_tree(archive, found)
        _look_around(workspace, found)
    _print_checked(session, found)
    if found.bad or found.items:
        return 1
    return 3 if found.left_out else 0


def _read_file(path: Path, found: _Checked) -> None:
    found.files += 1
    try:
        with path.open("rb") as file:
            for section in car.sections(file):
                found.blocks += 1
                try:
                    car.read_block(file, section)
                except MirrorError as error:
                    found.bad.append(f"editions/{path.name}: {error.message}")
    except MirrorError as error:
        found.bad.append(f"editions/{path.name}: {error.message}")


def _read_root(path: Path, archive: Archive, found: _Checked) -> None:
    """The root in an edition's header is hashed by nobody; but its block stays for ever, so it has to be here."""
    try:
        root = root_of(path)
    except MirrorError:
        return  # the file was named already: its sections cannot be read either
    if root not in archive.blocks:
        found.bad.append(f"editions/{path.name}: its header names the index hash {root}, which is not here")


def _read_tree(archive: Archive, found: _Checked) -> None:
    def report(path: tree.Path, error: MirrorError) -> None:
        found.items.append(f"{tree.in_words(path) or '/'}: {error.message}")

    try:
        root = archive.head()
        block = archive.blocks.get(root)
    except MirrorError as error:
        found.items.append(f"head: {error.message}")
        return
    for link_found in _files(archive, root, block, report):
        try:
            tree.check_file(link_found.link, archive.get)
        except NotHeld as error:
            found.left_out += 1
            found.notes.append(f"{tree.in_words(link_found.path)}: {error.message}")
        except MirrorError as error:
            report(link_found.path, error)


def _files(archive: Archive, root: Any, block: bytes, report: tree.Report) -> Iterator[tree.Found]:
    top = Link("", root, tree.size_of_folder(block))
    return tree.walk(top, archive.blocks.get, report)


def _look_around(workspace: Workspace, found: _Checked) -> None:
    pending = None
    with contextlib.suppress(MirrorError):  # what is wrong with the head or a header was found before
        pending = workspace.archive.pending()
    if pending is not None:
        found.notes.append(f"edition {pending[0]} is written whole, and the head does not name it yet")
    if workspace.archive.dropping():
        found.notes.append("a withdrawal was interrupted; what it withdraws may still lie in the files here")
    folders = (workspace.archive.folder, workspace.archive.folder / "editions")
    for folder in folders:
        left = [path.name for path in folder.iterdir() if files.is_temporary(path)] if folder.is_dir() else []
        found.notes += [f"{name} was left by an interrupted run; the next publish removes it" for name in left]


def _print_checked(session: Session, found: _Checked) -> None:
    say = session.terminal.say
    for words in (*found.bad, *found.items):
        say(f"false  {escape(words)}")
    for words in found.notes:
        say(f"note   {escape(words)}")
    count = f"{many(found.files, 'file', 'files')}, {many(found.blocks, 'block', 'blocks')}"
    say(f"{count}: {len(found.bad)} damaged" if found.bad else f"{count}: every block hashes to its CID")
    if found.items:
        say(f"{many(len(found.items), 'item', 'items')} of the newest edition cannot be read")
    if found.bad or found.items:
        session.terminal.tell(REPAIR)
    session.terminal.give(
        {
            "files": found.files,
            "blocks": found.blocks,
            "damaged": found.bad,
            "items": found.items,
            "notes": found.notes,
        }
    )
