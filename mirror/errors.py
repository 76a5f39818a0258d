"""What can go wrong, by whose fault it is.

    MirrorError
    ├── Malformed        the bytes are not what they should be: their writer's fault
    ├── NeedsNewer       well formed, but of a version later than this program's
    ├── Unverified       well formed, and not true
    │   ├── BadBlock     bytes that do not hash to the CID they were asked by
    │   ├── BadSignature
    │   ├── BadProof
    │   └── Forked       two signed statements that cannot both be true
    ├── Missing          a block that a complete copy would hold is not in this one
    │   └── NotHeld      and whoever keeps this copy says that it was left out
    ├── Unavailable      someone did not answer
    └── Refused          it would overwrite, expose, fork or exceed

A message is lower case, without a full stop, and names the thing first. A ``hint``
says what to type or do next. Neither ever holds a secret.
"""


class MirrorError(Exception):
    """Base of every error that this program raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_remake, (type(self), self.message, self.hint), self.__dict__)


def _remake(kind: type[MirrorError], message: str, hint: str) -> MirrorError:
    return kind(message, hint=hint)


class Malformed(MirrorError):
    """Bytes that do not follow their format."""


class NeedsNewer(MirrorError):
    """A note or an entry of a version that this program does not know."""


class Unverified(MirrorError):
    """A statement that was checked and is not true."""


class BadBlock(Unverified):
    """Bytes that do not hash to the CID they were asked by."""


class BadSignature(Unverified):
    """A signature that is not one, or not by the key it had to be by."""


class BadProof(Unverified):
    """A Merkle proof that does not lead where it says."""


class Forked(Unverified):
    """Two statements signed by one key that cannot both be true."""


class Missing(MirrorError):
    """A block that a complete copy would hold and this one does not."""


class NotHeld(Missing):
    """A block that this copy's keeper does not hold, and says so."""


class Unavailable(MirrorError):
    """A counterpart that did not answer, or cannot be reached; `how` in two words, where that is known."""

    def __init__(self, message: str, *, hint: str = "", how: str = "") -> None:
        super().__init__(message, hint=hint)
        self.how = how


class Refused(MirrorError):
    """Something this program will not do: it would overwrite, expose, fork or exceed."""


FAULTS = (Malformed, NeedsNewer, Unverified, Missing)
"""What can be wrong with evidence itself. The other two say nothing of it, so whoever judges lets them through."""
