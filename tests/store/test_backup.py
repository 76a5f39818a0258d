"""Backups: a workspace in one file, and back; what is hostile leaves nothing behind."""

import contextlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest
from counterparts import need_program
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed, Refused, Unavailable, Unverified
from mirror.formats import tar
from mirror.formats.tar import Entry
from mirror.store import backup, files, vault
from mirror.store.workspace import Workspace

LOCK = vault.new_identity()
OTHER = vault.new_identity()

CONTENT = {
    "archive/announcement.txt": b"announcement\n",
    "archive/editions/000001.car": bytes(range(256)) * 1000,
    "archive/editions/1000000.car": b"",
    "archive/head": b"bafy\n",
    "archive/name.ipns-record": b"record",
    "mirror.toml": b"day = false\n",
    "secret/anchors/9/checkpoint.txt.ots": b"complete",
    "secret/anchors/9/pending/checkpoint.txt.ots": b"awaited",
    "secret/key.age": b"age\n",
    "secret/requests/one/две.txt": b"text",
    "secret/texts.sqlite": b"x" * 512,
}


def lay(home: Path, content: dict[str, bytes] | None = None) -> Workspace:
    for name, data in (content or CONTENT).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    return Workspace(home)


def in_folder(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def back_up(workspace: Workspace, path: Path, lock: vault.Lock | vault.Recipients = LOCK) -> backup.Found:
    found = backup.find(workspace)
    size = backup.write(workspace, found, path, lock, lambda done, total: None)
    assert size == path.stat().st_size
    return found


def opened(path: Path) -> bytes:
    """The tar archive in a backup, by another way than ours."""
    identities = [pyrage.x25519.Identity.from_str(line) for line in LOCK.lines]
    return bytes(pyrage.decrypt(path.read_bytes(), identities))


def seal(path: Path, archive: bytes) -> Path:
    path.write_bytes(vault.seal(archive, LOCK))
    return path


def pack(content: dict[str, bytes]) -> bytes:
    return b"".join(tar.pack((Entry(name, len(data)), [data]) for name, data in content.items()))


def hostile(*members: tuple[str, dict[str, Any]], data: bytes = b"") -> bytes:
    """An archive by Python's `tarfile` of members with these names and values."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, values in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            for key, value in values.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


# There and back


def test_what_was_backed_up_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "voices.age"
    found = back_up(lay(tmp_path / "voices"), path)
    assert [entry.name for entry in found.entries] == sorted(CONTENT, key=str.encode)
    assert found.left_out == ()
    assert backup.restore(path, tmp_path / "new" / "restored", LOCK) == len(CONTENT)
    assert in_folder(tmp_path / "new" / "restored") == CONTENT
    assert sorted(os.listdir(tmp_path / "new" / "restored")) == ["archive", "mirror.toml", "secret"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    path = tmp_path / "voices.age"
    back_up(lay(tmp_path / "voices"), path)
    (tmp_path / "restored").mkdir()
    backup.restore(path, tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == CONTENT


def test_modes(tmp_path: Path) -> None:
    path = tmp_path / "voices.age"
    back_up(lay(tmp_path / "voices"), path)
    assert path.stat().st_mode & 0o777 == 0o600
    backup.restore(path, tmp_path / "restored", LOCK)
    modes = {name: (tmp_path / "restored" / name).stat().st_mode & 0o777 for name in (*CONTENT, "secret", "archive")}
    assert {mode for name, mode in modes.items() if name.startswith("secret/")} == {0o600}
    assert (modes["secret"], modes["archive"], modes["archive/head"]) == (0o700, 0o755, 0o644)
    assert (tmp_path / "restored" / "secret" / "requests").stat().st_mode & 0o777 == 0o700


def test_two_backups_differ_in_the_encryption_alone(tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    back_up(workspace, tmp_path / "1.age")
    os.utime(workspace.settings_path, (0, 0))
    workspace.settings_path.chmod(0o640)
    back_up(workspace, tmp_path / "2.age")
    assert (tmp_path / "1.age").read_bytes() != (tmp_path / "2.age").read_bytes()
    assert opened(tmp_path / "1.age") == opened(tmp_path / "2.age") == pack(dict(sorted(CONTENT.items())))


def test_stock_age_and_tar_read_it(tmp_path: Path) -> None:
    back_up(lay(tmp_path / "voices"), tmp_path / "voices.age")
    (tmp_path / "identity.txt").write_text("".join(f"{line}\n" for line in LOCK.lines))
    age = [need_program("age"), "-d", "-i", tmp_path / "identity.txt", tmp_path / "voices.age"]
    archive = subprocess.run(age, capture_output=True, check=True).stdout
    (tmp_path / "out").mkdir()
    subprocess.run([need_program("tar"), "-x", "-f", "-", "-C", tmp_path / "out"], input=archive, check=True)
    assert in_folder(tmp_path / "out") == CONTENT


def test_what_stock_age_encrypts_is_restored(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(pack(CONTENT))
    (tmp_path / "identity.txt").write_text("".join(f"{line}\n" for line in LOCK.lines))
    age = [need_program("age"), "-e", "-i", tmp_path / "identity.txt", "-o", tmp_path / "a.age", tmp_path / "a.tar"]
    subprocess.run(age, check=True)
    backup.restore(tmp_path / "a.age", tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == CONTENT


def test_a_passphrase_locks_and_opens(tmp_path: Path) -> None:
    path, lock = tmp_path / "voices.age", vault.Passphrase("four words of nobody")
    back_up(lay(tmp_path / "voices"), path, lock)
    assert vault.wants_passphrase(path.read_bytes()[: vault.HEAD_BYTES])
    with pytest.raises(
        Unverified, match=r"voices\.age: the passphrase does not open the file, or the file is damaged$"
    ):
        backup.restore(path, tmp_path / "restored", vault.Passphrase("four words of mine"))
    assert not (tmp_path / "restored").exists()
    backup.restore(path, tmp_path / "restored", lock)
    assert in_folder(tmp_path / "restored") == CONTENT


def test_a_recipient_locks_and_its_identity_opens(tmp_path: Path) -> None:
    public = str(pyrage.x25519.Identity.from_str(LOCK.lines[0]).to_public())
    back_up(lay(tmp_path / "voices"), tmp_path / "voices.age", vault.parse_recipients([public]))
    backup.restore(tmp_path / "voices.age", tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == CONTENT


@pytest.mark.parametrize("text", ["", "age1", "age1nonsense", LOCK.lines[0]], ids=["", "short", "nonsense", "identity"])
def test_what_is_no_recipient_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Malformed, match=r"^the recipient is no age recipient, which begins with age1$") as caught:
        vault.parse_recipients([text])
    assert LOCK.lines[0] not in caught.value.message + caught.value.hint


def test_a_copy_without_secrets_is_backed_up_too(tmp_path: Path) -> None:
    content = {name: data for name, data in CONTENT.items() if name.startswith("archive/")}
    back_up(lay(tmp_path / "copy", content), tmp_path / "copy.age")
    backup.restore(tmp_path / "copy.age", tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == content


def test_an_interrupted_withdrawal_is_backed_up_too(tmp_path: Path) -> None:
    back_up(lay(tmp_path / "voices", CONTENT | {"archive/dropping": b"bafk\n"}), tmp_path / "voices.age")
    backup.restore(tmp_path / "voices.age", tmp_path / "restored", LOCK)
    assert (tmp_path / "restored" / "archive" / "dropping").read_bytes() == b"bafk\n"


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    others = ["drafts/a.txt", "archive/.head.tmp", "archive/editions/0000001.car", "archive/more/a", "secret/.hidden"]
    workspace = lay(tmp_path / "voices", CONTENT | dict.fromkeys([*others, "cache/index.sqlite", "cache/lock"], b""))
    found = back_up(workspace, tmp_path / "voices.age")
    assert found.left_out == tuple(sorted(["drafts", *others[1:]]))
    backup.restore(tmp_path / "voices.age", tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == CONTENT


def test_links_in_a_workspace_are_followed(tmp_path: Path) -> None:
    lay(tmp_path / "disk")
    lay(tmp_path / "voices", {"mirror.toml": CONTENT["mirror.toml"]})
    (tmp_path / "voices" / "archive").symlink_to(tmp_path / "disk" / "archive")
    (tmp_path / "voices" / "secret").mkdir()
    for each in (tmp_path / "disk" / "secret").iterdir():
        (tmp_path / "voices" / "secret" / each.name).symlink_to(each)
    back_up(Workspace(tmp_path / "voices"), tmp_path / "voices.age")
    assert opened(tmp_path / "voices.age") == pack(CONTENT)


# What a backup cannot hold


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("secret/con", "a file name that is a device on some systems: 'con'"),
        ("secret/a\u0308", "a file name that is not in normal form C"),
        ("secret/Key.age", "'secret/key.age' and another name are one on some systems"),
        ("secret/1/2/3/4/5/6/7/8/9", "a file name"),
        ("secret/a\udcff", "a name that is not UTF-8"),
    ],
)
def test_names_that_could_not_be_restored_are_refused(name: str, words: str, tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    path = tmp_path / "voices" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    if name.count("/") > backup.DEPTH_AT_MOST:
        words = f"{name.rpartition('/')[0]} is no file that can be read"
    with pytest.raises(Refused) as caught:
        backup.find(workspace)
    assert words in caught.value.message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    (tmp_path / "voices" / "secret" / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused, match=r"secret/link is no file that can be read$"):
        backup.find(workspace)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    (tmp_path / "voices" / "secret" / "again").symlink_to(tmp_path / "voices" / "secret")
    with pytest.raises(Refused, match=r"/again/again is no file that can be read$"):
        backup.find(workspace)


def test_a_settings_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices", CONTENT | {"mirror.toml": bytes(64 * 1024)})
    backup.find(workspace)
    workspace.settings_path.write_bytes(bytes(64 * 1024 + 1))
    with pytest.raises(Refused, match=r"mirror\.toml has 65537 bytes, more than its place allows$"):
        backup.find(workspace)


def test_a_file_that_changes_meanwhile_is_refused_and_nothing_left(tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    found = backup.find(workspace)
    workspace.settings_path.write_bytes(b"other\n")
    with pytest.raises(Refused, match=r"^mirror\.toml changed while it was being read$"):
        backup.write(workspace, found, tmp_path / "voices.age", LOCK, lambda done, total: None)
    workspace.settings_path.unlink()
    with pytest.raises(Unavailable, match=r"mirror\.toml: no such file or directory$"):
        backup.write(workspace, found, tmp_path / "voices.age", LOCK, lambda done, total: None)
    assert os.listdir(tmp_path) == ["voices"]


def test_an_interrupt_is_one_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (1, len(CONTENT))
        raise KeyboardInterrupt

    workspace = lay(tmp_path / "voices")
    with pytest.raises(KeyboardInterrupt):
        backup.write(workspace, backup.find(workspace), tmp_path / "voices.age", LOCK, interrupt)
    assert os.listdir(tmp_path) == ["voices"]


def test_an_existing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "voices.age").write_bytes(b"precious")
    (tmp_path / "link.age").symlink_to(tmp_path / "nowhere")
    workspace = lay(tmp_path / "voices")
    for name in ("voices.age", "link.age"):
        with pytest.raises(Refused, match=r"exists already and is not overwritten$"):
            back_up(workspace, tmp_path / name)
    assert (tmp_path / "voices.age").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "place", ["voices.age", "archive/voices.age", "../link/voices.age", "../voices/secret/../b.age"]
)
def test_a_file_in_the_workspace_is_refused(place: str, tmp_path: Path) -> None:
    workspace = lay(tmp_path / "voices")
    (tmp_path / "link").symlink_to(tmp_path / "voices" / "secret")
    with pytest.raises(Refused, match=r"age lies in the workspace, and would be lost with it$"):
        back_up(workspace, tmp_path / "voices" / place)
    assert in_folder(tmp_path / "voices") == CONTENT


def test_the_bound_of_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, lock = lay(tmp_path / "voices"), vault.Passphrase("four words of nobody")
    size = len(pack(CONTENT))
    monkeypatch.setattr(vault, "WHOLE_AT_MOST", size - 1)
    with pytest.raises(Refused, match=rf"^more than the {size - 1} bytes that are encrypted with a passphrase$"):
        back_up(workspace, tmp_path / "voices.age", lock)
    assert not (tmp_path / "voices.age").exists()
    monkeypatch.setattr(vault, "WHOLE_AT_MOST", size)
    back_up(workspace, tmp_path / "voices.age", lock)
    sealed = (tmp_path / "voices.age").stat().st_size
    assert sealed < size + (size >> 10) + 1024
    monkeypatch.setattr(vault, "_SEALED_AT_MOST", sealed - 1)
    with pytest.raises(
        Refused, match=rf"^the file is larger than the {sealed - 1} bytes that are opened with a passphr"
    ):
        backup.restore(tmp_path / "voices.age", tmp_path / "restored", lock)
    monkeypatch.setattr(vault, "_SEALED_AT_MOST", sealed)
    backup.restore(tmp_path / "voices.age", tmp_path / "restored", lock)


# What is hostile


def refused(tmp_path: Path, archive: bytes) -> str:
    """What is said of an archive that is no backup; nothing of it may be left anywhere."""
    path = seal(tmp_path / "hostile.age", archive)
    before = sorted(str(each) for each in tmp_path.rglob("*"))
    with pytest.raises(Malformed) as caught:
        backup.restore(path, tmp_path / "deep" / "restored", LOCK)
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "deep").rmdir()
    assert sorted(str(each) for each in tmp_path.rglob("*")) == before
    assert caught.value.message.startswith(str(path))
    return caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "secret/../../evil",
        "secret/./key.age",
        "secret//key.age",
        "/etc/passwd",
        "/secret/key.age",
        "./mirror.toml",
        "secret",
        "archive",
        "cache/lock",
        "archive/evil",
        "archive/editions/1.car",
        "archive/editions/0000001.car",
        "archive/editions/../../mirror.toml",
        "archive/editions/000001.car\n",
        "archive/editions/٠٠٠٠٠١.car",
        "Secret/key.age",
        "secret/.hidden",
        "secret/con",
        "secret/a:b",
        "secret/a\\b",
        "secret/a.",
        "secret/1/2/3/4/5/6/7/8/9",
        "mirror.toml/a",
        "evil",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    words = refused(tmp_path, pack({name: b"x"}))
    assert "is no place in a workspace" in words or "a file name" in words


@pytest.mark.parametrize(
    "values",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"type": tarfile.LNKTYPE, "linkname": "mirror.toml"},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
)
def test_links_folders_and_devices_are_refused(values: dict[str, Any], tmp_path: Path) -> None:
    archive = hostile(("archive/head", {}), ("secret/key.age", values))
    assert refused(tmp_path, archive).rstrip("/").partition(": ")[2].startswith("'secret/key.age")


def test_a_header_with_a_users_name_is_refused(tmp_path: Path) -> None:
    assert "says more than a name and a size" in refused(tmp_path, hostile(("archive/head", {"uname": "anna"})))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["mirror.toml", "archive/head"], "'archive/head' stands twice, or in the wrong order"),
        (["archive/head", "archive/head"], "'archive/head' stands twice, or in the wrong order"),
        (["secret/KEY", "secret/key"], "'secret/key' and another name are one on some systems"),
        (["secret/a", "secret/a/b"], "'secret/a/b' and another name are one on some systems"),
        (["secret/A", "secret/a/b"], "'secret/a/b' and another name are one on some systems"),
    ],
)
def test_names_that_are_one_are_refused(names: list[str], words: str, tmp_path: Path) -> None:
    archive = b"".join(bytes(Entry(name, 0)) for name in names) + tar.END
    assert refused(tmp_path, archive).endswith(words)


def test_a_file_beside_a_folder_of_the_same_beginning_is_none_of_those(tmp_path: Path) -> None:
    content = {"archive/head": b"x\n", "secret/a.b": b"", "secret/a/b": b"", "secret/ab": b""}
    backup.restore(seal(tmp_path / "a.age", pack(content)), tmp_path / "restored", LOCK)
    assert in_folder(tmp_path / "restored") == content


def test_sizes_that_a_place_does_not_allow_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, pack({"archive/head": bytes(257)})).endswith(
        "archive/head has 257 bytes, more than its place allows"
    )
    backup.restore(seal(tmp_path / "a.age", pack({"archive/head": bytes(256)})), tmp_path / "restored", LOCK)


def test_a_huge_announced_size_writes_nothing(tmp_path: Path) -> None:
    archive = bytes(Entry("secret/key.age", tar.SIZE_AT_MOST)) + bytes(100_000)
    assert refused(tmp_path, archive).endswith("a tar archive that was cut off")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "FILES_AT_MOST", len(CONTENT))
    path = seal(tmp_path / "a.age", pack(CONTENT))
    backup.restore(path, tmp_path / "restored", LOCK)
    assert refused(tmp_path, pack(CONTENT | {"secret/zzz": b""})).endswith(f"more than {len(CONTENT)} files")


@pytest.mark.parametrize("archive", [tar.END, pack({"mirror.toml": b""}), pack({"secret/notes.txt": b""})])
def test_what_holds_no_workspace_is_refused(archive: bytes, tmp_path: Path) -> None:
    assert refused(tmp_path, archive).endswith("holds no workspace")


def test_a_plain_file_is_no_backup(tmp_path: Path) -> None:
    for content in (b"", b"text", os.urandom(2000)):
        assert "hostile.age" in refused(tmp_path, content)


def test_a_backup_cut_off_anywhere_leaves_nothing(tmp_path: Path) -> None:
    back_up(lay(tmp_path / "voices"), tmp_path / "voices.age")
    sealed = (tmp_path / "voices.age").read_bytes()
    for length in [0, 10, 100, 200, 300, 1000, 65_000, 66_000, 150_000, len(sealed) - 20_000, len(sealed) - 1]:
        (tmp_path / "voices.age").write_bytes(sealed[:length])
        with pytest.raises((Malformed, Unverified), match="damaged"):
            backup.restore(tmp_path / "voices.age", tmp_path / "restored", LOCK)
        assert not (tmp_path / "restored").exists()


def test_a_flipped_bit_anywhere_leaves_nothing(tmp_path: Path) -> None:
    back_up(lay(tmp_path / "voices"), tmp_path / "voices.age")
    sealed = (tmp_path / "voices.age").read_bytes()
    for at in [5, 30, 150, 1000, 66_000, len(sealed) // 2, len(sealed) - 1]:
        (tmp_path / "voices.age").write_bytes(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises((Malformed, Unverified), match="damaged"):
            backup.restore(tmp_path / "voices.age", tmp_path / "restored", LOCK)
        assert not (tmp_path / "restored").exists()


def test_damage_behind_the_header_is_malformed_and_a_wrong_identity_unverified(tmp_path: Path) -> None:
    path = tmp_path / "voices.age"
    back_up(lay(tmp_path / "voices"), path)
    with pytest.raises(
        Unverified, match=r"voices\.age: none of the identities opens the file, or its header is damaged$"
    ):
        backup.restore(path, tmp_path / "restored", OTHER)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Malformed, match=r"voices\.age: the file is damaged or cut off$"):
        backup.restore(path, tmp_path / "restored", LOCK)
    assert sorted(os.listdir(tmp_path)) == ["voices", "voices.age"]


def test_an_occupied_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = seal(tmp_path / "a.age", pack(CONTENT))
    (tmp_path / "restored").mkdir()
    (tmp_path / "restored" / "mine.txt").write_text("mine")
    with pytest.raises(Refused, match=r"restored is not an empty folder$") as caught:
        backup.restore(path, tmp_path / "restored", LOCK)
    assert caught.value.hint == "name a new folder with: mirror --home FOLDER backup --restore FILE"
    assert in_folder(tmp_path / "restored") == {"mine.txt": b"mine"}
    with pytest.raises(Refused, match=r"a\.age is not an empty folder$"):
        backup.restore(path, path, LOCK)


def test_a_crash_leaves_no_workspace_and_the_next_run_says_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seal(tmp_path / "a.age", pack(CONTENT))
    with monkeypatch.context() as patch:
        patch.setattr(backup.shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(backup._Laying, "sync", crash)
        with pytest.raises(KeyboardInterrupt):
            backup.restore(path, tmp_path / "restored", LOCK)
    assert not Workspace(tmp_path / "restored").exists()
    with pytest.raises(Refused, match=r"is not an empty folder$") as caught:
        backup.restore(path, tmp_path / "restored", LOCK)
    assert caught.value.hint == f"an interrupted restore left {tmp_path / 'restored' / '.restore.tmp'}; remove it"


def crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_failure_among_the_last_renames_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rename, moved = seal(tmp_path / "a.age", pack(CONTENT)), Path.rename, []

    def fail_at_the_last(self: Path, target: Path) -> Path:
        moved.append(target.name)
        if target.name == "archive":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_at_the_last)
    with pytest.raises(Unavailable, match=r"restored: no space left on device$"):
        backup.restore(path, tmp_path / "restored", LOCK)
    assert moved == ["mirror.toml", "secret", "archive"]
    assert os.listdir(tmp_path) == ["a.age"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sync, synced = seal(tmp_path / "a.age", pack(CONTENT)), files.sync, []

    def full(file: Any) -> None:
        synced.append(file)
        if len(synced) == list(CONTENT).index("secret/key.age") + 1:
            raise OSError(28, "No space left on device")
        sync(file)

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(Unavailable, match=r"key\.age: no space left on device$"):
        backup.restore(path, tmp_path / "restored", LOCK)
    assert os.listdir(tmp_path) == ["a.age"]


NAMES = st.sampled_from([*CONTENT, "secret/a", "secret/A", "secret/../a", "archive/dropping", "", "x", "secret/b/c"])


@given(st.lists(st.tuples(NAMES, st.integers(0, 400)), max_size=6))
def test_the_order_takes_what_can_be_laid_and_nothing_else(given_: list[tuple[str, int]]) -> None:
    order, taken = backup._Order(), []
    for name, size in given_:
        with contextlib.suppress(Malformed, Refused):
            entry = Entry(name, size)
            order.check(entry)
            taken.append(entry)
    names = [entry.name for entry in taken]
    assert names == sorted(set(names), key=str.encode)
    assert all(entry.size <= backup.check_name(entry.name) for entry in taken)
    assert len({name.casefold() for name in names}) == len(names)
    assert ".." not in "/".join(names).split("/")


# Streams


def stream(pieces: list[bytes], lock: Any = LOCK) -> bytes:
    file = io.BytesIO()
    vault.seal_stream(iter(pieces), file, lock)
    return file.getvalue()


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 2))
def test_a_stream_is_what_its_pieces_are(pieces: list[bytes], large: int) -> None:
    pieces += [bytes(70_000)] * large
    sealed, found = stream(pieces), bytearray()
    assert vault.unseal(sealed, LOCK) == b"".join(pieces)
    vault.unseal_stream(io.BytesIO(sealed), found.extend, LOCK)
    assert found == b"".join(pieces)


def test_a_stream_holds_little(monkeypatch: pytest.MonkeyPatch) -> None:
    largest, written = 0, 0

    class File:
        def write(self, data: bytes) -> int:
            nonlocal largest, written
            largest, written = max(largest, len(data)), written + len(data)
            return len(data)

    vault.seal_stream((bytes(1 << 20) for _ in range(8)), File(), LOCK)  # type: ignore[arg-type]
    assert written > 8 << 20
    assert largest < 1 << 17


@pytest.mark.parametrize("error", [Refused("mine"), KeyError("mine"), OSError(5, "mine"), KeyboardInterrupt("mine")])
def test_what_the_ends_raise_is_raised_as_it_was(error: BaseException) -> None:
    def fail(*_: object) -> Any:
        raise error

    def pieces() -> Iterator[bytes]:
        yield b"x" * 100_000
        fail()

    class File:
        write: Callable[..., Any] = staticmethod(fail)
        read: Callable[..., Any] = staticmethod(fail)

    for run in (
        lambda: vault.seal_stream(pieces(), io.BytesIO(), LOCK),
        lambda: vault.seal_stream(iter([b"x"]), File(), LOCK),  # type: ignore[arg-type]
        lambda: vault.unseal_stream(io.BytesIO(stream([b"x"])), fail, LOCK),
        lambda: vault.unseal_stream(File(), bytearray().extend, LOCK),  # type: ignore[arg-type]
    ):
        with pytest.raises(type(error), match="mine") as caught:
            run()
        assert caught.value is error


def test_identities_that_are_none_are_malformed() -> None:
    broken = replace(LOCK, lines=("AGE-SECRET-KEY-1NONSENSE",))
    with pytest.raises(Malformed, match=r"^the identity file holds a line that is no age identity$"):
        stream([b"x"], broken)
    with pytest.raises(Malformed, match=r"^the identity file holds a line that is no age identity$"):
        vault.unseal_stream(io.BytesIO(stream([b"x"])), print, broken)
