"""`mirror verify` with what a reader brings to date anchors: files of headers, hashes, whom to ask."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from anchored import folder_of, laying, pair_for, prove_bitcoin
from calendar_server import BitcoinNode, Chain, Explorer
from counterparts import CHECKOUT, need_program
from listening import answering
from onchain import make_proof
from storyteller import Finished, run_mirror
from strategies import KEY
from test_by_hand import run_script
from workbench import Bench

from mirror.formats import bitcoin, ethereum
from mirror.tree import Path as TreePath

DAY = "2026-11-21"
EARLIER = "2026-09-21"


@dataclass
class Archive:
    """A published mirror of two testimonies with anchors: of Ethereum below #2, of Bitcoin below all of it."""

    bench: Bench
    chain: Chain
    block: ethereum.Header
    height: int

    @property
    def folder(self) -> Path:
        return self.bench.workspace.home / "archive"

    @property
    def one(self) -> str:
        return f"ipfs://{self.bench.head.root}/note/00/00/00/01.txt#{KEY.public.vkey}"

    def header(self) -> str:
        found = self.chain.header(self.height)
        assert found is not None
        return f"{self.height} {bytes(found).hex()}\n"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "reader"))
    monkeypatch.chdir(tmp_path)
    bench, chain = Bench(tmp_path), Chain()
    bench.publish(bench.write("1.md", "Told first."))
    size, said = bench.head.size, bench.workspace.archive.announcement() or b""
    proof = make_proof(said)
    bench.publish(bench.write("2.md", "Told second."))
    name = (*folder_of(size), "ethereum-2.json")
    pairs: list[tuple[TreePath, bytes]] = [(name, bytes(proof)), *pair_for(bench.head, chain)]
    bench.prepare()
    bench.publisher.write_edition(anchors=laying(pairs))
    yield Archive(bench, chain, ethereum.parse_header(proof.header), 800_000)
    bench.workspace.archive.close()


def verify(archive: Archive, *options: str | Path) -> Finished:
    return run_mirror("verify", "--key", KEY.public.vkey, *options, archive.folder)


def existed_by(finished: Finished) -> list[str]:
    """What stands behind `existed by`, a line each, without blanks at its ends."""
    lines = finished.out.split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("existed by"))
    found = [lines[at][len("existed by") :].strip()]
    for line in lines[at + 1 :]:
        if not line.startswith(" "):
            break
        found.append(line.strip())
    return found


NO_MORE = "an anchor shows time: not who wrote, nor that no other log was anchored"


def test_a_hash_and_a_header_date_both_anchors(archive: Archive, tmp_path: Path) -> None:
    headers = tmp_path / "bitcoin.txt"
    headers.write_text(archive.header())
    finished = verify(archive, "--block-hash", "0x" + archive.block.hash.hex().upper(), "--headers", headers)
    assert finished.code == 0
    assert existed_by(finished) == [
        f"holds        {EARLIER}: the first 2 of 3 entries, by Ethereum block 23000000, whose hash you gave",
        f"{DAY}: all 3 entries, by Bitcoin block 800000, whose header you gave",
        NO_MORE,
    ]


def test_without_them_it_says_what_to_look_up(archive: Archive) -> None:
    finished = verify(archive)
    assert finished.code == 0
    assert existed_by(finished) == [
        "not checked  give the header of Bitcoin block 800000 with --headers, or ask with --bitcoin URL; "
        "its hash alone is not enough",
        "give the hash of Ethereum block 23000000 with --block-hash, its header with --headers, "
        "or ask with --ethereum URL",
    ]
    assert verify(archive, "--require", "existed by").code == 3


def test_one_testimony_is_dated_by_what_covers_it(archive: Archive) -> None:
    hash_of_block = archive.block.hash.hex()
    dated = run_mirror("verify", "--from", archive.folder, "--block-hash", hash_of_block, archive.one)
    assert existed_by(dated) == [
        f"holds        {EARLIER}: #1 was listed, by Ethereum block 23000000, whose hash you gave",
        NO_MORE,
    ]
    later = archive.one.replace("01.txt", "02.txt")
    assert existed_by(run_mirror("verify", "--from", archive.folder, "--block-hash", hash_of_block, later)) == [
        "not checked  give the header of Bitcoin block 800000 with --headers, or ask with --bitcoin URL; "
        "its hash alone is not enough"
    ]


def test_all_of_them_are_in_the_document_and_in_what_is_verbose(archive: Archive) -> None:
    finished = run_mirror("--json", "verify", "--block-hash", archive.block.hash.hex(), archive.folder)
    found = json.loads(finished.out)["anchors"]
    assert [(each["size"], each["clock"], each["state"], each["day"]) for each in found] == [
        (2, "ethereum", "existed by", EARLIER),
        (3, "bitcoin", "not checked", None),
    ]
    assert found[0]["item"] == "anchor/00/00/00/02/ethereum-2.json"
    assert found[0]["block_hash"] == "0x" + archive.block.hash.hex()
    verbose = run_mirror("--verbose", "verify", "--block-hash", archive.block.hash.hex(), archive.folder)
    assert f"anchor       existed by   {EARLIER} anchor/00/00/00/02/ethereum-2.json: Ethereum block" in verbose.out


def test_those_who_are_asked_are_named(archive: Archive) -> None:
    with Explorer(archive.chain) as explorer, BitcoinNode(archive.chain) as node:
        finished = verify(archive, "--bitcoin", explorer.url, "--bitcoin", node.url)
        names = f"{explorer.url} and {node.url}"
        assert (
            existed_by(finished)[0]
            == f"holds        {DAY}: all 3 entries, by Bitcoin block 800000, according to {names}"
        )
        other = Chain()
        other.add(bytes(32))
        with Explorer(other) as liar:
            finished = verify(archive, "--bitcoin", explorer.url, "--bitcoin", liar.url)
            assert finished.code == 0
            assert "those who were asked disagree on Bitcoin block 800000" in existed_by(finished)[0]
            assert f"{liar.url} says {bitcoin.shown(other.headers[0].hash)}" in finished.out
            alone = verify(archive, "--bitcoin", liar.url)
            assert alone.code == 1
            assert "the proof leads to another block than Bitcoin block 800000" in alone.out


def test_who_does_not_answer_leaves_it_open(archive: Archive) -> None:
    with Explorer(archive.chain) as explorer:
        explorer.replies["GET"] = answering(b"", 503)
        finished = verify(archive, "--bitcoin", explorer.url, "--require", "existed by")
    assert finished.code == 3
    assert "nobody says what Bitcoin block 800000 is" in existed_by(finished)[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--block-hash", "0xab"), "a block's hash has 64 hexadecimal digits"),
        (("--headers", "wrong.txt"), "wrong.txt: line 1 of the file of headers is no header in hexadecimal"),
        (("--headers", "absent.txt"), "'absent.txt' does not exist"),
        (("--chain", "0"), "0 is not in the range"),
        (("--bitcoin", "ftp://x"), "--ethereum, --bitcoin: "),
    ],
)
def test_what_is_typed_wrong_is_wrong_usage(archive: Archive, options: tuple[str, ...], words: str) -> None:
    Path("wrong.txt").write_text("nothing\n")
    finished = verify(archive, *options)
    assert (finished.code, words in finished.err) == (2, True), finished


def test_a_false_anchor_is_named_and_the_exit_code_says_so(archive: Archive) -> None:
    bench = archive.bench
    lines = bench.head.checkpoint.text.encode()
    wrong = bytes(prove_bitcoin(b"something else", archive.chain))
    folder = folder_of(bench.head.size)
    bench.prepare()
    bench.publisher.write_edition(anchors=laying([((*folder, "checkpoint.txt.ots"), wrong)]))
    finished = verify(archive)
    assert finished.code == 1
    item = "anchor/00/00/00/03/checkpoint.txt.ots"
    assert existed_by(finished) == [f"false        {item}: the proof is over something else than checkpoint.txt"]
    assert f"1 item false: {item}" in finished.out
    assert bench.head.checkpoint.text.encode() == lines


BY_HAND = re.compile(r"<!-- not run: tests/test_verify_anchors.py runs it -->\n```sh\n(.*?)^```$", re.M | re.S)


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_header_of_bitcoin_is_read_by_hand_as_the_page_says(tmp_path: Path, shell: str) -> None:
    for program in (shell, "openssl", "basenc", "tac", "od"):
        need_program(program)
    chain = Chain()
    height = chain.add(bytes(range(32)))
    header = chain.headers[-1]
    (tmp_path / "headers.txt").write_text(f"{height} {bytes(header).hex()}\n")
    (script,) = BY_HAND.findall((CHECKOUT / "docs" / "anchors.md").read_text(encoding="utf-8"))
    ran = run_script(tmp_path, script, shell)
    assert ran.returncode == 0, ran
    shown = [bitcoin.shown(header.hash), bitcoin.shown(bytes(range(32))), DAY]
    assert ran.stdout.split("\n") == [*shown, ""]
