"""A payment on Ethereum, from being shown to being proven: what an anchor and an inscription have in common.

What it is and costs is shown, and asked about. Only then is it signed, kept, and sent; then blocks are waited for.
Whoever interrupts that loses nothing: the next run takes it up, and pays nothing again.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mirror.anchor_ethereum import FINAL, LOST, MINED, PASSED, WAITING, Errand, Seen
from mirror.cli.main import Session
from mirror.cli.purse import Purse
from mirror.cli.terminal import Terminal, in_one_line, many
from mirror.cli.typed import as_typed
from mirror.errors import Malformed, Refused, Unavailable
from mirror.formats import amount, ether, wire
from mirror.formats.ethereum import Proof
from mirror.formats.payment import Payment
from mirror.network.ethereum import Node
from mirror.store import files
from mirror.store.settings import Ethereum

POLL = 4.0
"""Seconds between two looks: Ethereum makes a block every twelve."""

SILENT_AT_MOST = 30
"""Looks in a row at which a node may be silent before waiting ends: two minutes."""

SIGNED_AT_MOST = 3 * 1024 * 1024
"""Bytes in a file with a signed transaction: JSON with the largest that is read, in hexadecimal."""

TOLD = 8
"""How often it is told how many blocks lie on top."""

_CHAINS = {1: "Ethereum", 11155111: "the test network Sepolia", 560048: "the test network Hoodi"}
_SIGNED_NAMES = ("raw", "rawTransaction", "raw_transaction", "signedTransaction", "result")


@dataclass(frozen=True)
class Wishes:
    """What was asked for: only to look, not to wait, not to ask, a better offer, a file for a signer or from one."""

    dry_run: bool = False
    wait: bool = True
    yes: bool = False
    faster: bool = False
    unsigned: Path | None = None
    signed: Path | None = None


@dataclass(frozen=True)
class Purpose:
    """What is paid for: the data, what they are in a few words, and who asks for the yes, of a question."""

    data: bytes
    words: str
    agree: Callable[[Terminal, str], None]
    again: str


class Paying:
    """One errand, carried out for a person."""

    def __init__(
        self, session: Session, ethereum: Ethereum, errand: Errand, nodes: Sequence[Node], purse: Purse, wishes: Wishes
    ) -> None:
        self._session = session
        self._terminal = session.terminal
        self._ethereum = ethereum
        self._errand = errand
        self._node = nodes[0]
        self._purse = purse
        self._wishes = wishes
        with as_typed("mirror.toml: ethereum.at_most"):
            self._at_most = amount.parse_ether(ethereum.at_most)

    def begin(self, purpose: Purpose) -> dict[str, Any] | None:
        """Sign, after showing and asking, and keep what was signed; the caller holds the lock.

        Gives what to say, in JSON, where nothing is to be sent: a dry run, or a file written for a signer.
        """
        attempt, raw = self._errand.attempt, b""
        if self._wishes.signed is not None:
            raw = read_signed(self._wishes.signed)
        if attempt is not None and (raw in attempt.payments or not (raw or self._wishes.faster)):
            return self._underway() if self._wishes.dry_run else None
        payment = self._check_signed(raw, purpose) if raw else self._plan(purpose)
        self._show(payment, purpose)
        if self._wishes.dry_run:
            return self._as_json("planned", payment=payment)
        if self._wishes.unsigned is not None:
            return self._write_unsigned(payment, self._wishes.unsigned)
        purpose.agree(self._terminal, self._question())
        self._errand.take(raw or self._sign(payment))
        return None

    def done(self) -> dict[str, Any] | None:
        """What to say in JSON of a proof that is there already; None where there is none."""
        proof = self._errand.proof
        return None if proof is None else self._as_json("complete") | self._say_proof(proof)

    def _plan(self, purpose: Purpose) -> Payment:
        account, at_most = self._purse.account, self._at_most
        if self._wishes.faster:
            return self._errand.plan_faster(account, at_most=at_most)
        return self._errand.plan(account, purpose.data, at_most=at_most)

    def _check_signed(self, raw: bytes, purpose: Purpose) -> Payment:
        """The payment that somebody signed elsewhere: this account's, to itself, with these data, on this chain."""
        account, found = self._purse.account, Payment.of(raw)
        payment = replace(found, chain=self._ethereum.chain, account=account, data=purpose.data)
        payment.check(raw)
        self._errand.check_cost(payment, at_most=self._at_most)
        return payment

    def _sign(self, payment: Payment) -> bytes:
        if self._ethereum.signer == "node":
            return self._node.sign(payment)
        if self._ethereum.signer == "file":
            raise Refused(
                'mirror.toml says that it is signed elsewhere: signer = "file"',
                hint="write it out with --unsigned FILE, sign it there, and bring it back with --signed FILE",
            )
        return payment.sign(self._purse.secret())

    def _question(self) -> str:
        host = in_one_line(self._node.who)
        return (
            f"pay this? it cannot be recalled, everyone can read it for ever, and {host} learns this machine's address"
        )

    def _show(self, payment: Payment, purpose: Purpose) -> None:
        chain, account = self._ethereum.chain, ether.address_text(payment.account)
        has = amount.in_ether(self._node.balance(payment.account))
        price, tip = amount.in_gwei(payment.fee), amount.in_gwei(payment.tip)
        rows = {
            "chain": f"{chain}{f', {_CHAINS[chain]}' if chain in _CHAINS else ''}",
            "account": f"{account}, payment {payment.nonce} of it, to itself",
            "balance": f"{has} ether",
            "data": f"{many(len(payment.data), 'byte', 'bytes')}: {purpose.words}",
            "gas": f"{payment.gas} at {price} gwei at most, {tip} of it as a tip",
            "costs": f"{amount.in_ether(payment.at_most)} ether at most",
        }
        for name, words in rows.items():
            self._terminal.tell(f"{name:<12}  {in_one_line(words)}")

    def _write_unsigned(self, payment: Payment, path: Path) -> dict[str, Any]:
        files.create(path, (json.dumps(payment.as_request(), indent=2) + "\n").encode(), mode=files.SHARED)
        self._terminal.say(f"wrote {path}: sign it where the key is, and bring it back with --signed FILE")
        return self._as_json("unsigned", payment=payment, file=str(path))

    def _underway(self) -> dict[str, Any]:
        seen = self._errand.look()
        self._terminal.say(f"{_words(seen)}; nothing more would be paid")
        return self._as_json(seen.state, seen=seen)

    # Sending and waiting

    def carry_on(self, purpose: Purpose) -> tuple[Proof | None, dict[str, Any]]:
        """Send what is kept, wait until it is final, and gather its proof; None where nobody waits."""
        try:
            return self._await(purpose)
        except KeyboardInterrupt:
            self._terminal.warn(f"nothing is lost, and nothing is paid twice; it goes on with: {purpose.again}")
            raise

    def _await(self, purpose: Purpose) -> tuple[Proof | None, dict[str, Any]]:
        silent, told = 0, ""
        sent = self._send(self._errand.look())
        while True:
            try:
                seen = self._errand.look()
                silent = 0
                told = self._tell(seen, told)
                if seen.state == FINAL:
                    return self._finish(seen)
                if seen.state == PASSED:
                    self._errand.give_up()
                    raise Refused(
                        "the payment can never be made: its number was used by another payment of the account",
                        hint=f"nothing was paid for this one; to pay anew: {purpose.again}",
                    )
                if seen.state == LOST and not sent:
                    sent = self._send(seen)
                sent = sent and seen.state == LOST
            except Unavailable as error:
                silent += 1
                if not self._wishes.wait or silent > SILENT_AT_MOST:
                    raise
                self._terminal.detail(error.message)
            if not self._wishes.wait:
                return None, self._left(seen, purpose)
            time.sleep(POLL)

    def _send(self, seen: Seen) -> bool:
        """Hand it in where it is not mined, or used; whether it was."""
        if seen.state in (MINED, FINAL, PASSED) or (seen.state != LOST and not self._wishes.faster):
            return False
        said = self._errand.send()
        self._terminal.tell(
            f"sent          0x{wire.encode_hex(self._newest())}" if said == "taken" else f"it is {said}"
        )
        return True

    def _newest(self) -> bytes:
        attempt = self._errand.attempt
        return b"" if attempt is None else attempt.hashes[-1]

    def _tell(self, seen: Seen, told: str) -> str:
        step = seen.blocks * TOLD // self._ethereum.confirmations
        now = f"{seen.state} {seen.mined.block.hex() if seen.mined else ''} {step}"
        if now != told:
            of = f" of {self._ethereum.confirmations} that are waited for" if seen.state == MINED else ""
            self._terminal.tell(_words(seen) + of)
            if seen.state == WAITING and self._errand.is_outbid():
                self._terminal.warn("gas costs more now than was offered: it waits, or offer more for it with --faster")
        return now

    def _left(self, seen: Seen, purpose: Purpose) -> dict[str, Any]:
        self._terminal.say(f"{_words(seen)}; to go on: {purpose.again}")
        return self._as_json(seen.state, seen=seen)

    def _finish(self, seen: Seen) -> tuple[Proof, dict[str, Any]]:
        proof = self._errand.collect(seen)
        return proof, self._as_json("complete", seen=seen) | self._say_proof(proof)

    def _say_proof(self, proof: Proof) -> dict[str, Any]:
        _, header = proof.check()
        hash_, block = (f"0x{wire.encode_hex(each)}" for each in (ether.keccak(proof.transaction), proof.block))
        self._terminal.say(f"transaction   {hash_}")
        self._terminal.say(f"block         {header.number}, {block}, of {header.day} (UTC)")
        given = {"transaction": hash_, "block": header.number, "block_hash": block}
        return given | {"day": str(header.day), "proof_bytes": len(bytes(proof))}

    def _as_json(
        self, state: str, *, seen: Seen | None = None, payment: Payment | None = None, file: str | None = None
    ) -> dict[str, Any]:
        attempt = self._errand.attempt
        mined = seen.mined if seen is not None else None
        return {
            "size": self._errand.anchor.size,
            "name": self._errand.anchor.name,
            "state": state,
            "chain": self._ethereum.chain,
            "account": None if payment is None else ether.address_text(payment.account),
            "bytes": None if payment is None else len(payment.data),
            "gas": None if payment is None else payment.gas,
            "cost_at_most": None if payment is None else amount.in_ether(payment.at_most),
            "transaction": None,
            "transactions": [] if attempt is None else [f"0x{wire.encode_hex(each)}" for each in attempt.hashes],
            "block": None if mined is None else mined.number,
            "block_hash": None if mined is None else f"0x{wire.encode_hex(mined.block)}",
            "blocks": None if seen is None else seen.blocks,
            "day": None,
            "proof_bytes": None,
            "file": file,
        }


def _words(seen: Seen) -> str:
    if seen.mined is not None:
        return f"mined         in block {seen.mined.number}, {many(seen.blocks, 'block', 'blocks')}"
    states = {
        LOST: "not there     the node has none of it",
        PASSED: "not made      another payment of that number was",
    }
    return states.get(seen.state, "waiting       to be mined")


def read_signed(path: Path) -> bytes:
    """A signed transaction, as signers write it: hexadecimal, or JSON with it in a member of one of the usual names."""
    with as_typed(str(path)):
        data = files.read_at_most(path, SIGNED_AT_MOST, "the signed transaction")
        text = wire.decode_utf8(data).strip()
        if text.startswith("{"):
            said = wire.decode_json(data)
            text = next((said[name] for name in _SIGNED_NAMES if isinstance(said.get(name), str)), "")
        try:
            return wire.decode_hex(text.removeprefix("0x").lower())
        except Malformed:
            raise Malformed("it is no signed transaction in hexadecimal") from None
