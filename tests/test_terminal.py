"""The command line with a person at a terminal: what is asked, what is not echoed, what is drawn."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from counterparts import CHECKOUT
from storyteller import make_identity, run_mirror

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mirror.cli.main import main
main()
"""
"""Who runs the tests in the background of a shell hands on that Ctrl-C is ignored; at a terminal it is not."""

PATIENCE = 120
"""Seconds until a program that says nothing is given up; never what a test waits for."""

COLOUR = "\x1b["


class Screen:
    """The program at a pseudo-terminal of 100 columns: `expect` reads until words appear, `type` answers."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        master, slave = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "COLUMNS": "100", **(env or {})}
        command = [sys.executable, "-c", START, *arguments]
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        self._program = subprocess.Popen(command, env=environment, start_new_session=True, **streams)  # type: ignore[call-overload]
        os.close(slave)
        self._master = master
        self.shown = ""
        self._read_to = 0

    def expect(self, words: str) -> None:
        """Read until these words appear behind what was expected before."""
        while (at := self.shown.find(words, self._read_to)) < 0:
            assert self._read(), f"{words!r} did not appear in:\n{self.shown}"
        self._read_to = at + len(words)

    def type(self, words: str) -> None:
        """Type a line."""
        os.write(self._master, words.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C, again until the program leaves: one that comes just before it waits is heard with the next."""
        end = time.monotonic() + PATIENCE
        while self._program.poll() is None:
            assert time.monotonic() < end, f"it does not leave:\n{self.shown}"
            self._program.send_signal(signal.SIGINT)
            time.sleep(0.1)

    def hang_up(self) -> int:
        """Close the window; the exit code."""
        os.close(self._master)
        return self._program.wait(PATIENCE)

    def close(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self._program.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # how Linux says that the other end is closed
            data = b""
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_HOME", "voices")
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(tmp_path / "identity.txt")))
    return tmp_path


@pytest.fixture
def founded(here: Path) -> Path:
    run_mirror("init", "voices.example", "--title", "T", "--language", "en", "--text", "T", "--recovery", "r.txt")
    (here / "a.md").write_text('+++\ntitle = "One"\nwarning = "violence"\n+++\nThe text itself.\n')
    return here


def test_init_asks_for_what_is_missing_and_shows_the_recovery_key(here: Path) -> None:
    screen = Screen("init", "voices.example")
    screen.expect("the mirror's title")
    screen.type("Гласови")
    screen.expect("the charter's language")
    screen.type("mk")
    screen.expect("the charter's text")
    screen.type("Ние собираме сведоштва.")
    screen.expect("the recovery key, to be written down")
    assert screen.close() == 0
    assert re.search(r"\n    ([a-z]+ ){23}[a-z]+\n", screen.shown)
    assert "█" in screen.shown
    assert "Гласови" in run_mirror("list").out


def test_a_passphrase_is_asked_for_twice_and_never_echoed(here: Path) -> None:
    without = {"MIRROR_IDENTITY_FILE": ""}
    screen = Screen("key", "new", "anna.example", "-o", "anna.age", env=without)
    screen.expect("new passphrase for the key of anna.example")
    screen.type("quince lantern orbit")
    screen.expect("Repeat for confirmation")
    screen.type("quince lantern orbit")
    assert screen.close() == 0
    assert "vkey  anna.example+" in screen.shown
    assert "quince" not in screen.shown
    wrong = Screen("key", "show", "anna.age", env=without)
    wrong.expect("passphrase of the key in anna.age")
    wrong.type("quince lantern")
    assert wrong.close() == 4
    assert "the passphrase does not open the key" in wrong.shown
    assert "quince" not in wrong.shown


def test_publish_asks_and_shows_each_token_once(founded: Path) -> None:
    refusing = Screen("publish", "a.md")
    refusing.expect("publish 1 testimony? what is listed can be withdrawn, but never unlisted")
    refusing.type("n")
    assert refusing.close() == 4
    assert "nothing was published" in refusing.shown
    screen = Screen("publish", "a.md")
    screen.expect("publish 1 testimony?")
    screen.type("y")
    assert screen.close() == 0
    assert "withdrawal tokens, shown this once" in screen.shown
    assert re.search(r"\n    ([a-z]+ ){11}[a-z]+\n", screen.shown)
    assert "█" in screen.shown
    assert "edition 2" in screen.shown


@pytest.mark.parametrize(("answer", "edition"), [("replaces", 3), ("skip", 2)])
def test_an_edited_file_is_asked_about(answer: str, edition: int, founded: Path) -> None:
    assert run_mirror("publish", "--yes", "--no-tokens", "a.md").code == 0
    (founded / "a.md").write_text("The text itself, longer.\n")
    screen = Screen("publish", "--no-tokens", "--yes", "a.md")
    screen.expect("does it replace #1?")
    screen.type(answer)
    assert screen.close() == 0
    assert f"edition {edition}" in screen.shown


def test_a_warning_stands_before_the_text_and_is_asked_about(founded: Path) -> None:
    run_mirror("publish", "--yes", "--no-tokens", "a.md")
    for answer, shown in (("n", False), ("y", True)):
        screen = Screen("read", "voices", "1")
        screen.expect("content warning: violence")
        screen.expect("show the text?")
        assert "The text itself" not in screen.shown
        screen.type(answer)
        assert screen.close() == 3
        assert ("The text itself" in screen.shown) is shown
        assert ("(not shown)" in screen.shown) is not shown


def test_a_key_is_confirmed_after_it_was_shown_whole(founded: Path) -> None:
    refusing = Screen("trust", "voices")
    refusing.expect("are they all the same?")
    refusing.type("n")
    assert refusing.close() == 4
    assert run_mirror("verify", "voices").code == 3
    screen = Screen("trust", "voices")
    screen.expect("k51q ")
    screen.expect("are they all the same?")
    screen.type("y")
    assert screen.close() == 0
    assert run_mirror("verify", "voices").code == 0


def test_a_second_key_of_a_name_is_confirmed_by_a_person_alone(founded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_mirror("trust", "--yes", "voices")
    words = ("init", "voices.example", "--title", "T", "--language", "en", "--text", "T", "--recovery", "r2.txt")
    assert run_mirror("--home", "others", *words).code == 0
    screen = Screen("trust", "--yes", "others")
    screen.expect("you confirmed another key under this name before")
    screen.expect("are they all the same?")
    screen.type("y")
    assert screen.close() == 0


def test_a_terminal_that_goes_away_is_no_verdict(founded: Path) -> None:
    screen = Screen("trust", "voices")
    screen.expect("are they all the same?")
    assert screen.hang_up() not in (0, 1, 70)


@pytest.mark.parametrize("words", ["publish a.md", "trust voices", "init other.example"])
def test_control_c_at_a_question_leaves_with_130(words: str, founded: Path) -> None:
    screen = Screen("--home", "others" if "init" in words else "voices", *words.split())
    screen.expect("title" if "init" in words else "?")
    screen.interrupt()
    assert screen.close() == 130
    assert "mirror: interrupted" in screen.shown
    assert "edition 1" in run_mirror("status").out


def test_tables_are_drawn_and_colours_are_left_out_where_they_are_not_wanted(founded: Path) -> None:
    coloured = Screen("list")
    assert coloured.close() == 0
    assert "language" in coloured.shown
    assert COLOUR in coloured.shown
    plain = Screen("list", env={"NO_COLOR": "1"})
    assert plain.close() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.shown)


def test_long_work_shows_how_far_it_is(founded: Path) -> None:
    texts = founded / "texts"
    texts.mkdir()
    for number in range(260):
        (texts / f"{number}.txt").write_text(f"Text {number}.\n")
    screen = Screen("publish", "--yes", "--no-tokens", "texts")
    screen.expect("publishing")
    screen.expect("/260")
    assert screen.close() == 0
    verifying = Screen("verify", "voices")
    verifying.expect("verifying")
    assert verifying.close() == 3
    quiet = Screen("--quiet", "verify", "voices")
    assert quiet.close() == 3
    assert "verifying" not in quiet.shown


def test_more_tokens_than_anybody_writes_down_need_a_file(founded: Path) -> None:
    for number in range(51):
        (founded / f"{number}.txt").write_text(f"Text {number}.\n")
    screen = Screen("publish", "--yes", *(f"{number}.txt" for number in range(51)))
    assert screen.close() == 4
    assert "51 withdrawal tokens are more than anybody can write down" in screen.shown
    assert "edition 1" in run_mirror("status").out
