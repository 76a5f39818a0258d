"""What stands behind a header's colon: both sides of every rule."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated
from strategies import ATTACHMENTS, DATES, FILE_NAMES, RAW_CIDS, TAGS, raw_cid

from mirror.errors import Malformed
from mirror.formats import fields, wire
from mirror.formats.cid import CID, DAG_CBOR, DAG_PB
from mirror.formats.fields import Attachment, Item

FOLDER = CID.of(DAG_PB, b"a folder")


def refusal(read: Callable[[str], Any], text: str) -> str:
    """The words with which a value is refused."""
    with pytest.raises(Malformed) as raised:
        read(text)
    return raised.value.message


def decoded(data: bytes) -> str:
    return wire.decode_utf8(data)


@given(
    mutated(
        (DATES | TAGS | FILE_NAMES | ATTACHMENTS.map(str) | st.sampled_from(["mk", "zh-Hans", "note", "17"])).map(
            lambda text: text.encode()
        )
    )
)
def test_every_value_has_one_spelling(data: bytes) -> None:
    readers: list[tuple[Callable[[str], Any], Callable[[Any], str]]] = [
        (fields.title, str),
        (fields.language_tag, str),
        (fields.coarse_date, str),
        (fields.day, str),
        (fields.tag, str),
        (fields.item_name, str),
        (fields.file_name, str),
        (fields.attachment, str),
        (fields.item, str),
        (fields.raw_cid, str),
        (fields.folder_cid, str),
        (fields.digest, wire.encode_hex),
        (fields.secret_16, wire.encode_base32),
        (fields.root_hash, wire.encode_base64),
        (fields.from_one, str),
    ]
    for read, print_ in readers:
        assert_strict(
            lambda data, read=read: read(decoded(data)), data, lambda made, print_=print_: print_(made).encode()
        )


@given(st.text(max_size=12))
def test_nothing_but_malformed_is_raised(text: str) -> None:
    for read in (fields.title, fields.coarse_date, fields.day, fields.tag, fields.item, fields.attachment):
        assert_strict(read, text, str)


# Dates


@pytest.mark.parametrize("date", ["2018", "2018-04", "2018-04-23", "0001", "9999-12-31", "2024-02-29", "2000-02-29"])
def test_a_date_is_as_coarse_as_its_author_likes(date: str) -> None:
    assert fields.coarse_date(date) == date


@pytest.mark.parametrize(
    "date",
    [
        *("", "18", "0000", "02018", "2018-4", "2018-00", "2018-13", "2018-04-00", "2018-04-31", "2023-02-29"),
        *(
            "2023-02-30",
            "1900-02-29",
            "2018-04-23T10:00",
            "2018-04-23 ",
            " 2018",
            "2018\n",
            "2018-04\n",
            "2018/04",
            "201804",
        ),
        *(
            "20180423",
            "2018-W01",
            "2018-W01-1",
            "2018-113",
            "٢٠١٨",
            "２０１８",
            "+2018",
            "-2018",
            "2018-04-23Z",
            "2018--01",
        ),
    ],
)
def test_no_other_date_is_one(date: str) -> None:
    assert "not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: " in refusal(fields.coarse_date, date)


def test_a_day_is_whole() -> None:
    assert fields.day("2026-11-21") == "2026-11-21"
    for text in ("2026", "2026-11", "2026-11-2", "2026-11-210"):
        assert "not a day of the form YYYY-MM-DD" in refusal(fields.day, text)
    assert "not a date of the form" in refusal(fields.day, "2026-11-31")


# Tags


@pytest.mark.parametrize(
    "tag",
    [
        *("work", "me-too", "2018", "-", "a", "x" * 64, "универзитет", "仕事", "عمل", "काम", "งาน", "တကယ်", "ሥራ", "ß"),
        *("é", "e\u0301", "٣", "ªº", "ʰ", "ა", "\u0378", "あ" * 21),
    ],
)
def test_a_tag_is_of_lower_case_letters_marks_and_digits_of_any_script(tag: str) -> None:
    assert fields.tag(tag) == tag


@pytest.mark.parametrize(
    ("tag", "letter"),
    [
        *(
            ("Work", "W"),
            ("Универзитет", "У"),
            ("ǅ", "ǅ"),
            ("Ა", "Ა"),
            ("#work", "#"),
            ("two words", " "),
            ("a_b", "_"),
        ),
        *(("½", "½"), ("Ⅷ", "Ⅷ"), ("a\u200db", "\u200d"), ("a\u202e", "\u202e"), ("\ue000", "\ue000"), ("a.b", ".")),
        *(
            ("a/b", "/"),
            ("😀", "😀"),
            ("a\n", "\n"),
            ("a\x00", "\x00"),
            ("\ud800", "\ud800"),
            ("–", "–"),
            ("a\u3000", "\u3000"),
        ),
    ],
)
def test_nothing_else_stands_in_a_tag(tag: str, letter: str) -> None:
    assert f"a tag with {letter!r}, which is no lower-case letter, mark, digit or hyphen" in refusal(fields.tag, tag)


def test_a_tag_has_one_to_sixty_four_bytes() -> None:
    assert "a tag of 0 bytes, not 1 to 64" in refusal(fields.tag, "")
    assert "a tag of 65 bytes, not 1 to 64" in refusal(fields.tag, "x" * 65)
    assert "a tag of 66 bytes, not 1 to 64" in refusal(fields.tag, "あ" * 22)
    assert fields.tag("é" * 32) == "é" * 32
    assert "a tag of 66 bytes" in refusal(fields.tag, "é" * 33)


# Titles and languages


def test_a_title_has_at_most_two_hundred_characters() -> None:
    for letter in ("x", "ш", "信", "😀"):
        assert fields.title(letter * 200) == letter * 200
        assert "a title of 201 characters, more than 200" in refusal(fields.title, letter * 201)


def test_a_language_has_one_spelling() -> None:
    assert fields.language_tag("zh-Hans") == "zh-Hans"
    assert "language tag 'zh-hans' is spelled 'zh-Hans'" in refusal(fields.language_tag, "zh-hans")
    assert "is not well-formed BCP 47" in refusal(fields.language_tag, "english!")


# File names


@pytest.mark.parametrize(
    "name",
    [
        *(
            "1.jpg",
            "a",
            "x" * 100,
            "two words.txt",
            "наше.pdf",
            "写真.jpg",
            "é.txt",
            "a..b",
            "a.",
            "con1",
            "console",
            "com",
        ),
        *(
            "com10",
            "lpt10.txt",
            "nullable.txt",
            "acon",
            "CONTENTS.TXT",
            "aux-file",
            "-rf",
            "~",
            "$x",
            "a;b",
            "é" * 50,
            "'",
        ),
    ],
)
def test_a_file_name_that_every_system_can_hold(name: str) -> None:
    if name == "a.":
        assert "begins or ends with a dot or a space" in refusal(fields.file_name, name)
    else:
        assert fields.file_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 101, "é" * 51, "あ" * 34])
def test_a_file_name_has_one_to_a_hundred_bytes(name: str) -> None:
    assert f"a file name of {len(name.encode())} bytes, not 1 to 100" in refusal(fields.file_name, name)


@pytest.mark.parametrize("name", [".hidden", "..", ".", "a ", " a", "a.", "... ", ". a"])
def test_a_file_name_neither_begins_nor_ends_with_a_dot_or_a_space(name: str) -> None:
    assert "a file name that begins or ends with a dot or a space" in refusal(fields.file_name, name)


@pytest.mark.parametrize("letter", '/\\:*?"<>|')
def test_a_file_name_leads_nowhere(letter: str) -> None:
    for name in (f"a{letter}b", f"{letter}a", f"a{letter}", f"..{letter}a"):
        with pytest.raises(Malformed, match=r"a character that names must not hold|begins or ends with a dot"):
            fields.file_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("con", "CON", "Con", "prn", "aux", "nul", "com1", "COM9", "com0", "lpt1", "LPT0", "com¹", "com²", "lpt³"),
        *(
            "conin$",
            "CONOUT$",
            "clock$",
            "con.txt",
            "NUL.tar.gz",
            "com1.jpg",
            "lpt9.x",
            "con .txt",
            "aux  .a.b",
            "nul.\u3000a",
        ),
    ],
)
def test_a_file_name_is_no_device(name: str) -> None:
    assert "a file name that is a device on some systems" in refusal(fields.file_name, name)


def test_a_file_name_is_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "é.txt")
    assert decomposed != "é.txt"
    assert "a file name that is not in normal form C" in refusal(fields.file_name, decomposed)


# Attachments and items


@given(ATTACHMENTS)
def test_attachments_round_trip(made: Attachment) -> None:
    assert fields.attachment(str(made)) == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an attachment of the form <cid> <bytes> <media type> <file name>"),
        (f"{raw_cid('x')} 1 a/b", "not an attachment of the form"),
        (f"{raw_cid('x')}  1 a/b c", "not a media type in lower case without parameters: '1'"),
        (f"{raw_cid('x')} 1 a/b  c", "a file name that begins or ends with a dot or a space"),
        (f"{raw_cid('x')} 1 a/b ../c", "begins or ends with a dot"),
        (f"{raw_cid('x')} 1 a/b c/d", "a character that names must not hold"),
        (f"{raw_cid('x')} -1 a/b c", "not a decimal number"),
        (f"{raw_cid('x')} 01 a/b c", "not a decimal number"),
        (f"{raw_cid('x')} 1_0 a/b c", "not a decimal number"),
        (f"{raw_cid('x')} {2**63} a/b c", "not a decimal number"),
        (f"{CID.of(DAG_CBOR, b'x')} 1 a/b c", "a CID of another kind than is allowed here"),
        (f"{str(raw_cid('x')).upper()} 1 a/b c", "not a CID"),
        ("Qmc5gCcjYypU7y28oCALwfSvxCBskLuPKWpK4qpterKC7z 1 a/b c", "a CID of another kind than is allowed here"),
    ],
)
def test_no_other_attachment_is_one(text: str, words: str) -> None:
    assert words in refusal(fields.attachment, text)


@pytest.mark.parametrize("kind", ["image/jpeg", "a/b", "application/x-7z-compressed", "a!#$&^_.+-/b", "x" * 127 + "/b"])
def test_a_media_type_has_two_parts(kind: str) -> None:
    text = f"{raw_cid('x')} 0 {kind} c"
    assert str(fields.attachment(text)) == text


@pytest.mark.parametrize(
    "kind",
    ["image", "Image/jpeg", "image/", "/jpeg", "a/b/c", "a/b;q=1", "a/*", "-a/b", "a/é", "x" * 128 + "/b", "a/b\n"],
)
def test_a_media_type_has_no_parameters(kind: str) -> None:
    assert "not a media type in lower case without parameters" in refusal(
        fields.attachment, f"{raw_cid('x')} 0 {kind} c"
    )


@given(st.sampled_from(["note", "index.html", "a" * 100, "0-_."]), RAW_CIDS)
def test_items_round_trip(name: str, cid: CID) -> None:
    assert fields.item(f"{name} {cid}") == Item(name, cid)
    assert str(Item(name, cid)) == f"{name} {cid}"


@pytest.mark.parametrize("name", ["", ".", "..", ".git", "A", "a/b", "a\\b", "é", "a" * 101, "-a", "a\n"])
def test_no_other_item_has_a_name(name: str) -> None:
    assert "not the name of an item" in refusal(fields.item_name, name)


@pytest.mark.parametrize(
    "text", ["", "note", f"note  {FOLDER}", f"note {FOLDER} ", f"note {FOLDER} x", f"note\t{FOLDER}"]
)
def test_no_other_item_is_one(text: str) -> None:
    assert "not an item of the form <name> <cid>" in refusal(fields.item, text)


# CIDs, hashes, numbers


def test_a_note_is_raw_and_a_tree_is_a_folder() -> None:
    assert fields.raw_cid(str(raw_cid("x"))) == raw_cid("x")
    assert fields.folder_cid(str(FOLDER)) == FOLDER
    assert "a CID of another kind than is allowed here" in refusal(fields.raw_cid, str(FOLDER))
    assert "a CID of another kind than is allowed here" in refusal(fields.folder_cid, str(raw_cid("x")))
    for text in ("", "x", "b", str(FOLDER)[:-1], str(FOLDER) + "a", "z" + str(FOLDER)[1:], "k51" + "0" * 59):
        with pytest.raises(Malformed):
            fields.folder_cid(text)


@pytest.mark.parametrize(
    ("read", "print_", "length", "words"),
    [
        (fields.digest, wire.encode_hex, 32, "a SHA-256 of {} bytes, not 32"),
        (fields.secret_16, wire.encode_base32, 16, "a salt or token of {} bytes, not 16"),
        (fields.root_hash, wire.encode_base64, 32, "a root hash of {} bytes, not 32"),
    ],
)
def test_hashes_and_secrets_have_their_length(
    read: Callable[[str], bytes], print_: Callable[[bytes], str], length: int, words: str
) -> None:
    assert read(print_(bytes(range(length)))) == bytes(range(length))
    for other in (0, length - 1, length + 1):
        assert words.format(other) in refusal(read, print_(bytes(other)))
    with pytest.raises(Malformed):
        read(print_(bytes(length)).swapcase() + " ")


def test_numbers_begin_at_one() -> None:
    assert fields.from_one("1") == 1
    assert fields.from_one(str(2**63 - 1)) == 2**63 - 1
    assert "a number that has to be at least 1 is 0" in refusal(fields.from_one, "0")
    for text in ("", "-1", "+1", "01", "1 ", "1_0", "١", str(2**63)):
        assert "not a decimal number from 0" in refusal(fields.from_one, text)
