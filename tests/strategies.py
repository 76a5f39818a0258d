"""Notes of every kind, entries and what they are made of, for Hypothesis; and the keys that sign them.

@given(NOTES)                  # any of the five kinds, unsigned
def test(made): assert parse(made.text) == made

data = sign_honestly(made)     # signed as its kind has to be
data = sign_loosely(text, KEY) # signed as no honest program would
"""

import hashlib
from dataclasses import dataclass

from hypothesis import strategies as st

from mirror.formats import key, note, notes
from mirror.formats.cid import CID
from mirror.formats.entry import Entry
from mirror.formats.fields import Attachment, Item
from mirror.formats.key import PublicKey, SecretKey, Statement
from mirror.formats.notes import Announcement, Charter, Edition, Kind, Testimony, Withdrawal

NAME = "voices.example/archive"


def make_key(name: str, seed: str) -> SecretKey:
    """A key of the test's own."""
    return key.generate(name, hashlib.sha256(seed.encode()).digest())


KEY = make_key(NAME, "mirror")
NAMESAKE = make_key(NAME, "another key of that name")
AUTHOR = make_key("anna.example", "author")


@dataclass(frozen=True)
class Loose(Statement):
    """Any text, as a dishonest holder of a key would sign it."""

    said: str

    def signed_bytes(self, signer: PublicKey) -> bytes:
        return self.said.encode()


def sign_loosely(text: str, *keys: SecretKey) -> bytes:
    """A note of any text, signed by any keys."""
    return note.sign_note(text, Loose(text), *keys)


def sign_honestly(made: Kind) -> bytes:
    """The note of a value, signed by `KEY` and, where it names an author, by `AUTHOR`."""
    if not isinstance(made, Testimony) or made.author is None:
        return notes.sign(made, KEY)
    _, lines = note.split_note(notes.sign_as_author(made, AUTHOR))
    return notes.sign(made, KEY, author=lines[0])


def raw_cid(seed: str) -> CID:
    """The CID of a raw block of the test's own."""
    return CID.of_raw(seed.encode())


DIGESTS = st.binary(min_size=32, max_size=32)
SECRETS = st.binary(min_size=16, max_size=16)
RAW_CIDS = DIGESTS.map(lambda digest: CID(b"\x01\x55\x12\x20" + digest))
FOLDER_CIDS = DIGESTS.map(lambda digest: CID(b"\x01\x70\x12\x20" + digest))
LANGUAGES = st.sampled_from(["mk", "ar", "zh-Hans", "pt-BR", "sr-Latn", "yue", "es-419"])

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
VALUES = st.text(LETTERS | st.sampled_from(" :—+#"), min_size=1, max_size=20).filter(
    lambda text: text == text.strip(" ")
)
TITLES = VALUES | st.sampled_from(["x" * 200, "信" * 200])
LINES = st.text(LETTERS, max_size=12) | st.sampled_from(["", "— Anna", "— Anna AAAA", "Tag: work", "mirror/v1 charter"])
BODIES = st.lists(LINES, min_size=1, max_size=6).map("\n".join).map(lambda text: text.strip("\n")).filter(bool)

DAYS = st.dates().map(lambda day: day.isoformat())
DATES = DAYS | DAYS.map(lambda day: day[:7]) | DAYS.map(lambda day: day[:4])
TAGS = st.sampled_from(["work", "универзитет", "仕事", "عمل", "काम", "2018", "me-too", "x" * 64, "ª", "က္က"])
FILE_NAMES = st.sampled_from(["1.jpg", "scan 2.png", "наше.pdf", "写真.jpg", "x" * 100, "CONTENTS", "com10.txt"])
ATTACHMENTS = st.builds(
    Attachment,
    RAW_CIDS | FOLDER_CIDS,
    st.integers(0, 2**63 - 1),
    st.sampled_from(["image/jpeg", "application/vnd.ms-x+json", "a/b"]),
    FILE_NAMES,
)

CHARTERS = st.builds(Charter, st.just(NAME), st.just(KEY.public), DIGESTS, LANGUAGES, TITLES, BODIES)
TESTIMONIES = st.builds(
    Testimony,
    st.just(NAME),
    RAW_CIDS,
    LANGUAGES,
    DIGESTS,
    SECRETS,
    BODIES,
    author=st.none() | st.just(AUTHOR.public),
    title=st.none() | TITLES,
    date=st.none() | DATES,
    tags=st.lists(TAGS, max_size=16).map(tuple),
    warning=st.none() | VALUES,
    translation_of=st.none(),
    translator=st.none(),
    replaces=st.none() | RAW_CIDS,
    attachments=st.lists(ATTACHMENTS, max_size=4, unique_by=lambda each: each.name).map(tuple),
) | st.builds(
    Testimony,
    st.just(NAME),
    RAW_CIDS,
    LANGUAGES,
    DIGESTS,
    SECRETS,
    BODIES,
    translation_of=RAW_CIDS,
    translator=st.sampled_from(notes.TRANSLATORS),
)
WITHDRAWALS = st.builds(
    Withdrawal,
    st.just(NAME),
    RAW_CIDS,
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5, unique=True).map(sorted).map(tuple),
    st.none() | st.sampled_from(notes.REASONS),
    st.none() | SECRETS,
)
_NUMBERS = (st.just(NAME), RAW_CIDS, st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1), DIGESTS)
ITEMS = st.dictionaries(
    st.sampled_from(["charter.txt", "checkpoint", "note", "tile", "file", "index.html"]), RAW_CIDS | FOLDER_CIDS
).map(lambda found: tuple(Item(name, found[name]) for name in sorted(found)))
EDITIONS = st.builds(Edition, *_NUMBERS, ITEMS, st.none() | DAYS)
ANNOUNCEMENTS = st.builds(Announcement, *_NUMBERS, FOLDER_CIDS)

NOTES = CHARTERS | TESTIMONIES | WITHDRAWALS | EDITIONS | ANNOUNCEMENTS
"""Any of the five kinds, unsigned."""

ENTRIES = st.builds(Entry, st.sampled_from(["charter", "withdrawal"]), RAW_CIDS) | st.builds(
    Entry, st.just("testimony"), RAW_CIDS, DIGESTS
)
