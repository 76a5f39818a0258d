"""A keeper leaves single testimonies out of her copy, which stays servable and says what it lacks.

Only the raw blocks go: the note, what its attachments hold, and the pages that show it (`mirror.carry_pages`), of
earlier editions all pages. Folders stay, so that the tree can be walked, and so does whatever another testimony uses
too. Which blocks are left out is said in the archive before they go (`mirror.store.archive`): nothing fetches them
again, and whoever judges the copy is told `not held by this keeper`.

The log still lists what is dropped here, and other copies hold it: whether it is withdrawn the publisher says. What the
publisher alone withdrew was put away for a while (`mirror.store.sealed`); an author's token ends that at once.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mirror import carry
from mirror.carry_pages import left_out_of, showing
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.formats import entry as entries
from mirror.formats.cid import CID, RAW
from mirror.store.archive import Archive, root_of
from mirror.store.blocks import Blocks
from mirror.store.sealed import Sealed
from mirror.tree_pages import pages_held


def drop(archive: Archive, indexes: Sequence[int], *, withdrawn: bool = False) -> int:
    """Leave testimonies out of an archive; how many blocks went. Raises `Refused` for what is no testimony.

    `withdrawn` says that their author took them back, which the log does not say yet; then no copy brings them back.
    """
    edition = Edition(archive.head(), archive.blocks.get)
    for index in indexes:
        if not 0 < index < edition.size or edition.entry(index).kind != entries.TESTIMONY:
            raise Refused(f"#{index} is no testimony of this mirror", hint="mirror list shows what is listed")
        if not edition.holds(index):
            raise Refused(f"#{index} is not here: it was withdrawn")
    blocks = _only_of(edition, set(indexes))
    blocks |= showing(edition, left_out_of(archive, edition).union(indexes), archive.get)
    archive.set_left_out(archive.left_out | blocks, blocks if withdrawn else ())
    archive.set_dropping(blocks | pages_held(archive))
    return carry.finish(archive) or 0


def destroy_sealed(archive: Archive, sealed: Sealed, token: bytes) -> int:
    """Destroy what was put away of an account that a publisher alone withdrew, now that its author's token is shown.

    How many blocks went. What another testimony that was put away uses too stays.
    """
    account = hashlib.sha256(token).digest()
    return sum(sealed.destroy(path, _sealed_of(archive, path, account)) for path in sealed.held())


def _sealed_of(archive: Archive, path: Path, account: bytes) -> set[CID]:
    """The blocks of an account in one file, told by the tree that they left."""
    with Blocks([path]) as blocks:
        edition = Edition(root_of(path), lambda cid: blocks.get(cid) if cid in blocks else archive.get(cid))
        hers, others = set[CID](), set[CID]()
        for index, entry in edition.entries():
            if entry.kind == entries.TESTIMONY and entry.cid in blocks:
                (hers if entry.withdrawal == account else others).update(edition.blocks_at(index))
    return hers - others


def _only_of(edition: Edition, indexes: set[int]) -> set[CID]:
    """The raw blocks of these testimonies that no other testimony uses."""
    wanted = {cid for index in indexes for cid in edition.blocks_at(index) if cid.codec == RAW}
    others = (index for index, entry in edition.entries() if entry.kind == entries.TESTIMONY and index not in indexes)
    for index in others:
        if edition.holds(index):
            wanted -= edition.blocks_at(index)
    return wanted
