"""The ledger: state is its fold, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from engine.deadline import FromEvent, FromStage, Phrase, Unit, Within
from engine.ledger import EntryKind, Outcome, Standing, fold
from tests.engine.builders import NO_DATE, Story, at, plan, stage, task

A, B = "first/report/a", "first/report/b"


def test_folding_the_entries_again_gives_the_same_state():
    """The database can be rebuilt from the ledger at any time."""
    story = Story(plan())
    story.submit(A, "2020-04-20 09:00")
    story.record(EntryKind.RETURNED, "2020-04-21 09:00", A, days=5)
    again = fold(story.plan, story.entries)
    assert again.obligations == story.folding.obligations
    assert again.stages == story.folding.stages


@pytest.mark.parametrize(
    ("recorded", "dated", "outcome"),
    [
        ("2020-05-08 16:00", None, Outcome.ON_TIME),
        ("2020-05-09 23:59", None, Outcome.ON_TIME),
        ("2020-05-10 00:00", None, Outcome.LATE),
        ("2020-05-12 09:00", "2020-05-08 00:00", Outcome.ON_TIME),
        ("2020-05-12 09:00", "2020-05-09 00:00", Outcome.ON_TIME),
        ("2020-05-12 09:00", "2020-05-10 00:00", Outcome.LATE),
    ],
)
def test_a_submission_counts_from_the_date_on_its_document(
    recorded: str, dated: str | None, outcome: Outcome
):
    """The post may be slow; the agency was not."""
    story = Story(plan())
    story.submit(A, recorded, dated=dated)
    assert story.folding.obligations[A].outcome(at("2020-06-01 08:00")) is outcome


@pytest.mark.parametrize(
    ("now", "outcome"),
    [("2020-05-09 23:59", Outcome.PENDING), ("2020-05-10 00:00", Outcome.OVERDUE)],
)
def test_an_open_obligation_is_overdue_from_midnight(now: str, outcome: Outcome):
    """Late from 00:00 of the day after the last day."""
    assert Story(plan()).folding.obligations[A].outcome(at(now)) is outcome


def test_without_a_date_nothing_is_ever_late():
    """Không hạn."""
    story = Story(plan(stage("first", task(due=NO_DATE))))
    state = story.folding.obligations[A]
    assert state.outcome(at("2023-01-01 08:00")) is Outcome.PENDING
    assert not state.is_late(at("2023-01-01 08:00"))


@pytest.mark.parametrize(
    ("returned", "days", "last_day"),
    [
        ("2020-04-20 09:00", 3, date(2020, 5, 9)),  # the old deadline is later
        ("2020-05-12 09:00", 3, date(2020, 5, 15)),
        ("2020-05-08 09:00", 1, date(2020, 5, 11)),
        ("2020-05-14 09:00", 5, date(2020, 5, 21)),
    ],
)
def test_a_return_is_due_the_later_of_both(returned: str, days: int, last_day: date):
    """Time between a submission and its return is not the agency's."""
    story = Story(plan())
    story.submit(A, "2020-04-17 09:00")
    story.record(EntryKind.RETURNED, returned, A, days=days, reason="thiếu số liệu")
    state = story.folding.obligations[A]
    assert state.due is not None
    assert state.due.last_day == last_day
    assert state.is_open
    assert state.returned_for == "thiếu số liệu"
    assert state.round == 2


def test_a_return_without_days_keeps_the_deadline():
    """Nobody's time is cut or stretched by silence."""
    story = Story(plan())
    story.submit(A, "2020-04-17 09:00")
    story.record(EntryKind.RETURNED, "2020-04-20 09:00", A)
    state = story.folding.obligations[A]
    assert state.due == state.stated


def test_an_extension_holds_and_the_stated_deadline_is_remembered():
    """The board shows both."""
    story = Story(plan())
    story.record(EntryKind.EXTENDED, "2020-05-08 09:00", A, until="2020-05-20")
    state = story.folding.obligations[A]
    assert state.due is not None
    assert state.stated is not None
    assert (state.stated.last_day, state.due.last_day) == (date(2020, 5, 9), date(2020, 5, 20))


def test_an_extension_before_the_stage_opens_still_lets_it_be_assigned():
    """The order of papers must not swallow the first mail."""
    where = plan(stage("first"), stage("second", needs=["first"]))
    story = Story(where)
    story.record(EntryKind.EXTENDED, "2020-04-07 09:00", "second/report/a", until="2020-06-01")
    for agency in "abc":
        story.submit(f"first/report/{agency}", "2020-04-20 09:00")
    state = story.folding.obligations["second/report/a"]
    assert state.begun_by is EntryKind.STAGE_OPENED
    assert state.due is not None
    assert state.due.last_day == date(2020, 6, 1)


@pytest.mark.parametrize(
    ("kinds", "standing", "closed"),
    [
        ([EntryKind.SUBMITTED], Standing.SUBMITTED, True),
        ([EntryKind.SUBMITTED, EntryKind.ACCEPTED], Standing.ACCEPTED, True),
        ([EntryKind.WAIVED], Standing.WAIVED, True),
        ([EntryKind.SUBMITTED, EntryKind.RETURNED], Standing.OPEN, False),
    ],
)
def test_entries_lead_to_a_standing(kinds: list[EntryKind], standing: Standing, closed: bool):
    """Submitted, accepted, waived are closed; returned is open again."""
    story = Story(plan())
    for hour, kind in enumerate(kinds, start=9):
        story.record(kind, f"2020-04-20 {hour:02}:00", A)
    state = story.folding.obligations[A]
    assert (state.standing, state.is_closed) == (standing, closed)


def test_a_waived_obligation_is_not_owed():
    """It counts neither as done nor as missing."""
    story = Story(plan())
    story.record(EntryKind.WAIVED, "2020-04-20 09:00", A)
    assert story.folding.obligations[A].outcome(at("2020-06-01 08:00")) is Outcome.WAIVED


def test_an_event_counts_once():
    """Announced twice, the first document holds."""
    story = Story(plan(stage("first", event="issued")))
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-05 09:00", event="issued")
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-20 09:00", event="issued")
    assert story.folding.events["issued"].recorded_at == at("2020-05-05 09:00")


def test_a_period_from_an_event_gets_its_date_with_the_event():
    """Trong thời hạn 10 ngày làm việc kể từ khi ban hành."""
    due = Phrase("…", Within(10, Unit.WORKING_DAYS, FromEvent("issued")))
    story = Story(plan(stage("first", task(due=due), event="issued")))
    assert story.folding.obligations[A].due is None
    story.record(
        EntryKind.EVENT_ANNOUNCED, "2021-07-16 09:30", dated="2021-07-15 00:00", event="issued"
    )
    found = story.folding.obligations[A].due
    assert found is not None
    assert found.last_day == date(2021, 7, 29)


def test_a_period_from_a_stage_gets_its_date_when_the_stage_is_done():
    """Kể từ khi bước trước xong."""
    due = Phrase("…", Within(5, Unit.WORKING_DAYS, FromStage("first")))
    story = Story(plan(stage("first"), stage("second", task(due=due), needs=["first"])))
    for agency in "abc":
        story.submit(f"first/report/{agency}", "2020-04-20 09:00")
    found = story.folding.obligations["second/report/a"].due
    assert found is not None
    assert found.last_day == date(2020, 4, 27)


def test_a_snapshot_is_not_moved_by_later_entries():
    """A mail shows the state of its own moment."""
    story = Story(plan())
    before = story.folding.snapshot()
    story.submit(A, "2020-04-20 09:00")
    assert not before.obligations[A].is_closed
    assert story.folding.obligations[A].is_closed
