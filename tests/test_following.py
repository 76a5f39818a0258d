"""`mirror follow`: a keeper's copy from files and gateways; what is new, and what contradicts what is held."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import gateways
import pytest
from counterparts import CHECKOUT
from gateways import FakeGateway
from laid import Publisher
from scenes import Place
from serving import serving, shelf_of
from storyteller import Finished, run_mirror

from mirror import tree
from mirror.edition import Edition
from mirror.follow import Leaving
from mirror.store.archive import Archive
from mirror.store.blocks import Blocks


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A mirror of five testimonies; the keeper's own memory, and her current folder, are apart from it."""
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "keeper's state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = Publisher(tmp_path)
    made.publish([f"Testimony {number}." for number in range(1, 6)])
    return made


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def follow(copy: Path, *arguments: str | Path, code: int = 0) -> Finished:
    finished = run_mirror("--home", copy, "follow", *arguments)
    assert finished.code == code, finished
    return finished


def held(folder: Path) -> tuple[int, str]:
    with Archive(folder / "archive") as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        return edition.number, str(edition.root)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "archive").rglob("*")) if path.is_file()}


def verifies(copy: Path, publisher: Publisher) -> bool:
    return run_mirror("verify", "--key", publisher.vkey, copy).code == 0


def link_of(publisher: Publisher) -> str:
    return f"ipns://{publisher.run('name')['name']}#{publisher.vkey}"


# From files


def test_a_copy_is_made_of_a_file_and_brought_up_to_date_by_an_archive(publisher: Publisher, copy: Path) -> None:
    publisher.run("export", "-o", publisher.folder / "one.car")
    first = follow(copy, "--from", publisher.folder / "one.car")
    assert first.out.startswith("voices.example/archive: edition 2 is here now, ")
    publisher.publish(["One more."])
    follow(copy, "--from", publisher.home)
    assert held(copy) == held(publisher.home)
    assert verifies(copy, publisher)
    assert sorted(path.name for path in copy.iterdir()) == ["archive", "cache"]
    again = follow(copy, "--from", publisher.home)
    assert again.out == "voices.example/archive: edition 3 is here, and nothing newer is shown\n"


def test_the_newest_of_several_sources_is_taken_and_a_broken_one_named(
    publisher: Publisher, copy: Path, tmp_path: Path
) -> None:
    publisher.run("export", "-o", tmp_path / "old.car")
    publisher.publish(["One more."])
    broken = tmp_path / "broken.car"
    broken.write_bytes((tmp_path / "old.car").read_bytes()[:200])
    done = follow(copy, "--from", tmp_path / "old.car", "--from", broken, "--from", publisher.home)
    assert "edition 3 is here now" in done.out
    assert f"the CAR {broken}: " in done.err


@pytest.mark.parametrize("command", [["follow", "--from"], ["import"]])
def test_what_an_interrupted_fetch_left_goes_once_a_newer_edition_came_another_way(
    publisher: Publisher, copy: Path, command: list[str]
) -> None:
    follow(copy, "--from", publisher.home)
    left = copy / "cache" / "following"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"some of an edition in which stands what was withdrawn since")
    publisher.publish(["Testimony 6."])
    assert run_mirror("--home", copy, *command, publisher.home).code == 0
    assert not left.exists()


def test_an_older_edition_changes_nothing(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    publisher.run("export", "-o", tmp_path / "old.car")
    publisher.publish(["One more."])
    follow(copy, "--from", publisher.home)
    before = content(copy)
    assert "edition 3 is here, and nothing newer" in follow(copy, "--from", tmp_path / "old.car").out
    assert content(copy) == before


def test_a_tree_that_does_not_verify_is_not_taken_in(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    follow(copy, "--from", publisher.home)
    publisher.publish(["A text that is changed."])
    publisher.run("export", "-o", tmp_path / "changed.car")
    data = (tmp_path / "changed.car").read_bytes()
    (tmp_path / "changed.car").write_bytes(data.replace(b"that is changed", b"that was changed"[:15]))
    before = content(copy)
    done = follow(copy, "--from", tmp_path / "changed.car", code=1)
    assert "note/00/00/00/06.txt" in done.out
    assert "nothing was taken in" in done.err
    assert content(copy) == before


def test_another_mirror_is_refused(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    follow(copy, "--from", publisher.home)
    (tmp_path / "other").mkdir()
    other = Publisher(tmp_path / "other")
    other.publish(["Another.", "Another again."])
    done = follow(copy, "--from", other.home, code=4)
    assert f"it is the mirror {other.vkey}, and k51" in done.err
    assert held(copy) == held(publisher.home)


# Forks


def fork(publisher: Publisher, tmp_path: Path) -> Path:
    """Another story by the same key, one edition longer, as from a restored backup; the one of `publisher` goes on."""
    shutil.copytree(publisher.folder, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("elsewhere"))
    other = object.__new__(Publisher)
    other.__dict__.update(publisher.__dict__)
    other.folder, other.home = tmp_path / "elsewhere", tmp_path / "elsewhere" / "voices"
    publisher.publish(["One story."])
    other.publish(["Another story."])
    other.publish(["And more of it."])
    return other.home


def test_a_fork_stops_it_and_leaves_evidence_that_convinces_others(
    publisher: Publisher, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = fork(publisher, tmp_path)
    follow(copy, "--from", publisher.home)
    before = content(copy)
    done = follow(copy, "--from", other, code=1)
    assert "evidence: fork-7-8.txt; what you held is unchanged" in done.err
    assert "cannot both be true" in done.err
    assert content(copy) == before
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "a third machine"))
    judged = run_mirror("verify", "--key", publisher.vkey, "fork-7-8.txt")
    assert judged.code == 1
    assert "append-only  false        two logs signed by this key cannot both be true" in judged.out


def test_two_sources_that_tell_two_stories_stop_it_before_anything_is_taken(
    publisher: Publisher, copy: Path, tmp_path: Path
) -> None:
    other = fork(publisher, tmp_path)
    follow(copy, "--from", publisher.home, "--from", other, code=1)
    assert Path("fork-7-8.txt").exists()
    assert content(copy) == {}


def test_a_shorter_story_by_the_same_key_is_a_fork_too(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    other = fork(publisher, tmp_path)
    follow(copy, "--from", other)
    before = content(copy)
    follow(copy, "--from", publisher.home, code=1)
    assert Path("fork-7-8.txt").exists()
    assert content(copy) == before


def test_a_name_that_leads_to_two_stories_stops_it(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    """Of two gateways each shows a record that the key signed, and the tree that it leads to."""
    link = link_of(publisher)
    follow(copy, "--from", publisher.home)
    before = content(copy)
    other = fork(publisher, tmp_path)
    publisher.run("name")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRROR_STATE", str(other.parent / "state"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(other.parent / "identity.txt"))
        assert run_mirror("--home", other, "name").code == 0
    with (
        Archive(publisher.home / "archive") as one,
        Archive(other / "archive") as two,
        serving(shelf_of(archives=[one])) as here,
        serving(shelf_of(archives=[two])) as there,
    ):
        done = follow(copy, "--gateway", here.url, "--gateway", there.url, link, code=1)
    assert "evidence: fork-7-8.txt" in done.err
    assert content(copy) == before
    assert sorted(path.name for path in (copy / "cache").iterdir()) == ["index.sqlite", "lock"]


# From gateways


def test_a_copy_follows_a_name_over_http_and_fetches_only_what_is_new(publisher: Publisher, copy: Path) -> None:
    link = link_of(publisher)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        first = json.loads(run_mirror("--json", "--home", copy, "follow", "--gateway", asking.url, link).out)
    assert held(copy) == held(publisher.home)
    assert verifies(copy, publisher)
    publisher.publish(["One more."])
    publisher.run("name")
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        second = json.loads(run_mirror("--json", "--home", copy, "follow", "--gateway", asking.url).out)
        third = json.loads(run_mirror("--json", "--home", copy, "follow", "--gateway", asking.url).out)
    new = (publisher.home / "archive" / "editions" / "000003.car").stat().st_size
    assert held(copy) == held(publisher.home)
    assert verifies(copy, publisher)
    assert 0 < second["fetched_bytes"] <= new < first["fetched_bytes"] + new
    assert (third["new_blocks"], third["fetched_bytes"]) == (0, 0)
    assert sorted(path.name for path in (copy / "cache").iterdir()) == ["index.sqlite", "lock"]


def test_a_copy_is_followed_when_the_publisher_is_gone(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    link = link_of(publisher)
    follow(copy, "--from", publisher.home, link)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        follow(copy, "--gateway", asking.url, link)
    root = held(publisher.home)
    shutil.rmtree(publisher.home)
    with Archive(copy / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        follow(tmp_path / "stranger", "--gateway", asking.url, link)
    assert held(tmp_path / "stranger") == root


def test_a_gateway_that_lies_is_named_and_one_that_does_not_serves(publisher: Publisher, copy: Path) -> None:
    link = f"ipfs://{held(publisher.home)[1]}#{publisher.vkey}"
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        blocks = {cid: archive.blocks.get(cid) for cid in archive.blocks}
        with FakeGateway(blocks) as liar:
            liar.lies = gateways.flip_a_bit
            done = follow(copy, "--gateway", liar.url, "--gateway", asking.url, link)
    assert "lied" in done.err
    assert held(copy) == held(publisher.home)


def test_where_nobody_answers_nothing_is_made(publisher: Publisher, copy: Path) -> None:
    done = follow(copy, "--gateway", "http://127.0.0.1:9", link_of(publisher), code=3)
    assert "nobody shows where the name leads" in done.err
    assert content(copy) == {}


def test_a_name_that_leads_back_is_no_edition(publisher: Publisher, copy: Path) -> None:
    link = link_of(publisher)
    record = (publisher.home / "archive" / "name.ipns-record").read_bytes()
    publisher.publish(["One more."])
    follow(copy, "--from", publisher.home)
    (publisher.home / "archive" / "name.ipns-record").write_bytes(record)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        done = follow(copy, "--gateway", asking.url, link, code=3)
    assert "nobody shows edition 3, which is held here; the newest that is shown is edition 2" in done.err


# Withdrawals


def withdrawing(place: Place, *arguments: str | Path) -> dict[str, bytes]:
    """The publisher withdraws; the keeper's copy is still of before, and its content is given back."""
    place.run("voices", "withdraw", "--yes", *arguments)
    return content(place.base / "copy")


def sealed(place: Place) -> list[Path]:
    folder = place.base / "copy" / "sealed"
    return sorted(folder.iterdir()) if folder.exists() else []


def archived(place: Place, words: bytes) -> bool:
    return any(words in data for data in content(place.base / "copy").values())


def test_what_its_token_withdraws_is_dropped_at_once(place: Place) -> None:
    withdrawing(place, "--token-file", place.world / "token.txt")
    done = place.run("copy", "follow", "--from", place.base / "voices")
    assert "withdrawn with their tokens, and dropped: #1, #3\n" in done.err
    assert not archived(place, b"WITHDRAWN-")
    assert sealed(place) == []


def test_what_the_publisher_alone_withdraws_is_put_away_and_not_handed_on(place: Place) -> None:
    before = withdrawing(place, "1")
    done = place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    assert "withdrawn by the publisher alone: #1" in done.err
    (kept,) = sealed(place)
    assert f"no longer handed on, and put away in sealed/{kept.name}\n" in done.err
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"WITHDRAWN-PICTURE" in kept.read_bytes()
    assert not archived(place, b"WITHDRAWN-FIRST")
    assert any(b"WITHDRAWN-FIRST" in data for data in before.values())
    refused = run_mirror("serve", "--dry-run", kept)
    assert (refused.code, "lies in sealed/, of which nothing is ever served" in refused.err) == (4, True)


def test_what_is_put_away_makes_the_older_edition_whole_again(place: Place) -> None:
    withdrawing(place, "1")
    with place.archive("copy") as archive:
        root = archive.head()
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    with Blocks([*place.archive("copy").editions().values(), *sealed(place)]) as blocks:
        top = tree.Tree(root, blocks.get).entries(root)
        kept = [link for name, link in top.items() if name not in tree.READING_ROOM]
        assert all(cid in blocks for link in kept for cid in tree.reach(link.cid, blocks.get))


def test_an_authors_token_ends_what_was_put_away_of_her_account(place: Place) -> None:
    withdrawing(place, "1", "2")
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    (kept,) = sealed(place)
    assert b"WITHDRAWN-FIRST" in kept.read_bytes()
    done = place.run("copy", "drop", "--token-file", place.world / "token.txt")
    assert "destroyed in sealed/: " in done.err
    assert done.out.startswith("voices.example/archive: #3 withdrawn, not yet in the log, ")
    assert (b"WITHDRAWN-" in kept.read_bytes(), b"The second." in kept.read_bytes()) == (False, True)
    with Blocks([kept]) as blocks:
        assert not blocks.damage


def test_nothing_put_away_is_left_of_an_account_that_was_withdrawn_whole(place: Place) -> None:
    withdrawing(place, "1", "3")
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    done = place.run("copy", "drop", "--token-file", place.world / "token.txt")
    assert (sealed(place), done.out) == ([], "")
    assert "blocks, whose author took them back\n" in done.err
    again = place.run("copy", "drop", "--token-file", place.world / "token.txt", codes=(4,))
    assert "withdrawn already: #1 at #5" in again.err


def test_a_token_that_another_keeper_passes_on_ends_it_too(place: Place) -> None:
    other = place.base / "other copy"
    shutil.copytree(place.base / "copy", other)
    withdrawing(place, "1")
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    assert len(sealed(place)) == 1
    place.run("other copy", "drop", "--token-file", place.world / "token.txt")
    done = place.run("copy", "follow", "--from", other)
    assert "destroyed in sealed/: " in done.err
    assert sealed(place) == []
    assert not archived(place, b"WITHDRAWN-")


def test_many_withdrawals_by_the_publisher_alone_stop_it_until_somebody_agrees(place: Place) -> None:
    before = withdrawing(place, "1", "2")
    done = place.run("copy", "follow", "--from", place.base / "voices", codes=(4,))
    assert "nobody is here to ask: 2 of 5 entries are withdrawn at once, without their tokens" in done.err
    assert (content(place.base / "copy"), sealed(place)) == (before, [])
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    assert len(sealed(place)) == 1


@pytest.mark.parametrize(
    ("alone", "of", "much"), [(0, 5, False), (1, 99, True), (1, 100, False), (10, 1000, False), (11, 100_000, True)]
)
def test_how_much_is_much(alone: int, of: int, much: bool) -> None:
    assert Leaving((), tuple(range(alone)), of, frozenset()).is_much == much


def test_what_was_put_away_is_removed_when_its_time_is_over(place: Place) -> None:
    withdrawing(place, "1")
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    (kept,) = sealed(place)
    old = kept.with_name("000004-until-2020-01-01.car")
    kept.rename(old)
    (kept.parent / "notes.txt").write_text("not ours")
    done = place.run("copy", "follow", "--from", place.base / "voices")
    assert f"removed sealed/{old.name}, whose time is over\n" in done.err
    assert [path.name for path in sealed(place)] == ["notes.txt"]


# Over and over


def test_it_goes_on_until_it_is_stopped_and_passes_over_who_does_not_answer(
    publisher: Publisher, copy: Path, tmp_path: Path
) -> None:
    link = link_of(publisher)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        command = [sys.executable, "-c", "from mirror.cli.main import main; main()"]
        arguments = ["--home", str(copy), "follow", "--every", "1h", "--gateway", asking.url, link]
        variables = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=variables) as child:
            assert child.stdout is not None
            assert "edition 2 is here now" in child.stdout.readline()
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == 0
    assert held(copy) == held(publisher.home)


@pytest.mark.parametrize("text", ["1", "h", "1s", "0h", "32d", "1.5h", "+1h", "59"])
def test_a_time_that_is_none_is_wrong_usage(copy: Path, text: str) -> None:
    assert "--every: " in follow(copy, "--every", text, "--from", ".", code=2).err


def test_a_fork_ends_it(publisher: Publisher, copy: Path, tmp_path: Path) -> None:
    other = fork(publisher, tmp_path)
    follow(copy, "--from", publisher.home)
    follow(copy, "--every", "1h", "--from", other, code=1)


def test_the_names_record_is_put_again_where_names_are_kept(publisher: Publisher, copy: Path) -> None:
    link = link_of(publisher)
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        done = follow(copy, "--gateway", asking.url, "--at", asking.url, link)
    assert f"asking 1 gateway: {asking.url}\n" in done.err
    assert (copy / "archive" / "name.ipns-record").read_bytes() == (
        publisher.home / "archive" / "name.ipns-record"
    ).read_bytes()
    assert asking.url in done.err
