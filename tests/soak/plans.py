"""Plans: random ones of several shapes, and what happens to them in a year, from a seed."""

from __future__ import annotations

import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plan_definitions import Bundle, PlanFaults, load

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST = date(2024, 1, 2)
DAY = timedelta(days=1)

REGISTER = """\
register: soak
as_of: 2024-01-01
agencies:
  tinh: {name: Ủy ban nhân dân tỉnh, kind: issuer, email: tinh@soak.example}
  noi-vu: {name: Sở Nội vụ, kind: department, email: noivu@soak.example}
  so-a: {name: Sở An, kind: department, email: a@soak.example}
  so-b: {name: Sở Bình, kind: department, email: b@soak.example}
  so-c: {name: Sở Cường, kind: department, email: c@soak.example}
  huyen-m: {name: Huyện Mai, kind: district, email: m@soak.example}
  huyen-n: {name: Huyện Nam, kind: district, email: n@soak.example, parent: so-c}
communes:
  huyen-m:
    xa-m1: {name: Xã Mai Một, code: "00001", email: m1@soak.example}
    xa-m2: {name: Xã Mai Hai, code: "00002", email: m2@soak.example}
  huyen-n:
    xa-n1: {name: Xã Nam Một, code: "00003", email: n1@soak.example}
"""
CALENDAR = """\
calendar: soak
base: VN
notices_until: 2026
days_off:
  - {date: 2024-06-17, name: Ngày nghỉ của tỉnh, source: 1/QĐ-UBND}
  - {date: 2024-06-18, name: Ngày nghỉ của tỉnh, source: 1/QĐ-UBND}
worked:
  - {date: 2024-06-22, name: Làm bù, source: 1/QĐ-UBND}
  - {date: 2024-05-04, name: Làm bù, source: 2/QĐ-UBND}
"""
AGENCIES = ("so-a", "so-b", "so-c", "huyen-m", "huyen-n", "xa-m1", "xa-m2", "xa-n1")
HEADS = ("noi-vu", "tinh")
SHARED = "chinh-phu.ban-hanh"
"""An event that many runs wait for."""


@dataclass(frozen=True)
class Act:
    """Something that somebody means to record: it may be refused, or come later."""

    at: datetime
    what: str
    whom: str
    dated: date
    days: int | None = None
    until: date | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Sketch:
    """A plan run and what people mean to do in its year."""

    run: str
    text: str
    start: datetime
    acts: tuple[Act, ...] = field(repr=False)

    @property
    def bundle(self) -> Bundle:
        """The plan as a bundle of texts."""
        files = {"register.yaml": REGISTER, "calendar.yaml": CALENDAR}
        return Bundle("plan.yaml", {"plan.yaml": self.text} | files)


def sketch(seed: int, number: int) -> Sketch:
    """Return the `number`-th plan run of a seed; the same each time."""
    for salt in itertools.count():
        drawn = random.Random(f"{seed}/{number}/{salt}")
        found = _Drawing(drawn, f"r{number:04d}").sketch()
        with suppress(PlanFaults):  # one that the office would refuse is drawn again
            load(found.bundle)
            return found
    raise AssertionError


class _Drawing:
    def __init__(self, drawn: random.Random, run: str) -> None:
        self.drawn, self.run = drawn, run
        day = FIRST + drawn.randrange(60) * DAY
        self.start = self.moment(day)
        self.stages: list[str] = []
        self.owed: list[tuple[str, date]] = []  # obligation, and about when it is due
        self.events: dict[str, date] = {}
        levels = ["parent", "coordinator", "coordinator", "superior"]
        self.levels = levels if drawn.random() < 0.85 else levels[:-1]

    # ── the plan ──

    def sketch(self) -> Sketch:
        """Draw it all."""
        superior = ["superior: tinh"] if self.levels[-1] == "superior" else []
        stages = self.draw_stages()
        ladders = ["ladders:", *self.ladder("standard"), *self.ladder("other")]
        events = ["events:"] if self.events else []
        for name in self.events:
            asked = ", correlate: {ky: 2021-2030}" if name == f"{self.run}.asked" else ""
            events.append(f"  {name}: {{title: Sự kiện {name}{asked}}}")
        lines = [
            f"plan: {self.run}",
            f"number: {self.run[1:]}/KH-UBND",
            f"title: Kế hoạch {self.run}",
            f"issued: {self.start.date()}",
            "issuer: tinh",
            "coordinator: noi-vu",
            *superior,
            "agencies: register.yaml",
            "calendar: calendar.yaml",
            *events,
            "stages:",
            *stages,
            *ladders,
            *self.quiet(),
        ]
        return Sketch(self.run, "\n".join(lines) + "\n", self.start, self.acts())

    def draw_stages(self) -> list[str]:
        lines: list[str] = []
        about = self.start.date()
        for number in range(self.drawn.randint(1, 4)):
            name = f"s{number}"
            about += self.drawn.randint(5, 75) * DAY
            needs = [one for one in self.stages if self.drawn.random() < 0.6]
            event = self.event(about) if self.drawn.random() < 0.25 else None
            lines += [f"  {name}:", f"    title: Bước {number}"]
            if needs:
                lines.append(f"    needs: [{', '.join(needs)}]")
            if event:
                lines.append(f"    when: {{event: {event}}}")
            lines.append("    tasks:")
            total = 0
            tasks = range(self.drawn.randint(1, 3))
            for task in tasks:
                by = self.drawn.sample(AGENCIES, self.drawn.randint(1, 5))
                by += [one for one in HEADS if self.drawn.random() < 0.1]
                total += len(by)
                due, when = self.due(about, needs, event)
                ladder = self.drawn.choice(["standard", "standard", "other"])
                lines.append(
                    f"      t{task}: {{title: Việc {number}.{task}, by: [{', '.join(by)}],"
                    f" due: {due}, ladder: {ladder}}}"
                )
                self.owed += [(f"{name}/t{task}/{agency}", when) for agency in by]
            lines += self.gate(about, len(tasks), total)
            self.stages.append(name)
        return lines

    def event(self, about: date) -> str:
        name = self.drawn.choice([SHARED, f"{self.run}.own", f"{self.run}.asked"])
        self.events.setdefault(name, about + self.drawn.randint(-40, 40) * DAY)
        return name

    def due(self, about: date, needs: list[str], event: str | None) -> tuple[str, date]:
        """Draw a deadline, and about when that is."""
        drawn = self.drawn
        day = about + drawn.randint(-12, 30) * DAY
        roll = drawn.choice(["", "", "", ", roll: forward", ", roll: back"])
        kind = drawn.choice(["before", "by", "by", "in", "day", "day", "event", "stage", "none"])
        if kind == "none":
            return "none", about
        if kind in ("before", "by"):
            return f"{{{kind}: {day}}}{roll}", day
        if kind == "in":
            return f"{{in: {day.month}/{day.year}}}{roll}", day
        count = drawn.randint(1, 25)
        unit = drawn.choice(["working days", "days", "days"])
        if drawn.random() < 0.1:
            count, unit = drawn.randint(1, 3), "months"
        origin = str(about - drawn.randint(0, 15) * DAY)
        if kind == "event":
            origin = event or self.event(about)
        if kind == "stage" and self.stages:
            origin = drawn.choice(needs or self.stages)
        return f"{{within: {count} {unit}, of: {origin}}}{roll}", day

    def gate(self, about: date, tasks: int, total: int) -> list[str]:
        drawn = self.drawn
        parts = []
        if drawn.random() < 0.4 and tasks > 1:
            parts.append("tasks: [t0]")
            total = 1
        if drawn.random() < 0.6:
            parts.append(f"quorum: {drawn.choice(['50%', '90%', '100%', str(min(2, total))])}")
        if drawn.random() < 0.7:
            day = about + drawn.randint(0, 40) * DAY
            ends = [f"{drawn.randint(1, 6)} working days after due", f"{{by: {day}}}"]
            parts.append(f"or: {drawn.choice(ends)}")
        return [f"    gate: {{{', '.join(parts)}}}"] if parts else []

    def ladder(self, name: str) -> list[str]:
        drawn = self.drawn
        lines = [
            f"  {name}:",
            f'    send_at: "{drawn.choice(["07:30", "08:00", "08:00", "13:30"])}"',
        ]
        if drawn.random() < 0.3:
            lines.append('    office_ends: "16:30"')
        remind = sorted(drawn.sample(range(16), drawn.randint(0, 5)), reverse=True)
        lines.append(f"    remind: [{', '.join(map(str, remind))}]")
        if drawn.random() < 0.9:
            first, every, most = drawn.randint(1, 3), drawn.randint(1, 4), drawn.randint(1, 8)
            lines.append(f"    overdue: {{first: {first}, every: {every}, at_most: {most}}}")
        steps = [
            f"      - {{after: {drawn.randint(1, 12)} working days,"
            f" to: {drawn.choice(self.levels)}}}"
            for _ in range(drawn.randint(0, 4))
        ]
        return [*lines, *(["    escalate:", *steps] if steps else [])]

    def quiet(self) -> list[str]:
        spans = []
        for _ in range(self.drawn.choice([0, 0, 1, 2, 3])):
            first = self.start.date() + self.drawn.randrange(200) * DAY
            last = first + self.drawn.randint(0, 12) * DAY
            spans.append(f"  - {{from: {first}, until: {last}, why: đại hội}}")
        return ["quiet:", *spans] if spans else []

    # ── what people do ──

    def moment(self, day: date) -> datetime:
        """Draw a minute of a day: mostly in office hours."""
        hours = (7, 17) if self.drawn.random() < 0.85 else (0, 23)
        hour, minute = self.drawn.randint(*hours), self.drawn.randrange(60)
        return datetime.combine(day, time(hour, minute), ZONE)

    def acts(self) -> tuple[Act, ...]:
        found: list[Act] = []
        for key, when in self.owed:
            found += self.about(key, when)
        for name, day in self.events.items():
            if self.drawn.random() < 0.85:
                values = (("ky", "2021-2030"),) if name.endswith(".asked") else ()
                at = self.moment(max(day, self.start.date() + DAY))
                dated = at.date() - self.drawn.randint(0, 10) * DAY
                found.append(Act(at, "event", name, dated, values=values))
        for _ in range(self.drawn.choice([0, 0, 1, 1, 2, 4])):
            found += self.pause()
        return tuple(sorted((one for one in found if one.at > self.start), key=lambda one: one.at))

    def about(self, key: str, when: date) -> list[Act]:
        """Draw what becomes of an obligation: on time, late, in part, back and forth, or never."""
        drawn = self.drawn
        found: list[Act] = []

        def act(what: str, day: date, **more: object) -> date:
            at = self.moment(day)
            dated = at.date() - drawn.choice([0, 0, 0, 1, 4]) * DAY
            found.append(Act(at, what, key, dated, **more))  # type: ignore[arg-type]
            return day

        if drawn.random() < 0.15:
            act("part", when + drawn.randint(-15, 20) * DAY)
        if drawn.random() < 0.2:
            day = when + drawn.randint(-12, 15) * DAY
            act("extend", day, until=when + drawn.randint(2, 40) * DAY)
        if drawn.random() < 0.06:
            act("waive", when + drawn.randint(-20, 20) * DAY)
        day = when + round(drawn.gauss(3, 10)) * DAY
        chance = 0.85
        while drawn.random() < chance:
            day = act("submit", day)
            fate = drawn.random()
            later = day + drawn.randint(0, 9) * DAY
            if fate < 0.3:
                days = drawn.choice([None, drawn.randint(1, 10)])
                day = act("return", later, days=days) + drawn.randint(0, 25) * DAY
            elif fate < 0.45:
                day = act("withdraw", later) + drawn.randint(0, 15) * DAY
            elif fate < 0.65:
                act("accept", later)
                break
            else:
                break
        return found

    def pause(self) -> list[Act]:
        drawn = self.drawn
        whom = drawn.choice(["", *AGENCIES, "noi-vu"])
        day = self.start.date() + drawn.randrange(1, 200) * DAY
        at = self.moment(day)
        until = day + drawn.randint(0, 30) * DAY if drawn.random() < 0.5 else None
        found = [Act(at, "pause", whom, at.date(), until=until)]
        if until is None or drawn.random() < 0.3:
            resumed = self.moment(day + drawn.randint(0, 40) * DAY)
            if drawn.random() < 0.9:
                found.append(Act(resumed, "resume", whom, resumed.date()))
        return found
