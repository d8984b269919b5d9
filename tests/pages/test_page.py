"""The page of a preview: whole, harmless, self-contained and the same every time."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from language.catalogue import sentences
from language.dates import day
from notifiers.rendering import render
from services.pages import preview_page
from services.pages.page import css_string, unbroken
from services.views.previewing import Preview, mails
from tests.pages.reading import drawings, read
from tests.pages.samples import (
    HOSTILE,
    hostile,
    plausible,
    quiet_days,
    short_periods,
    staged,
    worst_case,
)

LANGUAGES = ("vi", "en")
SHOWN: dict[str, Callable[[], Preview]] = {
    "plausible": plausible,
    "worst case": worst_case,
    "hostile": hostile,
}


@pytest.fixture(params=SHOWN)
def shown(request: pytest.FixtureRequest) -> Preview:
    made: str = request.param
    return SHOWN[made]()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tag_is_closed_and_every_drawing_is_xml(shown: Preview, language: str):
    """Browsers guess at what is broken, and each guesses otherwise."""
    page = preview_page(shown, language)

    reader = read(page)

    assert ("html", {"lang": language}) in reader.tags
    assert all(svg.get("aria-label") or svg.get("aria-labelledby") for svg in drawings(page))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fetched_and_nothing_runs(shown: Preview, language: str):
    """The page is passed on by mail and opened where there is no network."""
    page = preview_page(shown, language)

    reader = read(page)

    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object"}
    for tag, attributes in reader.tags:
        assert not {"src", "srcset", "action", "xlink:href"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert set(re.findall(r"url\((.)", page)) == {"#"}  # the tips of the arrows
    assert "http" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)


def test_hostile_words_are_shown_and_do_nothing():
    """Titles come from files that many people write."""
    page = preview_page(hostile(), "vi")

    assert "<script" not in page
    assert page.count("</style>") == 1
    assert HOSTILE in read(page).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_deadline_stands_there_with_its_derivation(shown: Preview, language: str):
    """Why that date is what coordinators ask first."""
    text = read(preview_page(shown, language)).text

    for state in shown.state.obligations.values():
        assert " ".join(state.obligation.task.title.split()) in text
        assert " ".join(state.obligation.agency.name.split()) in text
        if state.due is not None:
            assert day(language, state.due.last_day) in text


def test_a_returned_report_has_a_line_of_its_own():
    """Na Hang's report came back; its new deadline is not everyone's."""
    text = read(preview_page(plausible(), "vi")).text

    assert "trả lại ngày 12/5/2020, hoàn thiện trong 3 ngày làm việc" in text
    assert "26 cơ quan" in text
    assert "5 nộp quá hạn" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_stands_under_its_recipient(shown: Preview, language: str):
    """The page shows what would be sent, whole."""
    page = preview_page(shown, language)
    text = read(page).text

    assert page.count('<details class="mail">') == len(shown.rehearsal.issued)
    for _, digest in [*mails(shown, language)][::7]:
        worded = render(digest)
        assert " ".join(worded.text.split()) in text
        assert " ".join(worded.subject.split()) in text
    recipients = {issued.digest.recipient for issued in shown.rehearsal.issued}
    headed = re.findall(r'<details class="recipient" id="(r\d+)">', page)
    assert len(headed) == len(set(headed)) == len(recipients)


def test_a_plan_without_stages_has_a_page():
    """An empty plan is no reason to fail."""
    text = read(preview_page(staged({}), "vi")).text

    assert "Không có thư nào được gửi." in text


def test_an_escalation_tells_what_went_out_before_it():
    """A director who reads “no mail on record” would ask why nobody was reminded."""
    text = read(preview_page(plausible(), "vi")).text

    assert "chưa ghi nhận thư nào" not in text
    assert "giao nhiệm vụ 06/4/2020; nhắc 5 lần (gần nhất 08/5/2020)" in text


def test_the_grid_has_a_letter_for_every_mail():
    """Who gets what on which day, on one sheet of paper."""
    shown = plausible()
    page = preview_page(shown, "vi")

    letters = re.findall(r'<td><span class="cell [a-z]+" title="[^"]+">([A-ZĐ]+)</span></td>', page)

    assert sum(map(len, letters)) == len(shown.rehearsal.issued)
    assert "".join(letters).count("B") == 2  # Sở Nội vụ and UBND tỉnh
    assert [int(n) for n in re.findall(r'<td class="total">(\d+)</td>', page)].count(14) == 1


def test_the_grid_of_a_long_plan_is_broken_into_tables_that_a_page_holds():
    """A table wider than the paper loses its last months."""
    page = preview_page(worst_case(), "vi")

    widths = [
        sum(int(count) for count in re.findall(r'colspan="(\d+)" class="month"', table))
        for table in re.findall(r'<table class="grid.*?</table>', page, re.DOTALL)
    ]

    assert len(widths) == 2
    assert max(widths) <= 26


def test_on_paper_each_letter_stands_once_with_its_recipients():
    """564 mails that say 40 things are no 24 pages."""
    shown = worst_case()
    page = preview_page(shown, "vi")
    said = {
        (one.digest.send_at, digest.kind, render(digest).subject) for one, digest in mails(shown)
    }

    (table,) = re.findall(r'<table class="letters">.*?</table>', page, re.DOTALL)

    assert table.count("<tr>") == 1 + len(said) < 60
    assert "27 nơi nhận" in table
    (specimens,) = re.findall(r'<div class="specimens">.*?</div>\n</div>', page, re.DOTALL)
    assert specimens.count("<article>") == len({one.digest.kind for one in shown.rehearsal.issued})


def test_agencies_are_named_on_paper_too():
    """“27 cơ quan” with a triangle to click is no answer on paper."""
    text = read(preview_page(worst_case(), "vi")).text

    assert "27 cơ quan (danh sách 1)" in text
    assert "Danh sách 1 (27 cơ quan) Văn phòng Ủy ban nhân dân tỉnh; Sở Nội vụ;" in text


def test_what_the_strip_shows_is_listed_in_words():
    """A screen reader sees no columns; nobody on paper points at a day off to learn its name."""
    text = read(preview_page(plausible(), "vi")).text

    for said in (
        "06/4/2020 thứ Hai Bắt đầu thực hiện Kế hoạch 37/KH-UBND Bước 1 · Mục II.1: mở",
        "30/4/2020 thứ Năm Ngày nghỉ: Ngày Chiến thắng",
        "29/5/2020 thứ Sáu Bước 2 · Mục III.2: kết thúc, còn thiếu 2",
        "11/5/2020 thứ Hai Báo cáo Sở Nội vụ: 6 cơ quan quá hạn",
    ):
        assert said in text


def test_quiet_days_are_listed_on_their_first_day():
    """With the reason that the plan gives."""
    text = read(preview_page(quiet_days(), "vi")).text

    assert "Không gửi thư đến hết ngày 13/5/2020 (Bầu cử)" in text


def test_midnight_is_told_as_the_end_of_a_day():
    """Nobody says 00:00 of 30 May for the end of 29 May."""
    text = read(preview_page(plausible(), "vi")).text

    assert "00:00" not in text.split("Lịch thư và thời hạn")[1].split("Thư theo nơi nhận")[0]
    assert "từ ngày 30/5/2020" in text
    assert "hết ngày 29/5/2020, còn thiếu 2" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_say_what_heads_what(shown: Preview, language: str):
    """A cell is read out with its row and its column, on a phone as well."""
    tags = read(preview_page(shown, language)).tags

    heads = [attributes for tag, attributes in tags if tag == "th"]
    assert {head.get("scope") for head in heads} <= {"col", "row", "colgroup", "rowgroup"}
    assert None not in [head.get("scope") for head in heads]
    roles = {tag: attributes.get("role") for tag, attributes in tags if tag in ("table", "tr")}
    assert set(roles) == {"table", "tr"}


def test_the_running_foot_of_the_pages_is_no_way_into_the_style_sheet():
    """A plan's number stands in a CSS string."""
    page = preview_page(hostile(), "vi")

    (sheet,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (foot,) = re.findall(r'@bottom-left \{ content: ("[^"]*"); \} \}', sheet)
    assert not set("<>'&;{}") & set(foot)
    assert css_string('a"b\\c\n–') == '"a\\000022 b\\00005c c\\00000a \\002013 "'


def test_years_and_numbers_are_not_broken_at_their_hyphen():
    """Browsers break 2011-/2020."""
    assert unbroken("giai đoạn 2011-2020 <b>") == (
        'giai đoạn <span class="nb">2011-2020</span> &lt;b&gt;'
    )
    assert unbroken("không - có") == "không - có"
    assert unbroken("a" * 60 + "-b").count("nb") == 1


def test_what_is_said_in_one_language_is_said_in_the_other():
    """A missing sentence would end the preview of half of the readers."""
    said = {
        language: {key for key in sentences(language) if key.startswith("page.")}
        for language in LANGUAGES
    }

    assert {key.removesuffix("_one") for key in said["vi"]} == {
        key.removesuffix("_one") for key in said["en"]
    }


def test_a_reader_in_another_language_is_told_that_the_mails_go_out_in_the_plans():
    """Nobody should think that offices get English mail."""
    told = sentences("en")["page.other-language"]

    assert told in read(preview_page(worst_case(), "en")).text
    assert sentences("vi")["page.other-language"] not in preview_page(worst_case(), "vi")


def test_an_event_is_called_by_its_title():
    """An id is for files, not for people."""
    text = read(preview_page(short_periods(), "vi")).text

    assert "trong thời hạn 3 ngày kể từ khi Một việc bên ngoài" in text


def test_the_same_preview_gives_the_same_page():
    """Two people compare their pages byte by byte."""
    assert preview_page(plausible(), "vi") == preview_page(plausible(), "vi")


def test_the_worst_case_of_plan_37_stays_small():
    """It is passed on by mail."""
    assert len(preview_page(worst_case(), "vi").encode()) < 3_000_000
