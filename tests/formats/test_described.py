"""Transactions as nodes describe them: of every type, back to the bytes that another program signed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onchain import SECRET

from mirror.errors import Malformed, NeedsNewer, Unverified
from mirror.formats import ether, transaction
from mirror.formats.described import number_of, raw_of

TO, KEY = "0x" + "Ab" * 20, "0x" + "22" * 32
COMMON: dict[str, Any] = {"nonce": "0x7", "gas": "0xea60", "value": "0x1", "input": "0xd0b7D0b4", "to": TO}
FEES = {"maxFeePerGas": "0x6fc23ac00", "maxPriorityFeePerGas": "0x3b9aca00", "chainId": "0x1"}
ACCESS = {"accessList": [{"address": TO, "storageKeys": [KEY]}, {"address": TO, "storageKeys": []}]}
ALLOWED = {"chainId": "0x1", "address": TO, "nonce": "0x8", "yParity": "0x1", "r": "0x5", "s": "0x6"}
SAID: dict[str, dict[str, Any]] = {
    "first kind": {**COMMON, "gasPrice": "0x3b9aca00"},
    "EIP-155": {**COMMON, "gasPrice": "0x3b9aca00", "chainId": "0x1"},
    "creation": {**COMMON, "gasPrice": "0x3b9aca00", "to": None},
    "2930": {**COMMON, **ACCESS, "gasPrice": "0x3b9aca00", "chainId": "0x1", "type": "0x1"},
    "1559": {**COMMON, **ACCESS, **FEES, "type": "0x2"},
    "4844": {**COMMON, **ACCESS, **FEES, "type": "0x3", "maxFeePerBlobGas": "0x1", "blobVersionedHashes": [KEY]},
    "7702": {**COMMON, **ACCESS, **FEES, "type": "0x4", "authorizationList": [ALLOWED]},
}


def unsigned(said: dict[str, Any]) -> bytes:
    """What stands before the signature, by a spelling of its own, and its digest's input."""

    def number(name: str) -> bytes:
        return ether.number(int(said[name], 16))

    def data(text: str | None) -> bytes:
        return bytes.fromhex((text or "0x")[2:])

    kind = int(said.get("type", "0x0"), 16)
    prices = ["gasPrice"] if kind < 2 else ["maxPriorityFeePerGas", "maxFeePerGas"]
    fields: list[Any] = [] if kind == 0 else [number("chainId")]
    fields += [number("nonce"), *map(number, prices), number("gas"), data(said["to"]), number("value")]
    fields.append(data(said["input"]))
    if kind:
        fields.append(
            [[data(each["address"]), [data(key) for key in each["storageKeys"]]] for each in said["accessList"]]
        )
    if kind == 3:
        fields += [number("maxFeePerBlobGas"), [data(each) for each in said["blobVersionedHashes"]]]
    if kind == 4:
        fields.append([[b"\1", data(TO), b"\x08", b"\1", b"\5", b"\6"]])
    return json.dumps([kind, _texts(fields)]).encode()


def _texts(item: Any) -> Any:
    return item.hex() if isinstance(item, bytes) else [_texts(each) for each in item]


def _bytes(item: Any) -> Any:
    return bytes.fromhex(item) if isinstance(item, str) else [_bytes(each) for each in item]


def signed(name: str) -> tuple[dict[str, Any], bytes]:
    """A description with a signature and a hash, and the raw bytes that it is of."""
    said = SAID[name]
    kind, fields = json.loads(unsigned(said))
    fields = _bytes(fields)
    prefix = bytes([kind]) if kind else b""
    tail = [b"\1", b"", b""] if kind == 0 and "chainId" in said else []
    parity, r, s = ether.sign(ether.keccak(prefix + ether.encode(fields + tail)), SECRET)
    v = parity + (0 if kind else 37 if tail else 27)
    raw = prefix + ether.encode([*fields, *map(ether.number, (v, r, s))])
    signature = {"v": hex(v), "r": hex(r), "s": hex(s)} | ({"yParity": hex(v)} if kind else {})
    more = {"blockNumber": "0x10", "from": TO, "blockHash": None, "transactionIndex": "0x0", "blockTimestamp": 5}
    return {**said, **signature, **more, "hash": "0x" + ether.keccak(raw).hex()}, raw


def outcome(said: dict[str, Any]) -> bytes | str:
    try:
        return raw_of(said)
    except (Malformed, NeedsNewer, Unverified):
        return "refused"


@pytest.mark.parametrize("name", SAID)
def test_every_type_comes_back(name: str) -> None:
    said, raw = signed(name)
    assert raw_of(said) == raw
    found = transaction.parse(raw)
    assert found.sender() == ether.address_of(SECRET)
    assert found.data == bytes.fromhex("d0b7d0b4")


def test_older_names_are_known() -> None:
    said, raw = signed("1559")
    said["data"] = said.pop("input")
    del said["yParity"]
    assert raw_of(said) == raw


@pytest.mark.parametrize("name", SAID)
def test_no_change_of_a_description_gives_another_transaction(name: str) -> None:
    said, raw = signed(name)
    for key in said:
        for other in ("0x", "0x1", "0xzz", "", None, 5, [], {}, [5], [{}]):
            assert outcome({**said, key: other}) in ("refused", raw)


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["0x", "0x1", TO, KEY]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(signed("7702")[0])), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(SAID)), st.dictionaries(st.sampled_from(sorted(signed("7702")[0])), JSONISH, min_size=1))
def test_whatever_a_node_says_gives_those_bytes_or_an_error(name: str, changes: dict[str, Any]) -> None:
    said, raw = signed(name)
    assert outcome(said | changes) in ("refused", raw)


def test_the_errors_say_what_is_wrong() -> None:
    said, _ = signed("1559")
    with pytest.raises(Unverified, match="what is said of a transaction does not give its hash"):
        raw_of({**said, "nonce": "0x8"})
    with pytest.raises(NeedsNewer, match="a transaction of type 9, which this version does not know"):
        raw_of({**said, "type": "0x9"})
    with pytest.raises(Malformed, match="gas is not hexadecimal behind 0x"):
        raw_of({**said, "gas": 5})
    with pytest.raises(Malformed, match="accessList is no list of objects"):
        raw_of({**said, "accessList": [5]})


def test_numbers_are_bounded() -> None:
    assert number_of({"a": "0x" + "f" * 64}, "a") == 2**256 - 1
    with pytest.raises(Malformed, match="a is no number of 256 bits"):
        number_of({"a": "0x1" + "0" * 64}, "a")
    with pytest.raises(Malformed, match="a is no number of 64 bits"):
        number_of({"a": "0x1" + "0" * 16}, "a", 64)
