"""`mirror verifier`: the page that verifies without this program, `verify.html`, and its SHA-256."""

from pathlib import Path

import click

from mirror.cli.main import Session
from mirror.cli.terminal import in_groups
from mirror.cli.typed import check_new
from mirror.formats import wire
from mirror.site import verifier as pages
from mirror.store import files


@click.command()
@click.option("-o", "output", type=click.Path(path_type=Path), help="Write the page to this new file.")
@click.pass_obj
def verifier(session: Session, *, output: Path | None) -> None:
    """Write verify.html, the page that verifies in a browser, and show its SHA-256.

    It is one file that needs no connection; each edition has one too, of the program that published it. Hand it on
    together with its SHA-256 on another way.

    \b
    mirror verifier
    mirror verifier -o verify.html
    """
    if output is not None:
        check_new(output)
        files.replace(output, pages.page())
        session.terminal.tell(f"wrote {output}")
    cid = pages.identity()
    digest, size = wire.encode_hex(cid.digest), len(pages.page())
    session.terminal.say(f"sha256  {digest}\n        {in_groups(digest)}\ncid     {cid}\nbytes   {size}")
    session.terminal.give(
        {"file": None if output is None else str(output), "sha256": digest, "cid": str(cid), "bytes": size}
    )
