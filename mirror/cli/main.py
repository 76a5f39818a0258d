"""The command `mirror`: its options, its commands, and what a failure exits with.

    0    every claim asked for holds, or the work is done
    1    a verdict: something is false
    2    wrong usage
    3    could not tell: someone did not answer, a proof or a confirmed key is absent, a newer version is needed
    4    refused: it would overwrite, expose, fork or exceed
    70   a fault of the program
    130  interrupted

Commands are imported when they are called, so that each starts as light as it is.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mirror.cli.terminal import Terminal, in_one_line, never_fail
from mirror.cli.typed import Misused, as_typed
from mirror.errors import Malformed, MirrorError, Missing, NeedsNewer, Refused, Unavailable, Unverified

if TYPE_CHECKING:
    from mirror.network.http import Route

COMMANDS = {
    "init": "founding:init",
    "key": "keys:key",
    "sign": "authoring:sign",
    "preview": "previewing:preview",
    "publish": "publishing:publish",
    "withdraw": "withdrawing:withdraw",
    "request": "withdrawing:request",
    "verify": "verifying:verify",
    "verifier": "verifying_page:verifier",
    "read": "reading:read",
    "list": "reading:list_",
    "status": "keeping:status",
    "fsck": "keeping:fsck",
    "export": "carrying:export",
    "import": "carrying:import_",
    "follow": "following:follow",
    "drop": "dropping:drop",
    "backup": "backing:backup",
    "trust": "trusting:trust",
    "announce": "announcing:announce",
    "serve": "serving:serve",
    "pin": "pinning:pin",
    "name": "naming:name",
    "anchor": "anchoring:anchor",
    "reach": "reaching:reach_",
    "inscribe": "inscribing:inscribe",
    "demo": "demo:demo",
}
"""Each command, and where in `mirror.cli` it is."""

SUMMARIES = {
    "init": "make a workspace: a key, a charter, a first edition",
    "key": "make a key for an author, show a key, change its passphrase",
    "sign": "sign a testimony with your own key, and hand it in",
    "preview": "show what would be signed, and what may identify someone",
    "publish": "sign, store and list testimonies",
    "verify": "judge an archive, a CAR, a folder, a note or a link",
    "verifier": "write verify.html, the page that verifies in a browser",
    "read": "show testimonies, each verified first",
    "list": "show what the log lists",
    "status": "show what is here, what is behind, what to type next",
    "fsck": "read every byte of the archive again",
    "export": "write the newest edition as one CAR",
    "import": "bring a newer edition in, verified first",
    "follow": "keep a verified copy up to date, and refuse a fork",
    "drop": "leave testimonies out of a keeper's copy",
    "backup": "keep the whole workspace in one encrypted file, and restore it",
    "trust": "confirm a mirror's key after comparing it",
    "announce": "show the newest announcement: note, links, QR code",
    "serve": "hand on what is held here, to browsers and IPFS nodes",
    "pin": "have IPFS nodes, clusters or services hold the newest edition",
    "name": "sign where the mirror's name leads, tell everyone, ask everyone",
    "anchor": "commit the log to outside clocks, and gather their proofs",
    "reach": "show who gives a mirror to readers, and what keeps others from it",
    "inscribe": "put a whole testimony on Ethereum, where nobody can take it back",
    "withdraw": "take testimonies back",
    "request": "as an author, ask for your testimony to be withdrawn",
    "demo": "show the whole path on invented testimonies",
}
"""Each command in a few words, so that listing them imports none."""

EXIT_CODES = (
    (Refused, 4),
    (Missing, 3),
    (Unavailable, 3),
    (NeedsNewer, 3),
    (Malformed, 1),
    (Unverified, 1),
    (MirrorError, 70),
)

HELP_INSTEAD: tuple[type[click.ClickException], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])
)
"""What newer versions of click raise for a group of commands by itself: its message is the help."""

FAULT, INTERRUPTED, BROKEN_PIPE = 70, 130, 141


@dataclass
class Session:
    """What the options before the command say: where the workspace is, and how to speak."""

    home: Path
    terminal: Terminal
    named_state: Path | None = None
    proxy: str | None = None

    @cached_property
    def state(self) -> Path:
        """The folder for what is remembered outside workspaces: `MIRROR_STATE`, or the system's usual place."""
        named = self.named_state or os.environ.get("MIRROR_STATE")
        if named:
            return Path(named)
        import platformdirs  # noqa: PLC0415  (only where something is remembered)

        return Path(platformdirs.user_state_dir("testimony-mirror", appauthor=False))

    @cached_property
    def route(self) -> "Route":
        """The one way out: through `--proxy`, else through `proxy` of the workspace's settings, else directly."""
        import time  # noqa: PLC0415  (all of this only where something connects)

        from mirror.network.http import Route  # noqa: PLC0415
        from mirror.store.workspace import Workspace  # noqa: PLC0415

        with as_typed():
            proxy = Workspace(self.home).settings.proxy or None if self.proxy is None else self.proxy
        with as_typed("--proxy"):
            return Route(proxy, time.monotonic)


class Nearest(click.Group):
    """A group that names the nearest command where one is misspelt."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = _nearest(args[0], self.list_commands(ctx))
            hint = f"the nearest is: {ctx.command_path} {near}" if near else f"{ctx.command_path} --help lists them all"
            raise Misused(f"no such command {args[0]!r}", hint=hint) from None


class _Closed(Exception):
    """Whoever read our output is gone. Click has an exit code of its own for that, which is our verdict's."""


@contextlib.contextmanager
def _no_exit_of_clicks() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _Closed from None


class _Lazy(Nearest):
    """A group that imports a command only when it is called."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _no_exit_of_clicks():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _no_exit_of_clicks():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(f"mirror.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


def _nearest(word: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415  (only where something was misspelt)

    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib import metadata  # noqa: PLC0415  (only where it is asked for)

    try:
        click.echo(f"mirror {metadata.version('testimony-mirror')}")
    except metadata.PackageNotFoundError:
        click.echo("mirror of a checkout that is not installed")
    context.exit()


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Each command explains itself: mirror publish --help",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MIRROR_HOME",
    default=".",
    help="The workspace's folder; default MIRROR_HOME, or the current one.",
)
@click.option(
    "--proxy",
    metavar="URL",
    help="The one way out for whatever connects, such as socks5h://127.0.0.1:9050; default: as mirror.toml says.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="No messages but errors.")
@click.option("-v", "--verbose", is_flag=True, help="More messages.")
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="The version.")
@click.pass_context
def cli(context: click.Context, home: Path, proxy: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Publish testimonies that nobody can change, remove, reorder or fake without it showing.

    \b
    mirror init voices.example/archive     make a workspace
    mirror publish testimonies/            sign, store and list what is in a folder
    mirror verify archive/                 judge an archive, somebody else's or your own
    """
    terminal = Terminal(as_json=as_json, quiet=quiet, verbose=verbose)
    context.obj.append(terminal)
    context.obj = Session(home, terminal, proxy=proxy)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        never_fail(stream)
    try:
        return _run(arguments)
    except (OSError, _Closed):  # nobody is there to read what would be said
        _leave_quietly()
        return BROKEN_PIPE


def _run(arguments: list[str] | None) -> int:
    terminals: list[Terminal] = []
    try:
        code = cli.main(args=arguments, prog_name="mirror", standalone_mode=False, obj=terminals)
        sys.stdout.flush()
    except (KeyboardInterrupt, EOFError):
        failure: Exception = click.exceptions.Abort()
    except Exception as error:
        failure = error
    else:
        return code if isinstance(code, int) else 0
    asked = sys.argv[1:] if arguments is None else arguments
    return _explain(failure, terminals[0] if terminals else Terminal(as_json="--json" in asked))


def _leave_quietly() -> None:
    """Whoever read our output is gone: let nothing that is still buffered fail when the program ends."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Failure(NamedTuple):
    """What a run ended with: what it is called, in which words, and its exit code."""

    kind: str
    message: str
    hint: str
    code: int


def _explain(error: Exception, terminal: Terminal) -> int:
    """Say what went wrong, and whose fault it is; the exit code."""
    if isinstance(error, BrokenPipeError | _Closed):
        raise error
    if isinstance(error, HELP_INSTEAD):
        error.show()
        return error.exit_code
    failure = _failure_of(error)
    click.echo(
        f"mirror: {failure.kind}: {failure.message}" if failure.message else f"\nmirror: {failure.kind}", err=True
    )
    if failure.hint:
        click.echo(f"  hint: {failure.hint}", err=True)
    if not terminal.has_given:
        words = failure.message or failure.kind
        terminal.give({"error": words, "hint": failure.hint or None, "exit_code": failure.code})
    return failure.code


def _failure_of(error: Exception) -> _Failure:
    if isinstance(error, MirrorError):
        return _failed(error)
    if isinstance(error, OSError):
        what = "input or output" if error.filename is None else os.fsdecode(error.filename)
        return _failed(Unavailable(f"{what}: {(error.strerror or 'it failed').lower()}"))
    if isinstance(error, click.exceptions.Abort):
        return _Failure("interrupted", "", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return _misused(error)
    return _broken(error)


def _failed(error: MirrorError) -> _Failure:
    code = next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    return _Failure("error", in_one_line(error.message), in_one_line(error.hint), code)


def _misused(error: click.ClickException) -> _Failure:
    context = getattr(error, "ctx", None)
    hint = getattr(error, "hint", None)
    if hint is None:
        hint = f"{context.command_path if context else 'mirror'} --help explains"
    message, what = error.format_message(), ""
    if isinstance(error, click.NoSuchOption):
        message = f"no such option {error.option_name}"
        options = [each for option in context.command.params for each in option.opts] if context else []
        near = _nearest(error.option_name, options)
        hint = f"the nearest is: {near}" if near else hint
    elif isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        what = f"{error.param.opts[-1]}: " if isinstance(error.param, click.Option) else ""
        message = error.message
    words = what + message[:1].lower() + message[1:].rstrip(".")
    return _Failure("error", in_one_line(words), in_one_line(hint), error.exit_code)


def _broken(error: Exception) -> _Failure:
    import traceback  # noqa: PLC0415  (only where the program is at fault)

    if os.environ.get("MIRROR_TRACEBACK"):
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return _Failure(
        "fault of the program",
        f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}",
        "this is no verdict on anything; set MIRROR_TRACEBACK=1 to see more, and please report it",
        FAULT,
    )
