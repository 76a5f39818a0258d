"""The one way out names nobody, waits for nobody for ever, believes no length, and says in which way it failed."""

import errno
import inspect
import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpcore
import httpx
import listening
import pytest
import socksio
from counterparts import need_program
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from httpx._transports import default
from listening import Line, Listener, Reply, Socks, answering, saying

from mirror.errors import Malformed, Unavailable
from mirror.network import faults, http
from mirror.network.faults import told_of
from mirror.network.held import Authorization
from mirror.network.http import Answer, Peer, Route
from mirror.network.patience import Patience

HELLO = answering(b"hello", Content_Type="text/plain; charset=utf-8")


serve = listening.serve
"""Listeners, closed at the end."""


def ask(listener: Listener, *, at_most: int = 100, read: float = 5, route: Route | None = None) -> Answer:
    with (route or Route()).open("ours", listener.url, read=read) as peer:
        return peer.get("/id", at_most=at_most)


def fault(listener: Listener, **options: Any) -> Unavailable:
    with pytest.raises(Unavailable) as raised:
        ask(listener, **options)
    return raised.value


# What goes out


USUAL = {"host", "connection", "accept", "accept-encoding"}


def test_nothing_that_goes_out_names_anybody(serve: Callable[..., Listener]) -> None:
    listener = serve(answering(b"", Set_Cookie="who=anna"))
    with Route().open("ours", listener.url) as peer:
        peer.get("/a", at_most=9)
        peer.head("/a")
        peer.put("/a", b"body", at_most=9)
        peer.post("/a", at_most=9)
        peer.post("/a", iter([b"bo", b"dy"]), at_most=9)
        peer.ask("DELETE", "/a", at_most=9)
        with peer.stream("GET", "/a") as flow:
            assert list(flow.pieces) == []
    length = [{}, {}, {"content-length": "4"}, {"content-length": "0"}, {"transfer-encoding": "chunked"}, {}, {}]
    for found, extra in zip(listener.headers, length, strict=True):
        usual = {"host": f"127.0.0.1:{listener.port}", "connection": "keep-alive", "accept": "*/*"}
        assert found == {**usual, "accept-encoding": "identity", **extra}
    assert listener.bodies[2] == b"body"


def test_what_the_caller_gives_goes_out_and_its_secret_is_in_no_error(serve: Callable[..., Listener]) -> None:
    listener = serve(answering(b"wrong token s3cret", 401))
    who = Authorization.bearer("s3cret")
    with Route().open("ours", listener.url, authorization=who) as peer:
        answer = peer.get("/a", at_most=99, query=[("k", "a b&c"), ("k", "é")], headers={"Accept": "text/plain"})
    assert listener.headers[0].keys() == USUAL | {"authorization"}
    assert listener.headers[0]["authorization"] == "Bearer s3cret"
    assert listener.headers[0]["accept"] == "text/plain"
    assert listener.heads[0].startswith(b"GET /a?k=a+b%26c&k=%C3%A9 HTTP/1.1\r\n")
    assert answer.status == 401
    assert "s3cret" not in repr(peer)


def test_the_environment_leads_nowhere_else(
    serve: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login anna password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    listener = serve(HELLO)
    assert ask(listener).body == b"hello"
    assert listener.headers[0].keys() == USUAL


def test_no_redirect_is_followed(serve: Callable[..., Listener]) -> None:
    elsewhere = serve(HELLO)
    answer = ask(serve(answering(b"", 302, Location=f"{elsewhere.url}/{'x' * 900}")))
    with pytest.raises(Unavailable, match=r"sends us on to http.* \(HTTP 302\), and we do not follow") as raised:
        answer.need(200)
    assert raised.value.how == "HTTP 302"
    assert len(raised.value.message) < 400
    assert fault(serve(answering(b"", 302, Location="http://a.example/\x1b[2J"))).message.isprintable()
    assert elsewhere.heads == []


# What comes back


def test_an_answer_is_whole(serve: Callable[..., Listener]) -> None:
    answer = ask(serve(HELLO)).need(200, 404)
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.need_type("text/plain") is answer
    with pytest.raises(Unavailable, match="answers with text/plain, not application/json"):
        answer.need_type("application/json")
    with pytest.raises(Unavailable, match="answers with no media type, not text/plain"):
        ask(serve(answering(b""))).need_type("text/plain")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (451, b"no\r\n\x1b[2J\xff\x00 more", "answers HTTP 451 Unavailable For Legal Reasons: no [2J\ufffd more"),
        (400, b"", "answers HTTP 400 Bad Request"),
        (299, b"?", "answers HTTP 299: ?"),
        (599, b"x" * 999, f"answers HTTP 599: {'x' * 199}…"),
    ],
)
def test_other_statuses_are_told_in_one_line(
    serve: Callable[..., Listener], status: int, body: bytes, words: str
) -> None:
    listener = serve(answering(body, status))
    with pytest.raises(Unavailable) as raised:
        ask(listener, at_most=1000).need(200)
    assert raised.value.how == f"HTTP {status}"
    assert raised.value.message == f"ours ({listener.url}) {words}"


def test_bounds_hold_on_both_sides(serve: Callable[..., Listener]) -> None:
    listener = serve(HELLO)
    assert ask(listener, at_most=5).body == b"hello"
    assert fault(listener, at_most=4).how == "too much"
    endless = serve(lambda line: [line.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10**6), None][-1])
    assert fault(endless).message == f"ours ({endless.url}) answers with more than 100 bytes"


def test_a_body_comes_piece_by_piece(serve: Callable[..., Listener]) -> None:
    listener = serve(answering(b"x" * 200_000))
    with Route().open("ours", listener.url) as peer, peer.stream("GET", "/a") as flow:
        assert flow.need(200).status == 200
        assert sum(map(len, flow.pieces)) == 200_000
    with Route().open("ours", listener.url) as peer, peer.stream("GET", "/a") as flow:
        assert 0 < len(next(flow.pieces)) < 200_000  # and leaves: nothing hangs


def test_a_piece_is_handed_on_when_it_comes(serve: Callable[..., Listener]) -> None:
    taken = threading.Event()

    def drip(line: Line) -> None:
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        line.say(b"b" if taken.wait(5) else b"late")

    with Route().open("ours", serve(drip).url) as peer, peer.stream("GET", "/a") as flow:
        assert next(flow.pieces) == b"a"
        taken.set()
        assert list(flow.pieces) == [b"b"]


def test_closing_wakes_whoever_waits(serve: Callable[..., Listener]) -> None:
    asked = threading.Event()

    def hang(line: Line) -> None:
        asked.set()
        line.wait()

    with ThreadPoolExecutor(1) as threads, Route().open("ours", serve(hang).url, read=60) as peer:
        waiting = threads.submit(peer.get, "/a", at_most=1)
        assert asked.wait(5)
        peer.close()
        assert isinstance(waiting.exception(5), Unavailable)


def test_compressed_answers_are_not_read(serve: Callable[..., Listener]) -> None:
    for encoding in ("gzip", "br", "identity, gzip"):
        found = fault(serve(answering(b"x", Content_Encoding=encoding)))
        assert f"answers compressed ({encoding}), which was not asked for" in found.message
    assert ask(serve(answering(b"x", Content_Encoding="identity"))).body == b"x"


def _reset(line: Line) -> None:
    line.reset()


@pytest.mark.parametrize(
    ("reply", "how"),
    [
        (_reset, "reset"),
        (saying(b""), "timed out"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), "timed out"),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "not HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), "not HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "not HTTP"),
    ],
)
def test_what_is_no_answer_is_told_apart(serve: Callable[..., Listener], reply: Reply, how: str) -> None:
    listener = serve(reply)
    found = fault(listener, read=0.3)
    assert found.how == how
    assert found.message.startswith(f"ours ({listener.url}) cannot be reached: ")


def test_a_line_that_is_closed_too_soon(serve: Callable[..., Listener]) -> None:
    assert fault(serve(lambda line: line.connection.close())).how == "reset"
    cut = serve(lambda line: [line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe"), line.connection.close()][0])
    assert "is cut off" in fault(cut).message


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Route().open("ours", f"http://127.0.0.1:{port}") as peer, pytest.raises(Unavailable) as raised:
        peer.get("/", at_most=1)
    assert (raised.value.how, raised.value.hint) == ("refused", "")
    assert raised.value.message == f"ours (http://127.0.0.1:{port}) cannot be reached: nobody listens there"


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for host in ("nowhere.example", "a" * 64 + ".example"):
        with Route().open("ours", f"http://{host}") as peer, pytest.raises(Unavailable) as raised:
            peer.get("/", at_most=1)
        assert raised.value.how == "name not resolved"


# Time


class Ticking:
    """A clock that moves on by so many seconds whenever it is looked at."""

    def __init__(self, seconds: float) -> None:
        self._seconds = itertools.count(0, seconds)

    def __call__(self) -> float:
        return next(self._seconds)


def test_a_drip_ends(serve: Callable[..., Listener]) -> None:
    """One byte before each limit runs out would go on for ever: of a body, and of the headers before it."""
    body = serve(lambda line: [line.say(b"HTTP/1.1 200 OK\r\n\r\n"), drip(line)][0])
    assert fault(body, at_most=10**9, route=Route(clock=Ticking(1))).how == "timed out"
    heads = serve(lambda line: [line.say(b"HTTP/1.1 200 OK\r\nX: "), drip(line)][0])
    assert fault(heads, route=Route(clock=Ticking(1))).how == "timed out"


def drip(line: Line) -> None:
    for _ in range(100_000):
        line.connection.sendall(b"x")


def test_the_limit_is_for_one_request(serve: Callable[..., Listener]) -> None:
    patience = Patience(Ticking(10), each=30)
    with patience.within(25):
        assert (patience.limit(None), patience.limit(2)) == (15, 2)
        with pytest.raises(httpcore.ReadTimeout):
            patience.limit(None)
    assert (patience.limit(None), patience.limit(40)) == (30, 40)
    with patience.within(25):
        with patience.within(None):
            assert patience.limit(None) == 30
        assert patience.limit(None) == 15
    listener = serve(HELLO)
    with Route(clock=Ticking(20)).open("ours", listener.url) as peer:
        for _ in range(20):
            assert peer.get("/", at_most=9).body == b"hello"


# Encrypted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [need_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", str(path), "-out", str(path)], check=True, capture_output=True)
    key = path.read_bytes()
    if b"CERTIFICATE" not in key:
        subprocess.run([*command, "-keyout", f"{path}.key", "-out", str(path)], check=True, capture_output=True)
        path.write_bytes(path.read_bytes() + Path(f"{path}.key").read_bytes())
    return path


def encrypted(certificate: Path) -> Reply:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda line: context.wrap_socket(line.connection, server_side=True).close()


class Raw(Listener):
    """Does not wait for a request before it answers."""

    def serve(self, line: socket.socket) -> None:
        self._replies[0](Line(line, b"", b""))


def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    with Raw(encrypted(certificate)) as listener:
        with Route().open("ours", f"https://127.0.0.1:{listener.port}") as peer, pytest.raises(Unavailable) as raised:
            peer.get("/", at_most=1)
        assert raised.value.how == "certificate"
        assert "its certificate is not valid: self-signed certificate" in raised.value.message


def test_an_encrypted_peer_is_offered_both_versions(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(http, "_certificates", lambda: trusting)
    seen: list[bytes] = []

    def reply(line: Line) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["http/1.1"])
        with context.wrap_socket(line.connection, server_side=True) as encrypted_line:
            seen.append(encrypted_line.recv(65536))
            encrypted_line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    with Raw(reply) as listener, Socks({"127.0.0.1": listener.port, "node.example": listener.port}) as proxy:
        with Route().open("ours", f"https://127.0.0.1:{listener.port}") as peer:
            assert peer.get("/a", at_most=5).body == b"hello"
        with pytest.raises(Unavailable) as raised:
            through(proxy.url, "https://node.example")
    names = [line.split(b": ")[0].lower() for line in seen[0].split(b"\r\n")[1:-2]]
    assert set(names) == {name.encode() for name in USUAL}
    assert raised.value.how == "certificate"  # the host's name is checked behind a proxy too


def test_over_http_2_nothing_more_goes_out(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(http, "_certificates", lambda: trusting)
    seen: list[dict[str, str]] = []

    def reply(line: Line) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(line.connection, server_side=True) as encrypted_line:
            server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            server.initiate_connection()
            while not seen:
                for event in server.receive_data(encrypted_line.recv(65536)):
                    if isinstance(event, RequestReceived):
                        seen.append(dict(event.headers))
                        server.send_headers(event.stream_id, [(":status", "200"), ("content-length", "5")])
                        server.send_data(event.stream_id, b"hello", end_stream=True)
                encrypted_line.sendall(server.data_to_send())

    with Raw(reply) as listener, Route().open("ours", f"https://127.0.0.1:{listener.port}") as peer:
        assert peer.get("/a", at_most=5).body == b"hello"
        host = {":authority": f"127.0.0.1:{listener.port}", ":scheme": "https", ":method": "GET", ":path": "/a"}
    assert seen == [{**host, "accept": "*/*", "accept-encoding": "identity"}]


def test_what_does_not_speak_tls() -> None:
    with Raw(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as listener:
        with Route().open("ours", f"https://127.0.0.1:{listener.port}") as peer, pytest.raises(Unavailable) as raised:
            peer.get("/", at_most=1)
        assert raised.value.how == "encryption"


# Through a proxy


def through(proxy: str, url: str, read: float = 5) -> Answer:
    with Route(proxy).open("ours", url, read=read) as peer:
        return peer.get("/id", at_most=100)


def test_a_proxy_carries_everything_names_included(serve: Callable[..., Listener]) -> None:
    listener = serve(HELLO)
    with Socks({"node.example": listener.port, "192.0.2.1": listener.port}) as proxy:
        assert through(proxy.url, "http://node.example/a").body == b"hello"
        assert through(proxy.url, "http://192.0.2.1:81").body == b"hello"
        assert proxy.asked == [("node.example", 80), ("192.0.2.1", 81)]
    assert [found["host"] for found in listener.headers] == ["node.example", "192.0.2.1:81"]
    assert listener.headers[0].keys() == USUAL


def test_an_http_proxy_carries_everything_too(serve: Callable[..., Listener]) -> None:
    proxy = serve(HELLO)
    assert through(proxy.url, "http://node.example/a").body == b"hello"
    assert proxy.heads[0].startswith(b"GET http://node.example/a/id HTTP/1.1\r\n")
    assert proxy.headers[0].keys() == USUAL
    refusing = serve(answering(b"", 403))
    with pytest.raises(Unavailable) as raised:
        through(refusing.url, "https://node.example/a")
    assert refusing.heads[0].startswith(b"CONNECT node.example:443 HTTP/1.1\r\n")
    assert refusing.headers[0].keys() <= USUAL
    assert raised.value.how == "proxy"


def test_this_machine_is_spoken_to_directly(serve: Callable[..., Listener]) -> None:
    listener = serve(HELLO)
    with Socks({}) as proxy:
        assert through(proxy.url, listener.url).body == b"hello"
        assert proxy.asked == []


@pytest.mark.parametrize("url", ["http://node.example", "https://node.example", "http://192.0.2.1", "http://[::2]"])
def test_with_the_proxy_down_nothing_connects(url: str, no_one_outside: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        proxy = f"socks5h://anna:s3cret@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable) as raised:
        through(proxy, url)
    assert raised.value.how == "proxy"
    assert raised.value.message.endswith("does not answer")
    assert raised.value.hint == "nothing is sent around the proxy; start it, or set another one"
    assert "s3cret" not in raised.value.message
    assert no_one_outside == []


@pytest.mark.parametrize(
    ("reply", "how", "words"),
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proxy", "is no such proxy"),
        (saying(b"\x05"), "proxy", "is no such proxy"),
        (saying(b"\x05\xff"), "proxy", "did not connect"),
        (lambda line: line.connection.recv(9), "proxy", "is no such proxy"),
        (lambda line: line.wait(), "timed out", "no answer in time"),
    ],
)
def test_a_proxy_that_is_none(reply: Reply, how: str, words: str) -> None:
    with Raw(reply) as listener, pytest.raises(Unavailable) as raised:
        through(f"socks5h://127.0.0.1:{listener.port}", "http://node.example", read=0.3)
    assert (raised.value.how, words in raised.value.message) == (how, True), raised.value


@pytest.mark.parametrize("code", range(1, 9))
def test_a_proxy_that_does_not_connect(code: int) -> None:
    with Socks({}, code=code) as proxy, pytest.raises(Unavailable) as raised:
        through(proxy.url, "http://node.example")
    assert raised.value.how == "proxy"
    assert "did not connect" in raised.value.message


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "https://a.example:8443/kubo/",
        "http://[::1]:9094",
        "http://127.0.0.1:1/a/b",
        "http://a.example/" + "a" * (2048 - 17),
    ],
)
def test_addresses(url: str) -> None:
    with Route().open("", url) as peer:
        assert peer.who == peer.address == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not an address"), ("a.example", "not an address"), ("ftp://a.example", "not an address"),
        ("http://", "not an address"), ("http:///a", "not an address"), ("http://a:b", "not an address"),
        ("http://a:65536", "not an address"), ("http://a:0", "not an address"), ("http://[::1", "not an address"),
        ("http://a/\n", "not an address"), ("http://a.example/" + "a" * (2049 - 17), "not an address"),
        ("http://anna:s3cret@a.example", "a user or a password"), ("http://anna@a.example", "a user or a password"),
        ("http://a.example/?k=v", "more than a host and a path"), ("http://a.example/#x", "more than a host"),
        ("http://a.example/a b", "more than a host"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str, words: str) -> None:
    with pytest.raises(Malformed, match=words) as raised:
        Route().open("", url)
    assert "s3cret" not in raised.value.message
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(
    "url",
    ["socks5h://127.0.0.1:9050", "socks5h://anna:b@tor.example:9050", "http://127.0.0.1:8118/", "socks5h://[::1]:9050"],
)
def test_proxies(url: str) -> None:
    assert Route(url).proxy == url
    assert "anna" not in repr(Route(url))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:9050", "socks5://127.0.0.1:9050", "socks4://127.0.0.1:1", "https://127.0.0.1:1", "socks5h://a",
     "socks5h://127.0.0.1:9050/a", "socks5h://127.0.0.1:9050\n", "socks5h://anna:s3cret@"],
)  # fmt: skip
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="not a proxy that asks for names itself") as raised:
        Route(url)
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("localhost.example", False),
     ("192.168.0.1", False), ("128.0.0.1", False), ("::2", False), ("", False), ("127.0.0.1.example", False)],
)  # fmt: skip
def test_what_is_on_this_machine(host: str, here: bool) -> None:
    assert http.is_here(host) is here
    assert Route("http://127.0.0.1:1").through(host) == (None if here else "http://127.0.0.1:1")


# Every error of the libraries


def raised_by(module: Any) -> list[type[Exception]]:
    kinds = (each for _, each in inspect.getmembers(module, inspect.isclass) if issubclass(each, Exception))
    return sorted(set(kinds), key=lambda kind: kind.__name__)


def made(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", "http://a.example")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("x", request=request, response=httpx.Response(500))
    if kind in (httpx.StreamConsumed, httpx.ResponseNotRead, httpx.RequestNotRead, httpx.StreamClosed):
        return kind()
    return kind("x")


@pytest.mark.parametrize("kind", [*raised_by(httpx), *raised_by(socksio)])
def test_every_error_of_the_libraries_is_unavailable(kind: type[Exception]) -> None:
    with pytest.raises(Unavailable, match="ours cannot be reached: ") as raised, told_of("ours", None):
        raise made(kind)
    assert raised.value.how in {"timed out", "reset", "not HTTP"}


def test_every_error_of_httpcore_becomes_one_of_httpx() -> None:
    unmapped = {httpcore.ConnectionNotAvailable}  # raised and caught within the pool
    with default.map_httpcore_exceptions():
        known = tuple(default.HTTPCORE_EXC_MAP)
    assert {kind for kind in raised_by(httpcore) if not issubclass(kind, known)} == unmapped


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (ConnectionRefusedError(), "refused"), (ConnectionResetError(), "reset"), (BrokenPipeError(), "reset"),
        (ConnectionAbortedError(), "reset"), (OSError(errno.ENETUNREACH, ""), "no route"),
        (OSError(errno.EHOSTUNREACH, ""), "no route"), (socket.gaierror(-2, ""), "name not resolved"),
        (ssl.SSLCertVerificationError("x"), "certificate"), (ssl.SSLError("x"), "encryption"),
        (FileNotFoundError(), "refused"), (PermissionError(), "refused"), (OSError(errno.EIO, ""), None),
        (ValueError(), None),
    ],
)  # fmt: skip
def test_errors_of_the_system(error: Exception, how: str | None) -> None:
    found = faults.of_system(error)
    assert (found and found[0]) == how


def test_an_assertion_is_the_proxys_fault_only_where_there_is_one() -> None:
    with pytest.raises(AssertionError), told_of("ours", None):
        raise AssertionError
    with pytest.raises(Unavailable, match="what listens at a:1 is no such proxy"), told_of("ours", "a:1"):
        raise AssertionError


def test_one_peer_serves_many_threads(serve: Callable[..., Listener]) -> None:
    listener = serve(HELLO)
    with Route().open("ours", listener.url) as peer, ThreadPoolExecutor(8) as pool:
        asked: list[Peer] = [peer] * 40
        assert {answer.body for answer in pool.map(lambda each: each.get("/", at_most=9), asked)} == {b"hello"}
