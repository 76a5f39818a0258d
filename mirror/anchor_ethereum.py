"""An announcement on Ethereum: paid for once, waited for, and its proof gathered.

    errand = Errand(workspace.anchors, Anchor(42, "ethereum-7.json"), nodes, confirmations=64)
    payment = errand.plan(account, data, at_most=…)     what it would be, and cost; nothing is kept
    errand.take(raw)                                    the signed payment is kept, durably
    errand.send()                                       and only then sent
    errand.look()                                       where it stands: as the first node says
    errand.collect(seen)                                header, transaction and branch; checked, then kept

**Never twice.** A payment is kept before it is sent, and what is sent is what is kept: a run that was killed at any
point goes on with the very same bytes, which a chain takes once. `faster` adds another with the same nonce, of which a
chain takes one; whichever it is counts. A payment is given up only where its nonce was used by a stranger's, so many
blocks ago as are waited for, and no node knows ours. What is kept of it and is damaged is never paid for again.

**Nobody is believed.** A receipt says only where to look: the block's header has to give its hash, the transactions the
root in the header, and ours has to be among them, byte for byte. Every node is then asked for the hash of the block of
that number, and one that says another stops it. A chain may be reorganised: `holds` asks again, and what holds no more
is forgotten, so that its proof is gathered anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mirror.edition import Edition
from mirror.errors import FAULTS, BadProof, Malformed, Refused, Unverified
from mirror.formats import amount, ether, ethereum, notes, transaction, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.ethereum import Proof
from mirror.formats.key import PublicKey
from mirror.formats.notes import Announcement
from mirror.formats.payment import Block, Fees, Mined, Payment, gas_of
from mirror.formats.transaction import Transaction
from mirror.store.anchors import Anchor, Anchors

PAYMENTS_AT_MOST = 16
"""Payments of one nonce: each offers an eighth more, so the last is at six times the first's price."""

GAS_TIMES = 4
"""How often as much gas as its data take a payment may need, as a node says: some chains count what they pass on."""

DEPTH_ASKED = 100
"""Blocks back as of which a node is asked for an account's nonce: most keep the state of the last 128."""

WAITING, MINED, FINAL, LOST, USED, PASSED = "waiting", "mined", "final", "lost", "used", "passed"


class Chain(Protocol):
    """A node, as `mirror.network.ethereum` asks it. Each raises `Unavailable` where it does not answer."""

    who: str

    def chain(self) -> int: ...
    def height(self) -> int: ...
    def balance(self, account: bytes) -> int: ...
    def nonce(self, account: bytes, at: int | None = None) -> int: ...
    def runs_code(self, account: bytes) -> bool: ...
    def fees(self) -> Fees: ...
    def estimate(self, payment: Payment) -> int: ...
    def send(self, raw: bytes) -> str: ...
    def knows(self, hash_: bytes) -> bool: ...
    def mined(self, hash_: bytes) -> Mined | None: ...
    def block_hash(self, number: int) -> bytes | None: ...
    def block(self, hash_: bytes) -> Block: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was signed for one anchor: raw payments of one account and nonce with the same data, the newest last."""

    payments: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        return wire.encode_json({"payments": [wire.encode_hex(raw) for raw in self.payments]})

    @property
    def newest(self) -> Transaction:
        """The one that offers most."""
        return transaction.parse(self.payments[-1])

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """What each is called by on its chain."""
        return tuple(ether.keccak(raw) for raw in self.payments)


def parse_attempt(data: bytes) -> Attempt:
    """What `Attempt` printed. Raises `Malformed`."""
    value = wire.decode_json(data, "the payments")
    listed = value.get("payments") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(listed, list) or not 0 < len(listed) <= PAYMENTS_AT_MOST:
        raise Malformed(f"the payments are not a list of 1 to {PAYMENTS_AT_MOST}")
    if not all(isinstance(each, str) for each in listed):
        raise Malformed("the payments are not all texts")
    made = Attempt(tuple(wire.decode_hex(each) for each in listed))
    _check_one_nonce(made)
    return made


def _check_one_nonce(attempt: Attempt) -> None:
    said = {(each.chain, each.nonce, each.data, each.sender()) for each in map(transaction.parse, attempt.payments)}
    if len(said) != 1:
        raise Malformed("the payments are not of one account and nonce, with the same data")


@dataclass(frozen=True, slots=True)
class Seen:
    """Where an attempt stands, as a node says.

    `WAITING`: it waits to be mined. `LOST`: the node has none of it. `MINED`, `FINAL`: `raw` is in a block, the
    first of `blocks`. `USED`, `PASSED`: another transaction of that nonce is, and it is final too.
    """

    state: str
    raw: bytes = b""
    mined: Mined | None = None
    blocks: int = 0


class Errand:
    """One anchor, from being planned to being proven. `nodes[0]` is handed what is paid for; all have to agree."""

    def __init__(
        self, kept: Anchors, anchor: Anchor, nodes: Sequence[Chain], *, chain: int, confirmations: int
    ) -> None:
        self.anchor = anchor
        self._kept = kept
        self._nodes = nodes
        self._chain = chain
        self._confirmations = confirmations

    @property
    def node(self) -> Chain:
        """The one that is handed what is paid for."""
        return self._nodes[0]

    @property
    def attempt(self) -> Attempt | None:
        """What was signed for it and may be on its way; None where nothing is. Raises `Malformed` for what is not."""
        data = self._kept.read_pending(self.anchor)
        try:
            return None if data is None else parse_attempt(data)
        except FAULTS as error:
            hint = "take it from a backup: a payment may be on its way, and without this another would be made"
            raise Malformed(f"{self._kept.pending_path(self.anchor)}: {error.message}", hint=hint) from None

    @property
    def proof(self) -> Proof | None:
        """What was gathered, each step of it checked. Raises `Malformed` where it is damaged."""
        data = self._kept.read(self.anchor)
        if data is None:
            return None
        try:
            proof = ethereum.parse_proof(data)
            proof.check()
        except FAULTS as error:
            hint = "take it from a backup: without it another payment may be made"
            raise Malformed(f"{self._kept.path(self.anchor)}: {error.message}", hint=hint) from None
        return proof

    # Paying

    def check_chain(self) -> None:
        """Raise `Refused` where a node is on another chain than the one that is meant."""
        for node in self._nodes:
            found = node.chain()
            if found != self._chain:
                raise Refused(
                    f"{node.who} is on chain {found}, and mirror.toml says {self._chain}",
                    hint="name a node of that chain in mirror.toml, or the chain that is meant",
                )

    def plan(self, account: bytes, data: bytes, *, at_most: int) -> Payment:
        """The payment that would be signed. Raises `Refused` where it would do more, or cost more, than it should."""
        if self.node.runs_code(account):
            who = ether.address_text(account)
            raise Refused(f"{who} is an account that runs code: a payment to it would do something else")
        fees, nonce = self.node.fees(), self.node.nonce(account)
        made = Payment(self._chain, account, nonce, fees.tip, 2 * fees.base + fees.tip, gas_of(data), data)
        estimated = self.node.estimate(made)
        if estimated > GAS_TIMES * made.gas:
            raise Refused(f"{self.node.who} says that it takes {estimated} gas, and {made.gas} is what its data take")
        made = Payment(self._chain, account, nonce, made.tip, made.fee, max(made.gas, estimated), data)
        self.check_cost(made, at_most=at_most)
        return made

    def plan_faster(self, account: bytes, *, at_most: int) -> Payment:
        """The payment that nodes would take instead of the one under way. Raises as `plan`."""
        attempt = self._underway()
        if len(attempt.payments) == PAYMENTS_AT_MOST:
            raise Refused(f"{PAYMENTS_AT_MOST} payments of one nonce were signed already")
        last, fees = attempt.newest, self.node.fees()
        if last.sender() != account:
            raise Refused(
                f"what is under way was paid by {ether.address_text(last.sender())}, and only it can offer more"
            )
        made = Payment(self._chain, account, last.nonce, last.tip, last.fee, last.gas, last.data)
        made = made.faster(fees.base, fees.tip)
        self.check_cost(made, at_most=at_most)
        return made

    def check_cost(self, payment: Payment, *, at_most: int) -> None:
        """Raise `Refused` where a payment could cost more than it may, or than the account has."""
        if payment.at_most > at_most:
            cost, most = amount.in_ether(payment.at_most), amount.in_ether(at_most)
            raise Refused(
                f"it could cost {cost} ether, and mirror.toml allows {most}",
                hint="wait until gas is cheaper, or raise at_most of [ethereum] in mirror.toml",
            )
        has = self.node.balance(payment.account)
        if has < payment.at_most:
            who = ether.address_text(payment.account)
            raise Refused(
                f"{who} has {amount.in_ether(has)} ether, and it could cost {amount.in_ether(payment.at_most)}",
                hint="put more ether into the account, then try again",
            )

    def take(self, raw: bytes) -> None:
        """Keep a signed payment, before it is sent: the first one, or one more of the same nonce."""
        before = self.attempt
        attempt = Attempt((raw,) if before is None else (*before.payments, raw))
        try:
            _check_one_nonce(attempt)
        except Malformed:
            raise Refused(
                "another payment for this anchor is under way, with another nonce: both could be made",
                hint="mirror anchor ethereum goes on with the one that is under way",
            ) from None
        self._kept.put_pending(self.anchor, bytes(attempt))

    def send(self) -> str:
        """Hand in what is kept, the best offer; what the node made of it: `taken`, `known` or `passed`."""
        return self.node.send(self._underway().payments[-1])

    def _underway(self) -> Attempt:
        attempt = self.attempt
        if attempt is None:
            raise Refused(f"no payment is under way for the log of {self.anchor.size} entries")
        return attempt

    # Waiting

    def look(self) -> Seen:
        """Where the attempt stands, as the node says."""
        attempt = self._underway()
        height = self.node.height()
        for raw, hash_ in zip(attempt.payments, attempt.hashes, strict=True):
            mined = self.node.mined(hash_)
            if mined is not None:
                blocks = max(0, height - mined.number + 1)
                return Seen(FINAL if blocks >= self._confirmations else MINED, raw, mined, blocks)
        return Seen(self._state_of_nonce(attempt, height))

    def _state_of_nonce(self, attempt: Attempt, height: int) -> str:
        """Where none of it is mined: whether it still can be."""
        account, nonce = attempt.newest.sender(), attempt.newest.nonce
        if self.node.nonce(account, height) > nonce:
            deep = height - min(self._confirmations, DEPTH_ASKED) + 1
            is_final = deep > 0 and self.node.nonce(account, deep) > nonce
            return PASSED if is_final and not self._is_known(attempt) else USED
        return WAITING if any(self.node.knows(each) for each in attempt.hashes) else LOST

    def _is_known(self, attempt: Attempt) -> bool:
        """Whether any node has any of it: one that lost or hides it must not be why it is paid for again."""
        return any(node.knows(each) for node in self._nodes for each in attempt.hashes)

    def is_outbid(self) -> bool:
        """Whether a block asks more for gas now than the best offer; it then waits until that changes."""
        return self.node.fees().base > self._underway().newest.fee

    def give_up(self) -> None:
        """Forget an attempt that can never be mined."""
        self._kept.forget_pending(self.anchor)

    # Proving

    def collect(self, seen: Seen) -> Proof:
        """Gather the proof for a payment that is mined, check each step, and keep it.

        Raises `Unverified` where a node does not say the truth, or nodes do not say the same.
        """
        if seen.mined is None:
            raise Refused("it is not mined")
        block = self.node.block(seen.mined.block)
        if block.header.number != seen.mined.number:
            words = f"in block {seen.mined.number}, and that block is number {block.header.number}"
            raise Unverified(f"{self.node.who} says that it is {words}")
        if seen.raw not in block.transactions:
            raise Unverified(f"{self.node.who} says that it is in block {block.header.number}, and it is not")
        index = block.transactions.index(seen.raw)
        proof = ethereum.prove(self._chain, block.header, list(block.transactions), index)
        self.check_agreed(proof)
        self._kept.put(self.anchor, bytes(proof))
        return proof

    def check_agreed(self, proof: Proof) -> None:
        """Raise `Unverified` where a node has another block of that number, or none."""
        _, header = proof.check()
        others = [node.who for node in self._nodes if node.block_hash(header.number) != proof.block]
        if others:
            raise Unverified(
                f"block {header.number} is not {proof.block.hex()} for {' and '.join(others)}",
                hint="a chain may be reorganised: try again later; if it stays so, one of the nodes lies",
            )

    def is_sound(self) -> bool:
        """Whether what was gathered is undamaged; if not, it is forgotten, for what is under way to gather it anew.

        Raises `Malformed` where nothing is under way.
        """
        try:
            return self.proof is not None
        except Malformed:
            if self.attempt is None:
                raise
            self._kept.forget(self.anchor)
            return False

    def holds(self) -> bool:
        """Whether the block of a proof that was gathered is still on the chain; if not, the proof is forgotten.

        What is under way then goes on: the same payment, to be mined again. Raises as `is_sound`.
        """
        proof = self.proof if self.is_sound() else None
        if proof is None:
            return False
        try:
            self.check_agreed(proof)
        except Unverified:
            if self.attempt is None:
                self._kept.put_pending(self.anchor, bytes(Attempt((proof.transaction,))))
            self._kept.forget(self.anchor)
            return False
        return True


def check_announces(data: bytes, edition: Edition, anchor: Anchor | None = None) -> Announcement:
    """The announcement that a payment's data are: of this mirror, and of this log when it was that large.

    Raises `Unverified` where it is another's, `Malformed` where it is none.
    """
    found = open_announcement(data, edition.key)
    if not found.size <= edition.size or edition.log.root_hash(found.size) != found.root_hash:
        raise Unverified(f"an announcement of {found.size} entries that are not those of this log")
    if anchor is not None and (found.size, name_of(found)) != anchor:
        raise Unverified(f"an announcement of edition {found.edition}, which is not what {anchor.name} is for")
    return found


def check(key: PublicKey, checkpoint: Checkpoint, anchor: Anchor, data: bytes) -> None:
    """Check a whole proof: each step of it, and that its transaction announces this checkpoint, under this name.

    Raises `Malformed`, `Unverified`. **Left out:** that its block is on the chain.
    """
    proof = ethereum.parse_proof(data)
    found, _ = proof.check()
    announced = open_announcement(found.data, key)
    if (announced.size, announced.root_hash) != (checkpoint.size, checkpoint.root_hash):
        raise BadProof(f"{anchor.name} is over another checkpoint than that of {checkpoint.size} entries")
    if anchor_of(announced) != anchor:
        raise BadProof(f"{anchor.name} announces edition {announced.edition}")


def open_announcement(data: bytes, key: PublicKey) -> Announcement:
    """The announcement in a payment's data, signed by a mirror's key."""
    try:
        return notes.open_as(Announcement, data, key)
    except Malformed as error:
        raise Malformed(f"the payment's data are no announcement: {error.message}") from None


def name_of(announcement: Announcement) -> str:
    """What the proof for an announcement is called."""
    return f"ethereum-{announcement.edition}.json"


def anchor_of(announcement: Announcement) -> Anchor:
    """Where the proof for an announcement is kept."""
    return Anchor(announcement.size, name_of(announcement))


def ours(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Those of them that are Ethereum's."""
    return [each for each in anchors if each.name.startswith("ethereum-") and each.name.endswith(".json")]
