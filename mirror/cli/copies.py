"""From what a reader named to a copy of it: the one at `--from`, the one she named, or what a link leads to.

Only for a link without `--from` does anything connect: to the gateways of `mirror.cli.gateways`.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from mirror.cli.main import Session
from mirror.cli.sources import Copy, Given, open_copy
from mirror.cli.typed import Misused
from mirror.edition import Edition
from mirror.errors import Unverified
from mirror.formats import link
from mirror.formats.cid import RAW
from mirror.formats.link import Link

gateway_option: Callable[[Any], Any] = click.option(
    "--gateway",
    "gateways",
    multiple=True,
    metavar="URL",
    help="Ask this gateway for what a link names, and no public one; repeatable.",
)
"""Whom to ask for a link's blocks."""


@contextlib.contextmanager
def open_named(
    session: Session,
    given: Given,
    source: Path | None,
    gateways: tuple[str, ...],
    *,
    memory: bool = True,
    keep: Path | None = None,
) -> Iterator[Copy]:
    """The copy of what the reader named: at `--from`, or what she named itself, or what a link leads to."""
    if keep is not None and (source is not None or given.link is None or given.link.path):
        raise Misused("--keep goes with the link of a whole mirror, which is fetched")
    if source is None and given.link is not None and is_one_block(given.link):
        raise Misused(
            f"{given.link.cid} is one block, and no mirror's tree", hint="judge a note with: mirror verify LINK"
        )
    if source is not None:
        if gateways:
            raise Misused("--from and --gateway are different places to read from")
        with open_copy(source) as copy:
            yield copy
    elif given.copy is not None:
        yield given.copy
    elif given.link is not None:
        from mirror.cli.gateways import Asked, open_link  # noqa: PLC0415  (the network is loaded where it is used)

        with open_link(session, Asked(given.link, given.at, gateways, keep), memory=memory) as copy:
            yield copy
    else:
        raise Misused("what is named here has no tree of its own", hint="name one with --from")


def is_one_block(found: Link) -> bool:
    """Whether a link names a block of its own, as notes are, and no tree."""
    return found.cid.codec == RAW


@contextlib.contextmanager
def open_block(session: Session, given: Given, gateways: tuple[str, ...]) -> Iterator[Copy]:
    """The one block that a link names, to be fetched as it is read."""
    from mirror.cli.gateways import Asked, open_link  # noqa: PLC0415  (as above)

    if given.link is None or given.link.path:
        raise Misused("a path leads through folders, and this link names one block")
    with open_link(session, Asked(given.link, given.at, gateways)) as copy:
        yield copy


def edition_of(copy: Copy, found: Link | None) -> Edition:
    """The edition of a copy, by the link's key or, without one, the charter's own; Unverified where those differ."""
    edition = Edition(copy.root, copy.get, None if found is None else found.key)
    if found is not None and found.scheme == link.IPNS and edition.key.ipns != found.cid:
        raise Unverified(f"this mirror's key is {edition.key.ipns}, not {found.cid}")
    return edition
