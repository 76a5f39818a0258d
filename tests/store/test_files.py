"""Files that stay written: whole or not at all, private where they have to be, and every fault in words."""

import os
import stat
from pathlib import Path

import pytest

from mirror.errors import Missing, Refused, Unavailable
from mirror.store import files


class Stopped(BaseException):
    """An interruption of any kind."""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def wide_open() -> object:
    """A user whose new files anybody may read and write, unless the program sees to it."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "head"
    for data in (b"old", b"", b"new" * 100_000):
        files.replace(path, data)
        assert path.read_bytes() == data
        assert mode_of(path) == 0o644
        assert names_in(tmp_path) == {"head"}


def test_a_private_file_is_its_owners_alone_whatever_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "key.age"
    path.write_bytes(b"old")
    path.chmod(0o666)
    files.replace(path, b"new", mode=files.PRIVATE)
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o600)
    with files.replacing(path, mode=files.PRIVATE) as file:
        file.write(b"newer")
        assert mode_of(files.temporary_beside(path)) == 0o600
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "head"

    def write_half() -> None:
        with files.replacing(path) as file:
            file.write(b"half of it")
            file.flush()
            raise error

    for before in (set(), {"head"}):
        with pytest.raises((Stopped, KeyboardInterrupt, ValueError, Unavailable)):
            write_half()
        assert names_in(tmp_path) == before
        if before:
            assert path.read_bytes() == b"old"
        files.replace(path, b"old")


def test_nothing_stands_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "head"
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert names_in(tmp_path) == {".head.tmp"}
        assert files.is_temporary(tmp_path / ".head.tmp")
    assert names_in(tmp_path) == {"head"}
    assert not files.is_temporary(path)


def test_what_a_crash_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key.age"
    left = files.temporary_beside(path)
    left.write_bytes(b"half")
    left.chmod(0o666)
    files.replace(path, b"whole", mode=files.PRIVATE)
    assert (names_in(tmp_path), path.read_bytes(), mode_of(path)) == ({"key.age"}, b"whole", 0o600)


def test_a_symbolic_link_in_the_way_is_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    for name in (".head.tmp", "head"):
        os.symlink(victim, tmp_path / name)
    files.replace(tmp_path / "head", b"new")
    assert (victim.read_bytes(), (tmp_path / "head").read_bytes()) == (b"kept", b"new")
    assert not (tmp_path / "head").is_symlink()
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    with pytest.raises(Refused, match=r"dangling exists already and is not overwritten"):
        files.create(tmp_path / "dangling", b"x")
    assert not (tmp_path / "nowhere").exists()


def test_what_must_be_new_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.age"
    files.create(path, b"first")
    assert mode_of(path) == 0o600
    with pytest.raises(Refused, match=rf"^{path} exists already and is not overwritten$"):
        files.create(path, b"second")
    assert path.read_bytes() == b"first"
    files.create(tmp_path / "mirror.toml", b"x", mode=files.SHARED)
    assert mode_of(tmp_path / "mirror.toml") == 0o644
    with pytest.raises(FileExistsError):
        files.open_new(path)


def test_what_must_be_new_is_removed_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (files.create, files.replace):
        with pytest.raises(Unavailable, match=r"key.age: no space left on device$"):
            write(tmp_path / "key.age", b"secret")
        assert names_in(tmp_path) == set()


def test_data_are_synced_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        happened.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "data")
        real_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        happened.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    files.replace(tmp_path / "head", b"new")
    assert happened == ["data", "rename", "folder"]
    happened.clear()
    files.create(tmp_path / "key.age", b"new")
    assert happened == ["data", "folder"]


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "secret", private=True)
    assert mode_of(tmp_path / "a" / "b") == 0o755
    assert mode_of(tmp_path / "a" / "secret") == 0o700
    files.make_folder(tmp_path / "a" / "secret", private=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match=r"the folder .*/file: file exists"):
        files.make_folder(tmp_path / "file")


def test_no_more_is_read_than_a_file_may_hold(tmp_path: Path) -> None:
    path = tmp_path / "head"
    path.write_bytes(b"x" * 10)
    assert files.read_at_most(path, 10, "the head") == b"x" * 10
    with pytest.raises(Refused, match=rf"^the head {path} is larger than 9 bytes$"):
        files.read_at_most(path, 9, "the head")


def test_what_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=rf"^the head {tmp_path}/absent does not exist$"):
        files.read_at_most(tmp_path / "absent", 9, "the head")
    with pytest.raises(Refused, match=rf"^the head {tmp_path} is a folder$"):
        files.read_at_most(tmp_path, 9, "the head")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match=r"^the head .*/file/x: not a directory$"):
        files.read_at_most(tmp_path / "file" / "x", 9, "the head")
    with pytest.raises(Missing, match=r"the file .*/absent/x does not exist"):
        files.replace(tmp_path / "absent" / "x", b"")


def test_what_this_user_may_not_touch_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(Refused, match=rf"^the key {tmp_path}/x may not be read or written by this user$"):
        files.read_at_most(tmp_path / "x", 9, "the key")
