"""A publisher's workspace in a test's own folder, and the few things a publisher does there.

bench = Bench(tmp_path)                            # founded: edition 1 lists the charter
one = bench.write("one.md", title="The seminar")   # a draft, with this front matter
published = bench.publish(one)                     # plan, publish, remember
bench.verify()                                     # edition 2 holds, whole
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from strategies import AUTHOR, KEY, NAME

from mirror import plan as plans
from mirror.audit import Evidence, Run
from mirror.cli.rooms import room_of
from mirror.edition import Edition
from mirror.errors import Unverified
from mirror.formats import notes
from mirror.formats.cid import CID
from mirror.formats.key import SecretKey
from mirror.formats.notes import Charter, Testimony
from mirror.intake.drafts import Options
from mirror.plan import Answer, Plan
from mirror.publish import Listed, Published, Publisher
from mirror.store import vault
from mirror.store.record import Record
from mirror.store.settings import Settings
from mirror.store.texts import Texts
from mirror.store.workspace import Workspace
from mirror.verdict import Report
from mirror.verify import Trust, verify
from mirror.withdraw import by_publisher, withdraw

CHARTER = Charter(NAME, KEY.public, hashlib.sha256(b"recovery").digest(), "en", "Voices", "We gather testimonies.")
ENGLISH = Options(language="en")
LOCK = vault.new_identity()


class Chance:
    """Bytes that are other ones each time, and the same in every run."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        self.given.append(hashlib.sha256(b"chance %d" % len(self.given)).digest()[:count])
        return self.given[-1]


def front_matter(**values: Any) -> str:
    """Values between two lines of plus signs."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    return f"+++\n{''.join(lines)}+++\n\n"


class Bench:
    """One workspace, one machine's record, and a folder of drafts."""

    def __init__(self, base: Path, charter: Charter = CHARTER, key: SecretKey = KEY, *, room: bool = False) -> None:
        """With a `room`, every edition has one, as those of the command line do."""
        self.room = room
        self.base = base
        self.key = key
        self.folder = base / "drafts"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record = Record(base / "state")
        self.chance = Chance()
        self.workspace = Workspace(base / "voices")
        self.workspace.create(Settings(), key, LOCK)
        self.publisher = self.start()
        self.publisher.found(charter)

    def start(self) -> Publisher:
        """The publisher of a new run: whatever the last one held in memory is forgotten."""
        self.workspace.archive.close()
        self.workspace = Workspace(self.workspace.home)
        room = room_of(self.workspace) if self.room else None
        self.publisher = Publisher(self.workspace.archive, self.key, self.record, self.chance, room=room)
        return self.publisher

    def prepare(self, *, newest: bool = False) -> list[str]:
        """What a new run does first."""
        return self.start().prepare(newest=newest, judge=self.judge)

    @property
    def head(self) -> Edition:
        """The newest edition."""
        return self.publisher.head

    @property
    def car(self) -> Path:
        """The newest edition's file."""
        return self.workspace.archive.edition_path(self.head.number)

    def write(self, name: str, body: str = "What happened.", **front: Any) -> Path:
        """A draft in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(((front_matter(**front) if front else "") + body + "\n").encode())
        return path

    def hand_in(self, name: str, author: SecretKey = AUTHOR, **values: Any) -> Path:
        """A note that its author signed, for this mirror unless `values` say otherwise."""
        given = {
            "mirror": NAME,
            "charter": self.head.charter_cid,
            "language": "en",
            "withdrawal": hashlib.sha256(b"her token").digest(),
            "salt": bytes(16),
            "body": "What happened to me.",
            "author": author.public,
        }
        path = self.folder / name
        path.write_bytes(notes.sign_as_author(Testimony(**given | values), author))
        return path

    def texts(self) -> Texts:
        """What was published from here."""
        texts = self.workspace.texts(self.key)
        plans.bring_up_to_date(texts, self.head)
        return texts

    def plan(
        self,
        *paths: Path,
        options: Options = ENGLISH,
        answer: Answer | None = None,
        executor: Executor | None = None,
    ) -> Plan:
        """What a run would do; an `answer` of None is for those that must not be asked."""

        def ask(path: Path, index: int) -> Answer:
            assert answer is not None, f"asked about {path}, listed as #{index}"
            return answer

        with self.texts() as texts:
            return plans.plan(paths, options, self.head, texts, ask, executor)

    def carry_out(
        self,
        plan: Plan,
        options: Options = ENGLISH,
        *,
        tokens: bool = True,
        listed: Callable[[Listed], None] = lambda made: None,
        commit: Callable[[], None] = lambda: None,
        executor: Executor | None = None,
    ) -> Published:
        """Publish a plan and remember what was published."""
        published = self.publisher.publish(
            plan, options, tokens=tokens, listed=listed, commit=commit, executor=executor
        )
        with self.texts() as texts:
            plans.remember(texts, plan, published.size)
        return published

    def publish(
        self, *paths: Path, options: Options = ENGLISH, answer: Answer | None = None, tokens: bool = True
    ) -> list[Listed]:
        """Plan and publish, in a run of its own."""
        self.prepare()
        plan = self.plan(*paths, options=options, answer=answer)
        assert [each.message for each in plan.flawed] == []
        listed: list[Listed] = []
        self.carry_out(plan, options, tokens=tokens, listed=listed.append)
        return listed

    def withdraw(self, *indexes: int) -> None:
        """An edition that takes testimonies back, by the publisher alone."""
        wanted = by_publisher(self.head, indexes)
        withdraw(self.publisher, self.workspace.archive, self.key, wanted, reason=None, day=None)

    def testimony(self, index: int) -> Testimony:
        """What is published at an index."""
        return self.head.open(index, Testimony)

    def report(self, root: CID | None = None) -> Report:
        """What a reader who was given the key finds."""
        archive = self.workspace.archive
        announcement = archive.announcement() if root is None else None
        evidence = Evidence("the archive", root or archive.head(), archive.blocks.get, announcement)
        return verify(evidence, Trust(given=self.key.public), Run())

    def judge(self, root: CID) -> None:
        """Raise unless a tree verifies."""
        if self.report(root).exit_code() != 0:
            raise Unverified("the tree does not hold")

    def verify(self) -> Report:
        """The newest edition, which has to hold whole."""
        report = self.report()
        assert [fault.words for fault in report.faults] == []
        assert report.exit_code() == 0
        return report

    def files(self) -> dict[str, bytes]:
        """Every file of the archive with its bytes."""
        folder = self.workspace.archive.folder
        found = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
