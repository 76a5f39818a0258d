"""From what a reader has to what can be judged: an archive, a CAR, a folder, a note, an announcement, a link.

    a folder with editions/      an archive, or a workspace around one
    any other folder             a tree as `ipfs get` writes it
    a file that is a CAR         an export, or any other CAR with one root
    a file that is a note        an announcement, a testimony, …; a proof beside it is taken along
    the evidence of a fork       as `verify` writes it
    anything else                a link; where its blocks come from, `mirror.cli.copies` says

Nothing here connects to anything.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mirror import tree
from mirror.alone import ONE_FILES, Beside, is_evidence, nothing_beside
from mirror.check import Place, Read, Source
from mirror.cli.typed import Misused
from mirror.errors import Malformed, Missing, Refused
from mirror.formats import car, link, note
from mirror.formats.cid import CID
from mirror.formats.link import Link
from mirror.formats.proof import PROOF_AT_MOST
from mirror.formats.unixfs import File, Get
from mirror.log.tree import PlaceReader
from mirror.store import files
from mirror.store.folder import PlainFolder, name_file

if TYPE_CHECKING:
    from mirror.network.standing import Told
    from mirror.store.blocks import Blocks

NAME_ONE = "name an archive's folder, a .car file, a note, or a link that begins with ipfs:// or ipns://"
"""What a reader can name."""


@dataclass
class Copy:
    """Blocks of one tree, that lie on this machine or are fetched as they are read.

    `damage` says what is wrong with the files they lie in; `unreached`, where the copy must hold nothing else, gives
    how many blocks the tree does not use. Where there is a `source`, other processes can read blocks for themselves.

    Of a tree that is fetched (`far`), `record` is the record of the name that led to it, `bring` fetches ahead what
    lies below some names at its top (None: all of it), `logs` are as in `Evidence`, ``proofs(name, note)`` gives proofs
    that the log of that name lists a note, unverified, and `told` says what came of each gateway so far.
    """

    what: str
    root: CID
    get: Get
    announcement: bytes | None = None
    damage: dict[str, str] = field(default_factory=dict)
    unreached: Callable[[], int] = lambda: 0
    source: Source | None = None
    far: bool = False
    record: bytes | None = None
    logs: Callable[[CID], Iterable[PlaceReader]] = lambda name: ()
    proofs: Callable[[CID, CID], Iterable[bytes]] = lambda name, note: ()
    bring: Callable[[Sequence[str] | None], None] = lambda names: None
    told: "Callable[[], list[Told]]" = list


@dataclass(frozen=True)
class Given:
    """What the reader named: a copy, a note (with the proof beside it), a link, or the evidence of a fork.

    `at` is the gateway in whose address the link came.
    """

    copy: Copy | None = None
    note: bytes | None = None
    link: Link | None = None
    at: str = ""
    proof: bytes | None = None
    beside: Beside = nothing_beside
    evidence: bytes | None = None


@contextlib.contextmanager
def open_given(what: str) -> Iterator[Given]:
    """What `what` names."""
    if not what:
        raise Misused("nothing is named", hint=NAME_ONE)
    path = Path(what)
    if not _exists(path):
        yield Given(link=_parse_link(what), at=link.gateway_of(what))
    elif path.is_dir() or _is_car(path):
        with open_copy(path) as copy:
            yield Given(copy=copy)
    else:
        yield _open_text(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _parse_link(what: str) -> Link:
    try:
        return link.parse(what)
    except Malformed as error:
        raise Misused(
            f"{what[:200]!r} is no file or folder here, and no link: {error.message}", hint=NAME_ONE
        ) from None


def _open_text(path: Path) -> Given:
    data = files.read_at_most(path, note.NOTE_AT_MOST, "the file")
    if is_evidence(data):
        return Given(evidence=data)
    if path.suffix == _PROOF:
        raise Refused(f"{path} is a proof, which says nothing without its note", hint="name the note beside it")
    with contextlib.suppress(Malformed, UnicodeDecodeError):
        text = data.decode()
        return Given(link=link.parse(text), at=link.gateway_of(text))
    try:
        note.split_note(data)
    except Malformed as error:
        raise Malformed(f"{path} is neither a CAR nor a note nor a link: {error.message}", hint=NAME_ONE) from None
    return Given(note=data, proof=_proof_beside(path), beside=partial(_beside, path.parent / ONE_FILES))


_PROOF = ".tlog-proof"


def _beside(folder: Path, name: str) -> File | None:
    """The attachment of this name, which `export --one` writes beside a note, if it is there."""
    path = folder / name
    return name_file(path) if path.is_file() else None


def _proof_beside(path: Path) -> bytes | None:
    beside = path.with_suffix(_PROOF)
    return files.read_at_most(beside, PROOF_AT_MOST, "the proof") if beside.exists() else None


def _is_car(path: Path) -> bool:
    if path.suffix.lower() == ".car":
        return True
    with path.open("rb") as file, contextlib.suppress(Malformed):
        car.read_header(file)
        return True
    return False


@contextlib.contextmanager
def open_copy(path: Path, *, own: bool = False) -> Iterator[Copy]:
    """The copy in a folder or CAR.

    Only in the user's `own` workspace is the index believed that lies there: a folder from somebody else might say with
    it that a damaged file is whole.
    """
    if not path.exists():
        raise Misused(f"{path} does not exist", hint=NAME_ONE)
    if path.is_file():
        with _open_car(path) as copy:
            yield copy
    elif _is_archive(path / "archive"):
        with _open_archive(path / "archive", path / "cache" / "index.sqlite" if own else None) as copy:
            yield copy
    elif _is_archive(path):
        with _open_archive(path, None) as copy:
            yield copy
    else:
        if not any((path / name).is_file() for name in (tree.EDITION, tree.CHARTER, tree.CHECKPOINT)):
            raise Missing(f"{path} holds no archive and no mirror's tree", hint=NAME_ONE)
        folder = PlainFolder(path)
        yield Copy(f"the folder {path}", folder.root, folder.get)


def _is_archive(folder: Path) -> bool:
    from mirror.store.archive import is_archive  # noqa: PLC0415  (a note is judged without loading a database)

    return is_archive(folder)


@contextlib.contextmanager
def _open_archive(folder: Path, index: Path | None) -> Iterator[Copy]:
    from mirror.store.archive import Archive  # noqa: PLC0415  (as above)

    with Archive(folder, index) as archive:
        root, blocks = archive.head(), archive.blocks
        archive.check_left_out()
        damage = _damage_of_editions(archive.editions().values(), blocks)
        yield Copy(f"the archive {folder}", root, archive.get, archive.announcement(), damage, source=blocks)


def _damage_of_editions(paths: Iterable[Path], blocks: "Blocks") -> dict[str, str]:
    """What is wrong with editions' files, also with what only their headers say: the root of an edition stays here."""
    from mirror.store.archive import root_of  # noqa: PLC0415  (as above)

    damage = {f"editions/{path.name}": words for path, words in blocks.damage.items()}
    for path in paths:
        if f"editions/{path.name}" in damage:
            continue
        try:
            root = root_of(path)
        except Malformed as error:
            damage[f"editions/{path.name}"] = error.message
        else:
            if root not in blocks:
                damage[f"editions/{path.name}"] = f"its header names the index hash {root}, which is not here"
    return damage


@contextlib.contextmanager
def _open_car(path: Path) -> Iterator[Copy]:
    from mirror.store.archive import root_of  # noqa: PLC0415  (as above)
    from mirror.store.blocks import Blocks  # noqa: PLC0415

    with Blocks([path]) as blocks:
        damage = {path.name: words for path, words in blocks.damage.items()}
        for fault in itertools.islice(blocks.false_copies(), 1):
            damage.setdefault(path.name, fault.message)
        reached = _Reached(blocks)
        yield Copy(f"the CAR {path}", root_of(path), reached.get, None, damage, reached.unreached, source=reached)


class _Reached:
    """The blocks of a CAR, with a mark for each that was asked for."""

    def __init__(self, blocks: "Blocks") -> None:
        self._blocks = blocks
        self._marks = bytearray(len(blocks) + 1)

    @property
    def read(self) -> Read:
        """As `Blocks.read`."""
        return self._blocks.read

    def get(self, cid: CID) -> bytes:
        """As `Blocks.get`."""
        self._mark(cid)
        return self._blocks.get(cid)

    def place(self, cid: CID) -> Place | None:
        """As `Blocks.place`."""
        self._mark(cid)
        return self._blocks.place(cid)

    def _mark(self, cid: CID) -> None:
        number = self._blocks.ordinal(cid)
        if number is not None:
            self._marks.extend(bytes(max(number + 1 - len(self._marks), 0)))  # where the file was changed meanwhile
            self._marks[number] = 1

    def unreached(self) -> int:
        """How many blocks nobody asked for."""
        return len(self._blocks) - sum(self._marks)
