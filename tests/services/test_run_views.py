"""Run views: what an operator reads in Prefect's lists, and on a run's page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from engine.chasing import Notice
from notifiers.wire.channel import Refused as MailRefused
from services import chasing, recording
from services.mail import mailroom
from services.views import board, run_views, upcoming
from services.views.board import Board
from services.views.run_views import Look, RunView
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import BY, Recording, deliver, start, submit, wake


def stage(seen: Board, stage_id: str) -> RunView:
    """Return the view of one stage."""
    return run_views.of_stage(seen, next(one for one in seen.stages if one.id == stage_id))


def late_reports(small: Parts) -> Board:
    """The first morning after the deadline: all three are late, Sở Nội vụ is told."""
    for moment in (w.START, w.EVE, w.LATE):
        wake(small, moment)
    return board.read(small, "nho", w.LATE)


def test_names_in_the_lists_are_ascii_and_sort_by_the_plan(small: Parts):
    """The graph's font lacks Vietnamese letters; the lists sort by name."""
    seen = late_reports(small)
    views = [run_views.of_plan(seen), *(run_views.of_stage(seen, one) for one in seen.stages)]
    views += [run_views.of_escalation(seen, one) for one in seen.escalations]

    called = [view.called for view in views]

    assert called[:4] == ["nho", "nho/1-reports", "nho/2-summary", "nho/3-follow-up"]
    assert called[4:] == ["nho/escalation 2020-05-11 to noi-vu"]
    assert called == sorted(called)
    assert all((view.called + view.state + "".join(view.tags)).isascii() for view in views)
    assert all(view.message and "\n" not in view.message for view in views)
    assert len({view.id for view in views}) == len(views)


def test_a_plan_is_red_while_anybody_is_late(small: Parts):
    """The dashboard opens on what is red: nobody must open a run to see it."""
    wake(small, w.START)
    before = run_views.of_plan(board.read(small, "nho", w.EVE))
    seen = late_reports(small)
    after = run_views.of_plan(seen)

    assert (before.look, before.state) == (Look.WAITS, "Waiting 0/5")
    assert (after.look, after.state) == (Look.ALARMS, "Overdue 3/5")
    assert "1 reports: Overdue 3/3; 2 summary: Blocked; 3 follow-up: Blocked." in after.message
    assert "lâu nhất từ ngày 10/5/2020: Sở An, Sở Bình, Sở Cường" in after.message
    assert {"late:a", "late:b", "late:c"} <= set(after.tags)
    assert not any(tag.startswith("late:") for tag in before.tags)


def test_a_plan_that_is_done_is_green_and_says_how_much_was_answered(small: Parts):
    """Its tags name nobody any more."""
    submit(small, w.REPORT_A, w.REPORT_B, w.REPORT_C, now=w.EVE)
    submit(small, w.DRAFT, now=w.EVE)
    recording.announce(small, "government.issued", BY, now=w.EVE)
    submit(small, w.FOLLOW_UP, now=w.EVE)

    view = run_views.of_plan(board.read(small, "nho", w.LATE))

    assert (view.look, view.state) == (Look.IS_DONE, "Done 5/7")
    assert "Sắp tới" not in view.message


def test_tags_name_the_run_the_stage_and_the_province(parts: Parts):
    """So that one filter finds everything of a plan, a province, an agency."""
    start(parts, w.real())
    seen = board.read(parts, "kh37-2020", w.LATE)

    view = stage(seen, "agency-reports")

    assert {"dondoc", "run:kh37-2020", "province:tuyen-quang", "stage:agency-reports"} <= set(
        view.tags
    )
    late = [tag for tag in view.tags if tag.startswith("late:")]
    assert late == [f"late:{agency}" for agency in seen.stages[0].missing]
    assert len(late) == 27


def test_a_blocked_stage_says_what_holds_it_up_in_the_end(small: Parts):
    """Asked why the draft has not started, an operator names people, not stages."""
    seen = late_reports(small)

    summary, follow_up = stage(seen, "summary"), stage(seen, "follow-up")

    assert (summary.state, follow_up.state) == ("Blocked", "Blocked")
    assert summary.message.startswith("Chưa mở, chờ xong bước “Báo cáo của các sở” (reports).")
    assert "Bước ấy: Còn thiếu 3: Sở An, Sở Bình, Sở Cường." in summary.message
    assert "Đang vướng ở bước reports: Còn thiếu 3" in follow_up.message
    assert "Chờ sự kiện “Chính phủ ban hành Chương trình”" in follow_up.message


def test_an_event_that_came_early_is_said_to_be_known(small: Parts):
    """Nobody goes looking for it a second time."""
    recording.announce(small, "government.issued", BY, now=w.EVE)

    view = stage(board.read(small, "nho", w.EVE), "follow-up")

    assert "“Chính phủ ban hành Chương trình” đã được ghi nhận (120/BC)" in view.message


def test_a_stage_names_its_next_deadline_not_one_that_has_passed(small: Parts):
    """The late have their own sentence, with the day since which they are."""
    wake(small, w.START)
    before = stage(board.read(small, "nho", w.EVE), "reports").message
    after = stage(board.read(small, "nho", w.LATE), "reports").message

    assert "Thời hạn gần nhất: hết ngày 09/5/2020 (thứ Bảy)." in before
    assert "Thời hạn gần nhất" not in after
    assert "Quá hạn 3, lâu nhất từ ngày 10/5/2020." in after


def test_an_escalation_is_red_until_whoever_it_named_has_answered(small: Parts):
    """It counts down, and turns green by itself."""
    late_reports(small)
    submit(small, w.REPORT_A, now=w.LATE)
    some = board.read(small, "nho", w.LATE + timedelta(hours=1))
    submit(small, w.REPORT_B, now=w.LATE)
    recording.extend(
        small, "nho", w.REPORT_C, BY, until=w.at("2020-06-01 00:00").date(), now=w.LATE
    )
    none = board.read(small, "nho", w.LATE + timedelta(hours=1))

    red, green = _first(some), _first(none)

    assert (red.look, red.state) == (Look.ALARMS, "Escalated 2/3")
    assert "Đã báo cáo Sở Nội vụ lúc 08:00 ngày 11/5/2020 về 3 nghĩa vụ quá hạn" in red.message
    assert "Còn 2 nghĩa vụ chưa hoàn thành: Sở Bình, Sở Cường" in red.message
    assert (green.look, green.state) == (Look.IS_DONE, "Answered 3/3")


def test_an_escalation_whose_mail_did_not_go_says_so(small: Parts):
    """Nobody believes that those above know."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, Recording(lambda _: MailRefused("550 no such user")))

    view = _first(board.read(small, "nho", w.LATE))

    assert "không gửi được. 550 no such user" in view.message
    assert "Đã báo cáo" not in view.message


def test_an_escalation_that_is_taken_back_asks_nothing_of_anybody(small: Parts):
    """Its run would else be red for good, though nothing is to be done about it."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    [red] = board.read(small, "nho", w.LATE).escalations
    mailroom.cancel(small, red.message.id, by="Lan", why="báo cáo trực tiếp", now=w.LATE)

    seen = board.read(small, "nho", w.LATE)
    view = _first(seen)

    assert [one.obligations for one in seen.escalations] == [red.obligations]
    assert (view.look, view.state) == (Look.IS_DONE, "Dropped")
    assert "không gửi nữa" in view.message
    assert view.tags[3:] == ("escalation",)


def test_the_next_steps_are_those_of_the_ladder_if_nobody_answers(small: Parts):
    """What happens tomorrow, and to how many; a stage that ends by itself stands among them."""
    seen = late_reports(small)

    steps = upcoming.steps(seen.state, seen.now, most=9)

    said = [upcoming.said(seen.plan, step) for step in steps]
    assert said == [
        "08:00 ngày 12/5/2020 đôn đốc lần 2, gửi Sở An, Sở Bình, Sở Cường",
        "08:00 ngày 12/5/2020 báo cáo cấp trên lần 2, gửi Ủy ban nhân dân tỉnh",
        "08:00 ngày 13/5/2020 đôn đốc lần 3, gửi Sở An, Sở Bình, Sở Cường",
        "hết ngày 13/5/2020 bước reports tự khép lại",
    ]
    assert [len(step.notices) for step in steps] == [3, 3, 3, 0]


def test_whoever_has_answered_is_in_no_next_step(small: Parts):
    """The board must not promise a chaser that will not come."""
    late_reports(small)
    submit(small, w.REPORT_A, now=w.LATE)

    steps = upcoming.steps(board.read(small, "nho", w.LATE).state, w.LATE, most=9)

    assert all("reports/report/a" not in _named(step.notices) for step in steps)


def _named(notices: Iterable[Notice]) -> set[str]:
    return {notice.obligation for notice in notices}


def _first(seen: Board) -> RunView:
    return run_views.of_escalation(seen, seen.escalations[0])
