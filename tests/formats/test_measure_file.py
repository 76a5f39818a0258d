"""A file is measured as the strict reader reads it, each block once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import Blocks, endless

from mirror.errors import Malformed, Missing
from mirror.formats.cid import CID
from mirror.formats.unixfs import CHUNK, build_file, measure_file, read_file


def test_a_file_of_five_blocks_costs_five_however_long_it_claims_to_be() -> None:
    cid, blocks = endless()
    asked: Counter[CID] = Counter()

    def get(cid: CID) -> bytes:
        asked[cid] += 1
        return blocks[cid]

    assert measure_file(cid, get).length == 1 << 60
    assert asked == Counter(blocks.keys())


def test_a_wrong_size_in_it_is_malformed() -> None:
    cid, blocks = endless(1)
    with pytest.raises(Malformed, match=r"claims that \d+ bytes lie below bafy"):
        measure_file(cid, blocks.__getitem__)


@given(st.integers(0, 3 * CHUNK), st.binary(min_size=1, max_size=3))
def test_it_measures_what_the_strict_reader_reads(length: int, pattern: bytes) -> None:
    blocks = Blocks()
    content = (pattern * (length // len(pattern) + 1))[:length]
    built = build_file([content], blocks.put)
    reader = read_file(built.cid, blocks.get, strict=True)
    assert sum(map(len, reader)) == length
    assert measure_file(built.cid, blocks.get) == built
    assert reader.size == built.size


def test_a_missing_block_is_missing() -> None:
    def get(cid: CID) -> bytes:
        raise Missing(f"block {cid} is not here")

    with pytest.raises(Missing, match="is not here"):
        measure_file(CID.of_raw(b"x"), get)
