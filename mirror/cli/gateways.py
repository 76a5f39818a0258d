"""Links through the network: who is asked, where a name leads, what is fetched, and into what.

    whom      the gateway in whose address the link came; then --gateway, or `gateways` of mirror.toml, or `PUBLIC`
    a name    those, and the nodes and routing endpoints of mirror.toml: `mirror.naming` judges what they say
    a tree    block by block as it is read; or ahead, all that lies below some names of it (`Copy.bring`)
    a log     of one testimony, from `/log/k51…/` of a `mirror serve` or by path, unverified: its proof is verified
    a note    by its own CID; from `/log/k51…/proof/` of whoever brought it, the proof that it is listed

Nobody is believed: blocks come verified (`mirror.network.gateways`), records by the name's own key. That a gateway does
not have a block shows nothing of the mirror, so here it is no answer rather than something missing. What is fetched
goes into a temporary file without a name; with `--keep` beside the file that is to be, so that it can go on later.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from mirror import carry, naming
from mirror.cli.main import Session
from mirror.cli.services import open_sources
from mirror.cli.sources import Copy
from mirror.cli.terminal import in_one_line, many
from mirror.cli.typed import Misused, as_typed
from mirror.errors import BadBlock, Forked, Malformed, MirrorError, Missing, Unavailable
from mirror.formats import ipns, unixfs
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.link import IPFS, Link
from mirror.formats.proof import PROOF_AT_MOST
from mirror.formats.tile import Place
from mirror.log.tree import PlaceReader
from mirror.naming import Heard, Known
from mirror.network.gateways import Gateway, Gateways
from mirror.network.http import Peer, Query, is_here
from mirror.network.standing import Told
from mirror.store import files
from mirror.store.fetched import Fetched
from mirror.store.known import Memory
from mirror.store.workspace import Workspace

PUBLIC = (
    "https://trustless-gateway.link",
    "https://ipfs.io",
    "https://4everland.io",
    "https://ipfs.filebase.io",
    "https://dget.top",
    "https://ipfs.cyou",
    "https://ipfs.storry.tv",
    "https://ipfs.ecolatam.com",
    "https://gateway.pinata.cloud",
)
"""Gateways that anybody may ask: two of the IPFS Foundation's, and those of the public-gateway-checker's list of August
2026 that have one host. None of them is believed, and none need answer."""

GATEWAYS_AT_MOST = 64
"""Gateways that are asked: more than there are public ones, fewer than there can be files open."""

LOG_WITHIN = 20.0
"""Seconds for a tile or bundle of a log beside the tree: the tree has them too, if this takes longer."""

LOGS_AT_MOST = 2
"""Gateways that are asked for the log beside the tree: who has it is likely to be among those that are quick."""

HINT = "try again later, name another gateway with --gateway URL, or a copy on this machine with --from"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader named in place of a copy: a link, the gateway in whose address it came, `--gateway`, `--keep`."""

    link: Link
    at: str = ""
    urls: tuple[str, ...] = ()
    keep: Path | None = None


@contextlib.contextmanager
def open_link(session: Session, asked: Asked, *, memory: bool = True) -> Iterator[Copy]:
    """The tree that a link leads to, to be fetched as it is read.

    Raises Unavailable where a name leads nowhere, or back behind what the reader saw; Forked where it leads to two.
    """
    urls = whom(session, asked)
    with contextlib.ExitStack() as stack:
        peers = []
        for url in urls:
            with as_typed(f"--gateway {in_one_line(url[:80])}"):
                peers.append(session.route.open("", url))
        gateways = stack.enter_context(Gateways([Gateway(peer, time.monotonic) for peer in peers], time.monotonic))
        _tell(session, [peer.who for peer in peers])
        found = None if asked.link.scheme == IPFS else _follow_name(session, asked.link.cid, urls, memory=memory)
        root = asked.link.cid if found is None or found.record is None else found.record.root
        kept = stack.enter_context(Fetched.for_now() if asked.keep is None else Fetched(unfinished(asked.keep)))
        distant = _Distant(session, gateways, root, kept, peers)
        yield Copy(
            f"{asked.link.scheme}://{asked.link.cid}",
            root,
            distant.get,
            far=True,
            record=None if found is None else found.data,
            logs=distant.logs,
            proofs=distant.proofs,
            bring=distant.bring,
            told=distant.told,
        )


def whom(session: Session, asked: Asked) -> list[str]:
    """Whom to ask, and in which order. A gateway on this machine is asked alone, so that nobody else learns of it."""
    own = [asked.at] if asked.at else []
    if asked.urls:
        found = [*own, *asked.urls]
    elif asked.at and is_here(urlsplit(asked.at).hostname or ""):
        found = own
    else:
        with as_typed():
            found = [*own, *(Workspace(session.home).settings.gateways or PUBLIC)]
    if len(found) > GATEWAYS_AT_MOST:
        raise Misused(f"{len(found)} gateways, more than {GATEWAYS_AT_MOST}")
    return list(dict.fromkeys(url.rstrip("/") for url in found))


def unfinished(path: Path) -> Path:
    """Where what is to be kept at a path lies until it is whole and verified."""
    return path.with_name(f"{path.name}.part")


def keep(session: Session, copy: Copy, path: Path) -> None:
    """Write a fetched tree that was verified as a CAR: the same bytes that its publisher would export."""
    with files.replacing(path) as file:
        count = carry.export(copy.root, copy.get, file)
    unfinished(path).unlink(missing_ok=True)
    session.terminal.tell(f"wrote {path}: {many(count, 'block', 'blocks')}, {path.stat().st_size} bytes")


def _tell(session: Session, who: Sequence[str]) -> None:
    """Say before anything leaves who will learn of it."""
    way = f" through {session.route.proxy.rpartition('@')[2]}" if session.route.proxy else ""
    session.terminal.tell(f"asking {many(len(who), 'gateway', 'gateways')}{way}: {', '.join(map(in_one_line, who))}")


def _follow_name(session: Session, name: CID, urls: Sequence[str], *, memory: bool) -> Heard:
    """The newest record of a name that anybody shows, if it is no older than the newest that the reader saw."""
    with open_sources(session, Workspace(session.home), urls, shows=False) as sources:
        heard = naming.ask(sources, name, datetime.now(UTC))
    known = _records_seen(session, name) if memory else []
    try:
        naming.check_one_history(heard, known)
    except Forked as error:
        hint = "each of these trees can be judged by itself: mirror verify ipfs://…; show both to others"
        raise Forked(error.message, hint=hint) from None
    newest = naming.newest(heard)
    if newest is None or newest.record is None:
        said = "; ".join(in_one_line(each.words) for each in heard)
        raise Unavailable(f"nobody shows where {name} leads: {said}", hint=HINT)
    older = naming.later_known(newest, known)
    if older is not None:
        raise Unavailable(
            f"nobody shows edition {older.number} of {name}, which you saw named before; the newest that is shown is "
            f"edition {newest.record.sequence}",
            hint=f"that older one can be judged by itself: mirror verify ipfs://{newest.record.root}",
        )
    session.terminal.tell(f"{newest.who} leads the name to edition {newest.record.sequence}, {newest.record.root}")
    return newest


def _records_seen(session: Session, name: CID) -> list[Known]:
    """The newest record that was remembered of a confirmed mirror's name."""
    found = [each.record for each in Memory(session.state).all() if each.key.ipns == name and each.record is not None]
    records = [ipns.open_record(data, name) for data in found]
    return [Known(record.sequence, record.root, "a record that you saw before") for record in records]


class _Distant:
    """A tree elsewhere, and what of it is here."""

    def __init__(self, session: Session, gateways: Gateways, root: CID, kept: Fetched, peers: Sequence[Peer]) -> None:
        self._session = session
        self._gateways = gateways
        self._root = root
        self._kept = kept
        self._peers = peers
        self._beside = [0 for _ in peers]

    def told(self) -> list[Told]:
        """What came of each gateway, what it gave of the log included."""
        pairs = zip(self._gateways.told, self._beside, strict=True)
        return [replace(each, size=each.size + beside) for each, beside in pairs]

    def logs(self, name: CID) -> Iterator[PlaceReader]:
        """Readers of the log at those who brought something true: at a place of its own, or by path out of the tree."""
        for number in self._who_brought():
            yield partial(self._read_log, number, f"/log/{name}", [])
            yield partial(self._read_log, number, f"/ipfs/{self._root}", [("format", "raw")])

    def _read_log(self, number: int, way: str, query: Query, place: Place) -> bytes:
        """What a gateway gives at a place of the log: unverified. Large folders of tiles need not be read for it."""
        return self._ask_beside(number, f"{way}/{place.path}", BLOCK_AT_MOST, query)

    def proofs(self, name: CID, note: CID) -> Iterator[bytes]:
        """Proofs that the log of a name lists a note, from those who brought something true: unverified."""
        for number in self._who_brought():
            with contextlib.suppress(MirrorError):
                yield self._ask_beside(number, f"/log/{name}/proof/{note}", PROOF_AT_MOST, [])

    def _who_brought(self) -> list[int]:
        brought = [number for number, each in enumerate(self._gateways.told) if each.blocks and not each.lied]
        return brought[:LOGS_AT_MOST]

    def _ask_beside(self, number: int, path: str, at_most: int, query: Query) -> bytes:
        asked = self._peers[number].ask("GET", path, at_most=at_most, query=query, within=LOG_WITHIN)
        answer = asked.need(200)
        self._beside[number] += len(answer.body)
        return answer.body

    def get(self, cid: CID) -> bytes:
        """A block, from here or from a gateway. Raises Unavailable where none brings it."""
        if cid in self._kept:
            return self._here(cid)
        with _no_answer():
            data = self._gateways.get(cid)
        self._kept.put(cid, data)
        return data

    def _here(self, cid: CID) -> bytes:
        try:
            return self._kept.get(cid)
        except BadBlock as error:  # it was verified when it came
            raise Unavailable(f"what was fetched has changed on this disk: {error.message}", hint=HINT) from None

    def bring(self, names: Sequence[str] | None) -> None:
        """Fetch ahead all that lies below these names at the top of the tree; None for the whole tree."""
        links = self._links()
        wanted = [self._root] if names is None else [link.cid for link in links if link.name in names]
        sizes = [link.size or 0 for link in links if names is None or link.name in names]
        with self._session.terminal.progress("fetching", "bytes") as move, _no_answer():
            for cid in wanted:
                self._gateways.fetch(
                    cid, self._kept, progress=_towards(sum(sizes), move), at_most=_room(self._kept.path)
                )

    def _links(self) -> tuple[unixfs.Link, ...]:
        data = self.get(self._root)
        if self._root.codec == DAG_PB:
            with contextlib.suppress(Malformed):  # whoever judges the tree says so
                return unixfs.open_folder(data)
        return ()


def _towards(total: int, move: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress towards what the links claim that there is; they may claim anything."""
    return lambda size, blocks: move(min(size, total), total)


def _room(path: Path | None) -> int:
    """Bytes that may be fetched: half of what is free where they go, so that the disk is never full."""
    return shutil.disk_usage(tempfile.gettempdir() if path is None else path.parent).free // 2


@contextlib.contextmanager
def _no_answer() -> Iterator[None]:
    """What gateways say not to have is not thereby missing from the mirror."""
    try:
        yield
    except Missing as error:
        raise Unavailable(error.message, hint=HINT) from None
