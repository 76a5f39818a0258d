"""`mirror publish`: sign, store, list and seal."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from mirror.anchor_due import Due, changes
from mirror.audit import Evidence, Run
from mirror.cli.announcing import link_of_edition, print_code
from mirror.cli.attaching import attachment_as_json, attachment_lines
from mirror.cli.main import Session
from mirror.cli.previewing import draft_options, may_identify, options_of, refuse_flawed
from mirror.cli.processes import processes
from mirror.cli.rooms import room_of
from mirror.cli.scheduling import may_take_up, settle, take_up
from mirror.cli.terminal import Terminal, escape, isolate, many
from mirror.cli.typed import Misused, as_typed, check_new
from mirror.cli.unlocking import passphrase_option, unlock
from mirror.errors import Refused, Unverified
from mirror.formats import link
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, SecretKey
from mirror.intake import words
from mirror.intake.drafts import (
    Flawed,
    Options,
)
from mirror.intake.finding import Files, find_files
from mirror.plan import Answer, Plan, bring_up_to_date, draft_of, remember
from mirror.plan import plan as make_plan
from mirror.publish import Listed, Published, Publisher
from mirror.store import files
from mirror.store.record import Record
from mirror.store.settings import Service
from mirror.store.workspace import Workspace
from mirror.trust import Trust
from mirror.verify import verify
from mirror.withdraw import finish

TOKENS_SHOWN_AT_MOST = 50
"""Tokens that are shown on a terminal: more scroll away before anybody has written them down."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[PATH…]")
@draft_options
@click.option(
    "--tokens", "tokens_file", type=click.Path(path_type=Path), help="Write the withdrawal tokens to this new file."
)
@click.option("--no-tokens", is_flag=True, help="No withdrawal tokens: only you can withdraw these testimonies.")
@click.option(
    "--edited",
    type=click.Choice([answer.value for answer in Answer]),
    help="What becomes of files that were published before and have changed; asked otherwise.",
)
@click.option("--this-is-newest", is_flag=True, help="You know that no later edition of this mirror exists anywhere.")
@click.option(
    "--pin/--no-pin", "pinning", default=None, help="Pin and name it afterwards; default: as mirror.toml says."
)
@click.option("--node-shows-its-address", "shows", is_flag=True, help="Use nodes although a proxy is set.")
@click.option("--yes", is_flag=True, help="Do not ask before publishing.")
@passphrase_option
@click.pass_obj
def publish(
    session: Session,
    /,
    paths: tuple[Path, ...],
    *,
    tokens_file: Path | None,
    no_tokens: bool,
    edited: str | None,
    this_is_newest: bool,
    pinning: bool | None,
    shows: bool,
    yes: bool,
    passphrase_fd: int | None,
    **given: Any,
) -> int:
    """Sign, store, list and seal testimonies: files or folders of .md and .txt, or notes that authors signed.

    Shows what it found and asks before anything is written. Every account gets a withdrawal token of twelve words,
    shown once or written with --tokens: give it to the author, who can take her testimony back with it. An entry of
    the log can never be taken back, and copies that others made cannot be recalled. With --pin, or `pin` in
    mirror.toml, it is then pinned, as mirror pin does, and named; where that fails, the edition is here all the same.
    Complete proofs of outside clocks (mirror anchor) go into it; without a PATH, an edition is made for them alone.

    \b
    mirror publish --tokens tokens.txt testimonies/
    mirror publish --language mk --no-tokens --yes letter.txt
    mirror publish --no-tokens --pin letter.txt
    """
    workspace = Workspace(session.home).require()
    _check_paths(workspace, paths)
    if not paths and not may_take_up(workspace):
        raise Misused(
            "nothing says what to publish, and no anchor waits for an edition", hint="name a file or a folder"
        )
    order = Order(
        paths,
        options_of(workspace, given),
        tokens_file,
        no_tokens=no_tokens,
        edited=None if edited is None else Answer(edited),
        this_is_newest=this_is_newest,
        pin=bool(workspace.settings.pin) if pinning is None else pinning,
        shows=shows,
        yes=yes,
    )
    _check_tokens(session, workspace, order)
    if order.pin:
        _services(workspace)
    found = find_files(paths)
    return run_publish(session, workspace, unlock(session, workspace, passphrase_fd), order, found)


@dataclass(frozen=True)
class Order:
    """What a publisher asked for: which paths, with which options, where tokens go, what not to ask about."""

    paths: tuple[Path, ...]
    options: Options
    tokens_file: Path | None = None
    no_tokens: bool = False
    edited: Answer | None = None
    this_is_newest: bool = False
    pin: bool = False
    shows: bool = False
    yes: bool = False


def run_publish(session: Session, workspace: Workspace, signing: SecretKey, order: Order, found: Files) -> int:
    """Plan what is to become of the files that were found, show, ask, publish, show what came of it; the exit code."""
    terminal = session.terminal
    with processes(len(found)) as executor, workspace.writing(), workspace.archive, workspace.texts(signing) as texts:
        publisher = begin(session, workspace, signing, newest=order.this_is_newest)
        bring_up_to_date(texts, publisher.head)
        proofs = take_up(session, workspace, publisher.head)
        ask = partial(_ask, terminal, order.edited)
        plan = make_plan(found.paths(), order.options, publisher.head, texts, ask, executor)
        _show_plan(terminal, plan, order.options)
        if not plan.steps and not any(each.is_first for each in proofs):
            terminal.say(f"nothing new to publish; edition {publisher.head.number} stays the newest")
            terminal.give({"published": None, "edition": publisher.head.number, "known": _known(plan)})
            return 0
        _check_shown(plan, order)
        question = f"publish {_count(len(plan.steps))}? what is listed can be withdrawn, but never unlisted"
        if not terminal.confirm(question if plan.steps else "make an edition for them?", yes=order.yes):
            raise Refused("nothing was published")
        published, listed = _carry_out(session, workspace, publisher, plan, order, proofs, executor)
        remember(texts, plan, published.size)
        settle(workspace, publisher.head)
    return print_published(
        session,
        signing.public,
        published,
        listed=listed,
        known=_known(plan),
        after=partial(pin_published, session, workspace, signing, order) if order.pin else None,
    )


def pin_published(
    session: Session, workspace: Workspace, signing: SecretKey, order: Order
) -> tuple[dict[str, Any], int]:
    """Pin and name the edition that was just made; what came of it, and the exit code."""
    from mirror.cli.pinning import Wishes, after_publishing  # noqa: PLC0415  (nothing of the network before)

    wishes = Wishes(shows=order.shows, yes=order.yes)
    return after_publishing(session, workspace, _services(workspace), signing, wishes)


def _services(workspace: Workspace) -> list[Service]:
    from mirror.cli.pinning import chosen  # noqa: PLC0415  (as above)

    return chosen(workspace, ())


def _check_paths(workspace: Workspace, paths: tuple[Path, ...]) -> None:
    """Refuse what lies in the workspace's own folders: tokens and requests are secret, and an archive is no draft."""
    own = [(workspace.home / name).resolve() for name in ("secret", "archive", "cache")]
    for path in paths:
        if any(folder in (path.resolve(), *path.resolve().parents) for folder in own):
            raise Refused(f"{path} lies in the workspace's own folders, and is not published")


def _check_tokens(session: Session, workspace: Workspace, order: Order) -> None:
    path = order.tokens_file
    if path is not None and order.no_tokens:
        raise Misused("--tokens and --no-tokens exclude each other")
    if (
        path is None
        and order.paths
        and not order.no_tokens
        and (session.terminal.as_json or not session.terminal.interactive)
    ):
        raise Misused(
            "nothing says where the withdrawal tokens go", hint="give --tokens FILE, or --no-tokens to make none"
        )
    if path is None:
        return
    check_new(path, "name a new file for the tokens")
    if any(given.resolve() in path.resolve().parents for given in order.paths):
        raise Refused(f"{path} would lie among the testimonies, and be published with them the next time")
    if workspace.archive.folder.resolve() in path.resolve().parents:
        raise Refused(f"{path} lies in the archive, which is handed to anybody; tokens are for their authors alone")


def _check_shown(plan: Plan, order: Order) -> None:
    if order.tokens_file is None and not order.no_tokens and len(plan.steps) > TOKENS_SHOWN_AT_MOST:
        raise Refused(
            f"{len(plan.steps)} withdrawal tokens are more than anybody can write down from a screen",
            hint="give --tokens FILE",
        )


def _ask(terminal: Terminal, edited: Answer | None, path: Path, index: int) -> Answer:
    words = f"was published as #{index} and has changed since"
    if edited is None and not terminal.interactive:
        raise Flawed(path, (f"{words}: give --edited replaces, --edited separate or --edited skip",))
    if edited is None:
        terminal.tell(f"{escape(str(path))} {words}")
        choices = tuple(answer.value for answer in Answer)
        edited = Answer(terminal.ask(f"does it replace #{index}?", choices, Answer.SKIP.value))
    if edited is Answer.SKIP:
        terminal.tell(f"skipped   {escape(str(path))} {words}")
    return edited


def _show_plan(terminal: Terminal, plan: Plan, options: Options) -> None:
    for path, repairs in plan.repaired:
        for repair in repairs:
            terminal.tell(f"repaired  {escape(str(path))}: {escape(repair)}")
    for path, index in plan.known:
        terminal.tell(f"known     {escape(str(path))} is listed as #{index} already")
    for path, index in plan.withdrawn:
        terminal.warn(f"withdrawn {escape(str(path))} was listed as #{index} and withdrawn; it is not published again")
    refuse_flawed(terminal, plan.flawed)
    if terminal.quiet:
        return
    for step in plan.steps:
        title = isolate(step.title) if step.title else "(no title)"
        terminal.tell(f"new       #{step.index}  {title}  {escape(str(step.source))}")
        for line in attachment_lines(step.attachments):
            terminal.tell(line)
    _show_identifying(terminal, plan, options)


def _show_identifying(terminal: Terminal, plan: Plan, options: Options) -> None:
    for step in plan.steps:
        for finding in may_identify(draft_of(step, options)):
            terminal.tell(f"look at   {escape(str(step.source))}: {isolate(finding)}")


def _carry_out(
    session: Session,
    workspace: Workspace,
    publisher: Publisher,
    plan: Plan,
    order: Order,
    proofs: Sequence[Due],
    executor: Executor | None,
) -> tuple[Published, list[Listed]]:
    listed: list[Listed] = []
    with contextlib.ExitStack() as stack:
        move = stack.enter_context(session.terminal.progress("publishing", "testimonies"))
        tokens = stack.enter_context(contextlib.ExitStack())
        path = order.tokens_file if plan.steps else None
        file = tokens.enter_context(files.replacing(path, mode=files.PRIVATE)) if path else None

        def keep(made: Listed) -> None:
            if session.terminal.as_json or (file is None and made.token is not None):
                listed.append(made)
            if file is not None and made.token is not None:
                _write_token(file, made)
            move(made.index + 1 - plan.size, len(plan.steps))

        def commit() -> None:  # from here on they are listed: whatever happens, nobody may be without their tokens
            tokens.close()
            for line in _token_lines(listed):
                session.terminal.say(line)

        published = publisher.publish(
            plan,
            order.options,
            tokens=not order.no_tokens,
            listed=keep,
            commit=commit,
            day=today(workspace),
            executor=executor,
            anchors=changes(proofs, publisher.head),
        )
    return published, listed


def _write_token(file: BinaryIO, made: Listed) -> None:
    lines = (f"#{made.index}  {made.source.name}", f"    {made.cid}", f"    {words.to_words(made.token or b'')}", "")
    file.write("\n".join((*lines, "")).encode("utf-8", "backslashreplace"))


def _judge_pending(workspace: Workspace, signing: SecretKey, root: CID) -> None:
    """Verify a whole edition that an interrupted run left, before it is adopted."""
    evidence = Evidence(str(workspace.archive.folder), root, workspace.archive.blocks.get)
    report = verify(evidence, Trust(given=signing.public), Run())
    if report.exit_code() != 0:
        raise Unverified(
            f"an interrupted run left an edition that does not verify: {', '.join(report.bad_items())}",
            hint="look at it with: mirror fsck",
        )


def publisher_of(session: Session, workspace: Workspace, signing: SecretKey) -> Publisher:
    """The workspace's publisher, with this machine's record and chance, and its reading room."""
    record = Record(session.state)
    return Publisher(workspace.archive, signing, record, secrets.token_bytes, room=room_of(workspace))


def begin(session: Session, workspace: Workspace, signing: SecretKey, *, newest: bool) -> Publisher:
    """The publisher, once the archive is where it may be continued; says what an interrupted run had left."""
    with as_typed():
        settings = workspace.settings
    publisher = publisher_of(session, workspace, signing)
    for done in publisher.prepare(newest=newest, judge=partial(_judge_pending, workspace, signing)):
        session.terminal.tell(done)
    dropped = finish(publisher, workspace.archive)
    if dropped is not None:
        done = "finished an interrupted withdrawal" if dropped else "an interrupted withdrawal never took effect"
        session.terminal.tell(done)
    if settings.service or settings.routing:
        from mirror.cli.holding import check_nobody_is_ahead  # noqa: PLC0415  (only where somebody is to be asked)

        check_nobody_is_ahead(session, workspace, publisher.head, newest=newest)
    return publisher


def today(workspace: Workspace) -> str | None:
    """The day in UTC, where the publisher wants editions to say it."""
    return datetime.now(UTC).date().isoformat() if workspace.settings.day else None


def _known(plan: Plan) -> list[dict[str, Any]]:
    return [{"file": str(path), "index": index} for path, index in plan.known]


def _count(testimonies: int) -> str:
    return many(testimonies, "testimony", "testimonies")


def print_published(
    session: Session,
    key: PublicKey,
    published: Published,
    *,
    listed: list[Listed] | None = None,
    known: list[dict[str, Any]] | None = None,
    withdrawn: tuple[int, ...] = (),
    first: bool = False,
    after: Callable[[], tuple[dict[str, Any], int]] | None = None,
) -> int:
    """Show an edition that was just made: its index hash, its links, and what comes `after`; the exit code."""
    terminal = session.terminal
    newest, this = link.newest(key), link_of_edition(published.root_cid, key)
    size = f"{published.size} {'entry' if published.size == 1 else 'entries'}"
    terminal.say(f"{key.name}, edition {published.edition}, {size}")
    terminal.say(f"index hash    {published.root_cid}")
    terminal.say(f"this edition  {this}")
    terminal.say(f"the newest    {newest}")
    print_code(terminal, str(newest))
    if first:
        terminal.tell("next: mirror publish --tokens FILE FOLDER")
    told, code = ({"pinned": [], "named": []}, 0) if after is None else after()
    terminal.give(
        {
            "published": None if first else len(listed or []),
            "mirror": key.name,
            "vkey": key.vkey,
            "key": str(key.ipns),
            "edition": published.edition,
            "size": published.size,
            "index_hash": str(published.root_cid),
            "link": str(this),
            "newest_link": str(newest),
            "known": known or [],
            "withdrawn": list(withdrawn),
            "testimonies": [_listed_as_json(made) for made in listed or []],
            **told,
        }
    )
    return code


def _listed_as_json(made: Listed) -> dict[str, Any]:
    attachments = [attachment_as_json(each) for each in made.step.attachments]
    return {"index": made.index, "cid": str(made.cid), "file": str(made.source), "attachments": attachments}


def _token_lines(listed: list[Listed]) -> Iterator[str]:
    shown = [made for made in listed if made.token is not None]
    if not shown:
        return
    yield "withdrawal tokens, shown this once; give each to its author:\n"
    for made in shown:
        yield f"#{made.index}  {escape(made.source.name)}\n    {words.to_words(made.token or b'')}"
    yield ""
