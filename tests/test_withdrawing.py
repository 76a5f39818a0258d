"""`mirror withdraw` and `mirror request` as they are typed: what is said, and the exit code."""

import json
import shutil
from pathlib import Path

import pytest
from scenes import Place
from storyteller import Finished, run_mirror

from mirror.intake import words

WORDS = "these are not twelve or twenty-four words of the list, or one of them is wrong"
NOBODY_HAS = words.to_words(bytes(16))


def withdraw(place: Place, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> Finished:
    return place.run("voices", "withdraw", *arguments, codes=codes)


def untouched(place: Place) -> bool:
    shown = json.loads(run_mirror("--json", "list", place.base / "voices").out)
    return [each["state"] for each in shown["entries"]] == ["listed"] * 5


def put(place: Place, name: str, text: str) -> Path:
    path = place.base / name
    path.write_text(text)
    return path


def test_a_token_withdraws_its_account_and_who_did_is_shown(place: Place) -> None:
    token = (place.world / "token.txt").read_text().strip()
    odd = put(place, "odd.txt", f"  {token.upper().replace(' ', '   ')}  \nwritten on a scrap of paper\n")
    done = withdraw(place, "--token-file", odd, "--yes")
    assert done.out.startswith("withdrawn: #1, #3; please ask whoever holds copies to delete them\n")
    assert "withdraws #1  [en]  (no title)\nwithdraws #3  [en]  (no title)\n" in done.err
    assert token not in done.out + done.err
    verified = place.run("voices", "verify", "--no-memory", place.base / "voices", codes=(3,)).out
    assert "complete     holds        2 testimonies here, 2 withdrawn\n" in verified
    for index in (1, 3):
        assert f"withdrawn    #{index}           with its token, listed at #5; please delete copies\n" in verified
    read = place.run("voices", "read", "--no-memory", place.base / "voices", "1", codes=(3,)).out
    assert "#1  withdrawn, listed at #5; please delete copies\n" in read
    one = place.run("voices", "export", "--one", "1", "-o", place.base / "one", codes=(4,))
    assert "mirror: error: #1 is not here: it was withdrawn, or this copy does not hold it\n" in one.err
    assert not (place.base / "one").exists()
    assert "5\twithdrawal\t\t\twithdraws #1, #3" in place.run("voices", "list").out


def test_a_withdrawal_as_json_names_the_indexes(place: Place) -> None:
    done = run_mirror("--json", "--home", place.base / "voices", "withdraw", "2", "4", "--yes", "--reason", "consent")
    shown = json.loads(done.out)
    assert (done.code, shown["withdrawn"], shown["edition"], shown["size"]) == (0, [2, 4], 4, 6)
    report = json.loads(run_mirror("--json", "verify", "--no-memory", place.base / "voices").out)
    assert [(each["index"], each["with_token"], each["reason"]) for each in report["withdrawn"]] == [
        (2, False, "consent"),
        (4, False, "consent"),
    ]


def test_what_of_an_account_stays_is_said(place: Place) -> None:
    done = withdraw(place, "#3", "--yes")
    assert "of the same account, and not withdrawn by this: #1\n" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("0", "--yes"), 4, "#0 is a charter, which cannot be withdrawn"),
        (("5", "--yes"), 4, "#5 is not in this log, which has 5 entries"),
        (("x", "--yes"), 2, "'x' is no index, which is a number such as 3"),
        (("-1", "--yes"), 2, "no such option -1"),
        (("1",), 4, "nobody is here to ask: withdraw? this cannot be undone"),
        (("1", "--reason", "shame", "--yes"), 2, "'shame' is not one of"),
        (("1", "--token-file", "token.txt", "--yes"), 2, "indexes, a request and a token exclude each other"),
        ((), 2, "nothing says what to withdraw"),
        (("--token-file", "nowhere.txt", "--yes"), 2, "the token file nowhere.txt does not exist"),
        (("--request", "nowhere.txt", "--yes"), 2, "the request nowhere.txt does not exist"),
    ],
)
def test_what_is_asked_for_in_vain_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(place.base)
    finished = withdraw(place, *arguments, codes=(code,))
    assert said in finished.err
    assert finished.err.count("mirror: error: ") == 1
    assert untouched(place)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (f"{NOBODY_HAS}\n", 4, "no testimony of this mirror has this token"),
        ("", 2, WORDS),
        ("\n\n", 2, WORDS),
        ("one two three\n", 2, WORDS),
        (" ".join(["abandon"] * 12), 2, WORDS),
        (f"{NOBODY_HAS} extra\n", 2, WORDS),
        (words.to_words(bytes(32)), 2, "these are twenty-four words, and a token has twelve"),
        ("\udcff\udcfe" * 12, 2, WORDS),
    ],
)
def test_words_that_are_no_token_of_anybody_change_nothing(place: Place, text: str, code: int, said: str) -> None:
    path = place.base / "words.txt"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    finished = withdraw(place, "--token-file", path, "--yes", codes=(code,))
    assert said in finished.err
    assert not text.strip() or text.strip() not in finished.err
    assert untouched(place)


# An author's request


class Author:
    """Anna, with a key of her own and a testimony at #5."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.announcement = place.base / "voices" / "archive" / "announcement.txt"
        self.key = place.base / "anna.age"
        place.run("voices", "key", "new", "anna.example", "-o", self.key)
        draft = put(place, "hers.md", '+++\nlanguage = "en"\n+++\nWITHDRAWN-FIRST, as she signed it.\n')
        place.run("voices", "sign", draft, "--for", self.announcement, "--key", self.key, "--yes")
        place.run("voices", "publish", "--yes", "--no-tokens", place.base / "hers.signed.txt")
        listed = json.loads(run_mirror("--json", "list", place.base / "voices").out)
        self.cids = [each["cid"] for each in listed["entries"]]

    def ask(self, index: int, name: str, key: Path | None = None) -> Path:
        path = self.place.base / name
        arguments = ("--for", self.announcement, "--key", key or self.key, "-o", path)
        self.place.run("voices", "request", self.cids[index], *arguments)
        return path


@pytest.fixture
def anna(place: Place) -> Author:
    return Author(place)


def test_a_request_withdraws_and_is_kept_privately(place: Place, anna: Author) -> None:
    asked = anna.ask(5, "request.txt")
    done = withdraw(place, "--request", asked, "--yes")
    assert done.out.startswith("withdrawn: #5; ")
    (kept,) = (place.base / "voices" / "secret" / "requests").iterdir()
    assert kept.read_bytes() == asked.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    archive = b"".join(path.read_bytes() for path in (place.base / "voices" / "archive").rglob("*") if path.is_file())
    assert b"as she signed it" not in archive
    assert b"anna.example" not in archive
    assert b"mirror/v1 request" not in archive
    again = withdraw(place, "--request", asked, "--yes", codes=(4,))
    assert "mirror: error: withdrawn already: #5 at #6\n" in again.err


def test_a_request_that_does_not_serve_changes_nothing(place: Place, anna: Author) -> None:
    other = place.base / "vera.age"
    place.run("voices", "key", "new", "vera.example", "-o", other)
    request = anna.ask(5, "request.txt").read_text()
    tampered = put(place, "tampered.txt", request.replace(anna.cids[5], anna.cids[2]))
    cases = [
        (anna.ask(5, "vera.txt", other), 1, "the note carries no signature by a known key"),
        (anna.ask(2, "unsigned.txt"), 4, "#2 names no author, so nobody can ask by key"),
        (tampered, 4, "#2 names no author, so nobody can ask by key"),
        (put(place, "cut.txt", request[:-9]), 1, "the note's last line does not end in a newline"),
        (put(place, "loud.txt", request + "x" * 5000), 4, "is larger than 4096 bytes"),
        (put(place, "junk.txt", "please\n"), 1, "the note has no empty line before its signatures"),
    ]
    for path, code, said in cases:
        finished = withdraw(place, "--request", path, "--yes", codes=(code,))
        assert said in finished.err
    assert not (place.base / "voices" / "secret" / "requests").exists()
    assert "withdrawn" not in place.run("voices", "list").out


def test_a_request_is_written_once_and_for_a_cid(place: Place, anna: Author) -> None:
    asked = anna.ask(5, "request.txt")
    options = ("--for", anna.announcement, "--key", anna.key, "-o", asked)
    twice = place.run("voices", "request", anna.cids[5], *options, codes=(4,))
    assert "exists already and is not overwritten" in twice.err
    number = place.run("voices", "request", "5", *options[:-1], place.base / "new.txt", codes=(2,))
    assert "the testimony's CID: not a CID in base32, base36 or base58: '5'\n" in number.err
    assert not (place.base / "new.txt").exists()


# What the machine remembers


def test_a_text_is_known_again_though_a_crash_kept_it_from_being_remembered(place: Place) -> None:
    """Killed between the commit and the remembering; the next run is the withdrawal."""
    texts = place.base / "voices" / "secret" / "texts.sqlite"
    before = texts.read_bytes()
    path = put(place, "crashed.md", "Published, and never remembered.\n")
    place.run("voices", "publish", "--language", "en", "--yes", "--no-tokens", path)
    texts.write_bytes(before)
    withdraw(place, "5", "--yes")
    again = put(place, "again.md", "Published, and never remembered.\n")
    shown = place.run("voices", "publish", "--language", "en", "--yes", "--no-tokens", path, again)
    for name in ("crashed.md", "again.md"):
        assert f"{name} was listed as #5 and withdrawn; it is not published again\n" in shown.err
    assert "nothing new to publish" in shown.out


def test_on_a_machine_without_a_record_somebody_has_to_say_that_this_is_newest(place: Place) -> None:
    shutil.rmtree(place.base / "state")
    refused = withdraw(place, "2", "--yes", codes=(4,))
    assert "this machine has no record of what this key last signed" in refused.err
    assert "hint: if you know that no later edition exists anywhere, add: --this-is-newest\n" in refused.err
    assert untouched(place)
    withdraw(place, "2", "--yes", "--this-is-newest")


def test_a_restored_backup_is_refused_and_withdraws_nothing(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.base / "voices", tmp_path / "backup")
    withdraw(place, "2", "--yes")
    shutil.rmtree(place.base / "voices")
    shutil.copytree(tmp_path / "backup", place.base / "voices")
    for command in (("withdraw", "4", "--yes"), ("publish", "--yes", "--no-tokens", put(place, "new.txt", "New.\n"))):
        for more in ((), ("--this-is-newest",)):
            refused = place.run("voices", *command, *more, codes=(4,))
            assert "this copy is at edition 3, but edition 4 was signed on this machine" in refused.err
    assert untouched(place)


def test_an_interrupted_withdrawal_shows_in_status_and_fsck(place: Place) -> None:
    archive = place.archive("voices")
    with archive:
        cid = next(iter(archive.blocks))
    archive.set_dropping([cid])
    behind = "a withdrawal was interrupted; what it withdraws may still lie in the files here"
    assert (
        f"behind        {behind}\nnext          mirror publish … goes on with it\n" in place.run("voices", "status").out
    )
    assert f"note   {behind}\n" in place.run("voices", "fsck").out
