"""A plain folder as other tools fetch a tree (`ipfs get`): files and folders, from which the blocks are made again.

The folder is read once and named by the profile's rules, so its root CID is what `ipfs add -r` with that profile would
print. Folder blocks are kept; of files only where each block lies, and every block is hashed again when asked for.

Nothing in it is passed over: a hidden file or a thumbnail that a desktop left there makes another root. Symlinks and
whatever is neither file nor folder are malformed, and so is a folder that no tree of ours could hold: a name that is no
text, more entries than a block takes, more folders below each other than `DEPTH_AT_MOST`.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from mirror.errors import Malformed, Missing, Refused
from mirror.formats import unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.unixfs import CHUNK, Link

DEPTH_AT_MOST = 64
"""Folders below each other that are read: four times what a tree of ours has."""


class PlainFolder:
    """The blocks of a folder's tree; `root` is its CID."""

    def __init__(self, folder: Path) -> None:
        self._nodes: dict[CID, bytes] = {}
        self._places: dict[CID, tuple[Path, int, int]] = {}
        self.root = self._add_folder(folder, "", 0).cid

    def get(self, cid: CID) -> bytes:
        """The block's bytes, which hash to `cid`."""
        if cid in self._nodes:
            return self._nodes[cid]
        if cid not in self._places:
            raise Missing(f"block {cid} is not in this folder")
        path, start, length = self._places[cid]
        with path.open("rb") as file:
            file.seek(start)
            return cid.check(file.read(length))

    def _add_folder(self, folder: Path, name: str, depth: int) -> Link:
        if depth > DEPTH_AT_MOST:
            raise Malformed(f"{folder} lies more than {DEPTH_AT_MOST} folders deep")
        links = [self._add(path, depth) for path in sorted(folder.iterdir())]
        try:
            block = unixfs.folder(links)
        except Refused as error:
            raise Malformed(f"{folder} is no folder of a mirror's tree: {error.message}") from None
        link = unixfs.folder_link(name, block, links)
        self._nodes[link.cid] = block
        return link

    def _add(self, path: Path, depth: int) -> Link:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            return self._add_folder(path, path.name, depth + 1)
        if not stat.S_ISREG(mode):
            raise Malformed(f"{path} is neither a file nor a folder")
        return self._add_file(path)

    def _add_file(self, path: Path) -> Link:
        start = 0

        def keep(cid: CID, block: bytes) -> None:
            nonlocal start
            if cid.codec == RAW:
                self._places[cid] = (path, start, len(block))
                start += len(block)
            else:
                self._nodes[cid] = block

        return unixfs.build_file(_chunks(path), keep).link(path.name)


def name_file(path: Path) -> unixfs.File:
    """What a file would be on IPFS by the profile: its CID, the bytes of its blocks, the bytes of its content."""
    return unixfs.build_file(_chunks(path), lambda cid, block: None)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
