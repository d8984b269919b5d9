"""Morning: a large one through the real thing, `dondoc up` with its server, worker and clock.

    python -m benchmarks.morning --runs 1000 --due 10000 --chasers 1 4 [--eve]

Both databases are on PostgreSQL, mail goes to Postfix's `smtp-sink`. For each number of
chasers a fresh copy of the load lives through one morning: how long until every notice is
issued, every mail handed over, every plan run seen in Prefect at all, and shown as it
stands. With `--eve` all runs are shown the evening before, which is timed too: it is the
first time for all of them.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, and_, func, or_, select

from flows import moment
from flows.processes import free_port
from storage import ledger, plans, stage_runs
from storage.database import Database
from storage.outbox import OPEN, Status
from storage.tables import MESSAGES
from tests.postfix import Sink, sink
from tests.postgres import Postgres, serve

ROOT = Path(__file__).parent.parent
MORNING = datetime.fromisoformat("2026-05-11T08:00+07:00")
EVE = MORNING - timedelta(hours=9)
LOOK_EVERY = 1.0  # seconds
RUNS_ASKED = 1_000  # runs asked about in one query
OBLIGATIONS_OF_A_RUN = 80  # as the generated load has, about


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it has come: plan runs still due, mails still to go, plan runs still to be shown.

    Of these Prefect has nothing at all of those `unseen`; of the others it shows what was.
    """

    due: int
    mails: int
    unshown: int
    unseen: int


@dataclass
class Office:
    """`dondoc up` on a folder of its own, and the database that it works on."""

    home: Path
    database: Database
    environment: Mapping[str, str]

    @contextmanager
    def up(self, pretend: datetime) -> Iterator[None]:
        """Run it until the end."""
        command = [sys.executable, "-m", "cli.main", "up", "--pretend", pretend.isoformat()]
        up = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert up.stdout is not None
            if not any("Ctrl-C" in line for line in up.stdout):
                raise SystemExit("`dondoc up` did not start")
            yield
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(timeout=60)

    def standing(self) -> Standing:
        """Look how far it has come."""
        now = moment.wall() + moment.shift(self.home)
        with self.database.reading() as connection:
            return Standing(
                plans.count_due(connection, now, most=1_000_000),
                _mails(connection, now),
                *_unshown(connection),
            )

    def watch(self, at_most: float, told: Callable[[float, Standing], None]) -> dict[str, float]:
        """Wait until all is done, or for `at_most` seconds; return when each thing was."""
        began, done = time.monotonic(), dict[str, float]()
        while len(done) < 4 and time.monotonic() - began < at_most:
            time.sleep(LOOK_EVERY)
            found = self.standing()
            spent = time.monotonic() - began
            told(spent, found)
            if not found.unseen:
                done.setdefault("seen", spent)
            if not found.due:
                done.setdefault("issued", spent)
                if not found.mails:
                    done.setdefault("mailed", spent)
                if not found.unshown:
                    done.setdefault("shown", spent)
        return done


def _mails(connection: Connection, now: datetime) -> int:
    columns = MESSAGES.c
    waiting = and_(columns.status.in_(OPEN), columns.next_try_at <= now)
    query = select(func.count()).where(or_(waiting, columns.status == Status.SENDING.value))
    return int(connection.execute(query).scalar_one())


def _unshown(connection: Connection) -> tuple[int, int]:
    """Count the active runs whose mark is behind their ledger, and those that have none."""
    count, none, cursor = 0, 0, ""
    while runs := plans.active_after(connection, cursor, limit=RUNS_ASKED):
        last = ledger.places(connection, runs)
        marks = stage_runs.marks(connection, runs)
        count += sum(run not in marks or marks[run].seq < last[run] for run in runs)
        none += sum(run not in marks for run in runs)
        cursor = runs[-1]
    return count, none


@contextmanager
def _office(
    postgres: Postgres, given: argparse.Namespace, chasers: int, to: Sink
) -> Iterator[Office]:
    """Load a database, and give the office that works on it."""
    with (
        postgres.database() as ours,
        postgres.database() as prefects,
        tempfile.TemporaryDirectory(prefix="dondoc-morning-") as folder,
    ):
        url = ours.render_as_string(hide_password=False)
        load = ["--database", url, "--due", str(given.due), "--due-runs", str(given.runs)]
        load += ["--obligations", str(given.obligations or OBLIGATIONS_OF_A_RUN * given.runs)]
        load += ["--at", MORNING.isoformat()]
        subprocess.run([sys.executable, "-m", "benchmarks.load", *load], cwd=ROOT, check=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DONDOC_"))}
        own = prefects.set(drivername="postgresql+asyncpg")
        settings = {
            "DONDOC_HOME": folder,
            "DONDOC_DATABASE_URL": url,
            "DONDOC_PREFECT_DATABASE_URL": own.render_as_string(hide_password=False),
            "DONDOC_SERVER_PORT": str(free_port()),
            "DONDOC_SMTP_HOST": to.host,
            "DONDOC_SMTP_PORT": str(to.port),
            "DONDOC_SMTP_TLS": "off",
            "DONDOC_CHASERS": str(chasers),
            "PYTHONPATH": str(ROOT),
        }
        database = Database(url)
        try:
            yield Office(Path(folder), database, kept | settings)
        finally:
            database.close()


def _live(office: Office, given: argparse.Namespace, console: Console) -> dict[str, float]:
    def told(spent: float, found: Standing) -> None:
        if int(spent) % 10 == 0:
            said = f"{spent:6.0f} s: {found.due} runs due, {found.mails} mails to go,"
            console.print(
                f"{said} {found.unshown} runs to be shown, {found.unseen} not seen at all"
            )

    found: dict[str, float] = {}
    with office.up(EVE if given.eve else MORNING - timedelta(seconds=5)):
        if given.eve:
            found["first shown"] = office.watch(given.at_most, told).get("shown", float("nan"))
            moment.pretend(office.home, MORNING)
        began = office.standing()
        console.print(f"morning: {began}")
        return found | office.watch(given.at_most, told)


def main() -> int:
    """Measure, and print a table."""
    given = _parser().parse_args()
    console = Console(stderr=True)
    table = Table("chasers", "first shown", "issued", "mailed", "seen", "shown", title="seconds")
    with serve() as postgres, sink(keep=False) as to:
        for chasers in given.chasers:
            with _office(postgres, given, chasers, to) as office:
                found = _live(office, given, console)
                names = ("first shown", "issued", "mailed", "seen", "shown")
                cells = [f"{found[name]:.0f}" if name in found else "-" for name in names]
                table.add_row(str(chasers), *cells)
                for log in (given.logs and office.home.glob("prefect/*.log")) or ():
                    (given.logs / f"{chasers}-{log.name}").write_bytes(log.read_bytes())
    Console().print(table)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morning", description=_WHAT)
    parser.add_argument("--runs", type=int, default=1_000, help="plan runs that wake")
    parser.add_argument("--due", type=int, default=10_000, help="obligations that are due")
    parser.add_argument("--obligations", type=int, help="obligations in all")
    parser.add_argument("--chasers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--at-most", type=float, default=1_800, help="seconds for each morning")
    parser.add_argument("--eve", action="store_true", help="show all runs the evening before")
    parser.add_argument("--logs", type=Path, help="a folder to keep the logs in")
    return parser


_WHAT = "Time a large morning from due to issued, mailed and shown, through the real flows."


if __name__ == "__main__":
    sys.exit(main())
