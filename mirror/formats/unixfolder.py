"""Folders of UnixFS: written and read by the profile `unixfs-v1-2025`, and those of others listed.

    folder = a dag-pb block whose data are 08 01, and whose links are the entries: name, CID and Tsize

The profile sorts entries by the bytes of their names, writes every Tsize, no mode and no time, and shards a folder
whose block would be longer than 256 KiB (`mirror.formats.hamt`), which ours never is. `open_folder` takes exactly
that. Names are only held to be UTF-8 there: what may stand in one is said by who lays out or reads the tree.

`list_folder`, `find` and `resolve` also take other people's folders: in any order, sharded, with modes and times, with
Tsizes missing or wrong. One name twice is malformed. Symlinks are not followed.

Specification: specs.ipfs.tech/unixfs; the profile is IPIP-499.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from struct import Struct

from mirror.errors import Malformed, Missing, Refused
from mirror.formats import dagpb, hamt, wire
from mirror.formats.cid import CID, DAG_PB, is_ours
from mirror.formats.protobuf import bytes_field, number_field
from mirror.formats.unixnode import Get, Kind, Link, Node, fetch, open_node, parse

FOLDER_AT_MOST = 256 * 1024
"""Bytes in a folder's block; the profile shards what would be longer."""

_FOLDER = bytes.fromhex("0a020801")
"""What a folder's block ends in: the data of a node, which are those of UnixFS for a folder."""

_ENTRY = Struct("BB2s36sBB")
"""How a short entry starts: key and length of the link, of its CID, then the CID, key and length of its name."""

_MARKS = (0x12, b"\x0a\x24", 0x12)

PATH_AT_MOST = 256
"""Names in a path that we follow: no tree of ours is a dozen deep, and file systems stop at 4096 bytes."""


def folder(links: Iterable[Link]) -> bytes:
    """The block of a folder with these entries, in whatever order they come.

    Raises Refused for a name that is empty, given twice, not text, `.`, `..` or holds ``/`` or NUL, for a CID that the
    profile does not make, and for a folder that it would shard.
    """
    links = sorted(links, key=_name_bytes)
    for link in links:
        if link.name in ("", ".", "..") or "/" in link.name or "\0" in link.name:
            raise Refused(f"{link.name!r} cannot be a name in a folder")
        if not is_ours(link.cid):
            raise Refused(f"{link.name} would lead to {link.cid}, which is not a name that the profile gives")
    for before, after in pairwise(links):
        if before.name == after.name:
            raise Refused(f"{after.name} is twice in one folder")
    block = _print(links)
    if len(block) > FOLDER_AT_MOST:
        raise Refused(f"a folder of {len(links)} entries takes {len(block)} bytes, more than {FOLDER_AT_MOST}")
    return block


def _name_bytes(link: Link) -> bytes:
    try:
        return link.name.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(f"{link.name!a} cannot be a name in a folder: it is not text") from None


def _print(links: Iterable[Link]) -> bytes:
    return b"".join(map(_print_entry, links)) + _FOLDER


def _print_entry(link: Link) -> bytes:
    message = bytes_field(1, link.cid) + bytes_field(2, link.name.encode()) + number_field(3, link.size)
    return bytes_field(2, message)


def folder_link(name: str, block: bytes, links: Iterable[Link]) -> Link:
    """The entry `name` that leads to the folder `block`, whose entries are `links`."""
    return Link(name, CID.of(DAG_PB, block), folder_size(block, links))


def folder_size(block: bytes, links: Iterable[Link]) -> int:
    """What the Tsize of a link to the folder `block` should say, if those of its entries `links` are true."""
    return len(block) + sum(link.size for link in links)


def open_folder(block: bytes) -> tuple[Link, ...]:
    """The entries of a folder of ours. Raises Malformed for a block that the profile does not make.

    Not checked: what names say (`mirror.tree`), and whether Tsizes are true, for which the entries must be read.
    """
    links = open_short_folder(block)
    return open_parsed_folder(parse(block), block) if links is None else links


def open_short_folder(block: bytes) -> tuple[Link, ...] | None:
    """The same where no entry takes more than 127 bytes, as nearly all of ours do; None: it needs a closer look.

    For speed alone: what is taken here is what `open_parsed_folder` takes, in a quarter of the time.
    """
    end = len(block) - len(_FOLDER)
    if end < 0 or block[end:] != _FOLDER or len(block) > FOLDER_AT_MOST:
        return None
    links: list[Link] = []
    at, before = 0, b""
    while at < end:
        found = _read_short_entry(block, at, end)
        if found is None or found[1] <= before:
            return None
        link, before, at = found
        links.append(link)
    return tuple(links)


def _read_short_entry(block: bytes, at: int, end: int) -> tuple[Link, bytes, int] | None:
    """An entry, its name's bytes, and where the next one starts."""
    if at + _ENTRY.size > end:
        return None
    mark, length, cid_mark, cid, name_mark, name_length = _ENTRY.unpack_from(block, at)
    start = at + _ENTRY.size
    size_at, behind = start + name_length, at + 2 + length
    if (mark, cid_mark, name_mark) != _MARKS or length > 0x7F or not size_at < behind <= end or block[size_at] != 0x18:
        return None
    name = block[start:size_at]
    try:
        size, stop = wire.decode_varint(block, size_at + 1)
        link = Link(name.decode(), CID(cid), size)
    except (Malformed, UnicodeDecodeError):
        return None
    return (link, name, behind) if stop == behind and is_ours(link.cid) else None


def open_parsed_folder(node: Node, block: bytes) -> tuple[Link, ...]:
    """The same for a block that was parsed already, as `node`."""
    if node.kind is not Kind.FOLDER:
        raise Malformed(f"a folder should be here, and it is {node.kind}")
    if node.mode is not None or node.mtime is not None:
        raise Malformed("a folder with a mode or a time, which the profile does not write")
    links = tuple(_open_entry(link) for link in node.links)
    for before, after in pairwise(link.name.encode() for link in links):
        if before >= after:
            raise Malformed(f"a folder with a name twice or out of order: {after.decode()!r}")
    if len(block) > FOLDER_AT_MOST:
        raise Malformed(f"a folder of {len(block)} bytes, which the profile would shard above {FOLDER_AT_MOST}")
    if block != _print(links):
        raise Malformed("a folder with fields that the profile does not write")
    return links


def _open_entry(link: dagpb.Link) -> Link:
    if link.name is None or link.size is None:
        raise Malformed(f"a folder with an entry that lacks its name or its size: {link.cid}")
    if not is_ours(link.cid):
        raise Malformed(f"a folder whose entry {link.name!r} is of a kind that the profile does not make: {link.cid}")
    return Link(link.name, link.cid, link.size)


def list_folder(cid: CID, get: Get) -> Iterator[Link]:
    """The entries of anybody's folder, plain or sharded. Raises Malformed, and what `get` raises."""
    node = open_node(cid, fetch(cid, get))
    if node.kind is Kind.SHARD:
        return hamt.entries(cid, node, get)
    return iter(_list_plain(cid, node).values())


def _list_plain(cid: CID, node: Node) -> dict[str, Link]:
    if node.kind is not Kind.FOLDER:
        raise Malformed(f"block {cid} is {node.kind}, where a folder should be")
    found: dict[str, Link] = {}
    for link in node.links:
        name = link.name or ""
        if name in found:
            raise Malformed(f"folder {cid} has a name twice: {name!r}")
        found[name] = Link(name, link.cid, link.size or 0)
    return found


def find(cid: CID, name: str, get: Get) -> Link | None:
    """The entry `name` of anybody's folder, or None; of a sharded one only the shards on the way are fetched."""
    return _find(cid, open_node(cid, fetch(cid, get)), name, get)


def _find(cid: CID, node: Node, name: str, get: Get) -> Link | None:
    if not name:
        return None
    if node.kind is Kind.SHARD:
        return hamt.find(cid, node, name, get)
    return _list_plain(cid, node).get(name)


def resolve(root: CID, path: str, get: Get) -> CID:
    """What the names in `path`, parted by ``/``, lead to from the folder `root`; an empty path leads to `root`.

    Raises Missing, naming it, where a name is absent or what should be a folder is none; Malformed for a path with an
    empty name, `.` or `..`; and what `get` raises.
    """
    names = path.split("/") if path else []
    if len(names) > PATH_AT_MOST:
        raise Malformed(f"a path of {len(names)} names, more than {PATH_AT_MOST}")
    if not {"", ".", ".."}.isdisjoint(names):
        raise Malformed(f"a path with a name that is empty, '.' or '..': {path[:200]!r}")
    here = root
    for depth, name in enumerate(names):
        link = _step(here, name, get)
        if link is None:
            raise Missing(f"{'/'.join(names[: depth + 1])} is not there: {here} has no entry {name!r}")
        here = link.cid
    return here


def _step(cid: CID, name: str, get: Get) -> Link | None:
    """The entry `name`, or None also where `cid` is no folder."""
    if cid.codec != DAG_PB:
        return None
    node = open_node(cid, fetch(cid, get))
    return _find(cid, node, name, get) if node.kind in (Kind.FOLDER, Kind.SHARD) else None
