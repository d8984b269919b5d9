"""`dondoc calendar`: a year of working days, for people and for programs."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.console import out
from cli.main import app
from services.errors import Refused
from tests.plan_definitions.test_working_days_of_viet_nam import TRUTH, year_of_days

runner = CliRunner()

PROVINCE = """
calendar: tinh
base: VN
notices_until: 2026
days_off:
  - {date: 2026-06-15, name: Ngày của tỉnh, source: 1/TB-UBND}
  - {date: 2026-06-20, name: Thứ Bảy, source: 1/TB-UBND}
uncertain:
  - {date: 2026-11-24, off: true, name: Ngày Văn hóa, source: 80-NQ/TW, note: Chờ luật.}
"""


def calendar(*arguments: str, columns: int = 80) -> Result:
    before, out.width = out.width, columns
    try:
        return runner.invoke(app, ["calendar", *arguments])
    finally:
        out.width = before


@pytest.fixture
def province(tmp_path: Path) -> str:
    file = tmp_path / "tinh.yaml"
    file.write_text(PROVINCE, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("year", TRUTH)
def test_json_holds_the_days_off_and_the_counts_of_the_notices(year: int):
    """Programs build on it; the counts are told apart from the calendar that made them."""
    off, worked = TRUTH[year]
    shown = calendar(str(year), "--format", "json")
    found = json.loads(shown.stdout)

    assert shown.exit_code == 0
    assert set(found) == {
        *("year", "calendar", "estimate", "notices_until", "days_off", "worked", "uncertain"),
        "working_days",
    }
    assert (found["year"], found["calendar"], found["estimate"]) == (year, "viet-nam", False)
    assert found["notices_until"] == 2026
    named = [date.fromisoformat(one["date"]) for one in found["days_off"]]
    assert named == sorted(day for day in off if day.weekday() < 5)
    assert [date.fromisoformat(one["date"]) for one in found["worked"]] == sorted(worked)
    for one in [*found["days_off"], *found["worked"], *found["uncertain"]]:
        assert one["weekday"] == date.fromisoformat(one["date"]).isoweekday()
        assert one["name"]
        assert one["source"]
    works = [d for d in year_of_days(year) if d in worked or (d.weekday() < 5 and d not in off)]
    assert found["working_days"] == {
        "year": len(works),
        "months": [sum(day.month == month for day in works) for month in range(1, 13)],
    }


def test_a_swap_that_only_the_package_knows_names_the_day_off_it_is_for():
    """Sat 22/8/2026 is worked for Mon 31/8."""
    found = json.loads(calendar("2026", "--format", "json", "--lang", "vi").stdout)

    names = {one["date"]: one["name"] for one in found["worked"]}
    assert names["2026-08-22"] == "Làm bù cho 31/8/2026 (thứ Hai)"
    assert found["uncertain"][0]["date"] == "2026-11-24"
    assert found["uncertain"][0]["off"] is False
    assert "Điều 112" in found["uncertain"][0]["note"]


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("vi", "DỰ KIẾN: chưa có thông báo chính thức"),
        ("en", "ESTIMATE: there is no official notice"),
    ],
)
def test_a_year_without_a_notice_is_called_an_estimate_on_top(lang: str, sentence: str):
    """Nobody may take a guess for a notice."""
    shown = calendar("2027", "--lang", lang).stdout.splitlines()

    assert shown[1].startswith(sentence)
    assert json.loads(calendar("2027", "--format", "json").stdout)["estimate"] is True
    assert sentence[:8] not in calendar("2026", "--lang", lang).stdout


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "vi",
            (
                "Lịch làm việc năm 2026 (viet-nam)",
                "Tháng 1      21 ngày   Tháng 2      15 ngày   Tháng 3      22 ngày",
                "T2 T3 T4 T5 T6 T7 CN",
                "          1* 2* 3  4",
                " 5  6  7  8  9 10+11",
                "23 24?25 26 27 28 29",
                "* ngày nghỉ   + làm bù   ? chưa chắc chắn",
                "02/01/2026   thứ Sáu",
                "24/11/2026 (thứ Ba): Ngày Văn hóa Việt Nam, đang tính là ngày làm việc.",
                "Quý I    21 + 15 + 22 = 58",
                "Cả năm: 250 ngày làm việc.",
            ),
        ),
        (
            "en",
            (
                "Working days of 2026 (viet-nam)",
                "January      21 days   February     15 days   March        22 days",
                "Mo Tu We Th Fr Sa Su",
                "          1* 2* 3  4",
                " 5  6  7  8  9 10+11",
                "23 24?25 26 27 28 29",
                "* day off   + worked instead   ? uncertain",
                "2 January 2026     Friday",
                "Ngày Văn hóa Việt Nam, counted as a working day.",
                "Quarter I    21 + 15 + 22 = 58",
                "The whole year: 250 working days.",
            ),
        ),
    ],
)
def test_the_year_can_be_read_without_colour(lang: str, words: tuple[str, ...]):
    """On paper and in a pipe too: every mark is a sign."""
    shown = calendar("2026", "--lang", lang)

    assert shown.exit_code == 0
    assert "\x1b[" not in shown.stdout
    for said in words:
        assert said in shown.stdout


@pytest.mark.parametrize(("columns", "months"), [(40, 1), (50, 2), (80, 3), (100, 4), (200, 4)])
def test_as_many_months_stand_side_by_side_as_fit(columns: int, months: int):
    """And no line is longer than the terminal."""
    shown = calendar("2026", "--lang", "vi", columns=columns).stdout.splitlines()

    assert max(line.count("T2 T3") for line in shown) == months
    assert max(map(len, shown)) <= columns
    assert not any(before == after == "" for before, after in pairwise(shown))


def test_a_calendar_of_ones_own_is_shown(province: str):
    """With its days, and what is doubtful in it on standard error."""
    shown = calendar("2026", "--calendar", province, "--lang", "vi")

    assert shown.exit_code == 0
    assert "Ngày của tỉnh" in shown.stdout
    assert "15*16 17 18 19 20 21" in shown.stdout
    assert "Ngày Văn hóa, đang tính là ngày nghỉ." in shown.stdout
    assert "Chờ luật." in shown.stdout
    assert "DD231" in shown.stderr
    assert "DD231" not in shown.stdout
    printed = calendar("2026", "--calendar", province, "--format", "json")
    assert printed.stderr == ""
    days_off = [one["date"] for one in json.loads(printed.stdout)["days_off"]]
    assert {"2026-06-15", "2026-11-24"} <= set(days_off)
    assert "2026-06-20" not in days_off


def test_the_shipped_calendar_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A coordinator stands where her own files are."""
    monkeypatch.chdir(tmp_path)

    assert calendar("2026").exit_code == 0


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("year", ["1989", "2100", "0", "-1"])
def test_a_year_that_the_tables_do_not_hold_is_refused(year: str, language: str):
    """A made-up calendar would be worse than none."""
    shown = calendar("--lang", language, "--", year)

    assert shown.exit_code == 1
    assert isinstance(shown.exception, Refused)
    assert "1990" in shown.exception.say(language)
    assert "2099" in shown.exception.say(language)


@pytest.mark.parametrize("year", ["1990", "2099"])
def test_the_first_and_the_last_year_are_known(year: str):
    """The bounds are those that the refusal names."""
    assert json.loads(calendar(year, "--format", "json").stdout)["year"] == int(year)


def test_a_faulty_calendar_ends_with_one_and_names_the_place(tmp_path: Path):
    """As `check` does it."""
    file = tmp_path / "tinh.yaml"
    file.write_text(PROVINCE.replace("2026-06-15", "2026-06-31"), encoding="utf-8")

    shown = calendar("2026", "--calendar", str(file), "--lang", "vi")

    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert f"{file}:6:12: lỗi DD133" in shown.stderr


@pytest.mark.parametrize("arguments", [[], ["năm nay"], ["2026", "--format", "xml"]])
def test_wrong_usage_ends_with_two(arguments: list[str]):
    """A script can tell a typo from a fault."""
    assert calendar(*arguments).exit_code == 2
