"""What authors wrote comes out as they wrote it, in harmless elements only."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from parsed import Page, parse

from mirror.site import marked
from mirror.site.marked import ATTRIBUTES, ELEMENTS, FOLDS_AT_MOST, MARKS_AT_MOST, MARKS_IN_ALL

ALL = 1 << 20

LETTERS = st.characters(exclude_categories=("Cs", "Cc"))
PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="*_`[]\\#>-+~0123456789") | st.just("\n")
)
_BLOCKS = ["```", "~~~", "> ", "- ", "+ ", "1. ", "7) ", "# ", "###### ", "---", "***", "\n", "\n\n", "\n    ", "  \n"]
_INLINES = ["*", "**", "_", "`", "[", "](", ")", "\\", "<", "</p>", "<b>", "&amp;", "!", '"', "word", "слово", "كلمة"]
MARKS = st.sampled_from([*_BLOCKS, *_INLINES, "\u202e"])
MARKED = st.lists(MARKS, max_size=60).map("".join)


def shown(text: str, at_most: int = ALL) -> Page:
    """A text as a page in which it stands."""
    return parse(f"<div>{marked.render(text, at_most).html}</div>")


def letters(text: str) -> str:
    """What of a text must never be lost: all but white space and the punctuation of ASCII."""
    return re.sub(r"[\s!-/:-@\[-`{-~]", "", text)


@given(PLAIN)
def test_a_text_without_marks_is_shown_as_it_was_typed(text: str) -> None:
    page = shown(text)
    assert page.first("div").text.split() == text.split()
    assert page.elements <= {"div", "p", "br"}


@given(st.text(LETTERS | st.just("\n")) | MARKED)
@example(">" * 30 + " deep")
@example("- " * 40 + "deep")
@example("[a](&copy; b)")
@example("```hidden words\nshown\n```")
@example("[a]: hidden\n\nb")
@example("text\n====\n\nmore\n----")
def test_nothing_but_harmless_elements_comes_out_and_no_letter_is_lost(text: str) -> None:
    page = shown(text)
    assert page.elements <= {"div"} | ELEMENTS
    assert page.attributes <= ATTRIBUTES
    numbers = "".join(each.attributes.get("value", "") for each in page.found)
    found, wanted = letters(page.first("div").text), letters(text)
    assert sorted(found + numbers) == sorted(wanted)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p>\n<p>three</p>\n"),
        ("  a poem\n    set in", "<p>  a poem<br>    set in</p>\n"),
        ("one\n \n\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("so *it* was, **so**", "<p>so <em>it</em> was, <strong>so</strong></p>\n"),
        ("a * b * c, snake_case_name", "<p>a * b * c, snake_case_name</p>\n"),
        ("so `it`", "<p>so <code>it</code></p>\n"),
        ("1984. It began", '<ol><li value="1984">It began</li>\n</ol>\n'),
        ("- What?\n- That.", '<ul class="dash"><li>What?</li>\n<li>That.</li>\n</ul>\n'),
        ("* one\n\n  more", "<ul><li><p>one</p>\n<p>more</p>\n</li>\n</ul>\n"),
        ("2. b\n7. g", '<ol><li value="2">b</li>\n<li value="7">g</li>\n</ol>\n'),
        ("> said\n> she", "<blockquote><p>said<br>she</p>\n</blockquote>\n"),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        ("one\n---\ntwo", "<p>one</p>\n<hr>\n<p>two</p>\n"),
        ("    an indented beginning", "<p>    an indented beginning</p>\n"),
        ("#metoo", "<p>#metoo</p>\n"),
        ("<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>\n"),
        ("a \\* b", "<p>a * b</p>\n"),
        ("[x](javascript:alert(1))", '<p>x (<bdi class="address">javascript:alert(1)</bdi>)</p>\n'),
        ('[x](http://a.b "T")', '<p>x (<bdi class="address">http://a.b "T"</bdi>)</p>\n'),
        ("![x](http://a.b/c.png)", '<p>!x (<bdi class="address">http://a.b/c.png</bdi>)</p>\n'),
        ("<http://a.b>, http://a.b", "<p>&lt;http://a.b&gt;, http://a.b</p>\n"),
    ],
)
def test_a_mark_means_this(text: str, html: str) -> None:
    assert marked.render(text, ALL).html == html


def test_headings_lie_below_the_pages_own_and_leave_none_out() -> None:
    page = shown("### first\n\n# second\n\n## third\n\nwords\n\n###### fourth\n\n###### fifth")
    assert [each.name for each in page.found if each.name in {"h3", "h4", "h5", "h6"}] == ["h3", "h3", "h4", "h5", "h6"]
    assert not page.elements & {"h1", "h2"}


def test_lists_that_go_on_behind_an_empty_line_stay_whole_and_end_where_a_paragraph_begins() -> None:
    page = shown("1. one\n\n   more of one\n\n2. two\n\nafter *it*")
    assert len(page.all("ol")) == 1
    assert [each.text.split() for each in page.all("li")] == [["one", "more", "of", "one"], ["two"]]
    assert page.all("p")[-1].within[-1].name == "div"


def test_code_goes_on_behind_empty_lines() -> None:
    assert shown("```\none\n\ntwo *x*\n```\n\nafter").first("pre").text == "one\n\ntwo *x*\n"


@pytest.mark.parametrize("fold", [">", "- ", "1. "])
def test_what_is_folded_too_deep_is_shown_as_typed(fold: str) -> None:
    assert shown(fold * FOLDS_AT_MOST + " x").elements & {"blockquote", "ul", "ol"}
    deep = fold * (4 * FOLDS_AT_MOST) + " x"
    assert shown(deep).first("div").text.split() == deep.split()


def test_a_part_with_too_many_marks_is_shown_as_typed_and_the_others_are_not() -> None:
    few, many = "*a* " * (MARKS_AT_MOST // 2), "*a* " * (MARKS_AT_MOST // 2 + 1)
    page = shown(f"{few}\n\n{many}")
    assert [page.all("p")[0].text.count("*"), page.all("p")[1].text.count("*")] == [0, MARKS_AT_MOST + 2]


def test_a_text_with_too_many_marks_in_all_is_shown_as_typed() -> None:
    many = "*a*\n\n" * (MARKS_IN_ALL // 2 + 1)
    assert not shown(many).all("em")
    assert shown(many[5:]).all("em")


@pytest.mark.parametrize(
    ("text", "at_most", "begins"),
    [
        ("one two", 7, "one two"),
        ("one two", 6, "one"),
        ("onetwo three\nfour five", 15, "onetwo three"),
        ("para\n\ngraph\nline word", 11, "para"),
        ("нет пауз", 3, "н"),
        ("a" * 100, 10, "a" * 10),
    ],
)
def test_a_text_that_is_too_long_ends_where_its_author_paused(text: str, at_most: int, begins: str) -> None:
    found = marked.render(text, at_most)
    assert parse(f"<div>{found.html}</div>").first("div").text.strip() == begins
    assert found.whole == (text == begins)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10**6,
        "x\n\n" * 10_000,
        "*" * 10**5,
        "[" * 10**5,
        "> " * 10**5,
        "- " * 10**5,
        "`a``" * 10**5,
        "</details></article></main><script>alert(1)</script>" * 1000,
        "a\u0335\u0489" * 10**5,
        "\u202e" * 10**5,
        "&#x3c;script&#x3e;",
        "[a](<javascript:alert(1)>)\n\n[a]: javascript:alert(1)",
        "\x1b[2J\x07",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_texts_are_shown_as_text(text: str) -> None:
    page = shown(text)
    assert page.elements <= {"div"} | ELEMENTS
    assert page.attributes <= ATTRIBUTES
    assert not {"a", "script", "img"} & page.elements
