"""`mirror name`: signed once, told to everyone, asked back; and what is shown where somebody lies or knows better."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemons import Kubo
from listening import Line, Listener, Socks, answering
from serving import serving, shelf_of
from storyteller import Finished, run_mirror
from strategies import KEY, NAMESAKE
from test_docs import documents
from workbench import LOCK, Bench

from mirror.formats import ipns, link
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import MEDIA_TYPE, Naming
from mirror.formats.key import SecretKey
from mirror.store import files

NAME = KEY.public.ipns
LINK = str(link.newest(KEY.public))
OTHER = CID.of(DAG_PB, b"another tree")
TODAY = datetime.now(UTC).date()
PAST, SOON = date(2025, 12, 1), (TODAY + timedelta(days=60)).replace(day=1)
LATE = date(TODAY.year + 3, 12, 1)
"""Ends of records: the program goes by the real clock."""


class Names(Listener):
    """A routing endpoint that keeps whatever it is given, unless `stubborn`."""

    def __init__(self, holds: bytes | None = None, *, stubborn: bool = False) -> None:
        super().__init__(self._answer)
        self.holds = holds
        self.stubborn = stubborn

    def _answer(self, line: Line) -> None:
        if line.head.startswith(b"PUT "):
            self.holds = self.holds if self.stubborn else line.body
            answering(b"")(line)
        elif self.holds is None:
            answering(b"", 404)(line)
        else:
            answering(self.holds, Content_Type=MEDIA_TYPE)(line)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A workspace with edition 2, which the commands take for theirs; its key opens with an identity file."""
    made = Bench(tmp_path)
    made.publish(made.write("one.md"))
    made.workspace.archive.close()
    (tmp_path / "identity.txt").write_text("".join(f"{line}\n" for line in LOCK.lines))
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MIRROR_HOME", str(made.workspace.home))
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(tmp_path / "identity.txt"))
    monkeypatch.chdir(tmp_path)
    yield made
    made.workspace.archive.close()


@pytest.fixture
def names() -> Iterator[Callable[..., Names]]:
    opened: list[Names] = []

    def start(holds: bytes | None = None, *, stubborn: bool = False) -> Names:
        opened.append(Names(holds, stubborn=stubborn).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__()


def record(sequence: int, root: CID = OTHER, until: date = LATE, signer: SecretKey = KEY) -> bytes:
    return ipns.sign(Naming(signer.public, root, sequence, until), signer)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def run(*arguments: str | Path, code: int = 0) -> Finished:
    finished = run_mirror(*arguments)
    assert finished.code == code, finished
    return finished


def kept(bench: Bench) -> bytes:
    data = bench.workspace.archive.name_record()
    assert data is not None
    return data


def publish(bench: Bench, name: str) -> None:
    bench.start()
    bench.publish(bench.write(name, body=f"What happened in {name}."))
    bench.workspace.archive.close()


# Signing


def test_a_name_is_signed_once_for_each_edition(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("name")
    opened = ipns.open_record(kept(bench), NAME)
    assert (opened.sequence, opened.root) == (2, bench.head.root)
    assert f"leads to      edition 2, {bench.head.root}\nuntil         {opened.end.date()}\n" in shown.out
    assert f'_dnslink.HOST TXT "dnslink=/ipns/{NAME}"\n' in shown.out
    assert shown.err == "nobody was told: mirror.toml names no node and no routing endpoint, and there is no --at\n"
    before = kept(bench)
    monkeypatch.delenv("MIRROR_IDENTITY_FILE")
    run("name", "--record", "a.ipns-record")  # no key is needed for what is current
    assert kept(bench) == before == Path("a.ipns-record").read_bytes()
    refused = run("name", "--renew", code=4)
    assert "the mirror's key is encrypted to an age identity" in refused.err
    publish(bench, "two.md")
    assert "the mirror's key is encrypted to an age identity" in run("name", code=4).err
    assert kept(bench) == before
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", "identity.txt")
    run("name")
    assert ipns.open_record(kept(bench), NAME).sequence == 3


def test_a_record_that_ends_soon_is_said_and_renewed(bench: Bench) -> None:
    old = record(2, bench.head.root, SOON)
    bench.workspace.archive.set_name_record(old)
    shown = run("--quiet", "name")
    assert kept(bench) == old
    assert shown.err == f"the record ends on {SOON}; whoever has the key renews it: mirror name --renew\n"
    assert run("--quiet", "name", "--renew").err == ""
    renewed = ipns.open_record(kept(bench), NAME)
    assert (renewed.sequence, renewed.root) == (2, bench.head.root)
    assert renewed.order > ipns.open_record(old, NAME).order


def test_a_record_that_has_ended_or_is_damaged_is_signed_anew(bench: Bench) -> None:
    for wrong in (record(2, bench.head.root, PAST), record(2, bench.head.root)[:-1], b"", record(1)):
        bench.workspace.archive.set_name_record(wrong)
        run("name")
        assert ipns.open_record(kept(bench), NAME).root == bench.head.root


def test_a_copy_that_is_behind_what_was_signed_here_names_nothing(bench: Bench) -> None:
    older = bench.workspace.archive.head_path.read_bytes()
    publish(bench, "two.md")
    bench.workspace.archive.edition_path(3).unlink()
    bench.workspace.archive.head_path.write_bytes(older)
    refused = run("name", code=4)
    assert (
        "this copy is at edition 2, but edition 3 was signed on this machine; the name is not led back" in refused.err
    )
    assert bench.workspace.archive.name_record() is None


def test_only_the_publisher_signs(bench: Bench, names: Callable[..., Names], monkeypatch: pytest.MonkeyPatch) -> None:
    bench.workspace.key_path.unlink()
    assert "holds no signing key; only the mirror's publisher can do this" in run("name", code=4).err
    monkeypatch.setenv("MIRROR_HOME", "nowhere")
    assert "holds no workspace" in run("name", code=3).err


def test_status_shows_where_the_name_leads_and_until_when(bench: Bench) -> None:
    assert json.loads(run("--json", "status").out)["name"] is None
    run("name")
    shown = run("status")
    opened = ipns.open_record(kept(bench), NAME)
    assert f"the name      leads to edition 2, until {opened.end.date()}\n" in shown.out
    assert "mirror name" not in shown.out
    given = json.loads(run("--json", "status").out)
    assert given["name"] == {"edition": 2, "until": opened.end.isoformat()}
    assert set(given) in documents("status")
    for wrong, words, command in [
        (record(2, bench.head.root, SOON), f"leads to edition 2, until {SOON}", "name --renew"),
        (record(2, bench.head.root, PAST), f"leads to edition 2, until {PAST}", "name"),
        (record(1), f"leads to edition 1, until {LATE}", "name"),
        (record(2), f"leads to edition 2, until {LATE}", "name"),
        (b"x", "that is kept here is none: ", "name"),
    ]:
        bench.workspace.archive.set_name_record(wrong)
        shown = run("status")
        assert f"behind        the record of the name {words}" in shown.out
        assert f"next          mirror {command}\n" in shown.out
    bench.workspace.key_path.unlink()
    shown = run("status")
    assert "behind        the record of the name that is kept here is none" in shown.out
    assert "mirror name" not in shown.out


# Telling


def test_everyone_is_told_and_asked_back(bench: Bench, names: Callable[..., Names]) -> None:
    one, other = names(), names(record(1))
    bench.workspace.settings_path.write_text(f'routing = ["{one.url}"]\n')
    shown = run("name", "--at", other.url)
    assert one.holds == other.holds == kept(bench)
    assert shown.out.endswith(f"took it       {one.url}\ntook it       {other.url}\n")
    methods = [head.split(b" ")[0] for head in other.heads]
    assert methods == [b"GET", b"PUT", b"GET"]
    given = json.loads(run("--json", "name").out)
    assert given["told"] == [{"who": one.url, "state": "taken", "words": ""}]
    assert (given["name"], given["edition"], given["index_hash"]) == (str(NAME), 2, str(bench.head.root))


def test_who_does_not_answer_or_keeps_nothing_is_named(bench: Bench, names: Callable[..., Names]) -> None:
    one, stubborn, dead = names(), names(stubborn=True), f"http://127.0.0.1:{free_port()}"
    shown = run("name", "--at", one.url, "--at", stubborn.url, "--at", dead, code=3)
    assert shown.out.endswith(
        f"took it       {one.url}\n"
        f"not yet       {stubborn.url} takes records and keeps none: is it connected?\n"
        f"did not       {dead} cannot be reached: nobody listens there\n"
    )
    run("name", "--at", one.url)


@pytest.mark.parametrize("until", [LATE, PAST])
def test_somebody_who_knows_a_later_edition_stops_it(bench: Bench, names: Callable[..., Names], until: date) -> None:
    one, ahead = names(), names(record(3, until=until))
    shown = run("name", "--at", one.url, "--at", ahead.url, code=1)
    words = f"{ahead.url} shows that edition 3 was named with this key, and this copy is at edition 2"
    assert words in shown.err
    assert f"bring in a copy of {OTHER} with: mirror import FILE.car" in shown.err
    assert one.holds is bench.workspace.archive.name_record() is None


def test_another_tree_under_this_number_is_a_fork(bench: Bench, names: Callable[..., Names]) -> None:
    shown = run("name", "--at", names(record(2)).url, code=1)
    assert "number 2 of this name leads to two trees: the archive says" in shown.err


def test_nobody_can_stop_it_with_what_the_key_did_not_sign(bench: Bench, names: Callable[..., Names]) -> None:
    liar = names(record(9, signer=NAMESAKE), stubborn=True)
    shown = run("name", "--at", liar.url, code=3)
    assert "gives back what is no record of this name: the signature by k51" in shown.out


def test_what_is_said_by_others_stays_in_its_line(bench: Bench) -> None:
    with Listener(answering(b"no\n\x1b[2Jtook it       everyone", 500)) as rude:
        shown = run("name", "--at", rude.url, code=3)
    assert "\x1b" not in shown.out
    assert "\ntook it" not in shown.out


# Handing in somebody's record


def test_anybody_hands_in_a_record_without_a_key(
    bench: Bench, names: Callable[..., Names], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = names()
    path = Path(f"{NAME}.ipns-record")
    path.write_bytes(record(5))
    monkeypatch.setenv("MIRROR_HOME", "nowhere")
    monkeypatch.delenv("MIRROR_IDENTITY_FILE")
    shown = run("name", "--put", path, "--at", one.url)
    assert one.holds == record(5)
    assert shown.out.endswith(f"took it       {one.url}\n")
    Path("any.name").write_bytes(record(6))
    run("name", "--put", "any.name", "--for", LINK, "--at", one.url)
    run("name", "--put", "any.name", "--for", f"ipfs://{OTHER}#{KEY.public.vkey}", "--at", one.url)
    assert one.holds == record(6)
    newer = run("name", "--put", path, "--at", names(record(6), stubborn=True).url, code=1)
    assert "newer         " in newer.out
    forked = run("name", "--put", path, "--at", names(record(5, CID.of(DAG_PB, b"x")), stubborn=True).url, code=1)
    assert "fork          " in forked.out


def test_the_archives_own_record_needs_no_name(bench: Bench, names: Callable[..., Names]) -> None:
    run("name")
    one = names()
    run("name", "--put", bench.workspace.archive.name_path, "--at", one.url)
    assert one.holds == kept(bench)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (record(5)[:-1], "the file it is no record of a name: the IPNS record is cut off"),
        (record(5, signer=NAMESAKE), "is not valid"),
        (record(5, until=PAST), f"has a record that ended on {PAST}: nobody takes it any more"),
        (bytes(10241), "is larger than 10240 bytes"),
    ],
)
def test_nothing_but_a_valid_record_is_handed_in(
    bench: Bench, names: Callable[..., Names], data: bytes, words: str
) -> None:
    one = names()
    Path("it").write_bytes(data)
    assert words in run("name", "--put", "it", "--for", LINK, "--at", one.url, code=1).err
    assert one.heads == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--put", "it", "--at", "http://127.0.0.1:1"), "whose record it is does not follow from the file's name"),
        (("--put", "it", "--for", LINK), "there is nobody to hand it to"),
        (("--put", "it", "--for", f"ipfs://{OTHER}"), "this link names a tree and no key"),
        (("--put", "it", "--for", "k51"), "the link: varint cut off"),
        (("--put", "it", "--look", LINK), "are different things to do"),
        (("--look", LINK, "--renew"), "are different things to do"),
        (("--for", LINK), "there is no --put"),
        (("--look", LINK), "there is nobody to ask"),
        (("--look", f"ipfs://{OTHER}"), "this link names a tree and no key"),
        (("--look", "ipns://" + str(CID(b"\x01\x72\x12\x20" + bytes(32)))), "is not the name of an Ed25519 key"),
        (("--look", LINK, "--at", "ftp://a.example"), "--at ftp://a.example: not the address of a node"),
        (("--look", LINK, "--at", "http://anna:s3cret@a.example"), "a user or a password"),
        (("--record", "it"), "exists already"),
    ],
)
def test_wrong_usage(bench: Bench, arguments: tuple[str, ...], words: str) -> None:
    Path("it").write_bytes(record(5))
    shown = run_mirror("name", *arguments)
    assert (shown.code, words in shown.err) == (4 if "--record" in arguments else 2, True), shown


# Looking


def test_everyone_is_asked_where_a_name_leads(bench: Bench, names: Callable[..., Names]) -> None:
    Path("a.ipns-record").write_bytes(record(4))
    others = [
        names(record(5)),
        names(record(4)),
        names(),
        names(record(9, until=PAST)),
        names(record(9, signer=NAMESAKE)),
    ]
    dead = f"http://127.0.0.1:{free_port()}"  # once the others listen, none of them takes it
    sources = [*(each.url for each in others[:4]), dead, others[4].url, "a.ipns-record"]
    found = run("name", "--look", LINK, *(word for each in sources for word in ("--at", each)))
    lines = found.out.split("\n")
    assert lines[0] == f"the file a.ipns-record\ta record\t4\t{LATE}"
    assert lines[1] == f"{sources[0]}\ta record\t5\t{LATE}"
    assert lines[3].startswith(f"{sources[2]}\tnothing: has no record of the name")
    assert lines[4] == f"{sources[3]}\tended\t9\t{PAST}"
    assert lines[5].startswith(f"{dead}\tno answer: cannot be reached: nobody listens there")
    assert lines[6].startswith(f"{sources[5]}\tfalse: answers what is no record of this name: the signature by")
    assert f"leads to      edition 5, {OTHER}\nuntil         {LATE}\n" in found.out
    given = json.loads(run("--json", "name", "--look", LINK, "--at", sources[0], "--at", dead).out)
    assert set(given) in documents("name")
    assert given["newest"] == {"edition": 5, "index_hash": str(OTHER), "until": f"{LATE}T00:00:00+00:00"}
    assert [each["state"] for each in given["heard"]] == ["record", "silent"]


def test_nobody_knows_it(bench: Bench, names: Callable[..., Names]) -> None:
    shown = run("name", "--look", LINK, "--at", names().url, "--at", names(b"x").url, code=3)
    assert "leads to      not known: nobody has a record of it that counts\n" in shown.out


def test_a_fork_shows_whoever_looks(bench: Bench, names: Callable[..., Names]) -> None:
    sources = ("--at", names(record(5)).url, "--at", names(record(5, CID.of(DAG_PB, b"x"))).url)
    shown = run("name", "--look", LINK, *sources, code=1)
    assert "fork          number 5 of this name leads to two trees: " in shown.out
    assert "\nleads to " not in shown.out
    given = json.loads(run("--json", "name", "--look", LINK, *sources, code=1).out)
    assert given["newest"] is None
    assert given["fork"].startswith("number 5")


@pytest.fixture
def reader(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A reader on a machine of her own, who confirmed the key when the archive was at edition 2; her memory of it."""
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "hers"))
    run("trust", bench.workspace.home, "--yes")
    monkeypatch.setenv("MIRROR_HOME", "nowhere")
    return tmp_path / "hers" / "known" / f"{NAME}.json"


def look(source: Names, code: int = 0) -> Finished:
    return run("name", "--look", LINK, "--at", source.url, code=code)


def test_a_reader_who_confirmed_the_key_is_not_led_back(reader: Path, names: Callable[..., Names]) -> None:
    assert "older " not in look(names(record(7))).out
    shown = look(names(record(6)), code=3)
    assert "leads to      edition 6," in shown.out
    assert "older         a record that you saw before has edition 7: nobody who was asked shows it\n" in shown.out
    forked = look(names(record(7, CID.of(DAG_PB, b"x"))), code=1)
    assert "a record that you saw before says" in forked.out
    assert json.loads(reader.read_bytes())["record"]
    look(names(record(7)))


def test_what_was_verified_before_counts_too(bench: Bench, reader: Path, names: Callable[..., Names]) -> None:
    run("verify", bench.workspace.home)
    shown = look(names(record(1)), code=3)
    assert "older         what you verified before has edition 2" in shown.out
    assert "what you verified before says" in look(names(record(2)), code=1).out
    look(names(record(2, bench.head.root)))


def test_nothing_is_remembered_unasked(
    bench: Bench, names: Callable[..., Names], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIRROR_STATE", str(tmp_path / "hers"))
    monkeypatch.setenv("MIRROR_HOME", "nowhere")
    look(names(record(7)))
    look(names(record(6)))
    assert not (tmp_path / "hers").exists()


def test_the_archive_here_is_compared_with(bench: Bench, names: Callable[..., Names]) -> None:
    assert "the archive here has edition 2" in look(names(record(1)), code=3).out
    assert "the archive here says" in look(names(record(2)), code=1).out


def test_what_mirror_serves_is_asked_as_any_other(bench: Bench) -> None:
    """Its own archive's record, and nobody's else; and it takes none."""
    run("name")
    with bench.workspace.archive as archive, serving(shelf_of([archive])) as gateway:
        found = run("name", "--look", LINK, "--at", gateway.url)
        assert f"{gateway.url}\ta record\t2\t" in found.out
        stranger = str(link.newest(NAMESAKE.public))
        assert "nothing: has no record" in run("name", "--look", stranger, "--at", gateway.url, code=3).out
        assert f"did not       {gateway.url} answers HTTP 501" in run("name", "--at", gateway.url, code=3).out


# The one way out


def test_a_proxy_carries_it_and_nodes_are_left_out(
    bench: Bench, names: Callable[..., Names], no_one_outside: list[str]
) -> None:
    one = names()
    node = '[service.home]\nkind = "kubo"\naddress = "/ip4/127.0.0.1/tcp/1"\n'
    with Socks({"names.example": one.port}) as proxy:
        settings = f'proxy = "{proxy.url}"\nrouting = ["http://names.example"]\n{node}'
        bench.workspace.settings_path.write_text(settings)
        shown = run("name", code=3)
        assert "took it       http://names.example\n" in shown.out
        assert "node home (/ip4/127.0.0.1/tcp/1) is left out: a proxy is set, and a node shows everyone" in shown.out
        assert {host for host, _ in proxy.asked} == {"names.example"}
        used = run("name", "--node-shows-its-address", code=3)
        assert "node home (/ip4/127.0.0.1/tcp/1)" in used.out
        assert "is left out" not in used.out
    assert one.holds == kept(bench)
    down = run("name", code=3)
    assert re.search(
        r"did not       http://names\.example cannot be reached: the proxy socks5h://\S+ does not answer", down.out
    )
    assert no_one_outside == []


def test_the_option_outranks_the_settings(bench: Bench, names: Callable[..., Names]) -> None:
    one = names()
    bench.workspace.settings_path.write_text('proxy = "socks5h://127.0.0.1:1"\nrouting = ["http://names.example"]\n')
    with Socks({"names.example": one.port}) as proxy:
        run("--proxy", proxy.url, "name")
    for wrong in ("", "socks5://127.0.0.1:1", "127.0.0.1:9050"):
        shown = run("--proxy", wrong, "name", "--look", LINK, "--at", one.url, code=2)
        assert "--proxy: not a proxy that asks for names itself" in shown.err


# Real nodes


def settings_of(bench: Bench, *nodes: Kubo) -> None:
    tables = [f'[service.n{at}]\nkind = "kubo"\naddress = "{node.address}"\n' for at, node in enumerate(nodes)]
    bench.workspace.settings_path.write_text("\n".join(tables))


def resolve(node: Kubo) -> str:
    return node.run("name", "resolve", "--nocache", f"/ipns/{NAME}").decode().strip()


def test_a_real_node_takes_it_and_another_finds_it(bench: Bench, pair: tuple[Kubo, Kubo], tmp_path: Path) -> None:
    one, other = pair
    settings_of(bench, one)
    assert f"took it       node n0 ({one.address})\n" in run("name", "--record", "it").out
    assert resolve(other) == f"/ipfs/{bench.head.root}"
    inspected = " ".join(one.run("name", "inspect", "--verify", str(NAME), tmp_path / "it").decode().split())
    assert "Valid: true" in inspected
    assert "Signature Type: V1+V2" in inspected
    publish(bench, "two.md")
    run("name")
    assert resolve(other) == f"/ipfs/{bench.head.root}"
    run("name")  # again, as it has to be every two days
    older = bench.workspace.archive.name_record()
    assert older is not None
    asked = run("name", "--look", LINK, "--at", other.gateway, "--at", other.address, "--at", one.address)
    assert asked.out.count("\ta record\t3\t") == 4
    run("name", "--put", bench.workspace.archive.name_path, "--for", LINK, "--at", other.address)


def test_a_real_node_takes_a_renewal(bench: Bench, pair: tuple[Kubo, Kubo]) -> None:
    settings_of(bench, *pair)
    bench.workspace.archive.set_name_record(record(2, bench.head.root, SOON))
    run("name")
    run("name", "--renew")
    shown = run("name", "--look", LINK)
    assert shown.out.count(f"\ta record\t2\t{ipns.open_record(kept(bench), NAME).end.date()}\n") == 2


def test_a_real_node_that_knows_a_later_edition_stops_it(bench: Bench, pair: tuple[Kubo, Kubo]) -> None:
    settings_of(bench, pair[0])
    Path("later").write_bytes(record(3))
    run("name", "--put", "later", "--for", LINK)
    assert "shows that edition 3 was named with this key, and this copy is at edition 2" in run("name", code=1).err
    behind = run("name", "--put", _file(record(2)), "--for", LINK, code=1)
    assert "newer " in behind.out


def test_a_real_node_without_routing_keeps_nothing(bench: Bench, kubo: Kubo) -> None:
    settings_of(bench, kubo)
    assert "not yet       node n0" in run("name", code=3).out


def _file(data: bytes) -> Path:
    path = Path("record-in-a-file")
    files.replace(path, data)
    return path


def test_everything_that_is_asked_goes_to_known_places(bench: Bench, names: Callable[..., Names]) -> None:
    one = names()
    run("name", "--at", one.url)
    found: set[Any] = {head.split(b" ")[1] for head in one.heads}
    assert found == {f"/routing/v1/ipns/{NAME}".encode(), f"/ipns/{NAME}?format=ipns-record".encode()}
