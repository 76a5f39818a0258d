"""`mirror announce`: the newest announcement, to pass on as a note, a link, a QR code, a message or a leaflet."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mirror.cli.main import Session
from mirror.cli.terminal import Terminal, escape, in_groups
from mirror.cli.typed import check_new
from mirror.edition import Edition
from mirror.errors import Missing
from mirror.formats import link, notes
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.link import IPFS, Link
from mirror.formats.notes import Announcement
from mirror.site.words import LANGUAGES
from mirror.store import files
from mirror.store.workspace import Workspace

CODE_SCALE = 8
"""Pixels a dot in a PNG: at a version of 10 or so about 500 pixels, which prints well and scans from a screen."""

_PLAIN = {"xmldecl": False, "svgclass": None, "lineclass": None}
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"scale": CODE_SCALE},
    "svg": _PLAIN,
    "inline": {**_PLAIN, "svgns": False, "omitsize": True, "nl": False},
}
"""What segno is asked for: a picture, a file, or an element of a page, which says how large it is."""


def link_of_edition(root: CID, key: PublicKey) -> Link:
    """The link that leads to this very edition."""
    return Link(IPFS, root, "", key)


def print_code(terminal: Terminal, content: str, *, anywhere: bool = False) -> None:
    """A QR code in the terminal; elsewhere it would be noise, unless it is wanted `anywhere`."""
    if terminal.as_json or terminal.quiet or not (anywhere or sys.stdout.isatty()):
        return
    terminal.say(draw(content, "txt").decode())


@click.command()
@click.option(
    "--note", "note_file", type=click.Path(path_type=Path), help="Write the signed announcement to this new file."
)
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the newest-link's QR code into this new SVG file.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw it into this new PNG file.")
@click.option("--qr", is_flag=True, help="Draw it as text, also where the output is no terminal.")
@click.option(
    "--leaflet",
    type=click.Path(path_type=Path),
    help="Write a page to print, with the code and what is to be compared, to this new HTML file.",
)
@click.option("--message", is_flag=True, help="Show only a message that is short enough for a chat.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.Choice(LANGUAGES),
    metavar="TAG",
    help="Of the leaflet and the message; repeatable. Default: the charter's language, and English.",
)
@click.option("--gateway", metavar="URL", help="Through whom the leaflet leads browsers; default https://ipfs.io.")
@click.pass_obj
def announce(
    session: Session,
    *,
    note_file: Path | None,
    svg: Path | None,
    png: Path | None,
    qr: bool,
    leaflet: Path | None,
    message: bool,
    languages: tuple[str, ...],
    gateway: str | None,
) -> None:
    """Show the newest announcement: the signed note, the links, the key in groups, the QR code.

    The newest-link always leads to the newest edition, and so do its code, the message and the leaflet; hand them on
    rather than the link of one edition, which may come to hold what was withdrawn.

    \b
    mirror announce
    mirror announce --svg code.svg --png code.png --note announcement.txt
    mirror announce --leaflet leaflet.html --language ar --language en
    mirror announce --message --language es
    """
    from mirror.cli import leaflets  # noqa: PLC0415  (what else uses this module makes no leaflets)

    gateway = gateway or leaflets.BROWSER_GATEWAY
    leaflets.check_gateway(gateway)
    if leaflet is not None:
        leaflets.check_languages(languages)
    for path in (svg, png, note_file, leaflet):
        if path is not None:
            check_new(path)
    workspace = Workspace(session.home).require()
    with workspace.archive as archive:
        edition = Edition(archive.head(), archive.blocks.get)
        data = _announcement(workspace)
        announced = notes.open_as(Announcement, data, edition.key)
        newest = str(link.newest(edition.key))
        spoken = leaflets.spoken(languages, edition.charter.language)
        makers: dict[Path | None, Callable[[], bytes]] = {
            svg: lambda: draw(newest, "svg"),
            png: lambda: draw(newest, "png"),
            note_file: lambda: data,
            leaflet: lambda: leaflets.leaflet(edition, archive.blocks.get, spoken, gateway, _code(newest)),
        }
        for path, make in makers.items():
            if path is not None:
                files.replace(path, make())
                session.terminal.tell(f"wrote {path}")
    messages = leaflets.messages(edition, spoken)
    said = {
        "announcement": data.decode(),
        "link": str(link_of_edition(announced.root_cid, edition.key)),
        "newest_link": newest,
        "key": str(edition.key.ipns),
        "vkey": edition.key.vkey,
        "messages": messages,
    }
    session.terminal.give(said)
    if message:
        session.terminal.say("\n\n".join(map(escape, messages.values())))
    else:
        _print(session.terminal, said, qr=qr)


def _code(content: str) -> str:
    return draw(content, "inline").decode()


def _announcement(workspace: Workspace) -> bytes:
    """The newest announcement of a workspace, unopened."""
    data = workspace.archive.announcement()
    if data is None:
        hint = "the next mirror publish writes it" if workspace.key_path.exists() else "mirror status shows the links"
        raise Missing("the announcement is not here", hint=hint)
    return data


def _print(terminal: Terminal, said: dict[str, Any], *, qr: bool) -> None:
    terminal.say(said["announcement"])
    terminal.say(f"key           {in_groups(said['key'])}")
    terminal.say(f"this edition  {said['link']}\nthe newest    {said['newest_link']}")
    print_code(terminal, said["newest_link"], anywhere=qr)


def draw(content: str, kind: str) -> bytes:
    """A QR code: as letters for a terminal ("txt"), as a file ("svg", "png"), as an element of a page ("inline")."""
    import segno  # noqa: PLC0415  (only where a code is drawn)

    code = segno.make(content, error="l" if kind == "txt" else "m")
    if kind == "txt":
        drawn = io.StringIO()
        code.terminal(drawn, compact=True)
        return drawn.getvalue().encode()
    buffer = io.BytesIO()
    code.save(buffer, kind="png" if kind == "png" else "svg", **_OPTIONS[kind])
    return buffer.getvalue()
