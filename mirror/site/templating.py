"""Templates and the words in them: what every page made here has in common.

Whatever is put into a template or into a sentence is escaped there, unless it is `Markup`.
"""

from functools import lru_cache

import jinja2
from markupsafe import Markup, escape

from mirror.site import names
from mirror.site.words import LANGUAGES, PLACEHOLDER, direction, words

TABLES = ("room", "leaflet")
"""The tables of words whose sentences stand in templates."""


@lru_cache(maxsize=1)
def templates() -> jinja2.Environment:
    """The templates in `templates/`: escaping, and strict about names."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mirror.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(direction=direction, own_name=names.own_name)
    return environment


class Sayings:
    """The words of one table in one language, escaped, with what is put into them."""

    def __init__(self, tag: str, table: str) -> None:
        self._parts = {key: PLACEHOLDER.split(value) for key, value in words(tag).tables[table].items()}

    def __call__(self, key: str, **values: object) -> Markup:
        literal, *rest = self._parts[key]
        found = [escape(literal)]
        for name, text in zip(rest[::2], rest[1::2], strict=True):
            found += [escape(values[name]), escape(text)]
        return Markup("").join(found)


@lru_cache(maxsize=len(LANGUAGES) * len(TABLES))
def sayings(tag: str, table: str) -> Sayings:
    """The words of one table in a language of the interface."""
    return Sayings(tag, table)


def in_groups(text: str) -> list[str]:
    """A key or hash in groups of four, as people compare it."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]
