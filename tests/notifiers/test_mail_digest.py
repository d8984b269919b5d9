"""Digest: one line for each obligation, in an order that an office can work down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import pairwise

import pytest

from engine.chasing import Kind, rungs
from notifiers.digest import Told, compose, message_id, thread_id
from tests.notifiers import mail_builder as b


def test_an_obligation_appears_once_under_its_highest_kind() -> None:
    """Two rungs of one obligation are one line: nobody is told the same thing twice."""
    state = b.opened(b.plan())
    key = b.key("final-report", "so-y-te")
    both = [r for r in rungs(state.plan, state.obligations[key]) if r.recipient == "so-y-te"][-2:]

    found = compose(state, both, run_id=b.RUN, recipient="so-y-te", send_at=both[-1].at)

    assert len(found.lines) == 1
    assert found.kind is found.lines[0].kind is Kind.OVERDUE
    assert found.lines[0].notices == tuple(both)


def test_dated_obligations_come_before_undated_ones() -> None:
    """What has a deadline is read first."""
    found = b.digest(b.opened(b.plan()), "huyen-yen-son", b.STARTED)

    dated = [line.is_dated for line in found.lines]
    assert dated == [True, False, False]


def test_a_line_knows_what_comes_next_and_what_goes_above() -> None:
    """The mail says what happens next, whoever hears of it."""
    line = b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-08 08:00")).lines[0]

    assert line.next is not None
    assert line.next.rung == "overdue-1"
    assert line.escalation is not None
    assert (line.escalation.recipient, line.escalation.at) == (
        "so-noi-vu",
        b.at("2020-05-11 08:00"),
    )


def test_what_went_above_is_said_once_it_did() -> None:
    """Not in the chaser that goes out beside the report: it may yet fail to go."""
    state = b.opened(b.plan())
    beside = b.digest(state, "so-y-te", b.at("2020-05-11 08:00")).lines[0]
    after = b.digest(state, "so-y-te", b.at("2020-05-12 08:00")).lines[0]

    assert beside.reported == ()
    assert [(one.recipient, one.at) for one in after.reported] == [
        ("so-noi-vu", b.at("2020-05-11 08:00"))
    ]
    assert [one.chaser for one in (beside, after)] == [1, 2]
    assert after.next_chaser == 3


def test_an_escalation_says_what_the_agency_was_sent() -> None:
    """Who is told of a late body sees that it was warned."""
    state = b.without(b.opened(b.plan()), "final-report", ["so-y-te"])

    line = b.digest(state, "so-noi-vu", b.at("2020-05-11 08:00")).lines[0]

    assert [told.kind for told in line.told] == [Kind.ASSIGN] + [Kind.REMIND] * 5
    assert line.told[0] == Told(Kind.ASSIGN, b.STARTED.date())


def test_a_digest_refuses_notices_of_somebody_else() -> None:
    """A mistake of the caller must not mail one agency's business to another."""
    state = b.opened(b.plan())
    notices = b.due(state, "so-y-te", b.STARTED)

    with pytest.raises(ValueError, match="so-y-te"):
        compose(state, notices, run_id=b.RUN, recipient="so-tu-phap", send_at=b.STARTED)
    with pytest.raises(ValueError, match="at least one"):
        compose(state, [], run_id=b.RUN, recipient="so-tu-phap", send_at=b.STARTED)


def test_identifiers_are_the_same_whenever_they_are_asked_for() -> None:
    """A mail sent twice after a crash carries one Message-ID, whatever the zone of the clock."""
    local = b.at("2020-05-11 08:00")

    first = message_id(b.RUN, "so-y-te", local)

    assert first == message_id(b.RUN, "so-y-te", local.astimezone(UTC))
    others = {
        message_id(b.RUN, "so-y-te", local, part=2),
        message_id(b.RUN, "so-gddt", local),
        message_id("another", "so-y-te", local),
        message_id(b.RUN, "so-y-te", b.at("2020-05-12 08:00")),
        thread_id(b.RUN, "so-y-te"),
    }
    assert len(others | {first}) == 6


def test_nobody_reckons_an_identifier_that_is_made_with_a_key() -> None:
    """Who has the key gets the same each time, on any machine."""
    made = message_id(b.RUN, "so-y-te", b.STARTED, key="k" * 16)

    assert made == message_id(b.RUN, "so-y-te", b.STARTED, key="k" * 16)
    assert made.partition(".")[2] == message_id(b.RUN, "so-y-te", b.STARTED).partition(".")[2]
    assert len({made, *(message_id(b.RUN, "so-y-te", b.STARTED, key=k) for k in ("", "x"))}) == 3


@pytest.mark.parametrize("run", ["đợt 1\r\nBcc: x@y", "", "a" * 300])
def test_identifiers_are_well_formed_whatever_the_names(run: str) -> None:
    """RFC 5322 §3.6.4: an atom, an @, a domain, and no way to break the line."""
    made = message_id(run, "sở-y-tế", b.STARTED)

    assert made.isascii()
    assert made.count("@") == 1
    assert not set(made) & set(" \r\n")
    assert len(made) < 200


def test_the_order_follows_kind_then_deadline() -> None:
    """The most urgent stands at the top."""
    state = b.opened(b.plan())
    found = b.digest(state, "so-noi-vu", b.at("2020-05-11 08:00"))

    kinds = [line.kind for line in found.lines]

    assert all(one >= two for one, two in pairwise(kinds))


def test_counts_of_days_follow_the_day_of_sending_not_of_planning() -> None:
    """A mail that an outage held up for a day must not say yesterday's number."""
    state = b.opened(b.plan())
    planned, sent = b.at("2020-04-29 08:00"), b.at("2020-05-05 09:30")
    notices = b.due(state, "so-y-te", planned)

    found = compose(state, notices, run_id=b.RUN, recipient="so-y-te", send_at=planned, as_of=sent)

    assert found.message_id == message_id(b.RUN, "so-y-te", planned)
    assert found.today == sent.date()
    assert replace(found, as_of=planned).today == planned.date()
