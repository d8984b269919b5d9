"""Builders: small plans made of engine values, without YAML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.calendar import DayOff, WorkingCalendar
from engine.deadline import Before, By, NoDate, Phrase
from engine.graph import SYSTEM, advance
from engine.ledger import Entry, EntryKind, Folding
from engine.plan import (
    Agency,
    EscalationStep,
    Gate,
    GateAfterDue,
    GateBy,
    Ladder,
    Level,
    OutsideEvent,
    Overdue,
    Plan,
    Stage,
    Task,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CALENDAR = WorkingCalendar(
    2019,
    2023,
    days_off=[DayOff(date(2020, 4, 30), "30/4"), DayOff(date(2020, 5, 1), "1/5")],
)
STANDARD = Ladder(
    name="standard",
    remind=(10, 5, 2, 1, 0),
    overdue=Overdue(first=1, every=1, at_most=10),
    escalate=(EscalationStep(1, Level.COORDINATOR), EscalationStep(5, Level.SUPERIOR)),
)
BEFORE_10_MAY = Phrase("trước ngày 10/5/2020", Before(date(2020, 5, 10)))
BY_9_JUNE = Phrase("chậm nhất ngày 09/6/2020", By(date(2020, 6, 9)))
NO_DATE = Phrase("không hạn", NoDate())


def at(written: str) -> datetime:
    """Return an instant, written as `2020-05-11 08:00` in the plan's zone."""
    return datetime.fromisoformat(written).replace(tzinfo=ZONE)


def task(
    id: str = "report",
    *,
    by: Sequence[str] = ("a", "b", "c"),
    due: Phrase = BEFORE_10_MAY,
    ladder: str = "standard",
) -> Task:
    """Return a task."""
    return Task(
        id=id, title=f"Báo cáo {id}", by=tuple(by), due=due, ladder=ladder, to="coordinator"
    )


def stage(
    id: str = "first",
    *tasks: Task,
    needs: Sequence[str] = (),
    event: str | None = None,
    quorum: Fraction | int = Fraction(1),
    otherwise: GateAfterDue | GateBy | None = None,
) -> Stage:
    """Return a stage whose gate counts all of its tasks."""
    owned = tasks or (task(),)
    gate = Gate(tasks=tuple(one.id for one in owned), quorum=quorum, otherwise=otherwise)
    return Stage(id=id, title=id, tasks=owned, gate=gate, needs=tuple(needs), event=event)


def plan(
    *stages: Stage,
    ladder: Ladder = STANDARD,
    superior: str | None = "superior",
    calendar: WorkingCalendar = CALENDAR,
) -> Plan:
    """Return a plan of agencies a, b, c … z, a coordinator and a superior."""
    names = ["coordinator", "superior", *"abcdefghijklmnopqrstuvwxyz"]
    agencies = {
        name: Agency(name, name.upper(), "department", f"{name}@x.example") for name in names
    }
    return Plan(
        id="p",
        number="1/KH",
        title="Kế hoạch",
        issued=date(2020, 4, 6),
        issuer="superior",
        coordinator="coordinator",
        superior=superior,
        zone=ZONE,
        language="vi",
        agencies=agencies,
        stages=stages or (stage(),),
        ladders={"standard": ladder},
        calendar=calendar,
        events={"issued": OutsideEvent("issued", "Ban hành")},
    )


class Story:
    """A ledger being written: start a plan, let things happen, look at the state."""

    def __init__(self, plan: Plan, start: str = "2020-04-06 08:00") -> None:
        self.plan = plan
        self.folding = Folding(plan)
        self.entries: list[Entry] = []
        self.record(EntryKind.RUN_STARTED, start)

    def record(
        self,
        kind: EntryKind,
        when: str,
        obligation: str | None = None,
        *,
        dated: str | None = None,
        **data: object,
    ) -> list[Entry]:
        """Record an entry at `when`, dated otherwise if told, and open what it opens."""
        recorded = at(when)
        happened = recorded if dated is None else at(dated)
        entry = Entry(kind, happened, recorded, SYSTEM, obligation=obligation, data=data)
        self.folding.take(entry)
        self.entries.append(entry)
        turned = advance(self.folding, recorded)
        self.entries += turned
        return turned

    def submit(self, obligation: str, when: str, *, dated: str | None = None) -> list[Entry]:
        """Record a submission."""
        return self.record(EntryKind.SUBMITTED, when, obligation, dated=dated)

    def wait_until(self, when: str) -> list[Entry]:
        """Open and close what turns by itself."""
        turned = advance(self.folding, at(when))
        self.entries += turned
        return turned
