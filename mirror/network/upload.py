"""One edition's CAR on its way out: a form with one file in it, read from disk as it is sent.

    --<root>
    Content-Disposition: form-data; name="file"; filename="edition.car"
    Content-Type: application/vnd.ipld.car

    <the CAR>
    --<root>--

The boundary is the CAR's root: no block can hold the text of a CID that follows from its own bytes, so that nobody
can write a testimony which ends the upload early. Source: RFC 7578, RFC 2046 §5.1.1 (a boundary has at most 70
letters).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

from mirror.errors import Malformed
from mirror.formats import car as cars
from mirror.formats.cid import CID

PIECE = 1024 * 1024
"""Bytes read and sent at a time: more gains no speed, less loses some."""

SLOWEST = 4 * 1024
"""Bytes a second that an upload may sink to, over its whole length, before it is given up."""

Progress = Callable[[int, int], None]
"""Told the bytes sent, and the bytes to send."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A CAR of `size` bytes, weighed: its root, how many blocks it has, and how many bytes they are together."""

    root: CID
    size: int
    blocks: int
    data: int

    @classmethod
    def of(cls, car: BinaryIO, size: int) -> Self:
        """Walk a CAR without reading its blocks. Raises Malformed unless it has one root, and blocks."""
        header = cars.read_header(car)
        blocks = data = 0
        for section in cars.sections(car):
            blocks, data = blocks + 1, data + section.length
        if header.version != 1 or len(header.roots) != 1 or not blocks:
            holds = f"{len(header.roots)} roots and {blocks} blocks"
            raise Malformed(f"CAR of version {header.version} with {holds} is none that can be sent")
        return cls(header.roots[0], size, blocks, data)

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP says of it."""
        length = len(self._head) + self.size + len(self._tail)
        return {"Content-Type": f"multipart/form-data; boundary={self.root}", "Content-Length": str(length)}

    def within(self, answering: float) -> float:
        """Seconds that it may take, with `answering` for the answer."""
        return self.size / SLOWEST + answering

    def pieces(self, car: BinaryIO, progress: Progress) -> Iterator[bytes]:
        """The form, piece by piece. Raises Malformed for a file that has become shorter."""
        yield self._head
        car.seek(0)
        sent = 0
        while sent < self.size:
            piece = car.read(min(PIECE, self.size - sent))
            if not piece:
                raise Malformed(f"CAR ends after {sent} of {self.size} bytes")
            yield piece
            sent += len(piece)
            progress(sent, self.size)
        yield self._tail

    @property
    def _head(self) -> bytes:
        lines = (
            f"--{self.root}",
            'Content-Disposition: form-data; name="file"; filename="edition.car"',
            "Content-Type: application/vnd.ipld.car",
            "\r\n",
        )
        return "\r\n".join(lines).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.root}--\r\n".encode()
