"""What a file is, told by its first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import ALL, drawing, saved

from mirror.intake import kinds
from mirror.intake.kinds import kind_of, media_type_of


def box(*brands: bytes) -> bytes:
    return (16 + 4 * len(brands)).to_bytes(4) + b"ftyp" + brands[0] + bytes(4) + b"".join(brands)


@pytest.mark.parametrize("name", ALL)
def test_pictures_that_can_be_cleaned_are_known_by_their_content(name: str) -> None:
    kind = kind_of(ALL[name]()[: kinds.HEAD])
    assert kind.is_picture
    assert kind.media_type == f"image/{name.lower()}"
    assert kind.ending == {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}[name]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (box(b"heic"), "a HEIC picture"),
        (box(b"mif1", b"heic"), "a HEIC picture"),
        (box(b"heix"), "a HEIC picture"),
        (box(b"avif"), "an AVIF picture"),
        (box(b"isom", b"avif"), "an AVIF picture"),
        (box(b"isom", b"mp42"), "a film or sound"),
        (box(b"qt  "), "a film or sound"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"PK\x03\x04\x14\0", "an Office document or an archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
        (b"{\\rtf1", "an RTF document"),
        (saved(drawing(), "TIFF")[:64], "a TIFF or raw picture"),
        (b"MM\0*", "a TIFF or raw picture"),
        (saved(drawing(), "BMP")[:64], "a BMP picture"),
        (b"\xff\x0a\xfa", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a film or sound"),
        (b"OggS\0", "a film or sound"),
        (b"ID3\3", "a film or sound"),
        (b"\x1a\x45\xdf\xa3", "a film or sound"),
        (b"<svg", "a file of a kind that cannot be cleaned"),
        (b"", "a file of a kind that cannot be cleaned"),
    ],
)
def test_what_cannot_be_cleaned_has_a_name_and_a_way_out(head: bytes, words: str) -> None:
    kind = kind_of(head)
    assert (kind.words, kind.is_picture) == (words, False)
    assert kind.instead


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("paper.pdf", "application/pdf"),
        ("PAPER.PDF", "application/pdf"),
        ("a.b.mp3", "audio/mpeg"),
        ("page.html", kinds.OTHER_TYPE),
        ("picture.svg", kinds.OTHER_TYPE),
        ("pdf", kinds.OTHER_TYPE),
        ("", kinds.OTHER_TYPE),
    ],
)
def test_the_type_of_what_is_kept_follows_from_its_ending(name: str, media_type: str) -> None:
    assert media_type_of(name) == media_type


@given(st.binary(max_size=kinds.HEAD))
def test_every_file_is_of_some_kind(head: bytes) -> None:
    assert kind_of(head).words
