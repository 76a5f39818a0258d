"""An anchor on Ethereum: paid for once, whatever happens, and proven by bytes that a node could not invent.

The chain is a real node's; where it has to lie, somebody stands between.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crashing import run_killed
from daemons import Anvil
from eth_account import Account
from payers import Payer
from relay import Declines, Raw, Relay
from storyteller import Finished
from test_docs import documents

from mirror.anchor_ethereum import PAYMENTS_AT_MOST, Attempt, parse_attempt
from mirror.cli import paying
from mirror.errors import Malformed
from mirror.formats import ether, ethereum
from mirror.formats.payment import Payment
from mirror.store import vault

NAME = "ethereum-2.json"
COMPLETE, PENDING = f"2/{NAME}", f"2/pending/{NAME}"


@pytest.fixture
def payer(tmp_path: Path, chain: Anvil) -> Payer:
    return Payer(tmp_path, chain)


@pytest.fixture
def relay(payer: Payer, chain: Anvil) -> Iterator[Relay]:
    """Between the payer and the chain; the payer knows of it alone."""
    with Relay(chain) as made:
        payer.set(made.url)
        yield made


def ended(finished: Finished, code: int, *words: str) -> bool:
    """Whether it ended with that code and said all of these words; fails with all that it said where it did not."""
    assert finished.code == code, finished
    for each in words:
        assert each in finished.out + finished.err, finished
    return True


# All of it


def test_from_nothing_to_a_proof(payer: Payer, chain: Anvil) -> None:
    """What anchors.md tells: a look, a payment, blocks on top, the proof."""
    looked = payer.do("anchor", "ethereum", "--dry-run")
    assert ended(
        looked, 0, "chain         1, Ethereum", payer.account, "balance       1 ether", "0.0001", "ether at most"
    )
    assert "the announcement of edition 2, 2 entries" in looked.err
    assert (payer.waiting(), payer.kept()) == ([], [])

    assert ended(payer.anchor(), 0, "sent          0x", "waiting       to be mined; to go on: mirror anchor ethereum")
    chain.mine()
    assert ended(payer.anchor(), 0, "mined         in block 1, 1 block of 3 that are waited for")
    chain.mine(2)
    done = payer.anchor()
    assert ended(
        done,
        0,
        "block         1, 0x",
        "anchored      2 entries, ethereum-2.json",
        "the next edition takes the proof in",
    )

    proof = ethereum.parse_proof(payer.read_kept(COMPLETE))
    found, header = proof.check()
    note = (payer.home / "archive" / "announcement.txt").read_bytes()
    assert found.data == note
    assert (found.to, found.value, found.chain) == (found.sender(), 0, 1)
    assert ether.address_text(found.sender()) == payer.account
    assert f"0x{header.hash.hex()}" == chain.rpc("eth_getBlockByNumber", "0x1", False)["hash"]
    assert (payer.spent(), payer.waiting()) == (1, [])
    assert ended(payer.anchor(), 0, "anchored      2 entries already: ethereum-2.json")
    assert payer.spent() == 1


def test_the_documents_of_it(payer: Payer, chain: Anvil) -> None:
    asked = ("anchor", "ethereum", "--no-wait", "--yes")
    planned = payer.run("anchor", "ethereum", "--dry-run")
    assert (planned["state"], planned["account"], planned["transactions"]) == ("planned", payer.account, [])
    waiting = payer.run(*asked)
    assert (waiting["state"], waiting["size"], waiting["name"]) == ("waiting", 2, NAME)
    assert waiting["transactions"] == payer.waiting()
    chain.mine(3)
    complete = payer.run(*asked)
    assert (complete["state"], complete["block"], complete["blocks"]) == ("complete", 1, 3)
    assert complete["transaction"] == waiting["transactions"][0]
    assert complete["proof_bytes"] == len(payer.read_kept(COMPLETE))
    again = payer.run(*asked)
    assert again == {"size": 2, "name": NAME, "state": "complete"}
    listed = documents("anchor ethereum")
    assert [each for each in (planned, waiting, complete, again) if set(each) not in listed] == []
    assert {"account"} in listed
    assert {"kept"} in listed


def test_it_waits_for_blocks(payer: Payer, chain: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        chain.mine()

    monkeypatch.setattr(paying, "time", SimpleNamespace(sleep=sleep))
    done = payer.do("anchor", "ethereum", "--yes")
    assert ended(done, 0, "waiting       to be mined", "1 block of 3", "2 blocks of 3", "anchored      2 entries")
    assert slept == [paying.POLL] * 3


def test_whoever_interrupts_the_wait_takes_it_up(payer: Payer, chain: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(paying, "time", SimpleNamespace(sleep=interrupt))
    assert ended(
        payer.do("anchor", "ethereum", "--yes"), 130, "nothing is paid twice; it goes on with: mirror anchor ethereum"
    )
    chain.mine(3)
    assert ended(payer.do("anchor", "ethereum"), 0, "anchored      2 entries")
    assert payer.spent() == 1


def test_a_node_that_is_silent_for_a_while_is_waited_for(
    payer: Payer, chain: Anvil, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(100))

    def sleep(_: float) -> None:
        at = next(moments)
        chain.mine()
        if at < 5:
            relay.says["eth_blockNumber"] = Raw(b"", 503)
        else:
            relay.says.clear()

    monkeypatch.setattr(paying, "time", SimpleNamespace(sleep=sleep))
    assert ended(payer.do("anchor", "ethereum", "--yes"), 0, "anchored      2 entries")


def test_a_node_that_stays_silent_ends_the_wait(payer: Payer, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = SimpleNamespace(sleep=lambda _: relay.says.update(eth_blockNumber=Raw(b"", 503)))
    monkeypatch.setattr(paying, "time", silent)
    assert ended(payer.do("anchor", "ethereum", "--yes"), 3, "answers HTTP 503")
    assert relay.asked.count("eth_blockNumber") == 2 + paying.SILENT_AT_MOST + 1
    assert payer.kept() == [PENDING]


# Nobody pays who did not say so


def test_nothing_is_paid_without_a_yes(payer: Payer) -> None:
    assert ended(payer.do("anchor", "ethereum"), 4, "nobody is here to ask: pay this?", "look first with --dry-run")
    assert (payer.waiting(), payer.kept()) == ([], [])


def test_another_chain_is_refused(tmp_path: Path, make_chain: Callable[..., Anvil]) -> None:
    payer = Payer(tmp_path, make_chain(chain=5))
    assert ended(payer.anchor(), 4, "is on chain 5, and mirror.toml says 1", "name a node of that chain")
    payer.set(payer.chain.url, chain=5)
    assert ended(payer.anchor(), 0, "chain         5", "sent          0x")


def test_one_chain_does_not_stand_for_another(payer: Payer, make_chain: Callable[..., Anvil]) -> None:
    trial = make_chain(chain=5)
    trial.give(payer.account, 1)
    home = payer.chain
    payer.set(trial.url, chain=5)
    assert ended(payer.anchor(), 0, "chain         5")
    payer.set(home.url)
    assert ended(payer.anchor(), 4, "was paid for on another chain than 1, and is in no edition yet", "set chain back")
    payer.set(trial.url, chain=5)
    trial.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    payer.set(home.url)
    assert ended(payer.anchor(), 4, "was paid for on another chain than 1")
    assert ended(payer.do("publish", "--yes"), 0, "takes in  ethereum-2.json", "edition 3")
    assert ended(payer.anchor(), 0, "chain         1", "the announcement of edition 3")
    home.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries, ethereum-3.json")
    assert ended(payer.anchor(), 0, "already: ethereum-3.json")


def test_one_of_two_nodes_on_another_chain_is_refused(
    payer: Payer, chain: Anvil, make_chain: Callable[..., Anvil]
) -> None:
    other = make_chain(chain=5)
    payer.set(chain.url, other.url)
    assert ended(payer.anchor(), 4, f"Ethereum node ({other.url}) is on chain 5")
    assert payer.waiting() == []


def test_an_account_without_money_is_refused(payer: Payer, chain: Anvil) -> None:
    chain.give(payer.account, 0.00005)
    assert ended(
        payer.anchor(), 4, f"{payer.account} has 0.00005 ether, and it could cost 0.000", "put more ether into"
    )
    assert payer.kept() == []


def test_money_that_went_meanwhile_is_said(payer: Payer, chain: Anvil, relay: Relay) -> None:
    relay.says["eth_getBalance"] = hex(10**18)
    chain.give(payer.account, 0)
    assert ended(payer.anchor(), 4, "nsufficient funds", "put more ether into the account, then try again")
    chain.give(payer.account, 1)
    assert ended(payer.anchor(), 0, "sent          0x")


def test_more_than_the_settings_allow_is_refused(payer: Payer, chain: Anvil, relay: Relay) -> None:
    relay.says["eth_maxPriorityFeePerGas"] = hex(10**15)
    assert ended(
        payer.anchor(), 4, "it could cost 3", "ether, and mirror.toml allows 0.01", "raise at_most of [ethereum]"
    )
    relay.says.clear()
    payer.set(relay.url, at_most="0.0001")
    assert ended(payer.anchor(), 4, "mirror.toml allows 0.0001")
    payer.set(relay.url, at_most="0.0002")
    assert ended(payer.anchor(), 0)


def test_gas_beyond_what_data_take_is_refused(payer: Payer, relay: Relay) -> None:
    relay.says["eth_estimateGas"] = lambda params, truth: hex(4 * int(truth, 16) + 1)
    assert ended(payer.anchor(), 4, "says that it takes", "is what its data take")
    relay.says["eth_estimateGas"] = lambda params, truth: hex(2 * int(truth, 16))
    planned = payer.run("anchor", "ethereum", "--dry-run")
    relay.says["eth_estimateGas"] = "0x5208"
    assert payer.run("anchor", "ethereum", "--dry-run")["gas"] * 2 == planned["gas"]


def test_an_account_that_runs_code_is_refused(payer: Payer, chain: Anvil) -> None:
    chain.rpc("anvil_setCode", payer.account, "0x6000")
    assert ended(payer.anchor(), 4, "is an account that runs code")


def test_a_node_that_is_absent_is_named(payer: Payer, chain: Anvil) -> None:
    chain.stop()
    assert ended(payer.anchor(), 3, f"Ethereum node ({chain.url}) cannot be reached: nobody listens there")


def test_without_settings_it_says_what_to_write(payer: Payer) -> None:
    payer.set()
    assert ended(payer.anchor(), 2, "mirror.toml names no node of Ethereum", "[ethereum] and nodes = ")


def test_ten_megabytes_are_no_answer(payer: Payer, relay: Relay) -> None:
    relay.says["eth_getBalance"] = Raw(b'{"result":"' + b"a" * 10_000_000)
    assert ended(payer.anchor(), 3, "answers with more than 1048576 bytes")
    assert payer.kept() == []


# Never twice


def test_killed_at_any_moment_it_pays_once(payer: Payer, chain: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    payer.environment(monkeypatch)
    line = ["--home", str(payer.home), "anchor", "ethereum", "--no-wait", "--yes"]
    at, hashes = 0, set()
    while True:  # a run is killed at its first moment, the next at its second, until one comes to its end
        at += 1
        killed = run_killed(line, at=at)
        hashes.update(payer.waiting())
        if killed.code is not None:
            break
    assert killed.code == 0
    assert at > 3
    assert len(hashes) == 1
    chain.mine(3)
    at = 0
    while True:
        at += 1
        killed = run_killed(line, at=at)
        if killed.code is not None:
            break
    assert killed.code == 0
    assert ended(payer.anchor(), 0, "anchored      2 entries already")
    chain.mine(3)
    assert (payer.spent(), payer.waiting()) == (1, [])


def test_an_answer_that_is_lost_costs_nothing(payer: Payer, chain: Anvil, relay: Relay) -> None:
    def swallow(params: Any, truth: Any) -> Any:
        return None  # it was handed on, and what came of it never arrives

    relay.says["eth_sendRawTransaction"] = swallow
    assert ended(payer.anchor(), 3, "is not hexadecimal")
    (sent,) = payer.waiting()
    relay.says.clear()
    assert ended(payer.anchor(), 0, "waiting       to be mined")
    assert payer.waiting() == [sent]
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    assert payer.spent() == 1


def test_what_a_node_forgot_is_sent_again_byte_for_byte(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    (sent,) = payer.waiting()
    chain.rpc("anvil_dropTransaction", sent)
    assert payer.waiting() == []
    assert ended(payer.anchor(), 0, f"sent          {sent}")
    assert payer.waiting() == [sent]


def test_a_faster_one_takes_its_place(payer: Payer, chain: Anvil) -> None:
    assert ended(payer.anchor("--faster"), 4, "no payment is under way, for which more could be offered")
    payer.anchor()
    (slow,) = payer.waiting()
    assert ended(payer.anchor("--faster"), 0, "costs ", "sent          0x")
    (fast,) = payer.waiting()
    assert fast != slow
    attempt = parse_attempt(payer.read_kept(PENDING))
    assert [f"0x{each.hex()}" for each in attempt.hashes] == [slow, fast]
    chain.mine(3)
    assert ended(payer.anchor(), 0, f"transaction   {fast}")
    assert payer.spent() == 1


def test_too_low_an_offer_can_be_raised(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    (slow,) = payer.waiting()
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**11))
    chain.mine()
    assert ended(payer.anchor(), 4, "max fee per gas less than block base fee", "--faster")
    assert ended(payer.anchor("--faster"), 0, "sent          0x")
    (fast,) = payer.waiting()
    assert fast != slow
    chain.mine(3)
    assert ended(payer.anchor(), 0, f"transaction   {fast}", "block         2")
    assert payer.spent() == 1


def test_it_is_said_that_gas_became_dearer(payer: Payer, relay: Relay) -> None:
    payer.anchor()
    relay.says["eth_getBlockByNumber"] = lambda params, truth: truth | {"baseFeePerGas": hex(10**11)}
    assert ended(payer.anchor(), 0, "waiting       to be mined", "gas costs more now than was offered", "with --faster")


def test_whichever_of_them_is_mined_counts(payer: Payer, chain: Anvil, relay: Relay) -> None:
    payer.anchor()
    (slow,) = payer.waiting()
    relay.says["eth_sendRawTransaction"] = Declines("replacement transaction underpriced")
    assert ended(payer.anchor("--faster"), 4, "replacement transaction underpriced", "--faster")
    chain.mine(3)
    assert ended(payer.anchor(), 0, f"transaction   {slow}")
    assert payer.spent() == 1


def test_one_that_cannot_be_made_any_more_is_given_up_late(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    (sent,) = payer.waiting()
    chain.rpc("anvil_dropTransaction", sent)
    chain.rpc("anvil_impersonateAccount", payer.account)
    other = {"from": payer.account, "to": chain.rich, "value": "0x1", "nonce": "0x0"}
    chain.rpc("eth_sendTransaction", other)
    chain.mine()
    assert ended(payer.anchor(), 0, "waiting       to be mined")
    assert payer.kept() == [PENDING]
    chain.mine(3)
    assert ended(payer.anchor(), 4, "the payment can never be made", "nothing was paid for this one")
    assert payer.kept() == []
    assert ended(payer.anchor(), 0, "sent          0x")
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")


def test_a_node_that_hides_a_payment_does_not_make_another(payer: Payer, chain: Anvil, relay: Relay) -> None:
    payer.set(relay.url, chain.url)
    payer.anchor()
    relay.says["eth_getTransactionReceipt"] = None
    chain.mine(5)
    assert ended(payer.anchor(), 0, "waiting       to be mined")
    assert payer.kept() == [PENDING]
    del relay.says["eth_getTransactionReceipt"]
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    assert payer.spent() == 1


def test_a_damaged_payment_under_way_is_not_paid_again(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    path = payer.home / "secret" / "anchors" / PENDING
    path.write_bytes(path.read_bytes()[:-9])
    chain.mine(3)
    assert ended(
        payer.anchor(), 1, f"{path}: the payments is not valid JSON", "take it from a backup: a payment may be on its"
    )
    assert payer.spent() == 1


@pytest.mark.parametrize("how", ["cut", "changed"])
def test_a_damaged_proof_is_gathered_anew(payer: Payer, chain: Anvil, how: str) -> None:
    payer.anchored()
    path, whole = payer.home / "secret" / "anchors" / COMPLETE, payer.read_kept(COMPLETE)
    damaged = whole[:-9] if how == "cut" else whole[:-9] + (b"0" if whole[-9:-8] != b"0" else b"1") + whole[-8:]
    path.write_bytes(damaged)
    assert ended(
        payer.anchor(), 0, "what was kept of ethereum-2.json was damaged; it is gathered anew", "anchored      2 ent"
    )
    assert payer.read_kept(COMPLETE) == whole
    path.write_bytes(damaged)
    (payer.home / "secret" / "anchors" / PENDING).unlink()
    (told := payer.home.parent / "new.txt").write_text("Told of a summer.")
    published = payer.do("publish", told, "--language", "en", "--no-tokens", "--yes")
    assert ended(published, 0, f"{path}: ", "ethereum-2.json for the log of 2 entries is left out")
    assert payer.spent() == 1


def test_what_is_under_way_goes_first(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    payer.publish(["Told of a summer."])
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries, ethereum-2.json")
    assert ended(
        payer.anchor(),
        0,
        "the announcement of edition 4" if "4/" in str(payer.kept()) else "the announcement of edition",
    )
    assert payer.spent() == 1
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      3 entries")
    assert payer.spent() == 2


def test_the_cost_of_a_faster_one_is_bounded_too(payer: Payer, relay: Relay) -> None:
    payer.anchor()
    relay.says["eth_maxPriorityFeePerGas"] = hex(10**15)
    assert ended(payer.anchor("--faster"), 4, "mirror.toml allows 0.01")
    assert len(parse_attempt(payer.read_kept(PENDING)).payments) == 1


def test_a_payment_under_way_is_in_a_backup(payer: Payer, chain: Anvil, tmp_path: Path) -> None:
    payer.anchor()
    (sent,) = payer.waiting()
    payer.run("backup", tmp_path / "voices.age")
    chain.rpc("anvil_dropTransaction", sent)
    (home := payer.home).rename(tmp_path / "lost")
    payer.home = tmp_path / "restored"
    payer.run("backup", "--restore", tmp_path / "voices.age")
    assert payer.home != home
    assert ended(payer.anchor(), 0, f"sent          {sent}")
    assert payer.waiting() == [sent]


def test_a_keeper_anchors_nothing(payer: Payer, tmp_path: Path) -> None:
    payer.run("export", "-o", tmp_path / "voices.car")
    payer.home = tmp_path / "keeper"
    payer.run("import", tmp_path / "voices.car")
    assert ended(payer.anchor(), 4, "has no key: only who makes editions can put an anchor into one")


# Reorganised


def test_a_block_that_is_left_before_it_is_final_is_waited_for_again(payer: Payer, chain: Anvil) -> None:
    payer.anchor()
    chain.mine(2)
    assert ended(payer.anchor(), 0, "mined         in block 1, 2 blocks")
    chain.rpc("anvil_rollback", 2)
    assert ended(payer.anchor(), 0, "sent          0x", "waiting       to be mined")
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    assert payer.spent() == 1


def test_a_chain_reorganised_after_the_proof_was_gathered_is_noticed(payer: Payer, chain: Anvil) -> None:
    assert ended(payer.anchored(), 0, "anchored      2 entries")
    before = ethereum.parse_proof(payer.read_kept(COMPLETE))
    chain.rpc("anvil_rollback", 3)
    chain.rpc("evm_increaseTime", 60)
    assert ended(payer.anchor(), 0, "ethereum-2.json holds no more: the chain was reorganised", "sent          0x")
    assert COMPLETE not in payer.kept()
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    after = ethereum.parse_proof(payer.read_kept(COMPLETE))
    assert before.block != after.block
    assert before.transaction == after.transaction
    assert payer.spent() == 1


def test_an_edition_takes_in_what_still_holds(payer: Payer, chain: Anvil) -> None:
    payer.anchored()
    chain.rpc("anvil_rollback", 3)
    done = payer.do("publish", "--yes")
    assert "ethereum-2.json holds no more: the chain was reorganised" in done.err, done
    assert (payer.kept(), payer.run("status")["edition"]) == ([PENDING], 2)
    payer.anchored()
    assert ended(payer.do("publish", "--yes"), 0, "takes in  ethereum-2.json", "edition 3, 2 entries")
    assert PENDING not in payer.kept()


def test_an_edition_takes_in_what_nobody_can_be_asked_about(payer: Payer, chain: Anvil) -> None:
    payer.anchored()
    chain.stop()
    assert ended(payer.do("publish", "--yes"), 0, "not asked again: Ethereum node", "takes in  ethereum-2.json")


# Lies


def test_nodes_that_disagree_are_named(payer: Payer, chain: Anvil, make_chain: Callable[..., Anvil]) -> None:
    other = make_chain()
    other.mine(5)
    payer.set(chain.url, other.url)
    payer.anchor()
    chain.mine(3)
    assert ended(payer.anchor(), 1, f"for Ethereum node ({other.url})", "one of the nodes lies")
    assert payer.kept() == [PENDING]
    payer.set(chain.url)
    assert ended(payer.anchor(), 0, "anchored      2 entries")


LIES: dict[str, tuple[str, Callable[[Any, Any], Any], int, str]] = {
    "a block that it is not in": (
        "eth_getTransactionReceipt",
        lambda params, truth: truth and truth | {"blockHash": "FIRST", "blockNumber": "0x0"},
        1, "in block 0, and it is not",
    ),
    "another number": (
        "eth_getTransactionReceipt", lambda params, truth: truth and truth | {"blockNumber": "0x0"}, 1,
        "says that it is in block 0, and that block is number 1",
    ),
    "a block that is none": (
        "eth_getTransactionReceipt", lambda params, truth: truth and truth | {"blockHash": "0x" + "11" * 32}, 3,
        "has no block 0x1111",
    ),
    "a wrong header": (
        "eth_getBlockByHash", lambda params, truth: truth | {"stateRoot": "0x" + "11" * 32}, 3, "do not give its hash",
    ),
    "another's branch": (
        "eth_getBlockByHash", lambda params, truth: truth | {"transactions": []}, 1, "that are not its own",
    ),
    "a block on no chain": (
        "eth_getBlockByNumber", lambda params, truth: "FIRST" if params[0] == "0x1" else truth, 1, "block 1 is not",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_no_lie_becomes_a_proof(payer: Payer, chain: Anvil, relay: Relay, name: str) -> None:
    method, lie, code, words = LIES[name]
    first = chain.rpc("eth_getBlockByNumber", "0x0", False)
    payer.anchor()
    chain.mine(3)

    def says(params: Any, truth: Any) -> Any:
        said = lie(params, truth)
        if isinstance(said, dict) and said.get("blockHash") == "FIRST":
            said["blockHash"] = first["hash"]
        return first if said == "FIRST" else said

    relay.says[method] = says
    assert ended(payer.anchor(), code, words)
    assert payer.kept() == [PENDING]
    relay.says.clear()
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    assert payer.spent() == 1


# Keys


def test_a_key_is_encrypted_and_made_once(payer: Payer) -> None:
    path = payer.home / "secret" / "ethereum.age"
    lock = vault.read_identities(payer.folder / "identity.txt")
    line = vault.unseal(path.read_bytes(), lock).decode()
    assert Account.from_key(line.strip()).address == payer.account
    assert path.stat().st_mode & 0o777 == 0o600
    assert ended(payer.do("anchor", "ethereum", "--new-key"), 4, "ethereum.age exists already and is not overwritten")


def test_a_key_is_shown_nowhere(payer: Payer, chain: Anvil, relay: Relay) -> None:
    lock = vault.read_identities(payer.folder / "identity.txt")
    secret = vault.unseal((payer.home / "secret" / "ethereum.age").read_bytes(), lock).decode().strip()
    said = [payer.anchor("--dry-run"), payer.anchor(), payer.anchor("--faster")]
    chain.mine(3)
    said.append(payer.anchor())
    shown = "".join(each.out + each.err for each in said).lower()
    assert secret[2:10].lower() not in shown
    others = [path for path in payer.folder.rglob("*") if path.is_file() and path.name != "identity.txt"]
    assert [path for path in others if bytes.fromhex(secret[2:]) in path.read_bytes()] == []
    assert [path for path in others if secret[2:].encode() in path.read_bytes()] == []


def test_a_key_is_taken_in(payer: Payer, tmp_path: Path) -> None:
    path = payer.home / "secret" / "ethereum.age"
    path.unlink()
    secret = "0x" + "5a" * 32
    (tmp_path / "key.txt").write_text(f"{secret}\n")
    assert ended(payer.do("anchor", "ethereum", "--import-key"), 4, "nobody is here to type a key")
    with (tmp_path / "key.txt").open() as file:
        done = payer.do("anchor", "ethereum", "--import-key", "--key-fd", str(file.fileno()))
    assert ended(done, 0, f"account       {Account.from_key(secret).address}")
    assert "5a5a" not in done.out + done.err


@pytest.mark.parametrize("line", ["", "0x12", "z" * 64, "0" * 64, "f" * 64, "5a" * 33])
def test_what_is_no_key_is_not_taken_in(payer: Payer, tmp_path: Path, line: str) -> None:
    (payer.home / "secret" / "ethereum.age").unlink()
    (tmp_path / "key.txt").write_text(line)
    with (tmp_path / "key.txt").open() as file:
        done = payer.do("anchor", "ethereum", "--import-key", "--key-fd", str(file.fileno()))
    assert ended(done, 2, "key")
    assert not line or line not in done.err
    assert not (payer.home / "secret" / "ethereum.age").exists()


def test_the_account_that_settings_name_has_to_be_the_keys(payer: Payer, chain: Anvil) -> None:
    payer.set(chain.url, account=chain.rich)
    assert ended(payer.anchor(), 4, f"the key is that of {payer.account}, and mirror.toml names 0xf39F")
    payer.set(chain.url, account=payer.account)
    assert ended(payer.anchor(), 0, "sent          0x")
    swapped = payer.account[:2] + payer.account[2:].swapcase()
    payer.set(chain.url, account=swapped)
    assert ended(payer.anchor("--faster"), 2, f"ethereum.account is mistyped: {swapped}")


def test_without_a_key_it_says_how_to_make_one(payer: Payer) -> None:
    (payer.home / "secret" / "ethereum.age").unlink()
    assert ended(payer.anchor(), 4, "there is no key of an account to pay with", "--new-key makes one")


def test_a_nodes_own_account_pays(payer: Payer, chain: Anvil) -> None:
    (payer.home / "secret" / "ethereum.age").unlink()
    payer.set(chain.url, signer="node", account=chain.rich)
    assert ended(payer.anchor(), 0, "sent          0x")
    chain.mine(3)
    assert ended(payer.anchor(), 0, "anchored      2 entries")
    found, _ = ethereum.parse_proof(payer.read_kept(COMPLETE)).check()
    assert f"0x{found.sender().hex()}" == chain.rich


def test_credentials_are_kept_and_shown_to_the_node(payer: Payer, relay: Relay, tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("a-token\n")
    with (tmp_path / "token.txt").open() as file:
        assert ended(
            payer.do("anchor", "ethereum", "--credentials", "--key-fd", str(file.fileno())),
            0,
            "kept in secret/services",
        )
    done = payer.anchor("--dry-run")
    assert ended(done, 0)
    assert b"authorization: bearer a-token" in relay.heads[-1].lower()
    assert "a-token" not in done.out + done.err


# Signed elsewhere


def sign(path: Path, secret: str) -> str:
    """What a signer without a network makes of the file: a raw transaction, in hexadecimal."""
    asked = json.loads(path.read_text())
    asked["data"] = asked.pop("input")
    del asked["from"]
    return "0x" + bytes(Account.from_key(secret).sign_transaction(asked).raw_transaction).hex()


SECRET = "0x" + "5a" * 32


@pytest.fixture
def apart(payer: Payer, chain: Anvil) -> Payer:
    """A payer whose key is on another machine."""
    (payer.home / "secret" / "ethereum.age").unlink()
    payer.account = Account.from_key(SECRET).address
    chain.give(payer.account, 1)
    payer.set(chain.url, signer="file", account=payer.account)
    return payer


@pytest.mark.parametrize("form", ["{}", " {}\n", '{{"raw": "{}"}}', '{{"rawTransaction": "{}", "hash": "0x1"}}'])
def test_it_is_signed_on_a_machine_without_a_network(apart: Payer, chain: Anvil, tmp_path: Path, form: str) -> None:
    assert ended(apart.anchor(), 4, "mirror.toml says that it is signed elsewhere", "--unsigned FILE")
    out, back = tmp_path / "payment.json", tmp_path / "signed.txt"
    assert ended(apart.do("anchor", "ethereum", "--unsigned", out), 0, f"wrote {out}: sign it where the key is")
    assert (apart.kept(), apart.waiting()) == ([], [])
    back.write_text(form.format(sign(out, SECRET)))
    assert ended(apart.anchor("--signed", back), 0, "sent          0x", apart.account)
    assert ended(apart.anchor("--signed", back), 0, "waiting       to be mined")
    chain.mine(3)
    assert ended(apart.anchor(), 0, "anchored      2 entries")
    assert apart.spent() == 1


def test_a_second_payment_with_another_number_is_refused(apart: Payer, tmp_path: Path) -> None:
    out = tmp_path / "payment.json"
    apart.do("anchor", "ethereum", "--unsigned", out)
    (tmp_path / "one.txt").write_text(sign(out, SECRET))
    out.write_text(out.read_text().replace('"nonce": "0x0"', '"nonce": "0x1"'))
    (tmp_path / "two.txt").write_text(sign(out, SECRET))
    assert ended(apart.anchor("--signed", tmp_path / "one.txt"), 0)
    assert ended(apart.anchor("--signed", tmp_path / "two.txt"), 4, "with another nonce: both could be made")
    assert len(apart.waiting()) == 1


def test_what_an_edition_holds_is_not_paid_for_again(apart: Payer, chain: Anvil, tmp_path: Path) -> None:
    out, back, other = (tmp_path / name for name in ("payment.json", "signed.txt", "other.txt"))
    apart.do("anchor", "ethereum", "--unsigned", out)
    back.write_text(sign(out, SECRET))
    out.write_text(out.read_text().replace('"nonce": "0x0"', '"nonce": "0x1"'))
    other.write_text(sign(out, SECRET))
    apart.anchor("--signed", back)
    chain.mine(3)
    assert ended(apart.anchor(), 0, "anchored      2 entries")
    assert ended(apart.do("publish", "--yes"), 0, "takes in  ethereum-2.json")
    for signed in (back, other):
        assert ended(apart.anchor("--signed", signed), 4, "ethereum-2.json is in the edition already")
    assert (apart.kept(), apart.waiting(), apart.spent()) == ([COMPLETE], [], 1)


FORGED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another receiver": ({"to": "0x" + "11" * 20}, 1, "another receiver"),
    "a value": ({"value": "0x1"}, 1, "another value"),
    "another chain": ({"chainId": "0x5"}, 1, "another chain"),
    "other data": ({"input": "0x1234"}, 1, "the payment's data are no announcement"),
    "too dear": ({"maxFeePerGas": hex(10**15)}, 4, "mirror.toml allows 0.01"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_came_back_changed_is_not_sent(apart: Payer, tmp_path: Path, name: str) -> None:
    changes, code, words = FORGED[name]
    out, back = tmp_path / "payment.json", tmp_path / "signed.txt"
    apart.do("anchor", "ethereum", "--unsigned", out)
    out.write_text(json.dumps(json.loads(out.read_text()) | changes))
    back.write_text(sign(out, SECRET))
    assert ended(apart.anchor("--signed", back), code, words)
    assert (apart.kept(), apart.waiting()) == ([], [])


def test_what_another_key_signed_is_not_sent(apart: Payer, tmp_path: Path) -> None:
    out, back = tmp_path / "payment.json", tmp_path / "signed.txt"
    apart.do("anchor", "ethereum", "--unsigned", out)
    back.write_text(sign(out, "0x" + "6b" * 32))
    assert ended(apart.anchor("--signed", back), 1, "the transaction is signed by 0x")
    back.write_text("no transaction")
    assert ended(apart.anchor("--signed", back), 2, "it is no signed transaction in hexadecimal")
    assert apart.waiting() == []


def test_a_file_is_not_written_over(apart: Payer, tmp_path: Path) -> None:
    out = tmp_path / "payment.json"
    out.write_text("mine")
    assert ended(apart.do("anchor", "ethereum", "--unsigned", out), 4, "exists already and is not overwritten")
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--new-key", "--dry-run"], "are different things to do"),
        (["--signed", "mirror.toml", "--faster"], "--signed sends what is signed already"),
        (["--key-fd", "0"], "--key-fd goes with --import-key or --credentials"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(payer: Payer, words: list[str], said: str) -> None:
    given = [str(payer.home / word) if word == "mirror.toml" else word for word in words]
    assert ended(payer.do("anchor", "ethereum", *given), 2, said)


# What is kept


def test_what_is_kept_prints_back() -> None:
    made = [Payment(1, ITSELF, 7, 1, fee, 60_000, b"x").sign(bytes.fromhex(SECRET[2:])) for fee in (5, 6)]
    attempt = Attempt(tuple(made))
    assert parse_attempt(bytes(attempt)) == attempt
    assert attempt.newest.fee == 6
    other = Payment(1, ITSELF, 8, 1, 7, 60_000, b"x").sign(bytes.fromhex(SECRET[2:]))
    with pytest.raises(Malformed, match="not of one account and nonce"):
        parse_attempt(bytes(Attempt((*made, other))))
    with pytest.raises(Malformed, match="not a list of 1 to 16"):
        parse_attempt(bytes(Attempt((made[0],) * (PAYMENTS_AT_MOST + 1))))
    assert len(parse_attempt(bytes(Attempt((made[0],) * PAYMENTS_AT_MOST))).payments) == PAYMENTS_AT_MOST
    for data in (b"", b"[]", b'{"payments":[]}', b'{"payments":[5]}', b'{"payments":["0g"]}', b'{"payments":["00"]}'):
        with pytest.raises(Malformed):
            parse_attempt(data)


ITSELF = ether.address_of(bytes.fromhex(SECRET[2:]))
