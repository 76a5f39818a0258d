"""`mirror verify`: judge what a reader has, claim by claim.

It connects only for a link without `--from`, and to whom `--ethereum` and `--bitcoin` name.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mirror.alone import find_proof, verify_evidence, verify_note
from mirror.audit import Evidence, Run
from mirror.check import Listed
from mirror.cli import forking
from mirror.cli.copies import gateway_option, is_one_block, open_block, open_named
from mirror.cli.forking import Fork
from mirror.cli.main import Session
from mirror.cli.outside import Outside, outside_options
from mirror.cli.reporting import print_report
from mirror.cli.sources import Copy, Given, open_given
from mirror.cli.trusting import remember, trust_of
from mirror.cli.typed import Misused, check_new, from_option
from mirror.clocks_outside import NONE, Sources
from mirror.edition import Edition
from mirror.errors import MirrorError, Refused
from mirror.formats import notes
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.link import IPFS, IPNS, Link
from mirror.formats.notes import Announcement
from mirror.one import verify_one
from mirror.trust import Trust
from mirror.verdict import ALWAYS_ASKED, Claim, Report
from mirror.verify import verify as verify_tree

if TYPE_CHECKING:
    from concurrent.futures import Executor

PROCESSES_FROM = 4_000
"""Entries from which on notes are checked by several processes: starting them costs what a thousand signatures do."""

PROCESSES_FOR_HASHES_FROM = 40_000
"""The same where no signatures are computed on testimonies, which leaves a quarter of the work."""


@click.command()
@click.argument("what")
@from_option
@gateway_option
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep what a link leads to in this new CAR; goes on where it was."
)
@click.option("--key", "key_text", metavar="KEY", help="Go by this key for once: a vkey, or its k51… name.")
@click.option("--hashes-only", is_flag=True, help="Do not compute the signatures on testimonies.")
@click.option(
    "--require",
    multiple=True,
    type=click.Choice([claim.value for claim in Claim]),
    help="Also ask for this claim: exit 3 where it cannot be told.",
)
@click.option(
    "--seen", "seen_file", type=click.Path(path_type=Path, exists=True), help="Compare with this kept announcement."
)
@click.option("--no-memory", is_flag=True, help="Use and keep no memory of mirrors.")
@outside_options
@click.pass_obj
def verify(
    session: Session,
    what: str,
    source: Path | None,
    gateways: tuple[str, ...],
    keep: Path | None,
    key_text: str | None,
    *,
    hashes_only: bool,
    require: tuple[str, ...],
    seen_file: Path | None,
    no_memory: bool,
    outside: Outside,
) -> int:
    """Judge an archive, a CAR, a fetched folder, a note, an announcement or a link.

    WHAT is judged claim by claim, and every item that is not what it should be is named. Only what a link names is
    fetched, unless --from says where it lies. Exit code 0: all that was asked for holds; 1: something is false; 3:
    something could not be told, such as a key that nobody confirmed.

    \b
    mirror verify archive/
    mirror verify voices.car
    mirror verify 'ipns://k51…#voices.example/archive+…'
    mirror verify --gateway https://gateway.example 'ipfs://bafybei…#voices.example/archive+…'
    mirror verify --from voices.car 'ipfs://bafybei…#voices.example/archive+…'
    mirror verify --from archive/ 'ipfs://bafybei…/note/00/00/00/17.txt#voices.example/archive+…'
    mirror verify --from archive/ announcement.txt
    mirror verify --gateway https://gateway.example announcement.txt
    mirror verify --key k51… note.txt
    mirror verify --block-hash 0x… --headers bitcoin.txt archive/
    """
    fork, told, record = None, [], None
    if keep is not None:
        check_new(keep)
    with (
        outside.open(session) as sources,
        _judging(session, hashes_only=hashes_only, sources=sources) as judging,
        open_given(what) as named,
    ):
        given = _leading_on(named) if gateways and source is None else named
        link = given.link
        trust = trust_of(session, claim_of_link(link), key_text, seen_file, memory=not no_memory)
        if given.evidence is not None:
            report = verify_evidence(what, given.evidence, trust)
        elif given.note is not None and link is None and source is None:
            report = verify_note(what, given.note, trust, given.proof, given.beside)
        elif link is not None and is_one_block(link) and source is None and keep is None:
            with open_block(session, given, gateways) as copy:
                report, told = _judge_block(what, copy, trust), copy.told()
        else:
            with open_named(session, given, source, gateways, memory=not no_memory, keep=keep) as copy:
                report = _judge(judging, copy, trust, link, given.note)
                fork = keep_evidence(report, copy) if report.forked_with else None
                told, record = copy.told(), copy.record
                if keep is not None:
                    _keep(session, copy, keep, report)
    asked = ALWAYS_ASKED.union(Claim(name) for name in require)
    code = report.exit_code(asked - {Claim.SIGNED} if hashes_only and "signed" not in require else asked)
    whole = link is None or not link.path
    if code != 1 and whole and not no_memory and seen_file is None:
        remember(session, report, record)
    print_report(session.terminal, report, code, fork, told)
    return code


def _leading_on(given: Given) -> Given:
    """The same with the link that an announcement stands for; of nothing else that lies here is anything fetched."""
    if given.link is not None:
        return given
    content = None if given.note is None else notes.peek(given.note)
    if not isinstance(content, Announcement):
        raise Misused("--gateway goes with a link or an announcement; this lies here already")
    return replace(given, link=Link(IPFS, content.root_cid))


def _keep(session: Session, copy: Copy, path: Path, report: Report) -> None:
    from mirror.cli import gateways  # noqa: PLC0415  (the network is loaded where it is used)

    if report.faults:
        session.terminal.warn(f"{path} is not written: something is false; what came is in {gateways.unfinished(path)}")
    else:
        gateways.keep(session, copy, path)


def _judge(judging: "_Judging", copy: Copy, trust: Trust, link: Link | None, announcement: bytes | None) -> Report:
    if link is not None and link.path:
        return verify_one(_evidence(copy, link, None), tuple(link.path.split("/")), trust, judging.sources)
    copy.bring(None)
    return judging(copy, trust, link, announcement)


def _judge_block(what: str, copy: Copy, trust: Trust) -> Report:
    """A note by its own CID, and the proof that it is listed where somebody who brought it keeps the log."""
    data = copy.get(copy.root)
    return verify_note(what, data, trust, find_proof(data, trust, lambda name: copy.proofs(name, copy.root)))


class _Judging:
    """Verifies a copy with progress, on several processes where it is large."""

    def __init__(
        self, session: Session, stack: contextlib.ExitStack, *, signatures: bool, sources: Sources = NONE
    ) -> None:
        self.sources = sources
        self._session = session
        self._stack = stack
        self._signatures = signatures

    def __call__(self, copy: Copy, trust: Trust, link: Link | None, announcement: bytes | None) -> Report:
        evidence = _evidence(copy, link, announcement)
        move = self._stack.enter_context(self._session.terminal.progress("verifying", "entries"))
        others = self._others(evidence)
        executor = self._start(others) if others else None
        run = Run(signatures=self._signatures, executor=executor, processes=others, progress=move)
        report = verify_tree(evidence, trust, run, self.sources)
        for item, words in copy.damage.items():
            report.fault(Claim.UNCHANGED, item, f"{item}: {words}")
        unreached = 0 if report.faults else copy.unreached()
        if unreached:
            report.fault(Claim.UNCHANGED, copy.what, f"{copy.what} holds {unreached} blocks that its tree does not use")
        return report

    def _others(self, evidence: Evidence) -> int:
        """How many other processes shall judge notes, while this one walks the tree and judges too."""
        try:
            size = Edition(evidence.root, evidence.get).size
        except MirrorError:
            return 0
        if size < (PROCESSES_FROM if self._signatures else PROCESSES_FOR_HASHES_FROM):
            return 0
        from mirror.cli.processes import cores  # noqa: PLC0415  (only large archives pay for other processes)

        return cores() - 1

    def _start(self, count: int) -> "Executor":
        from mirror.cli.processes import pool  # noqa: PLC0415  (as above)

        executor = self._stack.enter_context(pool(count))
        for _ in range(count):
            executor.submit(Listed, 0, b"", b"")  # each starts and loads what it needs, while this one reads the log
        return executor


@contextlib.contextmanager
def _judging(session: Session, *, hashes_only: bool = False, sources: Sources = NONE) -> Iterator[_Judging]:
    with contextlib.ExitStack() as stack:
        yield _Judging(session, stack, signatures=not hashes_only, sources=sources)


def judge_copy(session: Session, copy: Copy, trust: Trust, link: Link | None = None) -> Report:
    """The report on a copy, for commands that verify before they do something else."""
    with _judging(session) as judging:
        return judging(copy, trust, link, None)


def _evidence(copy: Copy, link: Link | None, announcement: bytes | None) -> Evidence:
    """The tree that a link or announcement names, where the copy has it; otherwise the copy's own, which is another."""
    wanted = _wanted_root(link, announcement)
    if wanted is None or wanted == copy.root:
        said = announcement or copy.announcement
        return Evidence(copy.what, copy.root, copy.get, said, source=copy.source, record=copy.record, logs=copy.logs)
    try:
        copy.get(wanted)
    except MirrorError:
        return Evidence(copy.what, copy.root, copy.get, None, wanted, copy.source)
    return Evidence(copy.what, wanted, copy.get, announcement, source=copy.source)


def _wanted_root(link: Link | None, announcement: bytes | None) -> CID | None:
    if link is not None:
        return link.cid if link.scheme == IPFS else None
    if announcement is None:
        return None
    content = notes.peek(announcement)
    if not isinstance(content, Announcement):
        raise Refused(
            f"--from goes with a link or an announcement, and this is a {content.word}",
            hint="verify the archive, or the note alone with --key",
        )
    return content.root_cid


def claim_of_link(link: Link | None) -> PublicKey | CID | None:
    """The key that a link claims: its vkey, or its IPNS name."""
    if link is None or link.key is not None:
        return link.key if link else None
    return link.cid if link.scheme == IPNS else None


def keep_evidence(report: Report, copy: Copy) -> Fork | None:
    """Keep what shows the fork that a report found; what was held before stays as it is."""
    if report.key is None or report.root_cid is None:
        return None
    try:
        log = Edition(report.root_cid, copy.get, report.key).log
    except MirrorError as error:
        return Fork((f"no evidence can be kept: {error.message}",))
    return forking.keep(report.forked_with, report.signed_checkpoint, report.key, log)
