"""Language tags: which language a text is in.

    tag       = language ["-" script] ["-" region] *("-" variant) *("-" extension) ["-x" 1*("-" 1*8alphanum)]
    language  = 2*3ALPHA ["-" 3ALPHA ["-" 3ALPHA ["-" 3ALPHA]]] / 4*8ALPHA
    script    = 4ALPHA        region    = 2ALPHA / 3DIGIT
    variant   = 5*8alphanum / DIGIT 3alphanum
    extension = singleton 1*("-" 2*8alphanum)         singleton: one letter or digit, but not "x"

    ar, zh-Hans, pt-BR, sr-Latn-RS, sl-rozaj-biske, de-u-co-phonebk

BCP 47 (RFC 5646, §2.1), well-formed, and with one spelling: that of §2.1.1, in which all letters are small but those
of a region (`BR`) and the first of a script (`Hans`). No variant and no singleton stands twice (§2.2.5, §2.2.6).
A reader refuses any other case; a signer makes it so first (`canonical`).

Left out: grandfathered tags and tags that are wholly private (`i-klingon`, `x-ours`), and the registry: whether
a subtag is registered, is preferred, or says more than it must is not looked up, because that list changes.
"""

import re
from functools import lru_cache

from mirror.errors import Malformed

LANGUAGE_AT_MOST = 35
"""Letters in a language tag: what RFC 5646, §4.4.1, asks everyone to have room for."""

_TAG = re.compile(
    r"""(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})
        (?P<script>(?:-[a-z]{4})?)
        (?P<region>(?:-(?:[a-z]{2}|[0-9]{3}))?)
        (?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)
        (?P<extensions>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*)
        (?P<private>(?:-x(?:-[a-z0-9]{1,8})+)?)""",
    re.VERBOSE,
)
_SINGLETON = re.compile("-([a-z0-9])(?=-)")


def check(tag: str) -> None:
    """The reader's rule: a well-formed tag in its one spelling, or `Malformed`."""
    if canonical(tag) != tag:
        raise Malformed(f"language tag {tag!r} is spelled {canonical(tag)!r}")


@lru_cache(maxsize=256)
def canonical(tag: str) -> str:
    """The one spelling of a well-formed tag that may be in any case (for a signer), or `Malformed`."""
    if len(tag) > LANGUAGE_AT_MOST:
        raise Malformed(f"language tag of {len(tag)} letters, more than {LANGUAGE_AT_MOST}")
    found = _TAG.fullmatch(tag.lower()) if tag.isascii() else None
    if not found:
        raise Malformed(f"language tag {tag!r} is not well-formed BCP 47, such as ar, zh-Hans or pt-BR")
    _check_once(found["variants"].split("-")[1:], tag)
    _check_once(_SINGLETON.findall(found["extensions"]), tag)
    head = found["language"] + found["script"].title() + found["region"].upper()
    return head + found["variants"] + found["extensions"] + found["private"]


def _check_once(subtags: list[str], tag: str) -> None:
    for subtag in subtags:
        if subtags.count(subtag) > 1:
            raise Malformed(f"language tag {tag!r} holds {subtag!r} twice")
