"""One round of `mirror follow`.

1. what an interrupted run left is finished
2. sources are asked what the newest edition is: the name's records, and the files and folders of `--from`
3. all that is shown and what is held has to be of one log; otherwise the evidence is written, and nothing else
4. what is new is fetched, the whole tree judged, and the edition taken in
5. the name's record is put again where names are kept, so that it outlives a silent publisher
6. what authors took back elsewhere, with their tokens, is dropped here too (`mirror.cli.taking_back`)
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from mirror import follow as flow
from mirror import naming
from mirror.cli import forking, gateways, taking_back
from mirror.cli.carrying import is_whole, judge_pending, take_up
from mirror.cli.gateways import whom
from mirror.cli.main import Session
from mirror.cli.reporting import print_report, shown
from mirror.cli.services import open_places, open_sources
from mirror.cli.sources import Copy, open_copy
from mirror.cli.terminal import in_one_line, many
from mirror.cli.trusting import remember, trust_of
from mirror.cli.typed import Misused, as_typed
from mirror.cli.upstream import HINT, Distant, Here
from mirror.cli.verifying import claim_of_link, judge_copy, keep_evidence
from mirror.edition import Edition
from mirror.errors import Refused, Unavailable
from mirror.follow import Choice, Contradiction, Leaving, Offer
from mirror.formats import ipns
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.formats.link import IPFS, IPNS, Link
from mirror.formats.unixfs import Get
from mirror.naming import Heard
from mirror.network.gateways import Gateway, Gateways
from mirror.store.archive import Archive
from mirror.store.workspace import Workspace
from mirror.trust import Trust
from mirror.verdict import Claim, State


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: the link and the gateway in whose address it came, sources, places of names, answers."""

    link: Link | None
    came_at: str
    paths: tuple[Path, ...]
    urls: tuple[str, ...]
    at: tuple[str, ...]
    yes: bool
    text_only: bool


@dataclass
class Round:
    """One round, with the workspace's lock held."""

    session: Session
    workspace: Workspace
    archive: Archive
    asked: Asked
    heard: Heard | None = None

    @property
    def link(self) -> Link | None:
        """The link that was typed."""
        return self.asked.link

    @cached_property
    def urls(self) -> list[str]:
        """The gateways that are asked: none where there is only `--from`."""
        if self.asked.paths and not self.asked.urls:
            return []
        wanted = self.link or Link(IPNS, self._name())
        return whom(self.session, gateways.Asked(wanted, self.asked.came_at, self.asked.urls))

    def run(self) -> int:
        """The exit code."""
        take_up(self.session, self.archive, partial(judge_pending, self.session, self.archive, self._trust()))
        for path in self.workspace.sealed.remove_ended(datetime.now(UTC).date()):
            self.session.terminal.tell(f"removed sealed/{path.name}, whose time is over")
        with contextlib.ExitStack() as stack:
            copies = [stack.enter_context(open_copy(path)) for path in self.asked.paths]
            offers = [Offer(Here(copy), self._root_of(copy)) for copy in copies]
            if not self.urls:
                return self._choose(offers, None)
            distant = stack.enter_context(self._distant())
            return self._choose(
                [*offers, *(Offer(distant, root) for root in self._distant_roots(bool(offers)))], distant
            )

    def _distant_roots(self, others: bool) -> list[CID]:
        """The trees that gateways are asked for; none, where there are other sources, if nobody knows the name."""
        try:
            return self._named()
        except Unavailable as error:
            if not others:
                raise
            self.session.terminal.warn(in_one_line(error.message))
            return []

    def _trust(self) -> Trust:
        return trust_of(self.session, claim_of_link(self.link), None, None, memory=True)

    def _root_of(self, copy: Copy) -> CID:
        return self.link.cid if self.link is not None and self.link.scheme == IPFS else copy.root

    @contextlib.contextmanager
    def _distant(self) -> Iterator[Distant]:
        peers = []
        for url in self.urls:
            with as_typed(f"--gateway {in_one_line(url[:80])}"):
                peers.append(self.session.route.open("", url))
        who, route = ", ".join(in_one_line(peer.who) for peer in peers), self.session.route
        way = f" through {route.proxy.rpartition('@')[2]}" if route.proxy else ""
        self.session.terminal.tell(f"asking {many(len(peers), 'gateway', 'gateways')}{way}: {who}")
        with Gateways([Gateway(peer, time.monotonic) for peer in peers], time.monotonic) as asked:
            distant = Distant(self.session, asked, self.workspace.following_path)
            try:
                yield distant
            finally:
                distant.close()
                distant.tell()

    # What the newest edition is

    def _named(self) -> list[CID]:
        """The trees that the gateways are asked for: the link's own, or those that the name's records lead to."""
        if self.link is not None and self.link.scheme == IPFS:
            return [self.link.cid]
        name = self._name()
        with open_sources(self.session, self.workspace, [*self.urls, *self.asked.at], shows=False) as sources:
            heard = naming.ask(sources, name, datetime.now(UTC))
        for each in heard:
            if each.state == "false":
                self.session.terminal.warn(in_one_line(each.words))
        self.heard = naming.newest(heard)
        held = self._held()
        told = [each.record for each in heard if each.record is not None]
        least = 0 if held is None else held.number
        roots = {record.root: None for record in told if record.sequence >= least}
        if not roots:
            raise Unavailable(_why_none(heard, held), hint=HINT)
        return list(roots)

    def _name(self) -> CID:
        if self.link is not None:
            return self.link.cid
        held = self._held()
        if held is None:
            raise Misused("which mirror is to be followed?", hint="name it by its link, ipns://k51…#…")
        return held.key.ipns

    def _held(self) -> Edition | None:
        return Edition(self.archive.head(), self.archive.blocks.get) if self.archive.has_head() else None

    def _link_name(self) -> CID | None:
        """The name that the link claims for the mirror, if it claims one."""
        claimed = claim_of_link(self.link)
        return claimed.ipns if isinstance(claimed, PublicKey) else claimed

    # What comes of it

    def _choose(self, offers: list[Offer], distant: Distant | None) -> int:
        choice = flow.choose(self.archive, offers, self._link_name())
        for offer, error in choice.passed:
            self.session.terminal.warn(f"{offer.source.who}: {in_one_line(error.message)}")
        if choice.contradiction is not None:
            return self._stop(choice.contradiction, distant)
        code = self._take(choice, distant)
        if distant is not None and code != 3:
            distant.forget()
        if distant is None and choice.shown is not None and code == 0:
            self.workspace.following_path.unlink(missing_ok=True)  # it may hold what was withdrawn since
        return code

    def _stop(self, found: Contradiction, distant: Distant | None) -> int:
        """Keep the evidence, and nothing else."""
        one, other = sorted((found.one, found.other), key=lambda edition: edition.size)
        fork = forking.keep(one.signed_checkpoint, other.signed_checkpoint, other.key, other.log)
        if distant is not None:
            distant.forget()
        for words in fork.words:
            self.session.terminal.warn(words)
        raise type(found.error)(found.error.message, hint="nothing was taken in; show the evidence to others")

    def _take(self, choice: Choice, distant: Distant | None) -> int:
        edition, count = choice.newest, 0
        if choice.shown is not None:
            judging = _Judging(self)
            taken = flow.take(self.archive, choice.shown, judging, self._let_go, text_only=self.asked.text_only)
            if taken is None:
                return judging.code
            edition, count = taken
        what = (
            f"is here now, {many(count, 'new block', 'new blocks')}" if count else "is here, and nothing newer is shown"
        )
        self.session.terminal.say(f"{edition.key.name}: edition {edition.number} {what}")
        self._keep_record(edition)
        self._put_record(edition)
        told = taking_back.told_by(self.session, edition.key.ipns, self.asked.paths, self.urls)
        dropped = taking_back.act_on(self.session, self.archive, self.workspace.sealed, told)
        self.session.terminal.give(
            {
                "mirror": edition.key.name,
                "edition": edition.number,
                "index_hash": str(edition.root),
                "new_blocks": count,
                "fetched_bytes": 0 if distant is None else distant.size,
                "withdrawn_here": dropped,
            }
        )
        return 0

    def _let_go(self, edition: Edition, leaving: Leaving) -> None:
        """Say what is withdrawn; put away what the publisher alone withdrew, and ask first where it is much."""
        terminal, today = self.session.terminal, datetime.now(UTC).date()
        if leaving.with_token:
            terminal.warn(f"withdrawn with their tokens, and dropped: {_listed(leaving.with_token)}")
        if not leaving.alone:
            return
        terminal.warn(f"withdrawn by the publisher alone: {_listed(leaving.alone)}")
        if leaving.is_much:
            question = (
                f"{len(leaving.alone)} of {leaving.of} entries are withdrawn at once, without their tokens, "
                "as a stolen key would do it. Let go of them?"
            )
            hint = "ask the publisher by another way; then add --yes. Until then the copy stays as it is"
            if not terminal.confirm(question, yes=self.asked.yes, hint=hint):
                raise Refused("nothing was taken in")
        held = [cid for cid in sorted(leaving.blocks) if cid in self.archive.blocks]
        if not held:
            return
        blocks = ((cid, self.archive.blocks.get(cid)) for cid in held)
        path = self.workspace.sealed.put_away(edition.number, self.archive.head(), blocks, today)
        terminal.warn(f"no longer handed on, and put away in sealed/{path.name}")

    def _put_record(self, edition: Edition) -> None:
        """Put the name's record again to nodes, routing endpoints and `--at`, who forget it in a day or two."""
        data, now = self.archive.name_record(), datetime.now(UTC)
        if not self.urls or data is None or not naming.is_current(data, edition, now):
            return
        with open_places(self.session, self.workspace, self.asked.at, shows=False) as places:
            for each in naming.put(places, data, edition.key.ipns):
                if each.state != "taken":
                    self.session.terminal.warn(in_one_line(each.words))

    def _keep_record(self, edition: Edition) -> None:
        """Keep the newest record of the name, which whoever serves this copy hands on."""
        if self.heard is None or self.heard.record is None or self.heard.record.root != edition.root:
            return
        kept = self.archive.name_record()
        if kept is None or ipns.open_record(kept, edition.key.ipns).order < self.heard.record.order:
            self.archive.set_name_record(self.heard.data)


@dataclass
class _Judging:
    """Judges a whole tree as `mirror verify` does, and says why it is not taken in."""

    following: Round
    code: int = 0

    def __call__(self, root: CID, get: Get) -> bool:
        session, copy = self.following.session, Copy("the edition shown", root, get)
        report = judge_copy(session, copy, self.following._trust())
        self.code = report.exit_code()
        if self.code == 1 or report.key is None or not is_whole(report):
            print_report(
                session.terminal, report, self.code, keep_evidence(report, copy) if report.forked_with else None
            )
            session.terminal.warn("nothing was taken in")
            return False
        remember(session, report)
        key = report.verdict(Claim.KEY)
        if key.state is not State.HOLDS:
            session.terminal.tell(f"key {key.state.value}: {shown('; '.join(key.words))}")
        return True


def _listed(indexes: Sequence[int]) -> str:
    return ", ".join(f"#{index}" for index in indexes)


def _why_none(heard: list[Heard], held: Edition | None) -> str:
    older = naming.newest(heard)
    if older is not None and older.record is not None and held is not None:
        shown_now = f"the newest that is shown is edition {older.record.sequence}"
        return f"nobody shows edition {held.number}, which is held here; {shown_now}"
    said = "; ".join(in_one_line(each.words) for each in heard)
    return f"nobody shows where the name leads: {said}"
