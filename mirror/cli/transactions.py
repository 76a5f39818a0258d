"""`mirror read --transaction`: what somebody put into a transaction on Ethereum, and what that shows.

    a file, or what was pasted     raw bytes, or hexadecimal of them; what a node or an explorer answers in JSON
    --hash 0x…                     the hash that people share, compared with the one recomputed
    --proof FILE                   also its block, as an anchor's file proves it (`mirror.formats.ethereum`)

Everything is recomputed from the transaction's bytes, whoever gave them; nothing connects. What is shown is that these
bytes were in a transaction that the holder of some key signed: never who wrote them, nor that they are true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line, many, quoted
from mirror.cli.typed import Misused
from mirror.errors import FAULTS, Malformed, Unverified
from mirror.formats import passages, wire
from mirror.formats.passages import Passage
from mirror.store import files

if TYPE_CHECKING:
    from mirror.formats.transaction import Transaction

FILE_AT_MOST = 8 * 1024 * 1024
"""Bytes in what is read: a transaction of 1 MiB in hexadecimal, twice over, in JSON."""

SHOWS = "this shows that these bytes were in a transaction; it does not show who wrote them, nor that they are true"


@dataclass(frozen=True, slots=True)
class Given:
    """What was given: raw bytes that hash to something, or, without a signature, only its data."""

    raw: bytes | None
    data: bytes
    creates: bool = False


def read_transaction(session: Session, what: str, shared: str | None, proof: Path | None) -> int:
    """Show it; the exit code."""
    given = _parse(what, _content(what))
    if given.raw is None:
        return _show_data(session, given)
    from mirror.formats import transaction  # noqa: PLC0415  (the libraries of Ethereum are loaded where they are used)

    parsed = transaction.parse(given.raw)
    shown = _Shown(session, parsed)
    shown.show_hash(None if shared is None else _hash(shared))
    shown.show_sender()
    shown.show_block(None if proof is None else files.read_at_most(proof, FILE_AT_MOST, "the proof"))
    shown.show_texts()
    return shown.finish()


# What was given


def _content(what: str) -> bytes:
    path = Path(what)
    try:
        if path.is_file():
            return files.read_at_most(path, FILE_AT_MOST, "the transaction")
    except (OSError, ValueError):
        pass  # what is pasted can be longer than any name of a file
    if not what.startswith("0x"):
        raise Misused(
            f"{what[:80]!r} is no file here, and no transaction",
            hint="name a file, or paste the raw transaction: 0x…",
        )
    return what.encode()


def _parse(what: str, content: bytes) -> Given:
    text = _text_of(content)
    if text is None:
        return Given(content, b"")
    if text.startswith(("{", "[")):
        return _described(wire.decode_json(text.encode(), in_one_line(what[:80])))
    return _pasted(text)


def _text_of(content: bytes) -> str | None:
    """The text in a file that holds text; None for raw bytes."""
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return text if text[:1] in ("{", "[") or text.startswith("0x") or _is_hexadecimal(text) else None


def _is_hexadecimal(text: str) -> bool:
    return len(text) >= 2 * 32 and text.isascii() and text.isalnum() and not text.lower().strip("0123456789abcdef")


def _pasted(text: str) -> Given:
    from mirror.formats import transaction  # noqa: PLC0415  (as above)

    raw = wire.decode_hex(text.removeprefix("0x").lower())
    if len(raw) == 32:
        raise Misused(
            "this is the hash of a transaction, and its bytes are needed",
            hint="save what an explorer shows as its raw transaction or as JSON, and name that file with --hash 0x…",
        )
    try:
        transaction.parse(raw)
    except Malformed:
        return Given(None, raw)
    return Given(raw, b"")


def _described(value: Any) -> Given:
    """A transaction as JSON has it: a node's answer, or an explorer's."""
    if isinstance(value, Mapping) and "result" in value:
        value = value["result"]
    if isinstance(value, str):
        return _pasted(value)
    if not isinstance(value, Mapping):
        raise Malformed("this JSON describes no transaction")
    for name in ("raw", "rawTransaction"):
        if isinstance(value.get(name), str):
            return _pasted(value[name])
    if all(isinstance(value.get(name), str) for name in ("r", "s", "v", "hash")):
        from mirror.formats import described  # noqa: PLC0415  (as above)

        return Given(described.raw_of(value), b"")
    for name in ("input", "data", "raw_input"):
        if isinstance(value.get(name), str):
            data = wire.decode_hex(value[name].removeprefix("0x").lower())
            return Given(None, data, creates=not value.get("to"))
    raise Malformed("this JSON holds neither a transaction nor its input data")


def _hash(text: str) -> bytes:
    try:
        data = wire.decode_hex(text.removeprefix("0x").lower())
    except Malformed as error:
        raise Misused(f"--hash: {error.message}") from None
    if len(data) != 32:
        raise Misused(f"--hash: a hash has 32 bytes, and this has {len(data)}")
    return data


# What is shown of it


class _Shown:
    """What was found of a transaction, as it is said."""

    def __init__(self, session: Session, parsed: "Transaction") -> None:
        self._terminal = session.terminal
        self._parsed = parsed
        self._code = 0
        self._json: dict[str, Any] = {"hash": f"0x{parsed.hash.hex()}", "type": parsed.type, "chain": parsed.chain}
        chain = "before chains had numbers" if parsed.chain is None else f"for chain {parsed.chain}"
        self._terminal.say(f"transaction 0x{parsed.hash.hex()}, type {parsed.type}, {chain}")

    def _say(self, name: str, state: str, words: str) -> None:
        self._terminal.say(f"{name:<8} {state:<11}  {words}".rstrip())
        self._json[name] = {"state": state, "words": words}
        self._code = 1 if state == "false" else self._code

    def show_hash(self, shared: bytes | None) -> None:
        """Compare the hash with the one that people share."""
        if shared is None:
            self._say("shared", "not checked", "compare the hash above with the one that people share, or give --hash")
        elif shared == self._parsed.hash:
            self._say("shared", "holds", "recomputed from these bytes, the hash is the one that was given")
        else:
            self._say("shared", "false", f"these bytes do not have the hash 0x{shared.hex()}")

    def show_sender(self) -> None:
        """Say whose key signed it, and where it went."""
        from mirror.formats import ether  # noqa: PLC0415  (as above)

        to = self._parsed.to
        way = "and creates a contract" if to is None else f"to {ether.address_text(to)}"
        try:
            sender = ether.address_text(self._parsed.sender())
        except Unverified as error:
            self._say("signed", "false", error.message)
            return
        self._json |= {"sender": sender, "to": None if to is None else ether.address_text(to)}
        self._say("signed", "holds", f"by the key of {sender}, {way}; who holds that key it does not say")

    def show_block(self, proof: bytes | None) -> None:
        """Say in which block it is, where a proof shows it."""
        if proof is None:
            self._say("block", "not checked", "no proof was given with --proof")
            return
        from mirror.formats import ethereum  # noqa: PLC0415  (as above)

        try:
            found, header = ethereum.parse_proof(proof).check()
        except FAULTS as error:
            self._say("block", "false", error.message)
            return
        if found.hash != self._parsed.hash:
            self._say("block", "false", f"the proof is of another transaction, 0x{found.hash.hex()}")
            return
        words = f"in block {header.number} of {header.day}, if that block's hash is 0x{header.hash.hex()}: look it up"
        self._say("block", "holds", words)

    def show_texts(self) -> None:
        """Show the texts in its input data."""
        texts = passages.find(self._parsed.data, creates=self._parsed.to is None)
        _say_texts(self._terminal.say, len(self._parsed.data), texts)
        self._json["texts"] = [_as_json(each) for each in texts]

    def finish(self) -> int:
        """Say what all this does not show; the exit code."""
        self._terminal.say(f"\n{SHOWS}")
        self._terminal.give({**self._json, "exit_code": self._code})
        return self._code


def _show_data(session: Session, given: Given) -> int:
    """The texts in data without the transaction around them."""
    session.terminal.say(
        "transaction  not checked  without its signature nothing can be recomputed; this is only its data"
    )
    texts = passages.find(given.data, creates=given.creates)
    _say_texts(session.terminal.say, len(given.data), texts)
    session.terminal.give({"hash": None, "texts": [_as_json(each) for each in texts], "exit_code": 3})
    return 3


def _say_texts(say: Any, length: int, texts: list[Passage]) -> None:
    if not texts:
        say(f"no text is in its {many(length, 'byte', 'bytes')} of input data")
    for each in texts:
        say(f"\n{', '.join(each.how)}:")
        for words in _damage(each):
            say(words)
        say(quoted(each.text))


def _damage(passage: Passage) -> Iterator[str]:
    if passage.damaged:
        places = ", ".join(f"{first} to {behind - 1}" for first, behind in passage.damaged[:PLACES_SHOWN])
        more = len(passage.damaged) - PLACES_SHOWN
        yield f"damaged at bytes {places}" + (f" and {more} more" if more > 0 else "") + ", shown as \ufffd"


PLACES_SHOWN = 10
"""Damaged places that are told one by one; all are marked in the text."""


def _as_json(each: Passage) -> dict[str, Any]:
    return {"how": list(each.how), "text": each.text, "damaged": [list(place) for place in each.damaged]}
