"""`mirror drop`: what a keeper leaves out, what is said of it, and that nothing brings it back unasked."""

import json
import shutil
from pathlib import Path

import pytest
from crashing import run_killed
from scenes import PICTURE, SHARED, Place
from serving import serving, shelf_of
from storyteller import Finished, run_mirror

from mirror.errors import Malformed, Missing, NotHeld
from mirror.formats.cid import CID, DAG_PB
from mirror.intake import words
from mirror.site import verifier
from mirror.store.archive import Archive


def content(place: Place) -> bytes:
    folder = place.base / "copy" / "archive" / "editions"
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def key_of(place: Place) -> str:
    key: str = json.loads(run_mirror("--json", "--home", place.base / "copy", "key", "show").out)["vkey"]
    return key


def verify(place: Place, code: int) -> Finished:
    done = run_mirror("verify", "--key", key_of(place), place.base / "copy")
    assert done.code == code, done
    return done


def test_what_is_dropped_is_gone_and_the_copy_says_so(place: Place) -> None:
    verify(place, 0)
    assert PICTURE[:1000] in content(place)
    done = place.run("copy", "drop", "1")
    assert done.out.startswith("voices.example/archive: #1 left out, ")
    assert b"WITHDRAWN-FIRST" not in content(place)
    assert PICTURE[:1000] not in content(place)
    assert SHARED[:1000] in content(place)
    judged = verify(place, 3).out
    assert "complete     not checked  not held by this keeper: #1, " in judged
    assert "unchanged    holds        3 testimonies, 1 attachment, pages\n" in judged
    assert " false " not in judged


def test_read_and_list_say_that_it_is_not_held(place: Place) -> None:
    place.run("copy", "drop", "1", "4")
    shown = place.run("copy", "read", "--key", key_of(place), place.base / "copy", "1", codes=(3,))
    assert "#1  not checked: " in shown.err
    assert "is not held by this keeper; it is not shown" in shown.err
    assert "The second." in place.run("copy", "read", "--key", key_of(place), place.base / "copy", "2").out
    assert "1\ttestimony\t\t\tnot held by this keeper\n" in place.run("copy", "list").out


def test_fsck_names_what_is_left_out_and_calls_nothing_false(place: Place) -> None:
    place.run("copy", "drop", "2")
    done = place.run("copy", "fsck", codes=(3,))
    assert "note   note/00/00/00/02.txt: block " in done.out
    assert "is not held by this keeper\n" in done.out
    assert "every block hashes to its CID" in done.out
    (place.base / "copy" / "archive" / "left-out").unlink()
    assert "false  note/00/00/00/02.txt: " in place.run("copy", "fsck", codes=(1,)).out


def test_what_is_missing_and_was_not_dropped_is_still_false(place: Place) -> None:
    place.run("copy", "drop", "1")
    (place.base / "copy" / "archive" / "left-out").unlink()
    assert "complete     false        " in verify(place, 1).out


def test_only_blocks_that_are_named_are_excused(place: Place) -> None:
    place.run("copy", "drop", "1", "4")
    path = place.base / "copy" / "archive" / "left-out"
    path.write_text("".join(f"{line}\n" for line in path.read_text().split("\n")[:1]))
    assert "complete     false        " in verify(place, 1).out


def test_following_does_not_bring_it_back(place: Place) -> None:
    place.run("copy", "drop", "2")
    place.run("voices", "publish", "--yes", "--no-tokens", place.write("six.md", b"The sixth."))
    with place.archive("voices") as archive, serving(shelf_of(archives=[archive])) as asking:
        link = f"ipfs://{archive.head()}#{key_of(place)}"
        done = place.run("copy", "follow", "--gateway", asking.url, link)
    assert "edition 4 is here now" in done.out
    assert (b"The second." in content(place), b"The sixth." in content(place)) == (False, True)
    assert "not held by this keeper: #2, " in verify(place, 3).out
    place.run("copy", "import", place.base / "voices")
    verify(place, 0)
    assert not (place.base / "copy" / "archive" / "left-out").exists()


def test_the_copy_stays_servable(place: Place) -> None:
    place.run("copy", "drop", "2")
    with place.archive("copy") as archive:
        note = next(iter(archive.left_out))
        with serving(shelf_of(archives=[archive])) as asking:
            assert len(asking.shelf.mirrors) == 1
            assert asking.get(f"/ipfs/{archive.head()}?format=raw").status == 200
            assert asking.get(f"/ipfs/{note}?format=raw").status == 404


def test_a_withdrawal_of_what_was_dropped_is_followed(place: Place) -> None:
    place.run("copy", "drop", "4")
    place.run("voices", "withdraw", "4", "--yes")
    place.run("copy", "follow", "--yes", "--from", place.base / "voices")
    verify(place, 0)
    assert not list((place.base / "copy").glob("sealed/*"))


def test_a_publishers_archive_is_kept_whole(place: Place) -> None:
    assert "is kept whole" in place.run("voices", "drop", "1", codes=(4,)).err


@pytest.mark.parametrize("index", ["0", "99"])
def test_what_is_no_testimony_is_not_dropped(place: Place, index: str) -> None:
    before = content(place)
    assert f"#{index} is no testimony of this mirror" in place.run("copy", "drop", index, codes=(4,)).err
    assert content(place) == before


def test_an_archive_knows_what_is_left_out(tmp_path: Path) -> None:
    raw, folder = CID.of_raw(b"one"), CID.of(DAG_PB, b"two")
    with Archive(tmp_path) as archive:
        with pytest.raises(Missing) as absent:
            archive.get(raw)
        assert not isinstance(absent.value, NotHeld)
        archive.set_left_out([raw, folder])
        assert archive.left_out == {raw}
        with pytest.raises(NotHeld, match=f"block {raw} is not held by this keeper"):
            archive.get(raw)
    (tmp_path / "left-out").write_text("something else\n")
    with Archive(tmp_path) as archive, pytest.raises(Malformed):
        archive.get(raw)


# What its author takes back


def test_an_authors_token_withdraws_here_before_the_log_says_so(place: Place) -> None:
    done = place.run("copy", "drop", "--token-file", place.world / "token.txt")
    assert done.out.startswith("voices.example/archive: #1, #3 withdrawn, not yet in the log, ")
    assert "hand the file to the publisher" in done.err
    assert b"WITHDRAWN-" not in content(place)
    assert "not held by this keeper: #1, #3, " in verify(place, 3).out
    read = place.run("copy", "read", "--key", key_of(place), place.base / "copy", "1", codes=(3,))
    assert "is withdrawn, not yet in the log; it is not shown" in read.err
    again = place.run("copy", "import", place.base / "voices", codes=(4,))
    assert "edition 3 is here already" in again.err
    place.run("copy", "drop", "2")
    place.run("copy", "import", place.base / "voices")
    assert b"The second." in content(place)
    assert b"WITHDRAWN-" not in content(place)
    read = place.run("copy", "read", "--key", key_of(place), place.base / "copy", "1", codes=(3,))
    assert "is withdrawn, not yet in the log; it is not shown" in read.err
    place.run("voices", "withdraw", "--yes", "--token-file", place.world / "token.txt")
    place.run("copy", "follow", "--from", place.base / "voices")
    assert "withdrawn    #1           with its token" in verify(place, 0).out


def test_another_token_withdraws_nothing(place: Place) -> None:
    before = content(place)
    (place.base / "other.txt").write_text(f"{words.to_words(bytes(16))}\n")
    done = place.run("copy", "drop", "--token-file", place.base / "other.txt", codes=(4,))
    assert "no testimony of this mirror has this token" in done.err
    assert content(place) == before


@pytest.mark.parametrize("arguments", [(), ("1", "--token-file", "token.txt")])
def test_one_thing_is_dropped_at_a_time(place: Place, arguments: tuple[str, ...]) -> None:
    assert "name what to drop" in place.run("copy", "drop", *arguments, codes=(2,)).err


# Text only


@pytest.mark.parametrize("far", [True, False])
def test_text_only_leaves_out_what_attachments_hold(place: Place, far: bool) -> None:
    new = place.base / "text only"
    with place.archive("voices") as archive, serving(shelf_of(archives=[archive])) as asking:
        link = f"ipfs://{archive.head()}#{key_of(place)}"
        source = ["--gateway", asking.url, link] if far else ["--from", str(place.base / "voices")]
        done = run_mirror("--json", "--home", new, "follow", "--text-only", *source)
    assert done.code == 0, done
    held = b"".join(path.read_bytes() for path in (new / "archive" / "editions").iterdir())
    assert (PICTURE[:1000] in held, SHARED[:1000] in held, b"WITHDRAWN-FIRST" in held) == (False, False, True)
    assert json.loads(done.out)["fetched_bytes"] < len(verifier.page()) + 250_000
    judged = run_mirror("verify", "--key", key_of(place), new)
    assert "complete     not checked  not held by this keeper: #1, #2\n" in judged.out
    assert ("unchanged    holds        4 testimonies, pages\n" in judged.out, judged.code) == (True, 3)
    read = run_mirror("read", "--key", key_of(place), new, "1")
    assert ("WITHDRAWN-FIRST" in read.out, read.code) == (True, 0)


def test_text_only_keeps_what_is_held_and_goes_on_so(place: Place) -> None:
    place.write("six.md", b"The sixth.", attachments=["own.bin"])
    (place.drafts / "own.bin").write_bytes(b"another file altogether " * 9000)
    place.run("voices", "publish", "--yes", "--no-tokens", "--keep-metadata", "own.bin", place.drafts / "six.md")
    place.run("copy", "follow", "--text-only", "--from", place.base / "voices")
    assert (PICTURE[:1000] in content(place), b"another file" in content(place)) == (True, False)
    assert "not held by this keeper: #5\n" in verify(place, 3).out


def test_a_backup_holds_what_is_said_to_be_left_out(place: Place) -> None:
    place.run("copy", "drop", "2")
    place.run("copy", "backup", place.base / "copy.age")
    place.run("restored", "backup", "--restore", place.base / "copy.age", codes=(0, 3))
    kept = place.base / "restored" / "archive" / "left-out"
    assert kept.read_bytes() == (place.base / "copy" / "archive" / "left-out").read_bytes()


def test_a_kill_while_dropping_is_made_good_by_the_next_run(place: Place) -> None:
    arguments = ["--home", str(place.base / "copy"), "drop", "1"]
    moments = run_killed(
        ["--home", str(shutil.copytree(place.base / "copy", place.base / "whole")), "drop", "1"]
    ).moments
    for at in range(1, moments + 1, 3):
        ended = run_killed(arguments, at=at)
        assert ended.code in (None, 0)
        assert " false " not in run_mirror("verify", "--key", key_of(place), place.base / "copy").out
    place.run("copy", "drop", "1")
    assert b"WITHDRAWN-FIRST" not in content(place)
    assert "not held by this keeper: #1, " in verify(place, 3).out


# Passed on


def another_keeper(place: Place) -> Path:
    home = place.base / "other copy"
    shutil.copytree(place.base / "copy", home)
    return home / "archive" / "editions"


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_keeper_passes_a_token_on_to_those_who_follow_her_files(place: Place) -> None:
    editions = another_keeper(place)
    place.run("copy", "drop", "--token-file", place.world / "token.txt")
    assert b"WITHDRAWN-" in bytes_of(editions)
    done = place.run("other copy", "follow", "--from", place.base / "copy")
    assert "#1: withdrawn by its author, not yet in the log; dropped, and passed on\n" in done.err
    assert b"WITHDRAWN-" not in bytes_of(editions)
    assert (editions.parent / "taken-back").read_bytes() == (place.base / "copy/archive/taken-back").read_bytes()
    again = place.run("other copy", "follow", "--from", place.base / "copy")
    assert "not yet in the log" not in again.err


def test_a_keeper_passes_a_token_on_by_mirror_serve(place: Place) -> None:
    editions = another_keeper(place)
    place.run("copy", "drop", "--token-file", place.world / "token.txt")
    link = json.loads(run_mirror("--json", "--home", place.base / "voices", "announce").out)["link"]
    with place.archive("copy") as archive, serving(shelf_of(archives=[archive])) as asking:
        done = run_mirror("--json", "--home", editions.parent.parent, "follow", link, "--gateway", asking.url)
    assert (done.code, json.loads(done.out)["withdrawn_here"]) == (0, [1, 3]), done
    assert b"WITHDRAWN-" not in bytes_of(editions)


def test_once_the_log_says_so_the_token_is_passed_on_no_longer(place: Place) -> None:
    place.run("copy", "drop", "--token-file", place.world / "token.txt")
    kept = place.base / "copy" / "archive" / "taken-back"
    assert kept.read_bytes().count(b"\n") == 1
    place.run("voices", "withdraw", "--yes", "--token-file", place.world / "token.txt")
    place.run("copy", "follow", "--from", place.base / "voices")
    assert not kept.exists()


@pytest.mark.parametrize(
    ("list_of_tokens", "words"),
    [(b"a" * 26 + b"\n", ""), (b"junk\n", "what it says was taken back is passed over: base32 with loose bits")],
    ids=["a stranger's", "junk"],
)
def test_tokens_of_nothing_here_take_nothing_back(list_of_tokens: bytes, words: str, place: Place) -> None:
    (place.base / "voices" / "archive" / "taken-back").write_bytes(list_of_tokens)
    before = content(place)
    done = place.run("copy", "follow", "--from", place.base / "voices")
    assert words in done.err
    assert content(place) == before
    assert not (place.base / "copy" / "archive" / "taken-back").exists()
