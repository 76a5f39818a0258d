"""What a verification establishes: claims, each with its state and its words, and every item that is bad.

    key          this is the key that the reader confirmed for this mirror
    unchanged    every byte hashes to the CID it was asked by, and every folder is as it has to be
    signed       by that key, and by the author's own where there is one
    complete     everything this log lists is here, except what was withdrawn (not: that everything was listed)
    append-only  this log contains the one that the reader saw last time
    existed by   a day, from an outside clock

A claim `holds`, is `false`, or was `not checked`. Nothing counts as held because it was looked at: a claim holds only
where its check was made and no fault was found. What rests on a failed step is not checked, rather than false.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from mirror.check import Withdrawn
from mirror.errors import Refused
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey


class Claim(Enum):
    """What can be established."""

    KEY = "key"
    UNCHANGED = "unchanged"
    SIGNED = "signed"
    COMPLETE = "complete"
    APPEND_ONLY = "append-only"
    EXISTED_BY = "existed by"


ALWAYS_ASKED = frozenset({Claim.KEY, Claim.UNCHANGED, Claim.SIGNED, Claim.COMPLETE})
"""The claims that count whether or not there is evidence for them."""


class State(Enum):
    """How a claim stands."""

    HOLDS = "holds"
    FALSE = "false"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, how it stands, and why, a line each."""

    claim: Claim
    state: State
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is false: which claim it breaks, at which item of the tree, in words that begin with the item.

    `index` is the testimony's, where it is one that must not be quoted from this copy.
    """

    claim: Claim
    item: str
    words: str
    index: int | None = None


class Standing(Enum):
    """How one anchor stands."""

    EXISTED_BY = "existed by"
    PENDING = "pending"
    FALSE = "false"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Anchored:
    """What one anchor shows: that the first `size` entries existed by a `day`, where it holds; and in words why.

    `item` is its place in the tree, `clock` its kind. `block` names what a reader has to ask for outside: chain and
    height, and on Ethereum the hash that it has to have.
    """

    item: str
    clock: str
    size: int
    standing: Standing
    words: str
    day: date | None = None
    block: str = ""
    block_hash: str = ""


FAULTS_AT_MOST = 10_000
"""Faults that a report holds: more than anybody reads, and what a tree made to have no end of them cannot exceed."""


@dataclass
class Counts:
    """What was found and judged."""

    testimonies: int = 0
    attachments: int = 0
    by_authors: int = 0
    pages: int = 0
    withdrawn_with_token: int = 0
    withdrawn_by_publisher: int = 0


@dataclass
class Report:
    """Everything that one verification found.

    `newer` names the items that only a later version of this program can judge; `not_held` are the testimonies that the
    keeper of this copy says not to hold, as a whole or their attachments; `anchors` those that were judged.
    """

    what: str
    mirror: str = ""
    key: PublicKey | None = None
    edition: int = 0
    root_cid: CID | None = None
    checkpoint: Checkpoint | None = None
    signed_checkpoint: bytes = b""
    verdicts: dict[Claim, Verdict] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    withdrawn: dict[int, Withdrawn] = field(default_factory=dict)
    newer: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    forked_with: bytes = b""
    not_held: set[int] = field(default_factory=set)
    pages_not_held: int = 0
    anchors: list[Anchored] = field(default_factory=list)

    def say(self, claim: Claim, state: State, *words: str) -> None:
        """Settle a claim. A fault that was found outweighs whatever is said."""
        self.verdicts[claim] = Verdict(claim, state, words)

    def fault(self, claim: Claim, item: str, words: str, index: int | None = None) -> None:
        """Note something false; `Refused` where so much is false already that looking further helps nobody."""
        if self.is_full:
            raise Refused(f"more than {FAULTS_AT_MOST} things are false")
        self.faults.append(Fault(claim, item, words, index))

    @property
    def is_full(self) -> bool:
        """Whether there are as many faults as a report holds; others may not have been looked for then."""
        return len(self.faults) >= FAULTS_AT_MOST

    def verdict(self, claim: Claim) -> Verdict:
        """How a claim stands; not checked where nothing was said of it."""
        found = dict.fromkeys(fault.words for fault in self.faults if fault.claim is claim)
        if found:
            return Verdict(claim, State.FALSE, tuple(found))
        return self.verdicts.get(claim, Verdict(claim, State.NOT_CHECKED, ("nothing here speaks of it",)))

    def bad_items(self) -> list[str]:
        """Every item that something false was found of, once each, in the order of the tree."""
        return sorted({fault.item for fault in self.faults})

    def bad_indexes(self) -> list[int]:
        """The testimonies that must not be quoted from this copy."""
        return sorted({fault.index for fault in self.faults if fault.index is not None})

    def exit_code(self, asked: frozenset[Claim] = ALWAYS_ASKED) -> int:
        """0 where every claim asked for holds, 1 where one is false, 3 where one could not be told."""
        verdicts = [self.verdict(claim) for claim in Claim]
        if any(verdict.state is State.FALSE for verdict in verdicts):
            return 1
        open_ones = any(each.claim in asked and each.state is not State.HOLDS for each in verdicts)
        return 3 if open_ones or self._is_older() else 0

    def _is_older(self) -> bool:
        verdict = self.verdicts.get(Claim.APPEND_ONLY)
        return verdict is not None and verdict.state is State.NOT_CHECKED and verdict.words[:1] == (OLDER,)


OLDER = "older edition"
"""The first words where a copy is older than what the reader saw: it counts, though it is no fault."""
