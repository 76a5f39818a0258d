"""A reader's memory: only what she confirmed, only as she saw it, and nothing hostile is believed."""

import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import mutated
from strategies import AUTHOR, KEY, NAME, NAMESAKE, raw_cid

from mirror.errors import BadSignature, Malformed, Missing, Refused
from mirror.formats import checkpoint, ipns, wire
from mirror.formats.checkpoint import Checkpoint
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.ipns import Naming
from mirror.formats.key import SecretKey
from mirror.store.known import MEMORY_AT_MOST, Known, Memory, Seen

ROOT = CID.of(DAG_PB, b"a tree")
SIGNED = checkpoint.sign(Checkpoint(NAME, 42, bytes(32)), KEY)
SEEN = Seen(7, ROOT, SIGNED)
VALUE: dict[str, Any] = {
    "vkey": KEY.public.vkey,
    "seen": {"checkpoint": wire.encode_base64(SIGNED), "edition": 7, "index_hash": str(ROOT)},
}


def file_of(folder: Path) -> Path:
    return folder / "known" / f"{KEY.public.ipns}.json"


def put(folder: Path, data: bytes) -> Memory:
    file_of(folder).parent.mkdir(exist_ok=True)
    file_of(folder).write_bytes(data)
    return Memory(folder)


def test_what_is_confirmed_and_seen_is_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.get(KEY.public) is None
    assert memory.confirm(KEY.public) == Known(KEY.public) == memory.get(KEY.public)
    memory.see(KEY.public, SEEN)
    assert Memory(tmp_path).get(KEY.public) == Known(KEY.public, SEEN)
    assert memory.confirm(KEY.public) == Known(KEY.public, SEEN)
    newer = Seen(8, ROOT, SIGNED)
    memory.see(KEY.public, newer)
    assert memory.get(KEY.public) == Known(KEY.public, newer)
    assert json.loads(file_of(tmp_path).read_bytes())["seen"]["edition"] == 8


def record(sequence: int, year: int = 2031, signer: SecretKey = KEY) -> bytes:
    return ipns.sign(Naming(signer.public, ROOT, sequence, date(year, 12, 1)), signer)


def test_the_newest_record_of_a_name_is_remembered_as_it_was_signed(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    with pytest.raises(Missing, match="was never confirmed"):
        memory.see_record(KEY.public, record(1))
    memory.confirm(KEY.public)
    memory.see(KEY.public, SEEN)
    for given_, kept in [
        (record(7), record(7)), (record(6), record(7)), (record(7, 2030), record(7)),
        (record(7, 2032), record(7, 2032)), (record(8, 2026), record(8, 2026)),
    ]:  # fmt: skip
        memory.see_record(KEY.public, given_)
        assert Memory(tmp_path).get(KEY.public) == Known(KEY.public, SEEN, kept)
    assert memory.confirm(KEY.public).record == record(8, 2026)


def test_a_record_of_another_name_is_not_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.confirm(KEY.public)
    with pytest.raises(BadSignature, match="is not valid"):
        memory.see_record(KEY.public, record(1, signer=NAMESAKE))
    for wrong in (wire.encode_base64(record(1, signer=NAMESAKE)), "", "AA==", 7, ["AA=="]):
        written = put(tmp_path, json.dumps({"vkey": KEY.public.vkey, "record": wrong}).encode())
        with pytest.raises(Malformed, match=r"cannot be believed|lacks something, or holds something else"):
            written.get(KEY.public)


def test_memory_is_its_owners_alone(tmp_path: Path) -> None:
    Memory(tmp_path).confirm(KEY.public)
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(tmp_path).parent.stat().st_mode) == 0o700


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert (memory.get(KEY.public), memory.all(), memory.named(NAME)) == (None, [], [])
    assert memory.forget(KEY.public) is False
    with pytest.raises(Missing, match=rf"the key of {NAME} was never confirmed"):
        memory.see(KEY.public, SEEN)
    assert list(tmp_path.iterdir()) == []


def test_forgetting_leaves_no_trace(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.confirm(KEY.public)
    memory.see(KEY.public, SEEN)
    assert memory.forget(KEY.public) is True
    assert list((tmp_path / "known").iterdir()) == []
    assert memory.get(KEY.public) is None


def test_keys_of_one_name_are_remembered_apart(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for each in (KEY, NAMESAKE, AUTHOR):
        memory.confirm(each.public)
    memory.see(KEY.public, SEEN)
    assert {each.key for each in memory.named(NAME)} == {KEY.public, NAMESAKE.public}
    assert [each.key.name for each in memory.all()] == [AUTHOR.name, NAME, NAME]
    assert memory.get(NAMESAKE.public) == Known(NAMESAKE.public)


def without(*path: str) -> bytes:
    value = json.loads(json.dumps(VALUE))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return json.dumps(value).encode()


def having(value: Any, *path: str) -> bytes:
    made = json.loads(json.dumps(VALUE))
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(made).encode()


def signed_otherwise() -> str:
    return wire.encode_base64(checkpoint.sign(Checkpoint(NAME, 42, bytes(32)), NAMESAKE))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        *(
            (data, "cannot be believed: it is n")
            for data in (b"", b"{", b"\xff", b"nul", b"[" * 100_000, b'{"a":1,"a":2}')[:5]
        ),
        (b'{"vkey":1,"vkey":2}', "cannot be believed: a JSON object gives one name twice"),
        (b'{"vkey":NaN}', "cannot be believed: JSON holds NaN"),
        *(
            (data, "lacks something, or holds something else")
            for data in (b"[]", b"5", b'"x"', b"null", b"{}", b"[[]]")
        ),
        (without("vkey"), "lacks something"),
        (without("seen", "checkpoint"), "lacks something"),
        (without("seen", "edition"), "lacks something"),
        (without("seen", "index_hash"), "lacks something"),
        *((having(value, "vkey"), "memory") for value in (None, 5, [], {}, "", "x", KEY.public.vkey[:-1])),
        *((having(value, "seen"), "memory") for value in (5, [], "x", {}, True)),
        *(
            (having(value, "seen", "checkpoint"), "memory")
            for value in (None, 5, [], "", "AA", "é", signed_otherwise())
        ),
        *(
            (having(value, "seen", "edition"), "it holds no edition number")
            for value in (None, "7", 0, -1, 7.0, True, [])
        ),
        *((having(value, "seen", "index_hash"), "memory") for value in (None, 5, [], "", "x", str(raw_cid("x")))),
        (having(AUTHOR.public.vkey, "vkey"), "memory"),
        (having(KEY.skey, "vkey"), "a secret key stands where a vkey is wanted"),
    ],
)
def test_a_spoilt_memory_is_malformed_and_named(tmp_path: Path, data: bytes, words: str) -> None:
    memory = put(tmp_path, data)
    for attempt in (lambda: memory.get(KEY.public), memory.all, lambda: memory.confirm(KEY.public)):
        if data == having(AUTHOR.public.vkey, "vkey") and attempt == memory.all:
            continue
        with pytest.raises(Malformed) as refusal:
            attempt()
        assert words in refusal.value.message
        assert str(file_of(tmp_path)) in refusal.value.message
        assert KEY.skey not in refusal.value.message
    assert file_of(tmp_path).read_bytes() == data


def test_a_memory_under_another_keys_name_is_malformed(tmp_path: Path) -> None:
    Memory(tmp_path).confirm(NAMESAKE.public)
    (tmp_path / "known" / f"{NAMESAKE.public.ipns}.json").rename(file_of(tmp_path))
    with pytest.raises(Malformed, match=r"is of another key than its name says"):
        Memory(tmp_path).get(KEY.public)


def test_the_length_of_a_memory_is_bounded(tmp_path: Path) -> None:
    data = json.dumps(VALUE).encode()
    assert put(tmp_path, data + b" " * (MEMORY_AT_MOST - len(data))).get(KEY.public) == Known(KEY.public, SEEN)
    with pytest.raises(Refused, match=r"the memory .* is larger than 1048576 bytes"):
        put(tmp_path, data + b" " * (MEMORY_AT_MOST + 1 - len(data))).get(KEY.public)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated(st.just(json.dumps(VALUE).encode())))
def test_a_changed_memory_is_malformed_or_says_something_signed(tmp_path: Path, data: bytes) -> None:
    try:
        known = put(tmp_path, data).get(KEY.public)
    except Malformed:
        return
    assert known is not None
    assert known.key == KEY.public
    assert known.seen is None or known.seen.checkpoint == SIGNED
