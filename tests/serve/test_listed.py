"""A note asked for by its own CID: where the log lists it, proven; and nothing for what was withdrawn."""

import pytest
import serving as gateways
from serving import SIZE, Held

from mirror.edition import Edition
from mirror.formats import entry, proof
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.serve.listed import Positions

held = gateways.held


@pytest.mark.parametrize("index", [0, 1, 255, 256, SIZE - 1])
def test_the_proof_of_a_note_shows_where_it_is_listed(index: int, held: Held) -> None:
    entry = held.edition.entry(index)
    given = held.asking.get(f"/log/{held.name}/proof/{entry.cid}")
    found = proof.parse(given.body)
    assert (given.status, found.index) == (200, index)
    assert found.check(bytes(entry), held.edition.key) == held.edition.checkpoint
    assert given.headers["cache-control"] == "public, max-age=10"
    again = held.asking.get(f"/log/{held.name}/proof/{entry.cid}", If_None_Match=given.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("note", "status", "words"),
    [
        (str(CID.of_raw(b"nobody's")), 404, "is not listed in edition 2"),
        ("junk", 400, "not a CID"),
        ("", 400, "not a CID"),
    ],
    ids=["not listed", "junk", "nothing"],
)
def test_what_is_not_listed_has_no_proof(note: str, status: int, words: str, held: Held) -> None:
    given = held.asking.get(f"/log/{held.name}/proof/{note}")
    assert given.status == status
    assert words in given.words


class OddLog:
    """An edition whose log lists a note twice, and says something that only a newer version knows."""

    def __init__(self, first: CID, second: CID) -> None:
        odd = ["seal 2", "seal", f"seal {first} more", f"charter {first}", f"seal {second}"]
        self.log = self
        self._lines = [line.encode() for line in (f"charter {first}", *odd, f"withdrawal {second}")]

    def entries(self) -> list[bytes]:
        return self._lines

    def entry(self, index: int) -> Entry:
        return entry.parse(self._lines[index])


def test_positions_count_every_entry_whatever_it_is() -> None:
    first, second = CID.of_raw(b"first"), CID.of_raw(b"second")
    edition: Edition = OddLog(first, second)  # type: ignore[assignment]  # as much of one as is read
    positions = Positions(edition)
    assert [positions.index_of(each) for each in (first, second, CID.of_raw(b"third"))] == [0, None, None]


def test_a_note_that_is_listed_behind_odd_entries_is_found() -> None:
    first, second = CID.of_raw(b"first"), CID.of_raw(b"second")
    log = OddLog(first, second)
    log._lines[5] = b"seal 1"
    positions = Positions(log)  # type: ignore[arg-type]  # as above
    assert positions.index_of(second) == 6
