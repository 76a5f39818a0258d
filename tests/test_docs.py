"""The documentation says what the program does: every name in it, every table, and every block of commands.

A block of ```` ```console ```` is a session: `$ ` begins a command, and where something stands below it, the terminal
shows just that, with `…` for anything in a line and a line `…` for any lines or none; empty lines do not count. A
block of ```` ```sh ```` is a script. The blocks of a page run in order in one folder, in a shell on a terminal of its
own, where what stands behind a question's `]: ` is typed. A command fails the test unless its exit code is 0 or the
next line is `$ echo $?`.

`mirror` and `scripts/mirror` are the program as it is here; keys lock and open with an age identity, so that nobody
is asked for a passphrase. Above a block may stand `<!-- not run: why -->` or `<!-- needs: program -->`.
"""

import ast
import importlib
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import click
import pytest
import test_layers
from calendar_server import Calendar, Chain
from counterparts import CHECKOUT, need_program

from mirror import errors
from mirror.cli import main
from mirror.formats import entry, headers, notes
from mirror.formats.key import PublicKey
from mirror.intake import drafts, pictures
from mirror.store import vault

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
SOURCES = sorted((CHECKOUT / "mirror").rglob("*.py"))


@cache
def page(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, down to the next of the same rank or higher."""
    lines = text.split("\n")
    start, rank = lines.index(heading), len(heading) - len(heading.lstrip("#"))
    end = next((at for at in range(start + 1, len(lines)) if re.match(rf"#{{1,{rank}}} ", lines[at])), len(lines))
    return "\n".join(lines[start + 1 : end])


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, headings and rules left out."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    lines = [line for table in tables for line in table.strip().split("\n")[2:]]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(cell: str) -> str:
    """What stands between the backticks of a cell that is nothing else."""
    assert re.fullmatch("`[^`]+`", cell), cell
    return cell.strip("`")


def write_identity(path: Path) -> Path:
    """A new age identity file, with which keys open at once."""
    path.write_text("".join(f"{line}\n" for line in vault.new_identity().lines))
    return path


def codes(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


# The command line


def commands(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    context = click.Context(command, info_name=path, parent=parent, help_option_names=["-h", "--help"])
    yield path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}", context)


COMMANDS = dict(commands(main.cli, "mirror"))


def heading_of(path: str) -> str:
    if path == "mirror":
        return "## Options before the command"
    arguments = [piece for piece in COMMANDS[path].command.collect_usage_pieces(COMMANDS[path])[1:] if piece]
    group = isinstance(COMMANDS[path].command, click.Group)
    return f"### `{' '.join([path, *([] if group else arguments)])}`"


def test_cli_md_has_a_section_for_each_command_and_no_other() -> None:
    found = re.findall(r"^### `mirror.*`$", page("docs/cli.md"), re.MULTILINE)
    assert sorted(found) == sorted(heading_of(path) for path in COMMANDS if path != "mirror")


@pytest.mark.parametrize("path", COMMANDS)
def test_cli_md_lists_each_option_with_its_words(path: str) -> None:
    context, expected = COMMANDS[path], []
    for option in context.command.params:
        if isinstance(option, click.Option):
            record = option.get_help_record(context)
            assert record is not None
            required = " Required." if option.required else ""
            expected.append([f"`{record[0]}`".replace("|", "\\|"), f"{option.help}{required}"])
    found = section(page("docs/cli.md"), heading_of(path))
    assert rows(found) == expected
    assert expected or "No options of its own." in found


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != "mirror"])
def test_cli_md_says_of_each_command_what_its_help_says_first(path: str) -> None:
    first = " ".join((COMMANDS[path].command.help or "").split("\n\n")[0].split())
    assert section(page("docs/cli.md"), heading_of(path)).strip().startswith(first + "\n")


def test_cli_md_lists_the_exit_codes() -> None:
    used = {0, 2, main.FAULT, main.INTERRUPTED, main.BROKEN_PIPE, *(code for _, code in main.EXIT_CODES)}
    assert [cells[0] for cells in rows(section(page("docs/cli.md"), "## Exit codes"))] == [
        str(each) for each in sorted(used)
    ]


def test_cli_md_lists_the_environment_variables() -> None:
    used = {name for path in SOURCES for name in re.findall(r"MIRROR_[A-Z_]+", path.read_text(encoding="utf-8"))}
    found = [code(cells[0]) for cells in rows(section(page("docs/cli.md"), "## Environment variables"))]
    assert sorted(found) == sorted(used)


IN_JSON = [
    ("init", "init voices.example/archive --title V --language en --text T --recovery recovery.txt"),
    ("status", "status"),
    ("preview", "preview a.txt --language en"),
    ("publish", "publish a.txt --language en --tokens tokens.txt --yes"),
    ("publish", "publish a.txt --language en --tokens more.txt --yes"),
    ("announce", "announce --note announcement.txt"),
    ("serve", "serve --dry-run"),
    ("name", "name --record voices.ipns-record"),
    ("anchor status", "anchor status"),
    ("key new", "key new anna.example -o anna.age"),
    ("key show", "key show"),
    ("key passphrase", "key passphrase --identity age.txt"),
    ("sign", "sign a.txt --for announcement.txt --key anna.age --language en --yes"),
    ("verify", "verify voices"),
    ("verifier", "verifier -o verify.html"),
    ("trust", "trust voices --yes"),
    ("trust", "trust --list"),
    ("trust", "trust --forget voices"),
    ("read", "read voices 1"),
    ("list", "list"),
    ("fsck", "fsck"),
    ("export", "export -o voices.car"),
    ("export", "export --one 1 -o one"),
    ("export", "export --files -o tree"),
    ("import", "--home copy import voices.car"),
    ("follow", "--home copy follow --from voices"),
    ("drop", "--home copy drop 1"),
    ("backup", "backup voices.age"),
    ("backup", "--home restored backup --restore voices.age"),
    ("withdraw", "withdraw 1 --yes"),
    ("demo", "demo demo"),
]
"""Each command that gives a document, in an order in which all succeed."""


def documents(path: str) -> list[set[str]]:
    """The names in the documents that a command may give, as cli.md lists them."""
    listed = re.search(
        r"^JSON: (.*?)(?:\n\n|\Z)", section(page("docs/cli.md"), heading_of(f"mirror {path}")), re.S | re.M
    )
    assert listed, path
    sentences = re.split(r"\.(?:\s|\Z)", " ".join(re.sub(r"\([^()]*\)", "", listed[1]).split()))
    return [set(codes(each.rpartition(": ")[2])) for each in sentences if each]


def test_cli_md_lists_the_names_in_every_json_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIRROR_HOME", "voices")
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(write_identity(tmp_path / "age.txt")))
    (tmp_path / "a.txt").write_text("A text.\n")
    for path, line in IN_JSON:
        assert main.run(["--json", *line.split(" ")]) in (0, 3), capsys.readouterr().err
        assert set(json.loads(capsys.readouterr().out)) in documents(path), line
    assert main.run(["--json", "list"]) == 0
    cid = json.loads(capsys.readouterr().out)["entries"][1]["cid"]
    assert main.run(["--json", *f"request {cid} --for voices --key anna.age -o request.txt".split(" ")]) == 0
    assert set(json.loads(capsys.readouterr().out)) in documents("request")
    with (tmp_path / "voices" / "mirror.toml").open("a") as settings:
        settings.write('[service.nobody]\nkind = "kubo"\naddress = "/ip4/127.0.0.1/tcp/1"\n')
    assert main.run(["--json", "announce"]) == 0
    reach = f"reach {json.loads(capsys.readouterr().out)['newest_link']} --gateway http://127.0.0.1:1"
    for path, line in (("pin", "pin"), ("status", "status"), ("reach", reach)):
        assert main.run(["--json", *line.split(" ")]) == 3
        assert set(json.loads(capsys.readouterr().out)) in documents(path), line
    with Calendar(Chain()) as calendar:
        for path, line, code in (("anchor ots", "anchor ots", 0), ("anchor upgrade", "anchor upgrade", 3)):
            assert main.run(["--json", *line.split(" "), "--calendar", calendar.url]) == code
            assert set(json.loads(capsys.readouterr().out)) in documents(path), line
        written = (tmp_path / "voices" / "mirror.toml").read_text()
        written = written.replace("calendars = []", f'calendars = ["{calendar.url}"]')
        (tmp_path / "voices" / "mirror.toml").write_text(written)
        assert main.run(["--json", "anchor", "ots", "--due"]) == 0
        assert set(json.loads(capsys.readouterr().out)) in documents("anchor ots")


def test_cli_md_names_a_document_for_each_command() -> None:
    paid = {"inscribe", "anchor ethereum"}
    named = {path for path, _ in IN_JSON} | {"request", "pin", "reach", "anchor ots", "anchor upgrade"} | paid
    ends = {
        path.removeprefix("mirror ") for path, each in COMMANDS.items() if not isinstance(each.command, click.Group)
    }
    assert named == ends


def test_cli_md_lists_what_may_stand_at_the_top_of_a_draft() -> None:
    found = [code(cells[0]) for cells in rows(section(page("docs/cli.md"), "## Drafts"))]
    assert found == list(drafts._KEYS)


def test_cli_md_gives_the_bounds_of_attachments() -> None:
    text = section(page("docs/cli.md"), "### Attachments").replace("\n", " ")
    assert f"{notes.ATTACHMENTS_AT_MOST} attachments;" in text
    assert f"{pictures.PICTURE_AT_MOST >> 20} MiB" in text
    assert f"{pictures.PIXELS_AT_MOST:,} pixels" in text
    assert f"quality {pictures.QUALITY};" in text


# The formats

TIMES = {headers.ONCE: "once", headers.MAYBE: "at most once"}


@pytest.mark.parametrize("kind", notes.KINDS.values(), ids=lambda kind: kind.word)
def test_formats_md_has_the_table_of_each_kind_of_note(kind: type[notes.Kind]) -> None:
    found = [(cells[0], cells[1]) for cells in rows(section(page("docs/formats.md"), f"### {kind.word}"))]
    assert [key for key, _ in found] == [header.key for header in kind.headers]
    for (_, times), header in zip(found, kind.headers, strict=True):
        if header.times == headers.MANY:
            bounded = header.at_most < 1 << 20
            assert times == f"at most {header.at_most}" if bounded else times in ("any number", "at least once")
        else:
            assert times == TIMES[header.times]


def test_formats_md_shows_each_kind_of_entry() -> None:
    block = re.findall(r"```\n(.*?)```", section(page("docs/formats.md"), "## 3. The log"), re.DOTALL)[1]
    assert [line.split(" ")[0] for line in block.split("\n")[:-1]] == [entry.CHARTER, entry.TESTIMONY, entry.WITHDRAWAL]


def test_the_point_of_small_order_in_formats_md_is_one() -> None:
    found = re.findall(r"`([0-9a-f]{64})`", section(page("docs/formats.md"), "## 1. Names, keys, signatures"))
    assert len(found) == 1
    with pytest.raises(errors.Malformed, match="small order"):
        PublicKey("a", bytes.fromhex(found[0]))


def bounds() -> dict[str, str]:
    """Every bound of the formats, and those of a tree and a report: its name behind its module's, and its value."""
    modules = [path.stem for path in (CHECKOUT / "mirror" / "formats").glob("*.py")]
    places = {name: f"mirror.formats.{name}" for name in modules} | {"tree": "mirror.tree", "verdict": "mirror.verdict"}
    found = {}
    for name, place in places.items():
        module = importlib.import_module(place if name != "__init__" else "mirror.formats")
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        own = [
            each.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for each in node.targets
            if isinstance(each, ast.Name)
        ]
        found.update(
            {f"{name}.{own}": f"{getattr(module, own):,}" for own in own if re.fullmatch(r"[A-Z]\w*_AT_MOST", own)}
        )
    return found


def test_formats_md_lists_every_bound_with_its_value() -> None:
    found = {code(cells[0]): cells[1] for cells in rows(section(page("docs/formats.md"), "## 10. Bounds"))}
    assert found == bounds()


def test_sections_of_formats_md_that_the_code_names_are_there() -> None:
    named = {
        number
        for path in SOURCES
        for number in re.findall(r"docs/formats\.md §(\d+)", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(re.findall(r"^## (\d+)\. ", page("docs/formats.md"), re.MULTILINE))


# The architecture


def picture() -> list[str]:
    """Every file that the picture draws, as a path."""
    block = re.findall(r"```\n(mirror/\n.*?)```", page("docs/architecture.md"), re.DOTALL)[0]
    found, folders = [], ["mirror"]
    for line in block.split("\n")[1:-1]:
        drawn, name = re.findall(r"^((?:│   |    )*)[├└]── (\S+)", line)[0]
        folders = folders[: len(drawn) // 4 + 1]
        if name.endswith("/"):
            folders.append(name.rstrip("/"))
        else:
            found.append("/".join([*folders, name]))
    return found


def test_architecture_md_draws_every_file_once_and_no_other() -> None:
    files = [path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "mirror").rglob("*")]
    assert sorted(picture()) == sorted(path for path in files if path.endswith((".py", "py.typed")))


def test_architecture_md_says_who_may_import_whom() -> None:
    found: dict[str, set[str]] = {}
    for importers, imported in rows(section(page("docs/architecture.md"), "## Who may import whom")):
        found |= {importer: set(codes(imported)) for importer in codes(importers)}
    assert found == test_layers.MAY_IMPORT


def test_architecture_md_lists_the_doors() -> None:
    found = rows(section(page("docs/architecture.md"), "## Where libraries come in"))
    assert {code(module): code(door) for module, door in found} == test_layers.DOORS


def test_architecture_md_lists_every_error() -> None:
    classes = {
        name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.MirrorError)
    }
    assert {code(cells[0]) for cells in rows(section(page("docs/architecture.md"), "## Errors"))} == classes


# Links


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives headings: lower case, spaces made hyphens, other punctuation gone."""
    return {
        re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
        for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n")
        if line.startswith("#")
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        assert other.exists(), target
        assert other.is_relative_to(CHECKOUT), target
        assert not anchor or anchor in anchors(other.read_text(encoding="utf-8")), target


# Blocks of commands


@dataclass
class Step:
    """One command of a block, and what the block shows below it."""

    command: str
    shown: list[str] = field(default_factory=list)


@dataclass
class Block:
    """A block of commands: in which line of its page it stands, and which program it needs."""

    line: int
    steps: list[Step]
    needs: str = ""


def blocks(text: str) -> Iterator[Block]:
    pattern = r"(?:<!-- (?P<mark>not run|needs): (?P<why>.+?) -->\n)?^```(?P<kind>console|sh)\n(?P<body>.*?)^```$"
    for match in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):
        if match["mark"] != "not run":
            steps = console(match["body"]) if match["kind"] == "console" else [Step(match["body"], ["…"])]
            yield Block(text.count("\n", 0, match.start("kind")) + 1, steps, match["why"] or "")


def console(body: str) -> list[Step]:
    steps: list[Step] = []
    for line in body.split("\n")[:-1]:
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif steps[-1].command.endswith("\\"):
            steps[-1].command += "\n" + line
        else:
            steps[-1].shown.append(line)
    for step in steps:
        step.shown = step.shown or ["…"]
    return steps


def pattern(shown: list[str]) -> str:
    """What a terminal has to show."""
    lines = [line for line in shown if line.strip()]
    return "".join(
        "(?:.*\n)*?" if line == "…" else "[^\n]*".join(map(re.escape, line.rstrip().split("…"))) + " *\n"
        for line in lines
    )


ANSWER = re.compile(r"\]: (.+)$")
SILENCE = 120
"""Seconds without a sign of the shell after which a page's commands are given up."""


class Shell:
    """A shell on a terminal of its own, in an empty folder, in which `mirror` is the program as it is here."""

    def __init__(self, folder: Path) -> None:
        pty = pytest.importorskip("pty")
        self._master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "220", "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        environment |= {"MIRROR_STATE": str(folder / "state"), "MIRROR_IDENTITY_FILE": str(folder / "age.txt")}
        del environment["MIRROR_HOME"]
        self._process = subprocess.Popen(
            [need_program("bash"), "--norc", "--noprofile"],
            stdin=slave, stdout=slave, stderr=slave, cwd=folder / "here", env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._count = 0
        self._run("stty -echo; PS1= PS2=", [])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def run(self, step: Step) -> tuple[str, int]:
        """What a command shows, and its exit code."""
        return self._run(step.command, [found[1] for line in step.shown if (found := ANSWER.search(line))])

    def _run(self, command: str, answers: list[str]) -> tuple[str, int]:
        self._count += 1
        end = f"=={self._count}=="
        script = f"eval {shlex.quote(command)}; set -- $?; printf '%s %s\\n' {end[:3]}''{end[3:]} $1; (exit $1)\n"
        os.write(self._master, script.encode())
        shown = ""
        while not (last := re.search(rf"{end} (\d+)\r?\n\Z", shown)):
            assert select.select([self._master], [], [], SILENCE)[0], f"{command} hangs after:\n{shown}"
            shown += os.read(self._master, 65536).decode("utf-8", "replace")
            if answers and shown.endswith("]: "):
                answer = answers.pop(0)
                os.write(self._master, f"{answer}\n".encode())
                shown += f"{answer}\n"
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", shown[: last.start()]), int(last[1])


PROGRAM = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); sys.argv[0] = 'mirror'; "
START = "from mirror.cli.main import main; main()"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    program = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(PROGRAM + START)} "$@"\n'
    (tmp_path / "here").mkdir()
    shutil.copytree(CHECKOUT / "docs" / "samples", tmp_path / "here" / "docs" / "samples")
    for name in ("bin/mirror", "here/scripts/mirror"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    write_identity(tmp_path / "age.txt")
    opened = Shell(tmp_path)
    yield opened
    opened.close()


def follow(text: str, shell: Shell) -> int:
    """Run every block of a page; how many steps that were."""
    count = 0
    for block in blocks(text):
        if block.needs:
            need_program(block.needs)
        for step, after in zip(block.steps, [*block.steps[1:], Step("")], strict=True):
            shown, exit_code = shell.run(step)
            told = f"line {block.line}: $ {step.command}\n{shown}(exit code {exit_code})"
            assert re.fullmatch(pattern(step.shown), re.sub(r"^\s*\n", "", shown, flags=re.MULTILINE)), told
            assert exit_code == 0 or after.command == "echo $?", told
            count += 1
    return count


WITH_NODES = "ipfs.md"
"""The page whose commands need nodes and a cluster: `test_docs_ipfs` runs them."""


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != WITH_NODES], ids=lambda path: path.name)
def test_commands_do_what_the_page_shows(path: Path, shell: Shell) -> None:
    count = follow(path.read_text(encoding="utf-8"), shell)
    assert count > 5 or path.name not in ("README.md", "cli.md")


@pytest.mark.parametrize(
    ("block", "fails"),
    [
        ("```console\n$ echo one; echo two\none\n…\n```\n", False),
        ("```console\n$ echo one; echo two\none\n```\n", True),
        ("```console\n$ echo one two\no…o\n```\n", False),
        ("```console\n$ false\n```\n", True),
        ("```console\n$ false\n$ echo $?\n1\n```\n", False),
        ("```console\n$ false\n$ echo $?\n0\n```\n", True),
        ("```console\n$ read -rp '[y/N]: ' A; echo \"<$A>\"\n[y/N]: y\n<y>\n```\n", False),
        ("```console\n$ read -rp '[y/N]: ' A; echo \"<$A>\"\n[y/N]: n\n<y>\n```\n", True),
        ("```sh\ncd /\nfalse\n```\n", True),
        ("<!-- not run: it fails -->\n```sh\nfalse\n```\n", False),
        ("```sh\nA=1\n```\n```console\n$ echo $A\n1\n```\n", False),
        ("```console\n$ echo one \\\n  two\none two\n```\n", False),
    ],
)
def test_a_page_that_is_not_true_fails(block: str, fails: bool, shell: Shell) -> None:
    if fails:
        with pytest.raises(AssertionError):
            follow(block, shell)
    else:
        follow(block, shell)
