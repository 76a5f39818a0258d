"""`mirror read --transaction`: what old publications hold, and no more than their bytes show."""

import json
from pathlib import Path
from typing import Any

import pytest
from onchain import SECRET, make_payment, make_proof
from storyteller import Finished, run_mirror

from mirror.formats import ether, transaction

LETTER = "A letter about a day in April.\n关于四月的一天。"
RAW = make_payment(LETTER.encode())
HASH = f"0x{transaction.parse(RAW).hash.hex()}"
SENDER = ether.address_text(ether.address_of(SECRET))


def as_json(raw: bytes = RAW, **changed: Any) -> dict[str, Any]:
    """A transaction of type 2 as a node describes it."""
    parsed = transaction.parse(raw)
    said = {
        "type": "0x2",
        "chainId": hex(parsed.chain or 0),
        "nonce": hex(parsed.nonce),
        "gas": hex(parsed.gas),
        "maxFeePerGas": hex(parsed.fee),
        "maxPriorityFeePerGas": hex(parsed.tip),
        "value": hex(parsed.value),
        "to": f"0x{(parsed.to or b'').hex()}",
        "input": f"0x{parsed.data.hex()}",
        "accessList": [],
        "v": hex(parsed.parity),
        "yParity": hex(parsed.parity),
        "r": hex(parsed.r),
        "s": hex(parsed.s),
        "hash": f"0x{parsed.hash.hex()}",
        "from": SENDER,
        "blockNumber": "0x1",
    }
    return {name: value for name, value in {**said, **changed}.items() if value is not None}


def signed(kind: int, fields: list[ether.Item], chain: int | None) -> bytes:
    """A transaction of another type, signed by the tests' key."""
    prefix = bytes([kind]) if kind else b""
    tail = [ether.number(chain), b"", b""] if chain is not None and not kind else []
    parity, r, s = ether.sign(ether.keccak(prefix + ether.encode([*fields, *tail])), SECRET)
    v = parity if kind else parity + (27 if chain is None else 35 + 2 * chain)
    return prefix + ether.encode([*fields, ether.number(v), ether.number(r), ether.number(s)])


NUMBERS: list[ether.Item] = [b"\x09", b"\x3b", b"\x52\x08"]
TO, DATA = bytes(range(20)), LETTER.encode()
TYPES: dict[str, tuple[bytes, int, int | None]] = {
    "before chains had numbers": (signed(0, [*NUMBERS, TO, b"", DATA], None), 0, None),
    "the first kind": (signed(0, [*NUMBERS, TO, b"", DATA], 1), 0, 1),
    "with an access list": (signed(1, [b"\x01", *NUMBERS, TO, b"", DATA, []], 1), 1, 1),
    "with a fee": (RAW, 2, 1),
    "that creates a contract": (signed(0, [*NUMBERS, b"", b"", b"\x60\x80\x60\x40\x00\x01" + DATA + b"\xfe"], 1), 0, 1),
}


def read(*arguments: str | Path, code: int) -> Finished:
    finished = run_mirror("read", *arguments)
    assert finished.code == code, finished
    return finished


def test_a_letter_is_read_and_its_hash_compared(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text(f"0x{RAW.hex()}\n")
    shown = read("--transaction", path, "--hash", HASH.upper().replace("0X", "0x"), code=0).out
    assert shown.startswith(f"transaction {HASH}, type 2, for chain 1\nshared   holds        recomputed")
    assert f"signed   holds        by the key of {SENDER}, to {SENDER}; who holds that key it does not say\n" in shown
    assert "\nUTF-8:\n| A letter about a day in April.\n| " in shown
    assert "关于四月的一天。" in shown
    assert shown.endswith("it does not show who wrote them, nor that they are true\n")


@pytest.mark.parametrize(("raw", "kind", "chain"), TYPES.values(), ids=TYPES)
def test_every_type_is_read(raw: bytes, kind: int, chain: int | None) -> None:
    said = json.loads(run_mirror("--json", "read", "--transaction", f"0x{raw.hex()}").out)
    assert (said["type"], said["chain"], said["sender"], said["exit_code"]) == (kind, chain, SENDER, 0)
    assert [each["text"] for each in said["texts"]] == [LETTER]
    assert said["shared"]["state"] == "not checked"


@pytest.mark.parametrize(
    "content",
    [
        RAW,
        RAW.hex().encode(),
        json.dumps(as_json()).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 1, "result": as_json()}).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 1, "result": f"0x{RAW.hex()}"}).encode(),
        json.dumps({"hash": HASH, "raw": f"0x{RAW.hex()}"}).encode(),
    ],
    ids=["raw", "hexadecimal", "described", "answered", "answered raw", "an explorer's"],
)
def test_every_form_of_it_is_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "transaction"
    path.write_bytes(content)
    said = json.loads(run_mirror("--json", "read", "--transaction", path).out)
    assert (said["hash"], said["sender"], said["texts"][0]["text"]) == (HASH, SENDER, LETTER)


@pytest.mark.parametrize(
    "described",
    [as_json(r=None), {"result": {"input": f"0x{LETTER.encode().hex()}"}}, {"raw_input": f"0x{LETTER.encode().hex()}"}],
    ids=["no signature", "an answer's input", "an explorer's input"],
)
def test_without_a_signature_only_the_text_is_shown(described: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "transaction.json"
    path.write_text(json.dumps(described))
    shown = read("--transaction", path, code=3).out
    assert "transaction  not checked  without its signature nothing can be recomputed" in shown
    assert "| A letter about a day in April.\n" in shown


def test_pasted_data_alone_is_shown_as_that() -> None:
    shown = read("--transaction", f"0x{LETTER.encode().hex()}", code=3).out
    assert "not checked" in shown
    assert "| A letter about a day in April.\n" in shown


def test_another_hash_is_false() -> None:
    shown = read("--transaction", f"0x{RAW.hex()}", "--hash", "11" * 32, code=1).out
    assert f"shared   false        these bytes do not have the hash 0x{'11' * 32}\n" in shown


def test_a_signature_of_no_key_is_false() -> None:
    fields = list(transaction.parse(RAW).fields)
    raw = b"\x02" + ether.encode([*fields[:-2], b"\xff" * 32, fields[-1]])
    shown = read("--transaction", f"0x{raw.hex()}", code=1).out
    assert "signed   false        the transaction's signature is of no key\n" in shown


def test_a_description_that_was_changed_gives_no_transaction(tmp_path: Path) -> None:
    path = tmp_path / "transaction.json"
    path.write_text(json.dumps(as_json(input=f"0x{b'Another letter.'.hex()}")))
    finished = read("--transaction", path, code=1)
    assert "what is said of a transaction does not give its hash" in finished.err


def test_a_proof_says_in_which_block_it_is(tmp_path: Path) -> None:
    proof = make_proof(LETTER.encode())
    (tmp_path / "proof.json").write_bytes(bytes(proof))
    arguments = ("--transaction", f"0x{proof.transaction.hex()}", "--proof", tmp_path / "proof.json")
    shown = read(*arguments, code=0).out
    assert "block    holds        in block 23000000 of 2026-09-21, if that block's hash is 0x" in shown
    assert proof.block.hex() in shown
    other = read("--transaction", f"0x{RAW.hex()}", "--proof", tmp_path / "proof.json", code=1).out
    assert "block    false        the proof is of another transaction, 0x" in other
    (tmp_path / "proof.json").write_bytes(bytes(proof).replace(b'"chain":1', b'"chain":5'))
    changed = read(*arguments, code=1).out
    assert "block    false        its transaction is for chain 1, not 5\n" in changed


def test_damaged_places_are_told_and_marked() -> None:
    raw = make_payment(LETTER.encode()[:-1] + b"\xff and on it goes")
    shown = read("--transaction", f"0x{raw.hex()}", code=0).out
    assert f"damaged at bytes {len(LETTER.encode()) - 3} to {len(LETTER.encode()) - 1}, shown as \ufffd\n" in shown


def test_nothing_in_a_text_reaches_the_terminal_as_a_command() -> None:
    raw = make_payment("An escape \x1b]0;title\x07 and \u202eturned round\n#17 holds".encode())
    shown = read("--transaction", f"0x{raw.hex()}", code=0).out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\n#17 holds" not in shown


def test_a_transaction_without_a_text_says_so() -> None:
    shown = read("--transaction", f"0x{make_payment(bytes(40)).hex()}", code=0).out
    assert "no text is in its 40 bytes of input data\n" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--transaction", HASH), 2, "this is the hash of a transaction, and its bytes are needed"),
        (("--transaction", "letter.json"), 2, "'letter.json' is no file here, and no transaction"),
        (("--transaction", f"0x{RAW.hex()}", "--hash", "0x12"), 2, "--hash: a hash has 32 bytes, and this has 1"),
        (("--transaction", f"0x{RAW.hex()}", "--hash", "letter"), 2, "--hash: not lower-case hexadecimal"),
        (("--transaction", f"0x{RAW.hex()}", "archive"), 2, "--transaction names what is read"),
        (("--hash", HASH), 2, "name what to read, or a --transaction"),
        ((), 2, "name what to read, or a --transaction"),
        (("--transaction", "0xzz"), 1, "not lower-case hexadecimal: 'zz'"),
        (("--transaction", "0x05c0"), 3, "a transaction of type 5, which this version does not know"),
    ],
    ids=["a hash", "no file", "a short hash", "no hash", "an archive too", "only a hash", "nothing", "junk", "newer"],
)
def test_what_cannot_be_read_is_said(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = read(*arguments, code=code)
    assert words in finished.err


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b'{"result": null}', b"\xff" * 40, b"words and no transaction"]
)
def test_what_is_no_transaction_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    finished = read("--transaction", path, code=1)
    assert finished.err.startswith("mirror: error: ")


def test_without_the_libraries_of_ethereum_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ether, "_keccak", None)
    finished = read("--transaction", f"0x{RAW.hex()}", code=3)
    assert finished.err.endswith("hint: in mirror's checkout: pip install '.[ethereum]'\n")
    for command in (("anchor",), ("anchor", "ethereum"), ("inscribe",)):
        assert run_mirror(*command, "--help").code == 0
