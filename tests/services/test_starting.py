"""Starting: once, however often it is asked for; in the past, never ahead."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from plan_definitions import Bundle, PlanFaults
from services import chasing, runs
from services.errors import Refused
from services.wiring import Parts
from storage import obligations, plans
from tests.services import written as w
from tests.services.office import Halt, Offices, killed_at, kinds, notice_rows, outbox_of, start
from tests.storage.records import contents
from tests.storage.together import at_once


def test_a_start_opens_what_waits_for_nothing(parts: Parts):
    """The run stands with every obligation, and its first stage is open."""
    started = runs.start(parts, w.bundle(), now=w.START, by="văn thư")

    assert (started.run, started.is_new, started.started_at) == ("nho", True, w.START)
    assert kinds(parts) == ["run-started", "stage-opened"]
    rows = contents(parts.database)["obligations"]
    assert len(rows) == 7
    with parts.database.reading() as connection:
        assert obligations.due_of(connection, ["nho"], w.START)["nho"] == [
            w.REPORT_A,
            w.REPORT_B,
            w.REPORT_C,
            w.PRAISE_A,
            "reports/praise/b",
        ]


def test_starting_twice_changes_nothing(small: Parts):
    """A button pressed twice, a flow run again: the same run."""
    before = contents(small.database)

    again = runs.start(small, w.bundle(), now=w.START + timedelta(days=3), by="another")

    assert (again.run, again.is_new, again.started_at) == ("nho", False, w.START)
    assert contents(small.database) == before


def test_started_from_two_places_at_once_it_starts_once(office: Offices):
    """Neither of the two fails."""
    with office() as one, office() as two:
        begin = partial(runs.start, bundle=w.bundle(), now=w.START, by="văn thư")
        started = at_once(*[partial(begin, parts) for parts in (one, two, one, two)])

        assert sorted(run.is_new for run in started) == [False, False, False, True]
        assert kinds(one) == ["run-started", "stage-opened"]


def test_another_text_under_the_same_name_is_refused(small: Parts):
    """A running plan is not changed by starting it anew."""
    before = contents(small.database)
    changed = w.bundle(w.STAGES.replace("10/5/2020", "11/5/2020"))

    with pytest.raises(Refused) as refused:
        runs.start(small, changed, now=w.START, by="văn thư")

    assert refused.value.key == "refused.run-exists"
    assert contents(small.database) == before


def test_another_text_under_another_name_is_a_run_of_its_own(small: Parts):
    """The refusal says this way out."""
    changed = w.bundle(w.STAGES.replace("10/5/2020", "11/5/2020"))

    started = runs.start(small, changed, now=w.START, by="văn thư", run="nho-2")

    assert (started.run, started.is_new) == ("nho-2", True)
    with small.database.reading() as connection:
        assert {run.id for run in plans.all_runs(connection)} == {"nho", "nho-2"}


def test_the_same_text_can_run_twice_under_two_names(small: Parts):
    """One version of the plan, two runs of it."""
    runs.start(small, w.bundle(), now=w.START, by="văn thư", run="nho-2")

    assert len(contents(small.database)["plan_versions"]) == 1


def test_a_plan_with_faults_is_not_started(parts: Parts):
    """Every fault at once, and nothing stored."""
    before = contents(parts.database)
    faulty = Bundle("plan.yaml", {"plan.yaml": "plan: x\nnumber: 1\n"})

    with pytest.raises(PlanFaults) as refused:
        runs.start(parts, faulty, now=w.START, by="văn thư")

    assert len(refused.value.diagnostics) > 1
    assert contents(parts.database) == before


def test_a_start_in_the_past_is_an_outage_made_good(parts: Parts):
    """Taken into use late: everyone hears the newest that is due, once."""
    runs.start(parts, w.bundle(), now=w.LATE, by="văn thư", started_at=w.START)

    chasing.issue_notices(parts, w.LATE)

    issued = {(row.obligation, row.rung) for row in notice_rows(parts) if row.status == "issued"}
    assert issued == {
        *((f"reports/report/{agency}", "overdue-1") for agency in "abc"),
        *((f"reports/report/{agency}", "escalate-1") for agency in "abc"),
        *((f"reports/praise/{agency}", "assign") for agency in "ab"),
    }
    superseded = {row.rung for row in notice_rows(parts) if row.status == "superseded"}
    assert superseded == {"assign", "remind-3", "remind-0"}
    assert len(outbox_of(parts)) == 4


def test_a_start_ahead_is_refused(parts: Parts):
    """What has not come can't have begun."""
    before = contents(parts.database)
    ahead = w.START + timedelta(minutes=1)

    with pytest.raises(Refused) as refused:
        runs.start(parts, w.bundle(), now=w.START, by="văn thư", started_at=ahead)

    assert refused.value.key == "refused.starts-ahead"
    assert "08:01" in refused.value.say("en")
    assert contents(parts.database) == before


def test_a_start_killed_at_any_line_leaves_nothing_and_succeeds_when_repeated(parts: Parts):
    """Half a run would have obligations that nobody opened."""
    before = contents(parts.database)
    for statement in range(1, 100):
        try:
            with killed_at(parts.database, statement):
                start(parts)
        except Halt:
            assert contents(parts.database) == before, statement
        else:
            break

    assert statement > 8
    assert kinds(parts) == ["run-started", "stage-opened"]


def test_the_only_active_run_need_not_be_named(small: Parts):
    """Most offices have one."""
    assert runs.find(small, None) == "nho"
    assert runs.find(small, "nho") == "nho"


def test_without_a_run_or_with_several_a_name_is_asked_for(parts: Parts):
    """A guess could record a report in the wrong place."""
    with pytest.raises(Refused) as none:
        runs.find(parts, None)
    start(parts)
    runs.start(parts, w.bundle(), now=w.START, by="văn thư", run="nho-2")
    with pytest.raises(Refused) as several:
        runs.find(parts, None)
    with pytest.raises(Refused) as unknown:
        runs.find(parts, "nho-3")

    with parts.database.writing() as connection:
        for run in ("nho", "nho-2"):
            plans.set_turn(connection, run, next_turn_at=None, completed_at=w.LATE)
    with pytest.raises(Refused) as ended:
        runs.find(parts, None, active_only=True)

    assert runs.find(parts, None) in ("nho", "nho-2")  # to look at
    assert ended.value.key == "refused.none-active"  # not to write into
    assert none.value.key == "refused.no-run"
    assert several.value.key == "refused.which-run"
    assert unknown.value.key == "refused.unknown-run"
    assert "nho, nho-2" in unknown.value.say("vi")
