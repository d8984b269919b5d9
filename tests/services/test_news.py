"""News in the office: queued once, told once, with what the coordinator gets anyway."""

from __future__ import annotations

from datetime import date, datetime

from services import chasing, recording
from services.mail import mailroom
from services.recording import Source
from services.wiring import Parts
from storage import plans
from storage.outbox import Message
from tests.services import written as w
from tests.services.office import (
    BY,
    Recording,
    deliver,
    kinds,
    outbox_of,
    start,
    statuses,
    submit,
    wake,
)

EVENT = "government.issued"
NIGHT = w.at("2020-05-04 22:00")
MORNING = w.at("2020-05-05 08:00")


def to_coordinator(parts: Parts) -> list[Message]:
    """Return the messages to the coordinator, by send time."""
    return [message for message in outbox_of(parts) if message.recipient == "noi-vu"]


def news_at(parts: Parts) -> datetime | None:
    """Return when the run's news go out."""
    with parts.database.reading() as connection:
        stored = plans.find_run(connection, "nho")
    assert stored is not None
    return stored.news_at


def text_of(parts: Parts, message: Message) -> str:
    """Return a message's subject and text."""
    rendered = mailroom.rendered(parts, message.id)
    return f"{rendered.subject}\n{rendered.text}"


def test_the_start_of_a_run_is_news(small: Parts):
    """The coordinator owes nothing yet, and sees that the assignments went out."""
    assert news_at(small) == w.START

    assert "noivu@nho.example" in wake(small, w.START)

    (mail,) = to_coordinator(small)
    assert (mail.kind, mail.slot, mail.send_at) == ("event", w.START, w.START)
    assert "Đã mở bước 1. Báo cáo của các sở" in text_of(small, mail)
    assert "Báo cáo tổng kết: 3 cơ quan; hạn hết ngày 09/5/2020." in text_of(small, mail)
    assert news_at(small) is None
    assert kinds(small).count("news-issued") == 1


def test_news_are_told_once_however_often_it_is_asked(small: Parts):
    """Clocks race, and a sweep follows every tick."""
    for _ in range(3):
        wake(small, w.START)
    wake(small, w.at("2020-04-06 09:00"))

    assert len(to_coordinator(small)) == 1


def test_what_is_recorded_at_night_is_told_in_the_morning(small: Parts):
    """The stage closed at 22:00; the office sleeps, and the clock is set for 08:00."""
    wake(small, w.START)
    submit(small, w.REPORT_A, w.REPORT_B, now=NIGHT)

    assert news_at(small) == MORNING
    assert wake(small, NIGHT) == []
    assert chasing.is_anything_due(small, MORNING)
    wake(small, MORNING)

    mail = to_coordinator(small)[-1]
    assert (mail.kind, mail.slot) == ("assign", MORNING), "it has a task in the next stage"
    said = text_of(small, mail)
    assert "Đã khép lại bước 1. Báo cáo của các sở" in said
    assert "Đạt yêu cầu ngày 04/5/2020: đã có 2/3 (cần 2)." in said
    assert "Còn thiếu khi khép lại: Sở Cường." in said
    assert "Đã mở bước 2. Báo cáo của tỉnh" in said


def test_an_event_is_told_with_its_document_at_once(small: Parts):
    """Nothing waits for it yet; the coordinator hears that it is on record."""
    wake(small, w.START)
    at = w.at("2020-05-04 10:00")
    recording.announce(small, EVENT, Source("văn thư", "76/NQ-CP", date(2020, 4, 30)), now=at)
    wake(small, at)

    said = text_of(small, to_coordinator(small)[-1])
    assert "Sự kiện: Chính phủ ban hành Chương trình" in said
    assert "Nghị quyết số 76/NQ-CP ngày 30/4/2020" in said


def test_a_message_says_the_same_news_whenever_it_is_looked_at(small: Parts):
    """Later news belong to later mails, and one that was sent shows what it said."""
    wake(small, w.START)
    first = text_of(small, to_coordinator(small)[0])
    submit(small, w.REPORT_A, w.REPORT_B, now=NIGHT)
    wake(small, MORNING)

    again = text_of(small, to_coordinator(small)[0])

    assert again == first
    assert "Đã khép lại" not in again


def test_news_go_out_though_all_else_in_their_mail_is_not_true_any_more(small: Parts):
    """The coordinator handed in its own draft before the mail went; the stages turned anyway."""
    wake(small, w.START)
    submit(small, w.REPORT_A, w.REPORT_B, now=w.at("2020-05-05 09:00"))
    chasing.issue_notices(small, w.at("2020-05-05 09:00"))
    submit(small, w.DRAFT, now=w.at("2020-05-05 09:01"))
    way = Recording()
    deliver(small, w.at("2020-05-05 09:02"), way)

    (mail,) = (one for one in way.envelopes if one.recipients[0] == "noivu@nho.example")
    assert b"X-Dondoc-Kind: event" in mail.content
    assert "queued" not in statuses(small)


def test_a_pause_of_the_whole_run_keeps_news_back(small: Parts):
    """Without an end they wait for the entry that resumes it, and come then."""
    wake(small, w.START)
    recording.pause(small, "nho", BY, why="Họp", now=w.at("2020-05-04 09:00"))
    submit(small, w.REPORT_A, w.REPORT_B, now=w.at("2020-05-04 10:00"))
    assert news_at(small) is None
    assert wake(small, w.at("2020-05-04 10:00")) == []

    recording.resume(small, "nho", BY, now=w.at("2020-05-06 09:00"))
    assert news_at(small) == w.at("2020-05-06 09:00")
    wake(small, w.at("2020-05-06 09:00"))

    assert "Đã khép lại bước 1" in text_of(small, to_coordinator(small)[-1])


def test_the_brief_of_the_morning_tells_the_news(parts: Parts):
    """It tells everything since the last one: a mail of the same news beside it would be twice."""
    parts.settings.brief = "daily"
    start(parts)
    wake(parts, w.START)
    at = w.at("2020-05-04 22:00")
    recording.announce(parts, EVENT, Source("văn thư", "76/NQ-CP"), now=at)
    wake(parts, MORNING)

    mails = to_coordinator(parts)
    assert [(one.kind, one.send_at) for one in mails[-1:]] == [("brief", MORNING)]
    assert [one.kind for one in mails if one.send_at == MORNING] == ["brief"]
    assert news_at(parts) is None


def test_news_of_a_run_that_is_completed_are_told_all_the_same(parts: Parts):
    """It has no brief any more: the last news are a mail of their own."""
    parts.settings.brief = "daily"
    start(parts, w.bundle(w.ONE))
    wake(parts, w.START)
    submit(parts, "only/report/a", "only/report/b", now=NIGHT)
    wake(parts, MORNING)

    assert [(one.kind, one.send_at) for one in to_coordinator(parts)][-1] == ("event", MORNING)
