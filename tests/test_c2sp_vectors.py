"""Every vector of others for C2SP formats is used by some test, or stands here with the reason why not."""

import re
from pathlib import Path

from c2sp import vectors

TESTS = Path(__file__).resolve().parent

NOT_APPLYING = {
    "README.md": "says what the others are",
    "sources.json": "says where the others are from",
    "witness/": "requests to a witness, in order, with its answers: this program is none, and asks none yet",
    "policy/": "which cosigners a reader demands, and lists of logs: no cosignature is checked here yet",
    "cosignature/sunlight-witness.v0.json": "the witness's own description; its line is read as a stranger's",
}
"""Files, and folders ending in a slash, that no test reads."""


def test_every_vector_is_used_or_listed() -> None:
    base = vectors("README.md").parent
    files = [path.relative_to(base).as_posix() for path in sorted(base.rglob("*")) if path.is_file()]
    sources = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    used = set(re.findall(r'vectors\("([^"]+)"\)', sources)) - {"README.md"}
    for name in used | set(NOT_APPLYING):
        assert (base / name).exists(), f"{name} is named, and not there"
    assert not used & set(NOT_APPLYING)
    left = [file for file in files if not any(covers(name, file) for name in used | set(NOT_APPLYING))]
    assert not left, f"neither used nor listed: {left}"
    assert len(files) > 50


def covers(name: str, file: str) -> bool:
    return file == name or file.startswith(name.rstrip("/") + "/")
