"""Edits: two versions of a plan, made by changing words of its files, and what they differ in."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from engine.plan import Plan
from plan_definitions import Bundle, load, load_scenario
from services.comparing import Comparison, compare
from services.comparing.document import to_json
from services.views.previewing import Preview, preview
from tests.plan_definitions.plan_texts import sample
from tests.services import written as w

Words = tuple[str, str]

REGISTER = "../agencies/tuyen-quang-2020.yaml"
CALENDAR = "../calendars/viet-nam.yaml"


def sample_plan(*changes: Words, agencies: tuple[Words, ...] = ()) -> Plan:
    """Return the sample plan with some of its words changed."""
    return load(sample(*changes, agencies=agencies))


def edited_sample(*changes: Words, agencies: tuple[Words, ...] = ()) -> Comparison:
    """Compare the sample plan with an edit of it."""
    return compare(preview(sample_plan()), preview(sample_plan(*changes, agencies=agencies)))


def plan_37(
    *changes: Words, register: tuple[Words, ...] = (), calendar: tuple[Words, ...] = ()
) -> Plan:
    """Return plan 37 with some of its words changed."""
    bundle = w.real()
    texts = dict(bundle.texts)
    for name, edits in ((bundle.main, changes), (REGISTER, register), (CALENDAR, calendar)):
        for old, new in edits:
            assert old in texts[name], old
            texts[name] = texts[name].replace(old, new)
    return load(Bundle(bundle.main, texts))


@cache
def shown_37(scenario: str = "") -> Preview:
    """Preview plan 37 as shipped, in the worst case or under a shipped scenario."""
    return _shown(plan_37(), scenario)


def edited_37(
    *changes: Words,
    register: tuple[Words, ...] = (),
    calendar: tuple[Words, ...] = (),
    scenario: str = "",
) -> Comparison:
    """Compare plan 37 with an edit of it."""
    new = plan_37(*changes, register=register, calendar=calendar)
    return compare(shown_37(scenario), _shown(new, scenario))


def _shown(plan: Plan, scenario: str) -> Preview:
    return preview(plan, load_scenario(w.SCENARIOS / scenario, plan) if scenario else None)


def read(compared: Comparison, language: str = "vi") -> Any:
    """Return a comparison as a program would read it."""
    return json.loads(json.dumps(to_json(compared, language)))


LATER: Words = ("due: trước ngày 10/5/2020", "due: trước ngày 15/5/2020")
"""The deadline of plan 37's final report, five days later."""

NO_HEALTH: Words = ("    - so-y-te\n", "")
"""Sở Y tế is no department any more."""

NEW_DEPARTMENT: tuple[Words, ...] = (
    (
        "  thanh-tra: {",
        "  so-moi: {name: Sở Mới, kind: department, email: moi@x.example}\n  thanh-tra: {",
    ),
    ("    - so-noi-vu\n", "    - so-noi-vu\n    - so-moi\n"),
)
"""A department that was not there before."""
