"""OpenTimestamps proofs: one spelling, the stock library's; every way recomputed; every bound kept."""

import hashlib
import io
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled
from mutate import assert_strict
from opentimestamps.core import notary, op, serialize
from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

from mirror.errors import Malformed, NeedsNewer
from mirror.formats import bitcoin, ots, wire
from mirror.formats.ots import (
    APPEND,
    BITCOIN,
    DEPTH_AT_MOST,
    PATHS_AT_MOST,
    PENDING,
    PREPEND,
    PROOF_AT_MOST,
    RIPEMD160,
    SHA256,
    Attestation,
    Op,
    Path,
    Proof,
    at_height,
    parse,
    parse_answer,
    parse_complete,
    promised_by,
    proof_of,
)

DIGEST = hashlib.sha256(b"three lines").digest()
ALICE = "https://alice.calendar.test"

OPS = st.one_of(
    st.sampled_from([Op(SHA256), Op(RIPEMD160)]),
    st.builds(Op, st.sampled_from([APPEND, PREPEND]), st.binary(min_size=1, max_size=3)),
)
ATTESTATIONS = st.one_of(
    st.integers(0, bitcoin.HEIGHT_AT_MOST).map(at_height),
    st.text("abz./:-_09", max_size=12).map(promised_by),
    st.builds(Attestation, st.binary(min_size=8, max_size=8), st.binary(max_size=5)).filter(
        lambda each: each.tag not in (BITCOIN, PENDING)
    ),
)
PATHS = st.builds(Path, st.lists(OPS, max_size=4).map(tuple), ATTESTATIONS)
PROOFS = st.builds(
    proof_of, st.binary(min_size=32, max_size=32), st.lists(PATHS, min_size=1, max_size=6).map(lambda each: each)
)

STEPS = (Op(APPEND, bytes(range(16))), Op(SHA256))
PLAIN = proof_of(DIGEST, [Path(STEPS, promised_by(ALICE)), Path((*STEPS, Op(PREPEND, b"a"), Op(SHA256)), at_height(7))])
"""A proof as it is while one calendar has answered and another is awaited."""


def stock(data: bytes) -> DetachedTimestampFile:
    """What the stock library reads in a file; raises its own errors."""
    return DetachedTimestampFile.deserialize(serialize.BytesDeserializationContext(data))


def stock_bytes(file: DetachedTimestampFile) -> bytes:
    written = io.BytesIO()
    file.serialize(serialize.StreamSerializationContext(written))
    return written.getvalue()


def rebuilt(digest: bytes, paths: Iterable[Path]) -> bytes:
    """The file that the stock library writes for these ways."""
    known = {SHA256: op.OpSHA256, RIPEMD160: op.OpRIPEMD160, APPEND: op.OpAppend, PREPEND: op.OpPrepend}
    root = Timestamp(digest)
    for path in paths:
        at = root
        for step in path.ops:
            at = at.ops.add(known[step.tag](*([step.argument] if step.argument else [])))
        said = path.attestation
        context = serialize.BytesDeserializationContext(bytes(said)[1:])
        at.attestations.add(notary.TimeAttestation.deserialize(context))
    return stock_bytes(DetachedTimestampFile(op.OpSHA256(), root))


@given(PROOFS)
def test_what_is_printed_is_read(proof: Proof) -> None:
    assert parse(bytes(proof)) == proof


@given(PROOFS)
def test_the_stock_library_writes_the_same_bytes(proof: Proof) -> None:
    assert rebuilt(proof.digest, reversed(proof.paths)) == bytes(proof)


@given(PROOFS)
def test_the_stock_library_finds_the_same_ends(proof: Proof) -> None:
    ends = {(path.result(proof.digest), bytes(path.attestation)) for path in proof.paths}
    found = set()
    for message, attestation in stock(bytes(proof)).timestamp.all_attestations():
        written = serialize.BytesSerializationContext()
        attestation.serialize(written)
        found.add((message, b"\0" + written.getbytes()))
    assert found == ends


@given(mangled(PROOFS.map(bytes)) | mangled(st.just(bytes(PLAIN))))
def test_a_proof_has_one_spelling(data: bytes) -> None:
    assert_strict(parse, data)


@given(mangled(st.just(bytes(PLAIN))))
def test_what_is_read_the_stock_library_reads_too(data: bytes) -> None:
    try:
        parse(data)
    except Malformed:
        return
    assert stock_bytes(stock(data)) == data


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_an_answer_holds_its_ways_in_any_order(paths: list[Path]) -> None:
    printed = ots.print_answer(paths)
    assert sorted(parse_answer(printed)) == sorted(paths)
    forked = b"".join(b"\xff" + ots.print_answer([path]) for path in paths[:-1]) + ots.print_answer(paths[-1:])
    assert set(parse_answer(forked)) == set(paths)


@pytest.mark.parametrize("at", range(len(bytes(PLAIN))))
def test_a_changed_byte_leads_elsewhere(at: int) -> None:
    expected = (PLAIN.digest, PLAIN.blocks, PLAIN.promises)
    for bit in range(8):
        changed = bytearray(bytes(PLAIN))
        changed[at] ^= 1 << bit
        try:
            found = parse(bytes(changed))
        except Malformed:
            continue
        assert (found.digest, found.blocks, found.promises) != expected


def test_a_proof_tells_of_blocks_and_of_promises() -> None:
    start = hashlib.sha256(DIGEST + bytes(range(16))).digest()
    assert PLAIN.blocks == ((7, hashlib.sha256(b"a" + start).digest()),)
    assert PLAIN.promises == ((ALICE, start),)


def test_what_is_the_same_before_and_behind_stands_behind() -> None:
    behind, before = (
        proof_of(DIGEST, [Path((Op(tag, DIGEST), Op(SHA256)), at_height(7))]) for tag in (APPEND, PREPEND)
    )
    assert behind == before
    assert behind.paths[0].ops[0].tag == APPEND
    data = bytes(behind)
    assert parse(data) == behind
    at = len(ots.TREE_BELOW) + len(DIGEST)
    with pytest.raises(Malformed, match="not written as it has to be"):
        parse(data[:at] + bytes([PREPEND]) + data[at + 1 :])


def test_a_complete_proof_holds_bitcoin_alone() -> None:
    done = proof_of(DIGEST, [path for path in PLAIN.paths if path.attestation.height is not None])
    assert parse_complete(bytes(done)) == done
    with pytest.raises(Malformed, match="holds something else than Bitcoin blocks"):
        parse_complete(bytes(PLAIN))
    with pytest.raises(Malformed, match="leads to 33 bytes, and a merkle root has 32"):
        parse_complete(bytes(proof_of(DIGEST, [Path((Op(APPEND, b"a"),), at_height(7))])))


def written(tree: bytes) -> bytes:
    return ots.TREE_BELOW + DIGEST + tree


SEVEN = bytes(at_height(7))
EIGHT = bytes(at_height(8))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no OpenTimestamps proof of version 1 over a SHA-256"),
        (written(SEVEN).replace(b"\x01\x08", b"\x02\x08", 1), "no OpenTimestamps proof of version 1"),
        (written(SEVEN).replace(b"\x01\x08", b"\x01\x02", 1), "over a SHA-256"),
        (ots.TREE_BELOW + DIGEST[:-1], "ends before its digest does"),
        (written(b""), "the timestamp is cut off"),
        (written(SEVEN[:-1]), "the timestamp is cut off"),
        (written(b"\xff" + SEVEN), "the timestamp is cut off"),
        (written(SEVEN + b"\0"), "1 bytes stand behind the timestamp"),
        (written(b"\xff" + SEVEN + SEVEN), "stands twice, or out of order"),
        (written(b"\xff" + EIGHT + SEVEN), "stands twice, or out of order"),
        (written(b"\xff\x08" + SEVEN + b"\x08" + EIGHT), "stands twice, or out of order"),
        (written(b"\xff\x08" + SEVEN + EIGHT), "stands twice, or out of order"),
        (written(b"\xff\xff" + SEVEN + EIGHT), "holds the operation 0xff, which is none that is known here"),
        (written(b"\x02" + SEVEN), "holds the operation 0x02"),
        (written(b"\xf2" + SEVEN), "holds the operation 0xf2"),
        (written(b"\xf3" + SEVEN), "holds the operation 0xf3"),
        (written(b"\x67" + SEVEN), "holds the operation 0x67"),
        (written(b"\xf0\x00" + SEVEN), "adds nothing to a message"),
        (written(b"\xf0\x81\x20" + bytes(4097) + SEVEN), "holds a piece of 4097 bytes, more than 4096"),
        (written(b"\xf0\x80\x20" + bytes(4096) + SEVEN), "leads to 4128 bytes, more than 4096"),
        (written(b"\0" + BITCOIN + b"\x02\x87\x00"), "varint with a needless byte"),
        (written(b"\0" + BITCOIN + b"\x02\x07\x00"), "not the height of a Bitcoin block: 0700"),
        (written(b"\0" + BITCOIN + b"\x00"), "varint cut off"),
        (written(bytes(at_height(2**31))), "not the height of a Bitcoin block: 8080808008"),
        (written(b"\0" + PENDING + b"\x02\x01?"), r"not a calendar's address: b'\\x01\?'"),
        (written(b"\0" + PENDING + b"\x03\x01a\x00"), "not a calendar's address"),
        (written(b"\0" + PENDING + b"\xea\x07\xe9\x07" + b"a" * 1001), "a piece of 1001 bytes, more than 1000"),
    ],
)
def test_what_is_no_proof_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse(data)


def test_heights_go_up_to_their_bound() -> None:
    proof = proof_of(DIGEST, [Path((), at_height(bitcoin.HEIGHT_AT_MOST))])
    assert parse(bytes(proof)).blocks == ((2**31 - 1, DIGEST),)


def test_an_address_goes_up_to_its_bound() -> None:
    longest = "a" * ots.ADDRESS_AT_MOST
    assert parse(bytes(proof_of(DIGEST, [Path((), promised_by(longest))]))).promises == ((longest, DIGEST),)
    with pytest.raises(Malformed, match="a piece of 1001 bytes, more than 1000"):
        promised_by(longest + "a")


def test_the_number_of_attestations_is_bounded() -> None:
    paths = [Path((), at_height(height)) for height in range(PATHS_AT_MOST)]
    full = proof_of(DIGEST, paths)
    assert parse(bytes(full)) == full
    words = f"more than {PATHS_AT_MOST}"
    with pytest.raises(Malformed, match=f"with {PATHS_AT_MOST + 1} attestations, {words}"):
        proof_of(DIGEST, [*paths, Path((), at_height(PATHS_AT_MOST))])
    with pytest.raises(Malformed, match=f"attestations?, {words}|{words} attestations"):
        parse(written(b"".join(b"\xff" + bytes(each.attestation) for each in paths) + bytes(at_height(PATHS_AT_MOST))))


def test_the_depth_is_bounded_as_the_stock_library_bounds_it() -> None:
    deepest = written(b"\x08" * DEPTH_AT_MOST + SEVEN)
    assert stock_bytes(stock(deepest)) == bytes(parse(deepest))
    too_deep = written(b"\x08" * (DEPTH_AT_MOST + 1) + SEVEN)
    with pytest.raises(Malformed, match=f"more than {DEPTH_AT_MOST} operations in a row"):
        parse(too_deep)
    with pytest.raises(serialize.RecursionLimitError):
        stock(too_deep)
    with pytest.raises(Malformed, match=f"of {DEPTH_AT_MOST + 1} operations in a row"):
        proof_of(DIGEST, [Path((Op(SHA256),) * (DEPTH_AT_MOST + 1), at_height(7))])


def test_the_length_is_bounded() -> None:
    def of_length(spare: int) -> bytes:
        big = [b"\xff\xf0\xc0\x1f" + bytes([n]) * 4032 + SEVEN for n in range(16)]
        rest = PROOF_AT_MOST + spare - len(written(b"".join(big))) - len(SEVEN) - 3
        return written(b"".join(big) + b"\xf1" + wire.encode_varint(rest) + bytes(rest) + SEVEN)

    assert len(bytes(parse(of_length(0)))) == PROOF_AT_MOST
    with pytest.raises(Malformed, match=f"a timestamp of more than {PROOF_AT_MOST} bytes"):
        parse(of_length(1))
    with pytest.raises(Malformed, match="a timestamp of more than 10000 bytes"):
        parse_answer(bytes(ots.ANSWER_AT_MOST + 1))


def test_a_python_without_ripemd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, *_: object, **__: object) -> None:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", without)
    with pytest.raises(NeedsNewer, match="RIPEMD-160, which this Python does not know"):
        parse(written(b"\x03" + SEVEN))


def test_a_flood_of_forks_ends_soon() -> None:
    with pytest.raises(Malformed, match="attestations"):
        parse(written(b"\xff\x08" * 30_000))
