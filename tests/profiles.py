"""Imports as other programs make them: both profiles of IPIP-499, sharded folders included.

Written from the definition of a profile and for tests alone: it holds a whole file's links in memory, and it is the
only place here that writes sharded folders or CIDs of version 0.
"""

import hashlib
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from counterparts import need_program

from mirror.errors import Missing
from mirror.formats import dagpb
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.hamt import FANOUT, MURMUR3_X64_64, hash_name
from mirror.formats.unixfs import CHUNK, Kind, Link, Node, Put

PLAIN_AT_MOST = 256 * 1024
"""Bytes, by a profile's estimate, in a folder that is not sharded."""


@dataclass
class Blocks:
    """Blocks in memory; `asked` remembers which were wanted."""

    held: dict[CID, bytes] = field(default_factory=dict)
    asked: list[CID] = field(default_factory=list)

    def put(self, cid: CID, data: bytes) -> None:
        self.held[cid] = cid.check(data)

    def get(self, cid: CID) -> bytes:
        self.asked.append(cid)
        if cid not in self.held:
            raise Missing(f"block {cid} is not here")
        return self.held[cid]

    def add(self, node: Node) -> CID:
        """Keeps a block that no importer would make; its name."""
        cid = CID.of(DAG_PB, bytes(node))
        self.put(cid, bytes(node))
        return cid

    def add_raw(self, data: bytes) -> CID:
        cid = CID.of_raw(data)
        self.put(cid, data)
        return cid


@dataclass(frozen=True)
class Profile:
    version: int
    chunk: int
    links: int
    estimate: Callable[[list[Link]], int]


def _links_size(links: list[Link]) -> int:
    return sum(len(link.name.encode()) + len(link.cid) for link in links)


def _block_size(links: list[Link]) -> int:
    return len(_folder_block(links))


V0_2015 = Profile(0, 256 * 1024, 174, _links_size)
V1_2025 = Profile(1, 1024 * 1024, 1024, _block_size)


@dataclass(frozen=True)
class _Part:
    link: Link
    length: int


def import_file(profile: Profile, chunks: Iterable[bytes], put: Put, name: str = "") -> Link:
    """The entry `name` of a file; each of `chunks` is one leaf, so has the profile's length but for the last."""
    parts = [_leaf(profile, chunk, put) for chunk in chunks]
    while len(parts) > 1:
        groups = [parts[at : at + profile.links] for at in range(0, len(parts), profile.links)]
        parts = [_join(profile, group, put) for group in groups]
    return Link(name, parts[0].link.cid, parts[0].link.size)


def _leaf(profile: Profile, chunk: bytes, put: Put) -> _Part:
    if profile.version == 1:
        cid = CID.of_raw(chunk)
        put(cid, chunk)
        return _Part(Link("", cid, len(chunk)), len(chunk))
    node = Node((), Kind.FILE, data=chunk or None, file_size=len(chunk))
    return _Part(_put_node(profile, node, "", put), len(chunk))


def _join(profile: Profile, parts: list[_Part], put: Put) -> _Part:
    length = sum(part.length for part in parts)
    links = tuple(dagpb.Link(part.link.cid, "", part.link.size) for part in parts)
    node = Node(links, Kind.FILE, file_size=length, block_sizes=tuple(part.length for part in parts))
    return _Part(_put_node(profile, node, "", put), length)


def _put_node(profile: Profile, node: Node, name: str, put: Put) -> Link:
    block = bytes(node)
    digest = hashlib.sha256(block).digest()
    cid = CID(b"\x12\x20" + digest) if profile.version == 0 else CID.of(DAG_PB, block)
    put(cid, block)
    return Link(name, cid, len(block) + sum(link.size or 0 for link in node.links))


def import_folder(profile: Profile, links: Iterable[Link], put: Put, name: str = "") -> Link:
    """The entry `name` of a folder, sharded where the profile says so."""
    links = sorted(links, key=lambda link: link.name.encode())
    if profile.estimate(links) > PLAIN_AT_MOST:
        return shard(profile, links, put, name)
    return _put_node(profile, dagpb_folder(links), name, put)


def dagpb_folder(links: Iterable[Link], **more: int) -> Node:
    """A folder with entries in the order given and with whatever other fields."""
    return Node(tuple(dagpb.Link(link.cid, link.name, link.size) for link in links), Kind.FOLDER, **more)  # type: ignore[arg-type]


def _folder_block(links: list[Link]) -> bytes:
    return bytes(dagpb_folder(links))


def shard(profile: Profile, links: Iterable[Link], put: Put, name: str = "", depth: int = 0) -> Link:
    """The entry `name` of a sharded folder, whatever its size."""
    slots: dict[int, list[Link]] = {}
    for link in links:
        slots.setdefault(hash_name(link.name)[depth], []).append(link)
    inside = []
    for slot, found in sorted(slots.items()):
        if len(found) == 1:
            inside.append(Link(f"{slot:02X}{found[0].name}", found[0].cid, found[0].size))
        else:
            inside.append(shard(profile, found, put, f"{slot:02X}", depth + 1))
    return _put_node(profile, shard_node(inside), name, put)


def shard_node(links: Iterable[Link]) -> Node:
    """A shard whose links have their slots in front of their names already."""
    inside = tuple(dagpb.Link(link.cid, link.name, link.size) for link in links)
    bits = sum({1 << int(link.name[:2], 16) for link in links})
    field = bits.to_bytes((bits.bit_length() + 7) // 8)
    return Node(inside, Kind.SHARD, data=field, hash_type=MURMUR3_X64_64, fanout=FANOUT)


def keystream(seed: str, length: int, piece: int) -> Iterator[bytes]:
    """`length` bytes of ChaCha20 under the SHA-256 of `seed`, nonce zero, in pieces of `piece` bytes."""
    key = hashlib.sha256(seed.encode()).hexdigest()
    command = [need_program("openssl"), "enc", "-chacha20", "-K", key, "-iv", "0" * 32, "-in", "/dev/zero"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        try:
            for start in range(0, length, piece):
                yield program.stdout.read(min(piece, length - start))
        finally:
            program.kill()


LEVELS = 4
"""Nodes of 1024 links above a leaf of 1 MiB: 2^60 bytes."""


def endless(size_claimed: int = 0) -> tuple[CID, dict[CID, bytes]]:
    """A valid file of 2^60 zero bytes, in five blocks; the last Tsize is wrong by `size_claimed`."""
    leaf = bytes(CHUNK)
    cid, size, length = CID.of_raw(leaf), CHUNK, CHUNK
    blocks = {cid: leaf}
    for level in range(LEVELS):
        size += size_claimed if level == LEVELS - 1 else 0
        links = (dagpb.Link(cid, "", size),) * 1024
        block = bytes(Node(links, Kind.FILE, file_size=length * 1024, block_sizes=(length,) * 1024))
        cid, size, length = CID.of(DAG_PB, block), len(block) + size * 1024, length * 1024
        blocks[cid] = block
    return cid, blocks
