"""What a reader holds: one line that says which tree, and by whose key.

    ipfs://<root cid>[/path]#<vkey>          this very edition
    ipns://<k51…>[/path]#<vkey>              whatever is newest; k51… must be the vkey's

Read in their place, since people pass them on: `/ipfs/…` and `/ipns/…`, a bare CID or `k51…`, and any gateway's URL in
its path form (`https://host/ipfs/<cid>/…`) or subdomain form (`https://<cid>.ipfs.host/…`), each with or without
`#<vkey>`. The fragment is percent-decoded, since some programs encode its `+` and `=`.

A key in a link is a claim. Whether the reader confirmed it is `mirror.verify`'s question.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mirror.errors import Malformed
from mirror.formats import cid as cids
from mirror.formats.cid import CID
from mirror.formats.key import PublicKey, parse_vkey

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
        return f"{self.scheme}://{self.cid}{'/' + self.path if self.path else ''}{fragment}"


def newest(key: PublicKey) -> Link:
    """The link that always leads to a mirror's newest edition."""
    return Link(IPNS, key.ipns, "", key)


def parse(text: str) -> Link:
    """The link that `text` spells in any of the forms above; what `Link` prints parses back to itself."""
    if len(text) > LINK_AT_MOST:
        raise Malformed(f"a link of {len(text)} letters, more than {LINK_AT_MOST}")
    address, _, fragment = text.strip().partition("#")
    key = parse_vkey(unquote(fragment)) if fragment else None
    scheme, name, path = _locate(address)
    found = cids.parse(name)
    if (found.codec == cids.LIBP2P_KEY) != (scheme == IPNS):
        raise Malformed(f"an {scheme} link with {name}, which is no {'key' if scheme == IPNS else 'tree'}")
    if scheme == IPNS and key is not None and key.ipns != found:
        raise Malformed("the link's name is not that of its key")
    return Link(scheme, found, path.strip("/"), key)


def _locate(address: str) -> tuple[str, str, str]:
    scheme, separator, rest = address.partition("://")
    if not separator:
        return _path_form(address) or (_scheme_of(address), address.partition("/")[0], address.partition("/")[2])
    if scheme in (IPFS, IPNS):
        name, _, path = rest.partition("/")
        return scheme, name, unquote(path)
    if scheme in ("http", "https"):
        url = urlsplit(address)
        host = _HOST.fullmatch(url.hostname or "")
        found = (host[2], host[1], unquote(url.path)) if host else _path_form(url.path)
        if found:
            return found
    raise Malformed(f"not a link to a mirror: {address[:80]!r}")


def _path_form(path: str) -> tuple[str, str, str] | None:
    match = _PATH.fullmatch(path)
    return (match[1], match[2], unquote(match[3] or "")) if match else None


def _scheme_of(bare: str) -> str:
    return IPNS if bare.startswith("k") else IPFS
