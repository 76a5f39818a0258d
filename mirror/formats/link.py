"""What a reader holds: one line that says which tree, and by whose key.

    ipfs://<root cid>[/path]#<vkey>          this very edition
    ipns://<k51…>[/path]#<vkey>              whatever is newest; k51… must be the vkey's

Read in their place, since people pass them on: `/ipfs/…` and `/ipns/…`, a bare CID or `k51…`, and any gateway's URL in
its path form (`https://host/ipfs/<cid>/…`) or subdomain form (`https://<cid>.ipfs.host/…`), each with or without
`#<vkey>`. Paths and the fragment are percent-decoded, since some programs encode `+` and `=`; printed, a path is
percent-encoded. A key's name is a mirror's (`mirror.formats.key.parse_name`), a path holds no control character.

A key in a link is a claim. Whether the reader confirmed it is `mirror.verify`'s question.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats import text as texts
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, parse_name, parse_vkey

LINK_AT_MOST = 8192
"""Letters in a link: what browsers and chat programs pass on whole."""

IPFS, IPNS = "ipfs", "ipns"

_PATH = re.compile(r"/?(ipfs|ipns)/([^/?#]+)(/[^?#]*)?")
_HOST = re.compile(r"([a-z0-9]+)\.(ipfs|ipns)\..+")


@dataclass(frozen=True, slots=True)
class Link:
    """Which tree (`scheme` ipfs) or whose newest (`scheme` ipns), what in it, and the key that the link claims."""

    scheme: str
    cid: CID
    path: str = ""
    key: PublicKey | None = None

    def __str__(self) -> str:
        fragment = "" if self.key is None else "#" + self.key.vkey
        return f"{self.scheme}://{self.cid}{'/' + quote(self.path) if self.path else ''}{fragment}"


def newest(key: PublicKey) -> Link:
    """The link that always leads to a mirror's newest edition."""
    return Link(IPNS, key.ipns, "", key)


def parse(text: str) -> Link:
    """The link that `text` spells in any of the forms above; what `Link` prints parses back to itself."""
    if len(text) > LINK_AT_MOST:
        raise Malformed(f"a link of {len(text)} letters, more than {LINK_AT_MOST}")
    address, _, fragment = text.strip().partition("#")
    key = _parse_key(fragment) if fragment else None
    scheme, name, path = _locate(address)
    texts.check(path, "the link's path")
    if "\n" in path:
        raise Malformed("the link's path has a line end")
    found = cids.parse(name)
    if (found.codec == cids.LIBP2P_KEY) != (scheme == IPNS):
        raise Malformed(f"an {scheme} link with {name}, which is no {'key' if scheme == IPNS else 'tree'}")
    if scheme == IPNS and key is not None and key.ipns != found:
        raise Malformed("the link's name is not that of its key")
    return Link(scheme, found, path.strip("/"), key)


def _parse_key(fragment: str) -> PublicKey:
    key = parse_vkey(unquote(fragment))
    parse_name(key.name)
    return key


def _locate(address: str) -> tuple[str, str, str]:
    scheme, separator, rest = address.partition("://")
    if not separator:
        name, _, path = address.partition("/")
        return _path_form(address) or (_scheme_of(name), name, unquote(path))
    if scheme in (IPFS, IPNS):
        name, _, path = rest.partition("/")
        return scheme, name, unquote(path)
    if scheme in ("http", "https"):
        found = _gateway_form(address)
        if found:
            return found
    raise Malformed(f"not a link to a mirror: {address[:80]!r}")


def gateway_of(text: str) -> str:
    """The address of the gateway in whose URL a link came; empty where it came in any other form."""
    address = text.strip().partition("#")[0]
    if not address.startswith(("http://", "https://")) or _gateway_form(address) is None:
        return ""
    url = urlsplit(address)
    host = _HOST.fullmatch(url.hostname or "")
    place = url.netloc.lower().removeprefix(f"{host[1]}.{host[2]}.") if host else url.netloc
    return f"{url.scheme}://{place}"


def _gateway_form(address: str) -> tuple[str, str, str] | None:
    try:
        url = urlsplit(address)
    except ValueError:  # such as a host in brackets that is no IPv6 address
        return None
    host = _HOST.fullmatch(url.hostname or "")
    return (host[2], host[1], unquote(url.path)) if host else _path_form(url.path)


def _path_form(path: str) -> tuple[str, str, str] | None:
    match = _PATH.fullmatch(path)
    return (match[1], match[2], unquote(match[3] or "")) if match else None


def _scheme_of(bare: str) -> str:
    return IPNS if bare.startswith("k") else IPFS
