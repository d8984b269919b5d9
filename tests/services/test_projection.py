"""Projection: after whatever happened, every row is what the ledger folds to."""

from __future__ import annotations

from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.chasing import next_wake
from engine.ledger import fold
from engine.rehearsal import Act
from plan_definitions import load
from services import chasing, mornings
from services.wiring import Parts
from storage import ledger, notices, plans
from storage.tables import OBLIGATIONS
from tests.services import written as w
from tests.services.living import attempt
from tests.services.office import Offices, deliver, start
from tests.services.test_preview_is_what_happens import acts_of

PLAN = load(w.bundle())


def check(parts: Parts, now: datetime, *, issued_now: bool, is_upgraded: bool = False) -> None:
    """Compare every row with the fold; right after issuing its wake-up is that of the rules.

    What an older version has left is looked at for a brief before one is due.
    """
    with parts.database.reading() as connection:
        entries = ledger.entries(connection, "nho")
        issued = notices.keys(connection, "nho", list(PLAN.obligations))
        query = select(OBLIGATIONS).order_by(OBLIGATIONS.c.position)
        rows = {row.id: row for row in connection.execute(query)}
        run = plans.find_run(connection, "nho")
    state = fold(PLAN, entries)
    assert list(rows) == list(state.obligations)
    for key, one in state.obligations.items():
        row = rows[key]
        assert row.standing == one.standing.value
        assert (row.round, row.opened_at) == (one.round, one.opened_at)
        assert row.last_day == (None if one.due is None else one.due.last_day)
        assert row.late_from == (None if one.due is None else one.due.late_from)
        assert (row.submitted_on, row.settled_at) == (one.submitted_on, one.settled_at)
        wake = next_wake(PLAN, one, issued=issued[key], now=now)
        overslept = row.next_wake_at is not None and row.next_wake_at <= now
        assert row.next_wake_at == wake or (overslept and wake and not issued_now), key
    assert run is not None
    assert run.completed_at == state.completed_at
    woken = [*(row.next_wake_at for row in rows.values()), run.next_turn_at, run.news_at]
    assert run.wakes_at == min((at for at in woken if at is not None), default=None)
    with parts.database.writing() as connection:
        brief_at = mornings.reckon(connection, run, PLAN)
        is_sooner = brief_at is None or (run.brief_at is not None and run.brief_at <= brief_at)
        assert brief_at == run.brief_at or (is_upgraded and is_sooner)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each gets a new database
)
@given(
    acts=st.lists(acts_of(w.bundle()), max_size=16, unique_by=lambda act: act.at),
    awake=st.lists(st.booleans(), min_size=16, max_size=16),
)
def test_every_row_is_the_fold_of_the_ledger(office: Offices, acts: list[Act], awake: list[bool]):
    """A row that parts from the ledger would chase somebody who has submitted."""
    with office.new() as parts:
        start(parts)
        check(parts, w.START, issued_now=False)
        for act, is_awake in zip(sorted(acts, key=lambda one: one.at), awake, strict=False):
            attempt(parts, PLAN, act)
            check(parts, act.at, issued_now=False)
            if is_awake:
                chasing.issue_notices(parts, act.at)
                deliver(parts, act.at)
                check(parts, act.at, issued_now=True)
        chasing.issue_notices(parts, w.at("2020-06-01 08:00"))
        check(parts, w.at("2020-06-01 08:00"), issued_now=True)
