"""Soak: a simulated year of plan runs through the real services, against the model of the tests.

    python -m benchmarks.soak --runs 1000 --seed 7 [--postgres | --database URL] [--together 100]

Random plans, submissions, returns, extensions, pauses, outages, and processes that are killed
while they chase. Every notice that should exist must exist once, and none that should not. Runs
live `--together` on one database, each time on an empty one: of SQLite in a folder of its own,
or created on the PostgreSQL server that the URL names (its user must be allowed to), or that
`--postgres` starts. What differs is shrunk and shown; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from tests import postgres
from tests.postgres import Postgres
from tests.soak.judge import Verdict, shrink, soak
from tests.soak.year import Violence, office

VIOLENCE = Violence(killed=0.05, doubled=0.05)
SHOWN = 3  # disagreements that are shrunk and shown


def main() -> int:
    """Soak, show progress and what it came to; return the exit code."""
    asked = _asked()
    logging.disable(logging.WARNING)
    with _databases(asked) as database:
        verdicts = []
        for first in range(asked.first, asked.first + asked.runs, asked.together):
            numbers = range(first, min(first + asked.together, asked.first + asked.runs))
            began = time.perf_counter()
            with database() as (home, url), office(home, url) as parts:
                progress = _progress(f"runs {numbers[0]}-{numbers[-1]}")
                verdict = soak(parts, asked.seed, numbers, violence=VIOLENCE, progress=progress)
            _tell(verdict, numbers, time.perf_counter() - began)
            verdicts.append(verdict)
    return _sum_up(verdicts, asked.seed)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A simulated year against an independent model.")
    parser.add_argument("--runs", type=int, default=1000, help="how many plan runs")
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--together", type=int, default=100, help="runs on one database")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", default="", help="URL of a PostgreSQL server to use")
    where.add_argument("--postgres", action="store_true", help="start a PostgreSQL of its own")
    return parser.parse_args()


@contextmanager
def _databases(asked: argparse.Namespace) -> Iterator[Callable[[], _Place]]:
    """Give what makes an empty database and a home, each time it is called."""
    with ExitStack() as stack:
        server = None
        if asked.postgres:
            server = stack.enter_context(postgres.serve())
        elif asked.database:
            server = Postgres(make_url(asked.database))
        yield lambda: _Place(server)


class _Place:
    """A home folder and an empty database, gone afterwards."""

    def __init__(self, server: Postgres | None) -> None:
        self.server, self.stack = server, ExitStack()

    def __enter__(self) -> tuple[Path, str]:
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="dondoc-soak-")))
        if self.server is None:
            return home, ""
        url = self.stack.enter_context(self.server.database())
        return home, url.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        self.stack.close()


def _progress(what: str) -> Callable[[datetime], None]:
    """Return what tells on a terminal which week it is, else nothing."""
    week = ""

    def tell(now: datetime) -> None:
        nonlocal week
        if sys.stderr.isatty() and (new := f"{now:%G week %V}") != week:
            week = new
            print(f"\r{what}: {week} ", end="", file=sys.stderr, flush=True)

    return tell


def _tell(verdict: Verdict, numbers: range, seconds: float) -> None:
    tally = verdict.tally
    print(
        f"runs {numbers[0]}-{numbers[-1]}: {verdict.acts} entries recorded"
        f" ({tally.refused.total()} refused), {tally.wakes} wake-ups,"
        f" {tally.killed} processes killed, {tally.doubled} twice at once, {tally.downs} downs;"
        f" {verdict.notices} notices ({verdict.superseded} superseded) in {verdict.mails} mails,"
        f" {verdict.extra} extra copies; {len(verdict.disagreements)} runs differ; {seconds:.0f} s",
        flush=True,
    )


def _sum_up(verdicts: list[Verdict], seed: int) -> int:
    found = [one for verdict in verdicts for one in verdict.disagreements]
    lost = sorted(one for verdict in verdicts for one in verdict.lost)
    stray = sorted(one for verdict in verdicts for one in verdict.stray)
    runs = sum(verdict.runs for verdict in verdicts)
    for one in found[:SHOWN]:
        print(f"\nseed {seed}: {shrink(one)}")
    for one in found[SHOWN:]:
        print(f"\nseed {seed}, run {one.case.sketch.run}: {len(one.lines)} differences")
    for words, mails in (("marked as sent, but never sent", lost), ("sent, not marked", stray)):
        if mails:
            print(f"\n{words}: {', '.join(mails)}")
    print(
        f"\nseed {seed}: {runs} plan runs, {sum(one.notices for one in verdicts)} notices,"
        f" {len(found)} runs differ, {len(lost)} mails lost, {len(stray)} stray"
    )
    return 1 if found or lost or stray else 0


if __name__ == "__main__":
    sys.exit(main())
