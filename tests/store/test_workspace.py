"""A publisher's workspace: laid once, private where it has to be, one writer at a time."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from counterparts import CHECKOUT
from strategies import AUTHOR, KEY, NAME, NAMESAKE

from mirror.errors import Malformed, Missing, Refused, Unavailable, Unverified
from mirror.store import vault
from mirror.store.settings import Settings
from mirror.store.workspace import Workspace, check_same_key

LOCK, OTHER = vault.new_identity(), vault.new_identity()

HOLD = """
import sys
from pathlib import Path
from mirror.store.workspace import Workspace
with Workspace(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "voices")
    made.create(Settings("mk"), KEY, LOCK)
    return made


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_workspace_is_laid(workspace: Workspace) -> None:
    home = workspace.home
    found = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    assert found == {"mirror.toml", "archive", "secret", "secret/key.age"}
    assert (mode_of(home / "secret"), mode_of(home / "secret" / "key.age")) == (0o700, 0o600)
    assert Workspace(home).require().settings == Settings("mk")
    assert Workspace(home).unlock(LOCK) == KEY
    assert KEY.skey.encode() not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_an_empty_folder_may_become_one(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    Workspace(tmp_path / "voices").create(Settings(), KEY, LOCK)
    assert Workspace(tmp_path / "voices").exists()


def test_an_occupied_folder_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"kept")
    for path in (workspace.home, tmp_path / "full", tmp_path / "file"):
        with pytest.raises(Refused, match=rf"^{path} is not an empty folder$") as refusal:
            Workspace(path).create(Settings(), AUTHOR, OTHER)
        assert refusal.value.hint == "name a new folder with: mirror --home FOLDER init NAME"
    assert workspace.unlock(LOCK) == KEY
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_where_there_is_none_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=rf"^{tmp_path} holds no workspace$") as refusal:
        Workspace(tmp_path).require()
    assert refusal.value.hint == "make one with: mirror init NAME, or name another folder with --home"


def test_a_keepers_workspace_has_no_key(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert Workspace(tmp_path).require().exists()
    with pytest.raises(Missing, match=r"the key .*key.age does not exist"):
        Workspace(tmp_path).sealed_key()


def test_the_key_is_locked_anew(workspace: Workspace) -> None:
    workspace.relock(KEY, OTHER)
    assert workspace.unlock(OTHER) == KEY
    assert mode_of(workspace.key_path) == 0o600
    with pytest.raises(Unverified, match=r"none of the identities does open"):
        workspace.unlock(LOCK)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (b"", "key.age does not hold a key"),
        (KEY.skey.encode(), "key.age does not hold a key"),
        (f"{KEY.public.vkey}\n".encode(), "not a secret key: it does not begin with PRIVATE+KEY+"),
        (f"{KEY.skey}\n\n".encode(), "not a secret key"),
        (f"{KEY.skey[:-4]}\n".encode(), "not a secret key"),
        (b"\xff\n", "the key is not UTF-8 at byte 0"),
    ],
)
def test_what_is_no_key_is_malformed_and_not_shown(workspace: Workspace, secret: bytes, words: str) -> None:
    workspace.key_path.write_bytes(vault.seal(secret, LOCK))
    with pytest.raises(Malformed) as refusal:
        workspace.unlock(LOCK)
    assert words in refusal.value.message
    assert KEY.skey[-20:] not in repr(refusal.value)


def test_texts_are_kept_with_the_secrets_under_a_key_of_their_own(workspace: Workspace) -> None:
    with workspace.texts(KEY) as texts:
        texts.add(2, [(b"one", 1)])
    with workspace.texts(KEY) as texts:
        assert texts.index_of_text(b"one") == 1
    with workspace.texts(NAMESAKE) as texts:
        assert texts.index_of_text(b"one") is None
    assert mode_of(workspace.home / "secret" / "texts.sqlite") == 0o600


def test_requests_are_kept_privately_and_once(workspace: Workspace) -> None:
    for request in (b"one", b"two", b"one"):
        workspace.keep_request(request)
    kept = list((workspace.home / "secret" / "requests").iterdir())
    assert sorted(path.read_bytes() for path in kept) == [b"one", b"two"]
    assert {mode_of(path) for path in kept} == {0o600}
    assert mode_of(workspace.home / "secret" / "requests") == 0o700


# One writer at a time


@pytest.fixture
def holder(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that writes in the workspace."""
    command = [sys.executable, "-c", HOLD, str(workspace.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_at_once(workspace: Workspace, holder: subprocess.Popen[bytes]) -> None:
    words = rf"^another program is writing in {workspace.home}$"
    with pytest.raises(Refused, match=words) as refusal, workspace.writing():
        pytest.fail("two write at a time")
    assert refusal.value.hint == "wait for it to end, then try again"
    assert holder.poll() is None


@pytest.mark.parametrize("how", ["end", "kill"])
def test_whoever_ends_or_is_killed_lets_go(workspace: Workspace, holder: subprocess.Popen[bytes], how: str) -> None:
    if how == "kill":
        holder.kill()
    else:
        assert holder.stdin is not None
        holder.stdin.close()
    holder.wait()
    with workspace.writing():
        assert workspace.unlock(LOCK) == KEY


def test_a_fault_lets_go(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt), workspace.writing():
        raise KeyboardInterrupt
    with workspace.writing(), pytest.raises(Refused), Workspace(workspace.home).writing():
        pytest.fail("two write at a time")
    with workspace.writing():
        pass


def test_a_folder_that_cannot_be_locked_is_said_in_words(workspace: Workspace) -> None:
    (workspace.home / "cache" / "lock").mkdir(parents=True)
    with pytest.raises(Unavailable, match=rf"^{workspace.home} cannot be locked: "), workspace.writing():
        pytest.fail("no lock, no writing")


def test_the_workspaces_key_is_the_charters() -> None:
    check_same_key(KEY.public, KEY.public)
    for other in (NAMESAKE, AUTHOR):
        with pytest.raises(Refused, match=r"the workspace's key is .*, the archive's charter gives ") as refusal:
            check_same_key(KEY.public, other.public)
        assert KEY.public.vkey in refusal.value.message
        assert NAME in refusal.value.message
