"""`mirror announce`: the newest announcement, to pass on as a note, a link or a QR code."""

import io
import sys
from pathlib import Path

import click

from mirror.cli.main import Session
from mirror.cli.terminal import Terminal, in_groups
from mirror.cli.typed import check_new
from mirror.edition import Edition
from mirror.errors import Missing
from mirror.formats import link, notes
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.link import IPFS, Link
from mirror.formats.notes import Announcement
from mirror.store import files
from mirror.store.workspace import Workspace

CODE_SCALE = 8
"""Pixels a dot in a PNG: at a version of 10 or so about 500 pixels, which prints well and scans from a screen."""


def link_of_edition(root: CID, key: PublicKey) -> Link:
    """The link that leads to this very edition."""
    return Link(IPFS, root, "", key)


def print_code(terminal: Terminal, content: str, *, anywhere: bool = False) -> None:
    """A QR code in the terminal; elsewhere it would be noise, unless it is wanted `anywhere`."""
    if terminal.as_json or terminal.quiet or not (anywhere or sys.stdout.isatty()):
        return
    terminal.say(_draw(content, "txt").decode())


@click.command()
@click.option(
    "--note", "note_file", type=click.Path(path_type=Path), help="Write the signed announcement to this new file."
)
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the newest-link's QR code into this new SVG file.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw it into this new PNG file.")
@click.option("--qr", is_flag=True, help="Draw it as text, also where the output is no terminal.")
@click.pass_obj
def announce(session: Session, *, note_file: Path | None, svg: Path | None, png: Path | None, qr: bool) -> None:
    """Show the newest announcement: the signed note, the links, the key in groups, the QR code.

    The newest-link and its code always lead to the newest edition; hand them on rather than the link of one edition,
    which may come to hold what was withdrawn.

    \b
    mirror announce
    mirror announce --svg code.svg --png code.png --note announcement.txt
    """
    for path in (svg, png, note_file):
        if path is not None:
            check_new(path)
    workspace = Workspace(session.home).require()
    archive = workspace.archive
    with archive:
        edition = Edition(archive.head(), archive.blocks.get)
        data = archive.announcement()
    if data is None:
        hint = "the next mirror publish writes it" if workspace.key_path.exists() else "mirror status shows the links"
        raise Missing("the announcement is not here", hint=hint)
    announced = notes.open_as(Announcement, data, edition.key)
    newest, this = str(link.newest(edition.key)), str(link_of_edition(announced.root_cid, edition.key))
    for path, kind in ((svg, "svg"), (png, "png")):
        if path is not None:
            files.replace(path, _draw(newest, kind))
            session.terminal.tell(f"wrote {path}")
    if note_file is not None:
        files.replace(note_file, data)
        session.terminal.tell(f"wrote {note_file}")
    _print(session.terminal, data.decode(), newest, this, edition.key, qr=qr)


def _print(terminal: Terminal, text: str, newest: str, this: str, key: PublicKey, *, qr: bool) -> None:
    terminal.say(f"{text}\nkey           {in_groups(str(key.ipns))}\nthis edition  {this}\nthe newest    {newest}")
    print_code(terminal, newest, anywhere=qr)
    terminal.give({"announcement": text, "link": this, "newest_link": newest, "key": str(key.ipns), "vkey": key.vkey})


def _draw(content: str, kind: str) -> bytes:
    import segno  # noqa: PLC0415  (only where a code is drawn)

    code = segno.make(content, error="l" if kind == "txt" else "m")
    if kind == "txt":
        drawn = io.StringIO()
        code.terminal(drawn, compact=True)
        return drawn.getvalue().encode()
    buffer = io.BytesIO()
    options = {"scale": CODE_SCALE} if kind == "png" else {"xmldecl": False, "svgclass": None, "lineclass": None}
    code.save(buffer, kind=kind, **options)
    return buffer.getvalue()
