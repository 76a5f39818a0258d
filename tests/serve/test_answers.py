"""What was asked, read: queries, what is accepted, ranges, names under which things are saved. None of it can fail."""

import re
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.serve.answers import (
    FILENAME_AT_MOST,
    PARAMETERS_AT_MOST,
    Answer,
    Asked,
    Span,
    disposition,
    is_known,
    parse_accept,
    parse_query,
    saved_as,
    say,
    wanted_span,
)


def asked(**headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked("GET", "/", {}, named, "127.0.0.1", 80)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"filename=%D1%82+x", {"filename": "т x"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"&".join(b"%d=" % number for number in range(PARAMETERS_AT_MOST)), None),
    ],
)
def test_queries(query: bytes, found: dict[str, str] | None) -> None:
    assert parse_query(query) == found or found is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"a=1&a=1", "one parameter twice"),
        (b"a=%ff", "not UTF-8"),
        (b"a=\xff", "not UTF-8"),
        (b"&".join(b"%d=" % number for number in range(PARAMETERS_AT_MOST + 1)), f"at most {PARAMETERS_AT_MOST}"),
    ],
)
def test_queries_that_are_refused(query: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_query(query)


@given(st.binary(max_size=80))
def test_any_query_is_read_or_malformed(query: bytes) -> None:
    try:
        found = parse_query(query)
    except Malformed:
        return
    assert len(found) <= PARAMETERS_AT_MOST


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("", []),
        ("a/b", ["a/b"]),
        ("a/b, c/d", ["a/b", "c/d"]),
        ("a/b;q=0.1, c/d", ["c/d", "a/b"]),
        ("a/b;q=0, c/d;q=0.001", ["c/d"]),
        ("a/b;q=0.9999999999", []),  # more digits than any weight has
        ("a/b;q=1.0, c/d;q=2", ["a/b"]),
        ("a/b;q=-1, c/d;q=x", []),
        ("A/B ; Q=0.5", ["a/b"]),
        (",,;,", []),
    ],
)
def test_what_is_accepted_comes_by_its_weight(header: str, media: list[str]) -> None:
    assert [each.media for each in parse_accept(header)] == media


def test_parameters_of_what_is_accepted() -> None:
    (found,) = parse_accept('application/vnd.ipld.car; version=1; order="dfs" ;dups = y;q=0.5')
    assert found.parameters == {"version": "1", "order": "dfs", "dups": "y"}
    assert found.weight == 500


@given(st.text(max_size=80))
def test_any_accept_header_is_read(header: str) -> None:
    weights = [each.weight for each in parse_accept(header)]
    assert weights == sorted(weights, reverse=True)
    assert all(0 < weight <= 1000 for weight in weights)


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ("", False),
        ('"a', False),
    ],
)
def test_what_is_known(header: str, known: bool) -> None:
    for etag in ('"a"', 'W/"a"'):
        assert is_known(etag, asked(if_none_match=header)) is known


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 0, 10)),
        ("bytes=0-9", Span(0, 9, 10)),
        ("bytes=0-10", Span(0, 9, 10)),
        ("bytes=9-", Span(9, 9, 10)),
        ("bytes=-1", Span(9, 9, 10)),
        ("bytes=-10", Span(0, 9, 10)),
        ("bytes=-11", Span(0, 9, 10)),
        ("bytes=007-008", Span(7, 8, 10)),
        ("bytes=10-", 416),
        ("bytes=-0", 416),
        ("bytes=3-2", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("bytes=٠-١", None),
        ("bytes=1-2-3", None),
        ("bytes=0-" + "9" * 19, None),
        ("", None),
    ],
)
def test_spans(header: str, span: Span | int | None) -> None:
    found = wanted_span(asked(range=header), 10, '"a"')
    assert (found.status if isinstance(found, Answer) else found) == span


@given(st.text("0123456789-,=bytes ", max_size=20), st.integers(0, 50))
def test_any_span_lies_inside(header: str, length: int) -> None:
    found = wanted_span(asked(range=f"bytes={header}"), length, '"a"')
    assert not isinstance(found, Span) or 0 <= found.first <= found.last < length


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", 'attachment; filename="a.txt"'),
        ("тест.txt", "attachment; filename=\"____.txt\"; filename*=UTF-8''%D1%82%D0%B5%D1%81%D1%82.txt"),
        ('a"b\\c', "attachment; filename=\"a_b_c\"; filename*=UTF-8''a%22b%5Cc"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_names_to_save_under(name: str, header: str) -> None:
    assert disposition(name) == header
    assert disposition(name, attachment=False) == header.replace("attachment", "inline")


@given(st.text(st.characters(codec="utf-8")))
def test_no_name_leaves_its_header(name: str) -> None:
    found = re.fullmatch(r"attachment; filename=\"([ !#-\[\]-~]*)\"(?:; filename\*=UTF-8''(\S*))?", disposition(name))
    assert found
    assert found[1] == name or urllib.parse.unquote(found[2], errors="strict") == name


def test_a_wish_for_a_name_is_bounded() -> None:
    longest = "a" * FILENAME_AT_MOST
    for wish, name in ((longest, longest), (f"{longest}a", "usual"), ("a/b", "usual"), ("", "usual")):
        request = Asked("GET", "/", {"filename": wish}, {}, "127.0.0.1", 80)
        assert saved_as(request, "usual") == name


@given(st.text())
def test_what_is_said_is_one_line(words: str) -> None:
    assert isinstance(body := say(400, words).body, bytes)
    assert body.count(b"\n") == 1
    assert body.decode().strip("\n").isprintable()
