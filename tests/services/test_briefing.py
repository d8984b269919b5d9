"""Briefing: one mail however often it is asked for, true when it leaves, no false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from notifiers.brief import Brief
from notifiers.rendering import render
from notifiers.wire.channel import Refused as MailRefused
from notifiers.wire.channel import Sent, TryLater
from plan_definitions import Bundle
from services import briefing, chasing, recording
from services.errors import Refused
from services.mail import mailroom
from services.views import reports
from services.wiring import Parts
from storage import plans
from storage.outbox import Message, Status
from tests.services import written as w
from tests.services.office import (
    BY,
    Offices,
    Recording,
    deliver,
    kinds,
    outbox_of,
    start,
    submit,
    wake,
)
from tests.storage.together import at_once

NEXT = w.at("2020-05-12 08:00")
NO_ADDRESS = w.REGISTER.replace(", email: noivu@nho.example", "")


@contextmanager
def daily(office: Offices) -> Iterator[Parts]:
    """An office whose coordinator gets a brief each working morning."""
    with office(brief="daily") as parts:
        yield parts


@pytest.fixture
def late(small: Parts) -> Parts:
    """An office in which all three are late; told so and reported above, by mail that arrived."""
    for moment in (w.START, w.EVE, w.LATE):
        wake(small, moment)
    return small


def without_address() -> Bundle:
    """A plan whose coordinator gets no other mail, and has no address."""
    bundle = w.bundle(w.ONE.replace("to: noi-vu, ", ""), ladder=w.LADDER.split("    escalate")[0])
    return replace(bundle, texts={**bundle.texts, "register.yaml": NO_ADDRESS})


def ask(parts: Parts, now: datetime, run: str = "nho") -> briefing.Requested:
    """Ask for a brief."""
    return briefing.send(parts, run, now=now, by="văn thư")


def briefs(parts: Parts) -> list[Message]:
    """Return every brief in the outbox."""
    return [message for message in outbox_of(parts) if message.kind == "brief"]


def said(parts: Parts, now: datetime) -> str:
    """Return the text of the brief that would go out now."""
    return render(briefing.preview(parts, "nho", now)).text


# ── Asked for ──


def test_a_brief_goes_to_the_coordinator_and_the_ledger_says_who_asked(late: Parts):
    """By mail, in the coordinator's thread; nothing else goes with it."""
    way = Recording()

    asked = ask(late, w.LATE + timedelta(minutes=30))
    deliver(late, w.LATE + timedelta(minutes=30), way)

    assert (asked.is_new, asked.recipient.id) == (True, "noi-vu")
    assert way.to == ["noivu@nho.example"]
    assert b"X-Dondoc-Kind: brief" in way.envelopes[0].content
    assert [(one.status, one.slot) for one in briefs(late)] == [
        (Status.SENT, w.at("2020-05-11 08:30"))
    ]
    assert kinds(late)[-2:] == ["brief-requested", "message-sent"]


def test_two_requests_within_a_minute_are_one_mail(late: Parts):
    """Whoever presses twice gets it once; a minute later it is another."""
    began = w.at("2020-05-11 09:00")

    first = ask(late, began)
    again = ask(late, began + timedelta(seconds=59))
    other = ask(late, began + timedelta(seconds=60))

    assert (again.is_new, again.message) == (False, first.message)
    assert other.is_new
    assert len(briefs(late)) == 2
    assert kinds(late).count("brief-requested") == 2


def test_five_who_ask_at_once_get_one_mail(office: Offices):
    """Five operators, or five clocks."""
    with office() as one, office() as two:
        start(one)

        at_once(*[partial(ask, parts, w.LATE) for parts in (one, two, one, two, one)])

        assert len(briefs(one)) == 1


def test_a_brief_asked_for_in_the_minute_of_another_mail_is_a_second_part(small: Parts):
    """At the send hour the coordinator gets the report of who is late, and the brief."""
    wake(small, w.START)
    wake(small, w.EVE)
    chasing.issue_notices(small, w.LATE)

    ask(small, w.LATE)
    way = Recording()
    deliver(small, w.LATE, way)

    mine = [message for message in outbox_of(small) if message.slot == w.LATE]
    mine = [message for message in mine if message.recipient == "noi-vu"]
    assert [(message.kind, message.part) for message in mine] == [("escalate", 1), ("brief", 2)]
    assert len(set(way.ids)) == len(way.ids)
    assert b"X-Dondoc-Kind: brief" in way.envelopes[-1].content


def test_a_brief_without_an_address_is_refused_and_changes_nothing(parts: Parts):
    """A form ends with one sentence, not with an undeliverable mail."""
    start(parts, without_address())
    before = kinds(parts)

    with pytest.raises(Refused, match="Sở Nội vụ chưa có địa chỉ thư điện tử"):
        ask(parts, w.LATE)

    assert briefs(parts) == []
    assert kinds(parts) == before


def test_a_coordinator_with_contacts_and_no_mailbox_gets_a_brief(office: Offices):
    """Asked for or by itself: an address is an address."""
    focal = ", contacts: [{name: Ông An, role: focal, email: an@noivu.example}]"
    register = w.REGISTER.replace(", email: noivu@nho.example", focal)
    with daily(office) as parts:
        start(parts, replace(w.bundle(), texts={**w.bundle().texts, "register.yaml": register}))
        assert briefing.next_at(parts) is not None
        way = Recording()

        number = ask(parts, w.LATE).message
        deliver(parts, w.LATE, way, only=[number])

        assert way.to == ["an@noivu.example"]


def test_a_brief_of_no_run_is_refused(small: Parts):
    """By its name."""
    with pytest.raises(Refused, match="Không có đợt thực hiện khac"):
        ask(small, w.LATE, run="khac")


# ── Composed when it leaves ──


def test_a_brief_tells_what_is_true_when_it_leaves(late: Parts):
    """Whoever submits while it waits in the outbox is not called late."""
    ask(late, w.at("2020-05-11 09:00"))
    submit(late, w.REPORT_A, now=w.at("2020-05-11 09:01"))
    way = Recording()

    deliver(late, w.at("2020-05-11 09:02"), way)

    text = render(briefing.compose(late, briefs(late)[0], w.at("2020-05-11 09:02"))).text
    assert "Đang quá hạn: 2 nhiệm vụ của 2 cơ quan." in text
    assert "Sở An: đã nộp (Báo cáo số 1/BC" in text
    assert len(way.envelopes) == 1


def test_a_brief_is_never_cancelled_for_having_nothing_to_say(small: Parts):
    """It carries no notices, and whoever asks for it wants an answer."""
    wake(small, w.START)
    now = w.at("2020-04-08 09:00")

    ask(small, now)
    delivered = deliver(small, now)

    assert delivered.counts == {Status.SENT: 1}
    assert "Không có nhiệm vụ nào quá hạn." in said(small, now)


def test_a_brief_says_who_was_told_and_who_above(late: Parts):
    """How often, and on which day; the mail of the same morning counts."""
    text = said(late, w.LATE)

    assert (
        "3 cơ quan: quá hạn từ ngày 10/5/2020 (1 ngày làm việc); đã đôn đốc ngày 11/5/2020;"
        " đã báo cáo Sở Nội vụ ngày 11/5/2020 – gồm: Sở An; Sở Bình; Sở Cường." in text
    )


def test_the_news_begin_with_the_last_brief(late: Parts):
    """What the last one told is not told again."""
    submit(late, w.REPORT_A, now=w.at("2020-05-11 09:00"))
    ask(late, w.at("2020-05-11 09:30"))
    deliver(late, w.at("2020-05-11 09:30"))
    submit(late, w.REPORT_B, now=w.at("2020-05-11 10:00"))

    text = said(late, w.at("2020-05-11 11:00"))

    assert "THAY ĐỔI TỪ 09:30 NGÀY 11/5/2020" in text
    assert "Sở Bình: đã nộp" in text
    assert "Sở An: đã nộp" not in text


def test_a_difficulty_waits_in_the_brief_until_it_is_answered(late: Parts):
    """The coordinator's to-do list."""
    reported, answered = w.at("2020-05-11 09:00"), w.at("2020-05-11 10:00")
    recording.report_difficulty(late, "nho", w.REPORT_A, BY, what="Thiếu số liệu", now=reported)
    heading = "KHÓ KHĂN, VƯỚNG MẮC CHỜ TRẢ LỜI"

    waiting = said(late, reported)
    recording.answer_difficulty(late, "nho", w.REPORT_A, BY, answer="Lùi phần ấy", now=answered)

    assert heading in waiting
    assert "Sở An: Thiếu số liệu (từ ngày 11/5/2020" in waiting
    assert heading not in said(late, answered)


def test_mail_that_comes_back_is_told_until_some_arrives(small: Parts):
    """To whom, why, and how often; one that arrives ends it."""
    chasing.issue_notices(small, w.START)
    bounced = MailRefused("550 User unknown")
    way = Recording(lambda e: bounced if e.recipients[0][0] == "a" else Sent("ok"))
    deliver(small, w.START, way)
    line = "Sở An: 1 thư gửi a@nho.example từ ngày 06/4/2020; lý do: 550 User unknown."

    told = said(small, w.at("2020-04-07 09:00"))
    wake(small, w.EVE)

    assert line in told
    assert "THƯ KHÔNG GỬI ĐƯỢC" not in said(small, w.EVE)


def test_a_brief_that_was_sent_is_shown_as_it_was(late: Parts):
    """`dondoc outbox show` is a record; what has changed since is in the next one."""
    now = w.at("2020-05-11 09:00")
    ask(late, now)
    deliver(late, now)
    number = briefs(late)[0].id
    before = mailroom.rendered(late, number)

    submit(late, w.REPORT_A, now=now + timedelta(hours=1))
    ask(late, now + timedelta(hours=2))
    deliver(late, now + timedelta(hours=2))

    assert mailroom.rendered(late, number) == before
    assert "3 nhiệm vụ của 3 cơ quan" in before.text


def test_a_brief_that_is_put_off_tells_the_truth_of_the_later_moment(late: Parts):
    """The server was away; what it says is not an hour old."""
    ask(late, w.at("2020-05-11 09:00"))
    deliver(late, w.at("2020-05-11 09:00"), Recording(lambda _: TryLater("451 busy")))
    submit(late, w.REPORT_A, now=w.at("2020-05-11 09:30"))

    deliver(late, w.at("2020-05-11 09:40"))

    assert briefs(late)[0].status is Status.SENT
    assert "2 nhiệm vụ của 2 cơ quan" in mailroom.rendered(late, briefs(late)[0].id).text


def test_the_preview_sends_nothing(late: Parts):
    """`dondoc brief --show` only looks."""
    before = (kinds(late), len(outbox_of(late)))

    shown = briefing.preview(late, "nho", w.LATE)

    assert isinstance(shown, Brief)
    assert (kinds(late), len(outbox_of(late))) == before


def test_the_outbox_shows_a_brief_to_programs(late: Parts):
    """As `docs/json.md` says: with no rungs and no obligations."""
    ask(late, w.at("2020-05-11 09:00"))

    found = next(one for one in reports.messages(late) if one["kind"] == "brief")

    assert (found["rungs"], found["obligations"], found["to"]) == ([], [], "noi-vu")


# ── By itself ──


def test_by_default_nobody_gets_a_brief_by_itself(late: Parts):
    """What a preview shows is what happens."""
    assert briefing.next_at(late) is None
    assert briefing.send_due(late, NEXT) == []


def test_a_morning_on_which_something_is_late_has_one_brief(office: Offices):
    """The last of that morning's mail, so that it tells of the rest; once, whoever wakes."""
    with daily(office) as parts:
        start(parts)
        for moment in (w.START, w.EVE, w.LATE):
            wake(parts, moment)
        way = Recording()

        assert chasing.next_wake(parts) == NEXT
        assert chasing.is_anything_due(parts, NEXT)
        for _ in range(3):
            chasing.issue_notices(parts, NEXT)
        deliver(parts, NEXT, way)

        assert b"X-Dondoc-Kind: brief" in way.envelopes[-1].content
        assert sum(one.slot == NEXT for one in briefs(parts)) == 1
        assert "đã đôn đốc 2 lần (gần nhất 12/5/2020)" in said(parts, NEXT)


def test_clocks_that_wake_at_once_send_one_brief(office: Offices):
    """Even if they do not agree on the minute."""
    with daily(office) as one, daily(office) as two:
        start(one)
        for moment in (w.START, w.EVE, w.LATE):
            wake(one, moment)
        before = len(briefs(one))

        at_once(
            *[
                partial(briefing.send_due, parts, NEXT + timedelta(minutes=number))
                for number, parts in enumerate((one, two, one, two))
            ]
        )

        assert len(briefs(one)) == before + 1


def test_a_quiet_run_is_never_woken_for_a_brief(office: Offices):
    """Nothing is owed soon, nothing was recorded: no mail, and no wake-up for months."""
    with daily(office) as parts:
        start(parts)
        wake(parts, w.START)
        wake(parts, w.at("2020-04-07 08:00"))
        with parts.database.reading() as connection:
            rung = plans.next_wake(connection)

        assert [one.slot for one in briefs(parts)] == [w.at("2020-04-07 08:00")]
        assert briefing.next_at(parts) == w.at("2020-05-04 08:00")
        assert rung is not None
        assert chasing.next_wake(parts) == min(w.at("2020-05-04 08:00"), rung)
        assert not chasing.is_anything_due(parts, w.at("2020-04-08 08:00"))


def test_what_is_recorded_is_told_on_the_next_working_morning(office: Offices):
    """On Monday, of what came in on Friday afternoon."""
    with daily(office) as parts:
        start(parts)
        wake(parts, w.START)
        wake(parts, w.at("2020-04-07 08:00"))

        submit(parts, w.REPORT_A, now=w.at("2020-04-10 15:00"))

        assert briefing.next_at(parts) == w.at("2020-04-13 08:00")
        assert wake(parts, w.at("2020-04-13 08:00")) == ["noivu@nho.example"]


def test_after_an_outage_there_is_one_brief_and_on_a_working_morning(office: Offices):
    """Not one for each morning missed, and nothing on a Saturday; nor is anybody kept awake."""
    with daily(office) as parts:
        start(parts)
        for moment in (w.START, w.EVE, w.LATE):
            wake(parts, moment)
        saturday, monday = w.at("2020-05-16 10:00"), w.at("2020-05-18 08:00")
        before = len(briefs(parts))

        sent = wake(parts, saturday)
        again = chasing.is_anything_due(parts, saturday)
        later = wake(parts, monday)

        assert (sent, again) == ([], False)
        assert later[-1] == "noivu@nho.example"
        assert [one.slot for one in briefs(parts)[before:]] == [monday]
        assert briefing.next_at(parts) == w.at("2020-05-19 08:00")


def quiet(*spells: str) -> Bundle:
    """The small plan with quiet days."""
    ladder = f"quiet: [{', '.join(spells)}]\n{w.LADDER}"
    return w.bundle(ladder=ladder)


def test_no_brief_goes_out_by_itself_on_a_quiet_day(office: Offices):
    """The news of Friday and of the quiet Monday are told together on Tuesday."""
    with daily(office) as parts:
        start(parts, quiet("{from: 13/4/2020, until: 13/4/2020}"))
        wake(parts, w.START)
        wake(parts, w.at("2020-04-07 08:00"))
        submit(parts, w.REPORT_A, now=w.at("2020-04-10 15:00"))

        assert briefing.next_at(parts) == w.at("2020-04-14 08:00")
        assert wake(parts, w.at("2020-04-13 08:00")) == []
        assert not chasing.is_anything_due(parts, w.at("2020-04-13 10:00"))
        submit(parts, w.PRAISE_A, now=w.at("2020-04-13 10:00"))
        assert wake(parts, w.at("2020-04-14 08:00")) == ["noivu@nho.example"]


def test_a_brief_on_what_falls_due_soon_waits_for_the_end_of_quiet_days(office: Offices):
    """Five working days before 9/5 is 4/5, and quiet."""
    with daily(office) as parts:
        start(parts, quiet("{from: 04/5/2020, until: 05/5/2020}"))
        wake(parts, w.START)
        wake(parts, w.at("2020-04-07 08:00"))

        assert briefing.next_at(parts) == w.at("2020-05-06 08:00")


def test_after_an_outage_that_ends_on_a_quiet_day_the_brief_waits(office: Offices):
    """Nor is the clock kept awake meanwhile."""
    with daily(office) as parts:
        start(parts, quiet("{from: 12/5/2020, until: 13/5/2020}"))
        for moment in (w.START, w.EVE, w.LATE):
            wake(parts, moment)
        before = len(briefs(parts))

        assert wake(parts, w.at("2020-05-12 09:00")) == []
        assert not chasing.is_anything_due(parts, w.at("2020-05-12 10:00"))
        assert briefing.next_at(parts) == w.at("2020-05-14 08:00")
        wake(parts, w.at("2020-05-14 08:00"))

        assert [one.slot for one in briefs(parts)[before:]] == [w.at("2020-05-14 08:00")]


def test_one_asked_for_by_hand_takes_the_place_of_that_mornings(office: Offices):
    """At half past seven somebody wanted it; at eight there is no other."""
    with daily(office) as parts:
        start(parts)
        for moment in (w.START, w.EVE, w.LATE):
            wake(parts, moment)

        ask(parts, w.at("2020-05-12 07:30"))
        deliver(parts, w.at("2020-05-12 07:30"))
        chasing.issue_notices(parts, NEXT)

        assert [one.slot for one in briefs(parts)[-2:]] == [w.LATE, w.at("2020-05-12 07:30")]


def test_a_coordinator_without_an_address_keeps_nobody_awake(office: Offices):
    """There is nobody to tell; the clock does not turn on it."""
    with daily(office) as parts:
        start(parts, without_address())

        assert briefing.next_at(parts) is None
