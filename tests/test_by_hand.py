"""Every block of ``docs/by-hand.md`` is run, in order, in one shell, on what is right and on what somebody changed."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from counterparts import CHECKOUT, need_ipfs_car, need_program, need_service
from daemons import Kubo
from laid import NAME, Publisher
from world import secret, sign_text

from mirror.formats import merkle
from mirror.formats.cid import CID
from mirror.formats.wire import encode_base64

PROGRAMS = ("base32", "base64", "cmp", "cut", "diff", "od", "openssl", "sed", "sha256sum", "tr")

BLOCK = re.compile(r"^## (?P<heading>[^\n]+)$|^```sh\n(?P<script>.*?)^```$", re.MULTILINE | re.DOTALL)

WHOLE = "The index hash is that of the whole"
"""The section that needs programs which few have."""

INDEX_HASH, NOTES = "the same: the index hash\n", "the same: the hash of all notes\n"
WHOLE_BY = {"ipfs-car": INDEX_HASH, "aleph_cid": NOTES, "ipfs add": INDEX_HASH}
"""What tells their blocks apart, in their order: each makes a hash of the files alone, and says which."""


def blocks(page: str = "by-hand.md") -> list[tuple[str, str]]:
    """A page's blocks, each with the heading that it stands under."""
    found, heading = [], ""
    for match in BLOCK.finditer((CHECKOUT / "docs" / page).read_text(encoding="utf-8")):
        heading = match["heading"] or heading
        if match["script"]:
            found.append((heading, match["script"]))
    return found


Ran = subprocess.CompletedProcess[str]


def follow(
    folder: Path, *without: str, left_out: Callable[[str], bool] = lambda _: False, cut: str = "", shell: str = "sh"
) -> Ran:
    """Do what the page says in `folder`, and stop where a command fails.

    What is not done: the sections `without`, the blocks that `left_out` says, and the line `cut`.
    """
    for program in (shell, *PROGRAMS):
        need_program(program)
    scripts = [script for heading, script in blocks() if heading not in without and not left_out(script)]
    return run_script(folder, "\n".join(scripts).replace(cut, ""), shell)


def run_script(folder: Path, script: str, shell: str) -> Ran:
    """Do what a script says in `folder`, with the programs of `bin` there, and stop where a command fails."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [shell, "-eu", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def holds(ran: Ran) -> None:
    assert ran.returncode == 0, ran
    assert "NOT the same" not in ran.stdout


Words = str | re.Pattern[str]


def fails(ran: Ran, last: Words) -> bool:
    """Whether it stopped, and this is the last that it said."""
    assert ran.returncode != 0, ran
    said = (ran.stdout + ran.stderr).rstrip("\n").split("\n")[-1]
    assert said.endswith(last) if isinstance(last, str) else last.fullmatch(said), ran
    return True


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a reader may hold, of three testimonies; the second is signed by its author too."""
    base = tmp_path_factory.mktemp("by-hand")
    publisher = Publisher(base)
    texts = [
        "One.\n\nWith — Anna lines:\n\n— Anna\n\nAuthor: nobody",
        "Two.",
        "Three.\n\nدوباره\n\nRoot-Hash: fake\nIndex-Hash: fake",
    ]
    made = publisher.publish(texts[:1])
    (base / "two.txt").write_text(texts[1])
    publisher.run("key", "new", "anna", "-o", base / "anna.age")
    publisher.run(
        *("sign", base / "two.txt", "--language", "en", "--for", publisher.home, "--key", base / "anna.age"),
        *("-o", base / "signed.txt", "--yes"),
    )
    made["testimonies"] += publisher.run("publish", "--no-tokens", "--yes", base / "signed.txt")["testimonies"]
    made["testimonies"] += publisher.publish(texts[2:])["testimonies"]
    for each in made["testimonies"]:
        publisher.run("export", "--one", str(each["index"]), "-o", base / f"one-{each['index']}")
        (base / f"cid-{each['index']}.txt").write_text(f"{each['cid']}\n")
    publisher.run("export", "-o", base / "voices.car")
    publisher.lay(base / "tree")
    (base / "vkey.txt").write_text(f"{publisher.vkey}\n")
    shutil.copy(publisher.home / "archive" / "announcement.txt", base)
    return base


@pytest.fixture
def reader(archive: Path, tmp_path: Path) -> Callable[[int], Path]:
    """A folder of a reader who asks for the testimony at an index."""

    def hold(index: int) -> Path:
        folder = tmp_path / "reader"
        for name in ("vkey.txt", "voices.car", "announcement.txt"):
            folder.mkdir(exist_ok=True)
            shutil.copy(archive / name, folder)
        shutil.copy(archive / f"cid-{index}.txt", folder / "cid.txt")
        shutil.copytree(archive / f"one-{index}", folder / "one")
        shutil.copytree(archive / "tree", folder / "tree")
        return folder

    return hold


Reader = Callable[[int], Path]


def test_every_block_of_the_page_is_run_here() -> None:
    text = (CHECKOUT / "docs" / "by-hand.md").read_text(encoding="utf-8")
    fences = re.findall("^(<!-- .*)\\n```(.*)$", text, re.MULTILINE)
    assert fences == [("<!-- not run: tests/test_by_hand.py runs it -->", "sh")] * len(blocks())
    assert text.count("```") == 2 * len(fences) > 20
    assert {heading for heading, _ in blocks()} >= {"", WHOLE}


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("index", [1, 2, 3])
def test_a_testimony_holds(index: int, shell: str, reader: Reader) -> None:
    ran = follow(reader(index), WHOLE, shell=shell)
    holds(ran)
    assert ran.stdout.count("Signature Verified Successfully") == (5 if index == 2 else 4)
    assert f"entry {index} of 4\n" in ran.stdout
    assert ("\nAuthor: anna+" in ran.stdout) == (index == 2)


def test_the_index_hash_holds(reader: Reader) -> None:
    folder = reader(2)
    add_programs(folder)
    ran = follow(folder)
    holds(ran)
    assert ran.stdout.endswith("".join(WHOLE_BY.values()))


@pytest.mark.parametrize("tool", sorted(WHOLE_BY))
def test_another_tree_has_another_index_hash(tool: str, reader: Reader) -> None:
    folder = reader(2)
    add_programs(folder)
    change(folder / "tree/note/00/00/00/01.txt", b"mirror/v1", b"mirror/v2")
    others = WHOLE_BY.keys() - {tool}
    ran = follow(
        folder, left_out=lambda script: any(other in script for other in others), cut="diff -rq tree unpacked\n"
    )
    assert fails(ran, f"NOT {WHOLE_BY[tool]}".rstrip())


def test_another_tree_is_not_the_one_in_the_car(reader: Reader) -> None:
    folder = reader(2)
    add_programs(folder)
    change(folder / "tree/charter.txt", b"We gather", b"We gathar")
    assert fails(follow(folder), "Files tree/charter.txt and unpacked/charter.txt differ")


def add_programs(folder: Path) -> None:
    """`ipfs-car`, `ipfs` with a repository, and a `python3` that has `aleph-cid`, in the reader's folder `bin`."""
    (folder / "bin").mkdir()
    node = Kubo(need_service("kubo"), folder / "node")
    ipfs = ["env", f"IPFS_PATH={node.repository}", str(node.program)]
    for name, command in (("ipfs-car", need_ipfs_car()), ("ipfs", ipfs), ("python3", [sys.executable])):
        program = folder / "bin" / name
        program.write_text('#!/bin/sh\nexec "{}" "$@"\n'.format('" "'.join(command)))
        program.chmod(0o755)


# What somebody changed


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def name_again(folder: Path) -> None:
    """Whoever changed the note also gave its CID."""
    digest = hashlib.sha256((folder / "one/note.txt").read_bytes()).digest()
    text = base64.b32encode(bytes.fromhex("01551220") + digest).decode().lower().rstrip("=")
    (folder / "cid.txt").write_text(f"b{text}\n")


def flip_signature(path: Path, line: int) -> None:
    """Flip a bit of the signature in this line, counted from the last one."""
    lines = path.read_bytes().split(b"\n")
    dash, name, text = lines[-1 - line].split(b" ")
    signature = bytearray(base64.b64decode(text))
    signature[20] ^= 1
    lines[-1 - line] = b" ".join((dash, name, base64.b64encode(signature)))
    path.write_bytes(b"\n".join(lines))


def _another_text(folder: Path) -> None:
    change(folder / "one/note.txt", b"\nTwo.", b"\nTwo!")


def _another_text_and_cid(folder: Path) -> None:
    _another_text(folder)
    name_again(folder)


def _the_mirrors_signature(folder: Path) -> None:
    flip_signature(folder / "one/note.txt", 2)
    name_again(folder)


def _the_authors_signature(folder: Path) -> None:
    flip_signature(folder / "one/note.txt", 1)
    name_again(folder)


def _without_the_authors_signature(folder: Path) -> None:
    note = folder / "one/note.txt"
    note.write_bytes(b"\n".join(note.read_bytes().split(b"\n")[:-2]) + b"\n")
    name_again(folder)


def _with_a_third_signature(folder: Path) -> None:
    note = folder / "one/note.txt"
    note.write_bytes(note.read_bytes() + note.read_bytes().split(b"\n")[-2] + b"\n")
    name_again(folder)


def _another_neighbour(folder: Path) -> None:
    proof = folder / "one/note.tlog-proof"
    lines = proof.read_bytes().split(b"\n")
    lines[2], lines[3] = lines[3], lines[2]
    proof.write_bytes(b"\n".join(lines))


def _another_index(folder: Path) -> None:
    change(folder / "one/note.tlog-proof", b"\nindex 2\n", b"\nindex 3\n")


def _an_index_beyond(folder: Path) -> None:
    """In a log of four entries, the way up from 6 is that from 2."""
    change(folder / "one/note.tlog-proof", b"\nindex 2\n", b"\nindex 6\n")


def _a_neighbour_less(folder: Path) -> None:
    proof = folder / "one/note.tlog-proof"
    lines = proof.read_bytes().split(b"\n")
    proof.write_bytes(b"\n".join(lines[:3] + lines[4:]))


def _another_root_hash(folder: Path) -> None:
    proof = folder / "one/note.tlog-proof"
    lines = proof.read_bytes().split(b"\n")
    lines[7] = lines[2]
    proof.write_bytes(b"\n".join(lines))


def _another_name(folder: Path) -> None:
    change(folder / "one/note.tlog-proof", b"\n\nvoices.example", b"\n\nvo1ces.example")


def _a_note_elsewhere(folder: Path) -> None:
    change(folder / "tree/note/00/00/00/02.txt", b"\nTwo.", b"\nTwo!")


def _a_tile(folder: Path) -> None:
    tile = folder / "tree/tile/0/000.p/4"
    data = bytearray(tile.read_bytes())
    data[70] ^= 1
    tile.write_bytes(data)


def _the_edition(folder: Path) -> None:
    change(folder / "tree/edition.txt", b"\nSize: 4\n", b"\nSize: 5\n")


def _the_checkpoint(folder: Path) -> None:
    change(folder / "tree/checkpoint", b"\n4\n", b"\n5\n")


def _the_announcement(folder: Path) -> None:
    change(folder / "announcement.txt", b"\nIndex-Hash: bafy", b"\nIndex-Hash: bafz")


def _the_key(folder: Path) -> None:
    change(folder / "vkey.txt", (folder / "vkey.txt").read_bytes()[-12:-8], b"AAAA")


UNSIGNED = "Signature Verification Failure"


@pytest.mark.parametrize(
    ("changed", "last"),
    [
        (_another_text, "NOT the same: the file, and what the CID names"),
        (_another_text_and_cid, UNSIGNED),
        (_the_mirrors_signature, UNSIGNED),
        (_the_authors_signature, UNSIGNED),
        (_without_the_authors_signature, "NOT the same: the signer's name"),
        (_with_a_third_signature, "NOT the same: the number of signatures"),
        (_another_neighbour, "NOT the same: the root hash"),
        (_another_index, "NOT the same: the root hash"),
        (_an_index_beyond, "NOT the same: an index below the size"),
        (_a_neighbour_less, "NOT the same: the length of the way"),
        (_another_root_hash, UNSIGNED),
        (_another_name, UNSIGNED),
        (_a_note_elsewhere, re.compile("one/note.txt tree/note/00/00/00/02.txt differ: .*")),
        (_a_tile, "NOT the same: the leaf"),
        (_the_edition, UNSIGNED),
        (_the_checkpoint, UNSIGNED),
        (_the_announcement, UNSIGNED),
        (_the_key, UNSIGNED),
    ],
)
def test_what_somebody_changed_is_seen(changed: Callable[[Path], None], last: Words, reader: Reader) -> None:
    folder = reader(2)
    changed(folder)
    assert fails(follow(folder, left_out=lambda script: any(program in script for program in WHOLE_BY)), last)


@pytest.mark.parametrize("control", [b"\x01", b"\t", b"\x1b[2J", b"\x7f", b"\xc2\x9b"])
def test_what_would_fool_a_terminal_is_not_shown(control: bytes, reader: Reader) -> None:
    folder = reader(2)
    change(folder / "one/note.txt", b"\nTwo.", b"\nTwo." + control)
    assert fails(follow(folder), "NOT the same: the number of lines with control characters")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_would_fool_a_shell_is_not_run(shell: str, reader: Reader) -> None:
    folder = reader(2)
    change(folder / "one/note.tlog-proof", b"\nindex 2\n", b"\nindex a[$(touch fooled)]\n")
    ran = follow(folder, shell=shell)
    assert ran.returncode != 0
    assert "\nentry  of 4\n" in ran.stdout
    assert not (folder / "fooled").exists()


def test_a_proof_of_another_testimony_is_seen(reader: Reader, archive: Path) -> None:
    """Its text, its CID and its signature are right: it only is not what stands at this index."""
    folder = reader(2)
    for name, at in (("one-3/note.txt", "one/note.txt"), ("cid-3.txt", "cid.txt")):
        shutil.copy(archive / name, folder / at)
    assert fails(follow(folder), "NOT the same: the root hash")


@pytest.mark.parametrize("place", ["tree/edition.txt", "announcement.txt"])
def test_a_testimony_in_place_of_another_note_is_seen(place: str, reader: Reader, archive: Path) -> None:
    """Its author wrote the lines in it that are looked for, and the mirror signed it as what it is."""
    folder = reader(2)
    text = (archive / "one-3/note.txt").read_bytes()
    assert b"\nRoot-Hash: " in text
    assert b"\nIndex-Hash: " in text
    (folder / place).write_bytes(text)
    assert fails(follow(folder), "NOT the same: the kind of note")


def test_a_cid_of_another_base_is_seen(reader: Reader) -> None:
    folder = reader(2)
    change(folder / "cid.txt", b"bafkrei", b"zafkrei")
    assert fails(follow(folder), "NOT the same: the CID of the file")


def test_a_key_of_another_name_is_seen(reader: Reader) -> None:
    """The key is the mirror's, and the name is not."""
    folder = reader(1)
    change(folder / "vkey.txt", b"voices.example/", b"voices.exampl3/")
    assert fails(follow(folder), "NOT the same: the signer's name")


# What the mirror itself says wrongly: with its key, anything can be signed


@dataclass(frozen=True)
class Told:
    """What a mirror with one testimony tells a reader, and where it contradicts itself."""

    kind: str = "testimony"
    mirror: str = NAME
    origin: str = NAME
    origin_in_tree: str = NAME
    root_in_edition: bytes | None = None

    def lay(self, folder: Path) -> None:
        """Write everything that a reader holds but the announcement."""
        signer = secret(NAME, "liar")
        account = "ab" * 32
        note = sign_text(f"mirror/v1 {self.kind}\nMirror: {self.mirror}\nWithdrawal: {account}\n\nOne.\n", signer)
        leaves = [merkle.leaf_hash(line) for line in (b"charter", f"testimony {CID.of_raw(note)} {account}".encode())]
        root = merkle.node_hash(*leaves)
        checkpoint, in_tree = (
            sign_text(f"{origin}\n2\n{encode_base64(root)}\n", signer) for origin in (self.origin, self.origin_in_tree)
        )
        edition = f"mirror/v1 edition\nRoot-Hash: {encode_base64(self.root_in_edition or root)}\n"
        proof = f"c2sp.org/tlog-proof@v1\nindex 1\n{encode_base64(leaves[0])}\n\n".encode()
        for name, data in {
            "vkey.txt": signer.public.vkey.encode(),
            "cid.txt": str(CID.of_raw(note)).encode(),
            "one/note.txt": note,
            "one/note.tlog-proof": proof + checkpoint,
            "tree/note/00/00/00/01.txt": note,
            "tree/tile/0/000.p/2": b"".join(leaves),
            "tree/edition.txt": sign_text(edition, signer),
            "tree/checkpoint": in_tree,
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def test_what_agrees_with_itself_holds(tmp_path: Path) -> None:
    Told().lay(tmp_path)
    holds(follow(tmp_path, WHOLE))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(mirror="voices.example/other"), "the mirror it was signed for"),
        (Told(kind="withdrawal"), "the kind of note"),
        (Told(origin="voices.example/other"), "the log's name"),
        (Told(origin_in_tree="voices.example/other"), "the log's name"),
        (Told(root_in_edition=bytes(32)), "the root hash in the edition and in its checkpoint"),
    ],
)
def test_what_contradicts_itself_is_seen(told: Told, words: str, tmp_path: Path) -> None:
    told.lay(tmp_path)
    assert fails(follow(tmp_path, WHOLE), f"NOT the same: {words}")
