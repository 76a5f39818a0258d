"""docs/ipfs.md does what it shows, with real nodes and a real cluster, at other addresses than it names."""

from collections.abc import Callable

from daemons import Cluster, connect
from nodes import IPNS_BETWEEN, MakeKubo
from test_docs import WITH_NODES, Shell, Step, follow, page, shell

__all__ = ["shell"]  # a fixture


def test_the_commands_of_the_page_about_ipfs_do_what_it_shows(
    make_kubo: MakeKubo, cluster_of: Callable[[int], Cluster], shell: Shell
) -> None:
    home, stranger = (make_kubo(settings=IPNS_BETWEEN) for _ in range(2))
    connect(home, stranger)
    text = page(f"docs/{WITH_NODES}").replace("<!-- needs: ipfs -->\n", "")
    for shown, real in (
        ("/ip4/127.0.0.1/tcp/5001", home.address),
        ("http://127.0.0.1:9094", cluster_of(2).peers[0].url),
    ):
        assert shown in text
        text = text.replace(shown, real)
    shell.run(Step(f'ipfs() {{ IPFS_PATH={stranger.repository} {stranger.program} "$@"; }}'))
    assert follow(text, shell) > 20
