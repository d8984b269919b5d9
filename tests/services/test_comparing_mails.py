"""Comparing mails: a mail is known by what it says, not by its place in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time

from engine.deadline import Before, Phrase
from engine.plan import EscalationStep, Ladder, Overdue, Plan
from engine.rehearsal import Issued
from services.comparing import Comparison, compare
from services.comparing.mails import Box
from services.views.previewing import preview
from tests.engine.builders import BEFORE_10_MAY, STANDARD, ZONE, plan, stage, task
from tests.engine.test_rehearsal import scenario, submits
from tests.services.edits import LATER, NO_HEALTH, edited_37

BEFORE_12_MAY = Phrase("trước ngày 12/5/2020", Before(date(2020, 5, 12)))
REMINDING = Ladder(name="standard", remind=(5, 1))
ONE, TWO = task("one", by=["a"]), task("two", by=["a"])
TOGETHER = plan(stage("first", ONE, TWO), ladder=REMINDING)
APART = plan(stage("first", ONE, replace(TWO, due=BEFORE_12_MAY)), ladder=REMINDING)


def reporting(after: int) -> EscalationStep:
    """Return a step to the superior, so many working days after the deadline."""
    return replace(STANDARD.escalate[-1], after=after)


def of(compared: Comparison, recipient: str) -> Box:
    """Return what changes for one recipient."""
    return next(box for box in compared.boxes if box.recipient == recipient)


def said(mails: Sequence[Issued]) -> list[str]:
    """Return mails as `29/04 remind-5`."""
    return [f"{_day(mail.digest.send_at)} {' '.join(mail.digest.rungs)}" for mail in mails]


def kinds(box: Box) -> set[str]:
    """Return which kinds of change there are."""
    return {kind for kind in ("vanish", "appear", "move", "change") if getattr(box, kind)}


def moves(box: Box) -> list[str]:
    """Return the moves of a recipient as `remind-5: 29/04 → 05/05`."""
    return [
        f"{' '.join(pair.new.digest.rungs)}:"
        f" {_day(pair.old.digest.send_at)} → {_day(pair.new.digest.send_at)}"
        for pair in box.move
    ]


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%d/%m}"


def between(old: Plan, new: Plan) -> Comparison:
    """Compare two plans in the worst case."""
    return compare(preview(old), preview(new))


def test_when_a_deadline_moves_its_reminders_move_they_do_not_vanish_and_appear():
    """It is the same reminder, on another day."""
    compared = between(
        plan(stage("first", task(by=["a"])), ladder=REMINDING),
        plan(stage("first", task(by=["a"], due=BEFORE_12_MAY)), ladder=REMINDING),
    )

    box = of(compared, "a")
    assert moves(box) == ["remind-5: 29/04 → 04/05", "remind-1: 07/05 → 08/05"]
    assert kinds(box) == {"move", "change"}
    (told,) = box.change  # the assignment, whose deadline is another one
    assert told.subjects[0] != told.subjects[1]
    assert any("12/5/2020" in line for line in told.added)


def test_a_rung_taken_out_of_the_ladder_vanishes_and_nothing_else_moves():
    """The ladder without day 10."""
    compared = edited_37(("remind: [10, 5, 2, 1, 0] ", "remind: [5, 2, 1, 0] "))

    assert compared.counts["mails"]["vanish"] == 27
    assert compared.counts["mails"]["move"] == compared.counts["mails"]["appear"] == 0
    assert said([one.mail for one in of(compared, "so-y-te").vanish]) == ["22/04 remind-10"]


def test_every_mail_of_a_deadline_five_days_later_moves():
    """27 agencies, the coordinator's escalations and the superior's."""
    compared = edited_37(LATER)

    counts = compared.counts["mails"]
    assert (counts["vanish"], counts["appear"], counts["change"]) == (0, 0, 27)
    assert moves(of(compared, "ubnd-tinh")) == [
        "escalate-1: 11/05 → 15/05",
        "escalate-2: 15/05 → 21/05",
    ]


def test_one_agency_less_in_an_escalation_is_the_same_mail_with_less_in_it():
    """The coordinator gets it still, at the same time."""
    compared = edited_37(register=(NO_HEALTH,))

    (told,) = of(compared, "ubnd-tinh").change
    assert any("27 cơ quan" in line for line in told.gone)
    assert any("26 cơ quan" in line for line in told.added)
    assert any(line.startswith("Sở Y tế") for line in told.gone)
    # The others stand under other numbers, which is no news.
    assert not any(line.startswith("Sở Giáo dục") for line in (*told.gone, *told.added))


def test_a_mail_that_is_parted_changes_and_the_other_part_says_where_it_was():
    """Two reports were due on one day, one of them is due later now."""
    both = (task("one", by=["a"]), task("two", by=["a"]))
    parted = (task("one", by=["a"]), task("two", by=["a"], due=BEFORE_12_MAY))
    compared = between(
        plan(stage("first", *both), ladder=REMINDING),
        plan(stage("first", *parted), ladder=REMINDING),
    )

    box = of(compared, "a")
    assert said([one.mail for one in box.appear]) == ["04/05 remind-5", "08/05 remind-1"]
    assert [said(one.others) for one in box.appear] == [["29/04 remind-5"], ["07/05 remind-1"]]
    assert kinds(box) == {"appear", "change"}
    assert said([pair.new for pair in box.change]) == [
        "06/04 assign",
        "29/04 remind-5",
        "07/05 remind-1",
    ]


def test_two_mails_that_are_joined_leave_one_and_say_into_which_the_other_went():
    """The mirror of parting."""
    both = (task("one", by=["a"]), task("two", by=["a"]))
    parted = (task("one", by=["a"]), task("two", by=["a"], due=BEFORE_12_MAY))
    compared = between(
        plan(stage("first", *parted), ladder=REMINDING),
        plan(stage("first", *both), ladder=REMINDING),
    )

    box = of(compared, "a")
    assert said([one.mail for one in box.vanish]) == ["04/05 remind-5", "08/05 remind-1"]
    assert [said(one.others) for one in box.vanish] == [["29/04 remind-5"], ["07/05 remind-1"]]
    assert kinds(box) == {"vanish", "change"}


def test_a_mail_goes_where_most_of_it_goes():
    """Three of four late agencies are reported later: the report moves, one stays behind."""
    many, alone = task("one", by=["a", "b", "c"]), task("two", by=["d"])
    ladder = Ladder(name="standard", escalate=(reporting(1),))
    compared = between(
        plan(stage("first", many, alone), ladder=ladder),
        plan(stage("first", replace(many, due=BEFORE_12_MAY), alone), ladder=ladder),
    )

    box = of(compared, "superior")
    assert moves(box) == ["escalate-1: 11/05 → 12/05"]
    (behind,) = box.appear
    assert behind.mail.digest.obligations == ("first/two/d",)
    assert said(behind.others) == ["11/05 escalate-1"]


def test_an_escalation_is_known_by_its_days_not_by_its_number():
    """A first step taken out makes the second the first."""
    two = replace(STANDARD, escalate=(reporting(1), reporting(5)))
    one = replace(STANDARD, escalate=(reporting(5),))
    report = stage("first", task(by=["a"]))

    box = of(between(plan(report, ladder=two), plan(report, ladder=one)), "superior")

    assert said([single.mail for single in box.vanish]) == ["11/05 escalate-1"]
    assert kinds(box) == {"vanish"}


def test_an_escalation_a_day_later_moves():
    """It reports the same, only later."""
    soon = Ladder(name="standard", escalate=(reporting(1),))
    later = Ladder(name="standard", escalate=(reporting(2),))
    report = stage("first", task(by=["a"]))

    box = of(between(plan(report, ladder=soon), plan(report, ladder=later)), "superior")

    assert moves(box) == ["escalate-1: 11/05 → 12/05"]
    assert kinds(box) == {"move"}


def test_other_contents_at_the_same_time_are_a_mail_that_changes():
    """The recipient opens one mail that morning, as before."""
    compared = between(
        plan(stage("first", ONE), ladder=REMINDING),
        plan(
            stage("first", replace(task("two", by=["a"]), title="Việc khác hẳn")), ladder=REMINDING
        ),
    )

    box = of(compared, "a")
    assert compared.duties.gone
    assert compared.duties.added
    assert len(box.change) == 3
    assert kinds(box) == {"change"}


def test_a_mail_of_another_hour_moves():
    """Seven is not eight."""
    report = stage("first", task(by=["a"]))
    early = replace(REMINDING, send_at=time(7))

    box = of(between(plan(report, ladder=REMINDING), plan(report, ladder=early)), "a")

    assert len(box.move) == box.before == 3


def test_another_language_changes_every_mail_and_moves_none():
    """Each is worded anew, none goes out at another time."""
    compared = edited_37(("language: vi", "language: en"))

    counts = compared.counts["mails"]
    assert counts["change"] == counts["old"] == counts["new"] == 455


def test_a_round_that_the_scenario_opens_is_matched_with_its_like():
    """After a return the same rungs are issued again; they are other mails."""
    lived = scenario(submits("2020-05-04 10:00", "first/report/a"))
    old = preview(plan(stage("first", task(by=["a"])), ladder=REMINDING), lived)
    new = preview(plan(stage("first", task(by=["a"], due=BEFORE_12_MAY)), ladder=REMINDING), lived)

    box = of(compare(old, new), "a")

    assert moves(box) == ["remind-5: 29/04 → 04/05"]
    assert kinds(box) == {"move", "change"}


def test_overdue_notices_that_go_on_longer_appear_at_the_end():
    """Three instead of two: the third is new, the others are as they were."""
    report = stage("first", task(by=["a"], due=BEFORE_10_MAY))
    two, three = (
        Ladder(name="standard", overdue=Overdue(first=1, every=1, at_most=most)) for most in (2, 3)
    )

    box = of(between(plan(report, ladder=two), plan(report, ladder=three)), "a")

    assert said([one.mail for one in box.appear]) == ["13/05 overdue-3"]
    assert kinds(box) == {"appear", "change"}
