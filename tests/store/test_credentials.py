"""Credentials: what is kept is read back, readable by its owner alone, and said nowhere."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import mutated

from mirror.errors import Malformed, Refused
from mirror.store.credentials import CREDENTIAL_AT_MOST, Credential, Credentials, parse_typed

TOKEN = Credential("eyJhbGciOi.J9-_~+/==")
PAIR = Credential("correct horse: battery", "voices")


@pytest.mark.parametrize("credential", [TOKEN, PAIR])
def test_what_is_kept_is_read_back(tmp_path: Path, credential: Credential) -> None:
    kept = Credentials(tmp_path)
    assert kept.read("home") is None
    kept.write("home", PAIR)
    kept.write("home", credential)
    assert kept.read("home") == credential
    assert kept.read("other") is None
    assert kept.path("home").stat().st_mode & 0o777 == 0o600
    assert kept.path("home").parent.stat().st_mode & 0o777 == 0o700
    assert kept.forget("home")
    assert not kept.forget("home")
    assert kept.read("home") is None


def test_the_file_is_one_line() -> None:
    assert TOKEN.line == "bearer:eyJhbGciOi.J9-_~+/=="
    assert PAIR.line == "basic:voices:correct horse: battery"


@pytest.mark.parametrize("credential", [TOKEN, PAIR, Credential("пароль", "анна")])
def test_it_may_be_typed_as_the_file_has_it(credential: Credential) -> None:
    assert parse_typed(credential.line) == credential
    assert parse_typed(credential.line.partition(":")[2]) == credential


def test_nothing_of_it_is_shown() -> None:
    assert repr(TOKEN) == repr(PAIR) == "Credential()"


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", ":x", "user:", "a=b", "a\nb", "u:\x7f", "bearer:a b", "basic:a", "bearer:", "ü", "a:\ud800"],
)
def test_what_is_no_credential_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Malformed, match=r"^this is neither a token nor a user's name, a colon and a password$"):
        parse_typed(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"bearer ",
        b"bearer a",
        b"bearer a\n\n",
        b"bearer u:p\n",
        b"basic token\n",
        b"Bearer a\n",
        b"a\n",
        b"bearer  a\n",
    ],
)
def test_a_file_of_another_form_is_refused_with_what_to_type(tmp_path: Path, data: bytes) -> None:
    kept = Credentials(tmp_path)
    kept.write("home", TOKEN)
    kept.path("home").write_bytes(data)
    with pytest.raises(Malformed, match=r"home\.txt does not hold credentials") as refusal:
        kept.read("home")
    assert refusal.value.hint == "enter them with: mirror pin --credentials home"


def test_its_length_is_bounded(tmp_path: Path) -> None:
    kept = Credentials(tmp_path)
    kept.write("home", Credential("a" * (CREDENTIAL_AT_MOST - 8)))
    assert kept.read("home") is not None
    kept.write("home", Credential("a" * (CREDENTIAL_AT_MOST - 7)))
    with pytest.raises(Refused, match="is larger than 4096 bytes"):
        kept.read("home")


def test_a_service_cannot_name_another_file(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"the service's name '\.\./key' is not"):
        Credentials(tmp_path).read("../key")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated(st.sampled_from([f"{each.line}\n".encode() for each in (TOKEN, PAIR)])))
def test_credentials_are_read_or_malformed(tmp_path: Path, data: bytes) -> None:
    kept = Credentials(tmp_path)
    kept.write("home", TOKEN)
    kept.path("home").write_bytes(data)
    try:
        found = kept.read("home")
    except Malformed:
        return
    assert f"{(found or TOKEN).line}\n".encode() == data


@given(st.text(max_size=40))
def test_what_is_typed_is_taken_or_malformed(text: str) -> None:
    try:
        found = parse_typed(text)
    except Malformed:
        return
    assert text in (found.line, found.line.partition(":")[2])
    assert parse_typed(found.line) == found
