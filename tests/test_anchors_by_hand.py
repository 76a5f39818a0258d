"""The blocks of ``docs/anchors.md`` that check a proof on Ethereum by hand, run on what is right and on what is not."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from counterparts import CHECKOUT, need_package, need_program
from onchain import make_header, make_payment, make_proof
from strategies import KEY, NAMESAKE
from test_by_hand import PROGRAMS, Ran, run_script

from mirror.formats import ether, notes, trie
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ethereum import Proof
from mirror.formats.key import SecretKey
from mirror.formats.notes import Announcement

RUN_HERE = re.compile(r"<!-- not run: tests/test_anchors_by_hand.py runs it -->\n```sh\n(.*?)^```$", re.M | re.S)
CHARTER = CID.of_raw(b"a charter")


def announcement(key: SecretKey = KEY) -> bytes:
    return notes.sign(Announcement(key.name, CHARTER, 7, 42, b"\1" * 32, CID.of(DAG_PB, b"a tree")), key)


def follow(folder: Path, proof: Proof, shell: str = "sh") -> Ran:
    """What the page says, with this proof and the key of the tests' mirror."""
    for program in (shell, *PROGRAMS):
        need_program(program)
    (folder / "bin").mkdir()
    (folder / "bin" / "cast").symlink_to(need_package("@foundry-rs/cast-linux-amd64") / "bin" / "cast")
    (folder / "ethereum.json").write_bytes(bytes(proof))
    (folder / "vkey.txt").write_text(f"{KEY.public.vkey}\n")
    scripts = RUN_HERE.findall((CHECKOUT / "docs" / "anchors.md").read_text(encoding="utf-8"))
    assert len(scripts) == 4
    return run_script(folder, "\n".join(scripts), shell)


@pytest.mark.parametrize(("others", "shell"), [(0, "dash"), (1, "bash"), (20, "dash"), (140, "bash")])
def test_what_is_right_holds(tmp_path: Path, others: int, shell: str) -> None:
    proof = make_proof(announcement(), others=others)
    ran = follow(tmp_path, proof, shell)
    assert ran.returncode == 0, ran
    assert "NOT the same" not in ran.stdout
    assert "Signature Verified Successfully" in ran.stdout
    assert ran.stdout.endswith(f"block 23000000 of 2026-09-21, which has to be 0x{proof.block.hex()}\n")
    assert "Size: 42\n" in ran.stdout


def another_block(proof: Proof) -> Proof:
    return replace(proof, block=b"\2" * 32)


def another_header(proof: Proof) -> Proof:
    header = make_header([make_payment(b"x")])
    return replace(proof, header=header.raw, block=header.hash)


def another_transaction(proof: Proof) -> Proof:
    return replace(proof, transaction=make_payment(announcement(), nonce=99))


def another_index(proof: Proof) -> Proof:
    return replace(proof, index=2)


def half_a_branch(proof: Proof) -> Proof:
    return replace(proof, branch=proof.branch[:-1])


def another_node(proof: Proof) -> Proof:
    return replace(proof, branch=(*proof.branch[:-1], proof.branch[-1][:-1] + b"\0"))


def smuggled(proof: Proof) -> Proof:
    """A node whose hash stands in the data of a transaction that is on the chain, and so within its leaf."""
    forged = make_payment(announcement(), nonce=50)
    leaf = trie.branch_of([forged], 0)[0]
    carrier = make_payment(ether.keccak(leaf))
    header = make_header([carrier])
    return Proof(1, header.hash, header.raw, 0, forged, (*trie.branch_of([carrier], 0), leaf))


def by_another_key(_: Proof) -> Proof:
    return make_proof(announcement(NAMESAKE))


CHANGES: dict[Callable[[Proof], Proof], str] = {
    another_block: "NOT the same: the header, and the hash of the block",
    another_header: "NOT the same: a node, and what stands above it",
    another_transaction: "NOT the same: the transaction that hangs there",
    another_index: "NOT the same",
    half_a_branch: "NOT the same: the transaction that hangs there",
    another_node: "NOT the same: a node, and what stands above it",
    smuggled: "NOT the same",
    by_another_key: "Signature Verification Failure",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_not_right_does_not(tmp_path: Path, change: Callable[[Proof], Proof]) -> None:
    ran = follow(tmp_path, change(make_proof(announcement())))
    assert ran.returncode != 0, ran
    assert CHANGES[change] in ran.stdout + ran.stderr, ran


def test_the_proof_lies_in_a_file_as_the_page_reads_it() -> None:
    proof = make_proof(announcement())
    assert set(json.loads(bytes(proof))) == {"block", "branch", "chain", "header", "index", "transaction"}
