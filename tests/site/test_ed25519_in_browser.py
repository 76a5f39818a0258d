"""Ed25519 of verify.html in a real browser: on both paths the verdict of the written equation on vectors of others."""

from pathlib import Path

from browser import Tab
from c2sp import load, vectors

from mirror.errors import BadSignature, Malformed
from mirror.formats.key import PublicKey
from mirror.site import verifier

VERIFY = """async cases => {
    %s
    const path = (key, text, signature, useBrowser) =>
        verifySignature(decodeHex(key), encodeUtf8(text), decodeHex(signature), useBrowser);
    const found = [];
    for (const each of cases) found.push([await path(...each, true), await path(...each, false)]);
    return [await isBrowserTrusted(), found];
}"""


def accepts(key: str, text: str, signature: str) -> bool:
    try:
        PublicKey("name", bytes.fromhex(key)).verify(text.encode(), bytes.fromhex(signature))
    except (Malformed, BadSignature):
        return False
    return True


def test_both_paths_give_the_verdict_of_the_equation(tab: Tab, tmp_path: Path) -> None:
    cases = [(each["key"], each["msg"], each["sig"]) for each in load(vectors("ed25519/ed25519vectors.json"))]
    (tmp_path / "empty.html").write_text("<!doctype html><title>Empty</title>")
    tab.page.goto((tmp_path / "empty.html").as_uri())
    trusted, found = tab.page.evaluate(VERIFY % verifier.join("ed25519.js"), cases)
    expected = [accepts(*case) for case in cases]
    assert found == [[each, each] for each in expected]
    assert (len(found), expected.count(True)) == (914, 43)
    assert trusted is True
    assert tab.said == []
