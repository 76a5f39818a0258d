"""Where a log lists a note, and the proof of it: for readers who have a note by its own CID and nothing else.

    GET /log/<k51…>/proof/<cid of the note>        a C2SP tlog-proof over the newest checkpoint held here

C2SP's tlog-tiles leaves to others how an index is found. What is answered needs no belief: the entry follows from the
note, and the proof leads from it to a signed checkpoint. A note that was withdrawn is proven to nobody any more.

The first question reads all entries of a log and keeps, in some 50 bytes an entry, the end of each note's CID. That
finds the entry, which is then looked at.
"""

from mirror.edition import Edition
from mirror.errors import Malformed, NeedsNewer
from mirror.formats.cid import CID
from mirror.formats.packed import Packed
from mirror.formats.proof import Proof

END = 26
"""Letters of a CID that are kept: 130 bits."""


class Positions:
    """The index of each note of one edition."""

    __slots__ = ("_edition", "_rows")

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._rows: Packed | None = None

    def index_of(self, cid: CID) -> int | None:
        """Where a note is listed first; None where it is not."""
        if self._rows is None:
            self._rows = self._read()
        index = self._rows.find(str(cid).encode()[-END:])
        try:
            return index if index is not None and self._edition.entry(index).cid == cid else None
        except (Malformed, NeedsNewer):
            return None

    def _read(self) -> Packed:
        """A row an entry: the end of its second word; or, where a row has that already, its number behind a space."""
        rows = Packed()
        for index, data in enumerate(self._edition.log.entries()):
            words = data.split(b" ", 2)
            if len(words) == 1 or rows.add(words[1][-END:]) != index:
                rows.add(b" %d" % index)
        return rows


def prove(edition: Edition, index: int) -> bytes:
    """The proof that the newest checkpoint held here lists the entry at an index."""
    return bytes(Proof(index, edition.log.inclusion(index), edition.signed_checkpoint))
