"""Where a node is: its RPC's address as people write it, read for whoever connects.

    /ip4/127.0.0.1/tcp/5001                 a multiaddr, as `ipfs config Addresses.API` prints it
    /ip6/::1/tcp/5001                       also /dns/…, /dns4/… and /dns6/…; with /http or /https behind it
    /dns/node.example.org/tcp/443/tls/http  the same as /https
    /unix/run/ipfs/api.sock                 a socket on this machine
    http://127.0.0.1:5001                   a URL; behind the host a path may stand, below which the RPC lies
    https://node.example.org/kubo

A user or a password in an address is refused: secrets have a place of their own. Specification: multiformats/multiaddr.
"""

import ipaddress
import re
from dataclasses import dataclass

from mirror.errors import Malformed
from mirror.formats import wire
from mirror.network.http import is_here

ADDRESS_AT_MOST = 1024
"""Letters in an address: the longest name that DNS knows has 253, the longest path of a socket 108."""

PORT_AT_MOST = 65535
"""The last port: 16 bits."""

_BASE = "api/v0"
_HOST = re.compile(r"(?!-)[A-Za-z0-9.-]{1,253}")
_MULTIADDR = re.compile(r"/(ip4|ip6|dns|dns4|dns6)/([^/]+)/tcp/([0-9]+)(/http|/https|/tls/http)?")
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^/:@\[\]]+)(?::([0-9]+))?((?:/[A-Za-z0-9._~-]+)*)/?")
_UNIX = re.compile(r"/unix(/[^\x00-\x1f\x7f]+)")
_HINT = "write /ip4/127.0.0.1/tcp/5001, http://127.0.0.1:5001 or /unix/ and the path of a socket"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an RPC is: `multiaddr` as libraries take it, the path `base` of its commands, and whether it is `here`.

    `here` says that nothing sent there leaves this machine. `host` is empty for a socket.
    """

    text: str
    multiaddr: str
    base: str
    host: str
    here: bool


def parse(text: str) -> Address:
    """The address that a text spells. Raises Malformed with a hint; a password in it is not shown."""
    if len(text) > ADDRESS_AT_MOST:
        raise Malformed(f"address has {len(text)} letters, more than {ADDRESS_AT_MOST}")
    if found := _UNIX.fullmatch(text):
        return Address(text, text, _BASE, "", here=True)
    if found := _MULTIADDR.fullmatch(text):
        kind, host, port, rest = found.groups()
        return _at(text, kind, host, port, _BASE, secure=rest in ("/https", "/tls/http"))
    if found := _URL.fullmatch(text):
        scheme, host, port, path = found.groups()
        base = f"{path.removesuffix('/' + _BASE)}/{_BASE}".lstrip("/")
        secure = scheme == "https"
        return _at(text, _kind(host), host.strip("[]"), port or ("443" if secure else "80"), base, secure=secure)
    raise Malformed(f"not the address of a node: {_without_secrets(text)!r}", hint=_HINT)


def _at(text: str, kind: str, host: str, port: str, base: str, *, secure: bool) -> Address:
    try:
        number = wire.decode_decimal(port, PORT_AT_MOST)
        plain = _check_host(kind, host)
    except (Malformed, ValueError):
        raise Malformed(f"not the address of a node: {_without_secrets(text)!r}", hint=_HINT) from None
    multiaddr = f"/{kind}/{plain}/tcp/{number}/{'https' if secure else 'http'}"
    return Address(text, multiaddr, base, plain, here=is_here(plain))


def _kind(host: str) -> str:
    if host.startswith("["):
        return "ip6"
    return "ip4" if re.fullmatch(r"[0-9.]+", host) else "dns"


def _check_host(kind: str, host: str) -> str:
    """The host in its usual spelling. Raises Malformed or ValueError."""
    if kind == "ip4":
        return str(ipaddress.IPv4Address(host))
    if kind == "ip6" and "%" not in host:
        return str(ipaddress.IPv6Address(host))
    if not _HOST.fullmatch(host):
        raise Malformed(f"not a host: {host[:80]!r}")
    return host.lower()


def _without_secrets(text: str) -> str:
    return re.split("[?#]", text.rpartition("@")[2])[0][:80]
