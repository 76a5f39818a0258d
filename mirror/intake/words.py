"""Sixteen or thirty-two bytes as words that people can write down, and back: BIP 39, English.

A token of 16 bytes is twelve words, a recovery key of 32 bytes twenty-four. The last word carries a check, so that a
slip of the pen is noticed. This is the one module that knows `mnemonic`.
"""

from functools import cache
from typing import Any

from mirror.errors import Malformed


def to_words(secret: bytes) -> str:
    """The words of 16 or 32 bytes."""
    return str(_list().to_mnemonic(secret))


def from_words(text: str) -> bytes:
    """The bytes that words spell, in any case and with any spaces between them. Errors never show a word."""
    words = " ".join(text.lower().split())
    if len(words.split(" ")) not in (12, 24) or not _list().check(words):
        raise Malformed("these are not twelve or twenty-four words of the list, or one of them is wrong")
    return bytes(_list().to_entropy(words))


@cache
def _list() -> Any:
    from mnemonic import Mnemonic  # noqa: PLC0415  (only who shows or reads words pays for loading the list)

    return Mnemonic("english")
