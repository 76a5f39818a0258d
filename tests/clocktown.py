"""A publisher with calendars of her own, the chain that they commit into, and the stock client that looks at both.

town = clocktown.town                      # a fixture: town.publisher, town.calendars, town.explorer, town.node
run_mirror("anchor", "ots")                # hands her newest checkpoint in
town.commit()                              # each calendar makes a block
run_ots("verify", proof)                   # as anybody has it
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calendar_server import BitcoinNode, Calendar, Chain, Explorer
from counterparts import need_ots
from laid import Publisher
from storyteller import Finished


class Town:
    """A publisher, three calendars of hers, and whoever shows the chain that they commit to."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chain = Chain()
        self.calendars = [stack.enter_context(Calendar(self.chain)) for _ in range(3)]
        self.explorer = stack.enter_context(Explorer(self.chain))
        self.node = stack.enter_context(BitcoinNode(self.chain))
        self.publisher = Publisher(folder)
        self.home = self.publisher.home
        self.publisher.publish(["What happened on a day."])
        self.settings(calendars=[each.url for each in self.calendars])
        monkeypatch.setenv("MIRROR_STATE", str(folder / "state"))
        monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(folder / "identity.txt"))
        monkeypatch.setenv("MIRROR_HOME", str(self.home))

    def settings(self, **values: Any) -> None:
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
        (self.home / "mirror.toml").write_text("".join(lines))

    def commit(self) -> None:
        for calendar in self.calendars:
            calendar.commit()

    @property
    def kept(self) -> dict[str, bytes]:
        """What lies in secret/anchors."""
        folder = self.home / "secret" / "anchors"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town of a test's own, whose publisher the commands take for theirs."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        yield Town(tmp_path, stack, monkeypatch)


def run_ots(*arguments: str | Path) -> Finished:
    """Run the stock client."""
    command = [need_ots(), "--no-cache", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return Finished(ran.returncode, ran.stdout, ran.stderr)
