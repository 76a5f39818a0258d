"""Keys are compared whole, sign typed statements only, verify strictly and are never shown."""

import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nacl
import pytest
from c2sp import load, vectors
from edwards import PRIME, add, point_of
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated
from nacl import bindings

from mirror.errors import BadSignature, Malformed, MirrorError, Refused
from mirror.formats import key, wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, SecretKey, Statement

SEEDS = st.binary(min_size=32, max_size=32)
MIRROR_NAMES = st.text("abcxyz019._~/-", min_size=1, max_size=20).filter(lambda name: name not in key._RESERVED)
SECRET = key.generate("voices.example/archive", bytes(range(32)))


@dataclass(frozen=True)
class Said(Statement):
    """A statement that any key of the right name may sign."""

    words: bytes
    by: str = SECRET.name

    def signed_bytes(self, signer: PublicKey) -> bytes:
        if signer.name != self.by:
            raise Refused("not this key's to say")
        return self.words


@given(MIRROR_NAMES, SEEDS)
def test_vkeys_and_skeys_round_trip(name: str, seed: bytes) -> None:
    secret = key.generate(name, seed)
    assert key.parse_skey(secret.skey) == secret
    assert key.parse_vkey(secret.public.vkey) == secret.public
    assert str(secret.public) == secret.public.vkey


@given(st.text(max_size=60) | mutated(st.just(SECRET.public.vkey.encode())).map(lambda b: b.decode("latin-1")))
def test_a_vkey_has_one_spelling(text: str) -> None:
    assert_strict(key.parse_vkey, text, str)


@given(st.text(max_size=60) | mutated(st.just(SECRET.skey.encode())).map(lambda b: b.decode("latin-1")))
def test_an_skey_has_one_spelling(text: str) -> None:
    assert_strict(key.parse_skey, text, lambda secret: secret.skey)


def vkey_of(name: str, typed: bytes) -> str:
    return f"{name}+{wire.encode_hex(key._key_id(name, typed))}+{wire.encode_base64(typed)}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a vkey: name, key ID and base64"),
        ("name+00000000", "not a vkey: name, key ID and base64"),
        ("name+0000000+AQ==", "not a vkey: "),
        ("name+0000000G+AQ==", "not a vkey: "),
        ("name+00000000+AQ=", "not a vkey: "),
        (SECRET.public.vkey + "\n", "not a vkey: "),
        (SECRET.public.vkey.upper(), "not a vkey: "),
        ("+00000000+AQ==", "not a vkey: "),
        ("a b+00000000+AQ==", "not a vkey: "),
        ("a\u3000b+00000000+AQ==", "not a vkey: "),
        ("a\udc80b+00000000+AQ==", "not a vkey: "),
        ("name+" + SECRET.public.vkey.split("+", 1)[1], "carries a key ID that does not follow from its key"),
        (vkey_of("name", b"\x01" + bytes(31)), "is not an Ed25519 key of 32 bytes"),
        (vkey_of("name", b"\x04" + SECRET.public.raw), "is not an Ed25519 key of 32 bytes"),
        (vkey_of("name", b"\x06" + bytes(1312)), "not a vkey: "),
    ],
)
def test_other_vkeys_are_refused(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        key.parse_vkey(text)


@pytest.mark.parametrize("name", ["", "a b", "a\u3000b", "a\u00a0b", "a\n", "a+b", "a\udc80b"])
def test_names_that_no_note_has(name: str) -> None:
    with pytest.raises(Malformed, match="not a key name: "):
        PublicKey(name, SECRET.public.raw)
    with pytest.raises(Malformed, match="not a key name: "):
        key.parse_note_name(name)
    assert key.parse_note_name("Голоса") == "Голоса"


def test_the_length_of_a_vkey_is_bounded() -> None:
    rest = len(vkey_of("n", b"\x01" + SECRET.public.raw)) - 1
    longest = "n" * (key.VKEY_AT_MOST - rest)
    assert key.parse_vkey(vkey_of(longest, b"\x01" + SECRET.public.raw)).name == longest
    with pytest.raises(Malformed, match="not a vkey: "):
        key.parse_vkey(vkey_of(longest + "n", b"\x01" + SECRET.public.raw))


@pytest.mark.parametrize("name", ["a", "a" * 255, "voices.example/archive", "~-_./", "0"])
def test_names_that_a_mirror_may_have(name: str) -> None:
    assert key.parse_name(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "not a name of 1 to 255 letters"),
        ("a" * 256, "not a name of 1 to 255 letters"),
        ("Voices", "not a name"),
        ("голоса", "not a name"),
        ("a+b", "not a name"),
        ("a b", "not a name"),
        ("a\n", "not a name"),
        ("mirror/v1", "the name mirror/v1 is reserved"),
        ("cosignature/v1", "the name cosignature/v1 is reserved"),
    ],
)
def test_names_that_no_mirror_has(name: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        key.parse_name(name)
    with pytest.raises(Malformed, match=words):
        key.generate(name, bytes(32))


def test_the_ipns_name_is_the_key() -> None:
    name = SECRET.public.ipns
    assert name == CID(bytes.fromhex("0172002408011220") + SECRET.public.raw)
    assert str(name).startswith("k51qzi5uqu5d")
    assert name.digest[4:] == SECRET.public.raw


def test_two_keys_of_one_name_and_key_id_are_two_keys() -> None:
    one, other = SECRET.public, key.generate(SECRET.name, bytes(32)).public
    other.__dict__["id"] = one.id
    assert one.id == other.id
    assert one != other


# What a key signs


@given(SEEDS, st.binary(max_size=64))
def test_what_is_signed_verifies_and_nothing_else(seed: bytes, words: bytes) -> None:
    secret = key.generate(SECRET.name, seed)
    signature = secret.sign(Said(words))
    secret.public.verify(words, signature)
    assert signature == bindings.crypto_sign(words, seed + secret.public.raw)[:64]
    for other in (words + b"x", b"x" + words):
        with pytest.raises(BadSignature, match=r"the signature by voices\.example/archive is not valid"):
            secret.public.verify(other, signature)
    with pytest.raises(BadSignature, match="is not valid"):
        secret.public.verify(words, signature[:32] + bytes(32))
    for length in (0, 63, 65):
        with pytest.raises(BadSignature, match=f"of {length} bytes, not 64"):
            secret.public.verify(words, (signature + b"x")[:length])


def test_a_key_does_not_sign_what_is_not_its_to_say() -> None:
    with pytest.raises(Refused, match="not this key's to say"):
        SECRET.sign(Said(b"words", by="someone.else"))


# Nothing shows a secret


def forms_of(seed: bytes) -> list[str]:
    typed = wire.encode_base64(key.ED25519 + seed)
    return [repr(seed)[2:-1], seed.hex(), wire.encode_base64(seed)[:20], typed[:20], typed[12:32]]


def test_a_secret_key_never_prints_itself() -> None:
    assert SECRET.public.vkey in repr(SECRET) or "voices.example/archive" in repr(SECRET)
    for shown in (repr(SECRET), str(SECRET), f"{SECRET}", repr([SECRET]), repr(replace(SECRET))):
        assert not [form for form in forms_of(SECRET.seed) if form in shown]


@given(st.integers(0, len(SECRET.skey) - 1), st.sampled_from("A=+ \n²") | st.just(""))
def test_no_error_shows_what_stood_in_a_bad_skey(at: int, put: str) -> None:
    text = SECRET.skey[:at] + put + SECRET.skey[at + 1 :]
    for parse in (key.parse_skey, key.parse_vkey):
        assert not [form for form in forms_of(SECRET.seed) if form in told_by(parse, text)]


def told_by(parse: Callable[[str], object], text: str) -> str:
    """All that is printed of what went wrong, if anything did."""
    try:
        parse(text)
    except MirrorError as error:
        return error.hint + "".join(traceback.format_exception(error))
    return ""


def test_a_secret_key_in_the_place_of_a_vkey_is_not_shown() -> None:
    with pytest.raises(Malformed, match="a secret key stands where a vkey is wanted; keep it to yourself"):
        key.parse_vkey(SECRET.skey)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it does not begin with PRIVATE"),
        (SECRET.public.vkey, "it does not begin with PRIVATE"),
        ("PRIVATE+KEY+name", "name, key ID and base64, joined by plus signs, are not what"),
        ("PRIVATE+KEY+" + vkey_of("name", b"\x01" + bytes(31)), "it is not an Ed25519 seed of 32 bytes"),
        ("PRIVATE+KEY+" + vkey_of("name", b"\x02" + bytes(32)), "it is not an Ed25519 seed of 32 bytes"),
        ("PRIVATE+KEY+" + vkey_of("name", b"\x01" + bytes(32)), "its key ID does not follow from its seed"),
    ],
)
def test_other_skeys_are_refused(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=f"^not a secret key: {words}"):
        key.parse_skey(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed, match=f"a key's seed of {length} bytes, not 32"):
        key.generate("name", bytes(length))


# Points that are no keys


def point(y: int, sign: int = 0) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def order(y: int) -> int:
    """The order of the points with this y, if it is at most 8."""
    found = first = point_of(point(y))
    count = 1
    while found != (0, 1):
        found, count = add(found, first), count + 1
        assert count <= 8
    return count


def test_the_points_of_small_order_are_all_eight_of_the_curve() -> None:
    """One of order 1, one of 2, two of order 4 (of one y), four of order 8 (of two)."""
    assert {1: 1, PRIME - 1: 2, 0: 4}.items() <= {y: order(y) for y in key._SMALL_ORDER_Y}.items()
    assert sorted(map(order, key._SMALL_ORDER_Y)) == [1, 2, 4, 8, 8]


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", sorted(key._SMALL_ORDER_Y))
def test_keys_of_small_order_are_refused(y: int, sign: int) -> None:
    with pytest.raises(Malformed, match="a public key of small order: anyone could sign with it"):
        PublicKey("name", point(y, sign))


@pytest.mark.parametrize("sign", [0, 1])
def test_keys_spelled_otherwise_are_refused(sign: int) -> None:
    for y in (PRIME, PRIME + 1, 2**255 - 1):
        with pytest.raises(Malformed, match="a public key that is not spelled canonically"):
            PublicKey("name", point(y, sign))
    PublicKey("name", point(PRIME - 2, sign))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed, match=f"a public key of {length} bytes, not 32"):
        PublicKey("name", bytes(length))


# Vectors of others


INVALID_WHERE = {"low_order_R", "low_order_A", "low_order_residue", "non_canonical_A", "non_canonical_R"}
"""What makes a signature invalid here: A or R of small order or of another spelling, or an equation that only the
cofactor saves. (Points with a small component are good; ``reencoded_k`` needs a point of another spelling.)"""


def libsodium() -> str:
    """Which libsodium is at work, as far as it tells: PyNaCl's version, and the library's where it stands in it."""
    found = re.search(rb"\b1\.0\.(?:1[0-9]|2[0-9])\b", Path(nacl._sodium.__file__).read_bytes())
    return f"PyNaCl {nacl.__version__}, libsodium {found[0].decode() if found else 'that comes with it'}"


@pytest.mark.parametrize("library", [pytest.param(libsodium(), id=libsodium())])
def test_edge_cases_of_ed25519_are_judged_by_the_written_rule(library: str) -> None:
    cases = load(vectors("ed25519/ed25519vectors.json"))
    wrong = [case["number"] for case in cases if accepts(case) is bool(INVALID_WHERE & set(case["flags"] or ()))]
    assert not wrong, f"{library} judges {len(wrong)} of {len(cases)} signatures otherwise: {wrong[:10]}"
    assert (len(cases), sum(map(accepts, cases))) == (914, 43)


def accepts(case: dict[str, str]) -> bool:
    try:
        PublicKey("name", bytes.fromhex(case["key"])).verify(case["msg"].encode(), bytes.fromhex(case["sig"]))
    except (Malformed, BadSignature):
        return False
    return True


def test_a_key_that_can_sign_nothing_honestly_is_not_even_held() -> None:
    """Not only libsodium refuses such keys when it verifies: reading one fails."""
    for case in load(vectors("ed25519/ed25519vectors.json")):
        bad = {"low_order_A", "non_canonical_A"} & set(case["flags"] or ())
        assert holds(bytes.fromhex(case["key"])) is not bool(bad), case["number"]


def holds(raw: bytes) -> bool:
    try:
        PublicKey("name", raw)
    except Malformed:
        return False
    return True


def test_a_scalar_beyond_the_order_is_no_signature() -> None:
    signature = SECRET.sign(Said(b"words"))
    order = 2**252 + 27742317777372353535851937790883648493
    beyond = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(BadSignature, match="is not valid"):
        SECRET.public.verify(b"words", signature[:32] + beyond)


def test_keys_of_the_go_note_package() -> None:
    given_ = load(vectors("signed-note/xmod.json"))
    peter = key.parse_vkey(given_["vkeys"]["peter"])
    assert key.parse_skey(given_["skeys"]["peter"]).public == peter
    assert key.parse_vkey(given_["vkeys"]["enoch"]).name == "EnochRoot"
    for bad in (*given_["bad_vkeys"], *parts_of(peter.vkey), *next_to(peter.vkey)):
        with pytest.raises(Malformed):
            key.parse_vkey(bad)


def parts_of(text: str) -> set[str]:
    """Every proper substring."""
    return {text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1)} - {text}


def next_to(text: str) -> list[str]:
    """`text` with any one letter replaced by the next one."""
    return [text[:i] + chr(ord(text[i]) + 1) + text[i + 1 :] for i in range(len(text))]


def test_keys_of_a_tessera_log() -> None:
    lines = vectors("tiles/tessera-15/KEYS.txt").read_text().split("\n")
    vkey, skey = (next(line.split(" ")[1] for line in lines if line.startswith(kind)) for kind in ("vkey", "skey"))
    secret: SecretKey = key.parse_skey(skey)
    assert secret.public.vkey == vkey
    assert secret.skey == skey
    assert json.dumps(secret.name) == '"example.com/log/testdata"'
