"""A testimony on Ethereum: only what may stand there for ever, and only after its title was typed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import Anvil
from payers import Payer
from storyteller import Finished
from test_docs import documents
from test_terminal import Screen

from mirror.formats import ethereum

TITLE = "The winter term"


@pytest.fixture
def payer(tmp_path: Path, chain: Anvil) -> Payer:
    """#1 has no title, #2 has one, #3 was withdrawn."""
    made = Payer(tmp_path, chain)
    made.publish([f'+++\ntitle = "{TITLE}"\n+++\nTold of a winter term.\n'])
    made.publish(["Told of a day, and taken back."])
    made.run("withdraw", "3", "--yes")
    return made


def check(finished: Finished, code: int, *words: str) -> None:
    assert finished.code == code, finished
    for each in words:
        assert each in finished.out + finished.err, finished


@pytest.fixture
def at_screen(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Screen]:
    """Runs `mirror inscribe` at a terminal."""
    payer.environment(monkeypatch)
    return lambda *words: Screen("--home", str(payer.home), "inscribe", *words)


def test_it_is_put_there_once_its_title_was_typed(
    payer: Payer, chain: Anvil, at_screen: Callable[..., Screen], tmp_path: Path
) -> None:
    screen = at_screen("2", "--no-wait")
    screen.expect(f"the whole of #2, {TITLE}, with its signatures")
    screen.expect("ether at most")
    screen.expect("this is the whole text, and it can never be withdrawn, by nobody:")
    screen.expect("| Told of a winter term.")
    screen.expect(f"type its title, {TITLE}")
    screen.type(TITLE)
    screen.expect("waiting       to be mined; to go on: mirror inscribe 2")
    assert screen.close() == 0
    chain.mine(3)
    done = payer.do("inscribe", "2", "--no-wait", "--proof", tmp_path / "proof.json")
    check(done, 0, "transaction   0x", "block         1")
    found, _ = ethereum.parse_proof((tmp_path / "proof.json").read_bytes()).check()
    assert found.data.startswith(b"mirror/v1 testimony\n")
    assert f"Title: {TITLE}\n".encode() in found.data
    check(payer.do("inscribe", "2"), 0, "transaction   0x")
    (kept,) = (payer.home / "secret" / "inscriptions" / "2").glob("*.json")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-9])
    check(payer.do("inscribe", "2", "--no-wait"), 0, "transaction   0x")
    assert kept.read_bytes() == whole
    assert payer.spent() == 1
    assert payer.kept("inscriptions") == ["2/ethereum.json", "2/pending/ethereum.json"]


@pytest.mark.parametrize("typed", ["", "yes", "the winter term", f"{TITLE}."])
def test_anything_else_puts_nothing_there(payer: Payer, at_screen: Callable[..., Screen], typed: str) -> None:
    screen = at_screen("2")
    screen.expect("type its title")
    screen.type(typed)
    screen.expect("that is not what was to be typed; nothing was paid")
    assert screen.close() == 4
    assert (payer.waiting(), payer.kept("inscriptions")) == ([], [])


def test_without_a_title_a_phrase_is_typed(payer: Payer, at_screen: Callable[..., Screen]) -> None:
    screen = at_screen("1", "--no-wait")
    screen.expect('type "for ever"')
    screen.type("for ever")
    screen.expect("waiting")
    assert screen.close() == 0
    assert len(payer.waiting()) == 1


def test_nothing_stands_for_a_person(payer: Payer) -> None:
    check(payer.do("inscribe", "2"), 4, "nobody is here to type the title, and nothing else stands for it")
    check(payer.do("inscribe", "2", "--yes"), 2, "no such option --yes")
    assert payer.waiting() == []


def test_a_look_costs_nothing(payer: Payer) -> None:
    planned = payer.run("inscribe", "2", "--dry-run")
    assert (planned["state"], planned["size"], planned["account"]) == ("planned", 2, payer.account)
    assert set(planned) in documents("inscribe")
    assert payer.waiting() == []


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("3", "#3 was withdrawn, and is not put where nothing can be withdrawn"),
        ("0", "#0 is no testimony of this log"),
        ("4", "#4 is no testimony of this log"),
        ("9", "#9 is no testimony of this log"),
    ],
)
def test_what_must_not_stand_there_is_refused(payer: Payer, index: str, words: str) -> None:
    check(payer.do("inscribe", index), 4, words)
    assert payer.waiting() == []


def test_an_inscription_is_no_anchor(payer: Payer, at_screen: Callable[..., Screen]) -> None:
    screen = at_screen("1", "--no-wait")
    screen.expect("for ever")
    screen.type("for ever")
    assert screen.close() == 0
    assert payer.kept() == []
    payer.anchor()
    assert len(payer.waiting()) == 2
