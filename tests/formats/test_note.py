"""A note opens only by verifying, and what opens prints back to the same bytes."""

import base64
from dataclasses import dataclass

import pytest
from c2sp import load, vectors
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated

from mirror.errors import BadSignature, Malformed, MirrorError
from mirror.formats import key, note, wire
from mirror.formats.key import PublicKey, Statement
from mirror.formats.note import Signature, open_note, sign_note, split_note


@dataclass(frozen=True)
class Words(Statement):
    """A statement of any text."""

    text: str

    def signed_bytes(self, signer: PublicKey) -> bytes:
        return self.text.encode()


ANNA, BORIS = (key.generate(name, bytes([n]) * 32) for n, name in enumerate(["anna", "boris/2"]))
STRANGER = "— nobody AAAAAAECAwQ=\n"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=40).map(
    lambda text: text + "\n"
)


def signed(text: str, *keys: key.SecretKey) -> bytes:
    return sign_note(text, Words(text), *keys)


SIMPLE = signed("Hello\n", ANNA)


def printed(data: bytes) -> bytes:
    text, signatures = split_note(data)
    return (text + "\n" + "".join(map(str, signatures))).encode()


@given(TEXTS)
def test_what_is_signed_opens(text: str) -> None:
    data = signed(text, ANNA, BORIS)
    opened = open_note(data, [ANNA.public, BORIS.public])
    assert (opened.text, opened.signers) == (text, (ANNA.public, BORIS.public))
    assert bytes(opened) == data == printed(data)


@given(
    mutated(st.just(SIMPLE) | st.just(signed("A\n\nB\n\n— c d\n", BORIS, ANNA)) | st.just(SIMPLE + STRANGER.encode()))
)
def test_a_changed_note_is_refused_or_says_the_same(data: bytes) -> None:
    try:
        opened = open_note(data, [ANNA.public])
    except (Malformed, BadSignature):
        return
    assert bytes(opened) == data
    assert opened.text in ("Hello\n", "A\n\nB\n\n— c d\n")


@given(st.binary(max_size=60) | mutated(st.just(SIMPLE)))
def test_a_note_is_read_back_or_malformed(data: bytes) -> None:
    try:
        assert printed(data) == data
    except Malformed:
        return


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = "one\n\n— Anna\n\n\ntwo\n\n— anna AAAA\n"
    assert open_note(signed(text, ANNA), [ANNA.public]).text == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the note has no empty line before its signatures"),
        (b"Hello\n" + SIMPLE[7:], "the note has no empty line"),
        (b"Hello\n\n", "the note's last line does not end in a newline"),
        (SIMPLE[:-1], "the note's last line does not end in a newline"),
        (SIMPLE + b"\n", "the note's last line does not end in a newline"),
        (SIMPLE.replace(b"\n", b"\r\n"), "the note has no empty line"),
        (SIMPLE.replace(b"Hello\n", b"Hello\r\n"), "the note holds a control character"),
        (b"\x00" + SIMPLE, "the note holds a control character"),
        (b"\t" + SIMPLE, "the note holds a control character"),
        (b"\xff" + SIMPLE, "the note is not UTF-8 at byte 0"),
        (SIMPLE + b"junk\n", "not a signature line: 'junk'"),
        (SIMPLE.replace("— ".encode(), b"- "), "not a signature line: '- anna"),
        (SIMPLE.replace("— ".encode(), "—".encode()), "not a signature line"),
        (SIMPLE.replace("— ".encode(), "—\u3000".encode()), "not a signature line"),
        (SIMPLE.replace(b"anna ", b"anna  "), "not a signature line"),
        (SIMPLE.replace(b"anna ", b"anna\xe3\x80\x80"), "not a signature line"),
        (SIMPLE.replace(b"anna ", b"a+na "), "not a key name: 'a[+]na'"),
        (SIMPLE.replace(b"anna ", "an\u3000a ".encode()), "not a key name"),
        (SIMPLE.replace(b"anna ", b" "), "not a key name: ''"),
        (SIMPLE.replace(b"anna ", b"anna !"), "not canonical base64"),
        (SIMPLE + "— c AAAAAA==\n".encode(), "the signature line of c has no signature behind its key ID"),
        (SIMPLE + "— c \n".encode(), "the signature line of c has no signature behind its key ID"),
        (SIMPLE + SIMPLE.split(b"\n\n")[1], "the note has two signature lines of one key"),
        (SIMPLE + STRANGER.encode() * 2, "the note has two signature lines of one key"),
    ],
)
def test_every_mangling_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        open_note(data, [ANNA.public])


def test_a_stranger_s_line_needs_a_key_id_and_something_behind_it() -> None:
    data = SIMPLE + "— c AAAAAAE=\n".encode()
    assert open_note(data, [ANNA.public]).signatures[1] == Signature("c", bytes(4), b"\x01")


def test_a_line_is_of_a_key_whose_name_and_key_id_it_carries() -> None:
    line = Signature(ANNA.name, ANNA.public.id, bytes(64))
    assert line.is_of(ANNA.public)
    assert not line.is_of(BORIS.public)
    assert not line.is_of(PublicKey("ann", ANNA.public.raw))
    assert not line.is_of(key.generate(ANNA.name, bytes([7]) * 32).public)


def test_text_below_space_is_the_only_control_there_is() -> None:
    text = "\x7f\x85\u2028 é\n"
    assert open_note(signed(text, ANNA), [ANNA.public]).text == text


def test_a_note_without_a_known_line_does_not_open() -> None:
    same_name = key.generate("anna", bytes([7]) * 32).public
    same_bytes = PublicKey("ann", ANNA.public.raw)
    for known in ([], [BORIS.public], [same_name], [same_bytes]):
        with pytest.raises(BadSignature, match="the note carries no signature by a known key"):
            open_note(SIMPLE, known)
    assert open_note(SIMPLE, iter([same_name, ANNA.public])).signers == (ANNA.public,)


def test_a_failing_line_of_a_known_key_spoils_the_note() -> None:
    spoilt = SIMPLE + str(Signature(BORIS.name, BORIS.public.id, bytes(64))).encode()
    assert open_note(spoilt, [ANNA.public]).signers == (ANNA.public,)
    with pytest.raises(BadSignature, match="the signature by boris/2 is not valid"):
        open_note(spoilt, [ANNA.public, BORIS.public])
    with pytest.raises(BadSignature, match="the signature by anna is not valid"):
        open_note(SIMPLE.replace(b"Hello", b"Hallo"), [ANNA.public])
    short = SIMPLE + str(Signature(BORIS.name, BORIS.public.id, bytes(63))).encode()
    with pytest.raises(BadSignature, match="a signature by boris/2 of 63 bytes, not 64"):
        open_note(short, [ANNA.public, BORIS.public])


def test_another_key_with_the_same_key_id_is_not_believed() -> None:
    other = key.generate("anna", bytes([9]) * 32).public
    other.__dict__["id"] = ANNA.public.id
    with pytest.raises(BadSignature, match="the signature by anna is not valid"):
        open_note(SIMPLE, [other])


def test_the_size_of_a_note_is_bounded() -> None:
    room = note.NOTE_AT_MOST - len(SIMPLE)
    whole = signed("x" * room + "Hello\n", ANNA)
    assert len(whole) == note.NOTE_AT_MOST
    assert bytes(open_note(whole, [ANNA.public])) == whole
    with pytest.raises(Malformed, match="a note of more than 1048576 bytes"):
        open_note(signed("x" * (room + 1) + "Hello\n", ANNA), [ANNA.public])


def test_the_number_of_lines_is_bounded() -> None:
    lines = [str(Signature(f"n{n}", bytes(4), bytes(64))) for n in range(note.SIGNATURES_AT_MOST)]
    full = SIMPLE + "".join(lines[1:]).encode()
    assert len(open_note(full, [ANNA.public]).signatures) == note.SIGNATURES_AT_MOST
    with pytest.raises(Malformed, match="the note has more than 100 signature lines"):
        open_note(full + lines[0].encode(), [ANNA.public])


# Vectors of others


def test_the_example_of_the_specification() -> None:
    example = load(vectors("signed-note/c2sp-example.json"))
    opened = open_note(example["note"].encode(), [key.parse_vkey(example["vkey"])])
    assert opened.text == "This is an example message.\n"
    assert bytes(opened) == example["note"].encode()


def test_notes_of_the_go_note_package() -> None:
    given_ = load(vectors("signed-note/xmod.json"))
    want = given_["sign"]
    made = signed(want["text"], key.parse_skey(want["skey"]))
    assert made == want["want"].encode()
    for case in given_["cases"]:
        known = [key.parse_vkey(vkey) for vkey in case["trusted"]]
        data = base64.b64decode(case["msg_b64"])
        if case["ok"]:
            opened = open_note(data, known)
            assert [signer.name for signer in opened.signers] == case["verified"], case["name"]
            rest = [line.name for line in opened.signatures if line.name not in case["verified"]]
            assert rest == case.get("unverified", []), case["name"]
        else:  # also where both are allowed (two lines of one key): we refuse them everywhere
            with pytest.raises(MirrorError) as caught:
                open_note(data, known)
            expected = BadSignature if "signature" in case["why"] and "limit" not in case["why"] else Malformed
            assert type(caught.value) is expected, case["name"]


def test_a_cosigned_checkpoint_of_a_sunlight_log_is_a_note() -> None:
    data = vectors("cosignature/sunlight-witness.checkpoint").read_bytes()
    text, signatures = split_note(data)
    assert [line.name for line in signatures] == ["rome2026h1.example.org", "witness.example.org"]
    assert printed(data) == data
    assert len(wire.split_lines(text)) == 3
    with pytest.raises(BadSignature, match="no signature by a known key"):
        open_note(data, [ANNA.public])
