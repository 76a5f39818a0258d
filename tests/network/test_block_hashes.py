"""Hashes of Ethereum's blocks from several nodes: each by its own word, a real one and one that lies."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from daemons import Anvil
from relay import Raw, Relay

from mirror.formats.heads import Said
from mirror.network.headers import Endpoints
from mirror.network.http import Route

ROUTE = Route(None, time.monotonic)


@pytest.fixture
def liar(chain: Anvil) -> Iterator[Relay]:
    """A node that says what the real one says, until it is told otherwise."""
    with Relay(chain) as relay:
        yield relay


def ask(*urls: str, chain: int = 1, height: int = 2) -> tuple[Said, ...]:
    with Endpoints(ROUTE, ethereum=urls) as asked:
        return asked.ethereum(chain, height)


def test_each_node_says_the_hash_of_its_block(chain: Anvil, liar: Relay) -> None:
    chain.mine(3)
    truth = bytes.fromhex(chain.rpc("eth_getBlockByNumber", "0x2", False)["hash"].removeprefix("0x"))
    one, other = ask(chain.url, liar.url)
    assert (one.value, other.value) == (truth, truth)
    assert chain.url in one.who
    assert liar.url in other.who


def test_that_there_is_no_such_block_is_an_answer(chain: Anvil) -> None:
    (said,) = ask(chain.url, height=999)
    assert said.value == b""
    assert said.words.endswith("has no block 999")


def test_another_chain_is_no_answer(chain: Anvil) -> None:
    chain.mine(3)
    (said,) = ask(chain.url, chain=5)
    assert said.value is None
    assert said.words.endswith("is on chain 1, not on 5")


def test_a_hash_that_its_header_does_not_give_is_no_answer(chain: Anvil, liar: Relay) -> None:
    chain.mine(3)

    def with_another_root(params: Any, truth: Any) -> Any:
        return truth | {"transactionsRoot": "0x" + "00" * 32}

    liar.says["eth_getBlockByNumber"] = with_another_root
    (said,) = ask(liar.url)
    assert said.value is None
    assert liar.url in said.words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Raw(b"<html>"), "does not answer what was asked"),
        (Raw(bytes(10_000_000)), "answers with more than"),
        (Raw(b"", 503), "HTTP 503"),
    ],
    ids=["a page", "10 MB", "503"],
)
def test_what_is_no_answer_is_none(liar: Relay, answer: Raw, words: str) -> None:
    liar.says["eth_getBlockByNumber"] = answer
    (said,) = ask(liar.url)
    assert said.value is None
    assert words in said.words


def test_one_that_is_silent_takes_nothing_from_the_others(chain: Anvil) -> None:
    chain.mine(3)
    one, silent = ask(chain.url, "http://127.0.0.1:1")
    assert one.value
    assert (silent.value, "127.0.0.1:1" in silent.words) == (None, True)
