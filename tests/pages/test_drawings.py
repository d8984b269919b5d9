"""The drawings: nothing overlaps, nothing runs out of the paper, no long silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations

import pytest

from services.pages import graph, lettering, strip
from services.pages.speech import Speech
from services.previewing import Preview
from tests.pages.samples import hostile, plausible, short_periods, staged, worst_case

Layout = Callable[[Preview, Speech], graph.Drawing]
DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
LONG = {"a": (), "b": ("a",), "c": ("b",), "d": ("a", "c"), "e": ("a", "d"), "f": ("b", "e")}


def speech(shown: Preview, language: str = "vi") -> Speech:
    return Speech(shown.plan, language)


def heights(path: str) -> Iterator[float]:
    """Every height that an arrow passes through."""
    for command, given in re.findall(r"([MCHVQ])([^MCHVQ]*)", path):
        numbers = [float(number) for number in given.split()]
        if command == "V":
            yield from numbers
        elif command != "H":
            yield from numbers[1::2]


@pytest.mark.parametrize("layout", [graph.wide, graph.upright])
@pytest.mark.parametrize(
    "shown", [plausible(), worst_case(), hostile(), staged(DIAMOND), staged(LONG, event_of="d")]
)
def test_boxes_do_not_overlap_and_stay_on_the_paper(layout: Layout, shown: Preview):
    """A drawing is read at a glance or not at all."""
    drawing = layout(shown, speech(shown))

    for node in drawing.nodes:
        assert node.x >= 0
        assert node.y >= 0
        assert node.x + node.width <= drawing.width
        assert node.y + node.height <= drawing.height
        for words in node.words:
            assert 0 < words.y < node.height
    for arrow in drawing.arrows:
        assert all(0 <= y <= drawing.height for y in heights(arrow.path)), arrow
    for one, other in combinations(drawing.nodes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        below = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or below, (one.key, other.key)


@pytest.mark.parametrize("layout", [graph.wide, graph.upright])
def test_each_need_and_each_event_has_its_arrow(layout: Layout):
    """What a stage waits for must be visible."""
    shown = staged(LONG, event_of="d")

    drawing = layout(shown, speech(shown))

    needs = [arrow for arrow in drawing.arrows if arrow.style == "need"]
    assert len(needs) == sum(len(before) for before in LONG.values())
    assert [arrow.style for arrow in drawing.arrows].count("wait") == 1
    assert [node.key for node in drawing.nodes if node.style == "event"] == ["event outside"]


def test_a_stage_that_never_opens_looks_so():
    """In the worst case the Government's event does not come."""
    shown = worst_case()

    styles = {node.key: node.style for node in graph.wide(shown, speech(shown)).nodes}

    assert styles["plan-2021-2030"] == "closed"
    assert styles["agency-reports"] == "stage"


@pytest.mark.parametrize("most", [3, 4, 13])
@pytest.mark.parametrize("shown", [plausible(), worst_case(), short_periods()])
def test_the_strip_shows_every_mail_and_flag_within_its_width(shown: Preview, most: int):
    """A day left out would be a mail that comes as a surprise."""
    said = speech(shown)
    days = strip.days_of(shown, said)

    drawing = strip.draw(shown, said, days, room=960, most=most)

    counts = [label for row in drawing.rows for label in row.labels if label.style == "count"]
    assert sum(int(label.words) for label in counts) == len(shown.rehearsal.issued)
    flags = [
        label for row in drawing.rows for label in row.labels if label.style.startswith("flag")
    ]
    assert len(flags) == len(days.flags)
    for row in drawing.rows:
        for rect in row.rects:
            assert rect.x >= 0
            assert rect.x + rect.width <= drawing.width + 0.01


def test_the_year_of_waiting_for_the_government_takes_little_room():
    """From July 2020 to July 2021 nothing happens."""
    shown = plausible()
    said = speech(shown)

    drawing = strip.draw(shown, said, strip.days_of(shown, said), room=960, most=13)

    words = [label.words for row in drawing.rows for label in row.labels]
    assert "53 tuần không phát sinh" in words
    assert len(drawing.rows) == 2


def test_the_strip_shades_weekends_and_days_off():
    """Reminders fall on working days; the strip shows which."""
    shown = plausible()
    said = speech(shown)

    drawing = strip.draw(shown, said, strip.days_of(shown, said), room=960, most=13)

    off = [rect for row in drawing.rows for rect in row.rects if rect.style == "holiday"]
    assert any(rect.words.startswith("30/4/2020") for rect in off)
    assert any(rect.words.startswith("01/5/2020") for rect in off)


def test_a_stage_done_at_midnight_closes_on_the_day_before():
    """`00:00 30/5` is the end of Friday 29/5."""
    shown = plausible()
    done = shown.state.stages["topic-reports"].done_at
    assert done is not None

    closed = strip.closing_day(done, speech(shown))

    assert closed == done.astimezone(shown.plan.zone).date() - timedelta(days=1)


def test_a_plan_without_stages_draws_nothing():
    """An empty drawing is better than none at all."""
    shown = staged({})
    said = speech(shown)

    assert graph.wide(shown, said).nodes == ()
    assert graph.upright(shown, said).nodes == ()
    assert strip.draw(shown, said, strip.days_of(shown, said), room=960, most=13).rows == ()


def test_words_are_broken_to_the_room_and_cut_with_an_ellipsis():
    """Vietnamese marks take no room of their own."""
    assert lettering.width("Đôn đốc", 10) == lettering.width("Đon đoc", 10)
    lines = lettering.wrapped("Tổng kết công tác cải cách hành chính", 12, 100, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(lettering.width(line, 12) <= 100 for line in lines)
    assert lettering.wrapped("", 12, 100) == ("",)
    assert lettering.cut("a" * 500, 12, 60).endswith("…")
