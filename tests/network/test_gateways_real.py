"""The honest path, on what is really there: `mirror serve`, and Kubo's gateway; also both beside liars."""

import io
import time
from pathlib import Path

import gateways as dishonest
import pytest
import serving
from daemons import Kubo
from gateways import FakeGateway, a_tree, car_of
from serving import SIZE, Held

from mirror import tree
from mirror.errors import Missing
from mirror.formats import car
from mirror.formats.cid import CID
from mirror.network import standing as standings
from mirror.network.gateways import Gateway, Gateways, InMemory
from mirror.network.http import Route
from mirror.store.archive import Archive
from mirror.store.fetched import Fetched

held = serving.held
"""The mirror of `SIZE` entries, served."""


def asking(*urls: str) -> Gateways:
    return Gateways([Gateway(Route().open("", url), time.monotonic) for url in urls], time.monotonic)


def test_a_keepers_server_gives_a_whole_mirror(held: Held, tmp_path: Path) -> None:
    with asking(held.asking.url) as gateways, Fetched(tmp_path / "fetch") as kept:
        gateways.fetch(held.root, kept)
        kept.finish(held.root)
        (told,) = gateways.told
    with (tmp_path / "fetch").open("rb") as file:
        found = dict(car.blocks(file))
    assert found.keys() == set(tree.reach(held.root, held.blocks.get))
    assert (told.blocks, told.lied, told.failed, told.absent) == (len(found), "", "", 0)


def test_a_keepers_server_gives_one_testimony(held: Held) -> None:
    path = tree.note_path(SIZE - 1)
    keep = InMemory()
    with asking(held.asking.url) as gateways:
        gateways.along(held.root, path, keep)
        assert len(keep) == len(path) + 1
        assert gateways.told[0].blocks == len(keep)
        assert any(b"Testimony 300 of a day." in data for data in keep.values())
        with pytest.raises(Missing, match=r"is nowhere: http.* does not have it"):
            gateways.get(CID.of_raw(b"nowhere"))


def test_killed_at_any_block_it_goes_on(held: Held, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    wanted = set(tree.reach(held.root, held.blocks.get))

    def kill_after(count: int) -> None:
        def progress(_size: int, blocks: int) -> None:
            if blocks == count:
                raise Killed

        with asking(held.asking.url) as gateways, Fetched(tmp_path / "fetch") as kept, pytest.raises(Killed):
            gateways.fetch(held.root, kept, progress=progress)

    for count in (1, 2, 20, 100):
        kill_after(count)
    with asking(held.asking.url) as gateways, Fetched(tmp_path / "fetch") as kept:
        before = len(kept)
        gateways.fetch(held.root, kept)
        assert before >= 123
        assert gateways.told[0].blocks == len(wanted) - before
        assert all(cid in kept for cid in wanted)
        assert len(kept) == len(wanted)


def test_a_kubo_gives_a_tree(kubo: Kubo) -> None:
    blocks, root = a_tree(attachment=6 << 20)
    kubo.rpc("dag/import", file=io.BytesIO(car_of(root, list(blocks.items()))))
    with asking(kubo.gateway) as gateways:
        keep, way = InMemory(), InMemory()
        gateways.fetch(root, keep)
        assert keep == blocks
        gateways.along(root, ["notes", "000008", "000009.txt"], way)
        assert len(way) == 4
        assert gateways.told[0].lied + gateways.told[0].failed == ""


def test_liars_beside_them_change_nothing(
    held: Held, kubo_new: Kubo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "PAUSE", 0.01)
    with Archive(held.publisher.home / "archive") as archive:
        blocks = {cid: held.blocks.get(cid) for cid in tree.reach(archive.head(), held.blocks.get)}
    kubo_new.rpc("dag/import", file=io.BytesIO(car_of(held.root, list(blocks.items()))))
    with (
        FakeGateway(blocks, dishonest.flip_a_bit) as liar,
        FakeGateway(blocks, dishonest.hangs_up) as gone,
        asking(liar.url, gone.url, held.asking.url, kubo_new.gateway) as gateways,
    ):
        keep = InMemory()
        gateways.fetch(held.root, keep)
        lied, failed, one, other = gateways.told
    assert keep == blocks
    assert lied.lied
    assert failed.failed
    assert one.blocks + other.blocks == len(blocks)
    assert one.lied + other.lied == ""
