"""The IPFS project's own suite against our gateway, where it is installed: ``gateway-conformance``, 0.13.2.

It is not among what the gate installs: docs/serve.md says why, and how to have it. What it checks is said anew, from
the same fixtures, in ``test_trustless_vectors``, which always runs.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from counterparts import MACHINE, shared
from serving import serving, shelf_of

GROUPS = {
    "TestTrustlessRaw",
    "TestTrustlessRawRanges",
    "TestTrustlessCarPathing",
    "TestTrustlessCarDagScopeBlock",
    "TestTrustlessCarDagScopeEntity",
    "TestTrustlessCarDagScopeAll",
    "TestTrustlessCarEntityBytes",
    "TestTrustlessCarOrderAndDuplicates",
    "TestTrustlessCarFormatPrecedence",
    "TestGatewayIPNSRecord",
}
"""What of the suite belongs to ``trustless-gateway``."""


def test_the_suite_for_trustless_gateways_passes(tmp_path: Path) -> None:
    program = shutil.which("gateway-conformance", path=MACHINE.get("PATH", ""))
    if program is None:
        pytest.skip("program not installed: gateway-conformance; docs/serve.md says how to have it")
    vectors, report = shared("vectors/gateway"), tmp_path / "report.json"
    shelf = shelf_of(cars=sorted(vectors.rglob("*.car")), records=sorted(vectors.rglob("*.ipns-record")))
    with serving(shelf) as asking:
        command = [program, "test", "--gateway-url", asking.url, "--specs", "trustless-gateway", "--json", str(report)]
        ran = subprocess.run(command, env=MACHINE, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-10_000:] + ran.stderr[-2_000:]
    passed = {
        each["Test"]
        for each in map(json.loads, report.read_text().split("\n")[:-1])
        if each["Action"] == "pass" and "Test" in each
    }
    assert passed >= GROUPS
    assert len(passed) > 450
