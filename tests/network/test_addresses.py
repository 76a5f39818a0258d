"""Addresses of nodes: read as people write them, refused with a hint, without a secret in any message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.network.addresses import ADDRESS_AT_MOST, Address, parse


@pytest.mark.parametrize(
    ("text", "multiaddr", "base", "here"),
    [
        ("/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/5001/http", "api/v0", True),
        ("/ip4/127.0.0.1/tcp/5001/http", "/ip4/127.0.0.1/tcp/5001/http", "api/v0", True),
        ("/ip4/192.0.2.1/tcp/443/https", "/ip4/192.0.2.1/tcp/443/https", "api/v0", False),
        ("/ip6/::1/tcp/5001", "/ip6/::1/tcp/5001/http", "api/v0", True),
        ("/ip6/0:0::1/tcp/5001", "/ip6/::1/tcp/5001/http", "api/v0", True),
        ("/dns/localhost/tcp/5001", "/dns/localhost/tcp/5001/http", "api/v0", True),
        ("/dns4/Node.example.org/tcp/443/tls/http", "/dns4/node.example.org/tcp/443/https", "api/v0", False),
        ("/dns6/node.example.org/tcp/80", "/dns6/node.example.org/tcp/80/http", "api/v0", False),
        ("/unix/run/ipfs/api.sock", "/unix/run/ipfs/api.sock", "api/v0", True),
        ("http://127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http", "api/v0", True),
        ("http://127.0.0.1:5001/", "/ip4/127.0.0.1/tcp/5001/http", "api/v0", True),
        ("http://127.0.0.1:5001/api/v0", "/ip4/127.0.0.1/tcp/5001/http", "api/v0", True),
        ("http://[::1]:5001", "/ip6/::1/tcp/5001/http", "api/v0", True),
        ("http://localhost:5001", "/dns/localhost/tcp/5001/http", "api/v0", True),
        ("http://node.example.org", "/dns/node.example.org/tcp/80/http", "api/v0", False),
        ("https://node.example.org", "/dns/node.example.org/tcp/443/https", "api/v0", False),
        ("https://node.example.org/kubo", "/dns/node.example.org/tcp/443/https", "kubo/api/v0", False),
        ("https://node.example.org/kubo/api/v0/", "/dns/node.example.org/tcp/443/https", "kubo/api/v0", False),
    ],
)
def test_addresses_as_people_write_them(text: str, multiaddr: str, base: str, here: bool) -> None:
    found = parse(text)
    assert (found.text, found.multiaddr, found.base, found.here) == (text, multiaddr, base, here)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "localhost:5001",
        "ftp://localhost:5001",
        "http://",
        "http://localhost:port",
        "http://localhost:65536",
        "http://localhost:05001",
        "http://localhost:٥٠٠١",
        "http://localhost:5001/?a",
        "http://localhost:5001/#a",
        "http://localhost:5001/a b",
        "http://localhost:5001/..//",
        "http://300.1.1.1:5001",
        "http://[::1",
        "http://[fe80::1%eth0]:5001",
        "http://-node:5001",
        "http://node\n:5001",
        "http://nöde:5001",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/tcp/",
        "/ip4/127.0.0.1/tcp/5001/ws",
        "/ip4/127.0.0.1/udp/5001",
        "/ip4/localhost/tcp/5001",
        "/ip6/127.0.0.1/tcp/5001",
        "/ip6/fe80::1%eth0/tcp/5001",
        "/dns/a b/tcp/5001",
        "/dns/node.example.org/tcp/5001/p2p/12D3KooW",
        "/unix",
        "/unix/",
        "/unix/a\nb",
    ],
)
def test_what_is_no_address_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(Malformed, match="not the address of a node: ") as caught:
        parse(text)
    assert (
        caught.value.hint == "write /ip4/127.0.0.1/tcp/5001, http://127.0.0.1:5001 or /unix/ and the path of a socket"
    )


@pytest.mark.parametrize(
    "text",
    [
        "http://anna:hunter2@localhost:5001",
        "https://hunter2@node.example.org",
        "https://node.example.org?anna=hunter2",
        "https://node.example.org/#hunter2",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert "hunter2" not in caught.value.message
    assert "anna" not in caught.value.message


def test_the_longest_address_is_taken_and_no_longer_one() -> None:
    longest = "/unix/" + "x" * (ADDRESS_AT_MOST - len("/unix/"))
    assert parse(longest).here
    with pytest.raises(Malformed, match=f"address has {ADDRESS_AT_MOST + 1} letters, more than {ADDRESS_AT_MOST}"):
        parse(longest + "x")


@given(st.text(max_size=60) | st.from_regex(r"(http|/ip4|/ip6|/dns|/unix)[ -~]{0,40}", fullmatch=True))
def test_any_text_is_an_address_or_malformed(text: str) -> None:
    try:
        found = parse(text)
    except Malformed:
        return
    assert isinstance(found, Address)
    assert parse(found.multiaddr).multiaddr == found.multiaddr
