"""From whom a keeper's copy is brought up to date: files here, and gateways, as `mirror.follow` wants them."""

import shutil
from pathlib import Path

from mirror.cli.main import Session
from mirror.cli.sources import Copy
from mirror.cli.terminal import in_one_line
from mirror.errors import Missing, Unavailable
from mirror.follow import Near
from mirror.formats.cid import CID
from mirror.network.gateways import Gateways
from mirror.store.fetched import Fetched

HINT = "try again later: what came is kept; or name another gateway with --gateway URL, or a copy with --from"


class Here:
    """An archive, a CAR or a folder on this machine."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self.who = copy.what
        self.get = copy.get

    def fetch(self, root: CID, near: Near) -> None:
        """Nothing: it is here."""


class Distant:
    """Some gateways, together; what came of their blocks lies in a file that outlasts an interruption."""

    who = "the gateways"

    def __init__(self, session: Session, gateways: Gateways, path: Path) -> None:
        self._session = session
        self._gateways = gateways
        self._path = path
        self._kept = Fetched(path)
        self.size = 0

    def close(self) -> None:
        """Close the file; what came so far stays."""
        self._kept.close()

    def forget(self) -> None:
        """Keep nothing of what came: it is taken in, or was found to be false."""
        self._kept.close()
        self._path.unlink(missing_ok=True)

    def get(self, cid: CID) -> bytes:
        """A block. That gateways say not to have it shows nothing of the mirror: Unavailable."""
        if cid in self._kept:
            return self._kept.get(cid)
        try:
            data = self._gateways.get(cid)
        except Missing as error:
            raise Unavailable(error.message, hint=HINT) from None
        self._kept.put(cid, data)
        self.size += len(data)
        return data

    def fetch(self, root: CID, near: Near) -> None:
        """Fetch what is new: by single blocks where most of the tree is held, else in large answers."""
        before = self.size
        room = shutil.disk_usage(self._path.parent).free // 2
        with self._session.terminal.progress("fetching", "bytes") as move:

            def count(size: int, blocks: int) -> None:
                self.size = before + size
                move(size, max(size, 1))

            try:
                self._gateways.fetch(
                    root,
                    _Both(near, self._kept),
                    complete=near.is_complete,
                    sparse=near.holds_most,
                    progress=count,
                    at_most=room,
                )
            except Missing as error:
                raise Unavailable(error.message, hint=HINT) from None

    def tell(self) -> None:
        """Name those who lied."""
        for each in self._gateways.told:
            if each.lied:
                self._session.terminal.warn(f"{in_one_line(each.who)} lied, and is not asked again: {each.lied}")


class _Both:
    """What is held in the archive, and what came; new blocks go to the latter."""

    def __init__(self, near: Near, kept: Fetched) -> None:
        self._near = near
        self._kept = kept

    def __contains__(self, cid: CID) -> bool:
        return cid in self._kept or cid in self._near

    def get(self, cid: CID) -> bytes:
        return self._kept.get(cid) if cid in self._kept else self._near.get(cid)

    def put(self, cid: CID, data: bytes) -> None:
        self._kept.put(cid, data)
