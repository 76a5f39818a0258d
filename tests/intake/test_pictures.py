"""Pictures cleaned: nothing is left beside the picture, and the picture is still as it was seen."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFile, ImageOps, JpegImagePlugin
from planted import ALL, MARK, TELLING, XMP, chunk, drawing, exif, gif, jpeg, opened, png, profile, saved, segment, webp

from mirror.errors import Malformed, Refused
from mirror.intake import pictures
from mirror.intake.metadata import BEHIND, UNREADABLE, scan
from mirror.intake.pictures import clean

TOLD = ("GPS position", "camera", "time", "names", "program", "a description", "maker's notes")


def difference(one: Image.Image, other: Image.Image) -> int:
    """How far any colour of any pixel lies apart."""
    assert one.size == other.size
    extremes = ImageChops.difference(one.convert("RGBA"), other.convert("RGBA")).getextrema()
    return max(high for _, high in extremes)  # type: ignore[misc, has-type]  # one pair for each of four bands


def seen_apart(one: Image.Image, other: Image.Image) -> int:
    """The same of what is seen: before white, and where."""
    one, other = one.convert("RGBA"), other.convert("RGBA")
    white = Image.new("RGBA", one.size, "white")
    over = difference(Image.alpha_composite(white, one), Image.alpha_composite(white, other))
    return max(over, difference(one.getchannel("A").convert("RGB"), other.getchannel("A").convert("RGB")))


def apart(one: Image.Image, other: Image.Image) -> float:
    """How far colours lie apart on average."""
    histogram = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).histogram()
    return sum(at % 256 * count for at, count in enumerate(histogram)) / (3 * one.width * one.height)


def frames(data: bytes) -> list[tuple[Image.Image, int]]:
    image = opened(data)
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        found.append((image.convert("RGBA"), image.info.get("duration", 0)))
    return found


# Nothing is left


@pytest.mark.parametrize("name", ALL)
def test_nothing_that_was_planted_is_left(name: str) -> None:
    data = ALL[name]()
    assert MARK in data
    cleaned = clean(data)
    assert [telling for telling in TELLING if telling in cleaned.data] == []
    assert scan(cleaned.data) == []
    assert cleaned.kind.media_type == f"image/{name.lower()}"


@pytest.mark.parametrize(
    ("data", "removed"),
    [
        (
            jpeg(),
            (
                *TOLD,
                "a thumbnail",
                "XMP",
                "application data 7",
                "IPTC",
                "a comment",
                "EXIF",
                "a colour profile",
                BEHIND,
            ),
        ),
        (
            png(),
            (
                *TOLD,
                "a colour profile",
                "text",
                "XMP",
                "a chunk pHYs",
                "EXIF",
                "a time",
                "a chunk anNa",
                "IPTC",
                BEHIND,
            ),
        ),
        (webp(), (*TOLD, "a colour profile", "EXIF", "XMP", "a chunk anna", BEHIND)),
        (gif(), ("a comment", "XMP", "a colour profile", "application data", "text", BEHIND)),
        (saved(drawing(), "JPEG"), ()),
        (saved(drawing(), "JPEG", exif=Image.Exif().tobytes()), ("EXIF",)),
        (saved(drawing(), "PNG"), ()),
    ],
)
def test_what_is_removed_is_named(data: bytes, removed: tuple[str, ...]) -> None:
    assert clean(data).removed == removed


def test_a_second_picture_behind_the_first_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PIXELS_AT_MOST", 48 * 32)  # it is none of the first one's pixels
    two = io.BytesIO()
    drawing().save(two, "MPO", save_all=True, append_images=[drawing().rotate(180)])
    assert two.getvalue().count(b"\xff\xd8\xff") == 2
    cleaned = clean(two.getvalue())
    assert cleaned.data.count(b"\xff\xd8\xff") == 1
    assert cleaned.removed == ("further pictures", BEHIND)


@pytest.mark.parametrize("name", ALL)
def test_the_same_picture_gives_the_same_bytes(name: str) -> None:
    data = ALL[name]()
    assert clean(data) == clean(data)


@pytest.mark.parametrize("name", ALL)
def test_what_is_clean_stays_clean_and_has_nothing_to_remove(name: str) -> None:
    once = clean(ALL[name]())
    assert clean(once.data).removed == ()


def test_what_a_library_would_leave_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(image: Image.Image, file: io.BytesIO, data: bytes) -> None:
        image.save(file, "JPEG", comment=MARK, exif=exif())

    monkeypatch.setitem(pictures._WRITERS, pictures.kinds.JPEG, careless)
    with pytest.raises(Refused, match="it could not be cleaned whole: EXIF, a comment would be left"):
        clean(jpeg())


# The picture is as it was seen


@pytest.mark.parametrize("orientation", range(10))
def test_the_turning_that_a_phone_noted_is_carried_out(orientation: int) -> None:
    for make, most in ((jpeg, 6.0), (png, 0.0), (webp, 6.0)):
        data = make(drawing(), orientation, icc_profile=None)
        expected = ImageOps.exif_transpose(opened(data))
        assert expected is not None
        assert opened(clean(data).data).size == ((32, 48) if 5 <= orientation <= 8 else (48, 32))
        assert apart(opened(clean(data).data), expected) <= most


def test_exif_that_cannot_be_read_turns_nothing_and_is_gone() -> None:
    for broken in (b"Exif\0\0" + MARK, b"Exif\0\0II*\0\xff\xff\xff\xff", exif()[:20] + MARK + exif()[31:]):
        cleaned = clean(saved(drawing(), "JPEG", exif=broken))
        assert "EXIF" in cleaned.removed
        assert opened(cleaned.data).size == (48, 32)


@pytest.mark.parametrize(
    ("make", "most"), [(jpeg, 6.0), (png, 1.5), (webp, 6.0)], ids=lambda each: getattr(each, "__name__", "")
)
def test_colours_are_those_that_the_profile_meant(make: Callable[..., bytes], most: float) -> None:
    red, green = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (0, 255, 0))
    for image in (red, red.quantize(2)) if make is png else (red,):
        assert apart(opened(clean(make(image)).data), green) <= most
    assert apart(opened(clean(make(red, icc_profile=None)).data), red) <= most


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_a_profile_of_another_mode_goes_too(mode: str) -> None:
    cleaned = clean(png(drawing(mode=mode)))
    assert scan(cleaned.data) == []
    assert "a colour profile" in cleaned.removed


def test_transparency_outlives_a_profile() -> None:
    image = drawing(mode="RGBA")
    image.putalpha(77)
    assert opened(clean(png(image)).data).getchannel("A").getextrema() == (77, 77)


def test_a_profile_that_cannot_be_read_changes_nothing() -> None:
    data = saved(drawing(), "PNG", icc_profile=b"acsp" + MARK)
    assert difference(opened(clean(data).data), drawing()) == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_loses_no_pixel(mode: str) -> None:
    image = Image.linear_gradient("L").convert("I;16") if mode == "I;16" else drawing(mode=mode)
    data = saved(image, "PNG")
    cleaned = opened(clean(data).data)
    assert cleaned.mode == opened(data).mode
    assert cleaned.tobytes() == opened(data).tobytes()
    assert mode == "I;16" or difference(cleaned, image) == 0


@pytest.mark.parametrize("mode", ["P", "RGB", "L", "1"])
def test_a_transparent_colour_of_a_png_stays_transparent(mode: str) -> None:
    image = Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 4, 8))
    transparent: Any = (255, 255, 255) if mode == "RGB" else 255
    data = saved(image.convert(mode), "PNG", transparency=transparent)
    assert opened(data).convert("RGBA").getchannel("A").getextrema() == (0, 255)
    assert seen_apart(opened(clean(data).data), opened(data)) == 0


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_was_only_made_transparent_is_gone(kind: str, options: dict[str, Any], mode: str) -> None:
    image = drawing(mode=mode)
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 24, 32))
    alpha.paste(1, (24, 0, 30, 32))
    image.putalpha(alpha)
    data = saved(image, kind, **options)
    assert opened(data).convert("RGBA").getpixel((3, 3))[:3] != (0, 0, 0)  # type: ignore[index]  # a pixel of four
    cleaned = opened(clean(data).data)
    assert cleaned.convert("RGBA").crop((0, 0, 24, 32)).getcolors() == [(24 * 32, (0, 0, 0, 0))]
    assert seen_apart(cleaned, opened(data)) == 0
    assert difference(cleaned.crop((24, 0, 48, 32)), opened(data).crop((24, 0, 48, 32))) == 0


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_colour_of_the_palette_that_no_pixel_has_is_gone(kind: str) -> None:
    image = Image.new("P", (8, 8), 1)
    image.paste(7, (0, 0, 4, 4))
    image.putpalette([200, 1, 1, 5, 150, 5, *(MARK + b"\0")[:12], 0, 0, 0, 9, 9, 250, *MARK, 0])
    data = saved(image, kind, optimize=False)
    assert MARK[:6] in data
    assert MARK[:6] not in clean(data).data
    assert difference(opened(clean(data).data), opened(data)) == 0


def test_a_still_gif_loses_no_pixel() -> None:
    image = drawing().quantize(8)
    for options in ({}, {"transparency": 2}):
        data = gif(image, **options)
        assert difference(opened(clean(data).data), opened(data)) == 0
        assert ("transparency" in opened(clean(data).data).info) == bool(options)


def test_webp_without_loss_stays_without() -> None:
    image = Image.radial_gradient("L").convert("RGB")
    assert difference(opened(clean(webp(image, icc_profile=None, lossless=True)).data), image) == 0
    lossy = webp(image, icc_profile=None, quality=95)
    assert 0 < apart(opened(clean(lossy).data), image) < 2
    assert b"VP8L" not in clean(lossy).data


@pytest.mark.parametrize(("subsampling", "expected"), [("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)])
def test_a_jpeg_keeps_its_sampling(subsampling: str, expected: int) -> None:
    data = saved(drawing(), "JPEG", subsampling=subsampling)
    assert JpegImagePlugin.get_sampling(opened(clean(data).data)) == expected


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_of_another_mode_is_seen_as_before(mode: str) -> None:
    data = saved(drawing(mode=mode), "JPEG", quality=95)
    cleaned = opened(clean(data).data)
    assert cleaned.mode == {"L": "L", "CMYK": "RGB"}[mode]
    assert apart(cleaned, opened(data)) < 4


# Animations


def moving(alpha: bool) -> list[Image.Image]:
    made = []
    for at in range(4):
        image = Image.new("RGBA", (40, 30), (0, 0, 0, 0) if alpha else (9, 9, 9, 255))
        for row in range(30):
            image.paste((row * 8, at * 60, 255 - row * 8, 255), (at * 8, row, at * 8 + 9, row + 1))
        made.append(image if alpha else image.convert("RGB"))
    return made


@pytest.mark.parametrize("alpha", [False, True])
def test_an_animated_gif_keeps_its_frames_and_times(alpha: bool) -> None:
    data = gif(*moving(alpha), duration=[40, 50, 60, 70], loop=3, disposal=2)
    before, after = frames(data), frames(clean(data).data)
    assert [time for _, time in after] == [40, 50, 60, 70]
    assert opened(clean(data).data).info["loop"] == 3
    assert [seen_apart(old, new) for (old, _), (new, _) in zip(before, after, strict=True)] == [0] * 4


def test_a_gif_that_plays_once_plays_once() -> None:
    data = gif(*moving(False), loop=None)
    assert "loop" not in opened(data).info
    assert "loop" not in opened(clean(data).data).info
    assert len(frames(clean(data).data)) == 4


@pytest.mark.parametrize("alpha", [False, True])
def test_an_animated_webp_keeps_its_frames_and_times(alpha: bool) -> None:
    first, *others = moving(alpha)
    data = webp(first, save_all=True, append_images=others, duration=[40, 50, 60, 70], loop=2, lossless=True)
    plain = webp(
        first,
        save_all=True,
        append_images=others,
        duration=[40, 50, 60, 70],
        loop=2,
        lossless=True,
        icc_profile=b"",
    )
    assert clean(data).data
    after = frames(clean(plain).data)
    assert [time for _, time in after] == [40, 50, 60, 70]
    assert opened(clean(plain).data).info["loop"] == 2
    assert [difference(old, new) for (old, _), (new, _) in zip(frames(plain), after, strict=True)] == [0] * 4


def test_an_animated_png_is_refused() -> None:
    first, *others = moving(False)
    with pytest.raises(Malformed, match="an animated PNG, which cannot be cleaned; save it as GIF or WebP"):
        clean(saved(first, "PNG", save_all=True, append_images=others))


# Bounds


def claim(kind: str, width: int, height: int) -> bytes:
    """A small file that claims to be a large picture."""
    if kind == "PNG":
        header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
        data = saved(drawing(), "PNG")
        return data[:8] + chunk(b"IHDR", header) + data[33:]
    if kind == "GIF":
        data = saved(drawing(), "GIF")
        return data[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + data[10:]
    data = saved(drawing(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2) + width.to_bytes(2) + data[at + 4 :]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG"])
@pytest.mark.parametrize("size", [(8193, 8192), (16384, 16384), (65535, 65535)])
def test_too_many_pixels_are_refused_before_any_is_decoded(
    kind: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(Refused, match="a picture of more than 67108864 pixels; make it smaller"):
        clean(claim(kind, *size))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP"])
def test_the_bound_on_pixels_holds_for_each_kind(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ALL[name](drawing((100, 60)))
    monkeypatch.setattr(pictures, "PIXELS_AT_MOST", 6000)
    assert clean(data)
    monkeypatch.setattr(pictures, "PIXELS_AT_MOST", 5999)
    with pytest.raises(Refused, match="a picture of more than 5999 pixels"):
        clean(data)


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_the_frames_of_an_animation_count_together(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = moving(False)
    data = saved(first, name, save_all=True, append_images=others)
    monkeypatch.setattr(pictures, "PIXELS_AT_MOST", 4 * 40 * 30)
    assert len(frames(clean(data).data)) == 4
    monkeypatch.setattr(pictures, "PIXELS_AT_MOST", 4 * 40 * 30 - 1)
    with pytest.raises(Refused, match="a picture of more than 4799 pixels"):
        clean(data)


def test_a_gif_whose_frames_reach_over_its_edge_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(saved(drawing(), "GIF"))
    at = data.index(b",", 13 + (3 << (data[10] & 7) + 1)) + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(Refused, match="a picture of more than 67108864 pixels"):
        clean(bytes(data))


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg()
    monkeypatch.setattr(pictures, "PICTURE_AT_MOST", len(data))
    assert clean(data)
    monkeypatch.setattr(pictures, "PICTURE_AT_MOST", len(data) - 1)
    with pytest.raises(Refused, match=f"a picture of more than {len(data) - 1} bytes; make it smaller"):
        clean(data)


# Damage


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a file of a kind that cannot be cleaned, which cannot be cleaned"),
        (b"%PDF-1.7", "a PDF, which cannot be cleaned"),
        (saved(drawing(), "BMP"), "a BMP picture, which cannot be cleaned"),
        (jpeg()[:-400], "a JPEG picture that is damaged or cut off"),
        (jpeg()[:30], "a JPEG picture that is damaged or cut off"),
        (b"\xff\xd8\xff\xd9", "a JPEG picture that is damaged or cut off"),
        (saved(drawing(), "PNG")[:-30], "a PNG picture that is damaged or cut off"),
        (saved(drawing(), "PNG")[:20], "a PNG picture that is damaged or cut off"),
        (saved(drawing(), "WEBP")[:-30], "a WebP picture that is damaged or cut off"),
        (saved(drawing(), "GIF")[:-30], "a GIF picture that is damaged or cut off"),
        (b"GIF89a", "a GIF picture that is damaged or cut off"),
        (b"RIFF\4\0\0\0WEBP", "a WebP picture that is damaged or cut off"),
    ],
)
def test_what_is_no_whole_picture_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as error:
        clean(data)
    assert error.value.message == words


def test_a_picture_that_claims_to_be_another_kind_is_not_believed() -> None:
    with pytest.raises(Malformed, match="a JPEG picture that is damaged"):
        clean(b"\xff\xd8\xff" + saved(drawing(), "PNG"))


def test_junk_between_the_parts_is_named_and_gone() -> None:
    data = saved(drawing(), "JPEG")
    at = data.index(b"\xff\xdb")
    cleaned = clean(data[:at] + segment(0xFE, MARK) + b"\0\0" + data[at:])
    assert cleaned.removed == ("a comment", UNREADABLE)
    assert MARK not in cleaned.data


@given(st.sampled_from([jpeg(), png(), gif(*moving(True)), gif(), webp()]), st.data())
@settings(max_examples=300)
def test_whatever_is_done_to_a_picture_it_is_cleaned_or_refused(original: bytes, data: st.DataObject) -> None:
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            cleaned = clean(bytes(changed))
        except (Malformed, Refused):
            return
    assert scan(cleaned.data) == []
    assert MARK not in cleaned.data
    assert XMP not in cleaned.data


def test_the_profile_that_is_planted_is_one() -> None:
    assert b"acsp" in profile()
