"""Settings: what is written reads back, and what is mistyped is refused with what was meant."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import mutated

from mirror.errors import Malformed, Refused
from mirror.store.settings import SETTINGS_AT_MOST, Settings, read_settings


def read(folder: Path, content: str | bytes) -> Settings:
    path = folder / "mirror.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_settings(path)


@pytest.mark.parametrize("made", [Settings(), Settings("mk"), Settings("zh-Hans", True), Settings(day=True)])
def test_what_is_written_reads_back(tmp_path: Path, made: Settings) -> None:
    assert read(tmp_path, made.as_toml()) == made


def test_the_file_explains_every_key(tmp_path: Path) -> None:
    lines = Settings().as_toml().split("\n")
    keys = list(tomllib.loads("\n".join(lines)))
    assert keys == [field.name for field in fields(Settings)]
    for key in keys:
        at = next(at for at, line in enumerate(lines) if line.startswith(f"{key} = "))
        assert lines[at - 1].startswith("# ")


def test_without_a_file_the_defaults_are_the_safe_ones(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "absent.toml") == Settings("", False) == read(tmp_path, "")


def test_a_key_may_be_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "day = true\n") == Settings("", True)


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("langauge = 'mk'", "unknown setting 'langauge'", "the nearest known one is 'language'"),
        ("Day = true", "unknown setting 'Day'", "the nearest known one is 'day'"),
        ("'' = true", "unknown setting ''", "the nearest known one is "),
        ("[day]\nx = 1", "day has to be of the kind of false", ""),
        ("day = 1", "day has to be of the kind of false", ""),
        ("day = 'yes'", "day has to be of the kind of false", ""),
        ("language = true", 'language has to be of the kind of ""', ""),
        ("language = ['mk']", 'language has to be of the kind of ""', ""),
        ("language = 0x" + "f" * 5000, 'language has to be of the kind of ""', ""),
        ("language = 'MK'", "language tag 'MK' is spelled 'mk'", ""),
        ("language = 'english!'", "language tag 'english!' is not well-formed BCP 47", ""),
        ("day", "is not TOML: Expected '=' after a key", ""),
        ("day = true\nday = true", "is not TOML: Cannot overwrite a value", ""),
        ("a = " + "[" * 30_000, "is not TOML: ", ""),
        ("a = " + "9" * 30_000, "is not TOML: ", ""),
        ("a = \x00", "is not TOML: ", ""),
        (b"\xff", "is not UTF-8 at byte 0", ""),
    ],
)
def test_what_is_mistyped_is_refused_with_the_files_name(
    tmp_path: Path, content: str | bytes, words: str, hint: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        read(tmp_path, content)
    assert refusal.value.message.startswith(str(tmp_path / "mirror.toml"))
    assert words in refusal.value.message
    assert refusal.value.hint.startswith(hint)
    assert bool(refusal.value.hint) == bool(hint)


def test_the_length_of_settings_is_bounded(tmp_path: Path) -> None:
    assert read(tmp_path, "#" * SETTINGS_AT_MOST) == Settings()
    with pytest.raises(Refused, match=r"the settings .*mirror.toml is larger than 65536 bytes"):
        read(tmp_path, "#" * (SETTINGS_AT_MOST + 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated(st.just(Settings("mk", True).as_toml().encode())))
def test_settings_are_read_or_malformed(tmp_path: Path, content: bytes) -> None:
    try:
        made = read(tmp_path, content)
    except Malformed:
        return
    assert read(tmp_path, made.as_toml()) == made
