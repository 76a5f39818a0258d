"""How each gateway has done in this run: what it brought, how fast, whether it lied.

    new        not asked yet
    serving    it brought verified blocks; the quicker one is asked first
    failing    it did not answer `STRIKES` times in a row: left alone for the rest of the run
    lying      it sent what was not asked for, once: the same, and the report names it

That a gateway has no block of ours (404, 410, 451) says nothing against it; it is only not asked for that block again.
Several lines that break at once are one failure; after each it is left in peace for a while. Times are the clock's
seconds, which is an argument; nothing of this is kept when the run ends.
"""

from dataclasses import dataclass, field

from mirror.errors import BadBlock, Malformed, MirrorError, Missing
from mirror.network.gateway import Gateway

STRIKES = 3
"""Failures in a row after which a gateway is given up: lines break now and then, and walls always."""

PAUSE = 1.0
"""Seconds of peace after a failure, times how many there were in a row."""

LINES = 4
"""Requests to one gateway at a time: enough to hide its distance, few enough not to be taken for a flood."""

UNKNOWN_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one gateway: blocks and bytes that were new and verified, and what it did wrong, if it did.

    `failed` alone says only that it did not always answer, or later than others.
    """

    who: str
    blocks: int
    size: int
    seconds: float
    absent: int = 0
    lied: str = ""
    failed: str = ""


@dataclass(eq=False)
class Standing:
    """One gateway and how it has done.

    `lines` are those in use: from when one is begun until whoever decides knows how it ended, so that one who fails at
    once is not asked faster than that. `cars` is whether it may be asked for CARs: not once it said that it gives none.
    """

    gateway: Gateway
    lines: set[object] = field(default_factory=set)
    blocks: int = 0
    size: int = 0
    absent: int = 0
    strikes: int = 0
    answered: int = 0
    seconds: float = 0.0
    cars: bool = True
    lied: str = ""
    failed: str = ""
    late: str = ""
    _paused_until: float = 0.0
    _struck: float = float("-inf")

    @property
    def out(self) -> bool:
        """Whether it is not asked any more."""
        return bool(self.lied) or self.strikes >= STRIKES

    @property
    def rests_until(self) -> float:
        """Until when it is left in peace, by its own wish or by ours."""
        return max(self.gateway.rest_until, self._paused_until)

    def free(self, now: float) -> bool:
        """Whether it can be asked now."""
        return not self.out and len(self.lines) < LINES and self.rests_until <= now

    @property
    def pace(self) -> float:
        """Seconds that an answer takes on average: what gateways are ordered by."""
        return self.seconds / self.answered if self.answered else UNKNOWN_SECONDS

    def served(self, size: int) -> None:
        """It brought a block that was wanted."""
        self.blocks += 1
        self.size += size
        self.strikes = 0

    def took(self, seconds: float) -> None:
        """An errand took it that long, or others were quicker after that long."""
        self.answered += 1
        self.seconds += seconds

    def overtaken(self, seconds: float) -> None:
        """It had brought nothing when another one had."""
        self.took(seconds)
        self.late = f"{self.gateway.who} had sent nothing after {seconds:.1f} seconds"

    def erred(self, error: MirrorError, begun: float, now: float, *, helped: bool = False) -> None:
        """It did not bring all that it was asked for at `begun`; `helped`: some of it. What kind of error, counts."""
        if isinstance(error, Missing):
            self.absent += 1
        elif isinstance(error, BadBlock | Malformed):
            self.lied = self.lied or error.message
        else:
            self.failed = error.message
            if begun >= self._struck and not helped:
                self.strikes += 1
                self._struck, self._paused_until = now, now + PAUSE * self.strikes

    def told(self) -> Told:
        """This, for a report."""
        failed = self.failed or ("" if self.blocks else self.late)
        return Told(self.gateway.who, self.blocks, self.size, self.seconds, self.absent, lied=self.lied, failed=failed)
