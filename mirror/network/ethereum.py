"""An Ethereum node, over JSON-RPC: what an anchor asks of it, before it is paid for and after.

    node = Node("http://127.0.0.1:8545", route)
    node.chain()  node.height()  node.balance(account)  node.fees()          what is, as it says
    node.send(raw)                                                          hand in a signed transaction
    node.mined(hash)  node.block(hash)                                      where it went, and the whole block

Nothing that it says of itself is believed further than its cost: whoever asks shows it to a person, bounds it, or
recomputes it. `block` is checked: its header gives its hash, its transactions the root in that header, so a node can
hide a block or show one that is on no chain, and cannot show another in its place.

Providers give people an address whose path is a key. So no path is ever shown: errors name the host alone, also where
the node repeats it.

Reference: the Ethereum execution APIs (`eth_…`), JSON-RPC 2.0. Out of scope: subscriptions, traces, filters, batches.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from mirror.errors import Malformed, MirrorError, NeedsNewer, Refused, Unavailable, Unverified
from mirror.formats import ether, trie
from mirror.formats.described import bytes_of, number_of, raw_of
from mirror.formats.ethereum import Header, header_of
from mirror.formats.payment import Block, Fees, Mined, Payment
from mirror.network.answers import quote, read_json
from mirror.network.asking import garbled, hiding
from mirror.network.held import Authorization
from mirror.network.http import Answer, Route, check_address

ANSWER_AT_MOST = 1024 * 1024
"""Bytes of an answer that is no block: a receipt or a transaction, of which the largest have a few hundred thousand."""

BLOCK_AT_MOST = 32 * 1024 * 1024
"""Bytes of an answer that is a whole block: EIP-7934 lets none have more than 10 MiB, which JSON doubles."""

TRANSACTIONS_AT_MOST = 100_000
"""Transactions in a block: three times what fits where each takes 21,000 of a gas limit of 600 million."""

TIP = 10**9
"""The tip, in wei per gas, where a node has none to suggest: one gwei."""

Read = TypeVar("Read")

_UNKNOWN_METHOD = -32601
_KNOWN = ("already known", "already imported", "known transaction", "already exists", "alreadyknown")
_PASSED = ("nonce too low", "old nonce", "nonce is too low", "oldnonce")
_POOR = ("insufficient funds", "insufficient balance", "insufficientfunds")
_CHEAP = (
    "underpriced",
    "fee too low",
    "feetoolow",
    "less than block base fee",
    "feecap",
    "fee cap",
    "gas price below",
    "too low to",
)


class Declined(Unavailable):
    """What a node says no to, in its own `words` and with JSON-RPC's `code`."""

    def __init__(self, message: str, *, words: str = "", code: int = 0) -> None:
        super().__init__(message, how="declined")
        self.words = words
        self.code = code


class Node:
    """An Ethereum node, or a service that speaks for one. A context manager that closes its connections."""

    def __init__(self, url: str, route: Route, authorization: Authorization | None = None) -> None:
        """Connects to nothing yet. Raises Malformed for an address that is none."""
        parts = urlsplit(check_address(url))
        self._path = parts.path
        self._peer = route.open("Ethereum node", f"{parts.scheme}://{parts.netloc}", authorization=authorization)
        self.who = self._peer.who

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.close()

    # What is

    def chain(self) -> int:
        """The number of the chain that it is on: 1 for Ethereum itself."""
        return self._number("eth_chainId")

    def height(self) -> int:
        """The number of its newest block."""
        return self._number("eth_blockNumber")

    def balance(self, account: bytes) -> int:
        """What an account has, in wei."""
        return self._number("eth_getBalance", _hex(account), "latest")

    def nonce(self, account: bytes, at: int | None = None) -> int:
        """How many transactions an account has sent, as of a block; by default with those that wait."""
        return self._number("eth_getTransactionCount", _hex(account), "pending" if at is None else hex(at), bits=64)

    def runs_code(self, account: bytes) -> bool:
        """Whether an account is a contract, or lets one act for it: what it is sent would then do something."""
        return self._ask("eth_getCode", _hex(account), "latest") not in ("0x", None)

    def fees(self) -> Fees:
        """What gas costs in its newest block; raises `Refused` for a chain from before EIP-1559."""
        newest = self._object(self._ask("eth_getBlockByNumber", "latest", False), "its newest block")
        if "baseFeePerGas" not in newest:
            raise Refused(f"{self.who} is on a chain that knows no fees of EIP-1559")
        try:
            tip = self._number("eth_maxPriorityFeePerGas")
        except Declined:
            tip = TIP
        return Fees(self._read(lambda: number_of(newest, "baseFeePerGas")), tip)

    def estimate(self, payment: Payment) -> int:
        """How much gas it thinks that a payment takes. Raises `Declined` where it says that it cannot be made."""
        account = _hex(payment.account)
        asked = {"from": account, "to": account, "value": "0x0", "input": _hex(payment.data)}
        return self._number("eth_estimateGas", asked)

    # A transaction on its way

    def sign(self, payment: Payment) -> bytes:
        """A payment, signed by the node, which holds the account's key; checked to be that payment."""
        said = self._ask("eth_signTransaction", payment.as_request())
        found = said if isinstance(said, dict) else {"raw": said}
        raw = self._read(lambda: bytes_of(found, "raw"))
        try:
            payment.check(raw)
        except MirrorError as error:
            raise Unverified(f"{self.who} was asked to sign: {error.message}") from None
        return raw

    def send(self, raw: bytes) -> str:
        """Hand a signed transaction in: `taken`, `known` where it has it, `passed` where its nonce was used.

        Raises `Refused` for want of money or price, `Declined` for anything else that it says.
        """
        try:
            said = self._ask("eth_sendRawTransaction", _hex(raw))
        except Declined as error:
            return self._judge(error)
        if self._read(lambda: bytes_of({"hash": said}, "hash")) != ether.keccak(raw):
            raise Unavailable(f"{self.who} took a transaction and gives it another hash", how="not what was asked")
        return "taken"

    def _judge(self, error: Declined) -> str:
        words = error.words.lower()
        if any(each in words for each in _KNOWN):
            return "known"
        if any(each in words for each in _PASSED):
            return "passed"
        if any(each in words for each in _POOR):
            raise Refused(error.message, hint="put more ether into the account, then try again") from None
        if any(each in words for each in _CHEAP):
            raise Refused(
                error.message, hint="offer more for the same payment, so that only one is ever made: --faster"
            )
        raise error

    def knows(self, hash_: bytes) -> bool:
        """Whether it has a transaction, mined or waiting."""
        return self._ask("eth_getTransactionByHash", _hex(hash_)) is not None

    def mined(self, hash_: bytes) -> Mined | None:
        """Where it says that a transaction was mined; None where it was not."""
        said = self._ask("eth_getTransactionReceipt", _hex(hash_))
        if said is None:
            return None
        receipt = self._object(said, "the receipt")
        if self._read(lambda: bytes_of(receipt, "transactionHash")) != hash_:
            raise Unavailable(f"{self.who} gives the receipt of another transaction", how="not what was asked")
        if receipt.get("blockHash") is None:
            return None
        return self._read(
            lambda: Mined(
                ether.as_bytes(bytes_of(receipt, "blockHash"), "blockHash", ether.HASH_BYTES),
                number_of(receipt, "blockNumber", 63),
                number_of(receipt, "transactionIndex", 24),
            )
        )

    def block_hash(self, number: int) -> bytes | None:
        """The hash of its block of that number; None where it has none."""
        said = self._ask("eth_getBlockByNumber", hex(number), False)
        if said is None:
            return None
        return self._read(lambda: header_of(self._object(said, f"block {number}")).hash)

    def block(self, hash_: bytes) -> Block:
        """The whole block of a hash. Raises `Unverified` where what comes is not that block."""
        said = self._ask("eth_getBlockByHash", _hex(hash_), True, at_most=BLOCK_AT_MOST)
        if said is None:
            raise Unavailable(f"{self.who} has no block {_hex(hash_)}", how="not there")
        found = self._object(said, "the block")
        header = self._read(lambda: header_of(found))
        if header.hash != hash_:
            raise Unverified(f"{self.who} gives another block than {_hex(hash_)}")
        listed = found.get("transactions")
        if not isinstance(listed, list) or len(listed) > TRANSACTIONS_AT_MOST:
            raise Unavailable(f"{self.who} gives block {header.number} without a list of its transactions")
        return Block(header, self._transactions(header, listed))

    def _transactions(self, header: Header, listed: list[Any]) -> tuple[bytes, ...]:
        try:
            raws = tuple(raw_of(self._object(each, "a transaction")) for each in listed)
        except NeedsNewer:
            raws = tuple(self._raw(header.hash, index) for index in range(len(listed)))
        except (Malformed, Unverified) as error:
            raise Unverified(
                f"{self.who} gives block {header.number} with a false transaction: {error.message}"
            ) from None
        if trie.root_of(raws) != header.transactions_root:
            raise Unverified(f"{self.who} gives block {header.number} with transactions that are not its own")
        return raws

    def _raw(self, block: bytes, index: int) -> bytes:
        said = self._ask("eth_getRawTransactionByBlockHashAndIndex", _hex(block), hex(index))
        return self._read(lambda: bytes_of({"transaction": said}, "transaction"))

    # Asking

    def _number(self, method: str, *params: Any, bits: int = 256) -> int:
        said = self._ask(method, *params)
        return self._read(lambda: number_of({method: said}, method, bits))

    def _read(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except Malformed as error:
            raise garbled(self.who, error) from None

    def _object(self, said: Any, what: str) -> Mapping[str, Any]:
        if not isinstance(said, dict):
            raise garbled(self.who, Malformed(f"{what} is no JSON object"))
        return said

    def _ask(self, method: str, *params: Any, at_most: int = ANSWER_AT_MOST) -> Any:
        """The result of one call. Raises `Declined` where it is an error, `Unavailable` where there is none."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        with hiding(self._path):
            return self._result(method, self._peer.post(self._path, body, at_most=at_most, headers=headers))

    def _result(self, method: str, answer: Answer) -> Any:
        try:
            said = read_json(answer.body)
        except Malformed as error:
            raise _without_answer(answer) or garbled(self.who, error) from None
        declined = said.get("error")
        if isinstance(declined, dict):
            raise self._declined(method, declined)
        if answer.status != 200 or "result" not in said or said.get("id") != 1:
            raise _without_answer(answer) or garbled(self.who, Malformed(f"answer to {method} holds no result"))
        return said["result"]

    def _declined(self, method: str, error: Mapping[str, Any]) -> Declined:
        code, words = error.get("code"), error.get("message")
        said = quote(words) if isinstance(words, str) and words.strip() else "it does not say why"
        if code == _UNKNOWN_METHOD:
            said = f"it does not know {method}"
        return Declined(f"{self.who} declines: {said}", words=said, code=code if isinstance(code, int) else 0)


def _without_answer(answer: Answer) -> Unavailable | None:
    """What to raise for an answer that is no answer of JSON-RPC, by its status."""
    if answer.status in (401, 403):
        words = f"{answer.who} does not take our credentials (HTTP {answer.status})"
        return Unavailable(
            words, hint="enter them with: mirror anchor ethereum --credentials", how=f"HTTP {answer.status}"
        )
    try:
        answer.need(200)
    except Unavailable as error:
        return error
    return None


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
