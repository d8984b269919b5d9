"""Run every benchmark, print a table, and write `build/bench.json`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.claiming import claiming
from benchmarks.figures import Figure, figure, median_of
from benchmarks.loading import loading
from benchmarks.opening import opening
from benchmarks.sending import sending
from benchmarks.waking import waking
from engine.calendar import WorkingCalendar
from plan_definitions import Bundle, load

ROOT = Path(__file__).parent.parent
PLAN = ROOT / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
SCENARIO = PLAN.parent / "scenarios/plausible.yaml"
COUNTS = (-60, -30, -10, -5, -1, 1, 5, 10, 30, 60)  # the periods that offices set


def dondoc(*arguments: str) -> None:
    """Run a command as a whole process."""
    subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, check=True, capture_output=True
    )


def preview() -> Figure:
    """`dondoc preview` of plan 37 with its scenario, as a whole process."""
    arguments = ("preview", str(PLAN), "--scenario", str(SCENARIO), "--format", "json")
    seconds = median_of(5, lambda: dondoc(*arguments))
    return figure("preview of plan 37, whole process (s)", seconds, 1.0, better="lower")


def rehearsal() -> Figure:
    """The rehearsal of plan 37 after set-up, as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("rehearse", str(PLAN), "--scenario", str(SCENARIO), "--out", f"{folder}/out")
        seconds = median_of(1, lambda: dondoc(*arguments))
    return figure("rehearsal of plan 37, whole process (s)", seconds, 60.0, better="lower")


def naive_offset(day: date, count: int, off: set[date], worked: set[date]) -> date:
    """Count along the days one by one, over sets."""
    step = timedelta(days=1 if count > 0 else -1)
    left = abs(count)
    while left:
        day += step
        if day in worked or (day.weekday() < 5 and day not in off):
            left -= 1
    return day


def offsets() -> Figure:
    """Working-day offsets beside a naive loop, and equal to it on every date of 2019-2027."""
    calendar = load(Bundle.read(PLAN)).calendar
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(9 * 365 + 2)]
    all_days = [date(2018, 10, 1) + timedelta(days=n) for n in range(10 * 365)]
    known = [d for d in all_days if calendar.first_year <= d.year <= calendar.last_year]
    off = {d for d in known if calendar.day_off(d) is not None}
    worked = {d for d in known if calendar.is_worked_instead(d)}
    cases = [
        (day, count)
        for day in days
        for count in COUNTS
        if _within(calendar, day + timedelta(days=3 * count))
    ]
    wrong = [c for c in cases if calendar.offset(*c) != naive_offset(*c, off, worked)]
    if wrong:
        raise SystemExit(f"{len(wrong)} offsets differ from the naive loop: {wrong[:3]}")
    ours = median_of(5, lambda: [calendar.offset(day, count) for day, count in cases])
    naive = median_of(3, lambda: [naive_offset(d, c, off, worked) for d, c in cases])
    return figure("working-day offsets, times a naive loop", naive / ours, 20, better="higher")


def _within(calendar: WorkingCalendar, day: date) -> bool:
    return calendar.first_year <= day.year <= calendar.last_year


def main() -> int:
    """Measure, print, write, and return 1 if a goal is missed."""
    figures = []
    for measure in (offsets, preview, rehearsal, opening):
        figures.append(measure())
    figures.extend(loading())
    figures.extend(sending())
    figures.extend(claiming())
    figures.extend(waking())
    table = Table("figure", "value", "goal", "ok")
    for one in figures:
        sign = "≤" if one.better == "lower" else "≥"
        table.add_row(one.name, f"{one.value:g}", f"{sign} {one.goal:g}", "yes" if one.ok else "NO")
    Console().print(table)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    text = json.dumps([asdict(one) for one in figures], indent=2)
    (build / "bench.json").write_text(text + "\n", encoding="utf-8")
    return 0 if all(one.ok for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
