"""Libraries that only some readers and publishers need: where one is absent, what to install.

    pip install '.[ethereum]'           in the checkout; `scripts/mirror` installs it by itself

The modules that stand before such libraries raise this while they are imported, and they are imported where they are
used, so that everything else works without them.
"""

from mirror.errors import Unavailable


def absent(extra: str) -> Unavailable:
    """The error that says which extra (`ethereum`, `ots`) is not installed, and how to install it."""
    package = f"testimony-mirror[{extra}]"
    return Unavailable(f"needs {package}", hint=f"in mirror's checkout: pip install '.[{extra}]'", how="not installed")
