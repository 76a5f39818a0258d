"""RLP read strictly and printed back; hashes, addresses and signatures compared with other programs'."""

import pytest
import rlp
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated
from onchain import SECRET

from mirror.errors import BadSignature, Malformed, Unavailable
from mirror.formats import ether

ITEMS = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=30)

SPELLINGS = [
    (b"", "80"),
    (b"\0", "00"),
    (b"\x7f", "7f"),
    (b"\x80", "8180"),
    (b"dog", "83646f67"),
    ([b"cat", b"dog"], "c88363617483646f67"),
    ([], "c0"),
    ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
    (b"a" * 55, "b7" + "61" * 55),
    (b"a" * 56, "b838" + "61" * 56),
    ([b"a"] * 56, "f838" + "61" * 56),
]

MALFORMED = [
    ("", "RLP is cut off at byte 0"),
    ("c2", "RLP is cut off: what begins at byte 0 ends at 3, behind 1"),
    ("81", "RLP is not canonical RLP at byte 0"),
    ("b9ff", "RLP is cut off: what begins at byte 0 ends at 258, behind 2"),
    ("8161", "RLP is not canonical RLP at byte 0"),
    ("b80161", "RLP is not canonical RLP at byte 0"),
    ("b90038" + "61" * 56, "RLP is not canonical RLP at byte 0"),
    ("f80161", "RLP is not canonical RLP at byte 0"),
    ("bf", "RLP is not canonical RLP at byte 0"),
    ("8361", "RLP is cut off: what begins at byte 0 ends at 4, behind 2"),
    ("c28361", "RLP is cut off: what begins at byte 1 ends at 5, behind 3"),
    ("c18180", "RLP is cut off: what begins at byte 1 ends at 3, behind 2"),
    ("8080", "RLP has 1 bytes behind its end"),
    ("c0c0", "RLP has 1 bytes behind its end"),
]


@pytest.mark.parametrize(("item", "spelled"), SPELLINGS, ids=[spelled[:12] for _, spelled in SPELLINGS])
def test_an_item_is_spelled_as_the_yellow_paper_says(item: ether.Item, spelled: str) -> None:
    assert ether.encode(item).hex() == spelled
    assert ether.decode(bytes.fromhex(spelled)) == item


@pytest.mark.parametrize(("spelled", "words"), MALFORMED, ids=[spelled[:12] or "empty" for spelled, _ in MALFORMED])
def test_every_other_spelling_is_refused(spelled: str, words: str) -> None:
    with pytest.raises(Malformed, match=f"^{words}$"):
        ether.decode(bytes.fromhex(spelled))


@given(ITEMS)
def test_it_says_what_the_library_says(item: ether.Item) -> None:
    assert ether.encode(item) == rlp.encode(item)
    assert ether.decode(rlp.encode(item)) == item


@given(st.binary(max_size=60) | mutated(ITEMS.map(ether.encode)))
def test_it_refuses_what_the_library_refuses(data: bytes) -> None:
    try:
        found = rlp.decode(data)
    except (rlp.DecodingError, IndexError):
        with pytest.raises(Malformed, match=r"RLP (is|has) "):
            ether.decode(data)
    else:
        assert ether.decode(data) == found


@given(st.binary(max_size=200) | mutated(ITEMS.map(ether.encode)))
def test_what_is_read_prints_back(data: bytes) -> None:
    assert_strict(ether.decode, data, ether.encode)


def test_a_list_of_many_items_takes_no_longer_than_its_length() -> None:
    many = [b"a"] * 1_000_000
    assert ether.decode(ether.encode(many)) == many


def test_bounds_refuse() -> None:
    deep = b"\xc0"
    for _ in range(ether.DEPTH_AT_MOST):
        deep = ether.encode([ether.decode(deep)])
    assert ether.encode(ether.decode(deep)) == deep
    with pytest.raises(Malformed, match="RLP is nested more than 16 deep at byte"):
        ether.decode(bytes([deep[0] + 1]) + deep)
    with pytest.raises(Malformed, match="RLP has more than 2097152 bytes"):
        ether.decode(bytes(ether.RLP_AT_MOST + 1))


def test_items_are_of_the_kind_that_is_asked_for() -> None:
    assert ether.as_number(b"\x01\x00", "it") == 256
    assert ether.number(0) == b""
    with pytest.raises(Malformed, match="it is no number of 64 bits in the fewest bytes"):
        ether.as_number(b"\0", "it")
    with pytest.raises(Malformed, match="it is no number of 8 bits in the fewest bytes"):
        ether.as_number(b"\1\0", "it", 8)
    with pytest.raises(Malformed, match="it is not bytes, 20 or 32 of them"):
        ether.as_bytes(b"\0", "it", 20, 32)
    with pytest.raises(Malformed, match="it is not a list of 2 or 17"):
        ether.as_list([], "it", 2, 17)


def test_keccak_is_the_one_before_the_standard() -> None:
    assert ether.keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32).filter(lambda key: 0 < key[0] < 255))
def test_a_signature_leads_back_to_the_address_that_others_give_its_key(digest: bytes, secret: bytes) -> None:
    address = ether.address_of(secret)
    assert ether.recover(digest, *ether.sign(digest, secret)) == address
    assert ether.address_text(address) == Account.from_key(secret).address


@pytest.mark.parametrize("parts", [(2, 1, 1), (0, 0, 1), (0, 1, 0), (0, 2**256 - 1, 1), (0, 5, 1)])
def test_what_no_key_signed_has_no_sender(parts: tuple[int, int, int]) -> None:
    with pytest.raises(BadSignature, match="the transaction's signature is of no key"):
        ether.recover(bytes(32), *parts)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, SECRET[1:]], ids=["zero", "too large", "short"])
def test_what_is_no_secret_key_is_refused(secret: bytes) -> None:
    with pytest.raises(Malformed, match="the secret key is"):
        ether.address_of(secret)


def test_without_its_library_a_hash_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ether, "_keccak", None)
    with pytest.raises(Unavailable, match=r"needs testimony-mirror\[ethereum\]") as refusal:
        ether.keccak(b"")
    assert refusal.value.hint == "in mirror's checkout: pip install '.[ethereum]'"
