"""Holders of copies in memory, honest by default: a node that takes CARs and pins, and a service that only pins.

node = MemoryNode()
node.send(car, size, progress)         # as `mirror.pin.Node` says
node.lie_about(root)                   # one method a lie
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Self

from mirror import tree
from mirror.errors import MirrorError, Missing, Unavailable
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.network.answers import quote
from mirror.network.held import Held


@dataclass
class MemoryHolder:
    """A service that pins by name and fetches for itself: `arrives` is how often it says `pinning` before it has it."""

    name: str = "paid"
    takes_blocks: bool = False
    arrives: int = 0

    def __post_init__(self) -> None:
        self.pinned: dict[CID, tuple[str, Held]] = {}
        self.asked: list[str] = []
        self.origins: tuple[str, ...] = ()
        self.silent = False
        self.names: dict[CID, bytes] = {}

    @property
    def who(self) -> str:
        return f"node {self.name}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def probe(self) -> str:
        self.asked.append("probe")
        if self.silent:
            raise Unavailable(f"{self.who} cannot be reached: nobody listens there")
        return "of memory"

    def held(self, mirror: str) -> list[Held]:
        self.asked.append("held")
        return [held for name, held in self.pinned.values() if name == mirror]

    def state(self, root: CID) -> Held | None:
        self.asked.append("state")
        if root not in self.pinned:
            return None
        name, held = self.pinned[root]
        if held.state == "pinning" and self.arrives:
            self.arrives -= 1
        if held.state == "pinning" and not self.arrives:
            self.pinned[root] = name, replace(held, state="pinned")
        return held

    def send(self, car: BinaryIO, size: int, progress: Callable[[int, int], None]) -> int:
        raise AssertionError("a service that fetches for itself is sent nothing")

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None, origins: Sequence[str] = ()) -> None:
        self.asked.append("pin" if instead_of is None else "move")
        self.origins = tuple(origins)
        self.pinned[root] = mirror, Held(root, "pinning" if self.arrives else "pinned")

    def unpin(self, root: CID) -> None:
        self.asked.append("unpin")
        self.pinned.pop(root, None)


class MemoryNode(MemoryHolder):
    """A node: what it pins it has, unless it lies."""

    def __init__(self, name: str = "home") -> None:
        super().__init__(name, takes_blocks=True)
        self.blocks: dict[CID, bytes] = {}
        self.sent: list[CID] = []
        self.left_over: set[CID] = set()
        self.dies_after: int | None = None
        self.loses: set[CID] = set()
        self.takes_all = True

    # Honest

    def send(self, car_file: BinaryIO, size: int, progress: Callable[[int, int], None]) -> int:
        data = car_file.read()
        assert len(data) == size
        progress(size, size)
        count = 0
        for cid, block in car.blocks(io.BytesIO(data)):
            if self.dies_after is not None and len(self.sent) >= self.dies_after:
                raise Unavailable(f"{self.name} ended the connection")
            self.sent.append(cid)
            self.blocks[cid] = block
            count += 1
        for cid in self.loses:
            self.blocks.pop(cid, None)
        return count if self.takes_all else count - 1

    def pin(self, root: CID, mirror: str, *, instead_of: CID | None, origins: Sequence[str] = ()) -> None:
        if instead_of is not None:
            assert instead_of in self.pinned
        missing = [cid for cid in self._below(root) if cid not in self.blocks and cid not in self.loses]
        if missing:
            raise Unavailable(f"{self.name} did not answer within 60 s: pin")
        super().pin(root, mirror, instead_of=instead_of, origins=origins)
        if instead_of is not None:
            del self.pinned[instead_of]

    def has(self, cid: CID) -> bool:
        return cid in self.blocks

    def block(self, cid: CID) -> bytes:
        if cid not in self.blocks:
            raise Missing(f"{self.name} lacks block {cid}")
        return cid.check(self.blocks[cid])

    def remove(self, cids: Sequence[CID]) -> dict[CID, str]:
        pinned = {cid for root in self.pinned for cid in self._below(root)}
        kept = {cid: "pinned: recursive" for cid in cids if cid in pinned}
        for cid in cids:
            if cid not in pinned and cid not in self.left_over:
                self.blocks.pop(cid, None)
        return kept

    def pins(self) -> list[tuple[str, CID]]:
        return [(name, root) for root, (name, _) in self.pinned.items()]

    def pins_that_hold(self, cid: CID) -> list[tuple[str, CID]]:
        """One of them, as Kubo tells of no more, its name fit to be shown."""
        return [(quote(name), root) for name, root in self.pins() if cid in self._below(root)][:1]

    def get_name(self, key: CID) -> bytes:
        self.probe()
        if key not in self.names:
            raise Missing(f"{self.who} finds no record of the name {key}")
        return self.names[key]

    def put_name(self, record: bytes, key: CID) -> None:
        self.probe()
        self.names[key] = record

    def export(self, root: CID) -> Iterator[bytes]:
        file = io.BytesIO()
        writer = car.Writer(file)
        for cid in tree.reach(root, self.block):
            writer.put(cid, self.block(cid))
        writer.seal(root)
        yield file.getvalue()

    def collect_garbage(self) -> None:
        """Drop every block that no pin holds."""
        pinned = {cid for root in self.pinned for cid in self._below(root)}
        self.blocks = {cid: block for cid, block in self.blocks.items() if cid in pinned}

    def pin_by_hand(self, root: CID, name: str = "") -> None:
        """As its owner does beside us."""
        self.pinned[root] = name, Held(root, "pinned")

    def _below(self, root: CID) -> set[CID]:
        found = {root}
        try:
            for cid in tree.reach(root, self.block):
                found.add(cid)
        except MirrorError:
            pass  # the rest hangs below what is missing
        return found

    # Lies and mishaps

    def lose(self, *cids: CID) -> None:
        """Lose blocks, and say nothing of it; they do not stay when they are sent again."""
        self.loses |= set(cids)
        for cid in cids:
            self.blocks.pop(cid, None)

    def flip(self, cid: CID) -> None:
        """Give another block instead."""
        self.blocks[cid] = self.blocks[cid][:-1] + bytes([self.blocks[cid][-1] ^ 1])

    def keep_secretly(self, *cids: CID) -> None:
        """Say that blocks are removed, and keep them."""
        self.left_over |= set(cids)
