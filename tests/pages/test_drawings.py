"""The drawings: nothing overlaps, nothing runs out of the paper, no long silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations, pairwise

import pytest

from services.pages import flags, graph, lettering, strip
from services.pages.days import days_of
from services.pages.layers import net_of
from services.pages.speech import Speech
from services.views.previewing import Preview
from tests.pages.samples import hostile, plausible, quiet_days, short_periods, staged, worst_case

Layout = Callable[[Preview, Speech], graph.Drawing]
DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c", "a")}
LONG = {"a": (), "b": ("a",), "c": ("b",), "d": ("a", "c"), "e": ("a", "d"), "f": ("b", "e")}
FORKED = {
    "a": (),
    **dict.fromkeys("bcd", ("a",)),
    "e": ("b", "c"),
    "f": ("c", "d"),
    "g": ("b",),
    "h": ("e", "f"),
    "i": ("g", "e"),
    "j": ("h",),
    "k": ("h", "i", "a"),
    "l": ("j", "k"),
}
FAN = {**{f"p{number}": () for number in range(9)}, "z": tuple(f"p{n}" for n in range(9))}
MESH = {
    f"m{number}": tuple(f"m{number - back}" for back in (1, 3, 7) if number >= back)
    for number in range(20)
}
TITLE = "Tổ chức rà soát, đánh giá toàn diện kết quả thực hiện Chương trình tổng thể " * 4
SHOWN: dict[str, Callable[[], Preview]] = {
    "plan 37": plausible,
    "plan 37, worst case": worst_case,
    "hostile words": hostile,
    "one stage": short_periods,
    "diamond": lambda: staged(DIAMOND),
    "long arrows": lambda: staged(LONG, event_of=("d",)),
    "forked": lambda: staged(FORKED, event_of=("f", "k")),
    "fan": lambda: staged(FAN),
    "mesh": lambda: staged(MESH),
    "long titles": lambda: staged(DIAMOND, event_of=("c",), title=TITLE),
    "chain": lambda: staged({f"c{n}": (f"c{n - 1}",) if n else () for n in range(12)}),
}
LAYOUTS = pytest.mark.parametrize("layout", [graph.wide, graph.upright])


@pytest.fixture(params=SHOWN)
def shown(request: pytest.FixtureRequest) -> Preview:
    made: str = request.param
    return SHOWN[made]()


def speech(shown: Preview, language: str = "vi") -> Speech:
    return Speech(shown.plan, language)


def points(path: str) -> Iterator[tuple[float, float]]:
    """Points along an arrow, close to each other."""
    x = y = 0.0
    for command, given in re.findall(r"([MCHVQL])([^MCHVQL]*)", path):
        numbers = [float(number) for number in given.split()]
        match command:
            case "H":
                numbers = [numbers[0], y]
            case "V":
                numbers = [x, numbers[0]]
        controls = [(x, y), *zip(numbers[::2], numbers[1::2], strict=True)]
        if command != "M":
            yield from (_along(controls, step / 40) for step in range(41))
        x, y = controls[-1]


def _along(controls: list[tuple[float, float]], part: float) -> tuple[float, float]:
    """De Casteljau: a point on a Bézier curve of any degree."""
    while len(controls) > 1:
        controls = [
            (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
            for a, b in pairwise(controls)
        ]
    return controls[0]


@LAYOUTS
def test_boxes_do_not_overlap_and_stay_on_the_paper(layout: Layout, shown: Preview):
    """A drawing is read at a glance or not at all."""
    drawing = layout(shown, speech(shown))

    for node in drawing.nodes:
        assert node.x >= 0
        assert node.y >= 0
        assert node.x + node.width <= drawing.width
        assert node.y + node.height <= drawing.height
    for one, other in combinations(drawing.nodes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        below = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or below, (one.key, other.key)


@LAYOUTS
def test_no_arrow_runs_through_a_box_or_out_of_the_paper(layout: Layout, shown: Preview):
    """An arrow through a box seems to lead to it."""
    drawing = layout(shown, speech(shown))

    for arrow in drawing.arrows:
        for x, y in points(arrow.path):
            assert 0 <= x <= drawing.width, arrow
            assert arrow.top - 0.1 <= y <= arrow.bottom + 0.1, arrow
            for node in drawing.nodes:
                inside = (
                    node.x + 1 < x < node.x + node.width - 1
                    and node.y + 1 < y < node.y + node.height - 1
                )
                assert not inside, (arrow, node.key)


@LAYOUTS
def test_words_stay_within_their_box(layout: Layout, shown: Preview):
    """A title of 300 letters is broken into lines; what no box holds is cut with “…”."""
    drawing = layout(shown, speech(shown))

    for node in drawing.nodes:
        for words in node.words:
            size = 13.0 if words.style == "title" else 11.5
            assert 0 < words.y < node.height - 5
            said = f"{words.label} {words.text}"
            assert words.x + lettering.width(said, size) <= node.width, said
        heights = sorted({words.y for words in node.words})
        assert all(below - above > 11 for above, below in pairwise(heights))


@LAYOUTS
def test_each_need_and_each_event_has_its_arrow(layout: Layout):
    """What a stage waits for must be visible."""
    shown = staged(LONG, event_of=("d",))

    drawing = layout(shown, speech(shown))

    needs = [arrow for arrow in drawing.arrows if arrow.style == "need"]
    assert len(needs) == sum(len(before) for before in LONG.values())
    assert [arrow.style for arrow in drawing.arrows].count("wait") == 1
    assert [node.key for node in drawing.nodes if node.style == "event"] == ["event outside"]


@LAYOUTS
def test_a_drawing_higher_than_a_sheet_is_cut_between_boxes(layout: Layout, shown: Preview):
    """A printer cuts where the page ends; the drawing must not leave it the choice."""
    drawing = layout(shown, speech(shown))

    sheets = drawing.sheets(700)

    assert sheets[0].top == 0
    assert sheets[-1].top + sheets[-1].height == pytest.approx(drawing.height)
    assert [node for sheet in sheets for node in sheet.nodes] == sorted(
        drawing.nodes, key=lambda node: [node in sheet.nodes for sheet in sheets].index(True)
    )
    for one, following in pairwise(sheets):
        assert one.top + one.height == pytest.approx(following.top)
    for sheet in sheets:
        for node in sheet.nodes:
            assert sheet.top <= node.y
            assert node.y + node.height <= sheet.top + sheet.height
        assert sheet.height <= 700 or len({node.y for node in sheet.nodes}) == 1
    assert {arrow for sheet in sheets for arrow in sheet.arrows} == set(drawing.arrows)


def test_a_chain_of_stages_stands_in_one_line():
    """Plan 37: the event that the last stage waits for bends nothing."""
    shown = plausible()

    drawing = graph.wide(shown, speech(shown))

    stages = [node for node in drawing.nodes if node.style != "event"]
    assert len({node.y for node in stages}) == 1
    assert len({node.height for node in stages}) == 1
    assert len({node.rule for node in stages}) == 1


def test_many_arrows_take_few_lanes_of_the_gutter():
    """Nine stages that one waits for share a lane; a phone has no room for nine."""
    assert set(graph.gutter_lanes(net_of(staged(FAN).plan)).values()) == {0}


def test_the_drawing_is_told_in_words():
    """Those who cannot see it are told what waits for what."""
    shown = plausible()

    said = graph.described(shown, speech(shown))

    assert said.startswith("Bước 1 mở ngay từ đầu. Bước 2 mở sau: Bước 1.")
    assert "Bước 4 mở sau: sự kiện “Chính phủ ban hành Chương trình" in said


def test_a_stage_that_never_opens_looks_so():
    """In the worst case the Government's event does not come."""
    shown = worst_case()

    styles = {node.key: node.style for node in graph.wide(shown, speech(shown)).nodes}

    assert styles["plan-2021-2030"] == "closed"
    assert styles["agency-reports"] == "stage"


@pytest.mark.parametrize("room", [strip.WIDE, strip.NARROW])
@pytest.mark.parametrize("shown", [plausible(), worst_case(), short_periods()])
def test_the_strip_shows_every_mail_and_flag_within_its_width(shown: Preview, room: float):
    """A day left out would be a mail that comes as a surprise."""
    said = speech(shown)
    days = days_of(shown, said)

    rows = strip.draw(shown, said, days, room=room)

    counts = [label for row in rows for label in row.labels if label.style == "count"]
    assert sum(int(label.words) for label in counts) == len(shown.rehearsal.issued)
    flagged = [label for row in rows for label in row.labels if label.style.startswith("flag")]
    assert len(flagged) == len(days.flags)
    for row in rows:
        for rect in row.rects:
            assert rect.x >= 0
            assert rect.x + rect.width <= row.width + 0.01
            assert rect.y + rect.height <= row.height


@pytest.mark.parametrize("room", [strip.WIDE, strip.NARROW])
@pytest.mark.parametrize("shown", [plausible(), worst_case()])
def test_numbers_of_mails_do_not_run_into_each_other(shown: Preview, room: float):
    """27 on five days running is not 2727272727."""
    said = speech(shown)

    for row in strip.draw(shown, said, days_of(shown, said), room=room):
        counts = sorted(
            (label for label in row.labels if label.style == "count"), key=lambda label: label.x
        )
        for one, following in pairwise(counts):
            widths = [lettering.width(each.words, strip.COUNT_SIZE) for each in (one, following)]
            assert one.x + widths[0] / 2 <= following.x - widths[1] / 2


@pytest.mark.parametrize("room", [500.0, 900.0])
@pytest.mark.parametrize("stems", [(10, 20, 30), (150, 152, 160, 170, 290), range(0, 300, 11)])
def test_the_words_of_flags_touch_neither_words_nor_stems(stems: list[float], room: float):
    """Deadlines a day apart are read apart."""
    placed = flags.places([(float(stem), 120.0 + stem % 7) for stem in stems], room)

    for one, other in combinations(placed, 2):
        if one.level == other.level:
            assert one.left + one.width <= other.left or other.left + other.width <= one.left
    for one in placed:
        assert one.left >= 0
        assert one.left + one.width <= room
        assert not [
            other.stem for other in placed if one.covers(other.stem) and other.level > one.level
        ]


def test_flags_too_wide_for_both_sides_stay_in_the_room_and_apart():
    """On a phone “11/5 báo cáo Sở Nội vụ, UBND tỉnh Tuyên Quang” has room on neither side."""
    placed = flags.places([(float(stem), 250.0) for stem in range(100, 250, 20)], 330)

    assert len({place.level for place in placed}) == len(placed)
    assert all(place.left >= 0 and place.left + place.width <= 330 for place in placed)


def test_the_year_of_waiting_for_the_government_takes_little_room():
    """From July 2020 to July 2021 nothing happens."""
    shown = plausible()
    said = speech(shown)

    rows = strip.draw(shown, said, days_of(shown, said), room=strip.WIDE)

    assert "53 tuần không phát sinh" in [label.words for row in rows for label in row.labels]
    assert len(rows) == 3
    assert rows[0].title == "06/4/2020 – 24/5/2020"


def test_the_strip_shades_weekends_and_days_off():
    """Reminders fall on working days; the strip shows which."""
    shown = plausible()
    said = speech(shown)

    rows = strip.draw(shown, said, days_of(shown, said), room=strip.WIDE)

    off = [rect for row in rows for rect in row.rects if rect.style == "holiday"]
    assert any(rect.words.startswith("30/4/2020") for rect in off)
    assert any(rect.words.startswith("01/5/2020") for rect in off)


def test_the_strip_shades_quiet_days_and_says_why_no_mail_stands_there():
    """Else a gap looks like a fault."""
    shown = quiet_days()
    said = speech(shown)

    rows = strip.draw(shown, said, days_of(shown, said), room=strip.WIDE)

    off = [rect.words for row in rows for rect in row.rects if rect.style == "holiday"]
    assert [words for words in off if "/5/2020: không" in words] == [
        f"{day}/5/2020: không gửi thư" for day in (11, 12, 13)
    ]
    bars = [rect for row in rows for rect in row.rects if rect.style.startswith("bar ")]
    mails = [bar.words for bar in bars if bar.style != "bar received"]
    assert mails
    assert not [words for words in mails if words.startswith(("11/5", "12/5", "13/5"))]


def test_a_stage_done_at_midnight_closes_on_the_day_before():
    """`00:00 30/5` is the end of Friday 29/5."""
    shown = plausible()
    done = shown.state.stages["topic-reports"].done_at
    assert done is not None

    closed = speech(shown).closing_day(done)

    assert closed == done.astimezone(shown.plan.zone).date() - timedelta(days=1)


def test_a_plan_without_stages_draws_nothing():
    """An empty drawing is better than none at all."""
    shown = staged({})
    said = speech(shown)

    assert graph.wide(shown, said).nodes == ()
    assert graph.upright(shown, said).nodes == ()
    assert strip.draw(shown, said, days_of(shown, said), room=strip.WIDE) == ()
    assert graph.described(shown, said) == ""


def test_words_are_broken_to_the_room_and_cut_with_an_ellipsis():
    """Vietnamese marks take no room of their own."""
    assert lettering.width("Đôn đốc", 10) == lettering.width("Đon đoc", 10)
    assert lettering.width("ươ", 10) > lettering.width("uo", 10)
    lines = lettering.wrapped("Tổng kết công tác cải cách hành chính", 12, 100, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(lettering.width(line, 12) <= 100 for line in lines)
    assert lettering.wrapped("", 12, 100) == ("",)
    assert lettering.cut("a" * 500, 12, 60).endswith("…")


def test_no_word_stands_alone_in_the_last_line():
    """“còn thiếu / 2” reads badly."""
    lines = lettering.wrapped("một hai ba bốn năm", 10, lettering.width("một hai ba bốn", 10))

    assert lines == ("một hai ba", "bốn năm")
