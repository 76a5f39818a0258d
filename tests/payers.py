"""A publisher who pays for anchors on a chain of the test's own.

payer = Payer(tmp_path, chain)                  # edition 2 lists a testimony; an account with one ether
payer.anchor("--no-wait", "--yes")              # mirror anchor ethereum: code, out, err
payer.spent()                                   # how many payments of the account the chain has made
"""

from pathlib import Path
from typing import Any

import pytest
from daemons import Anvil
from laid import Publisher
from storyteller import Finished, run_mirror


class Payer(Publisher):
    """Whoever runs a mirror, and has an account with ether."""

    def __init__(self, folder: Path, chain: Anvil, /, **settings: Any) -> None:
        super().__init__(folder)
        self.chain = chain
        self._plain = (self.home / "mirror.toml").read_text(encoding="utf-8")
        self.publish(["Told of a winter."])
        self.set(chain.url, **settings)
        self.account: str = self.run("anchor", "ethereum", "--new-key")["account"]
        chain.give(self.account, 1)

    def set(self, *urls: str, confirmations: int = 3, **more: Any) -> None:
        """Say in mirror.toml which nodes there are, and more."""
        nodes = ", ".join(f'"{url}"' for url in urls)
        lines = [f"nodes = [{nodes}]", f"confirmations = {confirmations}"]
        lines += [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in more.items()]
        text = "\n".join([self._plain, "[ethereum]", *lines, ""])
        (self.home / "mirror.toml").write_text(text, encoding="utf-8")

    def environment(self, patch: pytest.MonkeyPatch) -> None:
        """Let what runs here be this publisher's."""
        patch.setenv("MIRROR_STATE", str(self.folder / "state"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(self.folder / "identity.txt"))

    def do(self, *words: str | Path) -> Finished:
        """A command, however it ends."""
        with pytest.MonkeyPatch.context() as patch:
            self.environment(patch)
            return run_mirror("--home", self.home, *words)

    def anchor(self, *words: str | Path) -> Finished:
        """`mirror anchor ethereum`, which leaves rather than waits, and is answered with yes."""
        return self.do("anchor", "ethereum", "--no-wait", "--yes", *words)

    def anchored(self) -> Finished:
        """The same, all of it: sent, mined, with enough blocks on top, gathered."""
        self.anchor()
        self.chain.mine(3)
        return self.anchor()

    def spent(self) -> int:
        """How many payments of the account are in blocks."""
        return int(self.chain.rpc("eth_getTransactionCount", self.account, "latest"), 16)

    def waiting(self) -> list[str]:
        """The hashes of the account's payments that wait to be mined."""
        pool = self.chain.rpc("txpool_content")
        found = {who.lower(): payments for who, payments in (pool["pending"] | pool["queued"]).items()}
        return [each["hash"] for each in found.get(self.account.lower(), {}).values()]

    def kept(self, folder: str = "anchors") -> list[str]:
        """What is kept of anchors, by path."""
        base = self.home / "secret" / folder
        return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())

    def read_kept(self, path: str) -> bytes:
        return (self.home / "secret" / "anchors" / path).read_bytes()
