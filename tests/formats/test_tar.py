"""Tar archives: what is written any tar reads, and nothing else is read."""

import contextlib
import io
import itertools
import subprocess
import tarfile
from collections.abc import Callable, Iterator

import pytest
from counterparts import need_program
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed, Refused
from mirror.formats import tar
from mirror.formats.tar import Entry

NAMES = st.text("ab./ж ", min_size=1, max_size=40).filter(lambda name: not name.endswith("/"))
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=4)


def pack(files: dict[str, bytes]) -> bytes:
    return b"".join(tar.pack((Entry(name, len(data)), [data]) for name, data in files.items()))


def unpack(data: bytes, sizes: list[int] | None = None) -> list[tuple[str, bytes]]:
    """What an archive holds, fed in pieces of these lengths and then the rest."""
    found: list[tuple[str, bytes]] = []

    @contextlib.contextmanager
    def take(entry: Entry) -> Iterator[Callable[[bytes], object]]:
        content = bytearray()
        yield content.extend
        assert len(content) == entry.size
        found.append((entry.name, bytes(content)))

    with tar.Reader(take) as reader:
        for size in sizes or []:
            reader.feed(data[:size])
            data = data[size:]
        reader.feed(data)
    return found


def foreign(name: str = "a", data: bytes = b"", **values: object) -> bytes:
    """An archive by Python's `tarfile`, whose header also says these values."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    for key, value in values.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512) + tar.END


@given(FILES)
def test_what_is_packed_comes_out_and_python_reads_the_same(files: dict[str, bytes]) -> None:
    data = pack(files)
    assert dict(unpack(data)) == files
    with tarfile.open(fileobj=io.BytesIO(data)) as other:
        members = other.getmembers()
        assert [each.size for each in members] == [len(content) for content in files.values()]
        for each, content in zip(members, files.values(), strict=True):
            assert (each.mode, each.uid, each.gid, each.mtime, each.uname, each.gname) == (0o600, 0, 0, 0, "", "")
            file = other.extractfile(each)
            assert file is not None
            assert (each.isfile(), file.read()) == (True, content)


@given(FILES, st.lists(st.integers(0, 700), max_size=20))
def test_pieces_may_have_any_length(files: dict[str, bytes], sizes: list[int]) -> None:
    assert dict(unpack(pack(files), sizes)) == files


def test_the_stock_tar_lists_it() -> None:
    listed = subprocess.run(
        [need_program("tar"), "-tf", "-"],
        input=pack({"archive/head": b"x\n", "secret/a/b": b""}),
        capture_output=True,
        check=True,
    )
    assert (listed.stdout, listed.stderr) == (b"archive/head\nsecret/a/b\n", b"")


@given(FILES.filter(bool), st.data())
def test_what_is_read_prints_back_to_the_same_bytes(files: dict[str, bytes], data: st.DataObject) -> None:
    archive = bytearray(pack(files))
    for _ in range(data.draw(st.integers(1, 3))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpack(bytes(archive))
    except Malformed:
        return
    assert b"".join(tar.pack((Entry(name, len(content)), [content]) for name, content in found)) == archive


@given(st.binary(min_size=512, max_size=512))
def test_any_block_is_a_header_of_ours_or_malformed(block: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert bytes(tar.parse(block)) == block


@pytest.mark.parametrize("length", [0, 511, 513])
def test_a_header_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match="a block that is no header of a file"):
        tar.parse(bytes(Entry("a", 0)).ljust(513, b"\0")[:length])


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_links_folders_and_devices_are_refused(kind: bytes) -> None:
    with pytest.raises(Malformed, match=r"^'a/?' is no plain file$"):
        unpack(foreign(type=kind, linkname="/etc/passwd"))


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE, b"7"]
)
def test_headers_of_other_formats_are_refused(kind: bytes) -> None:
    with pytest.raises(Malformed, match="is no plain file"):
        unpack(foreign(data=b"12 path=evil\n", type=kind))


@pytest.mark.parametrize(
    "values",
    [
        {"uname": "anna"},
        {"gname": "anna"},
        {"uid": 1000},
        {"gid": 1000},
        {"mtime": 1},
        {"mode": 0o644},
        {"linkname": "b"},
        {"devmajor": 1},
    ],
)
def test_a_header_that_says_more_is_refused(values: dict[str, object]) -> None:
    if "devmajor" in values:
        block = bytearray(foreign()[:512])
        block[329:337] = b"0000001\0"
        block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
        archive = bytes(block) + tar.END
    else:
        archive = foreign(**values)
    with pytest.raises(Malformed, match=r"^the header of 'a' says more than a name and a size$"):
        unpack(archive)


def test_a_checksum_that_does_not_fit_is_refused() -> None:
    archive = bytearray(pack({"a": b""}))
    archive[0] ^= 1
    with pytest.raises(Malformed, match="no header"):
        unpack(bytes(archive))


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\x80" + bytes(10) + b"\x01", b"00000000 01\0"])
def test_sizes_in_other_spellings_are_refused(size: bytes) -> None:
    block = bytearray(bytes(Entry("a", 0)))
    block[124:136] = size
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    with pytest.raises(Malformed):
        tar.parse(bytes(block))


def test_a_huge_announced_size_is_only_cut_off() -> None:
    with pytest.raises(Malformed, match=r"^a tar archive that was cut off$"):
        unpack(bytes(Entry("a", tar.SIZE_AT_MOST)) + bytes(5000))


def test_an_archive_cut_off_anywhere_is_malformed() -> None:
    archive = pack({"a": b"x" * 600})
    for length in range(len(archive)):
        with pytest.raises(Malformed, match=r"^a tar archive that was cut off$"):
            unpack(archive[:length])


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (pack({"a": b"x"}) + b"\0", "a tar archive that goes on behind its end"),
        (bytes(512) + pack({"a": b"x"}), "a tar archive with a lone block of zeros"),
        (bytes(Entry("a", 1)) + b"xy" + bytes(510) + tar.END, "'a' is followed by something else than zeros"),
    ],
)
def test_bytes_that_say_nothing_are_malformed(archive: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=rf"^{words}$"):
        unpack(archive)


def test_a_context_that_fails_ends_the_reading_and_is_left() -> None:
    left = []

    @contextlib.contextmanager
    def take(entry: Entry) -> Iterator[Callable[[bytes], object]]:
        try:
            yield lambda data: None
        finally:
            left.append(entry.name)

    with pytest.raises(Malformed, match="cut off"), tar.Reader(take) as reader:
        reader.feed(bytes(Entry("a", 9)) + b"x")
    with contextlib.suppress(KeyError), tar.Reader(take) as reader:
        reader.feed(bytes(Entry("b", 9)))
        raise KeyError
    assert left == ["a", "b"]


def test_bounds_of_size_and_name() -> None:
    tar.parse(bytes(Entry("a", tar.SIZE_AT_MOST)))
    with pytest.raises(Refused, match=rf"^'a' has {8**11} bytes, more than the {8**11 - 1} that tar can say$"):
        Entry("a", tar.SIZE_AT_MOST + 1)
    longest = "a" * 154 + "/" + "b" * 100
    assert tar.parse(bytes(Entry(longest, 0))).name == longest
    for name in ("", "a\0b", "a" * 256):
        with pytest.raises(Refused, match=r"is no name of 1 to 255 bytes$"):
            Entry(name, 0)
    with pytest.raises(Refused, match=r"^'a/' would be a folder to some$"):
        Entry("a/", 0)
    for name in ("a" * 101, "ж" * 51):
        with pytest.raises(Refused, match=r"is too long for tar$"):
            bytes(Entry(name, 0))


@pytest.mark.parametrize("content", [[b"x"], [b"xy", b"z"], []])
def test_content_of_another_length_is_refused(content: list[bytes]) -> None:
    with pytest.raises(Refused, match=r"^a changed while it was being read$"):
        b"".join(tar.pack([(Entry("a", 2), content)]))


def test_content_without_end_is_refused_at_once() -> None:
    with pytest.raises(Refused, match=r"^a changed while it was being read$"):
        b"".join(tar.pack([(Entry("a", 2), itertools.repeat(b"x"))]))
