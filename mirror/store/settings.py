"""Settings: `mirror.toml` in a workspace. TOML; a key that is not known is refused with the nearest that is.

    language = "mk"     # of testimonies that name none
    day = false         # whether editions say on which day they were made
    proxy = ""          # the one route out, such as "socks5h://127.0.0.1:9050"; "" for none
    pin = ["home"]      # the services that `mirror publish` pins to
    routing = []        # delegated routing endpoints that `mirror name` also puts the name to
    gateways = []       # whom readers ask for what a link names; none for a list of public ones
    anchor = ["ots"]    # the clocks that `mirror publish` anchors to on a schedule
    calendars = []      # OpenTimestamps' calendars that are asked; none for a list of public ones
    bitcoin = []        # whom to ask for blocks of Bitcoin; none for nobody
    reading_room = true # whether editions have pages that any browser shows
    leave = "https://…" # where the link leads by which a reader leaves those pages at once

    [support]           # a line for readers of a language: who helps, and how they are reached
    mk = "…"

    [service.home]
    kind = "kubo"       # an IPFS node
    address = "/ip4/127.0.0.1/tcp/5001"

    [service.ours]
    kind = "cluster"    # IPFS Cluster
    address = "http://127.0.0.1:9094"
    copies = [2, 3]     # at least and at most; left out, as the cluster itself has it

    [service.paid]
    kind = "pinning"    # anyone who speaks the IPFS Pinning Services API
    address = "https://pins.example/psa"
    origins = ["/ip4/192.0.2.1/tcp/4001/p2p/12D3…"]     # from whom it can fetch the blocks

    [ethereum]
    nodes = ["http://127.0.0.1:8545"]   # whom to ask, by JSON-RPC; the first is handed what is paid for
    chain = 1                           # every node has to be on it
    signer = "key"                      # who signs: "key", that in secret/ethereum.age; "node", the first; "file"
    account = ""                        # who pays; "" for the key's own
    confirmations = 64                  # blocks on top, before a payment counts as made
    at_most = "0.01"                    # ether that one may cost

`as_toml` writes every key with a comment, so that the file explains itself. Nothing secret ever stands in it: an
address with a user's name or a password in it is refused, and credentials are kept by `mirror.store.credentials`. What
an address may be is judged by whoever connects to it; here it is one line of a bounded length.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mirror.errors import Malformed, Missing
from mirror.formats import amount, language, text, wire
from mirror.formats import fields as values
from mirror.store import files

SETTINGS_AT_MOST = 64 * 1024
"""Bytes in `mirror.toml`: a few pages of text."""

SERVICES_AT_MOST = 32
"""Services that one mirror is pinned to: more than anybody pays for or looks after."""

ADDRESS_AT_MOST = 1024
"""Letters in an address: a host's name has at most 253, and a path before it is short."""

SUPPORT_AT_MOST = 500
"""Letters in a line of `[support]`: a sentence and a number."""

SUPPORT_LINES_AT_MOST = 100
"""Languages in `[support]`: more than any mirror has help for."""

LEAVE = "https://www.wikipedia.org/"
"""Where a reader is who leaves the pages at once: a page that anybody may have open."""

LIST_AT_MOST = 32
"""Addresses in one list, such as `origins`: the pinning API takes at most twenty."""

COPIES_AT_MOST = 1000
"""Copies that may be asked of a cluster: far more peers than any has."""

CONFIRMATIONS_AT_MOST = 10_000
"""Blocks to wait for: a day and a half of Ethereum's, where 64 are final."""

SIGNERS = ("key", "node", "file")

KUBO, CLUSTER, PINNING = KINDS = ("kubo", "cluster", "pinning")

_ACCOUNT = re.compile("(0x[0-9a-fA-F]{40})?")
_SERVICE_NAME = re.compile("[a-z0-9][a-z0-9-]{0,31}")
_PROXY = re.compile(r"(socks5h|http)://([a-z0-9.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}", re.IGNORECASE)

_LEAVE = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[!#-;=?-~]*)?")

_COMMENTS = {
    "language": 'The language of texts that name none, a BCP 47 tag such as "mk" or "zh-Hans"; "" for no default.',
    "day": "Whether each edition says on which day it was made. Off: nothing published tells when you work.",
    "proxy": 'The one way out for whatever connects, such as "socks5h://127.0.0.1:9050" for Tor; "" for none.',
    "pin": 'The services below that "mirror publish" pins to once an edition is made, such as ["home"].',
    "routing": 'Delegated routing endpoints that "mirror name" puts the name to, such as ["https://delegated.example"].',
    "gateways": 'Whom to ask for what a link names, such as ["https://gateway.example"]; [] for a list of public ones.',
    "anchor": 'What "mirror publish" anchors to, on a schedule: ["ots"] for OpenTimestamps, free of charge; or [].',
    "calendars": 'Calendars of OpenTimestamps to ask, such as ["https://ots.example"]; [] for a list of public ones.',
    "bitcoin": 'Whom to ask for blocks of Bitcoin, such as ["https://explorer.example/api"]; [] for nobody.',
    "reading_room": "Whether each edition has a reading room: pages that any browser shows, without script.",
    "leave": "Where the link leads by which a reader leaves those pages at once.",
}

_EXAMPLES = """
# A service holds a copy and gives it to others: mirror pin --to home. Its credentials are no setting; they are
# asked for and kept in secret/ by: mirror pin --credentials home

# [service.home]
# kind = "kubo"                               # an IPFS node of your own
# address = "/ip4/127.0.0.1/tcp/5001"         # a multiaddr, http://host:port, or /unix/path

# [service.ours]
# kind = "cluster"                            # several nodes, held together by IPFS Cluster
# address = "http://127.0.0.1:9094"
# copies = [2, 3]                             # at least and at most

# [service.paid]
# kind = "pinning"                            # anyone who speaks the IPFS Pinning Services API
# address = "https://pins.example/psa"
# origins = ["/dns4/node.example/tcp/4001/p2p/12D3KooW…"]
"""

_SUPPORT = """
# A line on the pages for readers of a language: who helps, and how they are reached.

# [support]
# en = "If reading this is hard for you: …, every day, 0000 00 00 00"
"""

_ETHEREUM = """
# Where "mirror anchor ethereum" commits the log to, and who pays. Nothing of it is ever done by itself.

# [ethereum]
# nodes = ["http://127.0.0.1:8545"]           # an Ethereum node of your own, or a provider's address
# chain = 1                                   # 1 is Ethereum itself; every node has to be on this chain
# signer = "key"                              # "key": secret/ethereum.age, made by: mirror anchor ethereum --new-key
#                                             # "node": the first node; "file": a machine without a network
# account = ""                                # who pays; "" for the key's own
# confirmations = 64                          # blocks on top, before a payment counts as made
# at_most = "0.01"                            # ether that one may cost
"""


@dataclass(frozen=True, slots=True)
class Service:
    """Somebody who holds copies: one `[service.NAME]`. `copies` is a cluster's, `origins` a pinning service's."""

    name: str
    kind: str
    address: str
    copies: tuple[int, int] | None = None
    origins: tuple[str, ...] = ()

    def as_toml(self) -> str:
        """The table that says this."""
        lines = [f"\n[service.{self.name}]", f"kind = {json.dumps(self.kind)}", f"address = {json.dumps(self.address)}"]
        if self.copies is not None:
            lines.append(f"copies = {json.dumps(self.copies)}")
        if self.origins:
            lines.append(f"origins = {json.dumps(self.origins)}")
        return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True)
class Ethereum:
    """Where and by whom an anchor on Ethereum is paid for: `[ethereum]`. `at_most` is ether, as people write it."""

    nodes: tuple[str, ...] = ()
    chain: int = 1
    signer: str = "key"
    account: str = ""
    confirmations: int = 64
    at_most: str = "0.01"

    def as_toml(self) -> str:
        """The table that says this."""
        return "\n[ethereum]\n" + "".join(f"{f.name} = {json.dumps(getattr(self, f.name))}\n" for f in fields(self))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a workspace's publisher decided once. The defaults are the safe ones: nothing connects anywhere."""

    language: str = ""
    day: bool = False
    proxy: str = ""
    pin: tuple[str, ...] = ()
    routing: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    service: tuple[Service, ...] = ()
    ethereum: Ethereum | None = None
    anchor: tuple[str, ...] = ()
    calendars: tuple[str, ...] = ()
    bitcoin: tuple[str, ...] = ()
    reading_room: bool = True
    leave: str = LEAVE
    support: tuple[tuple[str, str], ...] = ()

    def as_toml(self) -> str:
        """The file that says this, with a comment at every key, and examples where no service is named yet."""
        lines = ["# Settings of this mirror. Nothing secret belongs here.\n"]
        for key, comment in _COMMENTS.items():
            lines.append(f"\n# {comment}\n{key} = {json.dumps(getattr(self, key))}\n")
        lines.append(self._support_as_toml() if self.support else _SUPPORT)
        lines.append(self.ethereum.as_toml() if self.ethereum else _ETHEREUM)
        return "".join([*lines, *(each.as_toml() for each in self.service)] if self.service else [*lines, _EXAMPLES])

    def _support_as_toml(self) -> str:
        lines = (f"{tag} = {json.dumps(line, ensure_ascii=False)}\n" for tag, line in self.support)
        return "".join(["\n[support]\n", *lines])

    def named(self, name: str) -> Service:
        """The service of a name; `Missing` where there is none."""
        for service in self.service:
            if service.name == name:
                return service
        known = ", ".join(each.name for each in self.service)
        hint = f"mirror.toml has: {known}" if known else "name one in mirror.toml, which explains how"
        raise Missing(f"mirror.toml names no service {name!r}", hint=hint)


def read_settings(path: Path) -> Settings:
    """The settings in a file; the defaults where there is none."""
    try:
        data = files.read_at_most(path, SETTINGS_AT_MOST, "the settings")
    except Missing:
        return Settings()
    try:
        found = tomllib.loads(wire.decode_utf8(data, str(path)))
    except (ValueError, RecursionError) as error:  # tomllib lets numbers without end and brackets without end through
        raise Malformed(f"{path} is not TOML: {error}") from None
    try:
        return _settings(found)
    except Malformed as error:
        raise Malformed(f"{path}: {error.message}", hint=error.hint) from None


def _settings(found: dict[str, Any]) -> Settings:
    defaults = {field.name: field.default for field in fields(Settings)}
    _check_known(found, defaults, "setting")
    given: dict[str, Any] = {}
    for key, value in found.items():
        if key == "service":
            given[key] = _services(value)
        elif key == "support":
            given[key] = _support(value)
        elif key == "ethereum":
            given[key] = _ethereum(value)
        elif isinstance(defaults[key], tuple):
            given[key] = _texts(key, value)
        elif type(value) is not type(defaults[key]):
            raise Malformed(f"{key} has to be of the kind of {json.dumps(defaults[key])}, and is not")
        else:
            given[key] = value
    return _checked(Settings(**given))


def _checked(settings: Settings) -> Settings:
    if settings.language:
        language.check(settings.language)
    if settings.proxy:
        _check_proxy(settings.proxy)
    if len(settings.leave) > ADDRESS_AT_MOST or not _LEAVE.fullmatch(settings.leave):
        raise Malformed(f"leave is {settings.leave[:80]!a}, where https:// or http:// and a host should be")
    for key in ("routing", "gateways", "calendars", "bitcoin"):
        for url in getattr(settings, key):
            _check_address(key, url)
            _check_url(key, url)
    _check_clocks(settings.anchor)
    known = [each.name for each in settings.service]
    for name in settings.pin:
        if name not in known:
            hint = _nearest(name, known) or "each name in pin has a table [service.NAME] of its own"
            raise Malformed(f"pin names {name!r}, and there is no [service.{name}]", hint=hint)
    if len(set(settings.pin)) != len(settings.pin):
        raise Malformed("pin names a service twice")
    return settings


def _check_clocks(clocks: tuple[str, ...]) -> None:
    for clock in clocks:
        if clock == "ethereum":
            hint = "it costs money, and each payment is asked for: mirror anchor ethereum"
            raise Malformed("anchor names 'ethereum', which is never done by itself", hint=hint)
        if clock != "ots":
            raise Malformed(f"anchor names {clock!r}, which is no clock", hint="the only one here is 'ots'")
    if len(set(clocks)) != len(clocks):
        raise Malformed("anchor names a clock twice")


def _check_known(found: Collection[str], known: Collection[str], what: str) -> None:
    for key in found:
        if key not in known:
            raise Malformed(f"unknown {what} {key!r}", hint=_nearest(key, known))


def _nearest(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0)
    return f"the nearest known one is {near[0]!r}" if near else ""


def _texts(what: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Malformed(f'{what} has to be a list of texts, such as ["home"], and is not')
    if len(value) > LIST_AT_MOST:
        raise Malformed(f"{what} lists {len(value)} texts, more than {LIST_AT_MOST}")
    return tuple(value)


def _support(found: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise Malformed("support has to be a table of texts by language, [support], and is not")
    if len(found) > SUPPORT_LINES_AT_MOST:
        raise Malformed(f"support has {len(found)} lines, more than {SUPPORT_LINES_AT_MOST}")
    for tag, line in found.items():
        language.check(tag)
        if not 0 < len(line) <= SUPPORT_AT_MOST:
            raise Malformed(f"support.{tag} has {len(line)} letters, not 1 to {SUPPORT_AT_MOST}")
        if flaws := text.repair(line, single_line=True).flaws:
            raise Malformed(f"support.{tag}: {flaws[0]}")
    return tuple(found.items())


def _services(found: Any) -> tuple[Service, ...]:
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise Malformed("service has to be tables, one for each: [service.NAME], and is not")
    if len(found) > SERVICES_AT_MOST:
        raise Malformed(f"{len(found)} services, more than {SERVICES_AT_MOST}")
    return tuple(_service(name, table) for name, table in found.items())


def _service(name: str, table: dict[str, Any]) -> Service:
    check_service_name(name)
    where = f"service.{name}"
    _check_known(table, [field.name for field in fields(Service) if field.name != "name"], f"setting of {where}:")
    kind = _text_in(where, table, "kind")
    if kind not in KINDS:
        raise Malformed(f"{where}.kind is {kind!r}, which is none of {', '.join(KINDS)}", hint=_nearest(kind, KINDS))
    address = _text_in(where, table, "address")
    _check_address(f"{where}.address", address)
    if kind != KUBO:
        _check_url(f"{where}.address", address)
    for key, owner in (("copies", CLUSTER), ("origins", PINNING)):
        if key in table and kind != owner:
            raise Malformed(f"{where}.{key} is for a service of the kind {owner!r}, and this is of {kind!r}")
    copies = _copies(where, table["copies"]) if "copies" in table else None
    origins = _texts(f"{where}.origins", table.get("origins", []))
    for origin in origins:
        _check_address(f"{where}.origins", origin)
        if not origin.startswith("/"):
            raise Malformed(f"{where}.origins: {origin!r} is no multiaddr, such as /ip4/192.0.2.1/tcp/4001/p2p/12D3…")
    return Service(name, kind, address, copies, origins)


def _ethereum(found: Any) -> Ethereum:
    if not isinstance(found, dict):
        raise Malformed("ethereum has to be a table: [ethereum], and is not")
    _check_known(found, [field.name for field in fields(Ethereum)], "setting of ethereum:")
    given: dict[str, Any] = {}
    for field in fields(Ethereum):
        value = found.get(field.name, field.default)
        if field.name == "nodes":
            value = _texts("ethereum.nodes", list(value) if isinstance(value, tuple) else value)
        elif type(value) is not type(field.default):
            raise Malformed(f"ethereum.{field.name} has to be of the kind of {json.dumps(field.default)}, and is not")
        given[field.name] = value
    return _checked_ethereum(Ethereum(**given))


def _checked_ethereum(ethereum: Ethereum) -> Ethereum:
    for url in ethereum.nodes:
        _check_address("ethereum.nodes", url)
        _check_url("ethereum.nodes", url)
    if not 1 <= ethereum.chain <= wire.SIZE_AT_MOST:
        raise Malformed(f"ethereum.chain is {ethereum.chain}, where the number of a chain should be, from 1")
    if not 1 <= ethereum.confirmations <= CONFIRMATIONS_AT_MOST:
        raise Malformed(f"ethereum.confirmations is {ethereum.confirmations}, not from 1 to {CONFIRMATIONS_AT_MOST}")
    if ethereum.signer not in SIGNERS:
        hint = _nearest(ethereum.signer, SIGNERS)
        raise Malformed(f"ethereum.signer is {ethereum.signer!r}, which is none of {', '.join(SIGNERS)}", hint=hint)
    if not _ACCOUNT.fullmatch(ethereum.account):
        raise Malformed(f"ethereum.account is {ethereum.account[:80]!r}, where 0x and 40 digits should be")
    if ethereum.signer != "key" and not ethereum.account:
        raise Malformed(f'ethereum.account has to be given where ethereum.signer is "{ethereum.signer}"')
    try:
        amount.parse_ether(ethereum.at_most)
    except Malformed as error:
        raise Malformed(f"ethereum.at_most: {error.message}") from None
    return ethereum


def check_service_name(name: str) -> None:
    """Raise `Malformed` unless a service may bear this name, which is also that of its file of credentials."""
    if not _SERVICE_NAME.fullmatch(name):
        raise Malformed(f"the service's name {name!r} is not a-z, 0-9 and -, at most 32 of them")
    values.file_name(name)


def _text_in(where: str, table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{where}.{key} has to be a text, and is {'not' if key in table else 'absent'}")
    return value


def _check_address(what: str, address: str) -> None:
    if len(address) > ADDRESS_AT_MOST:
        raise Malformed(f"{what} has {len(address)} letters, more than {ADDRESS_AT_MOST}")
    if not address.isascii() or not address.isprintable() or " " in address:
        raise Malformed(f"{what} holds what no address has: {address!a}")
    secrets = {"@": "a user's name or a password", "?": "a ?, behind which keys stand", "#": "a #"}
    for sign, words in secrets.items():
        if sign in address and (sign == "@" or not address.startswith("/")):
            raise Malformed(
                f"{what} holds {words}",
                hint="take it out; mirror pin --credentials NAME asks for it and keeps it in secret/",
            )


def _check_url(what: str, address: str) -> None:
    if not re.fullmatch(r"https?://[^/]+(/.*)?", address):
        raise Malformed(f"{what} is {address!r}, where http:// or https:// and a host should be")


def _check_proxy(proxy: str) -> None:
    if proxy.lower().startswith(("socks5://", "socks4")):
        hint = "write socks5h://, which lets the proxy look names up; the other tells whoever looks them up"
        raise Malformed(f"proxy is {proxy!r}, which looks names up outside of the proxy", hint=hint)
    if not _PROXY.fullmatch(proxy):
        raise Malformed(f"proxy is {proxy!r}, where socks5h:// or http://, a host and a port should be")


def _copies(where: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2 or not all(type(each) is int for each in value):
        raise Malformed(f"{where}.copies has to be two numbers, at least and at most, such as [2, 3], and is not")
    least, most = value
    if not 1 <= least <= most <= COPIES_AT_MOST:
        raise Malformed(f"{where}.copies is {value}, where 1 ≤ at least ≤ at most ≤ {COPIES_AT_MOST}")
    return least, most
