"""Comparing, as laws: whatever two plans are, what is told of them adds up."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.deadline import Before, FromStage, Phrase, Unit, Within
from engine.ledger import ObligationState
from engine.plan import GateBy, Ladder, Overdue, Plan, Span, Stage, Task
from services.comparing import Comparison, compare
from services.comparing.mails import Box, compare_mails
from services.comparing.wording import account
from services.views import previewing
from services.views.previewing import preview
from tests.engine.builders import BEFORE_10_MAY, BY_9_JUNE, NO_DATE, STANDARD, plan, stage, task
from tests.services.edits import read

Timetable = Counter[datetime]

BEFORE_15_MAY = Phrase("trước ngày 15/5/2020", Before(date(2020, 5, 15)))
AFTER_FIRST = Phrase(
    "trong thời hạn 3 ngày làm việc sau khi first xong",
    Within(3, Unit.WORKING_DAYS, FromStage("first")),
)
TITLES = ("Báo cáo", "Báo cáo chuyên đề", "Dự thảo")
QUORUMS: Sequence[Fraction | int] = (Fraction(1), Fraction(1, 2), 1)
COORDINATOR, SUPERIOR = STANDARD.escalate
QUIET = ((), (Span(date(2020, 5, 8), date(2020, 5, 12), "Bầu cử"),))
LADDERS = (
    Ladder(name="standard", remind=(5, 1), overdue=Overdue(1, 1, 3)),
    Ladder(name="standard", remind=(5, 1), overdue=Overdue(1, 1, 3, head_from=2, letter_from=3)),
    Ladder(
        name="standard",
        remind=(5, 0),
        overdue=Overdue(1, 2, 2),
        escalate=(replace(COORDINATOR, after=1), replace(SUPERIOR, after=2)),
    ),
    Ladder(name="standard", remind=(3, 1), escalate=(replace(COORDINATOR, after=2),)),
)


@st.composite
def tasks(draw: st.DrawFn, ids: Sequence[str]) -> tuple[Task, ...]:
    """A few tasks whose ids, titles, agencies and deadlines come from small sets, to collide."""
    chosen = draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
    return tuple(
        replace(
            task(
                key,
                by=draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)),
                due=draw(st.sampled_from([BEFORE_10_MAY, BEFORE_15_MAY, BY_9_JUNE, NO_DATE])),
            ),
            title=draw(st.sampled_from(TITLES)),
            note=draw(st.sampled_from(["", "Xem kỹ"])),
        )
        for key in chosen
    )


@st.composite
def stages(draw: st.DrawFn) -> tuple[Stage, ...]:
    """One stage, or two of which the second waits for the first."""
    opens = draw(st.sampled_from(["first", "beginning"]))
    one = stage(
        opens,
        *draw(tasks(["report", "review", "draft"])),
        quorum=draw(st.sampled_from(QUORUMS)),
        otherwise=GateBy(date(2020, 5, draw(st.sampled_from([15, 20])))),
    )
    one = replace(one, title="Một")
    if draw(st.booleans()):
        return (one,)
    second = draw(tasks(["summary", "report"]))
    if opens == "first" and draw(st.booleans()):
        second = (replace(second[0], due=AFTER_FIRST), *second[1:])
    return one, replace(stage("second", *second, needs=[opens]), title="Hai")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A small plan; in some of them agency a has another id."""
    made = plan(
        *draw(stages()),
        ladder=draw(st.sampled_from(LADDERS)),
        superior=draw(st.sampled_from([None, "superior"])),
    )
    made = replace(made, number=draw(st.sampled_from(["1/KH", "2/KH"])))
    made = replace(made, quiet=draw(st.sampled_from(QUIET)))
    return _renamed(made) if draw(st.booleans()) else made


def _renamed(made: Plan) -> Plan:
    def named(agency: str) -> str:
        return "alpha" if agency == "a" else agency

    return replace(
        made,
        agencies={named(k): replace(one, id=named(k)) for k, one in made.agencies.items()},
        stages=tuple(
            replace(
                one,
                tasks=tuple(replace(t, by=tuple(map(named, t.by))) for t in one.tasks),
            )
            for one in made.stages
        ),
    )


def between(old: Plan, new: Plan) -> Comparison:
    """Compare two plans in the worst case."""
    return compare(preview(old), preview(new))


few = settings(max_examples=60, deadline=None)


@few
@given(plans())
def test_a_plan_differs_in_nothing_from_itself(made: Plan):
    """Whatever it is made of."""
    compared = between(made, made)

    assert compared.is_same
    assert read(compared)["mails"] == {}
    assert account(compared, "vi").parts == ()


@few
@given(plans(), plans())
def test_the_old_mails_less_what_vanishes_and_more_what_appears_are_the_new(old: Plan, new: Plan):
    """Applied to the old timetable, the changes give the new one, recipient by recipient."""
    compared = between(old, new)

    for box in compared.boxes:
        before = _timetable(compared.old, box.recipient, compared.renames.agency)
        after = _timetable(compared.new, box.recipient, str)
        told = before - _times(one.mail for one in box.vanish) - _times(p.old for p in box.move)
        told += _times(one.mail for one in box.appear) + _times(pair.new for pair in box.move)
        assert told == after
        assert box.before - len(box.vanish) + len(box.appear) == box.after
    counts = compared.counts["mails"]
    assert counts["old"] - counts["vanish"] + counts["appear"] == counts["new"]


@few
@given(plans(), plans())
def test_what_is_owed_less_what_is_gone_and_more_what_is_added_is_owed_now(old: Plan, new: Plan):
    """A rename neither adds nor takes away."""
    counts = between(old, new).counts["obligations"]

    assert counts["old"] - counts["gone"] + counts["added"] == counts["new"]


@few
@given(plans(), plans())
def test_the_way_back_is_the_mirror_of_the_way_there(old: Plan, new: Plan):
    """Added for gone, earlier for later, split for merged."""
    there, back = between(old, new), between(new, old)

    assert _owed(there) == _mirrored(_owed(back))
    for kind in ("agencies", "stages", "events", "ladders", "obligations"):
        forth: Mapping[str, str] = getattr(there.renames, kind)
        assert {now: was for was, now in forth.items()} == getattr(back.renames, kind)
    returned = {box.recipient: box for box in back.boxes}
    for box in there.boxes:
        mirror = returned[back.renames.agency(box.recipient)]
        assert _mails(box) == _mirrored(_mails(mirror))


def late_of(*agencies: str) -> Plan:
    """A plan whose second stage counts from the first, which closes without the reports of these.

    Agency a owes the second the same day in any case, and is told how many were missing.
    """
    owed = task("report", by=agencies, due=BEFORE_10_MAY)
    first = stage("first", owed, otherwise=GateBy(date(2020, 5, 15)))
    return plan(first, stage("second", task("summary", due=AFTER_FIRST), needs=["first"]))


def gathered_of(*agencies: str) -> Plan:
    """A plan in which agency a gathers the reports of these, and is told where they stand."""
    owed = replace(task("report", by=agencies, due=BEFORE_10_MAY), to="a")
    gathers = replace(task("summary", by="a", due=BY_9_JUNE), collects="first/report")
    return plan(stage("first", owed, gathers))


@few
@given(plans(), plans())
@example(late_of("a"), late_of("a", "b"))
@example(gathered_of("b"), gathered_of("b", "c"))
def test_mails_that_need_no_wording_would_be_worded_alike(old: Plan, new: Plan):
    """What is left unworded to save time is what is the same."""
    compared = between(old, new)

    worded = compare_mails(compared.old, compared.new, compared.renames, context_is_same=False)

    assert list(map(_mails, worded)) == list(map(_mails, compared.boxes))
    assert [len(box.change) for box in worded] == [len(box.change) for box in compared.boxes]


@few
@given(plans(), plans())
def test_what_is_told_to_be_the_same_is_previewed_the_same(old: Plan, new: Plan):
    """Nobody lets an edit loose on a wrong "nothing changes"; only orders may differ."""
    compared = between(old, new)

    if compared.is_same:
        before, after = (previewing.to_json(one, "vi") for one in (compared.old, compared.new))
        assert _by_recipient(before["messages"]) == _by_recipient(after["messages"])
        for part in ("stages", "obligations"):
            assert _by_id(before[part]) == _by_id(after[part])


@few
@given(plans(), plans())
def test_every_comparison_can_be_said_in_both_languages(old: Plan, new: Plan):
    """A sentence that is missing would end the command in front of a reader."""
    compared = between(old, new)

    for language in ("vi", "en"):
        told = account(compared, language)
        assert bool(told.verdict) == compared.is_same
        assert bool(told.parts) != compared.is_same


def test_twice_as_many_tasks_cost_about_twice_as_much():
    """A plan of a thousand tasks must not take all morning: calls are counted, not seconds."""

    def calls(count: int) -> int:
        days = (BEFORE_10_MAY, BEFORE_15_MAY, BY_9_JUNE)
        made = [task(f"t{n}", by="abcdefghij"[n % 8 :][:2], due=days[n % 3]) for n in range(count)]
        edited = [*made[:-1], replace(made[-1], due=NO_DATE, title="Khác"), task("new", by="a")]
        old = preview(plan(stage("first", *made), ladder=LADDERS[0]))
        new = preview(plan(stage("first", *edited), ladder=LADDERS[1]))
        return _calls(lambda: read(compare(old, new)))

    small, large = calls(60), calls(240)

    assert large < 5 * small


def _calls(work: Callable[[], object]) -> int:
    """Count the calls, of Python and of C, that some work takes."""
    made = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def _timetable(shown: previewing.Preview, recipient: str, named: Callable[[str], str]) -> Timetable:
    return _times(one for one in shown.rehearsal.issued if named(one.digest.recipient) == recipient)


def _times(mails: Any) -> Timetable:
    return Counter(mail.digest.send_at for mail in mails)


def _owed(compared: Comparison) -> dict[str, Any]:
    duties = compared.duties
    return {
        "gone": {owed.id for owed in duties.gone},
        "added": {owed.id for owed in duties.added},
        "pairs": {(was.id, now.id) for was, now in duties.renamed},
        "moved": {(_day(m.old), _day(m.new), m.days) for m in duties.moved},
        "working": Counter(move.working_days for move in duties.moved),
    }


def _day(state: ObligationState) -> date | None:
    return None if state.due is None else state.due.last_day


def _mails(box: Box) -> dict[str, Any]:
    return {
        "gone": _times(one.mail for one in box.vanish),
        "added": _times(one.mail for one in box.appear),
        "pairs": {(p.old.digest.send_at, p.new.digest.send_at) for p in (*box.move, *box.change)},
        "merged": {one.mail.digest.send_at: _times(one.others) for one in box.vanish},
        "split": {one.mail.digest.send_at: _times(one.others) for one in box.appear},
    }


def _mirrored(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the other direction should tell."""
    swapped = {"gone": told["added"], "added": told["gone"]}
    swapped["pairs"] = {(new, old) for old, new in told["pairs"]}
    if "moved" in told:
        swapped["moved"] = {
            (new, old, None if days is None else -days) for old, new, days in told["moved"]
        }
        swapped["working"] = Counter(
            {None if days is None else -days: count for days, count in told["working"].items()}
        )
    else:
        swapped |= {"merged": told["split"], "split": told["merged"]}
    return swapped


def _by_recipient(messages: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    return {
        (one["to"], one["send_at"]): (one["subject"], set(one["rungs"]), set(one["obligations"]))
        for one in messages
    }


def _by_id(listed: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {one["id"]: one for one in listed}
