"""The plainest testimonies: what is recognised at a glance is what the whole grammar takes, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangle import mangled
from strategies import KEY, TESTIMONIES, raw_cid, sign_honestly, sign_loosely

from mirror.errors import Malformed, NeedsNewer, Unverified
from mirror.formats import note, notes
from mirror.formats.cid import CID
from mirror.formats.glance import Glance, Plain
from mirror.formats.key import PublicKey

CHARTER = raw_cid("charter")
GLANCE = Glance(KEY.public, CHARTER)

PLAIN = notes.Testimony(
    KEY.name, CHARTER, "mk", bytes(32), bytes(16), "One.\n\n— Anna\n\nTwo.", title="A title", date="2018", tags=("a",)
)


def seen_whole(data: bytes, key: PublicKey = KEY.public, charter: CID = CHARTER) -> Plain | None:
    """What a glance may say of `data`, by the whole grammar."""
    try:
        made = notes.open_signed(data, key, signatures=False)
    except (Malformed, NeedsNewer, Unverified):
        return None
    if not isinstance(made, notes.Testimony) or (made.mirror, made.charter, made.author) != (key.name, charter, None):
        return None
    if made.attachments or made.warning or made.translation_of or made.replaces:
        return None
    return Plain(made.withdrawal, made.text.encode(), note.split_note(data)[1][0].raw)


plain = st.builds(
    lambda made, tags: notes.Testimony(
        KEY.name,
        CHARTER,
        made.language,
        made.withdrawal,
        made.salt,
        made.body,
        title=made.title,
        date=made.date,
        tags=tags,
    ),
    TESTIMONIES,
    st.sampled_from([(), ("work",), ("work", "2018", "ª"), tuple("abcdefghijklmnop")]),
).map(sign_honestly)


@given(plain)
def test_every_plain_testimony_is_recognised(data: bytes) -> None:
    found = GLANCE.look(data)
    assert found is not None
    assert found == seen_whole(data)
    KEY.public.verify(found.signed, found.signature)


@given(mangled(plain) | mangled(TESTIMONIES.map(sign_honestly)))
def test_what_is_recognised_is_what_the_whole_grammar_takes(data: bytes) -> None:
    found = GLANCE.look(data)
    assert found is None or found == seen_whole(data)


WRONG = [
    (b"mk\n", b"mk \n"), (b"mk\n", b" mk\n"), (b"mk\n", b"mk-\n"), (b"mk\n", b"\n"), (b": mk", b":mk"),
    (b"A title", b"A" * 201), (b"A title", b"A title "), (b"A title", b""), (b"A title", b"A\ttitle"),
    (b"A title", b"A\xc2\x85title"), (b"A title", b"A\x7ftitle"), (b"A title", b"A \xff title"),
    (b"2018", b"2018-13"), (b"2018", b"18"), (b"2018", b"2018\nDate: 2018"),
    (b"Tag: a", b"Tag: A"), (b"Tag: a", b"Tag: a "), (b"Tag: a\n", b"Tag: a\n" * 17), (b"Tag: a", b"Tag: a b"),
    (b"Tag: a", b"Warning: a"), (b"Tag: a", b"Unknown: a"), (b"Withdrawal: 00", b"Withdrawal: 0G"),
    (b"Withdrawal: 00", b"Withdrawal: "), (b"Withdrawal: 00", b"Withdrawal: 0000"), (b"Salt: aa", b"Salt: a"),
    (b"Salt: " + b"a" * 26, b"Salt: " + b"a" * 25 + b"b"), (b"\n\nOne.", b"\n\n\nOne."), (b"\n\nOne.", b"\nOne."),
    (b"Two.", b"Two.\n"), (b"Two.", b"Two.\x00"), (b"Two.", b"\xed\xa0\x80"),
    (b"One.\n\n\xe2\x80\x94 Anna\n\nTwo.\n\n", b""),
    (b"mirror/v1", b"mirror/v2"), (b"testimony\n", b"charter\n"), (b"Mirror: ", b"Mirror: x"),
    (b"Charter: ", b"Charter: x"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), WRONG)
def test_what_the_whole_grammar_refuses_is_not_recognised(old: bytes, new: bytes) -> None:
    data = sign_honestly(PLAIN)
    assert GLANCE.look(data) == seen_whole(data) is not None
    changed = data.replace(old, new, 1)
    assert changed != data
    assert seen_whole(changed) is None
    assert GLANCE.look(changed) is None


@pytest.mark.parametrize("change", [
    lambda line: line + line, lambda line: line[:-1], lambda line: line[:-2] + b"\n", lambda line: line + b"\n",
    lambda line: line.replace(b"=\n", b"\n"), lambda line: line.replace(b"\xe2\x80\x94 ", b"- "), lambda line: b"",
    lambda line: line.replace(b" ", b"  "), lambda line: b"\xe2\x80\x94 x AAAAAAAA\n" + line,
    lambda line: line[:-93] + b"AAAA" + line[-89:], lambda line: line[:-1] + b" ",
    lambda line: line.replace(b"voices", b"voicex"),
])  # fmt: skip
def test_a_strange_signature_line_is_not_recognised(change: object) -> None:
    head, line = sign_honestly(PLAIN).rsplit(b"\n\n", 1)
    changed = head + b"\n\n" + change(line)  # type: ignore[operator]
    assert seen_whole(changed) is None
    assert GLANCE.look(changed) is None


def test_what_belongs_to_another_log_or_key_is_not_recognised() -> None:
    data = sign_honestly(PLAIN)
    assert Glance(KEY.public, raw_cid("another")).look(data) is None
    assert Glance(PublicKey(KEY.name, bytes(31) + b"\x40"), CHARTER).look(data) is None
    assert Glance(PublicKey("others.example", KEY.public.raw), CHARTER).look(data) is None


def test_a_note_that_is_too_long_is_not_recognised() -> None:
    short = sign_honestly(PLAIN)
    for more in (0, 1):
        room = note.NOTE_AT_MOST - len(short) + more
        data = sign_loosely(PLAIN.text.replace("One.", "One." + "x" * room), KEY)
        assert len(data) == note.NOTE_AT_MOST + more
        assert (GLANCE.look(data) is None) == bool(more)
