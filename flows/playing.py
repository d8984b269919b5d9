"""Playing: live through a scenario with the real flows, moment by moment of virtual time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogHandler

from engine.ledger import EntryKind
from engine.plan import Plan
from engine.rehearsal import Act, Scenario, start_of_run
from flows import clients, moment, office, record
from flows.chase import chase
from flows.rehearsal import Progress, Report
from flows.start import start_plan
from services import chasing
from services.errors import Refused
from services.views import board, reports
from services.views.reports import Outcome
from services.wiring import Parts
from storage import outbox, stage_runs

log = logging.getLogger(__name__)

RECORDER = "rehearsal"
SETTLE_TRIES = 300  # looks, five a second, that the last stage runs get to complete


async def play(plan_file: Path, plan: Plan, scenario: Scenario, report: Report) -> Outcome:
    """Start the plan, live through the scenario, and return what it came to.

    A worker has to be there, which completes the stage runs.
    """
    parts = office.parts()
    try:
        player = _Player(parts, plan, scenario, report)
        async with clients.shared():
            await player.play(plan_file)
            report(Progress("rehearse.settling", player.now, 1.0))
            await _settle(parts, plan.id)
        # What is still to be logged must reach the server while there is one.
        await APILogHandler.aflush()
        return reports.outcome(parts, plan.id, player.now)
    finally:
        office.close()


class _Player:
    """The loop: the next moment at which anything happens, until nothing more does."""

    def __init__(self, parts: Parts, plan: Plan, scenario: Scenario, report: Report) -> None:
        self.parts, self.plan, self.scenario, self.report = parts, plan, scenario, report
        self.acts = sorted(scenario.acts, key=lambda act: act.at)
        self.began = self.now = start_of_run(plan, scenario)
        last = max((act.at for act in self.acts), default=self.now)
        self.ends = scenario.until or last

    async def play(self, plan_file: Path) -> None:
        self._tell()
        _expect(await start_plan(plan=str(plan_file), by=RECORDER, now=self.now, return_state=True))
        while (following := self._following()) is not None:
            self.now = following
            await self._record()
            awake = self.scenario.awake(self.now) == self.now
            if awake and chasing.is_anything_due(self.parts, self.now):
                _expect(await chase(now=self.now, return_state=True))
            self._tell()

    def _following(self) -> datetime | None:
        moments = [act.at for act in self.acts[:1]]
        wake = chasing.next_wake(self.parts)
        if wake is not None:
            moments.append(self.scenario.awake(max(wake, self.now)))
        following = min(moments, default=None)
        if following is None or (self.scenario.until and following > self.scenario.until):
            return None
        return following

    async def _record(self) -> None:
        """Record what happens now, each through its flow; show the run once, at the last."""
        due = [act for act in self.acts if act.at <= self.now]
        self.acts = self.acts[len(due) :]
        for act in due:
            await self._do(act, show=act is due[-1])

    async def _do(self, act: Act, *, show: bool) -> None:
        name, parameters = _flow_of(act, self.plan)
        flow = getattr(record, name)
        _expect(await flow(by=RECORDER, now=act.at, show=show, return_state=True, **parameters))

    def _tell(self) -> None:
        with self.parts.database.reading() as connection:
            messages = outbox.count(connection)
        span = (self.ends - self.began).total_seconds() or 1.0
        share = min((self.now - self.began).total_seconds() / span, 1.0)
        local = self.now.astimezone(self.plan.zone)
        self.report(Progress("rehearse.living", local, share, messages))


def _flow_of(act: Act, plan: Plan) -> tuple[str, dict[str, Any]]:
    """Return the flow that records an act, and its parameters."""
    dated = act.happened_at.astimezone(plan.zone).date()
    if act.kind is EntryKind.EVENT_ANNOUNCED:
        announced = {"event": act.event, "document": act.document, "dated": dated}
        return "announce_event", announced | {"values": act.data.get("values", {})}
    what = {"obligation": act.obligation, "run": plan.id}
    why = {"why": act.data.get("reason", "")}
    document = {"document": act.document}
    match act.kind:
        case EntryKind.SUBMITTED:
            return "record_submission", what | document | {"dated": dated}
        case EntryKind.RETURNED:
            days = {"days": act.data.get("days")}
            return "return_report", what | why | days | document | {"dated": dated}
        case EntryKind.ACCEPTED:
            return "accept_report", what
        case EntryKind.EXTENDED:
            until = {"until": date.fromisoformat(act.data["until"])}
            return "extend_deadline", what | why | document | until
        case EntryKind.WAIVED:
            return "waive_obligation", what | why | document
        case _:
            raise ValueError(f"nobody does {act.kind.value} in a scenario")


def _expect(state: State[Any]) -> None:
    """A rehearsal in which something is refused or fails is at fault, and says so."""
    if not state.is_completed():
        raise Refused("error.plain", message=state.message or state.name or "")


async def _settle(parts: Parts, run: str) -> None:
    """Wait until Prefect has completed the stage runs of the stages that are done."""
    with parts.database.reading() as connection:
        shown = stage_runs.of_run(connection, run)
    done = {view.id for view in board.read(parts, run, moment.wall()).stages if view.is_done}
    async with get_client() as client:
        for _ in range(SETTLE_TRIES):
            with suppress(httpx.HTTPError):  # Prefect's SQLite may be busy: ask again
                runs = [
                    await client.read_flow_run(UUID(one.flow_run))
                    for stage, one in shown.items()
                    if stage in done and one.flow_run
                ]
                if all(one.state is not None and one.state.is_completed() for one in runs):
                    return
            await asyncio.sleep(0.2)
    # The story is whole in our database; only what Prefect shows of it is behind.
    log.warning("the stage runs are not completed yet", extra={"action": "not-settled"})
