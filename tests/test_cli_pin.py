"""`mirror pin` and what else speaks to holders: what is asked, said and exited with. The holders are in memory."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from holders import MemoryHolder, MemoryNode
from storyteller import Finished, make_identity, run_mirror
from test_cli import OPENED
from test_terminal import Screen

from mirror.cli import holding, pinning, services
from mirror.errors import Unavailable
from mirror.formats.cid import CID
from mirror.network import kubo
from mirror.network.held import Held
from mirror.store.archive import root_of
from mirror.store.settings import Service

NAME = "voices.example/archive"


class Place:
    """A publisher's workspace at edition 2, and the holders that its settings name."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.holders: dict[str, Any] = {}
        self.order: list[str] = []
        make_identity(folder / "identity.txt")
        patch.chdir(folder)
        patch.delenv("MIRROR_HOME")
        patch.setenv("MIRROR_STATE", str(folder / "state"))
        patch.setenv("MIRROR_IDENTITY_FILE", str(folder / "identity.txt"))
        patch.setattr(services, "Node", self._open)
        patch.setattr(holding, "Cluster", self._open)
        patch.setattr(holding, "PinningService", self._open)
        founding = ("--title", "Voices", "--language", "en", "--text", "We gather.", "--recovery", "recovery.txt")
        self.run("init", NAME, *founding)
        self.publish("one", "--no-pin")

    def _open(self, name: str, address: str, authorization: Any, route: Any, **_: Any) -> Any:
        self.order.append(name if authorization is None else f"{name} {authorization.header()}")
        return self.holders[name]

    def run(self, *arguments: str | Path, code: int = 0, home: str = "voices") -> Finished:
        finished = run_mirror("--home", home, *arguments)
        assert finished.code == code, finished
        return finished

    def json(self, *arguments: str | Path, code: int = 0, home: str = "voices") -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("--json", *arguments, code=code, home=home).out)
        return document

    def write(self, name: str) -> Path:
        path = self.folder / f"{name}.md"
        path.write_text(f'+++\ntitle = "About {name}"\n+++\nTold of {name}.\n')
        return path

    def publish(self, name: str, *options: str, code: int = 0, home: str = "voices") -> Finished:
        return self.run("publish", "--yes", "--no-tokens", *options, self.write(name), code=code, home=home)

    def settings(self, *, pin: str = "", proxy: str = "") -> None:
        path = self.folder / "voices" / "mirror.toml"
        text = path.read_text().replace("pin = []", f"pin = [{pin}]").replace('proxy = ""', f'proxy = "{proxy}"')
        path.write_text(text)

    def add(self, name: str = "home", kind: str = "kubo", **more: str) -> Any:
        """Name a holder in the settings; it is made now."""
        address = "/ip4/127.0.0.1/tcp/1" if kind == "kubo" else "http://127.0.0.1:1"
        rest = "".join(f"{key} = {value}\n" for key, value in more.items())
        with (self.folder / "voices" / "mirror.toml").open("a") as file:
            file.write(f'\n[service.{name}]\nkind = "{kind}"\naddress = "{address}"\n{rest}')
        self.holders[name] = MemoryHolder(name) if kind == "pinning" else MemoryNode(name)
        return self.holders[name]

    def root(self, number: int) -> Any:
        return root_of(self.folder / "voices" / "archive" / "editions" / f"{number:06d}.car")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


# Asking


def test_what_leaves_is_listed_and_nothing_leaves_without_a_yes(place: Place) -> None:
    node = place.add()
    finished = place.run("pin", code=4)
    assert finished.err == (
        "leaves        #1  About one\n"
        "to            home, an IPFS node: everyone can see its internet address, and that it holds this\n"
        "nobody can recall copies; what is pinned is given to whoever asks for it\n"
        "mirror: error: nobody is here to ask: pin edition 2 with 1 testimony to home?\n"
        "  hint: look first, then add --yes\n"
    )
    assert node.asked == ["probe", "held"]
    assert node.sent == []


def test_a_person_is_asked_and_may_say_no(place: Place) -> None:
    with (place.folder / "voices" / "mirror.toml").open("a") as file:
        file.write('[service.home]\nkind = "kubo"\naddress = "/ip4/127.0.0.1/tcp/1"\n')
    screen = Screen("--home", "voices", "pin")
    screen.expect("node home (/ip4/127.0.0.1/tcp/1) cannot be reached")
    assert screen.close() == 3  # who does not answer is sent nothing, and so nothing is asked


def test_only_so_many_titles_are_listed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "TITLES_SHOWN_AT_MOST", 2)
    place.add()
    for name in ("two", "three"):
        place.publish(name)
    assert "leaves        #2  About two\nleaves        and 1 more\n" in place.run("pin", code=4).err
    place.publish("four")
    assert "leaves        and 2 more\n" in place.run("pin", "--yes").err


def test_nothing_is_asked_where_nothing_new_leaves(place: Place) -> None:
    node = place.add()
    place.run("pin", "--yes")
    assert place.run("pin").err == ""
    place.run("withdraw", "1", "--yes")
    finished = place.run("pin")
    assert "leaves" not in finished.err
    assert node.pinned.keys() == {place.root(3)}


def test_the_charter_is_something_new_too(place: Place) -> None:
    place.add()
    place.run("withdraw", "1", "--yes")
    assert "pin edition 3 with the charter to home?" in place.run("pin", code=4).err


# What is said of each


def test_each_service_is_said_and_the_worst_decides(place: Place) -> None:
    place.add("home")
    place.add("paid", "pinning", origins='["/ip4/192.0.2.1/tcp/4001"]')
    silent = place.add("away")
    silent.silent = True
    finished = place.run("pin", "--yes", code=3)
    assert re.fullmatch(
        r"home          pinned: edition 2; sent 2 editions, \d+ blocks, \d+ bytes; 4 blocks read back\n"
        r"paid          pinned: edition 2\n",
        finished.out,
    )
    assert "away          node away cannot be reached: nobody listens there\n" in finished.err
    assert place.holders["paid"].origins == ("/ip4/192.0.2.1/tcp/4001",)
    document = place.json("pin", "--yes", code=3)
    assert [(each["service"], each["state"]) for each in document["services"]] == [
        ("home", "pinned"), ("paid", "pinned"), ("away", "failed"),
    ]  # fmt: skip
    assert document["services"][2]["error"] == "node away cannot be reached: nobody listens there"
    assert (document["edition"], document["index_hash"], document["exit_code"]) == (2, str(place.root(2)), 3)


@pytest.mark.parametrize(
    ("names", "pin", "expected"),
    [
        ((), "", ["home", "paid"]),
        ((), '"paid"', ["paid"]),
        (("--to", "home"), '"paid"', ["home"]),
        (("--to", "paid", "--to", "home", "--to", "paid"), "", ["paid", "home"]),
    ],
)
def test_who_is_meant(place: Place, names: tuple[str, ...], pin: str, expected: list[str]) -> None:
    place.add("home")
    place.add("paid", "pinning")
    place.settings(pin=pin)
    place.order.clear()
    place.run("pin", "--yes", *names)
    assert place.order == expected


def test_wrong_usage(place: Place) -> None:
    assert "mirror.toml names no service to pin to" in place.run("pin", code=2).err
    assert "mirror.toml names no service to pin to" in place.publish("two", "--pin", code=2).err
    place.add()
    wrong = place.run("pin", "--to", "hone", code=2)
    assert "mirror.toml names no service 'hone'" in wrong.err
    assert "hint: mirror.toml has: home" in wrong.err
    assert "--credentials-fd goes with --credentials NAME" in place.run("pin", "--credentials-fd", "3", code=2).err
    assert "name either what to import" in place.run("import", code=2).err
    assert "name either what to import" in place.run("import", "--from", "home", "voices", code=2).err
    assert "mirror.toml names no service 'hone'" in place.run("import", "--from", "hone", code=2).err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("servise = 1", "voices/mirror.toml: unknown setting 'servise'"),
        ('[service.a]\nkind = "kubo"\naddress = "home"', "mirror.toml: service.a: not the address of a node: 'home'"),
    ],
)
def test_wrong_settings_are_wrong_usage_and_no_verdict(
    place: Place, monkeypatch: pytest.MonkeyPatch, wrong: str, words: str
) -> None:
    monkeypatch.setattr(services, "Node", kubo.Node)
    with (place.folder / "voices/mirror.toml").open("a") as file:
        file.write(f"\n{wrong}\n")
    for command in (["pin"], ["status"], ["name"], ["withdraw", "1", "--yes"], ["import", "--from", "a"]):
        assert f"mirror: error: {words}" in place.run(*command, code=2).err
    assert f"mirror: error: {words}" in place.publish("two", code=2).err


def test_a_service_that_is_still_fetching_is_left_to_it(place: Place) -> None:
    service = place.add("paid", "pinning")
    service.arrives = 100
    finished = place.run("pin", "--yes", "--wait", "0", code=3)
    assert finished.out == "paid          pinning: edition 2; it goes on by itself, and the next run looks again\n"
    assert "held by       paid (pinning): nothing whole yet, behind since " in place.run("status").out
    service.arrives = 0
    place.run("pin", "--yes", "--wait", "5")
    assert place.run("pin").out == "paid          pinned: edition 2\n"


def test_patience_is_renewed_by_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(pinning.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pinning.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + max(seconds, 0.1)))
    patience = pinning._Patience(10)
    root = CID.of_raw(b"x")
    asked = 0
    while patience(Held(root, "pinning", copies=min(asked // 5, 3))):
        asked += 1
    assert 15 + 9 <= asked <= 15 + 12  # the last progress came with the fifteenth question
    assert now[0] == pytest.approx(25, abs=2)


def test_thorough_says_how_much_was_read_and_of_whom_nothing_can_be(place: Place) -> None:
    place.add("home")
    place.add("paid", "pinning")
    finished = place.run("pin", "--yes", "--thorough")
    assert "home          pinned: edition 2; sent 2 editions" in finished.out
    assert re.search(r"; [0-9]{2,} blocks read back\n", finished.out)
    assert "paid          gives no blocks to who manages it" in finished.err


def test_a_false_pin_is_a_verdict(place: Place) -> None:
    node = place.add()
    place.run("pin", "--yes")
    node.lose(place.root(2))
    finished = place.run("pin", code=1)
    assert finished.out == ""
    assert (
        "home          home reports the pin of edition 2, and lacks 1 of the blocks that were asked for" in finished.err
    )
    other = place.add("away")
    other.silent = True
    assert place.json("pin", code=1)["exit_code"] == 1  # a lie outranks silence


def test_what_a_holder_says_is_shown_in_one_line(place: Place) -> None:
    service = place.add("paid", "pinning")
    service.pinned = {place.root(2): (NAME, Held(place.root(2), "pinned", words="\x1b[2Jgone\nmirror: all is well"))}
    finished = place.run("pin", "--yes")
    assert finished.out == "paid          pinned: edition 2, \\x1b[2Jgone\\nmirror: all is well\n"


# A proxy


@pytest.mark.parametrize("kind", ["kubo", "cluster"])
def test_with_a_proxy_a_node_is_left_out_until_its_address_may_be_seen(place: Place, kind: str) -> None:
    node = place.add(kind=kind)
    place.settings(proxy="socks5h://127.0.0.1:1")
    finished = place.run("pin", "--yes", code=4)
    assert re.match(f"mirror: error: {kind} home .* is left out: a proxy is set, and a node shows", finished.err)
    assert "hint: if that may be seen, or the node is not where you are: --node-shows-its-address" in finished.err
    assert node.asked == []
    place.run("pin", "--yes", "--node-shows-its-address")
    assert node.pinned


def test_with_a_proxy_a_pinning_service_is_spoken_to(place: Place) -> None:
    place.add("paid", "pinning")
    place.settings(proxy="socks5h://127.0.0.1:1")
    place.run("pin", "--yes")


# Credentials


def given(place: Place, words: bytes, name: str = "home", code: int = 0) -> Finished:
    read, write = os.pipe()
    os.write(write, words)
    os.close(write)
    try:
        return place.run("pin", "--credentials", name, "--credentials-fd", str(read), code=code)
    finally:
        os.close(read)


def test_credentials_are_kept_apart_and_shown_to_their_service_alone(place: Place) -> None:
    place.add("home")
    place.add("other")
    assert given(place, b"voices:correct horse\n").out == "kept in secret/services/home.txt, for its owner alone\n"
    path = place.folder / "voices" / "secret" / "services" / "home.txt"
    assert path.read_bytes() == b"basic:voices:correct horse\n"
    assert path.stat().st_mode & 0o777 == 0o600
    place.order.clear()
    finished = place.run("--verbose", "pin", "--yes")
    assert place.order == ["home Basic dm9pY2VzOmNvcnJlY3QgaG9yc2U=", "other"]
    assert "correct" not in finished.out + finished.err
    assert given(place, b"\n").out == "home: nothing is kept\n"
    assert not path.exists()


def test_credentials_that_are_none_are_refused_without_being_shown(place: Place) -> None:
    place.add()
    finished = given(place, b"correct horse battery\n", code=2)
    assert "this is neither a token nor a user's name, a colon and a password" in finished.err
    assert "horse" not in finished.err
    assert "mirror.toml names no service 'hone'" in given(place, b"a\n", "hone", code=2).err
    assert "nobody is here to type credentials" in place.run("pin", "--credentials", "home", code=4).err


def test_credentials_are_asked_for_and_not_echoed(place: Place) -> None:
    place.add()
    screen = Screen("--home", "voices", "pin", "--credentials", "home")
    screen.expect("what home asks for: a token, or user:password")
    screen.type("eyJhbGciOi")
    assert screen.close() == 0
    assert "eyJ" not in screen.shown
    assert (place.folder / "voices/secret/services/home.txt").read_text() == "bearer:eyJhbGciOi\n"


def test_pin_opens_nothing_secret_but_the_credentials_of_those_it_pins_to(place: Place) -> None:
    place.add("home")
    place.add("other")
    for name in ("home", "other"):
        given(place, b"token\n", name)
    secret = place.folder / "voices" / "secret"
    OPENED.paths.clear()
    OPENED.watching = True
    try:
        finished = run_mirror("--home", "voices", "pin", "--yes", "--to", "home")
        asked = run_mirror("--home", "voices", "status")
    finally:
        OPENED.watching = False
    assert (finished.code, asked.code) == (0, 0)
    opened = {path for path in OPENED.paths if path.startswith(str(secret.resolve()))}
    assert opened == {str(secret.resolve() / "services" / f"{name}.txt") for name in ("home", "other")}


def test_who_pins_to_one_opens_the_credentials_of_no_other(place: Place) -> None:
    place.add("home")
    place.add("other")
    for name in ("home", "other"):
        given(place, b"token\n", name)
    OPENED.paths.clear()
    OPENED.watching = True
    try:
        run_mirror("--home", "voices", "pin", "--yes", "--to", "home")
    finally:
        OPENED.watching = False
    assert any(path.endswith("services/home.txt") for path in OPENED.paths)
    assert not any(path.endswith(("services/other.txt", "key.age", "texts.sqlite")) for path in OPENED.paths)


# Publishing


def test_publish_pins_and_names_while_the_key_is_open(place: Place) -> None:
    node = place.add()
    finished = place.publish("two", "--pin")
    assert "home          pinned: edition 3; sent 3 editions" in finished.out
    assert "name          node home leads it to edition 3\n" in finished.out
    assert node.pinned.keys() == {place.root(3)}
    assert len(node.names) == 1
    assert (place.folder / "voices/archive/name.ipns-record").read_bytes() in node.names.values()
    place.settings(pin='"home"')
    document = place.json("publish", "--yes", "--no-tokens", place.write("three"))
    assert [each["state"] for each in document["pinned"]] == ["pinned"]
    assert [each["state"] for each in document["named"]] == ["taken"]
    place.publish("four", "--no-pin")
    assert node.pinned.keys() == {place.root(4)}


def test_where_pinning_fails_the_edition_is_here_and_not_there(place: Place) -> None:
    node = place.add()
    node.silent = True
    finished = place.publish("two", "--pin", code=3)
    assert "edition 3, 3 entries" in finished.out
    assert "edition 3 is published here, and not yet there; to go on: mirror pin, mirror name\n" in finished.err
    node.silent = False
    place.run("pin", "--yes")
    assert node.pinned.keys() == {place.root(3)}


def test_where_only_the_name_fails_that_is_said(place: Place) -> None:
    node = place.add()

    def fail(record: bytes, key: Any) -> None:
        raise Unavailable("node home takes no records")

    node.put_name = fail
    finished = place.publish("two", "--pin", code=3)
    assert "name          node home takes no records\n" in finished.err
    assert "edition 3 is published and pinned, and its name does not lead there: mirror name\n" in finished.err


def test_a_proxy_leaves_the_node_out_of_publishing_too(place: Place) -> None:
    node = place.add()
    place.settings(pin='"home"', proxy="socks5h://127.0.0.1:1")
    finished = place.publish("two", code=3)
    assert "is left out: a proxy is set" in finished.err
    assert node.pinned == {}
    place.publish("three", "--node-shows-its-address")
    assert node.pinned.keys() == {place.root(4)}


def test_an_older_copy_is_refused_because_the_node_holds_a_later_edition(place: Place) -> None:
    place.add()
    shutil.copytree("voices", "older")
    place.publish("two", "--pin")
    shutil.rmtree("state")
    finished = place.publish("three", "--this-is-newest", code=4, home="older")
    assert "mirror: error: home holds edition 3 of this mirror, and edition 2 is the newest here\n" in finished.err
    assert "hint: bring that edition in with: mirror import --from home" in finished.err
    assert "home holds edition 3" in place.run("withdraw", "1", "--yes", "--this-is-newest", code=4, home="older").err
    (place.folder / "older/mirror.toml").write_text((place.folder / "voices/mirror.toml").read_text())
    assert "held by       home (kubo): home holds edition 3" in place.run("status", home="older").out
    assert place.json("status", home="older")["next"] == ["mirror import --from home"]  # all else would be refused
    assert "edition 3 is here now, " in place.run("import", "--from", "home", home="older").out
    place.publish("three", "--this-is-newest", home="older")
    assert list(Path("older/cache").glob("*.car")) == []


def test_an_older_copy_is_refused_because_its_name_leads_further(place: Place) -> None:
    node = place.add()
    shutil.copytree("voices", "older")
    place.publish("two", "--pin")
    node.pinned.clear()
    shutil.rmtree("state")
    finished = place.publish("three", "--this-is-newest", code=4, home="older")
    assert "node home shows that edition 3 was named with this key, and this copy is at edition 2" in finished.err


def test_another_history_leaves_its_evidence(place: Place) -> None:
    node = place.add()
    shutil.copytree("voices", "older")
    place.publish("two", "--pin")
    shutil.rmtree("state")
    node.silent = True
    place.publish("three", "--this-is-newest", home="older")
    node.silent = False
    finished = place.run("pin", "--yes", code=1, home="older")
    assert "home          home holds another history of this mirror: two checkpoints" in finished.err
    assert "evidence: fork-3-3.txt; what you held is unchanged; show it to others" in finished.err
    vkey = re.findall("vkey  (.*)\n", place.run("key", "show").out)[0]
    assert run_mirror("verify", "--key", vkey, "fork-3-3.txt").code == 1
    assert place.publish("four", code=1, home="older").err.count("another history") == 1
    assert "another history" in place.run("status", code=1, home="older").out
    assert place.run("import", "--from", "home", code=1, home="older").err.count("fork-3-3.txt")


def test_publishing_goes_on_where_nobody_answers_and_says_who(place: Place) -> None:
    node = place.add()
    node.silent = True
    finished = place.publish("two", "--no-pin")
    assert (
        "not asked     node home cannot be reached: nobody listens there; a later edition there would not be noticed\n"
        in finished.err
    )


def test_nobody_is_asked_where_nobody_is_configured(place: Place, no_one_outside: list[str]) -> None:
    place.publish("two")
    place.run("status")
    assert place.order == []


# Withdrawing


def test_what_is_withdrawn_leaves_the_node(place: Place) -> None:
    node = place.add()
    place.run("pin", "--yes")
    shown = place.run("withdraw", "1", "--yes")
    assert "the services of mirror.toml have it still; to take it from them: mirror pin\n" in shown.err
    finished = place.run("pin")
    assert "home          removed 1 block of #1, withdrawn; asked again, it lacks them\n" in finished.out
    assert "stays until: ipfs repo gc (Kubo never does it by itself)\n" in finished.out
    assert b"Told of one" not in b"".join(node.blocks.values())
    assert "removed" not in place.run("pin").out


def test_after_a_withdrawal_it_is_said_that_the_name_still_leads_before_it(place: Place) -> None:
    words = "the mirror's name leads to the edition before still; to lead it on: mirror name\n"
    place.publish("two")
    assert words not in place.run("withdraw", "1", "--yes").err
    place.run("name")
    assert words in place.run("withdraw", "2", "--yes").err
    place.add()
    place.settings(pin='"home"')
    place.publish("three")
    assert words not in place.run("withdraw", "5", "--yes").err


def test_with_pin_in_the_settings_it_leaves_at_once_also_with_a_proxy(place: Place) -> None:
    node = place.add()
    place.run("pin", "--yes")
    place.settings(pin='"home"', proxy="socks5h://127.0.0.1:1")
    document = place.json("withdraw", "1", "--yes")
    assert document["pinned"][0]["removed"] == 1
    assert b"Told of one" not in b"".join(node.blocks.values())


def test_a_pin_by_hand_that_holds_it_is_named(place: Place) -> None:
    node = place.add()
    place.publish("two", "--pin")
    node.pin_by_hand(place.root(2), "mine")
    place.run("withdraw", "1", "--yes")
    finished = place.run("pin", code=3)
    assert re.search(r"home          keeps [0-9]+ blocks of #1, withdrawn: pinned: recursive\n", finished.out)
    assert re.search(r"removed [0-9]+ blocks of pages that editions from before a withdrawal had\n", finished.out)
    assert "of #1, withdrawn; asked again" not in finished.out
    assert f"the pin 'mine' holds them; if it is yours: ipfs pin rm {place.root(2)}, then mirror pin\n" in finished.out
    document = place.json("pin", code=3)["services"][0]
    assert document["kept_by"] == [{"name": "mine", "root": str(place.root(2))}]
    node.unpin(place.root(2))
    assert "removed 1 block of #1" in place.run("pin").out


def test_a_pin_is_named_once_whatever_it_is_called(place: Place) -> None:
    node = place.add()
    place.publish("two", "--pin")
    node.pin_by_hand(place.root(2), "mi\x1b[31mne\nhome")
    place.run("withdraw", "1", "--yes")
    (line,) = [line for line in place.run("pin", code=3).out.split("\n") if "ipfs pin rm" in line]
    assert line.startswith("home          the pin 'mi [31mne home' holds them; if it is yours: ipfs pin rm bafy")


def test_of_a_pinning_service_is_said_what_cannot_be_told(place: Place) -> None:
    place.add("paid", "pinning")
    place.run("pin", "--yes")
    place.run("withdraw", "1", "--yes")
    finished = place.run("pin")
    assert "paid          no longer pins what was withdrawn; the bytes stay wherever they lie\n" in finished.err


# Status


def test_status_says_what_each_holds_and_since_when_it_is_behind(place: Place) -> None:
    place.add("home")
    place.add("paid", "pinning")
    away = place.add("away")
    place.run("pin", "--yes", "--to", "home")
    place.run("pin", "--yes", "--to", "paid")
    service = place.holders["paid"]
    service.pinned = {
        root: (name, Held(root, "pinned", copies=2, wanted=3)) for root, (name, _) in service.pinned.items()
    }
    place.publish("two")
    os.utime("voices/archive/editions/000003.car", (1_700_000_000, 1_700_000_000))
    away.silent = True
    place.run("pin", "--yes", "--to", "paid")
    finished = place.run("status", code=3)
    assert "held by       home (kubo): edition 2, behind since 2023-11-14\n" in finished.out
    assert "held by       paid (pinning): edition 3\n" in finished.out
    assert "held by       away (kubo): node away cannot be reached: nobody listens there\n" in finished.out
    assert "next          mirror pin\n" in finished.out
    document = place.json("status", code=3)["held_by"]
    assert [(each["service"], each["state"], each["edition"], each["behind_since"]) for each in document] == [
        ("home", "behind", 2, "2023-11-14"), ("paid", "pinned", 3, None), ("away", "silent", None, None),
    ]  # fmt: skip
    place.order.clear()
    assert "held by" not in place.run("status", "--offline").out
    assert place.order == []


def test_while_a_withdrawal_is_under_way_status_answers_and_nothing_is_sent(place: Place) -> None:
    node = place.add()
    (place.folder / "voices/archive/dropping").write_text(f"{CID.of_raw(b'x')}\n")
    finished = place.run("status")
    assert "behind        a withdrawal was interrupted" in finished.out
    assert "held by       home (kubo): nothing of this mirror" in finished.out
    assert "mirror: error: a withdrawal was interrupted; what it withdraws may still" in place.run("pin", code=4).err
    assert node.sent == []


def test_status_tells_of_what_nobody_knows_also_where_all_is_pinned(place: Place) -> None:
    node, other = place.add(), CID.of_raw(b"x")
    place.run("pin", "--yes")
    node.pin_by_hand(other, NAME)
    words = f"{other} bears this mirror's name there, and is no edition that is here"
    assert f"held by       home (kubo): edition 2; {words}\n" in place.run("status").out
    assert f"home holds {other} under this mirror's name" in place.publish("two", code=4).err


def test_status_counts_copies(place: Place) -> None:
    service = place.add("ours", "pinning")
    service.pinned = {place.root(2): (NAME, Held(place.root(2), "pinned", copies=2, wanted=3))}
    assert "held by       ours (pinning): edition 2, 2 of 3 copies\n" in place.run("status").out
    service.pinned = {}
    assert "held by       ours (pinning): nothing of this mirror, behind since " in place.run("status").out


# Bringing in from a node


def test_import_from_who_holds_nothing_or_gives_nothing(place: Place) -> None:
    place.add("home")
    place.add("paid", "pinning")
    assert "home holds nothing of this mirror" in place.run("import", "--from", "home", code=3).err
    assert "paid is no node, and gives no blocks" in place.run("import", "--from", "paid", code=4).err


def test_import_from_a_node_mends_what_is_damaged_here(place: Place) -> None:
    place.add()
    place.run("pin", "--yes")
    path = place.folder / "voices/archive/editions/000002.car"
    path.write_bytes(path.read_bytes().replace(b"Told of one", b"TOLD OF ONE", 1))
    place.run("fsck", code=1)
    assert "took 1 block of it that this archive lacked or had damaged" in place.run("import", "--from", "home").out
    place.run("fsck")


@pytest.mark.parametrize("lie", ["endless", "cut off", "another"])
def test_a_node_that_exports_something_else_brings_nothing_in(place: Place, lie: str) -> None:
    node = place.add()
    shutil.copytree("voices", "older")
    place.publish("two", "--pin")
    honest = node.export

    def export(root: Any) -> Iterator[bytes]:
        if lie == "endless":
            while True:
                yield bytes(1 << 16)
        whole = b"".join(honest(root))
        yield whole[:-40] if lie == "cut off" else whole.replace(b"Told of two", b"Told of TWO")

    node.export = export
    shutil.rmtree("state")
    before = sorted(Path("older").rglob("*"))
    finished = place.run("import", "--from", "home", code=3 if lie == "endless" else 1, home="older")
    said = "home sends more than the" if lie == "endless" else "nothing was imported"
    assert said in finished.err
    assert [path for path in sorted(Path("older").rglob("*")) if path not in before and "cache" not in path.parts] == []
    assert list(Path("older/cache").glob("*.car")) == []


def test_services_of_every_kind_are_opened_with_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []

    def keep(kind: str) -> Callable[..., None]:
        return lambda *words, **more: opened.append((kind, *words[:2], more))

    monkeypatch.setattr(services, "Node", keep("node"))
    monkeypatch.setattr(holding, "Cluster", keep("cluster"))
    monkeypatch.setattr(holding, "PinningService", keep("service"))

    class Nowhere:
        credentials = type("", (), {"read": staticmethod(lambda name: None)})
        route = None

    for service in (
        Service("a", "kubo", "/x"),
        Service("b", "cluster", "http://x", copies=(1, 2)),
        Service("c", "pinning", "https://x", origins=("/o",)),
    ):
        holding.open_holder(Nowhere, Nowhere, service)  # type: ignore[arg-type]
    assert opened == [
        ("node", "a", "/x", {}),
        ("cluster", "b", "http://x", {"copies": (1, 2)}),
        ("service", "c", "https://x", {"origins": ("/o",)}),
    ]
