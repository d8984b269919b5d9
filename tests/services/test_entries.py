"""Entries: parts, nil reports, difficulties, pauses, and what was recorded by mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest

from engine.ledger import ObligationState, Standing
from notifiers.wire.channel import TryLater
from services import chasing, recording, runs
from services.errors import Refused
from services.recording import Recorded, Source
from services.views import board
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import (
    BY,
    Recording,
    deliver,
    kinds,
    notice_rows,
    outbox_of,
    start,
    statuses,
    submit,
    wake,
)
from tests.storage.records import contents

NOW = w.at("2020-05-07 15:30")


def state(parts: Parts, obligation: str = w.REPORT_A) -> ObligationState:
    """Return what the ledger says of an obligation."""
    with parts.database.reading() as connection:
        return runs.live(parts, connection, "nho").folding.obligations[obligation]


def refused(parts: Parts, deed: Callable[[], object]) -> str:
    """Return the sentence with which a deed is refused; nothing may have changed."""
    before = contents(parts.database)
    with pytest.raises(Refused) as found:
        deed()
    assert contents(parts.database) == before
    assert found.value.say("en") != found.value.say("vi")
    return found.value.say("vi")


def hand_in(parts: Parts, *, now: datetime = NOW, **values: Any) -> Recorded:
    """Submit A's report, or a part of it."""
    return recording.submit(parts, "nho", w.REPORT_A, BY, now=now, **values)


def report(parts: Parts, what: str = "Thiếu số liệu", now: datetime = NOW) -> Recorded:
    """Report a difficulty of A's."""
    return recording.report_difficulty(parts, "nho", w.REPORT_A, BY, what=what, now=now)


def answer(parts: Parts, words: str = "Dùng số liệu quý I", now: datetime = NOW) -> Recorded:
    """Answer A's difficulties."""
    return recording.answer_difficulty(parts, "nho", w.REPORT_A, BY, answer=words, now=now)


def pause(parts: Parts, now: datetime = NOW, **values: Any) -> Recorded:
    """Pause the whole run, or one agency."""
    return recording.pause(parts, "nho", BY, now=now, **{"why": "Nghỉ lễ", **values})


def resume(parts: Parts, now: datetime, agency: str | None = None) -> Recorded:
    """Resume it."""
    return recording.resume(parts, "nho", BY, agency=agency, now=now)


def take_back(parts: Parts, now: datetime = NOW, why: str = "Ghi nhầm") -> Recorded:
    """Withdraw A's last submission or part."""
    return recording.withdraw(parts, "nho", w.REPORT_A, BY, why=why, now=now)


def body(content: bytes) -> str:
    """Return the plain text of a mail."""
    for part in message_from_bytes(content).walk():
        if part.get_content_type() == "text/plain":
            return bytes(part.get_payload(decode=True)).decode()
    raise AssertionError("no text")


# ── Parts and nil reports ──


def test_a_part_is_remembered_and_the_rest_is_chased_as_before(small: Parts):
    """Half a report is no report."""
    wake(small, w.START)
    hand_in(small, part=True)

    found = state(small)
    assert (found.standing, found.is_open, found.round) == (Standing.OPEN, True, 1)
    assert found.in_part is not None
    assert (found.in_part.count, found.in_part.on, found.in_part.document) == (1, NOW, "120/BC")
    wake(small, w.EVE)
    assert "a@nho.example" in wake(small, w.LATE)


def test_of_several_parts_the_last_one_and_their_number_are_kept(small: Parts):
    """The ledger has them all."""
    hand_in(small, part=True)
    second = Source("văn thư", "121/BC", date(2020, 5, 8))
    recording.submit(small, "nho", w.REPORT_A, second, part=True, now=w.at("2020-05-08 09:00"))

    part = state(small).in_part
    assert part is not None
    assert (part.count, part.document) == (2, "121/BC")
    assert kinds(small).count("submitted-in-part") == 2


def test_a_part_does_not_count_for_the_gate(small: Parts):
    """Two of three are wanted whole."""
    for obligation in (w.REPORT_A, w.REPORT_B):
        recording.submit(small, "nho", obligation, BY, part=True, now=NOW)

    assert "stage-done" not in kinds(small)


def test_the_whole_report_follows_its_parts(small: Parts):
    """Then nothing is owed any more."""
    hand_in(small, part=True)
    hand_in(small)

    assert state(small).standing is Standing.SUBMITTED


def test_a_return_begins_without_the_parts_of_before(small: Parts):
    """They belonged to the report that was returned."""
    hand_in(small, part=True)
    hand_in(small)
    recording.send_back(small, "nho", w.REPORT_A, BY, why="Sai mẫu", days=3, now=NOW)

    assert state(small).in_part is None


def test_a_nil_report_counts_as_a_submission(small: Parts):
    """Nothing to report is a report."""
    recorded = hand_in(small, nil=True)
    recording.submit(small, "nho", w.REPORT_B, BY, nil=True, now=NOW)

    assert recorded.entries[0].data == {"nil": True}
    assert (state(small).standing, state(small).is_nil) == (Standing.SUBMITTED, True)
    assert "stage-done" in kinds(small)


def test_a_report_after_a_returned_nil_report_is_none(small: Parts):
    """What was said of the first is not said of the second."""
    hand_in(small, nil=True)
    recording.send_back(small, "nho", w.REPORT_A, BY, why="Có phát sinh", days=3, now=NOW)
    assert not state(small).is_nil
    hand_in(small)
    assert not state(small).is_nil


def test_a_part_of_nothing_is_refused(small: Parts):
    """It is one or the other."""
    assert "không thể là cả hai" in refused(small, lambda: hand_in(small, part=True, nil=True))


@pytest.mark.parametrize("nil", [True, False])
def test_what_is_in_or_waived_takes_no_further_part(small: Parts, nil: bool):
    """It was recorded already, or nobody asks for it."""
    hand_in(small)
    assert "đã được ghi nhận" in refused(small, lambda: hand_in(small, part=not nil, nil=nil))
    recording.waive(small, "nho", w.REPORT_B, BY, why="Sáp nhập", now=NOW)
    again = Source("văn thư", "9/BC")
    said = refused(
        small,
        lambda: recording.submit(small, "nho", w.REPORT_B, again, part=not nil, nil=nil, now=NOW),
    )
    assert "đã được miễn" in said


def test_a_document_older_than_the_plan_is_no_answer_to_it(small: Parts):
    """A slip of the year, most often."""
    old = Source("văn thư", "1/BC", date(2020, 4, 5))

    said = refused(
        small, lambda: recording.submit(small, "nho", w.REPORT_A, old, part=True, now=NOW)
    )

    assert "có trước Kế hoạch 1/KH-UBND (ban hành ngày 06/4/2020)" in said
    recording.submit(small, "nho", w.REPORT_A, Source("văn thư", "1/BC", date(2020, 4, 6)), now=NOW)


def test_a_run_that_began_before_the_plan_was_signed_takes_documents_from_then(parts: Parts):
    """The work was given out on a draft."""
    runs.start(parts, w.bundle(), now=NOW, by="văn thư", started_at=w.at("2020-04-01 08:00"))

    submit(parts, w.REPORT_A, now=NOW, dated=date(2020, 4, 2))

    assert state(parts).submitted_on == w.at("2020-04-02 00:00")


# ── Difficulties ──


def test_a_difficulty_changes_nothing_that_is_due(small: Parts):
    """It is kept and shown; the deadline stands."""
    wake(small, w.START)
    before = state(small)
    report(small)

    found = state(small)
    assert (found.standing, found.round, found.due) == (before.standing, 1, before.due)
    assert [(one.what, one.since, one.by, one.document) for one in found.difficulties] == [
        ("Thiếu số liệu", NOW, "văn thư", "120/BC")
    ]
    wake(small, w.EVE)
    assert "a@nho.example" in wake(small, w.LATE)


def test_an_answer_answers_every_difficulty_that_is_open(small: Parts):
    """Two letters, one reply; the last answer stays to be read."""
    report(small)
    report(small, "Thiếu người")
    assert [one.what for one in state(small).difficulties] == ["Thiếu số liệu", "Thiếu người"]

    answer(small)

    found = state(small)
    assert found.difficulties == ()
    assert found.answer is not None
    assert (found.answer.answer, found.answer.at) == ("Dùng số liệu quý I", NOW)


def test_after_an_answer_another_difficulty_can_come(small: Parts):
    """The answer before it is history."""
    report(small)
    answer(small)
    report(small, "Mạng hỏng")

    assert [one.what for one in state(small).difficulties] == ["Mạng hỏng"]


def test_a_difficulty_can_be_answered_after_the_report_is_in(small: Parts):
    """The office still owes the answer."""
    report(small)
    hand_in(small)
    answer(small)

    assert state(small).difficulties == ()
    assert state(small).standing is Standing.SUBMITTED


def test_what_cannot_be_a_difficulty_or_an_answer_is_refused(small: Parts):
    """With a sentence, and nothing changed."""
    assert "nào đang chờ trả lời" in refused(small, lambda: answer(small))
    assert "Chưa ghi khó khăn" in refused(small, lambda: report(small, "  "))
    report(small)
    assert "Chưa ghi nội dung" in refused(small, lambda: answer(small, " "))
    answer(small)
    assert "nào đang chờ trả lời" in refused(small, lambda: answer(small))
    hand_in(small)
    assert "đã hoàn thành" in refused(small, lambda: report(small))


# ── Pauses ──


def test_while_the_run_is_paused_nothing_is_issued_and_nothing_wakes(small: Parts):
    """Neither reminders nor escalations; the clock costs nothing."""
    wake(small, w.START)
    pause(small)

    assert wake(small, w.EVE) == wake(small, w.LATE) == []
    # What wakes is the stage: its gate gives way while everybody is left in peace.
    assert chasing.next_wake(small) == w.at("2020-05-14 00:00")


def test_stages_open_and_close_and_deadlines_pass_while_paused(small: Parts):
    """A pause is of the chasing, not of the work."""
    wake(small, w.START)
    pause(small)
    chasing.issue_notices(small, w.at("2020-05-14 08:00"))

    assert kinds(small)[-2:] == ["stage-done", "stage-opened"]
    assert state(small).is_late(w.LATE)
    assert outbox_of(small)[-1].send_at == w.START


def test_on_resuming_each_hears_only_the_newest(small: Parts):
    """As after an outage: the rest is recorded as superseded."""
    wake(small, w.START)
    pause(small)
    now = w.at("2020-05-12 10:00")
    resume(small, now)

    assert sorted(set(wake(small, now))) == sorted(
        ["a@nho.example", "b@nho.example", "c@nho.example", "noivu@nho.example", "tinh@nho.example"]
    )
    told = {(one.rung, one.status) for one in notice_rows(small) if one.obligation == w.REPORT_A}
    assert ("overdue-2", "issued") in told
    assert ("overdue-1", "superseded") in told
    assert not {rung for rung, status in told if status == "issued"} & {"remind-0", "overdue-1"}


def test_a_pause_of_one_agency_leaves_the_others_chased(small: Parts):
    """Nor does anybody above hear of the one that is left in peace."""
    wake(small, w.START)
    wake(small, w.EVE)
    pause(small, now=w.EVE, agency="a")

    told = sorted(wake(small, w.LATE))
    assert told == ["b@nho.example", "c@nho.example", "noivu@nho.example"]
    escalated = [one.obligation for one in notice_rows(small) if one.kind == "escalate"]
    assert escalated == [w.REPORT_B, w.REPORT_C]


def test_a_pause_with_a_last_day_ends_by_itself(small: Parts):
    """On the first send hour after it, without anybody pressing a button."""
    wake(small, w.START)
    pause(small, until=date(2020, 5, 11))

    assert wake(small, w.LATE) == []
    assert chasing.next_wake(small) == w.at("2020-05-12 08:00")
    assert "a@nho.example" in wake(small, w.at("2020-05-12 08:00"))


def test_a_pause_until_a_friday_is_over_on_monday_morning(small: Parts):
    """Offices are not written to on Saturday."""
    wake(small, w.START)
    pause(small, until=date(2020, 5, 8))

    assert chasing.next_wake(small) == w.LATE


def test_an_ended_pause_can_be_followed_by_another(small: Parts):
    """It is not paused any more."""
    pause(small, until=date(2020, 5, 8))
    pause(small, now=w.LATE, until=date(2020, 5, 12))

    assert [one.until for one in state(small).pauses] == [date(2020, 5, 12)]


def test_both_pauses_must_end_before_an_agency_is_chased(small: Parts):
    """The run is resumed, the agency is still being merged."""
    wake(small, w.START)
    pause(small)
    pause(small, agency="a")
    resume(small, w.EVE)

    assert "a@nho.example" not in wake(small, w.EVE)
    resume(small, w.LATE, "a")
    assert "a@nho.example" in wake(small, w.LATE)


def test_a_pause_that_does_not_fit_is_refused(small: Parts):
    """Each with a sentence that says what is."""
    assert "không có tạm dừng nào" in refused(small, lambda: resume(small, NOW))
    assert "Thiếu lý do" in refused(small, lambda: pause(small, why=" "))
    assert "ngày ấy đã qua" in refused(small, lambda: pause(small, until=date(2020, 5, 6)))
    assert "nằm ngoài" in refused(small, lambda: pause(small, until=date(2999, 5, 6)))
    assert "không phải thực hiện" in refused(small, lambda: pause(small, agency="tinh"))
    assert "Có phải: Sở An (a)" in refused(small, lambda: pause(small, agency="Sở Ann"))
    assert "Sở An không ở trong" in refused(small, lambda: resume(small, NOW, "a"))
    pause(small, agency="a")
    assert "Sở An đang được tạm dừng" in refused(small, lambda: pause(small, agency="a"))
    assert "chỉ riêng các cơ quan sau đang tạm dừng: Sở An" in refused(
        small, lambda: resume(small, NOW)
    )
    pause(small)
    assert "Cả đợt thực hiện đang tạm dừng" in refused(small, lambda: pause(small))
    assert "không được tạm dừng riêng" in refused(small, lambda: resume(small, NOW, "b"))


def test_a_run_that_still_has_to_chase_is_not_completed_by_a_pause(parts: Parts):
    """Its stages are done, but somebody is missing; the pause must not swallow that."""
    bundle = w.bundle(w.ONE + "    gate: {quorum: 1}\n")
    start(parts, bundle)
    wake(parts, w.START)
    recording.submit(parts, "nho", "only/report/a", BY, now=NOW)
    pause(parts)

    chasing.issue_notices(parts, w.at("2020-06-01 08:00"))
    assert "run-completed" not in kinds(parts)

    resume(parts, w.at("2020-06-01 09:00"))
    wake(parts, w.at("2020-06-01 09:00"))
    assert "b@nho.example" in [
        f"{message.recipient}@nho.example"
        for message in outbox_of(parts)
        if message.send_at == w.at("2020-06-01 09:00")
    ]


def test_a_completed_run_has_nothing_to_pause(parts: Parts):
    """It is over."""
    start(parts, w.bundle(w.ONE))
    submit(parts, "only/report/a", "only/report/b", now=NOW)

    assert kinds(parts)[-1] == "run-completed"
    assert "đã kết thúc" in refused(parts, lambda: pause(parts))


# ── Mail that was queued before a pause ──


@pytest.fixture
def queued(small: Parts) -> Parts:
    """An office whose late morning lies in the outbox: the mail server put it off."""
    wake(small, w.START)
    wake(small, w.EVE)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, Recording(lambda _: TryLater("451 busy")))
    return small


def test_mail_that_was_put_off_does_not_go_out_within_a_pause_nor_is_it_lost(queued: Parts):
    """It is withdrawn, and due again when the pause ends."""
    assert set(statuses(queued)[-4:]) == {"later"}
    pause(queued, now=w.LATE + timedelta(minutes=1))
    later = w.LATE + timedelta(hours=1)

    assert wake(queued, later) == []

    assert set(statuses(queued)[-4:]) == {"cancelled"}
    assert kinds(queued).count("notice-withdrawn") == 6
    resume(queued, w.at("2020-05-11 14:00"))
    assert sorted(wake(queued, w.at("2020-05-11 14:00"))) == [
        "a@nho.example",
        "b@nho.example",
        "c@nho.example",
        "noivu@nho.example",
    ]
    rungs = [one.rung for one in notice_rows(queued) if one.obligation == w.REPORT_A]
    assert rungs.count("overdue-1") == 1


def test_a_mail_about_a_paused_agency_and_others_goes_out_without_it(queued: Parts):
    """The coordinator hears of the two that are chased; of the third after the pause."""
    pause(queued, now=w.LATE + timedelta(minutes=1), agency="a")
    later = w.LATE + timedelta(hours=1)
    way = Recording()
    deliver(queued, later, way)

    assert sorted(way.to) == ["b@nho.example", "c@nho.example", "noivu@nho.example"]
    (escalation,) = [one for one in way.envelopes if one.recipients[0] == "noivu@nho.example"]
    said = body(escalation.content)
    assert "Sở Bình" in said
    assert "Sở An" not in said
    resume(queued, w.at("2020-05-11 14:00"), "a")
    assert sorted(wake(queued, w.at("2020-05-11 14:00"))) == ["a@nho.example", "noivu@nho.example"]


def test_a_pause_that_is_over_before_the_next_try_changes_nothing(queued: Parts):
    """The mail goes out as it was queued, once."""
    pause(queued, now=w.LATE + timedelta(minutes=1))
    resume(queued, w.LATE + timedelta(minutes=2))

    assert len(wake(queued, w.LATE + timedelta(hours=1))) == 4
    assert "notice-withdrawn" not in kinds(queued)


def test_of_what_was_withdrawn_only_the_newest_comes_after_a_long_pause(queued: Parts):
    """A week later nobody is told of the first overdue day."""
    pause(queued, now=w.LATE + timedelta(minutes=1))
    wake(queued, w.LATE + timedelta(hours=1))
    now = w.at("2020-05-13 09:00")
    resume(queued, now)
    wake(queued, now)

    issued = {one.rung for one in notice_rows(queued) if one.obligation == w.REPORT_A and one.slot}
    assert "overdue-3" in issued
    assert "overdue-1" not in issued


# ── What was recorded by mistake ──


def test_a_submission_taken_back_leaves_the_obligation_as_before(small: Parts):
    """It is owed again, in the same round, and chased for what fell meanwhile."""
    wake(small, w.START)
    before = state(small)
    hand_in(small)
    wake(small, w.EVE)
    take_back(small, w.at("2020-05-08 10:00"))

    assert state(small) == before
    assert wake(small, w.at("2020-05-08 10:00")) == ["a@nho.example"]


def test_a_part_taken_back_leaves_the_part_before_it(small: Parts):
    """And the one before that, after another."""
    hand_in(small, part=True)
    first = state(small).in_part
    hand_in(small, part=True, now=w.EVE)
    take_back(small, w.EVE)
    assert state(small).in_part == first
    take_back(small, w.EVE)
    assert state(small).in_part is None


def test_what_happened_since_stays_when_a_submission_is_taken_back(small: Parts):
    """A difficulty, a longer time: they were no mistake."""
    hand_in(small, part=True)
    report(small)
    recording.extend(small, "nho", w.REPORT_A, BY, until=date(2020, 5, 20), now=NOW)
    take_back(small)

    found = state(small)
    assert found.in_part is None
    assert found.difficulties
    assert found.due is not None
    assert found.due.last_day == date(2020, 5, 20)


def test_a_stage_that_a_mistake_completed_stays_done(small: Parts):
    """The next one has begun; only the report is owed again."""
    hand_in(small)
    submit(small, w.REPORT_B, now=NOW)
    take_back(small)

    assert kinds(small).count("stage-done") == 1
    assert state(small).is_open


def test_only_what_was_recorded_and_not_looked_at_can_be_taken_back(small: Parts):
    """An accepted, returned or waived report is somebody's decision."""
    assert "huỷ được" in refused(small, lambda: take_back(small))
    hand_in(small)
    assert "Thiếu lý do" in refused(small, lambda: take_back(small, why=""))
    recording.accept(small, "nho", w.REPORT_A, BY, now=NOW)
    assert "huỷ được" in refused(small, lambda: take_back(small))


def test_after_a_withdrawal_the_right_report_can_be_recorded(small: Parts):
    """That is what it is for."""
    hand_in(small)
    take_back(small)
    recording.submit(
        small, "nho", w.REPORT_A, Source("văn thư", "130/BC", date(2020, 5, 6)), now=NOW
    )

    outcomes = {
        one.obligation.obligation.id: one.outcome.value
        for one in board.read(small, "nho", NOW).rows
    }
    assert outcomes[w.REPORT_A] == "on-time"


def test_what_people_write_is_kept_plain(small: Parts):
    """A control character must not reach a clerk's terminal, nor a NUL the database."""
    source = Source("x\x00y\x07\x1b[31m z", "12\x00/BC\n-STP")

    recording.report_difficulty(
        small, "nho", w.REPORT_A, source, what="Mất\x00 điện\nhai\x1b ngày", now=w.EVE
    )

    state = board.read(small, "nho", w.EVE).rows[0].obligation
    assert state.difficulties[0].what == "Mất điện\nhai ngày"
    assert (source.by, source.document) == ("xy[31m z", "12/BC -STP")


@pytest.mark.parametrize(("by", "what"), [("x" * 201, "y"), ("x", "y" * 4_001)])
def test_what_is_far_too_long_is_refused(small: Parts, by: str, what: str):
    """Ten thousand letters are an accident, and would fill every page."""
    before = kinds(small)

    with pytest.raises(Refused) as refused:
        recording.report_difficulty(small, "nho", w.REPORT_A, Source(by), what=what, now=w.EVE)

    assert refused.value.key == "refused.too-long"
    assert kinds(small) == before
