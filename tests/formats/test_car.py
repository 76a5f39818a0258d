"""CAR files: written, read, indexed, and broken at every byte."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import aleph_cid
import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled
from profiles import Blocks

from mirror.errors import BadBlock, Malformed, Refused
from mirror.formats import car, cbor, unixfs, wire
from mirror.formats import cid as cids
from mirror.formats.car import BLOCK_AT_MOST, HEADER_AT_MOST, Section
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB

ROOT = CID.of(DAG_PB, b"root")
HEADER_V1 = 59
IDENTITY = cids.from_bytes(b"\x01\x55\x00\x03end")


def _car(*contents: bytes, root: CID = ROOT) -> bytes:
    file = io.BytesIO()
    writer = car.Writer(file)
    for content in contents:
        writer.put(CID.of_raw(content), content)
    writer.seal(root)
    return file.getvalue()


def _section(cid: bytes, data: bytes) -> bytes:
    return wire.encode_varint(len(cid) + len(data)) + cid + data


def _header(value: cbor.Value) -> bytes:
    encoded = cbor.encode(value)
    return wire.encode_varint(len(encoded)) + encoded


def _wrap(inner: bytes, *, offset: int = 51, size: int | None = None, index: int = 0, flags: str = "00" * 16) -> bytes:
    """Version 2 around `inner`, padded up to `offset`."""
    numbers = (offset, len(inner) if size is None else size, index)
    head = bytes.fromhex("0aa16776657273696f6e02" + flags) + b"".join(
        number.to_bytes(8, "little") for number in numbers
    )
    return head + b"\xee" * (offset - 51) + inner


def _blocks(data: bytes) -> list[tuple[CID, bytes]]:
    return list(car.blocks(io.BytesIO(data)))


def test_a_file_byte_for_byte() -> None:
    data = _car(b"a")
    assert data[:HEADER_V1].hex() == "3aa265726f6f747381d82a582500" + ROOT.hex() + "6776657273696f6e01"
    assert data[HEADER_V1:] == bytes([37]) + CID.of_raw(b"a") + b"a"


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_what_is_put_is_found(contents: list[bytes]) -> None:
    file = io.BytesIO()
    writer = car.Writer(file)
    places = [writer.put(CID.of_raw(content), content) for content in contents]
    writer.seal(ROOT)
    assert file.tell() == len(file.getvalue())
    assert car.read_header(file) == car.Header(1, (ROOT,), HEADER_V1, None)
    named = [CID.of_raw(content) for content in contents]
    assert list(car.sections(file)) == [Section(cid, *place) for cid, place in zip(named, places, strict=True)]
    assert list(car.blocks(file)) == list(zip(named, contents, strict=True))
    for content, (offset, length) in zip(contents, places, strict=True):
        assert file.getvalue()[offset : offset + length] == content


def test_writing_goes_on_after_the_seal_and_behind_other_bytes() -> None:
    file = io.BytesIO(b"other")
    file.seek(5)
    writer = car.Writer(file)
    writer.seal(ROOT)
    assert writer.put(CID.of_raw(b"b"), b"b") == (5 + HEADER_V1 + 37, 1)
    assert file.getvalue() == b"other" + _car(b"b")


def test_an_unsealed_file_names_no_block() -> None:
    file = io.BytesIO()
    car.Writer(file)
    assert car.read_header(file).roots == (CID(bytes.fromhex("01701220") + bytes(32)),)


def test_blocks_that_no_reader_would_take_are_not_written() -> None:
    file = io.BytesIO()
    writer = car.Writer(file)
    largest = bytes(BLOCK_AT_MOST)
    writer.put(CID.of_raw(largest), largest)
    with pytest.raises(Refused, match=rf"^block {ROOT} has 2097153 bytes, more than 2097152$"):
        writer.put(ROOT, largest + b"e")
    with pytest.raises(Refused, match=rf"^block {IDENTITY} is its own name, and is not kept apart from it$"):
        writer.put(IDENTITY, b"end")
    assert [len(data) for _, data in car.blocks(file)] == [BLOCK_AT_MOST]


@pytest.mark.parametrize(
    "root", [IDENTITY, CID(b"\x12\x20" + bytes(32)), CID.of(DAG_CBOR, b""), CID(b"\x01\x70\0\x20" + bytes(32))]
)
def test_roots_unlike_ours_are_not_written(root: CID) -> None:
    file = io.BytesIO()
    writer = car.Writer(file)
    before = file.getvalue()
    with pytest.raises(Refused, match=rf"^{root} cannot be the root of a CAR of ours$"):
        writer.seal(root)
    assert file.getvalue() == before


@pytest.mark.parametrize("length", range(HEADER_V1 + 38 + 40))
def test_a_cut_anywhere_but_between_sections_shows(length: int) -> None:
    data = _car(b"a", b"bcd")
    assert len(data) == HEADER_V1 + 38 + 40
    if length in (HEADER_V1, HEADER_V1 + 38):
        assert len(_blocks(data[:length])) == (length > HEADER_V1)
        return
    at = 0 if length < HEADER_V1 else HEADER_V1 if length < HEADER_V1 + 38 else HEADER_V1 + 38
    what = "header" if length < HEADER_V1 else "section"
    for read in (car.sections, car.blocks):
        with pytest.raises(Malformed, match=rf"^CAR {what} at byte {at}: "):
            list(read(io.BytesIO(data[:length])))


@pytest.mark.parametrize("place", range(HEADER_V1 + 38))
def test_a_flipped_bit_shows(place: int) -> None:
    data = bytearray(_car(b"a"))
    data[place] ^= 0x01
    if place == HEADER_V1 + 2:  # how a block is to be read is in its name, not in its hash
        assert _blocks(bytes(data)) == [(CID(b"\x01\x54" + CID.of_raw(b"a")[2:]), b"a")]
        return
    if 14 <= place < 50:
        try:
            assert car.read_header(io.BytesIO(data)).roots != (ROOT,)
        except Malformed as error:
            assert error.message.startswith("CAR header at byte 0: ")  # noqa: PT017  (either answer is right)
        return
    with pytest.raises((Malformed, BadBlock)):
        _blocks(bytes(data))


def test_bytes_that_are_not_the_block_are_named() -> None:
    cid = CID.of_raw(b"a")
    data = _car() + _section(cid, b"b")
    assert list(car.sections(io.BytesIO(data))) == [Section(cid, HEADER_V1 + 37, 1)]
    with pytest.raises(BadBlock, match=rf"^the block at byte 96 is not {cid}: its bytes hash to another name$"):
        _blocks(data)
    assert _blocks(_car() + _section(IDENTITY, b"end")) == [(IDENTITY, b"end")]
    with pytest.raises(BadBlock, match=r"^the block at byte 67 is not bafkqaa3fnzsa: "):
        _blocks(_car() + _section(IDENTITY, b"eng"))


RAW = CID.of_raw(b"a")

BAD_SECTIONS = [
    (b"\0", "it is empty"),
    (bytes(5), "it is empty"),
    (b"\x80", "varint cut off at byte 1"),
    (b"\xa5\x00" + RAW + b"a", "varint with a needless byte at byte 1"),
    (b"\xff" * 10, "varint of more than 9 bytes at byte 0"),
    (b"\x80\x80\x80\x80\x08" + RAW, "it claims 2147483648 bytes, more than a block may have"),
    (b"\x26" + RAW + b"a", "it is cut off: it claims 38 bytes, 37 are there"),
    (b"\x23" + RAW, "CID cut off at byte 36"),
    (b"\x01\x01", "varint cut off at byte 2"),
    (
        _section(bytes.fromhex("01551b20") + bytes(32), b"a"),
        "CID with hash function 0x1b over 32 bytes, which we do not read",
    ),
    (_section(bytes.fromhex("0255122000"), b"a" * 40), "CID of version 2 at byte 1, neither 0 nor 1"),
    (
        _section(bytes.fromhex("0155008101") + bytes(129), b""),
        "CID with hash function 0x0 over 129 bytes, which we do not read",
    ),
]


@pytest.mark.parametrize(("section", "words"), BAD_SECTIONS)
def test_sections_that_are_none(section: bytes, words: str) -> None:
    data = _car(b"ok") + section
    for read in (car.sections, car.blocks):
        with pytest.raises(Malformed) as caught:
            list(read(io.BytesIO(data)))
        assert caught.value.message == f"CAR section at byte {HEADER_V1 + 39}: {words}"


def test_the_size_of_a_block_is_bounded_on_both_sides() -> None:
    largest = bytes(BLOCK_AT_MOST)
    assert len(_blocks(_car() + _section(CID.of_raw(largest), largest))) == 1
    over = largest + b"e"
    with pytest.raises(Malformed, match=r"^CAR section at byte 59: its block has 2097153 bytes, more than 2097152$"):
        _blocks(_car() + _section(CID.of_raw(over), over))


class _Watched(io.BytesIO):
    """Remembers the longest read that was asked for."""

    longest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0
        self.longest = max(self.longest, size)
        return super().read(size)


def test_a_claim_of_two_gigabytes_is_refused_before_it_is_read() -> None:
    file = _Watched(_car() + wire.encode_varint(1 << 31) + RAW + bytes(1000))
    with pytest.raises(Malformed, match="more than a block may have"):
        list(car.blocks(file))
    assert file.longest <= HEADER_AT_MOST + 9


def test_an_index_is_made_without_reading_the_data() -> None:
    file = _Watched(_car(bytes(1 << 20)))
    car.read_header(file)
    file.longest = 0
    (section,) = car.sections(file)
    assert section.length == 1 << 20
    assert file.longest <= HEADER_AT_MOST + 9


def test_a_file_that_shrinks_meanwhile_is_cut_off() -> None:
    file = io.BytesIO(_car(b"abc"))
    (section,) = car.sections(file)
    file.truncate(section.offset + 2)
    with pytest.raises(Malformed, match=rf"^CAR is cut off at byte {section.offset + 2}, in block {section.cid}$"):
        car.read_block(file, section)


BAD_HEADERS = [
    (b"", "varint cut off at byte 0"),
    (b"\0", "CBOR cut off at byte 0"),
    (_header({"roots": []}), "it has no version"),
    (_header({"roots": [], "version": True}), "it has no version"),
    (_header({"roots": [], "version": 1.0}), "it has no version"),
    (_header([]), "it has no version"),
    (_header({"roots": [], "version": 2}), "it is of version 2, where 1 should be"),
    (_header({"version": 1}), "it does not hold just roots and a version"),
    (_header({"roots": None, "version": 1}), "it does not hold just roots and a version"),
    (_header({"a": 1, "roots": [], "version": 1}), "it does not hold just roots and a version"),
    (_header({"roots": ["a"], "version": 1}), "it has a root that is not a link"),
    (_header({"roots": [ROOT, bytes(ROOT)], "version": 1}), "it has a root that is not a link"),
    (b"\x01\xa0\x00"[:1] + b"\xbf", "CBOR with a form that is not allowed at byte 0: 0xbf"),
    (wire.encode_varint(HEADER_AT_MOST + 1), f"it claims {HEADER_AT_MOST + 1} bytes, more than {HEADER_AT_MOST}"),
    (wire.encode_varint(HEADER_AT_MOST) + b"\xa0", f"it claims {HEADER_AT_MOST} bytes, and the data end after 1"),
    (b"\x8a\x00" + bytes(10), "varint with a needless byte at byte 1"),
]


@pytest.mark.parametrize(("header", "words"), BAD_HEADERS)
def test_headers_that_are_none(header: bytes, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        _blocks(header)
    assert caught.value.message == f"CAR header at byte 0: {words}"
    with pytest.raises(Malformed) as caught:
        _blocks(_wrap(header, offset=60))
    assert caught.value.message == f"CAR header at byte 60: {words}"


def test_a_header_may_have_no_root_or_many() -> None:
    assert car.read_header(io.BytesIO(_header({"roots": [], "version": 1}))).roots == ()
    many: list[cbor.Value] = [CID.of_raw(number.to_bytes(2)) for number in range(1597)]
    data = _header({"roots": many, "version": 1})
    assert HEADER_AT_MOST - 41 < len(data) - 3 <= HEADER_AT_MOST
    assert list(car.read_header(io.BytesIO(data)).roots) == many
    with pytest.raises(Malformed, match=f"more than {HEADER_AT_MOST}$"):
        car.read_header(io.BytesIO(_header({"roots": [*many, ROOT], "version": 1})))


@pytest.mark.parametrize("offset", [51, 52, 4096])
@pytest.mark.parametrize("tail", [b"", b"\0", b"\x80\x08index"])
def test_version_2_is_read_at_its_offset_and_up_to_its_size(offset: int, tail: bytes) -> None:
    inner = _car(b"a", b"bcd")
    index = offset + len(inner) if tail else 0
    file = io.BytesIO(_wrap(inner, offset=offset, index=index) + tail)
    assert car.read_header(file) == car.Header(2, (ROOT,), offset + HEADER_V1, offset + len(inner))
    assert list(car.blocks(file)) == _blocks(inner)
    assert [section.offset for section in car.sections(file)] == [offset + 96, offset + 134]


def test_version_2_may_be_fully_indexed() -> None:
    assert len(_blocks(_wrap(_car(b"a"), flags="80" + "00" * 15))) == 1


INNER = _car(b"a")

BAD_VERSIONS_2: list[tuple[bytes, str]] = [
    (_wrap(b"")[:50], "CAR header of version 2 is cut off at byte 50"),
    (_wrap(INNER, flags="40" + "00" * 15), "CAR header of version 2 at byte 11: characteristics that we do not know"),
    (_wrap(INNER, flags="00" * 15 + "01"), "CAR header of version 2 at byte 11: characteristics that we do not know"),
    (_wrap(INNER, offset=50), "CAR header of version 2: its data are 97 bytes from 50, the file has 148"),
    (_wrap(INNER, size=98), "CAR header of version 2: its data are 98 bytes from 51, the file has 148"),
    (_wrap(INNER, index=51), "CAR header of version 2: its index at byte 51 is not between data and end"),
    (_wrap(INNER, index=149), "CAR header of version 2: its index at byte 149 is not between data and end"),
    (_wrap(INNER, size=96), "CAR section at byte 110: it is cut off: it claims 37 bytes, 36 are there"),
    (_wrap(INNER + b"\0"), "CAR section at byte 148: it is empty"),
    (_wrap(INNER, size=58), "CAR header at byte 51: it claims 58 bytes, and the data end after 57"),
    (_wrap(_wrap(INNER)), "CAR header at byte 51: it is of version 2, where 1 should be"),
]


@pytest.mark.parametrize(("data", "words"), BAD_VERSIONS_2)
def test_versions_2_that_are_none(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        _blocks(data)
    assert caught.value.message == words


cars = st.lists(st.binary(max_size=20), max_size=3).map(lambda contents: _car(*contents))


@given(mangled(cars))
def test_what_is_read_of_version_1_writes_as_it_was(data: bytes) -> None:
    file = io.BytesIO(data)
    try:
        header = car.read_header(file)
        found = list(car.sections(file))
    except Malformed:
        return
    if header.version == 1:
        parts = [_section(each.cid, data[each.offset : each.offset + each.length]) for each in found]
        assert _header({"roots": list(header.roots), "version": 1}) + b"".join(parts) == data


@given(mangled(cars.map(_wrap)))
def test_mangled_version_2_is_read_or_refused(data: bytes) -> None:
    try:
        found = list(car.sections(io.BytesIO(data)))
        blocks = _blocks(data)
    except (Malformed, BadBlock):
        return
    assert [cid for cid, _ in blocks] == [each.cid for each in found]


@pytest.mark.parametrize("name", ["carv1-basic", "carv2-basic"])
def test_fixtures_of_the_specification(name: str) -> None:
    folder = shared("vectors/car") / name
    expected = json.loads((folder / f"{name}.json").read_text())
    with (folder / f"{name}.car").open("rb") as file:
        header, found = car.read_header(file), list(car.sections(file))
        blocks = list(car.blocks(file))
    assert header.version == expected["header"]["version"]
    assert [str(root) for root in header.roots] == [root["/"] for root in expected["header"]["roots"]]
    assert [(str(each.cid), each.offset, each.length) for each in found] == [
        (each["cid"]["/"], each["blockOffset"], each["blockLength"]) for each in expected["blocks"]
    ]
    for (cid, data), each in zip(blocks, expected["blocks"], strict=True):
        if cid.codec == DAG_CBOR:
            assert cbor.encode(cbor.decode(data)) == data
            assert str(cbor.decode(data)["name"]) == each["content"]["name"]  # type: ignore[index,call-overload]


GATEWAY = {
    "gateway-raw-block": ("bafybeie72edlprgtlwwctzljf6gkn2wnlrddqjbkxo3jomh4n7omwblxly", 3),
    "path_gateway_unixfs/dir-with-files": ("bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy", 9),
    "path_gateway_unixfs/dir-with-percent-encoded-filename": (
        "bafybeig675grnxcmshiuzdaz2xalm6ef4thxxds6o6ypakpghm5kghpc34",
        2,
    ),
    "path_gateway_unixfs/symlink": ("QmWvY6FaqFMS89YAQ9NAPjVP4WZKA1qbHbicc9HeSKQTgt", 3),
    "trustless_gateway_car/dir-with-dag-cbor-with-links": (
        "bafybeia264q44a3kmfc2otctzu4egp2k235o3t7mslz2yjraymp4nv6asi",
        9,
    ),
    "trustless_gateway_car/dir-with-duplicate-files": (
        "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy",
        9,
    ),
    "trustless_gateway_car/file-3k-and-3-blocks-missing-block": ("QmYhmPjhFjYFyaoiuNzYv8WGavpSRDwdHWe5B4M5du5Rtk", 3),
    "trustless_gateway_car/single-layer-hamt-with-multi-block-files": (
        "bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i",
        243,
    ),
    "trustless_gateway_car/subdir-with-mixed-block-files": (
        "bafybeidh6k2vzukelqtrjsmd4p52cpmltd2ufqrdtdg6yigi73in672fwu",
        10,
    ),
    "trustless_gateway_car/subdir-with-two-single-block-files": (
        "bafybeietjm63oynimmv5yyqay33nui4y4wx6u3peezwetxgiwvfmelutzu",
        4,
    ),
}


@pytest.mark.parametrize("name", GATEWAY)
def test_fixtures_of_the_gateways(name: str) -> None:
    path = shared("vectors/gateway") / f"{name}.car"
    with path.open("rb") as file:
        (root,), blocks = car.read_header(file).roots, list(car.blocks(file))
    assert (str(root), len(blocks)) == GATEWAY[name]
    assert root in dict(blocks)
    for cid, data in blocks:
        if cid.codec == DAG_PB:
            assert bytes(unixfs.parse(data)) == data
        elif cid.codec == DAG_CBOR:
            assert cbor.encode(cbor.decode(data)) == data


def test_another_program_reads_our_root(tmp_path: Path) -> None:
    (tmp_path / "ours.car").write_bytes(_car(b"a"))
    assert aleph_cid.read_carv1_root(str(tmp_path / "ours.car")) == str(ROOT)


def _small_files(folder: Path) -> None:
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "b" / "é.txt").write_bytes(b"inside")
    (folder / "b" / "empty").write_bytes(b"")


def test_another_program_packs_a_folder_as_we_do(tmp_path: Path) -> None:
    _small_files(tmp_path / "tree")
    root = aleph_cid.write_folder_car(str(tmp_path / "tree"), str(tmp_path / "theirs.car"))
    with (tmp_path / "theirs.car").open("rb") as file:
        assert [str(cid) for cid in car.read_header(file).roots] == [root]
        blocks = Blocks(dict(car.blocks(file)))
    put: Callable[[CID, bytes], None] = Blocks().put
    inner = [unixfs.build_file([b"inside"], put).link("é.txt"), unixfs.build_file([], put).link("empty")]
    top = [unixfs.folder_link("b", unixfs.folder(inner), inner), unixfs.build_file([b"a"], put).link("a.txt")]
    assert str(unixfs.folder_link("", unixfs.folder(top), top).cid) == root
    assert unixfs.resolve(cids.parse(root), "b/é.txt", blocks.get) == inner[0].cid
