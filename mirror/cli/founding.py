"""`mirror init`: a workspace, its signing key, its charter, and a first edition that lists the charter."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import click

from mirror.cli.main import Session
from mirror.cli.publishing import print_published, publisher_of, today
from mirror.cli.typed import Misused, as_typed, check_new
from mirror.cli.unlocking import new_lock, passphrase_option
from mirror.errors import Malformed, Refused
from mirror.formats import fields, key, language, note, text, wire
from mirror.formats.key import SecretKey
from mirror.formats.notes import Charter
from mirror.intake import words
from mirror.intake.drafts import read_front_matter
from mirror.store import files, vault
from mirror.store.settings import Settings
from mirror.store.workspace import Workspace


@dataclass(frozen=True)
class CharterText:
    """What the publisher says of the mirror."""

    title: str
    language: str
    body: str


@click.command()
@click.argument("name")
@click.option("--title", help="The mirror's title, as people see it; any script.")
@click.option("--language", "tag", help="The charter's language, a BCP 47 tag such as en or zh-Hans.")
@click.option("--text", "body", help="The charter's text: who you are in as few words as is safe, how to withdraw.")
@click.option(
    "--charter",
    "charter_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the charter: title and language between +++ lines, then the text.",
)
@click.option(
    "--recovery",
    type=click.Path(path_type=Path),
    help="Write the recovery key to this new file, outside the workspace.",
)
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Encrypt the key to this age identity file instead of a passphrase.",
)
@passphrase_option
@click.pass_obj
def init(
    session: Session,
    name: str,
    *,
    title: str | None,
    tag: str | None,
    body: str | None,
    charter_file: Path | None,
    recovery: Path | None,
    identity: Path | None,
    passphrase_fd: int | None,
) -> None:
    """Make a workspace for the mirror NAME in the folder --home (default: the current one).

    NAME is the mirror's name for ever: a-z 0-9 . _ ~ / -, such as voices.example/archive. It need not be a real
    address. The recovery key can one day replace the signing key; it is shown as words to write down, or written with
    --recovery, and is not kept here.

    \b
    mirror --home voices init voices.example/archive --title "Voices" --language en --text "We gather testimonies."
    mirror --home voices init voices.example/archive --charter charter.md --recovery /media/stick/recovery.txt
    """
    with as_typed():
        key.parse_name(name)
    workspace = Workspace(session.home)
    if session.home.exists() and any(session.home.iterdir()):
        raise Refused(f"{session.home} is not empty", hint=f"name a new folder: mirror --home FOLDER init {name}")
    if recovery is not None and session.home.resolve() in recovery.resolve().parents:
        raise Refused(f"{recovery} lies in the workspace; the recovery key has to be kept somewhere else")
    if recovery is not None:
        check_new(recovery)
    if recovery is None and (session.terminal.as_json or not session.terminal.interactive):
        raise Misused("name a file for the recovery key with --recovery")
    with as_typed():
        charter = _read_charter(session, charter_file) if charter_file else _ask_charter(session, title, tag, body)
    signing = key.generate(name, secrets.token_bytes(32))
    lock = new_lock(session, passphrase_fd, identity, "the mirror's key")
    found(session, workspace, signing, lock, charter, recovery=recovery)


def found(
    session: Session,
    workspace: Workspace,
    signing: SecretKey,
    lock: vault.Lock,
    charter: CharterText,
    *,
    recovery: Path | None,
) -> None:
    """Lay the workspace and its first edition."""
    spare = key.generate(signing.name, secrets.token_bytes(32))
    if recovery is not None:
        files.create(recovery, f"{spare.skey}\n".encode())
        session.terminal.tell(f"wrote {recovery}: the recovery key; keep it elsewhere, and not on this machine")
    workspace.create(Settings(language=charter.language), signing, lock)
    note_of_charter = Charter(
        signing.name,
        signing.public,
        hashlib.sha256(spare.public.vkey.encode()).digest(),
        charter.language,
        charter.title,
        charter.body,
    )
    with workspace.writing():
        published = publisher_of(session, workspace, signing).found(note_of_charter, day=today(workspace))
    if recovery is None:
        session.terminal.say(
            f"the recovery key, to be written down and kept elsewhere:\n\n    {words.to_words(spare.seed)}\n"
        )
    print_published(session, signing.public, published, first=True)


def _ask_charter(session: Session, title: str | None, tag: str | None, body: str | None) -> CharterText:
    if None in (title, tag, body) and not session.terminal.interactive:
        raise Misused("nobody is here to ask for the charter", hint="give --title, --language and --text, or --charter")
    if title is None:
        title = click.prompt("the mirror's title, in any script", err=True)
    if tag is None:
        tag = click.prompt("the charter's language (a tag such as en, mk, zh-Hans)", err=True)
    if body is None:
        body = click.prompt("the charter's text: who you are in as few words as is safe, how to withdraw", err=True)
    return _checked(session, str(title), str(tag), str(body))


def _read_charter(session: Session, path: Path) -> CharterText:
    data = files.read_at_most(path, note.NOTE_AT_MOST, "the charter")
    values, body = read_front_matter(wire.decode_utf8(data, str(path)))
    strange = sorted(values.keys() - {"title", "language"})
    if strange or not all(isinstance(values.get(each), str) for each in ("title", "language")):
        raise Malformed(f"{path} has to give title and language, and nothing else, between +++ lines")
    return _checked(session, values["title"], values["language"], body)


def _checked(session: Session, title: str, tag: str, body: str) -> CharterText:
    heading, content = text.repair(title, single_line=True), text.repair(body)
    if heading.flaws or content.flaws:
        raise Malformed(f"the charter: {(heading.flaws + content.flaws)[0]}")
    if not heading.text.strip(" ") or not content.text.strip("\n"):
        raise Malformed("the charter needs a title and a text")
    for repair in heading.repairs + content.repairs:
        session.terminal.tell(f"repaired  the charter: {repair}")
    return CharterText(fields.title(heading.text.strip(" ")), language.canonical(tag), content.text.strip("\n"))
