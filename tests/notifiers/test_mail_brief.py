"""The brief: what the coordinator reads on a morning, word for word, and no more than that."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from email import message_from_bytes, policy
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from engine.chasing import Kind
from engine.ledger import EntryKind
from notifiers.brief import Brief, Reached, Unreached
from notifiers.mime.message import Sender, build
from notifiers.rendering import render
from notifiers.words.brief_wording import LINES, NAMES, brief_page
from notifiers.words.page import BriefPage, Point
from tests.notifiers import brief_samples as s
from tests.notifiers import mail_builder as b
from tests.notifiers.brief_samples import BRIEFS
from tests.notifiers.mail_reading import is_well_formed

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = bool(os.environ.get("DONDOC_GOLDEN"))  # DONDOC_GOLDEN=1 pytest tests/notifiers
EVERY = pytest.mark.parametrize("name", BRIEFS)
BOTH = pytest.mark.parametrize("language", ["vi", "en"])


@EVERY
@BOTH
def test_a_brief_reads_as_agreed(name: str, language: str) -> None:
    """Every word that the coordinator gets was read by a person; a change shows in review."""
    made = render(BRIEFS[name](language))
    for ending, content in (("txt", f"{made.subject}\n\n{made.text}"), ("html", made.html)):
        path = GOLDEN / f"{name}.{language}.{ending}"
        if REGENERATE:
            path.write_text(content, encoding="utf-8")
        assert content == path.read_text(encoding="utf-8"), path.name


@EVERY
@BOTH
def test_text_and_html_say_the_same(name: str, language: str) -> None:
    """Whoever reads plain text knows the same."""
    brief = BRIEFS[name](language)
    made = render(brief)
    text, html = _bare(made.text), _bare(_shown(made.html))

    for words in _words(brief_page(brief)):
        assert _bare(words) in html, words
        assert _bare(words) in text, words
    assert set(re.findall(r"[\w/]+", html)) == set(re.findall(r"[\w/]+", text))


@EVERY
@BOTH
def test_a_brief_shows_no_workings(name: str, language: str) -> None:
    """No key, no brace, no `None`, no id of a stage or an event."""
    made = render(BRIEFS[name](language))
    for content in (made.subject, made.text, _shown(made.html)):
        assert not set("{}") & set(content)
        assert "None" not in content
        assert not re.search(r"\b(mail|entry)\.\w", content)
        assert "agency-reports" not in content
        assert "government.programme-issued" not in content


@EVERY
def test_a_vietnamese_brief_holds_no_english(name: str) -> None:
    """What a mail server answers is quoted as it is; the rest is the office's language."""
    brief = BRIEFS[name]("vi")
    made = render(replace(brief, unreached=()))
    english = re.compile(r"\b(the|due|overdue|agency|agencies|working days?|task|stage|since)\b")

    assert not english.search(made.subject + made.text + _shown(made.html))


@EVERY
@BOTH
def test_html_is_small_self_contained_and_accessible(name: str, language: str) -> None:
    """Clients cut mail off at about 100 kB, block remote content, and are read aloud."""
    html = render(BRIEFS[name](language)).html

    assert len(html.encode()) < 100_000
    assert f'<html lang="{language}">' in html
    assert html.count("<h1") == 1
    assert is_well_formed(html)
    assert not re.search(r"https?:|<img|<script|<link|url\(|@import", html)
    headings = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert all(two - one <= 1 for one, two in pairwise(headings))


@EVERY
@BOTH
def test_headers_come_back_as_they_went_in(name: str, language: str) -> None:
    """In the coordinator's thread, marked as a brief, its subject on one line."""
    brief = BRIEFS[name](language)
    made = render(brief)
    sender = Sender("Sở Nội vụ tỉnh Tuyên Quang", "don-doc@sonoivu.example")
    content = build(made, brief, sender=sender, addressees=b.addressed(brief.recipient))
    message = message_from_bytes(content, policy=policy.default)

    assert message["Subject"] == made.subject
    assert len(made.subject) <= 110
    assert made.subject.startswith("[37/KH-UBND] ")
    assert message["X-Dondoc-Kind"] == "brief"
    assert message["Message-ID"] == brief.message_id
    assert message["References"] == brief.thread_id


def test_a_waived_task_is_counted_in_words_that_agree() -> None:
    """The glance and the stages count differently, and each says what it counts."""
    waived = s.entry(EntryKind.WAIVED, "so-y-te", "2020-05-11 09:00", document="12/UBND-NC")

    said = brief_page(s.brief(s.state(s.plan(), waived)))

    assert "đã nộp 0/7 nhiệm vụ có thời hạn" in said.opening
    assert "Được miễn, không tính ở trên: 1." in said.opening
    assert "đã nộp hoặc được miễn 1/6" in said.sections[0].groups[0].points[0].said


def test_a_stage_that_was_closed_by_time_is_not_called_done() -> None:
    """Whoever reads it must not think that everything is in."""
    said = _section(s.turning("vi"), "Tiến độ các bước")[0].said

    assert said.startswith("đã khép lại theo thời hạn ngày 15/5/2020, khi mới nộp")
    assert "xong" not in said


def test_what_is_empty_is_left_out() -> None:
    """A quiet morning is read in ten seconds."""
    page = brief_page(s.quiet("vi"))

    assert [section.heading for section in page.sections] == ["Tiến độ các bước"]
    assert "Không có nhiệm vụ nào quá hạn." in page.opening
    assert page.subject.startswith("[37/KH-UBND] Báo cáo tình hình ngày 22/6/2020: không có")


def test_who_is_as_late_shares_a_line_and_who_is_not_has_their_own() -> None:
    """Twenty agencies of one fate are one line, not twenty."""
    late = _section(s.bad_morning("vi"), "Đang quá hạn")

    assert [point.name for point in late] == [
        "Sở Nội vụ tỉnh Tuyên Quang",
        "Sở Y tế",
        "Sở Lao động - Thương binh và Xã hội",
        "UBND huyện Yên Sơn",
    ]
    alike = _section(
        s.brief(s.state(s.plan()), reached=s.told("so-y-te", "2020-05-11 08:00")), "Đang quá hạn"
    )
    assert [point.name for point in alike] == ["5 cơ quan", "Sở Y tế"]
    assert "chưa đôn đốc – gồm: Sở Nội vụ tỉnh Tuyên Quang; Sở Tư pháp" in alike[0].said
    assert "đã đôn đốc ngày 11/5/2020; đã báo cáo Sở Nội vụ" in alike[1].said


def test_a_long_list_is_cut_and_the_rest_is_counted() -> None:
    """A bad morning of a province still fits on two pages."""
    agencies = [*b.REPORTING, *b.COMMUNES]
    reached = [
        Reached(b.key("final-report", one), Kind.OVERDUE, one, b.at("2020-05-11 08:00"))
        for number, one in enumerate(agencies)
        for _ in range(number)
    ]
    of = s.state(s.plan(by=agencies))

    each, alike = s.brief(of, reached=reached), s.brief(of)

    page = brief_page(each)
    late = next(one for one in page.sections if one.heading == "Đang quá hạn")
    assert len(late.groups[0].points) == LINES
    assert late.more == f"… và {len(agencies) - LINES} việc khác."
    assert late.more in render(each).text
    assert f"và {len(agencies) - NAMES} cơ quan khác." in _section(alike, "Đang quá hạn")[0].said


def test_only_the_chasers_of_the_present_round_are_counted() -> None:
    """An extension begins anew: what was sent about the old deadline is no chaser of the new."""
    extended = s.entry(EntryKind.EXTENDED, "so-y-te", "2020-05-12 09:00", until="2020-05-13")
    now = b.at("2020-05-15 08:00")
    reached = [
        *s.told("so-y-te", "2020-05-11 08:00", "2020-05-12 08:00"),
        *s.told("so-y-te", "2020-05-14 08:00"),
    ]

    late = _section(s.brief(s.state(s.plan(), extended), now=now, reached=reached), "Đang quá hạn")

    found = next(point for point in late if point.name == "Sở Y tế")
    assert "quá hạn từ ngày 14/5/2020 (2 ngày làm việc); đã đôn đốc ngày 14/5/2020;" in found.said


def test_nothing_is_announced_for_who_is_paused() -> None:
    """What a pause keeps back is not what goes out next."""
    paused = "Sở Y tế"
    following = _section(s.bad_morning("vi"), "Thư sắp gửi, nếu không có gì thay đổi")

    assert following[0].name == "08:00 ngày 13/5/2020 (thứ Tư)"
    assert "đôn đốc 3 cơ quan" in following[0].said
    assert paused not in " ".join(point.said for point in following[:2])


def test_a_stage_that_is_not_open_says_what_blocks_it() -> None:
    """By the numbers of the stages, and the event by its title."""
    stages = _section(s.bad_morning("vi"), "Tiến độ các bước")

    assert "đang chờ, đã nộp hoặc được miễn 1/6 (cần 5); quá hạn 4" in stages[0].said
    assert "bước tự khép lại khi hết ngày 15/5/2020" in stages[0].said
    assert stages[1].said.startswith("chưa mở, chờ bước 1 xong")
    assert "sự kiện “Chính phủ ban hành Chương trình tổng thể”" in stages[2].said


def test_what_people_wrote_is_shown_not_obeyed() -> None:
    """A name, a reason or a server's answer is text: no tag of it is alive in the mail."""
    hostile = '<img src=x onerror="a()">\r\nBcc: a@b.example & {{ 7 * 7 }}'
    of = s.plan()
    names = {key: replace(one, name=f"{one.name} {hostile}") for key, one in of.agencies.items()}
    difficulty = s.entry(
        EntryKind.DIFFICULTY_REPORTED, "so-y-te", "2020-05-11 09:00", what=hostile, document=hostile
    )
    of = replace(of, agencies=names, title=f"{of.title} {hostile}")
    unreached = [Unreached("so-y-te", 1, b.at("2020-05-11 08:00"), hostile)]

    made = render(s.brief(s.state(of, difficulty), entries=[difficulty], unreached=unreached))

    assert "<img" not in made.html
    assert "&lt;img src=x onerror=" in made.html
    assert "49" not in made.text
    assert "\n" not in made.subject
    assert "\r" not in made.subject


def _section(brief: Brief, heading: str) -> list[Point]:
    section = next(one for one in brief_page(brief).sections if one.heading == heading)
    return [point for group in section.groups for point in group.points]


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
    html = re.sub(r'<div class="preview".*?</div>', "", html, flags=re.S)
    reader = _Text()
    reader.feed(html)
    return unescape("".join(reader.found))


def _bare(words: str) -> str:
    return " ".join(words.casefold().split())


def _words(of: BriefPage) -> list[str]:
    found = [of.sender, of.heading, of.greeting, of.basis, of.opening, of.closing, of.automatic]
    found.append(of.signature)
    for section in of.sections:
        found += [section.heading, section.more]
        for group in section.groups:
            found.append(group.title)
            found += [f"{point.name}: {point.said}" for point in group.points]
    return found
