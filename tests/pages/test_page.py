"""The page of a preview: whole, harmless, self-contained and the same every time."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from language.catalogue import sentences
from language.dates import day
from notifiers.rendering import render
from services.pages import preview_page
from services.previewing import Preview, mail_of
from tests.pages.reading import drawings, read
from tests.pages.samples import HOSTILE, hostile, plausible, short_periods, worst_case

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
    assert len(drawings(page)) == 4  # the graph and the strip, each for wide and narrow


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
    for issued in shown.rehearsal.issued[::7]:
        worded = render(mail_of(issued, language))
        assert " ".join(worded.text.split()) in text
        assert " ".join(worded.subject.split()) in text
    recipients = {issued.digest.recipient for issued in shown.rehearsal.issued}
    headed = re.findall(r'<div class="recipient" id="(r\d+)">', page)
    assert len(headed) == len(set(headed)) == len(recipients)


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
