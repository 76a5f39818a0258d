"""The house rules that a look at the files can hold."""

import re
import subprocess
from pathlib import Path

import pytest
from counterparts import CHECKOUT, need_program

LINES_AT_MOST = 500
"""Lines in a file of ``mirror/``: what is longer is perhaps two rooms in one."""

UNWELCOME = re.compile(
    r"\b(?:TO[D]O|FIX[M]E|XX[X]|NotImplemented[E]rror)\b"  # work left open
    r"|/(?:wor[k]|roo[t]|home/[a-z]+)/"  # folders of somebody's machine
)
"""What stands nowhere in the project; in brackets, so that this file may stand in it too."""


def tracked() -> list[Path]:
    """The project's files, as git knows them: those about to be added too, those ignored not."""
    git = [need_program("git"), "-c", f"safe.directory={CHECKOUT}"]  # whoever owns it
    command = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: which files are the project's cannot be told")
    found = [CHECKOUT / name for name in listed.stdout.decode().split("\0")[:-1]]
    return [path for path in found if path.is_file()]


def test_no_file_is_too_long() -> None:
    lengths = {path: path.read_bytes().count(b"\n") for path in (CHECKOUT / "mirror").rglob("*.py")}
    assert {path for path, length in lengths.items() if length > LINES_AT_MOST} == set()


def test_nothing_unwelcome_stands_in_the_project() -> None:
    paths = tracked()
    assert CHECKOUT / "pyproject.toml" in paths
    found = {path: UNWELCOME.search(path.read_text(encoding="utf-8", errors="replace")) for path in paths}
    assert {str(path): hit.group() for path, hit in found.items() if hit} == {}


@pytest.mark.parametrize(
    "words", ["TO_DO: later", "(FIX_ME)", "see /wor_k/x", "/ho_me/anna/x", "raise NotImplemented_Error"]
)
def test_what_is_unwelcome_is_found(words: str) -> None:
    assert UNWELCOME.search(words.replace("_", ""))
    assert not UNWELCOME.search(words)


@pytest.mark.parametrize("words", ["todo", "TODOS", "a/work", "/homepage/x", "$HOME/x", "/home/"])
def test_what_only_looks_like_it_is_not(words: str) -> None:
    assert not UNWELCOME.search(words)


def test_the_licence_is_there() -> None:
    text = (CHECKOUT / "LICENSE").read_text(encoding="ascii")
    assert text.split()[:6] == ["Apache", "License", "Version", "2.0,", "January", "2004"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = { text = "Apache-2.0" }' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")


def test_test_files_have_names_of_their_own() -> None:
    paths = list((CHECKOUT / "tests").rglob("*.py"))
    assert len({path.name for path in paths}) == len(paths)
    assert not any(path.name == "__init__.py" for path in paths)
