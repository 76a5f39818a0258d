"""The fourteen vectors of IPIP-499 and others' well-known CIDs: what we build, and what we read back."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aleph_cid
import pytest
from counterparts import need_program
from hypothesis import given
from hypothesis import strategies as st
from profiles import V0_2015, V1_2025, Blocks, Profile, import_file, import_folder, keystream

from mirror.formats import cid as cids
from mirror.formats import unixfs
from mirror.formats.cid import CID
from mirror.formats.unixfs import Kind, Link

ALPHABET = "abcdefghijklmnopqrstuvwxyz01234567890-_"
"""Letters of the file names in the folder vectors; the 0 stands there twice."""

FILES = [
    (V0_2015, "chunk-v0-seed", 262144, "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE"),
    (V0_2015, "chunk-v0-seed", 262145, "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ"),
    (V0_2015, "v0-seed", 174 * 262144, "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2"),
    (V0_2015, "v0-seed", 174 * 262144 + 1, "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"),
    (V1_2025, "chunk-v1-seed", 1048576, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
    (V1_2025, "chunk-v1-seed", 1048577, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
]

LARGE = [
    (1 << 30, "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
    ((1 << 30) + 1, "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"),
]

FOLDERS = [
    (V0_2015, "hamt-unixfs-v0-2015", [30] * 4096, "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN"),
    (V0_2015, "hamt-unixfs-v0-2015", [31] * 4033, "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP"),
    (
        V1_2025,
        "hamt-unixfs-v1-2025",
        [11] * 4765 + [21],
        "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4",
    ),
    (
        V1_2025,
        "hamt-unixfs-v1-2025",
        [11] * 4765 + [22],
        "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu",
    ),
]


def test_small_files() -> None:
    blocks = Blocks()
    small = import_file(V0_2015, [b"hello world"], blocks.put)
    assert str(small.cid) == "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"
    built = unixfs.build_file([b"hello world"], blocks.put)
    assert str(built.cid) == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    for cid in (small.cid, built.cid):
        assert list(unixfs.read_file(cid, blocks.get, strict=False)) == [b"hello world"]


def test_empty_things() -> None:
    blocks = Blocks()
    assert str(import_file(V0_2015, [b""], blocks.put).cid) == "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
    assert str(import_folder(V0_2015, [], blocks.put).cid) == "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    empty = unixfs.build_file([], blocks.put)
    assert (str(empty.cid), empty.size, empty.length) == (
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        0,
        0,
    )
    folder = unixfs.folder_link("", unixfs.folder([]), [])
    assert (str(folder.cid), folder.size) == ("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", 4)


@pytest.mark.parametrize(("profile", "seed", "length", "expected"), FILES)
def test_files_at_the_limits(profile: Profile, seed: str, length: int, expected: str) -> None:
    blocks = Blocks()
    link = import_file(profile, keystream(seed, length, profile.chunk), blocks.put)
    assert str(link.cid) == expected
    if profile is V1_2025:
        built = unixfs.build_file(keystream(seed, length, 99_999), blocks.put)
        assert built == unixfs.File(link.cid, link.size, length)
    reader = unixfs.read_file(link.cid, blocks.get, strict=profile is V1_2025)
    assert _digest(reader) == _digest(keystream(seed, length, 1 << 20))
    assert (reader.length, reader.size) == (length, link.size)


@pytest.mark.parametrize(("length", "expected"), LARGE)
def test_files_of_a_gigabyte(length: int, expected: str) -> None:
    nodes = Blocks()

    def put(cid: CID, data: bytes) -> None:
        if cid.codec == cids.DAG_PB:
            nodes.put(cid, data)

    built = unixfs.build_file(keystream("v1-2025-seed", length, 1 << 20), put)
    assert str(built.cid) == expected
    assert len(nodes.held) == (1 if length == 1 << 30 else 3)
    assert built.size == length + sum(map(len, nodes.held.values()))


def _digest(pieces: Iterator[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


@pytest.mark.parametrize(("profile", "seed", "lengths", "expected"), FOLDERS)
def test_folders_at_the_limits(profile: Profile, seed: str, lengths: list[int], expected: str) -> None:
    blocks = Blocks()
    leaf = import_file(profile, [b"x"], blocks.put)
    entries = [Link(name, leaf.cid, leaf.size) for name in _names(seed, lengths)]
    folder = import_folder(profile, entries, blocks.put)
    assert str(folder.cid) == expected
    listed = sorted(unixfs.list_folder(folder.cid, blocks.get), key=lambda link: link.name)
    assert listed == sorted(entries, key=lambda link: link.name)
    blocks.asked.clear()
    assert all(unixfs.find(folder.cid, link.name, blocks.get) == link for link in entries[::400])
    sharded = unixfs.parse(blocks.get(folder.cid)).kind is Kind.SHARD
    assert sharded == (lengths[-1] in (31, 22))
    assert len(blocks.asked) <= 1 + (3 if sharded else 1) * len(entries[::400])
    if profile is V1_2025 and not sharded:
        assert unixfs.folder(entries) == blocks.get(folder.cid)
        assert unixfs.open_folder(blocks.get(folder.cid)) == tuple(listed)


def _names(seed: str, lengths: list[int]) -> Iterator[str]:
    stream = b"".join(keystream(seed, sum(lengths), 1 << 20))
    for length in lengths:
        letters, stream = stream[:length], stream[length:]
        yield "".join(ALPHABET[byte % len(ALPHABET)] for byte in letters)


@given(st.lists(st.integers(0, 600_000), max_size=4), st.integers(0, 255))
def test_the_older_profile_is_as_another_implementation_has_it(lengths: list[int], seed: int) -> None:
    content = b"".join(bytes([seed, index]) * (length // 2) for index, length in enumerate(lengths))
    chunks = [content[at : at + (1 << 18)] for at in range(0, len(content), 1 << 18)] or [b""]
    blocks = Blocks()
    link = import_file(V0_2015, chunks, blocks.put)
    assert str(link.cid) == aleph_cid.compute_cid(content)
    assert b"".join(unixfs.read_file(link.cid, blocks.get, strict=False)) == content


@pytest.mark.parametrize("length", [0, 1, 262144, 262145, 174 * 262144 + 1])
def test_the_older_profile_is_as_go_ipfs_has_it(length: int, tmp_path: Path) -> None:
    program = need_program("ipfs_cid")
    chunks = list(keystream("any seed", length, 1 << 18)) or [b""]
    (tmp_path / "file").write_bytes(b"".join(chunks))
    printed = subprocess.run([program, str(tmp_path / "file")], stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(printed)["CIDv0"] == str(import_file(V0_2015, chunks, Blocks().put).cid)
