"""From nothing to a verified anchor, as anchors.md tells it; then every node is gone, and it still verifies.

The publisher's chain is a real node's. The reader has a CAR, the mirror's key, and one header that anybody can look up.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemons import Anvil
from payers import Payer
from storyteller import Finished, run_mirror


@dataclass(frozen=True)
class Reader:
    """Somebody with a memory stick, who asks nobody."""

    folder: Path
    key: str

    def verify(self, *words: str | Path) -> Finished:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIRROR_STATE", str(self.folder / "state"))
            return run_mirror("--home", self.folder, "verify", self.folder / "voices.car", "--key", self.key, *words)


@pytest.fixture
def reader(tmp_path: Path, chain: Anvil) -> Reader:
    """What the publisher did is done: published, anchored, published with the proof, exported; the node is stopped."""
    (tmp_path / "publisher").mkdir()
    payer = Payer(tmp_path / "publisher", chain)
    chain.mine(2)
    assert payer.anchor().code == 0
    chain.mine(3)
    assert "anchored      2 entries" in payer.anchor().out
    published = payer.run("publish", "--yes")
    assert (published["edition"], published["size"]) == (3, 2)
    folder = tmp_path / "reader"
    folder.mkdir()
    payer.run("export", "-o", folder / "voices.car")
    for number in (2, 3):
        block = chain.rpc("eth_getBlockByNumber", hex(number), False)
        (folder / f"block-{number}.json").write_text(json.dumps({"result": block}))
    chain.stop()
    return Reader(folder, payer.vkey)


def block_of(reader: Reader, number: int) -> dict[str, str]:
    found: dict[str, str] = json.loads((reader.folder / f"block-{number}.json").read_text())["result"]
    return found


def test_the_header_alone_dates_it(reader: Reader) -> None:
    done = reader.verify("--headers", reader.folder / "block-3.json", "--require", "existed by")
    assert done.code == 0, done
    (line,) = (line for line in done.out.split("\n") if line.startswith("existed by"))
    assert line.startswith("existed by   holds")
    assert "Ethereum" in line
    assert "block 3" in done.out


def test_so_does_the_hash_that_somebody_typed(reader: Reader) -> None:
    done = reader.verify("--block-hash", block_of(reader, 3)["hash"], "--require", "existed by")
    assert done.code == 0, done
    assert "existed by   holds" in done.out


def test_without_either_it_says_what_to_bring(reader: Reader) -> None:
    done = reader.verify()
    assert done.code == 0, done
    (line,) = (line for line in done.out.split("\n") if line.startswith("existed by"))
    assert line.startswith("existed by   not checked")
    assert "block 3" in done.out
    assert "--block-hash" in done.out
    assert reader.verify("--require", "existed by").code == 3


def test_the_header_of_another_block_does_not_date_it(reader: Reader) -> None:
    done = reader.verify("--headers", reader.folder / "block-2.json", "--require", "existed by")
    assert done.code == 3, done
    assert "existed by   not checked" in done.out


def test_on_another_chain_it_does_not_count(tmp_path: Path, make_chain: Callable[..., Anvil]) -> None:
    (tmp_path / "publisher").mkdir()
    payer = Payer(tmp_path / "publisher", make_chain(chain=11155111), chain=11155111)
    payer.anchored()
    payer.run("publish", "--yes")
    reader = Reader(tmp_path, payer.vkey)
    payer.run("export", "-o", tmp_path / "voices.car")
    hash_ = payer.chain.rpc("eth_getBlockByNumber", "0x1", False)["hash"]
    payer.chain.stop()
    done = reader.verify("--block-hash", hash_, "--require", "existed by")
    assert "existed by   holds" not in done.out
    assert done.code in (1, 3)
    named = reader.verify("--block-hash", hash_, "--require", "existed by", "--chain", "11155111")
    assert named.code == 0, named
    assert "existed by   holds" in named.out
