"""Alarming: true when it is said, a way out in it, and one mail an hour."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest

from notifiers.wire.channel import Outcome, Refused, Sent, TryLater, Unknown
from services import alarming, chasing
from services.alarming import Alarm
from services.mail import mailroom
from services.wiring import Parts
from storage import clocks
from storage.tables import LEDGER
from tests.services import written as w
from tests.services.office import Recording, deliver, outbox_of, start

NOW = w.at("2026-03-02 08:00")
OPERATOR = "truc.ban@nho.example"
PAGE = "http://127.0.0.1:4200/v2/runs/flow-run/1"


def minutes(count: float) -> timedelta:
    """Return a span."""
    return timedelta(minutes=count)


def beat(parts: Parts, name: str, at: datetime, *, stopped: datetime | None = None) -> None:
    """Let a clock beat, and stop if told."""
    began = NOW - timedelta(days=1)
    with parts.database.writing() as connection:
        clocks.beat(parts.database, connection, name, started_at=began, now=at)
        if stopped is not None:
            clocks.stop(connection, name, started_at=began, now=stopped)


def with_operator(parts: Parts, language: str = "vi") -> Parts:
    """The same office, with somebody on duty."""
    changes = {"operator": OPERATOR, "language": language}
    return replace(parts, settings=parts.settings.model_copy(update=changes))


def silent(parts: Parts, heard_before: float = 3.1) -> Alarm:
    """What is said of the clock `a`, heard so many minutes ago."""
    heard = NOW - minutes(heard_before)
    return alarming.clock_silent(parts, "a", heard, NOW)


def test_a_silent_clock_is_told_with_the_time_and_what_to_do(parts: Parts):
    """Without it nothing goes out: the first thing to know is since when."""
    beat(parts, "a", NOW - minutes(3.1))

    told = silent(parts)

    assert not told.is_over
    assert "07:56 ngày 02/3/2026" in told.said
    assert "dondoc doctor" in told.said


def test_where_another_clock_runs_the_alarm_says_so(parts: Parts):
    """Somebody must go there, but nobody need be woken."""
    beat(parts, "a", NOW - minutes(3.1))
    beat(parts, "b", NOW - minutes(0.5))
    beat(parts, "c", NOW - minutes(9))
    beat(parts, "d", NOW - minutes(1), stopped=NOW - minutes(1))

    told = silent(parts)

    assert "máy b." in told.said
    assert "dondoc doctor" not in told.said


def test_a_clock_that_beats_again_alarms_nobody(parts: Parts):
    """Prefect was away and heard nothing; the database did."""
    beat(parts, "a", NOW - minutes(0.5))
    assert silent(parts).is_over


def test_a_clock_that_beat_once_more_and_fell_silent_since_does_alarm(parts: Parts):
    """The later beat says only that it died later."""
    beat(parts, "a", NOW - minutes(4))
    assert not silent(parts, heard_before=6).is_over


def test_a_clock_that_was_stopped_alarms_nobody(parts: Parts):
    """The event of its end may have been lost; the database has it."""
    beat(parts, "a", NOW - minutes(4), stopped=NOW - minutes(3))
    told = silent(parts)
    assert told.is_over
    assert "07:57" in told.said


def test_a_clock_that_the_database_does_not_know_alarms(parts: Parts):
    """A clock on another database is a fault of its own."""
    assert not silent(parts).is_over


def given_up(parts: Parts) -> list[int]:
    """Issue the first mail, have it refused, and return the numbers of the messages."""
    chasing.issue_notices(parts, w.START)
    delivered = deliver(parts, w.START, Recording(lambda _: Refused("answered: 550 no such user")))
    return [one.message for one in delivered.undeliverable]


def test_a_delivery_says_which_mail_it_gave_up(small: Parts):
    """Each once, with to whom and why; what is tried again is not given up."""
    chasing.issue_notices(small, w.START)
    way = Recording(lambda one: Refused("550") if one.recipients[0][0] == "a" else TryLater("451"))

    delivered = deliver(small, w.START, way)

    assert [(one.run, one.recipient, one.why) for one in delivered.undeliverable] == [
        ("nho", "a", "550")
    ]
    assert deliver(small, w.START, way).undeliverable == []


def test_undeliverable_mail_is_told_by_name_and_reason(small: Parts):
    """The operator looks up no code: who, why, and the command."""
    numbers = given_up(small)

    told = alarming.mail_undeliverable(small, "nho", numbers)

    assert "4 thư" in told.said  # to three agencies, and the news to the coordinator
    assert "Sở An (answered: 550 no such user)" in told.said
    assert f"dondoc outbox retry {numbers[0]}" in told.said


def test_mail_that_went_out_since_alarms_nobody(small: Parts):
    """Somebody was quicker than the worker."""
    numbers = given_up(small)
    for number in numbers:
        mailroom.retry(small, number, w.START)
    deliver(small, w.START)

    assert alarming.mail_undeliverable(small, "nho", numbers).is_over


@pytest.mark.parametrize("run", ["nho", "", "no-such"])
def test_a_message_that_nobody_knows_alarms_nobody(small: Parts, run: str):
    """The event may come from anywhere."""
    assert alarming.mail_undeliverable(small, run, [4711]).is_over


def test_of_very_many_the_first_few_are_named(small: Parts, monkeypatch: pytest.MonkeyPatch):
    """A mail server that refuses all makes no wall of text."""
    monkeypatch.setattr(alarming, "NAMED", 2)
    told = alarming.mail_undeliverable(small, "nho", given_up(small))
    assert told.said.count("550") == 2
    assert "…" in told.said


def unreadable(parts: Parts, *names: str) -> None:
    """Let runs have an entry that this program does not know."""
    with parts.database.writing() as connection:
        for run in names:
            row = {"kind": "announced-by-fax", "happened_at": w.START, "recorded_at": w.START}
            row |= {"run": run, "by": "", "document": "", "data": {}, "changes_state": True}
            connection.execute(LEDGER.insert(), row)


def test_runs_that_cannot_be_read_are_told_by_name_and_reason_once_in_an_hour(parts: Parts):
    """Each is met again every ten minutes, by whichever process; one alarm will do."""
    for plan in ("aa", "bb"):
        start(parts, w.bundle(plan=plan))
    unreadable(parts, "aa", "bb")
    chasing.issue_notices(parts, w.START)

    told = alarming.newly_unread(parts, w.START)
    alarm = alarming.run_unreadable(parts, list(told), len(told))

    assert list(told) == ["aa", "bb"]
    assert "2 đợt thực hiện: aa (ValueError: 'announced-by-fax'" in alarm.said
    assert not alarm.is_over
    for minutes, names in ((10, []), (60, ["aa", "bb"])):
        later = w.START + timedelta(minutes=minutes)
        chasing.issue_notices(parts, later)
        assert list(alarming.newly_unread(parts, later)) == names


def test_runs_that_can_be_read_again_alarm_nobody(small: Parts):
    """The program was upgraded before the worker came to the alarm."""
    assert alarming.run_unreadable(small, ["nho"], 1).is_over


def test_of_very_many_unreadable_runs_the_first_few_are_named(parts: Parts):
    """A wrong upgrade makes no wall of text."""
    names = [f"r{number}" for number in range(9)]
    for plan in names:
        start(parts, w.bundle(plan=plan))
    unreadable(parts, *names)

    alarm = alarming.run_unreadable(parts, names, 400)

    assert alarm.said.count("announced-by-fax") == alarming.NAMED
    assert "400 đợt" in alarm.said
    assert "…" in alarm.said


def crashed(parts: Parts, flow: str = "chase") -> Alarm:
    """What is said of a run that crashed."""
    return alarming.flow_crashed(
        parts, flow, name=f"{flow} 2026", detail="exit code -9.", page=PAGE, at=NOW
    )


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_crash_is_told_with_its_page(parts: Parts, language: str):
    """In the office's language; the reason is Prefect's."""
    told = crashed(with_operator(parts, language))
    assert "exit code -9. " in told.said
    assert PAGE in told.said


def mail(parts: Parts, alarm: Alarm, way: Recording, at: datetime = NOW) -> str:
    """Mail an alarm, and return what is said of it."""
    return asyncio.run(alarming.mail(parts, alarm, way, page=PAGE, now=at))


def test_the_operator_gets_the_sentence_and_the_page(parts: Parts):
    """A mail that says only that something is wrong helps nobody at night."""
    way = Recording()
    parts = with_operator(parts)

    said = mail(parts, crashed(parts), way)

    (sent,) = way.envelopes
    body = message_from_bytes(sent.content).get_payload(decode=True)
    assert sent.recipients[0] == OPERATOR
    assert isinstance(body, bytes)
    assert crashed(parts).said in body.decode()
    assert OPERATOR in said


def test_without_an_operator_nobody_is_mailed(parts: Parts):
    """Nobody is mailed by accident."""
    way = Recording()
    assert mail(parts, crashed(parts), way) == ""
    assert way.envelopes == []


def test_one_mail_an_hour_about_one_thing(parts: Parts):
    """The red runs say how often; the mailbox need not."""
    way = Recording()
    parts = with_operator(parts)
    for at in (0, 1, 30, 59.9):
        mail(parts, crashed(parts), way, NOW + minutes(at))
    assert len(way.envelopes) == 1

    mail(parts, crashed(parts, "deliver"), way, NOW + minutes(1))
    mail(parts, crashed(parts), way, NOW + minutes(60))
    assert len(way.envelopes) == 3


@pytest.mark.parametrize("answer", [TryLater("451 busy"), Unknown("cut"), Refused("550 who?")])
def test_a_mail_that_was_not_taken_is_said_and_tried_with_the_next_alarm(
    parts: Parts, answer: Outcome
):
    """The mail server may be what the alarm is about."""
    answers = [answer, Sent("250")]
    way = Recording(lambda _: answers.pop(0))
    parts = with_operator(parts)

    said = mail(parts, crashed(parts), way)
    again = mail(parts, crashed(parts), way, NOW + minutes(1))

    assert answer.reason in said  # type: ignore[union-attr]
    assert "đã" in again.lower()
    assert len(way.envelopes) == 2
    assert outbox_of(parts) == []


def test_an_address_that_is_none_is_said_and_breaks_nothing(parts: Parts):
    """A slip of the hand in the settings must not hide the alarm."""
    broken = parts.settings.model_copy(update={"operator": "trực ban"})
    said = mail(replace(parts, settings=broken), crashed(parts), Recording())
    assert "trực ban" in said


def test_what_another_program_says_is_passed_on(parts: Parts):
    """The deployment can be run by anybody's automation."""
    told = alarming.other(parts, "disk-full", "db-1", "")
    assert "disk-full" in told.said
    assert "db-1" in told.said
    assert mail(with_operator(parts), told, Recording()) != ""
