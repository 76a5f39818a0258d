"""Files that belong to a testimony: found, named, cleaned or kept, refused."""

import os
from pathlib import Path

import pytest
from planted import ALL, MARK, drawing, gif, jpeg, png, saved, webp
from workbench import ENGLISH, front_matter

from mirror.errors import Malformed, Refused
from mirror.formats import unixfs
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.intake import attachments, pictures
from mirror.intake.attachments import (
    Opened,
    check_is,
    check_kept,
    folder_of,
    locate,
    nowhere,
    open_draft,
    open_handed_in,
    prepare,
)
from mirror.intake.drafts import Flawed, prepare_attachments, read_draft
from mirror.intake.finding import find_files


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def text_with(folder: Path, *names: object) -> Path:
    return write(folder / "one.md", (front_matter(attachments=list(names)) + "What happened.\n").encode())


def flaws(path: Path, *keep: str) -> tuple[str, ...]:
    with pytest.raises(Flawed) as flawed:
        prepare_attachments(read_draft(path, ENGLISH), keep, nowhere)
    return flawed.value.flaws


# Where they lie


@pytest.mark.parametrize(
    "name", ["photo.jpg", "pictures/photo.jpg", "a/b/фото.jpg", "./photo.jpg", "...jpg", "a b.jpg"]
)
def test_a_file_beside_the_text_or_below_is_found(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    assert locate(tmp_path, name).samefile(path)


OUTSIDE = ("", ".", "..", "../photo.jpg", "a/../photo.jpg", "a/..", "/etc/passwd")
ON_WINDOWS = ("a\\photo.jpg", "C:photo.jpg", "C:/a.jpg", "\\\\host\\share\\a.jpg", "a\0.jpg")


@pytest.mark.parametrize("name", OUTSIDE + ON_WINDOWS)
def test_a_name_that_may_lead_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "photo.jpg")
    write(tmp_path / "a" / "photo.jpg")
    with pytest.raises(Malformed) as error:
        locate(tmp_path / "a", name)
    assert error.value.message == f"{name!r} has to be the name of a file beside the text, or in a folder there"


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("photo.jpg", "is not there"), ("folder", "is not a file"), ("pipe", "is not a file")):
        with pytest.raises(Malformed, match=f"{name} {words}"):
            locate(tmp_path, name)


def test_a_symbolic_link_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "photo.jpg")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "photo.jpg").symlink_to(tmp_path / "elsewhere" / "photo.jpg")
    (tmp_path / "here" / "folder").symlink_to(tmp_path / "elsewhere")
    for name in ("photo.jpg", "folder/photo.jpg"):
        with pytest.raises(Malformed, match="is a symbolic link, which may lead anywhere"):
            locate(tmp_path / "here", name)


# In the front matter


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["../photo.jpg"], "attachments: '../photo.jpg' has to be the name of a file beside the text, or in a folder"),
        (["none.jpg"], "none.jpg is not there"),
        (["photo.jpg", "photo.jpg"], "photo.jpg is named twice"),
        (["photo.jpg", "./photo.jpg"], "photo.jpg is named twice"),
        (["two.md"], "two.md is a text; publish it as a testimony of its own"),
        (["TWO.TXT"], "TWO.TXT is a text; publish it as a testimony of its own"),
        ([5], 'attachments: they have to be a list of files such as ["photo.jpg", "scan.png"]'),
        ([["photo.jpg"]], "attachments: they have to be a list of files"),
        ([f"{at}.jpg" for at in range(65)], "attachments: 65 of them, more than 64"),
    ],
)
def test_what_cannot_be_an_attachment_is_a_flaw(tmp_path: Path, names: list[object], words: str) -> None:
    for name in ("photo.jpg", "two.md", "TWO.TXT"):
        write(tmp_path / name)
    with pytest.raises(Flawed) as flawed:
        read_draft(text_with(tmp_path, *names), ENGLISH)
    assert len(flawed.value.flaws) == 1
    assert words in flawed.value.flaws[0]


def test_attachments_that_are_no_list_are_a_flaw(tmp_path: Path) -> None:
    path = write(tmp_path / "one.md", front_matter(attachments="photo.jpg").encode() + b"x")
    with pytest.raises(Flawed, match="attachments: they have to be a list of files"):
        read_draft(path, ENGLISH)


def test_sixty_four_are_not_too_many(tmp_path: Path) -> None:
    for at in range(64):
        write(tmp_path / f"{at}.png", saved(drawing(), "PNG"))
    draft = read_draft(text_with(tmp_path, *(f"{at}.png" for at in range(64))), ENGLISH)
    made = prepare_attachments(draft, (), nowhere)
    assert [each.attachment.name for each in made] == [f"{at}.png" for at in range(1, 65)]


def test_reading_a_draft_reads_no_attachment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text_with(tmp_path, write(tmp_path / "photo.jpg", jpeg()).name)
    monkeypatch.setattr(attachments, "_open", lambda path: pytest.fail("it was read"))
    assert read_draft(path, ENGLISH).attachments == (tmp_path / "photo.jpg",)


def test_all_that_is_wrong_with_them_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a.pdf", b"%PDF-1.7")
    write(tmp_path / "b.jpg", jpeg()[:-400])
    write(tmp_path / "c.jpg", jpeg())
    write(tmp_path / "d.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert flaws(text_with(tmp_path, "a.pdf", "b.jpg", "c.jpg", "d.heic")) == (
        "attachment a.pdf: it is a PDF, which can tell who made it, where and when; publish its words as a text, or "
        "pictures of its pages; or publish all that it tells: --keep-metadata a.pdf",
        "attachment b.jpg: a JPEG picture that is damaged or cut off",
        "attachment d.heic: it is a HEIC picture, which can tell who made it, where and when; save it as JPEG: "
        "share or export it from the phone as JPEG, and name that file; or publish all that it tells: "
        "--keep-metadata d.heic",
    )


# Cleaned


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_cleaned_and_renamed_after_its_place(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "IMG_20180405_123456.jpeg", ALL[name]())
    opened = open_draft(path, 3, ())
    content = b"".join(opened.chunks)
    assert content == pictures.clean(ALL[name]()).data
    assert MARK not in content
    assert opened.name == {"JPEG": "3.jpg", "PNG": "3.png", "GIF": "3.gif", "WEBP": "3.webp"}[name]
    assert opened.media_type == f"image/{name.lower()}"
    assert not opened.kept
    assert "EXIF" in opened.told or name == "GIF"


def test_what_a_file_is_called_does_not_matter(tmp_path: Path) -> None:
    assert open_draft(write(tmp_path / "a.png", jpeg()), 1, ()).name == "1.jpg"
    assert open_draft(write(tmp_path / "a.pdf", png()), 2, ()).name == "2.png"
    with pytest.raises(Refused, match="it is a PDF"):
        open_draft(write(tmp_path / "b.jpg", b"%PDF-1.7"), 1, ())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04", "an Office document or an archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
        (b"<html>", "a file of a kind that cannot be cleaned"),
        (b"", "a file of a kind that cannot be cleaned"),
        (saved(drawing(), "TIFF"), "a TIFF or raw picture"),
    ],
)
def test_what_cannot_be_cleaned_is_refused_with_a_way_out(tmp_path: Path, data: bytes, words: str) -> None:
    path = write(tmp_path / "a.bin", data)
    with pytest.raises(Refused) as refused:
        open_draft(path, 1, ())
    assert refused.value.message.startswith(f"it is {words}, which can tell who made it, where and when; ")
    assert refused.value.message.endswith("; or publish all that it tells: --keep-metadata a.bin")


def test_a_picture_that_is_too_large_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.jpg", jpeg())
    monkeypatch.setattr(pictures, "PICTURE_AT_MOST", 100)
    with pytest.raises(Refused, match="a picture of more than 100 bytes; make it smaller"):
        open_draft(path, 1, ())
    opened = open_draft(path, 1, ("a.jpg",))
    assert b"".join(opened.chunks) == jpeg()
    assert opened.told[-1] == "data that cannot be read"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = text_with(tmp_path, write(tmp_path / "a.jpg", jpeg()).name)
    draft = read_draft(path, ENGLISH)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(Flawed) as flawed:
        prepare_attachments(draft, (), nowhere)
    assert flawed.value.flaws == ("attachment a.jpg: it cannot be read: no such file or directory",)


# Kept


def test_a_file_that_is_kept_stays_as_it_is(tmp_path: Path) -> None:
    for name, data, media_type, told in (
        ("paper.pdf", b"%PDF-1.7" + MARK, "application/pdf", ()),
        ("photo.jpg", saved(drawing(), "JPEG", comment=MARK), "image/jpeg", ("a comment",)),
        ("strange.xyz", b"?", "application/octet-stream", ()),
    ):
        path = write(tmp_path / name, data)
        opened = open_draft(path, 4, (name,))
        assert b"".join(opened.chunks) == data
        assert (opened.name, opened.media_type, opened.told, opened.kept) == (name, media_type, told, True)


def test_a_kept_name_is_put_in_order_or_refused(tmp_path: Path) -> None:
    assert open_draft(write(tmp_path / "e\u0301.pdf"), 1, ("e\u0301.pdf",)).name == "é.pdf"
    for name, words in (
        ("a\u202egpj.exe", "its name holds U+202E overrides the direction of the letters; give it another"),
        ("a\x1b.pdf", "its name holds U+001B is a control character; give it another"),
        ("a\udcff.pdf", "its name holds"),
        ("a:b.pdf", "it has a file name with a character that names must not hold: 'a:b.pdf'; give it another"),
        (".a.pdf", "it has a file name that begins or ends with a dot or a space: '.a.pdf'; give it another"),
        ("con.pdf", "it has a file name that is a device on some systems: 'con.pdf'; give it another"),
        ("a" * 97 + ".pdf", "it has a file name of 101 bytes, not 1 to 100; give it another"),
    ):
        with pytest.raises(Malformed) as error:
            open_draft(write(tmp_path / name), 1, (name,))
        assert error.value.message.startswith(words)


def test_a_kept_file_is_named_by_its_name_or_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "drafts" / "paper.pdf")
    other = write(tmp_path / "drafts" / "other" / "paper.pdf")
    monkeypatch.chdir(tmp_path)
    for name in ("paper.pdf", "drafts/paper.pdf", str(path), "drafts/../drafts/paper.pdf"):
        assert open_draft(path, 1, (name,)).kept
        check_kept((name,), [path])
    check_kept(("drafts/paper.pdf", "drafts/other/paper.pdf"), [path, other])
    check_kept((), [path])
    check_kept(("paper.pdf",), [path, path])
    with pytest.raises(
        Refused, match=r"--keep-metadata paper.pdf could be any of .*paper.pdf, .*other/paper.pdf"
    ) as found:
        check_kept(("paper.pdf",), [path, other])
    assert found.value.hint == "give it with its folder"
    for name in ("papers.pdf", "other/paper.pdf", "PAPER.PDF"):
        with pytest.raises(Refused, match=f"--keep-metadata {name}: no text names this file as its attachment"):
            check_kept((name,), [path, other])


def test_two_that_would_share_a_name_are_a_flaw(tmp_path: Path) -> None:
    write(tmp_path / "photo.jpg", jpeg())
    write(tmp_path / "a" / "1.JPG", b"kept")
    path = text_with(tmp_path, "photo.jpg", "a/1.JPG")
    assert flaws(path, "1.JPG") == ("attachments: two of them would share a name; give one another",)


# Cut into blocks


def opened_with(content: bytes, **values: object) -> Opened:
    given = {"words": "x", "told": (), "kept": True, "name": "a.bin", "media_type": "a/b"} | values
    return Opened(Path("a.bin"), chunks=iter((content,)), **given)  # type: ignore[arg-type]  # a test's shorthand


def test_a_file_of_many_blocks_is_cut_as_the_profile_says() -> None:
    blocks: dict[CID, bytes] = {}
    content = bytes(range(256)) * (5 << 12)
    made = prepare(opened_with(content), blocks.__setitem__)
    assert len(blocks) == 6 - 4  # five equal leaves are one block, and a node
    assert made.attachment == Attachment(made.attachment.cid, 5 << 20, "a/b", "a.bin")
    reader = unixfs.read_file(made.attachment.cid, blocks.__getitem__, strict=True)
    assert b"".join(reader) == content
    assert (made.link.size, made.link.name, made.link.cid) == (reader.size, "a.bin", made.attachment.cid)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Refused, match="it is empty"):
        prepare(opened_with(b""), nowhere)
    assert prepare(opened_with(b"x"), nowhere).attachment.length == 1


# Handed in by an author


def listed(data: bytes, name: str = "2.jpg", media_type: str = "image/jpeg") -> Attachment:
    return Attachment(CID.of_raw(data), len(data), media_type, name)


def test_what_an_author_signed_is_taken_as_it_is(tmp_path: Path) -> None:
    data = pictures.clean(jpeg()).data
    path = write(tmp_path / "2.jpg", data)
    made = prepare(open_handed_in(path, 2, listed(data), ()), nowhere)
    assert check_is(made, listed(data)).attachment == listed(data)
    assert (made.told, made.kept) == ((), False)


@pytest.mark.parametrize(
    ("data", "name", "media_type", "words"),
    [
        (saved(drawing(), "JPEG", comment=MARK), "2.jpg", "image/jpeg", "it is a JPEG picture with a comment, as its"),
        (webp(), "2.webp", "image/webp", "it is a WebP picture with a colour profile, EXIF, XMP, a chunk anna"),
        (gif()[:-20], "2.gif", "image/gif", "it is a GIF picture with "),
        (saved(drawing(), "JPEG"), "IMG_2018.jpg", "image/jpeg", "it is a JPEG picture, as its author signed it"),
        (saved(drawing(), "JPEG"), "1.jpg", "image/jpeg", "it is a JPEG picture, as its author signed it"),
        (saved(drawing(), "JPEG"), "2.jpg", "text/html", "it is a JPEG picture, as its author signed it"),
        (saved(drawing(), "PNG"), "2.jpg", "image/jpeg", "it is a PNG picture, as its author signed it"),
        (b"%PDF-1.7", "paper.pdf", "application/pdf", "it is a PDF, as its author signed it and not as mirror sign"),
        (b"<script>", "2.jpg", "image/jpeg", "it is a file of a kind that cannot be cleaned, as its author signed"),
    ],
)
def test_what_an_author_did_not_clean_is_refused_unless_it_is_kept(
    tmp_path: Path, data: bytes, name: str, media_type: str, words: str
) -> None:
    path = write(tmp_path / name, data)
    with pytest.raises(Refused) as refused:
        open_handed_in(path, 2, listed(data, name, media_type), ())
    assert refused.value.message.startswith(words)
    assert refused.value.message.endswith(f"or publish all that it tells: --keep-metadata {name}")
    opened = open_handed_in(path, 2, listed(data, name, media_type), (name,))
    made = prepare(opened, nowhere)
    assert check_is(made, listed(data, name, media_type)).kept


def test_another_file_than_the_author_signed_is_refused(tmp_path: Path) -> None:
    data, other = saved(drawing(), "JPEG"), saved(drawing().rotate(180), "JPEG")
    made = prepare(open_handed_in(write(tmp_path / "2.jpg", other), 2, listed(data), ()), nowhere)
    with pytest.raises(Malformed) as error:
        check_is(made, listed(data))
    assert error.value.message == (
        f"it is not the file that its author signed: its CID is {CID.of_raw(other)}, signed {CID.of_raw(data)}"
    )


def test_another_length_than_the_author_signed_is_refused(tmp_path: Path) -> None:
    data = saved(drawing(), "JPEG")
    wrong = Attachment(CID.of_raw(data), 5, "image/jpeg", "2.jpg")
    with pytest.raises(Malformed, match=f"it has {len(data)} bytes, signed 5"):
        check_is(prepare(open_handed_in(write(tmp_path / "2.jpg", data), 2, wrong, ()), nowhere), wrong)


def test_the_files_of_a_note_lie_in_a_folder_beside_it() -> None:
    assert folder_of(Path("a/letter.signed.txt")) == Path("a/letter.signed.txt.files")


# In a folder that is published whole


def test_a_file_that_a_text_names_is_passed_over(tmp_path: Path) -> None:
    for name in ("photo.jpg", "sub/scan.png", "sub/paper.pdf"):
        write(tmp_path / name)
    one = text_with(tmp_path, "photo.jpg", "sub/scan.png")
    two = write(tmp_path / "sub" / "two.md", front_matter(attachments=["paper.pdf"]).encode() + b"x")
    assert list(find_files([tmp_path])) == [one, two]
    assert list(find_files([one, tmp_path / "photo.jpg"])) == [one]


@pytest.mark.parametrize("names", [[], ["photo.jpg"], [5], ["../scan.png"], ["sub/scan.jpg"], ["scan.png\0"]])
def test_a_file_that_no_text_names_is_refused(tmp_path: Path, names: list[object]) -> None:
    write(tmp_path / "photo.jpg")
    write(tmp_path / "sub" / "scan.png")
    text_with(tmp_path, *names)
    with pytest.raises(Refused) as refused:
        find_files([tmp_path])
    assert "of the files are neither .md nor .txt: " in refused.value.message
    assert str(tmp_path / "sub" / "scan.png") in refused.value.message
    assert (str(tmp_path / "photo.jpg") in refused.value.message) == ("photo.jpg" not in names)
    assert 'write attachments = ["photo.jpg"] between +++ lines at its top' in refused.value.hint


@pytest.mark.parametrize("content", [b"+++\nattachments = [\n+++\nx", b"\xff", b"mirror/v1 testimony\nx", b"+++\n"])
def test_a_text_that_cannot_be_read_is_named_before_its_pictures(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "photo.jpg")
    path = write(tmp_path / "one.md", content)
    with pytest.raises(Flawed) as flawed:
        find_files([tmp_path])
    assert flawed.value.source == path
