"""Start: begin a run of a plan, and show its stages."""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import moment, office
from flows.chase import chase
from flows.refusals import as_state
from language.catalogue import text
from plan_definitions import Bundle
from services import board, runs


@flow(name="start-plan", flow_run_name="start {plan}", persist_result=False)
@as_state
async def start_plan(
    plan: str,
    by: str,
    started_at: datetime | None = None,
    run: str | None = None,
    now: datetime | None = None,
) -> State[Any]:
    """Start a run of a plan file. Starting it twice changes nothing.

    Args:
        plan: the path of the plan file
        by: who starts it
        started_at: lets the run begin in the past, as after an outage
        run: a name for the run; by default the plan's id
        now: for rehearsals; by default the present
    """
    parts = office.parts()
    now = now or moment.now(parts.settings)
    bundle = Bundle.read(Path(plan))
    started = runs.start(parts, bundle, now=now, by=by, started_at=started_at, run=run)
    await chase(now=now, show=started.run, return_state=True)
    language = parts.settings.language
    if not started.is_new:
        return Completed(message=text(language, "start.already", run=started.run))
    said = text(language, "start.started", run=started.run)
    seen = board.read(parts, started.run, now)
    if seen.late and started_at is None:
        # Started long after its dates: the ladder before the start is none, so say so.
        issued = seen.plan.issued.isoformat()
        said += "\n" + text(language, "start.late", count=len(seen.late), issued=issued)
    return Completed(message=said)
