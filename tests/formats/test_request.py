"""An author's request to withdraw: one spelling, one signature, hers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import assert_strict, mutated
from strategies import AUTHOR, DIGESTS, KEY, NAME, NAMESAKE, RAW_CIDS, Loose, make_key, raw_cid

from mirror.errors import BadSignature, Malformed, MirrorError, Refused
from mirror.formats import note, wire
from mirror.formats.request import (
    REQUEST_AT_MOST,
    Request,
    is_request,
    open_request,
    parse_text,
    peek,
    sign,
)

ASKED = Request(NAME, raw_cid("charter"), raw_cid("note"))
SIGNED = sign(ASKED, AUTHOR)
OTHER = make_key("vera.example", "vera")
REQUESTS = st.builds(Request, st.sampled_from([NAME, "a", "x" * 255]), RAW_CIDS, RAW_CIDS)


def test_a_request_is_written_as_the_docstring_says() -> None:
    assert ASKED.text == (
        "mirror/v1 request\n"
        f"Mirror: {NAME}\n"
        f"Charter: {raw_cid('charter')}\n"
        f"Note: {raw_cid('note')}\n"
    )  # fmt: skip
    assert SIGNED.decode().startswith(f"{ASKED.text}\n— anna.example ")
    assert SIGNED.count(b"\n") == 6


@given(REQUESTS)
def test_what_is_signed_opens_for_its_author_alone(made: Request) -> None:
    data = sign(made, AUTHOR)
    assert peek(data) == open_request(data, AUTHOR.public) == made
    assert is_request(data)
    for other in (OTHER, make_key(AUTHOR.name, "another key of her name"), KEY):
        with pytest.raises(BadSignature):
            open_request(data, other.public)


@given(mutated(st.just(ASKED.text.encode())).map(lambda data: data.decode("utf-8", "replace")) | st.text(max_size=80))
def test_a_request_has_one_spelling(text: str) -> None:
    assert_strict(parse_text, text, lambda parsed: parsed.text)


@given(mutated(st.just(SIGNED)) | st.binary(max_size=80))
def test_a_changed_request_is_not_hers(data: bytes) -> None:
    try:
        opened = open_request(data, AUTHOR.public)
    except MirrorError:
        return
    assert opened == ASKED


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("mirror/v1 request\n", "mirror/v2 request\n", "not a request: it has a first line and three more"),
        ("mirror/v1 request\n", "mirror/v1 withdrawal\n", "not a request: it has a first line and three more"),
        ("Mirror: ", "mirror: ", "the request has no Mirror where it has to stand: 'mirror: "),
        ("Charter: ", "Charter:", "the request has no Charter where it has to stand"),
        ("Note: ", "Index: ", "the request has no Note where it has to stand"),
        (f"Mirror: {NAME}\n", "", "not a request: it has a first line and three more"),
        ("Note: ", "Reason: safety\nNote: ", "not a request: it has a first line and three more"),
        (f"Mirror: {NAME}", "Mirror: ", "not a name of 1 to 255 letters"),
        (f"Mirror: {NAME}", "Mirror: mirror/v1", "the name mirror/v1 is reserved"),
        ("Note: bafkrei", "Note: bafybei", "a CID of another kind than is allowed here: bafybei"),
        ("Note: b", "Note: B", "not a CID in base32, base36 or base58: 'Baf"),
        (str(raw_cid("note")), "7", "not a CID in base32, base36 or base58: '7'"),
    ],
)
def test_a_request_that_is_not_one_is_malformed(was: str, now: str, words: str) -> None:
    assert was in ASKED.text
    text = ASKED.text.replace(was, now)
    with pytest.raises(Malformed) as malformed:
        parse_text(text)
    assert words in malformed.value.message
    with pytest.raises(Malformed):
        open_request(note.sign_note(text, Loose(text), AUTHOR), AUTHOR.public)


def test_headers_in_another_order_are_malformed() -> None:
    first, mirror, charter, about = ASKED.text.splitlines(keepends=True)
    with pytest.raises(Malformed, match="the request has no Mirror where it has to stand: 'Charter: "):
        parse_text(first + charter + mirror + about)


def test_a_second_signature_is_one_too_many() -> None:
    for signers in ((AUTHOR, OTHER), (OTHER, AUTHOR), (AUTHOR, KEY)):
        data = note.sign_note(ASKED.text, Loose(ASKED.text), *signers)
        with pytest.raises(BadSignature, match="the request carries a signature line more than it may"):
            open_request(data, AUTHOR.public)


def test_a_request_of_somebody_else_is_not_hers() -> None:
    with pytest.raises(BadSignature, match="the note carries no signature by a known key"):
        open_request(sign(ASKED, OTHER), AUTHOR.public)
    forged = sign(ASKED, OTHER).replace(b"vera.example ", b"anna.example ")
    with pytest.raises(BadSignature):
        open_request(forged, AUTHOR.public)


def test_a_signature_under_other_words_does_not_serve() -> None:
    moved = SIGNED.replace(str(ASKED.note).encode(), str(raw_cid("another note")).encode())
    with pytest.raises(BadSignature):
        open_request(moved, AUTHOR.public)


def test_a_mirror_does_not_ask_itself() -> None:
    for own in (KEY, NAMESAKE):
        with pytest.raises(Refused, match="a mirror's key does not sign requests to itself"):
            sign(ASKED, own)


@given(DIGESTS)
def test_a_request_is_told_by_its_first_line(digest: bytes) -> None:
    assert not is_request(digest)
    assert not is_request(SIGNED[1:])
    assert not is_request(b"mirror/v1 requests\n")
    assert not is_request(b"mirror/v1 request")


def pad_to(length: int) -> bytes:
    """A request with lines of strangers behind its own, as long as is asked for."""
    data = SIGNED
    number = 0
    while (left := length - len(data)) > 0:
        line = min(left, 400) if left < 400 or left > 500 else 200
        blob = wire.encode_base64(b"%04d" % number + bytes(20))
        data += f"— {'s' * (line - len(blob) - 6)} {blob}\n".encode()
        number += 1
    return data


def test_a_request_is_read_up_to_its_bound() -> None:
    most, more = pad_to(REQUEST_AT_MOST), pad_to(REQUEST_AT_MOST + 1)
    assert (len(most), len(more)) == (REQUEST_AT_MOST, REQUEST_AT_MOST + 1)
    assert peek(most) == ASKED
    with pytest.raises(Malformed, match=f"a request of more than {REQUEST_AT_MOST} bytes"):
        peek(more)
