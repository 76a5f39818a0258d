"""A payment: signed as another program signs it, and nothing else is taken for it."""

from dataclasses import replace

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated
from onchain import SECRET

from mirror.errors import BadSignature, Malformed, NeedsNewer, Unverified
from mirror.formats import ether, transaction
from mirror.formats.payment import REPLACING, Payment, gas_of

GWEI = 10**9
ITSELF = ether.address_of(SECRET)
DATA = "mirror/v1 announcement\nздраво\n".encode()
PAYMENT = Payment(1, ITSELF, 7, GWEI, 30 * GWEI, 60_000, DATA)
OTHER = bytes([9]) * 32


@given(st.integers(1, 2**63), st.integers(0, 2**63), st.integers(0, 2**64), st.binary(max_size=300))
def test_it_is_signed_as_another_program_signs_it(chain: int, nonce: int, tip: int, data: bytes) -> None:
    made = Payment(chain, ITSELF, nonce, tip, 2 * tip, 60_000, data)
    signer = Account.from_key(SECRET)
    asked = {name: value for name, value in made.as_request().items() if name not in ("from", "input")}
    assert made.sign(SECRET) == bytes(signer.sign_transaction(asked | {"data": data}).raw_transaction)


def test_what_a_signer_is_given() -> None:
    account = ether.address_text(ITSELF)
    assert PAYMENT.as_request() == {
        "chainId": "0x1", "from": account, "to": account, "nonce": "0x7", "value": "0x0", "type": "0x2",
        "gas": "0xea60", "maxFeePerGas": "0x6fc23ac00", "maxPriorityFeePerGas": "0x3b9aca00",
        "input": "0x" + DATA.hex(), "accessList": [],
    }  # fmt: skip


def test_what_it_can_cost() -> None:
    assert PAYMENT.at_most == 60_000 * 30 * GWEI


@pytest.mark.parametrize(
    ("data", "gas"), [(b"", 21_000), (b"\0", 21_010), (b"a", 21_040), (b"a\0" * 100, 26_000), (b"\xab" * 600, 45_000)]
)
def test_gas_is_counted_by_the_byte(data: bytes, gas: int) -> None:
    assert gas_of(data) == gas


def test_another_key_does_not_sign_it() -> None:
    with pytest.raises(Unverified, match=rf"signed by {Account.from_key(OTHER).address}, not by 0x"):
        PAYMENT.sign(OTHER)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(PAYMENT, chain=5), "another chain"),
        (replace(PAYMENT, nonce=8), "another nonce"),
        (replace(PAYMENT, data=DATA + b"x"), "another data"),
        (replace(PAYMENT, tip=2 * GWEI), "another price"),
        (replace(PAYMENT, gas=60_001, fee=31 * GWEI), "another price and gas"),
    ],
)
def test_another_payment_is_not_taken_for_it(other: Payment, words: str) -> None:
    raw = other.sign(SECRET)
    with pytest.raises(Unverified, match=f"is not the one that was to be signed: {words}$"):
        PAYMENT.check(raw)


def test_another_receiver_or_value_is_not_taken_for_it() -> None:
    asked = {**PAYMENT.as_request(), "to": "0x" + "11" * 20, "value": 5, "data": DATA}
    raw = Account.from_key(SECRET).sign_transaction({k: v for k, v in asked.items() if k not in ("from", "input")})
    with pytest.raises(Unverified, match="another receiver and value"):
        PAYMENT.check(bytes(raw.raw_transaction))


def test_its_own_is_taken() -> None:
    raw = PAYMENT.sign(SECRET)
    found = PAYMENT.check(raw)
    assert (bytes(found), found.to, found.data, found.sender()) == (raw, ITSELF, DATA, ITSELF)


SIGNED = PAYMENT.sign(SECRET)


@given(mutated(st.just(SIGNED)))
def test_no_change_of_what_was_signed_is_taken(raw: bytes) -> None:
    if raw == SIGNED:
        return
    with pytest.raises((Malformed, NeedsNewer, BadSignature, Unverified)) as refusal:
        PAYMENT.check(raw)
    assert refusal.value.message


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_faster_one_offers_enough_more(tip: int, fee: int, base: int, asked: int) -> None:
    before = replace(PAYMENT, tip=tip, fee=fee + tip)
    after = before.faster(base, asked)
    assert replace(after, tip=before.tip, fee=before.fee) == before
    assert after.tip * REPLACING >= before.tip * (REPLACING + 1)
    assert after.fee * REPLACING >= before.fee * (REPLACING + 1)
    assert after.tip >= asked
    assert after.fee >= 2 * base + asked
    assert after.fee >= after.tip
    assert transaction.parse(after.sign(SECRET)).fee == after.fee
