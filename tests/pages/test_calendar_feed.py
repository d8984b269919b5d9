"""The calendar of a preview: RFC 5545 to the letter, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from icalendar import Calendar

from engine.deadline import Before
from services.views.calendar_feed import escaped, folded, preview_feed
from services.views.previewing import Preview, preview
from tests.pages.reading import Component, calendar
from tests.pages.samples import HOSTILE, hostile, plan_37, plausible, staged, worst_case

REQUIRED = ("UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY")


def events(shown: Preview, category: str, language: str = "vi") -> list[Component]:
    found = calendar(preview_feed(shown, language)).children
    return [event for event in found if event.one("CATEGORIES") == category]


def days(found: list[Component]) -> list[str]:
    return [event.one("DTSTART") for event in found]


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("shown", [plausible(), worst_case(), hostile()])
def test_it_parses_and_has_what_a_calendar_requires(shown: Preview, language: str):
    """A calendar program refuses the whole file for one fault."""
    feed = preview_feed(shown, language)

    found = calendar(feed)

    assert found.name == "VCALENDAR"
    assert found.one("VERSION") == "2.0"
    assert found.one("PRODID")
    assert found.one("METHOD") == "PUBLISH"
    assert found.words("X-WR-CALNAME") == found.words("NAME")
    uids = [event.one("UID") for event in found.children]
    assert len(uids) == len(set(uids)) > 0
    for event in found.children:
        assert event.name == "VEVENT"
        assert all(event.one(name) for name in REQUIRED)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("shown", [plausible(), worst_case(), hostile()])
def test_a_calendar_program_s_own_parser_reads_the_same(shown: Preview, language: str):
    """Our own reading of the standard could share our own mistakes."""
    feed = preview_feed(shown, language)

    found = Calendar.from_ical(feed)

    assert not any(part.errors for part in found.walk())
    read = [
        (str(event["UID"]), str(event["SUMMARY"]), event.decoded("DTSTART"))
        for event in found.walk("VEVENT")
    ]
    assert read == [
        (event.one("UID"), event.words("SUMMARY"), date.fromisoformat(event.one("DTSTART")))
        for event in calendar(feed).children
    ]


@pytest.mark.parametrize("shown", [plausible(), hostile()])
def test_lines_are_folded_at_75_octets_and_never_within_a_letter(shown: Preview):
    """Half a letter shows as a question mark in every Vietnamese word."""
    lines = preview_feed(shown, "vi").encode().split(b"\r\n")

    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()


def test_a_deadline_is_one_whole_day_with_its_derivation():
    """27 agencies, one deadline, one entry."""
    (first, *_) = events(worst_case(), "DEADLINE")

    assert first.one("DTSTART") == "20200509"
    assert first.one("DTEND") == "20200510"
    assert "(27 cơ quan)" in first.words("SUMMARY")
    assert "trước ngày 10/5/2020 (Chủ nhật) → hết ngày 09/5/2020 (thứ Bảy)" in first.words(
        "DESCRIPTION"
    )


def test_every_distinct_deadline_gate_and_escalation_is_there():
    """What the coordinator must have an eye on."""
    assert days(events(plausible(), "DEADLINE")) == ["20200509", "20200515", "20200609"]
    assert days(events(plausible(), "GATE")) == ["20200514", "20200529", "20200608", "20210813"]
    assert days(events(plausible(), "ESCALATION")) == ["20200511", "20200515"]


def test_a_plan_without_dates_is_a_calendar_all_the_same():
    """RFC 5545 §3.6: a calendar has at least one entry; programs refuse an empty one."""
    found = calendar(preview_feed(staged({"only": ()}), "vi"))

    assert [event.one("CATEGORIES") for event in found.children] == ["START"]
    assert found.children[0].one("DTSTART") == "20200406"


def test_a_gate_that_gave_way_does_not_claim_to_be_complete():
    """Bước 1 closed with two missing."""
    first, *_ = events(plausible(), "GATE")

    assert first.words("SUMMARY") == "Bước 1 · Mục II.1: kết thúc, còn thiếu 2"
    assert "Còn thiếu 2:" in first.words("DESCRIPTION")


def test_the_stamp_is_the_day_of_issue_not_the_clock():
    """The same plan gives the same file, today and next year."""
    stamps = {event.one("DTSTAMP") for event in calendar(preview_feed(worst_case(), "vi")).children}

    assert stamps == {"20200405T170000Z"}  # 00:00 on 6 April 2020 in Hà Nội
    assert preview_feed(worst_case(), "vi") == preview_feed(worst_case(), "vi")


def test_a_deadline_that_is_moved_keeps_its_uid():
    """A calendar then moves the entry and does not add a second one."""
    plan = plan_37()
    first, *rest = plan.stages
    report = first.tasks[0]
    assert isinstance(report.due.rule, Before)
    rule = Before(report.due.rule.day + timedelta(days=7))
    moved = replace(report, due=replace(report.due, rule=rule))
    later = replace(plan, stages=(replace(first, tasks=(moved, *first.tasks[1:])), *rest))

    before = events(worst_case(), "DEADLINE")[0]
    after = events(preview(later), "DEADLINE")[0]

    assert before.one("UID") == after.one("UID")
    assert before.one("DTSTART") != after.one("DTSTART")


def test_hostile_words_stay_words():
    """A comma or a line end must not start a property."""
    found = calendar(preview_feed(hostile(), "vi"))

    assert HOSTILE in found.words("X-WR-CALNAME")
    assert all(
        HOSTILE in event.words("SUMMARY") + event.words("DESCRIPTION") for event in found.children
    )


def test_text_is_escaped_as_the_standard_says():
    """RFC 5545 §3.3.11."""
    assert escaped("a\\b;c,d\ne\r\x07") == "a\\\\b\\;c\\,d\\ne"


@pytest.mark.parametrize("letter", ["a", "ộ", "→", "😀"])
@pytest.mark.parametrize("count", range(15, 80))
def test_folding_is_undone_by_unfolding(letter: str, count: int):
    """Whatever the width of a letter, no line is too long and none is empty."""
    line = f"SUMMARY:{letter * count}"

    parts = folded(line).split("\r\n")

    assert "".join([parts[0], *(part[1:] for part in parts[1:])]) == line
    assert all(len(part.encode()) <= 75 for part in parts)
    assert all(part.startswith(" ") and len(part) > 1 for part in parts[1:])
