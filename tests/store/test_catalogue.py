"""The catalogue: what is known of testimonies, in a file that may always be thrown away and forgets what it should."""

import sqlite3
from pathlib import Path

import pytest

from mirror.store.catalogue import Catalogue, Listed, Live, remove, with_catalogue

WORDS = ("A title that goes", "How it begins", "rare-tag")


def add(catalogue: Catalogue, at: int, *tags: str, language: str = "en", original: int | None = None) -> None:
    entry: Listed = (at, "testimony", b"cid %d" % at, original, None, None, False, None, True)
    live: Live = (at, language, f"{WORDS[0]} {at}", WORDS[1], None, False, "human" if original is not None else None)
    lists = [("language", language, language), *(("tag", tag, f"place of {tag}") for tag in tags)]
    catalogue.add(entry, live, lists)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalogue of five, of which #3 translates #1."""
    found = tmp_path / "cache" / "catalogue.sqlite"

    def work(catalogue: Catalogue) -> None:
        catalogue.add((0, "charter", b"cid 0", None, None, None, False, None, False), None, ())
        add(catalogue, 1, "work", "rare-tag")
        add(catalogue, 2, "work")
        add(catalogue, 3, "work", language="mk", original=1)
        add(catalogue, 4)
        catalogue.set_state("as it was")

    with_catalogue(found, work)
    return found


def test_what_is_put_in_is_found_again(path: Path) -> None:
    def work(catalogue: Catalogue) -> None:
        assert (catalogue.state, catalogue.size, catalogue.live, catalogue.withdrawn) == ("as it was", 5, 4, 0)
        assert [row[0] for row in catalogue.entries(1, 3)] == [1, 2, 3]
        assert catalogue.index_of(b"cid 2") == 2
        assert catalogue.index_of(b"cid 9") is None
        assert catalogue.translations(1) == [(3, "mk", "human")]
        assert catalogue.lists_of(1) == [("language", "en"), ("tag", "rare-tag"), ("tag", "work")]
        assert [row[0] for row in catalogue.on_list("tag", "work", 1, 5)] == [2, 3]
        assert catalogue.position("tag", "work", 3) == 2
        assert (catalogue.count("tag", "work"), catalogue.count("tag", "none")) == (3, 0)
        assert catalogue.most_used("language", 1) == [("en", 3)]
        assert catalogue.count_names("tag") == 2
        assert list(catalogue.names("tag")) == [("rare-tag", 1), ("work", 3)]
        assert [row[0] for row in catalogue.newest(2)] == [4, 3]

    with_catalogue(path, work)
    assert path.exists()


def test_what_is_withdrawn_is_in_no_byte_of_the_file(path: Path) -> None:
    assert all(word.encode() in path.read_bytes() for word in WORDS)

    def work(catalogue: Catalogue) -> None:
        for index in (1, 2, 3, 4):
            catalogue.withdraw(index, 5, with_token=True, reason=None)
        assert (catalogue.live, catalogue.withdrawn, catalogue.count_names("tag")) == (0, 4, 0)
        assert catalogue.translations(1) == []
        assert catalogue.entries(3, 1) == [(3, "testimony", b"cid 3", None, None, 5, True, None, False)]

    with_catalogue(path, work)
    kept = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert [word for word in WORDS if word.encode() in kept] == []


def test_what_fails_changes_nothing(path: Path) -> None:
    def work(catalogue: Catalogue) -> None:
        catalogue.clear()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_catalogue(path, work)
    assert with_catalogue(path, lambda catalogue: catalogue.size) == 5


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(4000), b""])
def test_a_damaged_file_gives_an_empty_catalogue(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert with_catalogue(path, lambda catalogue: (catalogue.state, catalogue.size)) == ("", 0)
    assert with_catalogue(path, lambda catalogue: catalogue.set_state("anew")) is None
    assert with_catalogue(path, lambda catalogue: catalogue.state) == "anew"


def test_a_schema_of_another_version_is_made_anew(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    assert with_catalogue(path, lambda catalogue: catalogue.size) == 0


def test_a_file_that_another_program_holds_is_done_without_and_tells_nothing_any_more(path: Path) -> None:
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    assert with_catalogue(path, lambda catalogue: catalogue.size) == 0
    holder.close()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("word", WORDS)
def test_a_letter_that_changed_on_the_disk_is_damage(path: Path, word: str) -> None:
    data = path.read_bytes()
    at = data.index(word.encode())
    path.write_bytes(data[:at] + b"!" + data[at + 1 :])
    assert with_catalogue(path, lambda catalogue: (catalogue.state, catalogue.size)) == ("", 0)


def test_a_journal_that_was_left_goes_with_its_file(path: Path) -> None:
    Path(f"{path}-journal").write_bytes(b"A title that goes" * 100)
    assert remove(path)
    assert list(path.parent.iterdir()) == []


def test_a_row_twice_is_damage_and_the_work_begins_again(path: Path) -> None:
    sizes = []

    def work(catalogue: Catalogue) -> int:
        sizes.append(catalogue.size)
        add(catalogue, 4)
        return catalogue.size

    assert with_catalogue(path, work) == 5
    assert sizes == [5, 0]


def test_without_a_path_it_lives_in_memory(tmp_path: Path) -> None:
    assert with_catalogue(None, lambda catalogue: catalogue.live) == 0
    assert list(tmp_path.iterdir()) == []
