"""What verify.html reads is what the command reads: each format, taken by both or refused by both, as the same value.

Values that are good, the same with a few bytes changed, and bytes by chance; of text, strings by chance.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from handed import another_log, forked, proven
from hypothesis import example, given, settings
from hypothesis import strategies as st
from javascript import Modules, modules
from judging import honest
from mangle import mangled
from mutate import mutated
from strategies import ATTACHMENTS, DATES, ENTRIES, FOLDER_CIDS, LANGUAGES, NOTES, RAW_CIDS, TAGS, sign_honestly
from tampered import Small
from world import Mirror, cid_of

from mirror.errors import Malformed, MirrorError, NeedsNewer
from mirror.formats import car, cid, entry, fields, fork, key, link, note, notes, proof, unixfs, wire
from mirror.formats.cid import CID, IDENTITY, LIBP2P_KEY
from mirror.formats.entry import Entry
from mirror.tree import index_of_note, note_path

VKEY = Mirror().key.public.vkey


@pytest.fixture(scope="module")
def verifier() -> Iterator[Modules]:
    with modules() as running:
        yield running


def read(parse: Callable[[Any], Any], data: Any) -> tuple[Any, str]:
    """What the command makes of it: a value, or the kind of its fault."""
    try:
        return parse(data), ""
    except NeedsNewer:
        return None, "newer"
    except Malformed:
        return None, "malformed"


def assert_alike(verifier: Modules, what: str, data: bytes, parse: Callable[[bytes], Any]) -> None:
    """Both take `data` and make the same of it, or both refuse it as of the same kind."""
    value, kind = read(parse, data)
    answer = verifier.ask("parse", what=what, data=data)
    assert (answer.kind, answer.value) == (kind, value), answer.words


def text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """A parser of text, for bytes."""
    return lambda data: parse(wire.decode_utf8(data))


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spelled(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Values as they are spelled, the same with mishaps, and text by chance."""
    right = strategy.map(lambda value: str(value).encode())
    return right | mutated(right) | mangled(right) | st.text(max_size=12).map(str.encode)


NAMES = {"translation_of": "translationOf", "root_hash": "rootHash", "root_cid": "rootCid"}


def plainly(value: Any) -> Any:
    """A header's value as the modules give it."""
    if isinstance(value, key.PublicKey):
        return value.vkey
    if isinstance(value, tuple):
        return [plainly(each) for each in value]
    if isinstance(value, fields.Attachment):
        return {"cid": str(value.cid), "length": str(value.length), "mediaType": value.media_type, "name": value.name}
    if isinstance(value, fields.Item):
        return {"name": value.name, "cid": str(value.cid)}
    return value if value is None else str(value)


def entry_as_read(made: Entry) -> dict[str, Any]:
    return {"kind": made.kind, "cid": str(made.cid), "withdrawal": made.withdrawal and made.withdrawal.hex()}


ODD_CIDS = (
    st.binary(min_size=32, max_size=32).map(lambda digest: CID(b"\x12\x20" + digest))
    | st.binary(max_size=40).map(lambda data: CID(bytes([1, 0x55, IDENTITY, len(data)]) + data))
    | st.binary(min_size=32, max_size=32).map(lambda raw: CID(bytes([1, LIBP2P_KEY, 0, 36, 8, 1, 18, 32]) + raw))
    | st.binary(min_size=32, max_size=32).map(lambda digest: CID(b"\x01\x71\x12\x20" + digest))
)
CIDS = RAW_CIDS | FOLDER_CIDS | ODD_CIDS
KEPT = {
    "fold": (st.text(max_size=20).map(str.encode), text(str.casefold)),
    "decimal": (spelled(st.integers(0, 2**63)), text(lambda found: str(wire.decode_decimal(found)))),
    "hex": (spelled(st.binary(max_size=20).map(bytes.hex)), text(lambda found: in_base64(wire.decode_hex(found)))),
    "base64": (
        spelled(st.binary(max_size=20).map(wire.encode_base64)),
        text(lambda found: in_base64(wire.decode_base64(found))),
    ),
    "base32": (
        spelled(st.binary(max_size=20).map(wire.encode_base32)),
        text(lambda found: in_base64(wire.decode_base32(found))),
    ),
    "base36": (
        spelled(st.binary(max_size=20).map(wire.encode_base36)),
        text(lambda found: in_base64(wire.decode_base36(found))),
    ),
    "base58": (
        spelled(st.binary(max_size=20).map(wire.encode_base58)),
        text(lambda found: in_base64(wire.decode_base58(found))),
    ),
    "varint": (
        mangled(st.integers(0, 2**63 - 1).map(wire.encode_varint)),
        lambda data: [str(wire.decode_varint(data)[0]), wire.decode_varint(data)[1]],
    ),
    "cid": (spelled(CIDS), text(lambda found: str(cid.parse(found)))),
    "binary cid": (mangled(CIDS.map(bytes)), lambda data: str(cid.from_bytes(data))),
    "name": (spelled(st.text("az09._~/-A+", max_size=9)), text(key.parse_name)),
    "note name": (spelled(st.text(max_size=5)), text(key.parse_note_name)),
    "vkey": (spelled(st.just(VKEY)), text(lambda found: str(key.parse_vkey(found).ipns))),
    "language": (spelled(LANGUAGES | st.text("abzAZ019-x", max_size=20)), text(fields.language_tag)),
    "date": (spelled(DATES | st.text("0123456789-", max_size=10)), text(fields.coarse_date)),
    "attachment": (spelled(ATTACHMENTS), text(lambda found: plainly(fields.attachment(found)))),
    "entry": (
        mangled(ENTRIES.map(bytes)) | mutated(ENTRIES.map(bytes)) | st.just(b"amendment 3") | st.just(b"charter"),
        lambda data: entry_as_read(entry.parse(data)),
    ),
    "path of a note": (
        spelled(st.integers(0, 10**8 - 1).map(lambda index: "/".join(note_path(index)))),
        text(lambda found: index_of_note(tuple(found.split("/")))),
    ),
}


@pytest.mark.parametrize("what", KEPT)
def test_fields_and_spellings(what: str, verifier: Modules) -> None:
    strategy, parse = KEPT[what]

    @given(strategy)
    @settings(max_examples=150)
    def read_by_both(data: bytes) -> None:
        assert_alike(verifier, what, data, parse)

    read_by_both()
    assert verifier.ask("parse", what=what, data=b"\xff").kind == "malformed"


@pytest.mark.parametrize(
    "tag", ["sl-rozaj-biske", "sl-rozaj-rozaj", "de-a-bb-u-co", "de-u-co-u-co", "i-klingon", "x-a"]
)
def test_language_tags(verifier: Modules, tag: str) -> None:
    assert_alike(verifier, "language", tag.encode(), text(fields.language_tag))


@given(TAGS | st.text(max_size=6))
@example("\u0378")  # not assigned
@example("A")
@example("ǅ")
def test_tags(verifier: Modules, tag: str) -> None:
    assert_alike(verifier, "tag", tag.encode(), text(fields.tag))


@pytest.mark.parametrize(
    "name", ["conin$", "CONİN$", "conın$", "CLOCK$ .txt", "com¹", "lpt9.\u00a0", "con .", "coN", "comm1"]
)
def test_devices(verifier: Modules, name: str) -> None:
    line = f"{cid_of(b'')} 0 text/plain {name}".encode()
    taken = verifier.ask("parse", what="attachment", data=line).kind == ""
    assert taken is (read(text(fields.attachment), line)[1] == "")


@given(mutated(NOTES.map(sign_honestly)) | NOTES.map(sign_honestly))
@settings(max_examples=300)
def test_notes(verifier: Modules, data: bytes) -> None:
    def lines(data: bytes) -> dict[str, Any]:
        content, signatures = note.split_note(data)
        return {"text": content, "lines": len(signatures)}

    assert_alike(verifier, "note", data, lines)


def values_of(content: str) -> dict[str, Any]:
    made = notes._parse(content)
    found: dict[str, Any] = {"word": made.word, "text": content, "body": getattr(made, "body", None)}
    for header in made.headers:
        value = getattr(made, header.attribute)
        name = NAMES.get(header.attribute, header.attribute)
        if header.attribute in ("salt", "token"):
            found[name] = value and in_base64(value)
        elif isinstance(value, bytes) and not isinstance(value, CID):
            found[name] = header.print(value)
        else:
            found[name] = plainly(value)
    return found


def compared(found: Any) -> Any:
    """Of keys, only the vkey."""
    if isinstance(found, dict):
        return found["vkey"] if "vkey" in found else {name: compared(each) for name, each in found.items()}
    return [compared(each) for each in found] if isinstance(found, list) else found


TEXTS = NOTES.map(lambda made: made.text.encode())


@given(TEXTS | mutated(TEXTS))
@settings(max_examples=400)
def test_the_five_kinds(verifier: Modules, data: bytes) -> None:
    value, kind = read(text(values_of), data)
    answer = verifier.ask("parse", what="kind", data=data)
    assert answer.kind == kind, answer.words
    assert compared(answer.value) == value


PROOF = proven(2)()["note.tlog-proof"]


@given(mutated(st.just(PROOF)) | mangled(st.just(PROOF)))
@settings(max_examples=200)
@example(PROOF)
@example(PROOF.replace(b"index", b"extra \nindex"))
@example(PROOF.replace(b"index", b"extra AAAA\nindex"))
def test_proofs(verifier: Modules, data: bytes) -> None:
    def parse(data: bytes) -> dict[str, Any]:
        made = proof.parse(data)
        hashes = [in_base64(each) for each in made.hashes]
        return {"index": str(made.index), "hashes": hashes, "checkpoint": in_base64(made.checkpoint)}

    assert_alike(verifier, "proof", data, parse)


FORK = forked(another_log(4), honest())()["fork.txt"]


@given(mutated(st.just(FORK)) | mangled(st.just(FORK)))
@settings(max_examples=200)
@example(FORK)
def test_fork_evidence(verifier: Modules, data: bytes) -> None:
    def parse(data: bytes) -> dict[str, Any]:
        made = fork.parse(data)
        first, second, root = (in_base64(each) for each in (made.first, made.second, made.other_root))
        hashes = [in_base64(each) for each in made.hashes]
        return {"first": first, "second": second, "otherRoot": root or None, "hashes": hashes}

    assert_alike(verifier, "evidence", data, parse)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Small(tmp_path_factory.mktemp("small")).export.read_bytes()


def sections_of(data: bytes, path: Any) -> dict[str, Any]:
    path.write_bytes(data)
    found, damage = [], None
    with path.open("rb") as file:
        roots = [str(root) for root in car.read_header(file).roots]
        try:
            for section in car.sections(file):
                found.append([str(section.cid), section.offset, section.length])
        except MirrorError as error:
            damage = error.message
    firsts = {name: [name, *place] for name, *place in reversed(found)}
    return {"found": sorted(firsts.values()), "damage": damage, "roots": roots}


@given(st.data())
@settings(max_examples=150)
def test_cars(verifier: Modules, export: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    made = data.draw(mangled(st.sampled_from([export, export[:1500], export[:61]])))
    path = tmp_path_factory.getbasetemp() / "mangled.car"
    value, kind = read(lambda each: sections_of(each, path), made)
    answer = verifier.ask("parse", what="car", data=made)
    assert answer.kind == kind
    if answer.value is not None:
        answer.value["found"].sort()
    assert answer.value == value


@given(st.data())
@settings(max_examples=200)
def test_folders(verifier: Modules, data: st.DataObject) -> None:
    copy = honest().lay()
    blocks = [copy.get(link.cid) for link in copy.paths.values() if link.cid.codec == cid.DAG_PB]
    made = data.draw(mangled(st.sampled_from(blocks)))

    def parse(block: bytes) -> list[dict[str, Any]]:
        return [{"cid": str(each.cid), "name": each.name, "size": str(each.size)} for each in unixfs.open_folder(block)]

    assert_alike(verifier, "folder", made, parse)


ROOT = honest().lay().root
LINKS = st.sampled_from(
    [
        f"ipfs://{ROOT}#{VKEY}",
        f"ipns://{Mirror().key.public.ipns}/note/00/00/00/01.txt#{VKEY}",
        f"https://gateway.example/ipfs/{ROOT}/index.html#{VKEY}",
        f"https://{ROOT}.ipfs.gateway.example/?x=1#{VKEY.replace('+', '%2B')}",
        f"/ipfs/{ROOT}/a%20b",
        str(ROOT),
        f"{Mirror().key.public.ipns}/x",
        f"http://127.0.0.1:8080/ipns/{Mirror().key.public.ipns}",
    ]
)


@given(spelled(LINKS))
@settings(max_examples=300)
def test_links(verifier: Modules, data: bytes) -> None:
    """A link with a stray percent sign is refused by a page, and taken as it stands by the command."""

    def parse(found: str) -> dict[str, Any]:
        made = link.parse(found)
        return {"scheme": made.scheme, "cid": str(made.cid), "path": made.path, "key": made.key and made.key.vkey}

    value, kind = read(text(parse), data)
    answer = verifier.ask("parse", what="link", data=data)
    if b"%" not in data:
        assert (answer.kind, compared(answer.value)) == (kind, value), answer.words
    assert answer.kind in ("", "malformed")
