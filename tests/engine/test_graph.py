"""The graph: the order of the stages, when each opens, and when its gate holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deadline import By, FromEvent, Phrase, Unit, Within
from engine.graph import (
    advance,
    gives_way_at,
    is_finished,
    next_turn,
    opens_at,
)
from engine.ledger import Entry, EntryKind, Folding, StageState
from engine.plan import Gate, GateAfterDue, GateBy, Plan, Stage
from tests.engine.builders import BEFORE_10_MAY, BY_9_JUNE, NO_DATE, Story, at, plan, stage, task

TWO_STAGES = plan(stage("first"), stage("second", needs=["first"]))
FIVE_DAYS_AFTER_DUE = GateAfterDue(5)
BY_29_MAY = GateBy(date(2020, 5, 29))


def by(year: int, month: int, day: int) -> Phrase:
    """Return the phrase of a last day."""
    return Phrase("chậm nhất ngày …", By(date(year, month, day)))


def turns(entries: Iterable[Entry]) -> list[tuple[str, str | None]]:
    """Return what stages did, in order."""
    return [(entry.kind.value, entry.stage) for entry in entries]


def state(story: Story, stage_id: str = "first") -> StageState:
    """Return the state of a stage."""
    return story.folding.stages[stage_id]


def submit_all(story: Story, when: str, agencies: str = "abc", task_id: str = "first/report"):
    """Record a submission of each agency at one time."""
    for agency in agencies:
        story.submit(f"{task_id}/{agency}", when)


# ── opening ──


def test_a_stage_without_needs_opens_with_the_run():
    """The first work begins when the plan does."""
    story = Story(plan())
    assert state(story).opened_at == at("2020-04-06 08:00")


def test_nothing_opens_before_the_run_starts():
    """A loaded plan is not yet a plan under way."""
    folding = Folding(plan())
    assert advance(folding, at("2020-12-31 00:00")) == []
    assert opens_at(folding.state(), folding.plan.stages[0]) is None


def test_a_stage_opens_at_the_moment_at_which_its_need_is_done():
    """The last report that was missing opens the next stage at once."""
    story = Story(TWO_STAGES)
    story.submit("first/report/a", "2020-05-04 09:00")
    story.submit("first/report/b", "2020-05-05 09:00")
    assert state(story, "second").opened_at is None
    turned = story.submit("first/report/c", "2020-05-06 15:30")
    assert turns(turned) == [("stage-done", "first"), ("stage-opened", "second")]
    assert {entry.happened_at for entry in turned} == {at("2020-05-06 15:30")}


def test_a_stage_with_several_needs_waits_for_the_last():
    """A summary needs every part."""
    story = Story(
        plan(
            stage("one", task(by=["a"])),
            stage("two", task(by=["b"])),
            stage("both", task(by=["c"]), needs=["one", "two"]),
        )
    )
    assert turns(story.submit("two/report/b", "2020-05-04 09:00")) == [("stage-done", "two")]
    story.submit("one/report/a", "2020-05-06 09:00")
    assert state(story, "both").opened_at == at("2020-05-06 09:00")


def test_one_stage_may_open_several():
    """Work that forks goes on side by side."""
    story = Story(
        plan(
            stage("first", task(by=["a"])),
            stage("left", task(by=["b"]), needs=["first"]),
            stage("right", task(by=["c"]), needs=["first"]),
        )
    )
    turned = story.submit("first/report/a", "2020-05-04 09:00")
    assert turns(turned)[1:] == [("stage-opened", "left"), ("stage-opened", "right")]


def waiting_for_an_event(*, needs: Sequence[str] = ("first",)) -> Story:
    """Return a story whose second stage waits for the event, and for the first stage."""
    return Story(
        plan(
            stage("first", task(by=["a"])),
            stage("second", task(by=["b"]), needs=needs, event="issued"),
        )
    )


def announce(story: Story, when: str, dated: str | None = None) -> list[Entry]:
    """Record the event."""
    return story.record(EntryKind.EVENT_ANNOUNCED, when, dated=dated, event="issued")


def test_an_event_that_comes_late_opens_what_waited_for_it():
    """Plan 37: the Government issued its programme a year later."""
    story = waiting_for_an_event()
    story.submit("first/report/a", "2020-05-04 09:00")
    turned = announce(story, "2021-07-16 09:30", dated="2021-07-15 00:00")
    assert turns(turned) == [("stage-opened", "second")]
    assert state(story, "second").opened_at == at("2021-07-16 09:30")


def test_an_event_that_comes_early_waits_for_the_needs():
    """It is kept, not lost; the stage opens when the work before it is done."""
    story = waiting_for_an_event()
    assert announce(story, "2020-04-10 09:00") == []
    story.submit("first/report/a", "2020-05-04 09:00")
    assert state(story, "second").opened_at == at("2020-05-04 09:00")


def test_an_event_announced_twice_opens_once():
    """Two officers who both announce it do no harm."""
    story = waiting_for_an_event(needs=())
    announce(story, "2020-05-04 09:00")
    assert announce(story, "2020-05-05 09:00") == []
    assert state(story, "second").opened_at == at("2020-05-04 09:00")


def test_an_event_opens_from_when_it_was_recorded():
    """Nobody worked on it before anyone here knew of it."""
    story = waiting_for_an_event(needs=())
    announce(story, "2020-05-20 09:00", dated="2020-04-01 00:00")
    assert state(story, "second").opened_at == at("2020-05-20 09:00")


# ── gates ──


@pytest.mark.parametrize(
    ("quorum", "closing"),
    [
        (Fraction(1), 10),
        (Fraction(9, 10), 9),
        (Fraction(85, 100), 9),
        (Fraction(1, 2), 5),
        (Fraction(1, 3), 4),
        (1, 1),
        (7, 7),
        (40, 10),
    ],
)
def test_a_quorum_is_reached_with_the_report_that_makes_it_up(quorum: Fraction | int, closing: int):
    """Not one report earlier, not one later."""
    agencies = "abcdefghij"
    story = Story(plan(stage("first", task(by=agencies), quorum=quorum)))
    done = [
        number
        for number, agency in enumerate(agencies, start=1)
        if story.submit(f"first/report/{agency}", f"2020-04-20 {9 + number // 60:02}:{number:02}")
    ]
    assert done == [closing]
    assert len(state(story).missing) == 10 - closing


def test_a_waiver_counts_towards_the_gate():
    """What is owed no more is not waited for."""
    story = Story(TWO_STAGES)
    submit_all(story, "2020-05-04 09:00", "ab")
    story.record(EntryKind.WAIVED, "2020-05-05 09:00", "first/report/c")
    assert state(story).done_at == at("2020-05-05 09:00")


def test_a_returned_report_counts_no_more_until_it_comes_again():
    """A gate holds for what is in, not for what once was."""
    story = Story(TWO_STAGES)
    submit_all(story, "2020-05-04 09:00", "ab")
    story.record(EntryKind.RETURNED, "2020-05-05 09:00", "first/report/a")
    story.submit("first/report/c", "2020-05-06 09:00")
    assert state(story).done_at is None
    story.submit("first/report/a", "2020-05-07 09:00")
    assert state(story).done_at == at("2020-05-07 09:00")


def test_a_return_after_the_gate_held_does_not_close_the_next_stage():
    """What has begun is not undone."""
    story = Story(TWO_STAGES)
    submit_all(story, "2020-05-04 09:00")
    story.record(EntryKind.RETURNED, "2020-05-05 09:00", "first/report/a")
    assert state(story).done_at == at("2020-05-04 09:00")
    assert state(story, "second").opened_at == at("2020-05-04 09:00")


def test_a_gate_waits_only_for_the_tasks_it_counts():
    """Plan 37: rewards have no date and hold nothing up."""
    gated = Stage("first", "", (task(), task("rewards", due=NO_DATE)), Gate(("report",)))
    story = Story(plan(gated))
    submit_all(story, "2020-05-04 09:00")
    assert state(story).done_at == at("2020-05-04 09:00")
    assert state(story).missing == ()


def test_a_gate_that_counts_nothing_holds_at_once():
    """Nothing to wait for."""
    gated = Stage("first", "", (task(),), Gate(()))
    story = Story(plan(gated))
    assert state(story).done_at == at("2020-04-06 08:00")


@pytest.mark.parametrize(
    ("due", "count", "gives_way"),
    [
        (BEFORE_10_MAY, 5, "2020-05-16 00:00"),  # the end of Friday 15/5
        (BEFORE_10_MAY, 1, "2020-05-12 00:00"),
        (BY_9_JUNE, 1, "2020-06-11 00:00"),
        (by(2020, 5, 8), 1, "2020-05-12 00:00"),  # a Friday: Monday is the first
        (by(2020, 4, 29), 1, "2020-05-05 00:00"),  # over 30/4, 1/5 and the weekend
        (BEFORE_10_MAY, 0, "2020-05-10 00:00"),
    ],
)
def test_a_gate_gives_way_at_the_end_of_the_nth_working_day_after_due(
    due: Phrase, count: int, gives_way: str
):
    """The plan goes on with who is there."""
    story = Story(plan(stage("first", task(due=due), otherwise=GateAfterDue(count))))
    assert gives_way_at(story.folding.state(), story.plan.stages[0]) == at(gives_way)


def test_the_days_after_due_count_from_the_latest_of_several_deadlines():
    """Each task has its time before the gate gives way."""
    both = stage("first", task(), task("other", due=BY_9_JUNE), otherwise=GateAfterDue(1))
    story = Story(plan(both))
    assert gives_way_at(story.folding.state(), both) == at("2020-06-11 00:00")


def test_the_days_after_due_do_not_move_with_one_agencys_extension():
    """One agency's new date does not hold everyone up."""
    story = Story(plan(stage("first", otherwise=FIVE_DAYS_AFTER_DUE)))
    story.record(EntryKind.EXTENDED, "2020-05-07 09:00", "first/report/a", until="2020-06-30")
    assert gives_way_at(story.folding.state(), story.plan.stages[0]) == at("2020-05-16 00:00")


def test_a_stage_opened_after_its_deadline_counts_the_days_from_its_opening():
    """Else it would be over before anyone could answer."""
    one = plan(
        stage("first", task(by=["a"], due=NO_DATE)),
        stage("second", task(by=["b"]), needs=["first"], otherwise=FIVE_DAYS_AFTER_DUE),
    )
    story = Story(one)
    story.submit("first/report/a", "2020-06-03 14:00")  # a Wednesday
    assert gives_way_at(story.folding.state(), one.stages[1]) == at("2020-06-11 00:00")


def test_days_after_due_without_any_date_never_give_way():
    """There is nothing to count from."""
    story = Story(plan(stage("first", task(due=NO_DATE), otherwise=FIVE_DAYS_AFTER_DUE)))
    assert gives_way_at(story.folding.state(), story.plan.stages[0]) is None
    assert story.wait_until("2022-01-01 00:00") == []


def test_a_gate_by_date_gives_way_at_the_end_of_that_day():
    """Plan 37: at the end of 29/5/2020 the draft begins."""
    story = Story(plan(stage("first", otherwise=BY_29_MAY)))
    assert story.wait_until("2020-05-29 23:59") == []
    turned = story.wait_until("2020-05-30 00:00")
    assert [entry.happened_at for entry in turned] == [at("2020-05-30 00:00")]


def test_a_gate_whose_date_has_passed_gives_way_with_the_opening():
    """A stage is never done before it opened."""
    one = plan(
        stage("first", task(by=["a"])),
        stage("second", task(by=["b"]), needs=["first"], otherwise=BY_29_MAY),
    )
    story = Story(one)
    story.submit("first/report/a", "2020-06-03 14:00")
    second = state(story, "second")
    assert second.opened_at == second.done_at == at("2020-06-03 14:00")


def test_whoever_is_missing_is_noted_when_the_gate_gives_way():
    """The report that comes without them says so."""
    story = Story(plan(stage("first", otherwise=FIVE_DAYS_AFTER_DUE)))
    story.submit("first/report/b", "2020-05-08 09:00")
    (done,) = story.wait_until("2020-05-18 08:00")
    assert done.data == {
        "closed": 1,
        "total": 3,
        "missing": ["first/report/a", "first/report/c"],
    }
    assert state(story).missing == ("first/report/a", "first/report/c")


def test_who_submits_after_the_gate_gave_way_was_missing_all_the_same():
    """After an outage the first entry may be a submission of after the gate: it came too late."""
    story = Story(plan(stage("first", otherwise=FIVE_DAYS_AFTER_DUE)))
    submit_all(story, "2020-05-08 09:00", "bc")
    story.submit("first/report/a", "2020-05-18 10:00")
    assert state(story).done_at == at("2020-05-16 00:00")
    assert state(story).missing == ("first/report/a",)


def test_a_quorum_reached_before_the_date_wins():
    """Whichever comes first."""
    story = Story(plan(stage("first", otherwise=FIVE_DAYS_AFTER_DUE)))
    submit_all(story, "2020-05-08 09:00")
    assert state(story).done_at == at("2020-05-08 09:00")


def test_a_missing_agency_still_owes_after_the_gate_gave_way():
    """The plan goes on; the debt stays."""
    story = Story(plan(stage("first", otherwise=FIVE_DAYS_AFTER_DUE)))
    story.wait_until("2020-05-18 08:00")
    assert story.folding.obligations["first/report/a"].is_open


def test_early_submissions_close_a_stage_as_it_opens():
    """Whoever is ahead of the plan does not have to wait for it."""
    story = Story(TWO_STAGES)
    submit_all(story, "2020-04-20 09:00", task_id="second/report")
    assert state(story, "second") == StageState()
    submit_all(story, "2020-05-04 09:00")
    second = state(story, "second")
    assert second.opened_at == second.done_at == at("2020-05-04 09:00")


# ── cascades and outages ──


def chain(*, last: date = date(2020, 5, 8)) -> Plan:
    """Return four stages in a row, each giving way some days after its due."""
    return plan(
        stage("one", task(by=["a"], due=by(2020, 4, 10)), otherwise=GateAfterDue(1)),
        stage("two", task(by=["a"], due=by(2020, 4, 17)), needs=["one"], otherwise=GateAfterDue(2)),
        stage("three", task(by=["a"], due=NO_DATE), needs=["two"], otherwise=GateBy(last)),
        stage("four", task(by=["a"]), needs=["three"]),
    )


THEORY = [
    ("stage-opened", "one", at("2020-04-06 08:00")),
    ("stage-done", "one", at("2020-04-14 00:00")),
    ("stage-opened", "two", at("2020-04-14 00:00")),
    ("stage-done", "two", at("2020-04-22 00:00")),
    ("stage-opened", "three", at("2020-04-22 00:00")),
    ("stage-done", "three", at("2020-05-09 00:00")),
    ("stage-opened", "four", at("2020-05-09 00:00")),
]


def happened(entries: Iterable[Entry]) -> list[tuple[str, str | None, datetime]]:
    """Return what stages did, and when it happened."""
    return [(entry.kind.value, entry.stage, entry.happened_at) for entry in entries if entry.stage]


def test_stages_follow_each_other_at_their_own_times():
    """Looked at every day, each turns at the end of its day."""
    story = Story(chain())
    for day in range(6, 31):
        story.wait_until(f"2020-04-{day:02} 08:00")
    for day in range(1, 31):
        story.wait_until(f"2020-05-{day:02} 08:00")
    assert happened(story.entries) == THEORY


def test_after_an_outage_the_stages_have_the_times_they_should_have_had():
    """What follows does not depend on when it was noticed; the recording says when it was."""
    story = Story(chain())
    turned = story.wait_until("2020-07-01 08:00")
    assert happened(story.entries) == THEORY
    assert {entry.recorded_at for entry in turned} == {at("2020-07-01 08:00")}


@given(st.lists(st.integers(0, 2000), max_size=8))
def test_stages_turn_at_the_same_times_whenever_anyone_looks(hours: list[int]):
    """An outage of any shape leaves no trace in what happened."""
    story = Story(chain())
    for hour in sorted(hours):
        story.wait_until(f"2020-{4 + hour // 720:02}-{1 + hour // 24 % 30:02} {hour % 24:02}:00")
    story.wait_until("2020-09-01 00:00")
    assert happened(story.entries) == THEORY


def test_advancing_twice_changes_nothing():
    """A wake-up that runs again finds nothing to do."""
    story = Story(chain())
    assert story.wait_until("2020-07-01 08:00")
    assert story.wait_until("2020-07-01 08:00") == []


def test_one_submission_may_open_and_close_a_row_of_stages():
    """Everything was in already but the first report."""
    story = Story(
        plan(
            stage("one", task(by=["a"])),
            stage("two", task(by=["b"]), needs=["one"]),
            stage("three", task(by=["c"]), needs=["two"]),
        )
    )
    story.submit("two/report/b", "2020-04-10 09:00")
    story.submit("three/report/c", "2020-04-10 09:00")
    turned = story.submit("one/report/a", "2020-05-04 09:00")
    assert turns(turned) == [
        ("stage-done", "one"),
        ("stage-opened", "two"),
        ("stage-done", "two"),
        ("stage-opened", "three"),
        ("stage-done", "three"),
    ]
    assert is_finished(story.plan, story.folding.state())


def test_a_gate_does_not_give_way_before_its_deadline_could_be_known():
    """An event heard of late must not put the end of a stage, and all that follows, in the past."""
    phrase = Phrase("trong thời hạn 3 ngày …", Within(3, Unit.WORKING_DAYS, FromEvent("issued")))
    story = Story(
        plan(
            stage("first", task(by=["a"], due=phrase), otherwise=GateAfterDue(2)),
            stage("second", task(by=["b"]), needs=["first"]),
        )
    )
    announce(story, "2020-05-20 09:00", dated="2020-04-07 00:00")
    story.wait_until("2020-06-30 08:00")
    opened_at = state(story, "second").opened_at
    assert opened_at is not None
    assert opened_at >= at("2020-05-20 09:00")


# ── next turn, end ──


def test_the_next_turn_is_the_first_gate_that_gives_way():
    """The clock is set to it."""
    story = Story(
        plan(
            stage("first", otherwise=BY_29_MAY),
            stage("second", otherwise=FIVE_DAYS_AFTER_DUE),
            stage("third", needs=["first"], otherwise=GateBy(date(2020, 4, 30))),
        )
    )
    assert next_turn(story.folding.state(), at("2020-05-01 00:00")) == at("2020-05-16 00:00")


def test_a_stage_whose_event_was_recorded_by_a_clock_ahead_turns_by_itself():
    """Another machine's clock is some seconds behind: what it does must not lose the opening."""
    made = plan(stage("first", task()), stage("second", task(), event="issued"))
    story = Story(made)
    ahead = at("2020-04-07 08:00")
    data = {"event": "issued"}
    story.folding.take(Entry(EntryKind.EVENT_ANNOUNCED, ahead, ahead, "x", data=data))

    assert next_turn(story.folding.state(), at("2020-04-07 07:59")) == at("2020-04-07 08:00")


def test_at_the_next_turn_something_turns():
    """The clock never rings for nothing."""
    story = Story(chain())
    for _ in range(3):
        turn = next_turn(story.folding.state(), at("2020-04-06 08:00"))
        assert turn is not None
        assert advance(story.folding, turn)
    assert next_turn(story.folding.state(), at("2020-04-06 08:00")) is None


def test_a_gate_without_a_date_sets_no_clock():
    """Only an entry can turn it."""
    story = Story(TWO_STAGES)
    assert next_turn(story.folding.state(), at("2020-04-06 08:00")) is None


def test_a_plan_is_finished_when_every_stage_is_done():
    """Also where an agency is still missing."""
    story = Story(plan(stage("first", otherwise=BY_29_MAY), stage("second", needs=["first"])))
    story.wait_until("2020-06-01 08:00")
    assert not is_finished(story.plan, story.folding.state())
    submit_all(story, "2020-06-02 09:00", task_id="second/report")
    assert is_finished(story.plan, story.folding.state())
    assert state(story).missing == ("first/report/a", "first/report/b", "first/report/c")
