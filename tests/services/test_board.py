"""Board: the stages' names, the counts, and how it stood then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from plan_definitions import load, load_scenario
from services import recording
from services.views import board
from services.views.board import Board, Tally
from services.views.stage_views import MOST_NAMES
from services.wiring import Parts
from tests.services import written as w
from tests.services.living import live_through
from tests.services.office import BY, Offices, start, submit, wake

PLAN_37 = load(w.real())
PLAUSIBLE = load_scenario(w.SCENARIOS / "plausible.yaml", PLAN_37)
RUN = "kh37-2020"


@pytest.fixture(scope="module")
def lived(lasting_office: Offices):
    """Plan 37 after its whole scenario, mail delivered."""
    with lasting_office() as parts:
        live_through(parts, w.real(), PLAUSIBLE, mailing=True)
        yield parts


def names(seen: Board) -> list[str]:
    """Return the stages' names in the list of runs."""
    return [stage.name for stage in seen.stages]


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        ("2020-04-06 08:00", ["Waiting 0/27", "Blocked", "Blocked", "Blocked"]),
        ("2020-05-08 23:59", ["Waiting 21/27", "Blocked", "Blocked", "Blocked"]),
        ("2020-05-13 12:00", ["Overdue 2/27", "Blocked", "Blocked", "Blocked"]),
        ("2020-05-14 10:25", ["Done 25/27", "Waiting 0/25", "Blocked", "Blocked"]),
        ("2020-06-01 08:00", ["Done 25/27", "Done 23/25", "Waiting 0/1", "Blocked"]),
        ("2020-06-10 00:00", ["Done 25/27", "Done 23/25", "Done 1/1", "Awaiting event"]),
        ("2021-07-16 09:30", ["Done 25/27", "Done 23/25", "Done 1/1", "Waiting 0/1"]),
        ("2021-08-13 14:20", ["Done 25/27", "Done 23/25", "Done 1/1", "Done 1/1"]),
    ],
)
def test_each_stage_says_at_a_glance_where_it_stands(lived: Parts, when: str, shown: list[str]):
    """As the ledger stood then; the names are ASCII for the sake of the run list's font."""
    moment = w.at(when)

    seen = board.read(lived, RUN, w.at("2021-08-31 17:00"), as_of=moment)

    assert names(seen) == shown
    assert all(stage.name.isascii() for stage in seen.stages)
    assert all(stage.message for stage in seen.stages)


@pytest.mark.parametrize(("missing", "name"), [(27, "Overdue 27/27"), (3, "Overdue 3/27")])
def test_overdue_counts_and_names_the_late(parts: Parts, missing: int, name: str):
    """An operator sees whom to call: with 24 of 27 in, the quorum of 25 is not reached."""
    owing = [key for key in PLAN_37.obligations if key.startswith("agency-reports/final-report/")]
    start(parts, w.real())
    submit(parts, *owing[missing:], run=RUN, now=w.EVE)

    before = board.read(parts, RUN, w.at("2020-05-09 23:59")).stages[0]
    stage = board.read(parts, RUN, w.LATE).stages[0]

    assert before.name == f"Waiting {27 - missing}/27"
    assert stage.name == name
    assert stage.missing == tuple(key.rsplit("/", 1)[1] for key in owing[:missing])
    for agency in stage.missing[:MOST_NAMES]:
        assert PLAN_37.agencies[agency].name in stage.message
    assert ("15 cơ quan khác" in stage.message) is (missing == 27)
    assert "lâu nhất từ ngày 10/5/2020" in stage.message


def test_the_counts_add_up(lived: Parts):
    """Owed = on time + late + missing, for each agency and in all, at any time."""
    for when in ("2020-04-06 08:00", "2020-05-12 12:00", "2020-06-10 00:00", "2021-08-31 17:00"):
        seen = board.read(lived, RUN, w.at("2021-08-31 17:00"), as_of=w.at(when))
        tallies = [*seen.tallies().values(), seen.total()]
        for tally in tallies:
            assert tally.owed == tally.on_time + tally.late + tally.missing
        assert sum(tally.owed for tally in seen.tallies().values()) == seen.total().owed == 90


def test_the_counts_at_the_end_are_those_of_the_scenario(lived: Parts):
    """Five were late with the report, one never answered about rewards."""
    seen = board.read(lived, RUN, w.at("2021-08-31 17:00"))

    total = seen.total()
    assert (total.owed, total.late, total.missing) == (90, 5, 1)
    assert seen.tallies()["bql-kcn"].missing == 1
    summary = board.summary(seen)
    assert summary["all"] == {"owed": 90, "on_time": 84, "late": 5, "missing": 1}
    assert summary["agencies"]["huyen-yen-son"]["late"] == 1
    assert summary["stages"][0]["missing"] == [
        "agency-reports/final-report/huyen-na-hang",
        "agency-reports/final-report/huyen-yen-son",
    ]
    assert summary["events"]["government.programme-issued"]["document"] == "76/NQ-CP"
    assert summary["events"]["government.programme-issued"]["date"] == "2021-07-15"


def test_a_waived_obligation_is_not_owed(small: Parts):
    """It is neither on time nor missing."""
    recording.waive(small, "nho", w.REPORT_A, BY, why="Giải thể", now=w.EVE)

    seen = board.read(small, "nho", w.EVE)

    assert seen.total().owed == 6
    assert seen.tallies()["a"].owed == 2


def test_as_of_shows_what_was_known_then(small: Parts):
    """What was recorded later, although dated before, was not known."""
    wake(small, w.START)
    wake(small, w.EVE)
    day = w.at("2020-05-07 00:00").date()
    submit(small, w.REPORT_A, now=w.LATE, dated=day)
    wake(small, w.LATE)

    then = board.read(small, "nho", w.LATE, as_of=w.EVE + timedelta(hours=1))
    now = board.read(small, "nho", w.LATE)

    assert then.now == w.EVE + timedelta(hours=1)
    assert (names(then)[0], names(now)[0]) == ("Waiting 0/3", "Overdue 2/3")
    assert max(one.sent_at for one in then.told) == w.EVE
    assert max(one.sent_at for one in now.told) == w.LATE
    assert {row.obligation.obligation.id for row in now.late} == {w.REPORT_B, w.REPORT_C}
    assert then.late == ()


def test_a_row_says_what_was_told_last_and_what_comes_next(small: Parts):
    """So that nobody asks the agency what it knows already."""
    wake(small, w.START)
    wake(small, w.EVE)

    row = board.read(small, "nho", w.EVE).rows[0]

    assert row.last_told is not None
    assert (row.last_told.rung, row.last_told.sent_at) == ("remind-0", w.EVE)
    assert row.next is not None
    assert (row.next.rung, row.next.at) == ("overdue-1", w.LATE)
    assert row.due is not None
    assert row.due.isoformat() == "2020-05-09"


def test_a_board_of_before_the_start_has_nothing_in_it(small: Parts):
    """Asked for a time at which nothing was recorded yet: no error, and nobody was told."""
    wake(small, w.START)

    seen = board.read(small, "nho", w.LATE, as_of=w.START - timedelta(days=1))

    assert [stage.opened_at for stage in seen.stages] == [None, None, None]
    assert seen.told == ()
    assert seen.total() == Tally(owed=7, missing=7)
