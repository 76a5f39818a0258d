"""Which files are drafts: what paths stand for, each file once, and nothing passed over in silence.

A folder stands for every `.md` and `.txt` in it and below it, sorted by name; hidden files are passed over, and so are
files that one of these texts names as its attachment. Anything else is refused: it would be forgotten, or published
unasked, and a symbolic link may lead out of the folder.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mirror.errors import MirrorError, Refused
from mirror.intake.drafts import ENDINGS, Flawed, attachments_named_by


class Files:
    """Files in the order in which they were found; held as folders with names, for there may be very many."""

    def __init__(self) -> None:
        self._runs: list[tuple[str, str]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Path]:
        return map(Path, self.paths())

    def paths(self) -> Iterator[str]:
        """Each as text, which is made in less time."""
        for folder, names in self._runs:
            yield from (os.path.join(folder, name) for name in names.split("\0"))

    def extend(self, folder: Path, names: list[str]) -> None:
        """Take in files of one folder."""
        if names:
            self._runs.append(("" if folder == Path() else str(folder), "\0".join(names)))
            self._count += len(names)


def find_files(paths: Iterable[Path]) -> Files:
    """The files that these paths stand for, each once, folders opened; refuses what is no text."""
    found = _Finding()
    try:
        for path in paths:
            found.take(path)
    except OSError as error:
        raise Refused(f"{error.filename} cannot be read: {(error.strerror or 'input failed').lower()}") from None
    _check_named(found.others, found.texts)
    return found.texts


class _Finding:
    """The texts found so far, and what is no text. Folders that were opened and files that were named come once."""

    def __init__(self) -> None:
        self.texts = Files()
        self.others: list[Path] = []
        self._opened: set[Path] = set()
        self._named: set[Path] = set()

    def take(self, path: Path) -> None:
        """A path as it was given."""
        if not path.exists():
            raise Refused(f"{path} does not exist")
        if path.is_dir():
            self._open(path)
        elif path not in self._named and (path.parent not in self._opened or path.name.startswith(".")):
            self._named.add(path)
            self._add(path.parent, [path.name])

    def _open(self, folder: Path) -> None:
        if (folder / "mirror.toml").exists() or (folder / "secret" / "key.age").exists():
            raise Refused(f"{folder} is a workspace, not a folder of testimonies")
        if folder in self._opened:
            return
        self._opened.add(folder)
        run: list[str] = []
        names, folders, links = _list(folder)
        for name in names:
            if name in links:
                raise Refused(
                    f"{folder / name} is a symbolic link, which may lead anywhere",
                    hint="name the file or folder that it leads to",
                )
            if name in folders:
                self._add(folder, run)
                run = []
                self._open(folder / name)
            elif not self._named or folder / name not in self._named:
                run.append(name)
        self._add(folder, run)

    def _add(self, folder: Path, names: list[str]) -> None:
        texts = [name for name in names if _is_text(name)]
        self.texts.extend(folder, texts)
        if len(texts) < len(names):
            self.others += [folder / name for name in names if not _is_text(name)]


def _is_text(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in ENDINGS


def _list(folder: Path) -> tuple[list[str], set[str], set[str]]:
    """What a folder holds but hidden files, sorted; which of it are folders, and which are symbolic links."""
    names: list[str] = []
    folders: set[str] = set()
    links: set[str] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                names.append(entry.name)
                kind = links if entry.is_symlink() else folders if entry.is_dir() else None
                if kind is not None:
                    kind.add(entry.name)
    return sorted(names), folders, links


def _check_named(others: list[Path], texts: Files) -> None:
    """Raise `Refused` where a file that is no text is no text's attachment either."""
    if not others:
        return
    flawed: list[Flawed] = []
    named = {path for file in texts for path in _named_by(file, flawed)}
    refused = [file for file in others if os.path.realpath(file) not in named]
    if refused and flawed:
        raise flawed[0]
    if refused:
        raise Refused(
            f"{len(refused)} of the files are neither .md nor .txt: {', '.join(map(str, refused[:20]))}",
            hint="pictures and documents can tell who made them, where and when, and no text here names these; to "
            'publish one with a text, write attachments = ["photo.jpg"] between +++ lines at its top; otherwise move '
            "it out of the folder",
        )


def _named_by(path: Path, flawed: list[Flawed]) -> list[str]:
    """Where the files lie that a text names as its attachments, as far as it can be read."""
    try:
        return attachments_named_by(path)
    except Flawed as error:
        flawed.append(error)
    except MirrorError as error:
        flawed.append(Flawed(path, (error.message,)))
    return []
