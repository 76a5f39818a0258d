"""A text as its author wrote it → safe HTML."""

from typing import NamedTuple

from markupsafe import Markup, escape


class Marked(NamedTuple):
    """A text as HTML; whether all of it is there."""

    html: Markup
    whole: bool


def render(text: str, at_most: int) -> Marked:
    """The text, or what `at_most` bytes hold of it."""
    cut = text.encode()[:at_most].decode(errors="ignore")
    html = Markup("").join(Markup("<p>{}</p>\n").format(escape(part)) for part in cut.split("\n\n"))
    return Marked(html, cut == text)
