"""One edition of a mirror, opened: its signed pages, its log, its notes.

Opening checks the three signed pages against the key and against each other (steps 3 to 5 of docs/formats.md §9), so
whoever holds an `Edition` may believe its numbers as far as the key. **Left out: everything below them.** Tiles,
entries and notes are read as they are asked for; a note is opened, and so verified, each time. `mirror.verify` judges a
whole tree.
"""

from collections.abc import Iterator
from typing import TypeVar

from mirror import tree
from mirror.check import Rules, Withdrawn, check_belongs
from mirror.errors import FAULTS, BadProof, Malformed, NeedsNewer, Unverified
from mirror.formats import checkpoint as checkpoints
from mirror.formats import entry as entries
from mirror.formats import merkle, notes
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.formats.key import PublicKey
from mirror.formats.notes import Charter, Testimony, Withdrawal
from mirror.formats.tile import Place
from mirror.formats.unixfs import Get
from mirror.log.tree import TiledLog
from mirror.tree import Tree

N = TypeVar("N", Charter, Testimony, Withdrawal)


class Edition:
    """The tree of one root CID, its signed pages verified; `key` None takes the charter's own."""

    def __init__(self, root: CID, get: Get, key: PublicKey | None = None) -> None:
        self.root = root
        self._get = get
        self.tree = Tree(root, get)
        charter_note = self.tree.read((tree.CHARTER,))
        self.charter = notes.open_charter(charter_note)
        self.charter_cid = CID.of_raw(charter_note)
        self.key = key or self.charter.key
        self.signed_checkpoint = self.tree.read((tree.CHECKPOINT,))
        self.checkpoint = checkpoints.open_checkpoint(self.signed_checkpoint, self.key)
        self.page = notes.open_as(notes.Edition, self.tree.read((tree.EDITION,)), self.key)
        self.log = TiledLog(self.checkpoint.size, self._read_place)
        self._proven: dict[int, Entry] = {}
        self._check()

    def _check(self) -> None:
        if self.charter.key != self.key:
            raise Unverified(f"the charter gives another key, {self.charter.key.vkey}")
        if self.page.mirror != self.key.name:
            raise Unverified(f"{tree.EDITION} is of the mirror {self.page.mirror}, not {self.key.name}")
        if self.page.charter != self.charter_cid:
            raise Unverified(f"{tree.EDITION} was signed for another charter")
        if (self.page.size, self.page.root_hash) != (self.checkpoint.size, self.checkpoint.root_hash):
            raise Unverified(f"{tree.CHECKPOINT} is not the one that {tree.EDITION} states")

    def _read_place(self, place: Place) -> bytes:
        return self.tree.read(tuple(place.path.split("/")))

    @property
    def number(self) -> int:
        """The edition's number, from 1."""
        return self.page.edition

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.checkpoint.size

    @property
    def rules(self) -> Rules:
        """What the notes of this log are judged by."""
        return Rules(self.key, self.charter_cid)

    def entry(self, index: int) -> Entry:
        """What the log says at an index."""
        return self._proven.get(index) or entries.parse(self.log.entry(index))

    def is_proven(self, index: int) -> bool:
        """Whether `prove` succeeded for an entry."""
        return index in self._proven

    def prove(self, index: int, log: TiledLog) -> None:
        """Check that an entry lies in this log, by the tiles of `log`, which may be another copy; it is not read again.

        The entry is the one that follows from the note at the index, where that is the one listed: so no bundle is
        read. Otherwise it is what `log` has there. Nothing that `log` gives needs to be verified: the proof leads to
        the signed root hash, or `BadProof` is raised.
        """
        proof = log.inclusion(index)
        entry = self._entry_of_note(index)
        if entry is None or not self._is_listed(index, bytes(entry), proof):
            data = log.entry(index)
            merkle.check_inclusion(index, self.size, merkle.leaf_hash(data), proof, self.checkpoint.root_hash)
            entry = entries.parse(data)
        self._proven[index] = entry

    def _entry_of_note(self, index: int) -> Entry | None:
        """What the log should say of the note at an index; None where none can be read there. Not verified."""
        try:
            data = self.tree.read(tree.note_path(index))
            return entries.entry_of(notes.peek(data), CID.of_raw(data))
        except FAULTS:
            return None

    def _is_listed(self, index: int, entry: bytes, proof: tuple[bytes, ...]) -> bool:
        try:
            merkle.check_inclusion(index, self.size, merkle.leaf_hash(entry), proof, self.checkpoint.root_hash)
        except BadProof:
            return False
        return True

    def open(self, index: int, kind: type[N]) -> N:
        """The note at an index: it is the one listed, of this kind, and signed as it has to be."""
        entry, data = self.entry(index), self.tree.read(tree.note_path(index))
        note = notes.open_as(kind, entry.cid.check(data), self.key)
        check_belongs(self.rules, entry, note)
        return note

    def blocks_at(self, index: int) -> set[CID]:
        """Every block of the note at an index and of its attachments: what goes when it is withdrawn."""
        found = {self.entry(index).cid}
        folder = self.tree.find((tree.FILE, *tree.number_path(index)))
        return found if folder is None else found.union(tree.reach(folder.cid, self._get))

    def holds(self, index: int) -> bool:
        """Whether the note at an index lies in this tree."""
        return self.tree.find(tree.note_path(index)) is not None

    def withdrawn(self) -> dict[int, Withdrawn]:
        """Which testimonies were withdrawn, and how; reads the whole log's entries, and the withdrawals among them."""
        found: dict[int, Withdrawn] = {}
        for index, entry in self.entries():
            if entry.kind == entries.WITHDRAWAL:
                note = self.open(index, Withdrawal)
                found.update((at, Withdrawn(index, note.token is not None, note.reason)) for at in note.indexes)
        return found

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Every entry with its index; those of a newer version are passed over."""
        for index, data in enumerate(self.log.entries()):
            try:
                yield index, entries.parse(data)
            except NeedsNewer:
                continue

    def index_of(self, cid: CID) -> int:
        """Where the note of a CID is listed."""
        for index, entry in self.entries():
            if entry.cid == cid:
                return index
        raise Malformed(f"{cid} is not listed in edition {self.number}")
