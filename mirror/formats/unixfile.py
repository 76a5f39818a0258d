"""Files of UnixFS: built by the profile `unixfs-v1-2025`, read by it strictly or, of others, leniently.

    leaf    = a raw block of 1 MiB; the last one may be shorter
    node    = a dag-pb block of kind 2 with up to 1024 links, each with an empty name; its block sizes are the lengths
              of content below the links, its file size their sum, its Tsizes the bytes of blocks below them

A file of one leaf is that leaf. Otherwise the leaves are linked by nodes in groups of 1024, those by nodes again,
until one node is left: every leaf lies equally deep, and only the last node of a level may have fewer links. So
the length alone decides the whole shape, and the strict reader follows it: it recomputes each node from the shape
and its links, compares it byte for byte, and finds every claim of length or size that is not so.

The lenient reader takes any UnixFS file: of CID version 0, with data inside nodes, of other shapes, with identity
CIDs. It checks that every claim of length is what comes out; Tsizes it does not check, for the specification calls
them hints. Parts of no bytes are malformed, so that whoever reads gets bytes or an error within a few blocks.

Specification: specs.ipfs.tech/unixfs; the profile is IPIP-499. How long a file may be is its caller's to say: look at
`FileReader.length` before reading.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from mirror.errors import Malformed
from mirror.formats import dagpb
from mirror.formats.cid import CID, DAG_PB, RAW, is_ours
from mirror.formats.unixnode import Get, Kind, Link, Node, Put, fetch, open_node

CHUNK = 1 << 20
"""Bytes in a leaf of the profile; only a file's last one has fewer."""

LINKS_AT_MOST = 1024
"""Links in a file's node, by the profile."""

DEPTH_AT_MOST = 32
"""Nodes on the way to a leaf that the lenient reader follows: pairs of pairs, 32 deep, would hold 2^32 leaves."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was built: its name on IPFS, the bytes of its blocks (Tsize), the bytes of its content."""

    cid: CID
    size: int
    length: int

    def link(self, name: str) -> Link:
        """The entry `name` of a folder that leads to it."""
        return Link(name, self.cid, self.size)


def build_file(chunks: Iterable[bytes], put: Put) -> File:
    """Cuts the content that `chunks` make together into blocks, and puts each as soon as it is known.

    Held at any time are one leaf, one of `chunks` and up to 1024 links a level.
    """
    levels: list[list[File]] = [[]]
    for leaf in _cut(chunks):
        cid = CID.of_raw(leaf)
        put(cid, leaf)
        _append(levels, 0, File(cid, len(leaf), len(leaf)), put)
    height = 0
    while len(levels) > height + 1 or len(levels[height]) > 1:
        if levels[height]:
            _close(levels, height, put)
        height += 1
    return levels[height][0]


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The leaves of a file: at least one, and no empty one behind another."""
    waiting = bytearray()
    first = True
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
            first = False
    if waiting or first:
        yield bytes(waiting)


def _append(levels: list[list[File]], height: int, part: File, put: Put) -> None:
    if height == len(levels):
        levels.append([])
    levels[height].append(part)
    if len(levels[height]) == LINKS_AT_MOST:
        _close(levels, height, put)


def _close(levels: list[list[File]], height: int, put: Put) -> None:
    """Links what waits at `height` by a node one level up."""
    parts = levels[height]
    levels[height] = []
    block = _node(parts)
    cid = CID.of(DAG_PB, block)
    put(cid, block)
    size = len(block) + sum(part.size for part in parts)
    _append(levels, height + 1, File(cid, size, sum(part.length for part in parts)), put)


def _node(parts: Iterable[File]) -> bytes:
    parts = tuple(parts)
    links = tuple(dagpb.Link(part.cid, "", part.size) for part in parts)
    lengths = tuple(part.length for part in parts)
    return bytes(Node(links, Kind.FILE, file_size=sum(lengths), block_sizes=lengths))


def read_file(cid: CID, get: Get, *, strict: bool) -> "FileReader":
    """The file `cid`, to be read once. Its first block is fetched now, the others as the reading goes on.

    Strict, any file that `build_file` would not have named `cid` raises Malformed, now or at the wrong block.
    """
    return FileReader(cid, get, strict=strict)


class FileReader(Iterator[bytes]):
    """Yields a file's content in pieces as they lie in its blocks.

    `length` is the bytes of content, as the first block claims them; what is yielded is never longer, and ends
    shorter only with an error. `size` is the bytes of the blocks read so far, each as often as it is linked; when
    the iteration has ended, it is what the Tsize of a link to this file should say.
    """

    def __init__(self, cid: CID, get: Get, *, strict: bool) -> None:
        self._get = get
        self.size = 0
        if strict:
            _check_ours(cid, RAW, DAG_PB)
        whole = _Part.fetch(cid, get)
        self.length = whole.length
        self._pieces = self._read_strictly(whole, whole.length, _height(whole)) if strict else self._read(whole, 0)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def _read_strictly(self, part: "_Part", length: int, height: int) -> Iterator[bytes]:
        self.size += len(part.block)
        if height == 0:
            _check_leaf(part, length)
            if part.block:
                yield part.block
            return
        for link, span in _check_node(part, length, height):
            _check_ours(link.cid, RAW if height == 1 else DAG_PB)
            before = self.size
            yield from self._read_strictly(_Part.fetch(link.cid, self._get), span, height - 1)
            _check_size(part, link, self.size - before)

    def _read(self, part: "_Part", depth: int) -> Iterator[bytes]:
        if depth > DEPTH_AT_MOST:
            raise Malformed(f"block {part.cid} lies more than {DEPTH_AT_MOST} nodes deep in a file")
        self.size += len(part.block)
        if data := part.block if part.node is None else part.node.data:
            yield data
        for link, span in part.links():
            below = _Part.fetch(link.cid, self._get)
            if below.length != span:
                raise Malformed(
                    f"block {part.cid} claims {span} bytes of content for {link.cid}: it has {below.length}"
                )
            yield from self._read(below, depth + 1)


def measure_file(cid: CID, get: Get) -> File:
    """A file of ours, judged as the strict reader does, each block once however often it is linked.

    So the work grows with the blocks that there are, and not with the length they claim: a few of them, linked again
    and again, make a valid file of 2^60 bytes. Memory holds two numbers for each distinct block.
    """
    _check_ours(cid, RAW, DAG_PB)
    whole = _Part.fetch(cid, get)
    return File(cid, _measure(whole, whole.length, _height(whole), get, {}), whole.length)


def _measure(part: "_Part", length: int, height: int, get: Get, known: dict[tuple[CID, int], int]) -> int:
    """The bytes of the blocks at and below `part`, which has to hold `length` bytes of content."""
    size = len(part.block)
    if height == 0:
        _check_leaf(part, length)
        return size
    for link, span in _check_node(part, length, height):
        _check_ours(link.cid, RAW if height == 1 else DAG_PB)
        if (link.cid, span) not in known:
            known[link.cid, span] = _measure(_Part.fetch(link.cid, get), span, height - 1, get, known)
        _check_size(part, link, known[link.cid, span])
        size += known[link.cid, span]
    return size


def _check_size(part: "_Part", link: dagpb.Link, below: int) -> None:
    if below != link.size:
        raise Malformed(f"block {part.cid} claims that {link.size} bytes lie below {link.cid}: {below} do")


@dataclass(frozen=True, slots=True)
class _Part:
    """A file's block that was fetched; `node` is None for a raw one. `length` is the content it claims."""

    cid: CID
    block: bytes
    node: Node | None
    length: int

    @classmethod
    def fetch(cls, cid: CID, get: Get) -> Self:
        block = fetch(cid, get)
        if cid.codec == RAW:
            return cls(cid, block, None, len(block))
        node = open_node(cid, block)
        if node.kind not in (Kind.FILE, Kind.DATA):
            raise Malformed(f"block {cid} is {node.kind}, where a file should be")
        return cls(cid, block, node, _length(cid, node))

    def links(self) -> Iterator[tuple[dagpb.Link, int]]:
        """Each link and the length of content claimed for it."""
        return zip(self.node.links, self.node.block_sizes, strict=True) if self.node else iter(())


def _length(cid: CID, node: Node) -> int:
    """The length of content that a file's node claims, if its claims agree with each other."""
    if len(node.links) != len(node.block_sizes):
        raise Malformed(f"block {cid} has {len(node.links)} links and {len(node.block_sizes)} block sizes")
    if 0 in node.block_sizes:
        raise Malformed(f"block {cid} links to a part of no bytes")
    if any(link.name for link in node.links):
        raise Malformed(f"block {cid} is a file's, and has a link with a name")
    length = len(node.data or b"") + sum(node.block_sizes)
    if (node.file_size or 0) != length:
        raise Malformed(f"block {cid} claims {node.file_size or 0} bytes of content and lists {length}")
    return length


def _check_ours(cid: CID, *codecs: int) -> None:
    if not is_ours(cid) or cid.codec not in codecs:
        raise Malformed(f"{cid} is not a name that the profile gives a block here")


def _height(whole: _Part) -> int:
    """Levels of nodes over the leaves, as the length decides them."""
    if whole.node is None:
        return 0
    if whole.length <= CHUNK:
        raise Malformed(
            f"block {whole.cid} is a node for {whole.length} bytes, which the profile keeps in one raw block"
        )
    height, span = 1, CHUNK * LINKS_AT_MOST
    while span < whole.length:
        height, span = height + 1, span * LINKS_AT_MOST
    return height


def _check_leaf(part: _Part, length: int) -> None:
    if len(part.block) > CHUNK:
        raise Malformed(f"block {part.cid} is a leaf of {len(part.block)} bytes, more than the profile's {CHUNK}")
    if len(part.block) != length:
        raise Malformed(f"block {part.cid} is a leaf of {len(part.block)} bytes, where {length} should be")


def _check_node(part: _Part, length: int, height: int) -> list[tuple[dagpb.Link, int]]:
    """The links of a node over `length` bytes of content, `height` levels up, with their spans."""
    span = CHUNK * LINKS_AT_MOST ** (height - 1)
    spans = [min(span, length - start) for start in range(0, length, span)]
    links = part.node.links if part.node else ()
    if len(links) != len(spans):
        raise Malformed(f"block {part.cid} has {len(links)} links, where the profile has {len(spans)}")
    parts = [File(link.cid, link.size or 0, below) for link, below in zip(links, spans, strict=True)]
    if part.block != _node(parts):
        raise Malformed(f"block {part.cid} is not the node that the profile makes of its {len(links)} parts")
    return list(zip(links, spans, strict=True))
