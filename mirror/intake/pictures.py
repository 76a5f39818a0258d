"""Pictures cleaned of what they tell: read, drawn anew, written without metadata, and looked at again.

    cleaned = clean(data)          # JPEG, PNG, GIF or WebP, whatever its file is called
    cleaned.kind.ending            '.jpg'
    cleaned.removed                ('GPS position', 'camera', 'time', 'EXIF', 'a colour profile')

What is kept is the picture as it is seen: colours are converted to sRGB by the profile that goes away, the turning
that a phone only notes down is carried out, every frame of an animation stays with its time. JPEG is written at
quality 90 with the sampling it came with; PNG and still GIF lose no pixel (a PNG of 16 bits a colour keeps 8); WebP
stays lossless where it was. Everything else goes: EXIF, XMP, IPTC, profiles, comments, text, times, thumbnails,
further pictures behind the first, unknown data; and what is in the picture without being seen: colours under what is
wholly transparent, where many programs only hide what somebody erased, and those of a palette that no pixel has.

What was written is then walked by `mirror.intake.metadata`, which asks no library of pictures, and refused if anything
is left.

The same picture gives the same bytes on one machine; another version of Pillow or of its codecs may give others.

**"Nothing found" is not "clean".** What the picture shows stays: faces, places, screens, reflections, and the noise by
which a camera can be known again. A person has to look.

The only module that knows Pillow. Out of scope: other formats (HEIC, TIFF, PDF, …) and animated PNG, which are refused.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirror.errors import Malformed, MirrorError, Refused
from mirror.intake import kinds
from mirror.intake.kinds import Kind
from mirror.intake.metadata import scan, scan_loosely

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_AT_MOST = 64 << 20
"""Bytes in a picture's file: it is read whole, and a camera's largest JPEG has half of that."""

PIXELS_AT_MOST = 1 << 26
"""Pixels in a picture, all frames together: 67 million, more than a phone of 64 megapixels takes. Cleaning so many
takes 1.5 GB of memory; a file of a few kilobytes can claim a thousand times as many."""

QUALITY = 90
"""Quality of what is written with loss, from 0 to 100: above it files grow and nobody sees a difference."""

_TRANSPARENT = 255
"""The palette's last index, kept free for what is transparent in an animation."""

_STILL_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
"""Pillow's modes that a PNG can hold as they are."""

_EXIF_WORDS = (
    ("camera", (0x010F, 0x0110, 0xA431, 0xA433, 0xA434, 0xA435)),
    ("time", (0x0132, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012)),
    ("names", (0x013B, 0x8298, 0xA430, 0x9C9D)),
    ("program", (0x0131, 0x013C)),
    ("a description", (0x010E, 0x9286, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F)),
    ("maker's notes", (0x927C,)),
)
"""What tags of EXIF tell, in words."""

_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A picture's new bytes, its kind, and what the old ones held beside it, in words."""

    data: bytes
    kind: Kind
    removed: tuple[str, ...]


def clean(data: bytes) -> Cleaned:
    """The picture in `data` without anything beside it.

    Raises `Malformed` where it is no picture that can be cleaned, or damaged; `Refused` where it is too large or where
    something would be left.
    """
    kind = kinds.kind_of(data[: kinds.HEAD])
    if kind not in _WRITERS:
        raise Malformed(f"{kind.words}, which cannot be cleaned")
    if len(data) > PICTURE_AT_MOST:
        raise Refused(f"a picture of more than {PICTURE_AT_MOST} bytes; make it smaller")
    with _whose_fault(kind):
        told, written = _rewrite(kind, data)
    left = scan(written)
    if left:
        raise Refused(f"it could not be cleaned whole: {', '.join(left)} would be left")
    return Cleaned(written, kind, (*told, *scan_loosely(data)))


@contextlib.contextmanager
def _whose_fault(kind: Kind) -> Iterator[None]:
    """Turns what Pillow raises on a hostile or damaged picture, which may be anything, into our own errors."""
    from PIL import Image  # noqa: PLC0415  (only who has pictures pays for loading it)

    Image.MAX_IMAGE_PIXELS = PIXELS_AT_MOST
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large() from None
    except MirrorError:
        raise
    except Exception:
        raise Malformed(f"{kind.words} that is damaged or cut off") from None


def _too_large() -> Refused:
    return Refused(f"a picture of more than {PIXELS_AT_MOST} pixels; make it smaller")


def _rewrite(kind: Kind, data: bytes) -> tuple[tuple[str, ...], bytes]:
    """What its EXIF told, and the bytes of the picture written anew."""
    from PIL import Image  # noqa: PLC0415

    with Image.open(io.BytesIO(data), formats=(kind.media_type.removeprefix("image/").upper(),)) as image:
        if kind is not kinds.JPEG and _count(image) * image.width * image.height > PIXELS_AT_MOST:
            raise _too_large()
        image.load()
        told = tuple(_tell(image))
        written = io.BytesIO()
        _WRITERS[kind](image, written, data)
    return told, written.getvalue()


def _count(image: "Image") -> int:
    """How many frames it has. A JPEG's further pictures are not frames: previews, depths, halves of a stereo pair."""
    count: int = getattr(image, "n_frames", 1)
    return count


def _tell(image: "Image") -> Iterator[str]:
    """What the picture's EXIF tells, in words; what of it cannot be read tells nothing to us."""
    with contextlib.suppress(Exception):
        exif = image.getexif()
        if exif.get_ifd(_GPS_IFD):
            yield "GPS position"
        tags = {*exif, *exif.get_ifd(_EXIF_IFD)}
        yield from (words for words, known in _EXIF_WORDS if tags.intersection(known))


def _write_jpeg(image: "Image", file: io.BytesIO, data: bytes) -> None:
    from PIL import JpegImagePlugin  # noqa: PLC0415

    sampling = max(JpegImagePlugin.get_sampling(image), 0)
    drawn = _drawn(image)
    if drawn.mode != "L":
        drawn = drawn.convert("RGB")
    drawn.save(file, "JPEG", quality=QUALITY, subsampling=sampling)


def _write_png(image: "Image", file: io.BytesIO, data: bytes) -> None:
    if _count(image) > 1:
        raise Malformed("an animated PNG, which cannot be cleaned; save it as GIF or WebP")
    _drawn(image).save(file, "PNG")


def _write_webp(image: "Image", file: io.BytesIO, data: bytes) -> None:
    frames, times = _frames(image)
    frames[0].save(
        file,
        "WEBP",
        save_all=len(frames) > 1,
        append_images=frames[1:],
        duration=times,
        loop=image.info.get("loop", 0),
        lossless=b"VP8L" in data,
        quality=QUALITY,
    )


def _write_gif(image: "Image", file: io.BytesIO, data: bytes) -> None:
    options = {"loop": image.info["loop"]} if "loop" in image.info else {}
    if _count(image) == 1:
        if "transparency" in image.info:
            options["transparency"] = image.info["transparency"]
        _bare(image).save(file, "GIF", **options)
        return
    frames, times = _frames(image)
    disposal = 2 if any(frame.mode == "RGBA" for frame in frames) else 1
    first, *others = [_with_palette(frame) for frame in frames]
    first.save(file, "GIF", save_all=True, append_images=others, duration=times, disposal=disposal, **options)


_WRITERS: dict[Kind, Callable[["Image", io.BytesIO, bytes], None]] = {
    kinds.JPEG: _write_jpeg,
    kinds.PNG: _write_png,
    kinds.GIF: _write_gif,
    kinds.WEBP: _write_webp,
}


def _frames(image: "Image") -> tuple[list["Image"], list[int]]:
    """Every frame as it is seen, and for how many milliseconds."""
    frames, times = [], []
    for number in range(_count(image)):
        image.seek(number)
        image.load()
        frame = _drawn(image)
        opaque = frame.mode != "RGBA" or frame.getchannel("A").getextrema() == (255, 255)
        frames.append(frame.convert("RGB") if opaque else frame)
        times.append(image.info.get("duration", 0))
    return frames, times


def _with_palette(frame: "Image") -> "Image":
    """A frame with a palette of its own: exact where it has no more colours than that holds."""
    if frame.mode != "RGBA":
        return frame.quantize(_TRANSPARENT + 1)
    reduced = frame.convert("RGB").quantize(_TRANSPARENT)
    reduced.paste(_TRANSPARENT, mask=frame.getchannel("A").point([255] * 128 + [0] * 128))
    reduced.info["transparency"] = _TRANSPARENT
    return reduced


def _drawn(image: "Image") -> "Image":
    """The picture as it is seen: in sRGB, turned as it has to be, with nothing beside its pixels."""
    from PIL import Image as Images  # noqa: PLC0415

    turn = Images.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    seen = _in_srgb(image)
    orientation = _orientation(image)
    return _bare(seen.transpose(turns[orientation]) if orientation in turns else seen)


def _orientation(image: "Image") -> Any:
    with contextlib.suppress(Exception):
        return image.getexif().get(_ORIENTATION)
    return None


def _in_srgb(image: "Image") -> "Image":
    """The picture in a mode that can be written, its colours by sRGB; a profile that cannot be read changes nothing."""
    from PIL import ImageCms  # noqa: PLC0415

    profile = image.info.get("icc_profile")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    elif (profile and image.mode == "P") or image.mode not in (*_STILL_MODES, "CMYK"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if profile and image.mode in ("L", "RGB", "RGBA", "CMYK"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if image.mode == "RGBA" else "RGB"
            converted = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode=mode)
            image = converted or image
    return image


def _bare(image: "Image") -> "Image":
    """What is seen of these pixels, in an image that knows nothing else: no colour that is not shown stays."""
    from PIL import Image as Images  # noqa: PLC0415

    if image.mode in ("LA", "RGBA"):
        fresh = Images.new(image.mode, image.size)
        fresh.paste(image, mask=image.getchannel("A").point([0] + [255] * 255))
        return fresh
    fresh = Images.frombytes(image.mode, image.size, image.tobytes())
    palette = image.getpalette() if image.mode == "P" else None
    if palette is not None:
        shown = image.histogram()
        fresh.putpalette([value if shown[at // 3] else 0 for at, value in enumerate(palette)])
    return fresh
