"""Entries: one line each, read strictly, and what the log says of which note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated
from strategies import ENTRIES, KEY, NAME, NOTES, raw_cid

from mirror.errors import Malformed, NeedsNewer
from mirror.formats import entry, notes
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.entry import Entry
from mirror.formats.notes import Announcement, Charter, Edition, Kind, Withdrawal

CIDS = str(raw_cid("x"))
HASH = "9f" * 32


@given(ENTRIES)
def test_entries_round_trip(made: Entry) -> None:
    assert entry.parse(bytes(made)) == made
    assert len(bytes(made)) <= entry.ENTRY_AT_MOST


@given(mutated(ENTRIES.map(bytes)) | st.binary(max_size=40))
def test_an_entry_is_read_back_or_refused(data: bytes) -> None:
    try:
        made = entry.parse(data)
    except (Malformed, NeedsNewer):
        return
    assert bytes(made) == data


def test_entries_read_as_the_specification_says() -> None:
    assert bytes(Entry("charter", raw_cid("x"))) == f"charter {CIDS}".encode()
    assert bytes(Entry("testimony", raw_cid("x"), bytes.fromhex(HASH))) == f"testimony {CIDS} {HASH}".encode()
    assert bytes(Entry("withdrawal", raw_cid("x"))) == f"withdrawal {CIDS}".encode()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not an entry: ''"),
        ("charter", "not an entry"),
        ("charter ", "not a CID"),
        (f"charter {CIDS}\n", "not lower-case base32"),
        (f"charter  {CIDS}", "not an entry"),
        (f"charter {CIDS} ", "not an entry"),
        (f" charter {CIDS}", "not an entry"),
        (f"Charter {CIDS}", "not an entry"),
        (f"charter {CIDS} {HASH}", "not an entry"),
        (f"withdrawal {CIDS} {HASH}", "not an entry"),
        (f"testimony {CIDS}", "not an entry"),
        (f"testimony {CIDS} {HASH} x", "not an entry"),
        (f"testimony {CIDS} {HASH.upper()}", "not lower-case hexadecimal"),
        (f"testimony {CIDS} {HASH[2:]}", "a SHA-256 of 31 bytes, not 32"),
        (f"testimony {CIDS} {HASH}00", "a SHA-256 of 33 bytes, not 32"),
        (f"testimony {CID.of(DAG_PB, b'x')} {HASH}", "a CID of another kind than is allowed here"),
        (f"charter {CIDS.upper()}", "not a CID"),
        ("charter Qmc5gCcjYypU7y28oCALwfSvxCBskLuPKWpK4qpterKC7z", "a CID of another kind than is allowed here"),
        (f"charter\t{CIDS}", "not an entry"),
        ("letter\x00 x", "not an entry"),
        ("letter x\n", "not an entry"),
        ("letter x\x9b", "not an entry"),
        ("l" * 33 + " x", "not an entry"),
        ("2letter x", "not an entry"),
        ("édition x", "not an entry"),
    ],
)
def test_no_other_line_is_an_entry(line: str, words: str) -> None:
    with pytest.raises(Malformed) as refusal:
        entry.parse(line.encode())
    assert words in refusal.value.message


@pytest.mark.parametrize("line", ["letter", "letter x", "letter-2 anything at all — é", "edition bafy", "a ", "l" * 32])
def test_another_word_is_of_a_newer_version(line: str) -> None:
    with pytest.raises(NeedsNewer, match=r"an entry of kind '.*', which this version does not know"):
        entry.parse(line.encode())


def test_an_entry_is_text_of_bounded_length() -> None:
    with pytest.raises(Malformed, match=r"the entry is not UTF-8 at byte 7"):
        entry.parse(b"letter \xff")
    newest = b"letter " + b"x" * (entry.ENTRY_AT_MOST - 7)
    with pytest.raises(NeedsNewer):
        entry.parse(newest)
    with pytest.raises(Malformed, match=r"an entry of 257 bytes, more than 256"):
        entry.parse(newest + b"x")


@given(NOTES)
def test_the_log_lists_charters_testimonies_and_withdrawals(note: Kind) -> None:
    if isinstance(note, Edition | Announcement):
        with pytest.raises(Malformed, match=rf"a note of kind {note.word} has no place in the log"):
            entry.entry_of(note, raw_cid("x"))
        return
    made = entry.entry_of(note, raw_cid("x"))
    assert (made.kind, made.cid) == (note.word, raw_cid("x"))
    assert made.withdrawal == (note.withdrawal if isinstance(note, notes.Testimony) else None)
    assert entry.parse(bytes(made)) == made


def test_the_log_says_nothing_that_could_name_anybody() -> None:
    charter = Charter(NAME, KEY.public, bytes(32), "en", "A title", "Who we are.")
    account = notes.Testimony(NAME, raw_cid("c"), "en", bytes(32), bytes(16), "What happened.", title="A title")
    for note in (charter, account, Withdrawal(NAME, raw_cid("c"), (1,), "safety")):
        assert len(bytes(entry.entry_of(note, raw_cid("x"))).split(b" ")) == (3 if note is account else 2)
