"""A mirror on disk for programs that are not ours: published with `mirror`, and laid out as plain files.

publisher = Publisher(tmp_path)            # a workspace with its charter, in tmp_path/voices
publisher.publish(["One.", "Two."])        # one edition; what is listed begins at index 1
publisher.lay(tmp_path / "tree")           # as `ipfs get` writes it
publisher.run("export", "--one", "2", "-o", tmp_path / "one")
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from storyteller import make_identity, run_mirror, spread

from mirror.cli.sources import open_copy

NAME = "voices.example/archive"


class Publisher:
    """Whoever runs a mirror on this machine, with a state and an identity of her own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "voices"
        self._identity = make_identity(folder / "identity.txt")
        made = self.run(
            *("init", NAME, "--title", "Voices", "--language", "en", "--text", "We gather testimonies."),
            *("--recovery", folder / "recovery.txt"),
        )
        self.vkey: str = made["vkey"]
        self._texts = 0

    def run(self, *arguments: str | Path) -> Any:
        """The JSON document that a command gives; it has to succeed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIRROR_STATE", str(self.folder / "state"))
            patch.setenv("MIRROR_IDENTITY_FILE", str(self._identity))
            finished = run_mirror("--json", "--home", self.home, *arguments)
        assert finished.code == 0, finished
        return json.loads(finished.out)

    def publish(self, texts: Sequence[str], *options: str) -> Any:
        """One more edition, with these texts in their order."""
        drafts = self.folder / f"drafts-{self._texts:06}"
        drafts.mkdir()
        for text in texts:
            self._texts += 1
            (drafts / f"{self._texts:06}.txt").write_text(text, encoding="utf-8")
        return self.run("publish", "--language", "en", "--no-tokens", "--yes", *options, drafts)

    def lay(self, tree: Path) -> Path:
        """Write the newest edition out as files and folders."""
        with open_copy(self.home) as copy:
            spread(copy.get, copy.root, tree)
        return tree
