"""The modules of verify.html as source: small, without anything that connects, evaluates or writes markup, and no dead
code. That they can be joined is held by whoever joins them (`mirror.site.verifier`)."""

import re

import pytest
from javascript import MODULES

SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted(MODULES.glob("*.js"))}
STARTS = {"page.js"}
"""What no other module imports."""

NEVER = re.compile(
    r"\b(?:eval|Function|fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|innerHTML|outerHTML)\b"
    r"|insertAdjacentHTML|document\.write|localStorage|sessionStorage|indexedDB|cookie|\bimport\("
)


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_is_small_and_says_first_what_it_is(name: str) -> None:
    lines = SOURCES[name].splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 300
    assert [line for line in lines if len(line) > 120 and not line.startswith("import ")] == []


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_neither_connects_nor_evaluates_nor_keeps_anything(name: str) -> None:
    code = re.sub(r"^\s*//.*$|/\*\*.*?\*/", "", SOURCES[name], flags=re.MULTILINE | re.DOTALL)
    assert NEVER.findall(code) == []


def names_imported(source: str) -> set[str]:
    lines = re.findall(r"^import \{ (.*) \} from", source, re.MULTILINE)
    return {name for names in lines for name in names.split(", ")}


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_module_imports_it_uses(name: str) -> None:
    body = re.sub(r"^import .*$", "", SOURCES[name], flags=re.MULTILINE)
    assert [each for each in names_imported(SOURCES[name]) if not re.search(rf"\b{each}\b", body)] == []


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_module_declares_is_used(name: str) -> None:
    declared = re.findall(r"^(?:export )?(?:async )?(?:function\*?|const|class|let) (\w+)", SOURCES[name], re.MULTILINE)
    others = set().union(*(names_imported(source) for other, source in SOURCES.items() if other != name))
    unused = [each for each in declared if len(re.findall(rf"\b{each}\b", SOURCES[name])) < 2 and each not in others]
    assert unused == []
    assert name in STARTS or any(f'from "./{name}"' in source for source in SOURCES.values())


def test_every_saying_can_be_said() -> None:
    """Those of a kind of fault are put together out of what was judged and the kind."""
    kinds = {f"{prefix}-{kind}" for prefix in ("item", "note") for kind in KINDS}
    code = "".join(source for name, source in SOURCES.items() if name != "codes.js")
    sayings = re.findall(r'^  "?([a-z-]+)"?: "', SOURCES["codes.js"], re.MULTILINE)
    assert len(sayings) > 60
    assert [each for each in sayings if f'"{each}"' not in code and each not in kinds] == []


KINDS = ("malformed", "missing", "badblock", "badsignature", "unverified")
