"""Others' test vectors for C2SP formats: read here, used by the tests beside each format.

``test_c2sp_vectors.py`` holds the list of those that do not apply, and fails when a file is neither used nor listed.
"""

import json
from pathlib import Path
from typing import Any

from counterparts import shared


def vectors(path: str) -> Path:
    """A file or folder of the C2SP vectors; skips the test where they are not on this machine."""
    return shared(f"vectors/c2sp/{path}")


def load(path: Path) -> Any:
    """What a JSON file of vectors says."""
    return json.loads(path.read_bytes())
