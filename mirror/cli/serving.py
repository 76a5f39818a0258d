"""`mirror serve`: hand on what is held here, to browsers, gateways' clients and IPFS nodes."""

import contextlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mirror.cli.main import Session
from mirror.cli.terminal import in_groups, in_one_line, many
from mirror.cli.typed import Misused
from mirror.errors import Malformed, MirrorError, Refused
from mirror.formats import car, wire
from mirror.store.archive import Archive, is_archive
from mirror.store.workspace import Workspace

if TYPE_CHECKING:
    from typing import BinaryIO

    from mirror.serve.app import Guests
    from mirror.serve.shelf import Mirror, Shelf

RECORD_SUFFIX = ".ipns-record"
PORT_AT_MOST = 65_535


@click.command()
@click.argument("what", nargs=-1, metavar="[WHAT]…", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    metavar="ADDRESS:PORT",
    help="Where to listen; default 127.0.0.1:8080. Port 0 takes a free one.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A further name that this computer is asked by: an onion address, a proxy's. May be given more than once.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be served.")
@click.pass_obj
def serve(session: Session, what: Sequence[Path], *, listen: str, hosts: tuple[str, ...], dry_run: bool) -> None:
    """Hand on what is held here: to browsers, to whoever verifies for themselves, and to IPFS nodes.

    WHAT are workspaces, archives, CARs (also parts of a mirror) and records of names (k51….ipns-record); default the
    workspace. Of a workspace only the archive is read, never secret/. Each block is hashed again before it leaves.
    Nothing is told to anybody: others come with the address. Ctrl-C ends it.

    \b
    mirror serve
    mirror serve voices.car --listen 127.0.0.1:8123 --dry-run
    """
    from mirror.serve.app import Gateway  # noqa: PLC0415  (a server is loaded only where one is wanted)
    from mirror.serve.door import Door, open_socket  # noqa: PLC0415
    from mirror.serve.shelf import Shelf  # noqa: PLC0415

    host, port = _parse_listen(listen)
    archives, cars, records = _sort(session, what)
    shelf = Shelf(archives, cars, records, lambda: datetime.now(UTC))
    if dry_run:
        with contextlib.closing(shelf):
            shelf.open()
            _show(session, shelf, None)
        return
    with contextlib.closing(open_socket(host, port)) as listening:
        address = _url(host, listening.getsockname()[1])
        gateway = Gateway(shelf, _guests(host, hosts), lambda error: _warn(session, error))
        Door(gateway, lambda: _show(session, shelf, address, host)).serve_at(listening)
    session.terminal.tell("stopped")


def _warn(session: Session, error: Exception) -> None:
    """Say that something went wrong which is not the asker's fault; the server goes on."""
    if isinstance(error, MirrorError):
        words = error.message
    else:
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = "" if at is None else f" in {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"
        words = f"a fault of the program: {type(error).__name__}{where}; please report it"
    session.terminal.warn(in_one_line(words))


def _parse_listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    with contextlib.suppress(ValueError, Malformed):
        return str(ipaddress.ip_address(host)), wire.decode_decimal(port, PORT_AT_MOST)
    raise Misused(f"--listen: {text!r} is not an address and a port", hint="such as 127.0.0.1:8080 or [::1]:8080")


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _guests(host: str, hosts: tuple[str, ...]) -> "Guests":
    """Behind loopback only who means this computer is answered; elsewhere everyone."""
    from mirror.serve.app import Guests  # noqa: PLC0415  (as above)

    if not ipaddress.ip_address(host).is_loopback:
        return Guests(None)
    return Guests(frozenset({"localhost", "127.0.0.1", "[::1]", host, *(each.lower() for each in hosts)}))


def _sort(session: Session, what: Sequence[Path]) -> tuple[list[Archive], list[Path], list[Path]]:
    """Archives, CARs and records among what was named."""
    archives, cars, records = [], [], []
    for path in what or (Workspace(session.home).require().home,):
        _check_public(path)
        if path.is_dir():
            archives.append(_archive(path))
        elif path.suffix == RECORD_SUFFIX:
            records.append(path)
        else:
            with path.open("rb") as file:
                _check_car(path, file)
            cars.append(path)
    return archives, cars, records


def _check_public(path: Path) -> None:
    """Refuse whatever lies in a workspace's `secret/` or `sealed/`, under which name it may have been called."""
    whole = path.resolve()
    for folder in (whole, *whole.parents):
        if folder.name in ("secret", "sealed") and is_archive(folder.parent / "archive"):
            raise Refused(f"{path} lies in {folder.name}/, of which nothing is ever served")


def _check_car(path: Path, file: "BinaryIO") -> None:
    try:
        car.read_header(file)
    except Malformed as error:
        hint = f"serve takes workspaces, archives, CARs, and records whose names end in {RECORD_SUFFIX}"
        raise Malformed(f"{path} is no CAR: {error.message}", hint=hint) from None


def _archive(path: Path) -> Archive:
    if is_archive(path):
        return Archive(path)
    workspace = Workspace(path)
    if not workspace.archive.folder.is_dir():
        raise Misused(f"{path} holds no archive", hint="name a workspace, an archive's folder, a CAR or a record")
    return workspace.archive


def _show(session: Session, shelf: "Shelf", address: str | None, host: str = "") -> None:
    say, mirrors = session.terminal.say, list(shelf.mirrors.values())
    for mirror in mirrors:
        edition = mirror.edition
        say(f"{edition.key.name}, edition {edition.number}, {many(edition.size, 'entry', 'entries')}")
        say(f"  key         {in_groups(str(mirror.name))}")
        say(f"  index hash  {edition.root}")
        if address is not None:
            say(f"  read        {address}/ipfs/{edition.root}/")
    if not mirrors:
        say("no whole mirror; blocks by their CIDs only")
    for name in shelf.names:
        say(f"record of     {name}")
    for words in shelf.faults:
        session.terminal.warn(f"not served: {in_one_line(words)}")
    if address is not None:
        say(f"serving at    {address}")
        session.terminal.tell(_who(host))
    session.terminal.give(_as_json(shelf, mirrors, address))


def _who(host: str) -> str:
    """Who can reach it, in plain words."""
    if ipaddress.ip_address(host).is_loopback:
        return "only programs on this computer can reach it; Ctrl-C ends it"
    where = "every network that this computer is in" if ipaddress.ip_address(host).is_unspecified else f"{host}"
    return (
        f"everyone who can reach {where} can see that this computer hands this on, and what it holds; "
        "pages and files travel unencrypted; Ctrl-C ends it"
    )


def _as_json(shelf: "Shelf", mirrors: "list[Mirror]", address: str | None) -> dict[str, object]:
    return {
        "address": address,
        "mirrors": [
            {
                "mirror": mirror.edition.key.name,
                "key": str(mirror.name),
                "edition": mirror.edition.number,
                "size": mirror.edition.size,
                "index_hash": str(mirror.edition.root),
            }
            for mirror in mirrors
        ],
        "records": [str(name) for name in shelf.names],
        "not_served": shelf.faults,
    }
