"""The plan: its obligations in order, its levels, and what a gate counts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan import PARENT, Gate, OutsideEvent, Stage
from tests.engine.builders import plan, stage, task


def share(written: str) -> Fraction | int:
    """Return a quorum as the plan's file writes it: `90%` or `3`."""
    return Fraction(written[:-1]) / 100 if written.endswith("%") else int(written)


@pytest.mark.parametrize(
    ("quorum", "total", "needed"),
    [
        ("100%", 27, 27),
        ("90%", 27, 25),  # plan 37: 24.3
        ("90%", 10, 9),
        ("90%", 1, 1),
        ("50%", 3, 2),
        ("50%", 4, 2),
        ("33.3333%", 3, 1),
        ("33.34%", 3, 2),
        ("0.01%", 27, 1),
        ("3", 27, 3),
        ("3", 2, 2),  # a number larger than the group asks for the group
        ("100%", 0, 0),
        ("3", 0, 0),
    ],
)
def test_a_quorum_is_rounded_up(quorum: str, total: int, needed: int):
    """90% of 27 is 25: 24 would be less than 90%."""
    assert Gate(("report",), share(quorum)).needed(total) == needed


@given(st.fractions(Fraction(1, 10000), 1), st.integers(0, 300))
def test_what_is_needed_is_the_least_number_that_reaches_the_share(quorum: Fraction, total: int):
    """Exact arithmetic: no float may ask for one report too many."""
    needed = Gate(("report",), quorum).needed(total)
    assert needed >= quorum * total > needed - 1
    assert needed <= total


def test_a_share_above_all_still_asks_for_no_more_than_all():
    """A gate that can never hold would stop the plan for good."""
    assert Gate(("report",), Fraction(3, 2)).needed(10) == 10


def test_obligations_stand_in_the_order_of_the_plan():
    """Lists in mails and on the board read like the document."""
    one = plan(
        stage("first", task(by=["b", "a"]), task("rewards", by=["a"])),
        stage("second", task(by=["c"]), needs=["first"]),
    )
    assert list(one.obligations) == [
        "first/report/b",
        "first/report/a",
        "first/rewards/a",
        "second/report/c",
    ]
    assert [one.positions[key] for key in one.obligations] == [0, 1, 2, 3]


def test_an_obligation_knows_where_it_stands():
    """Stage, task, agency and ladder are one look-up away."""
    found = plan().obligations["first/report/b"]
    assert (found.stage.id, found.task.id, found.agency.id) == ("first", "report", "b")
    assert found.ladder.name == "standard"


def test_a_task_for_the_parent_is_received_by_each_one_s_own():
    """Each commune reports to its own district."""
    one = plan(stage("first", replace(task(by=["a", "b"]), to=PARENT)))
    above = {"a": replace(one.agencies["a"], parent="c")}
    two = replace(one, agencies={**one.agencies, **above})
    assert two.obligations["first/report/a"].to == "c"
    assert two.obligations["first/report/b"].to is None
    assert plan().obligations["first/report/a"].to == "coordinator"


def test_an_event_is_announced_by_what_carries_all_that_it_asks_for():
    """More may be said; less, or otherwise, is another event."""
    event = OutsideEvent("issued", "Ban hành", correlate={"period": "2021-2030"})
    assert event.is_announced_by({"period": "2021-2030", "province": "tuyen-quang"})
    assert not event.is_announced_by({"period": "2011-2020"})
    assert OutsideEvent("issued", "Ban hành").is_announced_by({})


def test_a_gate_counts_only_its_tasks():
    """Plan 37: only the final reports open the next stage."""
    both = (task(), task("rewards"))
    gated = Stage("first", "", both, Gate(("report",)))
    keys = plan(gated).gated(gated)
    assert keys == ("first/report/a", "first/report/b", "first/report/c")


def test_a_gate_that_counts_all_counts_each_task_for_each_agency():
    """`all` means every obligation of the stage."""
    one = stage("first", task(by=["a", "b"]), task("rewards", by=["a"]))
    assert len(plan(one).gated(one)) == 3


@pytest.mark.parametrize(
    ("superior", "levels"),
    [("superior", ("coordinator", "superior")), (None, ("coordinator",))],
)
def test_levels_go_from_the_coordinator_up(superior: str | None, levels: tuple[str, ...]):
    """Sở Nội vụ hears first, then UBND tỉnh, where there is one."""
    assert plan(superior=superior).levels == levels


def test_a_stage_is_found_by_its_id():
    """And an unknown one is an error, not a guess."""
    one = plan(stage("first"))
    assert one.stage("first") is one.stages[0]
    with pytest.raises(KeyError):
        one.stage("second")
