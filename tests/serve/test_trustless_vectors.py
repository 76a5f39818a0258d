"""Blocks, CARs and records as the IPFS project's fixtures have them: which blocks, in which order, under which headers.

The fixtures are those of gateway-conformance; what must come out of them is said here anew, from the specification.
"""

import io
import re
from collections.abc import Iterator

import pytest
from counterparts import shared
from serving import Asking, serving, shelf_of

from mirror.formats import car, cbor, dagpb, unixfs
from mirror.formats import cid as cids
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB, RAW

VECTORS = shared("vectors/gateway")
CARS = VECTORS / "trustless_gateway_car"
ACCEPT = {"raw": "application/vnd.ipld.raw", "car": "application/vnd.ipld.car"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Asking]:
    """With every fixture; two of the CARs are parts only, and three of the records false."""
    shelf = shelf_of(cars=sorted(VECTORS.rglob("*.car")), records=sorted(VECTORS.rglob("*.ipns-record")))
    with serving(shelf) as asking:
        yield asking


class Fixture:
    """One of the CARs, read with our own formats."""

    def __init__(self, name: str) -> None:
        with (CARS / f"{name}.car").open("rb") as file:
            (self.root,) = car.read_header(file).roots
            self.blocks = dict(car.blocks(file))

    def get(self, cid: CID) -> bytes:
        return self.blocks[cid]

    def at(self, *names: str) -> CID:
        return unixfs.resolve(self.root, "/".join(names), self.get)

    def below(self, cid: CID) -> list[CID]:
        """Everything that `cid` links to, depth first."""
        found = []
        for link in dagpb.parse(self.get(cid)).links if cid.codec == DAG_PB else ():
            found += [link.cid, *self.below(link.cid)]
        return found

    def shards_to(self, name: str) -> list[CID]:
        """The shards below the topmost one, down to a name."""
        met: list[CID] = []

        def get(cid: CID) -> bytes:
            met.append(cid)
            return self.get(cid)

        assert unixfs.find(self.root, name, get)
        return met[1:]


def sent(answer_body: bytes) -> list[CID]:
    """The blocks of a CAR, each of which has to be what its name says."""
    return [cid for cid, _ in car.blocks(io.BytesIO(answer_body))]


def ask_car(gateway: Asking, path: str, query: str = "") -> list[CID]:
    """The blocks that come, asked for by a parameter and by a header alike; the headers are as they have to be."""
    by_parameter = gateway.get(f"{path}?format=car{query and '&' + query}")
    by_header = gateway.get(f"{path}{query and '?' + query}", Accept=ACCEPT["car"])
    assert (by_parameter.status, by_header.status) == (200, 200), (by_parameter.words, by_header.words)
    assert by_parameter.body == by_header.body
    assert {**by_parameter.headers} == {**by_header.headers}
    headers = by_parameter.headers
    assert headers["content-type"] == "application/vnd.ipld.car; version=1; order=dfs; dups=n"
    assert re.fullmatch(r'attachment; filename="[a-zA-Z0-9]+\.car"', headers["content-disposition"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["accept-ranges"] == "none"
    assert headers["etag"].startswith('W/"')
    assert headers["cache-control"] == "public, max-age=29030400, immutable"
    return sent(by_parameter.body)


def test_a_path_through_folders(gateway: Asking) -> None:
    fixture = Fixture("subdir-with-two-single-block-files")
    way = [fixture.root, fixture.at("subdir"), fixture.at("subdir", "ascii.txt")]
    assert ask_car(gateway, f"/ipfs/{fixture.root}/subdir/ascii.txt") == way
    assert ask_car(gateway, f"/ipfs/{fixture.root}/subdir/ascii.txt", "dag-scope=block") == way
    assert ask_car(gateway, f"/ipfs/{fixture.root}/subdir", "dag-scope=block") == way[:2]
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "dag-scope=entity") == way[:1]
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "entity-bytes=0:*") == way[:1]
    absent = gateway.get(f"/ipfs/{fixture.root}/subdir/i-do-not-exist?format=car")
    assert (absent.status, "i-do-not-exist" in absent.words) == (404, True)
    assert gateway.get(f"/ipfs/{fixture.root}/subdir/ascii.txt/more?format=car").status == 404


@pytest.mark.parametrize("name", ["685.txt", "1.txt", "470.txt"])
def test_a_path_through_a_sharded_folder(name: str, gateway: Asking) -> None:
    fixture = Fixture("single-layer-hamt-with-multi-block-files")
    end = unixfs.find(fixture.root, name, fixture.get)
    assert end is not None
    way = [fixture.root, *fixture.shards_to(name), end.cid]
    assert ask_car(gateway, f"/ipfs/{fixture.root}/{name}", "dag-scope=block") == way
    if name == "685.txt":  # the fixture holds the content of this file alone
        assert ask_car(gateway, f"/ipfs/{fixture.root}/{name}") == way + fixture.below(end.cid)


def test_a_sharded_folder_is_all_of_its_shards_and_none_of_its_entries(gateway: Asking) -> None:
    fixture = Fixture("single-layer-hamt-with-multi-block-files")

    def shards(cid: CID) -> list[CID]:
        links = dagpb.parse(fixture.get(cid)).links
        return [cid, *(each for link in links if len(link.name or "") == 2 for each in shards(link.cid))]

    expected = shards(fixture.root)
    assert len(expected) > 100
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "dag-scope=entity") == expected
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "dag-scope=entity&entity-bytes=0:*") == expected


def test_a_path_through_a_document(gateway: Asking) -> None:
    fixture = Fixture("dir-with-dag-cbor-with-links")
    document = fixture.at("document")
    assert document.codec == DAG_CBOR
    value = cbor.decode(fixture.get(document))
    assert isinstance(value, dict)
    assert isinstance(value["files"], dict)
    single = value["files"]["single"]
    assert isinstance(single, CID)
    assert single.codec == RAW
    assert ask_car(gateway, f"/ipfs/{document}/files/single") == [document, single]
    assert ask_car(gateway, f"/ipfs/{document}/files", "dag-scope=block") == [document]
    assert ask_car(gateway, f"/ipfs/{fixture.root}/document", "dag-scope=entity") == [fixture.root, document]
    everything = ask_car(gateway, f"/ipfs/{document}")
    assert (everything[0], single in everything) == (document, True)
    assert gateway.get(f"/ipfs/{document}/files/nothing?format=car").status == 404
    assert gateway.get(f"/ipfs/{document}?format=car&entity-bytes=0:5").status == 200


def test_files_and_what_lies_below_folders(gateway: Asking) -> None:
    fixture = Fixture("subdir-with-mixed-block-files")
    folder, file = fixture.at("subdir"), fixture.at("subdir", "multiblock.txt")
    parts = fixture.below(file)
    assert len(parts) == 5
    assert ask_car(gateway, f"/ipfs/{fixture.root}/subdir") == [fixture.root, folder, *fixture.below(folder)]
    for scope in ("dag-scope=all", "dag-scope=entity", "entity-bytes=0:*", "dag-scope=all&entity-bytes=0:*"):
        found = ask_car(gateway, f"/ipfs/{fixture.root}/subdir/multiblock.txt", scope)
        assert found == [fixture.root, folder, file, *parts], scope
    text = fixture.at("subdir", "ascii.txt")
    found = ask_car(gateway, f"/ipfs/{fixture.root}/subdir/ascii.txt", "dag-scope=entity")
    assert found == [fixture.root, folder, text]


@pytest.mark.parametrize(
    ("span", "first", "behind"),
    [
        ("0:0", 0, 1),
        ("0:255", 0, 1),
        ("0:256", 0, 2),
        ("255:256", 0, 2),
        ("256:256", 1, 2),
        ("512:*", 2, 5),
        ("512:1023", 2, 4),
        ("512:-256", 2, 4),
        ("-5:*", 3, 5),
        ("-2:*", 4, 5),
        ("-9999:*", 0, 5),
        ("-9999:-3", 0, 4),
        ("1025:*", 4, 5),
        ("1000:99999999", 3, 5),
        ("9:3", 0, 0),  # no bytes: as dag-scope=block
        ("0:-99999", 0, 0),
    ],
)
def test_a_stretch_of_a_file_is_the_blocks_that_hold_it(span: str, first: int, behind: int, gateway: Asking) -> None:
    fixture = Fixture("subdir-with-mixed-block-files")  # 1026 bytes in four blocks of 256 and one of 2
    file = fixture.at("subdir", "multiblock.txt")
    parts = fixture.below(file)
    assert ask_car(gateway, f"/ipfs/{file}", f"dag-scope=entity&entity-bytes={span}") == [file, *parts[first:behind]]


@pytest.mark.parametrize("span", ["1026:*", "99999:100000"])
def test_a_stretch_outside_a_file_is_refused(span: str, gateway: Asking) -> None:
    file = Fixture("subdir-with-mixed-block-files").at("subdir", "multiblock.txt")
    given = gateway.get(f"/ipfs/{file}?format=car&entity-bytes={span}")
    assert (given.status, given.words) == (400, "entity-bytes begins outside the file, which has 1026 bytes")


def test_blocks_that_are_missing_elsewhere_do_not_matter_and_those_wanted_end_the_connection(gateway: Asking) -> None:
    fixture = Fixture("file-3k-and-3-blocks-missing-block")
    ends = [cids.parse(f"Qm{rest}") for rest in (FIRST, LAST)]
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "entity-bytes=0:1000") == [fixture.root, ends[0]]
    assert ask_car(gateway, f"/ipfs/{fixture.root}", "entity-bytes=2200:*") == [fixture.root, ends[1]]
    with gateway.connect() as line:
        line.sendall(f"GET /ipfs/{fixture.root}?format=car HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not answer.endswith(b"0\r\n\r\n")  # what says that a chunked body is whole


FIRST = "PKt7ptM2ZYSGPUc8PmPT2VBkLDK3iqpG9TBJY7PCE9rF"
LAST = "WXY482zQdwecnfBsj78poUUuPXvyw2JAFAEMw4tzTavV"


def test_duplicates_are_sent_as_often_as_is_wanted(gateway: Asking) -> None:
    fixture = Fixture("dir-with-duplicate-files")
    every = [fixture.root, *fixture.below(fixture.root)]
    once = list(dict.fromkeys(every))
    assert len(every) > len(once)
    path = f"/ipfs/{fixture.root}"
    for wish, parameters, dups, expected in (
        ("version=1; order=dfs; dups=y", "", "y", every),
        ("version=1; order=dfs; dups=n", "", "n", once),
        ("version=1; order=unk", "", "n", once),
        ("dups=y", "?format=car", "y", every),
        ("dups=n", "?format=car&car-dups=y", "y", every),
        ("order=unk", "?format=car&car-order=dfs&car-version=1", "n", once),
    ):
        given = gateway.get(path + parameters, Accept=f"{ACCEPT['car']}; {wish}")
        assert given.headers["content-type"] == f"{ACCEPT['car']}; version=1; order=dfs; dups={dups}"
        assert sent(given.body) == expected, wish


def test_what_is_its_own_block_is_never_in_a_car(gateway: Asking) -> None:
    given = gateway.get("/ipfs/bafkqaf3imvwgy3zaneqgc3janfxgy2lomvscay3jmqfa", Accept=f"{ACCEPT['car']}; dups=y")
    assert (given.status, sent(given.body)) == (200, [])
    for form in ("raw", "car"):
        for method in ("GET", "HEAD"):
            assert gateway.get(f"/ipfs/bafkqaaa?format={form}", method).status == 200
    assert gateway.get("/ipfs/bafkqaaa?format=raw").body == b""


def test_a_raw_block(gateway: Asking) -> None:
    path = VECTORS / "gateway-raw-block.car"
    with path.open("rb") as file:
        (root,) = car.read_header(file).roots
        blocks = dict(car.blocks(file))
    cid = unixfs.resolve(root, "dir/ascii.txt", blocks.__getitem__)
    data = blocks[cid]
    given = gateway.get(f"/ipfs/{cid}", Accept=ACCEPT["raw"])
    assert (given.status, given.body) == (200, data)
    assert given.headers["content-type"] == "application/vnd.ipld.raw"
    assert given.headers["content-length"] == str(len(data))
    assert given.headers["content-disposition"] == f'attachment; filename="{cid}.bin"'
    assert given.headers["etag"] == f'"{cid}.raw"'
    assert given.headers["x-ipfs-path"] == f"/ipfs/{cid}"
    assert given.headers["x-ipfs-roots"] == str(cid)
    assert given.headers["cache-control"] == "public, max-age=29030400, immutable"
    part = gateway.get(f"/ipfs/{cid}?format=raw", Range="bytes=7-9")
    assert (part.status, part.body, part.headers["content-range"]) == (206, data[7:10], f"bytes 7-9/{len(data)}")
    assert gateway.get(f"/ipfs/{cid}?format=raw", Range="bytes=7-9,1-3").body == data
    assert gateway.get(f"/ipfs/{cid}?format=raw", Accept=ACCEPT["car"]).headers["content-type"] == ACCEPT["raw"]
    other = gateway.get(f"/ipfs/{cid}?format=car", Accept=ACCEPT["raw"]).headers["content-type"]
    assert other.startswith(ACCEPT["car"])


@pytest.mark.parametrize("kind", ["v1-v2", "v2"])
def test_a_record(kind: str, gateway: Asking) -> None:
    (path,) = [each for each in (VECTORS / "ipns_records").iterdir() if each.name.endswith(f"_{kind}.ipns-record")]
    name = path.name.partition("_")[0]
    for given in (
        gateway.get(f"/ipns/{name}?format=ipns-record"),
        gateway.get(f"/ipns/{name}", Accept="application/vnd.ipfs.ipns-record"),
        gateway.get(f"/routing/v1/ipns/{name}", Accept="application/vnd.ipfs.ipns-record"),
    ):
        assert (given.status, given.body) == (200, path.read_bytes())
        assert given.headers["content-type"] == "application/vnd.ipfs.ipns-record"
        assert given.headers["cache-control"] == "public, max-age=1800"
        assert given.headers["content-disposition"].startswith(f'attachment; filename="{name}')
    named = gateway.get(f"/ipns/{name}?format=ipns-record&filename=test%D1%82%D0%B5%D1%81%D1%82.ipns-record")
    assert named.headers["content-disposition"] == (
        "attachment; filename=\"test____.ipns-record\"; filename*=UTF-8''test%D1%82%D0%B5%D1%81%D1%82.ipns-record"
    )


@pytest.mark.parametrize("kind", ["v1", "v1-v2-broken-v1-value", "v1-v2-broken-signature-v2"])
def test_a_false_record_is_not_handed_on(kind: str, gateway: Asking) -> None:
    (path,) = [each for each in (VECTORS / "ipns_records").iterdir() if each.name.endswith(f"_{kind}.ipns-record")]
    assert gateway.get(f"/ipns/{path.name.partition('_')[0]}?format=ipns-record").status == 404
    assert any(fault.startswith(path.name) for fault in gateway.shelf.faults)


def test_a_folder_and_its_files_for_browsers(gateway: Asking) -> None:
    path = VECTORS / "path_gateway_unixfs" / "dir-with-percent-encoded-filename.car"
    with path.open("rb") as file:
        (root,) = car.read_header(file).roots
    moved = gateway.get(f"/ipfs/{root}")
    assert (moved.status, moved.headers["location"]) == (301, f"/ipfs/{root}/")
    listed = gateway.get(f"/ipfs/{root}/").words
    (link,) = re.findall(r'href="\./([^"]*)"', listed)
    assert link == "Portugal%252C%2BEspa%C3%B1a%3DPeninsula%20Ib%C3%A9rica.txt"
    assert gateway.get(f"/ipfs/{root}/{link}").status == 200
