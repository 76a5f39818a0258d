"""A Kubo node: what a mirror asks of it.

    with Node("home", "/ip4/127.0.0.1/tcp/5001") as node:
        node.probe()                                          # "kubo 0.43.1"
        node.send(car, size, progress)                        # one edition's blocks, streamed
        node.pin(root, "voices.example", instead_of=before)   # the first is pinned by name, a later one moves the pin
        node.state(root)                                      # Held(root, "pinned")

From version 0.39 on; of one that is newer than any we know, `probe` says so. A node is not believed: blocks are hashed
again, and every answer is looked at before it is used. What is asked offline is asked so that the node looks nowhere
but at home.

`dag/import` takes CARs of version 1 and pins nothing here: a pin for each edition would read the whole tree each time.
It holds off no garbage collection, so `state` is asked at the end. `pin/update` reads what two trees do not share;
a block that it misses it looks for on the network, without an end: hence a time-out, after which the blocks are best
sent again. It refuses a root that is pinned already, which is what a lost answer leaves; the old pin is then dropped by
itself. It keeps the old pin's name: so a name is the mirror's, and says nothing of an edition.

Names are put by `name/put`, on versions before 0.40 by `routing/put`. Whether a record is true is for who asked.

Out of scope: Kubo's own keys, MFS, and the rest of its RPC. Source: github.com/ipfs/kubo, core/commands.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Self

from mirror.errors import BadBlock, Malformed, Missing, Refused, Unavailable
from mirror.formats import cid as cids
from mirror.formats import wire
from mirror.formats.car import BLOCK_AT_MOST
from mirror.formats.cid import CID
from mirror.network import addresses
from mirror.network.answers import quote, read_json, take, take_cid
from mirror.network.held import Authorization, Held
from mirror.network.http import Route
from mirror.network.rpc import STALLED, Rpc, Said, upload

OLDEST = (0, 39)
"""The first version that is spoken to: pins have had names to rely on since 0.38, and this one is tested."""

NEWEST = (0, 43)
"""The newest version that this program was tested with."""

ANSWER_AT_MOST = 64 * 1024
"""Bytes in an answer of one JSON object: a pin, a block's size, a version."""

RECORD_AT_MOST = 10 * 1024
"""Bytes in an IPNS record: the specification's bound."""

TAKEN_IN = 600.0
"""Seconds from the last byte of an edition until the node says what it took: it writes and syncs the last 20 MiB."""

PINNED = 600.0
"""Seconds for moving a pin: of a million new blocks, a disk reads two thousand a second."""

LOOKED_THROUGH = 600.0
"""Seconds until a node tells which pin holds a block: it reads through the trees of all of them."""

NAMED = 120.0
"""Seconds for putting or finding a name: twenty peers are asked, of whom some are gone; mostly it takes thirty."""

IDLE_AT_MOST = 240
"""Reports in a row that pinning came no further, which Kubo makes two a second of: two minutes for one block."""

REMOVED_AT_ONCE = 100
"""Blocks that are removed with one command: their CIDs stand in its address, about 7 kB of it."""

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.[0-9]{1,4}(?:[-+].*)?")
_VALUE = 5
_SEND_AGAIN = "send the editions' blocks again: it may have lost some"
_OFFLINE = {"offline": "true"}


class Node:
    """One Kubo, by its name in `mirror.toml`. Opens a line when entered; each method asks the node anew.

    Every method raises Unavailable, naming the node, where it does not answer or answers something else.
    """

    kind = "kubo"
    takes_blocks = True

    def __init__(
        self,
        name: str,
        address: str,
        authorization: Authorization | None = None,
        route: Route | None = None,
    ) -> None:
        """Raises Malformed for an address that is none, and Refused where a proxy would be gone round."""
        route = route or Route()
        place = addresses.parse(address)
        self.name = name
        self.who = f"node {name} ({address})"
        if route.proxy is not None and not place.here:
            hint = "lead its port to this machine, as `ssh -L 5001:127.0.0.1:5001` does, and give that as its address"
            raise Refused(f"{self.who} is not on this machine, and is not spoken to around the proxy", hint=hint)
        self._rpc = Rpc(self.who, name, place, authorization, route.clock)

    def __enter__(self) -> Self:
        self._rpc.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._rpc.close()

    def probe(self) -> str:
        """The node's version, such as `kubo 0.43.1`; raises Unavailable for one that is too old."""
        text, version = self._version()
        if version < OLDEST:
            oldest = _dotted(OLDEST)
            raise Unavailable(f"{self.who} is kubo {text}, older than {oldest}", hint=f"update it to {oldest} or later")
        newer = f", newer than the {_dotted(NEWEST)} that this program was tested with" if version > NEWEST else ""
        return f"kubo {text}{newer}"

    def _version(self) -> tuple[str, tuple[int, int]]:
        with self._rpc.told():
            text = take(self._ask("version"), "Version", str)
            found = _VERSION.fullmatch(text)
            if not found:
                raise Malformed(f"version {quote(text)!r}")
            return quote(text), (wire.decode_decimal(found[1]), wire.decode_decimal(found[2]))

    def _ask(self, command: str, *args: str, **options: str) -> dict[str, Any]:
        return read_json(self._rpc.ask(command, *args, at_most=ANSWER_AT_MOST, options=options))

    # Pins

    def pins(self) -> Iterator[tuple[str, CID]]:
        """Every pin of a whole tree: its name as it is there, empty if it has none, and its root.

        CIDs unlike ours are left out.
        """
        options = {"type": "recursive", "names": "true", "stream": "true"}
        with self._rpc.told(), self._rpc.lines("pin/ls", options=options, read=LOOKED_THROUGH) as lines:
            for line in lines:
                if root := _readable(take(line, "Cid", str)):
                    yield take(line, "Name", str, ""), root

    def held(self, mirror: str) -> list[Held]:
        """The pins under this name. That their blocks are there, only `state` looks at."""
        return [Held(root, "pinned") for name, root in self.pins() if name == mirror]

    def state(self, root: CID) -> Held | None:
        """How the node holds a root; None if it has no pin of it. Failed, if it has the pin and not the root's block.

        Raises BadBlock where that block is another.
        """
        with self._rpc.told():
            pin = self._find_pin(root)
        if pin is None:
            return None
        try:
            self.block(root)
        except Missing:
            return Held(root, "failed", copies=0, words="reports the pin, and does not hold the block that it is of")
        return Held(root, "pinned")

    def _find_pin(self, root: CID, kind: str = "recursive") -> tuple[str, str] | None:
        """The type and the name of the pin that holds a block; None if none does."""
        options = {"type": kind, "names": "true"}
        try:
            body = self._rpc.ask(
                "pin/ls", str(root), at_most=ANSWER_AT_MOST, options=options, read=LOOKED_THROUGH, within=LOOKED_THROUGH
            )
        except Said as said:
            if "is not pinned" in said.words:
                return None
            raise
        pin = take(take(read_json(body), "Keys", dict), str(root), dict)
        found = take(pin, "Type", str)
        if kind not in ("all", found):
            raise Malformed(f"a pin of the type {quote(found)}")
        return found, take(pin, "Name", str, "")

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None, origins: Sequence[str] = ()) -> None:
        """Pin a root under a mirror's name; where `instead_of` is pinned, move that pin. The blocks have to be there.

        `origins` are for those who fetch for themselves. To do it again changes nothing. Raises Unavailable.
        """
        with self._rpc.told():
            if instead_of in (None, root) or self._find_pin(instead_of) is None:
                return self._add(root, mirror)
            if self._find_pin(root) is None:
                return self._move(instead_of, root)
            self._add(root, mirror)
        return self.unpin(instead_of)

    def _add(self, root: CID, mirror: str) -> None:
        answer: dict[str, Any] = {}
        idle, last = 0, 0
        options = {"name": mirror, "recursive": "true", "progress": "true"}
        with self._rpc.lines("pin/add", str(root), options=options) as lines:
            for answer in lines:
                done = take(answer, "Progress", int, 0)
                idle, last = (idle + 1 if done == last else 0), done
                if idle == IDLE_AT_MOST:
                    words = f"{self.who} misses a block below {root}: pinning came no further than {last} blocks"
                    raise Unavailable(words, hint=_SEND_AGAIN, how="timed out")
        self._expect(answer, root)

    def _move(self, old: CID, root: CID) -> None:
        try:
            body = self._rpc.ask("pin/update", str(old), str(root), at_most=ANSWER_AT_MOST, read=PINNED, within=PINNED)
        except Unavailable as error:
            if error.how != "timed out":
                raise
            raise Unavailable(error.message, hint=_SEND_AGAIN, how=error.how) from None
        self._expect(read_json(body), old, root)

    def _expect(self, answer: dict[str, Any], *roots: CID) -> None:
        if take(answer, "Pins", list) != [str(root) for root in roots]:
            raise Malformed(f"pins other than {' and '.join(map(str, roots))}")

    def unpin(self, root: CID) -> None:
        """Drop the pin of a root; its blocks stay. That there is none is no error."""
        with self._rpc.told():
            try:
                self._expect(self._ask("pin/rm", str(root)), root)
            except Said as said:
                if "not pinned" not in said.words:
                    raise

    def pins_that_hold(self, cid: CID) -> list[tuple[str, CID]]:
        """A pin that keeps a block: its name, fit to be shown, empty if it has none, and its root. None: nothing does.

        Kubo tells of one, also where there are more: when it is dropped, ask again. Where its root is a CID unlike
        ours, that stands for its name, and `cid` for the root.
        """
        with self._rpc.told():
            pin = self._find_pin(cid, "all")
            if pin is None:
                return []
            through = pin[0].removeprefix("indirect through ")
            if through == pin[0]:
                return [(quote(pin[1]), cid)]
            root = _readable(through)
            if root is None:
                return [(quote(through), cid)]
            return [(quote((self._find_pin(root) or ("", ""))[1]), root)]

    # Blocks

    def send(self, car: BinaryIO, size: int, progress: Callable[[int, int], None]) -> int:
        """Hand in the blocks of a CAR of version 1, `size` bytes from where it stands; how many the node took.

        `progress` is told the bytes done and `size`. Nothing of the CAR is kept in memory. What was taken stays if it
        fails in the middle: the same blocks may be sent again. Raises what reading `car` does, too.
        """
        options = {"pin-roots": "false", "stats": "true", "fast-provide-root": "false"}
        with self._rpc.told():
            self._ask("version")  # this opens the line: the next time-out is for sending, not for connecting
            body = upload(car, size, progress)
            with self._rpc.lines("dag/import", options=options, body=body, read=TAKEN_IN, connect=STALLED) as answers:
                return self._count(answers)

    def _count(self, answers: Iterator[dict[str, Any]]) -> int:
        """The blocks that an import took in; raises Unavailable where it pinned a root as well, and failed."""
        answer: dict[str, Any] = {}
        for answer in answers:
            if words := take(take(answer, "Root", dict, {}), "PinErrorMsg", str, ""):
                raise Unavailable(f"{self.who} says: {quote(words)}")
        return take(take(answer, "Stats", dict), "BlockCount", int)

    def has(self, cid: CID) -> bool:
        """Whether the node says to have a block at home."""
        with self._rpc.told():
            try:
                answer = self._ask("block/stat", str(cid), **_OFFLINE)
            except Said as said:
                if _is_absent(said):
                    return False
                raise
            if take_cid(answer, "Key") != cid:
                raise Malformed(f"the size of another block than {cid}")
            return True

    def block(self, cid: CID) -> bytes:
        """A block that the node has at home, hashed again. Raises Missing, and BadBlock for other bytes."""
        with self._rpc.told():
            try:
                data = self._rpc.ask("block/get", str(cid), at_most=BLOCK_AT_MOST, options=_OFFLINE)
            except Said as said:
                if _is_absent(said):
                    raise Missing(f"{self.who} does not hold block {cid}") from None
                raise
        if not cid.matches(data):
            raise BadBlock(f"{self.who} answers with other bytes than those of block {cid}")
        return data

    def remove(self, wanted: Sequence[CID]) -> dict[CID, str]:
        """Remove blocks that no pin keeps; those that stayed, and why. What is not there counts as removed."""
        stayed: dict[CID, str] = {}
        with self._rpc.told():
            for at in range(0, len(wanted), REMOVED_AT_ONCE):
                stayed |= self._remove(wanted[at : at + REMOVED_AT_ONCE])
        return stayed

    def _remove(self, wanted: Sequence[CID]) -> dict[CID, str]:
        told = {}
        words, options = map(str, wanted), {"force": "true"}
        with self._rpc.lines("block/rm", *words, options=options, read=LOOKED_THROUGH) as lines:
            for line in lines:
                told[take_cid(line, "Hash")] = quote(take(line, "Error", str, ""))
        if told.keys() != set(wanted):
            raise Malformed("nothing about some of the blocks that it had to remove, or something about others")
        return {cid: words for cid, words in told.items() if words}

    def export(self, root: CID) -> Iterator[bytes]:
        """All blocks below a root that the node has at home, as a CAR, piece by piece. Raises Missing without the root.

        That it is whole shows only to who reads the tree: an export that fails in the middle just ends.
        """
        with self._rpc.told():
            try:
                with self._rpc.stream("dag/export", str(root), options={"progress": "false", **_OFFLINE}) as pieces:
                    yield from pieces
            except Said as said:
                if _is_absent(said):
                    raise Missing(f"{self.who} does not hold {root}") from None
                raise

    # Names

    def put_name(self, record: bytes, key: CID) -> None:
        """Hand in a signed IPNS record, as it is, for the name that `key` is.

        Whoever asks has verified it and looked for a newer one. `force` skips Kubo's own look, which would refuse the
        same edition with a later end; what it puts is verified on the way anyhow. A node that asks nobody for names
        takes anything and keeps nothing: `get_name` shows. Raises Refused where a newer one stands in the way.
        """
        with self._rpc.told():
            force = self._version()[1] >= (0, 40)
            command, options = ("name/put", {"force": "true"}) if force else ("routing/put", {})
            bounds = {"read": NAMED, "within": NAMED}
            try:
                self._rpc.ask(command, f"/ipns/{key}", at_most=ANSWER_AT_MOST, options=options, body=record, **bounds)
            except Said as said:
                if "older value" in said.words:
                    raise Refused(f"{self.who} knows a newer record of this name") from None
                raise

    def get_name(self, key: CID) -> bytes:
        """The best IPNS record that the node finds for a name, as it came. Raises Missing where it finds none."""
        with self._rpc.told():
            try:
                if self._version()[1] >= (0, 40):
                    return self._rpc.ask("name/get", f"/ipns/{key}", at_most=RECORD_AT_MOST, read=NAMED, within=NAMED)
                with self._rpc.lines("routing/get", f"/ipns/{key}", read=NAMED) as lines:
                    values = [take(line, "Extra", str) for line in lines if line.get("Type") == _VALUE]
            except Said as said:
                if "not found" in said.words:
                    raise Missing(f"{self.who} finds no record of the name {key}") from None
                raise
            if not values:
                raise Malformed("no record")
            return wire.decode_base64(values[-1])


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _readable(text: str) -> CID | None:
    """A CID of the kinds that we read; other people's pins may be of others."""
    try:
        return cids.parse(text)
    except Malformed:
        return None


def _is_absent(said: Said) -> bool:
    return "could not find" in said.words
