"""Transactions of every type, as another program signs them; hash and sender are its own."""

from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated
from onchain import SECRET, make_payment

from mirror.errors import BadSignature, Malformed, NeedsNewer
from mirror.formats import ether, transaction

ACCOUNT = Account.from_key(SECRET)
TO = "0x" + "11" * 20
ACCESS = [{"address": TO, "storageKeys": ["0x" + "22" * 32, "0x" + "00" * 32]}, {"address": TO, "storageKeys": []}]
FEES = {"maxFeePerGas": 3 * 10**10, "maxPriorityFeePerGas": 10**9}
COMMON = {"nonce": 7, "gas": 60_000, "value": 1, "data": b"\xd0\xb7\xd0\xb4\xd1\x80\xd0\xb0\xd0\xb2\xd0\xbe"}
BLOB = {"maxFeePerBlobGas": 1, "blobVersionedHashes": [b"\x01" + b"\x33" * 31]}

ASKED: dict[str, dict[str, Any]] = {
    "first kind": {**COMMON, "to": TO, "gasPrice": 10**9},
    "EIP-155": {**COMMON, "to": TO, "gasPrice": 10**9, "chainId": 1},
    "EIP-155, far": {**COMMON, "to": TO, "gasPrice": 10**9, "chainId": 31337},
    "creation": {**COMMON, "to": b"", "gasPrice": 10**9, "chainId": 1},
    "2930": {**COMMON, "to": TO, "gasPrice": 10**9, "chainId": 1, "accessList": ACCESS, "type": 1},
    "1559": {**COMMON, "to": TO, **FEES, "chainId": 1, "accessList": ACCESS, "type": 2},
    "1559, creation": {**COMMON, "to": b"", **FEES, "chainId": 5, "type": 2},
    "4844": {**COMMON, "to": TO, **FEES, **BLOB, "chainId": 1, "type": 3},
    "7702": {**COMMON, "to": TO, **FEES, "chainId": 1, "type": 4},
}


def sign(name: str) -> Any:
    """What eth-account makes of one of them: `.raw_transaction`, `.hash`."""
    asked = dict(ASKED[name])
    if name == "7702":
        allowed = {"chainId": 1, "address": TO, "nonce": 8}
        asked["authorizationList"] = [ACCOUNT.sign_authorization(allowed)]
    return ACCOUNT.sign_transaction(asked)


RAWS = {name: bytes(sign(name).raw_transaction) for name in ASKED}


@pytest.mark.parametrize("name", ASKED)
def test_every_type_is_read_as_another_program_wrote_it(name: str) -> None:
    asked, signed = ASKED[name], sign(name)
    found = transaction.parse(RAWS[name])
    assert bytes(found) == RAWS[name]
    assert found.hash == bytes(signed.hash)
    assert ether.address_text(found.sender()) == ACCOUNT.address
    assert (found.type, found.chain) == (asked.get("type", 0), asked.get("chainId"))
    assert (found.nonce, found.gas, found.value, found.data) == (7, 60_000, 1, asked["data"])
    assert found.to == (bytes.fromhex(TO[2:]) if asked["to"] else None)
    assert found.fee == asked.get("maxFeePerGas", 10**9)
    assert found.tip == 10**9
    assert (found.r, found.s) == (signed.r, signed.s)


def test_the_tests_sign_as_another_program_does() -> None:
    asked = {
        **FEES,
        "chainId": 1,
        "type": 2,
        "nonce": 0,
        "gas": 60_000,
        "value": 0,
        "data": b"x",
        "to": ACCOUNT.address,
    }
    assert make_payment(b"x") == bytes(ACCOUNT.sign_transaction(asked).raw_transaction)


@given(st.binary(max_size=200) | mutated(st.sampled_from(list(RAWS.values()))))
def test_what_is_read_prints_back(data: bytes) -> None:
    try:
        found = transaction.parse(data)
    except (Malformed, NeedsNewer):
        return
    assert bytes(found) == data


@pytest.mark.parametrize("name", ASKED)
def test_no_change_of_a_byte_keeps_hash_or_sender(name: str) -> None:
    raw = RAWS[name]
    before, kept = transaction.parse(raw), 0
    for at in range(len(raw)):
        try:
            found = transaction.parse(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
            kept += found.hash == before.hash or (at % 8 == 0 and found.sender() == before.sender())
        except (Malformed, NeedsNewer, BadSignature):
            continue
    assert kept == 0


def fields_of(name: str) -> tuple[bytes, list[Any]]:
    """The type's byte, and the items behind it."""
    found = transaction.parse(RAWS[name])
    return RAWS[name][: found.type > 0], list(found.fields)


WRONG = [
    ("1559", 0, b"\0\1", "the transaction's chain is no number of 64 bits in the fewest bytes"),
    ("1559", 1, b"\1" + bytes(8), "the transaction's nonce is no number of 64 bits in the fewest bytes"),
    ("1559", 2, [], "the transaction's price of gas is not bytes"),
    ("1559", 5, b"\1", "the transaction's receiver is not bytes, 0 or 20 of them"),
    ("1559", 7, [], "the transaction's data is not bytes"),
    ("1559", 8, b"", "the access list is not a list"),
    ("1559", 8, [[b"", []]], "an address of the access list is not bytes, 20 of them"),
    ("1559", 8, [[bytes(20), [b""]]], "a key of the access list is not bytes, 32 of them"),
    ("1559", 8, [[bytes(20)]], "an entry of the access list is not a list of 2"),
    ("1559", 9, b"\2", "a transaction whose parity is 2"),
    ("1559", 10, b"\1" + bytes(32), "the transaction's r is no number of 256 bits in the fewest bytes"),
    ("2930", 7, b"", "the access list is not a list"),
    ("4844", 5, b"", "the transaction's receiver is not bytes, 20 of them"),
    ("4844", 10, [b""], "a blob's hash is not bytes, 32 of them"),
    ("7702", 5, b"", "the transaction's receiver is not bytes, 20 of them"),
    ("7702", 9, [[]], "an authorization is not a list of 6"),
    ("first kind", 6, b"\x1d", "a transaction whose v is 29"),
    ("first kind", 6, b"\x22", "a transaction whose v is 34"),
]


@pytest.mark.parametrize(
    ("name", "at", "item", "words"), WRONG, ids=[f"{name} {at} {n}" for n, (name, at, *_) in enumerate(WRONG)]
)
def test_a_field_that_is_not_of_its_form_is_refused(name: str, at: int, item: Any, words: str) -> None:
    kind, fields = fields_of(name)
    fields[at] = item
    with pytest.raises(Malformed, match=f"^{words}$"):
        transaction.parse(kind + ether.encode(fields))


@pytest.mark.parametrize("name", ASKED)
def test_a_field_too_many_or_too_few_is_refused(name: str) -> None:
    kind, fields = fields_of(name)
    for wrong in (fields[:-1], [*fields, b""]):
        with pytest.raises(Malformed, match="the transaction is not a list of"):
            transaction.parse(kind + ether.encode(wrong))


def test_what_is_none_is_refused_and_a_later_type_is_newer() -> None:
    for data in (b"", b"\0", b"\x80", b"\xbf"):
        with pytest.raises(Malformed, match="no transaction: it begins with neither a type nor a list"):
            transaction.parse(data)
    with pytest.raises(NeedsNewer, match="a transaction of type 5, which this version does not know"):
        transaction.parse(b"\x05" + RAWS["1559"][1:])
    with pytest.raises(Malformed, match="a transaction of more than 1048576 bytes"):
        transaction.parse(b"\x02" + bytes(transaction.TRANSACTION_AT_MOST))
