"""Outbox: claimed by lease, marked by outcome, nothing lost and every try kept."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage import outbox
from storage.database import Database
from storage.outbox import Marking, Message, Queued, Sought, Status
from storage.tables import ATTEMPTS, MESSAGES
from tests.storage.records import (
    LEASE,
    LIFE,
    MORNING,
    claim,
    contents,
    enqueue,
    found,
    keep_run,
    minutes,
    put,
)
from tests.storage.together import at_once

TRIED = [Status.SENT, Status.CANCELLED, Status.UNDELIVERABLE]
PUT_OFF = [Status.LATER, Status.UNCERTAIN]


@pytest.fixture
def run(database: Database) -> Database:
    """A database with the runs r and s."""
    keep_run(database, "r")
    keep_run(database, "s")
    return database


def mark(
    database: Database,
    message: Message,
    status: Status = Status.SENT,
    *,
    now: datetime = MORNING,
    subject: str = "",
    detail: str = "",
    next_try_at: datetime | None = None,
) -> bool:
    """Mark a message in a transaction of its own."""
    with database.writing() as connection:
        sent_at = now if status is Status.SENT else None
        marking = Marking(message, status, subject, detail, next_try_at, sent_at)
        return outbox.mark(connection, [marking]) == {message.id}


def attempts(database: Database, message: int) -> list[tuple[str, str]]:
    """Return the outcome and detail of every try, the first one first."""
    query = select(ATTEMPTS).where(ATTEMPTS.c.message == message).order_by(ATTEMPTS.c.id)
    with database.reading() as connection:
        return [(row.outcome, row.detail) for row in connection.execute(query)]


def next_due(database: Database) -> datetime | None:
    """Return when the next message is to be tried."""
    with database.reading() as connection:
        return outbox.next_due(connection)


# ── Putting in ──


def test_a_message_is_put_in_queued(run: Database):
    """It waits for its send time, not yet tried."""
    number = enqueue(run)

    assert found(run, number) == Message(
        id=number,
        run="r",
        recipient="a",
        slot=MORNING,
        part=1,
        send_at=MORNING,
        kind="remind",
        message_id="<r.a.202005080100.1@x.example>",
        expires_at=MORNING + LIFE,
        subject="",
        status=Status.QUEUED,
        tries=0,
        next_try_at=MORNING,
        sent_at=None,
        error="",
    )


def test_one_recipient_gets_one_message_per_slot_and_part(run: Database):
    """Two clocks can't both put it in."""
    enqueue(run)

    with pytest.raises(IntegrityError):
        enqueue(run)

    assert len(contents(run)["messages"]) == 1


def test_a_message_id_is_used_once(run: Database):
    """A reader's program takes two mails of one id for the same."""
    enqueue(run)

    same = Queued(
        run="s",
        recipient="b",
        slot=MORNING,
        part=1,
        send_at=MORNING,
        kind="remind",
        message_id="<r.a.202005080100.1@x.example>",
        expires_at=MORNING + LIFE,
    )
    with pytest.raises(IntegrityError), run.writing() as connection:
        outbox.enqueue(connection, same)


def test_parts_of_a_slot_are_numbered(run: Database):
    """What is added to a slot later has a name of its own."""
    enqueue(run)
    enqueue(run, part=2)
    enqueue(run, recipient="b")
    enqueue(run, run="s")

    with run.reading() as connection:
        ask = partial(outbox.next_part, connection)
        assert ask("r", "a", MORNING) == 3
        assert ask("r", "b", MORNING) == 2
        assert ask("r", "a", MORNING + minutes(1)) == 1
        assert ask("r", "c", MORNING) == 1


def test_messages_are_counted_and_listed_by_send_time(run: Database):
    """The outbox reads like the days that it covers."""
    late = enqueue(run, send_at=MORNING + minutes(60))
    first = enqueue(run)
    other = enqueue(run, run="s", send_at=MORNING + minutes(30))

    with run.reading() as connection:
        assert outbox.count(connection) == 3
        assert [message.id for message in outbox.of_run(connection)] == [first, other, late]
        assert [message.id for message in outbox.of_run(connection, "r")] == [first, late]
        assert outbox.of_run(connection, "t") == []
        assert outbox.find(connection, 999) is None


# ── Claiming ──


def test_a_claim_takes_what_is_due_and_counts_the_try(run: Database):
    """At the very instant it is due; nothing before its time."""
    due = enqueue(run)
    early = enqueue(run, recipient="b", send_at=MORNING + minutes(1))

    (taken,) = claim(run)

    assert (taken.id, taken.status, taken.tries) == (due, Status.SENDING, 1)
    assert found(run, early).status is Status.QUEUED
    assert attempts(run, due) == [("began", "")]


def test_what_is_claimed_is_not_claimed_again(run: Database):
    """While one worker talks to the server another leaves the message alone."""
    enqueue(run)

    assert len(claim(run)) == 1
    assert claim(run) == []
    assert claim(run, MORNING + LEASE - minutes(1)) == []


def test_a_claim_lapses_and_is_taken_again(run: Database):
    """A worker that died holds nothing for ever."""
    number = enqueue(run)
    claim(run)

    (again,) = claim(run, MORNING + LEASE)

    assert (again.id, again.tries) == (number, 2)
    assert attempts(run, number) == [("began", ""), ("began", "")]
    assert claim(run, MORNING + LEASE) == []


def test_a_claim_takes_the_oldest_first_and_no_more_than_its_limit(run: Database):
    """After an outage the longest waiting goes out first."""
    numbers = [
        enqueue(run, recipient=agency, send_at=MORNING - minutes(wait))
        for agency, wait in (("a", 1), ("b", 3), ("c", 2))
    ]

    assert [message.id for message in claim(run, limit=2)] == [numbers[1], numbers[2]]
    assert [message.id for message in claim(run, limit=2)] == [numbers[0]]


def test_of_what_is_due_together_each_run_comes_before_anybodys_second_lap(run: Database):
    """A run of ten thousand mails keeps a run of one waiting for a moment only."""
    with run.writing() as connection:
        for lap, recipient in ((0, "a"), (0, "b"), (1, "c"), (1, "d")):
            put(connection, recipient=recipient, lap=lap)
        put(connection, run="s", recipient="e")
        put(connection, run="s", recipient="f", send_at=MORNING - minutes(1), lap=9)

    claimed = claim(run, MORNING + minutes(1), limit=6)

    assert [one.recipient for one in claimed] == ["f", "a", "b", "e", "c", "d"]


def test_a_claim_can_be_kept_to_some_messages(run: Database):
    """Escalations go out as a run of their own."""
    numbers = [enqueue(run, recipient=agency) for agency in "abc"]

    assert claim(run, only=[]) == []
    assert [message.id for message in claim(run, only=numbers[1:2])] == [numbers[1]]
    assert [message.id for message in claim(run)] == [numbers[0], numbers[2]]


@pytest.mark.parametrize("status", PUT_OFF)
def test_what_was_put_off_is_claimed_when_its_time_comes(run: Database, status: Status):
    """Not before: a server that is busy is not hammered."""
    number = enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, status, next_try_at=MORNING + minutes(5))

    assert claim(run, MORNING + minutes(4)) == []
    assert [message.id for message in claim(run, MORNING + minutes(5))] == [number]


@pytest.mark.parametrize("status", TRIED)
def test_what_is_settled_is_never_claimed_again(run: Database, status: Status):
    """Sent is sent; what was refused for good is not sent again by itself."""
    enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, status)

    assert claim(run, MORNING + minutes(60 * 24 * 400)) == []


def test_workers_at_once_share_the_messages_and_miss_none(run: Database, second: Database):
    """Each message goes to one of them."""
    numbers = [enqueue(run, recipient=f"agency-{number}") for number in range(24)]

    shares = at_once(*[partial(claim, (run, second)[worker % 2], limit=4) for worker in range(6)])

    taken = [message.id for share in shares for message in share]
    assert len(taken) == len(set(taken))
    left = []
    while more := claim(run):
        left += [message.id for message in more]
    assert sorted(taken + left) == numbers


# ── Marking ──


def test_a_sent_message_says_when_and_under_which_subject(run: Database):
    """What the agency got can be shown afterwards."""
    number = enqueue(run)
    (taken,) = claim(run)

    assert mark(run, taken, now=MORNING + minutes(1), subject="Nhắc thời hạn")

    sent = found(run, number)
    assert (sent.status, sent.subject) == (Status.SENT, "Nhắc thời hạn")
    assert (sent.sent_at, sent.next_try_at, sent.error) == (MORNING + minutes(1), None, "")
    assert attempts(run, number) == [("sent", "")]


def test_a_message_put_off_says_why_and_until_when(run: Database):
    """The operator sees the server's own words."""
    number = enqueue(run)
    (taken,) = claim(run)

    assert mark(
        run, taken, Status.LATER, detail="451 busy", next_try_at=MORNING + minutes(5), subject="S"
    )

    later = found(run, number)
    assert (later.status, later.error, later.sent_at) == (Status.LATER, "451 busy", None)
    assert later.next_try_at == MORNING + minutes(5)
    assert attempts(run, number) == [("later", "451 busy")]


def test_marking_without_a_subject_keeps_the_one_it_had(run: Database):
    """A later try that said nothing does not blot out what was said."""
    number = enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, Status.LATER, subject="Nhắc", next_try_at=MORNING)
    (again,) = claim(run)
    mark(run, again, Status.CANCELLED)

    assert found(run, number).subject == "Nhắc"


def test_a_mark_counts_once(run: Database):
    """A worker that says it twice is heard once."""
    enqueue(run)
    (taken,) = claim(run)

    assert mark(run, taken) is True
    assert mark(run, taken, Status.UNDELIVERABLE) is False
    assert attempts(run, taken.id) == [("sent", "")]


def test_what_was_never_claimed_can_not_be_marked(run: Database):
    """A mark belongs to a try."""
    number = enqueue(run)

    assert mark(run, found(run, number)) is False
    assert found(run, number).status is Status.QUEUED


def test_the_mark_of_a_lapsed_claim_does_not_count(run: Database):
    """Another worker has the message by then, and its word will stand."""
    number = enqueue(run)
    (slow,) = claim(run)
    (quick,) = claim(run, MORNING + LEASE)

    assert mark(run, slow, Status.UNDELIVERABLE, detail="550 unknown") is False
    assert found(run, number).status is Status.SENDING
    assert mark(run, quick, now=MORNING + LEASE) is True
    assert mark(run, slow, Status.LATER) is False
    assert found(run, number).status is Status.SENT
    assert found(run, number).sent_at == MORNING + LEASE


def test_a_lapsed_claim_says_its_outcome_at_its_own_try(run: Database):
    """The record of tries tells which one met which answer."""
    number = enqueue(run)
    (slow,) = claim(run)
    (quick,) = claim(run, MORNING + LEASE)

    mark(run, slow, Status.UNCERTAIN, detail="cut off")
    assert attempts(run, number) == [("uncertain", "cut off"), ("began", "")]

    mark(run, quick)
    assert attempts(run, number) == [("uncertain", "cut off"), ("sent", "")]


def test_a_lapsed_claim_that_nobody_took_may_still_say_how_it_went(run: Database):
    """Late, but true: nobody else has touched the message."""
    number = enqueue(run)
    (slow,) = claim(run)

    assert mark(run, slow, now=MORNING + LEASE + minutes(1)) is True
    assert found(run, number).status is Status.SENT


# ── When next ──


def test_the_next_try_is_the_earliest_of_what_is_open(run: Database):
    """The clock is armed for it; what is settled wakes nobody."""
    assert next_due(run) is None
    enqueue(run, recipient="b", send_at=MORNING + minutes(1))
    enqueue(run, recipient="c", send_at=MORNING + minutes(2))
    assert next_due(run) == MORNING + minutes(1)

    for message in claim(run, MORNING + minutes(2)):
        mark(run, message)
    assert next_due(run) is None


def test_the_next_try_may_be_the_lapse_of_a_claim(run: Database):
    """A worker's death is noticed when its lease ends, not by chance."""
    enqueue(run)
    claim(run)

    assert next_due(run) == MORNING + LEASE


@pytest.mark.parametrize("status", PUT_OFF)
def test_the_next_try_may_be_of_what_was_put_off(run: Database, status: Status):
    """It is tried again by itself."""
    enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, status, next_try_at=MORNING + minutes(5))

    assert next_due(run) == MORNING + minutes(5)


# ── Escalations ──


@pytest.mark.parametrize("status", [Status.UNDELIVERABLE, *PUT_OFF])
def test_what_was_given_up_or_put_off_can_be_queued_again(run: Database, status: Status):
    """The address was mended: now, not in six hours."""
    number = enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, status, detail="550", next_try_at=MORNING + minutes(60))
    now = MORNING + minutes(10)

    with run.writing() as connection:
        assert outbox.retry(connection, number, now, expires_at=now + LIFE) is True

    again = found(run, number)
    assert (again.status, again.next_try_at, again.error) == (Status.QUEUED, now, "")
    assert again.expires_at == now + LIFE
    assert [message.id for message in claim(run, now)] == [number]


@pytest.mark.parametrize("status", [Status.SENT, Status.CANCELLED])
def test_what_is_settled_can_not_be_queued_again(run: Database, status: Status):
    """Nobody gets the same mail twice by a slip."""
    number = enqueue(run)
    (taken,) = claim(run)
    mark(run, taken, status)
    before = contents(run)

    with run.writing() as connection:
        assert outbox.retry(connection, number, MORNING, expires_at=MORNING + LIFE) is False
        assert outbox.retry(connection, 999, MORNING, expires_at=MORNING + LIFE) is False

    assert contents(run) == before


def test_what_is_being_sent_can_not_be_queued_again(run: Database):
    """It would go out twice."""
    number = enqueue(run)
    claim(run)

    with run.writing() as connection:
        assert outbox.retry(connection, number, MORNING, expires_at=MORNING + LIFE) is False
    assert found(run, number).status is Status.SENDING


def test_a_message_of_every_status_can_be_read(run: Database):
    """A word in the table that the program does not know would stop the list of all."""
    for number, status in enumerate(Status):
        key = enqueue(run, recipient=f"agency-{number}")
        with run.writing() as connection:
            connection.execute(
                MESSAGES.update().where(MESSAGES.c.id == key).values(status=status.value)
            )

    with run.reading() as connection:
        assert [message.status for message in outbox.of_run(connection)] == list(Status)


def test_briefs_are_claimed_apart_from_all_other_mail(run: Database):
    """It tells what the others told, even if it was queued before them."""
    brief = enqueue(run, kind="brief")
    other = enqueue(run, recipient="b", send_at=MORNING + minutes(5))

    with run.writing() as connection:
        claimed = [
            outbox.claim(connection, MORNING + minutes(5), lease=LEASE, limit=8, briefs=briefs)
            for briefs in (False, True)
        ]

    assert [[message.id for message in one] for one in claimed] == [[other], [brief]]


def test_the_message_of_a_slot_is_found_by_its_kind(run: Database):
    """Asked for twice within a minute, a brief is one mail."""
    enqueue(run)
    brief = enqueue(run, kind="brief", part=2)

    def search(recipient: str, slot: datetime) -> int | None:
        with run.reading() as connection:
            return outbox.in_slot(connection, "r", recipient, slot, kind="brief")

    assert search("a", MORNING) == brief
    assert search("b", MORNING) is None
    assert search("a", MORNING + minutes(1)) is None


def test_what_was_queued_since_is_known_by_run_and_kind(run: Database):
    """A run with a new escalation is shown before the others."""
    enqueue(run, kind="escalate")
    with run.reading() as connection:
        before = outbox.newest(connection)
    enqueue(run, recipient="b", kind="escalate", run="s")
    enqueue(run, recipient="c", kind="escalate", run="s")
    last = enqueue(run, recipient="d", kind="remind", run="s")

    with run.reading() as connection:
        assert outbox.newest(connection) == last
        assert outbox.queued_after(connection, before, kinds=["escalate"]) == [("s", "escalate")]
        assert sorted(outbox.queued_after(connection, 0, kinds=["escalate", "remind"])) == [
            ("r", "escalate"),
            ("s", "escalate"),
            ("s", "remind"),
        ]
        assert outbox.queued_after(connection, last, kinds=["escalate", "remind"]) == []


def test_an_empty_outbox_has_no_newest(database: Database):
    """The first look of a new installation."""
    with database.reading() as connection:
        assert outbox.newest(connection) == 0


def test_who_was_written_to_is_known_once_each(run: Database):
    """People pick an agency's mail by its name, also of one that a plan names no more."""
    for recipient, name in (("b", "r"), ("a", "r"), ("b", "s")):
        enqueue(run, recipient=recipient, run=name)

    with run.reading() as connection:
        assert outbox.written_to(connection) == ["a", "b"]


def test_what_needs_a_person_comes_first_then_the_newest(run: Database):
    """Of a million that were sent a screen shows none as long as something is wrong."""
    for recipient in ("a", "b", "c", "d"):
        enqueue(run, recipient=recipient)
    first, second, third, _ = claim(run, limit=4)
    mark(run, first)
    mark(run, second)
    mark(run, third, Status.UNDELIVERABLE)

    with run.reading() as connection:
        shown = outbox.gravest(connection, Sought("r"), limit=3)
        only = outbox.gravest(connection, Sought("r", (Status.SENT,)), limit=1)
        counted = outbox.counts(connection, Sought("r"))
        nobodys = outbox.counts(connection, Sought("s"))
    assert [one.recipient for one in shown] == ["c", "d", "b"]
    assert [one.recipient for one in only] == ["b"]
    assert counted == {Status.SENT: 2, Status.UNDELIVERABLE: 1, Status.SENDING: 1}
    assert nobodys == {}
    assert set(outbox.GRAVEST_FIRST) == set(Status)
