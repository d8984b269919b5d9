"""Pacing: a dead mail server is left alone, a slow one is not given more than it wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mail import pacing
from storage.relays import Relay

NOON = datetime(2020, 5, 11, 5, 0, tzinfo=UTC)
WELL = Relay("mail.example:587")


def test_a_server_that_is_well_is_given_all_that_is_wanted():
    """Without a rate there is no limit but the claim's own."""
    assert pacing.room(WELL, NOON, wanted=16, per_minute=0) == 16


def test_a_server_that_failed_rests_and_is_then_tried_with_one():
    """A dead relay costs one attempt, not thousands."""
    dead = pacing.failed(WELL, "refused", NOON)

    assert dead.open_until == NOON + pacing.REST[0]
    assert pacing.room(dead, NOON + timedelta(seconds=59), wanted=16, per_minute=0) == 0
    assert pacing.room(dead, NOON + pacing.REST[0], wanted=16, per_minute=0) == 1


def test_while_one_probes_nobody_else_does():
    """Two clocks would else double every attempt."""
    dead = pacing.failed(WELL, "refused", NOON)
    later = NOON + pacing.REST[0]

    probed = pacing.taken(dead, later, 1, per_minute=0)

    assert pacing.room(probed, later, wanted=16, per_minute=0) == 0
    assert pacing.room(probed, later + pacing.PROBE, wanted=16, per_minute=0) == 1


def test_each_failure_rests_longer_up_to_a_bound_and_an_answer_ends_it():
    """A server that is back is found within a quarter of an hour."""
    relay, rests = WELL, []
    for _ in range(len(pacing.REST) + 2):
        relay = pacing.failed(relay, "refused", NOON)
        assert relay.open_until is not None
        rests.append(relay.open_until - NOON)

    assert rests == [*pacing.REST, pacing.REST[-1], pacing.REST[-1]]
    assert pacing.answered(relay) == WELL


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600, 100_000])
def test_no_minute_has_more_mails_than_the_rate_and_its_burst(per_minute: int):
    """However often is asked, and however many are wanted each time."""
    relay, now, given_at = WELL, NOON, list[datetime]()
    burst = max(1, int(per_minute * pacing.BURST / timedelta(minutes=1)))
    for _ in range(3 * 60 * 2):
        count = pacing.room(relay, now, wanted=per_minute, per_minute=per_minute)
        relay = pacing.taken(relay, now, count, per_minute=per_minute)
        given_at += [now] * count
        now += timedelta(seconds=0.5)

    assert len(given_at) <= 3 * per_minute + burst
    assert len(given_at) >= 3 * per_minute - 1, "and the rate is used"


@given(per_minute=st.integers(1, 100_000), asked=st.lists(st.integers(1, 64), max_size=30))
def test_it_is_ready_when_it_says_it_is(per_minute: int, asked: list[int]):
    """The clock sleeps until then: earlier nothing may go, at that moment something may."""
    relay = WELL
    for wanted in asked:
        count = pacing.room(relay, NOON, wanted=wanted, per_minute=per_minute)
        relay = pacing.taken(relay, NOON, count, per_minute=per_minute)

    at = pacing.ready_at(relay, NOON, per_minute=per_minute)

    assert pacing.room(relay, at, wanted=1, per_minute=per_minute) == 1
    if at > NOON:
        early = at - timedelta(milliseconds=1)
        assert pacing.room(relay, early, wanted=1, per_minute=per_minute) == 0


def test_a_time_further_ahead_than_it_can_be_holds_nothing():
    """The clock was set back by a day: the server would be left alone for that day."""
    dead = pacing.failed(WELL, "refused", NOON)
    busy = pacing.taken(WELL, NOON, 1, per_minute=60)
    before = NOON - timedelta(days=1)

    assert pacing.room(pacing.possible(dead, before), before, wanted=16, per_minute=0) == 1
    assert pacing.room(pacing.possible(busy, before), before, wanted=16, per_minute=60) > 0


@given(st.lists(st.sampled_from(["failed", "taken"]), max_size=12), st.sampled_from([0, 1, 7, 60]))
def test_no_time_that_we_write_ourselves_is_too_far_ahead(steps: list[str], per_minute: int):
    """A rest and a rate hold, also where another machine's clock is minutes ahead."""
    relay = WELL
    for step in steps:
        if step == "failed":
            relay = pacing.failed(relay, "refused", NOON)
        elif count := pacing.room(relay, NOON, wanted=24, per_minute=per_minute):
            relay = pacing.taken(relay, NOON, count, per_minute=per_minute)

    assert pacing.possible(relay, NOON - pacing.SKEW) == relay
