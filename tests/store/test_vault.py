"""Secrets at rest: the stock `age` opens ours, ours opens age's, and no secret is ever shown."""

import re
import subprocess
from pathlib import Path

import pyrage
import pytest
from counterparts import need_program
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import mutated
from strategies import KEY

from mirror.errors import Malformed, MirrorError, Missing, Refused, Unverified
from mirror.store import vault
from mirror.store.vault import Identities, Passphrase, read_identities, read_passphrase, seal, unseal, wants_passphrase

ONE, TWO = vault.new_identity(), vault.new_identity()
SECRET = f"{KEY.skey}\n".encode()
WORDS = Passphrase("four words nobody guesses")
SEALED = seal(SECRET, ONE)


def refusal(kind: type[MirrorError], sealed: bytes, lock: vault.Lock) -> str:
    """What is said where a file does not open: no secret is in it."""
    with pytest.raises(kind) as refused:
        unseal(sealed, lock)
    assert_silent(repr(refused.value) + refused.value.message + refused.value.hint)
    return refused.value.message


def assert_silent(shown: str) -> None:
    for secret in (KEY.skey, *ONE.lines, *TWO.lines, WORDS.words):
        assert secret not in shown
        assert secret[-20:] not in shown


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_with_its_identity(secret: bytes) -> None:
    sealed = seal(secret, ONE)
    assert unseal(sealed, ONE) == secret
    assert unseal(sealed, Identities((*TWO.lines, *ONE.lines))) == secret
    assert not wants_passphrase(sealed)
    assert len(secret) < 8 or secret not in sealed.partition(b"\n--- ")[2]


def test_either_of_two_identities_opens() -> None:
    sealed = seal(SECRET, Identities((*ONE.lines, *TWO.lines)))
    assert unseal(sealed, ONE) == unseal(sealed, TWO) == SECRET


def test_a_passphrase_opens_and_another_does_not() -> None:
    sealed = seal(SECRET, WORDS)
    assert wants_passphrase(sealed)
    assert unseal(sealed, WORDS) == SECRET
    assert "the passphrase does not open" in refusal(Unverified, sealed, Passphrase("four words somebody guessed"))
    assert "is encrypted with a passphrase" in refusal(Refused, sealed, ONE)


def test_another_identity_does_not_open() -> None:
    assert "none of the identities does open" in refusal(Unverified, SEALED, TWO)
    assert "is encrypted with an age identity" in refusal(Refused, SEALED, WORDS)


def test_two_files_of_one_secret_are_told_apart() -> None:
    assert seal(SECRET, ONE) != seal(SECRET, ONE)


@settings(max_examples=200)
@given(mutated(st.just(SEALED)) | st.binary(max_size=80))
def test_a_changed_file_opens_to_the_same_or_not_at_all(sealed: bytes) -> None:
    try:
        opened = unseal(sealed, ONE)
    except (Malformed, Refused, Unverified) as error:
        shown = repr(error)
    else:
        assert opened == SECRET
        return
    assert_silent(shown)


@pytest.mark.parametrize("sealed", [b"", b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----\n", SECRET])
def test_what_is_no_age_file_is_malformed(sealed: bytes) -> None:
    assert "not an age file" in refusal(Malformed, sealed, ONE)


def test_passphrases_and_identities_are_never_printed() -> None:
    for each in (ONE, WORDS, Identities(())):
        assert re.fullmatch(r"\w+\(…\)", repr(each))
        assert_silent(f"{each} {each!r} {[each]}")


# Files


def test_an_identity_file_is_read_as_age_keygen_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.txt"
    path.write_text(f"# created: 2026\n# public key: age1…\n{ONE.lines[0]}\n\n{TWO.lines[0]}\r\n", "utf-8")
    assert read_identities(path) == Identities((*ONE.lines, *TWO.lines))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing\n",
        b"hunter2\n",
        f"{ONE.lines[0]}\nhunter2\n".encode(),
        ONE.lines[0].lower().encode(),
        f"x{ONE.lines[0]}".encode(),
        b"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\n",
        b"AGE-PLUGIN-YUBIKEY-1QQQQ\n",
    ],
    ids=["empty", "nothing", "other", "more", "lower case", "before it", "recipient", "plugin"],
)
def test_no_other_file_is_an_identity_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity.txt"
    path.write_bytes(content)
    with pytest.raises(Malformed, match=rf"^{path} is not an age identity file$") as refusal:
        read_identities(path)
    assert refusal.value.hint == f"make one with: age-keygen -o {path}"
    assert_silent(repr(refusal.value))


def test_an_identity_that_is_mistyped_is_malformed_and_not_shown() -> None:
    spoilt = Identities((ONE.lines[0][:-1] + ("Q" if ONE.lines[0][-1] != "Q" else "P"),))
    for attempt in (lambda: seal(SECRET, spoilt), lambda: unseal(SEALED, spoilt)):
        with pytest.raises(Malformed, match=r"the identity file holds a line that is no age identity") as refusal:
            attempt()
        assert spoilt.lines[0][16:] not in repr(refusal.value)
        assert_silent(repr(refusal.value))


def test_a_passphrase_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    for content in (b"four words\n", b"four words", b"four words\r\nsecond line\n", b"four words\n\n"):
        path.write_bytes(content)
        assert read_passphrase(path).words == "four words"
    path.write_bytes(b" four words \n")
    assert read_passphrase(path).words == " four words "
    for content in (b"", b"\n", b"\r\n", b"\nfour words"):
        path.write_bytes(content)
        with pytest.raises(Malformed, match=rf"^{path} holds no passphrase in its first line$"):
            read_passphrase(path)


@pytest.mark.parametrize("read", [read_identities, read_passphrase])
def test_files_with_secrets_are_of_bounded_length_and_there(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(Missing, match=r"does not exist"):
        read(tmp_path / "absent")
    path = tmp_path / "x"
    path.write_bytes(b"#" * (vault.SECRET_AT_MOST + 1))
    with pytest.raises(Refused, match=r"is larger than 1048576 bytes"):
        read(path)
    path.write_bytes(b"\xff")
    with pytest.raises(Malformed, match=r"is not UTF-8 at byte 0"):
        read(path)


# The stock tool


def test_age_opens_what_we_seal_and_we_open_what_age_seals(tmp_path: Path) -> None:
    age, keygen = need_program("age"), need_program("age-keygen")
    identity = tmp_path / "identity.txt"
    subprocess.run([keygen, "-o", identity], check=True, capture_output=True)
    ours = read_identities(identity)
    (tmp_path / "ours.age").write_bytes(seal(SECRET, ours))
    opened = subprocess.run([age, "-d", "-i", identity, tmp_path / "ours.age"], check=True, capture_output=True)
    assert opened.stdout == SECRET
    public = subprocess.run([keygen, "-y", identity], check=True, capture_output=True, text=True).stdout.strip()
    theirs = subprocess.run([age, "-r", public], input=SECRET, check=True, capture_output=True).stdout
    assert unseal(theirs, ours) == SECRET
    assert "none of the identities" in refusal(Unverified, theirs, TWO)


def test_age_refuses_ours_with_another_identity(tmp_path: Path) -> None:
    age = need_program("age")
    (tmp_path / "ours.age").write_bytes(SEALED)
    (tmp_path / "other.txt").write_text(TWO.lines[0] + "\n")
    run = subprocess.run(
        [age, "-d", "-i", tmp_path / "other.txt", tmp_path / "ours.age"], check=False, capture_output=True
    )
    assert run.returncode != 0
    assert SECRET not in run.stdout + run.stderr


def busy(monkeypatch: pytest.MonkeyPatch, moments: int) -> bytes:
    """A file under a passphrase, on a machine that seems too slow for it that many times."""
    sealed, decrypt, left = seal(SECRET, WORDS), pyrage.passphrase.decrypt, [*range(moments)]

    def measured(data: bytes, words: str) -> bytes:
        if left:
            left.pop()
            return bytes(decrypt(re.sub(rb" [0-9]+\n", b" 40\n", data, count=1), words))
        return bytes(decrypt(data, words))

    monkeypatch.setattr(pyrage.passphrase, "decrypt", measured)
    return sealed


def test_a_busy_moment_is_no_wrong_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unseal(busy(monkeypatch, 3), WORDS) == SECRET


def test_a_machine_too_slow_for_a_passphrase_is_named_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="this machine is too slow"):
        unseal(busy(monkeypatch, 100), WORDS)
