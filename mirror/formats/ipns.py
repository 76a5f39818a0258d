"""IPNS records: what a name leads to, signed by the name's key, until a day.

    record = protobuf { 1 value, 2 signature V1, 3 validity type, 4 validity, 5 sequence, 6 TTL,
                        7 public key, 8 signature V2, 9 data }

    data   = DAG-CBOR { TTL: nanoseconds, Value: bytes, Sequence: number, Validity: bytes, ValidityType: 0 }
    signature V2 = by the key, over "ipns-signature:" ‖ data
    signature V1 = by the key, over value ‖ validity ‖ "EOL": for old readers, and read by nobody here

What we sign (`Naming`): value `/ipfs/<index hash>` and nothing more, sequence = edition, TTL five minutes, validity
midnight UTC on the first of a month, written with nine zeros for readers that insist on them:

    /ipfs/bafybeih…    sequence 7    2031-12-01T00:00:00.000000000Z

so the record tells the month of its signing at most, and needs no key while it lasts: anyone may put it again. It has
every field but 7, since the name itself is the key: `k51…` = base36 of 01 72 00 24 08 01 12 20 ‖ public key.

Read is any record of an Ed25519 name, ours or not, as the specification verifies it: at most 10 KiB; signature V2 and
data are there; every field of the first version that is there says what the data says; a public key is the name's. V1
alone is not believed. Other keys in the data are passed over, since they are signed too. Stricter than the
specification: fields in ascending order, each once, and none that is unknown, since whatever stands outside the data
is nobody's word; times in UTC. Whether a record has ended is asked with a time (`Record.ended`).

Specification: specs.ipfs.tech/ipns/ipns-record. Out of scope: names of other keys than Ed25519.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from mirror.errors import BadSignature, Malformed, Refused
from mirror.formats import cbor, fields, protobuf, wire
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, SecretKey, Statement

RECORD_AT_MOST = 10 * 1024
"""Bytes in a record: what the specification obliges everyone to take, and no more."""

TTL = 300 * 10**9
"""Nanoseconds for which a resolver may keep what we sign before it asks again: five minutes, as Kubo's default is."""

MEDIA_TYPE = "application/vnd.ipfs.ipns-record"

_NAME = b"\x01\x72\x00\x24\x08\x01\x12\x20"
_PREFIX = "/ipfs/"
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")
_VALUE, _OLD_SIGNATURE, _TYPE, _VALIDITY, _SEQUENCE, _TTL, _KEY, _SIGNATURE, _DATA = range(1, 10)
_KINDS = {_TYPE: int, _SEQUENCE: int, _TTL: int}
_COPIES = {_VALUE: "Value", _TYPE: "ValidityType", _VALIDITY: "Validity", _SEQUENCE: "Sequence", _TTL: "TTL"}
"""The fields of the first version, and the key in the data that each repeats."""

_END_OF_LIFE = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What a record says: a path, a number that grows with each change, until when, and for how long to keep it.

    `value` and `validity` are bytes as they stand there, `ttl` is in nanoseconds.
    """

    value: bytes
    sequence: int
    validity: bytes
    ttl: int

    @property
    def root(self) -> CID:
        """The index hash that a mirror's record names. Raises Malformed where it names anything else."""
        text = wire.decode_utf8(self.value, "the record's value")
        if not text.startswith(_PREFIX):
            raise Malformed(f"the record leads to no tree: {text[:80]!r}")
        return fields.folder_cid(text.removeprefix(_PREFIX))

    @property
    def end(self) -> datetime:
        """When it ends, in UTC, cut to microseconds."""
        found = _TIME.fullmatch(wire.decode_utf8(self.validity, "the record's validity"))
        if found is not None:
            whole, fraction = found.groups("0")
            try:
                return datetime.fromisoformat(f"{whole}.{fraction:0<6.6}+00:00")
            except ValueError:  # such as a month 13
                pass
        raise Malformed(f"the record ends at no time in UTC: {self.validity[:80]!r}")

    def ended(self, now: datetime) -> bool:
        """Whether it counts for nothing any more at `now`, a time with its zone."""
        return self.end <= now

    @property
    def order(self) -> tuple[int, datetime]:
        """What orders the records of one name: the greater is the newer."""
        return self.sequence, self.end


@dataclass(frozen=True, slots=True)
class Naming(Statement):
    """That the name of `mirror` leads to an edition until the first day of a month."""

    mirror: PublicKey
    root: CID
    edition: int
    until: date

    @property
    def record(self) -> Record:
        """The same as a record says it."""
        validity = f"{self.until.isoformat()}T00:00:00.000000000Z"
        return Record(f"{_PREFIX}{self.root}".encode(), self.edition, validity.encode(), TTL)

    @property
    def data(self) -> bytes:
        """The DAG-CBOR that is signed."""
        record = self.record
        return cbor.encode(
            {
                "TTL": record.ttl,
                "Value": record.value,
                "Sequence": record.sequence,
                "Validity": record.validity,
                "ValidityType": _END_OF_LIFE,
            }
        )

    def signed_bytes(self, signer: PublicKey) -> bytes:
        """What the second version signs; `Refused` where the name is not `signer`'s, or tells more than it should."""
        self._check(signer)
        return b"ipns-signature:" + self.data

    def _check(self, signer: PublicKey) -> None:
        if signer != self.mirror:
            raise Refused(f"the name of {self.mirror.name} is not signed by another key, {signer.name}")
        if not 1 <= self.edition <= wire.SIZE_AT_MOST:
            raise Refused(f"a name for edition {self.edition} is not signed")
        if self.until.day != 1:
            raise Refused(f"a name that ends on {self.until} is not signed: only the first of a month tells no time")
        fields.folder_cid(str(self.root))


@dataclass(frozen=True, slots=True)
class _OldNaming(Statement):
    """The same as the first version signs it, under which it is no other statement: see `Naming.signed_bytes`."""

    naming: Naming

    def signed_bytes(self, signer: PublicKey) -> bytes:
        self.naming.signed_bytes(signer)
        record = self.naming.record
        return record.value + record.validity + b"EOL"


def sign(naming: Naming, key: SecretKey) -> bytes:
    """The record of a name, versions one and two. Raises `Refused` unless `key` is the mirror's own."""
    record = naming.record
    parts = [
        protobuf.bytes_field(_VALUE, record.value),
        protobuf.bytes_field(_OLD_SIGNATURE, key.sign(_OldNaming(naming))),
        protobuf.number_field(_TYPE, _END_OF_LIFE),
        protobuf.bytes_field(_VALIDITY, record.validity),
        protobuf.number_field(_SEQUENCE, record.sequence),
        protobuf.number_field(_TTL, record.ttl),
        protobuf.bytes_field(_SIGNATURE, key.sign(naming)),
        protobuf.bytes_field(_DATA, naming.data),
    ]
    return b"".join(parts)


def key_of(name: CID) -> PublicKey:
    """The key that an IPNS name is. Raises Malformed where it is no Ed25519 key's."""
    if name[: len(_NAME)] != _NAME or len(name) != len(_NAME) + 32:
        raise Malformed(f"{name} is not the name of an Ed25519 key")
    return PublicKey(str(name), name[len(_NAME) :])


def open_record(data: bytes, name: CID) -> Record:
    """What a record of `name` says, once it is found to be signed by the name's key. Nothing is said of its end.

    Raises `BadSignature` where another key signed it, or nobody; `Malformed` otherwise.
    """
    if len(data) > RECORD_AT_MOST:
        raise Malformed(f"an IPNS record of more than {RECORD_AT_MOST} bytes")
    key = key_of(name)
    found = _read_envelope(data)
    said, signature = found.get(_DATA), found.get(_SIGNATURE)
    if not isinstance(said, bytes) or not isinstance(signature, bytes):
        raise BadSignature("the IPNS record has no signature of the second version, and the first is not believed")
    key.verify(b"ipns-signature:" + said, signature)
    if _KEY in found and found[_KEY] != name[4:]:
        raise Malformed("the IPNS record carries a public key that is not its name's")
    return _read_data(said, found)


def _read_envelope(data: bytes) -> dict[int, int | bytes]:
    found: dict[int, int | bytes] = {}
    for number, value in protobuf.read_fields(data, "the IPNS record"):
        if not _VALUE <= number <= _DATA or number <= max(found, default=0):
            raise Malformed(f"the IPNS record has its field {number} twice, out of order, or not at all by the book")
        if not isinstance(value, _KINDS.get(number, bytes)):
            raise Malformed(f"the IPNS record's field {number} is of the wrong kind")
        found[number] = value
    return found


def _read_data(data: bytes, envelope: dict[int, int | bytes]) -> Record:
    values = cbor.decode(data)
    if not isinstance(values, dict):
        raise Malformed("the IPNS record's data is no map")
    for number, name in _COPIES.items():
        if type(values.get(name)) is not _KINDS.get(number, bytes):
            raise Malformed(f"the IPNS record's data has no {name}, or one of the wrong kind")
        if number in envelope and envelope[number] != values[name]:
            raise Malformed(f"the IPNS record says two things of its {name}: only one of them is signed")
    if values["ValidityType"] != _END_OF_LIFE:
        raise Malformed(f"the IPNS record is valid in a way that is not known: {values['ValidityType']!r}")
    record = Record(
        cast(bytes, values["Value"]),
        cast(int, values["Sequence"]),
        cast(bytes, values["Validity"]),
        cast(int, values["TTL"]),
    )
    if not 0 <= record.sequence <= wire.SIZE_AT_MOST or not 0 <= record.ttl <= wire.SIZE_AT_MOST:
        raise Malformed(f"the IPNS record has the sequence {record.sequence} and the TTL {record.ttl}")
    _ = record.end
    return record
