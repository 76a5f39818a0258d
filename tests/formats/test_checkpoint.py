"""A checkpoint opens for the key whose log it is, and nobody signs one of another's."""

import base64
from dataclasses import dataclass

import pytest
from c2sp import load, vectors
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import checkpoint, key, wire
from mirror.formats.checkpoint import Checkpoint, open_checkpoint, parse_text
from mirror.formats.key import Statement
from mirror.formats.note import Signature, sign_note, split_note

KEY = key.generate("voices.example/archive", bytes(range(32)))
OTHER = key.generate("voices.example/other", bytes(32))
ROOT = bytes(range(32))
OURS = Checkpoint(KEY.name, 42, ROOT)
SIGNED = checkpoint.sign(OURS, KEY)
COSIGNATURE = str(Signature("witness.example", b"\x01\x02\x03\x04", bytes(72))).encode()
CHECKPOINTS = st.builds(
    Checkpoint,
    st.text("abz09._~/-", min_size=1, max_size=12),
    st.integers(0, wire.SIZE_AT_MOST),
    st.binary(min_size=32, max_size=32),
)


@dataclass(frozen=True)
class Said(Statement):
    """What a dishonest key holder signs: any text."""

    said: str

    def signed_bytes(self, signer: key.PublicKey) -> bytes:
        return self.said.encode()


def sign_loosely(text: str, *keys: key.SecretKey) -> bytes:
    return sign_note(text, Said(text), *keys)


@given(CHECKPOINTS)
def test_texts_round_trip(given_: Checkpoint) -> None:
    assert parse_text(given_.text) == given_


@given(st.text(max_size=40) | mutated(CHECKPOINTS.map(lambda each: each.text.encode())))
def test_a_text_has_one_spelling(text: str | bytes) -> None:
    text = text if isinstance(text, str) else text.decode("latin-1")
    assert_strict(parse_text, text, lambda parsed: parsed.text)


@given(st.integers(1, wire.SIZE_AT_MOST), st.binary(min_size=32, max_size=32))
def test_what_is_signed_opens(size: int, root_hash: bytes) -> None:
    ours = Checkpoint(KEY.name, size, root_hash)
    data = checkpoint.sign(ours, KEY)
    assert open_checkpoint(data, KEY.public) == ours
    assert split_note(data)[0] == ours.text


@given(mutated(st.just(SIGNED) | st.just(SIGNED + COSIGNATURE)))
def test_a_changed_checkpoint_is_refused_or_says_the_same(data: bytes) -> None:
    try:
        opened = open_checkpoint(data, KEY.public)
    except (Malformed, BadSignature):
        return
    assert opened == OURS
    assert data.startswith(SIGNED)


def test_cosignatures_may_follow() -> None:
    assert open_checkpoint(SIGNED + COSIGNATURE, KEY.public) == OURS
    line = vectors("cosignature/sunlight-witness.checkpoint").read_bytes().split(b"\n\n")[1]
    assert open_checkpoint(SIGNED + line, KEY.public) == OURS
    before = SIGNED.replace(b"\n\n", b"\n\n" + COSIGNATURE)
    with pytest.raises(Malformed, match=r"first signature line is by witness\.example, not by voices\.example/archive"):
        open_checkpoint(before, KEY.public)
    with pytest.raises(Malformed, match="two signature lines of one key"):
        open_checkpoint(SIGNED + SIGNED.split(b"\n\n")[1], KEY.public)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the checkpoint does not end in a newline"),
        (OURS.text[:-1], "the checkpoint does not end in a newline"),
        ("voices.example\n42\n", "a checkpoint of 2 lines, not 3"),
        (OURS.text + "extension\n", "a checkpoint of 4 lines, not 3"),
        (OURS.text + "\n", "a checkpoint of 4 lines, not 3"),
        (OURS.text.replace("\n", "\r\n"), "not a decimal number"),
        (OURS.text.replace("voices", "Voices"), "not a name"),
        (OURS.text.replace("voices.example/archive", ""), "not a name"),
        (OURS.text.replace("voices.example/archive", "mirror/v1"), "the name mirror/v1 is reserved"),
        (OURS.text.replace("\n42\n", "\n042\n"), "not a decimal number"),
        (OURS.text.replace("\n42\n", "\n9223372036854775808\n"), "not a decimal number from 0 to 9223372036854775807"),
        (f"voices.example\n1\n{base64.b64encode(bytes(31)).decode()}\n", "root hash of 31 bytes, not 32"),
        (f"voices.example\n1\n{base64.b64encode(bytes(33)).decode()}\n", "root hash of 33 bytes, not 32"),
        ("voices.example\n1\n" + "A" * 43 + "\n", "not canonical base64"),
        ("voices.example\n1\n" + "A" * 42 + "B=\n", "not canonical base64"),
    ],
)
def test_every_mangling_is_malformed(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_text(text)
    if text.endswith("\n"):
        with pytest.raises(Malformed):
            open_checkpoint(sign_loosely(text, KEY), KEY.public)


def test_a_checkpoint_is_not_made_of_what_cannot_be() -> None:
    with pytest.raises(Malformed, match="not a name"):
        Checkpoint("Voices\n", 1, ROOT)
    with pytest.raises(Malformed, match="a checkpoint of -1 entries"):
        Checkpoint(KEY.name, -1, ROOT)
    with pytest.raises(Malformed, match="a checkpoint of 9223372036854775808 entries"):
        Checkpoint(KEY.name, 2**63, ROOT)


def test_a_key_signs_checkpoints_of_its_own_log_with_an_entry() -> None:
    with pytest.raises(Refused, match=r"of voices\.example/archive is not signed by a key named voices\.example/other"):
        checkpoint.sign(OURS, OTHER)
    with pytest.raises(Refused, match="without an entry is not signed"):
        checkpoint.sign(Checkpoint(KEY.name, 0, ROOT), KEY)


def test_a_checkpoint_opens_for_its_own_key_alone() -> None:
    for stranger in (OTHER.public, key.generate(KEY.name, bytes(32)).public):
        with pytest.raises(BadSignature, match="the note carries no signature by a known key"):
            open_checkpoint(SIGNED, stranger)
    signed_by_other = sign_loosely(OURS.text, OTHER)
    with pytest.raises(BadSignature, match=r"archive is signed by a key named voices\.example/other"):
        open_checkpoint(signed_by_other, OTHER.public)
    empty = sign_loosely(Checkpoint(KEY.name, 0, ROOT).text, KEY)
    with pytest.raises(Malformed, match="lists no entry, not even a charter"):
        open_checkpoint(empty, KEY.public)
    assert open_checkpoint(sign_loosely(OURS.text, KEY), KEY.public) == OURS


def test_the_size_of_a_checkpoint_is_bounded() -> None:
    room = checkpoint.CHECKPOINT_AT_MOST - len(SIGNED)
    name = "w" * (room - len("—  AAAAAAA=\n".encode()))
    full = SIGNED + f"— {name} AAAAAAA=\n".encode()
    assert len(full) == checkpoint.CHECKPOINT_AT_MOST
    assert open_checkpoint(full, KEY.public) == OURS
    with pytest.raises(Malformed, match="a checkpoint of more than 262144 bytes"):
        open_checkpoint(SIGNED + f"— w{name} AAAAAAA=\n".encode(), KEY.public)


def test_the_example_in_the_docstring_parses() -> None:
    example = (checkpoint.__doc__ or "").split("    voices.example")[1].split("\n\n")[0]
    text = "".join(line.strip() + "\n" for line in f"voices.example{example}".split("\n"))
    assert parse_text(text).size == 42


# Vectors of others


def test_bodies_of_others() -> None:
    given_ = load(vectors("checkpoint/formats-body.json"))
    for case in given_["invalid"]:
        with pytest.raises(Malformed):
            parse_text(case["m"])
    spelled = given_["canonical_base64"]
    parse_text(f"log\n1\n{spelled['canonical']}\n")
    with pytest.raises(Malformed, match="not canonical base64"):
        parse_text(f"log\n1\n{spelled['noncanonical_same_bytes']}\n")


def test_checkpoints_of_sigsum() -> None:
    given_ = load(vectors("checkpoint/sigsum.json"))
    data = given_["checkpoint"].encode()
    theirs = key.generate(given_["checkpoint"].split("\n")[0], bytes.fromhex(given_["log_seed_hex"]))
    assert theirs.public.raw.hex() == given_["log_pubkey_hex"]
    opened = open_checkpoint(data, theirs.public)
    assert (opened.origin, opened.size) == (theirs.name, 10)
    assert checkpoint.sign(opened, theirs) == data
    stranger, too_short = given_["ignore_extra"]
    assert open_checkpoint(data + f"{stranger}\n".encode(), theirs.public) == opened
    for extra in (too_short, given_["bad_extra"]):  # ignored there: a line that is shorter than a key ID
        with pytest.raises(Malformed, match=r"no signature behind its key ID|not canonical base64"):
            open_checkpoint(data + f"{extra}\n".encode(), theirs.public)


def test_checkpoints_of_a_tessera_log() -> None:
    folder = vectors("tiles/tessera-15")
    lines = (folder / "KEYS.txt").read_text().split("\n")
    theirs = key.parse_skey(next(line.split(" ")[1] for line in lines if line.startswith("skey")))
    for size in range(1, 16):
        data = (folder / f"checkpoint.{size}").read_bytes()
        opened = open_checkpoint(data, theirs.public)
        assert opened.size == size
        assert checkpoint.sign(opened, theirs) == data
    with pytest.raises(Malformed, match="lists no entry"):
        open_checkpoint((folder / "checkpoint.0").read_bytes(), theirs.public)
    assert (folder / "checkpoint").read_bytes() == (folder / "checkpoint.15").read_bytes()
