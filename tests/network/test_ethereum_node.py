"""A node of Ethereum: what a real one says is understood, and what a lying one says is not believed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from daemons import Anvil
from onchain import SECRET
from relay import Declines, Raw, Relay

from mirror.errors import Malformed, MirrorError, Refused, Unavailable, Unverified
from mirror.formats import ether, ethereum
from mirror.formats.payment import Payment, gas_of
from mirror.network import ethereum as module
from mirror.network.ethereum import Declined, Node
from mirror.network.held import Authorization
from mirror.network.http import Route

ITSELF = ether.address_of(SECRET)
GWEI = 10**9
DATA = b"mirror/v1 announcement\n" * 20


def pay(nonce: int = 0, data: bytes = DATA, **more: int) -> Payment:
    made = {"chain": 1, "tip": GWEI, "fee": 30 * GWEI, "gas": gas_of(data)} | more
    return Payment(account=ITSELF, nonce=nonce, data=data, **made)


@pytest.fixture
def relay(chain: Anvil) -> Iterator[Relay]:
    chain.give(f"0x{ITSELF.hex()}", 1)
    with Relay(chain) as made:
        yield made


@pytest.fixture
def node(relay: Relay) -> Iterator[Node]:
    with Node(relay.url, Route()) as made:
        yield made


def refusal(ask: Callable[[], object], kind: type[MirrorError]) -> MirrorError:
    with pytest.raises(kind) as caught:
        ask()
    return caught.value


def test_what_a_node_says_is_understood(chain: Anvil, node: Node) -> None:
    assert (node.chain(), node.height(), node.balance(ITSELF), node.nonce(ITSELF)) == (1, 0, 10**18, 0)
    assert node.fees() == module.Fees(GWEI, GWEI)
    assert not node.runs_code(ITSELF)
    assert node.estimate(pay()) == gas_of(DATA)
    chain.mine(3)
    assert node.height() == 3


@pytest.mark.parametrize("data", [b"", b"\0" * 500, b"\xff" * 500, bytes(range(256)) * 8])
def test_gas_is_what_a_node_says_that_it_is(node: Node, data: bytes) -> None:
    assert node.estimate(pay(data=data)) == gas_of(data)


def test_a_payment_goes_its_way(chain: Anvil, node: Node) -> None:
    raw = pay().sign(SECRET)
    assert (node.knows(ether.keccak(raw)), node.mined(ether.keccak(raw))) == (False, None)
    assert (node.send(raw), node.send(raw)) == ("taken", "known")
    assert (node.knows(ether.keccak(raw)), node.mined(ether.keccak(raw))) == (True, None)
    assert (node.nonce(ITSELF), node.nonce(ITSELF, 0)) == (1, 0)
    chain.mine(2)
    mined = node.mined(ether.keccak(raw))
    assert mined is not None
    assert (mined.number, mined.index) == (1, 0)
    block = node.block(mined.block)
    assert block.transactions == (raw,)
    assert (block.header.number, block.header.hash) == (1, node.block_hash(1))
    assert node.block_hash(9) is None
    assert node.send(raw) == "passed"


def test_a_block_of_many_kinds_of_transactions_is_read(chain: Anvil, node: Node) -> None:
    asked = {"from": chain.rich, "to": chain.rich, "gas": "0x186a0"}
    chain.rpc("eth_sendTransaction", asked | {"gasPrice": "0x77359400", "input": "0x01"})
    chain.rpc("eth_sendTransaction", asked | {"gasPrice": "0x77359400", "accessList": [], "type": "0x1"})
    chain.rpc("eth_sendTransaction", {"from": chain.rich, "gas": "0x186a0", "input": "0x00"})
    raw = pay().sign(SECRET)
    node.send(raw)
    chain.mine()
    mined = node.mined(ether.keccak(raw))
    assert mined is not None
    block = node.block(mined.block)
    assert len(block.transactions) == 4
    proof = ethereum.prove(1, block.header, list(block.transactions), block.transactions.index(raw))
    assert proof.check()[0].data == DATA


def test_a_type_that_is_not_known_is_asked_for_raw(chain: Anvil, relay: Relay, node: Node) -> None:
    raw = pay().sign(SECRET)
    node.send(raw)
    chain.mine()
    hash_ = node.block_hash(1)
    assert hash_ is not None

    def of_the_future(_: Any, truth: Any) -> Any:
        return truth | {"transactions": [each | {"type": "0x9"} for each in truth["transactions"]]}

    relay.says["eth_getBlockByHash"] = of_the_future
    assert node.block(hash_).transactions == (raw,)
    assert relay.asked[-1] == "eth_getRawTransactionByBlockHashAndIndex"


def test_a_node_signs_for_an_account_of_its_own(chain: Anvil, relay: Relay, node: Node) -> None:
    rich = bytes.fromhex(chain.rich[2:])
    wanted = Payment(1, rich, 0, GWEI, 30 * GWEI, gas_of(DATA), DATA)
    raw = node.sign(wanted)
    assert wanted.check(raw).data == DATA
    relay.says["eth_signTransaction"] = lambda params, truth: {"raw": truth, "tx": {}}
    assert node.sign(wanted) == raw
    relay.says["eth_signTransaction"] = lambda params, truth: f"0x{pay().sign(SECRET).hex()}"
    assert "was asked to sign: the transaction" in refusal(lambda: node.sign(wanted), Unverified).message


def test_want_of_money_and_of_price_is_said(relay: Relay, node: Node) -> None:
    poor = refusal(lambda: node.send(pay(fee=10**15).sign(SECRET)), Refused)
    assert "nsufficient funds" in poor.message
    assert poor.hint == "put more ether into the account, then try again"
    cheap = refusal(lambda: node.send(pay(tip=1, fee=1).sign(SECRET)), Refused)
    assert "max fee per gas less than block base fee" in cheap.message
    assert "--faster" in cheap.hint


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("already known", "known"),
        ("AlreadyKnown", "known"),
        ("known transaction: 9c1f", "known"),
        ("nonce too low: next nonce 8, tx nonce 7", "passed"),
        ("OldNonce", "passed"),
    ],
)
def test_what_other_nodes_say_is_understood(relay: Relay, node: Node, words: str, meaning: str) -> None:
    relay.says["eth_sendRawTransaction"] = Declines(words)
    assert node.send(pay().sign(SECRET)) == meaning


CHEAP = ["replacement transaction underpriced", "transaction underpriced: gas tip cap 1, minimum 2", "FeeTooLow"]


@pytest.mark.parametrize("words", CHEAP)
def test_too_low_a_price_has_a_hint(relay: Relay, node: Node, words: str) -> None:
    relay.says["eth_sendRawTransaction"] = Declines(words)
    assert "--faster" in refusal(lambda: node.send(pay().sign(SECRET)), Refused).hint


def test_any_other_refusal_is_told_in_its_words(relay: Relay, node: Node) -> None:
    relay.says["eth_sendRawTransaction"] = Declines("not today\x1b[31m", code=-32005)
    said = refusal(lambda: node.send(pay().sign(SECRET)), Declined)
    assert said.message == f"Ethereum node ({relay.url}) declines: not today [31m"
    assert isinstance(said, Declined)
    assert said.code == -32005
    relay.says["eth_chainId"] = Declines("the method eth_chainId does not exist", code=-32601)
    assert refusal(node.chain, Declined).message.endswith("declines: it does not know eth_chainId")


def test_without_a_suggestion_a_tip_is_a_gwei(relay: Relay, node: Node) -> None:
    relay.says["eth_maxPriorityFeePerGas"] = Declines("no", code=-32601)
    assert node.fees().tip == GWEI


def test_a_chain_from_before_the_fees_is_refused(relay: Relay, node: Node) -> None:
    relay.says["eth_getBlockByNumber"] = lambda params, truth: {k: v for k, v in truth.items() if k != "baseFeePerGas"}
    assert "knows no fees of EIP-1559" in refusal(node.fees, Refused).message


# Lies


@pytest.fixture
def mined(chain: Anvil, node: Node) -> bytes:
    """The hash of block 1, which holds a payment and another transaction."""
    chain.rpc("eth_sendTransaction", {"from": chain.rich, "to": chain.rich})
    node.send(pay().sign(SECRET))
    chain.mine(2)
    found = node.block_hash(1)
    assert found is not None
    return found


def change(**changes: Any) -> Callable[[Any, Any], Any]:
    return lambda params, truth: truth | changes


LIES: dict[str, tuple[Callable[[Any, Any], Any], type[MirrorError], str]] = {
    "another header": (change(timestamp="0x1"), Unavailable, "the fields of block 1 do not give its hash"),
    "no header": (change(stateRoot=5), Unavailable, "the block's stateRoot is not hexadecimal behind 0x"),
    "no list": (change(transactions=None), Unavailable, "without a list of its transactions"),
    "hashes alone": (change(transactions=["0x" + "00" * 32]), Unavailable, "a transaction is no JSON object"),
    "one left out": (
        lambda params, truth: truth | {"transactions": truth["transactions"][:1]}, Unverified,
        "gives block 1 with transactions that are not its own",
    ),
    "in another order": (
        lambda params, truth: truth | {"transactions": truth["transactions"][::-1]}, Unverified,
        "gives block 1 with transactions that are not its own",
    ),
    "one changed": (
        lambda params, truth: truth | {"transactions": [truth["transactions"][0] | {"nonce": "0x5"}]}, Unverified,
        "with a false transaction: what is said of a transaction does not give its hash",
    ),
    "no block": (lambda params, truth: [], Unavailable, "the block is no JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_about_a_block_is_believed(relay: Relay, node: Node, mined: bytes, lie: str) -> None:
    says, kind, words = LIES[lie]
    relay.says["eth_getBlockByHash"] = says
    error = refusal(lambda: node.block(mined), kind)
    assert words in error.message
    assert error.message.startswith(f"Ethereum node ({relay.url})")


def test_another_block_is_not_taken_for_it(chain: Anvil, relay: Relay, node: Node, mined: bytes) -> None:
    relay.says["eth_getBlockByHash"] = chain.rpc("eth_getBlockByNumber", "0x2", True)
    assert f"gives another block than 0x{mined.hex()}" in refusal(lambda: node.block(mined), Unverified).message
    relay.says["eth_getBlockByHash"] = None
    assert f"has no block 0x{mined.hex()}" in refusal(lambda: node.block(mined), Unavailable).message


def test_the_receipt_of_another_is_not_taken(relay: Relay, node: Node, mined: bytes) -> None:
    hash_ = ether.keccak(pay().sign(SECRET))
    relay.says["eth_getTransactionReceipt"] = change(transactionHash="0x" + "11" * 32)
    assert "gives the receipt of another transaction" in refusal(lambda: node.mined(hash_), Unavailable).message
    relay.says["eth_getTransactionReceipt"] = change(blockHash="0x11")
    assert "blockHash is not bytes" in refusal(lambda: node.mined(hash_), Unavailable).message
    relay.says["eth_getTransactionReceipt"] = change(blockHash=None)
    assert node.mined(hash_) is None


def test_another_hash_for_what_was_sent_is_noticed(relay: Relay, node: Node) -> None:
    relay.says["eth_sendRawTransaction"] = "0x" + "11" * 32
    error = refusal(lambda: node.send(pay().sign(SECRET)), Unavailable)
    assert "took a transaction and gives it another hash" in error.message


NONSENSE: dict[str, tuple[Any, str]] = {
    "html": (Raw(b"<html>"), "does not answer what was asked: answer is not valid JSON"),
    "a list": (Raw(b"[]"), "does not answer what was asked: answer is no JSON object"),
    "nothing": (Raw(b""), "does not answer what was asked"),
    "no result": (Raw(b'{"jsonrpc":"2.0","id":1}'), "answer to eth_chainId holds no result"),
    "another's": (Raw(b'{"jsonrpc":"2.0","id":2,"result":"0x1"}'), "answer to eth_chainId holds no result"),
    "a fault": (Raw(b"out of order", 500), "answers HTTP 500 Internal Server Error: out of order"),
    "away": (Raw(b"", 302), "sends us on to nowhere (HTTP 302)"),
    "a number": (5, "eth_chainId is not hexadecimal behind 0x"),
    "null": (None, "eth_chainId is not hexadecimal behind 0x"),
    "decimals": ("1", "eth_chainId is not hexadecimal behind 0x"),
    "no digits": ("0x", "eth_chainId is no number of 256 bits"),
    "too large": ("0x1" + "0" * 64, "eth_chainId is no number of 256 bits"),
    "10 MB": (Raw(b'{"result":"' + b"a" * 10_000_000), "answers with more than 1048576 bytes"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_no_answer_is_said_to_be_none(relay: Relay, node: Node, name: str) -> None:
    says, words = NONSENSE[name]
    relay.says["eth_chainId"] = says
    error = refusal(node.chain, Unavailable)
    assert words in error.message
    assert error.message.startswith(f"Ethereum node ({relay.url})")


def test_ten_megabytes_of_a_block_are_no_block(relay: Relay, node: Node, mined: bytes) -> None:
    relay.says["eth_getBlockByHash"] = Raw(b'{"jsonrpc":"2.0","id":1,"result":"' + b"a" * 10_000_000 + b'"}')
    assert "the block is no JSON object" in refusal(lambda: node.block(mined), Unavailable).message


def test_a_block_has_a_bound(relay: Relay, node: Node, mined: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_AT_MOST", 1000)
    assert "answers with more than 1000 bytes" in refusal(lambda: node.block(mined), Unavailable).message
    monkeypatch.undo()
    monkeypatch.setattr(module, "TRANSACTIONS_AT_MOST", 1)
    assert "without a list of its transactions" in refusal(lambda: node.block(mined), Unavailable).message
    monkeypatch.setattr(module, "TRANSACTIONS_AT_MOST", 2)
    assert len(node.block(mined).transactions) == 2


def test_a_node_that_is_gone_is_named(chain: Anvil) -> None:
    chain.stop()
    with Node(chain.url, Route()) as node:
        error = refusal(node.chain, Unavailable)
    assert error.message == f"Ethereum node ({chain.url}) cannot be reached: nobody listens there"


# What may be secret


def test_a_path_is_shown_nowhere(relay: Relay) -> None:
    with Node(f"{relay.url}/v3/a-key-of-a-provider", Route()) as node:
        assert node.chain() == 1
        assert relay.heads[-1].startswith(b"POST /v3/a-key-of-a-provider HTTP/1.1\r\n")
        relay.says["eth_chainId"] = Raw(b"no", 403)
        error = refusal(node.chain, Unavailable)
    assert error.message == f"Ethereum node ({relay.url}) does not take our credentials (HTTP 403)"
    assert error.hint == "enter them with: mirror anchor ethereum --credentials"


@pytest.mark.parametrize("status", [404, 500, 200])
def test_a_path_that_a_node_repeats_is_shown_nowhere(relay: Relay, status: int) -> None:
    body = (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no key a-key-of-a-provider in /v3/a-key-of-a-provider"}}'
    )
    relay.says["eth_chainId"] = Raw(body, status)
    with Node(f"{relay.url}/v3/a-key-of-a-provider", Route()) as node:
        error = refusal(node.chain, Unavailable)
    assert "no key … in" in error.message
    assert "a-key-of" not in error.message + str(error) + repr(error)


def test_credentials_are_shown_to_the_node_alone(relay: Relay) -> None:
    with Node(relay.url, Route(), Authorization.bearer("a-token")) as node:
        relay.says["eth_chainId"] = Declines("no a-reason")
        error = refusal(node.chain, Declined)
    assert re.search(rb"\r\nAuthorization: Bearer a-token\r\n", relay.heads[-1], re.IGNORECASE)
    assert "a-token" not in error.message + error.hint


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "http://me:sesame@127.0.0.1", "http://127.0.0.1?a=1", "127.0.0.1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="address") as caught:
        Node(url, Route())
    assert "sesame" not in caught.value.message
