"""Commands that something may go wrong under, in a small world, and what has to be true whatever went wrong.

world = build_world(folder)               # edition 3 of a mirror, a keeper's copy of it, CARs
with Place(folder / "start", world) as place:      # or a copy of that folder
    scenario = Withdrawing(place)
    run_killed(scenario.arguments(), at=17)        # whatever it is that goes wrong
    scenario.check_at_rest()                       # the old or the new edition, whole
    scenario.go_on()                               # the next run says what it found, and finishes
"""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from storyteller import Finished, make_identity, run_mirror
from workbench import front_matter

from mirror.edition import Edition
from mirror.formats import checkpoint, notes
from mirror.formats.notes import Announcement
from mirror.intake import words
from mirror.store import files
from mirror.store.archive import Archive

NAME = "voices.example/archive"
PICTURE = b"WITHDRAWN-PICTURE " * 70_000
SHARED = b"shared by two testimonies " * 8_000
SECRETS = (b"WITHDRAWN-FIRST", b"WITHDRAWN-TRANSLATION", b"WITHDRAWN-PICTURE")
KEPT = ("--keep-metadata", "own.bin", "--keep-metadata", "shared.bin")
LISTED_BEFORE = ("one.md", "two.md", "other.md", "three.md")
CHECKPOINT = re.compile(
    NAME.encode() + rb"\n[0-9]+\n[A-Za-z0-9+/=]{44}\n\n\xe2\x80\x94 " + NAME.encode() + rb" [A-Za-z0-9+/=]+\n"
)


class Place:
    """A folder with a publisher's workspace, a keeper's copy, and what their machine remembers."""

    def __init__(self, base: Path, world: Path) -> None:
        self.base = base
        self.world = world
        self.drafts = world / "drafts"
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> "Place":
        self._patch.setenv("MIRROR_STATE", str(self.base / "state"))
        self._patch.setenv("MIRROR_IDENTITY_FILE", str(self.world / "identity.txt"))
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def run(self, home: str, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> Finished:
        finished = run_mirror("--home", self.base / home, *arguments)
        assert finished.code in codes, finished
        return finished

    def write(self, name: str, body: bytes, **front: Any) -> Path:
        path = self.drafts / name
        path.write_bytes(front_matter(language="en", **front).encode() + body + b"\n")
        return path

    def archive(self, home: str) -> Archive:
        return Archive(self.base / home / "archive")


def build_world(base: Path) -> Path:
    """Edition 3 of a mirror in `start`, with a keeper's copy; and CARs of it and of the next, which withdraws."""
    (base / "drafts").mkdir()
    make_identity(base / "identity.txt")
    with Place(base / "start", base) as place:
        charter = ("--title", "Voices", "--language", "en", "--text", "We gather testimonies.")
        (base / "start").mkdir()
        place.run("voices", "init", NAME, *charter, "--recovery", base / "recovery.txt")
        (place.drafts / "own.bin").write_bytes(PICTURE)
        (place.drafts / "shared.bin").write_bytes(SHARED)
        one = place.write("one.md", b"WITHDRAWN-FIRST", attachments=["own.bin", "shared.bin"])
        two = place.write("two.md", b"The second.", attachments=["shared.bin"])
        place.run("voices", "publish", "--yes", *KEPT, "--tokens", base / "tokens.txt", one, two)
        other = place.write("other.md", b"WITHDRAWN-TRANSLATION", translation_of=1, translator="human")
        place.run("voices", "publish", "--yes", "--no-tokens", other, place.write("three.md", b"The third."))
        place.run("voices", "export", "-o", base / "before.car")
        place.run("copy", "import", base / "before.car")
        place.write("four.md", b"The fourth.", attachments=["shared.bin"])
        place.write("five.md", b"The fifth.")
    first = re.findall("    ([a-z ]+)\n", (base / "tokens.txt").read_text())[0]
    (base / "token.txt").write_text(f"{first}\n")
    shutil.copytree(base / "start", base / "later")
    with Place(base / "later", base) as place:
        place.run("voices", "withdraw", "--token-file", base / "token.txt", "--yes")
        place.run("voices", "export", "-o", base / "after.car")
    return base


class Scenario:
    """A command that is killed, and what has to be true whenever it was. The edition it makes is the fourth."""

    home = "voices"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.said: set[tuple[int, bytes]] = set()

    def command(self) -> list[str]:
        raise AssertionError("each scenario has one")

    def arguments(self) -> list[str]:
        return ["--home", str(self.place.base / self.home), *self.command()]

    def check_at_rest(self) -> None:
        """The old or the new edition, whole; and whatever bears a name beside it, whole too."""
        with self.place.archive(self.home) as archive:
            opened = Edition(archive.head(), archive.blocks.get)
            pending = archive.pending()
            assert opened.number in (3, 4)
            assert pending is None or (opened.number, pending[0]) == (3, 4)
            self.made = opened.number == 4 or pending is not None
            self.check_verifies(opened)
            if pending is not None:
                self.check_verifies(Edition(pending[1], archive.blocks.get))
        self.listen()

    def check_verifies(self, opened: Edition) -> None:
        """A tree in the archive holds, for whoever has the key."""
        ending = f"#{opened.key.vkey}"
        link = f"ipfs://{opened.root}{ending}"
        folder = self.place.base / self.home / "archive"
        self.place.run(self.home, "verify", "--key", opened.key.vkey, "--from", folder, link)
        if opened.root == self.place.archive(self.home).head():
            self.place.run(self.home, "verify", "--key", opened.key.vkey, folder)

    def listen(self) -> None:
        """Take in every checkpoint and announcement that the key signed and that lies here under a name of its own."""
        with self.place.archive("voices") as archive:
            signer = Edition(archive.head(), archive.blocks.get).key
        for path in self.place.base.rglob("*"):
            if not path.is_file() or files.is_temporary(path) or "cache" in path.parts:
                continue
            data = path.read_bytes()
            for found in CHECKPOINT.finditer(data):
                said = checkpoint.open_checkpoint(found[0], signer)
                self.said.add((said.size, said.root_hash))
            if data.startswith(b"mirror/v1 announcement\n"):
                announced = notes.open_as(Announcement, data, signer)
                self.said.add((announced.size, announced.root_hash))

    def go_on(self) -> None:
        """The next run, and what it leaves."""
        left = self.leftovers()
        finished = self.next_run()
        if any(files.is_temporary(Path(name)) for name in left):
            assert "which an interrupted run left" in finished.err
        if "pending" in left:
            assert "adopted edition 4, which an interrupted run had written whole" in finished.err
        assert self.leftovers() == set()
        self.check_at_rest()
        with self.place.archive(self.home) as archive:
            log = Edition(archive.head(), archive.blocks.get).log
            assert self.said
            for size, root_hash in self.said:
                assert log.root_hash(size) == root_hash
        self.check_end()

    def leftovers(self) -> set[str]:
        """What a crash left in the archive: temporary files, the list of blocks to drop, an edition without a head."""
        with self.place.archive(self.home) as archive:
            pending = {"pending"} if archive.pending() else set()
            return pending | {
                path.name
                for path in archive.folder.rglob("*")
                if path.name == "dropping" or (path.is_file() and files.is_temporary(path))
            }

    def next_run(self) -> Finished:
        raise AssertionError("each scenario has one")

    def check_end(self) -> None:
        raise AssertionError("each scenario has one")

    def states(self) -> list[str]:
        """The state of every entry, as `list` shows it."""
        shown = json.loads(run_mirror("--json", "list", self.place.base / self.home / "archive").out)
        return [each["state"] for each in shown["entries"]]

    def secrets(self) -> set[bytes]:
        """Which of what may be withdrawn lies anywhere in the archive."""
        folder = self.place.base / self.home / "archive"
        whole = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert SHARED in whole
        return {secret for secret in SECRETS if secret in whole}


class Publishing(Scenario):
    """Two more testimonies, their tokens into a new file at each try."""

    tries = 0

    def command(self) -> list[str]:
        self.tries += 1
        paths = [str(self.place.drafts / name) for name in (*LISTED_BEFORE, "four.md", "five.md")]
        return ["publish", "--yes", *KEPT, "--tokens", str(self.place.base / f"tokens {self.tries}.txt"), *paths]

    def check_at_rest(self) -> None:
        super().check_at_rest()
        found = [self.read_tokens(path) for path in self.place.base.glob("tokens *.txt")]
        if self.made:
            assert self.read_entries() in found

    def read_tokens(self, path: Path) -> list[tuple[str, bytes]]:
        """The CIDs and the hashes of the tokens in a file, which has to be complete."""
        found = re.findall(r"#(\d) .*\n    (baf\w+)\n    ([a-z ]+)\n", path.read_text())
        assert [index for index, _, _ in found] == ["5", "6"]
        return [(cid, hashlib.sha256(words.from_words(token)).digest()) for _, cid, token in found]

    def read_entries(self) -> list[tuple[str, bytes | None]]:
        """What the log says of the two new testimonies."""
        with self.place.archive(self.home) as archive:
            pending = archive.pending()
            opened = Edition(pending[1] if pending else archive.head(), archive.blocks.get)
            listed = [opened.entry(index) for index in (5, 6)]
        return [(str(entry.cid), entry.withdrawal) for entry in listed]

    def next_run(self) -> Finished:
        made = self.made
        finished = self.place.run(self.home, *self.command())
        assert ("nothing new to publish" in finished.out) == made
        return finished

    def check_end(self) -> None:
        assert self.states() == ["listed"] * 7
        assert self.secrets() == set(SECRETS)
        again = self.place.run(self.home, "publish", "--yes", "--no-tokens", *KEPT[2:], self.place.drafts / "four.md")
        assert "nothing new to publish; edition 4" in again.out


class Withdrawing(Scenario):
    """An account of two testimonies is withdrawn with its token; the next run asks for it again."""

    def command(self) -> list[str]:
        return ["withdraw", "--yes", "--token-file", str(self.place.world / "token.txt")]

    def next_run(self) -> Finished:
        finished = self.place.run(self.home, *self.command(), codes=(4,) if self.made else (0,))
        if self.made:
            assert "mirror: error: withdrawn already: #1 at #5, #3 at #5" in finished.err
        return finished

    def check_end(self) -> None:
        withdrawn = "withdrawn at #5"
        assert self.states() == ["listed", withdrawn, "listed", withdrawn, "listed", "withdraws #1, #3"]
        assert self.secrets() == set()
        shown = self.place.run(self.home, "publish", "--yes", "--no-tokens", *KEPT, self.place.drafts / "one.md")
        assert "was listed as #1 and withdrawn; it is not published again" in shown.err


class WithdrawingBefore(Withdrawing):
    """The same; the next run is about something else."""

    def next_run(self) -> Finished:
        dropping = "dropping" in self.leftovers()
        finished = self.place.run(
            self.home, "publish", "--yes", "--no-tokens", *KEPT, *(self.place.drafts / name for name in LISTED_BEFORE)
        )
        assert "nothing new to publish" in finished.out
        if dropping and self.made:
            assert "finished an interrupted withdrawal" in finished.err
        elif dropping:
            assert "an interrupted withdrawal never took effect" in finished.err
        return finished

    def check_end(self) -> None:
        if self.made:
            super().check_end()
        else:
            assert self.states() == ["listed"] * 5
            assert self.secrets() == set(SECRETS)


class Importing(Scenario):
    """A keeper brings in an edition that withdraws what she holds."""

    home = "copy"

    def command(self) -> list[str]:
        return ["import", str(self.place.world / "after.car")]

    def next_run(self) -> Finished:
        with self.place.archive(self.home) as archive:
            there = archive.pending() is None and self.made
        finished = self.place.run(self.home, *self.command(), codes=(4,) if there else (0,))
        assert ("edition 4 is here already" in finished.err) == there
        return finished

    def check_end(self) -> None:
        assert self.states()[1] == "withdrawn at #5"
        assert self.secrets() == set()
        older = self.place.run(self.home, "import", self.place.world / "before.car")
        assert "edition 4 stays the newest; nothing of edition 3 is lacking here" in older.out
        assert "skipped       #1, #3, withdrawn since" in older.out
        assert self.secrets() == set()


SCENARIOS = (Publishing, Withdrawing, Importing, WithdrawingBefore)
