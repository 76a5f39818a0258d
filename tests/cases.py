"""What a reader may have, good and bad in every way, each with the verdict it deserves: one table for `mirror verify`
and for verify.html.

for name, case in CASES.items():
    given = case.lay(tmp_path / "case")        # the files, in a folder of their own
    command_says(folder, given)                # what `mirror verify` makes of it: a `Verdict`
    page_says(report)                          # what a report of verify.html says, in the same terms
    VERDICTS[name]                             # what it has to be

The verdicts stand in ``site/verdicts.txt``, a line each: exit code; `h`olds, `f`alse or `-` (not checked) for each of
the claims key, unchanged, signed, complete and append-only, or `error` where nothing can be judged; the case; behind a
bar the items that are false. *Existed by* is not in it: clocks outside are no matter of a page.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from handed import (
    KEY,
    Files,
    a_long_log,
    alone,
    announced,
    another_log,
    as_archive,
    as_folder,
    beside,
    by_other,
    changed,
    damaged,
    forked,
    handed_in,
    headed,
    in_car,
    in_version_2,
    in_version_2_by,
    left_out,
    lose_files,
    lying,
    many_attachments,
    node,
    numbered,
    of_one_leaf,
    of_size,
    other_tsize,
    padded,
    page_of,
    printing,
    proof_of,
    proven,
    reblocked,
    remade,
    remembered,
    signed,
    sized,
    still_here,
    testify,
    text_of,
    too_long,
    versions,
    with_hashes,
    with_page,
    withdrawn,
)
from judging import OTHER, holding, honest, items, signing
from storyteller import run_mirror
from test_audit import ENTRIES, NEWER, SIGNING, STRAY, TILES, list_with_another_token
from test_tampering_lies import SIZES
from test_verify import PAGES
from test_verify_memory import later
from test_verify_tree import FOLDERS, SIZED, folders_that_double
from world import NAME, Mirror, secret, sign_text

from mirror.formats.cid import CID, DAG_PB
from mirror.formats.notes import Withdrawal
from mirror.formats.unixfs import CHUNK
from mirror.tree import DEPTH_AT_MOST, note_path
from mirror.verdict import Claim

CLAIMS = (Claim.KEY, Claim.UNCHANGED, Claim.SIGNED, Claim.COMPLETE, Claim.APPEND_ONLY)
STATES = {"holds": "h", "false": "f", "not checked": "-"}

ERROR = "error"
"""The states where nothing could be judged."""


class Verdict(NamedTuple):
    """Exit code, a letter for each claim's state, the items that are false."""

    code: int
    states: str
    items: tuple[str, ...]


class Told(NamedTuple):
    """What one of the two programs says: the verdict; which claim is false at which item; each claim's words."""

    verdict: Verdict
    faults: set[tuple[str, str, int | None]]
    words: dict[str, list[str]]


def command_says(folder: Path, given: "Given") -> Told:
    """What `mirror verify` says, run where the files lie."""
    with contextlib.chdir(folder):
        finished = run_mirror("--json", "verify", *given.options, given.what)
    shown = json.loads(finished.out)
    assert shown["exit_code"] == finished.code, finished
    if "error" in shown:
        return Told(Verdict(finished.code, ERROR, ()), set(), {})
    faults = [each for each in shown["false"] if each["claim"] != Claim.EXISTED_BY.value]
    claims = {claim.value: shown["claims"][claim.value] for claim in CLAIMS}
    states = "".join(STATES[each["state"]] for each in claims.values())
    verdict = Verdict(finished.code, states, tuple(sorted({each["item"] for each in faults})))
    words = {name: each["words"] for name, each in claims.items()}
    return Told(verdict, {(each["claim"], each["item"], each["index"]) for each in faults}, words)


def page_says(report: Any) -> Told:
    """What a report of verify.html says."""
    if report["error"] is not None:
        return Told(Verdict(report["exitCode"], ERROR, ()), set(), {})
    claims = {each["claim"]: each for each in report["claims"] if each["claim"] != Claim.EXISTED_BY.value}
    states = "".join(STATES[each["state"]] for each in claims.values())
    verdict = Verdict(report["exitCode"], states, tuple(report["badItems"]))
    words = {name: [line["words"] for line in each["lines"]] for name, each in claims.items()}
    return Told(verdict, {(each["claim"], each["item"], each["index"]) for each in report["faults"]}, words)


def _read_verdicts() -> dict[str, Verdict]:
    found = {}
    for line in (Path(__file__).parent / "site" / "verdicts.txt").read_text(encoding="utf-8").splitlines():
        row, bar, items = line.partition(" |")
        code, states, name = row.split(maxsplit=2)
        found[name] = Verdict(int(code), states, tuple(items.removeprefix(" ").split(", ")) if bar else ())
    return found


VERDICTS = _read_verdicts()


@dataclass(frozen=True)
class Given:
    """A case on disk: what the command is asked for (with options), and what a page is given, by path."""

    what: str
    options: tuple[str, ...]
    files: dict[str, Path]
    page_options: dict[str, str | bool | bytes]


@dataclass(frozen=True)
class Case:
    """What a reader has (`build`: its files), and how it is judged.

    `what` names the file or folder that the command is asked for, `source` where it finds the tree (``--from``), `key`
    the key that the reader gives, `link` a link that she has, `seen` an announcement that she kept.
    """

    build: Callable[[], Files]
    what: str = "voices.car"
    key: str = KEY.vkey
    link: str = ""
    source: str = ""
    seen: str = ""

    def lay(self, folder: Path) -> Given:
        """Write the files, and say how they are judged."""
        paths: dict[str, Path] = {}
        for path, data in self.build().items():
            paths[path] = folder / path
            paths[path].parent.mkdir(parents=True, exist_ok=True)
            paths[path].write_bytes(data)
        options = ["--no-memory"] if not self.seen else ["--seen", self.seen]
        options += ["--key", self.key] if self.key else []
        options += ["--from", self.source] if self.source else []
        page: dict[str, str | bool | bytes] = {"key": self.key, "isGiven": bool(self.key), "link": self.link}
        page |= {"seen": paths[self.seen].read_bytes()} if self.seen else {}
        shown = {path: paths[path] for path in paths if path != self.seen}
        return Given(self.link or self.what, tuple(options), shown, page)


CAR = "voices.car"


def one(index: int, build: Callable[[], Files] | None = None, fragment: str = f"#{KEY.vkey}") -> Case:
    """One testimony by the path that a link names."""
    link = f"ipns://{KEY.ipns}/{'/'.join(note_path(index))}{fragment}"
    return Case(build or lying(lambda mirror: None), link=link, source=CAR)


WEAK = str(CID(KEY.ipns[:-32] + bytes(32)))
NOTHING = CID.of(DAG_PB, b"")

CASES: dict[str, Case] = {
    "good: an export": Case(lying(lambda mirror: None)),
    "good: its charter alone": Case(lambda: {CAR: in_car(Mirror().lay())}),
    "good: withdrawals with a token and without": Case(lying(withdrawn)),
    "good: new versions and a translation": Case(lying(versions)),
    "good: attachments of any length": Case(lying(many_attachments)),
    "good: a tree as plain files": Case(as_folder(), "tree"),
    "good: an archive": Case(as_archive(), "kept"),
    "good: an export with its announcement": Case(announced(), "announcement.txt", source=CAR),
    "good: a CAR of version 2": Case(remade(in_version_2)),
    "good: a block twice": Case(reblocked(lambda blocks: blocks.append(blocks[3]))),
    "good: blocks in another order": Case(reblocked(lambda blocks: blocks.reverse())),
    "good: cosignatures behind the checkpoint's line": Case(
        lying(
            lambda mirror: setattr(
                mirror, "sign_checkpoint", lambda text: sign_text(text, mirror.key, secret("witness.example", "w"))
            )
        )
    ),
    "newer: a log of 520 newer entries": Case(lying(a_long_log)),
    "newer: edition.txt": Case(lying(signing("edition", in_version_2_by(Mirror().key)))),
    "newer: edition.txt by another key": Case(lying(signing("edition", in_version_2_by(OTHER)))),
    "newer: the announcement": Case(
        announced(signing("announcement", in_version_2_by(Mirror().key))), "announcement.txt", source=CAR
    ),
    "newer: a log that is too long": Case(lying(of_size(10**8 + 1))),
    "key: none given": Case(lying(lambda mirror: None), key=""),
    "key: its k51 name": Case(lying(lambda mirror: None), key=str(KEY.ipns)),
    "key: another of that name": Case(lying(lambda mirror: None), key=OTHER.public.vkey),
    "key: another k51 name": Case(lying(lambda mirror: None), key=str(OTHER.public.ipns)),
    "key: one of small order": Case(lying(lambda mirror: None), key=WEAK),
    "key: none, and a damaged charter": Case(damaged(lambda copy: copy.flip("charter.txt")), key=""),
    "link: to this tree": Case(
        lying(lambda mirror: None), link=f"ipfs://{honest().lay().root}#{KEY.vkey}", source=CAR, key=""
    ),
    "link: to another tree": Case(
        lying(lambda mirror: None), link=f"ipfs://{NOTHING}#{KEY.vkey}", source=CAR, key=KEY.vkey
    ),
    "link: to whatever is newest": Case(
        lying(lambda mirror: None), link=f"ipns://{KEY.ipns}#{KEY.vkey}", source=CAR, key=""
    ),
    "one: a testimony with attachments": one(1),
    "one: a testimony by its author": one(2),
    "one: no key but its name": one(2, fragment=""),
    "one: one that was withdrawn": one(1, lying(withdrawn)),
    "one: one that is damaged": one(2, damaged(lambda copy: copy.flip("note/00/00/00/02.txt", 40))),
    "one: one that is lost": one(2, damaged(lambda copy: copy.lose("note/00/00/00/02.txt"))),
    "one: an attachment damaged": one(1, damaged(lambda copy: copy.flip("file/00/00/00/01/1.jpg"))),
    "one: another one damaged": one(3, damaged(lambda copy: copy.flip("note/00/00/00/02.txt", 40))),
    "one: a tile damaged": one(2, damaged(lambda copy: copy.flip("tile/0/000.p/4"))),
    "one: a tile of other hashes": one(2, lying(holding("tile/0/000.p/4", bytes(4 * 32)))),
    "one: a page that is not listed": one(2, lying(items(lambda found: found[1:]))),
    "one: an edition by another key": one(2, lying(signing("edition", lambda text: sign_text(text, OTHER)))),
    "one: one that the log lists with another Withdrawal": one(4, lying(list_with_another_token)),
    "one: the charter": one(0),
    "one: one that no log lists": one(9),
    "file: a block that is not used": Case(reblocked(lambda blocks: blocks.append((CID.of_raw(b"x"), b"x")))),
    "file: a block twice, damaged once": Case(
        reblocked(lambda blocks: blocks.append((blocks[3][0], changed(blocks[3][1], 0))))
    ),
    "file: cut off": Case(remade(lambda data: data[:-1])),
    "file: cut off between two blocks": Case(reblocked(lambda blocks: blocks.pop())),
    "file: a byte behind its end": Case(remade(lambda data: data + b"\0")),
    "file: an empty block at its end": Case(remade(lambda data: data + b"\x01")),
    "file: two roots": Case(headed(lambda root: [root, root])),
    "file: no root": Case(headed(lambda root: [])),
    "file: a root that is not here": Case(headed(lambda root: [NOTHING])),
    "file: a root that is no folder": Case(headed(lambda root: [CID(b"\x01\x55" + root[2:])])),
    "file: no CAR": Case(lambda: {CAR: b"not a CAR\n"}),
    "file: nothing in it": Case(lambda: {CAR: b""}),
    "copy: a note damaged": Case(damaged(lambda copy: copy.flip("note/00/00/00/02.txt", 40))),
    "copy: a note lost": Case(damaged(lambda copy: copy.lose("note/00/00/00/02.txt"))),
    "copy: an attachment damaged": Case(damaged(lambda copy: copy.flip("file/00/00/00/01/1.jpg"))),
    "copy: a leaf of an attachment lost": Case(damaged(lambda copy: copy.blocks.pop(CID.of_raw(b"y" * (1 << 20))))),
    "copy: a folder damaged": Case(damaged(lambda copy: copy.flip("note/00/00"))),
    "copy: a folder lost": Case(damaged(lambda copy: copy.lose("file/00/00/00"))),
    "copy: a tile damaged": Case(damaged(lambda copy: copy.flip("tile/0/000.p/4"))),
    "copy: a bundle damaged": Case(damaged(lambda copy: copy.flip("tile/entries/000.p/4", 9))),
    "copy: a page of the reading room damaged": Case(damaged(lambda copy: copy.flip("style.css"))),
    "copy: edition.txt damaged": Case(damaged(lambda copy: copy.flip("edition.txt"))),
    "copy: charter.txt damaged": Case(damaged(lambda copy: copy.flip("charter.txt"))),
    "copy: checkpoint damaged": Case(damaged(lambda copy: copy.flip("checkpoint"))),
    "copy: checkpoint lost": Case(damaged(lambda copy: copy.lose("checkpoint"))),
    "copy: the first folder damaged": Case(damaged(lambda copy: copy.flip("/"))),
    "copy: the first folder lost": Case(damaged(lambda copy: copy.lose("/"))),
    "tree: a checkpoint with its line twice": Case(
        lying(signing("checkpoint", lambda text: sign_text(text, Mirror().key, Mirror().key)))
    ),
    "tree: what was withdrawn is still here": Case(lying(still_here)),
    "tree: no attachments at all": Case(lying(lose_files)),
    "tree: a folder of another size": Case(lying(other_tsize)),
    "folder: a page changed": Case(as_folder(lambda files: files.update({"tree/index.html": b"<p>Lies"})), "tree"),
    "folder: a note missing": Case(as_folder(lambda files: files.pop("tree/note/00/00/00/03.txt")), "tree"),
    "folder: a file that a desktop left": Case(as_folder(lambda files: files.update({"tree/.DS_Store": b"x"})), "tree"),
    "folder: a note that was edited": Case(
        as_folder(lambda files: files.update({"tree/note/00/00/00/03.txt": b"edited"})), "tree"
    ),
    "archive: an older head": Case(
        as_archive(lambda files, copy: files.update({"kept/head": f"{honest().lay().root}\n".encode()})), "kept"
    ),
    "archive: a head that is no line": Case(as_archive(lambda files, copy: files.update({"kept/head": b"x"})), "kept"),
    "archive: an older announcement": Case(
        as_archive(lambda files, copy: files.update({"kept/announcement.txt": honest().lay().announcement})), "kept"
    ),
    "archive: an edition's file missing": Case(
        as_archive(lambda files, copy: files.pop("kept/editions/000001.car")), "kept"
    ),
    "archive: an edition's file cut off": Case(
        as_archive(
            lambda files, copy: files.update({"kept/editions/000002.car": files["kept/editions/000002.car"][:-1]})
        ),
        "kept",
    ),
    "archive: a note that its keeper left out": Case(as_archive(left_out), "kept"),
    "archive: a list of what is left out that is none": Case(
        as_archive(lambda files, copy: (left_out(files, copy), files.update({"kept/left-out": b"x"}))), "kept"
    ),
    "announced: another edition": Case(
        announced(lambda mirror: setattr(mirror, "edit_announcement", lambda made: replace(made, edition=2))),
        "announcement.txt",
        source=CAR,
    ),
    "announced: another tree": Case(
        announced(lambda mirror: setattr(mirror, "edit_announcement", lambda made: replace(made, root_cid=NOTHING))),
        "announcement.txt",
        source=CAR,
    ),
    "announced: by another key": Case(
        announced(lambda mirror: setattr(mirror, "sign_announcement", lambda text: sign_text(text, OTHER))),
        "announcement.txt",
        source=CAR,
    ),
    "seen: the same": Case(remembered(honest, honest), seen="seen.txt"),
    "seen: an earlier edition": Case(remembered(lambda: later(honest()), honest), seen="seen.txt"),
    "seen: a later edition": Case(remembered(honest, lambda: later(honest())), seen="seen.txt"),
    "seen: a later edition of the same log": Case(remembered(honest, lambda: numbered(2, honest())), seen="seen.txt"),
    "seen: this edition with another tree": Case(remembered(lambda: with_page(b"another"), honest), seen="seen.txt"),
    "seen: another log of the same size": Case(remembered(lambda: another_log(3), honest), seen="seen.txt"),
    "seen: another log that is larger": Case(remembered(lambda: another_log(4), honest), seen="seen.txt"),
    "seen: a larger log in an earlier edition": Case(
        remembered(lambda: numbered(3, honest()), lambda: later(honest())), seen="seen.txt"
    ),
    "note: a testimony": Case(alone(1), "note.txt"),
    "note: a testimony by its author": Case(alone(2), "note.txt"),
    "note: a testimony, no key given": Case(alone(1), "note.txt", key=""),
    "note: a testimony, another key": Case(alone(1), "note.txt", key=OTHER.public.vkey),
    "note: a testimony, a k51 name": Case(alone(1), "note.txt", key=str(KEY.ipns)),
    "note: a charter": Case(alone(0), "note.txt"),
    "note: a charter, no key given": Case(alone(0), "note.txt", key=""),
    "note: an edition": Case(lambda: {"note.txt": page_of(honest(), "edition.txt")}, "note.txt"),
    "note: an announcement": Case(lambda: {"note.txt": honest().lay().announcement}, "note.txt"),
    "note: a withdrawal": Case(
        lambda: {"note.txt": sign_text(Withdrawal(NAME, honest().charter_cid, (1,)).text, Mirror().key)}, "note.txt"
    ),
    "note: a letter changed": Case(alone(1, lambda data: data.replace(b"One.", b"Two.")), "note.txt"),
    "note: a line more": Case(signed(text_of(1), Mirror().key, OTHER), "note.txt"),
    "note: signed by nobody who may": Case(signed(text_of(1), OTHER), "note.txt"),
    "note: the author's line missing": Case(signed(text_of(2), Mirror().key), "note.txt"),
    "note: a newline more": Case(alone(1, lambda data: data + b"\n"), "note.txt"),
    "note: of a newer version, signed": Case(signed("mirror/v2 testimony\nMirror: x\n", Mirror().key), "note.txt"),
    "note: of a newer version, by another": Case(signed("mirror/v2 testimony\nMirror: x\n", OTHER), "note.txt"),
    "note: of a newer kind": Case(signed(f"mirror/v1 drawing\nMirror: {NAME}\n", Mirror().key), "note.txt"),
    "note: no note of ours": Case(signed("hello\n", Mirror().key), "note.txt"),
    "note: no note": Case(lambda: {"note.txt": b"hello\n"}, "note.txt"),
    "note: handed in": Case(handed_in(), "note.txt"),
    "note: handed in, and changed": Case(handed_in(lambda data: data.replace(b"On", b"In")), "note.txt"),
    "note: an attachment beside it": Case(beside("1.png"), "one/note.txt"),
    "note: a changed attachment beside it": Case(beside("1.png", lambda data: data + b"x"), "one/note.txt"),
    "note: an attachment of another name beside it": Case(beside("2.png"), "one/note.txt"),
    "proof: it fits": Case(proven(1), "note.txt"),
    "proof: of a testimony by its author": Case(proven(2), "note.txt"),
    "proof: of the charter": Case(proven(0), "note.txt"),
    "proof: no key given": Case(proven(1), "note.txt", key=""),
    "proof: of another testimony": Case(proven(1, lambda mirror: bytes(proof_of(mirror, 3))), "note.txt"),
    "proof: another index": Case(proven(1, lambda mirror: bytes(replace(proof_of(mirror, 1), index=0))), "note.txt"),
    "proof: a hash changed": Case(
        proven(1, lambda mirror: with_hashes(proof_of(mirror, 1), lambda found: (bytes(32), *found[1:]))), "note.txt"
    ),
    "proof: a hash more": Case(
        proven(1, lambda mirror: with_hashes(proof_of(mirror, 1), lambda hashes: (*hashes, bytes(32)))), "note.txt"
    ),
    "proof: a hash less": Case(
        proven(1, lambda mirror: with_hashes(proof_of(mirror, 1), lambda hashes: hashes[:-1])), "note.txt"
    ),
    "proof: a checkpoint by another key": Case(
        proven(1, lambda mirror: bytes(replace(proof_of(mirror, 1), checkpoint=by_other(mirror)))), "note.txt"
    ),
    "proof: too short for its log, whose root hash is the leaf's": Case(proven(0, of_one_leaf), "note.txt"),
    "proof: no proof": Case(proven(1, lambda mirror: b"hello\n"), "note.txt"),
    "proof: of a later version of its format": Case(
        proven(1, lambda mirror: bytes(proof_of(mirror, 1)).replace(b"@v1", b"@v2")), "note.txt"
    ),
    "fork: of one size": Case(forked(another_log(3), honest()), "fork.txt"),
    "fork: of two sizes": Case(forked(another_log(4), honest()), "fork.txt"),
    "fork: no key given": Case(forked(another_log(4), honest()), "fork.txt", key=""),
    "fork: another key": Case(forked(another_log(4), honest()), "fork.txt", key=OTHER.public.vkey),
    "fork: none, of one size": Case(forked(honest(), honest()), "fork.txt"),
    "fork: none, of two sizes": Case(forked(later(honest()), honest()), "fork.txt"),
    "fork: a proof that does not hold": Case(
        forked(another_log(4), honest(), lambda data: data[:-10] + b"AAAAAAAAA\n"), "fork.txt"
    ),
}
CASES |= {f"page: {name}": Case(lying(tell)) for name, (tell, *_) in PAGES.items()}
CASES |= {f"entry: {name}": Case(lying(tell)) for name, (tell, *_) in ENTRIES.items()}
CASES |= {f"tile: {name}": Case(lying(tell)) for name, (tell, *_) in TILES.items()}
CASES |= {f"newer: {name}": Case(lying(tell)) for name, (tell, _) in NEWER.items()}
CASES |= {
    f"signed: {name}": Case(lying(lambda mirror, values=values: testify(mirror, values)))  # type: ignore[misc]
    for name, (values, _) in SIGNING.items()
}
CASES |= {f"stray: {path}": Case(lying(holding(path, b"stray"))) for path in STRAY}
CASES |= {
    f"profile: {name} in {folder or '/'}": Case(lying(printing(folder, change)))
    for folder in ("note/00/00/00", "page", "")
    for name, (change, _) in FOLDERS.items()
}
CASES |= {f"profile: {path} of another size": Case(lying(sized(path))) for path in SIZED}
CASES |= {f"profile: a node of {length} bytes, {sizes}": Case(lying(node(length, sizes))) for length, sizes in SIZES}
CASES |= {
    f"profile: a node over one leaf at {path}": Case(lying(padded(path)))
    for path in ("index.html", "tile/0/000.p/4", "note/00/00/00/03.txt", "file/00/00/00/01/1.jpg")
}
CASES |= {
    "profile: a node that says too much of a leaf": Case(lying(node(CHUNK + 5, (CHUNK, 5), tsize=6))),
    "profile: a node with a mode": Case(lying(node(CHUNK + 5, (CHUNK, 5), mode=0o644))),
    "good: a node of two leaves": Case(lying(node(CHUNK + 5, (CHUNK, 5)))),
    "tree: a page that has no place": Case(lying(holding("strange.txt", b"x"))),
    "profile: a leaf that is too long": Case(lying(too_long)),
    "profile: folders too deep": Case(lying(holding("page/" + "x/" * DEPTH_AT_MOST + "end.html", b""))),
    "good: folders as deep as they may be": Case(
        lying(holding("page/" + "x/" * (DEPTH_AT_MOST - 1) + "end.html", b""))
    ),
    "good: pages that link to each other without end": Case(
        lying(lambda mirror: folders_that_double(mirror, "page/x", b""))
    ),
}
