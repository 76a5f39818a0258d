"""Real texts of others, in many scripts, through the command line: each reads back as it went in."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from counterparts import shared
from storyteller import make_identity, run_mirror

FOLDER = shared("data/udhr")
LANGUAGES: dict[str, dict[str, str]] = json.loads((FOLDER / "languages.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every text, published in its language with its title, verified, and read back, by the name of its file."""
    folder = tmp_path_factory.mktemp("udhr")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MIRROR_STATE", str(folder / "state"))
        patch.setenv("MIRROR_HOME", str(folder / "voices"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(folder / "identity.txt")))
        return dict(zip(sorted(LANGUAGES), _published_and_read(folder), strict=True))


def _published_and_read(folder: Path) -> list[dict[str, Any]]:
    texts = folder / "texts"
    texts.mkdir()
    for name, about in LANGUAGES.items():
        head = "".join(f"{key} = {json.dumps(about[key], ensure_ascii=False)}\n" for key in ("title", "language"))
        body = (FOLDER / name).read_text(encoding="utf-8")
        (texts / name).write_text(f"+++\n{head}+++\n\n{body}", encoding="utf-8")
    for words in (
        ("init", "voices.example", "--title", "T", "--language", "en", "--text", "T", "--recovery", "recovery.txt"),
        ("publish", "--yes", "--no-tokens", "texts"),
        ("trust", "--yes", "voices"),
        ("verify", "voices"),
    ):
        finished = run_mirror(*words)
        assert finished.code == 0, finished
    testimonies: list[dict[str, Any]] = json.loads(run_mirror("--json", "read", "voices").out)["testimonies"]
    return testimonies


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_a_real_text_reads_back_as_it_was(name: str, read: dict[str, dict[str, Any]]) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8").strip("\n")
    lines = [line.rstrip(" ") for line in unicodedata.normalize("NFC", text).split("\n")]
    assert read[name]["text"].split("\n") == lines
    assert read[name]["title"] == unicodedata.normalize("NFC", LANGUAGES[name]["title"])
    assert read[name]["language"] == LANGUAGES[name]["language"]


PASTED = {
    "whatsapp.txt": ("\u200e[12/03/2019] \u2068Anna\u2069: \u202aHe said it\u202c", 4),
    "telegram.txt": ("\u2067هي قالت\u2069 ثم خرجت", 2),
    "windows.txt": ("She said \x93no\x94\r\nand left.\r\n", 0),
}
"""What chat programs and old editors put into a text, and how many direction marks of it are taken out."""


@pytest.mark.parametrize("name", PASTED)
def test_what_is_pasted_is_published_with_its_repair_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(tmp_path / "identity.txt")))
    monkeypatch.setenv("MIRROR_HOME", "v")
    run_mirror("init", "v.example", "--title", "T", "--language", "en", "--text", "T", "--recovery", "recovery.txt")
    Path(name).write_bytes(PASTED[name][0].encode())
    previewed = run_mirror("preview", name)
    finished = run_mirror("publish", "--yes", "--no-tokens", name)
    assert finished.code == 0
    assert f"repaired  {name}: line 1, column " in finished.err
    assert "   repaired  line 1, column " in previewed.out
    shown = json.loads(run_mirror("--json", "read", "--no-memory", "v", "1").out)
    text = shown["testimonies"][0]["text"]
    assert not set(text) & set("\u202a\u202b\u202c\u2066\u2067\u2068\u2069\r\x93\x94")
    assert len(PASTED[name][0]) - len(text) >= PASTED[name][1]
