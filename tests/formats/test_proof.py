"""A proof file has one spelling, and convinces of one entry at one index under one key."""

import pytest
from c2sp import load, vectors
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated

from mirror.errors import BadProof, BadSignature, Malformed
from mirror.formats import checkpoint, key, merkle, proof, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.proof import Proof, parse

KEY = key.generate("voices.example/archive", bytes(range(32)))
ENTRIES = [b"testimony %d" % n for n in range(7)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def read(level: int, n: int) -> bytes:
    return merkle.subtree_hash(LEAVES[n << level : (n + 1) << level])


SIGNED = checkpoint.sign(Checkpoint(KEY.name, 7, merkle.root_hash(7, read)), KEY)
PROVEN = Proof(5, merkle.prove_inclusion(5, 7, read), SIGNED)
HASHES = st.binary(min_size=32, max_size=32)
PROOFS = st.builds(
    Proof,
    st.integers(0, wire.SIZE_AT_MOST),
    st.lists(HASHES, max_size=4).map(tuple),
    st.binary(max_size=8).map(lambda data: data + b"\n"),
    st.binary(max_size=8),
)


@given(PROOFS)
def test_proofs_round_trip(given_: Proof) -> None:
    assert parse(bytes(given_)) == given_


@given(st.binary(max_size=60) | mutated(PROOFS.map(bytes)) | mutated(st.just(bytes(PROVEN))))
def test_a_proof_has_one_spelling(data: bytes) -> None:
    assert_strict(parse, data)


@given(mutated(st.just(bytes(PROVEN))))
def test_a_changed_proof_does_not_convince(data: bytes) -> None:
    try:
        changed = parse(data)
        shown = changed.check(ENTRIES[5], KEY.public)
    except (Malformed, BadSignature, BadProof):
        return
    assert (changed.index, changed.hashes, shown.size) == (5, PROVEN.hashes, 7)


def test_a_proof_shows_one_entry_at_one_index() -> None:
    for index, entry in enumerate(ENTRIES):
        made = Proof(index, merkle.prove_inclusion(index, 7, read), SIGNED)
        assert made.check(entry, KEY.public) == checkpoint.open_checkpoint(SIGNED, KEY.public)
        for other in set(ENTRIES) - {entry}:
            with pytest.raises(BadProof, match=f"inclusion proof of entry {index} in a log of 7 does not lead"):
                made.check(other, KEY.public)
    with pytest.raises(BadProof, match="inclusion proof of entry 7 in a log of 7"):
        Proof(7, PROVEN.hashes, SIGNED).check(ENTRIES[5], KEY.public)


def test_a_proof_is_of_one_key() -> None:
    with pytest.raises(BadSignature, match="no signature by a known key"):
        PROVEN.check(ENTRIES[5], key.generate(KEY.name, bytes(32)).public)


def test_extra_data_stands_before_the_index() -> None:
    data = bytes(Proof(5, PROVEN.hashes, SIGNED, b"extra information"))
    assert data.split(b"\n")[:3] == [b"c2sp.org/tlog-proof@v1", b"extra ZXh0cmEgaW5mb3JtYXRpb24=", b"index 5"]
    assert parse(data).check(ENTRIES[5], KEY.public).size == 7


HEAD = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the proof has no empty line before its checkpoint"),
        (HEAD + b"index 1\n", "the proof has no empty line before its checkpoint"),
        (b"c2sp.org/tlog-proof@v2\nindex 0\n\ncp\n", "not a proof: it does not begin with c2sp.org/tlog-proof@v1"),
        (b"\n" + HEAD + b"index 0\n\ncp\n", "not a proof"),
        (b"\xff\n\ncp\n", "the proof is not UTF-8 at byte 0"),
        (HEAD + b"\n\ncp\n", "the proof has no index line where it has to be"),
        (HEAD + b"extra\nindex 0\n\ncp\n", "the proof has no index line"),
        (HEAD + b"extra \nindex 0\n\ncp\n", "the proof has an extra line with nothing on it"),
        (HEAD + b"extra YQ==\nextra YQ==\nindex 0\n\ncp\n", "the proof has no index line"),
        (HEAD + b"index 0\nextra YQ==\n\ncp\n", "not canonical base64"),
        (HEAD + b"index 0\nindex 0\n\ncp\n", "not canonical base64"),
        (HEAD + b"index +1\n\ncp\n", "not a decimal number"),
        (HEAD + b"index 9223372036854775808\n\ncp\n", "not a decimal number"),
        (HEAD + b"index 0\nYQ==\n\ncp\n", "a proof with a hash that is not 32 bytes"),
        (HEAD + b"index 0\n\n", "a proof whose checkpoint does not end in a newline"),
        (HEAD + b"index 0\n\ncp", "a proof whose checkpoint does not end in a newline"),
    ],
)
def test_every_mangling_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse(data)


def test_bounds() -> None:
    most = Proof(
        wire.SIZE_AT_MOST,
        (bytes(32),) * merkle.HASHES_AT_MOST,
        b"x" * (checkpoint.CHECKPOINT_AT_MOST - 1) + b"\n",
        bytes(proof.EXTRA_AT_MOST),
    )
    assert parse(bytes(most)) == most
    assert len(bytes(most)) <= proof.PROOF_AT_MOST
    hashes = bytes(Proof(0, (bytes(32),) * merkle.HASHES_AT_MOST, b"\n"))
    line = wire.encode_base64(bytes(32)).encode() + b"\n"
    for data, words in (
        (hashes.replace(line, line * 2, 1), "a proof of 65 hashes, more than 64"),
        (bytes(most).replace(b"AA\nindex", b"AAAAAA\nindex"), "48003 bytes of extra data, more than 48000"),
        (bytes(Proof(0, (), most.checkpoint)) + b"\n", "a proof with a checkpoint of more than 262144 bytes"),
        (bytes(proof.PROOF_AT_MOST), "the proof has no empty line"),
        (bytes(proof.PROOF_AT_MOST + 1), f"a proof of more than {proof.PROOF_AT_MOST} bytes"),
    ):
        with pytest.raises(Malformed, match=words):
            parse(data)
    for index in (-1, 2**63):
        with pytest.raises(Malformed, match=f"a proof for entry {index}"):
            Proof(index, (), b"\n")


def test_proofs_of_others() -> None:
    given_ = load(vectors("tlog-proof/syntax.json"))
    for case in given_["marshal"]:
        hashes = tuple(map(wire.decode_base64, case["hashes"]))
        made = Proof(case["index"], hashes, case["checkpoint"].encode(), (case["extra"] or "").encode())
        assert bytes(made) == case["want"].encode()
        assert parse(case["want"].encode()) == made
    for case in given_["invalid"]:
        with pytest.raises(Malformed):
            parse(case["m"].encode())
    for case in given_["divergent"]:
        if case["strict"] == "reject":
            with pytest.raises(Malformed):
                parse(case["m"].encode())
