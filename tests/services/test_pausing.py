"""Pausing: all runs at once, as before the clocks start after a restore."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from services import chasing, pausing
from services.errors import Refused
from services.recording import Source
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import BY, start, wake

WHY = "Vừa khôi phục từ bản sao lưu"


@pytest.fixture
def two(parts: Parts) -> Parts:
    """Two runs that are late, with mail that waits."""
    start(parts)
    start(parts, w.bundle(plan="nho-hai"))
    wake(parts, w.START)
    chasing.issue_notices(parts, w.LATE)
    return parts


def test_nobody_is_chased_in_any_run_until_all_are_resumed(two: Parts):
    """Not even by what lay in the outbox when the backup was made; then the newest rung goes."""
    paused = pausing.pause_all(two, BY, why=WHY, now=w.LATE)
    still = wake(two, w.LATE)
    resumed = pausing.resume_all(two, BY, now=w.LATE)

    assert paused.done == resumed.done == ("nho", "nho-hai")
    assert still == []
    assert "a@nho.example" in wake(two, w.LATE)


def test_a_run_that_is_paused_already_keeps_its_pause(two: Parts):
    """Done twice, or after somebody paused one, nothing is lost and nothing refused."""
    pausing.pause_all(two, BY, why=WHY, now=w.LATE)

    again = pausing.pause_all(two, BY, why="khác", now=w.LATE)

    assert (again.done, again.before) == ((), ("nho", "nho-hai"))
    pausing.resume_all(two, BY, now=w.LATE)
    assert pausing.resume_all(two, BY, now=w.LATE).before == ("nho", "nho-hai")


def test_what_no_run_would_take_is_refused(two: Parts):
    """A mistyped day must not look like done."""
    with pytest.raises(Refused, match="đã qua"):
        pausing.pause_all(two, BY, why=WHY, until=date(2020, 1, 1), now=w.LATE)


def test_a_run_that_cannot_be_read_keeps_no_other_from_being_paused(two: Parts):
    """It is not chased either, and is named."""
    with two.database.writing() as connection:
        broken = "UPDATE ledger SET kind = 'odd' WHERE run = 'nho' AND kind = 'stage-opened'"
        connection.execute(text(broken))

    paused = pausing.pause_all(two, Source("quản trị"), why=WHY, now=w.LATE)

    assert (paused.done, paused.unreadable) == (("nho-hai",), ("nho",))
