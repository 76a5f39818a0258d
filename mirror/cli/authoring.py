"""`mirror sign`: an author on her own machine signs her testimony for one mirror, and hands in the file."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mirror.cli.attaching import attachment_as_json, written_beside
from mirror.cli.copies import edition_of, gateway_option, open_named
from mirror.cli.main import Session
from mirror.cli.previewing import draft_options, may_identify, options_of, show_draft
from mirror.cli.sources import open_given
from mirror.cli.typed import Misused, check_new, from_option
from mirror.cli.unlocking import open_sealed, passphrase_option
from mirror.errors import Refused
from mirror.formats import notes
from mirror.formats.cid import CID
from mirror.formats.notes import Announcement, Testimony
from mirror.intake import words
from mirror.intake.attachments import check_kept, folder_of, nowhere
from mirror.intake.drafts import Draft, prepare_attachments, read_draft
from mirror.store import files, vault


@dataclass(frozen=True)
class Addressee:
    """The mirror that something is signed for: its name, and its charter."""

    name: str
    charter: CID


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--for",
    "what",
    required=True,
    metavar="LINK",
    help="The mirror: its announcement, archive or CAR; or a link.",
)
@from_option
@gateway_option
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your key: mirror key new.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The new file to hand in; default FILE.signed.txt."
)
@click.option("--yes", is_flag=True, help="Do not ask before signing.")
@draft_options
@passphrase_option
@click.pass_obj
def sign(
    session: Session,
    /,
    file: Path,
    *,
    what: str,
    source: Path | None,
    gateways: tuple[str, ...],
    key_file: Path,
    output: Path | None,
    yes: bool,
    passphrase_fd: int | None,
    **given: Any,
) -> None:
    """Sign a testimony with your own key, for one mirror; hand in the file that comes of it.

    Your key's name stands in the testimony for ever, and everything that you sign with one key is known to be by one
    person. Keep the twelve words: with them you can take the testimony back. Attachments are cleaned, written into a
    folder beside the file, and handed in with it.

    \b
    mirror sign letter.md --for announcement.txt --key anna.age
    """
    mirror = mirror_of(session, what, source, gateways)
    options = options_of(None, given)
    draft = read_draft(file, options)
    if draft.handed_in:
        raise Refused(f"{file} is signed already")
    output = output or file.with_name(f"{file.stem}.signed.txt")
    check_new(output, "name another file with -o")
    folder = folder_of(output)
    attachments = prepare_attachments(draft, options.keep_metadata, nowhere)
    check_kept(options.keep_metadata, draft.attachments)
    if attachments:
        check_new(folder, "name another file with -o")
    show_draft(session.terminal, draft, may_identify(draft), attachments)
    author = open_sealed(
        session, files.read_at_most(key_file, vault.SECRET_AT_MOST, "the key"), passphrase_fd, "your key"
    )
    if not session.terminal.confirm(f"sign this as {author.name} for {mirror.name}?", yes=yes):
        raise Refused("nothing was signed")
    token = secrets.token_bytes(16)
    testimony = Testimony(
        mirror.name,
        mirror.charter,
        draft.language,
        hashlib.sha256(token).digest(),
        secrets.token_bytes(16),
        draft.body,
        author=author.public,
        title=draft.title,
        date=draft.date,
        tags=draft.tags,
        warning=draft.warning,
        translation_of=_cid_only(draft, "translation_of"),
        translator=draft.translator,
        replaces=_cid_only(draft, "replaces"),
        attachments=tuple(each.attachment for each in attachments),
    )
    data = notes.sign_as_author(testimony, author)
    with written_beside(attachments, options.keep_metadata, folder):
        files.create(output, data)
    with_it = f" and {folder}; hand them" if attachments else "; hand it"
    session.terminal.say(f"wrote {output}{with_it} to the publisher\n")
    session.terminal.say(f"your withdrawal token, shown this once:\n\n    {words.to_words(token)}\n")
    session.terminal.give(
        {
            "file": str(output),
            "attachments": [attachment_as_json(each) for each in attachments],
            "mirror": mirror.name,
            "author": author.public.vkey,
            "token": words.to_words(token),
        }
    )


def mirror_of(session: Session, what: str, source: Path | None, gateways: tuple[str, ...]) -> Addressee:
    """The mirror that an announcement, an archive, a CAR or a link is of."""
    with open_given(what) as given:
        if given.note is not None:
            announced = notes.peek(given.note)
            if not isinstance(announced, Announcement):
                raise Misused(f"{what} is a {announced.word}, not an announcement")
            return Addressee(announced.mirror, announced.charter)
        with open_named(session, given, source, gateways) as copy:
            edition = edition_of(copy, given.link)
            return Addressee(edition.charter.mirror, edition.charter_cid)


def _cid_only(draft: Draft, key: str) -> CID | None:
    reference = getattr(draft, key)
    if reference is None or isinstance(reference, CID):
        return reference
    raise Refused(f"{key}: a signed testimony names an earlier one by its CID", hint="mirror list --cid shows them")
