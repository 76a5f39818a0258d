"""A published mirror and a gateway to it, made once for a file of tests."""

from collections.abc import Iterator

import pytest
from laid import Publisher
from serving import Held, serving, shelf_of

from mirror.store.archive import Archive

SIZE = 301
"""Entries of the log: more than one tile, and a partial one behind it."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Its log has 301 entries."""
    publisher = Publisher(tmp_path_factory.mktemp("published"))
    publisher.publish([f"Testimony {number} of a day." for number in range(1, SIZE)])
    with Archive(publisher.home / "archive") as archive, serving(shelf_of(archives=[archive])) as asking:
        made = Held(publisher, asking, archive)
        yield made
        made.blocks.close()
