"""Settings: what is written reads back, and what is mistyped is refused with what was meant."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import mutated

from mirror.errors import Malformed, Missing, Refused
from mirror.site import pages
from mirror.store.settings import (
    ADDRESS_AT_MOST,
    CONFIRMATIONS_AT_MOST,
    COPIES_AT_MOST,
    LIST_AT_MOST,
    SERVICES_AT_MOST,
    SETTINGS_AT_MOST,
    Ethereum,
    Service,
    Settings,
    read_settings,
)

HOME = Service("home", "kubo", "/ip4/127.0.0.1/tcp/5001")
OURS = Service("ours", "cluster", "http://127.0.0.1:9094", copies=(2, 3))
PAID = Service("paid-2", "pinning", "https://pins.example/psa", origins=("/ip4/192.0.2.1/tcp/4001/p2p/12D3",))
WHOLE = Settings(
    "mk",
    True,
    "socks5h://127.0.0.1:9050",
    ("home", "paid-2"),
    ("https://routing.example",),
    ("https://gateway.example",),
    (HOME, OURS, PAID),
    Ethereum(("http://127.0.0.1:8545", "https://provider.example/v3/0a1b"), 5, "node", f"0x{'aB' * 20}", 1, "0.5"),
    reading_room=False,
    leave="https://weather.example/today?at=home",
    support=(("mk", "Некој слуша: 0000 😀"), ("zh-Hans", "0000")),
)


def read(folder: Path, content: str | bytes) -> Settings:
    path = folder / "mirror.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_settings(path)


@pytest.mark.parametrize("made", [Settings(), Settings("mk"), Settings("zh-Hans", True), Settings(day=True), WHOLE])
def test_what_is_written_reads_back(tmp_path: Path, made: Settings) -> None:
    assert read(tmp_path, made.as_toml()) == made


def test_the_file_explains_every_key(tmp_path: Path) -> None:
    lines = Settings().as_toml().split("\n")
    keys = list(tomllib.loads("\n".join(lines)))
    assert keys == [field.name for field in fields(Settings) if field.name not in ("service", "ethereum", "support")]
    for key in keys:
        at = next(at for at, line in enumerate(lines) if line.startswith(f"{key} = "))
        assert lines[at - 1].startswith("# ")


def test_the_examples_in_the_file_are_true(tmp_path: Path) -> None:
    lines = Settings().as_toml().split("\n")
    at = next(at for at, line in enumerate(lines) if line.startswith("# [service."))
    shown = "\n".join(lines[:at] + [line.removeprefix("# ") for line in lines[at:]])
    found = read(tmp_path, shown.replace("KooW…", ""))
    assert [(each.name, each.kind) for each in found.service] == [
        ("home", "kubo"), ("ours", "cluster"), ("paid", "pinning"),
    ]  # fmt: skip
    assert found.named("ours").copies == (2, 3)


def test_the_example_of_ethereum_in_the_file_is_true(tmp_path: Path) -> None:
    lines = Settings().as_toml().split("\n")
    at = lines.index("# [ethereum]")
    shown = "\n".join(line.removeprefix("# ") for line in lines[at : lines.index("", at)])
    assert read(tmp_path, shown).ethereum == Ethereum(("http://127.0.0.1:8545",))


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("anchor = ['ethereum']", "anchor names 'ethereum', which is never done by itself", "mirror anchor ethereum"),
        ("anchor = ['otz']", "anchor names 'otz', which is no clock", "the only one here is 'ots'"),
        ("anchor = ['ots', 'ots']", "anchor names a clock twice", ""),
        ("anchor = 'ots'", "anchor has to be a list of texts", ""),
        ("calendars = ['ots.example']", "calendars is 'ots.example', where http:// or https:// and a host", ""),
        ("bitcoin = ['https://me:word@node.example']", "bitcoin holds a user's name or a password", ""),
    ],
)
def test_what_is_mistyped_of_clocks_is_refused(tmp_path: Path, content: str, words: str, hint: str) -> None:
    with pytest.raises(Malformed, match=re.escape(words)) as refusal:
        read(tmp_path, f"{content}\n")
    assert hint in refusal.value.hint


def test_clocks_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, 'anchor = ["ots"]\ncalendars = ["https://ots.example"]\nbitcoin = ["http://[::1]/api"]\n')
    assert (found.anchor, found.calendars, found.bitcoin) == (("ots",), ("https://ots.example",), ("http://[::1]/api",))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nods = []", "unknown setting of ethereum: 'nods'"),
        ("nodes = 'http://127.0.0.1'", "ethereum.nodes has to be a list of texts"),
        ("nodes = ['ws://127.0.0.1']", "ethereum.nodes is 'ws://127.0.0.1', where http:// or https:// and a host"),
        ("nodes = ['https://me:word@node.example']", "ethereum.nodes holds a user's name or a password"),
        ("nodes = ['https://node.example?key=word']", "ethereum.nodes holds a ?, behind which keys stand"),
        ("chain = 0", "ethereum.chain is 0"),
        ("chain = true", "ethereum.chain has to be of the kind of 1"),
        ("confirmations = 0", "ethereum.confirmations is 0, not from 1 to 10000"),
        (f"confirmations = {CONFIRMATIONS_AT_MOST + 1}", "ethereum.confirmations is 10001"),
        ("signer = 'keys'", "ethereum.signer is 'keys', which is none of key, node, file"),
        ("signer = 'node'", 'ethereum.account has to be given where ethereum.signer is "node"'),
        ("account = '0x12'", "ethereum.account is '0x12', where 0x and 40 digits should be"),
        ("at_most = 0.01", 'ethereum.at_most has to be of the kind of "0.01"'),
        ("at_most = '1e3'", "ethereum.at_most: not an amount of ether, such as 0.01: '1e3'"),
    ],
)
def test_what_is_mistyped_of_ethereum_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(Malformed, match=re.escape(words)):
        read(tmp_path, f"[ethereum]\n{content}\n")


def test_bounds_of_ethereum_are_inside(tmp_path: Path) -> None:
    found = read(tmp_path, f"[ethereum]\nconfirmations = {CONFIRMATIONS_AT_MOST}\n").ethereum
    assert found == Ethereum(confirmations=CONFIRMATIONS_AT_MOST)
    with pytest.raises(Malformed, match=r"ethereum has to be a table: \[ethereum\], and is not"):
        read(tmp_path, "ethereum = 1")


def test_a_service_is_found_by_its_name() -> None:
    assert WHOLE.named("ours") is OURS
    with pytest.raises(Missing, match=r"mirror\.toml names no service 'theirs'") as refusal:
        WHOLE.named("theirs")
    assert refusal.value.hint == "mirror.toml has: home, ours, paid-2"
    with pytest.raises(Missing) as refusal:
        Settings().named("home")
    assert refusal.value.hint == "name one in mirror.toml, which explains how"


def test_without_a_file_the_defaults_are_the_safe_ones(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "absent.toml") == Settings("", False) == read(tmp_path, "")


def test_a_key_may_be_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "day = true\n") == Settings("", True)


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("langauge = 'mk'", "unknown setting 'langauge'", "the nearest known one is 'language'"),
        ("Day = true", "unknown setting 'Day'", "the nearest known one is 'day'"),
        ("'' = true", "unknown setting ''", "the nearest known one is "),
        ("[day]\nx = 1", "day has to be of the kind of false", ""),
        ("day = 1", "day has to be of the kind of false", ""),
        ("day = 'yes'", "day has to be of the kind of false", ""),
        ("language = true", 'language has to be of the kind of ""', ""),
        ("language = ['mk']", 'language has to be of the kind of ""', ""),
        ("language = 0x" + "f" * 5000, 'language has to be of the kind of ""', ""),
        ("language = 'MK'", "language tag 'MK' is spelled 'mk'", ""),
        ("language = 'english!'", "language tag 'english!' is not well-formed BCP 47", ""),
        ("day", "is not TOML: Expected '=' after a key", ""),
        ("day = true\nday = true", "is not TOML: Cannot overwrite a value", ""),
        ("a = " + "[" * 30_000, "is not TOML: ", ""),
        ("a = " + "9" * 30_000, "is not TOML: ", ""),
        ("a = \x00", "is not TOML: ", ""),
        (b"\xff", "is not UTF-8 at byte 0", ""),
    ],
)
def test_what_is_mistyped_is_refused_with_the_files_name(
    tmp_path: Path, content: str | bytes, words: str, hint: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        read(tmp_path, content)
    assert refusal.value.message.startswith(str(tmp_path / "mirror.toml"))
    assert words in refusal.value.message
    assert refusal.value.hint.startswith(hint)
    assert bool(refusal.value.hint) == bool(hint)


def test_the_length_of_settings_is_bounded(tmp_path: Path) -> None:
    assert read(tmp_path, "#" * SETTINGS_AT_MOST) == Settings()
    with pytest.raises(Refused, match=r"the settings .*mirror.toml is larger than 65536 bytes"):
        read(tmp_path, "#" * (SETTINGS_AT_MOST + 1))


KUBO = "[service.a]\nkind = 'kubo'\naddress = '/ip4/127.0.0.1/tcp/5001'\n"
RING = "[service.a]\nkind = 'cluster'\naddress = 'http://127.0.0.1:9094'\n"
PINS = "[service.a]\nkind = 'pinning'\naddress = 'https://pins.example'\n"


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("service = 1", "service has to be tables", ""),
        ("[service]\na = 1", "service has to be tables", ""),
        ("[service.Home]\nkind = 'kubo'", "the service's name 'Home' is not a-z, 0-9 and -", ""),
        (f"[service.{'a' * 33}]", "is not a-z, 0-9 and -, at most 32 of them", ""),
        ("[service.'../a']", "the service's name '../a' is not", ""),
        ("[service.-a]", "the service's name '-a' is not", ""),
        ("[service.nul]", "a file name that is a device on some systems", ""),
        (KUBO + "adress = 'x'", "unknown setting of service.a: 'adress'", "the nearest known one is 'address'"),
        (KUBO + "token = 'x'", "unknown setting of service.a: 'token'", "the nearest known one is "),
        (KUBO + "name = 'x'", "unknown setting of service.a: 'name'", "the nearest known one is "),
        ("[service.a]\nkind = 'kubi'", "service.a.kind is 'kubi', which is none of", "the nearest known one is 'kubo'"),
        ("[service.a]\naddress = 'x'", "service.a.kind has to be a text, and is absent", ""),
        ("[service.a]\nkind = 'kubo'", "service.a.address has to be a text, and is absent", ""),
        ("[service.a]\nkind = 'kubo'\naddress = 5001", "service.a.address has to be a text, and is not", ""),
        ("[service.a]\nkind = 'kubo'\naddress = ''", "service.a.address has to be a text, and is not", ""),
        (KUBO.replace("/ip4", "/ip 4"), "service.a.address holds what no address has", ""),
        (KUBO.replace("/ip4", "/íp4"), "service.a.address holds what no address has", ""),
        (
            KUBO.replace("/ip4/127.0.0.1", "http://u:p@h"),
            "holds a user's name or a password",
            "take it out; mirror pin",
        ),
        (RING.replace("http:", "ftp:"), "where http:// or https:// and a host should be", ""),
        (RING.replace("http://127.0.0.1:9094", "/ip4/127.0.0.1/tcp/9094"), "where http:// or https:// and a host", ""),
        (PINS.replace("pins.example", "pins.example?key=x"), "service.a.address holds a ?", "take it out; mirror pin"),
        (KUBO.replace("/ip4/127.0.0.1", "http://h?key=x"), "service.a.address holds a ?", "take it out; mirror pin"),
        (PINS.replace("pins.example", "pins.example/#x"), "service.a.address holds a #", "take it out; mirror pin"),
        (
            KUBO + "copies = [1, 2]",
            "service.a.copies is for a service of the kind 'cluster'",
            "",
        ),
        (RING + "origins = ['/a']", "service.a.origins is for a service of the kind 'pinning', and this is of", ""),
        (RING + "copies = 2", "service.a.copies has to be two numbers", ""),
        (RING + "copies = [2]", "service.a.copies has to be two numbers", ""),
        (RING + "copies = [true, 2]", "service.a.copies has to be two numbers", ""),
        (RING + "copies = [0, 2]", "service.a.copies is [0, 2], where 1 ≤ at least", ""),
        (RING + "copies = [3, 2]", "service.a.copies is [3, 2], where 1 ≤ at least", ""),
        (RING + f"copies = [1, {COPIES_AT_MOST + 1}]", "service.a.copies is [1, 1001], where 1 ≤ at least", ""),
        (PINS + "origins = '/ip4'", "service.a.origins has to be a list of texts", ""),
        (PINS + "origins = ['node']", "service.a.origins: 'node' is no multiaddr", ""),
        ("pin = 'home'", "pin has to be a list of texts", ""),
        ("pin = [1]", "pin has to be a list of texts", ""),
        ("pin = ['b']\n" + KUBO, "pin names 'b', and there is no [service.b]", "the nearest known one is 'a'"),
        ("pin = ['b']", "pin names 'b', and there is no [service.b]", "each name in pin has a table"),
        ("pin = ['a', 'a']\n" + KUBO, "pin names a service twice", ""),
        ("routing = ['x']", "routing is 'x', where http:// or https:// and a host should be", ""),
        ("proxy = 'socks5://127.0.0.1:9050'", "looks names up outside of the proxy", "write socks5h://"),
        ("proxy = 'socks4a://127.0.0.1:9050'", "looks names up outside of the proxy", "write socks5h://"),
        ("proxy = '127.0.0.1:9050'", "where socks5h:// or http://, a host and a port should be", ""),
        ("proxy = 'http://u:p@127.0.0.1:1'", "where socks5h:// or http://, a host and a port should be", ""),
    ],
)
def test_services_that_cannot_be_are_refused(tmp_path: Path, content: str, words: str, hint: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read(tmp_path, content)
    assert words in refusal.value.message
    assert refusal.value.hint.startswith(hint)
    assert bool(refusal.value.hint) == bool(hint)


def test_lists_and_addresses_are_bounded(tmp_path: Path) -> None:
    def services(count: int) -> str:
        return "".join(KUBO.replace("[service.a]", f"[service.a{at}]") for at in range(count))

    def origins(count: int) -> str:
        return PINS + f"origins = {['/a'] * count}\n"

    def address(length: int) -> str:
        return KUBO.replace("/ip4/127.0.0.1/tcp/5001", "/" + "a" * (length - 1))

    assert len(read(tmp_path, services(SERVICES_AT_MOST)).service) == SERVICES_AT_MOST
    assert len(read(tmp_path, origins(LIST_AT_MOST)).service[0].origins) == LIST_AT_MOST
    assert len(read(tmp_path, address(ADDRESS_AT_MOST)).service[0].address) == ADDRESS_AT_MOST
    assert read(tmp_path, RING + f"copies = [1, {COPIES_AT_MOST}]").service[0].copies == (1, COPIES_AT_MOST)
    for content, words in (
        (services(SERVICES_AT_MOST + 1), "33 services, more than 32"),
        (origins(LIST_AT_MOST + 1), "service.a.origins lists 33 texts, more than 32"),
        (address(ADDRESS_AT_MOST + 1), "service.a.address has 1025 letters, more than 1024"),
    ):
        with pytest.raises(Malformed, match=words):
            read(tmp_path, content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated(st.sampled_from([Settings("mk", True).as_toml().encode(), WHOLE.as_toml().encode()])))
def test_settings_are_read_or_malformed(tmp_path: Path, content: bytes) -> None:
    try:
        made = read(tmp_path, content)
    except Malformed:
        return
    assert read(tmp_path, made.as_toml()) == made


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('leave = "javascript:alert(1)"', r"leave is 'javascript:alert\(1\)', where https:// or http:// and a host"),
        ('leave = "https://weather.example/\\"onclick"', "leave is .*, where https:// or http:// and a host should be"),
        ('leave = ""', "leave is '', where https:// or http:// and a host should be"),
        (f'leave = "https://w.example/{"a" * ADDRESS_AT_MOST}"', "leave is .*, where https://"),
        ("reading_room = 1", "reading_room has to be of the kind of true, and is not"),
        ('support = "help"', r"support has to be a table of texts by language, \[support\], and is not"),
        ("[support]\nen = 1", "support has to be a table of texts by language"),
        ('[support]\nEN_gb = "help"', "EN_gb"),
        ('[support]\nen = ""', "support.en has 0 letters, not 1 to 500"),
        (f'[support]\nen = "{"a" * 501}"', "support.en has 501 letters, not 1 to 500"),
        ('[support]\nen = "one\\ntwo"', "support.en: "),
        ("[support]\n" + "".join(f'en-x-a{at} = "a"\n' for at in range(101)), "support has 101 lines, more than 100"),
    ],
    ids=lambda value: None,
)
def test_what_pages_cannot_have_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(tmp_path, content)


def test_the_way_out_is_the_one_that_pages_have() -> None:
    assert Settings().leave == pages.LEAVE
