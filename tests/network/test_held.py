"""What proves to a counterpart who asks: printed as headers, shown nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Malformed
from mirror.network.held import SECRET_AT_MOST, Authorization

TOKENS = st.from_regex(r"[A-Za-z0-9._~+/-]{1,40}=?", fullmatch=True)
PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)


def test_a_token_becomes_a_header() -> None:
    assert Authorization.parse("bearer:abc.def==").header() == "Bearer abc.def=="


def test_user_and_password_become_the_header_of_rfc_7617() -> None:
    assert Authorization.parse("basic:Aladdin:open sesame").header() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Authorization.parse("basic:test:123£").header() == "Basic dGVzdDoxMjPCow=="


def test_a_password_may_hold_a_colon() -> None:
    assert Authorization.parse("basic:a:b:c") == Authorization.basic("a", "b:c")


@given(TOKENS, PLAIN)
def test_no_secret_is_in_a_repr(token: str, password: str) -> None:
    assert repr(Authorization.bearer(token)) == "Authorization('bearer')"
    assert repr(Authorization.basic("anna", password)) == str(Authorization.basic("anna", password))
    assert repr(Authorization.basic("anna", password)) == "Authorization('basic')"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "bearer",
        "bearer:",
        "bearer:hunter 2",
        "bearer:hunter2\n",
        "bearer:hunter2=x",
        "bearer:hunter2é",
        "Bearer:hunter2",
        "basic:hunter2",
        "basic:anna:hunter2\n",
        "basic:anna:hunter2\x7f",
        "basic:anna:hunter2\udc80",
        "digest:anna:hunter2",
        "bearer:" + "x" * (SECRET_AT_MOST + 1),
        "basic:" + "x" * (SECRET_AT_MOST + 1) + ":hunter2",
        "basic:anna:" + "x" * (SECRET_AT_MOST + 1),
    ],
)
def test_what_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        Authorization.parse(text)
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert "xxx" not in caught.value.message


def test_the_longest_secrets_are_taken() -> None:
    longest = "x" * SECRET_AT_MOST
    assert Authorization.parse(f"bearer:{longest}").header() == f"Bearer {longest}"
    assert Authorization.parse(f"basic:{longest}:{longest}").kind == "basic"


def test_a_user_holds_no_colon() -> None:
    with pytest.raises(Malformed, match="no colon in the user"):
        Authorization.basic("a:b", "c")
