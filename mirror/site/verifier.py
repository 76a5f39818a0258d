"""`verify.html`: the page that verifies, joined out of `verifier/` into one file that needs nothing else.

    page       its bytes
    policy     what it lets a browser do, and no more, as `Content-Security-Policy` says it
    identity   the CID of its bytes: one raw block

`verifier/page.html` is the frame; `page.css` is its style; `page.js` and the modules that it imports are its script.
There is no step between their source and what a reader gets but this: modules are put one behind the other, each
behind those that it imports, without their `import` lines and the word `export`, in one function. That needs modules
that keep a convention, and `join` refuses others:

    import { one, two } from "./other.js";      whole on one line, from this folder, nothing renamed
    export function … / export const …          `export` only before a declaration; no default, no list

Every name at the top of a module is unlike those of all others. `data.js` stands there nearly empty; its place is
taken by the words of all languages, and by the page's own bytes around policy, style and script, out of which the page
tells its own SHA-256 (`self.js`).

The policy names the hashes of the one script and the one style. It forbids every connection and every form, and
every way from text to markup or to script (Trusted Types) but the one that starts this same script in a worker. The
same words and the same sources give the same bytes.
"""

import hashlib
import html
import json
import re
from collections import Counter
from functools import cache
from importlib import resources

from mirror.errors import Malformed
from mirror.formats import wire
from mirror.formats.cid import CID
from mirror.site.words import LANGUAGES, Words, words

_ENDS = re.compile("</script|<!--", re.IGNORECASE)

PAGE_AT_MOST = 1 << 20
"""Bytes in the page: what one block of a file holds."""

_START, _DATA = "page.js", "data.js"
_IMPORT = re.compile(r'import \{ \w+(?:, \w+)* \} from "\./([a-z0-9]+\.js)";')
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const)[ *])")
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
_TOKENS = re.compile("@(?:POLICY|STYLE|SCRIPT)@")


@cache
def page() -> bytes:
    """The page's bytes."""
    script, style = _script(), _read("page.css")
    hashes, pieces = [_hash(script), _hash(style)], _around()
    between = [hashes[0], hashes[1], style, script, ""]
    made = "".join(piece + put for piece, put in zip(pieces, between, strict=True)).encode()
    if len(made) > PAGE_AT_MOST:
        raise Malformed(f"verify.html has {len(made)} bytes, more than the {PAGE_AT_MOST} of one block")
    return made


@cache
def policy() -> str:
    """What the page lets a browser do for it."""
    return _policy(_hash(_script()), _hash(_read("page.css")))


@cache
def identity() -> CID:
    """The CID that the page has in a tree."""
    return CID.of_raw(page())


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; worker-src blob:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types worker"
    )


def _hash(text: str) -> str:
    return wire.encode_base64(hashlib.sha256(text.encode()).digest())


def _read(name: str) -> str:
    return (resources.files("mirror.site") / "verifier" / name).read_text(encoding="utf-8")


@cache
def _around() -> tuple[str, ...]:
    """The frame, cut where the hashes of script and style, the style and the script come in."""
    frame = _read("page.html").replace("@STILL@", _still())
    before, style, script, end = _TOKENS.split(frame)
    start, middle, rest = _policy("@", "@").split("@")
    return before + start, middle, rest + style, script, end


def _still() -> str:
    """What stands there where no script runs, in every language."""
    each = [(words(tag), words(tag).tables["verifier"]["no_script"]) for tag in LANGUAGES]
    return "".join(
        f'\n<p lang="{spoken.tag}" dir="{spoken.direction}">{html.escape(text)}</p>' for spoken, text in each
    )


@cache
def _script() -> str:
    script = f'\n(() => {{\n"use strict";\n\n{join(_START)}}})();\n'
    if _ENDS.search(script):
        raise Malformed("a module of verifier/ holds what would end the script, or begin a comment of HTML")
    return script


def join(start: str) -> str:
    """A module and everything that it imports, as one text."""
    joined: dict[str, str] = {}
    _take_up(start, joined)
    text = "\n".join(f"// {name}\n\n{text}" for name, text in joined.items())
    declared = Counter(_DECLARED.findall(text))
    if twice := [name for name, count in declared.items() if count > 1]:
        raise Malformed(f"modules of verifier/ that are joined declare {', '.join(twice)} twice")
    return text


def _take_up(name: str, joined: dict[str, str]) -> None:
    if name in joined:
        return
    text = _data() if name == _DATA else _read(name)
    kept = []
    for line in text.split("\n"):
        imported = _IMPORT.fullmatch(line)
        if imported:
            _take_up(imported[1], joined)
        else:
            kept.append(_EXPORT.sub("", line, count=1))
        if not imported and kept[-1].startswith(("import ", "export ")):
            raise Malformed(f"verifier/{name}: a line that cannot be joined: {line}")
    joined[name] = "\n".join(kept)


def _data() -> str:
    """What takes the place of `data.js`."""
    speech = {tag: _speech(words(tag)) for tag in LANGUAGES}
    return f"const SPEECH = {_literal(speech)};\nconst AROUND = {_literal(_around())};\n"


def _speech(spoken: Words) -> dict[str, object]:
    return {
        "name": spoken.name,
        "direction": spoken.direction,
        "words": dict(spoken.tables["verifier"]),
        "sayings": dict(spoken.tables.get("sayings", {})),
    }


def _literal(value: object) -> str:
    """A value as JavaScript spells it, with nothing in it that could end the script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
