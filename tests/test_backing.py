"""`mirror backup`, from beginning to end: what is restored goes on only where that forks nothing."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pyrage
import pytest

from mirror.cli import backing, main
from mirror.store import backup, vault
from mirror.verdict import Claim, Report, State, Verdict


@dataclass(frozen=True)
class Finished:
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Run = Callable[..., Finished]


def write_identity(path: Path) -> Path:
    path.write_text("".join(f"{line}\n" for line in vault.new_identity().lines))
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the program in an empty folder, with a workspace in `voices` that holds edition 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_HOME", "voices")
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(write_identity(tmp_path / "identity.txt")))

    def run_(*arguments: str) -> Finished:
        code = main.run(list(arguments))
        shown = capsys.readouterr()
        return Finished(code, shown.out, shown.err)

    arguments = "init voices.example/archive --title V --language en --text T --recovery r.txt"
    made = run_(*arguments.split(" "))
    assert made.code == 0, made.err
    publish(run_, "one")
    return run_


def publish(run_: Run, text: str, *options: str, home: str = "voices") -> Finished:
    Path(f"{text}.txt").write_text(f"{text}\n")
    arguments = f"--home {home} publish {text}.txt --language en --no-tokens --yes".split(" ")
    return run_(*arguments, *options)


def restore(run_: Run, path: str, home: str = "restored", *options: str) -> Finished:
    return run_("--home", home, "backup", "--restore", path, *options)


def without_cache(home: str) -> dict[str, bytes]:
    paths = [path for path in Path(home).rglob("*") if path.is_file()]
    found = {path.relative_to(home).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in found.items() if not name.startswith("cache/")}


# The whole way


def test_a_restored_backup_goes_on_once_it_has_caught_up(run: Run) -> None:
    done = run("backup", "voices.age")
    assert done.code == 0
    assert re.fullmatch(
        r"wrote voices\.age: edition 2, 7 files, \d+ bytes\n"
        r"it opens with the identity file, which has to be kept apart from it\n",
        done.out,
    )
    before = without_cache("voices")
    assert publish(run, "two").code == 0
    assert run("export", "-o", "newest.car").code == 0

    back = restore(run, "voices.age")
    assert (back.code, without_cache("restored")) == (0, before)
    assert back.out.startswith("voices.example/archive, edition 2, 2 entries: it verifies\nkey           k51q ")
    assert "behind        edition 3 was signed on this machine; this copy is older\n" in back.out
    assert back.out.endswith("next          mirror import FILE.car, with a copy of that edition\n")

    refused = publish(run, "three", home="restored")
    assert refused.code == 4
    assert "this copy is at edition 2, but edition 3 was signed on this machine" in refused.err
    assert "hint: bring in a copy of that edition with: mirror import FILE.car" in refused.err
    assert publish(run, "three", "--this-is-newest", home="restored").code == 4
    assert without_cache("restored") == before

    assert run("--home", "restored", "import", "newest.car").code == 0
    assert publish(run, "three", home="restored").code == 0
    assert "edition 4, 4 entries" in run("--home", "restored", "status").out
    assert "this copy is at edition 3, but edition 4 was signed on this machine" in publish(run, "four").err


def test_on_a_machine_without_a_record_nothing_is_published_until_the_publisher_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("backup", "voices.age").code == 0
    monkeypatch.setenv("MIRROR_STATE", "another-machine")
    back = restore(run, "voices.age")
    assert back.code == 0
    assert "behind        this machine has no record of what this key last signed\n" in back.out
    assert "if there is none: mirror publish --this-is-newest …" in back.out
    refused = publish(run, "two", home="restored")
    assert refused.code == 4
    assert "this machine has no record of what this key last signed" in refused.err
    assert "--this-is-newest" in refused.err.partition("hint: ")[2]
    assert publish(run, "two", "--this-is-newest", home="restored").code == 0
    assert publish(run, "three", home="restored").code == 0


def test_where_the_record_agrees_it_goes_on_at_once(run: Run) -> None:
    assert run("backup", "voices.age").code == 0
    assert "behind" not in restore(run, "voices.age").out
    again = publish(run, "one", home="restored")
    assert (again.code, again.out) == (0, "nothing new to publish; edition 2 stays the newest\n")
    assert publish(run, "two", home="restored").code == 0


def test_a_copy_without_a_key_is_kept_and_restored(run: Run) -> None:
    assert run("export", "-o", "voices.car").code == 0
    assert run("--home", "copy", "import", "voices.car").code == 0
    assert run("--home", "copy", "backup", "copy.age").code == 0
    shutil.rmtree("state")
    back = restore(run, "copy.age")
    assert (back.code, "behind" in back.out) == (0, False)
    assert without_cache("restored") == without_cache("copy")


def test_the_key_is_said_to_be_unconfirmed_until_it_is_confirmed(run: Run) -> None:
    assert run("backup", "voices.age").code == 0
    assert "key not checked: you have not confirmed" in restore(run, "voices.age").err
    assert run("trust", "voices", "--yes").code == 0
    back = restore(run, "voices.age", "again")
    assert (back.code, "not checked" in back.err) == (0, False)


def test_json(run: Run) -> None:
    Path("voices/notes.txt").write_text("mine\n")
    done = run("--json", "backup", "voices.age")
    size = Path("voices.age").stat().st_size
    assert done.document == {
        "file": "voices.age",
        "bytes": size,
        "files": 7,
        "edition": 2,
        "locked_with": "identities",
        "left_out": ["notes.txt"],
    }
    back = run("--json", "--home", "restored", "backup", "--restore", "voices.age").document
    status = run("--json", "status").document
    assert back == {name: status[name] for name in ("mirror", "key", "edition", "size", "index_hash")} | {
        "home": "restored",
        "files": 7,
        "key_state": "not checked",
        "behind": "",
        "next": "",
    }


def test_what_stays_behind_is_named_some_of_it_at_least(run: Run) -> None:
    for number in range(10):
        Path(f"voices/{number}\x1b.txt").write_text("")
    shown = ", ".join(f"{number}\\x1b.txt" for number in range(10))
    assert run("--quiet", "backup", "voices.age").err == f"not in it: {shown}\n"
    Path("voices/z.txt").write_text("")
    assert run("backup", "more.age").err == f"not in it: {shown} and 1 more\n"


# Locks


def test_a_passphrase_from_a_descriptor_goes_before_the_environment(run: Run) -> None:
    def with_passphrase(words: str, *arguments: str) -> Finished:
        reading, writing = os.pipe()
        os.write(writing, f"{words}\n".encode())
        os.close(writing)
        try:
            return run(*arguments, "--passphrase-fd", str(reading))
        finally:
            os.close(reading)

    short = with_passphrase("short", "backup", "voices.age")
    assert (short.code, "the passphrase has fewer than 12 letters" in short.err) == (4, True)
    assert not Path("voices.age").exists()
    done = with_passphrase("four words of nobody", "backup", "voices.age")
    assert (done.code, "it opens with its passphrase" in done.out) == (0, True)
    wrong = with_passphrase("four words of mine", "--home", "restored", "backup", "--restore", "voices.age")
    assert wrong.code == 4
    assert "voices.age: the passphrase does not open the file, or the file is damaged" in wrong.err
    assert "nobody is here to type a passphrase" in restore(run, "voices.age").err
    assert not Path("restored").exists()
    right = with_passphrase("four words of nobody", "--home", "restored", "backup", "--restore", "voices.age")
    assert (right.code, without_cache("restored")) == (0, without_cache("voices"))


def test_a_recipient_locks_and_its_identity_opens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write_identity(Path("other.txt"))
    public = str(pyrage.x25519.Identity.from_str(other.read_text().strip()).to_public())
    done = run("backup", "voices.age", "--recipient", public)
    assert (done.code, "it opens with the identity of its recipient" in done.out) == (0, True)
    wrong = restore(run, "voices.age")
    assert wrong.code == 4
    assert "voices.age: none of the identities opens the file, or its header is damaged" in wrong.err
    monkeypatch.delenv("MIRROR_IDENTITY_FILE")
    unnamed = restore(run, "voices.age")
    assert (unnamed.code, "the backup is encrypted to an age identity" in unnamed.err) == (4, True)
    assert not Path("restored").exists()
    assert restore(run, "voices.age", "restored", "--identity", "other.txt").code == 0
    assert without_cache("restored") == without_cache("voices")


def test_an_identity_that_would_be_lost_with_the_workspace_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy("identity.txt", "voices/secret/identity.txt")
    refused = run("backup", "voices.age", "--identity", "voices/secret/identity.txt")
    assert refused.code == 4
    assert "voices/secret/identity.txt lies in the workspace: it would be lost with it" in refused.err
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", "voices/secret/identity.txt")
    assert run("backup", "voices.age").code == 4
    assert not Path("voices.age").exists()
    assert run("backup", "voices.age", "--identity", "identity.txt").code == 0


# What is refused


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("backup voices/backup.age", 4, "voices/backup.age lies in the workspace, and would be lost with it"),
        ("backup one.txt", 4, "one.txt exists already and is not overwritten"),
        ("backup nowhere/voices.age", 2, "the folder nowhere does not exist"),
        ("--home nowhere backup voices.age", 3, "nowhere holds no workspace"),
        ("backup voices.age --recipient age1x", 2, "the recipient is no age recipient, which begins with age1"),
        ("backup voices.age --recipient age1x --identity identity.txt", 2, "exclude each other"),
        ("backup voices.age --passphrase-fd 9 --identity identity.txt", 2, "exclude each other"),
        ("backup voices.age --identity one.txt", 2, "one.txt is not an age identity file"),
        ("backup", 2, "Missing argument"),
        ("--home new backup --restore nothing.age", 2, "nothing.age does not exist"),
        ("--home new backup --restore one.txt", 2, "one.txt: not an age file"),
        ("--home new backup --restore one.txt --recipient age1x", 2, "a recipient opens nothing"),
        ("backup --restore one.txt", 4, "voices is not an empty folder"),
    ],
)
def test_refusals(run: Run, arguments: str, code: int, words: str) -> None:
    before = sorted(str(path) for path in Path().rglob("*") if "cache" not in path.parts)
    refused = run(*arguments.split(" "))
    assert (refused.code, refused.out) == (code, "")
    assert words.lower() in refused.err.lower()
    assert sorted(str(path) for path in Path().rglob("*") if "cache" not in path.parts) == before


@pytest.mark.parametrize("arguments", ["backup voices/b.age", "backup one.txt", "backup --restore voices/mirror.toml"])
def test_what_will_be_refused_asks_for_no_passphrase(run: Run, arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRROR_IDENTITY_FILE")
    refused = run(*arguments.split(" "))
    assert (refused.code, "passphrase" in refused.err) == (4, False)


def test_a_workspace_that_another_program_writes_in_is_refused(run: Run) -> None:
    with filelock.FileLock("voices/cache/lock", timeout=0):
        refused = run("backup", "voices.age")
    assert (refused.code, "another program is writing in voices" in refused.err) == (4, True)
    assert not Path("voices.age").exists()


def test_the_lock_is_held_while_it_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write, seen = backup.write, []

    def look(*arguments: Any) -> int:
        with pytest.raises(filelock.Timeout):
            filelock.FileLock("voices/cache/lock", timeout=0).acquire()
        seen.append("locked")
        return write(*arguments)

    monkeypatch.setattr(backup, "write", look)
    assert run("backup", "voices.age").code == 0
    assert seen == ["locked"]


def test_a_damaged_backup_is_a_verdict_and_leaves_nothing(run: Run) -> None:
    assert run("backup", "voices.age").code == 0
    data = Path("voices.age").read_bytes()
    for damaged in (data[:-1], data + b"x", data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]):
        Path("voices.age").write_bytes(damaged)
        refused = restore(run, "voices.age")
        assert (refused.code, refused.out) == (1, "")
        assert "voices.age: the file is damaged or cut off" in refused.err
        assert not Path("restored").exists()


# What was not in order already


def test_what_was_damaged_before_comes_back_and_is_named(run: Run) -> None:
    path = Path("voices/archive/editions/000002.car")
    data = path.read_bytes()
    at = data.index(b"one\n")
    path.write_bytes(data[:at] + b"two\n" + data[at + 4 :])
    assert run("backup", "voices.age").code == 0
    back = restore(run, "voices.age")
    assert back.code == 1
    assert "note/00/00/00/01.txt" in back.out
    assert "it was restored as it was backed up, and is not what it should be" in back.err
    assert without_cache("restored") == without_cache("voices")


def test_damage_that_the_newest_edition_does_not_need_is_named_too(run: Run) -> None:
    with Path("voices/archive/editions/000001.car").open("ab") as file:
        file.write(b"x")
    assert run("backup", "voices.age").code == 0
    back = restore(run, "voices.age")
    assert (back.code, "complete     holds" in back.out) == (1, True)
    assert "1 item false: editions/000001.car" in back.out


def test_what_could_not_be_told_is_not_said_to_verify(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = backing.judge_copy

    def not_told(*arguments: Any) -> Report:
        report = judge(*arguments)
        report.verdicts[Claim.COMPLETE] = Verdict(Claim.COMPLETE, State.NOT_CHECKED, ("it needs a newer mirror",))
        return report

    monkeypatch.setattr(backing, "judge_copy", not_told)
    assert run("backup", "voices.age").code == 0
    back = restore(run, "voices.age")
    assert (back.code, "it verifies" in back.out) == (3, False)
    assert "complete     not checked  it needs a newer mirror" in back.out


def test_a_workspace_whose_archive_cannot_be_opened_is_kept_all_the_same(run: Run) -> None:
    Path("voices/archive/head").unlink()
    done = run("backup", "voices.age")
    assert done.code == 0
    assert "the archive cannot be read, and is kept as it is: the head" in done.err
    assert "mirror fsck" in done.err
    assert done.out.startswith("wrote voices.age: no edition that can be read, 6 files, ")
    back = restore(run, "voices.age")
    assert (back.code, "the head" in back.err) == (3, True)
    assert without_cache("restored") == without_cache("voices")
