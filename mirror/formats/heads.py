"""Block headers as readers bring them: in a file, from a node's or an explorer's answer, as a hash that was typed.

A file of headers, 16 MiB at most, is one of:

    80 bytes                               a Bitcoin header
    JSON                                   a block, or a list of blocks, as nodes and explorers give them
    lines  [height] hexadecimal            Bitcoin headers (160 digits) and Ethereum headers in RLP (more)

    # both of these are said by everybody
    840000 00e0ff3f…
    f90286a0…

In lines, 0x before the digits, empty lines, and lines that begin with # are passed over. In JSON, a block may stand
within `result`, as nodes answer. Of a block of Bitcoin (`getblockheader`, or an explorer's `/block/…`) and of Ethereum
(`eth_getBlockByNumber`) the hash is computed anew from its fields, and has to be the one that is given.

A header says nothing of whether it is on a chain. Whoever brings it vouches for that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mirror.errors import Malformed
from mirror.formats import bitcoin, wire

if TYPE_CHECKING:
    from mirror.formats.ethereum import Header

HEADERS_AT_MOST = 16 * 1024 * 1024
"""Bytes in a file of headers: a hundred thousand of Bitcoin's in hexadecimal."""

_HEX = re.compile(r"(?:([0-9]{1,19})[ \t]+)?(?:0x)?([0-9A-Fa-f]+)")
_BITCOIN_DIGITS = 2 * bitcoin.HEADER_BYTES


class Said(NamedTuple):
    """What one who was asked for a block says: of Bitcoin its header, 80 bytes; of Ethereum its hash, 32 bytes.

    `value` is empty where there is no such block, and None where there was no answer; `words` then say why.
    """

    who: str
    value: bytes | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Heads:
    """The headers of a file: of Bitcoin with the height where the file says one, and of Ethereum."""

    bitcoin: "tuple[tuple[int | None, bitcoin.Header], ...]" = ()
    ethereum: "tuple[Header, ...]" = ()


def parse(data: bytes) -> Heads:
    """The headers in a file. Raises `Malformed` where any is none, and `Unavailable` where the extra is not there."""
    if len(data) > HEADERS_AT_MOST:
        raise Malformed(f"a file of headers of more than {HEADERS_AT_MOST} bytes")
    if len(data) == bitcoin.HEADER_BYTES and not _is_hex(data):
        return Heads(((None, bitcoin.parse_header(data)),))
    if data.lstrip()[:1] in (b"{", b"["):
        found = [_of_block(block) for block in _blocks(wire.decode_json(data, "the file of headers"))]
    else:
        found = [_of_line(number, line) for number, line in _lines(data)]
    return together(found)


def together(found: Iterable[Heads]) -> Heads:
    """The headers of several files."""
    each = tuple(found)
    return Heads(
        tuple(header for heads in each for header in heads.bitcoin),
        tuple(header for heads in each for header in heads.ethereum),
    )


def parse_hash(text: str) -> bytes:
    """A block's hash as people type it: 64 digits in any case, perhaps behind 0x."""
    value = wire.decode_hex(text.strip().lower().removeprefix("0x"))
    if len(value) != 32:
        raise Malformed(f"a block's hash has 64 hexadecimal digits, and this is none: {text[:80]!r}")
    return value


def _is_hex(data: bytes) -> bool:
    return not data.strip(b"0123456789abcdefABCDEFx \r\n")


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(wire.decode_utf8(data, "the file of headers").split("\n"), 1):
        said = line.strip()
        if said and not said.startswith("#"):
            yield number, said


def _of_line(number: int, line: str) -> Heads:
    found = _HEX.fullmatch(line)
    if found is None:
        raise Malformed(f"line {number} of the file of headers is no header in hexadecimal: {line[:40]!r}")
    height = None if found[1] is None else wire.decode_decimal(found[1])
    raw = wire.decode_hex(found[2].lower())
    if len(found[2]) == _BITCOIN_DIGITS:
        return Heads(((height, bitcoin.parse_header(raw)),))
    header = _ethereum().parse_header(raw)
    if height not in (None, header.number):
        raise Malformed(f"line {number} of the file of headers gives the header of block {header.number}, not {height}")
    return Heads((), (header,))


def _ethereum() -> Any:
    from mirror.formats import ethereum  # noqa: PLC0415  (its libraries are loaded where there is such a header)

    return ethereum


def _blocks(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else [value]:
        block = each.get("result", each) if isinstance(each, dict) else None
        if not isinstance(block, dict):
            raise Malformed("the file of headers holds JSON that is no block")
        yield block


def _of_block(block: Mapping[str, Any]) -> Heads:
    if "parentHash" in block:
        return Heads((), (_ethereum().header_of(block),))
    return Heads((bitcoin_of(block),))


def bitcoin_of(block: Mapping[str, Any]) -> tuple[int, bitcoin.Header]:
    """Height and header of a block of Bitcoin as a node (`getblockheader`) or an explorer (`/block/…`) gives it.

    Raises `Malformed` where its fields do not give its hash.
    """
    previous = block.get("previousblockhash") or "0" * 64
    bits = block.get("bits")
    if isinstance(bits, str):
        bits = int.from_bytes(wire.decode_hex(bits))
    header = bitcoin.Header(
        _number(block, "version", signed=True),
        _hash(previous),
        _hash(_either(block, "merkleroot", "merkle_root")),
        _number(block, "time" if "time" in block else "timestamp"),
        _number({"bits": bits}, "bits"),
        _number(block, "nonce"),
    )
    header = bitcoin.parse_header(bytes(header))
    if header.hash != _hash(_either(block, "hash", "id")):
        raise Malformed("the fields of a block of Bitcoin do not give its hash")
    return _number(block, "height"), header


def _either(block: Mapping[str, Any], one: str, other: str) -> Any:
    return block.get(one, block.get(other))


def _hash(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Malformed("a block of Bitcoin without a hash that it has to have")
    return bitcoin.parse_shown(value)


def _number(block: Mapping[str, Any], name: str, *, signed: bool = False) -> int:
    value = block.get(name)
    least, most = (-(2**31), 2**31 - 1) if signed else (0, 2**32 - 1)
    if type(value) is not int or not least <= value <= most:
        raise Malformed(f"a block of Bitcoin whose {name} is no number of 32 bits")
    return value
