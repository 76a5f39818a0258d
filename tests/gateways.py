"""Gateways on loopback, real to the last socket: honest, until they are told how to lie.

    blocks, root = a_tree()
    with FakeGateway(blocks) as fake, fake.gateway() as gateway:
        gateway.block(root)                       # works like any
        fake.lies = flip_a_bit                    # from now on
        fake.asked                                # [Asked(cid, path, form), …] in order

`LIES` are all that send what was not asked for, `FAULTS` all that just do not help.
"""

import contextlib
import gzip
import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from listening import Line, Listener, answering

from mirror.formats import car, unixfs, wire
from mirror.formats import cid as cids
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.unixfs import Link
from mirror.network.gateway import CAR_TYPE, RAW_TYPE, Gateway, links_of
from mirror.network.http import Route

Blocks = dict[CID, bytes]


def a_tree(letters: int = 40, a_folder: int = 8, words: str = "", attachment: int = 0) -> tuple[Blocks, CID]:
    """A folder of folders of small files, as a mirror is one; and a large file beside them."""
    blocks: Blocks = {}

    def raw(data: bytes, name: str) -> Link:
        cid = CID.of_raw(data)
        blocks[cid] = data
        return Link(name, cid, len(data))

    def folder(links: list[Link], name: str) -> Link:
        block = unixfs.folder(links)
        link = unixfs.folder_link(name, block, links)
        blocks[link.cid] = block
        return link

    numbers = iter(range(letters))
    folders = []
    while chunk := list(itertools.islice(numbers, a_folder)):
        links = [raw(f"{words}letter {number}\n".encode() * 20, f"{number:06}.txt") for number in chunk]
        folders.append(folder(links, f"{chunk[0]:06}"))
    top = [folder(folders, "notes")]
    if attachment:
        file = unixfs.build_file(
            iter([bytes([n % 251]) * 65536 for n in range(attachment // 65536)]), blocks.__setitem__
        )
        top.append(file.link("picture"))
    return blocks, folder(top, "").cid


def below(blocks: Blocks, root: CID) -> list[CID]:
    """A root and all below it that is here, depth first, each once."""
    found: dict[CID, None] = {}
    stack = [root]
    while stack:
        cid = stack.pop()
        if cid not in found and cid in blocks:
            found[cid] = None
            stack.extend(reversed(links_of(cid, blocks[cid])))
    return list(found)


def car_of(root: CID, sections: list[tuple[CID, bytes]]) -> bytes:
    """A CAR of these blocks, whatever they are."""
    file = io.BytesIO()
    writer = car.Writer(file)
    for cid, data in sections:
        writer.put(cid, data)
    writer.seal(root)
    return file.getvalue()


@dataclass(frozen=True)
class Asked:
    """One request: for which block, along which path, in which form (`raw`, `car`)."""

    cid: CID
    path: tuple[str, ...]
    form: str


Lie = Callable[["FakeGateway", Line, Asked], None]


class FakeGateway(Listener):
    """A gateway at a free port, that has `blocks`."""

    def __init__(self, blocks: Blocks, lies: Lie | None = None) -> None:
        super().__init__(self._answer)
        self.blocks = blocks
        self.lies = lies
        self.asked: list[Asked] = []
        self.over = threading.Event()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        super().__exit__()

    def gateway(self, *, read: float = 5, connect: float = 5) -> Gateway:
        """What asks it."""
        return Gateway(Route(clock=time.monotonic).open("", self.url, read=read, connect=connect), time.monotonic)

    def forms(self, form: str) -> list[CID]:
        """What was asked for in that form."""
        return [asked.cid for asked in self.asked if asked.form == form]

    def honest(self, line: Line, asked: Asked) -> None:
        """What a gateway should answer."""
        sections = self.sections(asked)
        if not sections:
            answering(b"not here\n", 404)(line)
        elif asked.form == "raw":
            answering(sections[0][1], Content_Type=RAW_TYPE)(line)
        else:
            answering(car_of(asked.cid, sections), Content_Type=f"{CAR_TYPE}; version=1; order=dfs; dups=n")(line)

    def sections(self, asked: Asked) -> list[tuple[CID, bytes]]:
        """The blocks of an honest answer."""
        if asked.form == "raw" or asked.cid not in self.blocks:
            found = [asked.cid]
        elif asked.path:
            found = list(self._along(asked))
        else:
            found = below(self.blocks, asked.cid)
        return [(cid, self.blocks[cid]) for cid in found if cid in self.blocks]

    def _along(self, asked: Asked) -> Iterator[CID]:
        cid = asked.cid
        for name in asked.path:
            yield cid
            cid = next(link.cid for link in unixfs.open_folder(self.blocks[cid]) if link.name == name)
        node = unixfs.parse(self.blocks[cid]) if cid.codec == DAG_PB else None
        yield from [cid] if node and node.kind is unixfs.Kind.FOLDER else below(self.blocks, cid)

    def _answer(self, line: Line) -> None:
        target = urlsplit(line.head.split(b" ")[1].decode())
        _, kind, cid, *path = target.path.split("/")
        if kind == "log":
            answering(b"no log is kept here\n", 404)(line)
            return
        assert kind == "ipfs"
        form = dict(parse_qsl(target.query))["format"]
        asked = Asked(cids.parse(cid), tuple(map(unquote, path)), form)
        self.asked.append(asked)
        (self.lies or FakeGateway.honest)(self, line, asked)


def _say(line: Line, asked: Asked, body: bytes, **headers: str) -> None:
    media_type = RAW_TYPE if asked.form == "raw" else CAR_TYPE
    answering(body, **{"Content_Type": media_type, **headers})(line)


def _begin(line: Line, asked: Asked, more: str = "") -> None:
    media_type = RAW_TYPE if asked.form == "raw" else CAR_TYPE
    line.say(f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n{more}\r\n".encode())


def _body(fake: FakeGateway, asked: Asked) -> bytes:
    sections = fake.sections(asked)
    return sections[0][1] if asked.form == "raw" else car_of(asked.cid, sections)


def flip_a_bit(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """One bit of the last byte."""
    body = _body(fake, asked)
    _say(line, asked, body[:-1] + bytes([body[-1] ^ 1]))


def another_block(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """A good block that was not asked for."""
    data = b"another testimony"
    _say(line, asked, data if asked.form == "raw" else car_of(asked.cid, [(CID.of_raw(data), data)]))


def old_edition(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Another tree of the same mirror."""
    blocks, root = a_tree(letters=9, words="older ")
    _say(line, asked, blocks[root] if asked.form == "raw" else car_of(asked.cid, list(blocks.items())))


def cut_neatly(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Ends in the middle, as if that were the end."""
    body = _body(fake, asked)
    _say(line, asked, body[: len(body) // 2])


def endless(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """A body that does not end."""
    _begin(line, asked)
    line.say(_body(fake, asked) if asked.form == "car" else b"")
    with contextlib.suppress(OSError):
        while not fake.over.is_set():
            line.connection.sendall(bytes(1 << 16))


def html(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """A page instead of bytes, as walls and hotels put it up."""
    _say(line, asked, b"<h1>This page is not for you</h1>", Content_Type="text/html")


def useless(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Good blocks that nothing leads to, without end."""
    _begin(line, asked)
    if asked.form == "car":
        line.say(car_of(asked.cid, fake.sections(asked)[:1]))
    with contextlib.suppress(OSError):
        for number in itertools.count():
            if fake.over.is_set():
                return
            data = f"useless {number} ".encode() * 100
            cid = CID.of_raw(data)
            line.connection.sendall(wire.encode_varint(len(cid) + len(data)) + cid + data)


def again_and_again(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """The first block for ever."""
    if asked.form == "raw":
        _say(line, asked, bytes(100))
        return
    _begin(line, asked)
    whole = car_of(asked.cid, fake.sections(asked)[:1])
    section = whole[len(car_of(asked.cid, [])) :]
    line.say(whole)
    with contextlib.suppress(OSError):
        while not fake.over.is_set():
            line.connection.sendall(section)


def drip(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """A byte, now and then."""
    _begin(line, asked)
    with contextlib.suppress(OSError):
        for byte in _body(fake, asked):
            line.connection.sendall(bytes([byte]))
            if fake.over.wait(0.2):
                return


def huge_header(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """A header that does not end."""
    line.say(b"HTTP/1.1 200 OK\r\nX-Much: ")
    with contextlib.suppress(OSError):
        while not fake.over.is_set():
            line.connection.sendall(b"much " * 10_000)


def elsewhere(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Sends to another host."""
    answering(b"", 302, Location="http://127.0.0.1:1/ipfs/elsewhere")(line)


def bomb(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Few bytes that would become many."""
    _say(line, asked, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip")


def breaks_off(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Cut in the middle by somebody on the way."""
    body = _body(fake, asked)
    _begin(line, asked, f"Content-Length: {len(body)}\r\n")
    line.say(body[: len(body) // 2])
    line.reset()


def hangs_up(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Not a word."""
    line.reset()


def hangs(fake: FakeGateway, line: Line, asked: Asked) -> None:
    """Never answers, and does not hang up."""
    fake.over.wait(60)


def status(code: int, **headers: str) -> Lie:
    """An answer that is only a number."""
    return lambda fake, line, asked: answering(b"no\n", code, **headers)(line)


def in_turn(*ways: Lie) -> Lie:
    """One after the other, the last one for ever."""
    left = list(ways)

    def lie(fake: FakeGateway, line: Line, asked: Asked) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(fake, line, asked)

    return lie


LIES: list[Lie] = [flip_a_bit, another_block, old_edition, cut_neatly, endless, html, useless, again_and_again]
FAULTS: list[Lie] = [drip, huge_header, elsewhere, bomb, breaks_off, hangs_up, hangs, status(503), status(403)]
