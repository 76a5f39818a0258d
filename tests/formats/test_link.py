"""Links: every form that people pass on, one form that is printed, and nothing hostile gets through."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated
from strategies import AUTHOR, FOLDER_CIDS, KEY, RAW_CIDS, make_key

from mirror.errors import Malformed
from mirror.formats import key, link, wire
from mirror.formats.cid import CID, DAG_PB
from mirror.formats.key import PublicKey
from mirror.formats.link import Link

ROOT = CID.of(DAG_PB, b"a tree")
K51 = str(KEY.public.ipns)
VKEY = KEY.public.vkey
THIS = Link("ipfs", ROOT)
NEWEST = Link("ipns", KEY.public.ipns)

PATHS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1)
)
LINKS = st.builds(
    Link,
    st.just("ipfs"),
    FOLDER_CIDS | RAW_CIDS,
    PATHS.map("/".join).filter(lambda path: path == path.strip()),
    st.none() | st.just(KEY.public),
) | st.builds(Link, st.just("ipns"), st.just(KEY.public.ipns), st.just("note/00"), st.none() | st.just(KEY.public))


@given(LINKS)
def test_what_is_printed_parses_to_the_same(made: Link) -> None:
    assert link.parse(str(made)) == made


@given(mutated(LINKS.map(lambda made: str(made).encode())))
def test_a_changed_link_is_malformed_or_prints_one_that_is_the_same(data: bytes) -> None:
    try:
        made = link.parse(data.decode("utf-8", "replace"))
    except Malformed:
        return
    assert link.parse(str(made)) == made


@given(st.text(max_size=60) | st.from_regex(r"(https?|ipfs|ipns)://[\[\]@:%#?/.a-z0-9\u2100]{0,30}", fullmatch=True))
def test_nothing_but_malformed_is_raised(text: str) -> None:
    try:
        made = link.parse(text)
    except Malformed:
        return
    assert link.parse(str(made)) == made


@pytest.mark.parametrize(
    "text",
    [
        f"ipfs://{ROOT}",
        f"ipfs://{ROOT}/",
        f"/ipfs/{ROOT}",
        f"/ipfs/{ROOT}/",
        f"ipfs/{ROOT}",
        str(ROOT),
        f"  {ROOT}\n",
        f"https://gateway.example/ipfs/{ROOT}",
        f"https://gateway.example/ipfs/{ROOT}/",
        f"https://gateway.example/ipfs/{ROOT}?format=car",
        f"http://127.0.0.1:8080/ipfs/{ROOT}",
        f"http://[::1]:8080/ipfs/{ROOT}",
        f"https://{ROOT}.ipfs.gateway.example",
        f"https://{ROOT}.ipfs.gateway.example/",
        f"https://{ROOT}.ipfs.gateway.example/?download=true",
        f"http://{ROOT}.ipfs.localhost:8080/",
        f"https://{str(ROOT).upper()}.IPFS.gateway.example/",
    ],
)
def test_every_form_of_this_edition(text: str) -> None:
    assert link.parse(text) == THIS
    for fragment in (VKEY, quote(VKEY), quote(VKEY, safe=""), VKEY.replace("+", "%2b").replace("=", "%3D")):
        assert link.parse(f"{text.rstrip()}#{fragment}") == Link("ipfs", ROOT, "", KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        f"ipns://{K51}",
        f"ipns://{K51}/",
        f"/ipns/{K51}",
        f"ipns/{K51}",
        K51,
        f"https://gateway.example/ipns/{K51}",
        f"https://{K51}.ipns.gateway.example/",
        f"http://{K51}.ipns.localhost:8080",
    ],
)
def test_every_form_of_whatever_is_newest(text: str) -> None:
    assert link.parse(text) == NEWEST
    assert link.parse(f"{text}#{VKEY}") == link.newest(KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        f"ipfs://{ROOT}/note/00/a%20b.txt",
        f"/ipfs/{ROOT}/note/00/a%20b.txt",
        f"{ROOT}/note/00/a%20b.txt",
        f"{ROOT}/note/00/a b.txt/",
        f"https://gateway.example/ipfs/{ROOT}/note/00/a%20b.txt?x=1",
        f"https://{ROOT}.ipfs.gateway.example/note/00/a%20b.txt",
    ],
)
def test_a_path_is_kept_and_decoded_in_every_form(text: str) -> None:
    assert link.parse(text) == Link("ipfs", ROOT, "note/00/a b.txt")


def test_a_path_is_printed_so_that_it_reads_back() -> None:
    odd = Link("ipfs", ROOT, "a#b?c%20d/é", KEY.public)
    assert str(odd) == f"ipfs://{ROOT}/a%23b%3Fc%2520d/%C3%A9#{VKEY}"
    assert link.parse(str(odd)) == odd


def test_links_are_printed_as_readers_hold_them() -> None:
    assert str(Link("ipfs", ROOT, "", KEY.public)) == f"ipfs://{ROOT}#{VKEY}"
    assert str(link.newest(KEY.public)) == f"ipns://{K51}#{VKEY}"
    assert str(Link("ipfs", ROOT, "note/00")) == f"ipfs://{ROOT}/note/00"


def test_a_name_is_that_of_its_key() -> None:
    for other in (AUTHOR, make_key(KEY.name, "another")):
        with pytest.raises(Malformed, match=r"the link's name is not that of its key"):
            link.parse(f"ipns://{K51}#{other.public.vkey}")
    namesake = PublicKey("another.example", KEY.public.raw)
    assert link.parse(f"ipns://{K51}#{namesake.vkey}").key == namesake


def vkey_of(name: str) -> str:
    typed = b"\x01" + KEY.public.raw
    return f"{name}+{wire.encode_hex(key._key_id(name, typed))}+{wire.encode_base64(typed)}"


@pytest.mark.parametrize("name", ["Voices", "voices\x1b[2J", "voices\u202e", "голоса", "mirror/v1", "a" * 256])
def test_a_key_in_a_link_bears_a_name_that_a_mirror_may_have(name: str) -> None:
    assert link.parse(f"{ROOT}#{vkey_of('voices')}").key == PublicKey("voices", KEY.public.raw)
    with pytest.raises(Malformed, match=r"not a name of 1 to 255 letters|is reserved"):
        link.parse(f"{ROOT}#{quote(vkey_of(name))}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a CID"),
        ("#", "not a CID"),
        (f"#{VKEY}", "not a CID"),
        ("ipfs://", "not a CID"),
        ("ipns://", "not a CID"),
        ("/ipfs/", "not a CID"),
        ("voices.example", "not a CID"),
        ("ipns://voices.example", "not a CID"),
        (f"ipfs://{ROOT}?x", "not lower-case base32"),
        (f"ipfs://{str(ROOT).upper()}", "not a CID"),
        (f"ipfs://{K51}", "an ipfs link with k51"),
        (f"ipns://{ROOT}", "an ipns link with bafy"),
        (f"https://{K51}.ipfs.gateway.example/", "an ipfs link with k51"),
        (f"https://{ROOT}.ipns.gateway.example/", "an ipns link with bafy"),
        (f"ftp://gateway.example/ipfs/{ROOT}", "not a link to a mirror: 'ftp://"),
        (f"javascript://x/ipfs/{ROOT}", "not a link to a mirror"),
        (f"file:///ipfs/{ROOT}", "not a link to a mirror"),
        (f"https://gateway.example/{ROOT}", "not a link to a mirror"),
        ("https://gateway.example/", "not a link to a mirror"),
        ("https://", "not a link to a mirror"),
        (f"https://[gateway/ipfs/{ROOT}", "not a link to a mirror"),
        (f"https://gateway\u2100.example/ipfs/{ROOT}", "not a link to a mirror"),
        (f"https://x.{ROOT}.ipfs.gateway.example/", "not a link to a mirror"),
        (f"ipfs://{ROOT}#x", "not a vkey"),
        (f"ipfs://{ROOT}#{VKEY}#", "not a vkey"),
        (f"ipfs://{ROOT}#{VKEY.replace('+', ' ')}", "not a vkey"),
        (f"ipfs://{ROOT}#{VKEY[:-2]}", "not a vkey"),
        (f"ipfs://{ROOT}#{KEY.skey}", "a secret key stands where a vkey is wanted"),
        (f"ipfs://{ROOT}/a%0ab", "the link's path has a line end"),
        (f"ipfs://{ROOT}/a%1b[2J", "the link's path has the control character U+001B"),
        (f"{ROOT}/a\x9bb", "the link's path has the control character U+009B"),
        (f"https://{ROOT}.ipfs.gateway.example/%00", "the link's path has the control character U+0000"),
    ],
)
def test_nothing_else_is_a_link(text: str, words: str) -> None:
    with pytest.raises(Malformed) as refusal:
        link.parse(text)
    assert words in refusal.value.message
    assert KEY.skey not in refusal.value.message


def test_the_length_of_a_link_is_bounded() -> None:
    path = "x" * (link.LINK_AT_MOST - len(f"ipfs://{ROOT}/"))
    assert link.parse(f"ipfs://{ROOT}/{path}").path == path
    with pytest.raises(Malformed, match=r"a link of 8193 letters, more than 8192"):
        link.parse(f"ipfs://{ROOT}/{path}x")


@pytest.mark.parametrize(
    ("text", "gateway"),
    [
        (f"https://gateway.example/ipfs/{ROOT}/note#{VKEY}", "https://gateway.example"),
        (f" HTTP://127.0.0.1:8080/ipns/{K51}", ""),
        (f" http://127.0.0.1:8080/ipns/{K51}\n", "http://127.0.0.1:8080"),
        (f"https://{ROOT}.ipfs.gateway.example:8443/note", "https://gateway.example:8443"),
        (f"http://{K51}.ipns.localhost:8080", "http://localhost:8080"),
        (f"https://[::1]:8080/ipfs/{ROOT}", "https://[::1]:8080"),
        (f"ipfs://{ROOT}", ""),
        (f"/ipfs/{ROOT}", ""),
        (str(ROOT), ""),
        ("https://gateway.example/somewhere", ""),
        (f"https://[/ipfs/{ROOT}", ""),
    ],
)
def test_the_gateway_in_whose_address_a_link_came(text: str, gateway: str) -> None:
    assert link.gateway_of(text) == gateway
