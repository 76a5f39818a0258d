"""Who may import whom, as docs/architecture.md says; and what stands behind one door only."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from counterparts import CHECKOUT

GROUND = {"errors", "formats"}
JUDGES = {"check", "verdict", "trust", "edition", "audit", "clocks", "alone", "one", "verify"}
FLOW = GROUND | JUDGES | {"store", "log", "tree", "site", "intake"}
MAY_IMPORT = {
    "errors": set(),
    "formats": {"errors"},
    **dict.fromkeys(["store", "network", "check", "intake"], GROUND),
    **dict.fromkeys(["log", "tree"], GROUND | {"store"}),
    "verdict": GROUND | {"check"},
    "edition": GROUND | {"log", "tree", "check"},
    **dict.fromkeys(["audit", "clocks"], GROUND | {"log", "tree", "check", "verdict"}),
    "trust": GROUND | {"verdict"},
    "one": GROUND | {"log", "tree", "check", "verdict", "trust", "edition", "audit", "clocks"},
    "alone": GROUND | {"check", "verdict", "trust"},
    "verify": GROUND | {"log", "tree", "check", "verdict", "trust", "audit", "clocks"},
    "site": GROUND | {"tree"},
    **dict.fromkeys(["plan", "carry"], FLOW),
    "follow": FLOW | {"carry"},
    "publish": FLOW | {"plan"},
    "withdraw": FLOW | {"publish"},
    **dict.fromkeys(["anchor", "serve", "pin", "naming"], FLOW),
    "reach": FLOW | {"naming"},
    "cli": FLOW
    | {"reach"}
    | {"network", "carry", "plan", "publish", "withdraw", "follow", "anchor", "serve", "pin", "naming"},
}
"""By the first name under ``mirror``; its own folder besides."""

DOORS = {
    "click": "cli/",
    **dict.fromkeys(["Crypto", "eth_keys"], "formats/ether.py"),
    "filelock": "store/",
    "httpcore": "network/patience.py",
    "httpx": "network/",
    "ipfshttpclient": "network/rpc.py",
    "jinja2": "site/",
    "markdown_it": "site/marked.py",
    "markupsafe": "site/",
    "mnemonic": "intake/words.py",
    "nacl": "formats/key.py",
    "PIL": "intake/pictures.py",
    "platformdirs": "cli/",
    "pyrage": "store/",
    "rich": "cli/",
    "requests": "network/rpc.py",
    "segno": "cli/",
    "socksio": "network/faults.py",
    "starlette": "serve/",
    "trie": "formats/trie.py",
    "urllib3": "network/rpc.py",
    "uvicorn": "serve/",
    **dict.fromkeys(["random", "secrets", "time", "uuid"], "cli/"),
}
"""Where a library may be imported: what is not Python's own has one door. So have the clock and chance."""

NAMES = {
    **dict.fromkeys(["b16decode", "b32decode", "b64decode", "fromhex(", "int(", "unhexlify"], "formats/wire.py"),
    **dict.fromkeys(["getrandom", "now", "today", "urandom", "utcnow"], "cli/"),
    **dict.fromkeys(["isdecimal", "isdigit", "isnumeric", "match", "splitlines"], "nowhere"),
}
"""Where a function or method of that name may be used. The lenient ones of Python's stand in wire.py or nowhere."""

SOURCES = {
    path.relative_to(CHECKOUT / "mirror").as_posix(): path.read_text(encoding="utf-8")
    for path in (CHECKOUT / "mirror").rglob("*.py")
}


def imports(tree: ast.Module) -> Iterator[str]:
    """Every name that `tree` imports, in full: ``mirror.formats.wire``, ``time``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def names(tree: ast.Module) -> Iterator[str]:
    """Every attribute and import that `tree` names; ``int(`` and ``fromhex(`` where they are given no constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Call) and not (node.args and isinstance(node.args[0], ast.Constant)):
            yield getattr(node.func, "id", getattr(node.func, "attr", "")) + "("


def layer_of(name: str) -> str:
    """``verify`` for ``verify_log`` too: a flow that outgrew its file keeps its place."""
    return name.partition("_")[0]


def faults(path: str, source: str) -> list[str]:
    """What in the file at `path` under ``mirror/`` breaks the rules above."""
    tree, layer = ast.parse(source), layer_of(PurePosixPath(path).parts[0].removesuffix(".py"))
    found = []
    for name in imports(tree):
        first, _, rest = name.partition(".")
        if first == "mirror":
            other = layer_of(rest.partition(".")[0])
            found += [f"imports {other}"] * (layer != other and other not in MAY_IMPORT[layer])
        elif first in DOORS or first not in sys.stdlib_module_names:
            found += [f"imports {first}"] * (not path.startswith(DOORS.get(first, "nowhere")))
    return found + [f"uses {name}" for name in names(tree) if not path.startswith(NAMES.get(name, ""))]


@pytest.mark.parametrize("path", SOURCES)
def test_the_file_keeps_to_its_layer(path: str) -> None:
    assert faults(path, SOURCES[path]) == [] or path == "__init__.py"


def test_no_imports_run_in_a_circle() -> None:
    files = {"mirror." + path.removesuffix(".py").replace("/", "."): source for path, source in SOURCES.items()}
    graph = {}
    for module, source in files.items():
        found = set(imports(ast.parse(source)))
        graph[module] = {name for name in found | {name.rpartition(".")[0] for name in found} if name in files}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(files)


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("errors.py", "import mirror.formats.wire", "imports formats"),
        ("formats/cid.py", "from mirror.store import files", "imports store"),
        ("formats/cid.py", "def f():\n    from mirror import log", "imports log"),
        ("publish.py", "from mirror.network.kubo import Node", "imports network"),
        ("publish.py", "from mirror import follow", "imports follow"),
        ("check.py", "import mirror.log.tree", "imports log"),
        ("tree.py", "from mirror.cli import main", "imports cli"),
        ("formats/note.py", "from nacl import bindings", "imports nacl"),
        ("store/files.py", "import time", "imports time"),
        ("cli/main.py", "import surprise", "imports surprise"),
        ("network/kubo.py", "import click", "imports click"),
        ("formats/notes.py", "a = int(b)", "uses int("),
        ("formats/notes.py", "bytes.fromhex(a)", "uses fromhex("),
        ("formats/notes.py", "from base64 import b64decode", "uses b64decode"),
        ("formats/wire.py", "a.isdigit()", "uses isdigit"),
        ("formats/wire.py", "re.match(a, b)", "uses match"),
        ("cli/main.py", "a.splitlines()", "uses splitlines"),
        ("log/append.py", "datetime.now(UTC)", "uses now"),
        ("store/files.py", "os.urandom(16)", "uses urandom"),
    ],
)
def test_what_breaks_a_rule_is_found(path: str, source: str, fault: str) -> None:
    assert faults(path, source) == [fault]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("formats/wire.py", "int(a), int.from_bytes(b), b64decode(c)"),
        ("formats/key.py", "import nacl.bindings, re, os.path\nint.from_bytes(b), bytes.fromhex('00')"),
        ("store/files.py", "from mirror.errors import Refused\nfrom mirror.store import blocks"),
        ("cli/main.py", "import time, click\nfrom mirror.network import kubo\ndatetime.now(UTC)"),
    ],
)
def test_what_keeps_to_the_rules_passes(path: str, source: str) -> None:
    assert faults(path, source) == []
