"""A payment of nothing to oneself, whose data stay: the transaction that an anchor is made with, before it is signed.

    chain 1, nonce 7, to = from, value 0, input data, tip and fee per gas, no access list          (EIP-1559, type 2)

    {"chainId": "0x1", "from": "0x…", "gas": "0xb4c8", "input": "0x6d69…", "maxFeePerGas": "0x…",
     "maxPriorityFeePerGas": "0x…", "nonce": "0x7", "to": "0x…", "type": "0x2", "value": "0x0", "accessList": []}

The second is what a node, or a signer without a network, is given to sign. Whatever signed it, `check` takes the raw
transaction only if it is this very one, signed by the account's key: nobody can slip another receiver in.

Gas: a transaction takes 21,000, and its data at least 10 for a zero byte and 40 for another (EIP-7623, which puts this
floor above the 4 and 16 of EIP-2028; EIP-7976 is to raise it to 64 for either). Nothing is executed, so that is all;
`gas_of` says it, and where a node's estimate is more, that is taken, within bounds. What it costs in ether is
gas times the price in its block, at most gas times `fee`.

Signing is deterministic (RFC 6979): it needs no chance, and the same payment gives the same bytes.

What a node says around it stands here too: `Fees` before, `Mined` and `Block` after.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from mirror.errors import Unverified
from mirror.formats import ether, transaction
from mirror.formats.ethereum import Header
from mirror.formats.transaction import Transaction

REPLACING = 8
"""A replacement has to offer an eighth more: nodes ask for at least a tenth."""

_BASE_GAS, _TOKEN_GAS = 21_000, 10


@dataclass(frozen=True, slots=True)
class Payment:
    """What is to be signed. `account` is 20 bytes; `tip` and `fee` are wei per gas, the tip being part of the fee."""

    chain: int
    account: bytes
    nonce: int
    tip: int
    fee: int
    gas: int
    data: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """The payment that somebody signed; **not checked** to be one (`check`)."""
        found = transaction.parse(raw)
        return cls(found.chain or 0, found.sender(), found.nonce, found.tip, found.fee, found.gas, found.data)

    @property
    def at_most(self) -> int:
        """What it can cost, in wei."""
        return self.gas * self.fee

    def _fields(self) -> list[ether.Item]:
        numbers = (self.chain, self.nonce, self.tip, self.fee, self.gas)
        return [*map(ether.number, numbers), self.account, b"", self.data, []]

    def sign(self, secret: bytes) -> bytes:
        """The raw transaction, signed with a secret key of 32 bytes. Raises `Unverified` for another account's."""
        prefix = bytes([transaction.DYNAMIC_FEE])
        digest = ether.keccak(prefix + ether.encode(self._fields()))
        signature = [ether.number(each) for each in ether.sign(digest, secret)]
        raw = prefix + ether.encode([*self._fields(), *signature])
        self.check(raw)
        return raw

    def check(self, raw: bytes) -> Transaction:
        """The transaction in `raw`, which has to be this one, signed by the account's key."""
        found = transaction.parse(raw)
        if found.type != transaction.DYNAMIC_FEE or list(found.fields[:-3]) != self._fields():
            raise Unverified(
                f"the transaction that came back is not the one that was to be signed: {_other(self, found)}"
            )
        sender = found.sender()
        if sender != self.account:
            who = ether.address_text(sender)
            raise Unverified(f"the transaction is signed by {who}, not by {ether.address_text(self.account)}")
        return found

    def faster(self, base: int, tip: int) -> "Payment":
        """The same with a higher price, for nodes to take instead of this one: of one nonce, only one is ever mined.

        `base` and `tip` are what a block asks now, in wei per gas.
        """
        tip = max(tip, self.tip + self.tip // REPLACING + 1)
        return replace(self, tip=tip, fee=max(2 * base + tip, self.fee + self.fee // REPLACING + 1))

    def as_request(self) -> dict[str, Any]:
        """What a node or a signer is given."""
        account = ether.address_text(self.account)
        numbers = {
            "chainId": self.chain,
            "gas": self.gas,
            "maxFeePerGas": self.fee,
            "maxPriorityFeePerGas": self.tip,
            "nonce": self.nonce,
            "type": transaction.DYNAMIC_FEE,
            "value": 0,
        }
        said = {name: hex(value) for name, value in numbers.items()}
        return {**said, "from": account, "to": account, "input": f"0x{self.data.hex()}", "accessList": []}


@dataclass(frozen=True, slots=True)
class Fees:
    """What gas costs now, in wei: `base` goes to nobody, `tip` to who makes the block."""

    base: int
    tip: int


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction is said to be: a block's hash and number, and the index in it."""

    block: bytes
    number: int
    index: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block, checked against its hash: its header, and its transactions, raw and in order."""

    header: Header
    transactions: tuple[bytes, ...]


def _other(payment: Payment, found: Transaction) -> str:
    """In what a transaction differs, in a few words."""
    compared = {
        "chain": (payment.chain, found.chain),
        "nonce": (payment.nonce, found.nonce),
        "receiver": (payment.account, found.to),
        "value": (0, found.value),
        "data": (payment.data, found.data),
        "price": ((payment.tip, payment.fee), (found.tip, found.fee)),
        "gas": (payment.gas, found.gas),
    }
    return "another " + (" and ".join(name for name, (ours, its) in compared.items() if ours != its) or "kind")


def gas_of(data: bytes) -> int:
    """What a payment with these data takes, by EIP-7623."""
    return _BASE_GAS + _TOKEN_GAS * (4 * len(data) - 3 * data.count(0))
