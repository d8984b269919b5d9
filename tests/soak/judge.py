"""Judge: what the services did beside what the model says; the smallest history that differs."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from services.wiring import Parts
from tests.soak import model
from tests.soak.model import Happening, Outage, Story
from tests.soak.plans import ZONE, Act, Sketch, sketch
from tests.soak.year import Stuck, Tally, Violence, Year, copies, office, plan_of, told_by

UNTIL = datetime(2025, 2, 28, 23, 59, 30, tzinfo=ZONE)
"""A year after the last run has started."""
TRIES = 400  # smaller histories that are tried


@dataclass(frozen=True)
class Case:
    """A run by itself: its plan, what was recorded, and when nothing woke."""

    sketch: Sketch
    start: datetime
    happenings: tuple[Happening, ...]
    outages: tuple[Outage, ...]
    until: datetime = UNTIL

    def judged(self) -> Story:
        """Return what the model says came of it."""
        return model.play(
            plan_of(self.sketch),
            start=self.start,
            until=self.until,
            happenings=self.happenings,
            outages=self.outages,
        )


@dataclass(frozen=True)
class Disagreement:
    """A run in which the services and the model differ."""

    case: Case
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Show the plan, the history, and both answers."""
        case = self.case
        told = [f"  {_said(one.at)} {one.what} {one.whom}{_more(one)}" for one in case.happenings]
        down = [f"  {_said(one.begins)} – {_said(one.ends)}" for one in case.outages]
        return "\n".join(
            [
                f"run {case.sketch.run}, started {_said(case.start)}",
                case.sketch.text,
                "recorded:",
                *told,
                "down:",
                *down,
                "differences (- the model, + the services):",
                *self.lines,
            ]
        )


def _more(one: Happening) -> str:
    more = [f"dated {one.dated}"]
    more += [] if one.days is None else [f"days {one.days}"]
    more += [] if one.until is None else [f"until {one.until}"]
    return f" ({', '.join(more)})"


def differences(wanted: Story, found: Story) -> tuple[str, ...]:
    """Return what only one of the two says, a line each; nothing where they agree."""
    lines: list[str] = []
    for name in ("issued", "superseded", "mails"):
        lines += _apart(name, getattr(wanted, name), getattr(found, name))
    for name in ("opened", "done", "missing", "due"):
        lines += _apart(name, getattr(wanted, name).items(), getattr(found, name).items())
    lines += _apart("closed", wanted.closed, found.closed)
    lines += _apart("completed", [wanted.completed], [found.completed])
    return tuple(lines)


def _apart(name: str, wanted: Iterable[object], found: Iterable[object]) -> Iterator[str]:
    ours, theirs = Counter(map(_said, wanted)), Counter(map(_said, found))
    yield from (f"  - {name} {one}" for one in sorted((ours - theirs).elements()))
    yield from (f"  + {name} {one}" for one in sorted((theirs - ours).elements()))


def _said(one: object) -> str:
    """Say a value in one line, instants on the plans' clock."""
    if isinstance(one, datetime):
        return f"{one.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    if isinstance(one, frozenset):
        return ",".join(sorted(one))
    if isinstance(one, tuple):
        return " ".join(map(_said, one))
    values = getattr(one, "__dict__", None)
    return str(one) if values is None else " ".join(f"{k}={_said(v)}" for k, v in values.items())


@dataclass
class Verdict:
    """What a soak came to."""

    runs: int
    notices: int
    superseded: int
    mails: int
    acts: int
    extra: int
    tally: Tally
    disagreements: list[Disagreement]
    lost: set[str]
    stray: set[str]


def soak(
    parts: Parts,
    seed: int,
    numbers: Sequence[int],
    *,
    violence: Violence,
    progress: Callable[[datetime], None] = lambda _now: None,
) -> Verdict:
    """Live through a year of the plan runs of a seed, and judge each of them."""
    drawn = random.Random(f"{seed}/{min(numbers)}-{max(numbers)}")
    year = Year(
        parts,
        [sketch(seed, number) for number in numbers],
        until=UNTIL,
        outages=outages(drawn),
        violence=violence,
        drawn=drawn,
        progress=progress,
    )
    general = tuple(year.outages)
    year.live()
    verdict = Verdict(len(numbers), 0, 0, 0, 0, 0, year.tally, [], set(), set())
    verdict.extra, verdict.lost, verdict.stray = copies(parts, year.mails)
    for run, one in year.sketches.items():
        found = told_by(parts, run)
        verdict.notices += len(found.issued)
        verdict.superseded += len(found.superseded)
        verdict.mails += len(found.mails)
        verdict.acts += len(year.histories[run])
        case = Case(
            one,
            year.started[run],
            tuple(year.histories[run]),
            (*general, *year.blackouts[run]),
        )
        if lines := differences(case.judged(), found):
            verdict.disagreements.append(Disagreement(case, lines))
    return verdict


def outages(drawn: random.Random) -> list[Outage]:
    """Draw the outages of a year: from an hour to two weeks."""
    found = []
    for _ in range(drawn.randint(2, 9)):
        begins = datetime(2024, 1, 3, 0, 0, 30, tzinfo=ZONE)
        begins += timedelta(minutes=drawn.randrange(360 * 24 * 60))
        found.append(Outage(begins, begins + timedelta(hours=round(2 ** drawn.uniform(0, 8.4)))))
    return found


# ── the smallest history ──


def alone(case: Case, folder: Path) -> Disagreement | None:
    """Live a case through by itself, without any kill; return what differs."""
    acts = tuple(
        Act(one.at, one.what, one.whom, one.dated, one.days, one.until, ASKED)
        for one in case.happenings
    )
    whole = tuple(_whole(outage) for outage in case.outages)
    one = replace(case.sketch, start=case.start, acts=acts)
    with office(folder) as parts:
        year = Year(parts, [one], until=case.until, outages=whole)
        try:
            year.live()
        except Stuck as stuck:
            return Disagreement(case, (f"  + stuck: {stuck}",))
        taken = tuple(year.histories[one.run])
        found = told_by(parts, one.run)
    again = replace(case, happenings=taken, outages=whole)
    lines = differences(again.judged(), found)
    return Disagreement(again, lines) if lines else None


ASKED = (("ky", "2021-2030"),)


def _whole(outage: Outage) -> Outage:
    """Let an outage begin a second after the wake-up that came through."""
    if not outage.after:
        return outage
    return Outage(outage.begins + timedelta(seconds=1), outage.ends)


def shrink(found: Disagreement, tries: int = TRIES) -> Disagreement:
    """Take away whatever does not make it agree; one that agrees by itself stays as it is."""
    left = tries

    def attempt(case: Case) -> Disagreement | None:
        nonlocal left
        left -= 1
        with _folder() as folder:
            return alone(case, folder)

    smallest = attempt(found.case)
    if smallest is None:
        return found
    size = max(len(smallest.case.happenings), len(smallest.case.outages))
    while size and left > 0:
        for name in ("outages", "happenings"):
            place = 0
            while place < len(getattr(smallest.case, name)) and left > 0:
                kept = getattr(smallest.case, name)
                fewer = kept[:place] + kept[place + size :]
                smaller = attempt(replace(smallest.case, **{name: fewer}))
                if smaller is None:
                    place += size
                else:
                    smallest = smaller
        size //= 2
    return smallest


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dondoc-soak-") as folder:
        yield Path(folder)
