"""What people type: names, keys, indexes, paths of new files. Where it is wrong, that is wrong usage: exit code 2.

A malformed note is its writer's fault and a verdict; a malformed option is neither, so what a person typed is checked
in here, at the door.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mirror.errors import Malformed, Missing, Refused
from mirror.formats import wire


class Misused(click.UsageError):
    """Wrong usage, with a hint what to type instead; without one, to the command's help."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@contextlib.contextmanager
def as_typed(what: str = "") -> Iterator[None]:
    """Turns what is malformed or missing in what was typed into wrong usage; `what` names it."""
    try:
        yield
    except (Malformed, Missing) as error:
        raise Misused(f"{what}: {error.message}" if what else error.message, hint=error.hint) from None


class Index(click.ParamType[int]):
    """A place in the log as people write it: 3, or #3 as it is shown."""

    name = "index"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return wire.decode_decimal(str(value).removeprefix("#"))
        except Malformed:
            self.fail(f"{value!r} is no index, which is a number such as 3", param, ctx)


def read_line(descriptor: int, at_most: int) -> bytes:
    """The first line of an open file descriptor, without its end; looked for in its first `at_most` bytes."""
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(at_most).split(b"\n", 1)[0].rstrip(b"\r")
    except (OSError, OverflowError):
        raise Misused(f"file descriptor {descriptor} cannot be read") from None


from_option = click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True), help="The archive, CAR or folder to read it from."
)
"""Where the tree of a link or announcement is read from."""


def check_new(path: Path, hint: str = "") -> None:
    """Refuse to write over a file, or into a folder that is not there; asked before any work is done."""
    if path.exists() or path.is_symlink():
        raise Refused(f"{path} exists already and is not overwritten", hint=hint)
    if not path.parent.is_dir():
        raise Misused(f"the folder {path.parent} does not exist")
