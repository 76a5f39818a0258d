"""`mirror demo`: the whole path on invented testimonies, with throw-away keys, never pinned or anchored."""

import secrets
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click

from mirror.cli.announcing import link_of_edition, print_code
from mirror.cli.founding import CharterText, found
from mirror.cli.main import Session
from mirror.cli.publishing import Order, run_publish
from mirror.cli.reporting import as_json, print_report
from mirror.cli.sources import open_copy
from mirror.cli.terminal import Terminal
from mirror.cli.verifying import judge_copy
from mirror.edition import Edition
from mirror.errors import Missing, Refused, Unverified
from mirror.formats import key, link
from mirror.formats.key import PublicKey
from mirror.formats.notes import Testimony
from mirror.intake.drafts import Options
from mirror.intake.finding import find_files
from mirror.store import files, vault
from mirror.store.archive import Archive
from mirror.store.workspace import Workspace
from mirror.tree import in_words, note_path
from mirror.trust import Trust
from mirror.verdict import Report

NAME = "demo.example/voices"

CHARTER = CharterText(
    "A demonstration",
    "en",
    "This mirror is a demonstration. Its testimonies are invented, its keys thrown away, and nobody is behind it.\n\n"
    "A real charter says who gathers the testimonies, in as few words as is safe, and how to withdraw one.",
)

CHANGED_INDEX = 3
"""The testimony of which the demonstration changes a byte."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def demo(session: Session, folder: Path) -> None:
    """Show the whole path in a new FOLDER: keys, publishing, verifying, and a changed byte that is found.

    The testimonies are invented and say so; the keys are thrown away; nothing leaves this machine.

    \b
    mirror demo /tmp/demo
    """
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty", hint="name a new folder, such as: mirror demo demo-2")
    terminal = session.terminal
    public = _publish(folder, terminal)
    languages = _languages(folder / "archive")
    terminal.say(f"published {sum(languages.values())} testimonies in {len(languages)} languages")
    terminal.say("\n── a reader verifies the archive, with the key that the publisher gave her\n")
    good = _verify(folder / "archive", public, terminal)
    terminal.say("\n── somebody changes one byte of a copy\n")
    item = _change_a_byte(folder / "archive", folder / "changed-copy", public)
    bad = _verify(folder / "changed-copy", public, terminal)
    if good.exit_code() != 0 or item not in bad.bad_items():
        raise Unverified("the demonstration did not show what it should; please report it")
    _close(terminal, folder, _Shown(public, languages, good, bad, item))


def _publish(folder: Path, terminal: Terminal) -> PublicKey:
    state = folder / "secret" / "state"
    session = Session(folder, Terminal(quiet=True, silent=True), state)
    terminal.say("── a publisher makes a workspace, and publishes a folder of invented testimonies")
    signing = key.generate(NAME, secrets.token_bytes(32))
    lock = vault.new_identity()
    workspace = Workspace(folder)
    found(session, workspace, signing, lock, CHARTER, recovery=None)
    identity = folder / "secret" / "identity.txt"
    files.create(identity, "".join(f"{line}\n" for line in lock.lines).encode())
    order = Order((_samples(),), Options(), folder / "secret" / "tokens.txt", yes=True)
    run_publish(session, workspace, signing, order, find_files(order.paths))
    return signing.public


def _languages(archive: Path) -> Counter[str]:
    """How many testimonies in which language were published."""
    with open_copy(archive) as copy:
        edition = Edition(copy.root, copy.get)
        return Counter(edition.open(index, Testimony).language for index in range(1, edition.size))


def _samples() -> Path:
    folder = Path(__file__).parents[2] / "docs" / "samples"
    if not folder.is_dir():
        raise Missing("the sample testimonies are not here", hint="they lie in docs/samples of the project's checkout")
    return folder


def _verify(archive: Path, public: PublicKey, terminal: Terminal) -> Report:
    quiet = Session(archive, Terminal(quiet=True), archive)
    with open_copy(archive) as copy:
        report = judge_copy(quiet, copy, Trust(given=public))
    if not terminal.as_json:
        print_report(terminal, report, report.exit_code())
    return report


def _change_a_byte(original: Path, changed: Path, public: PublicKey) -> str:
    shutil.copytree(original, changed)
    with Archive(changed) as archive:
        edition = Edition(archive.head(), archive.blocks.get, public)
        place = archive.blocks.places(edition.entry(CHANGED_INDEX).cid)[0]
    with place.path.open("r+b") as file:
        at = place.start + place.length // 2
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    return in_words(note_path(CHANGED_INDEX))


@dataclass(frozen=True)
class _Shown:
    """What the demonstration showed: what was published, and the reports on it and on the changed copy."""

    public: PublicKey
    languages: Counter[str]
    good: Report
    bad: Report
    item: str


def _close(terminal: Terminal, folder: Path, shown: _Shown) -> None:
    root = shown.good.root_cid
    if root is None:
        raise Unverified("the demonstration has no index hash; please report it")
    newest, this = str(link.newest(shown.public)), str(link_of_edition(root, shown.public))
    terminal.say(f"\n── the changed byte was found, and named: {shown.item}\n")
    terminal.say(f"index hash    {root}")
    terminal.say(f"this edition  {this}")
    terminal.say(f"the newest    {newest}")
    print_code(terminal, newest, anywhere=True)
    terminal.say("try next, from the checkout:")
    terminal.say(f"  scripts/mirror read {folder / 'archive'} 1 2")
    terminal.say(f"  scripts/mirror verify {folder / 'archive'}")
    terminal.say(f"  scripts/mirror verify {folder / 'changed-copy'}")
    terminal.say(f"  scripts/mirror serve {folder / 'archive'}    and open the address that it prints in a browser")
    terminal.give(
        {
            "folder": str(folder),
            "testimonies": sum(shown.languages.values()),
            "languages": sorted(shown.languages),
            "index_hash": str(root),
            "link": this,
            "newest_link": newest,
            "changed": shown.item,
            "verified": as_json(shown.good, shown.good.exit_code()),
            "changed_copy": as_json(shown.bad, shown.bad.exit_code()),
        }
    )
