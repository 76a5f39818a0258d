"""The modules of verify.html, run by node: what the tests ask them, and what they answer.

with modules() as verifier:
    verifier.ask("parse", what="cid", data=b"…")              # Answer: value, or the kind and words of a fault
    verifier.judge({"voices.car": path}, key=vkey, isGiven=True)   # a report
"""

import base64
import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from counterparts import CHECKOUT, need_node

MODULES = CHECKOUT / "mirror" / "site" / "verifier"
_DRIVER = Path(__file__).parent / "site" / "driver.mjs"


class Answer(NamedTuple):
    """What the modules made of a question: a value, or a fault of the evidence, by its kind and in words."""

    value: Any
    kind: str = ""
    words: str = ""


class Modules:
    """One node with the modules in it; a line of JSON each way."""

    def __init__(self, node: "subprocess.Popen[str]") -> None:
        self._node = node

    def ask(self, do: str, **what: Any) -> Answer:
        """One deed of `driver.mjs`; bytes travel as base64."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"do": do, **what}, default=_plain) + "\n")
        self._node.stdin.flush()
        told = json.loads(self._node.stdout.readline())
        assert "broken" not in told, told["broken"]
        return Answer(None, *told["fault"]) if "fault" in told else Answer(told["value"])

    def judge(self, given: Mapping[str, Path | bytes], **options: Any) -> Any:
        """The report of verify.html on files, by the paths that it is told."""
        files = [(path, str(what) if isinstance(what, Path) else {"base64": what}) for path, what in given.items()]
        return self.ask("judge", given=files, options=options).value


def _plain(value: bytes) -> str:
    return base64.b64encode(value).decode()


@contextlib.contextmanager
def modules(browser: str = "whole") -> Iterator[Modules]:
    """A node that runs the modules, as a `browser` that `driver.mjs` knows; whoever asks skips where there is none."""
    command = [need_node(), str(_DRIVER), str(MODULES), browser]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Modules(process)
