"""A mirror.toml that is wrong is wrong usage, also where it is only asked for the way out or for gateways."""

from pathlib import Path

import pytest
from storyteller import run_mirror

LINK = "ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


@pytest.mark.parametrize("proxy", [(), ("--proxy", "socks5h://127.0.0.1:1")])
def test_it_is_no_verdict(tmp_path: Path, proxy: tuple[str, ...]) -> None:
    (tmp_path / "mirror.toml").write_text("gatways = []\n")
    shown = run_mirror(*proxy, "--home", tmp_path, "verify", LINK)
    assert shown.code == 2
    assert "unknown setting 'gatways'" in shown.err
    assert "the nearest known one is 'gateways'" in shown.err
