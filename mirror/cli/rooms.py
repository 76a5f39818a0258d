"""The reading room of a workspace's editions, as mirror.toml has it."""

from collections.abc import Mapping

from mirror.formats.unixfs import Link
from mirror.publish import Room
from mirror.store import catalogue as catalogues
from mirror.store.workspace import Workspace
from mirror.tree import Laid


def room_of(workspace: Workspace) -> Room | None:
    """What lays the reading room; None where the publisher wants none. The settings are read here, once."""
    settings = workspace.settings
    if not settings.reading_room:
        catalogues.remove(workspace.catalogue_path)  # it would go on telling what is withdrawn from now on
        return None

    def lay(laid: Laid) -> Mapping[str, Link]:
        from mirror.site import room  # noqa: PLC0415  (templates and Markdown: only whoever lays pages loads them)

        choices = room.Choices(settings.leave, settings.support)
        return catalogues.with_catalogue(workspace.catalogue_path, lambda catalogue: room.lay(laid, choices, catalogue))

    return lay
