"""Draft letters: when a mail carries one, what it says, and how it comes out of LibreOffice."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from docx import Document
from docx.document import Document as Docx
from docx.oxml.ns import qn

from language.catalogue import text
from notifiers.digest import Digest
from notifiers.letters import enclosed, form, letter_of
from notifiers.letters.calling import occasion
from notifiers.letters.heading import heading
from notifiers.letters.measures import FILE
from notifiers.letters.wording import letter
from tests import office_programs
from tests.notifiers import letter_samples as s
from tests.notifiers import mail_builder as b
from tests.notifiers import mail_samples
from tests.office_programs import Pdf


def _words(digest: Digest) -> str:
    """The text of a letter, as Word's own format has it."""
    attachment = letter_of(digest)
    assert attachment is not None
    return " ".join(" ".join(_texts(Document(BytesIO(attachment.content)))).split())


def _texts(document: Docx) -> list[str]:
    """What each run of a file of Word says; an element's own text repeats its children's."""
    return [found.text or "" for found in document.element.iter(qn("w:t"))]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Pdf]:
    """Every sample as it is printed, from one start of LibreOffice."""
    folder = tmp_path_factory.mktemp("letters")
    files = []
    for name, sample in s.SAMPLES.items():
        attachment = letter_of(sample())
        assert attachment is not None, name
        files.append(folder / f"{name}.docx")
        files[-1].write_bytes(attachment.content)
    return office_programs.to_pdf(files, folder)


def test_a_chaser_carries_a_letter_from_the_rung_that_the_plan_names_on():
    """The first chaser is a mail; the second one may be followed by a signature."""
    assert [letter_of(s.chaser(f"2020-05-{day}")) is not None for day in (11, 12, 13)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("name", sorted(mail_samples.SAMPLES))
def test_no_mail_carries_a_letter_unless_its_plan_says_so(name: str):
    """The ladder of these plans names no letter: nothing is enclosed, nothing is said."""
    digest = mail_samples.SAMPLES[name]("vi")
    assert letter_of(digest) is None
    assert enclosed(digest) == ""


def test_a_reminder_carries_no_letter():
    """Nobody is written to for what is not late yet."""
    digest = b.digest(b.opened(s.plan()), "so-y-te", b.at("2020-05-08 08:00"))
    assert letter_of(digest) is None


def test_only_the_escalation_that_asks_for_it_carries_a_letter():
    """The first report to the coordinator is for its eyes, the second for its signature."""
    state = b.without(b.opened(s.plan()), "final-report", mail_samples.LATE)
    found = [
        letter_of(b.digest(state, "so-noi-vu", b.at(f"2020-05-{day} 08:00"))) for day in (11, 12)
    ]
    assert [one is not None for one in found] == [False, True]


def test_the_sender_writes_no_letter_to_itself_nor_chases_the_body_above_it():
    """Sở Nội vụ does not đôn đốc Sở Nội vụ, and not UBND tỉnh."""
    for late in ("so-noi-vu", "ubnd-tinh"):
        task = replace(b.REPORT, by=(late,))
        built = b.plan(task, ladders={"standard": replace(s.LADDER, escalate=())})
        digest = b.digest(b.opened(built), late, b.at("2020-05-12 08:00"))
        assert digest.own
        assert letter_of(digest) is None


def test_a_district_gets_one_letter_of_its_own_tasks_and_of_its_communes():
    """One letter, as one mail: what it owes first, then the table of those below it."""
    own, late = s.chaser(), s.direction()
    both = replace(late, lines=(*late.lines, *own.lines))
    said = letter(both, occasion(both))
    assert [item.title for item in said.items] == [f"{b.REPORT.title} ({b.REPORT.ref})"]
    assert said.table is not None
    assert said.table.opening.startswith("Ngoài ra, đến ngày 11/5/2020, 2 đơn vị")
    assert len(said.requests) == 2


def test_the_same_digest_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch):
    """A mail sent again under its Message-ID must be the same mail, whatever the clock says."""
    first = letter_of(s.report())
    later = time.time() + timedelta(days=400).total_seconds()
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(later))
    assert letter_of(s.report()) == first


def test_a_letter_is_dated_as_of_the_mail():
    """Neither the file nor its parts carry the time at which a machine wrote them."""
    attachment = letter_of(s.chaser())
    assert attachment is not None
    dates = {entry.date_time for entry in ZipFile(BytesIO(attachment.content)).infolist()}
    assert dates == {(2020, 5, 12, 8, 0, 0)}
    properties = Document(BytesIO(attachment.content)).core_properties
    assert properties.created == properties.modified
    assert f"{properties.created:%Y-%m-%d %H:%M}" == "2020-05-12 01:00"


def test_a_file_is_named_for_what_it_is():
    """In plain ASCII, which every mail program and file system keeps."""
    attachment = letter_of(s.chaser())
    assert attachment is not None
    assert attachment.filename == "du-thao-cong-van-don-doc-37-KH-UBND-so-y-te-2020-05-12.docx"
    assert attachment.content_type.endswith("wordprocessingml.document")


def test_a_hostile_number_names_no_other_folder():
    """A file's name has letters, digits and hyphens, and an end to it."""
    attachment = letter_of(s.hostile())
    assert attachment is not None
    assert re.fullmatch(r"[A-Za-z0-9-]+\.docx", attachment.filename)
    assert len(attachment.filename) < 150


def test_the_mail_says_what_goes_with_it_in_its_own_language():
    """The letter is Vietnamese whatever the mail speaks; the mail says so."""
    digest = s.chaser()
    assert enclosed(digest).startswith("Kèm theo: dự thảo công văn đôn đốc Sở Y tế (tệp du-thao-")
    english = enclosed(replace(digest, language="en"))
    assert english.startswith("Enclosed: a draft official letter")
    assert "in Vietnamese" in english


def test_a_letter_is_vietnamese_where_the_mail_is_english():
    """It is a Vietnamese administrative document, to the byte."""
    digest = s.chaser()
    assert letter_of(replace(digest, language="en")) == letter_of(digest)


def test_the_form_in_the_repository_is_the_one_that_the_script_makes():
    """Whoever changes the form changes the script: `python -m notifiers.letters.form`."""
    made, kept = ZipFile(BytesIO(form.form())), ZipFile(FILE)
    assert made.namelist() == kept.namelist()
    for name in made.namelist():
        assert made.read(name) == kept.read(name), name


def test_the_form_has_the_sizes_of_decree_30():
    """Appendix I: A4, margins of 20-25, 30-35 and 15-20 mm, Times New Roman in 13 to 14 points."""
    document = Document(str(FILE))
    section = document.sections[0]
    assert section.page_width is not None
    assert section.page_height is not None
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    lengths = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    allowed = ((20, 25), (20, 25), (30, 35), (15, 20))
    for length, (least, most) in zip(lengths, allowed, strict=True):
        assert length is not None
        assert least <= round(length.mm) <= most
    fonts = {style.font.name for style in document.styles if getattr(style, "font", None)}
    assert fonts <= {"Times New Roman", None}
    wanted = {
        "Nation": (13, True, False),
        "Motto": (14, True, False),
        "Issuer Above": (13, False, False),
        "Issuer": (13, True, False),
        "Number": (13, False, False),
        "Place": (14, False, True),
        "About": (12, False, False),
        "To": (14, False, False),
        "Body": (14, False, False),
        "Recipients Lead": (12, True, True),
        "Recipients": (11, False, False),
        "Power": (14, True, False),
        "Signer": (14, True, False),
    }
    found = {}
    for name in wanted:
        font = document.styles[name].font
        found[name] = (font.size.pt, font.bold, font.italic)
    assert found == wanted


@pytest.mark.parametrize(
    ("coordinator", "superior", "above", "issuer", "place"),
    [
        (
            "Sở Nội vụ",
            "Ủy ban nhân dân tỉnh Tuyên Quang",
            "UBND TỈNH TUYÊN QUANG",
            "SỞ NỘI VỤ",
            "Tuyên Quang, ngày",
        ),
        (
            "Sở Lao động - Thương binh và Xã hội tỉnh Hà Nam",
            "Uỷ ban nhân dân tỉnh Hà Nam",
            "UBND TỈNH HÀ NAM",
            "SỞ LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI TỈNH HÀ NAM",
            "Hà Nam, ngày",
        ),
        ("UBND quận 1", "UBND TP", "", "ỦY BAN NHÂN DÂN QUẬN 1", "Quận 1, ngày"),
        ("Sở X", "UBND thành phố Hồ Chí Minh", "UBND THÀNH PHỐ HỒ CHÍ MINH", "SỞ X", "Thành phố"),
        ("Vụ A", "Bộ B", "BỘ B", "VỤ A", "……"),
    ],
)
def test_a_letter_is_headed_by_what_the_plan_knows(
    coordinator: str, superior: str, above: str, issuer: str, place: str
):
    """Appendix I, II.2 and II.4; where no unit is named, the place is left blank."""
    named = b.agencies()
    named["so-noi-vu"] = replace(named["so-noi-vu"], name=coordinator)
    named["ubnd-tinh"] = replace(named["ubnd-tinh"], name=superior)
    plan = b.plan(agencies=named)
    found = heading(plan, plan.agencies[plan.coordinator], 2020)
    assert (found.above, found.issuer) == (above, issuer)
    assert found.place.startswith(place)


def test_what_was_reported_above_is_copied_there():
    """Nơi nhận names who was told before, for whom the letter is news."""
    ladder = replace(s.LADDER, overdue=replace(s.LADDER.overdue, letter_from=6))
    digest = s.chaser("2020-05-18", ladders={"standard": ladder})
    said = letter(digest, occasion(digest))
    assert said.recipients[1] == "- Ủy ban nhân dân tỉnh Tuyên Quang (để báo cáo);"
    facts = said.items[0].facts
    assert "Đã báo cáo việc quá hạn tới Ủy ban nhân dân tỉnh Tuyên Quang." in facts


def test_a_report_that_was_sent_back_says_why():
    """The office that gets the letter finds the reason in it."""
    first = b.submitted("final-report", "so-y-te", "2020-05-05 09:00")
    back = b.returned("final-report", "so-y-te", "2020-05-07 10:00", why="Thiếu Phụ lục III")
    state = b.opened(s.plan(), first, back)
    digest = b.digest(state, "so-y-te", b.at("2020-05-14 08:00"))
    assert "lý do: Thiếu Phụ lục III" in _words(digest)


def test_no_letter_sets_a_day_that_the_plan_does_not_know():
    """By when to answer is the signer's to say: the day is left blank."""
    known = {"06/4", "09/5", "10/5", "08/5", "11/5", "12/5"}
    assert set(re.findall(r"\b(\d\d/\d+)/2020", _words(s.chaser()))) == known
    assert "trước ngày …… tháng …… năm ……" in _words(s.chaser())


def test_what_is_hostile_is_only_text():
    """Braces are not evaluated, tags are not alive, signs that XML forbids are gone."""
    words = _words(s.hostile())
    assert "{{ 7 * 7 }} {% for x in y %}{# mất #} {_{ 8 }_} ]]>" in words
    assert '<b>&amp; "kết quả"</b>' in words
    assert "49" not in words
    assert not re.search("[\x00-\x1f\u202e\ufffe]", words)


# As it is printed.


@pytest.mark.parametrize("name", sorted(s.SAMPLES))
def test_every_letter_prints_on_a4_in_one_font(printed: Mapping[str, Pdf], name: str):
    """LibreOffice reads it; no letter of Vietnamese falls back to another font."""
    assert printed[name].size == (210, 297)
    assert printed[name].fonts == {office_programs.FONT.replace(" ", "")}


def test_a_chaser_fits_on_one_page_and_says_it_all(printed: Mapping[str, Pdf]):
    """Every part of the form, in its place, and what is not known left blank."""
    (page,) = printed["chaser"].pages
    lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
    assert lines[:2] == [
        "UBND TỈNH TUYÊN QUANG CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "SỞ NỘI VỤ Độc lập - Tự do - Hạnh phúc",
    ]
    assert lines[2] == "Số: / Tuyên Quang, ngày tháng năm 2020"
    words = printed["chaser"].text
    for said in (
        "V/v đôn đốc thực hiện nhiệm vụ quá hạn theo Kế hoạch số 37/KH-UBND",
        "DỰ THẢO",
        "Kính gửi: Sở Y tế",
        "Thực hiện Kế hoạch số 37/KH-UBND ngày 06 tháng 4 năm 2020 của Ủy ban nhân dân tỉnh",
        "Thời hạn: hết ngày 09/5/2020; đã quá hạn 2 ngày làm việc.",
        "Cách tính thời hạn: trước ngày 10/5/2020 (Chủ nhật); hết ngày 09/5/2020 (thứ Bảy)",
        "thông báo nhiệm vụ 06/4/2020; nhắc 5 lần, lần cuối 08/5/2020; đôn đốc 11/5/2020.",
        "gửi kết quả tới Sở Nội vụ trước ngày …… tháng …… năm ……",
        "nguyên nhân chậm",
        "Trân trọng./.",
        "Nơi nhận:",
        "- Như trên;",
        "- Lưu: VT,",
        "[QUYỀN HẠN, CHỨC VỤ]",
        "[Họ và tên]",
        "chưa ký, chưa ban hành",
    ):
        assert said in words, said


def test_a_letter_to_several_bodies_names_each(printed: Mapping[str, Pdf]):
    """Each on a line of its own, the last one with a full stop."""
    words = printed["chaser-of-all"].text
    assert "Kính gửi: - Sở Tài chính; - Sở Y tế;" in words
    assert "- UBND huyện Yên Sơn. Thực hiện" in words
    assert "gửi kết quả tới Sở Nội vụ trước ngày" in words


def test_the_table_of_late_bodies_is_headed_on_every_page(printed: Mapping[str, Pdf]):
    """Who turns a page still knows what a column says."""
    found = printed["report-of-many"]
    assert len(found.pages) == 3
    for number, page in enumerate(found.pages, 1):
        assert page.count("STT") == 1
        assert "chưa ký, chưa ban hành" in page
        assert (page.split()[0] == str(number)) == (number > 1)
    assert "27 cơ quan, đơn vị, trong đó có Sở Nội vụ, chưa có kết quả" in found.text
    assert "đôn đốc 4 lần, lần cuối 14/5/2020" in found.text


def test_each_late_body_stands_in_the_table_once():
    """Numbered through, whatever their tasks."""
    attachment = letter_of(s.report_of_many())
    assert attachment is not None
    rows = Document(BytesIO(attachment.content)).tables[1].rows
    numbers = [row.cells[0].text for row in rows if row.cells[0].text.isdecimal()]
    names = {row.cells[1].text for row in rows if row.cells[0].text.isdecimal()}
    assert numbers == [str(number) for number in range(1, 28)]
    assert len(names) == 27


def test_the_signature_never_stands_alone_on_a_page(printed: Mapping[str, Pdf]):
    """Its last words go with it: a signature on an empty page signs anything."""
    for name, found in printed.items():
        last = found.pages[-1]
        assert "[Họ và tên]" in last
        assert "./." in last, name


def test_a_report_reports_and_a_direction_asks(printed: Mapping[str, Pdf]):
    """Kính báo cáo goes up; a district is informed and asked to direct."""
    report, direction = printed["report"].text, printed["direction"].text
    assert "Sở Nội vụ kính báo cáo Ủy ban nhân dân tỉnh Tuyên Quang: đến ngày 15/5" in report
    assert "Sở Nội vụ trân trọng báo cáo./." in report
    assert "V/v chỉ đạo, đôn đốc các đơn vị" in direction
    assert "2 đơn vị thuộc phạm vi quản lý của UBND huyện Yên Sơn" in direction
    assert "gửi kết quả tới UBND huyện Yên Sơn trước ngày" in direction
    assert "kính" not in direction.replace("Kính gửi", "")


def test_a_sender_that_is_late_itself_gives_its_reason(printed: Mapping[str, Pdf]):
    """It reports on itself, and asks nobody to chase it."""
    words = printed["report-of-sender"].text
    assert "Sở Nội vụ chưa hoàn thành nhiệm vụ đã quá hạn thuộc trách nhiệm của mình" in words
    assert "nguyên nhân chậm: …" in words
    assert "Khẩn trương" not in words


def test_what_is_hostile_prints_as_text(printed: Mapping[str, Pdf]):
    """LibreOffice reads the whole of it."""
    assert "{{ 7 * 7 }} {% for x in y %}" in printed["hostile"].text
    assert "Trân trọng./." in printed["hostile"].text


def test_a_letter_speaks_from_the_catalogue_alone():
    """The form holds marks of Jinja and no words of its own."""
    words = "".join(_texts(Document(str(FILE))))
    bare = re.sub(r"{{.*?}}|{%.*?%}", "", words)
    assert set(bare.split()) <= {"-", "."}
    assert text("vi", "letter.draft") == "DỰ THẢO"
