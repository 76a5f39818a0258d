"""The record of what was signed on this machine, kept outside the workspace, in the user's state folder.

    signed/<k51…>.txt      the newest announcement that this key signed here

A checkpoint that others have seen must never be contradicted. A workspace restored from a backup does not know what was
signed after the backup; this record does. It is the announcement note itself, so it is checked by the key it is about.
"""

from pathlib import Path

from mirror.errors import MirrorError, Missing, Refused
from mirror.formats import note, notes
from mirror.formats.key import PublicKey
from mirror.formats.notes import Announcement
from mirror.store import files


class Record:
    """The newest announcement that each key signed on this machine."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "signed"

    def path(self, key: PublicKey) -> Path:
        """Where the record for a key lies."""
        return self._folder / f"{key.ipns}.txt"

    def read(self, key: PublicKey) -> Announcement | None:
        """What this key last announced from here, if it ever did."""
        try:
            data = files.read_at_most(self.path(key), note.NOTE_AT_MOST, "the record")
        except Missing:
            return None
        try:
            return notes.open_as(Announcement, data, key)
        except MirrorError as error:
            raise Refused(
                f"the record {self.path(key)} of what this key signed here cannot be believed: {error.message}"
            ) from None

    def write(self, key: PublicKey, announcement: bytes) -> None:
        """Remember an announcement; never an older one than is remembered."""
        new, old = notes.open_as(Announcement, announcement, key), self.read(key)
        if old is not None and (old.edition > new.edition or (old.edition == new.edition and old != new)):
            raise Refused(
                f"edition {old.edition} was announced with this key already, and not as edition {new.edition}"
            )
        files.make_folder(self._folder, private=True)
        files.replace(self.path(key), announcement, mode=files.PRIVATE)
