"""Calendar: `dondoc calendar`, a year of working days as a picture and as lists."""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import Format, Language, language, out, print_json, table

if TYPE_CHECKING:
    from engine.calendar import DayOff
    from services.views.working_year import WorkingYear

CELL = 3
"""Columns of a day: two digits and its mark."""
MONTH = 7 * CELL
GAP = "  "
BLANK = Text(" " * MONTH)
QUARTERS = ("I", "II", "III", "IV")
OFF, WORKED, UNCERTAIN = "*", "+", "?"
STYLES = {OFF: "bold red", WORKED: "bold green", UNCERTAIN: "bold yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Ví dụ: dondoc calendar 2026    |    dondoc calendar 2020 --format json")(
        calendar
    )


def calendar(
    year: Annotated[int, typer.Argument(help="Năm, ví dụ 2026.")],
    file: Annotated[
        Path | None,
        typer.Option("--calendar", help="Tệp lịch (YAML); mặc định lịch Việt Nam đi kèm."),
    ] = None,
    format: Annotated[Format, typer.Option(help="Cách in.")] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
) -> None:
    """Lịch làm việc một năm: ngày nghỉ, ngày làm bù, số ngày làm việc – a year's working days."""
    from cli.reading import read_calendar
    from plan_definitions.calendars import shipped
    from services.views import working_year

    spoken = language(lang)
    overlay = read_calendar(file or shipped(), spoken, advise=format is Format.TEXT)
    shown = working_year.look_up(overlay, year, spoken)
    if format is Format.JSON:
        print_json(working_year.to_json(shown))
    else:
        _print(shown)


def _print(shown: WorkingYear) -> None:
    year, until = shown.year, shown.overlay.notices_until
    _line(_say(shown, "title", year=year, calendar=shown.overlay.calendar), "bold")
    if shown.is_estimate:
        _line(_say(shown, "estimate", year=year, until=until), STYLES[UNCERTAIN])
    else:
        _line(_say(shown, "noticed", until=until))
    out.print()
    for line in _picture(shown, out.width):
        out.print(line, no_wrap=True, overflow="crop")
    out.print(_legend(shown))
    _print_days(shown, "days-off", shown.days_off)
    _print_days(shown, "worked", shown.worked)
    _print_uncertain(shown)
    _print_counts(shown)


def _say(shown: WorkingYear, key: str, **values: Any) -> str:
    from language.catalogue import text

    return text(shown.language, f"calendar.{key}", **values)


def _line(said: str, style: str = "") -> None:
    out.print(Text(said, style=style))


def _heading(said: str) -> None:
    out.print()
    _line(said, "bold")


def _print_days(shown: WorkingYear, what: str, days: Sequence[DayOff]) -> None:
    from language.dates import day, weekday

    _heading(_say(shown, what if days else f"no-{what}"))
    if not days:
        return
    made = table(*(_say(shown, f"head-{head}") for head in ("day", "weekday", "name", "source")))
    for one in days:
        when = (day(shown.language, one.day), weekday(shown.language, one.day))
        made.add_row(*when, Text(one.name), Text(one.source))
    out.print(made)


def _print_uncertain(shown: WorkingYear) -> None:
    if not shown.uncertain:
        return
    _heading(_say(shown, "uncertain"))
    for day in shown.uncertain:
        values = {"day": day.date, "name": day.name, "source": day.source}
        counted = _say(shown, "counts-off" if day.off else "counts-worked")
        _line(_say(shown, "uncertain-day", counted=counted, **values), STYLES[UNCERTAIN])
        if day.note:
            _line(day.note)


def _print_counts(shown: WorkingYear) -> None:
    _heading(_say(shown, "counts"))
    for number, name in enumerate(QUARTERS):
        months = shown.months[3 * number : 3 * number + 3]
        parts = " + ".join(f"{count:2}" for count in months)
        _line(_say(shown, "quarter", quarter=f"{name:3}", parts=parts, total=sum(months)))
    _line(_say(shown, "year", total=sum(shown.months)))


def _legend(shown: WorkingYear) -> Text:
    marks = ((OFF, "mark-off"), (WORKED, "mark-worked"), (UNCERTAIN, "mark-uncertain"))
    said = [Text.assemble((mark, STYLES[mark]), " ", _say(shown, key)) for mark, key in marks]
    return Text("   ").join(said)


def _picture(shown: WorkingYear, width: int) -> Iterable[Text]:
    """Yield the lines of twelve months, as many side by side as fit."""
    fit = (width + len(GAP)) // (MONTH + len(GAP))
    in_a_row = next(n for n in (4, 3, 2, 1) if n <= max(fit, 1))
    months = [_month(shown, month) for month in range(1, 13)]
    for first in range(0, 12, in_a_row):
        for lines in zip_longest(*months[first : first + in_a_row], fillvalue=BLANK):
            line = Text(GAP).join(lines)
            line.rstrip()
            yield line
        yield Text()


def _month(shown: WorkingYear, month: int) -> list[Text]:
    """Return the lines of a month, all equally long, weeks from Monday."""
    from language.dates import month as named

    name = named(shown.language, month).capitalize()
    count = _say(shown, "days", count=shown.months[month - 1])
    head = f"{name}{count:>{MONTH - 1 - len(name)}} "
    weeks = gregorian.Calendar().monthdatescalendar(shown.year, month)
    return [
        Text(head, style="bold"),
        Text(f"{_say(shown, 'weekdays')} ", style="dim"),
        *(Text().join(_cell(shown, day, month) for day in week) for week in weeks),
    ]


def _cell(shown: WorkingYear, day: date, month: int) -> Text:
    if day.month != month:
        return Text(" " * CELL)
    mark = _mark(shown, day)
    style = STYLES.get(mark, "" if shown.calendar.is_working(day) else "dim")
    return Text(f"{day.day:2}{mark or ' '}", style=style)


def _mark(shown: WorkingYear, day: date) -> str:
    if any(one.date == day for one in shown.uncertain):
        return UNCERTAIN
    if shown.calendar.is_worked_instead(day):
        return WORKED
    is_named = shown.calendar.day_off(day) is not None
    return OFF if is_named and day.weekday() < gregorian.SATURDAY else ""
