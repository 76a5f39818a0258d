"""A publisher's workspace: settings, secrets, the archive, the lock.

    voices/
    ├── mirror.toml            settings
    ├── archive/               may be handed to anybody, copied by any tool
    ├── cache/index.sqlite     where each block lies; rebuilt when missing or damaged
    ├── cache/catalogue.sqlite what the reading room is laid from; made anew likewise
    └── secret/                mode 0700; nothing in it is ever published, pinned, served or exported
        ├── key.age            the signing key
        ├── ethereum.age       the key of the account that pays for anchors, where there is one
        ├── texts.sqlite       keyed hashes of every text ever published
        ├── services/          what services ask of whoever pins to them
        ├── anchors/           proofs from outside clocks, awaited or not yet in an edition
        └── inscriptions/      payments for testimonies that stand on Ethereum whole

One writer at a time: `writing` takes the lock or refuses at once.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from mirror.errors import Malformed, Missing, Refused, Unavailable
from mirror.formats import key, wire
from mirror.formats.key import PublicKey, SecretKey
from mirror.store import files, vault
from mirror.store.anchors import Anchors
from mirror.store.archive import Archive
from mirror.store.credentials import Credentials
from mirror.store.sealed import Sealed
from mirror.store.settings import Settings, read_settings
from mirror.store.texts import Texts


class Workspace:
    """The folder in which a publisher works."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.archive = Archive(home / "archive", home / "cache" / "index.sqlite")

    @property
    def settings_path(self) -> Path:
        """The publisher's settings."""
        return self.home / "mirror.toml"

    @property
    def key_path(self) -> Path:
        """The signing key, encrypted."""
        return self._secret / "key.age"

    @property
    def ethereum_key_path(self) -> Path:
        """The key of the account that pays for anchors on Ethereum, encrypted."""
        return self._secret / "ethereum.age"

    @property
    def _secret(self) -> Path:
        return self.home / "secret"

    @property
    def catalogue_path(self) -> Path:
        """What is known of every testimony, for laying the reading room; a cache."""
        return self.home / "cache" / "catalogue.sqlite"

    @property
    def following_path(self) -> Path:
        """What a keeper fetched of an edition that she has not taken in yet; a cache."""
        return self.home / "cache" / "following"

    @property
    def sealed(self) -> Sealed:
        """What a keeper no longer hands on, and has not destroyed yet."""
        return Sealed(self.home / "sealed")

    @property
    def credentials(self) -> Credentials:
        """What services ask of whoever pins to them."""
        return Credentials(self._secret)

    @property
    def anchors(self) -> Anchors:
        """Proofs from outside clocks, awaited or not yet in an edition."""
        return Anchors(self._secret)

    @property
    def inscriptions(self) -> Anchors:
        """What was paid for so that whole testimonies stand on Ethereum, by their indexes."""
        return Anchors(self._secret, "inscriptions")

    @cached_property
    def settings(self) -> Settings:
        """What `mirror.toml` says."""
        return read_settings(self.settings_path)

    def exists(self) -> bool:
        """Whether there is a workspace in this folder."""
        return self.key_path.exists() or self.archive.folder.is_dir()

    def require(self) -> "Workspace":
        """This workspace, if it is one."""
        if not self.exists():
            raise Missing(
                f"{self.home} holds no workspace",
                hint="make one with: mirror init NAME, or name another folder with --home",
            )
        return self

    def create(self, settings: Settings, signing: SecretKey, lock: vault.Lock) -> None:
        """Lay an empty workspace with its settings and its key; an occupied folder is refused."""
        if self.home.exists() and not (self.home.is_dir() and not any(self.home.iterdir())):
            raise Refused(
                f"{self.home} is not an empty folder", hint="name a new folder with: mirror --home FOLDER init NAME"
            )
        files.make_folder(self.home)
        files.make_folder(self._secret, private=True)
        files.create(self.key_path, vault.seal(f"{signing.skey}\n".encode(), lock))
        files.create(self.settings_path, settings.as_toml().encode(), mode=files.SHARED)
        files.make_folder(self.archive.folder)

    def sealed_key(self) -> bytes:
        """The key's age file."""
        return files.read_at_most(self.key_path, vault.SECRET_AT_MOST, "the key")

    def unlock(self, lock: vault.Lock) -> SecretKey:
        """The signing key."""
        content = wire.decode_utf8(vault.unseal(self.sealed_key(), lock), "the key")
        if not content.endswith("\n"):
            raise Malformed(f"{self.key_path} does not hold a key")
        return key.parse_skey(content[:-1])

    def relock(self, signing: SecretKey, lock: vault.Lock) -> None:
        """Encrypt the key anew: another passphrase or identity opens it from now on."""
        files.replace(self.key_path, vault.seal(f"{signing.skey}\n".encode(), lock), mode=files.PRIVATE)

    def keep_request(self, request: bytes) -> None:
        """Keep an author's signed request privately, under its hash; the same one again changes nothing."""
        folder = self._secret / "requests"
        files.make_folder(folder, private=True)
        files.replace(folder / f"{hashlib.sha256(request).hexdigest()}.txt", request, mode=files.PRIVATE)

    def texts(self, signing: SecretKey) -> Texts:
        """The keyed hashes of what was published; only the key's holder can ask them anything."""
        return Texts(self._secret / "texts.sqlite", signing.derive("published texts"))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the workspace's lock while the block runs; refuses at once where somebody else holds it."""
        import filelock  # noqa: PLC0415  (readers never pay for loading it)

        files.make_folder(self.home / "cache")
        lock = filelock.FileLock(self.home / "cache" / "lock", timeout=0, mode=files.PRIVATE)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise Refused(
                f"another program is writing in {self.home}", hint="wait for it to end, then try again"
            ) from None
        except OSError as error:
            raise Unavailable(f"{self.home} cannot be locked: {(error.strerror or 'it failed').lower()}") from None
        try:
            yield
        finally:
            lock.release()


def check_same_key(expected: PublicKey, found: PublicKey) -> None:
    """Raise `Refused` unless the workspace's key is the one that the archive's charter gives."""
    if expected != found:
        raise Refused(f"the workspace's key is {found.vkey}, the archive's charter gives {expected.vkey}")
