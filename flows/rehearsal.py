"""Rehearsal: a whole plan through the real flows and real mail, under a virtual clock.

A Prefect server and a worker of its own, the flows in this process, mail over SMTP into
a Maildir. Everything is made in a folder beside the result and moved into place at the
end: an interrupted rehearsal leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.plan import Plan
from engine.rehearsal import Scenario
from flows import client, processes
from flows.processes import Address
from services.errors import Refused
from services.views import reports
from services.views.reports import Outcome

MARKER = ".dondoc-rehearsal"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rehearsal is: its step (a key of the catalogue), virtual time and share."""

    step: str
    now: datetime | None = None
    share: float = 0.0
    messages: int = 0


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal came to, and where it lies."""

    outcome: Outcome
    folder: Path
    mailbox: Path


def rehearse(
    plan_file: Path,
    plan: Plan,
    scenario: Scenario,
    *,
    out: Path,
    mailbox: Path | None,
    report: Report,
) -> Rehearsed:
    """Rehearse a plan, and leave messages, ledger, summary and mail in `out`.

    Raises Refused where `out` holds something else than a rehearsal, Unavailable where
    Prefect does not start, KeyboardInterrupt or SystemExit where it is interrupted.
    """
    with _prepared(out) as work:
        home = work / "home"
        address = Address(client.prefect_home(home), processes.free_port())
        os.environ.update(address.environment() | client.QUIET | FAST | _settings(home, work))
        outcome = asyncio.run(_run(plan_file.resolve(), plan, scenario, address, report))
        reports.write(work, outcome)
        _into_place(work, out)
    folder = out / "mailbox"
    if mailbox is not None:
        _merge(folder, mailbox)
        folder = mailbox
    return Rehearsed(outcome, out, folder)


def _settings(home: Path, work: Path) -> dict[str, str]:
    """The installation that a rehearsal is: its own folder, its own mailbox, nobody mailed."""
    return {
        "DONDOC_HOME": str(home),
        "DONDOC_MAILBOX": str(work / "mailbox"),
        "DONDOC_SMTP_HOST": "",
        "DONDOC_DATABASE_URL": "",
    }


# A rehearsal runs as fast as it can; these would write to Prefect's SQLite beside it.
FAST = {
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
}
SELDOM = {"PREFECT_WORKER_QUERY_SECONDS": "1"}  # the worker has little to do


@contextmanager
def _prepared(out: Path) -> Iterator[Path]:
    """Give a folder to work in; what is left of it afterwards is removed, whatever happens."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / MARKER).exists():
        raise Refused("refused.folder-not-empty", folder=str(out))
    work = out.resolve().with_name(f"{out.name}.partial-{os.getpid()}")
    work.mkdir(parents=True)
    (work / MARKER).touch()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _into_place(work: Path, out: Path) -> None:
    if out.exists():
        shutil.rmtree(out)
    work.rename(out)


def _merge(source: Path, target: Path) -> None:
    """Move the mail of one Maildir into another."""
    for folder in ("tmp", "new", "cur"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("new", "cur"):
        for mail in sorted((source / folder).iterdir()):
            shutil.move(mail, target / folder / mail.name)
    shutil.rmtree(source)


async def _run(
    plan_file: Path, plan: Plan, scenario: Scenario, address: Address, report: Report
) -> Outcome:
    """Start the server and the worker, play the scenario, and stop them whatever happens."""
    playing = asyncio.current_task()
    assert playing is not None
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, playing.cancel)
    server, worker = processes.server(address, FAST), processes.worker(address, SELDOM)
    deploying: asyncio.Task[None] | None = None
    try:
        report(Progress("rehearse.server"))
        server.start()
        ready = asyncio.Event()
        deploying = asyncio.create_task(processes.deploy(address, once=ready.wait))
        # Prefect reads its settings when it is imported: not before they stand.
        stage_play = await asyncio.to_thread(importlib.import_module, "flows.playing")
        await processes.wait_until_ready(address, server)
        report(Progress("rehearse.deploy"))
        ready.set()
        await deploying
        # It completes the stage runs that are resumed, beside what goes on here.
        worker.start()
        outcome: Outcome = await stage_play.play(plan_file, plan, scenario, report)
        return outcome
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        if deploying is not None:
            deploying.cancel()
            await asyncio.gather(deploying, return_exceptions=True)
        await worker.stop()
        await server.stop()
