"""What the tests lean on that is not this project's: data of others, and programs of others.

    from counterparts import need_program, shared

    folder = shared("vectors/car")         # a path that is there, or the test is skipped, saying so
    program = need_program("ipfs_cid")     # the path of an installed program, or likewise

Data of others is never copied into the project: it lies beside the checkout in ``shared/``, or
where ``$MIRROR_SHARED`` says. In the gate (``$MIRROR_REQUIRE=1``) nothing may be skipped, so what
would skip there fails. Both functions may be called in a test, in a fixture or while a module is
being collected.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that holds ``mirror/``, ``scripts/`` and ``tests/``."""

_DEBIAN = {
    "age": "age",
    "age-keygen": "age",
    "b3sum": "b3sum",
    "git": "git",
    "go": "golang-go",
    "ipfs_cid": "ipfs-cid",
    "minisign": "minisign",
    "mount": "mount",
    "openssl": "openssl",
    "ots": "opentimestamps-client",
    "sha256sum": "coreutils",
    "unshare": "util-linux",
}


def absent(reason: str) -> NoReturn:
    """Leaves the running test for want of something outside the project: skipped, or failed in the gate."""
    if os.environ.get("MIRROR_REQUIRE") == "1":
        pytest.fail(f"required here, and {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def shared(path: str) -> Path:
    """Where the file or folder `path` of others' data lies, such as ``vectors/c2sp``."""
    base = Path(os.environ.get("MIRROR_SHARED") or CHECKOUT.parent / "shared")
    if not (base / path).exists():
        absent(f"data of others is not on this machine: {base / path} (MIRROR_SHARED can say where it lies)")
    return base / path


def need_program(*names: str) -> str:
    """The path of the first of these programs that is installed; any of them will do."""
    for name in names:
        if found := shutil.which(name):
            return found
    package = next((_DEBIAN[name] for name in names if name in _DEBIAN), None)
    how = f"; on Debian: apt install {package}" if package else ""
    absent(f"program not installed: {' or '.join(names)}{how}")
