"""The ledger: what its entries add up to."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deadline import FromEvent, FromStage, Phrase, Unit, Within
from engine.ledger import (
    Entry,
    EntryKind,
    Folding,
    ObligationState,
    Outcome,
    RunState,
    Standing,
    fold,
    fold_alike,
    fold_some,
)
from tests.engine.builders import BY_9_JUNE, NO_DATE, Story, at, plan, stage, task

A = "first/report/a"
LAST_OF_PLAN_37 = date(2020, 5, 9)  # a Saturday


def report(story: Story, key: str = A) -> ObligationState:
    """Return the state of one obligation."""
    return story.folding.obligations[key]


def last_day(story: Story, key: str = A) -> date:
    """Return the last day that holds now."""
    due = report(story, key).due
    assert due is not None
    return due.last_day


def returned(story: Story, when: str, *, dated: str | None = None, **data: object) -> None:
    """Return the report of `a`."""
    story.record(EntryKind.RETURNED, when, A, dated=dated, **data)


def extended(story: Story, when: str, until: str, key: str = A) -> None:
    """Extend an obligation."""
    story.record(EntryKind.EXTENDED, when, key, until=until)


# ── the fold ──


def test_nothing_recorded_is_a_run_not_started():
    """A plan that nobody started owes nobody anything."""
    state = fold(plan(), [])
    assert state.started_at is None
    assert not any(one.is_open for one in state.obligations.values())


def test_deadlines_with_a_date_are_known_before_anything_happens():
    """The preview of a plan shows its dates without a ledger."""
    due = fold(plan(), []).obligations[A].due
    assert due is not None
    assert due.last_day == LAST_OF_PLAN_37


def test_folding_the_ledger_again_gives_the_state_that_was_built_step_by_step():
    """The database keeps entries only: reading them back must say the same."""
    story = busy_story()
    assert fold(story.plan, story.entries) == story.folding.state()


def test_every_beginning_of_a_ledger_folds_to_what_was_known_then():
    """`ledger --as-of` shows what was known, however the story went on."""
    story = busy_story()
    folding = Folding(story.plan)
    for count, entry in enumerate(story.entries, start=1):
        folding.take(entry)
        assert fold(story.plan, story.entries[:count]) == folding.state()


def busy_story() -> Story:
    """Return a story in which every kind of entry occurs."""
    story = Story(plan(stage("first"), stage("second", needs=["first"], event="issued")))
    story.submit(A, "2020-04-20 10:00", dated="2020-04-18 00:00")
    returned(story, "2020-04-22 10:00", days=3, reason="thiếu phụ lục")
    extended(story, "2020-04-23 10:00", "2020-05-20")
    story.submit(A, "2020-05-04 10:00")
    story.record(EntryKind.ACCEPTED, "2020-05-05 10:00", A)
    story.record(EntryKind.WAIVED, "2020-05-06 10:00", "first/report/b", reason="giải thể")
    story.submit("first/report/c", "2020-05-12 10:00")
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-06-01 09:00", event="issued")
    story.record(EntryKind.RUN_COMPLETED, "2020-07-01 09:00")
    return story


@given(st.permutations(["a", "b", "c"]))
def test_entries_about_different_obligations_may_come_in_any_order(order: list[str]):
    """Two clerks recording at once must not change what anyone owes."""
    entries = [
        Entry(
            EntryKind.SUBMITTED,
            at("2020-05-04 09:00"),
            at("2020-05-04 10:00"),
            "",
            f"first/report/{one}",
        )
        for one in order
    ]
    start = Entry(EntryKind.RUN_STARTED, at("2020-04-06 08:00"), at("2020-04-06 08:00"), "")
    there = fold(plan(), [start, *entries])
    assert there == fold(plan(), [start, *reversed(entries)])


def test_the_order_in_which_one_obligation_was_handled_matters():
    """Returned after submitted is owed; submitted after returned is not."""
    first, second = (
        Entry(EntryKind.SUBMITTED, at("2020-05-04 09:00"), at("2020-05-04 09:00"), "", A),
        Entry(EntryKind.RETURNED, at("2020-05-05 09:00"), at("2020-05-05 09:00"), "", A),
    )
    assert not fold(plan(), [first, second]).obligations[A].is_closed
    assert fold(plan(), [second, first]).obligations[A].is_closed


def test_a_snapshot_stays_as_it_was():
    """A mail shows the state at its sending, not what came after."""
    story = Story(plan())
    before = story.folding.snapshot()
    story.submit(A, "2020-05-04 10:00")
    assert not before.obligations[A].is_closed
    assert story.folding.state().obligations[A].is_closed


@pytest.mark.parametrize(
    "kind",
    [
        EntryKind.NOTICE_ISSUED,
        EntryKind.NOTICE_SUPERSEDED,
        EntryKind.NOTICE_DROPPED,
        EntryKind.MESSAGE_SENT,
        EntryKind.MESSAGE_CANCELLED,
        EntryKind.MESSAGE_UNDELIVERABLE,
    ],
)
def test_what_was_sent_changes_nothing_that_is_owed(kind: EntryKind):
    """Mail is a consequence of the state, never a cause of it."""
    story = Story(plan())
    before = story.folding.snapshot()
    story.record(kind, "2020-04-20 08:00", A)
    assert story.folding.state() == before


def test_an_entry_about_an_unknown_obligation_is_passed_over():
    """An amended plan may have dropped a task that the ledger still speaks of."""
    story = Story(plan())
    before = story.folding.snapshot()
    story.submit("first/gone/a", "2020-04-20 08:00")
    assert story.folding.state() == before


def test_the_run_keeps_when_it_started_and_when_it_was_completed():
    """The summary of a run names both."""
    state = busy_story().folding.state()
    assert state.started_at == at("2020-04-06 08:00")
    assert state.completed_at == at("2020-07-01 09:00")


# ── opening ──


def test_an_obligation_is_open_once_its_stage_is():
    """Nobody owes what has not begun."""
    story = Story(plan(stage("first"), stage("second", needs=["first"])))
    assert report(story).is_open
    assert not report(story, "second/report/a").is_open
    assert not report(story, "second/report/a").is_closed


def test_opening_begins_the_first_round():
    """The assignment hangs on it."""
    state = report(Story(plan()))
    assert (state.round, state.begun_by) == (1, EntryKind.STAGE_OPENED)
    assert state.round_began == state.opened_at == at("2020-04-06 08:00")


# ── submissions ──


@pytest.mark.parametrize(
    ("dated", "outcome"),
    [
        ("2020-04-20 00:00", Outcome.ON_TIME),
        ("2020-05-08 00:00", Outcome.ON_TIME),
        ("2020-05-09 00:00", Outcome.ON_TIME),  # the Saturday itself
        ("2020-05-09 23:59", Outcome.ON_TIME),
        ("2020-05-10 00:00", Outcome.LATE),
        ("2020-05-11 08:00", Outcome.LATE),
    ],
)
def test_a_submission_is_judged_by_its_documents_date(dated: str, outcome: Outcome):
    """The post may be slow; the agency is not to blame for it."""
    story = Story(plan())
    story.submit(A, "2020-05-12 09:30", dated=dated)
    assert report(story).outcome(at("2020-06-01 00:00")) is outcome


def test_a_submission_keeps_when_it_was_recorded_too():
    """What was sent in between was right when it was sent."""
    story = Story(plan())
    story.submit(A, "2020-05-12 09:30", dated="2020-05-08 00:00")
    assert report(story).submitted_on == at("2020-05-08 00:00")
    assert report(story).settled_at == at("2020-05-12 09:30")


@pytest.mark.parametrize(
    ("now", "outcome", "late"),
    [
        ("2020-04-06 08:00", Outcome.PENDING, False),
        ("2020-05-09 23:59", Outcome.PENDING, False),
        ("2020-05-10 00:00", Outcome.OVERDUE, True),
        ("2020-08-01 00:00", Outcome.OVERDUE, True),
    ],
)
def test_what_is_not_submitted_is_overdue_from_midnight(now: str, outcome: Outcome, late: bool):
    """A day ends at 24:00, also a Saturday."""
    state = report(Story(plan()))
    assert state.outcome(at(now)) is outcome
    assert state.is_late(at(now)) is late


def test_what_has_no_date_is_never_late():
    """Kịp thời, thường xuyên: nobody is blamed for a date that does not exist."""
    story = Story(plan(stage("first", task(due=NO_DATE))))
    assert report(story).outcome(at("2023-01-01 00:00")) is Outcome.PENDING
    story.submit(A, "2023-01-02 09:00")
    assert report(story).outcome(at("2023-01-03 00:00")) is Outcome.ON_TIME


def test_an_early_submission_closes_what_has_not_opened():
    """An agency that is ahead of the plan is not asked again when its stage opens."""
    story = Story(plan(stage("first"), stage("second", task(by=["a"]), needs=["first"])))
    story.submit("second/report/a", "2020-04-10 09:00")
    for one in "abc":
        story.submit(f"first/report/{one}", "2020-05-04 09:00")
    state = report(story, "second/report/a")
    assert state.opened_at == at("2020-05-04 09:00")
    assert not state.is_open
    assert state.outcome(at("2020-05-05 00:00")) is Outcome.ON_TIME


# ── returns ──


def test_a_returned_report_is_owed_again_in_a_new_round():
    """Its old reminders are history; the new round has its own."""
    story = Story(plan())
    story.submit(A, "2020-05-04 09:00")
    returned(story, "2020-05-05 10:00", days=3, reason="thiếu phụ lục")
    state = report(story)
    assert state.is_open
    assert (state.round, state.begun_by) == (2, EntryKind.RETURNED)
    assert state.round_began == at("2020-05-05 10:00")
    assert state.returned_for == "thiếu phụ lục"
    assert state.submitted_on is None
    assert state.settled_at is None


@pytest.mark.parametrize(
    ("when", "days", "last"),
    [
        ("2020-05-04 10:00", 3, LAST_OF_PLAN_37),  # 7/5 would be earlier than 9/5
        ("2020-05-06 10:00", 3, date(2020, 5, 11)),
        ("2020-05-08 10:00", 1, date(2020, 5, 11)),
        ("2020-05-12 10:00", 3, date(2020, 5, 15)),  # plan 37: Na Hang
        ("2020-04-28 10:00", 8, date(2020, 5, 12)),  # over 30/4 and 1/5
        ("2020-05-16 10:00", 1, date(2020, 5, 18)),  # returned on a Saturday
    ],
)
def test_a_return_is_due_the_later_of_old_deadline_and_days_after(when: str, days: int, last: date):
    """Time between a submission and its return is not the agency's."""
    story = Story(plan())
    story.submit(A, "2020-04-20 09:00")
    returned(story, when, days=days)
    assert last_day(story) == last


def test_the_days_after_a_return_count_from_the_date_on_its_document():
    """The letter of return says when; the ledger may be a few days behind."""
    story = Story(plan())
    story.submit(A, "2020-05-08 09:00")
    returned(story, "2020-05-14 10:00", dated="2020-05-12 00:00", days=3)
    assert last_day(story) == date(2020, 5, 15)
    assert report(story).round_began == at("2020-05-14 10:00")


def test_a_return_without_days_keeps_the_deadline():
    """The coordinator who gives no days gives no time."""
    story = Story(plan())
    story.submit(A, "2020-05-04 09:00")
    returned(story, "2020-05-05 10:00")
    assert last_day(story) == LAST_OF_PLAN_37


def test_the_derivation_after_a_return_names_the_return():
    """The mail says why the date is another one now."""
    story = Story(plan())
    story.submit(A, "2020-05-08 09:00")
    returned(story, "2020-05-12 10:00", days=3)
    due = report(story).due
    assert due is not None
    keys = [step.key for step in due.derivation]
    assert keys == ["derivation.returned", "derivation.last-day"]


def test_a_return_does_not_move_the_stated_deadline():
    """Gates count from what the plan says, not from what happened to one agency."""
    story = Story(plan())
    story.submit(A, "2020-05-08 09:00")
    returned(story, "2020-05-12 10:00", days=3)
    stated = report(story).stated
    assert stated is not None
    assert stated.last_day == LAST_OF_PLAN_37


def test_the_second_submission_is_judged_by_the_new_deadline():
    """Na Hang: first 6/5, returned 12/5 with three days, again 14/5: on time."""
    story = Story(plan())
    story.submit(A, "2020-05-06 14:30")
    returned(story, "2020-05-12 10:00", days=3)
    story.submit(A, "2020-05-14 15:20")
    assert report(story).outcome(at("2020-06-01 00:00")) is Outcome.ON_TIME


def test_a_second_submission_after_the_new_deadline_is_late():
    """The new days are days, too."""
    story = Story(plan())
    story.submit(A, "2020-05-06 14:30")
    returned(story, "2020-05-12 10:00", days=3)
    story.submit(A, "2020-05-16 09:00")
    assert report(story).outcome(at("2020-06-01 00:00")) is Outcome.LATE


def test_every_return_begins_one_more_round():
    """Each has its own rungs; none is taken for the other's."""
    story = Story(plan())
    for day in (4, 6, 8):
        story.submit(A, f"2020-05-{day:02} 09:00")
        returned(story, f"2020-05-{day:02} 15:00")
    assert report(story).round == 4


# ── extensions ──


def test_an_extension_sets_the_last_day_and_begins_a_round():
    """Its own reminders come before the new date."""
    story = Story(plan())
    extended(story, "2020-05-07 10:00", "2020-05-20")
    state = report(story)
    assert last_day(story) == date(2020, 5, 20)
    assert (state.round, state.begun_by) == (2, EntryKind.EXTENDED)
    assert state.round_began == at("2020-05-07 10:00")


def test_an_extension_to_a_day_off_ends_with_that_day():
    """The coordinator wrote a date: it stands as it is, the mail names the working day."""
    story = Story(plan())
    extended(story, "2020-05-07 10:00", "2020-05-17")
    due = report(story).due
    assert due is not None
    assert (due.last_day, due.last_working_day) == (date(2020, 5, 17), date(2020, 5, 15))
    assert due.late_from == at("2020-05-18 00:00")


def test_an_extension_after_the_deadline_makes_it_pending_again():
    """Who has been given time is not late."""
    story = Story(plan())
    extended(story, "2020-05-12 10:00", "2020-05-20")
    assert report(story).outcome(at("2020-05-13 00:00")) is Outcome.PENDING
    assert report(story).outcome(at("2020-05-21 00:00")) is Outcome.OVERDUE


def test_an_extension_gives_a_date_to_what_had_none():
    """From then on there is something to be late for."""
    story = Story(plan(stage("first", task(due=NO_DATE))))
    extended(story, "2020-05-12 10:00", "2020-05-20")
    assert last_day(story) == date(2020, 5, 20)
    assert report(story).stated is None


def test_an_extension_before_the_stage_opens_keeps_its_date():
    """It is the first round's date then; the opening is what is told."""
    story = Story(plan(stage("first"), stage("second", task(by=["a"]), needs=["first"])))
    extended(story, "2020-04-10 09:00", "2020-07-01", "second/report/a")
    for one in "abc":
        story.submit(f"first/report/{one}", "2020-05-04 09:00")
    state = report(story, "second/report/a")
    assert state.begun_by is EntryKind.STAGE_OPENED
    assert last_day(story, "second/report/a") == date(2020, 7, 1)


def test_an_extension_of_one_agency_is_not_one_of_the_others():
    """Each obligation has its own deadline."""
    story = Story(plan())
    extended(story, "2020-05-07 10:00", "2020-05-20")
    assert last_day(story, "first/report/b") == LAST_OF_PLAN_37


# ── waivers and acceptance ──


def test_a_waived_obligation_is_closed_and_counts_as_waived():
    """Neither on time nor late: it is owed no more."""
    story = Story(plan())
    story.record(EntryKind.WAIVED, "2020-05-12 10:00", A, reason="giải thể")
    state = report(story)
    assert state.is_closed
    assert state.settled_at == at("2020-05-12 10:00")
    assert state.outcome(at("2020-06-01 00:00")) is Outcome.WAIVED


def test_acceptance_keeps_the_date_of_the_submission():
    """An office that accepts slowly does not make a report late."""
    story = Story(plan())
    story.submit(A, "2020-05-08 10:00")
    story.record(EntryKind.ACCEPTED, "2020-05-25 10:00", A)
    state = report(story)
    assert state.standing is Standing.ACCEPTED
    assert state.settled_at == at("2020-05-08 10:00")
    assert state.outcome(at("2020-06-01 00:00")) is Outcome.ON_TIME


# ── events and stages as anchors ──

TEN_DAYS_OF_EVENT = Phrase(
    "trong thời hạn 10 ngày làm việc kể từ khi ban hành",
    Within(10, Unit.WORKING_DAYS, FromEvent("issued")),
)
FIVE_DAYS_OF_FIRST = Phrase(
    "trong thời hạn 5 ngày kể từ khi bước trước xong", Within(5, Unit.DAYS, FromStage("first"))
)


def test_a_period_from_an_event_is_known_with_the_event():
    """It counts from the date on the document, not from the day it was heard of."""
    story = Story(plan(stage("first", task(due=TEN_DAYS_OF_EVENT))))
    assert report(story).due is None
    story.record(
        EntryKind.EVENT_ANNOUNCED, "2020-05-06 09:00", dated="2020-05-04 00:00", event="issued"
    )
    assert last_day(story) == date(2020, 5, 18)


def test_an_event_announced_twice_counts_once():
    """The first announcement stands: its deadlines have been told."""
    story = Story(plan(stage("first", task(due=TEN_DAYS_OF_EVENT))))
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-04 09:00", event="issued")
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-20 09:00", event="issued")
    assert last_day(story) == date(2020, 5, 18)
    assert story.folding.events["issued"].recorded_at == at("2020-05-04 09:00")


def test_a_period_from_a_stage_counts_from_the_day_it_was_done():
    """The stage is done when its last report is recorded."""
    story = Story(plan(stage("first"), stage("second", task(due=FIVE_DAYS_OF_FIRST))))
    assert report(story, "second/report/a").due is None
    for one in "abc":
        story.submit(f"first/report/{one}", "2020-05-04 09:00")
    # 9/5 is a Saturday: a period rolls forward.
    assert last_day(story, "second/report/a") == date(2020, 5, 11)


def test_an_extension_outlives_the_anchor_that_comes_later():
    """A date given by hand is not overwritten by one that is derived."""
    story = Story(plan(stage("first", task(due=TEN_DAYS_OF_EVENT))))
    extended(story, "2020-04-20 09:00", "2020-07-01")
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-04 09:00", event="issued")
    assert last_day(story) == date(2020, 7, 1)
    stated = report(story).stated
    assert stated is not None
    assert stated.last_day == date(2020, 5, 18)


def test_the_date_of_an_event_is_reckoned_in_the_plans_zone():
    """Half past midnight in Hà Nội is still yesterday in UTC."""
    story = Story(plan(stage("first", task(due=TEN_DAYS_OF_EVENT))))
    story.record(
        EntryKind.EVENT_ANNOUNCED, "2020-05-05 09:00", dated="2020-05-05 00:30", event="issued"
    )
    anchors = story.folding.state().anchors()
    assert anchors.events["issued"] == date(2020, 5, 5)


# ── laws ──

actions = st.lists(
    st.tuples(
        st.sampled_from(
            [
                EntryKind.SUBMITTED,
                EntryKind.RETURNED,
                EntryKind.ACCEPTED,
                EntryKind.EXTENDED,
                EntryKind.WAIVED,
            ]
        ),
        st.sampled_from("abc"),
        st.integers(0, 40),
        st.integers(1, 9),
    ),
    max_size=12,
)


def told(actions: list[tuple[EntryKind, str, int, int]]) -> list[RunState]:
    """Return the states that a ledger of such entries goes through."""
    folding = Folding(plan(stage("first", task(), task("other", due=BY_9_JUNE))))
    start = at("2020-04-06 08:00")
    folding.take(Entry(EntryKind.RUN_STARTED, start, start, ""))
    states = [folding.snapshot()]
    for kind, agency, days, count in sorted(actions, key=lambda action: action[2]):
        moment = start + timedelta(days=days)
        until = (moment + timedelta(days=count)).date().isoformat()
        folding.take(
            Entry(
                kind,
                moment,
                moment,
                "",
                f"first/report/{agency}",
                data={"days": count, "until": until},
            )
        )
        states.append(folding.snapshot())
    return states


def entries_of(actions: list[tuple[EntryKind, str, int, int]]) -> list[Entry]:
    """Return a ledger of such entries: in between a stage opens and agencies are paused."""
    start = at("2020-04-06 08:00")
    made = [Entry(EntryKind.RUN_STARTED, start, start, "")]
    for kind, agency, days, count in sorted(actions, key=lambda action: action[2]):
        moment = start + timedelta(days=days)
        until = (moment + timedelta(days=count)).date().isoformat()
        data: dict[str, object] = {"days": count, "until": until}
        about: dict[str, Any] = {"obligation": f"first/report/{agency}"}
        if kind in (EntryKind.CHASING_PAUSED, EntryKind.CHASING_RESUMED):
            about, data["agency"] = {}, agency if count % 3 else None
        if kind is EntryKind.STAGE_OPENED:
            about = {"stage": "first"}
        made.append(Entry(kind, moment, moment, "", data=data, **about))
    return made


anything = st.lists(
    st.tuples(
        st.sampled_from(
            [
                EntryKind.STAGE_OPENED,
                EntryKind.SUBMITTED,
                EntryKind.SUBMISSION_WITHDRAWN,
                EntryKind.RETURNED,
                EntryKind.EXTENDED,
                EntryKind.CHASING_PAUSED,
                EntryKind.CHASING_RESUMED,
            ]
        ),
        st.sampled_from("abc"),
        st.integers(0, 40),
        st.integers(1, 9),
    ),
    max_size=12,
)


@given(anything, st.sets(st.sampled_from("abc")), st.booleans())
def test_some_obligations_fold_alone_to_what_they_fold_to_with_all(
    actions: list[tuple[EntryKind, str, int, int]], agencies: set[str], both: bool
):
    """What is due is folded without what is not: it must not be another answer."""
    made = plan(stage("first", task(), task("other", due=BY_9_JUNE)))
    keys = [
        key
        for key, one in made.obligations.items()
        if one.agency.id in agencies and (both or one.task.id == "report")
    ]
    entries = entries_of(actions)
    mine = [entry for entry in entries if entry.obligation in (None, *keys)]

    found = fold_some(made, keys, mine)

    whole = fold(made, entries).obligations
    assert found == {key: whole[key] for key in keys}
    assert list(found) == keys
    assert fold_alike(made, entries).state() == fold(made, entries)


@given(actions)
def test_rounds_only_ever_count_up(actions: list[tuple[EntryKind, str, int, int]]):
    """A round that came back would make old keys of notices new ones."""
    for before, after in pairwise(told(actions)):
        for key in before.obligations:
            assert before.obligations[key].round <= after.obligations[key].round


@given(actions)
def test_an_entry_changes_only_its_own_obligation(actions: list[tuple[EntryKind, str, int, int]]):
    """What one agency does is never held against another."""
    for before, after in pairwise(told(actions)):
        changed = [k for k in before.obligations if before.obligations[k] != after.obligations[k]]
        assert len(changed) <= 1
        assert not any("/other/" in key for key in changed)


@given(actions)
def test_a_return_never_shortens_a_deadline(actions: list[tuple[EntryKind, str, int, int]]):
    """Only an extension may set another date, and a human wrote that one."""
    for before, after in pairwise(told(actions)):
        for key, now in after.obligations.items():
            if now.begun_by is EntryKind.RETURNED and now.due and (old := before.obligations[key]):
                assert old.due is not None
                assert now.due.last_day >= old.due.last_day


@given(actions)
def test_what_is_closed_has_a_moment_or_was_never_submitted(
    actions: list[tuple[EntryKind, str, int, int]],
):
    """Gates count by that moment."""
    for state in told(actions):
        for one in state.obligations.values():
            if one.standing in (Standing.SUBMITTED, Standing.WAIVED):
                assert one.settled_at is not None
            if one.standing is Standing.OPEN:
                assert one.settled_at is None
