"""A node that is honest, and one that is not there, is old, full, shut, or tells what is not so."""

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakenode import ENDLESS, Asked, FakeNode, Reply
from workbench import Bench

from mirror.errors import BadBlock, Malformed, MirrorError, Missing, Refused, Unavailable
from mirror.formats import car
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID, DAG_PB, LIBP2P_KEY
from mirror.network import kubo, rpc
from mirror.network.held import Authorization, Held
from mirror.network.http import Route
from mirror.network.kubo import Node

MIRROR = "voices.example"
ROOT, OTHER = CID.of_raw(b"root"), CID.of_raw(b"other")
KEY = CID(bytes([1, LIBP2P_KEY, 0, 36, 8, 1, 18, 32]) + bytes(32))


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode() as node:
        node.blocks = {ROOT: b"root", OTHER: b"other"}
        yield node


@pytest.fixture
def node(fake: FakeNode) -> Iterator[Node]:
    with Node("home", fake.address) as opened:
        yield opened


def edition(*blocks: bytes) -> io.BytesIO:
    """A CAR of these raw blocks, at its start."""
    file = io.BytesIO()
    writer = car.Writer(file)
    for data in blocks:
        writer.put(CID.of_raw(data), data)
    writer.seal(CID.of_raw(blocks[0]))
    file.seek(0)
    return file


def send(node: Node, file: io.BytesIO) -> int:
    return node.send(file, len(file.getvalue()), lambda done, total: None)


def failing(action: Callable[[], Any], kind: type[MirrorError] = Unavailable) -> MirrorError:
    with pytest.raises(kind) as caught:
        action()
    return caught.value


# An honest one


def test_the_version_is_told(node: Node) -> None:
    assert node.probe() == "kubo 0.43.1"


def test_the_first_edition_is_pinned_by_name(fake: FakeNode, node: Node) -> None:
    node.pin(ROOT, MIRROR, instead_of=None)
    assert fake.pins == {str(ROOT): MIRROR}
    assert node.held(MIRROR) == [Held(ROOT, "pinned")]
    assert node.held("other.example") == []
    assert node.state(ROOT) == Held(ROOT, "pinned")
    assert node.state(OTHER) is None


def test_a_later_edition_moves_the_pin(fake: FakeNode, node: Node) -> None:
    node.pin(ROOT, MIRROR, instead_of=None)
    node.pin(OTHER, MIRROR, instead_of=ROOT)
    assert fake.pins == {str(OTHER): MIRROR}
    assert fake.commands().count("pin/add") == fake.commands().count("pin/update") == 1


def test_to_pin_again_after_a_lost_answer_changes_nothing(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(OTHER): MIRROR}
    node.pin(OTHER, MIRROR, instead_of=ROOT)
    assert fake.pins == {str(OTHER): MIRROR}


def test_without_the_old_pin_the_new_one_is_made(fake: FakeNode, node: Node) -> None:
    node.pin(OTHER, MIRROR, instead_of=ROOT)
    assert fake.pins == {str(OTHER): MIRROR}


def test_the_old_pin_goes_where_both_are_there(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(ROOT): MIRROR, str(OTHER): "by hand"}
    node.pin(OTHER, MIRROR, instead_of=ROOT)
    assert fake.pins == {str(OTHER): MIRROR}


def test_an_edition_instead_of_itself_stays(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(ROOT): MIRROR}
    node.pin(ROOT, MIRROR, instead_of=ROOT)
    assert fake.pins == {str(ROOT): MIRROR}


def test_unpinning_twice_is_no_error(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(ROOT): MIRROR}
    node.unpin(ROOT)
    node.unpin(ROOT)
    assert fake.pins == {}


def test_a_car_is_sent_in_pieces_and_counted(fake: FakeNode, node: Node) -> None:
    fake.blocks = {}
    file = edition(*(bytes([at]) * 2**20 for at in range(4)))
    told: list[tuple[int, int]] = []
    size = len(file.getvalue())
    assert node.send(file, size, lambda *done: told.append(done)) == 4
    assert told[-1] == (size, size)
    assert len(told) == 5
    assert fake.blocks.keys() == {CID.of_raw(bytes([at]) * 2**20) for at in range(4)}
    assert fake.asked[-1].options["pin-roots"] == "false"
    assert fake.pins == {}


def test_a_car_goes_over_a_line_that_is_there_already(fake: FakeNode, node: Node) -> None:
    send(node, edition(b"a"))
    assert fake.commands() == ["version", "dag/import"]
    assert len({asked.line for asked in fake.asked}) == 1


def test_blocks_are_read_and_hashed_again(fake: FakeNode, node: Node) -> None:
    assert node.block(ROOT) == b"root"
    assert node.has(ROOT)
    assert {asked.options["offline"] for asked in fake.asked} == {"true"}


def test_what_it_does_not_hold_is_missing(node: Node) -> None:
    absent = CID.of_raw(b"absent")
    assert not node.has(absent)
    assert failing(lambda: node.block(absent), Missing).message.endswith(f" does not hold block {absent}")
    assert failing(lambda: list(node.export(absent)), Missing).message.endswith(f" does not hold {absent}")


def test_the_longest_block_is_read(fake: FakeNode, node: Node) -> None:
    data = bytes(BLOCK_AT_MOST)
    fake.blocks[CID.of_raw(data)] = data
    assert node.block(CID.of_raw(data)) == data


def test_blocks_are_removed_but_those_that_a_pin_keeps(
    fake: FakeNode, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubo, "REMOVED_AT_ONCE", 2)
    fake.pins = {str(ROOT): "by hand"}
    absent = CID.of_raw(b"absent")
    assert node.remove([ROOT, OTHER, absent]) == {ROOT: f"pinned via {ROOT}"}
    assert fake.blocks.keys() == {ROOT}
    assert fake.commands() == ["block/rm"] * 2
    assert node.remove([]) == {}


def test_the_pins_that_hold_a_block_are_named(fake: FakeNode, node: Node, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    fake.blocks = dict(car.blocks(io.BytesIO(bench.car.read_bytes())))
    root = bench.workspace.archive.head()
    bench.workspace.archive.close()
    inner = next(cid for cid in fake.blocks if cid.codec != DAG_PB)
    assert node.pins_that_hold(inner) == []
    fake.pins = {str(root): "by hand"}
    assert node.pins_that_hold(inner) == [("by hand", root)]
    assert node.pins_that_hold(root) == [("by hand", root)]


@pytest.mark.parametrize(
    ("pin", "held"),
    [
        ({"Type": "recursive", "Name": "by\nhand"}, [("by hand", ROOT)]),
        ({"Type": "direct", "Name": ""}, [("", ROOT)]),
        ({"Type": "indirect through bafk2bzaceaswza5ss4iu2"}, [("bafk2bzaceaswza5ss4iu2", ROOT)]),
        ({"Type": f"indirect through {OTHER}"}, [("x [31m", OTHER)]),
    ],
)
def test_what_a_pin_is_called_is_fit_to_be_shown(fake: FakeNode, node: Node, pin: Any, held: Any) -> None:
    def reply(asked: Asked) -> Reply:
        cid = asked.words[0]
        return Reply.of({"Keys": {cid: pin if cid == str(ROOT) else {"Type": "recursive", "Name": "x\x1b[31m"}}})

    fake.says("pin/ls", reply)
    assert node.pins_that_hold(ROOT) == held


def test_a_tree_is_exported(fake: FakeNode, node: Node) -> None:
    exported = b"".join(node.export(ROOT))
    assert dict(car.blocks(io.BytesIO(exported))) == {ROOT: b"root"}
    assert fake.asked[-1].options["offline"] == "true"


def test_pins_of_kinds_that_we_do_not_read_are_left_out(fake: FakeNode, node: Node) -> None:
    fake.pins = {"bafk2bzaceaswza5ss4iu2ia3galz6pyo6dfm5f4dmiw2lf2de22dmf4k533ba": "blake2b", str(ROOT): ""}
    assert list(node.pins()) == [("", ROOT)]


@pytest.mark.parametrize("version", ["0.43.1", "0.40.0"])
def test_a_name_is_put_and_found(fake: FakeNode, node: Node, version: str) -> None:
    fake.version = version
    node.put_name(b"record", KEY)
    assert node.get_name(KEY) == b"record"
    assert fake.asked[1].options == {"force": "true"}


def test_a_name_is_put_and_found_at_an_older_one(fake: FakeNode, node: Node) -> None:
    fake.version = "0.39.0"
    fake.says("routing/put", Reply.of({"Type": 5, "Extra": ""}))
    node.put_name(b"record", KEY)
    assert fake.commands() == ["version", "routing/put"]
    fake.names = {str(KEY): b"record"}
    assert node.get_name(KEY) == b"record"


@pytest.mark.parametrize("version", ["0.43.1", "0.39.0"])
def test_a_name_that_nobody_knows_is_missing(fake: FakeNode, node: Node, version: str) -> None:
    fake.version = version
    assert f" finds no record of the name {KEY}" in failing(lambda: node.get_name(KEY), Missing).message


def test_a_newer_name_stands_in_the_way(fake: FakeNode, node: Node) -> None:
    fake.says("name/put", Reply.error("can't replace a newer value with an older value"))
    error = failing(lambda: node.put_name(b"record", KEY), Refused)
    assert error.message.endswith(" knows a newer record of this name")


def test_the_authorization_goes_along(fake: FakeNode) -> None:
    with Node("home", fake.url, Authorization.bearer("abc")) as node:
        node.probe()
    assert fake.asked[0].headers["Authorization"] == "Bearer abc"


# Where it is


def test_with_a_proxy_only_a_node_on_this_machine_is_spoken_to(fake: FakeNode) -> None:
    route = Route("socks5h://127.0.0.1:9050")
    with Node("home", fake.address, route=route) as node:
        assert node.probe() == "kubo 0.43.1"
    error = failing(lambda: Node("far", "https://node.example.org", route=route), Refused)
    assert error.message == (
        "node far (https://node.example.org) is not on this machine, and is not spoken to around the proxy"
    )
    assert "ssh -L" in error.hint


def test_without_a_proxy_it_may_be_anywhere() -> None:
    assert Node("far", "https://node.example.org").who == "node far (https://node.example.org)"


def test_an_address_that_is_none_is_malformed() -> None:
    assert "not the address of a node" in failing(lambda: Node("home", "5001"), Malformed).message


# Versions


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.39.0", "kubo 0.39.0"),
        ("0.43.0-rc1", "kubo 0.43.0-rc1"),
        ("0.44.0-dev", "kubo 0.44.0-dev, newer than the 0.43 that this program was tested with"),
        ("1.0.0", "kubo 1.0.0, newer than the 0.43 that this program was tested with"),
    ],
)
def test_supported_versions(fake: FakeNode, node: Node, version: str, words: str) -> None:
    fake.version = version
    assert node.probe() == words


@pytest.mark.parametrize("version", ["0.38.2", "0.4.23", "0.0.1"])
def test_an_older_version_is_refused(fake: FakeNode, node: Node, version: str) -> None:
    fake.version = version
    error = failing(node.probe)
    assert error.message.endswith(f" is kubo {version}, older than 0.39")
    assert error.hint == "update it to 0.39 or later"


@pytest.mark.parametrize("version", ["", "43", "0.43", "v0.43.1", "0.٤٣.1", "0.43.1\n", "0.99999.1", "\x1b[31m"])
def test_what_is_no_version_is_not_believed(fake: FakeNode, node: Node, version: str) -> None:
    fake.version = version
    error = failing(node.probe)
    assert "answers what was not asked: version " in error.message
    assert error.message.isprintable()


# Faults: each command against each way of not answering

ACTIONS: dict[str, tuple[str, Callable[[Node], Any]]] = {
    "probe": ("version", lambda node: node.probe()),
    "held": ("pin/ls", lambda node: node.held(MIRROR)),
    "state": ("pin/ls", lambda node: node.state(ROOT)),
    "pin": ("pin/add", lambda node: node.pin(ROOT, MIRROR, instead_of=None)),
    "move": ("pin/update", lambda node: node.pin(ROOT, MIRROR, instead_of=OTHER)),
    "unpin": ("pin/rm", lambda node: node.unpin(OTHER)),
    "hold": ("pin/ls", lambda node: node.pins_that_hold(ROOT)),
    "send": ("dag/import", lambda node: send(node, edition(b"a"))),
    "has": ("block/stat", lambda node: node.has(ROOT)),
    "block": ("block/get", lambda node: node.block(ROOT)),
    "remove": ("block/rm", lambda node: node.remove([ROOT])),
    "put": ("name/put", lambda node: node.put_name(b"record", KEY)),
    "get": ("name/get", lambda node: node.get_name(KEY)),
}
each_action = pytest.mark.parametrize("action", ACTIONS)


def faulty(fake: FakeNode, node: Node, action: str, reply: Reply | bytes) -> MirrorError:
    """What an action raises where its command is answered so."""
    command, act = ACTIONS[action]
    fake.pins = {str(OTHER): MIRROR}
    fake.says(command, reply)
    error = failing(lambda: act(node), MirrorError)
    assert error.message.startswith(f"node home ({fake.address}) ")
    assert error.message.isprintable()
    assert len(error.message) < 700
    return error


@each_action
def test_nobody_answers(action: str) -> None:
    with FakeNode() as gone:
        address = gone.address
    node = Node("home", address)
    error = failing(lambda: ACTIONS[action][1](node))
    assert error.message == f"node home ({address}) cannot be reached: nobody listens there"


@each_action
@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials(fake: FakeNode, node: Node, action: str, status: int) -> None:
    error = faulty(fake, node, action, Reply(status, b"403 - Access Denied\n"))
    assert type(error) is Unavailable
    assert f" does not let us in (HTTP {status}): 403 - Access Denied" in error.message
    assert error.hint == "mirror pin --credentials home"


@each_action
def test_something_else_listens_there(fake: FakeNode, node: Node, action: str) -> None:
    error = faulty(fake, node, action, Reply(404, b"<html>\n\x1b[2Jnot here</html>"))
    assert " is not the RPC of a Kubo (HTTP 404): <html> [2Jnot here</html>" in error.message


@each_action
def test_it_refuses_in_its_own_words(fake: FakeNode, node: Node, action: str) -> None:
    error = faulty(fake, node, action, Reply.error("write" + " x" * 500 + ": no space left on device"))
    assert type(error) is Unavailable
    assert " says: write x x" in error.message
    assert error.message.endswith(" x x: no space left on device")
    assert error.hint == "its disk is full"


@each_action
def test_the_line_is_cut(fake: FakeNode, node: Node, action: str) -> None:
    error = faulty(fake, node, action, Reply(body=[b'{"Cid": "'], cut=True))
    assert error.message.endswith(" cannot be reached: the answer is not HTTP, or is cut off")


@each_action
def test_no_answer_in_time(fake: FakeNode, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in [(rpc, "READ"), *((kubo, name) for name in ("TAKEN_IN", "PINNED", "LOOKED_THROUGH", "NAMED"))]:
        monkeypatch.setattr(module, name, 0.1)
    command, act = ACTIONS[action]
    fake.pins = {str(OTHER): MIRROR}
    fake.waits(command)
    with Node("home", fake.address) as node:
        error = failing(lambda: act(node))
    assert error.message == f"node home ({fake.address}) cannot be reached: no answer in time"
    assert isinstance(error, Unavailable)
    assert error.how == "timed out"


TIMEOUTS = {
    "version": (rpc.CONNECT, rpc.READ),
    "pin/ls": (rpc.CONNECT, kubo.LOOKED_THROUGH),
    "pin/add": (rpc.CONNECT, rpc.READ),
    "pin/update": (rpc.CONNECT, kubo.PINNED),
    "pin/rm": (rpc.CONNECT, rpc.READ),
    "dag/import": (rpc.STALLED, kubo.TAKEN_IN),
    "block/stat": (rpc.CONNECT, rpc.READ),
    "block/get": (rpc.CONNECT, rpc.READ),
    "block/rm": (rpc.CONNECT, kubo.LOOKED_THROUGH),
    "name/put": (rpc.CONNECT, kubo.NAMED),
    "name/get": (rpc.CONNECT, kubo.NAMED),
}


@each_action
def test_each_command_has_its_own_patience(fake: FakeNode, node: Node, action: str) -> None:
    fake.pins, fake.names = {str(OTHER): MIRROR}, {str(KEY): b"record"}
    asked: dict[str, tuple[float, float]] = {}
    request = node._rpc._http.request

    def watched(path: str, *args: Any, **options: Any) -> Any:
        asked[path.removeprefix("/")] = options["timeout"]
        return request(path, *args, **options)

    node._rpc._http.request = watched
    command, act = ACTIONS[action]
    act(node)
    assert command in asked
    assert asked == {each: TIMEOUTS[each] for each in asked}


GARBAGE = [b"<html>", b"[]", b"null", b'{"Type": 1, "Keys": 1, "Pins": 1, "Cid": 1, "Hash": 1, "Stats": 1, "Key": 1}']


@pytest.mark.parametrize("action", [action for action in ACTIONS if action not in ("block", "get", "put")])
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_not_believed(fake: FakeNode, node: Node, action: str, body: bytes) -> None:
    error = faulty(fake, node, action, Reply(body=body))
    assert type(error) is Unavailable
    assert " answers what was not asked: " in error.message


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "held"])
def test_an_endless_answer_is_left(fake: FakeNode, node: Node, action: str) -> None:
    error = faulty(fake, node, action, Reply(body=ENDLESS))
    assert type(error) is Unavailable
    assert "answers with more than " in error.message or "a line of more than " in error.message


def test_endless_pins_are_left(fake: FakeNode, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "LINES_AT_MOST", 1000)
    line = b'{"Cid": "%s", "Name": "x", "Type": "recursive"}\n' % str(OTHER).encode()
    fake.says("pin/ls", Reply(body=itertools.repeat(line)))
    assert failing(lambda: node.held(MIRROR)).message.endswith(" answers with more than 1000 lines")


# Lies


def test_other_bytes_are_a_bad_block(fake: FakeNode, node: Node) -> None:
    fake.blocks[ROOT] = b"toor"
    assert failing(lambda: node.block(ROOT), BadBlock).message.endswith(
        f" answers with other bytes than those of block {ROOT}"
    )


@pytest.mark.parametrize("block", [b"", bytes(BLOCK_AT_MOST)])
def test_any_other_bytes_are(fake: FakeNode, node: Node, block: bytes) -> None:
    fake.says("block/get", Reply(body=block))
    assert f"other bytes than those of block {ROOT}" in failing(lambda: node.block(ROOT), BadBlock).message


def test_a_longer_block_than_any_is_not_read(fake: FakeNode, node: Node) -> None:
    fake.says("block/get", Reply(body=bytes(BLOCK_AT_MOST + 1)))
    assert f"more than {BLOCK_AT_MOST} bytes" in failing(lambda: node.block(ROOT)).message


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("state", {"Keys": {str(OTHER): {"Type": "recursive", "Name": ""}}}),
        ("state", {"Keys": {}}),
        ("state", {"Keys": {str(ROOT): {"Type": "direct", "Name": ""}}}),
        ("pin", {"Pins": [str(OTHER)]}),
        ("pin", {"Pins": []}),
        ("move", {"Pins": [str(ROOT), str(OTHER)]}),
        ("unpin", {"Pins": [str(ROOT)]}),
        ("has", {"Key": str(OTHER), "Size": 5}),
        ("remove", {"Hash": str(OTHER)}),
    ],
)
def test_an_answer_about_another_cid_is_not_believed(fake: FakeNode, node: Node, action: str, body: Any) -> None:
    error = faulty(fake, node, action, Reply.of(body))
    assert type(error) is Unavailable
    assert " answers what was not asked: " in error.message


def test_a_pin_without_its_block_has_failed(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(ROOT): MIRROR}
    del fake.blocks[ROOT]
    held = node.state(ROOT)
    assert held == Held(ROOT, "failed", copies=0, words="reports the pin, and does not hold the block that it is of")


def test_a_pin_with_another_block_is_a_bad_block(fake: FakeNode, node: Node) -> None:
    fake.pins = {str(ROOT): MIRROR}
    fake.blocks[ROOT] = b"toor"
    assert f"other bytes than those of block {ROOT}" in failing(lambda: node.state(ROOT), BadBlock).message


def test_an_import_that_says_nothing_is_not_believed(fake: FakeNode, node: Node) -> None:
    fake.says("dag/import", Reply(body=b""))
    assert " has no object 'Stats'" in failing(lambda: send(node, edition(b"a"))).message


def test_a_pin_that_failed_in_an_import_is_told(fake: FakeNode, node: Node) -> None:
    root = {"Root": {"Cid": {"/": str(ROOT)}, "PinErrorMsg": "no such\nblock"}}
    fake.says("dag/import", Reply.of(root, {"Stats": {"BlockCount": 1, "BlockBytesCount": 1}}))
    assert failing(lambda: send(node, edition(b"a"))).message.endswith(" says: no such block")


def test_an_import_that_pins_as_well_is_counted(fake: FakeNode, node: Node) -> None:
    root = {"Root": {"Cid": {"/": str(ROOT)}, "PinErrorMsg": ""}}
    fake.says("dag/import", Reply.of(root, {"Stats": {"BlockCount": 7, "BlockBytesCount": 1}}))
    assert send(node, edition(b"a")) == 7


def test_it_dies_in_mid_import_and_a_second_run_finishes(fake: FakeNode, node: Node) -> None:
    fake.blocks = {}
    fake.dies_after = 1_000_000
    file = edition(*(bytes([at]) * 2**20 for at in range(8)))
    assert failing(lambda: send(node, file)).message.startswith(f"node home ({fake.address}) cannot be reached: ")
    assert fake.blocks == {}
    fake.dies_after = None
    file.seek(0)
    assert send(node, file) == 8


def test_its_disk_is_full_in_mid_import_and_a_second_run_finishes(fake: FakeNode, node: Node) -> None:
    fake.blocks = {}
    fake.takes_at_most = 1000
    file = edition(b"x" * 2000)
    error = failing(lambda: send(node, file))
    assert error.message.endswith(" says: import failed: write /repo/blocks/put-1: no space left on device")
    assert error.hint == "its disk is full"
    fake.takes_at_most = None
    file.seek(0)
    assert send(node, file) == 1


def test_pinning_that_comes_no_further_is_left(fake: FakeNode, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubo, "IDLE_AT_MOST", 3)
    steps = [{}, {"Progress": 1}, {"Progress": 1}, {"Progress": 1}, {"Progress": 2}, {"Progress": 2}]
    fake.says("pin/add", Reply.of(*steps, {"Pins": [str(ROOT)]}))
    node.pin(ROOT, MIRROR, instead_of=None)
    fake.says("pin/add", Reply(body=itertools.repeat(b'{"Progress": 16}\n')))
    error = failing(lambda: node.pin(ROOT, MIRROR, instead_of=None))
    assert error.message.endswith(f" misses a block below {ROOT}: pinning came no further than 16 blocks")
    assert error.hint == "send the editions' blocks again: it may have lost some"


def test_moving_a_pin_in_vain_says_what_to_do(fake: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubo, "PINNED", 0.1)
    fake.pins = {str(OTHER): MIRROR}
    fake.waits("pin/update")
    with Node("home", fake.address) as node:
        error = failing(lambda: node.pin(ROOT, MIRROR, instead_of=OTHER))
    assert error.hint == "send the editions' blocks again: it may have lost some"
    assert fake.pins == {str(OTHER): MIRROR}


def test_a_record_that_is_too_long_is_not_read(fake: FakeNode, node: Node) -> None:
    fake.names = {str(KEY): bytes(kubo.RECORD_AT_MOST)}
    assert len(node.get_name(KEY)) == kubo.RECORD_AT_MOST
    fake.names = {str(KEY): bytes(kubo.RECORD_AT_MOST + 1)}
    assert f"more than {kubo.RECORD_AT_MOST} bytes" in failing(lambda: node.get_name(KEY)).message


@pytest.mark.parametrize(
    "lines", [[], [{"Type": 6, "Extra": ""}], [{"Type": 5, "Extra": 1}], [{"Type": 5, "Extra": "?"}]]
)
def test_an_older_nodes_record_is_looked_at(fake: FakeNode, node: Node, lines: list[Any]) -> None:
    fake.version = "0.39.0"
    fake.says("routing/get", Reply.of(*lines))
    assert " answers what was not asked: " in failing(lambda: node.get_name(KEY)).message
