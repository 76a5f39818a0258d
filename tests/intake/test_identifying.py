"""What may identify someone is pointed at, in many scripts; and ordinary words are left in peace."""

import pytest
from counterparts import shared
from hypothesis import given
from hypothesis import strategies as st

from mirror.intake.identifying import EXCERPT_AT_MOST, Finding, identifying_lines

PHONE, MAIL, HANDLE, WEB = "a phone number", "an e-mail address", "a handle", "a web address"
ADDRESS, DATE, PLACE = "an address", "an exact date", "coordinates"
PLATE, LONG = "a number plate or document number", "a long number"

FOUND = [
    # phone numbers
    ("call +49 30 901820 now", PHONE, "+49 30 901820"),
    ("(030) 1234-5678", PHONE, "(030) 1234-5678"),
    ("06.12.34.56.78", PHONE, "06.12.34.56.78"),
    ("电话+86 138 0013 8000。", PHONE, "+86 138 0013 8000"),
    ("اتصلي على ٠١٠ ١٢٣٤ ٥٦٧٨", PHONE, "٠١٠ ١٢٣٤ ٥٦٧٨"),
    ("شماره ۰۹۱۲-۳۴۵-۶۷۸۹ است", PHONE, "۰۹۱۲-۳۴۵-۶۷۸۹"),
    ("फ़ोन ९८७६५ ४३२१०", PHONE, "९८७६५ ४३२१०"),
    ("ফোন ০১৭১২-৩৪৫৬৭৮", PHONE, "০১৭১২-৩৪৫৬৭৮"),
    ("โทร ๐๘๑-๒๓๔-๕๖๗๘", PHONE, "๐๘๑-๒๓๔-๕๖๗๘"),
    ("０９０－１２３４－５６７８", PHONE, "０９０－１２３４－５６７８"),
    ("55\u200e 1234\u200b 5678", PHONE, "55\u200e 1234\u200b 5678"),
    # long numbers
    ("13800138000", LONG, "13800138000"),
    ("11010519491231002X", LONG, "11010519491231002X"),
    ("หมายเลข ๑๒๓๔๕๖๗", LONG, "๑๒๓๔๕๖๗"),
    # mail
    ("write to anna.b+x@mail.example.org.", MAIL, "anna.b+x@mail.example.org"),
    ("邮箱：zhang@例子.公司", MAIL, "zhang@例子.公司"),
    ("почта мария@пример.рф", MAIL, "мария@пример.рф"),
    ("anna (at) example", MAIL, "anna (at) example"),
    ("ａｂｃ＠ｑｑ．ｃｏｍ", MAIL, "ａｂｃ＠ｑｑ．ｃｏｍ"),
    # handles
    ("she is @little_bird there", HANDLE, "@little_bird"),
    ("请找@小明同学", HANDLE, "@小明同学"),
    ("微信号：xiaoming88", HANDLE, "微信号：xiaoming88"),
    ("加我微信号xiaoming_88", HANDLE, "微信号xiaoming_88"),
    ("WeChat ID: rose-1999", HANDLE, "WeChat ID: rose-1999"),
    ("Telegram: rosa_k", HANDLE, "Telegram: rosa_k"),
    ("تلگرام: sara_99", HANDLE, "تلگرام: sara_99"),
    ("whatsapp rosa_77", HANDLE, "whatsapp rosa_77"),
    ("카카오톡 아이디: hana22", HANDLE, "카카오톡 아이디: hana22"),
    # web addresses
    ("see https://example.org/people/7", WEB, "https://example.org/people/7"),
    ("主页www.example.org", WEB, "www.example.org"),
    ("t.me/somebody", WEB, "t.me/somebody"),
    ("facebook.com/some.body", WEB, "facebook.com/some.body"),
    # addresses
    ("12 Long Street", ADDRESS, "12 Long Street"),
    ("rue des Lilas, 14", ADDRESS, "rue des Lilas, 14"),
    ("Calle Mayor 5", ADDRESS, "Calle Mayor 5"),
    ("Lange Hauptstraße 7", ADDRESS, "Hauptstraße 7"),
    ("ул. Длинная, 12", ADDRESS, "ул. Длинная, 12"),
    ("Gül Sokak No 4", ADDRESS, "Sokak No 4"),
    ("شارع النيل ٢٣", ADDRESS, "شارع النيل ٢٣"),
    ("خیابان بهار، پلاک ۱۲", ADDRESS, "خیابان بهار، پلاک ۱۲"),
    ("長安街１２號", ADDRESS, "街１２號"),
    ("人民路88号3单元", ADDRESS, "路88号"),
    ("桜町二丁目", ADDRESS, "二丁目"),
    ("ถนนยาว ๑๒", ADDRESS, "ถนนยาว ๑๒"),
    ("S.L.P 123", ADDRESS, "S.L.P 123"),
    # exact dates
    ("2018-04-07", DATE, "2018-04-07"),
    ("2018–04–07", DATE, "2018–04–07"),
    ("7/4/18", DATE, "7/4/18"),
    ("20180407", DATE, "20180407"),
    ("2018年4月7日", DATE, "2018年4月7日"),
    ("二〇一八年四月七日", DATE, "四月七日"),
    ("2018년 4월 7일", DATE, "2018년 4월 7일"),
    ("٧/٤/٢٠١٨", DATE, "٧/٤/٢٠١٨"),
    ("۱۳۹۷/۱/۱۸", DATE, "۱۳۹۷/۱/۱८".replace("८", "۸")),
    ("on the 7th of April", DATE, "7th of April"),
    ("April 7, 2018", DATE, "April 7"),
    ("le 1er avril", DATE, "1er avril"),
    ("le 5 d’août", DATE, "5 d’août"),
    ("el 7 de abril", DATE, "7 de abril"),
    ("am 7. April", DATE, "7. April"),
    ("7-го апреля", DATE, "7-го апреля"),
    ("7 квітня", DATE, "7 квітня"),
    ("7 април", DATE, "7 април"),
    ("7 Nisan'da", DATE, "7 Nisan"),
    ("٧ أبريل", DATE, "٧ أبريل"),
    ("۱۸ فروردین", DATE, "۱۸ فروردین"),
    ("7 اپریل", DATE, "7 اپریل"),
    ("७ अप्रैल", DATE, "७ अप्रैल"),
    ("৭ এপ্রিলে", DATE, "৭ এপ্রিলে"),
    ("tarehe 7 Aprili", DATE, "7 Aprili"),
    ("7 ga Afrilu", DATE, "7 ga Afrilu"),
    ("ሚያዝያ 7", DATE, "ሚያዝያ 7"),
    ("7 აპრილს", DATE, "7 აპრილს"),
    ("7 Απριλίου", DATE, "7 Απριλίου"),
    ("7 באפריל", DATE, "7 באפריל"),
    ("7 เมษายน", DATE, "7 เมษายน"),
    ("วันที่ ๗", DATE, "วันที่ ๗"),
    ("ngày 7 tháng 4", DATE, "ngày 7"),
    # coordinates
    ("52.5200, 13.4050", PLACE, "52.5200, 13.4050"),
    ("52° 31′ N", PLACE, "52° 31′"),
    ("٣٠٫٠٤٤٤، ٣١٫٢٣٥٧".replace("،", ","), PLACE, "٣٠٫٠٤٤٤, ٣١٫٢٣٥٧"),
    ("北纬39度", PLACE, "北纬39"),
    ("9F4MGC2M+H4", PLACE, "9F4MGC2M+H4"),
    # plates, passports
    ("passport C01234567", PLATE, "C01234567"),
    ("AB 123 CD", PLATE, "AB 123 CD"),
    ("А123ВС", PLATE, "А123ВС"),
    ("京A·12345", PLATE, "京A·12345"),
]

LEFT_IN_PEACE = [
    "",
    "In 2018 I was a student.",
    "In April 2018, and again in May.",
    "from 2015-2018",
    "2015 2016 2017",
    "(2018) 2019",
    "published in 1984, 1999 and 2001",
    "3 years, 12 months, 20 people",
    "1,000 or 10 000 or 1 000 000 or 2.500.000 or 300000",
    "chapter 4, page 17",
    "at 5 o'clock",
    "38 °C, 5 %",
    "version 1.2",
    "MAY 2018",
    "G20, A4, H1N1, COVID-19",
    "I wrote on WhatsApp that I would not come.",
    "a @ b",
    "15 women in April",
    "the 1st of them",
    "2018、4、7",
    "we walked down the street together",
    "5 martyrs, 3 marshes",
    "2018年，我还是学生。",
    "2018年4月",
    "我们三个人，一共去了五次。",
    "في عام ٢٠١٨",
    "در سال ۱۳۹۷",
    "सन २०१८ में",
    "২০১৮ সালে",
    "ปี ๒๕๖๑",
    "в 2018 году",
    "2018년",
    "በ2018 ዓ.ም.",
]


@pytest.mark.parametrize(("line", "kind", "excerpt"), FOUND)
def test_what_may_identify_is_found(line: str, kind: str, excerpt: str) -> None:
    findings = list(identifying_lines(f"first\n{line}\nlast"))
    assert Finding(2, line.index(excerpt) + 1, kind, excerpt) in findings


@pytest.mark.parametrize("line", LEFT_IN_PEACE)
def test_ordinary_words_are_left_in_peace(line: str) -> None:
    assert list(identifying_lines(line)) == []


def test_a_finding_says_where_and_only_may() -> None:
    (finding,) = identifying_lines("one\n  two +49 30 901820")
    assert str(finding) == "line 2, column 7: may be a phone number: +49 30 901820"


def test_all_findings_of_a_line_come_in_order_and_none_overlap() -> None:
    line = "7 April 2018, 12 Long Street, anna@example.org, +49 30 901820"
    assert [(each.column, each.kind) for each in identifying_lines(line)] == [
        (1, DATE),
        (15, ADDRESS),
        (31, MAIL),
        (49, PHONE),
    ]


def test_a_long_excerpt_is_marked_as_cut() -> None:
    at_most = "https://" + "a" * (EXCERPT_AT_MOST - 8)
    assert [each.excerpt for each in identifying_lines(at_most)] == [at_most]
    assert [each.excerpt for each in identifying_lines(at_most + "b")] == [at_most + "…"]


HOSTILE = [
    "1", "1 ", "1-", "@", "@a", "+", "(", "1.", "1.111,", "A1", "路1", "月", "telegram ", "微信", "www.", "°",
    "5 april ", "1 street ", "(at", "\u200b", "٣", "x://", "1°", "PO", "19", "a-", "é%", "初一",
]  # fmt: skip


@pytest.mark.parametrize(
    ("piece", "letters"),
    [*((piece, 2**20) for piece in ("a", "a@", "a.", "1234567", "一月")), *((piece, 2**16) for piece in HOSTILE)],
)
def test_a_very_long_line_is_gone_through(piece: str, letters: int) -> None:
    """A pattern that goes over the same letters again and again would not come to an end here."""
    line = piece * (letters // len(piece))
    findings = list(identifying_lines(line + " anna@example.org"))
    assert findings[-1].excerpt.endswith("anna@example.org")
    assert all(len(finding.excerpt) <= EXCERPT_AT_MOST + 1 for finding in findings)


@given(st.text(alphabet="19 .-/+@a年月日路号(0)٣\n微信:", max_size=60) | st.text())
def test_every_excerpt_stands_where_it_is_said_to(text: str) -> None:
    lines = text.split("\n")
    behind = (1, 0)
    for each in identifying_lines(text):
        assert behind < (each.line, each.column)
        behind = (each.line, each.column)
        assert lines[each.line - 1].startswith(each.excerpt.removesuffix("…"), each.column - 1)


@pytest.mark.parametrize("name", ["eng", "arb", "hin", "rus", "tha", "cmn_hans", "kor", "swh", "amh", "kat", "tur"])
def test_a_text_about_nobody_trips_nothing(name: str) -> None:
    assert list(identifying_lines(shared(f"data/udhr/{name}.md").read_text("utf-8"))) == []
