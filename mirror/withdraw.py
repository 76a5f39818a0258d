"""Taking testimonies back: listed in the log, dropped from the tree, their blocks removed from the archive's files.

Who asks: whoever shows an account's token; the author by her key, with a signed request; the publisher. The first two
reach the whole account, with its versions and translations; but a request by whoever translated or continued somebody
else's text reaches only that translation and what in turn was made of it, for it is easy to join an account: its hash
stands in the log. What is listed says which indexes and, where a token was shown, the token; a request never is.

Pages of the reading room show others beside what is withdrawn, and each edition has its own: all that earlier editions
had go with it, but for those that the new one uses too.

Order, and what a crash leaves: a list of the blocks to drop is written first (`Archive.set_dropping`); then the new
edition is laid and committed as any other; then the archive's files are written anew without those blocks, one after
the other, each by a rename; then the list is removed. `finish` takes this up where it stopped; until the new edition is
committed it drops nothing but pages of earlier ones. Entries stay for ever, and copies elsewhere cannot be recalled.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mirror import tree
from mirror.edition import Edition
from mirror.errors import Malformed, Refused
from mirror.formats import entry as entries
from mirror.formats import notes, request
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.formats.key import PublicKey, SecretKey
from mirror.formats.notes import Testimony, Withdrawal
from mirror.formats.unixfs import Put
from mirror.log.append import Growth
from mirror.publish import Published, Publisher
from mirror.store.archive import Archive, NewEdition
from mirror.tree import Change
from mirror.tree_pages import pages_held


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
    try:
        index = head.index_of(asked.note)
    except Malformed:
        raise Refused(f"the request is about {asked.note}, which is not listed here") from None
    entry = head.entry(index)
    if entry.kind != entries.TESTIMONY or entry.withdrawal is None:
        raise Refused(f"#{index} is a {entry.kind}, not a testimony")
    _not_yet(head, [index])
    author = head.open(index, Testimony).author
    if author is None:
        raise Refused(f"#{index} names no author, so nobody can ask by key", hint="ask with its token")
    request.open_request(data, author)
    account = [each for each in _accounts(head, {entry.withdrawal}) if head.holds(each)]
    hers = _made_by(head, account, author)
    return Wanted(hers, None, tuple(each for each in account if each not in hers))


def _made_by(head: Edition, account: list[int], author: PublicKey) -> tuple[int, ...]:
    """Those of an account that an author signed, and what translates or replaces them, by whomever."""
    found: list[int] = []
    cids: set[CID | None] = set()
    for index in account:
        testimony = head.open(index, Testimony)
        if testimony.author == author or {testimony.translation_of, testimony.replaces} & cids:
            found.append(index)
            cids.add(head.entry(index).cid)
    return tuple(found)


def by_publisher(head: Edition, indexes: tuple[int, ...]) -> Wanted:
    """Exactly these testimonies, on the publisher's own word."""
    for index in indexes:
        if not 0 <= index < head.size:
            raise Refused(f"#{index} is not in this log, which has {head.size} entries")
        if head.entry(index).kind != entries.TESTIMONY:
            raise Refused(f"#{index} is a {head.entry(index).kind}, which cannot be withdrawn")
    wanted = _not_yet(head, sorted(set(indexes)), every=True)
    hashes = {hash_ for index in wanted if (hash_ := head.entry(index).withdrawal)}
    others = [index for index in _accounts(head, hashes) if index not in wanted and head.holds(index)]
    return Wanted(wanted, None, tuple(others))


def _accounts(head: Edition, hashes: set[bytes]) -> Iterator[int]:
    return (index for index, entry in head.entries() if entry.withdrawal in hashes)


def _not_yet(head: Edition, indexes: list[int], *, every: bool = False) -> tuple[int, ...]:
    """Those of `indexes` that are not withdrawn; refuses where none (or, with `every`, not all) are left."""
    gone = [index for index in indexes if not head.holds(index)]
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

    def files(_: Put) -> Iterator[Change]:
        for index in wanted.indexes:
            path = (tree.FILE, *tree.number_path(index))
            if head.tree.find(path) is not None:
                yield Change(path, None)

    blocks = {cid for index in wanted.indexes for cid in head.blocks_at(index)}
    archive.set_dropping(sorted(blocks | pages_held(archive)))
    published = publisher.write_edition(write, files=files, day=day)
    finish(publisher, archive)
    return published


def finish(publisher: Publisher, archive: Archive) -> int | None:
    """Go on with an interrupted withdrawal: how many blocks went; 0: it never took effect; None: none was there.

    Pages of earlier editions do not count: they go in any case.
    """
    dropping = set(archive.dropping())
    if not dropping:
        return None
    gone = dropping.difference(pages_held(archive), tree.reach(publisher.head.root, archive.blocks.get))
    archive.finish_dropping(lambda: tree.reach(publisher.head.root, archive.blocks.get))
    publisher.reload()
    return len(gone)
