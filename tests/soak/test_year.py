"""A year of random plan runs through the services, against the model; the long form is a benchmark.

`python -m benchmarks.soak` has a thousand of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services import chasing
from services.chasing import Chased
from services.wiring import Parts
from tests.postgres import Postgres
from tests.soak.judge import Case, Verdict, alone, differences, shrink, soak
from tests.soak.model import Happening, Outage
from tests.soak.plans import ZONE, Sketch, sketch
from tests.soak.year import Violence, office

SEED = 20
RUNS = 6
VIOLENT = Violence(killed=0.12, doubled=0.08)
MEMORY = Path("/dev/shm")  # where there is one: a year commits a thousand times
MOST_EXTRA = 8  # copies that the kill of a process makes at most (`delivering.UNMARKED`)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that costs no disk, where the system has such."""
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dondoc-soak-", dir=where) as made:
        yield Path(made)


def check(verdict: Verdict) -> None:
    """Every notice that should exist exists once, none that should not; and so does the mail."""
    told = "\n\n".join(f"seed {SEED}: {shrink(one)}" for one in verdict.disagreements[:1])
    assert not verdict.disagreements, told
    assert not verdict.lost
    assert not verdict.stray
    assert verdict.extra <= MOST_EXTRA * verdict.tally.killed
    assert verdict.notices > 50 * verdict.runs
    assert verdict.superseded > verdict.runs
    assert verdict.tally.killed
    assert verdict.tally.downs
    assert verdict.tally.doubled


def test_a_year_on_sqlite_tells_everybody_exactly_what_the_rules_say(folder: Path):
    """Through outages, kills, and two who chase at once; people record on meanwhile."""
    with office(folder) as parts:
        check(soak(parts, SEED, range(RUNS), violence=VIOLENT))


def test_a_year_on_postgresql_tells_everybody_exactly_what_the_rules_say(
    postgres: Postgres, folder: Path
):
    """The same promise where many write at once."""
    with postgres.database() as url:
        shared = url.render_as_string(hide_password=False)
        with office(folder, shared) as parts:
            check(soak(parts, SEED, range(RUNS, 2 * RUNS), violence=VIOLENT))


# ── that it would find a fault ──


def at(written: str) -> datetime:
    """Return an instant of the plans' zone."""
    return datetime.fromisoformat(written).replace(tzinfo=ZONE)


PLAIN = """\
plan: r0000
number: 1/KH-UBND
title: Kế hoạch
issued: 2024-01-02
issuer: tinh
coordinator: noi-vu
agencies: register.yaml
calendar: calendar.yaml
stages:
  s0:
    title: Bước 0
    tasks:
      t0: {title: Việc, by: [so-a, xa-m1], due: {by: 2024-03-15}, ladder: standard}
ladders:
  standard:
    remind: [5, 0]
    overdue: {first: 1, every: 1, at_most: 3}
    escalate:
      - {after: 1 working days, to: parent}
"""
STORY = (
    Happening(at("2024-03-11 10:00"), "part", "s0/t0/so-a", at("2024-03-11 00:00").date()),
    Happening(at("2024-03-13 10:00"), "submit", "s0/t0/so-a", at("2024-03-13 00:00").date()),
    Happening(at("2024-03-14 10:00"), "return", "s0/t0/so-a", at("2024-03-14 00:00").date()),
)
PLAIN_CASE = Case(
    Sketch("r0000", PLAIN, at("2024-03-01 08:00"), ()),
    at("2024-03-01 08:00"),
    STORY,
    (Outage(at("2024-03-08 07:00"), at("2024-03-09 07:00")),),
    until=at("2024-04-30 00:00"),
)


def test_a_plain_story_comes_out_as_it_is_reckoned_by_hand(folder: Path):
    """The model itself is held to a calendar: Friday 15 March 2024 is the last day."""
    story = PLAIN_CASE.judged()

    told = [
        (f"{one.at:%m-%d %H:%M}", one.obligation, one.round, one.rung, one.recipient)
        for one in story.issued
    ]
    assert sorted(told) == [
        ("03-01 08:00", "s0/t0/so-a", 1, "assign", "so-a"),
        ("03-01 08:00", "s0/t0/xa-m1", 1, "assign", "xa-m1"),
        ("03-11 08:00", "s0/t0/so-a", 1, "remind-5", "so-a"),
        ("03-11 08:00", "s0/t0/xa-m1", 1, "remind-5", "xa-m1"),
        ("03-14 10:00", "s0/t0/so-a", 2, "returned", "so-a"),
        ("03-15 08:00", "s0/t0/so-a", 2, "remind-0", "so-a"),
        ("03-15 08:00", "s0/t0/xa-m1", 1, "remind-0", "xa-m1"),
        ("03-18 08:00", "s0/t0/so-a", 2, "escalate-1", "noi-vu"),
        ("03-18 08:00", "s0/t0/so-a", 2, "overdue-1", "so-a"),
        ("03-18 08:00", "s0/t0/xa-m1", 1, "escalate-1", "huyen-m"),
        ("03-18 08:00", "s0/t0/xa-m1", 1, "overdue-1", "xa-m1"),
        ("03-19 08:00", "s0/t0/so-a", 2, "overdue-2", "so-a"),
        ("03-19 08:00", "s0/t0/xa-m1", 1, "overdue-2", "xa-m1"),
        ("03-20 08:00", "s0/t0/so-a", 2, "overdue-3", "so-a"),
        ("03-20 08:00", "s0/t0/xa-m1", 1, "overdue-3", "xa-m1"),
    ]
    assert alone(PLAIN_CASE, folder) is None


def test_a_notice_at_the_wrong_time_is_found_and_the_story_shrunk_to_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, folder: Path
):
    """A soak that finds nothing is worth what it would have found."""
    whole = chasing.issue_notices

    def tardy(parts: Parts, now: datetime) -> list[Chased]:
        """Come a minute late on one day: that of the return."""
        return whole(parts, now + timedelta(minutes=now.date() == at("2024-03-14 00:00").date()))

    monkeypatch.setattr(chasing, "issue_notices", tardy)

    found = alone(PLAIN_CASE, folder)

    assert found is not None
    smallest = shrink(found)
    assert [one.what for one in smallest.case.happenings] == ["submit", "return"]
    assert smallest.case.outages == ()
    issued = [line for line in smallest.lines if " issued " in line and "returned" in line]
    assert [(line[2], line[-8:]) for line in issued] == [("-", "10:00:00"), ("+", "10:01:00")]
    assert "2024-03-14 10:00:00 return s0/t0/so-a (dated 2024-03-14)" in str(smallest)


def test_a_notice_too_many_is_found():
    """What goes out again because it was forgotten that it had gone out is a second one."""
    said = PLAIN_CASE.judged()
    assert not differences(said, PLAIN_CASE.judged())

    said.issued.append(said.issued[0])
    said.closed.add("s0/t0/xa-m1")

    again, closed = differences(PLAIN_CASE.judged(), said)
    assert again.startswith("  + issued obligation=s0/t0/")
    assert closed == "  + closed s0/t0/xa-m1"


def test_a_seed_always_draws_the_same_year():
    """What is reported with its seed can be looked at again."""
    again = sketch(3, 5)

    assert again == sketch(3, 5)
    assert again.acts
    assert again.text != sketch(3, 6).text
    assert all(one.at - again.start < timedelta(days=420) for one in again.acts)
