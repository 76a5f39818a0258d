"""Anchors of a mirror of the tests' own, in blocks of their own, laid into its tree.

mirror = honest()
block = lay_ethereum(mirror, 3)          # anchors the first three entries; the header
height, block = lay_bitcoin(mirror, 2)
judge(mirror, sources=Sources(hashes=(block.hash,)))
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from calendar_server import DAY, Chain
from onchain import make_proof
from world import Mirror, sign_text

from mirror.edition import Edition
from mirror.formats import bitcoin, ethereum, ots
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.heads import Said
from mirror.formats.notes import Announcement
from mirror.formats.ots import APPEND, SHA256, Op, Path
from mirror.formats.unixfs import Put
from mirror.log.append import append
from mirror.tree import Change, leaf, number_path
from mirror.tree import Path as TreePath

ELSEWHERE = bytes(32)
"""A root hash of nothing."""


def folder_of(size: int) -> tuple[str, ...]:
    """Where the anchors of a size lie."""
    return ("anchor", *number_path(size))


def root_hash(mirror: Mirror, size: int) -> bytes:
    """The root hash of a mirror's first entries."""
    return append(None, [row.entry for row in mirror.rows[:size]], lambda place, data: None)[1]


def announcement(made: Mirror, size: int, **others: Any) -> bytes:
    """The announcement of edition 1 at a size, or one that says something else."""
    honest = {
        "mirror": made.key.name,
        "charter": made.charter_cid,
        "edition": 1,
        "size": size,
        "root_hash": root_hash(made, size),
        "root_cid": made.lay().root,
    }
    return sign_text(Announcement(**honest | others).text, made.key)


def prove_ethereum(mirror: Mirror, size: int, said: bytes = b"", **block: Any) -> ethereum.Proof:
    """The proof of a transaction that holds the announcement, or whatever is `said`."""
    return make_proof(said or announcement(mirror, size), **block)


def lay_ethereum(mirror: Mirror, size: int, said: bytes = b"", **block: Any) -> ethereum.Header:
    """Put such a proof where it belongs; the header of its block."""
    proof = prove_ethereum(mirror, size, said, **block)
    mirror.files[(*folder_of(size), "ethereum-1.json")] = bytes(proof)
    return ethereum.parse_header(proof.header)


def lines_of(mirror: Mirror, size: int, **others: Any) -> bytes:
    """A checkpoint's three lines, or such that say something else."""
    honest = {"origin": mirror.key.name, "size": size, "root_hash": root_hash(mirror, size)}
    return Checkpoint(**honest | others).text.encode()


def prove_bitcoin(lines: bytes, chain: Chain, day: date = DAY) -> ots.Proof:
    """The proof over three lines, in one more block of a chain."""
    digest = hashlib.sha256(lines).digest()
    way = (Op(APPEND, b"16 bytes, by way"), Op(SHA256), Op(APPEND, b"another's"), Op(SHA256))
    height = chain.add(Path(way, ots.at_height(0)).result(digest), day)
    return ots.proof_of(digest, [Path(way, ots.at_height(height))])


def lay_bitcoin(
    mirror: Mirror, size: int, chain: Chain | None = None, lines: bytes = b""
) -> tuple[int, bitcoin.Header]:
    """Put the pair where it belongs; height and header of its block."""
    lines, chain = lines or lines_of(mirror, size), chain or Chain()
    proof = prove_bitcoin(lines, chain)
    mirror.files[(*folder_of(size), "checkpoint.txt")] = lines
    mirror.files[(*folder_of(size), "checkpoint.txt.ots")] = bytes(proof)
    height = proof.blocks[0][0]
    return height, chain.headers[-1]


def pair_for(edition: Edition, chain: Chain | None = None) -> list[tuple[TreePath, bytes]]:
    """Where the pair for an edition's own checkpoint lies, and what it is, in the order of a tree."""
    lines = edition.checkpoint.text.encode()
    proof = bytes(prove_bitcoin(lines, chain or Chain()))
    folder = folder_of(edition.size)
    return [((*folder, "checkpoint.txt"), lines), ((*folder, "checkpoint.txt.ots"), proof)]


def laying(pairs: list[tuple[TreePath, bytes]]) -> Callable[[Put], Iterator[Change]]:
    """What an edition is to take in below `/anchor`."""

    def changes(put: Put) -> Iterator[Change]:
        for path, data in pairs:
            put(CID.of_raw(data), data)
            yield leaf(path, data)

    return changes


class Asked:
    """Everyone who can be asked, in memory: what each says of any block, by name; None where one does not answer."""

    def __init__(self, **says: bytes | None) -> None:
        self.says = says
        self.questions: list[tuple[int, ...]] = []

    def bitcoin(self, height: int) -> Sequence[Said]:
        self.questions.append((height,))
        return self._said()

    def ethereum(self, chain: int, height: int) -> Sequence[Said]:
        self.questions.append((chain, height))
        return self._said()

    def _said(self) -> Sequence[Said]:
        return [Said(who, value, "" if value is not None else "it is away") for who, value in self.says.items()]
