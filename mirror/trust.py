"""Whom a reader believes: the key she goes by, where its name led her, and what she saw under it.

A key in a link is a claim; a key is confirmed when its reader compared all of it with a leaflet or a person, or typed
it for this once. What she remembers comes as functions, so that nothing here knows where memory is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mirror.errors import Malformed, Unverified
from mirror.formats import ipns
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.verdict import Claim, Report, State


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader saw of a mirror before: the edition, its tree and its checkpoint, signed as it was."""

    edition: int
    root_cid: CID
    checkpoint: Checkpoint
    signed_checkpoint: bytes


@dataclass(frozen=True)
class Trust:
    """Which key a reader goes by, and what she remembers.

    `claimed` is a link's key (or its IPNS name), `given` the one she typed for this once, `confirmed` whether she
    confirmed a key, `namesakes` the keys of a name that she confirmed, `seen` what she saw under a key.
    """

    claimed: PublicKey | CID | None = None
    given: PublicKey | CID | None = None
    confirmed: Callable[[PublicKey], bool] = lambda key: False
    namesakes: Callable[[str], list[PublicKey]] = lambda name: []
    seen: Callable[[PublicKey], Seen | None] = lambda key: None


def judge_key(report: Report, key: PublicKey, trust: Trust) -> None:
    """Step 1: whether this is the key that the reader confirmed."""
    name = str(key.ipns)
    others = [other for other in trust.namesakes(key.name) if other != key]
    if trust.given is not None:
        report.say(Claim.KEY, State.HOLDS, f"{name}, given for this once")
    elif trust.confirmed(key):
        report.say(Claim.KEY, State.HOLDS, f"{name}, confirmed by you")
    elif others:
        words = f"{name} is not the key that you confirmed for {key.name}: that is {others[0].ipns}"
        report.fault(Claim.KEY, "key", words)
    else:
        report.say(
            Claim.KEY,
            State.NOT_CHECKED,
            f"you have not confirmed {name}; anyone can make a key named {key.name}",
            "compare all of it with a leaflet or a person you know, then: mirror trust LINK",
        )


def judge_record(report: Report, key: PublicKey, data: bytes) -> None:
    """Step 10, for the record of the key's name that led to a tree: it names this tree, and this edition's number."""
    try:
        record = ipns.open_record(data, key.ipns)
        stated = record.sequence, record.root
    except (Malformed, Unverified) as error:
        report.fault(Claim.SIGNED, "name", f"name: {error.message}")
        return
    if report.edition and stated != (report.edition, report.root_cid):
        words = f"name: its record leads to edition {stated[0]} with the index hash {stated[1]}, and this is not that"
        report.fault(Claim.SIGNED, "name", words)
