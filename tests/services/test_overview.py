"""Overview: the active runs side by side, the worst first."""

from __future__ import annotations

from services.views import board, overview
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import start, submit
from tests.services.written import LATE, START

OTHER = w.bundle(plan="nho-hai")


def test_several_runs_are_listed_the_worst_first(parts: Parts):
    """Its counts are those that each run's own board shows."""
    start(parts)
    alone = overview.has_several(parts)
    submit(parts, "reports/report/a", "reports/report/b", run="nho", now=START)
    start(parts, OTHER)

    seen = overview.read(parts, LATE, limit=overview.MOST_ROWS)

    assert not alone
    assert overview.has_several(parts)
    assert [one.run.id for one in seen.loads] == ["nho-hai", "nho"]
    assert seen.count == 2
    for load in seen.loads:
        shown = board.read(parts, load.run.id, LATE)
        assert load.overdue == len(shown.late) > 0
        assert load.open == sum(row.obligation.is_open for row in shown.rows)


def test_no_more_than_fit_are_read_and_all_are_counted(parts: Parts):
    """A thousand runs must not fill the screen."""
    start(parts)
    start(parts, OTHER)

    seen = overview.read(parts, LATE, limit=1)

    assert (len(seen.loads), seen.count) == (1, 2)


def test_programs_get_instants_with_their_offsets(parts: Parts):
    """As everywhere in what other programs build on."""
    start(parts)

    (one,) = overview.as_json(overview.read(parts, LATE, limit=None))

    assert (one["run"], one["plan"], one["number"]) == ("nho", "nho", "1/KH-UBND")
    assert one["late_since"] == "2020-05-10T00:00:00+07:00"
    assert one["next_wake_at"].endswith("+07:00")
    assert one["as_of"] == LATE.isoformat()
