"""Amounts of ether, as people write them and as chains count them.

    0.01            ether, in decimals: at most eighteen behind the point
    10**16          the same in wei, which is what every number of a chain is in
    1.5 gwei        prices of gas are told in thousand-millions of wei

No library, so that settings can be read without any.
"""

from mirror.errors import Malformed
from mirror.formats import wire

ETHER = 10**18
"""Wei in one ether."""

GWEI = 10**9
"""Wei in a gwei."""

ETHER_AT_MOST = 10**9
"""Ether in an amount: more than there is."""

_PLACES = 18


def parse_ether(text: str) -> int:
    """An amount of ether as people write it, `0.01`, in wei. Raises `Malformed`."""
    whole, dot, part = text.partition(".")
    try:
        if (dot and not part) or len(part) > _PLACES:
            raise Malformed(text)
        return wire.decode_decimal(whole, ETHER_AT_MOST) * ETHER + wire.decode_decimal(
            (part + "0" * _PLACES)[:_PLACES].lstrip("0") or "0"
        )
    except Malformed:
        raise Malformed(f"not an amount of ether, such as 0.01: {text[:40]!r}") from None


def in_ether(wei: int) -> str:
    """An amount of wei in ether, as people write it: every digit that it has, and none more."""
    whole, part = divmod(wei, ETHER)
    return f"{whole}.{part:018}".rstrip("0").rstrip(".")


def in_gwei(wei: int) -> str:
    """A price of gas in gwei."""
    whole, part = divmod(wei, GWEI)
    return f"{whole}.{part:09}".rstrip("0").rstrip(".")
