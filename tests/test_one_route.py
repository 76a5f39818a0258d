"""One route out: a real SOCKS5 proxy carries every byte and every look-up, and nothing goes round it.

Each command that connects runs as a process of its own, through Debian's microsocks, while strace writes down whom it
speaks to. The counterparts have names that only the proxy can look up: a real gateway, and for what takes names and
pins the servers of other tests. Kubo nodes are on this machine or are not spoken to through a proxy at all, which
`test_name_command` and `test_kubo` show.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from anchored import folder_of, laying, pair_for
from calendar_server import Calendar, Chain, Explorer
from fakepins import FakeCluster, FakeService
from laid import Publisher
from onchain import make_proof
from relay import LOOKING, Relay
from serving import serving, shelf_of
from strategies import KEY
from test_name_command import Names
from watching import Microsocks, Watched, run_watched
from workbench import Bench

from mirror import anchor_ots
from mirror.anchor import checkpoint_at
from mirror.cli import main
from mirror.edition import Edition
from mirror.formats import ots
from mirror.store.archive import Archive

HOSTS = {"ethereum.test", "gateway.test", "routing.test", "cluster.test", "pins.test", "calendar.test", "explorer.test"}
"""Names that nobody has (RFC 6761) but the proxy's own file of hosts."""


@dataclass(frozen=True)
class Told:
    """A published mirror with the record of its name, and where all of it is to be had."""

    publisher: Publisher
    link: str
    root: str
    gateway: int
    note: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    publisher = Publisher(tmp_path_factory.mktemp("published"))
    publisher.publish(["What happened on a day."])
    publisher.run("key", "new", "anna.example", "-o", publisher.folder / "anna.age")
    named = publisher.run("name", "--record", publisher.folder / "voices.ipns-record")
    note = publisher.run("list")["entries"][1]["cid"]
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        yield Told(publisher, f"ipns://{named['name']}#{publisher.vkey}", named["index_hash"], asking.port, note)


@dataclass(frozen=True)
class Dated:
    """A mirror with an anchor of each kind, and the chain that one of them is in."""

    archive: Path
    chain: Chain


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Dated:
    bench, chain = Bench(tmp_path_factory.mktemp("dated")), Chain()
    proof = make_proof(bench.workspace.archive.announcement() or b"")
    pairs = [*pair_for(bench.head, chain), ((*folder_of(bench.head.size), "ethereum-1.json"), bytes(proof))]
    bench.prepare()
    bench.publisher.write_edition(anchors=laying(pairs))
    bench.workspace.archive.close()
    return Dated(bench.workspace.archive.folder, chain)


class Town:
    """Folders of a test's own, and everyone they speak to by names that only the proxy knows."""

    def __init__(self, folder: Path, told: Told, dated: Dated, services: list[int], proxy: str) -> None:
        self.folder = folder
        self.told = told
        self.proxy = proxy
        shutil.copytree(told.publisher.folder, folder, dirs_exist_ok=True)
        (folder / "new.txt").write_text("What happened on another day.")
        routing, cluster, pins, calendar, explorer, ethereum = services
        self.settings = (
            f'proxy = "{proxy}"\n'
            f'gateways = ["http://gateway.test:{told.gateway}"]\n'
            f'routing = ["http://routing.test:{routing}"]\n'
            f'anchor = ["ots"]\ncalendars = ["http://calendar.test:{calendar}"]\n'
            f'bitcoin = ["http://explorer.test:{explorer}"]\n'
            f'[service.ours]\nkind = "cluster"\naddress = "http://cluster.test:{cluster}"\n'
            f'[service.paid]\nkind = "pinning"\naddress = "http://pins.test:{pins}"\n'
            f'[ethereum]\nnodes = ["http://ethereum.test:{ethereum}"]\naccount = "0x{"11" * 20}"\n'
        )
        shutil.copytree(folder / "voices" / "archive", folder / "copy" / "archive")
        for home in ("voices", "reader", "copy"):
            (folder / home).mkdir(exist_ok=True)
            (folder / home / "mirror.toml").write_text(self.settings)
        self.words = {
            "LINK": told.link,
            "VKEY": told.publisher.vkey,
            "TREE": f"ipfs://{told.root}#{told.publisher.vkey}",
            "RECORD": str(folder / "voices.ipns-record"),
            "PROXY": proxy,
            "ROUTING": f"http://routing.test:{routing}",
            "NOTE": told.note,
            "GATEWAY": f"http://gateway.test:{told.gateway}",
            "DATED": str(dated.archive),
            "ITS_KEY": KEY.public.vkey,
            "EXPLORER": f"http://explorer.test:{explorer}",
            "NODE": f"http://ethereum.test:{ethereum}",
            "AT_GATEWAY": f"http://gateway.test:{told.gateway}/ipfs/{told.root}#{told.publisher.vkey}",
        }

    def run(self, line: str) -> Watched:
        arguments = [self.words.get(word, word) for word in line.split(" ")]
        identity = self.folder / "identity.txt"
        return run_watched(self.folder, arguments, MIRROR_STATE=self.folder / "state", MIRROR_IDENTITY_FILE=identity)


def stamped(folder: Path, told: Told, calendar: Calendar) -> None:
    """Lets the log's older checkpoint be promised a block, and be in one."""
    with Archive(told.publisher.home / "archive") as archive:
        digest = anchor_ots.digest_of(checkpoint_at(Edition(archive.head(), archive.blocks.get), 1))
    paths = ots.parse_answer(calendar.answer("POST /digest", digest)[1])
    path = folder / "voices" / "secret" / "anchors" / "1" / "pending" / "checkpoint.txt.ots"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(ots.proof_of(digest, paths)))
    calendar.commit()


@pytest.fixture
def town(tmp_path: Path, told: Told, dated: Dated) -> Iterator[tuple[Town, Microsocks]]:
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(Names(told.publisher.home.joinpath("archive/name.ipns-record").read_bytes()))
        fakes = [stack.enter_context(FakeCluster()), stack.enter_context(FakeService())]
        chain = Chain()
        chain.headers += dated.chain.headers
        calendar = stack.enter_context(Calendar(chain, "calendar.test"))
        explorer = stack.enter_context(Explorer(chain))
        stamped(tmp_path, told, calendar)
        ethereum = stack.enter_context(Relay(None))
        ethereum.says |= LOOKING
        others = (*fakes, calendar, explorer, ethereum)
        ports = [names.port, *(int(each.url.rpartition(":")[2]) for each in others)]
        (tmp_path / "proxy").mkdir()
        proxy = stack.enter_context(Microsocks(tmp_path / "proxy", sorted(HOSTS)))
        yield Town(tmp_path, told, dated, ports, proxy.url), proxy


COMMANDS = {
    "--home voices name": {"routing.test"},
    "--home voices name --renew": {"routing.test"},
    "--home reader name --put RECORD --for LINK": {"routing.test"},
    "--home reader name --look LINK": {"routing.test"},
    "--home voices status": {"cluster.test", "pins.test"},
    "--home voices pin --yes --node-shows-its-address": {"cluster.test", "pins.test"},
    "--home voices publish new.txt --language en --no-tokens --yes --pin --node-shows-its-address": {
        "calendar.test",
        "cluster.test",
        "explorer.test",
        "pins.test",
        "routing.test",
    },
    "--home voices anchor ots": {"calendar.test"},
    "--home voices anchor upgrade": {"calendar.test", "explorer.test"},
    "--home voices withdraw 1 --yes": {"cluster.test", "pins.test", "routing.test"},
    "--home voices anchor ethereum --dry-run": {"ethereum.test"},
    "--home voices inscribe 1 --dry-run": {"ethereum.test"},
    "--home reader reach LINK": {"gateway.test", "routing.test"},
    "--home reader verify LINK --key VKEY": {"gateway.test", "routing.test"},
    "--home reader verify AT_GATEWAY --key VKEY": {"gateway.test"},
    "--home reader verify DATED --key ITS_KEY --bitcoin EXPLORER --ethereum NODE": {"explorer.test", "ethereum.test"},
    "--home reader --proxy PROXY read TREE 1 --key VKEY": {"gateway.test"},
    "--home reader list LINK": {"gateway.test", "routing.test"},
    "--home reader sign new.txt --for LINK --key anna.age --language en --yes": {"gateway.test", "routing.test"},
    "--home keeper --proxy PROXY follow LINK --gateway GATEWAY --at ROUTING": {"gateway.test", "routing.test"},
    "--home keeper --proxy PROXY follow LINK --gateway GATEWAY": {"gateway.test"},
}
"""Each way of connecting there is, and whose names are looked up for it."""


DONE_HERE = {
    "--home voices withdraw 1 --yes",
    "--home reader verify DATED --key ITS_KEY --bitcoin EXPLORER --ethereum NODE",
}
"""What does its work on this machine, only asks before and after, and says who was silent."""


def check_route(ran: Watched, proxy: Microsocks) -> None:
    """Fails unless all that was sent went to the proxy, and nothing was looked up."""
    assert ran.connected, ran
    assert set(ran.connected) == {("127.0.0.1", proxy.port)}, ran
    assert not [kind for family, kind in ran.opened if kind.startswith("SOCK_DGRAM") and "INET" in family], ran


@pytest.mark.parametrize("line", COMMANDS)
def test_all_of_it_goes_through_the_proxy(line: str, town: tuple[Town, Microsocks]) -> None:
    place, proxy = town
    ran = place.run(line)
    check_route(ran, proxy)
    assert ran.code == 0, ran
    assert proxy.asked == COMMANDS[line], ran


@pytest.mark.parametrize("line", COMMANDS)
def test_without_the_proxy_nothing_connects_and_that_is_said(line: str, town: tuple[Town, Microsocks]) -> None:
    place, proxy = town
    proxy.stop()
    ran = place.run(line)
    check_route(ran, proxy)
    assert ran.code == (0 if line in DONE_HERE else 3), ran
    assert f"the proxy {proxy.url} does not answer" in ran.out + ran.err


HERE = [
    "--home founded init found.example --title F --language en --text T --recovery found.txt",
    "--home voices key show",
    "preview new.txt --language en",
    "--home voices announce --leaflet leaflet.html",
    "--home voices anchor status",
    "--home voices fsck",
    "--home voices export -o voices.car",
    "--home voices backup voices.age",
    "--home new import voices",
    "--home voices verify voices --key VKEY",
    "--home reader verify DATED --key ITS_KEY",
    "--home voices serve --dry-run",
    "--home reader verify TREE --from voices --key VKEY",
    "--home reader read voices 1 --key VKEY",
    "--home reader list voices",
    "--home reader trust LINK --yes",
    "verifier -o verify.html",
    "--home voices request NOTE --for voices --key anna.age -o request.txt",
    "demo demo",
    "--home copy drop 1",
]
"""What works on what is here, whatever `mirror.toml` names and whether the proxy is there or not."""


@pytest.mark.parametrize("line", HERE)
def test_what_needs_nobody_opens_no_line(line: str, town: tuple[Town, Microsocks]) -> None:
    place, proxy = town
    proxy.stop()
    ran = place.run(line)
    assert ran.connected == [], ran
    assert ran.code in (0, 3), ran
    assert "proxy" not in ran.err, ran


def test_each_command_stands_in_one_of_the_lists() -> None:
    words = {word for line in [*COMMANDS, *HERE] for word in line.split(" ")}
    assert [name for name in main.COMMANDS if name not in words] == []
