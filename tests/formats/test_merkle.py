"""Every Merkle function agrees with the definition, for every size to 300, and no other proof holds."""

import base64
import doctest
import hashlib
from collections.abc import Callable
from functools import cache

import pytest
from c2sp import load, vectors
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import BadProof, Malformed, Refused
from mirror.formats import merkle
from mirror.formats.merkle import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
)

SIZES = 300
LEAVES = [leaf_hash(b"%d" % n) for n in range(SIZES)]


def split(start: int, end: int) -> int:
    return start + max(2**k for k in range(10) if 2**k < end - start)


@cache
def defined(start: int, end: int) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if start == end:
        return hashlib.sha256(b"").digest()
    if end - start == 1:
        return LEAVES[start]
    middle = split(start, end)
    return hashlib.sha256(b"\x01" + defined(start, middle) + defined(middle, end)).digest()


def path(index: int, start: int, end: int) -> list[bytes]:
    """RFC 6962 §2.1.1."""
    if end - start == 1:
        return []
    middle = split(start, end)
    if index < middle:
        return [*path(index, start, middle), defined(middle, end)]
    return [*path(index, middle, end), defined(start, middle)]


def subproof(old: int, start: int, end: int, whole: bool) -> list[bytes]:
    """RFC 6962 §2.1.2, with `old` counted from the beginning of the log."""
    if old == end:
        return [] if whole else [defined(start, end)]
    middle = split(start, end)
    if old <= middle:
        return [*subproof(old, start, middle, whole), defined(middle, end)]
    return [*subproof(old, middle, end, False), defined(start, middle)]


def read(level: int, n: int) -> bytes:
    assert (n + 1) << level <= SIZES
    return defined(n << level, (n + 1) << level)


def within(size: int) -> merkle.HashReader:
    """A reader that knows the complete subtrees of the first `size` leaves, and no others."""

    def reader(level: int, n: int) -> bytes:
        assert 0 <= n << level < (n + 1) << level <= size
        return read(level, n)

    return reader


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert leaf_hash(b"entry") == hashlib.sha256(b"\x00entry").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == root_hash(0, read)


def test_roots_agree_with_the_definition_for_every_size() -> None:
    frontier = Frontier()
    for size in range(SIZES + 1):
        assert root_hash(size, within(size)) == defined(0, size) == frontier.root_hash()
        assert Frontier(size, frontier.hashes).root_hash() == defined(0, size)
        if size < SIZES:
            frontier.append(LEAVES[size])
    assert (frontier.size, len(frontier.hashes)) == (SIZES, SIZES.bit_count())


def test_complete_subtrees() -> None:
    for level in range(9):
        assert merkle.subtree_hash(LEAVES[: 2**level]) == defined(0, 2**level)


def test_inclusion_proofs_agree_with_the_definition_for_every_size() -> None:
    for size in range(1, SIZES + 1):
        root = defined(0, size)
        for index in range(size):
            proof = prove_inclusion(index, size, within(size))
            assert list(proof) == path(index, 0, size)
            check_inclusion(index, size, LEAVES[index], proof, root)


def test_consistency_proofs_agree_with_the_definition_for_every_size() -> None:
    longest = 0
    for new in range(1, SIZES + 1):
        for old in range(1, new + 1):
            proof = prove_consistency(old, new, within(new))
            assert list(proof) == subproof(old, 0, new, True)
            check_consistency(old, defined(0, old), new, defined(0, new), proof)
            longest = max(longest, len(proof))
    assert longest == SIZES.bit_length() + 1, "the reason that HASHES_AT_MOST gives"


def changes(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Every proof that differs a little."""
    flipped = [(*proof[:i], bytes([h[0] ^ 1]) + h[1:], *proof[i + 1 :]) for i, h in enumerate(proof)]
    cut = [proof[:i] + proof[i + 1 :] for i in range(len(proof))]
    doubled = [(*proof[:i], h, h, *proof[i + 1 :]) for i, h in enumerate(proof)]
    swapped = [(*proof[:i], proof[i + 1], proof[i], *proof[i + 2 :]) for i in range(len(proof) - 1)]
    short = [(*proof[:i], h[:-1], *proof[i + 1 :]) for i, h in enumerate(proof)]
    return [*flipped, *cut, *doubled, *swapped, *short, (*proof, LEAVES[0]), (*proof, EMPTY_ROOT)]


@given(st.data())
def test_no_other_inclusion_proof_holds(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, SIZES))
    index = data.draw(st.integers(0, size - 1))
    proof, root, leaf = tuple(path(index, 0, size)), defined(0, size), LEAVES[index]
    for changed in changes(proof):
        with pytest.raises(BadProof):
            check_inclusion(index, size, leaf, changed, root)
    for other in {-1, index - 1, index + 1, index ^ 1, size, size + 1} - {index}:
        with pytest.raises(BadProof, match="inclusion proof of entry"):
            check_inclusion(other, size, leaf, proof, root)
    for wrong in (EMPTY_ROOT, leaf_hash(leaf), LEAVES[(index + 1) % SIZES]):
        with pytest.raises(BadProof, match="does not lead to its root hash"):
            check_inclusion(index, size, leaf, proof, wrong)
        with pytest.raises(BadProof, match="does not lead to its root hash"):
            check_inclusion(index, size, wrong, proof, root)


@given(st.data())
def test_no_other_consistency_proof_holds(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, SIZES))
    old = data.draw(st.integers(1, new - 1))
    proof, old_root, new_root = tuple(subproof(old, 0, new, True)), defined(0, old), defined(0, new)
    for changed in changes(proof):
        with pytest.raises(BadProof, match=r"consistency proof|a hash of"):
            check_consistency(old, old_root, new, new_root, changed)
    for wrong in (defined(0, new - 1) if new - 1 != old else EMPTY_ROOT, LEAVES[-1]):
        with pytest.raises(BadProof, match="does not lead to both root hashes"):
            check_consistency(old, wrong, new, new_root, proof)
        with pytest.raises(BadProof, match="does not lead to both root hashes"):
            check_consistency(old, old_root, new, wrong, proof)


def test_an_inclusion_proof_of_another_length_is_named() -> None:
    with pytest.raises(BadProof, match="inclusion proof of entry 0 in a log of 1 is too long"):
        check_inclusion(0, 1, LEAVES[0], [LEAVES[1]], LEAVES[0])
    with pytest.raises(BadProof, match="inclusion proof of entry 3 in a log of 3"):
        check_inclusion(3, 3, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize(
    ("old", "new", "proof", "words"),
    [
        (3, 7, [], "from 3 to 7 entries is empty"),
        (4, 7, [], "from 4 to 7 entries is empty"),
        (4, 8, [LEAVES[0]] * 2, "from 4 to 8 entries is too long"),
        (3, 7, [LEAVES[0]] * 2, "from 3 to 7 entries is too short"),
        (7, 3, [LEAVES[0]], "from 7 to 3 entries: a log does not shrink"),
        (-1, 3, [LEAVES[0]], "from -1 to 3 entries: a log does not shrink"),
        (3, 3, [LEAVES[0]], "from 3 to 3 entries does not hold"),
    ],
)
def test_a_consistency_proof_of_another_shape_is_named(old: int, new: int, proof: list[bytes], words: str) -> None:
    with pytest.raises(BadProof, match=f"^consistency proof {words}$"):
        check_consistency(old, defined(0, max(old, 0)), new, defined(0, new), proof)


def test_consistency_where_nothing_is_to_prove() -> None:
    check_consistency(5, defined(0, 5), 5, defined(0, 5), [])
    check_consistency(0, EMPTY_ROOT, 5, defined(0, 5), ())
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    with pytest.raises(BadProof, match="from 5 to 5 entries does not hold"):
        check_consistency(5, defined(0, 5), 5, defined(0, 6), [])
    with pytest.raises(BadProof, match="the root hash of an empty log is not that"):
        check_consistency(0, LEAVES[0], 5, defined(0, 5), [])
    with pytest.raises(BadProof, match="from 0 to 0 entries does not hold"):
        check_consistency(0, EMPTY_ROOT, 0, LEAVES[0], [])
    with pytest.raises(BadProof, match="from 0 to 5 entries does not hold"):
        check_consistency(0, EMPTY_ROOT, 5, defined(0, 5), [LEAVES[0]])
    assert prove_consistency(0, 5, read) == prove_consistency(5, 5, read) == ()


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_has_32_bytes_wherever_it_stands(length: int) -> None:
    bad, good = bytes(length), LEAVES[0]
    for arguments in ((good, [], bad), (bad, [], good), (good, [bad], good), (bad, [], bad)):
        with pytest.raises(BadProof, match=f"a hash of {length} bytes in a Merkle proof, not 32"):
            check_inclusion(0, 1, *arguments)
    for one, other, proof in ((bad, good, []), (good, bad, []), (bad, bad, []), (good, good, [bad])):
        with pytest.raises(BadProof, match=f"a hash of {length} bytes"):
            check_consistency(3, one, 3, other, proof)


def test_what_cannot_be_proven_is_refused() -> None:
    for index in (-1, 3, 4):
        with pytest.raises(Refused, match=f"entry {index} does not lie in a log of 3 entries"):
            prove_inclusion(index, 3, read)
    for old in (-1, 4):
        with pytest.raises(Refused, match=f"a log of 3 entries does not begin with {old}"):
            prove_consistency(old, 3, read)


@pytest.mark.parametrize(
    ("size", "hashes", "words"),
    [
        (3, [LEAVES[0]], "the right edge of 3 leaves does not have 1 hashes"),
        (4, [LEAVES[0]] * 2, "the right edge of 4 leaves does not have 2 hashes"),
        (-1, [LEAVES[0]], "the right edge of -1 leaves does not have 1 hashes"),
        (1, [b"short"], "a hash that is not 32 bytes in the right edge of a tree"),
    ],
)
def test_a_right_edge_has_as_many_hashes_as_its_size_has_ones(size: int, hashes: list[bytes], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        Frontier(size, hashes)


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(merkle) == doctest.TestResults(failed=0, attempted=1)


# Vectors of others


def test_known_answers() -> None:
    answers = load(vectors("merkle/rfc6962-known-answers.json"))
    frontier = Frontier()
    roots = [frontier.root_hash().hex()]
    for leaf in answers["leaves_hex"]:
        frontier.append(leaf_hash(bytes.fromhex(leaf)))
        roots.append(frontier.root_hash().hex())
    assert roots == answers["roots_hex"]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text or "") for text in texts or []]


def test_inclusion_cases_of_others() -> None:
    cases = load(vectors("merkle/inclusion.json"))
    for case in cases:
        leaf, root = hashes([case["leafHash"], case["root"]])
        holds = not fails(check_inclusion, case["leafIdx"], case["treeSize"], leaf, hashes(case["proof"]), root)
        assert holds is not case["wantErr"], case["case"]
    assert len(cases) == 98


OF_DEFINITION = {
    "consistency/additional/sizes-are-equal-one-and-proof-is-empty": "accepted there with root hashes that are not "
    "32 bytes; refused here",
}


def test_consistency_cases_of_others() -> None:
    cases, otherwise = load(vectors("merkle/consistency.json")), []
    for case in cases:
        old, new = hashes([case["root1"], case["root2"]])
        holds = not fails(check_consistency, case["size1"], old, case["size2"], new, hashes(case["proof"]))
        if holds is case["wantErr"]:
            otherwise.append(case["case"])
    assert len(cases) == 98
    assert set(otherwise) == set(OF_DEFINITION)


def fails(check: Callable[..., None], *arguments: object) -> bool:
    try:
        check(*arguments)
    except BadProof:
        return True
    return False
