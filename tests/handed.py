"""What a reader may be handed, as files: mirrors in CARs, folders and archives, notes with their proofs or without, and
what becomes of them in bad hands.

    build = damaged(lambda copy: copy.flip("charter.txt"))     # a builder: nothing is made yet
    files = build()                                            # {"voices.car": b"…"}
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from judging import OTHER, Lie, checkpoint, edition, honest
from test_verify_memory import later
from test_verify_tree import padded_file
from world import Copy, Mirror, sign_text, split, token

from mirror.formats import cbor, dagpb, fork, key, note, notes, unixfs, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, DAG_PB, RAW
from mirror.formats.merkle import leaf_hash
from mirror.formats.proof import Proof
from mirror.formats.tile import Place
from mirror.formats.unixfs import CHUNK, Kind, Link, Node
from mirror.log.append import append
from mirror.log.tree import TiledLog
from mirror.tree import note_path

KEY = Mirror().key.public

Files = dict[str, bytes]
"""Files of a case by their path."""

# Building


def in_car(copy: Copy) -> bytes:
    """The blocks of a copy as an export."""
    return car_of(copy.root, copy.blocks.items())


def car_of(root: CID, blocks: Iterable[tuple[CID, bytes]], header: bytes | None = None) -> bytes:
    """A CAR with these blocks in their order, whatever their names say."""
    encoded = cbor.encode({"roots": [root], "version": 1}) if header is None else header
    parts = [wire.encode_varint(len(encoded)), encoded]
    for cid, data in blocks:
        parts += [wire.encode_varint(len(cid) + len(data)), cid, data]
    return b"".join(parts)


def lying(tell: Lie) -> Callable[[], Files]:
    """The honest mirror, after a lie in one line, as a CAR."""

    def build() -> Files:
        mirror = honest()
        tell(mirror)
        return {"voices.car": in_car(mirror.lay())}

    return build


def damaged(change: Callable[[Copy], object]) -> Callable[[], Files]:
    """A copy of the honest mirror that somebody damaged, as a CAR."""

    def build() -> Files:
        copy = honest().lay()
        change(copy)
        return {"voices.car": in_car(copy)}

    return build


def remade(change: Callable[[bytes], bytes]) -> Callable[[], Files]:
    """The honest mirror's CAR, after a change to its bytes."""
    return lambda: {"voices.car": change(in_car(honest().lay()))}


def reblocked(change: Callable[[list[tuple[CID, bytes]]], object]) -> Callable[[], Files]:
    """The honest mirror's CAR with other blocks in it."""

    def build() -> Files:
        copy = honest().lay()
        blocks = list(copy.blocks.items())
        change(blocks)
        return {"voices.car": car_of(copy.root, blocks)}

    return build


def headed(roots: Callable[[CID], list[CID]]) -> Callable[[], Files]:
    """The honest mirror's CAR whose header names other roots."""

    def build() -> Files:
        copy = honest().lay()
        header = cbor.encode({"roots": list(roots(copy.root)), "version": 1})
        return {"voices.car": car_of(copy.root, copy.blocks.items(), header)}

    return build


def in_version_2(data: bytes) -> bytes:
    """A CAR of version 1 inside one of version 2."""
    numbers = b"".join(number.to_bytes(8, "little") for number in (51, len(data), 0))
    return bytes.fromhex("0aa16776657273696f6e02") + bytes(16) + numbers + data


def in_version_2_by(signer: key.SecretKey) -> Callable[[str], bytes]:
    """Signs what says of itself that it is of a newer version."""
    return lambda text: sign_text(text.replace("mirror/v1", "mirror/v2"), signer)


def of_size(size: int) -> Lie:
    """Checkpoint and edition that state another size."""

    def tell(mirror: Mirror) -> None:
        checkpoint(size=size)(mirror)
        edition(size=size)(mirror)

    return tell


def changed(data: bytes, at: int) -> bytes:
    """With one bit of a byte another."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def as_folder(change: Callable[[Files], object] = lambda files: None) -> Callable[[], Files]:
    """The honest mirror's tree as plain files, after a change to them."""

    def build() -> Files:
        copy = honest().lay()
        files = {"tree/" + "/".join(path): data for path, data in files_of(copy)}
        change(files)
        return files

    return build


def files_of(copy: Copy) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Every file of a copy's tree, with its path."""
    for path, link in copy.paths.items():
        if path and (link.cid.codec == RAW or unixfs.parse(copy.get(link.cid)).kind is unixfs.Kind.FILE):
            yield path, b"".join(unixfs.read_file(link.cid, copy.get, strict=True))


def as_archive(change: Callable[[Files, Copy], object] = lambda files, copy: None) -> Callable[[], Files]:
    """The honest mirror's archive in two files, after a change to them; the first holds an edition that is past."""

    def build() -> Files:
        old, copy = honest().lay(), later(honest()).lay()
        files = {
            "kept/head": f"{copy.root}\n".encode(),
            "kept/announcement.txt": copy.announcement,
            "kept/editions/000001.car": in_car(old),
            "kept/editions/000002.car": car_of(
                copy.root, [(cid, data) for cid, data in copy.blocks.items() if cid not in old.blocks]
            ),
        }
        change(files, copy)
        return files

    return build


def left_out(files: Files, copy: Copy) -> None:
    """Take the note #2 out of the archive's files, and say so."""
    cid = copy.paths[note_path(2)].cid
    old = honest().lay()
    files["kept/editions/000001.car"] = car_of(old.root, [each for each in old.blocks.items() if each[0] != cid])
    files["kept/left-out"] = f"{cid}\n".encode()


# Notes that travel alone


def note_of(mirror: Mirror, index: int) -> bytes:
    return mirror.rows[index].note or b""


def page_of(mirror: Mirror, name: str) -> bytes:
    copy = mirror.lay()
    return copy.get(copy.paths[(name,)].cid)


def proof_of(mirror: Mirror, index: int) -> Proof:
    """The inclusion proof of an entry, as `export --one` writes it."""
    places: dict[Place, bytes] = {}
    size, _ = append(None, [row.entry for row in mirror.rows], places.__setitem__)
    log = TiledLog(size, places.__getitem__)
    return Proof(index, log.inclusion(index), page_of(mirror, "checkpoint"))


def alone(index: int = 1, change: Callable[[bytes], bytes] = bytes) -> Callable[[], Files]:
    """One note of the honest mirror by itself, after a change to its bytes."""
    return lambda: {"note.txt": change(note_of(honest(), index))}


def proven(
    index: int = 1, proof: Callable[[Mirror], bytes] | None = None, change: Callable[[bytes], bytes] = bytes
) -> Callable[[], Files]:
    """One note of the honest mirror with its proof, or another."""

    def build() -> Files:
        mirror = honest()
        made = bytes(proof_of(mirror, index)) if proof is None else proof(mirror)
        return {"note.txt": change(note_of(mirror, index)), "note.tlog-proof": made}

    return build


def signed(text: str, *signers: key.SecretKey) -> Callable[[], Files]:
    return lambda: {"note.txt": sign_text(text, *signers)}


def text_of(index: int) -> str:
    return note.split_note(note_of(honest(), index))[0]


def handed_in(change: Callable[[bytes], bytes] = bytes) -> Callable[[], Files]:
    """A testimony that only its author signed."""
    author = Mirror().author
    made = honest().statement("On its way.", author=author.public)
    return lambda: {"note.txt": change(notes.sign_as_author(made, author))}


def beside(name: str, change: Callable[[bytes], bytes] = bytes) -> Callable[[], Files]:
    """A note with one attachment beside it, as `export --one` lays them."""

    def build() -> Files:
        mirror = Mirror()
        index = mirror.testify(files={"1.png": b"picture" * 9})
        return {"one/note.txt": note_of(mirror, index), f"one/file/{name}": change(b"picture" * 9)}

    return build


def announced(change: Callable[[Mirror], object] = lambda mirror: None) -> Callable[[], Files]:
    """The honest mirror's CAR with an announcement beside it."""

    def build() -> Files:
        mirror = honest()
        change(mirror)
        copy = mirror.lay()
        return {"voices.car": in_car(copy), "announcement.txt": copy.announcement}

    return build


def remembered(shown: Callable[[], Mirror], seen: Callable[[], Mirror]) -> Callable[[], Files]:
    """A CAR, and the announcement of what was seen before."""
    return lambda: {"voices.car": in_car(shown().lay()), "seen.txt": seen().lay().announcement}


def numbered(number: int, mirror: Mirror) -> Mirror:
    mirror.number = number
    return mirror


def another_log(count: int) -> Mirror:
    mirror = Mirror()
    for number in range(count):
        mirror.testify(f"Another story, {number}.")
    return numbered(2, mirror)


def with_page(content: bytes) -> Mirror:
    mirror = honest()
    mirror.files[("index.html",)] = content
    return mirror


def forked(shown: Mirror, seen: Mirror, change: Callable[[bytes], bytes] = bytes) -> Callable[[], Files]:
    """What shows that two checkpoints by one key cannot both be true."""

    def build() -> Files:
        one, other = (page_of(each, "checkpoint") for each in (seen, shown))
        made = fork.Evidence(one, other)
        if len(seen.rows) < len(shown.rows):
            places: dict[Place, bytes] = {}
            size, _ = append(None, [row.entry for row in shown.rows], places.__setitem__)
            log = TiledLog(size, places.__getitem__)
            made = fork.Evidence(one, other, log.root_hash(len(seen.rows)), log.consistency(len(seen.rows)))
        return {"fork.txt": change(bytes(made))}

    return build


def withdrawn(mirror: Mirror) -> None:
    mirror.withdraw(1, token=token(1))
    mirror.withdraw(3, reason="safety")


def versions(mirror: Mirror) -> None:
    one, two = (CID.of_raw(note_of(mirror, index)) for index in (1, 2))
    mirror.testify("One, again.", replaces=one)
    mirror.testify("Two, again.", replaces=two, author=mirror.author.public)
    mirror.testify("Zwei.", translation_of=two, translator="machine", language="de")


def many_attachments(mirror: Mirror) -> None:
    mirror.testify("Four.", files={"z.txt": b"", "é.txt": b"1", "b.bin": bytes(3 << 20), "B2.bin": b"2"})


def testify(mirror: Mirror, values: dict[str, Any]) -> None:
    mirror.testify(**{"body": "Four.", "files": {"1.txt": b"x"}} | values)


def with_hashes(proof: Proof, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> bytes:
    return bytes(replace(proof, hashes=change(proof.hashes)))


def of_one_leaf(mirror: Mirror) -> bytes:
    """A proof without hashes, under a checkpoint of two entries that gives the leaf for the root hash."""
    text = Checkpoint(mirror.key.name, 2, leaf_hash(mirror.rows[0].entry)).text
    return bytes(Proof(0, (), sign_text(text, mirror.key)))


def by_other(mirror: Mirror) -> bytes:
    """The same checkpoint by another key."""
    text, _ = note.split_note(page_of(mirror, "checkpoint"))
    return sign_text(text, OTHER)


def a_long_log(mirror: Mirror) -> None:
    for _ in range(520):
        mirror.add(b"amendment %d" % len(mirror.rows), None)


def still_here(mirror: Mirror) -> None:
    kept = mirror.rows[1].note, mirror.rows[1].files
    mirror.withdraw(1)
    mirror.rows[1].note, mirror.rows[1].files = kept


def lose_files(mirror: Mirror) -> None:
    for row in mirror.rows:
        row.files = {}


def other_tsize(mirror: Mirror) -> None:
    mirror.tsize[("note", "00")] = 1


def printing(folder: str, change: Callable[[list[Link]], bytes]) -> Lie:
    """A folder whose block is printed in another way."""
    return lambda mirror: mirror.print_folder.__setitem__(split(folder), change)


def sized(path: str) -> Lie:
    """A file or folder whose Tsize is too large by one."""
    return lambda mirror: mirror.tsize.__setitem__(split(path), 1)


def padded(path: str) -> Lie:
    """A node over one leaf, where the profile has the leaf alone."""
    return lambda mirror: padded_file(mirror, path, b"some bytes")


def too_long(mirror: Mirror) -> None:
    mirror.files[("index.html",)] = mirror.give(RAW, bytes(CHUNK + 1))


def node(claimed: int, sizes: tuple[int, ...], tsize: int = 5, mode: int | None = None) -> Lie:
    """A page of two leaves whose node claims a length, the lengths of its parts, the second one's Tsize, a mode."""

    def tell(mirror: Mirror) -> None:
        leaves = [(b"y" * CHUNK, CHUNK), (b"tail!", tsize)]
        parts = tuple(dagpb.Link(mirror.give(RAW, leaf).cid, "", size) for leaf, size in leaves)
        block = bytes(Node(parts, Kind.FILE, file_size=claimed, block_sizes=sizes, mode=mode))
        mirror.files[("index.html",)] = mirror.give(DAG_PB, block, len(block) + CHUNK + 5)

    return tell
