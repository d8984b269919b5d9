"""Rendering: what each mail says, word for word, and what it must never say."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from engine.deadline import NoDate, Phrase
from language.catalogue import sentences
from notifiers.digest import Digest, compose
from notifiers.page import Page
from notifiers.rendering import render, subject
from notifiers.saying import Saying
from notifiers.wording import page
from tests.notifiers import mail_builder as b
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
    assert f'<html lang="{language}">' in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert html.count("<h1") == 1
    assert not re.search(r"https?:|<img|<script|<link|url\(|@import", html)
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

    assert starts["assign"].startswith(
        "Đề nghị thực hiện nhiệm vụ được giao: hạn 09/5/2020 – Báo cáo tổng kết"
    )
    assert starts["remind"].startswith("Nhắc: còn 5 ngày làm việc – hạn 09/5/2020 – Báo cáo")
    assert starts["remind-today"].startswith("Nhắc: hôm nay là ngày làm việc cuối – hạn")
    assert starts["returned"].startswith("Đề nghị hoàn thiện: hạn 12/5/2020 – Báo cáo")
    assert starts["overdue-again"].startswith("Đôn đốc lần 3: quá hạn từ 10/5/2020 – Báo cáo")
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


def test_a_district_sees_its_communes_with_their_number() -> None:
    """A district's task is about every commune of its own."""
    text = render(SAMPLES["assign-district"]("vi")).text

    assert "28 đơn vị: Xã Số 1; Xã Số 2;" in text
    assert "Xã Số 28" in text


def test_a_department_informs_a_district_and_reports_to_the_province() -> None:
    """Who stands beside the sender is not reported to; who stands above it is."""
    district = render(SAMPLES["escalate-parent"]("vi"))
    province = render(SAMPLES["escalate-superior"]("vi"))

    assert "kính báo cáo" in province.text
    assert "báo cáo UBND huyện" not in district.text
    assert district.subject.startswith("[37/KH-UBND] Thông báo 2 đơn vị quá hạn")
    assert "2 đơn vị thuộc phạm vi quản lý của UBND huyện Yên Sơn" in district.text
    assert "Đề nghị UBND huyện Yên Sơn chỉ đạo, đôn đốc các đơn vị hoàn thành." in district.text


def test_a_commune_answers_to_its_district() -> None:
    """It reports to the district and turns to it in difficulties, not past it to the province."""
    text = render(SAMPLES["assign-commune"]("vi")).text

    assert "Gửi kết quả tới UBND huyện Yên Sơn" in text
    assert "kịp thời phản ánh bằng văn bản với UBND huyện Yên Sơn để tổng hợp" in text
    assert "Ủy ban nhân dân tỉnh Tuyên Quang (gửi" not in text
    assert "thông báo việc quá hạn tới UBND huyện Yên Sơn lúc" in text


def test_a_commune_is_named_with_its_district_to_those_further_up() -> None:
    """Two districts may have communes of one name; the district knows its own."""
    assert "Xã Số 1 (UBND huyện Yên Sơn) –" in render(SAMPLES["escalate-communes"]("vi")).text
    assert "Xã Số 1 –" in render(SAMPLES["escalate-parent"]("vi")).text


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
    """First urged, then asked for the reason; what went above is named."""
    first = render(SAMPLES["overdue-first"]("vi")).text
    third = render(SAMPLES["overdue-again"]("vi")).text

    assert "khẩn trương hoàn thành" in first
    assert "nêu rõ lý do chậm" not in first
    assert "hoàn thành ngay và nêu rõ lý do chậm" in third
    assert "quá hạn 3 ngày làm việc" in third
    assert "báo cáo Ủy ban nhân dân tỉnh Tuyên Quang lúc 08:00 ngày 15/5/2020 (thứ Sáu)" in third


def test_a_mail_tells_how_to_answer() -> None:
    """Where to send it, what if it is sent, whom to tell of difficulties (the plan's end)."""
    text = render(SAMPLES["remind"]("vi")).text

    assert "Gửi kết quả tới Sở Nội vụ tỉnh Tuyên Quang, ghi rõ số và ngày của văn bản." in text
    assert "Nếu đã gửi: trả lời thư này" in text
    assert (
        "kịp thời phản ánh bằng văn bản với Ủy ban nhân dân tỉnh Tuyên Quang"
        " (gửi Sở Nội vụ tỉnh Tuyên Quang tổng hợp chung)" in text
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
    assert "Nhắc: hạn 09/5/2020" in saturday.subject
    assert "Thời hạn kết thúc hết ngày 09/5/2020." in saturday.text


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

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def _shown(html: str) -> str:
    """What a reader sees of it."""
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
                found += [row.name, row.due, str(row.days), row.told]
        for card in section.cards:
            found += [f"{card.number}. {card.title}", card.status]
            found += [f"{field.label}: {field.value}" for field in card.fields]
    return found


@BOTH
def test_what_the_recipient_itself_is_late_with_is_not_hidden_in_a_report(language: str) -> None:
    """Sở Nội vụ reads of 26 others, and must see in the subject and under a heading: and you."""
    digest = SAMPLES["escalate-mixed"](language)
    made = page(digest)

    assert made.subject.endswith({"vi": "(+1 nhiệm vụ)", "en": "(+1 task)"}[language])
    own = made.sections[-1]
    assert digest.recipient.name in own.heading
    assert own.heading.upper() in render(digest).text
    assert [card.tone for card in own.cards] == ["overdue"]
