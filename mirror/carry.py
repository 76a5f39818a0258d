"""A whole mirror in one file: out as a CAR, or as plain files, and in from any copy.

An export holds the whole tree and nothing else, blocks in depth-first order of first use, so that two exports of one
edition are the same bytes. Plain files are what browsers open without anything more.

Bringing in takes only what an archive lacks, as one more edition's file, and only from a copy that its caller has
verified; it refuses an older edition (`mirror.carry_back` takes from that what is lacking), another mirror's, and a log
that is no continuation.

What was withdrawn since the edition held leaves the archive's files too, and with it all pages that earlier editions
had and the new one has not, in the order of `mirror.store.archive`: the list of blocks, the edition, `head`, the files
anew. A crash at any step is taken up by `adopt` and `finish`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from mirror import tree
from mirror.alone import ONE_FILES, ONE_NOTE, ONE_PROOF
from mirror.carry_pages import left_out_of, showing
from mirror.edition import Edition
from mirror.errors import Forked, MirrorError, Refused, Unverified
from mirror.formats import car, merkle, unixfs
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, RAW
from mirror.formats.notes import Testimony
from mirror.formats.proof import Proof
from mirror.formats.unixfs import Get
from mirror.log import timeline
from mirror.log.tree import TiledLog
from mirror.store import files
from mirror.store.archive import Archive
from mirror.tree_pages import pages_held


def blocks_of(
    root: CID, get: Get, passed_over: Callable[[CID], bool] = lambda cid: False
) -> Iterator[tuple[CID, bytes]]:
    """Every block of a tree, once, depth first in the order of links; of raw ones, none that is `passed_over`."""
    seen: set[CID] = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid in seen:
            continue
        seen.add(cid)
        if cid.codec == RAW and passed_over(cid):
            continue
        data = get(cid)
        yield cid, data
        if cid.codec != RAW:
            waiting.extend(link.cid for link in reversed(unixfs.parse(data).links))


def export(root: CID, get: Get, file: BinaryIO) -> int:
    """Write a tree as a CAR; how many blocks it has."""
    writer = car.Writer(file)
    count = 0
    for cid, data in blocks_of(root, get):
        writer.put(cid, data)
        count += 1
    writer.seal(root)
    return count


def export_files(root: CID, get: Get, folder: Path) -> int:
    """Write a tree as plain files into a new folder, as `ipfs get` does; how many they are.

    Raises what is missing, malformed or too much before anything is written.
    """
    length = count = 0
    for found in _walk(root, get):
        count += 1
        if count > FILES_AT_MOST:
            raise Refused(f"there are more than {FILES_AT_MOST} files in this tree", hint=_RATHER_ONE_FILE)
        length += unixfs.measure_file(found.link.cid, get).length
    files.check_room(folder, length, "the files have")
    for path, link in _walk(root, get):
        _write(link.cid, get, folder.joinpath(*path))
    return count


FILES_AT_MOST = 4_000_000
"""Plain files that are written: a million testimonies, their attachments and pages. File systems tire before that."""

_RATHER_ONE_FILE = "without --files it is one file"


def _walk(root: CID, get: Get) -> Iterator[tree.Found]:
    """Every file of a tree; raises at the first folder that is not as it has to be."""
    top = unixfs.Link("", root, tree.size_of_folder(get(root)))

    def refuse(path: tree.Path, error: MirrorError) -> None:
        raise error

    return tree.walk(top, get, refuse)


def _write(cid: CID, get: Get, path: Path) -> None:
    """A file of a tree as one on the disk, which is new."""
    files.make_folder(path.parent)
    with files.creating(path) as file:
        for chunk in unixfs.read_file(cid, get, strict=True):
            file.write(chunk)


def export_one(edition: Edition, index: int, get: Get, folder: Path) -> list[Path]:
    """Write one testimony that travels alone into a new folder: its note, its proof, its attachments.

    `note.txt`, `note.tlog-proof`, and a folder `file` with the attachments where there are any. The note is opened, so
    verified, before it is written.
    """
    testimony = edition.open(index, Testimony)
    log, root_hash = edition.log, edition.checkpoint.root_hash
    proof = Proof(index, log.inclusion(index), edition.signed_checkpoint)
    merkle.check_inclusion(index, edition.size, merkle.leaf_hash(log.entry(index)), proof.hashes, root_hash)
    _check_room(testimony, get, folder)
    files.make_folder(folder)
    written = [folder / ONE_NOTE, folder / ONE_PROOF]
    files.create(written[0], edition.tree.read(tree.note_path(index)), mode=files.SHARED)
    files.create(written[1], bytes(proof), mode=files.SHARED)
    for attachment in testimony.attachments:
        path = folder / ONE_FILES / attachment.name
        files.make_folder(path.parent)
        with files.replacing(path) as file:
            for chunk in unixfs.read_file(attachment.cid, get, strict=True):
                file.write(chunk)
        written.append(path)
    return written


def _check_room(testimony: Testimony, get: Get, folder: Path) -> None:
    """Raise, before anything is written, where an attachment is longer than it says or there is no room for them."""
    for attachment in testimony.attachments:
        length = unixfs.measure_file(attachment.cid, get).length
        if length != attachment.length:
            raise Unverified(f"{attachment.name} has {length} bytes, the testimony lists {attachment.length}")
    files.check_room(folder, sum(attachment.length for attachment in testimony.attachments), "the attachments have")


def bring_in(archive: Archive, root: CID, get: Get) -> tuple[Edition, int]:
    """Add a verified tree to an archive as its newest edition; how many blocks were new.

    Raises `Refused` for another mirror's tree or one that is not newer, `Forked` for a log that contradicts ours.
    """
    shown = Edition(root, get)
    archive.set_dropping(_check_newer(archive, shown))
    _leave_out_pages(archive, shown, get)
    with archive.new_edition(shown.number) as edition:
        for cid, data in blocks_of(root, get, lambda cid: cid in archive.left_out or cid in archive.blocks):
            edition.put(cid, cid.check(data))
        edition.seal(root)
    _commit(archive, root)
    return shown, edition.count


def adopt(archive: Archive, judge: Callable[[CID], None]) -> Edition | None:
    """Take up a whole edition that `head` does not name, as an interrupted run or a copying tool leaves it.

    `judge` verifies a whole tree and raises where it does not hold. Raises what `bring_in` does, and then nothing has
    changed; None where there is no such edition.
    """
    pending = archive.pending()
    if pending is None or (archive.has_head() and archive.head() not in archive.blocks):  # the head's own file is lost
        return None
    judge(pending[1])
    shown = Edition(pending[1], archive.blocks.get)
    pages = _leave_out_pages(archive, shown, archive.get)
    archive.set_dropping(_check_newer(archive, shown) | pages)
    _commit(archive, shown.root)
    return Edition(shown.root, archive.blocks.get)


def finish(archive: Archive) -> int | None:
    """Go on with what an interrupted run was taking out of the files: how many blocks went; None: there is none."""
    return archive.finish_dropping(lambda: set(tree.reach(archive.head(), archive.blocks.get)) - archive.left_out)


def _check_newer(archive: Archive, shown: Edition) -> set[CID]:
    """The blocks that the archive holds and `shown` withdraws, once it is known to continue what is held."""
    if not archive.has_head():
        return set(archive.dropping())
    held = Edition(archive.head(), archive.blocks.get)
    _check_continues(held, shown)
    gone = [index for index in shown.withdrawn() if index < held.size and held.holds(index)]
    pages = pages_held(archive) if gone else set()
    return {cid for index in gone for cid in held.blocks_at(index)}.union(pages, archive.dropping())


def _leave_out_pages(archive: Archive, shown: Edition, get: Get) -> set[CID]:
    """Leave out the pages of a new edition that show what this keeper leaves out; which."""
    dropped = left_out_of(archive, shown)
    pages = showing(shown, dropped, get)
    if not pages <= archive.left_out:
        is_withdrawn = any(shown.entry(index).cid in archive.withdrawn_here for index in dropped)
        archive.set_left_out(archive.left_out | pages, pages if is_withdrawn else ())
    return pages


def _commit(archive: Archive, root: CID) -> None:
    archive.set_head(root)
    archive.refresh()
    finish(archive)


def _check_continues(held: Edition, shown: Edition) -> None:
    check_same_log(held, shown)
    if shown.root == held.root:
        raise Refused(f"edition {held.number} is here already")
    if shown.number < held.number:
        raise Refused(f"this is edition {shown.number}, and the archive holds edition {held.number}")


def check_same_log(held: Edition, shown: Edition) -> None:
    """Raise unless two editions can be of one log: `Refused` for two mirrors, `Forked` or `Unverified` otherwise."""
    if held.key != shown.key or held.charter_cid != shown.charter_cid:
        raise Refused(f"this is the mirror {shown.key.vkey}, the archive holds {held.key.vkey}")
    timeline.advance(*_in_order(held, shown))
    if shown.number == held.number and shown.root != held.root:
        raise Unverified(f"two editions {held.number}: {held.root} is held, {shown.root} is shown")
    earlier, later = sorted((held, shown), key=lambda edition: edition.number)
    if later.size < earlier.size:
        raise Forked(f"edition {earlier.number} has {earlier.size} entries, and edition {later.number} {later.size}")


def _in_order(held: Edition, shown: Edition) -> tuple[Checkpoint, Checkpoint, TiledLog]:
    if held.size <= shown.size:
        return held.checkpoint, shown.checkpoint, shown.log
    return shown.checkpoint, held.checkpoint, held.log
