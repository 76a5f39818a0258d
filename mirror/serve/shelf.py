"""What is handed on: the blocks of archives and CARs, the mirrors among them, records of names.

    shelf = Shelf(archives=[archive], cars=[Path("voices.car")], records=[Path("k51….ipns-record")], now=now)
    shelf.open()
    shelf.get(cid)                          # bytes that hash to the CID, or Missing, or BadBlock
    shelf.mirrors[name].edition             # its newest edition held, its signed pages verified

Nothing else is ever read: of a workspace only its archive, which may be handed to anybody. CARs may be partial. A block
comes out only if it hashes to its CID now, however long ago it was indexed. `refresh` looks whether an archive has a
newer edition, or a file that was written anew because something was withdrawn.

A shelf belongs to one thread (`mirror.serve.reader`): its index does.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mirror.edition import Edition
from mirror.errors import FAULTS, Malformed, MirrorError, Missing
from mirror.formats import cid as cids
from mirror.formats import ipns
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB, IDENTITY, RAW, SHA2_256
from mirror.formats.ipns import Record
from mirror.serve.listed import Positions
from mirror.store import files
from mirror.store.archive import Archive, root_of
from mirror.store.blocks import Blocks
from mirror.store.taken_back import TakenBack, print_tokens

RECENT_AT_MOST = 32 << 20
"""Bytes of blocks that are kept at hand: what a few dozen readers of large files are at. It is dropped with each look,
so that what was withdrawn is not handed on out of memory."""

SLICE = 128 * 1024
"""Bytes of a block that are sent at a time: so many are held for a reader on a thin line, and not a whole block."""

_NAMED = "k51"


@dataclass(frozen=True, slots=True)
class Named:
    """A record of a name: its bytes, and what they say."""

    data: bytes
    record: Record


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror that lies here: its newest edition, where its log lists what, the tokens that its keeper passes on."""

    edition: Edition
    positions: Positions
    taken_back: bytes = b""

    @property
    def name(self) -> CID:
        """Its name on IPNS."""
        return self.edition.key.ipns


class Shelf:
    """Everything that is served."""

    def __init__(
        self, archives: Sequence[Archive], cars: Sequence[Path], records: Sequence[Path], now: Callable[[], datetime]
    ) -> None:
        self._archives = archives
        self._cars = cars
        self._record_files = records
        self._now = now
        self._sources: list[Blocks] = []
        self._watched = [folder for each in archives for folder in (each.folder, each.folder / "editions")]
        self._folders: list[tuple[int, int]] = []
        self._seen: list[tuple[str, int, int]] = []
        self.mirrors: dict[CID, Mirror] = {}
        self.faults: list[str] = []
        self._records: dict[CID, Named] = {}
        self._recent: OrderedDict[CID, bytes] = OrderedDict()
        self._kept = 0

    def open(self) -> None:
        """Open the files. What cannot be read is said in `faults`, and the rest is served."""
        self._sources = [Blocks(self._cars), *(archive.blocks for archive in self._archives)]
        self._look()

    def close(self) -> None:
        """Close the files."""
        for source in self._sources:
            source.close()
        for archive in self._archives:
            archive.close()

    def refresh(self) -> None:
        """Take in what changed in the archives since the last look."""
        self._folders = self._folder_times()
        if self._seen != self._state():
            for archive in self._archives:
                archive.refresh()
            self._look()

    def _state(self) -> list[tuple[str, int, int]]:
        """Every file of the archives, told apart from one of that name which was written anew."""
        found = (path for folder in self._watched if folder.is_dir() for path in folder.iterdir())
        return sorted((str(path), *_stamp(path)) for path in found)

    def _folder_times(self) -> list[tuple[int, int]]:
        """What can be asked often: when a name in a folder last changed."""
        return [_stamp(folder) for folder in self._watched]

    def _look(self) -> None:
        self._folders, self._seen = self._folder_times(), self._state()
        self.faults, self.mirrors, self._records = [], {}, {}
        self._recent.clear()
        self._kept = 0
        for source in self._sources:
            self.faults += [f"{path.name}: {words}" for path, words in source.damage.items()]
        for archive in self._archives:
            self._try(f"{archive.folder}", lambda: self._add_archive(archive))  # noqa: B023  (called at once)
        for path in self._cars:
            self._try(path.name, lambda: self._add_mirror(root_of(path), unsure=True))  # noqa: B023  (as above)
        for path in (*self._record_files, *(archive.name_path for archive in self._archives)):
            if path.exists():
                self._try(path.name, lambda: self._add_record(path))  # noqa: B023  (as above)

    def _try(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except MirrorError as error:
            self.faults.append(f"{what}: {error.message}")
        except OSError as error:
            self.faults.append(f"{what}: {(error.strerror or 'it cannot be read').lower()}")

    def _add_archive(self, archive: Archive) -> None:
        self._add_mirror(archive.head(), taken_back=print_tokens(TakenBack(archive.folder).read()))

    def _add_mirror(self, root: CID, *, unsure: bool = False, taken_back: bytes = b"") -> None:
        """Keep the newest edition of each mirror; with `unsure`, what is no mirror's tree is only blocks."""
        try:
            edition = Edition(root, self.get)
        except FAULTS:
            if unsure:
                return
            raise
        held = self.mirrors.get(edition.key.ipns)
        if held is None or held.edition.number < edition.number:
            self.mirrors[edition.key.ipns] = Mirror(edition, Positions(edition), taken_back)

    def _add_record(self, path: Path) -> None:
        """Keep the newest record of each name. A file's own name begins with its name; an archive's is its mirror's."""
        data = files.read_at_most(path, ipns.RECORD_AT_MOST, "the record")
        for name in self._names_for(path):
            named = Named(data, ipns.open_record(data, name))
            held = self._records.get(name)
            if held is None or held.record.order < named.record.order:
                self._records[name] = named

    def _names_for(self, path: Path) -> list[CID]:
        if not path.name.startswith(_NAMED):
            return [self._mirror_of(path)]
        return [cids.parse(path.name.partition("_")[0].partition(".")[0])]

    def _mirror_of(self, path: Path) -> CID:
        for archive in self._archives:
            if archive.name_path == path:
                return Edition(archive.head(), self.get).key.ipns
        raise Malformed("a record's file begins with the name that it is of, such as k51….ipns-record")

    def get(self, cid: CID) -> bytes:
        """A block's bytes, which hash to `cid`. Raises Missing where no file lists it, BadBlock where it is damaged."""
        if cid.hash_code == IDENTITY:
            return cid.digest
        data = self._recent.pop(cid, None)
        if data is None:
            data = self._read(cid)
            self._kept += len(data)
        self._recent[cid] = data
        while self._kept > RECENT_AT_MOST:
            self._kept -= len(self._recent.popitem(last=False)[1])
        return data

    def _read(self, cid: CID) -> bytes:
        source = self._source_of(cid)
        if source is None:
            raise Missing(f"block {cid} is not here")
        return source.get(cid)

    def _source_of(self, cid: CID) -> Blocks | None:
        """Which files list a block. One that none does may have been published just now, so we look again."""
        found = next((source for source in self._sources if cid in source), None)
        if found is None and self._folders != self._folder_times():
            self.refresh()
            found = next((source for source in self._sources if cid in source), None)
        return found

    def slices(self, cid: CID, start: int, stop: int) -> Iterator[bytes]:
        """Part of a block in slices. The block is not held between them, but read again if it is no longer at hand."""
        for at in range(start, stop, SLICE):
            yield self.get(cid)[at : min(at + SLICE, stop)]

    def ordinal(self, cid: CID) -> tuple[int, int] | None:
        """Which source lists a block, and the block's number there."""
        for place, source in enumerate(self._sources):
            if (number := source.ordinal(cid)) is not None:
                return place, number
        return None

    def __contains__(self, cid: CID) -> bool:
        return cid.hash_code == IDENTITY or self._source_of(cid) is not None

    def holds_digest(self, cid: CID) -> bool:
        """Whether a block of this hash is here, under whatever codec: routing asks by hash."""
        return cid in self or (cid.hash_code == SHA2_256 and any(other in self for other in _spellings(cid.digest)))

    def record(self, name: CID) -> Named | None:
        """The newest record of a name, unless it has ended."""
        named = self._records.get(name)
        return None if named is None or named.record.ended(self._now()) else named

    def seconds_left(self, named: Named) -> int:
        """For how many more seconds a record may be kept: its TTL, and not beyond its end."""
        left = (named.record.end - self._now()).total_seconds()
        return max(0, min(named.record.ttl // 10**9, round(left)))

    @property
    def names(self) -> list[CID]:
        """Every name of which a record is here."""
        return list(self._records)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # gone meanwhile: the next look sees it so
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def _spellings(digest: bytes) -> list[CID]:
    return [CID(bytes([1, codec, SHA2_256, 32]) + digest) for codec in (RAW, DAG_PB, DAG_CBOR)] + [
        CID(bytes([SHA2_256, 32]) + digest)
    ]


class Met:
    """Which blocks were met in one answer: a bit for each, by its number."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._bits: dict[int, bytearray] = {}

    def first(self, cid: CID) -> bool:
        """Whether this is the first time that the block is met. One that is not here is always the first."""
        found = self._shelf.ordinal(cid)
        if found is None:
            return True
        place, number = found
        bits = self._bits.setdefault(place, bytearray())
        at, bit = number >> 3, 1 << (number & 7)
        if at >= len(bits):
            bits.extend(bytes(at + 1 - len(bits)))
        if bits[at] & bit:
            return False
        bits[at] |= bit
        return True
