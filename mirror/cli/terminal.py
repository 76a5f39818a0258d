"""What is shown to people, and asked of them.

Rules of the terminal: results go to standard output, everything else to standard error; with `--json` standard output
carries one JSON document and nothing else. Text from outside is escaped and its direction isolated, so that no
testimony can colour, clear or reorder a screen. Output never fails on a terminal's encoding. Nothing secret is echoed.
"""

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import click

from mirror.errors import Refused

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_MARKS = "\u061c\u200e\u200f"
_FIRST_STRONG, _POP = "\u2068", "\u2069"


def escape(text: str) -> str:
    """Text from outside without anything that moves a cursor or turns what stands around it; newlines stay.

    Left-to-right and right-to-left marks stay too: they are part of how scripts are written, and harm nothing inside
    an isolate.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in _MARKS else ascii(found[0])[1:-1], text)


def in_one_line(text: str) -> str:
    """Text from outside, escaped, its newlines too: a name cannot pretend to be a line of ours."""
    return escape(text).replace("\n", "\\n")


def isolate(text: str) -> str:
    """Text from outside, escaped, each line isolated, so that its direction ends where it ends."""
    lines = escape(text).split("\n")
    return "\n".join(f"{_FIRST_STRONG}{line}{_POP}" if line and not line.isascii() else line for line in lines)


def quoted(text: str) -> str:
    """A text from outside, escaped, a bar before each line: nothing in it can pass for a line of ours."""
    return "\n".join(f"| {line}" for line in isolate(text).split("\n"))


def in_groups(text: str) -> str:
    """A key or hash in groups of four, for comparing aloud."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def many(count: int, one: str, more: str) -> str:
    """A number with its noun."""
    return f"{count} {one if count == 1 else more}"


class Terminal:
    """Standard output and standard error, as the command's options want them; `silent` gives no result at all."""

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False, silent: bool = False
    ) -> None:
        self.as_json = as_json
        self.silent = silent
        self.quiet = quiet
        self.verbose = verbose
        self.has_given = False

    @property
    def interactive(self) -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str = "") -> None:
        """A line of the result; nothing where the result is JSON."""
        if not self.as_json and not self.silent:
            click.echo(text)

    def give(self, document: dict[str, Any]) -> None:
        """The result as one JSON document, where JSON is asked for."""
        if self.as_json and not self.silent:
            self.has_given = True
            takes_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
            click.echo(json.dumps(document, ensure_ascii=not takes_all, indent=2))

    def tell(self, text: str = "") -> None:
        """A message beside the result."""
        if not self.quiet:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """A message for who asked for more."""
        if self.verbose:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """A message that is shown even where quiet is asked for."""
        click.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool, hint: str = "look first, then add --yes") -> bool:
        """Ask before what cannot be undone. `yes` answers for scripts; without it and without a person, refuse."""
        if yes:
            return True
        if not self.interactive:
            raise Refused(f"nobody is here to ask: {question}", hint=hint)
        return click.confirm(question, default=False, err=True)

    def ask(self, question: str, choices: tuple[str, ...], default: str) -> str:
        """One of several answers; the default where nobody can be asked."""
        if not self.interactive:
            return default
        answer: str = click.prompt(question, type=click.Choice(choices), default=default, err=True)
        return answer

    @contextlib.contextmanager
    def progress(self, words: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        """Shows how far long work is: a bar with rate and time left on a terminal, a line now and then elsewhere."""
        if self.quiet:
            yield lambda done, total: None
        elif sys.stderr.isatty():
            with _bar(words, unit) as move:
                yield move
        else:
            yield _lines(words, unit)

    def table(self, headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
        """Rows under headings: drawn to the width on a terminal, tab-separated lines elsewhere, as they come."""
        if self.as_json:
            return
        if sys.stdout.isatty():
            _draw(headings, rows)
        else:
            for row in rows:
                click.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))


def never_fail(stream: TextIO | None) -> None:
    """Let a stream escape what its encoding has no letters for, instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


LINE_EVERY = 5_000
"""Items between two lines of progress where there is no terminal: a line a second at our slowest."""

BAR_FROM = 200
"""Items from which on a bar is drawn: less is done before it could be read."""


BYTES_LINE_EVERY = 50_000_000
"""Bytes between two lines of progress where there is no terminal: some seconds of a good line."""


def _lines(words: str, unit: str) -> Callable[[int, int], None]:
    every, last = BYTES_LINE_EVERY if unit == "bytes" else LINE_EVERY, 0

    def move(done: int, total: int) -> None:
        nonlocal last
        if total >= every and (done // every > last // every or (done == total and last != done)):
            click.echo(f"{words}: {done} of {total} {unit}", err=True)
        last = done

    return move


@contextlib.contextmanager
def _bar(words: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console  # noqa: PLC0415  (start-up stays light where nothing is drawn)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    rate = TextColumn("{task.fields[rate]}", style="dim")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), rate)
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(words, total=None, visible=False, rate="")

        last = 0

        def move(done: int, total: int) -> None:
            nonlocal last
            if total >= BAR_FROM and (abs(done - last) >= 50 or done == total):
                speed = progress.tasks[0].speed  # None until there are two moments to compare
                progress.update(task, completed=done, total=total, visible=True, rate=f"{speed:.0f}/s" if speed else "")
                last = done

        yield move


def _draw(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    from rich.console import Console  # noqa: PLC0415  (as above)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
