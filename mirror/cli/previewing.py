"""`mirror preview`: what would be signed, and what may identify someone; and the options that say more of a draft."""

from pathlib import Path
from typing import Any

import click

from mirror.cli.attaching import attachment_as_json, attachment_lines
from mirror.cli.main import Session
from mirror.cli.terminal import Terminal, escape, isolate, quoted
from mirror.cli.typed import as_typed
from mirror.errors import Refused
from mirror.intake.attachments import Prepared, check_kept, nowhere
from mirror.intake.drafts import Draft, Flawed, Options, parse_option_reference, prepare_attachments, read_draft
from mirror.intake.finding import find_files
from mirror.intake.identifying import identifying_lines
from mirror.store.workspace import Workspace

_options = (
    click.option(
        "--language", default="", help="The language of texts that name none: a BCP 47 tag such as mk or zh-Hans."
    ),
    click.option("--title", help="The title of texts that name none."),
    click.option("--date", help="Their date, as the authors give it: YYYY, YYYY-MM or YYYY-MM-DD."),
    click.option("--tag", "tags", multiple=True, help="A tag for all of them; repeatable."),
    click.option("--warning", help="A content warning shown before the text."),
    click.option("--translation-of", help="What they translate: a CID, an index or a file."),
    click.option("--translator", type=click.Choice(["human", "machine", "machine-reviewed"]), help="Who translated."),
    click.option("--replaces", help="What they replace: a CID, an index or a file."),
    click.option(
        "--keep-metadata",
        multiple=True,
        metavar="NAME",
        help="An attachment that stays as it is, with all that it tells; repeatable.",
    ),
)


def draft_options(command: Any) -> Any:
    """The options that say of a draft what its file does not."""
    for option in reversed(_options):
        command = option(command)
    return command


def options_of(workspace: Workspace | None, given: dict[str, Any]) -> Options:
    """What those options say, with the workspace's defaults."""
    with as_typed():
        default = workspace.settings.language if workspace is not None and workspace.exists() else ""
    return Options(
        language=given["language"] or default,
        title=given["title"],
        date=given["date"],
        tags=tuple(given["tags"]),
        warning=given["warning"],
        translation_of=parse_option_reference(given["translation_of"]),
        translator=given["translator"],
        replaces=parse_option_reference(given["replaces"]),
        keep_metadata=tuple(given["keep_metadata"]),
    )


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH…")
@draft_options
@click.pass_obj
def preview(session: Session, /, paths: tuple[Path, ...], **given: Any) -> None:
    """Show what would be signed, every repair, and every line that may identify someone. Writes nothing.

    That a line is not pointed at does not mean that it identifies nobody: only who knows the people can tell.

    \b
    mirror preview testimonies/
    mirror preview --language mk letter.txt
    """
    options = options_of(Workspace(session.home), given)
    shown, flawed = [], []
    attached: list[Path] = []
    for path in find_files(paths):
        try:
            draft = read_draft(path, options)
            attachments = prepare_attachments(draft, options.keep_metadata, nowhere)
        except Flawed as error:
            flawed.append(error)
            continue
        findings = may_identify(draft)
        show_draft(session.terminal, draft, findings, attachments)
        shown.append(_draft_as_json(draft, findings, attachments))
        attached.extend(draft.attachments)
    if not flawed:
        check_kept(options.keep_metadata, attached)
    session.terminal.give({"drafts": shown, "flawed": [_flawed_as_json(each) for each in flawed]})
    refuse_flawed(session.terminal, flawed)


def may_identify(draft: Draft) -> list[str]:
    """What in a draft may identify someone, and where."""
    short = (("title", draft.title or ""), ("warning", draft.warning or ""))
    found = [
        f"{name}: may be {each.kind}: {each.excerpt}" for name, text in short for each in identifying_lines(text or "")
    ]
    return found + [f"text, {each}" for each in identifying_lines(draft.body)]


def show_draft(terminal: Terminal, draft: Draft, findings: list[str], attachments: tuple[Prepared, ...]) -> None:
    """A draft as it would be signed, its repairs, its attachments, and the lines that may identify someone."""
    terminal.say(f"── {escape(str(draft.source))}")
    for key, value in _headers(draft).items():
        terminal.say(f"{key}: {isolate(str(value))}")
    terminal.say(f"\n{quoted(draft.body)}\n")
    for repair in draft.repairs:
        terminal.say(f"   repaired  {repair}")
    for finding in findings:
        terminal.say(f"   look at   {isolate(finding)}")
    for line in attachment_lines(attachments):
        terminal.say(f"   {line}")
    if draft.repairs or findings or attachments:
        terminal.say()


def _headers(draft: Draft) -> dict[str, Any]:
    values = {
        "Author": draft.handed_in[0].author if draft.handed_in else None,
        "Language": draft.language,
        "Title": draft.title,
        "Date": draft.date,
        "Tags": ", ".join(draft.tags),
        "Warning": draft.warning,
        "Translation of": draft.translation_of,
        "Translator": draft.translator,
        "Replaces": draft.replaces,
    }
    return {key: value for key, value in values.items() if value}


def _draft_as_json(draft: Draft, findings: list[str], attachments: tuple[Prepared, ...]) -> dict[str, Any]:
    headers = {key.lower().replace(" ", "_"): str(value) for key, value in _headers(draft).items()}
    return {
        "file": str(draft.source),
        **headers,
        "text": draft.body,
        "repairs": list(draft.repairs),
        "may_identify": findings,
        "attachments": [attachment_as_json(each) for each in attachments],
    }


def _flawed_as_json(flawed: Flawed) -> dict[str, Any]:
    return {"file": str(flawed.source), "flaws": list(flawed.flaws)}


def refuse_flawed(terminal: Terminal, flawed: list[Flawed]) -> None:
    """Say of every flawed file what is wrong with it, and refuse, where there is any."""
    if not flawed:
        return
    for each in flawed:
        for flaw in each.flaws:
            terminal.warn(f"{escape(str(each.source))}: {escape(flaw)}")
    count = "one file" if len(flawed) == 1 else f"{len(flawed)} files"
    raise Refused(f"{count} cannot be signed as it is" if len(flawed) == 1 else f"{count} cannot be signed as they are")
