"""From a node's own copy to a CAR on this disk, for `mirror import --from`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mirror import tree
from mirror.cli.holding import looked_at
from mirror.cli.main import Session
from mirror.cli.typed import as_typed
from mirror.errors import Missing, Refused, Unavailable
from mirror.formats.cid import CID
from mirror.pin_look import Found, Node, Ours
from mirror.store import files
from mirror.store.workspace import Workspace

OVERHEAD = 2
"""How many times the bytes that a tree says it has its CAR may take: a CID is shorter than the smallest note."""

OVERHEAD_AT_LEAST = 1 << 20
"""Bytes that any CAR may take: a mirror's first edition is mostly folders."""


@contextlib.contextmanager
def exported(session: Session, workspace: Workspace, name: str) -> Iterator[Path]:
    """A CAR of the newest edition that a node holds, unverified; it is removed when the block ends."""
    with as_typed():
        service = workspace.settings.named(name)
    path = workspace.home / "cache" / f"from-{name}.car"
    files.make_folder(path.parent)
    try:
        with workspace.archive as archive:
            ours = Ours(archive)
            with looked_at(session, workspace, service, ours) as (holder, found):
                if not isinstance(holder, Node):
                    hint = "fetch its CAR by any other way, and: mirror import FILE.car"
                    raise Refused(f"{name} is no node, and gives no blocks to who manages it", hint=hint)
                _write(session, holder, _root(name, found), path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _root(name: str, found: Found) -> CID:
    """The newest edition that a node has: a later one, another history (which importing shows), or one of ours."""
    for opened in (*reversed(found.later), *(edition for edition, _ in found.contrary)):
        return opened.root
    if found.newest is None:
        raise Missing(f"{name} holds nothing of this mirror")
    return found.newest.held.root


def _write(session: Session, node: Node, root: CID, path: Path) -> None:
    bound = OVERHEAD * tree.size_of_folder(node.block(root)) + OVERHEAD_AT_LEAST
    done = 0
    with path.open("wb") as file, session.terminal.progress(f"fetching from {node.name}", "bytes") as move:
        for piece in node.export(root):
            done += len(piece)
            if done > bound:
                raise Unavailable(f"{node.name} sends more than the {bound} bytes that this edition can take")
            file.write(piece)
            move(done, bound)
