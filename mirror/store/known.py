"""What a reader remembers: the keys she confirmed, the newest edition seen under each, and where its name last led.

    known/<k51…>.json

The record of a name is kept as it was signed, so that it convinces others where a later one contradicts it.

Memory is kept only for mirrors that the reader confirmed (`mirror trust`), keyed by the key and not by the name; it can
be forgotten. It lies in the user's state folder and tells which mirrors she follows, so nothing is written unasked.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mirror.errors import Malformed, MirrorError, Missing
from mirror.formats import checkpoint, fields, ipns, key, wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey
from mirror.store import files

MEMORY_AT_MOST = 1 << 20
"""Bytes in one mirror's memory: a checkpoint in base64 and a few lines."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest edition that verified: its number, its tree and its signed checkpoint."""

    edition: int
    root_cid: CID
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A mirror whose key the reader confirmed, what she last saw of it, and the newest record of its name."""

    key: PublicKey
    seen: Seen | None = None
    record: bytes | None = None


class Memory:
    """The mirrors that a reader confirmed."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "known"

    def get(self, mirror: PublicKey) -> Known | None:
        """What is remembered of a key, if it was confirmed."""
        path = self._path(mirror)
        try:
            data = files.read_at_most(path, MEMORY_AT_MOST, "the memory")
        except Missing:
            return None
        known = _parse(path, data)
        if known.key != mirror:
            raise Malformed(f"the memory {path} is of another key than its name says")
        return known

    def all(self) -> list[Known]:
        """Everything that is remembered, by name."""
        paths = self._folder.glob("*.json") if self._folder.is_dir() else ()
        found = [_parse(path, files.read_at_most(path, MEMORY_AT_MOST, "the memory")) for path in paths]
        return sorted(found, key=lambda each: each.key.vkey)

    def named(self, name: str) -> list[Known]:
        """The confirmed keys of one name: more than one is a reason to ask."""
        return [each for each in self.all() if each.key.name == name]

    def confirm(self, mirror: PublicKey) -> Known:
        """Remember a key as confirmed; what was seen under it stays."""
        known = self.get(mirror) or Known(mirror)
        self._write(known)
        return known

    def see(self, mirror: PublicKey, seen: Seen) -> None:
        """Remember the newest edition of a confirmed mirror."""
        known = self.get(mirror)
        if known is None:
            raise Missing(f"the key of {mirror.name} was never confirmed")
        self._write(replace(known, seen=seen))

    def see_record(self, mirror: PublicKey, record: bytes) -> None:
        """Remember a record of a confirmed mirror's name, unless a newer one is remembered. Opens it first."""
        known = self.get(mirror)
        if known is None:
            raise Missing(f"the key of {mirror.name} was never confirmed")
        new = ipns.open_record(record, mirror.ipns)
        if known.record is None or new.order > ipns.open_record(known.record, mirror.ipns).order:
            self._write(replace(known, record=record))

    def forget(self, mirror: PublicKey) -> bool:
        """Remove every trace of a key; says whether there was one."""
        there = self._path(mirror).exists()
        self._path(mirror).unlink(missing_ok=True)
        return there

    def _path(self, mirror: PublicKey) -> Path:
        return self._folder / f"{mirror.ipns}.json"

    def _write(self, known: Known) -> None:
        value: dict[str, Any] = {"vkey": known.key.vkey}
        if known.seen is not None:
            value["seen"] = {
                "checkpoint": wire.encode_base64(known.seen.checkpoint),
                "edition": known.seen.edition,
                "index_hash": str(known.seen.root_cid),
            }
        if known.record is not None:
            value["record"] = wire.encode_base64(known.record)
        files.make_folder(self._folder, private=True)
        files.replace(self._path(known.key), wire.encode_json(value), mode=files.PRIVATE)


def _parse(path: Path, data: bytes) -> Known:
    try:
        value = wire.decode_json(data, "it")
        mirror = key.parse_vkey(value["vkey"])
        seen, record = value.get("seen"), value.get("record")
        return Known(
            mirror,
            None if seen is None else _parse_seen(seen, mirror),
            None if record is None else _parse_record(record, mirror),
        )
    except (KeyError, TypeError, AttributeError):
        raise Malformed(f"the memory {path} lacks something, or holds something else") from None
    except MirrorError as error:
        raise Malformed(f"the memory {path} cannot be believed: {error.message}") from None


def _parse_seen(value: dict[str, Any], mirror: PublicKey) -> Seen:
    signed = wire.decode_base64(value["checkpoint"])
    checkpoint.open_checkpoint(signed, mirror)
    edition = value["edition"]
    if type(edition) is not int or edition < 1:
        raise Malformed("it holds no edition number")
    return Seen(edition, fields.folder_cid(value["index_hash"]), signed)


def _parse_record(value: str, mirror: PublicKey) -> bytes:
    record = wire.decode_base64(value)
    ipns.open_record(record, mirror.ipns)
    return record
