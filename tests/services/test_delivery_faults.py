"""Delivery under faults, end to end: a database, a real server that fails, and kills.

Whatever happens, what was in the outbox arrives once the server is well: nothing is lost,
and what comes twice comes under the same Message-ID, `UNMARKED` mails at most for each kill.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from notifiers.wire.channel import Envelope, Outcome, Refused, Sent
from services import chasing
from services.mail import delivering
from services.mail.delivering import LEASE, UNMARKED, Delivered
from services.mail.doubts import MANY
from services.wiring import Parts
from storage import addresses, relays
from storage.outbox import Status
from storage.relays import Relay
from tests.postfix import Faults, Sink, free_port, sink
from tests.services import written as w
from tests.services.killing import POINTS
from tests.services.office import Offices, Recording, outbox_of, start, statuses

ROOT = Path(__file__).parents[2]
LATER = w.START + timedelta(minutes=6)  # the first wait is over, and the server's rest


@contextmanager
def office_at(office: Offices, port: int) -> Iterator[Parts]:
    """An office whose mail goes to a server on this machine; plan 37 has its first mail to send."""
    with office(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="off") as parts:
        start(parts, w.real())
        chasing.issue_notices(parts, w.START)
        yield parts


def deliver(parts: Parts, now: datetime) -> Delivered:
    """Deliver what is due."""

    async def run() -> Delivered:
        async with delivering.way_out(parts) as way:
            return await delivering.deliver(parts, way, now)

    return asyncio.run(run())


def ids(parts: Parts) -> list[str]:
    """Return the Message-IDs of the outbox."""
    return sorted(message.message_id for message in outbox_of(parts))


def received(server: Sink) -> Counter[str]:
    """Return how many copies of each mail the server has."""
    return Counter(mail.message_id for mail in server.received)


def check_all_arrived(parts: Parts, copies: Counter[str], *, at_most_twice: int) -> None:
    """Each mail is there, few twice, none that nobody sent; and the outbox knows."""
    assert sorted(copies) == ids(parts)
    assert copies.total() - len(copies) <= at_most_twice
    assert set(statuses(parts)) == {"sent"}


# ── A server that fails, and is mended ──

FAULTS: dict[str, Faults] = {
    "greets with 5xx": Faults(hard=["CONNECT"]),
    "greets with 421": Faults(close=["CONNECT"]),
    "hangs up at once": Faults(drop=["CONNECT"]),
    "5xx at EHLO": Faults(hard=["EHLO", "HELO"]),
    "4xx at MAIL": Faults(soft=["MAIL"]),
    "421 at MAIL": Faults(close=["MAIL"]),
    "4xx at RCPT": Faults(soft=["RCPT"]),
    "421 at RCPT": Faults(close=["RCPT"]),
    "hangs up at RCPT": Faults(drop=["RCPT"]),
    "4xx at DATA": Faults(soft=["DATA"]),
    "hangs up at DATA": Faults(drop=["DATA"]),
    "disk full at the dot": Faults(soft=["."], soft_reply="452 4.3.1 Insufficient system storage"),
    "421 at the dot": Faults(close=["."]),
    "hangs up at the dot": Faults(drop=["."]),
}


@pytest.mark.on_files("each is a mail server's fault; two more of them run on every kind")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_failing_server_did_not_take_arrives_when_it_is_well(office: Offices, fault: str):
    """Not one agency is given up, and no worker dies of it."""
    port = free_port()
    with office_at(office, port) as parts:
        with sink(FAULTS[fault], port=port):
            failed = deliver(parts, w.START)
        assert failed.undeliverable == []
        assert Status.SENT not in failed.counts
        with sink(port=port) as server:
            deliver(parts, LATER)
            check_all_arrived(parts, received(server), at_most_twice=0)


def test_a_server_that_is_down_costs_an_attempt_and_not_one_for_every_mail(office: Offices):
    """The circuit breaker; when it answers again, everything goes."""
    port = free_port()
    with office_at(office, port) as parts:
        failed = deliver(parts, w.START)
        again = deliver(parts, w.START + timedelta(seconds=30))
        with sink(port=port) as server:
            deliver(parts, LATER)
            check_all_arrived(parts, received(server), at_most_twice=0)

    assert failed.total == 1
    assert failed.trouble
    assert again.total == 0


def test_a_server_that_dies_in_the_middle_has_what_it_took_and_gets_the_rest(office: Offices):
    """Killed under our hands after ten mails."""
    port = free_port()
    with office_at(office, port) as parts:
        with sink(Faults(more=["-M", "10"]), port=port) as dying:
            deliver(parts, w.START)
            first = received(dying)
        with sink(port=port) as server:
            deliver(parts, LATER)
            copies = first + received(server)
        check_all_arrived(parts, copies, at_most_twice=parts.settings.smtp_connections)
    assert first.total() == 10


def test_what_is_refused_for_good_goes_to_a_person_and_not_out_again(office: Offices):
    """5xx at the dot: sending the same again would be refused the same."""
    port = free_port()
    with office_at(office, port) as parts:
        with sink(Faults(hard=["."]), port=port):
            refused = deliver(parts, w.START)
        with sink(port=port) as server:
            assert deliver(parts, LATER).total == 0
            assert server.received == []
        assert set(statuses(parts)) == {"undeliverable"}
        assert len(refused.undeliverable) == len(ids(parts))


# ── A server whose list of mailboxes is broken ──

NOBODY = Faults(hard=["RCPT"], hard_reply="550 5.1.1 User unknown in local recipient table")


def addresses_marked(parts: Parts) -> list[str]:
    """Return the addresses that are not written to any more."""
    with parts.database.reading() as connection:
        return [one.address for one in addresses.every(connection) if one.bounced_at]


def breaker(parts: Parts) -> Relay:
    """Return what is kept of the server."""
    with parts.database.reading() as connection:
        return relays.find(connection, parts.settings.relay)


def test_a_server_that_knows_nobody_costs_no_agency_its_address(office: Offices):
    """Its list of mailboxes is broken for a quarter of an hour: all arrives after it, where it
    would have gone before."""
    port = free_port()
    with office_at(office, port) as parts:
        with sink(NOBODY, port=port):
            failed = deliver(parts, w.START)
            assert addresses_marked(parts) == []
            assert failed.undeliverable == []
            assert failed.trouble.startswith("every address is refused: ")
            assert "5.1.1 User unknown" in failed.trouble
            assert failed.counts[Status.LATER] < MANY + parts.settings.smtp_connections
            assert breaker(parts).why == failed.trouble

            again = deliver(parts, w.START + timedelta(minutes=1))
            assert again.total == 1, "one mail tries whether it is well"
            assert (breaker(parts).failures, addresses_marked(parts)) == (2, [])
        with sink(port=port) as server:
            deliver(parts, w.START + timedelta(minutes=10))
            deliver(parts, w.START + timedelta(minutes=11))
            check_all_arrived(parts, received(server), at_most_twice=0)
            assert breaker(parts).failures == 0


def test_a_list_of_mailboxes_that_breaks_in_the_middle_is_noticed(office: Offices):
    """What the server took before does not vouch for what it says after."""
    with office_at(office, free_port()) as parts:
        taken: list[Envelope] = []

        def answer(envelope: Envelope) -> Outcome:
            taken.append(envelope)
            if len(taken) <= 10:
                return Sent("250 ok")
            return Refused("550 5.1.1 no such user", of_address=True, of_mailbox=True)

        parts.settings.__dict__["smtp_connections"] = 1
        failed = asyncio.run(delivering.deliver(parts, Recording(answer), w.START))

        assert addresses_marked(parts) == []
        assert failed.trouble
        assert failed.counts[Status.SENT] == 10


def test_a_few_addresses_that_are_gone_are_marked_where_the_others_are_taken(office: Offices):
    """The doubt lasts no longer than until the server takes a mail, or has no more to do."""
    with office_at(office, free_port()) as parts:
        number = 0

        def answer(_envelope: Envelope) -> Outcome:
            nonlocal number
            number += 1
            if number % MANY:
                return Refused("550 5.1.1 no such user", of_address=True, of_mailbox=True)
            return Sent("250 ok")

        parts.settings.__dict__["smtp_connections"] = 1
        delivered = asyncio.run(delivering.deliver(parts, Recording(answer), w.START))

        assert delivered.trouble == ""
        assert delivered.counts[Status.SENT] > 1
        assert len(addresses_marked(parts)) > MANY
        assert set(statuses(parts)) == {"sent", "undeliverable"}


# ── Killed ──


def kill(parts: Parts, point: str, number: int, now: datetime) -> int:
    """Deliver in a process that is killed at a point; return how it ended."""
    settings = parts.settings
    where = [settings.url, settings.smtp_host, str(settings.smtp_port)]
    command = [sys.executable, "-m", "tests.services.killing", *where]
    ended = subprocess.run(
        [*command, point, str(number), now.isoformat()], cwd=ROOT, capture_output=True
    )
    return ended.returncode


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_loses_nothing_and_doubles_little(office: Offices, point: str):
    """Between claim and mark, wherever: the next delivery finishes it, once the claim lapsed."""
    with sink() as server, office_at(office, server.port) as parts:
        number = 2 if point.startswith("commit") else 12
        assert kill(parts, point, number, w.START) == -signal.SIGKILL
        before = received(server)
        assert set(before.values()) <= {1}
        assert 0 < before.total() < len(ids(parts))

        deliver(parts, w.START + timedelta(minutes=1))
        assert set(received(server).values()) == {1}  # a claim that may be alive is left alone
        deliver(parts, w.START + LEASE + timedelta(minutes=1))

        check_all_arrived(parts, received(server), at_most_twice=UNMARKED)


def test_several_kills_in_a_row_lose_nothing(office: Offices):
    """Each costs its few copies, and no more."""
    kills = 2
    with sink() as server, office_at(office, server.port) as parts:
        now = w.START
        for number in range(kills):
            assert kill(parts, "taken", 3 + number, now) == -signal.SIGKILL
            now += LEASE + timedelta(seconds=1)
        deliver(parts, now)

        check_all_arrived(parts, received(server), at_most_twice=kills * UNMARKED)


# ── Our own disk is full ──


@contextmanager
def full_disk(parts: Parts) -> Iterator[None]:
    """Let the database grow by no page more."""

    def stop(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count=1")  # which it takes for as many as there are

    engine = parts.database.engine
    engine.dispose()
    event.listen(engine, "connect", stop)
    try:
        yield
    finally:
        event.remove(engine, "connect", stop)
        engine.dispose()


@pytest.mark.on_files("a server's disk is its own affair")
def test_on_a_full_disk_nothing_is_lost(office: Offices):
    """It is said aloud; with room again everything goes out, little of it twice."""
    with sink() as server, office_at(office, server.port) as parts:
        with full_disk(parts), pytest.raises(OperationalError, match="full"):
            deliver(parts, w.START)
        assert "sent" not in statuses(parts) or received(server).total() < len(ids(parts))

        deliver(parts, w.START + LEASE + timedelta(minutes=1))

        check_all_arrived(parts, received(server), at_most_twice=UNMARKED)
