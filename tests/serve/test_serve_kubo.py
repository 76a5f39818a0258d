"""A stock Kubo that is told to ask our gateway pulls a whole mirror out of an archive, with nothing uploaded."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import Kubo
from laid import Publisher
from serving import serving, shelf_of

from mirror import tree
from mirror.store.archive import Archive

TEXTS = [f"Testimony {number}, about the day when it happened." for number in range(1, 40)]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.publish(TEXTS)
    return made


@pytest.mark.parametrize("version", ["kubo", "kubo-old"])
def test_a_stock_kubo_pulls_a_whole_mirror(
    version: str, publisher: Publisher, kubo_with_router: Callable[..., Kubo]
) -> None:
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as gateway:
        node = kubo_with_router(gateway.url, version)
        root = archive.head()
        node.rpc("pin/add", str(root))
        assert str(root) in node.pins()
        with Archive(publisher.home / "archive") as own:
            reached = list(tree.reach(root, own.blocks.get))
            assert len(reached) > len(TEXTS)
            for cid in reached:
                assert node.rpc("block/get", str(cid), offline="true") == own.blocks.get(cid)


def test_it_pulls_the_next_edition_without_a_restart(
    publisher: Publisher, kubo_with_router: Callable[..., Kubo]
) -> None:
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as gateway:
        node = kubo_with_router(gateway.url)
        node.rpc("pin/add", str(archive.head()))
        second = publisher.publish(["One more testimony, given later."])
        node.rpc("pin/add", second["index_hash"])
        assert second["index_hash"] in node.pins()


@pytest.mark.parametrize("version", ["kubo", "kubo-old"])
def test_a_name_leads_to_the_newest_edition(
    version: str, publisher: Publisher, kubo_with_router: Callable[..., Kubo]
) -> None:
    publisher.run("name")
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as gateway:
        node = kubo_with_router(gateway.url, version)
        (name,) = gateway.shelf.mirrors
        found = json.loads(node.rpc("name/resolve", str(name)))
        assert found["Path"] == f"/ipfs/{archive.head()}"
        charter = node.rpc("cat", f"/ipns/{name}/charter.txt")
        assert charter.startswith(b"mirror/v1 charter\n")
