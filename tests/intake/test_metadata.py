"""What stands in a picture beside the picture: every kind of it is found, alone, in every format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import MARK, chunk, drawing, extension, gif, jpeg, png, riff, saved, segment, webp

from mirror.errors import Malformed
from mirror.intake.metadata import UNREADABLE, scan, scan_loosely

JPEG, PNG, GIF = saved(drawing(), "JPEG"), saved(drawing(), "PNG"), saved(drawing(), "GIF")
LOSSY, LOSSLESS = saved(drawing(), "WEBP"), saved(drawing(), "WEBP", lossless=True)
FRAMES = [drawing(), drawing().rotate(90)]
MOVING = saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:])
LOOPING = saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:], loop=0)
PROGRESSIVE = saved(drawing(), "JPEG", progressive=True)
CLEAR = saved(drawing(mode="RGBA"), "WEBP")
RESTARTING = saved(drawing(), "JPEG", restart_marker_blocks=1)

PALETTE = 3 << (GIF[10] & 7) + 1
START = 13 + PALETTE


def in_jpeg(content: bytes) -> bytes:
    return JPEG[:2] + content + JPEG[2:]


def in_png(content: bytes) -> bytes:
    end = PNG.index(b"\0\0\0\0IEND")
    return PNG[:end] + content + PNG[end:]


def in_webp(content: bytes) -> bytes:
    return riff(b"RIFF", LOSSY[8:] + content)


def in_frame(content: bytes) -> bytes:
    at = MOVING.index(b"ANMF")
    length = int.from_bytes(MOVING[at + 4 : at + 8], "little")
    frame = riff(b"ANMF", MOVING[at + 8 : at + 8 + length] + content)
    return riff(b"RIFF", MOVING[8:at] + frame + MOVING[at + 8 + length + length % 2 :])


def with_flags(flags: int) -> bytes:
    at = MOVING.index(b"VP8X") + 8
    return MOVING[:at] + bytes((MOVING[at] | flags,)) + MOVING[at + 1 :]


def in_gif(content: bytes) -> bytes:
    return GIF[:START] + content + GIF[START:]


@pytest.mark.parametrize(
    "data",
    [JPEG, PROGRESSIVE, RESTARTING, PNG, GIF, LOOPING, LOSSY, LOSSLESS, CLEAR, MOVING],
    ids=lambda data: data[:4],
)
def test_a_picture_alone_has_nothing_beside_it(data: bytes) -> None:
    assert scan(data) == scan_loosely(data) == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_png_of_every_mode_has_nothing_beside_it(mode: str) -> None:
    assert scan(saved(drawing(mode=mode), "PNG")) == []


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (in_jpeg(segment(0xE1, b"Exif\0\0" + MARK)), "EXIF"),
        (in_jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + MARK)), "XMP"),
        (in_jpeg(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + MARK)), "XMP"),
        (in_jpeg(segment(0xE1, MARK)), "application data 1"),
        (in_jpeg(segment(0xE2, b"ICC_PROFILE\0\1\1" + MARK)), "a colour profile"),
        (in_jpeg(segment(0xE2, b"MPF\0" + MARK)), "further pictures"),
        (in_jpeg(segment(0xED, b"Photoshop 3.0\0" + MARK)), "IPTC"),
        (in_jpeg(segment(0xED, MARK)), "application data 13"),
        (in_jpeg(segment(0xEF, b"")), "application data 15"),
        (in_jpeg(segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + MARK)), "application data 14"),
        (in_jpeg(segment(0xFE, b"")), "a comment"),
        (in_jpeg(segment(0xE0, b"JFXX\0\x13")), "a thumbnail"),
        (in_jpeg(segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + b"rgb")), "a thumbnail"),
        (in_jpeg(segment(0xE0, MARK)), "application data 0"),
        (in_jpeg(segment(0xF7, MARK)), "a segment f7"),
        (in_jpeg(b"\xff\xff" + segment(0xFE, MARK)), "a comment"),
        (JPEG[:-2] + segment(0xFE, MARK) + JPEG[-2:], "a comment"),
        (JPEG + b"\0", "data behind the picture"),
        (JPEG + JPEG, "data behind the picture"),
        (in_png(chunk(b"eXIf", MARK)), "EXIF"),
        (in_png(chunk(b"iCCP", MARK)), "a colour profile"),
        (in_png(chunk(b"tIME", bytes(7))), "a time"),
        (in_png(chunk(b"tEXt", b"Author\0" + MARK)), "text"),
        (in_png(chunk(b"zTXt", b"Author\0\0" + MARK)), "text"),
        (in_png(chunk(b"iTXt", b"Author\0\0\0\0\0" + MARK)), "text"),
        (in_png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + MARK)), "XMP"),
        (in_png(chunk(b"zTXt", b"Raw profile type exif\0\0" + MARK)), "EXIF"),
        (in_png(chunk(b"zTXt", b"Raw profile type APP1\0\0" + MARK)), "EXIF"),
        (in_png(chunk(b"zTXt", b"Raw profile type iptc\0\0" + MARK)), "IPTC"),
        (in_png(chunk(b"tEXt", b"Raw profile type xmp\0" + MARK)), "XMP"),
        (in_png(chunk(b"anNa", MARK)), "a chunk anNa"),
        (in_png(chunk(b"an\x1ba", b"")), "a chunk 616e1b61"),
        (PNG + b"\0", "data behind the picture"),
        (in_webp(riff(b"EXIF", MARK)), "EXIF"),
        (in_webp(riff(b"XMP ", MARK)), "XMP"),
        (in_webp(riff(b"ICCP", MARK)), "a colour profile"),
        (in_webp(riff(b"anna", MARK)), "a chunk anna"),
        (in_webp(riff(b"\x1b[2J", b"")), "a chunk 1b5b324a"),
        (in_webp(riff(b"VP8X", bytes(12))), "a chunk VP8X of another length"),
        (in_frame(riff(b"anna", MARK)), "a chunk anna"),
        (with_flags(0x08), "EXIF"),
        (with_flags(0x04), "XMP"),
        (with_flags(0x20), "a colour profile"),
        (LOSSY + b"\0", "data behind the picture"),
        (in_gif(extension(0xFE, MARK)), "a comment"),
        (in_gif(extension(0xFE)), "a comment"),
        (in_gif(extension(0x01, bytes(12), MARK)), "text"),
        (in_gif(extension(0xFF, b"XMP DataXMP", MARK)), "XMP"),
        (in_gif(extension(0xFF, b"ICCRGBG1012", MARK)), "a colour profile"),
        (in_gif(extension(0xFF, b"NETSCAPE2.0", MARK)), "application data"),
        (in_gif(extension(0xFF, b"NETSCAPE2.0", b"\1\0\0", MARK)), "application data"),
        (in_gif(extension(0xFF, MARK)), "application data"),
        (in_gif(extension(0xFF)), "application data"),
        (in_gif(extension(0xF9, bytes(4), MARK)), "an extension f9"),
        (in_gif(extension(0x42, MARK)), "an extension 42"),
        (GIF + b"\0", "data behind the picture"),
    ],
)
def test_whatever_stands_beside_the_picture_is_named(data: bytes, name: str) -> None:
    assert scan(data) == scan_loosely(data) == [name]


def test_each_is_named_once() -> None:
    assert scan(in_png(chunk(b"tEXt", MARK) * 3 + chunk(b"tIME", MARK))) == ["text", "a time"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a file of a kind that cannot be cleaned, whose parts are not known here"),
        (b"%PDF-1.7", "a PDF, whose parts are not known here"),
        (b"RIFF\0\0\0\0WAVE", "a film or sound, whose parts are not known here"),
        (JPEG[:-1], "the picture ends before its end"),
        (JPEG[:-2], "the picture ends before its end"),
        (JPEG[:30], "the picture ends before its end"),
        (JPEG[:20] + b"\0" + JPEG[20:], "a part of the picture begins with no marker"),
        (in_jpeg(b"\xff\xfe\0\1"), "a segment of the picture is shorter than its own length"),
        (PNG[:-1], "the picture ends before its end"),
        (PNG[:-12], "the picture ends before its end"),
        (LOSSY[:-1], "the picture ends before its end"),
        (riff(b"RIFF", LOSSY[8:] + b"anna"), "the picture ends before its end"),
        (riff(b"RIFF", LOSSY[8:] + b"anna\xff\0\0\0"), "the picture ends before its end"),
        (
            riff(b"RIFF", LOSSY[8:] + b"anna\4\0\0\0") + bytes(8),
            "a chunk of the picture is longer than what holds it",
        ),
        (in_frame(b"anna\xff\xff\0\0"), "the picture ends before its end"),
        (in_webp(riff(b"ANMF", bytes(8))), "the picture ends before its end"),
        (in_webp(riff(b"ANMF", bytes(8)) + bytes(8)), "a chunk of the picture is longer than what holds it"),
        (GIF[:-1], "the picture ends before its end"),
        (GIF[:20], "the picture ends before its end"),
        (in_gif(b"?"), "a block 3f of the picture is none that is known"),
        (in_gif(b"!\xfe\5Anna"), ""),
    ],
)
def test_what_cannot_be_walked_to_its_end_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as error:
        scan(data)
    assert words in error.value.message
    assert scan_loosely(data)[-1:] == [UNREADABLE]


def test_what_is_found_before_the_damage_is_named_all_the_same() -> None:
    assert scan_loosely(in_jpeg(segment(0xFE, MARK))[:-1]) == ["a comment", UNREADABLE]


@given(st.sampled_from([JPEG, PNG, GIF, LOSSY, MOVING, LOOPING, jpeg(), png(), gif(), webp()]), st.data())
def test_no_bytes_are_too_strange(original: bytes, data: st.DataObject) -> None:
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    loosely = scan_loosely(bytes(changed))
    try:
        assert scan(bytes(changed)) == loosely
    except Malformed:
        assert loosely[-1] == UNREADABLE


@given(st.sampled_from([JPEG, PNG, GIF, LOSSY]), st.binary(min_size=1, max_size=60))
def test_nothing_is_hidden_behind_the_end(original: bytes, behind: bytes) -> None:
    assert scan(original + behind) == ["data behind the picture"]
