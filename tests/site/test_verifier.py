"""verify.html as bytes: joined the same each time, with a policy that lets only its own script and style work."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from counterparts import CHECKOUT
from storyteller import run_mirror

from mirror.errors import Malformed
from mirror.formats.cid import RAW
from mirror.site import verifier
from mirror.site.words import LANGUAGES, words

MADE_ANEW = "import sys; from mirror.site import verifier; sys.stdout.buffer.write(verifier.page())"


def part(name: str) -> str:
    """What stands in the page's one element of a name."""
    found = re.findall(f"<{name}>(.*?)</{name}>", verifier.page().decode(), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def hash_of(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_it_is_the_same_in_every_run() -> None:
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); {MADE_ANEW}"]
    ran = subprocess.run(command, capture_output=True, check=True, env={"PYTHONHASHSEED": "7"})
    assert ran.stdout == verifier.page()


def test_it_is_one_raw_block() -> None:
    assert len(verifier.page()) <= 1 << 20
    assert verifier.identity().codec == RAW
    assert verifier.identity().digest == hashlib.sha256(verifier.page()).digest()


def test_the_policy_names_the_script_and_the_style_that_are_there() -> None:
    policy = verifier.policy()
    assert f'content="{policy}"' in verifier.page().decode()
    assert f"script-src {hash_of(part('script'))};" in policy
    assert f"style-src {hash_of(part('style'))};" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_in_it_leads_elsewhere() -> None:
    found = verifier.page().decode()
    assert re.findall(r"""(?:src|href|action|data)=["']?[^"'\s>]+|@import|url\(""", found) == []
    assert re.findall(r"\b(?:eval|importScripts|XMLHttpRequest|WebSocket|sendBeacon|innerHTML)", found) == []


def test_every_language_is_in_it() -> None:
    found = verifier.page().decode()
    assert len(LANGUAGES) == 14
    for tag in LANGUAGES:
        spoken = words(tag)
        assert f'<p lang="{tag}" dir="{spoken.direction}">' in found
        for sentence in spoken.tables["verifier"].values():
            assert json.dumps(sentence, ensure_ascii=False) in found, (tag, sentence)


@pytest.mark.parametrize(
    "line",
    [
        'import one from "./one.js";',
        'import * as one from "./one.js";',
        'import { one as two } from "./one.js";',
        'import { one } from "https://one.example/one.js";',
        'import { one } from "../one.js";',
        "import {",
        "export default function () {}",
        "export { one };",
    ],
)
def test_what_cannot_be_joined_is_refused(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(verifier, "_read", lambda name: line if name == "page.js" else "")
    with pytest.raises(Malformed, match="cannot be joined"):
        verifier.join("page.js")


def test_modules_stand_behind_what_they_import(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {
        "page.js": 'import { b } from "./b.js";\nimport { c } from "./c.js";\nb(c);\n',
        "b.js": 'import { c } from "./c.js";\nexport function b() {\n  return c;\n}\n',
        "c.js": "export const c = 1;\n",
    }
    monkeypatch.setattr(verifier, "_read", modules.__getitem__)
    joined = verifier.join("page.js")
    assert [line for line in joined.split("\n") if line] == [
        *("// c.js", "const c = 1;", "// b.js", "function b() {", "  return c;", "}", "// page.js", "b(c);")
    ]


def test_the_command_writes_it(tmp_path: Path) -> None:
    finished = run_mirror("--json", "verifier", "-o", tmp_path / "verify.html")
    assert finished.code == 0
    written = (tmp_path / "verify.html").read_bytes()
    assert written == verifier.page()
    assert json.loads(finished.out) == {
        "file": str(tmp_path / "verify.html"),
        "sha256": hashlib.sha256(written).hexdigest(),
        "cid": str(verifier.identity()),
        "bytes": len(written),
    }


def test_the_command_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "verify.html").write_text("mine")
    finished = run_mirror("verifier", "-o", tmp_path / "verify.html")
    assert finished.code == 4
    assert "exists already" in finished.err
    assert (tmp_path / "verify.html").read_text() == "mine"


def test_without_a_file_it_tells_the_hash() -> None:
    finished = run_mirror("verifier")
    assert finished.code == 0
    assert finished.out.startswith(f"sha256  {hashlib.sha256(verifier.page()).hexdigest()}\n")
