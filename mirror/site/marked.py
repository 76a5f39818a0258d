"""A text as its author wrote it → HTML that holds nothing but text, paragraphs and a few marks.

    # Heading            a heading, below the page's own
    *so* **so** `so`     emphasis, strong emphasis, code
    - so, 1. so, > so    lists with their author's numbers, quotes
    ``` or ~~~           lines of code
    ---                  a rule
    [words](address)     words (address): the address is shown, and leads nowhere

Paragraphs are parted by empty lines, and every line ends where its author ended it. All else is text: HTML, pictures,
entities, bare addresses. Nothing can be clicked that the author wrote, and nothing is loaded.

What comes out is made of the elements in `ELEMENTS` and the attributes in `ATTRIBUTES`, no others. **No letter of a
text is lost**: where Markdown would drop one (folds too deep, an address it decodes) that part of the text is shown as
it was typed. So is a part with more marks than `MARKS_AT_MOST`, which keeps the time linear in a text's length.

Most texts hold no mark at all and most others only a few, and Markdown is slow: so a text is divided at its empty
lines, and only the parts that need it go through markdown-it-py, whose rules are named one by one (`_RULES`).

Reference: CommonMark 0.31. Left out: raw HTML, images, autolinks, link references, entities, indented code (authors
indent paragraphs), underlined headings (authors underline with dashes).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

ELEMENTS = frozenset(
    {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "bdi", "h3", "h4", "h5", "h6"}
)
"""Every element that a text can become."""

ATTRIBUTES = frozenset({"class", "value"})
"""Every attribute: `class` is one of `address`, `dash`; `value` is a number in a list."""

MARKS_AT_MOST = 800
"""Marks in one part of a text: a paragraph, or a list with all its items. markdown-it-py's time goes with the square
of some marks; an author who stresses every second word of a page has fewer."""

MARKS_IN_ALL = 4000
"""Marks in a text: each costs up to sixty microseconds, so that no text takes much more than a quarter of a second."""

FOLDS_AT_MOST = 8
"""Lists within each other, or half as many as quotes; what lies deeper is shown as typed."""

_RULES = (
    *("blockquote", "fence", "heading", "hr", "list"),
    *("backticks", "emphasis", "escape", "link", "newline", "balance_pairs"),
)
_EMPTY_LINES = re.compile(r"\n(?: *\n)+")
_BLOCK = re.compile(
    r"^ *(?:#{1,6}(?: |$)|>|[-+*](?: |$)|[0-9]{1,9}[.)](?: |$)|`{3}|~{3}|(?:\* *){3,}$|(?:- *){3,}$|(?:_ *){3,}$)",
    re.MULTILINE,
)
_FENCE = re.compile(r"^ *(?:`{3}|~{3})", re.MULTILINE)
_INLINE = re.compile(r"[*_`\[\\]")
_MARKS = re.compile(r"[*_`\[\]\\>~]|^ *(?:[-+#]|[0-9]+[.)])", re.MULTILINE)
_PUNCTUATION = re.compile(r"[\s!-/:-@\[-`{-~]+")


class Marked(NamedTuple):
    """A text as HTML, and whether all of it is there."""

    html: Markup
    whole: bool


def render(text: str, at_most: int) -> Marked:
    """The text; of one that is longer than `at_most` bytes, its beginning."""
    shown = _begin(text, at_most)
    parts = _EMPTY_LINES.split(shown)
    if _is_plain(shown):
        html = _as_typed(parts)
    else:
        headings = _Headings()
        html = "".join(_part(within, list(group), headings) for within, group in _grouped(parts))
    return Marked(Markup(html), shown == text)  # noqa: S704  (made here of escaped text and of ELEMENTS alone)


def _is_plain(text: str) -> bool:
    """Whether a text holds no mark, or too many to look at."""
    return not (_INLINE.search(text) or _BLOCK.search(text)) or len(_MARKS.findall(text)) > MARKS_IN_ALL


def _begin(text: str, at_most: int) -> str:
    """As much of a text as `at_most` bytes hold, ended where its author paused if that is in the second half."""
    data = text.encode()
    if len(data) <= at_most:
        return text
    cut = data[:at_most].decode(errors="ignore")
    for pause in ("\n\n", "\n", " "):
        at = cut.rfind(pause)
        if at >= len(cut) // 2:
            return cut[:at]
    return cut


def _as_typed(parts: Iterable[str]) -> str:
    """Paragraphs whose lines end where their author ended them."""
    return "".join(f"<p>{_lines(part)}</p>\n" for part in parts)


def _lines(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")


def _grouped(parts: Iterable[str]) -> Iterator[tuple[bool, Iterator[str]]]:
    """Neighbouring parts that Markdown has to see together, since lists and code go on behind empty lines."""
    within = fenced = False
    found = []
    for part in parts:
        fenced = fenced or bool(_FENCE.search(part))
        within = fenced or bool(_BLOCK.search(part)) or (within and part.startswith(" "))
        found.append((within, part))
    for key, group in groupby(found, key=lambda each: each[0]):
        yield key, (part for _, part in group)


def _part(within: bool, parts: Sequence[str], headings: "_Headings") -> str:
    if within:
        return _through_markdown("\n\n".join(parts), headings) or _as_typed(parts)
    return "".join(map(_paragraph, parts))


def _paragraph(text: str) -> str:
    """A paragraph in which there may be marks, and no line begins with one."""
    if not _INLINE.search(text) or len(_MARKS.findall(text)) > MARKS_AT_MOST:
        return _as_typed((text,))
    written = _Written(_Headings())
    written.inline(_markdown().parseInline(text)[0].children or ())
    return f"<p>{written.html()}</p>\n" if written.holds(text) else _as_typed((text,))


def _through_markdown(text: str, headings: "_Headings") -> str | None:
    """Several paragraphs, lists, quotes; None where something would be lost, or it would take too long."""
    if len(_MARKS.findall(text)) > MARKS_AT_MOST:
        return None
    written = _Written(headings)
    for token in _markdown().parse(text):
        written.block(token)
    return written.html() if written.holds(text) else None


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("zero", {"maxNesting": 2 * FOLDS_AT_MOST + 1}).enable(_RULES)
    markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    return markdown


class _Headings:
    """Levels of a text's headings: below the page's two, and never one left out on the way down."""

    def __init__(self) -> None:
        self._last = 2

    def level(self, wanted: int) -> int:
        self._last = min(wanted + 2, self._last + 1, 6)
        return self._last


class _Written:
    """HTML as it is written, beside the bare text of it."""

    def __init__(self, headings: _Headings) -> None:
        self._headings = headings
        self._html: list[str] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self._links: list[tuple[str, str]] = []

    def html(self) -> str:
        return "".join(self._html)

    def holds(self, text: str) -> bool:
        """Whether every letter of `text` stands here, in its order; marks and spaces aside."""
        return _PUNCTUATION.sub("", "".join(self._text)) == _PUNCTUATION.sub("", text)

    def _say(self, text: str) -> None:
        self._text.append(text)
        self._html.append(_lines(text))

    def block(self, token: Token) -> None:
        """One token of a block: an element's beginning or end, or what is in it."""
        if token.type == "inline":
            self.inline(token.children or ())
        elif token.type == "fence":
            self._fence(token)
        elif token.nesting > 0:
            self._begin(token)
        elif token.nesting < 0:
            self._html.append(self._open.pop())
        else:
            self._html.append("<hr>\n")

    def _begin(self, token: Token) -> None:
        if token.hidden:
            begin = end = ""
        elif token.type == "heading_open":
            level = self._headings.level(len(token.markup))
            begin, end = f"<h{level}>", f"</h{level}>\n"
        else:
            begin, end = f"<{self._named(token)}>", f"</{token.tag}>\n"
        self._html.append(begin)
        self._open.append(end)

    def _named(self, token: Token) -> str:
        """An element's name and attributes; the numbers of a list stand in its items."""
        if token.type == "list_item_open" and token.info:
            self._text.append(token.info)
            return f'li value="{escape(token.info)}"'
        if token.type == "bullet_list_open" and token.markup == "-":
            return 'ul class="dash"'
        return token.tag

    def _fence(self, token: Token) -> None:
        self._text += [token.info, token.content]
        content = f"{token.info.strip()}\n{token.content}" if token.info.strip() else token.content
        self._html.append(f"<pre><code>{escape(content, quote=False)}</code></pre>\n")

    def inline(self, children: Iterable[Token]) -> None:
        """What is in a line."""
        for token in children:
            if token.type == "text":
                self._say(token.content)
            elif token.type == "code_inline":
                self._text.append(token.content)
                self._html.append(f"<code>{escape(token.content, quote=False)}</code>")
            elif token.type == "link_open":
                self._links.append((str(token.attrs["href"]), str(token.attrs.get("title", ""))))
            elif token.type == "link_close":
                self._address(*self._links.pop())
            elif token.nesting:
                self._html.append(f"<{'/' * (token.nesting < 0)}{token.tag}>")
            else:
                self._html.append("<br>")

    def _address(self, address: str, title: str) -> None:
        self._text += [address, title]
        shown = f'{address} "{title}"' if title else address
        self._html.append(f' (<bdi class="address">{escape(shown, quote=False)}</bdi>)')
