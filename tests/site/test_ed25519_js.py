"""Ed25519 of verify.html: both of its paths give the verdict of the written equation, on vectors of others and ours."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from c2sp import load, vectors
from counterparts import need_node, need_package
from edwards import BASE, add, point_of, times
from hypothesis import given
from hypothesis import strategies as st
from javascript import MODULES, Modules, modules
from strategies import KEY, Loose

from mirror.errors import BadSignature, Malformed
from mirror.formats.key import PublicKey

ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture(scope="module")
def verifier() -> Iterator[Modules]:
    with modules() as running:
        yield running


def verdicts(verifier: Modules, key: bytes, message: bytes, signature: bytes) -> set[bool]:
    """What our arithmetic says, and what both paths together say."""
    return set(verifier.ask("verify", key=key, message=message, signature=signature).value.values())


def accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    """What the command says."""
    try:
        PublicKey("name", key).verify(message, signature)
    except (Malformed, BadSignature):
        return False
    return True


def test_edge_cases_of_ed25519_are_judged_by_the_written_rule(verifier: Modules) -> None:
    cases = [
        (case["number"], bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"]))
        for case in load(vectors("ed25519/ed25519vectors.json"))
    ]
    found = {number: verdicts(verifier, *case) for number, *case in cases}
    assert found == {number: {accepts(*case)} for number, *case in cases}
    assert (len(found), list(found.values()).count({True})) == (914, 43)


def test_the_browser_is_asked_where_it_computes_that_equation(verifier: Modules) -> None:
    assert verifier.ask("trusted").value is True


@pytest.mark.parametrize("browser", ["without webcrypto", "accepts everything", "accepts nothing", "knows no Ed25519"])
def test_a_browser_that_computes_another_one_is_not_asked(browser: str) -> None:
    signature = KEY.sign(Loose("text"))
    with modules(browser) as other:
        assert other.ask("trusted").value is False
        assert verdicts(other, KEY.public.raw, b"text", signature) == {True}
        assert verdicts(other, KEY.public.raw, b"test", signature) == {False}


PROBES = re.findall(
    r"// (.*)\n  \[\n    \"([0-9a-f]{64})\",\n    \"([0-9a-f]{64})\" \+\n      \"([0-9a-f]{64})\",\n    (true|false),",
    (MODULES / "ed25519.js").read_text(encoding="utf-8"),
)
PROBE = b"which equation is this?"


@pytest.mark.parametrize(("what", "key", "r", "s", "valid"), PROBES, ids=[each[0] for each in PROBES])
def test_the_probes_are_what_they_say(what: str, key: str, r: str, s: str, valid: str) -> None:
    raw, signature = bytes.fromhex(key), bytes.fromhex(r + s)
    assert accepts(raw, PROBE, signature) is (valid == "true")
    assert with_cofactor(raw, PROBE, signature) is (what != "a wrong one")


def test_there_are_probes_for_both_directions() -> None:
    assert [each[4] for each in PROBES] == ["true", *["false"] * 7, "true", "true"]


def with_cofactor(key: bytes, message: bytes, signature: bytes) -> bool:
    """What a program says that multiplies the equation by eight."""
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little")
    s = int.from_bytes(signature[32:], "little")
    sides = times(8 * s, BASE), add(times(8 * k, point_of(key)), times(8, point_of(signature[:32])))
    return sides[0] == sides[1]


@given(st.binary(max_size=200), st.integers(0, 64 * 8 - 1), st.booleans())
def test_signatures_and_what_a_flipped_bit_makes_of_them(
    verifier: Modules, message: bytes, bit: int, changed: bool
) -> None:
    text = message.hex()
    signature = bytearray(KEY.sign(Loose(text)))
    signature[bit // 8] ^= changed << bit % 8
    raw = KEY.public.raw
    assert verdicts(verifier, raw, text.encode(), bytes(signature)) == {not changed}


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64) | st.binary(max_size=70))
def test_bytes_by_chance_are_no_signature(verifier: Modules, key: bytes, signature: bytes) -> None:
    assert verdicts(verifier, key, b"text", signature) == {accepts(key, b"text", signature)} == {False}


def test_a_scalar_beyond_the_order_is_no_signature(verifier: Modules) -> None:
    signature = KEY.sign(Loose("text"))
    larger = int.from_bytes(signature[32:], "little") + ORDER
    other = signature[:32] + larger.to_bytes(32, "little")
    assert verdicts(verifier, KEY.public.raw, b"text", other) == {False}


ORACLE = """
const { verifyAsync } = await import(process.argv[1]);
const answers = [];
for (const [key, message, signature] of JSON.parse(process.argv[2])) {
  const asked = [signature, message, key].map((each) => Uint8Array.from(Buffer.from(each, "hex")));
  answers.push(await verifyAsync(...asked, { zip215: false }).catch(() => false));
}
console.log(JSON.stringify(answers));
"""


def ask_noble(cases: list[tuple[bytes, bytes, bytes]]) -> list[bool]:
    """What npm's @noble/ed25519 says, in the strict mode of RFC 8032."""
    module = (need_package("@noble/ed25519") / "index.js").as_uri()
    asked = json.dumps([[each.hex() for each in case] for case in cases])
    command = [need_node(), "--input-type=module", "-e", ORACLE, module, asked]
    answers: Any = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return list(map(bool, answers))


def test_another_s_implementation_says_the_same(verifier: Modules) -> None:
    """Of honest signatures, and of those with one bit flipped in key, text or signature: no cofactor matters there."""
    cases = []
    for number in range(60):
        text = f"text {number}" * number
        case = [KEY.public.raw, text.encode() or b"-", KEY.sign(Loose(text or "-"))]
        at = hashlib.sha256(b"%d" % number).digest()
        if number % 2:
            data = bytearray(case[number % 3])
            data[at[0] % len(data)] ^= 1 << at[1] % 8
            case[number % 3] = bytes(data)
        cases.append((case[0], case[1], case[2]))
    found = [verdicts(verifier, *case) for case in cases]
    assert found == [{answer} for answer in ask_noble(cases)]
    assert found.count({True}) == 30
