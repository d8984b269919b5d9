"""The graph: when a stage opens, and when its gate holds."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from engine.graph import StageCycleError, next_turn, stage_order
from engine.ledger import EntryKind
from engine.plan import Gate, GateAfterDue, GateBy
from tests.engine.builders import Story, at, plan, stage, task


def opened(story: Story, name: str):
    """When a stage opened."""
    return story.folding.stages[name].opened_at


def done(story: Story, name: str):
    """When a stage was done."""
    return story.folding.stages[name].done_at


@pytest.mark.parametrize(
    ("quorum", "total", "needed"),
    [
        (Fraction(1), 27, 27),
        (Fraction(9, 10), 27, 25),
        (Fraction(1, 2), 3, 2),
        (Fraction(9, 10), 10, 9),
        (Fraction(1, 3), 3, 1),
        (25, 27, 25),
        (30, 27, 27),
        (Fraction(1), 0, 0),
    ],
)
def test_a_quorum_is_rounded_up(quorum: Fraction | int, total: int, needed: int):
    """90% of 27 are 25, not 24."""
    assert Gate(tasks=(), quorum=quorum).needed(total) == needed


def test_a_stage_without_needs_opens_with_the_run():
    """The first stage does not wait."""
    assert opened(Story(plan()), "first") == at("2020-04-06 08:00")


def test_all_means_the_last_one_too():
    """The gate holds at the moment the last submission is recorded."""
    story = Story(plan())
    story.submit("first/report/a", "2020-04-20 09:00")
    story.submit("first/report/b", "2020-04-21 09:00")
    assert done(story, "first") is None
    story.submit("first/report/c", "2020-04-22 09:00", dated="2020-04-10 00:00")
    assert done(story, "first") == at("2020-04-22 09:00")


def test_a_quorum_opens_the_next_stage_with_the_missing_noted():
    """Two of three are enough; who is missing stands in the entry."""
    story = Story(plan(stage("first", quorum=Fraction(2, 3)), stage("second", needs=["first"])))
    story.submit("first/report/a", "2020-04-20 09:00")
    story.submit("first/report/b", "2020-04-21 09:00")
    assert opened(story, "second") == at("2020-04-21 09:00")
    assert story.folding.stages["first"].missing == ("first/report/c",)


def test_a_waived_obligation_counts_for_the_gate():
    """What is owed no more holds nobody up."""
    story = Story(plan())
    for agency in "abc":
        story.record(EntryKind.WAIVED, "2020-04-20 09:00", f"first/report/{agency}")
    assert done(story, "first") == at("2020-04-20 09:00")


def test_a_returned_report_opens_the_gate_again_until_it_is_done():
    """Two of two, one returned: not done."""
    story = Story(plan(stage("first", task(by=["a", "b"]))))
    story.submit("first/report/a", "2020-04-20 09:00")
    story.record(EntryKind.RETURNED, "2020-04-20 10:00", "first/report/a", days=3)
    story.submit("first/report/b", "2020-04-21 09:00")
    assert done(story, "first") is None


def test_a_done_stage_stays_done():
    """What has begun after it cannot be unbegun."""
    story = Story(plan(stage("first", task(by=["a"]))))
    story.submit("first/report/a", "2020-04-20 09:00")
    story.record(EntryKind.RETURNED, "2020-04-21 10:00", "first/report/a", days=3)
    assert done(story, "first") == at("2020-04-20 09:00")


def test_a_gate_gives_way_at_the_end_of_the_nth_working_day_after_the_deadline():
    """Five working days after Saturday 9/5 end with Friday 15/5."""
    story = Story(plan(stage("first", otherwise=GateAfterDue(5)), stage("second", needs=["first"])))
    assert next_turn(story.folding.state(), at("2020-04-06 08:00")) == at("2020-05-16 00:00")
    story.wait_until("2020-05-15 23:59")
    assert opened(story, "second") is None
    story.wait_until("2020-05-16 00:00")
    assert opened(story, "second") == at("2020-05-16 00:00")


def test_a_gate_of_a_stage_that_opened_late_counts_from_its_opening():
    """A plan started years later still gives its agencies the five days."""
    story = Story(plan(stage("first", otherwise=GateAfterDue(5))), start="2020-06-01 10:00")
    story.wait_until("2020-06-08 23:59")
    assert done(story, "first") is None
    story.wait_until("2020-06-09 00:00")
    assert done(story, "first") == at("2020-06-09 00:00")


def test_a_gate_by_a_date_gives_way_at_its_end():
    """Đến hết ngày 29/5/2020."""
    story = Story(plan(stage("first", otherwise=GateBy(date(2020, 5, 29)))))
    story.wait_until("2020-06-10 12:00")
    assert done(story, "first") == at("2020-05-30 00:00")


def test_an_extension_of_one_does_not_hold_up_the_gate():
    """The gate counts from the stated deadline."""
    story = Story(plan(stage("first", otherwise=GateAfterDue(5))))
    story.record(EntryKind.EXTENDED, "2020-05-08 09:00", "first/report/a", until="2020-06-30")
    story.wait_until("2020-05-16 00:00")
    assert done(story, "first") == at("2020-05-16 00:00")


@pytest.mark.parametrize("noticed", ["2020-05-16 00:00", "2020-05-20 09:00", "2020-07-01 09:00"])
def test_what_follows_does_not_depend_on_when_it_was_noticed(noticed: str):
    """After an outage the stage has opened when it should have."""
    story = Story(plan(stage("first", otherwise=GateAfterDue(5)), stage("second", needs=["first"])))
    story.wait_until(noticed)
    assert opened(story, "second") == at("2020-05-16 00:00")


def test_several_needs_wait_for_the_last():
    """A stage opens when the slowest of its needs is done."""
    where = plan(
        stage("one", task(by=["a"])),
        stage("two", task(by=["b"])),
        stage("three", task(by=["c"]), needs=["one", "two"]),
    )
    story = Story(where)
    story.submit("two/report/b", "2020-04-20 09:00")
    assert opened(story, "three") is None
    story.submit("one/report/a", "2020-04-22 09:00")
    assert opened(story, "three") == at("2020-04-22 09:00")


@pytest.mark.parametrize(
    ("event", "submitted", "opens"),
    [
        ("2020-04-10 09:00", "2020-04-20 09:00", "2020-04-20 09:00"),  # early: it is kept
        ("2020-05-20 09:00", "2020-04-20 09:00", "2020-05-20 09:00"),
    ],
)
def test_an_event_and_needs_open_when_both_are_there(event: str, submitted: str, opens: str):
    """Whichever comes last."""
    where = plan(stage("one", task(by=["a"])), stage("two", needs=["one"], event="issued"))
    story = Story(where)
    for moment in sorted([event, submitted]):
        if moment == event:
            story.record(EntryKind.EVENT_ANNOUNCED, event, event="issued")
        else:
            story.submit("one/report/a", submitted)
    assert opened(story, "two") == at(opens)


def test_stages_cascade_in_one_step():
    """What was submitted before a stage opened closes it as it opens."""
    where = plan(
        stage("one", task(by=["a"])),
        stage("two", task(by=["b"]), needs=["one"]),
        stage("three", task(by=["c"]), needs=["two"]),
    )
    story = Story(where)
    story.submit("two/report/b", "2020-04-18 09:00")
    turned = story.submit("one/report/a", "2020-04-20 09:00")
    assert [(entry.kind, entry.stage) for entry in turned] == [
        (EntryKind.STAGE_DONE, "one"),
        (EntryKind.STAGE_OPENED, "two"),
        (EntryKind.STAGE_DONE, "two"),
        (EntryKind.STAGE_OPENED, "three"),
    ]


def test_the_order_respects_needs_and_else_the_file():
    """A coordinator may write the stages in any order."""
    order = stage_order({"c": ["a", "b"], "a": [], "b": ["a"], "d": []})
    assert order == ["a", "b", "c", "d"]


def test_a_circle_is_shown():
    """The fault names the stages that wait for each other."""
    with pytest.raises(StageCycleError) as fault:
        stage_order({"a": ["c"], "b": ["a"], "c": ["b"]})
    assert set(fault.value.cycle) == {"a", "b", "c"}
