"""What a reader types to verify without this program: the commands that the front page shows.

    export LC_ALL=C
    vkey='voices.example/archive+4508b542+AQQY…'
    …

A shell, `openssl` 3 and what every Linux has (`base32`, `base64`, `cut`, `head`, `od`, `sed`, `sha256sum`, `tail`,
`tr`); for the index hash an IPFS program, here Kubo's `ipfs`. They are docs/by-hand.md's in short: that page says why
each does what it does, and proves a testimony without the whole archive.

Nothing of a testimony is printed to the terminal, and only digits that the reader typed are calculated with.
"""

from typing import NamedTuple

_KEY = r"""export LC_ALL=C
vkey='{vkey}'
{{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'
  printf %s "$vkey" | cut -d + -f 3- | base64 -d | tail -c 32; }} > key.der
signed() {{
    last=$(sed -n '/^$/=' "$1" | tail -n 1)
    head -n $((last - 1)) "$1" > text
    sed -n "$((last + 1))p" "$1" | cut -d ' ' -f 3 | base64 -d | tail -c 64 > signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature
}}"""

_NOTE = r"""sha256sum note.txt
signed note.txt
head -n 1 text | cut -c 1-40"""

_INDEX_HASH = r"""ipfs add -r --only-hash -Q tree \
    --cid-version=1 --raw-leaves --chunker=size-1048576 --max-file-links=1024"""

_NUMBERS = r"""signed tree/edition.txt
sed -n '1p;s/^Edition: //p;s/^Size: //p;s/^Root-Hash: //p' text
signed tree/checkpoint
sed -n 1,3p text"""

_LISTED = r"""number={number}
cid=b$({{ printf '\001\125\022\040'; openssl dgst -sha256 -binary note.txt; }} | base32 -w 0 | tr -d = | tr A-Z a-z)
withdrawal=$(sed -n 's/^Withdrawal: //p' note.txt | head -n 1)
printf '\000testimony %s %s' "$cid" "$withdrawal" | sha256sum | cut -c 1-64
tile=tree/tile/0/$(printf %03d $((number / 256)))
[ -f "$tile" ] || tile=$(echo "$tile".p/*)
tail -c +$((number % 256 * 32 + 1)) "$tile" | head -c 32 | od -A n -t x1 -v | tr -d ' \n'; echo"""


class Step(NamedTuple):
    """The key of the words that say what a step is for and what it has to print; and what to type."""

    words: str
    commands: str


def steps(vkey: str, number: int) -> list[Step]:
    """All steps in their order, for the key `vkey` and, as an example, the testimony of this number."""
    return [
        Step("hand_key", _KEY.format(vkey=vkey)),
        Step("hand_note", _NOTE),
        Step("hand_index", _INDEX_HASH),
        Step("hand_edition", _NUMBERS),
        Step("hand_log", _LISTED.format(number=number)),
    ]
