"""Previewing: the JSON that others may build on, as the design states it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from engine.plan import Plan
from plan_definitions import load, load_scenario
from services.views import previewing
from services.wiring import Parts
from tests.services import written as w
from tests.storage.records import contents

PLAN_37 = load(w.real())
KINDS = {"assign", "remind", "overdue", "escalate", "returned", "brief", "event"}
MESSAGE = {"send_at", "to", "kind", "rungs", "obligations", "subject"}
OBLIGATION = {
    "id",
    "stage",
    "task",
    "agency",
    "phrase",
    "last_day",
    "last_working_day",
    "late_from",
    "derivation",
}


def shown(plan: Plan = PLAN_37, scenario: str | None = None, language: str = "vi") -> Any:
    """Return the preview as a program would read it."""
    lived = None if scenario is None else load_scenario(w.SCENARIOS / scenario, plan)
    return json.loads(json.dumps(previewing.to_json(previewing.preview(plan, lived), language)))


@pytest.mark.parametrize("scenario", [None, "plausible.yaml", "outage.yaml"])
def test_the_shape_is_the_contract(scenario: str | None):
    """Whoever builds on it finds what was promised."""
    found = shown(scenario=scenario)

    assert set(found) == {"plan", "stages", "obligations", "messages"}
    assert found["plan"] == "kh37-2020"
    for stage in found["stages"]:
        assert {"id", "needs", "opens", "gate"} <= set(stage)
    for owed in found["obligations"]:
        assert set(owed) >= OBLIGATION
        assert owed["id"] == f"{owed['stage']}/{owed['task']}/{owed['agency']}"
        if owed["last_day"] is not None:
            assert date.fromisoformat(owed["last_day"]) >= date.fromisoformat(
                owed["last_working_day"]
            )
            assert datetime.fromisoformat(owed["late_from"]).utcoffset() is not None
            assert owed["derivation"]
    known = {owed["id"] for owed in found["obligations"]}
    for message in found["messages"]:
        assert set(message) == MESSAGE
        assert message["kind"] in KINDS
        assert message["to"] in PLAN_37.agencies
        assert message["subject"]
        assert datetime.fromisoformat(message["send_at"]).utcoffset() is not None
        assert bool(message["rungs"]) == (message["kind"] != "event")
        assert set(message["obligations"]) <= known


def test_every_obligation_of_every_stage_is_listed_whether_it_opens_or_not():
    """A coordinator checks all of the plan, not only its beginning."""
    found = shown()

    assert [owed["id"] for owed in found["obligations"]] == list(PLAN_37.obligations)
    assert [stage["id"] for stage in found["stages"]] == [stage.id for stage in PLAN_37.stages]
    assert found["stages"][3]["opens"] is None


def test_the_deadline_of_plan_37_is_derived_as_the_document_says():
    """Before 10 May: the last day is Saturday the 9th, the last working day Friday the 8th."""
    owed = next(one for one in shown()["obligations"] if one["task"] == "final-report")

    assert owed["phrase"] == "trước ngày 10/5/2020"
    assert (owed["last_day"], owed["last_working_day"]) == ("2020-05-09", "2020-05-08")
    assert owed["late_from"] == "2020-05-10T00:00:00+07:00"
    assert "→" in owed["derivation"]


def test_what_has_no_date_has_none_in_any_field():
    """An empty string would be read as a date somewhere."""
    owed = next(one for one in shown()["obligations"] if one["task"] == "rewards")

    assert (owed["last_day"], owed["last_working_day"], owed["late_from"]) == (None, None, None)
    assert owed["derivation"] == ""


def test_messages_are_in_the_order_of_their_send_times():
    """It reads like a diary."""
    moments = [datetime.fromisoformat(one["send_at"]) for one in shown()["messages"]]

    assert moments == sorted(moments)


def test_without_a_scenario_nobody_answers_and_no_event_comes():
    """Every rung of the open ladders: the worst case."""
    found = shown()
    mine = [one for one in found["messages"] if one["to"] == "so-y-te"]

    rungs = [rung for one in mine for rung in one["rungs"]]
    assert rungs[:6] == ["assign", *(f"remind-{days}" for days in (10, 5, 2, 1, 0))]
    assert [rung for rung in rungs if rung.startswith("overdue")] == [
        f"overdue-{number}" for number in range(1, 11)
    ]
    escalated = [one for one in found["messages"] if one["kind"] == "escalate"]
    assert {one["to"] for one in escalated} == {"so-noi-vu", "ubnd-tinh"}


def test_the_preview_speaks_the_language_asked_for():
    """Of the derivations and gates; the mail's subject is in the plan's."""
    in_vi, in_en = shown(), shown(language="en")

    assert in_vi["stages"][0]["gate"] != in_en["stages"][0]["gate"]
    assert [one["subject"] for one in in_vi["messages"]] == [
        one["subject"] for one in in_en["messages"]
    ]


def test_the_preview_is_the_same_each_time():
    """Two coordinators compare what they see."""
    assert shown(scenario="plausible.yaml") == shown(scenario="plausible.yaml")


def test_the_preview_touches_nothing(parts: Parts):
    """No side effect, also beside a database."""
    before = contents(parts.database)

    shown()

    assert contents(parts.database) == before
