"""Pictures with everything planted in them that pictures can tell, each kind by its own means.

    data = jpeg()                    # an EXIF block with a position, XMP, IPTC, a profile, a comment, ...
    assert MARK in data              # in each of them

`MARK` stands in every text that is planted, so that whatever is left of one can be searched for.
"""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

MARK = b"Anna-K-4711"

TELLING = (MARK, b"Exif", b"xmpmeta", b"ICC_PROFILE", b"acsp", b"8BIM", b"2018:04", b"GPS", b"ns.adobe.com")
"""What stands nowhere in a cleaned picture."""

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><photographer>%s</photographer></x:xmpmeta>' % MARK


def drawing(size: tuple[int, int] = (48, 32), mode: str = "RGB") -> Image.Image:
    """A picture whose corners differ, so that turning it shows."""
    image = Image.new("RGB", size, (250, 240, 230))
    width, height = size
    for at, colour in (((0, 0), (220, 20, 20)), ((1, 0), (20, 200, 20)), ((0, 1), (20, 20, 220))):
        left, top = at[0] * width // 2, at[1] * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image.convert(mode)


def exif(orientation: int = 1) -> bytes:
    """A block of EXIF: position, camera, time, names, words, program, maker's notes."""
    made = Image.Exif()
    text = MARK.decode()
    made[0x010F], made[0x0110], made[0x0112] = text, "P", orientation
    made[0x0131], made[0x0132], made[0x013B], made[0x010E] = text, "2018:04:05 12:34:56", text, text
    made[0x8769] = {0x9003: "2018:04:05 12:34:56", 0x927C: MARK, 0xA431: text}
    made[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    return made.tobytes()


def profile() -> bytes:
    """A colour profile in which red and green changed places."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert made.count(b"rXYZ") == made.count(b"gXYZ") == 1
    return made.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """The picture in `data`, read whole."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def segment(marker: int, content: bytes) -> bytes:
    """A segment of JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(image: Image.Image | None = None, orientation: int = 1, **options: Any) -> bytes:
    """A JPEG with all of it."""
    options = {"quality": 95, "exif": exif(orientation), "icc_profile": profile(), "comment": MARK} | options
    data = saved(image or drawing(), "JPEG", xmp=XMP, **options)
    more = (
        segment(0xE0, b"JFXX\0\x10" + MARK),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + MARK),
        segment(0xE7, b"A maker's own" + MARK),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10\x1c\x02\x50\0\x0b" + MARK),
        segment(0xFE, MARK),
    )
    return data[:2] + b"".join(more) + data[2:] + MARK


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(image: Image.Image | None = None, orientation: int = 1, **options: Any) -> bytes:
    """A PNG with all of it."""
    text = PngInfo()
    text.add_text("Author", MARK.decode())
    text.add_text("Comment", MARK.decode(), zip=True)
    text.add_itxt("Title", MARK.decode(), "mk", "Наслов")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    options = {"exif": exif(orientation), "icc_profile": profile(), "pnginfo": text, "dpi": (300, 300)} | options
    data = saved(image or drawing(), "PNG", **options)
    end = data.index(b"\0\0\0\0IEND")
    iptc = b"Raw profile type iptc\0\0" + zlib.compress(b"8BIM" + MARK)
    more = chunk(b"tIME", b"\x07\xe2\x04\x05\x0c\x22\x38") + chunk(b"anNa", MARK) + chunk(b"zTXt", iptc)
    return data[:end] + more + data[end:] + MARK


def riff(kind: bytes, content: bytes) -> bytes:
    """A chunk of WebP."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def webp(image: Image.Image | None = None, orientation: int = 1, **options: Any) -> bytes:
    """A WebP with all of it."""
    options = {"exif": exif(orientation), "icc_profile": profile(), "xmp": XMP} | options
    data = saved(image or drawing(), "WEBP", **options)
    body = data[12:] + riff(b"anna", MARK)
    return riff(b"RIFF", b"WEBP" + body) + MARK


def extension(label: int, *blocks: bytes) -> bytes:
    """An extension of GIF."""
    return bytes((0x21, label)) + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


def gif(*frames: Image.Image, **options: Any) -> bytes:
    """A GIF with all of it."""
    first, *others = frames or (drawing(),)
    if others:
        options = {"save_all": True, "append_images": others, "duration": 50, "loop": 0} | options
    data = saved(first, "GIF", **options)
    start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    xmp = b"!\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    more = (
        extension(0xFE, MARK),
        xmp,
        extension(0xFF, b"ICCRGBG1012", b"acsp" + MARK),
        extension(0xFF, b"ANNA 1.0 01", MARK),
        extension(0x01, bytes(12), MARK),
    )
    return data[:6].replace(b"87a", b"89a") + data[6:start] + b"".join(more) + data[start:] + MARK


ALL = {"JPEG": jpeg, "PNG": png, "GIF": gif, "WEBP": webp}
