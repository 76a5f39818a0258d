"""Real proofs, some of them ten years old: read, recomputed to the merkle roots of real blocks, printed back."""

import hashlib

import pytest
from counterparts import need_ots_examples
from opentimestamps.core import serialize
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
from opentimestamps.core.timestamp import DetachedTimestampFile

from mirror.errors import Malformed
from mirror.formats import ots
from mirror.formats.ots import Attestation, Proof

PROVEN = {"hello-world.txt": 358391, "osdsp.txt": 523364, "empty": 129405}
"""The files that are in a block, and its height."""

PROMISED = ["incomplete.txt", "merkle1.txt", "merkle2.txt", "merkle3.txt", "two-calendars.txt", "unknown-notary.txt"]


def read(name: str) -> bytes:
    return (need_ots_examples() / f"{name}.ots").read_bytes()


@pytest.mark.parametrize("name", [*PROVEN, *PROMISED, "bad-stamp.txt", "known-and-unknown-notary.txt"])
def test_a_real_proof_is_read_and_prints_back(name: str) -> None:
    data = read(name)
    assert bytes(ots.parse(data)) == data


@pytest.mark.parametrize("name", [*PROVEN, *PROMISED])
def test_it_is_over_its_file(name: str) -> None:
    file = (need_ots_examples() / name).read_bytes()
    assert ots.parse(read(name)).digest == hashlib.sha256(file).digest()


def test_one_that_names_a_block_it_is_not_in_leads_to_another_merkle_root() -> None:
    ((height, merkle_root),) = ots.parse(read("bad-stamp.txt")).blocks
    ((same_height, true_root),) = ots.parse(read("hello-world.txt")).blocks
    assert height == same_height == PROVEN["hello-world.txt"]
    assert merkle_root != true_root


@pytest.mark.parametrize("name", [*PROVEN, *PROMISED])
def test_each_way_leads_where_the_stock_library_says(name: str) -> None:
    proof = ots.parse(read(name))
    stock = DetachedTimestampFile.deserialize(serialize.BytesDeserializationContext(read(name)))
    said = list(stock.timestamp.all_attestations())
    blocks = {(each.height, message) for message, each in said if isinstance(each, BitcoinBlockHeaderAttestation)}
    promises = {(each.uri, message) for message, each in said if isinstance(each, PendingAttestation)}
    assert (set(proof.blocks), set(proof.promises)) == (blocks, promises)


@pytest.mark.parametrize(("name", "height"), PROVEN.items())
def test_it_names_the_block_that_it_is_known_to_be_in(name: str, height: int) -> None:
    ((found, merkle_root),) = ots.parse(read(name)).blocks
    assert (found, len(merkle_root)) == (height, 32)


@pytest.mark.parametrize("name", ["ripemd160/README.md", "sha1/a_or_b"])
def test_one_over_another_hash_of_its_file_is_none_here(name: str) -> None:
    with pytest.raises(Malformed, match="no OpenTimestamps proof of version 1 over a SHA-256"):
        ots.parse(read(name))


@pytest.mark.parametrize("name", PROVEN)
def test_a_changed_byte_leads_elsewhere(name: str) -> None:
    data = read(name)
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            found = ots.parse(changed)
        except Malformed:
            continue
        assert ends(found) != ends(ots.parse(data))


def ends(proof: Proof) -> tuple[bytes, set[tuple[Attestation, bytes]]]:
    """What a proof is over, and all that it leads to, on other chains too."""
    return proof.digest, {(path.attestation, path.result(proof.digest)) for path in proof.paths}
