"""HTML as a browser's parser meets it, without a browser: its elements, their attributes, its text.

    page = parse(data)
    page.elements                  # {"p", "a", …}
    page.first("details")          # an Element: .name, .attributes, .text, .within (the elements around it)
    page.all("a", rel="tag")

`parse` fails where an element is not closed in its order, so that nothing a text holds can have closed the page's own.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "link", "meta", "rect"})
"""Elements that have no end."""


@dataclass
class Element:
    """One element: what it is named, its attributes, all text in it, the elements around it from without."""

    name: str
    attributes: dict[str, str]
    within: tuple["Element", ...]
    text: str = ""


@dataclass
class Page:
    """All elements of a page, in the order in which they begin."""

    found: list[Element] = field(default_factory=list)

    @property
    def elements(self) -> set[str]:
        return {each.name for each in self.found}

    @property
    def attributes(self) -> set[str]:
        return {name for each in self.found for name in each.attributes}

    def all(self, element: str, **attributes: str) -> list[Element]:
        """The elements of this name that have these attributes (`class_` for `class`)."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [
            each
            for each in self.found
            if each.name == element and all(each.attributes.get(key) == value for key, value in wanted.items())
        ]

    def first(self, element: str, **attributes: str) -> Element:
        return self.all(element, **attributes)[0]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute stands twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open))
        self.page.found.append(element)
        if tag not in VOID:
            self.open.append(element)
        if tag == "br":
            self.handle_data("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def parse(html: str | bytes) -> Page:
    """A page, or a part of one."""
    parser = _Parser()
    parser.feed(html if isinstance(html, str) else html.decode())
    parser.close()
    assert parser.open == [], "an element is not closed"
    return parser.page
