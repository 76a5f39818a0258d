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

import importlib
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from mirror.cli.terminal import Terminal
from mirror.errors import Malformed, MirrorError, Missing, NeedsNewer, Refused, Unavailable, Unverified

COMMANDS = {
    "init": "founding:init",
    "key": "keys:key",
    "sign": "authoring:sign",
    "preview": "publishing:preview",
    "publish": "publishing:publish",
    "verify": "verifying:verify",
    "read": "reading:read",
    "list": "reading:list_",
    "status": "keeping:status",
    "fsck": "keeping:fsck",
    "export": "carrying:export",
    "import": "carrying:import_",
    "trust": "trusting:trust",
    "announce": "announcing:announce",
    "demo": "demo:demo",
}
"""Each command, and where in `mirror.cli` it is."""

EXIT_CODES = (
    (Refused, 4),
    (Missing, 3),
    (Unavailable, 3),
    (NeedsNewer, 3),
    (Malformed, 1),
    (Unverified, 1),
    (MirrorError, 70),
)

FAULT, INTERRUPTED, BROKEN_PIPE = 70, 130, 141


@dataclass
class Session:
    """What the options before the command say: where the workspace is, and how to speak."""

    home: Path
    terminal: Terminal
    named_state: Path | None = None

    @cached_property
    def state(self) -> Path:
        """The folder for what is remembered outside workspaces: `MIRROR_STATE`, or the system's usual place."""
        named = self.named_state or os.environ.get("MIRROR_STATE")
        if named:
            return Path(named)
        import platformdirs  # noqa: PLC0415  (only where something is remembered)

        return Path(platformdirs.user_state_dir("testimony-mirror", appauthor=False))


class _Lazy(click.Group):
    """A group that imports a command only when it is called, or when all are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(f"mirror.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # noqa: PLC0415  (only where a command was misspelt)

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"\nthe nearest command is: mirror {near[0]}" if near else ""
            raise click.UsageError(f"{error.message.rstrip('.').lower()}{hint}", ctx) from None


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
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="No messages but errors.")
@click.option("-v", "--verbose", is_flag=True, help="More messages.")
@click.version_option(package_name="testimony-mirror", prog_name="mirror", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, home: Path, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Publish testimonies that nobody can change, remove, reorder or fake without it showing.

    \b
    mirror init voices.example/archive     make a workspace
    mirror publish testimonies/            sign, store and list what is in a folder
    mirror verify archive/                 judge an archive, somebody else's or your own
    """
    context.obj = Session(home, Terminal(as_json=as_json, quiet=quiet, verbose=verbose))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="mirror", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        return _explain(error)
    except KeyboardInterrupt:
        return _explain(click.exceptions.Abort())
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> int:
    """Say what went wrong, and whose fault it is; the exit code."""
    if isinstance(error, MirrorError):
        return _failed(error)
    if isinstance(error, click.exceptions.Abort):
        click.echo("\nmirror: interrupted", err=True)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return _broken(error)


def _failed(error: MirrorError) -> int:
    click.echo(f"mirror: error: {error.message}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def _broken(error: Exception) -> int:
    import traceback  # noqa: PLC0415  (only where the program is at fault)

    if os.environ.get("MIRROR_TRACEBACK"):
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    click.echo(
        f"mirror: fault of the program: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}", err=True
    )
    click.echo(
        "  hint: this is no verdict on anything; set MIRROR_TRACEBACK=1 to see more, and please report it", err=True
    )
    return FAULT
