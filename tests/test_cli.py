"""The command line as a whole: its exit codes, its streams, what it opens and what it leaves alone."""

import getpass
import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from counterparts import CHECKOUT
from storyteller import Finished, make_identity, run_mirror, spread
from world import Mirror

from mirror.cli import main
from mirror.cli.sources import open_copy
from mirror.cli.terminal import Terminal
from mirror.errors import BadBlock, Forked, Malformed, MirrorError, Missing, NeedsNewer, Refused, Unavailable

START = "from mirror.cli.main import main; main()"


class Workplace:
    """A publisher's workspace with three testimonies, and what else the commands need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = make_identity(folder / "identity.txt")
        texts = folder / "texts"
        texts.mkdir()
        (texts / "1.md").write_text('+++\ntitle = "Écrit"\nlanguage = "fr"\n+++\nC’était un jeudi. 😀 نهاية\n', "utf-8")
        (texts / "2.txt").write_text("Phone me: +49 30 1234567\n")
        (texts / "3.txt").write_text("A third text.\n")
        (folder / "letter.txt").write_text("A letter of hers.\n")

    def found(self) -> "Workplace":
        """Make the workspace, an author's key, and one edition; export it."""
        self.run("init", "voices.example/archive", "--title", "Voices", "--language", "en", "--text", "We gather.",
                 "--recovery", "recovery.txt")  # fmt: skip
        self.run("key", "new", "anna.example", "-o", "anna.age")
        self.run("publish", "--yes", "--tokens", "tokens.txt", "texts")
        self.run("export", "-o", "voices.car")
        return self

    def run(self, *arguments: str, code: int = 0) -> Finished:
        """Run a command in the workspace's folder; it has to leave with this code."""
        finished = run_mirror("--home", "voices", *arguments)
        assert finished.code == code, finished
        return finished

    @property
    def secrets(self) -> list[str]:
        """Everything that may stand nowhere but in its own file."""
        words = re.findall(r"(?m)^    ((?:[a-z]+ ){11}[a-z]+)$", (self.folder / "tokens.txt").read_text())
        assert len(words) == 3
        return [*words, *self.identity.read_text().split(), (self.folder / "recovery.txt").read_text().strip()[-44:]]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    place = Workplace(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIRROR_HOME")
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(place.identity))
    return place


@pytest.fixture
def place(empty: Workplace) -> Workplace:
    return empty.found()


def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the program as one of its own."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **options.pop("env", {})}
    command = [sys.executable, "-c", START, *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)


# Help


def test_every_command_is_listed_in_a_few_words() -> None:
    assert main.SUMMARIES.keys() == main.COMMANDS.keys()
    listed = run_mirror("--help").out
    for name, words in main.SUMMARIES.items():
        assert f"  {name} " in listed
        assert words in listed


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    finished = run_mirror(name, "--help")
    assert finished.code == 0
    assert finished.err == ""
    assert re.search(rf"(?m)^  mirror .*\b{name}\b", finished.out), finished.out


def test_without_a_command_it_shows_its_help() -> None:
    finished = run_mirror()
    assert "mirror init voices.example/archive" in finished.err + finished.out
    assert finished.code == 2


def test_the_version_is_told_installed_or_not() -> None:
    finished = run_mirror("--version")
    assert finished.code == 0
    assert re.fullmatch(r"mirror (\d\S*|of a checkout that is not installed)\n", finished.out), finished


# One JSON document, and nothing secret in it

DOCUMENTS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "preview": (("preview", "texts"), {"drafts", "flawed"}),
    "publish": (("publish", "--yes", "--tokens", "t.txt", "letter.txt"), {"published", "index_hash", "testimonies"}),
    "publish nothing": (("publish", "--yes", "--no-tokens", "texts"), {"published", "edition", "known"}),
    "verify": (("verify", "voices"), {"claims", "false", "withdrawn", "exit_code", "index_hash"}),
    "verify note": (("verify", "voices/archive/announcement.txt"), {"claims", "exit_code"}),
    "read": (("read", "voices"), {"testimonies", "key"}),
    "list": (("list",), {"entries", "edition"}),
    "status": (("status",), {"edition", "behind", "next", "link", "newest_link"}),
    "fsck": (("fsck",), {"files", "blocks", "damaged", "items"}),
    "export": (("export", "-o", "x.car"), {"file", "blocks", "index_hash"}),
    "export files": (("export", "--files", "-o", "tree"), {"folder", "files", "edition", "index_hash"}),
    "export one": (("export", "--one", "1", "-o", "one"), {"files", "index"}),
    "announce": (("announce",), {"announcement", "link", "newest_link", "vkey"}),
    "trust": (("trust", "--yes", "voices"), {"confirmed", "vkey"}),
    "trust list": (("trust", "--list"), {"mirrors"}),
    "trust forget": (("trust", "--forget", "voices"), {"forgotten"}),
    "key new": (("key", "new", "berta", "-o", "berta.age"), {"vkey", "key"}),
    "key show": (("key", "show"), {"vkey", "key"}),
    "key passphrase": (("key", "passphrase", "--identity", "identity.txt"), {"locked_with"}),
    "withdraw": (("withdraw", "1", "--yes"), {"withdrawn", "index_hash"}),
    "demo": (("demo", "shown"), {"index_hash", "testimonies", "languages", "verified", "changed_copy"}),
}


@pytest.mark.parametrize("words", DOCUMENTS)
def test_json_is_one_document_with_stable_names(words: str, place: Workplace) -> None:
    arguments, names = DOCUMENTS[words]
    finished = run_mirror("--home", "voices", "--json", *arguments)
    assert finished.code in (0, 3), finished
    document = json.loads(finished.out)
    assert names <= document.keys()
    for secret in place.secrets:
        assert secret not in finished.out + finished.err
    assert "PRIVATE+KEY" not in finished.out + finished.err


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ("--json verify nowhere", 2, "'nowhere' is no file or folder here, and no link"),
        ("--json --bogus", 2, "no such option --bogus"),
        ("--json --home", 2, "option '--home' requires an argument"),
        ("--json publis", 2, "no such command 'publis'"),
        ("--json verify", 2, "missing argument 'WHAT'"),
        ("--json --home voices export -o voices.car", 4, "voices.car exists already and is not overwritten"),
        ("--json --home nowhere list", 2, "nowhere"),
    ],
)
@pytest.mark.usefixtures("place")
def test_json_says_what_failed_in_the_words_of_standard_error(words: str, code: int, error: str) -> None:
    finished = run_mirror(*words.split(" "))
    document = json.loads(finished.out)
    assert set(document) == {"error", "hint", "exit_code"}
    assert (finished.code, document["exit_code"]) == (code, code)
    assert error in document["error"]
    first, *rest = finished.err.splitlines()
    assert first == f"mirror: error: {document['error']}"
    assert rest == ([] if document["hint"] is None else [f"  hint: {document['hint']}"])


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [(KeyboardInterrupt(), 130, "interrupted"), (ZeroDivisionError(), 70, "ZeroDivisionError in ")],
)
@pytest.mark.usefixtures("place")
def test_json_says_that_it_was_interrupted_or_at_fault(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("mirror.cli.reporting.print_report", fail)
    monkeypatch.setattr("mirror.cli.verifying.print_report", fail)
    finished = run_mirror("--json", "verify", "voices")
    assert (finished.code, json.loads(finished.out)["exit_code"]) == (code, code)
    assert words in json.loads(finished.out)["error"]


def test_what_fails_behind_a_result_leaves_one_document(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Terminal.give

    def give(terminal: Terminal, document: dict[str, object]) -> None:
        real(terminal, document)
        raise Refused("too late")

    monkeypatch.setattr(Terminal, "give", give)
    finished = run_mirror("--json", "--home", "voices", "list")
    assert finished.code == 4
    assert "entries" in json.loads(finished.out)
    assert "too late" in finished.err


def test_without_json_what_failed_stands_on_standard_error_alone() -> None:
    assert run_mirror("verify", "nowhere").out == ""


def test_json_of_commands_that_make_and_bring_in(empty: Workplace) -> None:
    init = empty.run("--json", "init", "voices.example", "--title", "T", "--language", "en", "--text", "T",
                     "--recovery", "r.txt")  # fmt: skip
    assert {"index_hash", "vkey", "edition", "published"} <= json.loads(init.out).keys()
    empty.run("export", "-o", "voices.car")
    brought = run_mirror("--home", "copy", "--json", "import", "voices.car")
    assert json.loads(brought.out)["edition"] == 1
    secret = Path("r.txt").read_text().strip()
    assert secret[-44:] not in init.out + init.err


def test_only_sign_gives_a_token_and_only_to_its_author(place: Workplace) -> None:
    arguments = ("sign", "letter.txt", "--for", "voices", "--key", "anna.age", "--language", "en", "--yes")
    document = json.loads(place.run("--json", *arguments).out)
    assert len(document["token"].split(" ")) == 12


def test_json_names_what_is_false(place: Workplace) -> None:
    edition = Path("voices/archive/editions/000002.car")
    edition.write_bytes(edition.read_bytes().replace(b"A third", b"A thirD", 1))
    document = json.loads(place.run("--json", "verify", "voices", code=1).out)
    assert {each["item"] for each in document["false"]} == {"note/00/00/00/03.txt"}
    assert document["claims"]["unchanged"]["state"] == "false"
    assert document["exit_code"] == 1


SHOWING = ("list", "status", "verify voices", "fsck", "announce", "read voices", "preview texts")


@pytest.mark.parametrize("words", SHOWING)
def test_quiet_leaves_the_result_and_no_message(words: str, place: Workplace) -> None:
    finished = run_mirror("--home", "voices", "--quiet", *words.split())
    assert finished.err == ""
    assert finished.out != ""


# Nobody is asked, and little is loaded

LOCAL = (
    "status", "list", "list --cid", "verify voices", "verify voices.car", "verify voices/archive/announcement.txt",
    "read voices", "fsck", "announce --qr", "preview texts", "export -o out.car", "export --one 1 -o one",
    "key show", "key show anna.age", "trust --yes voices", "trust --list", "trust --forget voices",
    "publish --yes --no-tokens letter.txt", "sign letter.txt --for voices --key anna.age --language en --yes",
    "withdraw 1 --yes", "demo shown",
)  # fmt: skip


def test_no_local_command_so_much_as_makes_a_socket(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        made.append(arguments)
        raise OSError("no socket is made here")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for words in LOCAL:
        finished = run_mirror("--home", "voices", *words.split())
        assert finished.code in (0, 3), (words, finished)
    assert made == []


HEAVY = {
    *("rich", "sqlite3", "pyrage", "filelock", "segno", "mnemonic", "platformdirs", "multiprocessing"),
    *("rlp", "eth_hash", "eth_utils", "Crypto"),
}


@pytest.mark.parametrize("words", ["--help", "--version", "verify --help", "verify --key {key} announcement.txt"])
def test_starting_is_light(words: str, place: Workplace) -> None:
    key = json.loads(place.run("--json", "key", "show").out)["key"]
    Path("announcement.txt").write_bytes(Path("voices/archive/announcement.txt").read_bytes())
    arguments = words.format(key=key).split()
    tell = "import sys; from mirror.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", tell, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    loaded = set(finished.stderr.split())
    assert "mirror.cli.main" in loaded
    assert loaded & HEAVY == set()


# The streams

NARROW = [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0",
          "PYTHONCOERCECLOCALE": "0"}]  # fmt: skip


@pytest.mark.parametrize("env", NARROW, ids=["ascii", "latin-1", "C"])
def test_output_never_fails_on_an_encoding(env: dict[str, str], place: Workplace) -> None:
    for words in (*SHOWING, "publish --help", "announce --qr", "nöthing"):
        finished = start("--home", "voices", *words.split(), env=env)
        assert finished.returncode in (0, 2, 3), (words, finished)
        assert b"fault" not in finished.stderr
    document = json.loads(start("--home", "voices", "--json", "read", "voices", env=env).stdout.decode("latin-1"))
    assert document["testimonies"][0]["text"] == "C’était un jeudi. 😀 نهاية"


def test_a_closed_pipe_is_no_verdict_and_no_fault(place: Workplace) -> None:
    for words in ("list", "--help", "--json read voices", "verify nowhere"):
        reading, writing = os.pipe()
        os.close(reading)
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-c", START, "--home", "voices", *words.split()]
        stderr = writing if "nowhere" in words else subprocess.PIPE
        finished = subprocess.run(command, stdout=writing, stderr=stderr, check=False, env=environment)
        os.close(writing)
        assert finished.returncode == 141, words
        assert not finished.stderr


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("the secret word"), 70, "fault of the program: RuntimeError in "),
        (AssertionError("the secret word"), 70, "fault of the program: AssertionError in "),
        (RecursionError("the secret word"), 70, "fault of the program: RecursionError in "),
        (MemoryError("the secret word"), 70, "fault of the program: MemoryError in "),
        (PermissionError(13, "Permission denied", "a\x1b[2J\nfile"), 3, "error: a\\x1b[2J\\nfile: permission denied"),
        (OSError(28, "No space left on device"), 3, "error: input or output: no space left on device"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value)[:20],
)
def test_what_goes_wrong_is_never_a_verdict(
    error: BaseException, code: int, words: str, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("mirror.cli.copies.Edition", fail)
    finished = run_mirror("--home", "voices", "list")
    assert finished.code == code
    assert words in finished.err
    assert "secret word" not in finished.err
    assert finished.out == ""


@pytest.mark.parametrize(
    ("kind", "code"),
    [(Malformed, 1), (BadBlock, 1), (Forked, 1), (NeedsNewer, 3), (Missing, 3), (Unavailable, 3), (Refused, 4)],
)
def test_each_kind_of_error_has_its_exit_code(
    kind: type[MirrorError], code: int, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise kind("the thing is so", hint="do that")

    monkeypatch.setattr("mirror.cli.copies.Edition", fail)
    finished = run_mirror("--home", "voices", "list")
    assert finished == Finished(code, "", "mirror: error: the thing is so\n  hint: do that\n")


def test_a_fault_shows_its_trace_where_it_is_asked_for(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_TRACEBACK", "1")
    monkeypatch.setattr("mirror.cli.copies.Edition", lambda *_: 1 // 0)
    finished = run_mirror("--home", "voices", "list")
    assert finished.code == 70
    assert "ZeroDivisionError" in finished.err
    assert "Traceback" in finished.err


def test_names_from_outside_cannot_move_the_screen(place: Workplace) -> None:
    evil = "a\x1b[2J\u202eb\nmirror: error: all is well"
    Path(evil).mkdir()
    (Path(evil) / "letter.txt").write_text("Text.\n")
    for words in (("verify", evil), ("export", evil, "-o", "x.car"), ("preview", evil), ("verify", "--from", evil, "x"),
                  ("publish", "--yes", "--no-tokens", evil), ("trust", evil)):  # fmt: skip
        finished = run_mirror("--home", "voices", *words)
        shown = finished.out + finished.err
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        if words[0] != "preview" and words[0] != "publish":
            assert not any(line.startswith("mirror: error: all is well") for line in shown.split("\n")), words


def test_texts_of_a_hostile_mirror_cannot_move_the_screen(tmp_path: Path) -> None:
    mirror = Mirror()
    body = "First\u202eline.\n\u2066isolated\nkey holds: k51q …, confirmed by you\u2029\n#2  Another  [en]\ufeff"
    mirror.testify(body, title="\u202eeltit\u202d\u2069 \u200fmark", warning="\u2067war\u2028ning", tags=("tag",))
    mirror.testify("A\x1b[2J\x07 line.")
    copy = mirror.lay()
    spread(copy.get, copy.root, tmp_path / "fetched")
    key = str(mirror.key.public.ipns)
    finished = run_mirror("read", "--key", key, tmp_path / "fetched")
    listed = run_mirror("list", tmp_path / "fetched")
    assert finished.code == listed.code == 1
    shown = finished.out + finished.err + listed.out + listed.err
    assert not set(shown) & set("\x1b\x07\u202d\u202e\u2028\u2029\u2066\u2067\ufeff")
    assert re.search("(?m)^#2  not|^#2  false: ", finished.err)
    assert [line[:9] for line in finished.out.split("\n") if line.startswith(("key ", "#"))] == [
        "#1  \u2068\\u20",
        "key holds",
    ]
    assert "| \u2068key holds: k51q …, confirmed by you\\u2029\u2069" in finished.out
    assert "\u200fmark" in finished.out


def test_what_a_copy_lacks_is_not_called_false_by_read(place: Workplace) -> None:
    with open_copy(Path("voices.car")) as copy:
        spread(copy.get, copy.root, Path("fetched"))
    Path("fetched/note/00/00/00/03.txt").unlink()
    key = json.loads(place.run("--json", "key", "show").out)["key"]
    finished = run_mirror("--json", "read", "--key", key, "fetched", "3")
    assert finished.code == 3
    assert "not_checked" in json.loads(finished.out)["testimonies"][0]
    assert run_mirror("read", "--key", key, "fetched", "2").code == 0
    assert run_mirror("verify", "--key", key, "fetched").code == 1


def test_a_key_goes_from_an_identity_to_a_passphrase(place: Workplace) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"quince lantern orbit\n")
    os.close(writing)
    finished = place.run("--json", "key", "passphrase", "--new-passphrase-fd", str(reading))
    os.close(reading)
    assert json.loads(finished.out) == {"locked_with": "passphrase"}
    assert b"-> scrypt " in Path("voices/secret/key.age").read_bytes()
    assert "quince" not in finished.out + finished.err


# Secrets


def test_no_error_and_no_option_shows_a_secret(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("words.txt").write_text("the passphrase of nobody\n")
    Path("broken.txt").write_text(place.identity.read_text().replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1X"))
    Path("other.txt").write_text("SOMETHING-SECRET-1\n")
    shown = ""
    for name in ("broken.txt", "other.txt", "recovery.txt", "tokens.txt", "words.txt"):
        monkeypatch.setenv("MIRROR_IDENTITY_FILE", name)
        for words in ("publish --yes --no-tokens letter.txt", f"key show {name}", f"verify {name}", f"trust {name}",
                      f"sign letter.txt --for voices --key {name} --language en", "key show anna.age"):  # fmt: skip
            finished = run_mirror("--home", "voices", "--verbose", *words.split())
            assert finished.code not in (0, 70), (name, words, finished)
            shown += finished.out + finished.err
    secrets = [*place.secrets, "SOMETHING-SECRET-1", "passphrase of nobody"]
    assert [secret for secret in secrets if secret in shown] == []
    assert "PRIVATE+KEY" not in shown


def test_no_option_takes_a_secret() -> None:
    with click.Context(main.cli) as context:
        commands = [main.cli.get_command(context, name) for name in main.COMMANDS]
    options = [each for command in commands if command for each in _options(command)]
    assert "--passphrase-fd" in options
    taking = {each for each in options if re.search("pass|secret|token|word|seed", each)}
    assert taking == {"--passphrase-fd", "--new-passphrase-fd", "--tokens", "--no-tokens", "--token-file"}


def _options(command: click.Command) -> Iterator[str]:
    for each in command.params:
        yield from each.opts
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _options(below)


class Opened:
    """Which files the process opens while `watching`; Python's audit events name every one, also SQLite's."""

    def __init__(self) -> None:
        self.watching = False
        self.paths: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event in ("open", "sqlite3.connect", "os.listdir", "os.scandir"):
            named = isinstance(arguments[0], str | bytes | os.PathLike)
            self.paths.append(os.path.abspath(os.fsdecode(arguments[0])) if named else "")


OPENED = Opened()


@pytest.fixture
def opened() -> Iterator[Callable[..., list[str]]]:
    def watch(*arguments: str) -> list[str]:
        OPENED.paths.clear()
        OPENED.watching = True
        finished = run_mirror(*arguments)
        OPENED.watching = False
        assert finished.code in (0, 3), finished
        return OPENED.paths

    yield watch
    OPENED.watching = False


@pytest.mark.parametrize("words", [*SHOWING, "export -o x.car", "export --one 1 -o one", "verify voices.car"])
def test_who_needs_no_secret_opens_none(words: str, place: Workplace, opened: Callable[..., list[str]]) -> None:
    secret = str(Path("voices/secret").resolve())
    paths = opened("--home", "voices", *words.split())
    assert paths
    assert [path for path in paths if path.startswith(secret)] == []


def test_the_watch_sees_secrets_being_opened(place: Workplace, opened: Callable[..., list[str]]) -> None:
    secret = Path("voices/secret").resolve()
    paths = opened("--home", "voices", "publish", "--yes", "--no-tokens", "letter.txt")
    assert str(secret / "key.age") in paths
    assert str(secret / "texts.sqlite") in paths


# Nothing published tells of the machine


def test_nothing_published_names_the_machine_or_the_hour(
    tmp_path: Path, empty: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = {"USER": "telltale-user", "LOGNAME": "telltale-user", "HOSTNAME": "telltale-host", "LANG": "mk_MK.UTF-8",
               "LC_ALL": "mk_MK.UTF-8", "TZ": "Europe/Skopje", "EDITOR": "telltale-editor"}  # fmt: skip
    for name, value in telling.items():
        monkeypatch.setenv(name, value)
    time.tzset()
    monkeypatch.setattr(socket, "gethostname", lambda: "telltale-host")
    monkeypatch.setattr(getpass, "getuser", lambda: "telltale-user")
    (tmp_path / "telltale-path").mkdir()
    monkeypatch.chdir(tmp_path / "telltale-path")
    Path("texts").mkdir()
    Path("texts/telltale-file.txt").write_text("A text.\n")
    monkeypatch.setenv("MIRROR_HOME", "telltale-home")
    for words in (
        ("init", "voices.example", "--title", "T", "--language", "en", "--text", "T", "--recovery", "r.txt"),
        ("publish", "--yes", "--no-tokens", "texts"),
        ("export", "-o", "out.car"),
        ("export", "--one", "1", "-o", "one"),
        ("announce", "--note", "note.txt", "--svg", "code.svg", "--png", "code.png"),
    ):
        assert run_mirror(*words).code == 0
    here = Path.cwd()
    monkeypatch.undo()
    time.tzset()
    published = [*_files(here / "telltale-home" / "archive"), *_files(here / "one")]
    published += [here / name for name in ("out.car", "note.txt", "code.svg", "code.png")]
    content = b"\n".join(path.read_bytes() for path in published)
    assert b"A text." in content
    assert [word for word in _telling_words(tmp_path) if word.encode() in content] == []


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _telling_words(tmp_path: Path) -> list[str]:
    now = datetime.now(UTC)
    local = [word for word in (socket.gethostname(), getpass.getuser()) if len(word) > 6]
    clock = [now.strftime(form) for form in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%b %Y", "%Y-%m-%dT%H")]
    return [
        "telltale", "mk_MK", "Skopje", "tEXt", "tIME", "testimony-mirror", "segno", "Python", "python",
        platform.release(),
        str(tmp_path), str(CHECKOUT), str(int(now.timestamp()))[:7], *local, *clock,
    ]  # fmt: skip


def test_two_exports_are_the_same_bytes(place: Workplace) -> None:
    place.run("export", "-o", "again.car")
    place.run("export", "voices.car", "-o", "third.car")
    first, again, third = (Path(name).read_bytes() for name in ("voices.car", "again.car", "third.car"))
    assert first == again == third


def test_the_day_is_told_only_where_it_is_wanted(place: Workplace) -> None:
    today = datetime.now(UTC).date().isoformat()
    settings = Path("voices/mirror.toml")
    assert today.encode() not in Path("voices.car").read_bytes()
    settings.write_text(settings.read_text().replace("day = false", "day = true"))
    place.run("publish", "--yes", "--no-tokens", "letter.txt")
    place.run("export", "-o", "dated.car")
    assert f"\nDay: {today}\n".encode() in Path("dated.car").read_bytes()
