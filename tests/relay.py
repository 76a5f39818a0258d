"""A node of Ethereum that lies: it asks a real one, and answers as a test says.

with Relay(chain) as node:                                 # honest until it is told otherwise
    node.says["eth_chainId"] = "0x5"                       # this, whatever the real one says
    node.says["eth_blockNumber"] = lambda params, truth: hex(int(truth, 16) + 9)
    node.says["eth_sendRawTransaction"] = Declines("out of order", code=-32000)
    node.says["eth_getBlockByHash"] = Raw(b"<html>")       # no JSON at all
    node.asked                                             # ["eth_chainId", …]
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from daemons import Anvil
from listening import Line, Listener, answering


@dataclass(frozen=True)
class Declines:
    """An error of JSON-RPC."""

    words: str
    code: int = -32000


@dataclass(frozen=True)
class Raw:
    """A body, and a status."""

    body: bytes
    status: int = 200


LOOKING = {
    "eth_chainId": "0x1",
    "eth_getCode": "0x",
    "eth_getBlockByNumber": {"baseFeePerGas": "0x1"},
    "eth_maxPriorityFeePerGas": "0x1",
    "eth_getTransactionCount": "0x0",
    "eth_estimateGas": "0x5208",
    "eth_getBalance": "0xde0b6b3a7640000",
}
"""What a node says to who only looks what an anchor would cost."""

Said = Declines | Raw | Callable[[Any, Any], Any] | str | None


class Relay:
    """Between who asks and a real node; without one, what `says` does not hold is not known."""

    def __init__(self, chain: Anvil | None) -> None:
        self.says: dict[str, Any] = {}
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self._chain = chain
        self._listener = Listener(self._answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.__exit__(kind, error, at)

    def _answer(self, line: Line) -> None:
        asked = json.loads(line.body)
        method, params = asked["method"], asked["params"]
        self.asked.append(method)
        self.heads.append(line.head)
        said = self.says.get(method, ...)
        if isinstance(said, Raw):
            answering(said.body, said.status)(line)
            return
        answer = {"jsonrpc": "2.0", "id": asked["id"]}
        if isinstance(said, Declines):
            answer["error"] = {"code": said.code, "message": said.words}
        elif self._chain is None:
            answer |= {"error": {"code": -32601, "message": "?"}} if said is ... else {"result": said}
        elif said is ...:
            answer |= {
                key: value for key, value in self._chain.ask(method, *params).items() if key in ("result", "error")
            }
        else:
            answer["result"] = said(params, self._chain.ask(method, *params).get("result")) if callable(said) else said
        answering(json.dumps(answer).encode(), Content_Type="application/json")(line)
