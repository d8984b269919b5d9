"""Calendar files that stand on each other: a province's own days on its country's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar import WorkingCalendar
from plan_definitions import (
    Bundle,
    Diagnostic,
    PlanFaults,
    calendars,
    check,
    check_calendar,
    has_faults,
    load,
    load_calendar,
)
from plan_definitions.calendars import Overlay
from tests.plan_definitions.plan_texts import sample

SHIPPED = calendars.shipped().parent

COUNTRY = """
calendar: country
base: VN
notices_until: 2026
days_off:
  - {date: 2026-01-02, name: Nghỉ hoán đổi, source: Thông báo 1}
worked:
  - {date: 2026-01-10, name: Làm bù, source: Thông báo 1}
uncertain:
  - {date: 2026-11-24, off: false, name: Ngày Văn hóa, source: Nghị quyết}
"""


def chain(*uppers: str) -> Bundle:
    """Return files standing on each other; the last on the country's."""
    names = [f"{number}.yaml" for number in range(len(uppers))]
    texts = {
        name: f"calendar: {name[0]}\nextends: {below}\n{upper}"
        for name, below, upper in zip(names, [*names[1:], "country.yaml"], uppers, strict=True)
    }
    return Bundle("0.yaml", {**texts, "country.yaml": COUNTRY})


def year_2026(overlay: Overlay) -> WorkingCalendar:
    return calendars.calendar_of_years(overlay, 2026, 2026)


def places(found: list[Diagnostic]) -> list[str]:
    return [f"{one.code}@{one.file}:{one.line}:{one.column}" for one in found]


def test_a_file_without_days_of_its_own_changes_nothing():
    """The shipped calendar of the province is that of the country until it says more."""
    overlay = load_calendar(chain(""))
    country = load_calendar(Bundle("country.yaml", {"country.yaml": COUNTRY}))

    assert overlay == Overlay("0", "VN", 2026, country.days_off, country.worked, country.uncertain)


def test_the_days_of_a_province_are_added():
    """Its anniversary is off, and named with its own notice."""
    own = "days_off:\n  - {date: 15/6/2026, name: Ngày của tỉnh, source: 1/TB-UBND}\n"

    built = year_2026(load_calendar(chain(own)))

    found = built.day_off(date(2026, 6, 15))
    assert found is not None
    assert (found.name, found.source) == ("Ngày của tỉnh", "1/TB-UBND")
    assert not built.is_working(date(2026, 1, 2))
    assert built.is_working(date(2026, 1, 10))


@pytest.mark.parametrize(
    ("own", "day", "works"),
    [
        ("worked:\n  - {date: 2026-01-02, name: a, source: b}\n", date(2026, 1, 2), True),
        ("days_off:\n  - {date: 2026-01-10, name: a, source: b}\n", date(2026, 1, 10), False),
        ("days_off:\n  - {date: 2026-11-24, name: a, source: b}\n", date(2026, 11, 24), False),
        (
            "uncertain:\n  - {date: 2026-01-02, off: no, name: a, source: b}\n",
            date(2026, 1, 2),
            True,
        ),
    ],
)
def test_what_the_upper_file_says_of_a_day_wins(own: str, day: date, works: bool):
    """The country's word on that day is gone from every list."""
    overlay = load_calendar(chain(own))

    assert year_2026(overlay).is_working(day) is works
    said = [*overlay.days_off, *overlay.worked, *overlay.uncertain]
    assert [one.name for one in said if one.date == day] == ["a"]


def test_the_uppermost_of_three_wins_and_the_rest_is_kept():
    """A district may stand on its province."""
    upper = "days_off:\n  - {date: 2026-06-15, name: huyện, source: b}\n"
    middle = (
        "days_off:\n  - {date: 2026-06-15, name: tỉnh, source: b}\n"
        "  - {date: 2026-06-16, name: tỉnh, source: b}\n"
    )

    overlay = load_calendar(chain(upper, middle))

    assert {day.date.isoformat(): day.name for day in overlay.days_off} == {
        "2026-01-02": "Nghỉ hoán đổi",
        "2026-06-16": "tỉnh",
        "2026-06-15": "huyện",
    }


@pytest.mark.parametrize(("own", "until"), [("", 2026), ("notices_until: 2027\n", 2027)])
def test_the_years_with_a_notice_are_inherited_unless_said(own: str, until: int):
    """A province rarely knows more than the country."""
    overlay = load_calendar(chain(own))

    assert overlay.notices_until == until
    assert calendars.calendar_of_years(overlay, 2026, 2029).is_estimate(2027) is (until < 2027)


def test_a_plan_follows_the_chain_from_where_each_file_stands():
    """Paths count from the file that names them, as everywhere."""
    bundle = sample(("parts/calendar.yaml", "parts/tỉnh/own.yaml"))
    own = (
        "calendar: own\nextends: ../calendar.yaml\n"
        "days_off:\n  - {date: 2020-05-11, name: Nghỉ, source: Thông báo}\n"
    )

    plan = load(Bundle(bundle.main, {**bundle.texts, "parts/tỉnh/own.yaml": own}))

    assert not plan.calendar.is_working(date(2020, 5, 11))
    assert not plan.calendar.is_working(date(2020, 4, 30))


def test_a_circle_is_shown_whole():
    """Whoever broke it may not be the one who reads it."""
    bundle = chain("", "")
    texts = {**bundle.texts, "country.yaml": "calendar: c\nextends: sub/../0.yaml\n"}

    found = check_calendar(Bundle(bundle.main, texts))

    assert places(found) == ["DD166@country.yaml:2:10"]
    assert "0.yaml → 1.yaml → country.yaml → 0.yaml" in found[0].message()
    with pytest.raises(PlanFaults):
        load_calendar(Bundle(bundle.main, texts))


def test_faults_of_every_file_of_the_chain_are_found_at_once():
    """Each in its own file, at its own line."""
    bundle = chain("days_off:\n  - {date: 30/2/2026, name: a, source: b}\n")
    country = COUNTRY.replace("2026-01-10", "2026-01-02").replace("base: VN", "base: VM")

    found = check_calendar(Bundle(bundle.main, {**bundle.texts, "country.yaml": country}))

    assert places(found) == [
        "DD133@0.yaml:4:12",
        "DD164@country.yaml:3:7",
        "DD168@country.yaml:8:12",
    ]


@pytest.mark.parametrize("kind", ["missing-file", "bad-path", "file-too-large"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_file_that_cannot_be_read_is_the_fault_of_the_one_that_names_it(kind: str, language: str):
    """The coordinator is sent to the line with the name."""
    bundle = chain("")
    texts = {"0.yaml": bundle.texts["0.yaml"]}

    found = check_calendar(Bundle("0.yaml", texts, {"country.yaml": kind}))

    assert [(one.kind, one.line, one.column) for one in found] == [(kind, 2, 10)]
    assert "country.yaml" in found[0].message(language)
    assert found[0].help(language)


def test_a_lower_file_without_notices_until_lacks_it():
    """It alone has nobody to inherit it from."""
    found = check_calendar(Bundle("a.yaml", {"a.yaml": "calendar: a\nbase: VN\n"}))

    assert places(found) == ["DD121@a.yaml:1:1"]
    assert "notices_until" in found[0].message()


def test_advice_compares_a_file_with_what_it_stands_on():
    """To take back the country's days is no slip; to do nothing is."""
    own = (
        "worked:\n"
        "  - {date: 2026-01-02, name: a, source: b}\n"  # off by the country's file
        "  - {date: 2026-01-05, name: a, source: b}\n"  # a Monday like any other
        "days_off:\n"
        "  - {date: 2026-01-10, name: a, source: b}\n"  # worked by the country's file
        "  - {date: 2026-01-17, name: a, source: b}\n"  # a Saturday like any other
    )

    assert places(check_calendar(chain(own))) == ["DD230@0.yaml:5:12", "DD231@0.yaml:8:12"]


def test_days_of_a_province_in_a_year_of_estimates_are_no_slip():
    """Only the file that says `notices_until` can be behind with it."""
    own = "days_off:\n  - {date: 15/6/2027, name: a, source: b}\n"

    assert check_calendar(chain(own)) == []
    assert places(check_calendar(chain(f"notices_until: 2026\n{own}"))) == ["DD232@0.yaml:5:12"]


def test_a_plan_is_told_what_is_doubtful_in_its_calendar():
    """`check` reads all that the plan stands on."""
    bundle = sample()
    days = "days_off:\n  - {date: 2026-01-03, name: a, source: b}\n"
    texts = {**bundle.texts, "parts/calendar.yaml": bundle.texts["parts/calendar.yaml"] + days}

    assert places(check(Bundle(bundle.main, texts))) == ["DD231@parts/calendar.yaml:5:12"]


@pytest.mark.parametrize("name", ["viet-nam.yaml", "tuyen-quang.yaml"])
def test_there_is_nothing_to_point_out_in_the_shipped_calendars(name: str):
    """Coordinators copy them."""
    assert check_calendar(Bundle.read(SHIPPED / name)) == []


def test_the_shipped_calendar_of_the_province_invents_no_day():
    """What is no fact stands in comments only."""
    country, province = (
        load_calendar(Bundle.read(SHIPPED / name)) for name in ("viet-nam.yaml", "tuyen-quang.yaml")
    )

    assert province.calendar == "tuyen-quang"
    assert (province.days_off, province.worked, province.uncertain) == (
        country.days_off,
        country.worked,
        country.uncertain,
    )


def test_the_commented_examples_of_the_province_can_be_used_as_they_stand():
    """Whoever takes the marks away gets a calendar, not a fault."""
    lines = (SHIPPED / "tuyen-quang.yaml").read_text(encoding="utf-8").splitlines()
    keys = ("# days_off:", "# worked:", "# uncertain:", "#   - ")
    text = "\n".join(line[2:] if line.startswith(keys) else line for line in lines)
    country = (SHIPPED / "viet-nam.yaml").read_text(encoding="utf-8")
    bundle = Bundle("a.yaml", {"a.yaml": text, "viet-nam.yaml": country})

    assert check_calendar(bundle) == []
    built = year_2026(load_calendar(bundle))
    assert not built.is_working(date(2026, 6, 15))
    assert built.is_working(date(2026, 6, 20))


def test_files_are_read_with_all_that_they_extend(tmp_path: Path):
    """From disk, each beside the one that names it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.yaml").write_text("calendar: a\nextends: ../country.yaml\n", "utf-8")
    (tmp_path / "country.yaml").write_text(COUNTRY, "utf-8")

    assert load_calendar(Bundle.read(tmp_path / "sub" / "own.yaml")).base == "VN"


@pytest.mark.parametrize(
    ("extends", "code"),
    [
        ("nowhere.yaml", "DD101"),
        ("secret.txt", "DD105"),
        ("/etc/secret.yaml", "DD105"),
        ("own.yaml", "DD166"),
    ],
)
def test_what_cannot_be_extended_is_a_fault_where_it_is_named(
    tmp_path: Path, extends: str, code: str
):
    """A calendar sent by others must not show other files."""
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    (tmp_path / "own.yaml").write_text(f"calendar: a\nextends: {extends}\n", "utf-8")

    found = check_calendar(Bundle.read(tmp_path / "own.yaml"))

    assert places(found) == [f"{code}@{tmp_path / 'own.yaml'}:2:10"]


def test_a_calendar_file_that_is_not_there_is_a_fault(tmp_path: Path):
    """Not a traceback."""
    found = check_calendar(Bundle.read(tmp_path / "nowhere.yaml"))

    assert [one.kind for one in found] == ["missing-file"]


OWN = """calendar: own
extends: country.yaml
days_off:
  - {date: 2026-06-15, name: Ngày của tỉnh, source: Thông báo}
worked:
  - {date: 2026-06-20, name: Làm bù, source: Thông báo}""".splitlines()
JUNK = ["", "[]", "{}", "a", "-1", "VN", "own.yaml", "2026-06-20", "[a, {b: c}]", "~", "*a"]


@given(
    st.integers(0, len(OWN) - 1),
    st.sampled_from(JUNK),
    st.integers(0, len(COUNTRY.splitlines()) - 1),
    st.sampled_from(JUNK),
)
@settings(max_examples=150, deadline=None)
def test_no_slip_of_the_hand_crashes_it(line: int, junk: str, other: int, more: str):
    """A line filled with anything is a fault, or still a calendar."""
    texts = {}
    for name, lines, at, filled in (
        ("own.yaml", [*OWN], line, junk),
        ("country.yaml", COUNTRY.splitlines(), other, more),
    ):
        lines[at] = f"{lines[at].partition(':')[0]}: {filled}"
        texts[name] = "\n".join(lines)

    found = check_calendar(Bundle("own.yaml", texts))

    assert all(one.message(lang) and one.help(lang) for one in found for lang in ("vi", "en"))
    if not has_faults(found):
        assert year_2026(load_calendar(Bundle("own.yaml", texts))).first_year == 2026
