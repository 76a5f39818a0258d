"""docs/anchors.md does what it shows, with a node of Ethereum at another address than it names, and another account."""

from typing import Any

from daemons import Anvil
from eth_account import Account
from relay import Relay
from test_docs import Shell, follow, page, shell

__all__ = ["shell"]  # a fixture

MARK = "<!-- not run: it needs a node of Ethereum; tests/test_docs_anchors.py has one -->\n"
ACCOUNT = "0x227817ce2461f15Aa2879d0D4A9b706F9b36B758"
SECRET = "0x" + "5a" * 32

BEFORE = """```sh
cat >> mirror.toml <<'END'
{settings}END
mirror anchor ethereum --import-key --key-fd 3 3<<'END'
{secret}
END
```

"""


def test_the_commands_of_the_page_about_anchors_do_what_it_shows(chain: Anvil, shell: Shell) -> None:
    real = Account.from_key(SECRET).address
    chain.give(real, 0.01)
    text = page("docs/anchors.md")
    settings = text.partition("```toml\n")[2].partition("```")[0]
    assert (MARK in text, ACCOUNT in text) == (True, True)

    def mine_behind(params: Any, truth: Any) -> Any:
        """Each time somebody has looked for the payment, another block."""
        if truth is not None or chain.rpc("txpool_status")["pending"] != "0x0":
            chain.mine()
        return truth

    with Relay(chain) as node:
        node.says["eth_getTransactionReceipt"] = mine_behind
        text = text.replace(MARK, BEFORE.format(settings=settings, secret=SECRET)).replace(ACCOUNT, real)
        for shown, here in (("http://127.0.0.1:8545", node.url), ("= 64 ", "= 2  "), ("of 64 that", "of 2 that")):
            assert shown in text
            text = text.replace(shown, here)
        assert follow(text, shell) == 6
