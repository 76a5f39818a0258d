"""What authors gave to keepers: tokens, acted on at once, and passed on until the log says so.

A token is believed from anyone, since its hash stands in the log: it takes back exactly its own account. Keepers ask
each other for them (`/log/<k51…>/taken-back` of a `mirror serve`, and the archives of `--from`); gateways that anybody
uses are not asked, for they keep no such list.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mirror import withdraw
from mirror.cli.gateways import LOG_WITHIN, PUBLIC
from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line, many
from mirror.edition import Edition
from mirror.errors import Malformed, Refused, Unavailable
from mirror.follow_drop import destroy_sealed, drop
from mirror.formats.cid import CID
from mirror.store import taken_back
from mirror.store.archive import Archive
from mirror.store.sealed import Sealed
from mirror.store.taken_back import FILE_AT_MOST, TakenBack


def keep_token(archive: Archive, token: bytes) -> None:
    """Pass a token on from now on."""
    kept = TakenBack(archive.folder)
    kept.replace({*kept.read(), token})


def end_sealed(session: Session, archive: Archive, sealed: Sealed, token: bytes) -> int:
    """Destroy what was put away of the account that a token opens; how many blocks."""
    count = destroy_sealed(archive, sealed, token)
    if count:
        session.terminal.warn(f"destroyed in sealed/: {many(count, 'block', 'blocks')}, whose author took them back")
    return count


def act_on(session: Session, archive: Archive, sealed: Sealed, tokens: Iterable[bytes]) -> list[int]:
    """Drop what these tokens take back of what is held here, and pass them on; the indexes that went.

    What is `sealed` of their accounts is destroyed. Those that the log says by now are passed on no longer; those of
    other mirrors and of nothing are passed over.
    """
    edition = Edition(archive.head(), archive.get)
    kept = TakenBack(archive.folder)
    before, live, gone = set(kept.read()), set[bytes](), list[int]()
    for token in _of_this_log(edition, before.union(tokens)):
        end_sealed(session, archive, sealed, token)
        try:
            indexes = withdraw.by_token(edition, token).indexes
        except Refused:
            continue
        live.add(token)
        if token not in before:
            drop(archive, indexes, withdrawn=True)
            gone += indexes
    if live != before:
        kept.replace(live)
    for index in gone:
        session.terminal.warn(f"#{index}: withdrawn by its author, not yet in the log; dropped, and passed on")
    return gone


def _of_this_log(edition: Edition, tokens: set[bytes]) -> list[bytes]:
    """Those tokens whose hashes stand in the log, which is read once however many strangers send."""
    if not tokens:
        return []
    hashes = {hashlib.sha256(token).digest(): token for token in tokens}
    return sorted({hashes[each.withdrawal] for _, each in edition.entries() if each.withdrawal in hashes})


def told_by(session: Session, name: CID, paths: Sequence[Path], urls: Sequence[str]) -> Iterator[bytes]:
    """The tokens that other keepers pass on; whoever has no such list is passed over."""
    for path in paths:
        folder = path / "archive" if (path / "archive").is_dir() else path
        with _passing_over(session, str(path)):
            yield from TakenBack(folder).read()
    for url in urls:
        if url not in PUBLIC:
            with _passing_over(session, url):
                yield from _ask(session, name, url)


@contextlib.contextmanager
def _passing_over(session: Session, who: str) -> Iterator[None]:
    try:
        yield
    except Unavailable:
        pass  # whether somebody has a list of tokens is nothing that a round waits for
    except Malformed as error:
        session.terminal.warn(f"{in_one_line(who)}: what it says was taken back is passed over: {error.message}")


def _ask(session: Session, name: CID, url: str) -> tuple[bytes, ...]:
    peer = session.route.open("", url)
    try:
        answer = peer.ask("GET", f"/log/{name}/taken-back", at_most=FILE_AT_MOST, within=LOG_WITHIN)
        return taken_back.parse(answer.body) if answer.status == 200 else ()
    finally:
        peer.close()
