"""Leaflets for the tests: what usual ones say, and the one that says as much as any can.

leaflet = usual()                       # an edition with a page that verifies
leaflet = usual(page_hash=None)
leaflet = fullest()                     # the longest name, title, gateway
"""

import hashlib
from dataclasses import replace
from typing import Any

from world import secret

from mirror.cli.announcing import draw
from mirror.formats import link
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.key import NAME_AT_MOST, PublicKey
from mirror.site.leaflet import Leaflet


def usual(**values: Any) -> Leaflet:
    """A leaflet of a small mirror, with `values` in place of its own."""
    made = _leaflet(secret("voices.example/archive", "a leaflet's").public)
    return replace(made, **values)


def fullest() -> Leaflet:
    """What takes the most room: 200 wide letters of title, 255 of name, 112 of gateway, eighteen digits of edition."""
    full = _leaflet(secret("w" * NAME_AT_MOST, "a full leaflet's").public)
    gateway = f"https://{'w' * 100}:10000"
    return replace(full, title="言" * 200, language="zh-Hans", gateway=gateway, edition=10**17)


def _leaflet(key: PublicKey) -> Leaflet:
    newest = str(link.newest(key))
    return Leaflet(
        title="Гласови",
        language="mk",
        key=key,
        edition=7,
        root=CID.of(DAG_PB, b"a tree"),
        page_hash=hashlib.sha256(b"a page").digest(),
        link=newest,
        gateway="https://gateway.example",
        code=draw(newest, "inline").decode(),
    )
