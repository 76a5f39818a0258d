"""What a reader brings to date anchors: headers in files, hashes, and whom to ask. Without --ethereum or --bitcoin
nothing connects.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mirror.cli.main import Session
from mirror.cli.typed import as_typed
from mirror.clocks_outside import MAIN_CHAIN, Headers, Sources
from mirror.errors import Malformed
from mirror.formats import heads
from mirror.formats.heads import Heads
from mirror.store import files


class _BlockHash(click.ParamType[bytes]):
    """A block's hash: 64 hexadecimal digits, perhaps behind 0x."""

    name = "hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            return heads.parse_hash(str(value))
        except Malformed as error:
            self.fail(error.message, param, ctx)


@dataclass(frozen=True)
class Outside:
    """What was said on the command line."""

    headers: tuple[Path, ...]
    block_hashes: tuple[bytes, ...]
    chain: int
    ethereum: tuple[str, ...]
    bitcoin: tuple[str, ...]

    @contextlib.contextmanager
    def open(self, session: Session) -> Iterator[Sources]:
        """The sources that it stands for; whoever is asked is let go at the end."""
        with contextlib.ExitStack() as stack:
            asked = stack.enter_context(self._endpoints(session)) if self.ethereum or self.bitcoin else None
            yield Sources(self._heads(), self.block_hashes, asked, self.chain)

    def _heads(self) -> Heads:
        found = []
        for path in self.headers:
            with as_typed(str(path)):
                found.append(heads.parse(files.read_at_most(path, heads.HEADERS_AT_MOST, "the file of headers")))
        return heads.together(found)

    def _endpoints(self, session: Session) -> contextlib.AbstractContextManager[Headers]:
        from mirror.network.headers import Endpoints  # noqa: PLC0415  (the network is loaded where it is used)

        with as_typed("--ethereum, --bitcoin"):
            return Endpoints(session.route, ethereum=self.ethereum, bitcoin=self.bitcoin)


_OPTIONS = (
    click.option(
        "--headers",
        multiple=True,
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Date anchors by the blocks' headers in this file; repeatable.",
    ),
    click.option(
        "--block-hash", "block_hashes", multiple=True, type=_BlockHash(), metavar="HASH",
        help="Date anchors by this hash of a block of Ethereum, looked up anywhere; repeatable.",
    ),
    click.option(
        "--ethereum", multiple=True, metavar="URL", help="Ask this node of Ethereum for blocks' hashes; repeatable."
    ),
    click.option(
        "--bitcoin", multiple=True, metavar="URL", help="Ask this explorer or node for headers of Bitcoin; repeatable."
    ),
    click.option(
        "--chain", type=click.IntRange(1), default=MAIN_CHAIN, metavar="ID", show_default=True,
        help="The chain of Ethereum's kind that counts.",
    ),
)  # fmt: skip


def outside_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options above; the command is given them as one `outside`."""

    @functools.wraps(command)
    def wrapped(*args: Any, headers: Any, block_hashes: Any, chain: Any, ethereum: Any, bitcoin: Any, **kw: Any) -> Any:
        return command(*args, outside=Outside(headers, block_hashes, chain, ethereum, bitcoin), **kw)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), wrapped)
