"""`mirror fsck` reads what nothing hashes, too: the root that each edition's header names."""

from pathlib import Path

import pytest
from laid import Publisher
from storyteller import run_mirror

HEADER_ROOT = 18 + 5
"""A byte of the root's digest: in a header of one root it stands in the 32 bytes from byte 18."""


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.publish(["The first text."])
    return made


@pytest.mark.parametrize("edition", ["000001", "000002"])
def test_a_bit_of_the_root_in_a_header_is_found(publisher: Publisher, edition: str) -> None:
    path = publisher.home / "archive" / "editions" / f"{edition}.car"
    data = bytearray(path.read_bytes())
    data[HEADER_ROOT] ^= 1
    path.write_bytes(data)
    done = run_mirror("--home", str(publisher.home), "fsck")
    assert done.code == 1
    assert f"false  editions/{edition}.car: its header names the index hash bafybei" in done.out
    assert "which is not here" in done.out


def test_a_whole_archive_is_whole(publisher: Publisher) -> None:
    done = run_mirror("--home", str(publisher.home), "fsck")
    assert done.code == 0
    assert "every block hashes to its CID" in done.out
