"""The door to ipfshttpclient: each of its faults has words, no answer is endless, and no request names anybody."""

import http.client
import io
import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from counterparts import need_program
from fakenode import ENDLESS, FakeNode, Reply
from ipfshttpclient import exceptions

from mirror.errors import MirrorError, Unavailable
from mirror.network import addresses, rpc
from mirror.network.held import Authorization
from mirror.network.rpc import LINE_AT_MOST, Rpc, Said


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode() as node:
        yield node


def speak(address: str, authorization: Authorization | None = None, hurry: float = 0.0) -> Rpc:
    """A door to what is at an address, for which `hurry` seconds go by at each look at the clock."""
    clock = itertools.count(0.0, hurry).__next__
    return Rpc("node home", "home", addresses.parse(address), authorization, clock)


# Errors of the libraries


def subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


ROOTS = (
    exceptions.Error,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    socket.gaierror,
    ssl.SSLError,
    UnicodeError,
)
KINDS = sorted(
    {kind for root in ROOTS for kind in subclasses(root)}, key=lambda kind: (kind.__module__, kind.__qualname__)
)
AGAIN = "send the editions' blocks again: it has lost some"
NOT_OURS = {
    exceptions.AddressError,  # addresses are read before they come near the library
    exceptions.VersionMismatch,  # its check of versions is not made
    exceptions.EncoderMissingError,  # its decoders are not used: bytes are asked for
    exceptions.EncodingError,
}
"""What is only a fault of this program, and is told without any more words."""


def made(kind: type[BaseException]) -> BaseException:
    """An error of a kind, without the arguments that its own making asks for."""
    error = kind.__new__(kind)
    error.args = ("words",)
    error.__dict__.update(reason="words", verify_message="words")  # what TLS itself would have set
    return error


def told(error: BaseException) -> Unavailable:
    """What becomes of an error that surfaces in a request."""
    door = speak("/ip4/127.0.0.1/tcp/1")

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    door._http.request = fail
    with pytest.raises(Unavailable) as caught:
        door.ask("version", at_most=1)
    return caught.value


def test_the_walk_finds_the_classes() -> None:
    assert len(KINDS) > 80
    assert {exceptions.PartialErrorResponse, requests.ConnectTimeout, urllib3.exceptions.IncompleteRead} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_every_error_of_the_libraries_becomes_ours_and_names_the_node(kind: type[BaseException]) -> None:
    error = told(made(kind))
    assert error.message.startswith("node home cannot be reached: ")
    assert error.how
    assert issubclass(kind, ssl.SSLError) or "words" not in error.message


def test_every_error_of_ipfshttpclient_has_words_of_its_own() -> None:
    theirs = set(subclasses(exceptions.Error)) - NOT_OURS - {exceptions.Error, exceptions.CommunicationError}
    assert len(theirs) >= 8
    for kind in theirs:
        nearest = next(base for base in kind.__mro__ if base in rpc.OF_LIBRARIES)
        assert nearest is not exceptions.Error, kind


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (exceptions.TimeoutError, "timed out"),
        (exceptions.ProtocolError, "not HTTP"),
        (exceptions.StatusError, "not HTTP"),
        (exceptions.ErrorResponse, "not HTTP"),
        (exceptions.PartialErrorResponse, "not HTTP"),
        (exceptions.DecodingError, "not HTTP"),
        (exceptions.ConnectionError, "reset"),
        (requests.ConnectTimeout, "timed out"),
        (requests.ReadTimeout, "timed out"),
        (requests.exceptions.SSLError, "encryption"),
        (requests.exceptions.ProxyError, "proxy"),
        (requests.exceptions.ChunkedEncodingError, "not HTTP"),
        (requests.exceptions.InvalidURL, "not HTTP"),
        (urllib3.exceptions.ReadTimeoutError, "timed out"),
        (urllib3.exceptions.IncompleteRead, "not HTTP"),
        (urllib3.exceptions.EmptyPoolError, "reset"),
        (http.client.BadStatusLine, "not HTTP"),
        (ConnectionRefusedError, "refused"),
        (ConnectionResetError, "reset"),
        (BrokenPipeError, "reset"),
        (TimeoutError, "timed out"),
        (socket.gaierror, "name not resolved"),
        (UnicodeEncodeError, "name not resolved"),
    ],
)
def test_how_it_failed_is_told_apart(kind: type[BaseException], how: str) -> None:
    assert told(made(kind)).how == how


def test_the_cause_below_says_it_better() -> None:
    outer = exceptions.ConnectionError(None)
    outer.__cause__ = requests.ConnectionError()
    outer.__cause__.__context__ = ConnectionRefusedError()
    assert told(outer).how == "refused"


def test_an_error_of_ours_stays_what_it_is() -> None:
    door = speak("/ip4/127.0.0.1/tcp/1")

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    door._http.request = fail
    with pytest.raises(ZeroDivisionError):
        door.ask("version", at_most=1)


# Real lines


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def failing(door: Rpc, command: str = "version", **options: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        door.ask(command, at_most=1000, **options)
    return caught.value


def test_nobody_is_there() -> None:
    error = failing(speak(f"/ip4/127.0.0.1/tcp/{free_port()}"))
    assert (error.message, error.how) == ("node home cannot be reached: nobody listens there", "refused")


def test_no_socket_is_there(tmp_path: Path) -> None:
    assert failing(speak(f"/unix{tmp_path}/api.sock")).how == "refused"


def test_the_line_is_cut_before_an_answer(fake: FakeNode) -> None:
    fake.says("version", b"")
    assert failing(speak(fake.address)).how == "reset"


@pytest.mark.parametrize("body", [b"\x15\x03\x01\x00\x02\x02F", b"hello\n" * 20, b"HTTP/1.1 two hundred\r\n\r\n"])
def test_the_answer_is_no_http(fake: FakeNode, body: bytes) -> None:
    fake.says("version", body)
    assert failing(speak(fake.address)).message == "node home cannot be reached: the answer is not HTTP, or is cut off"


@pytest.mark.parametrize("body", [b"{}", [b"{}"]])
def test_the_answer_is_cut_off(fake: FakeNode, body: Any) -> None:
    fake.says("version", Reply(body=body, cut=True))
    assert failing(speak(fake.address)).how == "not HTTP"


def test_no_answer_in_time(fake: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "READ", 0.1)
    fake.waits("version")
    error = failing(speak(fake.address))
    assert (error.message, error.how) == ("node home cannot be reached: no answer in time", "timed out")


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(need_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *(
                "-nodes",
                "-keyout",
                path,
                "-out",
                path,
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with FakeNode() as fake:
        fake.encrypt(context)
        error = failing(speak(fake.address + "/https"))
    assert error.how == "certificate"
    assert "node home cannot be reached: its certificate is not valid: self-signed certificate" in error.message
    assert fake.asked == []


def test_an_answer_that_drips_has_an_end(fake: FakeNode) -> None:
    fake.says("version", Reply(body=itertools.repeat(b" ")))
    error = failing(speak(fake.address, hurry=50.0))
    assert (error.message, error.how) == (
        "node home cannot be reached: the whole answer took too long",
        "timed out",
    )


def test_a_plain_port_is_no_encrypted_one(fake: FakeNode) -> None:
    assert failing(speak(fake.address + "/https")).how == "encryption"


@pytest.mark.parametrize("body", [ENDLESS, b"x" * 1001])
def test_no_answer_is_longer_than_asked_for(fake: FakeNode, body: Any) -> None:
    fake.says("version", Reply(body=body))
    error = failing(speak(fake.address))
    assert (error.message, error.how) == ("node home answers with more than 1000 bytes", "too much")


def test_an_answer_of_just_that_length_is_read(fake: FakeNode) -> None:
    fake.says("version", Reply(body=b"x" * 1000))
    assert speak(fake.address).ask("version", at_most=1000) == b"x" * 1000


def test_one_piece_of_a_body_is_never_long(fake: FakeNode) -> None:
    fake.says("version", Reply(body=[b"x" * 10**6]))
    with speak(fake.address).stream("version") as pieces:
        assert max(map(len, pieces)) <= rpc.CHUNK


@pytest.mark.parametrize("status", [200, 500])
def test_a_compressed_answer_is_not_read(fake: FakeNode, status: int) -> None:
    fake.says("version", Reply(status, body=ENDLESS, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(Said, match="compressed"):
        speak(fake.address).ask("version", at_most=1000)


def test_the_proxy_of_a_cluster_is_no_node(fake: FakeNode) -> None:
    fake.says("version", Reply(body=b"{}", headers={"Server": "ipfs-cluster/ipfsproxy/1.1.6"}))
    error = failing(speak(fake.address))
    assert error.message == "node home is no node, but the proxy of an IPFS Cluster"
    assert error.hint.startswith('in mirror.toml, give it kind = "cluster"')


def test_the_words_of_an_error_are_not_endless(fake: FakeNode) -> None:
    fake.says("version", Reply(500, body=ENDLESS))
    with pytest.raises(Said) as caught:
        speak(fake.address).ask("version", at_most=1000)
    assert (caught.value.status, caught.value.words) == (500, "")


def test_a_redirect_is_not_followed(fake: FakeNode) -> None:
    fake.says("version", Reply(307, headers={"Location": f"{fake.url}/api/v0/id"}))
    with pytest.raises(Said) as caught:
        speak(fake.address).ask("version", at_most=1000)
    assert caught.value.status == 307
    assert fake.commands() == ["version"]


@pytest.mark.parametrize(
    ("status", "words", "message", "hint"),
    [
        (401, "no", "node home does not let us in (HTTP 401): no", "mirror pin --credentials home"),
        (403, "no", "node home does not let us in (HTTP 403): no", "mirror pin --credentials home"),
        (
            404,
            "404 page not found\n",
            "node home is not the RPC of a Kubo (HTTP 404): 404 page not found",
            "the RPC is at what `ipfs config Addresses.API` prints, usually port 5001",
        ),
        (500, "a\nb", "node home says: a b", ""),
        (500, "put: no space left on device", "node home says: put: no space left on device", "its disk is full"),
        (500, "ipld: could not find x", "node home says: ipld: could not find x", AGAIN),
        (502, "<h1>Bad", "node home answers HTTP 502: <h1>Bad", ""),
        (307, "", "node home answers HTTP 307: ", ""),
    ],
)
def test_what_a_node_refuses_is_told_in_its_words(status: int, words: str, message: str, hint: str) -> None:
    with pytest.raises(Unavailable) as caught, speak("/ip4/127.0.0.1/tcp/1").told():
        raise Said(status, words)
    assert (caught.value.message, caught.value.hint, caught.value.how) == (message, hint, f"HTTP {status}")


# JSON, one object a line


def objects(door: Rpc, command: str = "pin/ls", **options: Any) -> list[dict[str, Any]]:
    with door.lines(command, **options) as lines:
        return list(lines)


def test_lines_are_read_whatever_pieces_they_come_in(fake: FakeNode) -> None:
    fake.says("pin/ls", Reply(body=[b'{"a": 1}\n{"a"', b": 2}\n", b"\n", b'{"a": 3}']))
    assert objects(speak(fake.address)) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_an_error_among_the_lines_is_one(fake: FakeNode) -> None:
    fake.says("pin/ls", Reply.of({"a": 1}, {"Message": "lost it", "Code": 0, "Type": "error"}))
    with speak(fake.address).lines("pin/ls") as lines:
        assert next(lines) == {"a": 1}
        with pytest.raises(Said, match="lost it"):
            next(lines)


@pytest.mark.parametrize(
    "body", [[b"[]\n"], [b"<html>\n"], ENDLESS, [b"{}\n", b"x"], [b"{" + b" " * LINE_AT_MOST + b"}\n"]]
)
def test_other_lines_are_malformed_and_told_as_the_nodes_fault(fake: FakeNode, body: Any) -> None:
    fake.says("pin/ls", Reply(body=body))
    door = speak(fake.address)
    with pytest.raises(Unavailable, match="node home answers what was not asked: ") as caught, door.told():
        objects(door)
    assert caught.value.how == "nonsense"


def test_the_longest_line_is_read(fake: FakeNode) -> None:
    fake.says("pin/ls", Reply(body=[b"{" + b" " * (LINE_AT_MOST - 2) + b"}\n"]))
    assert objects(speak(fake.address)) == [{}]


def test_there_are_not_endless_lines(fake: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "LINES_AT_MOST", 3)
    fake.says("pin/ls", Reply(body=[b"{}\n" * 3]))
    assert objects(speak(fake.address)) == [{}] * 3
    fake.says("pin/ls", Reply(body=[b"{}\n" * 4]))
    with pytest.raises(Unavailable, match="node home answers with more than 3 lines"):
        objects(speak(fake.address))


# What goes out


def test_nothing_that_is_sent_names_anybody(fake: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1")
    netrc = Path.home() / ".netrc"
    netrc.write_text("machine 127.0.0.1 login anna password hunter2\n")
    speak(fake.address).ask("version", at_most=1000)
    speak(f"http://localhost:{fake.port}").ask("version", at_most=1000)
    for asked in fake.asked:
        assert {name: value for name, value in asked.headers.items() if name != "Host"} == {
            "Accept-Encoding": "identity",
            "Content-Length": "0",
        }


def test_no_cookie_is_kept(fake: FakeNode) -> None:
    fake.says("version", Reply(body=b"{}", headers={"Set-Cookie": "a=b"}))
    door = speak(fake.address)
    door.open()
    door.ask("version", at_most=1000)
    door.ask("version", at_most=1000)
    door.close()
    assert "Cookie" not in fake.asked[-1].headers


@pytest.mark.parametrize("text", ["bearer:abc", "basic:anna:open sesame"])
def test_the_authorization_is_sent(fake: FakeNode, text: str) -> None:
    authorization = Authorization.parse(text)
    speak(fake.address, authorization).ask("version", at_most=1000)
    assert fake.asked[-1].headers["Authorization"] == authorization.header()


def test_a_body_is_sent_as_one_file(fake: FakeNode) -> None:
    speak(fake.address).ask("name/put", "/ipns/k51", at_most=1000, body=b"record")
    assert fake.names == {"k51": b"record"}


def test_what_is_sent_is_told_as_it_goes() -> None:
    told: list[tuple[int, int]] = []
    size = 2 * rpc.SENT + 1
    sent = list(rpc.upload(io.BytesIO(bytes(size)), size, lambda *done: told.append(done)))
    assert list(map(len, sent)) == [rpc.SENT, rpc.SENT, 1]
    assert told == [(rpc.SENT, size), (2 * rpc.SENT, size), (size, size)]


def test_a_file_that_cannot_be_read_here_is_no_fault_of_the_nodes(fake: FakeNode) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    door = speak(fake.address)
    with pytest.raises(OSError, match="Input/output error") as caught:
        objects(door, "dag/import", body=rpc.upload(Broken(), 1, lambda *_: None))
    assert not isinstance(caught.value, MirrorError)


def test_a_socket_in_the_file_system_is_spoken_to(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        door = speak(f"/unix{path}")
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        asked: list[bytes] = []

        def serve() -> None:
            line, _ = server.accept()
            with line:
                asked.append(line.recv(4096))
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert door.ask("version", at_most=1000) == b"{}"
        thread.join()
    assert b"\r\nHost: localhost\r\n" in asked[0]
    assert str(path).encode() not in asked[0]
