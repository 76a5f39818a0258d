"""Taking testimonies back: listed in the log, dropped from the tree, their blocks removed from the archive's files.

Who asks: whoever shows an account's token; the author by her key, with a signed request; the publisher. The first two
reach the whole account, with its versions and translations. What is listed says which indexes and, where a token was
shown, the token; a request is never listed.

Order, and what a crash leaves: a list of the blocks to drop is written first (`Archive.set_dropping`); then the new
edition is laid and committed as any other; then the files of earlier editions are written anew without those blocks,
one after the other, each by a rename; then the list is removed. `finish` takes this up where it stopped; until the new
edition is committed it drops nothing. Entries stay for ever, and copies elsewhere cannot be recalled.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mirror import tree
from mirror.edition import Edition
from mirror.errors import Refused
from mirror.formats import entry as entries
from mirror.formats import notes, request, unixfs
from mirror.formats.cid import CID, RAW
from mirror.formats.entry import Entry
from mirror.formats.key import SecretKey
from mirror.formats.notes import Testimony, Withdrawal
from mirror.formats.unixfs import Get
from mirror.log.append import Growth
from mirror.publish import Published, Publisher
from mirror.store.archive import Archive, NewEdition
from mirror.tree import Change


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be withdrawn: indexes in ascending order, none of them withdrawn yet; the token, where it was shown.

    `others` are indexes of the same accounts that stay.
    """

    indexes: tuple[int, ...]
    token: bytes | None = None
    others: tuple[int, ...] = ()


def by_token(head: Edition, token: bytes) -> Wanted:
    """The account that a token opens."""
    found = list(_accounts(head, {hashlib.sha256(token).digest()}))
    if not found:
        raise Refused("no testimony of this mirror has this token", hint="each of the twelve words counts; look again")
    return Wanted(_not_yet(head, found), token)


def by_request(head: Edition, data: bytes) -> Wanted:
    """The account that an author asks to withdraw, once her signature is verified."""
    asked = request.peek(data)
    if asked.mirror != head.charter.mirror or asked.charter != head.charter_cid:
        raise Refused(f"the request is to the mirror {asked.mirror} with the charter {asked.charter}, not to this one")
    index = head.index_of(asked.note)
    entry = head.entry(index)
    if entry.kind != entries.TESTIMONY or entry.withdrawal is None:
        raise Refused(f"#{index} is a {entry.kind}, not a testimony")
    _not_yet(head, [index])
    author = head.open(index, Testimony).author
    if author is None:
        raise Refused(f"#{index} names no author, so nobody can ask by key", hint="ask with its token")
    request.open_request(data, author)
    return Wanted(_not_yet(head, list(_accounts(head, {entry.withdrawal}))))


def by_publisher(head: Edition, indexes: tuple[int, ...]) -> Wanted:
    """Exactly these testimonies, on the publisher's own word."""
    for index in indexes:
        if not 0 <= index < head.size:
            raise Refused(f"#{index} is not in this log, which has {head.size} entries")
        if head.entry(index).kind != entries.TESTIMONY:
            raise Refused(f"#{index} is a {head.entry(index).kind}, which cannot be withdrawn")
    wanted = _not_yet(head, sorted(set(indexes)), every=True)
    hashes = {hash_ for index in wanted if (hash_ := head.entry(index).withdrawal)}
    others = [index for index in _accounts(head, hashes) if index not in wanted and _is_here(head, index)]
    return Wanted(wanted, None, tuple(others))


def _accounts(head: Edition, hashes: set[bytes]) -> Iterator[int]:
    return (index for index, entry in head.entries() if entry.withdrawal in hashes)


def _is_here(head: Edition, index: int) -> bool:
    return head.tree.find(tree.note_path(index)) is not None


def _not_yet(head: Edition, indexes: list[int], *, every: bool = False) -> tuple[int, ...]:
    """Those of `indexes` that are not withdrawn; refuses where none (or, with `every`, not all) are left."""
    gone = [index for index in indexes if not _is_here(head, index)]
    if gone and (every or len(gone) == len(indexes)):
        withdrawn = head.withdrawn()
        at = ", ".join(f"#{index} at #{withdrawn[index].by}" for index in gone if index in withdrawn)
        raise Refused(f"withdrawn already: {at}")
    return tuple(index for index in indexes if index not in gone)


def withdraw(
    publisher: Publisher, archive: Archive, key: SecretKey, wanted: Wanted, *, reason: str | None, day: str | None
) -> Published:
    """List a withdrawal, drop what it names from the tree, and its blocks from the archive's files."""
    head = publisher.head
    note = Withdrawal(head.charter.mirror, head.charter_cid, wanted.indexes, reason, wanted.token)
    data = notes.sign(note, key)
    entry = Entry(entries.WITHDRAWAL, CID.of_raw(data))

    def write(edition: NewEdition, growth: Growth) -> Iterator[Change]:
        edition.append(entry.cid, data)
        growth.add(bytes(entry))
        for index in wanted.indexes:
            yield Change(tree.note_path(index), None)
        yield tree.leaf(tree.note_path(head.size), data)

    def files() -> Iterator[Change]:
        for index in wanted.indexes:
            path = (tree.FILE, *tree.number_path(index))
            if head.tree.find(path) is not None:
                yield Change(path, None)

    archive.set_dropping(_blocks_of(head, wanted.indexes, archive.blocks.get))
    published = publisher.write_edition(write, head.tree.link((tree.CHARTER,)), files=files, day=day)
    finish(publisher, archive)
    return published


def _blocks_of(head: Edition, indexes: tuple[int, ...], get: Get) -> list[CID]:
    """Every block of the notes at these indexes and of their attachments."""
    found: dict[CID, None] = {}
    for index in indexes:
        found[head.entry(index).cid] = None
        folder = head.tree.find((tree.FILE, *tree.number_path(index)))
        if folder is not None:
            found.update(dict.fromkeys(_below(folder.cid, get)))
    return list(found)


def _below(cid: CID, get: Get) -> Iterator[CID]:
    yield cid
    if cid.codec != RAW:
        for link in unixfs.parse(get(cid)).links:
            yield from _below(link.cid, get)


def finish(publisher: Publisher, archive: Archive) -> int:
    """Take the withdrawn blocks out of the archive's files; how many files were written anew.

    Blocks that the newest tree still uses stay: only what lies under `/note` and `/file` can be such.
    """
    dropping = set(archive.dropping())
    if not dropping:
        return 0
    gone = dropping - set(_still_used(publisher.head, dropping, archive.blocks.get))
    rewritten = archive.drop(gone)
    publisher.reload()
    archive.set_dropping([])
    return rewritten


def _still_used(head: Edition, dropping: set[CID], get: Get) -> Iterator[CID]:
    yield from (entry.cid for index, entry in head.entries() if entry.cid in dropping and _is_here(head, index))
    folder = head.tree.find((tree.FILE,))
    if folder is not None:
        yield from (cid for cid in _below(folder.cid, get) if cid in dropping)
