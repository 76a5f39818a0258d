"""What stands in a picture's file beside the picture, found by walking the file itself.

    >>> scan(b"GIF89a" + bytes(7) + b"!\\xfe\\x04Anna\\x00;")
    ['a comment']

    JPEG    segments, to the end of the picture; https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B), JFIF 1.02
    PNG     chunks; W3C PNG (third edition) §5
    GIF     blocks; https://www.w3.org/Graphics/GIF/spec-gif89a.txt
    WebP    RIFF chunks; RFC 9649 §2

It knows what a picture needs and names everything else, known or not: EXIF, XMP, IPTC, colour profiles, comments, text,
times, further pictures, application data, and whatever stands behind the end. So a kind of metadata that is invented
tomorrow is found too. No library that writes pictures is asked: this looks at what such a library wrote.

**"Nothing found" is not "clean".** Out of scope is what the picture itself shows: faces, places, a screen with a name
on it, a hidden watermark, the noise by which a camera's sensor can be known again.
"""

import re
from collections.abc import Callable, Iterator

from mirror.errors import Malformed
from mirror.intake import kinds
from mirror.intake.kinds import Kind

EXIF, XMP, IPTC, PROFILE = "EXIF", "XMP", "IPTC", "a colour profile"
COMMENT, TEXT, TIME, THUMBNAIL = "a comment", "text", "a time", "a thumbnail"
FURTHER, BEHIND = "further pictures", "data behind the picture"
UNREADABLE = "data that cannot be read"

_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_NEEDED_IN_JPEG = frozenset((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD))
"""Frame headers of the kinds in use, Huffman tables, quantisation tables, restart intervals."""

_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_APPLICATION = (
    (b"Exif\0", EXIF),
    (b"http://ns.adobe.com/xap/1.0/\0", XMP),
    (b"http://ns.adobe.com/xmp/extension/\0", XMP),
    (b"ICC_PROFILE\0", PROFILE),
    (b"MPF\0", FURTHER),
    (b"JFXX\0", THUMBNAIL),
    (b"Photoshop 3.0\0", IPTC),
)

_NEEDED_IN_PNG = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_PNG_CHUNKS = {b"eXIf": EXIF, b"iCCP": PROFILE, b"tIME": TIME, b"tEXt": TEXT, b"zTXt": TEXT, b"iTXt": TEXT}
_KEYWORDS = (
    (b"XML:com.adobe.xmp\0", XMP),
    (b"Raw profile type xmp\0", XMP),
    (b"Raw profile type exif\0", EXIF),
    (b"Raw profile type APP1\0", EXIF),
    (b"Raw profile type iptc\0", IPTC),
)

_NEEDED_IN_WEBP = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANIM"))
_WEBP_CHUNKS = {b"EXIF": EXIF, b"XMP ": XMP, b"ICCP": PROFILE}
_WEBP_FLAGS = ((0x20, PROFILE), (0x08, EXIF), (0x04, XMP))

_LOOPS = frozenset((b"NETSCAPE2.0", b"ANIMEXTS1.0"))
_GIF_APPLICATIONS = {b"XMP DataXMP": XMP, b"ICCRGBG1012": PROFILE}


def scan(data: bytes) -> list[str]:
    """What stands in a picture beside the picture, each named once; empty where there is nothing.

    Raises `Malformed` where `data` is no JPEG, PNG, GIF or WebP picture, or one that cannot be walked to its end.
    """
    return list(dict.fromkeys(_walk(data)))


def scan_loosely(data: bytes) -> list[str]:
    """The same of a file that may be damaged: what is found up to there, and that not all could be read."""
    found: dict[str, None] = {}
    try:
        for name in _walk(data):
            found[name] = None
    except Malformed:
        found[UNREADABLE] = None
    return list(found)


class _Reader:
    """Takes bytes off the front; whatever is not there is `Malformed`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise Malformed("the picture ends before its end")
        self.at += count
        return taken

    def number(self, count: int, *, little: bool = False) -> int:
        """The next `count` bytes as a number."""
        return int.from_bytes(self.take(count), "little" if little else "big")

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.at == len(self.data)


def _walk(data: bytes) -> Iterator[str]:
    kind = kinds.kind_of(data[: kinds.HEAD])
    if kind not in _WALKS:
        raise Malformed(f"{kind.words}, whose parts are not known here")
    reader = _Reader(data)
    yield from _WALKS[kind](reader)
    if not reader.at_end():
        yield BEHIND


def _walk_jpeg(reader: _Reader) -> Iterator[str]:
    reader.take(2)
    while (marker := _marker(reader)) != 0xD9:
        if marker in _STANDALONE:
            continue
        length = reader.number(2)
        if length < 2:
            raise Malformed("a segment of the picture is shorter than its own length")
        yield from _judge_segment(marker, reader.take(length - 2))
        if marker == 0xDA:
            end = _SCAN_END.search(reader.data, reader.at)
            reader.at = end.start() if end else len(reader.data)


def _marker(reader: _Reader) -> int:
    if reader.take(1) != b"\xff":
        raise Malformed("a part of the picture begins with no marker")
    marker = 0xFF
    while marker == 0xFF:
        marker = reader.number(1)
    return marker


def _judge_segment(marker: int, content: bytes) -> Iterator[str]:
    if marker in _NEEDED_IN_JPEG or marker == 0xDA:
        return
    if marker == 0xE0 and content.startswith(b"JFIF\0") and len(content) == 14:
        return
    if marker == 0xEE and content.startswith(b"Adobe") and len(content) == 12:
        return
    if marker == 0xE0 and content.startswith(b"JFIF\0"):
        yield THUMBNAIL
    elif marker == 0xFE:
        yield COMMENT
    elif 0xE0 <= marker <= 0xEF:
        yield _named(content, _APPLICATION, f"application data {marker - 0xE0}")
    else:
        yield f"a segment {marker:02x}"


def _named(content: bytes, names: tuple[tuple[bytes, str], ...], otherwise: str) -> str:
    return next((name for beginning, name in names if content.startswith(beginning)), otherwise)


def _walk_png(reader: _Reader) -> Iterator[str]:
    reader.take(8)
    kind = b""
    while kind != b"IEND":
        length, kind = reader.number(4), reader.take(4)
        content = reader.take(length)
        reader.take(4)
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield _named(content, _KEYWORDS, TEXT)
        elif kind not in _NEEDED_IN_PNG:
            yield _PNG_CHUNKS.get(kind) or f"a chunk {_printable(kind)}"


def _walk_webp(reader: _Reader) -> Iterator[str]:
    reader.take(4)
    end = reader.number(4, little=True) + 8
    reader.take(4)
    yield from _walk_riff(reader, end)


def _walk_riff(reader: _Reader, end: int) -> Iterator[str]:
    while reader.at < end:
        kind, length = reader.take(4), reader.number(4, little=True)
        start = reader.at
        if kind == b"VP8X":
            flags = reader.number(1)
            yield from (name for bit, name in _WEBP_FLAGS if flags & bit)
            if length != 10:
                yield "a chunk VP8X of another length"
        elif kind == b"ANMF":
            reader.take(16)
            yield from _walk_riff(reader, start + length)
        elif kind not in _NEEDED_IN_WEBP:
            yield _WEBP_CHUNKS.get(kind) or f"a chunk {_printable(kind)}"
        reader.take(start + length + length % 2 - reader.at)
    if reader.at != end:
        raise Malformed("a chunk of the picture is longer than what holds it")


def _walk_gif(reader: _Reader) -> Iterator[str]:
    reader.take(10)
    _skip_palette(reader, reader.number(1))
    reader.take(2)
    while (block := reader.take(1)) != b";":
        if block == b",":
            reader.take(8)
            _skip_palette(reader, reader.number(1))
            reader.take(1)
            _sub_blocks(reader)
        elif block == b"!":
            yield from _walk_extension(reader, reader.number(1))
        else:
            raise Malformed(f"a block {block.hex()} of the picture is none that is known")


def _skip_palette(reader: _Reader, flags: int) -> None:
    if flags & 0x80:
        reader.take(3 << (flags & 0x07) + 1)


def _walk_extension(reader: _Reader, label: int) -> Iterator[str]:
    blocks = _sub_blocks(reader)
    if label == 0xF9 and len(blocks) == 1:
        return
    if label == 0xFF:
        name = blocks[0] if blocks else b""
        if not (name in _LOOPS and len(blocks) == 2 and len(blocks[1]) == 3):
            yield _GIF_APPLICATIONS.get(name, "application data")
    elif label == 0xFE:
        yield COMMENT
    elif label == 0x01:
        yield TEXT
    else:
        yield f"an extension {label:02x}"


def _sub_blocks(reader: _Reader) -> list[bytes]:
    blocks = []
    while length := reader.number(1):
        blocks.append(reader.take(length))
    return blocks


def _printable(kind: bytes) -> str:
    return kind.decode() if kind.isalpha() else kind.hex()


_WALKS: dict[Kind, Callable[[_Reader], Iterator[str]]] = {
    kinds.JPEG: _walk_jpeg,
    kinds.PNG: _walk_png,
    kinds.GIF: _walk_gif,
    kinds.WEBP: _walk_webp,
}
