"""No header tells who asks: every request that any command makes is read, to the last header.

What goes out through the proxy is read on its way, whatever module it is from; what goes to a node on this machine, by
the node. A header that is not known here fails the test, and so does a value that tells of this machine, its user, this
program, or Python.
"""

import contextlib
import getpass
import platform
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from anchored import laying, pair_for
from calendar_server import Calendar, Chain, Explorer
from fakenode import FakeNode
from fakepins import FakeCluster, FakeService
from laid import Publisher
from listening import SILENCE, Server, Socks, _copy
from relay import LOOKING as ETHEREUM
from relay import Relay as FakeEthereum
from serving import serving, shelf_of
from storyteller import run_mirror
from test_name_command import Names
from workbench import Bench

from mirror.store.archive import Archive

NAMES = ("gateway.test", "routing.test", "cluster.test", "pins.test", "calendar.test", "explorer.test", "ethereum.test")

MEDIA = r"application/[a-z0-9.-]+(; version=1; order=dfs; dups=n)?"
ALLOWED = {
    "host": r"(gateway|routing|cluster|pins|calendar|explorer|ethereum)\.test(:\d+)?|127\.0\.0\.1:\d+",
    "accept": rf"\*/\*|{MEDIA}",
    "accept-encoding": "identity",
    "connection": "keep-alive",
    "content-type": rf"{MEDIA}|multipart/form-data; ?boundary=(bafybei[a-z2-7]{{52}}|\"?[0-9a-f-]{{16,70}}\"?)",
    "content-disposition": 'form-data; name="file"; filename="bytes"',
    "content-length": r"\d+",
    "transfer-encoding": "chunked",
    "authorization": "Bearer s3cret-token",
}
"""Every header that may go out, and what it may say."""

TELLING = re.compile(
    "|".join(map(re.escape, ["python", "httpx", "requests", "urllib", "mirror/", "testimony", "voices"])), re.IGNORECASE
)


class Relay(Server):
    """Hands everything on to a port of this machine, and keeps what clients sent: one entry for each line."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._behind = port
        self.sent: list[bytearray] = []

    def serve(self, line: socket.socket) -> None:
        self.sent.append(sent := bytearray())
        with socket.create_connection(("127.0.0.1", self._behind), SILENCE) as other:
            back = threading.Thread(target=_copy, args=(other, line))
            back.start()
            with contextlib.suppress(OSError):
                while part := line.recv(65536):
                    sent += part
                    other.sendall(part)
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)
            back.join(SILENCE)


@dataclass(frozen=True)
class Request:
    """What was asked, and its headers as they came."""

    line: str
    headers: list[tuple[str, str]]


def requests_in(sent: bytes) -> Iterator[Request]:
    """The requests that one client made on one line."""
    while sent:
        head, end, sent = sent.partition(b"\r\n\r\n")
        assert end, "a request without an end"
        line, *fields = head.decode("ascii").split("\r\n")
        headers = [(name.lower(), value) for name, value in (each.split(": ", 1) for each in fields)]
        yield Request(line, headers)
        given = dict(headers)
        if given.get("transfer-encoding") == "chunked":
            while size := int(sent.partition(b"\r\n")[0], 16):
                sent = sent.partition(b"\r\n")[2][size + 2 :]
            sent = sent.partition(b"0\r\n\r\n")[2]
        else:
            sent = sent[int(given.get("content-length", "0")) :]


ASKING = ("telltale-host", "telltale-user")
"""Names of the machine and of who sits at it: long ones, since two letters stand in many a CID by chance."""


def check(request: Request) -> None:
    """Fails where a header is not expected, stands twice, or tells of anybody."""
    names = [name for name, _ in request.headers]
    assert len(set(names)) == len(names), request
    for name, value in request.headers:
        assert re.fullmatch(ALLOWED.get(name, "(?!)"), value), (name, value, request)
        assert not TELLING.search(value), (name, value)
        assert name == "host" or not any(word in value for word in ASKING), (name, value)


@dataclass
class Town:
    """A publisher, everyone she speaks to, and all that was asked of them."""

    publisher: Publisher
    link: str
    root: str
    proxy: str
    relays: dict[str, Relay]
    folder: Path

    def requests(self, name: str) -> list[Request]:
        """What was asked of the one who has this name."""
        return [request for sent in self.relays[name].sent for request in requests_in(bytes(sent))]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    base = tmp_path_factory.mktemp("town")
    publisher = Publisher(base)
    publisher.publish(["What happened on a day."])
    publisher.run("key", "new", "anna.example", "-o", base / "anna.age")
    named = publisher.run("name", "--record", base / "voices.ipns-record")
    record = (base / "voices.ipns-record").read_bytes()
    shutil.copytree(publisher.home / "archive", base / "served")
    with contextlib.ExitStack() as stack:
        archive = stack.enter_context(Archive(base / "served"))
        node = stack.enter_context(FakeNode())
        bench, chain = Bench(base / "dated"), Chain()
        bench.prepare()
        bench.publisher.write_edition(anchors=laying(pair_for(bench.head, chain)))
        bench.workspace.archive.close()
        calendar = stack.enter_context(Calendar(chain, eager=True))
        calendar.name = "http://calendar.test"
        ethereum = FakeEthereum(None)
        ethereum.says |= ETHEREUM
        ports = [
            stack.enter_context(serving(shelf_of(archives=[archive]))).port,
            stack.enter_context(Names(record)).port,
            _port(stack.enter_context(FakeCluster()).url),
            _port(stack.enter_context(FakeService("s3cret-token")).url),
            calendar.port,
            stack.enter_context(Explorer(chain)).port,
            _port(stack.enter_context(ethereum).url),
            node.port,
        ]
        relays = [stack.enter_context(Relay(port)) for port in ports]
        found = dict(zip([*NAMES, "node"], relays, strict=True))
        proxy = stack.enter_context(Socks({name: found[name].port for name in NAMES}))
        (publisher.home / "mirror.toml").write_text(
            f'proxy = "{proxy.url}"\ngateways = ["http://gateway.test"]\nrouting = ["http://routing.test"]\n'
            'anchor = ["ots"]\ncalendars = ["http://calendar.test"]\nbitcoin = ["http://explorer.test"]\n'
            f'[service.home]\nkind = "kubo"\naddress = "/ip4/127.0.0.1/tcp/{found["node"].port}"\n'
            '[service.ours]\nkind = "cluster"\naddress = "http://cluster.test"\n'
            '[service.paid]\nkind = "pinning"\naddress = "http://pins.test"\n'
            f'[ethereum]\nnodes = ["http://ethereum.test/a-key"]\naccount = "0x{"11" * 20}"\n'
        )
        token = publisher.home / "secret" / "services" / "paid.txt"
        token.parent.mkdir(mode=0o700)
        token.write_text("bearer:s3cret-token\n")
        token.chmod(0o600)
        yield Town(publisher, f"ipns://{named['name']}#{publisher.vkey}", named["index_hash"], proxy.url, found, base)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


COMMANDS = [
    "--home voices name --node-shows-its-address",
    "--home voices name --look LINK --node-shows-its-address",
    "--home voices pin --yes --node-shows-its-address",
    "--home voices pin --yes --thorough --to home --node-shows-its-address",
    "--home voices status",
    "--home voices publish new.txt --language en --no-tokens --yes --pin --node-shows-its-address",
    "--home voices withdraw 1 --yes",
    "--home voices anchor ots",
    "--home voices anchor upgrade",
    "--home voices anchor ethereum --dry-run",
    "--home copy --proxy PROXY verify dated/voices --ethereum http://ethereum.test --bitcoin http://explorer.test",
    "--home copy --proxy PROXY reach LINK --gateway http://gateway.test --at http://routing.test",
    "--home copy --proxy PROXY verify LINK --gateway http://gateway.test --key VKEY",
    "--home copy --proxy PROXY verify dated/voices --bitcoin http://explorer.test",
    "--home copy --proxy PROXY read TREE 1 --gateway http://gateway.test --key VKEY",
    "--home copy --proxy PROXY list LINK --gateway http://gateway.test",
    "--home keeper --proxy PROXY follow LINK --gateway http://gateway.test --at http://routing.test",
]


def test_no_request_of_any_command_tells_who_asks(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    (town.folder / "new.txt").write_text("What happened on another day.")
    monkeypatch.chdir(town.folder)
    monkeypatch.setenv("MIRROR_STATE", str(town.folder / "state"))
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(town.folder / "identity.txt"))
    for place, name in ((socket, "gethostname"), (socket, "getfqdn"), (platform, "node")):
        monkeypatch.setattr(place, name, lambda *asked: ASKING[0])
    monkeypatch.setattr(getpass, "getuser", lambda: ASKING[1])
    words = {"LINK": town.link, "VKEY": town.publisher.vkey, "PROXY": town.proxy}
    words["TREE"] = f"ipfs://{town.root}#{town.publisher.vkey}"
    for line in COMMANDS:
        before = sum(len(relay.sent) for relay in town.relays.values())
        finished = run_mirror(*(words.get(word, word) for word in line.split(" ")))
        assert finished.code in (0, 1, 3), (line, finished)
        assert sum(len(relay.sent) for relay in town.relays.values()) > before, (line, finished)
    for name in town.relays:
        requests = town.requests(name)
        assert requests, name
        for request in requests:
            check(request)
