"""A small dishonest world in memory: mirrors that lie with the right key, and copies that do not hold.

    mirror = Mirror()                          # honest by default
    first = mirror.testify("What happened.")   # its index
    mirror.list_twice(first)                   # one method a lie
    copy = mirror.lay()                        # blocks, root, announcement
    verify(copy.evidence(), Trust(given=mirror.key.public), Run())

Everything is signed with the mirror's own key, also what `mirror.formats` would refuse to sign: the worst liar is the
one who holds the key. What has no method of its own is said by `rows` (the log, and the note and files of each entry),
`files` (path to content, laid over the honest tree; None removes), `print_folder` and `tsize` (how a folder's block
and a link's Tsize are written), `edit_edition`, `edit_checkpoint` and `edit_announcement`.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from nacl import bindings

from mirror import tree
from mirror.audit import Evidence
from mirror.errors import Missing
from mirror.formats import dagpb, key, note, notes, unixfs
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, DAG_PB, Codec
from mirror.formats.entry import entry_of
from mirror.formats.fields import Attachment, Item
from mirror.formats.key import PublicKey, SecretKey
from mirror.formats.notes import Announcement, Charter, Edition, Testimony, Withdrawal
from mirror.formats.unixfs import Kind, Link, Node
from mirror.log.append import append
from mirror.tree import Path
from mirror.verify import Seen

NAME = "voices.example/archive"

Signer = Callable[[str], bytes]
"""Makes a note of a text."""


@dataclass(frozen=True)
class Loose:
    """A statement that any key signs: what an honest program refuses and a dishonest one would write."""

    text: str

    def signed_bytes(self, _: PublicKey) -> bytes:
        return self.text.encode()


def sign_text(text: str, *signers: SecretKey) -> bytes:
    """A note of any text whatever, signed by each of `signers`."""
    return note.sign_note(text, Loose(text), *signers)  # type: ignore[arg-type]  # no Statement, on purpose


def sign_otherwise(text: str, signer: SecretKey) -> bytes:
    """A note of the same text by the same key whose signature is valid and not the usual one: R of another nonce."""
    order = 2**252 + 27742317777372353535851937790883648493
    expanded = bytearray(hashlib.sha512(signer.seed).digest()[:32])
    expanded[0] &= 248
    expanded[31] = expanded[31] & 127 | 64
    nonce = int.from_bytes(hashlib.sha512(b"another nonce").digest(), "little") % order
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little"))
    challenge = hashlib.sha512(point + signer.public.raw + text.encode()).digest()
    answer = (nonce + int.from_bytes(challenge, "little") * int.from_bytes(expanded, "little")) % order
    line = note.Signature(signer.name, signer.public.id, point + answer.to_bytes(32, "little"))
    return f"{text}\n{line}".encode()


def secret(name: str, seed: str) -> SecretKey:
    """A key of the test's own."""
    return key.generate(name, hashlib.sha256(seed.encode()).digest())


def token(number: int) -> bytes:
    """The token of an account."""
    return hashlib.sha256(b"token %d" % number).digest()[:16]


@dataclass
class Row:
    """An entry of the log, what lies at its place under `/note` (None: nothing), and its files by name."""

    entry: bytes
    note: bytes | None
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """Content that is laid as blocks of the test's own: the one that is linked, and the Tsize that is claimed."""

    cid: CID
    size: int


Content = bytes | Given | None


@dataclass
class Copy:
    """The blocks of one edition as somebody holds them."""

    root: CID
    blocks: dict[CID, bytes]
    paths: dict[Path, Link]
    announcement: bytes
    seen: Seen

    def get(self, cid: CID) -> bytes:
        """What a checking reader of blocks gives."""
        if cid not in self.blocks:
            raise Missing(f"block {cid} is not here")
        return cid.check(self.blocks[cid])

    def evidence(self, **others: Any) -> Evidence:
        """This copy, to be judged."""
        return replace(Evidence("copy", self.root, self.get), **others)

    def flip(self, path: str, at: int = 0) -> None:
        """Flip a bit in the block that a path leads to."""
        cid = self.paths[split(path)].cid
        data = bytearray(self.blocks[cid])
        data[at] ^= 1
        self.blocks[cid] = bytes(data)

    def lose(self, path: str) -> None:
        """Lose the block that a path leads to."""
        del self.blocks[self.paths[split(path)].cid]


def split(path: str) -> Path:
    """A path as a tuple of names; `/` is the root."""
    return tuple(name for name in path.split("/") if name)


class Mirror:
    """A mirror whose log and tree hold whatever the test wants."""

    def __init__(self, name: str = NAME, seed: str = "mirror") -> None:
        self.key = secret(name, seed)
        self.author = secret("anna", "author")
        charter = Charter(name, self.key.public, bytes(32), "en", "Voices", "We gather testimonies.")
        self.charter = notes.sign(charter, self.key)
        self.charter_cid = CID.of_raw(self.charter)
        self.rows = [Row(b"charter " + str(self.charter_cid).encode(), self.charter)]
        self.files: dict[Path, Content] = {}
        self.blocks: dict[CID, bytes] = {}
        self.print_folder: dict[Path, Callable[[list[Link]], bytes]] = {}
        self.tsize: dict[Path, int] = {}
        self.number = 1
        self.edit_edition: Callable[[Edition], Edition] = lambda page: page
        self.edit_checkpoint: Callable[[Checkpoint], Checkpoint] = lambda checkpoint: checkpoint
        self.edit_announcement: Callable[[Announcement], Announcement] = lambda announcement: announcement
        self.sign_edition: Signer = lambda text: sign_text(text, self.key)
        self.sign_checkpoint: Signer = lambda text: sign_text(text, self.key)
        self.sign_announcement: Signer = lambda text: sign_text(text, self.key)

    # Honest

    def statement(self, body: str, **values: Any) -> Testimony:
        """A testimony of the account that bears the next index, or as `values` say."""
        index = len(self.rows)
        honest: dict[str, Any] = {
            "mirror": self.key.name,
            "charter": self.charter_cid,
            "language": "en",
            "withdrawal": hashlib.sha256(token(index)).digest(),
            "salt": hashlib.sha256(b"salt %d" % index).digest()[:16],
            "body": body,
        }
        return Testimony(**honest | values)

    def testify(
        self, body: str = "", *, files: dict[str, bytes] | None = None, sign: Signer | None = None, **values: Any
    ) -> int:
        """List a testimony; its index."""
        files = files or {}
        listed = tuple(Attachment(cid_of(data), len(data), "text/plain", name) for name, data in files.items())
        made = self.statement(
            body or f"What happened, told as number {len(self.rows)}.", **{"attachments": listed} | values
        )
        signers = (self.key, self.author) if made.author else (self.key,)
        data = sign(made.text) if sign else sign_text(made.text, *signers)
        return self.add(bytes(entry_of(made, CID.of_raw(data))), data, files)

    def withdraw(self, *indexes: int, **values: Any) -> int:
        """Withdraw testimonies and take away their notes and files; the index of the withdrawal."""
        for index in indexes:
            if index < len(self.rows):
                self.rows[index].note, self.rows[index].files = None, {}
        made = Withdrawal(**{"mirror": self.key.name, "charter": self.charter_cid, "indexes": indexes} | values)
        data = sign_text(made.text, self.key)
        return self.add(bytes(entry_of(made, CID.of_raw(data))), data)

    def add(self, entry: bytes, data: bytes | None, files: dict[str, bytes] | None = None) -> int:
        """List anything; its index."""
        self.rows.append(Row(entry, data, files or {}))
        return len(self.rows) - 1

    def open_reading_room(self) -> None:
        """Lay pages, one of them longer than a block."""
        self.files[("index.html",)] = b"<p>Voices"
        self.files[("style.css",)] = b"p{}"
        self.files[("page", "00", "00", "00", "01.html")] = b"x" * (unixfs.CHUNK + 7)

    # Lies

    def list_twice(self, index: int) -> int:
        """List an entry once more."""
        return self.add(self.rows[index].entry, self.rows[index].note)

    def list_same_text(self, index: int) -> int:
        """List a testimony's text once more, under another valid signature."""
        text, _ = note.split_note(self.rows[index].note or b"")
        data = sign_otherwise(text, self.key)
        words = self.rows[index].entry.split(b" ")
        return self.add(b" ".join([words[0], str(CID.of_raw(data)).encode(), words[2]]), data)

    def add_second_charter(self) -> int:
        """List another charter."""
        made = Charter(self.key.name, self.key.public, bytes(32), "en", "Others", "We gather as well.")
        data = sign_text(made.text, self.key)
        return self.add(bytes(entry_of(made, CID.of_raw(data))), data)

    def list_as(self, kind: str, data: bytes) -> int:
        """List any bytes as a note of a kind."""
        tail = " " + bytes(32).hex() if kind == "testimony" else ""
        return self.add(f"{kind} {CID.of_raw(data)}{tail}".encode(), data)

    def give(self, codec: Codec, block: bytes, size: int | None = None) -> Given:
        """Put a block by hand, for `files`."""
        cid = CID.of(codec, block)
        self.blocks[cid] = block
        return Given(cid, len(block) if size is None else size)

    # Laying

    def lay(self) -> Copy:
        """The tree of this edition, honest but for what was asked for."""
        return _Laying(self).lay()


def cid_of(data: bytes) -> CID:
    """The CID of a file."""
    return unixfs.build_file([data], lambda cid, block: None).cid


def honest_folder(links: Iterable[Link], **more: Any) -> bytes:
    """A folder's block with entries in the order given, unchecked, and whatever other fields."""
    parts = tuple(dagpb.Link(link.cid, link.name, link.size) for link in links)
    return bytes(replace(Node(parts, Kind.FOLDER), **more))


class _Laying:
    """Lays one mirror's tree from its parts."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._blocks = dict(mirror.blocks)
        self._paths: dict[Path, Link] = {}
        self._contents: dict[Path, Content] = {}

    def lay(self) -> Copy:
        mirror = self._mirror
        size, root_hash = append(None, [row.entry for row in mirror.rows], self._keep_tile)
        honest = Checkpoint(mirror.key.name, size, root_hash)
        checkpoint = mirror.edit_checkpoint(honest)
        signed = mirror.sign_checkpoint(checkpoint.text)
        self._contents |= {(tree.CHARTER,): mirror.charter, (tree.CHECKPOINT,): signed}
        for index, row in enumerate(mirror.rows):
            self._contents[tree.note_path(index)] = row.note
            self._contents |= {tree.file_path(index, name): data for name, data in row.files.items()}
        self._contents |= mirror.files
        page = Edition(mirror.key.name, mirror.charter_cid, mirror.number, honest.size, honest.root_hash, self._items())
        page = mirror.edit_edition(page)
        if (tree.EDITION,) not in mirror.files:
            self._contents[(tree.EDITION,)] = mirror.sign_edition(page.text)
        root = self._folder((), {path: data for path, data in self._contents.items() if data is not None})
        announcement = mirror.edit_announcement(
            Announcement(mirror.key.name, mirror.charter_cid, mirror.number, size, root_hash, root.cid)
        )
        signed_announcement = mirror.sign_announcement(announcement.text)
        seen = Seen(mirror.number, root.cid, checkpoint, signed)
        return Copy(root.cid, self._blocks, self._paths, signed_announcement, seen)

    def _keep_tile(self, place: Any, data: bytes) -> None:
        self._contents[split(place.path)] = data

    def _items(self) -> tuple[Item, ...]:
        tops = {path[0] for path, data in self._contents.items() if data is not None}
        return tuple(Item(name, self._below(name).cid) for name in sorted(tops))

    def _below(self, name: str) -> Link:
        inside = {path: data for path, data in self._contents.items() if path[0] == name and data is not None}
        return self._link((name,), inside)

    def _link(self, path: Path, inside: dict[Path, Any]) -> Link:
        found = self._leaf(path, inside[path]) if path in inside else self._folder(path, inside)
        made = found._replace(size=found.size + self._mirror.tsize.get(path, 0))
        self._paths[path] = made
        return made

    def _leaf(self, path: Path, content: bytes | Given) -> Link:
        if isinstance(content, Given):
            return Link(path[-1], content.cid, content.size)
        return unixfs.build_file([content], self._put).link(path[-1])

    def _folder(self, path: Path, inside: dict[Path, Any]) -> Link:
        names = sorted({each[len(path)] for each in inside}, key=str.encode)
        links = []
        for name in names:
            here = (*path, name)
            links.append(self._link(here, {each: inside[each] for each in inside if each[: len(here)] == here}))
        block = self._mirror.print_folder.get(path, honest_folder)(links)
        found = Link(path[-1] if path else "", CID.of(DAG_PB, block), unixfs.folder_size(block, links))
        self._put(found.cid, block)
        self._paths[path] = found
        return found

    def _put(self, cid: CID, block: bytes) -> None:
        self._blocks[cid] = block
