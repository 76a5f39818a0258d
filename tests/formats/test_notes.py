"""The five kinds of note: every rule of their tables, and which lines and keys sign them."""

import importlib
import pkgutil
from dataclasses import replace

import pytest
from hypothesis import given
from mutate import assert_strict, mutated
from strategies import AUTHOR, KEY, NAME, NAMESAKE, NOTES, make_key, raw_cid, sign_honestly, sign_loosely

import mirror
from mirror.errors import BadSignature, Malformed, MirrorError, NeedsNewer, Refused
from mirror.formats import headers, key, note, notes, wire
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.fields import Attachment, Item
from mirror.formats.key import PublicKey, Statement
from mirror.formats.notes import KINDS, Announcement, Charter, Edition, Kind, Withdrawal

FOLDER = CID.of(DAG_PB, b"a folder")
NUMBERS = (7, 42, bytes(range(32)))
BODY = "One line.\n\n— Anna\n\n— Anna AAAA\nTag: work"

CHARTER = Charter(NAME, KEY.public, bytes(32), "mk", "Гласови", BODY)
TESTIMONY = notes.Testimony(
    NAME,
    raw_cid("charter"),
    "mk",
    bytes(range(32)),
    bytes(range(16)),
    BODY,
    author=AUTHOR.public,
    title="Семинарот",
    date="2018-04",
    tags=("work", "универзитет"),
    warning="violence",
    translation_of=raw_cid("one"),
    translator="human",
    replaces=raw_cid("two"),
    attachments=(
        Attachment(raw_cid("picture"), 1024, "image/jpeg", "1.jpg"),
        Attachment(FOLDER, 3 << 20, "video/mp4", "2 b.mp4"),
    ),
)
PLAIN = notes.Testimony(NAME, raw_cid("charter"), "en", bytes(32), bytes(16), "Only words.")
WITHDRAWAL = Withdrawal(NAME, raw_cid("charter"), (3, 17), "safety", bytes(range(16)))
ITEMS = (Item("charter.txt", raw_cid("charter")), Item("note", FOLDER))
EDITION = Edition(NAME, raw_cid("charter"), *NUMBERS, ITEMS, "2026-11-21")
ANNOUNCEMENT = Announcement(NAME, raw_cid("charter"), *NUMBERS, FOLDER)
FULL: tuple[Kind, ...] = (CHARTER, TESTIMONY, WITHDRAWAL, EDITION, ANNOUNCEMENT)
"""One of each kind, with every header that it may have."""

ODD = "— eve.example AAAAAAECAwQ=\n"


def parse(text: str) -> Kind:
    return KINDS[text.partition("\n")[0].removeprefix("mirror/v1 ")].parse(text)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def headers_of(made: Kind) -> list[str]:
    return made.text.partition("\n\n")[0].rstrip("\n").split("\n")[1:]


def refuse(text: str) -> str:
    """The words in which the text is malformed: the same whether it is parsed alone or stands in a signed note."""
    with pytest.raises(Malformed) as alone:
        parse(text)
    with pytest.raises(Malformed) as signed:
        notes.open_signed(sign_loosely(text, KEY), KEY.public)
    assert alone.value.message == signed.value.message
    return alone.value.message


# What is printed is what is parsed


@given(NOTES)
def test_what_is_printed_parses_to_the_same(made: Kind) -> None:
    assert parse(made.text) == made
    data = sign_honestly(made)
    assert notes.open_signed(data, KEY.public) == made
    assert notes.open_signed(data, KEY.public, signatures=False) == made


@given(mutated(NOTES.map(lambda made: made.text.encode())))
def test_a_text_has_one_spelling(data: bytes) -> None:
    for kind in KINDS.values():
        assert_strict(lambda data, kind=kind: kind.parse(wire.decode_utf8(data)), data, lambda made: made.text.encode())


@given(mutated(NOTES.map(sign_honestly)))
def test_a_changed_note_is_refused_or_is_the_same(data: bytes) -> None:
    try:
        made = notes.open_signed(data, KEY.public)
    except (Malformed, NeedsNewer, BadSignature):
        return
    assert sign_honestly(made) == data


@given(mutated(NOTES.map(sign_honestly)))
def test_without_signatures_a_changed_note_still_has_one_spelling(data: bytes) -> None:
    try:
        made = notes.open_signed(data, KEY.public, signatures=False)
    except (Malformed, NeedsNewer, BadSignature):
        return
    text, lines = note.split_note(data)
    assert made.text == text
    assert [line.name for line in lines] == [KEY.name, AUTHOR.name][: len(lines)]


@given(mutated(NOTES.map(lambda made: made.text.partition("\n\n")[0].rstrip("\n").encode() + b"\n")))
def test_headers_are_taken_whole_as_they_are_line_by_line(data: bytes) -> None:
    head = data.decode("utf-8", "replace")
    for kind in KINDS.values():
        found = []
        for read in (headers.read_headers, lambda kind, head: headers.read_lines(kind, wire.split_lines(head))):
            try:
                found.append(read(kind, head))
            except Malformed:
                found.append(None)
        assert found[0] == found[1]


def test_a_testimony_reads_as_the_table_says() -> None:
    assert headers_of(TESTIMONY) == [
        "Mirror: voices.example/archive",
        f"Charter: {raw_cid('charter')}",
        f"Author: {AUTHOR.public.vkey}",
        "Language: mk",
        "Title: Семинарот",
        "Date: 2018-04",
        "Tag: work",
        "Tag: универзитет",
        "Warning: violence",
        f"Translation-Of: {raw_cid('one')}",
        "Translator: human",
        f"Replaces: {raw_cid('two')}",
        f"Attachment: {raw_cid('picture')} 1024 image/jpeg 1.jpg",
        f"Attachment: {FOLDER} 3145728 video/mp4 2 b.mp4",
        "Withdrawal: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "Salt: aaaqeayeaudaocajbifqydiob4",
    ]
    assert TESTIMONY.text.startswith("mirror/v1 testimony\nMirror: ")
    assert TESTIMONY.text.endswith("aaaqeayeaudaocajbifqydiob4\n\n" + BODY + "\n")


def test_the_others_read_as_their_tables_say() -> None:
    keys = [[line.partition(": ")[0] for line in headers_of(made)] for made in FULL]
    assert keys[0] == ["Mirror", "Key", "Recovery", "Language", "Title"]
    assert keys[2] == ["Mirror", "Charter", "Index", "Index", "Reason", "Token"]
    assert keys[3] == ["Mirror", "Charter", "Edition", "Size", "Root-Hash", "Day", "Item", "Item"]
    assert keys[4] == ["Mirror", "Charter", "Edition", "Size", "Root-Hash", "Index-Hash"]
    assert headers_of(WITHDRAWAL)[2:] == [
        "Index: 3",
        "Index: 17",
        "Reason: safety",
        "Token: aaaqeayeaudaocajbifqydiob4",
    ]
    assert f"Root-Hash: {wire.encode_base64(bytes(range(32)))}" in headers_of(EDITION)
    assert headers_of(EDITION)[-2:] == [f"Item: charter.txt {raw_cid('charter')}", f"Item: note {FOLDER}"]


# The order and number of headers, for every header of every kind


LINES = [(made, at) for made in FULL for at in range(len(headers_of(made)))]
MAYBE = {"Author", "Title", "Date", "Warning", "Replaces", "Reason", "Token", "Day"}
MANY = {"Tag", "Attachment", "Index", "Item"}


def without(made: Kind, at: int) -> str:
    lines = made.text.split("\n")
    return "\n".join(lines[: at + 1] + lines[at + 2 :])


@pytest.mark.parametrize(("made", "at"), LINES, ids=lambda each: getattr(each, "word", each))
def test_each_header_stands_where_it_has_to(made: Kind, at: int) -> None:
    lines = made.text.split("\n")
    line = lines[at + 1]
    name = line.partition(": ")[0]
    twice = "\n".join([*lines[: at + 1], line, *lines[at + 1 :]])
    if name in MANY:
        assert isinstance(parse(without(made, at)), type(made))
        return
    with pytest.raises(Malformed, match=rf"line {at + 3}\b.* given twice|where it has to stand, in line {at + 3}\b"):
        parse(twice)
    if name in MAYBE and not (isinstance(made, Charter) and name == "Title"):
        assert parse(without(made, at)).text == without(made, at)
    elif name in ("Translation-Of", "Translator"):
        assert "Translation-Of and Translator stand only together" in refuse(without(made, at))
    else:
        assert f"the {made.word} has no {name} where it has to stand, in line {at + 2}" in refuse(without(made, at))


@pytest.mark.parametrize(("made", "at"), LINES, ids=lambda each: getattr(each, "word", each))
def test_two_headers_never_change_places(made: Kind, at: int) -> None:
    lines = made.text.split("\n")
    if at + 1 == len(headers_of(made)) or lines[at + 1].partition(":")[0] == lines[at + 2].partition(":")[0]:
        return
    lines[at + 1], lines[at + 2] = lines[at + 2], lines[at + 1]
    with pytest.raises(Malformed, match=r"out of order|where it has to stand"):
        parse("\n".join(lines))


@pytest.mark.parametrize(("made", "at"), LINES, ids=lambda each: getattr(each, "word", each))
def test_a_value_is_neither_empty_nor_has_a_space_at_its_end(made: Kind, at: int) -> None:
    lines = made.text.split("\n")
    name, _, value = lines[at + 1].partition(": ")
    for spoilt in (f"{name}: ", f"{name}:  {value}", f"{name}: {value} "):
        text = "\n".join([*lines[: at + 1], spoilt, *lines[at + 2 :]])
        assert f"the value of {name} is empty or has a space at its end" in refuse(text)
    for spoilt in (f"{name}:{value}", f"{name.upper()}: {value}", f"{name}", f" {name}: {value}", f"{name} : {value}"):
        with pytest.raises(Malformed, match=r"unknown, given twice or out of order|where it has to stand|stand only"):
            parse("\n".join([*lines[: at + 1], spoilt, *lines[at + 2 :]]))


@pytest.mark.parametrize(("made", "at"), LINES, ids=lambda each: getattr(each, "word", each))
def test_an_unknown_key_is_malformed_wherever_it_stands(made: Kind, at: int) -> None:
    lines = made.text.split("\n")
    with pytest.raises(Malformed, match=r"unknown, given twice or out of order|where it has to stand"):
        parse("\n".join([*lines[: at + 1], "Mood: calm", *lines[at + 1 :]]))


@pytest.mark.parametrize("made", [WITHDRAWAL, EDITION, ANNOUNCEMENT], ids=lambda made: made.word)
def test_kinds_without_a_body_end_with_their_last_header(made: Kind) -> None:
    assert "is unknown, given twice or out of order: ''" in refuse(made.text + "\nA body.\n")
    assert "is unknown, given twice or out of order: 'A: line'" in refuse(made.text + "A: line\n")
    with pytest.raises(Malformed, match=r"does not end in a newline"):
        parse(made.text[:-1])


# Bodies


@pytest.mark.parametrize("made", [CHARTER, PLAIN], ids=lambda made: made.word)
def test_a_body_starts_and_ends_with_words(made: Charter | notes.Testimony) -> None:
    head = made.text.partition("\n\n")[0]
    assert f"the {made.word} has no empty line before its body" in refuse(f"{head}\n")
    for body in ("", "\n", "\n\n", "\nA\n", "A\n\n"):
        assert "is empty, or starts or ends with an empty line" in refuse(
            f"{head}\n\n{body}" if body else f"{head}\n\n\n"
        )
    with pytest.raises(Malformed, match=f"the {made.word}'s body does not end in a newline"):
        parse(f"{head}\n\nA")
    for body in ("A", " ", " A ", "A\n\n\nB", "— x AAAA", "A\n\n— Anna\n\n— Anna"):
        same = replace(made, body=body)
        assert parse(f"{head}\n\n{body}\n") == same
        assert notes.open_signed(sign_honestly(same), KEY.public) == same


def test_a_line_in_a_body_that_looks_like_a_signature_signs_nothing() -> None:
    line = sign_honestly(PLAIN).decode().rpartition("\n\n")[2].strip("\n")
    quoting = replace(PLAIN, body=f"They wrote:\n\n{line}\n\n{line}")
    assert notes.open_signed(sign_honestly(quoting), KEY.public) == quoting
    assert notes.open_signed(sign_honestly(quoting), KEY.public).body.count(line) == 2  # type: ignore[union-attr]


def test_controls_are_malformed_in_headers_and_bodies() -> None:
    for spoilt in ("Only\twords.", "Only\x7fwords.", "Only\x85words.", "Only words.\r"):
        text = changed(PLAIN.text, "Only words.", spoilt)
        with pytest.raises(Malformed, match=r"the testimony has the control character U"):
            notes.Testimony.parse(text)
        with pytest.raises(Malformed, match=r"control character"):
            notes.open_signed(sign_loosely(text, KEY), KEY.public)
    kept = replace(PLAIN, body="a\u2028b\u200f\u202e\ufeff\u0378\U000e0041", title="\u202ex")
    assert notes.open_signed(sign_honestly(kept), KEY.public) == kept


# Values


SMALL_ORDER = [bytes(32), b"\x01" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")]


@pytest.mark.parametrize(
    ("made", "old", "new", "words"),
    [
        (CHARTER, f"Mirror: {NAME}", "Mirror: Voices", "not a name of 1 to 255 letters"),
        (CHARTER, f"Mirror: {NAME}", "Mirror: mirror/v1", "the name mirror/v1 is reserved"),
        (CHARTER, f"Mirror: {NAME}", "Mirror: other", "the charter of other gives a key named voices.example/archive"),
        (CHARTER, KEY.public.vkey, KEY.skey, "a secret key stands where a vkey is wanted"),
        (CHARTER, KEY.public.vkey, KEY.public.vkey[:-1], "not a vkey"),
        (CHARTER, "00" * 32, "00" * 31, "a SHA-256 of 31 bytes, not 32"),
        (CHARTER, "00" * 32, "0A" + "00" * 31, "not lower-case hexadecimal"),
        (CHARTER, "Language: mk", "Language: MK", "language tag 'MK' is spelled 'mk'"),
        (CHARTER, "Language: mk", "Language: m", "is not well-formed BCP 47"),
        (CHARTER, "Title: Гласови", "Title: " + "x" * 201, "a title of 201 characters, more than 200"),
        (TESTIMONY, str(raw_cid("charter")), str(FOLDER), "a CID of another kind than is allowed here"),
        (TESTIMONY, str(raw_cid("charter")), str(raw_cid("charter")).upper(), "not a CID in base32"),
        (TESTIMONY, str(raw_cid("one")), str(FOLDER), "a CID of another kind than is allowed here"),
        (TESTIMONY, str(raw_cid("two")), "Qm" + "1" * 44, "CID"),
        (TESTIMONY, "Translator: human", "Translator: Human", "'Human' is none of human, machine, machine-reviewed"),
        (TESTIMONY, "Title: Семинарот", "Title: " + "ш" * 201, "a title of 201 characters, more than 200"),
        (TESTIMONY, "Date: 2018-04", "Date: 2018-13", "not a date of the form"),
        (TESTIMONY, "Tag: work\nTag: у", "Tag: Work\nTag: у", "a tag with 'W', which is no lower-case letter"),
        (TESTIMONY, " 1024 ", " 01024 ", "not a decimal number"),
        (TESTIMONY, "image/jpeg", "image/JPEG", "not a media type in lower case"),
        (TESTIMONY, "2 b.mp4", "1.JPG", "two attachments share a name, or differ only in upper and lower case"),
        (TESTIMONY, "2 b.mp4", "1.jpg", "two attachments share a name, or differ only in upper and lower case"),
        (TESTIMONY, "Salt: aaaq", "Salt: aaa", "not lower-case base32"),
        (TESTIMONY, "diob4", "diob5", "base32 with loose bits at its end"),
        (TESTIMONY, "aaaqeayeaudaocajbifqydiob4", "aaaqeayeaudaocajbifqydi", "a salt or token of 14 bytes, not 16"),
        (TESTIMONY, "Withdrawal: 00", "Withdrawal: ", "a SHA-256 of 31 bytes, not 32"),
        (WITHDRAWAL, "Index: 3\n", "Index: 17\n", "the withdrawal's indexes do not ascend"),
        (WITHDRAWAL, "Index: 3\n", "Index: 18\n", "the withdrawal's indexes do not ascend"),
        (WITHDRAWAL, "Index: 3\n", "Index: +3\n", "not a decimal number"),
        (WITHDRAWAL, "Index: 3\n", "Index: 03\n", "not a decimal number"),
        (WITHDRAWAL, "Index: 3\n", "Index: ٣\n", "not a decimal number"),
        (WITHDRAWAL, "Index: 17\n", f"Index: {2**63}\n", "not a decimal number"),
        (WITHDRAWAL, "Index: 3\nIndex: 17\n", "", "the withdrawal has no Index"),
        (WITHDRAWAL, "Reason: safety", "Reason: shame", "'shame' is none of safety, consent, legal, error"),
        (EDITION, "Edition: 7", "Edition: 0", "a number that has to be at least 1 is 0"),
        (EDITION, "Size: 42", "Size: 0", "a number that has to be at least 1 is 0"),
        (EDITION, "Hh8=", "Hh9=", "not canonical base64"),
        (EDITION, "Hh8=", "Hh8", "not canonical base64"),
        (EDITION, "Root-Hash: AAEC", "Root-Hash: ", "a root hash of 29 bytes, not 32"),
        (EDITION, "Day: 2026-11-21", "Day: 2026-11", "not a day of the form YYYY-MM-DD"),
        (EDITION, "Day: 2026-11-21", "Day: 2026-11-31", "not a date of the form"),
        (
            EDITION,
            "Item: note",
            "Item: charter.txt",
            "the edition's items are not sorted by name, or one is given twice",
        ),
        (EDITION, "Item: note", "Item: a", "the edition's items are not sorted by name, or one is given twice"),
        (EDITION, "Item: note", "Item: ../note", "not the name of an item"),
        (EDITION, "Item: note ", "Item: note  ", "not an item of the form"),
        (ANNOUNCEMENT, str(FOLDER), str(raw_cid("x")), "a CID of another kind than is allowed here"),
    ],
)
def test_every_value_has_its_rule(made: Kind, old: str, new: str, words: str) -> None:
    assert words in refuse(changed(made.text, old, new))


def test_a_key_of_small_order_is_refused_in_a_charter_and_as_an_author() -> None:
    for raw in SMALL_ORDER:
        typed = b"\x01" + raw
        for made, old in ((CHARTER, KEY.public.vkey), (TESTIMONY, AUTHOR.public.vkey)):
            name = old.partition("+")[0]
            key_id = wire.encode_hex(key._key_id(name, typed))
            vkey = f"{name}+{key_id}+{wire.encode_base64(typed)}"
            with pytest.raises(Malformed, match=r"a public key of small order: anyone could sign with it"):
                parse(changed(made.text, old, vkey))


def test_tags_and_attachments_are_bounded() -> None:
    for count in (16, 17):
        text = replace(PLAIN, tags=("a",) * count).text
        if count == 16:
            assert notes.Testimony.parse(text).tags == ("a",) * 16
        else:
            assert "the testimony has more than 16 Tag lines" in refuse(text)
    for count in (64, 65):
        made = tuple(Attachment(raw_cid("x"), 1, "a/b", f"{at}.jpg") for at in range(count))
        text = replace(PLAIN, attachments=made).text
        if count == 64:
            assert notes.Testimony.parse(text).attachments == made
        else:
            assert "the testimony has more than 64 Attachment lines" in refuse(text)


def test_a_title_may_have_two_hundred_characters_of_any_script() -> None:
    for title in ("x" * 200, "信" * 200, "\U0001f5a4" * 200):
        assert notes.Testimony.parse(replace(PLAIN, title=title).text).title == title
        assert Charter.parse(replace(CHARTER, title=title).text).title == title


# Versions


@pytest.mark.parametrize("first", ["mirror/v2 testimony", "mirror/v10 x", "mirror/v1 letter", "mirror/v1 letter-2"])
def test_what_is_newer_is_said_to_be(first: str) -> None:
    text = changed(PLAIN.text, "mirror/v1 testimony", first)
    with pytest.raises(NeedsNewer, match=r"which this (program|version) does not know"):
        notes.open_signed(sign_loosely(text, KEY), KEY.public)


@pytest.mark.parametrize(
    "first",
    [
        *(
            "",
            "mirror/v1",
            "mirror/v1 ",
            "mirror/v1  testimony",
            "mirror/v1 testimony ",
            "mirror/v1 Testimony",
            " mirror/v1 x",
        ),
        *("mirror/v0 testimony", "mirror/v02 x", "mirror/v x", "mirror/v-2 x", "mirror/v2", f"mirror/v{2**63} x"),
        *("Mirror/v1 x", "mirror/v1 two words", "mirror/v1 " + "x" * 33, "mirror/v1\ttestimony"),
    ],
)
def test_what_is_no_first_line_is_malformed(first: str) -> None:
    text = changed(PLAIN.text, "mirror/v1 testimony", first)
    with pytest.raises(Malformed, match=r"no kind of note|not a decimal number|control character"):
        notes.open_signed(sign_loosely(text, KEY), KEY.public)


# Signature lines


def lines_of(data: bytes) -> list[str]:
    return [str(line) for line in note.split_note(data)[1]]


def test_a_note_carries_exactly_the_lines_of_its_kind() -> None:
    for made in FULL:
        expected = [KEY.name, AUTHOR.name] if made is TESTIMONY else [KEY.name]
        assert [line.name for line in note.split_note(sign_honestly(made))[1]] == expected


@pytest.mark.parametrize("made", FULL, ids=lambda made: made.word)
def test_no_stranger_signs(made: Kind) -> None:
    data = sign_honestly(made)
    stranger = lines_of(sign_loosely(made.text, make_key("eve.example", "eve")))[0]
    for line in (stranger, ODD):
        with pytest.raises(Malformed, match=f"the {made.word} carries a signature line more than it may"):
            notes.open_signed(data + line.encode(), KEY.public)
    with pytest.raises(BadSignature, match=f"the {made.word} has a line by eve.example where {NAME} has to sign"):
        notes.open_signed(made.text.encode() + b"\n" + stranger.encode(), KEY.public)


def test_both_lines_of_an_authored_testimony_are_needed_in_their_order() -> None:
    text, (mirrors, authors) = TESTIMONY.text, lines_of(sign_honestly(TESTIMONY))
    for lines, words in (
        ((mirrors,), "the testimony is not signed by anna.example"),
        ((authors,), f"the testimony has a line by anna.example where {NAME} has to sign"),
        ((authors, mirrors), f"the testimony has a line by anna.example where {NAME} has to sign"),
    ):
        for signatures in (True, False):
            with pytest.raises(BadSignature, match=words):
                notes.open_signed(f"{text}\n{''.join(lines)}".encode(), KEY.public, signatures=signatures)
    with pytest.raises(Malformed, match=r"two signature lines of one key"):
        notes.open_signed(f"{text}\n{mirrors}{mirrors}".encode(), KEY.public)


def test_a_line_that_does_not_verify_is_refused_unless_signatures_are_left_out() -> None:
    spoilt = changed(sign_honestly(TESTIMONY).decode(), "One line.", "Two line.").encode()
    with pytest.raises(BadSignature, match=r"the signature by voices.example/archive is not valid"):
        notes.open_signed(spoilt, KEY.public)
    assert notes.open_signed(spoilt, KEY.public, signatures=False).text == note.split_note(spoilt)[0]
    by_namesake = sign_loosely(PLAIN.text, NAMESAKE)
    for signatures in (True, False):
        with pytest.raises(BadSignature, match=f"has a line by {NAME} where {NAME} has to sign"):
            notes.open_signed(by_namesake, KEY.public, signatures=signatures)


def test_an_author_who_did_not_sign_is_noticed() -> None:
    text, (mirrors, _) = TESTIMONY.text, lines_of(sign_honestly(TESTIMONY))
    forged = note.Signature(AUTHOR.name, AUTHOR.public.id, bytes(64))
    with pytest.raises(BadSignature, match=r"the signature by anna.example is not valid"):
        notes.open_signed(f"{text}\n{mirrors}{forged}".encode(), KEY.public)


def test_an_author_bears_another_name_and_another_key_than_the_mirror() -> None:
    alike = replace(TESTIMONY, author=NAMESAKE.public).text
    assert f"the author bears the mirror's name {NAME}" in refuse(alike)
    same_key = PublicKey("anna.example", KEY.public.raw)
    text = replace(TESTIMONY, author=same_key).text
    with pytest.raises(Malformed, match=r"the author's key is the mirror's own"):
        notes.open_signed(sign_loosely(text, KEY, key.generate("anna.example", KEY.seed)), KEY.public)
    odd = make_key("anna.example", "x")
    named = PublicKey("Anna", odd.public.raw)
    assert "not a name of 1 to 255 letters" in refuse(replace(TESTIMONY, author=named).text)


# Opening as what is wanted


def test_a_note_opens_only_as_its_kind() -> None:
    kinds = (Charter, notes.Testimony, Withdrawal, Edition, Announcement)
    for made in FULL:
        for kind in kinds:
            if isinstance(made, kind):
                assert notes.open_as(kind, sign_honestly(made), KEY.public) == made
            else:
                with pytest.raises(Malformed, match=f"a note of kind {made.word} where a {kind.word} has to be"):
                    notes.open_as(kind, sign_honestly(made), KEY.public)


def test_a_charter_opens_with_the_key_that_it_gives() -> None:
    assert notes.open_charter(sign_honestly(CHARTER)) == CHARTER
    with pytest.raises(BadSignature, match=f"has a line by {NAME} where {NAME} has to sign"):
        notes.open_charter(sign_loosely(CHARTER.text, NAMESAKE))
    with pytest.raises(Malformed, match=r"the first line is not mirror/v1 charter"):
        notes.open_charter(sign_honestly(PLAIN))
    with pytest.raises(NeedsNewer, match=r"a note of version mirror/v2"):
        notes.open_charter(sign_loosely(changed(CHARTER.text, "mirror/v1", "mirror/v2"), KEY))
    with pytest.raises(Malformed, match=r"carries a signature line more than it may"):
        notes.open_charter(sign_honestly(CHARTER) + ODD.encode())


def test_what_an_author_hands_in_carries_her_line_alone() -> None:
    data = notes.sign_as_author(TESTIMONY, AUTHOR)
    opened, line = notes.open_handed_in(data)
    assert opened == TESTIMONY
    assert line.is_of(AUTHOR.public)
    assert notes.is_handed_in(data)
    assert notes.sign(opened, KEY, author=line) == sign_honestly(TESTIMONY)
    assert not notes.is_handed_in(sign_honestly(TESTIMONY))
    with pytest.raises(Malformed, match=r"carries a signature line more than it may"):
        notes.open_handed_in(sign_honestly(TESTIMONY))
    with pytest.raises(Malformed, match=r"names no author, so nobody can have signed it"):
        notes.open_handed_in(sign_honestly(PLAIN))
    with pytest.raises(BadSignature, match=r"the signature by anna.example is not valid"):
        notes.open_handed_in(changed(data.decode(), "One line.", "Two line.").encode())
    with pytest.raises(BadSignature, match=f"has a line by {NAME} where anna.example has to sign"):
        notes.open_handed_in(sign_loosely(TESTIMONY.text, KEY))


def test_the_mirror_that_a_note_names_can_be_read_before_it_is_verified() -> None:
    for made in FULL:
        assert notes.mirror_name(sign_honestly(made)) == NAME
        assert notes.peek(sign_honestly(made)) == made
    with pytest.raises(Malformed, match=r"the note's second line does not name its mirror"):
        notes.mirror_name(sign_loosely("mirror/v1 testimony\nCharter: x\n", KEY))
    with pytest.raises(Malformed, match=r"not a name of 1 to 255 letters"):
        notes.mirror_name(sign_loosely("mirror/v1 testimony\nMirror: \u202e\n", KEY))
    with pytest.raises(NeedsNewer, match=r"of version mirror/v2"):
        notes.mirror_name(sign_loosely("mirror/v2 testimony\nMirror: x\n", KEY))


# Who may sign what


def statements() -> set[type]:
    """Every kind of statement that the program has, all of its modules being imported."""
    for module in pkgutil.walk_packages(mirror.__path__, "mirror."):
        importlib.import_module(module.name)
    found, waiting = set(), [Statement]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.partition(".")[0] == "mirror" and not kind.__name__.startswith("_"):
                found.add(kind)
    return found


def test_keys_sign_notes_checkpoints_names_and_requests_and_nothing_else() -> None:
    assert {kind.__name__ for kind in statements()} == {
        "Charter",
        "Testimony",
        "Withdrawal",
        "Edition",
        "Announcement",
        "Checkpoint",
        "Naming",
        "Request",
    }


@pytest.mark.parametrize("made", [CHARTER, PLAIN, WITHDRAWAL, EDITION, ANNOUNCEMENT], ids=lambda made: made.word)
def test_only_the_mirror_signs(made: Kind) -> None:
    for wrong in (AUTHOR, make_key("voices.example", "x")):
        with pytest.raises(Refused, match=f"the key of {wrong.name} may not sign this {made.word} of {NAME}"):
            notes.sign(made, wrong)
        with pytest.raises(Refused, match=f"may not sign this {made.word}"):
            wrong.sign(made)
    assert notes.open_signed(notes.sign(made, KEY), KEY.public) == made


def test_a_charter_is_signed_by_the_key_it_gives_and_by_no_namesake() -> None:
    with pytest.raises(Refused, match=f"the key of {NAME} may not sign this charter"):
        notes.sign(CHARTER, NAMESAKE)


def test_an_author_signs_her_own_testimony_only() -> None:
    other = make_key("anna.example", "another anna")
    with pytest.raises(Refused, match=r"does not name the key of anna.example as its author's"):
        notes.sign_as_author(TESTIMONY, other)
    with pytest.raises(Refused, match=r"does not name the key of anna.example as its author's"):
        notes.sign_as_author(PLAIN, AUTHOR)
    with pytest.raises(Refused, match=r"the key of anna.example may not sign this testimony"):
        other.sign(TESTIMONY)
    with pytest.raises(Refused, match=r"may not sign this withdrawal"):
        AUTHOR.sign(WITHDRAWAL)


@pytest.mark.parametrize(
    "made",
    [
        replace(PLAIN, body=""),
        replace(PLAIN, body="\nA"),
        replace(PLAIN, body="A\n"),
        replace(PLAIN, title="two\nlines"),
        replace(PLAIN, title="x\n\nBody: early"),
        replace(PLAIN, warning=" x"),
        replace(PLAIN, tags=("Work",)),
        replace(PLAIN, salt=bytes(15)),
        replace(PLAIN, translator="human"),
        replace(PLAIN, language="EN"),
        replace(WITHDRAWAL, indexes=(17, 3)),
        replace(WITHDRAWAL, indexes=()),
        replace(EDITION, edition=0),
        replace(ANNOUNCEMENT, root_cid=raw_cid("x")),
    ],
)
def test_nothing_is_signed_that_would_not_be_read(made: Kind) -> None:
    with pytest.raises(MirrorError) as refusal:
        notes.sign(made, KEY)
    assert isinstance(refusal.value, Malformed)


def test_nothing_is_signed_that_reads_as_something_else() -> None:
    smuggling = replace(PLAIN, title="x\nWarning: y")
    assert notes.Testimony.parse(smuggling.text) != smuggling
    with pytest.raises(Malformed, match=r"the testimony does not print back to what it was read from"):
        notes.sign(smuggling, KEY)


def test_the_size_of_a_note_is_bounded() -> None:
    room = note.NOTE_AT_MOST - len(notes.sign(replace(PLAIN, body="x"), KEY)) + 1
    assert len(notes.sign(replace(PLAIN, body="x" * room), KEY)) == note.NOTE_AT_MOST
    with pytest.raises(Refused, match=r"the note would have 1048577 bytes, more than 1048576") as refusal:
        notes.sign(replace(PLAIN, body="x" * (room + 1)), KEY)
    assert refusal.value.hint == "divide the text into several testimonies"
    authored = replace(PLAIN, author=AUTHOR.public, body="x" * note.NOTE_AT_MOST)
    with pytest.raises(Refused, match=r"more than 1048576"):
        notes.sign_as_author(authored, AUTHOR)
