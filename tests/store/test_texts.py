"""What was ever published here, as keyed hashes: known again by the key's holder, and by nobody else."""

import hashlib
import sqlite3
import stat
from pathlib import Path

import pytest

from mirror.errors import Unavailable
from mirror.store.texts import Texts

KEY = hashlib.sha256(b"derived").digest()
TEXT = hashlib.sha256(b"mirror/v1 testimony ...").digest()
FILE = "/home-of-anna/letters/the-seminar.md"


def opened(folder: Path, key: bytes = KEY) -> Texts:
    return Texts(folder / "texts.sqlite", key)


def test_texts_and_files_are_known_again(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        assert (texts.size, texts.index_of_text(TEXT), texts.index_of_source(FILE)) == (0, None, None)
        texts.add(18, [(TEXT, 17)], [(FILE, 17)])
    with opened(tmp_path) as texts:
        assert (texts.size, texts.index_of_text(TEXT), texts.index_of_source(FILE)) == (18, 17, 17)
        assert texts.index_of_text(TEXT + b"x") is None
        assert texts.index_of_source(FILE + "x") is None
        assert texts.index_of_text(FILE.encode()) is None
        assert texts.index_of_source("") is None


def test_a_file_is_known_by_what_it_was_last_published_as(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(2, [(b"one", 1)], [(FILE, 1)])
        texts.add(3, [(b"two", 2)], [(FILE, 2)])
        assert (texts.size, texts.index_of_source(FILE), texts.index_of_text(b"one")) == (3, 2, 1)


def test_a_file_name_may_be_of_any_bytes(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(2, [], [("caf\udce9.md", 1)])
        assert texts.index_of_source("caf\udce9.md") == 1


def test_nothing_is_known_under_another_key(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(2, [(TEXT, 1)], [(FILE, 1)])
    with opened(tmp_path, bytes(32)) as texts:
        assert (texts.index_of_text(TEXT), texts.index_of_source(FILE)) == (None, None)


def test_all_is_taken_in_or_nothing(tmp_path: Path) -> None:
    def failing() -> object:
        yield (b"one", 1)
        raise KeyboardInterrupt

    with opened(tmp_path) as texts:
        texts.add(2, [(TEXT, 1)])
        with pytest.raises(KeyboardInterrupt):
            texts.add(9, failing())  # type: ignore[arg-type]  # it never gets that far
        assert (texts.size, texts.index_of_text(b"one"), texts.index_of_text(TEXT)) == (2, None, 1)


def test_the_file_holds_no_text_no_name_and_no_guessable_hash(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(2, [(TEXT, 1), (b"What happened.", 1)], [(FILE, 1)])
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    hidden = [TEXT, b"What happened.", FILE.encode(), b"the-seminar", b"home-of-anna", KEY]
    hidden += [hashlib.sha256(each).digest() for each in hidden]
    assert not any(each in data or each.hex().encode() in data for each in hidden)


def test_a_text_and_a_file_name_of_the_same_bytes_leave_two_hashes(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(2, [(b"seminar", 1)], [("seminar", 1)])
    database = sqlite3.connect(tmp_path / "texts.sqlite")
    (one,), (two,) = (database.execute(f"SELECT hash FROM {table}").fetchone() for table in ("texts", "sources"))
    database.close()
    assert one != two


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as texts:
        texts.add(1, [(TEXT, 0)])
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("data", [b"no database" * 100, b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_spoilt_file_is_refused_and_kept(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "texts.sqlite").write_bytes(data)
    with pytest.raises(Unavailable, match=r"texts.sqlite cannot be read or written as what it is") as refusal:
        opened(tmp_path)
    assert "put a copy from a backup in its place" in refusal.value.hint
    assert (tmp_path / "texts.sqlite").read_bytes() == data


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"absent/texts.sqlite cannot be read or written"):
        opened(tmp_path / "absent")


def test_other_tables_do_no_harm(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "texts.sqlite")
    database.execute("CREATE TABLE other (x)")
    database.close()
    with opened(tmp_path) as texts:
        assert texts.size == 0
