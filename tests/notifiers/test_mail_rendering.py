"""Rendering: what each mail says, word for word, and what it must never say."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from engine.deadline import Before, NoDate, Phrase
from engine.ledger import Entry, EntryKind
from engine.plan import Agency
from language.catalogue import sentences
from notifiers.digest import Digest, compose
from notifiers.rendering import render, subject
from notifiers.words.page import Page, Roster
from notifiers.words.saying import Saying
from notifiers.words.wording import page
from tests.notifiers import mail_builder as b
from tests.notifiers.mail_reading import is_well_formed
from tests.notifiers.mail_samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = ("vi", "en")
REGENERATE = bool(os.environ.get("DONDOC_GOLDEN"))  # DONDOC_GOLDEN=1 pytest tests/notifiers
EVERY = pytest.mark.parametrize("name", SAMPLES)
BOTH = pytest.mark.parametrize("language", LANGUAGES)


@EVERY
@BOTH
def test_a_mail_reads_as_agreed(name: str, language: str) -> None:
    """Every word that an office gets was read by a person; a change shows in review."""
    made = render(SAMPLES[name](language))
    for ending, content in (("txt", f"{made.subject}\n\n{made.text}"), ("html", made.html)):
        path = GOLDEN / f"{name}.{language}.{ending}"
        if REGENERATE:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert content == path.read_text(encoding="utf-8"), path.name


@EVERY
@BOTH
def test_text_and_html_say_the_same(name: str, language: str) -> None:
    """Whoever reads plain text owes the same by the same day."""
    digest = SAMPLES[name](language)
    made = render(digest)
    text, html = _bare(made.text), _bare(_shown(made.html))

    for words in _words(page(digest)):
        assert _bare(words) in html, words
        assert _bare(words) in text, words
    assert set(re.findall(r"[\w/]+", html)) == set(re.findall(r"[\w/]+", text))


@EVERY
@BOTH
def test_a_mail_shows_no_workings(name: str, language: str) -> None:
    """No key, no brace, no `None`, no id reaches an office."""
    digest = SAMPLES[name](language)
    made = render(digest)
    for content in (made.subject, made.text, _shown(made.html)):
        assert not set("{}") & set(content)
        assert "None" not in content
        assert not re.search(r"\b(mail|notice|derivation)\.\w", content)
        assert "agency-reports" not in content
        assert "government.programme-issued" not in content


@EVERY
def test_a_vietnamese_mail_holds_no_english(name: str) -> None:
    """The catalogue is one; a sentence missing in it would show as English."""
    made = render(SAMPLES[name]("vi"))
    english = re.compile(r"\b(the|due|overdue|agency|agencies|working days?|task|reply|report)\b")

    assert not english.search(made.subject + made.text + _shown(made.html))


@EVERY
@BOTH
def test_html_is_small_self_contained_and_accessible(name: str, language: str) -> None:
    """Clients cut mail off at about 100 kB, block remote content, and are read aloud."""
    html = render(SAMPLES[name](language)).html

    assert len(html.encode()) < 100_000
    assert html.index("<meta charset") < 1024
    assert is_well_formed(html)
    assert f'<html lang="{language}">' in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert html.count("<h1") == 1
    assert not re.search(r"https?:|<img|<script|<link|url\(|@import|src=", html)
    assert not re.search(r"--tone|J\d+J", html)
    headings = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert all(two - one <= 1 for one, two in pairwise(headings))
    for table in re.findall(r"<table(?![^>]*presentation).*?</table>", html, re.S):
        assert 'scope="col"' in table
        assert 'scope="row"' in table


@EVERY
@BOTH
def test_a_subject_fits_on_one_line(name: str, language: str) -> None:
    """It sorts by the document's number and is readable in a list."""
    digest = SAMPLES[name](language)
    made = subject(digest)

    assert made == render(digest).subject
    assert made.startswith("[37/KH-UBND] ")
    assert len(made) <= 110
    assert made.isprintable()


def test_subjects_say_what_by_when_and_about_what() -> None:
    """Forty mails a day are sorted by their subjects."""
    starts = {name: subject(make("vi"))[13:] for name, make in SAMPLES.items()}

    assert starts["assign"].startswith("Đề nghị thực hiện – hạn 09/5/2020 – Báo cáo tổng kết")
    assert starts["remind"].startswith("Nhắc: còn 5 ngày làm việc – hạn 09/5/2020 – Báo cáo")
    assert starts["remind-last"].startswith("Hôm nay là ngày làm việc cuối – hạn 09/5/2020 –")
    assert starts["remind-today"].startswith("Hôm nay hết hạn – hạn 08/5/2020 – Báo cáo")
    assert starts["returned"].startswith("Đề nghị hoàn thiện – hạn 12/5/2020 – Báo cáo")
    assert starts["overdue-again"].startswith("Đôn đốc lần 3 – quá hạn từ 10/5/2020 – Báo cáo")
    assert starts["escalate-coordinator"].startswith("Báo cáo 5 cơ quan quá hạn – Báo cáo")


@pytest.mark.parametrize(
    ("title", "number"),
    [("Dòng một\r\nBcc: ai-do@example.org", "37/KH-UBND"), ("x" * 300, "37/KH-UBND")],
)
def test_a_subject_never_breaks_its_line(title: str, number: str) -> None:
    """A title with a line break cannot add a header, a long one cannot run on."""
    state = b.opened(b.plan(replace(b.REPORT, title=title), number=number))

    made = subject(b.digest(state, "so-y-te", b.STARTED))

    assert "\r" not in made
    assert "\n" not in made
    assert len(made) <= 110


def test_html_of_a_coordinator_is_shown_not_obeyed() -> None:
    """A title is text: no tag of it is alive in the mail."""
    report = replace(b.REPORT, title='<b onclick="x">A & B</b>', note="<img src=x>")
    state = b.opened(b.plan(report))

    html = render(b.digest(state, "so-y-te", b.STARTED)).html

    assert "<b " not in html
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html


def test_an_undated_task_is_never_threatened() -> None:
    """Where the document sets no date, the mail says so, and nothing about lateness to come."""
    rewards = replace(b.REWARDS, due=Phrase("không hạn", NoDate()))
    state = b.opened(b.plan(rewards))

    text = render(b.digest(state, "so-y-te", b.STARTED)).text

    assert "Văn bản không ấn định ngày hoàn thành" in text
    assert "báo cáo Sở Nội vụ" not in text
    assert "Tiếp theo" not in text
    assert "Thời hạn:" not in text


def test_what_is_never_chased_promises_no_end_of_chasing() -> None:
    """Of a task without a date nobody is reminded: what is answered is put on record."""
    statistics = b.opened(b.plan(b.STATISTICS))
    said = render(b.digest(statistics, "so-tu-phap", b.STARTED, language="vi")).text

    assert "ghi số và ngày của văn bản, để ghi vào sổ theo dõi." in said
    assert "việc nhắc dừng" not in said


def test_a_list_of_mail_shows_how_late_a_chaser_is() -> None:
    """Between forty others the first line has to say that a deadline is past."""
    late = render(SAMPLES["overdue-again"]("vi")).html
    soon = render(SAMPLES["remind"]("vi")).html

    assert "Quá hạn 3 ngày làm việc (hạn: hết ngày 09/5/2020) – Báo cáo" in late
    assert "Hạn: hết ngày 09/5/2020 (thứ Bảy) – Báo cáo" in soon


def test_a_chaser_that_brings_a_reminder_along_is_as_firm_as_one_alone() -> None:
    """Who is late for the third time does not get off lightly for owing something else."""
    said = render(SAMPLES["mixed-again"]("vi")).text

    assert "đã nhiều lần đôn đốc nhưng đến nay vẫn còn 1 nhiệm vụ quá hạn" in said
    assert "nêu rõ bằng văn bản lý do chậm và ngày hoàn thành" in said
    assert "nêu bằng văn bản gửi Sở Nội vụ tỉnh Tuyên Quang" in said


def test_a_report_says_where_the_results_are_to_go() -> None:
    """Whoever gives direction reads to whom, with copies to whom."""
    said = render(SAMPLES["escalate-superior"]("vi")).text
    district = render(SAMPLES["escalate-communes"]("vi")).text
    itself = render(SAMPLES["escalate-about-coordinator"]("vi")).text

    lead = "Gửi kết quả tới: "
    assert f"{lead}Sở Nội vụ tỉnh Tuyên Quang; đồng gửi: Sở Tư pháp; Sở Tài chính." in said
    assert f"{lead}UBND huyện Yên Sơn." in district
    assert lead not in itself


def test_a_district_sees_its_communes_with_their_number() -> None:
    """A district's task is about every commune of its own."""
    text = render(SAMPLES["assign-district"]("vi")).text

    assert "28 đơn vị: UBND xã Số 1; UBND xã Số 2;" in text
    assert "UBND xã Số 28" in text


def test_a_department_informs_a_district_and_reports_to_the_province() -> None:
    """Who stands beside the sender is not reported to; who stands above it is."""
    district = render(SAMPLES["escalate-parent"]("vi"))
    province = render(SAMPLES["escalate-superior"]("vi"))

    assert "kính báo cáo" in province.text
    assert "báo cáo UBND huyện" not in district.text
    assert district.subject.startswith("[37/KH-UBND] Thông báo 2 đơn vị quá hạn")
    assert "2 đơn vị thuộc phạm vi quản lý của UBND huyện Yên Sơn" in district.text
    assert "đề nghị UBND huyện Yên Sơn chỉ đạo, đôn đốc các đơn vị hoàn thành." in district.text


def test_a_commune_answers_to_its_district() -> None:
    """It reports to the district and turns to it in difficulties, not past it to the province."""
    text = render(SAMPLES["assign-commune"]("vi")).text

    assert "Gửi kết quả tới UBND huyện Yên Sơn" in text
    assert "kịp thời báo cáo bằng văn bản với UBND huyện Yên Sơn để xem xét" in text
    assert "báo cáo Ủy ban nhân dân tỉnh" not in text
    assert "đưa vào danh sách quá hạn gửi UBND huyện Yên Sơn lúc" in text


def test_a_commune_is_named_with_its_district_to_those_further_up() -> None:
    """Two districts may have communes of one name; the district knows its own."""
    assert "UBND xã Số 1 (UBND huyện Yên Sơn) –" in render(SAMPLES["escalate-communes"]("vi")).text
    assert "UBND xã Số 1 –" in render(SAMPLES["escalate-parent"]("vi")).text


def test_the_last_notice_to_a_district_says_that_nobody_above_hears_of_it() -> None:
    """A ladder may end with the district."""
    levels = b.levels()
    ends = replace(levels.ladders["communes"], escalate=levels.ladders["communes"].escalate[:1])
    levels = replace(levels, ladders={**levels.ladders, "communes": ends})

    text = render(b.digest(b.opened(levels), "huyen-yen-son", b.at("2020-05-11 08:00"))).text

    assert "Sau thông báo này, hệ thống không báo thêm lên cấp nào khác." in text


def test_only_whole_ids_become_titles() -> None:
    """A stage may be called by a word that stands within another."""
    saying = Saying(b.digest(b.opened(b.plan()), "so-y-te", b.STARTED))

    assert saying.phrase("sau khi agency-reports xong") == "sau khi Báo cáo của các cơ quan xong"
    assert saying.phrase("agency-reports-2, ágency-reportss") == "agency-reports-2, ágency-reportss"
    assert saying.phrase("kể từ government.programme-issued.").endswith(" Chương trình tổng thể.")


def test_a_chaser_grows_firmer() -> None:
    """Urged, then at once, then with the reason and a day, then with an explanation."""
    names = ("overdue-first", "overdue-second", "overdue-again", "overdue-reported")
    first, second, third, reported = (_opening(name) for name in names)

    assert "khẩn trương hoàn thành" in first
    assert "lý do chậm" not in first + second
    assert "đã đôn đốc lần 1 ngày 11/5/2020" in second
    assert "đã đôn đốc 2 lần (gần nhất ngày 12/5/2020)" in third
    assert "nêu rõ bằng văn bản lý do chậm và ngày hoàn thành" in third
    assert "ngày 15/5/2020, việc chậm" in reported
    assert "đã được báo cáo Ủy ban nhân dân tỉnh Tuyên Quang" in reported
    assert "có văn bản báo cáo giải trình" in reported
    assert len({first, second, third, reported}) == 4


def test_only_a_body_above_requires() -> None:
    """A department asks a department; a district may require of its commune."""
    assert "Yêu cầu UBND xã Số 1 hoàn thành ngay" in _opening("overdue-commune")
    for name in ("overdue-second", "overdue-again", "overdue-reported"):
        assert "êu cầu" not in render(SAMPLES[name]("vi")).text


@pytest.mark.parametrize(
    ("name", "sender", "answers"),
    [
        ("overdue-again", "Sở Nội vụ tỉnh Tuyên Quang", "so-noi-vu"),
        ("assign-district", "Sở Nội vụ tỉnh Tuyên Quang", "so-noi-vu"),
        ("escalate-parent", "Sở Nội vụ tỉnh Tuyên Quang", "so-noi-vu"),
        ("overdue-commune", "UBND huyện Yên Sơn", "huyen-yen-son"),
        ("escalate-coordinator", "Hệ thống đôn đốc", "so-noi-vu"),
        ("assign-coordinator", "Hệ thống đôn đốc", "so-noi-vu"),
        ("escalate-about-coordinator", "Hệ thống đôn đốc", "so-noi-vu"),
    ],
)
def test_a_mail_has_one_sender_throughout(name: str, sender: str, answers: str) -> None:
    """Head, sentence, signature and foot name the same; nobody writes to itself."""
    digest = SAMPLES[name]("vi")
    said = page(digest)

    assert said.sender == said.signature == digest.sender.name == sender
    assert digest.sender.email == f"vanthu@{answers}.example"
    on_behalf = f"thay mặt {sender}" in said.automatic
    assert on_behalf is (sender != "Hệ thống đôn đốc")
    assert "thay mặt Sở" not in said.automatic or on_behalf


@EVERY
def test_a_deadline_is_stated_once_beside_its_derivation(name: str) -> None:
    """Whoever reads forty mails reads no date twice."""
    for section in page(SAMPLES[name]("vi")).sections:
        for card in section.cards:
            due = [f.value for f in card.fields if f.label in ("Thời hạn", "Thời hạn mới")]
            assert len(due) <= 1
            assert not any(value.split(" (")[0] in card.status for value in due)


def test_what_was_returned_is_named() -> None:
    """An office sends many reports: which one came back, from whom, on what paper, why."""
    text = render(SAMPLES["returned"]("vi")).text

    assert "Văn bản được trả lại: Báo cáo số 118/BC-SYT ngày 05/5/2020" in text
    assert "Sở Nội vụ tỉnh Tuyên Quang, Công văn số 512/SNV-CCHC ngày 07/5/2020" in text
    assert "Thời hạn mới: hết ngày 12/5/2020" in text


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("76/NQ-CP", "Nghị quyết số 76/NQ-CP"),
        ("30/2020/NĐ-CP", "Nghị định số 30/2020/NĐ-CP"),
        ("512/UBND-NC", "Công văn số 512/UBND-NC"),
        ("6503/BNV-CCHC", "Công văn số 6503/BNV-CCHC"),
        ("12/BC", "Báo cáo số 12/BC"),
        ("15/QC-UBND", "văn bản số 15/QC-UBND"),
        ("Thông báo kết luận của Chủ tịch", "Thông báo kết luận của Chủ tịch"),
        ("1262/NQ-UBTVQH14", "Nghị quyết số 1262/NQ-UBTVQH14"),
        ("", ""),
    ],
)
def test_a_document_is_called_by_its_type(number: str, said: str) -> None:
    """The type stands in the number (Decree 30/2020/NĐ-CP, annex III); a letter has none."""
    saying = Saying(SAMPLES["remind"]("vi"))

    assert saying.document(number) == said
    assert saying.document(number, b.STARTED) == f"{said} ngày 06/4/2020".strip()


def test_an_extension_says_by_what_document_and_what_was_before() -> None:
    """A date that changed since the last mail is not to be taken for a mistake."""
    text = render(SAMPLES["extended"]("vi")).text

    assert "Thời hạn mới: hết ngày 22/5/2020" in text
    assert "đã được gia hạn theo Công văn số 512/UBND-NC" in text
    assert "thời hạn trước đó: hết ngày 09/5/2020" in text
    assert "Trả lời khó khăn, vướng mắc: “Dùng số liệu đến hết tháng 3" in text


def test_an_extension_without_a_document_names_none() -> None:
    """No empty brackets."""
    given = b.entry(
        EntryKind.EXTENDED, "final-report", "so-y-te", "2020-05-05 09:00", until="2020-05-24"
    )
    digest = b.digest(b.opened(b.plan(), given), "so-y-te", b.at("2020-05-22 08:00"))

    text = render(digest).text

    assert "Gia hạn: đã được gia hạn; thời hạn trước đó" in text
    assert "Cách tính hạn: ngày làm việc cuối cùng 22/5/2020" in text
    assert "()" not in text


def test_a_part_that_came_in_is_not_passed_over() -> None:
    """Who has sent a part is not told that nothing is there."""
    text = render(SAMPLES["overdue-part"]("vi")).text

    assert "chưa ghi nhận đầy đủ kết quả" in text
    assert "vẫn chưa ghi nhận kết quả" not in text
    assert "Báo cáo số 121/BC-SYT ngày 08/5/2020; còn thiếu phần còn lại" in text


def test_what_an_event_opens_names_its_document() -> None:
    """The task stands on the Government's resolution as much as on the plan."""
    text = render(SAMPLES["assign-after-event"]("vi")).text

    assert "Nghị quyết số 76/NQ-CP ngày 15/7/2021 (Chính phủ ban hành" in text


def test_a_stage_that_was_closed_by_time_is_not_called_done() -> None:
    """A term may run from that day; what was missing then is said."""
    keys = [b.key("review", commune) for commune in b.COMMUNES[:5]]
    at = b.at("2020-05-15 17:00")
    closed = Entry(
        EntryKind.STAGE_DONE, at, at, "test", stage="agency-reports", data={"missing": keys}
    )
    state = b.opened(b.levels(), closed)

    text = render(b.digest(state, "huyen-yen-son", b.at("2020-05-22 08:00"))).text

    assert "khép lại theo thời hạn ngày 15/5/2020, khi còn thiếu 5 kết quả" in text


def test_a_district_sees_each_commune_once_in_one_table() -> None:
    """Who is late since when, who has handed in what, who is waived or not yet due."""
    for name in ("remind-collecting", "escalate-collecting"):
        text = render(SAMPLES[name]("vi")).text
        for number in range(1, 6):
            assert text.count(f"UBND xã Số {number}") == 1, (name, number)
        assert "UBND xã Số 1: đã nộp Báo cáo số 12/BC-UBND ngày 05/5/2020" in text
        assert "UBND xã Số 4: được miễn" in text
        assert "UBND xã Số 5: chưa đến hạn (hết ngày 29/5/2020)" in text
    assert "đã nộp hoặc được miễn 2/5; quá hạn 2" in render(SAMPLES["remind-collecting"]("vi")).text


def test_chasers_of_different_number_are_asked_for_by_one_sentence() -> None:
    """One mail says once what is wanted; each task its own number."""
    later = replace(b.STATISTICS, due=Phrase("trước ngày 08/5/2020", Before(date(2020, 5, 8))))
    stage = b.plan(b.REPORT, later)

    said = page(b.digest(b.opened(stage), "so-tu-phap", b.at("2020-05-13 08:00")))

    assert "trong đó có nhiệm vụ đã được đôn đốc nhiều lần" in said.opening
    assert [card.status[:13] for card in said.sections[0].cards] == [
        "Đôn đốc lần 4",
        "Đôn đốc lần 3",
    ]


@BOTH
def test_a_list_of_all_communes_of_a_province_fits(language: str) -> None:
    """150 bodies stay under what clients show, each of them named."""
    html = render(replace(_province(150), language=language)).html

    assert len(html.encode()) < 100_000
    assert html.count('scope="row"') == 150


@pytest.mark.parametrize("count", [150, 400])
def test_what_is_cut_of_a_list_says_where_the_rest_is(count: int) -> None:
    """Where each was sent something else, and they are many, the list ends with the rest."""
    digest = _province(count)
    told = [replace(line, told=line.told[at % 8 :]) for at, line in enumerate(digest.lines)]
    made = render(replace(digest, lines=tuple(told)))

    shown = made.html.count('scope="row"')
    assert len(made.html.encode()) < 100_000
    assert 120 < shown < count
    rest = f"… và {count - shown} cơ quan, đơn vị khác; danh sách đầy đủ có trong bảng theo dõi"
    assert rest in made.text
    assert is_well_formed(made.html)


def _province(count: int) -> Digest:
    ids = [f"xa-{number}" for number in range(1, count + 1)]
    bodies = {
        key: Agency(key, f"UBND thị trấn Vĩnh Lộc số {number}", "commune", parent="huyen-yen-son")
        for number, key in enumerate(ids, 1)
    }
    levels = b.plan(
        replace(b.REVIEW, by=tuple(ids), to="so-noi-vu", ladder="standard"),
        agencies={**b.agencies(), **bodies},
    )
    return b.digest(b.opened(levels), "so-noi-vu", b.at("2020-05-11 08:00"))


def _opening(name: str) -> str:
    return page(SAMPLES[name]("vi")).opening


def test_a_mail_tells_how_to_answer() -> None:
    """Where to send it, what if it is sent, whom to tell of difficulties (the plan's end)."""
    text = render(SAMPLES["remind"]("vi")).text

    assert "Gửi kết quả tới Sở Nội vụ tỉnh Tuyên Quang, ghi rõ số và ngày của văn bản." in text
    assert "Nếu đã gửi: trả lời thư này" in text
    assert (
        "kịp thời phản ánh bằng văn bản với Sở Nội vụ tỉnh Tuyên Quang"
        " để tổng hợp, báo cáo Ủy ban nhân dân tỉnh Tuyên Quang" in text
    )
    assert "không phải là công văn" in text


def test_the_reason_of_the_date_is_the_whole_chain() -> None:
    """Phrase → last day → last working day: the office can check it."""
    text = render(SAMPLES["remind"]("vi")).text

    assert (
        "trước ngày 10/5/2020 (Chủ nhật) → hết ngày 09/5/2020 (thứ Bảy)"
        " → ngày làm việc cuối cùng 08/5/2020" in text
    )


def test_a_plan_with_nobody_above_still_says_whom_to_write_to() -> None:
    """A plan need not name a superior."""
    state = b.opened(b.plan(superior=None))

    text = render(b.digest(state, "so-y-te", b.at("2020-05-12 08:00"))).text

    assert "phản ánh bằng văn bản với Sở Nội vụ tỉnh Tuyên Quang" in text


def test_a_reminder_held_up_counts_from_the_day_it_leaves() -> None:
    """Planned for five days before, sent two working days later: three are left."""
    state = b.opened(b.plan())
    planned = b.at("2020-04-29 08:00")
    notices = b.due(state, "so-y-te", planned)

    def sent(when: str) -> Digest:
        return compose(
            state,
            notices,
            run_id=b.RUN,
            recipient="so-y-te",
            send_at=planned,
            as_of=b.at(when),
        )

    assert "còn 3 ngày làm việc" in subject(sent("2020-05-05 09:30"))
    assert "Còn 3 ngày làm việc" in render(sent("2020-05-05 09:30")).text
    assert "Hôm nay là ngày làm việc cuối cùng" in render(sent("2020-05-08 09:30")).text
    saturday = render(sent("2020-05-09 09:30"))
    assert "Hôm nay hết hạn – hạn 09/5/2020" in saturday.subject
    assert "Hôm nay, ngày 09/5/2020 (thứ Bảy), là ngày cuối cùng của thời hạn." in saturday.text


@pytest.mark.parametrize("other", ["vi", "en"])
def test_both_languages_have_every_sentence(other: str) -> None:
    """One catalogue: what is said in one language is said in the other."""
    keys = {lang: {k for k in sentences(lang) if k.startswith("mail.")} for lang in LANGUAGES}
    base = {key.removesuffix("_one") for key in keys["vi"] | keys["en"]}

    assert not {key for key in base if key not in keys[other]}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title"}
        if tag in {"td", "th", "caption"}:
            self.found.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def _shown(html: str) -> str:
    """What a reader sees of it: not what only a list of mail shows beside the subject."""
    html = re.sub(r'<div class="preview".*?</div>', "", html, flags=re.S)
    reader = _Text()
    reader.feed(html)
    return unescape("".join(reader.found))


def _bare(words: str) -> str:
    return " ".join(words.casefold().split())


def _words(of: Page) -> list[str]:
    found = [of.sender, of.heading, of.greeting, of.basis, of.opening, of.closing, of.automatic]
    found += [of.answer, of.signature, *of.answers]
    for section in of.sections:
        found += [section.heading, section.opening]
        for table in section.tables:
            found += [table.title, *table.chains, table.next]
            for row in table.rows:
                found += [row.name, row.since, str(row.days), row.notes]
            if table.rest is not None:
                found += _standings(replace(table.rest, columns=("", "")))
            found += [table.notes, table.more]
        for card in section.cards:
            found += [f"{card.number}. {card.title}", card.status]
            found += [f"{field.label}: {field.value}" for field in card.fields]
            if card.roster is not None:
                found += _standings(card.roster)
    return found


def _standings(of: Roster) -> list[str]:
    rows = [word for row in of.rows for word in (row.name, row.said)]
    return [of.title, *of.columns, *rows, of.more]
