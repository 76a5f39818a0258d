"""A small reading room in a folder, without an archive: every kind of entry, several scripts, hostile texts.

folder = lay(tmp_path)             # of a mirror whose charter is in English
folder = lay(tmp_path, "ar")       # in Arabic
(folder / "index.html").as_uri()
Listener(handing_out(folder))      # its files over HTTP
"""

from io import BytesIO
from pathlib import Path

from listening import Line, Reply, answering
from PIL import Image
from strategies import AUTHOR, KEY, NAME, raw_cid

from mirror import tree
from mirror.formats import notes
from mirror.formats.cid import CID
from mirror.formats.fields import Attachment
from mirror.site import feed, pages, places
from mirror.site.pages import Mirror, Shown, Summary, TakenBack, Translated
from mirror.site.words import LANGUAGES

CHARTER = """We collect what people of the valley tell of the years at the mill.

- Nothing here was changed after it was given.
- *Some texts tell of violence.* A line before them says so."""

MARKED = (
    "# A heading\n\n## Below it\n\n1. one\n3. three\n\n> said\n\n```\ncode\n```\n\n- What?\n- That.\n\n---\n\n**end**"
)

LEAVE = "http://weather.test/"

ZALGO = "".join(
    letter + "".join(chr(0x300 + (7 * at + mark) % 0x6F) for mark in range(20)) for at, letter in enumerate("come up")
)

HOSTILE = {
    "markup": "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">",
    "closing": "</p></div></details></article></main></body></html><style>*{display:none}</style>",
    "evasion": "<scr<script>ipt>document.title='ran'</scr</script>ipt> <svg/onload=document.title='ran'> \"><b>'><i>",
    "entities": "&lt;script&gt; &#60;script&#62; \\u003cscript\\u003e %3Cscript%3E",
    "links": "[go](javascript:document.title='ran') ![p](http://outside.example/p.png) <http://outside.example/a>",
    "style": "<link rel=stylesheet href=http://outside.example/s.css><meta http-equiv=refresh content=0;url=http://a.test>",
    "frames": "<iframe src=javascript:document.title='ran'></iframe><base href=http://outside.example/><form action=x>",
    "attributes": "\" onmouseover=document.title='ran' x=\" ' autofocus onfocus=document.title='ran' ` title=`",
    "encodings": "+ADw-script+AD4-document.title='ran'+ADw-/script+AD4- ja&#x76;ascript:a &Tab; data:text/html,s",
    "tables": "<table background=javascript:a><td><object data=x><embed src=x><svg><animate onbegin=a><math href=x>",
    "template": "{{ 7 * 7 }} {% raw %} ${7*7} <!-- comment -->",
    "overrides": "\u202eeht sdrawkcab\u202c \u2067isolated \u2066twice",
    "zalgo": ZALGO,
    "one line": "x" * 10**6,
    "many": "a\n\n" * 10_000,
    "folded": "> " * 200 + "- " * 200 + "deep",
    "terminal": "\u241b[2J \u2028 \u200b\ufeff \ufffd",
}
"""Texts that would like to be more than text."""


def told(body: str, language: str = "en", **values: object) -> notes.Testimony:
    """A testimony."""
    return notes.Testimony(NAME, raw_cid("charter"), language, b"w" * 32, b"s" * 16, body, **values)  # type: ignore[arg-type]


def picture() -> bytes:
    """A picture, wider than a phone."""
    data = BytesIO()
    Image.new("RGB", (1200, 700), (150, 160, 170)).save(data, "PNG")
    return data.getvalue()


def entries() -> list[Shown]:
    """The entries of two pages: the calm ones, and what others tried."""
    image = Attachment(CID.of_raw(picture()), len(picture()), "image/png", "the mill.png")
    letter = Attachment(raw_cid("letter"), 1_245_012, "application/pdf", "letter.pdf")
    calm = [
        told(
            "The foreman kept our papers in a drawer.\nOne of us asked for hers.\n\nShe did not come back.",
            title="The drawer",
            date="2018-04",
            tags=("work", "papers"),
            author=AUTHOR.public,
            attachments=(image, letter),
        ),
        told("What he did stays here.", title="Two people", warning="violence at work", attachments=(image,)),
        told("كان المشرف يحتفظ بأوراقنا في درج.\n\nسألته إحدانا عن أوراقها.", "ar", title="الدرج", tags=("عمل",)),
        told("نگران ہمارے کاغذات دراز میں رکھتا تھا۔", "ur", title="دراز"),
        told("工头把我们的证件锁在*抽屉*里。\n\n有一个人去要了。", "zh-Hans", title="抽屉", date="2018-04-23"),
        told("मुनीम हमारे काग़ज़ दराज़ में रखता था।", "hi"),
        told("Надзорникот ги чуваше нашите документи во фиока.", "mk", tags=("работа",)),
        told("Le contremaître gardait nos papiers.", "fr", translation_of=raw_cid("1"), translator="machine"),
        told(MARKED),
    ]
    found = [Shown(0, "charter", raw_cid("charter"))]
    for note in calm:
        index = len(found)
        original = 1 if note.translator else None
        translations = (Translated(8, "fr", "machine"), Translated(3, "ar", "human")) if index == 1 else ()
        found.append(Shown(index, "testimony", raw_cid(str(index)), note, translations=translations, original=original))
    found += [
        Shown(10, "testimony", raw_cid("10"), taken_back=TakenBack(12, True)),
        Shown(11, "testimony", raw_cid("11"), taken_back=TakenBack(12, False, "safety")),
        Shown(12, "withdrawal", raw_cid("12"), withdraws=(10, 11)),
        Shown(13, "later", raw_cid("13")),
    ]
    for name, text in HOSTILE.items():
        title = None if "\n" in text else text[:200]
        note = told(text, title=title, warning=title and f"{name} {title}", tags=("a-tag",))
        found += [
            Shown(len(found), "testimony", raw_cid(name), note),
            Shown(len(found) + 1, "testimony", raw_cid(name), told(text)),
        ]
    return found


def lay(folder: Path, language: str = "en") -> Path:
    """The room's pages in a folder, with the pictures and notes that they lead to."""
    charter = notes.Charter(NAME, KEY.public, b"r" * 32, language, "Voices of the valley", CHARTER)
    mirror = Mirror(charter, LEAVE, (("en", "Valley helpline, day and night: 100"), ("ar", "خط المساعدة: 200")))
    shown = entries()
    items = [pages.item(each.index, each.testimony) for each in shown if each.testimony]
    counts = (("ar", 1204), ("en", 530), ("zh-Hans", 321), ("fr", 40), ("mk", 12), ("ur", 3))
    tags = (("work", 812), ("papers", 120), ("عمل", 33), ("работа", 2))
    summary = Summary(12, 2113, b"h" * 32, 2110, 2, counts, 6, tags, 140, tuple(reversed(items))[:32], "2026-11-20")
    files = {places.STYLE: pages.style(), places.FEED: feed.feed(mirror, items), places.VERIFIER: b"<!doctype html>"}
    for number in range(len(shown) // 32 + 1):
        files[places.page(number)] = pages.testimonies_page(mirror, number, shown[32 * number : 32 * number + 32])
    for name, at in (("ar", places.language), ("work", places.tag)):
        files[at(name, 0)] = pages.list_page(mirror, at.__name__, name, 0, items[:9])
    files[places.FRONT] = pages.front_page(mirror, None, summary)
    files |= {places.front(tag): pages.front_page(mirror, tag, summary) for tag in LANGUAGES}
    files |= {tree.file_path(index, "the mill.png"): picture() for index in (1, 2)}
    files |= {tree.note_path(each.index): each.testimony.text.encode() for each in shown if each.testimony}
    for path, data in files.items():
        folder.joinpath(*path).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(*path).write_bytes(data)
    return folder


def handing_out(folder: Path) -> Reply:
    """The files of a folder over HTTP, with no header that protects anybody."""

    def reply(line: Line) -> None:
        file = folder / line.head.split(b" ")[1].decode().lstrip("/")
        kind = {".html": "text/html", ".css": "text/css"}.get(file.suffix, "text/plain")
        answering(file.read_bytes() if file.is_file() else b"", Content_Type=kind)(line)

    return reply
