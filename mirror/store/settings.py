"""Settings: `mirror.toml` in a workspace. TOML; a key that is not known is refused with the nearest that is.

    language = "mk"     # of testimonies that name none
    day = false         # whether editions say on which day they were made

`as_toml` writes every key with a comment, so that the file explains itself. Nothing secret ever stands in it.
"""

import difflib
import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mirror.errors import Malformed, Missing
from mirror.formats import language, wire
from mirror.store import files

SETTINGS_AT_MOST = 64 * 1024
"""Bytes in `mirror.toml`: a few pages of text."""

_COMMENTS = {
    "language": 'The language of texts that name none, a BCP 47 tag such as "mk" or "zh-Hans"; "" for no default.',
    "day": "Whether each edition says on which day it was made. Off: nothing published tells when you work.",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a workspace's publisher decided once. The defaults are the safe ones."""

    language: str = ""
    day: bool = False

    def as_toml(self) -> str:
        """The file that says this, with a comment at every key."""
        lines = ["# Settings of this mirror. Nothing secret belongs here.\n"]
        for field in fields(self):
            lines.append(f"\n# {_COMMENTS[field.name]}\n{field.name} = {json.dumps(getattr(self, field.name))}\n")
        return "".join(lines)


def read_settings(path: Path) -> Settings:
    """The settings in a file; the defaults where there is none."""
    try:
        data = files.read_at_most(path, SETTINGS_AT_MOST, "the settings")
    except Missing:
        return Settings()
    try:
        values = tomllib.loads(wire.decode_utf8(data, str(path)))
    except (ValueError, RecursionError) as error:  # tomllib lets numbers without end and brackets without end through
        raise Malformed(f"{path} is not TOML: {error}") from None
    try:
        return _settings(values)
    except Malformed as error:
        raise Malformed(f"{path}: {error.message}", hint=error.hint) from None


def _settings(values: dict[str, Any]) -> Settings:
    defaults = {field.name: field.default for field in fields(Settings)}
    for key, value in values.items():
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1, cutoff=0)
            raise Malformed(f"unknown setting {key!r}", hint=f"the nearest known one is {near[0]!r}")
        if type(value) is not type(defaults[key]):
            raise Malformed(f"{key} has to be of the kind of {json.dumps(defaults[key])}, and is not")
    settings = Settings(**values)
    if settings.language:
        language.check(settings.language)
    return settings
