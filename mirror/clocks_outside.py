"""Whether a block is on its chain, which only somebody outside can say: the reader's sources, in their order.

    1  headers in a file, by their height (one of Bitcoin may come without: it is told by its merkle root)
    2  hashes that were typed
    3  whoever can be asked, all of whom have to agree

The first that knows the block decides. Where they know another block of that height, the proof that leads to this one
is false; where nobody knows, those who were asked disagree, or do not know of such a height, it is not checked. Nor is
it by a header of Bitcoin that took less work than `EASIEST`: anybody could have made it, with any day in it. **Left
out:** the blocks before and behind one. Whoever brings a header vouches for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mirror.errors import Malformed
from mirror.formats import bitcoin, wire
from mirror.formats.heads import Heads, Said
from mirror.verdict import Standing

if TYPE_CHECKING:
    from mirror.formats.ethereum import Header

BITCOIN, ETHEREUM = "bitcoin", "ethereum"
MAIN_CHAIN = 1

EASIEST = 2**181
"""The number below which a header's `bits` have to keep a hash of Bitcoin: 2^75 tries, which each block since 2020 took
more than, and which a test network's header, or one that was made to date an anchor, hardly did."""

ASKED_AT_MOST = 64
"""Blocks for which others are asked in one run, those of the largest sizes first: a question each, over a network."""


class Headers(Protocol):
    """Whoever can be asked what is on a chain; one `Said` for each of them, also for those that did not answer."""

    def bitcoin(self, height: int) -> Sequence[Said]:
        """What each says the header at a height is."""

    def ethereum(self, chain: int, height: int) -> Sequence[Said]:
        """What each says the hash of the block at a height of that chain is."""


@dataclass(frozen=True)
class Sources:
    """What the reader has from outside: headers, hashes (32 bytes, as typed), whom to ask; which chain counts."""

    heads: Heads = field(default_factory=Heads)
    hashes: tuple[bytes, ...] = ()
    asked: Headers | None = None
    chain: int = MAIN_CHAIN


NONE = Sources()

TOO_EASY = "took less work than any block of Bitcoin since 2020"


class Found(NamedTuple):
    """How a proof stands that leads to a block, in words that name the block, and the day of the block."""

    standing: Standing
    words: str
    day: date | None = None


class Outside:
    """The sources, asked in their order; of each block once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._answers: dict[tuple[str, int], Sequence[Said] | None] = {}
        self._used: set[bytes] = set()

    def counts(self, chain: int) -> bool:
        """Whether a block of that chain of Ethereum's kind counts."""
        return chain == self._sources.chain

    def brought(self, header: "Header") -> bool:
        """Whether the reader gave this very block of Ethereum, or a header of its number."""
        sources = self._sources
        return header.hash in sources.hashes or any(each.number == header.number for each in sources.heads.ethereum)

    def unused(self) -> bool:
        """Whether a hash was typed that is of none of the blocks that were looked for."""
        return any(each not in self._used and each[:4] != bytes(4) for each in self._sources.hashes)

    def find_ethereum(self, chain: int, header: "Header") -> Found:
        """Whether the block of a header of Ethereum is on this chain."""
        block = name_of(chain, header.number)
        if header.hash in self._sources.hashes:
            self._used.add(header.hash)
        if not self.counts(chain):
            words = f"{block} does not count where chain {self._sources.chain} was asked for; for it: --chain {chain}"
            return Found(Standing.NOT_CHECKED, words)
        given = {each.hash for each in self._sources.heads.ethereum if each.number == header.number}
        if given:
            return _judged(given, header, f"{block}, whose header you gave")
        if header.hash in self._sources.hashes:
            return Found(Standing.EXISTED_BY, f"{block}, whose hash you gave", header.day)
        said = self._ask(ETHEREUM, header.number)
        if said is None:
            how = f"give the hash of {block} with --block-hash, its header with --headers, or ask with --ethereum URL"
            return Found(Standing.NOT_CHECKED, how)
        value, words = _agreed(block, said)
        return Found(Standing.NOT_CHECKED, words) if value is None else _judged({value}, header, words)

    def find_bitcoin(self, height: int, merkle_root: bytes) -> Found:
        """Whether the block of Bitcoin at a height has this merkle root (32 bytes)."""
        block = name_of(None, height)
        heads = self._sources.heads.bitcoin
        self._used.update(header.hash[::-1] for _, header in heads)
        given = [
            (at, header) for at, header in heads if at == height or (at is None and header.merkle_root == merkle_root)
        ]
        if given:
            return _judged_by(given, block, merkle_root)
        said = self._ask(BITCOIN, height)
        if said is None:
            how = f"give the header of {block} with --headers, or ask with --bitcoin URL; its hash alone is not enough"
            return Found(Standing.NOT_CHECKED, how)
        value, words = _agreed(block, [_as_header(each) for each in said])
        if value is None:
            return Found(Standing.NOT_CHECKED, words)
        header = bitcoin.parse_header(value)
        is_this = header.merkle_root == merkle_root
        return Found(Standing.EXISTED_BY, words, header.day) if is_this else _other(words)

    def _ask(self, clock: str, height: int) -> Sequence[Said] | None:
        """What those who can be asked say; None where there are none."""
        headers = self._sources.asked
        at = (clock, height)
        if headers is None:
            return None
        if at not in self._answers and len(self._answers) >= ASKED_AT_MOST:
            return [Said("nobody", None, f"{ASKED_AT_MOST} other blocks were asked for")]
        if at not in self._answers:
            said = headers.bitcoin(height) if clock == BITCOIN else headers.ethereum(self._sources.chain, height)
            self._answers[at] = said or None
        return self._answers[at]


def name_of(chain: int | None, height: int) -> str:
    """A block as people name it; `chain` None is Bitcoin's."""
    if chain is None:
        return f"Bitcoin block {height}"
    return f"Ethereum block {height}" if chain == MAIN_CHAIN else f"block {height} of chain {chain}"


def _as_header(said: Said) -> Said:
    """The same, with no answer in place of a header that is none."""
    try:
        if said.value and _is_easy(bitcoin.parse_header(said.value)):
            return Said(said.who, None, f"its header {TOO_EASY}")
    except Malformed as error:
        return Said(said.who, None, error.message)
    return said


def _is_easy(header: bitcoin.Header) -> bool:
    return bitcoin.target(header.bits) > EASIEST


def _judged_by(given: "Sequence[tuple[int | None, bitcoin.Header]]", block: str, merkle_root: bytes) -> Found:
    """How a merkle root stands where these headers of its block were given."""
    words = f"{block}, whose header you gave"
    if any(_is_easy(header) for _, header in given):
        return Found(Standing.NOT_CHECKED, f"{words}: that {TOO_EASY}")
    if all(header.merkle_root != merkle_root for _, header in given):
        return _other(words)
    if len({header.hash for _, header in given}) > 1:
        return Found(Standing.NOT_CHECKED, f"{words}, is given as several blocks")
    (at, header), *_ = given
    named = words if at is not None else f"Bitcoin block {bitcoin.shown(header.hash)}, whose header you gave"
    return Found(Standing.EXISTED_BY, named, header.day)


def _agreed(block: str, said: Sequence[Said]) -> tuple[bytes | None, str]:
    """What all who answered say, and in words who does; None where nobody did, or not all the same."""
    answers = [(each.who, each.value) for each in said if each.value is not None]
    silent = "".join(f"; {each.who} did not answer: {each.words}" for each in said if each.value is None)
    values = {value for _, value in answers}
    if not values:
        return None, f"nobody says what {block} is{silent}"
    if len(values) > 1:
        told = ", ".join(f"{who} says {_shown(value)}" for who, value in answers)
        return None, f"those who were asked disagree on {block}: {told}{silent}"
    names = " and ".join(who for who, _ in answers)
    if values == {b""}:
        return None, f"there is no {block} for {names}{silent}"
    return values.pop(), f"{block}, according to {names}{silent}"


def _shown(value: bytes) -> str:
    if not value:
        return "that there is none"
    return wire.encode_hex(value) if len(value) == 32 else bitcoin.shown(bitcoin.parse_header(value).hash)


def _judged(known: set[bytes], header: "Header", words: str) -> Found:
    """How a header stands where the hashes of its height are known."""
    if len(known) > 1 and header.hash in known:
        return Found(Standing.NOT_CHECKED, f"{words}, is given as several blocks")
    return Found(Standing.EXISTED_BY, words, header.day) if header.hash in known else _other(words)


def _other(words: str) -> Found:
    return Found(Standing.FALSE, f"the proof leads to another block than {words}")
