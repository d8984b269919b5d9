"""Previews to draw: plan 37, and a plan made to break pages that trust their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from engine.deadline import Before, FromEvent, NoDate, Phrase, Unit, Within
from engine.plan import Agency, Gate, GateAfterDue, OutsideEvent, Plan, Span, Stage, Task
from plan_definitions import Bundle, load, load_scenario
from services.views.previewing import Preview, preview
from tests.notifiers.mail_builder import STANDARD, calendar
from tests.notifiers.mail_builder import plan as small_plan

FOLDER = Path(__file__).parents[2] / "plan_definitions" / "tuyen-quang"
HOSTILE = "<script>alert('x')</script> & \"co\\ ; , </style>]]>"


@cache
def plan_37() -> Plan:
    """The plan that the program ships."""
    return load(Bundle.read(FOLDER / "37-kh-ubnd-2020.yaml"))


@cache
def plausible() -> Preview:
    """Plan 37 as its scenario has it."""
    return preview(plan_37(), load_scenario(FOLDER / "scenarios" / "plausible.yaml", plan_37()))


@cache
def worst_case() -> Preview:
    """Plan 37 without an answer from anybody."""
    return preview(plan_37())


def hostile() -> Preview:
    """A plan whose every word is an attack on the page."""
    plan = small_plan()
    agencies = {
        key: replace(agency, name=f"{HOSTILE} {key}", email=f"{HOSTILE}@{key}.example")
        for key, agency in plan.agencies.items()
    }
    phrase = Phrase(f"trước ngày 10/5/2020 {HOSTILE}", Before(date(2020, 5, 10)))
    tasks = tuple(
        replace(task, title=HOSTILE, ref=HOSTILE, due=phrase) for task in plan.stages[0].tasks
    )
    stage = replace(plan.stages[0], title=HOSTILE, ref=HOSTILE, tasks=tasks, event="an-event")
    return preview(
        replace(
            plan,
            number=HOSTILE,
            title=HOSTILE,
            agencies=agencies,
            stages=(replace(stage, id="first", event=None), stage),
            events={"an-event": OutsideEvent("an-event", HOSTILE, HOSTILE)},
        )
    )


def staged(
    needs: Mapping[str, tuple[str, ...]],
    *,
    event_of: tuple[str, ...] = (),
    title: str = "Một việc phải làm",
) -> Preview:
    """A plan of stages with these needs, each with one undated task, in the order given."""
    event = OutsideEvent("outside", "Một việc bên ngoài")
    stages = tuple(
        Stage(
            id=key,
            title=f"{title} ({key})",
            tasks=(_task(f"{key}-task", Phrase("không hạn", NoDate())),),
            gate=Gate(tasks=(f"{key}-task",)),
            needs=before,
            event="outside" if key in event_of else None,
        )
        for key, before in needs.items()
    )
    return preview(_plan(stages, events={"outside": event}))


def quiet_days() -> Preview:
    """Plan 37 under a scenario, three working days of which are quiet."""
    spell = Span(date(2020, 5, 11), date(2020, 5, 13), "Bầu cử")
    plan = replace(plan_37(), quiet=(spell,))
    return preview(plan, load_scenario(FOLDER / "scenarios" / "plausible.yaml", plan))


def short_periods() -> Preview:
    """One stage whose deadline is a period, its gate giving way after it."""
    within = Phrase(
        "trong thời hạn 3 ngày kể từ khi outside", Within(3, Unit.DAYS, FromEvent("outside"))
    )
    stage = Stage(
        id="only",
        title="Một bước",
        tasks=(
            _task("dated", Phrase("trước ngày 10/5/2020", Before(date(2020, 5, 10)))),
            _task("waiting", within),
        ),
        gate=Gate(tasks=("dated",), otherwise=GateAfterDue(2)),
    )
    event = OutsideEvent("outside", "Một việc bên ngoài")
    return preview(_plan((stage,), events={"outside": event}))


def _task(key: str, due: Phrase) -> Task:
    return Task(id=key, title=f"Nhiệm vụ {key}", by=("so-y-te",), due=due, ladder="standard")


def _plan(stages: tuple[Stage, ...], *, events: Mapping[str, OutsideEvent]) -> Plan:
    names = {"so-noi-vu": "Sở Nội vụ", "so-y-te": "Sở Y tế"}
    return replace(
        small_plan(),
        coordinator="so-noi-vu",
        superior=None,
        issuer="Một cơ quan",
        agencies={key: Agency(key, name, "department") for key, name in names.items()},
        stages=stages,
        ladders={"standard": replace(STANDARD, escalate=STANDARD.escalate[:1])},
        calendar=calendar(),
        events=events,
    )
