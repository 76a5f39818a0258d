"""What a file is, told by its first bytes: its ending is only a claim.

    >>> kind_of(b"\\xff\\xd8\\xff\\xe0").media_type
    'image/jpeg'
    >>> kind_of(b"%PDF-1.7").words
    'a PDF'

Four kinds of picture can be cleaned of what they tell (`mirror.intake.pictures`); the others are recognised only so
that a refusal can say what to do instead. The media type of a file that is published as it is follows from its ending,
out of a small table: types that a browser would run (HTML, SVG) are not in it.
"""

from dataclasses import dataclass
from pathlib import PurePath

HEAD = 64
"""Bytes from a file's beginning that tell its kind: more than the longest mark below needs."""

OTHER_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: in words, its media type and ending where it can be cleaned, what to do where it cannot."""

    words: str
    media_type: str = ""
    ending: str = ""
    instead: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether it can be cleaned."""
        return bool(self.media_type)


JPEG = Kind("a JPEG picture", "image/jpeg", ".jpg")
PNG = Kind("a PNG picture", "image/png", ".png")
GIF = Kind("a GIF picture", "image/gif", ".gif")
WEBP = Kind("a WebP picture", "image/webp", ".webp")

_AS_JPEG = "save it as JPEG in a program for pictures, and name that file"
_HEIC = Kind("a HEIC picture", instead="save it as JPEG: share or export it from the phone as JPEG, and name that file")
_AVIF = Kind("an AVIF picture", instead=_AS_JPEG)
_FILM = Kind("a film or sound", instead="publish its words as a text, or pictures of it")
_PAGES = "publish its words as a text, or pictures of its pages"
_OTHER = Kind("a file of a kind that cannot be cleaned", instead="publish its words as a text, or a picture of it")

_BEGINNINGS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", Kind("a PDF", instead=_PAGES)),
    (b"PK\x03\x04", Kind("an Office document or an archive", instead=_PAGES)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an Office document", instead=_PAGES)),
    (b"{\\rtf", Kind("an RTF document", instead=_PAGES)),
    (b"II*\x00", Kind("a TIFF or raw picture", instead=_AS_JPEG)),
    (b"MM\x00*", Kind("a TIFF or raw picture", instead=_AS_JPEG)),
    (b"BM", Kind("a BMP picture", instead=_AS_JPEG)),
    (b"\x00\x00\x00\x0cJXL ", Kind("a JPEG XL picture", instead=_AS_JPEG)),
    (b"\xff\x0a", Kind("a JPEG XL picture", instead=_AS_JPEG)),
    (b"\x1a\x45\xdf\xa3", _FILM),
    (b"OggS", _FILM),
    (b"ID3", _FILM),
)

_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
}
"""The brands of ISO base media files that are pictures."""

_TYPES = {
    ".jpg": JPEG.media_type,
    ".jpeg": JPEG.media_type,
    ".png": PNG.media_type,
    ".gif": GIF.media_type,
    ".webp": WEBP.media_type,
    ".heic": "image/heic",
    ".avif": "image/avif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".pdf": "application/pdf",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}


def kind_of(head: bytes) -> Kind:
    """The kind of a file that begins with `head` (`HEAD` bytes, or all of a shorter one)."""
    if head[:4] == b"RIFF":
        return WEBP if head[8:12] == b"WEBP" else _FILM
    if head[4:8] == b"ftyp":
        brands = (head[8:12], *(head[at : at + 4] for at in range(16, len(head), 4)))
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), _FILM)
    return next((kind for beginning, kind in _BEGINNINGS if head.startswith(beginning)), _OTHER)


def media_type_of(name: str) -> str:
    """The media type of a file that is published as it is."""
    return _TYPES.get(PurePath(name).suffix.lower(), OTHER_TYPE)
