"""Attachments published: cleaned, listed, verified, taken back; and the commands that show them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted import ALL, MARK, TELLING, drawing, jpeg, png, saved, webp
from storyteller import Finished, make_identity, run_mirror
from strategies import AUTHOR, KEY
from test_publish import cids_in
from workbench import ENGLISH, Bench

from mirror import carry, tree
from mirror.cli.terminal import Terminal
from mirror.errors import Refused
from mirror.formats import unixfs
from mirror.formats.cid import CID, DAG_PB, RAW
from mirror.formats.fields import Attachment
from mirror.formats.unixfs import CHUNK
from mirror.intake import pictures
from mirror.intake.attachments import folder_of
from mirror.intake.drafts import Options
from mirror.store import files
from mirror.withdraw import by_publisher, withdraw

KEEPING = Options(language="en", keep_metadata=("paper.pdf",))
LARGE = b"%PDF-1.7\n" + bytes(range(256)) * (5 << 12)
"""A document of a little more than 5 MiB: six leaves and a node."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workspace.archive.close()


def put(bench: Bench, name: str, data: bytes) -> Path:
    path = bench.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def content(bench: Bench, index: int, name: str) -> bytes:
    link = bench.head.tree.link(tree.file_path(index, name))
    return b"".join(unixfs.read_file(link.cid, bench.workspace.archive.blocks.get, strict=True))


def as_published(bench: Bench) -> bytes:
    return b"".join(bench.files().values())


def reasons(bench: Bench, *paths: Path, options: Options = ENGLISH) -> list[str]:
    bench.prepare()
    return [flaw for flawed in bench.plan(*paths, options=options).flawed for flaw in flawed.flaws]


# The honest path


def test_every_kind_of_picture_is_published_clean(bench: Bench) -> None:
    for name, make in ALL.items():
        put(bench, f"IMG_20180405_123456.{name.lower()}", make())
    path = bench.write("one.md", attachments=[f"IMG_20180405_123456.{name.lower()}" for name in ALL])
    (listed,) = bench.publish(path)
    assert bench.verify().counts.attachments == 4
    names = ["1.jpg", "2.png", "3.gif", "4.webp"]
    assert [each.name for each in bench.testimony(1).attachments] == names
    assert [each.attachment for each in listed.step.attachments] == list(bench.testimony(1).attachments)
    for each, make in zip(bench.testimony(1).attachments, ALL.values(), strict=True):
        assert content(bench, 1, each.name) == pictures.clean(make()).data
        assert (each.media_type, each.length) == (
            f"image/{each.name[2:].replace('jpg', 'jpeg')}",
            len(pictures.clean(make()).data),
        )
    published = as_published(bench)
    assert [telling for telling in (*TELLING, b"IMG_2018") if telling in published] == []


def test_an_edition_adds_only_the_blocks_that_are_new(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    put(bench, "paper.pdf", LARGE)
    bench.publish(bench.write("one.md", "One.", attachments=["photo.jpg", "paper.pdf"]), options=KEEPING)
    first = set(cids_in(bench.car))
    bench.publish(bench.write("two.md", "Two.", attachments=["photo.jpg", "paper.pdf"]), options=KEEPING)
    second = set(cids_in(bench.car))
    assert not first & second
    assert bench.car.stat().st_size < 20_000
    bench.publish(bench.write("three.md", "Three."))
    assert bench.verify().counts.attachments == 4
    shared = {each.cid for each in bench.testimony(1).attachments}
    assert shared == {each.cid for each in bench.testimony(2).attachments}


def test_a_file_of_many_blocks_verifies_and_is_found_when_a_byte_changes(bench: Bench, tmp_path: Path) -> None:
    put(bench, "paper.pdf", LARGE)
    bench.publish(bench.write("one.md", attachments=["paper.pdf"]), options=KEEPING)
    (listed,) = bench.testimony(1).attachments
    assert (listed.cid.codec, listed.length, listed.media_type) == (DAG_PB, len(LARGE), "application/pdf")
    leaves = unixfs.parse(bench.workspace.archive.blocks.get(listed.cid)).links
    assert len(leaves) == 6
    assert all(leaf.cid.codec == RAW for leaf in leaves)
    assert content(bench, 1, "paper.pdf") == LARGE
    assert bench.verify().counts.attachments == 1
    written = carry.export_one(bench.head, 1, bench.workspace.archive.blocks.get, tmp_path / "one")
    assert written[-1].read_bytes() == LARGE
    place = bench.workspace.archive.blocks.places(leaves[2].cid)[0]
    with place.path.open("r+b") as file:
        file.seek(place.start + 12345)
        byte = file.read(1)
        file.seek(place.start + 12345)
        file.write(bytes((byte[0] ^ 1,)))
    bench.start()
    report = bench.report()
    assert report.exit_code() == 1
    assert "file/00/00/00/01/paper.pdf" in report.bad_items()


def test_a_translation_has_attachments_of_its_own(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    put(bench, "scan.png", png())
    original = bench.write("one.md", "One.", attachments=["photo.jpg"])
    other = bench.write(
        "two.md",
        "Еден.",
        language="mk",
        translation_of="one.md",
        translator="human",
        attachments=["scan.png", "photo.jpg"],
    )
    bench.publish(other, original)
    assert [each.name for each in bench.testimony(1).attachments] == ["1.jpg"]
    assert [each.name for each in bench.testimony(2).attachments] == ["1.png", "2.jpg"]
    assert bench.testimony(2).withdrawal == bench.testimony(1).withdrawal
    assert bench.verify().counts.attachments == 3


def test_ten_and_more_lie_in_the_order_of_names(bench: Bench) -> None:
    for at in range(12):
        put(bench, f"{at}.png", saved(drawing((8 + at, 8)), "PNG"))
    bench.publish(bench.write("one.md", attachments=[f"{at}.png" for at in range(12)]))
    assert [each.name for each in bench.testimony(1).attachments] == [f"{at}.png" for at in range(1, 13)]
    assert bench.verify().counts.attachments == 12


def test_many_testimonies_with_attachments_in_one_edition(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    paths = [
        bench.write(f"{at}.md", f"Number {at}.", **({"attachments": ["photo.jpg"]} if at % 3 else {}))
        for at in range(110)
    ]
    bench.publish(*paths)
    assert bench.verify().counts.attachments == 73


# Known again


def test_a_text_with_the_same_attachments_is_known(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    path = bench.write("one.md", attachments=["photo.jpg"])
    bench.publish(path)
    bench.prepare()
    assert bench.plan(path).known == [(path, 1)]
    (bench.workspace.home / "secret" / "texts.sqlite").unlink()
    assert bench.plan(path).known == [(path, 1)]


@pytest.mark.parametrize("change", ["picture", "list", "kept"])
def test_another_attachment_makes_another_text(bench: Bench, change: str) -> None:
    put(bench, "photo.jpg", jpeg())
    put(bench, "scan.png", png())
    path = bench.write("one.md", attachments=["photo.jpg"])
    bench.publish(path)
    options = ENGLISH
    if change == "picture":
        put(bench, "photo.jpg", jpeg(drawing().rotate(180)))
    elif change == "list":
        bench.write("one.md", attachments=["photo.jpg", "scan.png"])
    else:
        options = Options(language="en", keep_metadata=("photo.jpg",))
    other = shutil.copyfile(path, bench.folder / "two.md")
    bench.prepare()
    plan = bench.plan(other, options=options)
    assert (plan.known, len(plan.steps)) == ([], 1)


def test_other_metadata_alone_makes_no_other_text(bench: Bench) -> None:
    put(bench, "photo.jpg", saved(drawing(), "JPEG"))
    path = bench.write("one.md", attachments=["photo.jpg"])
    bench.publish(path)
    put(bench, "photo.jpg", saved(drawing(), "JPEG", comment=MARK))
    bench.prepare()
    assert bench.plan(path).known == [(path, 1)]


# Refused


def test_one_bad_attachment_keeps_everything_from_being_published(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    put(bench, "paper.pdf", LARGE)
    one = bench.write("one.md", "One.", attachments=["photo.jpg"])
    two = bench.write("two.md", "Two.", attachments=["photo.jpg", "paper.pdf"])
    found = reasons(bench, one, two)
    assert len(found) == 1
    assert found[0].startswith("attachment paper.pdf: it is a PDF")
    with pytest.raises(Refused, match="1 of the files cannot be published as they are"):
        bench.carry_out(bench.plan(one, two))
    assert bench.head.number == 1


def test_what_is_to_be_kept_has_to_be_there(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    path = bench.write("one.md", attachments=["photo.jpg"])
    with pytest.raises(Refused, match=r"--keep-metadata paper.pdf: no text names this file as its attachment"):
        reasons(bench, path, options=KEEPING)


@pytest.mark.parametrize("how", ["changed", "gone", "damaged"])
def test_a_file_that_changes_while_it_is_published_is_refused(bench: Bench, how: str) -> None:
    photo = put(bench, "photo.jpg", jpeg())
    path = bench.write("one.md", attachments=["photo.jpg"])
    bench.prepare()
    plan = bench.plan(path)
    photo.unlink()
    if how != "gone":
        put(bench, "photo.jpg", jpeg(drawing().rotate(180)) if how == "changed" else jpeg()[:-400])
    words = {"changed": "changed while it was being", "gone": "photo.jpg is not there", "damaged": "damaged or cut off"}
    with pytest.raises(Refused, match=words[how]):
        bench.carry_out(plan)
    assert bench.head.number == 1
    assert list(bench.workspace.archive.folder.rglob("*.tmp")) == []
    bench.verify()


def test_nothing_is_left_lying_about(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    put(bench, "photo.jpg", jpeg())
    before = set(tmp_path.rglob("*"))
    bench.publish(bench.write("one.md", attachments=["photo.jpg"]))
    new = {path.relative_to(tmp_path).as_posix() for path in set(tmp_path.rglob("*")) - before}
    assert {path for path in new if "/archive/" not in path} == {"drafts/one.md", "voices/secret/texts.sqlite"}
    assert list((tmp_path / "tmp").iterdir()) == []


# Withdrawn


def test_a_withdrawal_takes_the_attachments_and_leaves_those_of_others(bench: Bench) -> None:
    put(bench, "photo.jpg", jpeg())
    put(bench, "scan.png", png())
    bench.publish(
        bench.write("one.md", "One.", attachments=["photo.jpg", "scan.png"]),
        bench.write("two.md", "Two.", attachments=["photo.jpg"]),
    )
    bench.prepare()
    archive = bench.workspace.archive
    withdraw(bench.publisher, archive, KEY, by_publisher(bench.head, (1,)), reason=None, day=None)
    report = bench.verify()
    assert (report.counts.attachments, report.counts.withdrawn_by_publisher) == (1, 1)
    published = as_published(bench)
    assert pictures.clean(jpeg()).data in published
    assert pictures.clean(png()).data not in published


# Handed in by an author


def hand_in(bench: Bench, data: bytes, name: str = "1.jpg", note: str = "her.txt", **values: Any) -> Path:
    path = bench.folder / note
    put(bench, f"{folder_of(path).name}/{name}", data)
    listed = Attachment(CID.of_raw(data), len(data), "image/jpeg", name)
    return bench.hand_in(note, attachments=(listed,), **values)


def test_what_an_author_signed_is_published_with_her_note(bench: Bench) -> None:
    data = pictures.clean(jpeg()).data
    path = hand_in(bench, data)
    bench.publish(path)
    assert bench.verify().counts.by_authors == 1
    assert content(bench, 1, "1.jpg") == data
    assert bench.testimony(1).author == AUTHOR.public


def test_what_an_author_signed_has_to_be_there_whole_and_clean(bench: Bench) -> None:
    data = pictures.clean(jpeg()).data
    assert "it is a JPEG picture with " in reasons(bench, hand_in(bench, jpeg()))[0]
    path = hand_in(bench, data)
    put(bench, "her.txt.files/1.jpg", pictures.clean(jpeg(drawing().rotate(90))).data)
    assert reasons(bench, path)[0].startswith(
        "attachment 1.jpg: it is not the file that its author signed: its CID is bafkrei"
    )
    shutil.rmtree(folder_of(path))
    assert reasons(bench, path) == [f"{folder_of(path)} is not there"]


def test_an_author_may_not_hand_in_a_text_as_an_attachment(bench: Bench) -> None:
    path = hand_in(bench, b"Words.", "1.txt")
    assert reasons(bench, path)[0].endswith("1.txt is a text; publish it as a testimony of its own")


# On the command line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIRROR_IDENTITY_FILE", str(make_identity(tmp_path / "identity.txt")))
    monkeypatch.chdir(tmp_path)
    made = run_mirror(
        *("--home", "voices", "init", "voices.example/archive", "--title", "Voices", "--language", "en"),
        *("--text", "We gather testimonies.", "--recovery", "recovery.txt"),
    )
    assert made.code == 0, made.err
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    (drafts / "IMG_2018.jpg").write_bytes(jpeg())
    (drafts / "paper.pdf").write_bytes(LARGE)
    text = '+++\nlanguage = "en"\nattachments = ["IMG_2018.jpg", "paper.pdf"]\n+++\nWhat happened.\n'
    (drafts / "one.md").write_text(text, encoding="utf-8")
    return tmp_path


def mirror(*arguments: str) -> Finished:
    return run_mirror("--home", "voices", *arguments)


def as_json(*arguments: str) -> Any:
    finished = run_mirror("--json", "--home", "voices", *arguments)
    assert finished.code in (0, 3), finished
    return json.loads(finished.out)


def shown() -> list[str]:
    removed = ", ".join(pictures.clean(jpeg()).removed)
    return [
        f"attached  IMG_2018.jpg: a JPEG picture, becomes 1.jpg, {len(pictures.clean(jpeg()).data)} bytes; "
        f"removed: {removed}",
        f"attached  paper.pdf: a PDF, published as it is, with all that it tells: paper.pdf, {len(LARGE)} bytes",
        "look at   what the attachments show: faces, places and names in them are not cleaned",
    ]


def test_preview_and_publish_show_what_becomes_of_each_attachment(here: Path) -> None:
    previewed = mirror("preview", "--keep-metadata", "paper.pdf", "drafts")
    assert previewed.code == 0
    assert [line.strip() for line in previewed.out.split("\n") if line.strip() in shown()] == shown()
    published = mirror("publish", "--no-tokens", "--yes", "--keep-metadata", "paper.pdf", "drafts")
    assert published.code == 0, published.err
    assert [line for line in published.err.split("\n") if line in shown()] == shown()
    assert mirror("verify", "voices", "--key", vkey()).code == 0


def vkey() -> str:
    return str(as_json("list")["mirror"] and as_json("key", "show")["vkey"])


def test_without_saying_so_nothing_is_kept(here: Path) -> None:
    for command in (("preview", "drafts"), ("publish", "--no-tokens", "--yes", "drafts")):
        refused = mirror(*command)
        assert refused.code == 4
        assert "drafts/one.md: attachment paper.pdf: it is a PDF, which can tell who made it" in refused.err
    for command in (("preview",), ("publish", "--no-tokens", "--yes")):
        refused = mirror(*command, "--keep-metadata", "paper.pdf", "--keep-metadata", "other.pdf", "drafts")
        assert refused.code == 4
        assert "--keep-metadata other.pdf: no text names this file as its attachment" in refused.err


def test_programs_are_told_the_same(here: Path) -> None:
    (draft,) = as_json("preview", "--keep-metadata", "paper.pdf", "drafts")["drafts"]
    made = as_json("publish", "--no-tokens", "--yes", "--keep-metadata", "paper.pdf", "drafts")
    cleaned = pictures.clean(jpeg())
    photo, paper = draft["attachments"]
    assert made["testimonies"][0]["attachments"] == [photo, paper]
    assert photo == {
        "file": "drafts/IMG_2018.jpg",
        "name": "1.jpg",
        "media_type": "image/jpeg",
        "bytes": len(cleaned.data),
        "cid": str(CID.of_raw(cleaned.data)),
        "found": list(cleaned.removed),
        "kept": False,
    }
    assert (paper["name"], paper["kept"], paper["found"]) == ("paper.pdf", True, [])
    (read,) = as_json("read", "voices", "1")["testimonies"]
    assert read["attachments"] == [
        {key: each[key] for key in ("name", "media_type", "bytes", "cid")} for each in (photo, paper)
    ]
    said = mirror("read", "voices", "1").out
    assert f"    attachment: 1.jpg, image/jpeg, {len(cleaned.data)} bytes\n" in said
    assert f"    attachment: paper.pdf, application/pdf, {len(LARGE)} bytes\n" in said


def sign(*arguments: str) -> Finished:
    if not Path("anna.age").exists():
        assert run_mirror("key", "new", "anna.example", "-o", "anna.age").code == 0
    given = ("--for", "voices/archive/announcement.txt", "--key", "anna.age", "--yes", "drafts/one.md")
    return run_mirror("--json", "sign", *arguments, *given)


def test_an_author_cleans_on_her_own_machine_and_hands_in_note_and_files(here: Path) -> None:
    signed = sign("--keep-metadata", "paper.pdf")
    assert signed.code == 0, signed.err
    folder = Path("drafts/one.signed.txt.files")
    assert sorted(path.name for path in folder.iterdir()) == ["1.jpg", "paper.pdf"]
    assert (folder / "1.jpg").read_bytes() == pictures.clean(jpeg()).data
    assert (folder / "paper.pdf").read_bytes() == LARGE
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "1.jpg").stat().st_mode & 0o777 == 0o600
    shutil.copytree("drafts", "inbox", ignore=shutil.ignore_patterns("one.md", "IMG_2018.jpg", "paper.pdf"))
    shutil.copyfile("drafts/paper.pdf", "inbox/one.signed.txt.files/paper.pdf")
    refused = mirror("publish", "--no-tokens", "--yes", "inbox")
    assert refused.code == 4
    assert "inbox/one.signed.txt: attachment paper.pdf: it is a PDF, as its author signed it" in refused.err
    published = mirror("publish", "--no-tokens", "--yes", "--keep-metadata", "paper.pdf", "inbox")
    assert published.code == 0, published.err
    report = as_json("verify", "voices", "--key", vkey())
    assert (report["counts"]["attachments"], report["exit_code"]) == (2, 0)


def test_signing_writes_all_or_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / "drafts" / "one.signed.txt.files"
    folder.mkdir()
    assert "one.signed.txt.files exists already and is not overwritten" in sign("--keep-metadata", "paper.pdf").err
    folder.rmdir()
    refused = sign()
    assert (refused.code, folder.exists()) == (4, False)
    real = files.create

    def full(path: Path, data: bytes, **options: Any) -> None:
        if path.name == "one.signed.txt":
            raise Refused("the disk is full")
        real(path, data, **options)

    monkeypatch.setattr(files, "create", full)
    refused = sign("--keep-metadata", "paper.pdf")
    assert (refused.code, "the disk is full" in refused.err) == (4, True)
    assert not folder.exists()
    assert not (here / "drafts" / "one.signed.txt").exists()


def test_a_picture_that_changes_while_it_is_signed_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(self: Terminal, question: str, *, yes: bool) -> bool:
        Path("drafts/IMG_2018.jpg").write_bytes(webp())
        return True

    monkeypatch.setattr(Terminal, "confirm", change)
    refused = sign("--keep-metadata", "paper.pdf")
    assert (refused.code, "IMG_2018.jpg changed while it was being signed" in refused.err) == (4, True)
    assert not Path("drafts/one.signed.txt.files").exists()


def test_names_from_outside_are_escaped(here: Path) -> None:
    (here / "drafts" / "a\x1b[31m\u202e.jpg").write_bytes(jpeg())
    text = '+++\nlanguage = "en"\nattachments = ["a\\u001b[31m\\u202e.jpg"]\n+++\nWhat happened.\n'
    (here / "drafts" / "one.md").write_text(text, encoding="utf-8")
    (here / "drafts" / "IMG_2018.jpg").unlink()
    (here / "drafts" / "paper.pdf").unlink()
    previewed = mirror("preview", "drafts")
    assert previewed.code == 0, previewed.err
    assert "attached" in previewed.out
    assert "\x1b" not in previewed.out + previewed.err
    assert "\u202e" not in previewed.out + previewed.err


def test_the_pictures_module_is_loaded_only_for_pictures(here: Path) -> None:
    (here / "drafts" / "one.md").write_text('+++\nlanguage = "en"\n+++\nWords.\n', encoding="utf-8")
    (here / "drafts" / "IMG_2018.jpg").unlink()
    (here / "drafts" / "paper.pdf").unlink()
    script = "import sys; from mirror.cli import main; main.run(['preview', 'drafts']); sys.exit('PIL' in sys.modules)"
    checkout = Path(pictures.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(checkout)}, check=False)
    assert done.returncode == 0


def test_the_document_is_as_large_as_it_says() -> None:
    assert 5 * CHUNK < len(LARGE) < 6 * CHUNK
